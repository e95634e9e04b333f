/*
 * The event log of one instance: a text file in the store that keeps its newest 10 MiB, and syslog(3).
 * A line: time, severity, id, text. Ids below 3000 are ESE's (jetmsg.mc), those from 9000 on are ours.
 */
#ifndef SNAPSHOT_EVENTS_H
#define SNAPSHOT_EVENTS_H

#include <pthread.h>

#include "snapshot.h"
#include "sysio.h"

#define EVENTS_MAX (10u << 20)

enum event_severity { EVENT_INFO, EVENT_WARNING, EVENT_ERROR };

enum event_id {
    EVENT_START = 210,        /* backup begins */
    EVENT_STOP = 213,         /* ... is complete */
    EVENT_FAILED = 214,       /* ... failed */
    EVENT_ABORTED = 215,      /* ... was cancelled by who asked for it */
    EVENT_FILE_FAILED = 217,  /* a file is damaged */
    EVENT_READ_FAILED = 218,  /* a file cannot be read */
    EVENT_FILE_START = 220,   /* a database begins */
    EVENT_FILE_STOP = 221,    /* ... is copied whole */
    EVENT_FILE_ENDED = 222,   /* ... ended before its end */
    EVENT_LOGS_START = 223,   /* the logs begin */
    EVENT_NO_TRUNCATE = 225,  /* no log was deleted */
    EVENT_SERVER_ABORT = 226, /* ... was cancelled by us (unmount, `cancel`) */
    EVENT_CORRECTED = 399,    /* a one-bit error was corrected in the copy */
    EVENT_VERIFY_START = 9001,
    EVENT_VERIFY_OK = 9002,
    EVENT_VERIFY_FAILED = 9003,
    EVENT_REMOVED = 9010,
    EVENT_RENAMED = 9011,
    EVENT_HELD = 9012,
    EVENT_RELEASED = 9013,
    EVENT_EXPIRED = 9014,   /* removed by keep= */
    EVENT_NOT_SHOWN = 9020, /* a directory of the store is no sound backup */
    EVENT_STORE = 9021,     /* the store could not do something that is not the backup itself */
};

struct events {
    pthread_mutex_t lock; /* protects all */
    int dirfd;            /* the instance's in the store; not owned; -1: none */
    bool ro;
    char *more; /* lines that the store did not take (read-only); bounded */
    size_t more_len;
    uint64_t size; /* of the file */
    uint64_t serial;
    struct timespec time; /* of the last line */
    char *who;            /* the instance, in syslog */
};

must_check JET_ERR events_open(struct events *e, int dirfd, bool ro, const char *who);
void events_close(struct events *e);
void events_add(struct events *e, enum event_severity severity, uint32_t id, const char *text);
void events_sync(struct events *e);
char *events_text(struct events *e, size_t *ret_len); /* malloc'd; NULL: out of memory */
uint64_t events_size(struct events *e);
uint64_t events_serial(struct events *e);
struct timespec events_time(struct events *e);

#endif
