/*
 * What a program asks of the recovery with which an instance starts: JetInit2's flags, and JET_RSTINFO (JetInit3W) with its
 * map, its stop and its status function. Each test ends an instance as a crash does, and starts it in another way.
 */
#include "apitest.h"

#include <dirent.h>

/* Of some 3 KB, each in a transaction of its own: several generations of 256 KiB. */
#define ROWS 500

static char moved[96]; /* where a test has put the database */

/* ---- events ----------------------------------------------------------------------------------- */

static unsigned nr_lost, nr_removed, nr_paused; /* 524, 527, 304 */

static void count_events(void *ctx, const char *instance, const struct ese_fault *f)
{
    nr_lost += f->event == 524;
    nr_removed += f->event == 527;
    nr_paused += f->event == 304;
    on_event(ctx, instance, f);
}

static void forget_faults(void)
{
    __atomic_store_n(&nr_faults, 0, __ATOMIC_RELAXED);
}

/* ---- rows ------------------------------------------------------------------------------------- */

static void insert(struct fix *f, JET_TABLEID t, JET_COLUMNID id, JET_COLUMNID text, int32_t n)
{
    uint8_t b[3000];

    pattern(b, sizeof(b), (unsigned)n);
    OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
    set_long(f, t, id, n);
    OK(JetSetColumn(f->ses, t, text, b, sizeof(b), 0, NULL));
    OK(JetUpdate(f->ses, t, NULL, 0, NULL));
}

/* A clean database, and then rows: none of their pages is written before the crash. The last one is not committed. */
static void work_and_crash(struct fix *f)
{
    JET_TABLEID t = new_table(f, "t");
    JET_COLUMNID id = add(f, t, "id", JET_coltypLong, 0),
                 text = add(f, t, "text", JET_coltypLongBinary, 0);

    INDEX(f, t, "id", 0, "+id\0");
    OK(JetCloseTable(f->ses, t));
    OK(JetCommitTransaction(f->ses, JET_bitForceNewLog)); /* no replay begins before the creation */
    restart(f);
    OK(JetOpenTable(f->ses, f->dbid, "t", NULL, 0, 0, &t));
    for (int32_t n = 0; n < ROWS; n++) {
        begin(f);
        insert(f, t, id, text, n);
        commit(f);
    }
    OK(JetCommitTransaction(f->ses, JET_bitWaitAllLevel0Commit));
    begin(f);
    insert(f, t, id, text, 1000);
    OK(JetTerm2(f->inst, JET_bitTermDirty));
    f->running = false;
    forget_faults(); /* the instance said that it is down */
}

/* Rows 0 .. n-1 are there, and nothing else. */
static int32_t nr_rows(struct fix *f, const char *db)
{
    JET_TABLEID t;
    JET_COLUMNDEF def;
    int32_t n = 0;
    JET_ERR err;

    OK(JetBeginSession(f->inst, &f->ses, NULL, NULL));
    f->running = true;
    OK(JetAttachDatabase(f->ses, db, 0));
    OK(JetOpenDatabase(f->ses, db, NULL, &f->dbid, 0));
    OK(JetOpenTable(f->ses, f->dbid, "t", NULL, 0, 0, &t));
    OK(JetGetTableColumnInfo(f->ses, t, "id", &def, sizeof(def), JET_ColInfo));
    for (err = JetMove(f->ses, t, JET_MoveFirst, 0); err >= 0;
         err = JetMove(f->ses, t, JET_MoveNext, 0))
        assert_int_equal(get_long(f, t, def.columnid), n++);
    IS(JET_errNoCurrentRecord, err);
    OK(JetCloseTable(f->ses, t));
    return n;
}

/* ---- starting --------------------------------------------------------------------------------- */

static JET_ERR init2(struct fix *f, JET_GRBIT grbit)
{
    create_instance(f, f->dir);
    return JetInit2(&f->inst, grbit);
}

static JET_WCHAR *wide(const char *text)
{
    static JET_WCHAR buf[4][128];
    static unsigned next;
    JET_WCHAR *w = buf[next++ % 4];
    size_t i = 0;

    do
        w[i] = (unsigned char)text[i];
    while (text[i++]);
    return w;
}

