/*
 * The log of an instance that starts: what is in the directory is recovered if need be, and the stream goes on in the segment
 * behind its last record; or a new stream begins (ESE: logredo.cxx ErrLGSoftStart, logstream.cxx ErrLGNewLogFile).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "log/loghdr.h"
#include "log/logname.h"
#include "log/logread.h"
#include "os/file.h"
#include "os/path.h"
#include "recover/live_int.h"
#include "recover/recover_int.h"

/* ---- what a header says of the instance --------------------------------------------------------- */

/* Informative and lossy: bytes that are no ASCII become '?'. */
static void put_path(char to[261], const char *path)
{
    size_t n = 0;

    for (; n < 259 && path[n]; n++)
        to[n] = (unsigned char)path[n] < 0x80 ? path[n] : '?';
    if (n && to[n - 1] != '/')
        to[n++] = '/';
    to[n] = '\0';
}

void livelog_params(const struct live *l, struct dbms_param_disk *p)
{
    memset(p, 0, sizeof(*p));
    put_path(p->system_path, l->sys_dir);
    put_path(p->log_path, l->log_dir);
    p->flags = l->in.conf.circular;
    le32_put(&p->sessions, 16);
    le32_put(&p->open_tables, 300);
    le32_put(&p->version_pages, l->in.conf.ver_max / 65536);
    le32_put(&p->cursors, 1024);
    le32_put(&p->log_buffers, 126);
    le32_put(&p->log_segments, l->in.conf.log_file_kib * 1024 / LOG_SEGMENT_LEN);
    le32_put(&p->cache_max, l->in.conf.cache_max);
}

static JET_ERR new_header(struct live *l)
{
    struct loghdr_disk *h = &l->hdr;
    const struct logtime now = logtime_now();
    JET_ERR err;

    memset(h, 0, sizeof(*h));
    le32_put(&h->gen, 1);
    le16_put(&h->segment_len, LOG_SEGMENT_LEN);
    le16_put(&h->header_segments, 1);
    le16_put(&h->nr_segments, (uint16_t)(l->in.conf.log_file_kib * 1024 / LOG_SEGMENT_LEN));
    le16_put(&h->page_size, (uint16_t)l->in.conf.page_size);
    h->time_created = now;
    le32_put(&h->major, LOG_MAJOR);
    le32_put(&h->minor, LOG_MINOR);
    le32_put(&h->update_major, l->format->log_major);
    le32_put(&h->update_minor, l->format->log_minor);
    memcpy(h->sign_log.b + 4, now.b, sizeof(now.b));
    err = os_random(h->sign_log.b, 4);
    livelog_params(l, &h->dbms);
    h->flags = l->in.conf.circular ? LOG_FLAG_CIRCULAR : 0;
    le64_put(&h->lgpos_checkpoint, lgpos_make(1, 1, 0));
    le32_put(&h->efv, l->format->efv);
    le32_put(&h->filetype, FILETYPE_LOG);
    return err;
}

/* The header of the next generation is made from this one: what this run of the instance changes in it. A stream's format
 * never goes back; true: it goes forward, and so a new generation must begin. */
static bool adopt_header(struct live *l)
{
    struct loghdr_disk *h = &l->hdr;
    const uint32_t major = le32_get(h->update_major);
    const bool newer =
        l->format->log_major > major ||
        (l->format->log_major == major && l->format->log_minor > le32_get(h->update_minor));

    if (newer) {
        le32_put(&h->update_major, l->format->log_major);
        le32_put(&h->update_minor, l->format->log_minor);
        le32_put(&h->efv, l->format->efv);
    }
    livelog_params(l, &h->dbms);
    if (l->in.conf.circular)
        h->flags |= LOG_FLAG_CIRCULAR;
    else if (h->flags & LOG_FLAG_CIRCULAR)
        h->flags = (uint8_t)((h->flags & ~LOG_FLAG_CIRCULAR) | LOG_FLAG_CIRCULAR_HISTORY);
    return newer;
}

/* ---- what is there ----------------------------------------------------------------------------- */

struct found {
    bool any, current, temp;
    lgen_t highest;
    unsigned digits; /* of the generation in its name; 0: there is no archived log */
    char name[64];   /* of the log to go on with */
};

