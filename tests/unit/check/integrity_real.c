/*
 * ese_integrity on every real database of the test data: silent on those that are clean, lenient with
 * those that are dirty, and not to be fooled by damage with right checksums.
 */
#include <fcntl.h>
#include <ftw.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "btree/space.h"
#include "engine.h"
#include "rec/catalog.h"
#include "rec/lv.h"
#include "testutil.h"

/* ---- running ----------------------------------------------------------------------------------- */

#define FOUND_MAX 256

struct found {
    unsigned nr, nr_notes;
    struct ese_fault e[FOUND_MAX], first; /* faults; the first thing that was told */
    bool told;
};

static void take(void *ctx, const struct ese_fault *f)
{
    struct found *fs = ctx;

    if (!fs->told)
        fs->first = *f;
    fs->told = true;
    if (f->severity != ESE_FAULT) {
        fs->nr_notes++;
        return;
    }
    if (fs->nr < FOUND_MAX)
        fs->e[fs->nr] = *f;
    fs->nr++;
}

static JET_ERR check(int fd, const char *name, struct found *fs)
{
    uint64_t nr;
    JET_ERR err;

    memset(fs, 0, sizeof(*fs));
    err = ese_integrity(fd, name, take, fs, NULL, NULL, &nr);
    assert_int_equal(nr, fs->nr);
    return err;
}

static void print_found(const struct found *fs)
{
    for (unsigned i = 0; i < fs->nr && i < 8; i++) {
        char line[600];
        ese_fault_str(&fs->e[i], line, sizeof(line));
        print_message("    %s\n", line);
    }
}

static bool names_page(const struct found *fs, pgno_t pgno)
{
    for (unsigned i = 0; i < fs->nr && i < FOUND_MAX; i++)
        if (fs->e[i].pgno == pgno)
            return true;
    return false;
}

/* ---- all databases ----------------------------------------------------------------------------- */

static unsigned nr_clean, nr_dirty, nr_wrong;

static void check_file(const char *path, uint32_t state)
{
    struct found fs;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    JET_ERR err;
    bool good;

    assert_true(fd >= 0);
    err = check(fd, path, &fs);
    close(fd);
    good = err >= 0 && fs.nr == 0;
    if (state == ESE_DB_CLEAN)
        nr_clean++;
    else
        good = good && fs.told && !strncmp(fs.first.text, "database is dirty: ", 19);
    nr_dirty += state != ESE_DB_CLEAN;
    if (!good) {
        print_message("%s: error %d, %u faults\n", path, (int)err, fs.nr);
        print_found(&fs);
        nr_wrong++;
    }
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *at)
{
    struct ese_header h;
    int fd;

    (void)st;
    (void)at;
    if (type != FTW_F)
        return 0;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    if (ese_header_read(fd, path, NULL, NULL, &h) >= 0) {
        if (h.kind == ESE_KIND_DATABASE)
            check_file(path, h.db.state);
        ese_header_done(&h);
    }
    close(fd);
    return 0;
}

static void every_real_database_is_without_fault(void **state)
{
    (void)state;
    NEED_DATA("the integrity of every real database");
    nr_clean = nr_dirty = nr_wrong = 0;
    assert_int_equal(nftw(test_data(), visit, 16, FTW_PHYS), 0);
    print_message("%u clean and %u dirty databases\n", nr_clean, nr_dirty);
    assert_true(nr_clean >= 20 && nr_dirty >= 3);
    assert_int_equal(nr_wrong, 0);
}

/* ---- a copy to be damaged ---------------------------------------------------------------------- */

struct copy {
    int fd;
    uint32_t page_size;
    struct reporter r; /* silent */
    struct dbfile *f;
    struct catalog *catalog;
};

static void copy_open(struct copy *c, const char *path)
{
    struct stat st;
    int from = open(path, O_RDONLY | O_CLOEXEC);
    uint8_t *b;

    memset(c, 0, sizeof(*c));
    assert_true(from >= 0 && fstat(from, &st) == 0);
    b = malloc((size_t)st.st_size);
    assert_non_null(b);
    c->fd = memfd_create("integrity", MFD_CLOEXEC);
    assert_int_equal(pread(from, b, (size_t)st.st_size, 0), st.st_size);
    assert_int_equal(pwrite(c->fd, b, (size_t)st.st_size, 0), st.st_size);
    free(b);
    close(from);
    assert_true(dbfile_open(c->fd, &c->r, &c->f) >= 0);
    assert_true(catalog_load_any(c->f, &c->catalog) >= 0);
    c->page_size = dbfile_page_size(c->f);
}

