/* Taking backups: what is in them, what is refused, what SOURCE sees of it. */
#include "fixture.h"

#include <sys/file.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

/* Everything a copy may not change: names, modes, sizes, times of change, content. */
static void picture(const struct fix *f, const char *to)
{
    assert_int_equal(run("cd %s && { find . -path ./.esefs -prune -o -printf '%%p %%m %%s %%T@ "
                         "%%C@ %%l\\n' | sort; "
                         "find . -path ./.esefs -prune -o -type f -readable -print0 | sort -z | "
                         "xargs -0 sha256sum; "
                         "} > %s/%s",
                         f->source, f->dir, to),
                     0);
}

static void copy_is_byte_for_byte_and_the_source_stays_as_it_was(void **state)
{
    struct fix *f = *state;
    struct stat before, after;

    picture(f, "before");
    assert_int_equal(stat(SOURCE(f, "mail/mail.edb"), &before), 0);
    take(f, "a");
    assert_int_equal(stat(SOURCE(f, "mail/mail.edb"), &after), 0);
    picture(f, "after");
    assert_int_equal(run("cmp %s/before %s/after", f->dir, f->dir), 0);
    assert_int_equal(before.st_atim.tv_nsec,
                     after.st_atim.tv_nsec); /* O_NOATIME: it is our own file */
    assert_true(same_content(SOURCE(f, "mail/mail.edb"), STORE(f, "mail/a/mail.edb")));
    assert_true(same_content(SOURCE(f, "mail/edb.log"), STORE(f, "mail/a/edb.log")));
    assert_true(same_content(SOURCE(f, "mail/edb.chk"), STORE(f, "mail/a/edb.chk")));
}

static void events_tell_the_steps_in_order(void **state)
{
    static const char *const steps[] = {" info 210 backup a begins",
                                        " info 223 copying the logs edb.log to edb.log\n",
                                        " info 220 copying mail.edb (",
                                        " info 221 mail.edb is read and verified: ",
                                        " info 225 ",
                                        " info 213 backup a is complete"};
    struct fix *f = *state;
    size_t len;
    char *events, *at;

    take(f, "a");
    at = events = snap_events(f->i, &len);
    for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
        print_message("%s\n", steps[k]); /* the last one printed is missing or out of order */
        at = strstr(at, steps[k]);
        assert_non_null(at);
    }
    free(events);
}

static void status_has_the_lines_of_the_contract(void **state)
{
    static const char *const lines[] = {
        "Instance: mail\nState: idle\nDatabases: mail.edb (pages ",
        ", page size 4096, clean, last full backup none, last incremental backup none)\n",
        "Logs: base edb, generations 0x1-0x1, checkpoint 0x1, circular no\n",
        "LastBackup: a offline-copy 20",
        " pages 243 logs 1\nLastError: none\nReads: buffered (a test)\n"};
    struct fix *f = *state;
    uint64_t serial = snap_status_serial(f->i);

    assert_true(status_has(f, "\nLastBackup: none\nLastError: none\n"));
    take(f, "a");
    snap_set_reads(f->s, "buffered (a test)");
    for (size_t k = 0; k < sizeof(lines) / sizeof(lines[0]); k++)
        if (!status_has(f, lines[k])) {
            size_t len;
            fail_msg("%s\n%s", lines[k], snap_status(f->i, &len));
        }
    assert_true(snap_status_serial(f->i) > serial);
    fix_reopen(f);
    assert_true(status_has(f, "LastBackup: a offline-copy 20"));
}

static void one_wrong_bit_is_corrected_in_the_copy_and_told(void **state)
{
    struct fix *f = *state;
    struct snap_backup *b;

    assert_int_equal(run("cp %s/mail/mail.edb %s/sound", f->source, f->dir), 0);
    damage(SOURCE(f, "mail/mail.edb"), 7 * 4096 + 1234, 0x10);
    assert_int_equal(run("cp %s/mail/mail.edb %s/damaged", f->source, f->dir), 0);
    take(f, "a");
    b = snap_backup_find(f->i, "a");
    assert_int_equal(snap_backup_manifest(b)->corrected, 1);
    snap_backup_unref(b);
    assert_true(same_content(STORE(f, "mail/a/mail.edb"), path_of(f, f->dir, "sound")));
    assert_true(same_content(SOURCE(f, "mail/mail.edb"), path_of(f, f->dir, "damaged")));
    assert_true(events_have(f, " warning 399 mail.edb: page 6 (offset 0x7000): "));
    assert_int_equal(run("cd %s/mail/a && sha256sum -c SHA256SUMS >/dev/null", f->store), 0);
}

