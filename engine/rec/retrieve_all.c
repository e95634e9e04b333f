/* All values of a record, and how much room they take (ESE: recget.cxx ErrIsamEnumerateColumns,
 * ErrIsamGetRecordSize). */
#include "rec/retrieve_priv.h"

#include <stdlib.h>

/* ---- every value ----------------------------------------------------------------------------- */

struct all {
    struct fucb *c;
    JET_ERR (*fn)(void *ctx, const struct fucb_each *v);
    void *ctx;
    uint8_t *buf;
    uint32_t cap;
};

static JET_ERR room(struct all *a, uint32_t len)
{
    uint8_t *p;

    if (len <= a->cap)
        return JET_errSuccess;
    p = realloc(a->buf, len);
    if (!p)
        return RAISE(JET_errOutOfMemory);
    a->buf = p;
    a->cap = len;
    return JET_errSuccess;
}

/* The plain bytes of a value, whole. */
static JET_ERR plain_bytes(struct all *a, const struct value *v, struct slice *ret)
{
    struct lv_tree *lv;
    uint32_t size, got;
    JET_ERR err;

    if (!v->separated && !v->compressed && !v->encrypted) {
        *ret = v->data;
        return JET_errSuccess;
    }
    if (v->separated) {
        err = fucb_lv(a->c, false, &lv);
        if (err >= 0)
            err = lv_stat(lv, lid_decode(v->data), &size, NULL);
    } else {
        size = DECOMPRESS_MAX;
        err = JET_errSuccess;
    }
    if (err >= 0)
        err = room(a, size);
    if (err >= 0)
        err = fucb_fetch(a->c, v, a->buf, size, &got);
    if (err >= 0)
        *ret = (struct slice){a->buf, got};
    return err;
}

static JET_ERR each_of_column(struct all *a, const struct source *s, const struct column *col,
                              uint32_t grbit)
{
    struct fucb_each e = {.columnid = col->id, .nr = recview_count(&s->view, col)};
    struct value v;
    JET_ERR err = JET_errSuccess;

    if (e.nr == 0)
        e.nr = 1; /* perhaps a default */
    for (e.itag = 1; e.itag <= e.nr && err >= 0; e.itag++) {
        switch (source_value(s, col, e.itag, !(grbit & JET_bitRetrieveIgnoreDefault), &v,
                             &e.is_default)) {
        case RECORD_VALUE:
            err = plain_bytes(a, &v, &e.data);
            if (err >= 0)
                err = a->fn(a->ctx, &e);
            break;
        case RECORD_DAMAGED:
            err = RAISE(JET_errDatabaseCorrupted);
            break;
        default:
            break;
        }
    }
    return err;
}

JET_ERR fucb_each_value(struct fucb *c, uint32_t grbit,
                        JET_ERR (*fn)(void *ctx, const struct fucb_each *v), void *ctx)
{
    struct all a = {.c = c, .fn = fn, .ctx = ctx};
    struct source s;
    bool began;
    JET_ERR err = fucb_refresh(c);

    if (err >= 0)
        err = read_begin(c, &began);
    if (err < 0)
        return err;
    err = source_open(c, grbit, &s);
    if (err < 0)
        return read_end(c, began, err);
    err = source_detach(c, &s);
    for (unsigned i = 0; i < s.tdb->schema.nr_columns && err >= 0; i++) {
        const struct column *col = &s.tdb->schema.columns[i];
        bool visible = true;
        err = fcb_column_visible(c->sess, c->fcb, s.tdb, col, &visible);
        if (err >= 0 && visible)
            err = each_of_column(&a, &s, col, grbit);
    }
    source_close(c, &s);
    free(a.buf);
    return read_end(c, began, err);
}

/* ---- sizes ----------------------------------------------------------------------------------- */

static JET_ERR plain_size(struct fucb *c, const struct value *v, uint32_t *ret)
{
    uint8_t *plain;
    JET_ERR err;

    *ret = v->data.len;
    if (!v->compressed)
        return JET_errSuccess;
    plain = malloc(DECOMPRESS_MAX);
    if (!plain)
        return RAISE(JET_errOutOfMemory);
    err = fucb_fetch(c, v, plain, DECOMPRESS_MAX, ret);
    free(plain);
    return err;
}

static JET_ERR add_separated(struct fucb *c, const struct value *v, uint32_t grbit,
                             struct fucb_size *ret)
{
    struct lv_tree *lv;
    uint32_t size;
    JET_ERR err;

    ret->nr_lv++;
    ret->overhead += v->data.len;
    if (grbit & JET_bitRecordSizeLocal)
        return JET_errSuccess;
    err = fucb_lv(c, false, &lv);
    if (err >= 0)
        err = lv_stat(lv, lid_decode(v->data), &size, NULL);
    if (err < 0)
        return err;
    ret->lv_data += size;
    ret->lv_data_packed += size;
    ret->lv_overhead +=
        4 + sizeof(struct lvroot_disk) - 1 + 8u * ((size + lv->chunk - 1) / lv->chunk);
    return JET_errSuccess;
}

static JET_ERR add_value(struct fucb *c, const struct value *v, uint32_t grbit,
                         struct fucb_size *ret)
{
    uint32_t plain;
    JET_ERR err;

    if (v->separated)
        return add_separated(c, v, grbit, ret);
    err = plain_size(c, v, &plain);
    if (err < 0)
        return err;
    ret->data += plain;
    ret->data_packed += v->data.len;
    ret->nr_compressed += v->compressed;
    return JET_errSuccess;
}

static JET_ERR add_column(struct fucb *c, const struct source *s, const struct column *col,
                          uint32_t grbit, struct fucb_size *ret)
{
    const unsigned nr = recview_count(&s->view, col);
    struct value v;
    JET_ERR err = JET_errSuccess;

    if (nr == 0)
        return JET_errSuccess;
    if (col->fid >= FID_TAGGED_LEAST)
        ret->nr_tagged++;
    else
        ret->nr_fixed_var++;
    ret->nr_multi += nr - 1;
    for (unsigned seq = 1; seq <= nr && err >= 0; seq++)
        if (recview_get(&s->view, col, seq, &v) == RECORD_VALUE)
            err = add_value(c, &v, grbit, ret);
    return err;
}

JET_ERR fucb_record_size(struct fucb *c, uint32_t grbit, struct fucb_size *ret)
{
    struct source s;
    JET_ERR err = fucb_refresh(c);

    memset(ret, 0, sizeof(*ret));
    if (err >= 0)
        err = source_open(c, grbit & JET_bitRecordSizeInCopyBuffer ? JET_bitRetrieveCopy : 0, &s);
    if (err < 0)
        return err;
    err = source_detach(c, &s);
    for (unsigned i = 0; i < s.tdb->schema.nr_columns && err >= 0; i++)
        err = add_column(c, &s, &s.tdb->schema.columns[i], grbit, ret);
    if (err >= 0)
        ret->overhead += s.view.record.bytes.len > ret->data_packed + ret->overhead
                             ? s.view.record.bytes.len - ret->data_packed - ret->overhead
                             : 0;
    if (!s.copy && err >= 0)
        ret->overhead += dir_bookmark(&c->data).key.len;
    source_close(c, &s);
    return err;
}
