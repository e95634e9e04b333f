/* A small database in a temporary file, pages made by hand, and records as the decoder would give them. */
#ifndef REDOTEST_H
#define REDOTEST_H

#include "testutil.h"

#include "btree/redo_int.h"
#include "btree/undo.h"

#define OBJID 7u

struct rig {
    FILE *f;
    struct reporter r;
    struct redo_db db;
    unsigned nr_faults;
    pgno_t extended, cut, nr_cut;
};

static struct rig rig;

static void rig_report(void *ctx, const struct ese_fault *f)
{
    (void)ctx, (void)f;
    rig.nr_faults++;
}

static JET_ERR rig_extend(void *ctx, pgno_t last)
{
    ((struct rig *)ctx)->extended = last;
    return JET_errSuccess;
}

static JET_ERR rig_discard(void *ctx, pgno_t first, uint32_t nr, bool cut)
{
    struct rig *g = ctx;

    g->cut = cut ? first : 0;
    g->nr_cut = nr;
    return JET_errSuccess;
}

/* Stands in for a compressed image: one byte says how far each byte was shifted. */
static JET_ERR rig_decompress(struct slice in, uint8_t *out, uint32_t cap, uint32_t *ret_len,
                              const char **ret_what)
{
    if (in.len < 1 || in.len - 1 > cap) {
        *ret_what = "too long";
        return JET_errDecompressionFailed;
    }
    for (uint32_t i = 1; i < in.len; i++)
        out[i - 1] = (uint8_t)(in.p[i] - in.p[0]);
    *ret_len = in.len - 1;
    return JET_errSuccess;
}

static JET_ERR rig_flush(void *ctx, const struct buf *b, lgpos_t lgpos)
{
    (void)ctx, (void)b, (void)lgpos;
    return JET_errSuccess;
}

__attribute__((unused)) static void rig_begin(uint32_t page_size)
{
    static const struct redo_hooks hooks = {rig_extend, rig_discard, rig_decompress};

    memset(&rig, 0, sizeof(rig));
    rig.f = tmpfile();
    assert_non_null(rig.f);
    rig.r = (struct reporter){.fn = rig_report};
    rig.db = (struct redo_db){
        .page_size = page_size, .r = &rig.r, .ahead = true, .hooks = &hooks, .ctx = &rig};
    assert_int_equal(bufpool_new(NULL, fileno(rig.f), page_size, false, 64, &rig.r, rig_flush, NULL,
                                 &rig.db.pool),
                     JET_errSuccess);
    assert_int_equal(redo_init(&rig.db), JET_errSuccess);
}

__attribute__((unused)) static void rig_end(void)
{
    redo_done(&rig.db);
    bufpool_free(rig.db.pool);
    fclose(rig.f);
}

static struct slice str(const char *s)
{
    return (struct slice){(const uint8_t *)s, (uint32_t)strlen(s)};
}

/* ---- pages ---- */

static void put_page(struct buf *b)
{
    const char *what = page_check_structure(b->b, b->size);

    if (what)
        fail_msg("page %u: %s", (unsigned)b->pgno, what);
    buf_dirty(b, 1);
    buf_put(b);
}

static struct buf *new_page(pgno_t pgno, uint32_t flags, dbtime_t dbtime)
{
    struct buf *b;

    assert_int_equal(buf_get(rig.db.pool, pgno, BUF_NEW, &b), JET_errSuccess);
    page_init((struct edit){b->b, b->size}, pgno, OBJID, dbtime, flags);
    return b;
}

__attribute__((unused)) static void add(struct buf *b, const char *key, const char *data,
                                        unsigned flags)
{
    struct edit e = {b->b, b->size};

    assert_int_equal(redo_insert(e, page_nr_lines(edit_page(e)), flags,
                                 (struct redo_key){{str(key)}}, str(data)),
                     JET_errSuccess);
}

__attribute__((unused)) static void add_child(struct buf *b, const char *key, pgno_t child)
{
    struct edit e = {b->b, b->size};
    uint8_t data[4];

    put_le32(data, child);
    assert_int_equal(redo_insert(e, page_nr_lines(edit_page(e)), 0, (struct redo_key){{str(key)}},
                                 (struct slice){data, 4}),
                     JET_errSuccess);
}