static void copy_close(struct copy *c)
{
    catalog_free(c->catalog);
    dbfile_close(c->f);
    close(c->fd);
}

static off_t offset_of(const struct copy *c, pgno_t pgno)
{
    return (off_t)(pgno + 1) * c->page_size;
}

static void get_page(const struct copy *c, pgno_t pgno, uint8_t *b)
{
    assert_int_equal(pread(c->fd, b, c->page_size, offset_of(c, pgno)), c->page_size);
}

static void put_page(const struct copy *c, pgno_t pgno, uint8_t *b)
{
    if (c->page_size > 8192)
        put_le32(b + 64, pgno);
    page_seal(b, c->page_size, pgno);
    assert_int_equal(pwrite(c->fd, b, c->page_size, offset_of(c, pgno)), c->page_size);
}

/* The same without a right checksum: what was there before. */
static void restore_page(const struct copy *c, pgno_t pgno, const uint8_t *b)
{
    assert_int_equal(pwrite(c->fd, b, c->page_size, offset_of(c, pgno)), c->page_size);
}

#define LEAVES_MAX 4096

struct leaves {
    pgno_t pgno[LEAVES_MAX];
    unsigned nr;
};

static void take_leaf(void *ctx, pgno_t pgno, const struct page *p, unsigned depth)
{
    struct leaves *l = ctx;

    (void)depth;
    if ((page_flags(*p) & PAGE_LEAF) && l->nr < LEAVES_MAX)
        l->pgno[l->nr++] = pgno;
}

static void find_leaves(struct copy *c, pgno_t root, struct leaves *ret)
{
    struct bt_cursor *bt = malloc(sizeof(*bt));
    struct bt_node n;

    assert_non_null(bt);
    ret->nr = 0;
    bt_open(bt, c->f, root, 0, BT_DELETED);
    bt->page_fn = take_leaf;
    bt->page_ctx = ret;
    while (bt_next(bt, &n) >= 0)
        ;
    bt_close(bt);
    free(bt);
}

/* ---- damages ----------------------------------------------------------------------------------- */

enum victim { ANY_TREE, INDEX_TREE, LV_TREE };

static pgno_t pick_root(const struct copy *c, enum victim kind)
{
    pgno_t roots[512];
    unsigned nr = 0;

    for (unsigned i = 0; i < c->catalog->nr_tables && nr < 480; i++) {
        const struct table *t = c->catalog->tables[i];
        if (kind == ANY_TREE)
            roots[nr++] = t->pgno;
        if (kind != INDEX_TREE && t->lv_pgno)
            roots[nr++] = t->lv_pgno;
        for (unsigned k = 0; kind != LV_TREE && k < t->nr_indexes && nr < 480; k++)
            if (!(t->indexes[k].flags & INDEX_PRIMARY))
                roots[nr++] = t->indexes[k].pgno;
    }
    return nr ? roots[rnd() % nr] : PGNO_NULL;
}

static void remove_line(uint8_t *b, uint32_t page_size, unsigned line)
{
    struct page p = {b, page_size};
    struct page_hdr_disk *h = (struct page_hdr_disk *)b;
    const unsigned nr = le16_get(h->itag_state) & 0xfff, itag = line + nr - page_nr_lines(p);
    const uint32_t len =
        get_le16(b + page_size - 4 * (itag + 1)) & (page_size <= 8192 ? 0x1fffu : 0x7fffu);

    memmove(b + page_size - 4 * (nr - 1), b + page_size - 4 * nr, 4 * (nr - 1 - itag));
    le16_put(&h->itag_state, (uint16_t)(le16_get(h->itag_state) - 1));
    le16_put(&h->cb_free, (uint16_t)(le16_get(h->cb_free) + len + 4));
}

/* Each returns the page that must be named, 0 when it found nothing to be damaged so. What it has touched
 * is put back by the caller. */
struct change {
    struct copy *c;
    struct leaves *l;
    uint8_t *b, *other;
    pgno_t touched[2];
    unsigned nr_touched;
};

static pgno_t touch(struct change *ch, pgno_t pgno)
{
    ch->touched[ch->nr_touched++] = pgno;
    return pgno;
}

