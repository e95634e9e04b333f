/*
 * See minidb.h. From the bottom up: pages and lines; space (extents that a tree owns and has left);
 * trees, kept as lists of nodes until they are laid out; records; the catalogue; the file.
 */
#include "minidb.h"

#include <stdio.h>
#include <stdlib.h>

#include "page/cksum.h"
#include "page/page.h"
#include "rec/catalog.h"
#include "rec/catrow.h"
#include "rec/lv.h"
#include "rec/recfmt.h"

#define PAGE_FLAGS       (PAGE_NEW_RECORD_FORMAT | PAGE_NEW_CHECKSUM | 0x8000u) /* flush type 1 */
#define LCMAP_DEFAULT    0x30401u
#define DB_UPDATE        20u
#define DBTIME_FIRST     0x40u
#define KEY_LEN_MAX      255u
#define RECORD_LEN_MAX   4096u
#define CATALOG_PAGES    20u
#define SHADOW_PAGES     5u
#define ROOT_PAGES_FIRST 64u

struct mini_node {
    uint8_t *key, *data;
    uint32_t key_len, data_len;
};

struct mini_extent {
    pgno_t first;
    uint32_t nr;
};

struct extents {
    struct mini_extent *v;
    unsigned nr;
};

struct mini_tree {
    struct minidb *db;
    struct mini_tree *parent, *next;
    objid_t objid;
    pgno_t root;
    uint32_t type; /* page flags of all its pages */
    uint32_t nr_primary;
    struct extents owned, available;
    struct mini_node *nodes;
    unsigned nr_nodes, cap_nodes;
};

struct minidb {
    uint32_t page_size;
    uint8_t *pages; /* pgno 1 at offset 0 */
    pgno_t nr_pages;
    dbtime_t dbtime;
    objid_t objid_last;
    struct mini_tree *trees; /* the newest first; the database's root is the last */
    struct mini_tree *root, *catalog, *shadow, *by_name, *roots;
    struct mini_table *tables[8];
    unsigned nr_tables;
};

void mini_die(const char *what)
{
    fprintf(stderr, "minidb: %s\n", what);
    exit(1);
}

static void *mini_realloc(void *p, size_t size)
{
    p = realloc(p, size);
    if (!p)
        mini_die("out of memory");
    return p;
}

void *mini_alloc(size_t size)
{
    return memset(mini_realloc(NULL, size ? size : 1), 0, size);
}

static void put_be32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* ---- pages ------------------------------------------------------------------------------------ */

static uint8_t *page_at(struct minidb *db, pgno_t pgno)
{
    return db->pages + (size_t)(pgno - 1) * db->page_size;
}

static struct page_hdr_disk *hdr_at(uint8_t *b)
{
    return (struct page_hdr_disk *)b;
}

static void append_tag(struct minidb *db, uint8_t *b, uint32_t len)
{
    struct page_hdr_disk *h = hdr_at(b);
    unsigned n = le16_get(h->itag_state);
    uint8_t *tag = b + db->page_size - 4 * (n + 1);

    put_le16(tag, (uint16_t)len);
    put_le16(tag + 2, le16_get(h->ib_mic_free));
    le16_put(&h->ib_mic_free, (uint16_t)(le16_get(h->ib_mic_free) + len));
    le16_put(&h->cb_free, (uint16_t)(le16_get(h->cb_free) - len - 4));
    le16_put(&h->itag_state, (uint16_t)(n + 1));
}

static uint8_t *page_begin(struct minidb *db, pgno_t pgno, objid_t objid, uint32_t flags,
                           const void *external, uint32_t external_len)
{
    uint8_t *b = page_at(db, pgno);
    struct page_hdr_disk *h = hdr_at(b);

    memset(b, 0, db->page_size);
    le64_put(&h->dbtime, ++db->dbtime);
    le32_put(&h->objid_fdp, objid);
    le32_put(&h->flags, flags | PAGE_FLAGS);
    le16_put(&h->cb_free, (uint16_t)(db->page_size - page_header_len(db->page_size)));
    if (db->page_size > 8192)
        le32_put(&((struct page_hdr2_disk *)b)->pgno, pgno);
    if (external_len)
        memcpy(b + page_header_len(db->page_size), external, external_len);
    append_tag(db, b, external_len);
    return b;
}

static uint32_t node_room(const struct mini_node *n)
{
    return 2 + n->key_len + n->data_len + 4;
}

