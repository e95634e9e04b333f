/*
 * Changing pages: thousands of random changes against a plain list, the page checked after each; and what is
 * refused.
 */
#include "testutil.h"

#include "page/edit.h"

#define LINES_MAX 1200

struct model_node {
    unsigned flags;
    uint32_t key_len, data_len;
    uint8_t key[40], data[700];
};

struct model {
    uint8_t prefix[40];
    uint32_t prefix_len;
    bool root;
    unsigned nr;
    struct model_node n[LINES_MAX];
};

static struct model m;

static struct slice sl(const void *p, size_t len)
{
    return (struct slice){p, (uint32_t)len};
}

static uint32_t common(const uint8_t *a, uint32_t la, const uint8_t *b, uint32_t lb)
{
    uint32_t n = 0;
    while (n < la && n < lb && a[n] == b[n])
        n++;
    return n;
}

static int model_cmp(const struct model_node *a, const struct model_node *b)
{
    int c = memcmp(a->key, b->key, a->key_len < b->key_len ? a->key_len : b->key_len);
    return c ? c : (a->key_len > b->key_len) - (a->key_len < b->key_len);
}

static void check(struct edit e)
{
    struct page p = edit_page(e);
    const char *what = page_check_structure(e.b, e.size);
    struct slice h = page_external_header(p);

    if (what)
        fail_msg("%s", what);
    assert_int_equal(le16_get(page_hdr(p)->cb_uncommitted_free), 0);
    assert_int_equal(page_nr_lines(p), m.nr);
    if (!m.root) {
        assert_int_equal(h.len, m.prefix_len);
        assert_memory_equal(h.p, m.prefix, h.len);
    }
    for (unsigned i = 0; i < m.nr; i++) {
        struct node n = page_node(p, i);
        uint8_t key[PAGE_SIZE_MAX];

        assert_int_equal(n.flags & ~(unsigned)NODE_COMPRESSED, m.n[i].flags);
        assert_int_equal(node_key(&n, key), m.n[i].key_len);
        assert_memory_equal(key, m.n[i].key, m.n[i].key_len);
        assert_int_equal(n.data.len, m.n[i].data_len);
        assert_memory_equal(n.data.p, m.n[i].data, m.n[i].data_len);
    }
}

static void fill(uint8_t *p, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        p[i] = (uint8_t)rnd();
}

static void random_insert(struct edit e)
{
    struct model_node n = {.flags = rnd() % 4};
    struct node_new new = {.flags = n.flags};
    unsigned at = 0;
    uint32_t share, cut, need;

    n.key_len = 1 + (uint32_t)(rnd() % sizeof(n.key));
    n.data_len = (uint32_t)(rnd() % (rnd() % 8 ? 60 : sizeof(n.data)));
    fill(n.key, n.key_len);
    fill(n.data, n.data_len);
    if (rnd() % 2)
        memcpy(n.key, m.prefix, m.prefix_len < n.key_len ? m.prefix_len : n.key_len);
    while (at < m.nr && model_cmp(&m.n[at], &n) < 0)
        at++;
    if (m.nr == LINES_MAX || (at < m.nr && model_cmp(&m.n[at], &n) == 0))
        return;
    share = m.root ? 0 : common(m.prefix, m.prefix_len, n.key, n.key_len);
    new.prefix_len = share > 2 && rnd() % 4 ? share : 0;
    cut = new.prefix_len + (uint32_t)(rnd() % (n.key_len - new.prefix_len + 1));
    new.suffix[0] = sl(n.key + new.prefix_len, cut - new.prefix_len);
    new.suffix[1] = sl(n.key + cut, n.key_len - cut);
    new.data = sl(n.data, n.data_len);
    need = (new.prefix_len ? 4 : 2) + n.key_len - new.prefix_len + n.data_len + 4;
    if (need > page_free(edit_page(e))) {
        assert_int_equal(page_insert(e, at, &new), JET_errPageTagCorrupted);
        return;
    }
    assert_int_equal(page_insert(e, at, &new), JET_errSuccess);
    memmove(&m.n[at + 1], &m.n[at], (m.nr - at) * sizeof(m.n[0]));
    m.n[at] = n;
    m.nr++;
}

static void random_replace(struct edit e)
{
    unsigned at = (unsigned)(rnd() % m.nr);
    uint8_t data[700];
    uint32_t len = (uint32_t)(rnd() % (rnd() % 4 ? 80 : sizeof(data)));
    bool fits = len <= m.n[at].data_len || len - m.n[at].data_len <= page_free(edit_page(e));

    fill(data, len);
    assert_int_equal(page_replace(e, at, sl(data, len)),
                     fits ? JET_errSuccess : JET_errPageTagCorrupted);
    if (!fits)
        return;
    memcpy(m.n[at].data, data, len);
    m.n[at].data_len = len;
}

