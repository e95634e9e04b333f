#include "rec/compress.h"

#include "rec/recfmt.h"

#define MATCH_MIN     3 /* XPRESS */
#define LZ4_MATCH_MIN 4

/* Number of 7-bit groups in a blob; 0: the bits do not make whole groups. The low 3 bits of the header
 * count the bits used in the last byte, less one. */
static uint32_t nr_groups(struct slice in)
{
    uint32_t bits;

    if (in.len < 2)
        return 0;
    bits = (in.len - 2) * 8 + (in.p[0] & 7) + 1u;
    return bits % 7 ? 0 : bits / 7;
}

/* Groups lie lowest bit first in a stream of bytes, without gaps. step: 1 byte or 2 (UTF-16) each. */
static void expand_groups(const uint8_t *in, uint32_t nr, uint8_t *out, uint32_t step)
{
    uint32_t bits = 0, have = 0;

    for (uint32_t i = 0; i < nr; i++) {
        if (have < 7) {
            bits |= (uint32_t)*in++ << have;
            have += 8;
        }
        out[0] = bits & 0x7f;
        if (step == 2)
            out[1] = 0;
        out += step;
        bits >>= 7;
        have -= 7;
    }
}

static void copy_match(uint8_t *out, uint32_t distance, uint32_t len)
{
    const uint8_t *from = out - distance;

    if (distance >= len) {
        memcpy(out, from, len);
        return;
    }
    for (uint32_t i = 0; i < len; i++) /* the match runs into what it writes */
        out[i] = from[i];
}

struct xpress {
    const uint8_t *in, *end;
    const uint8_t *nibble; /* byte whose upper half is still unused; NULL: none */
};

/*
 * Length of a match beyond the 3 bits of its token: a nibble, of which two share a byte, then a byte,
 * then a u16 that counts from the start.
 */
static bool long_length(struct xpress *x, uint32_t *len)
{
    uint32_t n;

    if (x->nibble) {
        n = *x->nibble >> 4;
        x->nibble = NULL;
    } else {
        if (x->in == x->end)
            return false;
        x->nibble = x->in++;
        n = *x->nibble & 15;
    }
    *len = 7 + n;
    if (n < 15)
        return true;
    if (x->in == x->end)
        return false;
    n = *x->in++;
    *len = 7 + 15 + n;
    if (n < 255)
        return true;
    if (x->end - x->in < 2)
        return false;
    *len = get_le16(x->in);
    x->in += 2;
    return *len >= 7 + 15;
}

bool decompress_xpress(const uint8_t *in, uint32_t in_len, uint8_t *out, uint32_t out_len)
{
    struct xpress x = {.in = in, .end = in + in_len};
    uint32_t flags = 0, nr_flags = 0, at = 0;

    while (at < out_len) {
        uint32_t token, len, distance;

        if (nr_flags == 0) {
            if (x.end - x.in < 4)
                return false;
            flags = get_le32(x.in);
            x.in += 4;
            nr_flags = 32;
        }
        nr_flags--;
        if (!(flags >> nr_flags & 1)) {
            if (x.in == x.end)
                return false;
            out[at++] = *x.in++;
            continue;
        }
        if (x.end - x.in < 2)
            return false;
        token = get_le16(x.in);
        x.in += 2;
        distance = (token >> 3) + 1;
        len = token & 7;
        if (len == 7 && !long_length(&x, &len))
            return false;
        len += MATCH_MIN;
        if (distance > at || len > out_len - at)
            return false;
        copy_match(out + at, distance, len);
        at += len;
    }
    return true;
}

/* A length of 15 goes on in bytes until one is not 255. */
static bool lz4_length(const uint8_t **in, const uint8_t *end, uint32_t *len)
{
    uint8_t b;

    if (*len < 15)
        return true;
    do {
        if (*in == end || *len > UINT16_MAX)
            return false;
        b = *(*in)++;
        *len += b;
    } while (b == 255);
    return true;
}