static void page_append(struct minidb *db, uint8_t *b, const struct mini_node *n)
{
    uint8_t *at = b + page_header_len(db->page_size) + le16_get(hdr_at(b)->ib_mic_free);

    if (le16_get(hdr_at(b)->cb_free) < node_room(n))
        mini_die("a node does not fit on its page");
    put_le16(at, (uint16_t)n->key_len);
    memcpy(at + 2, n->key, n->key_len);
    memcpy(at + 2 + n->key_len, n->data, n->data_len);
    append_tag(db, b, 2 + n->key_len + n->data_len);
}

/* ---- space ------------------------------------------------------------------------------------ */

static void extents_add(struct extents *e, pgno_t first, uint32_t nr)
{
    e->v = mini_realloc(e->v, (e->nr + 1) * sizeof(*e->v));
    e->v[e->nr++] = (struct mini_extent){first, nr};
}

static pgno_t extents_take(struct extents *e, uint32_t nr)
{
    for (unsigned i = 0; i < e->nr; i++) {
        if (e->v[i].nr >= nr) {
            pgno_t first = e->v[i].first;
            e->v[i].first += nr;
            e->v[i].nr -= nr;
            return first;
        }
    }
    return PGNO_NULL;
}

/* nr consecutive pages out of a tree's space; the tree gets more from its parent when it has none,
 * the database's root from the end of the file. */
static pgno_t space_take(struct mini_tree *t, uint32_t nr)
{
    pgno_t first = extents_take(&t->available, nr);
    uint32_t more = nr, have = 0;

    if (first)
        return first;
    for (unsigned i = 0; i < t->owned.nr; i++)
        have += t->owned.v[i].nr;
    /* In proportion, so that one page always holds the list of extents. */
    if (more < 16)
        more = 16;
    if (more < have / 4)
        more = have / 4;
    if (t->parent) {
        first = space_take(t->parent, more);
    } else {
        struct minidb *db = t->db;
        first = db->nr_pages + 1;
        db->pages = mini_realloc(db->pages, (size_t)(db->nr_pages + more) * db->page_size);
        memset(page_at(db, first), 0, (size_t)more * db->page_size);
        db->nr_pages += more;
    }
    extents_add(&t->owned, first, more);
    extents_add(&t->available, first, more);
    return extents_take(&t->available, nr);
}

static struct mini_tree *tree_new(struct minidb *db, struct mini_tree *parent, objid_t objid,
                                  uint32_t nr_pages, uint32_t type)
{
    struct mini_tree *t = mini_alloc(sizeof(*t));
    pgno_t first;

    *t = (struct mini_tree){.db = db, .objid = objid, .type = type, .next = db->trees};
    db->trees = t;
    t->nr_primary = nr_pages;
    t->parent = parent;
    if (parent) {
        first = space_take(parent, nr_pages);
    } else { /* page 1 and on */
        first = 1;
        db->nr_pages = nr_pages;
        db->pages = mini_alloc((size_t)nr_pages * db->page_size);
    }
    t->root = first; /* then the roots of the owned and of the available extents */
    extents_add(&t->owned, first, nr_pages);
    if (nr_pages > 3)
        extents_add(&t->available, first + 3, nr_pages - 3);
    return t;
}

static void write_extents(struct mini_tree *t, pgno_t pgno, const struct extents *e)
{
    static const uint8_t split_buffer[16];
    uint8_t *b =
        page_begin(t->db, pgno, t->objid, t->type | PAGE_ROOT | PAGE_LEAF | PAGE_SPACE_TREE,
                   split_buffer, sizeof(split_buffer));

    for (unsigned i = 0; i < e->nr; i++) {
        uint8_t key[4], data[4];

        if (e->v[i].nr == 0)
            continue;
        put_be32(key, e->v[i].first + e->v[i].nr - 1);
        put_le32(data, e->v[i].nr);
        page_append(t->db, b, &(struct mini_node){key, data, 4, 4});
    }
}

/* Extents come in the order of their pages, as they were taken from parents that only grow. */
static void write_space(struct mini_tree *t)
{
    write_extents(t, t->root + 1, &t->owned);
    write_extents(t, t->root + 2, &t->available);
}

/* ---- trees ------------------------------------------------------------------------------------ */

static void tree_put(struct mini_tree *t, const void *key, uint32_t key_len, const void *data,
                     uint32_t data_len)
{
    struct mini_node *n;

    if (t->nr_nodes == t->cap_nodes) {
        t->cap_nodes = t->cap_nodes ? 2 * t->cap_nodes : 64;
        t->nodes = mini_realloc(t->nodes, t->cap_nodes * sizeof(*t->nodes));
    }
    n = &t->nodes[t->nr_nodes++];
    *n = (struct mini_node){mini_alloc(key_len), mini_alloc(data_len), key_len, data_len};
    memcpy(n->key, key, key_len);
    memcpy(n->data, data, data_len);
}

