/* Places in a tree, and what comes of each kind of change: for the session, for others, in the log.
 */
#include "instfix.h"

#include <fcntl.h>

#include "btree/dir_int.h"
#include "log/logread.h"

static struct instfix fix;

static struct slice str(const char *s)
{
    return (struct slice){(const uint8_t *)s, (uint32_t)strlen(s)};
}

static struct bookmark bm(const char *key, const char *data)
{
    return (struct bookmark){str(key), str(data)};
}

static struct dir open_dir(struct sess *s, struct tree *t)
{
    struct dir d;

    assert_ok(dir_init(&d, s, t));
    return d;
}

static void begin(uint32_t page_size, bool logging)
{
    instfix_begin(&fix, &(struct instfix_conf){.page_size = page_size, .logging = logging});
}

static void end(void)
{
    assert_int_equal(atomic_load(&fix.nr_faults), 0);
    instfix_end(&fix);
}

/* "a1 b2 c3": one-letter keys, the rest is data. */
static void fill(struct dir *d, const char *nodes)
{
    assert_ok(trx_begin(d->sess));
    for (const char *p = nodes; *p;) {
        const size_t len = strcspn(p, " ");
        assert_ok(dir_insert(d, (struct slice){(const uint8_t *)p, 1},
                             (struct slice){(const uint8_t *)p + 1, (uint32_t)len - 1}, 0));
        p += len + (p[len] == ' ');
    }
    assert_ok(trx_commit(d->sess, true));
}

static void expect(struct dir *d, const char *node)
{
    struct dir_node n;

    assert_ok(dir_get(d, &n));
    assert_int_equal(n.key.len, 1);
    assert_int_equal(n.key.p[0], node[0]);
    assert_int_equal(n.data.len, strlen(node) - 1);
    assert_memory_equal(n.data.p, node + 1, n.data.len);
    dir_release(d);
}

static void expect_all(struct dir *d, const char *nodes)
{
    char node[64];
    int n;
    JET_ERR err = dir_first(d);

    for (const char *p = nodes; sscanf(p, " %63s%n", node, &n) == 1; p += n) {
        assert_ok(err);
        expect(d, node);
        err = dir_next(d);
    }
    assert_int_equal(err, JET_errNoCurrentRecord);
}

/* ---- places -------------------------------------------------------------------------------- */

static void an_empty_tree_has_no_place(void **state)
{
    struct dir d;
    struct dir_node n;
    uint64_t a, b;

    (void)state;
    begin(4096, false);
    d = open_dir(fix.sess, instfix_tree(&fix, INSTFIX_UNIQUE));
    assert_int_equal(dir_next(&d), JET_errNoCurrentRecord);
    assert_int_equal(dir_get(&d, &n), JET_errNoCurrentRecord);
    assert_int_equal(dir_first(&d), JET_errNoCurrentRecord);
    assert_int_equal(dir_last(&d), JET_errNoCurrentRecord);
    for (int how = DIR_EQ; how <= DIR_LT; how++) {
        const struct bookmark key = bm("x", "");
        assert_int_equal(dir_seek(&d, &key, (enum dir_seek)how), JET_errRecordNotFound);
        assert_int_equal(dir_next(&d), JET_errNoCurrentRecord);
        assert_int_equal(dir_prev_get(&d, &n), JET_errNoCurrentRecord);
    }
    assert_int_equal(dir_position(&d, &a, &b), JET_errNoCurrentRecord);
    assert_int_equal(dir_goto_position(&d, 1, 2), JET_errNoCurrentRecord);
    dir_done(&d);
    end();
}

static void a_seek_that_finds_nothing_rests_between(void **state)
{
    const struct bookmark e = bm("e", ""), a = bm("a", ""), z = bm("z", "");
    struct dir d;

    (void)state;
    begin(4096, false);
    d = open_dir(fix.sess, instfix_tree(&fix, INSTFIX_UNIQUE));
    fill(&d, "b1 d2 f3 h4");
    assert_int_equal(dir_seek(&d, &e, DIR_EQ), JET_errRecordNotFound);
    assert_ok(dir_next(&d));
    expect(&d, "f3");
    assert_int_equal(dir_seek(&d, &e, DIR_EQ), JET_errRecordNotFound);
    assert_ok(dir_prev(&d));
    expect(&d, "d2");
    assert_int_equal(dir_seek(&d, &a, DIR_EQ), JET_errRecordNotFound);
    assert_int_equal(dir_prev(&d), JET_errNoCurrentRecord);
    assert_ok(dir_next(&d));
    expect(&d, "b1");
    assert_int_equal(dir_seek(&d, &z, DIR_EQ), JET_errRecordNotFound);
    assert_int_equal(dir_next(&d), JET_errNoCurrentRecord);
    assert_ok(dir_prev(&d));
    expect(&d, "h4");
    assert_int_equal(dir_seek(&d, &z, DIR_GE), JET_errRecordNotFound);
    assert_ok(dir_prev(&d));
    expect(&d, "h4");
    assert_int_equal(dir_seek(&d, &e, DIR_LE), JET_wrnSeekNotEqual);
    expect(&d, "d2");
    dir_done(&d);
    end();
}

