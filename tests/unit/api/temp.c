/* Temporary tables: sorted, sought, changed, gone with their cursor. */
#include "apitest.h"

static JET_TABLEID open_two_columns(struct fix *f, JET_GRBIT grbit, JET_GRBIT key_grbit,
                                    JET_COLUMNID id[2])
{
    const JET_COLUMNDEF def[2] = {
        {.cbStruct = sizeof(*def),
         .coltyp = JET_coltypLong,
         .grbit = JET_bitColumnTTKey | key_grbit},
        {.cbStruct = sizeof(*def), .coltyp = JET_coltypLongText, .cp = 1200}};
    JET_TABLEID t;

    OK(JetOpenTempTable(f->ses, def, 2, grbit, &t, id));
    return t;
}

static void put(struct fix *f, JET_TABLEID t, const JET_COLUMNID id[2], int32_t n, JET_ERR want)
{
    OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
    set_long(f, t, id[0], n);
    OK(JetSetColumn(f->ses, t, id[1], u"abcdefgh", 16, 0, NULL));
    IS(want, JetUpdate(f->ses, t, NULL, 0, NULL));
    if (want < 0)
        OK(JetPrepareUpdate(f->ses, t, JET_prepCancel));
}

static void rows_come_out_sorted(void **state)
{
    struct fix *f = *state;
    JET_COLUMNID id[2];
    uint32_t len;
    char buf[32];

    for (int down = 0; down < 2; down++) {
        JET_TABLEID t = open_two_columns(f, JET_bitTTScrollable | JET_bitTTIndexed,
                                         down ? JET_bitColumnTTDescending : 0, id);
        for (int i = 0; i < 5000; i++)
            put(f, t, id, i * 3001 % 5000, JET_errSuccess);
        put(f, t, id, 77, JET_errSuccess); /* of equal ones one stays */
        OK(JetMove(f->ses, t, JET_MoveFirst, 0));
        for (int i = 0; i < 5000; i++) {
            assert_int_equal(get_long(f, t, id[0]), down ? 4999 - i : i);
            IS(i < 4999 ? JET_errSuccess : JET_errNoCurrentRecord,
               JetMove(f->ses, t, JET_MoveNext, 0));
        }
        OK(JetMove(f->ses, t, JET_MoveLast, 0));
        OK(JetMove(f->ses, t, -10, 0));
        assert_int_equal(get_long(f, t, id[0]), down ? 10 : 4989);
        OK(JetRetrieveColumn(f->ses, t, id[1], buf, sizeof(buf), &len, 0, NULL));
        assert_int_equal(len, 16);
        OK(JetCloseTable(f->ses, t));
        IS(JET_errInvalidTableId, JetMove(f->ses, t, JET_MoveFirst, 0));
    }
}

