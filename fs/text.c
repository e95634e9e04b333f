/*
 * Open texts. Owns one struct text per open and the list of them, by which a change finds who polls.
 *
 * Such files are opened with direct_io: what a reader gets is what its snapshot holds, whatever size
 * the kernel remembers, and nothing of it stays in the page cache.
 *
 * A change that comes between poll's look at the serial and its leaving the handle would be lost, so
 * both happen under the list's lock, which text_changed() takes after the serial has moved.
 */
#include "text.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

struct text {
    const struct text_source *source;
    struct snap_inst *inst;
    enum node_kind kind;
    /* the snapshot; lock */
    pthread_mutex_t lock;
    char *bytes;
    size_t len;
    uint64_t serial;
    bool told; /* poll has said that there is a newer text */
    /* of texts->lock */
    struct text *next, **link;
    struct fuse_pollhandle *waiting;
};

struct texts {
    pthread_mutex_t lock;
    struct text *first;
};

static const struct text_source *source_of(enum node_kind kind)
{
    return kind == NODE_STATUS   ? &status_source
           : kind == NODE_EVENTS ? &events_source
                                 : &control_source;
}

struct texts *texts_new(void)
{
    struct texts *t = calloc(1, sizeof(*t));

    if (t != NULL)
        pthread_mutex_init(&t->lock, NULL);
    return t;
}

static void text_free(struct text *t)
{
    if (t->waiting != NULL)
        fuse_pollhandle_destroy(t->waiting);
    snap_inst_unref(t->inst);
    pthread_mutex_destroy(&t->lock);
    free(t->bytes);
    free(t);
}

void texts_free(struct texts *t)
{
    if (t == NULL)
        return;
    while (t->first != NULL) {
        struct text *x = t->first;

        t->first = x->next;
        text_free(x);
    }
    pthread_mutex_destroy(&t->lock);
    free(t);
}

int text_size(const struct node_id *id, off_t *ret)
{
    return source_of(id->kind)->size(id->inst, ret);
}

struct timespec text_time(const struct fs *fs, const struct node_id *id)
{
    const struct text_source *s = source_of(id->kind);

    return s->time != NULL ? s->time(id->inst) : fs->source_time;
}

/* Takes a new snapshot; the old one stays when there is no memory for it. The serial is read first:
 * a change in between makes the text look older than it is, and it is fetched once more. */
static bool refresh(struct text *t)
{
    uint64_t serial = t->source->serial(t->inst);
    size_t len;
    char *bytes = t->source->make(t->inst, &len);

    if (bytes == NULL)
        return false;
    free(t->bytes);
    t->bytes = bytes;
    t->len = len;
    t->serial = serial;
    t->told = false;
    return true;
}

static struct text *text_new(struct node *n)
{
    struct text *t = calloc(1, sizeof(*t));

    if (t == NULL)
        return NULL;
    t->source = source_of(n->id.kind);
    t->inst = snap_inst_ref(n->id.inst);
    t->kind = n->id.kind;
    pthread_mutex_init(&t->lock, NULL);
    if (!refresh(t)) {
        text_free(t);
        return NULL;
    }
    return t;
}

static void enlist(struct texts *all, struct text *t)
{
    pthread_mutex_lock(&all->lock);
    t->next = all->first;
    t->link = &all->first;
    if (t->next != NULL)
        t->next->link = &t->next;
    all->first = t;
    pthread_mutex_unlock(&all->lock);
}

static void delist(struct texts *all, struct text *t)
{
    pthread_mutex_lock(&all->lock);
    *t->link = t->next;
    if (t->next != NULL)
        t->next->link = t->link;
    pthread_mutex_unlock(&all->lock);
}

static struct text *text_of(const struct fuse_file_info *fi)
{
    return (struct text *)(uintptr_t)fi->fh;
}

