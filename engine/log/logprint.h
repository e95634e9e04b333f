/* One line per thing, for people (name=value) or for programs (a JSON object): log files and records. */
#ifndef ESE_LOG_LOGPRINT_H
#define ESE_LOG_LOGPRINT_H

#include <stdio.h>

#include "engine.h"
#include "log/logrec.h"

/* The record, decoded. Text shortens keys and data to 32 bytes, JSON has them whole; images of pages are
 * only measured. Errors: JET_errOutOfMemory. */
must_check JET_ERR logprint_record(FILE *out, bool json, lgpos_t lgpos, const struct logrec *rec);

/* What the header says; what the segments say. */
void logprint_header(FILE *out, bool json, const char *name, const struct ese_log_info *info);
void logprint_end(FILE *out, bool json, const char *name, const struct ese_log_info *info);

#endif
