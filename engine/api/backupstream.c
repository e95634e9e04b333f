/*
 * The external backup API (JetBeginExternalBackupInstance .. JetEndExternalBackupInstance2): the program reads the files of the
 * backup and puts them where it likes. Calls of one instance come one at a time (backup_lock).
 */
#include <stdlib.h>

#include "api/backup.h"
#include "api/utf.h"
#include "backup/session.h"

#define READ_ALIGN 4096u

struct jbackup {
    struct backup *b;
    struct backup_file *file; /* open; one at a time */
    JET_HANDLE handle, last;
    bool listed; /* the log phase was done: logs [mic, mac) */
    lgen_t mic, mac;
};

/* ---- calls ----------------------------------------------------------------------------------- */

/* JET_errNoBackup, or `surrogate` where there is such a one. On success the lock is held until leave. */
static JET_ERR enter_unless(JET_INSTANCE instance, JET_ERR surrogate, struct jinst **ret)
{
    JET_ERR err = backup_enter(instance, ret);

    if (err < 0)
        return err;
    pthread_mutex_lock(&(*ret)->backup_lock);
    if ((*ret)->backup)
        return JET_errSuccess;
    err = (*ret)->surrogate ? surrogate : JET_errNoBackup;
    pthread_mutex_unlock(&(*ret)->backup_lock);
    return backup_leave(*ret, RAISE(err));
}

static JET_ERR enter(JET_INSTANCE instance, struct jinst **ret)
{
    return enter_unless(instance, JET_errNoBackup, ret);
}

static JET_ERR leave(struct jinst *i, JET_ERR err)
{
    pthread_mutex_unlock(&i->backup_lock);
    return backup_leave(i, err);
}

/* With the lock; the object of the backup is gone already. */
static void forget(struct jinst *i)
{
    free(i->backup);
    i->backup = NULL;
}

static JET_ERR give_up(struct jinst *i, JET_ERR err)
{
    backup_abort(i->backup->b, BACKUP_FAILED, err);
    forget(i);
    return err;
}

void backup_abandon(struct jinst *i, JET_ERR why)
{
    pthread_mutex_lock(&i->backup_lock);
    if (i->backup)
        (void)give_up(i, why);
    pthread_mutex_unlock(&i->backup_lock);
}

/* ---- beginning and ending -------------------------------------------------------------------- */

static JET_ERR begin(struct jinst *i, JET_GRBIT grbit)
{
    const struct backup_opts opts = {.incremental = grbit & JET_bitBackupIncremental,
                                     .copy = grbit & JET_bitInternalCopy};
    struct jbackup *jb = calloc(1, sizeof(*jb));
    JET_ERR err = jb ? backup_begin(i->in, &opts, &jb->b) : RAISE(JET_errOutOfMemory);

    if (err < 0) {
        free(jb);
        return err;
    }
    i->backup = jb;
    return JET_errSuccess;
}

JET_ERR JetBeginExternalBackupInstance(JET_INSTANCE instance, JET_GRBIT grbit)
{
    struct jinst *i;
    JET_ERR err = backup_enter(instance, &i);

    if (err < 0)
        return err;
    if (grbit != 0 && grbit != JET_bitBackupIncremental && grbit != JET_bitInternalCopy)
        return backup_leave(i, RAISE(JET_errInvalidGrbit));
    pthread_mutex_lock(&i->backup_lock);
    return leave(i, i->backup ? RAISE(JET_errBackupInProgress) : begin(i, grbit));
}

static JET_ERR end(struct jinst *i, JET_GRBIT grbit)
{
    struct jbackup *jb = i->backup;
    const JET_ERR stopped = atomic_load(&i->in->backup_stop);

    if (grbit & JET_bitBackupTruncateDone)
        backup_set_truncated(jb->b);
    if (stopped < 0)
        return give_up(i, stopped);
    if (grbit & JET_bitBackupEndAbort || !backup_is_complete(jb->b))
        backup_abort(jb->b, BACKUP_BY_CALLER, JET_errSuccess);
    else
        backup_finish(jb->b, grbit & JET_bitBackupNoDbHeaderUpdate);
    forget(i);
    return JET_errSuccess;
}

