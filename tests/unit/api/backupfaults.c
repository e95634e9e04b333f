/*
 * Backups on a disk that fails: the Nth write, read, sync, rename or link gives an error, for N = 1, 2, .. until the backup comes
 * through. After an error nothing of it is in the directory, the set that was there is as it was, and no log is gone.
 */
#include "apitest.h"
#include "backuptest.h"

#include <stdatomic.h>

/* ---- the door to the disk ----------------------------------------------------------------------- */

enum op {
    OP_WRITE,
    OP_READ,
    OP_SYNC,
    OP_RENAME,
    OP_EXCHANGE,
    OP_LINK,
    OP_MKDIR,
    NR_OPS,
    OP_TRUNCATE
};

static struct {
    _Atomic bool on;
    enum op op;
    const char *where; /* the path of the file or directory contains it */
    int error;
    _Atomic unsigned left; /* so many come through yet */
    _Atomic bool for_ever; /* not only the one */
    _Atomic unsigned hits;
    bool any_thread;
} fail;
static _Thread_local bool armed; /* this thread makes the backup */

static bool is_at(int fd, const char *where)
{
    char link[64], path[512];
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    if (n < 0)
        return false;
    path[n] = '\0';
    return strstr(path, where) != NULL;
}

static bool fails(enum op op, int fd)
{
    if (!fail.on || fail.op != op || (!armed && !fail.any_thread) || !is_at(fd, fail.where))
        return false;
    if (fail.left) {
        fail.left--;
        return false;
    }
    if (!fail.for_ever)
        fail.on = false;
    fail.hits++;
    errno = fail.error;
    return true;
}

ssize_t __real_pwrite64(int fd, const void *p, size_t n, off_t off);
ssize_t __wrap_pwrite64(int fd, const void *p, size_t n, off_t off);
ssize_t __real_pread64(int fd, void *p, size_t n, off_t off);
ssize_t __wrap_pread64(int fd, void *p, size_t n, off_t off);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_renameat(int fd, const char *from, int tofd, const char *to);
int __wrap_renameat(int fd, const char *from, int tofd, const char *to);
int __real_renameat2(int fd, const char *from, int tofd, const char *to, unsigned flags);
int __wrap_renameat2(int fd, const char *from, int tofd, const char *to, unsigned flags);
int __real_linkat(int fd, const char *from, int tofd, const char *to, int flags);
int __wrap_linkat(int fd, const char *from, int tofd, const char *to, int flags);
int __real_ftruncate64(int fd, off_t len);
int __wrap_ftruncate64(int fd, off_t len);
int __real_mkdirat(int fd, const char *name, mode_t mode);
int __wrap_mkdirat(int fd, const char *name, mode_t mode);

ssize_t __wrap_pwrite64(int fd, const void *p, size_t n, off_t off)
{
    return fails(OP_WRITE, fd) ? -1 : __real_pwrite64(fd, p, n, off);
}
ssize_t __wrap_pread64(int fd, void *p, size_t n, off_t off)
{
    return fails(OP_READ, fd) ? -1 : __real_pread64(fd, p, n, off);
}
int __wrap_fsync(int fd)
{
    return fails(OP_SYNC, fd) ? -1 : __real_fsync(fd);
}
int __wrap_renameat(int fd, const char *from, int tofd, const char *to)
{
    return fails(OP_RENAME, fd) ? -1 : __real_renameat(fd, from, tofd, to);
}
int __wrap_renameat2(int fd, const char *from, int tofd, const char *to, unsigned flags)
{
    return fails(OP_EXCHANGE, fd) ? -1 : __real_renameat2(fd, from, tofd, to, flags);
}
int __wrap_linkat(int fd, const char *from, int tofd, const char *to, int flags)
{
    return fails(OP_LINK, fd) ? -1 : __real_linkat(fd, from, tofd, to, flags);
}
/* Only of a new file: a reserve has its space. */
int __wrap_ftruncate64(int fd, off_t len)
{
    struct stat st;

    return fstat(fd, &st) == 0 && st.st_size == 0 && fails(OP_TRUNCATE, fd)
               ? -1
               : __real_ftruncate64(fd, len);
}
int __wrap_mkdirat(int fd, const char *name, mode_t mode)
{
    return fails(OP_MKDIR, fd) ? -1 : __real_mkdirat(fd, name, mode);
}

