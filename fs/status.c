/*
 * `status`: the lines that snapshot composes, as one snapshot per open. Nothing is added here: what
 * snapshot cannot know (how reads are served) it has been told by main.
 */
#include "text.h"

#include <errno.h>
#include <stdlib.h>

static char *make(struct snap_inst *inst, size_t *ret_len)
{
    return snap_status(inst, ret_len);
}

static uint64_t serial(struct snap_inst *inst)
{
    return snap_status_serial(inst);
}

static struct timespec changed(struct snap_inst *inst)
{
    return snap_status_time(inst);
}

/* The true size: of the text that an open would get now. */
static int size(struct snap_inst *inst, off_t *ret)
{
    size_t len;
    char *text = snap_status(inst, &len);

    if (text == NULL)
        return -ENOMEM;
    free(text);
    *ret = (off_t)len;
    return 0;
}

const struct text_source status_source = {
    .make = make, .serial = serial, .time = changed, .size = size};
