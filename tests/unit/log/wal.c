/*
 * The log of a running instance: what is appended reads back whole and in order, over generations and from many threads; what
 * was flushed is on disk; a failure is final. What a crash leaves: walcrash.c.
 */
#include "waltest.h"

#include <pthread.h>
#include <sched.h>

#include "log/logenc.h"

static struct faults faults;
static struct reporter reporter;
static struct wal *wal;

static void start_with(const struct wal_start *s, const struct wal_io *io)
{
    reporter = reporter_to(&faults);
    assert_int_equal(wal_open_with(s, &wt_hooks, &reporter, io, &wal), 0);
}

static void start(unsigned segments)
{
    const struct wal_start s = wt_fresh(segments);

    start_with(&s, &wal_io_real);
}

static void go_on(void)
{
    static struct loghdr_disk hdr;
    struct reporter r = reporter_to(&faults);
    const struct wal_start s = wt_found(wt_fd, &hdr, &r);

    assert_int_equal(r.nr_faults, 0);
    start_with(&s, &wal_io_real);
}

static int teardown(void **state)
{
    wal_close(wal);
    wal = NULL;
    return wt_teardown(state);
}

static bool is_there(const char *name)
{
    return faccessat(wt_fd, name, F_OK, 0) == 0;
}

static off_t size_of(const char *name)
{
    struct stat st;

    return fstatat(wt_fd, name, &st, 0) == 0 ? st.st_size : -1;
}

/* ---- one thread ---------------------------------------------------------------------------------- */

static void records_of_every_length_come_back_over_generations(void **state)
{
    (void)state;
    start(16);
    for (unsigned i = 0; i < 3000; i++) {
        const uint32_t len = (uint32_t)(rnd() % (i % 10 ? 300 : 20000));
        assert_int_equal(wt_append(wal, len), 0);
        if (rnd() % 8 == 0) {
            assert_int_equal(wal_flush(wal, wt_written[rnd() % wt_nr].lgpos), 0);
        } else if (rnd() % 20 == 0) {
            assert_int_equal(wal_flush_all(wal), 0);
            assert_true(wal_is_durable(wal, wt_written[wt_nr - 1].lgpos));
        }
    }
    assert_int_equal(wal_flush_all(wal), 0);
    assert_true(wal_tip(wal) == wal_durable(wal));
    assert_true(wt_hooked.generations > 20 && wt_hooked.lists == wt_hooked.generations);
    assert_int_equal(wal_gen(wal), wt_hooked.gen);
    wt_read_all();
}

static void every_room_at_the_end_of_a_segment_is_handled(void **state)
{
    (void)state;
    start(2048);
    for (uint32_t room = 0; room <= 60; room++) {
        for (unsigned flush = 0; flush < 2; flush++) {
            assert_int_equal(wal_flush_all(wal), 0);
            assert_int_equal(wt_append(wal, 4051 - room), 0);
            if (flush) {
                assert_int_equal(wal_flush_all(wal), 0);
                assert_true(wal_is_durable(wal, wt_written[wt_nr - 1].lgpos));
            }
            assert_int_equal(wt_append(wal, 10 + room), 0);
        }
    }
    assert_int_equal(wal_flush_all(wal), 0);
    wt_read_all();
}

static void what_is_flushed_is_on_disk_and_what_is_not_may_not_be(void **state)
{
    struct faults fs;
    JET_ERR err;
    unsigned at;

    (void)state;
    start(64);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(wt_append(wal, 100), 0);
    assert_false(wal_is_durable(wal, wt_written[0].lgpos));
    assert_int_equal(wt_read(wt_fd, &fs, &err), 0);
    assert_int_equal(wal_flush(wal, wt_written[3].lgpos), 0);
    at = wt_read(wt_fd, &fs, &err);
    assert_true(at >= 4);
    for (unsigned i = 0; i < at; i++)
        assert_true(wal_is_durable(wal, wt_written[i].lgpos));
    assert_int_equal(wt_append(wal, 9000), 0); /* three segments */
    assert_int_equal(wal_flush(wal, wt_written[wt_nr - 1].lgpos), 0);
    wt_read_all();
}

