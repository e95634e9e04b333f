/*
 * What a tree must look like to each of several sessions: every key with its committed values and
 * when they were committed, and what each open transaction has written, level by level.
 */
#ifndef DIRMODEL_H
#define DIRMODEL_H

#include "instfix.h"

#define MODEL_KEYS     3000u
#define MODEL_SESSIONS 5u
#define MODEL_LEVELS   5u
#define MODEL_NEVER    UINT32_MAX

/* A value is a number: 0: there is none; else length and bytes follow from it. */
struct model_past {
    uint32_t value, since; /* committed as number `since` */
};

struct model_key {
    struct model_past *past;
    unsigned nr, cap;
};

struct model_write {
    uint32_t key, before, after; /* of this session's view */
    bool had;                    /* it had written the key before */
};

struct model_session {
    struct sess *s;
    struct dir d;
    unsigned level;
    uint32_t begin;
    uint32_t *own; /* by key; MODEL_NEVER: not written */
    struct model_write *log;
    unsigned nr_log, cap_log, mark[MODEL_LEVELS + 1];
};

struct model {
    struct instfix *fix;
    struct tree *t;
    bool unique;
    uint32_t nr_keys, data_max;
    uint32_t now; /* commits so far */
    struct model_key *key;
    struct model_session session[MODEL_SESSIONS];
    unsigned nr_sessions;
};

/* ---- keys and values ----------------------------------------------------------------------- */

struct model_bytes {
    uint8_t key[64], data[PAGE_SIZE_MAX];
    struct bookmark bm; /* of the node; in a unique tree without data */
    struct slice value;
};

/* Ascending with the number; in a non-unique tree five nodes have one key. */
static inline void model_bookmark(const struct model *m, uint32_t nr, struct model_bytes *b)
{
    const uint32_t major = m->unique ? nr : nr / 5, minor = nr % 5;
    uint32_t len = 0;

    memset(b->key, 'k', 9);
    len = 9;
    for (int i = 3; i >= 0; i--)
        b->key[len++] = (uint8_t)(major >> (8 * i));
    for (uint32_t i = 0; i < major % 7; i++)
        b->key[len++] = (uint8_t)(0x80 + i);
    b->bm.key = (struct slice){b->key, len};
    b->bm.data = (struct slice){b->data, 0};
    if (m->unique)
        return;
    memset(b->data, 'd', 12);
    b->data[3] = (uint8_t)minor;
    b->bm.data.len = 4 + minor * 2;
}

static inline void model_node(const struct model *m, uint32_t nr, uint32_t value,
                              struct model_bytes *b)
{
    model_bookmark(m, nr, b);
    b->value = b->bm.data;
    if (!m->unique)
        return;
    b->value.len = (uint32_t)((uint64_t)(value * 2654435761u) * m->data_max >> 32);
    for (uint32_t i = 0; i < b->value.len; i++)
        b->data[i] = (uint8_t)(value + i / 8);
}

/* ---- what is true -------------------------------------------------------------------------- */

static inline uint32_t model_sees(const struct model *m, const struct model_session *x, uint32_t nr)
{
    const struct model_key *k = &m->key[nr];

    if (x->own[nr] != MODEL_NEVER)
        return x->own[nr];
    for (unsigned i = k->nr; i-- > 0;)
        if (!x->level || k->past[i].since <= x->begin)
            return k->past[i].value;
    return 0;
}

/* Would a write of x conflict? */
static inline bool model_conflict(const struct model *m, const struct model_session *x, uint32_t nr)
{
    const struct model_key *k = &m->key[nr];

    for (unsigned i = 0; i < m->nr_sessions; i++)
        if (&m->session[i] != x && m->session[i].own[nr] != MODEL_NEVER)
            return true;
    return k->nr && k->past[k->nr - 1].since > x->begin;
}

/* The first key from nr on (step 1) or down (step -1) that x sees; nr_keys: none. */
static inline uint32_t model_from(const struct model *m, const struct model_session *x, int64_t nr,
                                  int step)
{
    for (; nr >= 0 && nr < m->nr_keys; nr += step)
        if (model_sees(m, x, (uint32_t)nr))
            return (uint32_t)nr;
    return m->nr_keys;
}

/* ---- what happens -------------------------------------------------------------------------- */

static inline void model_write(struct model_session *x, uint32_t nr, uint32_t value)
{
    if (x->nr_log == x->cap_log) {
        x->cap_log = x->cap_log ? 2 * x->cap_log : 64;
        x->log = realloc(x->log, x->cap_log * sizeof(*x->log));
        assert_non_null(x->log);
    }
    x->log[x->nr_log++] = (struct model_write){nr, x->own[nr], value, x->own[nr] != MODEL_NEVER};
    x->own[nr] = value;
}

static inline void model_begin(struct model *m, struct model_session *x)
{
    if (x->level++ == 0)
        x->begin = m->now;
    x->mark[x->level] = x->nr_log;
}

static inline void model_undo(struct model_session *x, unsigned to)
{
    while (x->nr_log > to) {
        const struct model_write *w = &x->log[--x->nr_log];
        x->own[w->key] = w->before;
    }
}

static inline void model_rollback(struct model_session *x)
{
    model_undo(x, x->mark[x->level--]);
}

static inline void model_commit(struct model *m, struct model_session *x)
{
    if (--x->level)
        return;
    m->now++;
    for (unsigned i = 0; i < x->nr_log; i++) {
        struct model_key *k = &m->key[x->log[i].key];
        if (x->own[x->log[i].key] == MODEL_NEVER)
            continue;
        if (k->nr == k->cap) {
            k->cap = k->cap ? 2 * k->cap : 4;
            k->past = realloc(k->past, k->cap * sizeof(*k->past));
            assert_non_null(k->past);
        }
        k->past[k->nr++] = (struct model_past){x->own[x->log[i].key], m->now};
        x->own[x->log[i].key] = MODEL_NEVER;
    }
    x->nr_log = 0;
}

static inline void model_init(struct model *m, struct instfix *fix, struct tree *t,
                              uint32_t nr_keys, uint32_t data_max, unsigned nr_sessions)
{
    memset(m, 0, sizeof(*m));
    *m = (struct model){.fix = fix,
                        .t = t,
                        .unique = t->unique,
                        .nr_keys = nr_keys,
                        .data_max = data_max,
                        .nr_sessions = nr_sessions};
    m->key = calloc(nr_keys, sizeof(*m->key));
    assert_non_null(m->key);
    for (unsigned i = 0; i < nr_sessions; i++) {
        struct model_session *x = &m->session[i];
        x->own = malloc(nr_keys * sizeof(*x->own));
        assert_non_null(x->own);
        memset(x->own, 0xff, nr_keys * sizeof(*x->own));
        x->s = instfix_session(fix);
        assert_ok(dir_init(&x->d, x->s, t));
    }
}

static inline void model_done(struct model *m)
{
    for (uint32_t i = 0; i < m->nr_keys; i++)
        free(m->key[i].past);
    free(m->key);
    for (unsigned i = 0; i < m->nr_sessions; i++) {
        dir_done(&m->session[i].d);
        free(m->session[i].own);
        free(m->session[i].log);
    }
}

#endif
