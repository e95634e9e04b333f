/*
 * An open-addressing hash table with linear probing; entries are never removed.
 *
 * The records of a macro (a split, a merge) count when its MacroCommit comes: until then they wait here, and
 * an aborted macro, or one that a crash cut off, changed no page. They are the records with the macro's
 * session and dbtime.
 */
#include "log/pagestate.h"

#include <stdlib.h>

#define NR_SLOTS_MIN    256u
#define NR_DBS_MAX      64u /* of a stream, one after the other; at a time ESE allows six */
#define NR_MACROS_MAX   64u /* open at a time: as many as sessions split pages at the same moment */
#define MACRO_PAGES_MAX 4096u /* of one macro: a few per level of a tree */

/* "Begin" is the checkpoint, or the last attach of the database if that came later: what was logged before
 * is on disk, what was logged since may be. */
struct entry {
    uint64_t key;     /* database << 32 | pgno; 0: free slot */
    dbtime_t last;    /* after its last record */
    dbtime_t flushed; /* after its last record before the begin; 0: none */
    dbtime_t before;  /* dbtimeBefore of its first record since the begin; 0: none that compares */
    dbtime_t first;   /* dbtimeBefore of its very first record; 0: does not compare */
    uint32_t seq;     /* of its last record, in units of resets */
    uint16_t epoch;   /* of the database at its last record */
    bool seen;        /* a record since the begin */
};

/* Everything in [first, last] whose last record came before reset number seq is forgotten. One per
 * database: a hull around all its resets, so that a log full of them costs nothing. */
struct reset_hull {
    pgno_t first, last;
    uint32_t seq;
};

/* The file was made longer: the highest page that an ExtendDB of the generation names. */
struct growth {
    lgen_t gen;
    pgno_t last;
};

struct database {
    struct signature sign; /* zero: of a dbid that nobody explained */
    uint16_t epoch;        /* number of attaches: what was logged in an older one is on disk */
    lgpos_t attached_at;   /* its lgposAttach */
    lgpos_t closed_at;     /* its lgposConsistent; 0: it is attached */
    struct reset_hull reset;
    struct growth *growths; /* since the file was cut off last: one of a generation, ascending */
    unsigned nr_growths, cap_growths;
    lgen_t cut_in; /* generation in which the file was cut off last; 0: in none */
};

struct macro {
    uint16_t procid;
    dbtime_t dbtime;
    struct logrec_page *pages;
    unsigned nr, cap;
};

struct pagestate {
    lgpos_t checkpoint;
    lgen_t first_gen, gen; /* of the first and of the latest header; 0: none yet */
    lgen_t whole_from;     /* none is missing from it up to the latest */
    bool passed_over;      /* the log that is being fed does not count */
    ese_signature sign_log;
    bool
        unbounded; /* not every change was seen: a gap, or circular logging, where indexes are built
                       without records (ESE: fcreate.cxx) */
    struct entry *slots;
    size_t nr_slots, nr_used; /* nr_slots: a power of two */
    bool incomplete;          /* there was no room for a page */
    bool lost;                /* something could not be followed: nothing is certain any more */
    struct macro macros[NR_MACROS_MAX];
    unsigned nr_macros;
    struct database dbs[NR_DBS_MAX]; /* number 1 is the first */
    unsigned nr_dbs;
    uint8_t attached[256]; /* by dbid: its number; 0: none */
    bool any_attached;
    uint32_t seq; /* number of resets so far */
};

JET_ERR pagestate_new(lgpos_t checkpoint, struct pagestate **ret)
{
    struct pagestate *s = calloc(1, sizeof(*s));

    if (s)
        s->slots = calloc(NR_SLOTS_MIN, sizeof(*s->slots));
    if (!s || !s->slots) {
        free(s);
        return RAISE(JET_errOutOfMemory);
    }
    s->checkpoint = checkpoint;
    s->nr_slots = NR_SLOTS_MIN;
    *ret = s;
    return JET_errSuccess;
}

static void drop_macro(struct pagestate *s, struct macro *m)
{
    free(m->pages);
    *m = s->macros[--s->nr_macros];
}

static void drop_all_macros(struct pagestate *s)
{
    while (s->nr_macros > 0)
        drop_macro(s, &s->macros[0]);
}

