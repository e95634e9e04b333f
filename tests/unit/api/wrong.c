/* Every function with what is no handle, with no pointer, with flags that do not exist: an error
 * that says so, and nothing breaks. */
#include "apitest.h"

static JET_COLUMNID col; /* of the tests' table */

/* Whatever a call writes to. */
static union {
    JET_TABLEID tableid;
    JET_SESID sesid;
    JET_DBID dbid;
    uint32_t n;
    int32_t i;
    uint64_t u;
    JET_RECSIZE size;
    JET_RECSIZE2 size2;
    JET_RECPOS pos;
    JET_COLUMNDEF def;
    JET_COLUMNLIST list;
    JET_OBJECTINFO info;
    JET_INDEXID id;
    JET_LS ls;
    uint8_t b[4096];
} out;

static void *no_realloc(void *ctx, void *p, uint32_t cb)
{
    (void)ctx, (void)p, (void)cb;
    return NULL;
}

/* ---- calls ----------------------------------------------------------------------------------- */

struct arg {
    JET_SESID s;
    JET_TABLEID t;
    JET_DBID d;
};

static uint8_t key[4] = {0, 0, 0, 1};
static const void *keys[1] = {key};
static const uint32_t key_lens[1] = {4};
static JET_COLUMNDEF def = {
    .cbStruct = sizeof(def), .coltyp = JET_coltypLong, .grbit = JET_bitColumnTTKey};
static JET_SETCOLUMN set;
static JET_RETRIEVECOLUMN get;

/* name, call with the arguments in `a`: everything else is as it should be */
#define SESSION_CALLS(X)                                                              \
    X(JetDupSession, (a->s, &out.sesid))                                              \
    X(JetEndSession, (a->s, 0))                                                       \
    X(JetSetSessionContext, (a->s, 1))                                                \
    X(JetResetSessionContext, (a->s))                                                 \
    X(JetGetSessionParameter, (a->s, JET_sesparamTransactionLevel, out.b, 4, &out.n)) \
    X(JetSetSessionParameter, (a->s, JET_sesparamCommitDefault, key, 4))              \
    X(JetGetVersion, (a->s, &out.n))                                                  \
    X(JetBeginTransaction, (a->s))                                                    \
    X(JetBeginTransaction2, (a->s, 0))                                                \
    X(JetBeginTransaction3, (a->s, 1, 0))                                             \
    X(JetCommitTransaction, (a->s, 0))                                                \
    X(JetCommitTransaction2, (a->s, 0, 0, NULL))                                      \
    X(JetRollback, (a->s, 0))                                                         \
    X(JetIdle, (a->s, 0))                                                             \
    X(JetCreateDatabase, (a->s, "/tmp/never.edb", NULL, &out.dbid, 0))                \
    X(JetCreateDatabaseW, (a->s, u"/tmp/never.edb", NULL, &out.dbid, 0))              \
    X(JetCreateDatabase2, (a->s, "/tmp/never.edb", 0, &out.dbid, 0))                  \
    X(JetCreateDatabase2W, (a->s, u"/tmp/never.edb", 0, &out.dbid, 0))                \
    X(JetAttachDatabase, (a->s, "/tmp/never.edb", 0))                                 \
    X(JetAttachDatabaseW, (a->s, u"/tmp/never.edb", 0))                               \
    X(JetAttachDatabase2, (a->s, "/tmp/never.edb", 0, 0))                             \
    X(JetAttachDatabase2W, (a->s, u"/tmp/never.edb", 0, 0))                           \
    X(JetDetachDatabase, (a->s, "/tmp/never.edb"))                                    \
    X(JetDetachDatabaseW, (a->s, u"/tmp/never.edb"))                                  \
    X(JetDetachDatabase2, (a->s, "/tmp/never.edb", 0))                                \
    X(JetDetachDatabase2W, (a->s, u"/tmp/never.edb", 0))                              \
    X(JetOpenDatabase, (a->s, "/tmp/never.edb", NULL, &out.dbid, 0))                  \
    X(JetOpenDatabaseW, (a->s, u"/tmp/never.edb", NULL, &out.dbid, 0))                \
    X(JetSetDatabaseSize, (a->s, "/tmp/never.edb", 1, &out.n))                        \
    X(JetSetDatabaseSizeW, (a->s, u"/tmp/never.edb", 1, &out.n))                      \
    X(JetOpenTempTable, (a->s, &def, 1, 0, &out.tableid, &col2))                      \
    X(JetOpenTempTable2, (a->s, &def, 1, 0, 0, &out.tableid, &col2))                  \
    X(JetOpenTempTable3, (a->s, &def, 1, NULL, 0, &out.tableid, &col2))               \
    X(JetOpenTemporaryTable, (a->s, &ott))                                            \
    X(JetOpenTemporaryTable2, (a->s, &ott2))

