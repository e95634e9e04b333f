/*
 * The program's function that is told how a restore or a recovery gets on (JET_PFNSTATUS, JET_snpRestore): Begin, Progress in
 * percent that only rise, then Complete or Fail. It is called by the thread that made the call. An error that it returns ends
 * the call, which gives that error.
 */
#ifndef ESE_API_STATUS_H
#define ESE_API_STATUS_H

#include "api/api_int.h"

struct status {
    JET_PFNSTATUS fn;  /* NULL: nobody wants to know */
    JET_ERR err;       /* what it has returned */
    volatile int stop; /* for whom may be cancelled: it has returned an error */
    bool begun;
    uint32_t percent;
};

void status_init(struct status *s, JET_PFNSTATUS fn);
void status_begin(struct status *s);
/* An ese_progress_fn. Begins what has not begun. */
void status_progress(void *status, uint64_t done, uint64_t total);
/* Its last call, if it had one before. Returns the error as the program gets it. */
JET_ERR status_end(struct status *s, JET_ERR err);

#endif
