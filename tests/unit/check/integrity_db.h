/*
 * The small database that the tests of integrity damage, at any page size: how it is made, how it is
 * checked, and how single pages of it are changed.
 */
#ifndef TESTS_INTEGRITY_DB_H
#define TESTS_INTEGRITY_DB_H

#include "../rec/recbuild.h"
#include "engine.h"
#include "rec/lv.h"

enum {
    NR_PAGES = 32,
    NR_ROWS = 12,
    TABLE = 10, /* page numbers; leaves follow their roots */
    TABLE_LEAF = 11,
    INDEX = 14,
    INDEX_LEAF = 15,
    LV = 17,
    LV_FREE = 18,
    TABLE_FREE = 19,
    OBJIDS = 20,
    TABLE_OBJID = 10,
    INDEX_OBJID = 11,
    LV_OBJID = 12,
    OBJIDS_OBJID = 13,
    DEFAULT_ROW = 5, /* its name is the column's default value and not in the record */
};

/* ---- the database ------------------------------------------------------------------------------ */

static uint32_t id_key(uint32_t id, uint8_t *key)
{
    key[0] = 0x7f;
    for (unsigned i = 0; i < 4; i++)
        key[1 + i] = (uint8_t)((id ^ 0x80000000u) >> (24 - 8 * i));
    return 5;
}

/* Names go down while numbers go up, so that the index is in another order than the table. */
static void name_of(unsigned row, char name[4])
{
    snprintf(name, 4, "n%02u", (unsigned)(NR_ROWS - row));
}

static void make_record(struct testdb *db, unsigned row, struct entry *e)
{
    struct recb r = {0};
    struct tagb t = {.layout = db->page_size <= 8192 ? TAGGED_SMALL : TAGGED_LARGE};
    uint8_t number[4], lid[4], tagged[64], rec[128];
    char name[4];

    put_le32(number, row);
    put_le32(lid, 1 + row / 2);
    name_of(row, name);
    recb_fixed(&r, 1, number, 4);
    if (row != DEFAULT_ROW)
        recb_var(&r, name, 3);
    if (row < 4) { /* two records share a long value, two another */
        tagb_add(&t, 256, 0, TAGHDR_LONG | TAGHDR_SEPARATED, lid, 4);
        r.tagged_len = tagb_end(&t, tagged);
        r.tagged = tagged;
    }
    e->key_len = id_key(row, e->key);
    e->data_len = recb_end(&r, rec);
    assert_true(e->data_len <= sizeof(e->data));
    memcpy(e->data, rec, e->data_len);
}

static void make_entry(unsigned row, struct entry *e)
{
    char name[4];

    name_of(row, name);
    e->key[0] = 0x7f;
    memcpy(e->key + 1, name, 3);
    e->key[1] = 'N';
    e->key[4] = 0;
    e->key_len = 5;
    e->data_len = id_key(row, e->data);
}

static void make_table(struct testdb *db)
{
    struct entry rows[NR_ROWS] = {0}, entries[NR_ROWS] = {0};
    struct tree_shape t = {
        .root = TABLE, .next = TABLE_LEAF, .objid = TABLE_OBJID, .per_leaf = 4, .per_internal = 8};
    struct tree_shape ix = {.root = INDEX,
                            .next = INDEX_LEAF,
                            .objid = INDEX_OBJID,
                            .flags = PAGE_INDEX | PAGE_NON_UNIQUE,
                            .per_leaf = 6,
                            .per_internal = 8};

    for (unsigned i = 0; i < NR_ROWS; i++) {
        make_record(db, i, &rows[i]);
        make_entry(NR_ROWS - 1 - i, &entries[i]);
    }
    testdb_tree(db, &t, rows, NR_ROWS);
    testdb_tree(db, &ix, entries, NR_ROWS);
}

