/*
 * Index keys: known answers of every rule, then every key of the real databases that needs no
 * collation, made anew from the records and looked up in its index.
 */
#include "recbuild.h"

#include <fcntl.h>

#include "rec/normalize.h"
#include "rec/row.h"
#include "rec/value.h"

/* ---- known answers --------------------------------------------------------------------------- */

struct answer {
    const char *name;
    unsigned coltyp;
    uint16_t fid;
    uint32_t cp;
    const char *value; /* NULL: null */
    uint32_t len;
    const char *key;
    uint32_t key_len;
};

#define V(s) s, sizeof(s) - 1

static const struct answer answers[] = {
    {"null", JET_coltypLong, 1, 0, NULL, 0, V("\x00")},
    {"no bytes", JET_coltypText, 128, 1252, V(""), V("\x40")},
    {"no bytes of a long value", JET_coltypLongBinary, 256, 0, V(""), V("\x40")},
    {"false", JET_coltypBit, 1, 0, V("\x00"), V("\x7f\x00")},
    {"true", JET_coltypBit, 1, 0, V("\x01"), V("\x7f\xff")},
    {"unsigned byte", JET_coltypUnsignedByte, 1, 0, V("\x85"), V("\x7f\x85")},
    {"short", JET_coltypShort, 1, 0, V("\xfe\xff"), V("\x7f\x7f\xfe")},
    {"unsigned short", JET_coltypUnsignedShort, 1, 0, V("\xfe\xff"), V("\x7f\xff\xfe")},
    {"long", JET_coltypLong, 1, 0, V("\x01\x00\x00\x00"), V("\x7f\x80\x00\x00\x01")},
    {"negative long", JET_coltypLong, 1, 0, V("\xff\xff\xff\xff"), V("\x7f\x7f\xff\xff\xff")},
    {"unsigned long", JET_coltypUnsignedLong, 1, 0, V("\x01\x00\x00\x80"),
     V("\x7f\x80\x00\x00\x01")},
    {"currency", JET_coltypCurrency, 1, 0, V("\x01\0\0\0\0\0\0\x00"),
     V("\x7f\x80\0\0\0\0\0\0\x01")},
    {"long long", JET_coltypLongLong, 1, 0, V("\x01\0\0\0\0\0\0\x80"),
     V("\x7f\x00\0\0\0\0\0\0\x01")},
    {"unsigned long long", JET_coltypUnsignedLongLong, 1, 0, V("\x01\0\0\0\0\0\0\x80"),
     V("\x7f\x80\0\0\0\0\0\0\x01")},
    {"single 1.0", JET_coltypIEEESingle, 1, 0, V("\x00\x00\x80\x3f"), V("\x7f\xbf\x80\x00\x00")},
    {"single -1.0", JET_coltypIEEESingle, 1, 0, V("\x00\x00\x80\xbf"), V("\x7f\x40\x7f\xff\xff")},
    {"double 1.0", JET_coltypIEEEDouble, 1, 0, V("\0\0\0\0\0\0\xf0\x3f"),
     V("\x7f\xbf\xf0\0\0\0\0\0\0")},
    {"date -1.0", JET_coltypDateTime, 1, 0, V("\0\0\0\0\0\0\xf0\xbf"),
     V("\x7f\x40\x0f\xff\xff\xff\xff\xff\xff")},
    {"GUID", JET_coltypGUID, 1, 0, V("0123456789abcdef"),
     V("\x7f"
       "abcdef8967450123")},
    {"fixed binary", JET_coltypBinary, 1, 0, V("abc\0"),
     V("\x7f"
       "abc\0")},
    {"binary of 3", JET_coltypBinary, 128, 0, V("abc"),
     V("\x7f"
       "abc\0\0\0\0\0\3")},
    {"binary of 8", JET_coltypBinary, 128, 0, V("abcdefgh"),
     V("\x7f"
       "abcdefgh\x08")},
    {"binary of 9", JET_coltypLongBinary, 256, 0, V("abcdefghi"),
     V("\x7f"
       "abcdefgh\x09"
       "i\0\0\0\0\0\0\0\1")},
    {"text", JET_coltypText, 128, 1252, V("Name 1\xe9"),
     V("\x7f"
       "NAME 1\xe9\0")},
    {"text with a zero", JET_coltypLongText, 256, 1252, V("ab\0cd"),
     V("\x7f"
       "AB\0")},
    {"fixed text", JET_coltypText, 1, 1252, V("ab  "),
     V("\x7f"
       "AB  \0")},
};

