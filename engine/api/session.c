/* Sessions and transactions (JetBeginSession .. JetRollback), and how a call of a session begins
 * and ends. */
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include "api/api_int.h"
#include "api/tempsess.h"
#include "api/temptable.h"
#include "api/utf.h"

/* ---- calls ----------------------------------------------------------------------------------- */

static JET_ERR check_instance(struct jinst *i)
{
    switch (atomic_load(&i->state)) {
    case INSTANCE_RUNNING:
        break;
    case INSTANCE_ENDING:
        return RAISE(JET_errTermInProgress);
    case INSTANCE_RESTORING:
        return RAISE(JET_errRestoreInProgress);
    default:
        return RAISE(JET_errNotInitialized);
    }
    if (atomic_load_explicit(&i->stopped, memory_order_relaxed))
        return RAISE(JET_errClientRequestToStopJetService);
    return inst_check(i->in) < 0 ? RAISE(JET_errInstanceUnavailable) : JET_errSuccess;
}

/* A session belongs to the thread that began its transaction, or to the one that has set its
 * context. */
static JET_ERR check_thread(const struct jsess *s, uintptr_t me)
{
    if (s->has_context ? s->thread && s->thread != me
                       : s->thread && s->thread != me && s->s->level > 0)
        return RAISE(JET_errSessionSharingViolation);
    return JET_errSuccess;
}

static JET_ERR check_entered(struct jsess *s, JET_SESID sesid, uintptr_t me)
{
    JET_ERR err;

    if (handle_get(HANDLE_SESSION, sesid) != s) /* ended in between */
        return RAISE(JET_errInvalidSesid);
    err = check_instance(s->inst);
    return err < 0 ? err : check_thread(s, me);
}

JET_ERR api_enter(JET_SESID sesid, struct jsess **ret)
{
    struct jsess *s = handle_get(HANDLE_SESSION, sesid);
    const uintptr_t me = this_thread();
    uintptr_t nobody = 0;
    JET_ERR err;

    if (!s)
        return RAISE(JET_errInvalidSesid);
    if (!atomic_compare_exchange_strong(&s->busy, &nobody, me))
        return RAISE(JET_errSessionSharingViolation);
    err = check_entered(s, sesid, me);
    if (err < 0) {
        atomic_store_explicit(&s->busy, 0, memory_order_release);
        return err;
    }
    *ret = s;
    return JET_errSuccess;
}

JET_ERR api_enter_cursor(JET_SESID sesid, JET_TABLEID tableid, struct jsess **ret,
                         struct jcursor **ret_cursor)
{
    JET_ERR err = api_enter(sesid, ret);

    if (err < 0)
        return err;
    *ret_cursor = handle_get_of(HANDLE_CURSOR, tableid, *ret);
    return *ret_cursor ? JET_errSuccess : api_leave(*ret, RAISE(JET_errInvalidTableId));
}

JET_ERR api_leave(struct jsess *s, JET_ERR err)
{
    atomic_store_explicit(&s->busy, 0, memory_order_release);
    return err;
}

JET_ERR api_database(struct jsess *s, JET_DBID dbid, struct db **ret)
{
    if (dbid < 1 || dbid > DBID_MAX || !s->opened[dbid])
        return RAISE(JET_errInvalidDatabaseId);
    *ret = s->inst->in->db[dbid];
    return *ret ? JET_errSuccess : RAISE(JET_errInvalidDatabaseId);
}

/* ---- cursors of a session -------------------------------------------------------------------- */

/* One more; false: there are as many as the parameter allows. */
static bool count_one(_Atomic uint32_t *nr, uint64_t most)
{
    if (atomic_fetch_add_explicit(nr, 1, memory_order_relaxed) < most)
        return true;
    atomic_fetch_sub_explicit(nr, 1, memory_order_relaxed);
    return false;
}

static void count_down(_Atomic uint32_t *nr)
{
    atomic_fetch_sub_explicit(nr, 1, memory_order_relaxed);
}

static JET_ERR count_temp(struct jinst *i, struct fucb *c)
{
    if (c && !fucb_is_first(c))
        return JET_errSuccess;
    if (count_one(&i->nr_temps, PARAM(&i->params, MaxTemporaryTables)))
        return JET_errSuccess;
    if (c)
        (void)fucb_is_last(c);
    return RAISE(JET_errTooManySorts);
}

