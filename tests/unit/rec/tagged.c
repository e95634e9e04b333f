/* Tagged fields of all three layouts: what is sound, byte for byte what the engine writes, and what is
 * not. */
#include "recbuild.h"

static struct tagged_value values[100];

/* Reads everything; returns the number of values or -1 with *ret_what. */
static int read_all(struct slice s, enum tagged_layout layout, const char **ret_what)
{
    struct tagged t;
    int n = 0, more;

    tagged_begin(&t, s, layout);
    while ((more = tagged_next(&t, &values[n])) > 0)
        assert_true(++n < (int)ARRAY_LEN(values));
    *ret_what = t.what;
    if (more < 0) {
        struct tagged_value v;
        assert_non_null(t.what);
        assert_int_equal(tagged_next(&t, &v), 0); /* it ends */
        return -1;
    }
    assert_null(t.what);
    return n;
}

static void expect(int i, uint16_t fid, bool derived, unsigned seq, bool null, const char *data,
                   uint32_t len)
{
    assert_int_equal(values[i].fid, fid);
    assert_int_equal(values[i].derived, derived);
    assert_int_equal(values[i].seq, seq);
    assert_int_equal(values[i].null, null);
    assert_int_equal(values[i].v.data.len, len);
    assert_memory_equal(values[i].v.data.p, data, len);
}

static const char *what;

static void no_bytes_are_no_fields(void **state)
{
    (void)state;
    assert_int_equal(read_all(sl("", 0), TAGGED_SMALL, &what), 0);
    assert_int_equal(read_all(sl("", 0), TAGGED_LARGE, &what), 0);
    assert_int_equal(read_all(sl("", 0), TAGGED_OLD, &what), 0);
}

static void plain_values_have_no_header_on_small_pages_and_one_on_large(void **state)
{
    struct tagb t = {.layout = TAGGED_SMALL};
    uint8_t b[600];

    (void)state;
    tagb_add(&t, 256, 0, -1, "\x01\x02\x03\x04", 4);
    tagb_add(&t, 257, TAG_SMALL_NULL, -1, "", 0);
    tagb_add(&t, 300, 0, -1, "", 0);
    tagb_add(&t, 301, 0, TAGHDR_LONG, "text", 4);
    assert_int_equal(read_all(sl(b, tagb_end(&t, b)), TAGGED_SMALL, &what), 4);
    expect(0, 256, false, 1, false, "\x01\x02\x03\x04", 4);
    expect(1, 257, false, 1, true, "", 0);
    expect(2, 300, false, 1, false, "", 0);
    expect(3, 301, false, 1, false, "text", 4);
    t = (struct tagb){.layout = TAGGED_LARGE};
    tagb_add(&t, 256, 0, 0, "\x01\x02\x03\x04", 4);
    tagb_add(&t, 257, 0, TAGHDR_NULL, "", 0);
    tagb_add(&t, 300, 0, 0, "", 0);
    assert_int_equal(read_all(sl(b, tagb_end(&t, b)), TAGGED_LARGE, &what), 3);
    expect(0, 256, false, 1, false, "\x01\x02\x03\x04", 4);
    expect(1, 257, false, 1, true, "", 0);
    expect(2, 300, false, 1, false, "", 0);
}

/* From esedb-dissect/multi.edb, 4 KiB pages: two values of a Bit column. */
static void the_two_values_form_of_a_real_file_is_read(void **state)
{
    static const uint8_t b[] = {0x00, 0x01, 0x04, 0x40, 0x18, 0x01, 0x00, 0xff};

    (void)state;
    assert_int_equal(read_all(sl(b, sizeof(b)), TAGGED_SMALL, &what), 2);
    expect(0, 256, false, 1, false, "\x00", 1);
    expect(1, 256, false, 2, false, "\xff", 1);
}

/* A record of format/x4096.edb's table Deriv: template columns 256 and 257, its own 256. */
static void columns_of_the_template_come_first(void **state)
{
    static const uint8_t b[] = {0x00, 0x01, 0x0c, 0xc0, 0x01, 0x01, 0x0f, 0xc0, 0x00, 0x01,
                                0x22, 0x40, 0x01, 't',  't',  0x08, 0x06, 0x00, 0x0a, 0x00,
                                0x0e, 0x00, 0,    0,    0,    0,    5,    0,    0,    0,
                                10,   0,    0,    0,    0x01, 'd',  't'};

    (void)state;
    assert_int_equal(read_all(sl(b, sizeof(b)), TAGGED_SMALL, &what), 5);
    expect(0, 256, true, 1, false, "tt", 2);
    expect(1, 257, true, 1, false, "\0\0\0\0", 4);
    expect(2, 257, true, 2, false, "\5\0\0\0", 4);
    expect(3, 257, true, 3, false, "\x0a\0\0\0", 4);
    expect(4, 256, false, 1, false, "dt", 2);
}

