/* See guard.h. */
#include "buf/guard.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/le.h"
#include "buf/buf_priv.h"
#include "os/file.h"

#define ATOM      4096u /* what a killed process writes whole or not at all */
#define SLOT_LEN  (ATOM + BUFGUARD_RUN)
#define SLOTS     16u /* writers at a time; others wait */
#define SLOTS_MAX 64u /* with those that hold images of an earlier process */
#define MAGIC     0x44574231u

struct slot_disk {
    le32 magic, page_size, pgno, nr;
    struct signature sign_db;
};

struct image { /* of an earlier process, not mended yet: its slot is not used */
    struct signature sign_db;
    pgno_t pgno;
    uint32_t nr;
    uint8_t *pages; /* NULL: there is none in this slot */
};

struct bufguard {
    int fd, dirfd;
    char name[BUFGUARD_NAME_LEN];
    uint32_t page_size;
    pthread_mutex_t lock; /* the rest */
    pthread_cond_t freed;
    bool busy[SLOTS_MAX];
    struct image image[SLOTS_MAX];
};

void bufguard_name(const char *base, char ret[BUFGUARD_NAME_LEN])
{
    snprintf(ret, BUFGUARD_NAME_LEN, "%.8s.dwb", base);
}

/* ---- what an earlier process has left ---------------------------------------------------------- */

static JET_ERR take_in(struct bufguard *g, unsigned i)
{
    struct slot_disk head;
    struct image *m = &g->image[i];
    size_t got, len;
    JET_ERR err = os_pread(g->fd, &head, sizeof(head), (uint64_t)i * SLOT_LEN, &got);

    if (err < 0 || got < sizeof(head) || le32_get(head.magic) != MAGIC ||
        le32_get(head.page_size) != g->page_size || le32_get(head.nr) == 0 ||
        le32_get(head.nr) > BUFGUARD_RUN / g->page_size || le32_get(head.pgno) == PGNO_NULL)
        return JET_errSuccess;
    len = (size_t)le32_get(head.nr) * g->page_size;
    m->pages = malloc(len);
    if (!m->pages)
        return RAISE(JET_errOutOfMemory);
    err = os_pread(g->fd, m->pages, len, (uint64_t)i * SLOT_LEN + ATOM, &got);
    if (err < 0 || got < len) {
        free(m->pages);
        m->pages = NULL;
        return JET_errSuccess;
    }
    m->sign_db = head.sign_db;
    m->pgno = le32_get(head.pgno);
    m->nr = le32_get(head.nr);
    return JET_errSuccess;
}

static JET_ERR open_file(struct bufguard *g, bool read_only)
{
    JET_ERR err = read_only ? os_open_beneath(g->dirfd, g->name, &g->fd)
                            : os_open_beneath_rw(g->dirfd, g->name, &g->fd);

    if (err == JET_errFileNotFound && !read_only)
        err = os_create_beneath(g->dirfd, g->name, &g->fd);
    return err;
}

JET_ERR bufguard_open(int dirfd, const char *base, uint32_t page_size, bool read_only,
                      struct bufguard **ret)
{
    struct bufguard *g;
    JET_ERR err;

    *ret = NULL;
    if (page_size <= ATOM)
        return JET_errSuccess;
    g = calloc(1, sizeof(*g));
    if (!g)
        return RAISE(JET_errOutOfMemory);
    g->dirfd = dirfd;
    g->page_size = page_size;
    bufguard_name(base, g->name);
    if (open_file(g, read_only) < 0) {
        free(g);
        return JET_errSuccess;
    }
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->freed, NULL);
    err = JET_errSuccess;
    for (unsigned i = 0; i < SLOTS_MAX && err >= 0; i++)
        err = take_in(g, i);
    if (err < 0)
        bufguard_close(g, false);
    else
        *ret = g;
    return err;
}

void bufguard_close(struct bufguard *g, bool remove)
{
    if (!g)
        return;
    for (unsigned i = 0; i < SLOTS_MAX; i++)
        free(g->image[i].pages);
    if (remove)
        (void)!os_unlink_beneath(g->dirfd, g->name); /* harmless, should it stay */
    close(g->fd);
    pthread_mutex_destroy(&g->lock);
    pthread_cond_destroy(&g->freed);
    free(g);
}

/* ---- mending ----------------------------------------------------------------------------------- */

static bool is_sound(const uint8_t *image, uint32_t page_size, pgno_t pgno, uint8_t *work)
{
    struct page_check c;

    memcpy(work, image, page_size); /* verifying corrects */
    page_verify(work, page_size, pgno, &c);
    return c.verdict == PAGE_OK || c.verdict == PAGE_BLANK;
}

