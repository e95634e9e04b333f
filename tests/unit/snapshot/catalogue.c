/* Finished backups: what stays the same, removing, renaming, hold, retention. */
#include "fixture.h"

#include <sys/statvfs.h>

static void remembered(struct fix *f, const char *name, char *buf, size_t len)
{
    struct snap_backup *b = snap_backup_find(f->i, name);
    const struct snap_manifest *m;
    size_t n = 0;

    assert_non_null(b);
    m = snap_backup_manifest(b);
    n += (size_t)snprintf(buf, len, "%llu %ld.%ld;", (unsigned long long)m->ino,
                          (long)m->created.tv_sec, m->created.tv_nsec);
    for (unsigned k = 0; k < m->nr_files; k++)
        n += (size_t)snprintf(buf + n, len - n, "%s %llu %llu %ld.%ld;", m->files[k].name,
                              (unsigned long long)m->files[k].ino,
                              (unsigned long long)m->files[k].size, (long)m->files[k].mtime.tv_sec,
                              m->files[k].mtime.tv_nsec);
    snap_backup_unref(b);
}

static void numbers_sizes_and_times_survive_reopening_and_renaming(void **state)
{
    struct fix *f = *state;
    char before[2000], after[2000];

    take(f, "a");
    remembered(f, "a", before, sizeof(before));
    fix_reopen(f);
    remembered(f, "a", after, sizeof(after));
    assert_string_equal(before, after);
    assert_int_equal(snap_rename(f->i, "a", "b", &f->why), 0);
    remembered(f, "b", after, sizeof(after));
    assert_string_equal(before, after);
    fix_reopen(f);
    remembered(f, "b", after, sizeof(after));
    assert_string_equal(before, after);
    assert_false(has_backup(f, "a"));
}

static void manifest_tells_what_the_files_are(void **state)
{
    struct fix *f = *state;
    struct snap_backup *b;
    const struct snap_manifest *m;
    uint64_t bytes = 0;

    take(f, "a");
    b = snap_backup_find(f->i, "a");
    m = snap_backup_manifest(b);
    assert_string_equal(m->kind, "offline-copy");
    assert_string_equal(m->engine, ese_version());
    assert_string_equal(m->generations, "0x1-0x1");
    assert_string_equal(m->databases, "mail.edb");
    assert_int_equal(m->logs, 1);
    assert_int_equal(m->corrected, 0);
    assert_int_equal(m->nr_files, 4);
    for (unsigned k = 0; k < m->nr_files; k++) {
        char path[PATH_MAX];
        struct stat st;
        uint8_t sum[32];
        snprintf(path, sizeof(path), "%s/mail/a/%s", f->store, m->files[k].name);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_size, m->files[k].size);
        assert_int_equal(st.st_mtim.tv_sec, m->files[k].mtime.tv_sec);
        assert_int_equal(st.st_mtim.tv_nsec, m->files[k].mtime.tv_nsec);
        sha256_of(path, sum);
        assert_memory_equal(sum, m->files[k].sha256, 32);
        bytes += m->files[k].size;
        if (strcmp(m->files[k].name, "SHA256SUMS") == 0)
            assert_memory_equal(sum, m->sha256, 32);
        if (strcmp(m->files[k].name, "mail.edb") == 0)
            assert_int_equal(m->pages_verified, st.st_size / 4096 - 2);
    }
    assert_int_equal(bytes, m->bytes);
    snap_backup_unref(b);
    assert_int_equal(run("cd %s/mail/a && sha256sum -c SHA256SUMS >/dev/null", f->store), 0);
}

static void latest_is_the_newest(void **state)
{
    struct fix *f = *state;
    struct snap_backup *b;
    char name[256];

    assert_null(snap_backup_latest(f->i));
    take(f, "z");
    take(f, "a");
    b = snap_backup_latest(f->i);
    snap_backup_name(b, name);
    assert_string_equal(name, "a");
    snap_backup_unref(b);
    assert_int_equal(snap_remove(f->i, "a", &f->why), 0);
    b = snap_backup_latest(f->i);
    snap_backup_name(b, name);
    assert_string_equal(name, "z");
    snap_backup_unref(b);
}

