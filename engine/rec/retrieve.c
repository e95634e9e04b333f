/*
 * Reading a record, or the copy that is being changed (ESE: recget.cxx). The record's page stays
 * latched while a value is read out of it, long values included: their tree comes after the table's
 * (txn/inst.h).
 */
#include "rec/fucb_priv.h"

#include <stdlib.h>

#include "rec/retrieve_priv.h"

#define GRBITS                                                                             \
    (JET_bitRetrieveCopy | JET_bitRetrieveFromIndex | JET_bitRetrieveFromPrimaryBookmark | \
     JET_bitRetrieveTag | JET_bitRetrieveNull | JET_bitRetrieveIgnoreDefault |             \
     JET_bitRetrieveLongId | JET_bitRetrieveLongValueRefCount | JET_bitRetrieveTuple |     \
     JET_bitRetrievePhysicalSize)

/* ---- long values ----------------------------------------------------------------------------- */

/* The tree goes with the transaction that made it, when that rolls back (fcb_lv.c). */
static bool lv_is_there(const struct fucb *c)
{
    const struct tree *t = atomic_load_explicit(&c->fcb->lv, memory_order_acquire);

    return t && t == c->lv.tree && t->objid == c->lv.objid;
}

JET_ERR fucb_lv(struct fucb *c, bool make, struct lv_tree **ret)
{
    const uint32_t chunk =
        c->fcb->def.lv_chunk ? c->fcb->def.lv_chunk : lv_chunk_default(c->db->page_size);
    struct tree *t;
    JET_ERR err;

    *ret = &c->lv;
    if (lv_is_there(c))
        return JET_errSuccess;
    lv_tree_done(&c->lv);
    err = fcb_lv_tree(c->sess, c->fcb, make, &t);
    if (err < 0)
        return err;
    if (!t)
        return RAISE(JET_errLVCorrupted);
    return lv_tree_init(&c->lv, c->sess, t, chunk);
}

/* Compressed bytes made plain, in memory that the caller frees. */
static JET_ERR unpack(struct slice in, uint8_t **ret, uint32_t *ret_len)
{
    uint8_t *plain = malloc(DECOMPRESS_MAX);
    const char *what;

    *ret = plain;
    return plain ? decompress(in, plain, DECOMPRESS_MAX, ret_len, &what)
                 : RAISE(JET_errOutOfMemory);
}

/* The first cap bytes of them. */
static JET_ERR fetch_packed(struct slice in, uint8_t *buf, uint32_t cap, uint32_t *ret_len)
{
    uint8_t *plain;
    uint32_t len = 0;
    JET_ERR err = unpack(in, &plain, &len);

    if (err >= 0) {
        *ret_len = len < cap ? len : cap;
        memcpy(buf, plain, *ret_len);
    }
    free(plain);
    return err;
}

JET_ERR fucb_fetch(void *fucb, const struct value *v, uint8_t *buf, uint32_t cap, uint32_t *ret_len)
{
    struct fucb *c = fucb;
    struct lv_tree *lv;
    JET_ERR err;

    if (v->encrypted)
        return RAISE(JET_errColumnNoEncryptionKey);
    if (v->compressed)
        return fetch_packed(v->data, buf, cap, ret_len);
    if (!v->separated) {
        *ret_len = v->data.len < cap ? v->data.len : cap;
        memcpy(buf, v->data.p, *ret_len);
        return JET_errSuccess;
    }
    err = fucb_lv(c, false, &lv);
    return err < 0 ? err : lv_read(lv, lid_decode(v->data), 0, buf, cap, ret_len, NULL);
}

/* ---- the record in question ------------------------------------------------------------------ */

