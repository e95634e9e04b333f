/*
 * A backup and the logs since are the database: replayed to the end of the log, each page is what the instance itself wrote when it
 * was shut down there.
 *
 * What is not compared, since no log tells of it:
 *   - checksums, the bits of the flush type, and the header pages
 *   - the flag of a node that it may have versions, and the bytes of a page that rollbacks may want back (cbUncommittedFree): an
 *     instance clears them when it comes by
 *   - where in the page a node lies, and the bytes between: an instance puts a page in order when it needs the room
 */
#include "page/page.h"

#include "apitest.h"
#include "backuptest.h"

static char dest[128], out[128], logs[128];

static int setup_places(void **state)
{
    const int rc = setup(state);
    const struct fix *f = *state;

    snprintf(dest, sizeof(dest), "%sbackup", f->dir);
    snprintf(out, sizeof(out), "%srestored", f->dir);
    snprintf(logs, sizeof(logs), "%slogs", f->dir);
    assert_int_equal(mkdir(dest, 0700), 0);
    assert_int_equal(mkdir(out, 0700), 0);
    assert_int_equal(mkdir(logs, 0700), 0);
    return rc;
}

/* Long values that come and go, a tree that grows and shrinks. */
static void work(struct fix *f, JET_TABLEID t, JET_COLUMNID id, JET_COLUMNID v, int32_t from,
                 int32_t to)
{
    static uint8_t value[9000];

    for (int32_t i = from; i < to; i++) {
        begin(f);
        OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
        set_long(f, t, id, i);
        pattern(value, sizeof(value), (unsigned)i);
        OK(JetSetColumn(f->ses, t, v, value, (uint32_t)(rnd() % (i % 5 ? 300 : sizeof(value))), 0,
                        NULL));
        OK(JetUpdate(f->ses, t, NULL, 0, NULL));
        if (i % 3 == 0 && i > 20) {
            make_long_key(f, t, (int32_t)(rnd() % (uint32_t)i), JET_bitNewKey);
            if (JetSeek(f->ses, t, JET_bitSeekGE) >= 0)
                OK(JetDelete(f->ses, t));
        }
        if (i % 7 == 0)
            rollback(f);
        else
            commit(f);
    }
}

static void copy_logs(const struct fix *f)
{
    DIR *dp = opendir(f->dir);
    const struct dirent *d;
    char from[400], to[400];

    assert_non_null(dp);
    while ((d = readdir(dp))) {
        if (!strstr(d->d_name, ".log") || strstr(d->d_name, "tmp"))
            continue;
        snprintf(from, sizeof(from), "%s/%s", dest, d->d_name);
        if (access(from, F_OK) == 0)
            continue; /* the backup has it */
        snprintf(from, sizeof(from), "%s%s", f->dir, d->d_name);
        snprintf(to, sizeof(to), "%s/%s", logs, d->d_name);
        bt_copy_file(from, to);
    }
    closedir(dp);
}

static void restore(void)
{
    JET_INSTANCE inst;

    OK(JetCreateInstance(&inst, "restore"));
    OK(JetSetSystemParameter(&inst, 0, JET_paramSystemPath, 0, logs));
    OK(JetSetSystemParameter(&inst, 0, JET_paramLogFilePath, 0, logs));
    OK(JetSetSystemParameter(&inst, 0, JET_paramLogFileSize, 256, NULL));
    OK(JetRestoreInstance(inst, dest, out, NULL));
    OK(JetTerm(inst));
}

/* ---- page by page ------------------------------------------------------------------------------ */

static struct page read_page(int fd, pgno_t pgno, uint8_t *to)
{
    struct page_check c;

    assert_int_equal(pread(fd, to, page_size, (off_t)(pgno + 1) * page_size), page_size);
    page_verify(to, page_size, pgno, &c);
    assert_true(c.verdict == PAGE_OK || c.verdict == PAGE_BLANK);
    return (struct page){to, page_size};
}

static bool same(struct slice a, struct slice b)
{
    return a.len == b.len && (!a.len || memcmp(a.p, b.p, a.len) == 0);
}

/* NULL: they are the same. */
static const char *differ(struct page a, struct page b)
{
    if (page_is_zero(a.b, a.size) || page_is_zero(b.b, b.size))
        return memcmp(a.b, b.b, a.size) ? "one is blank" : NULL;
    if (page_dbtime(a) != page_dbtime(b))
        return "dbtime";
    if (page_prev(a) != page_prev(b) || page_next(a) != page_next(b))
        return "neighbours";
    if (page_objid(a) != page_objid(b))
        return "object";
    if ((page_flags(a) ^ page_flags(b)) & ~(uint32_t)PAGE_FLUSH_TYPE)
        return "flags";
    if (page_nr_lines(a) != page_nr_lines(b))
        return "number of lines";
    if (!same(page_external_header(a), page_external_header(b)))
        return "external header";
    for (unsigned i = 0; i < page_nr_lines(a); i++) {
        const struct node m = page_node(a, i), n = page_node(b, i);

        if ((m.flags ^ n.flags) & ~(unsigned)NODE_VERSIONED)
            return "flags of a node";
        if (!same(m.prefix, n.prefix) || !same(m.suffix, n.suffix) || !same(m.data, n.data))
            return "a node";
    }
    return NULL;
}

static void compare(const char *live, const char *restored)
{
    uint8_t *a = malloc(page_size), *b = malloc(page_size);
    const int x = open(live, O_RDONLY), y = open(restored, O_RDONLY);
    unsigned nr_different = 0;
    struct stat p, q;

    assert_true(x >= 0 && y >= 0 && fstat(x, &p) == 0 && fstat(y, &q) == 0);
    assert_int_equal(p.st_size, q.st_size);
    for (pgno_t pgno = 1; (off_t)(pgno + 2) * page_size <= p.st_size; pgno++) {
        const char *what = differ(read_page(x, pgno, a), read_page(y, pgno, b));

        if (what)
            print_message("page %u: %s\n", pgno, what);
        nr_different += what != NULL;
    }
    close(x);
    close(y);
    free(a);
    free(b);
    assert_int_equal(nr_different, 0);
}

static void a_backup_and_the_logs_since_are_the_database(void **state)
{
    struct fix *f = *state;
    JET_TABLEID t = new_table(f, "t");
    const JET_COLUMNID id = add(f, t, "id", JET_coltypLong, 0),
                       v = add(f, t, "v", JET_coltypLongBinary, 0);
    char restored[200];

    INDEX(f, t, "pk", JET_bitIndexPrimary, "+id\0");
    work(f, t, id, v, 0, 400);
    OK(JetBackupInstance(f->inst, dest, 0, NULL));
    work(f, t, id, v, 400, 900);
    add(f, t, "more", JET_coltypText, 0);
    INDEX(f, t, "second", 0, "-id\0");
    work(f, t, id, v, 900, 1000);
    OK(JetCloseTable(f->ses, t));
    stop(f);
    copy_logs(f);
    restore();
    snprintf(restored, sizeof(restored), "%s/data.edb", out);
    compare(f->db, restored);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(
        a_backup_and_the_logs_since_are_the_database, setup_places, teardown)};

    rnd_init("backuppages");
    choose_format(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