static void rows_are_sought_and_ranged(void **state)
{
    struct fix *f = *state;
    JET_COLUMNID id[2];
    JET_TABLEID t = open_two_columns(f, JET_bitTTScrollable | JET_bitTTIndexed, 0, id);
    uint8_t bm[16], k[16];
    uint32_t len, nr;

    for (int i = 0; i < 100; i++)
        put(f, t, id, i * 2, JET_errSuccess);
    make_long_key(f, t, 50, JET_bitNewKey);
    OK(JetSeek(f->ses, t, JET_bitSeekEQ));
    assert_int_equal(get_long(f, t, id[0]), 50);
    OK(JetRetrieveKey(f->ses, t, k, sizeof(k), &len, 0));
    assert_int_equal(len, 5);
    OK(JetGetBookmark(f->ses, t, bm, sizeof(bm), &len));
    make_long_key(f, t, 51, JET_bitNewKey);
    IS(JET_errRecordNotFound, JetSeek(f->ses, t, JET_bitSeekEQ));
    make_long_key(f, t, 51, JET_bitNewKey);
    IS(JET_wrnSeekNotEqual, JetSeek(f->ses, t, JET_bitSeekGE));
    assert_int_equal(get_long(f, t, id[0]), 52);
    make_long_key(f, t, 51, JET_bitNewKey);
    IS(JET_wrnSeekNotEqual, JetSeek(f->ses, t, JET_bitSeekLE));
    assert_int_equal(get_long(f, t, id[0]), 50);
    make_long_key(f, t, 60, JET_bitNewKey);
    OK(JetSetIndexRange(f->ses, t, JET_bitRangeUpperLimit | JET_bitRangeInclusive));
    OK(JetIndexRecordCount(f->ses, t, &nr, 0));
    assert_int_equal(nr, 6);
    OK(JetMove(f->ses, t, JET_MoveLast, 0));
    OK(JetGotoBookmark(f->ses, t, bm, len));
    assert_int_equal(get_long(f, t, id[0]), 50);
    IS(JET_errRecordDeleted, JetGotoBookmark(f->ses, t, bm, 3));
    IS(JET_errInvalidBookmark, JetGotoBookmark(f->ses, t, bm, 0));
    IS(JET_errKeyNotMade, JetSeek(f->ses, t, JET_bitSeekEQ));
    IS(JET_errNotInTransaction, JetGetLock(f->ses, t, JET_bitReadLock));
    IS(JET_errIndexNotFound, JetSetCurrentIndex(f->ses, t, "key"));
    IS(JET_errIllegalOperation, JetCreateIndex(f->ses, t, "x", 0, "+a\0", 4, 80));
    IS(JET_errIllegalOperation, JetGetTableColumnInfo(f->ses, t, "x", bm, 16, JET_ColInfo));
}

static void rows_change_where_that_was_asked_for(void **state)
{
    struct fix *f = *state;
    JET_COLUMNID id[2];
    JET_TABLEID t = open_two_columns(f, JET_bitTTUpdatable | JET_bitTTIndexed, 0, id);
    JET_OBJECTINFO info;
    char buf[32];
    uint32_t len;

    for (int i = 0; i < 10; i++)
        put(f, t, id, 9 - i, JET_errSuccess);
    OK(JetMove(f->ses, t, JET_MoveFirst, 0));
    put(f, t, id, 3, JET_errKeyDuplicate);
    OK(JetPrepareUpdate(f->ses, t, JET_prepReplace));
    OK(JetSetColumn(f->ses, t, id[1], "xyz", 3, 0, NULL));
    OK(JetRetrieveColumn(f->ses, t, id[1], buf, sizeof(buf), &len, JET_bitRetrieveCopy, NULL));
    assert_int_equal(len, 3);
    OK(JetRetrieveColumn(f->ses, t, id[1], buf, sizeof(buf), &len, 0, NULL));
    assert_int_equal(len, 16);
    OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    OK(JetRetrieveColumn(f->ses, t, id[1], buf, sizeof(buf), &len, 0, NULL));
    assert_int_equal(len, 3);
    OK(JetPrepareUpdate(f->ses, t, JET_prepReplace));
    set_long(f, t, id[0], 100);
    IS(JET_errRecordPrimaryChanged, JetUpdate(f->ses, t, NULL, 0, NULL));
    IS(JET_errAlreadyPrepared, JetPrepareUpdate(f->ses, t, JET_prepInsert));
    OK(JetPrepareUpdate(f->ses, t, JET_prepCancel));
    OK(JetMove(f->ses, t, 4, 0));
    OK(JetDelete(f->ses, t));
    OK(JetMove(f->ses, t, JET_MoveNext, 0));
    assert_int_equal(get_long(f, t, id[0]), 5);
    OK(JetMove(f->ses, t, JET_MovePrevious, 0));
    assert_int_equal(get_long(f, t, id[0]), 3);
    OK(JetGetTableInfo(f->ses, t, &info, sizeof(info), JET_TblInfo));
    assert_int_equal(info.cRecord, 9);
    IS(JET_errInvalidOperation, JetGetTableInfo(f->ses, t, buf, sizeof(buf), JET_TblInfoName));
    OK(JetCloseTable(f->ses, t));
    t = open_two_columns(f, JET_bitTTIndexed, 0, id);
    put(f, t, id, 1, JET_errSuccess);
    OK(JetMove(f->ses, t, JET_MoveFirst, 0));
    IS(JET_errIllegalOperation, JetPrepareUpdate(f->ses, t, JET_prepReplace));
    IS(JET_errIllegalOperation, JetDelete(f->ses, t));
}