/* Two values of two pieces each, referred to twice; a third waits for its deletion. */
static void make_lvs(struct testdb *db)
{
    const uint32_t chunk = lv_chunk_default(db->page_size) / 4;
    uint8_t *b = make_root(db, LV, LV_OBJID, PAGE_LONG_VALUE);
    uint8_t *piece = calloc(1, chunk), root[8], key[LV_KEY_MAX];

    assert_non_null(piece);
    for (unsigned lid = 1; lid <= 2; lid++) {
        put_le32(root, 2);
        put_le32(root + 4, chunk + 10);
        add_node(b, db->page_size, 0, 0, key, lv_key(lid, NULL, key), root, 8);
        for (uint32_t at = 0; at <= chunk; at += chunk)
            add_node(b, db->page_size, 0, 0, key, lv_key(lid, &at, key), piece, at ? 10 : chunk);
    }
    put_le32(root, 0);
    put_le32(root + 4, 1);
    add_node(b, db->page_size, 0, 0, key, lv_key(3, NULL, key), root, 8);
    free(piece);
}

/* +ObjidTable +Type +Id, as keys are */
static void add_row(struct testdb *db, pgno_t pgno, const struct catb *row)
{
    uint8_t key[13], rec[1200];
    const uint32_t len = catb_record(row, db->page_size <= 8192 ? TAGGED_SMALL : TAGGED_LARGE, rec);

    id_key(row->objid, key);
    key[5] = 0x7f;
    key[6] = 0x80;
    key[7] = (uint8_t)row->type;
    id_key(row->id, key + 8);
    add_node(testdb_page(db, pgno), db->page_size, 0, 0, key, sizeof(key), rec, len);
}

/* One row for each tree but the database's own. */
static void make_objids(struct testdb *db)
{
    static const uint8_t rows[][3] = {{2, 2, 1},   {3, 3, 1},   {10, 10, 1},
                                      {11, 10, 3}, {12, 10, 4}, {13, 13, 1}};
    uint8_t *b = make_root(db, OBJIDS, OBJIDS_OBJID, 0);

    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        const int header = db->page_size <= 8192 ? -1 : 0;
        struct recb r = {0};
        struct tagb t = {.layout = db->page_size <= 8192 ? TAGGED_SMALL : TAGGED_LARGE};
        uint8_t tagged[64], rec[64], key[5], number[3][4] = {0};
        uint32_t len;

        for (unsigned k = 0; k < 3; k++) {
            number[k][0] = rows[i][k];
            tagb_add(&t, (uint16_t)(256 + k), 0, header, number[k], k < 2 ? 4 : 2);
        }
        r.tagged_len = tagb_end(&t, tagged);
        r.tagged = tagged;
        len = recb_end(&r, rec);
        add_node(b, db->page_size, 0, 0, key, id_key(rows[i][0], key), rec, len);
    }
}

static void make_catalog(struct testdb *db, pgno_t pgno)
{
    static const uint8_t key_catalog[] = {0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0};
    static const uint8_t key_id[] = {0, 0, 1, 0}, key_name[] = {0, 0, 128, 0},
                         key_objid[] = {0, 0, 0, 1};
    const struct catb rows[] = {
        {.objid = 2, .type = 1, .id = 2, .coltyp_or_pgno = 4, .name = "MSysObjects"},
        {.objid = 2,
         .type = 3,
         .id = 2,
         .coltyp_or_pgno = 4,
         .flags = 0x10031,
         .name = "Id",
         .key_fids = {key_catalog, sizeof(key_catalog)}},
        {.objid = 3, .type = 1, .id = 3, .coltyp_or_pgno = 24, .name = "MSysObjectsShadow"},
        {.objid = 3,
         .type = 3,
         .id = 3,
         .coltyp_or_pgno = 24,
         .flags = 0x10031,
         .name = "Id",
         .key_fids = {key_catalog, sizeof(key_catalog)}},
        {.objid = 10,
         .type = 1,
         .id = 10,
         .coltyp_or_pgno = TABLE,
         .name = "T",
         .lv_chunk = lv_chunk_default(db->page_size) / 4},
        {.objid = 10,
         .type = 2,
         .id = 1,
         .coltyp_or_pgno = 4,
         .space = 4,
         .name = "id",
         .record_offset = 4},
        {.objid = 10,
         .type = 2,
         .id = 128,
         .coltyp_or_pgno = 10,
         .space = 255,
         .name = "name",
         .pages_or_locale = 1252,
         .flags = 0x10,
         .default_value = {(const uint8_t *)"n07", 3}},
        {.objid = 10, .type = 2, .id = 256, .coltyp_or_pgno = 11, .name = "doc"},
        {.objid = 10,
         .type = 3,
         .id = 10,
         .coltyp_or_pgno = TABLE,
         .flags = 0x10031,
         .name = "pk",
         .key_fids = {key_id, 4}},
        {.objid = 10,
         .type = 3,
         .id = 11,
         .coltyp_or_pgno = INDEX,
         .flags = 0x1000e,
         .name = "by_name",
         .key_fids = {key_name, 4}},
        {.objid = 10, .type = 4, .id = 12, .coltyp_or_pgno = LV, .name = "LV"},
        {.objid = 13, .type = 1, .id = 13, .coltyp_or_pgno = OBJIDS, .name = "MSysObjids"},
        {.objid = 13, .type = 2, .id = 256, .coltyp_or_pgno = 4, .space = 4, .name = "objid"},
        {.objid = 13, .type = 2, .id = 257, .coltyp_or_pgno = 4, .space = 4, .name = "objidTable"},
        {.objid = 13, .type = 2, .id = 258, .coltyp_or_pgno = 3, .space = 2, .name = "type"},
        {.objid = 13,
         .type = 3,
         .id = 13,
         .coltyp_or_pgno = OBJIDS,
         .flags = 0x10031,
         .name = "primary",
         .key_fids = {key_objid, 4}},
    };

    catb_begin(db, pgno);
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        add_row(db, pgno, &rows[i]);
}

