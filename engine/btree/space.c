#include "btree/space.h"

#include <inttypes.h>

/* Pages behind this many from the root have no bit: they are available all the same until the tree
 * gets its own extent trees (ESE: space.cxx, cpgSmallSpaceAvailMost). */
#define BITMAP_PAGES 32

const char *space_header_decode(struct slice x, struct space_header *ret)
{
    const struct space_hdr_disk *d;
    uint32_t fields = ROOT_FIELD_SPACE, at = 0, need;

    *ret = (struct space_header){0};
    if (x.len != sizeof(*d)) {
        if (x.len < sizeof(*d))
            return "the space header is too short";
        fields = x.p[at++];
    }
    need = at + (fields & ROOT_FIELD_SPACE ? 16 : 0) + (fields & ROOT_FIELD_AUTO_INC ? 8 : 0);
    if (fields & ~(ROOT_FIELD_SPACE | ROOT_FIELD_AUTO_INC))
        return "the root has a field that is not known";
    if (!(fields & ROOT_FIELD_SPACE) || need != x.len)
        return "the root's fields do not add up";
    d = (const struct space_hdr_disk *)(x.p + at);
    ret->cpg_first = le32_get(d->cpg);
    ret->pgno_parent = le32_get(d->pgno_parent);
    ret->multiple = d->flags[0] & SPACE_MULTIPLE;
    ret->non_unique = d->flags[0] & SPACE_NON_UNIQUE;
    ret->v2 = d->flags[0] & SPACE_V2;
    if (ret->multiple)
        ret->pgno_oe = le32_get(d->pgno_oe_or_bitmap);
    else
        ret->bitmap = le32_get(d->pgno_oe_or_bitmap);
    ret->has_auto_inc = fields & ROOT_FIELD_AUTO_INC;
    if (ret->has_auto_inc)
        ret->auto_inc = get_le64(x.p + at + sizeof(*d));
    if (!ret->multiple && ret->cpg_first == 0)
        return "a tree of one extent owns no page";
    if (ret->multiple && (ret->pgno_oe == 0 || ret->pgno_oe >= INT32_MAX))
        return "the owned-extents tree has no root";
    return NULL;
}

JET_ERR space_header_read(struct dbfile *f, pgno_t pgno, struct space_header *ret)
{
    struct page p;
    const char *what = NULL;
    JET_ERR err = dbfile_page(f, pgno, &p);

    if (err < 0)
        return err;
    if (!(page_flags(p) & PAGE_ROOT) || (page_flags(p) & PAGE_SPACE_TREE))
        what = "the page is no root of a tree";
    else
        what = space_header_decode(page_external_header(p), ret);
    if (what)
        err = fault(dbfile_reporter(f), JET_errDatabaseCorrupted, 0, pgno, dbfile_offset(f, pgno),
                    "%s", what);
    dbfile_unpin(f, &p);
    return err;
}

const char *space_extent_decode(struct slice key, struct slice data, struct extent *ret)
{
    const uint8_t *k = key.p;

    if (data.len != 4 || (key.len != 4 && key.len != 5))
        return "an extent has a wrong length";
    *ret = (struct extent){.cpg = get_le32(data.p)};
    if (key.len == 5) { /* the first byte names the pool; a page number never has its top bit */
        if (!(k[0] & 0x80))
            return "an extent names no pool";
        ret->pool = *k++ & 0x7f;
        if (ret->pool != SPACE_POOL_CONTIGUOUS && ret->pool != SPACE_POOL_SHELVED)
            return "an extent is of a pool that is not known";
    }
    ret->last = get_be32(k);
    if (ret->last > INT32_MAX)
        return "an extent ends beyond any database";
    if (ret->cpg > ret->last)
        return "an extent begins before the first page";
    return NULL;
}

void space_open(struct space_cursor *c, struct dbfile *f, pgno_t root, objid_t objid,
                const struct space_header *h, enum space_kind kind)
{
    c->h = *h;
    c->root = root;
    c->kind = kind;
    c->bit = 0;
    bt_open(&c->bt, f, kind == SPACE_OWNED ? h->pgno_oe : h->pgno_oe + 1, objid, 0);
}

void space_close(struct space_cursor *c)
{
    bt_close(&c->bt);
}

