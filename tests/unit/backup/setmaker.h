/*
 * Makes sets of files with sound headers and nothing behind them: all that discovery and the copy plan
 * look at. Each function writes one file beneath a directory; members of its argument that are zero
 * take what an ordinary set has.
 */
#ifndef TESTS_SETMAKER_H
#define TESTS_SETMAKER_H

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sys/stat.h>

#include "engine.h"
#include "log/logfmt.h"
#include "page/cksum.h"
#include "testutil.h"

struct made_db {
    uint32_t sign, stream; /* random part of signDb, of signLog; 0: 1 */
    uint32_t state;        /* 0: clean */
    uint32_t min, max, committed, full_low;
    unsigned time_committed; /* creation time of the log `committed`; 0: none noted */
    bool bad_primary, bad_shadow;
};

struct made_log {
    uint32_t gen, stream;     /* 0: 1 */
    const char *attach;       /* Windows path, or NULL */
    uint32_t attach_sign;     /* 0: 1 */
    uint32_t hint;            /* generation of the checkpoint when it was made */
    unsigned time, time_prev; /* 0: gen, gen - 1 */
    unsigned segments;        /* in the header; 0: 16 */
    bool ruined;
};

struct made_chk {
    uint32_t gen, stream; /* 0: 1 */
    const char *attach;
    bool ruined, bad_shadow;
};

__attribute__((unused)) static struct signature made_sign(uint32_t n)
{
    struct signature s = {{0}};

    put_le32(s.b, n ? n : 1);
    s.b[7] = 1;
    s.b[8] = 1;
    s.b[9] = 120;
    return s;
}

__attribute__((unused)) static struct logtime made_time(unsigned n)
{
    return (struct logtime){
        {(uint8_t)(n % 60), (uint8_t)(n / 60 % 60), (uint8_t)(n / 3600), 1, 1, 126, 1, 0}};
}

/* Writes len bytes, making the directories on the way. */
__attribute__((unused)) static void made_file(const char *dir, const char *name, const void *b,
                                              size_t len)
{
    char path[PATH_MAX];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    for (char *p = path + strlen(dir) + 1; (p = strchr(p, '/')) != NULL; *p++ = '/') {
        *p = '\0';
        mkdir(path, 0755);
    }
    f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(b, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

__attribute__((unused)) static void make_db(const char *dir, const char *name, struct made_db d)
{
    static uint8_t b[8 * 4096];
    struct dbhdr_disk *h = (struct dbhdr_disk *)b;

    memset(b, 0, sizeof(b));
    le32_put(&h->magic, FILE_MAGIC);
    le32_put(&h->version, DB_VERSION);
    le32_put(&h->update_major, 20);
    le32_put(&h->page_size, 4096);
    le32_put(&h->filetype, FILETYPE_DATABASE);
    le32_put(&h->state, d.state ? d.state : ESE_DB_CLEAN);
    h->sign_db = made_sign(d.sign);
    h->sign_log = made_sign(d.stream);
    le32_put(&h->gen_min_required, d.min);
    le32_put(&h->gen_max_required, d.max);
    le32_put(&h->gen_max_committed, d.committed ? d.committed : d.max);
    le32_put(&h->full_cur.gen_low, d.full_low);
    if (d.time_committed)
        h->time_gen_max_created = made_time(d.time_committed);
    le32_put(&h->checksum, cksum_xor(b, 4096));
    memcpy(b + 4096, b, 4096);
    b[100] ^= d.bad_primary;
    b[4096 + 100] ^= d.bad_shadow;
    made_file(dir, name, b, sizeof(b));
}

__attribute__((unused)) static void make_attach(uint8_t *list, const char *path, uint32_t sign)
{
    struct attachinfo_disk *a = (struct attachinfo_disk *)list;

    if (!path)
        return;
    a->dbid = 1;
    le16_put(&a->path_len, (uint16_t)(strlen(path) + 1));
    a->sign_db = made_sign(sign);
    memcpy(list + sizeof(*a), path, strlen(path) + 1);
}

__attribute__((unused)) static void make_log(const char *dir, const char *name, struct made_log l)
{
    static uint8_t b[16 * LOG_SEGMENT_LEN];
    struct loghdr_disk *h = (struct loghdr_disk *)b;
    unsigned prev = l.time_prev ? l.time_prev : l.gen - 1;

    memset(b, 0, sizeof(b));
    le32_put(&h->gen, l.gen);
    le16_put(&h->segment_len, LOG_SEGMENT_LEN);
    le16_put(&h->header_segments, 1);
    le16_put(&h->nr_segments, (uint16_t)(l.segments ? l.segments : 16));
    le16_put(&h->page_size, 4096);
    h->time_created = made_time(l.time ? l.time : l.gen);
    if (prev)
        h->time_prev_gen = made_time(prev);
    le32_put(&h->major, LOG_MAJOR);
    le32_put(&h->minor, LOG_MINOR);
    le32_put(&h->update_major, 5);
    le32_put(&h->update_minor, 16);
    h->sign_log = made_sign(l.stream);
    le64_put(&h->lgpos_checkpoint, lgpos_make(l.hint ? l.hint : 1, 1, 0));
    le32_put(&h->filetype, FILETYPE_LOG);
    make_attach(h->attach, l.attach, l.attach_sign);
    le32_put(&h->checksum, cksum_xor(b, LOG_HEADER_LEN));
    b[20] ^= l.ruined;
    made_file(dir, name, b, sizeof(b));
}

__attribute__((unused)) static void make_chk(const char *dir, const char *name, struct made_chk c)
{
    static struct chkpt_disk d[2];

    memset(d, 0, sizeof(d));
    le64_put(&d->lgpos_checkpoint, lgpos_make(c.gen, 1, 0));
    d->sign_log = made_sign(c.stream);
    le32_put(&d->filetype, FILETYPE_CHECKPOINT);
    d->version = c.attach != NULL;
    make_attach(d->attach, c.attach, 0);
    le32_put(&d->checksum, cksum_xor(d, sizeof(*d)));
    d[1] = d[0];
    d[0].pad[0] ^= c.ruined;
    d[1].pad[0] ^= c.ruined || c.bad_shadow;
    made_file(dir, name, d, sizeof(d));
}

/* ---- directories ------------------------------------------------------------------------------ */

__attribute__((unused)) static int remove_one(const char *path, const struct stat *st, int type,
                                              struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

/* cmocka fixtures: *state is a new directory under /tmp. */
__attribute__((unused)) static int setup_dir(void **state)
{
    char *dir = strdup("/tmp/esefs-test-XXXXXX");

    if (!dir || !mkdtemp(dir))
        return -1;
    *state = dir;
    return 0;
}

__attribute__((unused)) static int teardown_dir(void **state)
{
    nftw(*state, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(*state);
    return 0;
}

#endif
