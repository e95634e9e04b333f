#include "rec/indexkeys.h"

#include <stdlib.h>

#include "rec/text.h"

/* Combinations of a record's values without an entry before a bounded enumeration gives up. */
#define BARREN_MOST 65536u

bool index_plan_init(struct index_plan *p, const struct schema *s, const struct index *ix)
{
    const bool all = ix->flags & (INDEX_CROSS_PRODUCT | INDEX_NESTED);
    bool found = false;

    p->ix = ix;
    for (unsigned i = 0; i < ix->nr_segments; i++) {
        const struct column *c = schema_find(s, ix->segments[i].fid, ix->segments[i].from_template);
        if (!c)
            return false;
        p->segments[i] = c;
        p->multi[i] = (ix->flags & INDEX_MULTI_VALUED) && c->fid >= FID_TAGGED_LEAST &&
                      (c->flags & COLUMN_MULTI_VALUED) && (all || !found);
        found = found || p->multi[i];
    }
    for (unsigned i = 0; i < ix->nr_conditions; i++) {
        p->conditions[i] = schema_find(s, ix->conditions[i].fid, ix->conditions[i].from_template);
        if (!p->conditions[i])
            return false;
    }
    return true;
}

/* Bytes of a character, in which tuple indexes count. */
static uint32_t unit_of(const struct column *c)
{
    return c->cp == CP_UTF16 ? 2 : 1;
}

uint32_t index_value_most(const struct index_plan *p, unsigned n)
{
    const struct index *ix = p->ix;
    uint64_t most = NORM_VALUE_MOST;

    if (ix->tuples && n == 0)
        most = unit_of(p->segments[0]) *
               ((uint64_t)ix->tuple_step * ix->tuple_count + ix->tuple_start + ix->tuple_max);
    return most < NORM_VALUE_MOST ? NORM_VALUE_MOST : most < INT32_MAX ? (uint32_t)most : INT32_MAX;
}

/* ---- entries --------------------------------------------------------------------------------- */

struct making {
    const struct index_plan *p;
    const struct index *ix;
    unsigned flags;
    index_value_fn *values;
    index_entry_fn *fn;
    void *ctx;
    unsigned pos[INDEX_SEGMENTS_MAX]; /* which value of each segment, from 1 */
    int state[INDEX_SEGMENTS_MAX];
    struct slice value[INDEX_SEGMENTS_MAX];
    uint32_t most[INDEX_SEGMENTS_MAX];
    bool made; /* an entry of this combination */
    struct norm_key key;
};

/* One entry; first: what stands for the value of the first segment in a tuple index. */
static JET_ERR make_entry(struct making *m, const struct slice *first)
{
    const struct index *ix = m->ix;
    bool known = true;

    m->made = true;
    m->key.len = 0;
    m->key.truncated = false;
    for (unsigned i = 0; known && i < ix->nr_segments; i++) {
        const struct slice *v = m->state[i] == INDEX_NULL ? NULL : &m->value[i];

        if (i == 0 && first)
            v = first;
        known = m->state[i] != INDEX_UNKNOWN &&
                norm_append(&m->key, ix, m->p->segments[i], ix->segments[i].descending, v);
    }
    if (known && m->key.truncated && (ix->flags & INDEX_NO_TRUNCATION))
        return RAISE(JET_errKeyTruncated);
    if (!known && !(m->flags & INDEX_KEYS_UNKNOWN_OK))
        return RAISE(JET_errUnicodeNormalizationNotSupported);
    return m->fn(m->ctx, known ? &m->key : NULL);
}

static JET_ERR make_tuples(struct making *m)
{
    const struct index *ix = m->ix;
    const uint64_t unit = unit_of(m->p->segments[0]);
    uint64_t at = unit * ix->tuple_start;
    JET_ERR err = JET_errSuccess;

    if (m->state[0] == INDEX_UNKNOWN && !(m->flags & INDEX_KEYS_UNKNOWN_OK))
        return RAISE(JET_errUnicodeNormalizationNotSupported);
    if (m->state[0] != INDEX_VALUE)
        return JET_errSuccess;
    for (uint32_t i = 0; i < ix->tuple_count && err == JET_errSuccess;
         i++, at += unit * ix->tuple_step) {
        uint64_t len = at < m->value[0].len ? m->value[0].len - at : 0;
        struct slice piece;

        if (len < unit * ix->tuple_min || len == 0)
            break;
        if (len > unit * ix->tuple_max)
            len = unit * ix->tuple_max;
        piece = (struct slice){m->value[0].p + at, (uint32_t)len};
        err = make_entry(m, &piece);
    }
    return err;
}