static pgno_t pick_leaf(struct change *ch, enum victim kind)
{
    pgno_t root = pick_root(ch->c, kind), pgno;

    if (!root)
        return PGNO_NULL;
    find_leaves(ch->c, root, ch->l);
    if (ch->l->nr == 0)
        return PGNO_NULL;
    pgno = ch->l->pgno[rnd() % ch->l->nr];
    get_page(ch->c, pgno, ch->b);
    return touch(ch, pgno);
}

static pgno_t swap_leaves(struct change *ch)
{
    pgno_t a = pick_leaf(ch, ANY_TREE), b;

    if (!a || ch->l->nr < 2)
        return PGNO_NULL;
    do {
        b = ch->l->pgno[rnd() % ch->l->nr];
    } while (a == b);
    get_page(ch->c, b, ch->other);
    put_page(ch->c, a, ch->other);
    put_page(ch->c, touch(ch, b), ch->b);
    return a;
}

static pgno_t change_objid(struct change *ch)
{
    pgno_t pgno = pick_leaf(ch, ANY_TREE);

    if (!pgno)
        return PGNO_NULL;
    put_le32(ch->b + offsetof(struct page_hdr_disk, objid_fdp), 1 + (uint32_t)(rnd() % 1000000));
    put_page(ch->c, pgno, ch->b);
    return pgno;
}

static pgno_t change_link(struct change *ch)
{
    pgno_t pgno = pick_leaf(ch, ANY_TREE);

    if (!pgno)
        return PGNO_NULL;
    put_le32(ch->b + offsetof(struct page_hdr_disk, pgno_prev), 1 + (uint32_t)(rnd() % 1000000));
    put_page(ch->c, pgno, ch->b);
    return pgno;
}

static pgno_t remove_entry(struct change *ch)
{
    pgno_t pgno = pick_leaf(ch, INDEX_TREE);
    const struct page p = {ch->b, ch->c->page_size};
    unsigned line;

    if (!pgno || page_nr_lines(p) < 2)
        return PGNO_NULL;
    line = (unsigned)(rnd() % (page_nr_lines(p) - 1));
    if (page_node(p, line).flags & NODE_DELETED)
        return PGNO_NULL;
    remove_line(ch->b, ch->c->page_size, line);
    put_page(ch->c, pgno, ch->b);
    return pgno;
}

static pgno_t change_refcount(struct change *ch)
{
    pgno_t pgno = pick_leaf(ch, LV_TREE);
    const struct page p = {ch->b, ch->c->page_size};

    for (unsigned i = 0; pgno && i < page_nr_lines(p); i++) {
        uint8_t key[64];
        struct node n = page_node(p, i);
        struct lv_node lv;
        uint8_t *at = ch->b + (n.data.p - ch->b);

        if (n.prefix.len + n.suffix.len > sizeof(key) ||
            lv_node_decode((struct slice){key, node_key(&n, key)}, n.data, &lv) || !lv.is_root ||
            lv.refcount == 0 || (n.flags & NODE_DELETED))
            continue;
        put_le32(at, lv.refcount + (rnd() & 1 ? 1 : -1u));
        put_page(ch->c, pgno, ch->b);
        return pgno;
    }
    return PGNO_NULL;
}

static pgno_t lose_piece(struct change *ch)
{
    pgno_t pgno = pick_leaf(ch, LV_TREE);
    const struct page p = {ch->b, ch->c->page_size};
    uint8_t key[64];
    struct node n;
    struct lv_node lv;

    if (!pgno || page_nr_lines(p) < 2)
        return PGNO_NULL;
    n = page_node(p, 1); /* behind a root on this page: so the page named is this one */
    if (n.prefix.len + n.suffix.len > sizeof(key) || (n.flags & NODE_DELETED) ||
        lv_node_decode((struct slice){key, node_key(&n, key)}, n.data, &lv) || lv.is_root ||
        lv.offset != 0)
        return PGNO_NULL;
    n = page_node(p, 0);
    if (n.prefix.len + n.suffix.len > sizeof(key) || get_le32(n.data.p) == 0)
        return PGNO_NULL;
    remove_line(ch->b, ch->c->page_size, 1);
    put_page(ch->c, pgno, ch->b);
    return pgno;
}

static pgno_t zero_page(struct change *ch)
{
    pgno_t pgno = pick_leaf(ch, ANY_TREE);

    if (!pgno)
        return PGNO_NULL;
    memset(ch->b, 0, ch->c->page_size);
    restore_page(ch->c, pgno, ch->b);
    return pgno;
}