/* from, to: NULL, a map of no entries. */
static JET_ERR init3(struct fix *f, const char *from, const char *to, JET_GRBIT grbit)
{
    JET_RSTMAP_W map = {from ? wide(from) : NULL, to ? wide(to) : NULL};
    JET_RSTINFO_W info = {.cbStruct = sizeof(info), .rgrstmap = &map, .crstmap = to ? 1 : 0};

    create_instance(f, f->dir);
    return JetInit3W(&f->inst, &info, grbit);
}

static JET_ERR init_stop(struct fix *f, JET_LGPOS stop, JET_LOGTIME time, JET_GRBIT grbit)
{
    JET_RSTINFO_W info = {.cbStruct = sizeof(info), .lgposStop = stop, .logtimeStop = time};

    create_instance(f, f->dir);
    return JetInit3W(&f->inst, &info, grbit);
}

/* ---- files ------------------------------------------------------------------------------------ */

static char *path_of(const struct fix *f, const char *name)
{
    static char path[160];

    snprintf(path, sizeof(path), "%s%s", f->dir, name);
    return path;
}

static char *log_name(uint32_t gen)
{
    static char name[24];

    snprintf(name, sizeof(name), "edb%05X.log", gen);
    return name;
}

/* Archived ones; the lowest and the highest. */
static unsigned nr_logs(const struct fix *f, uint32_t *ret_low, uint32_t *ret_high)
{
    DIR *dp = opendir(f->dir);
    const struct dirent *d;
    unsigned nr = 0, gen;
    char end;

    assert_non_null(dp);
    *ret_low = UINT32_MAX;
    *ret_high = 0;
    while ((d = readdir(dp)))
        if (sscanf(d->d_name, "edb%5X.lo%c", &gen, &end) == 2 && end == 'g') {
            *ret_low = gen < *ret_low ? gen : *ret_low;
            *ret_high = gen > *ret_high ? gen : *ret_high;
            nr++;
        }
    closedir(dp);
    return nr;
}

static void hide(const struct fix *f, const char *name, bool back)
{
    char hidden[160];

    snprintf(hidden, sizeof(hidden), "%shidden-%s", f->dir, name);
    assert_int_equal(back ? rename(hidden, path_of(f, name)) : rename(path_of(f, name), hidden), 0);
}

static void delete_log(const struct fix *f, const char *name)
{
    assert_int_equal(unlink(path_of(f, name)), 0);
}

static void damage(const struct fix *f, const char *name)
{
    static const uint8_t junk[600] = {1, 2, 3};
    int fd = open(path_of(f, name), O_RDWR);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, junk, sizeof(junk), 10 * 4096 + 500), sizeof(junk));
    close(fd);
}

/* Both copies of the header: pages are not newer than generation `required`, the log went as far as `committed`. */
static void set_required(const char *db, uint32_t required, uint32_t committed)
{
    uint8_t head[4096];
    int fd = open(db, O_RDWR);

    assert_true(fd >= 0);
    for (int copy = 0; copy < 2; copy++) {
        uint32_t x = 0x89ABCDEF, w;
        assert_int_equal(pread(fd, head, sizeof(head), copy * 4096), sizeof(head));
        memcpy(head + 300, &required, 4);
        memcpy(head + 416, &committed, 4);
        memset(head + 348, 0, 8); /* times of creation */
        memset(head + 672, 0, 8);
        for (unsigned i = 4; i < sizeof(head); i += 4) {
            memcpy(&w, head + i, 4);
            x ^= w;
        }
        memcpy(head, &x, 4);
        assert_int_equal(pwrite(fd, head, sizeof(head), copy * 4096), sizeof(head));
    }
    close(fd);
}

static uint32_t header_field(const char *db, unsigned off)
{
    uint32_t v;
    int fd = open(db, O_RDONLY);

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &v, 4, off), 4);
    close(fd);
    return v;
}

#define STATE(db) header_field(db, 52) /* 2 dirty, 3 clean */

/* ---- the map ---------------------------------------------------------------------------------- */

