/*
 * Against a write that a SIGKILL cuts in two. The kernel copies a page into its cache in pieces of 4096 bytes, in
 * ascending order, and a process that is killed may stop between two of them: a larger page is then half new, half old, and
 * no log makes it whole (ESE has the same from a power cut, and reports it). So a page of more than 4096 bytes is written
 * twice: first to a slot of this file, then to its place. The slot is used again only after the second write has returned. Thus
 * of a page that was cut the whole is in a slot; and of one that was cut in its slot the place has not been touched.
 *
 * Nothing is synced: this is about a process that ends, not about a disk that loses. What is found in a slot is believed when
 * it is a sound page whose first 4096 bytes are those that stand in the database, where the page as a whole is not sound. So a
 * stale or forged slot does nothing.
 *
 * The file is BASE.dwb in the directory of the logs, and goes when the instance is shut down cleanly:
 *
 *   slot i at i * SLOT_LEN: struct slot_disk, zeroes up to 4096, then its pages, as they are in the database
 */
#ifndef ESE_BUF_GUARD_H
#define ESE_BUF_GUARD_H

#include "buf/buf.h"

struct bufguard;

#define BUFGUARD_RUN (256u * 1024u) /* bytes of pages that one slot takes */

/* Opens or makes the file, and takes in what an earlier process has left. *ret is NULL, which is fine everywhere, where pages
 * need no guarding; or, with `read_only`, where there is no file. Also when the file cannot be had: then writes are
 * unguarded. JET_errOutOfMemory. */
must_check JET_ERR bufguard_open(int dirfd, const char *base, uint32_t page_size, bool read_only,
                                 struct bufguard **ret);
/* remove: the databases are clean. */
void bufguard_close(struct bufguard *g, bool remove);
/* Puts right what was cut in the database behind the pool, before anybody looks at its pages. Told as notes. From then on the
 * pool's writes are guarded. */
must_check JET_ERR bufguard_mend(struct bufguard *g, struct bufpool *p,
                                 const struct signature *sign_db);
/* The file's name: BASE.dwb. */
#define BUFGUARD_NAME_LEN 16
void bufguard_name(const char *base, char ret[BUFGUARD_NAME_LEN]);

#endif
