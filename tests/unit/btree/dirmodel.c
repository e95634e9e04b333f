/* Several sessions change one tree at random, turn by turn; what each of them sees is compared with
 * a model. */
#include "dirturns.h"

static void run(uint32_t page_size, enum instfix_kind kind, uint32_t nr_keys, unsigned turns,
                bool logging)
{
    uint64_t nr = 0;
    pgno_t root;
    objid_t objid;

    instfix_begin(&fix, &(struct instfix_conf){
                            .page_size = page_size, .logging = logging, .cache_pages = 256});
    model_init(&m, &fix, instfix_tree(&fix, kind), nr_keys, page_size / 5, 4);
    for (unsigned i = 0; i < turns; i++)
        turn(i);
    for (unsigned i = 0; i < m.nr_sessions; i++) {
        struct model_session *x = &m.session[i];
        snprintf(at_step, sizeof(at_step), "end, session %u", i);
        while (x->level)
            pick(2) ? do_commit(x) : do_rollback(x);
        scan_forward(x);
        scan_backward(x);
    }
    for (uint32_t i = 0; i < m.nr_keys; i++)
        nr += model_sees(&m, &m.session[0], i) != 0;
    root = m.t->root;
    objid = m.t->objid;
    model_done(&m);
    assert_int_equal(atomic_load(&fix.nr_faults), 0);
    instfix_stop(&fix);
    assert_int_equal(instfix_check_tree(&fix, root, objid), nr);
    instfix_end(&fix);
}

static unsigned turns(void)
{
    const char *s = getenv("DIRMODEL_TURNS");

    return s ? (unsigned)strtoul(s, NULL, 0) : 6000;
}

static void a_unique_tree_of_small_pages_is_as_the_model_says(void **state)
{
    (void)state;
    run(4096, INSTFIX_UNIQUE, 500, turns(), false);
}

static void a_unique_tree_of_large_pages_is_as_the_model_says(void **state)
{
    (void)state;
    run(32768, INSTFIX_UNIQUE, 400, turns(), false);
}

static void a_tree_with_equal_keys_is_as_the_model_says(void **state)
{
    (void)state;
    run(4096, INSTFIX_NON_UNIQUE, 1500, turns(), false);
}

static void a_logged_tree_is_as_the_model_says(void **state)
{
    (void)state;
    run(4096, INSTFIX_UNIQUE, 500, turns(), true);
    run(32768, INSTFIX_NON_UNIQUE, MODEL_KEYS, turns(), true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_unique_tree_of_small_pages_is_as_the_model_says),
        cmocka_unit_test(a_unique_tree_of_large_pages_is_as_the_model_says),
        cmocka_unit_test(a_tree_with_equal_keys_is_as_the_model_says),
        cmocka_unit_test(a_logged_tree_is_as_the_model_says),
    };

    rnd_init("dirmodel");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
