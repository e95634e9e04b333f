/*
 * The entries of a record in an index: known answers of the rules on nulls, conditions, several
 * values and tuples; then every index of the real databases without foreign text, made anew from
 * the records.
 */
#include "realdb.h"

#include "rec/indexkeys.h"
#include "rec/recbuf.h"
#include "rec/value.h"

static struct recbuf rb;
static struct index_key_set set;

static int setup(void **state)
{
    (void)state;
    return recbuf_init(&rb, 4096) != JET_errSuccess;
}

static int teardown(void **state)
{
    (void)state;
    recbuf_done(&rb);
    index_key_set_done(&set);
    return 0;
}

static JET_ERR no_fetch(void *ctx, const struct value *v, uint8_t *buf, uint32_t cap, uint32_t *ret)
{
    (void)ctx;
    (void)v;
    (void)buf;
    (void)cap;
    *ret = 0;
    return RAISE(JET_errLVCorrupted);
}

/* ---- a small table --------------------------------------------------------------------------- */

enum { COL_N, COL_B, COL_M1, COL_M2, COL_TEXT, NR_COLS };

static struct column cols[NR_COLS] = {
    [COL_N] = {.fid = 1, .coltyp = JET_coltypUnsignedByte, .offset = 4, .len = 1, .max_len = 1},
    [COL_B] = {.fid = 2, .coltyp = JET_coltypUnsignedByte, .offset = 5, .len = 1, .max_len = 1},
    [COL_M1] = {.fid = 256, .coltyp = JET_coltypUnsignedByte, .flags = COLUMN_MULTI_VALUED},
    [COL_M2] = {.fid = 257, .coltyp = JET_coltypUnsignedByte, .flags = COLUMN_MULTI_VALUED},
    [COL_TEXT] = {.fid = 258,
                  .coltyp = JET_coltypLongText,
                  .cp = 1252,
                  .flags = COLUMN_MULTI_VALUED},
};
static const struct table small_table = {.name = "t"};
static const struct schema small = {.table = &small_table, .columns = cols, .nr_columns = NR_COLS};

/* "1 2,3 -": values of n, b, m1, m2 as digits; '-' null. */
static void make_record(const char *what)
{
    unsigned c = 0;

    assert_int_equal(recbuf_start(&rb, &small), JET_errSuccess);
    for (; *what; what++) {
        const uint8_t b = (uint8_t)(*what - '0');
        struct slice v = sl(&b, 1);
        if (*what == ' ')
            c++;
        else if (*what != ',' && *what != '-')
            assert_int_equal(recbuf_set(&rb, &cols[c], 0, &v, 0), JET_errSuccess);
    }
}

static JET_ERR keys_of_index(const struct index *ix, unsigned flags)
{
    struct index_plan p;
    struct index_record r;
    JET_ERR err;

    assert_true(index_plan_init(&p, &small, ix));
    assert_int_equal(index_record_init(&r, recbuf_bytes(&rb), rb.layout, no_fetch, NULL),
                     JET_errSuccess);
    err = index_key_set_make(&set, &p, flags, &r);
    index_record_done(&r);
    return err;
}

/* Keys as "12 3-": a digit for a value, '-' for null. */
static void keys_as_text(char *out)
{
    for (unsigned i = 0; i < set.nr; i++) {
        struct slice k = index_key_at(&set, i);
        if (i)
            *out++ = ' ';
        for (uint32_t n = 0; n < k.len; n++) {
            if (k.p[n] == NORM_VALUE)
                *out++ = (char)('0' + k.p[++n]);
            else
                *out++ = '-';
        }
    }
    *out = 0;
}

static struct index index_of(unsigned flags, const unsigned *c, unsigned nr)
{
    struct index ix = {.name = "i",
                       .flags = (uint16_t)flags,
                       .key_most = 255,
                       .segment_most = 255,
                       .nr_segments = nr};

    for (unsigned i = 0; i < nr; i++)
        ix.segments[i].fid = cols[c[i]].fid;
    return ix;
}

#define ALL_NULLS (INDEX_ALL_NULLS | INDEX_FIRST_NULL | INDEX_SOME_NULLS)

