/* Changing a page in memory; see edit.h. Follows CPAGE::Insert_, Replace_, Delete_, ReorganizeData_ of
 * ESE's cpage.cxx in what is counted as free, not in where bytes go. */
#include "page/edit.h"

#include <stdlib.h>

#define TAGS_MAX 0xfffu

static bool small_format(struct edit e)
{
    return e.size <= 8192;
}

static uint8_t *tag_bytes(struct edit e, unsigned itag)
{
    return e.b + e.size - 4 * (itag + 1);
}

static uint32_t tag_len(struct edit e, unsigned itag)
{
    return get_le16(tag_bytes(e, itag)) & (small_format(e) ? 0x1fffu : 0x7fffu);
}

/* From the end of the page header, as the tag has it. */
static uint32_t tag_ib(struct edit e, unsigned itag)
{
    return get_le16(tag_bytes(e, itag) + 2) & (small_format(e) ? 0x1fffu : 0x7fffu);
}

static uint8_t *tag_data(struct edit e, unsigned itag)
{
    return e.b + page_header_len(e.size) + tag_ib(e, itag);
}

/* Flags of a small page's tag stay; those of a large page are in the node's bytes. */
static void tag_set_ib(struct edit e, unsigned itag, uint32_t ib)
{
    uint8_t *t = tag_bytes(e, itag) + 2;
    put_le16(t, (uint16_t)(ib | (small_format(e) ? get_le16(t) & 0xe000u : 0)));
}

static void tag_set_len(struct edit e, unsigned itag, uint32_t len)
{
    put_le16(tag_bytes(e, itag), (uint16_t)len);
}

static unsigned nr_tags(struct edit e)
{
    return le16_get(edit_hdr(e)->itag_state) & TAGS_MAX;
}

static unsigned nr_reserved(struct edit e)
{
    unsigned n = le16_get(edit_hdr(e)->itag_state) >> 12 & 7;
    return n ? n : 1;
}

static void set_nr_tags(struct edit e, unsigned n)
{
    struct page_hdr_disk *h = edit_hdr(e);
    le16_put(&h->itag_state, (uint16_t)((le16_get(h->itag_state) & ~TAGS_MAX) | n));
}

static uint32_t free_begin(struct edit e)
{
    return le16_get(edit_hdr(e)->ib_mic_free);
}

static void set_free_begin(struct edit e, uint32_t ib)
{
    le16_put(&edit_hdr(e)->ib_mic_free, (uint16_t)ib);
}

static uint32_t free_len(struct edit e)
{
    return le16_get(edit_hdr(e)->cb_free);
}

static void set_free_len(struct edit e, uint32_t len)
{
    le16_put(&edit_hdr(e)->cb_free, (uint16_t)len);
    le16_put(&edit_hdr(e)->cb_uncommitted_free, 0);
}

static uint32_t contiguous(struct edit e)
{
    return e.size - page_header_len(e.size) - free_begin(e) - 4 * nr_tags(e);
}

/* A page that has left its tree keeps bytes that nobody checked; it is made anew, not changed. */
static bool is_editable(struct edit e)
{
    return !(le32_get(edit_hdr(e)->flags) & (PAGE_EMPTY | PAGE_PRE_INIT)) &&
           nr_tags(e) >= nr_reserved(e);
}

static bool has_line(struct edit e, unsigned line)
{
    return is_editable(e) && line < nr_tags(e) - nr_reserved(e);
}

/* ---- new pages -------------------------------------------------------------------------------- */

void page_preinit(struct edit e, pgno_t pgno, objid_t objid, dbtime_t dbtime)
{
    memset(e.b, 0, e.size);
    if (!small_format(e))
        le32_put(&((struct page_hdr2_disk *)e.b)->pgno, pgno);
    le32_put(&edit_hdr(e)->objid_fdp, objid);
    page_set_dbtime(e, dbtime);
    page_set_flags(e, PAGE_PRE_INIT | PAGE_NEW_RECORD_FORMAT);
    set_free_len(e, e.size - page_header_len(e.size));
}

void page_init(struct edit e, pgno_t pgno, objid_t objid, dbtime_t dbtime, uint32_t flags)
{
    page_preinit(e, pgno, objid, dbtime);
    set_nr_tags(e, 1);
    set_free_len(e, free_len(e) - 4);
    page_set_flags(e, (flags | PAGE_NEW_RECORD_FORMAT) & ~(uint32_t)PAGE_PRE_INIT);
}

/* ---- space ------------------------------------------------------------------------------------ */

