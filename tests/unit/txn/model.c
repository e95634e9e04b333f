/*
 * Random work of several sessions in one thread, each step compared with a model that copies
 * everything at each begin: what a session sees is its copy and its own changes, and who may change
 * what follows from the list of who did what.
 */
#include "txntest.h"

#define SESSIONS 5
#define KEYS     12 /* few, so that they meet */
#define STEPS    60000
#define DEEP     4
#define MARKS    4096

struct row {
    bool there;
    int64_t value;
};

struct level { /* what to go back to when it is rolled back */
    struct row row[KEYS];
    unsigned nr_own;
};

struct own { /* a change, to be done to the committed rows at commit */
    uint8_t oper, key;
    int64_t value;
};

struct msess {
    struct sess *s;
    unsigned depth;
    uint32_t begin; /* model's clock */
    struct row row[KEYS];
    struct level level[DEEP];
    struct own own[MARKS];
    unsigned nr_own;
};

/* Who did which kind of thing to a key: open, or committed when. */
struct mark {
    uint8_t key, oper;
    uint32_t commit; /* 0: open */
    struct msess *by;
};

static struct row committed[KEYS];
static struct msess ms[SESSIONS];
static struct mark marks[1 << 16];
static unsigned nr_marks;
static uint32_t now;

static bool commutes(unsigned oper)
{
    return oper == VER_DELTA || oper == VER_READ_LOCK;
}

static bool model_conflict(const struct msess *m, unsigned key, unsigned oper)
{
    for (unsigned i = 0; i < nr_marks; i++) {
        const struct mark *k = &marks[i];
        if (k->key == key && k->by != m && (k->commit == 0 || k->commit > m->begin) &&
            !(commutes(oper) && k->oper == oper))
            return true;
    }
    return false;
}

static void model_do(struct msess *m, unsigned key, unsigned oper, int64_t value)
{
    struct row *r = &m->row[key];

    assert_true(m->nr_own < MARKS && nr_marks < ARRAY_LEN(marks));
    marks[nr_marks++] = (struct mark){(uint8_t)key, (uint8_t)oper, 0, m};
    m->own[m->nr_own++] = (struct own){(uint8_t)oper, (uint8_t)key, value};
    if (oper == VER_INSERT || oper == VER_REPLACE)
        *r = (struct row){true, value};
    else if (oper == VER_FLAG_DELETE)
        r->there = false;
    else if (oper == VER_DELTA)
        r->value += value;
}

/* Marks of m from the nth on: gone. */
static void forget_marks(struct msess *m, unsigned from)
{
    unsigned to = 0, mine = 0;

    for (unsigned i = 0; i < nr_marks; i++)
        if (marks[i].by != m || marks[i].commit != 0 || mine++ < from)
            marks[to++] = marks[i];
    nr_marks = to;
}

static void model_begin(struct msess *m)
{
    struct level *l = &m->level[m->depth];

    if (m->depth++ == 0) {
        m->begin = ++now;
        memcpy(m->row, committed, sizeof(committed));
        m->nr_own = 0;
    }
    memcpy(l->row, m->row, sizeof(m->row));
    l->nr_own = m->nr_own;
}

static void model_rollback(struct msess *m)
{
    struct level *l = &m->level[--m->depth];

    memcpy(m->row, l->row, sizeof(m->row));
    forget_marks(m, l->nr_own);
    m->nr_own = l->nr_own;
}

static void forget_old(void)
{
    uint32_t oldest = now + 1;
    unsigned to = 0;

    for (unsigned i = 0; i < SESSIONS; i++)
        if (ms[i].depth && ms[i].begin < oldest)
            oldest = ms[i].begin;
    for (unsigned i = 0; i < nr_marks; i++)
        if (marks[i].commit == 0 || marks[i].commit > oldest)
            marks[to++] = marks[i];
    nr_marks = to;
}

