/* JetBackupInstance: what is in the directory, in the headers and in the log of events afterwards; that it can be recovered
 * from; and what is refused. */
#include "apitest.h"
#include "backuptest.h"

static char dest[128], out[128];

static int setup_backup(void **state)
{
    const int rc = setup(state);
    const struct fix *f = *state;

    snprintf(dest, sizeof(dest), "%sbackup", f->dir);
    snprintf(out, sizeof(out), "%srecovered", f->dir);
    return rc;
}

static int teardown_backup(void **state)
{
    __atomic_store_n(&nr_faults, 0, __ATOMIC_RELAXED);
    return teardown(state);
}

#define B(name) cmocka_unit_test_setup_teardown(name, setup_backup, teardown_backup)

static void make_dest(void)
{
    assert_int_equal(mkdir(dest, 0700), 0);
}

static char *path_in(const char *dir, const char *name)
{
    static char path[4][300];
    static unsigned turn;
    char *p = path[turn++ % 4];

    snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
    return p;
}

/* The rows of the instance now, and those that the backup recovers to. */
static void assert_same_rows(struct fix *f, const char *set, const char *then)
{
    char *now;

    bt_verify(set);
    bt_recover(set, out);
    now = bt_dump(path_in(out, "data.edb"));
    assert_string_equal(now, then);
    free(now);
    (void)f;
}

/* A clean shutdown, the dump, and up again. */
static char *rows_of(struct fix *f)
{
    char *text;

    stop(f);
    text = bt_dump(f->db);
    start(f);
    OK(JetAttachDatabase(f->ses, f->db, 0));
    OK(JetOpenDatabase(f->ses, f->db, NULL, &f->dbid, 0));
    return text;
}

/* ---- full ------------------------------------------------------------------------------------ */

static void a_full_backup_is_all_of_it(void **state)
{
    static const uint32_t events[] = {210, 220, 221, 223, 224, 213, 0};
    struct fix *f = *state;
    struct ese_db_info copy, live;
    char *rows;

    bt_work(f, f->dbid, "rows", 0, 600);
    rows = rows_of(f);
    make_dest();
    bt_listen();
    OK(JetBackupInstance(f->inst, dest, 0, NULL));
    bt_expect_events(events);
    assert_string_equal(bt_string(bt_event(220), 0), f->db);
    assert_non_null(strstr(bt_string(bt_event(220), 1), " Mb"));
    assert_string_equal(bt_string(bt_event(221), 0), f->db);
    assert_int_equal(strncmp(bt_string(bt_event(223), 0), f->dir, strlen(f->dir)), 0);
    assert_non_null(strstr(bt_string(bt_event(223), 1), ".log"));
    assert_int_equal(bt_event(213)->nr_strings, 0);

    assert_true(bt_is_there(dest, "data.edb") && bt_is_there(dest, "data.pat"));
    assert_false(bt_is_there(dest, "edb.log") || bt_is_there(dest, "edb.chk"));
    bt_header(dest, "data.edb", &copy);
    bt_header(f->dir, "data.edb", &live);
    assert_int_equal(copy.state, ESE_DB_DIRTY);
    assert_int_equal(copy.full_cur.mark, live.full_prev.mark);
    assert_int_equal(copy.full_cur.gen_low, live.full_prev.gen_low);
    assert_int_equal(copy.full_cur.gen_high, 0);
    assert_int_equal(live.full_cur.gen_low, 0);
    assert_true(live.full_prev.gen_high >= live.full_prev.gen_low);
    assert_int_equal(live.inc_prev.gen_low, 0);
    assert_true(copy.gen_min_required >= copy.full_cur.gen_low);
    assert_same_rows(f, dest, rows);
    free(rows);
}

static unsigned first_gen(const char *dir)
{
    unsigned least = UINT32_MAX;
    DIR *dp = opendir(dir);
    const struct dirent *d;

    while ((d = readdir(dp))) {
        unsigned gen;
        if (strncmp(d->d_name, "edb0", 4) == 0 && ends_with(d->d_name, ".log") &&
            sscanf(d->d_name + 3, "%x", &gen) == 1 && gen < least)
            least = gen;
    }
    closedir(dp);
    return least;
}

