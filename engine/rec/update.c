/*
 * What an update does to the table and its indexes (ESE: recupd.cxx; write path 3.1, 4.1, 5.1): one
 * inner transaction; insert: the record first, then each index, newest first; replace and delete:
 * indexes first.
 */
#include "rec/fucb_priv.h"

#include <stdlib.h>

/* ---- the frame ------------------------------------------------------------------------------- */

JET_ERR fucb_change_begin(struct fucb *c)
{
    JET_ERR err;

    fcb_change_begin(c->sess, c->fcb);
    err = fucb_refresh(c);
    if (err >= 0)
        err = trx_begin(c->sess);
    if (err < 0) {
        fcb_change_end(c->fcb);
        return err;
    }
    c->sess->update_id = c->copy && c->prep != FUCB_PREP_NONE ? c->copy->update_id : 0;
    return JET_errSuccess;
}

JET_ERR fucb_change_end(struct fucb *c, JET_ERR err)
{
    JET_ERR err2;

    c->sess->update_id = 0;
    err2 = err < 0 ? trx_rollback(c->sess) : trx_commit(c->sess, c->sess->lazy_default);
    if (c->copy && c->sess->ver_newest && c->sess->ver_newest->update_id == c->copy->update_id)
        c->copy->wrote_values = true;
    fcb_change_end(c->fcb);
    return err2 < 0 ? err2 : err;
}

void fucb_work_free(struct fucb *c)
{
    struct fucb_work *w = c->work;

    if (!w)
        return;
    dir_done(&w->insert);
    for (unsigned i = 0; i < w->nr; i++)
        dir_done(&w->dirs[i]);
    index_key_set_done(&w->old_keys);
    index_key_set_done(&w->new_keys);
    tdb_put(w->tdb);
    free(w->dirs);
    free(w->plans);
    free(w);
    c->work = NULL;
}

static JET_ERR make_places(struct fucb *c, struct fucb_work *w)
{
    const struct tdb *t = w->tdb = tdb_ref(c->tdb); /* the very one: plans point into it */
    JET_ERR err = dir_init(&w->insert, c->sess, c->fcb->tree);

    if (err < 0)
        return err;
    w->dirs = calloc(t->nr_indexes + 1, sizeof(*w->dirs));
    w->plans = calloc(t->nr_indexes + 1, sizeof(*w->plans));
    if (!w->dirs || !w->plans)
        return RAISE(JET_errOutOfMemory);
    if (t->primary && !index_plan_init(&w->primary, &t->schema, &t->primary->def))
        return RAISE(JET_errCatalogCorrupted);
    for (; w->nr < t->nr_indexes && err >= 0; w->nr++) {
        if (!index_plan_init(&w->plans[w->nr], &t->schema, &t->indexes[w->nr]->def))
            return RAISE(JET_errCatalogCorrupted);
        err = dir_init(&w->dirs[w->nr], c->sess, t->indexes[w->nr]->tree);
        if (err < 0)
            return err;
    }
    return JET_errSuccess;
}

/* For the schema that c->tdb is. */
static JET_ERR work_places(struct fucb *c)
{
    JET_ERR err;

    if (c->work && c->work->tdb == c->tdb)
        return JET_errSuccess;
    fucb_work_free(c);
    c->work = calloc(1, sizeof(*c->work));
    if (!c->work)
        return RAISE(JET_errOutOfMemory);
    err = make_places(c, c->work);
    if (err < 0)
        fucb_work_free(c);
    return err;
}

/* ---- keys ------------------------------------------------------------------------------------ */

static JET_ERR make_keys(struct fucb *c, const struct index_plan *plan, struct slice rec,
                         enum tagged_layout layout, unsigned flags, struct index_key_set *ret)
{
    struct index_record r = {0};
    JET_ERR err = index_record_init(&r, rec, layout, fucb_fetch, c);

    if (err >= 0)
        err = index_key_set_make(ret, plan, flags, &r);
    index_record_done(&r);
    return err;
}

static JET_ERR primary_key(struct fucb *c, struct norm_key *ret)
{
    const struct fcb_index *ix = c->tdb->primary;
    uint32_t dbk;
    JET_ERR err;

    if (!ix) {
        err = fcb_next_dbk(c->sess, c->fcb, &dbk);
        for (unsigned i = 0; i < 4; i++) /* big-endian, so that it sorts */
            ret->b[i] = (uint8_t)(dbk >> (24 - 8 * i));
        ret->len = 4;
        return err;
    }
    if (ix->foreign_sort)
        return RAISE(JET_errPrimaryIndexCorrupted);
    err = make_keys(c, &c->work->primary, recbuf_bytes(&c->copy->rb), c->copy->rb.layout,
                    INDEX_KEYS_CHECK_NULL, &c->work->new_keys);
    if (err < 0)
        return err;
    if (c->work->new_keys.nr != 1)
        return RAISE(JET_errNullKeyDisallowed);
    ret->len = index_key_at(&c->work->new_keys, 0).len;
    memcpy(ret->b, index_key_at(&c->work->new_keys, 0).p, ret->len);
    return JET_errSuccess;
}

