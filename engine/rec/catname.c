/* Names of tables, columns and indexes between UTF-8 and what the catalogue stores. */
#include "rec/catwrite.h"
#include "rec/text.h"

/* One character of at most three bytes; others are not in the code page. 0: it is none. */
static uint32_t next_char(const char **at)
{
    const unsigned char *p = (const unsigned char *)*at;
    unsigned nr = 0; /* bytes that follow */
    uint32_t c = p[0];

    if (c >= 0x80) {
        nr = c >= 0xc2 && c < 0xe0 ? 1 : (c & 0xf0) == 0xe0 ? 2 : 0;
        if (nr == 0)
            return 0;
        c &= nr == 1 ? 0x1f : 0x0f;
    }
    for (unsigned i = 1; i <= nr; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    *at += 1 + nr;
    return c;
}

static bool to_ansi(uint32_t c, uint8_t *ret)
{
    if (c < 0x80 || (c >= 0xa0 && c <= 0xff)) {
        *ret = (uint8_t)c;
        return true;
    }
    for (unsigned b = 0x80; b < 0xa0; b++) {
        if (text_ansi_to_unicode((uint8_t)b) == c) {
            *ret = (uint8_t)b;
            return true;
        }
    }
    return false;
}

JET_ERR cat_name_from(const char *utf8, struct cat_name *ret)
{
    uint32_t len = 0, used = 0, c;
    uint8_t b;

    if (!utf8 || utf8[0] == ' ')
        return RAISE(JET_errInvalidName);
    while (*utf8) {
        c = next_char(&utf8);
        if (len == NAME_MOST || c < 0x20 || c == '!' || c == '.' || c == '[' || c == ']' ||
            !to_ansi(c, &b))
            return RAISE(JET_errInvalidName);
        ret->b[len++] = b;
        if (b != ' ')
            used = len;
    }
    ret->len = used;
    return used ? JET_errSuccess : RAISE(JET_errInvalidName);
}

void cat_name_to(struct slice name, char buf[CAT_NAME_UTF8])
{
    size_t n = 0;

    for (uint32_t i = 0; i < name.len && i < NAME_MOST; i++)
        n += text_put_utf8(
            name.p[i] < 0x20 || name.p[i] == 0x7f ? '?' : text_ansi_to_unicode(name.p[i]), buf + n);
    buf[n] = '\0';
}
