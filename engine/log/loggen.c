#include "log/loggen.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "log/logseg.h"
#include "os/file.h"
#include "page/cksum.h"
#include "page/page.h"

#define PIECE_SEGMENTS 4u /* written at once */

struct logtime logtime_now(void)
{
    struct timespec now;
    struct tm tm;
    struct logtime t;
    unsigned ms;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    ms = (unsigned)(now.tv_nsec / 1000000);
    t.b[0] = (uint8_t)tm.tm_sec;
    t.b[1] = (uint8_t)tm.tm_min;
    t.b[2] = (uint8_t)tm.tm_hour;
    t.b[3] = (uint8_t)tm.tm_mday;
    t.b[4] = (uint8_t)(tm.tm_mon + 1);
    t.b[5] = (uint8_t)tm.tm_year;
    t.b[6] = (uint8_t)(1u | (ms & 0x7f) << 1); /* bit 0: UTC */
    t.b[7] = (uint8_t)((ms >> 7) << 1);
    return t;
}

/* ---- names ------------------------------------------------------------------------------------- */

void loggen_init(struct loggen *g, int dirfd, const char *base, const char *ext, unsigned digits)
{
    g->dirfd = dirfd;
    snprintf(g->base, sizeof(g->base), "%s", base);
    snprintf(g->ext, sizeof(g->ext), "%s", ext);
    g->digits = digits;
}

char *loggen_current(const struct loggen *g, char name[LOGGEN_NAME_LEN])
{
    snprintf(name, LOGGEN_NAME_LEN, "%s%s", g->base, g->ext);
    return name;
}

char *loggen_temp(const struct loggen *g, char name[LOGGEN_NAME_LEN])
{
    snprintf(name, LOGGEN_NAME_LEN, "%stmp%s", g->base, g->ext);
    return name;
}

char *loggen_archived(const struct loggen *g, lgen_t gen, char name[LOGGEN_NAME_LEN])
{
    snprintf(name, LOGGEN_NAME_LEN, "%s%0*" PRIX32 "%s", g->base,
             (int)(gen > 0xfffff ? 8 : g->digits), gen, g->ext);
    return name;
}

char *loggen_reserve(const struct loggen *g, unsigned nr, char name[LOGGEN_NAME_LEN])
{
    snprintf(name, LOGGEN_NAME_LEN, "%sres%05X.jrs", g->base, nr);
    return name;
}

/* ---- segments without records --------------------------------------------------------------------- */

void loggen_seal(uint8_t seg[LOG_SEGMENT_LEN], lgen_t gen, uint32_t isec)
{
    struct logseg_disk *h = (struct logseg_disk *)seg;

    le64_put(&h->lgpos, lgpos_make(gen, isec, 0));
    le32_put(&h->flags, 0x2000);
    le64_put(&h->checksum, cksum_ecc(seg, LOG_SEGMENT_LEN, isec, true));
}

void loggen_blank(uint8_t seg[LOG_SEGMENT_LEN], lgen_t gen, uint32_t isec)
{
    memset(seg, 0, LOG_SEGMENT_LEN);
    loggen_seal(seg, gen, isec > 1 ? isec - 1 : 1);
}

/* Blank segments from isec to the end of the file. */
static JET_ERR format_from(int fd, lgen_t gen, uint32_t isec, uint32_t nr_segments)
{
    uint8_t piece[PIECE_SEGMENTS * LOG_SEGMENT_LEN];
    JET_ERR err = JET_errSuccess;

    while (isec < nr_segments && err >= 0) {
        const uint32_t first = isec;
        uint32_t n = 0;

        for (; n < PIECE_SEGMENTS && isec < nr_segments; n++, isec++)
            loggen_blank(piece + n * LOG_SEGMENT_LEN, gen, isec);
        err = os_pwrite_all(fd, piece, (size_t)n * LOG_SEGMENT_LEN,
                            (uint64_t)first * LOG_SEGMENT_LEN);
    }
    return err;
}