static void logs_that_nobody_needs_are_gone(void **state)
{
    struct fix *f = *state;
    struct ese_db_info live;

    bt_work(f, f->dbid, "rows", 0, 600);
    restart(f); /* the checkpoint moves to the end */
    make_dest();
    assert_int_equal(first_gen(f->dir), 1);
    OK(JetBackupInstance(f->inst, dest, 0, NULL));
    bt_header(f->dir, "data.edb", &live);
    assert_true(first_gen(f->dir) > 3);
    assert_int_equal(first_gen(f->dir), live.full_prev.gen_low);
}

static void wide_names_work_and_paths_are_made(void **state)
{
    struct fix *f = *state;
    JET_WCHAR wide[200];
    unsigned n = 0;

    snprintf(dest, sizeof(dest), "%sa/b/c", f->dir);
    for (; dest[n]; n++)
        wide[n] = (JET_WCHAR)dest[n];
    wide[n] = 0;
    IS(JET_errInvalidPath, JetBackupInstanceW(f->inst, wide, 0, NULL));
    IS(JET_errMakeBackupDirectoryFail,
       JetBackupInstanceW(f->inst, wide, JET_bitBackupAtomic, NULL));
    OK(JetSetSystemParameter(&f->inst, 0, JET_paramCreatePathIfNotExist, 1, NULL));
    OK(JetBackupInstanceW(f->inst, wide, 0, NULL));
    bt_verify(dest);
}

static void several_databases_share_a_backup(void **state)
{
    static const uint32_t events[] = {210, 220, 221, 220, 221, 223, 224, 213, 0};
    struct fix *f = *state;
    struct ese_db_info info;
    JET_DBID other;
    char second[128];

    snprintf(second, sizeof(second), "%ssecond.edb", f->dir);
    OK(JetCreateDatabase(f->ses, second, NULL, &other, 0));
    bt_work(f, f->dbid, "rows", 0, 200);
    bt_work(f, other, "rows", 0, 200);
    restart(f);
    OK(JetAttachDatabase(f->ses, second, 0));
    make_dest();
    bt_listen();
    OK(JetBackupInstance(f->inst, dest, 0, NULL));
    bt_expect_events(events);
    assert_true(bt_is_there(dest, "second.edb") && bt_is_there(dest, "second.pat"));
    bt_verify(dest);
    bt_recover(dest, out);
    bt_header(f->dir, "second.edb", &info);
    assert_true(info.full_prev.gen_low != 0);
}

/* ---- progress -------------------------------------------------------------------------------- */

static struct {
    JET_SNT snt[4096];
    uint32_t done[4096];
    unsigned nr;
    unsigned stop_at; /* the nth call gives an error; 0: none */
    JET_INSTANCE inst;
    JET_ERR second;
} seen;

static JET_ERR status(JET_SESID sesid, JET_SNP snp, JET_SNT snt, void *pv)
{
    const JET_SNPROG *p = pv;

    (void)sesid;
    assert_int_equal(snp, JET_snpBackup);
    assert_int_equal(p->cbStruct, sizeof(*p));
    assert_int_equal(p->cunitTotal, 100);
    seen.snt[seen.nr] = snt;
    seen.done[seen.nr++] = p->cunitDone;
    return seen.stop_at == seen.nr ? JET_errInvalidOperation : JET_errSuccess;
}

static void progress_begins_goes_on_and_completes(void **state)
{
    struct fix *f = *state;

    bt_work(f, f->dbid, "rows", 0, 1500);
    make_dest();
    memset(&seen, 0, sizeof(seen));
    OK(JetBackupInstance(f->inst, dest, 0, status));
    assert_true(seen.nr >= 5);
    assert_int_equal(seen.snt[0], JET_sntBegin);
    assert_int_equal(seen.done[0], 0);
    for (unsigned i = 1; i + 1 < seen.nr; i++) {
        assert_int_equal(seen.snt[i], JET_sntProgress);
        assert_true(seen.done[i] >= seen.done[i - 1] && seen.done[i] < 100);
    }
    assert_true(seen.done[seen.nr - 2] > 80);
    assert_int_equal(seen.snt[seen.nr - 1], JET_sntComplete);
    assert_int_equal(seen.done[seen.nr - 1], 100);
}

