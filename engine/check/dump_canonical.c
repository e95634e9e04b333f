/*
 * The canonical dump: one line for each table, column, row, index segment and index entry, made so that
 * two databases with the same content give the same lines whatever their pages look like.
 *
 *   T TABLE
 *   C TABLE COLUMN id=.. coltyp=.. cp=.. cbMax=.. grbit=0x..
 *   R TABLE bm=KEY <tab> COLUMN=VALUE <tab> COLUMN[2]=VALUE ...
 *   X TABLE INDEX grbit=0x.. seg=K/N +COLUMN lcmap=0x..        with keys only
 *   K TABLE INDEX key=KEY bm=KEY
 *   N TABLE rows=..
 *
 * A value that could not be read, its fault was reported, is !JET_err....
 */
#include <inttypes.h>
#include <stdlib.h>

#include "check/crc32.h"
#include "check/dump_priv.h"

#define TEXT_MOST  400u /* bytes that are shown; of longer values length, CRC and head are */
#define BYTES_MOST 64u
#define HEAD_LEN   16u

/* ---- values ------------------------------------------------------------------------------------ */

static void put_ansi(struct out *o, struct slice s)
{
    for (uint32_t i = 0; i < s.len; i++) {
        uint8_t b = s.p[i];
        if (b == '"' || b == '\\') {
            out_char(o, '\\');
            out_char(o, (char)b);
        } else if (b < 0x20 || b >= 0x7f) {
            out_str(o, "\\x");
            out_hex(o, &b, 1);
        } else {
            out_char(o, (char)b);
        }
    }
}

/* UTF-16: as UTF-8, but for quotes, backslashes, control characters and lone surrogates. */
static void put_unicode(struct out *o, struct slice s)
{
    for (uint32_t i = 0; i + 1 < s.len; i += 2) {
        uint32_t u = get_le16(s.p + i), low = i + 3 < s.len ? get_le16(s.p + i + 2) : 0;
        char utf8[4];

        if (u >= 0x20 && u < 0x7f && u != '"' && u != '\\') {
            out_char(o, (char)u);
        } else if ((u & 0xfc00) == 0xd800 && (low & 0xfc00) == 0xdc00) {
            out_bytes(o, utf8, text_put_utf8(0x10000 + ((u & 0x3ff) << 10 | (low & 0x3ff)), utf8));
            i += 2;
        } else if ((u & 0xf800) == 0xd800) {
            out_str(o, "\\u");
            out_hex_u64(o, u, 4);
        } else if (u < 0x80) {
            uint8_t b = (uint8_t)u;
            put_ansi(o, (struct slice){&b, 1});
        } else {
            out_bytes(o, utf8, text_put_utf8(u, utf8));
        }
    }
    if (s.len & 1)
        put_ansi(o, (struct slice){s.p + s.len - 1, 1});
}

static bool put_number(struct out *o, unsigned coltyp, const uint8_t *p)
{
    switch (coltyp) {
    case JET_coltypBit:
    case JET_coltypUnsignedByte:
        out_u64(o, *p);
        return true;
    case JET_coltypShort:
        out_i64(o, (int16_t)get_le16(p));
        return true;
    case JET_coltypUnsignedShort:
        out_u64(o, get_le16(p));
        return true;
    case JET_coltypLong:
        out_i64(o, (int32_t)get_le32(p));
        return true;
    case JET_coltypUnsignedLong:
        out_u64(o, get_le32(p));
        return true;
    case JET_coltypCurrency:
    case JET_coltypLongLong:
        out_i64(o, (int64_t)get_le64(p));
        return true;
    case JET_coltypUnsignedLongLong:
        out_u64(o, get_le64(p));
        return true;
    default:
        return false;
    }
}

/* A type of a length of its own; false when the bytes have another. */
static bool put_fixed(struct out *o, const struct column *c, struct slice s)
{
    if (s.len != coltyp_len(c->coltyp))
        return false;
    switch (c->coltyp) {
    case JET_coltypIEEESingle:
        out_char(o, 'f');
        out_hex_u64(o, get_le32(s.p), 8);
        return true;
    case JET_coltypIEEEDouble:
    case JET_coltypDateTime:
        out_char(o, c->coltyp == JET_coltypDateTime ? 't' : 'd');
        out_hex_u64(o, get_le64(s.p), 16);
        return true;
    case JET_coltypGUID:
        out_char(o, 'g');
        out_hex(o, s.p, s.len);
        return true;
    default:
        return put_number(o, c->coltyp, s.p);
    }
}

/* What is left of a value of any length: its length, the CRC of all and the first bytes. */
struct digest_of_value {
    uint32_t len, crc, nr_kept;
    uint8_t kept[TEXT_MOST];
};

static JET_ERR digest_value(struct dump *d, const struct value *v, struct digest_of_value *ret)
{
    struct slice piece;
    uint32_t size;
    JET_ERR err = value_begin(&d->vr, v, d->pgno, &size);

    ret->len = ret->crc = ret->nr_kept = 0;
    for (;;) {
        uint32_t n;
        if (err >= 0)
            err = value_next(&d->vr, &piece);
        if (err < 0 || piece.len == 0)
            return err;
        n = piece.len < TEXT_MOST - ret->nr_kept ? piece.len : TEXT_MOST - ret->nr_kept;
        memcpy(ret->kept + ret->nr_kept, piece.p, n);
        ret->nr_kept += n;
        ret->len += piece.len;
        ret->crc = crc32_update(ret->crc, piece.p, piece.len);
    }
}

