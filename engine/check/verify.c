/*
 * ese_verify_file: one file through its check, reading ahead in a thread of its own.
 *
 * A ring of four buffers lies between the two: the reader fills, the checker empties. Holes are not
 * read; they pass through the ring as an entry without bytes. The reader stops at the first I/O
 * error, which the checker reports in its place in the file.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/fault.h"
#include "check/set.h"
#include "os/file.h"
#include "os/thread.h"

#define NR_BUFFERS 4u
#define PIECE      (4u << 20) /* large: each hand-over costs a cold read some of the disk's time */

struct piece {
    uint8_t *buf;
    uint64_t len;
    bool hole;
    JET_ERR err;  /* reading failed here ... */
    int os_errno; /* ... with this */
};

struct ring {
    pthread_mutex_t lock; /* protects the numbers and `stop` */
    pthread_cond_t changed;
    struct piece pieces[NR_BUFFERS];
    unsigned filled, emptied; /* counts ever; filled - emptied <= NR_BUFFERS */
    bool end, stop;
    int fd;
    uint64_t size;
};

static struct piece *wait_empty(struct ring *r)
{
    struct piece *p = NULL;

    pthread_mutex_lock(&r->lock);
    while (!r->stop && r->filled - r->emptied == NR_BUFFERS)
        pthread_cond_wait(&r->changed, &r->lock);
    if (!r->stop)
        p = &r->pieces[r->filled % NR_BUFFERS];
    pthread_mutex_unlock(&r->lock);
    return p;
}

static struct piece *wait_filled(struct ring *r)
{
    struct piece *p = NULL;

    pthread_mutex_lock(&r->lock);
    while (!r->end && r->filled == r->emptied)
        pthread_cond_wait(&r->changed, &r->lock);
    if (r->filled != r->emptied)
        p = &r->pieces[r->emptied % NR_BUFFERS];
    pthread_mutex_unlock(&r->lock);
    return p;
}

static void step(struct ring *r, unsigned *counter, bool *flag)
{
    pthread_mutex_lock(&r->lock);
    if (counter)
        ++*counter;
    if (flag)
        *flag = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

/* What comes at `off`: a hole up to the next data (whole pieces only, the rest is read), or data. */
static void fill(struct ring *r, struct piece *p, uint64_t off)
{
    uint64_t data = off;
    size_t got = 0;

    *p = (struct piece){.buf = p->buf};
    p->err = os_next_data(r->fd, off, &data);
    if (p->err >= 0 && data >= off + PIECE) {
        if (data > r->size)
            data = r->size;
        p->hole = true;
        p->len = data == r->size ? r->size - off : (data - off) / PIECE * PIECE;
        return;
    }
    if (p->err >= 0)
        p->err = os_pread(r->fd, p->buf, r->size - off < PIECE ? r->size - off : PIECE, off, &got);
    p->os_errno = errno;
    p->len = got;
}

static void *reader(void *arg)
{
    struct ring *r = arg;

    for (uint64_t off = 0; off < r->size;) {
        struct piece *p = wait_empty(r);
        uint64_t len;
        JET_ERR err;

        if (!p)
            return NULL;
        fill(r, p, off);
        len = p->len; /* p is the checker's once it is counted */
        err = p->err;
        step(r, &r->filled, NULL);
        if (err < 0 || len == 0)
            break;
        off += len;
    }
    step(r, NULL, &r->end);
    return NULL;
}

static JET_ERR drain(struct ring *r, struct ese_check *c, struct reporter *rep,
                     ese_progress_fn *progress, void *progress_ctx)
{
    struct piece *p;
    uint64_t off = 0;
    JET_ERR err = JET_errSuccess;

    while (err >= 0 && (p = wait_filled(r)) != NULL) {
        if (p->err < 0) {
            errno = p->os_errno;
            return fault_io(rep, p->err, off, "reading");
        }
        err = p->hole ? ese_check_feed_hole(c, p->len) : ese_check_feed(c, p->buf, p->len);
        off += p->len;
        step(r, &r->emptied, NULL);
        if (progress)
            progress(progress_ctx, off, r->size);
    }
    return err;
}

static JET_ERR run(struct ring *r, struct ese_check *c, struct reporter *rep,
                   ese_progress_fn *progress, void *progress_ctx)
{
    pthread_t thread;
    JET_ERR err;

    err = os_thread_start(&thread, reader, r);
    if (err < 0)
        return err;
    err = drain(r, c, rep, progress, progress_ctx);
    step(r, NULL, &r->stop);
    pthread_join(thread, NULL);
    return err;
}

static JET_ERR with_ring(struct ese_set *set, int fd, enum ese_kind kind, struct reporter *rep,
                         ese_progress_fn *progress, void *progress_ctx,
                         struct ese_check_result *ret)
{
    struct ring r = {.fd = fd};
    struct ese_check *c = NULL;
    struct os_stat st;
    uint8_t *mem;
    JET_ERR err = os_stat_fd(fd, &st);

    if (err < 0)
        return fault_io(rep, err, ESE_NO_OFFSET, "reading the file's size");
    r.size = st.size;
    mem = aligned_alloc(4096, (size_t)NR_BUFFERS * PIECE);
    if (!mem)
        return RAISE(JET_errOutOfMemory);
    for (unsigned i = 0; i < NR_BUFFERS; i++)
        r.pieces[i].buf = mem + (size_t)i * PIECE;
    pthread_mutex_init(&r.lock, NULL);
    pthread_cond_init(&r.changed, NULL);
    err = ese_check_begin(set, kind, rep->file, st.size, &c);
    if (err >= 0) {
        err = run(&r, c, rep, progress, progress_ctx);
        if (err >= 0)
            err = ese_check_end(c, ret);
        else
            ese_check_abort(c);
    }
    pthread_cond_destroy(&r.changed);
    pthread_mutex_destroy(&r.lock);
    free(mem);
    return err;
}

JET_ERR ese_verify_file(struct ese_set *set, int fd, enum ese_kind kind, const char *name,
                        ese_progress_fn *progress, void *progress_ctx, struct ese_check_result *ret)
{
    const struct reporter *of = ese_set_reporter(set);
    struct reporter rep = {.fn = of->fn, .ctx = of->ctx, .file = name};
    struct ese_header h;

    if (kind == ESE_KIND_UNKNOWN) {
        /* Its own check reports what is wrong with the header. */
        JET_ERR err = ese_header_read(fd, name, NULL, NULL, &h);
        kind = h.kind;
        if (err >= 0)
            ese_header_done(&h);
    }
    switch (kind) {
    case ESE_KIND_DATABASE:
    case ESE_KIND_LOG:
    case ESE_KIND_CHECKPOINT:
        return with_ring(set, fd, kind, &rep, progress, progress_ctx, ret);
    case ESE_KIND_FLUSHMAP:
    case ESE_KIND_RESERVE:
    case ESE_KIND_PATCH:
        *ret = (struct ese_check_result){0};
        fault_note(&rep, 0, ESE_NO_OFFSET, "nothing in it that a recovery needs; not checked");
        return JET_errSuccess;
    default:
        return fault(&rep, JET_errFileInvalidType, 0, 0, ESE_NO_OFFSET,
                     "neither a database nor a log nor a checkpoint");
    }
}
