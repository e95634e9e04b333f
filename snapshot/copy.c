/*
 * The copying pipeline.
 *
 * 1. A piece belongs to one thread at a time until it is handed on; then digest and writer read it and
 *    the last of them gives it back. Nobody changes it any more: what is digested is what is written.
 * 2. Digests of one file are fed in order: a file has one digest thread. Writes of a file may overlap.
 * 3. The first error stops everything; it is kept, later ones are not looked at.
 * 4. A write or sync that failed is never tried again.
 *
 * Writing: the file is preallocated and written with O_DIRECT in pieces of 1 MiB; where the filesystem
 * refuses that, through the cache in pieces of 256 KiB whose write-back is started at once, so that the
 * sync at the end finds little left to do. Where the filesystem can share extents, the file is a clone
 * of the source, and the clone is what is read, checked and digested. Holes stay holes.
 */
#include "copy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "snap_priv.h"

#define ALIGN          4096u
#define CHUNK          65536u /* of ese_check_feed: pieces are multiples of it */
#define BUFFERED_PIECE (256u << 10)
#define AHEAD          (8u << 20)
#define HOLE_PIECE     (64u << 20) /* digesting a hole takes time too, and must stop when asked to */
#define WRITERS        2u
#define DIGESTERS_MAX  4u
#define OUTS_MAX       128u /* files that wait for their sync */
#define POLL_MS        50u

/* A file of the backup being written. */
struct out {
    struct copy_file *file;
    int fd;
    atomic_bool direct; /* cleared by the writer that is refused */
    bool cloned;
    bool read_done;
    unsigned pending;   /* pieces that are not yet written and digested */
    uint64_t digested;  /* bytes */
    EVP_MD_CTX *digest; /* its digest thread's */
    unsigned digester;
    bool complete;
};

struct piece {
    struct out *out;
    uint64_t off, len; /* a hole may be longer than the buffer */
    bool hole;
    uint8_t *buf;
    unsigned users;
    struct piece *next[2]; /* in the digest's queue, in the writers' */
};

enum { Q_DIGEST = 0, Q_WRITE = 1 };

struct queue {
    struct piece *head, *tail;
};

struct copier {
    struct copy_opts o;
    pthread_mutex_t
        lock; /* protects what follows, but for what a piece's holder or a file's reader has */
    pthread_cond_t work[DIGESTERS_MAX + 1]; /* for each digest thread; the last for the writers */
    pthread_cond_t news;                    /* for the caller */
    struct piece pieces[COPY_BUFFERS];
    uint8_t *memory;
    struct queue to_digest[DIGESTERS_MAX], to_write;
    struct piece *unused;
    struct out *outs[OUTS_MAX];
    unsigned nr_outs;
    unsigned next_sync, nr_sync; /* outs[next_sync .. nr_sync-1] may be synced now */
    unsigned synced;
    JET_ERR err;
    struct ese_fault why;
    bool stop;
    pthread_t threads[DIGESTERS_MAX + WRITERS];
    unsigned nr_threads, nr_digesters;
    unsigned next_digester;
    /* the caller's alone */
    bool no_clone, no_direct;
    uint64_t started_ms, bytes_read;
};

struct worker {
    struct copier *c;
    unsigned digester; /* index, or DIGESTERS_MAX for a writer */
};

/* ---- queues; lock held ------------------------------------------------------------------------ */

static void push(struct queue *q, struct piece *p, unsigned which)
{
    p->next[which] = NULL;
    if (q->tail)
        q->tail->next[which] = p;
    else
        q->head = p;
    q->tail = p;
}

static struct piece *pop(struct queue *q, unsigned which)
{
    struct piece *p = q->head;

    if (p) {
        q->head = p->next[which];
        if (!q->head)
            q->tail = NULL;
    }
    return p;
}

static void put_back(struct copier *c, struct piece *p)
{
    p->next[0] = c->unused;
    c->unused = p;
    pthread_cond_signal(&c->news);
}

static void wake_all(struct copier *c)
{
    for (unsigned k = 0; k <= DIGESTERS_MAX; k++)
        pthread_cond_broadcast(&c->work[k]);
}

static void fail(struct copier *c, JET_ERR err, const struct ese_fault *why)
{
    pthread_mutex_lock(&c->lock);
    if (c->err >= 0) {
        c->err = err;
        c->why = *why;
    }
    wake_all(c);
    pthread_cond_broadcast(&c->news);
    pthread_mutex_unlock(&c->lock);
}

