/*
 * The checkpoint of a running instance (ESE: log.cxx LGIUpdateCheckpoint; write path 12).
 *
 * It is the smallest of: the log's tip, the Begin0 of every open transaction, the oldest change of every dirty page. These
 * are read in this order. A change is logged by a session whose Begin0 stands in the table until after its page is
 * marked dirty: so who is not seen in the table any more has its page among the dirty ones, or on disk.
 *
 * Order of writes when it moves: pages and their sync, headers (what they require rises), checkpoint file, then logs that
 * nobody needs are deleted. A crash between two of them leaves headers that require less than is there.
 */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "log/attach.h"
#include "log/logwrite.h"
#include "os/file.h"
#include "os/thread.h"
#include "page/dbhdrwrite.h"
#include "recover/live_int.h"

#define TICK_MS         250
#define CIRCULAR_MARGIN 2 /* generations kept below the checkpoint's (ESE: write path 12.4) */

/* ---- the file --------------------------------------------------------------------------------- */

static JET_ERR write_file(struct live *l)
{
    struct reporter r = l->in.r;
    int fd;
    JET_ERR err = os_open_beneath_rw(l->sys_fd, l->chk_name, &fd);

    if (err == JET_errFileNotFound)
        err = os_create_beneath(l->sys_fd, l->chk_name, &fd);
    r.file = l->chk_name;
    if (err < 0)
        return fault_io(&r, err, ESE_NO_OFFSET, "opening the checkpoint for writing");
    err = chkpt_write(fd, &l->chk, &r);
    close(fd);
    if (err >= 0 && (err = os_fsync(l->sys_fd)) < 0)
        err = fault_io(&r, err, ESE_NO_OFFSET, "syncing the directory of the checkpoint");
    return err;
}

static JET_ERR read_file(struct live *l)
{
    struct reporter quiet = {0};
    const struct chkpt_disk *raw;
    struct ese_chk_info info;
    uint8_t buf[CHKPT_FILE_LEN];
    size_t len;
    int fd;
    JET_ERR err = os_open_beneath(l->sys_fd, l->chk_name, &fd);

    if (err < 0)
        return err;
    err = os_pread(fd, buf, sizeof(buf), 0, &len);
    close(fd);
    if (err >= 0)
        err = chkpt_decode(buf, len, &quiet, &info, &raw);
    if (err < 0)
        return err;
    if (memcmp(&info.sign_log, &l->sign_log, sizeof(info.sign_log)) == 0)
        l->chk = *raw;
    else
        err = RAISE(JET_errBadCheckpointSignature);
    chkpt_info_done(&info);
    return err;
}

static JET_ERR write_at(struct live *l, lgpos_t lgpos)
{
    JET_ERR err;

    l->chk.sign_log = l->sign_log;
    livelog_params(l, &l->chk.dbms);
    le32_put(&l->chk.filetype, FILETYPE_CHECKPOINT);
    le64_put(&l->chk.lgpos_checkpoint, lgpos);
    le64_put(&l->chk.lgpos_consistency, lgpos);
    l->chk.version = 1;
    err = livedb_attach_upto(l, lgpos, l->chk.attach);
    return err < 0 ? err : write_file(l);
}

JET_ERR livechk_close(struct live *l, lgpos_t term)
{
    JET_ERR err;

    pthread_mutex_lock(&l->chk_lock);
    le64_put(&l->chk.lgpos_checkpoint, term);
    le64_put(&l->chk.lgpos_consistency, term);
    l->chk.version = 0;
    memset(l->chk.attach, 0, sizeof(l->chk.attach));
    err = write_file(l);
    pthread_mutex_unlock(&l->chk_lock);
    return err;
}

/* ---- moving it -------------------------------------------------------------------------------- */

static uint64_t log_bytes(const struct live *l, lgpos_t p)
{
    const uint64_t file = (uint64_t)l->in.conf.log_file_kib * 1024;

    return lgpos_gen(p) * file + (uint64_t)lgpos_isec(p) * LOG_SEGMENT_LEN;
}

/* Where the checkpoint should be by now. */
static lgpos_t wanted(const struct live *l, lgpos_t tip)
{
    const uint64_t file = (uint64_t)l->in.conf.log_file_kib * 1024, at = log_bytes(l, tip);
    const uint64_t depth = l->in.conf.checkpoint_depth;
    uint64_t to;

    if (at <= depth + file)
        return 0;
    to = at - depth;
    return lgpos_make((lgen_t)(to / file), (uint32_t)(to % file / LOG_SEGMENT_LEN), 0);
}

static JET_ERR write_pages(struct live *l, lgpos_t before)
{
    JET_ERR err = JET_errSuccess;

    for (unsigned i = 1; i <= DBID_MAX && err >= 0; i++)
        if (l->attached[i] && !l->attached[i]->read_only)
            err = bufpool_write(l->attached[i]->pool, before);
    return err;
}

static lgpos_t oldest_needed(struct live *l, lgpos_t tip)
{
    lgpos_t min = tip, p = trx_oldest_begin0(&l->in);

    if (p < min)
        min = p;
    for (unsigned i = 1; i <= DBID_MAX; i++) {
        if (!l->attached[i] || l->attached[i]->read_only)
            continue;
        p = l->attached[i]->creating ? le64_get(db_hdr(l->attached[i])->lgpos_attach)
                                     : bufpool_oldest(l->attached[i]->pool);
        if (p < min)
            min = p;
    }
    return min;
}

