/*
 * What a file's name says of it: log, checkpoint, reserve, database by its usual ending. Names are
 * compared without regard to ASCII case, as Windows does (real sets hold SRU.log beside
 * srures00002.jrs). Nothing here opens a file.
 */
#ifndef ESE_BACKUP_NAMING_H
#define ESE_BACKUP_NAMING_H

#include "base/types.h"
#include "engine.h"

enum name_rank {
    NAME_NOTHING, /* the name says nothing: only a signature can make it a database */
    NAME_PERHAPS, /* .dat .mdb .sdb .db: usual for databases, and for other things */
    NAME_CERTAIN, /* .edb .dit, logs, checkpoints, reserves ... */
};

struct name_info {
    enum ese_kind kind;
    enum name_rank rank;
    bool current; /* BASE.log, BASE.jtx */
    bool scratch; /* BASEtmp.log: prepared for the next generation, holds nothing */
    lgen_t gen;   /* of an archived log; 0: not in the name */
    char base[4]; /* as spelt; "" where the kind has none */
};

void name_classify(const char *file_name, struct name_info *ret);

/* The last component of a path of this machine ... */
const char *name_of_path(const char *path);
/* ... and of one that a log names: a Windows path as a rule. */
const char *name_last(const char *path);
/* ASCII case-insensitive. */
bool name_equal(const char *a, const char *b);
int name_cmp(const char *a, const char *b);

#endif