/* The database goes to another directory, under another name. */
static void move_database(const struct fix *f)
{
    snprintf(moved, sizeof(moved), "%selse", f->dir);
    assert_int_equal(mkdir(moved, 0700), 0);
    strcat(moved, "/other.edb");
    assert_int_equal(rename(f->db, moved), 0);
}

static void check_moved(struct fix *f)
{
    assert_int_equal(nr_rows(f, moved), ROWS);
    stop(f);
    assert_int_not_equal(access(f->db, F_OK), 0);
    assert_sound(moved);
}

static void a_database_that_moved_is_missing(void **state)
{
    struct fix *f = *state;

    work_and_crash(f);
    move_database(f);
    IS(JET_errAttachedDatabaseMismatch, init2(f, 0));
    IS(JET_errAttachedDatabaseMismatch, init3(f, NULL, NULL, 0));
    IS(JET_errAttachedDatabaseMismatch, init3(f, f->db, path_of(f, "nothing.edb"), 0));
    forget_faults();
    OK(init3(f, f->db, moved, 0));
    check_moved(f);
}

static void a_name_without_its_directory_will_do(void **state)
{
    struct fix *f = *state;

    work_and_crash(f);
    move_database(f);
    OK(init3(f, "DATA.EDB", moved, 0));
    check_moved(f);
}

static void the_file_says_which_database_it_is(void **state)
{
    struct fix *f = *state;

    work_and_crash(f);
    move_database(f);
    OK(init3(f, NULL, moved, 0));
    check_moved(f);
}

static void what_is_not_in_the_map_is_passed_over(void **state)
{
    struct fix *f = *state;
    char another[96];

    work_and_crash(f);
    snprintf(another, sizeof(another), "%sanother.edb", f->dir);
    OK(init3(f, "C:\\srv\\another.edb", another, JET_bitReplayMissingMapEntryDB));
    assert_int_equal(nr_rows(f, f->db), ROWS);
    OK(JetTerm2(f->inst, JET_bitTermDirty));
    f->running = false;
    forget_faults();
    OK(init3(f, "C:\\srv\\another.edb", another, 0));
    OK(JetBeginSession(f->inst, &f->ses, NULL, NULL));
    f->running = true;
    IS(JET_errDatabaseDirtyShutdown, JetAttachDatabase(f->ses, f->db, 0));
    stop(f);
    assert_int_equal(unlink(f->db), 0);
}

static void a_map_must_be_one(void **state)
{
    struct fix *f = *state;
    JET_RSTMAP_W map = {W(u"a.edb"), W(u"b.edb")}, nameless = {W(u"a.edb"), NULL},
                 empty = {W(u"a.edb"), W(u"")};
    JET_RSTINFO_W info = {.cbStruct = sizeof(info)};

    create_instance(f, f->dir);
    info.cbStruct--;
    IS(JET_errInvalidParameter, JetInit3W(&f->inst, &info, 0));
    info.cbStruct++;
    info.crstmap = 1;
    IS(JET_errInvalidParameter, JetInit3W(&f->inst, &info, 0));
    info.rgrstmap = &map;
    info.crstmap = -1;
    IS(JET_errInvalidParameter, JetInit3W(&f->inst, &info, 0));
    info.crstmap = 15;
    IS(JET_errInvalidParameter, JetInit3W(&f->inst, &info, 0));
    info.crstmap = 1;
    info.rgrstmap = &nameless;
    IS(JET_errDatabaseInvalidName, JetInit3W(&f->inst, &info, 0));
    info.rgrstmap = &empty;
    IS(JET_errDatabaseInvalidName, JetInit3W(&f->inst, &info, 0));
    info.crstmap = 0;
    info.lgposStop = (JET_LGPOS){.isec = 3};
    IS(JET_errInvalidParameter, JetInit3W(&f->inst, &info, 0));
    info.lgposStop = (JET_LGPOS){.lGeneration = -1};
    IS(JET_errInvalidParameter, JetInit3W(&f->inst, &info, 0));
    info.lgposStop = (JET_LGPOS){0};
    OK(JetInit3W(&f->inst, &info, 0)); /* the instance is still there: it was not even tried */
    OK(JetTerm(f->inst));
}

