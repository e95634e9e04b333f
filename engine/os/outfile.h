/*
 * Files that are written from their beginning to their end, by a thread beside the caller, who makes the next piece meanwhile.
 *
 * The room is taken first and the bytes go to the disk past the system's cache, where the filesystem allows either: the copy
 * of a large database pushes nothing out of memory, programs that write through the cache are not slowed down on its
 * account, and the sync at the end finds nothing left to do. Where the filesystem refuses, the bytes go through the cache
 * and their write-back is started at once.
 *
 * One caller's thread; one file after the other.
 */
#ifndef ESE_OS_OUTFILE_H
#define ESE_OS_OUTFILE_H

#include "base/err.h"
#include "engine.h"

#define OUTFILE_PIECE (1u << 20) /* bytes; a multiple of every page size */

struct outfile;

/* JET_errOutOfMemory, JET_errOutOfThreads. */
must_check JET_ERR outfile_new(struct outfile **ret);
/* Also in the middle of a file, which is then not whole. */
void outfile_free(struct outfile *o);

/* fd is an empty file, the caller's, and open until the end. size: as long as it is going to be, as far as that is known, and
 * room is taken for it: 0: none. */
must_check JET_ERR outfile_begin(struct outfile *o, int fd, uint64_t size);
/* Memory for the next piece, OUTFILE_PIECE bytes aligned to 4096, as soon as there is some; between two files it is at hand, and
 * may serve for anything. An error here is one of a write before. */
must_check JET_ERR outfile_piece(struct outfile *o, uint8_t **ret);
/* The piece has len bytes, 0 .. OUTFILE_PIECE, and goes behind what was put before; only the last one may be no multiple of 4096. */
void outfile_put(struct outfile *o, size_t len);
/* The same for bytes that are 0: nothing is written. */
void outfile_put_hole(struct outfile *o, size_t len);
/* All of it is written, the file has its length. It is not synced. */
must_check JET_ERR outfile_end(struct outfile *o);
/* The file comes to nothing: whatever is not yet written is left out. Nothing to do when none was begun. */
void outfile_drop(struct outfile *o);
/* Where in the file the write went that an error speaks of, or ESE_NO_OFFSET. */
uint64_t outfile_failed_at(const struct outfile *o);

#endif
