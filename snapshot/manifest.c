/*
 * The manifest's text, version 1. Lines in this order, each "key value", ended by a newline:
 *
 *   esefs manifest 1
 *   kind offline-copy
 *   ino 4097                       of the directory, as shown
 *   created 1795316412.123456789   the commit
 *   duration 13042                 milliseconds
 *   engine libesent 0.1.0 ...
 *   generations 0x59-0x5C          or nothing after the blank
 *   databases SRUDB.dat
 *   pages 606
 *   corrected 0
 *   logs 4
 *   bytes 2760704                  of all files
 *   sums <64 hex>                  SHA-256 of SHA256SUMS
 *   files 7
 *   file <ino> <size> <mtime s.ns> <64 hex> <name>      as often as `files` says, sorted by name
 *   end <64 hex>                   SHA-256 of everything before this line
 *
 * Strings have %XX for '%' and control bytes. A reader takes nothing but this: the parser is exact, so
 * that what it accepts encodes to the same bytes again.
 */
#include "manifest.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"

#define END_LEN (sizeof("end ") - 1 + 64 + 1)

/* ---- writing ---------------------------------------------------------------------------------- */

static bool put_string(FILE *out, const char *key, const char *value)
{
    char *enc = percent_encode(value, "");

    if (!enc)
        return false;
    fprintf(out, "%s %s\n", key, enc);
    free(enc);
    return true;
}

static bool put_file(FILE *out, const struct snap_file *f)
{
    char hex[65];
    char *enc = percent_encode(f->name, "");

    if (!enc)
        return false;
    fprintf(out, "file %" PRIu64 " %" PRIu64 " %" PRId64 ".%09ld %s %s\n", f->ino, f->size,
            (int64_t)f->mtime.tv_sec, f->mtime.tv_nsec, hex32(f->sha256, hex), enc);
    free(enc);
    return true;
}

static bool put_all(FILE *out, const struct snap_manifest *m)
{
    char hex[65];
    bool ok = true;

    fprintf(out, "esefs manifest 1\n");
    ok &= put_string(out, "kind", m->kind);
    fprintf(out, "ino %" PRIu64 "\ncreated %" PRId64 ".%09ld\nduration %" PRIu64 "\n", m->ino,
            (int64_t)m->created.tv_sec, m->created.tv_nsec, m->duration_ms);
    ok &= put_string(out, "engine", m->engine);
    ok &= put_string(out, "generations", m->generations);
    ok &= put_string(out, "databases", m->databases);
    fprintf(out,
            "pages %" PRIu64 "\ncorrected %" PRIu64 "\nlogs %" PRIu64 "\nbytes %" PRIu64
            "\nsums %s\nfiles %u\n",
            m->pages_verified, m->corrected, m->logs, m->bytes, hex32(m->sha256, hex), m->nr_files);
    for (unsigned i = 0; ok && i < m->nr_files; i++)
        ok = put_file(out, &m->files[i]);
    return ok;
}

JET_ERR manifest_encode(const struct snap_manifest *m, char **ret, size_t *ret_len)
{
    char hex[65];
    uint8_t sum[EVP_MAX_MD_SIZE];
    char *buf = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&buf, &len);
    bool ok;

    if (!out)
        return JET_errOutOfMemory;
    ok = put_all(out, m) && fflush(out) == 0 &&
         EVP_Digest(buf, len, sum, NULL, EVP_sha256(), NULL) == 1;
    if (ok)
        fprintf(out, "end %s\n", hex32(sum, hex));
    if (fclose(out) != 0 || !ok) {
        free(buf);
        return JET_errOutOfMemory;
    }
    *ret = buf;
    *ret_len = len;
    return JET_errSuccess;
}

/* sha256sum(1) marks a name with a backslash or a newline in it by a backslash at the line's start,
 * and spells these two \\ and \n (and a carriage return \r). */
static void put_sum(FILE *out, const struct snap_file *f)
{
    char hex[65];

    fprintf(out, "%s%s  ", strpbrk(f->name, "\\\n\r") ? "\\" : "", hex32(f->sha256, hex));
    for (const char *p = f->name; *p; p++) {
        if (*p == '\\')
            fputs("\\\\", out);
        else if (*p == '\n')
            fputs("\\n", out);
        else if (*p == '\r')
            fputs("\\r", out);
        else
            fputc(*p, out);
    }
    fputc('\n', out);
}

