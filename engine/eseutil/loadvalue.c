#include "loadvalue.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "rec/text.h"

static const struct {
    const char *name;
    JET_COLTYP type;
} names[] = {
    {"Bit", JET_coltypBit},
    {"UnsignedByte", JET_coltypUnsignedByte},
    {"Short", JET_coltypShort},
    {"Long", JET_coltypLong},
    {"Currency", JET_coltypCurrency},
    {"IEEESingle", JET_coltypIEEESingle},
    {"IEEEDouble", JET_coltypIEEEDouble},
    {"DateTime", JET_coltypDateTime},
    {"Binary", JET_coltypBinary},
    {"Text", JET_coltypText},
    {"LongBinary", JET_coltypLongBinary},
    {"LongText", JET_coltypLongText},
    {"UnsignedLong", JET_coltypUnsignedLong},
    {"LongLong", JET_coltypLongLong},
    {"GUID", JET_coltypGUID},
    {"UnsignedShort", JET_coltypUnsignedShort},
    {"UnsignedLongLong", JET_coltypUnsignedLongLong},
};

JET_COLTYP coltyp_of_name(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strlen(names[i].name) == len && strncasecmp(names[i].name, name, len) == 0)
            return names[i].type;
    return JET_coltypNil;
}

static bool room(struct loaded *v, size_t len)
{
    unsigned char *p;

    if (len <= v->room)
        return true;
    p = realloc(v->b, len);
    if (!p)
        return false;
    v->b = p;
    v->room = len;
    return true;
}

static bool put(struct loaded *v, const void *what, size_t len)
{
    if (!room(v, len ? len : 1))
        return false;
    memcpy(v->b, what, len);
    v->len = len;
    return true;
}

/* "010" is ten. */
static int base_of(const char *s)
{
    s += *s == '-';
    return s[0] == '0' && (s[1] | 32) == 'x' ? 16 : 10;
}

static bool put_signed(const char *s, long long least, long long most, size_t len,
                       struct loaded *ret)
{
    char *end;
    long long n;

    errno = 0;
    n = strtoll(s, &end, base_of(s));
    if (end == s || *end || errno || n < least || n > most)
        return false;
    return put(ret, &n, len); /* little-endian, as the machine */
}

static bool put_unsigned(const char *s, unsigned long long most, size_t len, struct loaded *ret)
{
    char *end;
    unsigned long long n;

    errno = 0;
    n = strtoull(s, &end, base_of(s));
    if (end == s || *end || errno || *s == '-' || n > most)
        return false;
    return put(ret, &n, len);
}

/* A number that is too large for the type is none of it; infinity is said in words. */
static bool put_real(const char *s, bool wide, struct loaded *ret)
{
    char *end;
    const double d = strtod(s, &end);
    const float f = (float)d;
    const bool infinite = isinf(wide ? d : (double)f);

    if (end == s || *end || (infinite && !strpbrk(s, "iI")))
        return false;
    return wide ? put(ret, &d, sizeof(d)) : put(ret, &f, sizeof(f));
}

static bool put_bit(const char *s, struct loaded *ret)
{
    const unsigned char yes = 0xff, no = 0;

    if (strcmp(s, "1") == 0 || strcasecmp(s, "true") == 0)
        return put(ret, &yes, 1);
    if (strcmp(s, "0") == 0 || strcasecmp(s, "false") == 0)
        return put(ret, &no, 1);
    return false;
}

/* ---- dates ----------------------------------------------------------------------------------- */

#define DAYS_1899_SINCE_1601 109205 /* a FILETIME counts from 1601-01-01 */

struct moment {
    int64_t days; /* since 1899-12-30, day 0 of a day number */
    uint64_t units, per_second;
    bool filetime;
};

/* So many digits; *s behind them. */
static bool digits(const char **s, unsigned nr, unsigned *ret)
{
    *ret = 0;
    for (; nr; nr--, (*s)++) {
        if (!isdigit((unsigned char)**s))
            return false;
        *ret = *ret * 10 + (unsigned)(**s - '0');
    }
    return true;
}

