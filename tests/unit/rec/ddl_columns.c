/* Columns by one session: what is made, what is refused, what is left after a rollback. */
#include "ddltest.h"

static int setup(void **state)
{
    (void)state;
    ddl_begin(4096, 20, true);
    return 0;
}

/* Every test ends with the file's check. */
static int teardown(void **state)
{
    (void)state;
    if (fix.running) {
        instfix_stop(&fix);
        check_file();
    }
    instfix_end(&fix);
    return 0;
}

static void columns_get_their_numbers_and_places_by_kind(void **state)
{
    struct ddl_column c[] = {
        {.name = "fixed bytes",
         .coltyp = JET_coltypBinary,
         .max_len = 3,
         .grbit = JET_bitColumnFixed},
        {.name = "number", .coltyp = JET_coltypLongLong},
        {.name = "text", .coltyp = JET_coltypText},
        {.name = "tagged", .coltyp = JET_coltypShort, .grbit = JET_bitColumnTagged},
        {.name = "long", .coltyp = JET_coltypLongBinary},
    };
    static const uint32_t ids[] = {1, 2, 128, 256, 257};
    struct ddl_table t = {.name = "t"};
    struct tdb *tdb = NULL;
    struct fcb *f;

    (void)state;
    assert_ok(ddl_create_table(s, d, &t, &f));
    for (unsigned i = 0; i < ARRAY_LEN(c); i++) {
        assert_ok(ddl_add_column(s, f, &c[i]));
        assert_int_equal(c[i].columnid, ids[i]);
    }
    assert_ok(fcb_refresh(f, &tdb));
    assert_int_equal(tdb->schema.nr_columns, ARRAY_LEN(c));
    assert_int_equal(tdb_column(tdb, 2)->offset, 7);
    assert_int_equal(tdb_column(tdb, 128)->max_len, 255);
    assert_int_equal(tdb_column(tdb, 128)->cp, 1252);
    assert_null(tdb_column(tdb, 3));
    assert_null(tdb_column(tdb, 258));
    assert_null(tdb_column(tdb, 1 | COLUMN_ID_TEMPLATE));
    tdb_put(tdb);
    fcb_close(s, f, FCB_DENY_READ);
}

static void columns_that_the_engine_refuses(void **state)
{
    static const uint8_t zero[8];
    static const uint8_t many[256];
    const struct slice four = {zero, 4}, eight = {zero, 8}, two = {zero, 2};
    const struct {
        struct ddl_column c;
        JET_ERR err;
    } cases[] = {
        {{.name = "x", .coltyp = 0}, JET_errInvalidColumnType},
        {{.name = "x", .coltyp = JET_coltypSLV}, JET_errInvalidColumnType},
        {{.name = "x", .coltyp = 19}, JET_errInvalidColumnType},
        {{.name = "x.y", .coltyp = JET_coltypLong}, JET_errInvalidName},
        {{.name = "ID", .coltyp = JET_coltypLong}, JET_errColumnDuplicate},
        {{.name = "x", .coltyp = JET_coltypText, .cp = 65001}, JET_errInvalidCodePage},
        {{.name = "x", .coltyp = JET_coltypLongText, .max_len = 0x80000000u},
         JET_errInvalidParameter},
        {{.name = "x", .coltyp = JET_coltypText, .grbit = JET_bitColumnCompressed},
         JET_errColumnCannotBeCompressed},
        {{.name = "x",
          .coltyp = JET_coltypLongText,
          .grbit = JET_bitColumnEncrypted | JET_bitColumnMultiValued},
         JET_errColumnCannotBeEncrypted},
        {{.name = "x", .coltyp = JET_coltypLongText, .grbit = JET_bitColumnFixed},
         JET_errInvalidGrbit},
        {{.name = "x", .coltyp = JET_coltypLong, .grbit = JET_bitColumnMultiValued},
         JET_errMultiValuedColumnMustBeTagged},
        {{.name = "x", .coltyp = JET_coltypShort, .grbit = JET_bitColumnEscrowUpdate, .value = two},
         JET_errInvalidGrbit},
        {{.name = "x",
          .coltyp = JET_coltypLong,
          .grbit = JET_bitColumnEscrowUpdate | JET_bitColumnTagged,
          .value = four},
         JET_errCannotBeTagged},
        {{.name = "x", .coltyp = JET_coltypLong, .grbit = JET_bitColumnEscrowUpdate},
         JET_errInvalidGrbit},
        {{.name = "x",
          .coltyp = JET_coltypLongLong,
          .grbit = JET_bitColumnEscrowUpdate,
          .value = eight},
         JET_errEngineFormatVersionParamTooLowForRequestedFeature},
        {{.name = "x", .coltyp = JET_coltypLong, .grbit = JET_bitColumnDeleteOnZero},
         JET_errInvalidGrbit},
        {{.name = "x", .coltyp = JET_coltypShort, .grbit = JET_bitColumnVersion},
         JET_errInvalidGrbit},
        {{.name = "x",
          .coltyp = JET_coltypLong,
          .grbit = JET_bitColumnVersion | JET_bitColumnTagged},
         JET_errCannotBeTagged},
        {{.name = "x", .coltyp = JET_coltypText, .grbit = JET_bitColumnAutoincrement},
         JET_errInvalidGrbit},
        {{.name = "x",
          .coltyp = JET_coltypLong,
          .grbit = JET_bitColumnAutoincrement | JET_bitColumnVersion},
         JET_errInvalidGrbit},
        {{.name = "x",
          .coltyp = JET_coltypLong,
          .grbit = JET_bitColumnTagged | JET_bitColumnUserDefinedDefault},
         JET_errCallbackNotResolved},
        {{.name = "x", .coltyp = JET_coltypText, .max_len = 3, .value = four},
         JET_errDefaultValueTooBig},
        {{.name = "x", .coltyp = JET_coltypLongBinary, .value = {many, 256}},
         JET_errDefaultValueTooBig},
        {{.name = "x", .coltyp = JET_coltypLong, .value = two}, JET_errInvalidBufferSize},
    };
    struct fcb *f = make_table("t");

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct ddl_column c = cases[i].c;
        JET_ERR err = ddl_add_column(s, f, &c);

        if (err != cases[i].err)
            fail_msg("case %u: %d instead of %d", i, err, cases[i].err);
    }
    assert_int_equal(find_column(s, f, "x"), JET_errColumnNotFound);
    fcb_close(s, f, FCB_DENY_READ);
}

