/*
 * System calls that fail: the Nth fsync, write, ... of a backup, for every N until the backup succeeds.
 * Each time the backup fails with the error of that call, nothing of it is left, and the next one works.
 */
#include "fixture.h"

#include <stdatomic.h>

enum call { CALL_FSYNC, CALL_PWRITE, CALL_FALLOCATE, CALL_FUTIMENS, CALL_FLOCK, NR_CALLS };

static atomic_int countdown[NR_CALLS]; /* 0: no failure */
static atomic_int failed;
static int fail_errno;

static bool fails(enum call c)
{
    int left = atomic_load(&countdown[c]);

    while (left > 0 && !atomic_compare_exchange_weak(&countdown[c], &left, left - 1))
        ;
    if (left == 1) {
        atomic_store(&failed, 1);
        errno = fail_errno;
    }
    return left == 1;
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    return fails(CALL_FSYNC) ? -1 : __real_fsync(fd);
}

ssize_t __real_pwrite64(int fd, const void *buf, size_t len, off_t off);
ssize_t __wrap_pwrite64(int fd, const void *buf, size_t len, off_t off);
ssize_t __wrap_pwrite64(int fd, const void *buf, size_t len, off_t off)
{
    return fails(CALL_PWRITE) ? -1 : __real_pwrite64(fd, buf, len, off);
}

int __real_fallocate64(int fd, int mode, off_t off, off_t len);
int __wrap_fallocate64(int fd, int mode, off_t off, off_t len);
int __wrap_fallocate64(int fd, int mode, off_t off, off_t len)
{
    return fails(CALL_FALLOCATE) ? -1 : __real_fallocate64(fd, mode, off, len);
}

int __real_futimens(int fd, const struct timespec t[2]);
int __wrap_futimens(int fd, const struct timespec t[2]);
int __wrap_futimens(int fd, const struct timespec t[2])
{
    return fails(CALL_FUTIMENS) ? -1 : __real_futimens(fd, t);
}

int __real_flock(int fd, int op);
int __wrap_flock(int fd, int op);
int __wrap_flock(int fd, int op)
{
    return fails(CALL_FLOCK) ? -1 : __real_flock(fd, op);
}

static void fail_each(struct fix *f, enum call c, int os_errno, JET_ERR err, int at_least)
{
    int n = 0;

    fail_errno = os_errno;
    for (;;) {
        JET_ERR got;
        memset(&f->why, 0, sizeof(f->why));
        atomic_store(&failed, 0);
        atomic_store(&countdown[c], ++n);
        got = snap_take(f->i, "a", NULL, NULL, &f->why);
        atomic_store(&countdown[c], 0);
        if (!atomic_load(&failed))
            break;
        if (got != err || f->why.os_errno != os_errno)
            fail_msg("call %d of kind %d: %d (errno %d) %s", n, c, (int)got, f->why.os_errno,
                     f->why.text);
        if (has_backup(f, "a"))
            fail_msg("call %d of kind %d: the backup is there", n, c);
        assert_no_leftover(f);
    }
    assert_true(n > at_least);
    assert_true(has_backup(f, "a"));
    fix_reopen(f);
    assert_true(has_backup(f, "a"));
    assert_int_equal(count_backups(f), 1);
    assert_int_equal(snap_remove(f->i, "a", &f->why), 0);
}

static void failed_sync_fails_the_backup(void **state)
{
    /* three files, SHA256SUMS, the manifest, their directory, its parent */
    fail_each(*state, CALL_FSYNC, EIO, JET_errDiskIO, 7);
}

static void failed_write_fails_the_backup(void **state)
{
    fail_each(*state, CALL_PWRITE, EIO, JET_errDiskIO, 5);
    fail_each(*state, CALL_PWRITE, ENOSPC, JET_errDiskFull, 5);
    fail_each(*state, CALL_PWRITE, EDQUOT, JET_errDiskFull, 5);
}

static void failed_allocation_fails_the_backup(void **state)
{
    fail_each(*state, CALL_FALLOCATE, ENOSPC, JET_errDiskFull, 3);
}

static void filesystem_without_allocation_or_direct_writes_is_used_all_the_same(void **state)
{
    struct fix *f = *state;

    fail_errno = EOPNOTSUPP;
    atomic_store(&countdown[CALL_FALLOCATE], 1);
    take(f, "a");
    fail_errno = EINVAL; /* takes O_DIRECT, then refuses a write */
    atomic_store(&countdown[CALL_PWRITE], 1);
    take(f, "b");
    assert_true(same_content(SOURCE(f, "mail/mail.edb"), STORE(f, "mail/a/mail.edb")));
    assert_true(same_content(SOURCE(f, "mail/mail.edb"), STORE(f, "mail/b/mail.edb")));
}

static void failed_time_fails_the_backup(void **state)
{
    fail_each(*state, CALL_FUTIMENS, EIO, JET_errDiskIO, 3);
}

static void source_without_flock_is_copied_and_status_says_so(void **state)
{
    struct fix *f = *state;

    fail_errno = ENOLCK;
    atomic_store(&countdown[CALL_FLOCK], 1);
    take(f, "a");
    assert_true(status_has(f, "\nLock: none, the source's filesystem has no flock\n"));
    take(f, "b");
    assert_false(status_has(f, "\nLock: "));
}

static void failed_sync_of_a_removal_is_told(void **state)
{
    struct fix *f = *state;

    take(f, "a");
    fail_errno = EIO;
    atomic_store(&countdown[CALL_FSYNC], 1);
    assert_int_equal(snap_remove(f->i, "a", &f->why), JET_errDiskIO);
    assert_false(has_backup(f, "a")); /* it is gone, only not durably */
    fix_reopen(f);
    assert_false(has_backup(f, "a"));
    assert_no_leftover(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(failed_sync_fails_the_backup),
        T(failed_write_fails_the_backup),
        T(failed_allocation_fails_the_backup),
        T(filesystem_without_allocation_or_direct_writes_is_used_all_the_same),
        T(failed_time_fails_the_backup),
        T(source_without_flock_is_copied_and_status_says_so),
        T(failed_sync_of_a_removal_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