/* Normalised keys never begin one another, but what is sought may begin them: fewer columns than
 * the index has. */
static void the_beginning_of_a_key_is_below_the_key(void **state)
{
    static const enum instfix_kind kinds[] = {INSTFIX_UNIQUE, INSTFIX_NON_UNIQUE};
    const struct bookmark part = bm("bb", "");

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct dir d;

        begin(4096, false);
        d = open_dir(fix.sess, instfix_tree(&fix, kinds[i]));
        assert_ok(trx_begin(fix.sess));
        assert_ok(dir_insert(&d, str("baa"), str("1"), 0));
        assert_ok(dir_insert(&d, str("bba"), str("2"), 0));
        assert_ok(dir_insert(&d, str("bbz"), str("3"), 0));
        assert_ok(dir_insert(&d, str("bca"), str("4"), 0));
        assert_int_equal(dir_seek(&d, &part, DIR_EQ), JET_errRecordNotFound);
        assert_int_equal(dir_seek(&d, &part, DIR_GE), JET_wrnSeekNotEqual);
        assert_memory_equal(dir_bookmark(&d).key.p, "bba", 3);
        assert_ok(dir_seek(&d, &part, DIR_GT));
        assert_memory_equal(dir_bookmark(&d).key.p, "bba", 3);
        assert_int_equal(dir_seek(&d, &part, DIR_LE), JET_wrnSeekNotEqual);
        assert_memory_equal(dir_bookmark(&d).key.p, "baa", 3);
        assert_ok(dir_seek(&d, &part, DIR_LT));
        assert_memory_equal(dir_bookmark(&d).key.p, "baa", 3);
        dir_done(&d);
        end();
    }
}

static void a_place_outlives_what_happens_around_it(void **state)
{
    static const uint8_t big[900];
    const struct bookmark m = bm("m", "");
    struct dir d, other, copy;
    struct tree *t;

    (void)state;
    begin(4096, false);
    t = instfix_tree(&fix, INSTFIX_UNIQUE);
    d = open_dir(fix.sess, t);
    other = open_dir(instfix_session(&fix), t);
    copy = open_dir(fix.sess, t);
    fill(&d, "c1 m2 x3");
    assert_ok(dir_seek(&d, &m, DIR_EQ));
    assert_ok(trx_begin(other.sess));
    for (char c = 'a'; c <= 'z'; c++) /* the page is split, twice at least */
        if (c != 'c' && c != 'm' && c != 'x')
            assert_ok(dir_insert(&other, (struct slice){(uint8_t *)&c, 1},
                                 (struct slice){big, sizeof(big)}, 0));
    expect(&d, "m2");
    assert_ok(dir_copy_place(&copy, &d));
    assert_ok(dir_next(&d));
    expect(&d, "x3");
    assert_ok(dir_prev(&copy));
    expect(&copy, "c1");
    assert_ok(trx_commit(other.sess, true));
    assert_ok(dir_next(&copy));
    assert_memory_equal(dir_bookmark(&copy).key.p, "d", 1);
    assert_ok(dir_place(&copy, &m));
    expect(&copy, "m2");
    dir_done(&copy);
    dir_done(&other);
    dir_done(&d);
    end();
}

