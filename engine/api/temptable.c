#include "api/temptable.h"

#include <stdlib.h>

#include "rec/text.h"

struct row {
    uint64_t number;
    uint32_t key_len;
    struct slice *cells; /* nr_columns of them, bytes on the heap; p NULL: null */
    uint8_t key[];
};

struct temp_table {
    struct column *columns;
    unsigned nr_columns;
    struct index ix; /* of the key columns; nr_segments 0: rows stay as they come */
    const struct column *segments[INDEX_SEGMENTS_MAX];
    uint8_t version[8], sort_id[16]; /* of ix */
    struct row **rows;
    uint32_t nr, room;
    uint64_t next_number;
    bool sorted;
    int64_t at; /* place: -1 in front, nr behind */
    struct row *prepared;
    struct norm_key key, limit;
    unsigned nr_key;
    bool key_whole, range, range_upper, range_inclusive;
};

/* ---- life ------------------------------------------------------------------------------------ */

static void free_row(const struct temp_table *t, struct row *r)
{
    if (!r)
        return;
    for (unsigned i = 0; i < t->nr_columns; i++)
        free((void *)(uintptr_t)r->cells[i].p);
    free(r->cells);
    free(r);
}

void temp_table_free(struct temp_table *t)
{
    if (!t)
        return;
    for (uint32_t i = 0; i < t->nr; i++)
        free_row(t, t->rows[i]);
    free_row(t, t->prepared);
    free(t->rows);
    free(t->columns);
    free(t);
}

static void add_column(struct temp_table *t, const JET_COLUMNDEF *def)
{
    struct column *c = &t->columns[t->nr_columns++];

    *c = (struct column){.name = "",
                         .id = t->nr_columns,
                         .fid = (uint16_t)t->nr_columns,
                         .coltyp = (uint8_t)def->coltyp,
                         .cp = def->cp,
                         .len = coltyp_len(def->coltyp)};
    if (!(def->grbit & JET_bitColumnTTKey))
        return;
    t->ix.segments[t->ix.nr_segments] = (struct index_segment){.fid = c->fid};
    t->segments[t->ix.nr_segments++] = c;
}

JET_ERR temp_table_new(const JET_COLUMNDEF *columns, uint32_t nr, struct temp_table **ret)
{
    struct temp_table *t = calloc(1, sizeof(*t));

    if (t)
        t->columns = calloc(nr, sizeof(*t->columns));
    if (!t || !t->columns) {
        free(t);
        return RAISE(JET_errOutOfMemory);
    }
    norm_version(t->version, t->sort_id); /* keys of text are this engine's */
    t->at = -1;
    t->ix.name = t->ix.locale = "";
    t->ix.flags = INDEX_LOCALIZED_TEXT;
    t->ix.key_most = t->ix.segment_most = INDEX_KEY_DEFAULT;
    t->ix.lcmap_flags =
        SORTKEY_SORTKEY | SORTKEY_IGNORE_CASE | SORTKEY_IGNORE_KANA_TYPE | SORTKEY_IGNORE_WIDTH;
    t->ix.version = (struct slice){t->version, sizeof(t->version)};
    t->ix.sort_id = (struct slice){t->sort_id, sizeof(t->sort_id)};
    for (uint32_t i = 0; i < nr; i++)
        add_column(t, &columns[i]);
    *ret = t;
    return JET_errSuccess;
}

uint32_t temp_nr_rows(const struct temp_table *t)
{
    return t->nr;
}

uint32_t temp_column_len(const struct temp_table *t, JET_COLUMNID id)
{
    return t->columns[id - 1].len;
}

/* ---- order ----------------------------------------------------------------------------------- */

static int key_cmp(const uint8_t *a, uint32_t a_len, const uint8_t *b, uint32_t b_len)
{
    const uint32_t least = a_len < b_len ? a_len : b_len;
    const int cmp = least ? memcmp(a, b, least) : 0;

    return cmp ? cmp : (a_len > b_len) - (a_len < b_len);
}

