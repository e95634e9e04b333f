/* One value as JSON or CSV has it. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "check/dump_priv.h"

/* ---- numbers and times ------------------------------------------------------------------------- */

char *double_str(double v, char buf[DOUBLE_STR_LEN])
{
    if (isnan(v) || isinf(v)) {
        snprintf(buf, DOUBLE_STR_LEN, "%s", isnan(v) ? "NaN" : v < 0 ? "-Infinity" : "Infinity");
        return buf;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(buf, DOUBLE_STR_LEN, "%.*g", digits, v);
        if (strtod(buf, NULL) == v)
            break;
    }
    return buf;
}

char *float_str(float v, char buf[DOUBLE_STR_LEN])
{
    if (isnan(v) || isinf(v))
        return double_str((double)v, buf);
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(buf, DOUBLE_STR_LEN, "%.*g", digits, (double)v);
        if (strtof(buf, NULL) == v)
            break;
    }
    return buf;
}

/* Year, month and day of a day number that counts from 1970-01-01, by the Gregorian calendar. Years are
 * taken from March, so that the leap day is the last. */
static void civil_date(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    int64_t era, shifted = days + 719468; /* 0000-03-01 */
    unsigned doe, yoe, doy, mp;

    era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    doe = (unsigned)(shifted - era * 146097);
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    mp = (5 * doy + 2) / 153;
    *day = doy - (153 * mp + 2) / 5 + 1;
    *month = mp < 10 ? mp + 3 : mp - 9;
    *year = (int64_t)yoe + era * 400 + (*month <= 2);
}

/* Writes date and time; units: of `per_second` each since midnight. digits: of the fraction. */
static int put_time(char *buf, int64_t days_1970, uint64_t units, uint64_t per_second, int digits)
{
    int64_t year;
    unsigned month, day;
    uint64_t s = units / per_second;
    int n;

    civil_date(days_1970, &year, &month, &day);
    n = snprintf(buf, DATE_STR_LEN, "%04" PRId64 "-%02u-%02uT%02u:%02u:%02u", year, month, day,
                 (unsigned)(s / 3600), (unsigned)(s / 60 % 60), (unsigned)(s % 60));
    if (digits)
        n += snprintf(buf + n, (size_t)(DATE_STR_LEN - n), ".%0*" PRIu64, digits,
                      units % per_second);
    return n;
}

#define FILETIME_1970  UINT64_C(116444736000000000)
#define FILETIME_DAY   UINT64_C(864000000000)
#define FILETIME_LIMIT UINT64_C(0x0400000000000000) /* the year 2513; as a double: nearly nothing */
#define DAYS_1899      (-25569)                     /* day 0 of a DateTime, 1899-12-30 */

/* A day number. Before day 0 the fraction still counts forwards. Tried with ever finer units until the
 * text leads back to the same bits. */
static bool day_number_str(double v, char buf[DATE_STR_LEN])
{
    static const struct {
        uint64_t per_second;
        int digits;
    } units[] = {{1, 0}, {1000, 3}, {1000000, 6}, {1000000000, 9}};
    int64_t whole;
    double fraction;

    if (!(v > -657435 && v < 2958466)) /* the years 100 to 9999 */
        return false;
    whole = (int64_t)v;
    if (whole == 0 && signbit(v)) /* the same time as its positive twin */
        return false;
    fraction = v < 0 ? (double)whole - v : v - (double)whole;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        const double per_day = 86400.0 * (double)units[i].per_second;
        const uint64_t n = (uint64_t)(fraction * per_day + 0.5);
        const double part = (double)n / per_day;
        if ((double)n < per_day && (v < 0 ? (double)whole - part : (double)whole + part) == v) {
            put_time(buf, DAYS_1899 + whole, n, units[i].per_second, units[i].digits);
            return true;
        }
    }
    return false;
}

char *date_str(uint64_t bits, char buf[DATE_STR_LEN])
{
    double v;

    memcpy(&v, &bits, sizeof(v));
    if (bits >= FILETIME_1970 && bits < FILETIME_LIMIT) {
        uint64_t since = bits - FILETIME_1970;
        int n = put_time(buf, (int64_t)(since / FILETIME_DAY), since % FILETIME_DAY, 10000000, 7);
        snprintf(buf + n, (size_t)(DATE_STR_LEN - n), "Z");
    } else if (!day_number_str(v, buf)) {
        snprintf(buf, DATE_STR_LEN, "0x%016" PRIx64, bits);
    }
    return buf;
}

/* ---- values ------------------------------------------------------------------------------------ */

static const char *quote_of(enum value_form form)
{
    return form == FORM_JSON_IN_CSV ? "\"\"" : "\"";
}

static void put_quoted(struct dump *d, const char *s, enum value_form form)
{
    if (form != FORM_CSV)
        out_str(&d->out, quote_of(form));
    out_str(&d->out, s);
    if (form != FORM_CSV)
        out_str(&d->out, quote_of(form));
}

