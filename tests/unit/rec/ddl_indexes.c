/* Indexes by one session: what is made, what is refused, what is left after a rollback. */
#include "ddltest.h"

#include <uchar.h>

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

static void indexes_that_the_engine_refuses(void **state)
{
    static const uint8_t zero[4];
    static const struct ddl_condition null = {"num", true}, none = {"none", true};
    struct ddl_column escrow = {.name = "esc",
                                .coltyp = JET_coltypLong,
                                .grbit = JET_bitColumnEscrowUpdate,
                                .value = {zero, 4}};
    struct ddl_column secret = {
        .name = "secret", .coltyp = JET_coltypLongBinary, .grbit = JET_bitColumnEncrypted};
    const struct {
        struct ddl_index x;
        JET_ERR err;
    } cases[] = {
        {{.name = "a.b", .key = KEY("+num")}, JET_errInvalidName},
        {{.name = "i", .key = {NULL, 0}}, JET_errInvalidParameter},
        {{.name = "i", .key = KEY("num")}, JET_errIndexInvalidDef},
        {{.name = "i", .key = {(const uint8_t *)"+num", 5}}, JET_errIndexInvalidDef},
        {{.name = "i", .key = {(const uint8_t *)"+num", 4}}, JET_errIndexInvalidDef},
        {{.name = "i",
          .key = KEY("+a\0+b\0+c\0+d\0+e\0+f\0+g\0+h\0+i\0+j\0+k\0+l\0+m\0+n\0+o\0+p\0+q")},
         JET_errIndexInvalidDef},
        {{.name = "i", .key = KEY("+none")}, JET_errColumnNotFound},
        {{.name = "PK", .key = KEY("+num")}, JET_errIndexDuplicate},
        {{.name = "i", .key = KEY("+num"), .grbit = JET_bitIndexPrimary}, JET_errIndexHasPrimary},
        {{.name = "i", .key = KEY("+num"), .grbit = JET_bitIndexPrimary | JET_bitIndexIgnoreNull},
         JET_errInvalidGrbit},
        {{.name = "i",
          .key = KEY("+num"),
          .grbit = JET_bitIndexCrossProduct | JET_bitIndexNestedTable},
         JET_errInvalidGrbit},
        {{.name = "i", .key = KEY("+num"), .grbit = JET_bitIndexEmpty}, JET_errInvalidGrbit},
        {{.name = "i", .key = KEY("+num"), .density = 10}, JET_errDensityInvalid},
        {{.name = "i", .key = KEY("+num"), .grbit = JET_bitIndexKeyMost, .key_most = 254},
         JET_errIndexInvalidDef},
        {{.name = "i", .key = KEY("+num"), .grbit = JET_bitIndexKeyMost, .key_most = 1001},
         JET_errIndexInvalidDef},
        {{.name = "i", .key = KEY("+num"), .segment_most = 256}, JET_errIndexInvalidDef},
        {{.name = "i", .key = KEY("+note"), .grbit = JET_bitIndexUnicode, .locale = "no locale"},
         JET_errInvalidLanguageId},
        {{.name = "i",
          .key = KEY("+note"),
          .grbit = JET_bitIndexUnicode,
          .lcmap_flags = 0x40000000},
         JET_errInvalidLCMapStringFlags},
        {{.name = "i", .key = KEY("+note"), .grbit = JET_bitIndexUnicode, .lcmap_flags = 0x200},
         JET_errEngineFormatVersionParamTooLowForRequestedFeature},
        {{.name = "i", .key = KEY("+name"), .grbit = JET_bitIndexTuples | JET_bitIndexPrimary},
         JET_errIndexTuplesSecondaryIndexOnly},
        {{.name = "i", .key = KEY("+name"), .grbit = JET_bitIndexTuples | JET_bitIndexUnique},
         JET_errIndexTuplesNonUniqueOnly},
        {{.name = "i", .key = KEY("+name"), .grbit = JET_bitIndexTuples, .segment_most = 10},
         JET_errIndexTuplesVarSegMacNotAllowed},
        {{.name = "i", .key = KEY("+num"), .grbit = JET_bitIndexTuples},
         JET_errIndexTuplesTextBinaryColumnsOnly},
        {{.name = "i",
          .key = KEY("+name"),
          .grbit = JET_bitIndexTupleLimits,
          .tuple_min = 5,
          .tuple_max = 4},
         JET_errIndexTuplesInvalidLimits},
        {{.name = "i", .key = KEY("+esc")}, JET_errCannotIndex},
        {{.name = "i", .key = KEY("+secret")}, JET_errCannotIndexOnEncryptedColumn},
        {{.name = "i", .key = KEY("+num"), .conditions = &none, .nr_conditions = 1},
         JET_errColumnNotFound},
        {{.name = "i", .key = KEY("+num"), .conditions = &null, .nr_conditions = 17},
         JET_errIndexInvalidDef},
        {{.name = "i",
          .key = KEY("+num"),
          .grbit = JET_bitIndexPrimary,
          .conditions = &null,
          .nr_conditions = 1},
         JET_errIndexInvalidDef},
    };
    struct fcb *f = make_table("t");
    uint32_t before;

    (void)state;
    assert_ok(ddl_add_column(s, f, &escrow));
    assert_ok(ddl_add_column(s, f, &secret));
    before = free_pages();
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct ddl_index x = cases[i].x;
        JET_ERR err = ddl_create_indexes(s, f, &x, 1);

        if (err != cases[i].err)
            fail_msg("case %u: %d instead of %d", i, err, cases[i].err);
    }
    assert_int_equal(free_pages(), before);
    fcb_close(s, f, FCB_DENY_READ);
}