void pagestate_free(struct pagestate *s)
{
    if (!s)
        return;
    drop_all_macros(s);
    for (unsigned i = 0; i < s->nr_dbs; i++)
        free(s->dbs[i].growths);
    free(s->slots);
    free(s);
}

/* ---- the table --------------------------------------------------------------------------------- */

/* The slot of the key, or the free one where it belongs. */
static struct entry *slot_of(struct entry *slots, size_t nr_slots, uint64_t key)
{
    /* Fibonacci hashing; the high bits are the good ones. */
    size_t i = (size_t)((key * 0x9e3779b97f4a7c15u) >> 32) & (nr_slots - 1);

    while (slots[i].key && slots[i].key != key)
        i = (i + 1) & (nr_slots - 1);
    return &slots[i];
}

static JET_ERR grow(struct pagestate *s)
{
    const size_t nr = s->nr_slots * 2;
    struct entry *slots = calloc(nr, sizeof(*slots));

    if (!slots)
        return RAISE(JET_errOutOfMemory);
    for (size_t i = 0; i < s->nr_slots; i++)
        if (s->slots[i].key)
            *slot_of(slots, nr, s->slots[i].key) = s->slots[i];
    free(s->slots);
    s->slots = slots;
    s->nr_slots = nr;
    return JET_errSuccess;
}

static uint64_t key_of(unsigned db, pgno_t pgno)
{
    return (uint64_t)db << 32 | pgno;
}

/* *ret NULL: there is no room left for another page. */
static JET_ERR get_entry(struct pagestate *s, uint64_t key, dbtime_t before, struct entry **ret)
{
    struct entry *e = slot_of(s->slots, s->nr_slots, key);
    JET_ERR err;

    *ret = NULL;
    if (!e->key) {
        if (s->nr_used == PAGESTATE_MAX) {
            s->incomplete = true;
            return JET_errSuccess;
        }
        if (s->nr_used + 1 > s->nr_slots / 4 * 3) {
            err = grow(s);
            if (err < 0)
                return err;
            e = slot_of(s->slots, s->nr_slots, key);
        }
        e->key = key;
        e->epoch = s->dbs[(key >> 32) - 1].epoch;
        e->seq = s->seq;
        e->first = before;
        s->nr_used++;
    }
    *ret = e;
    return JET_errSuccess;
}

/* ---- databases --------------------------------------------------------------------------------- */

/* Number of the database, 0 when it is not known. */
static unsigned find_db(const struct pagestate *s, const uint8_t sign[28])
{
    for (unsigned i = 0; i < s->nr_dbs; i++)
        if (memcmp(s->dbs[i].sign.b, sign, sizeof(s->dbs[i].sign.b)) == 0)
            return i + 1;
    return 0;
}

static unsigned new_db(struct pagestate *s, const uint8_t sign[28])
{
    if (s->nr_dbs == NR_DBS_MAX) {
        s->lost = true;
        return 0;
    }
    s->dbs[s->nr_dbs] = (struct database){.epoch = 1};
    memcpy(s->dbs[s->nr_dbs].sign.b, sign, sizeof(s->dbs[0].sign.b));
    return ++s->nr_dbs;
}

static unsigned db_of_dbid(struct pagestate *s, uint8_t dbid)
{
    static const uint8_t nobody[28];

    if (!s->attached[dbid]) {
        s->attached[dbid] = (uint8_t)new_db(s, nobody);
        s->any_attached = true;
    }
    return s->attached[dbid];
}

/* From here on dbid means the database with this signature. */
static struct database *is_attached(struct pagestate *s, uint32_t dbid, const uint8_t sign[28])
{
    unsigned db = find_db(s, sign);

    if (!db)
        db = new_db(s, sign);
    s->attached[dbid & 0xff] = (uint8_t)db;
    s->any_attached = true;
    return db ? &s->dbs[db - 1] : NULL;
}

/* Some generations are missing: databases may have come and gone. */
static void pass_gap(struct pagestate *s)
{
    drop_all_macros(s);
    memset(s->attached, 0, sizeof(s->attached));
    for (unsigned i = 0; i < s->nr_dbs; i++)
        s->dbs[i].closed_at = s->dbs[i].attached_at = 0;
    s->unbounded = true;
}

