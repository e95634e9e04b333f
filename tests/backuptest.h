/*
 * What tests of backups have in common (after unit/api/apitest.h): work to back up, the events that were told, and a look at a
 * backup: every page and segment of it is sound, and its logs bring its databases to a state whose rows are right.
 */
#ifndef BACKUPTEST_H
#define BACKUPTEST_H

#include <dirent.h>
#include <errno.h>

#include "page/dbhdr.h"
#include "page/dbhdrstate.h"

#define unused __attribute__((unused))

/* ---- events ---------------------------------------------------------------------------------- */

#define MOST_EVENTS 4096

static struct told_event {
    uint32_t id;
    JET_ERR err;
    uint32_t nr_strings;
    char strings[640];
} bt_events[MOST_EVENTS];
static unsigned bt_nr_events;
static pthread_mutex_t bt_lock = PTHREAD_MUTEX_INITIALIZER;

static unused void bt_on_event(void *ctx, const char *instance, const struct ese_fault *f)
{
    (void)ctx, (void)instance;
    pthread_mutex_lock(&bt_lock);
    if (f->event && bt_nr_events < MOST_EVENTS) {
        struct told_event *e = &bt_events[bt_nr_events++];
        e->id = f->event;
        e->err = f->err;
        e->nr_strings = f->nr_strings;
        memcpy(e->strings, f->strings, sizeof(e->strings));
    }
    pthread_mutex_unlock(&bt_lock);
}

static unused void bt_listen(void)
{
    bt_nr_events = 0;
    ese_set_event_sink(bt_on_event, NULL);
}

static unused const struct told_event *bt_event(uint32_t id)
{
    for (unsigned i = 0; i < bt_nr_events; i++)
        if (bt_events[i].id == id)
            return &bt_events[i];
    return NULL;
}

/* The nth insertion string of an event, from 0. */
static unused const char *bt_string(const struct told_event *e, unsigned nth)
{
    const char *p = e->strings;

    assert_true(nth < e->nr_strings);
    while (nth--)
        p += strlen(p) + 1;
    return p;
}

/* Exactly these came, of those of a backup, in this order; the last one is 0. */
static unused void bt_expect_events(const uint32_t *want)
{
    unsigned nr = 0;

    for (unsigned i = 0; i < bt_nr_events; i++) {
        if (bt_events[i].id < 200 || bt_events[i].id > 230)
            continue;
        if (bt_events[i].id != want[nr])
            print_error("event %u is %u, not %u\n", nr, bt_events[i].id, want[nr]);
        assert_int_equal(bt_events[i].id, want[nr]);
        nr++;
    }
    assert_int_equal(want[nr], 0);
}

/* ---- files ----------------------------------------------------------------------------------- */

static unused unsigned bt_nr_files(const char *dir)
{
    DIR *dp = opendir(dir);
    const struct dirent *d;
    unsigned nr = 0;

    while (dp && (d = readdir(dp)))
        nr += strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
    if (dp)
        closedir(dp);
    return nr;
}

static unused bool bt_is_there(const char *dir, const char *name)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

