/*
 * * An instance for the time of one command that changes a database (create, load, compact). Its
 * logs lie in a directory beside the database, DB.eseutil, and go with it: what is left is a clean
 * database and no logs. If the command is killed, that directory and the database are what
 * `eseutil recover` needs.
 */
#ifndef ESEUTIL_SCRATCH_H
#define ESEUTIL_SCRATCH_H

#include "eseutil.h"

struct scratch {
    const char *path; /* of the database, as the user named it */
    char *dir;
    bool made, running;
    JET_INSTANCE inst;
    JET_SESID ses;
    JET_DBID db;
};

/* A signal wants the command to end (SIGINT, SIGTERM, from scratch_begin on): it stops where the
 * database is whole, and returns EXIT_INTERRUPTED. */
bool scratch_interrupted(void);

/* page_size 0: that of the database at path. efv 0: default. Errors are said; an exit status.
 * Whatever it is, scratch_end or scratch_abandon follows. */
int scratch_begin(struct scratch *s, const char *path, uint32_t page_size, uint32_t efv);
/* Ends the instance, the database clean, and removes the logs; status is returned, or a worse one.
 * Where the database cannot be brought to an end, the logs stay: a recovery needs them. */
int scratch_end(struct scratch *s, int status);
/* Ends it and removes the database too, which is a new one. Returns status. */
int scratch_abandon(struct scratch *s, int status);
/* Says what a call returned and gives the exit status for it. */
int scratch_failed(const struct scratch *s, const char *doing, JET_ERR err);
/* As say_error; a database that needs `recover` first is not a damaged one: EXIT_CANNOT. */
int scratch_refused(const char *path, JET_ERR err);

#endif
