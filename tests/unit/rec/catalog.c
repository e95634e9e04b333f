/*
 * The catalogue: a small one made by hand, with everything that a table can have; damaged ones; the
 * shadow. Those of real databases are read by the tests of the dumps.
 */
#include "recbuild.h"

#include "rec/catrow.h"
#include "rec/lv.h"

static struct testdb db;
static struct faults fs;
static struct dbfile *f;
static struct catalog *cat;

static void begin(uint32_t page_size)
{
    testdb_init(&db, page_size, 30);
    catb_begin(&db, CATALOG_PGNO);
    catb_begin(&db, CATALOG_SHADOW_PGNO);
    cat = NULL;
}

static void end(void)
{
    catalog_free(cat);
    dbfile_close(f);
    testdb_done(&db);
}

static void add(const struct catb *row)
{
    catb_add(&db, CATALOG_PGNO, row);
}

static void add_table(objid_t objid, const char *name, uint32_t flags)
{
    add(&(struct catb){.objid = objid,
                       .type = CATROW_TABLE,
                       .id = objid,
                       .coltyp_or_pgno = 20,
                       .space = 80,
                       .flags = flags,
                       .pages_or_locale = 1,
                       .name = name});
}

static void add_column(objid_t objid, uint32_t fid, const char *name, uint32_t coltyp, uint32_t max,
                       uint32_t flags, uint32_t offset)
{
    add(&(struct catb){.objid = objid,
                       .type = CATROW_COLUMN,
                       .id = fid,
                       .coltyp_or_pgno = coltyp,
                       .space = max,
                       .flags = flags,
                       .pages_or_locale = 1252,
                       .record_offset = offset,
                       .name = name});
}

static void load(void)
{
    f = testdb_open(&db, &fs);
    assert_int_equal(catalog_load(f, CATALOG_PGNO, CATALOG_OBJID, &cat), JET_errSuccess);
}

static void a_table_has_columns_indexes_and_long_values(void **state)
{
    const struct table *t;
    const struct index *ix;

    (void)state;
    begin(8192);
    add_table(10, "People", 0);
    add_column(10, 1, "id", JET_coltypLong, 4, COLUMN_NOT_NULL | COLUMN_AUTO_INCREMENT, 4);
    add_column(10, 2, "JetStub_10_2", JET_coltypNil, 8, 0, 8);
    add_column(10, 3, "code", JET_coltypText, 6, 0, 16);
    add_column(10, 128, "name", JET_coltypText, 255, 0, 0);
    add_column(10, 256, "note", JET_coltypLongText, 0, COLUMN_MULTI_VALUED, 0);
    add(&(struct catb){.objid = 10,
                       .type = CATROW_INDEX,
                       .id = 10,
                       .coltyp_or_pgno = 20,
                       .name = "pk",
                       .flags = 0x10031,
                       .key_fids = sl("\0\0\1\0", 4),
                       .lcmap = 0x30401,
                       .locale = "en-US"});
    add(&(struct catb){.objid = 10,
                       .type = CATROW_INDEX,
                       .id = 11,
                       .coltyp_or_pgno = 21,
                       .name = "byname",
                       .flags = 0x1000e,
                       .key_fids = sl("\x40\0\x80\0\0\0\1\0", 8),
                       .key_most = 400,
                       .segment_most = sl("\x28\0", 2),
                       .conditions = sl("\x20\0\3\0\0\0\1\0", 8),
                       .tuple_limits = sl("\3\0\0\0\12\0\0\0\xff\x7f\0\0\1\0\0\0\0\0\0\0", 20)});
    add(&(struct catb){
        .objid = 10, .type = CATROW_LV, .id = 12, .coltyp_or_pgno = 22, .name = "LV"});
    add(&(struct catb){.objid = 10, .type = CATROW_CALLBACK, .id = 5, .name = "CB"});
    load();
    assert_int_equal(fs.nr, 0);
    assert_false(cat->damaged);
    t = catalog_find(cat, "PEOPLE");
    assert_non_null(t);
    assert_string_equal(t->name, "People");
    assert_int_equal(t->lv_pgno, 22);
    assert_int_equal(t->lv_objid, 12);
    assert_int_equal(t->lv_chunk, lv_chunk_default(8192));
    assert_int_equal(t->nr_columns, 4); /* without the deleted one */
    assert_string_equal(t->columns[1].name, "code");
    assert_int_equal(t->columns[1].offset, 16);
    assert_int_equal(t->columns[1].len, 6);
    assert_int_equal(t->columns[1].cp, 1252);
    assert_int_equal(t->nr_indexes, 2);
    ix = &t->indexes[0]; /* by name */
    assert_string_equal(ix->name, "byname");
    assert_int_equal(ix->nr_segments, 2);
    assert_true(ix->segments[0].descending && ix->segments[0].fid == 128);
    assert_true(!ix->segments[1].descending && ix->segments[1].fid == 1);
    assert_int_equal(ix->key_most, 400);
    assert_int_equal(ix->segment_most, 40);
    assert_int_equal(ix->nr_conditions, 2);
    assert_true(ix->conditions[0].must_be_null && !ix->conditions[1].must_be_null);
    assert_true(ix->tuples && ix->tuple_min == 3 && ix->tuple_max == 10 && ix->tuple_step == 1);
    ix = table_primary(t);
    assert_string_equal(ix->name, "pk");
    assert_string_equal(ix->locale, "en-US");
    assert_int_equal(ix->key_most, 255);
    assert_int_equal(ix->segment_most, 255);
    assert_int_equal(ix->lcmap_flags, 0x30401);
    assert_null(catalog_find(cat, "Peopl"));
    assert_null(catalog_find(cat, "Q"));
    end();
}

