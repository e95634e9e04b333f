/* What logs say about pages: from made-up records. (Against real databases: realdata.c.) */
#include "logbuilder.h"

#include "log/pagestate.h"

static struct pagestate *s;
static struct recbuf rec;

static const ese_signature sign1 = {.b = "database one"}, sign2 = {.b = "database two"};

#define ATTACHED_AT UINT64_C(0x200010000) /* 2:0001:0000 */

static int setup(void **state)
{
    struct ese_attach list = {.dbid = 1, .sign_db = sign1, .lgpos_attach = ATTACHED_AT};
    const struct ese_log_info info = {.gen = 4, .attach = &list, .nr_attach = 1};

    (void)state;
    if (pagestate_new(lgpos_make(5, 0, 0), &s) < 0)
        return 1;
    pagestate_header(s, &info);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pagestate_free(s);
    return 0;
}

static void add(lgpos_t lgpos, size_t len)
{
    struct logrec r;

    assert_int_equal(logrec_decode(rec.b, len, &r), JET_errSuccess);
    assert_int_equal(pagestate_add(s, lgpos, &r), JET_errSuccess);
}

static lgpos_t before_cp(unsigned i)
{
    return lgpos_make(4, i, 0);
}
static lgpos_t after_cp(unsigned i)
{
    return lgpos_make(5, i, 0);
}

static void insert(lgpos_t lgpos, pgno_t pgno, dbtime_t before, dbtime_t after)
{
    rec_insert(&rec, pgno, before, after, 4);
    add(lgpos, rec.len);
}

static void new_page(lgpos_t lgpos, pgno_t pgno, dbtime_t after)
{
    struct lr_new_page_disk *d = (struct lr_new_page_disk *)rec.b;

    memset(d, 0, sizeof(*d));
    d->type = LR_NEW_PAGE;
    d->dbid = 1;
    le32_put(&d->pgno, pgno);
    le64_put(&d->dbtime, after);
    add(lgpos, sizeof(*d));
}

static void macro(lgpos_t lgpos, uint8_t type, uint16_t procid, dbtime_t dbtime)
{
    rec.b[0] = type;
    put_le16(rec.b + 1, procid);
    put_le64(rec.b + 3, dbtime);
    add(lgpos, 11);
}

static void reset(lgpos_t lgpos, uint8_t type, pgno_t pgno, uint32_t nr)
{
    memset(rec.b, 0, 18);
    rec.b[0] = type;
    rec.b[1] = 1;
    put_le32(rec.b + 2, pgno);
    put_le32(rec.b + 6, nr);
    add(lgpos, type == LR_SHRINK_DB3 ? 18 : 10);
}

/* The header of a database; by default as database one lies on disk while it is in use. */
static struct ese_db_info db = {
    .state = ESE_DB_DIRTY,
    .gen_min_required = 4,
    .lgpos_attach = ATTACHED_AT,
};

static bool is(unsigned nr, pgno_t pgno, dbtime_t least, dbtime_t most)
{
    struct page_bounds p;

    db.sign_db = nr == 1 ? sign1 : sign2;
    if (!pagestate_bounds(s, &db, pgno, &p))
        return false;
    if (p.least != least || p.most != most)
        print_message("page %u: %llu to %llu\n", pgno, (unsigned long long)p.least,
                      (unsigned long long)p.most);
    return p.least == least && p.most == most;
}

static bool known(unsigned nr, pgno_t pgno)
{
    struct page_bounds p;

    db.sign_db = nr == 1 ? sign1 : sign2;
    return pagestate_bounds(s, &db, pgno, &p);
}

static void page_is_bounded_by_what_was_logged_before_and_after_the_checkpoint(void **state)
{
    (void)state;
    insert(before_cp(1), 7, 10, 20);
    insert(before_cp(2), 7, 20, 30);
    insert(after_cp(0), 7, 30, 40); /* exactly at the checkpoint */
    insert(after_cp(1), 7, 40, 50);
    insert(after_cp(2), 8, 33, 51);
    insert(before_cp(3), 9, 1, 2);
    assert_true(is(1, 7, 30, 50));
    assert_true(is(1, 8, 33, 51));
    assert_true(is(1, 9, 2, 2));
    assert_false(known(1, 10));
    assert_false(known(2, 7));
    assert_int_equal(pagestate_nr_pages(s), 3);
    assert_true(pagestate_complete(s));
}