static void there_is_one_counting_column_of_each_kind(void **state)
{
    struct ddl_column version = {
        .name = "v", .coltyp = JET_coltypLong, .grbit = JET_bitColumnVersion};
    struct ddl_column counter = {
        .name = "a", .coltyp = JET_coltypLong, .grbit = JET_bitColumnAutoincrement};
    struct fcb *f = make_table("t");

    (void)state;
    assert_ok(ddl_add_column(s, f, &version));
    assert_ok(ddl_add_column(s, f, &counter));
    version.name = "v2";
    counter.name = "a2";
    assert_int_equal(ddl_add_column(s, f, &version), JET_errColumnRedundant);
    assert_int_equal(ddl_add_column(s, f, &counter), JET_errColumnRedundant);
    fcb_close(s, f, FCB_DENY_READ);
    assert_ok(fcb_open(s, d, "t", 0, &f));
    assert_int_equal(ddl_add_column(s, f, &counter), JET_errExclusiveTableLockRequired);
    fcb_close(s, f, 0);
    assert_ok(fcb_open(s, d, "t", FCB_READ_ONLY, &f));
    assert_int_equal(ddl_add_column(s, f, &version), JET_errPermissionDenied);
    fcb_close(s, f, FCB_READ_ONLY);
}

static void a_table_is_full_of_fixed_columns(void **state)
{
    struct ddl_table t = {.name = "t"}, wide = {.name = "wide"};
    struct fcb *f;
    char name[16];
    struct ddl_column c = {.name = name, .coltyp = JET_coltypUnsignedByte};

    (void)state;
    assert_ok(trx_begin(s));
    assert_ok(ddl_create_table(s, d, &t, &f));
    for (unsigned i = 0; i < FID_FIXED_MOST; i++) {
        snprintf(name, sizeof(name), "c%u", i);
        assert_ok(ddl_add_column(s, f, &c));
    }
    snprintf(name, sizeof(name), "more");
    assert_int_equal(ddl_add_column(s, f, &c), JET_errTooManyColumns);
    fcb_close(s, f, FCB_DENY_READ);
    assert_ok(ddl_create_table(s, d, &wide, &f));
    c = (struct ddl_column){
        .name = name, .coltyp = JET_coltypBinary, .max_len = 255, .grbit = JET_bitColumnFixed};
    for (unsigned i = 0; i < 14; i++) {
        snprintf(name, sizeof(name), "c%u", i);
        assert_ok(ddl_add_column(s, f, &c));
    }
    snprintf(name, sizeof(name), "more");
    assert_int_equal(ddl_add_column(s, f, &c), JET_errRecordTooBig);
    fcb_close(s, f, FCB_DENY_READ);
    assert_ok(trx_commit(s, true));
}