static void each_rule_gives_its_entries(void **state)
{
    static const struct {
        const char *record;
        unsigned flags, nr, cols[4];
        const char *keys;
        bool repeated;
    } cases[] = {
        {"1 2", ALL_NULLS, 2, {COL_N, COL_B}, "12", false},
        {"1 -", ALL_NULLS, 2, {COL_N, COL_B}, "1-", false},
        {"1 -", INDEX_ALL_NULLS | INDEX_FIRST_NULL, 2, {COL_N, COL_B}, "", false},
        {"- 1", INDEX_ALL_NULLS | INDEX_SOME_NULLS, 2, {COL_N, COL_B}, "", false},
        {"- 1", INDEX_FIRST_NULL, 2, {COL_N, COL_B}, "-1", false},
        {"- -", INDEX_FIRST_NULL | INDEX_SOME_NULLS, 2, {COL_N, COL_B}, "", false},
        {"- -", INDEX_ALL_NULLS, 2, {COL_N, COL_B}, "--", false},
        {"1 2 5,3,4", ALL_NULLS | INDEX_MULTI_VALUED, 2, {COL_N, COL_M1}, "13 14 15", false},
        {"1 2 5,3,4", ALL_NULLS, 2, {COL_N, COL_M1}, "15", false},
        {"1 2 5,3,5", ALL_NULLS | INDEX_MULTI_VALUED, 1, {COL_M1}, "3 5", true},
        {"1 2 5,3 7,8", ALL_NULLS | INDEX_MULTI_VALUED, 2, {COL_M1, COL_M2}, "37 57", false},
        {"1 2 5,3 7,8",
         ALL_NULLS | INDEX_MULTI_VALUED | INDEX_CROSS_PRODUCT,
         2,
         {COL_M1, COL_M2},
         "37 38 57 58",
         false},
        {"1 2 5,3 7,8",
         ALL_NULLS | INDEX_MULTI_VALUED | INDEX_NESTED,
         3,
         {COL_M1, COL_M2, COL_N},
         "381 571",
         false},
        {"1 2 5,3 7",
         ALL_NULLS | INDEX_MULTI_VALUED | INDEX_NESTED,
         2,
         {COL_M1, COL_M2},
         "3- 57",
         false},
        {"1 2 5,3 7", INDEX_MULTI_VALUED | INDEX_NESTED, 2, {COL_M1, COL_M2}, "57", false},
        {"1 2 - 7,8",
         ALL_NULLS | INDEX_MULTI_VALUED | INDEX_CROSS_PRODUCT,
         2,
         {COL_M1, COL_M2},
         "-7 -8",
         false},
        {"1 2 - -",
         ALL_NULLS | INDEX_MULTI_VALUED | INDEX_CROSS_PRODUCT,
         2,
         {COL_M1, COL_M2},
         "--",
         false},
    };
    char text[200];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct index ix = index_of(cases[i].flags, cases[i].cols, cases[i].nr);
        make_record(cases[i].record);
        assert_int_equal(keys_of_index(&ix, INDEX_KEYS_CHECK_NULL), JET_errSuccess);
        keys_as_text(text);
        if (strcmp(text, cases[i].keys) != 0 || set.repeated != cases[i].repeated)
            fail_msg("case %u: %s", (unsigned)i, text);
    }
}

static void conditions_decide_whether_there_are_entries(void **state)
{
    const unsigned c[] = {COL_N};
    struct index ix = index_of(ALL_NULLS, c, 1);

    (void)state;
    ix.nr_conditions = 2;
    ix.conditions[0] = (struct index_segment){.fid = cols[COL_B].fid, .must_be_null = true};
    ix.conditions[1] = (struct index_segment){.fid = cols[COL_M1].fid};
    make_record("1 - 4");
    assert_int_equal(keys_of_index(&ix, 0), JET_errSuccess);
    assert_int_equal(set.nr, 1);
    make_record("1 2 4");
    assert_int_equal(keys_of_index(&ix, 0), JET_errSuccess);
    assert_int_equal(set.nr, 0);
    make_record("1 - -");
    assert_int_equal(keys_of_index(&ix, 0), JET_errSuccess);
    assert_int_equal(set.nr, 0);
}