static void fail_sys(struct copier *c, const char *file, const char *doing)
{
    struct ese_fault why;
    JET_ERR err = why_sys(&why, file, doing);

    fail(c, err, &why);
}

/* ---- the threads ------------------------------------------------------------------------------ */

static bool digest_piece(const struct piece *p)
{
    static const uint8_t zeroes[64 << 10];
    EVP_MD_CTX *d = p->out->digest;

    if (!p->hole)
        return EVP_DigestUpdate(d, p->buf, (size_t)p->len) == 1;
    for (uint64_t left = p->len; left;) {
        size_t n = left < sizeof(zeroes) ? (size_t)left : sizeof(zeroes);
        if (EVP_DigestUpdate(d, zeroes, n) != 1)
            return false;
        left -= n;
    }
    return true;
}

static JET_ERR write_buffered(int fd, const uint8_t *buf, size_t len, uint64_t off)
{
    for (size_t done = 0; done < len;) {
        size_t n = len - done < BUFFERED_PIECE ? len - done : BUFFERED_PIECE;
        JET_ERR err = sys_pwrite(fd, buf + done, n, off + done);
        if (err < 0)
            return err;
        sync_file_range(fd, (off_t)(off + done), (off_t)n, SYNC_FILE_RANGE_WRITE); /* only a hint */
        done += n;
    }
    return JET_errSuccess;
}

/* A last piece that is no multiple of the block is written with zeroes behind it; the file gets its
 * size at the end. A filesystem that takes O_DIRECT and then refuses it gets the rest through its
 * cache. */
static JET_ERR write_piece(struct piece *p)
{
    struct out *o = p->out;
    size_t len = (size_t)p->len, whole = (len + ALIGN - 1) / ALIGN * ALIGN;

    if (o->direct) {
        JET_ERR err = sys_pwrite(o->fd, p->buf, whole, p->off);
        if (err >= 0 || errno != EINVAL)
            return err;
        if (fcntl(o->fd, F_SETFL, 0) < 0)
            return sys_error(errno);
        o->direct = false;
    }
    return write_buffered(o->fd, p->buf, len, p->off);
}

/* Lock held. All of the file is written and digested: that is the end of its copy. */
static void finish_if_complete(struct copier *c, struct out *o)
{
    if (!o->read_done || o->pending || o->complete)
        return;
    o->complete = true;
    o->file->mtime = sys_now();
    pthread_cond_signal(&c->news);
}

static void piece_done(struct copier *c, struct piece *p)
{
    pthread_mutex_lock(&c->lock);
    if (--p->users == 0) {
        p->out->pending--;
        finish_if_complete(c, p->out);
        put_back(c, p);
    }
    pthread_mutex_unlock(&c->lock);
}

static void digest_one(struct copier *c, struct piece *p)
{
    struct ese_fault why;

    if (!digest_piece(p))
        fail(c, why_set(&why, JET_errOutOfMemory, p->out->file->name, "the digest failed"), &why);
    atomic_fetch_add(c->o.done, p->len);
    piece_done(c, p);
}

static void write_one(struct copier *c, struct piece *p)
{
    if (write_piece(p) < 0)
        fail_sys(c, p->out->file->name, "writing the copy");
    piece_done(c, p);
}

/* Size, time, then stable storage. */
static void sync_one(struct copier *c, struct out *o)
{
    const struct timespec times[2] = {o->file->mtime, o->file->mtime};

    if (ftruncate(o->fd, o->file->source.st_size) < 0 || futimens(o->fd, times) < 0)
        fail_sys(c, o->file->name, "ending the copy");
    else if (sys_fsync(o->fd) < 0)
        fail_sys(c, o->file->name, "syncing the copy");
    pthread_mutex_lock(&c->lock);
    c->synced++;
    pthread_cond_signal(&c->news);
    pthread_mutex_unlock(&c->lock);
}

/* Lock held. Waits for something of its kind to do; false: the end. After an error pieces are only
 * given back. */