void pagestate_header(void *ctx, const struct ese_log_info *info)
{
    struct pagestate *s = ctx;

    if (!s->first_gen) {
        s->first_gen = s->whole_from = info->gen;
        s->sign_log = info->sign_log;
    }
    s->passed_over =
        info->gen <= s->gen || memcmp(info->sign_log.b, s->sign_log.b, sizeof(s->sign_log.b)) != 0;
    if (s->passed_over)
        return;
    if (s->gen && info->gen != s->gen + 1) {
        pass_gap(s);
        s->whole_from = info->gen;
    }
    s->gen = info->gen;
    if (info->flags & (LOG_FLAG_CIRCULAR | LOG_FLAG_CIRCULAR_HISTORY))
        s->unbounded = true;
    for (unsigned i = 0; i < info->nr_attach; i++) {
        struct database *db = is_attached(s, info->attach[i].dbid, info->attach[i].sign_db.b);
        if (db)
            db->attached_at = info->attach[i].lgpos_attach;
    }
}

static void forget(struct pagestate *s, struct database *db)
{
    db->reset = (struct reset_hull){.first = 0, .last = UINT32_MAX, .seq = ++s->seq};
}

/* A database is attached in the state in which it was closed last, and then all that was logged of it is
 * on disk - or it is an older copy, and nothing of that counts. */
static void attach(struct pagestate *s, lgpos_t lgpos, const struct logrec *rec)
{
    struct database *db = is_attached(s, rec->dbid, rec->db.sign_db.b);

    if (!db || rec->type == LR_REATTACH)
        return;
    if (rec->type == LR_CREATE_DB || db->closed_at != rec->db.lgpos_consistent || !db->closed_at)
        forget(s, db);
    db->attached_at = lgpos;
    db->closed_at = 0;
    db->epoch++; /* when it wraps, what is on disk is underestimated */
}

static void close_db(struct pagestate *s, unsigned dbid, lgpos_t lgpos)
{
    const unsigned db = s->attached[dbid];

    if (db)
        s->dbs[db - 1].closed_at = lgpos;
    s->attached[dbid] = 0;
}

static void close_all(struct pagestate *s, lgpos_t lgpos)
{
    if (!s->any_attached)
        return;
    s->any_attached = false;
    for (unsigned dbid = 0; dbid < ARRAY_LEN(s->attached); dbid++)
        close_db(s, dbid, lgpos);
}

/* ---- pages ------------------------------------------------------------------------------------- */

static void note_reset(struct pagestate *s, unsigned db, const struct logrec_page *p)
{
    struct reset_hull *h = &s->dbs[db - 1].reset;
    const pgno_t last = p->pgno + (p->nr - 1);

    if (h->seq == 0 || p->pgno < h->first)
        h->first = p->pgno;
    if (h->seq == 0 || last > h->last)
        h->last = last;
    h->seq = ++s->seq;
}

static bool was_reset(const struct pagestate *s, const struct entry *e)
{
    const struct reset_hull *h = &s->dbs[(e->key >> 32) - 1].reset;
    const pgno_t pgno = (pgno_t)e->key;

    return e->seq < h->seq && pgno >= h->first && pgno <= h->last;
}

struct adding {
    struct pagestate *s;
    bool since; /* the record lies at or after the checkpoint */
};

static JET_ERR add_page(void *ctx, const struct logrec_page *p)
{
    const struct adding *a = ctx;
    const unsigned db = db_of_dbid(a->s, p->dbid);
    struct entry *e;
    dbtime_t before = 0;
    JET_ERR err;

    if (!db)
        return JET_errSuccess;
    if (p->how == LOGREC_RESETS) {
        note_reset(a->s, db, p);
        return JET_errSuccess;
    }
    if (p->how == LOGREC_CHANGES && p->before != DBTIME_INVALID)
        before = p->before;
    err = get_entry(a->s, key_of(db, p->pgno), before, &e);
    if (err < 0 || !e)
        return err;
    if (was_reset(a->s, e)) { /* on disk it may be zero, whatever it was before */
        e->flushed = e->before = e->first = 0;
        e->seen = true;
    } else if (e->epoch != a->s->dbs[db - 1].epoch) {
        e->flushed = e->last;
        e->before = 0;
        e->seen = false;
    }
    if (a->since && !e->seen) {
        e->seen = true;
        e->before = before;
    }
    if (!a->since)
        e->flushed = p->after;
    e->last = p->after;
    e->seq = a->s->seq;
    e->epoch = a->s->dbs[db - 1].epoch;
    return JET_errSuccess;
}

