/* What a crash has left in a database goes when the instance that recovered it attaches it again: leftovers.h. */
#include <stdlib.h>

#include "btree/dir.h"
#include "recover/leftovers.h"
#include "recover/live_int.h"
#include "txn/sess.h"

static struct leftovers *take(struct live *l, const struct db *d)
{
    struct leftovers **at = &l->leftovers, *found;

    while (*at && !signature_equal(&(*at)->sign_db, &db_hdr(d)->sign_db))
        at = &(*at)->next;
    found = *at;
    if (found)
        *at = found->next;
    return found;
}

static int by_pgno(const void *a, const void *b)
{
    const struct leftover *x = a, *y = b;

    return (x->pgno > y->pgno) - (x->pgno < y->pgno);
}

/* Damage that is met was told, and is not what attaching is about. */
void livesweep(struct live *l, struct db *d)
{
    struct leftovers *left = d->read_only ? NULL : take(l, d);
    struct sess *s;

    if (!left)
        return;
    qsort(left->leaf, (size_t)1 << left->bits, sizeof(*left->leaf), by_pgno);
    if (sess_new(&l->in, true, &s) >= 0) {
        for (size_t i = 0; i < (size_t)1 << left->bits && inst_check(&l->in) >= 0; i++) {
            const struct leftover *x = &left->leaf[i];

            if (x->pgno && dir_sweep_leaf(s, d, x->root, x->objid, x->pgno) == JET_errOutOfMemory)
                break;
        }
        sess_free(s);
    }
    leftovers_free(left);
}

void livesweep_forget(struct live *l)
{
    while (l->leftovers) {
        struct leftovers *x = l->leftovers;
        l->leftovers = x->next;
        leftovers_free(x);
    }
}
