/* Databases described, attached or not (JetGetDatabaseInfo, JetGetDatabaseFileInfo). */
#include <stdlib.h>
#include <unistd.h>

#include "api/api_int.h"
#include "api/utf.h"
#include "btree/spacewrite.h"
#include "os/file.h"
#include "os/path.h"
#include "rec/text.h"

static JET_LGPOS lgpos_out(lgpos_t p)
{
    return (JET_LGPOS){.ib = (uint16_t)lgpos_ib(p),
                       .isec = (uint16_t)lgpos_isec(p),
                       .lGeneration = (int32_t)lgpos_gen(p)};
}

static void bkinfo_out(const struct bkinfo_disk *b, JET_BKINFO *ret)
{
    ret->lgposMark = lgpos_out(le64_get(b->mark));
    memcpy(&ret->logtimeMark, &b->time, sizeof(ret->logtimeMark));
    ret->genLow = le32_get(b->gen_low);
    ret->genHigh = le32_get(b->gen_high);
}

static void misc_out(const struct dbhdr_disk *h, JET_DBINFOMISC4 *r)
{
    JET_DBINFOMISC *m = &r->dbinfo;

    memset(r, 0, sizeof(*r));
    m->ulVersion = le32_get(h->version);
    m->ulUpdate = le32_get(h->update_major);
    memcpy(&m->signDb, &h->sign_db, sizeof(m->signDb));
    m->dbstate = le32_get(h->state);
    m->lgposConsistent = lgpos_out(le64_get(h->lgpos_consistent));
    memcpy(&m->logtimeConsistent, &h->time_consistent, 8);
    memcpy(&m->logtimeAttach, &h->time_attach, 8);
    m->lgposAttach = lgpos_out(le64_get(h->lgpos_attach));
    memcpy(&m->logtimeDetach, &h->time_detach, 8);
    m->lgposDetach = lgpos_out(le64_get(h->lgpos_detach));
    memcpy(&m->signLog, &h->sign_log, sizeof(m->signLog));
    bkinfo_out(&h->full_prev, &m->bkinfoFullPrev);
    bkinfo_out(&h->inc_prev, &m->bkinfoIncPrev);
    bkinfo_out(&h->full_cur, &m->bkinfoFullCur);
    m->dwMajorVersion = le32_get(h->os_major);
    m->dwMinorVersion = le32_get(h->os_minor);
    m->dwBuildNumber = le32_get(h->os_build);
    m->lSPNumber = (int32_t)le32_get(h->os_service_pack);
    m->cbPageSize = le32_get(h->page_size) ? le32_get(h->page_size) : 4096;
    r->genMinRequired = le32_get(h->gen_min_required);
    r->genMaxRequired = le32_get(h->gen_max_required);
    memcpy(&r->logtimeGenMaxCreate, &h->time_gen_max_created, 8);
    r->ulRepairCount = le32_get(h->repair_count);
    memcpy(&r->logtimeRepair, &h->time_repair, 8);
    r->ulRepairCountOld = le32_get(h->repair_count_old);
    r->ulECCFixSuccess = le32_get(h->ecc_fixed);
    memcpy(&r->logtimeECCFixSuccess, &h->time_ecc_fixed, 8);
    r->ulECCFixSuccessOld = le32_get(h->ecc_fixed_old);
    r->ulECCFixFail = le32_get(h->ecc_failed);
    memcpy(&r->logtimeECCFixFail, &h->time_ecc_failed, 8);
    r->ulECCFixFailOld = le32_get(h->ecc_failed_old);
    r->ulBadChecksum = le32_get(h->bad_checksum);
    memcpy(&r->logtimeBadChecksum, &h->time_bad_checksum, 8);
    r->ulBadChecksumOld = le32_get(h->bad_checksum_old);
    r->genCommitted = le32_get(h->gen_max_committed);
    bkinfo_out(&h->copy_prev, &r->bkinfoCopyPrev);
    bkinfo_out(&h->diff_prev, &r->bkinfoDiffPrev);
}