/* The index's rules on nulls. *ret_stop: no entry, for these values and all that come after. */
static JET_ERR check_nulls(const struct making *m, bool *ret_stop)
{
    const unsigned flags = m->ix->flags;
    bool all = true, some = false;

    for (unsigned i = 0; i < m->ix->nr_segments; i++) {
        const bool null = m->state[i] == INDEX_NULL;
        all = all && null;
        some = some || null;
    }
    if (some && (flags & INDEX_NO_NULL) && (m->flags & INDEX_KEYS_CHECK_NULL))
        return RAISE(JET_errNullKeyDisallowed);
    if (all)
        *ret_stop = !(flags & INDEX_ALL_NULLS);
    else if (m->state[0] == INDEX_NULL)
        *ret_stop = !(flags & INDEX_FIRST_NULL);
    else
        *ret_stop = some && !(flags & INDEX_SOME_NULLS);
    return JET_errSuccess;
}

/* The values of this combination. *ret_out: the first segment, from the left, that has no value of
 * its number any more. */
static JET_ERR take_values(struct making *m, int *ret_out)
{
    bool multi = false, all_out = true;

    *ret_out = -1;
    for (unsigned i = 0; i < m->ix->nr_segments; i++) {
        const int got =
            m->values(m->ctx, i, m->p->segments[i], m->pos[i], m->most[i], &m->value[i]);
        const bool out = got == INDEX_NULL && m->pos[i] > 1;

        if (got < 0)
            return got;
        m->state[i] = got;
        multi = multi || m->p->multi[i];
        all_out = all_out && (out || !m->p->multi[i]);
        if (out && *ret_out < 0 && !(m->ix->flags & INDEX_NESTED)) {
            *ret_out = (int)i;
            return JET_errSuccess;
        }
    }
    if ((m->ix->flags & INDEX_NESTED) && multi && all_out)
        *ret_out = 0;
    return JET_errSuccess;
}

/* The next combination: all of them together in a nested table, else the last one, or the one in
 * front of that which ran out. False: that was all. */
static bool advance(struct making *m, int out)
{
    const bool nested = m->ix->flags & INDEX_NESTED;
    bool any = false;

    if (nested && out >= 0)
        return false;
    for (int i = (out >= 0 ? out : (int)m->ix->nr_segments) - 1; i >= 0 && (nested || !any); i--)
        if (m->p->multi[i]) {
            m->pos[i]++;
            any = true;
        }
    for (unsigned i = out > 0 ? (unsigned)out : INDEX_SEGMENTS_MAX; i < m->ix->nr_segments; i++)
        m->pos[i] = 1;
    return any;
}

static int conditions_hold(const struct making *m)
{
    for (unsigned i = 0; i < m->ix->nr_conditions; i++) {
        struct slice s;
        const int got = m->values(m->ctx, INDEX_SEGMENTS_MAX, m->p->conditions[i], 1, 0, &s);

        if (got < 0)
            return got;
        if (got != INDEX_UNKNOWN && (got == INDEX_NULL) != m->ix->conditions[i].must_be_null)
            return 0;
    }
    return 1;
}

static JET_ERR make_all(struct making *m)
{
    unsigned nr_barren = 0;
    bool stop = false;
    int out;
    JET_ERR err;

    do {
        err = take_values(m, &out);
        if (err != JET_errSuccess)
            return err;
        if (out >= 0)
            continue;
        m->made = false;
        if (!(m->ix->tuples && m->state[0] == INDEX_NULL))
            err = check_nulls(m, &stop);
        if (err != JET_errSuccess || stop)
            return err;
        err = m->ix->tuples ? make_tuples(m) : make_entry(m, NULL);
        if (err != JET_errSuccess)
            return err;
        if (!m->made && ++nr_barren == BARREN_MOST && (m->flags & INDEX_KEYS_BOUNDED))
            return INDEX_KEYS_GAVE_UP;
    } while (advance(m, out));
    return JET_errSuccess;
}

JET_ERR index_keys_each(const struct index_plan *p, unsigned flags, index_value_fn *values,
                        index_entry_fn *fn, void *ctx)
{
    struct making m;
    int hold;

    m.p = p;
    m.ix = p->ix;
    m.flags = flags;
    m.values = values;
    m.fn = fn;
    m.ctx = ctx;
    hold = conditions_hold(&m);
    if (hold <= 0)
        return hold;
    for (unsigned i = 0; i < p->ix->nr_segments; i++) {
        m.pos[i] = 1;
        m.most[i] = index_value_most(p, i);
    }
    return make_all(&m);
}

/* ---- a record's bytes as the source ---------------------------------------------------------- */

JET_ERR index_record_init(struct index_record *r, struct slice bytes, enum tagged_layout layout,
                          index_fetch_fn *fetch, void *ctx)
{
    if (recview_init(&r->view, bytes, layout))
        return RAISE(JET_errDatabaseCorrupted);
    r->fetch = fetch;
    r->fetch_ctx = ctx;
    memset(r->scratch, 0, sizeof(r->scratch));
    memset(r->scratch_len, 0, sizeof(r->scratch_len));
    r->used = false;
    return JET_errSuccess;
}

