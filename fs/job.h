/*
 * Requests that may take long: each runs in a thread of its own and replies from there, so that any
 * number of backups and `wait`s leave the worker threads to readers.
 */
#ifndef FS_JOB_H
#define FS_JOB_H

#include "fs.h"

enum job_patience {
    JOB_WORKS, /* only what would end the caller interrupts it */
    JOB_WAITS, /* as any system call that waits */
};

struct job {
    fuse_req_t req;
    struct fs *fs;
    struct snap_inst *inst; /* a reference */
    enum job_patience patience;
    pid_t caller;                 /* thread that made the request; 0: not visible from here */
    void (*run)(struct job *job); /* replies */
    char name[1024], name2[1024];
    /* of the job's thread */
    bool interrupted;   /* by a signal, as opposed to a shutdown */
    uint64_t looked_ns; /* when the caller's signals were last looked at */
};

struct jobs *jobs_new(void);
void jobs_free(struct jobs *j);
/* From now on job_should_stop() is true for every job. */
void jobs_stop(struct jobs *j);
/* Until all have replied. */
void jobs_wait(struct jobs *j);

/* Starts run() in a thread of its own. inst is borrowed. On failure replies with the error. */
void job_start(fuse_req_t req, struct snap_inst *inst, enum job_patience patience,
               void (*run)(struct job *job), const char *name, const char *name2);

/* A snap_stop_fn; ctx is the job. */
bool job_should_stop(void *ctx);

#endif
