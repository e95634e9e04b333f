#include "log/logread.h"

#include <stdlib.h>

#include "log/loghdr.h"
#include "log/logset.h"
#include "log/logstream.h"
#include "os/file.h"

#define PIECE_LEN (64u << 10)

struct logread {
    int fd;
    struct reporter *r;
    uint64_t size;
    struct ese_log_info info;
    struct logstream stream;
    JET_ERR err; /* sticky */
    bool done;
    uint64_t off;        /* of the file: where the next piece begins */
    size_t have, used;   /* of the piece */
    struct logtime time; /* of the last segment that was looked at */
    uint8_t piece[PIECE_LEN];
};

JET_ERR logread_open(int fd, bool current, struct reporter *r, struct logread **ret)
{
    struct logread *l = calloc(1, sizeof(*l));
    struct os_stat st;
    JET_ERR err;

    if (!l)
        return RAISE(JET_errOutOfMemory);
    l->fd = fd;
    l->r = r;
    l->off = LOG_HEADER_LEN;
    err = os_stat_fd(fd, &st);
    if (err < 0)
        err = fault_io(r, err, ESE_NO_OFFSET, "looking at the log");
    else
        err = loghdr_read(fd, r, &l->info);
    if (err >= 0)
        err = loghdr_check_size(&l->info, st.size, r);
    if (err < 0) {
        logread_close(l);
        return err;
    }
    l->size = st.size;
    logstream_init(&l->stream, l->info.gen, l->info.nr_segments, current);
    *ret = l;
    return JET_errSuccess;
}

void logread_close(struct logread *l)
{
    if (!l)
        return;
    logstream_done(&l->stream);
    loghdr_info_done(&l->info);
    free(l);
}

const struct ese_log_info *logread_info(const struct logread *l)
{
    return &l->info;
}

struct logtime logread_time(const struct logread *l)
{
    return l->time;
}

static JET_ERR fetch(struct logread *l)
{
    const uint64_t left = l->size - l->off;
    const size_t want = left < PIECE_LEN ? (size_t)left : PIECE_LEN;
    JET_ERR err = os_pread_all(l->fd, l->piece, want, l->off);

    if (err < 0)
        return fault_io(l->r, err, l->off, "reading the log");
    l->off += want;
    l->have = want;
    l->used = 0;
    return JET_errSuccess;
}

/* The next segment, or the end of the file. */
static JET_ERR advance(struct logread *l)
{
    JET_ERR err;

    if (l->used == l->have && l->off == l->size) {
        err = logstream_end(&l->stream, l->r);
        logstream_info(&l->stream, &l->info);
        l->info.segments_read = err >= 0;
        l->done = true;
        return err;
    }
    if (l->used == l->have && (err = fetch(l)) < 0)
        return err;
    l->time = ((const struct logseg_disk *)(l->piece + l->used))->time;
    err = logstream_push(&l->stream, l->piece + l->used, l->r);
    l->used += LOG_SEGMENT_LEN;
    return err;
}

JET_ERR logread_next(struct logread *l, lgpos_t *ret_lgpos, struct logrec *ret)
{
    struct logstream_record rec;
    JET_ERR err = l->err;

    while (err >= 0) {
        err = logstream_next(&l->stream, l->r, &rec);
        if (err > 0) {
            *ret_lgpos = rec.lgpos;
            *ret = rec.rec;
            return 1;
        }
        if (err == 0 && l->done)
            return 0;
        if (err == 0)
            err = advance(l);
    }
    return l->err = err;
}

struct logread_set {
    const struct logread_file *files;
    unsigned nr, at; /* at: the next file to open */
    struct reporter *r;
    struct logread *now;
    struct ese_log_info prev; /* of files[at - 2], without its list of databases */
    JET_ERR err;
};

JET_ERR logread_set_open(const struct logread_file *files, unsigned nr, struct reporter *r,
                         struct logread_set **ret)
{
    struct logread_set *s = calloc(1, sizeof(*s));

    if (!s)
        return RAISE(JET_errOutOfMemory);
    s->files = files;
    s->nr = nr;
    s->r = r;
    *ret = s;
    return JET_errSuccess;
}

void logread_set_close(struct logread_set *s)
{
    if (!s)
        return;
    logread_close(s->now);
    free(s);
}

static void close_now(struct logread_set *s)
{
    s->prev = *logread_info(s->now);
    s->prev.attach = NULL;
    s->prev.nr_attach = 0;
    logread_close(s->now);
    s->now = NULL;
}

static JET_ERR open_next(struct logread_set *s)
{
    const struct logread_file *f = &s->files[s->at];
    JET_ERR err;

    s->r->file = f->name;
    err = logread_open(f->fd, f->current, s->r, &s->now);
    if (err >= 0 && s->at > 0)
        err = logset_check_pair(&(struct logset_file){&s->prev, s->files[s->at - 1].name},
                                &(struct logset_file){logread_info(s->now), f->name}, s->r);
    s->at++;
    return err;
}

JET_ERR logread_set_next(struct logread_set *s, lgpos_t *ret_lgpos, struct logrec *ret)
{
    JET_ERR err = s->err;

    while (err >= 0) {
        if (!s->now && s->at == s->nr)
            return 0;
        if (!s->now && (err = open_next(s)) < 0)
            break;
        err = logread_next(s->now, ret_lgpos, ret);
        if (err > 0)
            return err;
        if (err == 0)
            close_now(s);
    }
    return s->err = err;
}