static void a_callback_that_fails_ends_the_backup(void **state)
{
    static const uint32_t events[] = {210, 220, 222, 214, 0};
    struct fix *f = *state;
    struct ese_db_info live;
    unsigned before;

    bt_work(f, f->dbid, "rows", 0, 1500);
    before = first_gen(f->dir);
    OK(JetSetSystemParameter(&f->inst, 0, JET_paramCreatePathIfNotExist, 1, NULL));
    for (unsigned i = 1; i <= 4; i++) {
        memset(&seen, 0, sizeof(seen));
        seen.stop_at = i;
        bt_listen();
        IS(JET_errInvalidOperation, JetBackupInstance(f->inst, dest, 0, status));
        assert_int_equal(seen.snt[seen.nr - 1], JET_sntFail);
        assert_int_equal(access(dest, F_OK), -1);
        if (i == 2) {
            bt_expect_events(events);
            assert_string_equal(bt_string(bt_event(222), 0), f->db);
            assert_true(atol(bt_string(bt_event(222), 1)) < atol(bt_string(bt_event(222), 2)));
            assert_string_equal(bt_string(bt_event(214), 0), "-1906");
        }
    }
    assert_int_equal(first_gen(f->dir), before);
    bt_header(f->dir, "data.edb", &live);
    assert_int_equal(live.full_prev.gen_low, 0);
    seen.stop_at = 0;
    OK(JetBackupInstance(f->inst, dest, 0, status));
}

/* ---- atomic ---------------------------------------------------------------------------------- */

static void an_atomic_backup_replaces_the_one_before(void **state)
{
    struct fix *f = *state;
    struct stat one, two;
    char *rows;

    make_dest();
    bt_work(f, f->dbid, "rows", 0, 300);
    OK(JetBackupInstance(f->inst, dest, JET_bitBackupAtomic, NULL));
    assert_int_equal(bt_nr_files(dest), 1);
    assert_int_equal(stat(path_in(dest, "new"), &one), 0);
    bt_verify(path_in(dest, "new"));
    bt_work(f, f->dbid, "rows", 300, 300);
    rows = rows_of(f);
    OK(JetBackupInstance(f->inst, dest, JET_bitBackupAtomic, NULL));
    assert_int_equal(bt_nr_files(dest), 1);
    assert_int_equal(stat(path_in(dest, "new"), &two), 0);
    assert_true(one.st_ino != two.st_ino);
    assert_same_rows(f, path_in(dest, "new"), rows);
    free(rows);
}

static void a_failed_atomic_backup_leaves_the_one_before(void **state)
{
    struct fix *f = *state;
    struct stat before, after;

    make_dest();
    bt_work(f, f->dbid, "rows", 0, 300);
    OK(JetBackupInstance(f->inst, dest, JET_bitBackupAtomic, NULL));
    assert_int_equal(stat(path_in(dest, "new/data.edb"), &before), 0);
    for (unsigned i = 1; i < 4; i++) {
        memset(&seen, 0, sizeof(seen));
        seen.stop_at = i;
        IS(JET_errInvalidOperation, JetBackupInstance(f->inst, dest, JET_bitBackupAtomic, status));
        assert_int_equal(bt_nr_files(dest), 1);
        assert_int_equal(stat(path_in(dest, "new/data.edb"), &after), 0);
        assert_int_equal(before.st_ino, after.st_ino);
        assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
    }
    bt_verify(path_in(dest, "new"));
}

/* What a kill in the middle leaves. */
static void remains_of_a_killed_backup_are_no_hindrance(void **state)
{
    struct fix *f = *state;

    make_dest();
    OK(JetBackupInstance(f->inst, dest, JET_bitBackupAtomic, NULL));
    assert_int_equal(rename(path_in(dest, "new"), path_in(dest, "old")), 0);
    assert_int_equal(mkdir(path_in(dest, "temp"), 0700), 0);
    bt_copy_file(path_in(dest, "old/data.edb"), path_in(dest, "temp/data.edb"));
    OK(JetBackupInstance(f->inst, dest, JET_bitBackupAtomic | JET_bitBackupIncremental, NULL));
    assert_int_equal(bt_nr_files(dest), 1);
    bt_verify(path_in(dest, "old"));
    OK(JetBackupInstance(f->inst, dest, JET_bitBackupAtomic, NULL));
    assert_int_equal(bt_nr_files(dest), 1);
    bt_verify(path_in(dest, "new"));

    assert_int_equal(mkdir(path_in(dest, "temp"), 0700), 0);
    assert_int_equal(mkdir(path_in(dest, "temp/somebody's"), 0700), 0);
    IS(JET_errDeleteBackupFileFail, JetBackupInstance(f->inst, dest, JET_bitBackupAtomic, NULL));
    assert_true(bt_is_there(dest, "new/data.edb"));
}

