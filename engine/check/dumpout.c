#include "check/dumpout.h"

#include <errno.h>
#include <stdarg.h>

#include "os/file.h"

void out_init(struct out *o, FILE *file)
{
    o->file = file;
    o->n = 0;
    o->err = JET_errSuccess;
    o->os_errno = 0;
}

static void write_out(struct out *o, const void *p, size_t len)
{
    if (o->err < 0 || len == 0 || fwrite(p, 1, len, o->file) == len)
        return;
    o->os_errno = errno ? errno : EIO;
    o->err = os_error(o->os_errno);
}

JET_ERR out_flush(struct out *o)
{
    write_out(o, o->b, o->n);
    o->n = 0;
    return o->err;
}

JET_ERR out_finish(FILE *file, struct reporter *r)
{
    errno = 0;
    if (fflush(file) != 0 || ferror(file))
        return fault_io(r, os_error(errno ? errno : EIO), ESE_NO_OFFSET, "writing the dump");
    return r->first;
}

void out_long(struct out *o, const void *p, size_t len)
{
    const char *from = p;

    while (len) {
        size_t n = OUT_LEN - o->n < len ? OUT_LEN - o->n : len;
        memcpy(o->b + o->n, from, n);
        o->n += n;
        from += n;
        len -= n;
        if (o->n == OUT_LEN)
            (void)out_flush(o);
    }
}

void out_str(struct out *o, const char *s)
{
    out_bytes(o, s, strlen(s));
}

void out_u64(struct out *o, uint64_t v)
{
    char buf[20];
    char *p = buf + sizeof(buf);

    do {
        *--p = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    out_bytes(o, p, (size_t)(buf + sizeof(buf) - p));
}

void out_i64(struct out *o, int64_t v)
{
    if (v < 0)
        out_char(o, '-');
    out_u64(o, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

static const char hex_digits[] = "0123456789abcdef";

void out_hex(struct out *o, const void *p, size_t len)
{
    const uint8_t *b = p;

    for (size_t i = 0; i < len; i++) {
        if (OUT_LEN - o->n < 2)
            (void)out_flush(o);
        o->b[o->n++] = hex_digits[b[i] >> 4];
        o->b[o->n++] = hex_digits[b[i] & 15];
    }
}

void out_hex_u64(struct out *o, uint64_t v, unsigned digits)
{
    while (digits--)
        out_char(o, hex_digits[v >> 4 * digits & 15]);
}

void out_printf(struct out *o, const char *fmt, ...)
{
    char buf[1024];
    int n;
    va_list ap;

    va_start(ap, fmt);
    n = vsnprintf(buf, sizeof(buf), fmt, ap);
    va_end(ap);
    if (n > 0)
        out_bytes(o, buf, (size_t)n < sizeof(buf) ? (size_t)n : sizeof(buf) - 1);
}

/* Length of a surrogate that text.h wrote as 3 bytes, else 0. */
static size_t surrogate_len(const uint8_t *p, size_t left)
{
    return left >= 3 && p[0] == 0xed && p[1] >= 0xa0 ? 3 : 0;
}

static void json_escape(struct out *o, const uint8_t *p, size_t left, const char *quote,
                        size_t *used)
{
    *used = surrogate_len(p, left);
    if (*used) {
        out_printf(o, "\\ud%03x", (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu));
        return;
    }
    *used = 1;
    if (*p == '"') {
        out_char(o, '\\');
        out_str(o, quote);
    } else if (*p == '\\') {
        out_str(o, "\\\\");
    } else {
        out_printf(o, "\\u%04x", *p);
    }
}

#define BYTES 32u /* looked at together: a few vector comparisons */

/* None of the next BYTES needs to be looked at by itself. */
static bool is_plain(const uint8_t *p)
{
    uint8_t odd = 0;

    for (unsigned k = 0; k < BYTES; k++)
        odd |= (uint8_t)((p[k] < 0x20) | (p[k] == '"') | (p[k] == '\\') | (p[k] == 0x7f) |
                         (p[k] == 0xed));
    return !odd;
}

void out_json_text(struct out *o, const char *s, size_t len, const char *quote)
{
    const uint8_t *p = (const uint8_t *)s;
    size_t from = 0, i = 0;

    while (i < len) {
        size_t used;

        if (len - i >= BYTES && is_plain(p + i)) {
            i += BYTES;
            continue;
        }
        if (p[i] >= 0x20 && p[i] != '"' && p[i] != '\\' && p[i] != 0x7f && p[i] != 0xed) {
            i++;
            continue;
        }
        if (p[i] == 0xed && !surrogate_len(p + i, len - i)) {
            i++;
            continue;
        }
        out_bytes(o, p + from, i - from);
        json_escape(o, p + i, len - i, quote, &used);
        i += used;
        from = i;
    }
    out_bytes(o, p + from, i - from);
}

void out_csv_text(struct out *o, const char *s, size_t len)
{
    const uint8_t *p = (const uint8_t *)s;
    size_t from = 0, i = 0;

    while (i < len) {
        size_t used = surrogate_len(p + i, len - i);
        if (used) {
            out_bytes(o, p + from, i - from);
            out_str(o, "\xef\xbf\xbd");
            from = i + used;
        } else if (p[i] == '"') {
            out_bytes(o, p + from, i - from);
            out_char(o, '"');
            from = i;
        }
        i += used ? used : 1;
    }
    out_bytes(o, p + from, i - from);
}