static bool next_job(struct copier *c, unsigned digester, struct piece **ret_piece,
                     struct out **ret_out)
{
    *ret_piece = NULL;
    *ret_out = NULL;
    while (!c->stop) {
        if (digester < DIGESTERS_MAX)
            *ret_piece = pop(&c->to_digest[digester], Q_DIGEST);
        else if (!(*ret_piece = pop(&c->to_write, Q_WRITE)) && c->next_sync < c->nr_sync)
            *ret_out = c->outs[c->next_sync++];
        if (*ret_piece || *ret_out)
            return true;
        pthread_cond_wait(&c->work[digester], &c->lock);
    }
    return false;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct copier *c = w->c;
    unsigned digester = w->digester;
    struct piece *p;
    struct out *o;
    bool failed;

    free(w);
    for (;;) {
        pthread_mutex_lock(&c->lock);
        if (!next_job(c, digester, &p, &o)) {
            pthread_mutex_unlock(&c->lock);
            return NULL;
        }
        failed = c->err < 0;
        pthread_mutex_unlock(&c->lock);
        if (p && failed)
            piece_done(c, p);
        else if (p)
            (digester < DIGESTERS_MAX ? digest_one : write_one)(c, p);
        else if (!failed)
            sync_one(c, o);
    }
}

/* ---- the caller's side ------------------------------------------------------------------------ */

static void wait_news(struct copier *c)
{
    struct timespec t = sys_deadline(POLL_MS);

    pthread_cond_timedwait(&c->news, &c->lock, &t);
}

/* Lock held. What must end the copying: an error of a thread, or a wish to stop (asked without the
 * lock). */
static JET_ERR check_stop(struct copier *c, struct ese_fault *why)
{
    bool stopped;

    if (c->err >= 0) {
        pthread_mutex_unlock(&c->lock);
        stopped = stopper_stop(c->o.stop);
        pthread_mutex_lock(&c->lock);
        if (stopped)
            return stopper_error(c->o.stop, why);
    }
    if (c->err < 0 && why)
        *why = c->why;
    return c->err;
}

static JET_ERR get_piece(struct copier *c, struct piece **ret, struct ese_fault *why)
{
    JET_ERR err;

    pthread_mutex_lock(&c->lock);
    while ((err = check_stop(c, why)) >= 0 && !c->unused)
        wait_news(c);
    if (err >= 0) {
        *ret = c->unused;
        c->unused = c->unused->next[0];
    }
    pthread_mutex_unlock(&c->lock);
    return err;
}

static void hand_on(struct copier *c, struct piece *p)
{
    struct out *o = p->out;
    bool write = !p->hole && !o->cloned;

    pthread_mutex_lock(&c->lock);
    p->users = write ? 2 : 1;
    o->pending++;
    push(&c->to_digest[o->digester], p, Q_DIGEST);
    pthread_cond_signal(&c->work[o->digester]);
    if (write) {
        push(&c->to_write, p, Q_WRITE);
        pthread_cond_signal(&c->work[DIGESTERS_MAX]);
    }
    pthread_mutex_unlock(&c->lock);
}

static void keep_rate(struct copier *c, size_t len)
{
    c->bytes_read += len;
    while (c->o.rate && !stopper_stop(c->o.stop)) {
        uint64_t ms = sys_monotonic_ms() - c->started_ms;
        uint64_t due = (uint64_t)((double)c->bytes_read * 1000 / (double)c->o.rate);
        if (due <= ms)
            return;
        usleep((useconds_t)(due - ms < POLL_MS ? due - ms : POLL_MS) * 1000);
    }
}

/* ---- one file --------------------------------------------------------------------------------- */

JET_ERR copy_look(int fd, struct stat *ret_st, uint64_t *ret_head)
{
    uint8_t head[8192];
    size_t len;
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    JET_ERR err;

    if (fstat(fd, ret_st) < 0)
        return sys_error(errno);
    err = sys_pread(fd, head, sizeof(head), 0, &len);
    if (err < 0)
        return err;
    for (size_t i = 0; i < len; i++)
        h = (h ^ head[i]) * UINT64_C(0x100000001b3);
    *ret_head = h;
    return JET_errSuccess;
}

static bool clone_into(struct copier *c, int from, int to)
{
    if (c->no_clone)
        return false;
    if (ioctl(to, FICLONE, from) == 0)
        return true;
    c->no_clone = true;
    return false;
}

