/*
 * The plain bytes of a value, piece by piece, wherever it lies: in the record, compressed there, or in
 * the tree of long values. A piece is at most DECOMPRESS_MAX bytes, so the memory needed does not
 * depend on the value.
 */
#ifndef ESE_REC_VALUE_H
#define ESE_REC_VALUE_H

#include "rec/lv.h"
#include "rec/tagged.h"

struct value_reader {
    struct lv_reader lv; /* init and done are the owner's; lv.buf serves values in records too */
    struct slice piece;
    bool separated, done;
};

/*
 * pgno: the page of the record, for faults. *ret_size: length in plain bytes. Errors, reported: those
 * of lv_open, JET_errDecompressionFailed, JET_errColumnNoEncryptionKey.
 */
must_check JET_ERR value_begin(struct value_reader *vr, const struct value *v, pgno_t pgno,
                               uint32_t *ret_size);
/* The next piece, valid until the next call; empty at the end. Errors as lv_next. */
must_check JET_ERR value_next(struct value_reader *vr, struct slice *ret);
/* The first min(cap, size) bytes in one go. */
must_check JET_ERR value_read(struct value_reader *vr, const struct value *v, pgno_t pgno,
                              void *buf, uint32_t cap, uint32_t *ret_len);

/* Whether v->data are the plain bytes already. */
static inline bool value_is_plain(const struct value *v)
{
    return !v->separated && !v->compressed && !v->encrypted;
}

#endif