static JET_ERR misc(const struct dbhdr_disk *h, void *buf, uint32_t cb)
{
    JET_DBINFOMISC4 r;

    if (cb != sizeof(JET_DBINFOMISC) && cb < sizeof(JET_DBINFOMISC4))
        return RAISE(JET_errInvalidBufferSize);
    misc_out(h, &r);
    memcpy(buf, &r, cb < sizeof(r) ? sizeof(JET_DBINFOMISC) : sizeof(r));
    return JET_errSuccess;
}

static JET_ERR put_number(uint32_t n, void *buf, uint32_t cb)
{
    if (cb != sizeof(n))
        return RAISE(JET_errInvalidBufferSize);
    memcpy(buf, &n, sizeof(n));
    return JET_errSuccess;
}

static JET_ERR space(struct jsess *s, struct db *d, bool owned, void *buf, uint32_t cb)
{
    uint32_t own, avail;
    struct tree *root;
    JET_ERR err = space_root(d, &root);

    if (err >= 0)
        err = space_count(s->s, root, &own, &avail);
    return err < 0 ? err : put_number(owned ? own : avail, buf, cb);
}

static JET_ERR info(struct jsess *s, struct db *d, void *buf, uint32_t cb, uint32_t level,
                    bool wide)
{
    struct os_stat st;
    JET_ERR err;

    if (!buf)
        return RAISE(JET_errInvalidParameter);
    switch (level) {
    case JET_DbInfoFilename:
        if (wide)
            return utf16_put(d->path, buf, cb, NULL);
        if (cb <= strlen(d->path))
            return RAISE(JET_errBufferTooSmall);
        strcpy(buf, d->path);
        return JET_errSuccess;
    case JET_DbInfoConnect:
        if (cb < 2)
            return RAISE(JET_errBufferTooSmall);
        memset(buf, 0, wide ? 2 : 1);
        return JET_errSuccess;
    case JET_DbInfoLCID:
        return put_number(0x409, buf, cb);
    case JET_DbInfoCp:
        return put_number(CP_UTF16, buf, cb);
    case JET_DbInfoCountry:
    case JET_DbInfoCollate:
        return put_number(0, buf, cb);
    case JET_DbInfoOptions:
        return put_number(s->opened_read_only[d->dbid] ? JET_bitDbReadOnly : 0, buf, cb);
    case JET_DbInfoTransactions:
        return put_number(7, buf, cb); /* levels */
    case JET_DbInfoVersion:
        return put_number(DB_VERSION, buf, cb);
    case JET_DbInfoPageSize:
        return put_number(d->page_size, buf, cb);
    case JET_DbInfoFileType:
        return put_number(JET_filetypeDatabase, buf, cb);
    case JET_DbInfoFilesize:
        return put_number(d->pgno_last + 2, buf, cb);
    case JET_DbInfoFilesizeOnDisk:
        err = os_stat_fd(d->fd, &st);
        return err < 0 ? err : put_number((uint32_t)(st.blocks512 * 512 / d->page_size), buf, cb);
    case JET_DbInfoSpaceOwned:
    case JET_DbInfoSpaceAvailable:
        return space(s, d, level == JET_DbInfoSpaceOwned, buf, cb);
    case JET_DbInfoMisc:
        pthread_mutex_lock(&d->hdr_lock);
        err = misc(db_hdr(d), buf, cb);
        pthread_mutex_unlock(&d->hdr_lock);
        return err;
    default:
        return RAISE(JET_errInvalidParameter);
    }
}

static JET_ERR database_info(JET_SESID sesid, JET_DBID dbid, void *pvResult, uint32_t cbMax,
                             uint32_t InfoLevel, bool wide)
{
    struct jsess *s;
    struct db *d;
    JET_ERR err = api_enter(sesid, &s);

    if (err < 0)
        return err;
    err = api_database(s, dbid, &d);
    return api_leave(s, err < 0 ? err : info(s, d, pvResult, cbMax, InfoLevel, wide));
}

JET_ERR JetGetDatabaseInfo(JET_SESID sesid, JET_DBID dbid, void *pvResult, uint32_t cbMax,
                           uint32_t InfoLevel)
{
    return database_info(sesid, dbid, pvResult, cbMax, InfoLevel, false);
}

