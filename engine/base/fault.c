#include "base/fault.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

static void send(struct reporter *r, struct ese_fault *f, const char *fmt, va_list ap)
    printf_like(3, 0);

/* A running instance's reporter is used by all of its threads. */
static void count(struct reporter *r, JET_ERR err)
{
    JET_ERR none = JET_errSuccess;

    __atomic_fetch_add(&r->nr_faults, 1, __ATOMIC_RELAXED);
    __atomic_compare_exchange_n(&r->first, &none, err, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

static void send(struct reporter *r, struct ese_fault *f, const char *fmt, va_list ap)
{
    vsnprintf(f->text, sizeof(f->text), fmt, ap);
    snprintf(f->file, sizeof(f->file), "%s", r->file ? r->file : "");
    if (f->severity == ESE_FAULT)
        count(r, f->err);
    else if (f->severity == ESE_CORRECTED)
        __atomic_fetch_add(&r->nr_corrected, 1, __ATOMIC_RELAXED);
    if (r->fn)
        r->fn(r->ctx, f);
}

JET_ERR fault(struct reporter *r, JET_ERR err, uint32_t event, pgno_t pgno, uint64_t offset,
              const char *fmt, ...)
{
    struct ese_fault f = {.err = err, .event = event, .pgno = pgno, .offset = offset};
    va_list ap;

    va_start(ap, fmt);
    send(r, &f, fmt, ap);
    va_end(ap);
    return RAISE(err);
}

JET_ERR fault_io(struct reporter *r, JET_ERR err, uint64_t offset, const char *doing)
{
    int saved = errno;
    struct ese_fault f = {.err = err, .offset = offset, .os_errno = saved};

    snprintf(f.file, sizeof(f.file), "%s", r->file ? r->file : "");
    if (err == JET_errFileIOBeyondEOF) /* no errno behind it: the file is short */
        f.os_errno = 0;
    snprintf(f.text, sizeof(f.text), "%s: %s", doing, f.os_errno ? strerror(saved) : err_text(err));
    count(r, err);
    if (r->fn)
        r->fn(r->ctx, &f);
    return err;
}

void fault_corrected(struct reporter *r, uint32_t event, pgno_t pgno, uint64_t offset,
                     const char *fmt, ...)
{
    struct ese_fault f = {.err = JET_errReadVerifyFailure,
                          .severity = ESE_CORRECTED,
                          .event = event,
                          .pgno = pgno,
                          .offset = offset};
    va_list ap;

    va_start(ap, fmt);
    send(r, &f, fmt, ap);
    va_end(ap);
}

void fault_note(struct reporter *r, uint32_t event, uint64_t offset, const char *fmt, ...)
{
    struct ese_fault f = {.severity = ESE_NOTE, .event = event, .offset = offset};
    va_list ap;

    va_start(ap, fmt);
    send(r, &f, fmt, ap);
    va_end(ap);
}

static void put_strings(struct ese_fault *f, const char *const *strings)
{
    size_t at = 0;

    for (; *strings && at < sizeof(f->strings); strings++) {
        const size_t room = sizeof(f->strings) - at, len = strnlen(*strings, room - 1);

        memcpy(f->strings + at, *strings, len);
        at += len + 1; /* the rest of it is zero */
        f->nr_strings++;
    }
}

void fault_event(struct reporter *r, uint32_t event, JET_ERR err, const char *const *strings,
                 const char *fmt, ...)
{
    struct ese_fault f = {.err = err,
                          .severity = err < 0 ? ESE_FAULT : ESE_NOTE,
                          .event = event,
                          .offset = ESE_NO_OFFSET};
    va_list ap;

    put_strings(&f, strings);
    va_start(ap, fmt);
    send(r, &f, fmt, ap);
    va_end(ap);
}

int ese_fault_str(const struct ese_fault *f, char *buf, size_t len)
{
    char where[80] = "";

    if (f->pgno && f->offset == ESE_NO_OFFSET)
        snprintf(where, sizeof(where), "page %" PRIu32 ": ", f->pgno);
    else if (f->pgno)
        snprintf(where, sizeof(where), "page %" PRIu32 " (offset 0x%" PRIX64 "): ", f->pgno,
                 f->offset);
    else if (f->offset != ESE_NO_OFFSET)
        snprintf(where, sizeof(where), "offset 0x%" PRIX64 ": ", f->offset);
    if (f->severity == ESE_FAULT)
        return snprintf(buf, len, "%s%s%s%s (%d): %s", f->file, *f->file ? ": " : "", where,
                        err_name(f->err), (int)f->err, f->text);
    return snprintf(buf, len, "%s%s%s%s", f->file, *f->file ? ": " : "", where, f->text);
}

const char *ese_err_name(JET_ERR err)
{
    return err_name(err);
}
const char *ese_err_text(JET_ERR err)
{
    return err_text(err);
}