#define DATABASE_CALLS(X)                                                            \
    X(JetCloseDatabase, (a->s, a->d, 0))                                             \
    X(JetGetDatabaseInfo, (a->s, a->d, out.b, 4, JET_DbInfoPageSize))                \
    X(JetGetDatabaseInfoW, (a->s, a->d, out.b, 4, JET_DbInfoPageSize))               \
    X(JetGrowDatabase, (a->s, a->d, 1, &out.n))                                      \
    X(JetResizeDatabase, (a->s, a->d, 1, &out.n, 0))                                 \
    X(JetCreateTable, (a->s, a->d, "never", 0, 0, &out.tableid))                     \
    X(JetCreateTableColumnIndex, (a->s, a->d, &tc1))                                 \
    X(JetCreateTableColumnIndex2, (a->s, a->d, &tc2))                                \
    X(JetCreateTableColumnIndex2W, (a->s, a->d, &tc2w))                              \
    X(JetCreateTableColumnIndex3W, (a->s, a->d, &tc3w))                              \
    X(JetCreateTableColumnIndex4W, (a->s, a->d, &tc4w))                              \
    X(JetDeleteTable, (a->s, a->d, "never"))                                         \
    X(JetDeleteTableW, (a->s, a->d, u"never"))                                       \
    X(JetRenameTable, (a->s, a->d, "never", "ever"))                                 \
    X(JetRenameTableW, (a->s, a->d, u"never", u"ever"))                              \
    X(JetOpenTable, (a->s, a->d, "t", NULL, 0, 0, &out.tableid))                     \
    X(JetOpenTableW, (a->s, a->d, u"t", NULL, 0, 0, &out.tableid))                   \
    X(JetSetColumnDefaultValue, (a->s, a->d, "t", "a", key, 4, 0))                   \
    X(JetGetColumnInfo, (a->s, a->d, "t", "a", out.b, sizeof(out), JET_ColInfo))     \
    X(JetGetColumnInfoW, (a->s, a->d, u"t", u"a", out.b, sizeof(out), JET_ColInfo))  \
    X(JetGetIndexInfo, (a->s, a->d, "t", NULL, out.b, 4, JET_IdxInfoCount))          \
    X(JetGetIndexInfoW, (a->s, a->d, u"t", NULL, out.b, 4, JET_IdxInfoCount))        \
    X(JetGetObjectInfo, (a->s, a->d, 1, NULL, "t", out.b, sizeof(out), JET_ObjInfo)) \
    X(JetGetObjectInfoW, (a->s, a->d, 1, NULL, u"t", out.b, sizeof(out), JET_ObjInfo))

