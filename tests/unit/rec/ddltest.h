/* A running instance with a catalogue, for the tests of DDL. */
#ifndef DDLTEST_H
#define DDLTEST_H

#include "instfix.h"

#include <fcntl.h>

#include "rec/ddl_priv.h"
#include "rec/fucb.h"
#include "rec/indexkeys.h"

static struct instfix fix;
static struct sess *s;
static struct db *d;

#define UNUSED __attribute__((unused))

UNUSED static void ddl_begin(uint32_t page_size, uint32_t update_major, bool logging)
{
    instfix_begin(&fix, &(struct instfix_conf){.page_size = page_size,
                                               .logging = logging,
                                               .update_major = update_major,
                                               .close_schema = fcb_free_all});
    s = fix.sess;
    d = &fix.db;
    d->creating = true;
    assert_ok(trx_begin(s));
    assert_ok(cat_end(s, ddl_fill_catalogue(s, d), false));
    d->creating = false;
    assert_ok(ddl_create_system_tables(s, d));
}

static void no_fault(void *ctx, const struct ese_fault *f)
{
    (void)ctx;
    if (f->severity == ESE_FAULT)
        printf("%s: page %u: %s\n", f->file, (unsigned)f->pgno, f->text);
}

/* The file that instfix_stop or instfix_recover left is sound. */
UNUSED static void check_file(void)
{
    uint64_t nr = 0;
    int fd = open(fix.path, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_ok(ese_integrity(fd, "test.edb", no_fault, NULL, NULL, NULL, &nr));
    assert_int_equal(nr, 0);
    close(fd);
}

/* The whole of an index's description with its two NULs. */
#define KEY(t) ((struct slice){(const uint8_t *)(t "\0"), sizeof(t) + 1})

/* A table with id (Long, primary key "pk"), name (Text), note (LongText, Unicode), many (Long,
 * multi-valued), num (Long). */
UNUSED static struct fcb *make_table(const char *name)
{
    struct ddl_column columns[] = {
        {.name = "id", .coltyp = JET_coltypLong, .grbit = JET_bitColumnNotNULL},
        {.name = "name", .coltyp = JET_coltypText, .max_len = 100},
        {.name = "note", .coltyp = JET_coltypLongText, .cp = 1200},
        {.name = "many",
         .coltyp = JET_coltypLong,
         .grbit = JET_bitColumnTagged | JET_bitColumnMultiValued},
        {.name = "num", .coltyp = JET_coltypLong},
    };
    struct ddl_index index = {.name = "pk", .key = KEY("+id"), .grbit = JET_bitIndexPrimary};
    struct ddl_table t = {.name = name,
                          .columns = columns,
                          .nr_columns = ARRAY_LEN(columns),
                          .indexes = &index,
                          .nr_indexes = 1};
    struct fcb *f;

    assert_ok(ddl_create_table(s, d, &t, &f));
    assert_int_equal(t.nr_created, 7);
    return f;
}

UNUSED static void set_column(struct recbuf *rb, struct fcb *f, const struct tdb *t,
                              const char *name, const void *p, uint32_t len)
{
    const struct slice v = {p, len};
    const struct column *c;

    assert_ok(fcb_column_find(s, f, t, name, &c));
    assert_ok(recbuf_set(rb, c, 0, &v, 0));
}

/* A record as an update would leave it, its indexes not looked after: there are none yet. */
UNUSED static JET_ERR insert_row(struct sess *who, struct fcb *f, uint32_t id, const char *name,
                                 uint32_t num)
{
    struct tdb *t = NULL;
    struct norm_key k = {0};
    struct recbuf rb;
    struct dir dir;
    uint8_t b[4], n[4];
    const struct slice v = {b, 4};
    JET_ERR err;

    put_le32(b, id);
    put_le32(n, num);
    assert_ok(fcb_refresh(f, &t));
    assert_ok(recbuf_init(&rb, d->page_size));
    assert_ok(recbuf_start(&rb, &t->schema));
    set_column(&rb, f, t, "id", b, 4);
    set_column(&rb, f, t, "name", name, (uint32_t)strlen(name));
    set_column(&rb, f, t, "num", n, 4);
    assert_true(
        norm_append(&k, &t->primary->def, tdb_segment(t, &t->primary->def.segments[0]), false, &v));
    assert_ok(dir_init(&dir, who, f->tree));
    assert_ok(trx_begin(who));
    err = cat_end(who, dir_insert(&dir, (struct slice){k.b, k.len}, recbuf_bytes(&rb), 0), true);
    dir_done(&dir);
    recbuf_done(&rb);
    tdb_put(t);
    return err;
}

UNUSED static JET_ERR make_index(struct sess *who, struct fcb *f, const char *name,
                                 struct slice key, uint32_t grbit)
{
    struct ddl_index x = {.name = name, .key = key, .grbit = grbit};

    return ddl_create_indexes(who, f, &x, 1);
}

/* Entries of an index as a session sees them. */
UNUSED static unsigned count_entries(struct sess *who, struct fcb *f, const char *name)
{
    struct fcb_index *ix;
    struct tdb *t = NULL;
    struct dir dir;
    unsigned nr = 0;
    JET_ERR err;

    assert_ok(trx_begin(who));
    assert_ok(fcb_refresh(f, &t));
    assert_ok(fcb_index_find(who, f, t, name, &ix));
    assert_ok(dir_init(&dir, who, ix->tree));
    for (err = dir_first(&dir); err >= 0; err = dir_next(&dir))
        nr++;
    assert_int_equal(err, JET_errNoCurrentRecord);
    dir_done(&dir);
    fcb_index_put(ix);
    tdb_put(t);
    assert_ok(trx_commit(who, true));
    return nr;
}

UNUSED static JET_ERR find_index(struct sess *who, struct fcb *f, const char *name)
{
    struct fcb_index *ix = NULL;
    struct tdb *t = NULL;
    JET_ERR err;

    assert_ok(fcb_refresh(f, &t));
    err = fcb_index_find(who, f, t, name, &ix);
    fcb_index_put(ix);
    tdb_put(t);
    return err;
}

UNUSED static JET_ERR find_column(struct sess *who, struct fcb *f, const char *name)
{
    const struct column *c;
    struct tdb *t = NULL;
    JET_ERR err;

    assert_ok(fcb_refresh(f, &t));
    err = fcb_column_find(who, f, t, name, &c);
    tdb_put(t);
    return err;
}

UNUSED static JET_ERR find_table(struct sess *who, const char *name)
{
    struct ddl_table_info info;

    return ddl_find_table(who, d, name, &info);
}

/* Pages that the database has left to give out. */
UNUSED static uint32_t free_pages(void)
{
    uint32_t owned, available;

    assert_ok(space_count(s, fix.root, &owned, &available));
    return available;
}

#endif