static void model_commit(struct msess *m)
{
    if (--m->depth > 0)
        return;
    now++;
    for (unsigned i = 0; i < m->nr_own; i++) {
        const struct own *o = &m->own[i];
        struct row *r = &committed[o->key];
        if (o->oper == VER_INSERT || o->oper == VER_REPLACE)
            *r = (struct row){true, o->value};
        else if (o->oper == VER_FLAG_DELETE)
            r->there = false;
        else if (o->oper == VER_DELTA)
            r->value += o->value;
    }
    for (unsigned i = 0; i < nr_marks; i++)
        if (marks[i].by == m && marks[i].commit == 0)
            marks[i].commit = now;
    forget_old();
}

static void compare(struct world *w)
{
    for (unsigned i = 0; i < SESSIONS; i++)
        for (unsigned k = 0; k < KEYS; k++) {
            const struct row *r = ms[i].depth ? &ms[i].row[k] : &committed[k];
            int64_t value;
            const bool there = world_read(w, ms[i].s, k, &value);
            assert_int_equal(there, r->there);
            if (there)
                assert_int_equal(value, r->value);
        }
}

static void change(struct world *w, struct msess *m)
{
    static const enum ver_oper there[] = {VER_REPLACE, VER_REPLACE, VER_FLAG_DELETE, VER_DELTA,
                                          VER_DELTA,   VER_DELTA,   VER_WRITE_LOCK,  VER_READ_LOCK};
    const unsigned key = (unsigned)(rnd() % KEYS);
    const enum ver_oper oper = m->row[key].there ? there[rnd() % ARRAY_LEN(there)] : VER_INSERT;
    const int64_t value = (int64_t)(rnd() % 1000);
    const bool conflict = model_conflict(m, key, oper);
    const JET_ERR err = world_do(w, m->s, oper, key, value);

    if (conflict) {
        assert_int_equal(err, oper == VER_INSERT ? JET_errKeyDuplicate : JET_errWriteConflict);
    } else {
        assert_int_equal(err, 0);
        model_do(m, key, oper, value);
    }
}

static void step(struct world *w)
{
    struct msess *m = &ms[rnd() % SESSIONS];
    const unsigned what = (unsigned)(rnd() % 16);

    if (m->depth == 0 || (what == 0 && m->depth < DEEP)) {
        assert_int_equal(trx_begin(m->s), 0);
        model_begin(m);
    } else if (what <= 2) {
        assert_int_equal(trx_rollback(m->s), 0);
        model_rollback(m);
    } else if (what <= 5 || m->nr_own > MARKS - 10) {
        assert_int_equal(trx_commit(m->s, rnd() % 2), 0);
        model_commit(m);
    } else if (what == 6) {
        assert_true(ver_clean(&w->in, NULL, rnd() % 2) >= 0);
    } else {
        change(w, m);
    }
}

static void random_work_is_as_the_model_says(void **state)
{
    struct world *w = world_new(0);

    (void)state;
    for (unsigned i = 0; i < SESSIONS; i++)
        assert_int_equal(sess_new(&w->in, false, &ms[i].s), 0);
    for (unsigned i = 0; i < STEPS; i++) {
        step(w);
        compare(w);
    }
    for (unsigned i = 0; i < SESSIONS; i++) {
        while (ms[i].depth) {
            assert_int_equal(trx_rollback(ms[i].s), 0);
            model_rollback(&ms[i]);
        }
    }
    compare(w);
    assert_int_equal(ver_clean(&w->in, NULL, true), 0);
    assert_int_equal(atomic_load(&w->tree.nr_ver), 0);
    for (unsigned k = 0; k < KEYS; k++) /* nothing is left flagged */
        assert_int_equal(w->node[k].exists, committed[k].there);
    for (unsigned i = 0; i < SESSIONS; i++)
        sess_free(ms[i].s);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_work_is_as_the_model_says),
    };

    rnd_init("txn-model");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
