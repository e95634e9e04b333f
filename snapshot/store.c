/*
 * Opening and holding a store; numbers that are never used twice.
 *
 * 1. Nothing of a store is touched before its lock is held and its FORMAT was recognised.
 * 2. A directory that is not empty and has no FORMAT is somebody else's: it is refused.
 * 3. `serial` on disk is above every number given out: it is raised, durably, before the first number
 *    of a block is used. A crash loses the rest of a block, never gives a number twice.
 */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "names.h"

#define FORMAT_TEXT  "esefs store 1\n"
#define FIRST_NUMBER 4096u /* below it there is room for what fs/ needs itself */
#define BLOCK        4096u
#define NR_PER_INST  8u
#define HASHED_ID    (UINT64_C(1) << 62) /* of an instance without a number */

/* ---- where it is ------------------------------------------------------------------------------ */

static char *default_path(const char *source)
{
    char *path;

    return asprintf(&path, "%s/.esefs", source) < 0 ? NULL : path;
}

/* True when `inner` is `outer` or lies beneath it. Both are real paths. */
static bool beneath(const char *outer, const char *inner)
{
    size_t len = strlen(outer);

    return strcmp(outer, "/") == 0 ||
           (strncmp(outer, inner, len) == 0 && (inner[len] == '/' || !inner[len]));
}

/* SOURCE must not lie in the store: an instance's directory there would be the source itself. */
static JET_ERR check_place(struct store *s, const char *source, const char *path,
                           struct ese_fault *why)
{
    char a[PATH_MAX], b[PATH_MAX];
    size_t len;
    JET_ERR err = JET_errSuccess;

    if (!realpath(source, a) || !realpath(path, b))
        return why_sys(why, path, "cannot be found");
    len = strlen(a);
    if (beneath(b, a))
        err = why_set(why, JET_errInvalidParameter, path, "the store must not contain the source");
    else if (beneath(a, b) && !strchr(b + len + 1, '/') && !(s->skip = strdup(b + len + 1)))
        err = JET_errOutOfMemory;
    return err;
}

/* ---- the lock --------------------------------------------------------------------------------- */

static void read_holder(int fd, char *buf, size_t len)
{
    size_t got = 0;

    if (sys_pread(fd, buf, len - 1, 0, &got) < 0)
        got = 0;
    buf[got] = '\0';
    while (got && (buf[got - 1] == '\n' || buf[got - 1] == ' '))
        buf[--got] = '\0';
    one_line(buf);
}

static JET_ERR write_holder(int fd, const char *holder)
{
    char buf[512];
    int len = snprintf(buf, sizeof(buf), "pid %ld, %.400s\n", (long)getpid(), holder ? holder : "");

    if (ftruncate(fd, 0) < 0)
        return sys_error(errno);
    return sys_pwrite(fd, buf, (size_t)len, 0);
}

static JET_ERR take_lock(struct store *s, const char *path, const char *holder,
                         struct ese_fault *why)
{
    char buf[200];

    s->lock_fd = openat(s->fd, "lock",
                        s->ro ? O_RDONLY | O_CLOEXEC | O_NOFOLLOW
                              : O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                        0600);
    if (s->lock_fd < 0) /* a read-only store that was never opened for writing */
        return s->ro && errno == ENOENT ? JET_errSuccess : why_sys(why, path, "opening the lock");
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK) /* read-only on NFS: a lock needs a file open for writing */
            return s->ro ? JET_errSuccess : why_sys(why, path, "locking the store");
        read_holder(s->lock_fd, buf, sizeof(buf));
        return why_set(why, JET_errFileAccessDenied, path, "the store is held by another mount: %s",
                       *buf ? buf : "unknown");
    }
    return s->ro ? JET_errSuccess : write_holder(s->lock_fd, holder);
}

/* ---- the format ------------------------------------------------------------------------------- */

/* Left by a crash while the store was being made, or there in every new filesystem. */
static bool may_be_there(const char *name)
{
    return name[0] == '.' || strcmp(name, "lock") == 0 || strcmp(name, "serial") == 0 ||
           strcmp(name, "lost+found") == 0;
}

/* FORMAT is there only if the store's own directory is on stable storage. */
static JET_ERR sync_parent(int fd)
{
    int parent = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    JET_ERR err = parent < 0 ? sys_error(errno) : sys_fsync(parent);

    if (parent >= 0)
        close(parent);
    return err;
}

