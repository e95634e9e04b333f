/*
 * eseutil backup INSTANCE DEST: an instance that nobody runs is started (recovered, if need be), its databases are attached,
 * backed up, and shut down again.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "eseutil.h"

static volatile sig_atomic_t stop;

static void interrupted(int sig)
{
    (void)sig;
    stop = 1;
}

struct run {
    struct common common;
    struct verdict verdict;
    struct bar bar;
    const struct ese_instance *files;
    const char *path;
    JET_INSTANCE inst;
    JET_SESID ses;
    bool running;
    uint64_t bytes;
    unsigned nr_databases;
};

/* Notes are steps of the backup; findings count. */
static void on_event(void *ctx, const char *instance, const struct ese_fault *f)
{
    struct run *r = ctx;

    (void)instance;
    if (f->severity == ESE_NOTE)
        return;
    bar_hide(&r->bar);
    verdict_report(&r->verdict, f);
}

static void on_progress(void *ctx, uint64_t done, uint64_t total)
{
    struct run *r = ctx;

    r->bytes = done;
    if (stop)
        (void)JetStopBackupInstance(r->inst);
    bar_progress(&r->bar, done, total);
}

/* ---- which instance ----------------------------------------------------------------------------- */

static const struct ese_file *find(const struct run *r, enum ese_kind kind)
{
    for (unsigned i = 0; i < r->files->nr_files; i++)
        if (r->files->files[i].kind == kind && r->files->files[i].header_ok)
            return &r->files->files[i];
    return NULL;
}

/* The directory that a file of the instance lies in; NULL: the instance's own. On the heap. */
static char *dir_of(const struct run *r, const struct ese_file *f)
{
    const char *slash = f ? strrchr(f->path, '/') : NULL;
    char *dir;

    if (asprintf(&dir, "%s/%.*s", r->path, slash ? (int)(slash - f->path) : 0,
                 slash ? f->path : "") < 0)
        return NULL;
    return dir;
}

static JET_ERR set(struct run *r, uint32_t id, JET_API_PTR n, const char *text)
{
    return JetSetSystemParameter(r->inst ? &r->inst : NULL, 0, id, n, text);
}

static JET_ERR set_dir(struct run *r, uint32_t id, const struct ese_file *f)
{
    char *dir = dir_of(r, f);
    const JET_ERR err = dir ? set(r, id, 0, dir) : JET_errOutOfMemory;

    free(dir);
    return err;
}

static JET_ERR set_up(struct run *r)
{
    const struct ese_file *db = find(r, ESE_KIND_DATABASE), *log = find(r, ESE_KIND_LOG),
                          *chk = find(r, ESE_KIND_CHECKPOINT);
    JET_ERR err = set(r, JET_paramDatabasePageSize, db->header.db.page_size, NULL);

    if (err >= 0)
        err = JetCreateInstance2(&r->inst, "eseutil", NULL, 0);
    if (err >= 0)
        err = set_dir(r, JET_paramLogFilePath, log);
    if (err >= 0)
        err = set_dir(r, JET_paramSystemPath, chk ? chk : log);
    if (err >= 0)
        err = set_dir(r, JET_paramAlternateDatabaseRecoveryPath, db);
    if (err >= 0 && log) {
        const struct ese_log_info *info = &log->header.log;
        err = set(r, JET_paramBaseName, 0, r->files->base);
        if (err >= 0)
            err = set(r, JET_paramLogFileSize, info->nr_segments * info->segment_size / 1024, NULL);
    }
    return err;
}

static JET_ERR attach_all(struct run *r)
{
    JET_ERR err = JET_errSuccess;

    for (unsigned i = 0; i < r->files->nr_files && err >= 0; i++) {
        const struct ese_file *f = &r->files->files[i];
        char *path;

        if (f->kind != ESE_KIND_DATABASE)
            continue;
        if (asprintf(&path, "%s/%s", r->path, f->path) < 0)
            return JET_errOutOfMemory;
        err = JetAttachDatabase(r->ses, path, 0);
        if (err < 0)
            (void)say_error(path, err);
        r->nr_databases++;
        free(path);
    }
    return err;
}