static void look_at(const struct live *l, const char *entry, struct found *f)
{
    struct logname n;

    if (!logname_parse(entry, &n) || !same_name(n.base, l->in.conf.base))
        return;
    if (n.role == LOGNAME_CURRENT) {
        f->any = f->current = true;
        snprintf(f->name, sizeof(f->name), "%s", entry);
    } else if (n.role == LOGNAME_ARCHIVED) {
        f->any = true;
        if (!f->current && n.gen > f->highest)
            snprintf(f->name, sizeof(f->name), "%s", entry);
        if (n.gen > f->highest) {
            f->highest = n.gen;
            f->digits = (unsigned)(strrchr(entry, '.') - entry) - 3;
        }
    } else if (n.role == LOGNAME_TEMP) {
        f->temp = true;
    }
}

static JET_ERR look(struct live *l, struct found *f)
{
    struct os_dir *dir;
    const char *entry;
    JET_ERR err = os_dir_open(l->log_fd, &dir);

    memset(f, 0, sizeof(*f));
    if (err < 0)
        return err;
    while ((err = os_dir_next(dir, &entry)) > 0)
        look_at(l, entry, f);
    os_dir_close(dir);
    return err;
}

/* An existing stream keeps its way of naming. */
static void adopt_names(struct live *l, const struct found *f)
{
    const char *dot = strrchr(f->name, '.');

    if (!dot || strlen(dot) != 4)
        return;
    memcpy(l->ext, dot, sizeof(l->ext));
    memcpy(l->in.conf.base, f->name, 3);
    if (f->digits)
        l->digits = f->digits;
}

/* ---- starting ---------------------------------------------------------------------------------- */

static JET_ERR scan_log(struct live *l, const char *name, bool current, uint32_t *ret_last,
                        uint64_t *ret_checksum)
{
    struct reporter named = l->in.r; /* the name does not last as long as the instance */
    struct logread *r = NULL;
    struct logrec rec;
    lgpos_t at;
    int fd;
    JET_ERR err = os_open_beneath(l->log_fd, name, &fd);

    named.file = name;
    if (err < 0)
        return fault_io(&named, err, ESE_NO_OFFSET, "opening the log");
    err = os_pread_all(fd, &l->hdr, sizeof(l->hdr), 0);
    if (err >= 0)
        err = logread_open(fd, current, &named, &r);
    while (err >= 0 && (err = logread_next(r, &at, &rec)) > 0)
        ;
    if (err >= 0) {
        *ret_last = lgpos_isec(logread_info(r)->lgpos_last);
        *ret_checksum = logread_info(r)->checksum;
    }
    logread_close(r);
    close(fd);
    return err;
}

static JET_ERR check_size(const struct live *l)
{
    const uint32_t kib = (uint32_t)le16_get(l->hdr.nr_segments) * LOG_SEGMENT_LEN / 1024;

    if (kib == l->in.conf.log_file_kib)
        return JET_errSuccess;
    return RAISE(JET_errLogFileSizeMismatchDatabasesConsistent);
}

static void on_failure(void *ctx, JET_ERR err)
{
    (void)inst_fail(ctx, err);
}

static JET_ERR open_wal(struct live *l, const struct live_conf *conf, bool fresh, bool archived,
                        uint32_t last, uint64_t checksum)
{
    const struct wal_hooks hooks = {livedb_attach_list, livedb_generation, on_failure, l};
    const struct wal_start start = {.dirfd = l->log_fd,
                                    .base = l->in.conf.base,
                                    .ext = l->ext,
                                    .digits = l->digits,
                                    .file_len = l->in.conf.log_file_kib * 1024,
                                    .buffer_len = conf->log_buffer_kib * 1024,
                                    .hdr = &l->hdr,
                                    .fresh = fresh,
                                    .archived = archived,
                                    .last_valid = last,
                                    .checksum = checksum};

    l->sign_log = l->hdr.sign_log;
    l->in.log_update_major = le32_get(l->hdr.update_major);
    return wal_open(&start, &hooks, &l->in.r, &l->in.wal);
}

static JET_ERR fresh_stream(struct live *l, const struct live_conf *conf)
{
    JET_ERR err = os_unlink_beneath(l->sys_fd, l->chk_name); /* of a stream that is gone */

    if (err < 0 && err != JET_errFileNotFound)
        return err;
    err = new_header(l);
    return err < 0 ? err : open_wal(l, conf, true, false, 0, 0);
}

