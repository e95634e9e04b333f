#include "rec/catwrite.h"

#include <inttypes.h>
#include <stdlib.h>

#include "rec/fcb_priv.h"
#include "rec/text.h"

/* ---- open, close ----------------------------------------------------------------------------- */

JET_ERR cat_open(struct cat *c, struct sess *s, struct db *d)
{
    struct fcb_cache *cache;
    JET_ERR err;

    *c = (struct cat){.s = s, .d = d};
    err = fcb_cache_get(d, &cache);
    if (err < 0)
        return err;
    c->trees = &cache->trees;
    c->rec = malloc(d->page_size);
    if (!c->rec)
        return RAISE(JET_errOutOfMemory);
    err = recbuf_init(&c->rb, d->page_size);
    if (err >= 0)
        err = dir_init(&c->id, s, c->trees->id);
    if (err >= 0)
        err = dir_init(&c->name, s, c->trees->name);
    if (err >= 0)
        err = dir_init(&c->root, s, c->trees->root);
    if (err >= 0 && c->trees->shadow)
        err = dir_init(&c->shadow, s, c->trees->shadow);
    return err < 0 ? err : cat_objids_find(c);
}

void cat_close(struct cat *c)
{
    struct dir *dirs[] = {&c->id, &c->name, &c->root, &c->shadow};

    for (unsigned i = 0; i < ARRAY_LEN(dirs); i++)
        if (dirs[i]->sess)
            dir_done(dirs[i]);
    recbuf_done(&c->rb);
    free(c->rec);
    *c = (struct cat){0};
}

JET_ERR cat_end(struct sess *s, JET_ERR err, bool lazy)
{
    JET_ERR end = err < 0 ? trx_rollback(s) : trx_commit(s, lazy);

    return end < 0 ? end : err;
}

/* ---- reading --------------------------------------------------------------------------------- */

static JET_ERR row_fault(struct cat *c, pgno_t pgno, const char *what)
{
    return fault(&c->d->inst->r, JET_errCatalogCorrupted, 0, pgno, ESE_NO_OFFSET,
                 "a row of the catalogue: %s", what);
}

static enum tagged_layout layout_of(const struct cat *c)
{
    return tagged_layout_of(c->d->page_size, PAGE_NEW_RECORD_FORMAT);
}

/* c->row from the node that c->id is on. */
static JET_ERR take_row(struct cat *c)
{
    struct dir_node n;
    const char *what;
    JET_ERR err = dir_get(&c->id, &n);

    if (err < 0)
        return err == JET_errRecordDeleted ? RAISE(JET_errRecordNotFound) : err;
    memcpy(c->rec, n.data.p, n.data.len);
    what = catrow_decode((struct slice){c->rec, n.data.len}, layout_of(c), &c->row);
    dir_release(&c->id);
    if (!what && c->row.name.len > NAME_MOST)
        what = "a name is longer than any can be";
    return what ? row_fault(c, n.pgno, what) : JET_errSuccess;
}

static JET_ERR seek(struct dir *d, const struct norm_key *k)
{
    const struct bookmark bm = {.key = {k->b, k->len}};

    return dir_seek(d, &bm, DIR_EQ);
}

JET_ERR cat_find(struct cat *c, objid_t objid_table, unsigned type, uint32_t id)
{
    struct norm_key k;
    JET_ERR err;

    catrow_key_id(&k, objid_table, type, id);
    err = seek(&c->id, &k);
    return err < 0 ? err : take_row(c);
}

/* The row whose key is the data of a secondary entry. */
static JET_ERR follow(struct cat *c, struct dir *from)
{
    uint8_t key[INDEX_KEY_DEFAULT];
    struct bookmark bm = {.key = {key, 0}};
    struct dir_node n;
    JET_ERR err = dir_get(from, &n);

    if (err < 0)
        return err == JET_errRecordDeleted ? RAISE(JET_errRecordNotFound) : err;
    if (n.data.len > sizeof(key)) {
        dir_release(from);
        return row_fault(c, n.pgno, "an entry of an index is longer than any can be");
    }
    memcpy(key, n.data.p, n.data.len);
    bm.key.len = n.data.len;
    dir_release(from);
    err = dir_seek(&c->id, &bm, DIR_EQ);
    if (err == JET_errRecordNotFound)
        return row_fault(c, n.pgno, "an index has an entry for a row that is not there");
    return err < 0 ? err : take_row(c);
}

