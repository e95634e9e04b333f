/* What the commands of eseutil share: options, exit statuses, how faults and progress are shown. */
#ifndef ESEUTIL_H
#define ESEUTIL_H

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include "engine.h"

enum exit_status {
    EXIT_DONE = 0,
    EXIT_USAGE = 1,
    EXIT_DAMAGED = 2,
    EXIT_CANNOT = 3,
    EXIT_INTERRUPTED = 4,
};

struct command {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns an exit status */
    const char *args;                  /* after the name, in the usage line */
    const char *what;                  /* one line */
    const char *help;                  /* the options, for --help */
};
extern const struct command command_header, command_log, command_verify, command_integrity,
    command_tables, command_space, command_dump, command_recover, command_create, command_load,
    command_compact, command_backup, command_restore, command_prove;

/* Options that every command has; a command appends them to its own. */
#define COMMON_OPTIONS                                                   \
    {"help", no_argument, NULL, 'h'}, {"quiet", no_argument, NULL, 'q'}, \
    {                                                                    \
        0                                                                \
    }
struct common {
    bool quiet; /* no progress */
    bool json;
};
/* --help prints and exits 0; --quiet is noted; anything else prints the usage and exits 1. */
void common_option(const struct command *cmd, struct common *c, int opt);
int usage_error(const struct command *cmd, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* GEN[:ISEC[:IB]] in hex, as every message prints it. 0, or -1: it is none. */
int parse_lgpos(const char *s, uint64_t *ret);
/* SIGINT and SIGTERM set what is returned, and nothing else. */
const volatile int *stop_on_signal(void);

/* Opens a file the user named. Says why not. Also says so when a running instance owns it. -1: no. */
int open_input(const char *path);
/* A directory likewise. */
int open_input_dir(const char *path);
/* Those that the user named one after the other. */
struct input_dirs {
    int *fds;
    unsigned nr;
};
/* An exit status: EXIT_DONE, or why not, which was said. */
int input_dirs_add(struct input_dirs *d, const char *path);
void input_dirs_done(struct input_dirs *d);
/* Prints "eseutil: PATH: JET_err... (n): text" and returns the exit status for it. */
int say_error(const char *path, JET_ERR err);
/* 2 where the input is damaged, 3 where it cannot be done here. */
int exit_of(JET_ERR err);

/* A fault sink that prints to stderr and remembers what kind of trouble there was. */
struct verdict {
    bool json; /* print them as JSON lines on stdout instead */
    uint64_t faults, corrected, cannot;
};
void verdict_report(void *ctx, const struct ese_fault *f);
/* err: what the call returned. Every error was reported or is said now. */
int verdict_exit(struct verdict *v, const char *path, JET_ERR err);

/* A progress bar on a terminal's stderr, after the first second. */
struct bar {
    const char *label;
    bool on, shown;
    uint64_t started_ns, last_ns, base, total;
};
void bar_begin(struct bar *b, const struct common *c, const char *label, uint64_t total);
void bar_progress(void *bar, uint64_t done, uint64_t total); /* an ese_progress_fn */
void bar_end(struct bar *b);
/* Hides the bar so that a line can be printed. */
void bar_hide(struct bar *b);

/* A command that is one long call of engine.h: recover, restore, prove. */
struct job {
    struct common common;
    struct verdict verdict;
    struct bar bar;
};
void job_report(void *job, const struct ese_fault *f); /* its fault sink */
/* It has ended with err, and its result is printed: says what nobody has said yet, returns the exit status. left, where: what an
 * interruption leaves, in one clause; where may be "". */
int job_end(struct job *j, const char *path, JET_ERR err, const char *left, const char *where);

/* What a recovery did, as lines or fields of JSON. dry: it would have. */
struct fields;
void recovery_print(const struct ese_recovery *rec, bool dry);
void recovery_fields(struct fields *f, const struct ese_recovery *rec, bool dry);

#endif
