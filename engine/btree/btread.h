/*
 * Reading a B+ tree: every node in key order from its root, and the place of a key.
 *
 * A cursor walks down from the root and along by the parents' pointers, never by the sibling links of
 * the leaves; the links are held against the way it came. It holds one pinned page per level and
 * allocates nothing, so that a scan of any length costs the same memory.
 *
 * Damage costs what it touches and no more: a fault is reported with its page, bt_next returns its
 * error, and the next call goes on behind it. Whatever the bytes are, a walk ends: it visits no more
 * pages than the file has and goes no deeper than BT_DEPTH_MAX.
 *
 * What a walk checks of every page it enters (page_verify has checked the page in itself):
 *   1. it has the tree's objid, and the type flags of the root; only the root is flagged as root;
 *   2. leaves are where the level above says (PAGE_PARENT_OF_LEAF), no other page is empty of nodes;
 *   3. its first and last node lie between the separators of the level above;
 *   4. its sibling links fit the leaf before it, and its first node comes after that leaf's last.
 * bt_seek trusts what a walk would check in 3 and 4.
 */
#ifndef ESE_BTREE_BTREAD_H
#define ESE_BTREE_BTREAD_H

#include "btree/dbfile.h"

#define BT_DEPTH_MAX 16
/* Twice the longest index key (2000 bytes): a separator of a non-unique tree may hold key and data
 * (ESE: cbKeyAlloc, jethdr.w cbKeyMost). */
#define BT_KEY_MAX 4096

enum bt_flags {
    BT_DELETED = 1, /* nodes flagged as deleted too; without it they are passed over */
    BT_NO_LEAVES =
        2, /* no node and no leaf is read; the page hook learns of the leaves by number */
};

/* Called for every page that the walk enters. page->b is NULL for a leaf under BT_NO_LEAVES. depth: 0
 * for the root. */
typedef void bt_page_fn(void *ctx, pgno_t pgno, const struct page *page, unsigned depth);

struct bt_node {
    struct slice key, data; /* inside the page or the cursor: valid until the next call */
    unsigned flags;         /* NODE_* */
    uint32_t page_flags;    /* PAGE_* */
    pgno_t pgno;
    unsigned line;
};

struct bt_bookmark { /* key and, in a non-unique tree, data of a node */
    uint32_t key_len, len;
    uint8_t b[2 * BT_KEY_MAX];
};

struct bt_level {
    struct page page;
    pgno_t pgno;
    unsigned line, nr_lines; /* next line to take */
};

struct bt_cursor {
    struct dbfile *f;
    pgno_t root;
    objid_t objid;
    unsigned flags;
    bt_page_fn *page_fn;
    void *page_ctx;

    uint32_t type; /* type flags of the root */
    bool done;
    unsigned depth; /* pages held */
    struct bt_level level[BT_DEPTH_MAX];
    uint64_t visited;
    pgno_t prev_leaf, prev_next; /* the leaf before, what it says comes next; 0: unknown */
    struct bt_bookmark prev;     /* its last node */
    uint8_t key[BT_KEY_MAX];
};

/* objid 0: that of the root page is taken. The caller may set page_fn and page_ctx afterwards. Opens
 * nothing: the first bt_next or bt_seek does. */
void bt_open(struct bt_cursor *c, struct dbfile *f, pgno_t root, objid_t objid, unsigned flags);
void bt_close(struct bt_cursor *c); /* gives the pages back; fine more than once */

/*
 * The next node. JET_errNoCurrentRecord: there is none left (not reported). Other errors were
 * reported and the cursor can be asked on: those of dbfile_page, JET_errBadPageLink (siblings,
 * loops, depth), JET_errBadParentPageLink (separators, level), JET_errDatabaseCorrupted (foreign
 * page, order), JET_errNodeCorrupted (key too long).
 */
must_check JET_ERR bt_next(struct bt_cursor *c, struct bt_node *ret);

/* Places the cursor before the first node whose key is >= key. Errors as bt_next; after one the
 * cursor is at its end. In a non-unique tree no key begins another one (normalised keys do not), and
 * the key sought must not be such a longer one either: separators there hold key and data. */
must_check JET_ERR bt_seek(struct bt_cursor *c, const void *key, uint32_t len);

/* True when line's deleted flag says so; for walks with BT_DELETED. */
static inline bool bt_is_deleted(const struct bt_node *n)
{
    return n->flags & NODE_DELETED;
}

/* Key of a node against len bytes: <0, 0, >0 as memcmp, shorter first. */
int bt_key_cmp(const struct node *n, const void *key, uint32_t len);

#endif
