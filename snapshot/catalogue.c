/*
 * The finished backups of an instance: loaded when the instance is first seen, then kept in step with
 * the store by whoever changes it.
 *
 * 1. A name is in the list only if the directory of that name in the store holds a sound manifest and
 *    every file that it lists, in its size. Anything else is left alone and told in `events`.
 * 2. The commit is one rename; the parent directory's sync makes it durable. In the other direction a
 *    backup first gets the name of waste, durably, and is then deleted: a crash never leaves half a
 *    backup under its own name.
 * 3. Names on disk change under inst->lock, together with the list, so that who opens a file by name
 *    meets one of the two states. Syncing and deleting, which may take long, happen under inst->change
 *    alone: nobody who reads or lists waits for them.
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

#define HOLD_NAME ".hold"
#define READ_NAME ".read"
#define NOTE_SECS 60
#define READ_SECS 3600 /* keep= spares what was read within this time */

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

static struct snap_backup *backup_new(struct snap_inst *i, const char *name, struct manifest *man)
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

static struct snap_backup *lookup(const struct snap_inst *i, const char *name)
{
    unsigned at = position(i, name);

    return at < i->nr_backups && strcmp(i->backups[at]->name, name) == 0 ? i->backups[at] : NULL;
}

/* Room for one more, so that an insertion after the commit cannot fail. */
static bool reserve(struct snap_inst *i)
{
    struct snap_backup **v =
        realloc(i->backups, (i->nr_backups + 1) * sizeof(struct snap_backup *));

    if (v)
        i->backups = v;
    return v != NULL;
}

static void insert(struct snap_inst *i, struct snap_backup *b)
{
    unsigned at = position(i, b->name);

    memmove(&i->backups[at + 1], &i->backups[at],
            (i->nr_backups - at) * sizeof(struct snap_backup *));
    i->backups[at] = b;
    i->nr_backups++;
}