/* ---- what is in the log ----------------------------------------------------------------------- */

/* The Trace records of the logs in a directory, in order, without their times. */
static char *traces_in(const char *dir)
{
    const struct ese_log_dump_opts opts = {.records = true};
    unsigned faults = 0;
    char *text = NULL, *found = NULL, *line, *rest;
    size_t len = 0, found_len = 0;
    FILE *dump = open_memstream(&text, &len), *to = open_memstream(&found, &found_len);
    const int fd = open(dir, O_RDONLY | O_DIRECTORY);

    assert_true(fd >= 0 && dump && to);
    OK(ese_log_dump(fd, dir, &opts, dump, bt_on_fault, &faults));
    fclose(dump);
    close(fd);
    for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        const char *time = strstr(line, "text=\"[");
        if (!strstr(line, " Trace ") || !time)
            continue;
        assert_non_null(strstr(time, "] "));
        fprintf(to, "%s\n", strstr(time, "] ") + 2);
    }
    fclose(to);
    free(text);
    return found;
}

static void the_log_tells_of_a_backup(void **state)
{
    struct fix *f = *state;
    struct ese_db_info live;
    char want[400], *got;

    make_dest();
    bt_work(f, f->dbid, "rows", 0, 50);
    OK(JetBackupInstance(f->inst, dest, 0, NULL));
    bt_header(f->dir, "data.edb", &live);
    got = traces_in(dest);
    snprintf(want, sizeof(want), "Start backup file %s, size ", f->db);
    assert_true(strncmp(got, want, strlen(want)) == 0);
    snprintf(want, sizeof(want), "\nStop backup file %s\"\n", f->db);
    assert_non_null(strstr(got, want));
    free(got);
    stop(f); /* all of the log is on disk */
    got = traces_in(f->dir);
    snprintf(want, sizeof(want), "BACKUP PREPARE LOGS (copy 0x%05X-0x%05X, delete ",
             live.full_prev.gen_low, live.full_prev.gen_high);
    assert_non_null(strstr(got, want));
    free(got);
}

/* ---- incremental ----------------------------------------------------------------------------- */

static void an_incremental_goes_on_from_the_set(void **state)
{
    static const uint32_t events[] = {211, 223, 224, 213, 0};
    struct fix *f = *state;
    struct ese_db_info full, live;
    struct stat before, after;
    char *rows;

    make_dest();
    bt_work(f, f->dbid, "rows", 0, 200);
    OK(JetBackupInstance(f->inst, dest, 0, NULL));
    bt_header(f->dir, "data.edb", &full);
    assert_int_equal(stat(path_in(dest, "data.edb"), &before), 0);
    for (unsigned i = 1; i <= 3; i++) {
        bt_work(f, f->dbid, "rows", i * 200, 200);
        rows = rows_of(f);
        bt_listen();
        OK(JetBackupInstance(f->inst, dest, JET_bitBackupIncremental, NULL));
        bt_expect_events(events);
        bt_header(f->dir, "data.edb", &live);
        assert_int_equal(live.full_prev.mark, full.full_prev.mark);
        assert_true(live.inc_prev.gen_high > full.full_prev.gen_high);
        assert_int_equal(live.inc_prev.mark,
                         (uint64_t)(live.inc_prev.gen_high + 1) << 32 | 1 << 16);
        assert_int_equal(stat(path_in(dest, "data.edb"), &after), 0);
        assert_int_equal(before.st_ino, after.st_ino);
        assert_false(bt_is_there(f->dir, ".backup.incremental"));
        assert_same_rows(f, dest, rows);
        free(rows);
    }
}

