#include "log/attach.h"

#include <stdlib.h>

static char *put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *out++ = (char)(0xe0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    } else {
        *out++ = (char)(0xf0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3f));
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    }
    return out;
}

/* The character at *off, which moves behind it. Half a surrogate pair becomes U+FFFD. */
static uint32_t next_utf16(const uint8_t *p, size_t len, size_t *off)
{
    uint32_t c = get_le16(p + *off), low;

    *off += 2;
    if (c < 0xd800 || c > 0xdfff)
        return c;
    if (c < 0xdc00 && len - *off >= 2) {
        low = get_le16(p + *off);
        if (low >= 0xdc00 && low <= 0xdfff) {
            *off += 2;
            return 0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff));
        }
    }
    return 0xfffd;
}

char *logged_path(const uint8_t *p, size_t len, bool utf16)
{
    char *path = malloc(len * 2 + 1), *out = path; /* a UTF-16 unit makes at most 3 bytes */
    size_t off = 0;

    if (!path)
        return NULL;
    while (utf16 ? len - off >= 2 : off < len) {
        uint32_t c = utf16 ? next_utf16(p, len, &off) : p[off++];
        if (c == 0)
            break;
        out = put_utf8(out, c);
    }
    *out = '\0';
    return path;
}

/* The entry at *off, which moves behind it; NULL with *ret_err 0 at the end of the list. */
static const struct attachinfo_disk *next_entry(const uint8_t *list, size_t *off, JET_ERR *ret_err)
{
    const size_t left = LOG_ATTACH_LEN - *off;
    const struct attachinfo_disk *a = (const struct attachinfo_disk *)(list + *off);

    *ret_err = JET_errSuccess;
    if (left == 0 || a->dbid == 0)
        return NULL;
    if (left < sizeof(*a) || le16_get(a->path_len) > left - sizeof(*a)) {
        *ret_err = RAISE(JET_errLogFileCorrupt);
        return NULL;
    }
    *off += sizeof(*a) + le16_get(a->path_len);
    return a;
}

static char *entry_path(const struct attachinfo_disk *a)
{
    return logged_path((const uint8_t *)(a + 1), le16_get(a->path_len), a->flags & ATTACH_UTF16);
}

JET_ERR attach_decode(const uint8_t list[LOG_ATTACH_LEN], struct ese_attach **ret, unsigned *ret_nr)
{
    struct ese_attach *out = NULL;
    const struct attachinfo_disk *a;
    unsigned nr = 0;
    size_t off = 0;
    JET_ERR err;

    while ((a = next_entry(list, &off, &err))) {
        if (!out)
            out = calloc(LOG_ATTACH_LEN / sizeof(*a), sizeof(*out));
        if (!out || !(out[nr].path = entry_path(a))) {
            err = RAISE(JET_errOutOfMemory);
            break;
        }
        out[nr].dbid = a->dbid;
        out[nr].lgpos_attach = le64_get(a->lgpos_attach);
        out[nr].lgpos_consistent = le64_get(a->lgpos_consistent);
        out[nr].dbtime = le64_get(a->dbtime);
        out[nr].objid_last = le32_get(a->objid_last);
        memcpy(out[nr].sign_db.b, a->sign_db.b, sizeof(out[nr].sign_db.b));
        nr++;
    }
    if (err < 0) {
        attach_free(out, nr);
        return err;
    }
    *ret = out;
    *ret_nr = nr;
    return JET_errSuccess;
}

/* The character at *p, which moves behind it: what put_utf8 wrote, or bytes of a file name that are no UTF-8. */
static uint32_t next_utf8(const char **p)
{
    const uint8_t *b = (const uint8_t *)*p;
    const unsigned len = b[0] < 0xc2 ? 1 : b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : b[0] < 0xf5 ? 4 : 1;
    uint32_t c = len == 1 ? b[0] : b[0] & (0x7fu >> len);

    for (unsigned i = 1; i < len; i++) {
        if ((b[i] & 0xc0) != 0x80) {
            *p += i;
            return 0xfffd;
        }
        c = c << 6 | (b[i] & 0x3f);
    }
    *p += len;
    return c > 0x10ffff ? 0xfffd : c;
}

