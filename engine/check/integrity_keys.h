/*
 * The entries that a record must have in the indexes of its table (ESE: recupd.cxx ErrRECIEnumerateKeys,
 * rec.hxx KeySequence, fldnorm.cxx ErrRECIRetrieveKey):
 *
 *   - one for each value of the first multi-valued segment; of all of them in every combination
 *     (cross product), or side by side (nested table);
 *   - one for each piece of the first segment in a tuple index;
 *   - none where a condition or the index's rules on nulls say so.
 *
 * What depends on tables of Windows, on a program's callback or on values that cannot be read is not
 * guessed: the entry then has no key, or the number of entries is said to be uncertain.
 */
#ifndef ESE_CHECK_INTEGRITY_KEYS_H
#define ESE_CHECK_INTEGRITY_KEYS_H

#include "check/integrity.h"
#include "rec/normalize.h"
#include "rec/record.h"
#include "rec/tagged.h"

struct keys;

/* For all indexes of the schema's table, by their number in it. */
must_check JET_ERR keys_new(struct integrity *g, const struct schema *s, struct keys **ret);
void keys_free(struct keys *k); /* NULL is fine */

/* A record: begin, its tagged values in the order in which they lie, end. Bytes of the record must stay
 * until the last keys_of. */
must_check JET_ERR keys_begin(struct keys *k, const struct record *r, pgno_t pgno);
must_check JET_ERR keys_add(struct keys *k, const struct tagged_value *v);
must_check JET_ERR keys_end(struct keys *k);

struct key_count {
    uint64_t nr;     /* entries that were given out, repeated ones included */
    bool exact;      /* these and no others */
    bool keys_known; /* with all their keys */
    bool too_many;   /* more than the limit: the rest was not made */
};

/* NULL: the entry's key is not known. */
typedef void key_fn(void *ctx, const struct norm_key *key);

/* Entries of the record in index i, up to `limit` of them. */
void keys_of(struct keys *k, unsigned i, uint64_t limit, key_fn *fn, void *ctx,
             struct key_count *ret);

#endif