static void a_node_that_is_gone_still_has_neighbours(void **state)
{
    const struct bookmark c = bm("c", "");
    struct dir_node n;
    struct dir d, other;
    struct tree *t;

    (void)state;
    begin(4096, false);
    t = instfix_tree(&fix, INSTFIX_UNIQUE);
    d = open_dir(fix.sess, t);
    other = open_dir(instfix_session(&fix), t);
    fill(&d, "a1 b2 c3 d4 e5");
    assert_ok(trx_begin(d.sess));
    assert_ok(dir_seek(&d, &c, DIR_EQ));
    assert_ok(dir_seek(&other, &c, DIR_EQ));
    assert_ok(dir_flag_delete(&d, 0));
    assert_int_equal(dir_get(&d, &n), JET_errRecordDeleted);
    expect(&other, "c3"); /* not committed */
    assert_ok(dir_next(&d));
    expect(&d, "d4");
    assert_ok(trx_commit(d.sess, true));
    assert_int_equal(dir_get(&other, &n), JET_errRecordDeleted);
    assert_true(ver_clean(&fix.in, NULL, true) >= 0);
    assert_int_equal(dir_get(&other, &n), JET_errRecordDeleted);
    assert_int_equal(dir_replace(&other, str("9"), 0), JET_errNotInTransaction);
    assert_ok(trx_begin(other.sess));
    assert_int_equal(dir_replace(&other, str("9"), 0), JET_errRecordDeleted);
    assert_int_equal(dir_lock(&other, VER_WRITE_LOCK), JET_errRecordDeleted);
    assert_ok(dir_prev(&other));
    expect(&other, "b2");
    dir_done(&other);
    dir_done(&d);
    end();
}

static void positions_are_fractions_of_the_tree(void **state)
{
    const unsigned nr = 3000;
    struct dir d;
    uint64_t before, total, last = 0;

    (void)state;
    begin(4096, false);
    d = open_dir(fix.sess, instfix_tree(&fix, INSTFIX_UNIQUE));
    assert_ok(trx_begin(d.sess));
    for (unsigned i = 0; i < nr; i++) {
        uint8_t key[4] = {'k', (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}, data[40] = {0};
        assert_ok(dir_insert(&d, (struct slice){key, 4}, (struct slice){data, 40}, 0));
    }
    assert_ok(dir_first(&d));
    for (unsigned i = 0; i < nr; i++) {
        uint64_t part;
        assert_ok(dir_position(&d, &before, &total));
        part = before * 1000000 / total;
        assert_true(before < total && part >= last);
        assert_in_range(part + 60000, i * UINT64_C(1000000) / nr,
                        i * UINT64_C(1000000) / nr + 120000);
        last = part;
        assert_int_equal(dir_next(&d), i + 1 < nr ? JET_errSuccess : JET_errNoCurrentRecord);
    }
    for (unsigned i = 0; i <= 100; i++) {
        const uint8_t *key;
        assert_ok(dir_goto_position(&d, i, 100));
        key = dir_bookmark(&d).key.p;
        last = (uint64_t)key[1] << 16 | (uint64_t)key[2] << 8 | key[3];
        assert_in_range(last + nr / 15, i * nr / 100, i * nr / 100 + nr / 7);
    }
    assert_int_equal(dir_goto_position(&d, 0, 0), JET_errInvalidParameter);
    assert_ok(dir_goto_position(&d, UINT64_MAX, 3)); /* behind the end is at the end */
    dir_done(&d);
    end();
}

/* ---- changes ------------------------------------------------------------------------------- */

static void limits_are_those_of_the_page(void **state)
{
    static uint8_t bytes[PAGE_SIZE_MAX];
    static const uint32_t sizes[] = {4096, 8192, 32768};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        const uint32_t most = node_len_max(sizes[i]), key_most = key_len_max(sizes[i]);
        struct dir_node n;
        struct dir d, index;

        begin(sizes[i], false);
        d = open_dir(fix.sess, instfix_tree(&fix, INSTFIX_UNIQUE));
        index = open_dir(fix.sess, instfix_tree(&fix, INSTFIX_NON_UNIQUE));
        assert_int_equal(dir_insert(&d, str("a"), str("1"), 0), JET_errNotInTransaction);
        assert_ok(trx_begin(fix.sess));
        assert_int_equal(dir_insert(&d, (struct slice){bytes, key_most + 1}, str("1"), 0),
                         JET_errKeyTooBig);
        assert_int_equal(dir_insert(&index, str("1"), (struct slice){bytes, key_most + 1}, 0),
                         JET_errKeyTooBig);
        assert_int_equal(dir_insert(&d, str("a"), (struct slice){bytes, most - 2}, 0),
                         JET_errRecordTooBig);
        assert_ok(dir_insert(&d, str("m"), str("1"), 0));
        for (const char *k = "azbyn"; *k; k++) /* each fills a page of its own */
            assert_ok(dir_insert(&d, (struct slice){(const uint8_t *)k, 1},
                                 (struct slice){bytes, most - 3}, 0));
        assert_int_equal(dir_replace(&d, (struct slice){bytes, most - 2}, 0), JET_errRecordTooBig);
        bytes[7]++;
        assert_ok(dir_replace(&d, (struct slice){bytes, most - 3}, 0));
        assert_ok(dir_get(&d, &n));
        assert_int_equal(n.data.len, most - 3);
        dir_release(&d);
        assert_int_equal(dir_insert(&d, str("m"), str("2"), 0), JET_errKeyDuplicate);
        assert_ok(dir_insert(&index, (struct slice){bytes, key_most},
                             (struct slice){bytes, key_most}, 0));
        assert_int_equal(dir_replace(&index, str("1"), 0), JET_errInvalidParameter);
        assert_ok(trx_rollback(fix.sess));
        assert_true(ver_clean(&fix.in, NULL, true) >= 0);
        assert_int_equal(dir_first(&d), JET_errNoCurrentRecord);
        dir_done(&d);
        dir_done(&index);
        end();
    }
}

