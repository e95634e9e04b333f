/*
 * JET_ERR inside: 0 good, < 0 error, > 0 warning; only ever test `< 0` (JET_wrnNyi is -1 and never
 * returned here).
 *
 * An error is born with RAISE(), which notes where; passing it on adds nothing. Where an error has a
 * place in a file, the decoder that found it describes it in a struct ese_fault (engine.h).
 */
#ifndef ESE_BASE_ERR_H
#define ESE_BASE_ERR_H

#include "esent.h"
#include "base/types.h"

/* "JET_errReadVerifyFailure"; "JET_err?" for a number that is not in the table. Never NULL. */
const char *err_name(JET_ERR err);
/* One lower-case clause without a full stop. Never NULL. */
const char *err_text(JET_ERR err);

/* Remembers the birth place of the thread's latest error for --debug output; returns err. */
JET_ERR err_raise(JET_ERR err, const char *file, int line) cold;
/* "file.c:123" of the thread's latest RAISE; "" before the first. */
const char *err_birthplace(void);

/* The value stays the caller's, so that the compiler knows its sign where it is a constant. */
#define RAISE(err)                                    \
    __extension__({                                   \
        const JET_ERR raised_ = (err);                \
        (void)err_raise(raised_, __FILE__, __LINE__); \
        raised_;                                      \
    })

#endif