static bool parse_day(const char **s, int64_t *ret)
{
    static const unsigned char len[12] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned y, m, d;
    int64_t a, yy;

    if (!digits(s, 4, &y) || *(*s)++ != '-' || !digits(s, 2, &m) || *(*s)++ != '-' ||
        !digits(s, 2, &d) || m < 1 || m > 12 || d < 1 || d > len[m - 1] ||
        (m == 2 && d == 29 && (y % 4 || (y % 100 == 0 && y % 400))))
        return false;
    a = m <= 2; /* the day of the Julian period, years taken from March */
    yy = (int64_t)y + 4800 - a;
    *ret = d + (153 * (m + 12 * a - 3) + 2) / 5 + 365 * yy + yy / 4 - yy / 100 + yy / 400 - 32045 -
           2415019;
    return true;
}

/* The fraction in the units that dumps try: seconds, milli-, micro-, nanoseconds; 100 ns where
 * there are 7 digits. */
static bool parse_fraction(const char **s, struct moment *m)
{
    uint64_t per_second = 1, value = 0;
    unsigned nr = 0, want;

    for (; isdigit((unsigned char)**s) && nr < 9; nr++, (*s)++) {
        value = value * 10 + (uint64_t)(**s - '0');
        per_second *= 10;
    }
    want = nr == 7 ? 7 : (nr + 2) / 3 * 3;
    for (; nr < want; nr++) {
        value *= 10;
        per_second *= 10;
    }
    m->units = m->units * per_second + value;
    m->per_second = per_second;
    return want > 0;
}

static bool parse_moment(const char *s, struct moment *m)
{
    unsigned h, mi, sec;

    if (!parse_day(&s, &m->days))
        return false;
    if (*s == 'T' || *s == ' ') {
        s++;
        if (!digits(&s, 2, &h) || *s++ != ':' || !digits(&s, 2, &mi) || *s++ != ':' ||
            !digits(&s, 2, &sec) || h > 23 || mi > 59 || sec > 59)
            return false;
        m->units = h * 3600u + mi * 60u + sec;
        if (*s == '.') {
            s++;
            if (!parse_fraction(&s, m))
                return false;
        }
    }
    m->filetime = *s == 'Z';
    return s[m->filetime] == '\0';
}

/* Before day 0 a fraction still counts forwards. */
static bool put_date(const char *s, struct loaded *ret)
{
    struct moment m = {.per_second = 1};
    double days, part;
    uint64_t filetime;

    if (s[0] == '0' && s[1] == 'x')
        return put_unsigned(s, UINT64_MAX, 8, ret);
    if (!parse_moment(s, &m))
        return false;
    if (m.filetime) {
        if (m.days + DAYS_1899_SINCE_1601 < 0 || m.per_second > 10000000)
            return false;
        filetime = (uint64_t)(m.days + DAYS_1899_SINCE_1601) * UINT64_C(864000000000) +
                   m.units * (10000000 / m.per_second);
        return put(ret, &filetime, sizeof(filetime));
    }
    part = (double)m.units / (86400.0 * (double)m.per_second);
    days = m.days < 0 ? (double)m.days - part : (double)m.days + part;
    return put(ret, &days, sizeof(days));
}

/* ---- bytes and text -------------------------------------------------------------------------- */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool put_hex(const char *s, size_t len, struct loaded *ret)
{
    if (len % 2 || !room(ret, len / 2 + 1))
        return false;
    for (size_t i = 0; i < len; i += 2) {
        const int hi = hex_digit(s[i]), lo = hex_digit(s[i + 1]);
        if (hi < 0 || lo < 0)
            return false;
        ret->b[i / 2] = (unsigned char)(hi << 4 | lo);
    }
    ret->len = len / 2;
    return true;
}

static bool put_guid(const char *s, struct loaded *ret)
{
    static const unsigned char order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
    unsigned char raw[16];
    char digits[33];
    size_t n = 0;

    for (; *s; s++)
        if (hex_digit(*s) >= 0 && n < 32)
            digits[n++] = *s;
        else if (*s != '-' && *s != '{' && *s != '}')
            return false;
    if (n != 32 || !put_hex(digits, 32, ret))
        return false;
    for (unsigned i = 0; i < 16; i++)
        raw[i] = ret->b[order[i]];
    return put(ret, raw, 16);
}

