/*
 * The files of an instance held against one another, on a genuine dirty set: what is missing, foreign,
 * out of sequence, or older than the logs say. Skipped where the real data is not there.
 */
#include "testutil.h"

#include <dirent.h>
#include <sys/stat.h>

#include "engine.h"
#include "page/page.h"

#define SET "engine/p4096_w10/dirty/files"

static struct ese_fault first;
static unsigned nr_faults, nr_of_first, nr_corrected, nr_files_corrected;
static char where[512];

static void keep(void *ctx, const struct ese_fault *f)
{
    (void)ctx;
    nr_corrected += f->severity == ESE_CORRECTED;
    if (f->severity != ESE_FAULT)
        return;
    if (nr_faults++ == 0)
        first = *f;
    nr_of_first += f->err == first.err;
}

/* What a test does to the set: NULL from `replace` leaves a file out, another name puts that file's
 * bytes in its place, `change` works on the bytes. */
struct tamper {
    const char *(*replace)(const char *name);
    void (*change)(const char *name, uint8_t *b, size_t len);
    pgno_t cut; /* the database ends with this page; 0: as it did */
};

static uint8_t *load(const char *rel, size_t *ret_len)
{
    char path[1024];
    struct stat st;
    FILE *f;
    uint8_t *b;

    snprintf(path, sizeof(path), "%s/%s", test_data(), rel);
    f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fstat(fileno(f), &st), 0);
    b = malloc((size_t)st.st_size + 1);
    assert_int_equal(fread(b, 1, (size_t)st.st_size, f), st.st_size);
    fclose(f);
    *ret_len = (size_t)st.st_size;
    return b;
}

static void feed(struct ese_set *set, enum ese_kind kind, const char *name, const struct tamper *t)
{
    struct ese_check_result res;
    struct ese_check *c;
    const char *from = t->replace ? t->replace(name) : name;
    char rel[600];
    uint8_t *b;
    size_t len, piece = 1 << 20;
    JET_ERR err = 0;

    if (!from)
        return;
    snprintf(rel, sizeof(rel), "%s%s", strchr(from, '/') ? "" : SET "/", from);
    b = load(rel, &len);
    if (t->change)
        t->change(name, b, len);
    if (t->cut && kind == ESE_KIND_DATABASE)
        len = ((size_t)t->cut + 2) * 4096;
    assert_int_equal(ese_check_begin(set, kind, name, len, &c), 0);
    for (size_t at = 0; err >= 0 && at < len; at += piece)
        err = ese_check_feed(c, b + at, len - at < piece ? len - at : piece);
    if (err < 0)
        ese_check_abort(c);
    else
        ese_check_end(c, &res);
    if (err >= 0 && res.corrected) {
        assert_int_equal(res.corrected, 1);
        nr_files_corrected++;
    }
    free(b);
}

static int name_order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The whole set: archived logs, current log, checkpoint, database. Returns what ese_set_end says. */
static JET_ERR run(const struct tamper *t)
{
    struct ese_set *set;
    struct dirent *e;
    char *logs[64];
    unsigned nr = 0;
    JET_ERR err;
    DIR *d;

    nr_faults = nr_of_first = nr_corrected = nr_files_corrected = 0;
    memset(&first, 0, sizeof(first));
    snprintf(where, sizeof(where), "%s/" SET, test_data());
    d = opendir(where);
    assert_non_null(d);
    while ((e = readdir(d)))
        if (strncmp(e->d_name, "edb0", 4) == 0 && nr < ARRAY_LEN(logs))
            logs[nr++] = strdup(e->d_name);
    closedir(d);
    assert_true(nr > 8);
    qsort(logs, nr, sizeof(*logs), name_order);
    assert_int_equal(ese_set_new(keep, NULL, &set), 0);
    for (unsigned i = 0; i < nr; i++) {
        feed(set, ESE_KIND_LOG, logs[i], t);
        free(logs[i]);
    }
    feed(set, ESE_KIND_LOG, "edb.log", t);
    feed(set, ESE_KIND_CHECKPOINT, "edb.chk", t);
    feed(set, ESE_KIND_DATABASE, "test.edb", t);
    err = ese_set_end(set, true);
    ese_set_free(set);
    return err;
}

static void the_genuine_set_is_whole(void **state)
{
    (void)state;
    NEED_DATA("a genuine dirty set");
    if (run(&(struct tamper){0}) != 0 || nr_faults)
        fail_msg("%s: %s", first.file, first.text);
}

