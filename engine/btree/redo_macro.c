/*
 * The pages of a macro: each that needs redo is changed on a copy, and all copies are put into
 * their pages when nothing can fail any more. A before image that has to stand in for a page that
 * is newer already (the page made from it was lost) is such a copy too, but never goes into its
 * page (ESE: ErrReplacePageImage).
 *
 * Copies are made, checked and kept until they are applied or dropped: a running engine logs its
 * macro in between. Until then the pages are as they were, those that the macro makes anew
 * included.
 */
#include "btree/redo_int.h"

#include <stdlib.h>

static JET_ERR copy_page(struct redo_macro *m, struct redo_page *p, bool keep)
{
    if (!p->copy)
        p->copy = malloc(m->db->page_size);
    if (!p->copy)
        return RAISE(JET_errOutOfMemory);
    p->e = (struct edit){p->copy, m->db->page_size};
    if (keep)
        memcpy(p->copy, p->buf->b, m->db->page_size);
    return JET_errSuccess;
}

static struct redo_page *find(struct redo_macro *m, pgno_t pgno)
{
    for (unsigned i = 0; i < m->nr_pages; i++)
        if (m->page[i].pgno == pgno)
            return &m->page[i];
    return NULL;
}

/* A page has one part in a macro: the records of two levels never name the same one. */
static JET_ERR claim(struct redo_macro *m, pgno_t pgno, struct redo_page **ret)
{
    if (m->nr_pages == REDO_PAGES_MAX)
        return redo_bad_log(m->db, m->lgpos, "a macro has too many pages");
    if (pgno && find(m, pgno))
        return redo_bad_log(m->db, m->lgpos, "a macro has a page twice");
    *ret = &m->page[m->nr_pages++];
    **ret = (struct redo_page){0};
    return JET_errSuccess;
}

JET_ERR redo_macro_open(struct redo_macro *m, pgno_t pgno, objid_t objid, dbtime_t before,
                        struct redo_page **ret)
{
    JET_ERR err = claim(m, pgno, ret);

    if (err < 0 || !pgno)
        return err;
    err = redo_open(m->db, m->lgpos, pgno, objid, before, m->dbtime, *ret);
    if (err >= 0 && (*ret)->redo)
        err = copy_page(m, *ret, true);
    return err;
}

JET_ERR redo_macro_open_new(struct redo_macro *m, pgno_t pgno, struct redo_page **ret)
{
    JET_ERR err = claim(m, pgno, ret);

    if (err < 0 || !pgno)
        return err;
    err = redo_open_new(m->db, m->lgpos, pgno, m->dbtime, *ret);
    if (err >= 0 && (*ret)->redo)
        err = copy_page(m, *ret, false);
    return err;
}

/* ---- before images ---------------------------------------------------------------------------- */

/* ESE: CPAGE::RehydratePage: the free space was cut out, the tags stand right behind the lines.
 * len bytes of the page, at its begin. */
static bool rehydrate(uint8_t *b, uint32_t len, uint32_t page_size)
{
    const uint32_t header = page_header_len(page_size);
    struct page_hdr_disk *h = (struct page_hdr_disk *)b;
    uint32_t tags, free_len;

    if (len < header || len > page_size)
        return false;
    tags = 4 * (le16_get(h->itag_state) & 0xfffu);
    free_len = le16_get(h->cb_free) + page_size - len;
    if (tags > len - header || free_len > page_size - header)
        return false;
    memmove(b + page_size - tags, b + len - tags, tags);
    memset(b + len - tags, 0, page_size - len);
    le16_put(&h->cb_free, (uint16_t)free_len);
    return true;
}

static bool unpack(struct redo_macro *m, struct slice image, uint32_t flags, uint8_t *out)
{
    const uint32_t size = m->db->page_size;
    const char *what;
    uint32_t len = image.len;

    if (flags & LR_IMAGE_XPRESS) {
        if (m->db->hooks->decompress(image, out, size, &len, &what) < 0)
            return false;
    } else {
        if (len > size)
            return false;
        memcpy(out, image.p, len);
    }
    if (flags & LR_IMAGE_DEHYDRATED)
        return rehydrate(out, len, size);
    return len == size;
}

/* The image was taken after the page had got the macro's dbtime. */
static JET_ERR use_image(struct redo_macro *m, struct redo_page *p, dbtime_t before, objid_t objid)
{
    const char *what = page_check_structure(p->copy, m->db->page_size);

    if (!what && page_objid(edit_page(p->e)) != objid)
        what = "it is of another tree";
    if (what)
        return redo_bad_log(m->db, m->lgpos, "a before image is no sound page");
    page_set_dbtime(p->e, before);
    p->redo = true;
    p->image = true;
    return JET_errSuccess;
}

JET_ERR redo_macro_image(struct redo_macro *m, struct redo_page *p, struct slice image,
                         uint32_t flags, dbtime_t before, objid_t objid)
{
    JET_ERR err = copy_page(m, p, false);

    if (err < 0)
        return err;
    if (!unpack(m, image, flags, p->copy))
        return redo_bad_log(m->db, m->lgpos, "a before image cannot be unpacked");
    return use_image(m, p, before, objid);
}

JET_ERR redo_macro_image2(struct redo_macro *m, struct redo_page *p, struct slice header,
                          struct slice trailer, dbtime_t before, objid_t objid)
{
    const uint32_t size = m->db->page_size;
    JET_ERR err = copy_page(m, p, false);

    if (err < 0)
        return err;
    if (header.len > size || trailer.len > size - header.len)
        return redo_bad_log(m->db, m->lgpos, "a moved page is longer than a page");
    memset(p->copy, 0, size);
    memcpy(p->copy, header.p, header.len);
    memcpy(p->copy + size - trailer.len, trailer.p, trailer.len);
    return use_image(m, p, before, objid);
}

/* ---- the end ---------------------------------------------------------------------------------- */

JET_ERR redo_macro_check(struct redo_macro *m)
{
    for (unsigned i = 0; i < m->nr_pages; i++) {
        const struct redo_page *p = &m->page[i];
        const char *what = NULL;

        if (p->redo && !p->image && !p->sound)
            what = page_check_structure(p->copy, m->db->page_size);
        if (what)
            return redo_inconsistent(m->db, m->lgpos, p->pgno, what);
    }
    return JET_errSuccess;
}

struct redo_page *redo_macro_page(struct redo_macro *m, pgno_t pgno)
{
    struct redo_page *p = find(m, pgno);

    return p && p->redo && !p->image ? p : NULL;
}

void redo_macro_apply(struct redo_macro *m, lgpos_t lgpos, lgpos_t oldest)
{
    for (unsigned i = 0; i < m->nr_pages; i++) {
        struct redo_page *p = &m->page[i];

        if (!p->redo || p->image)
            continue;
        if (p->made)
            buf_latch(p->buf, BUF_EXCLUSIVE);
        memcpy(p->buf->b, p->copy, m->db->page_size);
        redo_stamp(p, m->dbtime);
        buf_dirty_since(p->buf, lgpos, oldest);
        if (p->made)
            buf_unlatch(p->buf, BUF_EXCLUSIVE);
    }
}

void redo_macro_free(struct redo_macro *m)
{
    if (!m)
        return;
    for (unsigned i = 0; i < m->nr_pages; i++) {
        redo_close(&m->page[i]);
        free(m->page[i].copy);
    }
    free(m);
}
