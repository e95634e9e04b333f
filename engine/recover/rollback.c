/*
 * Undo: what was open when the log ended is rolled back, with the records that a running engine would have
 * logged, in the name of the sessions that had begun it (ESE: ver.cxx ErrVERUndo*, logredo.cxx
 * ErrLGRIEndAllSessions).
 *
 * For each operation, newest first: UndoInfo unless its before image is in the log, Undo, then the page. So a
 * crash in between leaves a log that undoes the same operations and no others: the next redo replays each Undo
 * that got to disk and goes on with the rest.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "btree/undo.h"
#include "recover/recover_int.h"

static struct logrec node_record(const struct session *p, const struct version *v, enum lrtyp type)
{
    struct logrec rec = {.type = type,
                         .procid = p->procid,
                         .dbid = v->dbid,
                         .pgno = v->pgno,
                         .trx = v->trx,
                         .level = v->level,
                         .flags = v->flags & (uint8_t)~LR_PAGE_VERSIONED,
                         .rceid = v->rceid,
                         .pgno_fdp = v->pgno_fdp,
                         .objid = v->objid};

    rec.node.key = version_key(v);
    rec.node.data = version_data(v);
    rec.node.oper = v->oper;
    rec.node.level = v->level;
    return rec;
}

static JET_ERR log_undo_info(struct recovery *rv, const struct session *p, struct version *v,
                             const struct undo_place *place)
{
    struct logrec rec = node_record(p, v, LR_UNDO_INFO);
    JET_ERR err;

    rec.pgno = place->pgno;
    rec.dbtime = rec.dbtime_before = DBTIME_INVALID;
    rec.node.image = version_image(v);
    rec.node.size_max = v->size_max;
    rec.node.size_delta = v->size_delta;
    err = logwrite_record(rv->w, &rec, &rv->undo_info);
    if (err >= 0)
        version_logged(rv->sessions, v);
    return err;
}

static JET_ERR log_undo(struct recovery *rv, struct rfile *f, const struct session *p,
                        const struct version *v, const struct undo_place *place, dbtime_t dbtime,
                        lgpos_t *ret)
{
    struct logrec rec = node_record(p, v, LR_UNDO);

    rec.pgno = place->pgno;
    rec.iline = (uint16_t)place->line;
    rec.dbtime = dbtime;
    rec.dbtime_before = place->dbtime;
    if (rv->live)
        leftovers_note(&f->left, &rec);
    return logwrite_record(rv->w, &rec, ret);
}

static JET_ERR unknown(struct recovery *rv, const struct version *v)
{
    char pos[LGPOS_STR_LEN];

    return fault(&rv->r, JET_errDatabaseBufferDependenciesCorrupted, 471, v->pgno, ESE_NO_OFFSET,
                 "the change logged at %s is on the page and not committed, but what was there "
                 "before is not in the log",
                 lgpos_str(v->lgpos, pos));
}

static JET_ERR undo_version(struct recovery *rv, const struct session *p, struct version *v)
{
    struct rfile *f = rattach_file(rv, v->dbid);
    struct undo_version u;
    struct undo_place place;
    dbtime_t dbtime;
    lgpos_t lgpos;
    JET_ERR err;

    if (!f)
        return JET_errSuccess;
    rv->r.file = path_name(f->path);
    if (!v->known)
        return unknown(rv, v);
    u = version_undo(v);
    err = undo_locate(&f->redo, &u, &place);
    if (err < 0)
        return err;
    dbtime = f->redo.dbtime_last + 1;
    if (!v->logged)
        err = log_undo_info(rv, p, v, &place);
    if (err >= 0)
        err = log_undo(rv, f, p, v, &place, dbtime, &lgpos);
    if (err < 0) {
        undo_release(&place);
        return err;
    }
    err = undo_perform(&f->redo, &u, &place, dbtime, lgpos);
    if (err < 0)
        return err;
    f->redo.dbtime_last = dbtime;
    version_undone(rv->sessions, v);
    rv->ret->operations_undone++;
    return JET_errSuccess;
}

/* Newest first; rceids wrap. */
static int newest_first(const void *a, const void *b)
{
    const struct version *x = *(struct version *const *)a, *y = *(struct version *const *)b;
    const int32_t d = (int32_t)(y->rceid - x->rceid);

    if (x->level != y->level)
        return (int)y->level - (int)x->level;
    return (d > 0) - (d < 0);
}

static JET_ERR sort_versions(struct session *p, struct version ***ret, size_t *ret_nr)
{
    struct version **list = calloc(p->nr + 1, sizeof(struct version *));
    size_t nr = 0;

    if (!list)
        return RAISE(JET_errOutOfMemory);
    for (size_t i = 0; i < p->nr; i++)
        if (!p->v[i].undone)
            list[nr++] = &p->v[i];
    qsort(list, nr, sizeof(struct version *), newest_first);
    *ret = list;
    *ret_nr = nr;
    return JET_errSuccess;
}

static JET_ERR roll_back(struct recovery *rv, struct session *p)
{
    struct logrec rollback = {.type = LR_ROLLBACK, .procid = p->procid};
    struct version **list = NULL;
    size_t nr = 0, at = 0;
    JET_ERR err = sort_versions(p, &list, &nr);

    if (err < 0)
        return err;
    rollback.trx_levels.nr_levels = 1;
    for (unsigned level = p->level; level > 0 && err >= 0; level--) {
        for (; at < nr && list[at]->level >= level && err >= 0; at++) {
            err = recovery_stopped(rv);
            if (err >= 0)
                err = undo_version(rv, p, list[at]);
        }
        if (err >= 0)
            err = logwrite_record(rv->w, &rollback, NULL);
    }
    free(list);
    return err;
}

static JET_ERR abort_macros(struct recovery *rv, struct session *p)
{
    JET_ERR err = JET_errSuccess;

    while (p->macros && err >= 0) {
        struct logrec rec = {
            .type = LR_MACRO_ABORT, .procid = p->procid, .dbtime = p->macros->dbtime};
        err = logwrite_record(rv->w, &rec, NULL);
        session_macro_end(p, p->macros);
        rv->ret->macros_undone++;
    }
    return err;
}

JET_ERR rollback_run(struct recovery *rv)
{
    JET_ERR err = JET_errSuccess;

    for (struct session *p = sessions_first(rv->sessions); p && err >= 0; p = p->next)
        err = abort_macros(rv, p);
    for (struct session *p = sessions_first(rv->sessions); p && err >= 0; p = p->next) {
        if (p->level == 0)
            continue;
        err = roll_back(rv, p);
        rv->ret->transactions_undone++;
    }
    if (err >= 0)
        sessions_clear(rv->sessions);
    return err;
}
