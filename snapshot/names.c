/* Which names are legal, and how others are written down. Pure functions of bytes. */
#include "names.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot.h"

/* Length of the well-formed UTF-8 sequence at s (NUL-terminated), 0 when there is none. */
static size_t utf8_len(const unsigned char *s)
{
    size_t n;
    unsigned c;

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
    c = s[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) /* also the NUL */
            return 0;
        c = c << 6 | (s[i] & 0x3f);
    }
    if (n == 3 && (c < 0x800 || (c >= 0xd800 && c < 0xe000)))
        return 0;
    return n == 4 && (c < 0x10000 || c > 0x10ffff) ? 0 : n;
}

/* C0, DEL, and the C1 controls, which UTF-8 spells C2 80 .. C2 9F. */
static bool is_control(const unsigned char *s)
{
    return s[0] < 0x20 || s[0] == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0);
}

JET_ERR snap_name_check(const char *name)
{
    static const char *const reserved[] = {"latest", "at", "clean", "raw"};
    const unsigned char *s = (const unsigned char *)name;

    if (!*s || *s == '.' || *s == '-')
        return JET_errInvalidName;
    for (size_t n; *s; s += n) {
        n = utf8_len(s);
        if (!n || *s == '/' || is_control(s))
            return JET_errInvalidName;
    }
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
        if (strcmp(name, reserved[i]) == 0)
            return JET_errInvalidName;
    return strlen(name) > BACKUP_NAME_MAX ? JET_errInvalidPath : JET_errSuccess;
}

/* ---- percent encoding ------------------------------------------------------------------------- */

static bool needs_escape(unsigned char c, const char *also)
{
    return c < 0x20 || c == 0x7f || c == '%' || (*also && strchr(also, c));
}

char *percent_encode(const char *s, const char *also)
{
    char *ret = malloc(strlen(s) * 3 + 1), *p = ret;

    for (; ret && *s; s++) {
        if (needs_escape((unsigned char)*s, also))
            p += snprintf(p, 4, "%%%02X", (unsigned char)*s);
        else
            *p++ = *s;
    }
    if (ret)
        *p = '\0';
    return ret;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool percent_decode(char *s)
{
    char *to = s;

    for (; *s; s++) {
        int high, low;
        if (*s != '%') {
            *to++ = *s;
            continue;
        }
        high = hex_digit(s[1]);
        low = high < 0 ? -1 : hex_digit(s[2]);
        if (low < 0 || (high | low) == 0)
            return false;
        *to++ = (char)(high << 4 | low);
        s += 2;
    }
    *to = '\0';
    return true;
}

/* ---- directories of the store ----------------------------------------------------------------- */

static bool is_own_file(const char *name)
{
    return strcmp(name, "FORMAT") == 0 || strcmp(name, "lock") == 0 ||
           strcmp(name, "serial") == 0 || strcmp(name, "lost+found") == 0;
}

/* A cut name ends with "%%" and 32 hexadecimal digits; "%%" occurs in no other. */
static void cut(const char *instance, const char *encoded, char buf[STORE_NAME_LEN])
{
    unsigned char sum[EVP_MAX_MD_SIZE] = {0};
    size_t len = 160;

    EVP_Digest(instance, strlen(instance), sum, NULL, EVP_sha256(), NULL);
    while (encoded[len - 1] == '%' || encoded[len - 2] == '%') /* not through the middle of %XX */
        len--;
    len = (size_t)snprintf(buf, STORE_NAME_LEN, "%.*s%%%%", (int)len, encoded);
    for (unsigned i = 0; i < 16; i++)
        len += (size_t)snprintf(buf + len, STORE_NAME_LEN - len, "%02x", sum[i]);
}

void store_name(const char *instance, char buf[STORE_NAME_LEN])
{
    char encoded[3 * 4096 + 4];
    char *p = encoded;
    size_t left = sizeof(encoded) - 4;

    for (const char *s = instance; *s && (size_t)(p - encoded) < left; s++) {
        bool escape = needs_escape((unsigned char)*s, "/") ||
                      (s == instance && (*s == '.' || is_own_file(instance)));
        p += snprintf(p, 4, escape ? "%%%02X" : "%c", (unsigned char)*s);
    }
    *p = '\0';
    if (p - encoded <= 200)
        memcpy(buf, encoded, (size_t)(p - encoded) + 1);
    else
        cut(instance, encoded, buf);
}

void one_line(char *s)
{
    for (unsigned char *p = (unsigned char *)s; *p; p++)
        if (*p < 0x20 || *p == 0x7f)
            *p = '?';
}
