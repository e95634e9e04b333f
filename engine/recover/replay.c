/*
 * Redo: every record from the redo start on, in the order of the log. Pages are btree/redo.h's; here is which
 * records count, and what is remembered so that open transactions can be rolled back afterwards.
 *
 * A record of a page counts when its session has begun a transaction in the replayed part and its database
 * is attached. Records of a macro wait for its MacroCommit: until that is on disk no page of it can be.
 */
#include <inttypes.h>

#include "btree/undo.h"
#include "recover/recover_int.h"

/* ---- versions --------------------------------------------------------------------------------- */

static bool has_versions(const struct logrec *rec)
{
    return rec->flags & LR_PAGE_VERSIONED && rec->rceid != 0;
}

static struct version new_version(const struct recovery *rv, const struct logrec *rec,
                                  uint16_t oper, uint32_t rceid)
{
    return (struct version){.rceid = rceid,
                            .oper = oper,
                            .level = rec->level,
                            .dbid = rec->dbid,
                            .flags = rec->flags,
                            .trx = rec->trx,
                            .lgpos = rv->now,
                            .pgno = rec->pgno,
                            .pgno_fdp = rec->pgno_fdp,
                            .objid = rec->objid};
}

static const struct slice none;

/* Only in a non-unique tree are the data part of the bookmark. */
static struct slice bookmark_data(const struct logrec *rec, struct slice data)
{
    return rec->flags & LR_PAGE_UNIQUE ? none : data;
}

/* The record has the whole bookmark, and undoing takes nothing else. */
static JET_ERR add_insert(struct recovery *rv, struct session *p, const struct logrec *rec)
{
    struct version v = new_version(rv, rec, OPER_INSERT, rec->rceid);
    const struct slice prefix = rec->insert.key_prefix, suffix = rec->insert.key_suffix,
                       data = bookmark_data(rec, rec->insert.data);
    uint8_t key[UINT16_MAX];
    JET_ERR err;

    if ((size_t)prefix.len + suffix.len > sizeof(key))
        return RAISE(JET_errLogFileCorrupt);
    if (prefix.len)
        memcpy(key, prefix.p, prefix.len);
    if (suffix.len)
        memcpy(key + prefix.len, suffix.p, suffix.len);
    err = version_fill(&v, (struct slice){key, prefix.len + suffix.len}, data, (struct slice){0});
    v.logged = true;
    return err < 0 ? err : session_add(rv->sessions, p, &v);
}

/* What was there before: known if redo has just changed it; else an UndoInfo record will say. */
static JET_ERR add_change(struct recovery *rv, struct session *p, const struct logrec *rec,
                          uint16_t oper, uint32_t rceid, const struct redo_result *was)
{
    struct version v = new_version(rv, rec, oper, rceid);
    const bool replace = oper == OPER_REPLACE;
    JET_ERR err = JET_errSuccess;

    if (was->applied)
        err = version_fill(&v, was->key, replace ? none : bookmark_data(rec, was->data),
                           replace ? was->data : (struct slice){0});
    if (err < 0)
        return err;
    v.size_max = (int16_t)(replace && was->applied ? was->data.len : 0);
    if (rec->type == LR_REPLACE || rec->type == LR_REPLACE_D)
        if (rec->replace.new_len > v.size_max)
            v.size_max = (int16_t)rec->replace.new_len;
    if (rec->type == LR_FLAG_INSERT_AND_REPLACE_DATA && (int)rec->insert.data.len > v.size_max)
        v.size_max = (int16_t)rec->insert.data.len;
    return session_add(rv->sessions, p, &v);
}

static JET_ERR add_delta(struct recovery *rv, struct session *p, const struct logrec *rec)
{
    struct version v =
        new_version(rv, rec, rec->type == LR_DELTA64 ? OPER_DELTA64 : OPER_DELTA, rec->rceid);
    JET_ERR err = version_fill(&v, rec->node.key, rec->node.data, (struct slice){0});

    v.delta = rec->node.delta;
    v.offset = rec->node.offset;
    v.logged = true;
    return err < 0 ? err : session_add(rv->sessions, p, &v);
}

