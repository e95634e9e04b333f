/* The command line: every row of the contract's table, mount(8)'s words, and what must be refused. */
#include "options.h"

#include "testutil.h"

#define MAX_ARGS 16

struct parsed {
    enum opts_act act;
    struct options o;
    char message[512];
};

static void parse(struct parsed *p, ...)
{
    char *argv[MAX_ARGS + 1] = {NULL};
    const char *arg;
    va_list ap;
    int argc = 0;

    argv[argc++] = strdup("mount.esefs");
    va_start(ap, p);
    while ((arg = va_arg(ap, const char *)) != NULL) {
        assert_true(argc < MAX_ARGS);
        argv[argc++] = strdup(arg);
    }
    va_end(ap);
    p->act = opts_parse(argc, argv, &p->o, p->message, sizeof(p->message));
    while (argc > 0)
        free(argv[--argc]);
}

/* -o LIST behind SOURCE and MOUNTPOINT. */
static void parse_list(struct parsed *p, const char *list)
{
    parse(p, "/src", "/mnt", "-o", list, NULL);
}

static void source_and_mountpoint_are_enough(void **state)
{
    struct parsed p;

    (void)state;
    parse(&p, "/src", "/mnt", NULL);
    assert_int_equal(p.act, OPTS_MOUNT);
    assert_string_equal(p.o.source, "/src");
    assert_string_equal(p.o.mountpoint, "/mnt");
    assert_null(p.o.store);
    assert_null(p.o.keep);
    assert_int_equal(p.o.rate, 0);
    assert_int_equal(p.o.threads, 0);
    assert_false(p.o.ro || p.o.allow_other || p.o.foreground || p.o.debug || p.o.keep_logs);
    assert_false(p.o.uid_set || p.o.gid_set || p.o.umask_set);
    opts_done(&p.o);
}

static void each_option_of_the_contract_is_taken(void **state)
{
    struct parsed p;

    (void)state;
    parse_list(&p, "store=/s,offline=copy,logs=keep,keep=last:7,rate=3M,threads=5,ro,uid=12,gid=34,"
                   "umask=027,allow_other,foreground");
    assert_int_equal(p.act, OPTS_MOUNT);
    assert_string_equal(p.o.store, "/s");
    assert_string_equal(p.o.keep, "last:7");
    assert_int_equal(p.o.rate, 3 << 20);
    assert_int_equal(p.o.threads, 5);
    assert_true(p.o.ro && p.o.allow_other && p.o.foreground && p.o.keep_logs);
    assert_true(p.o.uid_set && p.o.gid_set && p.o.umask_set);
    assert_int_equal(p.o.uid, 12);
    assert_int_equal(p.o.gid, 34);
    assert_int_equal(p.o.umask, 027);
    opts_done(&p.o);
}

static void commas_of_a_retention_stay_in_it(void **state)
{
    struct parsed p;

    (void)state;
    parse_list(&p, "keep=last:7,daily:14,weekly:8,monthly:12,ro");
    assert_int_equal(p.act, OPTS_MOUNT);
    assert_string_equal(p.o.keep, "last:7,daily:14,weekly:8,monthly:12");
    assert_true(p.o.ro);
    opts_done(&p.o);
}

static void an_escaped_comma_belongs_to_the_value(void **state)
{
    struct parsed p;

    (void)state;
    parse_list(&p, "store=/a\\,b\\\\c,ro");
    assert_int_equal(p.act, OPTS_MOUNT);
    assert_string_equal(p.o.store, "/a,b\\c");
    assert_true(p.o.ro);
    opts_done(&p.o);
}

static void words_of_fstab_are_ignored(void **state)
{
    struct parsed p;

    (void)state;
    parse_list(&p, "defaults,auto,noauto,user,user=joe,nouser,_netdev,nofail,x-systemd.automount,"
                   "x-a=b,rw,nosuid,nodev,,exec");
    assert_int_equal(p.act, OPTS_MOUNT);
    assert_false(p.o.ro);
    opts_done(&p.o);
}

