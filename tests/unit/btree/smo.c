/* Splits and merges: whatever goes into a tree in whatever order is in it afterwards, and its
 * shape is sound. */
#include "smotest.h"

static const uint32_t page_sizes[] = {2048, 4096, 8192, 16384, 32768};

static void begin(uint32_t page_size, uint32_t pages, bool logging)
{
    instfix_begin(
        &fix, &(struct instfix_conf){.page_size = page_size, .pages = pages, .logging = logging});
}

static void end(struct model *m)
{
    model_commit(m);
    instfix_stop(&fix);
    model_check(m);
    model_done(m);
    instfix_end(&fix);
}

static void delete_some(struct model *m, unsigned from, unsigned to, unsigned every)
{
    for (unsigned i = from; i < to; i++)
        if (m->row[i].alive && i % every == 0)
            model_delete(m, &m->row[i]);
    for (unsigned i = from; i < to; i++)
        if (!m->row[i].alive)
            model_clean(m, &m->row[i]);
}

/* ---- inserts ---- */

enum order { ASCENDING, DESCENDING, INWARD, RUNS, ANY };

static uint32_t key_of(enum order order, unsigned i, unsigned nr)
{
    switch (order) {
    case ASCENDING:
        return 10 * i;
    case DESCENDING:
        return 10 * (nr - i);
    case INWARD:
        return i % 2 ? 10 * (2 * nr - i) : 10 * i;
    case RUNS: /* hot points: thirty in a row, here and there */
        return (i / 30) * 7919 % 100003 * 100 + i % 30;
    default:
        return i * 2654435761u;
    }
}

static void insert_all(enum order order, uint32_t page_size, enum instfix_kind kind, unsigned nr,
                       uint32_t data_max)
{
    struct model m;

    begin(page_size, (32u << 20) / page_size, false);
    model_begin(&m, kind);
    for (unsigned i = 0; i < nr; i++)
        model_insert_int(
            &m, kind == INSTFIX_NON_UNIQUE ? key_of(order, i, nr) % 50 : key_of(order, i, nr),
            4 + (uint32_t)(rnd() % (data_max - 3)));
    assert_true(model_depth(&m) > 1);
    end(&m);
}

static void rows_in_any_order_stay_in_order(void **state)
{
    (void)state;
    for (enum order order = ASCENDING; order <= ANY; order++)
        for (unsigned i = 0; i < ARRAY_LEN(page_sizes); i++) {
            const uint32_t size = page_sizes[i];

            insert_all(order, size, INSTFIX_UNIQUE, 3000, 200);
            insert_all(order, size, INSTFIX_NON_UNIQUE, 3000, 40);
        }
}

static void rows_as_big_as_a_page_get_one_each(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(page_sizes); i++)
        insert_all(ANY, page_sizes[i], INSTFIX_UNIQUE, 300,
                   smo_room(page_sizes[i]) - SMO_NODE_OVERHEAD - 5);
}

static void a_row_bigger_than_a_page_is_refused(void **state)
{
    static const uint8_t bytes[PAGE_SIZE_MAX];
    struct smo_op op = {.kind = SMO_INSERT, .key = {bytes, 5}};
    struct model m;

    (void)state;
    begin(4096, 256, false);
    model_begin(&m, INSTFIX_UNIQUE);
    model_insert_int(&m, 7, 4096 - 40 - 4 - SMO_NODE_OVERHEAD - 5);
    op.data = (struct slice){bytes, 4096 - 40 - 4 - SMO_NODE_OVERHEAD - 4};
    assert_int_equal(smo_do(fix.sess, m.t, &op, NULL, NULL, NULL, NULL), JET_errRecordTooBig);
    end(&m);
}

/* Internal pages are filled at their end too. */
static void a_long_ascent_leaves_full_pages_on_all_levels(void **state)
{
    struct model m;

    (void)state;
    begin(2048, 4096, false);
    model_begin(&m, INSTFIX_UNIQUE);
    for (unsigned i = 0; i < 10000; i++)
        model_insert_int(&m, i, 150);
    assert_int_equal(model_depth(&m), 3);
    assert_true(model_fan_out(&m) < 12); /* half full ones would be twice as many */
    end(&m);
}

