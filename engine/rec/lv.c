#include "rec/lv.h"

#include <inttypes.h>

#include "rec/recfmt.h"

uint32_t lv_chunk_default(uint32_t page_size)
{
    switch (page_size) {
    case 16384:
        return 4050;
    case 32768:
        return 8150;
    default: /* a page less its header, the header of one node and 4 tags: one piece to a page */
        return page_size - 82;
    }
}

static void put_be32(uint8_t *p, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

uint32_t lv_key(uint64_t lid, const uint32_t *offset, uint8_t key[LV_KEY_MAX])
{
    uint32_t len = 0;

    if (lid & LID64) {
        put_be32(key, (uint32_t)(lid >> 32));
        len = 4;
    }
    put_be32(key + len, (uint32_t)lid);
    len += 4;
    if (offset) {
        put_be32(key + len, *offset);
        len += 4;
    }
    return len;
}

const char *lv_node_decode(struct slice key, struct slice data, struct lv_node *ret)
{
    const struct lvroot_disk *d = (const struct lvroot_disk *)data.p;
    const bool wide = key.len >= 8 && (key.p[0] & 0x80);
    const uint32_t lid_len = wide ? 8 : 4;

    *ret = (struct lv_node){0};
    if (key.len != lid_len && key.len != lid_len + 4)
        return "the key of a long value has a wrong length";
    ret->lid = get_be32(key.p);
    if (wide)
        ret->lid = ret->lid << 32 | get_be32(key.p + 4);
    if (key.len > lid_len) {
        ret->offset = get_be32(key.p + lid_len);
        ret->piece = data;
        return NULL;
    }
    ret->is_root = true;
    if (data.len != sizeof(*d) && data.len != offsetof(struct lvroot_disk, flags))
        return "the root of a long value has a wrong length";
    ret->refcount = le32_get(d->refcount);
    ret->size = le32_get(d->size);
    ret->encrypted = data.len == sizeof(*d) && (d->flags & LVROOT_ENCRYPTED);
    if (ret->size > INT32_MAX)
        return "a long value is longer than any can be";
    return NULL;
}

void lv_init(struct lv_reader *lv, struct dbfile *f, pgno_t root, objid_t objid, uint32_t chunk)
{
    bt_open(&lv->bt, f, root, objid, 0);
    lv->chunk = chunk;
    lv->lid = 0;
    lv->size = lv->at = lv->refcount = 0;
    lv->encrypted = false;
}

void lv_done(struct lv_reader *lv)
{
    bt_close(&lv->bt);
}

static JET_ERR lv_fault(struct lv_reader *lv, JET_ERR err, pgno_t pgno, const char *what)
{
    return fault(dbfile_reporter(lv->bt.f), err, 0, pgno,
                 pgno ? dbfile_offset(lv->bt.f, pgno) : ESE_NO_OFFSET,
                 "long value %" PRIX64 ", byte %" PRIu32 ": %s", lv->lid, lv->at, what);
}

/* The next node of the tree. A good one that is not of this value, or none, gives false in *ret_ours. */
static JET_ERR next_node(struct lv_reader *lv, struct lv_node *ret, pgno_t *ret_pgno,
                         bool *ret_ours)
{
    struct bt_node n;
    const char *what;
    JET_ERR err = bt_next(&lv->bt, &n);

    *ret_ours = false;
    if (err == JET_errNoCurrentRecord)
        return JET_errSuccess;
    if (err < 0)
        return err;
    *ret_pgno = n.pgno;
    what = lv_node_decode(n.key, n.data, ret);
    if (what)
        return lv_fault(lv, JET_errLVCorrupted, n.pgno, what);
    *ret_ours = ret->lid == lv->lid;
    return JET_errSuccess;
}

JET_ERR lv_open(struct lv_reader *lv, uint64_t lid, uint32_t *ret_size)
{
    uint8_t key[LV_KEY_MAX];
    struct lv_node n;
    pgno_t pgno = PGNO_NULL;
    bool ours;
    JET_ERR err;

    lv->lid = lid;
    lv->at = lv->size = 0;
    lv->encrypted = false;
    if (lv->bt.root == PGNO_NULL)
        return lv_fault(lv, JET_errLVCorrupted, 0, "the table has no long values");
    err = bt_seek(&lv->bt, key, lv_key(lid, NULL, key));
    if (err >= 0)
        err = next_node(lv, &n, &pgno, &ours);
    if (err < 0)
        return err;
    if (!ours || !n.is_root)
        return lv_fault(lv, JET_errLVCorrupted, 0, "there is none of this number");
    if (n.encrypted)
        return lv_fault(lv, JET_errColumnNoEncryptionKey, pgno, "it is encrypted");
    lv->size = n.size;
    lv->refcount = n.refcount;
    *ret_size = n.size;
    return JET_errSuccess;
}

/* A stored piece that is shorter than its plain bytes is compressed; there is no flag. */
static JET_ERR expand(struct lv_reader *lv, struct slice stored, uint32_t want, pgno_t pgno,
                      struct slice *ret)
{
    const char *what;
    uint32_t len;
    JET_ERR err;

    if (stored.len == want) {
        *ret = stored;
        return JET_errSuccess;
    }
    if (stored.len > want)
        return lv_fault(lv, JET_errLVCorrupted, pgno, "a piece is longer than it may be");
    err = decompress(stored, lv->buf, sizeof(lv->buf), &len, &what);
    if (err < 0)
        return lv_fault(lv, err, pgno, what);
    if (len != want)
        return lv_fault(lv, JET_errLVCorrupted, pgno, "a piece has a wrong length");
    *ret = (struct slice){lv->buf, len};
    return JET_errSuccess;
}

JET_ERR lv_next(struct lv_reader *lv, struct slice *ret)
{
    struct lv_node n;
    pgno_t pgno = PGNO_NULL;
    uint32_t want = lv->size - lv->at < lv->chunk ? lv->size - lv->at : lv->chunk;
    bool ours;
    JET_ERR err;

    if (want == 0) {
        *ret = (struct slice){lv->buf, 0};
        return JET_errSuccess;
    }
    err = next_node(lv, &n, &pgno, &ours);
    if (err < 0)
        return err;
    if (!ours || n.is_root || n.offset != lv->at)
        return lv_fault(lv, JET_errLVCorrupted, 0, "a piece is missing");
    err = expand(lv, n.piece, want, pgno, ret);
    if (err >= 0)
        lv->at += want;
    return err;
}
