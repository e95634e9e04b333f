/* eseutil verify PATH...: every checksum, page number and page structure; logs against one another. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "eseutil.h"

struct run {
    struct common common;
    struct verdict verdict;
    struct bar bar;
    uint64_t files, pages, segments, blank;
};

static void report(void *ctx, const struct ese_fault *f)
{
    struct run *r = ctx;
    bar_hide(&r->bar);
    verdict_report(&r->verdict, f);
}

static JET_ERR verify_fd(struct run *r, struct ese_set *set, int fd, enum ese_kind kind,
                         const char *name)
{
    struct ese_check_result res = {0};
    JET_ERR err = ese_verify_file(set, fd, kind, name, bar_progress, &r->bar, &res);

    r->files++;
    if (kind == ESE_KIND_LOG)
        r->segments += res.pages;
    else
        r->pages += res.pages;
    r->blank += res.blank;
    return err;
}

/* The files of one directory's instances: logs first, so that pages can be held against them. */
static JET_ERR verify_instance(struct run *r, const char *dir, const struct ese_instance *inst)
{
    static const enum ese_kind order[] = {ESE_KIND_LOG, ESE_KIND_CHECKPOINT, ESE_KIND_DATABASE};
    struct ese_set *set;
    JET_ERR err = ese_set_new(report, r, &set);

    if (err < 0)
        return err;
    for (unsigned k = 0; k < 3; k++)
        for (unsigned i = 0; i < inst->nr_files; i++) {
            const struct ese_file *f = &inst->files[i];
            char name[4300];
            int fd;

            if (f->kind != order[k])
                continue;
            snprintf(name, sizeof(name), "%s/%s", dir, f->path);
            fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
            if (fd < 0) {
                fprintf(stderr, "eseutil: %s: %s\n", name, strerror(errno));
                r->verdict.cannot++;
                continue;
            }
            err = verify_fd(r, set, fd, f->kind, name);
            close(fd);
        }
    err = ese_set_end(set, false);
    ese_set_free(set);
    return err;
}

static JET_ERR verify_dir(struct run *r, const char *path)
{
    struct ese_instance *list = NULL;
    unsigned nr = 0;
    JET_ERR err;
    int fd = open_input_dir(path);

    if (fd < 0) {
        r->verdict.cannot++;
        return JET_errSuccess;
    }
    err = ese_discover(fd, "", NULL, &list, &nr);
    for (unsigned i = 0; i < nr; i++) {
        /* What is missing is not verify's business (a backup has no current log); what is there is. */
        JET_ERR e = verify_instance(r, path, &list[i]);
        if (err >= 0)
            err = e;
    }
    if (err >= 0 && nr == 0) {
        fprintf(stderr, "eseutil: %s: no database, log or checkpoint in it\n", path);
        r->verdict.cannot++;
    }
    ese_instances_free(list, nr);
    close(fd);
    return err;
}

static JET_ERR verify_path(struct run *r, const char *path)
{
    struct ese_set *set;
    struct stat st;
    JET_ERR err;
    int fd;

    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return verify_dir(r, path);
    fd = open_input(path);
    if (fd < 0) {
        r->verdict.cannot++;
        return JET_errSuccess;
    }
    err = ese_set_new(report, r, &set);
    if (err >= 0) {
        err = verify_fd(r, set, fd, ESE_KIND_UNKNOWN, path);
        if (err >= 0)
            err = ese_set_end(set, false);
        ese_set_free(set);
    }
    close(fd);
    return err;
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'}, COMMON_OPTIONS};
    struct run r = {0};
    int opt, status = EXIT_DONE;

    while ((opt = getopt_long(argc, argv, "hq", options, NULL)) != -1) {
        if (opt == 'j')
            r.common.json = r.verdict.json = true;
        else
            common_option(&command_verify, &r.common, opt);
    }
    if (argc == optind)
        return usage_error(&command_verify, "a PATH is wanted");
    for (int i = optind; i < argc; i++) {
        JET_ERR err;
        int s;

        bar_begin(&r.bar, &r.common, argv[i], 0);
        err = verify_path(&r, argv[i]);
        bar_end(&r.bar);
        s = verdict_exit(&r.verdict, argv[i], err);
        if (s > status && status != EXIT_DAMAGED) /* damage outweighs what could not be looked at */
            status = s;
        if (s == EXIT_DAMAGED)
            status = EXIT_DAMAGED;
    }
    if (r.common.json)
        printf("{\"files\":%" PRIu64 ",\"pages\":%" PRIu64 ",\"blank\":%" PRIu64
               ",\"faults\":%" PRIu64 ",\"correctable\":%" PRIu64 "}\n",
               r.files, r.pages, r.blank, r.verdict.faults, r.verdict.corrected);
    else
        printf("%" PRIu64 " files, %" PRIu64 " pages (%" PRIu64 " blank): %" PRIu64
               " faults, %" PRIu64 " correctable bits\n",
               r.files, r.pages, r.blank, r.verdict.faults, r.verdict.corrected);
    return status;
}

const struct command command_verify = {
    "verify", run, "[--json] PATH...",
    "Checks every checksum, page number and page structure of databases and logs",
    "      --json        findings and the sum as JSON lines on stdout\n"};
