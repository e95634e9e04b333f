/*
 * The difference that a ReplaceD record carries (ESE: logdiff.cxx; logapi.hxx DIFFHDR, DIFFHDR2): steps in ascending
 * order of their offset in the old data. Read with logdiff_next, made with logdiff_make.
 */
#ifndef ESE_LOG_LOGDIFF_H
#define ESE_LOG_LOGDIFF_H

#include "base/err.h"
#include "page/page.h"

struct logdiff {
    const uint8_t *p, *end;
    bool wide; /* 3-byte headers: pages of 16 and 32 KiB */
};

/* Is a difference for nodes of such pages wide? */
static inline bool logdiff_is_wide(uint32_t page_size)
{
    return page_size > 8192;
}

struct logdiff_step {
    uint16_t off;      /* in the old data */
    uint16_t old_len;  /* bytes that go away there */
    struct slice data; /* bytes that come instead */
};

void logdiff_init(struct logdiff *d, struct slice bytes, bool wide);
/* 1: *ret is the next step; 0: there is none; JET_errLogFileCorrupt: it does not end within the bytes. */
must_check JET_ERR logdiff_next(struct logdiff *d, struct logdiff_step *ret);
/* Are the steps well-formed, in order and within old_len bytes, and do they make new_len bytes? */
bool logdiff_fits(struct slice bytes, bool wide, uint32_t old_len, uint32_t new_len);

/*
 * Makes the difference between two images of a node's data, in buf. Returns its length; 0: it does not pay - it would
 * not be smaller than the new data or than cap, or the two are equal - and the caller logs a Replace, or nothing.
 */
uint32_t logdiff_make(struct slice old, struct slice now, bool wide, uint8_t *buf, uint32_t cap);

#endif