static JET_ERR count_cursor(struct jinst *i, const struct jcursor *like)
{
    struct fucb *c = like->c;

    if (cursor_is_private(like))
        return count_temp(i, c);
    if (!count_one(&i->nr_cursors, PARAM(&i->params, MaxCursors)))
        return RAISE(JET_errOutOfCursors);
    if (fucb_is_first(c) && !count_one(&i->nr_tables, PARAM(&i->params, MaxOpenTables))) {
        (void)fucb_is_last(c);
        count_down(&i->nr_cursors);
        return RAISE(JET_errTooManyOpenTables);
    }
    return JET_errSuccess;
}

/* Whether it was the table's last one. */
static bool uncount_cursor(struct jinst *i, const struct jcursor *j)
{
    const bool last = !j->c || fucb_is_last(j->c);

    if (!cursor_is_private(j))
        count_down(&i->nr_cursors);
    if (last)
        count_down(cursor_is_private(j) ? &i->nr_temps : &i->nr_tables);
    return last;
}

static JET_ERR new_cursor(struct jsess *s, const struct jcursor *like, struct jcursor **ret)
{
    struct jcursor *j;
    JET_ERR err = count_cursor(s->inst, like);

    if (err < 0)
        return err;
    j = malloc(sizeof(*j));
    if (j) {
        *j = *like;
        j->handle = handle_new(HANDLE_CURSOR, j, s);
    }
    if (j && j->handle) {
        *ret = j;
        return JET_errSuccess;
    }
    (void)uncount_cursor(s->inst, like);
    free(j);
    return RAISE(JET_errOutOfMemory);
}

static JET_ERR add_cursor(struct jsess *s, const struct jcursor *like, JET_TABLEID *ret)
{
    struct jcursor *j = NULL;
    JET_ERR err = new_cursor(s, like, &j);

    if (err < 0) {
        fucb_close(like->c);
        temp_table_free(like->t);
        return err;
    }
    j->s = s;
    j->level = s->s->level;
    j->ls = JET_LSNil;
    j->next = s->cursors;
    if (j->next)
        j->next->prev = j;
    s->cursors = j;
    *ret = j->handle;
    return JET_errSuccess;
}

JET_ERR cursor_new(struct jsess *s, struct fucb *c, struct temp_table *t, JET_TABLEID *ret)
{
    return add_cursor(s, &(struct jcursor){.c = c, .t = t}, ret);
}

JET_ERR cursor_new_temp(struct jsess *s, struct fucb *c, const struct jcursor *like,
                        JET_TABLEID *ret)
{
    const struct jcursor new = {.c = c, .temp = like->temp};

    return add_cursor(s, &new, ret);
}

JET_ERR cursor_keep_numbers(JET_TABLEID tableid)
{
    struct jcursor *c = handle_get(HANDLE_CURSOR, tableid);

    if (!c || !c->c)
        return RAISE(JET_errInvalidTableId);
    c->c->keep_numbers = true;
    return JET_errSuccess;
}

void cursor_close(struct jcursor *c)
{
    char name[FCB_NAME_LEN];
    bool last;

    *(c->prev ? &c->prev->next : &c->s->cursors) = c->next;
    if (c->next)
        c->next->prev = c->prev;
    handle_drop(c->handle);
    last = uncount_cursor(c->s->inst, c);
    if (c->temp.is)
        fcb_name(c->c->fcb, name);
    fucb_close(c->c);
    temp_table_free(c->t);
    if (c->temp.is && last)
        tempsess_drop(c->s, name);
    free(c);
}

JET_ERR cursor_may_write(const struct jcursor *c)
{
    if (c->c && !c->temp.is &&
        (c->s->opened_read_only[c->c->db->dbid] || c->c->how & FCB_READ_ONLY))
        return RAISE(JET_errPermissionDenied);
    return JET_errSuccess;
}

JET_ERR api_open_table(struct jsess *s, JET_DBID dbid, const char *name, unsigned how,
                       struct fucb **ret)
{
    struct db *d;
    JET_ERR err = api_database(s, dbid, &d);

    return err < 0 ? err : fucb_open(s->s, d, name, how, ret);
}

