/* Names of log files: BASE.log is the current one, BASE00001.log or BASE00000001.log (upper-case hex) an
 * archived one, BASEtmp.log the next one in preparation or a retired one; .jtx likewise. BASE has
 * exactly three characters; everything is compared without regard to case (ESE: logstream.cxx
 * LGMakeLogName). */
#ifndef ESE_LOG_LOGNAME_H
#define ESE_LOG_LOGNAME_H

#include "base/types.h"

enum logname_role { LOGNAME_NONE, LOGNAME_CURRENT, LOGNAME_ARCHIVED, LOGNAME_TEMP };

struct logname {
    enum logname_role role;
    char base[4]; /* as found */
    lgen_t gen;   /* LOGNAME_ARCHIVED */
};

/* name: the last component of a path. Role LOGNAME_NONE, also returned as false, for other files. */
bool logname_parse(const char *name, struct logname *ret);

#endif
