/*
 * Messages of the program itself. Owns where they go; not thread-safe against say_to_syslog(), which
 * is called once, before anybody but the main thread and the thread of the INIT request speaks.
 */
#include "say.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <syslog.h>

static atomic_bool to_syslog;

static void __attribute__((format(printf, 3, 0)))
emit(int priority, const char *prefix, const char *fmt, va_list ap)
{
    char line[1024];

    (void)vsnprintf(line, sizeof(line), fmt, ap);
    if (atomic_load(&to_syslog))
        syslog(priority, "%s%s", prefix, line);
    else
        fprintf(stderr, "mount.esefs: %s%s\n", prefix, line);
}

void say(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    emit(LOG_ERR, "", fmt, ap);
    va_end(ap);
}

void say_warning(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    emit(LOG_WARNING, "warning: ", fmt, ap);
    va_end(ap);
}

void say_to_syslog(void)
{
    atomic_store(&to_syslog, true); /* snapshot has opened it, for its events */
}