JET_ERR source_open(struct fucb *c, uint32_t grbit, struct source *s)
{
    struct dir_node n = {0};
    enum tagged_layout layout;
    const char *what;
    JET_ERR err;

    memset(s, 0, sizeof(*s));
    if (grbit & JET_bitRetrieveCopy && c->prep != FUCB_PREP_NONE) {
        s->copy = true;
        s->tdb = c->copy->tdb;
        what = recview_init(&s->view, recbuf_bytes(&c->copy->rb), c->copy->rb.layout);
        return what ? RAISE(JET_errDatabaseCorrupted) : JET_errSuccess;
    }
    err = fucb_get(c, &n, &layout);
    if (err < 0)
        return err;
    s->tdb = c->tdb;
    s->from_image = n.from_image;
    what = recview_init(&s->view, n.data, layout);
    if (what) {
        err = fault(&c->db->inst->r, JET_errDatabaseCorrupted, 0, n.pgno, ESE_NO_OFFSET,
                    "a record of table %s: %s", c->fcb->def.name, what);
        source_close(c, s);
    }
    return err;
}

JET_ERR source_detach(struct fucb *c, struct source *s)
{
    const struct slice now = s->view.record.bytes;

    if (s->copy || s->own)
        return JET_errSuccess;
    s->own = malloc(now.len + 1);
    if (!s->own)
        return RAISE(JET_errOutOfMemory);
    memcpy(s->own, now.p, now.len);
    dir_release(&c->data);
    /* sound before, sound now */
    return recview_init(&s->view, (struct slice){s->own, now.len}, s->view.layout)
               ? RAISE(JET_errDatabaseCorrupted)
               : JET_errSuccess;
}

void source_close(struct fucb *c, struct source *s)
{
    if (!s->copy)
        dir_release(&c->data);
    free(s->own);
    s->own = NULL;
}

JET_ERR read_begin(struct fucb *c, bool *ret_began)
{
    *ret_began = c->sess->level == 0;
    return *ret_began ? trx_begin(c->sess) : JET_errSuccess;
}

JET_ERR read_end(struct fucb *c, bool began, JET_ERR err)
{
    const JET_ERR err2 = began ? trx_commit(c->sess, true) : JET_errSuccess;

    return err2 < 0 && err >= 0 ? err2 : err;
}

/* An escrow column's value is the page's less what this session must not see yet. */
static void correct_escrow(struct fucb *c, const struct source *s, const struct column *col,
                           uint8_t *b, uint32_t len)
{
    const struct bookmark bm = dir_bookmark(&c->data);
    int64_t unseen;

    if (s->copy || s->from_image || atomic_load(&c->data.tree->nr_ver) == 0)
        return;
    unseen = ver_delta_unseen(c->sess, c->data.tree, &bm, (uint16_t)col->offset);
    if (len == 4)
        put_le32(b, get_le32(b) - (uint32_t)unseen);
    else if (len == 8)
        put_le64(b, get_le64(b) - (uint64_t)unseen);
}

/* ---- one value ------------------------------------------------------------------------------- */

static JET_ERR hand_over(struct fucb_value *v, struct slice whole)
{
    const uint32_t off = v->offset < whole.len ? v->offset : whole.len, len = whole.len - off;

    v->len = len;
    if (len && v->cap)
        memcpy(v->buf, whole.p + off, len < v->cap ? len : v->cap);
    return len > v->cap ? JET_wrnBufferTruncated : JET_errSuccess;
}

static JET_ERR hand_over_packed(struct fucb_value *v, struct slice in)
{
    uint8_t *plain;
    uint32_t len = 0;
    JET_ERR err = unpack(in, &plain, &len);

    if (err >= 0)
        err = hand_over(v, (struct slice){plain, len});
    free(plain);
    return err;
}

static JET_ERR hand_over_separated(struct fucb *c, const struct source *s, struct fucb_value *v,
                                   struct slice lid)
{
    const uint64_t number = lid_decode(lid);
    struct lv_tree *lv;
    uint32_t got, size, refs;
    JET_ERR err;

