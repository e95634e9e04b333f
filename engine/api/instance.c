/* Instances: made, found, ended (JetCreateInstance, JetTerm); init.c starts them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "api/backup.h"
#include "api/process.h"
#include "api/utf.h"
#include "backup/session.h"
#include "os/path.h"
#include "recover/formats.h"

struct process process = {.lock = PTHREAD_MUTEX_INITIALIZER};

void process_init(void)
{
    if (!process.ready)
        params_defaults(&process.params);
    process.ready = true;
}

/* ---- finding --------------------------------------------------------------------------------- */

JET_ERR process_find(JET_INSTANCE instance, struct jinst **ret)
{
    if (instance == 0 || instance == JET_instanceNil) {
        *ret = process.default_instance;
        return *ret ? JET_errSuccess : RAISE(JET_errNotInitialized);
    }
    *ret = handle_get(HANDLE_INSTANCE, instance);
    return *ret ? JET_errSuccess : RAISE(JET_errInvalidParameter);
}

JET_ERR instance_lock(JET_INSTANCE instance, struct jinst **ret)
{
    JET_ERR err;

    pthread_mutex_lock(&process.lock);
    err = process_find(instance, ret);
    if (err >= 0)
        pthread_mutex_lock(&(*ret)->lock);
    pthread_mutex_unlock(&process.lock);
    return err;
}

void instance_unlock(struct jinst *i)
{
    pthread_mutex_unlock(&i->lock);
}

void instance_set_state(struct jinst *i, enum instance_state state)
{
    pthread_mutex_lock(&process.lock);
    atomic_store(&i->state, state);
    pthread_mutex_unlock(&process.lock);
}

/* ---- making ---------------------------------------------------------------------------------- */

static bool name_taken(const char *name)
{
    for (const struct jinst *i = process.instances; i; i = i->next)
        if (i->name && name && strcmp(i->name, name) == 0)
            return true;
    return false;
}

static void instance_free(struct jinst *i)
{
    handle_drop(i->handle);
    params_done(&i->params);
    pthread_mutex_destroy(&i->lock);
    pthread_mutex_destroy(&i->backup_lock);
    free(i->name);
    free(i->display);
    free(i);
}

JET_ERR instance_new(const char *name, const char *display, struct jinst **ret)
{
    struct jinst *i;
    JET_ERR err;

    process_init();
    if (name_taken(name))
        return RAISE(JET_errInstanceNameInUse);
    if (process.nr_instances >= PARAM(&process.params, MaxInstances))
        return RAISE(JET_errTooManyInstances);
    i = calloc(1, sizeof(*i));
    if (!i)
        return RAISE(JET_errOutOfMemory);
    pthread_mutex_init(&i->lock, NULL);
    pthread_mutex_init(&i->backup_lock, NULL);
    err = params_copy(&i->params, &process.params);
    if (err >= 0) {
        i->name = name ? strdup(name) : NULL;
        i->display = display ? strdup(display) : NULL;
        i->handle = handle_new(HANDLE_INSTANCE, i, NULL);
        if ((name && !i->name) || (display && !i->display) || !i->handle)
            err = RAISE(JET_errOutOfMemory);
    }
    if (err < 0) {
        instance_free(i);
        return err;
    }
    i->next = process.instances;
    process.instances = i;
    process.nr_instances++;
    *ret = i;
    return JET_errSuccess;
}

void instance_remove(struct jinst *i)
{
    struct jinst **p = &process.instances;

    pthread_mutex_lock(&process.lock);
    while (*p && *p != i)
        p = &(*p)->next;
    if (*p)
        *p = i->next;
    if (process.default_instance == i)
        process.default_instance = NULL;
    process.nr_instances--;
    process.nr_started -= i->started;
    handle_drop(i->handle);
    i->handle = 0;
    pthread_mutex_unlock(&process.lock);
    pthread_mutex_lock(&i->lock); /* whoever has found it before is through */
    pthread_mutex_unlock(&i->lock);
    instance_free(i);
}

static JET_ERR create(JET_INSTANCE *pinstance, const char *name, const char *display,
                      JET_GRBIT grbit)
{
    struct jinst *i;
    JET_ERR err;

    if (!pinstance)
        return RAISE(JET_errInvalidParameter);
    if (grbit)
        return RAISE(JET_errInvalidGrbit);
    pthread_mutex_lock(&process.lock);
    err = process.default_instance ? RAISE(JET_errRunningInOneInstanceMode)
                                   : instance_new(name, display, &i);
    pthread_mutex_unlock(&process.lock);
    if (err >= 0)
        *pinstance = i->handle;
    return err;
}

JET_ERR JetCreateInstance2(JET_INSTANCE *pinstance, const char *szInstanceName,
                           const char *szDisplayName, JET_GRBIT grbit)
{
    return create(pinstance, szInstanceName, szDisplayName, grbit);
}

JET_ERR JetCreateInstance2W(JET_INSTANCE *pinstance, const JET_WCHAR *szInstanceName,
                            const JET_WCHAR *szDisplayName, JET_GRBIT grbit)
{
    char *name, *display = NULL;
    JET_ERR err = utf8_of(szInstanceName, &name);

    if (err >= 0)
        err = utf8_of(szDisplayName, &display);
    if (err >= 0)
        err = create(pinstance, name, display, grbit);
    free(name);
    free(display);
    return err;
}

JET_ERR JetCreateInstance(JET_INSTANCE *pinstance, const char *szInstanceName)
{
    return create(pinstance, szInstanceName, NULL, 0);
}

