#include "rec/recbuf.h"

#include <stdlib.h>

#include "rec/recbuf_priv.h"
#include "rec/text.h"

#define KEY_COUNT 2u /* cbKeyCount: the length in front of a key, or of what a prefix gives to it */
#define DBK_LEN   4u /* number of a row in a table without primary index */

uint32_t recbuf_most(uint32_t page_size, uint32_t key_most)
{
    /* a page less its header, tag 0, and the tag of the node */
    const uint32_t node_most = page_size - page_header_len(page_size) - 2 * 4;
    const uint32_t key = key_most ? key_most : DBK_LEN;

    if (page_size > 8192)
        return node_most - 2 * KEY_COUNT - key;
    /* as the first engines counted, who knew no key but of 255 bytes */
    return node_most - KEY_COUNT -
           (KEY_COUNT + key > INDEX_KEY_DEFAULT ? KEY_COUNT + key : INDEX_KEY_DEFAULT);
}

JET_ERR recbuf_init(struct recbuf *rb, uint32_t page_size)
{
    *rb = (struct recbuf){.page_size = page_size, .b = malloc(page_size)};
    rb->layout = page_size <= 8192 ? TAGGED_SMALL : TAGGED_LARGE;
    return rb->b ? JET_errSuccess : RAISE(JET_errOutOfMemory);
}

void recbuf_done(struct recbuf *rb)
{
    free(rb->b);
    rb->b = NULL;
}

/* ---- the frame ------------------------------------------------------------------------------- */

static struct rec_hdr_disk *header(const struct recbuf *rb)
{
    return (struct rec_hdr_disk *)rb->b;
}

static uint32_t null_bytes(unsigned fixed_last)
{
    return (fixed_last + 7) / 8;
}

/* The end of variable column number i (from 0), or the start of the first one. */
static uint8_t *var_offset(const struct recbuf *rb, unsigned i)
{
    return rb->b + le16_get(header(rb)->ib_end) + 2 * i;
}

static unsigned nr_var(const struct recbuf *rb)
{
    return header(rb)->var_last - FID_FIXED_MOST;
}

static uint32_t var_data(const struct recbuf *rb)
{
    return le16_get(header(rb)->ib_end) + 2 * nr_var(rb);
}

static uint32_t var_end(const struct recbuf *rb, unsigned nr)
{
    return nr ? get_le16(var_offset(rb, nr - 1)) & VAR_OFFSET_MASK : 0u;
}

uint32_t recbuf_tagged_start(const struct recbuf *rb)
{
    return var_data(rb) + var_end(rb, nr_var(rb));
}

/* ---- fixed columns --------------------------------------------------------------------------- */

static void set_null(struct recbuf *rb, unsigned fid, bool null)
{
    uint8_t *b =
        rb->b + le16_get(header(rb)->ib_end) - null_bytes(header(rb)->fixed_last) + (fid - 1) / 8;
    const uint8_t bit = (uint8_t)(1u << (fid - 1) % 8);

    *b = null ? *b | bit : *b & (uint8_t)~bit;
}

/* Text is filled up with spaces, a UTF-16 space begins at an even place; bytes with zeroes. */
static void fill_up(uint8_t *p, uint32_t from, uint32_t len, const struct column *c)
{
    for (uint32_t i = from; i < len; i++)
        p[i] = c->coltyp != JET_coltypText ? 0 : c->cp == CP_UTF16 && (i & 1) != 0 ? 0 : ' ';
}

/* Writes into room that is there. False: a length that the type does not have. */
static bool put_fixed(struct recbuf *rb, const struct column *c, struct slice v)
{
    uint8_t *p = rb->b + c->offset;

    if (v.len != c->len) {
        if (v.len > c->len || (c->coltyp != JET_coltypText && c->coltyp != JET_coltypBinary))
            return false;
        fill_up(p, v.len, c->len, c);
    }
    set_null(rb, c->fid, false);
    if (c->coltyp == JET_coltypBit)
        *p = v.p[0] ? 0xff : 0x00;
    else
        memcpy(p, v.p, v.len);
    return true;
}

static bool has_default(const struct column *c)
{
    return c->has_default && !(c->flags & COLUMN_USER_DEFAULT) && c->default_value.len;
}

/* Defaults of fixed columns from `from` to the last one. */
static bool put_fixed_defaults(struct recbuf *rb, unsigned from, uint32_t at)
{
    const uint32_t end = le16_get(header(rb)->ib_end) - null_bytes(header(rb)->fixed_last);

    if (!rb->fixed_default || rb->fixed_default->fid < from)
        return true;
    for (unsigned i = 0; i < rb->schema->nr_columns; i++) {
        const struct column *c = &rb->schema->columns[i];

        if (c->fid > header(rb)->fixed_last || c->fid < from || !has_default(c))
            continue;
        if (c->offset < at || c->len > end - at || c->offset > end - c->len ||
            !put_fixed(rb, c, c->default_value))
            return false;
    }
    return true;
}

