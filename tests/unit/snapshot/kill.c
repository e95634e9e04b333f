/*
 * The law of the commit point, tested by killing: a process that takes, renames and removes backups is
 * killed at a random moment; what it had acknowledged is there, what it had not is whole or absent, and
 * nothing else is left in the store.
 */
#include "fixture.h"

#include <signal.h>

#define ROUNDS 40

/* Tells the parent by a byte on the pipe that something is acknowledged: the number of the backup, with
 * 0x80 when it was removed again. */
static void child(const struct snap_opts *opts, int pipe_fd, unsigned round)
{
    struct ese_fault why;
    struct snap *s;
    struct snap_inst *i;

    if (snap_open(opts, &s, &why) < 0 || !(i = snap_inst_find(s, "mail")))
        _exit(1);
    for (unsigned n = 0; n < 100; n++) {
        uint8_t told = (uint8_t)n;
        char name[32];
        snprintf(name, sizeof(name), "r%u-%u", round, n);
        if (snap_take(i, name, NULL, NULL, &why) < 0)
            _exit(2);
        if (write(pipe_fd, &told, 1) != 1)
            _exit(3);
        if (n % 3 != 2)
            continue;
        told |= 0x80;
        if (snap_remove(i, name, &why) < 0)
            _exit(4);
        if (write(pipe_fd, &told, 1) != 1)
            _exit(5);
    }
    pause();
}

static void run_and_kill(const struct fix *f, unsigned round, bool acknowledged[128],
                         bool removed[128])
{
    int fds[2], status;
    uint8_t told;
    pid_t pid;

    assert_int_equal(pipe(fds), 0);
    fflush(NULL);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(fds[0]);
        child(&f->opts, fds[1], round);
        _exit(0);
    }
    close(fds[1]);
    usleep((useconds_t)(5000 + rnd() % 250000));
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFSIGNALED(status))
        fail_msg("the child ended by itself: %d", WEXITSTATUS(status));
    while (read(fds[0], &told, 1) == 1) {
        if (told & 0x80)
            removed[told & 0x7f] = true;
        else
            acknowledged[told] = true;
    }
    close(fds[0]);
}

static void check_round(struct fix *f, unsigned round, const bool acknowledged[128],
                        const bool removed[128])
{
    for (unsigned n = 0; n < 100; n++) {
        char name[32];
        snprintf(name, sizeof(name), "r%u-%u", round, n);
        /* a removal that was under way may have happened */
        bool being_removed = acknowledged[n] && n % 3 == 2 && !removed[n];
        if (removed[n] && has_backup(f, name))
            fail_msg("%s was removed and is there again", name);
        if (acknowledged[n] && !removed[n] && !being_removed && !has_backup(f, name))
            fail_msg("%s was acknowledged and is lost", name);
    }
}

static void verify_and_remove_all(struct fix *f)
{
    struct snap_backup **list;
    unsigned nr;

    assert_int_equal(snap_backups(f->i, &list, &nr), 0);
    for (unsigned k = 0; k < nr; k++) {
        char name[256], line[300];
        snap_backup_name(list[k], name);
        if (k < 3) {
            snprintf(line, sizeof(line), "verify %s", name);
            assert_int_equal(snap_command(f->i, line, NULL, NULL, &f->why), 0);
            assert_int_equal(snap_command(f->i, "wait", NULL, NULL, &f->why), 0);
        }
        assert_int_equal(snap_remove(f->i, name, &f->why), 0);
    }
    snap_backups_free(list, nr);
    if (run("test \"$(ls -A %s/mail | xargs)\" = '.events .id'", f->store) != 0) {
        run("find %s", f->store);
        fail_msg("something is left in the store");
    }
}

static void acknowledged_backups_survive_a_kill_and_others_are_whole_or_absent(void **state)
{
    struct fix *f = *state;
    unsigned total = 0, cut = 0;

    rnd_init("kill");
    for (unsigned round = 0; round < ROUNDS; round++) {
        bool acknowledged[128] = {false}, removed[128] = {false};
        run_and_kill(f, round, acknowledged, removed);
        cut += run("find %s -name '.partial-*' -o -name '.trash-*' 2>/dev/null | grep -q .",
                   f->store) == 0;
        fix_open(f);
        assert_no_leftover(f);
        check_round(f, round, acknowledged, removed);
        total += count_backups(f);
        verify_and_remove_all(f);
        fix_close(f);
    }
    print_message("%u backups in %u rounds, %u of them killed in the middle of one\n", total,
                  ROUNDS, cut);
    assert_true(total > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T_CLOSED(acknowledged_backups_survive_a_kill_and_others_are_whole_or_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
