/*
 * Where the next record goes in a log file: shared by the two writers, logwrite.c (recovery) and wal.c (a running
 * instance). Rules: ESE logwrite.cxx ErrLGTryLogRec; read back by logjoin.c.
 *
 * A segment that is being filled has `used` bytes, its header included; LOGSEG_HEADER_LEN: nothing is in it yet.
 */
#ifndef ESE_LOG_LOGPLACE_H
#define ESE_LOG_LOGPLACE_H

#include "log/logfmt.h"

#define LOGPLACE_ROOM (LOG_SEGMENT_LEN - LOGSEG_HEADER_LEN) /* for records in a segment */

static inline uint32_t logplace_pieces(uint32_t len, uint32_t each)
{
    return (len + each - 1) / each;
}

/* How many segments behind this one a record of len bytes needs. */
static inline uint32_t logplace_further(uint32_t used, uint32_t len)
{
    const uint32_t room = LOG_SEGMENT_LEN - used;
    const uint32_t begin = sizeof(struct lr_fragment_begin_disk),
                   more = LOGPLACE_ROOM - (uint32_t)sizeof(struct lr_fragment_disk);

    if (len <= room)
        return 0;
    if (room >= LOG_FRAGMENT_MIN)
        return logplace_pieces(len - (room - begin), more);
    return len <= LOGPLACE_ROOM ? 1 : 1 + logplace_pieces(len - (LOGPLACE_ROOM - begin), more);
}

/* Does the record fit into the file, whose last segment that holds records is `last`? One byte stays free. */
static inline bool logplace_fits(uint32_t isec, uint32_t used, uint32_t len, uint32_t last)
{
    return isec <= last && isec + logplace_further(used, len + 1) <= last;
}

/* NOP2 came with log format 8.4000.4.3; zeroes are as good to a reader. */
static inline bool logplace_has_nop2(const struct loghdr_disk *h)
{
    const uint32_t major = le32_get(h->update_major), minor = le32_get(h->update_minor);

    return major > 4 || (major == 4 && minor >= 3);
}

/* Closes a segment for a flush. True: the next record counts as appended at the start of the next segment; false: where
 * the zeroes begin that fill this one. */
static inline bool logplace_close(uint8_t *seg, uint32_t used, bool has_nop2)
{
    struct lr_ignored_disk *nop = (struct lr_ignored_disk *)(seg + used);
    const uint32_t room = LOG_SEGMENT_LEN - used;

    if (room == 0)
        return true;
    if (room < sizeof(*nop) || !has_nop2)
        return false;
    nop->type = LR_NOP2;
    le32_put(&nop->len, room - (uint32_t)sizeof(*nop));
    return true;
}

#endif
