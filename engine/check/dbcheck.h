/*
 * The check of a database while its bytes stream by, each once and in order. What one page says is
 * checked at once (checksum, page number, structure); what pages say of one another is noted and
 * held together at the end:
 *
 *   blank     pages that are all zero: they carry no checksum, so a zeroed page passes the first check
 *   referred  pages that another page names: children, siblings, roots in the catalogue, space trees
 *
 * In a clean database the file holds all pages that it owns. One that is not clean may have grown since the file, or the copy,
 * got its end: as far as the logs make it longer again. A copy that a backup made ends with its trailer page.
 *
 * In a clean database a page that is both was zeroed by damage. In a dirty one it may only not have
 * been written yet, so there it proves nothing; recovery will tell.
 */
#ifndef ESE_CHECK_DBCHECK_H
#define ESE_CHECK_DBCHECK_H

#include "base/fault.h"

struct dbcheck;

/* r: where faults go, outlives the check. */
must_check JET_ERR dbcheck_new(uint64_t size, struct reporter *r, struct dbcheck **ret);
void dbcheck_free(struct dbcheck *c);
/* As ese_check_feed: in order, multiples of 64 KiB but for the last. Corrects buf in place. */
must_check JET_ERR dbcheck_feed(struct dbcheck *c, void *buf, size_t len);
must_check JET_ERR dbcheck_feed_hole(struct dbcheck *c, uint64_t len);
/* The cross checks. Faults are in the reporter; < 0 only when nothing could be checked. */
must_check JET_ERR dbcheck_end(struct dbcheck *c);
/* NULL until the header was seen and is sound. */
const struct ese_db_info *dbcheck_info(const struct dbcheck *c);

struct dbcheck_counts {
    uint64_t pages, blank;
    bool trailer;
};
struct dbcheck_counts dbcheck_counts(const struct dbcheck *c);

/* What the logs say, asked once the header is known. See pagestate. */
struct dbcheck_logs {
    /* For each page: how old and how new it may be. Where they say nothing, the numbers (0 and UINT64_MAX) are left alone. */
    void (*bounds)(void *ctx, pgno_t pgno, dbtime_t *ret_least, dbtime_t *ret_most);
    /* Of a database that is not clean, whose file ends with page `end`: to which page redo makes it longer (0: it does not), and
     * a page behind the end that it had (0: none). False: they cannot tell. */
    bool (*end)(void *ctx, pgno_t end, pgno_t *ret_grows_to, pgno_t *ret_had);
    void *ctx;
};
void dbcheck_expect(struct dbcheck *c, const struct dbcheck_logs *logs);

#endif