static JET_ERR raise_required(struct live *l, struct db *d, lgen_t gen)
{
    struct dbhdr_disk *h = db_hdr(d);
    struct reporter r = l->in.r;
    JET_ERR err;

    r.file = d->path;
    pthread_mutex_lock(&d->hdr_lock);
    if (gen > le32_get(h->gen_min_required))
        le32_put(&h->gen_min_required, gen);
    if (gen > le32_get(h->gen_min_consistent))
        le32_put(&h->gen_min_consistent, gen);
    le64_put(&h->dbtime, atomic_load(&d->dbtime));
    le32_put(&h->objid_last, atomic_load(&d->objid_last));
    err = dbhdr_write(d->fd, d->hdr, d->page_size, logtime_now(), &r);
    pthread_mutex_unlock(&d->hdr_lock);
    return err;
}

static JET_ERR sync_and_raise(struct live *l, lgen_t gen, bool headers)
{
    JET_ERR err = JET_errSuccess;

    for (unsigned i = 1; i <= DBID_MAX && err >= 0; i++) {
        struct db *d = l->attached[i];
        if (!d || d->read_only)
            continue;
        err = bufpool_sync(d->pool);
        if (err >= 0 && headers)
            err = raise_required(l, d, gen);
    }
    return err;
}

/* chk_lock is held: no database comes or goes meanwhile (attach and detach take it). */
static JET_ERR advance(struct live *l, bool all)
{
    const lgpos_t before = le64_get(l->chk.lgpos_consistency);
    const lgpos_t tip = wal_tip(l->in.wal), want = all ? UINT64_MAX : wanted(l, tip);
    lgpos_t to;
    JET_ERR err;

    if (want <= before)
        return JET_errSuccess;
    err = write_pages(l, want);
    if (err < 0)
        return err;
    to = oldest_needed(l, tip);
    to = lgpos_make(lgpos_gen(to), lgpos_isec(to), 0);
    if (lgpos_isec(to) == 0)
        to = lgpos_make(lgpos_gen(to), 1, 0);
    if (to <= before)
        return JET_errSuccess;
    err = wal_flush_all(
        l->in.wal); /* a checkpoint beyond the end of the log on disk would be a lie */
    if (err >= 0)
        err = sync_and_raise(l, lgpos_gen(to), lgpos_gen(to) != lgpos_gen(before));
    if (err >= 0)
        err = write_at(l, to);
    if (err < 0)
        return err;
    atomic_store(&l->consistency, to);
    wal_set_checkpoint(l->in.wal, to);
    if (l->in.conf.circular && lgpos_gen(to) > CIRCULAR_MARGIN)
        err = wal_delete_below(l->in.wal, lgpos_gen(to) - CIRCULAR_MARGIN);
    return err;
}

JET_ERR live_checkpoint(struct inst *in, bool all)
{
    struct live *l = live_of(in);
    JET_ERR err = inst_check(in);

    if (err < 0)
        return err;
    pthread_mutex_lock(&l->chk_lock);
    if (l->frozen)
        err = JET_errSuccess; /* later */
    else if (in->wal)
        err = advance(l, all);
    else if (all)
        err = write_pages(l, UINT64_MAX);
    pthread_mutex_unlock(&l->chk_lock);
    return err < 0 ? inst_fail(in, err) : JET_errSuccess;
}

/* ---- the thread that does so ------------------------------------------------------------------ */

static void wait_tick(struct live *l)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += TICK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_cond_timedwait(&l->tick, &l->tick_lock, &until);
}

static void *ticker(void *arg)
{
    struct live *l = arg;

    pthread_mutex_lock(&l->tick_lock);
    while (!l->stop) {
        wait_tick(l);
        if (l->stop)
            break;
        pthread_mutex_unlock(&l->tick_lock);
        if (live_checkpoint(&l->in, false) < 0) { /* the instance is down; live_term will say so */
            pthread_mutex_lock(&l->tick_lock);
            break;
        }
        pthread_mutex_lock(&l->tick_lock);
    }
    pthread_mutex_unlock(&l->tick_lock);
    return NULL;
}

JET_ERR livechk_start(struct live *l, bool fresh)
{
    JET_ERR err = JET_errSuccess;

    if (fresh)
        memset(&l->chk, 0, sizeof(l->chk));
    else
        err = read_file(l);
    if (err < 0 && err != JET_errFileNotFound && err != JET_errBadCheckpointSignature &&
        err != JET_errCheckpointCorrupt && err != JET_errFileInvalidType)
        return err;
    pthread_mutex_lock(&l->chk_lock);
    err = fresh ? write_at(l, lgpos_make(1, 1, 0)) : JET_errSuccess;
    atomic_store(&l->consistency, le64_get(l->chk.lgpos_consistency));
    pthread_mutex_unlock(&l->chk_lock);
    if (err < 0)
        return err;
    err = os_thread_start(&l->ticker, ticker, l);
    l->ticking = err >= 0;
    return err;
}

void livechk_stop(struct live *l)
{
    if (!l->ticking)
        return;
    pthread_mutex_lock(&l->tick_lock);
    l->stop = true;
    pthread_cond_signal(&l->tick);
    pthread_mutex_unlock(&l->tick_lock);
    pthread_join(l->ticker, NULL);
    l->ticking = false;
}

void live_checkpoint_info(struct inst *in, struct chkpt_disk *ret)
{
    struct live *l = live_of(in);

    pthread_mutex_lock(&l->chk_lock);
    *ret = l->chk;
    pthread_mutex_unlock(&l->chk_lock);
}
