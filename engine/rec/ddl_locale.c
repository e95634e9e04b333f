/*
 * MSysLocales: a table of names and numbers that counts the indexes of each locale and version of
 * the order of text, so that an engine with another version sees at once that there are any (ESE:
 * cat.cxx ErrCATIAddLocale, kvpstore.cxx). Counts are
 * never taken back: neither by a rollback nor by the deletion of an index.
 */
#include "rec/ddl_priv.h"
#include "rec/text.h"

enum { /* columns (ESE: kvpstore.cxx) */
       FID_TYPE = 1,
       FID_VALUE = 2,
       FID_KEY = 128,
};
enum { /* of FID_TYPE, persistent */
       KIND_SCHEMA = 1,
       KIND_NUMBER = 2,
};

struct row { /* name and number of MSysLocales */
    uint8_t key[2 * 160];
    uint32_t key_len;
    uint8_t kind;
    uint32_t value;
};

/* ASCII, and the NUL. */
static void set_key(struct row *r, const char *name)
{
    const size_t most = sizeof(r->key) / 2 - 1;
    const size_t len = strnlen(name, most);

    for (size_t i = 0; i <= len; i++)
        put_le16(r->key + 2 * i, i < len ? (uint8_t)name[i] : 0);
    r->key_len = (uint32_t)(2 * (len + 1));
}

static void locale_key(struct row *r, const char *locale)
{
    uint8_t version[8], g[16];
    char name[160];

    norm_version(version, g);
    /* a GUID is printed by its numbers, not by its bytes */
    snprintf(name, sizeof(name),
             "LocaleName=%s,SortID=%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x,Ver=%llx",
             locale, get_le32(g), get_le16(g + 4), get_le16(g + 6), g[8], g[9], g[10], g[11], g[12],
             g[13], g[14], g[15], (unsigned long long)get_le64(version));
    set_key(r, name);
}

static JET_ERR put_value(struct recbuf *rb, const struct tdb *t, uint32_t value)
{
    uint8_t b[4];
    const struct slice v = {b, sizeof(b)};

    put_le32(b, value);
    return recbuf_set(rb, tdb_column(t, FID_VALUE), 1, &v, 0);
}

static JET_ERR build_row(struct recbuf *rb, const struct tdb *t, const struct row *r)
{
    const struct slice key = {r->key, r->key_len}, kind = {&r->kind, 1};
    JET_ERR err = recbuf_start(rb, &t->schema);

    if (err >= 0)
        err = recbuf_set(rb, tdb_column(t, FID_KEY), 1, &key, 0);
    if (err >= 0)
        err = recbuf_set(rb, tdb_column(t, FID_TYPE), 1, &kind, 0);
    return err < 0 ? err : put_value(rb, t, r->value);
}

static JET_ERR make_key(const struct tdb *t, const struct row *r, struct norm_key *k)
{
    const struct slice s = {r->key, r->key_len};

    k->len = 0;
    k->truncated = false;
    if (!t->primary || !norm_append(k, &t->primary->def, tdb_column(t, FID_KEY), false, &s))
        return RAISE(JET_errCatalogCorrupted);
    return JET_errSuccess;
}

/* The columns are there and what they should be: the table may be a forged one. */
static bool is_store(const struct tdb *t)
{
    const struct column *type = tdb_column(t, FID_TYPE), *value = tdb_column(t, FID_VALUE);

    return type && type->coltyp == JET_coltypUnsignedByte && value &&
           value->coltyp == JET_coltypLong && tdb_column(t, FID_KEY);
}