    if (v->grbit & JET_bitRetrieveLongId)
        return hand_over(v, lid);
    if (!s->copy)
        dir_release(&c->data);
    err = fucb_lv(c, false, &lv);
    if (err < 0)
        return err;
    if (v->grbit & JET_bitRetrieveLongValueRefCount) {
        uint8_t b[4];
        err = lv_stat(lv, number, &size, &refs);
        put_le32(b, refs);
        return err < 0 ? err : hand_over(v, (struct slice){b, 4});
    }
    err = lv_read(lv, number, v->offset, v->buf, v->cap, &got, &size);
    if (err < 0)
        return err;
    v->len = size > v->offset ? size - v->offset : 0;
    return v->len > v->cap ? JET_wrnBufferTruncated : JET_errSuccess;
}

static JET_ERR hand_over_value(struct fucb *c, const struct source *s, const struct column *col,
                               struct fucb_value *v, const struct value *val)
{
    uint8_t b[8];

    if (val->encrypted)
        return RAISE(JET_errColumnNoEncryptionKey);
    if (val->separated)
        return hand_over_separated(c, s, v, val->data);
    if (v->grbit & (JET_bitRetrieveLongId | JET_bitRetrieveLongValueRefCount))
        return RAISE(JET_errInvalidParameter); /* it is no long value of its own */
    if (val->compressed)
        return v->grbit & JET_bitRetrievePhysicalSize ? hand_over(v, val->data)
                                                      : hand_over_packed(v, val->data);
    if (!(col->flags & COLUMN_ESCROW) || val->data.len > sizeof(b))
        return hand_over(v, val->data);
    memcpy(b, val->data.p, val->data.len);
    correct_escrow(c, s, col, b, val->data.len);
    return hand_over(v, (struct slice){b, val->data.len});
}

enum record_state source_value(const struct source *s, const struct column *col, unsigned seq,
                               bool defaults, struct value *ret, bool *ret_default)
{
    enum record_state state = recview_get(&s->view, col, seq, ret);

    *ret_default = false;
    if (state != RECORD_ABSENT || seq != 1 || !col->has_default)
        return state;
    *ret_default = true;
    *ret = (struct value){.data = col->default_value};
    return defaults ? RECORD_VALUE : RECORD_NULL;
}

static JET_ERR hand_over_count(const struct source *s, const struct column *col,
                               struct fucb_value *v)
{
    uint8_t b[4];
    unsigned nr = recview_count(&s->view, col);

    if (nr == 0 && col->has_default && !(v->grbit & JET_bitRetrieveIgnoreDefault)) {
        struct value val;
        nr = recview_get(&s->view, col, 1, &val) == RECORD_ABSENT;
    }
    put_le32(b, nr);
    return hand_over(v, (struct slice){b, 4});
}

static JET_ERR retrieve(struct fucb *c, const struct source *s, const struct column *col,
                        struct fucb_value *v)
{
    struct value val;
    bool is_default;

    if (v->itag == 0)
        return hand_over_count(s, col, v);
    switch (source_value(s, col, v->itag, !(v->grbit & JET_bitRetrieveIgnoreDefault), &val,
                         &is_default)) {
    case RECORD_VALUE:
        return hand_over_value(c, s, col, v, &val);
    case RECORD_DAMAGED:
        return fault(&c->db->inst->r, JET_errDatabaseCorrupted, 0, c->data.pgno, ESE_NO_OFFSET,
                     "column %s of a record of table %s lies outside of it", col->name,
                     c->fcb->def.name);
    default:
        v->len = 0;
        return JET_wrnColumnNull;
    }
}

/* Column number 0: the tagged columns that the record has, in their order, each value for itself.
 * */
static JET_ERR retrieve_tagged(struct fucb *c, const struct source *s, struct fucb_value *v)
{
    const struct schema *sch = &s->tdb->schema;
    unsigned left = v->itag;
    uint32_t total = 0;
    uint8_t b[4];

    for (unsigned i = 0; i < sch->nr_columns; i++) {
        const struct column *col = &sch->columns[i];
        unsigned nr = col->fid >= FID_TAGGED_LEAST ? recview_count(&s->view, col) : 0;
        total += nr;
        if (v->itag == 0 || nr == 0)
            continue;
        if (left > nr) {
            left -= nr;
            continue;
        }
        v->next_columnid = col->id;
        v->itag = left;
        return retrieve(c, s, col, v);
    }
    v->len = 0;
    if (v->itag)
        return JET_wrnColumnNull;
    put_le32(b, total);
    return hand_over(v, (struct slice){b, 4});
}