static void database_that_is_not_the_logs_is_not_bounded(void **state)
{
    const struct ese_db_info good = db;

    (void)state;
    insert(before_cp(1), 7, 10, 20);
    insert(after_cp(1), 7, 20, 30);
    assert_true(is(1, 7, 20, 30));
    db.sign_log.b[3] ^= 1; /* of another stream */
    assert_false(known(1, 7));
    db = good;
    db.gen_min_required = 3; /* needs logs from before the first */
    assert_false(known(1, 7));
    db = good;
    db.state = ESE_DB_CLEAN; /* not closed in these logs */
    db.lgpos_consistent = before_cp(3);
    assert_false(known(1, 7));
    db.state = ESE_DB_JUST_CREATED;
    assert_false(known(1, 7));
    db = good;
    db.lgpos_attach = lgpos_make(1, 1, 0); /* a copy from before it was attached last */
    assert_true(is(1, 7, 10, 30));
    db = good;
}

static void circular_logging_leaves_changes_out(void **state)
{
    struct ese_attach list = {.dbid = 1, .sign_db = sign1, .lgpos_attach = ATTACHED_AT};
    const struct ese_log_info info = {
        .gen = 5, .flags = LOG_FLAG_CIRCULAR, .attach = &list, .nr_attach = 1};

    (void)state;
    insert(before_cp(1), 7, 10, 20);
    assert_true(is(1, 7, 20, 20));
    pagestate_header(s, &info);
    assert_true(is(1, 7, 20, UINT64_MAX)); /* an index may be built without records */
}

static void page_that_is_made_anew_may_have_been_anything(void **state)
{
    (void)state;
    new_page(after_cp(1), 7, 40);
    insert(after_cp(2), 7, 40, 50);
    assert_true(is(1, 7, 0, 50));
    new_page(before_cp(1), 8, 20);
    assert_true(is(1, 8, 20, 20));
    insert(after_cp(1), 9, DBTIME_INVALID, 60); /* in a macro: nothing to compare */
    assert_true(is(1, 9, 0, 60));
}

static void macro_counts_when_it_is_committed(void **state)
{
    (void)state;
    macro(after_cp(1), LR_MACRO_BEGIN, 5, 100);
    insert(after_cp(2), 7, 90, 100);
    assert_false(known(1, 7));
    insert(after_cp(3), 8, 90, 101); /* of the same session, but not of the macro */
    assert_true(known(1, 8));
    macro(after_cp(4), LR_MACRO_BEGIN, 6, 102); /* another session's */
    macro(after_cp(5), LR_MACRO_COMMIT, 5, 100);
    assert_true(is(1, 7, 90, 100));
    assert_true(pagestate_complete(s));
}

static void aborted_or_cut_off_macro_changed_nothing(void **state)
{
    static const uint8_t ends[] = {LR_INIT2, LR_RECOVERY_UNDO2};

    (void)state;
    insert(before_cp(1), 7, 1, 80);
    macro(after_cp(1), LR_MACRO_BEGIN, 5, 100);
    insert(after_cp(2), 7, 80, 100);
    macro(after_cp(3), LR_MACRO_ABORT, 5, 100);
    assert_true(is(1, 7, 80, 80));
    for (unsigned i = 0; i < ARRAY_LEN(ends); i++) {
        macro(after_cp(4), LR_MACRO_BEGIN, 5, 110 + i);
        insert(after_cp(5), 7, 80, 110 + i);
        memset(rec.b, 0, sizeof(struct lr_init_disk));
        rec.b[0] = ends[i];
        add(after_cp(6), i == 0 ? sizeof(struct lr_init_disk) : 9);
        macro(after_cp(7), LR_MACRO_COMMIT, 5, 110 + i); /* of nothing any more */
        assert_true(is(1, 7, 80, 80));
    }
    assert_true(pagestate_complete(s));
}

static void macro_that_cannot_be_followed_leaves_nothing_certain(void **state)
{
    (void)state;
    insert(after_cp(1), 7, 1, 80);
    assert_true(known(1, 7));
    macro(after_cp(2), LR_MACRO_ABORT, 5, 100); /* began before the first record */
    assert_false(known(1, 7));
    assert_false(pagestate_complete(s));
}

static void too_many_open_macros_leave_nothing_certain(void **state)
{
    (void)state;
    insert(after_cp(1), 7, 1, 80);
    for (uint16_t i = 0; i < 64; i++)
        macro(after_cp(2), LR_MACRO_BEGIN, i, 100 + i);
    assert_true(known(1, 7));
    macro(after_cp(2), LR_MACRO_BEGIN, 64, 200);
    assert_false(known(1, 7));
    assert_false(pagestate_complete(s));
}

