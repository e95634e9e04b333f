/* Readers and writers beside one another in one tree that splits and merges all the time. */
#include "smotest.h"

#include <pthread.h>

#define WRITERS 2u
#define READERS 2u
#define TURNS   4000u
#define KEYS    1500u /* of each writer */

static struct {
    struct tree *tree;
    _Atomic bool stop;
    _Atomic JET_ERR failed; /* of any thread */
    _Atomic unsigned wrong; /* nodes out of order, or of another content than any could have */
    _Atomic unsigned scans;
} all;

struct worker {
    pthread_t thread;
    struct sess *s;
    unsigned number;
    uint64_t rng;
    bool there[KEYS];
};

static uint64_t next_random(struct worker *w)
{
    w->rng ^= w->rng << 13;
    w->rng ^= w->rng >> 7;
    w->rng ^= w->rng << 17;
    return w->rng;
}

static void note_error(JET_ERR err)
{
    JET_ERR none = JET_errSuccess;

    atomic_compare_exchange_strong(&all.failed, &none, err);
}

/* Keys of the writers lie between one another. Data: the key again and again, of any length. */
static struct slice key_bytes(uint8_t *b, unsigned key)
{
    b[0] = 0x7f;
    b[1] = (uint8_t)(key >> 16);
    b[2] = (uint8_t)(key >> 8);
    b[3] = (uint8_t)key;
    return (struct slice){b, 4};
}

static struct slice data_bytes(uint8_t *b, unsigned key, uint32_t len)
{
    memset(b, (uint8_t)(key * 7), len);
    return (struct slice){b, len};
}

/* ---- writers ---------------------------------------------------------------------------------- */

static JET_ERR change(struct worker *w, unsigned i)
{
    uint8_t key[4], data[1000];
    const unsigned number = i * WRITERS + w->number;
    const struct slice k = key_bytes(key, number);
    const struct bookmark bm = {k, {k.p, 0}};
    const struct slice d = data_bytes(data, number, 10 + (uint32_t)(next_random(w) % 900));
    struct dir at = {0};
    JET_ERR err = dir_init(&at, w->s, all.tree);

    if (err < 0)
        return err;
    if (!w->there[i]) {
        err = dir_insert(&at, k, d, 0);
    } else {
        err = dir_seek(&at, &bm, DIR_EQ);
        if (err >= 0)
            err = next_random(w) % 3 ? dir_flag_delete(&at, 0) : dir_replace(&at, d, 0);
    }
    dir_done(&at);
    return err;
}

static bool is_there(struct worker *w, unsigned i)
{
    uint8_t key[4];
    const struct slice k = key_bytes(key, i * WRITERS + w->number);
    const struct bookmark bm = {k, {k.p, 0}};
    struct dir at = {0};
    JET_ERR err = dir_init(&at, w->s, all.tree);

    if (err >= 0)
        err = dir_seek(&at, &bm, DIR_EQ);
    dir_done(&at);
    if (err < 0 && err != JET_errRecordNotFound)
        note_error(err);
    return err >= 0;
}

static void *write_rows(void *arg)
{
    struct worker *w = arg;

    for (unsigned turn = 0; turn < TURNS && atomic_load(&all.failed) >= 0; turn++) {
        /* mostly growing at first, then shrinking: both ways through splits and merges */
        const unsigned i = (unsigned)(next_random(w) % KEYS);
        JET_ERR err = trx_begin(w->s);

        if (err >= 0)
            err = change(w, i);
        if (err >= 0)
            err = next_random(w) % 8 ? trx_commit(w->s, true) : trx_rollback(w->s);
        if (err >= 0)
            err = trx_begin(w->s);
        if (err >= 0) {
            w->there[i] = is_there(w, i);
            err = trx_commit(w->s, true);
        }
        if (err < 0)
            note_error(err);
    }
    return NULL;
}

/* ---- readers ---------------------------------------------------------------------------------- */

static bool node_is_right(const struct dir_node *n, unsigned *last)
{
    unsigned key;
    uint8_t want;

    if (n->key.len != 4 || n->data.len < 10)
        return false;
    key = (unsigned)n->key.p[1] << 16 | (unsigned)n->key.p[2] << 8 | n->key.p[3];
    want = (uint8_t)(key * 7);
    for (uint32_t i = 0; i < n->data.len; i++)
        if (n->data.p[i] != want)
            return false;
    if (*last != UINT_MAX && key <= *last)
        return false;
    *last = key;
    return true;
}

static JET_ERR scan(struct worker *w, struct dir *d)
{
    unsigned last = UINT_MAX;
    struct dir_node n;
    JET_ERR err = dir_first(d);

    if (err >= 0)
        err = dir_get(d, &n);
    while (err >= 0) {
        if (!node_is_right(&n, &last))
            atomic_fetch_add(&all.wrong, 1);
        dir_release(d);
        err = dir_next_get(d, &n);
    }
    dir_release(d);
    (void)w;
    return err == JET_errNoCurrentRecord ? JET_errSuccess : err;
}

static void *read_rows(void *arg)
{
    struct worker *w = arg;

    while (!atomic_load(&all.stop) && atomic_load(&all.failed) >= 0) {
        struct dir d;
        JET_ERR err = trx_begin(w->s);

        if (err >= 0)
            err = dir_init(&d, w->s, all.tree);
        if (err >= 0) {
            err = scan(w, &d);
            dir_done(&d);
        }
        if (err >= 0)
            err = trx_commit(w->s, true);
        if (err < 0)
            note_error(err);
        atomic_fetch_add(&all.scans, 1);
    }
    return NULL;
}

