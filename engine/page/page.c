/* The check of a page and the accessors; see page.h. */
#include "page/page.h"

#include <string.h>

#include "page/cksum.h"

#define FORMAT_BIT \
    (offsetof(struct page_hdr_disk, flags) * 8 + 13) /* PAGE_NEW_CHECKSUM's position */

static bool small_format(uint32_t page_size)
{
    return page_size <= 8192;
}

/* Blocks of a page that carry a checksum of their own: one up to 8 KiB, then four. */
static uint32_t block_size(uint32_t page_size)
{
    return small_format(page_size) ? page_size : page_size / 4;
}

bool page_is_zero(const void *buf, size_t len)
{
    const uint8_t *p = buf;

    /* Compared with itself shifted by 8: memcmp is as fast as the machine gets, and almost every
     * page that is not blank differs in its first bytes. */
    if (len < 16)
        return len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
    return get_le64(p) == 0 && memcmp(p, p + 8, len - 8) == 0;
}

static uint64_t stored_checksum(const uint8_t *buf, unsigned block)
{
    return get_le64(block == 0 ? buf : buf + sizeof(struct page_hdr_disk) + 8 * (block - 1));
}

static void bad_checksum(struct page_check *ret, uint64_t stored, uint64_t computed)
{
    ret->verdict = PAGE_BAD_CHECKSUM;
    ret->err = JET_errReadVerifyFailure;
    ret->stored = stored;
    ret->computed = computed;
}

/* Old format: u32 XOR, then the page number in plain. It detects, it cannot correct. */
static void verify_old(const uint8_t *buf, uint32_t page_size, pgno_t pgno, struct page_check *ret)
{
    uint32_t sum = cksum_xor(buf, page_size);

    if (get_le32(buf) != sum) {
        bad_checksum(ret, get_le32(buf), sum);
    } else if (get_le32(buf + 4) != pgno) {
        ret->verdict = PAGE_BAD_PGNO;
        ret->err = JET_errReadVerifyFailure;
        ret->pgno_found = get_le32(buf + 4);
    }
}

/* A whole page of another number differs in every block by the same XOR and in no ECC. */
static bool is_other_page(const uint8_t *buf, uint32_t page_size, pgno_t pgno, pgno_t *ret_found)
{
    const uint32_t block = block_size(page_size);
    uint32_t diff = 0;

    for (unsigned i = 0; i * block < page_size; i++) {
        uint64_t d = stored_checksum(buf, i) ^ cksum_ecc(buf + i * block, block, pgno, i == 0);
        if (d >> 32 || (i > 0 && (uint32_t)d != diff))
            return false;
        diff = (uint32_t)d;
    }
    *ret_found = diff ^ pgno;
    return true;
}

/*
 * New format. Block 0 first: it holds the checksums of the others, so a bit that is put right there
 * may be one of theirs. The format bit itself is never corrected (ESE does not either): a page whose
 * format bit flipped is read by the other rule and fails it.
 */
static void verify_new(uint8_t *buf, uint32_t page_size, pgno_t pgno, struct page_check *ret)
{
    const uint32_t block = block_size(page_size);
    uint64_t bit_at[4];

    for (unsigned i = 0; i * block < page_size; i++) {
        uint64_t stored = stored_checksum(buf, i);
        uint64_t sum = cksum_ecc(buf + i * block, block, pgno, i == 0);
        int64_t bit;

        if (stored == sum)
            continue;
        bit = cksum_ecc_bit(block, stored, sum);
        if (bit < 0 || (i == 0 && (bit == FORMAT_BIT || bit < 64))) {
            for (unsigned k = 0; k < ret->nr_corrected; k++) /* give the buffer back as it was */
                buf[bit_at[k] / 8] ^= (uint8_t)(1u << bit_at[k] % 8);
            ret->nr_corrected = 0;
            bad_checksum(ret, stored, sum);
            if (is_other_page(buf, page_size, pgno, &ret->pgno_found))
                ret->verdict = PAGE_BAD_PGNO;
            return;
        }
        bit_at[ret->nr_corrected] = (uint64_t)bit + (uint64_t)i * block * 8;
        buf[bit_at[ret->nr_corrected] / 8] ^= (uint8_t)(1u << bit % 8);
        ret->nr_corrected++;
    }
    if (ret->nr_corrected) {
        ret->verdict = PAGE_CORRECTED;
        ret->bit = (uint32_t)bit_at[0];
    }
}

