/* Functions for changes of rows: when they are called, with what, and what their errors do. */
#include "apitest.h"

struct seen { /* what the function was called with, and what it is to do */
    struct fix *f;
    JET_COLUMNID column;
    JET_TABLEID tableid;
    unsigned nr;
    JET_CBTYP kinds[16];
    int32_t values[16];
    JET_ERR answer; /* to `to` */
    JET_CBTYP to;
    void (*act)(struct seen *);
};

static JET_ERR on_change(JET_SESID sesid, JET_DBID dbid, JET_TABLEID tableid, JET_CBTYP cbtyp,
                         void *pvArg1, void *pvArg2, void *pvContext, JET_API_PTR ulUnused)
{
    struct seen *s = pvContext;
    const JET_GRBIT copy =
        cbtyp & (JET_cbtypBeforeInsert | JET_cbtypBeforeReplace) ? JET_bitRetrieveCopy : 0;
    uint32_t len;

    if (sesid != s->f->ses || dbid != s->f->dbid || tableid != s->tableid || pvArg1 || pvArg2 ||
        ulUnused || s->nr == 16)
        return JET_errInvalidParameter;
    s->kinds[s->nr] = cbtyp;
    s->values[s->nr] = -1;
    if (!(cbtyp & (JET_cbtypAfterInsert | JET_cbtypAfterDelete)) &&
        JetRetrieveColumn(sesid, tableid, s->column, &s->values[s->nr], 4, &len, copy, NULL) < 0)
        return JET_errInternalError;
    s->nr++;
    if (s->act)
        s->act(s);
    return cbtyp & s->to ? s->answer : JET_errSuccess;
}

#define ALL                                                                  \
    (JET_cbtypBeforeInsert | JET_cbtypAfterInsert | JET_cbtypBeforeReplace | \
     JET_cbtypAfterReplace | JET_cbtypBeforeDelete | JET_cbtypAfterDelete)

static JET_ERR insert(struct fix *f, struct seen *s, int32_t value)
{
    OK(JetPrepareUpdate(f->ses, s->tableid, JET_prepInsert));
    set_long(f, s->tableid, s->column, value);
    return JetUpdate(f->ses, s->tableid, NULL, 0, NULL);
}

static JET_ERR replace(struct fix *f, struct seen *s, int32_t value)
{
    OK(JetMove(f->ses, s->tableid, JET_MoveFirst, 0));
    OK(JetPrepareUpdate(f->ses, s->tableid, JET_prepReplace));
    set_long(f, s->tableid, s->column, value);
    return JetUpdate(f->ses, s->tableid, NULL, 0, NULL);
}

static void open_seen(struct fix *f, struct seen *s)
{
    *s = (struct seen){.f = f, .tableid = new_table(f, "t"), .answer = JET_errCallbackFailed};
    s->column = add(f, s->tableid, "v", JET_coltypLong, 0);
}

static void assert_seen(const struct seen *s, unsigned i, JET_CBTYP kind, int32_t value)
{
    assert_true(i < s->nr);
    assert_int_equal(s->kinds[i], kind);
    assert_int_equal(s->values[i], value);
}

static void each_change_is_told_before_and_after(void **state)
{
    struct fix *f = *state;
    struct seen s;
    JET_HANDLE h;

    open_seen(f, &s);
    OK(JetRegisterCallback(f->ses, s.tableid, ALL, on_change, &s, &h));
    begin(f);
    OK(insert(f, &s, 5));
    OK(replace(f, &s, 6));
    OK(JetDelete(f->ses, s.tableid));
    commit(f);
    assert_int_equal(s.nr, 6);
    assert_seen(&s, 0, JET_cbtypBeforeInsert, 5);
    assert_seen(&s, 1, JET_cbtypAfterInsert, -1);
    assert_seen(&s, 2, JET_cbtypBeforeReplace, 6); /* the copy has the new values */
    assert_seen(&s, 3, JET_cbtypAfterReplace, 6);
    assert_seen(&s, 4, JET_cbtypBeforeDelete, 6);
    assert_seen(&s, 5, JET_cbtypAfterDelete, -1);
    IS(JET_errInvalidParameter, JetUnregisterCallback(f->ses, s.tableid, JET_cbtypAfterDelete, h));
    IS(JET_errInvalidParameter, JetUnregisterCallback(f->ses, s.tableid, ALL, h + 1));
    OK(JetUnregisterCallback(f->ses, s.tableid, ALL, h));
    IS(JET_errInvalidParameter, JetUnregisterCallback(f->ses, s.tableid, ALL, h));
    OK(insert(f, &s, 7));
    assert_int_equal(s.nr, 6);
}

