/*
 * Records, tagged fields and catalogue rows for tests, written the way tests want them and not only the
 * way they should be.
 */
#ifndef RECBUILD_H
#define RECBUILD_H

#include "../btree/testdb.h"

#include "rec/catalog.h"
#include "rec/recfmt.h"
#include "rec/tagged.h"

__attribute__((unused)) static struct slice sl(const void *p, uint32_t len)
{
    return (struct slice){p, len};
}
__attribute__((unused)) static struct slice str(const char *s)
{
    return sl(s, (uint32_t)strlen(s));
}

/* ---- tagged fields ------------------------------------------------------------------------------ */

struct tagb {
    enum tagged_layout layout;
    unsigned nr;
    struct {
        uint16_t fid,
            bits; /* TAG_DERIVED, TAG_SMALL_NULL; the header's bit is set with the header */
        uint8_t header;
        bool has_header;
        uint32_t len;
        const void *data; /* not copied */
    } f[40];
};

/* header < 0: none (small layout only). */
__attribute__((unused)) static void tagb_add(struct tagb *t, uint16_t fid, uint16_t bits,
                                             int header, const void *data, uint32_t len)
{
    t->f[t->nr].fid = fid;
    t->f[t->nr].bits = bits;
    t->f[t->nr].has_header = header >= 0;
    t->f[t->nr].header = (uint8_t)header;
    t->f[t->nr].len = len;
    t->f[t->nr].data = data;
    t->nr++;
}

__attribute__((unused)) static uint32_t tagb_end(const struct tagb *t, uint8_t *out)
{
    uint32_t at = 4 * t->nr;

    for (unsigned i = 0; i < t->nr; i++) {
        uint16_t ib = (uint16_t)(at | t->f[i].bits);
        if (t->layout == TAGGED_SMALL && t->f[i].has_header)
            ib |= TAG_SMALL_HEADER;
        put_le16(out + 4 * i, t->f[i].fid);
        put_le16(out + 4 * i + 2, ib);
        if (t->f[i].has_header)
            out[at++] = t->f[i].header;
        if (t->f[i].len)
            memcpy(out + at, t->f[i].data, t->f[i].len);
        at += t->f[i].len;
    }
    return at;
}

/* ---- records ------------------------------------------------------------------------------------ */

struct recb {
    unsigned fixed_last;
    uint32_t fixed_len;
    uint8_t fixed[300], nulls[16];
    unsigned nr_var;
    struct {
        const void *p;
        uint32_t len;
        bool null;
    } var[20];
    const uint8_t *tagged;
    uint32_t tagged_len;
};

__attribute__((unused)) static void recb_fixed(struct recb *r, unsigned fid, const void *p,
                                               uint32_t len)
{
    memcpy(r->fixed + r->fixed_len, p, len);
    r->fixed_len += len;
    r->fixed_last = fid;
}

__attribute__((unused)) static void recb_fixed_null(struct recb *r, unsigned fid, uint32_t len)
{
    r->fixed_len += len;
    r->fixed_last = fid;
    r->nulls[(fid - 1) / 8] |= (uint8_t)(1u << (fid - 1) % 8);
}

/* p NULL: null. */
__attribute__((unused)) static void recb_var(struct recb *r, const void *p, uint32_t len)
{
    r->var[r->nr_var].p = p;
    r->var[r->nr_var].len = len;
    r->var[r->nr_var++].null = !p;
}

__attribute__((unused)) static uint32_t recb_end(const struct recb *r, uint8_t *out)
{
    const uint32_t nr_nulls = (r->fixed_last + 7) / 8;
    uint32_t at = 4, data, end = 0;

    out[0] = (uint8_t)r->fixed_last;
    out[1] = (uint8_t)(127 + r->nr_var);
    memcpy(out + at, r->fixed, r->fixed_len);
    at += r->fixed_len;
    memcpy(out + at, r->nulls, nr_nulls);
    at += nr_nulls;
    put_le16(out + 2, (uint16_t)at);
    data = at + 2 * r->nr_var;
    for (unsigned i = 0; i < r->nr_var; i++) {
        if (r->var[i].len)
            memcpy(out + data + end, r->var[i].p, r->var[i].len);
        end += r->var[i].len;
        put_le16(out + at + 2 * i, (uint16_t)(end | (r->var[i].null ? VAR_NULL : 0u)));
    }
    if (r->tagged_len)
        memcpy(out + data + end, r->tagged, r->tagged_len);
    return data + end + r->tagged_len;
}

/* ---- catalogue rows ----------------------------------------------------------------------------- */

