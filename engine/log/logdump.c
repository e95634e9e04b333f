/* ese_log_dump: one log file, or all log streams of a directory. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "log/logname.h"
#include "log/logprint.h"
#include "log/logread.h"
#include "log/logset.h"
#include "os/file.h"

struct dump {
    const struct ese_log_dump_opts *opts;
    FILE *out;
    struct reporter r;
};

static JET_ERR print_records(struct dump *d, struct logread *l)
{
    const uint64_t to = d->opts->to ? d->opts->to : UINT64_MAX;
    struct logrec rec;
    lgpos_t lgpos;
    JET_ERR err;

    while ((err = logread_next(l, &lgpos, &rec)) > 0) {
        if (!d->opts->records || lgpos < d->opts->from || lgpos > to)
            continue;
        err = logprint_record(d->out, d->opts->json, lgpos, &rec);
        if (err < 0)
            return err;
    }
    return err;
}

/* The generation before; info.gen 0: none that could be read. */
struct before {
    struct ese_log_info info; /* without its list of databases */
    const char *name;
};

static void check_sequence(struct dump *d, const struct before *prev, struct logread *l)
{
    const struct logset_file p = {&prev->info, prev->name}, n = {logread_info(l), d->r.file};

    if (prev->info.gen && logset_check_pair(&p, &n, &d->r) < 0)
        return; /* reported; the dump goes on */
}

/* *prev becomes this file. Faults are reported; only errors that end the dump are returned. */
static JET_ERR dump_file(struct dump *d, int fd, const char *name, bool current,
                         struct before *prev)
{
    struct logread *l;
    JET_ERR err;

    d->r.file = name;
    err = logread_open(fd, current, &d->r, &l);
    if (err < 0) {
        prev->info.gen = 0;
        return err == JET_errOutOfMemory ? err : JET_errSuccess;
    }
    logprint_header(d->out, d->opts->json, name, logread_info(l));
    check_sequence(d, prev, l);
    err = print_records(d, l);
    if (err >= 0)
        logprint_end(d->out, d->opts->json, name, logread_info(l));
    *prev = (struct before){*logread_info(l), name};
    prev->info.attach = NULL;
    prev->info.nr_attach = 0;
    logread_close(l);
    return err == JET_errOutOfMemory ? err : JET_errSuccess;
}

struct item {
    char *path;       /* DIRECTORY/name */
    const char *name; /* in it */
    struct logname log;
};

/* By stream, then by generation, the current log last. */
static int compare_items(const void *va, const void *vb)
{
    const struct item *a = va, *b = vb;
    int c = strcasecmp(a->log.base, b->log.base);

    if (c == 0)
        c = (a->log.role == LOGNAME_CURRENT) - (b->log.role == LOGNAME_CURRENT);
    if (c == 0)
        c = (a->log.gen > b->log.gen) - (a->log.gen < b->log.gen);
    return c ? c : strcmp(a->name, b->name);
}

struct item_list {
    struct item *items;
    size_t nr, cap;
};

static void free_items(struct item_list *list)
{
    for (size_t i = 0; i < list->nr; i++)
        free(list->items[i].path);
    free(list->items);
}

static JET_ERR add_item(struct item_list *list, const char *dir, const char *name,
                        const struct logname *log)
{
    char *path = NULL;

    if (list->nr == list->cap) {
        const size_t cap = list->cap ? list->cap * 2 : 16;
        struct item *items = realloc(list->items, cap * sizeof(*items));

        if (!items)
            return RAISE(JET_errOutOfMemory);
        list->items = items;
        list->cap = cap;
    }
    if (asprintf(&path, "%s/%s", dir, name) < 0)
        return RAISE(JET_errOutOfMemory);
    list->items[list->nr++] = (struct item){path, path + strlen(dir) + 1, *log};
    return JET_errSuccess;
}

static JET_ERR list_logs(struct dump *d, int fd, const char *name, struct item_list *list)
{
    struct dirent *e;
    struct logname log;
    DIR *dir;
    int dirfd;
    JET_ERR err;

    err = os_open_dir_beneath(fd, ".", &dirfd);
    if (err < 0)
        return fault_io(&d->r, err, ESE_NO_OFFSET, "opening the directory");
    dir = fdopendir(dirfd);
    if (!dir) {
        err = fault_io(&d->r, os_error(errno), ESE_NO_OFFSET, "reading the directory");
        close(dirfd);
        return err;
    }
    while (errno = 0, e = readdir(dir))
        if (logname_parse(e->d_name, &log) && log.role != LOGNAME_TEMP &&
            (err = add_item(list, name, e->d_name, &log)) < 0)
            break;
    if (err >= 0 && errno)
        err = fault_io(&d->r, os_error(errno), ESE_NO_OFFSET, "reading the directory");
    closedir(dir);
    return err;
}

static JET_ERR dump_items(struct dump *d, int dirfd, const struct item_list *list)
{
    struct before prev = {0};
    JET_ERR err = JET_errSuccess;

    for (size_t i = 0; i < list->nr && err >= 0; i++) {
        const struct item *it = &list->items[i];
        int fd;

        if (i > 0 && strcasecmp(it->log.base, it[-1].log.base) != 0)
            prev.info.gen = 0;
        err = os_open_beneath(dirfd, it->name, &fd);
        if (err < 0) {
            d->r.file = it->path;
            (void)fault_io(&d->r, err, ESE_NO_OFFSET, "opening the log");
            prev.info.gen = 0;
            err = JET_errSuccess;
            continue;
        }
        err = dump_file(d, fd, it->path, it->log.role == LOGNAME_CURRENT, &prev);
        close(fd);
    }
    return err;
}

static JET_ERR dump_directory(struct dump *d, int fd, const char *name)
{
    struct item_list list = {0};
    JET_ERR err = list_logs(d, fd, name, &list);

    if (err >= 0 && list.nr == 0)
        err = fault(&d->r, JET_errMissingLogFile, 0, 0, ESE_NO_OFFSET,
                    "there is no log file in the directory");
    if (err >= 0) {
        qsort(list.items, list.nr, sizeof(*list.items), compare_items);
        err = dump_items(d, fd, &list);
    }
    free_items(&list);
    return err;
}

/* Named like an archived log, it was completed once; under any other name the end may be open. */
static bool may_be_current(const char *name)
{
    const char *slash = strrchr(name, '/');
    struct logname log;

    return !logname_parse(slash ? slash + 1 : name, &log) || log.role != LOGNAME_ARCHIVED;
}

JET_ERR ese_log_dump(int fd, const char *name, const struct ese_log_dump_opts *opts, FILE *out,
                     ese_fault_fn *report, void *ctx)
{
    struct dump d = {.opts = opts, .out = out, .r = {.fn = report, .ctx = ctx, .file = name}};
    struct before prev = {0};
    struct os_stat st;
    JET_ERR err;

    err = os_stat_fd(fd, &st);
    if (err < 0)
        return fault_io(&d.r, err, ESE_NO_OFFSET, "looking at the file");
    if (S_ISDIR(st.mode))
        err = dump_directory(&d, fd, name);
    else
        err = dump_file(&d, fd, name, may_be_current(name), &prev);
    return err < 0 ? err : d.r.first;
}
