#include "recover/session.h"

#include <stdlib.h>

#define INDEX_KEEP 1024
#define LEVEL_MAX  15 /* what the nibbles of a Begin record can say; ESE: levelMax 11 */

struct held {      /* how many versions hold a tree */
    uint64_t tree; /* dbid << 32 | objid */
    size_t nr;     /* 0: a place that was used */
};

struct sessions {
    struct session *by_procid[UINT16_MAX + 1];
    struct session *first;
    struct held *held; /* open addressing; tree 0: free */
    size_t nr_held, nr_used;
};

JET_ERR sessions_new(struct sessions **ret)
{
    struct sessions *s = calloc(1, sizeof(*s));

    if (!s)
        return RAISE(JET_errOutOfMemory);
    s->nr_held = 64;
    s->held = calloc(s->nr_held, sizeof(*s->held));
    if (!s->held) {
        free(s);
        return RAISE(JET_errOutOfMemory);
    }
    *ret = s;
    return JET_errSuccess;
}

struct session *sessions_first(const struct sessions *s)
{
    return s->first;
}

struct session *session_find(const struct sessions *s, uint16_t procid)
{
    return s->by_procid[procid];
}

/* ---- held trees ------------------------------------------------------------------------------- */

static struct held *held_slot(const struct sessions *s, uint64_t tree)
{
    size_t i = (size_t)(tree * UINT64_C(0x9e3779b97f4a7c15) >> 32);

    for (;; i++) {
        struct held *h = &s->held[i & (s->nr_held - 1)];
        if (h->tree == tree || h->tree == 0)
            return h;
    }
}

static JET_ERR held_grow(struct sessions *s)
{
    const struct sessions old = {.held = s->held, .nr_held = s->nr_held};

    if ((s->nr_used + 1) * 2 <= s->nr_held)
        return JET_errSuccess;
    s->held = calloc(old.nr_held * 2, sizeof(*s->held));
    if (!s->held) {
        s->held = old.held;
        return RAISE(JET_errOutOfMemory);
    }
    s->nr_held = old.nr_held * 2;
    s->nr_used = 0;
    for (size_t i = 0; i < old.nr_held; i++)
        if (old.held[i].nr) {
            *held_slot(s, old.held[i].tree) = old.held[i];
            s->nr_used++;
        }
    free(old.held);
    return JET_errSuccess;
}

static bool holds(const struct version *v)
{
    return !v->logged && !v->undone;
}

static uint64_t tree_of(const struct version *v)
{
    return (uint64_t)v->dbid << 32 | v->objid;
}

static JET_ERR hold(struct sessions *s, const struct version *v)
{
    struct held *h;
    JET_ERR err = held_grow(s);

    if (err < 0)
        return err;
    h = held_slot(s, tree_of(v));
    if (!h->tree)
        s->nr_used++;
    h->tree = tree_of(v);
    h->nr++;
    return JET_errSuccess;
}

static void release(struct sessions *s, const struct version *v)
{
    held_slot(s, tree_of(v))->nr--;
}

bool sessions_hold(const struct sessions *s, uint8_t dbid, objid_t objid)
{
    return held_slot(s, (uint64_t)dbid << 32 | objid)->nr > 0;
}

/* ---- versions --------------------------------------------------------------------------------- */

static uint32_t *index_slot(const struct session *p, uint32_t rceid)
{
    size_t i = rceid * 2654435761u >> 4;

    for (;; i++) {
        uint32_t *x = &p->index[i & (p->nr_index - 1)];
        if (*x == 0 || (*x <= p->nr && p->v[*x - 1].rceid == rceid))
            return x;
    }
}

/* Places of versions that are gone stay used until the next time. */
static JET_ERR index_rebuild(struct session *p)
{
    size_t want = 64;
    uint32_t *x;

    while (want < p->nr * 4 + 4)
        want *= 2;
    x = calloc(want, sizeof(*x));
    if (!x)
        return RAISE(JET_errOutOfMemory);
    free(p->index);
    p->index = x;
    p->nr_index = want;
    for (size_t i = 0; i < p->nr; i++)
        *index_slot(p, p->v[i].rceid) = (uint32_t)i + 1;
    return JET_errSuccess;
}

struct version *session_version(struct session *p, uint32_t rceid)
{
    uint32_t at = p->index ? *index_slot(p, rceid) : 0;