static void damage_is_refused_with_its_place_and_leaves_nothing(void **state)
{
    struct fix *f = *state;

    rnd_init("damage_is_refused");
    for (unsigned k = 0; k < 40; k++) {
        uint32_t pgno = 1 + (uint32_t)(rnd() % 240);
        uint64_t off = (pgno + 1ull) * 4096;
        char place[100];
        /* two bytes of one page: more than its ECC can put right */
        damage(SOURCE(f, "mail/mail.edb"), off + 50 + rnd() % 1000, 0x81);
        damage(SOURCE(f, "mail/mail.edb"), off + 2050 + rnd() % 1000, 0x42);
        if (snap_take(f->i, "bad", NULL, NULL, &f->why) >= 0)
            fail_msg("page %u: is not noticed", pgno);
        snprintf(place, sizeof(place), "mail.edb: page %u (offset 0x%llX): JET_err", pgno,
                 (unsigned long long)off);
        if (!events_have(f, place) || !status_has(f, place))
            fail_msg("%s is not told", place);
        assert_int_equal(f->why.pgno, pgno);
        assert_int_equal(count_backups(f), 0);
        assert_no_leftover(f);
        assert_int_equal(run("rm -r %s/mail", f->source), 0);
        make_instance(f->source, "mail", 300, 4096);
    }
    assert_true(events_have(f, " error 214 backup bad failed: mail.edb: page "));
    take(f, "good");
    assert_true(status_has(f, "LastError: none\n"));
}

static void damaged_log_and_headers_are_refused(void **state)
{
    static const struct {
        const char *file;
        uint64_t off;
    } cases[] = {
        {"edb.log", 100},        {"edb.log", 4096 + 500}, {"edb.chk", 100},
        {"edb.chk", 4096 + 100}, {"mail.edb", 100},       {"mail.edb", 4096 + 100},
    };
    struct fix *f = *state;

    for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
        char path[PATH_MAX];
        snprintf(path, sizeof(path), "%s/mail/%s", f->source, cases[k].file);
        damage(path, cases[k].off, 0xff);
        damage(path, cases[k].off + 7, 0x55);
        if (snap_take(f->i, "bad", NULL, NULL, &f->why) >= 0)
            fail_msg("%s at %llu", cases[k].file, (unsigned long long)cases[k].off);
        assert_string_equal(f->why.file, cases[k].file);
        damage(path, cases[k].off, 0xff);
        damage(path, cases[k].off + 7, 0x55);
    }
    assert_no_leftover(f);
    take(f, "good");
}

static void holes_stay_holes(void **state)
{
    struct fix *f = *state;
    struct stat st;
    uint64_t size;

    assert_int_equal(stat(SOURCE(f, "mail/mail.edb"), &st), 0);
    size =
        (uint64_t)st.st_size + 300 * 1048576ull; /* pages never written, behind the owned space */
    assert_int_equal(truncate(SOURCE(f, "mail/mail.edb"), (off_t)size), 0);
    take(f, "a");
    assert_int_equal(stat(STORE(f, "mail/a/mail.edb"), &st), 0);
    assert_int_equal(st.st_size, size);
    assert_true((uint64_t)st.st_blocks * 512 < 16 * 1048576);
    assert_true(same_content(SOURCE(f, "mail/mail.edb"), STORE(f, "mail/a/mail.edb")));
}

static void sizes_that_fit_no_block_are_copied_whole(void **state)
{
    static const unsigned rows[] = {1, 100, 1000, 3000};
    static const unsigned page_sizes[] = {4096, 8192, 16384, 32768};
    struct fix *f = *state;

    for (size_t k = 0; k < 4; k++) {
        char name[8];
        assert_int_equal(run("rm -r %s/mail", f->source), 0);
        make_instance(f->source, "mail", rows[k], page_sizes[k]);
        snprintf(name, sizeof(name), "b%zu", k);
        take(f, name);
        assert_int_equal(run("cmp %s/mail/mail.edb %s/mail/%s/mail.edb", f->source, f->store, name),
                         0);
    }
}

static void missing_database_refuses_and_is_named(void **state)
{
    struct fix *f = *state;

    assert_int_equal(run("rm %s/mail/edb.log", f->source), 0);
    assert_true(snap_take(f->i, "a", NULL, NULL, &f->why) < 0);
    assert_int_equal(count_backups(f), 0);
    assert_int_equal(run("rm -r %s/mail", f->source), 0);
    assert_int_equal(snap_take(f->i, "a", NULL, NULL, &f->why), JET_errFileNotFound);
    assert_no_leftover(f);
}

