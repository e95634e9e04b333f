/* The schema of a table is exchanged by another session at the very moment between the look at a column and the change. */
#include "apitest.h"

#include <malloc.h>

#include "rec/fcb.h"

static struct fix
    *other_of; /* the next change of a row waits until another session has added a column */

void __real_fcb_change_begin(struct sess *s, struct fcb *f);
void __wrap_fcb_change_begin(struct sess *s, struct fcb *f);

static void add_column(struct fix *f)
{
    static unsigned nr;
    JET_COLUMNDEF def = {.cbStruct = sizeof(def), .coltyp = JET_coltypLong};
    char name[16];
    JET_SESID ses;
    JET_DBID dbid;
    JET_TABLEID t;
    JET_COLUMNID id;

    snprintf(name, sizeof(name), "more%u", nr++);
    OK(JetBeginSession(f->inst, &ses, NULL, NULL));
    OK(JetOpenDatabase(ses, f->db, NULL, &dbid, 0));
    OK(JetOpenTable(ses, dbid, "t", NULL, 0, 0, &t));
    OK(JetAddColumn(ses, t, name, &def, NULL, 0, &id));
    OK(JetEndSession(ses, 0));
}

void __wrap_fcb_change_begin(struct sess *s, struct fcb *f)
{
    struct fix *other = other_of;

    other_of = NULL;
    if (other)
        add_column(other);
    __real_fcb_change_begin(s, f);
}

static int32_t counter(struct fix *f, JET_TABLEID t, JET_COLUMNID id)
{
    int32_t v = 0;

    OK(JetRetrieveColumn(f->ses, t, id, &v, sizeof(v), NULL, 0, NULL));
    return v;
}

static void make_row(struct fix *f, JET_TABLEID *t, JET_COLUMNID id[3])
{
    JET_COLUMNDEF plain = {.cbStruct = sizeof(plain), .coltyp = JET_coltypLong},
                  escrow = {.cbStruct = sizeof(escrow),
                            .coltyp = JET_coltypLong,
                            .grbit = JET_bitColumnEscrowUpdate},
                  text = {.cbStruct = sizeof(text), .coltyp = JET_coltypLongBinary};
    const int32_t start = 100, mark = 0x55555555;

    OK(JetCreateTable(f->ses, f->dbid, "t", 0, 0, t));
    OK(JetAddColumn(f->ses, *t, "plain", &plain, NULL, 0, &id[0]));
    OK(JetAddColumn(f->ses, *t, "count", &escrow, &start, sizeof(start), &id[1]));
    OK(JetAddColumn(f->ses, *t, "text", &text, NULL, 0, &id[2]));
    begin(f);
    OK(JetPrepareUpdate(f->ses, *t, JET_prepInsert));
    OK(JetSetColumn(f->ses, *t, id[0], &mark, sizeof(mark), 0, NULL));
    OK(JetUpdate(f->ses, *t, NULL, 0, NULL));
    commit(f);
    OK(JetCloseTable(f->ses, *t)); /* who has made it has it alone */
    OK(JetOpenTable(f->ses, f->dbid, "t", NULL, 0, 0, t));
    OK(JetMove(f->ses, *t, JET_MoveFirst, 0));
}

static void an_escrow_update_finds_its_column_again(void **state)
{
    struct fix *f = *state;
    JET_COLUMNID id[3];
    JET_TABLEID t;
    int32_t delta = 7, old = 0;

    make_row(f, &t, id);
    for (int32_t i = 0; i < 20; i++) {
        begin(f);
        other_of = f;
        OK(JetEscrowUpdate(f->ses, t, id[1], &delta, sizeof(delta), &old, sizeof(old), NULL, 0));
        assert_null(other_of);
        assert_int_equal(old, 100 + 7 * i);
        commit(f);
        assert_int_equal(counter(f, t, id[1]), 100 + 7 * (i + 1));
        assert_int_equal(counter(f, t, id[0]), 0x55555555);
    }
}

static void a_long_value_that_is_set_finds_its_column_again(void **state)
{
    static uint8_t value[3000], got[3000];
    struct fix *f = *state;
    JET_COLUMNID id[3];
    JET_TABLEID t;
    uint32_t len;

    make_row(f, &t, id);
    for (unsigned i = 0; i < 20; i++) {
        memset(value, (int)i + 1, sizeof(value));
        begin(f);
        OK(JetPrepareUpdate(f->ses, t, JET_prepReplace));
        other_of = f;
        OK(JetSetColumn(f->ses, t, id[2], value, sizeof(value), JET_bitSetSeparateLV, NULL));
        assert_null(other_of);
        OK(JetUpdate(f->ses, t, NULL, 0, NULL));
        commit(f);
        OK(JetRetrieveColumn(f->ses, t, id[2], got, sizeof(got), &len, 0, NULL));
        assert_int_equal(len, sizeof(value));
        assert_memory_equal(got, value, sizeof(value));
    }
}

static void an_update_and_a_deletion_use_the_newest_schema(void **state)
{
    struct fix *f = *state;
    JET_COLUMNID id[3];
    JET_TABLEID t;
    const int32_t v = 5;

    make_row(f, &t, id);
    begin(f);
    OK(JetPrepareUpdate(f->ses, t, JET_prepReplace));
    OK(JetSetColumn(f->ses, t, id[0], &v, sizeof(v), 0, NULL));
    other_of = f;
    OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    assert_null(other_of);
    commit(f);
    assert_int_equal(counter(f, t, id[0]), 5);
    begin(f);
    other_of = f;
    OK(JetDelete(f->ses, t));
    assert_null(other_of);
    commit(f);
    IS(JET_errNoCurrentRecord, JetMove(f->ses, t, JET_MoveFirst, 0));
}

#define X(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        X(an_escrow_update_finds_its_column_again),
        X(a_long_value_that_is_set_finds_its_column_again),
        X(an_update_and_a_deletion_use_the_newest_schema),
    };

    (void)mallopt(M_PERTURB, 0xa5); /* memory that was freed does not look as it did */
    return cmocka_run_group_tests_name("api-exchange", tests, NULL, NULL);
}
