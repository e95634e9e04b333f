/*
 * Memory that runs out during DDL: each allocation of an operation fails once, the first, the
 * second, ... until none does. Every time the operation says so, all that it did is undone, and it
 * succeeds when there is memory again.
 */
#include "ddltest.h"

void *__real_malloc(size_t len);
void *__real_calloc(size_t nr, size_t len);
void *__real_realloc(void *p, size_t len);
void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t nr, size_t len);
void *__wrap_realloc(void *p, size_t len);

static _Thread_local unsigned fail_at, nr_seen; /* fail_at 0: none fails */

static bool fails(void)
{
    return fail_at && ++nr_seen == fail_at;
}

void *__wrap_malloc(size_t len)
{
    return fails() ? NULL : __real_malloc(len);
}
void *__wrap_calloc(size_t nr, size_t len)
{
    return fails() ? NULL : __real_calloc(nr, len);
}
void *__wrap_realloc(void *p, size_t len)
{
    return fails() ? NULL : __real_realloc(p, len);
}

static struct fcb *table; /* open for s, with rows */

static int setup(void **state)
{
    struct ddl_column c = {.name = "extra", .coltyp = JET_coltypLong, .grbit = JET_bitColumnTagged};

    (void)state;
    ddl_begin(4096, 110, true);
    table = make_table("t");
    for (uint32_t i = 0; i < 300; i++)
        assert_ok(insert_row(s, table, i, "a name", i));
    assert_ok(ddl_add_column(s, table, &c));
    assert_ok(make_index(s, table, "there", KEY("-num"), 0));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fcb_close(s, table, FCB_DENY_READ);
    instfix_stop(&fix);
    check_file();
    instfix_end(&fix);
    return 0;
}

/* back: after a success, so that the next one starts alike. */
static void try_all(JET_ERR (*run)(void), void (*back)(void))
{
    unsigned nr = 1;

    for (;; nr++) {
        unsigned seen;
        JET_ERR err;

        nr_seen = 0;
        fail_at = nr;
        err = run();
        seen = nr_seen;
        fail_at = 0;
        assert_ok(inst_check(&fix.in));
        assert_int_equal(s->level, 0);
        if (err < 0 && err != JET_errOutOfMemory)
            fail_msg("allocation %u: %d", nr, err);
        if (err < 0)
            assert_int_equal(run(), JET_errSuccess);
        back();
        assert_ok(ver_clean(&fix.in, NULL, true));
        if (seen < nr)
            break;
    }
    assert_true(nr > 1);
}

static void nothing(void) {}

static JET_ERR create_table(void)
{
    struct ddl_column columns[] = {
        {.name = "id", .coltyp = JET_coltypLong, .grbit = JET_bitColumnAutoincrement},
        {.name = "text", .coltyp = JET_coltypLongText, .cp = 1200},
        {.name = "bytes", .coltyp = JET_coltypBinary, .value = {(const uint8_t *)"abc", 3}},
    };
    struct ddl_index indexes[] = {
        {.name = "pk", .key = KEY("+id"), .grbit = JET_bitIndexPrimary},
        {.name = "second", .key = KEY("+text\0-bytes")},
    };
    struct ddl_table t = {.name = "new",
                          .columns = columns,
                          .nr_columns = ARRAY_LEN(columns),
                          .indexes = indexes,
                          .nr_indexes = ARRAY_LEN(indexes)};

    return ddl_create_table(s, d, &t, NULL);
}

static void delete_table_again(void)
{
    assert_ok(ddl_delete_table(s, d, "new"));
}

static void tables_are_made_or_not(void **state)
{
    (void)state;
    try_all(create_table, delete_table_again);
}

static JET_ERR delete_table(void)
{
    return ddl_delete_table(s, d, "new");
}

static void create_table_again(void)
{
    assert_ok(create_table());
}

static void tables_are_deleted_or_not(void **state)
{
    (void)state;
    create_table_again();
    try_all(delete_table, create_table_again);
}

static JET_ERR rename_table(void)
{
    return ddl_rename_table(s, d, "new", "newer");
}

static void rename_table_back(void)
{
    assert_ok(ddl_rename_table(s, d, "newer", "new"));
}

static void tables_are_renamed_or_not(void **state)
{
    (void)state;
    create_table_again();
    try_all(rename_table, rename_table_back);
}

