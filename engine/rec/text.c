#include "rec/text.h"

/* Code page 1252 differs from Latin-1 in 0x80..0x9F; the five bytes without a character stay as they
 * are. */
static const uint16_t ansi_80[32] = {
    0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x008d, 0x017d, 0x008f, 0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x009d, 0x017e, 0x0178,
};

uint32_t text_ansi_to_unicode(uint8_t b)
{
    return b >= 0x80 && b < 0xa0 ? ansi_80[b - 0x80] : b;
}

size_t text_put_utf8(uint32_t c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

void text_begin(struct text_decoder *d, uint32_t cp)
{
    d->utf16 = cp == CP_UTF16;
    d->nr_held = 0;
}

static size_t feed_ansi(struct slice piece, char *out)
{
    char *o = out;

    for (uint32_t i = 0; i < piece.len; i++) {
        if (piece.p[i] < 0x80)
            *o++ = (char)piece.p[i];
        else
            o += text_put_utf8(text_ansi_to_unicode(piece.p[i]), o);
    }
    return (size_t)(o - out);
}

static bool is_high(uint16_t u)
{
    return (u & 0xfc00) == 0xd800;
}
static bool is_low(uint16_t u)
{
    return (u & 0xfc00) == 0xdc00;
}

/* One byte of UTF-16. A high surrogate is held until the unit behind it is complete. */
static size_t feed_byte(struct text_decoder *d, uint8_t b, char *out)
{
    uint16_t u, v;
    size_t n;

    d->held[d->nr_held++] = b;
    if (d->nr_held & 1)
        return 0;
    u = get_le16(d->held);
    if (d->nr_held == 2) {
        if (is_high(u))
            return 0;
        d->nr_held = 0;
        return text_put_utf8(u, out);
    }
    v = get_le16(d->held + 2);
    if (is_low(v)) {
        d->nr_held = 0;
        return text_put_utf8(0x10000 + ((uint32_t)(u & 0x3ff) << 10 | (v & 0x3ff)), out);
    }
    n = text_put_utf8(u, out);
    d->held[0] = d->held[2];
    d->held[1] = d->held[3];
    d->nr_held = is_high(v) ? 2 : 0;
    return d->nr_held ? n : n + text_put_utf8(v, out + n);
}

#define UNITS 16u /* looked at together */

/* The next UNITS code units, if all of them are ASCII: most text of most databases. */
static bool feed_ascii(const uint8_t *p, char *out)
{
    const uint64_t all = get_le64(p) | get_le64(p + 8) | get_le64(p + 16) | get_le64(p + 24);

    if (all & 0xff80ff80ff80ff80)
        return false;
    for (unsigned k = 0; k < UNITS; k++)
        out[k] = (char)p[2 * k];
    return true;
}

static size_t feed_utf16(struct text_decoder *d, struct slice piece, char *out)
{
    char *o = out;
    uint32_t i = 0;

    while (i < piece.len) {
        uint16_t u;

        if (!d->nr_held && piece.len - i >= 2 * UNITS && feed_ascii(piece.p + i, o)) {
            o += UNITS;
            i += 2 * UNITS;
            continue;
        }

        if (d->nr_held || piece.len - i < 2) {
            o += feed_byte(d, piece.p[i++], o);
            continue;
        }
        u = get_le16(piece.p + i);
        if (u < 0x80) {
            *o++ = (char)u;
            i += 2;
        } else if (is_high(u)) {
            o += feed_byte(d, piece.p[i++], o);
        } else {
            o += text_put_utf8(u, o);
            i += 2;
        }
    }
    return (size_t)(o - out);
}

size_t text_feed(struct text_decoder *d, struct slice piece, char *out)
{
    return d->utf16 ? feed_utf16(d, piece, out) : feed_ansi(piece, out);
}

size_t text_end(struct text_decoder *d, char *out)
{
    size_t n = 0;

    if (d->nr_held >= 2)
        n += text_put_utf8(get_le16(d->held), out);
    if (d->nr_held & 1)
        n += text_put_utf8(0xfffd, out + n);
    d->nr_held = 0;
    return n;
}

static int upper(unsigned char c)
{
    return c >= 'a' && c <= 'z' ? c - 0x20 : c;
}

int text_name_cmp(const char *a, const char *b)
{
    const unsigned char *x = (const unsigned char *)a, *y = (const unsigned char *)b;

    while (*x && upper(*x) == upper(*y)) {
        x++;
        y++;
    }
    return upper(*x) - upper(*y);
}
