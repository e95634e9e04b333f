/* Instances that come and go while mounted, and who is told. */
#include "fixture.h"

#include <pthread.h>

struct heard {
    pthread_mutex_t lock;
    char text[8192]; /* "what instance name old;" each */
};

static void hear(void *ctx, struct snap_inst *inst, enum snap_change what, const char *name,
                 const char *old)
{
    static const char *const words[] = {
        "new", "gone", "backup-new", "backup-gone", "backup-renamed", "status", "event"};
    struct heard *h = ctx;
    size_t len;

    if (what == SNAP_EVENT)
        return;
    pthread_mutex_lock(&h->lock);
    len = strlen(h->text);
    snprintf(h->text + len, sizeof(h->text) - len, "%s %s %s %s;", words[what],
             snap_inst_name(inst), name ? name : "", old ? old : "");
    pthread_mutex_unlock(&h->lock);
}

static bool heard(struct heard *h, const char *text)
{
    bool found;

    pthread_mutex_lock(&h->lock);
    found = strstr(h->text, text) != NULL;
    pthread_mutex_unlock(&h->lock);
    return found;
}

static bool web_is_there(void *ctx)
{
    struct fix *f = ctx;
    struct snap_inst *i = snap_inst_find(f->s, "web");

    snap_inst_unref(i);
    return i != NULL;
}

static bool web_is_gone(void *ctx)
{
    return !web_is_there(ctx);
}

static void instances_appear_and_vanish_within_a_second(void **state)
{
    struct fix *f = *state;
    struct heard h = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct snap_backup *latest;
    struct snap_inst *web;
    uint64_t id;

    snap_listen(f->s, hear, &h);
    assert_int_equal(run("cp -r %s/mail %s/.web && mv %s/.web %s/web", f->source, f->source,
                         f->source, f->source),
                     0);
    assert_true(within(1000, web_is_there, f));
    assert_true(heard(&h, "new web"));
    web = snap_inst_find(f->s, "web");
    id = snap_inst_id(web);
    assert_int_equal(snap_take(web, "a", NULL, NULL, &f->why), 0);
    assert_true(heard(&h, "backup-new web a "));
    assert_int_equal(run("mv %s/web %s/.web", f->source, f->source), 0);
    assert_true(within(1000, web_is_gone, f));
    assert_true(heard(&h, "gone web"));
    snap_inst_unref(web); /* lived on */
    assert_int_equal(run("mv %s/.web %s/web", f->source, f->source), 0);
    assert_true(within(1000, web_is_there, f));
    web = snap_inst_find(f->s, "web");
    assert_int_equal(snap_inst_id(web), id);
    latest = snap_backup_latest(web);
    assert_non_null(latest);
    snap_backup_unref(latest);
    snap_inst_unref(web);
    snap_listen(f->s, NULL, NULL);
}

static bool is_damaged(void *f)
{
    return status_has(f, "\nState: damaged\n");
}

static bool is_idle(void *f)
{
    return status_has(f, "\nState: idle\n");
}

static void damage_of_a_header_shows_in_status(void **state)
{
    struct fix *f = *state;
    struct heard h = {.lock = PTHREAD_MUTEX_INITIALIZER};

    snap_listen(f->s, hear, &h);
    assert_true(is_idle(f));
    damage(SOURCE(f, "mail/mail.edb"), 100, 0xff);
    assert_true(within(1000, is_damaged, f));
    assert_true(heard(&h, "status mail"));
    assert_true(status_has(f, "\nFault: mail.edb: "));
    damage(SOURCE(f, "mail/mail.edb"), 100, 0xff);
    assert_true(within(1000, is_idle, f));
    snap_listen(f->s, NULL, NULL);
}

static void changes_of_backups_are_told(void **state)
{
    struct fix *f = *state;
    struct heard h = {.lock = PTHREAD_MUTEX_INITIALIZER};

    snap_listen(f->s, hear, &h);
    take(f, "a");
    assert_int_equal(snap_rename(f->i, "a", "b", &f->why), 0);
    assert_int_equal(snap_remove(f->i, "b", &f->why), 0);
    assert_true(heard(&h, "backup-new mail a ;"));
    assert_true(heard(&h, "backup-renamed mail b a;"));
    assert_true(heard(&h, "backup-gone mail b ;"));
    assert_true(heard(&h, "status mail"));
    snap_listen(f->s, NULL, NULL);
}

static void odd_names_of_instances_work(void **state)
{
    static const char *const names[] = {"lock",      "FORMAT",   "a%b",
                                        "new\nline", "\xff\xfe", "two words"};
    struct fix *f = *state;

    fix_close(f);
    for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
        char to[PATH_MAX];
        snprintf(to, sizeof(to), "%s/%s", f->source, names[k]);
        assert_int_equal(mkdir(to, 0755), 0);
        snprintf(to, sizeof(to), "%s/%s/mail.edb", f->source, names[k]);
        assert_int_equal(link(SOURCE(f, "mail/mail.edb"), to), 0);
    }
    fix_open(f);
    for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
        struct snap_inst *i = snap_inst_find(f->s, names[k]);
        size_t len;
        char *status;
        assert_non_null(i);
        assert_int_equal(snap_take(i, "a", NULL, NULL, &f->why), 0);
        status = snap_status(i, &len);
        assert_memory_equal(status, "Instance: ", 10);
        assert_memory_equal(strchr(status, '\n'), "\nState: idle\n", 13);
        free(status);
        snap_inst_unref(i);
    }
}

static void instance_under_work_may_vanish(void **state)
{
    struct fix *f = *state;
    struct snap_inst **list;
    unsigned nr;

    fix_close(f);
    f->opts.rate = 500000;
    fix_open(f);
    assert_int_equal(snap_command(f->i, "full a", NULL, NULL, &f->why), 0);
    usleep(200000);
    assert_int_equal(run("rm -r %s/mail", f->source), 0);
    assert_int_equal(snap_command(f->i, "wait", NULL, NULL, &f->why), JET_errDatabaseInUse);
    usleep(800000);
    assert_int_equal(snap_insts(f->s, &list, &nr), 0);
    assert_int_equal(nr, 0);
    snap_insts_free(list, nr);
    assert_no_leftover(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(instances_appear_and_vanish_within_a_second),
        T(damage_of_a_header_shows_in_status),
        T(changes_of_backups_are_told),
        T(odd_names_of_instances_work),
        T(instance_under_work_may_vanish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
