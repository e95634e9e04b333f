/*
 * A restore that is killed at any change it makes to files, or one of whose calls fails: what looks finished is finished, a
 * failure leaves nothing, and the next restore is not hindered. The set is a copy of an instance of our own that has crashed.
 *
 * RESTORE_CUTS in the environment: how many of the changes are tried (default 40).
 */
#include "testutil.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "engine.h"
#include "esent.h"

#define STOPPED 77
#define ROWS    400

enum what { KILL, FAIL_IO, FAIL_SPACE };

static bool counting;
static unsigned changes; /* so far */
static unsigned at;      /* the one that is not made; 0: none */
static enum what what;

static char top[64], set[80], dest[80], partial[96];

/* Files with changes that were not synced, and whether one of them got the name that makes it count. */
static ino_t unsynced[64];
static unsigned nr_unsynced, named_too_early;

static unsigned find_unsynced(ino_t ino)
{
    unsigned i = 0;

    while (i < nr_unsynced && unsynced[i] != ino)
        i++;
    return i;
}

static void note_change(int fd)
{
    struct stat st;

    if (!counting || fstat(fd, &st) < 0 || find_unsynced(st.st_ino) < nr_unsynced)
        return;
    assert_true(nr_unsynced < 64);
    unsynced[nr_unsynced++] = st.st_ino;
}

static void note_sync(int fd)
{
    struct stat st;
    unsigned i;

    if (counting && fstat(fd, &st) == 0 && (i = find_unsynced(st.st_ino)) < nr_unsynced)
        unsynced[i] = unsynced[--nr_unsynced];
}

/* True: the call is to fail. */
static bool change(bool takes_space)
{
    if (!counting || ++changes != at)
        return false;
    if (what == KILL)
        _exit(STOPPED);
    errno = what == FAIL_SPACE && takes_space ? ENOSPC : EIO;
    return true;
}

ssize_t __real_pwrite64(int fd, const void *buf, size_t len, off_t off);
ssize_t __wrap_pwrite64(int fd, const void *buf, size_t len, off_t off);
ssize_t __wrap_pwrite64(int fd, const void *buf, size_t len, off_t off)
{
    note_change(fd);
    return change(true) ? -1 : __real_pwrite64(fd, buf, len, off);
}

int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    note_sync(fd);
    return change(false) ? -1 : 0; /* the process is what is lost here, not the machine */
}

int __real_renameat(int a, const char *from, int b, const char *to);
int __wrap_renameat(int a, const char *from, int b, const char *to);
int __wrap_renameat(int a, const char *from, int b, const char *to)
{
    if (counting && (strcmp(to, "dest") == 0 || strstr(from, ".esefs-restore/")))
        named_too_early += nr_unsynced > 0;
    return change(true) ? -1 : __real_renameat(a, from, b, to);
}

int __real_ftruncate64(int fd, off_t len);
int __wrap_ftruncate64(int fd, off_t len);
int __wrap_ftruncate64(int fd, off_t len)
{
    note_change(fd);
    return change(true) ? -1 : __real_ftruncate64(fd, len);
}

int __real_mkdirat(int dirfd, const char *path, mode_t mode);
int __wrap_mkdirat(int dirfd, const char *path, mode_t mode);
int __wrap_mkdirat(int dirfd, const char *path, mode_t mode)
{
    return change(true) ? -1 : __real_mkdirat(dirfd, path, mode);
}

/* ---- the set --------------------------------------------------------------------------------- */

#define OK(call) assert_int_equal((call), JET_errSuccess)

static void insert(JET_SESID ses, JET_TABLEID t, JET_COLUMNID id, int32_t n)
{
    OK(JetPrepareUpdate(ses, t, JET_prepInsert));
    OK(JetSetColumn(ses, t, id, &n, sizeof(n), 0, NULL));
    OK(JetUpdate(ses, t, NULL, 0, NULL));
}

