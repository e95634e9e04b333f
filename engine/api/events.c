/* Where the faults of running instances go: to the program's function, or to the system's log. */
#include <stdio.h>
#include <syslog.h>

#include "api/api_int.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static ese_event_fn *sink; /* lock */
static void *sink_ctx;

void ese_set_event_sink(ese_event_fn *fn, void *ctx)
{
    pthread_mutex_lock(&lock);
    sink = fn;
    sink_ctx = ctx;
    pthread_mutex_unlock(&lock);
}

void event_report(void *jinst, const struct ese_fault *f)
{
    const struct jinst *i = jinst;
    const char *name = !i ? "" : i->name ? i->name : PARAM_TEXT(&i->params, BaseName);
    ese_event_fn *fn;
    void *ctx;
    char text[768];

    pthread_mutex_lock(&lock);
    fn = sink;
    ctx = sink_ctx;
    pthread_mutex_unlock(&lock);
    if (fn) {
        fn(ctx, name, f);
        return;
    }
    if (f->severity == ESE_NOTE && i && PARAM(&i->params, NoInformationEvent))
        return;
    ese_fault_str(f, text, sizeof(text));
    syslog(f->severity == ESE_FAULT       ? LOG_ERR
           : f->severity == ESE_CORRECTED ? LOG_WARNING
                                          : LOG_INFO,
           "libesent: %s: %s", name, text);
}