/* With its NUL. Returns its length, 0 when it does not fit. */
static size_t put_utf16(uint8_t *to, size_t room, const char *path)
{
    size_t len = 0;
    uint32_t c;

    do {
        c = *path ? next_utf8(&path) : 0;
        if (room - len < 4)
            return 0;
        if (c >= 0x10000) {
            put_le16(to + len, (uint16_t)(0xd800 | (c - 0x10000) >> 10));
            len += 2;
            c = 0xdc00 | (c & 0x3ff);
        }
        put_le16(to + len, (uint16_t)c);
        len += 2;
    } while (c);
    return len;
}

#define LOGGED_PATH_MOST 1024u /* bytes; ESE: 260 characters */

JET_ERR logged_path_encode(const char *path, uint8_t **ret, uint32_t *ret_len)
{
    uint8_t *b = malloc(LOGGED_PATH_MOST);

    if (!b)
        return RAISE(JET_errOutOfMemory);
    *ret_len = (uint32_t)put_utf16(b, LOGGED_PATH_MOST, path);
    if (*ret_len == 0) {
        free(b);
        return RAISE(JET_errInvalidPath);
    }
    *ret = b;
    return JET_errSuccess;
}

JET_ERR attach_encode(uint8_t list[LOG_ATTACH_LEN], size_t *off, const struct attach_new *a)
{
    struct attachinfo_disk *d = (struct attachinfo_disk *)(list + *off);
    size_t len;

    if (LOG_ATTACH_LEN - *off < sizeof(*d))
        return RAISE(JET_errTooManyAttachedDatabases);
    len = put_utf16((uint8_t *)(d + 1), LOG_ATTACH_LEN - *off - sizeof(*d), a->path);
    if (len == 0)
        return RAISE(JET_errTooManyAttachedDatabases);
    d->dbid = a->dbid;
    d->flags = ATTACH_UTF16;
    le16_put(&d->path_len, (uint16_t)len);
    le64_put(&d->dbtime, a->dbtime);
    le32_put(&d->objid_last, a->objid_last);
    le32_put(&d->pages_max, a->pages_max);
    le64_put(&d->lgpos_attach, a->lgpos_attach);
    le64_put(&d->lgpos_consistent, a->lgpos_consistent);
    d->sign_db = a->sign_db;
    *off += sizeof(*d) + len;
    return JET_errSuccess;
}

void attach_free(struct ese_attach *list, unsigned nr)
{
    for (unsigned i = 0; i < nr; i++)
        free(list[i].path);
    free(list);
}

void attach_dump(const uint8_t list[LOG_ATTACH_LEN], struct fields *f)
{
    const struct attachinfo_disk *a;
    size_t off = 0;
    JET_ERR err;

    fields_open_list(f, "Attached");
    while ((a = next_entry(list, &off, &err))) {
        char *path = entry_path(a);

        fields_open(f, NULL);
        fields_u64(f, "Dbid", a->dbid);
        fields_str(f, "Path", path);
        fields_hex(f, "Flags", a->flags);
        fields_u64(f, "Dbtime", le64_get(a->dbtime));
        fields_u64(f, "ObjidLast", le32_get(a->objid_last));
        fields_u64(f, "PagesMax", le32_get(a->pages_max));
        fields_lgpos(f, "LgposAttach", le64_get(a->lgpos_attach));
        fields_lgpos(f, "LgposConsistent", le64_get(a->lgpos_consistent));
        fields_signature(f, "DbSignature", &a->sign_db);
        fields_close(f);
        free(path);
    }
    fields_close_list(f);
    if (err < 0)
        fields_str(f, "AttachedError", err_name(err));
}
