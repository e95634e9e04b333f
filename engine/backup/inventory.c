/*
 * Finding files: names and a first look at the bytes decide what could belong to an instance; the
 * header says the rest.
 *
 * The directory is hostile: only regular files beneath it are opened, never through a symbolic link,
 * never one that blocks; the walk is as many levels deep as
 * the caller says and no deeper. Names are bytes. What is found is
 * remembered, not judged: judging is plan.c's.
 */
#include "backup/inventory.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"

#define HEAD_LEN    4096u
#define FILE_MAGIC  0x89abcdefu
#define FILETYPE_AT 667u /* of every header but a log's of 7.x (ESE: daedef.hxx, log.hxx) */
#define FAULTS_MAX  1000u

/* ---- lists ------------------------------------------------------------------------------------ */

void fault_list_add(void *ctx, const struct ese_fault *f)
{
    struct fault_list *l = ctx;

    if (l->nr == l->cap) {
        unsigned cap = l->cap ? l->cap * 2 : 8;
        struct ese_fault *v = l->nr < FAULTS_MAX ? realloc(l->v, cap * sizeof(*v)) : NULL;
        if (!v) {
            l->lost = true;
            return;
        }
        l->v = v;
        l->cap = cap;
    }
    l->v[l->nr++] = *f;
}

static struct found *inventory_add(struct inventory *inv)
{
    if (inv->nr == inv->cap) {
        unsigned cap = inv->cap ? inv->cap * 2 : 16;
        struct found *v = realloc(inv->v, cap * sizeof(*v));
        if (!v)
            return NULL;
        inv->v = v;
        inv->cap = cap;
    }
    memset(&inv->v[inv->nr], 0, sizeof(inv->v[0]));
    return &inv->v[inv->nr++];
}

static void found_done(struct found *f)
{
    ese_header_done(&f->file.header);
    free(f->file.path);
    free(f->faults.v);
}

void inventory_done(struct inventory *inv)
{
    for (unsigned i = 0; i < inv->nr; i++)
        found_done(&inv->v[i]);
    free(inv->v);
    memset(inv, 0, sizeof(*inv));
}

bool found_counts(const struct found *f)
{
    return f->file.kind == ESE_KIND_LOG || f->file.kind == ESE_KIND_CHECKPOINT ||
           f->file.kind == ESE_KIND_DATABASE;
}

/* ---- the first look --------------------------------------------------------------------------- */

enum sight {
    SIGHT_EMPTY,
    SIGHT_DATABASE,   /* the magic number, in the header or where the shadow is */
    SIGHT_LOG,        /* file type 3 */
    SIGHT_CHECKPOINT, /* file type 4 */
    SIGHT_FOREIGN,    /* text, or the signature of another format with one of our endings */
    SIGHT_UNKNOWN,
};

/* ASCII lines. A file overwritten with one byte, or with random ones, is not taken for text. */
static bool is_text(const uint8_t *b, size_t len)
{
    bool lines = false;

    for (size_t i = 0; i < len; i++) {
        if (b[i] >= 0x7f ||
            (b[i] < 0x20 && b[i] != '\t' && b[i] != '\n' && b[i] != '\r' && b[i] != '\f'))
            return false;
        lines |= b[i] == '\n';
    }
    return lines;
}