static void old_index_segments_are_signed_numbers(void **state)
{
    const struct index *ix;

    (void)state;
    begin(8192);
    add_table(10, "T", 0);
    add(&(struct catb){.objid = 10,
                       .type = CATROW_INDEX,
                       .id = 11,
                       .coltyp_or_pgno = 21,
                       .name = "i",
                       .flags = 0xe,
                       .key_fids = sl("\1\0\x80\xff\0\1", 6),
                       .tuple_limits = sl("\3\0\0\0\12\0\0\0\xff\x7f\0\0", 12)});
    load();
    ix = &cat->tables[0]->indexes[0];
    assert_int_equal(ix->nr_segments, 3);
    assert_true(ix->segments[0].fid == 1 && !ix->segments[0].descending);
    assert_true(ix->segments[1].fid == 128 && ix->segments[1].descending);
    assert_int_equal(ix->tuple_step, 1);
    assert_null(table_primary(cat->tables[0]));
    end();
}

static void an_offset_that_is_missing_follows_the_column_before(void **state)
{
    (void)state;
    begin(8192);
    add_table(10, "T", 0);
    add_column(10, 1, "a", JET_coltypLong, 4, 0, 0);
    add_column(10, 2, "b", JET_coltypShort, 2, 0, 0);
    add_column(10, 3, "c", JET_coltypBit, 1, 0, 0);
    load();
    assert_int_equal(cat->tables[0]->columns[0].offset, 4);
    assert_int_equal(cat->tables[0]->columns[1].offset, 8);
    assert_int_equal(cat->tables[0]->columns[2].offset, 10);
    end();
}

