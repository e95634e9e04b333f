/* Records that go when an escrow column of theirs has come to 0, and the function that is told of it. */
#include "apitest.h"

/* Durable: the clean-up waits for that. */
static void commit_durable(struct fix *f)
{
    commit(f);
    OK(JetCommitTransaction(f->ses, JET_bitWaitAllLevel0Commit));
}

struct counted { /* a table with a counter, an index, a long value */
    JET_TABLEID t;
    JET_COLUMNID id, n, v;
};

static struct counted make_counted(struct fix *f, JET_GRBIT grbit)
{
    const int32_t one = 1;
    const JET_COLUMNDEF def = {.cbStruct = sizeof(def),
                               .coltyp = JET_coltypLong,
                               .grbit = JET_bitColumnEscrowUpdate | grbit};
    struct counted c = {.t = new_table(f, "t")};

    c.id = add(f, c.t, "id", JET_coltypLong, 0);
    OK(JetAddColumn(f->ses, c.t, "n", &def, &one, sizeof(one), &c.n));
    c.v = add(f, c.t, "v", JET_coltypLongBinary, 0);
    INDEX(f, c.t, "pk", JET_bitIndexPrimary, "+id\0");
    INDEX(f, c.t, "by_v", 0, "-v\0");
    return c;
}

static void insert(struct fix *f, const struct counted *c, int32_t id)
{
    static uint8_t big[20000];

    OK(JetPrepareUpdate(f->ses, c->t, JET_prepInsert));
    set_long(f, c->t, c->id, id);
    OK(JetSetColumn(f->ses, c->t, c->v, big, sizeof(big), JET_bitSetSeparateLV, NULL));
    OK(JetUpdate(f->ses, c->t, NULL, 0, NULL));
}

static void insert_some(struct fix *f, const struct counted *c, int32_t nr)
{
    begin(f);
    for (int32_t i = 0; i < nr; i++)
        insert(f, c, i);
    commit_durable(f);
}

static void find(struct fix *f, JET_TABLEID t, int32_t id)
{
    make_long_key(f, t, id, JET_bitNewKey);
    OK(JetSeek(f->ses, t, JET_bitSeekEQ));
}

static int32_t escrow(struct fix *f, const struct counted *c, int32_t id, int32_t by)
{
    int32_t old = -1;

    find(f, c->t, id);
    OK(JetEscrowUpdate(f->ses, c->t, c->n, &by, sizeof(by), &old, sizeof(old), NULL, 0));
    return old;
}

static uint32_t nr_rows(struct fix *f, JET_TABLEID t)
{
    uint32_t nr = 0;

    if (JetMove(f->ses, t, JET_MoveFirst, 0) >= 0)
        OK(JetIndexRecordCount(f->ses, t, &nr, 0));
    return nr;
}

static void clean(struct fix *f)
{
    for (int i = 0; i < 3; i++) /* what the clean-up has left to do is done by the next one */
        OK(JetIdle(f->ses, JET_bitIdleCompact));
}

static void a_record_at_zero_goes(void **state)
{
    struct fix *f = *state;
    const JET_GRBIT kinds[] = {JET_bitColumnDeleteOnZero, JET_bitColumnFinalize, 0};
    struct counted c;

    for (int k = 0; k < 3; k++) {
        c = make_counted(f, kinds[k]);
        insert_some(f, &c, 10);
        begin(f);
        assert_int_equal(escrow(f, &c, 3, -1), 1);
        assert_int_equal(escrow(f, &c, 4, -1), 1);
        assert_int_equal(escrow(f, &c, 4, 1), 0);
        assert_int_equal(escrow(f, &c, 5, -2), 1);
        assert_int_equal(escrow(f, &c, 5, 1), -1); /* 0 from below */
        clean(f);
        assert_int_equal(nr_rows(f, c.t), 10);
        commit_durable(f);
        clean(f);
        assert_int_equal(nr_rows(f, c.t), kinds[k] ? 8 : 10);
        find(f, c.t, 4);
        OK(JetSetCurrentIndex(f->ses, c.t, "by_v"));
        assert_int_equal(nr_rows(f, c.t), kinds[k] ? 8 : 10);
        OK(JetCloseTable(f->ses, c.t));
        OK(JetDeleteTable(f->ses, f->dbid, "t"));
    }
}

static void rolled_back_it_stays(void **state)
{
    struct fix *f = *state;
    struct counted c = make_counted(f, JET_bitColumnDeleteOnZero);

    insert_some(f, &c, 2);
    begin(f);
    assert_int_equal(escrow(f, &c, 1, -1), 1);
    rollback(f);
    clean(f);
    assert_int_equal(nr_rows(f, c.t), 2);
}

struct other { /* another session with the table */
    JET_SESID ses;
    JET_TABLEID t;
};

static struct other begin_other(struct fix *f)
{
    struct other o;
    JET_DBID dbid;

    OK(JetBeginSession(f->inst, &o.ses, NULL, NULL));
    OK(JetOpenDatabase(o.ses, f->db, NULL, &dbid, 0));
    OK(JetOpenTable(o.ses, dbid, "t", NULL, 0, 0, &o.t));
    OK(JetBeginTransaction(o.ses));
    return o;
}