/* ---- the stop --------------------------------------------------------------------------------- */

static const JET_LOGTIME no_time;

static void recovery_stops_after_a_generation_and_goes_on(void **state)
{
    struct fix *f = *state;
    uint32_t low, high, mid;

    work_and_crash(f);
    nr_logs(f, &low, &high);
    assert_true(high > low + 2);
    mid = (low + high) / 2;
    damage(f, log_name(mid + 1));
    nr_paused = 0;
    IS(JET_errRecoveredWithoutUndo,
       init_stop(f, (JET_LGPOS){.lGeneration = (int32_t)mid}, no_time, 0));
    assert_int_equal(nr_paused, 1);
    assert_int_equal(STATE(f->db), 2);
    assert_int_equal(header_field(f->db, 416), high + 1); /* it wants them all, still */
    assert_int_equal(__atomic_load_n(&nr_faults, __ATOMIC_RELAXED), 0);
    IS(JET_errLogFileCorrupt,
       init_stop(f, (JET_LGPOS){.lGeneration = (int32_t)mid + 1}, no_time, 0));
    forget_faults();
}

static void recovery_stops_at_a_position(void **state)
{
    struct fix *f = *state;
    uint32_t low, high;

    work_and_crash(f);
    nr_logs(f, &low, &high);
    for (uint16_t isec = 1; isec < 60; isec = (uint16_t)(isec + 7)) /* each time a little more */
        IS(JET_errRecoveredWithoutUndo,
           init_stop(f, (JET_LGPOS){.lGeneration = (int32_t)high, .isec = isec, .ib = 100}, no_time,
                     0));
    IS(JET_errRecoveredWithoutUndo, /* behind the end */
       init_stop(f, (JET_LGPOS){.lGeneration = (int32_t)high + 100}, no_time, 0));
    OK(init2(f, 0));
    assert_int_equal(nr_rows(f, f->db), ROWS);
}

static void a_time_stops_it_too(void **state)
{
    const JET_LOGTIME long_ago = {.bDays = 1, .bMonth = 1, .bYear = 100};
    struct fix *f = *state;
    uint8_t before[65536], after[65536];
    int fd;

    work_and_crash(f);
    fd = open(f->db, O_RDONLY);
    assert_int_equal(pread(fd, before, sizeof(before), 8192), sizeof(before));
    IS(JET_errRecoveredWithoutUndo, init_stop(f, (JET_LGPOS){0}, long_ago, 0));
    assert_int_equal(pread(fd, after, sizeof(after), 8192), sizeof(after));
    assert_memory_equal(before, after, sizeof(before)); /* not a record was replayed */
    close(fd);
    OK(init2(f, 0));
    assert_int_equal(nr_rows(f, f->db), ROWS);
}

static void logs_that_come_later_are_replayed_later(void **state)
{
    struct fix *f = *state;
    uint32_t low, high;

    work_and_crash(f);
    nr_logs(f, &low, &high);
    for (uint32_t gen = low + 2; gen <= high; gen++)
        hide(f, log_name(gen), false);
    hide(f, "edb.log", false);
    (void)unlink(path_of(f, "edbtmp.log"));
    set_required(f->db, low + 1, high + 1);
    IS(JET_errMissingLogFile, init2(f, 0));
    forget_faults();
    for (uint32_t gen = low + 2; gen <= high; gen++) {
        IS(JET_errRecoveredWithoutUndo, init2(f, JET_bitRecoveryWithoutUndo));
        assert_int_equal(header_field(f->db, 300), gen - 1);
        hide(f, log_name(gen), true);
    }
    hide(f, "edb.log", true);
    IS(JET_errRecoveredWithoutUndo, init2(f, JET_bitRecoveryWithoutUndo));
    OK(init2(f, 0));
    assert_int_equal(nr_rows(f, f->db), ROWS);
}