static void default_values_are_as_a_record_would_hold_them(void **state)
{
    static const struct {
        uint32_t fid, coltyp, max, cp;
        const char *given;
        uint32_t given_len;
        const char *want;
        uint32_t want_len;
    } cases[] = {
        {1, JET_coltypBit, 1, 0, "\x01", 1, "\xff", 1},
        {2, JET_coltypBit, 1, 0, "\x00", 1, "\x00", 1},
        {3, JET_coltypLong, 4, 0, "\x2a\0\0\0", 4, "\x2a\0\0\0", 4},
        {4, JET_coltypText, 5, 1252, "ab", 2, "ab   ", 5},
        {5, JET_coltypText, 6, 1200, "a\0", 2, "a\0 \0 \0", 6},
        {6, JET_coltypBinary, 4, 0, "ab", 2, "ab\0\0", 4},
        {128, JET_coltypText, 50, 1252, "var", 3, "var", 3},
        {256, JET_coltypLongText, 0, 1252, "tagged", 6, "tagged", 6},
    };

    (void)state;
    begin(8192);
    add_table(10, "T", 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        add(&(struct catb){.objid = 10,
                           .type = CATROW_COLUMN,
                           .id = cases[i].fid,
                           .coltyp_or_pgno = cases[i].coltyp,
                           .space = cases[i].max,
                           .flags = COLUMN_DEFAULT,
                           .pages_or_locale = cases[i].cp,
                           .record_offset = 4,
                           .name = "c",
                           .default_value = sl(cases[i].given, cases[i].given_len)});
    load();
    assert_int_equal(fs.nr, 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct column *c = &cat->tables[0]->columns[i];
        assert_true(c->has_default);
        assert_int_equal(c->default_value.len, cases[i].want_len);
        assert_memory_equal(c->default_value.p, cases[i].want, cases[i].want_len);
    }
    end();
}

static void a_derived_table_has_its_templates_columns_in_front(void **state)
{
    const struct table *t;
    struct schema *s;

    (void)state;
    begin(8192);
    add_table(10, "Templ", TABLE_TEMPLATE);
    add_column(10, 1, "tfix", JET_coltypLong, 4, COLUMN_TEMPLATE98, 4);
    add_column(10, 256, "ttag", JET_coltypLong, 4, COLUMN_TEMPLATE98, 0);
    add(&(struct catb){.objid = 12,
                       .type = CATROW_TABLE,
                       .id = 12,
                       .coltyp_or_pgno = 21,
                       .flags = TABLE_DERIVED,
                       .name = "Deriv",
                       .templ = "templ"});
    add_column(12, 2, "dfix", JET_coltypLong, 4, 0, 8);
    add_column(12, 256, "dtag", JET_coltypLong, 4, 0, 0);
    load();
    assert_int_equal(fs.nr, 0);
    t = catalog_find(cat, "Deriv");
    assert_ptr_equal(t->template_table, catalog_find(cat, "Templ"));
    assert_int_equal(schema_new(t, &s), JET_errSuccess);
    assert_int_equal(s->nr_columns, 4);
    assert_int_equal(s->columns[0].id, COLUMN_ID_TEMPLATE | 1);
    assert_int_equal(s->columns[1].id, COLUMN_ID_TEMPLATE | 256);
    assert_true(s->columns[1].derived);
    assert_int_equal(s->columns[2].id, 2);
    assert_false(s->columns[3].derived);
    assert_string_equal(schema_find(s, 256, true)->name, "ttag");
    assert_string_equal(schema_find(s, 256, false)->name, "dtag");
    assert_string_equal(schema_find(s, 1, true)->name, "tfix");
    assert_string_equal(schema_find(s, 2, false)->name, "dfix");
    assert_null(schema_find(s, 1, false));
    assert_null(schema_find(s, 2, true));
    assert_null(schema_find(s, 300, false));
    schema_free(s);
    assert_int_equal(schema_new(t->template_table, &s), JET_errSuccess);
    assert_false(s->columns[1].derived); /* its own records have no derived bit ... */
    assert_int_equal(s->columns[1].id, COLUMN_ID_TEMPLATE | 256); /* ... but the ids are the same */
    schema_free(s);
    schema_free(NULL);
    end();
}

/* Millions of columns could be made of a few thousand rows if they were kept for every table. */
static void a_template_that_is_none_is_a_fault(void **state)
{
    (void)state;
    begin(8192);
    add(&(struct catb){.objid = 10,
                       .type = CATROW_TABLE,
                       .id = 10,
                       .coltyp_or_pgno = 21,
                       .name = "A",
                       .templ = "B"});
    add(&(struct catb){.objid = 11,
                       .type = CATROW_TABLE,
                       .id = 11,
                       .coltyp_or_pgno = 21,
                       .name = "B",
                       .templ = "A"});
    add(&(struct catb){.objid = 12,
                       .type = CATROW_TABLE,
                       .id = 12,
                       .coltyp_or_pgno = 21,
                       .name = "C",
                       .templ = "C"});
    add(&(struct catb){.objid = 13,
                       .type = CATROW_TABLE,
                       .id = 13,
                       .coltyp_or_pgno = 21,
                       .name = "D",
                       .templ = "X"});
    load();
    assert_int_equal(fs.nr, 4);
    assert_int_equal(fs.last.err, JET_errCatalogCorrupted);
    assert_true(cat->damaged);
    for (unsigned i = 0; i < cat->nr_tables; i++)
        assert_null(cat->tables[i]->template_table);
    end();
}

static void names_are_utf8_without_control_characters(void **state)
{
    (void)state;
    begin(8192);
    add_table(10, "n\xe9\n\x7f", 0);
    load();
    assert_string_equal(cat->tables[0]->name, "n\xc3\xa9??");
    end();
}

static void the_catalogues_own_columns_are_hard_coded(void **state)
{
    unsigned nr;
    const struct column *own = catrow_columns(&nr);

    (void)state;
    begin(8192);
    add_table(2, "MSysObjects", 0xc0000000);
    add_column(2, 1, "ObjidTable", JET_coltypLong, 4, 0, 99);
    add_column(2, 7, "Nonsense", JET_coltypLong, 4, 0, 99);
    add_table(3, "MSysObjectsShadow", 0xc0000000);
    load();
    assert_int_equal(cat->tables[0]->nr_columns, nr);
    assert_int_equal(cat->tables[1]->nr_columns, nr);
    assert_int_equal(cat->tables[0]->columns[0].offset, own[0].offset);
    assert_true(table_is_system(cat->tables[0]));
    end();
}

/* ---- damage ------------------------------------------------------------------------------------- */

struct bad {
    const char *name;
    struct catb row;
};

static const struct bad bad[] = {
    {"table without root", {.type = CATROW_TABLE, .id = 10, .name = "T"}},
    {"table without name", {.type = CATROW_TABLE, .id = 10, .coltyp_or_pgno = 20}},
    {"table beyond any page",
     {.type = CATROW_TABLE, .id = 10, .coltyp_or_pgno = 0x80000000, .name = "T"}},
    {"column 0", {.type = CATROW_COLUMN, .id = 0, .coltyp_or_pgno = 4, .name = "c"}},
    {"column beyond the last",
     {.type = CATROW_COLUMN, .id = 65249, .coltyp_or_pgno = 4, .name = "c"}},
    {"type that is not known", {.type = CATROW_COLUMN, .id = 9, .coltyp_or_pgno = 19, .name = "c"}},
    {"fixed long value",
     {.type = CATROW_COLUMN, .id = 9, .coltyp_or_pgno = JET_coltypLongText, .name = "c"}},
    {"fixed text of 300 bytes",
     {.type = CATROW_COLUMN, .id = 9, .coltyp_or_pgno = JET_coltypText, .space = 300, .name = "c"}},
    {"variable number",
     {.type = CATROW_COLUMN, .id = 200, .coltyp_or_pgno = JET_coltypLong, .name = "c"}},
    {"columns out of order",
     {.type = CATROW_COLUMN, .id = 5, .coltyp_or_pgno = JET_coltypLong, .name = "c"}},
    {"a column twice",
     {.type = CATROW_COLUMN, .id = 6, .coltyp_or_pgno = JET_coltypLong, .name = "c"}},
    {"default value of a wrong length",
     {.type = CATROW_COLUMN,
      .id = 7,
      .coltyp_or_pgno = JET_coltypLong,
      .flags = COLUMN_DEFAULT,
      .name = "c",
      .default_value = {(const uint8_t *)"abc", 3}}},
    {"default value longer than its column",
     {.type = CATROW_COLUMN,
      .id = 7,
      .coltyp_or_pgno = JET_coltypText,
      .space = 2,
      .flags = COLUMN_DEFAULT,
      .name = "c",
      .default_value = {(const uint8_t *)"abc", 3}}},
    {"index without root",
     {.type = CATROW_INDEX,
      .id = 11,
      .name = "i",
      .flags = 0x10000,
      .key_fids = {(const uint8_t *)"\0\0\6\0", 4}}},
    {"index without segment",
     {.type = CATROW_INDEX, .id = 11, .coltyp_or_pgno = 21, .name = "i", .flags = 0x10000}},
    {"segments cut off",
     {.type = CATROW_INDEX,
      .id = 11,
      .coltyp_or_pgno = 21,
      .name = "i",
      .flags = 0x10000,
      .key_fids = {(const uint8_t *)"\0\0\6\0\0", 5}}},
    {"conditions cut off",
     {.type = CATROW_INDEX,
      .id = 11,
      .coltyp_or_pgno = 21,
      .name = "i",
      .flags = 0x10000,
      .key_fids = {(const uint8_t *)"\0\0\6\0", 4},
      .conditions = {(const uint8_t *)"\0\0\6", 3}}},
    {"17 segments",
     {.type = CATROW_INDEX,
      .id = 11,
      .coltyp_or_pgno = 21,
      .name = "i",
      .key_fids =
          {(const uint8_t *)"\1\0\1\0\1\0\1\0\1\0\1\0\1\0\1\0\1\0\1\0\1\0\1\0\1\0\1\0\1\0\1\0\1\0",
           34}}},
    {"key too long",
     {.type = CATROW_INDEX,
      .id = 11,
      .coltyp_or_pgno = 21,
      .name = "i",
      .flags = 0x10000,
      .key_most = 2001,
      .key_fids = {(const uint8_t *)"\0\0\6\0", 4}}},
    {"tuple limits cut off",
     {.type = CATROW_INDEX,
      .id = 11,
      .coltyp_or_pgno = 21,
      .name = "i",
      .flags = 0x10000,
      .key_fids = {(const uint8_t *)"\0\0\6\0", 4},
      .tuple_limits = {(const uint8_t *)"\3\0\0\0", 4}}},
    {"tuples of no characters",
     {.type = CATROW_INDEX,
      .id = 11,
      .coltyp_or_pgno = 21,
      .name = "i",
      .flags = 0x10000,
      .key_fids = {(const uint8_t *)"\0\0\6\0", 4},
      .tuple_limits = {(const uint8_t *)"\0\0\0\0\3\0\0\0\3\0\0\0", 12}}},
    {"primary index elsewhere",
     {.type = CATROW_INDEX,
      .id = 11,
      .coltyp_or_pgno = 21,
      .name = "i",
      .flags = 0x10020,
      .key_fids = {(const uint8_t *)"\0\0\6\0", 4}}},
    {"long values without root", {.type = CATROW_LV, .id = 12, .name = "LV"}},
};

static void damaged_rows_are_told_and_left_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct catb row = bad[i].row;
        begin(8192);
        add_table(9, "Sound", 0);
        add_column(9, 6, "x", JET_coltypLong, 4, 0, 4);
        row.objid = 9;
        add(&row);
        load();
        if (fs.nr != 1 || fs.last.err != JET_errCatalogCorrupted || fs.last.pgno != CATALOG_PGNO ||
            !cat->damaged)
            fail_msg("%s: %u faults, %s", bad[i].name, fs.nr, fs.last.text);
        assert_int_equal(cat->nr_tables, 1);
        assert_string_equal(cat->tables[0]->columns[0].name, "x");
        for (unsigned k = 0; k < cat->tables[0]->nr_columns; k++)
            assert_false(cat->tables[0]->columns[k].has_default);
        assert_int_equal(cat->tables[0]->nr_indexes, 0);
        end();
    }
}

