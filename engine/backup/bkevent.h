/* The events of a backup (ESE: jetmsg.mc, spec of the log of events), with their insertion strings. */
#ifndef ESE_BACKUP_BKEVENT_H
#define ESE_BACKUP_BKEVENT_H

#include "txn/inst.h"

enum {
    EVENT_MISS_FULL_BACKUP = 206,
    EVENT_START_FULL = 210,
    EVENT_START_INCREMENTAL = 211,
    EVENT_STOP = 213,
    EVENT_STOP_ERROR = 214,
    EVENT_ABORT_BY_CALLER = 215,
    EVENT_ERROR_FOR_ONE_DATABASE = 217,
    EVENT_ERROR_READ_FILE = 218,
    EVENT_ERROR_INFO_UPDATE = 219,
    EVENT_FILE_START = 220,
    EVENT_FILE_STOP_OK = 221,
    EVENT_FILE_STOP_BEFORE_END = 222,
    EVENT_LOG_FILES_START = 223,
    EVENT_TRUNCATE_LOG_FILES = 224,
    EVENT_NO_TRUNCATE = 225,
    EVENT_ABORT_BY_SERVER = 226,
    EVENT_FOUND_MISSING = 227,
    EVENT_SINGLE_BIT_CORRECTED = 399,
    EVENT_LOG_FILE_MISSING = 459,
    EVENT_CHECKSUM_MISMATCH = 474,
    EVENT_PAGE_NUMBER_MISMATCH = 475,
    EVENT_TRANSIENT_READ_ERROR = 493,
    EVENT_LOG_NOT_COPIED = 520,
};

/* Three strings at most, NULL behind the last one. err: what failed, or success for a note. */
void bkevent(struct inst *in, uint32_t event, JET_ERR err, const char *a, const char *b,
             const char *c);
/* With "-1018" as a string, before `name` where there is one. */
void bkevent_err(struct inst *in, uint32_t event, JET_ERR err, const char *name);

#endif
