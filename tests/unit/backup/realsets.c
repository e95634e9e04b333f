/* Every real set: which instances are found, and what a copy of each holds. */
#include <fcntl.h>

#include "engine.h"
#include "testutil.h"

struct expected {
    const char *dir;  /* below the test data */
    const char *name; /* of the instance */
    JET_ERR err;
    const char *plan; /* names, each followed by a blank */
};

static const struct expected sets[] = {
    {"windows", "srum-win10-apt", 0, "SRU.log SRU.chk SRUDB.dat "},
    {"windows", "srum-win10-rathbun-clean", 0, "SRU.log SRU.chk SRUDB.dat "},
    {"windows", "srum-win10-rathbun-dirty", 0, "SRU.log SRU.chk SRUDB.dat "},
    {"windows", "srum-win11-rathbun-dirty", 0, "SRU.log SRU.chk SRUDB.dat "},
    {"windows", "srum-goese", 0, "SRUDB.dat "},
    {"windows", "esedb-xbim", 0, "BIM_Logo-LetterB.xBIM Monolith_v10.xBIM OneWall.xBIM P1.xBIM "},
    {"windows", "esedb-plaso", 0, "Catalog1.edb SystemIdentity.mdb "},
    {"windows", "esedb-dissect", 0,
     "basic.edb binary.edb default.edb index.edb large.edb multi.edb "},
    {"windows", "bits-artemis-win10", JET_errRequiredLogFilesMissing, ""},
    {"windows", "ual-kstrike-nondomain", JET_errRequiredLogFilesMissing, ""},
    {"engine/p4096_w10/clean", "files", 0, "edb.log edb.chk test.edb "},
    {"engine/p4096_w10/dirty", "files", 0,
     "edb00000006.log edb00000007.log edb00000008.log edb00000009.log edb0000000A.log edb.log "
     "edb.chk "
     "test.edb "},
    {"engine/p4096_w10_jtx/dirty", "files", 0,
     "edb00000005.jtx edb00000006.jtx edb00000007.jtx edb00000008.jtx edb00000009.jtx "
     "edb0000000A.jtx "
     "edb.jtx edb.jcp test.edb "},
    {"engine/p32768_w10/dirty", "files", 0,
     "edb00000001.log edb00000002.log edb00000003.log edb00000004.log edb00000005.log "
     "edb00000006.log "
     "edb00000007.log edb00000008.log edb.log edb.chk test.edb "},
    {"engine/p32768_w10/circular", "files", 0, "edb.log edb.chk test.edb "},
    {"engine/p32768_w10/full", "files", 0, "edb00000007.log edb00000008.log test.edb "},
    {"engine/p32768_w10/multidb", "files", 0,
     "edb00000006.log edb00000007.log second.edb test.edb "},
    {"engine/p4096_latest/clean", "files", 0, "edb.log edb.chk test.edb "},
    {"engine/p4096_latest/full_incr", "files", 0,
     "edb00000006.log edb00000007.log edb00000008.log edb00000009.log edb0000000A.log "
     "edb0000000B.log "
     "edb0000000C.log test.edb "},
    {"engine/p4096_w10/full_plus_incr_separate_dirs/files", "incr", JET_errMissingLogFile, ""},
};

static void print_plan(const struct ese_file **plan, unsigned nr, char *buf, size_t len)
{
    size_t n = 0;

    buf[0] = '\0';
    for (unsigned i = 0; i < nr; i++)
        n += (size_t)snprintf(buf + n, len - n, "%s ", strrchr(plan[i]->path, '/') + 1);
}

static void check_set(const struct expected *e)
{
    char path[4096], text[4096] = "";
    struct ese_instance *list, *inst = NULL;
    const struct ese_file **plan = NULL;
    unsigned nr, nr_plan = 0;
    JET_ERR err;
    int fd;

    snprintf(path, sizeof(path), "%s/%s", test_data(), e->dir);
    fd = open(path, O_RDONLY | O_DIRECTORY);
    assert_true(fd >= 0);
    assert_int_equal(ese_discover(fd, "self", NULL, &list, &nr), JET_errSuccess);
    for (unsigned i = 0; i < nr; i++)
        if (strcmp(list[i].name, e->name) == 0)
            inst = &list[i];
    if (!inst)
        fail_msg("%s/%s is not found", e->dir, e->name);
    err = ese_copy_plan(inst, NULL, NULL, &plan, &nr_plan);
    if (err >= 0)
        print_plan(plan, nr_plan, text, sizeof(text));
    if (err != e->err || strcmp(text, e->plan) != 0)
        fail_msg("%s/%s: error %d, plan %s", e->dir, e->name, (int)err, text);
    free(plan);
    ese_instances_free(list, nr);
    close(fd);
}

static void plans_of_real_sets_are_as_their_headers_ask(void **state)
{
    (void)state;
    NEED_DATA("plans of real sets");
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
        check_set(&sets[i]);
}

static void states_of_real_sets_are_told(void **state)
{
    static const struct {
        const char *name;
        enum ese_state state;
    } expected[] = {
        {"srum-win10-apt", ESE_IDLE},
        {"srum-win10-rathbun-dirty", ESE_IDLE},
        {"srum-win11-rathbun-dirty", ESE_DIRTY},
        {"bits-artemis-win10", ESE_DAMAGED},
        {"esedb-ese_parser", ESE_IDLE},
    };
    char path[4096];
    struct ese_instance *list;
    unsigned nr, seen = 0;
    int fd;

    (void)state;
    NEED_DATA("states of real sets");
    snprintf(path, sizeof(path), "%s/windows", test_data());
    fd = open(path, O_RDONLY | O_DIRECTORY);
    assert_int_equal(ese_discover(fd, "self", NULL, &list, &nr), JET_errSuccess);
    close(fd);
    for (unsigned i = 0; i < nr; i++)
        for (size_t k = 0; k < sizeof(expected) / sizeof(expected[0]); k++)
            if (strcmp(list[i].name, expected[k].name) == 0) {
                assert_int_equal(list[i].state, expected[k].state);
                seen++;
            }
    assert_int_equal(seen, sizeof(expected) / sizeof(expected[0]));
    ese_instances_free(list, nr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_of_real_sets_are_as_their_headers_ask),
        cmocka_unit_test(states_of_real_sets_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
