/*
 * The catalogue that we write against the one that Microsoft's engine wrote: the same tables are
 * made in the same order, then every row of both catalogues and every entry of their indexes is
 * compared, byte for byte. Differences that have to be:
 *
 *   - Version and SortID of indexes over Unicode text: they name the sort order that made the keys,
 *   which is ours;
 *   - the row for column PgnoFDPLastSetTime of the catalogue's own tables: Windows writes none into
 *   these formats, the public source
 *     of that engine does;
 *   - the root pages of trees after the engine's own: which free page is taken is anybody's choice
 *   (write path 15).
 */
#include "ddltest.h"

#include "btree/btread.h"
#include "engine.h"

/* ---- trees of files -------------------------------------------------------------------------- */

struct entry {
    uint32_t key_len, data_len;
    uint8_t *b;
};

struct entries {
    struct entry *e;
    unsigned nr, room;
};

static void add_entry(struct entries *to, const uint8_t *key, uint32_t key_len, struct slice data)
{
    struct entry *e;

    if (to->nr == to->room) {
        to->room = to->room ? 2 * to->room : 64;
        to->e = realloc(to->e, to->room * sizeof(*to->e));
        assert_non_null(to->e);
    }
    e = &to->e[to->nr++];
    *e = (struct entry){key_len, data.len, malloc(key_len + data.len)};
    assert_non_null(e->b);
    memcpy(e->b, key, key_len);
    memcpy(e->b + key_len, data.p, data.len);
}

static void read_tree(const char *path, pgno_t root, objid_t objid, struct entries *ret)
{
    struct reporter r = {.fn = no_fault, .file = path};
    struct bt_cursor *c = calloc(1, sizeof(*c));
    struct bt_node n;
    struct dbfile *f;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    JET_ERR err;

    assert_non_null(c);
    assert_true(fd >= 0);
    assert_ok(dbfile_open(fd, &r, &f));
    bt_open(c, f, root, objid, 0);
    while ((err = bt_next(c, &n)) >= 0)
        add_entry(ret, n.key.p, n.key.len, n.data);
    assert_int_equal(err, JET_errNoCurrentRecord);
    bt_close(c);
    dbfile_close(f);
    close(fd);
    free(c);
}

static void entries_done(struct entries *x)
{
    for (unsigned i = 0; i < x->nr; i++)
        free(x->e[i].b);
    free(x->e);
    *x = (struct entries){0};
}

/* ---- making the same tables ------------------------------------------------------------------ */

static uint32_t page_size;
static struct entries real; /* the catalogue's rows */

static bool row_at(unsigned i, struct catrow *ret)
{
    const struct entry *e = &real.e[i];
    const char *what = catrow_decode((struct slice){e->b + e->key_len, e->data_len},
                                     tagged_layout_of(page_size, PAGE_NEW_RECORD_FORMAT), ret);

    assert_null(what);
    return true;
}

static char *name_of(const struct catrow *row, char buf[CAT_NAME_UTF8])
{
    cat_name_to(row->name, buf);
    return buf;
}

static uint32_t grbit_of_column(const struct catrow *row)
{
    static const struct {
        uint32_t flag, grbit;
    } map[] = {{COLUMN_NOT_NULL, JET_bitColumnNotNULL},
               {COLUMN_VERSION, JET_bitColumnVersion},
               {COLUMN_AUTO_INCREMENT, JET_bitColumnAutoincrement},
               {COLUMN_MULTI_VALUED, JET_bitColumnMultiValued},
               {COLUMN_ESCROW, JET_bitColumnEscrowUpdate},
               {COLUMN_COMPRESSED, JET_bitColumnCompressed}};
    uint32_t g = row->id >= FID_TAGGED_LEAST ? JET_bitColumnTagged
                 : row->id < FID_VAR_LEAST   ? JET_bitColumnFixed
                                             : 0;

    for (unsigned i = 0; i < ARRAY_LEN(map); i++)
        g |= row->flags & map[i].flag ? map[i].grbit : 0;
    return g;
}

static void make_column(struct fcb *f, const struct catrow *row)
{
    char name[CAT_NAME_UTF8];
    struct ddl_column c = {.name = name_of(row, name),
                           .coltyp = row->coltyp_or_pgno,
                           .cp = row->pages_or_locale,
                           .max_len = row->space,
                           .grbit = grbit_of_column(row)};

    if (row->has_default)
        c.value = row->default_value;
    assert_ok(ddl_add_column(s, f, &c));
    assert_int_equal(c.columnid, row->id);
}

