/*
 * Records that make pages and trees, and those about ranges of pages.
 *
 * ESE: ErrLGRIRedoNewPage, ErrLGIRedoFDPPage, ErrLGRIRedoSpaceRootPage, ErrLGRIRedoConvertFDP,
 * ErrLGRIRedoExtendDB, ErrLGRIRedoShrinkDB, ErrLGRIRedoTrimDB (logredo.cxx); SPIInitPgnoFDP,
 * SPICreateExtentTree, SPIConvertCalcExtents, SPIPerformConvert (space.cxx).
 */
#include "btree/redo_int.h"
#include "btree/space.h"

#define MAP_PAGES \
    32u /* pages that the bitmap of a single extent speaks of (ESE: cpgSmallSpaceAvailMost) */

#define TYPE_FLAGS \
    ((uint32_t)(PAGE_INDEX | PAGE_LONG_VALUE | PAGE_NON_UNIQUE | PAGE_NEW_RECORD_FORMAT))

/* In a running engine somebody may be writing what was in the page's frame: new pages are latched while they are made.
 * A root that gets extent trees is latched by who knows its dbtime. */
static JET_ERR open_new(struct redo_db *db, lgpos_t lgpos, pgno_t pgno, dbtime_t after,
                        struct redo_page *ret)
{
    JET_ERR err = redo_open_new(db, lgpos, pgno, after, ret);

    if (err >= 0 && ret->buf)
        buf_latch(ret->buf, BUF_EXCLUSIVE);
    return err;
}

static void close_new(struct redo_page *p)
{
    if (p->buf)
        buf_unlatch(p->buf, BUF_EXCLUSIVE);
    redo_close(p);
}

JET_ERR redo_new_page(struct redo_db *db, lgpos_t lgpos, const struct logrec *rec)
{
    struct redo_page p;
    JET_ERR err = open_new(db, lgpos, rec->pgno, rec->dbtime, &p);

    if (err < 0)
        return err;
    if (p.redo) {
        page_preinit(p.e, rec->pgno, rec->objid, rec->dbtime);
        redo_changed(&p, rec->dbtime, lgpos);
    }
    close_new(&p);
    return JET_errSuccess;
}

/* An extent with its last page and length, put where it belongs. */
static JET_ERR insert_extent(struct edit e, uint64_t last, uint32_t nr)
{
    uint8_t key[4], data[4];
    unsigned line = 0;
    struct redo_key k = {{{key, 4}}};

    for (unsigned i = 0; i < 4; i++)
        key[i] = (uint8_t)(last >> (24 - 8 * i));
    put_le32(data, nr);
    while (line < page_nr_lines(edit_page(e))) {
        struct node n = page_node(edit_page(e), line);
        if (bt_key_cmp(&n, key, 4) > 0)
            break;
        line++;
    }
    return redo_insert(e, line, 0, k, (struct slice){data, 4});
}

/* A root of a space tree, with its dummy split buffer and no extents. */
static JET_ERR init_space_root(struct redo_page *p, const struct logrec *rec)
{
    static const uint8_t split_buffer[16];

    page_init(p->e, p->pgno, rec->objid, rec->dbtime,
              (rec->fdp.page_flags & TYPE_FLAGS) | PAGE_ROOT | PAGE_LEAF | PAGE_SPACE_TREE);
    return page_set_external_header(p->e, (struct slice){split_buffer, sizeof(split_buffer)});
}

static uint32_t space_flags(const struct logrec *rec, bool multiple)
{
    return (multiple ? SPACE_MULTIPLE : 0u) | (rec->flags & LR_PAGE_UNIQUE ? 0 : SPACE_NON_UNIQUE);
}

static struct space_hdr_disk space_header(const struct logrec *rec, bool multiple, uint32_t last)
{
    struct space_hdr_disk h = {.flags = {(uint8_t)space_flags(rec, multiple)}};

    le32_put(&h.cpg, rec->fdp.nr_pages);
    le32_put(&h.pgno_parent, rec->fdp.pgno_parent_fdp);
    le32_put(&h.pgno_oe_or_bitmap, last);
    return h;
}