static void kinds_and_flags(void **state)
{
    struct fix *f = *state;
    JET_COLUMNDEF def[2] = {
        {.cbStruct = sizeof(*def),
         .coltyp = JET_coltypText,
         .cp = 1200,
         .grbit = JET_bitColumnTTKey},
        {.cbStruct = sizeof(*def), .coltyp = JET_coltypLong, .grbit = JET_bitColumnNotNULL}};
    JET_UNICODEINDEX2 order = {.szLocaleName = W(u"de-DE"), .dwMapFlags = 0x30001};
    JET_UNICODEINDEX order1 = {.lcid = 0x407, .dwMapFlags = 0x30001};
    JET_COLUMNID id[2];
    JET_OPENTEMPORARYTABLE ot = {.cbStruct = sizeof(ot),
                                 .prgcolumndef = def,
                                 .ccolumn = 2,
                                 .pidxunicode = &order1,
                                 .grbit = JET_bitTTIndexed,
                                 .prgcolumnid = id,
                                 .cbKeyMost = 300};
    JET_OPENTEMPORARYTABLE2 ot2 = {.cbStruct = sizeof(ot2),
                                   .prgcolumndef = def,
                                   .ccolumn = 2,
                                   .pidxunicode = &order,
                                   .grbit = JET_bitTTIndexed,
                                   .prgcolumnid = id};
    static const JET_WCHAR *const words[] = {u"pear", u"Apple", u"fig", u"apple"};
    JET_TABLEID t;
    JET_WCHAR w[16];
    uint32_t len;

    OK(JetOpenTemporaryTable2(f->ses, &ot2));
    t = ot2.tableid;
    for (int i = 0; i < 4; i++) {
        uint32_t n = 0;
        while (words[i][n])
            n++;
        OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
        OK(JetSetColumn(f->ses, t, id[0], words[i], 2 * n, 0, NULL));
        IS(JET_errNullInvalid, JetUpdate(f->ses, t, NULL, 0, NULL));
        set_long(f, t, id[1], i);
        OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    }
    OK(JetMove(f->ses, t, JET_MoveFirst, 0));
    assert_int_equal(get_long(f, t, id[1]),
                     1); /* whatever their case they are equal: the first one stays */
    OK(JetMove(f->ses, t, JET_MoveNext, 0));
    OK(JetRetrieveColumn(f->ses, t, id[0], w, sizeof(w), &len, 0, NULL));
    assert_memory_equal(w, u"fig", 6);
    OK(JetMove(f->ses, t, JET_MoveNext, 0));
    IS(JET_errNoCurrentRecord, JetMove(f->ses, t, JET_MoveNext, 0));
    OK(JetOpenTemporaryTable(f->ses, &ot));
    OK(JetCloseTable(f->ses, ot.tableid));
    ot.cbKeyMost = 100;
    IS(JET_errInvalidParameter, JetOpenTemporaryTable(f->ses, &ot));
    order1.lcid = 0x99999;
    IS(JET_errInvalidLanguageId, JetOpenTemporaryTable(f->ses, &ot));
    order.dwMapFlags = 0x80000000;
    IS(JET_errInvalidLCMapStringFlags, JetOpenTemporaryTable2(f->ses, &ot2));
    OK(JetOpenTempTable2(f->ses, def, 2, 0x409, 0, &t, id));
    OK(JetOpenTempTable3(f->ses, def, 2, NULL, 0, &t, id));
    IS(JET_errCannotMaterializeForwardOnlySort,
       JetOpenTempTable(f->ses, def, 2, JET_bitTTForwardOnly | JET_bitTTUpdatable, &t, id));
    OK(JetOpenTempTable(f->ses, def, 2, JET_bitTTForwardOnly, &t, id));
    def[1].coltyp = 99;
    IS(JET_errInvalidColumnType, JetOpenTempTable(f->ses, def, 2, 0, &t, id));
    def[1].coltyp = JET_coltypLong;
    def[0].cp = 437;
    IS(JET_errInvalidCodePage, JetOpenTempTable(f->ses, def, 2, 0, &t, id));
}