void text_open(fuse_req_t req, struct node *n, struct fuse_file_info *fi)
{
    struct fs *fs = fs_of(req);
    bool changes = (fi->flags & O_ACCMODE) != O_RDONLY || (fi->flags & O_TRUNC) != 0;
    struct text *t;

    if (changes && n->id.kind != NODE_CONTROL) {
        reply_err(req, -EROFS);
        return;
    }
    t = text_new(n);
    if (t == NULL) {
        reply_err(req, -ENOMEM);
        return;
    }
    enlist(fs->texts, t);
    fi->fh = (uint64_t)(uintptr_t)t;
    fi->direct_io = 1;
    if (fuse_reply_open(req, fi) < 0) {
        delist(fs->texts, t);
        text_free(t);
    }
}

/* Which moments show a newer text through the same open file: the end of a growing one (tail -f), and
 * the start once poll has told of it (the way /proc files are watched). */
static bool wants_newer(const struct text *t, off_t off)
{
    bool at_end = t->source->grows && off >= (off_t)t->len;

    return (at_end || (off == 0 && t->told)) && t->source->serial(t->inst) != t->serial;
}

/* What is read leaves in a copy: as soon as the reader has its answer it may close the file, and `t` be
 * gone before the reply returns here. */
void text_read(fuse_req_t req, size_t size, off_t off, struct fuse_file_info *fi)
{
    struct text *t = text_of(fi);
    char *copy = NULL;
    size_t at, n = 0;

    pthread_mutex_lock(&t->lock);
    if (!wants_newer(t, off) || refresh(t)) {
        at = off < (off_t)t->len ? (size_t)off : t->len;
        n = t->len - at < size ? t->len - at : size;
        copy = malloc(n > 0 ? n : 1);
        if (copy != NULL)
            memcpy(copy, t->bytes + at, n);
    }
    pthread_mutex_unlock(&t->lock);
    if (copy != NULL)
        (void)fuse_reply_buf(req, copy, n);
    else
        reply_err(req, -ENOMEM);
    free(copy);
}

void text_release(fuse_req_t req, struct fuse_file_info *fi)
{
    struct text *t = text_of(fi);

    delist(fs_of(req)->texts, t);
    text_free(t);
    reply_err(req, 0);
}

void text_poll(fuse_req_t req, struct fuse_file_info *fi, struct fuse_pollhandle *ph)
{
    struct texts *all = fs_of(req)->texts;
    struct text *t = text_of(fi);
    struct fuse_pollhandle *old = NULL;
    unsigned events = POLLOUT | POLLWRNORM;

    if (t->kind == NODE_CONTROL)
        events |= POLLIN | POLLRDNORM; /* never another text: as any regular file */
    pthread_mutex_lock(&all->lock);
    pthread_mutex_lock(&t->lock);
    if (t->source->serial(t->inst) != t->serial) {
        t->told = true;
        events |= POLLIN | POLLRDNORM | POLLPRI;
    }
    pthread_mutex_unlock(&t->lock);
    if (ph != NULL) {
        old = t->waiting;
        t->waiting = ph;
    }
    pthread_mutex_unlock(&all->lock);
    if (old != NULL)
        fuse_pollhandle_destroy(old);
    (void)fuse_reply_poll(req, events);
}

/* The waiters leave their handles to us one by one: notifying is a system call, and the list's lock is
 * not held across it. */
static struct fuse_pollhandle *next_waiting(struct texts *all, const struct snap_inst *inst,
                                            enum node_kind kind)
{
    struct fuse_pollhandle *ph = NULL;

    pthread_mutex_lock(&all->lock);
    for (struct text *t = all->first; t != NULL && ph == NULL; t = t->next)
        if (t->kind == kind && t->inst == inst && t->waiting != NULL) {
            ph = t->waiting;
            t->waiting = NULL;
        }
    pthread_mutex_unlock(&all->lock);
    return ph;
}

void text_changed(struct fs *fs, const struct snap_inst *inst, enum node_kind kind)
{
    struct fuse_pollhandle *ph;

    while ((ph = next_waiting(fs->texts, inst, kind)) != NULL) {
        (void)fuse_lowlevel_notify_poll(ph);
        fuse_pollhandle_destroy(ph);
    }
}
