/* A turn of one of several sessions on one tree, chosen at random, and what must come of it by the
 * model. */
#ifndef DIRTURNS_H
#define DIRTURNS_H

#include "dirmodel.h"

static struct instfix fix;
static struct model m;

static const char *const step_names[] = {"insert", "replace", "delete",   "seek",  "scan", "move",
                                         "begin",  "commit",  "rollback", "clean", "write"};
static char at_step[160];

#define EXPECT(err, what)                                                                \
    do {                                                                                 \
        JET_ERR e_ = (err), w_ = (what);                                                 \
        if (e_ != w_)                                                                    \
            fail_msg("%s: %s, not %s (%s) line %d", at_step, err_name(e_), err_name(w_), \
                     fix.fault, __LINE__);                                               \
    } while (0)

static uint32_t pick(uint32_t n)
{
    return (uint32_t)(rnd() % n);
}

/* ---- what is there ------------------------------------------------------------------------- */

static void expect_node(struct model_session *x, uint32_t nr, const struct dir_node *n)
{
    static struct model_bytes b;

    model_node(&m, nr, model_sees(&m, x, nr), &b);
    if (n->key.len != b.bm.key.len || memcmp(n->key.p, b.bm.key.p, n->key.len) != 0 ||
        n->data.len != b.value.len ||
        (n->data.len && memcmp(n->data.p, b.value.p, n->data.len) != 0))
        fail_msg("%s: node %u is not what the session sees (%u bytes of data, not %u)", at_step, nr,
                 n->data.len, b.value.len);
}

static void expect_place(struct model_session *x, uint32_t nr)
{
    struct dir_node n;

    EXPECT(dir_get(&x->d, &n), JET_errSuccess);
    expect_node(x, nr, &n);
    dir_release(&x->d);
}

static void scan_forward(struct model_session *x)
{
    uint32_t nr = model_from(&m, x, 0, 1);
    struct dir_node n;

    EXPECT(dir_first(&x->d), nr == m.nr_keys ? JET_errNoCurrentRecord : JET_errSuccess);
    if (nr == m.nr_keys)
        return;
    expect_place(x, nr);
    for (nr = model_from(&m, x, nr + 1, 1); nr < m.nr_keys; nr = model_from(&m, x, nr + 1, 1)) {
        if (nr % 3) {
            EXPECT(dir_next_get(&x->d, &n), JET_errSuccess);
            expect_node(x, nr, &n);
            if (nr % 2)
                dir_release(&x->d);
        } else {
            EXPECT(dir_next(&x->d), JET_errSuccess);
            expect_place(x, nr);
        }
    }
    EXPECT(dir_next_get(&x->d, &n), JET_errNoCurrentRecord);
    EXPECT(dir_next(&x->d), JET_errNoCurrentRecord);
}

static void scan_backward(struct model_session *x)
{
    uint32_t nr = model_from(&m, x, m.nr_keys - 1, -1);
    struct dir_node n;

    EXPECT(dir_last(&x->d), nr == m.nr_keys ? JET_errNoCurrentRecord : JET_errSuccess);
    while (nr < m.nr_keys) {
        expect_place(x, nr);
        nr = model_from(&m, x, (int64_t)nr - 1, -1);
        if (nr == m.nr_keys) {
            EXPECT(dir_prev(&x->d), JET_errNoCurrentRecord);
        } else if (nr % 3) {
            EXPECT(dir_prev_get(&x->d, &n), JET_errSuccess);
            expect_node(x, nr, &n);
        } else {
            EXPECT(dir_prev(&x->d), JET_errSuccess);
        }
    }
}

/* ---- seeks --------------------------------------------------------------------------------- */

