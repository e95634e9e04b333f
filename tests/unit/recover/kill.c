/*
 * Recovery is stopped at a random change to a file, sometimes again while it runs for the second time, and
 * then run to its end: the database must be the one that an undisturbed recovery leaves. A second form also
 * takes back a random part of the writes that were not synced, as a disk does that loses its power.
 *
 * RECOVER_CUTS in the environment: how many times (default 40).
 */
#include "realset.h"

#include <sys/wait.h>

#include "engine.h"

#define STOPPED    77
#define WRITES_MAX 4096u

static bool counting;
static unsigned changes; /* so far, in this process */
static unsigned stop_at; /* the change that is not made any more; 0: none */
static bool lossy;
static uint64_t cache_bytes;

static struct unsynced {
    int fd;
    off_t off;
    size_t len;
    uint8_t *old;
} unsynced[WRITES_MAX];
static unsigned nr_unsynced;

ssize_t __real_pwrite64(int fd, const void *buf, size_t len, off_t off);
int __real_fsync(int fd);
int __real_renameat(int a, const char *from, int b, const char *to);
int __real_unlinkat(int dirfd, const char *path, int flags);
int __real_ftruncate64(int fd, off_t len);
ssize_t __wrap_pwrite64(int fd, const void *buf, size_t len, off_t off);
int __wrap_fsync(int fd);
int __wrap_renameat(int a, const char *from, int b, const char *to);
int __wrap_unlinkat(int dirfd, const char *path, int flags);
int __wrap_ftruncate64(int fd, off_t len);

/* A write that was not synced is on disk or not, each by itself, in any order. */
static void lose_writes(void)
{
    while (nr_unsynced-- > 0) {
        const struct unsynced *u = &unsynced[nr_unsynced];
        if (rnd() % 2)
            continue;
        (void)!__real_pwrite64(u->fd, u->old, u->len, u->off);
    }
}

static void change(void)
{
    if (!counting || ++changes != stop_at)
        return;
    if (lossy)
        lose_writes();
    _exit(STOPPED);
}

ssize_t __wrap_pwrite64(int fd, const void *buf, size_t len, off_t off)
{
    change();
    if (counting && lossy && nr_unsynced < WRITES_MAX) {
        struct unsynced *u = &unsynced[nr_unsynced++];
        *u = (struct unsynced){.fd = fd, .off = off, .len = len, .old = calloc(1, len)};
        (void)!pread(fd, u->old, len, off);
    }
    return __real_pwrite64(fd, buf, len, off);
}

int __wrap_fsync(int fd)
{
    unsigned kept = 0;

    change();
    for (unsigned i = 0; i < nr_unsynced; i++) {
        if (unsynced[i].fd == fd)
            free(unsynced[i].old);
        else
            unsynced[kept++] = unsynced[i];
    }
    nr_unsynced = kept;
    return 0; /* the process is what is lost here, not the machine */
}

int __wrap_renameat(int a, const char *from, int b, const char *to)
{
    change();
    return __real_renameat(a, from, b, to);
}

int __wrap_unlinkat(int dirfd, const char *path, int flags)
{
    change();
    return __real_unlinkat(dirfd, path, flags);
}

int __wrap_ftruncate64(int fd, off_t len)
{
    change();
    return __real_ftruncate64(fd, len);
}