static const struct {
    const char *name;
    pgno_t (*make)(struct change *ch);
    unsigned times;
} damages[] = {
    {"swap_leaves", swap_leaves, 6},
    {"change_objid", change_objid, 4},
    {"change_link", change_link, 6},
    {"remove_entry", remove_entry, 12},
    {"change_refcount", change_refcount, 4},
    {"lose_piece", lose_piece, 4},
    {"zero_page", zero_page, 3},
};

static unsigned made[ARRAY_LEN(damages)];

static const struct index *index_of(const struct copy *c, objid_t objid)
{
    for (unsigned i = 0; i < c->catalog->nr_tables; i++)
        for (unsigned k = 0; k < c->catalog->tables[i]->nr_indexes; k++)
            if (c->catalog->tables[i]->indexes[k].objid == objid)
                return &c->catalog->tables[i]->indexes[k];
    return NULL;
}

/*
 * Where the damage must be told. Unicode keys cannot be computed here: that one is missing is known, but
 * not where, and with several of them to a record not even that. The loss of the last piece on a page is
 * seen on the next page.
 */
static bool is_told(const struct copy *c, const struct change *ch, unsigned kind,
                    const struct found *fs)
{
    const struct index *ix = index_of(c, page_objid((struct page){ch->b, c->page_size}));

    if (damages[kind].make == lose_piece)
        return fs->nr > 0 && fs->e[0].err == JET_errLVCorrupted;
    if (damages[kind].make == remove_entry && (ix->flags & INDEX_LOCALIZED_TEXT))
        return fs->nr > 0 || ix->tuples || (ix->flags & INDEX_MULTI_VALUED);
    return names_page(fs, ch->touched[0]);
}

static void damage_one(struct copy *c, struct leaves *l, unsigned kind, const char *path)
{
    struct change ch = {.c = c, .l = l};
    uint8_t *before = malloc(2 * c->page_size);
    pgno_t pgno;
    struct found fs;
    const uint64_t seed = test_rng;

    ch.b = malloc(c->page_size);
    ch.other = malloc(c->page_size);
    assert_true(before && ch.b && ch.other);
    pgno = damages[kind].make(&ch);
    if (pgno) {
        struct copy from;
        copy_open(&from, path);
        for (unsigned i = 0; i < ch.nr_touched; i++)
            get_page(&from, ch.touched[i], before + i * c->page_size);
        copy_close(&from);
        made[kind]++;
        assert_true(check(c->fd, path, &fs) >= 0);
        if (!is_told(c, &ch, kind, &fs)) {
            print_message("%s, %s of page %u, TEST_SEED=0x%llx: not told (%u faults)\n", path,
                          damages[kind].name, pgno, (unsigned long long)seed, fs.nr);
            print_found(&fs);
            nr_wrong++;
        }
        for (unsigned i = 0; i < ch.nr_touched; i++)
            restore_page(c, ch.touched[i], before + i * c->page_size);
    }
    free(ch.b);
    free(ch.other);
    free(before);
}

static void every_damage_to_a_real_database_is_told(void **state)
{
    static const char *const files[] = {
        "format/x4096.edb",
        "format/g_4096_8920.edb",
        "format/g_8192_9600.edb",
        "format/g_16384_8920.edb",
        "format/g_32768_9600.edb",
        "format/a_290.edb",
        "windows/srum-goese/SRUDB.dat",
        "engine/p4096_latest/clean/files/test.edb",
    };
    struct leaves *l;

    (void)state;
    NEED_DATA("damage to real databases");
    rnd_init("integrity_real");
    l = malloc(sizeof(*l));
    assert_non_null(l);
    nr_wrong = 0;
    for (unsigned i = 0; i < ARRAY_LEN(files); i++) {
        char path[4096];
        struct copy c;

        snprintf(path, sizeof(path), "%s/%s", test_data(), files[i]);
        copy_open(&c, path);
        for (unsigned kind = 0; kind < ARRAY_LEN(damages); kind++)
            for (unsigned n = 0; n < damages[kind].times; n++)
                damage_one(&c, l, kind, path);
        copy_close(&c);
    }
    free(l);
    for (unsigned kind = 0; kind < ARRAY_LEN(damages); kind++) {
        print_message("%s: %u\n", damages[kind].name, made[kind]);
        assert_true(made[kind] > 0);
    }
    assert_int_equal(nr_wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_real_database_is_without_fault),
        cmocka_unit_test(every_damage_to_a_real_database_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