JET_ERR JetGetDatabaseInfoW(JET_SESID sesid, JET_DBID dbid, void *pvResult, uint32_t cbMax,
                            uint32_t InfoLevel)
{
    return database_info(sesid, dbid, pvResult, cbMax, InfoLevel, true);
}

/* ---- a file that nobody has attached --------------------------------------------------------- */

static JET_ERR read_head(const char *path, uint8_t **ret, const struct dbhdr_disk **ret_hdr,
                         struct os_stat *st)
{
    struct reporter quiet = {0};
    struct ese_db_info db;
    size_t len;
    int fd;
    JET_ERR err = os_open_file(path, &fd);

    if (err < 0)
        return err;
    *ret = malloc(DBHDR_HEAD_LEN);
    err = *ret ? os_stat_fd(fd, st) : RAISE(JET_errOutOfMemory);
    if (err >= 0)
        err = os_pread(fd, *ret, DBHDR_HEAD_LEN, 0, &len);
    if (err >= 0)
        err = dbhdr_decode(*ret, len, &quiet, &db, ret_hdr);
    close(fd);
    return err;
}

static JET_ERR file_type(const char *path, void *buf, uint32_t cb)
{
    struct ese_header h;
    uint32_t type = JET_filetypeUnknown;
    int fd;
    JET_ERR err = os_open_file(path, &fd);

    if (err < 0)
        return err;
    err = ese_header_read(fd, path, NULL, NULL, &h);
    if (err >= 0) {
        type = h.kind == ESE_KIND_DATABASE     ? JET_filetypeDatabase
               : h.kind == ESE_KIND_LOG        ? JET_filetypeLog
               : h.kind == ESE_KIND_CHECKPOINT ? JET_filetypeCheckpoint
                                               : JET_filetypeUnknown;
        ese_header_done(&h);
    }
    close(fd);
    return put_number(type, buf, cb);
}

static JET_ERR file_info(const char *name, void *buf, uint32_t cb, uint32_t level)
{
    const struct dbhdr_disk *h;
    struct os_stat st;
    uint8_t *head = NULL;
    char *path;
    uint64_t size;
    JET_ERR err = buf ? api_full_path(name, &path) : RAISE(JET_errInvalidParameter);

    if (err < 0)
        return err;
    if (level == JET_DbInfoFileType) {
        err = file_type(path, buf, cb);
        free(path);
        return err;
    }
    err = read_head(path, &head, &h, &st);
    free(path);
    if (err >= 0) {
        switch (level) {
        case JET_DbInfoMisc:
            err = misc(h, buf, cb);
            break;
        case JET_DbInfoPageSize:
            err = put_number(le32_get(h->page_size) ? le32_get(h->page_size) : 4096, buf, cb);
            break;
        case JET_DbInfoFilesize:
        case JET_DbInfoFilesizeOnDisk:
            size = level == JET_DbInfoFilesize ? st.size : st.blocks512 * 512;
            err = cb == sizeof(size) ? JET_errSuccess : RAISE(JET_errInvalidBufferSize);
            if (err >= 0)
                memcpy(buf, &size, sizeof(size));
            break;
        case JET_DbInfoUpgrade:
        case JET_DbInfoDBInUse:
        default:
            err = RAISE(JET_errInvalidParameter);
        }
    }
    free(head);
    return err;
}

JET_ERR JetGetDatabaseFileInfo(const char *szDatabaseName, void *pvResult, uint32_t cbMax,
                               uint32_t InfoLevel)
{
    return file_info(szDatabaseName, pvResult, cbMax, InfoLevel);
}

JET_ERR JetGetDatabaseFileInfoW(const JET_WCHAR *szDatabaseName, void *pvResult, uint32_t cbMax,
                                uint32_t InfoLevel)
{
    char *name;
    JET_ERR err = utf8_of(szDatabaseName, &name);

    if (err >= 0)
        err = file_info(name, pvResult, cbMax, InfoLevel);
    free(name);
    return err;
}
