/*
 * Tagged columns of a record: those that take room only when they have a value, several of them if
 * need be. Read in the order in which they lie: columns of a template table first, then by number.
 */
#ifndef ESE_REC_TAGGED_H
#define ESE_REC_TAGGED_H

#include "page/page.h"

/* One value as it lies in the record; value.h turns it into its bytes. */
struct value {
    struct slice data; /* the bytes themselves, compressed bytes, or a LID */
    bool separated, compressed, encrypted;
};

struct tagged_value {
    uint16_t fid;
    bool derived; /* a column of the template table */
    bool null;    /* an explicit null, which hides a default value */
    unsigned seq; /* 1 for a column's first value */
    struct value v;
};

enum tagged_layout { TAGGED_SMALL, TAGGED_LARGE, TAGGED_OLD };

/* Which one a page's records have. */
static inline enum tagged_layout tagged_layout_of(uint32_t page_size, uint32_t page_flags)
{
    if (!(page_flags & PAGE_NEW_RECORD_FORMAT))
        return TAGGED_OLD;
    return page_size <= 8192 ? TAGGED_SMALL : TAGGED_LARGE;
}

struct tagged {
    struct slice bytes;
    enum tagged_layout layout;
    unsigned nr, next; /* fields; small and large layout */
    uint32_t at;       /* old layout: the next field */
    uint32_t fid;      /* of the last field, with TAGGED_FID_OWN; UINT32_MAX: none yet */
    uint8_t header;
    struct slice multi; /* values of the field that is being read */
    unsigned nr_values, value;
    const char *what; /* one static clause once tagged_next has returned < 0 */
};

/* Any bytes are safe. */
void tagged_begin(struct tagged *t, struct slice bytes, enum tagged_layout layout);
/* 1: a value; 0: there is none left; < 0: the bytes are damaged, and t->what says how. */
int tagged_next(struct tagged *t, struct tagged_value *ret);

/* One value by its number, from 1. 1: there it is; 0: there is none; < 0: the field is damaged. */
int tagged_get(struct slice bytes, enum tagged_layout layout, uint16_t fid, bool derived,
               unsigned seq, struct tagged_value *ret);
/* How many values a column has; 0 when it is null or damaged. */
unsigned tagged_count(struct slice bytes, enum tagged_layout layout, uint16_t fid, bool derived);

#endif
