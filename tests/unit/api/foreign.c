/*
 * Databases that another engine made and shut down, opened and changed by ours. Its indexes of text
 * follow a sort order that we have not got: rows that would change them are refused, everything else
 * goes on.
 */
#include "apitest.h"

#include <sys/sendfile.h>

static int setup_foreign(void **state)
{
    struct fix *f = calloc(1, sizeof(*f));

    *state = f;
    make_dir(f);
    start(f);
    return 0;
}

static bool copy_data(const struct fix *f, const char *name)
{
    const char *data = getenv("ESE_TEST_DATA");
    char path[512];
    struct stat st;
    int from, to;

    snprintf(path, sizeof(path), "%s/%s", data ? data : "", name);
    from = open(path, O_RDONLY | O_CLOEXEC);
    if (from < 0) {
        print_message("skipped: no %s in ESE_TEST_DATA\n", name);
        return false;
    }
    to = open(f->db, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    assert_true(to >= 0 && fstat(from, &st) == 0);
    for (off_t at = 0; at < st.st_size;)
        assert_true(sendfile(to, from, &at, (size_t)(st.st_size - at)) > 0);
    close(from);
    close(to);
    return true;
}

/* Skips the test where the file is not there. */
#define OPEN(f, name)                                                \
    do {                                                             \
        if (!copy_data(f, name))                                     \
            skip();                                                  \
        OK(JetAttachDatabase((f)->ses, (f)->db, 0));                 \
        OK(JetOpenDatabase((f)->ses, (f)->db, NULL, &(f)->dbid, 0)); \
    } while (0)

static const char *data_set(void)
{
    return page_size == 4096 ? "engine/p4096_w10/clean/files/test.edb"
                             : "engine/p32768_w10/clean/files/test.edb";
}

static JET_TABLEID open_table(struct fix *f, const char *name)
{
    JET_TABLEID t;

    OK(JetOpenTable(f->ses, f->dbid, name, NULL, 0, 0, &t));
    return t;
}

static JET_COLUMNID column(struct fix *f, JET_TABLEID t, const char *name)
{
    JET_COLUMNDEF def;

    OK(JetGetTableColumnInfo(f->ses, t, name, &def, sizeof(def), JET_ColInfo));
    return def.columnid;
}

/* Entries of an index; NULL: of the primary one. */
static uint32_t count(struct fix *f, JET_TABLEID t, const char *index)
{
    uint32_t nr = 0;
    JET_ERR err;

    OK(JetSetCurrentIndex(f->ses, t, index));
    for (err = JetMove(f->ses, t, JET_MoveFirst, 0); err >= 0;
         err = JetMove(f->ses, t, JET_MoveNext, 0))
        nr++;
    assert_int_equal(err, JET_errNoCurrentRecord);
    return nr;
}

static void insert_long(struct fix *f, JET_TABLEID t, JET_COLUMNID id, int32_t n, JET_ERR want)
{
    OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
    set_long(f, t, id, n);
    IS(want, JetUpdate(f->ses, t, NULL, 0, NULL));
    if (want < 0)
        OK(JetPrepareUpdate(f->ses, t, JET_prepCancel));
}

/* ---- rows -------------------------------------------------------------------------------------- */

static void rows_without_text_keys_are_changed(void **state)
{
    struct fix *f = *state;
    JET_TABLEID t;
    JET_COLUMNID seq, b;
    uint32_t rows;
    uint8_t bytes[200];

    OPEN(f, data_set());
    t = open_table(f, "NoPrimary");
    seq = column(f, t, "seq");
    b = column(f, t, "b");
    rows = count(f, t, NULL);
    assert_int_equal(count(f, t, "ix_b"), rows);
    begin(f);
    for (int32_t i = 0; i < 2000; i++) { /* its pages split */
        OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
        set_long(f, t, seq, 1000000 + i);
        pattern(bytes, sizeof(bytes), (unsigned)i);
        OK(JetSetColumn(f->ses, t, b, bytes, 1 + (uint32_t)i % 200, 0, NULL));
        OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    }
    commit(f);
    begin(f);
    OK(JetSetCurrentIndex(f->ses, t, NULL));
    OK(JetMove(f->ses, t, JET_MoveFirst, 0));
    for (uint32_t i = 0; i < rows; i++) { /* the old ones: a third goes, a third changes */
        if (i % 3 == 0) {
            OK(JetDelete(f->ses, t));
        } else if (i % 3 == 1) {
            OK(JetPrepareUpdate(f->ses, t, JET_prepReplace));
            OK(JetSetColumn(f->ses, t, b, bytes, sizeof(bytes), 0, NULL));
            OK(JetUpdate(f->ses, t, NULL, 0, NULL));
        }
        OK(JetMove(f->ses, t, JET_MoveNext, 0));
    }
    commit(f);
    begin(f);
    OK(JetMove(f->ses, t, JET_MoveFirst, 0));
    OK(JetDelete(f->ses, t));
    rollback(f);
    rows += 2000 - (rows + 2) / 3;
    restart(f);
    t = open_table(f, "NoPrimary");
    assert_int_equal(count(f, t, NULL), rows);
    assert_int_equal(count(f, t, "ix_b"), rows);
}

static void indexes_that_are_there_lead_to_their_rows(void **state)
{
    static const char *const indexes[] = {"ix_bin", "ix_dt",  "ix_flt", "ix_gu",
                                          "ix_id",  "ix_mvl", "ix_num"};
    struct fix *f = *state;
    JET_TABLEID t;
    JET_COLUMNID id;
    uint32_t rows;

    OPEN(f, data_set());
    t = open_table(f, "AllTypes");
    id = column(f, t, "id");
    rows = count(f, t, NULL);
    for (size_t i = 0; i < sizeof(indexes) / sizeof(indexes[0]); i++) {
        JET_ERR err;
        OK(JetSetCurrentIndex(f->ses, t, indexes[i]));
        for (err = JetMove(f->ses, t, JET_MoveFirst, 0); err >= 0;
             err = JetMove(f->ses, t, JET_MoveNext, 0)) {
            JET_TABLEID by_id;
            const int32_t n = get_long(f, t, id);
            OK(JetDupCursor(f->ses, t, &by_id, 0));
            make_long_key(f, by_id, n, JET_bitNewKey);
            OK(JetSeek(f->ses, by_id, JET_bitSeekEQ));
            OK(JetCloseTable(f->ses, by_id));
        }
    }
    assert_true(rows > 100);
}

/* ---- text of another sort order ---------------------------------------------------------------- */

static void a_text_index_of_another_order_is_not_changed(void **state)
{
    struct fix *f = *state;
    JET_TABLEID t;
    JET_COLUMNID id, dt;
    uint32_t rows;
    double now = 45000.5;

    OPEN(f, data_set());
    t = open_table(f, "AllTypes");
    id = column(f, t, "lo");
    dt = column(f, t, "dt");
    rows = count(f, t, NULL);
    insert_long(f, t, id, 777777, JET_errSecondaryIndexCorrupted);
    assert_int_equal(count(f, t, NULL), rows);
    OK(JetMove(f->ses, t, JET_MoveFirst, 0)); /* what leaves such indexes as they are goes */
    OK(JetPrepareUpdate(f->ses, t, JET_prepReplace));
    OK(JetSetColumn(f->ses, t, dt, &now, sizeof(now), 0, NULL));
    OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    OK(JetSetCurrentIndex(f->ses, t, "ix_dt"));
    OK(JetMakeKey(f->ses, t, &now, sizeof(now), JET_bitNewKey));
    OK(JetSeek(f->ses, t, JET_bitSeekEQ));
    OK(JetCloseTable(f->ses, t));

    t = open_table(f, "Kv"); /* its rows lie in the order of a text */
    OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
    OK(JetSetColumn(f->ses, t, column(f, t, "k"), u"new", 6, 0, NULL));
    IS(JET_errPrimaryIndexCorrupted, JetUpdate(f->ses, t, NULL, 0, NULL));
    OK(JetPrepareUpdate(f->ses, t, JET_prepCancel));
    assert_int_equal(count(f, t, NULL), 30);
}

static void without_its_text_indexes_a_table_is_changed(void **state)
{
    static const char *const foreign[] = {"ix_ftx", "ix_multi", "ix_mvt", "ix_vtu"};
    struct fix *f = *state;
    JET_TABLEID t;
    JET_COLUMNID id;
    uint32_t rows;

    OPEN(f, data_set());
    t = open_table(f, "AllTypes");
    id = column(f, t, "lo");
    rows = count(f, t, NULL);
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
        OK(JetDeleteIndex(f->ses, t, foreign[i]));
    INDEX(f, t, "ours", 0, "+vtu\0-id\0");
    assert_int_equal(count(f, t, "ours"), rows);
    for (int32_t i = 0; i < 300; i++) {
        JET_WCHAR text[4] = {(JET_WCHAR)('a' + i % 26), (JET_WCHAR)('a' + i / 26), 'x', 'y'};
        OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
        set_long(f, t, id, 1000000 + i);
        OK(JetSetColumn(f->ses, t, column(f, t, "vtu"), text, sizeof(text), 0, NULL));
        OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    }
    restart(f);
    t = open_table(f, "AllTypes");
    assert_int_equal(count(f, t, NULL), rows + 300);
    assert_int_equal(count(f, t, "ours"), rows + 300);
    assert_int_equal(count(f, t, "ix_id"), rows + 300);
}

/* ---- the schema -------------------------------------------------------------------------------- */

static void the_schema_is_changed(void **state)
{
    struct fix *f = *state;
    JET_TABLEID t, old;
    JET_COLUMNID added, key;
    uint32_t rows;

    OPEN(f, data_set());
    t = open_table(f, "NoPrimary");
    rows = count(f, t, NULL);
    added = add(f, t, "added", JET_coltypLong, 0);
    INDEX(f, t, "by seq", 0, "+seq\0");
    INDEX(f, t, "by added", JET_bitIndexIgnoreNull, "+added\0");
    assert_int_equal(count(f, t, "by seq"), rows);
    assert_int_equal(count(f, t, "by added"), 0);
    insert_long(f, t, added, 5, JET_errSuccess);
    assert_int_equal(count(f, t, "by added"), 1);
    OK(JetDeleteIndex(f->ses, t, "ix_b"));
    OK(JetDeleteColumn(f->ses, t, "b"));
    OK(JetCloseTable(f->ses, t));

    t = new_table(f, "Ours");
    key = add(f, t, "key", JET_coltypText, 0);
    INDEX(f, t, "primary", JET_bitIndexPrimary, "+key\0");
    for (unsigned i = 0; i < 500; i++) {
        JET_WCHAR text[3] = {(JET_WCHAR)('z' - i % 26), (JET_WCHAR)('a' + i / 26), 0xe9};
        OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
        OK(JetSetColumn(f->ses, t, key, text, sizeof(text), 0, NULL));
        OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    }
    OK(JetCloseTable(f->ses, t));
    OK(JetDeleteTable(f->ses, f->dbid, "Empty"));
    OK(JetRenameTable(f->ses, f->dbid, "NoPrimary", "Renamed"));
    restart(f);
    t = open_table(f, "Ours");
    assert_int_equal(count(f, t, NULL), 500);
    old = open_table(f, "Renamed");
    assert_int_equal(count(f, old, "by seq"), rows + 1);
    IS(JET_errObjectNotFound, JetOpenTable(f->ses, f->dbid, "Empty", NULL, 0, 0, &t));
}

/* ---- Windows ----------------------------------------------------------------------------------- */

static void a_database_of_windows_goes_on(void **state)
{
    static const char name[] = "{973F5D5C-1D90-4944-BE8E-24B94231A174}",
                      large[] = "{5C8CF1C7-7257-4F13-B223-970EF5939312}";
    struct fix *f = *state;
    JET_TABLEID t;
    JET_COLUMNID number, time, user;
    int32_t last;
    uint32_t rows;

    if (page_size != 4096) {
        print_message("skipped: the database has pages of 4096 bytes\n");
        skip();
    }
    OPEN(f, "windows/srum-win10-apt/SRUDB.dat");
    t = open_table(f, name);
    number = column(f, t, "AutoIncId");
    time = column(f, t, "TimeStamp");
    user = column(f, t, "UserId");
    rows = count(f, t, NULL);
    assert_int_equal(count(f, t, "AutoIncIdIndex"), rows);
    OK(JetMove(f->ses, t, JET_MoveLast, 0));
    last = get_long(f, t, number);
    for (int32_t i = 0; i < 1000; i++) {
        const double when = 44000.0 + i % 100;
        OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
        OK(JetSetColumn(f->ses, t, time, &when, sizeof(when), 0, NULL));
        set_long(f, t, user, i % 7);
        OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    }
    assert_int_equal(count(f, t, "AutoIncIdIndex"), rows + 1000);
    OK(JetMove(f->ses, t, JET_MoveLast, 0));
    assert_true(get_long(f, t, number) >= last + 1000);
    OK(JetCloseTable(f->ses, t));
    t = open_table(f, large);
    OK(JetMove(f->ses, t, JET_MoveFirst, 0));
    for (unsigned i = 0; i < 1000; i++) { /* its pages merge */
        OK(JetDelete(f->ses, t));
        OK(JetMove(f->ses, t, JET_MoveNext, 0));
    }
    INDEX(f, t, "ours", 0, "+AppId\0-EndTime\0");
    restart(f);
    t = open_table(f, large);
    assert_int_equal(count(f, t, "ours"), count(f, t, NULL));
    assert_int_equal(count(f, t, "UserIdTimeStamp"), count(f, t, NULL));
    t = open_table(f, name);
    assert_int_equal(count(f, t, "UserIdTimeStamp"), rows + 1000);
}

#define F(name) cmocka_unit_test_setup_teardown(name, setup_foreign, teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        F(rows_without_text_keys_are_changed),
        F(indexes_that_are_there_lead_to_their_rows),
        F(a_text_index_of_another_order_is_not_changed),
        F(without_its_text_indexes_a_table_is_changed),
        F(the_schema_is_changed),
        F(a_database_of_windows_goes_on),
    };

    choose_format(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
