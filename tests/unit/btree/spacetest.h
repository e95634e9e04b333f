/*
 * A database of which only space matters: trees made, grown, shrunk and dropped, with a model of
 * who uses what; and space as it must be, read from the file with btree/space.h and laid over one
 * another.
 */
#ifndef SPACETEST_H
#define SPACETEST_H

#include <fcntl.h>

#include "instfix.h"

static inline uint32_t below(uint32_t n)
{
    return (uint32_t)(rnd() % n);
}

/* ---- trees and what they use ----------------------------------------------------------------- */

struct model_tree {
    pgno_t root, parent; /* parent: root of the tree it has its space from; 0: the database's own */
    objid_t objid;
    struct tree *t; /* running only */
    pgno_t *used;   /* pages taken and not given back, without the root */
    unsigned nr_used, room;
    bool gone;
};

struct model {
    struct model_tree tree[512];
    unsigned nr;
    bool know_used; /* all of them, so that the rest is lost */
};

static struct model_tree *model_add(struct model *m, pgno_t root, objid_t objid, pgno_t parent)
{
    assert_true(m->nr < ARRAY_LEN(m->tree));
    m->tree[m->nr] = (struct model_tree){.root = root, .objid = objid, .parent = parent};
    return &m->tree[m->nr++];
}

/* With all that have their space from it. */
static void model_drop(struct model *m, pgno_t root)
{
    for (unsigned i = 0; i < m->nr; i++)
        if (!m->tree[i].gone && (m->tree[i].root == root || m->tree[i].parent == root)) {
            m->tree[i].gone = true;
            m->tree[i].nr_used = 0;
        }
}

static void model_done(struct model *m)
{
    for (unsigned i = 0; i < m->nr; i++) {
        tree_put(m->tree[i].t);
        free(m->tree[i].used);
    }
    m->nr = 0;
}

/* ---- the check ------------------------------------------------------------------------------- */

enum { PAGE_IS_FREE = 1, PAGE_IS_USED = 2, PAGE_IS_KEPT = 4 };

struct space_map {
    const struct model *m;
    struct dbfile *f;
    struct reporter r;
    uint32_t *owner; /* number of the tree + 1; 0: nobody */
    uint8_t *state;
    pgno_t last;
    unsigned tree; /* that is looked at */
    unsigned nr_extents, depth_max;
    char why[200]; /* "": sound */
};

static void blame(struct space_map *s, pgno_t pgno, const char *what)
{
    if (!s->why[0])
        snprintf(s->why, sizeof(s->why), "tree %u (page %u), page %u: %s", s->tree,
                 (unsigned)s->m->tree[s->tree].root, (unsigned)pgno, what);
}

static uint32_t number_of(const struct model *m, pgno_t root)
{
    for (unsigned i = 0; i < m->nr; i++)
        if (!m->tree[i].gone && m->tree[i].root == root)
            return i + 1;
    return 0;
}

static void use_page(struct space_map *s, pgno_t pgno, uint8_t as)
{
    if (pgno < 1 || pgno > s->last)
        blame(s, pgno, "beyond the end");
    else if (s->owner[pgno] != s->tree + 1)
        blame(s, pgno, "in use and not owned");
    else if (s->state[pgno])
        blame(s, pgno, s->state[pgno] == PAGE_IS_FREE ? "in use and available" : "in use twice");
    else
        s->state[pgno] = as;
}

static void own_page(struct space_map *s, pgno_t pgno)
{
    const uint32_t parent = number_of(s->m, s->m->tree[s->tree].parent);

    if (pgno > s->last)
        blame(s, pgno, "owned beyond the end of the file");
    else if (s->owner[pgno] != parent)
        blame(s, pgno, "owned and not the parent's");
    else if (s->state[pgno])
        blame(s, pgno, "owned, and available in the parent");
    else
        s->owner[pgno] = s->tree + 1;
}

static void free_page(struct space_map *s, pgno_t pgno)
{
    if (pgno > s->last || s->owner[pgno] != s->tree + 1)
        blame(s, pgno, "available and not owned");
    else if (s->state[pgno])
        blame(s, pgno, "available twice");
    else
        s->state[pgno] = PAGE_IS_FREE;
}

