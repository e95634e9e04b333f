/* Instances, sessions, databases and parameters: begun, ended, set, refused. */
#include "apitest.h"

#include <stdatomic.h>

static int dir_only(void **state)
{
    struct fix *f = calloc(1, sizeof(*f));

    *state = f;
    make_dir(f);
    return 0;
}

#define BARE(name) cmocka_unit_test_setup_teardown(name, dir_only, teardown)

/* ---- parameters ------------------------------------------------------------------------------ */

static void parameters_are_given_back_as_they_were_set(void **state)
{
    static const struct {
        uint32_t id;
        JET_API_PTR value;
    } numbers[] = {
        {JET_paramMaxSessions, 100},
        {JET_paramMaxOpenTables, 500},
        {JET_paramMaxCursors, 3000},
        {JET_paramMaxVerPages, 2000},
        {JET_paramLogFileSize, 1024},
        {JET_paramLogBuffers, 512},
        {JET_paramCircularLog, 1},
        {JET_paramDbExtensionSize, 64},
        {JET_paramCheckpointDepthMax, 1 << 20},
        {JET_paramCreatePathIfNotExist, 1},
        {JET_paramEventLoggingLevel, 25},
        {JET_paramCleanupMismatchedLogFiles, 1},
        {JET_paramMaxTemporaryTables, 10},
        {JET_paramWaitLogFlush, 5},
        {JET_paramEnableIndexChecking, 0},
    };
    struct fix *f = *state;
    JET_API_PTR got;
    char text[300];
    JET_WCHAR wide[300];

    create_instance(f, "params");
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        OK(JetSetSystemParameter(&f->inst, 0, numbers[i].id, numbers[i].value, NULL));
        got = ~(JET_API_PTR)0;
        OK(JetGetSystemParameter(f->inst, 0, numbers[i].id, &got, NULL, 0));
        assert_int_equal(got, numbers[i].value);
    }
    OK(JetSetSystemParameter(&f->inst, 0, JET_paramBaseName, 0, "abc"));
    OK(JetGetSystemParameter(f->inst, 0, JET_paramBaseName, NULL, text, sizeof(text)));
    assert_string_equal(text, "abc");
    OK(JetGetSystemParameterW(f->inst, 0, JET_paramSystemPath, NULL, wide, sizeof(wide)));
    for (unsigned i = 0; f->dir[i]; i++)
        assert_int_equal(wide[i], f->dir[i]);
    OK(JetSetSystemParameterW(&f->inst, 0, JET_paramLogFilePath, 0, u"/tmp/x\\y"));
    OK(JetGetSystemParameter(f->inst, 0, JET_paramLogFilePath, NULL, text, sizeof(text)));
    assert_string_equal(text, "/tmp/x/y/");
    OK(JetGetSystemParameter(f->inst, 0, JET_paramLogFilePath, NULL, text, 5)); /* cut */
    assert_string_equal(text, "/tmp");
    OK(JetGetSystemParameter(f->inst, 0, JET_paramKeyMost, &got, NULL, 0));
    assert_int_equal(got, 1000);
    OK(JetTerm(f->inst));
}

static void values_out_of_range_are_refused(void **state)
{
    struct fix *f = *state;
    JET_API_PTR got;
    char text[8];

    create_instance(f, "range");
    IS(JET_errInvalidParameter, JetSetSystemParameter(&f->inst, 0, 99999, 1, NULL));
    IS(JET_errInvalidParameter, JetGetSystemParameter(f->inst, 0, 99999, &got, NULL, 0));
    IS(JET_errInvalidParameter, JetSetSystemParameter(&f->inst, 0, JET_paramLogFileSize, 1, NULL));
    IS(JET_errInvalidParameter, JetSetSystemParameter(&f->inst, 0, JET_paramMaxVerPages, 0, NULL));
    IS(JET_errInvalidParameter,
       JetSetSystemParameter(&f->inst, 0, JET_paramBaseName, 0, "toolong"));
    IS(JET_errInvalidParameter, JetSetSystemParameter(&f->inst, 0, JET_paramBaseName, 0, NULL));
    IS(JET_errInvalidParameter,
       JetSetSystemParameter(NULL, 0, JET_paramDatabasePageSize, 5000, NULL));
    IS(JET_errInvalidParameter,
       JetSetSystemParameter(&f->inst, 0, JET_paramRecoveryCurrentLogfile, 1, NULL));
    IS(JET_errInvalidParameter,
       JetGetSystemParameter(f->inst, 0, JET_paramBaseName, NULL, NULL, 0));
    IS(JET_errInvalidParameter,
       JetGetSystemParameter(f->inst, 0, JET_paramMaxSessions, NULL, text, 8));
    IS(JET_errInvalidSesid, JetSetSystemParameter(NULL, 12345, JET_paramMaxSessions, 1, NULL));
    OK(JetTerm(f->inst));
}

