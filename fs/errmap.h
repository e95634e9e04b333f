/*
 * JET_ERR -> errno: the one door by which errors leave the house (the contract's table "Errors").
 */
#ifndef FS_ERRMAP_H
#define FS_ERRMAP_H

#include "engine.h"

/*
 * The errno for an error (> 0), 0 for success and warnings. `why` (may be NULL) tells apart what JET
 * has one code for: a full disk and a quota, a cancelled call and an interrupted one.
 */
int errmap(JET_ERR err, const struct ese_fault *why);

/* The same, negative, and says what the error was where it leaves as EIO. doing: "reading nightly/x". */
int errmap_reply(JET_ERR err, const struct ese_fault *why, const char *doing);

#endif