/* Somebody else's directory is refused before anything is made in it. */
static JET_ERR refuse_foreign(const struct store *s, const char *path, struct ese_fault *why)
{
    char **list;
    unsigned nr;
    bool ours = true;
    JET_ERR err;

    if (faccessat(s->fd, "FORMAT", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return JET_errSuccess;
    err = sys_list(s->fd, &list, &nr);
    if (err < 0)
        return why_sys(why, path, "listing the store");
    for (unsigned i = 0; i < nr; i++)
        ours &= may_be_there(list[i]);
    sys_list_free(list, nr);
    return ours ? JET_errSuccess
                : why_set(why, JET_errInvalidDatabaseVersion, path,
                          "the directory is not empty and is no store (it has no FORMAT)");
}

static JET_ERR format_new(struct store *s, const char *path, struct ese_fault *why)
{
    JET_ERR err;

    if (s->ro)
        return JET_errSuccess;
    err = sync_parent(s->fd);
    if (err >= 0)
        err = sys_replace_file(s->fd, "FORMAT", FORMAT_TEXT, strlen(FORMAT_TEXT));
    return err < 0 ? why_sys(why, path, "writing FORMAT") : err;
}

static JET_ERR check_format(struct store *s, const char *path, struct ese_fault *why)
{
    char *text;
    size_t len;
    JET_ERR err = sys_read_small(s->fd, "FORMAT", 4096, &text, &len);

    if (err == JET_errFileNotFound)
        return format_new(s, path, why);
    if (err < 0)
        return why_sys(why, path, "reading FORMAT");
    if (strcmp(text, FORMAT_TEXT) != 0) {
        text[strcspn(text, "\n")] = '\0';
        one_line(text);
        err = why_set(why, JET_errInvalidDatabaseVersion, path, "unknown store format \"%.100s\"",
                      text);
    }
    free(text);
    return err;
}

/* ---- numbers ---------------------------------------------------------------------------------- */

static JET_ERR read_number(int dirfd, const char *name, uint64_t *ret)
{
    char *text, *end;
    size_t len;
    JET_ERR err = sys_read_small(dirfd, name, 64, &text, &len);

    if (err < 0)
        return err;
    errno = 0;
    *ret = strtoull(text, &end, 10);
    if (errno || end == text || *end != '\n' || end[1] || *ret >= HASHED_ID)
        err = JET_errInvalidBackup;
    free(text);
    return err;
}

static JET_ERR write_number(int dirfd, const char *name, uint64_t value)
{
    char buf[32];
    int len = snprintf(buf, sizeof(buf), "%" PRIu64 "\n", value);

    return sys_replace_file(dirfd, name, buf, (size_t)len);
}

static JET_ERR load_serial(struct store *s, const char *path, struct ese_fault *why)
{
    JET_ERR err = read_number(s->fd, "serial", &s->next);

    if (err == JET_errFileNotFound) {
        s->next = FIRST_NUMBER;
        err = JET_errSuccess;
    }
    if (err < 0)
        return why_set(why, err, path, "the file serial is damaged");
    s->limit = s->next;
    return JET_errSuccess;
}

JET_ERR store_numbers(struct store *s, unsigned nr, uint64_t *ret_first)
{
    JET_ERR err = JET_errSuccess;

    pthread_mutex_lock(&s->lock);
    if (s->limit - s->next < nr) {
        uint64_t limit = s->next + nr + BLOCK;
        err = write_number(s->fd, "serial", limit);
        if (err >= 0)
            s->limit = limit;
    }
    if (err >= 0) {
        *ret_first = s->next;
        s->next += nr;
    }
    pthread_mutex_unlock(&s->lock);
    return err;
}

void store_seen(struct store *s, uint64_t used)
{
    pthread_mutex_lock(&s->lock);
    if (used >= s->next &&
        used < HASHED_ID) { /* `serial` was lost or put back: it must not fall behind */
        s->next = used + 1;
        if (s->limit < s->next)
            s->limit = s->next;
    }
    pthread_mutex_unlock(&s->lock);
}

/* FNV-1a: only has to be stable and to differ between the instances of one mount. */
static uint64_t hashed_id(const char *name)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    return HASHED_ID | (h & (HASHED_ID - 1) & ~(uint64_t)(NR_PER_INST - 1));
}

/* ---- instances -------------------------------------------------------------------------------- */

/* A directory that has its .id is on stable storage. */
static JET_ERR instance_number(struct store *s, int fd, const char *name, uint64_t *ret)
{
    JET_ERR err = read_number(fd, ".id", ret);

    if (err >= 0) {
        store_seen(s, *ret + NR_PER_INST - 1);
        return err;
    }
    if (s->ro) {
        *ret = hashed_id(name);
        return JET_errSuccess;
    }
    err = sys_fsync(s->fd);
    if (err >= 0)
        err = store_numbers(s, NR_PER_INST, ret);
    return err < 0 ? err : write_number(fd, ".id", *ret);
}

JET_ERR store_instance(struct store *s, const char *name, int *ret_fd, uint64_t *ret_id)
{
    char dir[STORE_NAME_LEN];
    int fd = -1;
    JET_ERR err;

    *ret_fd = -1;
    *ret_id = hashed_id(name);
    if (s->fd < 0)
        return JET_errSuccess;
    store_name(name, dir);
    if (!s->ro && mkdirat(s->fd, dir, 0700) < 0 && errno != EEXIST)
        return sys_error(errno);
    err = sys_open_dir(s->fd, dir, &fd);
    if (err == JET_errFileNotFound && s->ro)
        return JET_errSuccess;
    if (err < 0)
        return err;
    err = instance_number(s, fd, name, ret_id);
    if (err < 0)
        close(fd);
    else
        *ret_fd = fd;
    return err;
}

/* ---- sweeping --------------------------------------------------------------------------------- */

static bool is_leftover(const char *name)
{
    return strncmp(name, PARTIAL_PREFIX, strlen(PARTIAL_PREFIX)) == 0 ||
           strncmp(name, TRASH_PREFIX, strlen(TRASH_PREFIX)) == 0;
}

static void sweep_instance(int store_fd, const char *dir)
{
    char **list;
    unsigned nr;
    int fd = -1;

    if (sys_open_dir(store_fd, dir, &fd) < 0)
        return;
    if (sys_list(fd, &list, &nr) >= 0) {
        for (unsigned i = 0; i < nr; i++)
            if (is_leftover(list[i]))
                sys_remove_dir(fd, list[i]);
        sys_list_free(list, nr);
    }
    close(fd);
}

/* What a crash left: half-made and half-deleted backups, in the directories of all instances. */
static void sweep(struct store *s)
{
    char **list;
    unsigned nr;

    if (sys_list(s->fd, &list, &nr) < 0)
        return;
    for (unsigned i = 0; i < nr; i++)
        if (list[i][0] != '.' && strcmp(list[i], "lost+found") != 0)
            sweep_instance(s->fd, list[i]);
    sys_list_free(list, nr);
}

/* ---- opening and closing ---------------------------------------------------------------------- */

static JET_ERR read_only(struct store *s, const char *path, const char *cannot)
{
    const char *reason = strerror(errno);

    s->ro = true;
    free(s->note);
    s->note = NULL;
    return asprintf(&s->note, "read-only: the store %s cannot be %s: %s", path, cannot, reason) < 0
               ? JET_errOutOfMemory
               : JET_errSuccess;
}

/* Opens or makes the directory. One that cannot be made or written is a reason to be read-only. */
static JET_ERR open_dir(struct store *s, const char *path)
{
    JET_ERR err = JET_errSuccess;

    if (!s->ro && mkdir(path, 0700) < 0 && errno != EEXIST)
        err = read_only(s, path, "made");
    s->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->fd < 0)
        return s->note ? err : read_only(s, path, "opened");
    if (!s->ro && faccessat(s->fd, ".", W_OK | X_OK, AT_EACCESS) < 0)
        err = read_only(s, path, "written");
    return err;
}

