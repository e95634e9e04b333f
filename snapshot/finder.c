/* What a check finds: to `events`, and the first fault remembered. */
#include "snap_priv.h"

#define FAULT_EVENTS 100u /* of one job; the rest is counted */

static uint32_t event_of(const struct ese_fault *f)
{
    if (f->event || f->severity == ESE_NOTE)
        return f->event;
    if (f->severity == ESE_CORRECTED)
        return EVENT_CORRECTED;
    return f->os_errno ? EVENT_READ_FAILED : EVENT_FILE_FAILED;
}

void finder_report(void *ctx, const struct ese_fault *f)
{
    struct finder *d = ctx;
    struct ese_fault own = *f;
    enum event_severity severity = EVENT_INFO;
    char text[800];

    if (f->severity == ESE_CORRECTED)
        d->corrected++;
    if (f->severity == ESE_CORRECTED && d->rotten)
        own.severity = ESE_FAULT;
    if (own.severity == ESE_FAULT) {
        severity = EVENT_ERROR;
        if (d->first.err >= 0)
            d->first = own;
    } else if (own.severity == ESE_CORRECTED) {
        severity = EVENT_WARNING;
    }
    if (++d->nr > FAULT_EVENTS)
        return;
    ese_fault_str(&own, text, sizeof(text));
    if (d->nr == FAULT_EVENTS)
        inst_event(d->inst, severity, event_of(&own), "%s; more of them are not listed", text);
    else
        inst_event(d->inst, severity, event_of(&own), "%s", text);
}
