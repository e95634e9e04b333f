/* The rule by which a page gets a record's change, and which function does it; see redo.h. */
#include "btree/redo_int.h"

#include <inttypes.h>
#include <stdlib.h>

#define DBTIME_MARKS (UINT64_MAX - 4)

JET_ERR redo_init(struct redo_db *db)
{
    db->map = redo_map_new();
    db->store = malloc(2 * (size_t)PAGE_SIZE_MAX);
    if (!db->map || !db->store) {
        redo_done(db);
        return RAISE(JET_errOutOfMemory);
    }
    return JET_errSuccess;
}

void redo_done(struct redo_db *db)
{
    redo_map_free(db->map);
    free(db->store);
    db->map = NULL;
    db->store = NULL;
}

/* ---- faults ----------------------------------------------------------------------------------- */

JET_ERR redo_inconsistent(struct redo_db *db, lgpos_t lgpos, pgno_t pgno, const char *what)
{
    char at[LGPOS_STR_LEN];

    return fault(db->r, RAISE(JET_errLogOperationInconsistentWithDatabase), 0, pgno,
                 redo_offset(db, pgno), "the log record at %s does not fit the page: %s",
                 lgpos_str(lgpos, at), what);
}

JET_ERR redo_bad_log(struct redo_db *db, lgpos_t lgpos, const char *what)
{
    char at[LGPOS_STR_LEN];

    return fault(db->r, RAISE(JET_errLogFileCorrupt), 0, PGNO_NULL, ESE_NO_OFFSET,
                 "the log at %s cannot be replayed: %s", lgpos_str(lgpos, at), what);
}

/* ESE: ErrLGRIReportDbtimeMismatch, event 516. */
static JET_ERR dbtime_mismatch(struct redo_db *db, lgpos_t lgpos, pgno_t pgno, dbtime_t found,
                               dbtime_t before, dbtime_t after)
{
    char at[LGPOS_STR_LEN];
    JET_ERR err = found >= after   ? JET_errDbTimeBeyondMaxRequired
                  : found < before ? JET_errDbTimeTooOld
                                   : JET_errDbTimeTooNew;

    return fault(db->r, RAISE(err), 516, pgno, redo_offset(db, pgno),
                 "dbtime 0x%" PRIx64 ", the log record at %s takes it from 0x%" PRIx64
                 " to 0x%" PRIx64,
                 found, lgpos_str(lgpos, at), before, after);
}

/* ESE: LGIReportPageDataMissing, event 555. */
static JET_ERR page_missing(struct redo_db *db, lgpos_t lgpos, pgno_t pgno, JET_ERR err)
{
    char at[LGPOS_STR_LEN];

    return fault(db->r, RAISE(err), 555, pgno, redo_offset(db, pgno),
                 "the page is blank or beyond the end of the file, the log record at %s changes it",
                 lgpos_str(lgpos, at));
}

/* ---- pages ------------------------------------------------------------------------------------ */

/* Nothing is there: blank, or a page with one of the dbtimes by which ESE marks what was shrunk away or
 * reverted (ESE: daedef.hxx dbtimeShrunk, dbtimeRevert and its kin). */
static bool is_void(const struct buf *b)
{
    return b->blank || page_dbtime((struct page){b->b, b->size}) >= DBTIME_MARKS;
}

void redo_close(struct redo_page *p)
{
    buf_put(p->buf);
    p->buf = NULL;
}

/* Decides for a page that is there: fault, has it, needs it (ESE: FLGNeedRedoCheckDbtimeBefore). */
static JET_ERR decide(struct redo_db *db, lgpos_t lgpos, objid_t objid, dbtime_t before,
                      dbtime_t after, struct redo_page *p)
{
    const struct page page = {p->buf->b, p->buf->size};
    const dbtime_t found = page_dbtime(page);

    p->redo = found < after;
    if (!p->redo)
        return db->ahead ? JET_errSuccess
                         : dbtime_mismatch(db, lgpos, p->pgno, found, before, after);
    if (before != DBTIME_INVALID && found != before) {
        p->redo = false;
        if (found > before || !db->ahead)
            return dbtime_mismatch(db, lgpos, p->pgno, found, before, after);
        return redo_map_set(db->map, p->pgno, JET_errDbTimeTooOld, lgpos);
    }
    if (objid && page_objid(page) != objid)
        return redo_inconsistent(db, lgpos, p->pgno, "it belongs to another tree");
    p->e = (struct edit){p->buf->b, p->buf->size};
    return JET_errSuccess;
}