JET_ERR JetEndExternalBackupInstance2(JET_INSTANCE instance, JET_GRBIT grbit)
{
    const JET_GRBIT how = grbit & (JET_bitBackupEndNormal | JET_bitBackupEndAbort);
    struct jinst *i;
    JET_ERR err = enter_unless(instance, JET_errSurrogateBackupInProgress, &i);

    if (err < 0)
        return err;
    if (grbit & ~(JET_bitBackupEndNormal | JET_bitBackupEndAbort | JET_bitBackupTruncateDone |
                  JET_bitBackupNoDbHeaderUpdate) ||
        how == (JET_bitBackupEndNormal | JET_bitBackupEndAbort) || how == 0)
        return leave(i, RAISE(JET_errInvalidGrbit));
    return leave(i, end(i, grbit));
}

JET_ERR JetEndExternalBackupInstance(JET_INSTANCE instance)
{
    return JetEndExternalBackupInstance2(instance, JET_bitBackupEndNormal);
}

/* ---- lists of names -------------------------------------------------------------------------- */

/* Texts one behind the other, each with its NUL, and one more NUL. */
struct list {
    char *text;
    size_t len;
};

static JET_ERR list_add(struct list *l, const char *name)
{
    const size_t n = strlen(name) + 1;
    char *more = realloc(l->text, l->len + n + 1);

    if (!more)
        return RAISE(JET_errOutOfMemory);
    memcpy(more + l->len, name, n);
    l->text = more;
    l->len += n;
    more[l->len] = '\0';
    return JET_errSuccess;
}

static JET_ERR put_list(const struct list *l, bool wide, void *buf, uint32_t max, uint32_t *ret)
{
    char empty[] = "";
    const char *from = l->text ? l->text : empty;
    size_t units = 1, at = 0;

    for (const char *p = from; *p; p += strlen(p) + 1)
        units += wide ? utf16_units(p) : strlen(p) + 1;
    units *= wide ? sizeof(JET_WCHAR) : 1;
    if (ret)
        *ret = (uint32_t)units;
    if (!buf)
        return JET_errSuccess;
    if (max < units)
        return RAISE(JET_errBufferTooSmall);
    for (const char *p = from; *p && wide; p += strlen(p) + 1) {
        uint32_t n;
        JET_ERR err = utf16_put(p, (char *)buf + at, max - (uint32_t)at, &n);
        if (err < 0)
            return err;
        at += n;
    }
    if (wide)
        memset((char *)buf + at, 0, sizeof(JET_WCHAR));
    else
        memcpy(buf, from, units);
    return JET_errSuccess;
}

static JET_ERR list_logs(struct jinst *i, lgen_t mic, lgen_t mac, struct list *l)
{
    JET_ERR err = JET_errSuccess;

    for (lgen_t gen = mic; gen < mac && err >= 0; gen++) {
        char *path;
        err = backup_log_path(i->in, gen, &path);
        if (err >= 0)
            err = list_add(l, path);
        free(path);
    }
    return err;
}

static JET_ERR list_databases(struct jinst *i, struct list *l)
{
    JET_ERR err = JET_errSuccess;

    if (!backup_is_full(i->backup->b) || i->backup->listed)
        return RAISE(JET_errInvalidBackupSequence);
    for (unsigned d = 1; d <= DBID_MAX && err >= 0; d++)
        if (backup_db(i->backup->b, d))
            err = list_add(l, backup_db(i->backup->b, d)->path);
    return err;
}