static int row_cmp(const void *a, const void *b)
{
    const struct row *x = *(struct row *const *)a, *y = *(struct row *const *)b;
    const int cmp = key_cmp(x->key, x->key_len, y->key, y->key_len);

    return cmp ? cmp : (x->number > y->number) - (x->number < y->number);
}

static void sort(struct temp_table *t)
{
    uint32_t kept = 0;

    if (t->sorted)
        return;
    t->sorted = true;
    if (t->ix.nr_segments == 0 || t->nr == 0)
        return;
    qsort(t->rows, t->nr, sizeof(*t->rows), row_cmp);
    for (uint32_t i = 0; i < t->nr; i++) { /* of equal ones the first that came */
        const struct row *last = kept ? t->rows[kept - 1] : NULL;
        if (last && key_cmp(last->key, last->key_len, t->rows[i]->key, t->rows[i]->key_len) == 0)
            free_row(t, t->rows[i]);
        else
            t->rows[kept++] = t->rows[i];
    }
    t->nr = kept;
}

/* The first row whose key is >= key (above: > key). */
static uint32_t find(const struct temp_table *t, const uint8_t *key, uint32_t len, bool above)
{
    uint32_t lo = 0, hi = t->nr;

    while (lo < hi) {
        const uint32_t mid = lo + (hi - lo) / 2;
        const int cmp = key_cmp(t->rows[mid]->key, t->rows[mid]->key_len, key, len);
        if (cmp < 0 || (above && cmp == 0))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static JET_ERR make_room(struct temp_table *t)
{
    struct row **rows;

    if (t->nr < t->room)
        return JET_errSuccess;
    if (t->nr == UINT32_MAX / 2)
        return RAISE(JET_errTooManySorts);
    rows = realloc(t->rows, (t->room ? 2 * (size_t)t->room : 64) * sizeof(*rows));
    if (!rows)
        return RAISE(JET_errOutOfMemory);
    t->rows = rows;
    t->room = t->room ? 2 * t->room : 64;
    return JET_errSuccess;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static JET_ERR new_row(const struct temp_table *t, struct row **ret)
{
    struct row *r = calloc(1, sizeof(*r) + INDEX_KEY_LIMIT + 1);

    if (r)
        r->cells = calloc(t->nr_columns, sizeof(*r->cells));
    if (!r || !r->cells) {
        free(r);
        return RAISE(JET_errOutOfMemory);
    }
    *ret = r;
    return JET_errSuccess;
}

static JET_ERR set_cell(struct slice *cell, const void *data, uint32_t len)
{
    uint8_t *copy = NULL;

    if (data) {
        copy = malloc(len + 1);
        if (!copy)
            return RAISE(JET_errOutOfMemory);
        memcpy(copy, data, len);
    }
    free((void *)(uintptr_t)cell->p);
    *cell = (struct slice){copy, copy ? len : 0};
    return JET_errSuccess;
}

static bool on_row(const struct temp_table *t)
{
    return t->at >= 0 && t->at < (int64_t)t->nr;
}

JET_ERR temp_prepare(struct temp_table *t)
{
    free_row(t, t->prepared); /* of an error */
    t->prepared = NULL;
    return new_row(t, &t->prepared);
}

JET_ERR temp_set(struct temp_table *t, JET_COLUMNID id, const void *data, uint32_t len)
{
    return set_cell(&t->prepared->cells[id - 1], len ? data : NULL, len);
}

static JET_ERR make_row_key(const struct temp_table *t, struct row *r)
{
    struct norm_key key = {.len = 0};

    for (unsigned i = 0; i < t->ix.nr_segments; i++) {
        const struct slice *cell = &r->cells[t->segments[i]->id - 1];
        if (!norm_append(&key, &t->ix, t->segments[i], false, cell->p ? cell : NULL))
            return RAISE(JET_errInvalidBufferSize);
    }
    memcpy(r->key, key.b, key.len);
    r->key_len = key.len;
    return JET_errSuccess;
}

JET_ERR temp_update(struct temp_table *t)
{
    struct row *r = t->prepared;
    JET_ERR err = make_row_key(t, r);

    if (err >= 0)
        err = make_room(t);
    if (err < 0)
        return err;
    r->number = ++t->next_number;
    t->rows[t->nr++] = r;
    t->prepared = NULL;
    return JET_errSuccess;
}

JET_ERR temp_get(struct temp_table *t, JET_COLUMNID id, struct slice *ret)
{
    sort(t);
    if (!on_row(t))
        return RAISE(JET_errNoCurrentRecord);
    if (id < 1 || id > t->nr_columns)
        return RAISE(JET_errColumnNotFound);
    *ret = t->rows[t->at]->cells[id - 1];
    return JET_errSuccess;
}

/* ---- places ---------------------------------------------------------------------------------- */

static bool beyond(const struct temp_table *t)
{
    const struct row *r = t->rows[t->at];
    const int cmp = key_cmp(r->key, r->key_len, t->limit.b, t->limit.len);

    if (cmp == 0)
        return !t->range_inclusive;
    return t->range_upper ? cmp > 0 : cmp < 0;
}

JET_ERR temp_move(struct temp_table *t, int32_t rows)
{
    sort(t);
    if (rows == JET_MoveFirst || rows == JET_MoveLast) {
        t->range = false;
        t->at = rows == JET_MoveFirst ? 0 : (int64_t)t->nr - 1;
    } else {
        t->at += rows;
    }
    if (t->at < -1 || t->nr == 0)
        t->at = -1;
    else if (t->at > (int64_t)t->nr)
        t->at = t->nr;
    if (!on_row(t))
        return RAISE(JET_errNoCurrentRecord);
    if (t->range && rows && beyond(t)) {
        t->range = false;
        t->at = t->range_upper ? (int64_t)t->nr : -1;
        return RAISE(JET_errNoCurrentRecord);
    }
    return JET_errSuccess;
}

JET_ERR temp_make_key(struct temp_table *t, const void *data, uint32_t len, JET_GRBIT grbit)
{
    struct slice value = {data, len};
    enum norm_limit limit = NORM_WHOLE;
    JET_ERR err;

    if (t->ix.nr_segments == 0)
        return RAISE(JET_errNoCurrentIndex);
    if (grbit & JET_bitNewKey) {
        t->key.len = 0;
        t->nr_key = 0;
        t->key_whole = false;
    } else if (t->nr_key == 0) {
        return RAISE(JET_errKeyNotMade);
    }
    if (t->key_whole || t->nr_key >= t->ix.nr_segments)
        return RAISE(JET_errKeyIsMade);
    if (grbit & JET_bitFullColumnStartLimit)
        limit = NORM_COLUMN_START;
    else if (grbit & JET_bitFullColumnEndLimit)
        limit = NORM_COLUMN_END;
    else if (grbit & JET_bitPartialColumnStartLimit)
        limit = NORM_PARTIAL_START;
    else if (grbit & (JET_bitPartialColumnEndLimit | JET_bitSubStrLimit))
        limit = NORM_PARTIAL_END;
    else if (grbit & JET_bitStrLimit)
        limit = NORM_STR_END;
    if (len == 0)
        value.p = grbit & JET_bitKeyDataZeroLength ? (const uint8_t *)"" : NULL;
    err = norm_append_search(&t->key, &t->ix, t->nr_key, t->segments[t->nr_key],
                             value.p ? &value : NULL, limit);
    if (err < 0)
        return err;
    t->nr_key++;
    t->key_whole = limit != NORM_WHOLE;
    return JET_errSuccess;
}

static void keep_limit(struct temp_table *t, bool upper, bool inclusive)
{
    t->limit = t->key;
    t->range = true;
    t->range_upper = upper;
    t->range_inclusive = inclusive;
}

JET_ERR temp_seek(struct temp_table *t, JET_GRBIT grbit)
{
    const struct row *r;
    JET_ERR err = JET_errSuccess;

    if (t->nr_key == 0)
        return RAISE(JET_errKeyNotMade);
    sort(t);
    t->range = false;
    t->nr_key = 0;
    if (grbit & JET_bitSeekLT)
        t->at = (int64_t)find(t, t->key.b, t->key.len, false) - 1;
    else if (grbit & JET_bitSeekLE)
        t->at = (int64_t)find(t, t->key.b, t->key.len, true) - 1;
    else
        t->at = find(t, t->key.b, t->key.len, grbit & JET_bitSeekGT);
    if (!on_row(t))
        return RAISE(JET_errRecordNotFound);
    r = t->rows[t->at];
    if (key_cmp(r->key, r->key_len, t->key.b, t->key.len) != 0) {
        if (grbit & JET_bitSeekEQ)
            return RAISE(JET_errRecordNotFound);
        if (grbit & (JET_bitSeekGE | JET_bitSeekLE))
            err = JET_wrnSeekNotEqual;
    }
    if (grbit & JET_bitSetIndexRange)
        keep_limit(t, !(grbit & (JET_bitSeekLE | JET_bitSeekLT)), true);
    return err;
}

JET_ERR temp_range(struct temp_table *t, JET_GRBIT grbit)
{
    if (grbit & JET_bitRangeRemove) {
        t->range = false;
        return JET_errSuccess;
    }
    if (t->nr_key == 0)
        return RAISE(JET_errKeyNotMade);
    sort(t);
    if (!on_row(t))
        return RAISE(JET_errNoCurrentRecord);
    keep_limit(t, grbit & JET_bitRangeUpperLimit, grbit & JET_bitRangeInclusive);
    t->nr_key = 0;
    if (beyond(t)) {
        t->range = false;
        return RAISE(JET_errNoCurrentRecord);
    }
    if (grbit & JET_bitRangeInstantDuration)
        t->range = false;
    return JET_errSuccess;
}

JET_ERR temp_key(struct temp_table *t, bool copy, struct slice *ret)
{
    if (copy) {
        *ret = (struct slice){t->key.b, t->key.len};
        return t->nr_key ? JET_errSuccess : RAISE(JET_errKeyNotMade);
    }
    sort(t);
    if (!on_row(t))
        return RAISE(JET_errNoCurrentRecord);
    *ret = (struct slice){t->rows[t->at]->key, t->rows[t->at]->key_len};
    return JET_errSuccess;
}

JET_ERR temp_bookmark(struct temp_table *t, uint64_t *ret)
{
    sort(t);
    if (!on_row(t))
        return RAISE(JET_errNoCurrentRecord);
    *ret = t->rows[t->at]->number;
    return JET_errSuccess;
}

JET_ERR temp_goto(struct temp_table *t, uint64_t bookmark)
{
    sort(t);
    for (uint32_t i = 0; i < t->nr; i++)
        if (t->rows[i]->number == bookmark) {
            t->at = i;
            return JET_errSuccess;
        }
    return RAISE(JET_errRecordDeleted);
}

JET_ERR temp_count(struct temp_table *t, uint64_t most, uint64_t *ret)
{
    const int64_t from = t->at;
    uint64_t nr = 0;

    sort(t);
    if (!on_row(t))
        return RAISE(JET_errNoCurrentRecord);
    while (on_row(t) && (!t->range || !beyond(t)) && (!most || nr < most)) {
        nr++;
        t->at += t->range && !t->range_upper ? -1 : 1;
    }
    t->at = from;
    *ret = nr;
    return JET_errSuccess;
}
