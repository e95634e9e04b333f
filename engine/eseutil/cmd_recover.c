/* eseutil recover DIR: soft recovery in place, of a copy, or only to see what it would do. */
#include <inttypes.h>
#include <unistd.h>

#include "base/fields.h"
#include "base/types.h"
#include "eseutil.h"

static const char *how_name(enum ese_recovered_how how)
{
    switch (how) {
    case ESE_DB_RECOVERED:
        return "recovered";
    case ESE_DB_CREATED:
        return "created from the log";
    case ESE_DB_REMOVED:
        return "removed, its creation was never finished";
    case ESE_DB_ALREADY_CLEAN:
        return "was clean already";
    }
    return "?";
}

void recovery_print(const struct ese_recovery *rec, bool dry)
{
    char from[LGPOS_STR_LEN], to[LGPOS_STR_LEN];

    if (rec->needed) {
        printf("%s %" PRIu64 " records from %s to %s (%" PRIu64 " bytes of log)\n",
               dry ? "would replay" : "replayed", rec->records, lgpos_str(rec->lgpos_from, from),
               lgpos_str(rec->lgpos_to, to), rec->log_bytes);
        printf("%s: %u transactions, %" PRIu64 " operations, %u unfinished macros\n",
               dry ? "would undo" : "undone", rec->transactions_undone, rec->operations_undone,
               rec->macros_undone);
        printf("%s: %" PRIu64 " pages\n", dry ? "would write" : "written", rec->pages_written);
        if (rec->logs_lost)
            puts("lost: what was committed in generations that are missing");
        if (rec->logs_removed)
            printf("%s: %u logs that are of no use\n", dry ? "would remove" : "removed",
                   rec->logs_removed);
    } else {
        puts("nothing to recover: the log stream is closed");
    }
    for (unsigned i = 0; i < rec->nr_dbs; i++)
        printf("%s: %s\n", rec->dbs[i].path, how_name(rec->dbs[i].how));
}

void recovery_fields(struct fields *f, const struct ese_recovery *rec, bool dry)
{
    fields_bool(f, "needed", rec->needed);
    fields_bool(f, "dry_run", dry);
    fields_lgpos(f, "from", rec->lgpos_from);
    fields_lgpos(f, "to", rec->lgpos_to);
    fields_u64(f, "records", rec->records);
    fields_u64(f, "log_bytes", rec->log_bytes);
    fields_u64(f, "transactions_undone", rec->transactions_undone);
    fields_u64(f, "operations_undone", rec->operations_undone);
    fields_u64(f, "macros_undone", rec->macros_undone);
    fields_u64(f, "pages_written", rec->pages_written);
    fields_bool(f, "logs_lost", rec->logs_lost);
    fields_u64(f, "logs_removed", rec->logs_removed);
    fields_open_list(f, "databases");
    for (unsigned i = 0; i < rec->nr_dbs; i++) {
        fields_open(f, NULL);
        fields_str(f, "path", rec->dbs[i].path);
        fields_str(f, "result", how_name(rec->dbs[i].how));
        fields_close(f);
    }
    fields_close_list(f);
}

static void print_json(const struct ese_recovery *rec, bool dry)
{
    struct fields f;

    fields_begin(&f, stdout, true);
    recovery_fields(&f, rec, dry);
    fields_end(&f);
}

static int recover(struct job *r, const char *path, const struct ese_recover_opts *opts)
{
    struct ese_recovery rec = {0};
    JET_ERR err;
    const int fd = open_input_dir(path);

    if (fd < 0)
        return EXIT_CANNOT;
    bar_begin(&r->bar, &r->common, path, 0);
    err = ese_recover(fd, opts, job_report, r, bar_progress, &r->bar, &rec);
    bar_end(&r->bar);
    close(fd);
    if (err >= 0 && r->common.json)
        print_json(&rec, opts->dry_run);
    else if (err >= 0)
        recovery_print(&rec, opts->dry_run);
    ese_recovery_done(&rec);
    return job_end(r, path, err, "it can be recovered as before", "");
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {{"to", required_argument, NULL, 't'},
                                            {"dry-run", no_argument, NULL, 'n'},
                                            {"base", required_argument, NULL, 'b'},
                                            {"ignore-missing", no_argument, NULL, 'i'},
                                            {"ignore-lost-logs", no_argument, NULL, 'l'},
                                            {"json", no_argument, NULL, 'j'},
                                            COMMON_OPTIONS};
    struct ese_recover_opts opts = {0};
    struct job r = {0};
    int opt;

    while ((opt = getopt_long(argc, argv, "hq", options, NULL)) != -1) {
        if (opt == 't')
            opts.to = optarg;
        else if (opt == 'n')
            opts.dry_run = true;
        else if (opt == 'b')
            opts.base = optarg;
        else if (opt == 'i')
            opts.ignore_missing = true;
        else if (opt == 'l')
            opts.ignore_lost = true;
        else if (opt == 'j')
            r.common.json = r.verdict.json = true;
        else
            common_option(&command_recover, &r.common, opt);
    }
    if (argc != optind + 1)
        return usage_error(&command_recover, "one DIR is wanted");
    if (opts.to && opts.dry_run)
        return usage_error(&command_recover, "--dry-run writes nothing, so there is no --to");
    opts.cancel = stop_on_signal();
    return recover(&r, argv[optind], &opts);
}

const struct command command_recover = {
    "recover", run,
    "[--to DEST] [--dry-run] [--base BASE] [--ignore-missing] [--ignore-lost-logs] [--json] DIR",
    "Brings the databases of an instance to a clean shutdown, with its logs",
    "      --to DEST     recover a copy in DEST, an empty directory or none yet\n"
    "      --dry-run     write nothing, say what would be done\n"
    "      --base BASE   which log stream, where DIR holds several (\"edb\")\n"
    "      --ignore-missing  do without databases that the logs name and that are not there\n"
    "      --ignore-lost-logs  do without the end of the log, as far as no database requires it;\n"
    "                    logs behind a gap, or from a damaged one on, are deleted\n"
    "      --json        findings and result as JSON lines on stdout\n"};
