/*
 * Makes small log files as ESE lays them out - header, segments, split records, NOP2, shadows - and
 * collects what the engine reports about them.
 */
#ifndef LOGBUILDER_H
#define LOGBUILDER_H

#include "testutil.h"

#include "base/fault.h"
#include "log/logfmt.h"
#include "page/cksum.h"

#define LB_SEGMENTS_MAX 64u
#define unused          __attribute__((unused))

struct faults {
    struct ese_fault list[64];
    unsigned nr;
};

static unused void collect(void *ctx, const struct ese_fault *f)
{
    struct faults *fs = ctx;

    if (fs->nr < ARRAY_LEN(fs->list))
        fs->list[fs->nr] = *f;
    fs->nr++;
}

static unused struct reporter reporter_to(struct faults *fs)
{
    fs->nr = 0;
    return (struct reporter){.fn = collect, .ctx = fs, .file = "test.log"};
}

/* One fault of that kind was reported, at that offset. */
static unused bool was_told(const struct faults *fs, JET_ERR err, enum ese_severity severity,
                            uint32_t event, uint64_t offset)
{
    for (unsigned i = 0; i < fs->nr && i < ARRAY_LEN(fs->list); i++) {
        const struct ese_fault *f = &fs->list[i];
        if (f->severity == severity && f->event == event && f->offset == offset &&
            (severity != ESE_FAULT || f->err == err) && f->text[0] &&
            strcmp(f->file, "test.log") == 0)
            return true;
    }
    for (unsigned i = 0; i < fs->nr && i < ARRAY_LEN(fs->list); i++) {
        char buf[700];
        ese_fault_str(&fs->list[i], buf, sizeof(buf));
        print_message("told: %s (event %u)\n", buf, fs->list[i].event);
    }
    return false;
}

struct logbuilder {
    uint8_t file[LB_SEGMENTS_MAX * LOG_SEGMENT_LEN];
    size_t len;
    lgen_t gen;
    uint32_t nr, isec, off; /* off 0: the segment has not been begun */
};

static unused struct loghdr_disk *lb_header(struct logbuilder *b)
{
    return (struct loghdr_disk *)b->file;
}
static unused uint8_t *lb_seg(struct logbuilder *b, uint32_t isec)
{
    return b->file + (size_t)isec * LOG_SEGMENT_LEN;
}

static unused void lb_seal_header(struct logbuilder *b)
{
    le32_put(&lb_header(b)->checksum, cksum_xor(b->file, LOG_HEADER_LEN));
}

/* A wrong isec makes what no engine writes: for the tests that want it. */
static unused void lb_seal(struct logbuilder *b, uint32_t isec, uint32_t as_isec)
{
    put_le64(lb_seg(b, isec), cksum_ecc(lb_seg(b, isec), LOG_SEGMENT_LEN, as_isec, true));
}

static unused void lb_init(struct logbuilder *b, lgen_t gen, uint32_t nr)
{
    struct loghdr_disk *h = lb_header(b);

    memset(b, 0, sizeof(*b));
    b->gen = gen;
    b->nr = nr;
    b->len = (size_t)nr * LOG_SEGMENT_LEN;
    b->isec = 1;
    le32_put(&h->gen, gen);
    le16_put(&h->segment_len, LOG_SEGMENT_LEN);
    le16_put(&h->header_segments, 1);
    le16_put(&h->nr_segments, (uint16_t)nr);
    le16_put(&h->page_size, 4096);
    memcpy(h->time_created.b, "\1\2\3\4\5\x7b\1\0", 8);
    h->time_created.b[0] = (uint8_t)gen;
    if (gen > 1) {
        h->time_prev_gen = h->time_created;
        h->time_prev_gen.b[0] = (uint8_t)(gen - 1);
    }
    le32_put(&h->major, 8);
    le32_put(&h->minor, 4000);
    le32_put(&h->update_major, 60);
    le32_put(&h->update_minor, 140);
    memcpy(h->sign_log.b, "signature of the log stream", 28);
    le32_put(&h->filetype, FILETYPE_LOG);
    lb_seal_header(b);
}

static unused void lb_begin_segment(struct logbuilder *b)
{
    struct logseg_disk *s = (struct logseg_disk *)lb_seg(b, b->isec);

    le64_put(&s->lgpos, lgpos_make(b->gen, b->isec, 0));
    s->time = lb_header(b)->time_created;
    le32_put(&s->flags, 0x2000);
    b->off = LOGSEG_HEADER_LEN;
}

static unused void lb_next_segment(struct logbuilder *b)
{
    if (!b->off)
        lb_begin_segment(b);
    lb_seal(b, b->isec, b->isec);
    b->isec++;
    b->off = 0;
}