/* The session is about to roll its current level back: what was opened on it goes, updates that
 * were prepared on it too (ESE: tm.cxx ErrIsamRollback). */
static void cursors_roll_back(struct jsess *s)
{
    for (struct jcursor *c = s->cursors, *next; c; c = next) {
        next = c->next;
        if (c->level >= s->s->level)
            cursor_close(c);
        else if (c->c)
            fucb_roll_back(c->c);
    }
}

/* What belonged to the level that was committed belongs to the one below. */
static void cursors_committed(struct jsess *s)
{
    for (struct jcursor *c = s->cursors; c; c = c->next) {
        if (c->level > s->s->level)
            c->level = s->s->level;
        if (c->c)
            fucb_committed(c->c);
    }
}

static JET_ERR cursors_may_commit(const struct jsess *s)
{
    JET_ERR err = JET_errSuccess;

    for (const struct jcursor *c = s->cursors; c && err >= 0; c = c->next)
        if (c->c)
            err = fucb_may_commit(c->c);
    return err;
}

/* ---- sessions -------------------------------------------------------------------------------- */

static pthread_mutex_t spare_lock = PTHREAD_MUTEX_INITIALIZER;
static struct jsess *spare; /* spare_lock; linked by next */

/* Zeroed but for busy, which a late call of the one before may be about to put back. */
static struct jsess *take_spare(void)
{
    struct jsess *s;

    pthread_mutex_lock(&spare_lock);
    s = spare;
    if (s)
        spare = s->next;
    pthread_mutex_unlock(&spare_lock);
    if (!s)
        return calloc(1, sizeof(*s));
    memset((uint8_t *)s + offsetof(struct jsess, handle), 0,
           sizeof(*s) - offsetof(struct jsess, handle));
    return s;
}

static void give_spare(struct jsess *s)
{
    pthread_mutex_lock(&spare_lock);
    s->next = spare;
    spare = s;
    pthread_mutex_unlock(&spare_lock);
}

static JET_ERR begin_session(struct jinst *i, JET_SESID *ret)
{
    struct jsess *s;
    JET_ERR err;

    if (i->nr_sessions >= PARAM(&i->params, MaxSessions))
        return RAISE(JET_errOutOfSessions);
    s = take_spare();
    if (!s)
        return RAISE(JET_errOutOfMemory);
    err = sess_new(i->in, false, &s->s);
    if (err < 0) {
        give_spare(s);
        return err;
    }
    s->inst = i;
    s->s->owner = s;
    s->s->lazy_default = PARAM(&i->params, CommitDefault) & JET_bitCommitLazyFlush;
    s->handle = handle_new(HANDLE_SESSION, s, i); /* from here on others may find it */
    if (!s->handle) {
        sess_free(s->s);
        give_spare(s);
        return RAISE(JET_errOutOfMemory);
    }
    s->next = i->sessions;
    if (s->next)
        s->next->prev = s;
    i->sessions = s;
    i->nr_sessions++;
    *ret = s->handle;
    return JET_errSuccess;
}

static void leave_instance(struct jsess *s)
{
    struct jinst *i = s->inst;

    pthread_mutex_lock(&i->lock);
    *(s->prev ? &s->prev->next : &i->sessions) = s->next;
    if (s->next)
        s->next->prev = s->prev;
    i->nr_sessions--;
    pthread_mutex_unlock(&i->lock);
}

void session_end(struct jsess *s)
{
    const struct timespec moment = {0, 100000};
    const uintptr_t me = this_thread();
    uintptr_t who;

    handle_drop(s->handle);
    while ((who = atomic_load(&s->busy)) != 0 && who != me)
        nanosleep(&moment, NULL);
    while (s->cursors)
        cursor_close(s->cursors);
    tempsess_free(s);
    sess_free(s->s);
    leave_instance(s);
    give_spare(s);
    if (who == me)
        atomic_store_explicit(&s->busy, 0, memory_order_release);
}

JET_ERR JetBeginSession(JET_INSTANCE instance, JET_SESID *psesid, const char *szUserName,
                        const char *szPassword)
{
    struct jinst *i;
    JET_ERR err = psesid ? instance_lock(instance, &i) : RAISE(JET_errInvalidParameter);

    (void)szUserName, (void)szPassword; /* JET does not look at them either */
    if (err < 0)
        return err;
    err = check_instance(i);
    if (err >= 0)
        err = begin_session(i, psesid);
    instance_unlock(i);
    return err;
}

