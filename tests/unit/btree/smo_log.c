/* What splits and merges write into the log: the records of Microsoft's engine (write path,
 * appendix A), and enough to make every page again that they made. */
#include "smotest.h"

#include "log/logread.h"
#include "log/wal.h"

/* ---- reading the log -------------------------------------------------------------------------- */

static char records[1u << 16];
static struct logrec splits[64];
static unsigned nr_splits;

static void note(struct logrec *r, size_t *at)
{
    *at += (size_t)snprintf(records + *at, sizeof(records) - *at, "%s ", logrec_name(r->type));
    assert_true(*at < sizeof(records));
    if (r->type == LR_SPLIT2 && nr_splits < ARRAY_LEN(splits))
        splits[nr_splits++] = *r; /* its numbers; slices do not live on */
}

/* The names of all records from `from` on, the last commit of the test left out. Nothing but the
 * log is looked at. */
static const char *records_from(lgpos_t from)
{
    struct reporter r = {0};
    struct logread *l;
    struct logrec rec;
    lgpos_t lgpos;
    size_t at = 0;
    JET_ERR err;
    int fd;

    nr_splits = 0;
    records[0] = 0;
    assert_ok(wal_flush_all(fix.in.wal));
    fd = openat(fix.dirfd, "edb.log", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_ok(logread_open(fd, true, &r, &l));
    while ((err = logread_next(l, &lgpos, &rec)) == 1)
        if (lgpos >= from && rec.type != LR_NOP && rec.type != LR_NOP2)
            note(&rec, &at);
    assert_ok(err);
    logread_close(l);
    close(fd);
    if (at)
        records[at - 1] = 0;
    return records;
}

static void begin(uint32_t page_size, uint32_t pages, uint32_t update_major)
{
    instfix_begin(&fix, &(struct instfix_conf){.page_size = page_size,
                                               .pages = pages,
                                               .logging = true,
                                               .log_file_kib = 2048,
                                               .update_major = update_major});
    fix.in.log_update_major = update_major >= 90 ? 40 : 5;
}

/* Committed and shut down; what is in the file is what the model has. */
static void finish(struct model *m)
{
    model_commit(m);
    instfix_stop(&fix);
    model_check(m);
    model_done(m);
    instfix_end(&fix);
}

/* ---- the records ------------------------------------------------------------------------------ */

/* A.1: rows of 215 bytes ascending; the 19th turns a table of one page into one of three. */
static void the_row_that_fills_the_root_makes_it_a_parent(void **state)
{
    struct model m;
    lgpos_t from;
    struct buf *b;

    (void)state;
    begin(4096, 256, 20);
    model_begin(&m, INSTFIX_UNIQUE);
    for (unsigned i = 1; i <= 18; i++)
        model_insert_int(&m, 0x80000000u + 10 * i, 211);
    from = wal_tip(fix.in.wal);
    model_insert_int(&m, 0x80000000u + 190, 211);
    assert_string_equal(records_from(from),
                        "Replace ConvertFDP2 FlagDelete MacroBegin Split2 MacroCommit MacroInfo "
                        "SetExternalHeader Replace Insert Insert Replace MacroBegin Split2 Split2 "
                        "Insert MacroCommit MacroInfo");
    assert_int_equal(nr_splits, 3);
    assert_int_equal(splits[0].split.type, SMO_VERTICAL);
    assert_int_equal(splits[0].split.oper, SMO_OPER_NONE);
    assert_int_equal(splits[0].split.nr_lines, 18);
    assert_int_equal(splits[0].split.iline_prefix_new, 1);
    assert_int_equal(splits[0].split.new_page_flags, 0x802);
    assert_int_equal(splits[0].split.split_page_flags, 0x805);
    assert_int_equal(splits[1].split.pgno_new, 0);
    assert_int_equal(splits[1].split.iline_oper, 0);
    assert_int_equal(splits[2].split.type, SMO_APPEND);
    assert_int_equal(splits[2].split.iline_oper, 18);
    assert_int_equal(splits[2].split.iline_split, 18);
    assert_int_equal(splits[2].split.nr_lines, 19);
    assert_int_equal(splits[2].split.iline_prefix_new, 0);
    assert_int_equal(splits[2].split.key_parent.len, 5);
    assert_int_equal(splits[2].split.image.len, 0);
    assert_int_equal(splits[0].dbtime, splits[1].dbtime_before - 1);
    assert_int_equal(splits[1].dbtime, splits[2].dbtime);
    assert_ok(buf_get(fix.db.pool, splits[2].pgno, BUF_READ, &b));
    assert_int_equal(page_external_header(smo_page(b)).p[4], 0x14);
    assert_int_equal(page_nr_lines(smo_page(b)), 18);
    assert_int_equal(page_next(smo_page(b)), splits[2].split.pgno_new);
    buf_put(b);
    finish(&m);
}

/* From then on one append each 18 rows. */
static void ascending_rows_append(void **state)
{
    struct model m;
    lgpos_t from;

    (void)state;
    begin(4096, 256, 20);
    model_begin(&m, INSTFIX_UNIQUE);
    for (unsigned i = 1; i <= 36; i++)
        model_insert_int(&m, 0x80000000u + 10 * i, 211);
    for (unsigned k = 0; k < 3; k++) {
        from = wal_tip(fix.in.wal);
        model_insert_int(&m, 0x80000000u + 370 + 180 * k, 211);
        assert_string_equal(records_from(from) + strcspn(records, "M"),
                            "MacroBegin Split2 Split2 Insert MacroCommit MacroInfo");
        assert_int_equal(splits[1].split.type, SMO_APPEND);
        for (unsigned i = 38 + 18 * k; i <= 54 + 18 * k; i++)
            model_insert_int(&m, 0x80000000u + 10 * i, 211);
    }
    finish(&m);
}

/* A.2: 5 < 10: the new row stays left. */
static void a_row_in_the_middle_splits_evenly(void **state)
{
    struct model m;
    lgpos_t from;

    (void)state;
    begin(4096, 256, 20);
    model_begin(&m, INSTFIX_UNIQUE);
    for (unsigned i = 1; i <= 90; i++)
        model_insert_int(&m, 0x80000000u + 100 * i, 211);
    from = wal_tip(fix.in.wal);
    model_insert_int(&m, 0x80000000u + 100 * 23 + 50, 211);
    (void)records_from(from);
    assert_int_equal(nr_splits, 2);
    assert_int_equal(splits[1].split.type, SMO_RIGHT);
    assert_int_equal(splits[1].split.oper, SMO_OPER_INSERT);
    assert_int_equal(splits[1].split.iline_oper, 5);
    assert_int_equal(splits[1].split.iline_split, 10);
    assert_int_equal(splits[1].split.nr_lines, 19);
    assert_true(splits[1].split.image.len > 0);
    assert_true(splits[1].split.pgno_right != 0);
    finish(&m);
}

/* A.4: a run into keys a hundred apart. The first split is even; then what is right of the run
 * moves, and from there on each new page begins with the run's next row. */
static void a_run_is_noticed(void **state)
{
    struct model m;
    lgpos_t from;

    (void)state;
    begin(4096, 256, 20);
    model_begin(&m, INSTFIX_UNIQUE);
    for (unsigned i = 1; i <= 90; i++)
        model_insert_int(&m, 0x80000000u + 100 * i, 211);
    from = wal_tip(fix.in.wal);
    for (unsigned i = 1; i < 60; i++)
        model_insert_int(&m, 0x80000000u + 2300 + i, 211);
    (void)records_from(from);
    assert_true(nr_splits >= 8);
    assert_int_equal(splits[1].split.iline_split, 10);
    assert_int_equal(splits[3].split.oper, SMO_OPER_NONE);
    assert_int_equal(splits[3].split.type, SMO_RIGHT);
    assert_int_equal(splits[3].split.nr_lines, 18);
    for (unsigned i = 5; i < nr_splits; i += 2) {
        assert_int_equal(splits[i].split.oper, SMO_OPER_INSERT);
        assert_int_equal(splits[i].split.iline_oper, 18);
        assert_int_equal(splits[i].split.iline_split, 18);
        assert_int_equal(splits[i].split.image.len, 0);
    }
    finish(&m);
}

/* Write path 8: from the highest line to the lowest, and the leaf goes. */
static void a_leaf_that_is_emptied_goes(void **state)
{
    struct model m;
    lgpos_t from;

    (void)state;
    begin(4096, 256, 20);
    model_begin(&m, INSTFIX_UNIQUE);
    for (unsigned i = 1; i <= 90; i++)
        model_insert_int(&m, 0x80000000u + 10 * i, 211);
    for (unsigned i = 19; i <= 36; i++)
        model_delete(&m, &m.row[i - 1]);
    from = wal_tip(fix.in.wal);
    model_clean(&m, &m.row[20]);
    assert_string_equal(records_from(from),
                        "Delete Delete Delete Delete Delete Delete Delete Delete Delete Delete "
                        "Delete Delete Delete Delete Delete Delete Delete Replace MacroBegin "
                        "Merge2 Merge2 MacroCommit MacroInfo Insert");
    from = wal_tip(fix.in.wal);
    model_clean(&m, &m.row[20]);
    assert_string_equal(records_from(from), "");
    finish(&m);
}

static void a_tree_that_is_emptied_becomes_a_leaf(void **state)
{
    struct model m;
    lgpos_t from;
    char *end;

    (void)state;
    begin(4096, 256, 20);
    model_begin(&m, INSTFIX_UNIQUE);
    for (unsigned i = 1; i <= 40; i++)
        model_insert_int(&m, 0x80000000u + 10 * i, 211);
    for (unsigned i = 0; i < 40; i++)
        model_delete(&m, &m.row[i]);
    from = wal_tip(fix.in.wal);
    for (unsigned i = 0; i < 40; i++)
        model_clean(&m, &m.row[i]);
    end = strstr(records_from(from), "EmptyTree");
    assert_non_null(end);
    assert_null(strstr(end, "Merge2"));
    assert_int_equal(model_depth(&m), 1);
    finish(&m);
}

static void new_formats_name_new_pages_before_the_macro(void **state)
{
    struct model m;
    lgpos_t from;

    (void)state;
    begin(4096, 256, 290);
    model_begin(&m, INSTFIX_UNIQUE);
    for (unsigned i = 1; i <= 36; i++)
        model_insert_int(&m, 0x80000000u + 10 * i, 211);
    from = wal_tip(fix.in.wal);
    model_insert_int(&m, 0x80000000u + 370, 211);
    assert_non_null(strstr(records_from(from), "NewPage MacroBegin Split2 Split2 Insert"));
    finish(&m);
}

/* ---- failures --------------------------------------------------------------------------------- */

static JET_ERR no_page(void *ctx, struct sess *s, struct tree *t, pgno_t near, pgno_t *ret)
{
    (void)s, (void)t, (void)near, (void)ret;
    return --*(int *)ctx < 0 ? JET_errOutOfDatabaseSpace : JET_errOutOfMemory;
}

static void without_a_page_nothing_is_done(void **state)
{
    struct model m;
    int turns = 0;
    struct smo_op op = {.kind = SMO_INSERT};
    const struct row r = {.key = {0x7f, 0x80, 0, 0, 95}, .key_len = 5, .data_len = 211, .id = 99};
    lgpos_t from;

    (void)state;
    begin(4096, 256, 20);
    model_begin(&m, INSTFIX_UNIQUE);
    for (unsigned i = 1; i <= 36; i++)
        model_insert_int(&m, 0x80000000u + 10 * i, 211);
    op.key = row_key(&r);
    op.data = row_data(&r);
    from = wal_tip(fix.in.wal);
    assert_int_equal(smo_do(fix.sess, m.t, &op, no_page, &turns, NULL, NULL),
                     JET_errOutOfDatabaseSpace);
    assert_string_equal(records_from(from), "");
    finish(&m);
}

/* Two leaves in the tree of the model, and the place where the first one is to be split. */
static void two_leaves(struct model *m, struct smo_op *op, pgno_t *ret_first, pgno_t *ret_second)
{
    static const struct row r = {.key = {0x7f, 0x80, 0, 0, 95}, .key_len = 5, .data_len = 211};
    uint64_t free_bytes;

    begin(4096, 256, 20);
    model_begin(m, INSTFIX_UNIQUE);
    for (unsigned i = 1; i <= 36; i++)
        model_insert_int(m, 0x80000000u + 10 * i, 211);
    assert_int_equal(model_leaves(m, &free_bytes), 2);
    (void)records_from(0);
    *ret_first = splits[nr_splits - 1].pgno;
    *ret_second = splits[nr_splits - 1].split.pgno_new;
    *op = (struct smo_op){.kind = SMO_INSERT, .key = row_key(&r), .data = row_data(&r)};
}

/* Found before anything is logged. */
static void damage_stops_a_split(void **state)
{
    (void)state;
    for (unsigned turn = 0; turn < 7; turn++) {
        struct smo_op op;
        struct model m;
        pgno_t first, second;
        lgpos_t from;
        struct buf *b, *root;
        struct edit e;
        JET_ERR err;

        two_leaves(&m, &op, &first, &second);
        assert_ok(buf_get(fix.db.pool, turn == 0 ? second : first, BUF_READ, &b));
        assert_ok(buf_get(fix.db.pool, m.root, BUF_READ, &root));
        e = smo_edit(b);
        if (turn == 0) /* the neighbour knows another one */
            page_set_prev(e, 200);
        else if (turn == 1)
            page_set_next(e, first);
        else if (turn == 2)
            le32_put(&edit_hdr(e)->objid_fdp, 77);
        else if (turn == 3)
            page_set_flags(e, page_flags(edit_page(e)) | PAGE_ROOT);
        else if (turn == 4)
            page_set_flags(e, page_flags(edit_page(e)) | PAGE_EMPTY);
        else if (turn == 5) /* the root leads to itself */
            assert_true(redo_set_child(smo_edit(root), 0, first, m.root));
        else
            page_set_flags(smo_edit(root), PAGE_ROOT | PAGE_NEW_RECORD_FORMAT);
        from = wal_tip(fix.in.wal);
        err = smo_do(fix.sess, m.t, &op, NULL, NULL, NULL, NULL);
        assert_true(err == JET_errBadPageLink || err == JET_errDatabaseCorrupted ||
                    err == JET_errBadParentPageLink);
        assert_string_equal(records_from(from), "");
        assert_int_equal(atomic_load(&fix.nr_faults), 1);
        buf_put(b);
        buf_put(root);
        model_commit(&m);
        model_done(&m);
        instfix_end(&fix);
    }
}

/* Only the trial on copies finds this: pages that were taken are given back, the tree is as it
 * was. */
static void a_macro_that_fails_its_trial_leaves_no_trace(void **state)
{
    struct smo_op op;
    struct model m;
    pgno_t first, second;
    uint32_t owned, available, before;
    struct buf *b;
    dbtime_t dbtime;
    lgpos_t from;

    (void)state;
    two_leaves(&m, &op, &first, &second);
    assert_ok(space_count(fix.sess, m.t, &owned, &before));
    assert_ok(buf_get(fix.db.pool, second, BUF_READ, &b));
    dbtime = page_dbtime(smo_page(b));
    page_set_dbtime(smo_edit(b), UINT64_C(1) << 60);
    from = wal_tip(fix.in.wal);
    assert_int_equal(smo_do(fix.sess, m.t, &op, NULL, NULL, NULL, NULL),
                     JET_errDbTimeBeyondMaxRequired);
    assert_null(strstr(records_from(from), "Macro"));
    assert_ok(space_count(fix.sess, m.t, &owned, &available));
    assert_int_equal(available, before);
    page_set_dbtime(smo_edit(b), dbtime);
    buf_put(b);
    model_insert_int(&m, 0x80000000u + 95, 211);
    model_commit(&m);
    atomic_store(&fix.nr_faults, 0);
    instfix_stop(&fix);
    model_check(&m);
    model_done(&m);
    instfix_end(&fix);
}

/* ---- from the log alone ----------------------------------------------------------------------- */

struct snapshot {
    uint32_t page_size;
    pgno_t last;
    uint8_t *bytes;
};

static void take_snapshot(struct snapshot *s)
{
    s->page_size = fix.conf.page_size;
    s->last = fix.db.pgno_last;
    s->bytes = calloc(s->last + 1u, s->page_size);
    assert_non_null(s->bytes);
    for (pgno_t pgno = 1; pgno <= s->last; pgno++) {
        struct buf *b;

        assert_ok(buf_get(fix.db.pool, pgno, BUF_READ, &b));
        memcpy(s->bytes + (size_t)pgno * s->page_size, b->b, s->page_size);
        buf_put(b);
    }
}

static void assert_same_lines(struct page a, struct page b)
{
    assert_int_equal(page_nr_lines(a), page_nr_lines(b));
    for (unsigned i = 0; i < page_nr_lines(a); i++) {
        const struct node x = page_node(a, i), y = page_node(b, i);

        assert_int_equal(x.flags, y.flags);
        assert_int_equal(x.prefix.len, y.prefix.len);
        assert_int_equal(x.suffix.len, y.suffix.len);
        assert_int_equal(x.data.len, y.data.len);
        assert_memory_equal(x.suffix.p, y.suffix.p, x.suffix.len);
        assert_memory_equal(x.data.p, y.data.p, x.data.len);
    }
}

static void assert_same_page(struct page a, struct page b)
{
    const uint32_t seal = PAGE_NEW_CHECKSUM | PAGE_FLUSH_TYPE;
    const struct slice x = page_external_header(a), y = page_external_header(b);

    assert_int_equal(page_is_zero(a.b, a.size), page_is_zero(b.b, b.size));
    assert_int_equal(page_dbtime(a), page_dbtime(b));
    assert_int_equal(page_flags(a) & ~seal, page_flags(b) & ~seal);
    assert_int_equal(page_objid(a), page_objid(b));
    assert_int_equal(page_prev(a), page_prev(b));
    assert_int_equal(page_next(a), page_next(b));
    if (page_flags(a) & (PAGE_EMPTY | PAGE_PRE_INIT))
        return;
    assert_int_equal(page_free(a), page_free(b));
    assert_int_equal(x.len, y.len);
    assert_memory_equal(x.p, y.p, x.len);
    assert_same_lines(a, b);
}

/* The database that recovery made, against the one that was lost. */
static void compare_snapshot(struct snapshot *s)
{
    assert_int_equal(fix.db.pgno_last, s->last);
    for (pgno_t pgno = 1; pgno <= s->last; pgno++) {
        struct buf *b;

        assert_ok(buf_get(fix.db.pool, pgno, BUF_READ, &b));
        assert_same_page((struct page){s->bytes + (size_t)pgno * s->page_size, s->page_size},
                         smo_page(b));
        buf_put(b);
    }
    free(s->bytes);
}

static void work(struct model *m, unsigned turns)
{
    for (unsigned k = 0; k < turns; k++) {
        struct row *r = m->nr ? &m->row[rnd() % m->nr] : NULL;
        const unsigned what = (unsigned)(rnd() % 10);

        if (!r || what < (k < turns * 2 / 3 ? 6 : 1)) {
            const uint32_t key = m->nr % 3 ? m->nr * 2654435761u : 1000000 + m->nr;
            model_insert_int(m, m->t->unique ? key : key % 40,
                             4 + (uint32_t)(rnd() % (m->t->unique ? 300 : 30)));
        } else if (what == 9 && r->alive && m->t->unique) {
            model_replace(m, r, 4 + (uint32_t)(rnd() % 900));
        } else if (r->alive) {
            model_delete(m, r);
            if (k % 4)
                model_clean(m, r);
        }
    }
}

/* flushed: some pages reach the file in between, so that redo meets pages of every age. */
static void lose_and_recover(uint32_t page_size, uint32_t update_major, enum instfix_kind kind,
                             bool flushed)
{
    struct snapshot s;
    struct model m;

    begin(page_size, 2048, update_major);
    model_begin(&m, kind);
    for (unsigned i = 0; i < 5; i++) {
        work(&m, 800);
        if (flushed)
            assert_ok(bufpool_write(fix.db.pool, wal_tip(fix.in.wal) - (rnd() & 0xfffff)));
    }
    for (unsigned i = 0; i < m.nr; i++)
        if (m.row[i].alive && i % 5)
            model_delete(&m, &m.row[i]);
    for (unsigned i = 0; i < m.nr; i++)
        if (!m.row[i].alive)
            model_clean(&m, &m.row[i]);
    model_commit(&m);
    assert_ok(wal_flush_all(fix.in.wal));
    take_snapshot(&s);
    instfix_crash(&fix);
    instfix_recover(&fix);
    compare_snapshot(&s);
    instfix_stop(&fix);
    model_check(&m);
    model_done(&m);
    instfix_end(&fix);
}

static void the_log_makes_every_page_again(void **state)
{
    static const uint32_t page_sizes[] = {4096, 8192, 16384, 32768};

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(page_sizes); i++) {
        lose_and_recover(page_sizes[i], 20, INSTFIX_UNIQUE, false);
        lose_and_recover(page_sizes[i], 290, INSTFIX_NON_UNIQUE, false);
    }
}