static void lay(struct space_map *s, const struct space_header *h, enum space_kind kind)
{
    const struct model_tree *t = &s->m->tree[s->tree];
    struct space_cursor c;
    struct extent e;
    JET_ERR err;

    space_open(&c, s->f, t->root, t->objid, h, kind);
    while ((err = space_next(&c, &e)) >= 0) {
        if (e.pool == SPACE_POOL_SHELVED) /* not in the file */
            continue;
        s->nr_extents++;
        for (pgno_t p = extent_first(&e); p <= e.last && !s->why[0]; p++)
            kind == SPACE_OWNED ? own_page(s, p) : free_page(s, p);
    }
    space_close(&c);
    if (err != JET_errNoCurrentRecord)
        blame(s, t->root, err_name(err));
}

static void take_space_page(void *ctx, pgno_t pgno, const struct page *page, unsigned depth)
{
    struct space_map *s = ctx;

    (void)page;
    s->depth_max = depth > s->depth_max ? depth : s->depth_max;
    use_page(s, pgno, PAGE_IS_USED);
}

/* Pages of the extent trees themselves, and those kept for their splits. */
static void take_space_trees(struct space_map *s, const struct space_header *h)
{
    const struct model_tree *t = &s->m->tree[s->tree];

    for (enum space_kind kind = SPACE_OWNED; kind <= SPACE_AVAILABLE; kind++) {
        struct space_cursor c;
        struct extent e, kept[2] = {{0}};
        JET_ERR err;

        space_open(&c, s->f, t->root, t->objid, h, kind);
        c.bt.page_fn = take_space_page;
        c.bt.page_ctx = s;
        do
            err = space_next(&c, &e);
        while (err >= 0);
        space_close(&c);
        if (space_split_buffer(s->f, h->pgno_oe + (kind == SPACE_AVAILABLE), kept) < 0)
            blame(s, h->pgno_oe, "split buffer");
        for (unsigned i = 0; i < 2; i++)
            for (uint32_t k = 0; k < kept[i].cpg; k++)
                use_page(s, kept[i].last - k, PAGE_IS_KEPT);
    }
}

static void check_tree(struct space_map *s, struct space_header *h)
{
    const struct model_tree *t = &s->m->tree[s->tree];
    JET_ERR err = space_header_read(s->f, t->root, h);

    if (err < 0)
        blame(s, t->root, err_name(err));
    if (s->why[0])
        return;
    if (h->pgno_parent != t->parent)
        blame(s, t->root, "another parent");
    lay(s, h, SPACE_OWNED);
    lay(s, h, SPACE_AVAILABLE);
}

static void check_used(struct space_map *s)
{
    const struct model_tree *t = &s->m->tree[s->tree];

    use_page(s, t->root, PAGE_IS_USED);
    for (unsigned i = 0; i < t->nr_used; i++)
        use_page(s, t->used[i], PAGE_IS_USED);
}

static void check_rest(struct space_map *s)
{
    pgno_t end = s->last;

    while (end && !s->owner[end]) /* the file may be longer than what is owned */
        end--;
    for (pgno_t p = 1; p <= end && !s->why[0]; p++) {
        s->tree = s->owner[p] ? s->owner[p] - 1 : 0;
        if (!s->owner[p])
            blame(s, p, "owned by nobody");
        else if (s->m->know_used && !s->state[p])
            blame(s, p, "lost");
    }
}

/* Space of the file behind fd, whose pages are all written. *ret_why: "" or what is wrong. */
static void space_check(int fd, const struct model *m, struct space_map *s)
{
    struct space_header *h = calloc(m->nr, sizeof(*h));

    *s = (struct space_map){.m = m};
    assert_non_null(h);
    assert_ok(dbfile_open(fd, &s->r, &s->f));
    s->last = dbfile_last_page(s->f);
    s->owner = calloc(s->last + 1, sizeof(*s->owner));
    s->state = calloc(s->last + 1, 1);
    assert_true(s->owner && s->state);
    for (s->tree = 0; s->tree < m->nr && !s->why[0]; s->tree++)
        if (!m->tree[s->tree].gone)
            check_tree(s, &h[s->tree]);
    for (s->tree = 0; s->tree < m->nr && !s->why[0]; s->tree++)
        if (!m->tree[s->tree].gone) {
            check_used(s);
            if (h[s->tree].multiple)
                take_space_trees(s, &h[s->tree]);
        }
    if (!s->why[0])
        check_rest(s);
    dbfile_close(s->f);
    free(s->owner);
    free(s->state);
    free(h);
}