static void a_flush_of_something_old_does_not_end_a_segment(void **state)
{
    lgpos_t tip;

    (void)state;
    start(64);
    for (unsigned i = 0; i < 200; i++)
        assert_int_equal(wt_append(wal, 100), 0);
    tip = wal_tip(wal);
    assert_true(lgpos_isec(tip) > 3 && lgpos_ib(tip) > 0);
    assert_int_equal(wal_flush(wal, wt_written[0].lgpos), 0);
    assert_true(wal_tip(wal) == tip);
    assert_false(wal_is_durable(wal, wt_written[wt_nr - 1].lgpos));
}

static void lazy_records_reach_the_disk_by_themselves(void **state)
{
    (void)state;
    start(64);
    assert_int_equal(wt_append(wal, 100), 0);
    for (unsigned i = 0; i < 100 && !wal_is_durable(wal, wt_written[0].lgpos); i++)
        usleep(100000);
    assert_true(wal_is_durable(wal, wt_written[0].lgpos));
    wt_read_all();
}

/* ---- generations --------------------------------------------------------------------------------- */

static void a_generation_ends_when_asked(void **state)
{
    struct logtime created;
    lgen_t gen = 0;

    (void)state;
    start(64);
    assert_int_equal(wt_append(wal, 100), 0);
    assert_int_equal(wal_roll(wal, &gen), 0);
    assert_int_equal(gen, 2);
    assert_int_equal(wal_gen_created(wal, &created), 2);
    assert_true(logtime_equal(created, wal_created(wal)) && !logtime_is_zero(created));
    assert_true(is_there("edb00001.log") && is_there("edb.log"));
    assert_true(wal_is_durable(wal, wt_written[0].lgpos));
    assert_int_equal(wal_roll(wal, &gen), 0); /* an empty one */
    assert_int_equal(gen, 3);
    assert_int_equal(wt_append(wal, 100), 0);
    assert_int_equal(wt_written[1].lgpos, lgpos_make(3, 1, 0));
    assert_int_equal(wal_flush_all(wal), 0);
    assert_int_equal(wt_hooked.generations, 2);
    wt_read_all();
}

struct rollers {
    pthread_t id[4];
    _Atomic bool stop;
};

static void *append_for_ever(void *arg)
{
    struct rollers *r = arg;
    const struct logrec rec = {.type = LR_SHUTDOWN_MARK};
    JET_ERR err = JET_errSuccess;

    while (!r->stop && err >= 0)
        err = wal_append(wal, &rec, NULL);
    return (void *)(intptr_t)err;
}

/* Whoever else appends meanwhile: the record is the very first of its generation, and on disk with all before it. */
static void a_generation_can_begin_with_a_record(void **state)
{
    const struct logrec rec = {.type = LR_BACKUP2, .backup = {.phase = 2, .scope = 1}};
    const struct logrec none = {.type = LR_NOP};
    struct rollers r = {.stop = false};
    lgen_t gen = 0, before;
    lgpos_t at;

    (void)state;
    start(16);
    assert_int_equal(wal_roll_with(wal, &none, &at, &gen), JET_errInvalidParameter);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&r.id[i], NULL, append_for_ever, &r), 0);
    for (unsigned i = 0; i < 50; i++) {
        before = gen;
        assert_int_equal(wal_roll_with(wal, &rec, &at, &gen), 0);
        assert_true(gen > before);
        assert_int_equal(at, lgpos_make(gen, 1, 0));
        assert_true(wal_is_durable(wal, at) && wal_gen(wal) >= gen);
    }
    r.stop = true;
    for (unsigned i = 0; i < 4; i++) {
        void *err;
        assert_int_equal(pthread_join(r.id[i], &err), 0);
        assert_null(err);
    }
    assert_int_equal(wal_flush_all(wal), 0);
    wt_read_all();
}

static void the_last_segment_of_a_file_holds_no_record(void **state)
{
    (void)state;
    start(8);
    while (wal_gen(wal) < 6)
        assert_true(wt_append(wal, 700) >= 0 && wal_flush_all(wal) >= 0);
    for (unsigned i = 0; i < wt_nr; i++)
        assert_true(lgpos_isec(wt_written[i].lgpos) <= 6);
    wt_read_all();
}

static void a_generation_in_the_making_is_not_the_current_log(void **state)
{
    struct faults fs;
    JET_ERR err;

    (void)state;
    start(16);
    while (lgpos_gen(wal_tip(wal)) < 2)
        assert_int_equal(wt_append(wal, 3000), 0);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(wt_append(wal, 3000), 0);
    assert_int_equal(wal_gen(wal), 1);
    assert_true(wt_read(wt_fd, &fs, &err) <= wt_nr);
    assert_int_equal(err, 0);
    assert_int_equal(wal_flush(wal, wt_written[wt_nr - 1].lgpos), 0);
    assert_int_equal(wal_gen(wal), 2);
    assert_int_equal(wt_hooked.gen, 2);
    wt_read_all();
}