static JET_ERR attach_info(JET_INSTANCE instance, bool wide, void *buf, uint32_t max, uint32_t *ret)
{
    struct list l = {0};
    struct jinst *i;
    JET_ERR err = enter(instance, &i);

    if (err < 0)
        return err;
    err = list_databases(i, &l);
    if (err >= 0)
        err = put_list(&l, wide, buf, max, ret);
    free(l.text);
    return leave(i, err);
}

JET_ERR JetGetAttachInfoInstance(JET_INSTANCE instance, char *szzDatabases, uint32_t cbMax,
                                 uint32_t *pcbActual)
{
    return attach_info(instance, false, szzDatabases, cbMax, pcbActual);
}

JET_ERR JetGetAttachInfoInstanceW(JET_INSTANCE instance, JET_WCHAR *wszzDatabases, uint32_t cbMax,
                                  uint32_t *pcbActual)
{
    return attach_info(instance, true, wszzDatabases, cbMax, pcbActual);
}

/* ---- logs ------------------------------------------------------------------------------------ */

/* The first time it is the log phase: an error ends the backup. */
static JET_ERR prepare(struct jinst *i)
{
    struct jbackup *jb = i->backup;
    JET_ERR err;

    if (jb->listed)
        return JET_errSuccess;
    err = backup_prepare_logs(jb->b, &jb->mic, &jb->mac);
    if (err == JET_errInvalidBackupSequence) /* a database is open: it can be closed */
        return err;
    if (err < 0)
        return give_up(i, err);
    jb->listed = true;
    return JET_errSuccess;
}

static JET_ERR log_info(JET_INSTANCE instance, bool wide, void *buf, uint32_t max, uint32_t *ret,
                        lgen_t *ret_low, lgen_t *ret_high, char base[4])
{
    struct list l = {0};
    struct jinst *i;
    JET_ERR err = enter(instance, &i);

    if (err < 0)
        return err;
    err = prepare(i);
    if (err >= 0) {
        *ret_low = i->backup->mic;
        *ret_high = i->backup->mac - 1;
        memcpy(base, i->in->conf.base, 4);
        err = list_logs(i, i->backup->mic, i->backup->mac, &l);
    }
    if (err >= 0)
        err = put_list(&l, wide, buf, max, ret);
    free(l.text);
    return leave(i, err);
}

JET_ERR JetGetLogInfoInstance(JET_INSTANCE instance, char *szzLogs, uint32_t cbMax,
                              uint32_t *pcbActual)
{
    return JetGetLogInfoInstance2(instance, szzLogs, cbMax, pcbActual, NULL);
}

JET_ERR JetGetLogInfoInstanceW(JET_INSTANCE instance, JET_WCHAR *wszzLogs, uint32_t cbMax,
                               uint32_t *pcbActual)
{
    return JetGetLogInfoInstance2W(instance, wszzLogs, cbMax, pcbActual, NULL);
}

JET_ERR JetGetLogInfoInstance2(JET_INSTANCE instance, char *szzLogs, uint32_t cbMax,
                               uint32_t *pcbActual, JET_LOGINFO_A *pLogInfo)
{
    lgen_t low = 0, high = 0;
    char base[4] = "";
    JET_ERR err;

    if (pLogInfo && pLogInfo->cbSize != sizeof(*pLogInfo))
        return RAISE(JET_errInvalidParameter);
    err = log_info(instance, false, szzLogs, cbMax, pcbActual, &low, &high, base);
    if (err < 0 || !pLogInfo)
        return err;
    pLogInfo->ulGenLow = low;
    pLogInfo->ulGenHigh = high;
    memcpy(pLogInfo->szBaseName, base, sizeof(base));
    return err;
}

