/* The files found under one directory and what they were seen to be, before they are instances. */
#ifndef ESE_BACKUP_INVENTORY_H
#define ESE_BACKUP_INVENTORY_H

#include "backup/naming.h"
#include "base/fault.h"

struct fault_list {
    struct ese_fault *v;
    unsigned nr, cap;
    bool lost; /* out of memory, or too many: some are not in the list */
};

/* An ese_fault_fn; ctx is the list. */
void fault_list_add(void *ctx, const struct ese_fault *f);

struct found {
    struct ese_file file;
    struct name_info name;
    bool doubtful;            /* neither content nor a sure neighbour says that it is ours */
    size_t dir_len;           /* of the directory part of file.path, without the slash */
    unsigned group;           /* which instance; see instances.c */
    struct fault_list faults; /* of its header */
};

struct inventory {
    int dirfd;     /* paths are relative to it; not owned */
    size_t prefix; /* bytes of file.path that lead to the instance's own directory */
    struct found *v;
    unsigned nr, cap;
};

/* Walks `dir` (relative to dirfd; "." is dirfd itself) and `levels` levels of directories below it.
 * skip: an entry of `dir` to leave out, or NULL. What does not look like a file of an instance is not
 * in the list. */
must_check JET_ERR inventory_walk(int dirfd, const char *dir, const char *skip, unsigned levels,
                                  struct inventory *ret);
void inventory_done(struct inventory *inv);
/* Log, checkpoint or database: what makes a directory an instance. */
bool found_counts(const struct found *f);
/* ---- plan.c ----------------------------------------------------------------------------------- */

/* Which files a backup holds. */
struct range {
    lgen_t low, high;                  /* 0: no logs */
    bool hint;                         /* nothing requires low; the chain may begin later */
    const struct ese_file *checkpoint; /* the one of several, or NULL */
};
struct range instance_range(const struct ese_instance *inst);
bool range_holds(const struct range *r, const struct ese_file *f);

/* Looks at the set as a whole: what forbids a backup of it is reported. Headers' own faults are not
 * repeated here. */
void instance_examine(const struct ese_instance *inst, const struct range *range,
                      ese_fault_fn *report, void *ctx);

#endif
