#include "log/logset.h"

#include <inttypes.h>

#include "log/logevent.h"
#include "log/loghdr.h"

static JET_ERR wrong_generation(const struct logset_file *prev, const struct logset_file *next,
                                struct reporter *r)
{
    const lgen_t have = prev->info->gen, got = next->info->gen;

    if (got > have + 2)
        return fault(r, JET_errInvalidLogSequence, EVENT_LOG_GAP, 0, ESE_NO_OFFSET,
                     "generations 0x%" PRIX32 " to 0x%" PRIX32 " are missing before it", have + 1,
                     got - 1);
    if (got == have + 2)
        return fault(r, JET_errInvalidLogSequence, EVENT_LOG_GAP, 0, ESE_NO_OFFSET,
                     "generation 0x%" PRIX32 " is missing before it", have + 1);
    return fault(r, JET_errInvalidLogSequence, EVENT_LOG_GAP, 0, ESE_NO_OFFSET,
                 "it is generation 0x%" PRIX32 ", but %s before it is 0x%" PRIX32, got, prev->name,
                 have);
}

static JET_ERR check_pair(const struct logset_file *prev, const struct logset_file *next,
                          struct reporter *r)
{
    const struct ese_log_info *p = prev->info, *n = next->info;
    char want[LOGTIME_STR_LEN], got[LOGTIME_STR_LEN];

    if (memcmp(p->sign_log.b, n->sign_log.b, sizeof(p->sign_log.b)) != 0)
        return fault(r, JET_errBadLogSignature, 0, 0, ESE_NO_OFFSET,
                     "its signature is not that of %s: it belongs to another log stream",
                     prev->name);
    if (p->page_size != n->page_size)
        return fault(r, JET_errPageSizeMismatch, 0, 0, ESE_NO_OFFSET,
                     "it is for pages of %" PRIu32 " bytes, %s for %" PRIu32, n->page_size,
                     prev->name, p->page_size);
    if (n->gen != p->gen + 1)
        return wrong_generation(prev, next, r);
    if (!ese_logtime_equal(n->time_prev_gen, p->time_created))
        return fault(r, JET_errInvalidLogSequence, 0, 0, ESE_NO_OFFSET,
                     "it follows a generation created %s, but %s was created %s",
                     logtime_str(logtime_of(n->time_prev_gen), want), prev->name,
                     logtime_str(logtime_of(p->time_created), got));
    if (p->segments_read && n->update_minor >= LOG_UPDATE_MINOR_PREV_CHECKSUM &&
        n->prev_gen_checksum != p->checksum)
        return fault(r, JET_errLogSequenceChecksumMismatch, EVENT_LOG_PREV_CHECKSUM, 0,
                     ESE_NO_OFFSET,
                     "it expects segments with the checksum 0x%016" PRIx64 " in %s, which has "
                     "0x%016" PRIx64,
                     n->prev_gen_checksum, prev->name, p->checksum);
    return JET_errSuccess;
}

JET_ERR logset_check_pair(const struct logset_file *prev, const struct logset_file *next,
                          struct reporter *r)
{
    const char *file = r->file;
    JET_ERR err;

    r->file = next->name;
    err = check_pair(prev, next, r);
    r->file = file;
    return err;
}

JET_ERR logset_check(const struct logset_file *files, unsigned nr, struct reporter *r)
{
    JET_ERR first = JET_errSuccess;

    for (unsigned i = 1; i < nr; i++) {
        JET_ERR err = logset_check_pair(&files[i - 1], &files[i], r);
        if (err < 0 && first >= 0)
            first = err;
    }
    return first;
}