static int bytes_cmp(const uint8_t *a, uint32_t a_len, const uint8_t *b, uint32_t b_len)
{
    int c = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return c ? c : (a_len > b_len) - (a_len < b_len);
}

static int node_cmp(const void *pa, const void *pb)
{
    const struct mini_node *a = pa, *b = pb;
    int c = bytes_cmp(a->key, a->key_len, b->key, b->key_len);
    return c ? c : bytes_cmp(a->data, a->data_len, b->data, b->data_len);
}

/* The shortest bytes that are greater than all of `left` and not greater than `right`. Where the order
 * of a tree is by key and data, both count. */
static struct mini_node separator(const struct mini_node *left, const struct mini_node *right,
                                  bool with_data)
{
    uint8_t a[2 * KEY_LEN_MAX] = {0}, b[2 * KEY_LEN_MAX] = {0};
    uint32_t a_len = left->key_len, b_len = right->key_len, n = 0;
    struct mini_node s = {0};

    memcpy(a, left->key, a_len);
    memcpy(b, right->key, b_len);
    if (with_data) {
        memcpy(a + a_len, left->data, left->data_len);
        memcpy(b + b_len, right->data, right->data_len);
        a_len += left->data_len;
        b_len += right->data_len;
    }
    while (n < a_len && n < b_len && a[n] == b[n])
        n++;
    s.key_len = n + 1;
    s.key = mini_alloc(s.key_len);
    memcpy(s.key, b, s.key_len);
    return s;
}

static void root_external(const struct mini_tree *t, struct space_hdr_disk *h)
{
    memset(h, 0, sizeof(*h));
    le32_put(&h->cpg, t->nr_primary);
    le32_put(&h->pgno_parent, t->parent ? t->parent->root : 0);
    h->flags[0] = SPACE_MULTIPLE | (t->type & PAGE_NON_UNIQUE ? SPACE_NON_UNIQUE : 0);
    le32_put(&h->pgno_oe_or_bitmap, t->root + 1);
}

/* How many nodes, from `from` on, fit on a page with an external header of that length. */
static unsigned nodes_that_fit(const struct minidb *db, const struct mini_node *nodes,
                               unsigned from, unsigned nr, uint32_t external_len)
{
    uint32_t room = db->page_size - page_header_len(db->page_size) - 4 - external_len;
    unsigned i = from;

    for (; i < nr && node_room(&nodes[i]) <= room; i++)
        room -= node_room(&nodes[i]);
    return i - from;
}

/* The nodes of one level spread over new pages; *ret are the nodes of the level above. */
static unsigned write_level(struct mini_tree *t, const struct mini_node *nodes, unsigned nr,
                            uint32_t level, struct mini_node **ret)
{
    struct mini_node *up = mini_alloc(nr * sizeof(*up));
    pgno_t pgno = space_take(t, 1), prev = PGNO_NULL;
    unsigned nr_up = 0;

    for (unsigned i = 0; i < nr;) {
        unsigned n = nodes_that_fit(t->db, nodes, i, nr, 0);
        bool last = i + n == nr, leaf = level & PAGE_LEAF;
        pgno_t next = last ? PGNO_NULL : space_take(t, 1);
        uint8_t *b = page_begin(t->db, pgno, t->objid, t->type | level, NULL, 0);

        if (n == 0)
            mini_die("a node does not fit on a page");
        if (leaf) {
            le32_put(&hdr_at(b)->pgno_prev, prev);
            le32_put(&hdr_at(b)->pgno_next, next);
        }
        for (unsigned k = 0; k < n; k++)
            page_append(t->db, b, &nodes[i + k]);
        if (leaf && !last) {
            up[nr_up] = separator(&nodes[i + n - 1], &nodes[i + n], t->type & PAGE_NON_UNIQUE);
        } else { /* an internal page's last key is its separator; the rightmost has none */
            up[nr_up].key_len = last ? 0 : nodes[i + n - 1].key_len;
            up[nr_up].key = mini_alloc(up[nr_up].key_len);
            memcpy(up[nr_up].key, nodes[i + n - 1].key, up[nr_up].key_len);
        }
        up[nr_up].data_len = 4;
        up[nr_up].data = mini_alloc(4);
        put_le32(up[nr_up++].data, pgno);
        prev = pgno;
        pgno = next;
        i += n;
    }
    *ret = up;
    return nr_up;
}

