/*
 * What sessions write into a real log, when, and what waits for it: deferred Begins, levels,
 * durable and lazy commits, what holds the checkpoint back, UndoInfo against commits, and a log
 * that fails.
 */
#include "txntest.h"

#include <sched.h>

#include "../log/waltest.h"

static struct world *w;
static struct sess *s, *other;
static struct faults faults;
static JET_ERR io_answer; /* of writes, when it is an error */

static JET_ERR io_pwrite(void *ctx, int fd, const void *buf, size_t len, uint64_t off)
{
    if (io_answer < 0)
        return io_answer;
    return wal_io_real.pwrite(ctx, fd, buf, len, off);
}

static void wal_down(void *ctx, JET_ERR err)
{
    (void)inst_fail(ctx, err);
}

static void open_log(unsigned segments)
{
    struct wal_start start = wt_fresh(segments);
    struct wal_hooks hooks = wt_hooks;
    struct wal_io io = wal_io_real;

    w->in.r = reporter_to(&faults);
    io.pwrite = io_pwrite;
    hooks.failed = wal_down;
    hooks.ctx = &w->in;
    start.no_sync = true;
    io_answer = 0;
    assert_int_equal(wal_open_with(&start, &hooks, &w->in.r, &io, &w->in.wal), 0);
}

static int setup(void **state)
{
    assert_int_equal(wt_setup(state), 0);
    w = world_new(0);
    open_log(64);
    assert_int_equal(sess_new(&w->in, false, &s), 0);
    assert_int_equal(sess_new(&w->in, false, &other), 0);
    return 0;
}

static int teardown(void **state)
{
    sess_free(s);
    sess_free(other);
    ver_cleaner_stop(&w->in);
    ver_store_free(w->in.ver);
    w->in.ver = NULL;
    wal_close(w->in.wal);
    world_free(w);
    return wt_teardown(state);
}

/* ---- what the log says ------------------------------------------------------------------------ */

static char story[8192];

static void tell(const struct logrec *r)
{
    char *to = story + strlen(story);
    const size_t room = sizeof(story) - strlen(story);

    switch ((int)r->type) {
    case LR_BEGIN0:
        snprintf(to, room, "Begin0 p%u n%u t%X; ", r->procid, r->trx_levels.nr_levels, r->trx);
        break;
    case LR_BEGIN:
        snprintf(to, room, "Begin p%u from%u n%u; ", r->procid, r->trx_levels.level_from,
                 r->trx_levels.nr_levels);
        break;
    case LR_COMMIT:
        snprintf(to, room, "Commit p%u to%u; ", r->procid, r->trx_levels.level_from);
        break;
    case LR_COMMIT0:
        snprintf(to, room, "Commit0 p%u t%X; ", r->procid, r->trx);
        break;
    case LR_ROLLBACK:
        snprintf(to, room, "Rollback p%u n%u; ", r->procid, r->trx_levels.nr_levels);
        break;
    case LR_DELTA:
    case LR_UNDO:
        snprintf(to, room, "%s p%u lv%u t%X pg%u; ", logrec_name(r->type), r->procid, r->level,
                 r->trx, (unsigned)r->pgno);
        assert_int_equal(r->dbid, 1);
        assert_int_equal(r->pgno_fdp, 31);
        assert_int_equal(r->objid, 8);
        assert_int_equal(r->flags & (LR_PAGE_UNIQUE | LR_PAGE_SPACE), LR_PAGE_UNIQUE);
        break;
    default:
        break;
    }
}

typedef void record_fn(const struct logrec *r);

static void read_log(record_fn *fn)
{
    static struct wt_set set;
    struct logread_set *l;
    struct faults fs;
    struct reporter r = reporter_to(&fs);
    struct logrec rec;
    lgpos_t at;
    JET_ERR err;

    assert_int_equal(wal_flush_all(w->in.wal), 0);
    wt_open_set(&set, wt_fd, 1);
    assert_int_equal(logread_set_open(set.files, set.nr, &r, &l), 0);
    while ((err = logread_set_next(l, &at, &rec)) > 0)
        fn(&rec);
    assert_int_equal(err, 0);
    logread_set_close(l);
    wt_close_set(&set);
}

static void expect_story(const char *want)
{
    story[0] = 0;
    read_log(tell);
    assert_string_equal(story, want);
}

/* A record on page pgno; what it changes does not matter here. */
static void log_op(struct sess *who, enum lrtyp type, pgno_t pgno, uint8_t level, lgpos_t *ret)
{
    struct logrec rec = {.type = type, .pgno = pgno, .dbtime = 2, .dbtime_before = 1};

    rec.level = level;
    rec.rceid = 1;
    rec.node.key = world_key(1).key;
    rec.node.oper = 1;
    assert_int_equal(trx_log(who, &w->tree, &rec, ret), 0);
    assert_true(*ret > 0);
}