/* ---- the instance ------------------------------------------------------------------------------- */

static char home[128], dest[160];

static int setup_faults(void **state)
{
    const int rc = setup(state);
    const struct fix *f = *state;

    memset(&fail, 0, sizeof(fail));
    snprintf(home, sizeof(home), "%shome", f->dir);
    snprintf(dest, sizeof(dest), "%s/backup", home);
    return rc != 0 || mkdir(home, 0700) != 0 || mkdir(dest, 0700) != 0 ? -1 : 0;
}

static int teardown_faults(void **state)
{
    fail.on = false;
    __atomic_store_n(&nr_faults, 0, __ATOMIC_RELAXED);
    return teardown(state);
}

#define F(name) cmocka_unit_test_setup_teardown(name, setup_faults, teardown_faults)

static JET_ERR back_up_with(struct fix *f, JET_GRBIT grbit, enum op op, const char *where,
                            int error, unsigned nth)
{
    JET_ERR err = JetStopServiceInstance2(f->inst, JET_bitStopServiceQuiesceCaches);

    OK(err);
    fail.op = op;
    fail.where = where;
    fail.error = error;
    fail.left = nth;
    fail.hits = 0;
    fail.any_thread =
        op == OP_WRITE && where == home; /* the copy is written by a thread of its own */
    fail.on = armed = true;
    err = JetBackupInstance(f->inst, dest, grbit, NULL);
    fail.on = armed = fail.any_thread = false;
    return err;
}

/* Of all files: name, size, inode. */
static uint64_t picture(const char *dir)
{
    struct dirent **list;
    uint64_t sum = 0;
    const int nr = scandir(dir, &list, NULL, alphasort);

    for (int i = 0; i < nr; i++) {
        char path[512];
        struct stat st;
        snprintf(path, sizeof(path), "%s/%s", dir, list[i]->d_name);
        if (list[i]->d_name[0] != '.' && stat(path, &st) == 0)
            sum = sum * 31 + st.st_ino * 7 + (uint64_t)st.st_size;
        for (const char *p = list[i]->d_name; *p; p++)
            sum = sum * 131 + (uint8_t)*p;
        free(list[i]);
    }
    free(list);
    return sum;
}

static lgen_t full_gen(const struct fix *f)
{
    struct ese_db_info info;

    bt_header(f->dir, "data.edb", &info);
    return info.full_prev.gen_high + info.inc_prev.gen_high + info.copy_prev.gen_high;
}

/* Each failure leaves one more generation, so one more log to copy: in the end n must be faster. */
static unsigned next(unsigned n)
{
    return n < 12 ? n + 1 : n + n / 2;
}

/* Every operation fails once, then for ever, in one place after the other; in what is beneath home. Returns how often. */
static unsigned campaign(struct fix *f, JET_GRBIT grbit, const char *where)
{
    unsigned failed = 0;

    for (enum op op = 0; op < NR_OPS; op++)
        for (unsigned n = 0;; n = next(n)) {
            const uint64_t before = picture(dest);
            const lgen_t gen = full_gen(f);
            JET_ERR err = back_up_with(f, grbit, op, where, n % 2 ? EIO : ENOSPC, n);
            if (err >= 0) {
                assert_true(fail.hits == 0);
                break;
            }
            assert_true(err == JET_errDiskIO || err == JET_errDiskFull ||
                        err == JET_errMakeBackupDirectoryFail ||
                        err == JET_errDeleteBackupFileFail);
            assert_true(picture(dest) == before);
            assert_int_equal(bt_nr_files(home), 1);
            assert_int_equal(full_gen(f), gen);
            failed++;
            assert_true(n < 500);
        }
    return failed;
}