static void free_nodes(struct mini_node *nodes, unsigned nr)
{
    for (unsigned i = 0; i < nr; i++) {
        free(nodes[i].key);
        free(nodes[i].data);
    }
    free(nodes);
}

static void write_tree(struct mini_tree *t)
{
    struct mini_node *nodes = t->nodes;
    unsigned nr = t->nr_nodes;
    uint32_t level = PAGE_LEAF;
    struct space_hdr_disk external;
    uint8_t *b;

    if (nr)
        qsort(nodes, nr, sizeof(*nodes), node_cmp);
    while (nodes_that_fit(t->db, nodes, 0, nr, sizeof(external)) < nr) {
        struct mini_node *up;
        unsigned nr_up = write_level(t, nodes, nr, level, &up);

        free_nodes(nodes, nr);
        nodes = up;
        nr = nr_up;
        level = level == PAGE_LEAF ? PAGE_PARENT_OF_LEAF : 0;
    }
    root_external(t, &external);
    b = page_begin(t->db, t->root, t->objid, t->type | level | PAGE_ROOT, &external,
                   sizeof(external));
    for (unsigned i = 0; i < nr; i++)
        page_append(t->db, b, &nodes[i]);
    free_nodes(nodes, nr);
    t->nodes = NULL;
    t->nr_nodes = 0;
}

/* ---- keys and records ------------------------------------------------------------------------- */

struct bytes {
    uint8_t b[RECORD_LEN_MAX];
    uint32_t len;
};

static void put(struct bytes *s, const void *p, uint32_t len)
{
    if (len > sizeof(s->b) - s->len)
        mini_die("a key or record is too long");
    if (len)
        memcpy(s->b + s->len, p, len);
    s->len += len;
}

static void put_u8(struct bytes *s, unsigned v)
{
    put(s, &(uint8_t){(uint8_t)v}, 1);
}

static void put_u16(struct bytes *s, unsigned v)
{
    uint8_t b[2];
    put_le16(b, (uint16_t)v);
    put(s, b, 2);
}

/* Key segments: 0x7F, then bytes that sort as the value does. */
static void key_long(struct bytes *key, int32_t v)
{
    uint8_t b[4];
    put_be32(b, (uint32_t)v ^ 0x80000000u);
    put_u8(key, 0x7f);
    put(key, b, 4);
}

static void key_short(struct bytes *key, int v)
{
    put_u8(key, 0x7f);
    put_u8(key, ((unsigned)v >> 8 & 0xff) ^ 0x80);
    put_u8(key, (unsigned)v & 0xff);
}

static void key_ascii(struct bytes *key, const char *s, uint32_t len)
{
    put_u8(key, 0x7f);
    for (uint32_t i = 0; i < len; i++)
        put_u8(key, s[i] >= 'a' && s[i] <= 'z' ? (unsigned)(s[i] - 32) : (uint8_t)s[i]);
    put_u8(key, 0);
    if (key->len > KEY_LEN_MAX)
        mini_die("a key is too long");
}

static void put_fixed(struct bytes *rec, const struct mini_column *c, const struct mini_value *v,
                      unsigned nr)
{
    uint8_t nulls[16] = {0};

    for (unsigned i = 0; i < nr; i++) {
        static const uint8_t zero[255];
        put(rec, v[i].p ? v[i].p : zero, c[i].max_len);
        if (!v[i].p)
            nulls[i / 8] |= (uint8_t)(1u << i % 8);
    }
    put(rec, nulls, (nr + 7) / 8);
    put_le16(rec->b + 2, (uint16_t)rec->len);
}

static void put_variable(struct bytes *rec, const struct mini_value *v, unsigned nr)
{
    unsigned end = 0;

    for (unsigned i = 0; i < nr; i++) {
        end += v[i].p ? v[i].len : 0;
        put_u16(rec, end | (v[i].p ? 0 : VAR_NULL));
    }
    for (unsigned i = 0; i < nr; i++)
        if (v[i].p)
            put(rec, v[i].p, v[i].len);
}

struct tagged_bytes {
    unsigned fid, header; /* TAGHDR_... of the value; 0: a type that has none on small pages */
    const void *p;
    uint32_t len;
};