static JET_ERR start(struct run *r)
{
    JET_ERR err = set_up(r);

    if (err >= 0)
        err = JetInit(&r->inst);
    if (err < 0) {
        if (err == JET_errFileAccessDenied)
            fprintf(stderr,
                    "eseutil: %s: a program runs this instance; only that program can back "
                    "it up (JetBackupInstance)\n",
                    r->path);
        r->inst = 0;
        return err;
    }
    r->running = true;
    err = JetBeginSession(r->inst, &r->ses, NULL, NULL);
    return err < 0 ? err : attach_all(r);
}

/* ---- the backup --------------------------------------------------------------------------------- */

static int status_of(struct run *r, const char *path, JET_ERR err)
{
    if (err == JET_errBackupAbortByServer && stop) {
        fprintf(stderr, "eseutil: %s: interrupted, nothing of the backup is left\n", path);
        return EXIT_INTERRUPTED;
    }
    if (err >= 0)
        return r->verdict.corrected ? EXIT_DAMAGED : EXIT_DONE;
    (void)say_error(path, err);
    return r->verdict.faults && exit_of(err) == EXIT_DONE ? EXIT_DAMAGED : exit_of(err);
}

static int back_up(struct run *r, const char *dest, const struct ese_backup_opts *opts)
{
    JET_ERR err = start(r), err2 = JET_errSuccess;
    int status;

    if (err < 0) {
        status = status_of(r, r->path, err);
    } else {
        bar_begin(&r->bar, &r->common, dest, 0);
        err = ese_backup(r->inst, dest, opts, on_progress, r);
        bar_end(&r->bar);
        status = status_of(r, dest, err);
    }
    if (r->running)
        err2 = JetTerm2(r->inst, JET_bitTermComplete);
    if (err2 < 0 && status == EXIT_DONE)
        status = say_error(r->path, err2);
    if (err >= 0)
        printf("%s: %u databases, %" PRIu64 " bytes\n", dest, r->nr_databases, r->bytes);
    return status;
}

static int with_files(struct run *r, const char *dest, const struct ese_backup_opts *opts)
{
    struct ese_instance *list = NULL;
    unsigned nr = 0;
    int status, fd = open_input_dir(r->path);
    JET_ERR err;

    if (fd < 0)
        return EXIT_CANNOT;
    err = ese_discover_dir(fd, ".", "", NULL, ESE_INSTANCE_LEVELS, &list, &nr);
    close(fd);
    r->files = nr ? &list[0] : NULL;
    if (err < 0) {
        status = say_error(r->path, err);
    } else if (nr != 1 || !find(r, ESE_KIND_DATABASE)) {
        fprintf(stderr, "eseutil: %s: %s\n", r->path,
                nr > 1 ? "there are several instances in it" : "there is no database in it");
        status = EXIT_CANNOT;
    } else {
        status = back_up(r, dest, opts);
    }
    ese_instances_free(list, nr);
    return status;
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {{"atomic", no_argument, NULL, 'a'},
                                            {"incremental", no_argument, NULL, 'i'},
                                            {"copy", no_argument, NULL, 'c'},
                                            COMMON_OPTIONS};
    const struct sigaction sa = {.sa_handler = interrupted};
    struct ese_backup_opts opts = {0};
    struct run r = {0};
    int opt;

    while ((opt = getopt_long(argc, argv, "hq", options, NULL)) != -1) {
        if (opt == 'a')
            opts.atomic = true;
        else if (opt == 'i')
            opts.incremental = true;
        else if (opt == 'c')
            opts.copy = true;
        else
            common_option(&command_backup, &r.common, opt);
    }
    if (argc != optind + 2)
        return usage_error(&command_backup, "INSTANCE and DEST are wanted");
    if (opts.copy && opts.incremental)
        return usage_error(&command_backup, "a copy is a whole one, not --incremental");
    r.path = argv[optind];
    (void)sigaction(SIGINT, &sa, NULL);
    (void)sigaction(SIGTERM, &sa, NULL);
    ese_set_event_sink(on_event, &r);
    return with_files(&r, argv[optind + 1], &opts);
}

const struct command command_backup = {
    "backup", run, "[--atomic] [--incremental] [--copy] INSTANCE DEST",
    "Backs up an instance that nobody runs",
    "      --atomic        into DEST/new; the backup before stays until this one is whole\n"
    "      --incremental   the logs since the last backup, into the directory that holds it, or "
    "into\n"
    "                      an empty one\n"
    "      --copy          leaves the instance's marks and logs as they are\n"};
