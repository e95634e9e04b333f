/* Which directories are instances, and which files belong to them. */
#include "setmaker.h"

#include <sys/socket.h>
#include <sys/un.h>

struct seen {
    struct ese_instance *v;
    unsigned nr;
};

static struct seen see(const char *dir, const char *skip)
{
    struct seen s;
    int fd = open(dir, O_RDONLY | O_DIRECTORY);

    assert_true(fd >= 0);
    assert_int_equal(ese_discover(fd, "self", skip, &s.v, &s.nr), JET_errSuccess);
    close(fd);
    return s;
}

static const struct ese_instance *inst_of(const struct seen *s, const char *name)
{
    for (unsigned i = 0; i < s->nr; i++)
        if (strcmp(s->v[i].name, name) == 0)
            return &s->v[i];
    return NULL;
}

static bool has_file(const struct ese_instance *inst, const char *path)
{
    for (unsigned i = 0; i < inst->nr_files; i++)
        if (strcmp(inst->files[i].path, path) == 0)
            return true;
    return false;
}

static void unsee(struct seen *s)
{
    ese_instances_free(s->v, s->nr);
}

static void each_subdirectory_with_files_is_an_instance(void **state)
{
    struct seen s;

    make_db(*state, "mail/mail.edb", (struct made_db){0});
    make_db(*state, "web/data.xBIM", (struct made_db){0}); /* by its signature alone */
    make_chk(*state, "dhcp/j50.chk", (struct made_chk){.gen = 1});
    made_file(*state, "docs/readme.txt", "text\n", 5);
    made_file(*state, ".hidden/mail.edb", "x", 1);
    s = see(*state, NULL);
    assert_int_equal(s.nr, 3);
    assert_non_null(inst_of(&s, "mail"));
    assert_non_null(inst_of(&s, "web"));
    assert_non_null(inst_of(&s, "dhcp"));
    assert_string_equal(inst_of(&s, "dhcp")->base, "j50");
    assert_int_equal(inst_of(&s, "mail")->state, ESE_IDLE);
    unsee(&s);
}

static void logs_in_a_subdirectory_belong_to_the_database_above(void **state)
{
    struct seen s;
    const struct ese_instance *i;

    make_db(*state, "DataStore/DataStore.edb", (struct made_db){0});
    make_log(*state, "DataStore/Logs/edb00001.log", (struct made_log){.gen = 1});
    make_log(*state, "DataStore/Logs/edb.log", (struct made_log){.gen = 2});
    make_chk(*state, "DataStore/Logs/edb.chk", (struct made_chk){.gen = 2});
    make_db(*state, "deep/a/b/c.edb", (struct made_db){0});
    make_db(*state, "deeper/a/b/c/d.edb", (struct made_db){0});
    s = see(*state, NULL);
    assert_int_equal(s.nr, 2);
    i = inst_of(&s, "DataStore");
    assert_non_null(i);
    assert_string_equal(i->base, "edb");
    assert_int_equal(i->nr_files, 4);
    assert_true(has_file(i, "DataStore/Logs/edb.log"));
    assert_true(has_file(inst_of(&s, "deep"), "deep/a/b/c.edb"));
    unsee(&s);
}

static void directory_itself_can_be_the_instance(void **state)
{
    struct seen s;

    make_db(*state, "mail.edb", (struct made_db){0});
    make_log(*state, "logs/edb.log", (struct made_log){.gen = 1});
    s = see(*state, NULL);
    assert_int_equal(s.nr, 1);
    assert_string_equal(s.v[0].name, "self");
    assert_int_equal(s.v[0].nr_files, 2);
    unsee(&s);
}

static void entry_to_skip_is_left_out(void **state)
{
    struct seen s;

    make_db(*state, "mail/mail.edb", (struct made_db){0});
    make_db(*state, "store/x/mail.edb", (struct made_db){0});
    s = see(*state, "store");
    assert_int_equal(s.nr, 1);
    assert_string_equal(s.v[0].name, "mail");
    unsee(&s);
}