static void what_is_fixed_at_the_start_stays(void **state)
{
    struct fix *f = *state;
    JET_API_PTR got;

    IS(JET_errAlreadyInitialized,
       JetSetSystemParameter(&f->inst, 0, JET_paramLogFileSize, 512, NULL));
    IS(JET_errAlreadyInitialized,
       JetSetSystemParameter(&f->inst, 0, JET_paramSystemPath, 0, "/tmp"));
    IS(JET_errAlreadyInitialized,
       JetSetSystemParameter(NULL, 0, JET_paramDatabasePageSize, 8192, NULL));
    OK(JetSetSystemParameter(&f->inst, f->ses, JET_paramCheckpointDepthMax, 1 << 16, NULL));
    OK(JetGetSystemParameter(f->inst, f->ses, JET_paramCheckpointDepthMax, &got, NULL, 0));
    assert_int_equal(got, 1 << 16);
    IS(JET_errAlreadyInitialized, JetInit(&f->inst));
    IS(JET_errRunningInMultiInstanceMode, JetEnableMultiInstance(NULL, 0, NULL));
}

/* ---- instances ------------------------------------------------------------------------------- */

static void names_and_numbers_of_instances(void **state)
{
    struct fix *f = *state;
    JET_INSTANCE other;
    JET_INSTANCE_INFO_A *info;
    JET_INSTANCE_INFO_W *wide;
    JET_SIGNATURE sign;
    uint32_t nr;

    IS(JET_errInstanceNameInUse, JetCreateInstance(&other, f->dir));
    IS(JET_errInvalidParameter, JetCreateInstance(NULL, "x"));
    IS(JET_errInvalidGrbit, JetCreateInstance2(&other, "x", NULL, 5));
    OK(JetCreateInstance2W(&other, u"other", u"shown", 0));
    OK(JetGetInstanceInfo(&nr, &info));
    assert_int_equal(nr, 1); /* the other one does not run */
    assert_string_equal(info[0].szInstanceName, f->dir);
    assert_int_equal(info[0].cDatabases, 1);
    assert_string_equal(info[0].szDatabaseFileName[0], f->db);
    OK(JetFreeBuffer((char *)info));
    OK(JetGetInstanceInfoW(&nr, &wide));
    assert_int_equal(wide[0].szDatabaseFileName[0][0], '/');
    OK(JetFreeBuffer((char *)wide));
    OK(JetGetInstanceMiscInfo(f->inst, &sign, sizeof(sign), 0));
    IS(JET_errNotInitialized, JetGetInstanceMiscInfo(other, &sign, sizeof(sign), 0));
    IS(JET_errBufferTooSmall, JetGetInstanceMiscInfo(f->inst, &sign, 3, 0));
    IS(JET_errInvalidParameter, JetGetInstanceMiscInfo(f->inst, &sign, sizeof(sign), 5));
    IS(JET_errInvalidParameter, JetGetInstanceInfo(NULL, &info));
    OK(JetTerm(other));
    IS(JET_errInvalidParameter, JetTerm(other));
}