static void equal_rows_stay_where_nothing_forbids_them(void **state)
{
    struct fix *f = *state;
    JET_COLUMNID id[2];
    JET_TABLEID t = open_two_columns(f, JET_bitTTForwardOnly, 0, id);
    int nr = 1;

    for (int i = 0; i < 10; i++)
        put(f, t, id, i / 2, JET_errSuccess);
    OK(JetMove(f->ses, t, JET_MoveFirst, 0));
    while (JetMove(f->ses, t, JET_MoveNext, 0) >= 0)
        nr++;
    assert_int_equal(nr, 10);
    OK(JetCloseTable(f->ses, t));
    t = open_two_columns(f, JET_bitTTUnique | JET_bitTTErrorOnDuplicateInsertion, 0, id);
    put(f, t, id, 1, JET_errSuccess);
    put(f, t, id, 1, JET_errKeyDuplicate);
    OK(JetCloseTable(f->ses, t));
    begin(f);
    t = open_two_columns(f, 0, 0, id);
    rollback(f);
    IS(JET_errInvalidTableId, JetCloseTable(f->ses, t));
}

/* ---- several values, several cursors ---------------------------------------------------------- */

static void set_value(struct fix *f, JET_TABLEID t, JET_COLUMNID id, uint32_t itag,
                      const char *text)
{
    JET_SETINFO info = {.cbStruct = sizeof(info), .itagSequence = itag};

    OK(JetSetColumn(f->ses, t, id, text, (uint32_t)strlen(text), 0, &info));
}

static void assert_value(struct fix *f, JET_TABLEID t, JET_COLUMNID id, uint32_t itag,
                         const char *text)
{
    JET_RETINFO info = {.cbStruct = sizeof(info), .itagSequence = itag};
    char buf[64];
    uint32_t len;

    OK(JetRetrieveColumn(f->ses, t, id, buf, sizeof(buf), &len, 0, &info));
    assert_int_equal(len, strlen(text));
    assert_memory_equal(buf, text, len);
}

static void *get_memory(void *ctx, void *old, uint32_t len)
{
    (void)ctx;
    if (len)
        return realloc(old, len);
    free(old);
    return NULL;
}

static void a_column_has_several_values(void **state)
{
    struct fix *f = *state;
    JET_COLUMNDEF def[2] = {
        {.cbStruct = sizeof(*def),
         .coltyp = JET_coltypText,
         .grbit = JET_bitColumnTTKey | JET_bitColumnTagged | JET_bitColumnMultiValued},
        {.cbStruct = sizeof(*def),
         .coltyp = JET_coltypBinary,
         .grbit = JET_bitColumnTagged | JET_bitColumnMultiValued}};
    JET_RETINFO third = {.cbStruct = sizeof(third), .itagSequence = 3};
    JET_ENUMCOLUMN *columns;
    JET_COLUMNID id[2];
    JET_TABLEID t;
    uint32_t nr;
    char buf[8];

    OK(JetOpenTempTable(f->ses, def, 2, JET_bitTTIndexed, &t, id));
    OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
    set_value(f, t, id[0], 1, "m");
    set_value(f, t, id[0], 2, "a"); /* the key is the first value's */
    set_value(f, t, id[1], 1, "one");
    set_value(f, t, id[1], 2, "two");
    OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
    set_value(f, t, id[0], 1, "b");
    OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    OK(JetMove(f->ses, t, JET_MoveFirst, 0));
    assert_value(f, t, id[0], 1, "b");
    OK(JetMove(f->ses, t, JET_MoveNext, 0));
    assert_value(f, t, id[0], 2, "a");
    assert_value(f, t, id[1], 1, "one");
    assert_value(f, t, id[1], 2, "two");
    IS(JET_wrnColumnNull, JetRetrieveColumn(f->ses, t, id[1], buf, sizeof(buf), &nr, 0, &third));
    OK(JetEnumerateColumns(f->ses, t, 0, NULL, &nr, &columns, get_memory, NULL, UINT32_MAX, 0));
    assert_int_equal(nr, 2);
    for (uint32_t i = 0; i < nr; i++) {
        assert_int_equal(columns[i].cEnumColumnValue, 2);
        for (uint32_t k = 0; k < 2; k++)
            free(columns[i].rgEnumColumnValue[k].pvData);
        free(columns[i].rgEnumColumnValue);
    }
    free(columns);
    IS(JET_errNoCurrentRecord, JetMove(f->ses, t, JET_MoveNext, 0));
    def[1].grbit = JET_bitColumnMultiValued;
    IS(JET_errMultiValuedColumnMustBeTagged, JetOpenTempTable(f->ses, def, 2, 0, &t, id));
}

