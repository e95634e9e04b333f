/* Between recbuf.c and recbuf_tagged.c. */
#ifndef ESE_REC_RECBUF_PRIV_H
#define ESE_REC_RECBUF_PRIV_H

#include "rec/recbuf.h"
#include "rec/recfmt.h"

/* What stands in room that no value fills (ESE: daedef.hxx chRECFill). */
#define REC_FILL '*'
#define COLUMN_MOST \
    255u /* bytes of a value of a type that is not long (ESE: jethdr.w JET_cbColumnMost) */

/* Where the tagged columns begin. */
uint32_t recbuf_tagged_start(const struct recbuf *rb);
/* Makes `now` bytes of the `old` ones at offset `at`; the caller has looked whether they fit. */
static inline void recbuf_splice(struct recbuf *rb, uint32_t at, uint32_t old, uint32_t now)
{
    if (old != now)
        memmove(rb->b + at + now, rb->b + at + old, rb->len - at - old);
    rb->len = rb->len - old + now;
}
/* Whether the record may have so many bytes. What shrinks always may. */
static inline bool recbuf_fits(const struct recbuf *rb, uint32_t len)
{
    return len <= rb->most || len <= rb->len;
}

JET_ERR recbuf_set_tagged(struct recbuf *rb, const struct column *c, unsigned seq,
                          const struct slice *v, unsigned flags);

#endif