void page_verify_checksum(void *buf, uint32_t page_size, pgno_t pgno, struct page_check *ret)
{
    *ret = (struct page_check){.verdict = PAGE_OK};
    if (page_is_zero(buf, page_size))
        ret->verdict = PAGE_BLANK;
    else if (get_le32((uint8_t *)buf + offsetof(struct page_hdr_disk, flags)) & PAGE_NEW_CHECKSUM)
        verify_new(buf, page_size, pgno, ret);
    else
        verify_old(buf, page_size, pgno, ret);
}

void page_verify(void *buf, uint32_t page_size, pgno_t pgno, struct page_check *ret)
{
    page_verify_checksum(buf, page_size, pgno, ret);
    if (ret->verdict != PAGE_OK && ret->verdict != PAGE_CORRECTED)
        return;
    ret->what = page_check_structure(buf, page_size);
    if (!ret->what && !small_format(page_size) &&
        le32_get(((const struct page_hdr2_disk *)buf)->pgno) != pgno)
        ret->what = "the header names another page number";
    if (ret->what) {
        ret->verdict = PAGE_BAD_STRUCTURE;
        ret->err = JET_errPageTagCorrupted;
    }
}

void page_seal(void *buf, uint32_t page_size, pgno_t pgno)
{
    uint8_t *p = buf;
    const uint32_t block = block_size(page_size);
    uint8_t *flags = p + offsetof(struct page_hdr_disk, flags);

    put_le32(flags, get_le32(flags) | PAGE_NEW_CHECKSUM);
    for (unsigned i = 1; i * block < page_size; i++)
        put_le64(p + sizeof(struct page_hdr_disk) + 8 * (i - 1),
                 cksum_ecc(p + i * block, block, pgno, false));
    put_le64(p, cksum_ecc(p, block, pgno, true));
}

/* ---- tags and nodes --------------------------------------------------------------------------- */

struct tag {
    uint32_t ib, cb; /* offset in the page, bytes */
    unsigned flags;
};

/* Decodes without trusting: the caller checks the bounds before it looks at the bytes. */
static inline struct tag tag_at(const uint8_t *b, uint32_t page_size, unsigned itag)
{
    const uint8_t *t = b + page_size - 4 * (itag + 1);
    uint32_t cb = get_le16(t), ib = get_le16(t + 2);

    if (small_format(page_size))
        return (struct tag){page_header_len(page_size) + (ib & 0x1fff), cb & 0x1fff, ib >> 13};
    return (struct tag){page_header_len(page_size) + (ib & 0x7fff), cb & 0x7fff, 0};
}

static inline unsigned nr_tags(const struct page_hdr_disk *h)
{
    return le16_get(h->itag_state) & 0xfff;
}

static inline unsigned nr_reserved(const struct page_hdr_disk *h)
{
    unsigned n = le16_get(h->itag_state) >> 12 & 7;
    return n ? n : 1;
}

/* Splits a node's bytes; false when they do not add up. prefix_len: what the page offers. */
static bool node_split(struct tag t, const uint8_t *b, uint32_t page_size, struct slice prefix,
                       struct node *ret)
{
    const uint8_t *p = b + t.ib;
    uint32_t left = t.cb, used = 0, len;
    unsigned flags = t.flags;