static void two_instances_do_not_know_each_other(void **state)
{
    struct fix *f = *state, g = {.inst = 0}, h = {.inst = 0};
    JET_TABLEID t = new_table(f, "t"), u;

    make_dir(&g);
    start(&g);
    OK(JetCreateDatabase(g.ses, g.db, NULL, &g.dbid, 0));
    u = new_table(&g, "t");
    add(f, t, "a", JET_coltypLong, 0);
    add(&g, u, "b", JET_coltypLong, 0);
    IS(JET_errInvalidTableId, JetMove(f->ses, u, JET_MoveFirst, 0));
    IS(JET_errInvalidTableId, JetMove(g.ses, t, JET_MoveFirst, 0));
    IS(JET_errDatabaseNotFound, JetOpenDatabase(g.ses, f->db, NULL, &g.dbid, 0));
    IS(JET_errDatabaseSharingViolation, JetAttachDatabase(g.ses, f->db, 0));
    IS(JET_errDatabaseSharingViolation, JetAttachDatabase(g.ses, f->db, JET_bitDbReadOnly));
    IS(JET_errDatabaseSharingViolation,
       JetCreateDatabase(g.ses, f->db, NULL, &g.dbid, JET_bitDbOverwriteExisting));
    OK(JetCloseTable(g.ses, u));
    OK(JetCloseDatabase(g.ses, g.dbid, 0));
    OK(JetDetachDatabase(g.ses, NULL)); /* to read is for several at a time */
    OK(JetAttachDatabase(g.ses, g.db, JET_bitDbReadOnly));
    make_dir(&h);
    start(&h);
    OK(JetAttachDatabase(h.ses, g.db, JET_bitDbReadOnly));
    IS(JET_errDatabaseSharingViolation, JetAttachDatabase(h.ses, f->db, 0));
    stop(&h);
    nftw(h.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    stop(&g);
    assert_sound(g.db);
    nftw(g.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void another_process_is_kept_off(void **state)
{
    struct fix *f = *state;
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        JET_INSTANCE inst;
        JET_ERR err = JetCreateInstance(&inst, "child");
        if (err >= 0)
            err = JetSetSystemParameter(&inst, 0, JET_paramSystemPath, 0, f->dir);
        if (err >= 0)
            err = JetSetSystemParameter(&inst, 0, JET_paramLogFilePath, 0, f->dir);
        if (err >= 0)
            err = JetInit(&inst);
        _exit(err == JET_errFileAccessDenied ? 42 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
}

static void an_open_transaction_holds_the_end_back(void **state)
{
    struct fix *f = *state;
    JET_TABLEID t = new_table(f, "t");

    add(f, t, "a", JET_coltypLong, 0);
    begin(f);
    OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
    OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    IS(JET_errTooManyActiveUsers, JetTerm(f->inst));
    IS(JET_errTooManyActiveUsers, JetTerm2(f->inst, JET_bitTermComplete));
    IS(JET_errInvalidGrbit, JetTerm2(f->inst, JET_bitTermComplete | JET_bitTermAbrupt));
    IS(JET_errInvalidGrbit, JetTerm2(f->inst, 0x1000));
    OK(JetMove(f->ses, t, JET_MoveFirst, 0)); /* it goes on */
    OK(JetTerm2(f->inst, JET_bitTermAbrupt)); /* rolls back */
    f->running = false;
    IS(JET_errInvalidSesid, JetBeginTransaction(f->ses));
    start(f);
    OK(JetAttachDatabase(f->ses, f->db, 0));
    OK(JetOpenDatabase(f->ses, f->db, NULL, &f->dbid, 0));
    OK(JetOpenTable(f->ses, f->dbid, "t", NULL, 0, 0, &t));
    IS(JET_errNoCurrentRecord, JetMove(f->ses, t, JET_MoveFirst, 0));
}

static void a_dirty_end_is_recovered(void **state)
{
    struct fix *f = *state;
    JET_TABLEID t = new_table(f, "t");
    JET_COLUMNID a = add(f, t, "a", JET_coltypLong, 0);
    uint32_t nr;

    INDEX(f, t, "a", 0, "+a\0");
    for (int i = 0; i < 300; i++) {
        begin(f);
        OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
        set_long(f, t, a, i);
        OK(JetUpdate(f->ses, t, NULL, 0, NULL));
        commit(f);
    }
    OK(JetCommitTransaction(f->ses, JET_bitWaitAllLevel0Commit));
    begin(f);
    OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
    set_long(f, t, a, 1000);
    OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    OK(JetTerm2(f->inst, JET_bitTermDirty));
    f->running = false;
    __atomic_store_n(&nr_faults, 0, __ATOMIC_RELAXED); /* the instance said that it is down */
    start(f);
    OK(JetAttachDatabase(f->ses, f->db, 0));
    OK(JetOpenDatabase(f->ses, f->db, NULL, &f->dbid, 0));
    OK(JetOpenTable(f->ses, f->dbid, "t", NULL, 0, 0, &t));
    OK(JetIndexRecordCount(f->ses, t, &nr, 0));
    assert_int_equal(nr, 300);
    OK(JetSetCurrentIndex(f->ses, t, "a"));
    OK(JetIndexRecordCount(f->ses, t, &nr, 0));
    assert_int_equal(nr, 300);
}

static void a_stopped_service_answers_nobody(void **state)
{
    struct fix *f = *state;

    OK(JetStopServiceInstance2(f->inst, JET_bitStopServiceQuiesceCaches));
    begin(f);
    commit(f);
    OK(JetStopServiceInstance(f->inst));
    IS(JET_errClientRequestToStopJetService, JetBeginTransaction(f->ses));
    OK(JetStopServiceInstance2(f->inst, JET_bitStopServiceResume));
    begin(f);
    commit(f);
    IS(JET_errInvalidParameter, JetStopServiceInstance2(f->inst, 0x100));
    IS(JET_errInvalidParameter, JetStopServiceInstance(12345));
}

static void the_default_instance_is_the_only_one(void **state)
{
    struct fix *f = *state;
    int status;
    pid_t pid = fork(); /* modes are a process's */

    if (pid == 0) {
        JET_INSTANCE i = 0, other;
        JET_SESID s;
        bool good = JetSetSystemParameter(NULL, 0, JET_paramSystemPath, 0, f->dir) == 0 &&
                    JetSetSystemParameter(NULL, 0, JET_paramLogFilePath, 0, f->dir) == 0 &&
                    JetBeginSession(0, &s, NULL, NULL) == JET_errNotInitialized &&
                    JetInit(NULL) == 0 && JetInit(&i) == JET_errAlreadyInitialized &&
                    JetCreateInstance(&other, "x") == JET_errRunningInOneInstanceMode &&
                    JetBeginSession(0, &s, NULL, NULL) == 0 && JetBeginTransaction(s) == 0 &&
                    JetRollback(s, 0) == 0 && JetTerm(0) == 0 &&
                    JetTerm(0) == JET_errNotInitialized;
        _exit(good ? 42 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
}

/* ---- sessions -------------------------------------------------------------------------------- */

static void sessions_have_a_limit_and_an_end(void **state)
{
    struct fix *f = *state;
    JET_SESID s[20], dup;
    uint32_t version;
    int nr = 0;

    while (nr < 20 && JetBeginSession(f->inst, &s[nr], NULL, NULL) == JET_errSuccess)
        nr++;
    assert_int_equal(nr, 15); /* and the test's own */
    IS(JET_errOutOfSessions, JetBeginSession(f->inst, &s[nr], NULL, NULL));
    IS(JET_errOutOfSessions, JetDupSession(f->ses, &dup));
    OK(JetEndSession(s[0], 0));
    OK(JetDupSession(f->ses, &dup));
    IS(JET_errInvalidSesid, JetEndSession(s[0], 0));
    IS(JET_errInvalidGrbit, JetEndSession(dup, 0x80));
    OK(JetBeginTransaction(dup));
    OK(JetEndSession(dup, 0)); /* rolls back */
    IS(JET_errInvalidParameter, JetBeginSession(f->inst, NULL, NULL, NULL));
    IS(JET_errInvalidParameter, JetBeginSession(99999, &dup, NULL, NULL));
    OK(JetBeginSessionW(f->inst, &dup, u"user", u"secret"));
    OK(JetGetVersion(f->ses, &version));
    assert_true((version & 0xffffff) >> 8 >= 9900);
    IS(JET_errInvalidParameter, JetGetVersion(f->ses, NULL));
}

struct other { /* a call on another thread */
    JET_SESID ses;
    JET_ERR err;
    bool set_context;
};

static void *call(void *arg)
{
    struct other *o = arg;

    o->err = JetBeginTransaction(o->ses);
    if (o->err >= 0)
        o->err = JetRollback(o->ses, 0);
    return NULL;
}

static JET_ERR from_other_thread(JET_SESID ses)
{
    struct other o = {.ses = ses};
    pthread_t t;

    assert_int_equal(pthread_create(&t, NULL, call, &o), 0);
    assert_int_equal(pthread_join(t, NULL), 0);
    return o.err;
}

static void a_transaction_belongs_to_its_thread(void **state)
{
    struct fix *f = *state;

    OK(from_other_thread(f->ses));
    begin(f);
    IS(JET_errSessionSharingViolation, from_other_thread(f->ses));
    rollback(f);
    OK(from_other_thread(f->ses));
    OK(JetSetSessionContext(f->ses, 77));
    IS(JET_errSessionContextAlreadySet, JetSetSessionContext(f->ses, 78));
    IS(JET_errSessionSharingViolation, from_other_thread(f->ses));
    begin(f);
    OK(JetResetSessionContext(f->ses));
    IS(JET_errSessionContextNotSetByThisThread, JetResetSessionContext(f->ses));
    /* whoever sets the context may go on with it */
    OK(from_other_thread(f->ses));
    OK(JetSetSessionContext(f->ses, 79));
    rollback(f);
    OK(JetResetSessionContext(f->ses));
}

static void session_parameters(void **state)
{
    struct fix *f = *state;
    uint32_t n = 99, len;
    JET_OPERATIONCONTEXT oc = {.ulUserID = 7, .nOperationID = 1}, got;
    JET_THREADSTATS2 ts;

    OK(JetGetSessionParameter(f->ses, JET_sesparamCommitDefault, &n, 4, &len));
    assert_int_equal(n, JET_bitCommitLazyFlush);
    n = 0;
    OK(JetSetSessionParameter(f->ses, JET_sesparamCommitDefault, &n, 4));
    OK(JetGetSessionParameter(f->ses, JET_sesparamCommitDefault, &n, 4, &len));
    assert_int_equal(n, 0);
    begin(f);
    begin(f);
    OK(JetGetSessionParameter(f->ses, JET_sesparamTransactionLevel, &n, 4, NULL));
    assert_int_equal(n, 2);
    OK(JetRollback(f->ses, JET_bitRollbackAll));
    OK(JetSetSessionParameter(f->ses, JET_sesparamOperationContext, &oc, sizeof(oc)));
    OK(JetGetSessionParameter(f->ses, JET_sesparamOperationContext, &got, sizeof(got), &len));
    assert_memory_equal(&got, &oc, sizeof(oc));
    IS(JET_errInvalidSesparamId, JetGetSessionParameter(f->ses, 1, &n, 4, NULL));
    IS(JET_errInvalidSesparamId, JetSetSessionParameter(f->ses, 1, &n, 4));
    IS(JET_errInvalidBufferSize,
       JetGetSessionParameter(f->ses, JET_sesparamCommitDefault, &n, 3, NULL));
    IS(JET_errInvalidParameter, JetSetSessionParameter(f->ses, JET_sesparamCommitDefault, NULL, 4));
    OK(JetGetThreadStats(&ts, sizeof(ts)));
    assert_int_equal(ts.cbStruct, sizeof(ts));
    assert_true(ts.cPageReferenced > 0);
    OK(JetGetThreadStats(&ts, sizeof(JET_THREADSTATS)));
    assert_int_equal(ts.cbStruct, sizeof(JET_THREADSTATS));
    IS(JET_errInvalidBufferSize, JetGetThreadStats(&ts, 4));
    IS(JET_errInvalidParameter, JetGetThreadStats(NULL, 40));
    OK(JetIdle(f->ses, JET_bitIdleFlushBuffers));
    OK(JetIdle(f->ses, JET_bitIdleCompact));
    IS(JET_wrnNoIdleActivity, JetIdle(f->ses, JET_bitIdleStatus));
    IS(JET_errInvalidGrbit, JetIdle(f->ses, 0x8000));
}

static void limits_of_cursors_and_tables(void **state)
{
    struct fix *f = *state;
    JET_TABLEID t, all[64], over;
    int nr = 0;

    create_instance(f, "limits");
    OK(JetSetSystemParameter(&f->inst, 0, JET_paramMaxCursors, 20, NULL));
    OK(JetSetSystemParameter(&f->inst, 0, JET_paramMaxOpenTables, 3, NULL));
    OK(JetSetSystemParameter(&f->inst, 0, JET_paramMaxTemporaryTables, 2, NULL));
    OK(JetInit(&f->inst));
    OK(JetBeginSession(f->inst, &f->ses, NULL, NULL));
    f->running = true;
    OK(JetCreateDatabase(f->ses, f->db, NULL, &f->dbid, 0));
    for (int i = 0; i < 4; i++) {
        char name[8] = {(char)('a' + i)};
        OK(JetCloseTable(f->ses, new_table(f, name)));
    }
    while (nr < 64 && JetOpenTable(f->ses, f->dbid, "a", NULL, 0, 0, &all[nr]) == JET_errSuccess)
        nr++;
    assert_int_equal(nr, 20);
    IS(JET_errOutOfCursors, JetOpenTable(f->ses, f->dbid, "a", NULL, 0, 0, &over));
    while (nr > 1)
        OK(JetCloseTable(f->ses, all[--nr]));
    OK(JetOpenTable(f->ses, f->dbid, "b", NULL, 0, 0, &t));
    OK(JetOpenTable(f->ses, f->dbid, "c", NULL, 0, 0, &t));
    IS(JET_errTooManyOpenTables, JetOpenTable(f->ses, f->dbid, "d", NULL, 0, 0, &over));
    OK(JetOpenTable(f->ses, f->dbid, "b", NULL, 0, 0, &t));
    for (int i = 0; i < 3; i++) {
        JET_COLUMNDEF def = {
            .cbStruct = sizeof(def), .coltyp = JET_coltypLong, .grbit = JET_bitColumnTTKey};
        JET_COLUMNID id;
        IS(i < 2 ? JET_errSuccess : JET_errTooManySorts,
           JetOpenTempTable(f->ses, &def, 1, 0, &t, &id));
    }
}

/* ---- databases ------------------------------------------------------------------------------- */

static void a_database_without_a_log_wants_an_instance_without_one(void **state)
{
    const JET_GRBIT off = JET_bitDbRecoveryOff, no_versions = JET_bitDbVersioningOff;
    struct fix *f = *state;
    JET_DBID dbid;
    char other[128];

    snprintf(other, sizeof(other), "%sother.edb", f->dir);
    IS(JET_errFeatureNotAvailable, JetCreateDatabase(f->ses, other, NULL, &dbid, off));
    IS(JET_errFeatureNotAvailable,
       JetCreateDatabase(f->ses, other, NULL, &dbid, off | no_versions));
    IS(JET_errCannotDisableVersioning, JetCreateDatabase(f->ses, other, NULL, &dbid, no_versions));
    IS(JET_errFeatureNotAvailable,
       JetCreateDatabase(f->ses, other, NULL, &dbid, JET_bitDbShadowingOff));
    assert_int_not_equal(access(other, F_OK), 0);
    restart_unlogged(f);
    IS(JET_errFeatureNotAvailable,
       JetCreateDatabase(f->ses, other, NULL, &dbid, off | no_versions));
    OK(JetCreateDatabase(f->ses, other, NULL, &dbid, off));
    OK(JetCloseDatabase(f->ses, dbid, 0));
    OK(JetDetachDatabase(f->ses, other));
    assert_sound(other);
}

static void databases_are_created_attached_and_detached(void **state)
{
    struct fix *f = *state;
    char second[100], path[140], text[200];
    JET_WCHAR wide[200];
    JET_DBID d2, d3;
    JET_TABLEID t;
    JET_DBINFOMISC4 misc;
    uint32_t n, real;
    uint64_t size;

    snprintf(second, sizeof(second), "%ssecond.edb", f->dir);
    IS(JET_errDatabaseDuplicate, JetCreateDatabase(f->ses, f->db, NULL, &d2, 0));
    OK(JetCreateDatabase2(f->ses, second, 0, &d2, 0));
    assert_int_not_equal(d2, f->dbid);
    OK(JetOpenDatabase(f->ses, second, NULL, &d3, 0));
    assert_int_equal(d2, d3);
    OK(JetCreateTable(f->ses, d2, "t", 0, 0, &t));
    IS(JET_errDatabaseInUse, JetDetachDatabase(f->ses, second));
    OK(JetCloseDatabase(f->ses, d2, 0));
    OK(JetMove(f->ses, t, 0, 0) == JET_errNoCurrentRecord ? JET_errSuccess : JET_errInternalError);
    OK(JetCloseDatabase(f->ses, d2, 0));
    IS(JET_errInvalidTableId, JetMove(f->ses, t, 0, 0)); /* cursors go with the last opening */
    IS(JET_errInvalidDatabaseId, JetCloseDatabase(f->ses, d2, 0));
    OK(JetDetachDatabase(f->ses, second));
    IS(JET_errDatabaseNotFound, JetDetachDatabase(f->ses, second));
    IS(JET_errDatabaseNotFound, JetOpenDatabase(f->ses, second, NULL, &d2, 0));
    assert_sound(second);
    OK(JetGetDatabaseFileInfo(second, &misc, sizeof(misc), JET_DbInfoMisc));
    assert_int_equal(misc.dbinfo.dbstate, JET_dbstateCleanShutdown);
    assert_int_equal(misc.dbinfo.cbPageSize, page_size);
    OK(JetGetDatabaseFileInfo(second, &n, 4, JET_DbInfoFileType));
    assert_int_equal(n, JET_filetypeDatabase);
    OK(JetGetDatabaseFileInfo(second, &size, 8, JET_DbInfoFilesize));
    assert_true(size % page_size == 0 && size > 0);
    IS(JET_errFileNotFound,
       JetGetDatabaseFileInfo("/tmp/there-is-no-such.edb", &n, 4, JET_DbInfoFileType));
    IS(JET_errInvalidBufferSize, JetGetDatabaseFileInfo(second, &n, 3, JET_DbInfoPageSize));
    OK(JetAttachDatabase2(f->ses, second, 0, JET_bitDbReadOnly));
    IS(JET_wrnDatabaseAttached, JetAttachDatabase(f->ses, second, JET_bitDbReadOnly));
    IS(JET_wrnFileOpenReadOnly, JetOpenDatabase(f->ses, second, NULL, &d2, 0));
    OK(JetOpenTable(f->ses, d2, "t", NULL, 0, 0, &t));
    IS(JET_errPermissionDenied, JetPrepareUpdate(f->ses, t, JET_prepInsert));
    IS(JET_errDatabaseFileReadOnly, JetDeleteTable(f->ses, d2, "u"));
    OK(JetCloseTable(f->ses, t));
    OK(JetCloseDatabase(f->ses, d2, 0));
    OK(JetDetachDatabase2(f->ses, second, 0));
    /* as a session that may only read */
    OK(JetOpenDatabase(f->ses, f->db, NULL, &d2, JET_bitDbReadOnly));
    OK(JetGetDatabaseInfo(f->ses, f->dbid, text, sizeof(text), JET_DbInfoFilename));
    assert_string_equal(text, f->db);
    OK(JetGetDatabaseInfoW(f->ses, f->dbid, wide, sizeof(wide), JET_DbInfoFilename));
    IS(JET_errBufferTooSmall, JetGetDatabaseInfo(f->ses, f->dbid, text, 4, JET_DbInfoFilename));
    OK(JetGetDatabaseInfo(f->ses, f->dbid, &n, 4, JET_DbInfoPageSize));
    assert_int_equal(n, page_size);
    OK(JetGetDatabaseInfo(f->ses, f->dbid, &misc, sizeof(misc), JET_DbInfoMisc));
    assert_int_equal(misc.dbinfo.dbstate, JET_dbstateDirtyShutdown);
    OK(JetGetDatabaseInfo(f->ses, f->dbid, &n, 4, JET_DbInfoFilesize));
    OK(JetGrowDatabase(f->ses, f->dbid, 100, &real));
    assert_true(real >= n - 2 + 100);
    OK(JetResizeDatabase(f->ses, f->dbid, real + 50, &n, JET_bitResizeDatabaseOnlyGrow));
    assert_true(n >= real + 50);
    IS(JET_wrnShrinkNotPossible, JetResizeDatabase(f->ses, f->dbid, 10, &n, 0));
    OK(JetSetDatabaseSize(f->ses, f->db, n + 30, &real));
    assert_true(real >= n + 30);
    IS(JET_errInvalidGrbit, JetResizeDatabase(f->ses, f->dbid, 10, &n, 3));
    begin(f);
    snprintf(path, sizeof(path), "%sdeep/er/third.edb", f->dir);
    IS(JET_errInTransaction, JetCreateDatabase(f->ses, path, NULL, &d2, 0));
    rollback(f);
    assert_true(JetCreateDatabase(f->ses, path, NULL, &d2, 0) < 0);
    OK(JetSetSystemParameter(&f->inst, 0, JET_paramCreatePathIfNotExist, 1, NULL));
    OK(JetCreateDatabase(f->ses, path, NULL, &d2, 0));
    OK(JetCloseDatabase(f->ses, d2, 0));
    OK(JetDetachDatabase(f->ses, path));
    OK(JetCreateDatabase(f->ses, path, NULL, &d2, JET_bitDbOverwriteExisting));
    OK(JetCloseDatabase(f->ses, d2, 0));
    IS(JET_errForceDetachNotAllowed, JetDetachDatabase2(f->ses, path, JET_bitForceDetach));
    IS(JET_errInvalidPath, JetCreateDatabase(f->ses, "", NULL, &d2, 0));
    IS(JET_errInvalidPath, JetAttachDatabase(f->ses, NULL, 0));
    IS(JET_errInvalidPath, JetAttachDatabase(f->ses, "/tmp/there/is/no/such.edb", 0));
    IS(JET_errFileNotFound, JetAttachDatabase(f->ses, "/tmp/there-is-no-such.edb", 0));
    IS(JET_errInvalidGrbit, JetAttachDatabase(f->ses, path, 0x80000000));
    IS(JET_errInvalidGrbit, JetOpenDatabase(f->ses, path, NULL, &d2, 0x80000000));
    OK(JetDetachDatabase(f->ses, path));
}

static void a_hundred_tables_and_back(void **state)
{
    struct fix *f = *state;
    JET_TABLEID t;
    char name[16];

    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "t%d", i);
        t = new_table(f, name);
        add(f, t, "a", JET_coltypLong, 0);
        INDEX(f, t, "a", JET_bitIndexPrimary, "+a\0");
        OK(JetCloseTable(f->ses, t));
    }
    restart(f);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "t%d", i);
        OK(JetOpenTable(f->ses, f->dbid, name, NULL, 0, 0, &t));
        OK(JetCloseTable(f->ses, t));
        if (i % 2)
            OK(JetDeleteTable(f->ses, f->dbid, name));
    }
    OK(JetIdle(f->ses, 0));
    restart(f);
    IS(JET_errObjectNotFound, JetOpenTable(f->ses, f->dbid, "t1", NULL, 0, 0, &t));
    OK(JetOpenTable(f->ses, f->dbid, "t2", NULL, 0, 0, &t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BARE(parameters_are_given_back_as_they_were_set),
        BARE(values_out_of_range_are_refused),
        BARE(the_default_instance_is_the_only_one),
        T(what_is_fixed_at_the_start_stays),
        T(names_and_numbers_of_instances),
        T(two_instances_do_not_know_each_other),
        T(another_process_is_kept_off),
        T(an_open_transaction_holds_the_end_back),
        T(a_dirty_end_is_recovered),
        T(a_stopped_service_answers_nobody),
        T(sessions_have_a_limit_and_an_end),
        T(a_transaction_belongs_to_its_thread),
        T(session_parameters),
        BARE(limits_of_cursors_and_tables),
        T(a_database_without_a_log_wants_an_instance_without_one),
        T(databases_are_created_attached_and_detached),
        T(a_hundred_tables_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
