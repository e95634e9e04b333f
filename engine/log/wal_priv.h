/*
 * Inside the log of a running instance: wal.c (buffer, appending, flushing), walfile.c (writing, generations),
 * walthread.c (what is done in the background).
 *
 *   ring of segments, counted from the start of the run:
 *
 *        tail                    head
 *   ......|#####|#####|#####|#####|##   |.....|.....
 *    free   whole, to be written   being   free
 *                                  filled
 *
 * Appending: under `lock`, straight into the segment that is being filled. Writing: by one thread at a time, the leader -
 * whoever wants something written and finds `busy` unset; it works on [tail, end) without the lock while others append.
 * Whoever wants what the leader is about to write waits for `changed`.
 */
#ifndef ESE_LOG_WAL_PRIV_H
#define ESE_LOG_WAL_PRIV_H

#include <pthread.h>

#include "log/loggen.h"
#include "log/wal.h"

#define WAL_RECORD_MAX (256u << 10)
#define WAL_SLOTS_MIN  128u /* more than the longest record needs */

/* The door to the disk, so that a test can stand in it. */
struct wal_io {
    JET_ERR (*pwrite)(void *ctx, int fd, const void *buf, size_t len, uint64_t off);
    JET_ERR (*datasync)(void *ctx, int fd);
    JET_ERR(*make)
    (void *ctx, const struct loggen *g, lgen_t gen, uint32_t nr_segments, int *ret_fd);
    JET_ERR (*swap)(void *ctx, const struct loggen *g, lgen_t gen);
    void *ctx;
};

struct wal_slot {
    lgen_t gen;
    uint32_t isec;
    lgpos_t whole; /* records before it are whole when this segment and those before it are there */
};

/* A generation that has begun in the buffer and not yet on disk. */
struct wal_next {
    bool wanted;
    uint64_t at; /* its first segment in the ring */
    lgen_t gen;
    struct logtime created;
    uint8_t attach[LOG_ATTACH_LEN];
};

struct wal {
    /* Fixed: */
    struct loggen files;
    struct wal_hooks hooks;
    struct wal_io io;
    struct reporter *r;
    bool sync, has_nop2;
    uint32_t nr_segments; /* of new files */
    uint32_t nr_slots;
    uint8_t *ring;
    struct wal_slot *slots; /* [tail, end): the leader's, to read; else lock */
    uint8_t *scratch;       /* lock: a record that has to be cut into pieces */

    _Atomic lgpos_t durable; /* records before it are on disk. Raised under lock */
    _Atomic JET_ERR failed;  /* < 0: for ever */

    pthread_mutex_t lock;
    pthread_cond_t changed; /* written, rolled, prepared, failed, no leader */
    pthread_cond_t wake;    /* for the thread */

    /* lock: */
    uint64_t head, tail; /* tail is moved by the leader only */
    lgen_t gen;          /* of segment head */
    uint32_t isec, last; /* its number; the last one of that file that may hold records */
    uint32_t used;       /* bytes of it; 0: it has not been begun */
    lgpos_t pos;     /* where the next record counts as appended; 0: at the start of segment head */
    lgpos_t written; /* records before it were handed to the system, though perhaps not synced */
    bool unsynced;   /* there are such */
    bool busy;       /* somebody leads */
    bool rolling;    /* somebody asks the hook for the list of databases */
    bool low;        /* on the reserve */
    struct wal_next next;
    lgpos_t checkpoint;
    lgen_t current;      /* BASE.log */
    lgen_t acknowledged; /* the same, once the hook has returned */
    struct logtime current_created;
    enum {
        WAL_NONE,
        WAL_MAKING,
        WAL_MADE,
        WAL_NO_SPACE
    } prepared; /* the file of generation `prepared_gen` */
    lgen_t prepared_gen;
    int prepared_fd;
    lgen_t lowest; /* archived generations below are known to be gone; 0: nothing is known */
    bool deleting, held;

    /* The leader's: */
    struct {
        int fd;
        struct loghdr_disk hdr;
        bool is_current;  /* it is BASE.log: one segment after the other, each synced */
        bool has_current; /* there is a BASE.log, this one or the one before */
        bool blank;       /* behind its last segment it is as loggen.h draws it */
        bool shadowed;    /* its last segment has a whole shadow */
        uint64_t checksum;
    } cur;

    /* The thread's: */
    pthread_t thread;
    bool has_thread, stop; /* stop: lock */
};

static inline struct wal_slot *wal_slot(const struct wal *w, uint64_t nr)
{
    return &w->slots[nr % w->nr_slots];
}
static inline uint8_t *wal_segment(const struct wal *w, uint64_t nr)
{
    return w->ring + (size_t)(nr % w->nr_slots) * LOG_SEGMENT_LEN;
}

extern const struct wal_io wal_io_real;
must_check JET_ERR wal_open_with(const struct wal_start *start, const struct wal_hooks *hooks,
                                 struct reporter *r, const struct wal_io *io, struct wal **ret);

/* ---- wal.c; all with the lock held ---- */
lgpos_t wal_tip_locked(const struct wal *w);
/* The caller becomes the leader (nobody is): writes what lies before segment `end`. durable: and syncs it; begin: then
 * begins the generation that comes next there, and makes it BASE.log. Lets go of the lock meanwhile. */
void wal_lead(struct wal *w, uint64_t end, bool durable, bool begin);
/* Everything before `upto` (a tip) and the record at lgpos are on disk. */
must_check JET_ERR wal_flush_locked(struct wal *w, lgpos_t lgpos, lgpos_t upto);

/* ---- walfile.c; by the leader, without the lock ---- */
must_check JET_ERR walfile_write(struct wal *w, uint64_t end, bool durable, bool begin);
/* The last segment, seg, has its shadow behind it. */
must_check JET_ERR walfile_shadow(struct wal *w, const uint8_t *seg, uint32_t isec);
/* At the start. */
must_check JET_ERR walfile_open(struct wal *w, const struct wal_start *start);
/* Final. Without the lock. Returns the error that counts, the first one. */
JET_ERR wal_fail(struct wal *w, JET_ERR err) cold;
JET_ERR wal_fail_io(struct wal *w, JET_ERR err, uint64_t off, const char *doing) cold;

/* ---- walthread.c ---- */
must_check JET_ERR walthread_start(struct wal *w);
void walthread_stop(struct wal *w);
/* With the lock held, nobody leads. The last segment gets its shadow, if it has none. */
void walthread_shadow(struct wal *w);

#endif
