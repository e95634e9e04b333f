/*
 * Appending records to a log stream.
 *
 * One segment is put together in memory and written once, when it is full or when a flush closes it (NOP2
 * to its end); each is synced before the next one is written. So a crash leaves whole segments in their
 * order and perhaps a record that is cut off at their end, which the next recovery abandons. No partial segment is ever
 * written; what a torn write of a whole one leaves: loggen.h, README.md.
 *
 * When a file is full its generation is closed and the next one begun (ESE: logstream.cxx ErrLGNewLogFile).
 * Any failure is final: the log is not known to be whole behind it.
 */
#ifndef ESE_LOG_LOGWRITE_H
#define ESE_LOG_LOGWRITE_H

#include "base/fault.h"
#include "log/loggen.h"
#include "log/logrec.h"

struct logwrite;

struct logwrite_hooks {
    /* The databases attached now, for the header of a new generation. */
    JET_ERR (*attach_list)(void *ctx, uint8_t list[LOG_ATTACH_LEN]);
    /* Generation gen was created and becomes the current one; nothing is in it yet. The headers of the
     * attached databases must say so before the first record does. */
    JET_ERR (*generation)(void *ctx, lgen_t gen, struct logtime created);
    void *ctx;
};

struct logwrite_start {
    int dirfd; /* of the logs */
    int fd;    /* of the current log, for writing; -1: the highest generation is an archived log,
                              a new one is made before anything is written */
    bool dry;  /* nothing is written, positions are as if */
    const char *base, *ext;        /* "edb", ".log" */
    unsigned digits;               /* of a generation in a name: 5 or 8 */
    const struct loghdr_disk *hdr; /* of the highest generation; only read in logwrite_new */
    uint32_t last_valid;           /* its last valid segment; 0: none */
    uint64_t checksum;             /* accumulated, of its valid segments */
};

/* fd becomes the writer's. Puts a torn or corrected last segment right on disk first. */
must_check JET_ERR logwrite_new(const struct logwrite_start *start,
                                const struct logwrite_hooks *hooks, struct reporter *r,
                                struct logwrite **ret);
void logwrite_free(struct logwrite *w); /* NULL is fine; what was not flushed is lost */

/* rec: exactly one record. *ret_lgpos may be NULL. Errors, reported: JET_errLogWriteFail, JET_errLogDiskFull
 * (JET_errDiskFull from the system), JET_errLogSequenceEnd, those of the hooks. */
must_check JET_ERR logwrite_append(struct logwrite *w, const void *rec, uint32_t len,
                                   lgpos_t *ret_lgpos);
/* The same for a record in its native form; see logenc.h for the types. */
must_check JET_ERR logwrite_record(struct logwrite *w, const struct logrec *rec,
                                   lgpos_t *ret_lgpos);
/* All records are on disk after it; the next one begins a segment. */
must_check JET_ERR logwrite_flush(struct logwrite *w);

/* Where the next record would be. */
lgpos_t logwrite_tip(const struct logwrite *w);
/* Is a record that was appended at lgpos on disk? */
bool logwrite_is_durable(const struct logwrite *w, lgpos_t lgpos);
lgen_t logwrite_gen(const struct logwrite *w);
struct logtime logwrite_created(const struct logwrite *w); /* of that generation */
/* For headers of generations to come: a hint for readers. */
void logwrite_set_checkpoint(struct logwrite *w, lgpos_t lgpos);

#endif