    if (left < 2)
        return false;
    if (!small_format(page_size))
        flags = p[1] >> 5; /* the top bits of the node's first u16 */
    if (flags & NODE_COMPRESSED) {
        used = get_le16(p) & 0x1fff;
        p += 2;
        left -= 2;
        if (used > prefix.len || left < 2)
            return false;
    }
    len = get_le16(p) & 0x1fff;
    p += 2;
    left -= 2;
    if (len > left)
        return false;
    *ret = (struct node){
        .flags = flags,
        .prefix = {prefix.p, used},
        .suffix = {p, len},
        .data = {p + len, left - len},
    };
    return true;
}

static struct slice tag_slice(struct page p, unsigned itag)
{
    struct tag t = tag_at(p.b, p.size, itag);
    return (struct slice){p.b + t.ib, t.cb};
}

/* A root page's external header is its space header, not a prefix. */
static struct slice page_prefix(struct page p)
{
    if (page_flags(p) & PAGE_ROOT)
        return (struct slice){p.b, 0};
    return tag_slice(p, 0);
}

/* A page that is in no tree (left it, or was never filled): what it still holds was not checked. */
static bool is_history(struct page p)
{
    return page_flags(p) & (PAGE_EMPTY | PAGE_PRE_INIT);
}

unsigned page_nr_lines(struct page p)
{
    unsigned n = nr_tags(page_hdr(p)), r = nr_reserved(page_hdr(p));
    return n > r && !is_history(p) ? n - r : 0;
}

struct slice page_external_header(struct page p)
{
    return is_history(p) ? (struct slice){p.b, 0} : tag_slice(p, 0);
}

struct node page_node(struct page p, unsigned line)
{
    struct node n = {0};

    if (!node_split(tag_at(p.b, p.size, line + nr_reserved(page_hdr(p))), p.b, p.size,
                    page_prefix(p), &n))
        assert(false && "node of a checked page");
    return n;
}

pgno_t node_child(const struct node *n)
{
    return n->data.len == 4 ? get_le32(n->data.p) : PGNO_NULL;
}

uint32_t node_key(const struct node *n, uint8_t *buf)
{
    memcpy(buf, n->prefix.p, n->prefix.len);
    memcpy(buf + n->prefix.len, n->suffix.p, n->suffix.len);
    return n->prefix.len + n->suffix.len;
}

static int slice_cmp(struct slice a, struct slice b)
{
    uint32_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.p, b.p, n) : 0;

    return c ? c : (a.len > b.len) - (a.len < b.len);
}

/* Byte i of a key that lies in two pieces. */
static int key_cmp_at(const struct node *a, const struct node *b, uint32_t from)
{
    uint32_t la = a->prefix.len + a->suffix.len, lb = b->prefix.len + b->suffix.len;
    uint32_t i = from;

    while (i < la && i < lb) {
        /* the longest run in which neither key changes pieces */
        bool ap = i < a->prefix.len, bp = i < b->prefix.len;
        const uint8_t *x = ap ? a->prefix.p + i : a->suffix.p + (i - a->prefix.len);
        const uint8_t *y = bp ? b->prefix.p + i : b->suffix.p + (i - b->prefix.len);
        uint32_t n = (ap ? a->prefix.len : la) - i, m = (bp ? b->prefix.len : lb) - i;
        int c;

        if (m < n)
            n = m;
        c = memcmp(x, y, n);
        if (c)
            return c;
        i += n;
    }
    return (la > lb) - (la < lb);
}

int node_key_cmp(const struct node *a, const struct node *b)
{
    /* Both prefixes are the same bytes of the same page, so what they share need not be read. */
    uint32_t same = 0;

    if (a->prefix.p == b->prefix.p)
        same = a->prefix.len < b->prefix.len ? a->prefix.len : b->prefix.len;
    return key_cmp_at(a, b, same);
}

/* ---- structure -------------------------------------------------------------------------------- */

/* Marks bytes [from, from+len) of a page; false when one was marked before. */
static bool claim(uint64_t *map, uint32_t from, uint32_t len)
{
    while (len) {
        uint32_t bit = from % 64, n = 64 - bit < len ? 64 - bit : len;
        uint64_t mask = (n == 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1) << bit;

        if (map[from / 64] & mask)
            return false;
        map[from / 64] |= mask;
        from += n;
        len -= n;
    }
    return true;
}