/* Next run of available pages of a single extent; the bitmap first, then what has no bit. */
static JET_ERR next_of_bitmap(struct space_cursor *c, struct extent *ret)
{
    const uint32_t behind_root = c->h.cpg_first - 1;
    const unsigned nr = behind_root < BITMAP_PAGES ? behind_root : BITMAP_PAGES;
    unsigned from;

    while (c->bit < nr && !(c->h.bitmap >> c->bit & 1))
        c->bit++;
    if (c->bit < nr) {
        from = c->bit;
        while (c->bit < nr && c->h.bitmap >> c->bit & 1)
            c->bit++;
        *ret = (struct extent){.last = c->root + c->bit, .cpg = c->bit - from};
        return JET_errSuccess;
    }
    if (c->bit > BITMAP_PAGES || behind_root <= BITMAP_PAGES)
        return JET_errNoCurrentRecord;
    c->bit = BITMAP_PAGES + 1;
    *ret = (struct extent){.last = c->root + behind_root, .cpg = behind_root - BITMAP_PAGES};
    return JET_errSuccess;
}

static JET_ERR next_of_single(struct space_cursor *c, struct extent *ret)
{
    if (c->h.cpg_first > INT32_MAX - c->root) {
        if (c->bit++)
            return JET_errNoCurrentRecord;
        return fault(dbfile_reporter(c->bt.f), JET_errSPOwnExtCorrupted, 0, c->root,
                     dbfile_offset(c->bt.f, c->root), "the tree owns %" PRIu32 " pages",
                     c->h.cpg_first);
    }
    if (c->kind == SPACE_AVAILABLE)
        return next_of_bitmap(c, ret);
    if (c->bit++)
        return JET_errNoCurrentRecord;
    *ret = (struct extent){.last = c->root + c->h.cpg_first - 1, .cpg = c->h.cpg_first};
    return JET_errSuccess;
}

static const char *check_kind_of_extent(const struct space_cursor *c, const struct extent *e)
{
    if (c->kind == SPACE_OWNED && e->pool != SPACE_POOL_GENERAL)
        return "an owned extent is of a pool";
    if (c->kind == SPACE_OWNED && e->cpg == 0)
        return "an owned extent has no page";
    return NULL;
}

JET_ERR space_next(struct space_cursor *c, struct extent *ret)
{
    struct bt_node n;
    const char *what;
    JET_ERR err;

    if (!c->h.multiple)
        return next_of_single(c, ret);
    do { /* an exhausted extent is a node flagged as deleted, passed over by bt_next; some are empty */
        err = bt_next(&c->bt, &n);
        if (err < 0)
            return err;
        what = space_extent_decode(n.key, n.data, ret);
        if (!what)
            what = check_kind_of_extent(c, ret);
        if (what)
            return fault(dbfile_reporter(c->bt.f),
                         c->kind == SPACE_OWNED ? JET_errSPOwnExtCorrupted
                                                : JET_errSPAvailExtCorrupted,
                         0, n.pgno, dbfile_offset(c->bt.f, n.pgno), "line %u: %s", n.line, what);
    } while (ret->cpg == 0);
    return JET_errSuccess;
}

JET_ERR space_split_buffer(struct dbfile *f, pgno_t pgno_space_root, struct extent ret[2])
{
    struct page p;
    struct slice x;
    JET_ERR err = dbfile_page(f, pgno_space_root, &p);

    if (err < 0)
        return err;
    x = page_external_header(p);
    ret[0] = ret[1] = (struct extent){0};
    for (unsigned i = 0; i < 2 && x.len >= 16; i++) /* old files have none */
        ret[i] = (struct extent){.last = get_le32(x.p + 8 * i), .cpg = get_le32(x.p + 8 * i + 4)};
    dbfile_unpin(f, &p);
    for (unsigned i = 0; i < 2; i++)
        if (ret[i].cpg > ret[i].last || ret[i].last > INT32_MAX)
            return fault(dbfile_reporter(f), JET_errDatabaseCorrupted, 0, pgno_space_root,
                         dbfile_offset(f, pgno_space_root),
                         "its split buffer names pages that cannot be");
    return JET_errSuccess;
}
