/* A log of a running instance in a directory of its own: starting it, records that say who wrote them, reading it all back. */
#ifndef WALTEST_H
#define WALTEST_H

#include "logbuilder.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "log/logread.h"
#include "log/wal_priv.h"
#include "os/file.h"

#define WT_NR  60000u
#define WT_GEN 512u

static char wt_dir[64];
static int wt_fd;
static struct logbuilder wt_b; /* its header is the template */

static struct wt_hooked {
    _Atomic unsigned lists, generations, failures;
    _Atomic lgen_t gen;
    _Atomic JET_ERR failure, list_err, generation_err;
} wt_hooked;

/* What was appended, in order (one thread); Trace records. */
static struct {
    lgpos_t lgpos;
    uint32_t len, seed;
} wt_written[WT_NR];
static unsigned wt_nr;

static unused int wt_setup(void **state)
{
    (void)state;
    snprintf(wt_dir, sizeof(wt_dir), "/tmp/unit-wal-XXXXXX");
    assert_non_null(mkdtemp(wt_dir));
    wt_fd = open(wt_dir, O_RDONLY | O_DIRECTORY);
    assert_true(wt_fd >= 0);
    wt_nr = 0;
    memset(&wt_hooked, 0, sizeof(wt_hooked));
    lb_init(&wt_b, 1, 16);
    return 0;
}

static unused int wt_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static unused int wt_teardown(void **state)
{
    (void)state;
    close(wt_fd);
    return nftw(wt_dir, wt_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static JET_ERR wt_attach_list(void *ctx, uint8_t list[LOG_ATTACH_LEN])
{
    (void)ctx;
    (void)list;
    wt_hooked.lists++;
    return wt_hooked.list_err;
}

static JET_ERR wt_generation(void *ctx, lgen_t gen, struct logtime created)
{
    (void)ctx;
    (void)created;
    wt_hooked.generations++;
    wt_hooked.gen = gen;
    return wt_hooked.generation_err;
}

static void wt_failed(void *ctx, JET_ERR err)
{
    (void)ctx;
    wt_hooked.failures++;
    wt_hooked.failure = err;
}

static const struct wal_hooks wt_hooks = {wt_attach_list, wt_generation, wt_failed, NULL};

static unused struct wal_start wt_fresh(unsigned segments)
{
    return (struct wal_start){.dirfd = wt_fd,
                              .base = "edb",
                              .ext = ".log",
                              .digits = 5,
                              .file_len = segments * LOG_SEGMENT_LEN,
                              .buffer_len = 0,
                              .hdr = lb_header(&wt_b),
                              .fresh = true};
}

/* ---- records --------------------------------------------------------------------------------------- */

/* No pattern is in it: regular bytes can be torn in a way that leaves the checksum as it was (README.md). */
static unused uint32_t wt_text(uint8_t *text, uint32_t len, uint32_t seed)
{
    uint64_t x = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);

    for (uint32_t i = 0; i < len; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        text[i] = (uint8_t)(x >> 32);
    }
    return len;
}

static unused JET_ERR wt_append(struct wal *w, uint32_t text_len)
{
    static uint8_t text[65536];
    struct logrec rec = {.type = LR_TRACE, .procid = (uint16_t)wt_nr};
    JET_ERR err;

    assert_true(wt_nr < WT_NR);
    rec.text.text = (struct slice){text, wt_text(text, text_len, wt_nr)};
    err = wal_append(w, &rec, &wt_written[wt_nr].lgpos);
    if (err < 0)
        return err;
    wt_written[wt_nr].len = text_len;
    wt_written[wt_nr].seed = wt_nr;
    wt_nr++;
    return JET_errSuccess;
}

/* ---- reading back -------------------------------------------------------------------------------------- */

struct wt_set {
    struct logread_file files[WT_GEN];
    char names[WT_GEN][24];
    unsigned nr;
    bool has_current;
};

static unused void wt_add(struct wt_set *s, int dirfd, const char *name, bool current)
{
    const int fd = openat(dirfd, name, O_RDONLY);

    assert_true(s->nr < WT_GEN);
    if (fd < 0)
        return;
    snprintf(s->names[s->nr], sizeof(s->names[0]), "%s", name);
    s->files[s->nr] = (struct logread_file){fd, s->names[s->nr], current};
    s->nr++;
    s->has_current |= current;
}

/* The generations from `first` on, BASE.log last. */
static unused void wt_open_set(struct wt_set *s, int dirfd, lgen_t first)
{
    char name[24];
    unsigned before;

    memset(s, 0, sizeof(*s));
    for (lgen_t g = first; s->nr < WT_GEN; g++) {
        before = s->nr;
        snprintf(name, sizeof(name), "edb%05X.log", g);
        wt_add(s, dirfd, name, false);
        if (s->nr == before)
            break;
    }
    wt_add(s, dirfd, "edb.log", true);
}

static unused void wt_close_set(struct wt_set *s)
{
    for (unsigned i = 0; i < s->nr; i++)
        close(s->files[i].fd);
}

/* Reads it all: the Trace records are the ones written, where the writer said, from the first one on. Returns how many
 * there are; faults are in *fs. */
static unused unsigned wt_read(int dirfd, struct faults *fs, JET_ERR *ret_err)
{
    static uint8_t text[65536];
    static struct wt_set set;
    struct reporter r = reporter_to(fs);
    struct logread_set *l;
    struct logrec got;
    lgpos_t lgpos, last = 0;
    unsigned at = 0;
    JET_ERR err;

    wt_open_set(&set, dirfd, 1);
    assert_int_equal(logread_set_open(set.files, set.nr, &r, &l), 0);
    while ((err = logread_set_next(l, &lgpos, &got)) > 0) {
        assert_true(lgpos >= last);
        last = lgpos;
        if (got.type != LR_TRACE)
            continue;
        assert_true(at < wt_nr);
        assert_int_equal(lgpos, wt_written[at].lgpos);
        assert_int_equal(got.text.text.len, wt_written[at].len);
        wt_text(text, wt_written[at].len, wt_written[at].seed);
        assert_memory_equal(got.text.text.p, text, got.text.text.len);
        at++;
    }
    logread_set_close(l);
    wt_close_set(&set);
    *ret_err = err;
    return at;
}

static unused void wt_read_all(void)
{
    struct faults fs;
    JET_ERR err;

    assert_int_equal(wt_read(wt_fd, &fs, &err), wt_nr);
    assert_int_equal(err, 0);
    assert_int_equal(fs.nr, 0);
}

/* How to go on with what is in the directory: as recovery finds it. */
static unused struct wal_start wt_found(int dirfd, struct loghdr_disk *hdr, struct reporter *r)
{
    static struct wt_set set;
    struct wal_start s = wt_fresh(16);
    struct logread *l;
    struct logrec rec;
    lgpos_t at;

    wt_open_set(&set, dirfd, 1);
    assert_true(set.nr > 0);
    assert_int_equal(pread(set.files[set.nr - 1].fd, hdr, sizeof(*hdr), 0), sizeof(*hdr));
    assert_int_equal(logread_open(set.files[set.nr - 1].fd, set.has_current, r, &l), 0);
    while (logread_next(l, &at, &rec) > 0)
        ;
    s.dirfd = dirfd;
    s.fresh = false;
    s.archived = !set.has_current;
    s.hdr = hdr;
    s.file_len = (uint32_t)le16_get(hdr->nr_segments) * LOG_SEGMENT_LEN;
    s.last_valid = lgpos_isec(logread_info(l)->lgpos_last);
    s.checksum = logread_info(l)->checksum;
    logread_close(l);
    wt_close_set(&set);
    return s;
}

#endif
