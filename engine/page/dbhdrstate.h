/* What a database's header says of its place in a log stream: the same for recovery and for a running instance. */
#ifndef ESE_PAGE_DBHDRSTATE_H
#define ESE_PAGE_DBHDRSTATE_H

#include "base/types.h"
#include "page/dbhdrfmt.h"

/* The header is in memory, and each of these changes only it; dbhdr_write (dbhdrwrite.h) puts it on disk. */

/* No backup counts any more: the next incremental wants a full one first. */
void dbhdr_forget_backups(struct dbhdr_disk *h);
/* It belongs to another log from now on: backups and the consistent point of the old one say nothing. */
void dbhdr_forget_log(struct dbhdr_disk *h);
/* Attached by the record at lgpos, at `now`: dirty; nothing before it is required. */
void dbhdr_set_attached(struct dbhdr_disk *h, lgpos_t lgpos, struct logtime now);
/* The log may hold changes of it up to generation gen, which was created at `created`. */
void dbhdr_set_committed(struct dbhdr_disk *h, lgen_t gen, struct logtime created);
/* Shut down by the record at lgpos, at `now`: it requires no log. The caller has set dbtime and objid_last. */
void dbhdr_set_clean(struct dbhdr_disk *h, lgpos_t lgpos, struct logtime now);

#endif