static void flags_of_mount_are_taken_in_any_place(void **state)
{
    struct parsed p;

    (void)state;
    parse(&p, "/src", "/mnt", "-n", "-v", "-t", "fuse.esefs", "-o", "rw", NULL);
    assert_int_equal(p.act, OPTS_MOUNT);
    assert_true(p.o.verbose);
    opts_done(&p.o);
    parse(&p, "-nvf", "-oro,threads=2", "/src", "/mnt", NULL);
    assert_int_equal(p.act, OPTS_MOUNT);
    assert_true(p.o.ro && p.o.foreground && p.o.threads == 2);
    opts_done(&p.o);
    parse(&p, "/src", "/mnt", "-t", "ext4", NULL);
    assert_int_equal(p.act, OPTS_USAGE);
    opts_done(&p.o);
}

static void sloppy_passes_over_unknown_options(void **state)
{
    struct parsed p;

    (void)state;
    parse(&p, "/src", "/mnt", "-o", "strange,ro", "-s", NULL);
    assert_int_equal(p.act, OPTS_MOUNT);
    assert_true(p.o.ro);
    opts_done(&p.o);
    /* but not over a known one with a bad value */
    parse(&p, "-s", "/src", "/mnt", "-o", "threads=x", NULL);
    assert_int_equal(p.act, OPTS_USAGE);
    opts_done(&p.o);
}

static void debug_stays_in_the_foreground(void **state)
{
    struct parsed p;

    (void)state;
    parse(&p, "-d", "/src", "/mnt", NULL);
    assert_true(p.o.debug && p.o.foreground);
    opts_done(&p.o);
    parse_list(&p, "debug");
    assert_true(p.o.debug && p.o.foreground);
    opts_done(&p.o);
}

static void the_last_of_two_wins(void **state)
{
    struct parsed p;

    (void)state;
    parse_list(&p, "ro,rw,store=/a,store=/b,logs=keep,logs=truncate");
    assert_int_equal(p.act, OPTS_MOUNT);
    assert_false(p.o.ro || p.o.keep_logs);
    assert_string_equal(p.o.store, "/b");
    opts_done(&p.o);
}