static void separated_compressed_and_encrypted_are_told_apart(void **state)
{
    struct tagb t = {.layout = TAGGED_LARGE};
    uint8_t b[600], multi[64];

    (void)state;
    tagb_add(&t, 256, 0, TAGHDR_LONG | TAGHDR_SEPARATED, "\1\0\0\0", 4);
    tagb_add(&t, 257, 0, TAGHDR_LONG | TAGHDR_SEPARATED, "\1\0\0\0\0\0\0\x80", 8);
    tagb_add(&t, 258, 0, TAGHDR_LONG | TAGHDR_COMPRESSED, "\x10xx", 3);
    tagb_add(&t, 259, 0, TAGHDR_LONG | TAGHDR_ENCRYPTED, "secret", 6);
    put_le16(multi, 6);
    put_le16(multi + 2, 9 | MULTI_SEPARATED);
    put_le16(multi + 4, 13);
    memcpy(multi + 6, "\x10yy\2\0\0\0rest", 11);
    tagb_add(&t, 260, 0, TAGHDR_LONG | TAGHDR_MULTI | TAGHDR_COMPRESSED, multi, 17);
    assert_int_equal(read_all(sl(b, tagb_end(&t, b)), TAGGED_LARGE, &what), 7);
    assert_true(values[0].v.separated && !values[0].v.compressed && !values[0].v.encrypted);
    assert_true(values[1].v.separated && values[1].v.data.len == 8);
    assert_true(!values[2].v.separated && values[2].v.compressed);
    assert_true(values[3].v.encrypted);
    assert_true(values[4].v.compressed && !values[4].v.separated);  /* the first of several */
    assert_true(!values[5].v.compressed && values[5].v.separated);  /* each by its own bit */
    assert_true(!values[6].v.compressed && !values[6].v.separated); /* never but the first */
    expect(6, 260, false, 3, false, "rest", 4);
}

static void several_values_may_be_empty(void **state)
{
    struct tagb t = {.layout = TAGGED_SMALL};
    uint8_t b[100];

    (void)state;
    tagb_add(&t, 256, 0, TAGHDR_MULTI, "\x04\x00\x04\x00", 4);
    tagb_add(&t, 257, 0, TAGHDR_MULTI | TAGHDR_TWO, "\x00", 1);
    tagb_add(&t, 258, 0, TAGHDR_MULTI, "\x02\x00only", 6);
    assert_int_equal(read_all(sl(b, tagb_end(&t, b)), TAGGED_SMALL, &what), 5);
    expect(1, 256, false, 2, false, "", 0);
    expect(3, 257, false, 2, false, "", 0);
    expect(4, 258, false, 1, false, "only", 4);
}

/* Fields of formats before 1999: one for each value, its length in front. */
static void the_old_layout_is_read(void **state)
{
    static const uint8_t b[] = {
        0x00, 0x01, 0x02, 0x20, 'a',  'b',                /* template's 256 */
        0x00, 0x01, 0x00, 0x40,                           /* 256: null */
        0x01, 0x01, 0x01, 0x00, 'x',                      /* 257, twice */
        0x01, 0x01, 0x02, 0x00, 'y',  'z',                /* */
        0x02, 0x01, 0x05, 0x80, 0x00, 't', 'e', 'x', 't', /* long, in the record */
        0x03, 0x01, 0x05, 0x80, 0x01, 9,   0,   0,   0};  /* long, separated */

    (void)state;
    assert_int_equal(read_all(sl(b, sizeof(b)), TAGGED_OLD, &what), 6);
    expect(0, 256, true, 1, false, "ab", 2);
    expect(1, 256, false, 1, true, "", 0);
    expect(2, 257, false, 1, false, "x", 1);
    expect(3, 257, false, 2, false, "yz", 2);
    expect(4, 258, false, 1, false, "text", 4);
    expect(5, 259, false, 1, false, "\x09\0\0\0", 4);
    assert_true(values[5].v.separated && !values[4].v.separated);
}

