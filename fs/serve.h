/* The life of one mount: opens the store, mounts, serves until unmounted or told to end, closes. */
#ifndef FS_SERVE_H
#define FS_SERVE_H

#include <stdbool.h>

#include "mountpoint.h"
#include "options.h"

/* ready() is called when the mount is usable, from another thread. False: it never became that; said
 * why. */
bool serve(const struct options *o, const struct places *p, void (*ready)(void));

#endif