    return at ? &p->v[at - 1] : NULL;
}

void version_logged(struct sessions *s, struct version *v)
{
    if (holds(v))
        release(s, v);
    v->logged = true;
}

void version_undone(struct sessions *s, struct version *v)
{
    if (holds(v))
        release(s, v);
    v->undone = true;
}

JET_ERR version_fill(struct version *v, struct slice key, struct slice data, struct slice image)
{
    const size_t len = (size_t)key.len + data.len + image.len;

    v->bytes = malloc(len + 1);
    if (!v->bytes)
        return RAISE(JET_errOutOfMemory);
    v->key_len = key.len;
    v->data_len = data.len;
    v->image_len = image.len;
    if (key.len)
        memcpy(v->bytes, key.p, key.len);
    if (data.len)
        memcpy(v->bytes + key.len, data.p, data.len);
    if (image.len)
        memcpy(v->bytes + key.len + data.len, image.p, image.len);
    v->known = true;
    return JET_errSuccess;
}

/* The first image of a version is the one that counts. */
static void complete(struct sessions *s, struct version *old, struct version *v)
{
    if (!old->known && v->known) {
        v->level = old->level;
        v->undone = old->undone;
        if (holds(old))
            release(s, old);
        free(old->bytes);
        *old = *v;
        if (holds(old))
            (void)hold(s, old); /* its place is there */
        return;
    }
    if (v->logged)
        version_logged(s, old);
    free(v->bytes);
}

JET_ERR session_add(struct sessions *s, struct session *p, struct version *v)
{
    struct version *old = session_version(p, v->rceid);
    JET_ERR err = JET_errSuccess;

    if (old) {
        complete(s, old, v);
        return JET_errSuccess;
    }
    if (p->nr == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 16;
        struct version *grown = realloc(p->v, cap * sizeof(*grown));
        if (!grown) {
            free(v->bytes);
            return RAISE(JET_errOutOfMemory);
        }
        p->v = grown;
        p->cap = cap;
    }
    if (holds(v))
        err = hold(s, v);
    if (err < 0) {
        free(v->bytes);
        return err;
    }
    if (p->nr && v->level < p->v[p->nr - 1].level)
        p->disordered = true;
    p->v[p->nr++] = *v;
    if (!p->index || p->nr * 2 > p->nr_index)
        return index_rebuild(p);
    *index_slot(p, v->rceid) = (uint32_t)p->nr;
    return JET_errSuccess;
}

/* Forgets the versions above `level`; they were rolled back, or level is 0 and they are committed. */
static JET_ERR drop_versions(struct sessions *s, struct session *p, unsigned level)
{
    size_t kept = 0, from = p->nr;

    while (!p->disordered && from > 0 && p->v[from - 1].level > level)
        from--;
    if (!p->disordered)
        kept = from;
    else
        from = 0;
    if (from == p->nr)
        return JET_errSuccess;
    for (size_t i = from; i < p->nr; i++) {
        if (p->v[i].level <= level) {
            p->v[kept++] = p->v[i];
            continue;
        }
        if (holds(&p->v[i]))
            release(s, &p->v[i]);
        free(p->v[i].bytes);
    }
    p->nr = kept;
    if (kept > 0)
        return index_rebuild(p);
    p->disordered = false;
    if (p->nr_index <= INDEX_KEEP) {
        memset(p->index, 0, p->nr_index * sizeof(*p->index));
    } else { /* of a large transaction; most are small */
        free(p->index);
        p->index = NULL;
    }
    return JET_errSuccess;
}

/* ---- levels ----------------------------------------------------------------------------------- */

static JET_ERR session_get(struct sessions *s, uint16_t procid, struct session **ret)
{
    struct session *p = s->by_procid[procid], **at;

    if (!p) {
        p = calloc(1, sizeof(*p));
        if (!p)
            return RAISE(JET_errOutOfMemory);
        p->procid = procid;
        s->by_procid[procid] = p;
        for (at = &s->first; *at && (*at)->procid < procid; at = &(*at)->next)
            ;
        p->next = *at;
        *at = p;
    }
    *ret = p;
    return JET_errSuccess;
}