JET_ERR cat_find_name(struct cat *c, objid_t objid_table, unsigned type, struct slice name)
{
    struct norm_key k;
    JET_ERR err;

    catrow_key_name(&k, objid_table, type, name);
    err = seek(&c->name, &k);
    return err < 0 ? err : follow(c, &c->name);
}

JET_ERR cat_follow_root(struct cat *c)
{
    return follow(c, &c->root);
}

JET_ERR cat_find_root(struct cat *c, struct slice name)
{
    struct norm_key k;
    JET_ERR err;

    catrow_key_root(&k, name);
    err = seek(&c->root, &k);
    return err < 0 ? err : follow(c, &c->root);
}

static JET_ERR take_of_table(struct cat *c, JET_ERR moved)
{
    JET_ERR err = moved;

    while (err >= 0) {
        err = take_row(c);
        if (err != JET_errRecordNotFound)
            break;
        err = dir_next(&c->id); /* gone in the meantime */
    }
    if (err >= 0 && c->row.objid_table != c->scan)
        return JET_errNoCurrentRecord;
    return err;
}

JET_ERR cat_first(struct cat *c, objid_t objid_table)
{
    struct norm_key k;
    struct bookmark bm;
    JET_ERR err;

    c->scan = objid_table;
    catrow_key_table(&k, objid_table);
    bm = (struct bookmark){.key = {k.b, k.len}};
    err = dir_seek(&c->id, &bm, DIR_GE);
    if (err == JET_errRecordNotFound)
        return JET_errNoCurrentRecord;
    return take_of_table(c, err);
}

JET_ERR cat_next(struct cat *c)
{
    return take_of_table(c, dir_next(&c->id));
}

/* ---- writing --------------------------------------------------------------------------------- */

static struct slice key_slice(const struct norm_key *k)
{
    return (struct slice){k->b, k->len};
}

static JET_ERR insert_row(struct cat *c, const struct catrow *row)
{
    struct norm_key id, k;
    JET_ERR err;

    catrow_key_id(&id, row->objid_table, row->type, row->id);
    err = dir_insert(&c->id, key_slice(&id), recbuf_bytes(&c->rb), 0);
    if (err >= 0 && row->type == CATROW_TABLE) {
        catrow_key_root(&k, row->name);
        err = dir_insert(&c->root, key_slice(&k), key_slice(&id), 0);
    }
    if (err >= 0) {
        catrow_key_name(&k, row->objid_table, row->type, row->name);
        err = dir_insert(&c->name, key_slice(&k), key_slice(&id), 0);
    }
    return err;
}

static JET_ERR insert_shadow(struct cat *c, const struct catrow *row)
{
    struct norm_key id;

    catrow_key_id(&id, row->objid_table, row->type, row->id);
    return dir_insert(&c->shadow, key_slice(&id), recbuf_bytes(&c->rb), 0);
}

JET_ERR cat_insert(struct cat *c, const struct catrow *row)
{
    JET_ERR err = catrow_build(&c->rb, row);

    if (err >= 0)
        err = trx_begin(c->s);
    if (err < 0)
        return err;
    err = cat_end(c->s, insert_row(c, row), true);
    if (err < 0 || !c->trees->shadow)
        return err;
    err = trx_begin(c->s);
    return err < 0 ? err : cat_end(c->s, insert_shadow(c, row), true);
}

/* An entry of a secondary tree goes. */
static JET_ERR delete_entry(struct dir *d, const struct norm_key *k)
{
    JET_ERR err = seek(d, k);

    return err < 0 ? err : dir_flag_delete(d, 0);
}

/* The name is another one: the entries in the order of their keys (write path 4.1). */
static JET_ERR move_entry(struct dir *d, const struct norm_key *from, const struct norm_key *to,
                          const struct norm_key *id)
{
    const uint32_t both = from->len < to->len ? from->len : to->len;
    const int diff = memcmp(from->b, to->b, both);
    const bool insert_first = diff > 0 || (diff == 0 && from->len > to->len);
    JET_ERR err;

    if (diff == 0 && from->len == to->len)
        return JET_errSuccess; /* only case differs */
    if (insert_first) {
        err = dir_insert(d, key_slice(to), key_slice(id), 0);
        return err < 0 ? err : delete_entry(d, from);
    }
    err = delete_entry(d, from);
    return err < 0 ? err : dir_insert(d, key_slice(to), key_slice(id), 0);
}