static void empty_dest(void)
{
    bt_remove(dest);
    assert_int_equal(mkdir(dest, 0700), 0);
}

static void a_full_backup_leaves_nothing_when_its_disk_fails(void **state)
{
    struct fix *f = *state;
    unsigned failed = 0;

    bt_work(f, f->dbid, "rows", 0, 300);
    restart(f);
    for (enum op op = 0; op < NR_OPS; op++)
        for (unsigned n = 0;; n = next(n)) {
            const lgen_t gen = full_gen(f);
            JET_ERR err = back_up_with(f, 0, op, home, n % 2 ? EIO : ENOSPC, n);
            if (err >= 0) {
                bt_verify(dest);
                empty_dest();
                break;
            }
            IS(n % 2 ? JET_errDiskIO : JET_errDiskFull, err);
            assert_int_equal(bt_nr_files(dest), 0);
            assert_int_equal(full_gen(f), gen);
            failed++;
        }
    assert_true(failed > 5);
}

static void an_atomic_set_survives_a_disk_that_fails(void **state)
{
    struct fix *f = *state;

    bt_work(f, f->dbid, "rows", 0, 200);
    OK(JetBackupInstance(f->inst, dest, JET_bitBackupAtomic, NULL));
    assert_true(campaign(f, JET_bitBackupAtomic, home) > 8);
    bt_verify(strcat(strcpy((char[200]){""}, dest), "/new"));
}

static void a_set_survives_an_incremental_on_a_disk_that_fails(void **state)
{
    struct fix *f = *state;

    bt_work(f, f->dbid, "rows", 0, 200);
    OK(JetBackupInstance(f->inst, dest, 0, NULL));
    bt_work(f, f->dbid, "rows", 200, 200);
    assert_true(campaign(f, JET_bitBackupIncremental, home) > 12);
    bt_verify(dest);
    empty_dest();
    OK(JetBackupInstance(f->inst, dest, JET_bitBackupAtomic, NULL));
    assert_true(campaign(f, JET_bitBackupIncremental | JET_bitBackupAtomic, home) > 12);
}

static void what_cannot_be_read_is_not_backed_up(void **state)
{
    struct fix *f = *state;

    bt_work(f, f->dbid, "rows", 0, 300);
    for (unsigned n = 0;; n = next(n)) {
        JET_ERR err = back_up_with(f, 0, OP_READ, "data.edb", EIO, n);
        if (err >= 0)
            break;
        IS(JET_errDiskIO, err);
        assert_int_equal(bt_nr_files(dest), 0);
    }
    empty_dest();
    for (unsigned n = 0;; n = next(n)) {
        JET_ERR err = back_up_with(f, 0, OP_READ, "edb0", EIO, n);
        if (err >= 0)
            break;
        IS(JET_errDiskIO, err);
        assert_int_equal(bt_nr_files(dest), 0);
    }
}

/* A header that cannot be marked: the backup is as good as it was, and the instance is down, as after any such write. */
static void a_header_that_cannot_be_marked_is_an_event(void **state)
{
    struct fix *f = *state;

    bt_work(f, f->dbid, "rows", 0, 50);
    OK(JetStopServiceInstance2(f->inst, JET_bitStopServiceQuiesceCaches));
    for (unsigned n = 0;; n = next(n)) {
        JET_ERR err;
        bt_listen();
        err = back_up_with(f, 0, OP_SYNC, "data.edb", EIO, n);
        if (bt_event(219)) {
            OK(err);
            bt_verify(dest);
            IS(JET_errInstanceUnavailable, JetBackupInstance(f->inst, dest, 0, NULL));
            break;
        }
        assert_true(n < 10 && err < 0); /* the header's naming of the new generation */
        assert_int_equal(bt_nr_files(dest), 0);
        f->running = false;
        (void)JetTerm(f->inst);
        start(f);
        OK(JetAttachDatabase(f->ses, f->db, 0));
        OK(JetOpenDatabase(f->ses, f->db, NULL, &f->dbid, 0));
    }
    (void)JetTerm(f->inst);
    start(f); /* recovery puts the header right */
}