JET_ERR sums_encode(const struct snap_file *files, unsigned nr, char **ret, size_t *ret_len)
{
    char *buf = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&buf, &len);

    if (!out)
        return JET_errOutOfMemory;
    for (unsigned i = 0; i < nr; i++)
        if (strcmp(files[i].name, SUMS_NAME) != 0)
            put_sum(out, &files[i]);
    if (fclose(out) != 0) {
        free(buf);
        return JET_errOutOfMemory;
    }
    *ret = buf;
    *ret_len = len;
    return JET_errSuccess;
}

/* ---- reading ---------------------------------------------------------------------------------- */

struct cursor {
    char *p; /* the next byte; the text ends with a NUL that is no part of it */
    bool bad;
};

/* The rest of a line "key value" after "key ", ended in place; NULL when it is another line. */
static char *take_line(struct cursor *c, const char *key)
{
    size_t len = strlen(key);
    char *value = c->p + len + 1, *end;

    if (c->bad || strncmp(c->p, key, len) != 0 || c->p[len] != ' ' ||
        !(end = strchr(value, '\n'))) {
        c->bad = true;
        return NULL;
    }
    *end = '\0';
    c->p = end + 1;
    return value;
}

static const char *take_string(struct cursor *c, const char *key)
{
    char *value = take_line(c, key);
    char *again = NULL;

    if (!value)
        return "";
    again = strdup(value); /* %41 for an 'A' is not how we write: refuse what would not come back */
    if (again && percent_decode(value)) {
        char *enc = percent_encode(value, "");
        c->bad |= !enc || strcmp(enc, again) != 0;
        free(enc);
    } else {
        c->bad = true;
    }
    free(again);
    return value;
}

/* Decimal digits without leading zeroes up to `stop`; *ret_end is behind it. */
static uint64_t number(struct cursor *c, char *s, char stop, char **ret_end)
{
    uint64_t v = 0;
    char *p = s;

    for (; *p >= '0' && *p <= '9'; p++) {
        unsigned digit = (unsigned)(*p - '0');
        if (__builtin_mul_overflow(v, 10u, &v) || __builtin_add_overflow(v, digit, &v))
            c->bad = true;
    }
    if (p == s || (p > s + 1 && *s == '0') || *p != stop) {
        c->bad = true;
        *ret_end = p;
        return 0;
    }
    *ret_end = stop ? p + 1 : p;
    return v;
}

static uint64_t take_number(struct cursor *c, const char *key)
{
    char *value = take_line(c, key), *end;

    return value ? number(c, value, '\0', &end) : 0;
}

/* "seconds.nanoseconds", nine digits, up to `stop`. */
static struct timespec timespec_of(struct cursor *c, char *s, char stop, char **ret_end)
{
    struct timespec t = {0};
    uint64_t sec = number(c, s, '.', &s);

    for (unsigned i = 0; i < 9; i++) {
        if (s[i] < '0' || s[i] > '9') {
            c->bad = true;
            *ret_end = s + i;
            return t;
        }
        t.tv_nsec = t.tv_nsec * 10 + (s[i] - '0');
    }
    if (s[9] != stop || sec > INT32_MAX * 128ll) {
        c->bad = true;
        *ret_end = s + 9;
        return t;
    }
    t.tv_sec = (time_t)sec;
    *ret_end = stop ? s + 10 : s + 9;
    return t;
}

static void take_hex(struct cursor *c, const char *key, uint8_t ret[32])
{
    char *value = take_line(c, key);

    if (value && (strlen(value) != 64 || !unhex32(value, ret)))
        c->bad = true;
}

static bool file_name_is_legal(const char *name)
{
    return *name && *name != '.' && !strchr(name, '/') && strlen(name) <= 255;
}

