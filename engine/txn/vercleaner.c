/*
 * Cleaning, the part with hooks: nodes removed, dropped tables freed; on demand and by the thread.
 *
 * Hooks latch pages and write records, so they run under `clean`, one at a time, in transactions of
 * the cleaner's session that are committed lazily. Nobody waits for `clean` with a latch held, so a
 * hook may wait for any. An entry is out of its chain before its hook is called: nobody needs it,
 * and the node counts as inactive.
 */
#include <assert.h>
#include <sched.h>
#include <time.h>

#include "txn/trx_priv.h"
#include "os/thread.h"

#define BATCH        64 /* nodes per transaction; `clean` is let go in between */
#define PERIOD_NS    1000000000L
#define FRUITLESS_NS 20000000L /* no sooner again when nothing could be done */
#define FLUSH_NS     100000000L /* what waits for the log alone waits so long, unless room is short */
#define RETRIES      20

/* ---- one entry -------------------------------------------------------------------------------- */

/* The transaction of the hook that failed; what it did not log as versioned stays. */
static void give_up(struct sess *s)
{
    while (s->level > 0)
        if (trx_rollback(s) < 0)
            sess_abandon(s);
}

static JET_ERR commit(struct sess *s)
{
    JET_ERR err = s->level > 0 ? trx_commit(s, true) : JET_errSuccess;

    if (err < 0)
        give_up(s);
    return err;
}

static JET_ERR call_hook(struct sess *s, struct ver *v, uint32_t number)
{
    struct inst *in = s->inst;
    JET_ERR err = JET_errSuccess;

    if (v->oper == VER_DDL) /* frees space, by transactions of its own */
        err = commit(s);
    else if (atomic_load_explicit(&v->tree->deleted, memory_order_acquire))
        return JET_errSuccess;
    if (err >= 0 && s->level == 0)
        err = trx_begin(s);
    if (err < 0)
        return err;
    err = v->oper == VER_DDL ? v->ddl->clean(s, v->ddl_arg, number) : in->hooks->clean(s, v);
    if (err >= 0 && v->oper == VER_DDL)
        err = commit(s);
    if (err < 0)
        give_up(s);
    return err;
}

static JET_ERR clean_one(struct verstore *vs, struct ver *v, uint32_t number)
{
    struct entry *e = entry_of(v);
    JET_ERR err;

    entry_unchain(vs, e);
    err = call_hook(vs->sess, v, number);
    entry_free(e);
    return err;
}

/* ---- what waits ------------------------------------------------------------------------------- */

struct item {
    struct ver *v;
    struct trx *last_of; /* it was the last entry of that transaction */
    uint32_t number;     /* of the commit */
};

static bool take_item(struct verstore *vs, struct item *ret)
{
    struct trx *t;

    *ret = (struct item){0};
    spin_lock(&vs->queue_lock);
    t = vs->work;
    if (vs->undone) {
        ret->v = vs->undone;
        vs->undone = ret->v->older;
    } else if (t) {
        ret->v = t->list;
        ret->number = trx_number(t);
        t->list = ret->v->older;
        if (!t->list) {
            ret->last_of = t;
            vs->work = t->next;
            if (!vs->work)
                vs->work_end = &vs->work;
        }
    }
    if (!vs->undone && !vs->work)
        atomic_store_explicit(&vs->nr_work, 0, memory_order_relaxed);
    spin_unlock(&vs->queue_lock);
    return ret->v != NULL;
}

static void keep_first(JET_ERR *first, JET_ERR err)
{
    if (err < 0 && *first >= 0)
        *first = err;
}

/* False: there was nothing, or the instance is down. */
static bool run_batch(struct verstore *vs, JET_ERR *first)
{
    struct item it;
    unsigned nr = 0;

    pthread_mutex_lock(&vs->clean);
    while (nr < BATCH && inst_check(vs->inst) >= 0 && take_item(vs, &it)) {
        keep_first(first, clean_one(vs, it.v, it.number));
        if (it.last_of)
            trx_free(vs, it.last_of);
        nr++;
    }
    keep_first(first, commit(vs->sess));
    pthread_mutex_unlock(&vs->clean);
    return nr > 0;
}

