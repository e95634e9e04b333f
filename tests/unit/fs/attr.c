/* Modes as the contract has them, and as umask= makes them. */
#include "fs.h"

#include "testutil.h"

static void modes_are_the_contract_s(void **state)
{
    const struct options o = {.umask_set = false};

    (void)state;
    assert_int_equal(attr_mode(&o, NODE_BACKUPS), S_IFDIR | 0700);
    assert_int_equal(attr_mode(&o, NODE_BACKUP), S_IFDIR | 0700);
    assert_int_equal(attr_mode(&o, NODE_FILE), S_IFREG | 0400);
    assert_int_equal(attr_mode(&o, NODE_CONTROL), S_IFREG | 0600);
    assert_int_equal(attr_mode(&o, NODE_STATUS), S_IFREG | 0440);
    assert_int_equal(attr_mode(&o, NODE_EVENTS), S_IFREG | 0440);
    assert_int_equal(attr_mode(&o, NODE_LATEST), S_IFLNK | 0777);
}

static void umask_widens_and_narrows(void **state)
{
    const struct options wide = {.umask_set = true, .umask = 022};
    const struct options none = {.umask_set = true, .umask = 0777};

    (void)state;
    assert_int_equal(attr_mode(&wide, NODE_BACKUPS), S_IFDIR | 0755);
    assert_int_equal(attr_mode(&wide, NODE_FILE), S_IFREG | 0444);
    assert_int_equal(attr_mode(&wide, NODE_CONTROL), S_IFREG | 0644);
    assert_int_equal(attr_mode(&none, NODE_ROOT), S_IFDIR);
    assert_int_equal(attr_mode(&none, NODE_LATEST), S_IFLNK | 0777);
}

/* No mask makes a finished file writable. */
static void no_umask_makes_a_backup_writable(void **state)
{
    (void)state;
    for (mode_t m = 0; m <= 0777; m++) {
        const struct options o = {.umask_set = true, .umask = m};

        assert_int_equal(attr_mode(&o, NODE_FILE) & 0333, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modes_are_the_contract_s),
        cmocka_unit_test(umask_widens_and_narrows),
        cmocka_unit_test(no_umask_makes_a_backup_writable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
