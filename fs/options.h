/*
 * The command line of mount.esefs: the table of options of the contract, and the words that mount(8)
 * and fstab put beside them. Parses and checks values; looks at no file and no directory.
 */
#ifndef FS_OPTIONS_H
#define FS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum opts_act {
    OPTS_MOUNT,
    OPTS_HELP,
    OPTS_VERSION,
    OPTS_USAGE, /* wrong: the message says what; exit status 1 */
};

struct options {
    char *source, *mountpoint; /* as given */
    char *store;               /* NULL: SOURCE/.esefs */
    char *keep;                /* retention SPEC or NULL */
    uint64_t rate;             /* bytes per second; 0: no limit */
    unsigned threads;          /* 0: number of processors */
    bool ro;
    bool keep_logs; /* logs=keep: matters for backups that truncate, which a copy never does */
    bool uid_set, gid_set, umask_set;
    uid_t uid;
    gid_t gid;
    mode_t umask;
    bool allow_other;
    bool foreground, debug, verbose;
    bool noexec, noatime, sync, dirsync; /* flags of the mount that the kernel keeps */
};

/* Fills *ret, which opts_done() frees whatever is returned. *ret untouched strings are NULL. message
 * (for OPTS_USAGE) names the option and the reason. */
enum opts_act opts_parse(int argc, char *const argv[], struct options *ret, char *message,
                         size_t message_len);
void opts_done(struct options *o);

const char *opts_help(void);

/* "200K" -> 204800. False: not a number, zero, trailing rubbish or more than 64 bits hold. */
bool opts_parse_rate(const char *text, uint64_t *ret);

#endif