/* ---- a database that is going ----------------------------------------------------------------- */

static bool belongs(const struct ver *v, const struct db *d)
{
    if (v->tree)
        return v->tree->db == d;
    return !v->ddl->db || v->ddl->db(v->ddl_arg) == d;
}

/* Its entries of d, oldest first; the others stay in its list, newest first. */
static struct ver *take_of(struct trx *t, const struct db *d)
{
    struct ver *taken = NULL, **at = &t->list;

    while (*at) {
        struct ver *v = *at;
        if (!belongs(v, d)) {
            at = &v->older;
            continue;
        }
        *at = v->older;
        v->older = taken;
        taken = v;
        t->nr--;
    }
    return taken;
}

static void force_one(struct verstore *vs, struct trx *t, const struct db *d, JET_ERR *first)
{
    struct ver *v = take_of(t, d);

    while (v) {
        struct ver *newer = v->older;
        if (clean_has_hook(vs, v) && inst_check(vs->inst) >= 0) {
            keep_first(first, clean_one(vs, v, trx_number(t)));
        } else {
            entry_unchain(vs, entry_of(v));
            entry_free(entry_of(v));
        }
        v = newer;
    }
}

/* Those that are not ripe, because somebody began before them: he has nothing to do with d. */
static void force(struct verstore *vs, const struct db *d, JET_ERR *first)
{
    struct trx *t, *next, *kept = NULL, **end = &kept;

    spin_lock(&vs->queue_lock);
    t = vs->done;
    vs->done = NULL;
    vs->done_end = &vs->done;
    spin_unlock(&vs->queue_lock);
    for (; t; t = next) {
        next = t->next;
        force_one(vs, t, d, first);
        if (t->list) {
            *end = t;
            end = &t->next;
        } else {
            trx_free(vs, t);
        }
    }
    keep_first(first, commit(vs->sess));
    spin_lock(&vs->queue_lock);
    *end = vs->done;
    if (!vs->done)
        vs->done_end = end;
    vs->done = kept;
    if (!kept)
        vs->done_end = &vs->done;
    spin_unlock(&vs->queue_lock);
}

static bool has_versions(struct db *d)
{
    bool has = false;

    pthread_mutex_lock(&d->tree_lock);
    for (struct tree *t = d->trees; t && !has; t = t->next)
        has = atomic_load_explicit(&t->nr_ver, memory_order_relaxed) > 0;
    pthread_mutex_unlock(&d->tree_lock);
    return has;
}

/* ---- on demand -------------------------------------------------------------------------------- */

static bool remains(struct verstore *vs, struct db *d)
{
    if (d)
        return has_versions(d);
    return atomic_load_explicit(&vs->nr_trx, memory_order_acquire) > 0 ||
           atomic_load_explicit(&vs->nr_work, memory_order_relaxed) > 0;
}

/* The first of those that ended is held up by the log alone. */
static bool log_is_missing(struct verstore *vs)
{
    const uint32_t oldest = trx_oldest(vs->inst);
    bool missing;

    spin_lock(&vs->queue_lock);
    missing =
        vs->done && committed_before(vs->done, oldest) && !clean_is_ripe(vs, vs->done, oldest);
    spin_unlock(&vs->queue_lock);
    return missing;
}

/*
 * One round. Returns whether a hook was called, and more may have become ripe by its transactions.
 */
static bool clean_round(struct verstore *vs, bool flush, JET_ERR *first)
{
    struct inst *in = vs->inst;
    bool some = false;

    if (flush && log_is_missing(vs)) {
        const JET_ERR err = wal_flush_all(in->wal);
        keep_first(first, err < 0 ? inst_fail(in, err) : err);
    }
    clean_light(vs);
    while (run_batch(vs, first))
        some = true;
    return some;
}

/* All that can go now. */
static void clean_out(struct verstore *vs, struct db *d, JET_ERR *first)
{
    while (clean_round(vs, true, first))
        ;
    if (!d)
        return;
    pthread_mutex_lock(&vs->clean);
    force(vs, d, first);
    pthread_mutex_unlock(&vs->clean);
    while (clean_round(vs, true, first))
        ;
}

