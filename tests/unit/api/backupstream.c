/* The external backup API: a program reads the files itself. Order, sizes, names, what is refused, what it leaves behind. */
#include "apitest.h"
#include "backuptest.h"
#include "page/page.h"

#define MOST (8u << 20)

static char dest[128], out[128];
static uint8_t *buf; /* aligned */

static int setup_stream(void **state)
{
    const int rc = setup(state);
    const struct fix *f = *state;
    void *p = NULL;

    snprintf(dest, sizeof(dest), "%scopy", f->dir);
    snprintf(out, sizeof(out), "%srecovered", f->dir);
    if (posix_memalign(&p, 4096, MOST) != 0)
        return -1;
    buf = p;
    return rc;
}

static int teardown_stream(void **state)
{
    free(buf);
    __atomic_store_n(&nr_faults, 0, __ATOMIC_RELAXED);
    return teardown(state);
}

#define E(name) cmocka_unit_test_setup_teardown(name, setup_stream, teardown_stream)

/* ---- reading it all ---------------------------------------------------------------------------- */

/* One file to its end, in pieces of cb bytes, into dest. */
static void fetch(struct fix *f, const char *path, uint32_t cb)
{
    const char *name = strrchr(path, '/') + 1;
    uint32_t low, high, got;
    uint64_t done = 0;
    char to[300];
    JET_HANDLE h;
    int fd;

    OK(JetOpenFileInstance(f->inst, path, &h, &low, &high));
    assert_int_equal(high, 0);
    snprintf(to, sizeof(to), "%s/%s", dest, name);
    fd = open(to, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    do {
        OK(JetReadFileInstance(f->inst, h, buf, cb, &got));
        assert_int_equal(write(fd, buf, got), got);
        done += got;
    } while (got);
    assert_int_equal(done, low);
    close(fd);
    OK(JetCloseFileInstance(f->inst, h));
}

static void fetch_list(struct fix *f, const char *list, uint32_t cb)
{
    for (; *list; list += strlen(list) + 1)
        fetch(f, list, cb);
}

static void take_full(struct fix *f)
{
    char list[2000];
    uint32_t len;

    assert_int_equal(mkdir(dest, 0700), 0);
    OK(JetBeginExternalBackupInstance(f->inst, 0));
    OK(JetGetAttachInfoInstance(f->inst, list, sizeof(list), &len));
    assert_string_equal(list, f->db);
    assert_int_equal(len, strlen(f->db) + 2);
    fetch_list(f, list, 3 * page_size);
    OK(JetGetLogInfoInstance(f->inst, list, sizeof(list), &len));
    assert_true(len > 20);
    fetch_list(f, list, 8192);
}

static void what_is_read_is_a_backup(void **state)
{
    static const uint32_t events[] = {210, 220, 221, 223, 224, 213, 0};
    struct fix *f = *state;
    struct ese_db_info live;
    char list[2000], pat[200];
    uint32_t len;
    int fd;

    bt_work(f, f->dbid, "rows", 0, 400);
    restart(f);
    bt_listen();
    take_full(f);
    OK(JetGetTruncateLogInfoInstance(f->inst, list, sizeof(list), &len));
    assert_non_null(strstr(list, "edb00001.log"));
    assert_int_equal(access(list, F_OK), 0);
    OK(JetTruncateLogInstance(f->inst));
    assert_int_equal(access(list, F_OK), -1);
    OK(JetEndExternalBackupInstance(f->inst));
    bt_expect_events(events);
    bt_header(f->dir, "data.edb", &live);
    assert_true(live.full_prev.gen_low != 0 && live.copy_prev.gen_low == 0);
    bt_verify(dest);
    /* An external backup's files are the program's; this one is all that a restore of the directory wants besides. */
    snprintf(pat, sizeof(pat), "%s/data.pat", dest);
    fd = open(pat, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0 && close(fd) == 0);
    bt_recover(dest, out);
}

/* ---- a database that grows while it is read ------------------------------------------------------ */

/* The last page that it owns, as page 2 of the file says; 0: that was not written yet. */
static pgno_t owned_on_disk(const char *path)
{
    static uint8_t b[PAGE_SIZE_MAX];
    uint8_t key[PAGE_SIZE_MAX];
    const struct page p = {b, page_size};
    const int fd = open(path, O_RDONLY);
    struct node n;

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, b, page_size, (off_t)3 * page_size), page_size);
    close(fd);
    if (page_is_zero(b, page_size))
        return 0;
    assert_true(page_flags(p) & PAGE_LEAF && page_nr_lines(p) > 0);
    n = page_node(p, page_nr_lines(p) - 1);
    node_key(&n, key);
    return get_be32(key);
}

