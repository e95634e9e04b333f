/*
 * `control`: a write is one command; reading prints the list of them. The line is cut out and checked
 * here, what it means is snapshot's business.
 */
#include "control_line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "errmap.h"
#include "invalidate.h"
#include "job.h"
#include "text.h"

int control_line(const char *buf, size_t size, char *ret, size_t ret_size)
{
    if (size > 0 && buf[size - 1] == '\n')
        size--;
    if (size == 0)
        return -EINVAL;
    if (size >= ret_size)
        return -ENAMETOOLONG;
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)buf[i] < 0x20 || buf[i] == 0x7f)
            return -EINVAL; /* a second line, too: each write is one command */
    memcpy(ret, buf, size);
    ret[size] = '\0';
    return 0;
}

static void run(struct job *job)
{
    struct ese_fault why = {.err = 0};
    size_t written = (size_t)strtoul(job->name2, NULL, 10);
    JET_ERR err = snap_command(job->inst, job->name, job_should_stop, job, &why);

    if (err ==
        JET_errBackupAbortByServer) /* the backup was cancelled, or only the waiting for it */
        why.os_errno = job->interrupted ? EINTR : 0;
    /* Whoever lists after a `wait` sees the backup that it waited for. */
    inval_flush(job->fs->inval);
    if (err < 0)
        reply_err(job->req, errmap_reply(err, &why, job->name));
    else
        (void)fuse_reply_write(job->req, written);
}

void control_write(fuse_req_t req, struct node *n, const char *buf, size_t size)
{
    char line[CONTROL_LINE_MAX], length[24];
    int err = control_line(buf, size, line, sizeof(line));

    if (err < 0) {
        reply_err(req, err);
        return;
    }
    (void)snprintf(length, sizeof(length), "%zu", size);
    job_start(req, n->id.inst, JOB_WAITS, run, line, length);
}

/* ---- reading it -------------------------------------------------------------------------------- */

static char *make(struct snap_inst *inst, size_t *ret_len)
{
    char *text = strdup(snap_command_help());

    (void)inst;
    if (text != NULL)
        *ret_len = strlen(text);
    return text;
}

static uint64_t serial(struct snap_inst *inst)
{
    (void)inst;
    return 0;
}

static int size(struct snap_inst *inst, off_t *ret)
{
    (void)inst;
    *ret = (off_t)strlen(snap_command_help());
    return 0;
}

const struct text_source control_source = {.make = make, .serial = serial, .size = size};
