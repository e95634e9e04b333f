/*
 * What the logs say about each page: the dbtime that it must have at least, so that a page of an older state
 * of the database is recognised while the database streams by.
 *
 * Fed with headers and records in log order. Pages belong to the signature of their database: a dbid means
 * another one after a detach and an attach. Memory is bounded: a record adds at most one entry per 16 of its
 * bytes, and never more than PAGESTATE_MAX pages are remembered; of pages beyond that nothing is known
 * (pagestate_complete is false then). What is returned is always true, but not everything that could be
 * known: pages that were shrunk away or trimmed and not written again are forgotten, if need be together
 * with their neighbours, and so is all of a database that was attached in another state than it was
 * detached in.
 */
#ifndef ESE_LOG_PAGESTATE_H
#define ESE_LOG_PAGESTATE_H

#include "engine.h"
#include "log/logrec.h"

#define PAGESTATE_MAX 393216u /* entries; 24 MiB, while it grows 36 */

struct pagestate;

struct page_bounds {
    dbtime_t least; /* the page on disk is at least that new; 0: may be anything, also blank */
    dbtime_t
        most; /* and at most that new; UINT64_MAX: circular logging, not all changes are logged */
};

/* checkpoint: where redo starts; 0: not known, every record is taken as one that redo may have to apply. */
must_check JET_ERR pagestate_new(lgpos_t checkpoint, struct pagestate **ret);
void pagestate_free(struct pagestate *s); /* NULL is fine */
/* The header of each log in turn, before its records: which databases are attached. A log of another stream, or
 * of a generation not above the ones before, is passed over; behind a gap there is no upper bound any
 * more. ctx is the pagestate. */
void pagestate_header(void *ctx, const struct ese_log_info *info);
/* A record. Errors: JET_errOutOfMemory. ctx is the pagestate, so that it fits logcheck_record_fn. */
must_check JET_ERR pagestate_add(void *ctx, lgpos_t lgpos, const struct logrec *rec);
/* What the logs say of a page of the database with that header. False: nothing - of the page, or of the
 * database as its header describes it (another stream, a state that the logs do not reach). */
bool pagestate_bounds(const struct pagestate *s, const struct ese_db_info *db, pgno_t pgno,
                      struct page_bounds *ret);
/* Where the file of the database with that header must end, if recovery with these logs is to make it whole. */
struct page_end {
    pgno_t
        grows_to; /* redo makes the file that long (ExtendDB), whatever it finds; 0: it does not */
    pgno_t
        had; /* a page behind the end that was in the file when it was written last; 0: none is known */
};

/* end: the last page that is there. False: the logs cannot tell. That is so for a clean database, without all generations from
 * the one that the header requires on, and when they cut the file off somewhere. */
bool pagestate_end(const struct pagestate *s, const struct ese_db_info *db, pgno_t end,
                   struct page_end *ret);
bool pagestate_complete(const struct pagestate *s);
size_t pagestate_nr_pages(const struct pagestate *s);

#endif
