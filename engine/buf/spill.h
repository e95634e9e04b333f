/*
 * Changed pages of an overlay that memory has no room for: in a file without a name, in TMPDIR (else /var/tmp), which is gone
 * when it is closed. Pages lie in it in the order in which they came; memory is 8 bytes and a little for each. The bytes
 * are sealed pages, as a database's file would have them. For all threads.
 */
#ifndef ESE_BUF_SPILL_H
#define ESE_BUF_SPILL_H

#include "base/err.h"
#include "base/types.h"

struct spill;

/* The file is made with the first page. */
must_check JET_ERR spill_new(uint32_t page_size, struct spill **ret);
void spill_free(struct spill *s); /* NULL is fine */
/* Over what was there of this page. */
must_check JET_ERR spill_write(struct spill *s, pgno_t pgno, const void *page);
/* *ret_has: it is there, and in `page`. */
must_check JET_ERR spill_read(struct spill *s, pgno_t pgno, void *page, bool *ret_has);
bool spill_has(struct spill *s, pgno_t pgno);
/* Pages from `first` on are void. */
void spill_cut(struct spill *s, pgno_t first);
size_t spill_nr(struct spill *s);

#endif