#define CURSOR_CALLS(X)                                                                      \
    X(JetCloseTable, (a->s, a->t))                                                           \
    X(JetDupCursor, (a->s, a->t, &out.tableid, 0))                                           \
    X(JetAddColumn, (a->s, a->t, "never", &def, NULL, 0, NULL))                              \
    X(JetAddColumnW, (a->s, a->t, u"never", &def, NULL, 0, NULL))                            \
    X(JetDeleteColumn, (a->s, a->t, "a"))                                                    \
    X(JetDeleteColumn2, (a->s, a->t, "a", 0))                                                \
    X(JetDeleteColumn2W, (a->s, a->t, u"a", 0))                                              \
    X(JetRenameColumn, (a->s, a->t, "a", "b", 0))                                            \
    X(JetRenameColumnW, (a->s, a->t, u"a", u"b", 0))                                         \
    X(JetGetTableColumnInfo, (a->s, a->t, "a", out.b, sizeof(out), JET_ColInfo))             \
    X(JetGetTableColumnInfoW, (a->s, a->t, u"a", out.b, sizeof(out), JET_ColInfo))           \
    X(JetCreateIndex, (a->s, a->t, "never", 0, "+a\0", 4, 80))                               \
    X(JetCreateIndex2, (a->s, a->t, NULL, 0))                                                \
    X(JetCreateIndex2W, (a->s, a->t, NULL, 0))                                               \
    X(JetCreateIndex3W, (a->s, a->t, NULL, 0))                                               \
    X(JetCreateIndex4W, (a->s, a->t, NULL, 0))                                               \
    X(JetDeleteIndex, (a->s, a->t, "never"))                                                 \
    X(JetDeleteIndexW, (a->s, a->t, u"never"))                                               \
    X(JetGetTableIndexInfo, (a->s, a->t, NULL, out.b, 4, JET_IdxInfoCount))                  \
    X(JetGetTableIndexInfoW, (a->s, a->t, NULL, out.b, 4, JET_IdxInfoCount))                 \
    X(JetGetTableInfo, (a->s, a->t, out.b, sizeof(out), JET_TblInfo))                        \
    X(JetGetTableInfoW, (a->s, a->t, out.b, sizeof(out), JET_TblInfo))                       \
    X(JetSetCurrentIndex, (a->s, a->t, "a"))                                                 \
    X(JetSetCurrentIndexW, (a->s, a->t, u"a"))                                               \
    X(JetSetCurrentIndex2, (a->s, a->t, "a", 0))                                             \
    X(JetSetCurrentIndex2W, (a->s, a->t, u"a", 0))                                           \
    X(JetSetCurrentIndex3, (a->s, a->t, "a", 0, 1))                                          \
    X(JetSetCurrentIndex3W, (a->s, a->t, u"a", 0, 1))                                        \
    X(JetSetCurrentIndex4, (a->s, a->t, "a", &out.id, 0, 1))                                 \
    X(JetSetCurrentIndex4W, (a->s, a->t, u"a", NULL, 0, 1))                                  \
    X(JetGetCurrentIndex, (a->s, a->t, (char *)out.b, 100))                                  \
    X(JetGetCurrentIndexW, (a->s, a->t, (JET_WCHAR *)out.b, 100))                            \
    X(JetPrepareUpdate, (a->s, a->t, JET_prepInsert))                                        \
    X(JetUpdate, (a->s, a->t, NULL, 0, NULL))                                                \
    X(JetUpdate2, (a->s, a->t, NULL, 0, NULL, 0))                                            \
    X(JetDelete, (a->s, a->t))                                                               \
    X(JetSetColumn, (a->s, a->t, col, key, 4, 0, NULL))                                      \
    X(JetSetColumns, (a->s, a->t, &set, 1))                                                  \
    X(JetRetrieveColumn, (a->s, a->t, col, out.b, 4, &out.n, 0, NULL))                       \
    X(JetRetrieveColumns, (a->s, a->t, &get, 1))                                             \
    X(JetEnumerateColumns, (a->s, a->t, 0, NULL, &out.n, &columns, no_realloc, NULL, 10, 0)) \
    X(JetEscrowUpdate, (a->s, a->t, col, key, 4, NULL, 0, NULL, 0))                          \
    X(JetGetLock, (a->s, a->t, JET_bitReadLock))                                             \
    X(JetGetRecordSize, (a->s, a->t, &out.size, 0))                                          \
    X(JetGetRecordSize2, (a->s, a->t, &out.size2, 0))                                        \
    X(JetMakeKey, (a->s, a->t, key, 4, JET_bitNewKey))                                       \
    X(JetSeek, (a->s, a->t, JET_bitSeekEQ))                                                  \
    X(JetMove, (a->s, a->t, JET_MoveFirst, 0))                                               \
    X(JetSetIndexRange, (a->s, a->t, 0))                                                     \
    X(JetRetrieveKey, (a->s, a->t, out.b, 100, &out.n, 0))                                   \
    X(JetGetBookmark, (a->s, a->t, out.b, 100, &out.n))                                      \
    X(JetGotoBookmark, (a->s, a->t, key, 4))                                                 \
    X(JetGetSecondaryIndexBookmark, (a->s, a->t, out.b, 100, NULL, out.b, 100, NULL, 0))     \
    X(JetGotoSecondaryIndexBookmark, (a->s, a->t, key, 4, key, 4, 0))                        \
    X(JetIndexRecordCount, (a->s, a->t, &out.n, 0))                                          \
    X(JetIndexRecordCount2, (a->s, a->t, &out.u, 0))                                         \
    X(JetGetRecordPosition, (a->s, a->t, &out.pos, sizeof(out.pos)))                         \
    X(JetGotoPosition, (a->s, a->t, &pos))                                                   \
    X(JetGetCursorInfo, (a->s, a->t, NULL, 0, 0))                                            \
    X(JetPrereadKeys, (a->s, a->t, keys, key_lens, 1, &out.i, JET_bitPrereadForward))        \
    X(JetSetLS, (a->s, a->t, 1, 0))                                                          \
    X(JetGetLS, (a->s, a->t, &out.ls, 0))