static void other_escrow(struct other *o, const struct counted *c, int32_t id, int32_t by)
{
    OK(JetMakeKey(o->ses, o->t, &id, sizeof(id), JET_bitNewKey));
    OK(JetSeek(o->ses, o->t, JET_bitSeekEQ));
    OK(JetEscrowUpdate(o->ses, o->t, c->n, &by, sizeof(by), NULL, 0, NULL, 0));
}

static void while_somebody_sees_another_value_it_stays(void **state)
{
    struct fix *f = *state;
    struct counted c = make_counted(f, JET_bitColumnDeleteOnZero);
    struct other o;

    insert_some(f, &c, 3);
    OK(JetCloseTable(f->ses, c.t)); /* whose maker has it for himself */
    OK(JetOpenTable(f->ses, f->dbid, "t", NULL, 0, 0, &c.t));
    o = begin_other(f); /* reads only */
    begin(f);
    (void)escrow(f, &c, 0, -1);
    commit_durable(f);
    clean(f);
    assert_int_equal(nr_rows(f, c.t), 3);
    OK(JetRollback(o.ses, 0));
    clean(f);
    assert_int_equal(nr_rows(f, c.t), 2);
    OK(JetBeginTransaction(o.ses)); /* adds, and then does not */
    begin(f);
    (void)escrow(f, &c, 1, -1);
    commit_durable(f);
    other_escrow(&o, &c, 1, 1);
    clean(f);
    assert_int_equal(nr_rows(f, c.t), 2);
    OK(JetRollback(o.ses, 0));
    clean(f);
    assert_int_equal(nr_rows(f, c.t), 1);
    OK(JetBeginTransaction(o.ses)); /* the two of them together make it 0: nobody sees that */
    begin(f);
    (void)escrow(f, &c, 2, 1);
    commit_durable(f);
    OK(JetRollback(o.ses, 0));
    OK(JetBeginTransaction(o.ses));
    begin(f);
    (void)escrow(f, &c, 2, -1);
    other_escrow(&o, &c, 2, -1);
    commit_durable(f);
    OK(JetCommitTransaction(o.ses, 0));
    OK(JetCommitTransaction(f->ses, JET_bitWaitAllLevel0Commit));
    clean(f);
    assert_int_equal(nr_rows(f, c.t), 0);
    OK(JetEndSession(o.ses, 0));
}

static unsigned nr_told;

static JET_ERR on_zero(JET_SESID sesid, JET_DBID dbid, JET_TABLEID tableid, JET_CBTYP cbtyp,
                       void *pvArg1, void *pvArg2, void *pvContext, JET_API_PTR ulUnused)
{
    (void)sesid, (void)dbid, (void)tableid, (void)pvArg1, (void)pvArg2, (void)ulUnused;
    nr_told += cbtyp == JET_cbtypFinalize && pvContext == &nr_told;
    return JET_errCallbackFailed; /* it does not change anything */
}

static void zero_is_told(void **state)
{
    struct fix *f = *state;
    struct counted c = make_counted(f, JET_bitColumnFinalize);
    JET_HANDLE h;

    nr_told = 0;
    insert_some(f, &c, 3);
    OK(JetRegisterCallback(f->ses, c.t, JET_cbtypFinalize, on_zero, &nr_told, &h));
    begin(f);
    (void)escrow(f, &c, 0, 1);
    assert_int_equal(nr_told, 0);
    (void)escrow(f, &c, 0, -2);
    assert_int_equal(nr_told, 1);
    commit_durable(f);
    clean(f);
    assert_int_equal(nr_rows(f, c.t), 2);
}

/* The clean-up's list is gone with the process. */
static void after_a_crash_it_goes_too(void **state)
{
    struct fix *f = *state;
    JET_TABLEID t;
    int status;
    pid_t pid;

    stop(f);
    assert_int_equal(remove(f->db), 0);
    pid = fork();
    if (pid == 0) {
        struct counted c;
        start(f);
        OK(JetCreateDatabase(f->ses, f->db, NULL, &f->dbid, 0));
        c = make_counted(f, JET_bitColumnDeleteOnZero);
        insert_some(f, &c, 200);
        OK(JetCloseTable(f->ses, c.t));
        OK(JetOpenTable(f->ses, f->dbid, "t", NULL, 0, 0, &c.t));
        (void)begin_other(f);
        begin(f);
        for (int32_t i = 0; i < 200; i += 2)
            (void)escrow(f, &c, i, -1);
        commit_durable(f);
        begin(f);
        for (int32_t i = 1; i < 200; i += 4)
            (void)escrow(f, &c, i, -1); /* recovery undoes that */
        _exit(nr_rows(f, c.t) == 200 ? 42 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
    start(f);
    OK(JetAttachDatabase(f->ses, f->db, 0));
    OK(JetOpenDatabase(f->ses, f->db, NULL, &f->dbid, 0));
    OK(JetOpenTable(f->ses, f->dbid, "t", NULL, 0, 0, &t));
    assert_int_equal(nr_rows(f, t), 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_record_at_zero_goes),
        T(rolled_back_it_stays),
        T(zero_is_told),
        T(while_somebody_sees_another_value_it_stays),
        T(after_a_crash_it_goes_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