/* Pairs that differ in their last byte, a page for each row: separators are long, nothing is
 * common to many, so a full root and one pointer more do not fit into one page. */
static void a_root_that_cannot_take_the_pointer_along_moves_without_it(void **state)
{
    struct model m;
    uint8_t key[64];

    (void)state;
    begin(2048, 4096, false);
    model_begin(&m, INSTFIX_UNIQUE);
    for (unsigned i = 0; i < 400; i++) {
        const uint32_t pair = (i / 2) * 2654435761u;

        for (unsigned k = 0; k < 60; k += 4)
            memcpy(key + k, &pair, 4);
        key[60] = (uint8_t)(i % 2);
        model_insert(&m, key, 61, 1500);
    }
    assert_true(model_depth(&m) >= 3);
    end(&m);
}

/* Keys that differ at their ends, in many groups: separators are long, and no prefix serves a
 * page. */
static void long_separators_make_a_deep_tree(void **state)
{
    struct model m;
    uint8_t key[64];

    (void)state;
    begin(2048, 16384, false);
    model_begin(&m, INSTFIX_UNIQUE);
    for (unsigned i = 0; i < 12000; i++) {
        const uint16_t group = (uint16_t)(rnd() % 400);
        const uint64_t r = rnd();

        for (unsigned k = 0; k < 56; k += 2)
            memcpy(key + k, &group, 2);
        memcpy(key + 56, &r, 8);
        model_insert(&m, key, sizeof(key), 100);
    }
    assert_true(model_depth(&m) >= 4);
    delete_some(&m, 0, m.nr, 2);
    delete_some(&m, 0, m.nr / 2, 1);
    delete_some(&m, 0, m.nr, 1);
    /* The last leaf stays while it is its parent's only one, and has a neighbour under another: it
     * is tried again. */
    delete_some(&m, 0, m.nr, 1);
    assert_int_equal(model_depth(&m), 1);
    end(&m);
}

static void a_key_can_be_there_only_once(void **state)
{
    struct model m;

    (void)state;
    begin(4096, 256, false);
    model_begin(&m, INSTFIX_UNIQUE);
    for (unsigned i = 0; i < 100; i++)
        model_insert_int(&m, i, 100);
    assert_int_equal(row_do(&m, &m.row[50], SMO_INSERT), JET_errKeyDuplicate);
    assert_int_equal(row_do(&m, &m.row[50], SMO_FLAG_INSERT_REPLACE), JET_errKeyDuplicate);
    m.row[50].key[0] = 1;
    assert_int_equal(row_do(&m, &m.row[50], SMO_REPLACE), JET_errRecordNotFound);
    m.row[50].key[0] = 0x7f;
    end(&m);
}

/* The split is even otherwise: a run in the middle would leave every page half empty. */
static void a_run_in_the_middle_fills_its_pages(void **state)
{
    struct model m;
    uint64_t free_bytes;
    unsigned nr;

    (void)state;
    begin(4096, 2048, false);
    model_begin(&m, INSTFIX_UNIQUE);
    model_insert_int(&m, 1, 200);
    for (unsigned i = 0; i < 100; i++)
        model_insert_int(&m, 1000000 + i, 200);
    for (unsigned i = 0; i < 3000; i++)
        model_insert_int(&m, 1000 + i, 200);
    nr = model_leaves(&m, &free_bytes);
    assert_true(free_bytes / nr < 500);
    end(&m);
}

static void ascending_keys_fill_their_pages_up_to_the_density(void **state)
{
    struct model m;
    uint64_t free_bytes;
    unsigned nr;

    (void)state;
    for (uint32_t density = 100; density >= 60; density -= 40) {
        begin(4096, 2048, false);
        model_begin(&m, INSTFIX_UNIQUE);
        m.t->density = density;
        for (unsigned i = 0; i < 2000; i++)
            model_insert_int(&m, i, 100);
        nr = model_leaves(&m, &free_bytes);
        assert_in_range(free_bytes / nr, (100 - density) * 4096 / 100,
                        (100 - density) * 4096 / 100 + 250);
        end(&m);
    }
}

/* ---- replaces ---- */