static void two_base_names_are_two_instances(void **state)
{
    struct seen s;

    make_log(*state, "x/edb.log", (struct made_log){.gen = 5, .stream = 10});
    make_chk(*state, "x/edb.chk", (struct made_chk){.gen = 5, .stream = 10});
    make_log(*state, "x/SRU.log",
             (struct made_log){.gen = 7, .stream = 20, .attach = "C:\\x\\named.edb"});
    make_chk(*state, "x/SRU.chk", (struct made_chk){.gen = 7, .stream = 20});
    make_db(*state, "x/by_stream.edb", (struct made_db){.stream = 10});
    make_db(*state, "x/named.edb", (struct made_db){.stream = 99});
    make_db(*state, "x/nobodys.edb", (struct made_db){.stream = 98});
    s = see(*state, NULL);
    assert_int_equal(s.nr, 3);
    assert_true(has_file(inst_of(&s, "x+edb"), "x/by_stream.edb"));
    assert_true(has_file(inst_of(&s, "x+edb"), "x/edb.chk"));
    assert_true(has_file(inst_of(&s, "x+SRU"), "x/named.edb"));
    assert_true(has_file(inst_of(&s, "x+SRU"), "x/SRU.log"));
    assert_true(has_file(inst_of(&s, "x"), "x/nobodys.edb"));
    assert_string_equal(inst_of(&s, "x+SRU")->base, "SRU");
    unsee(&s);
}

static void one_base_name_in_two_directories_is_two_instances(void **state)
{
    struct seen s;

    make_log(*state, "x/a/edb.log", (struct made_log){.gen = 1, .stream = 5});
    make_db(*state, "x/a/mail.edb", (struct made_db){.stream = 5});
    make_log(*state, "x/b/edb.log", (struct made_log){.gen = 1, .stream = 5});
    make_db(*state, "x/b/mail.edb", (struct made_db){.stream = 5});
    s = see(*state, NULL);
    assert_int_equal(s.nr, 2);
    assert_true(has_file(inst_of(&s, "x+edb+a"), "x/a/mail.edb"));
    assert_true(has_file(inst_of(&s, "x+edb+b"), "x/b/mail.edb"));
    unsee(&s);
}

static void ruined_files_do_not_vanish(void **state)
{
    uint8_t junk[16384];
    struct seen s;

    memset(junk, 0xa5, sizeof(junk));
    made_file(*state, "edb/mail.edb", junk, sizeof(junk));
    made_file(*state, "empty/mail.edb", "", 0);
    made_file(*state, "dat/SRUDB.dat", junk, sizeof(junk));
    made_file(*state, "log/edb.log", junk, sizeof(junk));
    made_file(*state, "chk/SRU.chk", junk, 8192);
    make_db(*state, "one/mail.edb", (struct made_db){.bad_primary = true});
    make_db(*state, "both/mail.edb", (struct made_db){.bad_primary = true, .bad_shadow = true});
    s = see(*state, NULL);
    assert_int_equal(s.nr, 7);
    for (unsigned i = 0; i < s.nr; i++) {
        if (s.v[i].state != ESE_DAMAGED || s.v[i].nr_faults == 0)
            fail_msg("%s", s.v[i].name);
    }
    unsee(&s);
}

static void files_of_other_programs_make_no_instance(void **state)
{
    char page[4096] = "SQLite format 3";
    char text[8192];
    struct seen s;

    made_file(*state, "a/history.db", page, sizeof(page));
    memset(page, 0, sizeof(page));
    memcpy(page + 4, "Standard Jet DB", 16);
    made_file(*state, "b/access.mdb", page, sizeof(page));
    memset(text, 'x', sizeof(text));
    text[80] = '\n';
    made_file(*state, "c/web.log", text, sizeof(text));
    made_file(*state, "d/notes.dat", text, sizeof(text));
    made_file(*state, "e/empty.dat", "", 0);
    memset(page, 0, sizeof(page));
    memcpy(page, "regf", 4);
    made_file(*state, "f/ntuser.dat", page, sizeof(page));
    s = see(*state, NULL);
    assert_int_equal(s.nr, 0);
    unsee(&s);
}