static uint32_t grbit_of_index(uint32_t flags)
{
    uint32_t g = 0;

    g |= flags & INDEX_UNIQUE ? JET_bitIndexUnique : 0;
    g |= flags & INDEX_PRIMARY ? JET_bitIndexPrimary : 0;
    if (flags & INDEX_NO_NULL)
        return g | JET_bitIndexDisallowNull;
    g |= flags & INDEX_ALL_NULLS ? 0 : JET_bitIndexIgnoreNull;
    g |= flags & INDEX_FIRST_NULL ? 0 : JET_bitIndexIgnoreFirstNull;
    g |= flags & INDEX_SOME_NULLS ? 0 : JET_bitIndexIgnoreAnyNull;
    g |= flags & INDEX_NULLS_HIGH ? JET_bitIndexSortNullsHigh : 0;
    return g;
}

/* "+name\0-name\0\0" from column numbers */
static uint32_t key_of(objid_t objid, const struct index *ix, char *buf)
{
    uint32_t n = 0;

    for (unsigned k = 0; k < ix->nr_segments; k++) {
        for (unsigned i = 0; i < real.nr; i++) {
            struct catrow row;
            char name[CAT_NAME_UTF8];

            if (!row_at(i, &row) || row.objid_table != objid || row.type != CATROW_COLUMN ||
                row.id != ix->segments[k].fid)
                continue;
            n += 1u + (uint32_t)sprintf(buf + n, "%c%s", ix->segments[k].descending ? '-' : '+',
                                        name_of(&row, name));
        }
    }
    buf[n++] = '\0';
    return n;
}

static void make_same_index(struct fcb *f, const struct catrow *row)
{
    char name[CAT_NAME_UTF8], key[2000];
    struct index ix;
    struct ddl_index x = {
        .name = name_of(row, name), .grbit = grbit_of_index(row->flags), .density = row->space};

    const struct table theirs = {.objid = row->objid_table, .pgno = row->coltyp_or_pgno};

    assert_null(catrow_to_index(row, &theirs, &ix));
    x.key = (struct slice){(const uint8_t *)key, key_of(f->def.objid, &ix, key)};
    assert_ok(ddl_create_indexes(s, f, &x, 1));
}

/* A table with all its columns, then its indexes in the order of their objects. */
static struct fcb *make_same_table(const struct catrow *table)
{
    char name[CAT_NAME_UTF8];
    struct ddl_table t = {
        .name = name_of(table, name), .pages = table->pages_or_locale, .density = table->space};
    struct fcb *f;

    assert_ok(ddl_create_table(s, d, &t, &f));
    assert_int_equal(f->def.objid, table->id);
    for (unsigned type = CATROW_COLUMN; type <= CATROW_INDEX; type++) {
        for (unsigned i = 0; i < real.nr; i++) {
            struct catrow row;

            if (!row_at(i, &row) || row.objid_table != table->id || row.type != type)
                continue;
            if (type == CATROW_COLUMN)
                make_column(f, &row);
            else
                make_same_index(f, &row);
        }
    }
    return f;
}

static void make_tables(void)
{
    struct fcb *made[64] = {0};
    unsigned nr = 0;

    for (unsigned i = 0; i < real.nr; i++) {
        struct catrow row;

        if (row_at(i, &row) && row.type == CATROW_TABLE && row.id > 7)
            made[nr++] = make_same_table(&row);
    }
    for (unsigned i = 0; i < real.nr; i++) {
        struct catrow row;
        struct tree *t;

        for (unsigned k = 0; row_at(i, &row) && row.type == CATROW_LV && k < nr; k++) {
            if (made[k]->def.objid != row.objid_table)
                continue;
            assert_ok(trx_begin(s));
            assert_ok(fcb_lv_tree(s, made[k], true, &t));
            assert_ok(trx_commit(s, true));
        }
    }
    for (unsigned k = 0; k < nr; k++)
        fcb_close(s, made[k], FCB_DENY_READ);
}

/* ---- comparing ------------------------------------------------------------------------------- */

/* MSysLocales counts per sort order. */
static bool is_locale(const struct entry *e)
{
    static const uint8_t name[] = "L\0o\0c\0a\0l\0e\0N\0a\0m\0e";

    return memmem(e->b, e->key_len + e->data_len, name, sizeof(name) - 1);
}

static bool is_last_set_time(const struct entry *e)
{
    static const uint8_t name[] = "PgnoFDPLastSetTime";

    return memmem(e->b, e->key_len + e->data_len, name, sizeof(name) - 1) ||
           memmem(e->b, e->key_len + e->data_len, "PGNOFDPLASTSETTIME", sizeof(name) - 1);
}

/* Theirs and ours are of one length. */
static void mask_sort_order(struct entry *e)
{
    static const uint8_t theirs[] = {0x05, 0x03, 0x06, 0x00, 0x05, 0x03, 0x06, 0x00,
                                     0x01, 0x00, 0x00, 0x00, 0xee, 0x57, 0x5c, 0x1e,
                                     0x00, 0xb4, 0xd0, 0x00, 0x0b, 0xb1, 0xe1, 0x1e};
    uint8_t ours[24], *at;

    norm_version(ours, ours + 8);
    while ((at = memmem(e->b, e->key_len + e->data_len, theirs, sizeof(theirs))))
        memset(at, 0xee, sizeof(theirs));
    while ((at = memmem(e->b, e->key_len + e->data_len, ours, sizeof(ours))))
        memset(at, 0xee, sizeof(ours));
}