/* In a process of its own. Returns its exit status: STOPPED, 0, or 1 for an error. */
static int recover(unsigned at)
{
    const struct ese_recover_opts opts = {.cache_bytes = cache_bytes};
    struct ese_recovery rec;
    const uint64_t seed = rnd();
    int status, fd;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        JET_ERR err;
        test_rng = seed | 1;
        fd = open(work, O_RDONLY | O_DIRECTORY);
        stop_at = at;
        changes = 0;
        counting = true;
        err = ese_recover(fd, &opts, NULL, NULL, NULL, NULL, &rec);
        if (err < 0)
            fprintf(stderr, "recovery failed: %d\n", (int)err);
        _exit(err < 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static unsigned count_changes(void)
{
    const struct ese_recover_opts opts = {.cache_bytes = cache_bytes};
    struct ese_recovery rec;
    int fd = open(work, O_RDONLY | O_DIRECTORY);

    assert_true(fd >= 0);
    changes = 0;
    counting = true;
    assert_int_equal(ese_recover(fd, &opts, NULL, NULL, NULL, NULL, &rec), 0);
    counting = false;
    assert_true(rec.needed);
    ese_recovery_done(&rec);
    close(fd);
    return changes;
}

static char *dump(uint64_t *ret_faults)
{
    const struct ese_dump_opts opts = {.format = ESE_DUMP_CANONICAL, .keys = true};
    char path[128], *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    int fd;

    snprintf(path, sizeof(path), "%s/test.edb", work);
    fd = open(path, O_RDONLY);
    assert_true(fd >= 0 && out);
    assert_int_equal(ese_dump(fd, path, &opts, out, NULL, NULL), 0);
    fclose(out);
    assert_int_equal(ese_integrity(fd, path, NULL, NULL, NULL, NULL, ret_faults), 0);
    close(fd);
    return text;
}

static void expect_same(const char *want)
{
    uint64_t faults;
    char *got = dump(&faults);

    assert_int_equal(faults, 0);
    assert_int_equal(strcmp(got, want), 0);
    free(got);
}

/* ---- the tests -------------------------------------------------------------------------------- */

static unsigned cuts(void)
{
    const char *s = getenv("RECOVER_CUTS");

    return s ? (unsigned)strtoul(s, NULL, 0) : 40;
}

static void stop_and_go_on(const char *set)
{
    uint64_t faults;
    unsigned total;
    char *want;

    NEED_DATA("recovery that is stopped");
    snprintf(source, sizeof(source), "%s/engine/%s/dirty/files", test_data(), set);
    fresh_set();
    total = count_changes();
    assert_true(total > 60); /* writes and syncs are seen */
    want = dump(&faults);
    assert_int_equal(faults, 0);
    print_message("%s: %u changes\n", set, total);
    for (unsigned i = 0; i < cuts(); i++) {
        const unsigned at = 1 + (unsigned)(rnd() % total);
        int status;

        fresh_set();
        status = recover(at);
        /* which page makes room for which depends on addresses: some runs need a few changes less */
        assert_true(status == STOPPED || (status == 0 && at > total / 10 * 9));
        while (rnd() % 3 == 0)
            assert_int_not_equal(recover(1 + (unsigned)(rnd() % total)),
                                 1); /* the end is fine too */
        assert_int_equal(recover(0), 0);
        expect_same(want);
    }
    free(want);
}

static void killed_anywhere_it_comes_to_the_same_end(void **state)
{
    (void)state;
    lossy = false;
    stop_and_go_on("p4096_w10");
    stop_and_go_on("p4096_latest");
}

/* Pages go to disk while records are still being replayed. */
static void with_hardly_any_cache_too(void **state)
{
    (void)state;
    lossy = false;
    cache_bytes = 1;
    stop_and_go_on("p4096_w10");
    stop_and_go_on("p4096_latest");
    stop_and_go_on("p32768_w10");
    cache_bytes = 0;
}

/* In p4096_w10 a split has moved nodes that were flagged as deleted, and their pages go to disk early in the undo: what
 * undoes such a change was logged for the page where the node is, and must be on disk before the page where it was. */
static void every_moment_of_the_undo(void **state)
{
    uint64_t faults;
    unsigned total;
    char *want;

    (void)state;
    NEED_DATA("recovery that is stopped in its undo");
    lossy = false;
    cache_bytes = 1;
    snprintf(source, sizeof(source), "%s/engine/p4096_w10/dirty/files", test_data());
    fresh_set();
    total = count_changes();
    want = dump(&faults);
    for (unsigned at = total / 5; at < total * 2 / 5; at += 3) {
        fresh_set();
        assert_int_equal(recover(at), STOPPED);
        assert_int_equal(recover(0), 0);
        expect_same(want);
    }
    free(want);
    cache_bytes = 0;
}

static volatile int cancel;

static void cancel_in_the_middle(void *ctx, uint64_t done, uint64_t total)
{
    (void)ctx;
    if (done > total / 2)
        cancel = 1;
}

static void cancelled_it_can_be_run_again(void **state)
{
    const struct ese_recover_opts opts = {.cache_bytes = 1, .cancel = &cancel};
    struct ese_recovery rec;
    uint64_t faults;
    char *want;
    int fd;

    (void)state;
    NEED_DATA("recovery that is cancelled");
    snprintf(source, sizeof(source), "%s/engine/p4096_w10/dirty/files", test_data());
    fresh_set();
    assert_int_equal(recover(0), 0);
    want = dump(&faults);
    fresh_set();
    fd = open(work, O_RDONLY | O_DIRECTORY);
    assert_true(fd >= 0);
    assert_int_equal(ese_recover(fd, &opts, NULL, NULL, cancel_in_the_middle, NULL, &rec),
                     JET_errClientRequestToStopJetService);
    assert_int_equal(rec.operations_undone, 0);
    ese_recovery_done(&rec);
    close(fd);
    assert_int_equal(recover(0), 0);
    expect_same(want);
    free(want);
}

static void unsynced_writes_may_be_lost_in_any_order(void **state)
{
    (void)state;
    lossy = true;
    stop_and_go_on("p4096_w10");
    stop_and_go_on("p32768_w10");
    cache_bytes = 1;
    stop_and_go_on("p4096_latest");
    cache_bytes = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(killed_anywhere_it_comes_to_the_same_end, make_top,
                                        remove_top),
        cmocka_unit_test_setup_teardown(with_hardly_any_cache_too, make_top, remove_top),
        cmocka_unit_test_setup_teardown(every_moment_of_the_undo, make_top, remove_top),
        cmocka_unit_test_setup_teardown(cancelled_it_can_be_run_again, make_top, remove_top),
        cmocka_unit_test_setup_teardown(unsynced_writes_may_be_lost_in_any_order, make_top,
                                        remove_top),
    };

    rnd_init("kill");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