/* Some rows are in the database, some in the log only, some not committed. */
static void fill(JET_INSTANCE inst, const char *db)
{
    const JET_COLUMNDEF def = {
        .cbStruct = sizeof(def), .coltyp = JET_coltypLong, .grbit = JET_bitColumnNotNULL};
    JET_COLUMNID id;
    JET_SESID ses, other;
    JET_TABLEID t, u;
    JET_DBID dbid;

    OK(JetBeginSession(inst, &ses, NULL, NULL));
    OK(JetCreateDatabase(ses, db, NULL, &dbid, 0));
    OK(JetCreateTable(ses, dbid, "t", 0, 0, &t));
    OK(JetAddColumn(ses, t, "n", &def, NULL, 0, &id));
    OK(JetCreateIndex(ses, t, "i", 0, "+n\0", 4, 80));
    OK(JetCloseTable(ses, t)); /* who makes a table has it alone */
    OK(JetOpenTable(ses, dbid, "t", NULL, 0, 0, &t));
    for (int32_t n = 0; n < ROWS; n++) {
        OK(JetBeginTransaction(ses));
        insert(ses, t, id, n);
        OK(JetCommitTransaction(ses, JET_bitCommitLazyFlush));
        if (n == ROWS / 2)
            OK(JetStopServiceInstance2(inst, JET_bitStopServiceQuiesceCaches));
    }
    OK(JetBeginSession(inst, &other, NULL, NULL));
    OK(JetOpenDatabase(other, db, NULL, &dbid, 0));
    OK(JetOpenTable(other, dbid, "t", NULL, 0, 0, &u));
    OK(JetBeginTransaction(other));
    insert(other, u, id, -1);
    OK(JetBeginTransaction(ses));
    insert(ses, t, id, ROWS);
    OK(JetCommitTransaction(ses, 0));
}

