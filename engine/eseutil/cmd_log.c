/* eseutil log PATH: a log file or a whole set, with its records if wanted. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "eseutil.h"

static int run(int argc, char **argv)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'},
                                            {"records", no_argument, NULL, 'r'},
                                            {"from", required_argument, NULL, 'f'},
                                            {"to", required_argument, NULL, 't'},
                                            COMMON_OPTIONS};
    struct ese_log_dump_opts opts = {0};
    struct common common = {0};
    struct verdict verdict = {0};
    struct stat st;
    JET_ERR err;
    int opt, fd;

    while ((opt = getopt_long(argc, argv, "hq", options, NULL)) != -1) {
        if (opt == 'j')
            opts.json = true;
        else if (opt == 'r')
            opts.records = true;
        else if (opt == 'f' || opt == 't') {
            if (parse_lgpos(optarg, opt == 'f' ? &opts.from : &opts.to) < 0)
                return usage_error(&command_log, "'%s' is no lgpos (GEN:ISEC:IB, hexadecimal)",
                                   optarg);
        } else
            common_option(&command_log, &common, opt);
    }
    if (argc - optind != 1)
        return usage_error(&command_log, "one PATH is wanted");
    if (stat(argv[optind], &st) < 0)
        st.st_mode = 0; /* opening it says why */
    fd = S_ISDIR(st.st_mode) ? open_input_dir(argv[optind]) : open_input(argv[optind]);
    if (fd < 0)
        return EXIT_CANNOT;
    err = ese_log_dump(fd, argv[optind], &opts, stdout, verdict_report, &verdict);
    close(fd);
    return verdict_exit(&verdict, argv[optind], err);
}

const struct command command_log = {
    "log", run, "[--records] [--from LGPOS] [--to LGPOS] [--json] PATH",
    "Shows a log file or the log set of a directory: sequence, gaps, signatures, records",
    "      --records     every record, decoded\n"
    "      --from LGPOS  records at and after GEN:ISEC:IB (hexadecimal)\n"
    "      --to LGPOS    records before it\n"
    "      --json        one JSON object per line\n"};
