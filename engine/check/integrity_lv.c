/*
 * 16 bytes for each long value of one table at a time; in the file each takes 24 at least, and thousands
 * as a rule. The tree has them in the order of their numbers, so the list is sorted as it comes.
 */
#include "check/integrity_lv.h"

#include <inttypes.h>
#include <stdlib.h>

#include "rec/compress.h"
#include "rec/lv.h"

struct lv_walk {
    struct lv_check *c;
    uint32_t chunk;
    bool open; /* a root was seen and its value is not at its end */
    bool dead; /* it is deleted, or to be: its pieces may be gone */
    bool encrypted;
    uint64_t lid;
    uint32_t size, at; /* of that value: bytes seen */
    pgno_t pgno;       /* of its root */
    uint8_t buf[DECOMPRESS_MAX];
};

static void lv_fault(struct lv_check *c, pgno_t pgno, uint64_t lid, const char *what)
{
    char name[TREE_NAME_LEN];

    if (c->nr_broken++ < FAULTS_OF_A_KIND_MAX)
        integrity_fault(c->g, JET_errLVCorrupted, pgno, "%s: long value %" PRIX64 ": %s",
                        tree_name(c->t, name), lid, what);
}

static void lv_fault_many(struct lv_check *c, const char *what, unsigned nr)
{
    char name[TREE_NAME_LEN];

    integrity_fault(c->g, JET_errLVCorrupted, c->t->root, "%s: %u long values in all %s",
                    tree_name(c->t, name), nr, what);
}

static void close_value(struct lv_walk *w)
{
    if (w->open && !w->dead && w->at < w->size)
        lv_fault(w->c, w->pgno, w->lid, "pieces are missing at its end");
    w->open = false;
}

static JET_ERR take_root(struct lv_walk *w, const struct lv_node *n, const struct bt_node *at)
{
    struct lv_check *c = w->c;
    JET_ERR err;

    close_value(w);
    w->open = true;
    w->dead = (at->flags & NODE_DELETED) || n->refcount == 0;
    w->encrypted = n->encrypted;
    w->lid = n->lid;
    w->size = n->size;
    w->at = 0;
    w->pgno = at->pgno;
    if (at->flags & NODE_DELETED)
        return JET_errSuccess;
    err = integrity_grow(&c->e, c->nr, &c->room, sizeof(*c->e));
    if (err >= 0)
        c->e[c->nr++] = (struct lv_count){.lid = n->lid, .refcount = n->refcount};
    return err;
}

/* A piece that is shorter than what it stands for is compressed. */
static const char *check_piece(struct lv_walk *w, struct slice piece, uint32_t want)
{
    const char *what = NULL;
    uint32_t len;

    if (w->encrypted || piece.len == want)
        return NULL;
    if (piece.len > want)
        return "a piece is longer than it may be";
    if (compress_is_refused(piece))
        return NULL;
    if (decompress(piece, w->buf, sizeof(w->buf), &len, &what) < 0)
        return what;
    return len == want ? NULL : "a piece has a wrong length";
}

static void take_piece(struct lv_walk *w, const struct lv_node *n, const struct bt_node *at)
{
    const uint32_t left = w->size - w->at, want = left < w->chunk ? left : w->chunk;
    const char *what;

    if (at->flags & NODE_DELETED)
        return;
    if (!w->open || n->lid != w->lid) {
        close_value(w);
        lv_fault(w->c, at->pgno, n->lid, "there are pieces and no root");
        w->open = w->dead = true; /* told once */
        w->lid = n->lid;
        w->size = w->at = 0;
        return;
    }
    if (w->dead)
        return;
    if (n->offset != w->at || want == 0) {
        lv_fault(w->c, at->pgno, n->lid,
                 want == 0 ? "there are pieces behind its end" : "a piece is missing or misplaced");
        w->dead = true;
        return;
    }
    what = check_piece(w, n->piece, want);
    if (what)
        lv_fault(w->c, at->pgno, n->lid, what);
    w->at += want;
}

static JET_ERR take_node(struct lv_walk *w, const struct bt_node *n)
{
    struct lv_node node;
    const char *what = lv_node_decode(n->key, n->data, &node);

    if (what) {
        w->c->t->damaged = true; /* nobody knows of which value it is */
        lv_fault(w->c, n->pgno, node.lid, what);
        return JET_errSuccess;
    }
    if (node.is_root)
        return take_root(w, &node, n);
    take_piece(w, &node, n);
    return JET_errSuccess;
}

