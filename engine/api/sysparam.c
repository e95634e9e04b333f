/* System parameters (JetSetSystemParameter .. JetEnableMultiInstance). */
#include <stdio.h>
#include <stdlib.h>

#include "api/process.h"
#include "api/utf.h"

static JET_ERR may_set(const struct jinst *i, int slot)
{
    const unsigned flags = param_flags(slot);

    if (flags & PARAM_READ_ONLY)
        return RAISE(JET_errInvalidParameter);
    if (flags & PARAM_BEFORE_GLOBAL && process.nr_started > 0)
        return RAISE(JET_errAlreadyInitialized);
    if (flags & PARAM_BEFORE_INIT && i && atomic_load(&i->state) != INSTANCE_CREATED)
        return RAISE(JET_errAlreadyInitialized);
    return JET_errSuccess;
}

/* What a running instance looks at again. */
static void apply_running(struct jinst *i, int slot)
{
    if (atomic_load(&i->state) != INSTANCE_RUNNING)
        return;
    if (slot == PARAM_SLOT_CheckpointDepthMax)
        i->in->conf.checkpoint_depth = (uint32_t)(PARAM(&i->params, CheckpointDepthMax) > UINT32_MAX
                                                      ? UINT32_MAX
                                                      : PARAM(&i->params, CheckpointDepthMax));
    else if (slot == PARAM_SLOT_DbExtensionSize)
        i->in->conf.db_extension = (uint32_t)PARAM(&i->params, DbExtensionSize);
}

/* By session or by instance; NULL: neither is named, and there is no default instance. With
 * process.lock. */
static JET_ERR named_instance(JET_INSTANCE instance, JET_SESID sesid, struct jinst **ret)
{
    struct jinst *of;

    *ret = NULL;
    if (sesid && sesid != JET_sesidNil) {
        of = handle_owner(HANDLE_SESSION, sesid);
        for (struct jinst *i = process.instances; i && of; i = i->next)
            if (i == of)
                *ret = i;
        return *ret ? JET_errSuccess : RAISE(JET_errInvalidSesid);
    }
    if (instance && instance != JET_instanceNil)
        return process_find(instance, ret);
    *ret = process.default_instance;
    return JET_errSuccess;
}

static JET_ERR set_parameter(JET_INSTANCE *pinstance, JET_SESID sesid, uint32_t id,
                             JET_API_PTR number, const char *text)
{
    const int slot = param_find(id);
    struct jinst *i;
    JET_ERR err;

    if (slot < 0)
        return RAISE(JET_errInvalidParameter);
    pthread_mutex_lock(&process.lock);
    process_init();
    err = named_instance(pinstance ? *pinstance : 0, sesid, &i);
    if (err >= 0)
        err = may_set(i, slot);
    if (err >= 0 && (!i || param_flags(slot) & PARAM_GLOBAL))
        err = param_set(&process.params, slot, number, text);
    if (err >= 0 && i) {
        err = param_set(&i->params, slot, number, text);
        apply_running(i, slot);
    }
    pthread_mutex_unlock(&process.lock);
    return err;
}

JET_ERR JetSetSystemParameter(JET_INSTANCE *pinstance, JET_SESID sesid, uint32_t paramid,
                              JET_API_PTR lParam, const char *szParam)
{
    return set_parameter(pinstance, sesid, paramid, lParam, szParam);
}

JET_ERR JetSetSystemParameterW(JET_INSTANCE *pinstance, JET_SESID sesid, uint32_t paramid,
                               JET_API_PTR lParam, const JET_WCHAR *szParam)
{
    char *text;
    JET_ERR err = utf8_of(szParam, &text);

    if (err >= 0)
        err = set_parameter(pinstance, sesid, paramid, lParam, text);
    free(text);
    return err;
}

