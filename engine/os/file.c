#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "os/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

/* O_NONBLOCK: opening a FIFO or a device returns at once; it means nothing to a regular file. */
#define OPEN_FLAGS  (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
#define CREATE_MODE 0666

/* Without openat2 (before Linux 5.6): every component by itself, none a symbolic link, none "..". */
static int open_by_component(int dirfd, const char *path, int flags)
{
    char part[256];
    int at = dirfd, fd;
    bool owned = false;

    for (;;) {
        const char *slash = strchr(path, '/');
        size_t len = slash ? (size_t)(slash - path) : strlen(path);

        if (len >= sizeof(part)) {
            errno = ENAMETOOLONG;
            fd = -1;
            break;
        }
        memcpy(part, path, len);
        part[len] = '\0';
        if (!len || strcmp(part, "..") == 0) {
            errno = EXDEV;
            fd = -1;
            break;
        }
        fd = openat(at, part,
                    slash ? O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC : flags | O_NOFOLLOW,
                    CREATE_MODE);
        if (!slash || fd < 0)
            break;
        if (owned)
            close(at);
        at = fd;
        owned = true;
        path = slash + 1;
    }
    if (owned) {
        int saved = errno;
        close(at);
        errno = saved;
    }
    return fd;
}

static int open_beneath(int dirfd, const char *path, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)flags,
        .mode = flags & O_CREAT ? CREATE_MODE : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    int fd;

    do {
        fd = (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
    } while (fd < 0 && (errno == EINTR || errno == EAGAIN)); /* EAGAIN: raced with a rename */
    if (fd < 0 && errno == ENOSYS)
        fd = open_by_component(dirfd, path, flags);
    return fd;
}

static JET_ERR keep_only_regular(int fd, int *ret_fd)
{
    struct stat st;
    JET_ERR err;

    if (fstat(fd, &st) < 0)
        err = os_error(errno);
    else if (!S_ISREG(st.st_mode))
        err = RAISE(JET_errFileInvalidType);
    else {
        *ret_fd = fd;
        return JET_errSuccess;
    }
    close(fd);
    return err;
}

JET_ERR os_open_beneath(int dirfd, const char *path, int *ret_fd)
{
    int fd = open_beneath(dirfd, path, OPEN_FLAGS);

    if (fd < 0) /* ENXIO: a socket */
        return errno == ENXIO ? RAISE(JET_errFileInvalidType) : os_error(errno);
    return keep_only_regular(fd, ret_fd);
}

JET_ERR os_open_beneath_rw(int dirfd, const char *path, int *ret_fd)
{
    int fd = open_beneath(dirfd, path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return errno == ENXIO ? RAISE(JET_errFileInvalidType) : os_error(errno);
    return keep_only_regular(fd, ret_fd);
}

JET_ERR os_create_beneath(int dirfd, const char *path, int *ret_fd)
{
    int fd = open_beneath(dirfd, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY);

    if (fd < 0)
        return os_error(errno);
    *ret_fd = fd;
    return JET_errSuccess;
}

JET_ERR os_create_unnamed(int *ret_fd)
{
    int fd = memfd_create("ese", MFD_CLOEXEC);

    if (fd < 0)
        return os_error(errno);
    *ret_fd = fd;
    return JET_errSuccess;
}

JET_ERR os_create_temp_in(const char *dir, int *ret_fd)
{
    char name[PATH_MAX];
    int fd;

    fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) { /* the filesystem has no such files */
        if (snprintf(name, sizeof(name), "%s/eseXXXXXX", dir) >= (int)sizeof(name))
            return RAISE(JET_errInvalidPath);
        fd = mkostemp(name, O_CLOEXEC);
        if (fd >= 0)
            (void)unlink(name);
    }
    if (fd < 0)
        return os_error(errno);
    *ret_fd = fd;
    return JET_errSuccess;
}

JET_ERR os_create_temp(int *ret_fd)
{
    const char *dir = getenv("TMPDIR");

    return os_create_temp_in(dir && *dir ? dir : "/var/tmp", ret_fd);
}

JET_ERR os_rename_at(int dirfd, const char *from, const char *to)
{
    return renameat(dirfd, from, dirfd, to) < 0 ? os_error(errno) : JET_errSuccess;
}

JET_ERR os_exchange_at(int dirfd, const char *one, const char *other)
{
    if (renameat2(dirfd, one, dirfd, other, RENAME_EXCHANGE) == 0)
        return JET_errSuccess;
    return errno == EINVAL || errno == ENOSYS ? RAISE(JET_errFeatureNotAvailable) : os_error(errno);
}

JET_ERR os_link_at(int fromfd, const char *name, int tofd)
{
    return linkat(fromfd, name, tofd, name, 0) < 0 ? os_error(errno) : JET_errSuccess;
}