JET_ERR JetBeginSessionW(JET_INSTANCE instance, JET_SESID *psesid, const JET_WCHAR *szUserName,
                         const JET_WCHAR *szPassword)
{
    (void)szUserName, (void)szPassword;
    return JetBeginSession(instance, psesid, NULL, NULL);
}

JET_ERR JetDupSession(JET_SESID sesid, JET_SESID *psesid)
{
    struct jsess *s;
    JET_ERR err = api_enter(sesid, &s);

    if (err < 0)
        return err;
    return api_leave(s, psesid ? JetBeginSession(s->inst->handle, psesid, NULL, NULL)
                               : RAISE(JET_errInvalidParameter));
}

JET_ERR JetEndSession(JET_SESID sesid, JET_GRBIT grbit)
{
    struct jsess *s;
    JET_ERR err = api_enter(sesid, &s);

    if (err < 0)
        return err;
    if (grbit & ~JET_bitForceSessionClosed)
        return api_leave(s, RAISE(JET_errInvalidGrbit));
    session_end(s);
    return JET_errSuccess;
}

JET_ERR JetSetSessionContext(JET_SESID sesid, JET_API_PTR ulContext)
{
    struct jsess *s;
    JET_ERR err = api_enter(sesid, &s);

    if (err < 0)
        return err;
    if (s->has_context)
        return api_leave(s, RAISE(JET_errSessionContextAlreadySet));
    s->has_context = true;
    s->context = ulContext;
    s->thread = this_thread();
    return api_leave(s, JET_errSuccess);
}

JET_ERR JetResetSessionContext(JET_SESID sesid)
{
    struct jsess *s = handle_get(HANDLE_SESSION, sesid);
    JET_ERR err;

    if (s && s->has_context && s->thread != this_thread())
        return RAISE(JET_errSessionContextNotSetByThisThread);
    err = api_enter(sesid, &s);
    if (err < 0)
        return err;
    if (!s->has_context)
        return api_leave(s, RAISE(JET_errSessionContextNotSetByThisThread));
    s->has_context = false;
    s->thread = 0; /* whoever comes next may have it */
    return api_leave(s, JET_errSuccess);
}

static JET_ERR put_result(const void *what, uint32_t len, void *buf, uint32_t cb, uint32_t *ret_cb)
{
    if (ret_cb)
        *ret_cb = len;
    if (!buf && cb)
        return RAISE(JET_errInvalidParameter);
    if (cb < len)
        return RAISE(JET_errInvalidBufferSize);
    memcpy(buf, what, len);
    return JET_errSuccess;
}

JET_ERR JetGetSessionParameter(JET_SESID sesid, uint32_t sesparamid, void *pvParam,
                               uint32_t cbParamMax, uint32_t *pcbParamActual)
{
    struct jsess *s;
    uint32_t number;
    JET_ERR err = api_enter(sesid, &s);

    if (err < 0)
        return err;
    switch (sesparamid) {
    case JET_sesparamCommitDefault:
        number = s->s->lazy_default ? JET_bitCommitLazyFlush : 0;
        err = put_result(&number, sizeof(number), pvParam, cbParamMax, pcbParamActual);
        break;
    case JET_sesparamTransactionLevel:
        number = s->s->level;
        err = put_result(&number, sizeof(number), pvParam, cbParamMax, pcbParamActual);
        break;
    case JET_sesparamOperationContext:
        err = put_result(&s->operation, sizeof(s->operation), pvParam, cbParamMax, pcbParamActual);
        break;
    case JET_sesparamCommitGenericContext:
        err = put_result(s->generic_context, s->generic_context_len, pvParam, cbParamMax,
                         pcbParamActual);
        break;
    default:
        err = RAISE(JET_errInvalidSesparamId);
    }
    return api_leave(s, err);
}

