/* What file names say. */
#include "backup/naming.h"
#include "testutil.h"

static void names_of_logs_are_taken_apart(void **state)
{
    static const struct {
        const char *name, *base;
        uint32_t gen;
        bool current;
    } logs[] = {
        {"edb.log", "edb", 0, true},
        {"EDB.LOG", "EDB", 0, true},
        {"edb.jtx", "edb", 0, true},
        {"edb00001.log", "edb", 1, false},
        {"edb0000001A.log", "edb", 0x1a, false},
        {"SRU0005c.log", "SRU", 0x5c, false},
        {"V0100012.log", "V01", 0x12, false},
        {"edb7FFFFFFF.jtx", "edb", 0x7fffffff, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(logs); i++) {
        struct name_info n;
        name_classify(logs[i].name, &n);
        if (n.kind != ESE_KIND_LOG || strcmp(n.base, logs[i].base) != 0 || n.gen != logs[i].gen ||
            n.current != logs[i].current || n.scratch)
            fail_msg("%s", logs[i].name);
    }
}

static void other_names_are_no_logs(void **state)
{
    static const char *const names[] = {
        "setup.log", "edb0000.log", "edb000001.log", "edb00000.log",     "edb0000001G.log",
        "ed.log",    "log",         ".log",          "edb00000001.log2", "",
        "edbtm.log"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct name_info n;
        name_classify(names[i], &n);
        if (n.kind != ESE_KIND_UNKNOWN)
            fail_msg("%s", names[i]);
    }
}

static void other_files_of_an_instance_are_known_by_name(void **state)
{
    static const struct {
        const char *name;
        enum ese_kind kind;
        enum name_rank rank;
    } files[] = {
        {"edb.chk", ESE_KIND_CHECKPOINT, NAME_CERTAIN},
        {"EDB.JCP", ESE_KIND_CHECKPOINT, NAME_CERTAIN},
        {"srures00002.jrs", ESE_KIND_RESERVE, NAME_CERTAIN},
        {"edbtmp.log", ESE_KIND_RESERVE, NAME_CERTAIN},
        {"SRUDB.jfm", ESE_KIND_FLUSHMAP, NAME_CERTAIN},
        {"mail.pat", ESE_KIND_PATCH, NAME_CERTAIN},
        {"mail.edb", ESE_KIND_DATABASE, NAME_CERTAIN},
        {"ntds.DIT", ESE_KIND_DATABASE, NAME_CERTAIN},
        {"SRUDB.dat", ESE_KIND_DATABASE, NAME_PERHAPS},
        {"qmgr.db", ESE_KIND_DATABASE, NAME_PERHAPS},
        {"secedit.sdb", ESE_KIND_DATABASE, NAME_PERHAPS},
        {"Current.mdb", ESE_KIND_DATABASE, NAME_PERHAPS},
        {"OneWall.xBIM", ESE_KIND_UNKNOWN, NAME_NOTHING},
        {"mail.chk", ESE_KIND_UNKNOWN, NAME_NOTHING},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct name_info n;
        name_classify(files[i].name, &n);
        if (n.kind != files[i].kind || n.rank != files[i].rank)
            fail_msg("%s: kind %d, rank %d", files[i].name, n.kind, n.rank);
    }
}

static void file_name_of_a_windows_path_is_found(void **state)
{
    (void)state;
    assert_string_equal(name_last("C:\\Windows\\system32\\SRU\\SRUDB.dat"), "SRUDB.dat");
    assert_string_equal(name_last("D:mail.edb"), "mail.edb");
    assert_string_equal(name_last("/var/lib/mail.edb"), "mail.edb");
    assert_string_equal(name_last("mail.edb"), "mail.edb");
    assert_string_equal(name_of_path("a/b\\c.edb"), "b\\c.edb");
}

static void names_are_equal_without_regard_to_case(void **state)
{
    (void)state;
    assert_true(name_equal("SRU.log", "sru.LOG"));
    assert_false(name_equal("SRU.log", "SRU.logs"));
    assert_false(name_equal("[", "{")); /* only letters have a case */
    assert_true(name_cmp("a", "B") < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_logs_are_taken_apart),
        cmocka_unit_test(other_names_are_no_logs),
        cmocka_unit_test(other_files_of_an_instance_are_known_by_name),
        cmocka_unit_test(file_name_of_a_windows_path_is_found),
        cmocka_unit_test(names_are_equal_without_regard_to_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
