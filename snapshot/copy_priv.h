/*
 * The copying pipeline from inside: shared by copy.c (the caller's side: files, reading, checking) and
 * pipeline.c (pieces on their way, threads, ends).
 *
 * 1. A piece belongs to one thread at a time until it is handed on; then digest and writer read it and
 *    the last of them gives it back. Nobody changes it any more: what is digested is what is written.
 * 2. Digests of one file are fed in order: a file has one digest thread. Writes of a file may overlap.
 * 3. The first error stops everything; it is kept, later ones are not looked at.
 * 4. A write or sync that failed is never tried again.
 */
#ifndef SNAPSHOT_COPY_PRIV_H
#define SNAPSHOT_COPY_PRIV_H

#include <openssl/evp.h>

#include "copy.h"
#include "snap_priv.h"

#define COPY_ALIGN         4096u
#define COPY_DIGESTERS_MAX 4u
#define COPY_WRITERS       2u
#define COPY_OUTS_MAX      128u /* files that wait for their sync */
#define COPY_POLL_MS       50u

/* A file of the backup being written. */
struct out {
    struct copy_file *file;
    int fd;
    atomic_bool direct; /* cleared by the writer that is refused */
    bool cloned;
    bool read_done;
    unsigned pending;   /* pieces that are not yet written and digested */
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

struct queue {
    struct piece *head, *tail;
};

struct copier {
    struct copy_opts o;
    /* Protects what follows, but for what a piece's holder or a file's reader has. */
    pthread_mutex_t lock;
    pthread_cond_t work[COPY_DIGESTERS_MAX + 1]; /* each digest thread's; last, the writers' */
    pthread_cond_t news;                         /* for the caller */
    struct piece pieces[COPY_BUFFERS];
    uint8_t *memory;
    struct queue to_digest[COPY_DIGESTERS_MAX], to_write;
    struct piece *unused;
    struct out *outs[COPY_OUTS_MAX];
    unsigned nr_outs;
    unsigned next_sync, nr_sync; /* outs[next_sync .. nr_sync-1] may be synced now */
    unsigned synced;
    JET_ERR err;
    struct ese_fault why;
    bool stop;
    pthread_t threads[COPY_DIGESTERS_MAX + COPY_WRITERS];
    unsigned nr_threads, nr_digesters;
    unsigned next_digester;
    /* the caller's alone */
    bool no_clone, no_direct;
    uint64_t started_ms, bytes_read;
};

/* A piece that nobody uses, as soon as there is one. */
must_check JET_ERR copier_get(struct copier *c, struct piece **ret, struct ese_fault *why);
/* To digest and writers. */
void copier_hand_on(struct copier *c, struct piece *p);
/* It was not needed. */
void copier_put_back(struct copier *c, struct piece *p);
/* All of the file was handed on. */
void copier_read_done(struct copier *c, struct out *o);

#endif
