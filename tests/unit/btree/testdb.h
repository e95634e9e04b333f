/*
 * Small databases for the tests of btree/ and rec/: pages in memory, trees of given entries, written to
 * an anonymous file with right checksums.
 */
#ifndef TESTDB_H
#define TESTDB_H

#include <sys/mman.h>

#include "btree/btread.h"
#include "pagebuilder.h"
#include "testutil.h"

/* ---- faults ------------------------------------------------------------------------------------ */

struct faults {
    struct reporter r;
    unsigned nr, nr_notes, nr_corrected;
    struct ese_fault last; /* of severity ESE_FAULT */
    JET_ERR errs[64];
};

static inline void take_fault(void *ctx, const struct ese_fault *f)
{
    struct faults *fs = ctx;

    if (f->severity == ESE_NOTE) {
        fs->nr_notes++;
    } else if (f->severity == ESE_CORRECTED) {
        fs->nr_corrected++;
    } else {
        fs->last = *f;
        if (fs->nr < ARRAY_LEN(fs->errs))
            fs->errs[fs->nr] = f->err;
        fs->nr++;
    }
}

static inline void faults_init(struct faults *fs)
{
    memset(fs, 0, sizeof(*fs));
    fs->r = (struct reporter){.fn = take_fault, .ctx = fs, .file = "test.edb"};
}

/* ---- the file ---------------------------------------------------------------------------------- */

struct testdb {
    uint32_t page_size;
    pgno_t nr; /* pages */
    uint8_t *bytes;
    int fd;
};

static inline void testdb_init(struct testdb *db, uint32_t page_size, pgno_t nr)
{
    *db = (struct testdb){.page_size = page_size, .nr = nr, .fd = -1};
    db->bytes = calloc(nr + 2u, page_size);
    assert_non_null(db->bytes);
    header_make(db->bytes, page_size, ESE_DB_CLEAN);
}

static inline uint8_t *testdb_page(struct testdb *db, pgno_t pgno)
{
    assert_true(pgno >= 1 && pgno <= db->nr);
    return db->bytes + (size_t)(pgno + 1) * db->page_size;
}

/* Seals the pages that are not blank and writes everything; the descriptor is testdb_done's. */
static inline int testdb_write(struct testdb *db)
{
    const size_t len = (size_t)(db->nr + 2) * db->page_size;

    for (pgno_t p = 1; p <= db->nr; p++)
        if (!page_is_zero(testdb_page(db, p), db->page_size))
            page_seal(testdb_page(db, p), db->page_size, p);
    if (db->fd < 0)
        db->fd = memfd_create("testdb", MFD_CLOEXEC);
    assert_true(db->fd >= 0);
    assert_int_equal(pwrite(db->fd, db->bytes, len, 0), (ssize_t)len);
    return db->fd;
}

static inline struct dbfile *testdb_open(struct testdb *db, struct faults *fs)
{
    struct dbfile *f;

    faults_init(fs);
    assert_int_equal(dbfile_open(testdb_write(db), &fs->r, &f), JET_errSuccess);
    return f;
}

static inline void testdb_done(struct testdb *db)
{
    if (db->fd >= 0)
        close(db->fd);
    free(db->bytes);
}

/* ---- nodes ------------------------------------------------------------------------------------- */

/* What page_make starts, with a node of any flags. With NODE_COMPRESSED the key's first prefix_len bytes
 * are those of the page's prefix and are left out. */
static inline void add_node(uint8_t *b, uint32_t size, unsigned flags, uint32_t prefix_len,
                            const void *key, uint32_t key_len, const void *data, uint32_t len)
{
    struct page_hdr_disk *h = (struct page_hdr_disk *)b;
    unsigned itag = le16_get(h->itag_state) & 0xfff;
    uint8_t node[PAGE_SIZE_MAX], *p = node;

    if (flags & NODE_COMPRESSED) {
        put_le16(p, (uint16_t)prefix_len);
        p += 2;
    } else {
        prefix_len = 0;
    }
    put_le16(p, (uint16_t)(key_len - prefix_len));
    p += 2;
    if (key_len > prefix_len)
        memcpy(p, (const uint8_t *)key + prefix_len, key_len - prefix_len);
    p += key_len - prefix_len;
    if (len)
        memcpy(p, data, len);
    p += len;
    if (size > 8192)
        node[1] |= (uint8_t)(flags << 5);
    le16_put(&h->itag_state, (uint16_t)(le16_get(h->itag_state) + 1));
    le16_put(&h->cb_free, (uint16_t)(le16_get(h->cb_free) - 4));
    page_put_tag(b, size, itag, node, (uint32_t)(p - node));
    if (size <= 8192)
        put_le16(b + size - 4 * (itag + 1) + 2,
                 (uint16_t)(get_le16(b + size - 4 * (itag + 1) + 2) | flags << 13));
}

static inline void add_child(uint8_t *b, uint32_t size, const void *key, uint32_t key_len,
                             pgno_t child)
{
    uint8_t data[4];

    put_le32(data, child);
    add_node(b, size, 0, 0, key, key_len, data, 4);
}

/* A root's space header: one extent of its own page. */
static inline void set_space(uint8_t *b, uint32_t size, pgno_t parent, uint8_t flags,
                             uint32_t first, uint32_t oe_or_bitmap)
{
    uint8_t x[16] = {0};

    put_le32(x, first);
    put_le32(x + 4, parent);
    x[8] = flags;
    put_le32(x + 12, oe_or_bitmap);
    page_set_header(b, size, x, 16);
}

