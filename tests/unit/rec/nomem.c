/*
 * Memory that runs out: each allocation of a dump fails once, the first, the second, ... until none
 * does. Every time the dump says so, and leaves nothing behind (the leak checker looks).
 */
#include "recbuild.h"

#include "engine.h"
#include "rec/catrow.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(running_out_of_memory_is_told_and_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