static struct index plain_index(void)
{
    return (struct index){
        .key_most = 255, .segment_most = 255, .lcmap_flags = 0x30401, .xflags = INDEX_X_EXTENDED};
}

static struct column column_of(const struct answer *a)
{
    return (struct column){
        .name = a->name, .fid = a->fid, .coltyp = (uint8_t)a->coltyp, .cp = a->cp};
}

static void each_type_has_its_form(void **state)
{
    const struct index ix = plain_index();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        const struct answer *a = &answers[i];
        const struct column c = column_of(a);
        struct slice v = sl(a->value, a->len);
        struct norm_key up = {0}, down = {0};
        assert_true(norm_append(&up, &ix, &c, false, a->value ? &v : NULL));
        assert_true(norm_append(&down, &ix, &c, true, a->value ? &v : NULL));
        if (up.len != a->key_len || memcmp(up.b, a->key, up.len) != 0)
            fail_msg("%s: key of %u bytes", a->name, up.len);
        assert_false(up.truncated);
        assert_int_equal(down.len, up.len);
        for (uint32_t k = 0; k < up.len; k++)
            assert_int_equal(down.b[k], (uint8_t)~up.b[k]);
        assert_true(norm_knows(&c));
    }
}

static void flags_of_the_index_change_the_form(void **state)
{
    struct index ix = plain_index();
    const struct column g = {.fid = 1, .coltyp = JET_coltypGUID};
    struct slice v = str("0123456789abcdef");
    struct norm_key k = {0};

    (void)state;
    ix.flags = INDEX_NULLS_HIGH;
    ix.xflags |= INDEX_X_DOTNET_GUID;
    assert_true(norm_append(&k, &ix, &g, false, NULL));
    assert_true(norm_append(&k, &ix, &g, false, &v));
    assert_int_equal(k.len, 18);
    assert_memory_equal(k.b,
                        "\xc0\x7f"
                        "3210547689abcdef",
                        18);
}