static void put_tagged(struct bytes *rec, uint32_t page_size, const struct tagged_bytes *v,
                       unsigned nr)
{
    const bool small = page_size <= 8192;
    unsigned at = 4 * nr;

    for (unsigned i = 0; i < nr; i++) {
        bool header = !small || v[i].header;
        put_u16(rec, v[i].fid);
        put_u16(rec, at | (small && header ? TAG_SMALL_HEADER : 0));
        at += v[i].len + header;
    }
    for (unsigned i = 0; i < nr; i++) {
        if (!small || v[i].header)
            put_u8(rec, v[i].header);
        put(rec, v[i].p, v[i].len);
    }
}

/* Trailing nulls among fixed and variable columns are left out. */
static void record_build(struct bytes *rec, uint32_t page_size, const struct mini_column *c,
                         const struct mini_value *v, unsigned nr, const struct tagged_bytes *tagged,
                         unsigned nr_tagged)
{
    unsigned nr_fixed = 0, first_var, nr_var = 0, i = 0;

    for (; i < nr && c[i].fid <= FID_FIXED_MOST; i++)
        if (v[i].p)
            nr_fixed = i + 1;
    first_var = i;
    for (; i < nr && c[i].fid <= FID_VAR_MOST; i++)
        if (v[i].p)
            nr_var = i + 1 - first_var;
    rec->len = 0;
    put_u8(rec, nr_fixed);
    put_u8(rec, FID_FIXED_MOST + nr_var);
    put_u16(rec, 0);
    put_fixed(rec, c, v, nr_fixed);
    put_variable(rec, v + first_var, nr_var);
    if (nr_tagged)
        put_tagged(rec, page_size, tagged, nr_tagged);
}

/* ---- catalogue -------------------------------------------------------------------------------- */

/* The catalogue's own columns, fixed in every engine (ESE: _cat.cxx). Not null: the first seven, Name. */
static const struct mini_column catalog_columns[] = {
    {"ObjidTable", 1, JET_coltypLong, 4, 0},
    {"Type", 2, JET_coltypShort, 2, 0},
    {"Id", 3, JET_coltypLong, 4, 0},
    {"ColtypOrPgnoFDP", 4, JET_coltypLong, 4, 0},
    {"SpaceUsage", 5, JET_coltypLong, 4, 0},
    {"Flags", 6, JET_coltypLong, 4, 0},
    {"PagesOrLocale", 7, JET_coltypLong, 4, 0},
    {"RootFlag", 8, JET_coltypBit, 1, 0},
    {"RecordOffset", 9, JET_coltypShort, 2, 0},
    {"LCMapFlags", 10, JET_coltypLong, 4, 0},
    {"KeyMost", 11, JET_coltypUnsignedShort, 2, 0},
    {"LVChunkMax", 12, JET_coltypLong, 4, 0},
    {"Name", 128, JET_coltypText, 255, 0},
    {"Stats", 129, JET_coltypBinary, 255, 0},
    {"TemplateTable", 130, JET_coltypText, 255, 0},
    {"DefaultValue", 131, JET_coltypBinary, 255, 0},
    {"KeyFldIDs", 132, JET_coltypBinary, 255, 0},
    {"VarSegMac", 133, JET_coltypBinary, 255, 0},
    {"ConditionalColumns", 134, JET_coltypBinary, 255, 0},
    {"TupleLimits", 135, JET_coltypBinary, 255, 0},
    {"Version", 136, JET_coltypBinary, 255, 0},
    {"SortID", 137, JET_coltypBinary, 255, 0},
    {"CallbackData", 256, JET_coltypLongBinary, 0, 0},
    {"CallbackDependencies", 257, JET_coltypLongBinary, 0, 0},
    {"SeparateLV", 258, JET_coltypLongBinary, 0, 0},
    {"SpaceHints", 259, JET_coltypLongBinary, 0, 0},
    {"SpaceDeferredLVHints", 260, JET_coltypLongBinary, 0, 0},
    {"LocaleName", 261, JET_coltypLongBinary, 0, 0},
};
#define NR_CATALOG_COLUMNS ARRAY_LEN(catalog_columns)
enum { AT_ROOT_FLAG = 7, AT_OFFSET = 8, AT_LCMAP = 9, AT_NAME = 12, AT_KEY_FIDS = 16 };

struct row { /* of the catalogue */
    uint32_t objid, type, id, coltyp_or_pgno, space, flags, pages_or_cp;
    int offset; /* -1: none */
    const char *name;
    const uint8_t *key_fids; /* an index's */
    uint32_t key_fids_len;
};

