/*
 * The caller's side of the copying pipeline: opening source and copy, reading, checking, holes.
 *
 * The file is preallocated and written with O_DIRECT in pieces of 1 MiB; where the filesystem refuses
 * that, through the cache in pieces of 256 KiB whose write-back is started at once, so that the sync at
 * the end finds little left to do. Where the filesystem can share extents, the file is a clone of the
 * source, and the clone is what is read, checked and digested. Holes stay holes.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "copy_priv.h"

#define CHUNK      65536u /* of ese_check_feed: pieces are multiples of it */
#define AHEAD      (8u << 20)
#define HOLE_PIECE (64u << 20) /* digesting a hole takes time too, and must stop when asked to */

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

/* ---- reading it --------------------------------------------------------------------------------- */

/* Reading a file from start to end. */
struct reading {
    struct copier *c;
    struct out *out;
    struct ese_check *check;
    int fd; /* the source, or the clone */
    uint64_t size, off, ahead;
};

static void keep_rate(struct copier *c, size_t len)
{
    c->bytes_read += len;
    while (c->o.rate && !stopper_stop(c->o.stop)) {
        uint64_t ms = sys_monotonic_ms() - c->started_ms;
        uint64_t due = (uint64_t)((double)c->bytes_read * 1000 / (double)c->o.rate);
        if (due <= ms)
            return;
        usleep((useconds_t)(due - ms < COPY_POLL_MS ? due - ms : COPY_POLL_MS) * 1000);
    }
}

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
    memset(p->buf + p->len, 0, (COPY_ALIGN - p->len % COPY_ALIGN) % COPY_ALIGN);
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
        err = copier_get(r->c, &p, why);
        if (err < 0)
            return err;
        err = read_piece(r, p, why);
        if (err >= 0)
            copier_hand_on(r->c, p);
        else
            copier_put_back(r->c, p);
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
    copier_read_done(c, r.out);
    return err;
}

JET_ERR copier_file(struct copier *c, struct copy_file *f, struct ese_fault *why)
{
    int fd = -1;
    JET_ERR err = JET_errSuccess;

    if (c->nr_outs == COPY_OUTS_MAX)
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
