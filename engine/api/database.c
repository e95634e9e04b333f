/* Databases: created, attached, opened by sessions (JetCreateDatabase .. JetSetDatabaseSize). */
#include <stdlib.h>

#include "api/api_int.h"
#include "api/utf.h"
#include "btree/spacewrite.h"
#include "os/path.h"

JET_ERR api_full_path(const char *name, char **ret)
{
    char *native;

    if (!name || !*name)
        return RAISE(JET_errInvalidPath);
    native = os_native_path(name);
    *ret = native ? os_full_path(native) : NULL;
    free(native);
    return *ret ? JET_errSuccess : RAISE(JET_errOutOfMemory);
}

static JET_ERR make_parent(const struct jinst *i, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *dir;
    JET_ERR err;

    if (!PARAM(&i->params, CreatePathIfNotExist) || !slash || slash == path)
        return JET_errSuccess;
    dir = strndup(path, (size_t)(slash - path));
    if (!dir)
        return RAISE(JET_errOutOfMemory);
    err = os_make_path(dir);
    free(dir);
    return err;
}

static void note_open(struct jsess *s, const struct db *d, bool read_only)
{
    if (s->opened[d->dbid]++ == 0)
        s->opened_read_only[d->dbid] = read_only;
    else if (!read_only)
        s->opened_read_only[d->dbid] = false;
}

/* ---- creating -------------------------------------------------------------------------------- */

#define CREATE_GRBITS                                                        \
    (JET_bitDbRecoveryOff | JET_bitDbVersioningOff | JET_bitDbShadowingOff | \
     JET_bitDbOverwriteExisting)

/* Where nothing is logged no database is. */
static JET_ERR check_create_grbit(const struct jsess *s, JET_GRBIT grbit)
{
    if (grbit & ~CREATE_GRBITS)
        return RAISE(JET_errInvalidGrbit);
    if (grbit & JET_bitDbVersioningOff && !(grbit & JET_bitDbRecoveryOff))
        return RAISE(JET_errCannotDisableVersioning);
    if (grbit & (JET_bitDbVersioningOff | JET_bitDbShadowingOff) ||
        (grbit & JET_bitDbRecoveryOff && s->inst->in->wal))
        return RAISE(JET_errFeatureNotAvailable);
    return JET_errSuccess;
}

static JET_ERR create(struct jsess *s, const char *name, uint32_t pages_max, JET_DBID *pdbid,
                      JET_GRBIT grbit)
{
    struct live_create c = {.pages_max = pages_max,
                            .overwrite = grbit & JET_bitDbOverwriteExisting};
    struct db *d;
    char *path;
    JET_ERR err;

    if (!pdbid)
        return RAISE(JET_errInvalidParameter);
    err = check_create_grbit(s, grbit);
    if (err < 0)
        return err;
    if (s->s->level > 0)
        return RAISE(JET_errInTransaction);
    err = api_full_path(name, &path);
    if (err < 0)
        return err;
    c.path = path;
    pthread_mutex_lock(&s->inst->lock);
    err = make_parent(s->inst, path);
    if (err >= 0)
        err = live_create_db(s->s, &c, &d);
    if (err >= 0) {
        note_open(s, d, false);
        *pdbid = d->dbid;
    }
    pthread_mutex_unlock(&s->inst->lock);
    free(path);
    return err;
}

JET_ERR JetCreateDatabase2(JET_SESID sesid, const char *szFilename, uint32_t cpgDatabaseSizeMax,
                           JET_DBID *pdbid, JET_GRBIT grbit)
{
    struct jsess *s;
    JET_ERR err = api_enter(sesid, &s);

    return err < 0 ? err : api_leave(s, create(s, szFilename, cpgDatabaseSizeMax, pdbid, grbit));
}

JET_ERR JetCreateDatabase2W(JET_SESID sesid, const JET_WCHAR *szFilename,
                            uint32_t cpgDatabaseSizeMax, JET_DBID *pdbid, JET_GRBIT grbit)
{
    char *name;
    JET_ERR err = utf8_of(szFilename, &name);

    if (err >= 0)
        err = JetCreateDatabase2(sesid, name, cpgDatabaseSizeMax, pdbid, grbit);
    free(name);
    return err;
}

