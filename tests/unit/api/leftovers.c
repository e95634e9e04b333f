/*
 * What a crash leaves that nobody will see again - deleted records, long values without references, what was rolled back -
 * goes when the instance comes back: the same crash over and over does not make the file grow. And what it needs then.
 */
#include "apitest.h"

#define ROWS    40
#define LV_LEN  20000u
#define CRASHES 6
#define GROWTH \
    (512u * 1024u) /* of the file, in all crashes after the first; one crash's rows take 800 KiB */

static uint8_t value[LV_LEN];

static int setup_dir(void **state)
{
    struct fix *f = calloc(1, sizeof(*f));

    *state = f;
    make_dir(f);
    pattern(value, sizeof(value), 1);
    return 0;
}

static JET_TABLEID open_table(struct fix *f, JET_COLUMNID *ret_v)
{
    JET_COLUMNDEF def = {.cbStruct = sizeof(def)};
    JET_TABLEID t;

    OK(JetOpenTable(f->ses, f->dbid, "t", NULL, 0, 0, &t));
    OK(JetGetTableColumnInfo(f->ses, t, "v", &def, sizeof(def), JET_ColInfo));
    *ret_v = def.columnid;
    return t;
}

static void attach(struct fix *f)
{
    start(f);
    OK(JetAttachDatabase(f->ses, f->db, 0));
    OK(JetOpenDatabase(f->ses, f->db, NULL, &f->dbid, 0));
}

static void make_table(struct fix *f)
{
    JET_TABLEID t;

    start(f);
    OK(JetCreateDatabase(f->ses, f->db, NULL, &f->dbid, 0));
    t = new_table(f, "t");
    add(f, t, "id", JET_coltypLong, JET_bitColumnAutoincrement);
    add(f, t, "v", JET_coltypLongBinary, 0);
    INDEX(f, t, "pk", JET_bitIndexPrimary, "+id\0");
    stop(f);
}

static void insert_rows(struct fix *f, JET_TABLEID t, JET_COLUMNID v)
{
    for (unsigned i = 0; i < ROWS; i++) {
        OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
        OK(JetSetColumn(f->ses, t, v, value, sizeof(value), JET_bitSetSeparateLV, NULL));
        OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    }
}

static void delete_rows(struct fix *f, JET_TABLEID t)
{
    JET_ERR err = JetMove(f->ses, t, JET_MoveFirst, 0);

    for (; err >= 0; err = JetMove(f->ses, t, JET_MoveNext, 0))
        OK(JetDelete(f->ses, t));
    IS(JET_errNoCurrentRecord, err);
}

/* Committed and durable, but nobody can clean: somebody reads what was before. */
static void crash_deleted(struct fix *f, JET_TABLEID t, JET_COLUMNID v)
{
    JET_SESID reader;

    begin(f);
    insert_rows(f, t, v);
    commit(f);
    OK(JetBeginSession(f->inst, &reader, NULL, NULL));
    OK(JetBeginTransaction(reader));
    begin(f);
    delete_rows(f, t);
    OK(JetCommitTransaction(f->ses, 0));
}

/* Not committed, but in the log, and followed by what is: numbers of long values are not given out again. */
static void crash_open(struct fix *f, JET_TABLEID t, JET_COLUMNID v)
{
    JET_SESID other;
    JET_TABLEID t2;
    JET_DBID db2;

    begin(f);
    insert_rows(f, t, v);
    OK(JetBeginSession(f->inst, &other, NULL, NULL));
    OK(JetOpenDatabase(other, f->db, NULL, &db2, 0));
    OK(JetOpenTable(other, db2, "t", NULL, 0, 0, &t2));
    OK(JetBeginTransaction(other));
    OK(JetPrepareUpdate(other, t2, JET_prepInsert));
    OK(JetSetColumn(other, t2, v, value, sizeof(value), JET_bitSetSeparateLV, NULL));
    OK(JetUpdate(other, t2, NULL, 0, NULL));
    OK(JetCommitTransaction(other, 0));
}