static void what_an_index_forbids_is_an_error(void **state)
{
    const unsigned c[] = {COL_N, COL_B}, t[] = {COL_TEXT};
    struct index ix = index_of(INDEX_NO_NULL, c, 2);
    struct slice v = str("a long text"), lid = sl("\1\0\0\0", 4);

    (void)state;
    make_record("1 -");
    assert_int_equal(keys_of_index(&ix, INDEX_KEYS_CHECK_NULL), JET_errNullKeyDisallowed);
    assert_int_equal(keys_of_index(&ix, 0), JET_errSuccess);
    assert_int_equal(set.nr, 0);
    ix = index_of(ALL_NULLS | INDEX_NO_TRUNCATION, t, 1);
    ix.key_most = 8;
    assert_int_equal(recbuf_set(&rb, &cols[COL_TEXT], 1, &v, 0), JET_errSuccess);
    assert_int_equal(keys_of_index(&ix, 0), JET_errKeyTruncated);
    ix.segment_most = 6; /* what the index asks for is no truncation */
    assert_int_equal(keys_of_index(&ix, 0), JET_errSuccess);
    assert_int_equal(index_key_at(&set, 0).len, 6);
    cols[COL_TEXT].cp = 1200;
    ix.flags |= INDEX_LOCALIZED_TEXT;
    assert_int_equal(keys_of_index(&ix, 0), JET_errUnicodeNormalizationNotSupported);
    cols[COL_TEXT].cp = 1252;
    assert_int_equal(recbuf_set(&rb, &cols[COL_TEXT], 1, &lid, RECBUF_SEPARATED), JET_errSuccess);
    assert_int_equal(keys_of_index(&ix, 0), JET_errLVCorrupted); /* no_fetch's */
}

static void tuples_are_pieces_of_each_value(void **state)
{
    const unsigned t[] = {COL_TEXT, COL_N};
    struct index ix = index_of(INDEX_MULTI_VALUED | ALL_NULLS, t, 2);
    struct slice a = str("abcde"), b = str("x"), c = str("abc");

    (void)state;
    ix.tuples = true;
    ix.tuple_min = 2;
    ix.tuple_max = 3;
    ix.tuple_count = 100;
    ix.tuple_step = 2;
    ix.tuple_start = 0;
    make_record("1");
    assert_int_equal(keys_of_index(&ix, 0), JET_errSuccess);
    assert_int_equal(set.nr, 0);
    assert_int_equal(recbuf_set(&rb, &cols[COL_TEXT], 0, &a, 0), JET_errSuccess);
    assert_int_equal(recbuf_set(&rb, &cols[COL_TEXT], 0, &b, 0), JET_errSuccess);
    assert_int_equal(recbuf_set(&rb, &cols[COL_TEXT], 0, &c, 0), JET_errSuccess);
    assert_int_equal(keys_of_index(&ix, 0), JET_errSuccess);
    assert_int_equal(set.nr, 2);
    assert_true(set.repeated);
    assert_memory_equal(index_key_at(&set, 0).p,
                        "\x7f"
                        "ABC\0\x7f\1",
                        7);
    assert_memory_equal(index_key_at(&set, 1).p,
                        "\x7f"
                        "CDE\0\x7f\1",
                        7);
    ix.tuple_start = 1;
    ix.tuple_count = 1;
    assert_int_equal(keys_of_index(&ix, 0), JET_errSuccess);
    assert_int_equal(set.nr, 2); /* BCD, BC */
}

/* ---- real databases -------------------------------------------------------------------------- */

static struct value_reader vr;
static struct bt_cursor rows, entries;

struct check {
    struct dbfile *f;
    pgno_t pgno;
    uint64_t nr_keys, nr_repeated;
    unsigned nr_indexes, nr_skipped;
};

static JET_ERR fetch(void *ctx, const struct value *v, uint8_t *buf, uint32_t cap, uint32_t *ret)
{
    const struct check *k = ctx;

    return value_read(&vr, v, k->pgno, buf, cap, ret);
}

static void find_entry(const struct index *ix, struct slice key, struct slice bm)
{
    struct bt_node e;

    assert_int_equal(bt_seek(&entries, key.p, key.len), JET_errSuccess);
    for (;;) {
        if (bt_next(&entries, &e) != JET_errSuccess || e.key.len != key.len ||
            memcmp(e.key.p, key.p, key.len) != 0)
            fail_msg("%s: an entry is missing", ix->name);
        if ((ix->flags & INDEX_PRIMARY) ||
            (e.data.len == bm.len && memcmp(e.data.p, bm.p, bm.len) == 0))
            return;
    }
}

