/*
 * The tree as the kernel holds it: one node per object that the kernel knows, with its lookup count.
 *
 * Three kinds of inode number, and what can be got from which:
 *   fuse_ino_t    the kernel's handle on a node: the node's address (root: FUSE_ROOT_ID). Never shown.
 *   st_ino        what users see: stable across mounts and renames; comes from snapshot (manifest,
 *                 snap_inst_id). Not unique in time: a vanished instance may return under it.
 *   identity      kind + instance or backup object + index of the file: finds the node again.
 *
 * `control` is the exception: every lookup makes a node of its own. The kernel locks an inode while it
 * is written to, and opening with O_TRUNC takes the same lock; with one inode, a process in
 * `echo wait > control` would keep everybody else's `echo cancel > control` from even being opened.
 */
#ifndef FS_TREE_H
#define FS_TREE_H

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "snapshot.h"

enum node_kind {
    NODE_ROOT,
    NODE_INSTANCE,
    NODE_CONTROL,
    NODE_STATUS,
    NODE_EVENTS,
    NODE_BACKUPS,
    NODE_LATEST,
    NODE_BACKUP, /* a backup's directory */
    NODE_FILE,   /* a file in it */
};

/* What is given when a node is asked for. inst and backup are borrowed; file counts from 0. */
struct node_id {
    enum node_kind kind;
    struct snap_inst *inst;     /* all but the root */
    struct snap_backup *backup; /* NODE_BACKUP, NODE_FILE */
    unsigned file;              /* NODE_FILE */
};

struct node {
    struct node_id id; /* holds references; fixed */
    uint64_t lookups;  /* tree's lock */
    struct node *next; /* in its bucket; tree's lock */
    /* How an open file is read: one way for all who have it open. open_lock. */
    pthread_mutex_t open_lock;
    unsigned opens;
    int backing_id; /* 0: from a descriptor */
};

struct tree;

struct tree *tree_new(void); /* NULL: out of memory */
void tree_free(struct tree *t);
/* After the last request: frees all nodes and with them the references into snapshot. */
void tree_forget_all(struct tree *t);

/* The node for what the kernel hands us. Valid while the kernel holds it, hence during a request. */
struct node *tree_node(struct tree *t, fuse_ino_t ino);
fuse_ino_t tree_ino(struct tree *t, const struct node *n);

/* The node with this identity, made if need be; one lookup more. NULL: out of memory. */
struct node *tree_get(struct tree *t, const struct node_id *id);
/* The same if the kernel knows it, else NULL. */
struct node *tree_peek(struct tree *t, const struct node_id *id);
/* n lookups less; freed at none. */
void tree_forget(struct tree *t, struct node *node, uint64_t n);

/* What st_ino is, for a node or for one that has not been made. */
uint64_t node_st_ino(const struct node_id *id);
bool node_is_dir(enum node_kind kind);
const struct snap_file *node_file(const struct node_id *id); /* NODE_FILE */

/*
 * When the entries of a directory last changed: of the root (id 0) or of `backups` of the instance
 * with this id. Touched only after the change can be seen in listings, so that a listing that the
 * kernel has cached under the newer time is the newer one. Strictly increasing.
 */
void tree_touch(struct tree *t, uint64_t id);
bool tree_touched(struct tree *t, uint64_t id, struct timespec *ret);

#endif
