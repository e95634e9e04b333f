#include "rec/normalize.h"

#include "rec/recfmt.h"
#include "rec/text.h"

#define LCMAP_UPPERCASE 0x200u

/* Room for the longest body: 2000 bytes of a key and the piece that does not fit any more. */
struct body {
    uint32_t len, room; /* room: what the key has left for it */
    bool cut;
    uint8_t b[INDEX_KEY_LIMIT + 16];
};

static void put(struct body *o, uint8_t v)
{
    if (o->len < o->room)
        o->b[o->len++] = v;
    else
        o->cut = true;
}

/* Big-endian, `len` bytes of a little-endian number; flip: XORed into the first one. */
static void put_reversed(struct body *o, const uint8_t *p, uint32_t len, uint8_t flip)
{
    for (uint32_t i = len; i-- > 0; flip = 0)
        put(o, p[i] ^ flip);
}

/* Floating point: negative numbers have all bits inverted, others the sign only. */
static void put_floating(struct body *o, const uint8_t *p, uint32_t len)
{
    const bool negative = p[len - 1] & 0x80;

    for (uint32_t i = len; i-- > 0;)
        put(o, negative ? (uint8_t)~p[i] : i == len - 1 ? p[i] ^ 0x80 : p[i]);
}

static void put_guid(struct body *o, const uint8_t *p, bool dotnet)
{
    static const uint8_t order[2][16] = {
        {10, 11, 12, 13, 14, 15, 8, 9, 6, 7, 4, 5, 0, 1, 2, 3},
        {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15},
    };

    for (unsigned i = 0; i < 16; i++)
        put(o, p[order[dotnet][i]]);
}

/*
 * Bytes of a column of variable length: 8 at a time, each followed by 9 when more come; the last ones
 * are filled up with zeroes and followed by how many they were. So the end of one segment never runs
 * into the next.
 */
static void put_chunks(struct body *o, struct slice s)
{
    uint32_t i = 0;

    while (s.len - i > 8 && !o->cut) {
        for (unsigned k = 0; k < 8; k++)
            put(o, s.p[i++]);
        put(o, 9);
    }
    for (unsigned k = 0; k < 8; k++)
        put(o, i + k < s.len ? s.p[i + k] : 0);
    put(o, (uint8_t)(s.len - i));
}

/*
 * Code page 1252: a to z in upper case, a zero at the end. Text that does not fit ends in a byte from
 * which 0x20 is taken whatever it is, as the engine has always done (ESE: normu.cxx, ErrUtilNormText).
 */
static void put_ansi(struct body *o, struct slice s, uint32_t key_most)
{
    uint32_t n = 0, most = key_most == INDEX_KEY_DEFAULT && s.len > INDEX_KEY_DEFAULT
                               ? INDEX_KEY_DEFAULT
                               : s.len;
    bool fits;

    while (n < most && s.p[n])
        n++;
    fits = o->room > n;
    if (!fits)
        n = o->room;
    for (uint32_t i = 0; i < n; i++) {
        uint8_t b = s.p[i];
        if ((b >= 'a' && b <= 'z') || (!fits && i + 1 == n))
            b = (uint8_t)(b - 0x20);
        put(o, b);
    }
    if (fits)
        put(o, 0);
    o->cut = !fits;
}

/* Big-endian units in upper case and a zero unit, when all of them are ASCII and it all fits (a body that
 * does not fit is undefined in the engine). */
static bool put_upper_ascii(struct body *o, struct slice s)
{
    if ((s.len & 1) || s.len + 2 > o->room)
        return false;
    for (uint32_t i = 0; i < s.len; i += 2) {
        uint16_t u = get_le16(s.p + i);
        if (u == 0 || u >= 0x80)
            return false;
        put(o, 0);
        put(o, (uint8_t)(u >= 'a' && u <= 'z' ? u - 0x20 : u));
    }
    put(o, 0);
    put(o, 0);
    return true;
}

static bool put_text(struct body *o, const struct index *ix, const struct column *c, struct slice s)
{
    if (c->cp != CP_UTF16) {
        put_ansi(o, s, ix->key_most);
        return true;
    }
    return ix->lcmap_flags == LCMAP_UPPERCASE && put_upper_ascii(o, s);
}

/* A type of a length of its own. */
static void put_fixed(struct body *o, const struct index *ix, const struct column *c,
                      struct slice s)
{
    switch (c->coltyp) {
    case JET_coltypBit:
        put(o, *s.p ? 0xff : 0x00);
        break;
    case JET_coltypShort:
    case JET_coltypLong:
    case JET_coltypLongLong:
    case JET_coltypCurrency:
        put_reversed(o, s.p, s.len, 0x80);
        break;
    case JET_coltypIEEESingle:
    case JET_coltypIEEEDouble:
    case JET_coltypDateTime:
        put_floating(o, s.p, s.len);
        break;
    case JET_coltypGUID:
        put_guid(o, s.p, ix->xflags & INDEX_X_DOTNET_GUID);
        break;
    default: /* UnsignedByte, UnsignedShort, UnsignedLong, UnsignedLongLong */
        put_reversed(o, s.p, s.len, 0);
    }
}

static bool put_body(struct body *o, const struct index *ix, const struct column *c, struct slice s)
{
    switch (c->coltyp) {
    case JET_coltypText:
    case JET_coltypLongText:
        return put_text(o, ix, c, s);
    case JET_coltypBinary:
        if (c->fid <= FID_FIXED_MOST) {
            for (uint32_t i = 0; i < s.len; i++)
                put(o, s.p[i]);
            return true;
        }
        put_chunks(o, s);
        return true;
    case JET_coltypLongBinary:
        put_chunks(o, s);
        return true;
    default:
        if (s.len != coltyp_len(c->coltyp) || s.len == 0)
            return false;
        put_fixed(o, ix, c, s);
        return true;
    }
}

bool norm_knows(const struct column *c)
{
    return (c->coltyp != JET_coltypText && c->coltyp != JET_coltypLongText) || c->cp != CP_UTF16;
}

bool norm_append(struct norm_key *key, const struct index *ix, const struct column *c,
                 bool descending, const struct slice *value)
{
    const bool varying = coltyp_len(c->coltyp) == 0;
    uint32_t room = ix->key_most - key->len;
    struct body o = {0};
    uint8_t prefix;

    if (varying && room > ix->segment_most)
        room = ix->segment_most;
    if (room == 0 || key->len >= ix->key_most) {
        key->truncated = true;
        return true;
    }
    if (!value)
        prefix = ix->flags & INDEX_NULLS_HIGH ? NORM_NULL_HIGH : NORM_NULL;
    else
        prefix = varying && value->len == 0 ? NORM_EMPTY : NORM_VALUE;
    o.len = 0;
    o.cut = false;
    o.room = room - 1;
    if (prefix == NORM_VALUE && !put_body(&o, ix, c, *value))
        return false;
    key->b[key->len++] = descending ? (uint8_t)~prefix : prefix;
    for (uint32_t i = 0; i < o.len; i++)
        key->b[key->len++] = descending ? (uint8_t)~o.b[i] : o.b[i];
    if (o.cut)
        key->truncated = true;
    return true;
}
