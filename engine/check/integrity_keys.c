#include "check/integrity_keys.h"

#include <stdlib.h>

#include "rec/text.h"
#include "rec/value.h"

/* Plain bytes of compressed and separated values of one record; those that find no room are not known. */
#define SCRATCH_LEN (1u << 20)
/* Of one value that a tuple index cuts up. Longer ones are not known. */
#define TUPLE_VALUE_MOST (128u << 10)
/* Combinations of values that give no entry, for one record. */
#define BARREN_MOST 65536u

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

struct segment_source {
    size_t need;
    bool multi; /* entries are made for each of its values */
};

struct index_source {
    const struct index *ix;
    struct segment_source segments[INDEX_SEGMENTS_MAX], conditions[INDEX_SEGMENTS_MAX];
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
    struct norm_key key;
};

/* ---- preparing --------------------------------------------------------------------------------- */

static int compare_needs(const void *a, const void *b)
{
    const struct needed *x = a, *y = b;
    return x->column < y->column ? -1 : x->column > y->column;
}

/* Bytes of a character, in which tuple indexes count. */
static uint32_t unit_of(const struct column *c)
{
    return c->cp == CP_UTF16 ? 2 : 1;
}

static uint32_t bytes_needed(const struct index *ix, const struct column *c)
{
    uint64_t n = NORM_VALUE_MOST;

    if (ix->tuples)
        n = (uint64_t)ix->tuple_step * ix->tuple_count;
    if (ix->tuples && n < TUPLE_VALUE_MOST)
        n = unit_of(c) * (n + ix->tuple_start + ix->tuple_max);
    return n < NORM_VALUE_MOST    ? NORM_VALUE_MOST
           : n < TUPLE_VALUE_MOST ? (uint32_t)n
                                  : TUPLE_VALUE_MOST;
}

