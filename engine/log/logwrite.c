#include "log/logwrite.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "log/logenc.h"
#include "log/logseg.h"
#include "os/file.h"
#include "page/cksum.h"

#define NOP2_LEN ((uint32_t)sizeof(struct lr_ignored_disk))
#define ROOM     (LOG_SEGMENT_LEN - LOGSEG_HEADER_LEN)

struct logwrite {
    int dirfd, fd;
    bool dry, new_generation; /* the highest generation is an archived log */
    char base[4], ext[5];
    unsigned digits;
    struct loghdr_disk hdr;
    struct logwrite_hooks hooks;
    struct reporter *r;
    JET_ERR failed;
    uint64_t checksum;
    uint32_t isec, used; /* segment being filled; used == LOGSEG_HEADER_LEN: nothing is in it */
    lgpos_t pos;         /* where the next record counts as appended; 0: at the segment's start */
    lgpos_t first;       /* of the first record that has bytes in the segment */
    uint8_t seg[LOG_SEGMENT_LEN];
};

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

static JET_ERR fail(struct logwrite *w, JET_ERR err, uint64_t off, const char *doing)
{
    w->failed = fault_io(w->r, err == JET_errDiskFull ? JET_errLogDiskFull : JET_errLogWriteFail,
                         off, doing);
    return w->failed;
}

lgen_t logwrite_gen(const struct logwrite *w)
{
    return le32_get(w->hdr.gen);
}

struct logtime logwrite_created(const struct logwrite *w)
{
    return w->hdr.time_created;
}

void logwrite_set_checkpoint(struct logwrite *w, lgpos_t lgpos)
{
    le64_put(&w->hdr.lgpos_checkpoint, lgpos);
}

lgpos_t logwrite_tip(const struct logwrite *w)
{
    return w->pos ? w->pos : lgpos_make(logwrite_gen(w), w->isec, 0);
}

bool logwrite_is_durable(const struct logwrite *w, lgpos_t lgpos)
{
    return w->used == LOGSEG_HEADER_LEN || lgpos < w->first;
}

/* The last segment of a file is for a shadow. */
static uint32_t last_usable(const struct logwrite *w)
{
    return (uint32_t)le16_get(w->hdr.nr_segments) - 2;
}

static void begin_segment(struct logwrite *w)
{
    memset(w->seg, 0, sizeof(w->seg));
    w->used = LOGSEG_HEADER_LEN;
}

/* ---- starting --------------------------------------------------------------------------------- */

/* The last valid segment is not as it should be on disk: torn, so that its shadow counts, or with a wrong
 * bit. Its shadow is about to be overwritten. */
static JET_ERR repair_tail(struct logwrite *w, uint32_t isec)
{
    const uint64_t off = (uint64_t)isec * LOG_SEGMENT_LEN;
    uint8_t seg[LOG_SEGMENT_LEN];
    struct logseg g;
    JET_ERR err = os_pread_all(w->fd, seg, sizeof(seg), off);

    if (err < 0)
        return fail(w, err, off, "reading the log");
    logseg_classify(seg, logwrite_gen(w), isec, &g);
    if (g.state == LOGSEG_VALID && g.bit < 0)
        return JET_errSuccess;
    if (g.state != LOGSEG_VALID) {
        err = os_pread_all(w->fd, seg, sizeof(seg), off + LOG_SEGMENT_LEN);
        if (err < 0)
            return fail(w, err, off + LOG_SEGMENT_LEN, "reading the log");
        if (!logseg_is_image_of(seg, logwrite_gen(w), isec, &g))
            return fault(w->r, w->failed = JET_errLogFileCorrupt, 552, 0, off,
                         "segment %" PRIu32 " is damaged, and so is its shadow", isec);
    }
    err = os_pwrite_all(w->fd, seg, sizeof(seg), off);
    if (err < 0 || (err = os_fsync(w->fd)) < 0)
        return fail(w, err, off, "repairing the log");
    return JET_errSuccess;
}

