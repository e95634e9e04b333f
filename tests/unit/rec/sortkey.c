/*
 * Sort keys: known orders, equal texts, what flags ignore, cutting, and that the keys of this
 * version stay what they are.
 */
#include "recbuild.h"

#include "rec/sortkey.h"

#define DEFAULT_FLAGS \
    (SORTKEY_SORTKEY | SORTKEY_IGNORE_CASE | SORTKEY_IGNORE_KANA_TYPE | SORTKEY_IGNORE_WIDTH)
#define KEY_MOST  4000
#define TABLE_SUM UINT64_C(0x2fe568fc98b5326d) /* of SORTKEY_VERSION */

struct key {
    uint32_t len;
    bool cut;
    uint8_t b[KEY_MOST];
};

/* UTF-8 to UTF-16LE */
static uint32_t to_utf16(const char *s, uint8_t *out)
{
    uint32_t n = 0;

    while (*s) {
        const uint8_t b = (uint8_t)*s++;
        uint32_t c = b < 0x80 ? b : b < 0xe0 ? b & 31u : b < 0xf0 ? b & 15u : b & 7u;
        for (unsigned k = b < 0x80 ? 0 : b < 0xe0 ? 1 : b < 0xf0 ? 2 : 3; k; k--)
            c = c << 6 | (*s++ & 63u);
        if (c >= 0x10000) {
            put_le16(out + n, (uint16_t)(0xd800 + ((c - 0x10000) >> 10)));
            n += 2;
            c = 0xdc00 + ((c - 0x10000) & 0x3ff);
        }
        put_le16(out + n, (uint16_t)c);
        n += 2;
    }
    return n;
}

static void make(const char *s, uint32_t flags, struct key *k)
{
    uint8_t text[4000];
    const uint32_t len = to_utf16(s, text);

    k->len = sortkey_make(sl(text, len), flags, k->b, KEY_MOST, &k->cut);
    assert_false(k->cut);
}

static int compare(const char *a, const char *b, uint32_t flags)
{
    static struct key x, y;
    int d;

    make(a, flags, &x);
    make(b, flags, &y);
    d = memcmp(x.b, y.b, x.len < y.len ? x.len : y.len);
    return d ? d : (x.len > y.len) - (x.len < y.len);
}

static void words_come_in_the_order_that_people_expect(void **state)
{
    static const char *const order[] = {
        "a b",       "a-b",      "a1",     "ab",          "abc",       "ABD",
        "abd\u0301", "\u00c4bd", "abe",    "B",           "c\u00f4te", "d\u00e9j\u00e0",
        "e",         "\u0141ow", "z",      "\u03b1",      "\u0410",    "\u0431",
        "\u3042",    "\u6f22",   "\uac00", "\U0001F600x",
    };

    (void)state;
    /* emoji are symbols and come with the punctuation */
    assert_true(compare(order[ARRAY_LEN(order) - 1], "0", DEFAULT_FLAGS) < 0);
    for (size_t i = 0; i + 2 < ARRAY_LEN(order); i++)
        if (compare(order[i], order[i + 1], DEFAULT_FLAGS) >= 0)
            fail_msg("%s does not come before %s", order[i], order[i + 1]);
}

static void what_is_ignored_makes_no_difference(void **state)
{
    static const struct {
        const char *a, *b;
        uint32_t flags; /* 0: they differ without this flag and are equal with it */
        bool equal_anyway;
    } cases[] = {
        {"abc", "ABC", SORTKEY_IGNORE_CASE, false},
        {"\u00e9", "\u00c9", SORTKEY_IGNORE_CASE, false},
        {"\u044f", "\u042f", SORTKEY_LINGUISTIC_IGNORE_CASE, false},
        {"e\u0301", "\u00e9", 0, true},
        {"q\u0307\u0323", "q\u0323\u0307", 0, true},
        {"\uac01", "\u1100\u1161\u11a8", 0, true},
        {"a\u200db\x01", "ab", 0, true},
        {"resume", "r\u00e9sum\u00e9", SORTKEY_IGNORE_NONSPACE, false},
        {"o", "\u00f8", SORTKEY_LINGUISTIC_IGNORE_DIACRITIC, false},
        {"\u304b", "\u30ab", SORTKEY_IGNORE_KANA_TYPE, false},
        {"abc", "\uff41\uff42\uff43", SORTKEY_IGNORE_WIDTH, false},
        {"\u30ab", "\uff76", SORTKEY_IGNORE_WIDTH, false},
        {"a-b.c", "abc", SORTKEY_IGNORE_SYMBOLS, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const int without = compare(cases[i].a, cases[i].b, SORTKEY_SORTKEY),
                  with = compare(cases[i].a, cases[i].b, SORTKEY_SORTKEY | cases[i].flags);
        if ((without == 0) != cases[i].equal_anyway || with != 0)
            fail_msg("case %u: %s, %s: %d, %d", (unsigned)i, cases[i].a, cases[i].b, without, with);
    }
    assert_true(compare("strasse", "stra\u00dfe", DEFAULT_FLAGS) < 0);
    assert_true(compare("a", "\u00e4", DEFAULT_FLAGS) < 0);
    assert_true(compare("\u00e4b", "ac", DEFAULT_FLAGS) < 0);
    assert_true(compare("2", "\u00b2", DEFAULT_FLAGS) < 0);
}

static void keys_of_this_version_stay_what_they_are(void **state)
{
    static const struct {
        const char *text;
        uint32_t flags;
        const char *key;
        uint32_t len;
    } cases[] = {
#define K(s) s, sizeof(s) - 1
        {"Ab 1", DEFAULT_FLAGS, K("AB\x08\x31\x01\x01\x00")},
        {"Ab 1", SORTKEY_SORTKEY, K("AB\x08\x31\x01\x01\x03\x00")},
        {"a\u00e9\u0301x", DEFAULT_FLAGS, K("AEX\x01\x02\x02\x04\x04\x01\x00")},
        {"\u0416", SORTKEY_SORTKEY, K("\x64\x40\x01\x01\x03\x00")},
        {"\u6f22", DEFAULT_FLAGS, K("\x98\x40\xa0\x01\x01\x00")},
        {"\u00bd", DEFAULT_FLAGS, K("\x31\x2a\x02\x22\x86\x32\x01\x01\x0a\x0a\x0a\x00")},
        {"Stra\u00dfe", SORTKEY_UPPERCASE, K("\0S\0T\0R\0A\0\xdf\0E\0\0")},
        {"\u044f\u00ff", SORTKEY_UPPERCASE, K("\4\x2f\1\x78\0\0")},
        {"", DEFAULT_FLAGS, K("\x01\x01\x00")},
    };
    static struct key k;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        make(cases[i].text, cases[i].flags, &k);
        if (k.len != cases[i].len || memcmp(k.b, cases[i].key, k.len) != 0) {
            for (uint32_t n = 0; n < k.len; n++)
                print_message("%02x ", k.b[n]);
            fail_msg("%s: %u bytes", cases[i].text, k.len);
        }
    }
}