static void a_length_beyond_the_most_is_cut_with_a_warning(void **state)
{
    struct ddl_column c = {.name = "long text", .coltyp = JET_coltypText, .max_len = 300};
    struct tdb *t = NULL;
    struct fcb *f = make_table("t");

    (void)state;
    assert_int_equal(ddl_add_column(s, f, &c), JET_wrnColumnMaxTruncated);
    assert_ok(fcb_refresh(f, &t));
    assert_int_equal(tdb_column(t, c.columnid)->max_len, 255);
    tdb_put(t);
    fcb_close(s, f, FCB_DENY_READ);
}

static void an_escrow_column_needs_a_table_without_rows(void **state)
{
    static const uint8_t zero[4];
    struct ddl_column c = {.name = "e",
                           .coltyp = JET_coltypLong,
                           .grbit = JET_bitColumnEscrowUpdate,
                           .value = {zero, 4}};
    struct fcb *f = make_table("t"), *g = make_table("g");

    (void)state;
    assert_ok(insert_row(s, f, 1, "x", 1));
    assert_int_equal(ddl_add_column(s, f, &c), JET_errTableNotEmpty);
    assert_ok(ddl_add_column(s, g, &c));
    fcb_close(s, g, FCB_DENY_READ);
    fcb_close(s, f, FCB_DENY_READ);
}

static void a_rolled_back_column_leaves_its_number(void **state)
{
    struct ddl_column a = {.name = "a", .coltyp = JET_coltypLong},
                      b = {.name = "b", .coltyp = JET_coltypLong};
    struct fcb *f = make_table("t");

    (void)state;
    assert_ok(trx_begin(s));
    assert_ok(ddl_add_column(s, f, &a));
    assert_ok(find_column(s, f, "a"));
    assert_ok(trx_rollback(s));
    assert_int_equal(find_column(s, f, "a"), JET_errColumnNotFound);
    assert_ok(ddl_add_column(s, f, &b));
    assert_int_equal(b.columnid, a.columnid);
    fcb_close(s, f, FCB_DENY_READ);
}

static void a_deleted_column_is_a_stub_and_its_number_is_not_used_again(void **state)
{
    struct ddl_column c = {.name = "new", .coltyp = JET_coltypLong};
    struct fcb *f = make_table("t");
    struct cat cat;

    (void)state;
    assert_int_equal(ddl_delete_column(s, f, "none", 0), JET_errColumnNotFound);
    assert_int_equal(ddl_delete_column(s, f, "id", 0), JET_errColumnInUse);
    assert_ok(find_column(s, f, "id"));
    assert_ok(trx_begin(s));
    assert_ok(ddl_delete_column(s, f, "num", 0));
    assert_int_equal(find_column(s, f, "num"), JET_errColumnNotFound);
    assert_ok(trx_rollback(s));
    assert_ok(find_column(s, f, "num"));
    assert_ok(ddl_delete_column(s, f, "num", 0));
    assert_int_equal(ddl_delete_column(s, f, "num", 0), JET_errColumnNotFound);
    assert_ok(trx_begin(s));
    assert_ok(cat_open(&cat, s, d));
    assert_ok(cat_find(&cat, f->def.objid, CATROW_COLUMN, 2));
    assert_int_equal(cat.row.coltyp_or_pgno, JET_coltypNil);
    assert_int_equal(cat.row.name.len, strlen("JetStub_8_2"));
    assert_memory_equal(cat.row.name.p, "JetStub_8_2", cat.row.name.len);
    cat_close(&cat);
    assert_ok(trx_commit(s, true));
    assert_ok(ver_clean(&fix.in, NULL, true));
    assert_ok(ddl_add_column(s, f, &c));
    assert_int_equal(c.columnid, 3);
    fcb_close(s, f, FCB_DENY_READ);
}

