/*
 * Nodes, in one hash table under one lock. Owns the nodes and their references into snapshot; knows
 * nothing of names (lookup.c finds them) and nothing of requests.
 *
 * Invariants: (1) a node is in the table exactly while its lookup count is not 0 (the root, which is
 * never forgotten, stands apart); (2) of one identity there is at most one node, but for `control`,
 * which is never found again; (3) a node's address is not reused while the kernel may name it.
 */
#include "tree.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 4096u /* a power of two; a mount shows some thousand files at most times */

struct touched {
    struct touched *next;
    uint64_t id;
    struct timespec at;
};

struct tree {
    pthread_mutex_t lock;
    struct node root;
    struct node *buckets[BUCKETS];
    struct touched *touched; /* one per directory that ever changed */
};

/* Offsets from snap_inst_id(): what snapshot.h reserves for the instance's own objects. */
static unsigned own_offset(enum node_kind kind)
{
    switch (kind) {
    case NODE_INSTANCE:
        return 0;
    case NODE_CONTROL:
        return 1;
    case NODE_STATUS:
        return 2;
    case NODE_EVENTS:
        return 3;
    case NODE_BACKUPS:
        return 4;
    case NODE_LATEST:
        return 5;
    case NODE_ROOT:
    case NODE_BACKUP:
    case NODE_FILE:
        break;
    }
    assert(false); /* only an instance's own objects are asked for */
    return 0;
}

const struct snap_file *node_file(const struct node_id *id)
{
    return &snap_backup_manifest(id->backup)->files[id->file];
}

uint64_t node_st_ino(const struct node_id *id)
{
    switch (id->kind) {
    case NODE_ROOT:
        return FUSE_ROOT_ID;
    case NODE_BACKUP:
        return snap_backup_manifest(id->backup)->ino;
    case NODE_FILE:
        return node_file(id)->ino;
    default:
        return snap_inst_id(id->inst) + own_offset(id->kind);
    }
}

bool node_is_dir(enum node_kind kind)
{
    return kind == NODE_ROOT || kind == NODE_INSTANCE || kind == NODE_BACKUPS ||
           kind == NODE_BACKUP;
}

struct tree *tree_new(void)
{
    struct tree *t = calloc(1, sizeof(*t));

    if (t == NULL)
        return NULL;
    pthread_mutex_init(&t->lock, NULL);
    t->root.id.kind = NODE_ROOT;
    t->root.lookups = 1;
    pthread_mutex_init(&t->root.open_lock, NULL);
    return t;
}

static void node_free(struct node *n)
{
    if (n->id.backup != NULL)
        snap_backup_unref(n->id.backup);
    snap_inst_unref(n->id.inst);
    pthread_mutex_destroy(&n->open_lock);
    free(n);
}

void tree_forget_all(struct tree *t)
{
    for (unsigned i = 0; i < BUCKETS; i++)
        while (t->buckets[i] != NULL) {
            struct node *n = t->buckets[i];

            t->buckets[i] = n->next;
            node_free(n);
        }
}

void tree_free(struct tree *t)
{
    if (t == NULL)
        return;
    tree_forget_all(t);
    while (t->touched != NULL) {
        struct touched *x = t->touched;

        t->touched = x->next;
        free(x);
    }
    pthread_mutex_destroy(&t->root.open_lock);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

struct node *tree_node(struct tree *t, fuse_ino_t ino)
{
    return ino == FUSE_ROOT_ID ? &t->root : (struct node *)(uintptr_t)ino;
}

fuse_ino_t tree_ino(struct tree *t, const struct node *n)
{
    return n == &t->root ? FUSE_ROOT_ID : (fuse_ino_t)(uintptr_t)n;
}

static unsigned bucket_of(const struct node_id *id)
{
    uint64_t h = node_st_ino(id) * UINT64_C(0x9e3779b97f4a7c15);

    return (unsigned)(h >> 40) & (BUCKETS - 1);
}

static bool same(const struct node_id *a, const struct node_id *b)
{
    return a->kind == b->kind && a->inst == b->inst && a->backup == b->backup && a->file == b->file;
}

/* Under the lock. */
static struct node *find(struct tree *t, const struct node_id *id)
{
    struct node *n;

    if (id->kind == NODE_ROOT)
        return &t->root;
    if (id->kind == NODE_CONTROL)
        return NULL;
    for (n = t->buckets[bucket_of(id)]; n != NULL && !same(&n->id, id); n = n->next)
        ;
    return n;
}

static struct node *node_new(const struct node_id *id)
{
    struct node *n = calloc(1, sizeof(*n));

    if (n == NULL)
        return NULL;
    n->id = *id;
    (void)snap_inst_ref(id->inst);
    if (id->backup != NULL)
        (void)snap_backup_ref(id->backup);
    pthread_mutex_init(&n->open_lock, NULL);
    return n;
}

struct node *tree_get(struct tree *t, const struct node_id *id)
{
    struct node *n;

    pthread_mutex_lock(&t->lock);
    n = find(t, id);
    if (n == NULL) {
        n = node_new(id);
        if (n != NULL) {
            n->next = t->buckets[bucket_of(id)];
            t->buckets[bucket_of(id)] = n;
        }
    }
    if (n != NULL)
        n->lookups++;
    pthread_mutex_unlock(&t->lock);
    return n;
}

struct node *tree_peek(struct tree *t, const struct node_id *id)
{
    struct node *n;

    pthread_mutex_lock(&t->lock);
    n = find(t, id);
    if (n != NULL)
        n->lookups++;
    pthread_mutex_unlock(&t->lock);
    return n;
}

/* Under the lock. */
static void unlink_node(struct tree *t, struct node *n)
{
    struct node **p = &t->buckets[bucket_of(&n->id)];

    while (*p != n)
        p = &(*p)->next;
    *p = n->next;
}

void tree_forget(struct tree *t, struct node *node, uint64_t n)
{
    bool gone = false;

    if (node == &t->root)
        return;
    pthread_mutex_lock(&t->lock);
    assert(node->lookups >= n);
    node->lookups -= n;
    if (node->lookups == 0) {
        unlink_node(t, node);
        gone = true;
    }
    pthread_mutex_unlock(&t->lock);
    if (gone)
        node_free(node);
}

static struct touched *find_touched(struct tree *t, uint64_t id)
{
    struct touched *x;

    for (x = t->touched; x != NULL && x->id != id; x = x->next)
        ;
    return x;
}

void tree_touch(struct tree *t, uint64_t id)
{
    struct timespec now;
    struct touched *x;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    pthread_mutex_lock(&t->lock);
    x = find_touched(t, id);
    if (x == NULL && (x = calloc(1, sizeof(*x))) != NULL) {
        x->id = id;
        x->next = t->touched;
        t->touched = x;
    }
    if (x != NULL) {
        /* Two changes within one tick of the clock, or a clock set back, are still two times. */
        if (now.tv_sec < x->at.tv_sec ||
            (now.tv_sec == x->at.tv_sec && now.tv_nsec <= x->at.tv_nsec)) {
            now = x->at;
            if (++now.tv_nsec == 1000000000) {
                now.tv_nsec = 0;
                now.tv_sec++;
            }
        }
        x->at = now;
    }
    pthread_mutex_unlock(&t->lock);
}

bool tree_touched(struct tree *t, uint64_t id, struct timespec *ret)
{
    struct touched *x;

    pthread_mutex_lock(&t->lock);
    x = find_touched(t, id);
    if (x != NULL)
        *ret = x->at;
    pthread_mutex_unlock(&t->lock);
    return x != NULL;
}