static void instance_that_is_open_elsewhere_is_refused(void **state)
{
    struct fix *f = *state;
    int fd = open(SOURCE(f, "mail"), O_RDONLY | O_DIRECTORY);

    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(snap_take(f->i, "a", NULL, NULL, &f->why), JET_errFileAccessDenied);
    assert_non_null(strstr(f->why.text, "another process"));
    assert_int_equal(flock(fd, LOCK_SH), 0); /* somebody else who copies */
    take(f, "a");
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0); /* nothing holds it any more */
    close(fd);
}

static void links_out_of_the_source_and_fifos_are_not_followed(void **state)
{
    struct fix *f = *state;

    assert_int_equal(
        run("cp -r %s/mail %s/outside && ln -s %s/outside %s/linked && mkdir %s/web && "
            "ln -s ../../outside/mail.edb %s/web/mail.edb && mkfifo %s/web/edb.log "
            "%s/mail/pipe.edb && "
            "cp %s/mail/mail.edb %s/web/own.edb",
            f->source, f->dir, f->dir, f->source, f->source, f->source, f->source, f->source,
            f->source, f->source),
        0);
    fix_reopen(f);
    assert_null(snap_inst_find(f->s, "linked"));
    take(f, "a");
    snap_inst_unref(f->i);
    f->i = snap_inst_find(f->s, "web");
    assert_non_null(f->i);
    take(f, "a");
    assert_int_equal(run("test \"$(ls %s/web/a | xargs)\" = 'SHA256SUMS own.edb'", f->store), 0);
}

static void unreadable_file_is_refused_by_name(void **state)
{
    struct fix *f = *state;

    assert_int_equal(chmod(SOURCE(f, "mail/mail.edb"), 0), 0);
    if (geteuid() == 0) {
        print_message("skipped for root, who reads everything\n");
        skip();
    }
    assert_int_equal(snap_take(f->i, "a", NULL, NULL, &f->why), JET_errFileAccessDenied);
    assert_string_equal(f->why.file, "mail.edb");
}

static void taken_name_is_refused(void **state)
{
    struct fix *f = *state;

    take(f, "a");
    assert_int_equal(snap_take(f->i, "a", NULL, NULL, &f->why), JET_errFileAlreadyExists);
    assert_int_equal(snap_take(f->i, "latest", NULL, NULL, &f->why), JET_errInvalidName);
    assert_int_equal(snap_take(f->i, "", NULL, NULL, &f->why), JET_errInvalidName);
    assert_int_equal(count_backups(f), 1);
}

static void store_that_is_too_small_is_refused_before_anything_is_copied(void **state)
{
    struct fix *f = *state;

    if (geteuid() != 0 || mkdir(f->store, 0700) < 0 ||
        mount("tmpfs", f->store, "tmpfs", 0, "size=2m") < 0) {
        print_message("skipped: needs root, to mount a small filesystem\n");
        skip();
    }
    make_instance(f->source, "mail", 3000, 4096);
    fix_open(f);
    assert_int_equal(snap_take(f->i, "a", NULL, NULL, &f->why), JET_errDiskFull);
    assert_non_null(strstr(f->why.text, "too small"));
    assert_int_equal(f->why.os_errno, ENOSPC);
    assert_false(events_have(f, " 220 "));
    assert_no_leftover(f);
    assert_int_equal(run("rm -r %s/mail", f->source), 0);
    make_instance(f->source, "mail", 100, 4096);
    take(f, "small");
    fix_close(f);
    assert_int_equal(umount(f->store), 0);
}

/* The store and the source on one filesystem that can share extents, in a file that is mounted. */
static void where_extents_can_be_shared_the_copy_is_a_clone(void **state)
{
    struct fix *f = *state;
    struct statvfs before, after;
    struct snap_backup *b;
    char base[80];

    snprintf(base, sizeof(base), "%s/fs", f->dir);
    if (geteuid() != 0 ||
        run("truncate -s 400M %s.img && { mkfs.btrfs -q %s.img || mkfs.xfs -q %s.img; } "
            "2>/dev/null && mkdir %s && mount -o loop %s.img %s 2>/dev/null",
            base, base, base, base, base, base) != 0) {
        print_message("skipped: needs root and mkfs.btrfs or mkfs.xfs\n");
        skip();
    }
    snprintf(f->source, sizeof(f->source), "%s/source", base);
    snprintf(f->store, sizeof(f->store), "%s/store", base);
    assert_int_equal(mkdir(f->source, 0755), 0);
    make_instance(f->source, "mail", 8000, 4096); /* 26 MB */
    damage(SOURCE(f, "mail/mail.edb"), 7 * 4096 + 1234, 0x10);
    assert_int_equal(run("cp %s/mail/mail.edb %s/damaged && sync -f %s", f->source, f->dir, base),
                     0);
    fix_open(f);
    assert_int_equal(snap_statvfs(f->s, &before), 0);
    take(f, "a");
    assert_int_equal(snap_statvfs(f->s, &after), 0);
    assert_true((before.f_bfree - after.f_bfree) * before.f_frsize < 8 << 20);
    b = snap_backup_find(f->i, "a");
    assert_int_equal(snap_backup_manifest(b)->corrected, 1); /* in the clone alone */
    snap_backup_unref(b);
    assert_true(same_content(SOURCE(f, "mail/mail.edb"), path_of(f, f->dir, "damaged")));
    assert_int_equal(run("cd %s/mail/a && sha256sum -c SHA256SUMS >/dev/null", f->store), 0);
    fix_close(f);
    assert_int_equal(umount(base), 0);
}