JET_ERR redo_open(struct redo_db *db, lgpos_t lgpos, pgno_t pgno, objid_t objid, dbtime_t before,
                  dbtime_t after, struct redo_page *ret)
{
    JET_ERR err;

    *ret = (struct redo_page){.pgno = pgno};
    if (pgno == PGNO_NULL || pgno > REDO_PGNO_MAX)
        return redo_bad_log(db, lgpos, "it changes a page that cannot be");
    if (redo_map_get(db->map, pgno) == JET_errPageNotInitialized)
        return JET_errSuccess;
    err = buf_get(db->pool, pgno, BUF_READ, &ret->buf);
    if (err < 0)
        return err;
    if (is_void(ret->buf)) {
        redo_close(ret);
        if (!db->ahead)
            return page_missing(db, lgpos, pgno, JET_errPageNotInitialized);
        return redo_map_set(db->map, pgno, JET_errPageNotInitialized, lgpos);
    }
    err = decide(db, lgpos, objid, before, after, ret);
    if (err < 0)
        redo_close(ret);
    return err;
}

/* A page that cannot be read is made anew, just as one that is not there: a note, not a fault. */
static bool read_quietly(struct redo_db *db, pgno_t pgno, struct buf **ret)
{
    const struct reporter loud = *db->r;
    JET_ERR err;

    db->r->fn = NULL;
    err = buf_get(db->pool, pgno, BUF_READ, ret);
    db->r->fn = loud.fn;
    if (err >= 0)
        return true;
    db->r->first = loud.first;
    db->r->nr_faults = loud.nr_faults;
    fault_note(db->r, 419, redo_offset(db, pgno),
               "page %u could not be read (%s) and is made anew from the log", (unsigned)pgno,
               err_name(err));
    return false;
}

JET_ERR redo_open_new(struct redo_db *db, lgpos_t lgpos, pgno_t pgno, dbtime_t after,
                      struct redo_page *ret)
{
    JET_ERR err;

    *ret = (struct redo_page){.pgno = pgno, .redo = true, .made = true};
    if (pgno == PGNO_NULL || pgno > REDO_PGNO_MAX)
        return redo_bad_log(db, lgpos, "it makes a page that cannot be");
    if (redo_map_get(db->map, pgno) == JET_errPageNotInitialized) {
        ret->redo = false;
        return JET_errSuccess;
    }
    if (db->ahead && read_quietly(db, pgno, &ret->buf) && !is_void(ret->buf))
        ret->redo = page_dbtime((struct page){ret->buf->b, ret->buf->size}) < after;
    if (!ret->buf) {
        err = buf_get(db->pool, pgno, BUF_NEW, &ret->buf);
        if (err < 0)
            return err;
    }
    ret->e = (struct edit){ret->buf->b, ret->buf->size};
    return JET_errSuccess;
}

void redo_stamp(struct redo_page *p, dbtime_t after)
{
    struct edit e = {p->buf->b, p->buf->size};

    page_set_flags(e, page_flags(edit_page(e)) & ~(uint32_t)PAGE_SCRUBBED);
    page_set_dbtime(e, after);
}

void redo_changed(struct redo_page *p, dbtime_t after, lgpos_t lgpos)
{
    redo_stamp(p, after);
    buf_dirty(p->buf, lgpos);
}

/* ---- dispatch --------------------------------------------------------------------------------- */

void redo_count(struct redo_db *db, const struct logrec *rec)
{
    if (rec->dbtime != DBTIME_INVALID && rec->dbtime > db->dbtime_last)
        db->dbtime_last = rec->dbtime;
    if (rec->objid > db->objid_last)
        db->objid_last = rec->objid;
}