/* ---- entries --------------------------------------------------------------------------------- */

static JET_ERR insert_entry(struct fucb *c, unsigned i, struct slice key, struct slice bookmark)
{
    return dir_insert(&c->work->dirs[i], key, bookmark, c->unversioned ? DIR_UNVERSIONED : 0);
}

static JET_ERR delete_entry(struct dir *d, struct slice key, struct slice bookmark)
{
    struct bookmark bm = {.key = key};
    JET_ERR err;

    if (!d->tree->unique)
        bm.data = bookmark;
    err = dir_seek(d, &bm, DIR_EQ);
    if (err == JET_errRecordNotFound)
        return RAISE(JET_errSecondaryIndexCorrupted);
    return err < 0 ? err : dir_flag_delete(d, 0);
}

/* Text of a foreign order: no keys can be made. An index that the session sees no more, since it was
 * deleted, needs none: whoever still sees it sees no row that comes or goes from now on. */
static cold JET_ERR foreign_entries(struct fucb *c, unsigned i)
{
    bool visible;
    JET_ERR err = fcb_index_visible(c->sess, c->fcb, c->tdb->indexes[i], &visible);

    return err < 0 || !visible ? err : RAISE(JET_errSecondaryIndexCorrupted);
}

static JET_ERR insert_entries(struct fucb *c, unsigned i, struct slice bookmark)
{
    const struct fcb_index *ix = c->tdb->indexes[i];
    struct index_key_set *keys = &c->work->new_keys;
    JET_ERR err;

    if (ix->foreign_sort)
        return foreign_entries(c, i);
    err = make_keys(c, &c->work->plans[i], recbuf_bytes(&c->copy->rb), c->copy->rb.layout,
                    INDEX_KEYS_CHECK_NULL, keys);
    if (err >= 0 && keys->repeated && ix->unique)
        err = RAISE(JET_errMultiValuedIndexViolation);
    for (unsigned n = 0; err >= 0 && n < keys->nr; n++)
        err = insert_entry(c, i, index_key_at(keys, n), bookmark);
    return err;
}

static JET_ERR delete_entries(struct fucb *c, unsigned i, struct slice rec,
                              enum tagged_layout layout, struct slice bookmark)
{
    struct index_key_set *keys = &c->work->old_keys;
    JET_ERR err;

    if (c->tdb->indexes[i]->foreign_sort)
        return foreign_entries(c, i);
    err = make_keys(c, &c->work->plans[i], rec, layout, 0, keys);
    for (unsigned n = 0; err >= 0 && n < keys->nr; n++)
        err = delete_entry(&c->work->dirs[i], index_key_at(keys, n), bookmark);
    return err;
}

static int key_cmp(struct slice a, struct slice b)
{
    const uint32_t least = a.len < b.len ? a.len : b.len;
    const int cmp = least ? memcmp(a.p, b.p, least) : 0;

    return cmp ? cmp : (a.len > b.len) - (a.len < b.len);
}

/* What only the old record has goes, what only the new one has comes, in the order of the keys. */
static JET_ERR exchange_entries(struct fucb *c, unsigned i, struct slice bookmark)
{
    struct index_key_set *old = &c->work->old_keys, *new = &c->work->new_keys;
    unsigned m = 0, n = 0;
    JET_ERR err = JET_errSuccess;

    while (err >= 0 && (m < old->nr || n < new->nr)) {
        const int cmp = m == old->nr   ? 1
                        : n == new->nr ? -1
                                       : key_cmp(index_key_at(old, m), index_key_at(new, n));
        if (cmp == 0)
            m++, n++;
        else if (cmp < 0)
            err = delete_entry(&c->work->dirs[i], index_key_at(old, m++), bookmark);
        else
            err = insert_entry(c, i, index_key_at(new, n++), bookmark);
    }
    return err;
}

static bool index_touched(const struct fucb *c, const struct fcb_index *ix)
{
    const struct recbuf *rb = &c->copy->rb;

    if (ix->any_tagged)
        return true; /* it may have lost a value by another's leaving the record, too */
    for (unsigned i = 0; i < sizeof(ix->fixed_var); i++)
        if (ix->fixed_var[i] & rb->touched[i])
            return true;
    return false;
}

