/*
 * Every log and checkpoint in the real data: all segments sound, generations following one another, the
 * checkpoints at a record, and the pages of the databases as new as their logs say.
 */
#include "testutil.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <strings.h>
#include <sys/stat.h>

#include "log/chkpt.h"
#include "log/logcheck.h"
#include "log/loghdr.h"
#include "log/logname.h"
#include "log/logseg.h"
#include "log/logset.h"
#include "log/pagestate.h"
#include "page/dbhdr.h"
#include "page/page.h"

#define FILES_MAX 64

struct file {
    char path[700];
    const char *name;
    struct logname log;
    struct ese_log_info info;
};

struct dir {
    struct file logs[FILES_MAX];
    unsigned nr_logs;
    char dbs[8][700];
    unsigned nr_dbs;
    char chk_path[700]; /* "": none */
    struct ese_chk_info chk;
    lgpos_t quit; /* of the last Term or RecoveryQuit */
    bool chk_hit; /* a record lies where the checkpoint is */
    struct pagestate *pages;
    struct logcheck *now; /* its records come */
    lgen_t gen;
};

static struct {
    unsigned logs, pairs, chks, empty_tmps, clean_dbs, dirty_dbs;
    uint64_t segments, records, pages, pages_below;
} total;

static void report(void *ctx, const struct ese_fault *f)
{
    char buf[700];

    if (f->severity == ESE_NOTE && ctx)
        return;
    ese_fault_str(f, buf, sizeof(buf));
    print_message("%s\n", buf);
}

static uint8_t *read_whole(const char *path, size_t *ret_len)
{
    int fd = open(path, O_RDONLY);
    struct stat st;
    uint8_t *buf;

    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    buf = malloc((size_t)st.st_size + 1);
    *ret_len = (size_t)st.st_size;
    assert_int_equal(read(fd, buf, *ret_len), st.st_size);
    close(fd);
    return buf;
}

/* ---- logs ---- */

static JET_ERR take(void *ctx, lgpos_t lgpos, const struct logrec *rec)
{
    struct dir *d = ctx;

    if (lgpos_gen(lgpos) != d->gen) {
        d->gen = lgpos_gen(lgpos);
        pagestate_header(d->pages, logcheck_info(d->now));
    }
    total.records++;
    d->quit = logrec_is_quit(rec->type) ? lgpos : rec->type == LR_NOP2 ? d->quit : 0;
    if (lgpos >= d->chk.lgpos_checkpoint)
        d->chk_hit = true;
    return pagestate_add(d->pages, lgpos, rec);
}

static void check_log(struct dir *d, struct file *f)
{
    static const size_t pieces[] = {4096, 65536};
    size_t len;
    uint8_t *bytes = read_whole(f->path, &len), *copy = malloc(len);

    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        struct reporter r = {.fn = report, .file = f->path};
        struct logcheck *c;
        uint64_t nr;

        memcpy(copy, bytes, len);
        loghdr_info_done(&f->info);
        assert_int_equal(
            logcheck_new(len, f->log.role == LOGNAME_CURRENT, &r, i ? take : NULL, d, &c), 0);
        d->now = c;
        for (size_t off = 0; off < len; off += pieces[i])
            assert_int_equal(
                logcheck_feed(c, copy + off, len - off < pieces[i] ? len - off : pieces[i]), 0);
        assert_int_equal(logcheck_end(c, &f->info, &nr), JET_errSuccess);
        logcheck_free(c);
        assert_int_equal(r.nr_faults + r.nr_corrected, 0);
        assert_memory_equal(copy, bytes, len);
        assert_true(f->info.segments_read);
        if (f->log.gen)
            assert_int_equal(f->info.gen, f->log.gen);
        if (i)
            total.segments += nr;
    }
    total.logs++;
    free(copy);
    free(bytes);
}

static int by_gen(const void *a, const void *b)
{
    const struct file *x = a, *y = b;
    return (x->info.gen > y->info.gen) - (x->info.gen < y->info.gen);
}

static void read_gens(struct dir *d)
{
    for (unsigned i = 0; i < d->nr_logs; i++) {
        struct reporter r = {.fn = report, .file = d->logs[i].path};
        int fd = open(d->logs[i].path, O_RDONLY);

        assert_int_equal(loghdr_read(fd, &r, &d->logs[i].info), JET_errSuccess);
        close(fd);
    }
    qsort(d->logs, d->nr_logs, sizeof(d->logs[0]), by_gen);
}

