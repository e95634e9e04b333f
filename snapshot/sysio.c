/*
 * System calls, each translated where it fails. errno is left standing for why_sys(). Nothing here
 * knows what a backup is.
 */
#include "sysio.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

JET_ERR sys_error(int os_errno)
{
    switch (os_errno) {
    case ENOENT:
        return JET_errFileNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
    case ETXTBSY:
    case EWOULDBLOCK:
        return JET_errFileAccessDenied;
    case ENOSPC:
    case EDQUOT:
        return JET_errDiskFull;
    case ENOMEM:
        return JET_errOutOfMemory;
    case EMFILE:
    case ENFILE:
        return JET_errOutOfFileHandles;
    case EEXIST:
    case ENOTEMPTY:
        return JET_errFileAlreadyExists;
    case ELOOP:
    case ENOTDIR:
    case ENAMETOOLONG:
    case EISDIR:
    case EXDEV:
        return JET_errInvalidPath;
    case EINTR:
    case ECANCELED:
        return JET_errBackupAbortByServer;
    default:
        return JET_errDiskIO;
    }
}

JET_ERR why_set(struct ese_fault *why, JET_ERR err, const char *file, const char *fmt, ...)
{
    va_list ap;

    if (!why)
        return err;
    memset(why, 0, sizeof(*why));
    why->err = err;
    why->offset = ESE_NO_OFFSET;
    snprintf(why->file, sizeof(why->file), "%s", file);
    va_start(ap, fmt);
    vsnprintf(why->text, sizeof(why->text), fmt, ap);
    va_end(ap);
    return err;
}

JET_ERR why_sys(struct ese_fault *why, const char *file, const char *doing)
{
    int saved = errno;
    JET_ERR err = sys_error(saved);

    why_set(why, err, file, "%s: %s", doing, strerror(saved));
    if (why)
        why->os_errno = saved;
    errno = saved;
    return err;
}

/* ---- opening ---------------------------------------------------------------------------------- */

/* Where the kernel has no openat2: one component after the other, none a link, none "..". */
static int open_by_component(int dirfd, const char *path, int flags)
{
    char part[256];
    int at = dirfd, fd = -1;

    for (;;) {
        const char *slash = strchr(path, '/');
        size_t len = slash ? (size_t)(slash - path) : strlen(path);
        int saved;

        snprintf(part, sizeof(part), "%.*s", (int)len, path);
        if (!len || len >= sizeof(part) || strcmp(part, "..") == 0)
            errno = EXDEV;
        else
            fd = openat(at, part,
                        slash ? O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC : flags | O_NOFOLLOW);
        saved = errno;
        if (at != dirfd)
            close(at);
        errno = saved;
        if (!slash || fd < 0)
            return fd;
        at = fd;
        fd = -1;
        path = slash + 1;
    }
}