/* Which of the column's values the entry of the secondary index is there for. */
static JET_ERR find_tag(struct fucb *c, struct fucb_value *v)
{
    const struct slice now = dir_bookmark(&c->at->dir).key;
    struct norm_key key;
    JET_ERR err;

    for (unsigned itag = 1;; itag++) {
        err = fucb_entry(c, c->at->ix, itag, &key);
        if (err < 0)
            break;
        if (key.len == now.len && memcmp(key.b, now.p, now.len) == 0) {
            v->itag = itag;
            break;
        }
    }
    return err == JET_errRecordNotFound ? JET_errSuccess : err;
}

JET_ERR fucb_retrieve(struct fucb *c, struct fucb_value *v)
{
    const struct column *col = NULL;
    struct source s;
    bool began;
    JET_ERR err = fucb_refresh(c);

    v->len = v->next_columnid = 0;
    if (err < 0)
        return err;
    if (v->grbit & ~GRBITS)
        return RAISE(JET_errInvalidGrbit);
    if (v->columnid) {
        err = fucb_column(c, v->columnid, &col);
        if (err < 0)
            return err;
    }
    if (v->grbit & JET_bitRetrieveTag && c->at && !(v->grbit & JET_bitRetrieveCopy)) {
        err = find_tag(c, v);
        if (err < 0)
            return err;
    }
    err = read_begin(c, &began);
    if (err < 0)
        return err;
    err = source_open(c, v->grbit, &s);
    if (err < 0)
        return read_end(c, began, err);
    v->next_columnid = v->columnid;
    err = col ? retrieve(c, &s, col, v) : retrieve_tagged(c, &s, v);
    source_close(c, &s);
    return read_end(c, began, err);
}

JET_ERR fucb_column(struct fucb *c, uint32_t columnid, const struct column **ret)
{
    bool visible = true;
    JET_ERR err;

    *ret = tdb_column(c->tdb, columnid);
    if (!*ret)
        return RAISE(JET_errColumnNotFound);
    err = fcb_column_visible(c->sess, c->fcb, c->tdb, *ret, &visible);
    if (err < 0)
        return err;
    return visible ? JET_errSuccess : RAISE(JET_errColumnNotFound);
}

/* ---- entries of a record --------------------------------------------------------------------- */

struct nth {
    struct index_record *r;
    unsigned left;
    struct norm_key *ret;
};

static JET_ERR take_nth(void *ctx, const struct norm_key *key)
{
    struct nth *n = ctx;

    if (--n->left > 0)
        return JET_errSuccess;
    *n->ret = *key;
    return 1; /* enough */
}

static int nth_value(void *ctx, unsigned slot, const struct column *col, unsigned seq,
                     uint32_t most, struct slice *ret)
{
    struct nth *n = ctx;

    return index_record_value(n->r, slot, col, seq, most, ret);
}

JET_ERR fucb_entry(struct fucb *c, const struct fcb_index *ix, unsigned itag, struct norm_key *ret)
{
    struct index_record r = {0};
    struct nth n = {&r, itag, ret};
    struct index_plan plan;
    struct source s;
    JET_ERR err;

    if (ix->foreign_sort)
        return RAISE(JET_errSecondaryIndexCorrupted);
    if (!index_plan_init(&plan, &c->tdb->schema, &ix->def))
        return RAISE(JET_errCatalogCorrupted);
    err = source_open(c, 0, &s);
    if (err < 0)
        return err;
    err = source_detach(c, &s);
    if (err >= 0)
        err = index_record_init(&r, s.view.record.bytes, s.view.layout, fucb_fetch, c);
    if (err >= 0)
        err = index_keys_each(&plan, 0, nth_value, take_nth, &n);
    index_record_done(&r);
    source_close(c, &s);
    if (err == 1)
        return JET_errSuccess;
    return err < 0 ? err : RAISE(JET_errRecordNotFound);
}