/* By key alone, in a non-unique tree: five nodes count as equal. */
static uint32_t seek_by_key(struct model_session *x, enum dir_seek how, uint32_t nr, JET_ERR *ret)
{
    const uint32_t first = nr / 5 * 5, behind = first + 5;
    uint32_t hit = m.nr_keys;

    if (how == DIR_EQ || how == DIR_GE)
        hit = model_from(&m, x, first, 1);
    else if (how == DIR_GT)
        hit = model_from(&m, x, behind, 1);
    else
        hit = model_from(&m, x, (int64_t)(how == DIR_LE ? behind : first) - 1, -1);
    *ret = JET_errSuccess;
    if (hit == m.nr_keys || (how == DIR_EQ && hit >= behind))
        *ret = JET_errRecordNotFound;
    else if ((how == DIR_GE || how == DIR_LE) && hit / 5 != nr / 5)
        *ret = JET_wrnSeekNotEqual;
    return hit;
}

static uint32_t seek_exactly(struct model_session *x, enum dir_seek how, uint32_t nr, JET_ERR *ret)
{
    const bool up = how == DIR_EQ || how == DIR_GE || how == DIR_GT;
    const int64_t from = (int64_t)nr + (how == DIR_GT) - (how == DIR_LT);
    const uint32_t hit = model_from(&m, x, from, up ? 1 : -1);

    *ret = JET_errSuccess;
    if (hit == m.nr_keys || (how == DIR_EQ && hit != nr))
        *ret = JET_errRecordNotFound;
    else if ((how == DIR_GE || how == DIR_LE) && hit != nr)
        *ret = JET_wrnSeekNotEqual;
    return hit;
}

static void do_seek(struct model_session *x)
{
    static struct model_bytes b;
    const uint32_t nr = pick(m.nr_keys);
    const enum dir_seek how = (enum dir_seek)pick(5);
    const bool by_key = !m.unique && pick(2);
    uint32_t hit, next;
    JET_ERR want;

    model_bookmark(&m, nr, &b);
    if (by_key)
        b.bm.data.len = 0;
    hit = by_key ? seek_by_key(x, how, nr, &want) : seek_exactly(x, how, nr, &want);
    EXPECT(dir_seek(&x->d, &b.bm, how), want);
    if (want >= 0) {
        expect_place(x, hit);
        return;
    }
    if (how != DIR_EQ) {
        EXPECT(how == DIR_GE || how == DIR_GT ? dir_next(&x->d) : dir_prev(&x->d),
               JET_errNoCurrentRecord);
        return;
    }
    /* between its neighbours */
    next = model_from(&m, x, (int64_t)nr - 1 - (by_key ? nr % 5 : 0), -1);
    EXPECT(dir_prev(&x->d), next == m.nr_keys ? JET_errNoCurrentRecord : JET_errSuccess);
    if (next != m.nr_keys)
        expect_place(x, next);
    else
        EXPECT(dir_next(&x->d),
               model_from(&m, x, 0, 1) == m.nr_keys ? JET_errNoCurrentRecord : JET_errSuccess);
}

static bool seek_node(struct model_session *x, uint32_t nr)
{
    static struct model_bytes b;
    const bool there = model_sees(&m, x, nr);

    model_bookmark(&m, nr, &b);
    EXPECT(dir_seek(&x->d, &b.bm, DIR_EQ), there ? JET_errSuccess : JET_errRecordNotFound);
    return there;
}

/* ---- changes ------------------------------------------------------------------------------- */

static void do_insert(struct model_session *x)
{
    static struct model_bytes b;
    const uint32_t nr = pick(m.nr_keys), value = 1 + (uint32_t)rnd() % 100000;
    const bool bad = model_sees(&m, x, nr) || model_conflict(&m, x, nr);

    model_node(&m, nr, value, &b);
    EXPECT(dir_insert(&x->d, b.bm.key, b.value, 0), bad ? JET_errKeyDuplicate : JET_errSuccess);
    if (bad)
        return;
    model_write(x, nr, value);
    expect_place(x, nr);
}