static JET_COLUMNID col2;
static JET_OPENTEMPORARYTABLE ott = {
    .cbStruct = sizeof(ott), .prgcolumndef = &def, .ccolumn = 1, .prgcolumnid = &col2};
static JET_OPENTEMPORARYTABLE2 ott2 = {
    .cbStruct = sizeof(ott2), .prgcolumndef = &def, .ccolumn = 1, .prgcolumnid = &col2};
static JET_TABLECREATE_A tc1 = {.cbStruct = sizeof(tc1), .szTableName = S("never")};
static JET_TABLECREATE2_A tc2 = {.cbStruct = sizeof(tc2), .szTableName = S("never")};
static JET_TABLECREATE2_W tc2w = {.cbStruct = sizeof(tc2w), .szTableName = W(u"never")};
static JET_TABLECREATE3_W tc3w = {.cbStruct = sizeof(tc3w), .szTableName = W(u"never")};
static JET_TABLECREATE4_W tc4w = {.cbStruct = sizeof(tc4w), .szTableName = W(u"never")};
static JET_ENUMCOLUMN *columns;
static JET_RECPOS pos = {
    .cbStruct = sizeof(pos), .centriesLT = 0, .centriesInRange = 1, .centriesTotal = 1};

struct fn {
    const char *name;
    JET_ERR (*call)(const struct arg *a);
};

#define DEFINE(name, args)                          \
    static JET_ERR call_##name(const struct arg *a) \
    {                                               \
        return name args;                           \
    }
#define LIST(name, args) {#name, call_##name},

SESSION_CALLS(DEFINE)
DATABASE_CALLS(DEFINE)
CURSOR_CALLS(DEFINE)
static const struct fn session_calls[] = {SESSION_CALLS(LIST)};
static const struct fn database_calls[] = {DATABASE_CALLS(LIST)};
static const struct fn cursor_calls[] = {CURSOR_CALLS(LIST)};

#define LEN(a) (sizeof(a) / sizeof(*(a)))

static void each(const struct fn *fn, size_t nr, const struct arg *a, JET_ERR want)
{
    for (size_t i = 0; i < nr; i++) {
        const JET_ERR err = fn[i].call(a);
        if (err == want)
            continue;
        print_error("%s: %s, not %s\n", fn[i].name, ese_err_name(err), ese_err_name(want));
        fail();
    }
}

static JET_TABLEID make_rows(struct fix *f)
{
    JET_TABLEID t = new_table(f, "t");

    col = add(f, t, "a", JET_coltypLong, 0);
    INDEX(f, t, "a", 0, "+a\0");
    begin(f);
    OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
    set_long(f, t, col, 1);
    OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    commit(f);
    OK(JetMove(f->ses, t, JET_MoveFirst, 0));
    return t;
}

/* ---- handles --------------------------------------------------------------------------------- */

static void no_session(void **state)
{
    struct fix *f = *state;
    JET_TABLEID t = make_rows(f);
    JET_SESID stale;

    OK(JetBeginSession(f->inst, &stale, NULL, NULL));
    OK(JetEndSession(stale, 0));
    const JET_SESID bad[] = {0,
                             ~(JET_SESID)0,
                             stale,
                             f->inst,
                             t,
                             1,
                             0x7fffffff,
                             f->ses + 1,
                             f->ses + ((JET_SESID)1 << 32),
                             f->ses ^ ((JET_SESID)1 << 63)};
    for (unsigned i = 0; i < LEN(bad); i++) {
        const struct arg a = {bad[i], t, f->dbid};
        each(session_calls, LEN(session_calls), &a, JET_errInvalidSesid);
        each(database_calls, LEN(database_calls), &a, JET_errInvalidSesid);
        each(cursor_calls, LEN(cursor_calls), &a, JET_errInvalidSesid);
    }
}