static void removed_backup_is_gone_whole_but_open_files_live_on(void **state)
{
    struct fix *f = *state;
    struct snap_backup *b;
    char buf[4096];
    int fd, late = -1;

    take(f, "a");
    b = snap_backup_find(f->i, "a");
    assert_int_equal(snap_backup_open(b, 3, &fd), 0);
    assert_int_equal(snap_remove(f->i, "a", &f->why), 0);
    assert_false(has_backup(f, "a"));
    assert_int_not_equal(access(STORE(f, "mail/a"), F_OK), 0);
    assert_no_leftover(f);
    assert_int_equal(pread(fd, buf, sizeof(buf), 4096), sizeof(buf));
    assert_true(snap_backup_open(b, 3, &late) < 0);
    close(fd);
    snap_backup_close(b);
    snap_backup_unref(b);
    assert_int_equal(snap_remove(f->i, "a", &f->why), JET_errFileNotFound);
    assert_true(events_have(f, " 9010 backup a removed\n"));
}

static void rename_refuses_what_exists_and_what_is_no_name(void **state)
{
    struct fix *f = *state;

    take(f, "a");
    take(f, "b");
    assert_int_equal(snap_rename(f->i, "a", "b", &f->why), JET_errFileAlreadyExists);
    assert_int_equal(snap_rename(f->i, "a", "a", &f->why), JET_errFileAlreadyExists);
    assert_int_equal(snap_rename(f->i, "x", "y", &f->why), JET_errFileNotFound);
    assert_int_equal(snap_rename(f->i, "a", ".y", &f->why), JET_errInvalidName);
    assert_int_equal(snap_rename(f->i, "a", "latest", &f->why), JET_errInvalidName);
    assert_int_equal(snap_rename(f->i, "a", "0", &f->why), 0);
    assert_int_equal(snap_rename(f->i, "0", "zz", &f->why), 0);
    assert_true(has_backup(f, "b") && has_backup(f, "zz"));
    assert_int_equal(count_backups(f), 2);
}

static void something_in_the_way_in_the_store_is_not_replaced(void **state)
{
    struct fix *f = *state;

    take(f, "a");
    assert_int_equal(mkdir(STORE(f, "mail/taken"), 0700), 0);
    assert_int_equal(snap_rename(f->i, "a", "taken", &f->why), JET_errFileAlreadyExists);
    assert_int_equal(snap_take(f->i, "taken", NULL, NULL, &f->why), JET_errFileAlreadyExists);
    assert_no_leftover(f);
    assert_true(has_backup(f, "a"));
}

static void hold_protects_and_survives_reopening(void **state)
{
    struct fix *f = *state;
    struct snap_backup *b;

    take(f, "a");
    assert_int_equal(snap_hold(f->i, "a", true, &f->why), 0);
    assert_int_equal(snap_hold(f->i, "a", true, &f->why), 0);
    assert_int_equal(snap_remove(f->i, "a", &f->why), JET_errDatabaseInUse);
    assert_non_null(strstr(f->why.text, "hold"));
    assert_int_equal(snap_rename(f->i, "a", "b", &f->why), 0);
    fix_reopen(f);
    b = snap_backup_find(f->i, "b");
    assert_true(snap_backup_held(b));
    snap_backup_unref(b);
    assert_int_equal(snap_remove(f->i, "b", &f->why), JET_errDatabaseInUse);
    assert_int_equal(snap_hold(f->i, "b", false, &f->why), 0);
    assert_int_equal(snap_hold(f->i, "b", false, &f->why), 0);
    assert_int_equal(snap_remove(f->i, "b", &f->why), 0);
    assert_int_equal(snap_hold(f->i, "b", true, &f->why), JET_errFileNotFound);
}

