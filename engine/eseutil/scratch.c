#include "scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CACHE_MIB 64u

static volatile sig_atomic_t stop;

static void interrupted(int sig)
{
    (void)sig;
    stop = 1;
}

/* Without SA_RESTART: a read of a terminal or pipe ends too. */
static void catch_signals(void)
{
    const struct sigaction sa = {.sa_handler = interrupted};

    (void)sigaction(SIGINT, &sa, NULL);
    (void)sigaction(SIGTERM, &sa, NULL);
}

bool scratch_interrupted(void)
{
    return stop;
}

int scratch_refused(const char *path, JET_ERR err)
{
    const int status = say_error(path, err);

    return err == JET_errDatabaseDirtyShutdown ? EXIT_CANNOT : status;
}

int scratch_failed(const struct scratch *s, const char *doing, JET_ERR err)
{
    fprintf(stderr, "eseutil: %s: %s: ", s->path, doing);
    return scratch_refused(s->path, err);
}

static void event(void *ctx, const char *instance, const struct ese_fault *f)
{
    char text[768];

    (void)ctx, (void)instance;
    if (f->severity != ESE_FAULT)
        return;
    ese_fault_str(f, text, sizeof(text));
    fprintf(stderr, "eseutil: %s\n", text);
}

static JET_ERR set(JET_INSTANCE *inst, uint32_t id, JET_API_PTR n, const char *text)
{
    return JetSetSystemParameter(inst, 0, id, n, text);
}

static JET_ERR start(struct scratch *s, uint32_t page_size, uint32_t efv)
{
    JET_ERR err = set(NULL, JET_paramDatabasePageSize, page_size, NULL);

    if (err >= 0)
        err = JetCreateInstance2(&s->inst, "eseutil", NULL, 0);
    if (err < 0)
        return err;
    if ((err = set(&s->inst, JET_paramLogFilePath, 0, s->dir)) < 0 ||
        (err = set(&s->inst, JET_paramSystemPath, 0, s->dir)) < 0 ||
        (err = set(&s->inst, JET_paramCircularLog, 1, NULL)) < 0 ||
        (err = set(&s->inst, JET_paramMaxVerPages, 2048, NULL)) < 0 ||
        (err = set(&s->inst, JET_paramCacheSizeMax, CACHE_MIB * 1048576u / page_size, NULL)) < 0 ||
        (efv && (err = set(&s->inst, JET_paramEngineFormatVersion, efv, NULL)) < 0))
        return err;
    err = JetInit(&s->inst);
    if (err < 0) {
        s->inst = 0;
        return err;
    }
    s->running = true;
    return JetBeginSession(s->inst, &s->ses, NULL, NULL);
}

int scratch_begin(struct scratch *s, const char *path, uint32_t page_size, uint32_t efv)
{
    JET_ERR err = JET_errSuccess;

    memset(s, 0, sizeof(*s));
    s->path = path;
    catch_signals();
    ese_set_event_sink(event, NULL);
    if (!page_size)
        err = JetGetDatabaseFileInfo(path, &page_size, sizeof(page_size), JET_DbInfoPageSize);
    if (err < 0)
        return say_error(path, err);
    if (asprintf(&s->dir, "%s.eseutil", path) < 0)
        return say_error(path, JET_errOutOfMemory);
    if (mkdir(s->dir, 0777) < 0) {
        fprintf(stderr, "eseutil: %s: %s%s\n", s->dir, strerror(errno),
                errno == EEXIST
                    ? ": another eseutil is at work, or was killed; `eseutil recover` on the "
                      "directory of the database brings it in order, then remove it"
                    : "");
        return EXIT_CANNOT;
    }
    s->made = true;
    err = start(s, page_size, efv);
    return err < 0 ? scratch_refused(path, err) : EXIT_DONE;
}

static void remove_logs(struct scratch *s)
{
    DIR *dp = opendir(s->dir);
    struct dirent *e;

    while (dp && (e = readdir(dp)))
        (void)unlinkat(dirfd(dp), e->d_name, 0);
    if (dp)
        closedir(dp);
    (void)rmdir(s->dir);
}

/* Also in the middle of a transaction: JetTerm refuses while one is open. */
static JET_ERR end_instance(struct scratch *s, JET_GRBIT grbit)
{
    JET_ERR err = JET_errSuccess;

    if (s->running) {
        (void)JetRollback(s->ses, JET_bitRollbackAll);
        err = JetTerm2(s->inst, grbit);
    } else if (s->inst) {
        (void)JetTerm(s->inst);
    }
    return err;
}

int scratch_end(struct scratch *s, int status)
{
    const JET_ERR err = end_instance(s, JET_bitTermComplete);

    if (err < 0)
        status = scratch_failed(s, "closing the database", err);
    else if (s->made)
        remove_logs(s);
    free(s->dir);
    return status;
}

int scratch_abandon(struct scratch *s, int status)
{
    (void)end_instance(s, JET_bitTermAbrupt);
    if (s->made) {
        remove_logs(s);
        (void)unlink(s->path);
    }
    free(s->dir);
    return status;
}