JET_ERR session_begin(struct sessions *s, const struct logrec *rec)
{
    const unsigned from = rec->trx_levels.level_from;
    const unsigned to = from + rec->trx_levels.nr_levels;
    struct session *p = session_find(s, rec->procid);
    JET_ERR err;

    if (!p && from > 0)
        return JET_errSuccess;
    if (to > LEVEL_MAX || (p && p->level > from) || (rec->type == LR_BEGIN && from == 0))
        return RAISE(JET_errLogFileCorrupt);
    err = session_get(s, rec->procid, &p);
    if (err < 0)
        return err;
    if (p->level == 0)
        p->trx = rec->trx;
    p->level = (uint8_t)to;
    return JET_errSuccess;
}

JET_ERR session_commit(struct sessions *s, struct session *p, unsigned to_level)
{
    if (to_level >= p->level)
        return RAISE(JET_errLogFileCorrupt);
    p->level = (uint8_t)to_level;
    if (to_level == 0)
        return drop_versions(s, p, 0);
    for (size_t i = p->nr; i > 0 && (p->disordered || p->v[i - 1].level > to_level); i--)
        if (p->v[i - 1].level > to_level)
            p->v[i - 1].level = (uint8_t)to_level;
    return JET_errSuccess;
}

JET_ERR session_rollback(struct sessions *s, struct session *p, unsigned nr_levels)
{
    if (nr_levels == 0 || nr_levels > p->level)
        return RAISE(JET_errLogFileCorrupt);
    p->level = (uint8_t)(p->level - nr_levels);
    return drop_versions(s, p, p->level);
}

/* ---- macros ----------------------------------------------------------------------------------- */

JET_ERR session_macro_begin(struct session *p, dbtime_t dbtime, lgpos_t lgpos)
{
    struct macro *m;

    if (session_macro(p, dbtime))
        return RAISE(JET_errLogFileCorrupt);
    m = calloc(1, sizeof(*m));
    if (!m)
        return RAISE(JET_errOutOfMemory);
    m->dbtime = dbtime;
    m->lgpos = lgpos;
    m->next = p->macros;
    p->macros = m;
    return JET_errSuccess;
}

struct macro *session_macro(struct session *p, dbtime_t dbtime)
{
    struct macro *m = p->macros;

    while (m && m->dbtime != dbtime)
        m = m->next;
    return m;
}

/* A copy that points into its own bytes. */
static JET_ERR copy_record(const struct logrec *rec, struct logrec *ret)
{
    uint8_t *bytes = malloc(rec->bytes.len);
    JET_ERR err;

    if (!bytes)
        return RAISE(JET_errOutOfMemory);
    memcpy(bytes, rec->bytes.p, rec->bytes.len);
    err = logrec_decode(bytes, rec->bytes.len, ret);
    if (err < 0)
        free(bytes);
    return err;
}

static void free_record(struct logrec *rec)
{
    union {
        const uint8_t *c;
        uint8_t *p;
    } bytes = {rec->bytes.p};

    free(bytes.p);
}

JET_ERR macro_add(struct macro *m, const struct logrec *rec)
{
    JET_ERR err;

    if (m->nr == m->cap) {
        unsigned cap = m->cap ? m->cap * 2 : 8;
        struct logrec *grown = realloc(m->recs, cap * sizeof(*grown));
        if (!grown)
            return RAISE(JET_errOutOfMemory);
        m->recs = grown;
        m->cap = cap;
    }
    err = copy_record(rec, &m->recs[m->nr]);
    if (err >= 0)
        m->nr++;
    return err;
}

void session_macro_end(struct session *p, struct macro *m)
{
    struct macro **at = &p->macros;

    while (*at != m)
        at = &(*at)->next;
    *at = m->next;
    for (unsigned i = 0; i < m->nr; i++)
        free_record(&m->recs[i]);
    free(m->recs);
    free(m);
}

void sessions_clear(struct sessions *s)
{
    for (struct session *p = s->first, *next; p; p = next) {
        next = p->next;
        while (p->macros)
            session_macro_end(p, p->macros);
        for (size_t i = 0; i < p->nr; i++)
            free(p->v[i].bytes);
        s->by_procid[p->procid] = NULL;
        free(p->v);
        free(p->index);
        free(p);
    }
    s->first = NULL;
    memset(s->held, 0, s->nr_held * sizeof(*s->held));
    s->nr_used = 0;
}

void sessions_free(struct sessions *s)
{
    if (!s)
        return;
    sessions_clear(s);
    free(s->held);
    free(s);
}