static lgpos_t op(struct sess *who)
{
    lgpos_t at;

    log_op(who, LR_DELTA, 40, 0, &at);
    return at;
}

static void begin(struct sess *who, unsigned levels)
{
    while (levels--)
        assert_int_equal(trx_begin(who), 0);
}

static void commit(struct sess *who, unsigned levels)
{
    while (levels--)
        assert_int_equal(trx_commit(who, true), 0);
}

/* A change with its version and its record. */
static struct ver *change(struct sess *who, enum ver_oper oper, unsigned n)
{
    struct ver *v;
    lgpos_t at;

    assert_int_equal(world_add(w, who, oper, n, &v), 0);
    log_op(who, LR_DELTA, 40, 0, &at);
    atomic_store(&v->lgpos, at);
    return v;
}

/* ---- begins (write path 2.2) ------------------------------------------------------------------ */

static void what_changes_nothing_is_not_in_the_log(void **state)
{
    struct ver *v;

    (void)state;
    begin(s, 3);
    commit(s, 2);
    assert_int_equal(world_add(w, s, VER_WRITE_LOCK, 1, &v), 0);
    assert_int_equal(trx_commit(s, false), 0);
    begin(s, 1);
    assert_int_equal(trx_rollback(s), 0);
    expect_story("");
}

static void levels_are_begun_by_one_record_when_something_happens(void **state)
{
    (void)state;
    begin(s, 4);
    op(s);
    commit(s, 4);
    expect_story(
        "Begin0 p5 n4 t4; Delta p5 lv4 t4 pg40; Commit p5 to3; Commit p5 to2; Commit p5 to1; "
        "Commit0 p5 t8; ");
}

static void a_level_inside_is_begun_for_itself(void **state)
{
    (void)state;
    begin(s, 2);
    op(s);
    commit(s, 1);
    begin(s, 1);
    commit(s, 1); /* nothing in it */
    begin(s, 1);
    op(s);
    commit(s, 2);
    expect_story("Begin0 p5 n2 t4; Delta p5 lv2 t4 pg40; Commit p5 to1; Begin p5 from1 n1; "
                 "Delta p5 lv2 t4 pg40; Commit p5 to1; Commit0 p5 t8; ");
}

static void a_rollback_is_logged_when_its_begin_was(void **state)
{
    (void)state;
    begin(s, 2);
    op(s);
    commit(s, 1);
    begin(s, 2);
    op(s);
    commit(s, 1);
    assert_int_equal(trx_rollback(s), 0);
    begin(s, 1);
    assert_int_equal(trx_rollback(s), 0); /* not logged */
    begin(s, 1);
    op(s);
    commit(s, 2);
    expect_story("Begin0 p5 n2 t4; Delta p5 lv2 t4 pg40; Commit p5 to1; Begin p5 from1 n2; "
                 "Delta p5 lv3 t4 pg40; Commit p5 to2; Rollback p5 n1; Begin p5 from1 n1; "
                 "Delta p5 lv2 t4 pg40; Commit p5 to1; Commit0 p5 t8; ");
}

static void an_undo_keeps_the_level_of_what_it_undoes(void **state)
{
    lgpos_t at;

    (void)state;
    begin(s, 2);
    log_op(s, LR_UNDO, 41, 1, &at);
    log_op(s, LR_UNDO, 41, 0, &at);
    log_op(s, LR_DELTA, 41, 1, &at); /* only an Undo may say it */
    commit(s, 2);
    expect_story("Begin0 p5 n2 t4; Undo p5 lv1 t4 pg41; Undo p5 lv2 t4 pg41; Delta p5 lv2 t4 pg41; "
                 "Commit p5 to1; Commit0 p5 t8; ");
}

/* Write path 2.1: Begin0, Commit0, and the number by which others see it. */
static void an_update_consumes_three_numbers(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        begin(s, 1);
        change(s, VER_INSERT, 1 + i);
        commit(s, 1);
    }
    expect_story("Begin0 p5 n1 t4; Delta p5 lv1 t4 pg40; Commit0 p5 t8; "
                 "Begin0 p5 n1 t10; Delta p5 lv1 t10 pg40; Commit0 p5 t14; ");
}

/* ---- durable and lazy ------------------------------------------------------------------------- */