static void no_table(void **state)
{
    struct fix *f = *state;
    JET_TABLEID t = make_rows(f), stale, others;
    JET_SESID other;
    JET_DBID d;

    OK(JetOpenTable(f->ses, f->dbid, "t", NULL, 0, 0, &stale));
    OK(JetCloseTable(f->ses, stale));
    OK(JetCloseTable(f->ses, t));
    OK(JetBeginSession(f->inst, &other, NULL, NULL));
    OK(JetOpenDatabase(other, f->db, NULL, &d, 0));
    OK(JetOpenTable(other, d, "t", NULL, 0, 0, &others));
    const JET_TABLEID bad[] = {0, ~(JET_TABLEID)0, stale,     f->inst, f->ses, others,
                               1, 0xffffffff,      others + 1};
    for (unsigned i = 0; i < LEN(bad); i++) {
        const struct arg a = {f->ses, bad[i], f->dbid};
        each(cursor_calls, LEN(cursor_calls), &a, JET_errInvalidTableId);
    }
    OK(JetMove(other, others, JET_MoveFirst, 0));
    OK(JetEndSession(other, 0));
}

static void no_database(void **state)
{
    struct fix *f = *state;
    const JET_DBID bad[] = {0, 2, 6, 7, 8, 255, 0x7fffffff, 0x80000000, ~(JET_DBID)0};

    OK(JetCloseTable(f->ses, make_rows(f)));
    for (unsigned i = 0; i < LEN(bad); i++) {
        const struct arg a = {f->ses, 0, bad[i]};
        each(database_calls, LEN(database_calls), &a, JET_errInvalidDatabaseId);
    }
}

static void no_instance(void **state)
{
    struct fix *f = *state;
    const JET_INSTANCE bad[] = {f->ses, 1, 0x1234567890, f->inst + 1,
                                f->inst + ((JET_INSTANCE)1 << 32)};
    JET_SIGNATURE sign;

    for (unsigned i = 0; i < LEN(bad); i++) {
        JET_INSTANCE b = bad[i];
        IS(JET_errInvalidParameter, JetBeginSession(b, &out.sesid, NULL, NULL));
        IS(JET_errInvalidParameter, JetTerm(b));
        IS(JET_errInvalidParameter, JetTerm2(b, 0));
        IS(JET_errInvalidParameter, JetStopServiceInstance(b));
        IS(JET_errInvalidParameter, JetInit(&b));
        IS(JET_errInvalidParameter, JetSetSystemParameter(&b, 0, JET_paramMaxSessions, 5, NULL));
        IS(JET_errInvalidParameter,
           JetGetSystemParameter(b, 0, JET_paramMaxSessions, (JET_API_PTR *)out.b, NULL, 0));
        IS(JET_errInvalidParameter, JetGetInstanceMiscInfo(b, &sign, sizeof(sign), 0));
    }
    IS(JET_errNotInitialized, JetTerm(0)); /* no default instance */
    IS(JET_errNotInitialized, JetTerm(JET_instanceNil));
}

/* ---- pointers -------------------------------------------------------------------------------- */

