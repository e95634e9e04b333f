/*
 * The places: SOURCE, MOUNTPOINT and store.
 *
 * What would hang and is refused here: the thread that looks for new instances walks SOURCE, and the
 * store is written while requests wait, so neither may lie behind our own mount, and our own mount
 * may not lie where that thread walks. What merely would be wrong (a store among the instances'
 * files, so that backups of backups are found) is refused with it.
 */
#include "mountpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "say.h"

#define FSTYPE "fuse.esefs"

/* ---- our own mounts, as the kernel lists them -------------------------------------------------- */

static bool each_mount(bool (*fn)(const char *dir, const char *type, void *ctx), void *ctx)
{
    FILE *f = setmntent("/proc/self/mounts", "re");
    struct mntent *m;
    bool found = false;

    if (f == NULL)
        return false;
    while (!found && (m = getmntent(f)) != NULL)
        found = fn(m->mnt_dir, m->mnt_type, ctx);
    endmntent(f);
    return found;
}

static bool is_ours_at(const char *dir, const char *type, void *ctx)
{
    return strcmp(type, FSTYPE) == 0 && strcmp(dir, ctx) == 0;
}

/* By statfs, which is always asked of the filesystem; stat may be answered from what is remembered. */
static bool is_dead(const char *mountpoint)
{
    struct statfs fs;

    return statfs(mountpoint, &fs) < 0 && (errno == ENOTCONN || errno == ECONNABORTED);
}

static bool is_named_in(const char *dir, const char *type, void *ctx)
{
    const char *text = ctx, *at;
    size_t len = strlen(dir);

    if (strcmp(type, FSTYPE) != 0)
        return false;
    /* A whole path, not the beginning of a longer one. */
    for (at = strstr(text, dir); at != NULL; at = strstr(at + 1, dir))
        if (at[len] == '\0' || strchr("/,;:)\"' \n", at[len]) != NULL)
            return !is_dead(dir);
    return false;
}

bool mount_named_in(const char *text)
{
    return each_mount(is_named_in, (void *)(uintptr_t)text);
}

/* ---- a stale mount ----------------------------------------------------------------------------- */