static void renaming_a_column(void **state)
{
    struct fcb *f = make_table("t");

    (void)state;
    assert_int_equal(ddl_rename_column(s, f, "name", "NUM"), JET_errColumnDuplicate);
    assert_int_equal(ddl_rename_column(s, f, "none", "x"), JET_errColumnNotFound);
    assert_ok(trx_begin(s));
    assert_int_equal(ddl_rename_column(s, f, "name", "title"), JET_errInTransaction);
    assert_ok(trx_commit(s, true));
    assert_ok(ddl_rename_column(s, f, "name", "title"));
    assert_ok(find_column(s, f, "TITLE"));
    assert_int_equal(find_column(s, f, "name"), JET_errColumnNotFound);
    fcb_close(s, f, FCB_DENY_READ);
}

static uint32_t default_of(struct fcb *f, const char *name)
{
    const struct column *c;
    struct tdb *t = NULL;
    uint32_t v;

    assert_ok(fcb_refresh(f, &t));
    assert_ok(fcb_column_find(s, f, t, name, &c));
    v = c->has_default ? get_le32(c->default_value.p) : 0;
    tdb_put(t);
    return v;
}

static void default_values_are_set_and_taken_back(void **state)
{
    static const uint8_t seven[] = {7, 0, 0, 0}, nine[] = {9, 0, 0, 0};
    struct fcb *f = make_table("t");

    (void)state;
    assert_int_equal(ddl_set_default(s, f, "num", (struct slice){seven, 0}), JET_errNullInvalid);
    assert_int_equal(ddl_set_default(s, f, "num", (struct slice){seven, 2}),
                     JET_errInvalidBufferSize);
    assert_int_equal(ddl_set_default(s, f, "id", (struct slice){seven, 4}), JET_errColumnInUse);
    assert_int_equal(ddl_set_default(s, f, "none", (struct slice){seven, 4}),
                     JET_errColumnNotFound);
    assert_ok(ddl_set_default(s, f, "num", (struct slice){seven, 4}));
    assert_int_equal(default_of(f, "num"), 7);
    assert_ok(trx_begin(s));
    assert_ok(ddl_set_default(s, f, "num", (struct slice){nine, 4}));
    assert_int_equal(default_of(f, "num"), 9);
    assert_ok(trx_rollback(s));
    assert_int_equal(default_of(f, "num"), 7);
    fcb_close(s, f, FCB_DENY_READ);
    assert_ok(fcb_open(s, d, "t", 0, &f));
    assert_int_equal(ddl_set_default(s, f, "num", (struct slice){nine, 4}),
                     JET_errExclusiveTableLockRequired);
    fcb_close(s, f, 0);
}

static void fixed_ddl_is_for_its_maker_and_by_permission(void **state)
{
    struct ddl_column a = {.name = "a", .coltyp = JET_coltypLong},
                      b = {.name = "b", .coltyp = JET_coltypLong};
    struct ddl_table t = {
        .name = "t", .grbit = JET_bitTableCreateFixedDDL, .columns = &a, .nr_columns = 1};
    struct fcb *f;

    (void)state;
    assert_ok(ddl_create_table(s, d, &t, &f));
    assert_ok(ddl_add_column(s, f, &b));
    assert_int_equal(ddl_delete_column(s, f, "a", 0), JET_errFixedDDL);
    fcb_close(s, f, FCB_DENY_READ | FCB_PERMIT_DDL);
    assert_ok(fcb_open(s, d, "t", 0, &f));
    b.name = "c";
    assert_int_equal(ddl_add_column(s, f, &b), JET_errFixedDDL);
    assert_int_equal(make_index(s, f, "i", KEY("+a"), 0), JET_errFixedDDL);
    fcb_close(s, f, 0);
    assert_ok(fcb_open(s, d, "t", FCB_DENY_READ | FCB_PERMIT_DDL, &f));
    assert_ok(ddl_add_column(s, f, &b));
    assert_ok(make_index(s, f, "i", KEY("+a"), 0));
    assert_int_equal(ddl_delete_index(s, f, "i"), JET_errFixedDDL);
    fcb_close(s, f, FCB_DENY_READ | FCB_PERMIT_DDL);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(columns_get_their_numbers_and_places_by_kind),
        T(columns_that_the_engine_refuses),
        T(there_is_one_counting_column_of_each_kind),
        T(a_table_is_full_of_fixed_columns),
        T(a_length_beyond_the_most_is_cut_with_a_warning),
        T(an_escrow_column_needs_a_table_without_rows),
        T(a_rolled_back_column_leaves_its_number),
        T(a_deleted_column_is_a_stub_and_its_number_is_not_used_again),
        T(renaming_a_column),
        T(default_values_are_set_and_taken_back),
        T(fixed_ddl_is_for_its_maker_and_by_permission),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