JET_ERR os_remove_dir_at(int dirfd, const char *name)
{
    return unlinkat(dirfd, name, AT_REMOVEDIR) < 0 ? os_error(errno) : JET_errSuccess;
}

/* Descends to the directory of `path`, so that no component is followed elsewhere. *ret_name: the rest. */
static JET_ERR open_parent(int dirfd, const char *path, int *ret_fd, const char **ret_name)
{
    const char *slash = strrchr(path, '/');
    JET_ERR err;
    char *dir;

    *ret_name = slash ? slash + 1 : path;
    if (!slash)
        return os_open_dir_beneath(dirfd, ".", ret_fd);
    dir = strndup(path, (size_t)(slash - path));
    if (!dir)
        return RAISE(JET_errOutOfMemory);
    err = os_open_dir_beneath(dirfd, dir, ret_fd);
    free(dir);
    return err;
}

JET_ERR os_unlink_beneath(int dirfd, const char *path)
{
    const char *name;
    JET_ERR err;
    int fd = -1;

    err = open_parent(dirfd, path, &fd, &name);
    if (err < 0)
        return err;
    if (unlinkat(fd, name, 0) < 0)
        err = os_error(errno);
    close(fd);
    return err;
}

JET_ERR os_mkdir_beneath(int dirfd, const char *path)
{
    const char *name;
    JET_ERR err;
    int fd = -1;

    err = open_parent(dirfd, path, &fd, &name);
    if (err < 0)
        return err;
    if (mkdirat(fd, name, 0777) < 0 && errno != EEXIST)
        err = os_error(errno);
    close(fd);
    return err;
}

static JET_ERR open_dir(int dirfd, const char *path, DIR **ret)
{
    int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    *ret = fd < 0 ? NULL : fdopendir(fd);
    if (!*ret && fd >= 0)
        close(fd);
    return *ret ? JET_errSuccess : os_error(errno);
}

/* The next entry that is not "." or ".."; NULL: none. */
static const struct dirent *next_entry(DIR *dp)
{
    const struct dirent *d;

    do {
        d = readdir(dp);
    } while (d && (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0));
    return d;
}

JET_ERR os_make_parents_beneath(int dirfd, const char *path)
{
    char *dir = strdup(path);
    JET_ERR err = dir ? JET_errSuccess : RAISE(JET_errOutOfMemory);

    for (char *slash = dir ? strchr(dir, '/') : NULL; slash && err >= 0;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        err = os_mkdir_beneath(dirfd, dir);
        *slash = '/';
    }
    free(dir);
    return err;
}

JET_ERR os_open_new_dir(const char *path, bool *ret_made, int *ret_fd)
{
    DIR *dp;
    bool empty;
    JET_ERR err;
    int fd;

    *ret_made = mkdir(path, 0777) == 0;
    if (!*ret_made && errno != EEXIST)
        return os_error(errno);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return os_error(errno);
    err = open_dir(fd, ".", &dp);
    if (err < 0) {
        close(fd);
        return err;
    }
    empty = !next_entry(dp);
    closedir(dp);
    if (!empty) {
        close(fd);
        return RAISE(JET_errFileAlreadyExists);
    }
    *ret_fd = fd;
    return JET_errSuccess;
}

JET_ERR os_remove_dir(const char *path)
{
    return rmdir(path) < 0 ? os_error(errno) : JET_errSuccess;
}