/* The row's record and its three keys; the shadow has the primary one only. */
static void catalog_put(struct minidb *db, const struct row *r)
{
    static const uint8_t en_us[] = {'e', 0, 'n', 0, '-', 0, 'U', 0, 'S', 0};
    const struct tagged_bytes locale = {261, TAGHDR_LONG, en_us, sizeof(en_us)};
    struct mini_value v[NR_CATALOG_COLUMNS] = {{0}};
    uint8_t fixed[7][4], lcmap[4], offset[2], root_flag = 0xff;
    const uint32_t words[7] = {r->objid, r->type,  r->id,         r->coltyp_or_pgno,
                               r->space, r->flags, r->pages_or_cp};
    const bool index = r->type == CATROW_INDEX;
    const uint32_t name_len = (uint32_t)strlen(r->name);
    struct bytes rec, id = {.len = 0}, name = {.len = 0}, root = {.len = 0};

    for (unsigned i = 0; i < 7; i++) {
        put_le32(fixed[i], words[i]);
        v[i] = (struct mini_value){fixed[i], 4};
    }
    if (r->type == CATROW_TABLE)
        v[AT_ROOT_FLAG] = (struct mini_value){&root_flag, 1};
    put_le16(offset, (uint16_t)r->offset);
    if (r->offset >= 0)
        v[AT_OFFSET] = (struct mini_value){offset, 2};
    put_le32(lcmap, LCMAP_DEFAULT);
    if (index)
        v[AT_LCMAP] = (struct mini_value){lcmap, 4};
    v[AT_NAME] = (struct mini_value){r->name, name_len};
    if (index)
        v[AT_KEY_FIDS] = (struct mini_value){r->key_fids, r->key_fids_len};
    record_build(&rec, db->page_size, catalog_columns, v, NR_CATALOG_COLUMNS, &locale, index);

    key_long(&id, (int32_t)r->objid);
    key_short(&id, (int)r->type);
    name = id;
    key_long(&id, (int32_t)r->id);
    key_ascii(&name, r->name, name_len);
    tree_put(db->catalog, id.b, id.len, rec.b, rec.len);
    tree_put(db->shadow, id.b, id.len, rec.b, rec.len);
    tree_put(db->by_name, name.b, name.len, id.b, id.len);
    if (r->type == CATROW_TABLE) {
        put_u8(&root, 0x7f);
        put_u8(&root, 0xff);
        key_ascii(&root, r->name, name_len);
        tree_put(db->roots, root.b, root.len, id.b, id.len);
    }
}

static void catalog_put_table(struct minidb *db, const struct mini_tree *t, const char *name,
                              uint32_t flags)
{
    catalog_put(db, &(struct row){t->objid, CATROW_TABLE, t->objid, t->root, 80, flags,
                                  t->nr_primary, -1, name, NULL, 0});
}

static void catalog_put_index(struct minidb *db, objid_t table, const struct mini_tree *t,
                              const char *name, uint32_t flags, const unsigned *fids, unsigned nr)
{
    uint8_t segments[4 * 3] = {0};

    for (unsigned i = 0; i < nr; i++)
        put_le16(segments + 4 * i + 2, (uint16_t)fids[i]);
    catalog_put(db, &(struct row){table, CATROW_INDEX, t->objid, t->root, 80,
                                  (uint32_t)INDEX_X_EXTENDED << 16 | flags, 0, -1, name, segments,
                                  4 * nr});
}

static void catalog_put_columns(struct minidb *db, objid_t table, const struct mini_column *c,
                                unsigned nr, bool system)
{
    uint32_t offset = sizeof(struct rec_hdr_disk);

    for (unsigned i = 0; i < nr; i++) {
        bool fixed = c[i].fid <= FID_FIXED_MOST;
        bool not_null = system ? i < 7 || i == AT_NAME : c[i].fid == 1;

        /* The catalogue's rows on itself have one and the same offset, in all genuine files. */
        catalog_put(db, &(struct row){table, CATROW_COLUMN, c[i].fid, c[i].coltyp, c[i].max_len,
                                      not_null ? COLUMN_NOT_NULL : 0, system ? 1252 : c[i].cp,
                                      !fixed   ? -1
                                      : system ? (int)sizeof(struct rec_hdr_disk)
                                               : (int)offset,
                                      c[i].name, NULL, 0});
        offset += fixed ? c[i].max_len : 0;
    }
}