static int by_place(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

void page_reorganise(struct edit e, uint8_t fill)
{
    const unsigned n = nr_tags(e);
    uint32_t order[TAGS_MAX], at = 0;
    unsigned used = 0;

    for (unsigned i = 0; i < n; i++) {
        if (tag_len(e, i))
            order[used++] = tag_ib(e, i) << 12 | i;
        else
            tag_set_ib(e, i, 0);
    }
    qsort(order, used, sizeof(order[0]), by_place);
    for (unsigned i = 0; i < used; i++) {
        unsigned itag = order[i] & TAGS_MAX;
        uint32_t len = tag_len(e, itag);

        memmove(e.b + page_header_len(e.size) + at, tag_data(e, itag), len);
        tag_set_ib(e, itag, at);
        at += len;
    }
    set_free_begin(e, at);
    if (fill)
        memset(e.b + page_header_len(e.size) + at, fill, contiguous(e));
}

/* Bytes for a line whose tag is there already; enough must be free. Sets the tag's place and length. */
static uint8_t *place(struct edit e, unsigned itag, uint32_t len)
{
    tag_set_len(e, itag, 0);
    if (contiguous(e) < len)
        page_reorganise(e, 0);
    tag_set_ib(e, itag, free_begin(e));
    tag_set_len(e, itag, len);
    set_free_begin(e, free_begin(e) + len);
    set_free_len(e, free_len(e) - len);
    return tag_data(e, itag);
}

static void give_back(struct edit e, unsigned itag)
{
    uint32_t len = tag_len(e, itag);

    if (tag_ib(e, itag) + len == free_begin(e))
        set_free_begin(e, free_begin(e) - len);
    set_free_len(e, free_len(e) + len);
    tag_set_len(e, itag, 0);
    tag_set_ib(e, itag, 0);
}

/* Makes a tag's content len bytes long; what it held is kept up to the shorter length. NULL: no room. */
static uint8_t *resize(struct edit e, unsigned itag, uint32_t len)
{
    uint8_t old[PAGE_SIZE_MAX], *p;
    uint32_t had = tag_len(e, itag), end = tag_ib(e, itag) + had;

    if (len > had && len - had > free_len(e))
        return NULL;
    if (len <= had || (end == free_begin(e) && had && contiguous(e) >= len - had)) {
        if (end == free_begin(e))
            set_free_begin(e, free_begin(e) - had + len);
        set_free_len(e, free_len(e) + had - len);
        tag_set_len(e, itag, len);
        if (!len)
            tag_set_ib(e, itag, 0); /* where it stood may become the tags' one day */
        return tag_data(e, itag);
    }
    memcpy(old, tag_data(e, itag), had);
    give_back(e, itag);
    p = place(e, itag, len);
    memcpy(p, old, had);
    return p;
}

/* ---- lines ------------------------------------------------------------------------------------ */

static void write_node(struct edit e, unsigned itag, const struct node_new *n)
{
    const uint32_t suffix = n->suffix[0].len + n->suffix[1].len;
    uint16_t flags = (uint16_t)((n->flags & (NODE_VERSIONED | NODE_DELETED)) << 13);
    uint8_t *p = tag_data(e, itag), *first = p;

    if (n->prefix_len) {
        flags |= NODE_COMPRESSED << 13;
        put_le16(p, (uint16_t)n->prefix_len);
        p += 2;
    }
    put_le16(p, (uint16_t)suffix);
    p += 2;
    for (unsigned i = 0; i < 2; i++) {
        if (n->suffix[i].len)
            memcpy(p, n->suffix[i].p, n->suffix[i].len);
        p += n->suffix[i].len;
    }
    if (n->data.len)
        memcpy(p, n->data.p, n->data.len);
    if (small_format(e))
        put_le16(tag_bytes(e, itag) + 2, (uint16_t)(tag_ib(e, itag) | flags));
    else
        put_le16(first, get_le16(first) | flags);
}

static uint32_t prefix_offered(struct edit e)
{
    return le32_get(edit_hdr(e)->flags) & PAGE_ROOT ? 0 : tag_len(e, 0);
}

JET_ERR page_insert(struct edit e, unsigned line, const struct node_new *n)
{
    const uint64_t suffix = (uint64_t)n->suffix[0].len + n->suffix[1].len;
    const uint64_t len = (n->prefix_len ? 4u : 2u) + suffix + n->data.len;
    unsigned itag, tags;

    if (!is_editable(e))
        return RAISE(JET_errPageTagCorrupted);
    tags = nr_tags(e);
    if (line > tags - nr_reserved(e) || tags == TAGS_MAX || suffix > 0x1fff ||
        n->prefix_len > 0x1fff || n->prefix_len > prefix_offered(e) || len + 4 > free_len(e))
        return RAISE(JET_errPageTagCorrupted);
    if (contiguous(e) < len + 4)
        page_reorganise(e, 0);
    itag = line + nr_reserved(e);
    memmove(tag_bytes(e, tags), tag_bytes(e, tags) + 4, 4 * (tags - itag));
    set_nr_tags(e, tags + 1);
    set_free_len(e, free_len(e) - 4);
    put_le32(tag_bytes(e, itag), 0);
    place(e, itag, (uint32_t)len);
    write_node(e, itag, n);
    return JET_errSuccess;
}

static void delete_tag(struct edit e, unsigned itag)
{
    unsigned tags = nr_tags(e);

    give_back(e, itag);
    memmove(tag_bytes(e, tags - 1) + 4, tag_bytes(e, tags - 1), 4 * (tags - 1 - itag));
    set_nr_tags(e, tags - 1);
    set_free_len(e, free_len(e) + 4);
    if (free_len(e) == e.size - page_header_len(e.size) - 4 * nr_tags(e))
        set_free_begin(e, 0);
}

JET_ERR page_delete(struct edit e, unsigned line)
{
    if (!has_line(e, line))
        return RAISE(JET_errPageTagCorrupted);
    delete_tag(e, line + nr_reserved(e));
    return JET_errSuccess;
}

JET_ERR page_truncate(struct edit e, unsigned line)
{
    if (!is_editable(e) || line > nr_tags(e) - nr_reserved(e))
        return RAISE(JET_errPageTagCorrupted);
    while (nr_tags(e) - nr_reserved(e) > line)
        delete_tag(e, nr_tags(e) - 1);
    return JET_errSuccess;
}

JET_ERR page_replace(struct edit e, unsigned line, struct slice data)
{
    struct node n;
    unsigned itag;
    uint32_t key_len;
    uint8_t *p;

    if (!has_line(e, line))
        return RAISE(JET_errPageTagCorrupted);
    itag = line + nr_reserved(e);
    n = page_node(edit_page(e), line);
    key_len = tag_len(e, itag) - n.data.len;
    if (data.len > e.size)
        return RAISE(JET_errPageTagCorrupted);
    p = resize(e, itag, key_len + data.len);
    if (!p)
        return RAISE(JET_errPageTagCorrupted);
    if (small_format(e)) /* the move may have cleared them */
        put_le16(tag_bytes(e, itag) + 2, (uint16_t)(tag_ib(e, itag) | n.flags << 13));
    if (data.len)
        memcpy(p + key_len, data.p, data.len);
    return JET_errSuccess;
}

JET_ERR page_set_node_flags(struct edit e, unsigned line, unsigned set, unsigned clear)
{
    uint8_t *at;

    if (!has_line(e, line))
        return RAISE(JET_errPageTagCorrupted);
    at = small_format(e) ? tag_bytes(e, line + nr_reserved(e)) + 2
                         : tag_data(e, line + nr_reserved(e));
    put_le16(at, (uint16_t)((get_le16(at) | set << 13) & ~(clear << 13)));
    le16_put(&edit_hdr(e)->cb_uncommitted_free, 0);
    return JET_errSuccess;
}

uint8_t *page_node_data(struct edit e, unsigned line, uint32_t off, uint32_t len)
{
    struct node n;

    if (!has_line(e, line))
        return NULL;
    n = page_node(edit_page(e), line);
    if (off > n.data.len || len > n.data.len - off)
        return NULL;
    return e.b + (n.data.p - e.b) + off;
}

/* ---- the page as a whole ---------------------------------------------------------------------- */

JET_ERR page_set_external_header(struct edit e, struct slice h)
{
    uint8_t *p;

    if (!is_editable(e) || h.len > e.size)
        return RAISE(JET_errPageTagCorrupted);
    if (!(le32_get(edit_hdr(e)->flags) & PAGE_ROOT))
        for (unsigned i = 0; i < nr_tags(e) - nr_reserved(e); i++)
            if (page_node(edit_page(e), i).prefix.len > h.len)
                return RAISE(JET_errPageTagCorrupted);
    p = resize(e, 0, h.len);
    if (!p)
        return RAISE(JET_errPageTagCorrupted);
    if (h.len)
        memcpy(p, h.p, h.len);
    return JET_errSuccess;
}

JET_ERR page_set_empty(struct edit e)
{
    JET_ERR err = page_truncate(e, 0);

    if (err < 0)
        return err;
    resize(e, 0, 0);
    page_set_flags(e, le32_get(edit_hdr(e)->flags) | PAGE_EMPTY);
    return JET_errSuccess;
}
