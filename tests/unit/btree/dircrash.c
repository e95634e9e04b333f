/*
 * The law of recovery: after a crash at any moment, a tree holds what the first so many
 * transactions committed, those whose Commit0 was on disk among them, and nothing of the others.
 */
#include "dirturns.h"

static lgpos_t *commit_at; /* by number; of Commit0 */
static unsigned cap_commits;

static void note_commits(uint32_t before)
{
    if (m.now == before)
        return;
    if (m.now >= cap_commits) {
        lgpos_t *more = realloc(commit_at, (2 * m.now + 64) * sizeof(*commit_at));
        assert_non_null(more);
        commit_at = more;
        cap_commits = 2 * m.now + 64;
    }
    commit_at[m.now] = 0;
    for (unsigned i = 0; i < m.nr_sessions; i++)
        if (m.session[i].s->lgpos_commit > commit_at[m.now])
            commit_at[m.now] = m.session[i].s->lgpos_commit;
}

static uint32_t durable_commits(void)
{
    uint32_t n = 0;

    while (n < m.now && (commit_at[n + 1] == 0 || wal_is_durable(fix.in.wal, commit_at[n + 1])))
        n++;
    return n;
}

static uint32_t value_then(uint32_t nr, uint32_t commit)
{
    const struct model_key *k = &m.key[nr];

    for (unsigned i = k->nr; i-- > 0;)
        if (k->past[i].since <= commit)
            return k->past[i].value;
    return 0;
}

/* Does the tree hold what was true after that commit? */
static bool is_state(struct tree *t, uint32_t commit, uint32_t *ret_bad)
{
    static struct model_bytes b;
    struct dir_node n;
    struct dir d;
    bool same = true;
    JET_ERR err;

    assert_ok(dir_init(&d, fix.sess, t));
    err = dir_first(&d);
    for (uint32_t nr = 0; nr < m.nr_keys && same; nr++) {
        const uint32_t value = value_then(nr, commit);
        *ret_bad = nr;
        if (!value)
            continue;
        model_node(&m, nr, value, &b);
        same = err >= 0 && dir_get(&d, &n) >= 0 && n.key.len == b.bm.key.len &&
               memcmp(n.key.p, b.bm.key.p, n.key.len) == 0 && n.data.len == b.value.len &&
               (!n.data.len || memcmp(n.data.p, b.value.p, n.data.len) == 0);
        dir_release(&d);
        if (same)
            err = dir_next(&d);
    }
    same = same && err == JET_errNoCurrentRecord;
    dir_done(&d);
    return same;
}

static void crash_once(uint32_t page_size, enum instfix_kind kind, uint32_t nr_keys, unsigned turns)
{
    uint32_t durable, found, bad = 0;
    pgno_t root;
    objid_t objid;

    instfix_begin(&fix, &(struct instfix_conf){.page_size = page_size,
                                               .logging = true,
                                               .cache_pages = 48 + pick(200),
                                               .log_file_kib = 64 + 4 * pick(64)});
    model_init(&m, &fix, instfix_tree(&fix, kind), nr_keys, page_size / 5, 4);
    root = m.t->root;
    objid = m.t->objid;
    for (unsigned i = 0; i < turns; i++) {
        const uint32_t before = m.now;
        turn(i);
        note_commits(before);
    }
    if (pick(2))
        assert_ok(wal_flush_all(fix.in.wal));
    durable = durable_commits();
    for (unsigned i = 0; i < m.nr_sessions; i++)
        dir_done(&m.session[i].d);
    instfix_crash(&fix);
    instfix_recover(&fix);
    for (found = durable; found <= m.now; found++)
        if (is_state(instfix_find(&fix, root, objid, kind), found, &bad))
            break;
    if (found > m.now)
        fail_msg("the tree is in no state from commit %u to %u; key %u", durable, m.now, bad);
    model_done(&m);
    assert_int_equal(atomic_load(&fix.nr_faults), 0);
    instfix_crash(&fix);
    instfix_check_tree(&fix, root, objid);
    instfix_end(&fix);
}

static unsigned rounds(void)
{
    const char *s = getenv("DIRCRASH_ROUNDS");

    return s ? (unsigned)strtoul(s, NULL, 0) : 12;
}

static void what_was_committed_survives_in_a_unique_tree(void **state)
{
    (void)state;
    for (unsigned i = 0; i < rounds(); i++)
        crash_once(i % 3 ? 4096 : 32768, INSTFIX_UNIQUE, 50 + pick(500), 1 + pick(2500));
}

static void what_was_committed_survives_in_a_tree_with_equal_keys(void **state)
{
    (void)state;
    for (unsigned i = 0; i < rounds(); i++)
        crash_once(i % 3 ? 4096 : 8192, INSTFIX_NON_UNIQUE, 5 * (10 + pick(300)), 1 + pick(2500));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_committed_survives_in_a_unique_tree),
        cmocka_unit_test(what_was_committed_survives_in_a_tree_with_equal_keys),
    };
    int failed;

    rnd_init("dircrash");
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(commit_at);
    return failed != 0;
}