/* FNV-1a over the keys of every character: one number for the whole table. */
static void the_table_is_that_of_this_version(void **state)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    (void)state;
    for (uint32_t c = 0; c < 0x110000; c++) {
        uint8_t text[4], key[200];
        bool cut;
        uint32_t len = 2, n;

        put_le16(text, (uint16_t)c);
        if (c >= 0x10000) {
            put_le16(text, (uint16_t)(0xd800 + ((c - 0x10000) >> 10)));
            put_le16(text + 2, (uint16_t)(0xdc00 + ((c - 0x10000) & 0x3ff)));
            len = 4;
        }
        n = sortkey_make(sl(text, len), SORTKEY_SORTKEY, key, sizeof(key), &cut);
        assert_false(cut);
        n += sortkey_make(sl(text, len), SORTKEY_UPPERCASE, key + n, (uint32_t)sizeof(key) - n,
                          &cut);
        assert_false(cut);
        for (uint32_t i = 0; i < n; i++)
            h = (h ^ key[i]) * UINT64_C(0x100000001b3);
    }
    print_message("table: 0x%llx\n", (unsigned long long)h);
    assert_int_equal(SORTKEY_VERSION, UINT64_C(0x100000001));
    assert_true(h == TABLE_SUM);
}

static void a_key_that_is_cut_is_the_start_of_the_whole_one(void **state)
{
    static struct key whole, part;
    uint8_t text[400];

    (void)state;
    rnd_init("a_key_that_is_cut_is_the_start_of_the_whole_one");
    for (unsigned i = 0; i < 3000; i++) {
        const uint32_t len = (uint32_t)(rnd() % sizeof(text)), flags = (uint32_t)(rnd() & 0x30437);
        for (uint32_t n = 0; n < len; n++)
            text[n] = (uint8_t)(n & 1 ? (rnd() & 1 ? 0 : rnd() & 1 ? 3 : rnd()) : rnd());
        whole.len = sortkey_make(sl(text, len), flags, whole.b, KEY_MOST, &whole.cut);
        assert_false(whole.cut);
        part.len = sortkey_make(sl(text, len), flags, part.b, (uint32_t)(rnd() % 300), &part.cut);
        assert_true(part.len <= whole.len);
        assert_memory_equal(part.b, whole.b, part.len);
        assert_int_equal(part.cut, part.len < whole.len);
        if (!(flags & SORTKEY_UPPERCASE) || (flags & SORTKEY_SORTKEY))
            for (uint32_t n = 0, parts = 0; n + 1 < whole.len; n++) {
                parts += whole.b[n] == SORTKEY_DELIMITER;
                assert_true(whole.b[n] != 0 && parts <= 2);
            }
    }
}

static void ascii_goes_the_fast_way_to_the_same_key(void **state)
{
    static struct key a, b;
    uint8_t text[200];

    (void)state;
    rnd_init("ascii_goes_the_fast_way_to_the_same_key");
    for (unsigned i = 0; i < 3000; i++) {
        const uint32_t len = 2 * (uint32_t)(rnd() % 90), flags = (uint32_t)(rnd() & 0x30407);
        for (uint32_t n = 0; n < len; n += 2)
            put_le16(text + n, (uint16_t)(rnd() % 128));
        a.len = sortkey_make(sl(text, len), flags, a.b, KEY_MOST, &a.cut);
        put_le16(text + len, 0xad); /* soft hyphen: counts nowhere, and is not ASCII */
        b.len = sortkey_make(sl(text, len + 2), flags, b.b, KEY_MOST, &b.cut);
        assert_int_equal(a.len, b.len);
        assert_memory_equal(a.b, b.b, a.len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_come_in_the_order_that_people_expect),
        cmocka_unit_test(what_is_ignored_makes_no_difference),
        cmocka_unit_test(keys_of_this_version_stay_what_they_are),
        cmocka_unit_test(the_table_is_that_of_this_version),
        cmocka_unit_test(a_key_that_is_cut_is_the_start_of_the_whole_one),
        cmocka_unit_test(ascii_goes_the_fast_way_to_the_same_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