JET_ERR JetCreateDatabase(JET_SESID sesid, const char *szFilename, const char *szConnect,
                          JET_DBID *pdbid, JET_GRBIT grbit)
{
    (void)szConnect;
    return JetCreateDatabase2(sesid, szFilename, 0, pdbid, grbit);
}

JET_ERR JetCreateDatabaseW(JET_SESID sesid, const JET_WCHAR *szFilename, const JET_WCHAR *szConnect,
                           JET_DBID *pdbid, JET_GRBIT grbit)
{
    (void)szConnect;
    return JetCreateDatabase2W(sesid, szFilename, 0, pdbid, grbit);
}

/* ---- attaching ------------------------------------------------------------------------------- */

#define ATTACH_GRBITS                                                                    \
    (JET_bitDbReadOnly | JET_bitDbDeleteCorruptIndexes | JET_bitDbDeleteUnicodeIndexes | \
     JET_bitDbUpgrade | JET_bitDbEnableBackgroundMaintenance | JET_bitDbPurgeCacheOnAttach)

static JET_ERR attach(struct jsess *s, const char *name, uint32_t pages_max, JET_GRBIT grbit)
{
    struct db *d;
    char *path;
    JET_ERR err;

    if (grbit & ~ATTACH_GRBITS)
        return RAISE(JET_errInvalidGrbit);
    if (s->s->level > 0)
        return RAISE(JET_errInTransaction);
    err = api_full_path(name, &path);
    if (err < 0)
        return err;
    pthread_mutex_lock(&s->inst->lock);
    err = live_attach_db(s->s, path, grbit & JET_bitDbReadOnly, pages_max, &d);
    pthread_mutex_unlock(&s->inst->lock);
    free(path);
    return err;
}

JET_ERR JetAttachDatabase2(JET_SESID sesid, const char *szFilename, uint32_t cpgDatabaseSizeMax,
                           JET_GRBIT grbit)
{
    struct jsess *s;
    JET_ERR err = api_enter(sesid, &s);

    return err < 0 ? err : api_leave(s, attach(s, szFilename, cpgDatabaseSizeMax, grbit));
}

JET_ERR JetAttachDatabase2W(JET_SESID sesid, const JET_WCHAR *szFilename,
                            uint32_t cpgDatabaseSizeMax, JET_GRBIT grbit)
{
    char *name;
    JET_ERR err = utf8_of(szFilename, &name);

    if (err >= 0)
        err = JetAttachDatabase2(sesid, name, cpgDatabaseSizeMax, grbit);
    free(name);
    return err;
}

JET_ERR JetAttachDatabase(JET_SESID sesid, const char *szFilename, JET_GRBIT grbit)
{
    return JetAttachDatabase2(sesid, szFilename, 0, grbit);
}

JET_ERR JetAttachDatabaseW(JET_SESID sesid, const JET_WCHAR *szFilename, JET_GRBIT grbit)
{
    return JetAttachDatabase2W(sesid, szFilename, 0, grbit);
}

/* ---- detaching ------------------------------------------------------------------------------- */

static bool is_open(const struct jinst *i, uint8_t dbid)
{
    for (const struct jsess *s = i->sessions; s; s = s->next)
        if (s->opened[dbid])
            return true;
    return false;
}

static JET_ERR detach_one(struct jsess *s, struct db *d)
{
    return is_open(s->inst, d->dbid) ? RAISE(JET_errDatabaseInUse) : live_detach_db(s->s, d);
}

static JET_ERR detach_all(struct jsess *s)
{
    JET_ERR err = JET_errSuccess;

    for (unsigned i = 1; i <= DBID_MAX && err >= 0; i++)
        if (s->inst->in->db[i])
            err = detach_one(s, s->inst->in->db[i]);
    return err;
}

static JET_ERR detach(struct jsess *s, const char *name, JET_GRBIT grbit)
{
    struct db *d;
    char *path = NULL;
    JET_ERR err = JET_errSuccess;

    if (grbit & ~(JET_bitForceDetach | JET_bitForceCloseAndDetach))
        return RAISE(JET_errInvalidGrbit);
    if (grbit)
        return RAISE(JET_errForceDetachNotAllowed);
    if (s->s->level > 0)
        return RAISE(JET_errInTransaction);
    if (name && *name)
        err = api_full_path(name, &path);
    if (err < 0)
        return err;
    pthread_mutex_lock(&s->inst->lock);
    if (!path) {
        err = detach_all(s);
    } else {
        d = live_find_db(s->inst->in, path);
        err = d ? detach_one(s, d) : RAISE(JET_errDatabaseNotFound);
    }
    pthread_mutex_unlock(&s->inst->lock);
    free(path);
    return err;
}

