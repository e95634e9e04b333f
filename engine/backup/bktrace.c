/* Trace records: what a backup does, for whoever reads the log. Redo passes over them. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "backup/session_priv.h"

#define PROCID_BACKUP 1u /* as ESE's; no session of ours has it */

/* "[11/22/2026 13:07:41.018] text" */
static char *with_time(const char *text)
{
    const struct logtime t = logtime_now();
    char *line;

    return asprintf(&line, "[%u/%u/%u %02u:%02u:%02u.%03u] %s", t.b[4], t.b[3], 1900u + t.b[5],
                    t.b[2], t.b[1], t.b[0], logtime_ms(t), text) < 0
               ? NULL
               : line;
}

/* Nothing hangs on it: an error of the log meets the next record that is wanted. */
void bktrace(struct backup *b, const char *fmt, ...)
{
    struct logrec rec = {.type = LR_TRACE, .procid = PROCID_BACKUP};
    char *text, *line = NULL;
    JET_ERR err = JET_errSuccess;
    va_list args;

    va_start(args, fmt);
    if (vasprintf(&text, fmt, args) < 0)
        text = NULL;
    va_end(args);
    if (text)
        line = with_time(text);
    if (line) {
        rec.text.text = (struct slice){(const uint8_t *)line, (uint32_t)strlen(line) + 1};
        err = wal_append(b->in->wal, &rec, NULL);
    }
    (void)err;
    free(line);
    free(text);
}