static void rows_grow(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(page_sizes); i++) {
        const uint32_t most = smo_room(page_sizes[i]) - SMO_NODE_OVERHEAD - 5 - 2;
        struct model m;

        begin(page_sizes[i], 4096, false);
        model_begin(&m, INSTFIX_UNIQUE);
        for (unsigned k = 0; k < 400; k++)
            model_insert_int(&m, k * 2654435761u, 8);
        for (unsigned k = 0; k < 1500; k++)
            model_replace(&m, &m.row[rnd() % m.nr], 4 + (uint32_t)(rnd() % (most / 4)));
        for (unsigned k = 0; k < 60; k++)
            model_replace(&m, &m.row[rnd() % m.nr], most);
        end(&m);
    }
}

/* Of the last leaf, as older engines may leave it: with a prefix that is longer than it need be. */
static void leave_only_last(struct model *m)
{
    const struct bookmark bm = row_bookmark(m, &m->row[m->nr - 1]);
    uint8_t longer[70] = {0};
    struct smo_path p;
    struct buf *b;
    unsigned nr;

    smo_enter(m->t);
    assert_ok(smo_descend(&p, fix.sess, m->t, &bm));
    b = smo_leaf(&p)->buf;
    nr = page_nr_lines(smo_page(b));
    for (unsigned i = 1; i < nr; i++) {
        assert_ok(page_delete(smo_edit(b), 0));
        m->row[m->nr - 1 - i].alive = false;
    }
    memcpy(longer, page_external_header(smo_page(b)).p, page_external_header(smo_page(b)).len);
    assert_ok(page_set_external_header(smo_edit(b), (struct slice){longer, sizeof(longer)}));
    buf_dirty(b, 0);
    smo_path_done(&p);
    smo_leave(m->t);
}

static JET_ERR row_do_len(struct model *m, unsigned i, uint32_t data_len)
{
    struct row r = m->row[i];

    r.data_len = data_len;
    return row_do(m, &r, SMO_REPLACE);
}

/* A page whose prefix is long and used by few nodes: the last one alone may have all the room. */
static void a_row_alone_in_its_page_gets_what_the_prefix_takes(void **state)
{
    struct model m;
    uint8_t key[64];
    uint64_t free_bytes;

    (void)state;
    begin(4096, 256, false);
    model_begin(&m, INSTFIX_UNIQUE);
    memset(key, 0x55, sizeof(key));
    for (unsigned i = 0; i < 60; i++) {
        key[sizeof(key) - 1] = (uint8_t)i;
        model_insert(&m, key, sizeof(key), 200);
    }
    assert_true(model_leaves(&m, &free_bytes) > 2);
    leave_only_last(&m);
    model_replace(&m, &m.row[59], smo_room(4096) - SMO_NODE_OVERHEAD - 2 - (uint32_t)sizeof(key));
    assert_int_equal(row_do_len(&m, 59, smo_room(4096) - SMO_NODE_OVERHEAD - (uint32_t)sizeof(key)),
                     JET_errRecordTooBig); /* a node keeps the prefix that it has */
    end(&m);
}

/* ---- deletes ---- */

static void what_is_deleted_gives_its_pages_back(void **state)
{
    (void)state;
    for (unsigned kind = INSTFIX_UNIQUE; kind <= INSTFIX_NON_UNIQUE; kind++) {
        uint32_t owned, available, had;
        uint64_t free_bytes;
        struct model m;

        begin(4096, 4096, false);
        model_begin(&m, kind);
        for (unsigned i = 0; i < 4000; i++)
            model_insert_int(&m, kind == INSTFIX_UNIQUE ? i * 2654435761u : i % 300, 40 + i % 50);
        assert_ok(space_count(fix.sess, m.t, &owned, &had));
        delete_some(&m, 0, m.nr, 3);
        delete_some(&m, 0, m.nr / 2, 1);
        assert_ok(space_count(fix.sess, m.t, &owned, &available));
        assert_true(available > had + 20);
        delete_some(&m, 0, m.nr, 1);
        assert_int_equal(model_depth(&m), 1);
        assert_int_equal(model_leaves(&m, &free_bytes), 1);
        for (unsigned i = 0; i < 500; i++)
            model_insert_int(&m, 5000000 + i, 100);
        end(&m);
    }
}