static void a_key_is_cut_off_at_its_length(void **state)
{
    static const struct {
        const char *name;
        unsigned coltyp;
        uint16_t fid;
        const char *value;
        uint32_t len, most;
        const char *key;
        uint32_t key_len;
        bool truncated;
    } cases[] = {
        {"a number", JET_coltypLong, 1, V("\1\0\0\0"), 4, V("\x7f\x80\0\0"), true},
        {"a number that just fits", JET_coltypLong, 1, V("\1\0\0\0"), 5, V("\x7f\x80\0\0\1"),
         false},
        {"bytes", JET_coltypBinary, 128, V("abcdefghij"), 12,
         V("\x7f"
           "abcdefgh\x09ij"),
         true},
        {"bytes without their count", JET_coltypBinary, 128, V("abcdefgh"), 9,
         V("\x7f"
           "abcdefgh"),
         true},
        {"text that just fits", JET_coltypText, 128, V("abc"), 5,
         V("\x7f"
           "ABC\0"),
         false},
        {"text without its zero", JET_coltypText, 128, V("abc"), 4,
         V("\x7f"
           "AB\x43"),
         true},
        {"text with the old mistake", JET_coltypText, 128, V("ABcde"), 4,
         V("\x7f"
           "AB\x43"),
         true},
        {"the mistake with a capital", JET_coltypText, 128, V("ABCDE"), 4,
         V("\x7f"
           "AB\x23"),
         true},
        {"a prefix alone", JET_coltypText, 128, V("ABCDE"), 1, V("\x7f"), true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct index ix = plain_index();
        const struct column c = {
            .fid = cases[i].fid, .coltyp = (uint8_t)cases[i].coltyp, .cp = 1252};
        struct slice v = sl(cases[i].value, cases[i].len);
        struct norm_key k = {0};
        ix.key_most = ix.segment_most = cases[i].most;
        assert_true(norm_append(&k, &ix, &c, false, &v));
        if (k.len != cases[i].key_len || memcmp(k.b, cases[i].key, k.len) != 0 ||
            k.truncated != cases[i].truncated)
            fail_msg("%s: %u bytes", cases[i].name, k.len);
    }
}

static void a_full_key_takes_no_segment(void **state)
{
    struct index ix = plain_index();
    const struct column c = {.fid = 1, .coltyp = JET_coltypLong};
    struct slice v = str("1234");
    struct norm_key k = {0};

    (void)state;
    ix.key_most = 5;
    assert_true(norm_append(&k, &ix, &c, false, &v));
    assert_false(k.truncated);
    assert_true(norm_append(&k, &ix, &c, false, &v));
    assert_int_equal(k.len, 5);
    assert_true(k.truncated);
}

static void segments_of_varying_length_have_a_limit_of_their_own(void **state)
{
    struct index ix = plain_index();
    const struct column b = {.fid = 1, .coltyp = JET_coltypBinary},
                        n = {.fid = 2, .coltyp = JET_coltypLong};
    struct slice v = str("abcdefgh"), w = sl("\1\0\0\0", 4);
    struct norm_key k = {0};

    (void)state;
    ix.segment_most = 4;
    assert_true(norm_append(&k, &ix, &b, false, &v));
    assert_true(norm_append(&k, &ix, &n, false, &w));
    assert_int_equal(k.len, 4 + 5);
    assert_memory_equal(k.b,
                        "\x7f"
                        "abc\x7f\x80\0\0\1",
                        9);
}

static void text_that_needs_windows_is_not_made(void **state)
{
    struct index ix = plain_index();
    const struct column c = {.fid = 128, .coltyp = JET_coltypText, .cp = 1200},
                        n = {.fid = 1, .coltyp = JET_coltypLong};
    struct slice v = sl("a\0B\0", 4), accent = sl("\xe9\0", 2), odd = str("abc"),
                 zero = sl("a\0\0\0", 4);
    struct norm_key k = {0};

    (void)state;
    assert_false(norm_knows(&c));
    assert_false(norm_append(&k, &ix, &c, false, &v));
    assert_int_equal(k.len, 0);
    ix.lcmap_flags = 0x200; /* LCMAP_UPPERCASE */
    assert_true(norm_append(&k, &ix, &c, false, &v));
    assert_int_equal(k.len, 7);
    assert_memory_equal(k.b, "\x7f\0A\0B\0\0", 7);
    assert_false(norm_append(&k, &ix, &c, false, &accent));
    assert_false(norm_append(&k, &ix, &c, false, &odd));
    assert_false(norm_append(&k, &ix, &c, false, &zero));
    assert_false(norm_append(&k, &ix, &n, false, &odd)); /* a number of 3 bytes */
    ix.key_most = 11;
    assert_false(
        norm_append(&k, &ix, &c, false, &v)); /* does not fit: the engine's bytes are undefined */
    assert_int_equal(k.len, 7);
}

/* ---- text in our own order ------------------------------------------------------------------- */

static struct index own_index(void)
{
    static uint8_t version[8], sort_id[16];
    struct index ix = plain_index();

    norm_version(version, sort_id);
    ix.flags = INDEX_LOCALIZED_TEXT;
    ix.version = sl(version, sizeof(version));
    ix.sort_id = sl(sort_id, sizeof(sort_id));
    return ix;
}

static const struct column wide_text = {
    .name = "wide", .fid = 256, .coltyp = JET_coltypLongText, .cp = 1200};

static void text_of_our_own_indexes_has_keys(void **state)
{
    struct index ix = own_index();
    struct slice v = sl("a\0B\0\xe9\0", 6), none = sl("", 0);
    struct norm_key k = {0}, d = {0};

    (void)state;
    assert_int_equal(norm_text_is_ours(&ix), NORM_OURS);
    assert_true(norm_append(&k, &ix, &wide_text, false, &v));
    assert_int_equal(k.len, 1 + 3 + 1 + 4 + 2);
    assert_memory_equal(k.b,
                        "\x7f"
                        "ABE\x01\x02\x02\x02\x04\x01\x00",
                        k.len);
    assert_true(norm_append(&d, &ix, &wide_text, true, &v));
    for (uint32_t i = 0; i < k.len; i++)
        assert_int_equal(d.b[i], (uint8_t)~k.b[i]);
    k.len = 0;
    assert_true(norm_append(&k, &ix, &wide_text, false, &none));
    assert_int_equal(k.len, 1);
    assert_int_equal(k.b[0], NORM_EMPTY);
    ix.flags = 0;
    assert_int_equal(norm_text_is_ours(&ix), NORM_NO_TEXT);
    ix.flags = INDEX_LOCALIZED_TEXT;
    ix.version.len = 0;
    assert_int_equal(norm_text_is_ours(&ix), NORM_FOREIGN);
    assert_false(norm_append(&k, &ix, &wide_text, false, &v));
}

/* Keys of 255 bytes see 255 bytes of the text; longer ones as many as they need. */
static void long_text_is_cut_where_the_index_says(void **state)
{
    struct index ix = own_index();
    static uint8_t text[2 * NORM_VALUE_MOST];
    struct slice v = sl(text, sizeof(text));
    struct norm_key k = {0};

    (void)state;
    for (unsigned i = 0; i < sizeof(text); i += 2)
        text[i] = 'a';
    assert_true(norm_append(&k, &ix, &wide_text, false, &v));
    assert_int_equal(k.len, 1 + 127 + 3);
    assert_false(k.truncated);
    k.len = 0;
    ix.key_most = ix.segment_most = 100;
    assert_true(norm_append(&k, &ix, &wide_text, false, &v));
    assert_int_equal(k.len, 100);
    assert_true(k.truncated);
    k.len = 0;
    k.truncated = false;
    ix.key_most = 300;
    assert_true(
        norm_append(&k, &ix, &wide_text, false, &v)); /* the index asks for 100 bytes of it */
    assert_int_equal(k.len, 100);
    assert_false(k.truncated);
    k.len = 0;
    ix.key_most = ix.segment_most = 2000;
    for (unsigned i = 0; i < sizeof(text); i += 2)
        text[i] = 1; /* counts nowhere: so much of it hides what follows */
    text[sizeof(text) - 2] = 'a';
    assert_true(norm_append(&k, &ix, &wide_text, false, &v));
    assert_int_equal(k.len, 1 + 3);
}

static void numbers_without_bytes_are_as_null(void **state)
{
    struct index ix = plain_index();
    const struct column n = {.fid = 256, .coltyp = JET_coltypLong};
    struct slice none = sl("", 0);
    struct norm_key k = {0};

    (void)state;
    assert_true(norm_append(&k, &ix, &n, false, &none));
    assert_int_equal(k.len, 1);
    assert_int_equal(k.b[0], NORM_NULL);
}

/* ---- keys to seek with ----------------------------------------------------------------------- */

static const struct column search_cols[] = {
    {.name = "long", .fid = 1, .coltyp = JET_coltypLong, .len = 4},
    {.name = "fixed text", .fid = 2, .coltyp = JET_coltypText, .cp = 1252, .len = 4},
    {.name = "text", .fid = 128, .coltyp = JET_coltypText, .cp = 1252},
    {.name = "bytes", .fid = 129, .coltyp = JET_coltypBinary},
    {.name = "wide text", .fid = 256, .coltyp = JET_coltypLongText, .cp = 1200},
};

static void a_search_key_stands_for_what_its_limit_says(void **state)
{
    static const struct {
        unsigned c;
        bool descending;
        const char *value;
        uint32_t len;
        enum norm_limit limit;
        const char *key; /* key_most is 12: a key that is filled up has 13 bytes */
        uint32_t key_len;
        JET_ERR err;
    } cases[] = {
        {0, false, V("\1\0\0\0"), NORM_WHOLE, V("\x7f\x80\0\0\1"), JET_errSuccess},
        {0, false, V("\1\0\0\0"), NORM_COLUMN_START, V("\x7f\x80\0\0\1"), JET_errSuccess},
        {0, false, V("\1\0\0\0"), NORM_COLUMN_END,
         V("\x7f\x80\0\0\1\xff\xff\xff\xff\xff\xff\xff\xff"), JET_errSuccess},
        {0, false, V("\1\0\0\0"), NORM_STR_END, V("\x7f\x80\0\0\1\xff\xff\xff\xff\xff\xff\xff\xff"),
         JET_errSuccess},
        {0, false, V("\1\0\0\0"), NORM_PARTIAL_END, V(""), JET_errInvalidGrbit},
        {0, false, V("\1\0\0"), NORM_WHOLE, V(""), JET_errInvalidBufferSize},
        {0, false, NULL, 0, NORM_WHOLE, V("\0"), JET_errSuccess},
        {1, false, V("ab"), NORM_WHOLE,
         V("\x7f"
           "AB  \0"),
         JET_errSuccess},
        {1, false, V("abcde"), NORM_WHOLE, V(""), JET_errInvalidBufferSize},
        {2, false, V("ab"), NORM_WHOLE,
         V("\x7f"
           "AB\0"),
         JET_errSuccess},
        {2, false, V("ab"), NORM_PARTIAL_START,
         V("\x7f"
           "AB"),
         JET_errSuccess},
        {2, false, V("ab"), NORM_PARTIAL_END,
         V("\x7f"
           "AB\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
         JET_errSuccess},
        {2, true, V("ab"), NORM_PARTIAL_END,
         V("\x80\xbe\xbd\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), JET_errSuccess},
        {2, false, V("ab"), NORM_STR_END,
         V("\x7f"
           "AB\0\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
         JET_errSuccess},
        {2, false, NULL, 0, NORM_PARTIAL_END,
         V("\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), JET_errSuccess},
        {3, false, V("abc"), NORM_PARTIAL_START,
         V("\x7f"
           "abc"),
         JET_errSuccess},
        {3, false, V("abc"), NORM_STR_END,
         V("\x7f"
           "abc\xff\xff\xff\xff\xff\xff\xff"),
         JET_errSuccess},
        {3, false, V("abcdefgh"), NORM_PARTIAL_END,
         V("\x7f"
           "abcdefgh\xff\xff"),
         JET_errSuccess},
        {3, false, V("abcdefghi"), NORM_PARTIAL_END,
         V("\x7f"
           "abcdefgh\x09i\xff\xff"),
         JET_errSuccess},
        {3, false, V("abcdefghijk"), NORM_PARTIAL_END,
         V("\x7f"
           "abcdefgh\x09ij\xff"),
         JET_errSuccess},
        {4, false, V("a\0\xe9\0"), NORM_WHOLE,
         V("\x7f"
           "AE\x01\x02\x02\x04\x01\0"),
         JET_errSuccess},
        {4, false, V("a\0\xe9\0"), NORM_PARTIAL_START,
         V("\x7f"
           "AE"),
         JET_errSuccess},
        {4, false, V("a\0\xe9\0"), NORM_PARTIAL_END,
         V("\x7f"
           "AE\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
         JET_errSuccess},
        {4, true, V("a\0"), NORM_PARTIAL_START, V("\x80\xbe"), JET_errSuccess},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct index ix = own_index();
        struct slice v = sl(cases[i].value, cases[i].len);
        struct norm_key k = {0};
        JET_ERR err;
        ix.key_most = ix.segment_most = 12;
        ix.segments[0].descending = cases[i].descending;
        err = norm_append_search(&k, &ix, 0, &search_cols[cases[i].c], cases[i].value ? &v : NULL,
                                 cases[i].limit);
        if (err != cases[i].err || k.len != cases[i].key_len ||
            memcmp(k.b, cases[i].key, k.len) != 0) {
            for (uint32_t n = 0; n < k.len; n++)
                print_message("%02x ", k.b[n]);
            fail_msg("case %u: %d, %u bytes", (unsigned)i, (int)err, k.len);
        }
    }
}

static void a_search_key_of_tuples_is_one_tuple(void **state)
{
    struct index ix = own_index();
    struct slice v = str("abcdef"), w = str("a");
    struct norm_key k = {0};

    (void)state;
    ix.tuples = true;
    ix.tuple_min = 2;
    ix.tuple_max = 3;
    assert_int_equal(norm_append_search(&k, &ix, 0, &search_cols[2], &v, NORM_WHOLE),
                     JET_errSuccess);
    assert_int_equal(k.len, 5);
    assert_int_equal(norm_append_search(&k, &ix, 0, &search_cols[2], &w, NORM_WHOLE),
                     JET_errIndexTuplesKeyTooSmall);
    assert_int_equal(norm_append_search(&k, &ix, 0, &search_cols[2], NULL, NORM_WHOLE),
                     JET_errIndexTuplesKeyTooSmall);
    ix.tuples = false;
    ix.version.len = 0;
    assert_int_equal(norm_append_search(&k, &ix, 0, &wide_text, &v, NORM_WHOLE),
                     JET_errUnicodeNormalizationNotSupported);
}

/* Whatever begins with a text lies between the keys of its two partial limits, and what does not,
 * does not. */
static void partial_limits_hold_all_that_begins_so(void **state)
{
    struct index ix = own_index();

    (void)state;
    rnd_init("partial_limits_hold_all_that_begins_so");
    ix.key_most = ix.segment_most = 60;
    for (unsigned i = 0; i < 20000; i++) {
        const struct column *c = &search_cols[2 + rnd() % 3];
        uint8_t text[20], start[20];
        const uint32_t unit = c->cp == 1200 ? 2 : 1, nr = 1 + (uint32_t)(rnd() % 8),
                       nr_start = 1 + (uint32_t)(rnd() % 3);
        struct norm_key from = {0}, to = {0}, k = {0};
        struct slice v = sl(text, nr * unit), w = sl(start, nr_start * unit);
        bool begins = nr >= nr_start, inside;

        for (uint32_t n = 0; n < sizeof(text); n++) {
            text[n] = unit == 2 && n & 1 ? 0 : (uint8_t)('a' + rnd() % 2);
            start[n] = unit == 2 && n & 1 ? 0 : (uint8_t)('a' + rnd() % 2);
        }
        begins = begins && memcmp(text, start, w.len) == 0;
        assert_int_equal(norm_append_search(&from, &ix, 0, c, &w, NORM_PARTIAL_START),
                         JET_errSuccess);
        assert_int_equal(norm_append_search(&to, &ix, 0, c, &w, NORM_PARTIAL_END), JET_errSuccess);
        assert_true(norm_append(&k, &ix, c, false, &v));
        inside = memcmp(k.b, from.b, from.len < k.len ? from.len : k.len) >= 0 &&
                 k.len >= from.len && memcmp(k.b, to.b, to.len < k.len ? to.len : k.len) < 0;
        assert_int_equal(inside, begins);
    }
}

/* ---- real databases -------------------------------------------------------------------------- */

#define VALUES_MOST 40

struct seg_values {
    const struct column *c;
    unsigned nr; /* 0: null */
    struct slice v[VALUES_MOST];
    uint8_t b[VALUES_MOST][NORM_VALUE_MOST];
};

static struct seg_values segs[INDEX_SEGMENTS_MAX];
static struct value_reader vr;
static struct bt_cursor rows, entries;
static struct row row;

struct check {
    struct dbfile *f;
    const struct index *ix;
    const struct schema *s;
    struct slice bm;
    struct norm_key made[400]; /* of this row, to leave out the ones made twice */
    unsigned nr_made;
    uint64_t nr, nr_keys; /* of the index; of all indexes */
    unsigned nr_indexes, nr_skipped;
};

static void collect(struct check *k, struct bt_node *n)
{
    struct row_value v;

    for (unsigned i = 0; i < k->ix->nr_segments; i++)
        segs[i].nr = 0;
    assert_null(
        row_begin(&row, k->s, n->data, tagged_layout_of(dbfile_page_size(k->f), n->page_flags)));
    while (row_next(&row, &v)) {
        for (unsigned i = 0; i < k->ix->nr_segments; i++) {
            struct seg_values *s = &segs[i];
            uint32_t len;
            if (s->c != v.column || v.null)
                continue;
            assert_true(s->nr < VALUES_MOST);
            assert_int_equal(value_read(&vr, &v.v, n->pgno, s->b[s->nr], NORM_VALUE_MOST, &len),
                             JET_errSuccess);
            s->v[s->nr] = sl(s->b[s->nr], len);
            s->nr++;
        }
    }
    assert_null(row.what);
}

static bool conditions_hold(struct check *k, struct bt_node *n)
{
    struct row_value v;

    assert_null(
        row_begin(&row, k->s, n->data, tagged_layout_of(dbfile_page_size(k->f), n->page_flags)));
    while (row_next(&row, &v))
        for (unsigned i = 0; i < k->ix->nr_conditions; i++) {
            const struct index_segment *c = &k->ix->conditions[i];
            if (schema_find(k->s, c->fid, c->from_template) == v.column &&
                v.null != c->must_be_null)
                return false;
        }
    return true;
}

/* One entry: value number pick[i] of each segment. It must be in the index, with the row's
 * bookmark. */
static void expect_entry(struct check *k, const unsigned *pick)
{
    struct norm_key *key = &k->made[k->nr_made];
    unsigned nr_null = 0;
    bool first_null = false;
    struct bt_node e;

    key->len = 0;
    for (unsigned i = 0; i < k->ix->nr_segments; i++) {
        const bool null = pick[i] >= segs[i].nr;
        nr_null += null;
        first_null |= null && i == 0;
        assert_true(norm_append(key, k->ix, segs[i].c, k->ix->segments[i].descending,
                                null ? NULL : &segs[i].v[pick[i]]));
    }
    if (nr_null == k->ix->nr_segments ? !(k->ix->flags & INDEX_ALL_NULLS)
        : first_null                  ? !(k->ix->flags & INDEX_FIRST_NULL)
                                      : nr_null && !(k->ix->flags & INDEX_SOME_NULLS))
        return;
    for (unsigned i = 0; i < k->nr_made; i++)
        if (k->made[i].len == key->len && memcmp(k->made[i].b, key->b, key->len) == 0)
            return;
    assert_true(++k->nr_made < ARRAY_LEN(k->made));
    assert_int_equal(bt_seek(&entries, key->b, key->len), JET_errSuccess);
    for (;;) {
        if (bt_next(&entries, &e) != JET_errSuccess || e.key.len != key->len ||
            memcmp(e.key.p, key->b, key->len) != 0)
            fail_msg("%s of %s: an entry is missing", k->ix->name, k->s->table->name);
        if (k->ix->flags & INDEX_PRIMARY)
            break; /* the row itself */
        if (e.data.len == k->bm.len && memcmp(e.data.p, k->bm.p, k->bm.len) == 0)
            break;
    }
    k->nr++;
}

static void expect_entries(struct check *k)
{
    const bool cross = k->ix->flags & INDEX_CROSS_PRODUCT, nested = k->ix->flags & INDEX_NESTED;
    unsigned pick[INDEX_SEGMENTS_MAX] = {0}, most = 1, first_multi = INDEX_SEGMENTS_MAX;

    k->nr_made = 0;
    for (unsigned i = k->ix->nr_segments; i-- > 0;) {
        if (segs[i].nr > most)
            most = segs[i].nr;
        if (segs[i].c->flags & COLUMN_MULTI_VALUED)
            first_multi = i;
    }
    if (cross) {
        for (;;) {
            unsigned i = 0;
            expect_entry(k, pick);
            while (i < k->ix->nr_segments && ++pick[i] >= segs[i].nr)
                pick[i++] = 0;
            if (i == k->ix->nr_segments)
                return;
        }
    }
    if (first_multi == INDEX_SEGMENTS_MAX) {
        expect_entry(k, pick);
        return;
    }
    for (unsigned n = 0; n == 0 || n < (nested ? most : segs[first_multi].nr); n++) {
        for (unsigned i = 0; i < k->ix->nr_segments; i++)
            pick[i] =
                (nested && (segs[i].c->flags & COLUMN_MULTI_VALUED)) || i == first_multi ? n : 0;
        expect_entry(k, pick);
    }
}

static bool is_known(struct check *k)
{
    for (unsigned i = 0; i < k->ix->nr_segments; i++) {
        segs[i].c = schema_find(k->s, k->ix->segments[i].fid, k->ix->segments[i].from_template);
        assert_non_null(segs[i].c);
        if (!norm_knows(segs[i].c))
            return false;
    }
    return !k->ix->tuples;
}

static void check_index(struct check *k)
{
    struct bt_node n;
    uint64_t nr_in_index = 0;

    if (!is_known(k)) {
        k->nr_skipped++;
        return;
    }
    k->nr = 0;
    bt_open(&entries, k->f, k->ix->pgno, k->ix->objid, 0);
    bt_open(&rows, k->f, k->s->table->pgno, k->s->table->objid, 0);
    while (bt_next(&rows, &n) == JET_errSuccess) {
        uint8_t bm[BT_KEY_MAX];
        memcpy(bm, n.key.p, n.key.len);
        k->bm = sl(bm, n.key.len);
        if (!conditions_hold(k, &n))
            continue;
        collect(k, &n);
        expect_entries(k);
    }
    bt_close(&rows);
    bt_close(&entries);
    bt_open(&entries, k->f, k->ix->pgno, k->ix->objid, 0);
    while (bt_next(&entries, &n) == JET_errSuccess)
        nr_in_index++;
    bt_close(&entries);
    if (k->nr != nr_in_index)
        fail_msg("%s of %s: %u entries, %u made", k->ix->name, k->s->table->name,
                 (unsigned)nr_in_index, (unsigned)k->nr);
    k->nr_keys += k->nr;
    k->nr_indexes++;
}

static void check_database(const char *path)
{
    static struct check k;
    struct faults fs;
    struct catalog *c;
    char full[600];
    int fd;

    snprintf(full, sizeof(full), "%s/%s", test_data(), path);
    fd = open(full, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    faults_init(&fs);
    memset(&k, 0, sizeof(k));
    assert_int_equal(dbfile_open(fd, &fs.r, &k.f), JET_errSuccess);
    assert_int_equal(catalog_load(k.f, CATALOG_PGNO, CATALOG_OBJID, &c), JET_errSuccess);
    for (unsigned i = 0; i < c->nr_tables; i++) {
        const struct table *t = c->tables[i];
        struct schema *s;
        assert_int_equal(schema_new(t, &s), JET_errSuccess);
        k.s = s;
        lv_init(&vr.lv, k.f, t->lv_pgno, t->lv_objid, t->lv_chunk);
        for (unsigned n = 0; n < t->nr_indexes; n++) {
            k.ix = &t->indexes[n];
            check_index(&k);
        }
        lv_done(&vr.lv);
        schema_free(s);
    }
    assert_int_equal(fs.nr, 0);
    print_message("%s: %u keys of %u indexes, %u indexes left out\n", path, (unsigned)k.nr_keys,
                  k.nr_indexes, k.nr_skipped);
    assert_true(k.nr_keys > 0);
    catalog_free(c);
    dbfile_close(k.f);
    close(fd);
}

static void the_keys_of_real_databases_are_made_anew(void **state)
{
    static const char *const paths[] = {
        "format/x4096.edb",
        "format/a_290.edb",
        "format/g_32768_9600.edb",
        "format/w4096.edb",
        "format/deleted_columns.edb",
        "windows/esedb-dissect/index.edb",
        "windows/srum-goese/SRUDB.dat",
        "windows/esedb-xbim/P1.xBIM",
    };

    (void)state;
    NEED_DATA("index keys of real databases");
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        check_database(paths[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_type_has_its_form),
        cmocka_unit_test(flags_of_the_index_change_the_form),
        cmocka_unit_test(a_key_is_cut_off_at_its_length),
        cmocka_unit_test(a_full_key_takes_no_segment),
        cmocka_unit_test(segments_of_varying_length_have_a_limit_of_their_own),
        cmocka_unit_test(text_that_needs_windows_is_not_made),
        cmocka_unit_test(text_of_our_own_indexes_has_keys),
        cmocka_unit_test(long_text_is_cut_where_the_index_says),
        cmocka_unit_test(numbers_without_bytes_are_as_null),
        cmocka_unit_test(a_search_key_stands_for_what_its_limit_says),
        cmocka_unit_test(a_search_key_of_tuples_is_one_tuple),
        cmocka_unit_test(partial_limits_hold_all_that_begins_so),
        cmocka_unit_test(the_keys_of_real_databases_are_made_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
