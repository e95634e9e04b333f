/*
 * A macro: its records are put together, tried on copies by redo's own functions, logged, and the
 * copies put in place. What could go wrong has gone wrong before anything is in the log.
 *
 * The one who makes the macro holds db.space_lock from smo_macro_begin to smo_macro_done, and has
 * each page of it that exists latched exclusively.
 *
 * ESE: ErrLGSplit, ErrLGMerge, ErrLGEmptyTree, ErrLGIMacroEnd, LGICompressPreImage (logapi.cxx).
 */
#include <stdlib.h>
#include <string.h>

#include "btree/smo_int.h"

void smo_macro_begin(struct smo_macro *m, struct sess *s, struct tree *t)
{
    pthread_mutex_lock(&t->db->space_lock);
    m->s = s;
    m->t = t;
    m->nr = m->nr_pages = m->nr_reserved = m->nr_images = 0;
    m->dbtime = db_dbtime_next(t->db);
}

void smo_macro_done(struct smo_macro *m)
{
    while (m->nr_images > 0)
        free(m->image[--m->nr_images]);
    pthread_mutex_unlock(&m->t->db->space_lock);
}

struct logrec *smo_macro_add(struct smo_macro *m, enum lrtyp type, const struct buf *b)
{
    struct logrec *r = &m->rec[m->nr++];

    *r = (struct logrec){.type = type,
                         .dbid = m->t->db->dbid,
                         .pgno = b->pgno,
                         .dbtime = m->dbtime,
                         .dbtime_before = page_dbtime(smo_page(b)),
                         .pgno_fdp = m->t->root,
                         .objid = m->t->objid};
    return r;
}

void smo_macro_names(struct smo_macro *m, pgno_t pgno)
{
    if (pgno != PGNO_NULL)
        le32_put(&m->page[m->nr_pages++], pgno);
}

void smo_macro_reserve(struct smo_macro *m, pgno_t pgno, uint32_t len)
{
    m->reserved[m->nr_reserved++] = (struct smo_reserve){pgno, len};
}

/* ---- images ----------------------------------------------------------------------------------- */

/* Free space in the middle of the page is left out, as long as that makes it a tenth smaller (ESE:
 * CPAGE::DehydratePage). */
static uint32_t dehydrate(struct edit e)
{
    struct page_hdr_disk *h = edit_hdr(e);
    const uint32_t tags = 4 * (le16_get(h->itag_state) & 0xfffu), header = page_header_len(e.size);
    const uint32_t least = (e.size - le16_get(h->cb_free) + 3) & ~3u;
    uint32_t used = header + le16_get(h->ib_mic_free);

    if (least > e.size / 10 * 9)
        return e.size;
    if (used + tags > least) {
        page_reorganise(e, 0);
        used = header + le16_get(h->ib_mic_free);
    }
    memmove(e.b + least - tags, e.b + e.size - tags, tags);
    memset(e.b + used, 0, least - tags - used);
    le16_put(&h->cb_free, (uint16_t)(le16_get(h->cb_free) - (e.size - least)));
    return least;
}

/* The page with the dbtime that it is about to get, as ESE has it. */
JET_ERR smo_macro_image(struct smo_macro *m, const struct buf *b, struct slice *ret,
                        uint32_t *ret_flags)
{
    const struct edit e = {malloc(b->size), b->size};
    uint32_t len;

    if (!e.b)
        return RAISE(JET_errOutOfMemory);
    m->image[m->nr_images++] = e.b;
    memcpy(e.b, b->b, b->size);
    page_set_dbtime(e, m->dbtime);
    len = dehydrate(e);
    *ret = (struct slice){e.b, len};
    *ret_flags = len < e.size ? LR_IMAGE_DEHYDRATED : 0;
    return JET_errSuccess;
}

/* ---- carrying it out -------------------------------------------------------------------------- */

/* What rollbacks may want of the pages is known to the versions only, so redo leaves it at 0. */
static void set_reserves(struct smo_macro *m, struct redo_macro *copies)
{
    for (unsigned i = 0; i < m->nr_reserved; i++) {
        struct redo_page *p = redo_macro_page(copies, m->reserved[i].pgno);
        const uint32_t len = m->reserved[i].len;

        if (p)
            page_set_uncommitted(
                p->e, len < page_free(edit_page(p->e)) ? len : page_free(edit_page(p->e)));
    }
}

