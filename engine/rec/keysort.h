/*
 * Sorting of index entries: any number of them in bounded memory. Runs that are full are written,
 * sorted, to a file without name and merged while they are read back; when there are many runs,
 * some are merged into a longer one first.
 */
#ifndef ESE_REC_KEYSORT_H
#define ESE_REC_KEYSORT_H

#include "base/err.h"
#include "page/page.h"

struct keysort;

/* limit: bytes of memory for one run, at least KEYSORT_LIMIT_LEAST. Takes it as it needs it. */
#define KEYSORT_LIMIT_LEAST (64u << 10)
must_check JET_ERR keysort_new(size_t limit, struct keysort **ret);
void keysort_free(struct keysort *ks); /* NULL is fine */
/* key and data: less than 64 KiB each. JET_errOutOfMemory, errors of the file. */
must_check JET_ERR keysort_add(struct keysort *ks, struct slice key, struct slice data);
/* Entries in the order of (key, data), equal ones once; valid until the next call. The first call
 * ends adding.
 * JET_errNoCurrentRecord: none left. */
must_check JET_ERR keysort_next(struct keysort *ks, struct slice *ret_key, struct slice *ret_data);

#endif