static void without_undo_there_is_nothing_to_start(void **state)
{
    struct fix *f = *state;
    uint32_t low, high;

    IS(JET_errRecoveredWithoutUndoDatabasesConsistent, init2(f, JET_bitRecoveryWithoutUndo));
    assert_int_equal(nr_logs(f, &low, &high), 0);
    assert_int_not_equal(access(path_of(f, "edb.log"), F_OK), 0);
    OK(init2(f, 0));
    OK(JetTerm(f->inst));
    IS(JET_errRecoveredWithoutUndoDatabasesConsistent, init2(f, JET_bitRecoveryWithoutUndo));
    IS(JET_errRecoveredWithoutUndoDatabasesConsistent,
       init_stop(f, (JET_LGPOS){.lGeneration = 1}, no_time, 0));
    assert_int_equal(unlink(path_of(f, "edb.chk")), 0); /* all of it again: and all was closed */
    IS(JET_errRecoveredWithoutUndoDatabasesConsistent, init2(f, JET_bitRecoveryWithoutUndo));
}

/* ---- the status function ---------------------------------------------------------------------- */

static unsigned nr_begin, nr_progress, nr_complete, nr_fail;
static uint32_t percent;
static JET_ERR answer;
static JET_SNT answer_to;
static JET_INSTANCE inside; /* its start is under way */

static JET_ERR on_status(JET_SESID ses, JET_SNP snp, JET_SNT snt, void *pv)
{
    const JET_SNPROG *s = pv;

    assert_int_equal(snp, JET_snpRestore);
    assert_int_equal(s->cbStruct, sizeof(*s));
    assert_int_equal(s->cunitTotal, 100);
    assert_true(s->cunitDone >= percent && s->cunitDone <= 100);
    (void)ses;
    percent = s->cunitDone;
    nr_begin += snt == JET_sntBegin;
    nr_progress += snt == JET_sntProgress;
    nr_complete += snt == JET_sntComplete;
    nr_fail += snt == JET_sntFail;
    if (snt == JET_sntProgress) {
        IS(JET_errBackupNotAllowedYet, JetBackupInstance(inside, "/", 0, NULL));
        IS(JET_errInitInProgress, JetInit(&inside));
        IS(JET_errInitInProgress, JetTerm(inside));
        IS(JET_errAlreadyInitialized, JetRestoreInstance(inside, "/", NULL, NULL));
    }
    return snt == answer_to ? answer : JET_errSuccess;
}

static JET_ERR init_status(struct fix *f, JET_ERR err, JET_SNT to)
{
    JET_RSTINFO_W info = {.cbStruct = sizeof(info), .pfnStatus = on_status};

    nr_begin = nr_progress = nr_complete = nr_fail = percent = 0;
    answer = err;
    answer_to = to;
    create_instance(f, f->dir);
    inside = f->inst;
    return JetInit3W(&f->inst, &info, 0);
}

static void the_program_is_told_how_it_gets_on(void **state)
{
    struct fix *f = *state;

    work_and_crash(f);
    IS(JET_errOutOfMemory, init_status(f, JET_errOutOfMemory, JET_sntBegin));
    assert_int_equal(nr_begin, 1);
    assert_int_equal(nr_progress, 0);
    assert_int_equal(nr_fail, 1);
    IS(JET_errDiskFull, init_status(f, JET_errDiskFull, JET_sntProgress));
    assert_int_equal(nr_progress, 1);
    assert_int_equal(nr_fail, 1);
    assert_int_equal(nr_complete, 0);
    OK(init_status(f, 0, 0));
    assert_int_equal(nr_begin, 1);
    assert_true(nr_progress > 20 && nr_progress <= 100);
    assert_int_equal(nr_complete, 1);
    assert_int_equal(nr_fail, 0);
    assert_int_equal(percent, 100);
    assert_int_equal(nr_rows(f, f->db), ROWS);
    stop(f);
    OK(init_status(f, 0, 0)); /* nothing to recover, nothing to tell */
    assert_int_equal(nr_begin + nr_complete, 0);
    OK(JetTerm(f->inst));
}

/* ---- lost logs -------------------------------------------------------------------------------- */

/* Pages of the crashed database are as they were in its first generation; it knows of all. */
static void lose(struct fix *f, uint32_t *ret_low, uint32_t *ret_high)
{
    work_and_crash(f);
    nr_logs(f, ret_low, ret_high);
    assert_true(*ret_high > *ret_low + 3);
    set_required(f->db, *ret_low + 1, *ret_high + 1);
    nr_lost = nr_removed = 0;
}