static void a_primary_index_wants_an_empty_table(void **state)
{
    struct ddl_column columns[] = {{.name = "a", .coltyp = JET_coltypLong},
                                   {.name = "b", .coltyp = JET_coltypText},
                                   {.name = "m",
                                    .coltyp = JET_coltypLong,
                                    .grbit = JET_bitColumnTagged | JET_bitColumnMultiValued}};
    struct ddl_table t = {.name = "t", .columns = columns, .nr_columns = 3};
    struct tdb *tdb = NULL;
    struct dir dir;
    struct fcb *f;
    uint32_t dbk;

    (void)state;
    assert_ok(ddl_create_table(s, d, &t, &f));
    assert_ok(fcb_next_dbk(s, f, &dbk));
    assert_int_equal(dbk, 1);
    assert_int_equal(make_index(s, f, "pk", KEY("+m"), JET_bitIndexPrimary),
                     JET_errIndexInvalidDef);
    assert_ok(trx_begin(s));
    assert_ok(make_index(s, f, "pk", KEY("+a"), JET_bitIndexPrimary));
    assert_ok(trx_rollback(s));
    assert_ok(fcb_refresh(f, &tdb));
    assert_null(tdb->primary);
    assert_ok(make_index(s, f, "pk", KEY("+a"), JET_bitIndexPrimary));
    assert_ok(fcb_refresh(f, &tdb));
    assert_non_null(tdb->primary);
    assert_int_equal(tdb->primary->def.key_most, 5);
    assert_int_equal(make_index(s, f, "pk2", KEY("+b"), JET_bitIndexPrimary),
                     JET_errIndexHasPrimary);
    assert_int_equal(ddl_delete_index(s, f, "pk"), JET_errIndexMustStay);
    tdb_put(tdb);
    fcb_close(s, f, FCB_DENY_READ);
    t.name = "rows";
    assert_ok(ddl_create_table(s, d, &t, &f));
    assert_ok(dir_init(&dir, s, f->tree));
    assert_ok(trx_begin(s));
    assert_ok(dir_insert(&dir, (struct slice){(const uint8_t *)"\0\0\0\1", 4},
                         (struct slice){(const uint8_t *)"\0\x7f\4\0", 4}, 0));
    assert_ok(trx_commit(s, true));
    dir_done(&dir);
    assert_int_equal(make_index(s, f, "pk", KEY("+a"), JET_bitIndexPrimary), JET_errTableNotEmpty);
    fcb_close(s, f, FCB_DENY_READ);
}

