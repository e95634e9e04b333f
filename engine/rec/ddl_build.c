/*
 * Entries of all rows into new indexes (ESE: fcreate.cxx ErrFILEIBuildIndex; write path 11). The
 * rows are read as they are on their pages, which is what every later reader of the index will
 * find, by a session for which others' open transactions are
 * the only obstacle: f->ddl, held exclusively by the caller, keeps new changes away, and a row that
 * somebody has changed and not committed ends the build with JET_errWriteConflict; the caller waits
 * and tries again. Entries are inserted in their order, logged, without versions: until the caller
 * commits nobody else can see the index.
 */
#include "rec/ddl_priv.h"

#include <stdlib.h>

#include "rec/indexkeys.h"
#include "rec/keysort.h"
#include "rec/lvwrite.h"

#define SORT_MEMORY (32u << 20) /* bytes, of all indexes of one build together */

struct reader { /* of long values */
    struct lv_tree lv;
    bool ready;
};

struct ddl_build {
    struct sess *s, *witness;
    struct fcb *f;
    struct tdb *tdb;
    enum tagged_layout layout;
    unsigned nr;
    struct index_plan *plans;
    struct keysort **sorts;
    struct index_key_set keys;
    struct reader readers[2]; /* of s, of the witness */
    struct tree *lv_tree;     /* NULL: no long values */
    unsigned reader;          /* for this row */
    uint8_t *plain;           /* DECOMPRESS_MAX */
};

/* ---- values that do not lie plain in their record -------------------------------------------- */

static JET_ERR fetch_separated(struct ddl_build *b, const struct value *v, uint8_t *buf,
                               uint32_t cap, uint32_t *ret_len)
{
    struct reader *r = &b->readers[b->reader];
    JET_ERR err = JET_errSuccess;

    if (!b->lv_tree)
        return RAISE(JET_errLVCorrupted);
    if (!r->ready) {
        err = lv_tree_init(&r->lv, b->reader ? b->witness : b->s, b->lv_tree, b->f->def.lv_chunk);
        r->ready = true;
    }
    if (err >= 0 && v->data.len != 4 && v->data.len != 8)
        err = RAISE(JET_errLVCorrupted);
    return err < 0 ? err : lv_read(&r->lv, lid_decode(v->data), 0, buf, cap, ret_len, NULL);
}

