/*
 * A session's part in the temporary database of its instance (recover/live.h: live_temp_new): a session there, whose
 * levels are those of the session here while it has temporary tables. So a rollback takes back what it did to their rows.
 */
#ifndef ESE_API_TEMPSESS_H
#define ESE_API_TEMPSESS_H

#include "api/api_int.h"

struct tempsess {
    struct sess *s;
    char **gone; /* names of tables that nobody has open any more, to be deleted at level 0 */
    unsigned nr_gone, room_gone;
};

/* There is one afterwards, at the session's level; the database is made if it is the instance's first.
 * JET_errInvalidPath: JET_paramTempPath. */
must_check JET_ERR tempsess_want(struct jsess *s);
static inline struct db *tempsess_db(const struct jsess *s)
{
    return s->temp->s->inst->db[1];
}
/* The session has begun a level. */
must_check JET_ERR tempsess_begun(struct jsess *s);
/* The session has committed, or rolled back, down to its level: this one too. Its database keeps nothing, so its
 * failures are told to who uses it next, and not here. */
void tempsess_ended(struct jsess *s, bool commit);
/* Nobody has the table open any more. */
void tempsess_drop(struct jsess *s, const char *name);
/* The order of a cursor on a temporary table: that of its key. It is on the first row then. */
must_check JET_ERR temp_order(struct fucb *c);
/* A look at all rows; UINT32_MAX: that many or more. */
must_check JET_ERR temp_count_rows(struct jcursor *c, uint32_t *ret);
/* No cursor of it is left. */
void tempsess_free(struct jsess *s);

#endif
