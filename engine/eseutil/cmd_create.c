/* eseutil create DB: an empty database. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recover/formats.h"
#include "scratch.h"

static int create(const char *path, uint32_t page_size, uint32_t efv)
{
    struct scratch s;
    JET_ERR err;
    int status;

    if (access(path, F_OK) == 0) /* before anything is made that a failure would remove again */
        return say_error(path, JET_errFileAlreadyExists);
    status = scratch_begin(&s, path, page_size, efv);
    if (status == EXIT_DONE) {
        err = JetCreateDatabase2(s.ses, path, 0, &s.db, 0);
        if (err < 0)
            status = say_error(path, err);
    }
    return status == EXIT_DONE ? scratch_end(&s, status) : scratch_abandon(&s, status);
}

/* 0: none that there is. */
static uint32_t size_of(const char *s)
{
    char *end;
    const unsigned long n = strtoul(s, &end, 10);

    return *s && !*end && (n == 4096 || n == 8192 || n == 16384 || n == 32768) ? (uint32_t)n : 0;
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {{"page-size", required_argument, NULL, 'p'},
                                            {"format", required_argument, NULL, 'f'},
                                            COMMON_OPTIONS};
    struct common common = {0};
    uint32_t page_size = 4096, efv = EFV_DEFAULT;
    int opt;

    while ((opt = getopt_long(argc, argv, "hq", options, NULL)) != -1) {
        if (opt == 'p')
            page_size = size_of(optarg);
        else if (opt == 'f')
            efv = strcmp(optarg, "20") == 0    ? EFV_DEFAULT
                  : strcmp(optarg, "110") == 0 ? EFV_NEWEST_WRITTEN
                                               : 0;
        else
            common_option(&command_create, &common, opt);
    }
    if (argc != optind + 1)
        return usage_error(&command_create, "one DB is wanted");
    if (!page_size)
        return usage_error(&command_create, "pages have 4096, 8192, 16384 or 32768 bytes");
    if (!efv)
        return usage_error(&command_create, "the formats are 20 and 110");
    return create(argv[optind], page_size, efv);
}

const struct command command_create = {
    "create", run, "[--page-size N] [--format 20|110] DB", "Makes an empty database",
    "      --page-size N   4096 (the default), 8192, 16384 or 32768\n"
    "      --format N      20 (0x620.20, the default: every reader knows it) or 110 (Windows 10 "
    "21H2)\n"};