static void assert_space(int fd, const struct model *m, struct space_map *ret)
{
    struct space_map s;

    space_check(fd, m, &s);
    if (s.why[0])
        fail_msg("%s", s.why);
    if (ret)
        *ret = s;
}

/* ---- one database at a time ------------------------------------------------------------------ */

static struct instfix fix;
static struct model model;

static bool unlogged; /* the next one */

__attribute__((unused)) static void begin(uint32_t page_size, uint32_t pages, uint32_t update_major,
                                          uint32_t extension)
{
    instfix_begin(&fix, &(struct instfix_conf){.page_size = page_size,
                                               .logging = !unlogged,
                                               .pages = pages,
                                               .update_major = update_major});
    fix.in.conf.db_extension = extension;
    fix.in.log_update_major = update_major >= 230 ? 140 : update_major >= 90 ? 60 : 5;
    memset(&model, 0, sizeof(model));
    model.know_used = true;
    model_add(&model, 1, 1, 0);
    assert_ok(space_root(&fix.db, &model.tree[0].t));
}

__attribute__((unused)) static void end(void)
{
    assert_int_equal(fix.nr_faults, 0);
    model_done(&model);
    instfix_end(&fix);
}

/* Everything is in the file, and as it should be. */
__attribute__((unused)) static struct space_map check(void)
{
    struct space_map s;

    assert_ok(bufpool_write(fix.db.pool, UINT64_MAX));
    assert_space(fix.db.fd, &model, &s);
    return s;
}

/* ---- operations ------------------------------------------------------------------------------ */

static const struct kind {
    uint32_t page_flags;
    bool unique;
} kinds[] = {
    [SPACE_NEW_TABLE] = {0, true},
    [SPACE_NEW_INDEX] = {PAGE_INDEX, true},
    [SPACE_NEW_INDEX_NON_UNIQUE] = {PAGE_INDEX | PAGE_NON_UNIQUE, false},
    [SPACE_NEW_LV] = {PAGE_LONG_VALUE, true},
};

__attribute__((unused)) static struct model_tree *create(struct model_tree *parent,
                                                         enum space_new kind, uint32_t nr,
                                                         bool multiple)
{
    struct model_tree *t;
    pgno_t root;
    objid_t objid;

    assert_ok(space_create_tree(fix.sess, parent->t, kind, nr, multiple, &root, &objid));
    t = model_add(&model, root, objid, parent->root);
    assert_ok(tree_get(&fix.db, root, objid, kinds[kind].unique, kinds[kind].page_flags,
                       parent->root, &t->t));
    return t;
}

__attribute__((unused)) static pgno_t take(struct model_tree *t, pgno_t near)
{
    pgno_t pgno;

    assert_ok(space_alloc_page(fix.sess, t->t, near, &pgno));
    if (t->nr_used == t->room) {
        t->room = t->room ? 2 * t->room : 64;
        t->used = realloc(t->used, t->room * sizeof(*t->used));
        assert_non_null(t->used);
    }
    t->used[t->nr_used++] = pgno;
    return pgno;
}

__attribute__((unused)) static void give(struct model_tree *t, unsigned i)
{
    const pgno_t pgno = t->used[i];

    t->used[i] = t->used[--t->nr_used];
    assert_ok(space_free_pages(fix.sess, t->t, pgno, 1));
}

__attribute__((unused)) static void drop(struct model_tree *t)
{
    struct model_tree *parent = &model.tree[number_of(&model, t->parent) - 1];
    struct logrec rec = {.type = LR_FREE_FDP, .dbid = 1, .pgno_fdp = t->root};
    lgpos_t lgpos;

    rec.free_fdp.fdp_type = t->parent == 1 ? 1 : 2;
    assert_ok(trx_log(fix.sess, NULL, &rec, &lgpos));
    assert_ok(space_free_tree(fix.sess, parent->t, t->root, t->objid));
    for (unsigned i = 0; i < model.nr; i++)
        if (model.tree[i].t && !model.tree[i].gone &&
            (&model.tree[i] == t || model.tree[i].parent == t->root)) {
            atomic_store(&model.tree[i].t->deleted, true);
            tree_put(model.tree[i].t);
            model.tree[i].t = NULL;
        }
    model_drop(&model, t->root);
}

#endif