static JET_ERR note_same_disk(struct store *s, int source_fd, const char *path)
{
    struct stat a, b;

    if (s->note || s->ro || fstat(source_fd, &a) < 0 || fstat(s->fd, &b) < 0 ||
        a.st_dev != b.st_dev)
        return JET_errSuccess;
    return asprintf(
               &s->note,
               "the store %s is on the same filesystem as its source: a disk that fails takes both",
               path) < 0
               ? JET_errOutOfMemory
               : JET_errSuccess;
}

static JET_ERR open_all(struct store *s, const struct snap_opts *opts, const char *path,
                        int source_fd, struct ese_fault *why)
{
    JET_ERR err = open_dir(s, path);

    if (err < 0 || s->fd < 0)
        return err;
    err = check_place(s, opts->source, path, why);
    if (err >= 0)
        err = refuse_foreign(s, path, why);
    if (err >= 0)
        err = take_lock(s, path, opts->holder, why);
    if (err >= 0)
        err = check_format(s, path, why);
    if (err >= 0)
        err = load_serial(s, path, why);
    if (err < 0)
        return err;
    if (!s->ro)
        sweep(s);
    return note_same_disk(s, source_fd, path);
}

void store_init(struct store *s)
{
    memset(s, 0, sizeof(*s));
    s->fd = s->lock_fd = -1;
    pthread_mutex_init(&s->lock, NULL);
}

JET_ERR store_open(const struct snap_opts *opts, int source_fd, struct store *s,
                   struct ese_fault *why)
{
    char *path = opts->store ? strdup(opts->store) : default_path(opts->source);
    JET_ERR err;

    s->ro = opts->ro;
    err = path ? open_all(s, opts, path, source_fd, why) : JET_errOutOfMemory;
    free(path);
    return err == JET_errOutOfMemory ? why_set(why, err, "", "out of memory") : err;
}

void store_close(struct store *s)
{
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    if (s->fd >= 0)
        close(s->fd);
    s->fd = s->lock_fd = -1;
    free(s->note);
    free(s->skip);
    s->note = s->skip = NULL;
    pthread_mutex_destroy(&s->lock);
}