static void take_file(struct cursor *c, struct snap_file *f)
{
    char *s = take_line(c, "file"), *copy;

    if (!s)
        return;
    f->ino = number(c, s, ' ', &s);
    if (!c->bad)
        f->size = number(c, s, ' ', &s);
    if (!c->bad)
        f->mtime = timespec_of(c, s, ' ', &s);
    if (c->bad || strlen(s) < 66 || s[64] != ' ' || !unhex32(s, f->sha256)) {
        c->bad = true;
        return;
    }
    copy = strdup(s + 65);
    f->name = s + 65;
    if (!copy || !percent_decode(s + 65) || !file_name_is_legal(f->name)) {
        c->bad = true;
    } else {
        char *enc = percent_encode(f->name, "");
        c->bad |= !enc || strcmp(enc, copy) != 0;
        free(enc);
    }
    free(copy);
}

static void take_files(struct cursor *c, struct manifest *man, size_t left)
{
    uint64_t nr = take_number(c, "files"), bytes = 0;

    if (c->bad || nr > left / 80 || !(man->files = calloc(nr + 1, sizeof(*man->files)))) {
        c->bad = true;
        return;
    }
    man->m.files = man->files;
    man->m.nr_files = (unsigned)nr;
    for (unsigned i = 0; i < nr && !c->bad; i++) {
        take_file(c, &man->files[i]);
        if (!c->bad && ((i && strcmp(man->files[i - 1].name, man->files[i].name) >= 0) ||
                        __builtin_add_overflow(bytes, man->files[i].size, &bytes)))
            c->bad = true;
    }
    c->bad |= bytes != man->m.bytes;
}

static void take_all(struct cursor *c, struct manifest *man, size_t len)
{
    struct snap_manifest *m = &man->m;
    char *s, *end;

    m->kind = take_string(c, "kind");
    m->ino = take_number(c, "ino");
    s = take_line(c, "created");
    if (s)
        m->created = timespec_of(c, s, '\0', &end);
    m->duration_ms = take_number(c, "duration");
    m->engine = take_string(c, "engine");
    m->generations = take_string(c, "generations");
    m->databases = take_string(c, "databases");
    m->pages_verified = take_number(c, "pages");
    m->corrected = take_number(c, "corrected");
    m->logs = take_number(c, "logs");
    m->bytes = take_number(c, "bytes");
    take_hex(c, "sums", man->m.sha256);
    take_files(c, man, len);
}

/* The last line holds the digest of what comes before it. */
static JET_ERR check_end(const char *buf, size_t len)
{
    uint8_t stored[32], sum[EVP_MAX_MD_SIZE];
    const char *end = buf + len - END_LEN;

    if (len < END_LEN || memcmp(end, "end ", 4) != 0 || buf[len - 1] != '\n' ||
        !unhex32(end + 4, stored))
        return JET_errInvalidBackup;
    if (EVP_Digest(buf, len - END_LEN, sum, NULL, EVP_sha256(), NULL) != 1)
        return JET_errOutOfMemory;
    return memcmp(sum, stored, 32) == 0 ? JET_errSuccess : JET_errReadVerifyFailure;
}

JET_ERR manifest_parse(const char *buf, size_t len, struct manifest **ret)
{
    static const char magic[] = "esefs manifest ", first[] = "esefs manifest 1\n";
    struct manifest *man;
    struct cursor c = {0};
    JET_ERR err;

    if (len > MANIFEST_MAX || len < sizeof(first) - 1 || memcmp(buf, magic, sizeof(magic) - 1) != 0)
        return JET_errInvalidBackup;
    if (memcmp(buf, first, sizeof(first) - 1) != 0)
        return JET_errInvalidDatabaseVersion;
    err = check_end(buf, len);
    if (err < 0)
        return err;
    man = calloc(1, sizeof(*man));
    if (!man || !(man->text = malloc(len - END_LEN + 1))) {
        free(man);
        return JET_errOutOfMemory;
    }
    memcpy(man->text, buf, len - END_LEN);
    man->text[len - END_LEN] = '\0';
    c.p = man->text + sizeof(first) - 1;
    c.bad = memchr(man->text, '\0', len - END_LEN) != NULL;
    take_all(&c, man, len);
    if (c.bad || *c.p) {
        manifest_free(man);
        return JET_errInvalidBackup;
    }
    *ret = man;
    return JET_errSuccess;
}

void manifest_free(struct manifest *m)
{
    if (!m)
        return;
    free(m->files);
    free(m->text);
    free(m);
}