static void early_generations_keep_a_flood_of_lazy_records_going(void **state)
{
    (void)state;
    start(256);
    while (wt_nr < 40000)
        assert_int_equal(wt_append(wal, 500), 0);
    assert_int_equal(wal_flush_all(wal), 0);
    wt_read_all();
}

static void the_log_goes_on_where_it_ended(void **state)
{
    (void)state;
    start(16);
    for (unsigned round = 0; round < 12; round++) {
        for (unsigned i = 0; i < 20; i++)
            assert_int_equal(wt_append(wal, (uint32_t)(rnd() % 2000)), 0);
        assert_int_equal(wal_flush_all(wal), 0);
        wal_close(wal);
        wt_read_all();
        go_on();
    }
    assert_true(wal_gen(wal) > 3);
}

static void without_a_current_log_the_next_generation_begins_at_once(void **state)
{
    lgen_t gen;

    (void)state;
    start(16);
    assert_int_equal(wt_append(wal, 100), 0);
    assert_int_equal(wal_roll(wal, &gen), 0);
    wal_close(wal);
    assert_int_equal(unlinkat(wt_fd, "edb.log", 0), 0);
    go_on();
    assert_int_equal(wal_gen(wal), 2);
    assert_int_equal(wt_append(wal, 100), 0);
    assert_int_equal(wt_written[1].lgpos, lgpos_make(2, 1, 0));
    assert_int_equal(wal_flush_all(wal), 0);
    wt_read_all();
}

/* As Microsoft's engine leaves it: zeroes behind the last segment, and its shadow. */
static void a_log_that_another_engine_wrote_is_taken_up(void **state)
{
    uint8_t text[64];
    int fd;

    (void)state;
    lb_init(&wt_b, 1, 16);
    for (unsigned i = 0; i < 40; i++) {
        uint8_t rec[69] = {LR_TRACE, (uint8_t)i, 0, 64, 0};
        memcpy(rec + 5, text, wt_text(text, 64, i));
        wt_written[i].lgpos = lb_append(&wt_b, rec, sizeof(rec));
        wt_written[i].len = 64;
        wt_written[i].seed = i;
        if (i % 10 == 9)
            lb_flush(&wt_b);
    }
    wt_nr = 40;
    memcpy(lb_seg(&wt_b, wt_b.isec), lb_seg(&wt_b, wt_b.isec - 1), LOG_SEGMENT_LEN);
    fd = openat(wt_fd, "edb.log", O_CREAT | O_WRONLY, 0600);
    assert_int_equal(write(fd, wt_b.file, wt_b.len), wt_b.len);
    close(fd);
    go_on();
    wt_read_all();
    for (unsigned i = 0; i < 40; i++)
        assert_int_equal(wt_append(wal, 900), 0);
    assert_int_equal(wal_flush_all(wal), 0);
    wt_read_all();
}

static void old_generations_are_deleted_without_a_gap(void **state)
{
    lgen_t gen = 0;

    (void)state;
    start(16);
    while (gen < 7) {
        assert_int_equal(wt_append(wal, 10), 0);
        assert_int_equal(wal_roll(wal, &gen), 0);
    }
    assert_int_equal(wal_delete_below(wal, 4), 0);
    assert_false(is_there("edb00001.log") || is_there("edb00003.log"));
    assert_true(is_there("edb00004.log") && is_there("edb00006.log"));
    assert_int_equal(wal_delete_below(wal, 3), 0);
    assert_true(is_there("edb00004.log"));
    assert_int_equal(wal_delete_below(wal, 100), 0);
    assert_false(is_there("edb00006.log"));
    assert_true(is_there("edb.log"));
}