/* Byte for byte; a value outside of the record may have become another one under the same number. */
static bool same_column(const struct recview *old, const struct recview *new,
                        const struct column *col)
{
    const unsigned nr = recview_count(old, col);
    struct value a, b;

    if (recview_count(new, col) != nr)
        return false;
    for (unsigned seq = 1; seq <= (nr ? nr : 1); seq++) {
        const enum record_state state = recview_get(old, col, seq, &a);
        if (recview_get(new, col, seq, &b) != state || state == RECORD_DAMAGED)
            return false;
        if (state == RECORD_VALUE &&
            (a.separated || b.separated || a.compressed != b.compressed ||
             a.data.len != b.data.len || memcmp(a.data.p, b.data.p, a.data.len) != 0))
            return false;
    }
    return true;
}

/* No keys, but the columns tell: is an index of a foreign order as it was? */
static cold bool same_values(const struct fucb *c, const struct fcb_index *ix)
{
    const struct slice before = {c->copy->before, c->copy->before_len};
    const unsigned nr = ix->def.nr_segments;
    struct recview old, new;

    if (recview_init(&old, before, c->copy->before_layout) ||
        recview_init(&new, recbuf_bytes(&c->copy->rb), c->copy->rb.layout))
        return false;
    for (unsigned i = 0; i < nr + ix->def.nr_conditions; i++) {
        const struct column *col =
            tdb_segment(c->tdb, i < nr ? &ix->def.segments[i] : &ix->def.conditions[i - nr]);
        if (!col || !same_column(&old, &new, col))
            return false;
    }
    return true;
}

static JET_ERR replace_entries(struct fucb *c, unsigned i, struct slice bookmark)
{
    const struct fcb_index *ix = c->tdb->indexes[i];
    const struct slice before = {c->copy->before, c->copy->before_len};
    JET_ERR err;

    if (!index_touched(c, ix))
        return JET_errSuccess;
    if (ix->foreign_sort)
        return same_values(c, ix) ? JET_errSuccess : foreign_entries(c, i);
    err = make_keys(c, &c->work->plans[i], before, c->copy->before_layout, 0, &c->work->old_keys);
    if (err >= 0)
        err = make_keys(c, &c->work->plans[i], recbuf_bytes(&c->copy->rb), c->copy->rb.layout,
                        INDEX_KEYS_CHECK_NULL, &c->work->new_keys);
    if (err >= 0 && c->work->new_keys.repeated && ix->unique)
        err = RAISE(JET_errMultiValuedIndexViolation);
    return err < 0 ? err : exchange_entries(c, i, bookmark);
}

/* ---- insert ---------------------------------------------------------------------------------- */

static JET_ERR check_nulls(struct fucb *c)
{
    const struct schema *s = &c->tdb->schema;
    struct value v;

    for (unsigned i = 0; i < s->nr_columns; i++) {
        const struct column *col = &s->columns[i];
        if (!(col->flags & COLUMN_NOT_NULL))
            continue;
        switch (recbuf_get(&c->copy->rb, col, 1, &v)) {
        case RECORD_VALUE:
            continue;
        case RECORD_ABSENT:
            if (col->has_default)
                continue;
            break;
        default:
            break;
        }
        return RAISE(JET_errNullInvalid);
    }
    return JET_errSuccess;
}

static JET_ERR set_version(struct fucb *c, bool insert)
{
    const struct column *col = c->tdb->version;
    struct value v;
    uint8_t b[8] = {0};

    if (!col || col->len > sizeof(b) || (insert && recbuf_is_touched(&c->copy->rb, col->fid)))
        return JET_errSuccess;
    if (!insert && recbuf_get(&c->copy->rb, col, 1, &v) == RECORD_VALUE && v.data.len == 4)
        put_le32(b, get_le32(v.data.p) + 1);
    return recbuf_set(&c->copy->rb, col, 1, &(struct slice){b, col->len}, 0);
}

static JET_ERR insert_record(struct fucb *c, struct norm_key *bm)
{
    JET_ERR err = set_version(c, true);

    if (err >= 0)
        err = check_nulls(c);
    if (err >= 0)
        err = primary_key(c, bm);
    if (err >= 0)
        err = dir_insert(&c->work->insert, (struct slice){bm->b, bm->len},
                         recbuf_bytes(&c->copy->rb), c->unversioned ? DIR_UNVERSIONED : 0);
    for (unsigned i = 0; err >= 0 && i < c->tdb->nr_indexes; i++)
        err = insert_entries(c, i, (struct slice){bm->b, bm->len});
    return err;
}