static void rows_of_no_table_are_told(void **state)
{
    (void)state;
    begin(8192);
    add_column(8, 1, "orphan", JET_coltypLong, 4, 0, 4);
    add_table(9, "T", 0);
    add(&(struct catb){
        .objid = 9, .type = CATROW_LV, .id = 12, .coltyp_or_pgno = 22, .name = "LV"});
    add(&(struct catb){
        .objid = 9, .type = CATROW_LV, .id = 13, .coltyp_or_pgno = 23, .name = "LV"});
    add_column(10, 1, "orphan", JET_coltypLong, 4, 0, 4);
    load();
    assert_int_equal(fs.nr, 3);
    assert_int_equal(cat->tables[0]->lv_objid, 12);
    end();
}

static void a_row_that_is_no_record_is_told(void **state)
{
    (void)state;
    begin(8192);
    add_table(9, "T", 0);
    add_node(testdb_page(&db, CATALOG_PGNO), 8192, 0, 0, "\xff", 1, "junk", 4);
    add_node(testdb_page(&db, CATALOG_PGNO), 8192, 0, 0, "\xff\xff", 2, "\0\x7f\4\0",
             4); /* no number */
    load();
    assert_int_equal(fs.nr, 2);
    assert_int_equal(cat->nr_tables, 1);
    end();
}