/* Some rows are gone, those before are there; and it goes on from here. */
static void check_rest(struct fix *f)
{
    const int32_t n = nr_rows(f, f->db);

    assert_in_range(n, 20, ROWS - 20);
    restart(f);
    stop(f);
    assert_sound(f->db);
    OK(init2(f, 0));
    assert_int_equal(nr_rows(f, f->db), n);
}

static void logs_lost_at_the_end_are_missed(void **state)
{
    struct fix *f = *state;
    uint32_t low, high;

    lose(f, &low, &high);
    delete_log(f, "edb.log");
    delete_log(f, log_name(high));
    if (access(path_of(f, "edbtmp.log"), F_OK) != 0) /* as if the next one was being made */
        close(open(path_of(f, "edbtmp.log"), O_CREAT | O_WRONLY, 0600));
    IS(JET_errCommittedLogFilesMissing, init2(f, 0));
    forget_faults();
    assert_int_equal(unlink(path_of(f, "edbtmp.log")), 0);
    IS(JET_errMissingLogFile, init2(f, 0));
    IS(JET_errCommittedLogFilesMissing, init2(f, JET_bitAllowMissingCurrentLog));
    forget_faults();
    IS(JET_wrnCommittedLogFilesLost, init2(f, JET_bitReplayIgnoreLostLogs));
    assert_int_equal(nr_lost, 1);
    assert_int_equal(nr_removed, 0);
    check_rest(f);
}

static void the_event_of_it_can_be_spared(void **state)
{
    struct fix *f = *state;
    uint32_t low, high;

    lose(f, &low, &high);
    delete_log(f, "edb.log");
    IS(JET_wrnCommittedLogFilesLost,
       init2(f, JET_bitReplayIgnoreLostLogs | JET_bitSkipLostLogsEvent));
    assert_int_equal(nr_lost, 0);
    check_rest(f);
}

static void logs_behind_a_gap_are_removed(void **state)
{
    struct fix *f = *state;
    uint32_t low, high, mid, now;

    lose(f, &low, &high);
    mid = (low + high) / 2 + 1;
    delete_log(f, log_name(mid));
    IS(JET_errInvalidLogSequence, init2(f, 0));
    forget_faults();
    IS(JET_wrnCommittedLogFilesRemoved, init2(f, JET_bitReplayIgnoreLostLogs));
    assert_int_equal(nr_removed, high - mid + 1); /* and edb.log */
    nr_logs(f, &low, &now);
    assert_true(now <= mid);
    check_rest(f);
}

static void logs_from_a_damaged_one_on_are_removed(void **state)
{
    struct fix *f = *state;
    uint32_t low, high;

    lose(f, &low, &high);
    damage(f, log_name(high - 1));
    IS(JET_errLogFileCorrupt, init2(f, 0));
    forget_faults();
    IS(JET_wrnCommittedLogFilesRemoved, init2(f, JET_bitReplayIgnoreLostLogs));
    assert_int_equal(nr_removed, 3);
    check_rest(f);
}

static void logs_that_are_required_are_never_given_up(void **state)
{
    struct fix *f = *state;
    uint32_t low, high;
    struct stat st;

    lose(f, &low, &high);
    set_required(f->db, high - 1, high + 1);
    hide(f, log_name(high - 1), false);
    IS(JET_errInvalidLogSequence, init2(f, JET_bitReplayIgnoreLostLogs));
    hide(f, log_name(high), false);
    hide(f, "edb.log", false);
    IS(JET_errRequiredLogFilesMissing, init2(f, JET_bitReplayIgnoreLostLogs));
    move_database(f); /* where only the log finds it */
    IS(JET_errRequiredLogFilesMissing, init3(f, f->db, moved, JET_bitReplayIgnoreLostLogs));
    forget_faults();
    hide(f, log_name(high - 1), true);
    hide(f, log_name(high), true);
    hide(f, "edb.log", true);
    assert_int_equal(stat(path_of(f, log_name(high)), &st), 0); /* nothing was removed */
    OK(init3(f, f->db, moved, JET_bitReplayIgnoreLostLogs));
    check_moved(f);
}