/* ---- replace --------------------------------------------------------------------------------- */

/* The record must be as it was when the copy was made: another cursor of the session may have
 * changed it, or, without a lock, anybody. */
static JET_ERR lock_unchanged(struct fucb *c)
{
    struct dir_node n;
    JET_ERR err =
        c->prep == FUCB_PREP_REPLACE ? JET_errSuccess : dir_lock(&c->data, VER_WRITE_LOCK);

    if (err >= 0)
        err = dir_get(&c->data, &n);
    if (err < 0)
        return err;
    if (n.data.len != c->copy->before_len || memcmp(n.data.p, c->copy->before, n.data.len) != 0)
        err = RAISE(JET_errWriteConflict);
    dir_release(&c->data);
    return err;
}

static JET_ERR check_primary(struct fucb *c, struct slice bookmark)
{
    const struct fcb_index *ix = c->tdb->primary;
    struct norm_key key;
    JET_ERR err;

    if (!ix || !index_touched(c, ix))
        return JET_errSuccess;
    err = primary_key(c, &key);
    if (err < 0)
        return err;
    return key_cmp((struct slice){key.b, key.len}, bookmark) == 0
               ? JET_errSuccess
               : RAISE(JET_errRecordPrimaryChanged);
}

static bool is_changed(const struct fucb *c)
{
    const struct slice now = recbuf_bytes(&c->copy->rb);

    return now.len != c->copy->before_len || memcmp(now.p, c->copy->before, now.len) != 0;
}

static JET_ERR replace_record(struct fucb *c)
{
    struct slice bookmark;
    JET_ERR err = fucb_follow(c);

    if (err >= 0)
        err = lock_unchanged(c);
    if (err < 0 || !is_changed(c))
        return err;
    bookmark = dir_bookmark(&c->data).key;
    err = check_nulls(c);
    if (err >= 0)
        err = check_primary(c, bookmark);
    if (err >= 0)
        err = set_version(c, false);
    for (unsigned i = 0; err >= 0 && i < c->tdb->nr_indexes; i++)
        err = replace_entries(c, i, bookmark);
    return err < 0 ? err : dir_replace(&c->data, recbuf_bytes(&c->copy->rb), 0);
}

/* ---- delete ---------------------------------------------------------------------------------- */

JET_ERR fucb_each_separated(struct fucb *c, const struct schema *s, const struct recview *v,
                            JET_ERR (*fn)(void *ctx, const struct column *col, unsigned seq,
                                          struct slice lid),
                            void *ctx)
{
    JET_ERR err = JET_errSuccess;

    (void)c;
    for (unsigned i = 0; i < s->nr_columns && err == JET_errSuccess; i++) {
        const struct column *col = &s->columns[i];
        unsigned nr;
        if (col->coltyp != JET_coltypLongBinary && col->coltyp != JET_coltypLongText)
            continue;
        nr = recview_count(v, col);
        for (unsigned seq = 1; seq <= nr && err == JET_errSuccess; seq++) {
            struct value val;
            if (recview_get(v, col, seq, &val) == RECORD_VALUE && val.separated)
                err = fn(ctx, col, seq, val.data);
        }
    }
    return err;
}

static JET_ERR release_value(void *fucb, const struct column *col, unsigned seq, struct slice lid)
{
    struct lv_tree *lv;
    JET_ERR err = fucb_lv(fucb, false, &lv);

    (void)col, (void)seq;
    return err < 0 ? err : lv_release(lv, lid_decode(lid));
}

static JET_ERR delete_parts(struct fucb *c, struct slice rec, enum tagged_layout layout,
                            struct slice bookmark)
{
    struct recview v;
    JET_ERR err;

    if (recview_init(&v, rec, layout))
        return RAISE(JET_errDatabaseCorrupted);
    err = fucb_each_separated(c, &c->tdb->schema, &v, release_value, c);
    for (unsigned i = 0; err >= 0 && i < c->tdb->nr_indexes; i++)
        err = delete_entries(c, i, rec, layout, bookmark);
    return err;
}

static JET_ERR delete_record(struct fucb *c)
{
    enum tagged_layout layout;
    struct dir_node n;
    uint8_t *rec;
    JET_ERR err = fucb_follow(c);

    if (err >= 0)
        err = dir_lock(&c->data, VER_WRITE_LOCK);
    if (err >= 0)
        err = fucb_get(c, &n, &layout);
    if (err < 0)
        return err;
    rec = malloc(n.data.len + 1);
    if (rec)
        memcpy(rec, n.data.p, n.data.len);
    dir_release(&c->data);
    if (!rec)
        return RAISE(JET_errOutOfMemory);
    err = delete_parts(c, (struct slice){rec, n.data.len}, layout, dir_bookmark(&c->data).key);
    free(rec);
    return err < 0 ? err : dir_flag_delete(&c->data, 0);
}