static void an_atomic_set_takes_incrementals_too(void **state)
{
    struct fix *f = *state;
    char *rows;

    make_dest();
    bt_work(f, f->dbid, "rows", 0, 200);
    OK(JetBackupInstance(f->inst, dest, JET_bitBackupAtomic, NULL));
    bt_work(f, f->dbid, "rows", 200, 200);
    rows = rows_of(f);
    OK(JetBackupInstance(f->inst, dest, JET_bitBackupAtomic | JET_bitBackupIncremental, NULL));
    assert_int_equal(bt_nr_files(dest), 1);
    assert_same_rows(f, path_in(dest, "new"), rows);
    free(rows);
    IS(JET_errBackupDirectoryNotEmpty,
       JetBackupInstance(f->inst, dest, JET_bitBackupIncremental, NULL));
}

static void an_incremental_wants_the_last_backup(void **state)
{
    struct fix *f = *state;
    char other[160], log[40];
    struct ese_db_info live;
    unsigned gens;

    snprintf(other, sizeof(other), "%sother", f->dir);
    make_dest();
    bt_listen();
    IS(JET_errMissingFullBackup, JetBackupInstance(f->inst, dest, JET_bitBackupIncremental, NULL));
    assert_string_equal(bt_string(bt_event(206), 0), f->db);
    OK(JetBackupInstance(f->inst, dest, 0, NULL));
    bt_work(f, f->dbid, "rows", 0, 100);

    /* into nothing, into a directory of something else, into one that an atomic full was never in */
    IS(JET_errInvalidPath, JetBackupInstance(f->inst, other, JET_bitBackupIncremental, NULL));
    assert_int_equal(mkdir(other, 0700), 0);
    bt_copy_file(f->db, path_in(other, "letter.txt"));
    IS(JET_errMissingFullBackup, JetBackupInstance(f->inst, other, JET_bitBackupIncremental, NULL));
    assert_int_equal(unlink(path_in(other, "letter.txt")), 0);
    IS(JET_errMissingFullBackup,
       JetBackupInstance(f->inst, other, JET_bitBackupIncremental | JET_bitBackupAtomic, NULL));
    assert_int_equal(bt_nr_files(other), 0);

    /* a set that lacks a log, a database */
    bt_header(f->dir, "data.edb", &live);
    snprintf(log, sizeof(log), "edb%05X.log", live.full_prev.gen_high);
    assert_int_equal(rename(path_in(dest, log), path_in(other, log)), 0);
    IS(JET_errMissingFullBackup, JetBackupInstance(f->inst, dest, JET_bitBackupIncremental, NULL));
    assert_int_equal(rename(path_in(other, log), path_in(dest, log)), 0);
    assert_int_equal(rename(path_in(dest, "data.edb"), path_in(other, "data.edb")), 0);
    IS(JET_errMissingFullBackup, JetBackupInstance(f->inst, dest, JET_bitBackupIncremental, NULL));
    assert_int_equal(rename(path_in(other, "data.edb"), path_in(dest, "data.edb")), 0);

    /* a later full one elsewhere */
    OK(JetBackupInstance(f->inst, other, 0, NULL));
    bt_work(f, f->dbid, "rows", 100, 100);
    gens = first_gen(f->dir);
    IS(JET_errMissingFullBackup, JetBackupInstance(f->inst, dest, JET_bitBackupIncremental, NULL));
    assert_int_equal(first_gen(f->dir), gens);
    OK(JetBackupInstance(f->inst, other, JET_bitBackupIncremental, NULL));
    bt_verify(other);
}

/* The full backup in dest, what came then in others. */
static void restore_with(const char *const *others, unsigned nr)
{
    int dirs[4];
    const int fd = open(dest, O_RDONLY | O_DIRECTORY);
    const struct ese_restore_opts how = {.log_dirs = dirs, .nr_log_dirs = nr};
    const struct ese_prove_opts proof_how = {.log_dirs = dirs, .nr_log_dirs = nr};
    struct ese_restored restored;
    struct ese_proof proof;
    unsigned faults = 0;

    for (unsigned i = 0; i < nr; i++)
        assert_true((dirs[i] = open(others[i], O_RDONLY | O_DIRECTORY)) >= 0);
    OK(ese_prove(fd, &proof_how, bt_on_fault, &faults, NULL, NULL, &proof));
    ese_proof_done(&proof);
    bt_remove(out);
    OK(ese_restore(fd, out, &how, bt_on_fault, &faults, NULL, NULL, &restored));
    ese_restored_done(&restored);
    assert_int_equal(faults, 0);
    for (unsigned i = 0; i < nr; i++)
        close(dirs[i]);
    close(fd);
}

