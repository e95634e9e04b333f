#include "base/fields.h"
#include "eseutil.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void common_option(const struct command *cmd, struct common *c, int opt)
{
    if (opt == 'q') {
        c->quiet = true;
        return;
    }
    if (opt == 'h') {
        printf("Usage: eseutil %s %s\n%s.\n\n%s"
               "      --quiet       no progress on the terminal\n"
               "      --help        this text\n",
               cmd->name, cmd->args, cmd->what, cmd->help);
        exit(fflush(stdout) == 0 ? EXIT_DONE : EXIT_CANNOT);
    }
    exit(usage_error(cmd, NULL)); /* getopt has said what is wrong */
}

int usage_error(const struct command *cmd, const char *fmt, ...)
{
    va_list ap;

    if (fmt) {
        fprintf(stderr, "eseutil %s: ", cmd->name);
        va_start(ap, fmt);
        vfprintf(stderr, fmt, ap);
        va_end(ap);
        fputc('\n', stderr);
    }
    fprintf(stderr, "Usage: eseutil %s %s\n", cmd->name, cmd->args);
    return EXIT_USAGE;
}

/* The owner of an instance holds LOCK_EX on its log directory. A database may lie elsewhere, so this
 * only ever says that an owner was seen, never that there is none. */
static void note_owner(const char *path, bool is_dir)
{
    char *dir = strdup(path), *slash;
    int fd;

    if (!dir)
        return;
    slash = is_dir ? NULL : strrchr(dir, '/');
    if (slash == dir)
        slash++;
    if (slash)
        *slash = '\0';
    fd = open(slash || is_dir ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(dir);
    if (fd < 0)
        return;
    if (flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        fprintf(stderr, "eseutil: %s: its instance is running; what is read may change meanwhile\n",
                path);
    close(fd);
}

static int open_with(const char *path, bool dir)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (dir ? O_DIRECTORY : 0));

    if (fd < 0) {
        fprintf(stderr, "eseutil: %s: %s\n", path, strerror(errno));
        return -1;
    }
    if (fstat(fd, &st) < 0 || (!dir && !S_ISREG(st.st_mode))) {
        fprintf(stderr, "eseutil: %s: not a regular file\n", path);
        close(fd);
        return -1;
    }
    note_owner(path, dir);
    return fd;
}

int open_input(const char *path)
{
    return open_with(path, false);
}
int open_input_dir(const char *path)
{
    return open_with(path, true);
}

int input_dirs_add(struct input_dirs *d, const char *path)
{
    int *more = realloc(d->fds, (d->nr + 1) * sizeof(*more));

    if (!more) {
        fprintf(stderr, "eseutil: out of memory\n");
        return EXIT_CANNOT;
    }
    d->fds = more;
    more[d->nr] = open_input_dir(path);
    if (more[d->nr] < 0)
        return EXIT_CANNOT;
    d->nr++;
    return EXIT_DONE;
}

void input_dirs_done(struct input_dirs *d)
{
    for (unsigned i = 0; i < d->nr; i++)
        close(d->fds[i]);
    free(d->fds);
}

int exit_of(JET_ERR err)
{
    switch (err) {
    case JET_errBackupDirectoryNotEmpty:
    case JET_errMakeBackupDirectoryFail:
    case JET_errDeleteBackupFileFail:
    case JET_errMissingFullBackup:
    case JET_errMissingFileToBackup:
    case JET_errFileNotFound:
    case JET_errFileAccessDenied:
    case JET_errFileAlreadyExists:
    case JET_errDatabaseDuplicate:
    case JET_errDatabaseSharingViolation:
    case JET_errDatabaseInUse:
    case JET_errInvalidPath:
    case JET_errFileInvalidType:
    case JET_errInvalidDatabaseVersion:
    case JET_errBadLogVersion:
    case JET_errOutOfMemory:
    case JET_errOutOfThreads:
    case JET_errOutOfFileHandles:
    case JET_errDiskFull:
    case JET_errDiskIO:
    case JET_errObjectNotFound:
    case JET_errInvalidParameter:
    case JET_errFeatureNotAvailable:
    case JET_errCallbackNotResolved: /* default values that a program computes */
        return EXIT_CANNOT;
    default:
        return err < 0 ? EXIT_DAMAGED : EXIT_DONE;
    }
}

int say_error(const char *path, JET_ERR err)
{
    fprintf(stderr, "eseutil: %s: %s (%d): %s\n", path, ese_err_name(err), (int)err,
            ese_err_text(err));
    return exit_of(err);
}

