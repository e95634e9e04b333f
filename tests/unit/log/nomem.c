/* The Nth allocation fails, for N = 1, 2, ... until the whole succeeds: every failure is
 * JET_errOutOfMemory, and nothing leaks. */
#include "logbuilder.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "log/chkpt.h"
#include "log/logcheck.h"
#include "log/loghdr.h"
#include "log/logread.h"
#include "log/pagestate.h"
#include "log/wal.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t nr, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t nr, size_t size);
void *__wrap_realloc(void *p, size_t size);

static unsigned left; /* allocations until one fails; 0: none does */

static bool fails_now(void)
{
    return left > 0 && --left == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}
void *__wrap_calloc(size_t nr, size_t size)
{
    return fails_now() ? NULL : __real_calloc(nr, size);
}
void *__wrap_realloc(void *p, size_t size)
{
    return fails_now() ? NULL : __real_realloc(p, size);
}

static struct logbuilder b;
static struct recbuf rec;
static struct faults faults;
static char path[64];

static void put_database(uint8_t *list)
{
    struct attachinfo_disk *a = (struct attachinfo_disk *)list;

    a->dbid = 1;
    a->flags = ATTACH_UTF16;
    le16_put(&a->path_len, 4);
    list[sizeof(*a)] = 'x';
}

/* Split records, a macro, many pages: whatever allocates. */
static void build(void)
{
    lb_init(&b, 3, 40);
    put_database(lb_header(&b)->attach);
    lb_seal_header(&b);
    for (unsigned i = 0; i < 300; i++) {
        rec_insert(&rec, 7 + i, 1, 2, 100);
        lb_append(&b, rec.b, rec.len);
    }
    rec.b[0] = LR_MACRO_BEGIN;
    put_le16(rec.b + 1, 5);
    put_le64(rec.b + 3, 3);
    lb_append(&b, rec.b, 11);
    for (unsigned i = 0; i < 40; i++) {
        rec_insert(&rec, 7 + i, 2, 3, 10);
        lb_append(&b, rec.b, rec.len);
    }
    rec_insert(&rec, 7, 3, 4, 40000);
    lb_append(&b, rec.b, rec.len);
    lb_finish(&b);
}

static JET_ERR check_a_log(void)
{
    struct reporter r = reporter_to(&faults);
    struct pagestate *pages;
    struct logcheck *c;
    struct ese_log_info info;
    uint64_t nr;
    JET_ERR err = pagestate_new(0, &pages);

    if (err < 0)
        return err;
    err = logcheck_new(b.len, true, &r, pagestate_add, pages, &c);
    if (err >= 0) {
        (void)!logcheck_feed(c, b.file, b.len);
        err = logcheck_end(c, &info, &nr);
        loghdr_info_done(&info);
        logcheck_free(c);
    }
    pagestate_free(pages);
    return err;
}

static JET_ERR read_a_set(void)
{
    const int fd = open(path, O_RDONLY);
    const struct logread_file file = {fd, "log", true};
    struct reporter r = reporter_to(&faults);
    struct logread_set *s;
    struct logrec rc;
    lgpos_t lgpos;
    JET_ERR err = logread_set_open(&file, 1, &r, &s);

    if (err >= 0) {
        while ((err = logread_set_next(s, &lgpos, &rc)) > 0)
            ;
        logread_set_close(s);
    }
    close(fd);
    return err;
}

static JET_ERR dump_a_log(void)
{
    static FILE *null;
    const struct ese_log_dump_opts opts = {.records = true};
    const int fd = open(path, O_RDONLY);
    JET_ERR err;

    if (!null) {
        const unsigned saved = left;
        left = 0;
        null = fopen("/dev/null", "w");
        assert_non_null(null);
        setvbuf(null, NULL, _IONBF, 0);
        left = saved;
    }
    faults.nr = 0;
    err = ese_log_dump(fd, "log", &opts, null, collect, &faults);
    close(fd);
    return err;
}

static JET_ERR decode_a_checkpoint(void)
{
    static struct chkpt_disk chk[2];
    struct reporter r = reporter_to(&faults);
    struct ese_chk_info info;
    JET_ERR err;

    chk[0].version = 1;
    put_database(chk[0].attach);
    le32_put(&chk[0].filetype, FILETYPE_CHECKPOINT);
    le32_put(&chk[0].checksum, cksum_xor(&chk[0], sizeof(chk[0])));
    err = chkpt_decode(chk, sizeof(chk), &r, &info, NULL);
    if (err >= 0)
        chkpt_info_done(&info);
    return err;
}

static JET_ERR no_list(void *ctx, uint8_t list[LOG_ATTACH_LEN])
{
    (void)ctx;
    (void)list;
    return JET_errSuccess;
}

static JET_ERR no_headers(void *ctx, lgen_t gen, struct logtime created)
{
    (void)ctx;
    (void)gen;
    (void)created;
    return JET_errSuccess;
}

static void no_matter(void *ctx, JET_ERR err)
{
    (void)ctx;
    (void)err;
}

static int remove_one(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(name);
}

static JET_ERR append_to_a_log(void)
{
    const struct wal_hooks hooks = {no_list, no_headers, no_matter, NULL};
    const struct logrec mark = {.type = LR_SHUTDOWN_MARK};
    struct wal_start s = {.base = "edb",
                          .ext = ".log",
                          .digits = 5,
                          .file_len = 8 * LOG_SEGMENT_LEN,
                          .hdr = lb_header(&b),
                          .fresh = true};
    struct reporter r = reporter_to(&faults);
    struct wal *w = NULL;
    char dir[80];
    lgen_t gen;
    JET_ERR err;

    snprintf(dir, sizeof(dir), "%s.dir", path);
    assert_int_equal(mkdir(dir, 0700), 0);
    s.dirfd = open(dir, O_RDONLY | O_DIRECTORY);
    err = wal_open(&s, &hooks, &r, &w);
    if (err >= 0)
        err = wal_append(w, &mark, NULL);
    if (err >= 0)
        err = wal_roll(w, &gen);
    wal_close(w);
    close(s.dirfd);
    assert_int_equal(nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    return err;
}

static void lack_of_memory_is_told_and_leaks_nothing(void **state)
{
    static const struct {
        const char *name;
        JET_ERR (*run)(void);
        unsigned at_least; /* allocations */
    } cases[] = {
        {"check", check_a_log, 8},      {"read", read_a_set, 5},
        {"dump", dump_a_log, 4},        {"checkpoint", decode_a_checkpoint, 2},
        {"append", append_to_a_log, 3},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        unsigned n;
        JET_ERR err;

        for (n = 1;; n++) {
            left = n;
            err = cases[i].run();
            if (left > 0) /* it needed fewer than n */
                break;
            if (err != JET_errOutOfMemory)
                fail_msg("%s: allocation %u failed, result %d", cases[i].name, n, (int)err);
        }
        left = 0;
        assert_int_equal(err, JET_errSuccess);
        if (n - 1 < cases[i].at_least)
            fail_msg("%s: only %u allocations", cases[i].name, n - 1);
    }
}

static int setup(void **state)
{
    int fd;

    (void)state;
    build();
    snprintf(path, sizeof(path), "/tmp/unit-log-nomem-XXXXXX");
    fd = mkstemp(path);
    if (fd < 0 || write(fd, b.file, b.len) != (ssize_t)b.len)
        return 1;
    return close(fd);
}

static int teardown(void **state)
{
    (void)state;
    left = 0;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lack_of_memory_is_told_and_leaks_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