static void a_long_locale_does_not_break_the_pool(void **state)
{
    static char name[9001];

    (void)state;
    memset(name, 'n', sizeof(name) - 1);
    begin(32768);
    add_table(9, "T", 0);
    add(&(struct catb){.objid = 9,
                       .type = CATROW_INDEX,
                       .id = 11,
                       .coltyp_or_pgno = 21,
                       .name = "i",
                       .flags = 0x10000,
                       .key_fids = sl("\0\0\6\0", 4),
                       .locale = name});
    load();
    assert_int_equal(strlen(cat->tables[0]->indexes[0].locale), 9000);
    end();
}

static void names_longer_than_any_can_be_are_told(void **state)
{
    char name[NAME_MOST + 2] = {0};

    (void)state;
    memset(name, 'n', NAME_MOST);
    begin(8192);
    add_table(9, name, 0);
    name[NAME_MOST] = 'x';
    add_column(9, 1, name, JET_coltypLong, 4, 0, 4);
    add_table(10, name, 0);
    add(&(struct catb){.objid = 11,
                       .type = CATROW_TABLE,
                       .id = 11,
                       .coltyp_or_pgno = 20,
                       .name = "T",
                       .templ = name});
    load();
    assert_int_equal(fs.nr, 3);
    assert_int_equal(cat->nr_tables, 1);
    assert_int_equal(cat->tables[0]->nr_columns, 0);
    end();
}

