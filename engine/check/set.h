/* The set of files that belong to one instance, while each is checked; see engine.h. */
#ifndef ESE_CHECK_SET_H
#define ESE_CHECK_SET_H

#include "base/fault.h"

/* The reporter of a set: for calls that report about its files on their own. */
const struct reporter *ese_set_reporter(const struct ese_set *set);

#endif