static void *clean(void *arg)
{
    (void)arg;
    while (!atomic_load(&all.stop) && atomic_load(&all.failed) >= 0) {
        JET_ERR err = ver_clean(&fix.in, NULL, false);

        if (err < 0)
            note_error(err);
        usleep(1000);
    }
    return NULL;
}

/* ---- together --------------------------------------------------------------------------------- */

static void run(struct worker *w)
{
    pthread_t cleaner;

    for (unsigned i = 0; i < WRITERS + READERS; i++) {
        w[i] = (struct worker){.number = i, .rng = rnd() | 1, .s = instfix_session(&fix)};
        assert_int_equal(
            pthread_create(&w[i].thread, NULL, i < WRITERS ? write_rows : read_rows, &w[i]), 0);
    }
    assert_int_equal(pthread_create(&cleaner, NULL, clean, NULL), 0);
    for (unsigned i = 0; i < WRITERS; i++)
        pthread_join(w[i].thread, NULL);
    atomic_store(&all.stop, true);
    for (unsigned i = WRITERS; i < WRITERS + READERS; i++)
        pthread_join(w[i].thread, NULL);
    pthread_join(cleaner, NULL);
}

static void readers_see_a_sound_tree_while_it_changes_its_shape(void **state)
{
    struct worker *w = calloc(WRITERS + READERS, sizeof(*w));
    uint64_t expected = 0;
    pgno_t root;
    objid_t objid;

    (void)state;
    assert_non_null(w);
    instfix_begin(&fix, &(struct instfix_conf){.page_size = 4096,
                                               .pages = 4096,
                                               .cache_pages = 100, /* a third of what is in use */
                                               .logging = true});
    memset(&all, 0, sizeof(all));
    all.tree = instfix_tree(&fix, INSTFIX_UNIQUE);
    root = all.tree->root;
    objid = all.tree->objid;
    run(w);
    if (atomic_load(&all.failed) < 0)
        fail_msg("%s: %s", err_name(atomic_load(&all.failed)), fix.fault);
    assert_int_equal(atomic_load(&all.wrong), 0);
    assert_true(atomic_load(&all.scans) > 0);
    for (unsigned i = 0; i < WRITERS; i++)
        for (unsigned k = 0; k < KEYS; k++)
            expected += w[i].there[k];
    instfix_stop(&fix);
    assert_int_equal(instfix_check_tree(&fix, root, objid), expected);
    instfix_end(&fix);
    free(w);
}

/* ---- many readers ----------------------------------------------------------------------------- */

static void *seek_rows(void *arg)
{
    struct worker *w = arg;
    struct dir d = {0};
    JET_ERR err = trx_begin(w->s);

    if (err >= 0)
        err = dir_init(&d, w->s, all.tree);
    while (err >= 0 && !atomic_load(&all.stop)) {
        uint8_t key[4];
        const struct slice k = key_bytes(key, (unsigned)(next_random(w) % KEYS));
        const struct bookmark bm = {k, {k.p, 0}};

        err = dir_seek(&d, &bm, DIR_EQ);
        if (err == JET_errRecordNotFound)
            err = JET_errSuccess;
        atomic_fetch_add(&all.scans, 1);
    }
    dir_done(&d);
    if (err >= 0)
        err = trx_commit(w->s, true);
    if (err < 0)
        note_error(err);
    return NULL;
}

static JET_ERR insert_rows(struct sess *s)
{
    struct dir d = {0};
    JET_ERR err = dir_init(&d, s, all.tree);

    for (unsigned i = 0; i < KEYS && err >= 0; i++) {
        uint8_t key[4], data[500];

        err = trx_begin(s);
        if (err >= 0)
            err = dir_insert(&d, key_bytes(key, i), data_bytes(data, i, sizeof(data)), 0);
        if (err >= 0)
            err = trx_commit(s, true);
    }
    dir_done(&d);
    return err;
}

/* Two hundred splits, each of which waits for the readers. Did they go first, there would always
 * be one: each split would take as long as chance wants it (it was a hundred times as long). */
static void readers_do_not_keep_a_split_out(void **state)
{
    struct worker *w = calloc(4, sizeof(*w));
    const time_t begin = time(NULL);
    JET_ERR err;

    (void)state;
    assert_non_null(w);
    instfix_begin(&fix, &(struct instfix_conf){.page_size = 4096, .pages = 4096, .logging = true});
    memset(&all, 0, sizeof(all));
    all.tree = instfix_tree(&fix, INSTFIX_UNIQUE);
    for (unsigned i = 0; i < 4; i++) {
        w[i] = (struct worker){.rng = rnd() | 1, .s = instfix_session(&fix)};
        assert_int_equal(pthread_create(&w[i].thread, NULL, seek_rows, &w[i]), 0);
    }
    while (!atomic_load(&all.scans))
        usleep(1000);
    err = insert_rows(fix.sess);
    atomic_store(&all.stop, true);
    for (unsigned i = 0; i < 4; i++)
        pthread_join(w[i].thread, NULL);
    assert_ok(err);
    assert_int_equal(atomic_load(&all.failed), JET_errSuccess);
    assert_true(time(NULL) - begin < 60);
    instfix_stop(&fix);
    instfix_end(&fix);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_see_a_sound_tree_while_it_changes_its_shape),
        cmocka_unit_test(readers_do_not_keep_a_split_out),
    };

    rnd_init("smo_threads");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
