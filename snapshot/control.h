/* Lines written to `control`, taken apart. */
#ifndef SNAPSHOT_CONTROL_H
#define SNAPSHOT_CONTROL_H

#include <stdbool.h>

#include "engine.h"

enum control_verb {
    CONTROL_FULL,
    CONTROL_COPY,
    CONTROL_CANCEL,
    CONTROL_VERIFY,
    CONTROL_HOLD,
    CONTROL_RELEASE,
    CONTROL_WAIT,
    CONTROL_ENGINE, /* known, but only the engine that writes can do it */
};

struct control {
    enum control_verb verb;
    const char *word; /* as it is spelt in the table */
    char name[256];   /* of a backup; "" where the command takes none */
};

/* One line, with or without its newline. JET_errInvalidParameter: no such command, or not its argument;
 * JET_errInvalidName, JET_errInvalidPath (too long): not a legal name for a backup. *why_text (one
 * clause, static) says which. */
JET_ERR control_parse(const char *line, struct control *ret, const char **why_text);

#endif