/* ---- an instance whose own disk fails ----------------------------------------------------------- */

static void start_again(struct fix *f)
{
    fail.on = false;
    fail.any_thread = false;
    fail.for_ever = false;
    (void)JetTerm(f->inst);
    start(f);
}

static JET_ERR try_to_commit(struct fix *f)
{
    JET_TABLEID t;
    JET_ERR err = JetBeginTransaction(f->ses);

    if (err >= 0)
        err = JetCreateTable(f->ses, f->dbid, "more", 0, 0, &t);
    return err < 0 ? err : JetCommitTransaction(f->ses, 0);
}

static void after_a_failed_log_write_there_is_no_backup(void **state)
{
    struct fix *f = *state;

    fail.op = OP_WRITE;
    fail.where = "edb.log";
    fail.error = EIO;
    fail.any_thread = true;
    fail.for_ever = true;
    fail.on = true;
    (void)try_to_commit(f);
    IS(JET_errLogWriteFail, JetStopServiceInstance2(f->inst, JET_bitStopServiceQuiesceCaches));
    IS(JET_errLogWriteFail, JetBackupInstance(f->inst, dest, 0, NULL));
    IS(JET_errLogWriteFail, JetBeginExternalBackupInstance(f->inst, 0));
    start_again(f);
}

/* The log's failure comes with the backup's own record. */
static void a_log_that_fails_under_a_backup_ends_it(void **state)
{
    struct fix *f = *state;

    fail.for_ever = true;
    IS(JET_errLogWriteFail, back_up_with(f, 0, OP_WRITE, "edb.log", EIO, 0));
    assert_int_equal(bt_nr_files(dest), 0);
    start_again(f);
}

static void an_instance_that_is_down_gives_no_backup(void **state)
{
    struct fix *f = *state;

    bt_work(f, f->dbid, "rows", 0, 50);
    fail.op = OP_WRITE;
    fail.where = "data.edb";
    fail.error = EIO;
    fail.any_thread = true;
    fail.for_ever = true;
    fail.on = true;
    IS(JET_errDiskIO, JetStopServiceInstance2(f->inst, JET_bitStopServiceQuiesceCaches));
    IS(JET_errInstanceUnavailable, JetBackupInstance(f->inst, dest, 0, NULL));
    start_again(f);
}

static void a_log_on_its_reserve_takes_no_backup(void **state)
{
    struct fix *f = *state;
    JET_ERR err = JET_errSuccess;

    bt_listen();
    fail.op = OP_TRUNCATE;
    fail.where = "edbtmp.log";
    fail.error = ENOSPC;
    fail.any_thread = true;
    fail.for_ever = true;
    fail.on = true;
    for (unsigned i = 0; i < 40 && err >= 0 && !bt_event(428); i++) {
        JET_TABLEID t;
        char name[20];
        snprintf(name, sizeof(name), "t%u", i);
        for (unsigned k = 0; k < 30 && err >= 0; k++) {
            snprintf(name, sizeof(name), "t%u_%u", i, k);
            err = JetCreateTable(f->ses, f->dbid, name, 0, 0, &t);
            if (err >= 0)
                err = JetCloseTable(f->ses, t);
        }
    }
    assert_non_null(bt_event(428));
    IS(JET_errLogDiskFull, JetBackupInstance(f->inst, dest, 0, NULL));
    assert_int_equal(bt_nr_files(dest), 0);
    start_again(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        F(a_full_backup_leaves_nothing_when_its_disk_fails),
        F(an_atomic_set_survives_a_disk_that_fails),
        F(a_set_survives_an_incremental_on_a_disk_that_fails),
        F(what_cannot_be_read_is_not_backed_up),
        F(a_header_that_cannot_be_marked_is_an_event),
        F(after_a_failed_log_write_there_is_no_backup),
        F(a_log_that_fails_under_a_backup_ends_it),
        F(an_instance_that_is_down_gives_no_backup),
        F(a_log_on_its_reserve_takes_no_backup),
    };

    rnd_init("backupfaults");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
