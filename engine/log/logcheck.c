#include "log/logcheck.h"

#include <inttypes.h>
#include <stdlib.h>

#include "log/logevent.h"
#include "log/loghdr.h"
#include "log/logstream.h"

struct logcheck {
    struct reporter *r;
    logcheck_record_fn *fn;
    void *ctx;
    uint64_t size, fed;
    bool current;
    JET_ERR first; /* fault */
    JET_ERR fatal; /* going on makes no sense */
    struct ese_log_info info;
    struct logstream stream;
};

JET_ERR logcheck_new(uint64_t size, bool current, struct reporter *r, logcheck_record_fn *fn,
                     void *ctx, struct logcheck **ret)
{
    struct logcheck *c = calloc(1, sizeof(*c));

    if (!c)
        return RAISE(JET_errOutOfMemory);
    c->r = r;
    c->fn = fn;
    c->ctx = ctx;
    c->size = size;
    c->current = current;
    *ret = c;
    return JET_errSuccess;
}

void logcheck_free(struct logcheck *c)
{
    if (!c)
        return;
    logstream_done(&c->stream);
    loghdr_info_done(&c->info);
    free(c);
}

static void remember(struct logcheck *c, JET_ERR err)
{
    if (err < 0 && c->first >= 0)
        c->first = err;
}

static JET_ERR header(struct logcheck *c, const uint8_t *buf, size_t len)
{
    JET_ERR err = loghdr_decode(buf, len, c->r, &c->info);

    if (err < 0) {
        remember(c, err);
        return c->fatal = err;
    }
    remember(c, loghdr_check_size(&c->info, c->size, c->r));
    logstream_init(&c->stream, c->info.gen, c->info.nr_segments, c->current);
    return JET_errSuccess;
}

const struct ese_log_info *logcheck_info(const struct logcheck *c)
{
    return c->info.gen ? &c->info : NULL;
}

/* All records of a segment that the stream has taken. */
static JET_ERR records(struct logcheck *c)
{
    struct logstream_record rec;
    JET_ERR err;

    while ((err = logstream_next(&c->stream, c->r, &rec)) > 0) {
        if (c->fn && (err = c->fn(c->ctx, rec.lgpos, &rec.rec)) < 0)
            return c->fatal = err;
    }
    if (err == JET_errOutOfMemory)
        return c->fatal = err;
    remember(c, err);
    return JET_errSuccess;
}

static JET_ERR segment(struct logcheck *c, uint8_t *seg)
{
    remember(c, logstream_push(&c->stream, seg, c->r));
    return records(c);
}

JET_ERR logcheck_feed(struct logcheck *c, void *buf, size_t len)
{
    uint8_t *p = buf;

    if (c->fatal < 0)
        return c->fatal;
    if (c->fed % LOG_SEGMENT_LEN != 0)
        return RAISE(JET_errInvalidParameter); /* only the last piece may be odd */
    if (c->fed == 0 && len > 0) {
        const size_t head = len < LOG_HEADER_LEN ? len : LOG_HEADER_LEN;
        JET_ERR err = header(c, p, head);

        if (err < 0)
            return err;
        c->fed += head;
        p += head;
        len -= head;
    }
    c->fed += len;
    for (; len >= LOG_SEGMENT_LEN; p += LOG_SEGMENT_LEN, len -= LOG_SEGMENT_LEN) {
        JET_ERR err = segment(c, p);
        if (err < 0)
            return err;
    }
    return JET_errSuccess;
}

JET_ERR logcheck_feed_hole(struct logcheck *c, uint64_t len)
{
    uint8_t zero[LOG_SEGMENT_LEN] = {0};
    JET_ERR err = JET_errSuccess;

    while (len > 0 && err >= 0) {
        const size_t piece = len < sizeof(zero) ? (size_t)len : sizeof(zero);
        err = logcheck_feed(c, zero, piece);
        len -= piece;
    }
    return err;
}

JET_ERR logcheck_end(struct logcheck *c, struct ese_log_info *ret, uint64_t *ret_segments)
{
    if (c->fed == 0 && c->fatal >= 0)
        (void)header(c, NULL, 0); /* an empty file: reported as a header that is not there */
    if (c->fatal >= 0) {
        if (c->fed != c->size)
            remember(c, fault(c->r, JET_errLogFileSizeMismatch, EVENT_LOG_HEADER_READ, 0, c->fed,
                              "the file ended after %" PRIu64 " of %" PRIu64 " bytes", c->fed,
                              c->size));
        remember(c, logstream_end(&c->stream, c->r));
        logstream_info(&c->stream, &c->info);
    }
    c->info.segments_read = c->fatal >= 0 && c->first >= 0;
    *ret_segments = c->stream.scan.next ? c->stream.scan.next - 1 : 0;
    *ret = c->info;
    c->info.attach = NULL;
    c->info.nr_attach = 0;
    return c->fatal < 0 ? c->fatal : c->first;
}
