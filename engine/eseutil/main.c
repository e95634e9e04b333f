/* eseutil: find the command, run it. The commands are one file each; see eseutil(1). */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "eseutil.h"

static const struct command *const commands[] = {
    &command_header, &command_log,    &command_verify,  &command_integrity, &command_tables,
    &command_space,  &command_dump,   &command_recover, &command_backup,    &command_restore,
    &command_prove,  &command_create, &command_load,    &command_compact,
};
#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void help(FILE *out)
{
    fputs("Usage: eseutil COMMAND [OPTION]... PATH...\n"
          "Looks into, checks, recovers, backs up, restores, makes and fills the files of ESE (JET "
          "Blue) databases.\n"
          "Only recover, load and backup write to files that are there.\n\n",
          out);
    for (size_t i = 0; i < NR_COMMANDS; i++)
        fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->what);
    fputs("\n`eseutil COMMAND --help` tells a command's options; `eseutil --version` the formats "
          "known.\n"
          "Exit status: 0 nothing wrong, 1 usage, 2 damage was found, 3 cannot be done here, 4 "
          "interrupted.\n",
          out);
}

/* Nothing needs tidying up: most commands only read. Those that write have handlers of their own. */
static void interrupted(int sig)
{
    (void)sig;
    _exit(EXIT_INTERRUPTED);
}

/* A full disk or a closed pipe behind stdout must not look like success. */
static int flush_output(int status)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("eseutil: writing the output");
        return EXIT_CANNOT;
    }
    return status;
}

int main(int argc, char **argv)
{
    signal(SIGINT, interrupted);
    signal(SIGTERM, interrupted);
    if (argc < 2) {
        help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        help(stdout);
        return flush_output(EXIT_DONE);
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts(ese_version());
        return flush_output(EXIT_DONE);
    }
    for (size_t i = 0; i < NR_COMMANDS; i++)
        if (strcmp(argv[1], commands[i]->name) == 0)
            return flush_output(commands[i]->run(argc - 1, argv + 1));
    fprintf(stderr, "eseutil: no command '%s'; `eseutil --help` lists them\n", argv[1]);
    return EXIT_USAGE;
}
