#include "api/status.h"

static void tell(struct status *s, JET_SNT snt, uint32_t percent)
{
    JET_SNPROG p = {.cbStruct = sizeof(p), .cunitDone = percent, .cunitTotal = 100};
    JET_ERR err;

    s->percent = percent;
    if (!s->fn)
        return;
    err = s->fn(0, JET_snpRestore, snt, &p);
    if (err < 0 && s->err >= 0) {
        s->err = err;
        s->stop = 1;
    }
}

void status_init(struct status *s, JET_PFNSTATUS fn)
{
    *s = (struct status){.fn = fn};
}

void status_begin(struct status *s)
{
    s->begun = true;
    tell(s, JET_sntBegin, 0);
}

void status_progress(void *status, uint64_t done, uint64_t total)
{
    struct status *s = status;
    const uint32_t percent = total && done < total ? (uint32_t)(done * 100 / total) : 100;

    if (!s->begun)
        status_begin(s);
    if (percent > s->percent && !s->stop)
        tell(s, JET_sntProgress, percent);
}

JET_ERR status_end(struct status *s, JET_ERR err)
{
    const JET_ERR own = s->err;

    if (!s->begun)
        return err;
    if (err < 0) {
        tell(s, JET_sntFail, s->percent);
        return own < 0 ? own : err;
    }
    tell(s, JET_sntComplete, 100);
    return err;
}
