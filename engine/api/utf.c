#include "api/utf.h"

#include <stdlib.h>

#include "rec/text.h"

JET_ERR utf8_of_units(const JET_WCHAR *w, size_t n, char **ret, size_t *ret_len)
{
    size_t at = 0;
    char *s = malloc(3 * n + 1);

    *ret = NULL;
    if (!s)
        return RAISE(JET_errOutOfMemory);
    for (size_t i = 0; i < n; i++) {
        uint32_t c = w[i];
        if (c >= 0xd800 && c < 0xdc00 && i + 1 < n && w[i + 1] >= 0xdc00 && w[i + 1] < 0xe000)
            c = 0x10000 + ((c & 0x3ff) << 10 | (w[++i] & 0x3ff));
        else if (c >= 0xd800 && c < 0xe000) {
            free(s);
            return RAISE(JET_errUnicodeTranslationFail);
        }
        at += text_put_utf8(c, s + at);
    }
    s[at] = '\0';
    *ret = s;
    *ret_len = at;
    return JET_errSuccess;
}

JET_ERR utf8_of(const JET_WCHAR *w, char **ret)
{
    size_t n = 0, len;

    *ret = NULL;
    if (!w)
        return JET_errSuccess;
    while (w[n])
        n++;
    return utf8_of_units(w, n, ret, &len);
}

/* The character at *p, which moves behind it. What is no UTF-8 becomes U+FFFD, a byte at a time. */
static uint32_t next_utf8(const char **p)
{
    const uint8_t *b = (const uint8_t *)*p;
    const unsigned len = b[0] < 0x80   ? 1
                         : b[0] < 0xc2 ? 0
                         : b[0] < 0xe0 ? 2
                         : b[0] < 0xf0 ? 3
                         : b[0] < 0xf5 ? 4
                                       : 0;
    uint32_t c = len == 1 ? b[0] : b[0] & (0x7fu >> len);

    for (unsigned i = 1; i < len; i++) {
        if ((b[i] & 0xc0) != 0x80) {
            (*p)++;
            return 0xfffd;
        }
        c = c << 6 | (b[i] & 0x3f);
    }
    *p += len ? len : 1;
    return len ? c : 0xfffd;
}

size_t utf16_units(const char *s)
{
    size_t n = 1;

    while (*s)
        n += next_utf8(&s) >= 0x10000 ? 2 : 1;
    return n;
}

JET_ERR utf16_put(const char *s, void *buf, uint32_t cb, uint32_t *ret_cb)
{
    JET_WCHAR *to = buf;
    const size_t room = cb / 2, need = utf16_units(s);
    size_t n = 0;

    if (ret_cb)
        *ret_cb = (uint32_t)(2 * need);
    while (*s && n + 3 <= room) {
        uint32_t c = next_utf8(&s);
        if (c >= 0x10000) {
            to[n++] = (JET_WCHAR)(0xd800 | (c - 0x10000) >> 10);
            c = 0xdc00 | (c & 0x3ff);
        }
        to[n++] = (JET_WCHAR)c;
    }
    while (*s && n + 1 < room) {
        uint32_t c = next_utf8(&s);
        if (c >= 0x10000)
            break;
        to[n++] = (JET_WCHAR)c;
    }
    if (room)
        to[n] = 0;
    return need > room ? RAISE(JET_errBufferTooSmall) : JET_errSuccess;
}

JET_ERR utf16_of(const char *s, JET_WCHAR **ret)
{
    const size_t n = utf16_units(s);
    JET_WCHAR *w = malloc(2 * n);

    if (!w)
        return RAISE(JET_errOutOfMemory);
    *ret = w;
    return utf16_put(s, w, (uint32_t)(2 * n), NULL);
}