static void two_cursors_have_one_table(void **state)
{
    struct fix *f = *state;
    JET_COLUMNID id[2];
    JET_TABLEID a = open_two_columns(f, JET_bitTTUpdatable | JET_bitTTIndexed, 0, id), b;

    for (int i = 0; i < 10; i++)
        put(f, a, id, i, JET_errSuccess);
    OK(JetDupCursor(f->ses, a, &b, 0));
    assert_int_equal(get_long(f, b, id[0]), 0);
    put(f, b, id, 100, JET_errSuccess);
    put(f, b, id, 5, JET_errKeyDuplicate); /* somebody has looked */
    OK(JetMove(f->ses, a, JET_MoveLast, 0));
    assert_int_equal(get_long(f, a, id[0]), 100);
    OK(JetDelete(f->ses, a));
    OK(JetCloseTable(f->ses, a));
    OK(JetMove(f->ses, b, JET_MoveLast, 0));
    assert_int_equal(get_long(f, b, id[0]), 9);
    OK(JetCloseTable(f->ses, b));
    a = open_two_columns(f, JET_bitTTForwardOnly, 0, id); /* equal rows stay */
    put(f, a, id, 7, JET_errSuccess);
    put(f, a, id, 7, JET_errSuccess);
    put(f, a, id, 1, JET_errSuccess);
    OK(JetDupCursor(f->ses, a, &b, 0));
    assert_int_equal(get_long(f, b, id[0]), 1);
    OK(JetMove(f->ses, b, 2, 0));
    assert_int_equal(get_long(f, b, id[0]), 7);
}

/* ---- transactions ----------------------------------------------------------------------------- */

static int nr_rows(struct fix *f, JET_TABLEID t)
{
    JET_OBJECTINFO info;

    OK(JetGetTableInfo(f->ses, t, &info, sizeof(info), JET_TblInfo));
    return (int)info.cRecord;
}

static void a_rollback_takes_rows_back(void **state)
{
    struct fix *f = *state;
    JET_COLUMNID id[2];
    JET_TABLEID t = open_two_columns(f, JET_bitTTUpdatable | JET_bitTTIndexed, 0, id);
    char buf[32];
    uint32_t len;

    put(f, t, id, 1, JET_errSuccess);
    begin(f);
    OK(JetMove(f->ses, t, JET_MoveFirst, 0));
    put(f, t, id, 2, JET_errSuccess);
    OK(JetPrepareUpdate(f->ses, t, JET_prepReplace));
    OK(JetSetColumn(f->ses, t, id[1], "xyz", 3, 0, NULL));
    OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    OK(JetGetLock(f->ses, t, JET_bitWriteLock));
    begin(f);
    OK(JetDelete(f->ses, t));
    assert_int_equal(nr_rows(f, t), 1);
    rollback(f); /* an inner level */
    assert_int_equal(nr_rows(f, t), 2);
    OK(JetMove(f->ses, t, JET_MoveFirst, 0));
    OK(JetRetrieveColumn(f->ses, t, id[1], buf, sizeof(buf), &len, 0, NULL));
    assert_int_equal(len, 3);
    rollback(f);
    assert_int_equal(nr_rows(f, t), 1);
    OK(JetMove(f->ses, t, JET_MoveFirst, 0));
    OK(JetRetrieveColumn(f->ses, t, id[1], buf, sizeof(buf), &len, 0, NULL));
    assert_int_equal(len, 16);
    begin(f);
    put(f, t, id, 3, JET_errSuccess);
    commit(f);
    assert_int_equal(nr_rows(f, t), 2);
    OK(JetCloseTable(f->ses, t));
}

