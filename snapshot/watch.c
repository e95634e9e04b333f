/*
 * Finding instances while mounted: one thread looks at SOURCE twice a second with readdir and stat
 * alone, and reads headers only where names, sizes or times are others than before.
 *
 * SOURCE is looked at entry by entry ("units"); the whole is one unit when SOURCE itself holds the files
 * of an instance. A look that takes long makes the next one wait ten times as long, so that a huge
 * directory costs at most a tenth of one processor.
 */
#include "snap_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PERIOD_MS  500u
#define PERIOD_MAX 30000u
#define NOT_LOOKED 0u

/* ---- what a directory looks like -------------------------------------------------------------- */

static uint64_t mix(uint64_t h, const void *data, size_t len)
{
    for (const unsigned char *p = data; len; p++, len--)
        h = (h ^ *p) * UINT64_C(0x100000001b3);
    return h;
}

static uint64_t entry_hash(const char *name, const struct stat *st)
{
    const uint64_t v[] = {st->st_ino,
                          (uint64_t)st->st_mode & S_IFMT,
                          S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0,
                          S_ISREG(st->st_mode) ? (uint64_t)st->st_mtim.tv_sec : 0,
                          S_ISREG(st->st_mode) ? (uint64_t)st->st_mtim.tv_nsec : 0,
                          S_ISREG(st->st_mode) ? (uint64_t)st->st_ctim.tv_sec : 0,
                          S_ISREG(st->st_mode) ? (uint64_t)st->st_ctim.tv_nsec : 0};

    return mix(mix(UINT64_C(0xcbf29ce484222325), name, strlen(name)), v, sizeof(v));
}