static JET_ERR add_versions(struct recovery *rv, struct session *p, const struct logrec *rec,
                            const struct redo_result *was)
{
    JET_ERR err;

    if (p->level == 0 || !has_versions(rec))
        return JET_errSuccess;
    switch (rec->type) {
    case LR_INSERT:
    case LR_FLAG_INSERT:
        return add_insert(rv, p, rec);
    case LR_FLAG_INSERT_AND_REPLACE_DATA: /* undone in the opposite order */
        err = add_insert(rv, p, rec);
        if (err >= 0 && rec->insert.rceid_replace)
            err = add_change(rv, p, rec, OPER_REPLACE, rec->insert.rceid_replace, was);
        return err;
    case LR_REPLACE:
    case LR_REPLACE_D:
        return add_change(rv, p, rec, OPER_REPLACE, rec->rceid, was);
    case LR_FLAG_DELETE:
        return add_change(rv, p, rec, OPER_FLAG_DELETE, rec->rceid, was);
    case LR_DELTA:
    case LR_DELTA64:
        return add_delta(rv, p, rec);
    default:
        return JET_errSuccess;
    }
}

static JET_ERR undo_info(struct recovery *rv, struct session *p, const struct logrec *rec)
{
    struct version v = new_version(rv, rec, rec->node.oper, rec->rceid);
    JET_ERR err;

    if (p->level == 0)
        return JET_errSuccess; /* nothing is open that could be rolled back */
    if (rec->node.oper != OPER_REPLACE && rec->node.oper != OPER_FLAG_DELETE)
        return RAISE(JET_errLogFileCorrupt);
    if (v.level > p->level)
        v.level = p->level;
    err = version_fill(&v, rec->node.key, rec->node.data, rec->node.image);
    v.size_max = rec->node.size_max;
    v.logged = true;
    return err < 0 ? err : session_add(rv->sessions, p, &v);
}

/* ---- records of pages ------------------------------------------------------------------------- */

static JET_ERR undo_record(struct recovery *rv, struct session *p, struct rfile *f,
                           const struct logrec *rec)
{
    struct version *v = session_version(p, rec->rceid);
    struct undo_version u;
    bool applied;
    JET_ERR err;

    if (v && v->known) {
        u = version_undo(v);
        err = undo_redo(&f->redo, rv->now, rec, &u, &applied);
    } else {
        err = undo_redo(&f->redo, rv->now, rec, NULL, &applied);
    }
    if (err >= 0 && v)
        version_undone(rv->sessions, v);
    return err;
}

static JET_ERR page_record(struct recovery *rv, const struct logrec *rec)
{
    struct session *p = session_find(rv->sessions, rec->procid);
    struct rfile *f = rattach_file(rv, rec->dbid);
    struct redo_result was = {0};
    struct macro *m;
    JET_ERR err;

    if (!f)
        return JET_errSuccess;
    if (!p) {
        redo_count(&f->redo, rec);
        return JET_errSuccess;
    }
    rv->r.file = path_name(f->path);
    if (rec->type == LR_UNDO_INFO) {
        redo_count(&f->redo, rec);
        return undo_info(rv, p, rec);
    }
    m = session_macro(p, rec->dbtime);
    if (m)
        return macro_add(m, rec);
    if (rv->live)
        leftovers_note(&f->left, rec);
    if (rec->type == LR_UNDO)
        return undo_record(rv, p, f, rec);
    err = redo_apply(&f->redo, rv->now, rec, &was);
    return err < 0 ? err : add_versions(rv, p, rec, &was);
}

/* Records of extents: nobody's transaction. */
static JET_ERR range_record(struct recovery *rv, const struct logrec *rec)
{
    struct rfile *f = rattach_file(rv, rec->dbid);
    struct redo_result was;

    if (!f)
        return JET_errSuccess;
    rv->r.file = path_name(f->path);
    return redo_apply(&f->redo, rv->now, rec, &was);
}

/* The one operation on a node that a macro may carry. */
static JET_ERR macro_versions(struct recovery *rv, struct session *p, const struct macro *m,
                              const struct redo_result *was)
{
    JET_ERR err = JET_errSuccess;

    for (unsigned i = 0; i < m->nr && err >= 0; i++)
        if (m->recs[i].type != LR_SPLIT2 && m->recs[i].type != LR_MERGE2)
            err = add_versions(rv, p, &m->recs[i], was);
    return err;
}

