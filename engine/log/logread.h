/*
 * Reads the records of a log file, or of the generations of a stream one after the other, from file
 * descriptors. Every segment is checked on the way; files stay as they are (a one-bit error is corrected in
 * memory and reported).
 */
#ifndef ESE_LOG_LOGREAD_H
#define ESE_LOG_LOGREAD_H

#include "base/fault.h"
#include "log/logrec.h"

struct logread;

/* fd stays the caller's. r->file is the file's name; r must outlive the reader. current: see
 * logcheck_new. Errors: of loghdr_decode; JET_errLogFileSizeMismatch; I/O. */
must_check JET_ERR logread_open(int fd, bool current, struct reporter *r, struct logread **ret);
void logread_close(struct logread *l); /* NULL is fine */

/* 1: *ret_lgpos and *ret, valid until the next call; 0: that was all, and the rest of the file is sound;
 * < 0: a fault, reported as logcheck_end lists them; every further call returns it again. */
must_check JET_ERR logread_next(struct logread *l, lgpos_t *ret_lgpos, struct logrec *ret);

/* The header; what comes from the segments is in it after logread_next returned 0. Lives as long as the
 * reader. */
const struct ese_log_info *logread_info(const struct logread *l);

/* When the segment was begun that the last record ends in; zero: it says nothing. */
struct logtime logread_time(const struct logread *l);

/* One generation of a set. */
struct logread_file {
    int fd;
    const char *name;
    bool current;
};

struct logread_set;

/* files: ascending, not owned, must outlive the reader. r->file is set to the file that is being read. */
must_check JET_ERR logread_set_open(const struct logread_file *files, unsigned nr,
                                    struct reporter *r, struct logread_set **ret);
void logread_set_close(struct logread_set *s); /* NULL is fine */
/* As logread_next, over all files; between two of them also the faults of logset_check_pair. */
must_check JET_ERR logread_set_next(struct logread_set *s, lgpos_t *ret_lgpos, struct logrec *ret);

#endif
