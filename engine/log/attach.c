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