static JET_ERR move_entries(struct cat *c, struct slice to)
{
    struct norm_key id, from_key, to_key;
    JET_ERR err = JET_errSuccess;

    catrow_key_id(&id, c->row.objid_table, c->row.type, c->row.id);
    if (c->row.type == CATROW_TABLE) {
        catrow_key_root(&from_key, c->row.name);
        catrow_key_root(&to_key, to);
        err = move_entry(&c->root, &from_key, &to_key, &id);
    }
    if (err >= 0) {
        catrow_key_name(&from_key, c->row.objid_table, c->row.type, c->row.name);
        catrow_key_name(&to_key, c->row.objid_table, c->row.type, to);
        err = move_entry(&c->name, &from_key, &to_key, &id);
    }
    return err;
}

static JET_ERR change_row(struct cat *c, const struct cat_change *changes, unsigned nr)
{
    JET_ERR err = JET_errSuccess;

    for (unsigned i = 0; err >= 0 && i < nr; i++)
        if (changes[i].fid == CATROW_FID_NAME)
            err = move_entries(c, changes[i].value);
    return err < 0 ? err : dir_replace(&c->id, recbuf_bytes(&c->rb), 0);
}

static JET_ERR change_shadow(struct cat *c)
{
    struct norm_key id;
    JET_ERR err;

    catrow_key_id(&id, c->row.objid_table, c->row.type, c->row.id);
    err = seek(&c->shadow, &id);
    return err < 0 ? err : dir_replace(&c->shadow, recbuf_bytes(&c->rb), 0);
}

/* The row's new bytes, in c->rb. */
static JET_ERR build_change(struct cat *c, const struct cat_change *changes, unsigned nr)
{
    struct dir_node n;
    JET_ERR err = dir_get(&c->id, &n);

    if (err < 0)
        return err;
    err = recbuf_load(&c->rb, &catrow_schema, n.data, layout_of(c));
    dir_release(&c->id);
    for (unsigned i = 0; err >= 0 && i < nr; i++)
        err = recbuf_set(&c->rb, catrow_column_of(changes[i].fid), 1, &changes[i].value, 0);
    return err;
}

JET_ERR cat_change(struct cat *c, const struct cat_change *changes, unsigned nr)
{
    JET_ERR err = build_change(c, changes, nr);

    if (err >= 0)
        err = trx_begin(c->s);
    if (err < 0)
        return err;
    err = dir_lock(&c->id, VER_WRITE_LOCK);
    if (err >= 0)
        err = change_row(c, changes, nr);
    err = cat_end(c->s, err, true);
    if (err < 0 || !c->trees->shadow)
        return err;
    err = trx_begin(c->s);
    return err < 0 ? err : cat_end(c->s, change_shadow(c), true);
}

static JET_ERR delete_row(struct cat *c)
{
    struct norm_key k;
    JET_ERR err = dir_lock(&c->id, VER_WRITE_LOCK);

    if (err >= 0 && c->row.type == CATROW_TABLE) {
        catrow_key_root(&k, c->row.name);
        err = delete_entry(&c->root, &k);
    }
    if (err >= 0) {
        catrow_key_name(&k, c->row.objid_table, c->row.type, c->row.name);
        err = delete_entry(&c->name, &k);
    }
    return err < 0 ? err : dir_flag_delete(&c->id, 0);
}

JET_ERR cat_delete(struct cat *c)
{
    JET_ERR err = trx_begin(c->s);

    return err < 0 ? err : cat_end(c->s, delete_row(c), true);
}

JET_ERR cat_delete_shadow(struct cat *c, objid_t objid_table, unsigned type, uint32_t id)
{
    struct norm_key k;
    JET_ERR err;

    if (!c->trees->shadow)
        return JET_errSuccess;
    err = trx_begin(c->s);
    if (err < 0)
        return err;
    catrow_key_id(&k, objid_table, type, id);
    return cat_end(c->s, delete_entry(&c->shadow, &k), true);
}

JET_ERR cat_lock(struct cat *c)
{
    return dir_lock(&c->id, VER_WRITE_LOCK);
}
