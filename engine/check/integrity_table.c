/*
 * A table and what hangs on it, in this order: its long values (a list of them), its secondary indexes
 * (a sum over the entries of each), its records (references to the one, entries of the other), then what
 * does not agree.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "check/integrity_index.h"
#include "check/integrity_lv.h"
#include "rec/lv.h"

struct table_walk {
    struct integrity *g;
    struct tree *t;
    struct schema *schema;
    struct keys *keys;
    struct lv_check lv;
    struct index_check *indexes;
    unsigned nr_indexes;
    unsigned primary; /* number of the primary index; UINT32_MAX: none */
    unsigned nr_bad_records;
    const struct bt_node *node; /* at hand */
};

/* ---- records ----------------------------------------------------------------------------------- */

static void record_fault(struct table_walk *tw, const struct bt_node *n, const char *what) cold;

static void record_fault(struct table_walk *tw, const struct bt_node *n, const char *what)
{
    char name[TREE_NAME_LEN];

    if (tw->nr_bad_records++ < FAULTS_OF_A_KIND_MAX)
        integrity_fault(tw->g, JET_errDatabaseCorrupted, n->pgno, "%s, line %u: %s",
                        tree_name(tw->t, name), n->line, what);
}

/* Numbers of columns that the catalogue knows, deleted ones included; the template's too. */
static unsigned last_column(const struct table_walk *tw, enum column_kind kind, bool derived)
{
    const struct table *from = tw->t->table->template_table;
    const struct tree *base = from ? trees_by_objid(tw->g, from->objid) : NULL;
    unsigned own = tw->t->last_column[kind], theirs = base ? base->last_column[kind] : 0;

    if (kind == COLUMN_TAGGED)
        return derived ? theirs : own > theirs ? own : theirs;
    return own > theirs ? own : theirs;
}

/* The null bits stand right behind the last fixed column. One that was deleted is passed over: its place
 * is known to the catalogue only while its row is there. */
static bool fixed_end_is_right(const struct table_walk *tw, const struct record *r)
{
    const struct column *c = schema_find(tw->schema, (uint16_t)r->fixed_last, false);

    if (!c)
        c = schema_find(tw->schema, (uint16_t)r->fixed_last, true);
    if (r->fixed_last == 0)
        return r->nulls == sizeof(struct rec_hdr_disk);
    return !c || c->offset + c->len == r->nulls;
}

static const char *check_frame(const struct table_walk *tw, const struct record *r)
{
    if (tw->g->catalog->damaged)
        return NULL;
    if (r->fixed_last > last_column(tw, COLUMN_FIXED, false))
        return "the record has a fixed column that the catalogue has not";
    if (r->var_last > FID_FIXED_MOST && r->var_last > last_column(tw, COLUMN_VARIABLE, false))
        return "the record has a variable column that the catalogue has not";
    if (!fixed_end_is_right(tw, r))
        return "the fixed columns of the record do not end where they must";
    return NULL;
}

static const char *check_tagged(const struct table_walk *tw, const struct tagged_value *v)
{
    const struct column *c;

    if (v->fid > last_column(tw, COLUMN_TAGGED, v->derived) && !tw->g->catalog->damaged)
        return "the record has a tagged column that the catalogue has not";
    if (!v->v.separated)
        return NULL;
    c = schema_find(tw->schema, v->fid, v->derived);
    if (!c)
        return NULL;
    return c->coltyp == JET_coltypLongText || c->coltyp == JET_coltypLongBinary
               ? NULL
               : "a column that cannot be a long value is one";
}

static JET_ERR take_tagged(struct table_walk *tw, const struct bt_node *n, const struct record *r,
                           bool again)
{
    struct tagged t;
    struct tagged_value v;
    JET_ERR err = JET_errSuccess;
    int more;

    tagged_begin(&t, r->tagged, tagged_layout_of(dbfile_page_size(tw->g->f), n->page_flags));
    while (err >= 0 && (more = tagged_next(&t, &v)) > 0) {
        const char *what = again ? NULL : check_tagged(tw, &v);
        if (what)
            record_fault(tw, n, what);
        if (!again && v.v.separated)
            lv_refer(&tw->lv, tw->t, lid_decode(v.v.data), n->pgno);
        err = keys_add(tw->keys, &v);
    }
    if (err >= 0 && more < 0)
        record_fault(tw, n, t.what);
    return err;
}

/* Loads a record into tw->keys. *ret false: it is damaged, which was told. */
static JET_ERR take_record(struct table_walk *tw, const struct bt_node *n, bool again, bool *ret)
{
    const unsigned nr_bad = tw->nr_bad_records;
    struct record r;
    const char *what = record_decode(n->data, &r);
    JET_ERR err;

    if (!what && !again)
        what = check_frame(tw, &r);
    if (what)
        record_fault(tw, n, what);
    *ret = false;
    if (what)
        return JET_errSuccess;
    err = keys_begin(tw->keys, &r, n->pgno);
    if (err >= 0)
        err = take_tagged(tw, n, &r, again);
    if (err >= 0)
        err = keys_end(tw->keys);
    *ret = nr_bad == tw->nr_bad_records;
    return err;
}

/* A record's place in its table is by its own columns. */
static void compare_primary(void *ctx, const struct norm_key *key)
{
    struct table_walk *tw = ctx;
    const struct slice own = tw->node->key;

    if (key && (key->len != own.len || memcmp(key->b, own.p, own.len) != 0))
        record_fault(tw, tw->node, "its primary key is not that of its columns");
}

