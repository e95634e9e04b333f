/* Text to UTF-8, in pieces that end anywhere. */
#include "recbuild.h"

#include "rec/text.h"

/* Decodes `in`, cut at `cut` into two pieces (or more, one byte each, when cut is UINT32_MAX). */
static size_t decode(uint32_t cp, struct slice in, uint32_t cut, char *out)
{
    struct text_decoder d;
    size_t n = 0;

    text_begin(&d, cp);
    if (cut == UINT32_MAX) {
        for (uint32_t i = 0; i < in.len; i++)
            n += text_feed(&d, sl(in.p + i, 1), out + n);
    } else {
        n += text_feed(&d, sl(in.p, cut), out + n);
        assert_true(n <= TEXT_UTF8_MAX(cut));
        n += text_feed(&d, sl(in.p + cut, in.len - cut), out + n);
    }
    return n + text_end(&d, out + n);
}

static void expect_text(uint32_t cp, struct slice in, const char *want)
{
    char out[400];

    for (uint32_t cut = 0; cut <= in.len; cut++) {
        size_t n = decode(cp, in, cut == in.len ? UINT32_MAX : cut, out);
        if (n != strlen(want) || memcmp(out, want, n) != 0)
            fail_msg("'%s' cut at %u: '%.*s'", want, cut, (int)n, out);
    }
    if (in.len == 0) {
        assert_int_equal(decode(cp, in, 0, out), 0);
    }
}

static void utf16_becomes_utf8(void **state)
{
    (void)state;
    expect_text(CP_UTF16, sl("", 0), "");
    expect_text(CP_UTF16, sl("a\0b\0", 4), "ab");
    expect_text(CP_UTF16, sl("\xe9\0\x2c\x67\x3d\xd8\x00\xde", 8),
                "\xc3\xa9\xe6\x9c\xac\xf0\x9f\x98\x80");
}

static void what_is_no_text_does_not_stop_it(void **state)
{
    (void)state;
    expect_text(CP_UTF16, sl("\x00\xd8", 2), "\xed\xa0\x80"); /* high surrogate, end */
    expect_text(CP_UTF16,
                sl("\x00\xd8"
                   "a\0",
                   4),
                "\xed\xa0\x80"
                "a"); /* ... and a letter */
    expect_text(CP_UTF16, sl("\x00\xd8\x00\xd8\x00\xdc", 6),
                "\xed\xa0\x80\xf0\x90\x80\x80"); /* high, pair */
    expect_text(CP_UTF16,
                sl("\x00\xdc"
                   "a\0",
                   4),
                "\xed\xb0\x80"
                "a");                                      /* low first */
    expect_text(CP_UTF16, sl("a\0b", 3), "a\xef\xbf\xbd"); /* odd byte */
    expect_text(CP_UTF16, sl("\x00\xd8x", 3), "\xed\xa0\x80\xef\xbf\xbd");
}

static void ansi_text_is_windows_1252(void **state)
{
    (void)state;
    expect_text(CP_ANSI, str("plain"), "plain");
    expect_text(CP_ANSI, str("\x80\x9f\xe9\xff"), "\xe2\x82\xac\xc5\xb8\xc3\xa9\xc3\xbf");
    expect_text(0, str("\xe9"), "\xc3\xa9"); /* any other code page */
    assert_int_equal(text_ansi_to_unicode(0x81), 0x81);
}

static void characters_of_every_length_are_written(void **state)
{
    static const struct {
        uint32_t c;
        size_t n;
    } cases[] = {{0, 1},     {0x7f, 1},   {0x80, 2},    {0x7ff, 2},
                 {0x800, 3}, {0xffff, 3}, {0x10000, 4}, {0x10ffff, 4}};
    char out[4];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(text_put_utf8(cases[i].c, out), cases[i].n);
}

static void names_are_compared_without_case(void **state)
{
    (void)state;
    assert_int_equal(text_name_cmp("MSysObjects", "msysobjects"), 0);
    assert_true(text_name_cmp("a", "B") < 0);
    assert_true(text_name_cmp("b", "A") > 0);
    assert_true(text_name_cmp("a", "ab") < 0);
    assert_true(text_name_cmp("ab", "a") > 0);
    assert_true(text_name_cmp("_", "a") > 0); /* 0x5F against 0x41 */
    assert_true(text_name_cmp("\xc3\xa9", "\xc3\x89") != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf16_becomes_utf8),
        cmocka_unit_test(what_is_no_text_does_not_stop_it),
        cmocka_unit_test(ansi_text_is_windows_1252),
        cmocka_unit_test(characters_of_every_length_are_written),
        cmocka_unit_test(names_are_compared_without_case),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