static void the_layout_depends_on_page_size_and_flag(void **state)
{
    (void)state;
    assert_int_equal(tagged_layout_of(4096, PAGE_NEW_RECORD_FORMAT), TAGGED_SMALL);
    assert_int_equal(tagged_layout_of(8192, PAGE_NEW_RECORD_FORMAT), TAGGED_SMALL);
    assert_int_equal(tagged_layout_of(16384, PAGE_NEW_RECORD_FORMAT), TAGGED_LARGE);
    assert_int_equal(tagged_layout_of(4096, PAGE_LEAF), TAGGED_OLD);
}

struct bad {
    const char *name;
    enum tagged_layout layout;
    uint32_t len;
    uint8_t b[24];
};

static const struct bad bad[] = {
    {"shorter than a field", TAGGED_SMALL, 3, {0x00, 0x01, 0x04}},
    {"first offset 0", TAGGED_SMALL, 8, {0x00, 0x01, 0x00, 0x00}},
    {"first offset not a multiple of 4", TAGGED_SMALL, 8, {0x00, 0x01, 0x05, 0x00, 1, 2, 3, 4}},
    {"array beyond the end", TAGGED_SMALL, 8, {0x00, 0x01, 0x20, 0x00, 1, 2, 3, 4}},
    {"offset beyond the end", TAGGED_SMALL, 8, {0x00, 0x01, 0x08, 0x00, 0x01, 0x01, 0x09, 0x00}},
    {"offsets go back",
     TAGGED_SMALL,
     16,
     {0x00, 0x01, 0x0c, 0x00, 0x01, 0x01, 0x0e, 0x00, 0x02, 0x01, 0x0d, 0x00}},
    {"offset inside the array", TAGGED_SMALL, 12, {0x00, 0x01, 0x08, 0x00, 0x01, 0x01, 0x04, 0x00}},
    {"not a tagged column", TAGGED_SMALL, 5, {0xff, 0x00, 0x04, 0x00, 1}},
    {"beyond the last column", TAGGED_SMALL, 5, {0xff, 0xff, 0x04, 0x00, 1}},
    {"numbers go back", TAGGED_SMALL, 8, {0x01, 0x01, 0x08, 0x00, 0x00, 0x01, 0x08, 0x00}},
    {"a number twice", TAGGED_SMALL, 8, {0x01, 0x01, 0x08, 0x00, 0x01, 0x01, 0x08, 0x00}},
    {"the template's column last",
     TAGGED_SMALL,
     8,
     {0x00, 0x01, 0x08, 0x00, 0x00, 0x01, 0x08, 0x80}},
    {"header missing", TAGGED_SMALL, 4, {0x00, 0x01, 0x04, 0x40}},
    {"header missing on a large page", TAGGED_LARGE, 4, {0x00, 0x01, 0x04, 0x00}},
    {"flag that is not known", TAGGED_SMALL, 6, {0x00, 0x01, 0x04, 0x40, 0x80, 1}},
    {"null with data", TAGGED_SMALL, 5, {0x00, 0x01, 0x04, 0x20, 1}},
    {"null with data on a large page", TAGGED_LARGE, 6, {0x00, 0x01, 0x04, 0x00, 0x20, 1}},
    {"two values, not several", TAGGED_SMALL, 7, {0x00, 0x01, 0x04, 0x40, 0x10, 1, 2}},
    {"two long values", TAGGED_SMALL, 7, {0x00, 0x01, 0x04, 0x40, 0x19, 1, 2}},
    {"two separated values", TAGGED_SMALL, 7, {0x00, 0x01, 0x04, 0x40, 0x1c, 1, 2}},
    {"two values without a length", TAGGED_SMALL, 5, {0x00, 0x01, 0x04, 0x40, 0x18}},
    {"first of two too long", TAGGED_SMALL, 7, {0x00, 0x01, 0x04, 0x40, 0x18, 2, 7}},
    {"several without offsets", TAGGED_SMALL, 6, {0x00, 0x01, 0x04, 0x40, 0x08, 2}},
    {"several: no offset", TAGGED_SMALL, 7, {0x00, 0x01, 0x04, 0x40, 0x08, 0, 0}},
    {"several: odd offset", TAGGED_SMALL, 8, {0x00, 0x01, 0x04, 0x40, 0x08, 3, 0, 0}},
    {"several: array beyond the end", TAGGED_SMALL, 8, {0x00, 0x01, 0x04, 0x40, 0x08, 4, 0, 0}},
    {"several: offset beyond the end", TAGGED_SMALL, 9, {0x00, 0x01, 0x04, 0x40, 0x08, 4, 0, 5, 0}},
    {"several: offsets go back",
     TAGGED_SMALL,
     13,
     {0x00, 0x01, 0x04, 0x40, 0x08, 6, 0, 8, 0, 7, 0, 1, 2}},
    {"several: offset inside the array",
     TAGGED_SMALL,
     11,
     {0x00, 0x01, 0x04, 0x40, 0x08, 6, 0, 4, 0, 6, 0}},
    {"number of a long value of 3 bytes", TAGGED_SMALL, 8, {0x00, 0x01, 0x04, 0x40, 0x05, 1, 2, 3}},
    {"compressed number of a long value",
     TAGGED_SMALL,
     9,
     {0x00, 0x01, 0x04, 0x40, 0x07, 1, 2, 3, 4}},
    {"several: number of 1 byte", TAGGED_SMALL, 8, {0x00, 0x01, 0x04, 0x40, 0x09, 2, 0x80, 1}},
    {"old: cut off", TAGGED_OLD, 3, {0x00, 0x01, 0x01}},
    {"old: longer than the record", TAGGED_OLD, 5, {0x00, 0x01, 0x02, 0x00, 1}},
    {"old: numbers go back", TAGGED_OLD, 8, {0x01, 0x01, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00}},
    {"old: no flags of a long value", TAGGED_OLD, 4, {0x00, 0x01, 0x00, 0x80}},
    {"old: number of a long value of 2 bytes", TAGGED_OLD, 7, {0x00, 0x01, 0x03, 0x80, 1, 2, 3}},
    {"old: null with data", TAGGED_OLD, 5, {0x00, 0x01, 0x01, 0x40, 1}},
};