/* Sequences of literals and a match; the last one has literals only. */
bool decompress_lz4(const uint8_t *in, uint32_t in_len, uint8_t *out, uint32_t out_len)
{
    const uint8_t *end = in + in_len;
    uint32_t at = 0;

    while (in < end) {
        uint8_t token = *in++;
        uint32_t len = token >> 4, distance;

        if (!lz4_length(&in, end, &len) || len > (size_t)(end - in) || len > out_len - at)
            return false;
        if (len)
            memcpy(out + at, in, len);
        in += len;
        at += len;
        if (in == end)
            return at == out_len;
        if (end - in < 2)
            return false;
        distance = get_le16(in);
        in += 2;
        len = token & 15;
        if (!lz4_length(&in, end, &len))
            return false;
        len += LZ4_MATCH_MIN;
        if (distance == 0 || distance > at || len > out_len - at)
            return false;
        copy_match(out + at, distance, len);
        at += len;
    }
    return false;
}

static JET_ERR failed(const char **ret_what, const char *what)
{
    *ret_what = what;
    return RAISE(JET_errDecompressionFailed);
}

static JET_ERR decompress_7bit(struct slice in, uint8_t *out, uint32_t cap, uint32_t step,
                               uint32_t *ret_len, const char **ret_what)
{
    const uint32_t nr = nr_groups(in);

    if (nr == 0 || nr > cap / step)
        return failed(ret_what, "7-bit text has a wrong length");
    expand_groups(in.p + 1, nr, out, step);
    *ret_len = nr * step;
    return JET_errSuccess;
}

/* XPRESS and LZ4: a u16 behind the first byte says how long the data is. */
static JET_ERR decompress_sized(struct slice in, uint8_t *out, uint32_t cap, uint32_t *ret_len,
                                const char **ret_what)
{
    const bool lz4 = in.p[0] >> 3 == COMPRESS_LZ4;
    uint32_t len;
    bool good;

    if (in.len < 3)
        return failed(ret_what, "compressed data is cut off");
    len = get_le16(in.p + 1);
    if (len > cap)
        return failed(ret_what, "compressed data is longer than it may be");
    good = lz4 ? decompress_lz4(in.p + 3, in.len - 3, out, len)
               : decompress_xpress(in.p + 3, in.len - 3, out, len);
    if (!good)
        return failed(ret_what, lz4 ? "LZ4 data is damaged" : "XPRESS data is damaged");
    *ret_len = len;
    return JET_errSuccess;
}

JET_ERR decompress(struct slice in, uint8_t *out, uint32_t cap, uint32_t *ret_len,
                   const char **ret_what)
{
    if (in.len == 0)
        return failed(ret_what, "compressed data is empty");
    switch (in.p[0] >> 3) {
    case COMPRESS_7BIT_ASCII:
        return decompress_7bit(in, out, cap, 1, ret_len, ret_what);
    case COMPRESS_7BIT_UNICODE:
        return decompress_7bit(in, out, cap, 2, ret_len, ret_what);
    case COMPRESS_XPRESS:
    case COMPRESS_LZ4:
        return decompress_sized(in, out, cap, ret_len, ret_what);
    case COMPRESS_SCRUB:
        return failed(ret_what, "the data was scrubbed, its content is gone");
    case COMPRESS_XPRESS9:
        return failed(ret_what, "the data is compressed with XPRESS9, which is not supported");
    case COMPRESS_XPRESS10:
        return failed(ret_what, "the data is compressed with XPRESS10, which is not supported");
    default:
        return failed(ret_what, "the compression scheme is not known");
    }
}

bool compress_is_refused(struct slice in)
{
    const unsigned scheme = in.len ? in.p[0] >> 3 : 0u;

    return scheme == COMPRESS_SCRUB || scheme == COMPRESS_XPRESS9 || scheme == COMPRESS_XPRESS10;
}