JET_ERR logwrite_new(const struct logwrite_start *start, const struct logwrite_hooks *hooks,
                     struct reporter *r, struct logwrite **ret)
{
    struct logwrite *w = calloc(1, sizeof(*w));
    JET_ERR err = JET_errSuccess;

    if (!w) {
        if (start->fd >= 0)
            close(start->fd);
        return RAISE(JET_errOutOfMemory);
    }
    w->dirfd = start->dirfd;
    w->fd = start->fd;
    w->dry = start->dry;
    w->new_generation = start->fd < 0 && !start->dry;
    snprintf(w->base, sizeof(w->base), "%s", start->base);
    snprintf(w->ext, sizeof(w->ext), "%s", start->ext);
    w->digits = start->digits;
    w->hdr = *start->hdr;
    w->hooks = *hooks;
    w->r = r;
    w->checksum = start->checksum;
    w->isec = start->last_valid + 1;
    begin_segment(w);
    if (!w->dry && w->fd >= 0 && start->last_valid)
        err = repair_tail(w, start->last_valid);
    if (err < 0) {
        logwrite_free(w);
        return err;
    }
    *ret = w;
    return JET_errSuccess;
}

void logwrite_free(struct logwrite *w)
{
    if (!w)
        return;
    if (w->fd >= 0)
        close(w->fd);
    free(w);
}

/* ---- segments --------------------------------------------------------------------------------- */

static JET_ERR write_segment(struct logwrite *w)
{
    struct logseg_disk *h = (struct logseg_disk *)w->seg;
    const uint64_t off = (uint64_t)w->isec * LOG_SEGMENT_LEN;
    JET_ERR err;

    le64_put(&h->lgpos, lgpos_make(logwrite_gen(w), w->isec, 0));
    h->time = logtime_now();
    le32_put(&h->flags, 0x2000);
    le64_put(&h->checksum, cksum_ecc(w->seg, sizeof(w->seg), w->isec, true));
    if (!w->dry) {
        err = os_pwrite_all(w->fd, w->seg, sizeof(w->seg), off);
        if (err < 0 || (err = os_fsync(w->fd)) < 0)
            return fail(w, err, off, "writing the log");
    }
    w->checksum ^= le64_get(h->checksum);
    w->isec++;
    begin_segment(w);
    return JET_errSuccess;
}

/* NOP2 came with log format 8.4000.4.3; zeroes are as good to a reader. */
static bool has_nop2(const struct logwrite *w)
{
    const uint32_t major = le32_get(w->hdr.update_major), minor = le32_get(w->hdr.update_minor);

    return major > 4 || (major == 4 && minor >= 3);
}

JET_ERR logwrite_flush(struct logwrite *w)
{
    const uint32_t room = LOG_SEGMENT_LEN - w->used;
    struct lr_ignored_disk *nop = (struct lr_ignored_disk *)(w->seg + w->used);

    if (w->failed < 0)
        return w->failed;
    if (w->used == LOGSEG_HEADER_LEN)
        return JET_errSuccess;
    if (room >= NOP2_LEN && has_nop2(w)) {
        nop->type = LR_NOP2;
        le32_put(&nop->len, room - NOP2_LEN);
        w->pos = 0;
    }
    return write_segment(w);
}

/* ---- generations ------------------------------------------------------------------------------ */

static JET_ERR fill_new_file(struct logwrite *w, int fd, const struct loghdr_disk *hdr)
{
    const uint32_t nr = le16_get(hdr->nr_segments);
    const uint8_t zero[LOG_SEGMENT_LEN] = {0};
    JET_ERR err = JET_errSuccess;

    for (uint32_t i = 1; i < nr && err >= 0; i++)
        err = os_pwrite_all(fd, zero, sizeof(zero), (uint64_t)i * LOG_SEGMENT_LEN);
    if (err >= 0)
        err = os_pwrite_all(fd, hdr, sizeof(*hdr), 0);
    if (err >= 0)
        err = os_fsync(fd);
    return err < 0 ? fail(w, err, ESE_NO_OFFSET, "making a new log") : JET_errSuccess;
}

