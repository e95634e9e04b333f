#include "rec/value.h"

static JET_ERR value_fault(struct value_reader *vr, JET_ERR err, pgno_t pgno, const char *what)
{
    struct dbfile *f = vr->lv.bt.f;

    return fault(dbfile_reporter(f), err, 0, pgno, dbfile_offset(f, pgno), "a column's value: %s",
                 what);
}

JET_ERR value_begin(struct value_reader *vr, const struct value *v, pgno_t pgno, uint32_t *ret_size)
{
    const char *what;
    uint32_t len;
    JET_ERR err;

    vr->separated = v->separated;
    vr->done = false;
    if (v->encrypted)
        return value_fault(vr, JET_errColumnNoEncryptionKey, pgno, "it is encrypted");
    if (v->separated)
        return lv_open(&vr->lv, lid_decode(v->data), ret_size);
    vr->piece = v->data;
    if (v->compressed) {
        err = decompress(v->data, vr->lv.buf, sizeof(vr->lv.buf), &len, &what);
        if (err < 0)
            return value_fault(vr, err, pgno, what);
        vr->piece = (struct slice){vr->lv.buf, len};
    }
    *ret_size = vr->piece.len;
    return JET_errSuccess;
}

JET_ERR value_next(struct value_reader *vr, struct slice *ret)
{
    if (vr->separated)
        return lv_next(&vr->lv, ret);
    *ret = vr->piece;
    if (vr->done)
        ret->len = 0;
    vr->done = true;
    return JET_errSuccess;
}

JET_ERR value_read(struct value_reader *vr, const struct value *v, pgno_t pgno, void *buf,
                   uint32_t cap, uint32_t *ret_len)
{
    uint32_t size, at = 0;
    struct slice piece = {0};
    JET_ERR err = value_begin(vr, v, pgno, &size);

    while (err >= 0 && at < cap) {
        err = value_next(vr, &piece);
        if (err < 0 || piece.len == 0)
            break;
        if (piece.len > cap - at)
            piece.len = cap - at;
        memcpy((uint8_t *)buf + at, piece.p, piece.len);
        at += piece.len;
    }
    *ret_len = at;
    return err;
}
