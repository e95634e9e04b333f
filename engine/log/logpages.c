/* Which pages a record changes (ESE: logapi.cxx ErrLrToPageRef and ErrLrToLogCsvSimple). Records that
 * only speak of pages - UndoInfo, ScanCheck, MacroInfo, ExtentFreed, PagePatchRequest - change none. */
#include "log/logrec.h"

struct lister {
    logrec_page_fn *fn;
    void *ctx;
    uint8_t dbid;
    dbtime_t after;
    JET_ERR err;
};

static void list(struct lister *l, pgno_t pgno, dbtime_t before, enum logrec_touch how)
{
    const struct logrec_page p = {
        .dbid = l->dbid, .pgno = pgno, .nr = 1, .how = how, .before = before, .after = l->after};

    if (pgno != PGNO_NULL && l->err >= 0)
        l->err = l->fn(l->ctx, &p);
}

static void changes(struct lister *l, pgno_t pgno, dbtime_t before)
{
    list(l, pgno, before, LOGREC_CHANGES);
}

static void initialises(struct lister *l, pgno_t pgno)
{
    list(l, pgno, DBTIME_INVALID, LOGREC_INITIALISES);
}

/* Pages [first, first + nr), as far as there are such page numbers. */
static void resets(struct lister *l, uint64_t first, uint64_t nr)
{
    const uint64_t from = first > 0 ? first : 1;
    const uint64_t end = first + nr < UINT32_MAX + 1ull ? first + nr : UINT32_MAX + 1ull;
    struct logrec_page p = {.dbid = l->dbid,
                            .pgno = (pgno_t)from,
                            .how = LOGREC_RESETS,
                            .before = DBTIME_INVALID,
                            .after = l->after};

    if (from >= end)
        return;
    p.nr = (uint32_t)(end - from);
    l->err = l->fn(l->ctx, &p);
}

static void empty_tree(struct lister *l, const struct logrec *rec)
{
    const struct lr_empty_page_disk *page = (const void *)rec->empty_pages.p;
    const size_t nr = rec->empty_pages.len / sizeof(*page);

    changes(l, rec->pgno, rec->dbtime_before);
    for (size_t i = 0; i < nr; i++)
        changes(l, le32_get(page[i].pgno), le64_get(page[i].dbtime_before));
}

JET_ERR logrec_pages(const struct logrec *rec, logrec_page_fn *fn, void *ctx)
{
    struct lister l = {.fn = fn, .ctx = ctx, .dbid = rec->dbid, .after = rec->dbtime};

    switch (rec->type) {
    case LR_INSERT:
    case LR_FLAG_INSERT:
    case LR_FLAG_INSERT_AND_REPLACE_DATA:
    case LR_FLAG_DELETE:
    case LR_REPLACE:
    case LR_REPLACE_D:
    case LR_DELETE:
    case LR_DELTA:
    case LR_DELTA64:
    case LR_SET_EXTERNAL_HEADER:
    case LR_UNDO:
    case LR_SCRUB:
        changes(&l, rec->pgno, rec->dbtime_before);
        break;
    case LR_SPLIT2:
        changes(&l, rec->pgno, rec->dbtime_before);
        initialises(&l, rec->split.pgno_new);
        changes(&l, rec->split.pgno_parent, rec->split.parent_before);
        changes(&l, rec->split.pgno_right, rec->split.right_before);
        break;
    case LR_MERGE2:
        changes(&l, rec->pgno, rec->dbtime_before);
        changes(&l, rec->merge.pgno_right, rec->merge.right_before);
        changes(&l, rec->merge.pgno_left, rec->merge.left_before);
        changes(&l, rec->merge.pgno_parent, rec->merge.parent_before);
        break;
    case LR_PAGE_MOVE:
        changes(&l, rec->pgno, rec->dbtime_before);
        initialises(&l, rec->move.pgno_dest);
        changes(&l, rec->move.pgno_parent, rec->move.parent_before);
        changes(&l, rec->move.pgno_left, rec->move.left_before);
        changes(&l, rec->move.pgno_right, rec->move.right_before);
        break;
    case LR_EMPTY_TREE:
        empty_tree(&l, rec);
        break;
    case LR_CREATE_MULTIPLE_EXTENT_FDP:
    case LR_CREATE_SINGLE_EXTENT_FDP:
    case LR_NEW_PAGE:
        initialises(&l, rec->pgno);
        if (rec->type == LR_CREATE_MULTIPLE_EXTENT_FDP) {
            initialises(&l, rec->fdp.pgno_oe);
            initialises(&l, rec->fdp.pgno_ae);
        }
        break;
    case LR_CONVERT_FDP2:
        changes(&l, rec->pgno, rec->dbtime_before);
        initialises(&l, rec->fdp.pgno_oe);
        initialises(&l, rec->fdp.pgno_ae);
        break;
    case LR_SHRINK_DB:
    case LR_SHRINK_DB2:
    case LR_SHRINK_DB3:
        resets(&l, (uint64_t)rec->pgno + 1, rec->range.nr_pages);
        break;
    case LR_TRIM_DB:
        resets(&l, rec->pgno, rec->range.nr_pages);
        break;
    default:
        break;
    }
    return l.err;
}
