/*
 * Output of the dumps: a buffer in front of a FILE, and the few forms that rows are made of. A failed
 * write is remembered (out_failed); everything after it is dropped.
 */
#ifndef ESE_CHECK_DUMPOUT_H
#define ESE_CHECK_DUMPOUT_H

#include <stdio.h>

#include "base/fault.h"

#define OUT_LEN (64u << 10)

struct out {
    FILE *file;
    size_t n;
    JET_ERR err; /* of the first write that failed, and its errno */
    int os_errno;
    char b[OUT_LEN];
};

void out_init(struct out *o, FILE *file);
/* Hands what is buffered to the FILE; returns the first error. */
JET_ERR out_flush(struct out *o);
/* The end of a dump: everything written to the FILE is flushed. A write that failed is reported; returns
 * it, or the first fault that r has seen. */
JET_ERR out_finish(FILE *file, struct reporter *r);

void out_long(struct out *o, const void *p,
              size_t len); /* any length; out_bytes is the fast way in */

static inline void out_bytes(struct out *o, const void *p, size_t len)
{
    if (len > OUT_LEN - o->n) {
        out_long(o, p, len);
        return;
    }
    memcpy(o->b + o->n, p, len);
    o->n += len;
}

static inline void out_char(struct out *o, char c)
{
    if (o->n == OUT_LEN)
        (void)out_flush(o);
    o->b[o->n++] = c;
}

void out_str(struct out *o, const char *s);
void out_u64(struct out *o, uint64_t v);
void out_i64(struct out *o, int64_t v);
void out_hex(struct out *o, const void *p, size_t len);
/* A number in hex, `digits` of them. */
void out_hex_u64(struct out *o, uint64_t v, unsigned digits);
void out_printf(struct out *o, const char *fmt, ...) printf_like(2, 3);

/* UTF-8 with what JSON or CSV needs escaped, without the quotes around it. Surrogates as text.h makes
 * them: JSON has an escape for one, CSV gets U+FFFD. quote: how a quote inside is written, "\"" or, in
 * a CSV field, "\"\"". */
void out_json_text(struct out *o, const char *s, size_t len, const char *quote);
void out_csv_text(struct out *o, const char *s, size_t len);

#endif