JET_ERR fucb_writable(const struct fucb *c)
{
    return c->how & FCB_READ_ONLY || c->db->read_only ? RAISE(JET_errPermissionDenied)
                                                      : JET_errSuccess;
}

JET_ERR fucb_delete_begun(struct fucb *c)
{
    JET_ERR err = work_places(c);

    return err < 0 ? err : delete_record(c);
}

JET_ERR fucb_delete(struct fucb *c)
{
    JET_ERR err = fucb_writable(c);

    if (err >= 0 && c->prep != FUCB_PREP_NONE)
        err = RAISE(JET_errAlreadyPrepared);
    if (err >= 0)
        err = fucb_follow(c);
    if (err >= 0)
        err = fucb_change_begin(c);
    if (err < 0)
        return err;
    return fucb_change_end(c, fucb_delete_begun(c));
}

/* ---- JetUpdate ------------------------------------------------------------------------------- */

static JET_ERR update(struct fucb *c, struct norm_key *bm)
{
    JET_ERR err = work_places(c);

    if (err >= 0)
        err = fucb_adopt_schema(c);
    if (err < 0)
        return err;
    switch (c->prep) {
    case FUCB_PREP_REPLACE:
    case FUCB_PREP_REPLACE_NO_LOCK:
        return replace_record(c);
    case FUCB_PREP_INSERT_COPY_DELETE:
    case FUCB_PREP_INSERT_COPY_REPLACE:
        err = delete_record(c);
        return err < 0 ? err : insert_record(c, bm);
    default:
        return insert_record(c, bm);
    }
}

static JET_ERR give_bookmark(struct slice bm, void *buf, uint32_t cap, uint32_t *ret_len)
{
    if (ret_len)
        *ret_len = bm.len;
    if (!buf)
        return JET_errSuccess;
    memcpy(buf, bm.p, bm.len < cap ? bm.len : cap);
    return bm.len > cap ? JET_wrnBufferTruncated : JET_errSuccess;
}

JET_ERR fucb_update(struct fucb *c, void *buf, uint32_t cap, uint32_t *ret_len, uint32_t grbit)
{
    const bool replace = c->prep == FUCB_PREP_REPLACE || c->prep == FUCB_PREP_REPLACE_NO_LOCK;
    struct norm_key bm = {.len = 0};
    JET_ERR err = fucb_writable(c);

    if (err < 0)
        return err;
    if (c->prep == FUCB_PREP_NONE || c->prep == FUCB_PREP_READ_ONLY_COPY)
        return RAISE(JET_errUpdateNotPrepared);
    if (grbit & ~(JET_bitUpdateCheckESE97Compatibility | JET_bitUpdateNoVersion))
        return RAISE(JET_errInvalidGrbit);
    err = fucb_change_begin(c);
    if (err < 0)
        return err;
    err = fucb_change_end(c, update(c, &bm));
    if (err < 0)
        return err;
    c->prep = FUCB_PREP_NONE;
    return give_bookmark(replace ? dir_bookmark(&c->data).key : (struct slice){bm.b, bm.len}, buf,
                         cap, ret_len);
}

/* ---- locks ----------------------------------------------------------------------------------- */

/* An index build waits for whoever has locked a record: it is a change as any other. */
JET_ERR fucb_lock_record(struct fucb *c, enum ver_oper lock)
{
    JET_ERR err = fucb_follow(c);

    if (err < 0)
        return err;
    fcb_change_begin(c->sess, c->fcb);
    err = dir_lock(&c->data, lock);
    fcb_change_end(c->fcb);
    return err;
}

JET_ERR fucb_lock(struct fucb *c, bool write)
{
    JET_ERR err = write ? fucb_writable(c) : JET_errSuccess;

    if (err >= 0 && c->sess->level == 0)
        err = RAISE(JET_errNotInTransaction);
    return err < 0 ? err : fucb_lock_record(c, write ? VER_WRITE_LOCK : VER_READ_LOCK);
}

JET_ERR fucb_check_conflict(struct fucb *c)
{
    struct bookmark bm;
    struct dir_node n;
    JET_ERR err = fucb_get(c, &n, NULL); /* with the page latched nobody begins to change it */

    if (err < 0)
        return err;
    bm = dir_bookmark(&c->data);
    err = ver_conflict(c->sess, c->data.tree, VER_WRITE_LOCK, &bm);
    dir_release(&c->data);
    return err;
}