static JET_ERR log_mark(struct smo_macro *m, enum lrtyp type, lgpos_t *ret)
{
    struct logrec r = {.type = type, .dbtime = m->dbtime};

    return trx_log(m->s, NULL, &r, ret);
}

/* Informative: the pages that the macro touches. The first of the two types knows only of database
 * 1. */
static JET_ERR log_info(struct smo_macro *m)
{
    struct logrec r = {.type = m->t->db->dbid == 1 ? LR_MACRO_INFO : LR_MACRO_INFO2,
                       .dbid = m->t->db->dbid};
    lgpos_t lgpos;

    r.pages = (struct slice){(const uint8_t *)m->page, m->nr_pages * (uint32_t)sizeof(le32)};
    return trx_log(m->s, NULL, &r, &lgpos);
}

static JET_ERR log_records(struct smo_macro *m, lgpos_t *ret)
{
    lgpos_t lgpos;
    JET_ERR err = log_mark(m, LR_MACRO_BEGIN, &lgpos);

    for (unsigned i = 0; i < m->nr && err >= 0; i++)
        err = trx_log(m->s, m->t, &m->rec[i], &lgpos);
    if (err >= 0)
        err = log_mark(m, LR_MACRO_COMMIT, ret);
    if (err >= 0)
        err = log_info(m);
    return err;
}

/* A failure of the log is the instance's end, and recovery drops a macro without commit: there is
 * nothing to abort. */
JET_ERR smo_macro_run(struct smo_macro *m)
{
    const bool alone = m->rec[0].type == LR_EMPTY_TREE;
    struct redo_macro *copies;
    struct redo_result result;
    lgpos_t lgpos;
    JET_ERR err = redo_macro_prepare(m->t->db->redo, 0, m->rec, m->nr, &result, &copies);

    if (err < 0)
        return err;
    set_reserves(m, copies);
    err = alone ? trx_log(m->s, m->t, &m->rec[0], &lgpos) : log_records(m, &lgpos);
    if (err >= 0) {
        const lgpos_t begin = atomic_load_explicit(&m->s->lgpos_begin0, memory_order_relaxed);
        redo_macro_apply(copies, lgpos, begin < lgpos ? begin : lgpos);
    }
    redo_macro_free(copies);
    return err;
}

/* ---- splits ----------------------------------------------------------------------------------- */

/* Nothing but the new node goes to the new page: what it holds is in the log without an image
 * (write path 7.6). */
static bool needs_image(const struct smo_split *sp)
{
    if (sp->type == SMO_APPEND)
        return false;
    return !(sp->type == SMO_RIGHT && sp->oper == SMO_OPER_INSERT && sp->at == sp->oper_line &&
             sp->at + 1 == sp->nr_lines);
}

static JET_ERR fill_split(struct smo_macro *m, struct logrec *r, const struct smo_split *sp,
                          const struct buf *b)
{
    const bool leaf = page_flags(smo_page(b)) & PAGE_LEAF;
    const bool comes_in = sp->oper == SMO_OPER_INSERT && sp->oper_line < sp->at; /* a line more */
    JET_ERR err;

    r->split.pgno_new = sp->fresh;
    r->split.pgno_right = sp->right ? sp->right->pgno : PGNO_NULL;
    r->split.right_before = sp->right ? page_dbtime(smo_page(sp->right))
                            : leaf    ? DBTIME_INVALID
                                      : DBTIME_INVALID - 1; /* ESE: dbtimeNil, dbtimeInvalid */
    r->split.type = (uint8_t)sp->type;
    r->split.oper = (uint8_t)sp->oper;
    r->split.iline_oper = (uint16_t)sp->oper_line;
    r->split.iline_split = (uint16_t)sp->at;
    r->split.nr_lines = (uint16_t)sp->nr_lines;
    r->split.new_page_flags = sp->new_flags;
    r->split.split_page_flags = sp->split_flags;
    r->split.free_source = (int16_t)sp->reserved_split;
    r->split.free_dest = (int16_t)sp->reserved_new;
    r->split.iline_prefix_split = sp->prefix_split;
    r->split.iline_prefix_new = sp->prefix_new;
    r->split.key_parent = sp->separator;
    r->split.prefix_old = sp->prefix_old;
    r->split.prefix_new = sp->prefix_bytes;
    if (!needs_image(sp))
        return JET_errSuccess;
    err = dir_before_move(m->t, b, sp->at - comes_in);
    if (err < 0)
        return err;
    return smo_macro_image(m, b, &r->split.image, &r->split.image_flags);
}