static const char *without_5(const char *n)
{
    return strcmp(n, "edb00000005.log") ? n : NULL;
}
static const char *without_current(const char *n)
{
    return strcmp(n, "edb.log") ? n : NULL;
}
static const char *foreign_5(const char *n)
{
    return strcmp(n, "edb00000005.log") ? n : "engine/p4096_w10/clean/files/edb00000005.log";
}
static const char *six_as_5(const char *n)
{
    return strcmp(n, "edb00000005.log") ? n : "edb00000006.log";
}
static const char *foreign_checkpoint(const char *n)
{
    return strcmp(n, "edb.chk") ? n : "engine/p4096_w10/clean/files/edb.chk";
}
static void ruin_checkpoint(const char *n, uint8_t *b, size_t len)
{
    if (strcmp(n, "edb.chk") == 0)
        for (size_t i = 0; i < len; i += 100)
            b[i] ^= 0x5a;
}
static void two_bits_in_5(const char *n, uint8_t *b, size_t len)
{
    (void)len;
    if (strcmp(n, "edb00000005.log") == 0)
        b[3 * 4096 + 100] ^= 3;
}

static void one_bit_in_5(const char *n, uint8_t *b, size_t len)
{
    (void)len;
    if (strcmp(n, "edb00000005.log") == 0)
        b[3 * 4096 + 100] ^= 1;
}

static void a_corrected_bit_is_counted_once_and_in_its_file(void **state)
{
    struct tamper t = {NULL, one_bit_in_5, 0};

    (void)state;
    NEED_DATA("a genuine dirty set");
    assert_int_equal(run(&t), 0);
    assert_int_equal(nr_corrected, 1);
    assert_int_equal(nr_files_corrected, 1);
}

static void what_is_missing_foreign_or_damaged_is_named(void **state)
{
    static const struct {
        const char *name;
        struct tamper t;
        JET_ERR err;
        const char *file, *text;
    } table[] = {
        {"without_5", {without_5, NULL, 0}, JET_errInvalidLogSequence, "edb00000006.log", "5"},
        {"without_current",
         {without_current, NULL, 0},
         JET_errRequiredLogFilesMissing,
         "test.edb",
         "missing"},
        {"foreign_5", {foreign_5, NULL, 0}, JET_errBadLogSignature, "edb00000005.log", ""},
        {"six_as_5", {six_as_5, NULL, 0}, JET_errInvalidLogSequence, "edb0000000", ""},
        {"foreign_checkpoint",
         {foreign_checkpoint, NULL, 0},
         JET_errBadCheckpointSignature,
         "edb.chk",
         ""},
        {"ruin_checkpoint", {NULL, ruin_checkpoint, 0}, JET_errCheckpointCorrupt, "edb.chk", ""},
        {"two_bits_in_5",
         {NULL, two_bits_in_5, 0},
         JET_errLogReadVerifyFailure,
         "edb00000005.log",
         ""},
    };

    (void)state;
    NEED_DATA("a genuine dirty set");
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        JET_ERR err = run(&table[i].t);

        if (err != table[i].err || first.err != err || !strstr(first.file, table[i].file) ||
            !strstr(first.text, table[i].text))
            fail_msg("%s: %d, first %d in %s: %s", table[i].name, err, first.err, first.file,
                     first.text);
    }
    assert_true(first.offset == 3 * 4096); /* of the last one */
}

static const char *from_generation_5(const char *n)
{
    return strncmp(n, "edb0", 4) == 0 && n[10] < '5' ? NULL : n;
}

static void age_every_page(const char *n, uint8_t *b, size_t len)
{
    if (strcmp(n, "test.edb") != 0)
        return;
    for (size_t at = 2 * 4096; at + 4096 <= len; at += 4096) {
        if (page_is_zero(b + at, 4096))
            continue;
        put_le64(b + at + 8, 1);
        page_seal(b + at, 4096, (pgno_t)(at / 4096 - 1));
    }
}

/* With the logs from the middle on, a page must have what the first record about it found. */
static void pages_older_than_the_first_record_about_them_are_found(void **state)
{
    struct tamper whole = {from_generation_5, NULL, 0},
                  aged = {from_generation_5, age_every_page, 0};

    (void)state;
    NEED_DATA("a genuine dirty set");
    run(&whole);
    assert_int_equal(nr_faults, 0); /* generations 6 to 0xB are required */
    run(&aged);
    assert_int_equal(first.err, JET_errDbTimeTooOld);
    assert_true(nr_of_first > 20);
}

static void a_dirty_database_that_was_cut_off_is_found(void **state)
{
    (void)state;
    NEED_DATA("a genuine dirty set");
    for (pgno_t last = 200; last > 100; last -= 20) {
        run(&(struct tamper){.cut = last});
        if (first.err != JET_errDatabaseCorrupted || !strstr(first.text, "truncated"))
            fail_msg("cut behind page %u: %u faults, first %d: %s", last, nr_faults, first.err,
                     first.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_genuine_set_is_whole),
        cmocka_unit_test(a_corrected_bit_is_counted_once_and_in_its_file),
        cmocka_unit_test(what_is_missing_foreign_or_damaged_is_named),
        cmocka_unit_test(a_dirty_database_that_was_cut_off_is_found),
        cmocka_unit_test(pages_older_than_the_first_record_about_them_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