static void doubtful_log_counts_beside_a_sure_one(void **state)
{
    struct seen s;

    make_log(*state, "x/SRU00001.log", (struct made_log){.gen = 1});
    made_file(*state, "x/SRU.log", "", 0); /* the current one, truncated to nothing */
    made_file(*state, "x/web.log", "", 0);
    s = see(*state, NULL);
    assert_int_equal(s.nr, 1);
    assert_true(has_file(&s.v[0], "x/SRU.log"));
    assert_false(has_file(&s.v[0], "x/web.log"));
    assert_int_equal(s.v[0].state, ESE_DAMAGED);
    unsee(&s);
}

static void links_fifos_and_sockets_are_not_opened(void **state)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    char path[PATH_MAX], target[PATH_MAX];
    struct seen s;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    make_db(*state, "real/mail.edb", (struct made_db){0});
    snprintf(target, sizeof(target), "%s/real", (char *)*state);
    snprintf(path, sizeof(path), "%s/linked", (char *)*state);
    assert_int_equal(symlink(target, path), 0);
    snprintf(path, sizeof(path), "%s/x", (char *)*state);
    assert_int_equal(mkdir(path, 0755), 0);
    snprintf(path, sizeof(path), "%s/x/mail.edb", (char *)*state);
    assert_int_equal(symlink("../real/mail.edb", path), 0);
    snprintf(path, sizeof(path), "%s/x/pipe.edb", (char *)*state);
    assert_int_equal(mkfifo(path, 0644), 0);
    snprintf(a.sun_path, sizeof(a.sun_path), "%s/x/edb.log", (char *)*state);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    close(fd);
    s = see(*state, NULL); /* opening the FIFO would wait for ever */
    assert_int_equal(s.nr, 1);
    assert_string_equal(s.v[0].name, "real");
    unsee(&s);
}

static void temporary_database_is_no_data(void **state)
{
    struct seen s;

    make_db(*state, "ntds/ntds.dit", (struct made_db){0});
    make_db(*state, "ntds/temp.edb", (struct made_db){.stream = 77, .state = ESE_DB_DIRTY});
    make_log(*state, "ntds/edb.log", (struct made_log){.gen = 1});
    make_db(*state, "alone/tmp.edb", (struct made_db){0});
    make_db(*state, "named/temp.edb", (struct made_db){0});
    make_log(*state, "named/edb.log", (struct made_log){.gen = 1, .attach = "C:\\TEMP.edb"});
    s = see(*state, NULL);
    assert_int_equal(s.nr, 3);
    assert_false(has_file(inst_of(&s, "ntds"), "ntds/temp.edb"));
    assert_int_equal(inst_of(&s, "ntds")->state, ESE_IDLE);
    assert_true(has_file(inst_of(&s, "alone"), "alone/tmp.edb"));
    assert_true(has_file(inst_of(&s, "named"), "named/temp.edb"));
    unsee(&s);
}

static void odd_names_are_names(void **state)
{
    struct seen s;

    make_db(*state, "a\nb \x01\xff%/mail.edb", (struct made_db){0});
    s = see(*state, NULL);
    assert_int_equal(s.nr, 1);
    assert_string_equal(s.v[0].name, "a\nb \x01\xff%");
    unsee(&s);
}

static void many_streams_stay_bounded(void **state)
{
    struct seen s;
    char name[32];

    for (unsigned i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "x/a%02u.log", i);
        make_log(*state, name, (struct made_log){.gen = 1, .stream = i + 1});
    }
    s = see(*state, NULL);
    assert_int_equal(s.nr, 65); /* 64 streams, and one instance of what is left */
    unsee(&s);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup_dir, teardown_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(each_subdirectory_with_files_is_an_instance),
        T(logs_in_a_subdirectory_belong_to_the_database_above),
        T(directory_itself_can_be_the_instance),
        T(entry_to_skip_is_left_out),
        T(two_base_names_are_two_instances),
        T(one_base_name_in_two_directories_is_two_instances),
        T(ruined_files_do_not_vanish),
        T(files_of_other_programs_make_no_instance),
        T(doubtful_log_counts_beside_a_sure_one),
        T(links_fifos_and_sockets_are_not_opened),
        T(temporary_database_is_no_data),
        T(odd_names_are_names),
        T(many_streams_stay_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