JET_ERR JetGetLogInfoInstance2W(JET_INSTANCE instance, JET_WCHAR *wszzLogs, uint32_t cbMax,
                                uint32_t *pcbActual, JET_LOGINFO_W *pLogInfo)
{
    lgen_t low = 0, high = 0;
    char base[4] = "";
    JET_ERR err;

    if (pLogInfo && pLogInfo->cbSize != sizeof(*pLogInfo))
        return RAISE(JET_errInvalidParameter);
    err = log_info(instance, true, wszzLogs, cbMax, pcbActual, &low, &high, base);
    if (err < 0 || !pLogInfo)
        return err;
    pLogInfo->ulGenLow = low;
    pLogInfo->ulGenHigh = high;
    for (unsigned c = 0; c < sizeof(base); c++)
        pLogInfo->szBaseName[c] = (JET_WCHAR)base[c];
    return err;
}

static JET_ERR truncate_info(JET_INSTANCE instance, bool wide, void *buf, uint32_t max,
                             uint32_t *ret)
{
    struct list l = {0};
    struct jinst *i;
    lgen_t mic, mac;
    JET_ERR err = enter(instance, &i);

    if (err < 0)
        return err;
    err = backup_truncate_range(i->backup->b, &mic, &mac);
    if (err >= 0)
        err = list_logs(i, mic, mac, &l);
    if (err >= 0)
        err = put_list(&l, wide, buf, max, ret);
    free(l.text);
    return leave(i, err);
}

JET_ERR JetGetTruncateLogInfoInstance(JET_INSTANCE instance, char *szzLogs, uint32_t cbMax,
                                      uint32_t *pcbActual)
{
    return truncate_info(instance, false, szzLogs, cbMax, pcbActual);
}

JET_ERR JetGetTruncateLogInfoInstanceW(JET_INSTANCE instance, JET_WCHAR *wszzLogs, uint32_t cbMax,
                                       uint32_t *pcbActual)
{
    return truncate_info(instance, true, wszzLogs, cbMax, pcbActual);
}

JET_ERR JetTruncateLogInstance(JET_INSTANCE instance)
{
    struct jinst *i;
    JET_ERR err = enter(instance, &i);

    return err < 0 ? err : leave(i, backup_truncate(i->backup->b));
}

/* ---- files ----------------------------------------------------------------------------------- */

static JET_ERR open_log(struct jinst *i, const char *path, uint64_t *ret_size)
{
    struct jbackup *jb = i->backup;
    bool same = false;

    for (lgen_t gen = jb->mic; gen < jb->mac; gen++) {
        char *log;
        JET_ERR err = backup_log_path(i->in, gen, &log);
        if (err < 0)
            return err;
        same = strcmp(log, path) == 0;
        free(log);
        if (same)
            return backup_open_log(jb->b, gen, &jb->file, ret_size);
    }
    return RAISE(JET_errDatabaseNotFound);
}

static JET_ERR open_db(struct jinst *i, const char *path, uint64_t *ret_size)
{
    struct db *d = live_find_db(i->in, path);

    if (!backup_is_full(i->backup->b)) /* ESE: that ends the backup */
        return give_up(i, RAISE(JET_errInvalidBackupSequence));
    if (!d || !backup_db(i->backup->b, d->dbid))
        return RAISE(JET_errDatabaseNotFound);
    return backup_open_db(i->backup->b, d, &i->backup->file, ret_size);
}

static JET_ERR open_file(struct jinst *i, const char *name, JET_HANDLE *ret, uint64_t *ret_size)
{
    char *path;
    JET_ERR err = api_full_path(name, &path);

    if (err < 0)
        return err;
    err = i->backup->listed ? open_log(i, path, ret_size) : open_db(i, path, ret_size);
    free(path);
    if (err >= 0)
        *ret = i->backup->handle = ++i->backup->last;
    return err;
}