static void endless_macro_leaves_nothing_certain(void **state)
{
    (void)state;
    macro(after_cp(1), LR_MACRO_BEGIN, 5, 100);
    for (pgno_t p = 1; p <= 4096; p++)
        insert(after_cp(2), p, 1, 100);
    assert_true(pagestate_complete(s));
    insert(after_cp(2), 5000, 1, 100);
    assert_false(pagestate_complete(s));
}

static void pages_that_were_cut_off_are_forgotten(void **state)
{
    (void)state;
    for (pgno_t p = 1; p <= 20; p++)
        insert(before_cp(1), p, 1, 10 + p);
    reset(before_cp(2), LR_SHRINK_DB3, 15, 5);
    assert_true(known(1, 15));
    assert_false(known(1, 16));
    assert_false(known(1, 20));
    insert(after_cp(1), 18, 50, 60); /* grown again; on disk it may still be zero */
    assert_true(is(1, 18, 0, 60));
    assert_false(known(1, 17));
    reset(after_cp(2), LR_TRIM_DB, 3, 2);
    assert_false(known(1, 3));
    assert_true(known(1, 1));
    assert_false(known(1, 10)); /* between two ranges: not certain, so not told */
    insert(after_cp(3), 10, 50, 70);
    assert_true(is(1, 10, 0, 70));
    assert_false(known(1, 18)); /* its record came before the second range */
}

static void extend(lgpos_t lgpos, uint8_t dbid, pgno_t last)
{
    struct lr_extend_db_disk *d = (struct lr_extend_db_disk *)rec.b;

    memset(d, 0, sizeof(*d));
    d->i.type = LR_EXTEND_DB;
    le32_put(&d->i.len, sizeof(*d) - sizeof(d->i));
    d->dbid = dbid;
    le32_put(&d->pgno_last, last);
    add(lgpos, sizeof(*d));
}

static bool ends(lgen_t required, pgno_t end, pgno_t grows_to, pgno_t had)
{
    struct ese_db_info info = db;
    struct page_end e;

    info.sign_db = sign1;
    info.gen_min_required = required;
    if (!pagestate_end(s, &info, end, &e))
        return false;
    if (e.grows_to != grows_to || e.had != had)
        print_message("grows to %u, had %u\n", e.grows_to, e.had);
    return e.grows_to == grows_to && e.had == had;
}

static bool end_known(lgen_t required)
{
    struct ese_db_info info = db;
    struct page_end e;

    info.sign_db = sign1;
    info.gen_min_required = required;
    return pagestate_end(s, &info, 100, &e);
}

static void next_header(lgen_t gen)
{
    struct ese_attach list = {.dbid = 1, .sign_db = sign1, .lgpos_attach = ATTACHED_AT};
    const struct ese_log_info info = {.gen = gen, .attach = &list, .nr_attach = 1};

    pagestate_header(s, &info);
}

static void file_grows_by_what_was_logged_since_it_needs_logs(void **state)
{
    (void)state;
    assert_true(ends(4, 100, 0, 0));
    extend(before_cp(1), 1, 120);
    extend(before_cp(2), 2, 500); /* another database */
    assert_true(ends(4, 100, 120, 0));
    next_header(5);
    assert_true(ends(4, 100, 120, 0));
    assert_true(ends(5, 120, 0, 0)); /* the file had it before */
    assert_true(ends(5, 119, 0, 120));
    extend(after_cp(1), 1, 140);
    extend(after_cp(2), 1, 130); /* the one before came to nothing */
    assert_true(ends(5, 120, 140, 0));
    new_page(after_cp(3), 135, 40);
    insert(after_cp(4), 135, 40, 50);
    assert_true(ends(4, 100, 140, 0)); /* redo makes the page, whatever is there */
    insert(after_cp(5), 90, 10, 50);
    assert_true(ends(4, 90, 140, 0));
    assert_true(ends(4, 89, 140, 90)); /* it changes this one */
}

static void end_of_the_file_is_not_known_from_logs_that_do_not_reach_it(void **state)
{
    const struct ese_db_info good = db;

    (void)state;
    extend(before_cp(1), 1, 120);
    assert_true(end_known(4));
    assert_false(end_known(3)); /* needs logs from before the first */
    db.state = ESE_DB_CLEAN;
    assert_false(end_known(4));
    db = good;
    db.sign_log.b[3] ^= 1;
    assert_false(end_known(4));
    db = good;
    db.gen_max_required = 6; /* and to behind the last */
    assert_false(end_known(4));
    next_header(5);
    next_header(6);
    assert_true(end_known(4));
    db = good;
    reset(lgpos_make(6, 1, 0), LR_SHRINK_DB3, 110, 10); /* which came first, page or end? */
    assert_false(end_known(6));
    next_header(7);
    assert_true(end_known(7));
    extend(lgpos_make(7, 1, 0), 1, 115);
    assert_true(ends(7, 115, 115, 0));
    next_header(9); /* 8 is missing */
    assert_false(end_known(7));
    assert_true(end_known(9));
}

