/*
 * Instances as objects: references, events, listeners, and the parts of the public interface that only
 * look something up.
 */
#include "snap_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void snap_tell(struct snap_inst *i, enum snap_change what, const char *name, const char *old)
{
    snap_change_fn *fn;
    void *ctx;

    pthread_mutex_lock(&i->snap->lock);
    fn = i->snap->fn;
    ctx = i->snap->fn_ctx;
    pthread_mutex_unlock(&i->snap->lock);
    if (fn)
        fn(ctx, i, what, name, old);
}

void inst_event(struct snap_inst *i, enum event_severity severity, uint32_t id, const char *fmt,
                ...)
{
    char text[900];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    events_add(&i->events, severity, id, text);
    snap_tell(i, SNAP_EVENT, NULL, NULL);
}

/* ---- life ------------------------------------------------------------------------------------- */

static void inst_free(struct snap_inst *i)
{
    if (i->dirfd >= 0)
        close(i->dirfd);
    events_close(&i->events);
    pthread_cond_destroy(&i->idle);
    pthread_mutex_destroy(&i->lock);
    pthread_mutex_destroy(&i->change);
    free(i->error_line);
    free(i->verify_line);
    free(i->body);
    free(i->status);
    free(i->name);
    free(i->dir);
    free(i);
}

JET_ERR inst_new(struct snap *s, const char *name, const char *dir, struct snap_inst **ret)
{
    struct snap_inst *i = calloc(1, sizeof(*i));
    JET_ERR err, log_err;

    if (!i)
        return JET_errOutOfMemory;
    atomic_init(&i->refs, 1);
    i->snap = s;
    i->dirfd = -1;
    i->status_time = sys_now();
    pthread_mutex_init(&i->change, NULL);
    pthread_mutex_init(&i->lock, NULL);
    sys_cond_init(&i->idle);
    i->name = strdup(name);
    i->dir = strdup(dir);
    err = store_instance(&s->store, name, &i->dirfd, &i->id);
    log_err = events_open(&i->events, i->dirfd, s->ro, name);
    if (!i->name || !i->dir || log_err < 0) {
        inst_free(i);
        return JET_errOutOfMemory;
    }
    if (err < 0)
        events_add(&i->events, EVENT_ERROR, EVENT_STORE,
                   "the store has no place for this instance: no backup can be taken or shown");
    *ret = i;
    return JET_errSuccess;
}

void inst_forget(struct snap_inst *i)
{
    catalogue_clear(i);
    snap_inst_unref(i);
}

struct snap_inst *snap_inst_ref(struct snap_inst *i)
{
    atomic_fetch_add(&i->refs, 1);
    return i;
}

void snap_inst_unref(struct snap_inst *i)
{
    if (i && atomic_fetch_sub(&i->refs, 1) == 1)
        inst_free(i);
}

/* ---- finding ---------------------------------------------------------------------------------- */

struct snap_inst *inst_search(struct snap *s, const char *name)
{
    unsigned low = 0, high = s->nr_insts;

    while (low < high) {
        unsigned mid = low + (high - low) / 2;
        int order = strcmp(s->insts[mid]->name, name);
        if (order == 0)
            return s->insts[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

static bool is_present(struct snap_inst *i)
{
    bool present;

    pthread_mutex_lock(&i->lock);
    present = i->present;
    pthread_mutex_unlock(&i->lock);
    return present;
}

struct snap_inst *snap_inst_find(struct snap *s, const char *name)
{
    struct snap_inst *i;

    pthread_mutex_lock(&s->lock);
    i = inst_search(s, name);
    i = i && is_present(i) ? snap_inst_ref(i) : NULL;
    pthread_mutex_unlock(&s->lock);
    return i;
}

JET_ERR snap_insts(struct snap *s, struct snap_inst ***ret, unsigned *ret_nr)
{
    struct snap_inst **list;
    unsigned nr = 0;

    pthread_mutex_lock(&s->lock);
    list = malloc((s->nr_insts + 1) * sizeof(struct snap_inst *));
    for (unsigned k = 0; list && k < s->nr_insts; k++)
        if (is_present(s->insts[k]))
            list[nr++] = snap_inst_ref(s->insts[k]);
    pthread_mutex_unlock(&s->lock);
    if (!list)
        return JET_errOutOfMemory;
    *ret = list;
    *ret_nr = nr;
    return JET_errSuccess;
}

void snap_insts_free(struct snap_inst **list, unsigned nr)
{
    for (unsigned k = 0; k < nr; k++)
        snap_inst_unref(list[k]);
    free(list);
}

const char *snap_inst_name(const struct snap_inst *i)
{
    return i->name;
}
uint64_t snap_inst_id(const struct snap_inst *i)
{
    return i->id;
}

/* ---- texts ------------------------------------------------------------------------------------ */

char *snap_status(struct snap_inst *i, size_t *ret_len)
{
    char *text;

    pthread_mutex_lock(&i->lock);
    text = malloc(i->status_len + 1);
    if (text) {
        memcpy(text, i->status ? i->status : "", i->status_len);
        text[i->status_len] = '\0';
        *ret_len = i->status_len;
    }
    pthread_mutex_unlock(&i->lock);
    return text;
}

/* The lock of a const object: reading takes it too. */
static pthread_mutex_t *lock_of(const struct snap_inst *i)
{
    return (pthread_mutex_t *)(uintptr_t)&i->lock;
}

uint64_t snap_status_serial(const struct snap_inst *i)
{
    uint64_t serial;

    pthread_mutex_lock(lock_of(i));
    serial = i->status_serial;
    pthread_mutex_unlock(lock_of(i));
    return serial;
}

struct timespec snap_status_time(const struct snap_inst *i)
{
    struct timespec t;

    pthread_mutex_lock(lock_of(i));
    t = i->status_time;
    pthread_mutex_unlock(lock_of(i));
    return t;
}

static struct events *events_of(const struct snap_inst *i)
{
    return (struct events *)(uintptr_t)&i->events;
}

char *snap_events(struct snap_inst *i, size_t *ret_len)
{
    return events_text(&i->events, ret_len);
}
uint64_t snap_events_size(struct snap_inst *i)
{
    return events_size(&i->events);
}
uint64_t snap_events_serial(const struct snap_inst *i)
{
    return events_serial(events_of(i));
}
struct timespec snap_events_time(const struct snap_inst *i)
{
    return events_time(events_of(i));
}

void snap_listen(struct snap *s, snap_change_fn *fn, void *ctx)
{
    pthread_mutex_lock(&s->lock);
    s->fn = fn;
    s->fn_ctx = ctx;
    pthread_mutex_unlock(&s->lock);
}
