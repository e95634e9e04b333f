/*
 * A database file opened for random reading: page size from the header, pages by number, each checked
 * once on its way into a small cache.
 *
 * Memory is bounded: DBFILE_CACHE_LEN bytes of pages whatever the file's size, and only as much of it
 * is touched as the reader needs. One object is used by one thread at a time. Nothing is written.
 */
#ifndef ESE_BTREE_DBFILE_H
#define ESE_BTREE_DBFILE_H

#include "base/fault.h"
#include "page/page.h"

#define DBFILE_CACHE_LEN (4u << 20)

struct dbfile;

/* fd stays the caller's and must outlive the object; so must r, which receives every fault. Errors:
 * those of dbhdr_read, JET_errOutOfMemory. */
must_check JET_ERR dbfile_open(int fd, struct reporter *r, struct dbfile **ret);

/* Pages from elsewhere, as a file would have them. */
struct dbfile_source {
    const struct ese_db_info *info;
    pgno_t last; /* there are pages 1 .. last */
    /* Whatever fails is reported by the reader of the source or not at all. */
    JET_ERR (*read)(void *ctx, pgno_t pgno, void *page);
    void *ctx;
};
must_check JET_ERR dbfile_open_source(const struct dbfile_source *source, struct reporter *r,
                                      struct dbfile **ret);
void dbfile_close(struct dbfile *f); /* NULL is fine; no page may be pinned */

const struct ese_db_info *dbfile_info(const struct dbfile *f);
struct reporter *dbfile_reporter(const struct dbfile *f);
uint32_t dbfile_page_size(const struct dbfile *f);
/* The last page that the file is long enough for. The database may own less, or claim more. */
pgno_t dbfile_last_page(const struct dbfile *f);
uint64_t dbfile_offset(const struct dbfile *f, pgno_t pgno);

/*
 * Page pgno, checked by page_verify, pinned: its bytes stay until dbfile_unpin. Errors, each reported
 * with page and offset the first time: JET_errReadVerifyFailure, JET_errPageTagCorrupted (structure),
 * JET_errPageNotInitialized (blank), JET_errFileIOBeyondEOF, JET_errDatabaseCorrupted (page 0), I/O
 * errors. JET_errOutOfBuffers: more pages are pinned than the cache holds, a mistake of the caller.
 */
must_check JET_ERR dbfile_page(struct dbfile *f, pgno_t pgno, struct page *ret);
/* Gives the page back and clears *p; nothing happens to a *p that is clear already. */
void dbfile_unpin(struct dbfile *f, struct page *p);

#endif