static JET_ERR remove_stream(struct live *l)
{
    struct os_dir *dir;
    struct logname n;
    const char *entry;
    JET_ERR err = os_dir_open(l->log_fd, &dir);

    if (err < 0)
        return err;
    while ((err = os_dir_next(dir, &entry)) > 0)
        if (logname_parse(entry, &n) && same_name(n.base, l->in.conf.base) &&
            (err = os_unlink_beneath(l->log_fd, entry)) < 0)
            break;
    os_dir_close(dir);
    return err < 0 ? err : os_fsync(l->log_fd);
}

static JET_ERR recover_stream(struct live *l, const struct live_conf *conf)
{
    const struct live_recovery *r = &conf->recovery;
    const struct ese_recover_opts opts = {.base = l->in.conf.base,
                                          .ignore_missing = r->ignore_missing,
                                          .ignore_lost = r->ignore_lost,
                                          .cancel = r->cancel,
                                          .cache_bytes = (uint64_t)l->in.conf.cache_max *
                                                         l->in.conf.page_size};
    char *chk = NULL;
    struct recover_live how = {.db_dir = conf->db_dir,
                               .map = r->map,
                               .nr_map = r->nr_map,
                               .map_only = r->map_only,
                               .stop = {r->stop, r->stop_time},
                               .without_undo = r->without_undo,
                               .allow_missing_current = r->allow_missing_current,
                               .skip_lost_event = r->skip_lost_event,
                               .leftovers = &l->leftovers};
    struct ese_recovery result;
    JET_ERR err;

    if (asprintf(&chk, "%s/%s", l->sys_dir, l->chk_name) < 0)
        return RAISE(JET_errOutOfMemory);
    how.chk_path = chk;
    err = recover_run(l->log_fd, &opts, &how, l->in.r.fn, l->in.r.ctx, r->progress, r->progress_ctx,
                      &result);
    l->recovered = result.needed;
    l->lost = result.logs_removed ? JET_wrnCommittedLogFilesRemoved
              : result.logs_lost  ? JET_wrnCommittedLogFilesLost
                                  : JET_errSuccess;
    ese_recovery_done(&result);
    free(chk);
    return err;
}

static JET_ERR go_on(struct live *l, const struct live_conf *conf)
{
    struct found f;
    uint32_t last = 0;
    uint64_t checksum = 0;
    lgen_t gen;
    bool newer;
    JET_ERR err = look(l, &f); /* recovery may have begun a generation */

    if (err >= 0)
        err = scan_log(l, f.name, f.current, &last, &checksum);
    if (err < 0)
        return err;
    if (le16_get(l->hdr.page_size) ? le16_get(l->hdr.page_size) != l->in.conf.page_size
                                   : l->in.conf.page_size != 4096)
        return RAISE(JET_errPageSizeMismatch);
    err = check_size(l);
    if (err < 0 && conf->replace_logs) {
        err = remove_stream(l);
        return err < 0 ? err : fresh_stream(l, conf);
    }
    if (err < 0)
        return err;
    newer = adopt_header(l);
    err = open_wal(l, conf, false, !f.current, last, checksum);
    return err >= 0 && newer && f.current ? wal_roll(l->in.wal, &gen) : err;
}

JET_ERR livelog_open(struct live *l, const struct live_conf *conf)
{
    const struct recover_stop stop = {conf->recovery.stop, conf->recovery.stop_time};
    struct found f;
    JET_ERR err = look(l, &f);

    if (err < 0)
        return err;
    if (!f.any && conf->recovery.must_exist)
        return RAISE(JET_errMissingLogFile);
    if (!f.any && (conf->recovery.without_undo || recover_stops(&stop)))
        return RAISE(JET_errRecoveredWithoutUndoDatabasesConsistent);
    if (!f.any)
        return fresh_stream(l, conf);
    adopt_names(l, &f);
    snprintf(l->chk_name, sizeof(l->chk_name), "%s%s", l->in.conf.base,
             same_name(l->ext, ".jtx") ? ".jcp" : ".chk");
    err = recover_stream(l, conf);
    return err < 0 ? err : go_on(l, conf);
}