static bool needs_foreign_text(const struct index_plan *p)
{
    for (unsigned i = 0; i < p->ix->nr_segments; i++)
        if (!norm_knows(p->segments[i]))
            return true;
    return false;
}

static void check_index(struct check *k, const struct schema *s, const struct index *ix)
{
    uint64_t made = 0, there = 0;
    struct index_plan p;
    struct bt_node n;

    assert_true(index_plan_init(&p, s, ix));
    if (needs_foreign_text(&p)) {
        assert_int_equal(norm_text_is_ours(ix), NORM_FOREIGN);
        k->nr_skipped++;
        return;
    }
    bt_open(&entries, k->f, ix->pgno, ix->objid, 0);
    while (bt_next(&entries, &n) == JET_errSuccess)
        there++;
    bt_open(&rows, k->f, s->table->pgno, s->table->objid, 0);
    while (bt_next(&rows, &n) == JET_errSuccess) {
        uint8_t bm[BT_KEY_MAX];
        struct index_record r;

        memcpy(bm, n.key.p, n.key.len);
        k->pgno = n.pgno;
        assert_int_equal(index_record_init(&r, n.data,
                                           tagged_layout_of(dbfile_page_size(k->f), n.page_flags),
                                           fetch, k),
                         JET_errSuccess);
        assert_int_equal(index_key_set_make(&set, &p, INDEX_KEYS_CHECK_NULL, &r), JET_errSuccess);
        for (unsigned i = 0; i < set.nr; i++)
            find_entry(ix, index_key_at(&set, i), sl(bm, n.key.len));
        made += set.nr;
        k->nr_repeated += set.repeated;
        index_record_done(&r);
    }
    bt_close(&rows);
    bt_close(&entries);
    if (made != there)
        fail_msg("%s of %s: %u entries, %u made", ix->name, s->table->name, (unsigned)there,
                 (unsigned)made);
    k->nr_keys += made;
    k->nr_indexes++;
}

static void check_database(const char *name, struct dbfile *f, const struct catalog *c, void *ctx)
{
    struct check k = {.f = f}, *all = ctx;

    /* not recovered, or copied while it was in use: records and entries need not fit */
    static const char *const left_out[] = {"/dirty/", "kstrike", "online",
                                           "full",    "multidb", "Catalog1"};

    for (size_t i = 0; i < ARRAY_LEN(left_out); i++)
        if (strstr(name, left_out[i]))
            return;
    for (unsigned i = 0; i < c->nr_tables; i++) {
        const struct table *t = c->tables[i];
        struct schema *s;

        if (t->pgno == CATALOG_PGNO || t->pgno == CATALOG_SHADOW_PGNO)
            continue;
        assert_int_equal(schema_new(t, &s), JET_errSuccess);
        lv_init(&vr.lv, f, t->lv_pgno, t->lv_objid, t->lv_chunk);
        for (unsigned n = 0; n < t->nr_indexes; n++)
            check_index(&k, s, &t->indexes[n]);
        lv_done(&vr.lv);
        schema_free(s);
    }
    print_message(
        "%s: %u entries of %u indexes, %u indexes left out, %u records with a key twice\n", name,
        (unsigned)k.nr_keys, k.nr_indexes, k.nr_skipped, (unsigned)k.nr_repeated);
    all->nr_keys += k.nr_keys;
}

static void the_entries_of_real_databases_are_made_anew(void **state)
{
    struct check k = {0};

    (void)state;
    NEED_DATA("index entries of real databases");
    assert_true(realdb_each(check_database, &k) > 0);
    print_message("%u entries\n", (unsigned)k.nr_keys);
    assert_true(k.nr_keys > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_rule_gives_its_entries, setup, teardown),
        cmocka_unit_test_setup_teardown(conditions_decide_whether_there_are_entries, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_an_index_forbids_is_an_error, setup, teardown),
        cmocka_unit_test_setup_teardown(tuples_are_pieces_of_each_value, setup, teardown),
        cmocka_unit_test_setup_teardown(the_entries_of_real_databases_are_made_anew, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