/* Other formats that use .db, .dat, .mdb or .sdb. */
static bool is_foreign(const uint8_t *b, size_t len)
{
    static const struct {
        unsigned at, len;
        const char *bytes;
    } known[] = {
        {0, 16, "SQLite format 3"},
        {4, 15, "Standard Jet DB"},
        {4, 15, "Standard ACE DB"},
        {0, 4, "regf"},
        {8, 4, "sdbf"},
        {0, 8, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"},
    };

    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (len >= known[i].at + known[i].len &&
            memcmp(b + known[i].at, known[i].bytes, known[i].len) == 0)
            return true;
    return is_text(b, len < 512 ? len : 512);
}

static bool has_shadow_magic(int fd)
{
    for (uint32_t page = PAGE_SIZE_MIN; page <= PAGE_SIZE_MAX; page *= 2) {
        uint8_t b[4];
        if (os_pread_all(fd, b, sizeof(b), page + 4) < 0)
            return false;
        if (get_le32(b) == FILE_MAGIC)
            return true;
    }
    return false;
}

static JET_ERR look(int fd, enum sight *ret)
{
    uint8_t b[HEAD_LEN];
    size_t len;
    uint32_t type = 0;
    JET_ERR err = os_pread(fd, b, sizeof(b), 0, &len);

    if (err < 0)
        return err;
    if (len >= FILETYPE_AT + 4)
        type = get_le32(b + FILETYPE_AT);
    if (len == 0)
        *ret = SIGHT_EMPTY;
    else if (len >= 8 && get_le32(b + 4) == FILE_MAGIC)
        *ret = SIGHT_DATABASE;
    else if (type == 3)
        *ret = SIGHT_LOG;
    else if (type == 4)
        *ret = SIGHT_CHECKPOINT;
    else if (has_shadow_magic(fd))
        *ret = SIGHT_DATABASE;
    else
        *ret = is_foreign(b, len) ? SIGHT_FOREIGN : SIGHT_UNKNOWN;
    return JET_errSuccess;
}

/* What the file is, by its name and a look at it. A ruined file keeps the kind that its name says, as
 * an instance does not vanish by damage; a name that other programs use too needs bytes that could be
 * ours. */
static enum ese_kind judge(struct found *f, enum sight sight)
{
    const uint64_t size = f->file.size;

    switch (f->name.kind) {
    case ESE_KIND_LOG:
        f->doubtful = sight != SIGHT_LOG &&
                      (sight == SIGHT_FOREIGN || size < 2 * HEAD_LEN || size % HEAD_LEN);
        return ESE_KIND_LOG;
    case ESE_KIND_CHECKPOINT:
        f->doubtful = sight != SIGHT_CHECKPOINT && (sight == SIGHT_FOREIGN || size != 2 * HEAD_LEN);
        return ESE_KIND_CHECKPOINT;
    case ESE_KIND_DATABASE:
        if (sight == SIGHT_DATABASE || f->name.rank == NAME_CERTAIN)
            return ESE_KIND_DATABASE;
        return sight == SIGHT_UNKNOWN ? ESE_KIND_DATABASE : ESE_KIND_UNKNOWN;
    case ESE_KIND_UNKNOWN:
        return sight == SIGHT_DATABASE ? ESE_KIND_DATABASE : ESE_KIND_UNKNOWN;
    default:
        return f->name.kind;
    }
}

/* ---- one file --------------------------------------------------------------------------------- */

static void read_header(struct found *f, int fd)
{
    struct ese_file *e = &f->file;

    e->err =
        ese_header_read(fd, name_of_path(f->file.path), fault_list_add, &f->faults, &e->header);
    if (e->err < 0)
        return;
    if (e->header.kind != e->kind) {
        struct reporter r = {
            .fn = fault_list_add, .ctx = &f->faults, .file = name_of_path(f->file.path)};
        e->err = fault(&r, JET_errFileInvalidType, 0, 0, ESE_NO_OFFSET,
                       "the content is not what the name says");
        return;
    }
    e->header_ok = true;
    if (e->kind == ESE_KIND_LOG)
        e->gen = e->header.log.gen;
}

/* A file that should be one of ours and cannot be opened or read is damage to be named; any other is
 * nobody's concern. */
static void unreadable(struct found *f, JET_ERR err)
{
    struct reporter r = {
        .fn = fault_list_add, .ctx = &f->faults, .file = name_of_path(f->file.path)};

    f->file.kind = f->name.rank == NAME_NOTHING ? ESE_KIND_UNKNOWN : f->name.kind;
    f->doubtful = f->name.kind != ESE_KIND_DATABASE;
    f->file.err = err;
    fault_io(&r, err, ESE_NO_OFFSET, "cannot be read");
}

static void examine(struct inventory *inv, struct found *f)
{
    struct ese_file *e = &f->file;
    enum sight sight;
    int fd;
    JET_ERR err;

    if (f->name.kind != ESE_KIND_UNKNOWN && f->name.kind != ESE_KIND_DATABASE &&
        f->name.kind != ESE_KIND_LOG && f->name.kind != ESE_KIND_CHECKPOINT) {
        e->kind = f->name.kind;
        return;
    }
    if (f->name.rank == NAME_NOTHING && e->size < HEAD_LEN)
        return;
    err = os_open_beneath(inv->dirfd, e->path, &fd);
    if (err < 0) {
        unreadable(f, err);
        return;
    }
    err = look(fd, &sight);
    if (err < 0) {
        unreadable(f, err);
    } else {
        e->kind = judge(f, sight);
        if (e->kind != ESE_KIND_UNKNOWN)
            read_header(f, fd);
    }
    close(fd);
}

static JET_ERR add_file(struct inventory *inv, const char *path, const struct stat *st)
{
    struct found *f = inventory_add(inv);
    const char *last;

    if (!f || !(f->file.path = strdup(path)))
        return RAISE(JET_errOutOfMemory);
    last = name_of_path(path);
    f->dir_len = last > path ? (size_t)(last - path) - 1 : 0;
    name_classify(last, &f->name);
    f->file.size = (uint64_t)st->st_size;
    f->file.mtime_s = st->st_mtim.tv_sec;
    f->file.mtime_ns = (uint32_t)st->st_mtim.tv_nsec;
    f->file.gen = f->name.gen;
    f->file.current = f->name.current;
    examine(inv, f);
    if (f->file.kind == ESE_KIND_UNKNOWN) {
        found_done(f);
        inv->nr--;
    }
    return JET_errSuccess;
}

/* ---- the walk --------------------------------------------------------------------------------- */

static char *path_join(const char *dir, const char *name)
{
    char *path;

    if (strcmp(dir, ".") == 0)
        return strdup(name);
    return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

static JET_ERR walk(struct inventory *inv, const char *dir, const char *skip, unsigned levels);

/* A directory below that cannot be opened holds nothing; only the one asked for must open. */
static JET_ERR below(struct inventory *inv, const char *dir, unsigned levels)
{
    JET_ERR err = walk(inv, dir, NULL, levels);

    return err == JET_errOutOfMemory ? err : JET_errSuccess;
}

static JET_ERR walk_entry(struct inventory *inv, int fd, const char *dir, const char *name,
                          unsigned levels)
{
    struct stat st;
    char *path;
    JET_ERR err = JET_errSuccess;

    if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return JET_errSuccess; /* gone since it was listed */
    if (!S_ISREG(st.st_mode) && !(S_ISDIR(st.st_mode) && levels))
        return JET_errSuccess;
    path = path_join(dir, name);
    if (!path)
        return RAISE(JET_errOutOfMemory);
    if (S_ISREG(st.st_mode))
        err = add_file(inv, path, &st);
    else
        err = below(inv, path, levels - 1);
    free(path);
    return err;
}

/* Calls itself through below(), at most `levels` deep. */
static JET_ERR walk(struct inventory *inv, const char *dir, const char *skip, unsigned levels)
{
    struct dirent *d;
    DIR *dp;
    int fd;
    JET_ERR err = os_open_dir_beneath(inv->dirfd, dir, &fd);

    if (err < 0)
        return err;
    dp = fdopendir(fd);
    if (!dp) {
        close(fd);
        return RAISE(JET_errOutOfMemory);
    }
    while (err >= 0 && (d = readdir(dp)))
        if (d->d_name[0] != '.' && !(skip && strcmp(d->d_name, skip) == 0))
            err = walk_entry(inv, fd, dir, d->d_name, levels);
    closedir(dp);
    return err;
}

static int cmp_base(const void *a, const void *b)
{
    return name_cmp(a, b);
}

/* A doubtful log or checkpoint (a text named web.log) counts only when a sure file of the same base
 * stands in the inventory. "edb" is the engine's own default and needs no witness. */
static JET_ERR drop_doubtful(struct inventory *inv)
{
    char(*sure)[4] = malloc((inv->nr + 1) * sizeof(*sure));
    size_t nr = 0;
    unsigned kept = 0;

    if (!sure)
        return RAISE(JET_errOutOfMemory);
    memcpy(sure[nr++], "edb", 4);
    for (unsigned i = 0; i < inv->nr; i++)
        if (!inv->v[i].doubtful && inv->v[i].name.base[0])
            memcpy(sure[nr++], inv->v[i].name.base, 4);
    qsort(sure, nr, sizeof(*sure), cmp_base);
    for (unsigned i = 0; i < inv->nr; i++) {
        struct found *f = &inv->v[i];
        if (f->doubtful && !bsearch(f->name.base, sure, nr, sizeof(*sure), cmp_base))
            found_done(f);
        else
            inv->v[kept++] = *f;
    }
    inv->nr = kept;
    free(sure);
    return JET_errSuccess;
}

JET_ERR inventory_walk(int dirfd, const char *dir, const char *skip, unsigned levels,
                       struct inventory *ret)
{
    JET_ERR err;

    memset(ret, 0, sizeof(*ret));
    ret->dirfd = dirfd;
    ret->prefix = strcmp(dir, ".") == 0 ? 0 : strlen(dir) + 1;
    err = walk(ret, dir, skip, levels);
    if (err >= 0)
        err = drop_doubtful(ret);
    if (err < 0)
        inventory_done(ret);
    return err;
}
