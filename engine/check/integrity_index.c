/*
 * Sums of hashes: those of the entries that are there, those of the entries that records must have. They
 * agree when the two are the same set, and a missing or foreign entry makes them differ by its own hash.
 * To find it, both are summed up once more, into many sums; a third time each entry can see whether it is
 * the one by which its sum is wrong. So the memory does not depend on the number of rows.
 *
 * Where the keys of entries are not known (text in sort keys of Windows), bookmarks alone are compared;
 * where not even the number of entries per record is, the number as a whole, and every entry's record is
 * looked for.
 */
#include "check/integrity_index.h"

#include <inttypes.h>
#include <stdlib.h>

#define SUM_BITS 16
/*
 * Entries that are made for the records of a damaged index: so many in all, and so many more for each
 * record. Without a limit a few records with many values could keep the check busy for ever.
 */
#define ALLOWANCE(nr_entries)  (65536 + 16 * (nr_entries))
#define ALLOWANCE_FOR_A_RECORD 16
#define SEED_KEY               UINT64_C(0x6b6579)
#define SEED_BOOKMARK          UINT64_C(0x626b6d)

static uint64_t hash_bookmark(struct slice bookmark)
{
    return integrity_hash(SEED_BOOKMARK, bookmark.p, bookmark.len);
}

static uint64_t hash_entry(const void *key, uint32_t len, uint64_t bookmark)
{
    return integrity_hash(SEED_KEY ^ bookmark, key, len);
}

/* ---- the entries that are there ---------------------------------------------------------------- */

JET_ERR index_begin(struct integrity *g, struct tree *t, struct index_check *ret)
{
    struct walk w;
    struct bt_node n;

    *ret = (struct index_check){
        .t = t,
        .number = (unsigned)(t->index - t->table->indexes),
        .off = t->ignored || (t->index->xflags & INDEX_X_DEFERRED),
        .keys_known = true,
        .exact = true,
    };
    if (t->ignored)
        return JET_errSuccess;
    walk_begin(&w, g, t);
    while (walk_next_live(&w, &n)) {
        const uint64_t bookmark = hash_bookmark(n.data);
        ret->entries_by_bookmark += bookmark;
        ret->entries_by_key += hash_entry(n.key.p, n.key.len, bookmark);
        t->nr_nodes++;
    }
    walk_end(&w);
    ret->off = ret->off || t->damaged;
    ret->allowance = ALLOWANCE(t->nr_nodes);
    return w.err;
}

/* ---- the entries that records have ------------------------------------------------------------- */

/* Equal keys of one record are one entry, so the hashes of a record are collected before they count. */
struct record_hashes {
    uint64_t bookmark;
    uint64_t *h;
    size_t nr, room;
    JET_ERR err;
};

static void collect(void *ctx, const struct norm_key *key)
{
    struct record_hashes *r = ctx;

    if (!key || r->err < 0)
        return;
    r->err = integrity_grow(&r->h, r->nr, &r->room, sizeof(*r->h));
    if (r->err >= 0)
        r->h[r->nr++] = hash_entry(key->b, key->len, r->bookmark);
}

