/*
 * Names of the files of an instance (ESE: daeconst.hxx, logstream.cxx LGMakeLogName). A base name has
 * exactly three characters; an archived log adds five or eight hexadecimal digits.
 */
#include "backup/naming.h"

#include <ctype.h>
#include <string.h>

static int lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : (unsigned char)c;
}

int name_cmp(const char *a, const char *b)
{
    while (*a && lower(*a) == lower(*b))
        a++, b++;
    return lower(*a) - lower(*b);
}

bool name_equal(const char *a, const char *b)
{
    return name_cmp(a, b) == 0;
}

const char *name_of_path(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

const char *name_last(const char *path)
{
    const char *last = path;

    for (const char *p = path; *p; p++)
        if (*p == '/' || *p == '\\' || *p == ':')
            last = p + 1;
    return last;
}

static bool one_of(const char *ext, const char *const *list)
{
    for (; *list; list++)
        if (name_equal(ext, *list))
            return true;
    return false;
}

static bool hex_digits(const char *s, size_t len, lgen_t *ret)
{
    uint32_t v = 0;

    for (size_t i = 0; i < len; i++) {
        int c = lower(s[i]);
        if (!isxdigit(c))
            return false;
        v = v << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    *ret = v;
    return true;
}

static void set_base(struct name_info *n, const char *stem)
{
    memcpy(n->base, stem, 3);
    n->base[3] = '\0';
}

/* BASE.log, BASE00001.log, BASE00000001.log, BASEtmp.log; also with .jtx. */
static void classify_log(const char *stem, size_t len, struct name_info *n)
{
    bool is_log = false;

    if (len == 3) {
        n->current = is_log = true;
    } else if (len == 8 || len == 11) {
        is_log = hex_digits(stem + 3, len - 3, &n->gen) && n->gen != 0;
        if (!is_log)
            n->gen = 0;
    } else if (len == 6 && lower(stem[3]) == 't' && lower(stem[4]) == 'm' &&
               lower(stem[5]) == 'p') {
        n->scratch = is_log = true;
    }
    if (!is_log)
        return;
    n->kind = n->scratch ? ESE_KIND_RESERVE : ESE_KIND_LOG;
    n->rank = NAME_CERTAIN;
    set_base(n, stem);
}

void name_classify(const char *name, struct name_info *ret)
{
    static const char *const logs[] = {"log", "jtx", NULL};
    static const char *const checkpoints[] = {"chk", "jcp", NULL};
    static const char *const certain[] = {"edb", "dit", NULL};
    static const char *const perhaps[] = {"mdb", "dat", "sdb", "db", NULL};
    const char *dot = strrchr(name, '.');
    const char *ext = dot ? dot + 1 : "";
    size_t stem = dot ? (size_t)(dot - name) : strlen(name);

    memset(ret, 0, sizeof(*ret));
    if (one_of(ext, logs)) {
        classify_log(name, stem, ret);
    } else if (one_of(ext, checkpoints) && stem == 3) {
        ret->kind = ESE_KIND_CHECKPOINT;
        ret->rank = NAME_CERTAIN;
        set_base(ret, name);
    } else if (name_equal(ext, "jrs") && stem > 3) {
        ret->kind = ESE_KIND_RESERVE;
        ret->rank = NAME_CERTAIN;
        set_base(ret, name);
    } else if (name_equal(ext, "jfm")) {
        ret->kind = ESE_KIND_FLUSHMAP;
        ret->rank = NAME_CERTAIN;
    } else if (name_equal(ext, "pat")) {
        ret->kind = ESE_KIND_PATCH;
        ret->rank = NAME_CERTAIN;
    } else if (one_of(ext, certain)) {
        ret->kind = ESE_KIND_DATABASE;
        ret->rank = NAME_CERTAIN;
    } else if (one_of(ext, perhaps)) {
        ret->kind = ESE_KIND_DATABASE;
        ret->rank = NAME_PERHAPS;
    }
}