int parse_lgpos(const char *s, uint64_t *ret)
{
    unsigned long part[3] = {0};
    char *end;

    for (int i = 0; i < 3; i++) {
        part[i] = strtoul(s, &end, 16);
        if (end == s || part[i] > (i ? 0xffffu : 0x7fffffffu))
            return -1;
        if (*end == '\0') {
            *ret = (uint64_t)part[0] << 32 | (uint64_t)part[1] << 16 | part[2];
            return 0;
        }
        if (*end != ':')
            return -1;
        s = end + 1;
    }
    return -1;
}

static volatile int stop; /* a signal wants it */

static void interrupted(int sig)
{
    (void)sig;
    stop = 1;
}

const volatile int *stop_on_signal(void)
{
    signal(SIGINT, interrupted);
    signal(SIGTERM, interrupted);
    return &stop;
}

static void report_json(const struct ese_fault *f)
{
    static const char *const severity[] = {"fault", "corrected", "note"};

    printf("{\"severity\":\"%s\",\"file\":", severity[f->severity]);
    json_string(stdout, f->file, strlen(f->file));
    if (f->err)
        printf(",\"error\":\"%s\",\"number\":%d", ese_err_name(f->err), (int)f->err);
    if (f->event)
        printf(",\"event\":%" PRIu32, f->event);
    if (f->pgno)
        printf(",\"page\":%" PRIu32, f->pgno);
    if (f->offset != ESE_NO_OFFSET)
        printf(",\"offset\":%" PRIu64, f->offset);
    fputs(",\"text\":", stdout);
    json_string(stdout, f->text, strlen(f->text));
    puts("}");
}

void verdict_report(void *ctx, const struct ese_fault *f)
{
    struct verdict *v = ctx;
    char line[640];

    if (f->severity == ESE_FAULT && exit_of(f->err) == EXIT_CANNOT)
        v->cannot++;
    else if (f->severity == ESE_FAULT)
        v->faults++;
    else if (f->severity == ESE_CORRECTED)
        v->corrected++;
    if (v->json) {
        report_json(f);
        return;
    }
    ese_fault_str(f, line, sizeof(line));
    fprintf(stderr, "eseutil: %s\n", line);
}

int verdict_exit(struct verdict *v, const char *path, JET_ERR err)
{
    if (v->faults)
        return EXIT_DAMAGED;
    if (v->cannot)
        return EXIT_CANNOT;
    if (err < 0)
        return say_error(path, err);
    return v->corrected ? EXIT_DAMAGED : EXIT_DONE; /* the file still has the wrong bit */
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void bar_begin(struct bar *b, const struct common *c, const char *label, uint64_t total)
{
    *b = (struct bar){.label = label, .total = total, .on = !c->quiet && isatty(STDERR_FILENO)};
    b->started_ns = now_ns();
}

void bar_hide(struct bar *b)
{
    if (b->shown)
        fputs("\r\033[K", stderr);
    b->shown = false;
}

void bar_progress(void *bar, uint64_t done, uint64_t total)
{
    struct bar *b = bar;
    uint64_t now;

    if (!b->on)
        return;
    now = now_ns();
    if (now - b->started_ns < 1000000000u || now - b->last_ns < 200000000u)
        return;
    b->last_ns = now;
    b->shown = true;
    if (b->total) { /* a share of something larger */
        done += b->base;
        total = b->total;
    }
    fprintf(stderr, "\r\033[K%s %3u%%", b->label, total ? (unsigned)(done * 100 / total) : 100);
    fflush(stderr);
}

void bar_end(struct bar *b)
{
    bar_hide(b);
    b->on = false;
}

/* ---- one long call ----------------------------------------------------------------------------- */

void job_report(void *job, const struct ese_fault *f)
{
    struct job *j = job;

    bar_hide(&j->bar);
    verdict_report(&j->verdict, f);
}

int job_end(struct job *j, const char *path, JET_ERR err, const char *left, const char *where)
{
    int status;

    if (err == JET_errClientRequestToStopJetService) {
        fprintf(stderr, "eseutil: %s: interrupted; %s%s\n", path, left, where);
        return EXIT_INTERRUPTED;
    }
    if (err >= 0)
        return EXIT_DONE;
    status = verdict_exit(&j->verdict, path, err);
    return status == EXIT_DONE ? exit_of(err) : status;
}