static void assert_restores_to(struct fix *f, const char *const *others, unsigned nr)
{
    char *then, *now;

    restore_with(others, nr);
    now = bt_dump(path_in(out, "data.edb"));
    then = rows_of(f);
    assert_string_equal(now, then);
    free(now);
    free(then);
}

static bool only_logs(const char *dir)
{
    DIR *dp = opendir(dir);
    const struct dirent *d;
    bool only = true;

    assert_non_null(dp);
    while ((d = readdir(dp)))
        only &= d->d_name[0] == '.' || strstr(d->d_name, ".log");
    closedir(dp);
    return only;
}

static void an_incremental_may_have_a_directory_of_its_own(void **state)
{
    struct fix *f = *state;
    char second[160], third[170], log[40];
    const char *const both[] = {third, second};
    struct ese_db_info live;

    snprintf(second, sizeof(second), "%ssecond", f->dir);
    snprintf(third, sizeof(third), "%sdeep/third", f->dir);
    make_dest();
    bt_work(f, f->dbid, "rows", 0, 200);
    OK(JetBackupInstance(f->inst, dest, 0, NULL));
    assert_int_equal(mkdir(second, 0700), 0);
    for (unsigned i = 1; i <= 2; i++) { /* the second one goes on from the first */
        bt_work(f, f->dbid, "rows", i * 200, 200);
        OK(JetBackupInstance(f->inst, second, JET_bitBackupIncremental, NULL));
        assert_true(only_logs(second) && bt_nr_files(second) > i);
        assert_restores_to(f, both + 1, 1);
    }
    bt_work(f, f->dbid, "rows", 600, 200);
    IS(JET_errInvalidPath, JetBackupInstance(f->inst, third, JET_bitBackupIncremental, NULL));
    OK(JetSetSystemParameter(&f->inst, 0, JET_paramCreatePathIfNotExist, 1, NULL));
    OK(JetBackupInstance(f->inst, third, JET_bitBackupIncremental, NULL));
    assert_restores_to(f, both, 2);

    /* the last one is not in the others any more */
    IS(JET_errMissingFullBackup, JetBackupInstance(f->inst, dest, JET_bitBackupIncremental, NULL));
    bt_header(f->dir, "data.edb", &live);
    snprintf(log, sizeof(log), "edb%05X.log", live.inc_prev.gen_high);
    assert_true(bt_is_there(third, log) && !bt_is_there(second, log));
    IS(JET_errMissingFullBackup,
       JetBackupInstance(f->inst, second, JET_bitBackupIncremental, NULL));
}

static void a_log_of_the_set_that_differs_is_told(void **state)
{
    struct fix *f = *state;
    struct ese_db_info live;
    char log[40], byte = 'x';
    JET_TABLEID t;
    int fd;

    make_dest();
    bt_work(f, f->dbid, "rows", 0, 100);
    /* What is under way keeps the checkpoint, and with it the logs that the set has. */
    OK(JetBeginTransaction(f->ses));
    OK(JetCreateTable(f->ses, f->dbid, "under way", 0, 0, &t));
    OK(JetBackupInstance(f->inst, dest, 0, NULL));
    bt_header(f->dir, "data.edb", &live);
    snprintf(log, sizeof(log), "edb%05X.log", live.full_prev.gen_high);
    fd = open(path_in(dest, log), O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, &byte, 1, 9000), 1);
    close(fd);
    IS(JET_errLogFileCorrupt, JetBackupInstance(f->inst, dest, JET_bitBackupIncremental, NULL));
    assert_false(bt_is_there(f->dir, ".backup.incremental"));
    OK(JetRollback(f->ses, 0));
}

static void a_log_that_is_gone_is_missed(void **state)
{
    struct fix *f = *state;
    char log[40];

    OK(JetSetSystemParameter(&f->inst, 0, JET_paramCreatePathIfNotExist, 1, NULL));
    bt_work(f, f->dbid, "rows", 0, 900);
    OK(JetCommitTransaction(f->ses, JET_bitWaitAllLevel0Commit)); /* the logs have their names */
    snprintf(log, sizeof(log), "edb%05X.log", 2);
    assert_int_equal(unlink(path_in(f->dir, log)), 0);
    bt_listen();
    IS(JET_errMissingFileToBackup, JetBackupInstance(f->inst, dest, 0, NULL));
    assert_non_null(strstr(bt_string(bt_event(459), 0), log));
    assert_int_equal(access(dest, F_OK), -1);
}