JET_ERR loggen_format(int fd, lgen_t gen, uint32_t nr_segments)
{
    static const uint8_t zero[LOG_HEADER_LEN];
    JET_ERR err = os_pwrite_all(fd, zero, sizeof(zero), 0);

    return err < 0 ? err : format_from(fd, gen, 1, nr_segments);
}

/* ---- new files ----------------------------------------------------------------------------------- */

JET_ERR loggen_make(const struct loggen *g, lgen_t gen, uint32_t nr_segments, int *ret_fd)
{
    char temp[LOGGEN_NAME_LEN];
    JET_ERR err;
    int fd;

    loggen_temp(g, temp);
    err = os_create_beneath(g->dirfd, temp, &fd);
    if (err == JET_errFileAlreadyExists)
        err = os_open_beneath_rw(g->dirfd, temp, &fd);
    if (err < 0)
        return err;
    err = os_truncate(fd, (uint64_t)nr_segments * LOG_SEGMENT_LEN);
    if (err >= 0)
        err = loggen_format(fd, gen, nr_segments);
    if (err < 0) {
        close(fd);
        return err;
    }
    *ret_fd = fd;
    return JET_errSuccess;
}

JET_ERR loggen_make_of_reserve(const struct loggen *g, lgen_t gen, uint32_t nr_segments,
                               int *ret_fd)
{
    char reserve[LOGGEN_NAME_LEN], temp[LOGGEN_NAME_LEN];
    JET_ERR err = JET_errFileNotFound;

    loggen_temp(g, temp);
    for (unsigned i = LOGGEN_RESERVES; i > 0 && err == JET_errFileNotFound; i--)
        err = os_rename_at(g->dirfd, loggen_reserve(g, i, reserve), temp);
    return err < 0 ? err : loggen_make(g, gen, nr_segments, ret_fd);
}

static JET_ERR make_reserve(const struct loggen *g, const char *name, uint64_t size)
{
    int fd;
    JET_ERR err = os_create_beneath(g->dirfd, name, &fd);

    if (err < 0)
        return err;
    err = os_extend(fd, 0, size);
    close(fd);
    return err;
}

static bool has_size(const struct loggen *g, const char *name, uint64_t size)
{
    struct os_stat st;
    bool same;
    int fd;

    if (os_open_beneath(g->dirfd, name, &fd) < 0)
        return false;
    same = os_stat_fd(fd, &st) >= 0 && st.size == size;
    close(fd);
    return same;
}

void loggen_keep_reserves(const struct loggen *g, uint32_t nr_segments)
{
    const uint64_t size = (uint64_t)nr_segments * LOG_SEGMENT_LEN;

    for (unsigned i = 1; i <= LOGGEN_RESERVES; i++) {
        char name[LOGGEN_NAME_LEN];
        if (has_size(g, loggen_reserve(g, i, name), size))
            continue;
        (void)!os_unlink_beneath(g->dirfd, name);
        if (make_reserve(g, name, size) < 0)
            (void)!os_unlink_beneath(g->dirfd, name);
    }
}

/* ---- files that others made ------------------------------------------------------------------------ */

static JET_ERR read_segment(int fd, uint32_t isec, uint8_t seg[LOG_SEGMENT_LEN])
{
    return os_pread_all(fd, seg, LOG_SEGMENT_LEN, (uint64_t)isec * LOG_SEGMENT_LEN);
}

enum tail { TAIL_BLANK, TAIL_ZERO, TAIL_OTHER };

/* What is behind the segment after the last valid one? */
static JET_ERR look_at_tail(int fd, lgen_t gen, uint32_t nr_segments, uint32_t isec, enum tail *ret)
{
    uint8_t seg[LOG_SEGMENT_LEN], blank[LOG_SEGMENT_LEN];
    bool all_blank = true, all_zero = true;
    JET_ERR err = JET_errSuccess;

    for (; isec < nr_segments && (all_blank || all_zero) && err >= 0; isec++) {
        err = read_segment(fd, isec, seg);
        if (err < 0)
            return err;
        loggen_blank(blank, gen, isec);
        all_blank &= memcmp(seg, blank, sizeof(seg)) == 0;
        all_zero &= page_is_zero(seg, sizeof(seg));
    }
    *ret = all_blank ? TAIL_BLANK : all_zero ? TAIL_ZERO : TAIL_OTHER;
    return JET_errSuccess;
}