static JET_ERR macro_commit(struct recovery *rv, const struct logrec *rec)
{
    struct session *p = session_find(rv->sessions, rec->procid);
    struct macro *m = p ? session_macro(p, rec->dbtime) : NULL;
    struct redo_result was = {0};
    struct rfile *f;
    JET_ERR err = JET_errSuccess;

    if (!m)
        return JET_errSuccess;
    for (unsigned i = 1; i < m->nr; i++)
        if (m->recs[i].dbid != m->recs[0].dbid)
            return RAISE(JET_errLogFileCorrupt);
    f = m->nr ? rattach_file(rv, m->recs[0].dbid) : NULL;
    if (f) {
        rv->r.file = path_name(f->path);
        err = redo_macro(&f->redo, rv->now, m->recs, m->nr, &was);
        if (rv->live)
            leftovers_note_macro(&f->left, m->recs, m->nr);
        if (err >= 0)
            err = macro_versions(rv, p, m, &was);
    }
    session_macro_end(p, m);
    return err;
}

/* ---- records of sessions ---------------------------------------------------------------------- */

static JET_ERR session_record(struct recovery *rv, const struct logrec *rec)
{
    struct session *p = session_find(rv->sessions, rec->procid);
    struct macro *m;

    if (rec->type == LR_BEGIN || rec->type == LR_BEGIN0)
        return session_begin(rv->sessions, rec);
    if (!p)
        return JET_errSuccess;
    switch (rec->type) {
    case LR_COMMIT:
    case LR_COMMIT0:
        return session_commit(rv->sessions, p, rec->trx_levels.level_from);
    case LR_ROLLBACK:
        return session_rollback(rv->sessions, p, rec->trx_levels.nr_levels);
    case LR_REFRESH:
        p->level = 1;
        p->trx = rec->trx;
        return JET_errSuccess;
    case LR_MACRO_BEGIN:
        return session_macro_begin(p, rec->dbtime, rv->now);
    case LR_MACRO_ABORT:
        m = session_macro(p, rec->dbtime);
        if (m)
            session_macro_end(p, m);
        return JET_errSuccess;
    default:
        return macro_commit(rv, rec);
    }
}

/* The instance was shut down: everything was rolled back and written. */
static JET_ERR quit(struct recovery *rv)
{
    const lgpos_t at = rv->shutdown ? rv->shutdown : rv->now;

    sessions_clear(rv->sessions);
    rv->shutdown = 0;
    return rattach_shut_down(rv, at);
}

static JET_ERR dispatch(struct recovery *rv, const struct logrec *rec)
{
    switch (rec->type) {
    case LR_BEGIN:
    case LR_BEGIN0:
    case LR_COMMIT:
    case LR_COMMIT0:
    case LR_ROLLBACK:
    case LR_REFRESH:
    case LR_MACRO_BEGIN:
    case LR_MACRO_COMMIT:
    case LR_MACRO_ABORT:
        return session_record(rv, rec);
    case LR_INSERT:
    case LR_FLAG_INSERT:
    case LR_FLAG_INSERT_AND_REPLACE_DATA:
    case LR_FLAG_DELETE:
    case LR_REPLACE:
    case LR_REPLACE_D:
    case LR_DELETE:
    case LR_UNDO_INFO:
    case LR_DELTA:
    case LR_DELTA64:
    case LR_SET_EXTERNAL_HEADER:
    case LR_UNDO:
    case LR_EMPTY_TREE:
    case LR_SCRUB:
    case LR_SPLIT2:
    case LR_MERGE2:
    case LR_PAGE_MOVE:
    case LR_ROOT_PAGE_MOVE:
    case LR_NEW_PAGE:
    case LR_CREATE_MULTIPLE_EXTENT_FDP:
    case LR_CREATE_SINGLE_EXTENT_FDP:
    case LR_CONVERT_FDP2:
        return page_record(rv, rec);
    case LR_EXTEND_DB:
    case LR_SHRINK_DB:
    case LR_SHRINK_DB2:
    case LR_SHRINK_DB3:
    case LR_TRIM_DB:
    case LR_EXTENT_FREED:
    case LR_EXTENT_FREED2:
        return range_record(rv, rec);
    case LR_CREATE_DB:
    case LR_CREATE_DB_FINISH:
    case LR_ATTACH_DB:
    case LR_REATTACH:
    case LR_DETACH_DB:
    case LR_SET_DB_VERSION:
        return rattach_record(rv, rec);
    case LR_INIT2:
    case LR_RECOVERY_QUIT_KEEP_ATTACHMENTS:
        sessions_clear(rv->sessions);
        return JET_errSuccess;
    case LR_TERM:
    case LR_TERM2:
    case LR_RECOVERY_QUIT:
    case LR_RECOVERY_QUIT2:
        return quit(rv);
    case LR_SHUTDOWN_MARK:
        rv->shutdown = rv->now;
        return JET_errSuccess;
    default:
        return JET_errSuccess; /* no effect on pages */
    }
}