static int compare_hashes(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void make_unique(struct record_hashes *r)
{
    size_t n = 0;

    if (r->nr > 1)
        qsort(r->h, r->nr, sizeof(*r->h), compare_hashes);
    for (size_t i = 0; i < r->nr; i++)
        if (n == 0 || r->h[n - 1] != r->h[i])
            r->h[n++] = r->h[i];
    r->nr = n;
}

/* The hashes of the entries of the record at hand, each once. */
static void make_hashes(struct index_check *c, struct keys *k, struct slice bookmark,
                        struct record_hashes *ret, struct key_count *count)
{
    *ret = (struct record_hashes){.bookmark = hash_bookmark(bookmark)};
    c->allowance += ALLOWANCE_FOR_A_RECORD;
    keys_of(k, c->number, c->allowance, collect, ret, count);
    c->allowance -= count->nr;
    make_unique(ret);
    if (count->keys_known)
        count->nr = ret->nr;
}

JET_ERR index_add(struct index_check *c, struct keys *k, struct slice bookmark)
{
    struct record_hashes r;
    struct key_count count;

    if (c->off || c->too_many)
        return JET_errSuccess;
    make_hashes(c, k, bookmark, &r, &count);
    for (size_t i = 0; i < r.nr; i++)
        c->records_by_key += r.h[i];
    free(r.h);
    c->keys_known = c->keys_known && count.keys_known;
    c->too_many = count.too_many;
    c->records_by_bookmark += count.nr * r.bookmark;
    if (!count.exact) {
        c->exact = false;
        c->most = UINT64_MAX;
        return r.err;
    }
    if (count.nr > 1 && !count.keys_known)
        c->exact = false; /* some may be equal */
    c->least += count.keys_known ? count.nr : count.nr > 0;
    c->most = count.nr > UINT64_MAX - c->most ? UINT64_MAX : c->most + count.nr;
    return r.err;
}

/* ---- finding what differs ---------------------------------------------------------------------- */

struct search {
    struct index_check *c;
    const struct index_records *records;
    bool by_key;
    uint64_t *sums;
    const struct bt_node *record; /* at hand */
    uint64_t bookmark;
    unsigned nr_found;
};

static uint64_t *sum_of(struct search *s, uint64_t h)
{
    return &s->sums[h >> (64 - SUM_BITS)];
}

static uint64_t hash_node(const struct search *s, const struct bt_node *n)
{
    const uint64_t bookmark = hash_bookmark(n->data);

    return s->by_key ? hash_entry(n->key.p, n->key.len, bookmark) : bookmark;
}

static JET_ERR sum_record(void *ctx, struct keys *k, const struct bt_node *n)
{
    struct search *s = ctx;
    struct record_hashes r;
    struct key_count count;

    make_hashes(s->c, k, n->key, &r, &count);
    for (size_t i = 0; s->by_key && i < r.nr; i++)
        *sum_of(s, r.h[i]) += r.h[i];
    if (!s->by_key)
        *sum_of(s, r.bookmark) += r.bookmark * count.nr;
    free(r.h);
    return r.err;
}

static void entry_fault(struct search *s, pgno_t pgno, const char *what, pgno_t other,
                        unsigned line)
{
    char name[TREE_NAME_LEN];

    if (s->nr_found++ < FAULTS_OF_A_KIND_MAX)
        integrity_fault(s->records->g, JET_errSecondaryIndexCorrupted, pgno,
                        "%s: %s page %" PRIu32 ", line %u", tree_name(s->c->t, name), what, other,
                        line);
}

/* The leaf of the index where an entry must be; 0: it cannot be said. Separators between entries with the
 * same key go on with bookmarks, so the bookmark is part of what is sought. */
static pgno_t place_of(struct search *s, const struct norm_key *key)
{
    const struct slice bookmark = s->record->key;
    struct bt_cursor *bt = malloc(sizeof(*bt));
    uint8_t *sought = malloc(key->len + bookmark.len + 1);
    uint32_t len = key->len;
    pgno_t pgno = PGNO_NULL;

    if (bt && sought) {
        memcpy(sought, key->b, key->len);
        if (s->c->t->space.non_unique) {
            memcpy(sought + len, bookmark.p, bookmark.len);
            len += bookmark.len;
        }
        bt_open(bt, s->records->g->f, s->c->t->root, s->c->t->objid, 0);
        if (bt_seek(bt, sought, len) >= 0)
            pgno = bt->level[bt->depth - 1].pgno;
        bt_close(bt);
    }
    free(sought);
    free(bt);
    return pgno;
}

static void look_for_missing(void *ctx, const struct norm_key *key)
{
    struct search *s = ctx;
    const uint64_t h = s->by_key && key ? hash_entry(key->b, key->len, s->bookmark) : s->bookmark;
    pgno_t pgno = PGNO_NULL;

    if (*sum_of(s, h) != h)
        return;
    *sum_of(s, h) = 0;
    if (s->by_key)
        pgno = place_of(s, key);
    entry_fault(s, pgno ? pgno : s->c->t->root, "there is no entry for the record at",
                s->record->pgno, s->record->line);
}

static JET_ERR search_record(void *ctx, struct keys *k, const struct bt_node *n)
{
    struct search *s = ctx;
    struct key_count count;

    s->record = n;
    s->bookmark = hash_bookmark(n->key);
    s->c->allowance += ALLOWANCE_FOR_A_RECORD;
    keys_of(k, s->c->number, s->c->allowance, look_for_missing, s, &count);
    s->c->allowance -= count.nr;
    return JET_errSuccess;
}

/* Finds a record by its key. */
static bool has_record(struct bt_cursor *bt, struct slice bookmark)
{
    struct bt_node n;

    return bt_seek(bt, bookmark.p, bookmark.len) >= 0 && bt_next(bt, &n) >= 0 &&
           n.key.len == bookmark.len && memcmp(n.key.p, bookmark.p, bookmark.len) == 0;
}

/* Entries one by one: summed up, or looked at for one that is too many. */
static JET_ERR each_entry(struct search *s, bool look)
{
    struct integrity *g = s->records->g;
    struct bt_cursor *bt = malloc(sizeof(*bt));
    struct walk w;
    struct bt_node n;

    if (!bt)
        return RAISE(JET_errOutOfMemory);
    bt_open(bt, g->f, s->records->table->root, s->records->table->objid, 0);
    walk_again(&w, g, s->c->t);
    while (walk_next_live(&w, &n)) {
        const uint64_t h = hash_node(s, &n);
        uint64_t *sum = sum_of(s, h);

        if (!look) {
            *sum -= h;
        } else if (*sum && *sum + h == 0) {
            *sum = 0;
            entry_fault(s, n.pgno,
                        has_record(bt, n.data) ? "its record does not have the entry at"
                                               : "there is no record for the entry at",
                        n.pgno, n.line);
        }
    }
    walk_end(&w);
    bt_close(bt);
    free(bt);
    return w.err;
}

static void tell_numbers(const struct index_check *c, struct integrity *g)
{
    char name[TREE_NAME_LEN];

    integrity_fault(g, JET_errSecondaryIndexCorrupted, c->t->root,
                    "%s has %" PRIu64 " entries, its table's records have %s%" PRIu64
                    ", and they are not the same",
                    tree_name(c->t, name), c->t->nr_nodes,
                    c->exact && !c->too_many ? "" : "at least ", c->least);
}

static JET_ERR find_differences(struct index_check *c, const struct index_records *records,
                                bool by_key)
{
    struct search s = {.c = c, .records = records, .by_key = by_key};
    JET_ERR err;

    s.sums = calloc(1u << SUM_BITS, sizeof(*s.sums));
    if (!s.sums)
        return RAISE(JET_errOutOfMemory);
    c->allowance = ALLOWANCE(c->t->nr_nodes);
    err = records->each(records, sum_record, &s);
    if (err >= 0)
        err = each_entry(&s, false);
    if (err >= 0)
        err = each_entry(&s, true);
    c->allowance = ALLOWANCE(c->t->nr_nodes);
    if (err >= 0)
        err = records->each(records, search_record, &s);
    if (err >= 0 && (s.nr_found == 0 || s.nr_found > FAULTS_OF_A_KIND_MAX))
        tell_numbers(c, records->g);
    free(s.sums);
    return err;
}

/* ---- where it is not known how many entries a record has ---------------------------------------- */

static JET_ERR check_bookmarks(struct index_check *c, const struct index_records *records)
{
    struct search s = {.c = c, .records = records};
    struct integrity *g = records->g;
    struct bt_cursor *bt = malloc(sizeof(*bt));
    struct walk w;
    struct bt_node n;

    if (!bt)
        return RAISE(JET_errOutOfMemory);
    bt_open(bt, g->f, records->table->root, records->table->objid, 0);
    walk_again(&w, g, c->t);
    while (walk_next_live(&w, &n))
        if (!has_record(bt, n.data))
            entry_fault(&s, n.pgno, "there is no record for the entry at", n.pgno, n.line);
    walk_end(&w);
    bt_close(bt);
    free(bt);
    if (c->t->nr_nodes < c->least || c->t->nr_nodes > c->most)
        tell_numbers(c, g);
    return w.err;
}

static JET_ERR compare(struct index_check *c, const struct index_records *records)
{
    if (c->too_many) {
        tell_numbers(c, records->g);
        return JET_errSuccess;
    }
    if (!c->exact)
        return check_bookmarks(c, records);
    if (c->keys_known && c->records_by_key != c->entries_by_key)
        return find_differences(c, records, true);
    if (c->records_by_bookmark != c->entries_by_bookmark)
        return find_differences(c, records, false);
    if (c->least != c->t->nr_nodes)
        tell_numbers(c, records->g);
    return JET_errSuccess;
}

JET_ERR index_end(struct index_check *c, const struct index_records *records)
{
    const bool newer = c->t->newer || records->table->newer;
    char name[TREE_NAME_LEN];
    JET_ERR err;

    if (c->off) {
        if (c->t->damaged)
            integrity_note(records->g,
                           "%s: not compared with its table's records, as it could not all be read",
                           tree_name(c->t, name));
        return JET_errSuccess;
    }
    records->g->doubtful += newer;
    err = compare(c, records);
    records->g->doubtful -= newer;
    return err;
}
