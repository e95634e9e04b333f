/*
 * `events`: the instance's event log. A growing file: who reads on past the end of the snapshot gets
 * what came since, so that `tail -f` follows. When the ring has dropped its oldest lines the file has
 * become shorter, and a follower does what it does with any file that was truncated.
 */
#include "text.h"

static char *make(struct snap_inst *inst, size_t *ret_len)
{
    return snap_events(inst, ret_len);
}

static uint64_t serial(struct snap_inst *inst)
{
    return snap_events_serial(inst);
}

static struct timespec changed(struct snap_inst *inst)
{
    return snap_events_time(inst);
}

static int size(struct snap_inst *inst, off_t *ret)
{
    *ret = (off_t)snap_events_size(inst);
    return 0;
}

const struct text_source events_source = {
    .make = make, .serial = serial, .time = changed, .size = size, .grows = true};