static void no_pointers(void **state)
{
    struct fix *f = *state;
    JET_TABLEID t = make_rows(f);
    const JET_SESID s = f->ses;

    IS(JET_errInvalidParameter, JetOpenTable(s, f->dbid, "t", NULL, 0, 0, NULL));
    IS(JET_errInvalidName, JetOpenTable(s, f->dbid, NULL, NULL, 0, 0, &out.tableid));
    IS(JET_errInvalidParameter, JetDupCursor(s, t, NULL, 0));
    IS(JET_errInvalidName, JetAddColumn(s, t, NULL, &def, NULL, 0, NULL));
    IS(JET_errInvalidName, JetDeleteColumn(s, t, NULL));
    IS(JET_errInvalidName, JetDeleteTable(s, f->dbid, NULL));
    IS(JET_errInvalidName, JetDeleteIndex(s, t, NULL));
    IS(JET_errInvalidParameter, JetRenameColumn(s, t, NULL, "b", 0));
    IS(JET_errInvalidParameter, JetUpdate(s, t, NULL, 5, NULL));
    IS(JET_errInvalidParameter, JetSetColumns(s, t, NULL, 1));
    OK(JetSetColumns(s, t, NULL, 0));
    IS(JET_errInvalidParameter, JetRetrieveColumns(s, t, NULL, 1));
    IS(JET_errInvalidParameter, JetRetrieveColumn(s, t, col, NULL, 4, &out.n, 0, NULL));
    IS(JET_wrnBufferTruncated, JetRetrieveColumn(s, t, col, NULL, 0, NULL, 0, NULL));
    IS(JET_errInvalidParameter,
       JetEnumerateColumns(s, t, 0, NULL, NULL, &columns, no_realloc, NULL, 10, 0));
    IS(JET_errInvalidParameter,
       JetEnumerateColumns(s, t, 0, NULL, &out.n, NULL, no_realloc, NULL, 10, 0));
    IS(JET_errInvalidParameter,
       JetEnumerateColumns(s, t, 0, NULL, &out.n, &columns, NULL, NULL, 10, 0));
    IS(JET_errInvalidParameter,
       JetEnumerateColumns(s, t, 1, NULL, &out.n, &columns, no_realloc, NULL, 10, 0));
    IS(JET_errOutOfMemory,
       JetEnumerateColumns(s, t, 0, NULL, &out.n, &columns, no_realloc, NULL, 10, 0));
    IS(JET_errInvalidBufferSize, JetEscrowUpdate(s, t, col, NULL, 4, NULL, 0, NULL, 0));
    IS(JET_errInvalidParameter, JetGetRecordSize2(s, t, NULL, 0));
    IS(JET_errInvalidParameter, JetMakeKey(s, t, NULL, 4, JET_bitNewKey));
    IS(JET_errInvalidParameter, JetRetrieveKey(s, t, NULL, 4, NULL, 0));
    IS(JET_errInvalidParameter, JetGetBookmark(s, t, NULL, 4, NULL));
    IS(JET_errInvalidParameter, JetIndexRecordCount(s, t, NULL, 0));
    IS(JET_errInvalidParameter, JetIndexRecordCount2(s, t, NULL, 0));
    IS(JET_errInvalidParameter, JetGetRecordPosition(s, t, NULL, 16));
    IS(JET_errInvalidParameter, JetGotoPosition(s, t, NULL));
    IS(JET_errInvalidParameter, JetGetLS(s, t, NULL, 0));
    IS(JET_errInvalidParameter, JetGetCurrentIndex(s, t, NULL, 10));
    IS(JET_errInvalidParameter, JetGetTableInfo(s, t, NULL, 10, JET_TblInfoDbid));
    IS(JET_errInvalidParameter, JetCreateTableColumnIndex(s, f->dbid, NULL));
    IS(JET_errInvalidParameter, JetCreateTableColumnIndex2W(s, f->dbid, NULL));
    IS(JET_errInvalidParameter, JetCreateTableColumnIndex3W(s, f->dbid, NULL));
    IS(JET_errInvalidParameter, JetCreateTableColumnIndex4W(s, f->dbid, NULL));
    IS(JET_errInvalidParameter, JetOpenTempTable(s, NULL, 1, 0, &out.tableid, &col2));
    IS(JET_errInvalidParameter, JetOpenTempTable(s, &def, 1, 0, NULL, &col2));
    IS(JET_errInvalidParameter, JetOpenTempTable(s, &def, 1, 0, &out.tableid, NULL));
    IS(JET_errInvalidParameter, JetOpenTempTable(s, &def, 0, 0, &out.tableid, &col2));
    IS(JET_errInvalidParameter, JetOpenTemporaryTable(s, NULL));
    IS(JET_errInvalidParameter, JetOpenTemporaryTable2(s, NULL));
    IS(JET_errInvalidParameter, JetCreateDatabase(s, "/tmp/x.edb", NULL, NULL, 0));
    IS(JET_errInvalidPath, JetCreateDatabaseW(s, NULL, NULL, &out.dbid, 0));
    IS(JET_errInvalidParameter, JetOpenDatabase(s, f->db, NULL, NULL, 0));
    IS(JET_errInvalidParameter, JetGetDatabaseInfo(s, f->dbid, NULL, 4, JET_DbInfoPageSize));
    IS(JET_errInvalidParameter, JetGetDatabaseFileInfo(f->db, NULL, 4, JET_DbInfoPageSize));
    IS(JET_errInvalidParameter, JetResizeDatabase(s, f->dbid, 1, NULL, 0));
    IS(JET_errInvalidParameter, JetSetDatabaseSize(s, f->db, 1, NULL));
    IS(JET_errInvalidParameter, JetDupSession(s, NULL));
    IS(JET_errInvalidParameter, JetEnableMultiInstance(NULL, 3, NULL));
    OK(JetFreeBuffer(NULL));
    OK(JetGrowDatabase(s, f->dbid, 1, NULL));
    IS(JET_errUnicodeTranslationFail,
       JetOpenTableW(s, f->dbid, (const JET_WCHAR[]){0xd800, 0}, NULL, 0, 0, &out.tableid));
}

