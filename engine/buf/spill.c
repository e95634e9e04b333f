/* A hash of page numbers, open addressing: an entry is never removed, its slot in the file is free or the page's. */
#include "buf/spill.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/file.h"

#define NR_FIRST 64u /* entries; a power of two */
#define NO_SLOT  UINT32_MAX

struct entry {
    pgno_t pgno; /* 0: free */
    uint32_t slot;
};

struct spill {
    uint32_t page_size;
    pthread_mutex_t lock; /* all below */
    int fd;
    uint32_t nr_slots; /* of the file */
    uint32_t nr_used;  /* entries that are not free */
    uint32_t nr_pages; /* of these, with a slot */
    uint32_t mask;     /* entries - 1 */
    struct entry *v;
};

JET_ERR spill_new(uint32_t page_size, struct spill **ret)
{
    struct spill *s = calloc(1, sizeof(*s));

    if (!s || !(s->v = calloc(NR_FIRST, sizeof(*s->v)))) {
        free(s);
        return RAISE(JET_errOutOfMemory);
    }
    s->page_size = page_size;
    s->fd = -1;
    s->mask = NR_FIRST - 1;
    pthread_mutex_init(&s->lock, NULL);
    *ret = s;
    return JET_errSuccess;
}

void spill_free(struct spill *s)
{
    if (!s)
        return;
    if (s->fd >= 0)
        close(s->fd);
    pthread_mutex_destroy(&s->lock);
    free(s->v);
    free(s);
}

/* The page's entry, or the free one where it would be. */
static struct entry *find(const struct entry *v, uint32_t mask, pgno_t pgno)
{
    uint32_t i = pgno * UINT32_C(2654435761) >> 5 & mask;

    while (v[i].pgno && v[i].pgno != pgno)
        i = (i + 1) & mask;
    return (struct entry *)(uintptr_t)&v[i];
}

static JET_ERR grow(struct spill *s)
{
    const uint32_t mask = s->mask * 2 + 1;
    struct entry *v;

    if (s->nr_used < s->mask / 2)
        return JET_errSuccess;
    v = calloc((size_t)mask + 1, sizeof(*v));
    if (!v)
        return RAISE(JET_errOutOfMemory);
    for (uint32_t i = 0; i <= s->mask; i++)
        if (s->v[i].pgno)
            *find(v, mask, s->v[i].pgno) = s->v[i];
    free(s->v);
    s->v = v;
    s->mask = mask;
    return JET_errSuccess;
}

/* An entry with a slot for the page. */
static JET_ERR take(struct spill *s, pgno_t pgno, struct entry **ret)
{
    struct entry *e;
    JET_ERR err = grow(s);

    if (err < 0)
        return err;
    e = find(s->v, s->mask, pgno);
    if (!e->pgno) {
        *e = (struct entry){pgno, NO_SLOT};
        s->nr_used++;
    }
    if (e->slot == NO_SLOT) {
        e->slot = s->nr_slots++;
        s->nr_pages++;
    }
    *ret = e;
    return JET_errSuccess;
}

JET_ERR spill_write(struct spill *s, pgno_t pgno, const void *page)
{
    struct entry *e = NULL;
    JET_ERR err = JET_errSuccess;

    pthread_mutex_lock(&s->lock);
    if (s->fd < 0)
        err = os_create_temp(&s->fd);
    if (err >= 0)
        err = take(s, pgno, &e);
    if (err >= 0)
        err = os_pwrite_all(s->fd, page, s->page_size, (uint64_t)e->slot * s->page_size);
    pthread_mutex_unlock(&s->lock);
    return err;
}

JET_ERR spill_read(struct spill *s, pgno_t pgno, void *page, bool *ret_has)
{
    const struct entry *e;
    JET_ERR err = JET_errSuccess;

    pthread_mutex_lock(&s->lock);
    e = find(s->v, s->mask, pgno);
    *ret_has = e->pgno && e->slot != NO_SLOT;
    if (*ret_has)
        err = os_pread_all(s->fd, page, s->page_size, (uint64_t)e->slot * s->page_size);
    pthread_mutex_unlock(&s->lock);
    return err;
}

bool spill_has(struct spill *s, pgno_t pgno)
{
    const struct entry *e;
    bool has;

    pthread_mutex_lock(&s->lock);
    e = find(s->v, s->mask, pgno);
    has = e->pgno && e->slot != NO_SLOT;
    pthread_mutex_unlock(&s->lock);
    return has;
}

void spill_cut(struct spill *s, pgno_t first)
{
    pthread_mutex_lock(&s->lock);
    for (uint32_t i = 0; i <= s->mask; i++)
        if (s->v[i].pgno >= first && s->v[i].pgno && s->v[i].slot != NO_SLOT) {
            s->v[i].slot = NO_SLOT;
            s->nr_pages--;
        }
    pthread_mutex_unlock(&s->lock);
}

size_t spill_nr(struct spill *s)
{
    size_t nr;

    pthread_mutex_lock(&s->lock);
    nr = s->nr_pages;
    pthread_mutex_unlock(&s->lock);
    return nr;
}