static void add_extent(struct testdb *db, pgno_t pgno, pgno_t first, pgno_t last)
{
    uint8_t key[4] = {0, 0, 0, (uint8_t)last}, data[4];

    put_le32(data, last - first + 1);
    add_node(testdb_page(db, pgno), db->page_size, 0, 0, key, 4, data, 4);
}

/* Single extents: the space header is the first thing in a root page's data. */
static uint8_t *space_of(struct testdb *db, pgno_t root)
{
    return testdb_page(db, root) + page_header_len(db->page_size);
}

static void put_space(struct testdb *db, pgno_t root, uint32_t cpg, pgno_t parent, uint8_t flags,
                      uint32_t bitmap)
{
    uint8_t *x = space_of(db, root);

    put_le32(x, cpg);
    put_le32(x + 4, parent);
    x[8] = flags;
    put_le32(x + 12, bitmap);
}

static void make_space(struct testdb *db)
{
    const uint32_t flags = PAGE_SPACE_TREE;

    make_root(db, 1, 1, 0);
    put_space(db, 1, NR_PAGES, 0, SPACE_MULTIPLE, 2);
    make_root(db, 2, 1, flags);
    make_root(db, 3, 1, flags);
    memset(space_of(db, 2), 0, 16); /* no split buffer */
    memset(space_of(db, 3), 0, 16);
    add_extent(db, 2, 1, NR_PAGES);
    add_extent(db, 3, 5, 9);
    add_extent(db, 3, 21, 23);
    add_extent(db, 3, 25, NR_PAGES);
}

static void put_header_field(struct testdb *db, size_t offset, uint32_t value)
{
    for (unsigned i = 0; i < 2; i++) {
        uint8_t *h = db->bytes + i * db->page_size;
        put_le32(h + offset, value);
        put_le32(h, cksum_xor(h, db->page_size));
    }
}

static void make_database(struct testdb *db, uint32_t page_size)
{
    testdb_init(db, page_size, NR_PAGES);
    put_header_field(db, offsetof(struct dbhdr_disk, objid_last), OBJIDS_OBJID);
    make_space(db);
    make_catalog(db, CATALOG_PGNO);
    make_catalog(db, CATALOG_SHADOW_PGNO);
    make_table(db);
    make_lvs(db);
    make_objids(db);
    put_space(db, TABLE, 10, 1, 0, 1u << (TABLE_FREE - TABLE - 1));
    put_space(db, INDEX, 3, TABLE, SPACE_NON_UNIQUE, 0);
    put_space(db, LV, 2, TABLE, 0, 1);
}

/* ---- running ----------------------------------------------------------------------------------- */