/* One page of the way; parent: the one above it, if it is in the macro too. */
static JET_ERR add_split(struct smo_macro *m, struct smo_work *w, unsigned i,
                         const struct buf *parent)
{
    const struct smo_step *at = &w->path.step[i];
    const struct smo_split *sp = &w->split[i];
    struct logrec *r = smo_macro_add(m, LR_SPLIT2, at->buf);

    smo_macro_names(m, at->buf->pgno);
    r->split.pgno_parent = parent ? parent->pgno : PGNO_NULL;
    r->split.parent_before = parent ? page_dbtime(smo_page(parent)) : DBTIME_INVALID;
    if (!sp->planned) { /* takes the separator of the page below */
        r->split.iline_oper = (uint16_t)at->line;
        r->split.right_before = DBTIME_INVALID;
        return JET_errSuccess;
    }
    smo_macro_names(m, sp->fresh);
    smo_macro_names(m, sp->right ? sp->right->pgno : PGNO_NULL);
    if (page_flags(smo_page(at->buf)) & PAGE_LEAF) {
        smo_macro_reserve(m, at->buf->pgno, sp->reserved_split);
        smo_macro_reserve(m, sp->fresh, sp->reserved_new);
    }
    return fill_split(m, r, sp, at->buf);
}

/* The operation, addressed to the page before the split, its key whole. */
static void add_oper(struct smo_macro *m, struct smo_work *w, const struct smo_split *sp)
{
    const struct smo_step *leaf = smo_leaf(&w->path);
    struct logrec *r = smo_macro_add(m, w->type, leaf->buf);

    smo_fill_record(w, r, 0);
    r->dbtime_before = DBTIME_INVALID;
    r->iline = (uint16_t)sp->oper_line;
    if (w->type == LR_REPLACE)
        r->replace.old_len = (uint16_t)page_node(smo_page(leaf->buf), sp->oper_line).data.len;
}

static void latch_pages(struct smo_work *w, unsigned first, unsigned last)
{
    for (unsigned i = first; i <= last; i++) {
        smo_path_latch(&w->path, i);
        if (w->split[i].right)
            buf_latch(w->split[i].right, BUF_EXCLUSIVE);
    }
}

static void unlatch_pages(struct smo_work *w, unsigned first, unsigned last)
{
    for (unsigned i = first; i <= last; i++)
        if (w->split[i].right)
            buf_unlatch(w->split[i].right, BUF_EXCLUSIVE);
    smo_path_unlatch(&w->path);
}

JET_ERR smo_split_run(struct smo_work *w, bool *ret_done)
{
    struct smo_macro m;
    unsigned first = 0, last = w->path.depth - 1;
    const struct smo_split *leaf = &w->split[last], *sp;
    JET_ERR err = JET_errSuccess;

    while (!w->split[first].planned)
        first++;
    while (!w->split[last].planned)
        last--;
    first -= w->split[first].type != SMO_VERTICAL; /* its parent, which takes the separator */
    sp = &w->split[last];
    smo_macro_begin(&m, w->s, w->t);
    latch_pages(w, first, last);
    for (unsigned i = first; i <= last && err >= 0; i++)
        err = add_split(&m, w, i, i > first ? w->path.step[i - 1].buf : NULL);
    if (sp == leaf && leaf->oper != SMO_OPER_NONE)
        add_oper(&m, w, leaf);
    if (err >= 0)
        err = smo_macro_run(&m);
    unlatch_pages(w, first, last);
    smo_macro_done(&m);
    if (err < 0 || sp != leaf || leaf->oper == SMO_OPER_NONE)
        return err;
    *ret_done = true;
    w->pgno = leaf->oper_line < leaf->at ? smo_leaf(&w->path)->buf->pgno : leaf->fresh;
    w->line = leaf->oper_line - (leaf->oper_line < leaf->at ? 0 : leaf->at);
    return JET_errSuccess;
}
