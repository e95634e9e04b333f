/* Tables by one session: what is made, what is refused, what is left after a rollback. */
#include "ddltest.h"

static int setup(void **state)
{
    (void)state;
    ddl_begin(4096, 20, true);
    return 0;
}

static int setup_large(void **state)
{
    (void)state;
    ddl_begin(32768, 110, true);
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

/* ---- tables ---------------------------------------------------------------------------------- */

static JET_ERR create_bare(struct sess *who, const char *name)
{
    struct ddl_table t = {.name = name};

    return ddl_create_table(who, d, &t, NULL);
}

static JET_ERR note_name(void *ctx, const struct ddl_table_info *info)
{
    strcat(ctx, info->name);
    strcat(ctx, " ");
    return JET_errSuccess;
}

static void tables_are_listed_by_name(void **state)
{
    char names[200] = "";

    (void)state;
    assert_ok(create_bare(s, "b"));
    assert_ok(create_bare(s, "A"));
    assert_ok(ddl_each_table(s, d, note_name, names));
    assert_string_equal(names, "A b MSysLocales MSysObjects MSysObjectsShadow MSysObjids ");
}

static JET_ERR stop_at_once(void *ctx, const struct ddl_table_info *info)
{
    (void)ctx, (void)info;
    return JET_errInvalidParameter;
}

static void listing_ends_when_the_caller_has_enough(void **state)
{
    (void)state;
    assert_int_equal(ddl_each_table(s, d, stop_at_once, NULL), JET_errInvalidParameter);
    assert_int_equal(s->level, 0);
}

static void a_name_is_taken_whatever_its_case(void **state)
{
    (void)state;
    assert_ok(create_bare(s, "Orders"));
    assert_int_equal(create_bare(s, "oRDERS"), JET_errTableDuplicate);
    assert_int_equal(create_bare(s, "MSysObjects"), JET_errTableDuplicate);
    assert_ok(find_table(s, "ORDERS"));
    assert_int_equal(find_table(s, "Order"), JET_errObjectNotFound);
}

static void names_that_the_engine_refuses(void **state)
{
    static const char *const bad[] = {"",    " a",   "a.b", "a!b",  "a[b",
                                      "a]b", "a\tb", "   ", "\xff", "\xe4\xb8\xad"};
    char name[NAME_MOST + 2];

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(create_bare(s, bad[i]), JET_errInvalidName);
    assert_int_equal(create_bare(s, NULL), JET_errInvalidName);
    memset(name, 'x', sizeof(name));
    name[NAME_MOST + 1] = '\0';
    assert_int_equal(create_bare(s, name), JET_errInvalidName);
    name[NAME_MOST] = '\0';
    assert_ok(create_bare(s, name));
}

static void names_beyond_ascii_and_trailing_spaces(void **state)
{
    struct ddl_table_info info;

    (void)state;
    assert_ok(create_bare(s, "Stra\xc3\x9f"
                             "e \xe2\x82\xac  ")); /* "Straße €" */
    assert_ok(ddl_find_table(s, d,
                             "stra\xc3\x9f"
                             "e \xe2\x82\xac",
                             &info));
    assert_string_equal(info.name, "Stra\xc3\x9f"
                                   "e \xe2\x82\xac");
}

static void pages_and_density_of_a_table(void **state)
{
    struct ddl_table t = {.name = "t", .density = 19};
    struct fcb *f;
    uint32_t owned, available;

    (void)state;
    assert_int_equal(ddl_create_table(s, d, &t, NULL), JET_errDensityInvalid);
    t.density = 101;
    assert_int_equal(ddl_create_table(s, d, &t, NULL), JET_errDensityInvalid);
    t.density = 60;
    t.pages = 16;
    assert_ok(ddl_create_table(s, d, &t, &f));
    assert_int_equal(f->tree->density, 60);
    assert_int_equal(f->def.initial_pages, 16);
    assert_ok(space_count(s, f->tree, &owned, &available));
    assert_int_equal(owned, 16);
    fcb_close(s, f, FCB_DENY_READ);
}

static void the_number_of_things_made_says_what_failed(void **state)
{
    struct ddl_column columns[] = {
        {.name = "a", .coltyp = JET_coltypLong},
        {.name = "b", .coltyp = 99},
    };
    struct ddl_table t = {.name = "t", .columns = columns, .nr_columns = 2};
    const uint32_t before = free_pages();

    (void)state;
    assert_int_equal(ddl_create_table(s, d, &t, NULL), JET_errInvalidColumnType);
    assert_int_equal(t.nr_created, 2);
    assert_int_equal(columns[0].err, JET_errSuccess);
    assert_int_equal(columns[1].err, JET_errInvalidColumnType);
    assert_int_equal(find_table(s, "t"), JET_errObjectNotFound);
    assert_int_equal(free_pages(), before);
}

static void a_deleted_table_gives_its_space_back_when_nobody_is_older(void **state)
{
    const uint32_t before = free_pages();
    struct sess *old = instfix_session(&fix);
    struct fcb *f = make_table("t");

    (void)state;
    for (uint32_t i = 0; i < 500; i++)
        assert_ok(insert_row(s, f, i, "some text to fill pages", i));
    fcb_close(s, f, FCB_DENY_READ);
    assert_true(free_pages() < before);
    assert_ok(trx_begin(old));
    assert_ok(find_table(old, "t"));
    assert_ok(ddl_delete_table(s, d, "t"));
    assert_true(ver_clean(&fix.in, NULL, true) >= 0);
    assert_true(free_pages() < before);
    assert_ok(find_table(old, "t"));
    assert_int_equal(fcb_open(old, d, "t", 0, &f), JET_errTableLocked);
    assert_int_equal(find_table(s, "t"), JET_errObjectNotFound);
    assert_ok(trx_commit(old, true));
    assert_ok(ver_clean(&fix.in, NULL, true));
    assert_true(free_pages() >= before);
    assert_int_equal(fcb_open(old, d, "t", 0, &f), JET_errObjectNotFound);
}

static void tables_that_cannot_be_deleted(void **state)
{
    struct ddl_table template = {.name = "tmpl", .grbit = JET_bitTableCreateTemplateTable};
    struct sess *other = instfix_session(&fix);
    struct fcb *f = make_table("t");

    (void)state;
    assert_ok(ddl_create_table(s, d, &template, NULL));
    assert_int_equal(ddl_delete_table(s, d, "none"), JET_errObjectNotFound);
    assert_int_equal(ddl_delete_table(s, d, "MSysObjects"), JET_errCannotDeleteSystemTable);
    assert_int_equal(ddl_delete_table(s, d, "MSysLocales"), JET_errCannotDeleteSystemTable);
    assert_int_equal(ddl_delete_table(s, d, "tmpl"), JET_errCannotDeleteTemplateTable);
    assert_int_equal(ddl_delete_table(other, d, "t"), JET_errTableLocked);
    fcb_close(s, f, FCB_DENY_READ);
    assert_ok(fcb_open(s, d, "t", 0, &f));
    assert_int_equal(ddl_delete_table(s, d, "t"), JET_errTableInUse);
    assert_int_equal(ddl_delete_table(other, d, "t"), JET_errTableInUse);
    fcb_close(s, f, 0);
    assert_ok(trx_begin(other));
    assert_ok(ddl_delete_table(other, d, "t"));
    assert_int_equal(ddl_delete_table(s, d, "t"), JET_errTableLocked);
    assert_int_equal(fcb_open(s, d, "t", 0, &f), JET_errTableLocked);
    assert_ok(trx_rollback(other));
    assert_ok(fcb_open(s, d, "t", 0, &f));
    fcb_close(s, f, 0);
}

static void renaming_a_table(void **state)
{
    struct ddl_table fixed = {.name = "fixed", .grbit = JET_bitTableCreateFixedDDL};
    struct fcb *f = make_table("before");
    char name[FCB_NAME_LEN];

    (void)state;
    assert_ok(create_bare(s, "taken"));
    assert_ok(ddl_create_table(s, d, &fixed, NULL));
    assert_int_equal(ddl_rename_table(s, d, "before", "TAKEN"), JET_errTableDuplicate);
    assert_int_equal(ddl_rename_table(s, d, "none", "x"), JET_errObjectNotFound);
    assert_int_equal(ddl_rename_table(s, d, "before", "a.b"), JET_errInvalidName);
    assert_int_equal(ddl_rename_table(s, d, "fixed", "x"), JET_errFixedDDL);
    assert_int_equal(ddl_rename_table(s, d, "MSysObjids", "x"), JET_errFixedDDL);
    fcb_name(f, name);
    assert_string_equal(name, "before");
    assert_ok(ddl_rename_table(s, d, "before", "After"));
    fcb_name(f, name);
    assert_string_equal(name, "After");
    assert_int_equal(find_table(s, "before"), JET_errObjectNotFound);
    assert_ok(ddl_rename_table(s, d, "After", "aFTER"));
    assert_ok(trx_begin(s));
    assert_ok(ddl_rename_table(s, d, "after", "gone"));
    assert_ok(trx_rollback(s));
    fcb_name(f, name);
    assert_string_equal(name, "aFTER");
    assert_ok(find_table(s, "after"));
    fcb_close(s, f, FCB_DENY_READ);
}

static void use_by_one_session_and_by_others(void **state)
{
    struct sess *other = instfix_session(&fix);
    struct fcb *a, *b;

    (void)state;
    assert_ok(create_bare(s, "t"));
    assert_ok(fcb_open(s, d, "t", FCB_DENY_READ, &a));
    assert_ok(fcb_open(s, d, "t", 0, &b));
    assert_ptr_equal(a, b);
    assert_int_equal(fcb_how_of(s, a), FCB_DENY_READ);
    assert_int_equal(fcb_open(other, d, "t", FCB_READ_ONLY, &b), JET_errTableLocked);
    fcb_close(s, a, 0);
    fcb_close(s, a, FCB_DENY_READ);
    assert_ok(fcb_open(other, d, "t", FCB_READ_ONLY, &b));
    assert_int_equal(fcb_open(s, d, "t", FCB_DENY_READ, &a), JET_errTableInUse);
    assert_ok(fcb_open(s, d, "t", FCB_DENY_WRITE, &a));
    assert_int_equal(fcb_open(other, d, "t", 0, &b), JET_errTableLocked);
    assert_int_equal(fcb_open(s, d, "t", FCB_DENY_WRITE, &a), JET_errTableInUse);
    assert_int_equal(fcb_open_again(other, a, FCB_DENY_READ | FCB_READ_ONLY), JET_errTableInUse);
    fcb_close(s, a, FCB_DENY_WRITE);
    fcb_close(other, b, FCB_READ_ONLY);
    assert_int_equal(fcb_open(s, d, "t", FCB_PERMIT_DDL, &a), JET_errInvalidGrbit);
}

/* ---- templates ------------------------------------------------------------------------------- */

static void a_derived_table_has_its_templates_columns_and_indexes(void **state)
{
    struct ddl_column tc[] = {{.name = "id", .coltyp = JET_coltypLong},
                              {.name = "text", .coltyp = JET_coltypText},
                              {.name = "tag", .coltyp = JET_coltypLongBinary}};
    struct ddl_column dc[] = {{.name = "own", .coltyp = JET_coltypLong},
                              {.name = "own tag", .coltyp = JET_coltypLongBinary}};
    struct ddl_index ti[] = {{.name = "pk", .key = KEY("+id"), .grbit = JET_bitIndexPrimary},
                             {.name = "second", .key = KEY("+text")}};
    struct ddl_index di = {.name = "third", .key = KEY("+own\0+id")};
    struct ddl_table tt = {.name = "base",
                           .grbit = JET_bitTableCreateTemplateTable,
                           .columns = tc,
                           .nr_columns = 3,
                           .indexes = ti,
                           .nr_indexes = 2};
    struct ddl_table dt = {.name = "derived",
                           .template_name = "Base",
                           .columns = dc,
                           .nr_columns = 2,
                           .indexes = &di,
                           .nr_indexes = 1};
    struct ddl_column again = {.name = "TEXT", .coltyp = JET_coltypLong};
    struct tdb *t = NULL;
    struct fcb *f;

    (void)state;
    assert_ok(ddl_create_table(s, d, &tt, NULL));
    assert_int_equal(tc[0].columnid, 1 | COLUMN_ID_TEMPLATE);
    assert_ok(ddl_create_table(s, d, &dt, &f));
    assert_int_equal(dc[0].columnid, 2);
    assert_int_equal(dc[1].columnid, 256);
    assert_ok(fcb_refresh(f, &t));
    assert_int_equal(t->schema.nr_columns, 5);
    assert_int_equal(t->nr_indexes, 2);
    assert_non_null(t->primary);
    assert_int_equal(tdb_column(t, 2)->offset, 8);
    assert_true(tdb_column(t, 256 | COLUMN_ID_TEMPLATE)->derived);
    assert_false(tdb_column(t, 256)->derived);
    assert_ptr_equal(tdb_segment(t, &t->primary->def.segments[0]),
                     tdb_column(t, 1 | COLUMN_ID_TEMPLATE));
    tdb_put(t);
    assert_int_equal(ddl_add_column(s, f, &again), JET_errColumnDuplicate);
    assert_int_equal(ddl_delete_column(s, f, "text", 0), JET_errFixedInheritedDDL);
    assert_int_equal(ddl_delete_column(s, f, "text", JET_bitDeleteColumnIgnoreTemplateColumns),
                     JET_errColumnNotFound);
    assert_int_equal(ddl_rename_column(s, f, "text", "x"), JET_errFixedInheritedDDL);
    assert_int_equal(ddl_delete_index(s, f, "second"), JET_errFixedInheritedDDL);
    assert_ok(ddl_delete_index(s, f, "third"));
    fcb_close(s, f, FCB_DENY_READ);
    dt.name = "nested";
    dt.grbit = JET_bitTableCreateTemplateTable;
    assert_int_equal(ddl_create_table(s, d, &dt, NULL), JET_errCannotNestDDL);
    dt.grbit = 0;
    dt.template_name = "derived";
    assert_int_equal(ddl_create_table(s, d, &dt, NULL), JET_errDDLNotInheritable);
    dt.template_name = "none";
    assert_int_equal(ddl_create_table(s, d, &dt, NULL), JET_errObjectNotFound);
}

static void a_template_may_forbid_fixed_and_variable_columns(void **state)
{
    struct ddl_column tc = {.name = "id", .coltyp = JET_coltypLong};
    struct ddl_column dc = {.name = "own", .coltyp = JET_coltypLong};
    struct ddl_table tt = {.name = "base",
                           .grbit = JET_bitTableCreateTemplateTable |
                                    JET_bitTableCreateNoFixedVarColumnsInDerivedTables,
                           .columns = &tc,
                           .nr_columns = 1};
    struct ddl_table dt = {.name = "d", .template_name = "base", .columns = &dc, .nr_columns = 1};

    (void)state;
    assert_ok(ddl_create_table(s, d, &tt, NULL));
    assert_int_equal(ddl_create_table(s, d, &dt, NULL),
                     JET_errCannotAddFixedVarColumnToDerivedTable);
    dc.grbit = JET_bitColumnTagged;
    assert_ok(ddl_create_table(s, d, &dt, NULL));
}

/* ---- numbers --------------------------------------------------------------------------------- */

static uint64_t next_number(struct fcb *f)
{
    struct tdb *t = NULL;
    uint64_t v;

    assert_ok(fcb_refresh(f, &t));
    assert_ok(trx_begin(s));
    assert_ok(fcb_next_auto_inc(s, f, t, &v));
    assert_ok(trx_commit(s, true));
    tdb_put(t);
    return v;
}

static struct fcb *reopen(struct fcb *f, unsigned how)
{
    char name[FCB_NAME_LEN];

    fcb_name(f, name);
    fcb_close(s, f, how);
    assert_ok(ver_clean(&fix.in, NULL, true));
    fcb_free_all(d);
    assert_ok(fcb_open(s, d, name, FCB_DENY_READ, &f));
    return f;
}

static void auto_increment_goes_on_behind_the_highest_in_the_table(void **state)
{
    struct ddl_column c = {
        .name = "n", .coltyp = JET_coltypLong, .grbit = JET_bitColumnAutoincrement};
    struct fcb *f = make_table("t");

    (void)state;
    for (uint32_t i = 0; i < 40; i++)
        assert_ok(insert_row(s, f, i, "x", i));
    assert_ok(ddl_add_column(s, f, &c));
    assert_int_equal(next_number(f), 41);
    assert_int_equal(next_number(f), 42);
    f = reopen(f, FCB_DENY_READ);
    assert_int_equal(next_number(f), 41);
    fcb_close(s, f, FCB_DENY_READ);
}

static void newer_formats_keep_the_counter_in_the_root(void **state)
{
    struct ddl_column c = {
        .name = "n", .coltyp = JET_coltypLongLong, .grbit = JET_bitColumnAutoincrement};
    struct ddl_table t = {.name = "t", .columns = &c, .nr_columns = 1};
    struct fcb *f;
    uint64_t high;
    bool has;

    (void)state;
    assert_ok(ddl_create_table(s, d, &t, &f));
    assert_ok(fcb_root_auto_inc(f->tree, &has, &high));
    assert_true(has);
    assert_int_equal(high, 0);
    for (uint64_t i = 1; i <= 7; i++)
        assert_int_equal(next_number(f), i);
    assert_ok(fcb_root_auto_inc(f->tree, &has, &high));
    assert_int_equal(high, 14); /* 2, 6, 14 */
    f = reopen(f, FCB_DENY_READ);
    assert_int_equal(next_number(f), 15);
    fcb_close(s, f, FCB_DENY_READ);
}

/* ---- long values ----------------------------------------------------------------------------- */

static void the_tree_of_long_values_is_made_once(void **state)
{
    struct fcb *f = make_table("t"), *g;
    struct tree *a, *b;

    (void)state;
    assert_ok(trx_begin(s));
    assert_ok(fcb_lv_tree(s, f, false, &a));
    assert_null(a);
    assert_ok(fcb_lv_tree(s, f, true, &a));
    assert_ok(trx_rollback(s));
    assert_ok(trx_begin(s));
    assert_ok(fcb_lv_tree(s, f, false, &a));
    assert_null(a); /* exclusive use: it went with the transaction */
    assert_ok(trx_commit(s, true));
    fcb_close(s, f, FCB_DENY_READ);
    assert_ok(fcb_open(s, d, "t", 0, &g));
    assert_ok(trx_begin(s));
    assert_ok(fcb_lv_tree(s, g, true, &a));
    assert_ok(trx_rollback(s));
    assert_ok(trx_begin(s));
    assert_ok(fcb_lv_tree(s, g, true, &b));
    assert_ptr_equal(a, b); /* others may have it open: it stays */
    assert_ok(trx_commit(s, true));
    fcb_close(s, g, 0);
}

/* ---- rollback and crash ---------------------------------------------------------------------- */

static void a_rolled_back_table_leaves_nothing(void **state)
{
    const uint32_t before = free_pages();
    struct fcb *f;

    (void)state;
    assert_ok(trx_begin(s));
    f = make_table("t");
    for (uint32_t i = 0; i < 200; i++)
        assert_ok(insert_row(s, f, i, "a row of a table that will not be", i));
    assert_ok(make_index(s, f, "i", KEY("+num"), 0));
    assert_ok(trx_rollback(s));
    assert_true(f->deleted);
    fcb_close(s, f, FCB_DENY_READ);
    assert_int_equal(find_table(s, "t"), JET_errObjectNotFound);
    assert_true(free_pages() >= before);
    f = make_table("t");
    fcb_close(s, f, FCB_DENY_READ);
}

static void a_crash_undoes_what_was_not_committed(void **state)
{
    struct fcb *f = make_table("kept"), *g;
    struct ddl_column c = {.name = "lost", .coltyp = JET_coltypLong};

    (void)state;
    for (uint32_t i = 0; i < 300; i++)
        assert_ok(insert_row(s, f, i, "x", i));
    assert_ok(make_index(s, f, "by num", KEY("+num"), JET_bitIndexUnique));
    assert_ok(trx_begin(s));
    g = make_table("lost");
    assert_ok(ddl_add_column(s, f, &c));
    assert_ok(make_index(s, f, "lost", KEY("+name"), 0));
    assert_ok(ddl_delete_index(s, f, "by num"));
    assert_ok(wal_flush_all(fix.in.wal));
    fcb_close(s, g, FCB_DENY_READ);
    fcb_close(s, f, FCB_DENY_READ);
    instfix_crash(&fix);
    instfix_recover(&fix);
    s = fix.sess;
    assert_int_equal(find_table(s, "lost"), JET_errObjectNotFound);
    assert_ok(fcb_open(s, d, "kept", 0, &f));
    assert_int_equal(find_column(s, f, "lost"), JET_errColumnNotFound);
    assert_int_equal(find_index(s, f, "lost"), JET_errIndexNotFound);
    assert_int_equal(count_entries(s, f, "by num"), 300);
    fcb_close(s, f, 0);
}

static void many_columns_come_back_from_the_catalogue(void **state)
{
    enum { NR = 1000 };
    struct ddl_column *c = calloc(NR, sizeof(*c));
    char(*names)[16] = calloc(NR, sizeof(*names));
    struct ddl_table t = {.name = "wide", .columns = c, .nr_columns = NR};
    struct tdb *tdb = NULL;
    struct fcb *f;

    (void)state;
    assert_non_null(c);
    assert_non_null(names);
    for (unsigned i = 0; i < NR; i++) {
        snprintf(names[i], sizeof(names[i]), "column %u", i);
        c[i] = (struct ddl_column){
            .name = names[i], .coltyp = JET_coltypLong, .grbit = JET_bitColumnTagged};
    }
    assert_ok(ddl_create_table(s, d, &t, &f));
    f = reopen(f, FCB_DENY_READ);
    assert_ok(fcb_refresh(f, &tdb));
    assert_int_equal(tdb->schema.nr_columns, NR);
    for (unsigned i = 0; i < NR; i++)
        assert_string_equal(tdb_column(tdb, c[i].columnid)->name, names[i]);
    tdb_put(tdb);
    fcb_close(s, f, FCB_DENY_READ);
    free(names);
    free(c);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(tables_are_listed_by_name),
        T(listing_ends_when_the_caller_has_enough),
        T(a_name_is_taken_whatever_its_case),
        T(names_that_the_engine_refuses),
        T(names_beyond_ascii_and_trailing_spaces),
        T(pages_and_density_of_a_table),
        T(the_number_of_things_made_says_what_failed),
        T(a_deleted_table_gives_its_space_back_when_nobody_is_older),
        T(tables_that_cannot_be_deleted),
        T(renaming_a_table),
        T(use_by_one_session_and_by_others),
        T(a_derived_table_has_its_templates_columns_and_indexes),
        T(a_template_may_forbid_fixed_and_variable_columns),
        T(auto_increment_goes_on_behind_the_highest_in_the_table),
        cmocka_unit_test_setup_teardown(newer_formats_keep_the_counter_in_the_root, setup_large,
                                        teardown),
        T(the_tree_of_long_values_is_made_once),
        T(a_rolled_back_table_leaves_nothing),
        T(a_crash_undoes_what_was_not_committed),
        T(many_columns_come_back_from_the_catalogue),
        cmocka_unit_test_setup_teardown(many_columns_come_back_from_the_catalogue, setup_large,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