static void pages_of_any_age_come_out_the_same(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 6; i++)
        lose_and_recover(i % 2 ? 4096 : 16384, i % 3 ? 20 : 290,
                         i < 4 ? INSTFIX_UNIQUE : INSTFIX_NON_UNIQUE, true);
}

/* The log ends anywhere, in the middle of a macro too: what is there of it makes a sound tree. */
static void a_log_that_ends_anywhere_makes_a_sound_tree(void **state)
{
    static const uint8_t zero[LOG_SEGMENT_LEN];

    (void)state;
    for (unsigned turn = 0; turn < 30; turn++) {
        uint32_t isec, cut;
        struct model m;
        int fd;

        begin(4096, 1024, turn % 2 ? 20 : 290);
        model_begin(&m, INSTFIX_UNIQUE);
        model_commit(&m);
        assert_ok(wal_flush_all(fix.in.wal));
        isec = lgpos_isec(wal_tip(fix.in.wal));
        work(&m, 600);
        model_commit(&m);
        assert_ok(wal_flush_all(fix.in.wal));
        cut = isec + 1 + (uint32_t)(rnd() % (lgpos_isec(wal_tip(fix.in.wal)) - isec));
        isec = lgpos_isec(wal_tip(fix.in.wal));
        assert_int_equal(wal_gen(fix.in.wal), 1);
        instfix_crash(&fix);
        fd = openat(fix.dirfd, "edb.log", O_RDWR | O_CLOEXEC);
        assert_true(fd >= 0);
        for (; cut <= isec; cut++)
            assert_int_equal(pwrite(fd, zero, sizeof(zero), (off_t)cut * LOG_SEGMENT_LEN),
                             sizeof(zero));
        close(fd);
        instfix_recover(&fix);
        instfix_stop(&fix);
        (void)instfix_check_tree(&fix, m.root, m.objid);
        model_done(&m);
        instfix_end(&fix);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_row_that_fills_the_root_makes_it_a_parent),
        cmocka_unit_test(ascending_rows_append),
        cmocka_unit_test(a_row_in_the_middle_splits_evenly),
        cmocka_unit_test(a_run_is_noticed),
        cmocka_unit_test(a_leaf_that_is_emptied_goes),
        cmocka_unit_test(a_tree_that_is_emptied_becomes_a_leaf),
        cmocka_unit_test(new_formats_name_new_pages_before_the_macro),
        cmocka_unit_test(without_a_page_nothing_is_done),
        cmocka_unit_test(damage_stops_a_split),
        cmocka_unit_test(a_macro_that_fails_its_trial_leaves_no_trace),
        cmocka_unit_test(the_log_makes_every_page_again),
        cmocka_unit_test(pages_of_any_age_come_out_the_same),
        cmocka_unit_test(a_log_that_ends_anywhere_makes_a_sound_tree),
    };

    rnd_init("smo_log");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