JET_ERR JetDetachDatabase2(JET_SESID sesid, const char *szFilename, JET_GRBIT grbit)
{
    struct jsess *s;
    JET_ERR err = api_enter(sesid, &s);

    return err < 0 ? err : api_leave(s, detach(s, szFilename, grbit));
}

JET_ERR JetDetachDatabase2W(JET_SESID sesid, const JET_WCHAR *szFilename, JET_GRBIT grbit)
{
    char *name;
    JET_ERR err = utf8_of(szFilename, &name);

    if (err >= 0)
        err = JetDetachDatabase2(sesid, name, grbit);
    free(name);
    return err;
}

JET_ERR JetDetachDatabase(JET_SESID sesid, const char *szFilename)
{
    return JetDetachDatabase2(sesid, szFilename, 0);
}

JET_ERR JetDetachDatabaseW(JET_SESID sesid, const JET_WCHAR *szFilename)
{
    return JetDetachDatabase2W(sesid, szFilename, 0);
}

/* ---- opening --------------------------------------------------------------------------------- */

static JET_ERR open_db(struct jsess *s, const char *name, JET_DBID *pdbid, JET_GRBIT grbit)
{
    struct db *d;
    char *path;
    JET_ERR err;

    if (!pdbid)
        return RAISE(JET_errInvalidParameter);
    if (grbit & ~(JET_bitDbReadOnly | JET_bitDbExclusive))
        return RAISE(JET_errInvalidGrbit);
    err = api_full_path(name, &path);
    if (err < 0)
        return err;
    pthread_mutex_lock(&s->inst->lock);
    d = live_find_db(s->inst->in, path);
    if (!d)
        err = RAISE(JET_errDatabaseNotFound);
    else if (grbit & JET_bitDbExclusive && is_open(s->inst, d->dbid))
        err = RAISE(JET_errDatabaseInUse);
    if (err >= 0) {
        note_open(s, d, grbit & JET_bitDbReadOnly);
        *pdbid = d->dbid;
        if (d->read_only && !(grbit & JET_bitDbReadOnly))
            err = JET_wrnFileOpenReadOnly;
    }
    pthread_mutex_unlock(&s->inst->lock);
    free(path);
    return err;
}

JET_ERR JetOpenDatabase(JET_SESID sesid, const char *szFilename, const char *szConnect,
                        JET_DBID *pdbid, JET_GRBIT grbit)
{
    struct jsess *s;
    JET_ERR err = api_enter(sesid, &s);

    (void)szConnect;
    return err < 0 ? err : api_leave(s, open_db(s, szFilename, pdbid, grbit));
}

JET_ERR JetOpenDatabaseW(JET_SESID sesid, const JET_WCHAR *szFilename, const JET_WCHAR *szConnect,
                         JET_DBID *pdbid, JET_GRBIT grbit)
{
    char *name;
    JET_ERR err = utf8_of(szFilename, &name);

    (void)szConnect;
    if (err >= 0)
        err = JetOpenDatabase(sesid, name, NULL, pdbid, grbit);
    free(name);
    return err;
}

static void close_cursors_of(struct jsess *s, const struct db *d)
{
    for (struct jcursor *c = s->cursors, *next; c; c = next) {
        next = c->next;
        if (c->c && c->c->db == d)
            cursor_close(c);
    }
}

static void close_db(struct jsess *s, JET_DBID dbid)
{
    pthread_mutex_lock(&s->inst->lock);
    if (--s->opened[dbid] == 0)
        close_cursors_of(s, s->inst->in->db[dbid]);
    pthread_mutex_unlock(&s->inst->lock);
}