static void an_error_before_refuses_the_change(void **state)
{
    struct fix *f = *state;
    struct seen s;
    JET_HANDLE h;
    uint32_t nr;

    open_seen(f, &s);
    OK(insert(f, &s, 1));
    OK(JetMove(f->ses, s.tableid, JET_MoveFirst, 0));
    OK(JetRegisterCallback(f->ses, s.tableid, ALL, on_change, &s, &h));
    s.to = JET_cbtypBeforeInsert | JET_cbtypBeforeReplace | JET_cbtypBeforeDelete;
    begin(f);
    IS(JET_errCallbackFailed, insert(f, &s, 2));
    OK(JetPrepareUpdate(f->ses, s.tableid, JET_prepCancel));
    IS(JET_errCallbackFailed, replace(f, &s, 3));
    OK(JetPrepareUpdate(f->ses, s.tableid, JET_prepCancel));
    IS(JET_errCallbackFailed, JetDelete(f->ses, s.tableid));
    assert_int_equal(s.nr, 3);
    OK(JetIndexRecordCount(f->ses, s.tableid, &nr, 0));
    assert_int_equal(nr, 1);
    assert_int_equal(get_long(f, s.tableid, s.column), 1);
    s.to = JET_cbtypAfterInsert | JET_cbtypAfterReplace | JET_cbtypAfterDelete;
    OK(insert(f, &s, 4)); /* it is done */
    OK(replace(f, &s, 5));
    OK(JetDelete(f->ses, s.tableid));
    commit(f);
}

static void close_cursor(struct seen *s)
{
    if (JetCloseTable(s->f->ses, s->tableid) < 0)
        s->nr = 16;
}

static void write_elsewhere(struct seen *s)
{
    JET_TABLEID t;

    s->act = NULL; /* not for what this one does */
    if (JetOpenTable(s->f->ses, s->f->dbid, "t", NULL, 0, 0, &t) < 0 ||
        JetPrepareUpdate(s->f->ses, t, JET_prepInsert) < 0 ||
        JetPrepareUpdate(s->f->ses, t, JET_prepCancel) < 0 || JetCloseTable(s->f->ses, t) < 0)
        s->nr = 16;
}

static void a_function_may_use_the_session(void **state)
{
    struct fix *f = *state;
    struct seen s;
    JET_HANDLE h;

    open_seen(f, &s);
    OK(JetRegisterCallback(f->ses, s.tableid, JET_cbtypBeforeInsert, on_change, &s, &h));
    s.act = write_elsewhere;
    OK(insert(f, &s, 2));
    assert_int_equal(s.nr, 1);
    s.act = close_cursor;
    IS(JET_errInvalidTableId, insert(f, &s, 1));
    assert_int_equal(s.nr, 2);
    OK(JetOpenTable(f->ses, f->dbid, "t", NULL, 0, 0, &s.tableid)); /* it is still registered */
    s.act = NULL;
    OK(insert(f, &s, 3));
    assert_int_equal(s.nr, 3);
}

static void what_cannot_be_registered(void **state)
{
    struct fix *f = *state;
    const JET_COLUMNDEF def = {
        .cbStruct = sizeof(def), .coltyp = JET_coltypLong, .grbit = JET_bitColumnTTKey};
    JET_COLUMNID id;
    JET_TABLEID t;
    struct seen s;
    JET_HANDLE h;

    open_seen(f, &s);
    IS(JET_errInvalidParameter,
       JetRegisterCallback(f->ses, s.tableid, JET_cbtypNull, on_change, &s, &h));
    IS(JET_errInvalidParameter, JetRegisterCallback(f->ses, s.tableid, ALL, NULL, &s, &h));
    IS(JET_errInvalidParameter, JetRegisterCallback(f->ses, s.tableid, ALL, on_change, &s, NULL));
    IS(JET_errInvalidParameter,
       JetRegisterCallback(f->ses, s.tableid, JET_cbtypFreeTableLS, on_change, &s, &h));
    IS(JET_errInvalidTableId, JetRegisterCallback(f->ses, 12345, ALL, on_change, &s, &h));
    OK(JetOpenTempTable(f->ses, &def, 1, 0, &t, &id));
    IS(JET_errIllegalOperation, JetRegisterCallback(f->ses, t, ALL, on_change, &s, &h));
    IS(JET_errIllegalOperation, JetUnregisterCallback(f->ses, t, ALL, 1));
}

static void a_parameter_turns_them_off(void **state)
{
    struct fix *f = *state;
    struct seen s;
    JET_HANDLE h;

    stop(f);
    create_instance(f, f->dir);
    OK(JetSetSystemParameter(&f->inst, 0, JET_paramDisableCallbacks, 1, NULL));
    OK(JetInit(&f->inst));
    OK(JetBeginSession(f->inst, &f->ses, NULL, NULL));
    f->running = true;
    OK(JetAttachDatabase(f->ses, f->db, 0));
    OK(JetOpenDatabase(f->ses, f->db, NULL, &f->dbid, 0));
    open_seen(f, &s);
    OK(JetRegisterCallback(f->ses, s.tableid, ALL, on_change, &s, &h));
    OK(insert(f, &s, 2));
    assert_int_equal(s.nr, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(each_change_is_told_before_and_after), T(an_error_before_refuses_the_change),
        T(a_function_may_use_the_session),       T(what_cannot_be_registered),
        T(a_parameter_turns_them_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