static JET_ERR next_header(struct logwrite *w, struct loghdr_disk *hdr)
{
    JET_ERR err;

    *hdr = w->hdr;
    le32_put(&hdr->gen, logwrite_gen(w) + 1);
    hdr->time_prev_gen = w->hdr.time_created;
    hdr->time_created = logtime_now();
    hdr->flags &= (uint8_t)~LOG_FLAG_RESERVE;
    le64_put(&hdr->prev_checksum, w->checksum);
    memset(hdr->attach, 0, sizeof(hdr->attach));
    err = w->hooks.attach_list(w->hooks.ctx, hdr->attach);
    if (err < 0)
        return w->failed = err;
    le32_put(&hdr->checksum, cksum_xor(hdr, sizeof(*hdr)));
    return JET_errSuccess;
}

/* BASEtmp, then BASE -> BASE00001, then BASEtmp -> BASE. A crash in between leaves no current log but a
 * BASEtmp, which tells the next recovery that nothing is lost. */
static JET_ERR swap_files(struct logwrite *w, const struct loghdr_disk *hdr, int *ret_fd)
{
    char current[12], temp[12], archived[24];
    JET_ERR err;
    int fd;

    snprintf(current, sizeof(current), "%s%s", w->base, w->ext);
    snprintf(temp, sizeof(temp), "%stmp%s", w->base, w->ext);
    snprintf(archived, sizeof(archived), "%s%0*" PRIX32 "%s", w->base,
             (int)(logwrite_gen(w) > 0xfffff ? 8 : w->digits), logwrite_gen(w), w->ext);
    err = os_unlink_beneath(w->dirfd, temp);
    if (err >= 0 || err == JET_errFileNotFound)
        err = os_create_beneath(w->dirfd, temp, &fd);
    if (err < 0)
        return fail(w, err, ESE_NO_OFFSET, "making a new log");
    err = fill_new_file(w, fd, hdr);
    if (err >= 0 && w->fd >= 0) {
        err = os_rename_at(w->dirfd, current, archived);
        if (err < 0)
            err = fail(w, err, ESE_NO_OFFSET, "archiving the log");
    }
    if (err >= 0 &&
        ((err = os_rename_at(w->dirfd, temp, current)) < 0 || (err = os_fsync(w->dirfd)) < 0))
        err = fail(w, err, ESE_NO_OFFSET, "naming the new log");
    if (err < 0) {
        close(fd);
        return err;
    }
    *ret_fd = fd;
    return JET_errSuccess;
}

static JET_ERR roll_over(struct logwrite *w)
{
    struct loghdr_disk hdr;
    int fd = -1;
    JET_ERR err;

    if (w->used > LOGSEG_HEADER_LEN && (err = write_segment(w)) < 0)
        return err;
    if (logwrite_gen(w) >= LOG_GEN_MAX - 1)
        return fault(w->r, w->failed = JET_errLogSequenceEnd, 0, 0, ESE_NO_OFFSET,
                     "generation 0x%" PRIX32 " is the last one possible", logwrite_gen(w));
    err = next_header(w, &hdr);
    if (err >= 0 && !w->dry)
        err = swap_files(w, &hdr, &fd);
    if (err < 0)
        return err;
    if (w->fd >= 0)
        close(w->fd);
    w->fd = fd;
    w->hdr = hdr;
    w->new_generation = false;
    w->checksum = 0;
    w->isec = 1;
    w->pos = 0;
    begin_segment(w);
    err = w->hooks.generation(w->hooks.ctx, logwrite_gen(w), hdr.time_created);
    return err < 0 ? w->failed = err : JET_errSuccess;
}

/* ---- records ---------------------------------------------------------------------------------- */

static uint32_t pieces(uint32_t len, uint32_t each)
{
    return (len + each - 1) / each;
}