/* The record shall reach up to column c: room, null bits, defaults. */
static JET_ERR extend_fixed(struct recbuf *rb, const struct column *c)
{
    struct rec_hdr_disk *h = header(rb);
    const unsigned last = h->fixed_last;
    const uint32_t end = le16_get(h->ib_end), at = end - null_bytes(last);
    const uint32_t new_at = c->offset + c->len, new_end = new_at + null_bytes(c->fid);
    const struct rec_hdr_disk before = *h;
    uint8_t nulls[16];

    if (c->len == 0 || c->offset < at || c->offset > PAGE_SIZE_MAX || c->len > PAGE_SIZE_MAX)
        return RAISE(JET_errCatalogCorrupted);
    if (rb->len + new_end - end > rb->most)
        return RAISE(JET_errRecordTooBig);
    memset(nulls, 0xff, sizeof(nulls));
    memcpy(nulls, rb->b + at, end - at);
    for (unsigned i = last; i % 8 && i < c->fid; i++)
        nulls[i / 8] |= (uint8_t)(1u << i % 8);
    recbuf_splice(rb, end, 0, new_end - end);
    memset(rb->b + at, REC_FILL, new_at - at);
    memcpy(rb->b + new_at, nulls, new_end - new_at);
    h->fixed_last = (uint8_t)c->fid;
    le16_put(&h->ib_end, (uint16_t)new_end);
    if (put_fixed_defaults(rb, last + 1, at))
        return JET_errSuccess;
    memcpy(rb->b + at, nulls, end - at);
    recbuf_splice(rb, end, new_end - end, 0);
    *h = before;
    return RAISE(JET_errCatalogCorrupted);
}

static JET_ERR set_fixed(struct recbuf *rb, const struct column *c, const struct slice *v)
{
    JET_ERR err;

    if (v && v->len == 0) /* no bytes are null here */
        v = NULL;
    if (!v && (c->flags & COLUMN_NOT_NULL))
        return RAISE(JET_errNullInvalid);
    if (v && (v->len > c->len ||
              (v->len != c->len && c->coltyp != JET_coltypText && c->coltyp != JET_coltypBinary)))
        return RAISE(JET_errInvalidBufferSize);
    if (c->fid > header(rb)->fixed_last) {
        err = extend_fixed(rb, c);
        if (err < 0)
            return err;
    }
    if (c->offset < sizeof(struct rec_hdr_disk) ||
        c->offset + c->len > le16_get(header(rb)->ib_end) - null_bytes(header(rb)->fixed_last))
        return RAISE(JET_errCatalogCorrupted);
    if (v)
        (void)put_fixed(rb, c, *v);
    else
        set_null(rb, c->fid, true);
    return JET_errSuccess;
}

/* ---- variable columns ------------------------------------------------------------------------ */

/* Into a column that the record has; the caller has looked whether it fits. */
static void put_var(struct recbuf *rb, unsigned i, struct slice v, bool null)
{
    const uint32_t from = var_end(rb, i), old = var_end(rb, i + 1) - from;
    const uint32_t at = var_data(rb) + from;
    uint16_t end;

    recbuf_splice(rb, at, old, v.len);
    if (v.len)
        memcpy(rb->b + at, v.p, v.len);
    if (old != v.len)
        for (unsigned k = i; k < nr_var(rb); k++)
            put_le16(var_offset(rb, k), (uint16_t)(get_le16(var_offset(rb, k)) + v.len - old));
    end = get_le16(var_offset(rb, i)) & VAR_OFFSET_MASK;
    put_le16(var_offset(rb, i), end | (null ? VAR_NULL : 0));
}

/* Bytes of the defaults of variable columns numbered from..to. */
static uint32_t var_defaults_len(const struct recbuf *rb, unsigned from, unsigned to)
{
    uint32_t len = 0;

    if (!rb->var_default || rb->var_default->fid < from)
        return 0;
    for (unsigned i = 0; i < rb->schema->nr_columns; i++) {
        const struct column *c = &rb->schema->columns[i];
        if (c->fid >= from && c->fid <= to && has_default(c))
            len += c->default_value.len;
    }
    return len;
}

/* The record shall reach up to variable column fid, which gets `len` bytes afterwards. */
static JET_ERR extend_var(struct recbuf *rb, unsigned fid, uint32_t len)
{
    const unsigned last = header(rb)->var_last, nr = nr_var(rb);
    const uint32_t data = var_data(rb), more = 2 * (fid - last);
    const uint32_t defaults = var_defaults_len(rb, last + 1, fid - 1);
    const uint16_t none = (uint16_t)(var_end(rb, nr) | VAR_NULL);

    if ((uint64_t)rb->len + more + len + defaults > rb->most)
        return RAISE(JET_errRecordTooBig);
    recbuf_splice(rb, data, 0, more);
    header(rb)->var_last = (uint8_t)fid;
    for (unsigned i = nr; i < nr_var(rb); i++)
        put_le16(var_offset(rb, i), none);
    for (unsigned i = 0; defaults && i < rb->schema->nr_columns; i++) {
        const struct column *c = &rb->schema->columns[i];
        if (c->fid > last && c->fid < fid && has_default(c))
            put_var(rb, c->fid - FID_VAR_LEAST, c->default_value, false);
    }
    return JET_errSuccess;
}