static void held_logs_are_deleted_by_a_backup_alone(void **state)
{
    char name[LOGGEN_NAME_LEN];
    uint32_t missing = 9;
    lgen_t gen = 0;

    (void)state;
    start(16);
    assert_int_equal(wal_lowest(wal), 1);
    while (gen < 7) {
        assert_int_equal(wt_append(wal, 10), 0);
        assert_int_equal(wal_roll(wal, &gen), 0);
    }
    assert_string_equal(wal_archived_name(wal, 5, name), "edb00005.log");
    wal_hold(wal, true);
    assert_int_equal(wal_delete_below(wal, 4), 0);
    assert_int_equal(wal_lowest(wal), 1);
    assert_int_equal(wal_delete(wal, 1, 3, &missing), 0);
    assert_int_equal(missing, 0);
    assert_int_equal(wal_lowest(wal), 3);
    assert_int_equal(wal_delete(wal, 2, 4, &missing), 0);
    assert_int_equal(missing, 1);
    wal_hold(wal, false);
    assert_int_equal(wal_delete_below(wal, 5), 0);
    assert_int_equal(wal_lowest(wal), 5);
    assert_int_equal(unlinkat(wt_fd, "edb00005.log", 0), 0);
    assert_int_equal(wal_lowest(wal), 6);
    assert_int_equal(wal_delete(wal, 6, 100, &missing), 0); /* never the current one */
    assert_int_equal(wal_lowest(wal), 7);
    assert_true(is_there("edb.log"));
}

static void *flush_it(void *arg)
{
    JET_ERR err = wal_flush_all(wal);

    atomic_store((_Atomic bool *)arg, true);
    return (void *)(intptr_t)err;
}

static void a_frozen_log_is_not_written(void **state)
{
    const struct timespec moment = {0, 50000000};
    _Atomic bool done = false;
    lgpos_t durable;
    pthread_t id;
    void *err;

    (void)state;
    start(64);
    assert_int_equal(wt_append(wal, 100), 0);
    assert_int_equal(wal_freeze(wal), 0);
    durable = wal_durable(wal);
    assert_true(durable > wt_written[0].lgpos); /* what was there is on disk */
    assert_int_equal(wt_append(wal, 100), 0);   /* appending goes on */
    assert_int_equal(pthread_create(&id, NULL, flush_it, &done), 0);
    nanosleep(&moment, NULL);
    assert_false(done);
    assert_true(wal_durable(wal) == durable);
    wal_thaw(wal);
    assert_int_equal(pthread_join(id, &err), 0);
    assert_null(err);
    assert_true(wal_is_durable(wal, wt_written[1].lgpos));
    wt_read_all();
}

/* ---- the end of the stream ------------------------------------------------------------------------- */

static void the_last_record_is_alone_in_its_segment(void **state)
{
    struct logrec rec = {.type = LR_TERM2};
    struct faults fs;
    struct reporter r = reporter_to(&fs);
    struct logread *l;
    struct logrec got;
    lgpos_t at, seen = 0;
    int fd;

    (void)state;
    start(256);
    for (uint32_t room = 0; room < 8; room++) { /* whatever the segment before ends with */
        assert_int_equal(wal_flush_all(wal), 0);
        assert_int_equal(wt_append(wal, 4051 - room), 0);
        assert_int_equal(wal_append_last(wal, &rec, &at), 0);
        assert_int_equal(lgpos_ib(at), 0);
        assert_true(wal_is_durable(wal, at));
        fd = openat(wt_fd, "edb.log", O_RDONLY);
        assert_int_equal(logread_open(fd, true, &r, &l), 0);
        while (logread_next(l, &seen, &got) > 0)
            ;
        assert_int_equal(fs.nr, 0);
        assert_int_equal(seen, at);
        assert_true(logread_info(l)->ends_clean);
        assert_int_equal(lgpos_isec(logread_info(l)->lgpos_last), lgpos_isec(at));
        logread_close(l);
        close(fd);
    }
}

static void the_last_segment_gets_a_shadow(void **state)
{
    struct logrec rec = {.type = LR_TERM2};
    uint8_t a[LOG_SEGMENT_LEN], b[LOG_SEGMENT_LEN];
    lgpos_t at;
    int fd;

    (void)state;
    start(16);
    assert_int_equal(wal_append_last(wal, &rec, &at), 0);
    wal_close(wal);
    wal = NULL;
    fd = openat(wt_fd, "edb.log", O_RDWR);
    assert_int_equal(pread(fd, a, sizeof(a), (off_t)lgpos_isec(at) * 4096), 4096);
    assert_int_equal(pread(fd, b, sizeof(b), (off_t)(lgpos_isec(at) + 1) * 4096), 4096);
    assert_memory_equal(a, b, sizeof(a));
    a[44] ^= 0xff; /* damaged */
    a[1000] ^= 0x55;
    assert_int_equal(pwrite(fd, a, sizeof(a), (off_t)lgpos_isec(at) * 4096), 4096);
    close(fd);
    go_on(); /* puts it right */
    fd = openat(wt_fd, "edb.log", O_RDONLY);
    assert_int_equal(pread(fd, a, sizeof(a), (off_t)lgpos_isec(at) * 4096), 4096);
    assert_memory_equal(a, b, sizeof(a));
    close(fd);
}