static void deltas_of_two_sessions_add_up(void **state)
{
    static const uint8_t zero[20];
    const struct bookmark k = bm("k", "");
    struct dir a, b;
    struct tree *t;
    struct dir_node n;
    struct dir_delta_old old;

    (void)state;
    begin(4096, false);
    t = instfix_tree(&fix, INSTFIX_UNIQUE);
    a = open_dir(fix.sess, t);
    b = open_dir(instfix_session(&fix), t);
    assert_ok(trx_begin(a.sess));
    assert_ok(dir_insert(&a, str("k"), (struct slice){zero, 20}, 0));
    assert_ok(trx_commit(a.sess, true));
    assert_ok(trx_begin(a.sess));
    assert_ok(trx_begin(b.sess));
    assert_ok(dir_seek(&a, &k, DIR_EQ));
    assert_ok(dir_seek(&b, &k, DIR_EQ));
    assert_ok(dir_delta(&a, 4, 10, false, &old));
    assert_int_equal(old.seen, 0);
    assert_ok(dir_delta(&b, 4, -3, false, &old));
    assert_int_equal(old.seen, 0);
    assert_int_equal(old.all, 10);
    assert_ok(dir_delta(&a, 4, 1, false, &old));
    assert_int_equal(old.seen, 10);
    assert_int_equal(dir_delta(&b, 8, 1, true, &old), JET_errWriteConflict); /* of another width */
    assert_int_equal(dir_replace(&a, str("x"), 0), JET_errWriteConflict);
    assert_int_equal(dir_delta(&a, 18, 1, false, &old), JET_errInvalidParameter);
    assert_ok(trx_rollback(b.sess));
    assert_ok(trx_commit(a.sess, true));
    assert_ok(trx_begin(b.sess));
    assert_ok(dir_delta(&b, 8, INT64_C(1) << 40, true, &old));
    assert_int_equal(old.seen, 0);
    assert_ok(dir_delta(&b, 8, -1, true, &old));
    assert_true(old.seen == INT64_C(1) << 40);
    assert_ok(trx_rollback(b.sess));
    assert_ok(dir_get(&a, &n));
    assert_int_equal(get_le32(n.data.p + 4), 11);
    assert_int_equal(get_le64(n.data.p + 8), 0);
    dir_release(&a);
    dir_done(&a);
    dir_done(&b);
    end();
}

static void locks_hold_until_the_transaction_ends(void **state)
{
    const struct bookmark k = bm("k", "");
    struct dir a, b;
    struct tree *t;

    (void)state;
    begin(4096, false);
    t = instfix_tree(&fix, INSTFIX_UNIQUE);
    a = open_dir(fix.sess, t);
    b = open_dir(instfix_session(&fix), t);
    fill(&a, "k1");
    assert_ok(trx_begin(a.sess));
    assert_ok(trx_begin(b.sess));
    assert_ok(dir_seek(&a, &k, DIR_EQ));
    assert_ok(dir_seek(&b, &k, DIR_EQ));
    assert_ok(dir_lock(&a, VER_READ_LOCK));
    assert_ok(dir_lock(&b, VER_READ_LOCK));
    assert_int_equal(dir_lock(&b, VER_WRITE_LOCK), JET_errWriteConflict);
    assert_ok(trx_rollback(b.sess));
    assert_ok(dir_lock(&a, VER_WRITE_LOCK));
    assert_ok(trx_begin(b.sess));
    assert_int_equal(dir_flag_delete(&b, 0), JET_errWriteConflict);
    assert_int_equal(dir_replace(&b, str("1"), 0),
                     JET_errWriteConflict); /* the same data all the same */
    assert_ok(trx_rollback(a.sess));
    assert_ok(dir_flag_delete(&b, 0));
    assert_ok(trx_commit(b.sess, true));
    dir_done(&a);
    dir_done(&b);
    end();
}