static JET_ERR set_session_parameter(struct jsess *s, uint32_t id, const void *p, uint32_t cb)
{
    uint32_t number;

    switch (id) {
    case JET_sesparamCommitDefault:
        if (!p || cb != sizeof(number))
            return RAISE(JET_errInvalidParameter);
        memcpy(&number, p, sizeof(number));
        if (number & ~(JET_bitCommitLazyFlush | JET_bitWaitLastLevel0Commit))
            return RAISE(JET_errInvalidGrbit);
        s->s->lazy_default = number & JET_bitCommitLazyFlush;
        return JET_errSuccess;
    case JET_sesparamOperationContext:
        if (!p || cb != sizeof(s->operation))
            return RAISE(JET_errInvalidParameter);
        memcpy(&s->operation, p, sizeof(s->operation));
        return JET_errSuccess;
    case JET_sesparamCommitGenericContext:
        if ((!p && cb) || cb > sizeof(s->generic_context))
            return RAISE(JET_errInvalidParameter);
        if (cb)
            memcpy(s->generic_context, p, cb);
        s->generic_context_len = cb;
        return JET_errSuccess;
    case JET_sesparamTransactionLevel:
        return RAISE(JET_errFeatureNotAvailable); /* it is read only */
    default:
        return RAISE(JET_errInvalidSesparamId);
    }
}

JET_ERR JetSetSessionParameter(JET_SESID sesid, uint32_t sesparamid, void *pvParam,
                               uint32_t cbParam)
{
    struct jsess *s;
    JET_ERR err = api_enter(sesid, &s);

    return err < 0 ? err : api_leave(s, set_session_parameter(s, sesparamid, pvParam, cbParam));
}

JET_ERR JetGetThreadStats(void *pvResult, uint32_t cbMax)
{
    const struct buf_thread_stats *t = &buf_thread_stats;
    JET_THREADSTATS2 s = {.cPageReferenced = (uint32_t)t->referenced,
                          .cPageRead = (uint32_t)t->read,
                          .cPagePreread = (uint32_t)t->preread,
                          .cPageDirtied = (uint32_t)t->dirtied,
                          .cPageRedirtied = (uint32_t)t->redirtied};

    if (!pvResult)
        return RAISE(JET_errInvalidParameter);
    if (cbMax < sizeof(JET_THREADSTATS))
        return RAISE(JET_errInvalidBufferSize);
    s.cbStruct = cbMax < sizeof(s) ? sizeof(JET_THREADSTATS) : sizeof(s);
    memcpy(pvResult, &s, s.cbStruct);
    return JET_errSuccess;
}

/* ---- transactions ---------------------------------------------------------------------------- */

static JET_ERR begin(JET_SESID sesid, JET_GRBIT grbit)
{
    struct jsess *s;
    JET_ERR err = api_enter(sesid, &s);

    if (err < 0)
        return err;
    if (grbit & ~JET_bitTransactionReadOnly)
        return api_leave(s, RAISE(JET_errInvalidGrbit));
    err = s->s->level < LEVEL_MAX ? trx_begin(s->s) : RAISE(JET_errTransTooDeep);
    if (err >= 0 && (err = tempsess_begun(s)) < 0) {
        JET_ERR err2 = trx_rollback(s->s);
        err = err2 < 0 ? err2 : err;
    }
    if (err >= 0 && s->s->level == 1 && !s->has_context)
        s->thread = this_thread();
    return api_leave(s, err);
}

JET_ERR JetBeginTransaction(JET_SESID sesid)
{
    return begin(sesid, 0);
}

JET_ERR JetBeginTransaction2(JET_SESID sesid, JET_GRBIT grbit)
{
    return begin(sesid, grbit);
}

JET_ERR JetBeginTransaction3(JET_SESID sesid, int64_t trxid, JET_GRBIT grbit)
{
    (void)trxid; /* it only serves to find the place in a program */
    return begin(sesid, grbit);
}

static JET_ERR wait_all(struct jsess *s)
{
    return s->inst->in->wal ? wal_flush_all(s->inst->in->wal) : JET_errSuccess;
}

static JET_ERR roll_log(struct jsess *s)
{
    lgen_t gen;

    return s->inst->in->wal ? wal_roll(s->inst->in->wal, &gen) : RAISE(JET_errLoggingDisabled);
}

