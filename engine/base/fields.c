#include "base/fields.h"

#include <inttypes.h>
#include <stdarg.h>

/* Length of the well-formed UTF-8 sequence at s, 0 when there is none. */
static size_t utf8_len(const uint8_t *s, size_t left)
{
    size_t n;
    uint32_t c;

    if (s[0] < 0x80)
        return 1;
    if (s[0] >= 0xc2 && s[0] <= 0xdf)
        n = 2;
    else if ((s[0] & 0xf0) == 0xe0)
        n = 3;
    else if (s[0] >= 0xf0 && s[0] <= 0xf4)
        n = 4;
    else
        return 0;
    if (left < n)
        return 0;
    c = s[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3f);
    }
    if ((n == 3 && (c < 0x800 || (c >= 0xd800 && c < 0xe000))) ||
        (n == 4 && (c < 0x10000 || c > 0x10ffff)))
        return 0;
    return n;
}

void json_string(FILE *out, const char *s, size_t len)
{
    const uint8_t *p = (const uint8_t *)s;

    putc('"', out);
    for (size_t i = 0; i < len;) {
        size_t n = utf8_len(p + i, len - i);
        if (n == 0) {
            fputs("\\ufffd", out);
            n = 1;
        } else if (p[i] == '"' || p[i] == '\\') {
            fprintf(out, "\\%c", p[i]);
        } else if (p[i] < 0x20 || p[i] == 0x7f) {
            fprintf(out, "\\u%04x", p[i]);
        } else {
            fwrite(p + i, 1, n, out);
        }
        i += n;
    }
    putc('"', out);
}

static void name_text(struct fields *f, const char *name)
{
    fprintf(f->out, "%*s%s:", f->depth * 4, "", name ? name : "-");
}

/* Everything up to the value itself. */
static void lead(struct fields *f, const char *name)
{
    if (!f->json) {
        name_text(f, name);
        putc(' ', f->out);
        return;
    }
    if (f->comma)
        putc(',', f->out);
    f->comma = true;
    if (name) {
        json_string(f->out, name, strlen(name));
        putc(':', f->out);
    }
}

static void open_with(struct fields *f, const char *name, char bracket)
{
    if (f->json) {
        lead(f, name);
        putc(bracket, f->out);
        f->comma = false;
    } else {
        name_text(f, name);
        putc('\n', f->out);
    }
    f->depth++;
}

static void close_with(struct fields *f, char bracket)
{
    f->depth--;
    if (f->json) {
        putc(bracket, f->out);
        f->comma = true;
    }
}

void fields_begin(struct fields *f, FILE *out, bool json)
{
    *f = (struct fields){.out = out, .json = json};
    if (json)
        putc('{', out);
}

void fields_end(struct fields *f)
{
    if (f->json)
        fputs("}\n", f->out);
}

void fields_open(struct fields *f, const char *name)
{
    open_with(f, name, '{');
}
void fields_close(struct fields *f)
{
    close_with(f, '}');
}
void fields_open_list(struct fields *f, const char *name)
{
    open_with(f, name, '[');
}
void fields_close_list(struct fields *f)
{
    close_with(f, ']');
}

void fields_str(struct fields *f, const char *name, const char *value)
{
    lead(f, name);
    if (f->json && !value) {
        fputs("null", f->out);
    } else if (f->json) {
        json_string(f->out, value, strlen(value));
    } else {
        for (const char *p = value ? value : "none"; *p;
             p++) /* no control characters to a terminal */
            putc((unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p, f->out);
        putc('\n', f->out);
    }
}

void fields_fmt(struct fields *f, const char *name, const char *fmt, ...)
{
    char buf[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(buf, sizeof(buf), fmt, ap);
    va_end(ap);
    fields_str(f, name, buf);
}

void fields_u64(struct fields *f, const char *name, uint64_t value)
{
    lead(f, name);
    fprintf(f->out, "%" PRIu64 "%s", value, f->json ? "" : "\n");
}

void fields_hex(struct fields *f, const char *name, uint64_t value)
{
    lead(f, name);
    if (f->json)
        fprintf(f->out, "%" PRIu64, value);
    else
        fprintf(f->out, "0x%" PRIX64 "\n", value);
}

void fields_bool(struct fields *f, const char *name, bool value)
{
    lead(f, name);
    if (f->json)
        fputs(value ? "true" : "false", f->out);
    else
        fputs(value ? "yes\n" : "no\n", f->out);
}

void fields_lgpos(struct fields *f, const char *name, lgpos_t value)
{
    char buf[LGPOS_STR_LEN];
    fields_str(f, name, value ? lgpos_str(value, buf) : "none");
}

void fields_logtime(struct fields *f, const char *name, struct logtime value)
{
    char buf[LOGTIME_STR_LEN];
    fields_str(f, name, logtime_str(value, buf));
}

void fields_signature(struct fields *f, const char *name, const struct signature *value)
{
    char buf[SIGNATURE_STR_LEN];
    fields_str(f, name, signature_is_zero(value) ? "none" : signature_str(value, buf));
}

void fields_bytes(struct fields *f, const char *name, const void *value, size_t len)
{
    const uint8_t *b = value;

    lead(f, name);
    if (f->json)
        putc('"', f->out);
    for (size_t i = 0; i < len; i++)
        fprintf(f->out, "%02x", b[i]);
    fputs(f->json ? "\"" : "\n", f->out);
}