/* type: LR_ATTACH_DB, LR_DETACH_DB. */
static void attach_or_detach(lgpos_t lgpos, uint8_t type, uint8_t dbid, const ese_signature *sign,
                             lgpos_t consistent)
{
    struct lr_attach_db_disk *a = (struct lr_attach_db_disk *)rec.b;

    memset(a, 0, sizeof(*a));
    a->type = type;
    a->dbid = dbid;
    if (type == LR_ATTACH_DB) {
        memcpy(a->sign_db.b, sign->b, sizeof(a->sign_db.b));
        le64_put(&a->lgpos_consistent, consistent);
    }
    add(lgpos, type == LR_ATTACH_DB ? sizeof(*a) : 7);
}

static void shut_down(lgpos_t lgpos)
{
    rec.b[0] = LR_SHUTDOWN_MARK;
    add(lgpos, 1);
}

static void dbid_means_what_was_attached_last(void **state)
{
    const struct ese_db_info good = db;

    (void)state;
    insert(before_cp(1), 7, 1, 80);
    attach_or_detach(before_cp(2), LR_DETACH_DB, 1, NULL, 0);
    attach_or_detach(before_cp(3), LR_ATTACH_DB, 1, &sign2, 0);
    insert(before_cp(4), 7, 1, 90);
    insert(before_cp(5), 9, 1, 91);
    shut_down(before_cp(6));
    attach_or_detach(before_cp(7), LR_ATTACH_DB, 1, &sign1, before_cp(2)); /* as it was closed */
    insert(before_cp(8), 8, 1, 100);
    db.lgpos_attach = before_cp(7);
    assert_true(is(1, 7, 80, 80));
    assert_true(is(1, 8, 100, 100));
    assert_false(known(1, 9));
    db.state = ESE_DB_CLEAN; /* the other one was closed */
    db.lgpos_consistent = before_cp(6);
    assert_true(is(2, 7, 90, 90));
    assert_true(is(2, 9, 91, 91));
    db = good;
    assert_true(pagestate_complete(s));
}

static void what_was_logged_before_an_attach_is_on_disk(void **state)
{
    const struct ese_db_info good = db;

    (void)state;
    insert(after_cp(1), 7, 10, 20);
    insert(after_cp(1), 8, 11, 21);
    insert(after_cp(1), 9, 12, 22);
    shut_down(after_cp(2));
    db.state = ESE_DB_CLEAN; /* as it lies there closed */
    db.lgpos_consistent = after_cp(2);
    assert_true(is(1, 7, 20, 20));
    attach_or_detach(after_cp(3), LR_ATTACH_DB, 1, &sign1, after_cp(2));
    assert_false(known(1, 7)); /* clean, but the logs say it is in use */
    db = good;
    db.lgpos_attach = after_cp(3);
    assert_true(is(1, 7, 20, 20));
    insert(after_cp(4), 7, 20, 30);
    new_page(after_cp(4), 8, 31);
    assert_true(is(1, 7, 20, 30));
    assert_true(is(1, 8, 21, 31));
    assert_true(is(1, 9, 22, 22));
    db = good; /* a copy from before it was closed: the first records count */
    assert_true(is(1, 7, 10, 30));
    assert_true(is(1, 8, 11, 31));
}

static void database_attached_in_another_state_begins_anew(void **state)
{
    const struct ese_db_info good = db;

    (void)state;
    insert(after_cp(1), 7, 10, 20);
    insert(after_cp(1), 8, 10, 20);
    shut_down(after_cp(2));
    attach_or_detach(after_cp(3), LR_ATTACH_DB, 1, &sign1, before_cp(9)); /* an older copy */
    db.lgpos_attach = after_cp(3);
    assert_false(known(1, 7));
    insert(after_cp(4), 7, 15, 30);
    assert_true(is(1, 7, 0, 30));
    assert_false(known(1, 8));
    attach_or_detach(after_cp(5), LR_ATTACH_DB, 1, &sign1, 0); /* nobody closed it */
    db.lgpos_attach = after_cp(5);
    assert_false(known(1, 7));
    db = good;
}

static void dbid_that_nobody_explained_is_a_database_of_its_own(void **state)
{
    (void)state;
    rec_insert(&rec, 7, 1, 2, 4);
    rec.b[3] = 3; /* dbid */
    add(after_cp(1), rec.len);
    assert_false(known(1, 7));
    attach_or_detach(after_cp(2), LR_ATTACH_DB, 3, &sign2, 0);
    db.lgpos_attach = after_cp(2);
    assert_false(known(2, 7)); /* what came before the attach was nobody's */
    assert_int_equal(pagestate_nr_pages(s), 1);
    assert_true(pagestate_complete(s));
    db.lgpos_attach = ATTACHED_AT;
}

