/*
 * Log records against the pages of a small database: whatever they say, every page stays sound.
 *
 * Input: records, each u8 what (bit 0: it belongs to a macro, bit 1: the macro ends behind it), u16 length,
 * bytes. Pages: 2 root over 5, 6, 7; 40 to 42 a root with its space trees; 8 a leaf of a non-unique index.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "btree/undo.h"
#include "log/logrec.h"
#include "page/edit.h"
#include "rec/compress.h"

#define PAGE_LEN  4096u
#define OBJID     7u
#define RECS_MAX  20
#define PAGES_MAX 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static JET_ERR extend(void *ctx, pgno_t last)
{
    (void)ctx, (void)last;
    return JET_errSuccess;
}

static JET_ERR discard(void *ctx, pgno_t first, uint32_t nr, bool cut)
{
    (void)ctx, (void)first, (void)nr, (void)cut;
    return JET_errSuccess;
}

static JET_ERR flush_log(void *ctx, const struct buf *b, lgpos_t lgpos)
{
    (void)ctx, (void)b, (void)lgpos;
    return JET_errSuccess;
}

static void put(struct redo_db *db, pgno_t pgno, uint32_t flags, const char *keys, pgno_t child)
{
    static const uint8_t header[16] = {3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 41};
    struct buf *b;
    struct edit e;

    if (buf_get(db->pool, pgno, BUF_NEW, &b) < 0)
        abort();
    e = (struct edit){b->b, b->size};
    page_init(e, pgno, OBJID, 10, flags);
    if (page_set_external_header(e, flags & PAGE_ROOT ? (struct slice){header, 16}
                                                      : (struct slice){header, 0}) < 0)
        abort();
    for (unsigned i = 0; keys[i]; i++) {
        uint8_t d[4];
        struct node_new n = {.suffix = {{(const uint8_t *)keys + i, keys[i] != '~'}},
                             .data = {d, 4}};

        put_le32(d, child + i);
        if (page_insert(e, i, &n) < 0)
            abort();
    }
    buf_dirty(b, 1);
    buf_put(b);
}

static void put_pages(struct redo_db *db)
{
    put(db, 2, PAGE_ROOT | PAGE_PARENT_OF_LEAF, "hp~", 5);
    put(db, 5, PAGE_LEAF, "abcdefg", 1);
    put(db, 6, PAGE_LEAF, "hijklmno", 1);
    put(db, 7, PAGE_LEAF, "pqrst", 1);
    put(db, 8, PAGE_LEAF | PAGE_INDEX | PAGE_NON_UNIQUE, "uvw", 1);
    put(db, 40, PAGE_ROOT | PAGE_LEAF, "x", 1);
    put(db, 41, PAGE_ROOT | PAGE_LEAF | PAGE_SPACE_TREE, "xyz", 1);
    put(db, 42, PAGE_ROOT | PAGE_LEAF | PAGE_SPACE_TREE, "xyz", 1);
}

/* A page far away would only make a sparse file. */
static JET_ERR is_near(void *ctx, const struct logrec_page *p)
{
    (void)ctx;
    return p->pgno < PAGES_MAX ? JET_errSuccess : JET_errDiskFull;
}

static void one(struct redo_db *db, const struct logrec *rec)
{
    const struct undo_version v = {.oper = rec->node.oper,
                                   .pgno_fdp = rec->pgno_fdp,
                                   .objid = rec->objid,
                                   .key = rec->node.key,
                                   .data = rec->node.data,
                                   .image = rec->node.key,
                                   .delta = 7,
                                   .offset = rec->node.size_max & 7};
    struct redo_result res;
    struct undo_place place;
    bool applied;

    if (rec->type != LR_UNDO) {
        if (redo_apply(db, 1, rec, &res) < 0)
            return;
    } else if (rec->iline & 1) {
        if (undo_redo(db, 1, rec, &v, &applied) < 0)
            return;
    } else if (rec->pgno_fdp < PAGES_MAX && undo_locate(db, &v, &place) >= 0) {
        if (undo_perform(db, &v, &place, place.dbtime + 1, 1) < 0)
            abort(); /* undo_locate said that it can be done */
    }
}

static void records(struct redo_db *db, const uint8_t *p, size_t size)
{
    struct logrec recs[RECS_MAX];
    struct redo_result res;
    unsigned nr = 0;

    while (size > 3) {
        const uint8_t what = p[0];
        size_t len = get_le16(p + 1) < size - 3 ? get_le16(p + 1) : size - 3;
        bool good = logrec_decode(p + 3, len, &recs[nr]) >= 0 &&
                    logrec_pages(&recs[nr], is_near, NULL) >= 0;

        if (good && !(what & 1))
            one(db, &recs[nr]);
        else if (good && nr + 1 < RECS_MAX)
            nr++;
        if (what & 2) {
            if (redo_macro(db, 2, recs, nr, &res) < 0 && res.applied)
                abort();
            nr = 0;
        }
        p += 3 + len;
        size -= 3 + len;
    }
}

static void check_pages(struct redo_db *db)
{
    for (pgno_t pgno = 1; pgno < PAGES_MAX; pgno++) {
        struct buf *b;

        if (buf_get(db->pool, pgno, BUF_READ, &b) < 0)
            abort();
        if (!b->blank && page_check_structure(b->b, b->size))
            abort();
        buf_put(b);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct redo_hooks hooks = {extend, discard, decompress};
    struct reporter r = {0};
    struct redo_db db = {.page_size = PAGE_LEN, .r = &r, .ahead = true, .hooks = &hooks};
    int fd = memfd_create("fuzz_redo", 0);

    if (fd < 0 ||
        bufpool_new(NULL, fd, PAGE_LEN, false, PAGES_MAX + 16, &r, flush_log, NULL, &db.pool) < 0 ||
        redo_init(&db) < 0)
        abort();
    put_pages(&db);
    records(&db, data, size);
    check_pages(&db);
    redo_done(&db);
    bufpool_free(db.pool);
    close(fd);
    return 0;
}
