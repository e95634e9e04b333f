/*
 * Every page of a tree, once: what btread.h does not check on its way (it checks objid, level, separators
 * and neighbours), and whose page it is.
 */
#include <inttypes.h>

#include "check/integrity.h"

#define TYPE_FLAGS (PAGE_SPACE_TREE | PAGE_INDEX | PAGE_LONG_VALUE | PAGE_NON_UNIQUE)
#define LOST_PAGES 20
/* Above it a dbtime is a marker of the engine's (ESE: daedef.hxx, dbtimeNil and its neighbours). */
#define DBTIME_MARKERS (UINT64_MAX - 0xff)

static void walk_fault(struct walk *w, JET_ERR err, pgno_t pgno, const char *what) cold;

static void walk_fault(struct walk *w, JET_ERR err, pgno_t pgno, const char *what)
{
    char name[TREE_NAME_LEN];

    w->t->damaged = true;
    integrity_fault(w->g, err, pgno, "%s%s: %s", w->of_space ? "space of " : "",
                    tree_name(w->t, name), what);
}

/* An index that may be unique or not says which in its own pages only. */
static bool may_be_non_unique(const struct tree *t)
{
    return t->kind == TREE_INDEX && (t->index->xflags & INDEX_X_OPTIONALLY_UNIQUE);
}

static uint32_t type_of(const struct tree *t)
{
    if (t->kind == TREE_LV)
        return PAGE_LONG_VALUE;
    if (t->kind != TREE_INDEX)
        return 0;
    return t->index->flags & INDEX_UNIQUE ? PAGE_INDEX : PAGE_INDEX | PAGE_NON_UNIQUE;
}

static void check_type(struct walk *w, pgno_t pgno, const struct page *p, unsigned depth)
{
    uint32_t flags = page_flags(*p) & TYPE_FLAGS;
    uint32_t want = depth ? w->bt->type : type_of(w->t) | (w->of_space ? PAGE_SPACE_TREE : 0);

    if (depth == 0 && may_be_non_unique(w->t)) {
        flags &= ~(uint32_t)PAGE_NON_UNIQUE;
        want &= ~(uint32_t)PAGE_NON_UNIQUE;
    }
    if (flags != want)
        walk_fault(w, JET_errDatabaseCorrupted, pgno,
                   "the page is flagged as another kind of tree's");
}

/* The last pointer of a level has no key: it is above everything. All others have one; that those agree
 * with the level above is checked on the way. */
static bool is_right_edge(const struct bt_cursor *bt)
{
    for (unsigned i = 0; i < bt->depth; i++)
        if (bt->level[i].line != bt->level[i].nr_lines)
            return false;
    return true;
}

static void check_internal(struct walk *w, pgno_t pgno, const struct page *p)
{
    const unsigned nr = page_nr_lines(*p);
    const struct node last = page_node(*p, nr - 1);

    if (is_right_edge(w->bt) && last.prefix.len + last.suffix.len)
        walk_fault(w, JET_errBadParentPageLink, pgno, "the last pointer of a level has a key");
    for (unsigned i = 0; i < nr; i++)
        if (page_node(*p, i).flags & (NODE_VERSIONED | NODE_DELETED)) {
            walk_fault(w, JET_errNodeCorrupted, pgno, "a pointer has the flags of a record");
            break;
        }
}

static void check_age(struct walk *w, pgno_t pgno, const struct page *p)
{
    const dbtime_t last = dbfile_info(w->g->f)->dbtime;

    if (w->g->lenient || page_dbtime(*p) <= last || page_dbtime(*p) >= DBTIME_MARKERS)
        return;
    if (!w->g->newer)
        integrity_note(w->g,
                       "page %" PRIu32 " was changed after the header (dbtime 0x%" PRIX64
                       " > 0x%" PRIX64 "): the file was copied while it was in use; what its newer "
                       "pages say of others is told as a note",
                       pgno, page_dbtime(*p), last);
    w->g->newer = w->t->newer = true;
}

static JET_ERR account(struct walk *w, pgno_t pgno)
{
    struct integrity *g = w->g;
    JET_ERR err = pgset_add(&g->reached, pgno);

    if (err < 0 || !w->of_space) {
        if (err >= 0)
            space_use(g, w->t, pgno);
        return err;
    }
    err = integrity_grow(&g->space_pages, g->nr_space_pages, &g->room_space_pages,
                         sizeof(*g->space_pages));
    if (err >= 0)
        g->space_pages[g->nr_space_pages++] = (struct tree_page){pgno, (uint32_t)(w->t - g->trees)};
    return err;
}

static void on_page(void *ctx, pgno_t pgno, const struct page *p, unsigned depth)
{
    struct walk *w = ctx;

    if (w->err < 0 || walk_is_lost(w))
        return;
    integrity_progress(w->g, 1);
    if (pgset_has(&w->g->reached, pgno)) {
        w->nr_repeated++;
        walk_fault(w, JET_errBadPageLink, pgno, "the page was reached before");
        return;
    }
    w->err = account(w, pgno);
    check_type(w, pgno, p, depth);
    check_age(w, pgno, p);
    if (!(page_flags(*p) & PAGE_LEAF)) {
        if (page_nr_lines(*p))
            check_internal(w, pgno, p);
    } else if (!w->leaf_seen) {
        w->leaf_seen = true;
        if (page_prev(*p))
            walk_fault(w, JET_errBadPageLink, pgno, "the first leaf has a leaf before it");
    }
}

void walk_again(struct walk *w, struct integrity *g, struct tree *t)
{
    w->g = g;
    w->t = t;
    w->bt = &w->own;
    w->of_space = w->leaf_seen = false;
    w->nr_repeated = 0;
    w->err = JET_errSuccess;
    bt_open(w->bt, g->f, t->root, t->objid, BT_DELETED);
}

void walk_begin(struct walk *w, struct integrity *g, struct tree *t)
{
    walk_again(w, g, t);
    w->bt->page_fn = on_page;
    w->bt->page_ctx = w;
}

void walk_hook(struct walk *w, struct integrity *g, struct tree *t, struct bt_cursor *bt)
{
    w->g = g;
    w->t = t;
    w->bt = bt;
    w->of_space = true;
    w->leaf_seen = false;
    w->nr_repeated = 0;
    w->err = JET_errSuccess;
    bt->page_fn = on_page;
    bt->page_ctx = w;
}

bool walk_is_lost(const struct walk *w)
{
    return w->nr_repeated >= LOST_PAGES;
}

bool walk_next(struct walk *w, struct bt_node *ret)
{
    while (w->err >= 0 && !walk_is_lost(w)) {
        JET_ERR err = bt_next(w->bt, ret);

        if (err >= 0)
            return w->err >= 0;
        if (err == JET_errNoCurrentRecord)
            return false;
        w->t->damaged = w->leaf_seen = true; /* it may have been the first leaf */
        if (err == JET_errOutOfBuffers)
            w->err = err;
    }
    return false;
}

bool walk_next_live(struct walk *w, struct bt_node *ret)
{
    while (walk_next(w, ret))
        if (!(ret->flags & NODE_DELETED))
            return true;
    return false;
}

void walk_end(struct walk *w)
{
    bt_close(w->bt);
}
