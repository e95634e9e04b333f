#include "log/logwrite.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "log/logenc.h"
#include "log/logplace.h"
#include "os/file.h"

struct logwrite {
    struct loggen files;
    int fd;
    bool dry, new_generation; /* the highest generation is an archived log */
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

static JET_ERR take_over(struct logwrite *w, uint32_t last_valid)
{
    const uint64_t off = (uint64_t)last_valid * LOG_SEGMENT_LEN;
    bool blank;
    JET_ERR err = JET_errSuccess;

    if (last_valid)
        err = loggen_repair_tail(w->fd, logwrite_gen(w), last_valid);
    if (err == JET_errLogFileCorrupt)
        return fault(w->r, w->failed = err, 552, 0, off,
                     "segment %" PRIu32 " is damaged, and so is its shadow", last_valid);
    if (err >= 0)
        err =
            loggen_adopt(w->fd, logwrite_gen(w), le16_get(w->hdr.nr_segments), last_valid, &blank);
    return err < 0 ? fail(w, err, off, "putting the end of the log right") : JET_errSuccess;
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
    loggen_init(&w->files, start->dirfd, start->base, start->ext, start->digits);
    w->fd = start->fd;
    w->dry = start->dry;
    w->new_generation = start->fd < 0 && !start->dry;
    w->hdr = *start->hdr;
    w->hooks = *hooks;
    w->r = r;
    w->checksum = start->checksum;
    w->isec = start->last_valid + 1;
    begin_segment(w);
    if (!w->dry && w->fd >= 0)
        err = take_over(w, start->last_valid);
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

    h->time = logtime_now();
    loggen_seal(w->seg, logwrite_gen(w), w->isec);
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

JET_ERR logwrite_flush(struct logwrite *w)
{
    if (w->failed < 0)
        return w->failed;
    if (w->used == LOGSEG_HEADER_LEN)
        return JET_errSuccess;
    if (logplace_close(w->seg, w->used, logplace_has_nop2(&w->hdr)))
        w->pos = 0;
    return write_segment(w);
}

/* ---- generations ------------------------------------------------------------------------------ */

static JET_ERR make_next(struct logwrite *w, const struct loghdr_disk *hdr, int *ret_fd)
{
    JET_ERR err;
    int fd;

    err = loggen_make(&w->files, le32_get(hdr->gen), le16_get(hdr->nr_segments), &fd);
    if (err < 0)
        return fail(w, err, ESE_NO_OFFSET, "making a new log");
    err = os_pwrite_all(fd, hdr, sizeof(*hdr), 0);
    if (err >= 0)
        err = os_fsync(fd);
    if (err >= 0)
        err = loggen_swap(&w->files, w->fd >= 0 ? logwrite_gen(w) : 0);
    if (err < 0) {
        err = fail(w, err, ESE_NO_OFFSET, "putting a new log in place");
        close(fd);
        return err;
    }
    *ret_fd = fd;
    return JET_errSuccess;
}

static JET_ERR roll_over(struct logwrite *w)
{
    uint8_t attach[LOG_ATTACH_LEN] = {0};
    struct loghdr_disk hdr;
    int fd = -1;
    JET_ERR err;

    if (w->used > LOGSEG_HEADER_LEN && (err = write_segment(w)) < 0)
        return err;
    if (logwrite_gen(w) >= LOG_GEN_MAX - 1)
        return fault(w->r, w->failed = JET_errLogSequenceEnd, 0, 0, ESE_NO_OFFSET,
                     "generation 0x%" PRIX32 " is the last one possible", logwrite_gen(w));
    err = w->hooks.attach_list(w->hooks.ctx, attach);
    if (err < 0)
        return w->failed = err;
    loggen_next_header(&w->hdr, w->checksum, logtime_now(), attach, false, &hdr);
    if (!w->dry && (err = make_next(w, &hdr, &fd)) < 0)
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
        here = LOGPLACE_ROOM - (uint32_t)sizeof(more);
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

    if (err >= 0 && (w->new_generation || !logplace_fits(w->isec, w->used, len, last_usable(w))))
        err = roll_over(w);
    if (err < 0)
        return err;
    if (!logplace_fits(w->isec, w->used, len, last_usable(w)))
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