JET_ERR JetCloseDatabase(JET_SESID sesid, JET_DBID dbid, JET_GRBIT grbit)
{
    struct jsess *s;
    struct db *d;
    JET_ERR err = api_enter(sesid, &s);

    if (err < 0)
        return err;
    if (grbit)
        return api_leave(s, RAISE(JET_errInvalidGrbit));
    err = api_database(s, dbid, &d);
    if (err >= 0)
        close_db(s, dbid);
    return api_leave(s, err);
}

/* ---- size ------------------------------------------------------------------------------------ */

static JET_ERR grow(struct jsess *s, JET_DBID dbid, uint32_t nr, uint32_t *ret)
{
    struct db *d;
    JET_ERR err = api_database(s, dbid, &d);

    if (err >= 0 && (d->read_only || s->opened_read_only[dbid]))
        err = RAISE(JET_errPermissionDenied);
    if (err >= 0)
        err = trx_begin(s->s);
    if (err < 0)
        return err;
    err = space_grow(s->s, d, nr, ret);
    if (err < 0) {
        JET_ERR err2 = trx_rollback(s->s);
        return err2 < 0 ? err2 : err;
    }
    return trx_commit(s->s, false);
}

JET_ERR JetGrowDatabase(JET_SESID sesid, JET_DBID dbid, uint32_t cpg, uint32_t *pcpgReal)
{
    struct jsess *s;
    uint32_t pages;
    JET_ERR err = api_enter(sesid, &s);

    if (err < 0)
        return err;
    err = grow(s, dbid, cpg, &pages);
    if (err >= 0 && pcpgReal)
        *pcpgReal = pages;
    return api_leave(s, err);
}

JET_ERR JetResizeDatabase(JET_SESID sesid, JET_DBID dbid, uint32_t cpgTarget, uint32_t *pcpgActual,
                          JET_GRBIT grbit)
{
    struct jsess *s;
    struct db *d;
    uint32_t pages;
    JET_ERR err = api_enter(sesid, &s);

    if (err < 0)
        return err;
    if (!pcpgActual)
        return api_leave(s, RAISE(JET_errInvalidParameter));
    if (grbit & ~(JET_bitResizeDatabaseOnlyGrow | JET_bitResizeDatabaseOnlyShrink) ||
        grbit == (JET_bitResizeDatabaseOnlyGrow | JET_bitResizeDatabaseOnlyShrink))
        return api_leave(s, RAISE(JET_errInvalidGrbit));
    err = api_database(s, dbid, &d);
    if (err < 0)
        return api_leave(s, err);
    pages = d->pgno_last;
    if (cpgTarget > pages && !(grbit & JET_bitResizeDatabaseOnlyShrink))
        err = grow(s, dbid, cpgTarget - pages, &pages);
    else if (cpgTarget < pages && !(grbit & JET_bitResizeDatabaseOnlyGrow))
        /* pages in use are not moved: eseutil compact makes a smaller file */
        err = JET_wrnShrinkNotPossible;
    *pcpgActual = pages;
    return api_leave(s, err);
}

/* At least so many pages; the file's header pages do not count. */
static JET_ERR set_size(struct jsess *s, const char *name, uint32_t wanted, uint32_t *ret)
{
    JET_DBID dbid;
    uint32_t pages;
    JET_ERR err = ret ? open_db(s, name, &dbid, 0) : RAISE(JET_errInvalidParameter);

    if (err < 0)
        return err;
    pages = s->inst->in->db[dbid]->pgno_last;
    err = wanted > pages ? grow(s, dbid, wanted - pages, &pages) : JET_errSuccess;
    *ret = pages;
    close_db(s, dbid);
    return err;
}

JET_ERR JetSetDatabaseSize(JET_SESID sesid, const char *szDatabaseName, uint32_t cpg,
                           uint32_t *pcpgReal)
{
    struct jsess *s;
    JET_ERR err = api_enter(sesid, &s);

    return err < 0 ? err : api_leave(s, set_size(s, szDatabaseName, cpg, pcpgReal));
}

JET_ERR JetSetDatabaseSizeW(JET_SESID sesid, const JET_WCHAR *szDatabaseName, uint32_t cpg,
                            uint32_t *pcpgReal)
{
    char *name;
    JET_ERR err = utf8_of(szDatabaseName, &name);

    if (err >= 0)
        err = JetSetDatabaseSize(sesid, name, cpg, pcpgReal);
    free(name);
    return err;
}