/* ---- flags and sizes ------------------------------------------------------------------------- */

static void no_such_flags(void **state)
{
    struct fix *f = *state;
    JET_TABLEID t = make_rows(f);
    const JET_SESID s = f->ses;
    const JET_GRBIT bad = 0x40000000;
    JET_RETINFO ri = {.cbStruct = 3};
    JET_SETINFO si = {.cbStruct = 3};
    JET_RECPOS p = {.cbStruct = 3};
    JET_TABLECREATE2_A tc = tc2;

    IS(JET_errInvalidGrbit, JetOpenTable(s, f->dbid, "t", NULL, 0, bad, &out.tableid));
    IS(JET_errInvalidGrbit, JetDupCursor(s, t, &out.tableid, bad));
    IS(JET_errInvalidGrbit, JetMove(s, t, 1, bad));
    IS(JET_errNoCurrentIndex, JetSeek(s, t, JET_bitSeekEQ));
    OK(JetSetCurrentIndex(s, t, "a"));
    IS(JET_errInvalidGrbit, JetMakeKey(s, t, key, 4, bad));
    OK(JetMakeKey(s, t, key, 4, JET_bitNewKey));
    IS(JET_errInvalidGrbit, JetSeek(s, t, bad));
    IS(JET_errInvalidGrbit, JetSetIndexRange(s, t, bad));
    IS(JET_errInvalidGrbit, JetRetrieveKey(s, t, out.b, 10, NULL, bad));
    IS(JET_errInvalidGrbit, JetRetrieveColumn(s, t, col, out.b, 4, NULL, bad, NULL));
    IS(JET_errInvalidGrbit, JetSetCurrentIndex2(s, t, "a", bad));
    IS(JET_errInvalidGrbit, JetGetLock(s, t, bad));
    IS(JET_errInvalidGrbit, JetGetRecordSize2(s, t, &out.size2, bad));
    IS(JET_errInvalidGrbit,
       JetEnumerateColumns(s, t, 0, NULL, &out.n, &columns, no_realloc, NULL, 1, bad));
    IS(JET_errInvalidGrbit, JetEscrowUpdate(s, t, col, key, 4, NULL, 0, NULL, bad));
    IS(JET_errInvalidGrbit,
       JetGetSecondaryIndexBookmark(s, t, out.b, 10, NULL, out.b, 10, NULL, bad));
    IS(JET_errInvalidGrbit, JetGotoSecondaryIndexBookmark(s, t, key, 4, key, 4, bad));
    IS(JET_errInvalidGrbit, JetSetLS(s, t, 1, bad));
    IS(JET_errInvalidGrbit, JetGetLS(s, t, &out.ls, bad));
    IS(JET_errInvalidGrbit, JetOpenTempTable(s, &def, 1, bad, &out.tableid, &col2));
    IS(JET_errInvalidGrbit, JetCloseDatabase(s, f->dbid, bad));
    IS(JET_errInvalidGrbit, JetDetachDatabase2(s, f->db, bad));
    IS(JET_errInvalidGrbit, JetCreateDatabase(s, "/tmp/x.edb", NULL, &out.dbid, bad));
    IS(JET_errInvalidGrbit, JetRenameColumn(s, t, "a", "b", bad));
    IS(JET_errInvalidGrbit, JetSetColumnDefaultValue(s, f->dbid, "t", "a", key, 4, bad));
    tc.grbit = bad;
    IS(JET_errInvalidGrbit, JetCreateTableColumnIndex2(s, f->dbid, &tc));
    IS(JET_errInvalidParameter, JetRetrieveColumn(s, t, col, out.b, 4, NULL, 0, &ri));
    OK(JetPrepareUpdate(s, t, JET_prepInsert));
    IS(JET_errInvalidParameter, JetSetColumn(s, t, col, key, 4, 0, &si));
    IS(JET_errInvalidGrbit, JetUpdate2(s, t, NULL, 0, NULL, bad));
    OK(JetPrepareUpdate(s, t, JET_prepCancel));
    IS(JET_errInvalidParameter, JetGotoPosition(s, t, &p));
    IS(JET_errInvalidParameter, JetGetCursorInfo(s, t, out.b, 4, 0));
    ott.cbStruct--;
    IS(JET_errInvalidParameter, JetOpenTemporaryTable(s, &ott));
    ott.cbStruct++;
}