struct catb {
    uint32_t objid, type, id, coltyp_or_pgno, space, flags, pages_or_locale, record_offset, lcmap,
        key_most, lv_chunk;
    const char *name, *templ;
    struct slice default_value, key_fids, segment_most, conditions, tuple_limits;
    const char *locale;
};

static inline void catb_le16(struct recb *r, unsigned fid, uint32_t v)
{
    uint8_t b[2];

    put_le16(b, (uint16_t)v);
    recb_fixed(r, fid, b, 2);
}

static inline void catb_le32(struct recb *r, unsigned fid, uint32_t v)
{
    uint8_t b[4];

    put_le32(b, v);
    recb_fixed(r, fid, b, 4);
}

__attribute__((unused)) static uint32_t catb_record(const struct catb *c, enum tagged_layout layout,
                                                    uint8_t *out)
{
    struct recb r = {0};
    struct tagb t = {.layout = layout};
    static uint8_t tagged[20000];

    catb_le32(&r, 1, c->objid);
    catb_le16(&r, 2, c->type);
    catb_le32(&r, 3, c->id);
    catb_le32(&r, 4, c->coltyp_or_pgno);
    catb_le32(&r, 5, c->space);
    catb_le32(&r, 6, c->flags);
    catb_le32(&r, 7, c->pages_or_locale);
    recb_fixed(&r, 8, "\xff", 1);
    catb_le16(&r, 9, c->record_offset);
    catb_le32(&r, 10, c->lcmap);
    catb_le16(&r, 11, c->key_most);
    catb_le32(&r, 12, c->lv_chunk);
    recb_var(&r, c->name, c->name ? (uint32_t)strlen(c->name) : 0);
    recb_var(&r, NULL, 0);
    recb_var(&r, c->templ, c->templ ? (uint32_t)strlen(c->templ) : 0);
    recb_var(&r, c->default_value.p, c->default_value.len);
    recb_var(&r, c->key_fids.p, c->key_fids.len);
    recb_var(&r, c->segment_most.p, c->segment_most.len);
    recb_var(&r, c->conditions.p, c->conditions.len);
    recb_var(&r, c->tuple_limits.p, c->tuple_limits.len);
    if (c->locale) {
        static uint8_t wide[19000];
        for (size_t i = 0; i < strlen(c->locale); i++)
            put_le16(wide + 2 * i, (uint16_t)c->locale[i]);
        tagb_add(&t, 261, 0, TAGHDR_LONG, wide, 2 * (uint32_t)strlen(c->locale));
        r.tagged_len = tagb_end(&t, tagged);
        r.tagged = tagged;
    }
    return recb_end(&r, out);
}

/* Adds a row to the catalogue's only page. A reader does not look at the key, so that rows can be in any
 * order here. */
__attribute__((unused)) static void catb_add(struct testdb *db, pgno_t pgno, const struct catb *c)
{
    static uint8_t rec[PAGE_SIZE_MAX];
    uint8_t *page = testdb_page(db, pgno), key[2];
    const uint32_t len = catb_record(c, db->page_size <= 8192 ? TAGGED_SMALL : TAGGED_LARGE, rec);
    const unsigned nr = page_nr_lines((struct page){page, db->page_size});

    key[0] = (uint8_t)(nr >> 8);
    key[1] = (uint8_t)nr;
    add_node(page, db->page_size, 0, 0, key, 2, rec, len);
}

/* An empty catalogue: page 4, or its shadow: page 24. */
__attribute__((unused)) static void catb_begin(struct testdb *db, pgno_t pgno)
{
    page_make(testdb_page(db, pgno), db->page_size, pgno,
              pgno == CATALOG_PGNO ? CATALOG_OBJID : CATALOG_SHADOW_OBJID,
              PAGE_ROOT | PAGE_LEAF | PAGE_NEW_RECORD_FORMAT | PAGE_NEW_CHECKSUM, 0, 0);
    set_space(testdb_page(db, pgno), db->page_size, 1, 0, 1, 0);
}

/* The root page of an empty table, index or long-value tree. */
__attribute__((unused)) static uint8_t *make_root(struct testdb *db, pgno_t pgno, objid_t objid,
                                                  uint32_t flags)
{
    uint8_t *b = testdb_page(db, pgno);

    page_make(b, db->page_size, pgno, objid,
              flags | PAGE_ROOT | PAGE_LEAF | PAGE_NEW_RECORD_FORMAT | PAGE_NEW_CHECKSUM, 0, 0);
    set_space(b, db->page_size, 1, 0, 1, 0);
    return b;
}

#endif
