/* Arrays of the schema that grow as rows of the catalogue are read. */
#ifndef ESE_REC_GROW_H
#define ESE_REC_GROW_H

#include <stdbool.h>
#include <stdlib.h>

/* array: the address of a pointer to nr elements of `size` bytes, in room for *room of them. Makes room for one more;
 * false, and nothing is changed: no memory. */
static inline bool array_grow(void *array, unsigned nr, unsigned *room, size_t size)
{
    void **p = array, *q;
    const unsigned want = *room ? *room * 2 : 8;

    if (nr < *room)
        return true;
    q = realloc(*p, want * size);
    if (!q)
        return false;
    *p = q;
    *room = want;
    return true;
}

#endif