/* Parameters that nobody sets: what they say of this instance. */
static uint64_t computed(const struct params *p, int slot)
{
    const uint64_t page = PARAM(p, DatabasePageSize);

    switch (slot) {
    case PARAM_SLOT_KeyMost:
        return page <= 2048   ? JET_cbKeyMost2KBytePage
               : page <= 4096 ? JET_cbKeyMost4KBytePage
                              : JET_cbKeyMost8KBytePage;
    case PARAM_SLOT_LVChunkSizeMost:
        return lv_chunk_default((uint32_t)page);
    case PARAM_SLOT_RecordSizeMost:
        return recbuf_most((uint32_t)page, 0);
    default:
        return param_number(p, slot);
    }
}

/* text: put by `put` into the caller's buffer. */
static JET_ERR get_parameter(JET_INSTANCE instance, JET_SESID sesid, uint32_t id,
                             JET_API_PTR *number, char **text)
{
    const int slot = param_find(id);
    const struct params *p;
    struct jinst *i;
    JET_ERR err;

    *text = NULL;
    if (slot < 0)
        return RAISE(JET_errInvalidParameter);
    pthread_mutex_lock(&process.lock);
    process_init();
    err = named_instance(instance, sesid, &i);
    p = i ? &i->params : &process.params;
    if (err >= 0 && param_is_text(slot)) {
        *text = strdup(param_text(p, slot));
        err = *text ? JET_errSuccess : RAISE(JET_errOutOfMemory);
    } else if (err >= 0) {
        if (!number)
            err = RAISE(JET_errInvalidParameter);
        else
            *number = (JET_API_PTR)computed(p, slot);
    }
    pthread_mutex_unlock(&process.lock);
    return err;
}

JET_ERR JetGetSystemParameter(JET_INSTANCE instance, JET_SESID sesid, uint32_t paramid,
                              JET_API_PTR *plParam, char *szParam, uint32_t cbMax)
{
    char *text;
    JET_ERR err = get_parameter(instance, sesid, paramid, plParam, &text);

    if (err >= 0 && text) {
        if (!szParam || cbMax == 0)
            err = RAISE(JET_errInvalidParameter);
        else
            snprintf(szParam, cbMax, "%s", text);
    }
    free(text);
    return err;
}

JET_ERR JetGetSystemParameterW(JET_INSTANCE instance, JET_SESID sesid, uint32_t paramid,
                               JET_API_PTR *plParam, JET_WCHAR *szParam, uint32_t cbMax)
{
    char *text;
    JET_ERR err = get_parameter(instance, sesid, paramid, plParam, &text);

    if (err >= 0 && text) {
        if (!szParam || cbMax < 2)
            err = RAISE(JET_errInvalidParameter);
        else
            (void)!utf16_put(text, szParam, cbMax, NULL); /* cut, as JET does it */
    }
    free(text);
    return err;
}

static JET_ERR enable_multi(uint32_t nr, uint32_t *succeed,
                            JET_ERR (*set)(void *params, uint32_t i), void *params)
{
    JET_ERR err = JET_errSuccess;
    uint32_t i = 0;

    pthread_mutex_lock(&process.lock);
    if (process.default_instance)
        err = RAISE(JET_errRunningInOneInstanceMode);
    else if (process.nr_started > 0)
        err = RAISE(JET_errRunningInMultiInstanceMode);
    pthread_mutex_unlock(&process.lock);
    for (; err >= 0 && i < nr; i++)
        err = set(params, i);
    if (succeed)
        *succeed = err < 0 && i ? i - 1 : i;
    return err;
}

static JET_ERR set_one(void *params, uint32_t i)
{
    JET_SETSYSPARAM_A *p = (JET_SETSYSPARAM_A *)params + i;

    return p->err = set_parameter(NULL, 0, p->paramid, p->lParam, p->sz);
}

JET_ERR JetEnableMultiInstance(JET_SETSYSPARAM_A *psetsysparam, uint32_t csetsysparam,
                               uint32_t *pcsetsucceed)
{
    if (csetsysparam && !psetsysparam)
        return RAISE(JET_errInvalidParameter);
    return enable_multi(csetsysparam, pcsetsucceed, set_one, psetsysparam);
}