static void rows_come_and_go_at_random(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(page_sizes); i++) {
        struct model m;

        begin(page_sizes[i], 8192, false);
        model_begin(&m, INSTFIX_UNIQUE);
        for (unsigned k = 0; k < 6000; k++) {
            struct row *r = m.nr ? &m.row[rnd() % m.nr] : NULL;
            const unsigned what = (unsigned)(rnd() % 10);

            if (!r || what < (k < 4000 ? 6 : 2)) {
                model_insert_int(&m, (k < 3000 ? 1 : 77) * k * 2654435761u,
                                 4 + (uint32_t)(rnd() % 300));
            } else if (what == 9 && r->alive) {
                model_replace(&m, r, 4 + (uint32_t)(rnd() % 600));
            } else if (r->alive) {
                model_delete(&m, r);
                if (k % 3)
                    model_clean(&m, r);
            }
        }
        end(&m);
    }
}

/* The keys that are deleted come again: over what is still there of them. */
static void rows_come_again_over_what_is_left_of_them(void **state)
{
    struct model m;

    (void)state;
    begin(4096, 2048, false);
    model_begin(&m, INSTFIX_UNIQUE);
    for (unsigned i = 0; i < 300; i++)
        model_insert_int(&m, i, 60);
    for (unsigned i = 0; i < 300; i += 2)
        model_delete(&m, &m.row[i]);
    for (unsigned i = 0; i < 300; i += 2) {
        m.row[i].alive = true;
        m.row[i].data_len = 500;
        model_tick(&m);
        assert_ok(row_do(&m, &m.row[i], i % 4 ? SMO_FLAG_INSERT_REPLACE : SMO_INSERT));
    }
    end(&m);
}

static void nodes_of_a_non_unique_tree_come_again_as_they_were(void **state)
{
    struct model m;

    (void)state;
    begin(4096, 2048, false);
    model_begin(&m, INSTFIX_NON_UNIQUE);
    for (unsigned i = 0; i < 300; i++)
        model_insert_int(&m, i % 7, 20);
    for (unsigned i = 0; i < 300; i += 2)
        model_delete(&m, &m.row[i]);
    for (unsigned i = 0; i < 300; i += 2) {
        m.row[i].alive = true;
        model_tick(&m);
        assert_ok(row_do(&m, &m.row[i], SMO_INSERT));
        assert_int_equal(row_do(&m, &m.row[i], SMO_INSERT), JET_errKeyDuplicate);
    }
    end(&m);
}

/* Nothing is there: no error, and nothing happens. */
static void cleaning_what_is_not_there_is_fine(void **state)
{
    struct row gone = {.key = {0x7f, 9}, .key_len = 2, .data_len = 4};
    struct model m;
    dbtime_t dbtime;

    (void)state;
    begin(4096, 256, false);
    model_begin(&m, INSTFIX_UNIQUE);
    model_clean(&m, &gone);
    for (unsigned i = 0; i < 100; i++)
        model_insert_int(&m, i, 100);
    dbtime = atomic_load(&fix.db.dbtime);
    model_clean(&m, &gone);
    model_clean(&m, &m.row[5]);
    assert_int_equal(atomic_load(&fix.db.dbtime), dbtime);
    end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_in_any_order_stay_in_order),
        cmocka_unit_test(rows_as_big_as_a_page_get_one_each),
        cmocka_unit_test(a_row_bigger_than_a_page_is_refused),
        cmocka_unit_test(a_long_ascent_leaves_full_pages_on_all_levels),
        cmocka_unit_test(a_root_that_cannot_take_the_pointer_along_moves_without_it),
        cmocka_unit_test(long_separators_make_a_deep_tree),
        cmocka_unit_test(a_key_can_be_there_only_once),
        cmocka_unit_test(a_run_in_the_middle_fills_its_pages),
        cmocka_unit_test(ascending_keys_fill_their_pages_up_to_the_density),
        cmocka_unit_test(rows_grow),
        cmocka_unit_test(a_row_alone_in_its_page_gets_what_the_prefix_takes),
        cmocka_unit_test(what_is_deleted_gives_its_pages_back),
        cmocka_unit_test(rows_come_and_go_at_random),
        cmocka_unit_test(rows_come_again_over_what_is_left_of_them),
        cmocka_unit_test(nodes_of_a_non_unique_tree_come_again_as_they_were),
        cmocka_unit_test(cleaning_what_is_not_there_is_fine),
    };

    rnd_init("smo");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
