/*
 * The event log. Lines are appended with one write each, so a crash leaves whole lines and at most one
 * torn one, which is ended when the file is opened again. At 10 MiB the newest three quarters are
 * written to a new file that replaces the old one.
 */
#include "events.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "names.h"

#define FILE_NAME ".events"
#define KEEP      (EVENTS_MAX / 4 * 3)
#define MORE_MAX  (1u << 20)
#define TEXT_MAX  1024

/* Opened for each line: a mount of many instances has no descriptors to spare. */
static int open_file(const struct events *e, bool write)
{
    int fd;

    if (e->dirfd < 0 || (write && e->ro))
        return -1;
    fd = openat(e->dirfd, FILE_NAME,
                (write ? O_RDWR | O_CREAT | O_APPEND : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW |
                    O_NONBLOCK,
                0600);
    return fd;
}

/* Takes over what an earlier mount left: its size, and the end of a torn last line. */
static void continue_file(struct events *e)
{
    struct stat st;
    char last = '\n';
    int fd = open_file(e, !e->ro);

    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        e->size = (uint64_t)st.st_size;
        e->time = st.st_mtim;
        if (e->size && !e->ro && pread(fd, &last, 1, st.st_size - 1) == 1 && last != '\n' &&
            write(fd, "\n", 1) == 1)
            e->size++;
    }
    close(fd);
}

JET_ERR events_open(struct events *e, int dirfd, bool ro, const char *who)
{
    memset(e, 0, sizeof(*e));
    pthread_mutex_init(&e->lock, NULL);
    e->dirfd = dirfd;
    e->ro = ro;
    e->time = sys_now();
    e->who = strdup(who);
    if (!e->who)
        return JET_errOutOfMemory;
    one_line(e->who);
    continue_file(e);
    return JET_errSuccess;
}

void events_close(struct events *e)
{
    free(e->more);
    free(e->who);
    e->more = e->who = NULL;
    pthread_mutex_destroy(&e->lock);
}

/* ---- writing ---------------------------------------------------------------------------------- */

/* The newest KEEP bytes, from the beginning of a line, replace the file. Returns the new one's
 * descriptor, or -1. */
static int shorten(struct events *e, int fd)
{
    char *buf = malloc(KEEP), *from = NULL;
    size_t len = 0;
    JET_ERR err = JET_errOutOfMemory;

    if (buf && sys_pread(fd, buf, KEEP, e->size - KEEP, &len) >= 0)
        from = memchr(buf, '\n', len);
    close(fd);
    fd = -1;
    if (from) {
        from++;
        len -= (size_t)(from - buf);
        err = sys_replace_file(e->dirfd, FILE_NAME, from, len);
    }
    if (err >= 0) {
        e->size = len;
        fd = open_file(e, true);
    }
    free(buf);
    return fd;
}

static bool append_file(struct events *e, const char *line, size_t len)
{
    int fd = open_file(e, true);
    bool ok = false;

    if (fd >= 0 && e->size + len > EVENTS_MAX)
        fd = shorten(e, fd);
    if (fd < 0)
        return false;
    if (write(fd, line, len) == (ssize_t)len) {
        e->size += len;
        ok = true;
    } else { /* full: no half line stays */
        (void)!ftruncate(fd, (off_t)e->size);
    }
    close(fd);
    return ok;
}

/* Without a writable file the newest megabyte is kept in memory: when it is full, the older half goes. */
static void append_memory(struct events *e, const char *line, size_t len)
{
    if (!e->more && !(e->more = malloc(MORE_MAX)))
        return;
    if (e->more_len + len > MORE_MAX) {
        size_t half = e->more_len / 2;
        char *from = memchr(e->more + half, '\n', e->more_len - half);
        size_t drop = from ? (size_t)(from + 1 - e->more) : e->more_len;
        memmove(e->more, e->more + drop, e->more_len - drop);
        e->more_len -= drop;
    }
    memcpy(e->more + e->more_len, line, len);
    e->more_len += len;
}

void events_add(struct events *e, enum event_severity severity, uint32_t id, const char *text)
{
    static const char *const names[] = {"info", "warning", "error"};
    static const int levels[] = {LOG_INFO, LOG_WARNING, LOG_ERR};
    char body[TEXT_MAX], line[TEXT_MAX + 80], when[TIME_TEXT_LEN];
    struct timespec now = sys_now();
    int len;

    snprintf(body, sizeof(body), "%s", text);
    one_line(body);
    syslog(levels[severity], "%s: %u %s", e->who, id, body);
    len = snprintf(line, sizeof(line), "%s %s %u %s\n", time_text(now, true, when), names[severity],
                   id, body);
    pthread_mutex_lock(&e->lock);
    if (!append_file(e, line, (size_t)len))
        append_memory(e, line, (size_t)len);
    e->serial++;
    e->time = now;
    pthread_mutex_unlock(&e->lock);
}

/* The result of a backup should be found after a power cut too; a failure loses only that. */
void events_sync(struct events *e)
{
    int fd;

    pthread_mutex_lock(&e->lock);
    fd = open_file(e, true);
    if (fd >= 0) {
        (void)!fdatasync(fd);
        close(fd);
    }
    pthread_mutex_unlock(&e->lock);
}

/* ---- reading ---------------------------------------------------------------------------------- */

char *events_text(struct events *e, size_t *ret_len)
{
    char *buf;
    size_t len = 0;
    int fd;

    pthread_mutex_lock(&e->lock);
    buf = malloc((size_t)e->size + e->more_len + 1);
    fd = open_file(e, false);
    if (buf) {
        if (fd >= 0 && sys_pread(fd, buf, (size_t)e->size, 0, &len) < 0)
            len = 0;
        if (e->more_len)
            memcpy(buf + len, e->more, e->more_len);
        len += e->more_len;
        buf[len] = '\0';
        *ret_len = len;
    }
    if (fd >= 0)
        close(fd);
    pthread_mutex_unlock(&e->lock);
    return buf;
}

uint64_t events_size(struct events *e)
{
    uint64_t size;

    pthread_mutex_lock(&e->lock);
    size = e->size + e->more_len;
    pthread_mutex_unlock(&e->lock);
    return size;
}

uint64_t events_serial(struct events *e)
{
    uint64_t serial;

    pthread_mutex_lock(&e->lock);
    serial = e->serial;
    pthread_mutex_unlock(&e->lock);
    return serial;
}

struct timespec events_time(struct events *e)
{
    struct timespec t;

    pthread_mutex_lock(&e->lock);
    t = e->time;
    pthread_mutex_unlock(&e->lock);
    return t;
}