static void random_delete(struct edit e)
{
    unsigned at = (unsigned)(rnd() % m.nr);

    if (rnd() % 50 == 0) {
        assert_int_equal(page_truncate(e, at), JET_errSuccess);
        m.nr = at;
        return;
    }
    assert_int_equal(page_delete(e, at), JET_errSuccess);
    memmove(&m.n[at], &m.n[at + 1], (m.nr - at - 1) * sizeof(m.n[0]));
    m.nr--;
}

static void random_touch(struct edit e)
{
    unsigned at = (unsigned)(rnd() % m.nr), set = rnd() % 4, clear = rnd() % 4;
    uint8_t *p;

    assert_int_equal(page_set_node_flags(e, at, set, clear), JET_errSuccess);
    m.n[at].flags = (m.n[at].flags | set) & ~clear;
    if (!m.n[at].data_len)
        return;
    p = page_node_data(e, at, m.n[at].data_len - 1, 1);
    assert_non_null(p);
    *p = (uint8_t)rnd();
    m.n[at].data[m.n[at].data_len - 1] = *p;
}

/* A longer prefix keeps the keys as they are only when it begins with the old one. */
static void random_header(struct edit e)
{
    uint32_t most = 0, len, room = page_free(edit_page(e));
    bool fits;

    for (unsigned i = 0; i < m.nr; i++) {
        struct node n = page_node(edit_page(e), i);
        if (n.prefix.len > most)
            most = n.prefix.len;
    }
    len = (uint32_t)(rnd() % (sizeof(m.prefix) + 1));
    if (len > m.prefix_len)
        fill(m.prefix + m.prefix_len, len - m.prefix_len);
    fits = (m.root || len >= most) && (len <= m.prefix_len || len - m.prefix_len <= room);
    assert_int_equal(page_set_external_header(e, sl(m.prefix, len)),
                     fits ? JET_errSuccess : JET_errPageTagCorrupted);
    if (fits)
        m.prefix_len = len;
}

static void random_changes(struct edit e, unsigned nr)
{
    for (unsigned i = 0; i < nr; i++) {
        unsigned what = rnd() % 16;

        if (what < 7 || !m.nr)
            random_insert(e);
        else if (what < 10)
            random_replace(e);
        else if (what < 13)
            random_delete(e);
        else if (what < 14)
            random_touch(e);
        else if (what < 15)
            random_header(e);
        else
            page_reorganise(e, (uint8_t)rnd());
        check(e);
    }
}

static void random_changes_leave_what_a_list_has(void **state)
{
    (void)state;
    for (uint32_t size = PAGE_SIZE_MIN; size <= PAGE_SIZE_MAX; size *= 2)
        for (unsigned root = 0; root < 2; root++) {
            struct edit e = {malloc(size), size};

            memset(&m, 0, sizeof(m));
            m.root = root;
            memset(e.b, 0xcc, size);
            page_init(e, 7, 3, 99, PAGE_LEAF | (root ? PAGE_ROOT : 0));
            assert_int_equal(page_objid(edit_page(e)), 3);
            assert_int_equal(page_dbtime(edit_page(e)), 99);
            check(e);
            random_changes(e, 2500);
            free(e.b);
        }
}

static void a_page_that_is_sealed_after_changes_verifies(void **state)
{
    (void)state;
    for (uint32_t size = PAGE_SIZE_MIN; size <= PAGE_SIZE_MAX; size *= 2) {
        struct edit e = {malloc(size), size};
        struct page_check c;

        memset(&m, 0, sizeof(m));
        page_init(e, 12, 3, 99, PAGE_LEAF);
        random_changes(e, 100);
        page_set_links(e, 11, 13);
        page_seal(e.b, size, 12);
        page_verify(e.b, size, 12, &c);
        assert_int_equal(c.verdict, PAGE_OK);
        assert_int_equal(page_prev(edit_page(e)), 11);
        assert_int_equal(page_next(edit_page(e)), 13);

        page_preinit(e, 12, 3, 100);
        page_seal(e.b, size, 12);
        page_verify(e.b, size, 12, &c);
        assert_int_equal(c.verdict, PAGE_OK);
        free(e.b);
    }
}

