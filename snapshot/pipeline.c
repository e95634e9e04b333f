/*
 * Pieces on their way from the reader to the disk: queues, the threads that digest, write and sync, and
 * the ends. The rules are in copy_priv.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "copy_priv.h"

#define BUFFERED_PIECE (256u << 10)

enum { Q_DIGEST = 0, Q_WRITE = 1 };

struct worker {
    struct copier *c;
    unsigned digester; /* index, or COPY_DIGESTERS_MAX for a writer */
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
    for (unsigned k = 0; k <= COPY_DIGESTERS_MAX; k++)
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
    size_t len = (size_t)p->len, whole = (len + COPY_ALIGN - 1) / COPY_ALIGN * COPY_ALIGN;

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
        if (digester < COPY_DIGESTERS_MAX)
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
            (digester < COPY_DIGESTERS_MAX ? digest_one : write_one)(c, p);
        else if (!failed)
            sync_one(c, o);
    }
}

/* ---- the caller's side ------------------------------------------------------------------------ */

static void wait_news(struct copier *c)
{
    struct timespec t = sys_deadline(COPY_POLL_MS);

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

JET_ERR copier_get(struct copier *c, struct piece **ret, struct ese_fault *why)
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

void copier_hand_on(struct copier *c, struct piece *p)
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
        pthread_cond_signal(&c->work[COPY_DIGESTERS_MAX]);
    }
    pthread_mutex_unlock(&c->lock);
}

void copier_put_back(struct copier *c, struct piece *p)
{
    pthread_mutex_lock(&c->lock);
    put_back(c, p);
    pthread_mutex_unlock(&c->lock);
}

void copier_read_done(struct copier *c, struct out *o)
{
    pthread_mutex_lock(&c->lock);
    o->read_done = true;
    finish_if_complete(c, o);
    pthread_mutex_unlock(&c->lock);
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
        pthread_cond_broadcast(&c->work[COPY_DIGESTERS_MAX]);
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
    c->nr_digesters = digesters < COPY_DIGESTERS_MAX ? digesters : COPY_DIGESTERS_MAX;
    pthread_mutex_init(&c->lock, NULL);
    for (unsigned k = 0; k <= COPY_DIGESTERS_MAX; k++)
        sys_cond_init(&c->work[k]);
    sys_cond_init(&c->news);
    c->memory = aligned_alloc(COPY_ALIGN, (size_t)COPY_BUFFERS * COPY_PIECE);
    if (!c->memory)
        err = JET_errOutOfMemory;
    for (unsigned k = 0; err >= 0 && k < COPY_BUFFERS; k++) {
        c->pieces[k].buf = c->memory + (size_t)k * COPY_PIECE;
        c->pieces[k].next[0] = c->unused;
        c->unused = &c->pieces[k];
    }
    for (unsigned k = 0; err >= 0 && k < c->nr_digesters; k++)
        err = start_thread(c, k);
    for (unsigned k = 0; err >= 0 && k < COPY_WRITERS; k++)
        err = start_thread(c, COPY_DIGESTERS_MAX);
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
    for (unsigned k = 0; k <= COPY_DIGESTERS_MAX; k++)
        pthread_cond_destroy(&c->work[k]);
    pthread_cond_destroy(&c->news);
    pthread_mutex_destroy(&c->lock);
    free(c->memory);
    free(c);
}