/* ---- many threads -------------------------------------------------------------------------------- */

#define THREADS 8u
#define EACH    1500u

static _Atomic uint32_t newest;

struct worker {
    unsigned nr;
    uint64_t rng;
    const char *why; /* the verdict */
};

static const char *work_once(struct worker *t, uint32_t i, uint8_t *text)
{
    struct logrec rec = {.type = LR_TRACE, .procid = (uint16_t)t->nr};
    const uint32_t len = 4 + (uint32_t)(t->rng >> 33) % (i % 50 ? 200 : 9000);
    lgpos_t at;

    t->rng = t->rng * UINT64_C(6364136223846793005) + 1;
    put_le32(text, i);
    rec.text.text = (struct slice){text, len};
    if (wal_append(wal, &rec, &at) < 0)
        return "append";
    rec = (struct logrec){.type = LR_COMMIT0, .procid = (uint16_t)t->nr};
    if (wal_append_commit0(wal, &rec, &newest, &at) < 0)
        return "commit";
    if (i % 4 == 0 && wal_flush(wal, at) < 0)
        return "flush";
    if (i % 4 == 0 && !wal_is_durable(wal, at))
        return "not durable";
    return NULL;
}

static void *worker(void *arg)
{
    static _Thread_local uint8_t text[16384];
    struct worker *t = arg;

    for (uint32_t i = 0; i < EACH && !t->why; i++)
        t->why = work_once(t, i, text);
    return NULL;
}

/* Every thread's records in the order in which it wrote them, and Commit0 numbers ascending. */
static void check_threads(void)
{
    static struct wt_set set;
    struct reporter r = reporter_to(&faults);
    uint32_t next[THREADS] = {0}, trx = 0, commits = 0;
    struct logread_set *l;
    struct logrec got;
    lgpos_t at;
    JET_ERR err;

    wt_open_set(&set, wt_fd, 1);
    assert_int_equal(logread_set_open(set.files, set.nr, &r, &l), 0);
    while ((err = logread_set_next(l, &at, &got)) > 0) {
        if (got.type == LR_COMMIT0) {
            assert_int_equal(got.trx, trx + 4);
            trx = got.trx;
            commits++;
        } else if (got.type == LR_TRACE) {
            assert_true(got.procid < THREADS);
            assert_int_equal(get_le32(got.text.text.p), next[got.procid]);
            next[got.procid]++;
        }
    }
    assert_int_equal(err, 0);
    assert_int_equal(faults.nr, 0);
    assert_int_equal(commits, THREADS * EACH);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(next[i], EACH);
    logread_set_close(l);
    wt_close_set(&set);
}

static void records_of_many_threads_come_out_whole_and_in_order(void **state)
{
    struct worker t[THREADS];
    pthread_t id[THREADS];
    lgen_t gen;

    (void)state;
    start(64);
    newest = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        t[i] = (struct worker){.nr = i, .rng = rnd()};
        assert_int_equal(pthread_create(&id[i], NULL, worker, &t[i]), 0);
    }
    for (unsigned i = 0; i < 20; i++) { /* meanwhile */
        assert_int_equal(wal_roll(wal, &gen), 0);
        wal_set_checkpoint(wal, wal_durable(wal));
        assert_true(wal_gen(wal) >= gen && wal_durable(wal) <= wal_tip(wal));
        sched_yield();
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(id[i], NULL);
    for (unsigned i = 0; i < THREADS; i++)
        assert_null(t[i].why);
    assert_int_equal(wal_flush_all(wal), 0);
    check_threads();
}

/* ---- failures ------------------------------------------------------------------------------------ */

static _Atomic JET_ERR fail_pwrite, fail_sync, fail_make, fail_swap;