JET_ERR lv_begin(struct integrity *g, struct tree *t, struct lv_check *ret)
{
    struct lv_walk *lw;
    struct walk w;
    struct bt_node n;
    JET_ERR err = JET_errSuccess;

    *ret = (struct lv_check){.g = g, .t = t};
    if (!t || t->ignored)
        return JET_errSuccess;
    lw = calloc(1, sizeof(*lw));
    if (!lw)
        return RAISE(JET_errOutOfMemory);
    lw->c = ret;
    lw->chunk = t->table->lv_chunk;
    walk_begin(&w, g, t);
    while (err >= 0 && walk_next(&w, &n)) {
        err = take_node(lw, &n);
        t->nr_nodes++;
    }
    close_value(lw);
    if (ret->nr_broken > FAULTS_OF_A_KIND_MAX)
        lv_fault_many(ret, "are broken", ret->nr_broken);
    walk_end(&w);
    free(lw);
    return err < 0 ? err : w.err;
}

/* ---- references -------------------------------------------------------------------------------- */

static struct lv_count *find(const struct lv_check *c, uint64_t lid)
{
    size_t lo = 0, hi = c->nr;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (c->e[mid].lid == lid)
            return &c->e[mid];
        if (c->e[mid].lid < lid)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

void lv_refer(struct lv_check *c, const struct tree *table, uint64_t lid, pgno_t pgno)
{
    struct lv_count *e = find(c, lid);
    char name[TREE_NAME_LEN];

    if (e) {
        if (e->nr_references < UINT32_MAX)
            e->nr_references++;
        return;
    }
    if (c->t && (c->t->ignored || c->t->damaged))
        return;
    if (c->nr_dangling++ < FAULTS_OF_A_KIND_MAX)
        integrity_fault(c->g, JET_errLVCorrupted, pgno,
                        "a record of %s refers to long value %" PRIX64 ", which does not exist",
                        tree_name(table, name), lid);
}

/* Page of a value's root; that of the tree when it is not found again. */
static pgno_t page_of(const struct lv_check *c, uint64_t lid)
{
    struct bt_cursor *bt = malloc(sizeof(*bt));
    uint8_t key[LV_KEY_MAX];
    struct bt_node n;
    pgno_t pgno = c->t->root;

    if (!bt)
        return pgno;
    bt_open(bt, c->g->f, c->t->root, c->t->objid, 0);
    if (bt_seek(bt, key, lv_key(lid, NULL, key)) >= 0 && bt_next(bt, &n) >= 0)
        pgno = n.pgno;
    bt_close(bt);
    free(bt);
    return pgno;
}

static void compare_counts(struct lv_check *c)
{
    unsigned nr_wrong = 0;
    uint64_t nr_unused = 0;
    char name[TREE_NAME_LEN];

    for (size_t i = 0; i < c->nr; i++) {
        const struct lv_count *e = &c->e[i];
        if (e->refcount == e->nr_references) {
            nr_unused += e->refcount == 0;
            continue;
        }
        if (nr_wrong++ < FAULTS_OF_A_KIND_MAX)
            integrity_fault(c->g, JET_errLVCorrupted, page_of(c, e->lid),
                            "%s: long value %" PRIX64 " counts %" PRIu32
                            " references, there are %" PRIu32,
                            tree_name(c->t, name), e->lid, e->refcount, e->nr_references);
    }
    if (nr_wrong > FAULTS_OF_A_KIND_MAX)
        lv_fault_many(c, "count their references wrong", nr_wrong);
    if (nr_unused)
        integrity_note(c->g,
                       "%s: %" PRIu64 " of %zu long values are not used and wait for deletion",
                       tree_name(c->t, name), nr_unused, c->nr);
}

void lv_end(struct lv_check *c, const struct tree *table)
{
    if (c->t && !table->damaged && !c->t->ignored && !c->t->damaged) {
        const bool newer = c->t->newer || table->newer;
        c->g->doubtful += newer;
        compare_counts(c);
        c->g->doubtful -= newer;
    }
    free(c->e);
    *c = (struct lv_check){0};
}