static void damaged_backup_is_not_shown_and_left_alone(void **state)
{
    static const struct {
        const char *how, *why;
    } cases[] = {
        {"printf x >> .manifest", "its manifest is damaged"},
        {"rm .manifest", "it has no manifest"},
        {"truncate -s 100 mail.edb", "a file of it has another size"},
        {"rm edb.log", "a file of it is missing"},
        {"rm edb.log; mkdir edb.log", "a file of it has another size"},
        {"chmod 600 .manifest; echo 'esefs manifest 7' > .manifest", "a version that is not known"},
        {"rm .manifest; mkfifo .manifest", "its manifest cannot be read"},
        {"rm .manifest; ln -s /etc/passwd .manifest", "its manifest cannot be read"},
    };
    struct fix *f = *state;

    for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
        char name[8], line[200];
        snprintf(name, sizeof(name), "b%zu", k);
        take(f, name);
        fix_close(f);
        assert_int_equal(
            run("cd %s/mail/%s && chmod 600 * && { %s; }", f->store, name, cases[k].how), 0);
        fix_open(f);
        if (has_backup(f, name))
            fail_msg("%s: is shown", cases[k].how);
        snprintf(line, sizeof(line), "%s in the store is not shown", name);
        if (!events_have(f, line) || !events_have(f, cases[k].why))
            fail_msg("%s: no event \"%s\"", cases[k].how, cases[k].why);
        assert_int_equal(access(path_of(f, f->store, "mail"), F_OK), 0);
        assert_int_equal(run("test -d %s/mail/%s", f->store, name), 0);
    }
    assert_int_equal(count_backups(f), 0);
}

/* ---- retention -------------------------------------------------------------------------------- */

static void keep_removes_what_no_rule_keeps(void **state)
{
    struct fix *f = *state;

    f->opts.keep = "last:2";
    fix_open(f);
    take(f, "a");
    take(f, "b");
    assert_int_equal(count_backups(f), 2);
    take(f, "c");
    assert_false(has_backup(f, "a"));
    assert_true(has_backup(f, "b") && has_backup(f, "c"));
    assert_true(events_have(f, " 9014 backup a removed by keep=\n"));
    assert_no_leftover(f);
}

static void keep_spares_held_open_and_lately_read_backups(void **state)
{
    struct fix *f = *state;
    struct snap_backup *open_b, *read_b;
    struct timespec old[2] = {{1000000000, 0}, {1000000000, 0}};
    int fd, fd2;

    f->opts.keep = "last:1";
    fix_open(f);
    take(f, "held");
    assert_int_equal(snap_hold(f->i, "held", true, &f->why), 0);
    take(f, "open");
    open_b = snap_backup_find(f->i, "open");
    assert_int_equal(snap_backup_open(open_b, 0, &fd), 0);
    take(f, "read");
    read_b = snap_backup_find(f->i, "read");
    assert_int_equal(snap_backup_open(read_b, 0, &fd2), 0);
    close(fd2);
    snap_backup_close(read_b);
    snap_backup_unref(read_b);
    take(f, "x");
    take(f, "y");
    assert_false(has_backup(f, "x"));
    assert_true(has_backup(f, "held") && has_backup(f, "open") && has_backup(f, "read"));
    close(fd);
    snap_backup_close(open_b);
    snap_backup_unref(open_b);
    fix_reopen(f); /* the time of reading is in the store too */
    take(f, "z");
    assert_true(has_backup(f, "read") && has_backup(f, "open"));
    assert_false(has_backup(f, "y"));
    fix_close(f);
    assert_int_equal(utimensat(AT_FDCWD, STORE(f, "mail/read/.read"), old, 0), 0);
    fix_open(f);
    take(f, "last");
    assert_false(has_backup(f, "read"));
    assert_true(has_backup(f, "open") && has_backup(f, "held"));
}

static void failed_backup_removes_nothing(void **state)
{
    struct fix *f = *state;

    f->opts.keep = "last:1";
    fix_open(f);
    take(f, "a");
    damage(SOURCE(f, "mail/mail.edb"), 5 * 4096 + 100, 0xff);
    assert_true(snap_take(f->i, "b", NULL, NULL, &f->why) < 0);
    assert_true(has_backup(f, "a"));
}