static void check_sequence(struct dir *d)
{
    struct logset_file files[FILES_MAX];
    struct reporter r = {.fn = report};

    for (unsigned i = 0; i < d->nr_logs; i++)
        files[i] = (struct logset_file){&d->logs[i].info, d->logs[i].path};
    assert_int_equal(logset_check(files, d->nr_logs, &r), JET_errSuccess);
    total.pairs += d->nr_logs - 1;
}

/* A log in preparation: all zero, or a retired generation. */
static void check_tmp(const char *path)
{
    struct reporter r = {.file = path};
    struct ese_log_info info;
    size_t len;
    uint8_t *bytes = read_whole(path, &len);

    if (page_is_zero(bytes, len)) {
        assert_int_equal(loghdr_decode(bytes, len, &r, &info), JET_errLogFileCorrupt);
        total.empty_tmps++;
    } else {
        struct dir *d = calloc(1, sizeof(*d));
        struct file *f = &d->logs[0];

        snprintf(f->path, sizeof(f->path), "%s", path);
        assert_int_equal(pagestate_new(0, &d->pages), 0);
        check_log(d, f);
        loghdr_info_done(&f->info);
        pagestate_free(d->pages);
        free(d);
    }
    free(bytes);
}

/* ---- checkpoint ---- */

static void check_checkpoint(struct dir *d)
{
    struct reporter r = {.fn = report, .file = d->chk_path};
    int fd = open(d->chk_path, O_RDONLY);

    assert_int_equal(chkpt_read(fd, &r, &d->chk), JET_errSuccess);
    close(fd);
    assert_false(d->chk.primary_bad || d->chk.shadow_bad);
    total.chks++;
}

static void checkpoint_fits_the_logs(const struct dir *d)
{
    const struct file *last = &d->logs[d->nr_logs - 1];

    if (!d->chk_path[0])
        return;
    assert_memory_equal(d->chk.sign_log.b, last->info.sign_log.b, 28);
    assert_true(d->chk_hit);
    if (last->info.ends_clean && !d->chk.attach_valid) /* closed: it names the quit record */
        assert_int_equal(d->chk.lgpos_checkpoint, d->quit);
}

/* ---- databases ---- */

/* Page n lies behind two header pages. */
static void check_pages(struct dir *d, const char *path)
{
    struct reporter r = {.fn = report, .file = path};
    struct ese_db_info info;
    size_t len;
    uint8_t *bytes = read_whole(path, &len);
    uint64_t nr = 0, nr_below = 0;
    bool clean;

    assert_int_equal(dbhdr_decode(bytes, len, &r, &info, NULL), JET_errSuccess);
    clean = info.state == ESE_DB_CLEAN;
    for (pgno_t pgno = 1; (pgno + 2ull) * info.page_size <= len; pgno++) {
        const uint8_t *page = bytes + (pgno + 1ull) * info.page_size;
        struct page_bounds p;
        dbtime_t t;

        if (!pagestate_bounds(d->pages, &info, pgno, &p))
            continue;
        nr++;
        nr_below += p.least > 0;
        t = get_le64(page + 8);
        if (t < p.least || t > p.most)
            fail_msg("%s: page %u: dbtime %" PRIu64 " is not within %" PRIu64 " and %" PRIu64, path,
                     pgno, t, p.least, p.most);
    }
    total.pages += nr;
    total.pages_below += nr_below;
    *(clean ? &total.clean_dbs : &total.dirty_dbs) += 1;
    free(bytes);
}

/* ---- the tree ---- */

static bool ends_with(const char *s, const char *end)
{
    return strlen(s) > strlen(end) && strcasecmp(s + strlen(s) - strlen(end), end) == 0;
}