static void take_out(struct snap_inst *i, const struct snap_backup *b)
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
    } else if (!(b = backup_new(i, name, man))) {
        manifest_free(man);
    } else {
        note_numbers(i, &man->m);
        b->held = fstatat(fd, HOLD_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0;
        if (fstatat(fd, READ_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0)
            b->last_read = b->noted = st.st_mtim.tv_sec;
        pthread_mutex_lock(&i->lock);
        if (reserve(i))
            insert(i, b);
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
    b = lookup(i, name);
    if (b)
        snap_backup_ref(b);
    pthread_mutex_unlock(&i->lock);
    return b;
}

bool catalogue_has(struct snap_inst *i, const char *name)
{
    bool has;

    pthread_mutex_lock(&i->lock);
    has = lookup(i, name) != NULL;
    pthread_mutex_unlock(&i->lock);
    return has;
}

static bool is_newer(const struct snap_backup *a, const struct snap_backup *b)
{
    const struct timespec *x = &a->man->m.created, *y = &b->man->m.created;

    return x->tv_sec > y->tv_sec || (x->tv_sec == y->tv_sec && x->tv_nsec > y->tv_nsec);
}

const struct snap_backup *catalogue_newest(const struct snap_inst *i)
{
    const struct snap_backup *best = NULL;

    for (unsigned k = 0; k < i->nr_backups; k++)
        if (!best || is_newer(i->backups[k], best))
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
        b = snap_backup_ref(lookup(i, best->name));
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
        if (now - b->noted >= NOTE_SECS || b->noted > now) {
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

/* ---- the commit ------------------------------------------------------------------------------- */

/* The name is there but may not be on stable storage: the backup has failed and must go again. */
static void undo_commit(struct snap_inst *i, const char *partial, const char *name)
{
    if (sys_rename_new(i->dirfd, name, partial) >= 0)
        sys_remove_dir(i->dirfd, partial);
}

static JET_ERR rename_partial(struct snap_inst *i, const char *partial, struct snap_backup *b,
                              struct ese_fault *why)
{
    JET_ERR err = JET_errOutOfMemory;

    pthread_mutex_lock(&i->lock);
    if (reserve(i))
        err = sys_rename_new(i->dirfd, partial, b->name);
    pthread_mutex_unlock(&i->lock);
    if (err < 0)
        return err == JET_errOutOfMemory ? why_set(why, err, "", "out of memory")
                                         : why_sys(why, b->name, "giving the backup its name");
    err = sys_fsync(i->dirfd);
    if (err < 0) {
        why_sys(why, b->name, "syncing the directory of backups");
        undo_commit(i, partial, b->name);
        return err;
    }
    pthread_mutex_lock(&i->lock);
    insert(i, b); /* `change` is held: nobody else used what was reserved */
    pthread_mutex_unlock(&i->lock);
    return JET_errSuccess;
}

JET_ERR catalogue_commit(struct snap_inst *i, const char *partial, const char *name,
                         struct manifest *man, struct ese_fault *why)
{
    struct snap_backup *b = backup_new(i, name, man);
    JET_ERR err;

    if (!b)
        return why_set(why, JET_errOutOfMemory, "", "out of memory");
    pthread_mutex_lock(&i->change);
    err = rename_partial(i, partial, b, why);
    pthread_mutex_unlock(&i->change);
    if (err < 0) {
        b->man = NULL; /* the caller's still */
        snap_backup_unref(b);
        return err;
    }
    snap_tell(i, SNAP_BACKUP_NEW, name, NULL);
    return JET_errSuccess;
}

/* ---- changes ---------------------------------------------------------------------------------- */

static JET_ERR may_change(struct snap_inst *i, struct ese_fault *why)
{
    JET_ERR err;

    if (!i->snap->ro && i->dirfd >= 0)
        return JET_errSuccess;
    err = why_set(why, JET_errFileAccessDenied, "", "the mount is read-only");
    if (why)
        why->os_errno = EROFS;
    return err;
}

static JET_ERR not_found(const char *name, struct ese_fault *why)
{
    return why_set(why, JET_errFileNotFound, name, "no such backup");
}

/* inst->lock held. */
static JET_ERR may_go(const struct snap_inst *i, const struct snap_backup *b, struct ese_fault *why)
{
    if (b->held)
        return why_set(why, JET_errDatabaseInUse, b->name, "the backup is on hold");
    if (i->job.kind == JOB_VERIFY && strcmp(i->job.name, b->name) == 0)
        return why_set(why, JET_errDatabaseInUse, b->name, "the backup is being verified");
    return JET_errSuccess;
}

/* Under `change`. Out of the list, and under the name of waste: for everybody it is gone. */
static JET_ERR discard(struct snap_inst *i, const char *name, char trash[64], struct ese_fault *why)
{
    struct snap_backup *b;
    JET_ERR err;

    pthread_mutex_lock(&i->lock);
    b = lookup(i, name);
    err = b ? may_go(i, b, why) : not_found(name, why);
    if (err >= 0) {
        snprintf(trash, 64, TRASH_PREFIX "%" PRIu64, b->man->m.ino);
        err = sys_rename_new(i->dirfd, name, trash);
        if (err < 0)
            why_sys(why, name, "removing the backup");
    }
    if (err >= 0) {
        take_out(i, b);
        b->gone = true;
    }
    pthread_mutex_unlock(&i->lock);
    if (err < 0)
        return err;
    snap_backup_unref(b);
    err = sys_fsync(i->dirfd);
    return err < 0 ? why_sys(why, name, "syncing the directory of backups") : err;
}

static JET_ERR remove_backup(struct snap_inst *i, const char *name, uint32_t event,
                             struct ese_fault *why)
{
    char trash[64] = "";
    JET_ERR err;

    pthread_mutex_lock(&i->change);
    err = discard(i, name, trash, why);
    pthread_mutex_unlock(&i->change);
    if (!*trash || (err < 0 && catalogue_has(i, name)))
        return err;
    sys_remove_dir(i->dirfd, trash);
    inst_event(i, EVENT_INFO, event,
               event == EVENT_EXPIRED ? "backup %s removed by keep=" : "backup %s removed", name);
    snap_tell(i, SNAP_BACKUP_GONE, name, NULL);
    status_refresh(i);
    return err;
}

JET_ERR snap_remove(struct snap_inst *i, const char *name, struct ese_fault *why)
{
    JET_ERR err = may_change(i, why);

    return err < 0 ? err : remove_backup(i, name, EVENT_REMOVED, why);
}

static JET_ERR rename_backup(struct snap_inst *i, const char *from, const char *to,
                             struct ese_fault *why)
{
    struct snap_backup *b;
    JET_ERR err = JET_errSuccess;

    pthread_mutex_lock(&i->lock);
    b = lookup(i, from);
    if (!b)
        err = not_found(from, why);
    else if (lookup(i, to))
        err = why_set(why, JET_errFileAlreadyExists, to, "the name is taken");
    else if (i->job.kind == JOB_VERIFY && strcmp(i->job.name, from) == 0)
        err = why_set(why, JET_errDatabaseInUse, from, "the backup is being verified");
    else if ((err = sys_rename_new(i->dirfd, from, to)) < 0)
        why_sys(why, to, "renaming the backup");
    if (err >= 0) {
        take_out(i, b);
        snprintf(b->name, sizeof(b->name), "%s", to);
        insert(i, b);
    }
    pthread_mutex_unlock(&i->lock);
    return err;
}

JET_ERR snap_rename(struct snap_inst *i, const char *from, const char *to, struct ese_fault *why)
{
    JET_ERR err = may_change(i, why);
    bool renamed;

    if (err >= 0 && (err = snap_name_check(to)) < 0)
        why_set(why, err, to, "not a legal name for a backup");
    if (err < 0)
        return err;
    pthread_mutex_lock(&i->change);
    err = rename_backup(i, from, to, why);
    renamed = err >= 0;
    if (renamed && (err = sys_fsync(i->dirfd)) < 0)
        why_sys(why, to, "syncing the directory of backups");
    pthread_mutex_unlock(&i->change);
    if (renamed) {
        inst_event(i, EVENT_INFO, EVENT_RENAMED, "backup %s renamed to %s", from, to);
        snap_tell(i, SNAP_BACKUP_RENAMED, to, from);
        status_refresh(i);
    }
    return err;
}

/* ---- hold ------------------------------------------------------------------------------------- */

static JET_ERR write_hold(struct snap_inst *i, const char *name, bool hold)
{
    int fd = -1;
    JET_ERR err = sys_open_dir(i->dirfd, name, &fd);

    if (err < 0)
        return err;
    if (hold)
        err = sys_make_file(fd, HOLD_NAME, "", 0, 0600);
    else if (unlinkat(fd, HOLD_NAME, 0) < 0)
        err = sys_error(errno);
    if (err == JET_errFileAlreadyExists || err == JET_errFileNotFound)
        err = JET_errSuccess; /* as it should be already */
    if (err >= 0)
        err = sys_fsync(fd);
    close(fd);
    return err;
}

JET_ERR snap_hold(struct snap_inst *i, const char *name, bool hold, struct ese_fault *why)
{
    struct snap_backup *b;
    JET_ERR err = may_change(i, why);

    if (err < 0)
        return err;
    pthread_mutex_lock(&i->change); /* the name stays what it is */
    b = snap_backup_find(i, name);
    err = b ? write_hold(i, name, hold) : not_found(name, why);
    if (b && err < 0)
        why_sys(why, name, hold ? "setting the hold" : "releasing the hold");
    if (err >= 0) {
        pthread_mutex_lock(&i->lock);
        b->held = hold;
        pthread_mutex_unlock(&i->lock);
    }
    pthread_mutex_unlock(&i->change);
    snap_backup_unref(b);
    if (err >= 0)
        inst_event(i, EVENT_INFO, hold ? EVENT_HELD : EVENT_RELEASED,
                   hold ? "backup %s put on hold" : "hold of backup %s released", name);
    return err;
}

/* ---- retention -------------------------------------------------------------------------------- */

static int cmp_newest_first(const void *a, const void *b)
{
    const struct snap_backup *x = *(struct snap_backup *const *)a,
                             *y = *(struct snap_backup *const *)b;

    return is_newer(x, y) ? -1 : is_newer(y, x);
}

/* On hold, open, or read within the hour. */
static bool is_spared(struct snap_backup *b)
{
    time_t now = sys_now().tv_sec;
    bool spared;

    pthread_mutex_lock(&b->inst->lock);
    spared = b->held || b->open || (b->last_read && now - b->last_read < READ_SECS + NOTE_SECS);
    pthread_mutex_unlock(&b->inst->lock);
    return spared;
}

static void expire(struct snap_inst *i, struct snap_backup **list, unsigned nr, const bool *kept)
{
    struct ese_fault why;
    char name[256];

    for (unsigned k = 0; k < nr; k++) {
        if (kept[k] || is_spared(list[k]))
            continue;
        snap_backup_name(list[k], name);
        if (remove_backup(i, name, EVENT_EXPIRED, &why) < 0)
            inst_event(i, EVENT_WARNING, EVENT_STORE, "keep= could not remove backup %s: %s", name,
                       why.text);
    }
}

void catalogue_expire(struct snap_inst *i)
{
    struct snap_backup **list;
    unsigned nr;
    time_t *created;
    bool *kept;

    if (snap_backups(i, &list, &nr) < 0)
        return;
    created = calloc(nr + 1, sizeof(*created));
    kept = calloc(nr + 1, sizeof(*kept));
    if (created && kept) {
        qsort(list, nr, sizeof(struct snap_backup *), cmp_newest_first);
        for (unsigned k = 0; k < nr; k++)
            created[k] = list[k]->man->m.created.tv_sec;
        keep_select(&i->snap->keep, created, nr, kept);
        expire(i, list, nr, kept);
    }
    free(created);
    free(kept);
    snap_backups_free(list, nr);
}