/* A process that ends without a word. */
static void crash(struct fix *f, void (*how)(struct fix *f, JET_TABLEID t, JET_COLUMNID v))
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        JET_COLUMNID v;
        JET_TABLEID t;

        attach(f);
        t = open_table(f, &v);
        how(f, t, v);
        _exit(42);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
}

static unsigned nr_unused;

static void on_note(void *ctx, const struct ese_fault *f)
{
    char text[768];

    (void)ctx;
    ese_fault_str(f, text, sizeof(text));
    nr_unused += strstr(text, "wait for deletion") != NULL;
}

static bool has_unused(const char *db)
{
    uint64_t faults;
    int fd = open(db, O_RDONLY | O_CLOEXEC);

    nr_unused = 0;
    assert_true(fd >= 0);
    OK(ese_integrity(fd, db, on_note, NULL, NULL, NULL, &faults));
    close(fd);
    assert_int_equal(faults, 0);
    return nr_unused > 0;
}

static uint64_t file_size(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return (uint64_t)st.st_size;
}

static void crash_often(struct fix *f, void (*how)(struct fix *f, JET_TABLEID t, JET_COLUMNID v))
{
    uint64_t first = 0;

    make_table(f);
    for (unsigned i = 0; i < CRASHES; i++) {
        crash(f, how);
        attach(f);
        stop(f); /* to its end: what the sweep has found is cleaned up */
        assert_false(has_unused(f->db));
        if (i == 0)
            first = file_size(f->db);
    }
    assert_true(file_size(f->db) <= first + GROWTH);
}

static void deleted_rows_do_not_add_up(void **state)
{
    crash_often(*state, crash_deleted);
}

static void open_transactions_do_not_add_up(void **state)
{
    crash_often(*state, crash_open);
}

static JET_ERR init_again(struct fix *f, JET_GRBIT grbit)
{
    create_instance(f, "again");
    return JetInit2(&f->inst, grbit);
}

/* One of two databases went with its disk: the other one is had without it, when that is what is wanted. */
static void a_database_may_be_missing(void **state)
{
    struct fix *f = *state;
    char other[112];
    int status;
    pid_t pid;

    snprintf(other, sizeof(other), "%sother.edb", f->dir);
    make_table(f);
    pid = fork();
    if (pid == 0) {
        JET_COLUMNID v;
        JET_TABLEID t;
        JET_DBID id;

        attach(f);
        OK(JetCreateDatabase(f->ses, other, NULL, &id, 0));
        t = open_table(f, &v);
        begin(f);
        insert_rows(f, t, v); /* several logs: recovery will not meet the creation again */
        commit(f);
        stop(f);
        attach(f);
        OK(JetAttachDatabase(f->ses, other, 0));
        OK(JetCommitTransaction(f->ses, JET_bitWaitLastLevel0Commit));
        _exit(42);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 42);
    assert_int_equal(remove(other), 0);
    IS(JET_errAttachedDatabaseMismatch, init_again(f, 0));
    assert_int_equal(__atomic_exchange_n(&nr_faults, 0, __ATOMIC_RELAXED), 1);
    OK(init_again(f, JET_bitReplayIgnoreMissingDB));
    OK(JetTerm(f->inst));
    attach(f); /* from now on it goes without */
    IS(JET_errFileNotFound, JetAttachDatabase(f->ses, other, 0));
}

/* Killed before the first page got to disk: dirty, but not damaged. */
static void a_database_that_was_just_made_is_not_damaged(void **state)
{
    struct fix *f = *state;
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        start(f);
        OK(JetCreateDatabase(f->ses, f->db, NULL, &f->dbid, 0));
        _exit(42);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 42);
    assert_sound(f->db);
    attach(f);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(deleted_rows_do_not_add_up, setup_dir, teardown),
        cmocka_unit_test_setup_teardown(open_transactions_do_not_add_up, setup_dir, teardown),
        cmocka_unit_test_setup_teardown(a_database_may_be_missing, setup_dir, teardown),
        cmocka_unit_test_setup_teardown(a_database_that_was_just_made_is_not_damaged, setup_dir,
                                        teardown),
    };

    choose_format(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