static int open_beneath(int dirfd, const char *path, int flags)
{
    struct open_how how = {.flags = (uint64_t)flags,
                           .resolve =
                               RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    int fd;

    do {
        fd = (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
    } while (fd < 0 && (errno == EINTR || errno == EAGAIN)); /* EAGAIN: raced with a rename */
    return fd < 0 && errno == ENOSYS ? open_by_component(dirfd, path, flags) : fd;
}

JET_ERR sys_open_file(int dirfd, const char *path, bool noatime, int *ret_fd)
{
    const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    struct stat st;
    int fd = open_beneath(dirfd, path, flags | (noatime ? O_NOATIME : 0));

    if (fd < 0 && errno == EPERM && noatime) /* neither owner nor root */
        fd = open_beneath(dirfd, path, flags);
    if (fd < 0)
        return sys_error(errno);
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        *ret_fd = fd;
        return JET_errSuccess;
    }
    close(fd);
    errno = EINVAL;
    return JET_errFileInvalidType;
}

JET_ERR sys_open_dir(int dirfd, const char *path, int *ret_fd)
{
    int fd = open_beneath(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return sys_error(errno);
    *ret_fd = fd;
    return JET_errSuccess;
}

/* ---- reading and writing ---------------------------------------------------------------------- */

JET_ERR sys_pread(int fd, void *buf, size_t len, uint64_t off, size_t *ret_len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = pread(fd, (char *)buf + done, len - done, (off_t)(off + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return sys_error(errno);
        if (n == 0)
            break;
        done += (size_t)n;
    }
    *ret_len = done;
    return JET_errSuccess;
}

JET_ERR sys_pwrite(int fd, const void *buf, size_t len, uint64_t off)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = pwrite(fd, (const char *)buf + done, len - done, (off_t)(off + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return sys_error(errno);
        done += (size_t)n;
    }
    return JET_errSuccess;
}

JET_ERR sys_fsync(int fd)
{
    return fsync(fd) < 0 ? sys_error(errno) : JET_errSuccess;
}

JET_ERR sys_read_small(int dirfd, const char *name, size_t max, char **ret, size_t *ret_len)
{
    struct stat st;
    size_t len = 0;
    char *buf = NULL;
    int fd, saved;
    JET_ERR err = sys_open_file(dirfd, name, false, &fd);

    if (err < 0)
        return err;
    if (fstat(fd, &st) < 0) {
        err = sys_error(errno);
    } else if ((uint64_t)st.st_size > max) {
        errno = EFBIG;
        err = JET_errInvalidParameter;
    } else if (!(buf = malloc((size_t)st.st_size + 1))) {
        err = JET_errOutOfMemory;
    } else {
        err = sys_pread(fd, buf, (size_t)st.st_size, 0, &len);
    }
    saved = errno;
    close(fd);
    errno = saved;
    if (err < 0) {
        free(buf);
        return err;
    }
    buf[len] = '\0';
    *ret = buf;
    *ret_len = len;
    return JET_errSuccess;
}

JET_ERR sys_make_file(int dirfd, const char *name, const void *buf, size_t len, mode_t mode)
{
    int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode), saved;
    JET_ERR err;

    if (fd < 0)
        return sys_error(errno);
    err = fchmod(fd, mode) < 0 ? sys_error(errno) : sys_pwrite(fd, buf, len, 0);
    if (err >= 0)
        err = sys_fsync(fd);
    saved = errno;
    close(fd);
    errno = saved;
    return err;
}

JET_ERR sys_replace_file(int dirfd, const char *name, const void *buf, size_t len)
{
    char tmp[280];
    JET_ERR err;

    snprintf(tmp, sizeof(tmp), ".%s.new", name);
    if (unlinkat(dirfd, tmp, 0) < 0 && errno != ENOENT)
        return sys_error(errno);
    err = sys_make_file(dirfd, tmp, buf, len, 0600);
    if (err >= 0 && renameat(dirfd, tmp, dirfd, name) < 0)
        err = sys_error(errno);
    return err < 0 ? err : sys_fsync(dirfd);
}

/* A filesystem without RENAME_NOREPLACE (NFS): rename would replace only an empty directory, and the
 * store's lock keeps everybody else away between the look and the rename. */
JET_ERR sys_rename_new(int dirfd, const char *from, const char *to)
{
    struct stat st;

    if (syscall(SYS_renameat2, dirfd, from, dirfd, to, RENAME_NOREPLACE) == 0)
        return JET_errSuccess;
    if (errno != EINVAL && errno != ENOSYS)
        return sys_error(errno);
    if (fstatat(dirfd, to, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        errno = EEXIST;
        return JET_errFileAlreadyExists;
    }
    return renameat(dirfd, from, dirfd, to) < 0 ? sys_error(errno) : JET_errSuccess;
}

void sys_remove_dir(int dirfd, const char *name)
{
    char **list;
    unsigned nr;
    int fd = -1;

    if (sys_open_dir(dirfd, name, &fd) >= 0) {
        if (sys_list(fd, &list, &nr) >= 0) {
            for (unsigned i = 0; i < nr; i++)
                unlinkat(fd, list[i], 0);
            sys_list_free(list, nr);
        }
        close(fd);
    }
    unlinkat(dirfd, name, AT_REMOVEDIR);
}

/* ---- directories ------------------------------------------------------------------------------ */

static bool list_add(char ***list, unsigned *nr, unsigned *cap, const char *name)
{
    if (*nr == *cap) {
        unsigned more = *cap ? *cap * 2 : 32;
        char **v = realloc(*list, more * sizeof(*v));
        if (!v)
            return false;
        *list = v;
        *cap = more;
    }
    (*list)[*nr] = strdup(name);
    return (*list)[*nr] != NULL && ++*nr;
}

JET_ERR sys_list(int dirfd, char ***ret, unsigned *ret_nr)
{
    int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dp = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *d;
    char **list = NULL;
    unsigned nr = 0, cap = 0;
    bool ok = true;

    if (!dp) {
        int saved = errno;
        if (fd >= 0)
            close(fd);
        errno = saved;
        return sys_error(errno);
    }
    while (ok && (d = readdir(dp)))
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
            ok = list_add(&list, &nr, &cap, d->d_name);
    closedir(dp);
    if (!ok) {
        sys_list_free(list, nr);
        return JET_errOutOfMemory;
    }
    *ret = list;
    *ret_nr = nr;
    return JET_errSuccess;
}

void sys_list_free(char **list, unsigned nr)
{
    for (unsigned i = 0; i < nr; i++)
        free(list[i]);
    free(list);
}

/* ---- time and text ---------------------------------------------------------------------------- */

struct timespec sys_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return t;
}

uint64_t sys_monotonic_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void sys_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

struct timespec sys_deadline(uint64_t ms)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += (time_t)(ms / 1000);
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_nsec -= 1000000000;
        t.tv_sec++;
    }
    return t;
}

char *time_text(struct timespec t, bool ms, char buf[TIME_TEXT_LEN])
{
    struct tm tm;
    size_t len;

    gmtime_r(&t.tv_sec, &tm);
    len = strftime(buf, TIME_TEXT_LEN, "%Y-%m-%dT%H:%M:%S", &tm);
    if (ms)
        snprintf(buf + len, TIME_TEXT_LEN - len, ".%03uZ", (unsigned)(t.tv_nsec / 1000000) % 1000);
    else
        snprintf(buf + len, TIME_TEXT_LEN - len, "Z");
    return buf;
}

char *hex32(const uint8_t sum[32], char buf[65])
{
    for (unsigned i = 0; i < 32; i++)
        snprintf(buf + 2 * i, 3, "%02x", sum[i]);
    return buf;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool unhex32(const char *s, uint8_t ret[32])
{
    for (unsigned i = 0; i < 32; i++) {
        int high = hex_value(s[2 * i]), low = high < 0 ? -1 : hex_value(s[2 * i + 1]);
        if (low < 0)
            return false;
        ret[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