/* Long values are another tree's nodes, and go with their rows. */
static void long_values_come_and_go(void **state)
{
    struct fix *f = *state;
    static uint8_t big[100000], back[100000];
    JET_COLUMNID id[2];
    JET_TABLEID t = open_two_columns(f, JET_bitTTUpdatable | JET_bitTTIndexed, 0, id);
    uint32_t len;

    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (uint8_t)(i * 31);
    OK(JetPrepareUpdate(f->ses, t,
                        JET_prepInsert)); /* as of any table: not without a transaction */
    IS(JET_errNotInTransaction, JetSetColumn(f->ses, t, id[1], big, sizeof(big), 0, NULL));
    OK(JetPrepareUpdate(f->ses, t, JET_prepCancel));
    for (int i = 0; i < 2; i++) {
        begin(f);
        OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
        set_long(f, t, id[0], i);
        OK(JetSetColumn(f->ses, t, id[1], big, sizeof(big), 0, NULL));
        OK(JetUpdate(f->ses, t, NULL, 0, NULL));
        if (i == 0)
            commit(f);
        else
            rollback(f);
    }
    assert_int_equal(nr_rows(f, t), 1);
    OK(JetMove(f->ses, t, JET_MoveFirst, 0));
    OK(JetRetrieveColumn(f->ses, t, id[1], back, sizeof(back), &len, 0, NULL));
    assert_int_equal(len, sizeof(big));
    assert_memory_equal(big, back, sizeof(big));
}

static void rows_that_are_only_sorted_come_before_the_first_look(void **state)
{
    struct fix *f = *state;
    JET_COLUMNDEF def = {
        .cbStruct = sizeof(def), .coltyp = JET_coltypLong, .grbit = JET_bitColumnTTKey};
    JET_COLUMNID id;
    JET_TABLEID t;

    OK(JetOpenTempTable(f->ses, &def, 1, JET_bitTTScrollable, &t, &id));
    begin(f); /* nothing of a sort is taken back (ESE: JET_bitTTUpdatable makes it a table) */
    for (int i = 0; i < 3; i++) {
        OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
        set_long(f, t, id, 7 - i % 2);
        OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    }
    rollback(f);
    OK(JetMove(f->ses, t, JET_MoveFirst, 0));
    assert_int_equal(get_long(f, t, id), 6);
    assert_int_equal(nr_rows(f, t), 2);
    IS(JET_errIllegalOperation, JetPrepareUpdate(f->ses, t, JET_prepInsert));
}

/* ---- limits ----------------------------------------------------------------------------------- */

static void start_with(struct fix *f, const char *temp_path, uint32_t temps, uint32_t cache)
{
    stop(f);
    create_instance(f, f->dir);
    OK(JetSetSystemParameter(&f->inst, 0, JET_paramTempPath, 0, temp_path));
    OK(JetSetSystemParameter(&f->inst, 0, JET_paramMaxTemporaryTables, temps, NULL));
    OK(JetSetSystemParameter(&f->inst, 0, JET_paramCacheSizeMax, cache, NULL));
    OK(JetSetSystemParameter(&f->inst, 0, JET_paramCacheSizeMin, cache, NULL));
    OK(JetInit(&f->inst));
    OK(JetBeginSession(f->inst, &f->ses, NULL, NULL));
    f->running = true;
}

