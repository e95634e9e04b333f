/* A set of logs as a stream: do the generations follow one another? */
#ifndef ESE_LOG_LOGSET_H
#define ESE_LOG_LOGSET_H

#include "base/fault.h"

struct logset_file {
    const struct ese_log_info *info;
    const char *name;
};

/*
 * Is `next` the generation after `prev`? In this order, the first fault is reported (with the name of
 * next) and returned: JET_errBadLogSignature (another stream), JET_errPageSizeMismatch,
 * JET_errInvalidLogSequence (generation, or time of creation: a log of another branch),
 * JET_errLogSequenceChecksumMismatch (prev is not as it was when next was begun; only when prev was read
 * to its end without a fault and next is of a version that carries the checksum).
 */
must_check JET_ERR logset_check_pair(const struct logset_file *prev, const struct logset_file *next,
                                     struct reporter *r);

/* All of them, in ascending order of generation. Returns the first fault; every pair is checked. */
must_check JET_ERR logset_check(const struct logset_file *files, unsigned nr, struct reporter *r);

#endif
