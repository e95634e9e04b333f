/*
 * The log of a running instance: records of many sessions go into one buffer, from there in whole segments to disk. One
 * write and one fdatasync make everything durable that was appended until then: group commit. What recovery appends
 * goes through logwrite.h; the two never run at once.
 *
 * A durable flush closes the segment with NOP2; a crash leaves a prefix of the records (log/README.md says why). Files
 * are full-size and formatted before they are used: the next one is prepared in the background (BASEtmp.log), and two
 * reserve files (BASEres00001.jrs) hold the space that an orderly end needs on a full disk.
 *
 * A new generation is filled under the name BASEtmp.log, and becomes BASE.log when something in it must be durable, or
 * when it is full: until then its segments need no order. Lazy commits reach the disk within about two seconds.
 */
#ifndef ESE_LOG_WAL_H
#define ESE_LOG_WAL_H

#include <stdatomic.h>

#include "base/fault.h"
#include "log/loggen.h"
#include "log/logrec.h"

struct wal;

/* The log waits for them: no lock that one of them takes may be held by anybody who appends or flushes. The caller may
 * hold page latches. */
struct wal_hooks {
    /* The databases attached now, for the header of the generation whose first record comes next. */
    JET_ERR (*attach_list)(void *ctx, uint8_t list[LOG_ATTACH_LEN]);
    /* Generation gen has become the current one, BASE.log. The headers of the attached databases must say so before
     * anybody relies on a record in it: nothing in it counts as durable before this returns. Called without any lock of the
     * log's that an appender of another thread needs. */
    JET_ERR (*generation)(void *ctx, lgen_t gen, struct logtime created);
    /* A write or sync failed: called once. */
    void (*failed)(void *ctx, JET_ERR err);
    void *ctx;
};

struct wal_start {
    int dirfd;              /* of the logs; stays the caller's */
    const char *base, *ext; /* "edb", ".log" */
    unsigned digits;        /* of a generation in a name: 5 or 8 */
    uint32_t file_len;      /* bytes of new generations */
    uint32_t buffer_len;    /* bytes of the buffer; 512 KiB when it is less */
    const struct loghdr_disk
        *hdr;   /* of the current generation. fresh: a template from which generation 1 is made */
    bool fresh; /* there is no log yet */
    bool archived;       /* hdr is of the highest archived generation, there is no current file */
    uint32_t last_valid; /* its last valid segment; 0: none */
    uint64_t checksum;   /* accumulated, of its valid segments */
    bool no_sync;        /* tests and benchmarks of the buffer alone: never in production */
};

/* *r outlives it; its fn is called from any thread. Of the hooks, archived calls attach_list and generation. */
must_check JET_ERR wal_open(const struct wal_start *start, const struct wal_hooks *hooks,
                            struct reporter *r, struct wal **ret);
/* Stops its thread, closes; nothing is flushed. NULL is fine. */
void wal_close(struct wal *w);

/*
 * Errors, reported and final: JET_errLogWriteFail, JET_errLogDiskFull, JET_errLogSequenceEnd, those of the hooks. May wait
 * for room in the buffer. Safe from any thread. *ret_lgpos may be NULL.
 * Not final: JET_errLogDiskFull for Begin0, CreateDB and AttachDB when the log lives on its reserve (wal_is_low): nothing new
 * may begin, what is under way may end. JET_errInvalidParameter: a record that logenc.h does not encode, or longer than 256 KiB.
 */
must_check JET_ERR wal_append(struct wal *w, const struct logrec *rec, lgpos_t *ret_lgpos);
/* Several records that must not be told apart from others' by position do not exist; but a Commit0 draws its number while
 * nobody else can append, so that numbers ascend in the log: rec->trx := *newest += 4. */
must_check JET_ERR wal_append_commit0(struct wal *w, struct logrec *rec, _Atomic uint32_t *newest,
                                      lgpos_t *ret_lgpos);
/* Everything up to and with the record at lgpos is on disk after it. */
must_check JET_ERR wal_flush(struct wal *w, lgpos_t lgpos);
must_check JET_ERR wal_flush_all(struct wal *w);
bool wal_is_durable(const struct wal *w, lgpos_t lgpos);
/* The disk of the logs is full, reserve files are in use: the instance should come to an end. */
bool wal_is_low(struct wal *w);
/* At this moment somebody writes it to the disk. */
bool wal_is_writing(struct wal *w);
/* Where the next record would be; everything before *durable is on disk. */
lgpos_t wal_tip(struct wal *w);
lgpos_t wal_durable(struct wal *w);
/* BASE.log: the highest generation that a header may name. The tip may be one further. */
lgen_t wal_gen(struct wal *w);
struct logtime wal_created(struct wal *w);
/* Both of the same moment. */
lgen_t wal_gen_created(struct wal *w, struct logtime *ret);
/* Ends the generation after what is in it: the next record is the first of the next one, which is BASE.log; the one that
 * ended is whole, durable, and has its archived name. *ret: the new generation. */
must_check JET_ERR wal_roll(struct wal *w, lgen_t *ret);
/* The same, with `first` as that generation's first record, durable too. Nobody else's comes before it. */
must_check JET_ERR wal_roll_with(struct wal *w, const struct logrec *first, lgpos_t *ret_lgpos,
                                 lgen_t *ret);
void wal_set_checkpoint(struct wal *w, lgpos_t lgpos);
/* A record alone in its segment, the rest zeroes (Term2): flushes what is there, appends, flushes; *ret its lgpos, ib 0. */
must_check JET_ERR wal_append_last(struct wal *w, const struct logrec *rec, lgpos_t *ret);
/* Deletes archived generations below `keep`, lowest first, as far as they are there without a gap. */
must_check JET_ERR wal_delete_below(struct wal *w, lgen_t keep);
/* For a snapshot below the files: all of it is on disk, and from then on nothing is written; appending goes on until the buffer
 * is full, who flushes waits. After an error of the log nothing is frozen. */
must_check JET_ERR wal_freeze(struct wal *w);
void wal_thaw(struct wal *w);
/* For a backup. While held, wal_delete_below deletes nothing; holding waits for one that is at it. */
void wal_hold(struct wal *w, bool held);
/* The first of the archived generations that lead without a gap to BASE.log; that one itself if there is none. */
lgen_t wal_lowest(struct wal *w);
/* Deletes the archived generations [from, to), lowest first, held or not. *ret_missing: so many were not there. */
must_check JET_ERR wal_delete(struct wal *w, lgen_t from, lgen_t to, uint32_t *ret_missing);
/* Their names and where they are; the directory is the wal's. */
char *wal_archived_name(const struct wal *w, lgen_t gen, char name[LOGGEN_NAME_LEN]);
int wal_dir(const struct wal *w);

#endif
