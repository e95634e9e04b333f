/*
 * ATTACHINFO lists: which databases were attached when a log or checkpoint header was written. Also
 * the conversion of logged paths, which is the same in the records.
 */
#ifndef ESE_LOG_ATTACH_H
#define ESE_LOG_ATTACH_H

#include "base/err.h"
#include "base/fields.h"
#include "engine.h"
#include "log/logfmt.h"

/* list: the LOG_ATTACH_LEN bytes of a header. *ret is NULL when no database is in it. Errors:
 * JET_errLogFileCorrupt (an entry does not end within the list), JET_errOutOfMemory. */
must_check JET_ERR attach_decode(const uint8_t list[LOG_ATTACH_LEN], struct ese_attach **ret,
                                 unsigned *ret_nr);
void attach_free(struct ese_attach *list, unsigned nr);
/* Prints every field of each entry, up to the first one that is damaged. */
void attach_dump(const uint8_t list[LOG_ATTACH_LEN], struct fields *f);

struct attach_new {   /* an entry to be written */
    const char *path; /* UTF-8 */
    uint8_t dbid;
    dbtime_t dbtime;
    objid_t objid_last;
    uint32_t pages_max;
    lgpos_t lgpos_attach, lgpos_consistent;
    struct signature sign_db;
};

/* Adds an entry at *off, which moves behind it; list is zero from there on. JET_errTooManyAttachedDatabases:
 * it does not fit. */
must_check JET_ERR attach_encode(uint8_t list[LOG_ATTACH_LEN], size_t *off,
                                 const struct attach_new *a);

/* A path as logged, up to its NUL or `len` bytes, as UTF-8 on the heap; NULL: out of memory. What is
 * not UTF-16 is in the code page of the machine that wrote it, which nobody recorded: bytes above
 * 0x7F are taken as Latin-1. */
char *logged_path(const uint8_t *p, size_t len, bool utf16);

/* The other way: UTF-16 with its NUL, for records. *ret is on the heap. JET_errInvalidPath: longer than a record can name. */
must_check JET_ERR logged_path_encode(const char *path, uint8_t **ret, uint32_t *ret_len);

#endif