static void tell_progress(struct recovery *rv, lgpos_t lgpos)
{
    const struct rlog *first = &rv->set.logs[rv->scan.first];
    const uint64_t each = (uint64_t)le16_get(rv->scan.top_hdr.nr_segments) * LOG_SEGMENT_LEN;

    if (rv->progress)
        rv->progress(rv->progress_ctx,
                     (lgpos_gen(lgpos) - first->gen) * each +
                         (uint64_t)lgpos_isec(lgpos) * LOG_SEGMENT_LEN,
                     rv->scan.bytes);
}

static JET_ERR record(struct recovery *rv, lgpos_t lgpos, const struct logrec *rec)
{
    char pos[LGPOS_STR_LEN];
    JET_ERR err;

    if (lgpos_isec(lgpos) != lgpos_isec(rv->now))
        tell_progress(rv, lgpos);
    rv->now = lgpos;
    rv->r.file = NULL;
    err = dispatch(rv, rec);
    if (err < 0 && !rv->r.nr_faults)
        fault(&rv->r, err, 0, 0, ESE_NO_OFFSET, "the record at %s (%s) cannot be replayed",
              lgpos_str(lgpos, pos), logrec_name(rec->type));
    if (rec->type != LR_NOP2)
        rv->last_is_shutdown = rec->type == LR_SHUTDOWN_MARK;
    return err;
}

/* Generations that a header requires are through: what is missing now stays missing. */
static JET_ERR settle(struct recovery *rv, lgen_t gen)
{
    JET_ERR err = JET_errSuccess;

    for (uint8_t dbid = 1; dbid <= DBID_MAX && err >= 0; dbid++) {
        struct rfile *f = rattach_file(rv, dbid);
        if (!f || !f->redo.ahead || f->ahead_until >= gen)
            continue;
        rv->r.file = path_name(f->path);
        err = redo_settle(&f->redo);
    }
    return err;
}

static JET_ERR generation(struct recovery *rv, const struct ese_log_info *info)
{
    const bool first = info->gen == rv->set.logs[rv->scan.first].gen;

    if (!first)
        return settle(rv, info->gen);
    rv->now = rv->scan.redo_from;
    if (rv->set.chk_there && rv->set.chk_info.attach_valid)
        return rattach_list(rv, rv->set.chk_info.attach, rv->set.chk_info.nr_attach);
    return rattach_list(rv, info->attach, info->nr_attach);
}

/* The next recovery goes on where this one stops: what is missing may still come. */
static bool stops_early(const struct recovery *rv)
{
    return rv->scan.stop && rpause_wanted(rv);
}

JET_ERR replay_run(struct recovery *rv)
{
    const struct rscan_walk walk = {.record = record, .generation = generation};
    struct ese_log_info top;
    JET_ERR err;

    rv->committed = rv->scan.top.gen;
    memcpy(rv->committed_created.b, rv->scan.top.time_created.b, sizeof(rv->committed_created.b));
    err = rscan_walk(rv, &walk, &top);
    if (err >= 0 && !stops_early(rv))
        err = settle(rv, UINT32_MAX);
    if (rv->progress && err >= 0)
        rv->progress(rv->progress_ctx, rv->scan.bytes, rv->scan.bytes);
    return err < 0 || stops_early(rv) ? err : rattach_check_end(rv);
}