JET_ERR redo_apply(struct redo_db *db, lgpos_t lgpos, const struct logrec *rec,
                   struct redo_result *ret)
{
    *ret = (struct redo_result){0};
    redo_count(db, rec);
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
        return redo_node(db, lgpos, rec, ret);
    case LR_SCRUB:
        return redo_scrub(db, lgpos, rec, ret);
    case LR_EMPTY_TREE:
    case LR_PAGE_MOVE:
        return redo_macro(db, lgpos, rec, 1, ret);
    case LR_NEW_PAGE:
        return redo_new_page(db, lgpos, rec);
    case LR_CREATE_MULTIPLE_EXTENT_FDP:
    case LR_CREATE_SINGLE_EXTENT_FDP:
        return redo_create_fdp(db, lgpos, rec);
    case LR_CONVERT_FDP2:
        return redo_convert_fdp(db, lgpos, rec);
    case LR_EXTEND_DB:
    case LR_SHRINK_DB:
    case LR_SHRINK_DB2:
    case LR_SHRINK_DB3:
    case LR_TRIM_DB:
    case LR_EXTENT_FREED:
    case LR_EXTENT_FREED2:
        return redo_range(db, lgpos, rec);
    case LR_SPLIT2:
    case LR_MERGE2:
    case LR_ROOT_PAGE_MOVE:
        return redo_bad_log(db, lgpos, "a record of a macro stands outside one");
    default:
        return JET_errSuccess;
    }
}

/* ---- macros ----------------------------------------------------------------------------------- */

/* ESE: ErrLGRIRedoMacroOperation: the first record says what kind it is. */
static JET_ERR make_copies(struct redo_macro *m, const struct logrec *recs, unsigned nr,
                           struct redo_result *ret)
{
    if (recs[0].type == LR_SPLIT2)
        return redo_split(m, recs, nr, ret);
    if (recs[0].type == LR_MERGE2)
        return redo_merge(m, recs, nr);
    if (recs[0].type == LR_ROOT_PAGE_MOVE)
        return redo_root_move(m, recs, nr);
    if (recs[0].type == LR_EMPTY_TREE && nr == 1)
        return redo_empty_tree(m, &recs[0], ret);
    if (recs[0].type == LR_PAGE_MOVE && nr == 1)
        return redo_page_move(m, &recs[0]);
    return redo_bad_log(m->db, m->lgpos, "a macro begins with a record of another kind");
}

JET_ERR redo_macro_prepare(struct redo_db *db, lgpos_t lgpos, const struct logrec *recs,
                           unsigned nr, struct redo_result *result, struct redo_macro **ret)
{
    struct redo_macro *m = malloc(sizeof(*m));
    JET_ERR err = JET_errSuccess;

    *result = (struct redo_result){0};
    if (!m)
        return RAISE(JET_errOutOfMemory);
    m->db = db;
    m->lgpos = lgpos;
    m->dbtime = nr ? recs[0].dbtime : 0;
    m->nr_pages = 0;
    for (unsigned i = 0; i < nr && err >= 0; i++) {
        redo_count(db, &recs[i]);
        if (recs[i].dbtime != m->dbtime)
            err = redo_bad_log(db, lgpos, "the records of a macro differ in their dbtime");
    }
    if (err >= 0 && nr)
        err = make_copies(m, recs, nr, result);
    if (err >= 0)
        err = redo_macro_check(m);
    if (err < 0) {
        *result = (struct redo_result){0};
        redo_macro_free(m);
        return err;
    }
    *ret = m;
    return JET_errSuccess;
}

JET_ERR redo_macro(struct redo_db *db, lgpos_t lgpos, const struct logrec *recs, unsigned nr,
                   struct redo_result *ret)
{
    struct redo_macro *m;
    JET_ERR err = redo_macro_prepare(db, lgpos, recs, nr, ret, &m);

    if (err < 0)
        return err;
    redo_macro_apply(m, lgpos, lgpos);
    redo_macro_free(m);
    return JET_errSuccess;
}

/* ---- the end ---------------------------------------------------------------------------------- */

struct settle {
    struct redo_db *db;
    JET_ERR first;
};

static void report_missed(void *ctx, pgno_t pgno, JET_ERR why, lgpos_t lgpos)
{
    struct settle *s = ctx;
    char at[LGPOS_STR_LEN];

    fault(s->db->r, RAISE(why), why == JET_errDbTimeTooOld ? 516 : 555, pgno,
          redo_offset(s->db, pgno),
          "the log record at %s could not be applied, and nothing later removed the page",
          lgpos_str(lgpos, at));
    if (!s->first)
        s->first = why;
}

JET_ERR redo_settle(struct redo_db *db)
{
    struct settle s = {db, JET_errSuccess};

    redo_map_each(db->map, report_missed, &s);
    db->ahead = false;
    return s.first;
}