static JET_ERR check_record(struct table_walk *tw, const struct bt_node *n)
{
    struct key_count count;
    bool sound;
    JET_ERR err = take_record(tw, n, false, &sound);

    if (err < 0 || !sound)
        return err;
    tw->node = n;
    if (tw->primary != UINT32_MAX)
        keys_of(tw->keys, tw->primary, 1, compare_primary, tw, &count);
    else if (n->key.len != 4)
        record_fault(tw, n, "its number does not have 4 bytes");
    for (unsigned i = 0; err >= 0 && i < tw->nr_indexes; i++)
        err = index_add(&tw->indexes[i], tw->keys, n->key);
    return err;
}

static JET_ERR check_records(struct table_walk *tw)
{
    struct walk w;
    struct bt_node n;
    JET_ERR err = JET_errSuccess;

    walk_begin(&w, tw->g, tw->t);
    while (err >= 0 && walk_next_live(&w, &n)) {
        tw->t->nr_nodes++;
        err = check_record(tw, &n);
    }
    walk_end(&w);
    if (tw->nr_bad_records) {
        tw->t->damaged = true;
        if (tw->nr_bad_records > FAULTS_OF_A_KIND_MAX)
            integrity_fault(tw->g, JET_errDatabaseCorrupted, tw->t->root,
                            "%u faults in all in records of this table", tw->nr_bad_records);
    }
    return err < 0 ? err : w.err;
}

/* ---- what hangs on them ------------------------------------------------------------------------ */

static JET_ERR each_record(const struct index_records *r, index_record_fn *fn, void *ctx)
{
    struct table_walk *tw = r->owner;
    struct walk w;
    struct bt_node n;
    bool sound;
    JET_ERR err = JET_errSuccess;

    walk_again(&w, tw->g, tw->t);
    while (err >= 0 && walk_next_live(&w, &n)) {
        err = take_record(tw, &n, true, &sound);
        if (err >= 0 && sound)
            err = fn(ctx, tw->keys, &n);
    }
    walk_end(&w);
    return err < 0 ? err : w.err;
}

static void tell_not_compared(struct table_walk *tw)
{
    char name[TREE_NAME_LEN];

    integrity_note(tw->g,
                   "%s: its indexes and long values were not compared with its records, which "
                   "could not all be read",
                   tree_name(tw->t, name));
}

static JET_ERR compare_indexes(struct table_walk *tw)
{
    const struct index_records records = {
        .g = tw->g, .table = tw->t, .owner = tw, .each = each_record};
    JET_ERR err = JET_errSuccess;

    if (tw->t->damaged) {
        if (tw->nr_indexes || tw->lv.t)
            tell_not_compared(tw);
        return JET_errSuccess;
    }
    for (unsigned i = 0; err >= 0 && i < tw->nr_indexes; i++)
        err = index_end(&tw->indexes[i], &records);
    return err;
}

static bool is_child(const struct integrity *g, size_t parent, size_t i)
{
    return i < g->nr_trees && g->trees[i].kind != TREE_TABLE && g->trees[i].parent == parent;
}

/* The trees behind the table's in the list. */
static JET_ERR begin_children(struct table_walk *tw)
{
    const size_t number = (size_t)(tw->t - tw->g->trees);
    struct tree *lv = NULL;
    JET_ERR err = JET_errSuccess;

    tw->indexes = calloc(tw->t->table->nr_indexes + 1, sizeof(*tw->indexes));
    if (!tw->indexes)
        return RAISE(JET_errOutOfMemory);
    for (size_t i = number + 1; err >= 0 && is_child(tw->g, number, i); i++) {
        if (tw->g->trees[i].kind == TREE_LV)
            lv = &tw->g->trees[i];
        else
            err = index_begin(tw->g, &tw->g->trees[i], &tw->indexes[tw->nr_indexes++]);
    }
    return err < 0 ? err : lv_begin(tw->g, lv, &tw->lv);
}

static JET_ERR check_with_schema(struct integrity *g, struct tree *t)
{
    struct table_walk tw = {.g = g, .t = t, .primary = UINT32_MAX};
    JET_ERR err = schema_new(t->table, &tw.schema);

    if (err < 0)
        return err;
    if (t->index)
        tw.primary = (unsigned)(t->index - t->table->indexes);
    err = keys_new(g, tw.schema, &tw.keys);
    if (err >= 0)
        err = begin_children(&tw);
    if (err >= 0 && !t->ignored)
        err = check_records(&tw);
    if (err >= 0 && !t->ignored)
        err = compare_indexes(&tw);
    if (err >= 0)
        lv_end(&tw.lv, t);
    free(tw.lv.e);
    free(tw.indexes);
    keys_free(tw.keys);
    schema_free(tw.schema);
    return err;
}

/* A tree that the catalogue does not describe: only that it is one. */
static JET_ERR check_bare(struct integrity *g, struct tree *t)
{
    struct walk w;
    struct bt_node n;

    walk_begin(&w, g, t);
    while (walk_next_live(&w, &n))
        t->nr_nodes++;
    walk_end(&w);
    if (t->kind == TREE_DATABASE && t->nr_nodes)
        integrity_fault(g, JET_errDatabaseCorrupted, t->root,
                        "the root of the database has nodes of its own");
    return w.err;
}

JET_ERR table_check(struct integrity *g, size_t i)
{
    struct tree *t = &g->trees[i];

    return t->table ? check_with_schema(g, t) : check_bare(g, t);
}
