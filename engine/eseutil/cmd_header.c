/* eseutil header FILE: every field of a database, log, checkpoint or backup trailer. */
#include <unistd.h>

#include "eseutil.h"

static int run(int argc, char **argv)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'}, COMMON_OPTIONS};
    struct common common = {0};
    struct verdict verdict = {0};
    JET_ERR err;
    int opt, fd;

    while ((opt = getopt_long(argc, argv, "hq", options, NULL)) != -1) {
        if (opt == 'j')
            common.json = true;
        else
            common_option(&command_header, &common, opt);
    }
    if (argc - optind != 1)
        return usage_error(&command_header, "one FILE is wanted");
    fd = open_input(argv[optind]);
    if (fd < 0)
        return EXIT_CANNOT;
    err = ese_header_dump(fd, argv[optind], common.json, stdout, verdict_report, &verdict);
    close(fd);
    return verdict_exit(&verdict, argv[optind], err);
}

const struct command command_header = {
    "header", run, "[--json] FILE",
    "Shows every field of a database's, log's or checkpoint's header",
    "      --json        one JSON object\n"};