static JET_ERR set_var(struct recbuf *rb, const struct column *c, const struct slice *v)
{
    struct slice bytes = v ? *v : (struct slice){rb->b, 0};
    const unsigned i = c->fid - FID_VAR_LEAST;
    const uint32_t most = c->max_len ? c->max_len : COLUMN_MOST;
    JET_ERR err = JET_errSuccess, done;

    if (!v && (c->flags & COLUMN_NOT_NULL))
        return RAISE(JET_errNullInvalid);
    if (bytes.len > most) {
        bytes.len = most;
        err = JET_wrnColumnMaxTruncated;
    }
    if (c->fid > header(rb)->var_last) {
        done = extend_var(rb, c->fid, bytes.len);
        if (done < 0)
            return done;
    } else if (!recbuf_fits(rb, rb->len + bytes.len - (var_end(rb, i + 1) - var_end(rb, i)))) {
        return RAISE(JET_errRecordTooBig);
    }
    put_var(rb, i, bytes, !v);
    return err;
}

/* ---- whole records --------------------------------------------------------------------------- */

void recbuf_adopt(struct recbuf *rb, const struct schema *s)
{
    const struct index *primary = s->table ? table_primary(s->table) : NULL;

    rb->schema = s;
    rb->most = recbuf_most(rb->page_size, primary    ? primary->key_most
                                          : s->table ? 0
                                                     : INDEX_KEY_DEFAULT);
    rb->fixed_default = rb->var_default = NULL;
    for (unsigned i = 0; i < s->nr_columns; i++) {
        const struct column *c = &s->columns[i];
        if (!has_default(c) || c->fid > FID_VAR_MOST)
            continue;
        if (c->fid > FID_FIXED_MOST) {
            if (!rb->var_default || c->fid > rb->var_default->fid)
                rb->var_default = c;
        } else if (!rb->fixed_default || c->fid > rb->fixed_default->fid) {
            rb->fixed_default = c;
        }
    }
}

static void begin(struct recbuf *rb, const struct schema *s)
{
    recbuf_adopt(rb, s);
    memset(rb->touched, 0, sizeof(rb->touched));
}

JET_ERR recbuf_start(struct recbuf *rb, const struct schema *s)
{
    JET_ERR err = JET_errSuccess;

    begin(rb, s);
    *header(rb) = (struct rec_hdr_disk){.fixed_last = 0, .var_last = FID_FIXED_MOST};
    le16_put(&header(rb)->ib_end, sizeof(*header(rb)));
    rb->len = sizeof(*header(rb));
    if (rb->fixed_default)
        err = extend_fixed(rb, rb->fixed_default);
    if (err >= 0 && rb->var_default)
        err = set_var(rb, rb->var_default, &rb->var_default->default_value);
    return err;
}

JET_ERR recbuf_load(struct recbuf *rb, const struct schema *s, struct slice bytes,
                    enum tagged_layout layout)
{
    struct tagged t;
    struct tagged_value v;
    struct record r;
    int more;

    if (layout == TAGGED_OLD)
        return RAISE(JET_errFeatureNotAvailable);
    if (bytes.len > rb->page_size || record_decode(bytes, &r))
        return RAISE(JET_errDatabaseCorrupted);
    tagged_begin(&t, r.tagged, layout);
    while ((more = tagged_next(&t, &v)) > 0)
        ;
    if (more < 0)
        return RAISE(JET_errDatabaseCorrupted);
    begin(rb, s);
    rb->layout = layout;
    memcpy(rb->b, bytes.p, bytes.len);
    rb->len = bytes.len;
    return JET_errSuccess;
}

JET_ERR recbuf_set(struct recbuf *rb, const struct column *c, unsigned seq, const struct slice *v,
                   unsigned flags)
{
    JET_ERR err;

    if (c->fid >= FID_TAGGED_LEAST)
        err = recbuf_set_tagged(rb, c, seq, v, flags);
    else if (c->fid >= FID_VAR_LEAST)
        err = set_var(rb, c, v);
    else
        err = set_fixed(rb, c, v);
    if (err >= 0)
        rb->touched[(c->fid & 0xff) / 8] |= (uint8_t)(1u << (c->fid & 7));
    return err;
}

enum record_state recbuf_get(const struct recbuf *rb, const struct column *c, unsigned seq,
                             struct value *ret)
{
    struct recview v;

    if (recview_init(&v, recbuf_bytes(rb), rb->layout))
        return RECORD_DAMAGED;
    return recview_get(&v, c, seq, ret);
}

unsigned recbuf_count(const struct recbuf *rb, const struct column *c)
{
    struct recview v;

    return recview_init(&v, recbuf_bytes(rb), rb->layout) ? 0 : recview_count(&v, c);
}
