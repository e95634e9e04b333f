/* Rows: columns in order, values one by one, defaults, deleted columns, damage. */
#include "recbuild.h"

#include "rec/row.h"

enum { A, B, C, D, V, W, T, U, X, NR };

/* Fixed 1 to 4 (the third was deleted: its room stays), variable 128 and 129, tagged. */
static struct column columns[NR] = {
    [A] = {.name = "a", .fid = 1, .coltyp = JET_coltypLong, .offset = 4, .len = 4},
    [B] = {.name = "b",
           .fid = 2,
           .coltyp = JET_coltypShort,
           .offset = 8,
           .len = 2,
           .has_default = true,
           .default_value = {(const uint8_t *)"\7\0", 2}},
    [C] = {.name = "c",
           .fid = 4,
           .coltyp = JET_coltypBit,
           .offset = 14,
           .len = 1,
           .has_default = true,
           .default_value = {(const uint8_t *)"\xff", 1}},
    [D] = {.name = "d", .fid = 5, .coltyp = JET_coltypBit, .offset = 15, .len = 1},
    [V] = {.name = "v", .fid = 128, .coltyp = JET_coltypText},
    [W] = {.name = "w",
           .fid = 130,
           .coltyp = JET_coltypText,
           .has_default = true,
           .default_value = {(const uint8_t *)"dflt", 4}},
    [T] = {.name = "t", .fid = 256, .coltyp = JET_coltypLong, .flags = COLUMN_MULTI_VALUED},
    [U] = {.name = "u",
           .fid = 258,
           .coltyp = JET_coltypLongText,
           .has_default = true,
           .default_value = {(const uint8_t *)"tagged", 6}},
    [X] = {.name = "x",
           .fid = 260,
           .coltyp = JET_coltypLongText,
           .has_default = true,
           .flags = COLUMN_USER_DEFAULT,
           .default_value = {(const uint8_t *)"callback", 8}},
};
static struct schema schema = {.columns = columns, .nr_columns = NR};

/* "a=01020304 b=null ..." of a whole row. */
static const char *describe(struct slice rec, const char **ret_what)
{
    static char s[4000];
    struct row r;
    struct row_value v;
    size_t n = 0;
    const char *what = row_begin(&r, &schema, rec, TAGGED_SMALL);

    s[0] = '\0';
    if (what)
        assert_ptr_equal(what, r.what);
    while (row_next(&r, &v)) {
        n += (size_t)snprintf(s + n, sizeof(s) - n, "%s%s", n ? " " : "", v.column->name);
        if (v.seq > 1)
            n += (size_t)snprintf(s + n, sizeof(s) - n, "[%u]", v.seq);
        n += (size_t)snprintf(s + n, sizeof(s) - n, v.null ? "=null" : "=");
        for (uint32_t i = 0; !v.null && i < v.v.data.len; i++)
            n += (size_t)snprintf(s + n, sizeof(s) - n, "%02x", v.v.data.p[i]);
        if (row_has_more(&r))
            n += (size_t)snprintf(s + n, sizeof(s) - n, "+");
    }
    *ret_what = r.what;
    return s;
}

static const char *what;
static uint8_t rec[2000];

static void columns_beyond_the_record_have_their_defaults(void **state)
{
    (void)state;
    assert_string_equal(describe(sl("\0\x7f\4\0", 4), &what),
                        "a=null b=0700 c=ff d=null v=null w=64666c74 t=null u=746167676564 x=null");
    assert_null(what);
}