static const char *check_tags(const uint8_t *b, uint32_t page_size, uint32_t *ret_used)
{
    const struct page_hdr_disk *h = (const struct page_hdr_disk *)b;
    const unsigned n = nr_tags(h);
    const uint32_t begin = page_header_len(page_size), end = page_size - 4 * n;
    uint32_t top = 0, sum = 0, next = begin;
    bool ascending = true;

    for (unsigned i = 0; i < n; i++) {
        struct tag t = tag_at(b, page_size, i);
        if (t.ib + t.cb > end)
            return "a tag points out of the page";
        if (!t.cb)
            continue;
        ascending = ascending && t.ib >= next;
        next = t.ib + t.cb;
        sum += t.cb;
        if (next > top)
            top = next;
    }
    if (begin + le16_get(h->ib_mic_free) > end || top > begin + le16_get(h->ib_mic_free))
        return "a node lies in the free space";
    if (!ascending) { /* tags in order of their bytes cannot overlap; all others are looked at */
        uint64_t map[PAGE_SIZE_MAX / 64];
        memset(map, 0, page_size / 8);
        for (unsigned i = 0; i < n; i++) {
            struct tag t = tag_at(b, page_size, i);
            if (!claim(map, t.ib, t.cb))
                return "two tags overlap";
        }
    }
    *ret_used = sum;
    return NULL;
}

/* The entry that ends an internal page may have no key: it stands for everything above. */
static const char *check_nodes(const uint8_t *b, uint32_t page_size)
{
    struct page p = {b, page_size};
    const unsigned lines = page_nr_lines(p), first = nr_reserved(page_hdr(p));
    const uint32_t flags = page_flags(p);
    struct slice prefix = page_prefix(p);
    struct node prev = {0}, n;

    for (unsigned i = 0; i < lines; i++, prev = n) {
        int c;

        if (!node_split(tag_at(b, page_size, i + first), b, page_size, prefix, &n))
            return "a node's lengths exceed it";
        if (!(flags & PAGE_LEAF)) {
            if (n.data.len != 4 || node_child(&n) == PGNO_NULL)
                return "an internal node is no page number";
            if (n.prefix.len + n.suffix.len == 0) {
                if (i + 1 != lines)
                    return "an internal node without a key is not the last";
                continue;
            }
        }
        if (i == 0)
            continue;
        c = node_key_cmp(&prev, &n);
        if (c == 0 && (flags & PAGE_NON_UNIQUE) && (flags & PAGE_LEAF))
            c = slice_cmp(prev.data, n.data);
        if (c > 0 || (c == 0 && (flags & PAGE_LEAF)))
            return "keys are out of order";
    }
    return NULL;
}

const char *page_check_structure(const void *buf, uint32_t page_size)
{
    const uint8_t *b = buf;
    const struct page_hdr_disk *h = buf;
    const uint32_t flags = le32_get(h->flags);
    const unsigned n = nr_tags(h);
    uint32_t room = page_size - page_header_len(page_size), used = 0;
    const char *what;

    if (4 * n > room)
        return "more tags than the page has room for";
    if (n < nr_reserved(h)) /* new'd but not filled: header only */
        return is_history((struct page){b, page_size}) ? NULL
                                                       : "the external header's tag is missing";
    what = check_tags(b, page_size, &used);
    if (what)
        return what;
    if (le16_get(h->cb_free) != room - 4 * n - used)
        return "the count of free bytes is wrong";
    if (le16_get(h->cb_uncommitted_free) > le16_get(h->cb_free))
        return "more uncommitted than free bytes";
    if ((flags & PAGE_LEAF) && (flags & PAGE_PARENT_OF_LEAF))
        return "a page is leaf and parent of leaf";
    return is_history((struct page){b, page_size}) ? NULL : check_nodes(b, page_size);
}
