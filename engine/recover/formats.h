/* Which database and log format belongs to which engine format version (ESE: sysver.cxx g_rgfmtversEngine). */
#ifndef ESE_RECOVER_FORMATS_H
#define ESE_RECOVER_FORMATS_H

#include "base/err.h"
#include "base/types.h"

struct format_version {
    uint32_t efv;
    uint32_t db_major, db_minor;   /* 0x620.X.Y */
    uint32_t log_major, log_minor; /* 8.4000.X.Y */
};

enum {
    EFV_DEFAULT = 8920,        /* database 0x620.20, log 8.4000.5.16: what every reader knows */
    EFV_NEWEST_WRITTEN = 9180, /* database 0x620.110, log 8.4000.60.140: Windows 10 21H2 */
    EFV_USE_ENGINE_DEFAULT = 0x40000001,
    EFV_USE_PERSISTED = 0x40000002,
    EFV_ALLOW_HIGHER_PERSISTED = 0x41000000,
};

/* efv: JET_paramEngineFormatVersion. JET_errEngineFormatVersionNoLongerSupportedTooLow,
 * JET_errEngineFormatVersionNotYetImplementedTooHigh: not one that is written here. */
must_check JET_ERR format_find(uint32_t efv, const struct format_version **ret);

#endif