static void wrong_options_are_refused_by_name(void **state)
{
    static const struct {
        const char *list, *named;
    } cases[] = {
        {"frobnicate", "frobnicate"},
        {"frobnicate=1", "frobnicate"},
        {"store=", "store="},
        {"store", "store"},
        {"offline=recover", "offline=recover"},
        {"offline=maybe", "offline=maybe"},
        {"logs=burn", "logs=burn"},
        {"keep=sometimes", "keep=sometimes"},
        {"rate=0", "rate=0"},
        {"rate=-1", "rate=-1"},
        {"rate=1T", "rate=1T"},
        {"rate=1KK", "rate=1KK"},
        {"rate=18446744073709551615K", "rate=18446744073709551615K"},
        {"rate=99999999999999999999", "rate=99999999999999999999"},
        {"threads=0", "threads=0"},
        {"threads=1025", "threads=1025"},
        {"threads=-1", "threads=-1"},
        {"threads=4294967297", "threads=4294967297"},
        {"uid=nobody-of-this-name", "uid=nobody-of-this-name"},
        {"uid=4294967295", "uid=4294967295"},
        {"gid=", "gid="},
        {"umask=8", "umask=8"},
        {"umask=1000", "umask=1000"},
        {"ro=1", "ro=1"},
        {"remount,ro", "remount"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct parsed p;

        parse_list(&p, cases[i].list);
        if (p.act != OPTS_USAGE || strstr(p.message, cases[i].named) != p.message ||
            strchr(p.message, '\n') != NULL)
            fail_msg("%s: act %d, message \"%s\"", cases[i].list, p.act, p.message);
        opts_done(&p.o);
    }
}

static void wrong_command_lines_are_refused(void **state)
{
    struct parsed p;

    (void)state;
    parse(&p, NULL);
    assert_int_equal(p.act, OPTS_USAGE);
    assert_non_null(strstr(p.message, "SOURCE"));
    opts_done(&p.o);
    parse(&p, "/src", NULL);
    assert_int_equal(p.act, OPTS_USAGE);
    assert_non_null(strstr(p.message, "MOUNTPOINT"));
    opts_done(&p.o);
    parse(&p, "/src", "/mnt", "/more", NULL);
    assert_int_equal(p.act, OPTS_USAGE);
    assert_non_null(strstr(p.message, "/more"));
    opts_done(&p.o);
    parse(&p, "/src", "", NULL);
    assert_int_equal(p.act, OPTS_USAGE);
    opts_done(&p.o);
    parse(&p, "/src", "/mnt", "--frobnicate", NULL);
    assert_int_equal(p.act, OPTS_USAGE);
    assert_non_null(strstr(p.message, "--frobnicate"));
    opts_done(&p.o);
    parse(&p, "/src", "/mnt", "-z", NULL);
    assert_int_equal(p.act, OPTS_USAGE);
    opts_done(&p.o);
    parse(&p, "/src", "/mnt", "-o", NULL);
    assert_int_equal(p.act, OPTS_USAGE);
    opts_done(&p.o);
}

static void help_and_version_need_nothing_else(void **state)
{
    struct parsed p;

    (void)state;
    parse(&p, "--help", NULL);
    assert_int_equal(p.act, OPTS_HELP);
    opts_done(&p.o);
    parse(&p, "/src", "--version", NULL);
    assert_int_equal(p.act, OPTS_VERSION);
    opts_done(&p.o);
    assert_non_null(strstr(opts_help(), "store="));
}

static void dashes_after_the_double_dash_are_paths(void **state)
{
    struct parsed p;

    (void)state;
    parse(&p, "--", "-s", "-mnt", NULL);
    assert_int_equal(p.act, OPTS_MOUNT);
    assert_string_equal(p.o.source, "-s");
    assert_string_equal(p.o.mountpoint, "-mnt");
    opts_done(&p.o);
}

static void rates_are_powers_of_1024(void **state)
{
    uint64_t v;

    (void)state;
    assert_true(opts_parse_rate("7", &v) && v == 7);
    assert_true(opts_parse_rate("200K", &v) && v == 204800);
    assert_true(opts_parse_rate("1G", &v) && v == 1 << 30);
    assert_true(opts_parse_rate("18014398509481983K", &v) && v == 18014398509481983u * 1024);
    assert_false(opts_parse_rate("18014398509481984K", &v));
    assert_false(opts_parse_rate("", &v));
    assert_false(opts_parse_rate("K", &v));
    assert_false(opts_parse_rate(" 1", &v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(source_and_mountpoint_are_enough),
        cmocka_unit_test(each_option_of_the_contract_is_taken),
        cmocka_unit_test(commas_of_a_retention_stay_in_it),
        cmocka_unit_test(an_escaped_comma_belongs_to_the_value),
        cmocka_unit_test(words_of_fstab_are_ignored),
        cmocka_unit_test(flags_of_mount_are_taken_in_any_place),
        cmocka_unit_test(sloppy_passes_over_unknown_options),
        cmocka_unit_test(debug_stays_in_the_foreground),
        cmocka_unit_test(the_last_of_two_wins),
        cmocka_unit_test(wrong_options_are_refused_by_name),
        cmocka_unit_test(wrong_command_lines_are_refused),
        cmocka_unit_test(help_and_version_need_nothing_else),
        cmocka_unit_test(dashes_after_the_double_dash_are_paths),
        cmocka_unit_test(rates_are_powers_of_1024),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