static void the_shadow_helps_when_the_catalogue_is_damaged(void **state)
{
    (void)state;
    begin(8192);
    add_table(9, "Main", 0);
    catb_add(
        &db, CATALOG_SHADOW_PGNO,
        &(struct catb){
            .objid = 9, .type = CATROW_TABLE, .id = 9, .coltyp_or_pgno = 20, .name = "Shadow"});
    f = testdb_open(&db, &fs);
    assert_int_equal(catalog_load_any(f, &cat), JET_errSuccess);
    assert_string_equal(cat->tables[0]->name, "Main"); /* not damaged: the main one */
    catalog_free(cat);
    dbfile_close(f);

    add_column(9, 0, "bad", JET_coltypLong, 4, 0, 0);
    f = testdb_open(&db, &fs);
    assert_int_equal(catalog_load_any(f, &cat), JET_errSuccess);
    assert_string_equal(cat->tables[0]->name, "Shadow");
    assert_int_equal(fs.nr, 1);
    assert_int_equal(fs.nr_notes, 1);
    catalog_free(cat);
    dbfile_close(f);

    memset(testdb_page(&db, CATALOG_PGNO), 0, db.page_size);
    f = testdb_open(&db, &fs);
    assert_int_equal(catalog_load_any(f, &cat), JET_errSuccess);
    assert_string_equal(cat->tables[0]->name, "Shadow");
    assert_int_equal(fs.last.err, JET_errPageNotInitialized);
    catalog_free(cat);
    dbfile_close(f);

    memset(testdb_page(&db, CATALOG_SHADOW_PGNO), 0, db.page_size);
    cat = NULL;
    f = testdb_open(&db, &fs);
    assert_int_equal(catalog_load_any(f, &cat), JET_errPageNotInitialized);
    assert_null(cat);
    end();
}

static void what_is_sound_in_both_damaged_catalogues_is_kept(void **state)
{
    (void)state;
    begin(8192);
    add_table(9, "Main", 0);
    add_column(9, 0, "bad", JET_coltypLong, 4, 0, 0);
    catb_add(&db, CATALOG_SHADOW_PGNO,
             &(struct catb){.objid = 9, .type = CATROW_TABLE, .id = 9, .name = "Shadow"});
    f = testdb_open(&db, &fs);
    assert_int_equal(catalog_load_any(f, &cat), JET_errSuccess);
    assert_string_equal(cat->tables[0]->name, "Main");
    assert_true(cat->damaged);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_has_columns_indexes_and_long_values),
        cmocka_unit_test(old_index_segments_are_signed_numbers),
        cmocka_unit_test(an_offset_that_is_missing_follows_the_column_before),
        cmocka_unit_test(default_values_are_as_a_record_would_hold_them),
        cmocka_unit_test(a_derived_table_has_its_templates_columns_in_front),
        cmocka_unit_test(a_template_that_is_none_is_a_fault),
        cmocka_unit_test(names_are_utf8_without_control_characters),
        cmocka_unit_test(the_catalogues_own_columns_are_hard_coded),
        cmocka_unit_test(damaged_rows_are_told_and_left_out),
        cmocka_unit_test(rows_of_no_table_are_told),
        cmocka_unit_test(a_row_that_is_no_record_is_told),
        cmocka_unit_test(a_long_locale_does_not_break_the_pool),
        cmocka_unit_test(names_longer_than_any_can_be_are_told),
        cmocka_unit_test(the_shadow_helps_when_the_catalogue_is_damaged),
        cmocka_unit_test(what_is_sound_in_both_damaged_catalogues_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