static void check_dir(const char *path)
{
    struct dir *d = calloc(1, sizeof(*d));
    DIR *dir = opendir(path);
    struct dirent *e;

    assert_non_null(dir);
    while ((e = readdir(dir))) {
        char full[700];
        struct stat st;
        struct logname n;

        if (e->d_name[0] == '.')
            continue;
        snprintf(full, sizeof(full), "%s/%s", path, e->d_name);
        if (stat(full, &st) == 0 && S_ISDIR(st.st_mode)) {
            check_dir(full);
        } else if (logname_parse(e->d_name, &n) && n.role == LOGNAME_TEMP) {
            check_tmp(full);
        } else if (n.role != LOGNAME_NONE) {
            assert_true(d->nr_logs < FILES_MAX);
            snprintf(d->logs[d->nr_logs].path, 700, "%s", full);
            d->logs[d->nr_logs++].log = n;
        } else if (ends_with(e->d_name, ".chk") || ends_with(e->d_name, ".jcp")) {
            snprintf(d->chk_path, sizeof(d->chk_path), "%s", full);
        } else if (ends_with(e->d_name, ".edb") || ends_with(e->d_name, ".dat")) {
            assert_true(d->nr_dbs < ARRAY_LEN(d->dbs));
            snprintf(d->dbs[d->nr_dbs++], 700, "%s", full);
        }
    }
    closedir(dir);
    if (d->chk_path[0])
        check_checkpoint(d);
    if (d->nr_logs > 0) {
        read_gens(d);
        assert_int_equal(pagestate_new(d->chk.lgpos_checkpoint, &d->pages), 0);
        for (unsigned i = 0; i < d->nr_logs; i++)
            check_log(d, &d->logs[i]);
        check_sequence(d);
        checkpoint_fits_the_logs(d);
        assert_true(pagestate_complete(d->pages));
        for (unsigned i = 0; i < d->nr_dbs; i++)
            check_pages(d, d->dbs[i]);
    }
    for (unsigned i = 0; i < d->nr_logs; i++)
        loghdr_info_done(&d->logs[i].info);
    chkpt_info_done(&d->chk);
    pagestate_free(d->pages);
    free(d);
}

static void every_log_set_is_sound_and_fits_its_databases(void **state)
{
    static const char *const tops[] = {"engine", "windows"};

    (void)state;
    NEED_DATA("all logs, checkpoints and databases with logs");
    for (size_t i = 0; i < ARRAY_LEN(tops); i++) {
        char path[600];
        snprintf(path, sizeof(path), "%s/%s", test_data(), tops[i]);
        check_dir(path);
    }
    print_message("%u logs, %" PRIu64 " segments, %" PRIu64 " records, %u pairs, %u checkpoints, "
                  "%u empty tmp logs\n",
                  total.logs, total.segments, total.records, total.pairs, total.chks,
                  total.empty_tmps);
    print_message("%u clean and %u dirty databases, %" PRIu64 " pages in the logs, %" PRIu64
                  " of them bounded from below\n",
                  total.clean_dbs, total.dirty_dbs, total.pages, total.pages_below);
    assert_int_equal(total.logs + total.empty_tmps, 197);
    assert_int_equal(total.empty_tmps, 10);
    assert_int_equal(total.chks, 16);
    assert_true(total.pairs > 100 && total.pages_below > 2000 && total.dirty_dbs > 10);
}

/* What is named like a reserve log but holds noise is no log, as data/README.md says of it. */
static void noise_is_no_log(void **state)
{
    struct reporter r = {.file = "srures00002.jrs"};
    struct ese_log_info info;
    char path[600];
    uint8_t *bytes;
    size_t len;

    (void)state;
    NEED_DATA("srum-win10-rathbun-clean/srures00002.jrs");
    snprintf(path, sizeof(path), "%s/windows/srum-win10-rathbun-clean/srures00002.jrs",
             test_data());
    bytes = read_whole(path, &len);
    assert_int_equal(loghdr_decode(bytes, len, &r, &info), JET_errLogFileCorrupt);
    assert_false(loghdr_is_log(bytes, len));
    free(bytes);
}

/* Logs whose file was recycled, or whose last flush left its shadow: data/README.md names the set. */
static void recycled_and_shadowed_tails_are_in_the_data(void **state)
{
    unsigned nr_shadow = 0, nr_old = 0;

    (void)state;
    NEED_DATA("windows/srum-win10-apt");
    for (unsigned gen = 0x19; gen <= 0x20; gen++) {
        char path[600];
        uint8_t *bytes;
        size_t len;
        struct logseg g;

        snprintf(path, sizeof(path), "%s/windows/srum-win10-apt/SRU%s.log", test_data(), "");
        if (gen < 0x20)
            snprintf(path, sizeof(path), "%s/windows/srum-win10-apt/SRU%05X.log", test_data(), gen);
        bytes = read_whole(path, &len);
        for (uint32_t isec = 1; isec < len / 4096; isec++) {
            logseg_classify(bytes + isec * 4096, gen, isec, &g);
            nr_shadow += g.state == LOGSEG_SHADOW;
            nr_old += g.state == LOGSEG_OLD;
        }
        free(bytes);
    }
    print_message("%u shadows, %u older segments\n", nr_shadow, nr_old);
    assert_true(nr_shadow + nr_old >= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_log_set_is_sound_and_fits_its_databases),
        cmocka_unit_test(noise_is_no_log),
        cmocka_unit_test(recycled_and_shadowed_tails_are_in_the_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
