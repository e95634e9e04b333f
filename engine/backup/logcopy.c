/* A log of the backup as a stream: every segment and record checked on the way (log/logcheck.h), one-bit errors put right in
 * the copy. It is an archived file, so nobody writes it and nothing is read twice. */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "backup/session_priv.h"
#include "log/logcheck.h"
#include "log/loghdr.h"
#include "log/logset.h"
#include "os/file.h"

struct logcopy {
    struct backup_file f;
    struct reporter r;
    struct logcheck *check;
    char *path;
    lgen_t gen;
    int fd;
};

static struct logcopy *logcopy_of(struct backup_file *f)
{
    return (struct logcopy *)f;
}

/* What a checker says of a log, every fault reported, is one error to a backup. */
static JET_ERR as_read_error(JET_ERR err)
{
    return err == JET_errOutOfMemory || err == JET_errDiskIO ? err
                                                             : RAISE(JET_errLogReadVerifyFailure);
}

/* The last log of the range was written by this instance a moment ago, so a chain that leads to it is its own. */
static JET_ERR check_chain(struct logcopy *c, const struct ese_log_info *info)
{
    const struct ese_log_info *before = &c->f.b->last_log;
    char name[LOGGEN_NAME_LEN];
    const struct logset_file prev = {before, wal_archived_name(c->f.b->in->wal, before->gen, name)},
                             next = {info, c->path};

    return before->gen && before->gen + 1 == info->gen ? logset_check_pair(&prev, &next, &c->r)
                                                       : JET_errSuccess;
}

static JET_ERR check_end(struct logcopy *c)
{
    struct ese_log_info info;
    uint64_t segments;
    JET_ERR err = logcheck_end(c->check, &info, &segments);

    if (err >= 0 && info.gen != c->gen)
        err = fault(&c->r, JET_errLogReadVerifyFailure, 0, 0, ESE_NO_OFFSET,
                    "it is generation 0x%" PRIX32 ", its name says 0x%" PRIX32, info.gen, c->gen);
    if (err >= 0)
        err = check_chain(c, &info);
    loghdr_info_done(&c->f.b->last_log);
    c->f.b->last_log = info;
    return err;
}

static JET_ERR read_some(struct logcopy *c, void *buf, size_t len, size_t *ret_len)
{
    size_t got;
    JET_ERR err = os_pread(c->fd, buf, len, c->f.done, &got);

    if (err < 0)
        return fault_io(&c->r, err, c->f.done, "reading the log");
    if (got) {
        err = logcheck_feed(c->check, buf, got);
        c->f.done += got;
    }
    if (err >= 0 && (c->f.done >= c->f.size || got < len))
        err = check_end(c);
    if (err < 0)
        return as_read_error(err);
    *ret_len = got;
    return JET_errSuccess;
}

static JET_ERR read_log(struct backup_file *f, void *buf, size_t len, size_t *ret_len)
{
    struct logcopy *c = logcopy_of(f);
    JET_ERR err;

    if (len % 4096 || len == 0 || (f->done == 0 && len < 8192))
        return RAISE(JET_errInvalidParameter);
    if (f->done && f->done >= f->size) {
        *ret_len = 0;
        return JET_errSuccess;
    }
    err = read_some(c, buf, len, ret_len);
    if (err < 0)
        bkevent_err(f->b->in, EVENT_ERROR_READ_FILE, err, f->name);
    else if (f->done == f->size)
        f->b->log_read[c->gen - f->b->copy_mic] = true;
    return err;
}

static void close_log(struct backup_file *f)
{
    struct logcopy *c = logcopy_of(f);
    char done[24], size[24];

    if (f->done < f->size) {
        snprintf(done, sizeof(done), "%" PRIu64, f->done);
        snprintf(size, sizeof(size), "%" PRIu64, f->size);
        bkevent(f->b->in, EVENT_FILE_STOP_BEFORE_END, 0, f->name, done, size);
    }
    logcheck_free(c->check);
    if (c->fd >= 0)
        close(c->fd);
    free(c->path);
    free(c);
}

static JET_ERR open_file(struct logcopy *c)
{
    char name[LOGGEN_NAME_LEN];
    struct inst *in = c->f.b->in;
    struct os_stat st;
    JET_ERR err = backup_log_path(in, c->gen, &c->path);

    if (err < 0)
        return err;
    c->f.name = c->r.file = c->path;
    err = os_open_beneath(wal_dir(in->wal), wal_archived_name(in->wal, c->gen, name), &c->fd);
    if (err >= 0)
        err = os_stat_fd(c->fd, &st);
    if (err < 0)
        return fault_io(&c->r, err, ESE_NO_OFFSET, "opening the log");
    c->f.size = st.size;
    return logcheck_new(st.size, false, &c->r, NULL, NULL, &c->check);
}

JET_ERR backup_open_log(struct backup *b, lgen_t gen, struct backup_file **ret, uint64_t *ret_size)
{
    struct logcopy *c;
    JET_ERR err = backup_poll(b);

    if (err < 0)
        return err;
    if (!b->prepared)
        return RAISE(JET_errInvalidBackupSequence);
    if (gen < b->copy_mic || gen >= b->copy_mac)
        return RAISE(JET_errDatabaseNotFound);
    if (b->open)
        return RAISE(JET_errOutOfMemory);
    c = calloc(1, sizeof(*c));
    if (!c)
        return RAISE(JET_errOutOfMemory);
    c->f = (struct backup_file){.b = b, .read = read_log, .close = close_log};
    c->gen = gen;
    c->fd = -1;
    c->r = b->in->r;
    err = open_file(c);
    if (err < 0) {
        close_log(&c->f);
        return err;
    }
    b->open = &c->f;
    *ret = &c->f;
    *ret_size = c->f.size;
    return JET_errSuccess;
}