JET_ERR copier_try_clone(struct copier *c, const struct copy_file *f, bool *ret)
{
    int from = -1, to;
    JET_ERR err = sys_open_file(c->o.source_fd, f->path, true, &from);

    if (err < 0)
        return err;
    to = openat(c->o.dest_fd, ".clone", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (to < 0) {
        err = sys_error(errno);
    } else {
        *ret = clone_into(c, from, to);
        close(to);
        unlinkat(c->o.dest_fd, ".clone", 0);
    }
    close(from);
    return err;
}

/* Space for the data: all of a file without holes; else piece by piece, as the data come. */
static JET_ERR allocate(int fd, off_t off, off_t len)
{
    if (len == 0 || fallocate(fd, 0, off, len) == 0)
        return JET_errSuccess;
    return errno == ENOSPC || errno == EDQUOT || errno == EIO ? sys_error(errno) : JET_errSuccess;
}

static void choose_direct(struct copier *c, struct out *o)
{
    if (c->no_direct || o->cloned)
        return;
    o->direct = fcntl(o->fd, F_SETFL, O_DIRECT) == 0;
    c->no_direct = !o->direct;
}

static bool has_holes(const struct stat *st)
{
    return (uint64_t)st->st_blocks * 512 < (uint64_t)st->st_size;
}

static JET_ERR make_out(struct copier *c, struct copy_file *f, int from, struct out **ret,
                        struct ese_fault *why)
{
    struct out *o = calloc(1, sizeof(*o));

    if (!o || !(o->digest = EVP_MD_CTX_new()) ||
        EVP_DigestInit_ex(o->digest, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(o ? o->digest : NULL);
        free(o);
        return why_set(why, JET_errOutOfMemory, f->name, "out of memory");
    }
    o->file = f;
    o->digester = c->next_digester++ % c->nr_digesters;
    o->fd = openat(c->o.dest_fd, f->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);
    pthread_mutex_lock(&c->lock);
    c->outs[c->nr_outs++] = o;
    pthread_mutex_unlock(&c->lock);
    if (o->fd < 0)
        return why_sys(why, f->name, "making the copy");
    if (fchmod(o->fd, 0400) < 0)
        return why_sys(why, f->name, "making the copy");
    o->cloned = f->source.st_size && clone_into(c, from, o->fd);
    choose_direct(c, o);
    if (!o->cloned && !has_holes(&f->source) && allocate(o->fd, 0, f->source.st_size) < 0)
        return why_sys(why, f->name, "allocating the copy");
    *ret = o;
    return JET_errSuccess;
}

/* Reading a file from start to end. */
struct reading {
    struct copier *c;
    struct out *out;
    struct ese_check *check;
    int fd; /* the source, or the clone */
    uint64_t size, off, ahead;
};

/* Where the next data begin, from r->off on, at a boundary of the check's pieces; size: no more. */
static uint64_t next_data(const struct reading *r)
{
    off_t at;

    if (!has_holes(&r->out->file->source))
        return r->off;
    at = lseek(r->fd, (off_t)r->off, SEEK_DATA);
    if (at < 0)
        return errno == ENXIO ? r->size : r->off;
    return (uint64_t)at / CHUNK * CHUNK > r->off ? (uint64_t)at / CHUNK * CHUNK : r->off;
}

static void read_ahead(struct reading *r)
{
    if (r->off + AHEAD / 2 < r->ahead || r->ahead >= r->size)
        return;
    posix_fadvise(r->fd, (off_t)r->ahead, AHEAD, POSIX_FADV_WILLNEED);
    r->ahead += AHEAD;
}

/* A corrected page must be corrected in the clone too. */
static JET_ERR mend_clone(const struct reading *r, const struct piece *p, unsigned corrected_before)
{
    if (!r->out->cloned || r->c->o.finder->corrected == corrected_before)
        return JET_errSuccess;
    return sys_pwrite(r->out->fd, p->buf, (size_t)p->len, p->off);
}

/* The first fault ends the copying: there will be no backup. */
static JET_ERR verdict(const struct reading *r, JET_ERR err, struct ese_fault *why)
{
    const struct finder *f = r->c->o.finder;

    if (f->first.err < 0 && why)
        *why = f->first;
    if (f->first.err < 0)
        return f->first.err;
    return err < 0 ? why_set(why, err, r->out->file->name, "the check cannot go on") : err;
}

static JET_ERR read_bytes(struct reading *r, struct piece *p, struct ese_fault *why)
{
    const char *name = r->out->file->name;
    size_t got = 0;
    JET_ERR err = sys_pread(r->fd, p->buf, (size_t)p->len, r->off, &got);

    if (err < 0) {
        why_sys(why, name, "reading");
        if (why)
            why->offset = r->off;
        return err;
    }
    if (got < p->len)
        return why_set(why, JET_errDatabaseInUse, name,
                       "the file became shorter while it was copied");
    return JET_errSuccess;
}

static JET_ERR read_data(struct reading *r, struct piece *p, struct ese_fault *why)
{
    const char *name = r->out->file->name;
    const unsigned corrected = r->c->o.finder->corrected;
    JET_ERR err;

    p->hole = false;
    p->len = r->size - r->off < COPY_PIECE ? r->size - r->off : COPY_PIECE;
    read_ahead(r);
    err = read_bytes(r, p, why);
    if (err >= 0)
        err = verdict(r, ese_check_feed(r->check, p->buf, (size_t)p->len), why);
    if (err < 0)
        return err;
    memset(p->buf + p->len, 0, (ALIGN - p->len % ALIGN) % ALIGN);
    if (mend_clone(r, p, corrected) < 0)
        return why_sys(why, name, "correcting the clone");
    if (!r->out->cloned && has_holes(&r->out->file->source) &&
        allocate(r->out->fd, (off_t)p->off, (off_t)p->len) < 0)
        return why_sys(why, name, "allocating the copy");
    keep_rate(r->c, (size_t)p->len);
    return JET_errSuccess;
}

static JET_ERR read_piece(struct reading *r, struct piece *p, struct ese_fault *why)
{
    uint64_t data = next_data(r);
    JET_ERR err;

    p->out = r->out;
    p->off = r->off;
    if (data > r->off) {
        p->hole = true;
        p->len = data - r->off < HOLE_PIECE ? data - r->off : HOLE_PIECE;
        err = verdict(r, ese_check_feed_hole(r->check, p->len), why);
    } else {
        err = read_data(r, p, why);
    }
    if (err >= 0)
        r->off += p->len;
    return err;
}

static JET_ERR read_all(struct reading *r, struct ese_fault *why)
{
    struct piece *p;
    JET_ERR err = JET_errSuccess;

    posix_fadvise(r->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    while (err >= 0 && r->off < r->size) {
        err = get_piece(r->c, &p, why);
        if (err < 0)
            return err;
        err = read_piece(r, p, why);
        if (err >= 0) {
            hand_on(r->c, p);
        } else {
            pthread_mutex_lock(&r->c->lock);
            put_back(r->c, p);
            pthread_mutex_unlock(&r->c->lock);
        }
    }
    return err;
}

static JET_ERR copy_opened(struct copier *c, struct copy_file *f, int from, struct ese_fault *why)
{
    struct reading r = {.c = c, .size = (uint64_t)f->source.st_size};
    JET_ERR err = make_out(c, f, from, &r.out, why);

    if (err < 0)
        return err;
    r.fd = r.out->cloned ? r.out->fd : from;
    err = ese_check_begin(c->o.set, f->kind, f->name, r.size, &r.check);
    if (err < 0)
        return verdict(&r, err, why);
    err = read_all(&r, why);
    if (err < 0) {
        ese_check_abort(r.check);
        return err;
    }
    err = verdict(&r, ese_check_end(r.check, &f->check), why);
    pthread_mutex_lock(&c->lock);
    r.out->read_done = true;
    finish_if_complete(c, r.out);
    pthread_mutex_unlock(&c->lock);
    return err;
}

JET_ERR copier_file(struct copier *c, struct copy_file *f, struct ese_fault *why)
{
    int fd = -1;
    JET_ERR err = JET_errSuccess;

    if (c->nr_outs == OUTS_MAX)
        err = copier_finish(c, why);
    if (err < 0)
        return err;
    if (sys_open_file(c->o.source_fd, f->path, true, &fd) < 0)
        return why_sys(why, f->name, "opening");
    if (copy_look(fd, &f->source, &f->head) < 0)
        err = why_sys(why, f->name, "reading");
    else
        err = copy_opened(c, f, fd, why);
    close(fd);
    return err;
}

/* ---- ends ------------------------------------------------------------------------------------- */

static void out_free(struct out *o)
{
    if (o->fd >= 0)
        close(o->fd);
    EVP_MD_CTX_free(o->digest);
    free(o);
}

static void free_outs(struct copier *c)
{
    for (unsigned k = 0; k < c->nr_outs; k++)
        out_free(c->outs[k]);
    c->nr_outs = c->next_sync = c->nr_sync = c->synced = 0;
}

/* Lock held. */
static bool all_complete(const struct copier *c)
{
    for (unsigned k = 0; k < c->nr_outs; k++)
        if (!c->outs[k]->complete)
            return false;
    return true;
}

/* Lock held; all are complete. */
static JET_ERR end_digests(struct copier *c, struct ese_fault *why)
{
    for (unsigned k = 0; k < c->nr_outs; k++)
        if (EVP_DigestFinal_ex(c->outs[k]->digest, c->outs[k]->file->sha256, NULL) != 1)
            return why_set(why, JET_errOutOfMemory, c->outs[k]->file->name, "the digest failed");
    return JET_errSuccess;
}

/* Syncs run after all writing, side by side: one commit of the filesystem's journal serves many. */
JET_ERR copier_finish(struct copier *c, struct ese_fault *why)
{
    JET_ERR err;

    pthread_mutex_lock(&c->lock);
    while ((err = check_stop(c, why)) >= 0 && !all_complete(c))
        wait_news(c);
    if (err >= 0)
        err = end_digests(c, why);
    if (err >= 0) {
        c->nr_sync = c->nr_outs;
        pthread_cond_broadcast(&c->work[DIGESTERS_MAX]);
        while ((err = check_stop(c, why)) >= 0 && c->synced < c->nr_outs)
            wait_news(c);
    }
    if (err >= 0)
        free_outs(c);
    pthread_mutex_unlock(&c->lock);
    return err;
}

static JET_ERR start_thread(struct copier *c, unsigned digester)
{
    struct worker *w = malloc(sizeof(*w));

    if (!w)
        return JET_errOutOfMemory;
    *w = (struct worker){.c = c, .digester = digester};
    if (pthread_create(&c->threads[c->nr_threads], NULL, work, w) != 0) {
        free(w);
        return JET_errOutOfThreads;
    }
    c->nr_threads++;
    return JET_errSuccess;
}

JET_ERR copier_new(const struct copy_opts *opts, struct copier **ret)
{
    struct copier *c = calloc(1, sizeof(*c));
    unsigned digesters = opts->threads > 1 ? opts->threads - 1 : 1;
    JET_ERR err = JET_errSuccess;

    if (!c)
        return JET_errOutOfMemory;
    c->o = *opts;
    c->started_ms = sys_monotonic_ms();
    c->nr_digesters = digesters < DIGESTERS_MAX ? digesters : DIGESTERS_MAX;
    pthread_mutex_init(&c->lock, NULL);
    for (unsigned k = 0; k <= DIGESTERS_MAX; k++)
        sys_cond_init(&c->work[k]);
    sys_cond_init(&c->news);
    c->memory = aligned_alloc(ALIGN, (size_t)COPY_BUFFERS * COPY_PIECE);
    if (!c->memory)
        err = JET_errOutOfMemory;
    for (unsigned k = 0; err >= 0 && k < COPY_BUFFERS; k++) {
        c->pieces[k].buf = c->memory + (size_t)k * COPY_PIECE;
        c->pieces[k].next[0] = c->unused;
        c->unused = &c->pieces[k];
    }
    for (unsigned k = 0; err >= 0 && k < c->nr_digesters; k++)
        err = start_thread(c, k);
    for (unsigned k = 0; err >= 0 && k < WRITERS; k++)
        err = start_thread(c, DIGESTERS_MAX);
    if (err < 0) {
        copier_free(c);
        return err;
    }
    *ret = c;
    return JET_errSuccess;
}

void copier_free(struct copier *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    wake_all(c);
    pthread_mutex_unlock(&c->lock);
    for (unsigned k = 0; k < c->nr_threads; k++)
        pthread_join(c->threads[k], NULL);
    free_outs(c);
    for (unsigned k = 0; k <= DIGESTERS_MAX; k++)
        pthread_cond_destroy(&c->work[k]);
    pthread_cond_destroy(&c->news);
    pthread_mutex_destroy(&c->lock);
    free(c->memory);
    free(c);
}