/* ---- the rest --------------------------------------------------------------------------------- */

static void verify_finds_what_rotted(void **state)
{
    static const struct {
        const char *how, *event;
    } cases[] = {
        {"printf 'x' | dd of=mail.edb bs=1 seek=20500 conv=notrunc 2>/dev/null", "mail.edb"},
        {"printf 'x' | dd of=edb.log bs=1 seek=4200 conv=notrunc 2>/dev/null", "edb.log"},
        {"printf 'x' | dd of=SHA256SUMS bs=1 seek=3 conv=notrunc 2>/dev/null", "SHA256SUMS"},
        {"touch stranger", "stranger"},
        {"truncate -s 8192 mail.edb", "is shorter than it was"},
        {"rm edb.chk", "edb.chk"},
    };
    struct fix *f = *state;

    for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
        char name[8], line[32];
        snprintf(name, sizeof(name), "b%zu", k);
        take(f, name);
        snprintf(line, sizeof(line), "verify %s", name);
        assert_int_equal(snap_command(f->i, line, NULL, NULL, &f->why), 0);
        assert_int_equal(snap_command(f->i, "wait", NULL, NULL, &f->why), 0);
        assert_int_equal(
            run("cd %s/mail/%s && chmod 600 * && { %s; }", f->store, name, cases[k].how), 0);
        assert_int_equal(snap_command(f->i, line, NULL, NULL, &f->why), 0);
        if (snap_command(f->i, "wait", NULL, NULL, &f->why) >= 0)
            fail_msg("%s: is not noticed", cases[k].how);
        if (!events_have(f, cases[k].event) || !events_have(f, " 9003 "))
            fail_msg("%s: no event", cases[k].how);
        assert_true(status_has(f, "LastVerify: "));
        assert_false(status_has(f, "Z ok\n"));
    }
}

static void a_bit_that_could_be_corrected_is_rot_in_a_backup(void **state)
{
    struct fix *f = *state;

    take(f, "a");
    assert_int_equal(run("chmod 600 %s/mail/a/mail.edb", f->store), 0);
    damage(STORE(f, "mail/a/mail.edb"), 5 * 4096 + 100, 1);
    assert_int_equal(snap_command(f->i, "verify a", NULL, NULL, &f->why), 0);
    assert_int_equal(snap_command(f->i, "wait", NULL, NULL, &f->why), JET_errReadVerifyFailure);
    assert_int_equal(f->why.pgno, 4);
}

static void space_is_that_of_the_store(void **state)
{
    struct fix *f = *state;
    struct snap_backup *b;
    struct statvfs a, s;
    struct stat st;
    uint64_t blocks;

    take(f, "a");
    assert_int_equal(snap_statvfs(f->s, &s), 0);
    assert_int_equal(statvfs(f->store, &a), 0);
    assert_int_equal(a.f_blocks, s.f_blocks);
    b = snap_backup_find(f->i, "a");
    assert_int_equal(snap_backup_blocks(b, 3, &blocks), 0);
    assert_int_equal(stat(STORE(f, "mail/a/mail.edb"), &st), 0);
    assert_int_equal(blocks, st.st_blocks);
    assert_true(snap_backup_blocks(b, 4, &blocks) < 0);
    snap_backup_unref(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(numbers_sizes_and_times_survive_reopening_and_renaming),
        T(manifest_tells_what_the_files_are),
        T(latest_is_the_newest),
        T(removed_backup_is_gone_whole_but_open_files_live_on),
        T(rename_refuses_what_exists_and_what_is_no_name),
        T(something_in_the_way_in_the_store_is_not_replaced),
        T(hold_protects_and_survives_reopening),
        T(damaged_backup_is_not_shown_and_left_alone),
        T_CLOSED(keep_removes_what_no_rule_keeps),
        T_CLOSED(keep_spares_held_open_and_lately_read_backups),
        T_CLOSED(failed_backup_removes_nothing),
        T(verify_finds_what_rotted),
        T(a_bit_that_could_be_corrected_is_rot_in_a_backup),
        T(space_is_that_of_the_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
