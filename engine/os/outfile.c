/* A ring of pieces between the caller, who fills them in order, and the writer, who empties them in order. */
#include "os/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "os/file.h"
#include "os/thread.h"

#define NR_PIECES 4u
#define ALIGN     4096u        /* what O_DIRECT asks for, of memory, offset and length */
#define THROUGH   (256u << 10) /* bytes through the cache before their write-back is started */

struct piece {
    uint8_t *buf;
    size_t len;
    bool hole;
};

struct outfile {
    pthread_mutex_t lock; /* protects what is not the caller's alone */
    pthread_cond_t changed;
    pthread_t thread;
    uint8_t *memory;
    struct piece piece[NR_PIECES]; /* [written .. put): the writer's, the others the caller's */
    uint64_t put, written; /* counts of pieces since the beginning; piece n is n % NR_PIECES */
    JET_ERR err;           /* of this file's first write that failed */
    uint64_t failed_at;
    bool dropped; /* what is not yet written is left out */
    bool quit;
    /* the writer's while it has pieces, else the caller's */
    int fd;
    uint64_t off;
    bool direct;
};

/* ---- the writer --------------------------------------------------------------------------------- */

static JET_ERR write_through(struct outfile *o, const uint8_t *buf, size_t len)
{
    JET_ERR err = JET_errSuccess;

    for (size_t done = 0; done < len && err >= 0;) {
        const size_t n = len - done < THROUGH ? len - done : THROUGH;
        err = os_pwrite_all(o->fd, buf + done, n, o->off + done);
        if (err >= 0)
            sync_file_range(o->fd, (off_t)(o->off + done), (off_t)n, SYNC_FILE_RANGE_WRITE);
        done += n; /* a hint, whose failure the sync will tell */
    }
    return err;
}

/* A filesystem may take the flag and refuse the write. What is written too much at the end is cut off in the end. */
static JET_ERR write_direct(struct outfile *o, uint8_t *buf, size_t len)
{
    const size_t whole = (len + ALIGN - 1) / ALIGN * ALIGN;
    JET_ERR err;

    memset(buf + len, 0, whole - len);
    errno = 0;
    err = os_pwrite_all(o->fd, buf, whole, o->off);
    if (err >= 0 || errno != EINVAL)
        return err;
    if (fcntl(o->fd, F_SETFL, 0) < 0)
        return os_error(errno);
    o->direct = false;
    return write_through(o, buf, len);
}

static JET_ERR write_piece(struct outfile *o, const struct piece *p)
{
    JET_ERR err = JET_errSuccess;

    if (!p->hole && p->len)
        err = o->direct ? write_direct(o, p->buf, p->len) : write_through(o, p->buf, p->len);
    if (err >= 0)
        o->off += p->len;
    return err;
}

static void note_written(struct outfile *o, JET_ERR err)
{
    if (err < 0 && o->err >= 0) {
        o->err = err;
        o->failed_at = o->off;
    }
    o->written++;
    pthread_cond_signal(&o->changed);
}

static void *writer(void *arg)
{
    struct outfile *o = arg;

    pthread_mutex_lock(&o->lock);
    for (;;) {
        JET_ERR err = JET_errSuccess;

        while (o->written == o->put && !o->quit)
            pthread_cond_wait(&o->changed, &o->lock);
        if (o->written == o->put)
            break;
        if (o->err >= 0 && !o->dropped) {
            pthread_mutex_unlock(&o->lock);
            err = write_piece(o, &o->piece[o->written % NR_PIECES]);
            pthread_mutex_lock(&o->lock);
        }
        note_written(o, err);
    }
    pthread_mutex_unlock(&o->lock);
    return NULL;
}

/* ---- the caller --------------------------------------------------------------------------------- */

JET_ERR outfile_new(struct outfile **ret)
{
    struct outfile *o = calloc(1, sizeof(*o));
    JET_ERR err = JET_errSuccess;

    if (!o || !(o->memory = aligned_alloc(ALIGN, (size_t)NR_PIECES * OUTFILE_PIECE))) {
        free(o);
        return RAISE(JET_errOutOfMemory);
    }
    for (unsigned i = 0; i < NR_PIECES; i++)
        o->piece[i].buf = o->memory + (size_t)i * OUTFILE_PIECE;
    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->changed, NULL);
    o->fd = -1;
    o->failed_at = ESE_NO_OFFSET;
    err = os_thread_start(&o->thread, writer, o);
    if (err < 0) {
        free(o->memory);
        free(o);
        return err;
    }
    *ret = o;
    return JET_errSuccess;
}

static void wait_until_written(struct outfile *o)
{
    while (o->written < o->put)
        pthread_cond_wait(&o->changed, &o->lock);
}

void outfile_free(struct outfile *o)
{
    if (!o)
        return;
    outfile_drop(o);
    pthread_mutex_lock(&o->lock);
    o->quit = true;
    pthread_cond_signal(&o->changed);
    pthread_mutex_unlock(&o->lock);
    pthread_join(o->thread, NULL);
    pthread_cond_destroy(&o->changed);
    pthread_mutex_destroy(&o->lock);
    free(o->memory);
    free(o);
}

/* Nothing is under way, so everything is the caller's. */
JET_ERR outfile_begin(struct outfile *o, int fd, uint64_t size)
{
    JET_ERR err = size ? os_reserve(fd, size) : JET_errSuccess;

    o->fd = fd;
    o->off = 0;
    o->err = JET_errSuccess;
    o->failed_at = ESE_NO_OFFSET;
    o->dropped = false;
    o->direct = fcntl(fd, F_SETFL, O_DIRECT) == 0;
    return err;
}

JET_ERR outfile_piece(struct outfile *o, uint8_t **ret)
{
    JET_ERR err;

    pthread_mutex_lock(&o->lock);
    while (o->put - o->written == NR_PIECES)
        pthread_cond_wait(&o->changed, &o->lock);
    err = o->err;
    pthread_mutex_unlock(&o->lock);
    *ret = o->piece[o->put % NR_PIECES].buf;
    return err;
}

static void put(struct outfile *o, size_t len, bool hole)
{
    struct piece *p = &o->piece[o->put % NR_PIECES];

    p->len = len;
    p->hole = hole;
    pthread_mutex_lock(&o->lock);
    o->put++;
    pthread_cond_signal(&o->changed);
    pthread_mutex_unlock(&o->lock);
}

void outfile_put(struct outfile *o, size_t len)
{
    put(o, len, false);
}

void outfile_put_hole(struct outfile *o, size_t len)
{
    put(o, len, true);
}

JET_ERR outfile_end(struct outfile *o)
{
    JET_ERR err;

    pthread_mutex_lock(&o->lock);
    wait_until_written(o);
    err = o->err;
    pthread_mutex_unlock(&o->lock);
    if (err >= 0)
        err = os_truncate(o->fd, o->off);
    /* From here on anybody may write it as any other file. */
    if (err >= 0 && o->direct && fcntl(o->fd, F_SETFL, 0) < 0)
        err = os_error(errno);
    o->fd = -1;
    return err;
}

void outfile_drop(struct outfile *o)
{
    pthread_mutex_lock(&o->lock);
    o->dropped = true;
    wait_until_written(o);
    pthread_mutex_unlock(&o->lock);
    o->fd = -1;
}

uint64_t outfile_failed_at(const struct outfile *o)
{
    return o->failed_at;
}