static JET_ERR io_pwrite(void *ctx, int fd, const void *buf, size_t len, uint64_t off)
{
    return fail_pwrite < 0 ? fail_pwrite : wal_io_real.pwrite(ctx, fd, buf, len, off);
}
static JET_ERR io_datasync(void *ctx, int fd)
{
    return fail_sync < 0 ? fail_sync : wal_io_real.datasync(ctx, fd);
}
static JET_ERR io_make(void *ctx, const struct loggen *g, lgen_t gen, uint32_t nr, int *ret_fd)
{
    return fail_make < 0 ? fail_make : wal_io_real.make(ctx, g, gen, nr, ret_fd);
}
static JET_ERR io_swap(void *ctx, const struct loggen *g, lgen_t gen)
{
    return fail_swap < 0 ? fail_swap : wal_io_real.swap(ctx, g, gen);
}
static const struct wal_io io_failing = {io_pwrite, io_datasync, io_make, io_swap, NULL};

static void start_failing(unsigned segments)
{
    const struct wal_start s = wt_fresh(segments);

    fail_pwrite = fail_sync = fail_make = fail_swap = 0;
    start_with(&s, &io_failing);
}

/* It was told once, and nothing works any more. */
static void check_down(JET_ERR err)
{
    struct logrec rec = {.type = LR_TERM2};
    lgen_t gen;
    lgpos_t at;

    fail_pwrite = fail_sync = fail_make = fail_swap = 0;
    assert_int_equal(wt_append(wal, 100), err);
    assert_int_equal(wal_flush_all(wal), err);
    assert_int_equal(wal_roll(wal, &gen), err);
    assert_int_equal(wal_append_last(wal, &rec, &at), err);
    assert_int_equal(wt_hooked.failures, 1);
    assert_int_equal(wt_hooked.failure, err);
}

static void a_failed_write_is_final(void **state)
{
    (void)state;
    start_failing(64);
    assert_int_equal(wt_append(wal, 100), 0);
    assert_int_equal(wal_flush_all(wal), 0);
    fail_pwrite = JET_errDiskIO;
    assert_int_equal(wt_append(wal, 100), 0);
    assert_int_equal(wal_flush_all(wal), JET_errLogWriteFail);
    check_down(JET_errLogWriteFail);
    assert_int_equal(wal_flush(wal, wt_written[0].lgpos),
                     0); /* is on disk, whatever happened since */
    assert_int_equal(wal_flush(wal, wt_written[1].lgpos), JET_errLogWriteFail);
    assert_int_equal(faults.nr, 1);
}

static void a_failed_sync_is_final_and_not_tried_again(void **state)
{
    (void)state;
    start_failing(64);
    assert_int_equal(wt_append(wal, 100), 0);
    fail_sync = JET_errDiskIO;
    assert_int_equal(wal_flush_all(wal), JET_errLogWriteFail);
    assert_false(wal_is_durable(wal, wt_written[0].lgpos));
    check_down(JET_errLogWriteFail);
    assert_false(wal_is_durable(wal, wt_written[0].lgpos));
}

static void a_write_without_space_is_final(void **state)
{
    (void)state;
    start_failing(64);
    fail_pwrite = JET_errDiskFull;
    assert_int_equal(wt_append(wal, 100), 0);
    assert_int_equal(wal_flush_all(wal), JET_errLogDiskFull);
    check_down(JET_errLogDiskFull);
}

static void a_generation_that_cannot_get_its_name_is_final(void **state)
{
    lgen_t gen;

    (void)state;
    start_failing(64);
    fail_swap = JET_errFileAccessDenied;
    assert_int_equal(wt_append(wal, 100), 0);
    assert_int_equal(wal_roll(wal, &gen), JET_errLogWriteFail);
    check_down(JET_errLogWriteFail);
}

static void what_the_hooks_say_is_final(void **state)
{
    lgen_t gen;

    (void)state;
    start_failing(64);
    wt_hooked.list_err = JET_errOutOfMemory;
    assert_int_equal(wal_roll(wal, &gen), JET_errOutOfMemory);
    check_down(JET_errOutOfMemory);
    wal_close(wal);
    wal = NULL;
    assert_int_equal(wt_teardown(state), 0);
    assert_int_equal(wt_setup(state), 0);
    start_failing(64);
    wt_hooked.generation_err = JET_errDiskIO;
    assert_int_equal(wal_roll(wal, &gen), JET_errDiskIO);
    check_down(JET_errDiskIO);
}