static void put_double(struct dump *d, const char *s, enum value_form form)
{
    if (s[0] == 'N' || s[0] == 'I' || s[1] == 'I') /* JSON has no number for these */
        put_quoted(d, s, form);
    else
        out_str(&d->out, s);
}

static void put_guid(struct dump *d, const uint8_t *g, enum value_form form)
{
    char s[40];

    snprintf(s, sizeof(s), "%08" PRIx32 "-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x", get_le32(g),
             get_le16(g + 4), get_le16(g + 6), g[8], g[9], g[10], g[11], g[12], g[13], g[14],
             g[15]);
    put_quoted(d, s, form);
}

static void put_float(struct dump *d, const struct column *c, const uint8_t *p,
                      enum value_form form)
{
    char buf[DOUBLE_STR_LEN];

    if (c->coltyp == JET_coltypIEEESingle) {
        uint32_t bits = get_le32(p);
        float v;
        memcpy(&v, &bits, sizeof(v));
        put_double(d, float_str(v, buf), form);
    } else {
        uint64_t bits = get_le64(p);
        double v;
        memcpy(&v, &bits, sizeof(v));
        put_double(d, double_str(v, buf), form);
    }
}

/* A type of a length of its own; false when the bytes have another. */
static bool put_fixed(struct dump *d, const struct column *c, struct slice s, enum value_form form)
{
    char buf[DATE_STR_LEN];

    if (s.len != coltyp_len(c->coltyp))
        return false;
    switch (c->coltyp) {
    case JET_coltypBit:
        out_str(&d->out, form == FORM_CSV ? (*s.p ? "1" : "0") : (*s.p ? "true" : "false"));
        return true;
    case JET_coltypUnsignedByte:
        out_u64(&d->out, *s.p);
        return true;
    case JET_coltypShort:
        out_i64(&d->out, (int16_t)get_le16(s.p));
        return true;
    case JET_coltypUnsignedShort:
        out_u64(&d->out, get_le16(s.p));
        return true;
    case JET_coltypLong:
        out_i64(&d->out, (int32_t)get_le32(s.p));
        return true;
    case JET_coltypUnsignedLong:
        out_u64(&d->out, get_le32(s.p));
        return true;
    case JET_coltypCurrency:
    case JET_coltypLongLong:
        out_i64(&d->out, (int64_t)get_le64(s.p));
        return true;
    case JET_coltypUnsignedLongLong:
        out_u64(&d->out, get_le64(s.p));
        return true;
    case JET_coltypIEEESingle:
    case JET_coltypIEEEDouble:
        put_float(d, c, s.p, form);
        return true;
    case JET_coltypDateTime:
        put_quoted(d, date_str(get_le64(s.p), buf), form);
        return true;
    case JET_coltypGUID:
        put_guid(d, s.p, form);
        return true;
    default:
        return false;
    }
}

static void put_text(struct dump *d, const char *s, size_t n, enum value_form form)
{
    if (form == FORM_CSV)
        out_csv_text(&d->out, s, n);
    else
        out_json_text(&d->out, s, n, quote_of(form));
}

static void put_text_piece(struct dump *d, struct text_decoder *t, struct slice piece,
                           enum value_form form)
{
    while (piece.len) {
        struct slice s = {piece.p, piece.len < TEXT_SLICE ? piece.len : TEXT_SLICE};
        put_text(d, d->text, text_feed(t, s, d->text), form);
        piece.p += s.len;
        piece.len -= s.len;
    }
}

/* Text and bytes of any length, piece by piece. A fault in the middle ends the value early. */
static void put_stream(struct dump *d, const struct column *c, struct slice piece,
                       enum value_form form)
{
    const bool text = coltyp_is_text(c->coltyp), quotes = text || form != FORM_CSV || !piece.len;
    struct text_decoder t;

    text_begin(&t, c->cp);
    if (quotes)
        out_str(&d->out, quote_of(form));
    while (piece.len) {
        if (text)
            put_text_piece(d, &t, piece, form);
        else
            out_hex(&d->out, piece.p, piece.len);
        if (value_next(&d->vr, &piece) < 0)
            break;
    }
    put_text(d, d->text, text_end(&t, d->text), form);
    if (quotes)
        out_str(&d->out, quote_of(form));
}

void dump_value(struct dump *d, const struct column *c, const struct value *v, enum value_form form)
{
    struct slice piece;
    uint32_t size;
    JET_ERR err;

    if (value_is_plain(v) && put_fixed(d, c, v->data, form))
        return;
    err = value_begin(&d->vr, v, d->pgno, &size);
    if (err >= 0)
        err = value_next(&d->vr, &piece);
    if (err < 0) {
        if (form != FORM_CSV)
            out_str(&d->out, "null");
        return;
    }
    if (!put_fixed(d, c, piece, form))
        put_stream(d, c, piece, form);
}