void index_record_done(struct index_record *r)
{
    for (unsigned i = 0; r->used && i < INDEX_SEGMENTS_MAX; i++) {
        free(r->scratch[i]);
        r->scratch[i] = NULL;
        r->scratch_len[i] = 0;
    }
}

static int fetch_value(struct index_record *r, unsigned slot, const struct value *v, uint32_t most,
                       struct slice *ret)
{
    uint8_t *p = r->scratch[slot];
    JET_ERR err;

    if (r->scratch_len[slot] < most) {
        p = realloc(p, most);
        if (!p)
            return RAISE(JET_errOutOfMemory);
        r->scratch[slot] = p;
        r->used = true;
        r->scratch_len[slot] = most;
    }
    err = r->fetch(r->fetch_ctx, v, p, most, &ret->len);
    ret->p = p;
    return err < 0 ? err : INDEX_VALUE;
}

/* index_value_fn over a record. */
int index_record_value(struct index_record *r, unsigned slot, const struct column *c, unsigned seq,
                       uint32_t most, struct slice *ret)
{
    struct value v;

    switch (recview_get(&r->view, c, seq, &v)) {
    case RECORD_DAMAGED:
        return RAISE(JET_errDatabaseCorrupted);
    case RECORD_NULL:
        return INDEX_NULL;
    case RECORD_ABSENT:
        if (seq != 1 || !c->has_default || (c->flags & COLUMN_USER_DEFAULT))
            return INDEX_NULL;
        *ret = c->default_value;
        return INDEX_VALUE;
    default:
        break;
    }
    if (slot == INDEX_SEGMENTS_MAX)
        return INDEX_VALUE;
    if (v.separated || v.compressed || v.encrypted)
        return fetch_value(r, slot, &v, most, ret);
    *ret = v.data;
    return INDEX_VALUE;
}

/* ---- all keys of a record together ----------------------------------------------------------- */

struct collecting {
    struct index_key_set *set;
    struct index_record *r;
};

static int collect_value(void *ctx, unsigned slot, const struct column *c, unsigned seq,
                         uint32_t most, struct slice *ret)
{
    struct collecting *k = ctx;

    return index_record_value(k->r, slot, c, seq, most, ret);
}

/* Room for one more; a set doubles, so that it soon has its size. */
static bool make_room(struct index_key_set *set, uint32_t len)
{
    if (set->nr == set->room) {
        const unsigned room = set->room ? 2 * set->room : 8;
        struct index_key *keys = realloc(set->keys, room * sizeof(*keys));
        if (!keys)
            return false;
        set->keys = keys;
        set->room = room;
    }
    if (set->room_bytes - set->nr_bytes < len) {
        const uint32_t room = 2 * set->room_bytes + INDEX_KEY_LIMIT;
        uint8_t *bytes = realloc(set->bytes, room);
        if (!bytes)
            return false;
        set->bytes = bytes;
        set->room_bytes = room;
    }
    return true;
}

static JET_ERR collect_entry(void *ctx, const struct norm_key *key)
{
    struct index_key_set *set = ((struct collecting *)ctx)->set;

    if (set->nr_bytes > INT32_MAX / 2 || !make_room(set, key->len))
        return RAISE(JET_errOutOfMemory);
    set->keys[set->nr++] = (struct index_key){set->nr_bytes, key->len};
    memcpy(set->bytes + set->nr_bytes, key->b, key->len);
    set->nr_bytes += key->len;
    set->truncated = set->truncated || key->truncated;
    return JET_errSuccess;
}

static int compare_keys(const void *a, const void *b, void *bytes)
{
    const struct index_key *x = a, *y = b;
    const uint32_t len = x->len < y->len ? x->len : y->len;
    const int d = memcmp((uint8_t *)bytes + x->at, (uint8_t *)bytes + y->at, len);

    return d ? d : (x->len > y->len) - (x->len < y->len);
}

static void sort_keys(struct index_key_set *set)
{
    unsigned n = 1;

    if (set->nr < 2)
        return;
    qsort_r(set->keys, set->nr, sizeof(*set->keys), compare_keys, set->bytes);
    for (unsigned i = 1; i < set->nr; i++)
        if (compare_keys(&set->keys[i], &set->keys[n - 1], set->bytes) != 0)
            set->keys[n++] = set->keys[i];
    set->repeated = n < set->nr;
    set->nr = n;
}

JET_ERR index_key_set_make(struct index_key_set *set, const struct index_plan *p, unsigned flags,
                           struct index_record *r)
{
    struct collecting k = {set, r};
    JET_ERR err;

    set->nr = 0;
    set->nr_bytes = 0;
    set->repeated = set->truncated = false;
    err = index_keys_each(p, flags & INDEX_KEYS_CHECK_NULL, collect_value, collect_entry, &k);
    if (err < 0)
        return err;
    sort_keys(set);
    return JET_errSuccess;
}

void index_key_set_done(struct index_key_set *set)
{
    free(set->keys);
    free(set->bytes);
    *set = (struct index_key_set){0};
}
