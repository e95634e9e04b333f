/* The manifest: what is written comes back; anything else is refused. */
#include "manifest.h"

#include <openssl/evp.h>

#include "testutil.h"

static struct snap_file files[] = {
    {.name = "SHA256SUMS", .ino = 5001, .size = 300, .mtime = {1790000000, 5}, .sha256 = {1}},
    {.name = "a\nb\\.log",
     .ino = 5002,
     .size = 65536,
     .mtime = {1790000001, 999999999},
     .sha256 = {2}},
    {.name = "mail.edb", .ino = 5003, .size = 1ull << 40, .mtime = {1790000002, 0}, .sha256 = {3}},
};

static const struct snap_manifest model = {.kind = "offline-copy",
                                           .ino = 5000,
                                           .created = {1790000003, 123456789},
                                           .duration_ms = 13042,
                                           .engine = "libesent 0.1.0",
                                           .generations = "0x59-0x5C",
                                           .databases = "mail.edb,100%.edb",
                                           .pages_verified = 26214400,
                                           .corrected = 1,
                                           .logs = 4,
                                           .bytes = 300 + 65536 + (1ull << 40),
                                           .sha256 = {9, 8, 7},
                                           .nr_files = 3,
                                           .files = files};

static char *encode(size_t *len)
{
    char *text;

    assert_int_equal(manifest_encode(&model, &text, len), 0);
    return text;
}

/* Puts the digest right after a change. */
static void reseal(char *text, size_t len)
{
    uint8_t sum[EVP_MAX_MD_SIZE];
    char hex[65];
    size_t end = len - 69;

    EVP_Digest(text, end, sum, NULL, EVP_sha256(), NULL);
    memcpy(text + end + 4, hex32(sum, hex), 64);
}

static void what_is_written_comes_back(void **state)
{
    struct manifest *m;
    size_t len, again_len;
    char *text = encode(&len), *again;

    (void)state;
    assert_int_equal(manifest_parse(text, len, &m), 0);
    assert_string_equal(m->m.kind, model.kind);
    assert_string_equal(m->m.databases, model.databases);
    assert_int_equal(m->m.created.tv_nsec, 123456789);
    assert_int_equal(m->m.nr_files, 3);
    assert_string_equal(m->m.files[1].name, files[1].name);
    assert_int_equal(m->m.files[2].size, files[2].size);
    assert_memory_equal(m->m.sha256, model.sha256, 32);
    assert_int_equal(manifest_encode(&m->m, &again, &again_len), 0);
    assert_int_equal(len, again_len);
    assert_memory_equal(text, again, len);
    manifest_free(m);
    free(text);
    free(again);
}

static void every_damaged_byte_is_noticed(void **state)
{
    struct manifest *m;
    size_t len;
    char *text = encode(&len);

    (void)state;
    for (size_t i = 0; i < len; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            text[i] ^= (char)(1u << bit);
            if (manifest_parse(text, len, &m) >= 0)
                fail_msg("byte %zu, bit %u", i, bit);
            text[i] ^= (char)(1u << bit);
        }
    for (size_t i = 0; i < len; i++)
        assert_true(manifest_parse(text, i, &m) < 0);
    free(text);
}

/* With a right digest: what is accepted is exactly what we would have written. */
static void nothing_else_is_accepted_even_with_a_right_digest(void **state)
{
    struct manifest *m;
    size_t len, again_len, accepted = 0;
    char *text = encode(&len), *again;

    (void)state;
    for (size_t i = 0; i < len - 69; i++)
        for (unsigned c = 0; c < 256; c++) {
            char old = text[i];
            text[i] = (char)c;
            reseal(text, len);
            if (manifest_parse(text, len, &m) >= 0) {
                assert_int_equal(manifest_encode(&m->m, &again, &again_len), 0);
                if (again_len != len || memcmp(again, text, len) != 0)
                    fail_msg("byte %zu as %u is accepted, but is another spelling", i, c);
                free(again);
                manifest_free(m);
                accepted++;
            }
            text[i] = old;
        }
    assert_true(accepted > len); /* digits and letters of values */
    free(text);
}

static void newer_version_is_named(void **state)
{
    struct manifest *m;
    size_t len;
    char *text = encode(&len);

    (void)state;
    text[15] = '2';
    reseal(text, len);
    assert_int_equal(manifest_parse(text, len, &m), JET_errInvalidDatabaseVersion);
    free(text);
}

/* Replaces the first `from` by `to` and seals again. */
static JET_ERR parse_with(const char *from, const char *to)
{
    struct manifest *m;
    size_t len;
    char *text = encode(&len), *at = strstr(text, from), *changed = malloc(len + 100);
    size_t head = (size_t)(at - text), tail = len - head - strlen(from);
    JET_ERR err;

    assert_non_null(at);
    memcpy(changed, text, head);
    memcpy(changed + head, to, strlen(to));
    memcpy(changed + head + strlen(to), at + strlen(from), tail);
    len = head + strlen(to) + tail;
    reseal(changed, len);
    err = manifest_parse(changed, len, &m);
    if (err >= 0)
        manifest_free(m);
    free(changed);
    free(text);
    return err;
}

static void impossible_values_are_refused(void **state)
{
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"files 3", "files 2"},
        {"files 3", "files 4"},
        {"files 3", "files 18446744073709551615"},
        {"files 3", "files 99999999999999999999999"},
        {"ino 5000", "ino 05000"},
        {"ino 5000", "ino -1"},
        {"ino 5000", "ino "},
        {"bytes ", "bytes 1"},
        {" mail.edb\n", " ../mail.edb\n"},
        {" mail.edb\n", " .manifest\n"},
        {" mail.edb\n", " \n"},
        {" mail.edb\n", " SHA256SUMS\n"}, /* twice, and out of order */
        {" mail.edb\n", " m%61il.edb\n"},
        {" mail.edb\n", " mail%00edb\n"},
        {"1790000002.000000000", "1790000002.00000000"},
        {"1790000002.000000000", "99999999999999999999.000000000"},
        {"kind offline-copy\n", ""},
        {"logs 4\n", "logs 4\nlogs 4\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (parse_with(cases[i].from, cases[i].to) != JET_errInvalidBackup)
            fail_msg("%s -> %s", cases[i].from, cases[i].to);
    assert_int_equal(parse_with("logs 4", "logs 5"), 0); /* the method itself works */
}

static void sums_are_spelt_as_sha256sum_does(void **state)
{
    size_t len;
    char *text;

    (void)state;
    assert_int_equal(sums_encode(files, 3, &text, &len), 0);
    assert_null(strstr(text, "SHA256SUMS"));
    assert_non_null(strstr(text, "\\02000000"));
    assert_non_null(strstr(text, "  a\\nb\\\\.log\n"));
    assert_non_null(strstr(text, "\n03000000"));
    assert_non_null(strstr(text, "  mail.edb\n"));
    assert_int_equal(strlen(text), len);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_comes_back),
        cmocka_unit_test(every_damaged_byte_is_noticed),
        cmocka_unit_test(nothing_else_is_accepted_even_with_a_right_digest),
        cmocka_unit_test(newer_version_is_named),
        cmocka_unit_test(impossible_values_are_refused),
        cmocka_unit_test(sums_are_spelt_as_sha256sum_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