JET_ERR loggen_adopt(int fd, lgen_t gen, uint32_t nr_segments, uint32_t last_valid, bool *ret)
{
    const uint32_t next = last_valid + 1;
    uint8_t seg[LOG_SEGMENT_LEN];
    enum tail tail = TAIL_OTHER;
    JET_ERR err = look_at_tail(fd, gen, nr_segments, next + 1, &tail);

    *ret = tail == TAIL_BLANK;
    if (err < 0 || tail != TAIL_ZERO || next + 1 >= nr_segments)
        return err;
    /* Of a blank segment only the first sector is not zero: it is there or not. */
    err = format_from(fd, gen, next + 1, nr_segments);
    if (err >= 0)
        err = os_fsync(fd);
    /* The next one is zero or an older shadow; when this write is torn, its own shadow is already there. */
    if (err >= 0 && last_valid)
        err = read_segment(fd, last_valid, seg);
    else
        loggen_blank(seg, gen, next);
    if (err >= 0)
        err = os_pwrite_all(fd, seg, sizeof(seg), (uint64_t)next * LOG_SEGMENT_LEN);
    if (err >= 0)
        err = os_fsync(fd);
    *ret = err >= 0;
    return err;
}

JET_ERR loggen_repair_tail(int fd, lgen_t gen, uint32_t last_valid)
{
    uint8_t seg[LOG_SEGMENT_LEN];
    struct logseg g;
    JET_ERR err = read_segment(fd, last_valid, seg);

    if (err < 0)
        return err;
    logseg_classify(seg, gen, last_valid, &g);
    if (g.state == LOGSEG_VALID && g.bit < 0)
        return JET_errSuccess;
    if (g.state != LOGSEG_VALID) {
        err = read_segment(fd, last_valid + 1, seg);
        if (err < 0)
            return err;
        if (!logseg_is_image_of(seg, gen, last_valid, &g))
            return RAISE(JET_errLogFileCorrupt);
    }
    err = os_pwrite_all(fd, seg, sizeof(seg), (uint64_t)last_valid * LOG_SEGMENT_LEN);
    return err < 0 ? err : os_fsync(fd);
}

/* ---- one generation after the other --------------------------------------------------------------- */

void loggen_seal_header(struct loghdr_disk *h)
{
    le32_put(&h->checksum, cksum_xor(h, sizeof(*h)));
}

void loggen_next_header(const struct loghdr_disk *prev, uint64_t checksum, struct logtime created,
                        const uint8_t attach[LOG_ATTACH_LEN], bool reserve, struct loghdr_disk *ret)
{
    *ret = *prev;
    le32_put(&ret->gen, le32_get(prev->gen) + 1);
    ret->time_prev_gen = prev->time_created;
    ret->time_created = created;
    ret->flags &= (uint8_t)~LOG_FLAG_RESERVE;
    if (reserve)
        ret->flags |= LOG_FLAG_RESERVE;
    le64_put(&ret->prev_checksum, checksum);
    memcpy(ret->attach, attach, LOG_ATTACH_LEN);
    loggen_seal_header(ret);
}

JET_ERR loggen_swap(const struct loggen *g, lgen_t gen)
{
    char current[LOGGEN_NAME_LEN], name[LOGGEN_NAME_LEN];
    JET_ERR err = JET_errSuccess;

    loggen_current(g, current);
    if (gen)
        err = os_rename_at(g->dirfd, current, loggen_archived(g, gen, name));
    if (err >= 0)
        err = os_rename_at(g->dirfd, loggen_temp(g, name), current);
    return err < 0 ? err : os_fsync(g->dirfd);
}
