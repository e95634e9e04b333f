/* Where pages are split and which keys become prefixes: against plain counting over all
 * possibilities. */
#include "testutil.h"

#include "btree/smo_int.h"

#define NR_MAX 60u

static uint8_t bytes[NR_MAX][40];
static struct smo_line line[NR_MAX + 1];

static void set_line(unsigned i, const void *key, uint32_t key_len, uint32_t data_len,
                     uint32_t more)
{
    const uint32_t size = key_len + data_len + SMO_NODE_OVERHEAD, cut = key_len / 2;
    const uint8_t *k = key;

    line[i] = (struct smo_line){.key = {{{k, cut}, {k + cut, key_len - cut}}},
                                .data = {k, 0},
                                .size = size,
                                .max = size + more};
}

static int by_key(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(bytes[0]));
}

/* Sorted keys of 8 bytes; few: how many values a byte has. */
static unsigned random_lines(unsigned few, uint32_t data_max, uint32_t more_max)
{
    const unsigned nr = 1 + (unsigned)(rnd() % NR_MAX);

    memset(bytes, 0, sizeof(bytes));
    for (unsigned i = 0; i < nr; i++)
        for (unsigned k = 0; k < 8; k++)
            bytes[i][k] = (uint8_t)(1 + rnd() % few);
    qsort(bytes, nr, sizeof(bytes[0]), by_key);
    for (unsigned i = 0; i < nr; i++)
        set_line(i, bytes[i], 8, (uint32_t)(rnd() % (data_max + 1)),
                 more_max ? (uint32_t)(rnd() % more_max) : 0);
    smo_lines_weigh(line, nr);
    return nr;
}

/* Bytes that lines [from, to) need in a page with the key of line `prefix` as its prefix, -1:
 * none. */
static uint64_t needs(unsigned from, unsigned to, int prefix)
{
    uint64_t sum = prefix < 0 ? 0 : redo_key_len(line[prefix].key);

    for (unsigned i = from; i < to; i++) {
        const uint32_t common = prefix < 0 ? 0 : redo_key_common(line[i].key, line[prefix].key);
        sum += line[i].max - (common >= REDO_PREFIX_MIN ? common - 2 : 0);
    }
    return sum;
}

static uint64_t needs_least(unsigned from, unsigned to)
{
    uint64_t least = needs(from, to, -1);

    for (unsigned i = from; i < to; i++)
        if (needs(from, to, (int)i) < least)
            least = needs(from, to, (int)i);
    return least;
}

static void the_chosen_prefix_saves_most(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 200; round++) {
        const unsigned nr = random_lines(1 + round % 4, 30, 0);
        struct smo_prefix p;

        smo_prefix_best(line, nr, &p);
        assert_in_range(p.line + 1, 0, nr);
        assert_int_equal(needs(0, nr, p.line), needs(0, nr, -1) - p.gain);
        assert_int_equal(needs(0, nr, p.line), needs_least(0, nr));
    }
}

static void both_pages_hold_what_they_are_given(void **state)
{
    unsigned split = 0;

    (void)state;
    for (unsigned round = 0; round < 200; round++) {
        const unsigned nr = random_lines(2 + round % 3, 60, 20);
        const uint32_t room = (uint32_t)(needs(0, nr, -1) / 2 + rnd() % 400);
        struct smo_point p;
        bool possible = false;

        if (nr < 2)
            continue;
        for (unsigned at = 1; at < nr; at++)
            possible |= needs_least(0, at) <= room && needs_least(at, nr) <= room;
        if (smo_point_even(line, nr, room, &p)) {
            assert_in_range(p.at, 1, nr - 1);
            assert_true(needs(0, p.at, p.left.line) <= room);
            assert_true(needs(p.at, nr, p.right.line < 0 ? -1 : p.right.line + (int)p.at) <= room);
            split++;
        } else {
            assert_false(possible);
        }
        assert_int_equal(smo_point_highest(line, nr, room, &p), possible);
        if (possible)
            for (unsigned at = p.at + 1; at < nr; at++)
                assert_false(needs_least(0, at) <= room && needs_least(at, nr) <= room);
    }
    assert_true(split > 30);
}

/* Write path 7.4: 10 of 19 rows of one size stay. */
static void equal_rows_are_split_in_the_middle(void **state)
{
    struct smo_point p;

    (void)state;
    memset(bytes, 0, sizeof(bytes));
    for (unsigned i = 0; i < 19; i++) {
        bytes[i][0] = 0x7f;
        bytes[i][4] = (uint8_t)(10 * i);
        set_line(i, bytes[i], 5, 211, 0);
    }
    smo_lines_weigh(line, 19);
    assert_true(smo_point_even(line, 19, 4052, &p));
    assert_int_equal(p.at, 10);
    smo_lines_weigh(line, 18);
    assert_true(smo_point_even(line, 18, 4052, &p));
    assert_int_equal(p.at, 9);
}

