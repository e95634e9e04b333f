/*
 * Making compressed column data. Any encoder will do that the decoders of all engines read back;
 * the choice between the schemes is ESE's (compression.cxx CDataCompressor::ErrCompress), so that
 * columns take the room that they take there.
 */
#include "rec/compress.h"

#include "rec/recfmt.h"

#define HASH_BITS  12
#define WINDOW     8192u /* a match reaches so far back, at most */
#define MATCH_MIN  3u
#define MATCH_MOST (UINT16_MAX + MATCH_MIN)
#define CHAIN_MOST 24  /* places that are looked at for a match */
#define GOOD_MATCH 64u /* no better one is looked for */

/* ---- 7 bits ---------------------------------------------------------------------------------- */

static uint32_t len_7bit(uint32_t nr)
{
    return 1 + (uint32_t)(((uint64_t)nr * 7 + 7) / 8);
}

/* Groups of 7 bits, lowest bit first; step: bytes of a unit, of which the upper one is 0. */
static uint32_t put_7bit(unsigned scheme, const uint8_t *in, uint32_t nr, uint32_t step,
                         uint8_t *out)
{
    uint32_t bits = 0, have = 0, at = 1;

    for (uint32_t i = 0; i < nr; i++) {
        bits |= (uint32_t)in[i * step] << have;
        have += 7;
        if (have >= 8) {
            out[at++] = (uint8_t)bits;
            bits >>= 8;
            have -= 8;
        }
    }
    if (have)
        out[at++] = (uint8_t)bits;
    out[0] = (uint8_t)(scheme << 3 | ((have ? have : 8) - 1));
    return at;
}

/* Whether all units (step 2) or bytes (step 1) are below 0x80. */
static bool is_7bit(struct slice in, uint32_t step)
{
    const uint64_t forbidden =
        step == 2 ? UINT64_C(0xff80ff80ff80ff80) : UINT64_C(0x8080808080808080);
    uint64_t all = 0;
    uint32_t i = 0;

    if (in.len % step)
        return false;
    for (; i + 8 <= in.len; i += 8)
        all |= get_le64(in.p + i);
    for (; i < in.len; i++)
        all |= (uint64_t)in.p[i] << 8 * (i % 8);
    return !(all & forbidden);
}

/* ---- XPRESS ---------------------------------------------------------------------------------- */

struct encoder {
    const uint8_t *in;
    uint32_t in_len;
    uint8_t *out;
    uint32_t at, cap;
    uint32_t flags_at, flags, nr_flags;
    uint32_t nibble_at; /* byte whose upper half is free; 0: none */
    bool full;
    uint16_t head[1u << HASH_BITS]; /* last place of a hash, + 1 */
    uint16_t prev[WINDOW];          /* the one before, + 1, by place in the window */
};

static void put_byte(struct encoder *e, uint32_t v)
{
    if (e->at < e->cap)
        e->out[e->at++] = (uint8_t)v;
    else
        e->full = true;
}

static void reserve_flags(struct encoder *e)
{
    e->flags_at = e->at;
    e->flags = e->nr_flags = 0;
    for (unsigned i = 0; i < 4; i++)
        put_byte(e, 0);
}

static void put_flag(struct encoder *e, uint32_t flag)
{
    e->flags = e->flags << 1 | flag;
    if (++e->nr_flags < 32)
        return;
    if (!e->full)
        put_le32(e->out + e->flags_at, e->flags);
    reserve_flags(e);
}

/* The last flags, filled up with ones. */
static void end_flags(struct encoder *e)
{
    const unsigned left = 32 - e->nr_flags;

    if (e->full)
        return;
    put_le32(e->out + e->flags_at,
             left == 32 ? UINT32_MAX : e->flags << left | ((UINT32_C(1) << left) - 1));
}

static void put_match(struct encoder *e, uint32_t distance, uint32_t len)
{
    uint32_t n = len - MATCH_MIN, nibble;
    const uint32_t token = (distance - 1) << 3 | (n < 7 ? n : 7);

    put_byte(e, token);
    put_byte(e, token >> 8);
    if (n >= 7) {
        nibble = n - 7 < 15 ? n - 7 : 15;
        if (!e->nibble_at) {
            e->nibble_at = e->at;
            put_byte(e, nibble);
        } else {
            if (!e->full)
                e->out[e->nibble_at] |= (uint8_t)(nibble << 4);
            e->nibble_at = 0;
        }
        if (nibble == 15) {
            put_byte(e, n - 22 < 255 ? n - 22 : 255);
            if (n - 22 >= 255) {
                put_byte(e, n);
                put_byte(e, n >> 8);
            }
        }
    }
    put_flag(e, 1);
}

