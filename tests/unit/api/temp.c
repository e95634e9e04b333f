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
    IS(JET_errInvalidBookmark, JetGotoBookmark(f->ses, t, bm, 3));
    IS(JET_errKeyNotMade, JetSeek(f->ses, t, JET_bitSeekEQ));
    IS(JET_errIllegalOperation, JetDupCursor(f->ses, t, &t, 0));
    IS(JET_errIllegalOperation, JetGetLock(f->ses, t, JET_bitReadLock));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(rows_come_out_sorted),
        T(rows_are_sought_and_ranged),
        T(rows_change_where_that_was_asked_for),
        T(kinds_and_flags),
        T(equal_rows_stay_where_nothing_forbids_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