/* ---- trees ------------------------------------------------------------------------------------- */

struct entry {
    uint8_t key[24], data[24];
    uint32_t key_len, data_len;
    bool deleted;
};

struct tree_shape {
    pgno_t root, next; /* pages are taken from next on, and next moves */
    objid_t objid;
    uint32_t flags; /* type flags of every page */
    unsigned per_leaf, per_internal;
    bool prefixes; /* pages but the root compress their keys */
};

/* Shortest string above a and not above b, of their whole bookmarks (ESE: bt.cxx, separators). */
static inline uint32_t separator(const uint8_t *a, uint32_t la, const uint8_t *b, uint32_t lb,
                                 uint8_t *out)
{
    uint32_t n = 0;

    while (n < la && n < lb && a[n] == b[n])
        n++;
    memcpy(out, b, n < lb ? n + 1 : lb);
    return n < lb ? n + 1 : lb;
}

static inline uint32_t bookmark(const struct entry *e, uint32_t flags, uint8_t *out)
{
    memcpy(out, e->key, e->key_len);
    if (!(flags & PAGE_NON_UNIQUE))
        return e->key_len;
    memcpy(out + e->key_len, e->data, e->data_len);
    return e->key_len + e->data_len;
}

struct level_node { /* a page of the level below, and the separator behind it */
    pgno_t pgno;
    uint32_t len;
    uint8_t sep[48];
};

static inline void fill_leaf(struct testdb *db, const struct tree_shape *t, uint8_t *b,
                             const struct entry *e, unsigned nr, bool compress)
{
    uint32_t common = nr ? e[0].key_len : 0;

    for (unsigned i = 1; i < nr; i++) {
        uint32_t n = 0;
        while (n < common && n < e[i].key_len && e[i].key[n] == e[0].key[n])
            n++;
        common = n;
    }
    if (compress && common > 2)
        page_set_header(b, db->page_size, e[0].key, common);
    else
        common = 0;
    (void)t;
    for (unsigned i = 0; i < nr; i++)
        add_node(b, db->page_size,
                 (common ? NODE_COMPRESSED : 0u) | (e[i].deleted ? NODE_DELETED : 0u), common,
                 e[i].key, e[i].key_len, e[i].data, e[i].data_len);
}

/* A whole tree of the entries, which are in order. Returns its number of levels. */
static inline unsigned testdb_tree(struct testdb *db, struct tree_shape *t, const struct entry *e,
                                   unsigned nr)
{
    struct level_node *low = calloc(nr + 2, sizeof(*low));
    unsigned nr_low = 0, depth = 1;
    const uint32_t type = t->flags | PAGE_NEW_RECORD_FORMAT | PAGE_NEW_CHECKSUM;

    assert_non_null(low);
    if (nr <= t->per_leaf) {
        page_make(testdb_page(db, t->root), db->page_size, t->root, t->objid,
                  type | PAGE_ROOT | PAGE_LEAF, 0, 0);
        set_space(testdb_page(db, t->root), db->page_size, 1,
                  t->flags & PAGE_NON_UNIQUE ? SPACE_NON_UNIQUE : 0, 1, 0);
        fill_leaf(db, t, testdb_page(db, t->root), e, nr, false);
        free(low);
        return 1;
    }
    for (unsigned i = 0; i < nr; i += t->per_leaf, nr_low++) {
        unsigned n = nr - i < t->per_leaf ? nr - i : t->per_leaf;
        uint8_t a[48], b[48];
        pgno_t pgno = t->next++;
        page_make(testdb_page(db, pgno), db->page_size, pgno, t->objid, type | PAGE_LEAF,
                  i ? pgno - 1 : 0, i + n < nr ? pgno + 1 : 0);
        fill_leaf(db, t, testdb_page(db, pgno), e + i, n, t->prefixes);
        low[nr_low].pgno = pgno;
        if (i + n < nr)
            low[nr_low].len = separator(a, bookmark(&e[i + n - 1], t->flags, a), b,
                                        bookmark(&e[i + n], t->flags, b), low[nr_low].sep);
    }
    for (bool above_leaves = true;; above_leaves = false) {
        const bool is_root = nr_low <= t->per_internal;
        unsigned nr_up = 0;
        depth++;
        for (unsigned i = 0; i < nr_low; nr_up++) {
            unsigned n = nr_low - i < t->per_internal ? nr_low - i : t->per_internal;
            pgno_t pgno = is_root ? t->root : t->next++;
            uint8_t *b = testdb_page(db, pgno);
            page_make(b, db->page_size, pgno, t->objid,
                      type | (is_root ? PAGE_ROOT : 0u) | (above_leaves ? PAGE_PARENT_OF_LEAF : 0u),
                      0, 0);
            if (is_root)
                set_space(b, db->page_size, 1, t->flags & PAGE_NON_UNIQUE ? SPACE_NON_UNIQUE : 0, 1,
                          0);
            for (unsigned k = i; k < i + n; k++)
                add_child(b, db->page_size, low[k].sep, low[k].len, low[k].pgno);
            low[nr_up] = low[i + n - 1];
            low[nr_up].pgno = pgno;
            i += n;
        }
        nr_low = nr_up;
        if (is_root)
            break;
    }
    free(low);
    return depth;
}

#endif