static uint32_t hash_of(const uint8_t *p)
{
    const uint32_t v = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;

    return (v * 2654435761u) >> (32 - HASH_BITS);
}

static void remember(struct encoder *e, uint32_t at)
{
    uint32_t h;

    if (at + MATCH_MIN > e->in_len)
        return;
    h = hash_of(e->in + at);
    e->prev[at % WINDOW] = e->head[h];
    e->head[h] = (uint16_t)(at + 1);
}

static uint32_t common_len(const uint8_t *a, const uint8_t *b, uint32_t most)
{
    uint32_t n = 0;

    while (n < most && a[n] == b[n])
        n++;
    return n;
}

static uint32_t find_match(const struct encoder *e, uint32_t at, uint32_t *ret_distance)
{
    const uint32_t left = e->in_len - at, most = left < MATCH_MOST ? left : MATCH_MOST;
    uint32_t best = 0, from;

    if (most < MATCH_MIN)
        return 0;
    from = e->head[hash_of(e->in + at)];
    for (unsigned i = 0; i < CHAIN_MOST && from && at + 1 - from <= WINDOW; i++) {
        const uint32_t n = common_len(e->in + from - 1, e->in + at, most);
        const uint32_t next = e->prev[(from - 1) % WINDOW];
        if (n > best) {
            best = n;
            *ret_distance = at + 1 - from;
            if (n >= GOOD_MATCH || n == most)
                break;
        }
        if (next >= from) /* its place in the window is another one's by now */
            break;
        from = next;
    }
    return best >= MATCH_MIN ? best : 0;
}

static uint32_t encode(struct encoder *e)
{
    uint32_t at = 0;

    reserve_flags(e);
    while (at < e->in_len && !e->full) {
        uint32_t distance = 0, len = find_match(e, at, &distance);

        if (!len) {
            remember(e, at);
            put_byte(e, e->in[at++]);
            put_flag(e, 0);
            continue;
        }
        for (uint32_t i = 0; i < len; i++)
            remember(e, at + i);
        at += len;
        put_match(e, distance, len);
    }
    end_flags(e);
    return e->full ? 0 : e->at;
}

uint32_t compress_xpress(const uint8_t *in, uint32_t in_len, uint8_t *out, uint32_t cap)
{
    struct encoder e;

    if (in_len > UINT16_MAX)
        return 0;
    e.in = in;
    e.in_len = in_len;
    e.out = out;
    e.cap = cap;
    e.at = e.nibble_at = 0;
    e.full = false;
    memset(e.head, 0, sizeof(e.head));
    return encode(&e);
}

/* ---- the choice ------------------------------------------------------------------------------ */

uint32_t compress(struct slice in, unsigned flags, uint32_t xpress_min, uint8_t *out, uint32_t cap)
{
    const uint32_t nr_units = in.len / 2, unicode = len_7bit(nr_units), ascii = len_7bit(in.len);
    uint32_t most = in.len ? in.len - 1 : 0, len = 0;

    if (most > cap)
        most = cap;
    if ((flags & COMPRESS_TRY_XPRESS) && in.len >= xpress_min && in.len <= UINT16_MAX && most > 3)
        len = compress_xpress(in.p, in.len, out + 3, most - 3);
    if (len) {
        len += 3;
        out[0] = COMPRESS_XPRESS << 3;
        put_le16(out + 1, (uint16_t)in.len);
        if (len <= unicode)
            return len;
    }
    if (!(flags & COMPRESS_TRY_7BIT) || in.len == 0)
        return len;
    if (unicode <= most && is_7bit(in, 2))
        return put_7bit(COMPRESS_7BIT_UNICODE, in.p, nr_units, 2, out);
    if (!len && ascii <= most && is_7bit(in, 1))
        return put_7bit(COMPRESS_7BIT_ASCII, in.p, in.len, 1, out);
    return len;
}
