/*
 * Pages and extents taken: from the tree itself, else from its parent, in the end from the end of
 * the file (ESE: space.cxx ErrSPGetPage, ErrSPIGetExt, ErrSPIGetSe, ErrSPIGetFsSe; write path 9.1
 * to 9.5).
 *
 * How much is asked for is policy, and follows ESE: small trees grow by 4 pages, others by at least
 * 16 and by what they got last; the database by db_extension. A tree other than the database's root
 * hands on what it gets from its parent for a child, and keeps its own available pages for itself.
 */
#include "btree/spacewrite_priv.h"

/* ESE: _space.hxx cpgSmallFDP, cpgSmallGrow; daeconst.hxx cpageSEDefault; space.hxx cSecFrac;
 * JET_paramPageFragment; cpgSmallDbSpaceSize, pgnoSmallDbSpaceStart; io.hxx cpgDBReserved. */
enum {
    TREE_SMALL = 16,
    GROW_SMALL = 4,
    GROW_LEAST = 16,
    PRIMARY_PART = 4,
    FRAGMENT = 8,
    DB_SMALL = 254,
    DB_SMALL_BEGIN = 128,
    DB_HEADERS = 2
};

static inline uint32_t most(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static bool contains(const struct extent *e, pgno_t pgno)
{
    return pgno <= e->last && pgno >= extent_first(e);
}

static JET_ERR bad_space(const struct sp *x, JET_ERR err, pgno_t pgno, const char *what)
{
    return fault(&x->d->inst->r, RAISE(err), 0, pgno, ((uint64_t)pgno + 1) * x->d->page_size, "%s",
                 what);
}

/* ---- single extents -------------------------------------------------------------------------- */

/* nr pages that follow one another, by the map. False: there are none. */
static bool find_in_map(const struct sp *x, uint32_t nr, unsigned *ret_bit)
{
    const uint32_t behind = x->h.cpg_first - 1;
    const unsigned bits = behind < SP_MAP_PAGES ? behind : SP_MAP_PAGES;
    uint64_t mask = (UINT64_C(1) << nr) - 1;

    for (unsigned bit = 0; bit + nr <= bits; bit++)
        if ((x->h.bitmap >> bit & mask) == mask) {
            *ret_bit = bit;
            return true;
        }
    return false;
}

/* JET_errNoCurrentRecord: none. */
static JET_ERR take_from_map(struct sp *x, uint32_t nr, pgno_t *ret)
{
    const struct space_header before = x->h;
    unsigned bit;
    JET_ERR err;

    if (nr > SP_MAP_PAGES || !find_in_map(x, nr, &bit))
        return JET_errNoCurrentRecord;
    x->h.bitmap &= ~(uint32_t)(((UINT64_C(1) << nr) - 1) << bit);
    err = sp_write_header(x, &before);
    if (err >= 0)
        *ret = x->t->root + 1 + bit;
    return err;
}

/* ---- the file -------------------------------------------------------------------------------- */

static JET_ERR log_extend(const struct db *d, pgno_t last)
{
    const struct logrec rec = {.type = LR_EXTEND_DB, .dbid = d->dbid, .pgno = last};

    return d->inst->wal ? wal_append(d->inst->wal, &rec, NULL) : JET_errSuccess;
}

static JET_ERR make_file_longer(struct db *d, pgno_t last)
{
    const uint64_t has = ((uint64_t)d->pgno_last + DB_HEADERS) * d->page_size;
    const uint64_t len = ((uint64_t)last + DB_HEADERS) * d->page_size;
    JET_ERR err = last <= d->pgno_last ? JET_errSuccess : bufpool_extend(d->pool, has, len);

    if (err >= 0 && last > d->pgno_last)
        d->pgno_last = last;
    return err;
}

/* The file first: a crash behind it leaves it longer than what is owned, and the next one finds it
 * so. */
JET_ERR sp_extend_file(struct sp *x, uint32_t *nr, uint32_t min, bool may_exceed, pgno_t *ret_last)
{
    struct db *d = x->d;
    const pgno_t most_last = d->pgno_max && !may_exceed ? d->pgno_max : SP_PGNO_MAX;
    struct sp_node end;
    JET_ERR err = sp_find_last(x, SPACE_OWNED, &end);

    if (err == JET_errNoCurrentRecord)
        return bad_space(x, JET_errSPOwnExtCorrupted, x->t->root, "the database owns no page");
    if (err < 0)
        return err;
    if (end.e.last >= most_last || min > most_last - end.e.last)
        return RAISE(JET_errOutOfDatabaseSpace);
    if (*nr > most_last - end.e.last)
        *nr = most_last - end.e.last;
    err = make_file_longer(d, end.e.last + *nr);
    if (err < 0 && min < *nr) {
        *nr = min;
        err = make_file_longer(d, end.e.last + min);
    }
    if (err < 0)
        return fault_io(&d->inst->r, err, ((uint64_t)d->pgno_last + DB_HEADERS) * d->page_size,
                        "making the database longer");
    *ret_last = end.e.last + *nr;
    return log_extend(d, *ret_last);
}

/*
 * Pages that lie on a shelf (formats from 120 on: cut off from the file while somebody still owned
 * them) are in the file again and stay their owner's; what lies between them is available. *first:
 * what is behind the last of them.
 */
static JET_ERR unshelve(struct sp *x, pgno_t *first, pgno_t last)
{
    struct sp_node n;
    pgno_t gap_last;
    JET_ERR err;

    while ((err = sp_find(x, SPACE_AVAILABLE, SPACE_POOL_SHELVED, 0, NULL, NULL, &n)) >= 0 &&
           extent_first(&n.e) <= last) {
        err = sp_remove(x, SPACE_AVAILABLE, &n);
        gap_last = extent_first(&n.e) - 1;
        if (err >= 0 && gap_last >= *first && gap_last < last) {
            err = sp_add(x, SPACE_AVAILABLE, gap_last, gap_last - *first + 1);
            if (err >= 0)
                err = sp_reserve(x);
        }
        if (err < 0)
            return err;
        *first = most(*first, n.e.last + 1);
    }
    return err == JET_errNoCurrentRecord || err >= 0 ? JET_errSuccess : err;
}

/* So much that the file ends at a multiple of db_extension, headers counted. */
static uint32_t round_growth(const struct sp *x, uint32_t nr, uint32_t min, pgno_t end)
{
    const uint32_t step = most(x->d->inst->conf.db_extension, 1);
    const uint32_t over = (uint32_t)(((uint64_t)end + DB_HEADERS) % step);

    nr = most(nr, step);
    if (!x->h.v2)
        nr = most(nr, x->h.cpg_first / PRIMARY_PART);
    nr = (nr + step - 1) / step * step;
    if (!over)
        return nr;
    return nr - over >= min ? nr - over : nr + step - over;
}

JET_ERR sp_grow_root(struct sp *x, uint32_t nr, uint32_t min, bool exact, struct sp_node *ret)
{
    struct sp_node end;
    pgno_t first, last;
    JET_ERR err;

    do {
        err = sp_reserve(x);
        if (err >= 0)
            err = sp_find_last(x, SPACE_OWNED, &end);
        if (err < 0)
            return err == JET_errNoCurrentRecord ? RAISE(JET_errSPOwnExtCorrupted) : err;
        if (!exact)
            nr = round_growth(x, nr, min, end.e.last);
        err = sp_extend_file(x, &nr, min, false, &last);
        if (err >= 0)
            err = sp_add(x, SPACE_OWNED, last, nr);
        first = last - nr + 1;
        if (err >= 0)
            err = unshelve(x, &first, last);
        if (err >= 0 && first <= last)
            err = sp_add(x, SPACE_AVAILABLE, last, last - first + 1);
    } while (err >= 0 && last - first + 1 < min);
    return err < 0 ? err : sp_find_exact(x, SPACE_AVAILABLE, last, ret);
}

/* ---- extents from the parent ----------------------------------------------------------------- */

static bool reaches_small(void *ctx, const struct extent *e)
{
    uint32_t *sum = ctx;

    *sum += e->cpg;
    return *sum >= TREE_SMALL;
}

static JET_ERR is_small(struct sp *x, bool *ret)
{
    uint32_t sum = 0;
    struct sp_node n;
    JET_ERR err;

    *ret = false;
    if (x->h.v2 || x->h.cpg_first >= TREE_SMALL)
        return JET_errSuccess;
    err = sp_find(x, SPACE_OWNED, SPACE_POOL_GENERAL, 0, reaches_small, &sum, &n);
    *ret = err == JET_errNoCurrentRecord;
    return *ret ? JET_errSuccess : err;
}

/* What a tree that grows asks its parent for; noted in its header (ESE: ErrSPIImproveLastAlloc). */
static JET_ERR size_growth(struct sp *x, uint32_t *nr)
{
    const struct space_header before = x->h;
    bool small;
    JET_ERR err = is_small(x, &small);

    if (err < 0)
        return err;
    if (small)
        *nr = most(*nr, GROW_SMALL);
    else
        *nr = most(most(*nr, GROW_LEAST), x->h.v2 ? x->h.cpg_first : x->h.cpg_first / PRIMARY_PART);
    *nr = most(*nr, sp_next_size(x));
    if (*nr == x->h.cpg_first)
        return JET_errSuccess;
    x->h.v2 = true;
    x->h.cpg_first = *nr;
    return sp_write_header(x, &before);
}

uint32_t sp_next_size(const struct sp *x)
{
    const struct tree *t = x->t;
    uint64_t nr = x->h.cpg_first;

    if (t->hint_max && t->hint_min == t->hint_max)
        return t->hint_max;
    if (t->hint_growth)
        nr = nr * t->hint_growth / 100 > nr ? nr * t->hint_growth / 100 : nr + 1;
    if (nr < t->hint_min)
        nr = t->hint_min;
    if (t->hint_max && nr > t->hint_max)
        nr = t->hint_max;
    return nr > SP_PGNO_MAX ? SP_PGNO_MAX : (uint32_t)nr;
}

/* An extent more for x, owned and available. own: x wants it for itself, so the size is its own
 * policy's. */
static JET_ERR get_secondary(struct sp *x, uint32_t nr, uint32_t min, bool own, struct sp_node *ret)
{
    struct sp parent;
    pgno_t first, last;
    JET_ERR err = JET_errSuccess;

    if (sp_is_root(x))
        return sp_grow_root(x, nr, min, false, ret);
    if (own)
        err = size_growth(x, &nr);
    if (err >= 0)
        err = sp_reserve(x);
    if (err >= 0)
        err = sp_open_parent(&parent, x);
    if (err < 0)
        return err;
    err = sp_get_extent(&parent, &nr, min, false, &first);
    sp_close(&parent);
    if (err < 0)
        return err;
    last = first + nr - 1;
    err = sp_add(x, SPACE_OWNED, last, nr);
    if (err >= 0)
        err = sp_add(x, SPACE_AVAILABLE, last, nr);
    return err < 0 ? err : sp_find_exact(x, SPACE_AVAILABLE, last, ret);
}

/* ---- extents for children -------------------------------------------------------------------- */

/* The database's root gives what it has; so do the catalogue's trees, whose pages are all where ESE
 * expects them. */
static bool gives_own(const struct sp *x)
{
    static const pgno_t system[] = {DB_ROOT_PGNO, 4, 7, 10, 24};

    for (unsigned i = 0; i < ARRAY_LEN(system); i++)
        if (x->t->root == system[i])
            return true;
    return false;
}

struct wanted {
    uint32_t min, size_class;
    pgno_t first; /* of the first extent in that class; 0: none seen */
};

static bool is_big_enough(void *ctx, const struct extent *e)
{
    struct wanted *w = ctx;

    if (!w->first && e->cpg >= w->size_class)
        w->first = extent_first(e);
    return e->cpg >= w->min;
}

/* First fit. What is too small is not looked at again, as long as nothing is freed before it. */
static JET_ERR find_available(struct sp *x, uint32_t min, struct sp_node *ret)
{
    const unsigned class = sp_size_class(min);
    pgno_t *hint = &x->t->avail_hint[class];
    struct wanted w = {.min = min, .size_class = 1u << class};
    JET_ERR err = sp_find(x, SPACE_AVAILABLE, SPACE_POOL_GENERAL, *hint, is_big_enough, &w, ret);

    if (w.first)
        *hint = w.first;
    else if (err == JET_errNoCurrentRecord)
        *hint = SP_PGNO_MAX;
    return err;
}

/* Is what would be left of the extent too little to be kept? Then all of it is given. */
static bool give_all(const struct sp *x, uint32_t nr, bool new_tree, const struct extent *e)
{
    if (e->cpg <= nr)
        return true;
    if (sp_is_root(x)) {
        if (new_tree && x->d->pgno_last < DB_SMALL && extent_first(e) < DB_SMALL_BEGIN)
            return false;
        return e->cpg < nr + GROW_SMALL;
    }
    return nr >= FRAGMENT && e->cpg < nr + FRAGMENT;
}

JET_ERR sp_get_extent(struct sp *x, uint32_t *nr, uint32_t min, bool new_tree, pgno_t *ret_first)
{
    struct sp_node n;
    JET_ERR err = JET_errNoCurrentRecord;

    *nr = most(*nr, min);
    if (!x->h.multiple) {
        err = take_from_map(x, min, ret_first);
        if (err != JET_errNoCurrentRecord) {
            *nr = min;
            return err;
        }
        err = sp_convert(x, *nr, min);
        if (err < 0)
            return err;
        err = JET_errNoCurrentRecord;
    }
    if (gives_own(x))
        err = find_available(x, min, &n);
    if (err == JET_errNoCurrentRecord)
        err = get_secondary(x, *nr, min, false, &n);
    if (err < 0)
        return err;
    if (n.e.cpg < *nr || give_all(x, *nr, new_tree, &n.e))
        *nr = n.e.cpg;
    *ret_first = extent_first(&n.e);
    return sp_take_front(x, &n, *nr);
}

/* ---- pages ----------------------------------------------------------------------------------- */

/* The first one there is; the next search begins there. */
static JET_ERR find_first(struct sp *x, struct sp_node *ret)
{
    pgno_t *hint = &x->t->avail_hint[0];
    JET_ERR err = sp_find(x, SPACE_AVAILABLE, SPACE_POOL_GENERAL, *hint, NULL, NULL, ret);

    if (err >= 0)
        *hint = extent_first(&ret->e);
    else if (err == JET_errNoCurrentRecord)
        *hint = SP_PGNO_MAX;
    return err;
}

/* The extent nearest behind `near`, else the first, else one from the contiguous pool, which ESE
 * fills and nobody else. */
static JET_ERR find_near(struct sp *x, pgno_t near, struct sp_node *ret)
{
    JET_ERR err = JET_errNoCurrentRecord;

    if (near > x->t->avail_hint[0])
        err = sp_find(x, SPACE_AVAILABLE, SPACE_POOL_GENERAL, near, NULL, NULL, ret);
    if (err == JET_errNoCurrentRecord)
        err = find_first(x, ret);
    if (err == JET_errNoCurrentRecord)
        err = sp_find(x, SPACE_AVAILABLE, SPACE_POOL_CONTIGUOUS, 0, NULL, NULL, ret);
    if (err >= 0 && contains(&ret->e, near))
        return bad_space(x, JET_errSPAvailExtCorrupted, ret->pgno, "a page in use is available");
    return err;
}

static JET_ERR take_page(struct sp *x, pgno_t near, pgno_t *ret)
{
    struct sp_node n;
    JET_ERR err;

    if (!x->h.multiple) {
        err = take_from_map(x, 1, ret);
        if (err != JET_errNoCurrentRecord)
            return err;
        err = sp_convert(x, 1, 1);
        if (err < 0)
            return err;
    }
    err = find_near(x, near, &n);
    if (err == JET_errNoCurrentRecord)
        err = get_secondary(x, 1, 1, true, &n);
    if (err < 0)
        return err;
    *ret = extent_first(&n.e);
    return sp_take_front(x, &n, 1);
}

JET_ERR space_alloc_page(struct sess *s, struct tree *t, pgno_t near, pgno_t *ret)
{
    struct sp x;
    JET_ERR err;

    pthread_mutex_lock(&t->db->space_lock);
    err = sp_open(&x, s, t);
    if (err >= 0) {
        err = take_page(&x, near, ret);
        sp_close(&x);
    }
    pthread_mutex_unlock(&t->db->space_lock);
    return err;
}
