/*
 * The signals of a caller. See signals.h for why. Nothing here is kept between two calls.
 */
#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BIT(sig) (UINT64_C(1) << ((sig)-1))

/* Asked for by the user or the system to end something, whoever catches them. */
#define ENDING (BIT(SIGINT) | BIT(SIGTERM) | BIT(SIGHUP) | BIT(SIGQUIT) | BIT(SIGKILL))
/* Their default action does not end a process. */
#define HARMLESS                                                                               \
    (BIT(SIGCHLD) | BIT(SIGCONT) | BIT(SIGURG) | BIT(SIGWINCH) | BIT(SIGSTOP) | BIT(SIGTSTP) | \
     BIT(SIGTTIN) | BIT(SIGTTOU))
#define PASSING (BIT(SIGCHLD) | BIT(SIGCONT) | BIT(SIGURG) | BIT(SIGWINCH))

/* The line that begins with key; a process may call itself "SigPnd:", but not at a line's start. */
static const char *find_line(const char *text, const char *key)
{
    size_t len = strlen(key);

    while (text != NULL && strncmp(text, key, len) != 0) {
        text = strchr(text, '\n');
        if (text != NULL)
            text++;
    }
    return text != NULL ? text + len : NULL;
}

static bool parse_mask(const char *text, const char *key, uint64_t *ret)
{
    const char *at = find_line(text, key);
    char *end;
    unsigned long long v;

    if (at == NULL)
        return false;
    at += strspn(at, " \t");
    errno = 0;
    v = strtoull(at, &end, 16);
    if (end == at || errno != 0 || (*end != '\n' && *end != '\0'))
        return false;
    *ret = v;
    return true;
}

bool signals_parse(const char *text, struct signals *ret)
{
    struct signals s;
    uint64_t thread, process;

    if (!parse_mask(text, "SigPnd:", &thread) || !parse_mask(text, "ShdPnd:", &process) ||
        !parse_mask(text, "SigBlk:", &s.blocked) || !parse_mask(text, "SigIgn:", &s.ignored) ||
        !parse_mask(text, "SigCgt:", &s.caught))
        return false;
    s.pending = thread | process;
    *ret = s;
    return true;
}

static uint64_t arriving(const struct signals *s)
{
    return s->pending & ~s->blocked & ~s->ignored;
}

bool signals_end_caller(const struct signals *s)
{
    uint64_t a = arriving(s);

    return (a & ENDING) != 0 || (a & ~s->caught & ~HARMLESS) != 0;
}

bool signals_interrupt_wait(const struct signals *s)
{
    return (arriving(s) & ~PASSING) != 0;
}

/* Only the lines that matter: the one before them lists every group of the caller and may be long. */
bool signals_read(pid_t tid, struct signals *ret)
{
    char path[64], text[512] = "", *line = NULL;
    size_t size = 0, used = 0;
    FILE *f;

    /* /proc/TID answers for every thread, though only processes are listed. */
    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
    f = fopen(path, "re");
    if (f == NULL)
        return false;
    while (getline(&line, &size, f) > 0) {
        size_t len = strlen(line);

        if ((strncmp(line, "Sig", 3) == 0 || strncmp(line, "ShdPnd", 6) == 0) &&
            used + len < sizeof(text)) {
            memcpy(text + used, line, len + 1);
            used += len;
        }
    }
    free(line);
    (void)fclose(f);
    return signals_parse(text, ret);
}
