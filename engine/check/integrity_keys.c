#include "check/integrity_keys.h"

#include <stdlib.h>

#include "rec/indexkeys.h"
#include "rec/value.h"

/* Plain bytes of compressed and separated values of one record; those that find no room are not known. */
#define SCRATCH_LEN (1u << 20)
/* Of one value that a tuple index cuts up. Longer ones are not known. */
#define TUPLE_VALUE_MOST (128u << 10)

struct held_value {
    struct value v;
    struct slice plain;
    bool read, known, whole; /* whole: plain is all of it, or more than an index may need */
};

struct needed { /* a column that is part of an index */
    const struct column *column;
    uint32_t most;    /* bytes of a value that matter */
    size_t first, nr; /* values in the record at hand */
    bool undefined;   /* a callback of the application would give its value */
    bool seen;
};

struct index_source {
    struct index_plan plan;
    bool broken; /* the catalogue names a column that there is not */
};

struct keys {
    struct integrity *g;
    const struct schema *schema;
    struct needed *needs; /* in the order of the schema */
    size_t nr_needs, next_need;
    struct index_source *indexes;
    struct held_value *values;
    size_t nr_values, room_values;
    uint8_t *scratch;
    uint32_t scratch_used;
    struct value_reader *reader;
    pgno_t pgno;
};

/* ---- preparing --------------------------------------------------------------------------------- */

static int compare_needs(const void *a, const void *b)
{
    const struct needed *x = a, *y = b;
    return x->column < y->column ? -1 : x->column > y->column;
}

static void need(struct keys *k, const struct column *c, uint32_t most)
{
    k->needs[k->nr_needs++] =
        (struct needed){.column = c, .most = most < TUPLE_VALUE_MOST ? most : TUPLE_VALUE_MOST};
}

static void prepare_index(struct keys *k, const struct index *ix, struct index_source *ret)
{
    if (!index_plan_init(&ret->plan, k->schema, ix)) {
        ret->broken = true;
        if (!k->g->catalog->damaged)
            integrity_fault(k->g, JET_errCatalogCorrupted, 0,
                            "index %.70s of table %.70s names a column that there is not", ix->name,
                            k->schema->table->name);
        return;
    }
    for (unsigned i = 0; i < ix->nr_segments; i++)
        need(k, ret->plan.segments[i], index_value_most(&ret->plan, i));
    for (unsigned i = 0; i < ix->nr_conditions; i++)
        need(k, ret->plan.conditions[i], 1);
}

static void merge_needs(struct keys *k)
{
    size_t n = 0;

    if (k->nr_needs)
        qsort(k->needs, k->nr_needs, sizeof(*k->needs), compare_needs);
    for (size_t i = 0; i < k->nr_needs; i++) {
        if (n && k->needs[n - 1].column == k->needs[i].column) {
            if (k->needs[n - 1].most < k->needs[i].most)
                k->needs[n - 1].most = k->needs[i].most;
            continue;
        }
        k->needs[n++] = k->needs[i];
    }
    k->nr_needs = n;
}

JET_ERR keys_new(struct integrity *g, const struct schema *s, struct keys **ret)
{
    const struct table *t = s->table;
    struct keys *k = calloc(1, sizeof(*k));

    if (!k)
        return RAISE(JET_errOutOfMemory);
    k->g = g;
    k->schema = s;
    k->needs = calloc((size_t)t->nr_indexes * 2 * INDEX_SEGMENTS_MAX + 1, sizeof(*k->needs));
    k->indexes = calloc((size_t)t->nr_indexes + 1, sizeof(*k->indexes));
    k->scratch = malloc(SCRATCH_LEN);
    k->reader = malloc(sizeof(*k->reader));
    if (!k->needs || !k->indexes || !k->scratch || !k->reader) {
        free(k->reader);
        k->reader = NULL;
        keys_free(k);
        return RAISE(JET_errOutOfMemory);
    }
    lv_init(&k->reader->lv, g->f, t->lv_pgno, t->lv_objid, t->lv_chunk);
    for (unsigned i = 0; i < t->nr_indexes; i++)
        prepare_index(k, &t->indexes[i], &k->indexes[i]);
    merge_needs(k);
    *ret = k;
    return JET_errSuccess;
}

void keys_free(struct keys *k)
{
    if (!k)
        return;
    if (k->reader)
        lv_done(&k->reader->lv);
    free(k->reader);
    free(k->needs);
    free(k->indexes);
    free(k->values);
    free(k->scratch);
    free(k);
}

/* ---- the record at hand ------------------------------------------------------------------------ */

static JET_ERR hold(struct keys *k, struct needed *n, const struct value *v)
{
    JET_ERR err = integrity_grow(&k->values, k->nr_values, &k->room_values, sizeof(*k->values));

    if (err < 0)
        return err;
    if (n->nr++ == 0)
        n->first = k->nr_values;
    k->values[k->nr_values++] = (struct held_value){.v = *v};
    return JET_errSuccess;
}

static JET_ERR take_default(struct keys *k, struct needed *n)
{
    const struct column *c = n->column;

    n->undefined = c->flags & COLUMN_USER_DEFAULT;
    if (!c->has_default || n->undefined)
        return JET_errSuccess;
    return hold(k, n, &(struct value){.data = c->default_value});
}

