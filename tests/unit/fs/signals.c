/* Which signals of a waiting caller count. */
#include "signals.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "testutil.h"

static uint64_t bit(int sig)
{
    return UINT64_C(1) << (sig - 1);
}

static void masks_are_read_from_the_text(void **state)
{
    struct signals s;

    (void)state;
    assert_true(signals_parse("Name:\tcat\nGroups:\t0 1 2\nSigQ:\t0/96\n"
                              "SigPnd:\t0000000000000002\nShdPnd:\t0000000000004000\n"
                              "SigBlk:\t8000000000000000\nSigIgn:\t0000000000000004\n"
                              "SigCgt:\t0000000180014a07\nCapInh:\t0000000000000000\n",
                              &s));
    assert_true(s.pending == 0x4002);
    assert_true(s.blocked == UINT64_C(1) << 63);
    assert_true(s.ignored == 4);
    assert_true(s.caught == 0x180014a07);
}

static void a_text_without_the_lines_is_refused(void **state)
{
    struct signals s;

    (void)state;
    assert_false(signals_parse("", &s));
    assert_false(signals_parse("SigPnd:\t0\nShdPnd:\t0\nSigBlk:\t0\nSigIgn:\t0\n", &s));
    assert_false(signals_parse("SigPnd:\t\nShdPnd:\t0\nSigBlk:\t0\nSigIgn:\t0\nSigCgt:\t0\n", &s));
    assert_false(
        signals_parse("SigPnd:\tzz\nShdPnd:\t0\nSigBlk:\t0\nSigIgn:\t0\nSigCgt:\t0\n", &s));
}

/* A process may be called anything. */
static void a_name_that_looks_like_a_line_is_passed_over(void **state)
{
    struct signals s;

    (void)state;
    assert_true(signals_parse("Name:\tSigPnd: 2\nSigPnd:\t0000000000000000\nShdPnd:\t0\n"
                              "SigBlk:\t0\nSigIgn:\t0\nSigCgt:\t0\n",
                              &s));
    assert_true(s.pending == 0);
}

static void the_ending_signals_end_caught_or_not(void **state)
{
    static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGKILL};

    (void)state;
    for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
        struct signals plain = {.pending = bit(ending[i])};
        struct signals caught = {.pending = bit(ending[i]), .caught = bit(ending[i])};

        assert_true(signals_end_caller(&plain));
        assert_true(signals_end_caller(&caught));
        assert_true(signals_interrupt_wait(&caught));
    }
}

static void other_signals_end_only_who_does_not_catch_them(void **state)
{
    static const int others[] = {SIGALRM, SIGUSR1, SIGUSR2, SIGPIPE, SIGVTALRM, 40};
    static const int harmless[] = {SIGWINCH, SIGCHLD, SIGURG, SIGCONT, SIGTSTP};

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct signals caught = {.pending = bit(others[i]), .caught = bit(others[i])};
        struct signals plain = {.pending = bit(others[i])};

        assert_false(signals_end_caller(&caught));
        assert_true(signals_end_caller(&plain));
    }
    for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
        struct signals caught = {.pending = bit(harmless[i]), .caught = bit(harmless[i])};
        struct signals plain = {.pending = bit(harmless[i])};

        assert_false(signals_end_caller(&caught));
        assert_false(signals_end_caller(&plain));
    }
}

static void one_harmless_signal_does_not_hide_an_ending_one(void **state)
{
    struct signals s = {.pending = bit(SIGWINCH) | bit(SIGINT), .caught = bit(SIGWINCH)};

    (void)state;
    assert_true(signals_end_caller(&s));
}

static void blocked_and_ignored_signals_do_not_arrive(void **state)
{
    struct signals blocked = {.pending = bit(SIGTERM), .blocked = bit(SIGTERM)};
    struct signals ignored = {.pending = bit(SIGINT), .ignored = bit(SIGINT)};

    (void)state;
    assert_false(signals_end_caller(&blocked));
    assert_false(signals_end_caller(&ignored));
    assert_false(signals_interrupt_wait(&blocked));
}

static void a_wait_ends_with_an_alarm_but_not_with_a_resized_window(void **state)
{
    struct signals alarm = {.pending = bit(SIGALRM), .caught = bit(SIGALRM)};
    struct signals winch = {.pending = bit(SIGWINCH), .caught = bit(SIGWINCH)};
    struct signals child = {.pending = bit(SIGCHLD), .caught = bit(SIGCHLD)};

    (void)state;
    assert_true(signals_interrupt_wait(&alarm));
    assert_false(signals_interrupt_wait(&winch));
    assert_false(signals_interrupt_wait(&child));
}

static void the_kernel_s_own_file_is_understood(void **state)
{
    struct signals s;
    sigset_t set, old;

    (void)state;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    assert_int_equal(sigprocmask(SIG_BLOCK, &set, &old), 0);
    assert_int_equal(kill(getpid(), SIGUSR2), 0);
    assert_true(signals_read((pid_t)syscall(SYS_gettid), &s));
    assert_true((s.pending & bit(SIGUSR2)) != 0);
    assert_true((s.blocked & bit(SIGUSR2)) != 0);
    signal(SIGUSR2, SIG_IGN); /* drops the pending one */
    sigprocmask(SIG_SETMASK, &old, NULL);
    assert_true(signals_read((pid_t)syscall(SYS_gettid), &s));
    assert_true((s.pending & bit(SIGUSR2)) == 0);
    assert_true((s.ignored & bit(SIGUSR2)) != 0);
}

static void a_process_that_is_not_there_cannot_be_read(void **state)
{
    struct signals s;
    pid_t pid = fork();

    (void)state;
    if (pid == 0)
        _exit(0);
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_false(signals_read(pid, &s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks_are_read_from_the_text),
        cmocka_unit_test(a_text_without_the_lines_is_refused),
        cmocka_unit_test(a_name_that_looks_like_a_line_is_passed_over),
        cmocka_unit_test(the_ending_signals_end_caught_or_not),
        cmocka_unit_test(other_signals_end_only_who_does_not_catch_them),
        cmocka_unit_test(one_harmless_signal_does_not_hide_an_ending_one),
        cmocka_unit_test(blocked_and_ignored_signals_do_not_arrive),
        cmocka_unit_test(a_wait_ends_with_an_alarm_but_not_with_a_resized_window),
        cmocka_unit_test(the_kernel_s_own_file_is_understood),
        cmocka_unit_test(a_process_that_is_not_there_cannot_be_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
