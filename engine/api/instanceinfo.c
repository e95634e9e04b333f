/* Which instances there are (JetGetInstanceInfo), and of which version. */
#include <stdlib.h>

#include "api/process.h"
#include "api/utf.h"

#define VERSION_WORD 0xA04A6100u /* Windows 10, build 19041: what programs derive features from */

JET_ERR JetGetVersion(JET_SESID sesid, uint32_t *pwVersion)
{
    struct jsess *s;
    JET_ERR err;

    if (!pwVersion)
        return RAISE(JET_errInvalidParameter);
    err = api_enter(sesid, &s);
    if (err < 0)
        return err;
    *pwVersion = VERSION_WORD;
    return api_leave(s, JET_errSuccess);
}

/* One block: the array, then for each instance its pointers, then all texts. */
static unsigned nr_databases(const struct jinst *i)
{
    unsigned nr = 0;

    for (unsigned d = 1; i->in && d <= DBID_MAX; d++)
        nr += i->in->db[d] != NULL;
    return nr;
}

static size_t text_room(const char *s, bool wide)
{
    return !s ? 0 : wide ? 2 * utf16_units(s) : strlen(s) + 1;
}

static size_t info_room(const struct jinst *i, bool wide)
{
    size_t n = sizeof(JET_INSTANCE_INFO_A) + 3 * sizeof(char *) * nr_databases(i) +
               text_room(i->name, wide) + 16;

    for (unsigned d = 1; i->in && d <= DBID_MAX; d++)
        if (i->in->db[d])
            n += text_room(i->in->db[d]->path, wide) + 2;
    return n;
}

static char *put_text(char **at, const char *s, bool wide)
{
    char *put = *at;
    const size_t n = text_room(s, wide);

    if (!s)
        return NULL;
    if (wide)
        (void)!utf16_put(s, put, (uint32_t)n, NULL);
    else
        memcpy(put, s, n);
    *at += (n + 1) & ~(size_t)1;
    return put;
}

static void put_info(JET_INSTANCE_INFO_A *info, const struct jinst *i, char ***pointers,
                     char **texts, bool wide)
{
    info->hInstanceId = i->handle;
    info->szInstanceName = put_text(texts, i->name, wide);
    info->cDatabases = nr_databases(i);
    info->szDatabaseFileName = info->cDatabases ? *pointers : NULL;
    *pointers += info->cDatabases;
    info->szDatabaseDisplayName = info->cDatabases ? *pointers : NULL;
    *pointers += info->cDatabases;
    info->szDatabaseSLVFileName_Obsolete = info->cDatabases ? *pointers : NULL;
    *pointers += info->cDatabases;
    for (unsigned d = 1, n = 0; i->in && d <= DBID_MAX; d++)
        if (i->in->db[d])
            info->szDatabaseFileName[n++] = put_text(texts, i->in->db[d]->path, wide);
}

static bool is_running(const struct jinst *i)
{
    return atomic_load(&i->state) == INSTANCE_RUNNING;
}

/* With process.lock. Those are locked until unlock_those. */
static size_t lock_those(bool (*wanted)(const struct jinst *i), bool wide, uint32_t *ret_nr)
{
    size_t room = 0;

    *ret_nr = 0;
    for (struct jinst *i = process.instances; i; i = i->next)
        if (wanted(i)) {
            pthread_mutex_lock(&i->lock);
            room += info_room(i, wide);
            ++*ret_nr;
        }
    return room;
}

static void unlock_those(bool (*wanted)(const struct jinst *i))
{
    for (struct jinst *i = process.instances; i; i = i->next)
        if (wanted(i))
            pthread_mutex_unlock(&i->lock);
}

static void put_all(bool (*wanted)(const struct jinst *i), char *block, uint32_t nr, bool wide)
{
    JET_INSTANCE_INFO_A *info = (JET_INSTANCE_INFO_A *)block;
    char **pointers = (char **)(info + nr), *texts = (char *)pointers;

    for (const struct jinst *i = process.instances; i; i = i->next)
        if (wanted(i))
            texts += 3 * sizeof(char *) * nr_databases(i);
    for (const struct jinst *i = process.instances; i; i = i->next)
        if (wanted(i))
            put_info(info++, i, &pointers, &texts, wide);
}

JET_ERR instances_list(bool (*wanted)(const struct jinst *i), uint32_t *ret_nr,
                       JET_INSTANCE_INFO_A **ret, bool wide)
{
    uint32_t nr;
    char *block;

    if (!ret_nr || !ret)
        return RAISE(JET_errInvalidParameter);
    pthread_mutex_lock(&process.lock);
    block = calloc(1, lock_those(wanted, wide, &nr) + 16);
    if (block)
        put_all(wanted, block, nr, wide);
    unlock_those(wanted);
    pthread_mutex_unlock(&process.lock);
    if (!block)
        return RAISE(JET_errOutOfMemory);
    *ret_nr = nr;
    *ret = (JET_INSTANCE_INFO_A *)block;
    return JET_errSuccess;
}

JET_ERR JetGetInstanceInfo(uint32_t *pcInstanceInfo, JET_INSTANCE_INFO_A **paInstanceInfo)
{
    return instances_list(is_running, pcInstanceInfo, paInstanceInfo, false);
}

JET_ERR JetGetInstanceInfoW(uint32_t *pcInstanceInfo, JET_INSTANCE_INFO_W **paInstanceInfo)
{
    JET_INSTANCE_INFO_A *info;
    JET_ERR err;

    if (!paInstanceInfo)
        return RAISE(JET_errInvalidParameter);
    err = instances_list(is_running, pcInstanceInfo, &info, true);
    if (err >= 0)
        *paInstanceInfo = (JET_INSTANCE_INFO_W *)info; /* same layout, other texts */
    return err;
}

static JET_ERR log_signature(struct jinst *i, void *buf)
{
    struct signature sign;

    if (atomic_load(&i->state) != INSTANCE_RUNNING)
        return RAISE(JET_errNotInitialized);
    if (!i->in->wal)
        return RAISE(JET_errLoggingDisabled);
    sign = live_log_signature(i->in);
    memcpy(buf, &sign, sizeof(sign));
    return JET_errSuccess;
}

JET_ERR JetGetInstanceMiscInfo(JET_INSTANCE instance, void *pvResult, uint32_t cbMax,
                               uint32_t InfoLevel)
{
    struct jinst *i;
    JET_ERR err = instance_lock(instance, &i);

    if (err < 0)
        return err;
    if (!pvResult || InfoLevel != 0)
        err = RAISE(JET_errInvalidParameter);
    else if (cbMax < sizeof(JET_SIGNATURE))
        err = RAISE(JET_errBufferTooSmall);
    else
        err = log_signature(i, pvResult);
    instance_unlock(i);
    return err;
}

JET_ERR JetFreeBuffer(char *pbBuf)
{
    free(pbBuf);
    return JET_errSuccess;
}