JET_ERR JetCreateInstanceW(JET_INSTANCE *pinstance, const JET_WCHAR *szInstanceName)
{
    return JetCreateInstance2W(pinstance, szInstanceName, NULL, 0);
}

/* ---- ending ---------------------------------------------------------------------------------- */

static void wait_for_calls(struct jinst *i)
{
    const struct timespec moment = {0, 1000000};
    bool busy;

    do {
        busy = false;
        pthread_mutex_lock(&i->lock);
        for (struct jsess *s = i->sessions; s; s = s->next)
            busy = busy || atomic_load(&s->busy);
        pthread_mutex_unlock(&i->lock);
        if (busy)
            nanosleep(&moment, NULL);
    } while (busy);
}

static bool in_transaction(struct jinst *i)
{
    for (struct jsess *s = i->sessions; s; s = s->next)
        if (s->s->level > 0)
            return true;
    return false;
}

/* With process.lock: from here on its calls are refused. *ret_running: it was started. */
static JET_ERR close_door(JET_INSTANCE instance, JET_GRBIT grbit, struct jinst **ret,
                          bool *ret_running)
{
    JET_ERR err = process_find(instance, ret);

    if (err < 0)
        return err;
    switch (atomic_load(&(*ret)->state)) {
    case INSTANCE_CREATED:
    case INSTANCE_RUNNING:
        *ret_running = atomic_load(&(*ret)->state) == INSTANCE_RUNNING;
        if (*ret_running)
            err = backup_before_term(*ret, grbit & JET_bitTermStopBackup);
        if (err < 0)
            return err;
        atomic_store(&(*ret)->state, INSTANCE_ENDING);
        return JET_errSuccess;
    case INSTANCE_ENDING:
        return RAISE(JET_errTermInProgress);
    case INSTANCE_RESTORING:
        return RAISE(JET_errRestoreInProgress);
    default:
        return RAISE(JET_errInitInProgress);
    }
}

/* What runs: sessions, then the instance below. */
static JET_ERR end(struct jinst *i, JET_GRBIT grbit)
{
    JET_ERR err;

    backup_wait_for_end(i);
    wait_for_calls(i);
    if (!(grbit & (JET_bitTermAbrupt | JET_bitTermDirty)) && inst_check(i->in) >= 0 &&
        in_transaction(i)) {
        backup_allow_again(i);
        instance_set_state(i, INSTANCE_RUNNING);
        return RAISE(JET_errTooManyActiveUsers);
    }
    if (grbit & JET_bitTermDirty) /* nothing is undone or written any more */
        (void)inst_fail(i->in, JET_errInstanceUnavailable);
    while (i->sessions)
        session_end(i->sessions);
    live_temp_free(i->temp);
    err = live_term(i->in, grbit & JET_bitTermDirty    ? LIVE_DIRTY
                           : grbit & JET_bitTermAbrupt ? LIVE_ABRUPT
                                                       : LIVE_COMPLETE);
    i->in = i->temp = NULL;
    instance_remove(i);
    return err;
}

static JET_ERR term(JET_INSTANCE instance, JET_GRBIT grbit)
{
    const JET_GRBIT known =
        JET_bitTermComplete | JET_bitTermAbrupt | JET_bitTermStopBackup | JET_bitTermDirty;
    struct jinst *i;
    bool running = false;
    JET_ERR err;

    if (grbit & ~known || (grbit & JET_bitTermComplete && grbit & JET_bitTermAbrupt))
        return RAISE(JET_errInvalidGrbit);
    pthread_mutex_lock(&process.lock);
    err = close_door(instance, grbit, &i, &running);
    pthread_mutex_unlock(&process.lock);
    if (err < 0)
        return err;
    if (running)
        return end(i, grbit);
    instance_remove(i); /* never started: it only goes away */
    return JET_errSuccess;
}

JET_ERR JetTerm(JET_INSTANCE instance)
{
    return term(instance, JET_bitTermComplete);
}

JET_ERR JetTerm2(JET_INSTANCE instance, JET_GRBIT grbit)
{
    return term(instance, grbit);
}

static JET_ERR stop_service(struct jinst *i, JET_GRBIT grbit)
{
    if (atomic_load(&i->state) != INSTANCE_RUNNING)
        return RAISE(JET_errNotInitialized);
    if (grbit & JET_bitStopServiceResume)
        atomic_store(&i->stopped, false);
    else if (grbit == JET_bitStopServiceAll) {
        atomic_store(&i->stopped, true);
        backup_stop(i->in, JET_errClientRequestToStopJetService);
    }
    if (grbit & JET_bitStopServiceQuiesceCaches && !(grbit & JET_bitStopServiceResume))
        return live_checkpoint(i->in, true);
    return JET_errSuccess;
}

JET_ERR JetStopServiceInstance2(JET_INSTANCE instance, JET_GRBIT grbit)
{
    const JET_GRBIT known = JET_bitStopServiceBackgroundUserTasks |
                            JET_bitStopServiceQuiesceCaches | JET_bitStopServiceResume;
    struct jinst *i;
    JET_ERR err = grbit & ~known ? RAISE(JET_errInvalidParameter) : instance_lock(instance, &i);

    if (err < 0)
        return err;
    err = stop_service(i, grbit);
    instance_unlock(i);
    return err;
}

JET_ERR JetStopServiceInstance(JET_INSTANCE instance)
{
    return JetStopServiceInstance2(instance, JET_bitStopServiceAll);
}