/* ---- the log ------------------------------------------------------------------------------- */

/* Types of the records of trees since the last call, as letters; and the last record's old and new
 * length. */
static char shape[64];
static struct logrec newest;

static char letter(enum lrtyp type)
{
    switch (type) {
    case LR_INSERT:
        return 'I';
    case LR_FLAG_INSERT:
        return 'F';
    case LR_FLAG_INSERT_AND_REPLACE_DATA:
        return 'A';
    case LR_REPLACE:
        return 'R';
    case LR_REPLACE_D:
        return 'D';
    case LR_FLAG_DELETE:
        return 'X';
    case LR_DELETE:
        return 'K';
    case LR_UNDO_INFO:
        return 'i';
    case LR_UNDO:
        return 'u';
    case LR_DELTA:
        return '+';
    case LR_DELTA64:
        return '*';
    case LR_ROLLBACK:
        return '!';
    case LR_SPLIT2:
        return 'S';
    default:
        return 0;
    }
}

static const char *logged(objid_t objid)
{
    static lgpos_t since;
    struct reporter r = {.file = "edb.log"};
    struct logread *l;
    struct logrec rec;
    lgpos_t at;
    unsigned nr = 0;
    int fd = openat(fix.dirfd, "edb.log", O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_ok(wal_flush_all(fix.in.wal));
    assert_ok(logread_open(fd, true, &r, &l));
    while (logread_next(l, &at, &rec) > 0) {
        const char c = letter(rec.type);
        if (at <= since || !c || (rec.objid && rec.objid != objid) ||
            (c != '!' && rec.flags & LR_PAGE_SPACE) || nr + 1 == sizeof(shape))
            continue;
        shape[nr++] = c;
        newest = rec;
    }
    since = wal_tip(fix.in.wal) - 1;
    shape[nr] = '\0';
    logread_close(l);
    close(fd);
    return shape;
}

static void each_change_has_its_record(void **state)
{
    static uint8_t data[300];
    const struct bookmark k = bm("k", "");
    struct dir d;
    objid_t objid;

    (void)state;
    begin(4096, true);
    d = open_dir(fix.sess, instfix_tree(&fix, INSTFIX_UNIQUE));
    objid = d.tree->objid;
    logged(objid);
    assert_ok(trx_begin(d.sess));
    assert_ok(dir_insert(&d, str("k"), (struct slice){data, 300}, 0));
    assert_string_equal(logged(objid), "I");
    assert_int_equal(newest.flags, LR_PAGE_VERSIONED | LR_PAGE_UNIQUE);
    data[100] = 1;
    assert_ok(dir_replace(&d, (struct slice){data, 300}, 0));
    assert_string_equal(logged(objid), "D");
    assert_int_equal(newest.replace.old_len, 300);
    data[100] = 2;
    assert_ok(dir_replace(&d, (struct slice){data, 300}, DIR_FULL_REPLACE));
    assert_string_equal(logged(objid), "R");
    assert_ok(dir_replace(&d, (struct slice){data, 300}, 0));
    assert_ok(dir_lock(&d, VER_WRITE_LOCK));
    assert_string_equal(logged(objid), ""); /* nothing has changed */
    assert_ok(dir_delta(&d, 0, 5, false, NULL));
    assert_ok(dir_delta(&d, 8, 5, true, NULL));
    assert_string_equal(logged(objid), "+*");
    assert_ok(dir_flag_delete(&d, 0));
    assert_string_equal(logged(objid), "X");
    assert_ok(dir_insert(&d, str("k"), str("new"), 0));
    assert_string_equal(logged(objid), "A");
    assert_int_equal(newest.insert.rceid_replace, newest.rceid + 2);
    assert_ok(dir_seek(&d, &k, DIR_EQ));
    assert_ok(trx_rollback(d.sess));
    /* newest first, each with what there was before, unless the log has it in the record itself */
    assert_string_equal(logged(objid), "iuuiuuuiuiuu!");
    assert_int_equal(dir_first(&d), JET_errNoCurrentRecord);
    dir_done(&d);
    end();
}

static void a_node_with_equal_key_and_data_is_taken_up_again(void **state)
{
    struct dir d;
    objid_t objid;

    (void)state;
    begin(4096, true);
    d = open_dir(fix.sess, instfix_tree(&fix, INSTFIX_NON_UNIQUE));
    objid = d.tree->objid;
    fill(&d, "k1 k2 k3");
    logged(objid);
    assert_ok(trx_begin(d.sess));
    assert_int_equal(dir_insert(&d, str("k"), str("2"), 0), JET_errKeyDuplicate);
    assert_ok(dir_insert(&d, str("k"), str("4"), 0));
    assert_ok(dir_flag_delete(&d, 0));
    assert_ok(dir_insert(&d, str("k"), str("4"), 0));
    assert_ok(dir_insert(&d, str("k"), str("5"), DIR_UNVERSIONED));
    assert_string_equal(logged(objid), "IXFI");
    assert_int_equal(newest.flags, 0);
    assert_int_equal(newest.rceid, 0);
    assert_ok(trx_rollback(d.sess));
    assert_string_equal(logged(objid), "uiuu!");
    expect_all(&d, "k1 k2 k3 k5");
    dir_done(&d);
    end();
}

static void what_is_written_can_be_undone_after_a_crash(void **state)
{
    const struct bookmark a = bm("a", ""), b = bm("b", "");
    struct tree *t;
    struct dir d;
    pgno_t root;
    objid_t objid;

    (void)state;
    begin(4096, true);
    t = instfix_tree(&fix, INSTFIX_UNIQUE);
    root = t->root;
    objid = t->objid;
    d = open_dir(fix.sess, t);
    fill(&d, "a1 b2 c3");
    logged(objid);
    assert_ok(trx_begin(d.sess));
    assert_ok(dir_seek(&d, &a, DIR_EQ));
    assert_ok(dir_replace(&d, str("first"), 0));
    assert_ok(dir_replace(&d, str("second"), 0));
    assert_ok(dir_seek(&d, &b, DIR_EQ));
    assert_ok(dir_flag_delete(&d, 0));
    assert_ok(dir_insert(&d, str("d"), str("4"), 0));
    assert_string_equal(logged(objid), "RRXI");
    assert_ok(bufpool_write(fix.db.pool, UINT64_MAX));
    assert_string_equal(logged(objid), "iii"); /* newest first by node; an Insert needs none */
    assert_int_equal(newest.node.oper, VER_FLAG_DELETE);
    assert_ok(dir_seek(&d, &a, DIR_EQ));
    assert_ok(dir_replace(&d, str("third"), 0));
    assert_ok(bufpool_write(fix.db.pool, UINT64_MAX));
    assert_string_equal(logged(objid), "Ri"); /* each once */
    assert_int_equal(newest.node.image.len, 6);
    dir_done(&d);
    instfix_crash(&fix);
    instfix_recover(&fix);
    d = open_dir(fix.sess, instfix_find(&fix, root, objid, INSTFIX_UNIQUE));
    expect_all(&d, "a1 b2 c3");
    dir_done(&d);
    end();
}

/* ---- room for a rollback
 * ------------------------------------------------------------------------- */

static uint8_t filler[4096];

/* A page that is full up to what a Replace, not yet committed, has made free. */
static void set_up_reserve(struct dir *d, struct dir *other)
{
    const struct bookmark k = bm("k", "");

    assert_ok(trx_begin(d->sess));
    assert_ok(dir_insert(d, str("k"), (struct slice){filler, 1500}, 0));
    assert_ok(trx_commit(d->sess, true));
    assert_ok(trx_begin(d->sess));
    assert_ok(dir_seek(d, &k, DIR_EQ));
    assert_ok(dir_replace(d, str("short"), DIR_FULL_REPLACE));
    assert_ok(trx_begin(other->sess));
    for (unsigned i = 0; i < 25; i++) {
        const uint8_t key[2] = {'m', (uint8_t)i};
        assert_ok(dir_insert(other, (struct slice){key, 2}, (struct slice){filler, 92}, 0));
    }
}

static uint32_t uncommitted(struct tree *t)
{
    struct buf *b;
    uint32_t len;

    assert_ok(buf_get_latched(fix.db.pool, t->root, BUF_READ, BUF_SHARED, &b));
    len = page_uncommitted(buf_page(b));
    buf_release(b, BUF_SHARED);
    return len;
}

static void room_that_a_rollback_wants_is_kept(void **state)
{
    struct tree *t;
    struct dir d, other;

    (void)state;
    begin(4096, true);
    t = instfix_tree(&fix, INSTFIX_UNIQUE);
    d = open_dir(fix.sess, t);
    other = open_dir(instfix_session(&fix), t);
    set_up_reserve(&d, &other);
    assert_int_equal(uncommitted(t), 1495);
    logged(t->objid);
    assert_ok(
        dir_replace(&d, (struct slice){filler, 700}, DIR_FULL_REPLACE)); /* of its own reserve */
    assert_int_equal(uncommitted(t), 800);
    assert_ok(dir_insert(&other, str("n"), (struct slice){filler, 92}, 0));
    /* a level more, a split: sooner than that; before nodes move, what undoes their changes */
    assert_string_equal(logged(t->objid), "RiiSSSI");
    dir_done(&other);
    dir_done(&d);
    end();
}

static void a_rollback_gives_its_reserve_back(void **state)
{
    const struct bookmark k = bm("k", "");
    struct tree *t;
    struct dir d;

    (void)state;
    begin(4096, false);
    t = instfix_tree(&fix, INSTFIX_UNIQUE);
    d = open_dir(fix.sess, t);
    assert_ok(trx_begin(d.sess));
    assert_ok(dir_insert(&d, str("k"), (struct slice){filler, 211}, 0));
    assert_ok(trx_commit(d.sess, true));
    assert_ok(trx_begin(d.sess));
    assert_ok(dir_seek(&d, &k, DIR_EQ));
    assert_ok(dir_replace(&d, (struct slice){filler, 12}, 0));
    assert_int_equal(uncommitted(t), 199);
    assert_ok(trx_begin(d.sess));
    assert_ok(dir_replace(&d, (struct slice){filler, 100}, 0));
    assert_int_equal(uncommitted(t), 111);
    assert_ok(dir_replace(&d, (struct slice){filler, 300}, 0));
    assert_int_equal(uncommitted(t), 0);
    assert_ok(dir_replace(&d, (struct slice){filler, 50}, 0));
    assert_int_equal(uncommitted(t), 250);
    assert_ok(trx_rollback(d.sess));
    assert_int_equal(uncommitted(t), 199);
    assert_ok(trx_rollback(d.sess));
    assert_int_equal(uncommitted(t), 0);
    dir_done(&d);
    end();
}

/* Until its record is in the log and its version knows it, the page with the version stays in
 * memory. */
static void a_replace_that_splits_gets_its_undo_info_too(void **state)
{
    const struct bookmark k = bm("k", "");
    struct tree *t;
    struct dir d;
    unsigned nr = 0;

    (void)state;
    begin(4096, true);
    t = instfix_tree(&fix, INSTFIX_UNIQUE);
    d = open_dir(fix.sess, t);
    assert_ok(trx_begin(d.sess));
    for (const char *p = "abcdefghijklm"; *p; p++)
        assert_ok(
            dir_insert(&d, (struct slice){(const uint8_t *)p, 1}, (struct slice){filler, 280}, 0));
    assert_ok(trx_commit(d.sess, true));
    assert_ok(bufpool_write(fix.db.pool, UINT64_MAX));
    logged(t->objid);
    assert_ok(trx_begin(d.sess));
    assert_ok(dir_seek(&d, &k, DIR_EQ));
    assert_ok(dir_replace(&d, (struct slice){filler, 2000}, 0));
    assert_non_null(strstr(logged(t->objid), "SR"));
    assert_ok(bufpool_write(fix.db.pool, UINT64_MAX));
    assert_string_equal(logged(t->objid), "i");
    assert_int_equal(newest.node.image.len, 280);
    assert_int_equal(newest.node.size_max, 2000);
    assert_int_equal(bufpool_nr_dirty(fix.db.pool), 0);
    assert_ok(trx_rollback(d.sess));
    for (JET_ERR err = dir_first(&d); err >= 0; err = dir_next(&d)) {
        struct dir_node n;
        assert_ok(dir_get(&d, &n));
        nr += n.data.len == 280;
        dir_release(&d);
    }
    assert_int_equal(nr, 13);
    dir_done(&d);
    end();
}

static void committed_room_is_anybodys(void **state)
{
    struct tree *t;
    struct dir d, other;

    (void)state;
    begin(4096, true);
    t = instfix_tree(&fix, INSTFIX_UNIQUE);
    d = open_dir(fix.sess, t);
    other = open_dir(instfix_session(&fix), t);
    set_up_reserve(&d, &other);
    assert_ok(trx_commit(d.sess, true));
    assert_int_equal(uncommitted(t), 1495); /* until somebody needs it */
    logged(t->objid);
    assert_ok(dir_insert(&other, str("n"), (struct slice){filler, 192}, 0));
    assert_string_equal(logged(t->objid), "I");
    assert_int_equal(uncommitted(t), 0);
    dir_done(&other);
    dir_done(&d);
    end();
}

static void a_rollback_gets_through_without_its_reserve(void **state)
{
    struct tree *t;
    struct dir d, other;
    struct dir_node n;
    struct buf *b;

    (void)state;
    begin(4096, true);
    t = instfix_tree(&fix, INSTFIX_UNIQUE);
    d = open_dir(fix.sess, t);
    other = open_dir(instfix_session(&fix), t);
    set_up_reserve(&d, &other);
    assert_ok(buf_get_latched(fix.db.pool, t->root, BUF_READ, BUF_EXCLUSIVE, &b));
    page_set_uncommitted(buf_edit(b), 0); /* as it must never be */
    buf_release(b, BUF_EXCLUSIVE);
    for (unsigned i = 0; i < 12; i++) {
        const uint8_t key[2] = {'l', (uint8_t)i};
        assert_ok(dir_insert(&other, (struct slice){key, 2}, (struct slice){filler, 92}, 0));
    }
    logged(t->objid);
    assert_ok(trx_rollback(d.sess));
    assert_string_equal(logged(t->objid), "iSSSRu!"); /* the Replace in a macro, then its Undo */
    assert_ok(dir_first(&d));
    assert_ok(dir_get(&d, &n));
    assert_int_equal(n.data.len, 1500);
    dir_release(&d);
    assert_ok(trx_commit(other.sess, true));
    dir_done(&other);
    dir_done(&d);
    end();
}

/* ---- nodes that nobody sees
 * ----------------------------------------------------------------------- */

static char cleaned[16];

static JET_ERR clean_long_value(struct sess *s, struct tree *t, const struct bookmark *mark)
{
    assert_int_equal(s->level, 1);
    assert_true(t->page_flags & PAGE_LONG_VALUE);
    strncat(cleaned, (const char *)mark->key.p, mark->key.len);
    return JET_errSuccess;
}

static void a_long_value_is_handed_over_when_nobody_refers_to_it(void **state)
{
    static const uint8_t root[12] = {2};
    struct dir d;
    struct tree *t;

    (void)state;
    cleaned[0] = '\0';
    dir_set_lv_cleaner(clean_long_value);
    begin(4096, false);
    t = instfix_tree(&fix, INSTFIX_LV);
    d = open_dir(fix.sess, t);
    assert_ok(trx_begin(d.sess));
    for (const char *k = "abc"; *k; k++)
        assert_ok(
            dir_insert(&d, (struct slice){(const uint8_t *)k, 1}, (struct slice){root, 12}, 0));
    assert_ok(trx_commit(d.sess, true));
    assert_ok(trx_begin(d.sess));
    assert_ok(dir_first(&d));
    assert_ok(dir_delta(&d, 0, -2, false, NULL));
    assert_ok(dir_next(&d));
    assert_ok(dir_delta(&d, 0, -1, false, NULL));
    assert_true(ver_clean(&fix.in, NULL, false) >= 0);
    assert_string_equal(cleaned, "");
    assert_ok(trx_commit(d.sess, true));
    assert_true(ver_clean(&fix.in, NULL, true) >= 0);
    assert_string_equal(cleaned, "a");
    dir_set_lv_cleaner(NULL);
    dir_done(&d);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_tree_has_no_place),
        cmocka_unit_test(a_seek_that_finds_nothing_rests_between),
        cmocka_unit_test(the_beginning_of_a_key_is_below_the_key),
        cmocka_unit_test(a_place_outlives_what_happens_around_it),
        cmocka_unit_test(a_node_that_is_gone_still_has_neighbours),
        cmocka_unit_test(positions_are_fractions_of_the_tree),
        cmocka_unit_test(limits_are_those_of_the_page),
        cmocka_unit_test(deltas_of_two_sessions_add_up),
        cmocka_unit_test(locks_hold_until_the_transaction_ends),
        cmocka_unit_test(each_change_has_its_record),
        cmocka_unit_test(a_node_with_equal_key_and_data_is_taken_up_again),
        cmocka_unit_test(what_is_written_can_be_undone_after_a_crash),
        cmocka_unit_test(room_that_a_rollback_wants_is_kept),
        cmocka_unit_test(a_rollback_gives_its_reserve_back),
        cmocka_unit_test(a_replace_that_splits_gets_its_undo_info_too),
        cmocka_unit_test(committed_room_is_anybodys),
        cmocka_unit_test(a_rollback_gets_through_without_its_reserve),
        cmocka_unit_test(a_long_value_is_handed_over_when_nobody_refers_to_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