static void a_commit_is_on_disk_before_it_returns(void **state)
{
    (void)state;
    begin(s, 1);
    change(s, VER_INSERT, 1);
    assert_int_equal(trx_commit(s, false), 0);
    assert_true(s->lgpos_commit > 0);
    assert_true(wal_is_durable(w->in.wal, s->lgpos_commit));
    begin(s, 1);
    change(s, VER_INSERT, 2);
    assert_int_equal(trx_commit(s, true), 0);
    assert_int_equal(trx_wait_durable(s), 0);
    assert_true(wal_is_durable(w->in.wal, s->lgpos_commit));
    assert_int_equal(trx_wait_durable(other), 0); /* never committed anything */
}

/* What would undo it may be nowhere but in the store (verundo.c). */
static void images_stay_until_their_commit_is_on_disk(void **state)
{
    (void)state;
    begin(s, 1);
    change(s, VER_INSERT, 1);
    assert_int_equal(trx_commit(s, true), 0);
    assert_int_equal(atomic_load(&w->tree.nr_ver), 0); /* has none */
    begin(s, 1);
    change(s, VER_REPLACE, 1);
    assert_int_equal(trx_commit(s, true), 0);
    if (!wal_is_durable(w->in.wal, s->lgpos_commit)) {
        const bool kept = atomic_load(&w->tree.nr_ver) == 1;
        assert_true(kept);
        assert_int_equal(ver_clean(&w->in, NULL, false),
                         wal_is_durable(w->in.wal, s->lgpos_commit) ? 0 : JET_wrnRemainingVersions);
    }
    assert_int_equal(ver_clean(&w->in, NULL, true), 0); /* flushes */
    assert_true(wal_is_durable(w->in.wal, s->lgpos_commit));
    assert_int_equal(atomic_load(&w->tree.nr_ver), 0);
    begin(s, 1);
    change(s, VER_REPLACE, 1);
    assert_int_equal(trx_commit(s, false), 0);
    assert_int_equal(atomic_load(&w->tree.nr_ver), 0);
}

static void the_checkpoint_is_held_back_until_the_end_is_on_disk(void **state)
{
    lgpos_t first, tip;

    (void)state;
    assert_true(trx_oldest_begin0(&w->in) == UINT64_MAX);
    begin(s, 1);
    assert_true(trx_oldest_begin0(&w->in) == UINT64_MAX);
    tip = wal_tip(w->in.wal);
    first = op(s);
    assert_true(atomic_load(&s->lgpos_begin0) >= tip && atomic_load(&s->lgpos_begin0) < first);
    assert_true(trx_oldest_begin0(&w->in) == atomic_load(&s->lgpos_begin0));
    first = atomic_load(&s->lgpos_begin0);
    begin(other, 1);
    op(other);
    assert_true(trx_oldest_begin0(&w->in) == first);
    assert_int_equal(trx_commit(s, true), 0);
    if (!wal_is_durable(w->in.wal, s->lgpos_commit))
        assert_true(trx_oldest_begin0(&w->in) == first ||
                    wal_is_durable(w->in.wal, s->lgpos_commit));
    assert_int_equal(trx_wait_durable(s), 0);
    assert_true(trx_oldest_begin0(&w->in) == atomic_load(&other->lgpos_begin0));
    assert_int_equal(trx_rollback(other), 0);
    assert_int_equal(wal_flush_all(w->in.wal), 0);
    assert_true(trx_oldest_begin0(&w->in) == UINT64_MAX);
}

static void lazy_commits_without_end_let_the_checkpoint_go_on(void **state)
{
    lgpos_t begin0 = 0, oldest;

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        begin(s, 1);
        op(s);
        begin0 = atomic_load(&s->lgpos_begin0);
        assert_int_equal(trx_commit(s, true), 0);
        if (i % 10 == 9) {
            oldest = trx_oldest_begin0(&w->in);
            assert_int_equal(wal_flush_all(w->in.wal), 0);
        }
    }
    oldest = trx_oldest_begin0(&w->in);
    assert_true(oldest == UINT64_MAX || oldest >= begin0 - 4096);
}

/* ---- UndoInfo --------------------------------------------------------------------------------- */

static unsigned nr_asked;

static JET_ERR log_undo_info(void *ctx, struct ver *v)
{
    struct logrec rec = {.type = LR_UNDO_INFO,
                         .procid = v->sess->procid,
                         .dbid = 1,
                         .pgno = 40,
                         .dbtime = DBTIME_INVALID,
                         .dbtime_before = DBTIME_INVALID,
                         .rceid = v->rceid,
                         .level = v->level};

    (void)ctx;
    rec.trx = atomic_load(&v->sess->trx_begin0);
    rec.node.key = ver_bookmark(v).key;
    rec.node.image = ver_image(v);
    rec.node.oper = v->oper;
    __atomic_fetch_add(&nr_asked, 1, __ATOMIC_RELAXED);
    sched_yield(); /* time for a commit to get in between */
    return wal_append(w->in.wal, &rec, NULL);
}

