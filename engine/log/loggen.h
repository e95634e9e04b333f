/*
 * The files of a log stream that is being written: names, headers, how a generation follows another. Shared by
 * logwrite.c (recovery) and wal.c (a running instance). Nothing here reports; errors are those of the system
 * (JET_errDiskFull, JET_errDiskIO, ..).
 *
 * How a new file lies on disk, so that a torn write of any segment leaves a log that readers accept (README.md):
 *
 *   0        1               2               3                    n-1
 *   +--------+---------------+---------------+---------------+....+------------------+
 *   | header | 1, no records | shadow of the | shadow of 2,  |    | shadow of n-2,   |
 *   |        |               | one before    | no records    |    | no records       |
 *   +--------+---------------+---------------+---------------+....+------------------+
 */
#ifndef ESE_LOG_LOGGEN_H
#define ESE_LOG_LOGGEN_H

#include "base/err.h"
#include "log/logfmt.h"

struct loggen {
    int dirfd; /* of the logs; the caller's */
    char base[4], ext[5];
    unsigned digits; /* of a generation in a name: 5 or 8 */
};

#define LOGGEN_NAME_LEN   24u
#define LOGGEN_RESERVES   2u
#define LOGGEN_FILE_LEAST 4u /* segments of a file: header, two for records, one for a shadow */

void loggen_init(struct loggen *g, int dirfd, const char *base, const char *ext, unsigned digits);
char *loggen_current(const struct loggen *g, char name[LOGGEN_NAME_LEN]);
char *loggen_temp(const struct loggen *g,
                  char name[LOGGEN_NAME_LEN]); /* the next one, unfinished */
char *loggen_archived(const struct loggen *g, lgen_t gen, char name[LOGGEN_NAME_LEN]);
/* nr: 1 .. LOGGEN_RESERVES. */
char *loggen_reserve(const struct loggen *g, unsigned nr, char name[LOGGEN_NAME_LEN]);

/* The header of the segment and its checksum. */
void loggen_seal(uint8_t seg[LOG_SEGMENT_LEN], lgen_t gen, uint32_t isec);
/* What a new file has at segment isec >= 1. */
void loggen_blank(uint8_t seg[LOG_SEGMENT_LEN], lgen_t gen, uint32_t isec);
/* All of them, over whatever is there; the header becomes zero. Not synced. */
must_check JET_ERR loggen_format(int fd, lgen_t gen, uint32_t nr_segments);
/* BASEtmp, opened and formatted; one that is there is used again, its name is never gone. Not synced. */
must_check JET_ERR loggen_make(const struct loggen *g, lgen_t gen, uint32_t nr_segments,
                               int *ret_fd);
/* Makes BASEtmp of a reserve file: takes no space. JET_errFileNotFound: none is left. */
must_check JET_ERR loggen_make_of_reserve(const struct loggen *g, lgen_t gen, uint32_t nr_segments,
                                          int *ret_fd);
/* Reserve files of that size; what fails, for want of space say, is left out (as ESE does). */
void loggen_keep_reserves(const struct loggen *g, uint32_t nr_segments);

/* Behind the last valid segment of a file that another writer made: the blank segments, if there is nothing but zeroes
 * and the shadow of the last one. *ret: is the file as a new one is, from there on? Synced. */
must_check JET_ERR loggen_adopt(int fd, lgen_t gen, uint32_t nr_segments, uint32_t last_valid,
                                bool *ret);
/* The last valid segment is not as it should be on disk - torn, so that its shadow counts, or with a wrong bit - and
 * its shadow is about to be overwritten. JET_errLogFileCorrupt: no image of it is whole. */
must_check JET_ERR loggen_repair_tail(int fd, lgen_t gen, uint32_t last_valid);

/* The header of the generation after `prev`, whose segments' checksums accumulate to `checksum`. */
void loggen_next_header(const struct loghdr_disk *prev, uint64_t checksum, struct logtime created,
                        const uint8_t attach[LOG_ATTACH_LEN], bool reserve,
                        struct loghdr_disk *ret);
void loggen_seal_header(struct loghdr_disk *h);

/* BASE -> BASE00001 (gen; 0: there is no BASE), then BASEtmp -> BASE, then the directory. A crash in between leaves no
 * current log but a BASEtmp, which tells the next recovery that nothing is lost. */
must_check JET_ERR loggen_swap(const struct loggen *g, lgen_t gen);

struct logtime logtime_now(void);

#endif