static void the_whole_page_can_be_filled(void **state)
{
    static const uint8_t zero[PAGE_SIZE_MAX];

    (void)state;
    for (uint32_t size = PAGE_SIZE_MIN; size <= PAGE_SIZE_MAX; size *= 2) {
        struct edit e = {malloc(size), size};
        struct node_new n = {.suffix = {sl("k", 1)}};
        uint32_t most = size - page_header_len(size) - 8 - 3;

        page_init(e, 1, 1, 1, PAGE_LEAF);
        n.data = sl(zero, most + 1);
        assert_int_equal(page_insert(e, 0, &n), JET_errPageTagCorrupted);
        n.data = sl(zero, most);
        assert_int_equal(page_insert(e, 0, &n), JET_errSuccess);
        assert_int_equal(page_free(edit_page(e)), 0);
        assert_null(page_check_structure(e.b, size));
        assert_int_equal(page_replace(e, 0, sl(zero, most + 1)), JET_errPageTagCorrupted);
        assert_int_equal(page_set_external_header(e, sl(zero, 1)), JET_errPageTagCorrupted);
        assert_int_equal(page_delete(e, 0), JET_errSuccess);
        assert_int_equal(le16_get(page_hdr(edit_page(e))->ib_mic_free), 0);
        free(e.b);
    }
}

static void lines_that_are_not_there_are_refused(void **state)
{
    uint8_t b[4096];
    struct edit e = {b, sizeof(b)};
    struct node_new n = {.suffix = {sl("key", 3)}, .data = sl("d", 1)};

    (void)state;
    page_init(e, 1, 1, 1, PAGE_LEAF);
    assert_int_equal(page_insert(e, 1, &n), JET_errPageTagCorrupted);
    assert_int_equal(page_delete(e, 0), JET_errPageTagCorrupted);
    assert_int_equal(page_replace(e, 0, sl("x", 1)), JET_errPageTagCorrupted);
    assert_int_equal(page_truncate(e, 1), JET_errPageTagCorrupted);
    assert_int_equal(page_set_node_flags(e, 0, 1, 0), JET_errPageTagCorrupted);
    assert_null(page_node_data(e, 0, 0, 0));
    n.prefix_len = 1; /* the page has no prefix */
    assert_int_equal(page_insert(e, 0, &n), JET_errPageTagCorrupted);
    n.prefix_len = 0;
    assert_int_equal(page_insert(e, 0, &n), JET_errSuccess);
    assert_null(page_node_data(e, 0, 0, 2));
    assert_null(page_node_data(e, 0, 2, 0));
    assert_non_null(page_node_data(e, 0, 1, 0));
    assert_null(page_check_structure(b, sizeof(b)));
}

static void a_page_out_of_its_tree_is_not_changed(void **state)
{
    uint8_t b[4096];
    struct edit e = {b, sizeof(b)};
    struct node_new n = {.suffix = {sl("key", 3)}, .data = sl("d", 1)};

    (void)state;
    page_preinit(e, 1, 1, 1);
    assert_int_equal(page_insert(e, 0, &n), JET_errPageTagCorrupted);
    assert_int_equal(page_set_external_header(e, sl("", 0)), JET_errPageTagCorrupted);
    assert_int_equal(page_set_empty(e), JET_errPageTagCorrupted);

    page_init(e, 1, 1, 1, PAGE_LEAF);
    assert_int_equal(page_set_external_header(e, sl("pre", 3)), JET_errSuccess);
    assert_int_equal(page_insert(e, 0, &n), JET_errSuccess);
    assert_int_equal(page_set_empty(e), JET_errSuccess);
    assert_null(page_check_structure(b, sizeof(b)));
    assert_true(page_flags(edit_page(e)) & PAGE_EMPTY);
    assert_int_equal(page_free(edit_page(e)), 4096 - 40 - 4);
    assert_int_equal(page_insert(e, 0, &n), JET_errPageTagCorrupted);
}

/* Newer engines count the external header as one of up to seven reserved tags. */
static void reserved_tags_stay(void **state)
{
    uint8_t b[4096];
    struct edit e = {b, sizeof(b)};
    struct node_new n = {.suffix = {sl("key", 3)}, .data = sl("d", 1)};
    struct page_hdr_disk *h = (struct page_hdr_disk *)b;

    (void)state;
    page_init(e, 1, 1, 1, PAGE_LEAF);
    assert_int_equal(page_insert(e, 0, &n), JET_errSuccess);
    le16_put(&h->itag_state, 2 << 12 | 2); /* what was line 0 is the second reserved tag */
    assert_int_equal(page_nr_lines(edit_page(e)), 0);
    assert_int_equal(page_insert(e, 0, &n), JET_errSuccess);
    assert_int_equal(page_nr_lines(edit_page(e)), 1);
    assert_int_equal(page_truncate(e, 0), JET_errSuccess);
    assert_int_equal(le16_get(h->itag_state), 2 << 12 | 2);
    assert_null(page_check_structure(b, sizeof(b)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_changes_leave_what_a_list_has),
        cmocka_unit_test(a_page_that_is_sealed_after_changes_verifies),
        cmocka_unit_test(the_whole_page_can_be_filled),
        cmocka_unit_test(lines_that_are_not_there_are_refused),
        cmocka_unit_test(a_page_out_of_its_tree_is_not_changed),
        cmocka_unit_test(reserved_tags_stay),
    };

    rnd_init("edit");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