/* Opens the database for the backup, then makes it own more, on disk, than it had; then reads it. *ret_last: of the copy. */
static void fetch_while_it_grows(struct fix *f, pgno_t *ret_last)
{
    uint32_t low, high, got;
    char to[300];
    JET_HANDLE h;
    unsigned n;
    int fd;

    OK(JetOpenFileInstance(f->inst, f->db, &h, &low, &high));
    *ret_last = low / page_size - 3;
    for (n = 0; owned_on_disk(f->db) <= *ret_last && n < 100; n++)
        bt_work(f, f->dbid, "rows", 1000 + n * 200, 200);
    assert_true(n < 100);
    snprintf(to, sizeof(to), "%s/data.edb", dest);
    fd = open(to, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    do {
        OK(JetReadFileInstance(f->inst, h, buf, 3 * page_size, &got));
        assert_int_equal(write(fd, buf, got), got);
    } while (got);
    close(fd);
    OK(JetCloseFileInstance(f->inst, h));
}

struct told {
    unsigned faults, notes;
    JET_ERR err;
};

static void on_told(void *ctx, const struct ese_fault *f)
{
    struct told *t = ctx;

    t->notes += f->severity == ESE_NOTE && strstr(f->text, "it owns pages up to");
    if (f->severity == ESE_FAULT && !t->faults++)
        t->err = f->err;
}

static void verify_one(struct ese_set *set, const char *path)
{
    struct ese_check_result res;
    const int fd = open(path, O_RDONLY);
    JET_ERR err;

    assert_true(fd >= 0);
    err = ese_verify_file(set, fd, ESE_KIND_UNKNOWN, path, NULL, NULL, &res);
    assert_int_equal(err, res.err);
    close(fd);
}

/* The copy alone, or with its logs. */
static struct told verify_copy(bool with_logs)
{
    struct told t = {0};
    struct dirent **list;
    struct ese_set *set;
    char path[600];
    JET_ERR err;
    int nr;

    OK(ese_set_new(on_told, &t, &set));
    nr = scandir(dest, &list, NULL, alphasort);
    assert_true(nr > 3);
    for (int i = 0; i < nr; i++) {
        snprintf(path, sizeof(path), "%s/%s", dest, list[i]->d_name);
        if (with_logs && strstr(path, ".log"))
            verify_one(set, path);
        free(list[i]);
    }
    free(list);
    snprintf(path, sizeof(path), "%s/data.edb", dest);
    verify_one(set, path);
    err = ese_set_end(set, with_logs);
    assert_int_equal(err, t.err);
    ese_set_free(set);
    return t;
}

static void what_a_copy_lacks_at_its_end_is_in_its_logs(void **state)
{
    struct fix *f = *state;
    static char list[1 << 20];
    char path[300];
    struct told t;
    pgno_t last;
    uint32_t len;

    OK(JetSetSystemParameter(&f->inst, 0, JET_paramCheckpointDepthMax, 64 << 10, NULL));
    bt_work(f, f->dbid, "rows", 0, 100);
    assert_int_equal(mkdir(dest, 0700), 0);
    OK(JetBeginExternalBackupInstance(f->inst, 0));
    fetch_while_it_grows(f, &last);
    OK(JetGetLogInfoInstance(f->inst, list, sizeof(list), &len));
    fetch_list(f, list, 8192);
    OK(JetEndExternalBackupInstance(f->inst));

    snprintf(path, sizeof(path), "%s/data.edb", dest);
    assert_true(owned_on_disk(path) > last);
    t = verify_copy(true);
    assert_int_equal(t.faults + t.notes, 0);
    t = verify_copy(false); /* who knows */
    assert_int_equal(t.faults, 0);
    assert_int_equal(t.notes, 1);

    assert_int_equal(truncate(path, (off_t)(last + 2) * page_size), 0); /* its trailer only */
    t = verify_copy(true);
    assert_int_equal(t.err, JET_errBadPatchPage);
    t = verify_copy(false);
    assert_int_equal(t.err, JET_errBadPatchPage);
}

static void without_truncation_it_is_a_copy(void **state)
{
    struct fix *f = *state;
    struct ese_db_info live;

    bt_work(f, f->dbid, "rows", 0, 100);
    take_full(f);
    OK(JetEndExternalBackupInstance2(f->inst, JET_bitBackupEndNormal));
    bt_header(f->dir, "data.edb", &live);
    assert_true(live.full_prev.gen_low == 0 && live.copy_prev.gen_low != 0);
    bt_remove(dest);
    take_full(f); /* truncated by the program itself */
    OK(JetEndExternalBackupInstance2(f->inst, JET_bitBackupEndNormal | JET_bitBackupTruncateDone));
    bt_header(f->dir, "data.edb", &live);
    assert_true(live.full_prev.gen_low != 0);
}

static void headers_are_left_alone_when_asked(void **state)
{
    struct fix *f = *state;
    struct ese_db_info live;
    char list[2000];

    take_full(f);
    OK(JetTruncateLogInstance(f->inst));
    OK(JetEndExternalBackupInstance2(f->inst,
                                     JET_bitBackupEndNormal | JET_bitBackupNoDbHeaderUpdate));
    bt_header(f->dir, "data.edb", &live);
    assert_true(live.full_prev.gen_low == 0 && live.copy_prev.gen_low == 0);

    OK(JetBeginExternalBackupInstance(f->inst, JET_bitInternalCopy));
    OK(JetGetLogInfoInstance(f->inst, list, sizeof(list), NULL));
    OK(JetGetTruncateLogInfoInstance(f->inst, list, sizeof(list), NULL));
    assert_string_equal(list, "");
    OK(JetEndExternalBackupInstance(f->inst));
    bt_header(f->dir, "data.edb", &live);
    assert_true(live.full_prev.gen_low == 0 && live.copy_prev.gen_low == 0);
}

static void an_incremental_is_logs_alone(void **state)
{
    struct fix *f = *state;
    JET_LOGINFO_A info = {.cbSize = sizeof(info)};
    JET_LOGINFO_W wide = {.cbSize = sizeof(wide)};
    struct ese_db_info live;
    uint32_t low, high, len, wide_len;
    char list[4000];
    JET_WCHAR wlist[4000];
    JET_HANDLE h;

    take_full(f);
    OK(JetTruncateLogInstance(f->inst));
    OK(JetEndExternalBackupInstance(f->inst));
    bt_work(f, f->dbid, "rows", 0, 400);
    OK(JetBeginExternalBackupInstance(f->inst, JET_bitBackupIncremental));
    IS(JET_errInvalidBackupSequence, JetGetAttachInfoInstance(f->inst, list, sizeof(list), &len));
    OK(JetGetLogInfoInstance2(f->inst, list, sizeof(list), &len, &info));
    assert_string_equal(info.szBaseName, "edb");
    assert_true(info.ulGenHigh > info.ulGenLow);
    OK(JetGetLogInfoInstance2W(f->inst, wlist, sizeof(wlist), &wide_len, &wide));
    assert_int_equal(wide_len, 2 * len);
    assert_int_equal(wide.ulGenHigh, info.ulGenHigh);
    assert_int_equal(wide.szBaseName[2], 'b');
    for (uint32_t i = 0; i < len; i++)
        assert_int_equal(wlist[i], list[i]);
    bt_remove(dest);
    assert_int_equal(mkdir(dest, 0700), 0);
    fetch_list(f, list, MOST);
    OK(JetTruncateLogInstance(f->inst));
    OK(JetEndExternalBackupInstance(f->inst));
    bt_header(f->dir, "data.edb", &live);
    assert_int_equal(live.inc_prev.gen_high, info.ulGenHigh);

    /* a database in an incremental: that ends it */
    OK(JetBeginExternalBackupInstance(f->inst, JET_bitBackupIncremental));
    IS(JET_errInvalidBackupSequence, JetOpenFileInstance(f->inst, f->db, &h, &low, &high));
    IS(JET_errNoBackup, JetGetLogInfoInstance(f->inst, list, sizeof(list), &len));
}

/* ---- what is refused -------------------------------------------------------------------------- */

static void the_order_of_calls_is_kept(void **state)
{
    struct fix *f = *state;
    char list[2000];
    uint32_t low, high, len, got;
    JET_HANDLE h, h2;

    IS(JET_errNoBackup, JetGetAttachInfoInstance(f->inst, list, sizeof(list), &len));
    IS(JET_errNoBackup, JetOpenFileInstance(f->inst, f->db, &h, &low, &high));
    IS(JET_errNoBackup, JetGetLogInfoInstance(f->inst, list, sizeof(list), &len));
    IS(JET_errNoBackup, JetTruncateLogInstance(f->inst));
    IS(JET_errNoBackup, JetEndExternalBackupInstance(f->inst));
    IS(JET_errInvalidGrbit, JetBeginExternalBackupInstance(f->inst, 0x80));
    IS(JET_errInvalidGrbit, JetBeginExternalBackupInstance(f->inst, 0x41));
    IS(JET_errInvalidGrbit, JetBeginExternalBackupInstance(f->inst, JET_bitBackupSurrogate));
    OK(JetBeginExternalBackupInstance(f->inst, 0));
    IS(JET_errBackupInProgress, JetBeginExternalBackupInstance(f->inst, 0));
    IS(JET_errInvalidBackupSequence, JetTruncateLogInstance(f->inst));
    IS(JET_errInvalidBackupSequence,
       JetGetTruncateLogInfoInstance(f->inst, list, sizeof(list), &len));
    IS(JET_errDatabaseNotFound, JetOpenFileInstance(f->inst, "/nowhere.edb", &h, &low, &high));
    IS(JET_errInvalidParameter, JetOpenFileInstance(f->inst, f->db, NULL, &low, &high));
    OK(JetOpenFileInstance(f->inst, f->db, &h, &low, &high));
    IS(JET_errOutOfMemory, JetOpenFileInstance(f->inst, f->db, &h2, &low, &high));
    IS(JET_errInvalidBackupSequence, JetGetLogInfoInstance(f->inst, list, sizeof(list), &len));
    OK(JetCloseFileInstance(f->inst, h));
    IS(JET_errInvalidParameter, JetCloseFileInstance(f->inst, h));
    IS(JET_errInvalidParameter, JetReadFileInstance(f->inst, h, buf, MOST, &got));
    OK(JetGetLogInfoInstance(f->inst, list, sizeof(list), &len));
    OK(JetGetLogInfoInstance(f->inst, list, sizeof(list), &len)); /* again */
    IS(JET_errDatabaseNotFound, JetOpenFileInstance(f->inst, f->db, &h, &low, &high));
    bt_listen();
    IS(JET_errLogFileNotCopied, JetTruncateLogInstance(f->inst));
    assert_non_null(bt_event(520));
    assert_int_equal(mkdir(dest, 0700), 0);
    OK(JetOpenFileInstance(f->inst, list, &h, &low, &high));
    OK(JetReadFileInstance(f->inst, h, buf, 8192, &got));
    OK(JetCloseFileInstance(f->inst, h)); /* not to its end */
    assert_string_equal(bt_string(bt_event(222), 1), "8192");
    IS(JET_errLogFileNotCopied, JetTruncateLogInstance(f->inst));
    fetch_list(f, list, MOST);
    OK(JetTruncateLogInstance(f->inst));
    IS(JET_errInvalidGrbit, JetEndExternalBackupInstance2(f->inst, 0));
    IS(JET_errInvalidGrbit, JetEndExternalBackupInstance2(f->inst, 3));
    IS(JET_errInvalidGrbit, JetEndExternalBackupInstance2(f->inst, 1 | 0x1000));
    OK(JetEndExternalBackupInstance(f->inst));
}

static void reads_come_in_whole_pages(void **state)
{
    struct fix *f = *state;
    uint32_t low, high, got;
    char list[2000];
    JET_HANDLE h;

    OK(JetBeginExternalBackupInstance(f->inst, 0));
    OK(JetOpenFileInstance(f->inst, f->db, &h, &low, &high));
    IS(JET_errInvalidParameter, JetReadFileInstance(f->inst, h + 1, buf, 4 * page_size, &got));
    IS(JET_errInvalidParameter, JetReadFileInstance(f->inst, h, NULL, 4 * page_size, &got));
    IS(JET_errInvalidParameter, JetReadFileInstance(f->inst, h, buf + 8, 4 * page_size, &got));
    IS(JET_errInvalidParameter, JetReadFileInstance(f->inst, h, buf, 2 * page_size, &got));
    IS(JET_errInvalidParameter, JetReadFileInstance(f->inst, h, buf, 4 * page_size + 1, &got));
    OK(JetReadFileInstance(f->inst, h, buf, 3 * page_size, &got));
    assert_int_equal(got, 3 * page_size);
    assert_memory_equal(buf, buf + page_size, page_size); /* the header, twice */
    OK(JetReadFileInstance(f->inst, h, buf, page_size, NULL));
    IS(JET_errInvalidParameter, JetReadFileInstance(f->inst, h, buf, 0, &got));
    OK(JetCloseFileInstance(f->inst, h));
    OK(JetGetLogInfoInstance(f->inst, list, sizeof(list), NULL));
    OK(JetOpenFileInstance(f->inst, list, &h, &low, &high));
    IS(JET_errInvalidParameter, JetReadFileInstance(f->inst, h, buf, 4096, &got));
    IS(JET_errInvalidParameter, JetReadFileInstance(f->inst, h, buf, 9000, &got));
    OK(JetReadFileInstance(f->inst, h, buf, 8192, &got));
    OK(JetReadFileInstance(f->inst, h, buf, 4096, &got));
    assert_int_equal(got, 4096);
    OK(JetEndExternalBackupInstance2(f->inst, JET_bitBackupEndAbort));
}

static void lists_tell_how_long_they_are(void **state)
{
    struct fix *f = *state;
    JET_LOGINFO_A odd = {.cbSize = 20};
    JET_LOGINFO_W odd_w = {.cbSize = 16};
    char list[600];
    JET_WCHAR wide[600];
    uint32_t len = 0, wide_len = 0;

    OK(JetBeginExternalBackupInstance(f->inst, 0));
    OK(JetGetAttachInfoInstance(f->inst, NULL, 0, &len));
    IS(JET_errBufferTooSmall, JetGetAttachInfoInstance(f->inst, list, len - 1, &len));
    OK(JetGetAttachInfoInstance(f->inst, list, len, &len));
    IS(JET_errBufferTooSmall, JetGetAttachInfoInstanceW(f->inst, wide, 2 * len - 2, &wide_len));
    assert_int_equal(wide_len, 2 * len);
    OK(JetGetAttachInfoInstanceW(f->inst, wide, wide_len, NULL));
    for (uint32_t i = 0; i < len; i++)
        assert_int_equal(wide[i], list[i]);
    IS(JET_errInvalidParameter, JetGetLogInfoInstance2(f->inst, list, sizeof(list), &len, &odd));
    IS(JET_errInvalidParameter, JetGetLogInfoInstance2W(f->inst, wide, sizeof(wide), &len, &odd_w));
    OK(JetGetLogInfoInstance(f->inst, NULL, 0, &len));
    OK(JetGetLogInfoInstanceW(f->inst, wide, sizeof(wide), &wide_len));
    assert_int_equal(wide_len, 2 * len);
    IS(JET_errBufferTooSmall, JetGetLogInfoInstance(f->inst, list, 3, &len));
    OK(JetGetTruncateLogInfoInstance(f->inst, list, sizeof(list), &len)); /* none */
    assert_int_equal(len, 1);
    OK(JetGetTruncateLogInfoInstanceW(f->inst, wide, sizeof(wide), &wide_len));
    assert_int_equal(wide_len, 2);
    OK(JetEndExternalBackupInstance2(f->inst, JET_bitBackupEndAbort));
}

static void an_end_too_early_is_an_abort(void **state)
{
    static const uint32_t events[] = {210, 215, 0};
    struct fix *f = *state;
    struct ese_db_info live;

    bt_listen();
    OK(JetBeginExternalBackupInstance(f->inst, 0));
    OK(JetEndExternalBackupInstance(f->inst));
    bt_expect_events(events);
    bt_header(f->dir, "data.edb", &live);
    assert_int_equal(live.full_prev.gen_low, 0);
    IS(JET_errNoBackup, JetEndExternalBackupInstance(f->inst));
}

static void a_stopped_backup_says_so_to_the_end(void **state)
{
    static const uint32_t events[] = {210, 220, 222, 226, 0};
    struct fix *f = *state;
    uint32_t low, high, got;
    char list[2000];
    JET_HANDLE h;

    OK(JetStopBackupInstance(f->inst)); /* nothing to stop */
    bt_listen();
    OK(JetBeginExternalBackupInstance(f->inst, 0));
    OK(JetOpenFileInstance(f->inst, f->db, &h, &low, &high));
    OK(JetStopBackupInstance(f->inst));
    IS(JET_errBackupAbortByServer, JetReadFileInstance(f->inst, h, buf, MOST, &got));
    IS(JET_errBackupAbortByServer, JetReadFileInstance(f->inst, h, buf, MOST, &got));
    IS(JET_errBackupAbortByServer, JetEndExternalBackupInstance(f->inst));
    bt_expect_events(events);
    IS(JET_errNoBackup, JetGetLogInfoInstance(f->inst, list, sizeof(list), NULL));
    OK(JetBeginExternalBackupInstance(f->inst, 0));
    OK(JetEndExternalBackupInstance(f->inst));
}

/* ---- who gets along with whom ------------------------------------------------------------------- */

static void databases_stay_during_a_backup(void **state)
{
    struct fix *f = *state;
    char other[128];
    JET_DBID dbid;

    snprintf(other, sizeof(other), "%sother.edb", f->dir);
    OK(JetCreateDatabase(f->ses, other, NULL, &dbid, 0));
    OK(JetCloseDatabase(f->ses, dbid, 0));
    OK(JetDetachDatabase(f->ses, other));
    OK(JetBeginExternalBackupInstance(f->inst, 0));
    IS(JET_errBackupInProgress, JetAttachDatabase(f->ses, other, 0));
    OK(JetCloseDatabase(f->ses, f->dbid, 0));
    IS(JET_errBackupInProgress, JetDetachDatabase(f->ses, f->db));
    assert_int_equal(unlink(other), 0);
    IS(JET_errBackupInProgress, JetCreateDatabase(f->ses, other, NULL, &dbid, 0));
    assert_int_equal(access(other, F_OK), -1);
    OK(JetEndExternalBackupInstance(f->inst));
    OK(JetDetachDatabase(f->ses, f->db));
    OK(JetAttachDatabase(f->ses, f->db, 0));
    OK(JetOpenDatabase(f->ses, f->db, NULL, &f->dbid, 0));
}

static void the_end_of_the_instance_wants_no_backup(void **state)
{
    struct fix *f = *state;

    OK(JetBeginExternalBackupInstance(f->inst, 0));
    IS(JET_errBackupInProgress, JetTerm(f->inst));
    IS(JET_errBackupInProgress, JetTerm2(f->inst, JET_bitTermAbrupt));
    bt_work(f, f->dbid, "rows", 0, 10); /* it goes on */
    begin(f);
    IS(JET_errTooManyActiveUsers, JetTerm2(f->inst, JET_bitTermComplete | JET_bitTermStopBackup));
    rollback(f);
    OK(JetBeginExternalBackupInstance(f->inst, 0)); /* the other one was ended */
    OK(JetTerm2(f->inst, JET_bitTermComplete | JET_bitTermStopBackup));
    f->running = false;
}

static void only_what_a_backup_leaves_out_keeps_its_logs(void **state)
{
    struct fix *f = *state;
    char other[128], list[4000];
    JET_DBID dbid;

    snprintf(other, sizeof(other), "%sother.edb", f->dir);
    OK(JetCreateDatabase(f->ses, other, NULL, &dbid, 0));
    bt_work(f, f->dbid, "rows", 0, 400);
    restart(f);
    OK(JetAttachDatabase(f->ses, other, 0));
    assert_int_equal(mkdir(dest, 0700), 0);
    OK(JetBeginExternalBackupInstance(f->inst, 0));
    fetch(f, f->db, MOST); /* the other one never had a backup */
    OK(JetGetLogInfoInstance(f->inst, list, sizeof(list), NULL));
    fetch_list(f, list, MOST);
    OK(JetGetTruncateLogInfoInstance(f->inst, list, sizeof(list), NULL));
    assert_string_equal(list, "");
    OK(JetTruncateLogInstance(f->inst));
    OK(JetEndExternalBackupInstance(f->inst));
    IS(JET_errMissingFullBackup, JetBeginExternalBackupInstance(f->inst, JET_bitBackupIncremental));
}

/* ---- the default instance ---------------------------------------------------------------------- */

static void the_calls_without_an_instance_mean_the_default_one(void **state)
{
    struct fix *f = *state;
    uint32_t low, high, got;
    char list[2000];
    JET_HANDLE h;

    stop(f);
    IS(JET_errNotInitialized, JetBackup(dest, 0, NULL));
    OK(JetSetSystemParameter(NULL, 0, JET_paramSystemPath, 0, f->dir));
    OK(JetSetSystemParameter(NULL, 0, JET_paramLogFilePath, 0, f->dir));
    OK(JetSetSystemParameter(NULL, 0, JET_paramLogFileSize, 256, NULL));
    OK(JetSetSystemParameter(NULL, 0, JET_paramEngineFormatVersion, efv, NULL));
    f->inst = 0;
    OK(JetInit(&f->inst));
    OK(JetBeginSession(f->inst, &f->ses, NULL, NULL));
    f->running = true;
    OK(JetAttachDatabase(f->ses, f->db, 0));
    OK(JetBeginExternalBackup(0));
    OK(JetGetAttachInfo(list, sizeof(list), NULL));
    OK(JetOpenFile(list, &h, &low, &high));
    OK(JetReadFile(h, buf, MOST, &got));
    assert_true(got > 3 * page_size);
    OK(JetCloseFile(h));
    OK(JetGetLogInfo(list, sizeof(list), NULL));
    IS(JET_errLogFileNotCopied, JetTruncateLog());
    OK(JetStopBackup());
    IS(JET_errBackupAbortByServer, JetEndExternalBackup());
    assert_int_equal(mkdir(dest, 0700), 0);
    OK(JetBackup(dest, 0, NULL));
    bt_verify(dest);
    IS(JET_errBackupDirectoryNotEmpty, JetBackupW(u"/", 0, NULL));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        E(what_is_read_is_a_backup),
        E(what_a_copy_lacks_at_its_end_is_in_its_logs),
        E(without_truncation_it_is_a_copy),
        E(headers_are_left_alone_when_asked),
        E(an_incremental_is_logs_alone),
        E(the_order_of_calls_is_kept),
        E(reads_come_in_whole_pages),
        E(lists_tell_how_long_they_are),
        E(an_end_too_early_is_an_abort),
        E(a_stopped_backup_says_so_to_the_end),
        E(databases_stay_during_a_backup),
        E(the_end_of_the_instance_wants_no_backup),
        E(only_what_a_backup_leaves_out_keeps_its_logs),
        E(the_calls_without_an_instance_mean_the_default_one),
    };

    rnd_init("backupstream");
    choose_format(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