/* Numbers of all kinds, where they make no sense: any answer, but an answer. */
static void nonsense_is_survived(void **state)
{
    struct fix *f = *state;
    JET_TABLEID t = make_rows(f);
    const JET_SESID s = f->ses;
    uint8_t junk[4096];

    OK(JetSetCurrentIndex(s, t, "a"));
    for (int i = 0; i < 20000; i++) {
        const uint32_t r = (uint32_t)rnd(), len = (uint32_t)(rnd() % 300), lens = len;
        const uint64_t flags = rnd() & rnd() & rnd();
        JET_SETINFO si = {sizeof(si), (uint32_t)rnd() >> (r % 32), (uint32_t)rnd() >> (r % 32)};
        JET_RETINFO ri = {sizeof(ri), (uint32_t)rnd() >> (r % 32), (uint32_t)rnd() >> (r % 32), 0};
        JET_RECPOS p = {sizeof(p), (uint32_t)rnd() % 100, 1, (uint32_t)rnd() % 100};
        const void *ks[1] = {junk};

        for (unsigned n = 0; n < len; n += 8) {
            const uint64_t x = rnd();
            memcpy(junk + n, &x, 8);
        }
        switch (r % 17) {
        case 0:
            (void)JetMakeKey(s, t, junk, len % 9, (JET_GRBIT)flags | JET_bitNewKey);
            break;
        case 1:
            (void)JetMakeKey(s, t, junk, len, JET_bitNormalizedKey);
            break;
        case 2:
            (void)JetSeek(s, t, 1u << (flags % 7));
            break;
        case 3:
            (void)JetSetIndexRange(s, t, (JET_GRBIT)flags & 15);
            break;
        case 4:
            (void)JetGotoBookmark(s, t, junk, len);
            break;
        case 5:
            (void)JetGotoSecondaryIndexBookmark(s, t, junk, len, junk, len % 7,
                                                (JET_GRBIT)flags & 1);
            break;
        case 6:
            (void)JetPrepareUpdate(s, t, r % 12);
            break;
        case 7:
            (void)JetSetColumn(s, t, r % 3 ? col : r, junk, len % 5, (JET_GRBIT)flags & 0x7ffff,
                               &si);
            break;
        case 8:
            (void)JetRetrieveColumn(s, t, r % 3 ? col : r, junk, len, &out.n,
                                    (JET_GRBIT)flags & 0x3ffff, &ri);
            break;
        case 9:
            (void)JetMove(s, t, (int32_t)r >> (flags % 32), (JET_GRBIT)flags & 1);
            break;
        case 10:
            (void)JetGotoPosition(s, t, &p);
            break;
        case 11:
            (void)JetUpdate2(s, t, junk, len, &out.n, (JET_GRBIT)flags & 3);
            break;
        case 12:
            (void)JetPrereadKeys(s, t, ks, &lens, 1, &out.i, JET_bitPrereadForward);
            break;
        case 13:
            (void)JetSetCurrentIndex2(s, t, r & 32 ? "a" : NULL, (JET_GRBIT)flags & 3);
            break;
        case 14:
            (void)JetBeginTransaction(s);
            break;
        case 15:
            (void)JetRollback(s, (JET_GRBIT)flags & 1);
            break;
        default:
            (void)JetCommitTransaction(s, 0);
            break;
        }
        if (JetMove(s, t, 0, 0) == JET_errInvalidTableId)
            OK(JetOpenTable(s, f->dbid, "t", NULL, 0, 0, &t));
    }
    (void)JetPrepareUpdate(s, t, JET_prepCancel);
    (void)JetRollback(s, JET_bitRollbackAll);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(no_session),  T(no_table),      T(no_database),          T(no_instance),
        T(no_pointers), T(no_such_flags), T(nonsense_is_survived),
    };
    rnd_init("wrong");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