/* Returns the record's lgpos. Splits it by ESE's rule. */
static unused lgpos_t lb_append(struct logbuilder *b, const void *rec, size_t len)
{
    const uint8_t *p = rec;
    lgpos_t pos;
    size_t left = len;
    bool first = true;

    if (b->off == LOG_SEGMENT_LEN)
        lb_next_segment(b);
    pos = lgpos_make(b->gen, b->isec, b->off > LOGSEG_HEADER_LEN ? b->off : 0);
    if (b->off && LOG_SEGMENT_LEN - b->off < len && LOG_SEGMENT_LEN - b->off < LOG_FRAGMENT_MIN)
        lb_next_segment(b);
    if (!b->off)
        lb_begin_segment(b);
    if (len <= LOG_SEGMENT_LEN - b->off) {
        memcpy(lb_seg(b, b->isec) + b->off, p, len);
        b->off += (uint32_t)len;
        return pos;
    }
    while (left > 0) {
        uint8_t *at;
        size_t head = first ? 7 : 3, here;

        if (LOG_SEGMENT_LEN - b->off <= head)
            lb_next_segment(b);
        if (!b->off)
            lb_begin_segment(b);
        at = lb_seg(b, b->isec) + b->off;
        here = LOG_SEGMENT_LEN - b->off - head;
        if (here > left)
            here = left;
        at[0] = first ? LR_FRAGMENT_BEGIN : LR_FRAGMENT;
        if (first)
            put_le32(at + 1, (uint32_t)len);
        put_le16(at + head - 2, (uint16_t)here);
        memcpy(at + head, p, here);
        b->off += (uint32_t)(head + here);
        p += here;
        left -= here;
        first = false;
    }
    return pos;
}

/* What a durable flush does: NOP2 over the rest of the segment. */
static unused void lb_flush(struct logbuilder *b)
{
    if (b->off && LOG_SEGMENT_LEN - b->off >= 5) {
        uint8_t *at = lb_seg(b, b->isec) + b->off;
        at[0] = LR_NOP2;
        put_le32(at + 1, LOG_SEGMENT_LEN - b->off - 5);
    }
    lb_next_segment(b);
}

/* Ends an open segment, without a shadow. */
static unused void lb_finish(struct logbuilder *b)
{
    if (b->off)
        lb_next_segment(b);
}

/* Segment isec+1 becomes the shadow of isec. */
static unused void lb_shadow(struct logbuilder *b, uint32_t isec)
{
    memcpy(lb_seg(b, isec + 1), lb_seg(b, isec), LOG_SEGMENT_LEN);
}

/* ---- records ---- */

struct recbuf {
    uint8_t b[1 << 17];
    size_t len;
};

static unused void rec_page(struct recbuf *r, uint8_t type, pgno_t pgno, dbtime_t before,
                            dbtime_t after, size_t len)
{
    struct lr_page_disk *p = (struct lr_page_disk *)r->b;

    memset(r->b, 0, len);
    p->type = type;
    le16_put(&p->procid, 5);
    p->dbid = 1;
    le32_put(&p->pgno, pgno);
    le64_put(&p->dbtime, after);
    le64_put(&p->dbtime_before, before);
    p->level = 1;
    r->len = len;
}

static unused void rec_insert(struct recbuf *r, pgno_t pgno, dbtime_t before, dbtime_t after,
                              uint16_t data_len)
{
    struct lr_insert_disk *d = (struct lr_insert_disk *)r->b;
    uint64_t noise = after;

    rec_page(r, LR_INSERT, pgno, before, after, sizeof(*d) + 4 + data_len);
    le16_put(&d->suffix_len, 4);
    le16_put(&d->data_len, data_len);
    memcpy(r->b + sizeof(*d), "key ", 4);
    for (size_t i = 0; i < data_len; i++) { /* without a pattern: the checksums are linear */
        noise = noise * 6364136223846793005u + 1442695040888963407u;
        r->b[sizeof(*d) + 4 + i] = (uint8_t)(noise >> 56);
    }
}

static unused void rec_begin0(struct recbuf *r, uint16_t procid, uint32_t trx)
{
    memset(r->b, 0, 8);
    r->b[0] = LR_BEGIN0;
    put_le16(r->b + 1, procid);
    r->b[3] = 0x10;
    put_le32(r->b + 4, trx);
    r->len = 8;
}

static unused void rec_term2(struct recbuf *r, lgpos_t init)
{
    memset(r->b, 0, sizeof(struct lr_term_disk));
    r->b[0] = LR_TERM2;
    put_le64(r->b + 1, init);
    r->len = sizeof(struct lr_term_disk);
}

#endif