/* ColtypOrPgnoFDP of a tree's row. */
static void mask_root(struct entry *e)
{
    struct catrow row;
    struct slice data = {e->b + e->key_len, e->data_len};

    if (e->data_len < 30 ||
        catrow_decode(data, tagged_layout_of(page_size, PAGE_NEW_RECORD_FORMAT), &row))
        return;
    if (row.objid_table > 7 && row.type != CATROW_COLUMN)
        memset(e->b + e->key_len + 14, 0xee, 4);
}

static void print_entry(const char *who, const struct entry *e)
{
    printf("%s key ", who);
    for (uint32_t i = 0; i < e->key_len; i++)
        printf("%02x", e->b[i]);
    printf("\n   data ");
    for (uint32_t i = 0; i < e->data_len; i++)
        printf("%02x", e->b[e->key_len + i]);
    printf("\n");
}

/* Those with numbers that the engine does not choose. */
static void only_the_engines_own(struct entries *x)
{
    unsigned nr = 0;

    for (unsigned i = 0; i < x->nr; i++) {
        if (memcmp(x->e[i].b, "\x7f\x80\x00\x00\x08", 5) < 0)
            x->e[nr++] = x->e[i];
        else
            free(x->e[i].b);
    }
    x->nr = nr;
}

static void compare_trees(const char *path, pgno_t root, objid_t objid, bool own)
{
    struct entries theirs = {0}, ours = {0};
    unsigned k = 0, nr = 0;

    read_tree(path, root, objid, &theirs);
    read_tree(fix.path, root, objid, &ours);
    if (own) {
        only_the_engines_own(&theirs);
        only_the_engines_own(&ours);
    }
    while (k < ours.nr && is_locale(&ours.e[k]))
        k++;
    for (unsigned i = 0; i < theirs.nr; i++) {
        struct entry *a = &theirs.e[i], *b;

        if (is_last_set_time(a) || is_locale(a))
            continue;
        assert_true(k < ours.nr);
        b = &ours.e[k++];
        while (k < ours.nr && is_locale(&ours.e[k]))
            k++;
        mask_sort_order(a);
        mask_sort_order(b);
        mask_root(a);
        mask_root(b);
        if (a->key_len == b->key_len && a->data_len == b->data_len &&
            memcmp(a->b, b->b, a->key_len + a->data_len) == 0)
            continue;
        nr++;
        print_entry("theirs", a);
        print_entry("ours  ", b);
    }
    assert_int_equal(k, ours.nr);
    assert_int_equal(nr, 0);
    entries_done(&theirs);
    entries_done(&ours);
}

static int teardown(void **state)
{
    (void)state;
    entries_done(&real);
    instfix_end(&fix);
    return 0;
}

static void compare_catalogue(const char *path, bool own)
{
    instfix_stop(&fix);
    compare_trees(path, CATALOG_PGNO, CATALOG_OBJID, own);
    compare_trees(path, CATALOG_SHADOW_PGNO, CATALOG_SHADOW_OBJID, own);
    compare_trees(path, CATALOG_NAME_PGNO, CATALOG_NAME_OBJID, own);
    compare_trees(path, 29, 6, own);
}

static void compare_with(const char *set, uint32_t size)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/engine/%s/clean/files/test.edb", test_data(), set);
    page_size = size;
    ddl_begin(size, 20, true);
    read_tree(path, CATALOG_PGNO, CATALOG_OBJID, &real);
    make_tables();
    compare_catalogue(path, false);
    compare_trees(path, CATALOG_ROOT_PGNO, CATALOG_ROOT_OBJID, false);
    compare_trees(path, 30, 7, false);
}

static void small_pages_get_the_rows_that_the_real_engine_writes(void **state)
{
    (void)state;
    NEED_DATA("engine/p4096_w10");
    compare_with("p4096_w10", 4096);
}

static void large_pages_get_the_rows_that_the_real_engine_writes(void **state)
{
    (void)state;
    NEED_DATA("engine/p32768_w10");
    compare_with("p32768_w10", 32768);
}

static void a_new_database_of_the_windows_10_format_is_as_windows_makes_it(void **state)
{
    char path[512];

    (void)state;
    NEED_DATA("windows/srum-win10-apt");
    snprintf(path, sizeof(path), "%s/windows/srum-win10-apt/SRUDB.dat", test_data());
    page_size = 4096;
    ddl_begin(4096, 110, false);
    compare_catalogue(path, true);
    compare_trees(path, 30, 7, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(small_pages_get_the_rows_that_the_real_engine_writes, teardown),
        cmocka_unit_test_teardown(large_pages_get_the_rows_that_the_real_engine_writes, teardown),
        cmocka_unit_test_teardown(a_new_database_of_the_windows_10_format_is_as_windows_makes_it,
                                  teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