static void what_the_record_has_hides_the_default(void **state)
{
    struct recb b = {0};
    struct tagb t = {.layout = TAGGED_SMALL};
    uint8_t tagged[100];

    (void)state;
    recb_fixed(&b, 1, "\1\2\3\4", 4);
    recb_fixed_null(&b, 2, 2);
    recb_fixed(&b, 3, "gone", 4);
    recb_fixed(&b, 4, "\0", 1);
    recb_var(&b, "v", 1);
    recb_var(&b, "gone", 4);
    recb_var(&b, NULL, 0);
    tagb_add(&t, 255 + 1, 0, TAGHDR_MULTI, "\6\0\7\0\7\0\1\2", 8);
    tagb_add(&t, 257, 0, TAGHDR_MULTI, "\6\0\7\0\7\0\1\2", 8); /* deleted */
    tagb_add(&t, 258, TAG_SMALL_NULL, -1, "", 0);
    tagb_add(&t, 260, 0, -1, "x", 1);
    tagb_add(&t, 300, 0, -1, "gone", 4);
    b.tagged = tagged;
    b.tagged_len = tagb_end(&t, tagged);
    assert_string_equal(
        describe(sl(rec, recb_end(&b, rec)), &what),
        "a=01020304 b=null c=00 d=null v=76 w=null t=01+ t[2]=+ t[3]=02 u=null x=78");
    assert_null(what);
}

static void two_values_of_a_column_for_one_are_both_given(void **state)
{
    struct recb b = {0};
    struct tagb t = {.layout = TAGGED_SMALL};
    uint8_t tagged[100];

    (void)state;
    tagb_add(&t, 258, 0, TAGHDR_MULTI | TAGHDR_TWO, "\1AB", 3);
    b.tagged = tagged;
    b.tagged_len = tagb_end(&t, tagged);
    assert_string_equal(describe(sl(rec, recb_end(&b, rec)), &what),
                        "a=null b=0700 c=ff d=null v=null w=64666c74 t=null u=41+ u[2]=42 x=null");
}

static void a_templates_column_is_not_its_namesake(void **state)
{
    static struct column two[2] = {
        {.name = "mine", .fid = 256, .coltyp = JET_coltypLong, .derived = true},
        {.name = "yours", .fid = 256, .coltyp = JET_coltypLong},
    };
    struct schema s = {.columns = two, .nr_columns = 2};
    struct recb b = {0};
    struct tagb t = {.layout = TAGGED_SMALL};
    struct row r;
    struct row_value v;
    uint8_t tagged[100];

    (void)state;
    tagb_add(&t, 256, TAG_DERIVED, -1, "m", 1);
    tagb_add(&t, 999, TAG_DERIVED, -1, "deleted", 7);
    tagb_add(&t, 256, 0, -1, "y", 1);
    b.tagged = tagged;
    b.tagged_len = tagb_end(&t, tagged);
    assert_null(row_begin(&r, &s, sl(rec, recb_end(&b, rec)), TAGGED_SMALL));
    assert_true(row_next(&r, &v));
    assert_int_equal(v.v.data.p[0], 'm');
    assert_true(row_next(&r, &v));
    assert_int_equal(v.v.data.p[0], 'y');
    assert_false(row_next(&r, &v));
    assert_false(row_next(&r, &v));
}

static void damage_is_told_at_the_end_and_hides_what_it_touches(void **state)
{
    struct recb b = {0};

    (void)state;
    describe(sl("\0\x7f\4", 3), &what);
    assert_non_null(what);
    assert_string_equal(describe(sl("\0\x7f\4", 3), &what), "");

    recb_fixed(&b, 4, "\1\2\3\4\1\2", 6); /* the fourth column would lie behind these */
    assert_string_equal(
        describe(sl(rec, recb_end(&b, rec)), &what),
        "a=01020304 b=0102 c=null d=null v=null w=64666c74 t=null u=746167676564 x=null");
    assert_string_equal(what, "a fixed column lies outside of the fixed data");

    b = (struct recb){.tagged = (const uint8_t *)"\0\1\x08\0\0\1\x08\0",
                      .tagged_len = 8}; /* 256 twice */
    assert_string_equal(describe(sl(rec, recb_end(&b, rec)), &what),
                        "a=null b=0700 c=ff d=null v=null w=64666c74 t= u=null x=null");
    assert_string_equal(what, "the tagged fields are out of order");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_beyond_the_record_have_their_defaults),
        cmocka_unit_test(what_the_record_has_hides_the_default),
        cmocka_unit_test(two_values_of_a_column_for_one_are_both_given),
        cmocka_unit_test(a_templates_column_is_not_its_namesake),
        cmocka_unit_test(damage_is_told_at_the_end_and_hides_what_it_touches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