/* Every kind of index over rows that are there; the check of the file compares the entries with
 * the records. */
static void indexes_are_built_over_the_rows_that_are_there(void **state)
{
    static const struct ddl_condition has_num = {"num", false};
    struct ddl_index x[] = {
        {.name = "by num", .key = KEY("+num")},
        {.name = "by name", .key = KEY("-name\0+num")},
        {.name = "unique", .key = KEY("+num\0+id"), .grbit = JET_bitIndexUnique},
        {.name = "tuples", .key = KEY("+name"), .grbit = JET_bitIndexTuples},
        {.name = "if", .key = KEY("+name"), .conditions = &has_num, .nr_conditions = 1},
        {.name = "no notes", .key = KEY("+note"), .grbit = JET_bitIndexIgnoreAnyNull},
        {.name = "notes", .key = KEY("+note")},
        {.name = "many", .key = KEY("+many\0+num")},
    };
    struct fcb *f = make_table("t");
    char name[40];

    (void)state;
    assert_ok(trx_begin(s));
    for (uint32_t i = 0; i < 3000; i++) {
        snprintf(name, sizeof(name), "Name number %u", (i * 7919) % 1000);
        assert_ok(insert_row(s, f, i, name, i % 97));
    }
    assert_ok(trx_commit(s, true));
    assert_ok(ddl_create_indexes(s, f, x, ARRAY_LEN(x)));
    assert_int_equal(count_entries(s, f, "by num"), 3000);
    assert_int_equal(count_entries(s, f, "BY NAME"), 3000);
    assert_int_equal(count_entries(s, f, "no notes"), 0);
    assert_int_equal(count_entries(s, f, "notes"), 3000);
    assert_int_equal(find_index(s, f, "none"), JET_errIndexNotFound);
    fcb_close(s, f, FCB_DENY_READ);
}

static void duplicates_end_the_build_and_leave_nothing(void **state)
{
    struct ddl_index x[] = {{.name = "fine", .key = KEY("+name")},
                            {.name = "twice", .key = KEY("+num"), .grbit = JET_bitIndexUnique}};
    struct fcb *f = make_table("t");
    uint32_t owned, available, owned_before, available_before;

    (void)state;
    for (uint32_t i = 0; i < 300; i++)
        assert_ok(insert_row(s, f, i, "same", i == 299 ? 5 : i));
    assert_ok(space_count(s, f->tree, &owned_before, &available_before));
    assert_int_equal(ddl_create_indexes(s, f, x, 2), JET_errKeyDuplicate);
    assert_int_equal(x[0].err, JET_errSuccess);
    assert_int_equal(x[1].err, JET_errKeyDuplicate);
    assert_int_equal(find_index(s, f, "fine"), JET_errIndexNotFound);
    assert_int_equal(find_index(s, f, "twice"), JET_errIndexNotFound);
    assert_ok(ver_clean(&fix.in, NULL, true));
    assert_ok(space_count(s, f->tree, &owned, &available));
    assert_int_equal(owned - available, owned_before - available_before);
    assert_int_equal(make_index(s, f, "no nulls", KEY("+note"), JET_bitIndexDisallowNull),
                     JET_errNullKeyDisallowed);
    fcb_close(s, f, FCB_DENY_READ);
}

