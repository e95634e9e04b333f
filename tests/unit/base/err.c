/* The error table against the public header, the fault line, the field printer, the digests. */
#include "testutil.h"

#include "base/digest.h"
#include "base/fault.h"
#include "base/fields.h"

static void the_public_header_has_the_numbers_of_the_table(void **state)
{
    static const struct {
        JET_ERR in_header, in_table;
        const char *name;
    } all[] = {
#define X(name, number, text) {name, number, #name},
#include "base/err_table.h"
#undef X
    };

    (void)state;
    assert_true(ARRAY_LEN(all) > 400);
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        assert_int_equal(all[i].in_header, all[i].in_table);
        assert_string_equal(err_name(all[i].in_table), all[i].name);
        assert_true(*err_text(all[i].in_table) != '\0');
    }
    assert_string_equal(err_name(-31999), "JET_err?");
}

static void raise_remembers_where(void **state)
{
    (void)state;
    assert_int_equal(RAISE(JET_errDiskIO), JET_errDiskIO);
    assert_non_null(strstr(err_birthplace(), "err.c:"));
}

static void a_fault_line_names_file_page_offset_and_error(void **state)
{
    struct ese_fault f = {.err = JET_errReadVerifyFailure,
                          .pgno = 7,
                          .offset = 0x8000,
                          .file = "a.edb",
                          .text = "page checksum mismatch"};
    char buf[300];

    (void)state;
    ese_fault_str(&f, buf, sizeof(buf));
    assert_string_equal(buf, "a.edb: page 7 (offset 0x8000): JET_errReadVerifyFailure (-1018): "
                             "page checksum mismatch");
    f.pgno = 0;
    ese_fault_str(&f, buf, sizeof(buf));
    assert_string_equal(
        buf, "a.edb: offset 0x8000: JET_errReadVerifyFailure (-1018): page checksum mismatch");
    f.offset = ESE_NO_OFFSET;
    f.severity = ESE_NOTE;
    ese_fault_str(&f, buf, sizeof(buf));
    assert_string_equal(buf, "a.edb: page checksum mismatch");
}

static void the_reporter_keeps_the_first_fault_and_counts(void **state)
{
    struct reporter r = {0};

    (void)state;
    fault_note(&r, 0, 0, "note");
    assert_int_equal(r.first, 0);
    fault_corrected(&r, 399, 1, 0, "bit");
    assert_int_equal(fault(&r, JET_errDiskIO, 0, 0, 0, "a"), JET_errDiskIO);
    assert_int_equal(fault(&r, JET_errOutOfMemory, 0, 0, 0, "b"), JET_errOutOfMemory);
    assert_int_equal(r.first, JET_errDiskIO);
    assert_int_equal(r.nr_faults, 2);
    assert_int_equal(r.nr_corrected, 1);
}

static void keep_fault(void *ctx, const struct ese_fault *f)
{
    *(struct ese_fault *)ctx = *f;
}

static void an_event_carries_its_insertion_strings(void **state)
{
    static char long_one[700];
    const char *const three[] = {"/a/b.edb", "", "17", NULL}, *const none[] = {NULL};
    const char *const too_long[] = {"x", long_one, "never", NULL};
    struct ese_fault f;
    struct reporter r = {.fn = keep_fault, .ctx = &f, .file = "b.edb"};

    (void)state;
    fault_event(&r, 222, 0, three, "closed after %d", 17);
    assert_int_equal(f.event, 222);
    assert_int_equal(f.severity, ESE_NOTE);
    assert_int_equal(f.nr_strings, 3);
    assert_memory_equal(f.strings,
                        "/a/b.edb\0\0"
                        "17",
                        13);
    assert_string_equal(f.text, "closed after 17");
    assert_int_equal(r.nr_faults, 0);
    fault_event(&r, 214, JET_errDiskFull, none, "failed");
    assert_int_equal(f.severity, ESE_FAULT);
    assert_int_equal(f.nr_strings, 0);
    assert_int_equal(r.nr_faults, 1);
    memset(long_one, 'y', sizeof(long_one) - 1);
    fault_event(&r, 1, 0, too_long, "cut");
    assert_int_equal(f.nr_strings, 2);
    assert_int_equal(f.strings[sizeof(f.strings) - 1], 0);
    assert_int_equal(strlen(f.strings + 2), sizeof(f.strings) - 3);
}

static char *printed(bool json)
{
    static char buf[2000];
    FILE *out = fmemopen(buf, sizeof(buf), "w");
    struct fields f;

    fields_begin(&f, out, json);
    fields_str(&f, "Name", "a\"b\n\xff\xc3\xa4");
    fields_u64(&f, "Big", UINT64_MAX);
    fields_hex(&f, "Gen", 26);
    fields_open(&f, "Inner");
    fields_bool(&f, "Yes", true);
    fields_close(&f);
    fields_open_list(&f, "List");
    fields_open(&f, NULL);
    fields_lgpos(&f, "At", lgpos_make(0x1a, 6, 40));
    fields_close(&f);
    fields_close_list(&f);
    fields_end(&f);
    fclose(out);
    return buf;
}

static void fields_print_text_and_json(void **state)
{
    (void)state;
    assert_string_equal(
        printed(true),
        "{\"Name\":\"a\\\"b\\u000a\\ufffd\xc3\xa4\",\"Big\":18446744073709551615,"
        "\"Gen\":26,\"Inner\":{\"Yes\":true},\"List\":[{\"At\":\"1A:0006:0028\"}]}\n");
    assert_string_equal(printed(false),
                        "Name: a\"b?\xff\xc3\xa4\nBig: 18446744073709551615\nGen: 0x1A\n"
                        "Inner:\n    Yes: yes\nList:\n    -:\n        At: 1A:0006:0028\n");
}

static void times_and_signatures_read_as_written(void **state)
{
    struct logtime t = {{17, 16, 15, 24, 11, 126, 1 | (345 & 0x7f) << 1, (345 >> 7) << 1}};
    struct signature s = {{0x78, 0x56, 0x34, 0x12}};
    char a[LOGTIME_STR_LEN], b[SIGNATURE_STR_LEN];

    (void)state;
    assert_string_equal(logtime_str(t, a), "2026-11-24 15:16:17.345");
    memcpy(s.b + 4, t.b, 8);
    memcpy(s.b + 12, "HOST\x01", 5);
    assert_string_equal(signature_str(&s, b), "12345678 2026-11-24 15:16:17.345 HOST?");
    memset(&t, 0, sizeof(t));
    assert_string_equal(logtime_str(t, a), "none");
}

static void sha256_of_abc(void **state)
{
    struct digest *d;
    uint8_t sum[DIGEST_LEN];
    char hex[DIGEST_HEX_LEN];

    (void)state;
    assert_int_equal(digest_new(&d), 0);
    assert_int_equal(digest_feed(d, "ab", 2), 0);
    assert_int_equal(digest_feed(d, "c", 1), 0);
    assert_int_equal(digest_end(d, sum), 0);
    digest_free(d);
    assert_string_equal(digest_hex(sum, hex),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_public_header_has_the_numbers_of_the_table),
        cmocka_unit_test(raise_remembers_where),
        cmocka_unit_test(a_fault_line_names_file_page_offset_and_error),
        cmocka_unit_test(the_reporter_keeps_the_first_fault_and_counts),
        cmocka_unit_test(an_event_carries_its_insertion_strings),
        cmocka_unit_test(fields_print_text_and_json),
        cmocka_unit_test(times_and_signatures_read_as_written),
        cmocka_unit_test(sha256_of_abc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
