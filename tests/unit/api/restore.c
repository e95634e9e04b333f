/*
 * JetRestoreInstance and its relatives on backups that Microsoft's engine made: into the place of an instance, to where the
 * databases were, with logs that go on, and every error.
 */
#include "apitest.h"

#include <dirent.h>
#include <sys/file.h>

#define SEGMENT 4096u

struct place { /* a backup, and where an instance of ours is */
    char top[64], set[96], log[96], dest[96];
};

static unsigned nr_begin, nr_progress, nr_complete, nr_fail;
static uint32_t last_percent;
static JET_ERR answer;      /* of the callback */
static JET_INSTANCE inside; /* that it asks for other things; 0: none */

static unsigned nr_started, nr_ended, nr_failed; /* events 204, 205, 454 */

static void count_events(void *ctx, const char *instance, const struct ese_fault *f)
{
    nr_started += f->event == 204;
    nr_ended += f->event == 205;
    nr_failed += f->event == 454;
    on_event(ctx, instance, f);
}

/* ---- files ------------------------------------------------------------------------------------ */

static void copy_file(const char *from, const char *to)
{
    static char buf[1 << 16];
    int in = open(from, O_RDONLY), out = open(to, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    ssize_t n;

    assert_true(in >= 0 && out >= 0);
    while ((n = read(in, buf, sizeof(buf))) > 0)
        assert_int_equal(write(out, buf, (size_t)n), n);
    close(in);
    close(out);
}

static void copy_dir(const char *from, const char *to)
{
    char a[600], b[400];
    DIR *dp = opendir(from);
    const struct dirent *d;

    assert_non_null(dp);
    while ((d = readdir(dp)))
        if (d->d_name[0] != '.') {
            snprintf(a, sizeof(a), "%s/%s", from, d->d_name);
            snprintf(b, sizeof(b), "%s/%s", to, d->d_name);
            copy_file(a, b);
        }
    closedir(dp);
}

static void move_file(const struct place *p, const char *name)
{
    char a[200], b[200];

    snprintf(a, sizeof(a), "%s/%s", p->set, name);
    snprintf(b, sizeof(b), "%s/%s", p->log, name);
    assert_int_equal(rename(a, b), 0);
}

static void empty_dir(const char *path)
{
    nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    assert_int_equal(mkdir(path, 0700), 0);
}

static unsigned nr_files(const char *path)
{
    DIR *dp = opendir(path);
    const struct dirent *d;
    unsigned nr = 0;

    assert_non_null(dp);
    while ((d = readdir(dp)))
        nr += d->d_name[0] != '.';
    closedir(dp);
    return nr;
}

static void change(const char *dir, const char *name, uint32_t off, const void *bytes, size_t len)
{
    char path[200];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, len, off), (ssize_t)len);
    close(fd);
}

/* A header again with its right checksum. */
static void seal(uint8_t head[SEGMENT])
{
    uint32_t x = 0x89ABCDEF, w;

    for (unsigned i = 4; i < SEGMENT; i += 4) {
        memcpy(&w, head + i, 4);
        x ^= w;
    }
    memcpy(head, &x, 4);
}

static void read_header(const char *dir, const char *name, uint8_t head[SEGMENT])
{
    char path[200];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, head, SEGMENT, 0), SEGMENT);
    close(fd);
}

/* ---- places ----------------------------------------------------------------------------------- */