static void a_big_row_is_left_alone(void **state)
{
    struct smo_point p;

    (void)state;
    memset(bytes, 0, sizeof(bytes));
    for (unsigned i = 0; i < 3; i++) {
        bytes[i][0] = (uint8_t)i;
        set_line(i, bytes[i], 1, i == 1 ? 3900 : 2000, 0);
    }
    smo_lines_weigh(line, 3);
    assert_false(smo_point_even(line, 3, 4052, &p));
    smo_lines_weigh(line, 2);
    assert_true(smo_point_even(line, 2, 4052, &p));
    assert_int_equal(p.at, 1);
}

static void a_page_has_no_more_lines_than_it_can_number(void **state)
{
    struct smo_line *many = calloc(2 * PAGE_LINES_MAX, sizeof(*many));
    static const uint8_t key[2];
    struct smo_point p;

    (void)state;
    for (unsigned i = 0; i < 2 * PAGE_LINES_MAX; i++)
        many[i] = (struct smo_line){.key = {{{key, 0}, {key, 1}}}, .size = 7, .max = 7};
    smo_lines_weigh(many, PAGE_LINES_MAX + 1);
    assert_false(smo_point_at(many, PAGE_LINES_MAX + 1, 32684, 0, &p));
    assert_true(smo_point_at(many, PAGE_LINES_MAX, 32684, 0, &p));
    assert_true(smo_point_even(many, PAGE_LINES_MAX + 1, 32684, &p));
    free(many);
}

/* ---- separators ---- */

static void assert_separator(const char *a, const char *a_data, const char *b, const char *b_data,
                             const char *want)
{
    struct smo_line x, y;
    uint8_t out[64];
    uint32_t len;

    set_line(0, a, (uint32_t)strlen(a), 0, 0);
    set_line(1, b, (uint32_t)strlen(b), 0, 0);
    x = line[0];
    y = line[1];
    x.data = (struct slice){(const uint8_t *)a_data, (uint32_t)strlen(a_data)};
    y.data = (struct slice){(const uint8_t *)b_data, (uint32_t)strlen(b_data)};
    len = smo_separator(&x, &y, out);
    assert_int_equal(len, strlen(want));
    assert_memory_equal(out, want, len);
}

static void separators_are_as_short_as_can_be(void **state)
{
    (void)state;
    assert_separator("abcdef", "", "abxyz", "", "abx");
    assert_separator("a", "", "b", "", "b");
    assert_separator("abc", "", "abcd", "", "abcd");
    assert_separator("abcd", "", "abd", "", "abd");
}

static void separators_of_equal_keys_go_into_the_data(void **state)
{
    (void)state;
    assert_separator("key", "aa1", "key", "ab2", "keyab");
    assert_separator("key", "a", "key", "ab2", "keyab");
    assert_separator("key", "", "key", "x", "keyx");
}

static void keys_out_of_order_have_no_separator(void **state)
{
    (void)state;
    assert_separator("key", "same", "key", "same", "");
    assert_separator("keys", "", "key", "", "");
}

/* ---- hot points ---- */

/* place[i]: where in the page the node of line i lies; -1: it comes in. */
static bool is_hot(const int *place, unsigned nr)
{
    static const uint8_t page[4096];
    unsigned oper = 0;

    for (unsigned i = 0; i < nr; i++) {
        line[i].key.p[1] = (struct slice){page + (place[i] < 0 ? 0 : 10 * place[i]), 5};
        if (place[i] < 0)
            oper = i;
    }
    return smo_point_is_hot(line, nr, oper);
}

static void two_newest_nodes_before_a_key_make_it_hot(void **state)
{
    (void)state;
    assert_true(is_hot((int[]){0, 1, 4, 5, -1, 2, 3}, 7));
    assert_true(is_hot((int[]){0, 1, -1}, 3));
    assert_false(is_hot((int[]){0, 1, 5, 4, -1, 2, 3}, 7));
    assert_false(is_hot((int[]){0, 1, 3, 5, -1, 2, 4}, 7));
    assert_false(is_hot((int[]){4, 1, 3, 5, -1, 2}, 6));
    assert_false(is_hot((int[]){0, -1, 1, 2}, 4));
    assert_false(is_hot((int[]){-1, 0, 1, 2}, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_chosen_prefix_saves_most),
        cmocka_unit_test(both_pages_hold_what_they_are_given),
        cmocka_unit_test(equal_rows_are_split_in_the_middle),
        cmocka_unit_test(a_big_row_is_left_alone),
        cmocka_unit_test(a_page_has_no_more_lines_than_it_can_number),
        cmocka_unit_test(separators_are_as_short_as_can_be),
        cmocka_unit_test(separators_of_equal_keys_go_into_the_data),
        cmocka_unit_test(keys_out_of_order_have_no_separator),
        cmocka_unit_test(two_newest_nodes_before_a_key_make_it_hot),
    };

    rnd_init("smopoint");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
