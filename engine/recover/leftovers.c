/* See leftovers.h. */
#include "recover/leftovers.h"

#include <stdlib.h>

#include "recover/session.h"

#define BITS_FIRST 6u
#define BITS_MOST  28u

static struct leftover *place_of(const struct leftovers *l, pgno_t pgno)
{
    const uint32_t mask = (UINT32_C(1) << l->bits) - 1;
    uint32_t i = (pgno * UINT32_C(0x9e3779b1)) >> (32 - l->bits);

    while (l->leaf[i].pgno && l->leaf[i].pgno != pgno)
        i = (i + 1) & mask;
    return &l->leaf[i];
}

static bool is_noted(const struct leftovers *l, pgno_t pgno)
{
    return l->leaf && place_of(l, pgno)->pgno == pgno;
}

static bool grow(struct leftovers *l)
{
    struct leftovers to = {.bits = l->leaf ? l->bits + 1 : BITS_FIRST};

    if (to.bits > BITS_MOST)
        return false;
    to.leaf = calloc((size_t)1 << to.bits, sizeof(*to.leaf));
    if (!to.leaf)
        return false;
    for (size_t i = 0; l->leaf && i < (size_t)1 << l->bits; i++)
        if (l->leaf[i].pgno)
            *place_of(&to, l->leaf[i].pgno) = l->leaf[i];
    free(l->leaf);
    l->leaf = to.leaf;
    l->bits = to.bits;
    return true;
}

void leftovers_add(struct leftovers *l, pgno_t pgno, pgno_t root, objid_t objid)
{
    struct leftover *at;

    if (!pgno || !root)
        return;
    if ((!l->leaf || l->nr >= (UINT32_C(1) << l->bits) / 4 * 3) && !grow(l))
        return;
    at = place_of(l, pgno);
    l->nr += !at->pgno;
    *at = (struct leftover){.pgno = pgno, .root = root, .objid = objid};
}

/* A count that falls, or one that rises no more: the last reference may have gone. Those of long values are at
 * offset 0; an escrow column of a record may have come to 0 from below, too. */
static bool drops_reference(const struct logrec *rec)
{
    if (rec->type == LR_UNDO)
        return rec->node.oper == OPER_DELTA || rec->node.oper == OPER_DELTA64;
    return rec->node.offset != 0 || rec->node.delta < 0;
}

void leftovers_note(struct leftovers *l, const struct logrec *rec)
{
    if (rec->flags & LR_PAGE_SPACE)
        return;
    switch (rec->type) {
    case LR_FLAG_DELETE:
        break;
    case LR_UNDO:
        if (rec->node.oper != OPER_INSERT && !drops_reference(rec))
            return;
        break;
    case LR_DELTA:
    case LR_DELTA64:
        if (!drops_reference(rec))
            return;
        break;
    case LR_REPLACE: /* the root of a long value that is removed piece by piece */
        if (rec->replace.new_len < 8 || rec->replace.new_len > 9)
            return;
        break;
    default:
        return;
    }
    leftovers_add(l, rec->pgno, rec->pgno_fdp, rec->objid);
}

/* Nodes of a leaf that was noted go to another one. */
void leftovers_note_macro(struct leftovers *l, const struct logrec *recs, unsigned nr)
{
    for (unsigned i = 0; i < nr; i++) {
        const struct logrec *rec = &recs[i];

        if (rec->type != LR_SPLIT2 && rec->type != LR_MERGE2) {
            leftovers_note(l, rec);
            continue;
        }
        if (!is_noted(l, rec->pgno))
            continue;
        if (rec->type == LR_SPLIT2) {
            leftovers_add(l, rec->split.pgno_new, rec->pgno_fdp, rec->objid);
        } else {
            leftovers_add(l, rec->merge.pgno_left, rec->pgno_fdp, rec->objid);
            leftovers_add(l, rec->merge.pgno_right, rec->pgno_fdp, rec->objid);
        }
    }
}

void leftovers_free(struct leftovers *l)
{
    if (l)
        free(l->leaf);
    free(l);
}