static void catalog_describe_itself(struct minidb *db)
{
    const uint32_t table_flags = (uint32_t)TABLE_SYSTEM | TABLE_FIXED_DDL;
    const uint32_t unique = INDEX_UNIQUE;

    catalog_put_table(db, db->catalog, "MSysObjects", table_flags);
    catalog_put_columns(db, db->catalog->objid, catalog_columns, NR_CATALOG_COLUMNS, true);
    catalog_put_table(db, db->shadow, "MSysObjectsShadow", table_flags);
    catalog_put_columns(db, db->shadow->objid, catalog_columns, NR_CATALOG_COLUMNS, true);
    for (int i = 0; i < 2; i++) {
        struct mini_tree *t = i ? db->shadow : db->catalog;
        catalog_put_index(db, t->objid, t, "Id", unique | INDEX_PRIMARY | INDEX_NO_NULL,
                          (const unsigned[]){1, 2, 3}, 3);
    }
    catalog_put_index(db, db->catalog->objid, db->by_name, "Name", unique | INDEX_NO_NULL,
                      (const unsigned[]){1, 2, 128}, 3);
    catalog_put_index(db, db->catalog->objid, db->roots, "RootObjects", unique | INDEX_SOME_NULLS,
                      (const unsigned[]){8, 128}, 2);
}

/* ---- the database ----------------------------------------------------------------------------- */

struct minidb *minidb_new(uint32_t page_size)
{
    struct minidb *db = mini_alloc(sizeof(*db));

    if (page_size < PAGE_SIZE_MIN || page_size > PAGE_SIZE_MAX || page_size & (page_size - 1))
        mini_die("the page size is 2048, 4096, 8192, 16384 or 32768");
    db->page_size = page_size;
    db->dbtime = DBTIME_FIRST;
    /* In this order their pages and numbers are those that every engine expects. */
    db->root = tree_new(db, NULL, 1, ROOT_PAGES_FIRST, 0);
    db->catalog = tree_new(db, db->root, CATALOG_OBJID, CATALOG_PAGES, 0);
    db->shadow = tree_new(db, db->root, CATALOG_SHADOW_OBJID, SHADOW_PAGES, 0);
    db->by_name = tree_new(db, db->catalog, 4, 3, PAGE_INDEX);
    db->roots = tree_new(db, db->catalog, 5, 3, PAGE_INDEX);
    db->objid_last = 5;
    catalog_describe_itself(db);
    return db;
}

struct mini_table *minidb_table(struct minidb *db, const char *name,
                                const struct mini_column *columns, unsigned nr_columns,
                                const char *primary)
{
    struct mini_table *t = mini_alloc(sizeof(*t));

    if (db->nr_tables == ARRAY_LEN(db->tables))
        mini_die("too many tables");
    db->tables[db->nr_tables++] = t;
    t->db = db;
    t->objid = ++db->objid_last;
    t->rows = tree_new(db, db->root, t->objid, 8, 0);
    t->columns = columns;
    t->nr_columns = nr_columns;
    t->keyed = primary;
    catalog_put_table(db, t->rows, name, 0);
    catalog_put_columns(db, t->objid, columns, nr_columns, false);
    if (primary)
        catalog_put_index(db, t->objid, t->rows, primary,
                          INDEX_UNIQUE | INDEX_PRIMARY | INDEX_NO_NULL, (const unsigned[]){1}, 1);
    return t;
}

struct mini_tree *minidb_text_index(struct mini_table *t, const char *name, unsigned fid)
{
    struct mini_tree *tree =
        tree_new(t->db, t->rows, ++t->db->objid_last, 4, PAGE_INDEX | PAGE_NON_UNIQUE);

    catalog_put_index(t->db, t->objid, tree, name,
                      INDEX_ALL_NULLS | INDEX_FIRST_NULL | INDEX_SOME_NULLS, &fid, 1);
    return tree;
}

/* Puts a value into the table's tree of long values; id gets its number as a record holds it. */
static void put_long_value(struct mini_table *t, const struct mini_value *v, uint8_t id[4])
{
    const uint32_t chunk = lv_chunk_default(t->db->page_size);
    const uint8_t *p = v->p;
    uint8_t root[8], key[LV_KEY_MAX];

    if (!t->lv) {
        t->lv = tree_new(t->db, t->rows, ++t->db->objid_last, 8, PAGE_LONG_VALUE);
        catalog_put(t->db, &(struct row){t->objid, CATROW_LV, t->lv->objid, t->lv->root, 100, 0, 1,
                                         -1, "LV", NULL, 0});
    }
    put_le32(id, ++t->nr_lv);
    put_le32(root, 1);
    put_le32(root + 4, v->len);
    tree_put(t->lv, key, lv_key(t->nr_lv, NULL, key), root, sizeof(root));
    for (uint32_t at = 0; at < v->len; at += chunk)
        tree_put(t->lv, key, lv_key(t->nr_lv, &at, key), p + at,
                 v->len - at < chunk ? v->len - at : chunk);
}