static JET_ERR fetch(void *ctx, const struct value *v, uint8_t *buf, uint32_t cap,
                     uint32_t *ret_len)
{
    struct ddl_build *b = ctx;
    const char *what;
    JET_ERR err;

    if (v->encrypted)
        return RAISE(JET_errColumnNoEncryptionKey);
    if (v->separated)
        return fetch_separated(b, v, buf, cap, ret_len);
    err = decompress(v->data, b->plain, DECOMPRESS_MAX, ret_len, &what);
    if (err < 0)
        return fault(&b->f->db->inst->r, err, 0, 0, ESE_NO_OFFSET, "a value of table %s: %s",
                     b->tdb->table.name, what);
    if (*ret_len > cap)
        *ret_len = cap;
    memcpy(buf, b->plain, *ret_len);
    return JET_errSuccess;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/*
 * Who can read the row as it is on the page: the session itself, or, when somebody has committed a
 * change since its transaction began, the witness, whose transaction began later.
 * JET_errWriteConflict: an open transaction has changed it, or is about to.
 */
static JET_ERR choose_reader(void *build, struct slice key, uint8_t *ret)
{
    struct ddl_build *b = build;
    const struct bookmark bm = {.key = key};

    *ret = 0;
    if (ver_conflict(b->s, b->f->tree, VER_WRITE_LOCK, &bm) >= 0)
        return JET_errSuccess;
    *ret = 1;
    return ver_conflict(b->witness, b->f->tree, VER_WRITE_LOCK, &bm);
}

static JET_ERR add_entries(struct ddl_build *b, unsigned i, struct index_record *r, struct slice pk)
{
    JET_ERR err = index_key_set_make(&b->keys, &b->plans[i], INDEX_KEYS_CHECK_NULL, r);

    if (err >= 0 && b->keys.repeated && (b->plans[i].ix->flags & INDEX_UNIQUE))
        err = RAISE(JET_errKeyDuplicate);
    for (unsigned k = 0; err >= 0 && k < b->keys.nr; k++)
        err = keysort_add(b->sorts[i], index_key_at(&b->keys, k), pk);
    return err;
}

static JET_ERR add_row(struct ddl_build *b, const struct raw_node *n)
{
    struct index_record r;
    JET_ERR err;

    if (n->flags & NODE_DELETED)
        return JET_errSuccess;
    b->reader = n->mark;
    err = index_record_init(&r, n->data, b->layout, fetch, b);
    if (err < 0)
        return fault(&b->f->db->inst->r, err, 0, n->pgno, ESE_NO_OFFSET,
                     "a record of table %s is damaged", b->tdb->table.name);
    for (unsigned i = 0; err >= 0 && i < b->nr; i++)
        err = add_entries(b, i, &r, n->key);
    index_record_done(&r);
    return err;
}

static JET_ERR scan(struct ddl_build *b)
{
    struct rawscan r;
    struct raw_node n;
    JET_ERR err = raw_open(&r, b->s, b->f->tree);

    if (err < 0)
        return err;
    r.look = choose_reader;
    r.ctx = b;
    while ((err = raw_next(&r, &n)) >= 0) {
        err = add_row(b, &n);
        if (err >= 0)
            err = inst_check(b->s->inst);
        if (err < 0)
            break;
    }
    raw_close(&r);
    return err == JET_errNoCurrentRecord ? JET_errSuccess : err;
}

/* ---- entries --------------------------------------------------------------------------------- */

/* A unique index: JET_errKeyDuplicate comes from the tree. */
static JET_ERR insert_entries(struct dir *d, struct keysort *ks)
{
    struct slice key, data;
    JET_ERR err;

    while ((err = keysort_next(ks, &key, &data)) >= 0) {
        err = dir_insert(d, key, data, DIR_UNVERSIONED | DIR_APPEND);
        if (err < 0)
            return err;
    }
    return err == JET_errNoCurrentRecord ? JET_errSuccess : err;
}

JET_ERR ddl_build_fill(struct ddl_build *b, unsigned i, struct tree *t)
{
    struct dir d;
    JET_ERR err = dir_init(&d, b->s, t);

    if (err < 0)
        return err;
    err = insert_entries(&d, b->sorts[i]);
    dir_done(&d);
    return err;
}

/* ---- begin, end ------------------------------------------------------------------------------ */

static JET_ERR prepare(struct ddl_build *b, const struct index *const *ix)
{
    JET_ERR err = fcb_refresh(b->f, &b->tdb);

    if (err >= 0)
        err = fcb_lv_tree(b->s, b->f, false, &b->lv_tree);
    if (err < 0)
        return err;
    b->layout = tagged_layout_of(b->f->db->page_size, PAGE_NEW_RECORD_FORMAT);
    b->plain = malloc(DECOMPRESS_MAX);
    b->plans = calloc(b->nr, sizeof(*b->plans));
    b->sorts = calloc(b->nr, sizeof(struct keysort *));
    if (!b->plain || !b->plans || !b->sorts)
        return RAISE(JET_errOutOfMemory);
    for (unsigned i = 0; err >= 0 && i < b->nr; i++) {
        if (!index_plan_init(&b->plans[i], &b->tdb->schema, ix[i]))
            return RAISE(JET_errColumnNotFound);
        err = keysort_new(SORT_MEMORY / b->nr, &b->sorts[i]);
    }
    return err;
}

void ddl_build_end(struct ddl_build *b)
{
    if (!b)
        return;
    for (unsigned i = 0; b->sorts && i < b->nr; i++)
        keysort_free(b->sorts[i]);
    for (unsigned i = 0; i < ARRAY_LEN(b->readers); i++)
        if (b->readers[i].ready)
            lv_tree_done(&b->readers[i].lv);
    index_key_set_done(&b->keys);
    free(b->sorts);
    free(b->plans);
    free(b->plain);
    tdb_put(b->tdb);
    free(b);
}

JET_ERR ddl_build_scan(struct sess *s, struct sess *witness, struct fcb *f,
                       const struct index *const *ix, unsigned nr, struct ddl_build **ret)
{
    struct ddl_build *b = calloc(1, sizeof(*b));
    JET_ERR err;

    *ret = b;
    if (!b)
        return RAISE(JET_errOutOfMemory);
    b->s = s;
    b->witness = witness;
    b->f = f;
    b->nr = nr;
    err = prepare(b, ix);
    return err < 0 ? err : scan(b);
}

JET_ERR ddl_tree_is_empty(struct sess *s, struct tree *t, bool *ret)
{
    struct rawscan r;
    struct raw_node n;
    JET_ERR err = raw_open(&r, s, t);

    if (err < 0)
        return err;
    err = raw_next(&r, &n);
    raw_close(&r);
    *ret = err == JET_errNoCurrentRecord;
    return *ret ? JET_errSuccess : err;
}