/* A leaf from "key data key data ..." in lower case letters; deleted nodes begin with '!'. */
__attribute__((unused)) static void put_leaf(pgno_t pgno, uint32_t flags, dbtime_t dbtime,
                                             const char *prefix, const char *nodes)
{
    struct buf *b = new_page(pgno, PAGE_LEAF | flags, dbtime);
    char key[64], data[64];
    int n;

    if (!(flags & PAGE_ROOT))
        assert_int_equal(page_set_external_header((struct edit){b->b, b->size}, str(prefix)), 0);
    for (; sscanf(nodes, "%63s %63s%n", key, data, &n) == 2; nodes += n)
        add(b, key[0] == '!' ? key + 1 : key, data, key[0] == '!' ? NODE_DELETED : 0);
    put_page(b);
}

/* What a page holds, in the same form; internal nodes as "key>child", the last one ">child". */
__attribute__((unused)) static const char *text_of(pgno_t pgno)
{
    static char out[4096];
    size_t at = 0;
    struct buf *b;
    struct page p;

    assert_int_equal(buf_get(rig.db.pool, pgno, BUF_READ, &b), JET_errSuccess);
    p = (struct page){b->b, b->size};
    if (b->blank)
        at = (size_t)snprintf(out, sizeof(out), "blank ");
    else if (page_check_structure(b->b, b->size))
        at = (size_t)snprintf(out, sizeof(out), "unsound ");
    out[at] = 0;
    for (unsigned i = 0; !b->blank && i < page_nr_lines(p); i++) {
        struct node n = page_node(p, i);
        uint8_t key[PAGE_SIZE_MAX];
        int len = (int)node_key(&n, key);

        if (page_flags(p) & PAGE_LEAF)
            at += (size_t)snprintf(out + at, sizeof(out) - at, "%s%.*s %.*s ",
                                   n.flags & NODE_DELETED ? "!" : "", len, (char *)key,
                                   (int)n.data.len, (const char *)n.data.p);
        else
            at += (size_t)snprintf(out + at, sizeof(out) - at, "%.*s>%u ", len, (char *)key,
                                   (unsigned)node_child(&n));
    }
    if (at)
        out[at - 1] = 0;
    buf_put(b);
    return out;
}

struct head {
    dbtime_t dbtime;
    uint32_t flags;
    pgno_t prev, next;
    objid_t objid;
    uint32_t prefix_len;
    uint8_t header[64];
};

__attribute__((unused)) static struct head head_of(pgno_t pgno)
{
    struct head h = {0};
    struct buf *b;
    struct page p;

    assert_int_equal(buf_get(rig.db.pool, pgno, BUF_READ, &b), JET_errSuccess);
    p = (struct page){b->b, b->size};
    if (!b->blank) {
        struct slice s = page_external_header(p);

        h.dbtime = page_dbtime(p);
        h.flags = page_flags(p) & ~(uint32_t)(PAGE_NEW_RECORD_FORMAT | PAGE_NEW_CHECKSUM);
        h.prev = page_prev(p);
        h.next = page_next(p);
        h.objid = page_objid(p);
        h.prefix_len = s.len;
        memcpy(h.header, s.p, s.len < 64 ? s.len : 64);
    }
    buf_put(b);
    return h;
}

__attribute__((unused)) static void link_page(pgno_t pgno, pgno_t prev, pgno_t next)
{
    struct buf *b;

    assert_int_equal(buf_get(rig.db.pool, pgno, BUF_READ, &b), JET_errSuccess);
    page_set_links((struct edit){b->b, b->size}, prev, next);
    put_page(b);
}

#define assert_page(pgno, text)   assert_string_equal(text_of(pgno), text)
#define assert_dbtime(pgno, want) assert_int_equal(head_of(pgno).dbtime, want)

/* ---- records ---- */

__attribute__((unused)) static struct logrec record(enum lrtyp type, pgno_t pgno, unsigned iline,
                                                    dbtime_t before, dbtime_t after)
{
    return (struct logrec){.type = type,
                           .dbid = 1,
                           .procid = 6,
                           .pgno = pgno,
                           .iline = (uint16_t)iline,
                           .dbtime_before = before,
                           .dbtime = after,
                           .flags = LR_PAGE_VERSIONED | LR_PAGE_UNIQUE,
                           .pgno_fdp = 2,
                           .objid = OBJID,
                           .rceid = 0x101};
}

__attribute__((unused)) static struct redo_result result;

__attribute__((unused)) static JET_ERR apply(const struct logrec *rec)
{
    return redo_apply(&rig.db, lgpos_make(3, 4, 5), rec, &result);
}

__attribute__((unused)) static JET_ERR apply_macro(const struct logrec *recs, unsigned nr)
{
    return redo_macro(&rig.db, lgpos_make(3, 4, 6), recs, nr, &result);
}

#endif