static void there_are_only_so_many(void **state)
{
    struct fix *f = *state;
    JET_COLUMNDEF def = {
        .cbStruct = sizeof(def), .coltyp = JET_coltypLong, .grbit = JET_bitColumnTTKey};
    JET_COLUMNID id;
    JET_TABLEID a, b, c;

    start_with(f, f->dir, 1, 512);
    begin(f);
    OK(JetOpenTempTable(f->ses, &def, 1, 0, &a, &id));
    IS(JET_errTooManySorts, JetOpenTempTable(f->ses, &def, 1, 0, &b, &id));
    OK(JetDupCursor(f->ses, a, &c, 0));
    OK(JetCloseTable(f->ses, a));
    IS(JET_errTooManySorts, JetOpenTempTable(f->ses, &def, 1, 0, &b, &id));
    OK(JetCloseTable(f->ses, c));
    OK(JetOpenTempTable(f->ses, &def, 1, 0, &b, &id));
    commit(f);
    OK(JetCloseTable(f->ses, b));
    start_with(f, "/no/such/directory/tmp.edb", 8, 512);
    IS(JET_errInvalidPath, JetOpenTempTable(f->ses, &def, 1, 0, &b, &id));
}

/* KiB; 0: the system does not say. */
static long memory(const char *what)
{
    FILE *p = fopen("/proc/self/status", "re");
    char line[256];
    long kib = 0;

    while (p && fgets(line, sizeof(line), p))
        if (strncmp(line, what, strlen(what)) == 0)
            kib = strtol(line + strlen(what), NULL, 10);
    if (p)
        fclose(p);
    return kib;
}

/* The peak is counted from here on, and not what the tests before have had. */
static void forget_peak(void)
{
    FILE *p = fopen("/proc/self/clear_refs", "we");

    if (p) {
        fputs("5", p);
        fclose(p);
    }
}

#define BIG_ROWS 200000
#define BIG_LEN  400

/* 80 MB of rows, in one transaction, with 4 MiB of cache. (The address sanitizer keeps what was freed: no limit then.) */
static void memory_does_not_bound_it(void **state)
{
    struct fix *f = *state;
    const JET_COLUMNDEF def[2] = {
        {.cbStruct = sizeof(*def), .coltyp = JET_coltypLong, .grbit = JET_bitColumnTTKey},
        {.cbStruct = sizeof(*def), .coltyp = JET_coltypBinary, .grbit = JET_bitColumnTagged}};
    uint8_t bytes[BIG_LEN / 2] = {1};
    JET_SETINFO second = {.cbStruct = sizeof(second), .itagSequence = 2};
    JET_COLUMNID id[2];
    JET_TABLEID t;
    long before;

    start_with(f, f->dir, 8, 1024);
    OK(JetOpenTempTable(f->ses, def, 2, JET_bitTTIndexed, &t, id));
    forget_peak();
    before = memory("VmRSS:");
    begin(f);
    for (int i = 0; i < BIG_ROWS; i++) {
        OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
        set_long(f, t, id[0], (int)((int64_t)i * 76543 % BIG_ROWS));
        OK(JetSetColumn(f->ses, t, id[1], bytes, sizeof(bytes), 0, NULL));
        OK(JetSetColumn(f->ses, t, id[1], bytes, sizeof(bytes), 0, &second));
        OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    }
    OK(JetMove(f->ses, t, JET_MoveFirst, 0));
    for (int i = 0; i < BIG_ROWS; i++) {
        assert_int_equal(get_long(f, t, id[0]), i);
        IS(i < BIG_ROWS - 1 ? JET_errSuccess : JET_errNoCurrentRecord,
           JetMove(f->ses, t, JET_MoveNext, 0));
    }
    print_message("memory: %ld KiB before, %ld KiB at most\n", before, memory("VmHWM:"));
#ifndef __SANITIZE_ADDRESS__
    assert_true(memory("VmHWM:") - before < 16 * 1024);
#endif
    commit(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(rows_come_out_sorted),
        T(rows_are_sought_and_ranged),
        T(rows_change_where_that_was_asked_for),
        T(kinds_and_flags),
        T(equal_rows_stay_where_nothing_forbids_them),
        T(a_column_has_several_values),
        T(two_cursors_have_one_table),
        T(a_rollback_takes_rows_back),
        T(long_values_come_and_go),
        T(rows_that_are_only_sorted_come_before_the_first_look),
        T(there_are_only_so_many),
        T(memory_does_not_bound_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
