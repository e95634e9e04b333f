/* The steps of a backup into a directory; bktarget.h: where the files go. */
#include "backup/backupdir.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "backup/bkset.h"
#include "backup/bktarget.h"
#include "backup/session_priv.h"
#include "os/file.h"
#include "os/outfile.h"

#define LOG_FIRST_MS \
    4u /* so long a piece waits for the log: a backup under load ends all the same */

struct run {
    struct inst *in;
    struct backup *b;
    const struct backupdir_opts *opts;
    struct bktarget target;
    backupdir_progress_fn *progress;
    void *ctx;
    uint64_t done, total;
    struct outfile *out;
    lgen_t set_last; /* incremental: up to it logs are in the set already */
};

/* ---- progress -------------------------------------------------------------------------------- */

static uint64_t log_len(const struct run *r)
{
    return (uint64_t)r->in->conf.log_file_kib * 1024;
}

static uint64_t estimate(const struct run *r)
{
    const lgen_t tip = wal_gen(r->in->wal),
                 first = r->opts->how.incremental ? wal_lowest(r->in->wal) : r->b->copy_mic;
    uint64_t n = log_len(r) * (tip - first + 1);

    for (unsigned i = 1; i <= DBID_MAX && !r->opts->how.incremental; i++) {
        const struct db *d = backup_db(r->b, i);
        struct os_stat st;

        if (d && os_stat_fd(d->fd, &st) >= 0)
            n += st.size + d->page_size;
    }
    return n;
}

static JET_ERR advance(struct run *r, uint64_t len)
{
    r->done += len;
    if (r->done > r->total)
        r->total = r->done;
    return r->progress ? r->progress(r->ctx, r->done, r->total) : JET_errSuccess;
}

/* ---- one file -------------------------------------------------------------------------------- */

static JET_ERR say(struct run *r, const char *file, JET_ERR err, uint64_t off, const char *doing)
{
    struct reporter rep = r->in->r;

    rep.file = file;
    return fault_io(&rep, err, off, doing);
}

static JET_ERR say_write(struct run *r, const char *name, JET_ERR err)
{
    return say(r, name, err, outfile_failed_at(r->out), "writing the copy");
}

/* Who commits waits for the sync of a log, and a disk that has a piece of ours to write first takes long for it. */
static void let_log_go_first(const struct run *r)
{
    const struct timespec ms = {0, 1000000};

    for (unsigned i = 0; i < LOG_FIRST_MS && wal_is_writing(r->in->wal); i++)
        nanosleep(&ms, NULL);
}

static JET_ERR stream_pieces(struct run *r, struct backup_file *f, const char *name)
{
    for (;;) {
        uint8_t *piece;
        size_t got;
        JET_ERR err = outfile_piece(r->out, &piece);

        if (err < 0)
            return say_write(r, name, err);
        err = backup_read(f, piece, OUTFILE_PIECE, &got);
        if (err < 0 || got == 0)
            return err;
        let_log_go_first(r);
        outfile_put(r->out, got);
        err = advance(r, got);
        if (err < 0)
            return err;
    }
}

static JET_ERR stream(struct run *r, struct backup_file *f, int fd, const char *name, uint64_t size)
{
    JET_ERR err = outfile_begin(r->out, fd, size);

    if (err < 0)
        return say_write(r, name, err);
    err = stream_pieces(r, f, name);
    if (err < 0) {
        outfile_drop(r->out);
        return err;
    }
    err = outfile_end(r->out);
    if (err < 0)
        return say_write(r, name, err);
    err = os_fsync(fd);
    return err < 0 ? say(r, name, err, ESE_NO_OFFSET, "syncing the copy") : JET_errSuccess;
}

static JET_ERR copy_to(struct run *r, struct backup_file *f, const char *name, uint64_t size)
{
    int fd;
    JET_ERR err = bktarget_create(&r->target, name, &fd);

    if (err < 0) {
        err = say(r, name, err, ESE_NO_OFFSET, "making the copy");
    } else {
        err = stream(r, f, fd, name, size);
        close(fd);
    }
    backup_close(f);
    return err;
}

static JET_ERR copy_db(struct run *r, struct db *d)
{
    struct backup_file *f;
    uint64_t size;
    JET_ERR err = backup_open_db(r->b, d, &f, &size);

    return err < 0 ? err : copy_to(r, f, backup_base_name(d), size);
}

static JET_ERR copy_databases(struct run *r)
{
    JET_ERR err = JET_errSuccess;

    for (unsigned i = 1; i <= DBID_MAX && err >= 0; i++)
        if (backup_db(r->b, i))
            err = copy_db(r, backup_db(r->b, i));
    return err;
}

/* ---- logs ------------------------------------------------------------------------------------ */

