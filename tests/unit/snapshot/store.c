/* The store: who may hold it, what it refuses, numbers, what a crash left. */
#include "store.h"

#include <sys/file.h>

#include "fixture.h"

static JET_ERR try_open(struct fix *f, const struct snap_opts *opts)
{
    JET_ERR err = snap_open(opts, &f->s, &f->why);

    if (err >= 0) {
        snap_close(f->s);
        f->s = NULL;
    }
    return err;
}

static void second_opening_is_refused_and_names_the_holder(void **state)
{
    struct fix *f = *state;
    struct snap *second;

    f->opts.holder = "/mnt/somewhere";
    fix_open(f);
    assert_int_equal(snap_open(&f->opts, &second, &f->why), JET_errFileAccessDenied);
    assert_non_null(strstr(f->why.text, "/mnt/somewhere"));
    f->opts.ro = true;
    assert_int_equal(snap_open(&f->opts, &second, &f->why), JET_errFileAccessDenied);
    f->opts.ro = false;
    fix_reopen(f);
}

static void store_is_made_with_its_format_and_closed_to_others(void **state)
{
    struct fix *f = *state;
    struct stat st;

    fix_open(f);
    take(f, "a");
    assert_int_equal(run("grep -qx 'esefs store 1' %s/FORMAT", f->store), 0);
    assert_int_equal(stat(f->store, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(stat(STORE(f, "mail"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(stat(STORE(f, "mail/a"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(stat(STORE(f, "mail/a/mail.edb"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0400);
}

static void unknown_format_is_refused(void **state)
{
    struct fix *f = *state;

    assert_int_equal(try_open(f, &f->opts), 0);
    assert_int_equal(run("echo 'esefs store 2' > %s/FORMAT", f->store), 0);
    assert_int_equal(try_open(f, &f->opts), JET_errInvalidDatabaseVersion);
    assert_non_null(strstr(f->why.text, "esefs store 2"));
}

static void directory_of_somebody_else_is_refused(void **state)
{
    struct fix *f = *state;

    assert_int_equal(run("mkdir %s && touch %s/letter.txt", f->store, f->store), 0);
    assert_int_equal(try_open(f, &f->opts), JET_errInvalidDatabaseVersion);
    assert_int_equal(run("rm %s/letter.txt && mkdir %s/lost+found", f->store, f->store), 0);
    assert_int_equal(try_open(f, &f->opts), 0);
}

static void source_within_the_store_is_refused(void **state)
{
    struct fix *f = *state;

    f->opts.store = f->dir;
    assert_int_equal(try_open(f, &f->opts), JET_errInvalidParameter);
    f->opts.store = f->source;
    assert_int_equal(try_open(f, &f->opts), JET_errInvalidParameter);
    assert_int_not_equal(access(SOURCE(f, "FORMAT"), F_OK), 0);
    assert_int_not_equal(access(SOURCE(f, "lock"), F_OK), 0);
}

static void store_within_the_source_is_no_instance(void **state)
{
    struct fix *f = *state;
    char store[PATH_MAX];
    struct snap_inst **list;
    unsigned nr;

    snprintf(store, sizeof(store), "%s/keep", f->source);
    f->opts.store = store;
    fix_open(f);
    take(f, "a");
    fix_reopen(f);
    assert_int_equal(snap_insts(f->s, &list, &nr), 0);
    assert_int_equal(nr, 1);
    snap_insts_free(list, nr);
    assert_true(has_backup(f, "a"));
    fix_close(f);
    f->opts.store = NULL; /* SOURCE/.esefs, and a note of that */
    fix_open(f);
    assert_non_null(strstr(snap_note(f->s), ".esefs"));
    take(f, "b");
    assert_int_equal(access(SOURCE(f, ".esefs/mail/b/mail.edb"), F_OK), 0);
}

static void store_that_cannot_be_made_is_read_only(void **state)
{
    struct fix *f = *state;
    char store[PATH_MAX];

    snprintf(store, sizeof(store), "%s/no/such/place", f->dir);
    f->opts.store = store;
    fix_open(f);
    assert_true(snap_is_ro(f->s));
    assert_non_null(strstr(snap_note(f->s), "read-only"));
    assert_int_equal(snap_take(f->i, "a", NULL, NULL, &f->why), JET_errFileAccessDenied);
    assert_int_equal(f->why.os_errno, EROFS);
    assert_int_equal(snap_command(f->i, "full a", NULL, NULL, &f->why), JET_errFileAccessDenied);
    assert_int_equal(count_backups(f), 0);
}

static void read_only_opening_shows_and_changes_nothing(void **state)
{
    struct fix *f = *state;
    uint64_t id;

    fix_open(f);
    take(f, "a");
    id = snap_inst_id(f->i);
    fix_close(f);
    assert_int_equal(run("mkdir %s/mail/.partial-77", f->store), 0);
    assert_int_equal(
        run("cd %s && find . -printf '%%p %%s %%T@ %%C@\\n' | sort > ../before", f->store), 0);
    f->opts.ro = true;
    fix_open(f);
    assert_true(snap_is_ro(f->s));
    assert_true(has_backup(f, "a"));
    assert_int_equal(snap_inst_id(f->i), id);
    assert_int_equal(snap_remove(f->i, "a", &f->why), JET_errFileAccessDenied);
    assert_int_equal(f->why.os_errno, EROFS);
    assert_int_equal(snap_rename(f->i, "a", "b", &f->why), JET_errFileAccessDenied);
    assert_int_equal(snap_hold(f->i, "a", true, &f->why), JET_errFileAccessDenied);
    assert_int_equal(snap_take(f->i, "b", NULL, NULL, &f->why), JET_errFileAccessDenied);
    fix_close(f);
    assert_int_equal(
        run("cd %s && find . -printf '%%p %%s %%T@ %%C@\\n' | sort | cmp - ../before", f->store),
        0);
}

static void leftovers_are_swept_and_nothing_else(void **state)
{
    struct fix *f = *state;

    fix_open(f);
    take(f, "a");
    fix_close(f);
    assert_int_equal(
        run("cd %s/mail && cp -r a .partial-99 && cp -r a .trash-98 && cp -r a b && rm b/.manifest",
            f->store),
        0);
    fix_open(f);
    assert_no_leftover(f);
    assert_int_equal(count_backups(f), 1);
    assert_int_equal(access(STORE(f, "mail/b/mail.edb"), F_OK), 0); /* not ours to delete */
    assert_true(
        events_have(f, " 9020 b in the store is not shown as a backup: it has no manifest"));
}

static void numbers_are_never_given_twice(void **state)
{
    struct fix *f = *state;
    struct store s;
    uint64_t last = 0, first;
    int fd = open(f->source, O_RDONLY | O_DIRECTORY);

    for (unsigned round = 0; round < 5; round++) {
        store_init(&s);
        assert_int_equal(store_open(&f->opts, fd, &s, &f->why), 0);
        for (unsigned i = 0; i < 3000; i++) {
            assert_int_equal(store_numbers(&s, 7, &first), 0);
            assert_true(first > last);
            last = first + 6;
        }
        store_close(&s);
    }
    close(fd);
}

static void numbers_go_on_above_those_in_use_when_the_file_is_lost(void **state)
{
    struct fix *f = *state;
    struct snap_backup *b;
    uint64_t highest;

    fix_open(f);
    for (unsigned i = 0; i < 3; i++) {
        char name[8];
        snprintf(name, sizeof(name), "b%u", i);
        take(f, name);
    }
    b = snap_backup_find(f->i, "b2");
    highest = snap_backup_manifest(b)->files[3].ino;
    snap_backup_unref(b);
    fix_close(f);
    assert_int_equal(run("rm %s/serial", f->store), 0);
    fix_open(f);
    take(f, "next");
    b = snap_backup_find(f->i, "next");
    assert_true(snap_backup_manifest(b)->ino > highest);
    snap_backup_unref(b);
}

static void damaged_number_is_refused(void **state)
{
    struct fix *f = *state;

    assert_int_equal(try_open(f, &f->opts), 0);
    assert_int_equal(run("printf garbage > %s/serial", f->store), 0);
    assert_true(try_open(f, &f->opts) < 0);
}

static void instances_keep_their_number_in_the_store(void **state)
{
    struct fix *f = *state;
    struct snap_inst *other;
    uint64_t mail, web;

    make_instance(f->source, "web", 20, 8192);
    fix_open(f);
    other = snap_inst_find(f->s, "web");
    mail = snap_inst_id(f->i);
    web = snap_inst_id(other);
    snap_inst_unref(other);
    assert_true(mail / 8 != web / 8);
    fix_reopen(f);
    other = snap_inst_find(f->s, "web");
    assert_int_equal(snap_inst_id(f->i), mail);
    assert_int_equal(snap_inst_id(other), web);
    snap_inst_unref(other);
}

static void bad_retention_is_refused(void **state)
{
    struct fix *f = *state;

    f->opts.keep = "sometimes";
    assert_int_equal(try_open(f, &f->opts), JET_errInvalidParameter);
    assert_non_null(strstr(f->why.text, "sometimes"));
}

static void source_that_is_not_there_is_named(void **state)
{
    struct fix *f = *state;

    f->opts.source = "/tmp/esefs-no-such-directory";
    assert_int_equal(try_open(f, &f->opts), JET_errFileNotFound);
    assert_string_equal(f->why.file, f->opts.source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T_CLOSED(second_opening_is_refused_and_names_the_holder),
        T_CLOSED(store_is_made_with_its_format_and_closed_to_others),
        T_CLOSED(unknown_format_is_refused),
        T_CLOSED(directory_of_somebody_else_is_refused),
        T_CLOSED(source_within_the_store_is_refused),
        T_CLOSED(store_within_the_source_is_no_instance),
        T_CLOSED(store_that_cannot_be_made_is_read_only),
        T_CLOSED(read_only_opening_shows_and_changes_nothing),
        T_CLOSED(leftovers_are_swept_and_nothing_else),
        T_CLOSED(numbers_are_never_given_twice),
        T_CLOSED(numbers_go_on_above_those_in_use_when_the_file_is_lost),
        T_CLOSED(damaged_number_is_refused),
        T_CLOSED(instances_keep_their_number_in_the_store),
        T_CLOSED(bad_retention_is_refused),
        T_CLOSED(source_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
