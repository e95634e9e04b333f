/*
 * The queue of notices. An entry that only appeared needs no notice of its own: the kernel never keeps
 * that a name does not exist (such lookups are answered with an error, hence without a timeout).
 */
#include "invalidate.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct notice {
    struct notice *next;
    struct node_id dir; /* with references */
    char name[264];     /* "": none */
};

struct inval {
    struct fs *fs;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more, told;
    struct notice *first, **last; /* lock */
    uint64_t nr_queued, nr_sent;  /* lock */
    bool stop;                    /* lock */
};

static void notice_free(struct notice *n)
{
    id_done(&n->dir);
    free(n);
}

/* Entry first, then listing: whoever lists anew in between does not find the entry either way. */
static void send(struct fs *fs, const struct notice *n)
{
    struct node *dir = tree_peek(fs->tree, &n->dir);
    fuse_ino_t ino;

    if (dir == NULL)
        return; /* the kernel does not know the directory, hence nothing in it */
    ino = tree_ino(fs->tree, dir);
    if (n->name[0] != '\0')
        (void)fuse_lowlevel_notify_inval_entry(fs->se, ino, n->name, strlen(n->name));
    (void)fuse_lowlevel_notify_inval_inode(fs->se, ino, 0, 0);
    tree_forget(fs->tree, dir, 1);
}

static void *thread(void *arg)
{
    struct inval *v = arg;

    pthread_mutex_lock(&v->lock);
    for (;;) {
        struct notice *n;

        while (v->first == NULL && !v->stop)
            pthread_cond_wait(&v->more, &v->lock);
        if (v->stop)
            break;
        n = v->first;
        v->first = n->next;
        if (v->first == NULL)
            v->last = &v->first;
        pthread_mutex_unlock(&v->lock);
        send(v->fs, n);
        notice_free(n);
        pthread_mutex_lock(&v->lock);
        v->nr_sent++;
        pthread_cond_broadcast(&v->told);
    }
    pthread_cond_broadcast(&v->told);
    pthread_mutex_unlock(&v->lock);
    return NULL;
}

struct inval *inval_new(struct fs *fs)
{
    struct inval *v = calloc(1, sizeof(*v));

    if (v == NULL)
        return NULL;
    v->fs = fs;
    v->last = &v->first;
    pthread_mutex_init(&v->lock, NULL);
    pthread_cond_init(&v->more, NULL);
    pthread_cond_init(&v->told, NULL);
    if (pthread_create(&v->thread, NULL, thread, v) != 0) {
        pthread_cond_destroy(&v->told);
        pthread_cond_destroy(&v->more);
        pthread_mutex_destroy(&v->lock);
        free(v);
        return NULL;
    }
    return v;
}

void inval_stop(struct inval *v)
{
    bool running;

    pthread_mutex_lock(&v->lock);
    running = !v->stop;
    v->stop = true;
    pthread_cond_signal(&v->more);
    pthread_mutex_unlock(&v->lock);
    if (!running)
        return;
    (void)pthread_join(v->thread, NULL);
    while (v->first != NULL) { /* nobody adds any more */
        struct notice *n = v->first;

        v->first = n->next;
        notice_free(n);
    }
}

void inval_free(struct inval *v)
{
    if (v == NULL)
        return;
    inval_stop(v);
    pthread_cond_destroy(&v->told);
    pthread_cond_destroy(&v->more);
    pthread_mutex_destroy(&v->lock);
    free(v);
}

void inval_dir(struct inval *v, const struct node_id *dir, const char *name)
{
    struct notice *n = calloc(1, sizeof(*n));

    if (n == NULL)
        return; /* the kernel finds out when the entry's time is over */
    n->dir = *dir;
    if (dir->inst != NULL)
        (void)snap_inst_ref(dir->inst);
    if (name != NULL && strlen(name) < sizeof(n->name))
        memcpy(n->name, name, strlen(name) + 1);
    pthread_mutex_lock(&v->lock);
    if (v->stop) {
        pthread_mutex_unlock(&v->lock);
        notice_free(n);
        return;
    }
    *v->last = n;
    v->last = &n->next;
    v->nr_queued++;
    pthread_cond_signal(&v->more);
    pthread_mutex_unlock(&v->lock);
}

void inval_flush(struct inval *v)
{
    struct timespec until;
    uint64_t upto;
    int err = 0;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec++;
    pthread_mutex_lock(&v->lock);
    upto = v->nr_queued;
    while (v->nr_sent < upto && !v->stop && err == 0)
        err = pthread_cond_clockwait(&v->told, &v->lock, CLOCK_MONOTONIC, &until);
    pthread_mutex_unlock(&v->lock);
}
