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
/* The same where the header may speak of later ones already: it does not go back. */
void dbhdr_raise_committed(struct dbhdr_disk *h, lgen_t gen, struct logtime created);
/* Shut down by the record at lgpos, at `now`: it requires no log. The caller has set dbtime and objid_last. */
void dbhdr_set_clean(struct dbhdr_disk *h, lgpos_t lgpos, struct logtime now);

/* ---- backups ---- */

enum dbhdr_backup { DBHDR_FULL, DBHDR_INCREMENTAL, DBHDR_COPY, DBHDR_DIFFERENTIAL };
enum { DBHDR_STREAMED = 0, DBHDR_SNAPSHOT = 1 }; /* persistent: how it was taken */

/* The last one of its kind that was finished; gen_low 0: none since the log began. */
struct bkinfo dbhdr_backup(const struct dbhdr_disk *h, enum dbhdr_backup kind, uint32_t *ret_type);
/* It has been finished. A mark that is newer stays: false. A full one lets go of the incremental and differential ones that
 * built on the one before. */
bool dbhdr_set_backup(struct dbhdr_disk *h, enum dbhdr_backup kind, uint32_t type,
                      const struct bkinfo *b);
/* In the copy of a header alone: which backup the copy is part of. */
void dbhdr_set_current_backup(struct dbhdr_disk *h, const struct bkinfo *b);
/* The page that ends the copy of a database whose copied header is h; b: all the logs that it wants. page: page_size bytes, all
 * of them are written. */
void dbhdr_make_trailer(const struct dbhdr_disk *h, const struct bkinfo *b, void *page,
                        uint32_t page_size);
/* The checksum of a header, in memory. */
void dbhdr_seal(void *page, uint32_t page_size);

#endif
