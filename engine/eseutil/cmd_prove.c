/* eseutil prove BACKUP: would it restore, and would every tree be sound? Nothing is written. */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fields.h"
#include "eseutil.h"

/* Bytes, with K, M or G behind them; 0: it is none. */
static uint64_t parse_size(const char *s)
{
    char *end;
    uint64_t n = strtoull(s, &end, 10);
    const unsigned shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;

    if (end == s || *s == '-' || n >> (63 - shift) || end[shift ? 1 : 0])
        return 0;
    return n << shift;
}

static void print_text(const struct ese_proof *p)
{
    printf("clean: %s", p->backup ? "a backup" : "a copy of an instance");
    if (*p->where)
        printf(" in %s", p->where);
    if (p->gen_low)
        printf(", log generations 0x%" PRIX32 " to 0x%" PRIX32, p->gen_low, p->gen_high);
    printf(", %" PRIu64 " pages, %" PRIu64 " changed by %" PRIu64 " records", p->pages,
           p->pages_changed, p->recovery.records);
    if (p->pages_spilled)
        printf(" (%" PRIu64 " kept in a file meanwhile)", p->pages_spilled);
    if (p->corrected)
        printf("; %" PRIu64 " wrong bits, which a restore corrects", p->corrected);
    putchar('\n');
}

static void print_json(const struct ese_proof *p, bool clean)
{
    struct fields f;

    fields_begin(&f, stdout, true);
    fields_bool(&f, "clean", clean);
    fields_bool(&f, "backup", p->backup);
    fields_str(&f, "where", p->where);
    fields_u64(&f, "generation_low", p->gen_low);
    fields_u64(&f, "generation_high", p->gen_high);
    fields_u64(&f, "faults", p->faults);
    fields_u64(&f, "corrected", p->corrected);
    fields_u64(&f, "pages", p->pages);
    fields_u64(&f, "pages_changed", p->pages_changed);
    fields_u64(&f, "pages_spilled", p->pages_spilled);
    fields_u64(&f, "records", p->recovery.records);
    fields_end(&f);
}

static int prove(struct job *r, const char *path, const struct ese_prove_opts *opts)
{
    struct ese_proof proof;
    JET_ERR err;
    const int fd = open_input_dir(path);

    if (fd < 0)
        return EXIT_CANNOT;
    bar_begin(&r->bar, &r->common, path, 0);
    err = ese_prove(fd, opts, job_report, r, bar_progress, &r->bar, &proof);
    bar_end(&r->bar);
    close(fd);
    if (r->common.json && err != JET_errClientRequestToStopJetService)
        print_json(&proof, err >= 0);
    else if (err >= 0)
        print_text(&proof);
    ese_proof_done(&proof);
    return job_end(r, path, err, "nothing was written", "");
}

static int run_with(struct input_dirs *incrementals, int argc, char **argv)
{
    static const struct option options[] = {{"memory", required_argument, NULL, 'm'},
                                            {"incremental", required_argument, NULL, 'i'},
                                            {"base", required_argument, NULL, 'b'},
                                            {"json", no_argument, NULL, 'j'},
                                            COMMON_OPTIONS};
    struct ese_prove_opts opts = {0};
    struct job r = {0};
    int opt;

    while ((opt = getopt_long(argc, argv, "hq", options, NULL)) != -1) {
        if (opt == 'm' && !(opts.memory = parse_size(optarg)))
            return usage_error(&command_prove, "'%s' is no size (a number, K, M or G behind it)",
                               optarg);
        else if (opt == 'i' && input_dirs_add(incrementals, optarg) != EXIT_DONE)
            return EXIT_CANNOT;
        else if (opt == 'b')
            opts.base = optarg;
        else if (opt == 'j')
            r.common.json = r.verdict.json = true;
        else if (opt != 'm' && opt != 'i')
            common_option(&command_prove, &r.common, opt);
    }
    if (argc != optind + 1)
        return usage_error(&command_prove, "one BACKUP is wanted");
    opts.log_dirs = incrementals->fds;
    opts.nr_log_dirs = incrementals->nr;
    opts.cancel = stop_on_signal();
    return prove(&r, argv[optind], &opts);
}

static int run(int argc, char **argv)
{
    struct input_dirs incrementals = {0};
    const int status = run_with(&incrementals, argc, argv);

    input_dirs_done(&incrementals);
    return status;
}

const struct command command_prove = {
    "prove", run, "[--incremental DIR]... [--memory SIZE] [--base BASE] [--json] BACKUP",
    "Proves that a backup can be restored: replays its logs in memory and walks every tree",
    "      --incremental DIR  as for restore\n"
    "      --memory SIZE    for pages that the logs change; more go to a file in TMPDIR (32M)\n"
    "      --base BASE      which log stream, where BACKUP holds several (\"edb\")\n"
    "      --json           findings and result as JSON lines on stdout\n"};