#define FOUND_MAX 64

struct found {
    unsigned nr, nr_notes, nr_dirty;
    struct ese_fault e[FOUND_MAX];
    uint64_t done, total;
    bool verbose;
};

static void take(void *ctx, const struct ese_fault *f)
{
    struct found *fs = ctx;
    char line[600];

    if (fs->verbose && ese_fault_str(f, line, sizeof(line)) > 0)
        print_message("    %s\n", line);
    assert_true(f->text[0]);
    if (f->severity != ESE_FAULT) {
        fs->nr_notes++;
        fs->nr_dirty += !strncmp(f->text, "database is dirty: ", 19);
        return;
    }
    if (fs->nr < FOUND_MAX)
        fs->e[fs->nr] = *f;
    fs->nr++;
}

static void take_progress(void *ctx, uint64_t done, uint64_t total)
{
    struct found *fs = ctx;

    assert_true(done >= fs->done && done <= total);
    fs->done = done;
    fs->total = total;
}

static void check(struct testdb *db, struct found *fs)
{
    uint64_t nr;
    bool verbose = getenv("TEST_VERBOSE") != NULL;

    *fs = (struct found){.verbose = verbose};
    assert_true(ese_integrity(testdb_write(db), "test.edb", take, fs, take_progress, fs, &nr) >= 0);
    assert_int_equal(nr, fs->nr);
    assert_int_equal(fs->done, NR_PAGES);
    assert_int_equal(fs->total, NR_PAGES);
}

static bool has(const struct found *fs, JET_ERR err, pgno_t pgno, const char *text)
{
    for (unsigned i = 0; i < fs->nr && i < FOUND_MAX; i++)
        if (fs->e[i].err == err && fs->e[i].pgno == pgno && strstr(fs->e[i].text, text))
            return true;
    return false;
}

/* ---- changing pages ---------------------------------------------------------------------------- */

static struct page whole(struct testdb *db, pgno_t pgno)
{
    return (struct page){testdb_page(db, pgno), db->page_size};
}

static uint8_t *bytes_of(struct testdb *db, pgno_t pgno, struct slice s)
{
    uint8_t *b = testdb_page(db, pgno);

    return b + (s.p - b);
}

static uint8_t *data_of(struct testdb *db, pgno_t pgno, unsigned line)
{
    return bytes_of(db, pgno, page_node(whole(db, pgno), line).data);
}

static uint8_t *key_of(struct testdb *db, pgno_t pgno, unsigned line)
{
    return bytes_of(db, pgno, page_node(whole(db, pgno), line).suffix);
}

static struct page_hdr_disk *head_of(struct testdb *db, pgno_t pgno)
{
    return (struct page_hdr_disk *)testdb_page(db, pgno);
}

/* Takes a node out as an engine does: its tag goes, its bytes stay where they are. */
static void remove_line(struct testdb *db, pgno_t pgno, unsigned line)
{
    uint8_t *b = testdb_page(db, pgno);
    struct page_hdr_disk *h = head_of(db, pgno);
    const unsigned nr = le16_get(h->itag_state);
    const uint32_t at = db->page_size - 4 * (line + 2);
    const uint32_t len = get_le16(b + at) & (db->page_size <= 8192 ? 0x1fff : 0x7fff);

    memmove(b + db->page_size - 4 * (nr - 1), b + db->page_size - 4 * nr,
            4 * (nr - 1 - (line + 1)));
    le16_put(&h->itag_state, (uint16_t)(nr - 1));
    le16_put(&h->cb_free, (uint16_t)(le16_get(h->cb_free) + len + 4));
}

static void swap_pages(struct testdb *db, pgno_t a, pgno_t b)
{
    uint8_t *keep = malloc(db->page_size);

    assert_non_null(keep);
    memcpy(keep, testdb_page(db, a), db->page_size);
    memcpy(testdb_page(db, a), testdb_page(db, b), db->page_size);
    memcpy(testdb_page(db, b), keep, db->page_size);
    if (db->page_size > 8192) {
        put_le32(testdb_page(db, a) + 64, a);
        put_le32(testdb_page(db, b) + 64, b);
    }
    free(keep);
}

#endif