static void undo_info_is_asked_for_once_and_not_too_early(void **state)
{
    const struct bookmark bm = world_key(1);
    struct ver *v, *replace;

    (void)state;
    nr_asked = 0;
    assert_int_equal(ver_each_unlogged(&w->tree, &bm, log_undo_info, NULL), 0);
    begin(s, 1);
    change(s, VER_DELTA, 1);
    assert_int_equal(ver_each_unlogged(&w->tree, &bm, log_undo_info, NULL), 0);
    assert_int_equal(nr_asked, 0);
    v = change(s, VER_REPLACE, 1);
    change(s, VER_FLAG_DELETE, 1);
    assert_int_equal(ver_each_unlogged(&w->tree, &bm, log_undo_info, NULL), 0);
    assert_int_equal(nr_asked, 2);
    assert_true(v->undo_logged);
    assert_int_equal(ver_each_unlogged(&w->tree, &bm, log_undo_info, NULL), 0);
    assert_int_equal(nr_asked, 2);
    replace = change(s, VER_REPLACE, 1);
    atomic_store(&replace->lgpos, 0); /* its page is about to be changed */
    assert_int_equal(ver_each_unlogged(&w->tree, &bm, log_undo_info, NULL),
                     JET_wrnRemainingVersions);
    assert_int_equal(nr_asked, 2);
    assert_false(replace->undo_logged);
}

static void a_page_with_a_lazy_commit_waits_for_it(void **state)
{
    const struct bookmark bm = world_key(1);

    (void)state;
    nr_asked = 0;
    begin(s, 1);
    change(s, VER_REPLACE, 1);
    assert_int_equal(trx_commit(s, true), 0);
    assert_int_equal(ver_each_unlogged(&w->tree, &bm, log_undo_info, NULL), 0);
    assert_int_equal(nr_asked, 0);
    assert_true(wal_is_durable(w->in.wal, s->lgpos_commit));
}

/* ---- failure ---------------------------------------------------------------------------------- */

static void what_is_not_on_disk_is_not_seen(void **state)
{
    const struct bookmark bm = world_key(1);
    uint8_t buf[64];
    uint32_t len;

    (void)state;
    begin(s, 1);
    change(s, VER_INSERT, 1);
    io_answer = JET_errDiskIO;
    assert_true(trx_commit(s, false) < 0);
    assert_true(inst_check(&w->in) < 0);
    assert_int_equal(ver_see(other, &w->tree, &bm, buf, sizeof(buf), &len), VER_ABSENT);
    assert_true(trx_begin(other) < 0);
    assert_true(trx_rollback(s) < 0);
    assert_true(ver_each_unlogged(&w->tree, &bm, log_undo_info, NULL) < 0);
    sess_free(s);
    s = NULL;
    assert_int_equal(atomic_load(&w->tree.nr_ver), 0);
}

/* ---- flushers against commits ----------------------------------------------------------------- */

#define WRITERS 4 /* each with a node of its own, and a flusher for it */
#define ROUNDS  500u

static _Atomic bool over;
static _Atomic int trouble;

static JET_ERR log_replace(struct sess *who, struct ver *v)
{
    struct logrec rec = {.type = LR_DELTA, .pgno = 40, .dbtime = 2, .dbtime_before = 1};
    lgpos_t at;
    JET_ERR err;

    rec.rceid = v->rceid;
    rec.node.key = ver_bookmark(v).key;
    err = trx_log(who, &w->tree, &rec, &at);
    if (err >= 0)
        atomic_store(&v->lgpos, at);
    return err;
}

static JET_ERR write_node(struct sess *who, unsigned n)
{
    struct tnode *node = &w->node[n];
    struct ver *v;
    JET_ERR err;

    pthread_rwlock_wrlock(&node->latch);
    err = world_add(w, who, VER_REPLACE, n, &v);
    if (err >= 0) {
        atomic_store(&v->lgpos, 0);
        err = log_replace(who, v);
    }
    pthread_rwlock_unlock(&node->latch);
    return err;
}