static int make_place(void **state)
{
    struct place *p = calloc(1, sizeof(*p));

    *state = p;
    snprintf(p->top, sizeof(p->top), "%s/apirestXXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(p->top))
        return -1;
    snprintf(p->set, sizeof(p->set), "%s/set", p->top);
    snprintf(p->log, sizeof(p->log), "%s/log", p->top);
    snprintf(p->dest, sizeof(p->dest), "%s/dest", p->top);
    answer = 0;
    inside = 0;
    ese_set_event_sink(count_events, NULL);
    return 0;
}

static int remove_place(void **state)
{
    struct place *p = *state;

    nftw(p->top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(p);
    return 0;
}

static void take(struct place *p, const char *which)
{
    char from[600];

    snprintf(from, sizeof(from), "%s/engine/%s/files", test_data(), which);
    empty_dir(p->set);
    empty_dir(p->log);
    empty_dir(p->dest);
    copy_dir(from, p->set);
}

static JET_INSTANCE new_instance(const struct place *p)
{
    JET_INSTANCE inst;

    OK(JetCreateInstance(&inst, "restore"));
    OK(JetSetSystemParameter(&inst, 0, JET_paramSystemPath, 0, p->log));
    OK(JetSetSystemParameter(&inst, 0, JET_paramLogFilePath, 0, p->log));
    OK(JetSetSystemParameter(&inst, 0, JET_paramTempPath, 0, p->log));
    OK(JetSetSystemParameter(&inst, 0, JET_paramLogFileSize, 128, NULL));
    return inst;
}

static JET_ERR on_status(JET_SESID ses, JET_SNP snp, JET_SNT snt, void *pv)
{
    const JET_SNPROG *s = pv;
    JET_LOGINFO_A info = {sizeof(info), 1, 1, "edb"};
    JET_RSTMAP_A map = {S("test.edb"), S("/test.edb")};
    JET_SESID other;

    (void)ses;
    if (snp != JET_snpRestore)
        return JET_errSuccess;
    assert_int_equal(s->cbStruct, sizeof(*s));
    assert_int_equal(s->cunitTotal, 100);
    assert_true(s->cunitDone >= last_percent && s->cunitDone <= 100);
    last_percent = s->cunitDone;
    nr_begin += snt == JET_sntBegin;
    nr_progress += snt == JET_sntProgress;
    nr_complete += snt == JET_sntComplete;
    nr_fail += snt == JET_sntFail;
    if (snt == JET_sntBegin && inside) {
        IS(JET_errRestoreInProgress, JetInit(&inside));
        IS(JET_errRestoreInProgress, JetTerm(inside));
        IS(JET_errRestoreInProgress, JetBeginSession(inside, &other, NULL, NULL));
        IS(JET_errRestoreInProgress, JetRestoreInstance(inside, "/", NULL, NULL));
        IS(JET_errRestoreInProgress,
           JetExternalRestore2("/", "/", &map, 1, "/", &info, "restore", NULL, NULL, NULL));
        IS(JET_errRestoreInProgress, JetBackupInstance(inside, "/", 0, NULL));
    }
    return snt == JET_sntProgress ? answer : JET_errSuccess;
}

static void reset_status(void)
{
    nr_begin = nr_progress = nr_complete = nr_fail = last_percent = 0;
    nr_started = nr_ended = nr_failed = 0;
}

/* Restores; afterwards the instance is there as before. */
static JET_ERR restore(const struct place *p, const char *dest)
{
    JET_INSTANCE inst = new_instance(p);
    JET_ERR err;

    reset_status();
    err = JetRestoreInstance(inst, p->set, dest, on_status);
    OK(JetTerm(inst));
    assert_int_equal(nr_begin, 1);
    assert_int_equal(nr_complete, err >= 0);
    assert_int_equal(nr_fail, err < 0);
    assert_int_equal(nr_started, 1);
    assert_int_equal(nr_ended, err >= 0);
    assert_int_equal(nr_failed, err < 0);
    return err;
}

/* What the database holds, as one number. */
static uint64_t content(const char *dir, const char *name)
{
    const struct ese_dump_opts opts = {.format = ESE_DUMP_CANONICAL, .keys = true};
    char path[200], *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    uint64_t h = 14695981039346656037u;
    int fd;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_sound(path);
    fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    OK(ese_dump(fd, path, &opts, out, on_integrity_fault, NULL));
    close(fd);
    fclose(out);
    for (size_t i = 0; i < len; i++)
        h = (h ^ (uint8_t)text[i]) * 1099511628211u;
    free(text);
    return h;
}

/* The instance starts with what was restored, and finds its database. */
static void assert_runs(const struct place *p, const char *dir)
{
    JET_INSTANCE inst = new_instance(p);
    JET_SESID ses;
    JET_DBID dbid;
    char db[200];

    snprintf(db, sizeof(db), "%s/test.edb", dir);
    OK(JetInit(&inst));
    OK(JetBeginSession(inst, &ses, NULL, NULL));
    OK(JetAttachDatabase(ses, db, 0));
    OK(JetOpenDatabase(ses, db, NULL, &dbid, 0));
    OK(JetTerm2(inst, JET_bitTermComplete));
}

/* ---- into an instance --------------------------------------------------------------------------- */

static void a_backup_becomes_an_instance_that_runs(void **state)
{
    struct place *p = *state;
    char left[200];

    NEED_DATA("restore of real backups");
    take(p, "p4096_w10/full_incr");
    snprintf(left, sizeof(left), "%s/test.edb.restoring", p->dest);
    copy_file("/proc/self/exe", left); /* of a restore that was killed */
    OK(restore(p, p->dest));
    assert_true(nr_progress > 5);
    assert_int_equal(last_percent, 100);
    assert_int_equal(nr_files(p->dest), 1);
    assert_int_equal(nr_files(p->log), 2);
    (void)content(p->dest, "test.edb");
    assert_runs(p, p->dest);
}

static void an_atomic_backup_is_found_in_its_parent(void **state)
{
    struct place *p = *state;
    char from[600], to[200];

    NEED_DATA("restore of real backups");
    take(p, "p4096_w10/full");
    empty_dir(p->set);
    snprintf(from, sizeof(from), "%s/engine/p4096_w10/atomic/files_full1/new", test_data());
    snprintf(to, sizeof(to), "%s/new", p->set);
    empty_dir(to);
    copy_dir(from, to);
    OK(restore(p, p->dest));
    assert_runs(p, p->dest);
}

/* In the headers of the logs, the directory that the database was in: as long, with slashes. */
static void move_original(const struct place *p, const char *name)
{
    static const char was[] = "Z:\\srv\\ese\\p4096_w10\\full\\";
    uint8_t head[SEGMENT], wide[2 * sizeof(was)] = {0};
    uint8_t *at;

    for (unsigned i = 0; was[i]; i++)
        wide[2 * i] = (uint8_t)was[i];
    read_header(p->set, name, head);
    at = memmem(head, sizeof(head), wide, 2 * strlen(was));
    assert_non_null(at);
    assert_true(strlen(p->top) < strlen(was));
    for (unsigned i = 0; i < strlen(was); i++)
        at[2 * i] = (uint8_t)(i < strlen(p->top) ? p->top[i] : '/');
    seal(head);
    change(p->set, name, 0, head, sizeof(head));
}

static void without_a_destination_databases_go_where_they_were(void **state)
{
    struct place *p = *state;
    char old[200];

    NEED_DATA("restore of real backups");
    take(p, "p4096_w10/full");
    IS(JET_errInvalidPath, restore(p, NULL)); /* /srv/ese is not here */
    assert_int_equal(nr_files(p->log), 0);
    move_original(p, "edb00000008.log");
    move_original(p, "edb00000009.log");
    snprintf(old, sizeof(old), "%s/test.edb", p->top);
    copy_file("/proc/self/exe", old); /* what is there is written over, once all has gone well */
    OK(restore(p, NULL));
    assert_int_equal(nr_files(p->dest), 0);
    (void)content(p->top, "test.edb");
    assert_int_equal(nr_files(p->top), 4);
    assert_runs(p, p->top);
}

static void a_failure_leaves_what_was_there(void **state)
{
    struct place *p = *state;
    uint8_t noise[100] = {1, 2, 3};
    struct stat before, after;
    char old[200];

    NEED_DATA("restore of real backups");
    take(p, "p4096_w10/full");
    snprintf(old, sizeof(old), "%s/test.edb", p->dest);
    copy_file("/proc/self/exe", old);
    assert_int_equal(stat(old, &before), 0);
    change(p->set, "test.edb", 5 * SEGMENT + 1000, noise, sizeof(noise));
    IS(JET_errReadVerifyFailure, restore(p, p->dest));
    assert_int_equal(nr_files(p->dest), 1);
    assert_int_equal(stat(old, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
}

static void the_default_instance_is_restored(void **state)
{
    struct place *p = *state;
    JET_WCHAR wide[2][100] = {{0}};

    NEED_DATA("restore of real backups");
    take(p, "p4096_w10/full");
    OK(JetSetSystemParameter(NULL, 0, JET_paramSystemPath, 0, p->log));
    OK(JetSetSystemParameter(NULL, 0, JET_paramLogFilePath, 0, p->log));
    OK(JetRestore2(p->set, p->dest, NULL));
    IS(JET_errNotInitialized, JetTerm(0));
    (void)content(p->dest, "test.edb");
    take(p, "p4096_w10/full");
    for (unsigned i = 0; p->set[i]; i++)
        wide[0][i] = (unsigned char)p->set[i];
    for (unsigned i = 0; p->dest[i]; i++)
        wide[1][i] = (unsigned char)p->dest[i];
    OK(JetRestore2W(wide[0], wide[1], NULL));
    (void)content(p->dest, "test.edb");
    IS(JET_errInvalidPath, JetRestore(p->set, NULL)); /* /srv/ese again */
    IS(JET_errInvalidPath, JetRestoreW(wide[0], NULL));
}

/* ---- logs that go on ---------------------------------------------------------------------------- */

static void logs_of_the_instance_that_go_on_are_replayed(void **state)
{
    struct place *p = *state;
    uint64_t all, some;

    NEED_DATA("restore of real backups");
    take(p, "p4096_w10/full_incr");
    OK(restore(p, p->dest));
    all = content(p->dest, "test.edb");
    take(p, "p4096_w10/full_incr");
    move_file(p, "edb0000000A.log");
    move_file(p, "edb0000000B.log");
    move_file(p, "edb0000000C.log");
    OK(restore(p, p->dest));
    assert_true(content(p->dest, "test.edb") == all);
    assert_int_equal(nr_files(p->log), 5);
    assert_runs(p, p->dest);
    take(p, "p4096_w10/full_incr");
    for (char g = 'A'; g <= 'C'; g++) {
        char path[200];
        snprintf(path, sizeof(path), "%s/edb0000000%c.log", p->set, g);
        assert_int_equal(unlink(path), 0);
    }
    OK(restore(p, p->dest));
    some = content(p->dest, "test.edb");
    assert_true(some != all);
    /* A second time: what the first one left in the directory of the logs goes on from the backup too. */
    OK(restore(p, p->dest));
    assert_true(content(p->dest, "test.edb") == some);
}

static void logs_of_the_instance_that_do_not_go_on_are_refused(void **state)
{
    struct place *p = *state;
    uint8_t head[SEGMENT];
    char from[600], to[200];

    NEED_DATA("restore of real backups");
    take(p, "p4096_w10/full_incr");
    snprintf(from, sizeof(from), "%s/engine/p4096_w10/dirty/files/edb.log", test_data());
    snprintf(to, sizeof(to), "%s/edb.log", p->log);
    copy_file(from, to);
    IS(JET_errExistingLogFileHasBadSignature, restore(p, p->dest));
    assert_int_equal(nr_files(p->dest), 0);
    take(p, "p4096_w10/full_incr");
    move_file(p, "edb0000000C.log");
    snprintf(to, sizeof(to), "%s/edb0000000B.log", p->set);
    assert_int_equal(unlink(to), 0);
    IS(JET_errMissingCurrentLogFiles, restore(p, p->dest));
    take(p, "p4096_w10/full_incr");
    move_file(p, "edb0000000C.log");
    move_file(p, "edb0000000B.log");
    read_header(p->log, "edb0000000C.log", head);
    head[24] ^= 1;
    seal(head);
    change(p->log, "edb0000000C.log", 0, head, sizeof(head));
    IS(JET_errExistingLogFileIsNotContiguous, restore(p, p->dest));
    assert_int_equal(nr_files(p->dest), 0);
}

static void damaged_logs_of_the_instance_have_names_of_their_own(void **state)
{
    struct place *p = *state;
    static uint8_t segs[2 * SEGMENT];
    char path[200];
    unsigned n = 30;
    int fd;

    NEED_DATA("restore of real backups");
    take(p, "p4096_w10/full_incr");
    move_file(p, "edb0000000C.log");
    change(p->log, "edb0000000C.log", 2 * SEGMENT + 100, "damage", 6);
    IS(JET_errLogCorruptDuringHardRecovery, restore(p, p->dest));
    change(p->log, "edb0000000C.log", 300, "damage", 6);
    IS(JET_errLogCorruptDuringHardRecovery, restore(p, p->dest));
    take(p, "p4096_w10/full_incr");
    move_file(p, "edb0000000B.log");
    move_file(p, "edb0000000C.log");
    snprintf(path, sizeof(path), "%s/edb0000000B.log", p->log);
    fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    do { /* its last segment, torn: only the shadow behind it is whole */
        assert_int_equal(pread(fd, segs + SEGMENT, SEGMENT, n * SEGMENT), SEGMENT);
    } while (segs[SEGMENT + 200] == 0 && segs[SEGMENT + 60] == 0 && --n > 0);
    memset(segs, 0x5a, SEGMENT);
    assert_int_equal(pwrite(fd, segs, sizeof(segs), n * SEGMENT), sizeof(segs));
    close(fd);
    IS(JET_errLogTornWriteDuringHardRecovery, restore(p, p->dest));
    assert_int_equal(nr_files(p->dest), 0);
}

/* ---- stopped early ------------------------------------------------------------------------------ */

static void an_instance_goes_on_in_the_stream_that_a_stop_begins(void **state)
{
    const struct ese_restore_opts opts = {.stop_gen = 0xA};
    struct place *p = *state;
    struct ese_restored ret;
    JET_INSTANCE inst;
    JET_TABLEID t;
    JET_SESID ses;
    JET_DBID dbid;
    char db[200];
    int fd;

    NEED_DATA("restore of real backups");
    take(p, "p4096_w10/full_incr");
    fd = open(p->set, O_RDONLY | O_DIRECTORY);
    empty_dir(p->log);
    OK(ese_restore(fd, p->log, &opts, on_integrity_fault, NULL, NULL, NULL, &ret));
    close(fd);
    assert_true(ret.stopped);
    assert_int_equal(ret.gen_high, 0xA);
    ese_restored_done(&ret);
    snprintf(db, sizeof(db), "%s/test.edb", p->log);
    for (int turn = 0; turn < 2; turn++) { /* the second one recovers what the first one has left */
        inst = new_instance(p);
        OK(JetInit(&inst));
        OK(JetBeginSession(inst, &ses, NULL, NULL));
        IS(JET_errSuccess, JetAttachDatabase(ses, db, 0));
        OK(JetOpenDatabase(ses, db, NULL, &dbid, 0));
        if (turn == 0)
            OK(JetCreateTable(ses, dbid, "after_the_stop", 0, 0, &t));
        else
            OK(JetOpenTable(ses, dbid, "after_the_stop", NULL, 0, 0, &t));
        OK(JetTerm2(inst, turn ? JET_bitTermComplete : JET_bitTermDirty));
    }
    (void)content(p->log, "test.edb");
}

/* ---- refusals ----------------------------------------------------------------------------------- */

static void an_instance_that_runs_is_not_restored(void **state)
{
    struct place *p = *state;
    JET_INSTANCE inst;

    NEED_DATA("restore of real backups");
    take(p, "p4096_w10/full");
    inst = new_instance(p);
    OK(JetInit(&inst));
    IS(JET_errAlreadyInitialized, JetRestoreInstance(inst, p->set, p->dest, NULL));
    IS(JET_errRunningInMultiInstanceMode, JetRestore(p->set, NULL));
    IS(JET_errRunningInMultiInstanceMode, JetRestoreInstance(0, p->set, p->dest, NULL));
    OK(JetTerm(inst));
}

static void during_a_restore_the_instance_is_closed(void **state)
{
    struct place *p = *state;

    NEED_DATA("restore of real backups");
    take(p, "p4096_w10/full");
    inside = new_instance(p);
    reset_status();
    OK(JetRestoreInstance(inside, p->set, p->dest, on_status));
    OK(JetTerm(inside));
}

static void a_callback_ends_it(void **state)
{
    struct place *p = *state;

    NEED_DATA("restore of real backups");
    take(p, "p4096_w10/full_incr");
    answer = JET_errOutOfBuffers;
    IS(JET_errOutOfBuffers, restore(p, p->dest));
    assert_int_equal(nr_progress, 1);
    assert_int_equal(nr_files(p->dest), 0);
    assert_int_equal(nr_files(p->log), 0);
}

static void wrong_parameters_are_refused(void **state)
{
    struct place *p = *state;
    JET_INSTANCE inst;
    char deep[200];
    int fd;

    NEED_DATA("restore of real backups");
    take(p, "p4096_w10/full");
    inst = new_instance(p);
    snprintf(deep, sizeof(deep), "%s/a/b", p->dest);
    IS(JET_errInvalidParameter, JetRestoreInstance(inst, NULL, p->dest, NULL));
    IS(JET_errInvalidParameter, JetRestoreInstance(inst + 77, p->set, p->dest, NULL));
    IS(JET_errInvalidPath, JetRestoreInstance(inst, "", p->dest, NULL));
    IS(JET_errInvalidPath, JetRestoreInstance(inst, "/no/such", p->dest, NULL));
    IS(JET_errInvalidPath, JetRestoreInstance(inst, p->set, deep, NULL));
    fd = open(p->log, O_RDONLY | O_DIRECTORY);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    IS(JET_errFileAccessDenied, JetRestoreInstance(inst, p->set, p->dest, NULL));
    close(fd);
    OK(JetSetSystemParameter(&inst, 0, JET_paramCreatePathIfNotExist, 1, NULL));
    OK(JetRestoreInstance(inst, p->set, deep, NULL));
    assert_int_equal(nr_files(deep), 1);
    take(p, "p32768_w10/full");
    IS(JET_errPageSizeMismatch, JetRestoreInstance(inst, p->set, p->dest, NULL));
    take(p, "p4096_w10/clean");
    IS(JET_errPatchFileMissing, JetRestoreInstance(inst, p->set, p->dest, NULL));
    OK(JetTerm(inst));
}

/* The database cannot be put in its place: everything else is done by then. */
static void a_failure_at_the_very_end_leaves_no_log(void **state)
{
    struct place *p = *state;
    char taken[200];

    NEED_DATA("restore of real backups");
    take(p, "p4096_w10/full_incr");
    snprintf(taken, sizeof(taken), "%s/test.edb", p->dest);
    assert_int_equal(mkdir(taken, 0700), 0);
    IS(JET_errInvalidPath, restore(p, p->dest));
    assert_int_equal(nr_files(p->log), 0);
    assert_int_equal(nr_files(p->dest), 1);
    assert_int_equal(rmdir(taken), 0);
    OK(restore(p, p->dest));
    assert_runs(p, p->dest);
}

struct ending { /* an instance with a backup that does not end, and its JetTerm */
    JET_INSTANCE inst;
    char dir[200];
    JET_ERR backup_err, term_err;
    pthread_t backup, term;
};
static int holding, held;

static JET_ERR hold_on(JET_SESID ses, JET_SNP snp, JET_SNT snt, void *pv)
{
    (void)ses, (void)snp, (void)snt, (void)pv;
    __atomic_store_n(&held, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&holding, __ATOMIC_SEQ_CST))
        usleep(1000);
    return JET_errSuccess;
}

static void *run_backup(void *arg)
{
    struct ending *e = arg;

    e->backup_err = JetBackupInstance(e->inst, e->dir, 0, hold_on);
    return NULL;
}

static void *run_term(void *arg)
{
    struct ending *e = arg;

    e->term_err = JetTerm2(e->inst, JET_bitTermComplete | JET_bitTermStopBackup);
    return NULL;
}

static void an_instance_that_ends_is_not_restored(void **state)
{
    struct place *p = *state;
    struct ending e = {0};
    JET_LOGINFO_A info = {sizeof(info), 1, 1, "edb"};
    JET_RSTMAP_A map = {S("test.edb"), e.dir};
    JET_ERR err, external_err;

    empty_dir(p->log);
    empty_dir(p->dest);
    snprintf(e.dir, sizeof(e.dir), "%s/b", p->dest);
    empty_dir(e.dir);
    e.inst = new_instance(p);
    OK(JetInit(&e.inst));
    held = 0;
    holding = 1;
    assert_int_equal(pthread_create(&e.backup, NULL, run_backup, &e), 0);
    while (!__atomic_load_n(&held, __ATOMIC_SEQ_CST))
        usleep(1000);
    assert_int_equal(pthread_create(&e.term, NULL, run_term, &e), 0);
    while ((err = JetRestoreInstance(e.inst, e.dir, NULL, NULL)) == JET_errAlreadyInitialized)
        usleep(1000);
    external_err =
        JetExternalRestore2(p->dest, p->dest, &map, 1, e.dir, &info, "restore", NULL, NULL, NULL);
    __atomic_store_n(&holding, 0, __ATOMIC_SEQ_CST);
    pthread_join(e.backup, NULL);
    pthread_join(e.term, NULL);
    IS(JET_errTermInProgress, err);
    IS(JET_errTermInProgress, external_err);
    OK(e.term_err);
    assert_true(e.backup_err < 0);
}

static void a_copy_whose_instance_runs_is_none(void **state)
{
    const struct ese_restore_opts opts = {0};
    const struct ese_prove_opts prove = {0};
    struct place *p = *state;
    struct ese_restored ret;
    struct ese_proof proof;
    JET_INSTANCE inst;
    JET_SESID ses;
    JET_DBID dbid;
    char db[200];
    int fd;

    empty_dir(p->log);
    snprintf(db, sizeof(db), "%s/test.edb", p->log);
    inst = new_instance(p);
    OK(JetInit(&inst));
    OK(JetBeginSession(inst, &ses, NULL, NULL));
    OK(JetCreateDatabase(ses, db, NULL, &dbid, 0));
    fd = open(p->log, O_RDONLY | O_DIRECTORY);
    assert_true(fd >= 0);
    IS(JET_errFileAccessDenied, ese_restore(fd, p->dest, &opts, NULL, NULL, NULL, NULL, &ret));
    ese_restored_done(&ret);
    IS(JET_errFileAccessDenied, ese_prove(fd, &prove, NULL, NULL, NULL, NULL, &proof));
    ese_proof_done(&proof);
    assert_int_not_equal(access(p->dest, F_OK), 0);
    OK(JetTerm2(inst, JET_bitTermComplete));
    OK(ese_restore(fd, p->dest, &opts, NULL, NULL, NULL, NULL, &ret));
    ese_restored_done(&ret);
    close(fd);
    (void)content(p->dest, "test.edb");
}

/* ---- external ----------------------------------------------------------------------------------- */

static JET_ERR external(const struct place *p, JET_RSTMAP_A *map, int32_t nr, JET_LOGINFO_A *info)
{
    return JetExternalRestore2(p->log, p->log, map, nr, p->set, info, NULL, NULL, NULL, NULL);
}

static void databases_in_place_are_recovered_there(void **state)
{
    struct place *p = *state;
    JET_LOGINFO_A info = {sizeof(info), 6, 12, "edb"};
    char from[200], db[200];
    JET_RSTMAP_A map = {S("Z:\\SRV\\ese\\p4096_w10\\fi\\test.edb"), db};
    uint64_t all;

    NEED_DATA("restore of real backups");
    take(p, "p4096_w10/full_incr");
    OK(restore(p, p->dest));
    all = content(p->dest, "test.edb");
    take(p, "p4096_w10/full_incr");
    snprintf(db, sizeof(db), "%s/other.edb", p->dest);
    snprintf(from, sizeof(from), "%s/test.edb", p->set);
    assert_int_equal(rename(from, db), 0);
    OK(external(p, &map, 1, &info));
    assert_true(content(p->dest, "other.edb") == all);
    assert_int_equal(nr_files(p->dest), 1);
    assert_int_equal(nr_files(p->log), 2);
}

static void what_the_map_does_not_name_is_passed_over(void **state)
{
    struct place *p = *state;
    char from[200], db[200];
    JET_RSTMAP_A map = {S("second.edb"), db};

    NEED_DATA("restore of real backups");
    take(p, "p4096_w10/multidb");
    snprintf(from, sizeof(from), "%s/second.edb", p->set);
    snprintf(db, sizeof(db), "%s/second.edb", p->dest);
    assert_int_equal(rename(from, db), 0);
    OK(JetExternalRestore(p->log, p->log, &map, 1, p->set, 7, 8, NULL));
    (void)content(p->dest, "second.edb");
}

static void wide_texts_do_the_same(void **state)
{
    struct place *p = *state;
    JET_WCHAR wide[3][200] = {{0}};
    JET_WCHAR name[] = {'t', 'e', 's', 't', '.', 'e', 'd', 'b', 0};
    JET_RSTMAP_W map = {name, wide[2]};
    JET_LOGINFO_W info = {sizeof(info), 8, 9, {'e', 'd', 'b', 0}};
    char from[200], db[200];

    NEED_DATA("restore of real backups");
    take(p, "p4096_w10/full");
    snprintf(from, sizeof(from), "%s/test.edb", p->set);
    snprintf(db, sizeof(db), "%s/test.edb", p->dest);
    for (unsigned i = 0; p->log[i]; i++)
        wide[0][i] = (unsigned char)p->log[i];
    for (unsigned i = 0; p->set[i]; i++)
        wide[1][i] = (unsigned char)p->set[i];
    for (unsigned i = 0; db[i]; i++)
        wide[2][i] = (unsigned char)db[i];
    copy_file(from, db);
    OK(JetExternalRestore2W(wide[0], wide[0], &map, 1, wide[1], &info, NULL, NULL, NULL, NULL));
    (void)content(p->dest, "test.edb");
    empty_dir(p->log);
    copy_file(from, db);
    OK(JetExternalRestoreW(wide[0], wide[0], &map, 1, wide[1], 8, 9, NULL));
    (void)content(p->dest, "test.edb");
    info.szBaseName[1] = 0x3b1;
    IS(JET_errInvalidParameter,
       JetExternalRestore2W(wide[0], wide[0], &map, 1, wide[1], &info, NULL, NULL, NULL, NULL));
}

static void the_target_instance_matters(void **state)
{
    struct place *p = *state;
    JET_LOGINFO_A info = {sizeof(info), 8, 9, "edb"};
    char from[200], db[200], other[200];
    JET_RSTMAP_A map = {S("test.edb"), db};
    JET_INSTANCE inst;

    NEED_DATA("restore of real backups");
    take(p, "p4096_w10/full");
    snprintf(from, sizeof(from), "%s/test.edb", p->set);
    snprintf(db, sizeof(db), "%s/test.edb", p->dest);
    snprintf(other, sizeof(other), "%s/other", p->top);
    empty_dir(other);
    copy_file(from, db);
    IS(JET_errInvalidParameter,
       JetExternalRestore2(p->log, p->log, &map, 1, p->set, &info, "restore", other, NULL, NULL));
    IS(JET_errBadRestoreTargetInstance,
       JetExternalRestore2(p->log, p->log, &map, 1, p->set, &info, "nobody", NULL, NULL, NULL));
    OK(JetExternalRestore2(p->log, p->log, &map, 1, p->set, &info, "nobody", other, other, NULL));
    assert_int_equal(nr_files(other), 2);
    assert_int_equal(nr_files(p->log), 0);
    copy_file(from, db);
    inst = new_instance(p);
    OK(JetInit(&inst));
    empty_dir(other);
    IS(JET_wrnTargetInstanceRunning,
       JetExternalRestore2(other, other, &map, 1, p->set, &info, "restore", p->log, p->log, NULL));
    OK(JetTerm(inst));
    assert_int_equal(nr_files(other), 2);
    (void)content(p->dest, "test.edb");
}

static void wrong_external_parameters_are_refused(void **state)
{
    struct place *p = *state;
    JET_LOGINFO_A info = {sizeof(info), 8, 9, "edb"}, bad = {1, 8, 9, "edb"};
    char from[200], db[200];
    JET_RSTMAP_A map = {S("test.edb"), db}, empty = {NULL, db};

    NEED_DATA("restore of real backups");
    take(p, "p4096_w10/full");
    snprintf(from, sizeof(from), "%s/test.edb", p->set);
    snprintf(db, sizeof(db), "%s/test.edb", p->dest);
    IS(JET_errFileNotFound, external(p, &map, 1, &info));
    copy_file(from, db);
    IS(JET_errInvalidParameter, external(p, NULL, 1, &info));
    IS(JET_errInvalidParameter, external(p, &map, 0, &info));
    IS(JET_errInvalidParameter, external(p, &empty, 1, &info));
    IS(JET_errInvalidParameter, external(p, &map, 1, &bad));
    IS(JET_errInvalidParameter, external(p, &map, 1, NULL));
    IS(JET_errInvalidParameter, JetExternalRestore(p->log, p->log, &map, 1, p->set, 9, 8, NULL));
    IS(JET_errInvalidParameter, JetExternalRestore(p->log, p->log, &map, 1, NULL, 8, 9, NULL));
    IS(JET_errMissingRestoreLogFiles,
       JetExternalRestore(p->log, p->log, &map, 1, p->set, 7, 9, NULL));
    IS(JET_errMissingRestoreLogFiles,
       JetExternalRestore(p->log, p->log, &map, 1, p->set, 8, 10, NULL));
    IS(JET_errRequiredLogFilesMissing,
       JetExternalRestore(p->log, p->log, &map, 1, p->set, 9, 9, NULL));
    OK(external(p, &map, 1, &info));
}

#define P(name) cmocka_unit_test_setup_teardown(name, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        P(a_backup_becomes_an_instance_that_runs),
        P(an_atomic_backup_is_found_in_its_parent),
        P(without_a_destination_databases_go_where_they_were),
        P(a_failure_leaves_what_was_there),
        P(logs_of_the_instance_that_go_on_are_replayed),
        P(logs_of_the_instance_that_do_not_go_on_are_refused),
        P(damaged_logs_of_the_instance_have_names_of_their_own),
        P(an_instance_goes_on_in_the_stream_that_a_stop_begins),
        P(an_instance_that_runs_is_not_restored),
        P(during_a_restore_the_instance_is_closed),
        P(a_callback_ends_it),
        P(wrong_parameters_are_refused),
        P(a_failure_at_the_very_end_leaves_no_log),
        P(an_instance_that_ends_is_not_restored),
        P(a_copy_whose_instance_runs_is_none),
        P(databases_in_place_are_recovered_there),
        P(what_the_map_does_not_name_is_passed_over),
        P(wide_texts_do_the_same),
        P(the_target_instance_matters),
        P(wrong_external_parameters_are_refused),
        P(the_default_instance_is_restored), /* sets parameters of the process */
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
