/* MSysObjids: one row for each tree but the database's own, so that an object's table is found
 * (ESE: cat.cxx, MSObjids). */
#include "rec/fcb_priv.h"
#include "btree/space.h"

enum { /* ESE: cat.cxx columnidMSObjids_... */
       FID_OBJID = 256,
       FID_OBJID_TABLE,
       FID_TYPE,
};

static struct column columns[] = {
    {.name = "objid", .id = FID_OBJID, .fid = FID_OBJID, .coltyp = JET_coltypLong, .max_len = 4},
    {.name = "objidTable",
     .id = FID_OBJID_TABLE,
     .fid = FID_OBJID_TABLE,
     .coltyp = JET_coltypLong,
     .max_len = 4},
    {.name = "type", .id = FID_TYPE, .fid = FID_TYPE, .coltyp = JET_coltypShort, .max_len = 2},
};
static const struct schema schema = {.columns = columns, .nr_columns = ARRAY_LEN(columns)};

JET_ERR cat_objids_find(struct cat *c)
{
    static const char name[] = "MSysObjids";
    struct tree *t, *was = NULL;
    JET_ERR err;

    if (atomic_load_explicit(&c->trees->objids, memory_order_acquire))
        return JET_errSuccess;
    err = cat_find_root(c, (struct slice){(const uint8_t *)name, sizeof(name) - 1});
    if (err == JET_errRecordNotFound)
        return JET_errSuccess;
    if (err >= 0)
        err = tree_get(c->d, c->row.coltyp_or_pgno, c->row.id, true, 0, DB_ROOT_PGNO, &t);
    if (err >= 0 && !atomic_compare_exchange_strong(&c->trees->objids, &was, t))
        tree_put(t);
    return err;
}

static void make_key(struct norm_key *k, objid_t objid)
{
    static const struct index ix = {.key_most = INDEX_KEY_DEFAULT,
                                    .segment_most = INDEX_KEY_DEFAULT};
    uint8_t b[4];
    const struct slice s = {b, sizeof(b)};
    bool known;

    put_le32(b, objid);
    k->len = 0;
    k->truncated = false;
    known = norm_append(k, &ix, &columns[0], false, &s);
    assert(known);
    (void)known;
}

static JET_ERR build(struct recbuf *rb, objid_t objid, objid_t objid_table, unsigned type)
{
    uint8_t b[3][4];
    const struct slice v[3] = {{b[0], 4}, {b[1], 4}, {b[2], 2}};
    JET_ERR err = recbuf_start(rb, &schema);

    put_le32(b[0], objid);
    put_le32(b[1], objid_table);
    put_le32(b[2], type);
    for (unsigned i = 0; err >= 0 && i < ARRAY_LEN(v); i++)
        err = recbuf_set(rb, &columns[i], 1, &v[i], 0);
    return err;
}

JET_ERR cat_objids_insert(struct cat *c, objid_t objid, objid_t objid_table, unsigned type)
{
    struct norm_key k;
    struct tree *t = atomic_load_explicit(&c->trees->objids, memory_order_acquire);
    struct dir d;
    JET_ERR err;

    if (!t)
        return JET_errSuccess;
    err = build(&c->rb, objid, objid_table, type);
    if (err >= 0)
        err = dir_init(&d, c->s, t);
    if (err < 0)
        return err;
    make_key(&k, objid);
    err = trx_begin(c->s);
    if (err >= 0)
        err = cat_end(c->s, dir_insert(&d, (struct slice){k.b, k.len}, recbuf_bytes(&c->rb), 0),
                      true);
    dir_done(&d);
    return err;
}

static JET_ERR delete_row(struct dir *d, objid_t objid)
{
    struct norm_key k;
    struct bookmark bm;
    JET_ERR err;

    make_key(&k, objid);
    bm = (struct bookmark){.key = {k.b, k.len}};
    err = dir_seek(d, &bm, DIR_EQ);
    if (err == JET_errRecordNotFound)
        return JET_errSuccess; /* primary indexes have no row; older engines left some out */
    return err < 0 ? err : dir_flag_delete(d, 0);
}

JET_ERR cat_objids_delete(struct cat *c, objid_t objid)
{
    struct tree *t = atomic_load_explicit(&c->trees->objids, memory_order_acquire);
    struct dir d;
    JET_ERR err;

    if (!t)
        return JET_errSuccess;
    err = dir_init(&d, c->s, t);
    if (err < 0)
        return err;
    err = trx_begin(c->s);
    if (err >= 0)
        err = cat_end(c->s, delete_row(&d, objid), true);
    dir_done(&d);
    return err;
}