static bool is_long(const struct mini_column *c)
{
    return c->coltyp == JET_coltypLongText || c->coltyp == JET_coltypLongBinary;
}

void minidb_row(struct mini_table *t, const struct mini_value *values, uint32_t separate,
                struct mini_tree *index, unsigned index_column)
{
    struct tagged_bytes tagged[8];
    uint8_t ids[8][4];
    struct bytes rec, key = {.len = 0}, entry = {.len = 0};
    unsigned nr = 0;

    for (unsigned i = 0; i < t->nr_columns; i++) {
        const struct mini_value *v = &values[i];
        if (t->columns[i].fid < FID_TAGGED_LEAST || !v->p)
            continue;
        if (nr == ARRAY_LEN(tagged))
            mini_die("too many tagged columns");
        tagged[nr] = (struct tagged_bytes){t->columns[i].fid,
                                           is_long(&t->columns[i]) ? TAGHDR_LONG : 0, v->p, v->len};
        if (is_long(&t->columns[i]) && v->len > separate) {
            put_long_value(t, v, ids[nr]);
            tagged[nr].header |= TAGHDR_SEPARATED;
            tagged[nr].p = ids[nr];
            tagged[nr].len = 4;
        }
        nr++;
    }
    record_build(&rec, t->db->page_size, t->columns, values, t->nr_columns, tagged, nr);
    t->nr_rows++;
    if (t->keyed) {
        key_long(&key, (int32_t)get_le32(values[0].p));
    } else {
        put_be32(key.b, t->nr_rows);
        key.len = 4;
    }
    tree_put(t->rows, key.b, key.len, rec.b, rec.len);
    if (index) {
        const struct mini_value *v = &values[index_column];
        if (v->p)
            key_ascii(&entry, v->p, v->len);
        else
            put_u8(&entry, 0);
        tree_put(index, entry.b, entry.len, key.b, key.len);
    }
}

static void fill_header(const struct minidb *db, struct dbhdr_disk *h)
{
    le32_put(&h->magic, FILE_MAGIC);
    le32_put(&h->version, DB_VERSION);
    le32_put(&h->create_version, DB_VERSION);
    le32_put(&h->update_major, DB_UPDATE);
    le32_put(&h->create_update, DB_UPDATE);
    le32_put(&h->page_size, db->page_size);
    le32_put(&h->filetype, FILETYPE_DATABASE);
    le32_put(&h->state, ESE_DB_CLEAN);
    le32_put(&h->dbid, 1);
    le64_put(&h->dbtime, db->dbtime);
    le32_put(&h->objid_last, db->objid_last);
}

static void write_file(struct minidb *db, const struct dbhdr_disk *hdr, const char *path)
{
    uint8_t *head = mini_alloc(db->page_size);
    FILE *f = fopen(path, "wb");
    size_t n = 0;

    memcpy(head, hdr, sizeof(*hdr));
    put_le32(head, cksum_xor(head, db->page_size));
    for (pgno_t p = 1; p <= db->nr_pages; p++)
        if (!page_is_zero(page_at(db, p), db->page_size))
            page_seal(page_at(db, p), db->page_size, p);
    if (f) {
        n = fwrite(head, db->page_size, 1, f) + fwrite(head, db->page_size, 1, f) +
            fwrite(db->pages, db->page_size, db->nr_pages, f);
    }
    if (!f || fclose(f) != 0 || n != db->nr_pages + 2ull)
        mini_die("the database cannot be written");
    free(head);
}

void minidb_write(struct minidb *db, struct dbhdr_disk *hdr, const char *path)
{
    for (struct mini_tree *t = db->trees; t; t = t->next)
        write_tree(t);
    for (struct mini_tree *t = db->trees; t; t = t->next)
        write_space(t);
    fill_header(db, hdr);
    write_file(db, hdr, path);
    for (struct mini_tree *t = db->trees, *next; t; t = next) {
        next = t->next;
        free(t->owned.v);
        free(t->available.v);
        free(t);
    }
    for (unsigned i = 0; i < db->nr_tables; i++)
        free(db->tables[i]);
    free(db->pages);
    free(db);
}