/* What is not a commit at all, or the commit of a level. */
static JET_ERR commit(struct jsess *s, JET_GRBIT grbit)
{
    const JET_GRBIT known = JET_bitCommitLazyFlush | JET_bitWaitLastLevel0Commit |
                            JET_bitWaitAllLevel0Commit | JET_bitForceNewLog |
                            JET_bitCommitRedoCallback;
    JET_ERR err;

    if (grbit & ~known)
        return RAISE(JET_errInvalidGrbit);
    if (grbit & JET_bitForceNewLog)
        return grbit == JET_bitForceNewLog ? roll_log(s) : RAISE(JET_errInvalidGrbit);
    if (grbit & (JET_bitWaitLastLevel0Commit | JET_bitWaitAllLevel0Commit)) {
        if (grbit & ~(JET_bitWaitLastLevel0Commit | JET_bitWaitAllLevel0Commit))
            return RAISE(JET_errInvalidGrbit);
        if (s->s->level > 0)
            return RAISE(JET_errInTransaction);
        return grbit & JET_bitWaitAllLevel0Commit ? wait_all(s) : trx_wait_durable(s->s);
    }
    if (s->s->level == 0)
        return RAISE(JET_errNotInTransaction);
    err = cursors_may_commit(s);
    if (err < 0)
        return err;
    err = trx_commit(s->s, grbit & JET_bitCommitLazyFlush || s->s->lazy_default);
    tempsess_ended(s, true);
    cursors_committed(s);
    if (s->s->level == 0 && !s->has_context)
        s->thread = 0;
    return err;
}

JET_ERR JetCommitTransaction(JET_SESID sesid, JET_GRBIT grbit)
{
    struct jsess *s;
    JET_ERR err = api_enter(sesid, &s);

    return err < 0 ? err : api_leave(s, commit(s, grbit));
}

/* A commit that may be lazy for so many milliseconds is lazy here for none: durable is within any
 * time. */
JET_ERR JetCommitTransaction2(JET_SESID sesid, JET_GRBIT grbit, uint32_t cmsecDurableCommit,
                              JET_COMMIT_ID *pCommitId)
{
    struct jsess *s;
    struct signature sign;
    JET_ERR err = api_enter(sesid, &s);

    (void)cmsecDurableCommit;
    if (err < 0)
        return err;
    err = commit(s, grbit);
    if (err >= 0 && pCommitId) {
        memset(pCommitId, 0, sizeof(*pCommitId));
        sign = live_log_signature(s->inst->in);
        memcpy(&pCommitId->signLog, &sign, sizeof(sign));
        pCommitId->commitId = (int64_t)s->s->lgpos_commit;
    }
    return api_leave(s, err);
}

static JET_ERR rollback(struct jsess *s, JET_GRBIT grbit)
{
    JET_ERR err;

    if (grbit & ~(JET_bitRollbackAll | JET_bitRollbackRedoCallback))
        return RAISE(JET_errInvalidGrbit);
    if (s->s->level == 0)
        return RAISE(JET_errNotInTransaction);
    do {
        cursors_roll_back(s);
        err = trx_rollback(s->s);
        tempsess_ended(s, false);
    } while (err >= 0 && grbit & JET_bitRollbackAll && s->s->level > 0);
    if (s->s->level == 0 && !s->has_context)
        s->thread = 0;
    return err;
}

JET_ERR JetRollback(JET_SESID sesid, JET_GRBIT grbit)
{
    struct jsess *s;
    JET_ERR err = api_enter(sesid, &s);

    return err < 0 ? err : api_leave(s, rollback(s, grbit));
}

JET_ERR JetIdle(JET_SESID sesid, JET_GRBIT grbit)
{
    struct jsess *s;
    JET_ERR err = api_enter(sesid, &s);

    if (err < 0)
        return err;
    if (grbit & ~(JET_bitIdleFlushBuffers | JET_bitIdleCompact | JET_bitIdleStatus |
                  JET_bitIdleCompactAsync))
        return api_leave(s, RAISE(JET_errInvalidGrbit));
    if (grbit & JET_bitIdleStatus)
        return api_leave(s, JET_wrnNoIdleActivity);
    if (grbit & (JET_bitIdleCompact | JET_bitIdleCompactAsync) || grbit == 0)
        err = ver_clean(s->inst->in, NULL, false);
    if (err >= 0 && grbit & JET_bitIdleFlushBuffers)
        err = live_checkpoint(s->inst->in, true);
    return api_leave(s, err == JET_wrnRemainingVersions ? JET_errSuccess : err);
}
