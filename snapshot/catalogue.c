/*
 * The finished backups of an instance: loaded when the instance is first seen, looked up, read. What
 * changes them is in change.c.
 *
 * A name is in the list only if the directory of that name in the store holds a sound manifest and every
 * file that it lists, in its size. Anything else is left alone and told in `events`.
 */
#include "snap_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_NAME ".read"

/* ---- references ------------------------------------------------------------------------------- */

struct snap_backup *snap_backup_ref(struct snap_backup *b)
{
    atomic_fetch_add(&b->refs, 1);
    return b;
}

void snap_backup_unref(struct snap_backup *b)
{
    if (!b || atomic_fetch_sub(&b->refs, 1) != 1)
        return;
    manifest_free(b->man);
    snap_inst_unref(b->inst);
    free(b);
}

struct snap_backup *catalogue_entry(struct snap_inst *i, const char *name, struct manifest *man)
{
    struct snap_backup *b = calloc(1, sizeof(*b));

    if (!b)
        return NULL;
    atomic_init(&b->refs, 1);
    b->inst = snap_inst_ref(i);
    b->man = man;
    snprintf(b->name, sizeof(b->name), "%s", name);
    return b;
}

/* ---- the list; inst->lock held ---------------------------------------------------------------- */

/* Where `name` is, or would be. */
static unsigned position(const struct snap_inst *i, const char *name)
{
    unsigned low = 0, high = i->nr_backups;

    while (low < high) {
        unsigned mid = low + (high - low) / 2;
        if (strcmp(i->backups[mid]->name, name) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct snap_backup *catalogue_lookup(const struct snap_inst *i, const char *name)
{
    unsigned at = position(i, name);

    return at < i->nr_backups && strcmp(i->backups[at]->name, name) == 0 ? i->backups[at] : NULL;
}

bool catalogue_reserve(struct snap_inst *i)
{
    struct snap_backup **v =
        realloc(i->backups, (i->nr_backups + 1) * sizeof(struct snap_backup *));

    if (v)
        i->backups = v;
    return v != NULL;
}

void catalogue_insert(struct snap_inst *i, struct snap_backup *b)
{
    unsigned at = position(i, b->name);

    memmove(&i->backups[at + 1], &i->backups[at],
            (i->nr_backups - at) * sizeof(struct snap_backup *));
    i->backups[at] = b;
    i->nr_backups++;
}

void catalogue_take_out(struct snap_inst *i, const struct snap_backup *b)
{
    unsigned at = position(i, b->name);

    memmove(&i->backups[at], &i->backups[at + 1],
            (i->nr_backups - at - 1) * sizeof(struct snap_backup *));
    i->nr_backups--;
}

void catalogue_clear(struct snap_inst *i)
{
    for (unsigned k = 0; k < i->nr_backups; k++)
        snap_backup_unref(i->backups[k]);
    free(i->backups);
    i->backups = NULL;
    i->nr_backups = 0;
}

/* ---- loading ---------------------------------------------------------------------------------- */

static const char *check_files(int dirfd, const struct snap_manifest *m)
{
    struct stat st;

    for (unsigned k = 0; k < m->nr_files; k++) {
        if (fstatat(dirfd, m->files[k].name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            return "a file of it is missing";
        if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != m->files[k].size)
            return "a file of it has another size";
    }
    return NULL;
}

/* NULL, and why: the directory is no backup that can be shown. */
static struct manifest *read_manifest(int dirfd, const char **why)
{
    struct manifest *man;
    char *text;
    size_t len;
    JET_ERR err = sys_read_small(dirfd, MANIFEST_NAME, MANIFEST_MAX, &text, &len);

    if (err < 0) {
        *why = err == JET_errFileNotFound ? "it has no manifest" : "its manifest cannot be read";
        return NULL;
    }
    err = manifest_parse(text, len, &man);
    free(text);
    if (err < 0) {
        *why = err == JET_errInvalidDatabaseVersion ? "its manifest has a version that is not known"
                                                    : "its manifest is damaged";
        return NULL;
    }
    *why = check_files(dirfd, &man->m);
    if (!*why)
        return man;
    manifest_free(man);
    return NULL;
}

static void note_numbers(struct snap_inst *i, const struct snap_manifest *m)
{
    store_seen(&i->snap->store, m->ino);
    for (unsigned k = 0; k < m->nr_files; k++)
        store_seen(&i->snap->store, m->files[k].ino);
}

static void load_one(struct snap_inst *i, const char *name)
{
    struct snap_backup *b;
    struct manifest *man = NULL;
    struct stat st;
    const char *why = "it cannot be opened";
    int fd = -1;

    if (sys_open_dir(i->dirfd, name, &fd) >= 0)
        man = read_manifest(fd, &why);
    if (!man) {
        inst_event(i, EVENT_ERROR, EVENT_NOT_SHOWN, "%s in the store is not shown as a backup: %s",
                   name, why);
    } else if (!(b = catalogue_entry(i, name, man))) {
        manifest_free(man);
    } else {
        note_numbers(i, &man->m);
        b->held = fstatat(fd, HOLD_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0;
        if (fstatat(fd, READ_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0)
            b->last_read = b->noted = st.st_mtim.tv_sec;
        pthread_mutex_lock(&i->lock);
        if (catalogue_reserve(i))
            catalogue_insert(i, b);
        else
            snap_backup_unref(b);
        pthread_mutex_unlock(&i->lock);
    }
    if (fd >= 0)
        close(fd);
}

void catalogue_load(struct snap_inst *i)
{
    char **list;
    unsigned nr;

    if (i->dirfd < 0 || sys_list(i->dirfd, &list, &nr) < 0)
        return;
    for (unsigned k = 0; k < nr; k++)
        if (list[k][0] != '.' && snap_name_check(list[k]) >= 0)
            load_one(i, list[k]);
    sys_list_free(list, nr);
}

/* ---- looking ---------------------------------------------------------------------------------- */

JET_ERR snap_backups(struct snap_inst *i, struct snap_backup ***ret, unsigned *ret_nr)
{
    struct snap_backup **list;
    unsigned nr = 0;

    pthread_mutex_lock(&i->lock);
    list = malloc((i->nr_backups + 1) * sizeof(struct snap_backup *));
    for (; list && nr < i->nr_backups; nr++)
        list[nr] = snap_backup_ref(i->backups[nr]);
    pthread_mutex_unlock(&i->lock);
    if (!list)
        return JET_errOutOfMemory;
    *ret = list;
    *ret_nr = nr;
    return JET_errSuccess;
}

void snap_backups_free(struct snap_backup **list, unsigned nr)
{
    for (unsigned k = 0; k < nr; k++)
        snap_backup_unref(list[k]);
    free(list);
}

struct snap_backup *snap_backup_find(struct snap_inst *i, const char *name)
{
    struct snap_backup *b;

    pthread_mutex_lock(&i->lock);
    b = catalogue_lookup(i, name);
    if (b)
        snap_backup_ref(b);
    pthread_mutex_unlock(&i->lock);
    return b;
}

bool catalogue_has(struct snap_inst *i, const char *name)
{
    bool has;

    pthread_mutex_lock(&i->lock);
    has = catalogue_lookup(i, name) != NULL;
    pthread_mutex_unlock(&i->lock);
    return has;
}

bool catalogue_is_newer(const struct snap_backup *a, const struct snap_backup *b)
{
    const struct timespec *x = &a->man->m.created, *y = &b->man->m.created;

    return x->tv_sec > y->tv_sec || (x->tv_sec == y->tv_sec && x->tv_nsec > y->tv_nsec);
}

const struct snap_backup *catalogue_newest(const struct snap_inst *i)
{
    const struct snap_backup *best = NULL;

    for (unsigned k = 0; k < i->nr_backups; k++)
        if (!best || catalogue_is_newer(i->backups[k], best))
            best = i->backups[k];
    return best;
}

struct snap_backup *snap_backup_latest(struct snap_inst *i)
{
    const struct snap_backup *best;
    struct snap_backup *b = NULL;

    pthread_mutex_lock(&i->lock);
    best = catalogue_newest(i);
    if (best)
        b = snap_backup_ref(catalogue_lookup(i, best->name));
    pthread_mutex_unlock(&i->lock);
    return b;
}

const struct snap_manifest *snap_backup_manifest(const struct snap_backup *b)
{
    return &b->man->m;
}

void snap_backup_name(struct snap_backup *b, char buf[256])
{
    pthread_mutex_lock(&b->inst->lock);
    memcpy(buf, b->name, sizeof(b->name));
    pthread_mutex_unlock(&b->inst->lock);
}

bool snap_backup_held(struct snap_backup *b)
{
    bool held;

    pthread_mutex_lock(&b->inst->lock);
    held = b->held;
    pthread_mutex_unlock(&b->inst->lock);
    return held;
}

/* ---- reading a backup's files ----------------------------------------------------------------- */

static char *file_path(const struct snap_backup *b, const char *file)
{
    char *path;

    return asprintf(&path, "%s/%s", b->name, file) < 0 ? NULL : path;
}

/* The time of reading goes to the store too, for the mounts to come; once a minute is enough. */
static void note_read(struct snap_backup *b, const char *path)
{
    int fd = openat(b->inst->dirfd, path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
                    0600);

    if (fd < 0)
        return;
    futimens(fd, NULL);
    close(fd);
}

JET_ERR snap_backup_open(struct snap_backup *b, unsigned file, int *ret_fd)
{
    char *path = NULL, *note = NULL;
    JET_ERR err = JET_errInvalidParameter;
    time_t now = sys_now().tv_sec;

    if (file >= b->man->m.nr_files)
        return err;
    pthread_mutex_lock(&b->inst->lock);
    path = file_path(b, b->man->m.files[file].name);
    err = path ? sys_open_file(b->inst->dirfd, path, false, ret_fd) : JET_errOutOfMemory;
    if (err >= 0) {
        b->open++;
        b->last_read = now;
        if (now - b->noted >= READ_NOTE_SECS || b->noted > now) {
            b->noted = now;
            note = file_path(b, READ_NAME);
        }
        if (note && !b->inst->snap->ro)
            note_read(b, note);
    }
    pthread_mutex_unlock(&b->inst->lock);
    free(path);
    free(note);
    return err;
}

void snap_backup_close(struct snap_backup *b)
{
    pthread_mutex_lock(&b->inst->lock);
    b->open--;
    b->last_read = sys_now().tv_sec;
    pthread_mutex_unlock(&b->inst->lock);
}

JET_ERR snap_backup_blocks(struct snap_backup *b, unsigned file, uint64_t *ret_blocks512)
{
    struct stat st;
    char *path;
    JET_ERR err = JET_errOutOfMemory;

    if (file >= b->man->m.nr_files)
        return JET_errInvalidParameter;
    pthread_mutex_lock(&b->inst->lock);
    path = file_path(b, b->man->m.files[file].name);
    if (path)
        err = fstatat(b->inst->dirfd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 ? sys_error(errno)
                                                                          : JET_errSuccess;
    pthread_mutex_unlock(&b->inst->lock);
    free(path);
    if (err >= 0)
        *ret_blocks512 = (uint64_t)st.st_blocks;
    return err;
}