/* The character at *s; 0xFFFFFFFF: it is no UTF-8. */
static unsigned next_char(const char **s, const char *end)
{
    const unsigned char *b = (const unsigned char *)*s;
    const unsigned len = b[0] < 0x80                   ? 1
                         : b[0] >= 0xc2 && b[0] < 0xe0 ? 2
                         : b[0] >= 0xe0 && b[0] < 0xf0 ? 3
                         : b[0] >= 0xf0 && b[0] < 0xf5 ? 4
                                                       : 0;
    unsigned c = len == 1 ? b[0] : b[0] & (0x7fu >> len);

    if (!len || (size_t)(end - *s) < len)
        return 0xffffffff;
    for (unsigned i = 1; i < len; i++) {
        if ((b[i] & 0xc0) != 0x80)
            return 0xffffffff;
        c = c << 6 | (b[i] & 0x3f);
    }
    if ((len == 3 && c < 0x800) || (len == 4 && (c < 0x10000 || c > 0x10ffff)))
        return 0xffffffff;
    *s += len;
    return c;
}

static bool put_utf16(const char *s, size_t len, struct loaded *ret)
{
    const char *end = s + len;
    size_t n = 0;

    if (!room(ret, 2 * len + 4))
        return false;
    while (s < end) {
        unsigned c = next_char(&s, end);
        if (c == 0xffffffff)
            return false;
        if (c >= 0x10000) {
            const unsigned hi = 0xd800 | (c - 0x10000) >> 10;
            ret->b[n++] = (unsigned char)hi;
            ret->b[n++] = (unsigned char)(hi >> 8);
            c = 0xdc00 | (c & 0x3ff);
        }
        ret->b[n++] = (unsigned char)c;
        ret->b[n++] = (unsigned char)(c >> 8);
    }
    ret->len = n;
    return true;
}

static int ansi_of(unsigned c)
{
    for (unsigned b = 0; b < 256; b++)
        if (text_ansi_to_unicode((uint8_t)b) == c)
            return (int)b;
    return -1;
}

static bool put_ansi(const char *s, size_t len, struct loaded *ret)
{
    const char *end = s + len;
    size_t n = 0;

    if (!room(ret, len + 1))
        return false;
    while (s < end) {
        const unsigned c = next_char(&s, end);
        const int b = c < 0x80 ? (int)c : ansi_of(c);
        if (b < 0)
            return false;
        ret->b[n++] = (unsigned char)b;
    }
    ret->len = n;
    return true;
}

bool load_value(JET_COLTYP type, unsigned short cp, const char *text, size_t len,
                struct loaded *ret)
{
    if (type != JET_coltypText && type != JET_coltypLongText && strlen(text) != len)
        return false; /* a NUL in it */
    switch (type) {
    case JET_coltypBit:
        return put_bit(text, ret);
    case JET_coltypUnsignedByte:
        return put_unsigned(text, 0xff, 1, ret);
    case JET_coltypShort:
        return put_signed(text, INT16_MIN, INT16_MAX, 2, ret);
    case JET_coltypUnsignedShort:
        return put_unsigned(text, UINT16_MAX, 2, ret);
    case JET_coltypLong:
        return put_signed(text, INT32_MIN, INT32_MAX, 4, ret);
    case JET_coltypUnsignedLong:
        return put_unsigned(text, UINT32_MAX, 4, ret);
    case JET_coltypCurrency:
    case JET_coltypLongLong:
        return put_signed(text, INT64_MIN, INT64_MAX, 8, ret);
    case JET_coltypUnsignedLongLong:
        return put_unsigned(text, UINT64_MAX, 8, ret);
    case JET_coltypIEEESingle:
        return put_real(text, false, ret);
    case JET_coltypIEEEDouble:
        return put_real(text, true, ret);
    case JET_coltypDateTime:
        return put_date(text, ret);
    case JET_coltypGUID:
        return put_guid(text, ret);
    case JET_coltypBinary:
    case JET_coltypLongBinary:
        return put_hex(text, len, ret);
    case JET_coltypText:
    case JET_coltypLongText:
        return cp == CP_UTF16 ? put_utf16(text, len, ret) : put_ansi(text, len, ret);
    default:
        return false;
    }
}
