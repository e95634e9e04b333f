#include "rec/normalize.h"

#include "rec/recfmt.h"
#include "rec/text.h"

#define COLUMN_MOST 255u /* bytes of a fixed column */

/* Room for the longest body: 2000 bytes of a key and the piece that does not fit any more. */
struct body {
    uint32_t len, room; /* room: what the key has left for it */
    bool cut;
    uint32_t
        value_end; /* search keys: where bytes of variable length end in the body; 0: they do not */
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
 * Bytes of a column of variable length: 8 at a time, each followed by 9 when more come; the last
 * ones are filled up with zeroes and followed by how many they were. So the end of one segment
 * never runs into the next.
 */
static void put_chunks(struct body *o, struct slice s)
{
    uint32_t i = 0;

    while (s.len - i > 8 && !o->cut) {
        for (unsigned k = 0; k < 8; k++)
            put(o, s.p[i++]);
        put(o, 9);
    }
    if (!o->cut && s.len - i < o->room - o->len)
        o->value_end = o->len + s.len - i;
    for (unsigned k = 0; k < 8; k++)
        put(o, i + k < s.len ? s.p[i + k] : 0);
    put(o, (uint8_t)(s.len - i));
}

/*
 * Code page 1252: a to z in upper case, a zero at the end. Text that does not fit ends in a byte
 * from which 0x20 is taken whatever it is, as the engine has always done (ESE: normu.cxx,
 * ErrUtilNormText).
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

/* Big-endian units in upper case and a zero unit, when all of them are ASCII and it all fits (a
 * body that does not fit is undefined in the engine). */
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

/* Keys of 255 bytes are made of so many bytes of text, whatever they become (ESE: fldnorm.cxx,
 * JET_cbKeyMost_OLD). */
static struct slice cut_text(struct slice s, const struct index *ix)
{
    const uint32_t most = ix->key_most == INDEX_KEY_DEFAULT ? INDEX_KEY_DEFAULT : NORM_VALUE_MOST;

