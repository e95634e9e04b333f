/* eseutil dump, tables, space, integrity: one database each, looked into at random. */
#include <string.h>
#include <unistd.h>

#include "eseutil.h"

static int one_database(const struct command *cmd, int argc, char **argv, struct common *common)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'}, COMMON_OPTIONS};
    int opt;

    while ((opt = getopt_long(argc, argv, "hq", options, NULL)) != -1) {
        if (opt == 'j')
            common->json = true;
        else
            common_option(cmd, common, opt);
    }
    if (argc - optind != 1)
        return usage_error(cmd, "one DB is wanted");
    return EXIT_DONE;
}

typedef JET_ERR dump_fn(int fd, const char *name, bool json, FILE *out, ese_fault_fn *report,
                        void *ctx);

static int dump_with(const struct command *cmd, dump_fn *dump, int argc, char **argv)
{
    struct common common = {0};
    struct verdict verdict = {0};
    int fd, status = one_database(cmd, argc, argv, &common);
    JET_ERR err;

    if (status != EXIT_DONE)
        return status;
    fd = open_input(argv[optind]);
    if (fd < 0)
        return EXIT_CANNOT;
    err = dump(fd, argv[optind], common.json, stdout, verdict_report, &verdict);
    close(fd);
    return verdict_exit(&verdict, argv[optind], err);
}

static int run_tables(int argc, char **argv)
{
    return dump_with(&command_tables, ese_dump_tables, argc, argv);
}

static int run_space(int argc, char **argv)
{
    return dump_with(&command_space, ese_dump_space, argc, argv);
}

/* Notes are for who asks: of a sound database nothing is said. That it is dirty is always said. */
struct integrity {
    struct verdict verdict;
    struct bar bar;
    bool notes;
};

static void report_finding(void *ctx, const struct ese_fault *f)
{
    struct integrity *i = ctx;

    if (f->severity == ESE_NOTE && !i->notes)
        return;
    bar_hide(&i->bar);
    verdict_report(&i->verdict, f);
}

static void say_if_dirty(int fd, const char *path)
{
    struct ese_header h;

    if (ese_header_read(fd, path, NULL, NULL, &h) < 0)
        return;
    if (h.kind == ESE_KIND_DATABASE && h.db.state != ESE_DB_CLEAN)
        fprintf(stderr,
                "eseutil: %s: not shut down cleanly; only what recovery cannot put right is told\n",
                path);
    ese_header_done(&h);
}

static int run_integrity(int argc, char **argv)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'}, {"notes", no_argument, NULL, 'n'}, COMMON_OPTIONS};
    struct common common = {0};
    struct integrity i = {0};
    uint64_t faults = 0;
    int opt, fd;
    JET_ERR err;

    while ((opt = getopt_long(argc, argv, "hq", options, NULL)) != -1) {
        if (opt == 'j')
            i.verdict.json = true;
        else if (opt == 'n')
            i.notes = true;
        else
            common_option(&command_integrity, &common, opt);
    }
    if (argc - optind != 1)
        return usage_error(&command_integrity, "one DB is wanted");
    fd = open_input(argv[optind]);
    if (fd < 0)
        return EXIT_CANNOT;
    say_if_dirty(fd, argv[optind]);
    bar_begin(&i.bar, &common, "integrity", 0);
    err = ese_integrity(fd, argv[optind], report_finding, &i, bar_progress, &i.bar, &faults);
    bar_end(&i.bar);
    close(fd);
    return verdict_exit(&i.verdict, argv[optind], err);
}

static int format_of(const char *name, enum ese_dump_format *ret)
{
    static const char *const names[] = {
        [ESE_DUMP_CSV] = "csv", [ESE_DUMP_JSONL] = "jsonl", [ESE_DUMP_CANONICAL] = "canonical"};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(name, names[i]) == 0) {
            *ret = (enum ese_dump_format)i;
            return 0;
        }
    return -1;
}

static int run_dump(int argc, char **argv)
{
    static const struct option options[] = {{"format", required_argument, NULL, 'f'},
                                            {"keys", no_argument, NULL, 'k'},
                                            {"system", no_argument, NULL, 's'},
                                            COMMON_OPTIONS};
    struct ese_dump_opts opts = {0};
    struct common common = {0};
    struct verdict verdict = {0};
    JET_ERR err;
    int opt, fd;

    while ((opt = getopt_long(argc, argv, "hq", options, NULL)) != -1) {
        if (opt == 'f' && format_of(optarg, &opts.format) < 0)
            return usage_error(&command_dump, "--format is csv, jsonl or canonical");
        else if (opt == 'k')
            opts.keys = true;
        else if (opt == 's')
            opts.system = true;
        else if (opt != 'f')
            common_option(&command_dump, &common, opt);
    }
    if (argc - optind < 1)
        return usage_error(&command_dump, "a DB is wanted");
    if (opts.keys && opts.format != ESE_DUMP_CANONICAL)
        return usage_error(&command_dump, "--keys goes with --format=canonical");
    if (argc - optind > 1) {
        opts.tables = argv + optind + 1;
        opts.nr_tables = (unsigned)(argc - optind - 1);
    }
    fd = open_input(argv[optind]);
    if (fd < 0)
        return EXIT_CANNOT;
    err = ese_dump(fd, argv[optind], &opts, stdout, verdict_report, &verdict);
    close(fd);
    return verdict_exit(&verdict, argv[optind], err);
}

const struct command command_tables = {"tables", run_tables, "[--json] DB",
                                       "Lists tables with their columns, indexes and rows",
                                       "      --json        one JSON object per line\n"};
const struct command command_space = {"space", run_space, "[--json] DB",
                                      "Tells where the pages are, tree by tree",
                                      "      --json        one JSON object per line\n"};
const struct command command_integrity = {
    "integrity", run_integrity, "[--json] [--notes] DB",
    "Checks trees, catalogue, space, long values and indexes against one another",
    "      --notes       what is worth knowing too: leaked pages, long values that wait for "
    "deletion, ...\n"
    "      --json        findings as JSON lines on stdout\n"};
const struct command command_dump = {
    "dump", run_dump, "[--format=csv|jsonl|canonical] [--keys] [--system] DB [TABLE]...",
    "Prints rows in primary order",
    "      --format=F    csv (default), jsonl, or canonical: two databases compare with diff\n"
    "      --keys        canonical: index segments and entries too\n"
    "      --system      the system tables too\n"};