/* The set has this log: the same bytes, or it is no base for us. */
static JET_ERR compare_with_set(struct run *r, struct backup_file *f, int fd, const char *name)
{
    const size_t half = OUTFILE_PIECE / 2; /* of memory that nothing is written from now */
    uint64_t off = 0;
    size_t got, there;
    uint8_t *ours;
    JET_ERR err = outfile_piece(r->out, &ours);

    if (err < 0)
        return err;
    while ((err = backup_read(f, ours, half, &got)) >= 0 && got > 0) {
        err = os_pread(fd, ours + half, got, off, &there);
        if (err < 0)
            return say(r, name, err, off, "reading the backup before");
        if (there != got || memcmp(ours, ours + half, got) != 0) {
            struct reporter rep = r->in->r;
            rep.file = name;
            return fault(&rep, JET_errLogFileCorrupt, 0, 0, off,
                         "the log in the backup before is not the one of the instance");
        }
        off += got;
        err = advance(r, got);
        if (err < 0)
            return err;
    }
    return err;
}

static JET_ERR compare_log(struct run *r, struct backup_file *f, const char *name)
{
    int fd;
    JET_ERR err = os_open_beneath(r->target.set, name, &fd);

    if (err >= 0) {
        err = compare_with_set(r, f, fd, name);
        close(fd);
    }
    backup_close(f);
    return err;
}

static JET_ERR copy_log(struct run *r, lgen_t gen)
{
    char name[LOGGEN_NAME_LEN];
    struct backup_file *f;
    uint64_t size;
    JET_ERR err = backup_open_log(r->b, gen, &f, &size);

    if (err < 0)
        return err;
    (void)wal_archived_name(r->in->wal, gen, name);
    /* A log from before the set's full backup is in nobody's set, and stays so. */
    if (r->opts->how.incremental && gen <= r->set_last && os_is_file_beneath(r->target.set, name))
        return compare_log(r, f, name);
    return copy_to(r, f, name, size);
}

/* An empty file that a restore on Windows expects beside each database. */
static JET_ERR make_marker(struct run *r, const struct db *d)
{
    const char *base = backup_base_name(d), *dot = strrchr(base, '.');
    const int stem = dot ? (int)(dot - base) : (int)strlen(base);
    char *name;
    int fd;
    JET_ERR err;

    if (asprintf(&name, "%.*s.pat", stem, base) < 0)
        return RAISE(JET_errOutOfMemory);
    err = bktarget_create(&r->target, name, &fd);
    if (err >= 0) {
        err = os_fsync(fd);
        close(fd);
    }
    if (err < 0)
        err = say(r, name, err, ESE_NO_OFFSET, "making the marker");
    free(name);
    return err;
}

static JET_ERR copy_logs(struct run *r)
{
    lgen_t mic, mac;
    JET_ERR err = backup_prepare_logs(r->b, &mic, &mac);

    for (lgen_t gen = mic; err >= 0 && gen < mac; gen++)
        err = copy_log(r, gen);
    for (unsigned i = 1; i <= DBID_MAX && err >= 0 && !r->opts->how.incremental; i++)
        if (backup_db(r->b, i))
            err = make_marker(r, backup_db(r->b, i));
    return err;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static JET_ERR take_up_set(struct run *r)
{
    JET_ERR err = bkset_check(r->b, r->target.set, r->target.dir, &r->set_last);

    return err < 0 ? err : bkset_link(r->target.set, r->target.fd);
}

static JET_ERR copy_all(struct run *r)
{
    JET_ERR err = r->opts->how.incremental ? take_up_set(r) : JET_errSuccess;

    r->total = estimate(r);
    if (err >= 0)
        err = advance(r, 0);
    if (err >= 0 && !r->opts->how.incremental)
        err = copy_databases(r);
    if (err >= 0)
        err = copy_logs(r);
    if (err >= 0)
        err = backup_poll(r->b); /* nothing can stop it any more from here on */
    if (err < 0)
        return err;
    err = bktarget_commit(&r->target);
    return err < 0 ? say(r, r->target.dir, err, ESE_NO_OFFSET, "putting the backup in place") : err;
}

static JET_ERR into_target(struct run *r, const char *dir)
{
    JET_ERR err = bktarget_open(&r->target, dir, r->opts->atomic, r->opts->how.incremental,
                                r->opts->make_path);

    if (err >= 0)
        err = copy_all(r);
    if (err < 0)
        bktarget_discard(&r->target);
    return err;
}

/* The backup is there. Logs that cannot be deleted now are deleted by the next one: the event says so. */
static void finish(struct run *r)
{
    JET_ERR err = r->opts->how.copy ? JET_errSuccess : backup_truncate(r->b);

    if (err < 0)
        bkevent_err(r->in, EVENT_ERROR_INFO_UPDATE, err, NULL);
    backup_finish(r->b, r->opts->how.copy);
}

static JET_ERR run(struct run *r, const char *dir)
{
    JET_ERR err = backup_begin(r->in, &r->opts->how, &r->b);

    if (err < 0)
        return err;
    err = into_target(r, dir);
    if (err < 0)
        backup_abort(r->b, BACKUP_FAILED, err);
    else
        finish(r);
    bktarget_close(&r->target);
    return err;
}

JET_ERR backup_to_dir(struct inst *in, const char *dir, const struct backupdir_opts *opts,
                      backupdir_progress_fn *progress, void *ctx)
{
    struct run r = {.in = in, .opts = opts, .progress = progress, .ctx = ctx};
    JET_ERR err = outfile_new(&r.out);

    if (err < 0)
        return err;
    err = run(&r, dir);
    outfile_free(r.out);
    return err;
}
