/*
 * Leaves on which a crash has left what no session will see again: nodes flagged as deleted, long values without
 * references; or what is to go, records whose escrow column has come to 0. A running engine's version store knows of them and has them removed; with a crash it is gone, and nothing
 * in the files says where they are. But redo meets the records that made them, so it notes the leaves, and the instance
 * that recovery is the start of sweeps these when it attaches the database (livesweep.c).
 *
 * 16 bytes for each leaf that such a record names. What was noted may be anything by then; the sweep looks.
 */
#ifndef ESE_RECOVER_LEFTOVERS_H
#define ESE_RECOVER_LEFTOVERS_H

#include "log/logrec.h"

struct leftover {
    pgno_t pgno, root; /* pgno 0: a free place */
    objid_t objid;
    bool alive; /* for the sweep: there is such a tree */
};

struct leftovers { /* of one database; all zero: none */
    struct signature sign_db;
    struct leftover *leaf; /* open addressing, 1 << bits places */
    unsigned bits;
    uint32_t nr;
    struct leftovers *next; /* of another database */
};

/* Without memory nothing is noted: then more is left over, as after a crash of which nobody told. */
void leftovers_add(struct leftovers *l, pgno_t pgno, pgno_t root, objid_t objid);
/* What the record, or the macro's records, may have left over, once it was replayed. */
void leftovers_note(struct leftovers *l, const struct logrec *rec);
void leftovers_note_macro(struct leftovers *l, const struct logrec *recs, unsigned nr);
/* One of a list that was allocated; NULL is fine. */
void leftovers_free(struct leftovers *l);

#endif