static JET_ERR create_root(struct redo_db *db, lgpos_t lgpos, const struct logrec *rec)
{
    const bool multiple = rec->type == LR_CREATE_MULTIPLE_EXTENT_FDP;
    const uint32_t cpg = rec->fdp.nr_pages;
    const uint32_t bitmap =
        cpg > MAP_PAGES ? UINT32_MAX : (uint32_t)((UINT64_C(1) << (cpg - 1)) - 1);
    struct space_hdr_disk h = space_header(rec, multiple, multiple ? rec->fdp.pgno_oe : bitmap);
    struct redo_page p;
    JET_ERR err = open_new(db, lgpos, rec->pgno, rec->dbtime, &p);

    if (err < 0)
        return err;
    if (p.redo) {
        page_init(p.e, rec->pgno, rec->objid, rec->dbtime,
                  (rec->fdp.page_flags & TYPE_FLAGS) | PAGE_ROOT | PAGE_LEAF);
        err = page_set_external_header(p.e, (struct slice){(const uint8_t *)&h, sizeof(h)});
        redo_changed(&p, rec->dbtime, lgpos);
    }
    close_new(&p);
    return err;
}

static JET_ERR create_space_root(struct redo_db *db, lgpos_t lgpos, const struct logrec *rec,
                                 pgno_t pgno, uint32_t nr)
{
    struct redo_page p;
    JET_ERR err = open_new(db, lgpos, pgno, rec->dbtime, &p);

    if (err < 0)
        return err;
    if (p.redo) {
        err = init_space_root(&p, rec);
        if (err >= 0 && nr)
            err = insert_extent(p.e, rec->pgno + rec->fdp.nr_pages - 1, nr);
        redo_changed(&p, rec->dbtime, lgpos);
    }
    close_new(&p);
    return err;
}

JET_ERR redo_create_fdp(struct redo_db *db, lgpos_t lgpos, const struct logrec *rec)
{
    const bool multiple = rec->type == LR_CREATE_MULTIPLE_EXTENT_FDP;
    JET_ERR err;

    /* The primary extent holds the root and, when there are two, the roots of the space trees. */
    if (rec->fdp.nr_pages < (multiple ? 3u : 1u) ||
        (uint64_t)rec->pgno + rec->fdp.nr_pages - 1 > REDO_PGNO_MAX)
        return redo_bad_log(db, lgpos, "a new tree has an impossible first extent");
    if (multiple && (rec->fdp.pgno_oe != rec->pgno + 1 || rec->fdp.pgno_ae != rec->pgno + 2))
        return redo_bad_log(db, lgpos, "a new tree has its space trees elsewhere");
    err = create_root(db, lgpos, rec);
    if (err >= 0 && multiple)
        err = create_space_root(db, lgpos, rec, rec->fdp.pgno_oe, rec->fdp.nr_pages);
    if (err >= 0 && multiple)
        err = create_space_root(db, lgpos, rec, rec->fdp.pgno_ae, rec->fdp.nr_pages - 3);
    return err;
}

/* ---- ConvertFDP2 ------------------------------------------------------------------------------ */

/* What was free in the primary extent: by the bitmap, and all of it behind the bitmap's end. */
static JET_ERR insert_available(struct edit e, const struct logrec *rec)
{
    const uint32_t cpg = rec->fdp.nr_pages, bits = rec->fdp.avail_bits;
    uint32_t run = 0;
    JET_ERR err;

    for (uint32_t k = 0; k < MAP_PAGES; k++) {
        bool is_free = bits >> k & 1, goes_on;

        if (!is_free)
            continue;
        run++;
        goes_on = k + 1 < MAP_PAGES ? bits >> (k + 1) & 1 : cpg - 1 > MAP_PAGES;
        if (goes_on && k + 1 < MAP_PAGES)
            continue;
        if (goes_on) /* joins the extent behind the bitmap */
            break;
        err = insert_extent(e, (uint64_t)rec->pgno + 1 + k, run);
        if (err < 0)
            return err;
        run = 0;
    }
    if (cpg - 1 <= MAP_PAGES)
        return JET_errSuccess;
    return insert_extent(e, (uint64_t)rec->pgno + cpg - 1, cpg - 1 - MAP_PAGES + run);
}

static JET_ERR convert_oe(struct redo_page *p, const struct logrec *rec)
{
    JET_ERR err = init_space_root(p, rec);

    if (err >= 0)
        err = insert_extent(p->e, (uint64_t)rec->fdp.pgno_secondary + rec->fdp.nr_secondary - 1,
                            rec->fdp.nr_secondary);
    if (err >= 0)
        err = insert_extent(p->e, (uint64_t)rec->pgno + rec->fdp.nr_pages - 1, rec->fdp.nr_pages);
    return err;
}