/* The sum over the entries, so that their order does not matter. Calls itself `levels` deep at most. */
static uint64_t look(int dirfd, const char *dir, const char *skip, unsigned levels)
{
    int fd = -1;
    DIR *dp = sys_open_dir(dirfd, dir, &fd) >= 0 ? fdopendir(fd) : NULL;
    struct dirent *d;
    struct stat st;
    uint64_t sum = 1;

    if (!dp) {
        if (fd >= 0)
            close(fd);
        return sum;
    }
    while ((d = readdir(dp))) {
        if (d->d_name[0] == '.' || (skip && strcmp(skip, d->d_name) == 0) ||
            fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        if (S_ISREG(st.st_mode) || (S_ISDIR(st.st_mode) && levels))
            sum += entry_hash(d->d_name, &st);
        if (S_ISDIR(st.st_mode) && levels)
            sum += look(fd, d->d_name, NULL, levels - 1) * 3;
    }
    closedir(dp);
    return sum == NOT_LOOKED ? 1 : sum;
}

/* ---- instances come and go -------------------------------------------------------------------- */

static JET_ERR add_inst(struct snap *s, const char *name, const char *dir, struct snap_inst **ret)
{
    struct snap_inst **v, *i;
    JET_ERR err = inst_new(s, name, dir, &i);
    unsigned at = 0;

    if (err < 0)
        return err;
    pthread_mutex_lock(&s->lock);
    v = realloc(s->insts, (s->nr_insts + 1) * sizeof(struct snap_inst *));
    if (v) {
        while (at < s->nr_insts && strcmp(v[at]->name, name) < 0)
            at++;
        memmove(&v[at + 1], &v[at], (s->nr_insts - at) * sizeof(struct snap_inst *));
        v[at] = i;
        s->insts = v;
        s->nr_insts++;
    }
    pthread_mutex_unlock(&s->lock);
    if (!v) {
        snap_inst_unref(i);
        return JET_errOutOfMemory;
    }
    catalogue_load(i);
    *ret = i;
    return JET_errSuccess;
}

static void set_present(struct snap_inst *i, bool present)
{
    bool changed;

    pthread_mutex_lock(&i->lock);
    changed = i->present != present;
    i->present = present;
    pthread_mutex_unlock(&i->lock);
    if (changed)
        snap_tell(i, present ? SNAP_INST_NEW : SNAP_INST_GONE, NULL, NULL);
}

/* The object for a found instance. One that vanished is taken up again, with what still works on it. A
 * name that another unit has already (an entry called "mail+edb" beside "mail" with two streams) stays
 * with that one: NULL. */
static struct snap_inst *inst_for(struct snap *s, const char *name, const char *dir)
{
    struct snap_inst *i;

    pthread_mutex_lock(&s->lock);
    i = inst_search(s, name);
    pthread_mutex_unlock(&s->lock);
    if (!i && add_inst(s, name, dir, &i) < 0)
        return NULL;
    return strcmp(i->dir, dir) == 0 ? i : NULL;
}

static bool holds(const struct unit *u, const struct snap_inst *i)
{
    for (unsigned k = 0; k < u->nr; k++)
        if (u->insts[k] == i)
            return true;
    return false;
}

static bool unit_apply(struct snap *s, struct unit *u, const struct ese_instance *found,
                       unsigned nr)
{
    struct unit now = {.insts = calloc(nr + 1, sizeof(struct snap_inst *))};

    if (!now.insts)
        return false;
    for (unsigned k = 0; k < nr; k++) {
        struct snap_inst *i = inst_for(s, found[k].name, u->dir);
        if (!i)
            continue;
        status_describe(i, &found[k]);
        status_refresh(i);
        set_present(i, true);
        now.insts[now.nr++] = i;
    }
    for (unsigned k = 0; k < u->nr; k++)
        if (!holds(&now, u->insts[k]))
            set_present(u->insts[k], false);
    free(u->insts);
    u->insts = now.insts;
    u->nr = now.nr;
    return true;
}

static void unit_look(struct snap *s, struct unit *u)
{
    const bool root = strcmp(u->dir, ".") == 0;
    const char *skip = root ? s->store.skip : NULL;
    uint64_t seen = look(s->source_fd, u->dir, skip, ESE_INSTANCE_LEVELS);
    struct ese_instance *found;
    unsigned nr;
    JET_ERR err;

    if (seen == u->seen)
        return;
    err = ese_discover_dir(s->source_fd, u->dir, root ? s->self_name : u->dir, skip,
                           ESE_INSTANCE_LEVELS, &found, &nr);
    if (err == JET_errOutOfMemory)
        return;    /* again next time */
    if (err < 0) { /* gone, or not readable: no instance */
        found = NULL;
        nr = 0;
    }
    if (unit_apply(s, u, found, nr))
        u->seen = seen;
    ese_instances_free(found, nr);
}

/* ---- units ------------------------------------------------------------------------------------ */

static void unit_add(struct snap *s, const char *dir)
{
    struct unit *v;
    char *copy;

    for (unsigned k = 0; k < s->nr_units; k++)
        if (strcmp(s->units[k].dir, dir) == 0) {
            s->units[k].found = true;
            return;
        }
    copy = strdup(dir);
    v = copy ? realloc(s->units, (s->nr_units + 1) * sizeof(*v)) : NULL;
    if (!v) {
        free(copy);
        return;
    }
    s->units = v;
    v[s->nr_units++] = (struct unit){.dir = copy, .found = true};
}

static void unit_drop(struct unit *u)
{
    for (unsigned k = 0; k < u->nr; k++)
        set_present(u->insts[k], false);
    free(u->insts);
    free(u->dir);
}

/* Does SOURCE itself hold files of an instance? Looked at again when its own files changed. */
static bool root_is_instance(struct snap *s)
{
    uint64_t seen = look(s->source_fd, ".", s->store.skip, 0);
    struct ese_instance *found;
    unsigned nr;

    if (seen == s->root_seen)
        return s->root_is_instance;
    if (ese_discover_dir(s->source_fd, ".", s->self_name, s->store.skip, 0, &found, &nr) < 0)
        return s->root_is_instance;
    s->root_is_instance = nr > 0;
    s->root_seen = seen;
    ese_instances_free(found, nr);
    return s->root_is_instance;
}

static void add_entries(struct snap *s)
{
    struct stat st;
    char **list;
    unsigned nr;

    if (sys_list(s->source_fd, &list, &nr) < 0)
        return;
    for (unsigned k = 0; k < nr; k++)
        if (list[k][0] != '.' && !(s->store.skip && strcmp(list[k], s->store.skip) == 0) &&
            fstatat(s->source_fd, list[k], &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
            unit_add(s, list[k]);
    sys_list_free(list, nr);
}

void watch_once(struct snap *s)
{
    unsigned kept = 0;

    for (unsigned k = 0; k < s->nr_units; k++)
        s->units[k].found = false;
    if (root_is_instance(s))
        unit_add(s, ".");
    else
        add_entries(s);
    for (unsigned k = 0; k < s->nr_units; k++) {
        if (s->units[k].found)
            s->units[kept++] = s->units[k];
        else
            unit_drop(&s->units[k]);
    }
    s->nr_units = kept;
    for (unsigned k = 0; k < s->nr_units; k++)
        unit_look(s, &s->units[k]);
}

void watch_done(struct snap *s)
{
    for (unsigned k = 0; k < s->nr_units; k++) {
        free(s->units[k].insts);
        free(s->units[k].dir);
    }
    free(s->units);
}

/* ---- the thread ------------------------------------------------------------------------------- */

static void refresh_running(struct snap *s)
{
    struct snap_inst **list;
    unsigned nr;
    bool runs;

    if (snap_insts(s, &list, &nr) < 0)
        return;
    for (unsigned k = 0; k < nr; k++) {
        pthread_mutex_lock(&list[k]->lock);
        runs = list[k]->job.kind != JOB_NONE;
        pthread_mutex_unlock(&list[k]->lock);
        if (runs)
            status_refresh(list[k]);
    }
    snap_insts_free(list, nr);
}

static bool sleep_ms(struct snap *s, uint64_t ms)
{
    struct timespec t = sys_deadline(ms);
    bool stop;

    pthread_mutex_lock(&s->lock);
    while (!s->stop && pthread_cond_timedwait(&s->wake, &s->lock, &t) == 0)
        ;
    stop = s->stop;
    pthread_mutex_unlock(&s->lock);
    return !stop;
}

void *watch_thread(void *snap)
{
    struct snap *s = snap;
    uint64_t next = 0, now;

    while (sleep_ms(s, PERIOD_MS)) {
        refresh_running(s);
        now = sys_monotonic_ms();
        if (now < next)
            continue;
        watch_once(s);
        next = sys_monotonic_ms();
        next += (next - now) * 10 < PERIOD_MAX ? (next - now) * 10 : PERIOD_MAX;
    }
    return NULL;
}
