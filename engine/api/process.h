/*
 * What the process has of instances: between instance.c (their life), sysparam.c (parameters) and
 * instanceinfo.c (what there is).
 */
#ifndef ESE_API_PROCESS_H
#define ESE_API_PROCESS_H

#include "api/api_int.h"

/* The default instance, handle 0, is for programs of the time before there could be several. */
struct process {
    pthread_mutex_t lock; /* all below, and the states of instances; comes before jinst.lock */
    struct jinst *instances, *default_instance;
    struct params params;              /* for instances to come */
    bool ready;                        /* params is */
    unsigned nr_instances, nr_started; /* of these, JetInit was called for */
};
extern struct process process;

/* With process.lock, all of them. */
void process_init(void); /* before anything else is looked at */
/* JET_errInvalidParameter, JET_errNotInitialized (no default instance). */
must_check JET_ERR process_find(JET_INSTANCE instance, struct jinst **ret);
/* With the parameters of those to come. JET_errInstanceNameInUse, JET_errTooManyInstances. */
must_check JET_ERR instance_new(const char *name, const char *display, struct jinst **ret);

/* Without process.lock. */
void instance_set_state(struct jinst *i, enum instance_state state);
/* Without process.lock: out of the list and gone, when whoever has found it is through. */
void instance_remove(struct jinst *i);

/* JET_INSTANCE_INFO of those that are wanted, one block for JetFreeBuffer. The answer for one instance changes only with
 * process.lock. wide: the texts are UTF-16. */
must_check JET_ERR instances_list(bool (*wanted)(const struct jinst *i), uint32_t *ret_nr,
                                  JET_INSTANCE_INFO_A **ret, bool wide);

#endif