/* ---- the end of the file ----------------------------------------------------------------------- */

static JET_ERR add_growth(struct database *db, struct growth g)
{
    if (db->nr_growths == db->cap_growths) {
        const unsigned cap = db->cap_growths ? db->cap_growths * 2 : 8;
        struct growth *more = realloc(db->growths, cap * sizeof(*more));

        if (!more)
            return RAISE(JET_errOutOfMemory);
        db->growths = more;
        db->cap_growths = cap;
    }
    db->growths[db->nr_growths++] = g;
    return JET_errSuccess;
}

/* One that came to nothing is followed by one that names less. */
static JET_ERR note_growth(struct database *db, lgen_t gen, pgno_t last)
{
    struct growth *newest = db->nr_growths ? &db->growths[db->nr_growths - 1] : NULL;

    if (!newest || newest->gen != gen)
        return add_growth(db, (struct growth){gen, last});
    if (last > newest->last)
        newest->last = last;
    return JET_errSuccess;
}

static JET_ERR note_end(struct pagestate *s, lgpos_t lgpos, const struct logrec *rec)
{
    const unsigned nr = db_of_dbid(s, rec->dbid);

    if (!nr)
        return JET_errSuccess;
    if (rec->type == LR_EXTEND_DB)
        return note_growth(&s->dbs[nr - 1], lgpos_gen(lgpos), rec->pgno);
    s->dbs[nr - 1].nr_growths = 0;
    s->dbs[nr - 1].cut_in = lgpos_gen(lgpos);
    return JET_errSuccess;
}

/* ---- macros ------------------------------------------------------------------------------------ */

static struct macro *find_macro(struct pagestate *s, const struct logrec *rec)
{
    for (unsigned i = 0; i < s->nr_macros; i++)
        if (s->macros[i].procid == rec->procid && s->macros[i].dbtime == rec->dbtime)
            return &s->macros[i];
    return NULL;
}

static void begin_macro(struct pagestate *s, const struct logrec *rec)
{
    if (s->nr_macros == NR_MACROS_MAX)
        s->lost = true;
    else
        s->macros[s->nr_macros++] = (struct macro){.procid = rec->procid, .dbtime = rec->dbtime};
}

struct deferring {
    struct pagestate *s;
    struct macro *m;
};

static JET_ERR defer_page(void *ctx, const struct logrec_page *p)
{
    struct deferring *d = ctx;
    struct macro *m = d->m;

    if (m->nr == m->cap) {
        const unsigned cap = m->cap ? m->cap * 2 : 16;
        struct logrec_page *pages;

        if (m->cap >= MACRO_PAGES_MAX) {
            d->s->lost = true;
            return JET_errSuccess;
        }
        pages = realloc(m->pages, cap * sizeof(*pages));
        if (!pages)
            return RAISE(JET_errOutOfMemory);
        m->pages = pages;
        m->cap = cap;
    }
    m->pages[m->nr++] = *p;
    return JET_errSuccess;
}

static JET_ERR commit_macro(struct pagestate *s, struct macro *m, struct adding *a)
{
    JET_ERR err = JET_errSuccess;

    for (unsigned i = 0; i < m->nr && err >= 0; i++)
        err = add_page(a, &m->pages[i]);
    drop_macro(s, m);
    return err;
}

/* ---- records ----------------------------------------------------------------------------------- */

JET_ERR pagestate_add(void *ctx, lgpos_t lgpos, const struct logrec *rec)
{
    struct pagestate *s = ctx;
    struct adding a = {s, lgpos >= s->checkpoint};
    struct macro *m = s->nr_macros ? find_macro(s, rec) : NULL;
    JET_ERR err = JET_errSuccess;

    if (s->lost || s->passed_over)
        return JET_errSuccess;
    switch (rec->type) {
    case LR_MACRO_BEGIN:
        begin_macro(s, rec);
        return JET_errSuccess;
    case LR_MACRO_COMMIT:
        return m ? commit_macro(s, m, &a) : JET_errSuccess;
    case LR_MACRO_ABORT:
        if (m)
            drop_macro(s, m);
        else
            s->lost = true; /* it began before the first record: its pages were counted */
        return JET_errSuccess;
    case LR_INIT:
    case LR_INIT2:
    case LR_RECOVERY_UNDO:
    case LR_RECOVERY_UNDO2:
        drop_all_macros(s);
        return JET_errSuccess;
    case LR_CREATE_DB:
    case LR_ATTACH_DB:
    case LR_REATTACH:
        attach(s, lgpos, rec);
        return JET_errSuccess;
    case LR_DETACH_DB:
        close_db(s, rec->dbid, lgpos);
        return JET_errSuccess;
    case LR_SHUTDOWN_MARK: /* databases are closed with it, without a DetachDB each */
        close_all(s, lgpos);
        return JET_errSuccess;
    case LR_EXTEND_DB:
    case LR_SHRINK_DB:
    case LR_SHRINK_DB2:
    case LR_SHRINK_DB3:
        err = note_end(s, lgpos, rec);
        break;
    default:
        break;
    }
    if (err < 0)
        return err;
    if (!m)
        return logrec_pages(rec, add_page, &a);
    return logrec_pages(rec, defer_page, &(struct deferring){s, m});
}

