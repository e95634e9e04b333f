/*
 * Building and reporting a struct ese_fault (engine.h) from inside the engine. A decoder fills what it
 * knows; the reporter counts, keeps the first error and hands the fault on.
 */
#ifndef ESE_BASE_FAULT_H
#define ESE_BASE_FAULT_H

#include "base/err.h"
#include "engine.h"

struct reporter {
    ese_fault_fn *fn; /* may be NULL */
    void *ctx;
    const char *file; /* name that faults carry; not owned */
    JET_ERR first;    /* first error reported with severity ESE_FAULT */
    uint64_t nr_faults, nr_corrected;
};

/* err is what the API names; pgno 0 and offset ESE_NO_OFFSET where there is none. Returns err, so
 * that `return fault(...)` reads well. */
JET_ERR fault(struct reporter *r, JET_ERR err, uint32_t event, pgno_t pgno, uint64_t offset,
              const char *fmt, ...) printf_like(6, 7) cold;
/* An I/O error of the OS: text and os_errno from the current errno. */
JET_ERR fault_io(struct reporter *r, JET_ERR err, uint64_t offset, const char *doing) cold;
void fault_corrected(struct reporter *r, uint32_t event, pgno_t pgno, uint64_t offset,
                     const char *fmt, ...) printf_like(5, 6) cold;
void fault_note(struct reporter *r, uint32_t event, uint64_t offset, const char *fmt, ...)
    printf_like(4, 5) cold;
/* An event of the log of events: its insertion strings from %4 on, NULL behind the last one; what does not fit is cut.
 * err < 0: what failed; else it is a note. */
void fault_event(struct reporter *r, uint32_t event, JET_ERR err, const char *const *strings,
                 const char *fmt, ...) printf_like(5, 6) cold;

#endif