static void a_deleted_index_gives_its_space_back_to_the_table(void **state)
{
    struct fcb *f = make_table("t");
    struct fcb_index *ix;
    struct tdb *t = NULL;
    uint32_t owned, available, used;

    (void)state;
    for (uint32_t i = 0; i < 1000; i++)
        assert_ok(insert_row(s, f, i, "some name or other", i));
    assert_ok(space_count(s, f->tree, &owned, &available));
    used = owned - available;
    assert_ok(make_index(s, f, "i", KEY("+name"), 0));
    assert_int_equal(ddl_delete_index(s, f, "none"), JET_errIndexNotFound);
    assert_ok(fcb_refresh(f, &t));
    assert_ok(fcb_index_find(s, f, t, "i", &ix));
    assert_ok(fcb_index_use(f, ix));
    assert_int_equal(ddl_delete_index(s, f, "i"), JET_errIndexInUse);
    fcb_index_unuse(ix);
    assert_ok(trx_begin(s));
    assert_ok(ddl_delete_index(s, f, "i"));
    assert_int_equal(find_index(s, f, "i"), JET_errIndexNotFound);
    assert_int_equal(fcb_index_use(f, ix), JET_errIndexNotFound);
    assert_ok(trx_rollback(s));
    assert_ok(find_index(s, f, "i"));
    assert_ok(fcb_index_use(f, ix));
    fcb_index_unuse(ix);
    assert_ok(ddl_delete_index(s, f, "i"));
    fcb_index_put(ix);
    tdb_put(t);
    assert_ok(ver_clean(&fix.in, NULL, true));
    assert_ok(space_count(s, f->tree, &owned, &available));
    assert_int_equal(owned - available, used);
    assert_ok(make_index(s, f, "i", KEY("+num"), 0));
    fcb_close(s, f, FCB_DENY_READ);
}

static void put_note(struct fucb *c, uint32_t id, const char16_t *text, uint32_t bytes)
{
    const struct column *col;
    uint8_t b[4];

    put_le32(b, id);
    assert_ok(fucb_prepare(c, FUCB_PREP_INSERT));
    assert_ok(fcb_column_find(s, c->fcb, c->tdb, "id", &col));
    assert_ok(fucb_set(c, col->id, (struct slice){b, 4}, 0, 0, 1));
    assert_ok(fcb_column_find(s, c->fcb, c->tdb, "note", &col));
    assert_ok(fucb_set(c, col->id, (struct slice){(const uint8_t *)text, bytes}, 0, 0, 1));
    assert_ok(fucb_update(c, NULL, 0, NULL, 0));
}

static uint32_t id_here(struct fucb *c)
{
    uint8_t b[4];
    struct fucb_value v = {.columnid = 1, .itag = 1, .buf = b, .cap = 4};

    assert_ok(fucb_retrieve(c, &v));
    return get_le32(b);
}

/* Built over rows, and maintained afterwards, by the same order. */
static void text_is_in_the_engines_own_order(void **state)
{
    static const uint32_t order[] = {2, 4, 1, 3}; /* a, B, c, D: not by code */
    struct ddl_index x = {
        .name = "notes", .key = KEY("+note"), .grbit = JET_bitIndexUnicode, .locale = "en-US"};
    struct fcb *f = make_table("t");
    struct fucb *c;

    (void)state;
    assert_ok(fucb_open(s, d, "t", 0, &c));
    put_note(c, 1, u"c", 2);
    put_note(c, 2, u"a", 2);
    assert_ok(ddl_create_indexes(s, f, &x, 1));
    put_note(c, 3, u"D", 2);
    put_note(c, 4, u"B", 2);
    assert_ok(fucb_set_index(c, "notes", false, 1));
    assert_true(fucb_index(c)->has_text);
    assert_false(fucb_index(c)->foreign_sort);
    assert_ok(fucb_move(c, FUCB_FIRST, false));
    for (unsigned i = 0; i < ARRAY_LEN(order); i++) {
        assert_int_equal(id_here(c), order[i]);
        assert_int_equal(fucb_move(c, 1, false), i < 3 ? JET_errSuccess : JET_errNoCurrentRecord);
    }
    fucb_close(c);
    fcb_close(s, f, FCB_DENY_READ);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(indexes_that_the_engine_refuses),
        T(a_primary_index_wants_an_empty_table),
        T(indexes_are_built_over_the_rows_that_are_there),
        T(duplicates_end_the_build_and_leave_nothing),
        T(a_deleted_index_gives_its_space_back_to_the_table),
        T(text_is_in_the_engines_own_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
