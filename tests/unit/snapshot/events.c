/* The event log: its lines, its ring, what a crash leaves of it. */
#include "events.h"

#include "fixture.h"

static int open_dir(const struct fix *f)
{
    int fd = open(f->dir, O_RDONLY | O_DIRECTORY);

    assert_true(fd >= 0);
    return fd;
}

static char *text_of(struct events *e)
{
    size_t len;
    char *text = events_text(e, &len);

    assert_non_null(text);
    assert_int_equal(len, strlen(text));
    assert_int_equal(len, events_size(e));
    return text;
}

static void line_has_time_severity_id_and_text(void **state)
{
    struct fix *f = *state;
    int fd = open_dir(f);
    struct events e;
    char *text;

    assert_int_equal(events_open(&e, fd, false, "mail"), 0);
    events_add(&e, EVENT_WARNING, 399, "a\nb\tc\x7f");
    text = text_of(&e);
    assert_int_equal(text[10], 'T');
    assert_int_equal(text[23], 'Z');
    assert_string_equal(text + 24, " warning 399 a?b?c?\n");
    free(text);
    assert_int_equal(events_serial(&e), 1);
    events_close(&e);
    close(fd);
}

static void lines_survive_a_reopen_and_a_torn_one_is_ended(void **state)
{
    struct fix *f = *state;
    int fd = open_dir(f);
    struct events e;
    char *text;

    assert_int_equal(events_open(&e, fd, false, "mail"), 0);
    events_add(&e, EVENT_INFO, 210, "first");
    events_close(&e);
    assert_int_equal(run("printf '2026 half a li' >> %s/.events", f->dir), 0);
    assert_int_equal(events_open(&e, fd, false, "mail"), 0);
    events_add(&e, EVENT_INFO, 213, "second");
    text = text_of(&e);
    assert_non_null(strstr(text, "first\n2026 half a li\n"));
    assert_non_null(strstr(text, " info 213 second\n"));
    free(text);
    events_close(&e);
    close(fd);
}

static void ring_keeps_the_newest_ten_mebibytes(void **state)
{
    struct fix *f = *state;
    int fd = open_dir(f);
    char line[900], last[64], *text;
    struct events e;

    assert_int_equal(events_open(&e, fd, false, "mail"), 0);
    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    for (unsigned i = 0; i < 30000; i++) { /* 27 MiB */
        memcpy(line, last, (size_t)snprintf(last, sizeof(last), "line %u ", i));
        events_add(&e, EVENT_INFO, 1, line);
        if (events_size(&e) > EVENTS_MAX)
            fail_msg("%llu bytes", (unsigned long long)events_size(&e));
    }
    text = text_of(&e);
    assert_true(strlen(text) > EVENTS_MAX / 2);
    assert_memory_equal(text, "20", 2); /* a whole line comes first */
    assert_null(strstr(text, " line 0 "));
    assert_non_null(strstr(text, " line 29999 "));
    free(text);
    events_close(&e);
    close(fd);
}

static void read_only_log_keeps_lines_in_memory(void **state)
{
    struct fix *f = *state;
    int fd = open_dir(f);
    struct events e;
    struct stat st;
    char *text;

    assert_int_equal(events_open(&e, fd, true, "mail"), 0);
    for (unsigned i = 0; i < 50000; i++)
        events_add(&e, EVENT_ERROR, 214,
                   "something that is too long to be kept fifty thousand times");
    events_add(&e, EVENT_ERROR, 214, "the last one");
    text = text_of(&e);
    assert_true(strlen(text) <= 1 << 20);
    assert_non_null(strstr(text, "the last one\n"));
    free(text);
    events_close(&e);
    assert_true(fstatat(fd, ".events", &st, 0) < 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T_CLOSED(line_has_time_severity_id_and_text),
        T_CLOSED(lines_survive_a_reopen_and_a_torn_one_is_ended),
        T_CLOSED(ring_keeps_the_newest_ten_mebibytes),
        T_CLOSED(read_only_log_keeps_lines_in_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
