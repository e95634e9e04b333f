/* Writing a database's header: primary copy, sync, shadow, sync, so that one of them is always whole. */
#ifndef ESE_PAGE_DBHDRWRITE_H
#define ESE_PAGE_DBHDRWRITE_H

#include "base/fault.h"
#include "page/dbhdrfmt.h"

/*
 * page: the header page, page_size bytes with the header at its start. Its checksum is set, and so are the
 * two signatures that tie it to a flush map (.jfm): a new one of its own, none of the map, so that a map of
 * earlier days is never taken for this database's (ESE: flushmap.cxx FCheckForDbFmConsistency_). A failure
 * is reported and final.
 */
must_check JET_ERR dbhdr_write(int fd, void *page, uint32_t page_size, struct logtime now,
                               struct reporter *r);

#endif