static void damaged_fields_are_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (read_all(sl(bad[i].b, bad[i].len), bad[i].layout, &what) != -1)
            fail_msg("%s: no fault", bad[i].name);
}

/* Bytes that are cut off anywhere, or have a byte changed, are either read or refused: never more. */
static void any_change_of_sound_fields_is_survived(void **state)
{
    struct tagb t = {.layout = TAGGED_SMALL};
    uint8_t b[600];
    uint32_t len;

    (void)state;
    tagb_add(&t, 256, TAG_DERIVED, -1, "\1\2\3\4", 4);
    tagb_add(&t, 256, 0, TAGHDR_LONG | TAGHDR_SEPARATED, "\1\0\0\0", 4);
    tagb_add(&t, 257, 0, TAGHDR_MULTI | TAGHDR_TWO, "\1\2\3", 3);
    tagb_add(&t, 258, 0, TAGHDR_MULTI, "\4\0\5\0\1\2", 6);
    len = tagb_end(&t, b);
    for (uint32_t cut = 0; cut <= len; cut++) {
        for (uint32_t i = 0; i < cut; i++) {
            for (int layout = TAGGED_SMALL; layout <= TAGGED_OLD; layout++) {
                uint8_t *exact = malloc(cut); /* so that the sanitizer sees every step beyond */
                assert_non_null(exact);
                memcpy(exact, b, cut);
                exact[i] = (uint8_t)rnd();
                (void)read_all(sl(exact, cut), (enum tagged_layout)layout, &what);
                free(exact);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_bytes_are_no_fields),
        cmocka_unit_test(plain_values_have_no_header_on_small_pages_and_one_on_large),
        cmocka_unit_test(the_two_values_form_of_a_real_file_is_read),
        cmocka_unit_test(columns_of_the_template_come_first),
        cmocka_unit_test(separated_compressed_and_encrypted_are_told_apart),
        cmocka_unit_test(several_values_may_be_empty),
        cmocka_unit_test(the_old_layout_is_read),
        cmocka_unit_test(the_layout_depends_on_page_size_and_flag),
        cmocka_unit_test(damaged_fields_are_refused_by_name),
        cmocka_unit_test(any_change_of_sound_fields_is_survived),
    };

    rnd_init("tagged");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