    if (s.len > most)
        s.len = most;
    return s;
}

static bool put_text(struct body *o, const struct index *ix, const struct column *c, struct slice s)
{
    if (c->cp != CP_UTF16) {
        put_ansi(o, s, ix->key_most);
        return true;
    }
    if (norm_text_is_ours(ix) == NORM_OURS) {
        o->len = sortkey_make(cut_text(s, ix), ix->lcmap_flags, o->b, o->room, &o->cut);
        return true;
    }
    return ix->lcmap_flags == SORTKEY_UPPERCASE && put_upper_ascii(o, s);
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

enum norm_owner norm_text_is_ours(const struct index *ix)
{
    if (!(ix->flags & INDEX_LOCALIZED_TEXT))
        return NORM_NO_TEXT;
    if (ix->version.len == 8 && get_le64(ix->version.p) == SORTKEY_VERSION &&
        ix->sort_id.len == sizeof(sortkey_id) &&
        memcmp(ix->sort_id.p, sortkey_id, sizeof(sortkey_id)) == 0)
        return NORM_OURS;
    return NORM_FOREIGN;
}

void norm_version(uint8_t version[8], uint8_t sort_id[16])
{
    put_le64(version, SORTKEY_VERSION);
    memcpy(sort_id, sortkey_id, sizeof(sortkey_id));
}

static bool is_varying(const struct column *c)
{
    return coltyp_len(c->coltyp) == 0;
}

static uint8_t prefix_of(const struct index *ix, const struct column *c, const struct slice *value)
{
    if (value && value->len)
        return NORM_VALUE;
    if (value && is_varying(c))
        return NORM_EMPTY;
    return ix->flags & INDEX_NULLS_HIGH ? NORM_NULL_HIGH : NORM_NULL;
}

/* A segment as it stands in the key; *o keeps its body. False: norm_append's reasons. */
static bool append(struct norm_key *key, const struct index *ix, const struct column *c,
                   bool descending, const struct slice *value, struct body *o)
{
    const uint8_t prefix = prefix_of(ix, c, value), flip = descending ? 0xff : 0;
    uint32_t room = ix->key_most - key->len;
    bool limited = false; /* by the segment, which the program has asked for */

    if (is_varying(c) && ix->segment_most < ix->key_most && room >= ix->segment_most) {
        room = ix->segment_most;
        limited = true;
    }
    if (key->len >= ix->key_most || room == 0) {
        key->truncated = true;
        return true;
    }
    o->room = room - 1;
    if (prefix == NORM_VALUE && !put_body(o, ix, c, *value))
        return false;
    key->b[key->len++] = prefix ^ flip;
    if (!flip) {
        memcpy(key->b + key->len, o->b, o->len);
        key->len += o->len;
    } else {
        for (uint32_t i = 0; i < o->len; i++)
            key->b[key->len++] = o->b[i] ^ flip;
    }
    if (o->cut && !limited)
        key->truncated = true;
    return true;
}

static void body_init(struct body *o)
{
    o->len = o->value_end = 0;
    o->cut = false;
}

bool norm_append(struct norm_key *key, const struct index *ix, const struct column *c,
                 bool descending, const struct slice *value)
{
    struct body o;

    body_init(&o);
    return append(key, ix, c, descending, value, &o);
}

/* ---- keys to seek with ----------------------------------------------------------------------- */

static bool is_text(const struct column *c)
{
    return c->coltyp == JET_coltypText || c->coltyp == JET_coltypLongText;
}

static bool has_parts(const struct column *c)
{
    return is_text(c) || (is_varying(c) && c->fid > FID_FIXED_MOST);
}

/* Where the letters of a text end in its segment (ESE: FLDISetPartialColumnLimitOnTextColumn). */
static uint32_t end_of_text(const struct norm_key *key, uint32_t from, const struct index *ix,
                            const struct column *c, uint8_t flip)
{
    uint32_t end = key->len;

    if (c->cp == CP_UTF16 && !sortkey_is_upper(ix->lcmap_flags)) {
        for (end = from + 1; end < key->len && key->b[end] != (SORTKEY_DELIMITER ^ flip); end++)
            ;
        return end;
    }
    if (c->cp == CP_UTF16) {
        if (end - from >= 3 && key->b[end - 1] == flip && key->b[end - 2] == flip)
            end -= 2;
        return end;
    }
    return key->b[end - 1] == flip ? end - 1 : end;
}

/* Above everything that begins with what the key has up to `end`. */
static void fill_up(struct norm_key *key, uint32_t end, uint32_t most)
{
    if (end < most)
        memset(key->b + end, 0xff, most - end);
    key->len = most;
}

static void limit_segment(struct norm_key *key, uint32_t from, const struct index *ix,
                          const struct column *c, uint8_t flip, const struct body *o,
                          enum norm_limit limit)
{
    const bool end = limit != NORM_PARTIAL_START;
    const uint32_t most = ix->key_most + 1;
    uint32_t at;

    if (limit == NORM_STR_END && is_text(c))
        limit = NORM_COLUMN_END;
    if (limit == NORM_WHOLE || limit == NORM_COLUMN_START)
        return;
    if (limit != NORM_COLUMN_END && is_text(c) && key->len - from >= 2) {
        at = end_of_text(key, from, ix, c, flip);
        if (end)
            fill_up(key, at, most);
        else
            key->len = at;
        return;
    }
    if (limit != NORM_COLUMN_END && o->value_end) {
        at = from + 1 + o->value_end;
        if (end)
            fill_up(key, at, key->len + 1);
        else
            key->len = at;
        return;
    }
    if (end)
        fill_up(key, key->len, most);
}

/* Fixed text that is shorter than its column counts as it stands in records: filled up. */
static bool fill_fixed(const struct column *c, const struct slice *value, uint8_t *buf)
{
    if (c->coltyp != JET_coltypText || value->len > c->len || c->len > COLUMN_MOST)
        return false;
    memcpy(buf, value->p, value->len);
    for (uint32_t i = value->len; i < c->len; i++)
        buf[i] = c->cp == CP_UTF16 && (i & 1) ? 0 : ' ';
    return true;
}

JET_ERR norm_append_search(struct norm_key *key, const struct index *ix, unsigned segment,
                           const struct column *c, const struct slice *value, enum norm_limit limit)
{
    const bool descending = ix->segments[segment].descending;
    const uint32_t from = key->len, unit = c->cp == CP_UTF16 ? 2 : 1;
    uint8_t filled[COLUMN_MOST];
    struct slice v = value ? *value : (struct slice){0};
    struct body o;

    if ((limit == NORM_PARTIAL_START || limit == NORM_PARTIAL_END) && !has_parts(c))
        return RAISE(JET_errInvalidGrbit);
    if (c->fid <= FID_FIXED_MOST && value && v.len != c->len) {
        if (v.len == 0 || !fill_fixed(c, value, filled))
            return RAISE(JET_errInvalidBufferSize);
        v = (struct slice){filled, c->len};
    }
    if (value && !is_varying(c) && v.len != coltyp_len(c->coltyp))
        return RAISE(JET_errInvalidBufferSize);
    if (ix->tuples && segment == 0) {
        if (v.len == 0 || v.len / unit < ix->tuple_min)
            return RAISE(JET_errIndexTuplesKeyTooSmall);
        if (v.len > (uint64_t)ix->tuple_max * unit)
            v.len = ix->tuple_max * unit;
    }
    if (key->truncated || key->len >= ix->key_most)
        return JET_errSuccess;
    body_init(&o);
    if (!append(key, ix, c, descending, value ? &v : NULL, &o))
        return RAISE(JET_errUnicodeNormalizationNotSupported);
    limit_segment(key, from, ix, c, descending ? 0xff : 0, &o, limit);
    return JET_errSuccess;
}
