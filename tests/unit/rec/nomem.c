/*
 * Memory that runs out: each allocation of a dump fails once, the first, the second, ... until none
 * does. Every time the dump says so, and leaves nothing behind (the leak checker looks).
 */
#include "recbuild.h"

#include "engine.h"
#include "rec/catrow.h"
#include "rec/indexkeys.h"
#include "rec/recbuf.h"

void *__real_malloc(size_t len);
void *__real_calloc(size_t nr, size_t len);
void *__real_realloc(void *p, size_t len);
int __real_posix_memalign(void **ret, size_t align, size_t len);
void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t nr, size_t len);
void *__wrap_realloc(void *p, size_t len);
int __wrap_posix_memalign(void **ret, size_t align, size_t len);

static unsigned fail_at, nr_seen; /* fail_at 0: none fails */

static bool fails(void)
{
    return fail_at && ++nr_seen == fail_at;
}

void *__wrap_malloc(size_t len)
{
    return fails() ? NULL : __real_malloc(len);
}
void *__wrap_calloc(size_t nr, size_t len)
{
    return fails() ? NULL : __real_calloc(nr, len);
}
void *__wrap_realloc(void *p, size_t len)
{
    return fails() ? NULL : __real_realloc(p, len);
}

int __wrap_posix_memalign(void **ret, size_t align, size_t len)
{
    return fails() ? 12 : __real_posix_memalign(ret, align, len);
}

static struct testdb db;
static FILE *out;

static void add(const struct catb *c)
{
    catb_add(&db, CATALOG_PGNO, c);
}

/* Enough of everything that arrays have to grow. */
static void make_database(void)
{
    char name[8];

    testdb_init(&db, 32768, 24);
    make_root(&db, 1, 1, 0);
    catb_begin(&db, CATALOG_PGNO);
    catb_begin(&db, CATALOG_SHADOW_PGNO);
    make_root(&db, 20, 10, 0);
    for (objid_t objid = 10; objid < 20; objid++) {
        snprintf(name, sizeof(name), "T%u", (unsigned)objid);
        add(&(struct catb){.objid = objid,
                           .type = CATROW_TABLE,
                           .id = objid,
                           .coltyp_or_pgno = 20,
                           .name = name,
                           .templ = objid == 11 ? "T10" : NULL});
        for (unsigned fid = 1; objid == 10 && fid < 12; fid++) {
            snprintf(name, sizeof(name), "c%u", fid);
            add(&(struct catb){.objid = objid,
                               .type = CATROW_COLUMN,
                               .id = fid,
                               .coltyp_or_pgno = JET_coltypLong,
                               .flags = COLUMN_DEFAULT,
                               .record_offset = 4 * fid,
                               .name = name,
                               .default_value = sl("\1\0\0\0", 4)});
        }
        for (unsigned i = 0; objid == 10 && i < 10; i++) {
            snprintf(name, sizeof(name), "i%u", i);
            add(&(struct catb){.objid = objid,
                               .type = CATROW_INDEX,
                               .id = 10,
                               .coltyp_or_pgno = 20,
                               .name = name,
                               .flags = 0x10020,
                               .key_fids = sl("\0\0\1\0", 4),
                               .locale = "en-US"});
        }
    }
    testdb_write(&db);
    out = fopen("/dev/null", "w");
    assert_non_null(out);
}

static JET_ERR dump(int what, struct faults *fs)
{
    static char name[] = "T10";
    char *const names[] = {name};
    const struct ese_dump_opts o = {.format = what == 0   ? ESE_DUMP_CSV
                                              : what == 1 ? ESE_DUMP_JSONL
                                                          : ESE_DUMP_CANONICAL,
                                    .keys = true,
                                    .tables = what == 1 ? names : NULL,
                                    .nr_tables = what == 1 ? 1 : 0,
                                    .system = true};

    faults_init(fs);
    if (what < 3)
        return ese_dump(db.fd, "t", &o, out, take_fault, fs);
    return (what < 5 ? ese_dump_tables : ese_dump_space)(db.fd, "t", what & 1, out, take_fault, fs);
}

static void running_out_of_memory_is_told_and_leaks_nothing(void **state)
{
    struct faults fs;

    (void)state;
    make_database();
    for (int what = 0; what < 7; what++) {
        JET_ERR expected = dump(what, &fs), err;
        for (fail_at = 1;; fail_at++) {
            nr_seen = 0;
            err = dump(what, &fs);
            if (nr_seen < fail_at)
                break;
            if (err != JET_errOutOfMemory)
                fail_msg("dump %d, allocation %u: %s", what, fail_at, err_name(err));
        }
        print_message("dump %d: %u allocations\n", what, fail_at - 1);
        assert_true(fail_at > 5);
        assert_int_equal(err, expected);
        fail_at = 0;
    }
    fclose(out);
    testdb_done(&db);
}

static JET_ERR fetch_fill(void *ctx, const struct value *v, uint8_t *buf, uint32_t cap,
                          uint32_t *ret_len)
{
    (void)ctx;
    (void)v;
    *ret_len = cap < 300 ? cap : 300;
    for (uint32_t i = 0; i < *ret_len; i++)
        buf[i] = (uint8_t)('a' + i % 23);
    return JET_errSuccess;
}

/* The record, its one separated value, and all the pieces of that in a tuple index. */
static JET_ERR make_keys(unsigned *ret_nr)
{
    static struct column c = {.fid = 256, .coltyp = JET_coltypLongText, .cp = 1252};
    static const struct table t = {.name = "t"};
    const struct schema s = {.table = &t, .columns = &c, .nr_columns = 1};
    const struct index ix = {.name = "i",
                             .key_most = 255,
                             .segment_most = 255,
                             .nr_segments = 1,
                             .segments = {{.fid = 256}},
                             .tuples = true,
                             .tuple_min = 3,
                             .tuple_max = 10,
                             .tuple_count = 1000,
                             .tuple_step = 1};
    const struct slice lid = sl("\1\0\0\0", 4);
    struct index_key_set set = {0};
    struct index_record r;
    struct index_plan p;
    struct recbuf rb;
    JET_ERR err;

    assert_true(index_plan_init(&p, &s, &ix));
    err = recbuf_init(&rb, 4096);
    if (err >= 0)
        err = recbuf_start(&rb, &s);
    if (err >= 0)
        err = recbuf_set(&rb, &c, 1, &lid, RECBUF_SEPARATED);
    if (err >= 0)
        err = index_record_init(&r, recbuf_bytes(&rb), rb.layout, fetch_fill, NULL);
    if (err >= 0) {
        err = index_key_set_make(&set, &p, 0, &r);
        index_record_done(&r);
    }
    *ret_nr = set.nr;
    index_key_set_done(&set);
    recbuf_done(&rb);
    return err;
}

static void keys_without_memory_are_none(void **state)
{
    JET_ERR err;
    unsigned n = 0, nr;

    (void)state;
    do {
        fail_at = ++n;
        nr_seen = 0;
        err = make_keys(&nr);
        assert_true(err == JET_errSuccess || err == JET_errOutOfMemory);
    } while (err < 0);
    fail_at = 0;
    assert_true(n > 4);
    assert_true(nr > 23 && nr < 298); /* each piece once */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(running_out_of_memory_is_told_and_leaks_nothing),
        cmocka_unit_test(keys_without_memory_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