static JET_ERR take_plain(struct keys *k, struct needed *n, const struct record *r)
{
    const struct column *c = n->column;
    struct slice s;
    enum record_state state = c->fid <= FID_FIXED_MOST
                                  ? record_fixed(r, c->fid, c->offset, c->len, &s)
                                  : record_var(r, c->fid, &s);

    if (state == RECORD_ABSENT)
        return take_default(k, n);
    return state == RECORD_VALUE ? hold(k, n, &(struct value){.data = s}) : JET_errSuccess;
}

JET_ERR keys_begin(struct keys *k, const struct record *r, pgno_t pgno)
{
    JET_ERR err = JET_errSuccess;

    k->pgno = pgno;
    k->nr_values = 0;
    k->scratch_used = 0;
    k->next_need = 0;
    for (size_t i = 0; err >= 0 && i < k->nr_needs; i++) {
        struct needed *n = &k->needs[i];
        n->nr = 0;
        n->undefined = n->seen = false;
        if (n->column->fid < FID_TAGGED_LEAST)
            err = take_plain(k, n, r);
    }
    return err;
}

/* Order of tagged fields in records and of columns in the schema: the template's, then by number. */
static bool stands_before(const struct column *c, const struct tagged_value *v)
{
    if (c->fid < FID_TAGGED_LEAST)
        return true;
    return c->derived != v->derived ? c->derived : c->fid < v->fid;
}

JET_ERR keys_add(struct keys *k, const struct tagged_value *v)
{
    struct needed *n;

    while (k->next_need < k->nr_needs && stands_before(k->needs[k->next_need].column, v))
        k->next_need++;
    if (k->next_need == k->nr_needs)
        return JET_errSuccess;
    n = &k->needs[k->next_need];
    if (n->column->fid != v->fid || n->column->derived != v->derived)
        return JET_errSuccess;
    n->seen = true;
    return v->null ? JET_errSuccess : hold(k, n, &v->v);
}

JET_ERR keys_end(struct keys *k)
{
    JET_ERR err = JET_errSuccess;

    for (size_t i = 0; err >= 0 && i < k->nr_needs; i++)
        if (k->needs[i].column->fid >= FID_TAGGED_LEAST && !k->needs[i].seen)
            err = take_default(k, &k->needs[i]);
    return err;
}

/* The plain bytes of a value, as many as matter. */
static void read_value(struct keys *k, const struct needed *n, struct held_value *h)
{
    const uint32_t left = SCRATCH_LEN - k->scratch_used;
    uint8_t *to = k->scratch + k->scratch_used;
    uint32_t len;
    JET_ERR err;

    h->read = true;
    if (value_is_plain(&h->v)) {
        h->plain = h->v.data;
        h->known = h->whole = true;
        return;
    }
    if (left < n->most)
        return;
    k->g->muted++; /* long values are checked on their own; other schemes are for others to know */
    err = value_read(k->reader, &h->v, k->pgno, to, n->most, &len);
    k->g->muted--;
    if (err < 0)
        return;
    h->plain = (struct slice){to, len};
    h->known = true;
    h->whole = len < n->most || n->most < TUPLE_VALUE_MOST;
    k->scratch_used += len;
}

/* ---- entries ----------------------------------------------------------------------------------- */

struct making {
    struct keys *k;
    const struct index *ix;
    uint64_t limit;
    key_fn *fn;
    void *ctx;
    struct key_count *ret;
};

/* index_value_fn */
static int value_of(void *ctx, unsigned slot, const struct column *c, unsigned seq, uint32_t most,
                    struct slice *ret)
{
    struct making *m = ctx;
    const struct needed wanted = {.column = c};
    const struct needed *n =
        bsearch(&wanted, m->k->needs, m->k->nr_needs, sizeof(wanted), compare_needs);
    struct held_value *h;

    (void)most;
    if (n->undefined) {
        m->ret->exact = false;
        return seq == 1 ? INDEX_UNKNOWN : INDEX_NULL;
    }
    if (seq > n->nr)
        return INDEX_NULL;
    if (slot == INDEX_SEGMENTS_MAX)
        return INDEX_VALUE;
    h = &m->k->values[n->first + seq - 1];
    if (!h->read)
        read_value(m->k, n, h);
    if (m->ix->tuples && slot == 0 && (!h->known || !h->whole))
        m->ret->exact = false;
    *ret = h->plain;
    return h->known ? INDEX_VALUE : INDEX_UNKNOWN;
}

/* index_entry_fn */
static JET_ERR take_entry(void *ctx, const struct norm_key *key)
{
    struct making *m = ctx;

    if (m->ret->nr >= m->limit) {
        m->ret->too_many = true;
        return INDEX_KEYS_GAVE_UP;
    }
    m->ret->nr++;
    m->ret->keys_known = m->ret->keys_known && key;
    m->fn(m->ctx, key);
    return JET_errSuccess;
}

void keys_of(struct keys *k, unsigned i, uint64_t limit, key_fn *fn, void *ctx,
             struct key_count *ret)
{
    const struct index_source *src = &k->indexes[i];
    struct making m = {
        .k = k, .ix = src->plan.ix, .limit = limit, .fn = fn, .ctx = ctx, .ret = ret};

    *ret = (struct key_count){.exact = !src->broken, .keys_known = !src->broken};
    if (!src->broken && index_keys_each(&src->plan, INDEX_KEYS_UNKNOWN_OK | INDEX_KEYS_BOUNDED,
                                        value_of, take_entry, &m) != JET_errSuccess)
        ret->exact = ret->exact && ret->too_many;
}