static void put_short(struct out *o, const struct column *c, struct slice s)
{
    if (coltyp_is_text(c->coltyp)) {
        out_char(o, '"');
        if (c->cp == CP_UTF16)
            put_unicode(o, s);
        else
            put_ansi(o, s);
        out_char(o, '"');
    } else if (!put_fixed(o, c, s)) {
        out_char(o, 'x');
        out_hex(o, s.p, s.len);
    }
}

static void put_value(struct dump *d, const struct column *c, const struct value *v)
{
    const uint32_t most = coltyp_is_text(c->coltyp) ? TEXT_MOST : BYTES_MOST;
    struct digest_of_value dg;
    struct out *o = &d->out;
    JET_ERR err;

    if (value_is_plain(v) && v->data.len <= most) {
        put_short(o, c, v->data);
        return;
    }
    err = digest_value(d, v, &dg);
    if (err < 0) {
        out_char(o, '!');
        out_str(o, err_name(err));
    } else if (dg.len <= most) {
        put_short(o, c, (struct slice){dg.kept, dg.nr_kept});
    } else {
        out_str(o, "len:");
        out_u64(o, dg.len);
        out_str(o, ",crc32:");
        out_hex_u64(o, dg.crc, 8);
        out_str(o, ",head:");
        out_hex(o, dg.kept, HEAD_LEN);
    }
}

/* ---- lines ------------------------------------------------------------------------------------- */

static char *canonical_label(const struct column *c)
{
    char *s = malloc(strlen(c->name) + 2);

    if (s) {
        s[0] = '\t';
        strcpy(s + 1, c->name);
    }
    return s;
}

static void canonical_begin(struct dump *d)
{
    out_printf(&d->out, "T %s\n", d->table->name);
    for (unsigned i = 0; i < d->schema->nr_columns; i++) {
        const struct column *c = &d->schema->columns[i];
        out_printf(&d->out,
                   "C %s %s id=%" PRIu32 " coltyp=%u cp=%" PRIu32 " cbMax=%" PRIu32
                   " grbit=0x%" PRIx32 "\n",
                   d->table->name, c->name, c->id, c->coltyp, coltyp_is_text(c->coltyp) ? c->cp : 0,
                   c->max_len, dump_column_grbit(c));
    }
}

static void canonical_row(struct dump *d, const struct bt_node *n)
{
    struct row_value v;
    struct out *o = &d->out;

    out_str(o, "R ");
    out_str(o, d->table->name);
    out_str(o, " bm=");
    out_hex(o, n->key.p, n->key.len);
    while (row_next(&d->row, &v)) {
        if (v.null)
            continue;
        out_str(o, d->labels[v.column - d->schema->columns]);
        if (v.seq > 1) {
            out_char(o, '[');
            out_u64(o, v.seq);
            out_char(o, ']');
        }
        out_char(o, '=');
        put_value(d, v.column, &v.v);
    }
    out_char(o, '\n');
}

static void put_segments(struct dump *d, const struct index *ix)
{
    for (unsigned i = 0; i < ix->nr_segments; i++) {
        const struct index_segment *s = &ix->segments[i];
        const struct column *c = schema_find(d->schema, s->fid, s->from_template);
        if (!c)
            fault(d->r, JET_errCatalogCorrupted, 0, 0, ESE_NO_OFFSET,
                  "index %s of table %s has a segment of a column that there is not", ix->name,
                  d->table->name);
        out_printf(&d->out, "X %s %s grbit=0x%" PRIx32 " seg=%u/%u %c%s lcmap=0x%" PRIx32 "\n",
                   d->table->name, ix->name, dump_index_grbit(ix), i, ix->nr_segments,
                   s->descending ? '-' : '+', c ? c->name : "?", ix->lcmap_flags);
    }
}

/* A secondary index has the bookmark as its data; the primary one is its own. */
static void put_entries(struct dump *d, const struct index *ix)
{
    struct bt_node n;
    struct out *o = &d->out;
    JET_ERR err;

    bt_open(&d->bt, d->f, ix->pgno, ix->objid, 0);
    while ((err = bt_next(&d->bt, &n)) != JET_errNoCurrentRecord && o->err >= 0) {
        const struct slice bm = ix->flags & INDEX_PRIMARY ? n.key : n.data;
        if (err < 0)
            continue;
        out_str(o, "K ");
        out_str(o, d->table->name);
        out_char(o, ' ');
        out_str(o, ix->name);
        out_str(o, " key=");
        out_hex(o, n.key.p, n.key.len);
        out_str(o, " bm=");
        out_hex(o, bm.p, bm.len);
        out_char(o, '\n');
    }
    bt_close(&d->bt);
}

static void canonical_end(struct dump *d)
{
    if (!d->opts->keys)
        return;
    for (unsigned i = 0; i < d->table->nr_indexes; i++)
        put_segments(d, &d->table->indexes[i]);
    for (unsigned i = 0; i < d->table->nr_indexes; i++)
        put_entries(d, &d->table->indexes[i]);
    out_printf(&d->out, "N %s rows=%" PRIu64 "\n", d->table->name, d->nr_rows);
}

const struct dump_ops dump_canonical_ops = {canonical_label, canonical_begin, canonical_row,
                                            canonical_end};