static void header(lgen_t gen, uint8_t stream)
{
    struct ese_attach list = {.dbid = 1, .sign_db = sign1, .lgpos_attach = ATTACHED_AT};
    struct ese_log_info info = {.gen = gen, .attach = &list, .nr_attach = 1};

    info.sign_log.b[0] = stream;
    pagestate_header(s, &info);
}

static void log_that_does_not_follow_is_passed_over(void **state)
{
    (void)state;
    insert(before_cp(1), 7, 10, 20);
    header(3, 0); /* a retired generation, as BASEtmp.log may be */
    insert(lgpos_make(3, 1, 0), 7, 4, 5);
    assert_true(is(1, 7, 20, 20));
    header(5, 9); /* of another stream */
    insert(after_cp(1), 7, 90, 95);
    assert_true(is(1, 7, 20, 20));
    header(5, 0);
    insert(after_cp(2), 7, 20, 30);
    assert_true(is(1, 7, 20, 30));
}

static void behind_a_gap_there_is_no_upper_bound(void **state)
{
    (void)state;
    insert(before_cp(1), 7, 10, 20);
    insert(before_cp(1), 8, 10, 20);
    header(6, 0);
    assert_true(is(1, 7, 20, UINT64_MAX));
    insert(lgpos_make(6, 1, 0), 7, 25, 30);
    assert_true(is(1, 7, 25, UINT64_MAX));
    assert_true(is(1, 8, 20, UINT64_MAX));
}

static void more_databases_than_can_be_leave_nothing_certain(void **state)
{
    ese_signature sign = {.b = "x"};

    (void)state;
    insert(before_cp(1), 7, 1, 80);
    for (unsigned i = 0; i < 63; i++) {
        sign.b[20] = (uint8_t)i;
        attach_or_detach(after_cp(2), LR_ATTACH_DB, 2, &sign, 0);
    }
    assert_true(known(1, 7));
    sign.b[20] = 63;
    attach_or_detach(after_cp(2), LR_ATTACH_DB, 2, &sign, 0);
    assert_false(known(1, 7));
}

static void memory_has_a_limit(void **state)
{
    pgno_t p;

    (void)state;
    for (p = 1; p <= PAGESTATE_MAX; p++)
        new_page(after_cp(1), p, p);
    assert_true(pagestate_complete(s));
    new_page(after_cp(1), p, p);
    assert_false(pagestate_complete(s));
    assert_false(known(1, p)); /* not certain */
    assert_int_equal(pagestate_nr_pages(s), PAGESTATE_MAX);
    for (p = 1; p <= PAGESTATE_MAX; p += 997)
        assert_true(is(1, p, 0, p));
    insert(after_cp(2), 5, 5, PAGESTATE_MAX + 5); /* the known ones go on */
    assert_true(is(1, 5, 0, PAGESTATE_MAX + 5));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(page_is_bounded_by_what_was_logged_before_and_after_the_checkpoint),
        TEST(database_that_is_not_the_logs_is_not_bounded),
        TEST(circular_logging_leaves_changes_out),
        TEST(page_that_is_made_anew_may_have_been_anything),
        TEST(macro_counts_when_it_is_committed),
        TEST(aborted_or_cut_off_macro_changed_nothing),
        TEST(macro_that_cannot_be_followed_leaves_nothing_certain),
        TEST(too_many_open_macros_leave_nothing_certain),
        TEST(endless_macro_leaves_nothing_certain),
        TEST(pages_that_were_cut_off_are_forgotten),
        TEST(file_grows_by_what_was_logged_since_it_needs_logs),
        TEST(end_of_the_file_is_not_known_from_logs_that_do_not_reach_it),
        TEST(file_grows_by_what_was_logged_since_it_needs_logs),
        TEST(end_of_the_file_is_not_known_from_logs_that_do_not_reach_it),
        TEST(dbid_means_what_was_attached_last),
        TEST(what_was_logged_before_an_attach_is_on_disk),
        TEST(database_attached_in_another_state_begins_anew),
        TEST(dbid_that_nobody_explained_is_a_database_of_its_own),
        TEST(log_that_does_not_follow_is_passed_over),
        TEST(behind_a_gap_there_is_no_upper_bound),
        TEST(more_databases_than_can_be_leave_nothing_certain),
        TEST(memory_has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
