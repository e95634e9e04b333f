/* Pages that redo could not change because a later record may cut them off (ESE: CLogRedoMap): a hash table
 * that only grows; an entry that is cleared stays with why = 0. */
#include "btree/redo_int.h"

#include <stdlib.h>

struct entry {
    pgno_t pgno; /* 0: free */
    JET_ERR why;
    lgpos_t lgpos;
};

struct redo_map {
    struct entry *slot;
    uint32_t nr, cap; /* cap: a power of two, or 0 */
};

struct redo_map *redo_map_new(void)
{
    return calloc(1, sizeof(struct redo_map));
}

void redo_map_free(struct redo_map *m)
{
    if (m)
        free(m->slot);
    free(m);
}

static struct entry *find(const struct redo_map *m, pgno_t pgno)
{
    uint32_t i = pgno * 2654435769u & (m->cap - 1);

    while (m->slot[i].pgno && m->slot[i].pgno != pgno)
        i = (i + 1) & (m->cap - 1);
    return &m->slot[i];
}

static JET_ERR grow(struct redo_map *m)
{
    struct redo_map bigger = {.nr = m->nr, .cap = m->cap ? 2 * m->cap : 64};

    if (bigger.cap == 0)
        return RAISE(JET_errOutOfMemory);
    bigger.slot = calloc(bigger.cap, sizeof(struct entry));
    if (!bigger.slot)
        return RAISE(JET_errOutOfMemory);
    for (uint32_t i = 0; i < m->cap; i++)
        if (m->slot[i].pgno)
            *find(&bigger, m->slot[i].pgno) = m->slot[i];
    free(m->slot);
    *m = bigger;
    return JET_errSuccess;
}

JET_ERR redo_map_set(struct redo_map *m, pgno_t pgno, JET_ERR why, lgpos_t lgpos)
{
    struct entry *e;

    if (2 * (m->nr + 1) > m->cap) {
        JET_ERR err = grow(m);
        if (err < 0)
            return err;
    }
    e = find(m, pgno);
    m->nr += e->pgno == 0;
    if (e->pgno == 0 || e->why == 0) /* the first one tells most */
        *e = (struct entry){pgno, why, lgpos};
    return JET_errSuccess;
}

JET_ERR redo_map_get(const struct redo_map *m, pgno_t pgno)
{
    return m->cap ? find(m, pgno)->why : JET_errSuccess;
}

void redo_map_clear(struct redo_map *m, pgno_t first, uint64_t nr)
{
    if (nr < m->cap) {
        for (uint64_t i = 0; i < nr && first + i <= UINT32_MAX; i++)
            find(m, (pgno_t)(first + i))->why = 0;
        return;
    }
    for (uint32_t i = 0; i < m->cap; i++)
        if (m->slot[i].pgno >= first && m->slot[i].pgno - first < nr)
            m->slot[i].why = 0;
}

void redo_map_each(const struct redo_map *m,
                   void (*fn)(void *ctx, pgno_t pgno, JET_ERR why, lgpos_t lgpos), void *ctx)
{
    for (uint32_t i = 0; i < m->cap; i++)
        if (m->slot[i].pgno && m->slot[i].why)
            fn(ctx, m->slot[i].pgno, m->slot[i].why, m->slot[i].lgpos);
}