static const struct entry *find(const struct pagestate *s, unsigned db, pgno_t pgno)
{
    const struct entry *e;

    if (s->lost || !db)
        return NULL;
    e = slot_of(s->slots, s->nr_slots, key_of(db, pgno));
    return e->key && !was_reset(s, e) ? e : NULL;
}

bool pagestate_bounds(const struct pagestate *s, const struct ese_db_info *info, pgno_t pgno,
                      struct page_bounds *ret)
{
    const unsigned nr = find_db(s, info->sign_db.b);
    const struct entry *e = find(s, nr, pgno);
    const struct database *db;

    if (!e || memcmp(info->sign_log.b, s->sign_log.b, sizeof(s->sign_log.b)) != 0)
        return false;
    db = &s->dbs[nr - 1];
    ret->least = e->last;
    ret->most = s->unbounded ? UINT64_MAX : e->last;
    if (info->state == ESE_DB_CLEAN)
        return db->closed_at && db->closed_at == info->lgpos_consistent;
    if (info->state != ESE_DB_DIRTY || info->gen_min_required < s->first_gen)
        return false;
    if (info->lgpos_attach != db->attached_at) /* a copy from before the last attach */
        ret->least = e->first;
    else if (e->epoch == db->epoch)
        ret->least = e->flushed > e->before ? e->flushed : e->before;
    return true;
}

static pgno_t find_missing(const struct pagestate *s, const struct ese_db_info *info, unsigned nr,
                           pgno_t end)
{
    struct page_bounds b;

    for (size_t i = 0; i < s->nr_slots && !s->unbounded; i++)
        if (s->slots[i].key >> 32 == nr && (pgno_t)s->slots[i].key > end &&
            pagestate_bounds(s, info, (pgno_t)s->slots[i].key, &b) && b.least)
            return (pgno_t)s->slots[i].key;
    return 0;
}

/* An attach may cut off what nobody owns: what was there before proves nothing. */
static void look_at_growths(const struct database *db, const struct ese_db_info *info,
                            struct page_end *ret)
{
    const lgen_t attached = lgpos_gen(info->lgpos_attach);

    for (unsigned i = 0; i < db->nr_growths; i++) {
        const struct growth *g = &db->growths[i];

        if (g->gen >= info->gen_min_required && g->last > ret->grows_to)
            ret->grows_to = g->last;
        if (g->gen < info->gen_min_required && g->gen > attached && g->last > ret->had)
            ret->had = g->last;
    }
}

bool pagestate_end(const struct pagestate *s, const struct ese_db_info *info, pgno_t end,
                   struct page_end *ret)
{
    const unsigned nr = find_db(s, info->sign_db.b);

    if (s->lost || !nr || info->state != ESE_DB_DIRTY || info->gen_min_required < s->whole_from ||
        s->gen < info->gen_max_required || s->dbs[nr - 1].cut_in >= info->gen_min_required ||
        memcmp(info->sign_log.b, s->sign_log.b, sizeof(s->sign_log.b)) != 0)
        return false;
    *ret = (struct page_end){0};
    look_at_growths(&s->dbs[nr - 1], info, ret);
    if (ret->had <= end)
        ret->had = find_missing(s, info, nr, end);
    return true;
}

bool pagestate_complete(const struct pagestate *s)
{
    return !s->incomplete && !s->lost;
}
size_t pagestate_nr_pages(const struct pagestate *s)
{
    return s->nr_used;
}