static void database_without_logs_is_an_instance(void **state)
{
    struct fix *f = *state;
    struct snap_backup *b;

    assert_int_equal(run("rm %s/mail/edb.*", f->source), 0);
    take(f, "a");
    b = snap_backup_find(f->i, "a");
    assert_string_equal(snap_backup_manifest(b)->generations, "");
    assert_int_equal(snap_backup_manifest(b)->nr_files, 2);
    snap_backup_unref(b);
}

static void source_itself_can_be_the_instance(void **state)
{
    struct fix *f = *state;
    char source[PATH_MAX];

    snprintf(source, sizeof(source), "%s/mail", f->source);
    f->opts.source = source;
    f->opts.store = NULL; /* mail/.esefs: not part of itself */
    fix_open(f);
    take(f, "a");
    take(f, "b");
    assert_int_equal(access(SOURCE(f, "mail/.esefs/mail/b/mail.edb"), F_OK), 0);
}

static void real_sets_are_backed_up_and_verify(void **state)
{
    static const char *const roots[] = {"windows", "engine/p4096_w10", "engine/p32768_w10",
                                        "engine/p4096_w10_jtx", "engine/p4096_latest"};
    struct fix *f = *state;
    unsigned good = 0;

    NEED_DATA("backups of real sets");
    for (size_t k = 0; k < sizeof(roots) / sizeof(roots[0]); k++) {
        struct snap_inst **list;
        char source[PATH_MAX], store[PATH_MAX];
        unsigned nr;
        snprintf(source, sizeof(source), "%s/%s", test_data(), roots[k]);
        snprintf(store, sizeof(store), "%s/store%zu", f->dir, k);
        f->opts.source = source;
        f->opts.store = store;
        assert_int_equal(snap_open(&f->opts, &f->s, &f->why), 0);
        assert_int_equal(snap_insts(f->s, &list, &nr), 0);
        for (unsigned n = 0; n < nr; n++) {
            const char *name = snap_inst_name(list[n]);
            JET_ERR err = snap_take(list[n], "a", NULL, NULL, &f->why);
            bool expected = strstr(name, "bits-") || strstr(name, "ual-") || strstr(name, "+incr");
            if ((err < 0) != expected)
                fail_msg("%s/%s: %d %s: %s", roots[k], name, (int)err, f->why.file, f->why.text);
            if (err < 0)
                continue;
            assert_int_equal(snap_command(list[n], "verify a", NULL, NULL, &f->why), 0);
            err = snap_command(list[n], "wait", NULL, NULL, &f->why);
            if (err < 0)
                fail_msg("verify %s/%s: %d %s: %s", roots[k], name, (int)err, f->why.file,
                         f->why.text);
            good++;
        }
        snap_insts_free(list, nr);
        snap_close(f->s);
        f->s = NULL;
    }
    assert_true(good >= 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(copy_is_byte_for_byte_and_the_source_stays_as_it_was),
        T(events_tell_the_steps_in_order),
        T(status_has_the_lines_of_the_contract),
        T(one_wrong_bit_is_corrected_in_the_copy_and_told),
        T(damage_is_refused_with_its_place_and_leaves_nothing),
        T(damaged_log_and_headers_are_refused),
        T(holes_stay_holes),
        T(sizes_that_fit_no_block_are_copied_whole),
        T(missing_database_refuses_and_is_named),
        T(instance_that_is_open_elsewhere_is_refused),
        T(links_out_of_the_source_and_fifos_are_not_followed),
        T(unreadable_file_is_refused_by_name),
        T(taken_name_is_refused),
        T_CLOSED(store_that_is_too_small_is_refused_before_anything_is_copied),
        T_CLOSED(where_extents_can_be_shared_the_copy_is_a_clone),
        T(database_without_logs_is_an_instance),
        T_CLOSED(source_itself_can_be_the_instance),
        T_CLOSED(real_sets_are_backed_up_and_verify),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