static void *writer(void *arg)
{
    struct sess *who = arg;
    const unsigned n = who->procid; /* nobody else's */
    JET_ERR err = 0;

    for (unsigned i = 0; i < ROUNDS && err >= 0; i++) {
        err = trx_begin(who);
        for (unsigned j = 0; j < 3 && err >= 0; j++) {
            err = trx_begin(who);
            if (err >= 0)
                err = write_node(who, n);
            sched_yield();
            if (err >= 0)
                err = i % 5 == 4 && j == 1 ? trx_rollback(who) : trx_commit(who, true);
        }
        if (err >= 0)
            err = i % 7 == 6 ? trx_rollback(who) : trx_commit(who, i % 16 != 0);
    }
    if (err < 0)
        atomic_store(&trouble, err);
    return NULL;
}

static void *flusher(void *arg)
{
    const unsigned n = ((const struct sess *)arg)->procid;
    const struct bookmark bm = world_key(n);
    JET_ERR err = 0;

    while (!atomic_load(&over) && err >= 0) {
        pthread_rwlock_rdlock(&w->node[n].latch);
        err = ver_each_unlogged(&w->tree, &bm, log_undo_info, NULL);
        pthread_rwlock_unlock(&w->node[n].latch);
        sched_yield();
        if (err > 0) /* nothing is under way while the latch is held shared */
            err = JET_errInternalError;
    }
    if (err < 0)
        atomic_store(&trouble, err);
    return NULL;
}

/* Where each session is, as redo would know it. */
static struct {
    uint32_t trx;
    unsigned level;
} at[64];
static unsigned nr_undo_infos;

static void follow(const struct logrec *r)
{
    if (r->procid >= ARRAY_LEN(at))
        return;
    switch ((int)r->type) {
    case LR_BEGIN0:
        assert_int_equal(at[r->procid].level, 0);
        at[r->procid].trx = r->trx;
        at[r->procid].level = r->trx_levels.nr_levels;
        break;
    case LR_BEGIN:
        assert_int_equal(at[r->procid].level, r->trx_levels.level_from);
        at[r->procid].level += r->trx_levels.nr_levels;
        break;
    case LR_COMMIT:
    case LR_COMMIT0:
        assert_int_equal(at[r->procid].level, r->trx_levels.level_from + 1);
        at[r->procid].level--;
        break;
    case LR_ROLLBACK:
        at[r->procid].level -= r->trx_levels.nr_levels;
        break;
    case LR_UNDO_INFO:
        nr_undo_infos++;
        assert_int_equal(at[r->procid].trx, r->trx);
        assert_in_range(r->level, 1, at[r->procid].level);
        break;
    default:
        break;
    }
}

static void undo_info_is_always_inside_its_transaction(void **state)
{
    pthread_t threads[WRITERS], flushers[WRITERS];
    struct sess *who[WRITERS];

    (void)state;
    atomic_store(&over, false);
    atomic_store(&trouble, 0);
    memset(at, 0, sizeof(at));
    nr_asked = nr_undo_infos = 0;
    for (unsigned i = 0; i < WRITERS; i++)
        assert_int_equal(sess_new(&w->in, false, &who[i]), 0);
    assert_int_equal(ver_cleaner_start(&w->in), 0);
    for (unsigned i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_create(&flushers[i], NULL, flusher, who[i]), 0);
        assert_int_equal(pthread_create(&threads[i], NULL, writer, who[i]), 0);
    }
    for (unsigned i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    atomic_store(&over, true);
    for (unsigned i = 0; i < WRITERS; i++)
        pthread_join(flushers[i], NULL);
    ver_cleaner_stop(&w->in);
    for (unsigned i = 0; i < WRITERS; i++)
        sess_free(who[i]);
    assert_int_equal(atomic_load(&trouble), 0);
    read_log(follow);
    print_message("%u UndoInfo\n", nr_undo_infos);
    assert_true(nr_undo_infos > 0);
    assert_int_equal(nr_undo_infos, nr_asked);
    assert_int_equal(ver_clean(&w->in, NULL, true), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(what_changes_nothing_is_not_in_the_log),
        T(levels_are_begun_by_one_record_when_something_happens),
        T(a_level_inside_is_begun_for_itself),
        T(a_rollback_is_logged_when_its_begin_was),
        T(an_undo_keeps_the_level_of_what_it_undoes),
        T(an_update_consumes_three_numbers),
        T(a_commit_is_on_disk_before_it_returns),
        T(images_stay_until_their_commit_is_on_disk),
        T(the_checkpoint_is_held_back_until_the_end_is_on_disk),
        T(lazy_commits_without_end_let_the_checkpoint_go_on),
        T(undo_info_is_asked_for_once_and_not_too_early),
        T(a_page_with_a_lazy_commit_waits_for_it),
        T(what_is_not_on_disk_is_not_seen),
        T(undo_info_is_always_inside_its_transaction),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
