/* Reading the database header, its shadow, and a backup's trailer page. */
#ifndef ESE_PAGE_DBHDR_H
#define ESE_PAGE_DBHDR_H

#include "base/fault.h"
#include "base/fields.h"
#include "page/dbhdrfmt.h"

/* Both copies of any page size lie within this many bytes. */
#define DBHDR_HEAD_LEN (2u * PAGE_SIZE_MAX)

/*
 * head: the first min(DBHDR_HEAD_LEN, size) bytes of the file. Takes the primary copy, or the shadow
 * when that is damaged; a damaged copy is a note (event 456 primary, 472 shadow), *ret says which.
 * Errors, reported: JET_errReadVerifyFailure (both copies damaged), JET_errInvalidDatabaseVersion,
 * JET_errFileInvalidType (no database). *ret_raw (may be NULL) points to the copy that was taken.
 */
must_check JET_ERR dbhdr_decode(const void *head, size_t len, struct reporter *r,
                                struct ese_db_info *ret, const struct dbhdr_disk **ret_raw);
/* The same from a file. */
must_check JET_ERR dbhdr_read(int fd, struct reporter *r, struct ese_db_info *ret);
/* True when the bytes look like a database's header, damaged or not: the magic number. */
bool dbhdr_is_database(const void *head, size_t len);
/* Prints every field. */
void dbhdr_dump(const struct dbhdr_disk *raw, const struct ese_db_info *info, struct fields *f);

const char *dbstate_name(uint32_t state); /* "clean", "dirty", ... */

/* A sound trailer page (XOR checksum, zeroes where they must be)? */
bool trailer_is_valid(const void *page, uint32_t page_size);
void trailer_dump(const void *page, struct fields *f);

#endif
