/* Between retrieve.c (one value) and retrieve_all.c (all of them): the record that is read. */
#ifndef ESE_REC_RETRIEVE_PRIV_H
#define ESE_REC_RETRIEVE_PRIV_H

#include "rec/fucb_priv.h"

/*
 * A record: its page is latched until source_close, or it is the copy, or, after source_detach,
 * bytes of its own. Long values are read without the latch: their tree's smo comes before page
 * latches, and a split in it may want the table's root page.
 */
struct source {
    struct recview view;
    uint8_t *own; /* NULL: not detached */
    struct tdb *tdb;
    bool copy, from_image;
};

/* grbit: JET_bitRetrieveCopy: the copy, if there is one. */
must_check JET_ERR source_open(struct fucb *c, uint32_t grbit, struct source *s);
must_check JET_ERR source_detach(struct fucb *c, struct source *s);
void source_close(struct fucb *c, struct source *s);
/* At level 0 a read of more than one tree takes a transaction, so that both fit together. */
must_check JET_ERR read_begin(struct fucb *c, bool *ret_began);
must_check JET_ERR read_end(struct fucb *c, bool began, JET_ERR err);
/* The record's own value or, with defaults, the column's (*ret_default). RECORD_NULL,
 * RECORD_ABSENT: null. */
enum record_state source_value(const struct source *s, const struct column *col, unsigned seq,
                               bool defaults, struct value *ret, bool *ret_default);

#endif