static void need(struct keys *k, const struct index *ix, const struct index_segment *s)
{
    const struct column *c = schema_find(k->schema, s->fid, s->from_template);

    if (c)
        k->needs[k->nr_needs++] = (struct needed){.column = c, .most = bytes_needed(ix, c)};
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

static bool find_need(const struct keys *k, const struct index_segment *s, size_t *ret)
{
    const struct needed wanted = {.column = schema_find(k->schema, s->fid, s->from_template)};
    const struct needed *n;

    if (!wanted.column)
        return false;
    n = bsearch(&wanted, k->needs, k->nr_needs, sizeof(wanted), compare_needs);
    assert(n);
    *ret = (size_t)(n - k->needs);
    return true;
}

static void prepare_index(struct keys *k, const struct index *ix, struct index_source *ret)
{
    const bool all = ix->flags & (INDEX_CROSS_PRODUCT | INDEX_NESTED);
    bool found = false;

    ret->ix = ix;
    for (unsigned i = 0; i < ix->nr_segments; i++) {
        struct segment_source *s = &ret->segments[i];
        const struct column *c;

        if (!find_need(k, &ix->segments[i], &s->need)) {
            ret->broken = true;
            continue;
        }
        c = k->needs[s->need].column;
        s->multi = (ix->flags & INDEX_MULTI_VALUED) && c->fid >= FID_TAGGED_LEAST &&
                   (c->flags & COLUMN_MULTI_VALUED) && (all || !found);
        found = found || s->multi;
    }
    for (unsigned i = 0; i < ix->nr_conditions; i++)
        if (!find_need(k, &ix->conditions[i], &ret->conditions[i].need))
            ret->broken = true;
    if (ret->broken && !k->g->catalog->damaged)
        integrity_fault(k->g, JET_errCatalogCorrupted, 0,
                        "index %.70s of table %.70s names a column that there is not", ix->name,
                        k->schema->table->name);
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
    for (unsigned i = 0; i < t->nr_indexes; i++) {
        for (unsigned n = 0; n < t->indexes[i].nr_segments; n++)
            need(k, &t->indexes[i], &t->indexes[i].segments[n]);
        for (unsigned n = 0; n < t->indexes[i].nr_conditions; n++)
            need(k, &t->indexes[i], &t->indexes[i].conditions[n]);
    }
    merge_needs(k);
    for (unsigned i = 0; i < t->nr_indexes; i++)
        prepare_index(k, &t->indexes[i], &k->indexes[i]);
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
    const struct index_source *src;
    uint64_t limit;
    key_fn *fn;
    void *ctx;
    struct key_count *ret;
    size_t pos[INDEX_SEGMENTS_MAX]; /* which value of each segment */
    unsigned nr_barren;
    bool stop;
};

/* The value of a segment: false: null. *h NULL: there is one, but nobody knows it. */
static bool value_of(struct making *m, unsigned segment, struct held_value **ret)
{
    struct needed *n = &m->k->needs[m->src->segments[segment].need];

    *ret = NULL;
    if (n->undefined)
        return true;
    if (m->pos[segment] >= n->nr)
        return false;
    *ret = &m->k->values[n->first + m->pos[segment]];
    if (!(*ret)->read)
        read_value(m->k, n, *ret);
    return true;
}

/* The rules on nulls; an index that has tuples has no entry for a null at all. */
static bool nulls_allowed(struct making *m)
{
    const struct index *ix = m->src->ix;
    struct held_value *h;
    bool all = true, some = false, first = false;

    for (unsigned i = 0; i < ix->nr_segments; i++) {
        const bool null = !value_of(m, i, &h);
        all = all && null;
        some = some || null;
        first = first || (null && i == 0);
    }
    if (all)
        return ix->flags & INDEX_ALL_NULLS;
    if (first)
        return ix->flags & INDEX_FIRST_NULL;
    return !some || (ix->flags & INDEX_SOME_NULLS);
}

/* One entry; first: what stands for the value of the first segment in a tuple index. */
static void make_entry(struct making *m, const struct slice *first)
{
    const struct index *ix = m->src->ix;
    struct norm_key *key = &m->k->key;
    bool known = true;

    if (m->ret->nr >= m->limit) {
        m->stop = m->ret->too_many = true;
        return;
    }
    key->len = 0;
    key->truncated = false;
    for (unsigned i = 0; known && i < ix->nr_segments; i++) {
        const struct column *c = m->k->needs[m->src->segments[i].need].column;
        struct held_value *h;
        const struct slice *v = NULL;

        if (i == 0 && first) {
            v = first;
        } else if (value_of(m, i, &h)) {
            known = h && h->known;
            v = known ? &h->plain : NULL;
        }
        known = known && norm_append(key, ix, c, ix->segments[i].descending, v);
    }
    m->ret->nr++;
    m->ret->keys_known = m->ret->keys_known && known;
    m->fn(m->ctx, known ? key : NULL);
}

static void make_tuples(struct making *m)
{
    const struct index *ix = m->src->ix;
    const struct column *c = m->k->needs[m->src->segments[0].need].column;
    const uint64_t unit = unit_of(c);
    uint64_t at = unit * ix->tuple_start;
    struct held_value *h;

    if (!value_of(m, 0, &h))
        return;
    if (!h || !h->known || !h->whole)
        m->ret->exact = false;
    if (!h || !h->known)
        return;
    for (uint32_t i = 0; i < ix->tuple_count && !m->stop; i++, at += unit * ix->tuple_step) {
        uint64_t len = at < h->plain.len ? h->plain.len - at : 0;
        struct slice piece;

        if (len < unit * ix->tuple_min || len == 0)
            return;
        if (len > unit * ix->tuple_max)
            len = unit * ix->tuple_max;
        piece = (struct slice){h->plain.p + at, (uint32_t)len};
        make_entry(m, &piece);
    }
}

static void make_one(struct making *m)
{
    const uint64_t before = m->ret->nr;

    if (!nulls_allowed(m)) { /* as they are with these values, they are with the next ones */
        m->stop = true;
        return;
    }
    if (m->src->ix->tuples)
        make_tuples(m);
    else
        make_entry(m, NULL);
    if (m->ret->nr == before && ++m->nr_barren == BARREN_MOST) {
        m->stop = true;
        m->ret->exact = false;
    }
}

static size_t nr_values_of(const struct making *m, unsigned segment)
{
    const struct needed *n = &m->k->needs[m->src->segments[segment].need];

    return m->src->segments[segment].multi && n->nr > 1 ? n->nr : 1;
}

/* The next combination: all of them together in a nested table, else one after the other. */
static bool advance(struct making *m)
{
    const struct index *ix = m->src->ix;
    bool more = false;

    if (ix->flags & INDEX_NESTED) {
        for (unsigned i = 0; i < ix->nr_segments; i++)
            if (m->src->segments[i].multi)
                more = ++m->pos[i] < nr_values_of(m, i) || more;
        return more;
    }
    for (unsigned i = ix->nr_segments; i-- > 0;) {
        if (++m->pos[i] < nr_values_of(m, i))
            return true;
        m->pos[i] = 0;
    }
    return false;
}

/* Whether the conditional columns are as they must be; an undefined one leaves it open. */
static bool conditions_hold(struct making *m)
{
    const struct index *ix = m->src->ix;

    for (unsigned i = 0; i < ix->nr_conditions; i++) {
        const struct needed *n = &m->k->needs[m->src->conditions[i].need];
        if (n->undefined)
            m->ret->exact = false;
        else if ((n->nr == 0) != ix->conditions[i].must_be_null)
            return false;
    }
    return true;
}

void keys_of(struct keys *k, unsigned i, uint64_t limit, key_fn *fn, void *ctx,
             struct key_count *ret)
{
    struct making m = {
        .k = k, .src = &k->indexes[i], .limit = limit, .fn = fn, .ctx = ctx, .ret = ret};

    *ret = (struct key_count){.exact = !m.src->broken, .keys_known = !m.src->broken};
    if (m.src->broken || !conditions_hold(&m))
        return;
    for (unsigned n = 0; n < m.src->ix->nr_segments; n++)
        if (k->needs[m.src->segments[n].need].undefined)
            ret->exact = false;
    do {
        make_one(&m);
    } while (!m.stop && advance(&m));
}