/* Does a record fit behind what is there, with a byte to spare in the last segment? */
static bool fits_file(const struct logwrite *w, uint32_t len)
{
    const uint32_t room = LOG_SEGMENT_LEN - w->used;
    const uint32_t begin = sizeof(struct lr_fragment_begin_disk),
                   more = ROOM - (uint32_t)sizeof(struct lr_fragment_disk);
    uint32_t further;

    if (w->isec > last_usable(w))
        return false;
    len++;
    if (len <= room)
        return true;
    if (room >= LOG_FRAGMENT_MIN)
        further = pieces(len - (room - begin), more);
    else
        further = len <= ROOM ? 1 : 1 + pieces(len - (ROOM - begin), more);
    return w->isec + further <= last_usable(w);
}

static void put(struct logwrite *w, const void *p, uint32_t len)
{
    memcpy(w->seg + w->used, p, len);
    w->used += len;
}

static void mark_position(struct logwrite *w)
{
    w->pos = w->used < LOG_SEGMENT_LEN ? lgpos_make(logwrite_gen(w), w->isec, w->used) : 0;
}

static JET_ERR put_fragments(struct logwrite *w, const uint8_t *p, uint32_t len)
{
    struct lr_fragment_begin_disk begin = {.type = LR_FRAGMENT_BEGIN};
    struct lr_fragment_disk more = {.type = LR_FRAGMENT};
    uint32_t here = LOG_SEGMENT_LEN - w->used - (uint32_t)sizeof(begin);
    JET_ERR err;

    le32_put(&begin.total, len);
    le16_put(&begin.here, (uint16_t)here);
    put(w, &begin, sizeof(begin));
    put(w, p, here);
    for (p += here, len -= here; len > 0; p += here, len -= here) {
        err = write_segment(w);
        if (err < 0)
            return err;
        here = ROOM - (uint32_t)sizeof(more);
        if (here > len)
            here = len;
        le16_put(&more.here, (uint16_t)here);
        put(w, &more, sizeof(more));
        put(w, p, here);
    }
    return JET_errSuccess;
}

static JET_ERR place(struct logwrite *w, const uint8_t *p, uint32_t len)
{
    const uint32_t room = LOG_SEGMENT_LEN - w->used;
    JET_ERR err;

    if (len > room && room < LOG_FRAGMENT_MIN && (err = write_segment(w)) < 0)
        return err;
    if (len > LOG_SEGMENT_LEN - w->used)
        return put_fragments(w, p, len);
    put(w, p, len);
    return JET_errSuccess;
}

JET_ERR logwrite_append(struct logwrite *w, const void *rec, uint32_t len, lgpos_t *ret_lgpos)
{
    uint32_t isec;
    lgpos_t pos;
    JET_ERR err = w->failed;

    if (err >= 0 && (w->new_generation || !fits_file(w, len)))
        err = roll_over(w);
    if (err < 0)
        return err;
    if (!fits_file(w, len))
        return fault(w->r, w->failed = JET_errLogWriteFail, 0, 0, ESE_NO_OFFSET,
                     "a record of %" PRIu32 " bytes does not fit into a log", len);
    pos = logwrite_tip(w);
    isec = w->used == LOGSEG_HEADER_LEN ? 0 : w->isec;
    err = place(w, rec, len);
    if (err < 0)
        return err;
    mark_position(w);
    if (isec != w->isec)
        w->first = pos;
    if (ret_lgpos)
        *ret_lgpos = pos;
    return w->used == LOG_SEGMENT_LEN ? write_segment(w) : JET_errSuccess;
}

JET_ERR logwrite_record(struct logwrite *w, const struct logrec *rec, lgpos_t *ret_lgpos)
{
    const uint32_t len = logrec_encoded_len(rec);
    uint8_t *buf;
    JET_ERR err;

    if (len == 0)
        return RAISE(JET_errInvalidParameter);
    buf = malloc(len);
    if (!buf)
        return RAISE(JET_errOutOfMemory);
    logrec_encode(rec, buf);
    err = logwrite_append(w, buf, len, ret_lgpos);
    free(buf);
    return err;
}