JET_ERR os_remove_contents(int dirfd)
{
    const struct dirent *d;
    DIR *dp;
    JET_ERR err = open_dir(dirfd, ".", &dp);

    if (err < 0)
        return err;
    while (err >= 0 && (d = next_entry(dp))) {
        int fd;
        if (unlinkat(dirfd, d->d_name, 0) == 0)
            continue;
        if (errno != EISDIR && errno != EPERM) {
            err = os_error(errno);
            continue;
        }
        fd = openat(dirfd, d->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        err = fd < 0 ? os_error(errno) : os_remove_contents(fd);
        if (fd >= 0)
            close(fd);
        if (err >= 0 && unlinkat(dirfd, d->d_name, AT_REMOVEDIR) < 0)
            err = os_error(errno);
    }
    closedir(dp);
    return err;
}

JET_ERR os_truncate(int fd, uint64_t size)
{
    return ftruncate(fd, (off_t)size) < 0 ? os_error(errno) : JET_errSuccess;
}

JET_ERR os_extend(int fd, uint64_t from, uint64_t to)
{
    int err;

    do
        err = fallocate(fd, 0, (off_t)from, (off_t)(to - from)) < 0 ? errno : 0;
    while (err == EINTR);
    if (err == EOPNOTSUPP || err == ENOSYS)
        return os_truncate(fd, to);
    return err ? os_error(err) : JET_errSuccess;
}

JET_ERR os_reserve(int fd, uint64_t size)
{
    int err;

    do
        err = fallocate(fd, 0, 0, (off_t)size) < 0 ? errno : 0;
    while (err == EINTR);
    return err == ENOSPC || err == EDQUOT || err == EIO ? os_error(err) : JET_errSuccess;
}

static JET_ERR lock_dir(int dirfd, int how)
{
    if (flock(dirfd, how | LOCK_NB) == 0)
        return JET_errSuccess;
    return errno == EWOULDBLOCK ? RAISE(JET_errFileAccessDenied) : os_error(errno);
}

JET_ERR os_lock_owner(int dirfd)
{
    return lock_dir(dirfd, LOCK_EX);
}

JET_ERR os_lock_reader(int dirfd)
{
    return lock_dir(dirfd, LOCK_SH);
}

JET_ERR os_lock_database(int fd, bool shared)
{
    if (flock(fd, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0)
        return JET_errSuccess;
    return errno == EWOULDBLOCK ? RAISE(JET_errDatabaseSharingViolation) : os_error(errno);
}

bool os_is_file_beneath(int dirfd, const char *path)
{
    int fd = -1;

    if (os_open_beneath(dirfd, path, &fd) < 0)
        return false;
    close(fd);
    return true;
}

JET_ERR os_open_dir_beneath(int dirfd, const char *path, int *ret_fd)
{
    int fd = open_beneath(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return os_error(errno);
    *ret_fd = fd;
    return JET_errSuccess;
}

JET_ERR os_open_file(const char *path, int *ret_fd)
{
    int fd;

    do {
        fd = open(path, OPEN_FLAGS);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return errno == ENXIO ? RAISE(JET_errFileInvalidType) : os_error(errno);
    return keep_only_regular(fd, ret_fd);
}

JET_ERR os_stat_fd(int fd, struct os_stat *ret)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return os_error(errno);
    *ret = (struct os_stat){
        .size = (uint64_t)st.st_size,
        .blocks512 = (uint64_t)st.st_blocks,
        .ino = st.st_ino,
        .dev = st.st_dev,
        .mtime = st.st_mtim,
        .ctime = st.st_ctim,
        .mode = st.st_mode,
        .uid = st.st_uid,
        .gid = st.st_gid,
    };
    return JET_errSuccess;
}

JET_ERR os_pread(int fd, void *buf, size_t len, uint64_t off, size_t *ret_len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = pread(fd, (char *)buf + done, len - done, (off_t)(off + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return os_error(errno);
        if (n == 0)
            break;
        done += (size_t)n;
    }
    *ret_len = done;
    return JET_errSuccess;
}

JET_ERR os_pread_all(int fd, void *buf, size_t len, uint64_t off)
{
    size_t got;
    JET_ERR err = os_pread(fd, buf, len, off, &got);

    if (err < 0)
        return err;
    return got == len ? JET_errSuccess : RAISE(JET_errFileIOBeyondEOF);
}

JET_ERR os_pwrite_all(int fd, const void *buf, size_t len, uint64_t off)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = pwrite(fd, (const char *)buf + done, len - done, (off_t)(off + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return os_error(errno);
        done += (size_t)n;
    }
    return JET_errSuccess;
}

JET_ERR os_fsync(int fd)
{
    return fsync(fd) < 0 ? os_error(errno) : JET_errSuccess;
}

JET_ERR os_fdatasync(int fd)
{
    return fdatasync(fd) < 0 ? os_error(errno) : JET_errSuccess;
}

JET_ERR os_random(void *buf, size_t len)
{
    return getrandom(buf, len, 0) == (ssize_t)len ? JET_errSuccess : os_error(errno);
}

JET_ERR os_next_data(int fd, uint64_t off, uint64_t *ret)
{
    off_t at = lseek(fd, (off_t)off, SEEK_DATA);

    if (at >= 0) {
        *ret = (uint64_t)at;
        return JET_errSuccess;
    }
    if (errno == ENXIO) {
        struct os_stat st = {0};
        JET_ERR err = os_stat_fd(fd, &st);
        if (err < 0)
            return err;
        *ret = st.size > off ? st.size : off;
        return JET_errSuccess;
    }
    *ret = off;
    return JET_errSuccess;
}

JET_ERR os_free_space(int fd, uint64_t *ret_bytes)
{
    struct statvfs st;

    if (fstatvfs(fd, &st) < 0)
        return os_error(errno);
    *ret_bytes = (uint64_t)st.f_bavail * st.f_frsize;
    return JET_errSuccess;
}