static void the_current_log_may_be_missing(void **state)
{
    struct fix *f = *state;
    uint32_t low, high;

    work_and_crash(f);
    nr_logs(f, &low, &high);
    set_required(f->db, low, high);
    delete_log(f, "edb.log");
    (void)unlink(path_of(f, "edbtmp.log"));
    IS(JET_errMissingLogFile, init2(f, 0));
    forget_faults();
    OK(init2(f, JET_bitAllowMissingCurrentLog));
    check_rest(f);
}

/* ---- the other flags -------------------------------------------------------------------------- */

static void logs_are_truncated_after_a_recovery(void **state)
{
    struct fix *f = *state;
    uint32_t low, high, was;

    work_and_crash(f);
    was = nr_logs(f, &low, &high);
    OK(init2(f, 0));
    assert_true(nr_logs(f, &low, &high) >= was);
    assert_int_equal(nr_rows(f, f->db), ROWS);
    OK(JetTerm2(f->inst, JET_bitTermDirty));
    f->running = false;
    forget_faults();
    OK(init2(f, JET_bitTruncateLogsAfterRecovery));
    assert_int_equal(nr_logs(f, &low, &high), 0);
    assert_int_equal(nr_rows(f, f->db), ROWS);
}

static void flags_that_are_none(void **state)
{
    struct fix *f = *state;

    create_instance(f, f->dir);
    IS(JET_errInvalidGrbit, JetInit2(&f->inst, JET_bitReplayReplicatedLogFiles));
    IS(JET_errInvalidGrbit, JetInit2(&f->inst, 0x2));
    IS(JET_errInvalidGrbit, JetInit3W(&f->inst, NULL, 0x8000));
    IS(JET_errFeatureNotAvailable, JetInit2(&f->inst, JET_bitExternalRecoveryControl));
    IS(JET_errFeatureNotAvailable, JetInit2(&f->inst, JET_bitAllowSoftRecoveryOnBackup));
    IS(JET_errFeatureNotAvailable, JetInit2(&f->inst, JET_bitReplayInferCheckpointFromRstmapDbs));
    IS(JET_errMissingLogFile, JetInit2(&f->inst, JET_bitLogStreamMustExist));
    create_instance(f, f->dir);
    OK(JetInit2(&f->inst, JET_bitKeepDbAttachedAtEndOfRecovery |
                              JET_bitReplayIgnoreLogRecordsBeforeMinRequiredLog));
    OK(JetTerm(f->inst));
    OK(init2(f, JET_bitLogStreamMustExist));
    OK(JetTerm(f->inst));
}

static int setup_counting(void **state)
{
    int ret = setup(state);

    ese_set_event_sink(count_events, NULL);
    return ret;
}

/* Without an instance, and no database. */
static int setup_bare(void **state)
{
    struct fix *f = calloc(1, sizeof(*f));

    *state = f;
    make_dir(f);
    return 0;
}

#define C(name)    cmocka_unit_test_setup_teardown(name, setup_counting, teardown)
#define BARE(name) cmocka_unit_test_setup_teardown(name, setup_bare, teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        C(a_database_that_moved_is_missing),
        C(a_name_without_its_directory_will_do),
        C(the_file_says_which_database_it_is),
        C(what_is_not_in_the_map_is_passed_over),
        BARE(a_map_must_be_one),
        C(recovery_stops_after_a_generation_and_goes_on),
        C(recovery_stops_at_a_position),
        C(a_time_stops_it_too),
        C(logs_that_come_later_are_replayed_later),
        BARE(without_undo_there_is_nothing_to_start),
        C(the_program_is_told_how_it_gets_on),
        C(logs_lost_at_the_end_are_missed),
        C(the_event_of_it_can_be_spared),
        C(logs_behind_a_gap_are_removed),
        C(logs_from_a_damaged_one_on_are_removed),
        C(logs_that_are_required_are_never_given_up),
        C(the_current_log_may_be_missing),
        C(logs_are_truncated_after_a_recovery),
        BARE(flags_that_are_none),
    };

    choose_format(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