/* ---- NULL ------------------------------------------------------------------------------------ */

static void no_path_only_deletes_logs(void **state)
{
    static const uint32_t events[] = {224, 0}, none[] = {225, 0};
    struct fix *f = *state;
    struct ese_db_info live;

    bt_work(f, f->dbid, "rows", 0, 600);
    restart(f);
    bt_listen();
    OK(JetBackupInstance(f->inst, NULL, 0, NULL));
    bt_expect_events(events);
    assert_true(first_gen(f->dir) > 3);
    assert_non_null(strstr(bt_string(bt_event(224), 0), "edb00001.log"));
    bt_listen();
    OK(JetBackupInstanceW(f->inst, u"", 0, NULL));
    bt_expect_events(none);
    bt_header(f->dir, "data.edb", &live);
    assert_int_equal(live.full_prev.gen_low, 0);
}

static void logs_deleted_without_a_backup_end_the_incrementals(void **state)
{
    struct fix *f = *state;

    make_dest();
    OK(JetBackupInstance(f->inst, dest, 0, NULL));
    bt_work(f, f->dbid, "rows", 0, 600);
    restart(f);
    OK(JetBackupInstance(f->inst, NULL, 0, NULL));
    IS(JET_errMissingFileToBackup,
       JetBackupInstance(f->inst, dest, JET_bitBackupIncremental, NULL));
    bt_verify(dest);
}

/* ---- copies ---------------------------------------------------------------------------------- */

static void a_copy_leaves_no_mark(void **state)
{
    const struct ese_backup_opts copy = {.copy = true}, both = {.copy = true, .incremental = true};
    struct fix *f = *state;
    struct ese_db_info before, after;
    char other[160];

    snprintf(other, sizeof(other), "%sother", f->dir);
    assert_int_equal(mkdir(other, 0700), 0);
    make_dest();
    bt_work(f, f->dbid, "rows", 0, 600);
    restart(f);
    OK(ese_backup(f->inst, other, &copy, NULL, NULL));
    assert_int_equal(first_gen(f->dir), 1);
    bt_verify(other);
    bt_recover(other, out);
    OK(JetBackupInstance(f->inst, dest, 0, NULL));
    bt_header(f->dir, "data.edb", &before);
    bt_remove(other);
    assert_int_equal(mkdir(other, 0700), 0);
    OK(ese_backup(f->inst, other, &copy, NULL, NULL));
    bt_header(f->dir, "data.edb", &after);
    assert_memory_equal(&before.full_prev, &after.full_prev, sizeof(before.full_prev));
    assert_int_equal(after.copy_prev.gen_low, 0);
    OK(JetBackupInstance(f->inst, dest, JET_bitBackupIncremental, NULL));
    IS(JET_errInvalidParameter, ese_backup(f->inst, other, &both, NULL, NULL));
    IS(JET_errInvalidParameter, ese_backup(f->inst, "", &copy, NULL, NULL));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        B(a_full_backup_is_all_of_it),
        B(logs_that_nobody_needs_are_gone),
        B(wide_names_work_and_paths_are_made),
        B(several_databases_share_a_backup),
        B(progress_begins_goes_on_and_completes),
        B(a_callback_that_fails_ends_the_backup),
        B(an_atomic_backup_replaces_the_one_before),
        B(a_failed_atomic_backup_leaves_the_one_before),
        B(remains_of_a_killed_backup_are_no_hindrance),
        B(the_log_tells_of_a_backup),
        B(an_incremental_goes_on_from_the_set),
        B(an_atomic_set_takes_incrementals_too),
        B(an_incremental_wants_the_last_backup),
        B(an_incremental_may_have_a_directory_of_its_own),
        B(a_log_of_the_set_that_differs_is_told),
        B(a_log_that_is_gone_is_missed),
        B(no_path_only_deletes_logs),
        B(logs_deleted_without_a_backup_end_the_incrementals),
        B(a_copy_leaves_no_mark),
    };

    rnd_init("backup");
    choose_format(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
