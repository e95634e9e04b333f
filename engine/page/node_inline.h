/*
 * The lines of a checked page, for searches and scans: decoded in place, inline, without the checks
 * that page_verify has made once. What is not used of a node costs nothing.
 */
#ifndef ESE_PAGE_NODE_INLINE_H
#define ESE_PAGE_NODE_INLINE_H

#include "page/page.h"

struct page_lines {      /* what decoding needs of the page, read once */
    const uint8_t *data; /* behind the page header */
    const uint8_t *tag0; /* of line 0; line i lies 4 * i bytes in front of it */
    struct slice prefix;
    unsigned nr;
    bool small;
};

/* A page that is in a tree: neither PAGE_EMPTY nor PAGE_PRE_INIT, and its tag 0 is there. */
static inline struct page_lines page_lines(struct page p)
{
    const unsigned state = le16_get(page_hdr(p)->itag_state);
    const unsigned reserved = state >> 12 & 7 ? state >> 12 & 7 : 1;
    const bool small = p.size <= 8192;
    const uint8_t *tag = p.b + p.size - 4;
    const uint8_t *data = p.b + page_header_len(p.size);
    struct page_lines l = {data, tag - 4 * reserved, {data, 0}, (state & 0xfff) - reserved, small};

    if (!(page_flags(p) & PAGE_ROOT)) { /* a root's tag 0 is no prefix */
        const uint32_t mask = small ? 0x1fffu : 0x7fffu;
        l.prefix.p = data + (get_le16(tag + 2) & mask);
        l.prefix.len = get_le16(tag) & mask;
    }
    return l;
}

/* A line's bytes are going to be wanted. A search that asks for both lines that may come next
 * halves its waits. */
static inline void page_lines_prefetch(const struct page_lines *l, unsigned line)
{
    __builtin_prefetch(l->data +
                       (get_le16(l->tag0 - 4 * line + 2) & (l->small ? 0x1fffu : 0x7fffu)));
}
/* The last tags of a page just come upon, which a search begins with. */
static inline void page_prefetch_tags(struct page p)
{
    for (unsigned i = 1; i <= 5; i++)
        __builtin_prefetch(p.b + p.size - 64 * i);
}

static inline struct node page_lines_node(const struct page_lines *l, unsigned line)
{
    const uint8_t *t = l->tag0 - 4 * line, *p, *end;
    const uint32_t ib = get_le16(t + 2);
    struct node n;
    uint32_t len;

    if (l->small) {
        p = l->data + (ib & 0x1fffu);
        end = p + (get_le16(t) & 0x1fffu);
        n.flags = ib >> 13;
    } else {
        p = l->data + (ib & 0x7fffu);
        end = p + (get_le16(t) & 0x7fffu);
        n.flags = p[1] >> 5;
    }
    n.prefix.p = l->prefix.p;
    n.prefix.len = 0;
    if (n.flags & NODE_COMPRESSED) {
        n.prefix.len = get_le16(p) & 0x1fffu;
        p += 2;
    }
    len = get_le16(p) & 0x1fffu;
    n.suffix.p = p + 2;
    n.suffix.len = len;
    n.data.p = p + 2 + len;
    n.data.len = (uint32_t)(end - n.data.p);
    return n;
}

#endif
