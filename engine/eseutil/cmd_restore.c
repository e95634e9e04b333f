/* eseutil restore BACKUP DEST: a backup, or a copy of an instance at rest, becomes clean databases in DEST. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fields.h"
#include "base/types.h"
#include "eseutil.h"

/* YYYY-MM-DD HH:MM[:SS[.mmm]], UTC, with a T or a blank between; as headers print times. */
static int parse_time(const char *s, ese_logtime *ret)
{
    unsigned y, mo, d, h, mi, sec = 0, ms = 0;
    int n = 0;

    if (sscanf(s, "%4u-%2u-%2u%*1[ T]%2u:%2u%n", &y, &mo, &d, &h, &mi, &n) < 5 || !n)
        return -1;
    s += n;
    n = 0;
    if (*s && (sscanf(s, ":%2u%n", &sec, &n) < 1 || !n))
        return -1;
    s += n;
    n = 0;
    if (*s && (sscanf(s, ".%3u%n", &ms, &n) < 1 || n != 4))
        return -1;
    s += n;
    if ((*s && strcmp(s, "Z") != 0) || y < 1900 || y > 2155 || mo < 1 || mo > 12 || d < 1 ||
        d > 31 || h > 23 || mi > 59 || sec > 59)
        return -1;
    *ret = (ese_logtime){{(uint8_t)sec, (uint8_t)mi, (uint8_t)h, (uint8_t)d, (uint8_t)mo,
                          (uint8_t)(y - 1900), (uint8_t)(1u | (ms & 0x7f) << 1),
                          (uint8_t)((ms >> 7) << 1)}};
    return 0;
}

static int parse_stop(const char *s, struct ese_restore_opts *opts)
{
    uint64_t lgpos;

    if (strchr(s, '-'))
        return parse_time(s, &opts->stop_time);
    if (parse_lgpos(s, &lgpos) < 0 || lgpos >> 32 == 0)
        return -1;
    if (strchr(s, ':'))
        opts->stop_lgpos = lgpos;
    else
        opts->stop_gen = (uint32_t)(lgpos >> 32);
    return 0;
}

static void print_text(const struct ese_restored *ret)
{
    char pos[LGPOS_STR_LEN];

    printf("%s%s%s", ret->backup ? "restored a backup" : "restored a copy of an instance",
           *ret->where ? " out of " : "", ret->where);
    if (ret->gen_low)
        printf(", log generations 0x%" PRIX32 " to 0x%" PRIX32, ret->gen_low, ret->gen_high);
    printf(", %" PRIu64 " pages verified, %" PRIu64 " corrected\n", ret->pages, ret->corrected);
    if (ret->stopped_at)
        printf("stopped before the record at %s\n", lgpos_str(ret->stopped_at, pos));
    else if (ret->stopped)
        puts("stopped before later generations");
    recovery_print(&ret->recovery, false);
}

static void print_json(const struct ese_restored *ret)
{
    struct fields f;

    fields_begin(&f, stdout, true);
    fields_bool(&f, "backup", ret->backup);
    fields_str(&f, "where", ret->where);
    fields_u64(&f, "generation_low", ret->gen_low);
    fields_u64(&f, "generation_high", ret->gen_high);
    fields_bool(&f, "stopped", ret->stopped);
    fields_lgpos(&f, "stopped_at", ret->stopped_at);
    fields_u64(&f, "pages_verified", ret->pages);
    fields_u64(&f, "pages_corrected", ret->corrected);
    recovery_fields(&f, &ret->recovery, false);
    fields_end(&f);
}

static int restore(struct job *r, const char *path, const char *dest,
                   const struct ese_restore_opts *opts)
{
    struct ese_restored ret;
    JET_ERR err;
    const int fd = open_input_dir(path);

    if (fd < 0)
        return EXIT_CANNOT;
    bar_begin(&r->bar, &r->common, path, 0);
    err = ese_restore(fd, dest, opts, job_report, r, bar_progress, &r->bar, &ret);
    bar_end(&r->bar);
    close(fd);
    if (err >= 0 && r->common.json)
        print_json(&ret);
    else if (err >= 0)
        print_text(&ret);
    ese_restored_done(&ret);
    return job_end(r, path, err, "nothing is left at ", dest);
}

static int run_with(struct input_dirs *incrementals, int argc, char **argv)
{
    static const struct option options[] = {{"stop-at", required_argument, NULL, 's'},
                                            {"incremental", required_argument, NULL, 'i'},
                                            {"base", required_argument, NULL, 'b'},
                                            {"json", no_argument, NULL, 'j'},
                                            COMMON_OPTIONS};
    struct ese_restore_opts opts = {0};
    struct job r = {0};
    int opt;

    while ((opt = getopt_long(argc, argv, "hq", options, NULL)) != -1) {
        if (opt == 's' && parse_stop(optarg, &opts) < 0)
            return usage_error(&command_restore,
                               "'%s' is no generation (hexadecimal), lgpos (GEN:ISEC:IB) or time "
                               "(YYYY-MM-DDTHH:MM:SS, UTC)",
                               optarg);
        else if (opt == 'i' && input_dirs_add(incrementals, optarg) != EXIT_DONE)
            return EXIT_CANNOT;
        else if (opt == 'b')
            opts.base = optarg;
        else if (opt == 'j')
            r.common.json = r.verdict.json = true;
        else if (opt != 's' && opt != 'i')
            common_option(&command_restore, &r.common, opt);
    }
    if (argc != optind + 2)
        return usage_error(&command_restore, "BACKUP and DEST are wanted");
    opts.log_dirs = incrementals->fds;
    opts.nr_log_dirs = incrementals->nr;
    opts.cancel = stop_on_signal();
    return restore(&r, argv[optind], argv[optind + 1], &opts);
}

static int run(int argc, char **argv)
{
    struct input_dirs incrementals = {0};
    const int status = run_with(&incrementals, argc, argv);

    input_dirs_done(&incrementals);
    return status;
}

const struct command command_restore = {
    "restore", run,
    "[--incremental DIR]... [--stop-at GEN|LGPOS|TIME] [--base BASE] [--json] BACKUP DEST",
    "Restores a backup into DEST, which is empty or not there yet",
    "      --incremental DIR  an incremental backup that was taken into a directory of its own\n"
    "      --stop-at GEN    the last log generation that is replayed (hexadecimal)\n"
    "      --stop-at LGPOS  or the first record that is not: GEN:ISEC:IB\n"
    "      --stop-at TIME   or not what was logged later than this: YYYY-MM-DDTHH:MM:SS, UTC\n"
    "      --base BASE      which log stream, where BACKUP holds several (\"edb\")\n"
    "      --json           findings and result as JSON lines on stdout\n"};