static void do_replace(struct model_session *x)
{
    static struct model_bytes b;
    const uint32_t nr = pick(m.nr_keys), value = 1 + (uint32_t)rnd() % 100000;
    const bool conflict = model_conflict(&m, x, nr);

    if (!m.unique || !seek_node(x, nr))
        return;
    model_node(&m, nr, value, &b);
    EXPECT(dir_replace(&x->d, b.value, pick(2) ? DIR_FULL_REPLACE : 0),
           conflict ? JET_errWriteConflict : JET_errSuccess);
    if (conflict)
        return;
    model_write(x, nr, value);
    expect_place(x, nr);
}

static void do_delete(struct model_session *x)
{
    const uint32_t nr = pick(m.nr_keys);
    const bool conflict = model_conflict(&m, x, nr);
    struct dir_node n;

    if (!seek_node(x, nr))
        return;
    EXPECT(dir_flag_delete(&x->d, 0), conflict ? JET_errWriteConflict : JET_errSuccess);
    if (conflict)
        return;
    model_write(x, nr, 0);
    EXPECT(dir_get(&x->d, &n), JET_errRecordDeleted);
    EXPECT(dir_flag_delete(&x->d, 0), JET_errRecordDeleted);
}

/* ---- turns --------------------------------------------------------------------------------- */

static void do_move(struct model_session *x)
{
    uint32_t nr = pick(m.nr_keys), to;

    if (!seek_node(x, nr))
        return;
    for (int i = 0; i < 8; i++) {
        const int step = pick(2) ? 1 : -1;
        to = model_from(&m, x, (int64_t)nr + step, step);
        EXPECT(step > 0 ? dir_next(&x->d) : dir_prev(&x->d),
               to == m.nr_keys ? JET_errNoCurrentRecord : JET_errSuccess);
        if (to == m.nr_keys)
            return;
        nr = to;
        expect_place(x, nr);
    }
}

static void do_begin(struct model_session *x)
{
    if (x->level == MODEL_LEVELS)
        return;
    EXPECT(trx_begin(x->s), JET_errSuccess);
    model_begin(&m, x);
}

static void do_commit(struct model_session *x)
{
    EXPECT(trx_commit(x->s, true), JET_errSuccess);
    model_commit(&m, x);
}

static void do_rollback(struct model_session *x)
{
    EXPECT(trx_rollback(x->s), JET_errSuccess);
    model_rollback(x);
}

__attribute__((unused)) static void turn(unsigned nr)
{
    struct model_session *x = &m.session[pick(m.nr_sessions)];
    const unsigned dice = pick(100);
    const unsigned what = dice < 30   ? 0
                          : dice < 50 ? 1
                          : dice < 62 ? 2
                          : dice < 75 ? 3
                          : dice < 77 ? 4
                          : dice < 84 ? 5
                          : dice < 90 ? 6
                          : dice < 95 ? 7
                          : dice < 98 ? 8
                          : dice < 99 ? 9
                                      : 10;

    snprintf(at_step, sizeof(at_step), "turn %u, session %u, level %u, %s", nr,
             (unsigned)(x - m.session), x->level, step_names[what]);
    if (x->level == 0 && what != 3 && what != 4 && what != 5 && what < 9)
        do_begin(x);
    switch (what) {
    case 0:
        do_insert(x);
        break;
    case 1:
        do_replace(x);
        break;
    case 2:
        do_delete(x);
        break;
    case 3:
        do_seek(x);
        break;
    case 4:
        pick(2) ? scan_forward(x) : scan_backward(x);
        break;
    case 5:
        do_move(x);
        break;
    case 6:
        do_begin(x);
        break;
    case 7:
        do_commit(x);
        break;
    case 8:
        do_rollback(x);
        break;
    case 9:
        assert_true(ver_clean(&fix.in, NULL, pick(2)) >= 0);
        break;
    default:
        EXPECT(bufpool_write(fix.db.pool, UINT64_MAX), JET_errSuccess);
        break;
    }
}

#endif