static JET_ERR open_table(void)
{
    struct tdb *t = NULL;
    struct fcb *f;
    JET_ERR err = fcb_open(s, d, "new", 0, &f);

    if (err < 0)
        return err;
    err = fcb_refresh(f, &t);
    tdb_put(t);
    fcb_close(s, f, 0);
    return err;
}

static void forget_table(void)
{
    struct ddl_table_info info;

    assert_ok(ddl_find_table(s, d, "new", &info));
    fcb_forget_objid(d, info.objid);
}

static void tables_are_opened_or_not(void **state)
{
    (void)state;
    create_table_again();
    forget_table();
    try_all(open_table, forget_table);
}

static JET_ERR add_column(void)
{
    struct ddl_column c = {
        .name = "c", .coltyp = JET_coltypText, .value = {(const uint8_t *)"x", 1}};

    return ddl_add_column(s, table, &c);
}

static void delete_column_again(void)
{
    assert_ok(ddl_delete_column(s, table, "c", 0));
}

static void columns_are_added_or_not(void **state)
{
    (void)state;
    try_all(add_column, delete_column_again);
}

static JET_ERR delete_column(void)
{
    return ddl_delete_column(s, table, "c", 0);
}

static void add_column_again(void)
{
    assert_ok(add_column());
}

static void columns_are_deleted_or_not(void **state)
{
    (void)state;
    add_column_again();
    try_all(delete_column, add_column_again);
}

static JET_ERR rename_column(void)
{
    return ddl_rename_column(s, table, "extra", "more");
}

static void rename_column_back(void)
{
    assert_ok(ddl_rename_column(s, table, "more", "extra"));
}

static void columns_are_renamed_or_not(void **state)
{
    (void)state;
    try_all(rename_column, rename_column_back);
}

static JET_ERR set_default(void)
{
    return ddl_set_default(s, table, "extra", (struct slice){(const uint8_t *)"abcd", 4});
}

static void defaults_are_set_or_not(void **state)
{
    (void)state;
    try_all(set_default, nothing);
}

static JET_ERR create_indexes(void)
{
    struct ddl_index x[] = {
        {.name = "one", .key = KEY("+name\0+num")},
        {.name = "two", .key = KEY("+note"), .grbit = JET_bitIndexUnicode, .locale = "en-US"},
    };

    return ddl_create_indexes(s, table, x, ARRAY_LEN(x));
}

static void delete_indexes_again(void)
{
    assert_ok(ddl_delete_index(s, table, "one"));
    assert_ok(ddl_delete_index(s, table, "two"));
}

static void indexes_are_built_or_not(void **state)
{
    (void)state;
    try_all(create_indexes, delete_indexes_again);
}

static JET_ERR delete_index(void)
{
    return ddl_delete_index(s, table, "there");
}

static void make_index_again(void)
{
    assert_ok(make_index(s, table, "there", KEY("-num"), 0));
}

static void indexes_are_deleted_or_not(void **state)
{
    (void)state;
    try_all(delete_index, make_index_again);
}

/* In a transaction that is rolled back: what runs out then is not there when it is undone,
 * either. */
static JET_ERR make_and_roll_back(void)
{
    JET_ERR err = trx_begin(s);

    if (err < 0)
        return err;
    err = add_column();
    if (err >= 0)
        err = create_indexes();
    if (err >= 0)
        err = create_table();
    if (err >= 0)
        err = delete_index();
    assert_ok(trx_rollback(s));
    return err;
}

static void what_was_done_is_undone(void **state)
{
    (void)state;
    try_all(make_and_roll_back, nothing);
}

static JET_ERR make_lv_tree(void)
{
    struct tree *t;
    JET_ERR err = trx_begin(s);

    if (err < 0)
        return err;
    err = fcb_lv_tree(s, table, true, &t);
    assert_ok(trx_rollback(s));
    return err;
}

static void trees_of_long_values_are_made_or_not(void **state)
{
    (void)state;
    try_all(make_lv_tree, nothing);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(tables_are_made_or_not),     T(tables_are_deleted_or_not),
        T(tables_are_renamed_or_not),  T(tables_are_opened_or_not),
        T(columns_are_added_or_not),   T(columns_are_deleted_or_not),
        T(columns_are_renamed_or_not), T(defaults_are_set_or_not),
        T(indexes_are_built_or_not),   T(indexes_are_deleted_or_not),
        T(what_was_done_is_undone),    T(trees_of_long_values_are_made_or_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