/* Adds to the number of that name, or makes it. */
static JET_ERR adjust(struct dir *d, struct recbuf *rb, const struct tdb *t, struct row *r)
{
    struct norm_key k;
    struct bookmark bm;
    struct dir_node n;
    struct value v;
    uint32_t was = 0;
    JET_ERR err = make_key(t, r, &k);

    if (err < 0)
        return err;
    bm = (struct bookmark){.key = {k.b, k.len}};
    err = dir_seek(d, &bm, DIR_EQ);
    if (err == JET_errRecordNotFound) {
        err = build_row(rb, t, r);
        return err < 0 ? err : dir_insert(d, bm.key, recbuf_bytes(rb), 0);
    }
    if (err >= 0)
        err = dir_get(d, &n);
    if (err < 0)
        return err;
    err = recbuf_load(rb, &t->schema, n.data,
                      tagged_layout_of(d->tree->db->page_size, PAGE_NEW_RECORD_FORMAT));
    dir_release(d);
    if (err < 0)
        return err;
    if (recbuf_get(rb, tdb_column(t, FID_VALUE), 1, &v) == RECORD_VALUE && v.data.len == 4)
        was = get_le32(v.data.p);
    err = put_value(rb, t, was + r->value);
    return err < 0 ? err : dir_replace(d, recbuf_bytes(rb), 0);
}

static JET_ERR in_store(struct sess *s, struct fcb *f, struct row *r)
{
    struct tdb *t = NULL;
    struct recbuf rb;
    struct dir d = {0};
    JET_ERR err = fcb_refresh(f, &t);

    if (err < 0)
        return err;
    err = is_store(t) ? recbuf_init(&rb, f->db->page_size) : RAISE(JET_errCatalogCorrupted);
    if (err >= 0) {
        err = dir_init(&d, s, f->tree);
        if (err >= 0) {
            err = adjust(&d, &rb, t, r);
            dir_done(&d);
        }
        recbuf_done(&rb);
    }
    tdb_put(t);
    return err;
}

/* s: in a transaction. Nothing happens where the database has no such table. */
static JET_ERR store_add(struct sess *s, struct db *d, struct row *r)
{
    static const char name[] = "MSysLocales";
    struct fcb *f;
    objid_t objid;
    JET_ERR err = fcb_lookup(s, d, (struct slice){(const uint8_t *)name, sizeof(name) - 1}, &objid);

    if (err == JET_errObjectNotFound)
        return JET_errSuccess;
    if (err >= 0)
        err = fcb_get(s, d, objid, &f);
    if (err < 0)
        return err;
    err = in_store(s, f, r);
    fcb_unref(f);
    return err;
}

JET_ERR ddl_count_locale(struct sess *s, struct db *d, const char *locale)
{
    struct row r = {.kind = KIND_NUMBER, .value = 1};
    struct fcb_cache *cache;
    struct sess *system;
    JET_ERR err = fcb_cache_get(d, &cache);

    if (err >= 0)
        err = sess_new(s->inst, true, &system);
    if (err < 0)
        return err;
    locale_key(&r, locale);
    err = trx_begin(system);
    pthread_mutex_lock(&cache->locales_lock);
    if (err >= 0)
        err = cat_end(system, store_add(system, d, &r), true);
    pthread_mutex_unlock(&cache->locales_lock);
    sess_free(system);
    return err;
}

JET_ERR ddl_fill_locales(struct sess *s, struct db *d)
{
    static const struct {
        const char *name;
        uint8_t kind;
        uint32_t value;
    } rows[] = {
        {".Schema\\Internal\\Major", KIND_SCHEMA, 1},
        {".Schema\\Internal\\Minor", KIND_SCHEMA, 0},
        {".Schema\\Internal\\Update", KIND_SCHEMA, 0},
        {".Schema\\External\\Major", KIND_SCHEMA, 1},
        {".Schema\\External\\Minor", KIND_SCHEMA, 0},
        {".Schema\\External\\Update", KIND_SCHEMA, 0},
    };
    JET_ERR err = JET_errSuccess;

    for (unsigned i = 0; err >= 0 && i < ARRAY_LEN(rows); i++) {
        struct row r = {.kind = rows[i].kind, .value = rows[i].value};

        set_key(&r, rows[i].name);
        err = trx_begin(s);
        if (err >= 0)
            err = cat_end(s, store_add(s, d, &r), true);
    }
    return err;
}

JET_ERR ddl_mark_locales(struct sess *s, struct db *d)
{
    struct row r = {.kind = KIND_NUMBER, .value = 1};

    set_key(&r, "MSysLocalesConsistent");
    return store_add(s, d, &r);
}
