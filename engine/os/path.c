#include "os/path.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"

JET_ERR os_open_dir(const char *path, int *ret_fd)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? RAISE(JET_errInvalidPath) : os_error(errno);
    *ret_fd = fd;
    return JET_errSuccess;
}

JET_ERR os_make_path(const char *path)
{
    char *copy = strdup(path);
    JET_ERR err = JET_errSuccess;

    if (!copy)
        return RAISE(JET_errOutOfMemory);
    for (char *p = copy + 1; err >= 0 && *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        if (mkdir(copy, 0777) < 0 && errno != EEXIST)
            err = os_error(errno);
        *p = '/';
    }
    if (err >= 0 && mkdir(copy, 0777) < 0 && errno != EEXIST)
        err = os_error(errno);
    free(copy);
    return err;
}

JET_ERR os_open_parent(const char *path, int *ret_dirfd, const char **ret_name)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    char *dir;
    JET_ERR err;

    if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return RAISE(JET_errInvalidPath);
    dir = slash == path ? strdup("/") : slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
    if (!dir)
        return RAISE(JET_errOutOfMemory);
    err = os_open_dir(dir, ret_dirfd);
    free(dir);
    *ret_name = name;
    return err;
}

/* Joins without looking at the disk: "a/./b//../c" is "a/c". */
static void squeeze(char *path)
{
    char *to = path;

    for (const char *p = path; *p;) {
        const char *end = strchrnul(p + 1, '/');
        const size_t len = (size_t)(end - p);

        if (len == 3 && memcmp(p, "/..", 3) == 0) {
            while (to > path && *--to != '/')
                ;
        } else if (len > 1 && !(len == 2 && p[1] == '.')) {
            memmove(to, p, len);
            to += len;
        }
        p = end;
    }
    if (to == path)
        *to++ = '/';
    *to = '\0';
}

char *os_full_path(const char *path)
{
    char *full = realpath(path, NULL), *dir;

    if (full || errno == ENOMEM)
        return full;
    if (path[0] == '/') {
        full = strdup(path);
    } else {
        dir = getcwd(NULL, 0);
        if (!dir || asprintf(&full, "%s/%s", dir, path) < 0)
            full = NULL;
        free(dir);
    }
    if (full)
        squeeze(full);
    return full;
}

char *os_native_path(const char *path)
{
    char *native;

    if (isalpha((unsigned char)path[0]) && path[1] == ':')
        path += 2;
    native = strdup(path);
    for (char *p = native; p && *p; p++)
        if (*p == '\\')
            *p = '/';
    return native;
}

struct os_dir {
    DIR *dp;
};

JET_ERR os_dir_open(int dirfd, struct os_dir **ret)
{
    int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct os_dir *d;
    JET_ERR err = JET_errSuccess;

    if (fd < 0)
        return os_error(errno);
    d = malloc(sizeof(*d));
    if (!d)
        err = RAISE(JET_errOutOfMemory);
    else if (!(d->dp = fdopendir(fd)))
        err = os_error(errno);
    if (err < 0) {
        close(fd);
        free(d);
        return err;
    }
    *ret = d;
    return JET_errSuccess;
}

JET_ERR os_dir_next(struct os_dir *d, const char **ret_name)
{
    struct dirent *e;

    do {
        errno = 0;
        e = readdir(d->dp);
        if (!e)
            return errno ? os_error(errno) : JET_errSuccess;
    } while (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0);
    *ret_name = e->d_name;
    return 1;
}

void os_dir_close(struct os_dir *d)
{
    if (!d)
        return;
    closedir(d->dp);
    free(d);
}