JET_ERR JetOpenFileInstance(JET_INSTANCE instance, const char *szFileName, JET_HANDLE *phfFile,
                            uint32_t *pulFileSizeLow, uint32_t *pulFileSizeHigh)
{
    struct jinst *i;
    uint64_t size = 0;
    JET_ERR err = enter(instance, &i);

    if (err < 0)
        return err;
    if (!phfFile || !pulFileSizeLow || !pulFileSizeHigh)
        return leave(i, RAISE(JET_errInvalidParameter));
    err = open_file(i, szFileName, phfFile, &size);
    if (err >= 0) {
        *pulFileSizeLow = (uint32_t)size;
        *pulFileSizeHigh = (uint32_t)(size >> 32);
    }
    return leave(i, err);
}

JET_ERR JetOpenFileInstanceW(JET_INSTANCE instance, const JET_WCHAR *wszFileName,
                             JET_HANDLE *phfFile, uint32_t *pulFileSizeLow,
                             uint32_t *pulFileSizeHigh)
{
    char *name;
    JET_ERR err = utf8_of(wszFileName, &name);

    if (err >= 0)
        err = JetOpenFileInstance(instance, name, phfFile, pulFileSizeLow, pulFileSizeHigh);
    free(name);
    return err;
}

static bool is_open(const struct jinst *i, JET_HANDLE hf)
{
    return i->backup->file && i->backup->handle == hf;
}

JET_ERR JetReadFileInstance(JET_INSTANCE instance, JET_HANDLE hfFile, void *pv, uint32_t cb,
                            uint32_t *pcbActual)
{
    struct jinst *i;
    size_t got = 0;
    JET_ERR err = enter(instance, &i);

    if (err < 0)
        return err;
    if (!is_open(i, hfFile) || !pv || (uintptr_t)pv % READ_ALIGN)
        return leave(i, RAISE(JET_errInvalidParameter));
    err = backup_read(i->backup->file, pv, cb, &got);
    if (pcbActual)
        *pcbActual = (uint32_t)got;
    return leave(i, err);
}

JET_ERR JetCloseFileInstance(JET_INSTANCE instance, JET_HANDLE hfFile)
{
    struct jinst *i;
    JET_ERR err = enter(instance, &i);

    if (err < 0)
        return err;
    if (!is_open(i, hfFile))
        return leave(i, RAISE(JET_errInvalidParameter));
    backup_close(i->backup->file);
    i->backup->file = NULL;
    return leave(i, JET_errSuccess);
}

/* ---- the default instance's, of the time before there could be several -------------------------- */

JET_ERR JetBeginExternalBackup(JET_GRBIT grbit)
{
    return JetBeginExternalBackupInstance(JET_instanceNil, grbit);
}

JET_ERR JetGetAttachInfo(char *szzDatabases, uint32_t cbMax, uint32_t *pcbActual)
{
    return JetGetAttachInfoInstance(JET_instanceNil, szzDatabases, cbMax, pcbActual);
}

JET_ERR JetOpenFile(const char *szFileName, JET_HANDLE *phfFile, uint32_t *pulFileSizeLow,
                    uint32_t *pulFileSizeHigh)
{
    return JetOpenFileInstance(JET_instanceNil, szFileName, phfFile, pulFileSizeLow,
                               pulFileSizeHigh);
}

JET_ERR JetReadFile(JET_HANDLE hfFile, void *pv, uint32_t cb, uint32_t *pcbActual)
{
    return JetReadFileInstance(JET_instanceNil, hfFile, pv, cb, pcbActual);
}

JET_ERR JetCloseFile(JET_HANDLE hfFile)
{
    return JetCloseFileInstance(JET_instanceNil, hfFile);
}

JET_ERR JetGetLogInfo(char *szzLogs, uint32_t cbMax, uint32_t *pcbActual)
{
    return JetGetLogInfoInstance(JET_instanceNil, szzLogs, cbMax, pcbActual);
}

JET_ERR JetTruncateLog(void)
{
    return JetTruncateLogInstance(JET_instanceNil);
}

JET_ERR JetEndExternalBackup(void)
{
    return JetEndExternalBackupInstance(JET_instanceNil);
}