static unused void bt_remove(const char *dir)
{
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static unused void bt_copy_file(const char *from, const char *to)
{
    char buf[65536];
    ssize_t n;
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(in >= 0 && out >= 0);
    while ((n = read(in, buf, sizeof(buf))) > 0)
        assert_int_equal(write(out, buf, (size_t)n), n);
    assert_int_equal(n, 0);
    close(in);
    close(out);
}

/* ---- a look at a backup ------------------------------------------------------------------------- */

static unused void bt_on_fault(void *ctx, const struct ese_fault *f)
{
    char text[900];

    if (f->severity == ESE_FAULT)
        ++*(unsigned *)ctx;
    if (f->severity != ESE_NOTE) {
        ese_fault_str(f, text, sizeof(text));
        print_message("%s\n", text);
    }
}

static void verify_file(struct ese_set *set, const char *dir, const char *name, enum ese_kind kind)
{
    struct ese_check_result res;
    char path[512];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    OK(ese_verify_file(set, fd, kind, path, NULL, NULL, &res));
    if (kind == ESE_KIND_DATABASE)
        assert_true(res.trailer);
    close(fd);
}

static bool ends_with(const char *s, const char *end)
{
    const size_t n = strlen(s), m = strlen(end);

    return n >= m && strcmp(s + n - m, end) == 0;
}

/* Every page and segment, the logs against one another and the databases. */
static unused void bt_verify(const char *dir)
{
    struct dirent **list;
    struct ese_set *set;
    unsigned faults = 0;
    const int nr = scandir(dir, &list, NULL, alphasort);

    assert_true(nr > 2);
    OK(ese_set_new(bt_on_fault, &faults, &set));
    for (int i = 0; i < nr; i++)
        if (ends_with(list[i]->d_name, ".log"))
            verify_file(set, dir, list[i]->d_name, ESE_KIND_LOG);
    for (int i = 0; i < nr; i++)
        if (ends_with(list[i]->d_name, ".edb"))
            verify_file(set, dir, list[i]->d_name, ESE_KIND_DATABASE);
    for (int i = 0; i < nr; i++)
        free(list[i]);
    free(list);
    OK(ese_set_end(set, true));
    ese_set_free(set);
    assert_int_equal(faults, 0);
}

/* It can be restored, says the proof; and is, to `to`, where trees and indexes are sound then. */
static unused void bt_recover(const char *dir, const char *to)
{
    const struct ese_restore_opts how = {.base = "edb"};
    const struct ese_prove_opts proof_how = {.base = "edb"};
    struct ese_restored restored;
    struct ese_proof proof;
    unsigned faults = 0, nr = 0;
    const struct dirent *d;
    char path[512];
    DIR *dp;
    int fd = open(dir, O_RDONLY | O_DIRECTORY);

    assert_true(fd >= 0);
    OK(ese_prove(fd, &proof_how, bt_on_fault, &faults, NULL, NULL, &proof));
    assert_true(proof.backup);
    ese_proof_done(&proof);
    bt_remove(to);
    OK(ese_restore(fd, to, &how, bt_on_fault, &faults, NULL, NULL, &restored));
    assert_true(restored.backup);
    ese_restored_done(&restored);
    close(fd);
    dp = opendir(to);
    assert_non_null(dp);
    while ((d = readdir(dp)))
        if (ends_with(d->d_name, ".edb")) {
            snprintf(path, sizeof(path), "%s/%s", to, d->d_name);
            assert_sound(path);
            nr++;
        }
    closedir(dp);
    assert_true(nr > 0);
    assert_int_equal(faults, 0);
}

static unused void bt_header(const char *dir, const char *name, struct ese_db_info *ret)
{
    struct reporter quiet = {0};
    char path[512];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    OK(dbhdr_read(fd, &quiet, ret));
    close(fd);
}

/* What a database has, in the canonical form; on the heap. */
static unused char *bt_dump(const char *path)
{
    const struct ese_dump_opts opts = {.format = ESE_DUMP_CANONICAL};
    unsigned faults = 0;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    int fd = open(path, O_RDONLY);

    assert_true(fd >= 0 && out);
    OK(ese_dump(fd, path, &opts, out, bt_on_fault, &faults));
    fclose(out);
    close(fd);
    assert_int_equal(faults, 0);
    return text;
}

/* ---- work ------------------------------------------------------------------------------------ */

/* Bytes that do not get smaller by compression. */
static unused void bt_bytes(uint8_t *b, size_t len, uint64_t seed)
{
    uint64_t x = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);

    for (size_t i = 0; i < len; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        b[i] = (uint8_t)(x >> 32);
    }
}

/* Rows [first, first + nr) of a table of their own, in transactions of ten; splits, long values, a second index. */
static unused void bt_work(struct fix *f, JET_DBID dbid, const char *table, unsigned first,
                           unsigned nr)
{
    uint8_t bytes[3000];
    JET_COLUMNID id, data, more;
    JET_TABLEID t;

    if (JetOpenTable(f->ses, dbid, table, NULL, 0, 0, &t) < 0) {
        JET_DBID saved = f->dbid;
        f->dbid = dbid;
        t = new_table(f, table);
        (void)add(f, t, "id", JET_coltypLong, 0);
        (void)add(f, t, "data", JET_coltypLongBinary, 0);
        (void)add(f, t, "more", JET_coltypLong, 0);
        INDEX(f, t, "pk", JET_bitIndexPrimary | JET_bitIndexUnique, "+id\0");
        INDEX(f, t, "second", 0, "-more\0+id\0");
        OK(JetCloseTable(f->ses, t));
        f->dbid = saved;
        OK(JetOpenTable(f->ses, dbid, table, NULL, 0, 0, &t));
    }
    {
        JET_COLUMNDEF def;
        OK(JetGetTableColumnInfo(f->ses, t, "id", &def, sizeof(def), JET_ColInfo));
        id = def.columnid;
        OK(JetGetTableColumnInfo(f->ses, t, "data", &def, sizeof(def), JET_ColInfo));
        data = def.columnid;
        OK(JetGetTableColumnInfo(f->ses, t, "more", &def, sizeof(def), JET_ColInfo));
        more = def.columnid;
    }
    for (unsigned i = 0; i < nr; i++) {
        const unsigned len = (unsigned)(rnd() % sizeof(bytes));

        if (i % 10 == 0)
            begin(f);
        bt_bytes(bytes, len, first + i);
        OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
        set_long(f, t, id, (int32_t)(first + i));
        set_long(f, t, more, (int32_t)(rnd() % 1000));
        OK(JetSetColumn(f->ses, t, data, bytes, len, 0, NULL));
        OK(JetUpdate(f->ses, t, NULL, 0, NULL));
        if (i % 10 == 9 || i + 1 == nr)
            commit(f);
    }
    OK(JetCloseTable(f->ses, t));
}

#endif