static JET_ERR convert_ae(struct redo_page *p, const struct logrec *rec)
{
    JET_ERR err = init_space_root(p, rec);

    if (err >= 0 && rec->fdp.nr_secondary > 2)
        err = insert_extent(p->e, (uint64_t)rec->fdp.pgno_secondary + rec->fdp.nr_secondary - 1,
                            rec->fdp.nr_secondary - 2);
    if (err >= 0)
        err = insert_available(p->e, rec);
    return err;
}

static JET_ERR convert_new(struct redo_db *db, lgpos_t lgpos, const struct logrec *rec, pgno_t pgno,
                           JET_ERR (*make)(struct redo_page *p, const struct logrec *rec))
{
    struct redo_page p;
    JET_ERR err = open_new(db, lgpos, pgno, rec->dbtime, &p);

    if (err < 0)
        return err;
    if (p.redo) {
        err = make(&p, rec);
        redo_changed(&p, rec->dbtime, lgpos);
    }
    close_new(&p);
    return err;
}

/* Both extents are pages, and apart; the bitmap speaks of the first one only. */
static bool convert_is_possible(const struct logrec *rec)
{
    const uint64_t first = rec->pgno, nr = rec->fdp.nr_pages;
    const uint64_t second = rec->fdp.pgno_secondary, nr_second = rec->fdp.nr_secondary;

    if (!first || !nr || nr_second < 2 || first + nr - 1 > REDO_PGNO_MAX ||
        second + nr_second - 1 > REDO_PGNO_MAX)
        return false;
    if (second < first + nr && first < second + nr_second)
        return false;
    if (nr - 1 < MAP_PAGES && rec->fdp.avail_bits >> (nr - 1))
        return false;
    return rec->fdp.pgno_oe == second && rec->fdp.pgno_ae == second + 1;
}

JET_ERR redo_convert_fdp(struct redo_db *db, lgpos_t lgpos, const struct logrec *rec)
{
    struct space_hdr_disk h = space_header(rec, true, rec->fdp.pgno_oe);
    struct redo_page root;
    JET_ERR err;

    if (!convert_is_possible(rec))
        return redo_bad_log(db, lgpos, "a tree gets impossible space trees");
    err = redo_open(db, lgpos, rec->pgno, rec->objid, rec->dbtime_before, rec->dbtime, &root);
    if (err < 0)
        return err;
    if (root.redo && !(page_flags(edit_page(root.e)) & PAGE_ROOT))
        err = redo_inconsistent(db, lgpos, rec->pgno, "it is no root");
    else if (root.redo && redo_set_space_header(root.e, &h) < 0)
        err = redo_inconsistent(db, lgpos, rec->pgno, "its external header is no space header");
    else if (root.redo)
        redo_changed(&root, rec->dbtime, lgpos);
    redo_close(&root);
    if (err >= 0)
        err = convert_new(db, lgpos, rec, rec->fdp.pgno_oe, convert_oe);
    if (err >= 0)
        err = convert_new(db, lgpos, rec, rec->fdp.pgno_ae, convert_ae);
    return err;
}

/* ---- ranges ----------------------------------------------------------------------------------- */

/* ExtentFreed only tells which pages a snapshot of ESE's need not keep: nothing is done for it. */
JET_ERR redo_range(struct redo_db *db, lgpos_t lgpos, const struct logrec *rec)
{
    const bool cut = rec->type != LR_TRIM_DB;
    const pgno_t first = cut ? rec->pgno + 1 : rec->pgno;

    if (rec->type == LR_EXTENT_FREED || rec->type == LR_EXTENT_FREED2)
        return JET_errSuccess;
    if (rec->pgno == PGNO_NULL || rec->pgno > REDO_PGNO_MAX || rec->range.nr_pages > REDO_PGNO_MAX)
        return redo_bad_log(db, lgpos, "the file gets an impossible size");
    if (rec->type == LR_EXTEND_DB)
        return db->hooks->extend(db->ctx, rec->pgno);
    /* A file that is ahead of this record may have grown again: what is there is decided page by page. */
    redo_map_clear(db->map, first, rec->range.nr_pages);
    return db->hooks->discard(db->ctx, first, rec->range.nr_pages, cut);
}