JET_ERR ver_clean(struct inst *in, struct db *d, bool all)
{
    struct verstore *vs = in->ver;
    JET_ERR first = inst_check(in);

    if (first < 0)
        return first;
    if (all)
        clean_out(vs, d, &first);
    else
        clean_round(vs, false, &first);
    /* A session that commits may be taking versions away this moment. */
    for (unsigned i = 0; all && i < RETRIES && first >= 0 && remains(vs, d); i++) {
        sched_yield();
        clean_out(vs, d, &first);
    }
    if (first < 0)
        return first;
    return remains(vs, d) ? JET_wrnRemainingVersions : JET_errSuccess;
}

JET_ERR clean_pressure(struct inst *in)
{
    struct verstore *vs = in->ver;
    JET_ERR first = JET_errSuccess;

    clean_round(vs, true, &first);
    return inst_check(in);
}

void ver_forget_tree(struct tree *t)
{
    struct verstore *vs = t->db->inst->ver;

    assert(atomic_load(&t->deleted));
    pthread_mutex_lock(&vs->clean);
    pthread_mutex_unlock(&vs->clean);
}

/* ---- the thread ------------------------------------------------------------------------------- */

void cleaner_wake(struct verstore *vs)
{
    if (atomic_exchange_explicit(&vs->woken, true, memory_order_relaxed))
        return;
    pthread_mutex_lock(&vs->wake_lock);
    vs->wake = true;
    pthread_cond_signal(&vs->wake_cond);
    pthread_mutex_unlock(&vs->wake_lock);
}

static struct timespec after(long ns)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_nsec += ns;
    if (t.tv_nsec >= 1000000000L) {
        t.tv_sec += t.tv_nsec / 1000000000L;
        t.tv_nsec %= 1000000000L;
    }
    return t;
}

/* deaf: it was called just now, in vain. False: stop. */
static bool wait_for_work(struct verstore *vs, bool deaf)
{
    const struct timespec until = after(deaf ? FRUITLESS_NS : PERIOD_NS);
    bool stop;
    int rc = 0;

    pthread_mutex_lock(&vs->wake_lock);
    while (!vs->stop && (deaf || !vs->wake) && rc == 0)
        rc = pthread_cond_timedwait(&vs->wake_cond, &vs->wake_lock, &until);
    vs->wake = false;
    stop = vs->stop;
    pthread_mutex_unlock(&vs->wake_lock);
    atomic_store_explicit(&vs->woken, false, memory_order_relaxed);
    return !stop;
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The log is on its way to the disk anyway, be it that of lazy commits: to hasten it is for when
 * much waits, and for when room is short. */
static bool shall_flush(const struct verstore *vs, uint64_t bytes, uint64_t *last)
{
    const uint64_t now = now_ns();

    if (bytes <= vs->pressure && (bytes <= vs->plenty || now - *last < FLUSH_NS))
        return false;
    *last = now;
    return true;
}

static void *cleaner(void *arg)
{
    struct verstore *vs = arg;
    uint64_t last_flush = 0;
    bool deaf = false;

    while (wait_for_work(vs, deaf)) {
        const uint64_t before = atomic_load_explicit(&vs->bytes, memory_order_relaxed);
        JET_ERR first = JET_errSuccess; /* told where it happened; what it was for is given up */
        bool some = false;
        if (inst_check(vs->inst) >= 0)
            some = clean_round(vs, shall_flush(vs, before, &last_flush), &first);
        deaf = before > vs->plenty && !some &&
               atomic_load_explicit(&vs->bytes, memory_order_relaxed) >= before;
    }
    return NULL;
}

JET_ERR ver_cleaner_start(struct inst *in)
{
    struct verstore *vs = in->ver;
    JET_ERR err;

    vs->stop = false;
    err = os_thread_start(&vs->thread, cleaner, vs);
    vs->running = err >= 0;
    return err;
}

void ver_cleaner_stop(struct inst *in)
{
    struct verstore *vs = in->ver;

    if (!vs || !vs->running)
        return;
    pthread_mutex_lock(&vs->wake_lock);
    vs->stop = true;
    pthread_cond_signal(&vs->wake_cond);
    pthread_mutex_unlock(&vs->wake_lock);
    pthread_join(vs->thread, NULL);
    vs->running = false;
}
