/* What a crash has left in a database goes when the instance that recovered it attaches it again: leftovers.h. */
#include <stdlib.h>

#include "btree/dir.h"
#include "rec/ddl.h"
#include "rec/fucb.h"
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

static int by_root(const void *a, const void *b)
{
    const struct leftover *x = a, *y = b;

    if (x->root != y->root)
        return x->root > y->root ? 1 : -1;
    return (x->pgno > y->pgno) - (x->pgno < y->pgno);
}

/* The pages of a tree that was dropped look as before until somebody takes them. */
static void is_alive(void *ctx, pgno_t root, objid_t objid)
{
    struct leftovers *left = ctx;
    size_t low = 0, high = left->nr;

    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (left->leaf[mid].root < root)
            low = mid + 1;
        else
            high = mid;
    }
    for (; low < left->nr && left->leaf[low].root == root; low++)
        left->leaf[low].alive = left->leaf[low].objid == objid;
}

/* The places that are taken, in front and in order. */
static void put_in_order(struct leftovers *left)
{
    size_t nr = 0;

    for (size_t i = 0; i < (size_t)1 << left->bits; i++)
        if (left->leaf[i].pgno)
            left->leaf[nr++] = left->leaf[i];
    qsort(left->leaf, nr, sizeof(*left->leaf), by_root);
}

static void sweep(struct live *l, struct db *d, struct sess *s, struct leftovers *left)
{
    put_in_order(left);
    if (ddl_each_tree(s, d, is_alive, left) < 0)
        return;
    for (uint32_t i = 0; i < left->nr && inst_check(&l->in) >= 0; i++) {
        const struct leftover *x = &left->leaf[i];

        if (!x->alive)
            continue;
        if (dir_sweep_leaf(s, d, x->root, x->objid, x->pgno) == JET_errOutOfMemory ||
            escrow_sweep_leaf(s, d, x->objid, x->pgno) == JET_errOutOfMemory)
            return;
    }
}

/* Damage that is met was told, and is not what attaching is about. */
void livesweep(struct live *l, struct db *d)
{
    struct leftovers *left = d->read_only ? NULL : take(l, d);
    struct sess *s;

    if (!left)
        return;
    if (sess_new(&l->in, true, &s) >= 0) {
        sweep(l, d, s, left);
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