static void make_set(void)
{
    JET_INSTANCE inst;
    char dir[96], db[96];

    snprintf(dir, sizeof(dir), "%s/", set);
    snprintf(db, sizeof(db), "%s/a.edb", set);
    OK(JetCreateInstance(&inst, "set"));
    OK(JetSetSystemParameter(&inst, 0, JET_paramSystemPath, 0, dir));
    OK(JetSetSystemParameter(&inst, 0, JET_paramLogFilePath, 0, dir));
    OK(JetSetSystemParameter(&inst, 0, JET_paramLogFileSize, 64, NULL));
    OK(JetInit(&inst));
    fill(inst, db);
    OK(JetTerm2(inst, JET_bitTermDirty));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void remove_tree(const char *path)
{
    nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int make_all(void **state)
{
    (void)state;
    snprintf(top, sizeof(top), "%s/unit-restore-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(top))
        return -1;
    snprintf(set, sizeof(set), "%s/set", top);
    snprintf(dest, sizeof(dest), "%s/dest", top);
    snprintf(partial, sizeof(partial), "%s/.dest.esefs-restore", top);
    if (mkdir(set, 0700) < 0)
        return -1;
    make_set();
    return 0;
}

static int remove_all(void **state)
{
    (void)state;
    remove_tree(top);
    return 0;
}

/* ---- restoring it ---------------------------------------------------------------------------- */

static JET_ERR restore(void)
{
    const struct ese_restore_opts opts = {.cache_bytes = 1};
    struct ese_restored ret;
    int fd = open(set, O_RDONLY | O_DIRECTORY);
    JET_ERR err;

    assert_true(fd >= 0);
    changes = nr_unsynced = named_too_early = 0;
    counting = true;
    err = ese_restore(fd, dest, &opts, NULL, NULL, NULL, NULL, &ret);
    counting = false;
    ese_restored_done(&ret);
    close(fd);
    return err;
}

static unsigned nr_entries(const char *path)
{
    DIR *dp = opendir(path);
    unsigned nr = 0;

    assert_non_null(dp);
    while (readdir(dp))
        nr++;
    closedir(dp);
    return nr - 2;
}

static void on_fault(void *ctx, const struct ese_fault *f)
{
    char text[768];

    (void)ctx;
    ese_fault_str(f, text, sizeof(text));
    print_message("%s\n", text);
}

static void assert_whole(void)
{
    char path[96];
    uint64_t faults = 1;
    struct ese_header h;
    struct ese_recovery rec;
    const struct ese_recover_opts opts = {.dry_run = true};
    int fd;

    assert_int_equal(nr_entries(dest), 3);
    snprintf(path, sizeof(path), "%s/a.edb", dest);
    fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    OK(ese_header_read(fd, path, on_fault, NULL, &h));
    assert_int_equal(h.db.state, ESE_DB_CLEAN);
    ese_header_done(&h);
    OK(ese_integrity(fd, path, on_fault, NULL, NULL, NULL, &faults));
    assert_int_equal(faults, 0);
    close(fd);
    fd = open(dest, O_RDONLY | O_DIRECTORY);
    OK(ese_recover(fd, &opts, on_fault, NULL, NULL, NULL, &rec));
    assert_false(rec.needed);
    ese_recovery_done(&rec);
    close(fd);
}

static void fresh_dest(bool there)
{
    remove_tree(dest);
    remove_tree(partial);
    if (there)
        assert_int_equal(mkdir(dest, 0700), 0);
}

/* Of n changes, spread evenly over as many as are to be tried. */
static unsigned step(unsigned n)
{
    const char *cuts = getenv("RESTORE_CUTS");
    const unsigned want = cuts ? (unsigned)strtoul(cuts, NULL, 10) : 40;

    return n / want + 1;
}

static unsigned count_changes(bool there)
{
    fresh_dest(there);
    at = 0;
    OK(restore());
    assert_int_equal(named_too_early, 0);
    assert_whole();
    return changes;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void kill_at(unsigned n)
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        at = n;
        what = KILL;
        _exit(restore() < 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), STOPPED);
    at = 0;
}

static void a_kill_leaves_nothing_beside_that_looks_finished(void **state)
{
    const unsigned n = count_changes(false);

    (void)state;
    for (unsigned i = 1; i <= n; i += step(n)) {
        fresh_dest(false);
        kill_at(i);
        if (access(dest, F_OK) == 0) { /* it was the sync of the directory's name */
            assert_whole();
            continue;
        }
        OK(restore());
        assert_whole();
        assert_int_not_equal(access(partial, F_OK), 0);
    }
}

static void a_kill_leaves_the_mark_of_the_unfinished_in_an_empty_directory(void **state)
{
    const unsigned n = count_changes(true);
    char mark[112];

    (void)state;
    snprintf(mark, sizeof(mark), "%s/.esefs-restore", dest);
    for (unsigned i = 1; i <= n; i += step(n)) {
        fresh_dest(true);
        kill_at(i);
        if (nr_entries(dest) == 0 || access(mark, F_OK) == 0) {
            remove_tree(dest);
            assert_int_equal(mkdir(dest, 0700), 0);
            OK(restore());
        }
        assert_whole();
    }
}

static void each_failure(bool there, enum what kind)
{
    const unsigned n = count_changes(there);

    for (unsigned i = 1; i <= n; i += step(n)) {
        JET_ERR err;
        fresh_dest(there);
        at = i;
        what = kind;
        err = restore();
        at = 0;
        if (err >= 0)
            print_message("change %u of %u failed, and nobody noticed\n", i, n);
        assert_true(err < 0);
        if (there)
            assert_int_equal(nr_entries(dest), 0);
        assert_int_equal(nr_entries(top), there ? 2 : 1);
    }
    fresh_dest(there);
    OK(restore());
    assert_whole();
}

static void a_failing_call_leaves_nothing_beside(void **state)
{
    (void)state;
    each_failure(false, FAIL_IO);
}

static void a_failing_call_leaves_an_empty_directory_empty(void **state)
{
    (void)state;
    each_failure(true, FAIL_IO);
}

static void a_full_disk_leaves_nothing(void **state)
{
    (void)state;
    each_failure(false, FAIL_SPACE);
}

/* ---- proofs ----------------------------------------------------------------------------------- */

static volatile int cancel;
static unsigned nr_told, cancel_at;
static uint64_t told_done, told_total;

static void on_progress(void *ctx, uint64_t done, uint64_t total)
{
    (void)ctx;
    assert_true(done >= told_done && done <= total);
    assert_true(!told_total || told_total == total);
    told_done = done;
    told_total = total;
    if (++nr_told == cancel_at)
        cancel = 1;
}

static JET_ERR prove(uint64_t memory, struct ese_proof *ret)
{
    const struct ese_prove_opts opts = {.memory = memory, .cancel = &cancel};
    int fd = open(set, O_RDONLY | O_DIRECTORY);
    JET_ERR err;

    assert_true(fd >= 0);
    cancel = 0;
    nr_told = 0;
    told_done = told_total = 0;
    changes = 0;
    counting = true;
    err = ese_prove(fd, &opts, NULL, NULL, on_progress, NULL, ret);
    counting = false;
    close(fd);
    return err;
}

static void a_proof_changes_nothing(void **state)
{
    struct ese_proof proof;

    (void)state;
    at = 0;
    cancel_at = 0;
    OK(prove(0, &proof));
    assert_int_equal(changes, 0);
    assert_int_equal(proof.faults, 0);
    assert_false(proof.backup);
    assert_true(proof.pages_changed > 3);
    assert_int_equal(proof.pages_spilled, 0);
    assert_int_equal(proof.recovery.transactions_undone, 1);
    assert_int_equal(told_done, told_total);
    ese_proof_done(&proof);
    assert_int_equal(nr_entries(top), 1 + (access(dest, F_OK) == 0));
}

static void a_proof_can_be_stopped_at_any_moment(void **state)
{
    struct ese_proof proof;
    unsigned n;

    (void)state;
    OK(prove(0, &proof));
    ese_proof_done(&proof);
    n = nr_told;
    for (cancel_at = 1; cancel_at < n; cancel_at += step(n)) {
        assert_int_equal(prove(0, &proof), JET_errClientRequestToStopJetService);
        assert_int_equal(proof.faults, 0);
        ese_proof_done(&proof);
    }
    cancel_at = 0;
}

static void a_proof_whose_temporary_file_is_full_fails(void **state)
{
    struct ese_proof proof;

    (void)state;
    at = 0;
    OK(prove(1, &proof));
    assert_true(proof.pages_spilled > 0);
    assert_true(changes >= proof.pages_spilled);
    ese_proof_done(&proof);
    at = 2;
    what = FAIL_SPACE;
    assert_int_equal(prove(1, &proof), JET_errDiskFull);
    assert_true(proof.faults > 0);
    ese_proof_done(&proof);
    at = 0;
}

/* ---- what is in it --------------------------------------------------------------------------- */

static void what_was_committed_is_there_and_an_instance_goes_on(void **state)
{
    char dir[96], db[96];
    JET_INSTANCE inst;
    JET_SESID ses;
    JET_TABLEID t;
    JET_DBID dbid;
    uint32_t n = 0;

    (void)state;
    fresh_dest(false);
    OK(restore());
    snprintf(dir, sizeof(dir), "%s/", dest);
    snprintf(db, sizeof(db), "%s/a.edb", dest);
    OK(JetCreateInstance(&inst, "restored"));
    OK(JetSetSystemParameter(&inst, 0, JET_paramSystemPath, 0, dir));
    OK(JetSetSystemParameter(&inst, 0, JET_paramLogFilePath, 0, dir));
    OK(JetSetSystemParameter(&inst, 0, JET_paramLogFileSize, 64, NULL));
    OK(JetInit(&inst));
    OK(JetBeginSession(inst, &ses, NULL, NULL));
    OK(JetAttachDatabase(ses, db, 0));
    OK(JetOpenDatabase(ses, db, NULL, &dbid, 0));
    OK(JetOpenTable(ses, dbid, "t", NULL, 0, 0, &t));
    OK(JetMove(ses, t, JET_MoveFirst, 0));
    OK(JetIndexRecordCount(ses, t, &n, 0));
    assert_int_equal(n, ROWS + 1);
    OK(JetTerm2(inst, JET_bitTermComplete));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kill_leaves_nothing_beside_that_looks_finished),
        cmocka_unit_test(a_kill_leaves_the_mark_of_the_unfinished_in_an_empty_directory),
        cmocka_unit_test(a_failing_call_leaves_nothing_beside),
        cmocka_unit_test(a_failing_call_leaves_an_empty_directory_empty),
        cmocka_unit_test(a_full_disk_leaves_nothing),
        cmocka_unit_test(a_proof_changes_nothing),
        cmocka_unit_test(a_proof_can_be_stopped_at_any_moment),
        cmocka_unit_test(a_proof_whose_temporary_file_is_full_fails),
        cmocka_unit_test(what_was_committed_is_there_and_an_instance_goes_on),
    };

    return cmocka_run_group_tests(tests, make_all, remove_all) != 0;
}