static bool run_fusermount(const char *dir)
{
    pid_t pid = fork();
    int status;

    if (pid < 0)
        return false;
    if (pid == 0) {
        execlp("fusermount3", "fusermount3", "-u", "-z", "-q", "--", dir, (char *)NULL);
        _exit(127);
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return false;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool detach(const char *dir)
{
    return umount2(dir, MNT_DETACH | UMOUNT_NOFOLLOW) == 0 || run_fusermount(dir);
}

/* The path without symbolic links up to a last component that may itself answer nothing but ENOTCONN.
 * malloc'd, or NULL with errno. */
static char *resolve_dead(const char *path)
{
    char *copy1 = strdup(path), *copy2 = strdup(path), *dir = NULL, *ret = NULL;

    if (copy1 != NULL && copy2 != NULL)
        dir = realpath(dirname(copy1), NULL);
    if (dir != NULL &&
        asprintf(&ret, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir, basename(copy2)) < 0)
        ret = NULL;
    free(dir);
    free(copy1);
    free(copy2);
    return ret;
}

/* Mounts may be stacked: every crash and careless remount adds one. */
static bool detach_stale(const char *mountpoint)
{
    for (int i = 0; i < 16 && is_dead(mountpoint); i++) {
        char *path = resolve_dead(mountpoint);
        bool ours = path != NULL && each_mount(is_ours_at, path);
        bool done = ours && detach(path);

        free(path);
        if (!ours) {
            say("%s: a dead mount of another program is in the way; unmount it first", mountpoint);
            return false;
        }
        if (!done) {
            say("%s: the dead mount that is there cannot be detached: %s", mountpoint,
                strerror(errno));
            return false;
        }
    }
    return true;
}

/* ---- paths ------------------------------------------------------------------------------------- */

bool path_is_below(const char *path, const char *dir, char *ret_child, size_t len)
{
    struct stat want, st;
    char *p = strdup(path);
    bool found = false;

    if (ret_child != NULL)
        (void)snprintf(ret_child, len, "%s", "");
    if (p == NULL || stat(dir, &want) < 0) {
        free(p);
        return false;
    }
    /* Upwards by name: the links are resolved, so the name's parent is the parent. */
    while (!found) {
        char *slash = strrchr(p, '/');

        found = stat(p, &st) == 0 && st.st_dev == want.st_dev && st.st_ino == want.st_ino;
        if (found || slash == NULL || slash[1] == '\0')
            break;
        if (ret_child != NULL)
            (void)snprintf(ret_child, len, "%s", slash + 1);
        slash[slash == p ? 1 : 0] = '\0';
    }
    free(p);
    return found;
}

static bool resolve_dir(const char *what, const char *path, char **ret)
{
    struct stat st;
    char *real = realpath(path, NULL);

    if (real == NULL) {
        say("%s: %s: %s", path, what, strerror(errno));
        return false;
    }
    *ret = real;
    if (stat(real, &st) < 0 || !S_ISDIR(st.st_mode)) {
        say("%s: %s is not a directory", path, what);
        return false;
    }
    return true;
}

/* The store may not be there yet; its parent must. */
static bool resolve_store(const struct options *o, struct places *p)
{
    char *given = NULL, *copy;

    if (o->store == NULL) {
        if (asprintf(&p->store, "%s/.esefs", strcmp(p->source, "/") == 0 ? "" : p->source) < 0)
            p->store = NULL;
        return p->store != NULL;
    }
    p->store = realpath(o->store, NULL);
    if (p->store != NULL) {
        struct stat st;

        if (stat(p->store, &st) == 0 && S_ISDIR(st.st_mode))
            return true;
        say("store=%s: not a directory", o->store);
        return false;
    }
    if (errno == ENOENT) {
        given = strdup(o->store);
        copy = given != NULL ? basename(given) : NULL;
        if (copy != NULL && strcmp(copy, "..") != 0 && strcmp(copy, ".") != 0)
            p->store = resolve_dead(o->store);
        free(given);
    }
    if (p->store == NULL)
        say("store=%s: %s", o->store, strerror(errno != 0 ? errno : ENOENT));
    return p->store != NULL;
}

static bool check_overlap(const struct places *p)
{
    char child[NAME_MAX + 1];

    if (path_is_below(p->source, p->mountpoint, NULL, 0)) {
        say("%s: the mount would hide SOURCE (%s) from itself and hang", p->mountpoint, p->source);
        return false;
    }
    if (path_is_below(p->store, p->mountpoint, NULL, 0)) {
        say("%s: the mount would hide its store (%s) from itself and hang", p->mountpoint,
            p->store);
        return false;
    }
    if (path_is_below(p->mountpoint, p->store, NULL, 0)) {
        say("%s: the mountpoint lies inside the store (%s)", p->mountpoint, p->store);
        return false;
    }
    if (path_is_below(p->mountpoint, p->source, child, sizeof(child)) && child[0] != '.') {
        say("%s: the mountpoint lies inside SOURCE (%s), where looking for instances would hang on "
            "it; a directory whose name begins with a dot is passed over",
            p->mountpoint, p->source);
        return false;
    }
    if (path_is_below(p->source, p->store, NULL, 0)) {
        say("store=%s: SOURCE (%s) lies inside it", p->store, p->source);
        return false;
    }
    if (path_is_below(p->store, p->source, child, sizeof(child)) && child[0] != '.') {
        size_t len = strlen(p->source);
        bool by_name = strncmp(p->store, p->source, len) == 0;
        const char *rest = by_name ? p->store + len : "";

        rest += *rest == '/';
        if (!by_name || strchr(rest, '/') != NULL) {
            say("store=%s: lies inside an instance's directory in SOURCE (%s)", p->store,
                p->source);
            return false;
        }
    }
    return true;
}

bool places_resolve(const struct options *o, struct places *ret)
{
    struct stat st;

    memset(ret, 0, sizeof(*ret));
    if (!resolve_dir("SOURCE", o->source, &ret->source) || !detach_stale(o->mountpoint) ||
        !resolve_dir("the mountpoint", o->mountpoint, &ret->mountpoint) || !resolve_store(o, ret) ||
        !check_overlap(ret))
        return false;
    if (stat(ret->source, &st) < 0) {
        say("%s: %s", ret->source, strerror(errno));
        return false;
    }
    ret->source_uid = st.st_uid;
    ret->source_gid = st.st_gid;
    ret->source_time = st.st_mtim;
    return true;
}

void places_done(struct places *p)
{
    free(p->source);
    free(p->mountpoint);
    free(p->store);
    memset(p, 0, sizeof(*p));
}

/* ---- the kernel's patience --------------------------------------------------------------------- */

unsigned request_timeout(unsigned default_s, unsigned max_s)
{
    if (max_s != 0 && (default_s == 0 || default_s > max_s))
        return max_s;
    return default_s;
}

static unsigned read_sysctl(const char *path)
{
    FILE *f = fopen(path, "re");
    unsigned v = 0;

    if (f == NULL)
        return 0; /* an older kernel: no such limit */
    if (fscanf(f, "%u", &v) != 1)
        v = 0;
    (void)fclose(f);
    return v;
}

void warn_of_request_timeout(void)
{
    unsigned s = request_timeout(read_sysctl("/proc/sys/fs/fuse/default_request_timeout"),
                                 read_sysctl("/proc/sys/fs/fuse/max_request_timeout"));

    if (s != 0 && s < 3600)
        say_warning("fs.fuse.default_request_timeout: the kernel cuts this mount off when one "
                    "request lasts longer than %u s, also a mkdir; use `control` for backups",
                    s);
}