static void writes_that_fail_in_truth_fail_here(void **state)
{
    int ro;

    (void)state;
    start(64);
    ro = openat(wt_fd, "edb.log", O_RDONLY);
    assert_true(ro >= 0);
    assert_int_equal(dup2(ro, wal->cur.fd), wal->cur.fd);
    close(ro);
    assert_int_equal(wt_append(wal, 100), 0);
    assert_int_equal(wal_flush_all(wal), JET_errLogWriteFail);
    check_down(JET_errLogWriteFail);
}

static void on_a_full_disk_the_reserve_lets_things_end(void **state)
{
    struct logrec begin = {.type = LR_BEGIN0, .procid = 5}, end = {.type = LR_TERM2};
    lgpos_t at;
    lgen_t gen;

    (void)state;
    start_failing(16);
    assert_int_equal(size_of("edbres00001.jrs"), 16 * 4096);
    assert_int_equal(size_of("edbres00002.jrs"), 16 * 4096);
    assert_int_equal(wal_append(wal, &begin, NULL), 0);
    fail_make = JET_errDiskFull;
    assert_int_equal(wal_roll(wal, &gen), 0); /* that one may have been prepared */
    assert_int_equal(wal_roll(wal, &gen), 0);
    assert_true(wal_is_low(wal));
    assert_int_equal(faults.nr, 1);
    assert_int_equal(faults.list[0].event, 428);
    assert_int_equal(wal_append(wal, &begin, NULL), JET_errLogDiskFull);
    assert_int_equal(wt_hooked.failures, 0);
    assert_int_equal(wt_append(wal, 100), 0);
    assert_int_equal(wal_append_last(wal, &end, &at), 0);
    wt_read_all();
    while (wt_append(wal, 1000) >= 0)
        ;
    check_down(JET_errLogDiskFull);
    assert_true(size_of("edbres00001.jrs") < 0 && size_of("edbres00002.jrs") < 0);
}

static void what_cannot_be_written_is_refused(void **state)
{
    static uint8_t text[65535];
    struct logrec rec = {.type = LR_TRACE};
    const struct wal_start small = wt_fresh(3);
    struct reporter r = reporter_to(&faults);
    struct wal *none = NULL;

    (void)state;
    assert_int_equal(wal_open(&small, &wt_hooks, &r, &none), JET_errInvalidParameter);
    start(8);
    rec.text.text = (struct slice){text, sizeof(text)};
    assert_int_equal(wal_append(wal, &rec, NULL), JET_errInvalidParameter); /* longer than a file */
    rec.type = LR_PAGE_MOVE;
    assert_int_equal(wal_append(wal, &rec, NULL), JET_errInvalidParameter);
    assert_int_equal(wt_append(wal, 100), 0);
    assert_int_equal(wal_flush_all(wal), 0);
    wt_read_all();
}

#define T(name) cmocka_unit_test_setup_teardown(name, wt_setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(records_of_every_length_come_back_over_generations),
        T(every_room_at_the_end_of_a_segment_is_handled),
        T(what_is_flushed_is_on_disk_and_what_is_not_may_not_be),
        T(a_flush_of_something_old_does_not_end_a_segment),
        T(lazy_records_reach_the_disk_by_themselves),
        T(a_generation_ends_when_asked),
        T(a_generation_can_begin_with_a_record),
        T(the_last_segment_of_a_file_holds_no_record),
        T(a_generation_in_the_making_is_not_the_current_log),
        T(early_generations_keep_a_flood_of_lazy_records_going),
        T(the_log_goes_on_where_it_ended),
        T(without_a_current_log_the_next_generation_begins_at_once),
        T(a_log_that_another_engine_wrote_is_taken_up),
        T(old_generations_are_deleted_without_a_gap),
        T(held_logs_are_deleted_by_a_backup_alone),
        T(a_frozen_log_is_not_written),
        T(the_last_record_is_alone_in_its_segment),
        T(the_last_segment_gets_a_shadow),
        T(records_of_many_threads_come_out_whole_and_in_order),
        T(a_failed_write_is_final),
        T(a_failed_sync_is_final_and_not_tried_again),
        T(a_write_without_space_is_final),
        T(a_generation_that_cannot_get_its_name_is_final),
        T(what_the_hooks_say_is_final),
        T(writes_that_fail_in_truth_fail_here),
        T(on_a_full_disk_the_reserve_lets_things_end),
        T(what_cannot_be_written_is_refused),
    };

    rnd_init("wal");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
