/*
 * mount.esefs: from the command line to a mount that is usable when the command returns, and back.
 *
 * Two processes: the one that was called waits at a pipe and passes the exit status on; its child opens
 * the store, mounts, serves, and lets the terminal go when the kernel's first request has been
 * answered. Everything that makes threads happens in the child.
 *
 * The end, in this order, for reasons: jobs are told to stop and reply while requests are still served;
 * the thread of notices ends (it may wait for a lock whose holder waits for us); no notice is sent any
 * more; only then the connection is closed, as its descriptor's number may be given to another file at
 * once; then snapshot cancels what runs in the background.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine.h"
#include "fs.h"
#include "invalidate.h"
#include "job.h"
#include "mountpoint.h"
#include "passthrough.h"
#include "say.h"
#include "serve.h"

enum { EXIT_USAGE = 1, EXIT_MOUNT = 32 }; /* as mount(8) defines them */

static int ready_pipe = -1; /* -1: foreground */

/* The mount is usable: the child leaves the terminal, its parent returns 0. */
static void let_go(void)
{
    int null;

    if (ready_pipe < 0)
        return;
    (void)setsid();
    null = open("/dev/null", O_RDWR);
    if (null >= 0) {
        say_to_syslog();
        for (int fd = 0; fd <= 2; fd++)
            (void)dup2(null, fd);
        if (null > 2)
            (void)close(null);
    }
    if (write(ready_pipe, "", 1) == 1)
        (void)close(ready_pipe);
    ready_pipe = -1;
}

/* The parent: 0 once the child says so, else the child's exit status. */
static int wait_for_child(pid_t pid, int fd)
{
    char byte;
    ssize_t n;
    int status;

    while ((n = read(fd, &byte, 1)) < 0 && errno == EINTR)
        ;
    if (n == 1)
        return EXIT_SUCCESS;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return EXIT_MOUNT;
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
        return WEXITSTATUS(status);
    if (WIFSIGNALED(status))
        say("ended by signal %d before the mount was usable", WTERMSIG(status));
    return EXIT_MOUNT;
}

static int run_detached(const struct options *o, const struct places *p)
{
    int fds[2];
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
        say("cannot detach: %s", strerror(errno));
        return EXIT_MOUNT;
    }
    if (pid > 0) {
        (void)close(fds[1]);
        return wait_for_child(pid, fds[0]);
    }
    (void)close(fds[0]);
    ready_pipe = fds[1];
    if (chdir("/") < 0)
        say_warning("/: %s", strerror(errno));
    return serve(o, p, let_go) ? EXIT_SUCCESS : EXIT_MOUNT;
}

/* Every open file of a backup is a descriptor here. */
static void raise_limits(void)
{
    struct rlimit r;

    if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
        r.rlim_cur = r.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &r);
    }
}

static int mount_it(const struct options *o)
{
    struct places p;
    int status = EXIT_MOUNT;

    if (places_resolve(o, &p)) {
        warn_of_request_timeout();
        raise_limits();
        (void)umask(077);
        (void)signal(SIGPIPE, SIG_IGN);
        if (o->foreground)
            status = serve(o, &p, let_go) ? EXIT_SUCCESS : EXIT_MOUNT;
        else
            status = run_detached(o, &p);
    }
    places_done(&p);
    return status;
}

int main(int argc, char *argv[])
{
    struct options o;
    char message[512];
    int status = EXIT_SUCCESS;

    switch (opts_parse(argc, argv, &o, message, sizeof(message))) {
    case OPTS_HELP:
        (void)fputs(opts_help(), stdout);
        break;
    case OPTS_VERSION:
        printf("mount.esefs (%s), libfuse %s\n", ese_version(), fuse_pkgversion());
        break;
    case OPTS_USAGE:
        say("%s", message);
        status = EXIT_USAGE;
        break;
    case OPTS_MOUNT:
        status = mount_it(&o);
        break;
    }
    opts_done(&o);
    return status;
}