/* Is what the file has the image's beginning, and not whole? *work: two pages. */
static JET_ERR was_cut(const struct bufpool *p, const uint8_t *image, pgno_t pgno, uint8_t *work,
                       bool *ret)
{
    const uint32_t size = p->c->page_size;
    size_t got;
    JET_ERR err = os_pread(p->fd, work, size, offset_of(p, pgno), &got);

    *ret = err >= 0 && got > 0 && memcmp(work, image, ATOM) == 0 &&
           (got < size || memcmp(work, image, size) != 0) &&
           !is_sound(work, size, pgno, work + size) && is_sound(image, size, pgno, work + size);
    return err;
}

/* Where nothing is written, the page is had in memory. */
static JET_ERR put_right(struct bufpool *p, const uint8_t *image, pgno_t pgno)
{
    struct buf *b;
    JET_ERR err;

    if (!p->overlay)
        return os_pwrite_all(p->fd, image, p->c->page_size, offset_of(p, pgno));
    err = buf_get(p, pgno, BUF_NEW, &b);
    if (err < 0)
        return err;
    memcpy(b->b, image, b->size);
    buf_dirty(b, 0);
    buf_put(b);
    return JET_errSuccess;
}

static JET_ERR mend_page(struct bufpool *p, const uint8_t *image, pgno_t pgno, uint8_t *work)
{
    bool cut;
    JET_ERR err = was_cut(p, image, pgno, work, &cut);

    if (err >= 0 && cut)
        err = put_right(p, image, pgno);
    if (err < 0)
        return fault_io(p->r, err, offset_of(p, pgno), "mending a page");
    if (cut)
        fault_note(p->r, 0, offset_of(p, pgno),
                   "page %" PRIu32
                   " was being written when the process was killed: it is put right",
                   pgno);
    return JET_errSuccess;
}

static JET_ERR mend_slot(struct bufguard *g, struct image *m, struct bufpool *p, uint8_t *work)
{
    JET_ERR err = JET_errSuccess;

    for (uint32_t i = 0; i < m->nr && err >= 0; i++)
        err = mend_page(p, m->pages + (size_t)i * g->page_size, m->pgno + i, work);
    if (err < 0)
        return err;
    free(m->pages);
    m->pages = NULL;
    return JET_errSuccess;
}

JET_ERR bufguard_mend(struct bufguard *g, struct bufpool *p, const struct signature *sign_db)
{
    JET_ERR err = JET_errSuccess;
    uint8_t *work;

    if (!g || p->c->page_size != g->page_size)
        return JET_errSuccess;
    work = malloc(2 * (size_t)g->page_size);
    if (!work)
        return RAISE(JET_errOutOfMemory);
    pthread_mutex_lock(&g->lock);
    for (unsigned i = 0; i < SLOTS_MAX && err >= 0; i++)
        if (g->image[i].pages && signature_equal(&g->image[i].sign_db, sign_db))
            err = mend_slot(g, &g->image[i], p, work);
    pthread_mutex_unlock(&g->lock);
    free(work);
    if (err >= 0 && !p->overlay) {
        p->guard = g;
        p->sign_db = *sign_db;
    }
    return err;
}

/* ---- writing ----------------------------------------------------------------------------------- */

/* SLOTS of those that hold no image; all of them, when so many do that there are fewer. */
static int take_slot(struct bufguard *g)
{
    unsigned usable = 0;
    int at = -1;

    for (unsigned i = 0; i < SLOTS_MAX && usable < SLOTS && at < 0; i++) {
        if (g->image[i].pages)
            continue;
        usable++;
        if (!g->busy[i])
            at = (int)i;
    }
    if (at >= 0)
        g->busy[at] = true;
    return usable ? at : -2;
}

int guard_begin(struct bufpool *p, const uint8_t *pages, pgno_t pgno, size_t nr)
{
    struct bufguard *g = p->guard;
    const size_t len = nr * p->c->page_size;
    struct slot_disk head = {.sign_db = p->sign_db};
    uint64_t off;
    int slot;

    if (!g || len > BUFGUARD_RUN)
        return -1;
    pthread_mutex_lock(&g->lock);
    while ((slot = take_slot(g)) == -1)
        pthread_cond_wait(&g->freed, &g->lock);
    pthread_mutex_unlock(&g->lock);
    if (slot < 0)
        return -1;
    le32_put(&head.magic, MAGIC);
    le32_put(&head.page_size, g->page_size);
    le32_put(&head.pgno, pgno);
    le32_put(&head.nr, (uint32_t)nr);
    off = (uint64_t)slot * SLOT_LEN;
    /* Should the disk be full, the write goes on without. */
    if (os_pwrite_all(g->fd, &head, sizeof(head), off) >= 0)
        (void)!os_pwrite_all(g->fd, pages, len, off + ATOM);
    return slot;
}

void guard_end(struct bufpool *p, int slot)
{
    struct bufguard *g = p->guard;

    if (slot < 0)
        return;
    pthread_mutex_lock(&g->lock);
    g->busy[slot] = false;
    pthread_cond_signal(&g->freed);
    pthread_mutex_unlock(&g->lock);
}
