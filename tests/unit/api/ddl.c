/* Tables, columns and indexes: made, changed, described, deleted; what they say of themselves. */
#include "apitest.h"

static uint32_t number_in(struct fix *f, JET_TABLEID t, JET_COLUMNID id)
{
    uint32_t n = 0, len;

    OK(JetRetrieveColumn(f->ses, t, id, &n, sizeof(n), &len, 0, NULL));
    return n;
}

static void text_in(struct fix *f, JET_TABLEID t, JET_COLUMNID id, char *buf, uint32_t cap)
{
    uint32_t len;

    OK(JetRetrieveColumn(f->ses, t, id, buf, cap - 1, &len, 0, NULL));
    buf[len] = '\0';
}

/* ---- tables ---------------------------------------------------------------------------------- */

static void a_table_with_everything_in_one_call(void **state)
{
    struct fix *f = *state;
    int32_t def = 42, got;
    JET_COLUMNCREATE_A cols[3] = {{.cbStruct = sizeof(*cols),
                                   .szColumnName = S("id"),
                                   .coltyp = JET_coltypLong,
                                   .grbit = JET_bitColumnAutoincrement},
                                  {.cbStruct = sizeof(*cols),
                                   .szColumnName = S("n"),
                                   .coltyp = JET_coltypLong,
                                   .pvDefault = &def,
                                   .cbDefault = 4},
                                  {.cbStruct = sizeof(*cols),
                                   .szColumnName = S("t"),
                                   .coltyp = JET_coltypText,
                                   .cbMax = 40,
                                   .cp = 1200}};
    JET_INDEXCREATE_A ix[2] = {{.cbStruct = sizeof(*ix),
                                .szIndexName = S("pk"),
                                .szKey = S("+id\0"),
                                .cbKey = 5,
                                .grbit = JET_bitIndexPrimary | JET_bitIndexUnique,
                                .ulDensity = 90},
                               {.cbStruct = sizeof(*ix),
                                .szIndexName = S("t"),
                                .szKey = S("-t\0+n\0"),
                                .cbKey = 7,
                                .ulDensity = 80}};
    JET_TABLECREATE2_A tc = {.cbStruct = sizeof(tc),
                             .szTableName = S("all"),
                             .ulPages = 4,
                             .ulDensity = 85,
                             .rgcolumncreate = cols,
                             .cColumns = 3,
                             .rgindexcreate = ix,
                             .cIndexes = 2};
    uint32_t len;

    OK(JetCreateTableColumnIndex2(f->ses, f->dbid, &tc));
    assert_int_equal(tc.cCreated, 6);
    assert_int_not_equal(tc.tableid, JET_tableidNil);
    begin(f);
    OK(JetPrepareUpdate(f->ses, tc.tableid, JET_prepInsert));
    OK(JetUpdate(f->ses, tc.tableid, NULL, 0, NULL));
    commit(f);
    OK(JetMove(f->ses, tc.tableid, JET_MoveFirst, 0));
    OK(JetRetrieveColumn(f->ses, tc.tableid, cols[1].columnid, &got, 4, &len, 0, NULL));
    assert_int_equal(got, 42);
    OK(JetCloseTable(f->ses, tc.tableid));
    IS(JET_errTableDuplicate, JetCreateTableColumnIndex2(f->ses, f->dbid, &tc));
    assert_int_equal(tc.tableid, JET_tableidNil);
    /* the third column is no good: its error is its own, and nothing is left */
    tc.szTableName = S("bad");
    cols[2].coltyp = 99;
    IS(JET_errInvalidColumnType, JetCreateTableColumnIndex2(f->ses, f->dbid, &tc));
    assert_int_equal(cols[2].err, JET_errInvalidColumnType);
    assert_int_equal(cols[1].err, JET_errSuccess);
    cols[2].coltyp = JET_coltypText;
    ix[1].szKey = S("+nothere\0");
    ix[1].cbKey = 10;
    IS(JET_errColumnNotFound, JetCreateTableColumnIndex2(f->ses, f->dbid, &tc));
    assert_int_equal(ix[1].err, JET_errColumnNotFound);
    IS(JET_errObjectNotFound, JetOpenTable(f->ses, f->dbid, "bad", NULL, 0, 0, &tc.tableid));
    tc.cbStruct--;
    IS(JET_errInvalidParameter, JetCreateTableColumnIndex2(f->ses, f->dbid, &tc));
    tc.cbStruct++;
    cols[0].cbStruct--;
    IS(JET_errInvalidParameter, JetCreateTableColumnIndex2(f->ses, f->dbid, &tc));
    cols[0].cbStruct++;
    ix[0].cbStruct--;
    IS(JET_errInvalidParameter, JetCreateTableColumnIndex2(f->ses, f->dbid, &tc));
    ix[0].cbStruct++;
    tc.szCallback = S("module!function");
    IS(JET_errCallbackNotResolved, JetCreateTableColumnIndex2(f->ses, f->dbid, &tc));
}

static void the_wide_and_newer_variants(void **state)
{
    struct fix *f = *state;
    JET_COLUMNCREATE_W cols[2] = {
        {.cbStruct = sizeof(*cols), .szColumnName = W(u"k\u00e9y"), .coltyp = JET_coltypLong},
        {.cbStruct = sizeof(*cols),
         .szColumnName = W(u"text"),
         .coltyp = JET_coltypLongText,
         .cp = 1200}};
    JET_SPACEHINTS hints = {
        .cbStruct = sizeof(hints), .ulInitialDensity = 70, .cbInitial = 8 * page_size};
    JET_UNICODEINDEX lcid = {.lcid = 0x407, .dwMapFlags = 0x30001};
    JET_UNICODEINDEX2 name = {.szLocaleName = W(u"de-DE"), .dwMapFlags = 0x30001};
    JET_INDEXCREATE2_W ix2 = {.cbStruct = sizeof(ix2),
                              .szIndexName = W(u"pk"),
                              .szKey = W(u"+k\u00e9y\0"),
                              .cbKey = 12,
                              .grbit = JET_bitIndexPrimary,
                              .pSpacehints = &hints};
    JET_INDEXCREATE3_W ix3 = {.cbStruct = sizeof(ix3),
                              .szIndexName = W(u"text"),
                              .szKey = W(u"+text\0"),
                              .cbKey = 14,
                              .grbit = JET_bitIndexUnicode,
                              .pidxunicode = &name,
                              .ulDensity = 80};
    JET_TABLECREATE3_W tc3 = {.cbStruct = sizeof(tc3),
                              .szTableName = W(u"drei"),
                              .rgcolumncreate = cols,
                              .cColumns = 2,
                              .rgindexcreate = &ix2,
                              .cIndexes = 1,
                              .cbSeparateLV = 200};
    JET_TABLECREATE4_W tc4 = {.cbStruct = sizeof(tc4),
                              .szTableName = W(u"vier"),
                              .rgcolumncreate = cols,
                              .cColumns = 2,
                              .rgindexcreate = &ix3,
                              .cIndexes = 1,
                              .pSeqSpacehints = &hints};
    JET_COLUMNDEF def;
    JET_WCHAR wname[90];
    char aname[90];
    uint32_t lcid_got = 0, n[2];
    uint8_t b[300] = {0};

    OK(JetCreateTableColumnIndex3W(f->ses, f->dbid, &tc3));
    OK(JetGetTableColumnInfoW(f->ses, tc3.tableid, u"k\u00e9y", &def, sizeof(def), JET_ColInfo));
    OK(JetGetTableColumnInfo(f->ses, tc3.tableid, "k\xc3\xa9y", &def, sizeof(def), JET_ColInfo));
    assert_int_equal(def.columnid, cols[0].columnid);
    /* cbSeparateLV: 201 bytes do not stay in the record */
    begin(f);
    OK(JetPrepareUpdate(f->ses, tc3.tableid, JET_prepInsert));
    set_long(f, tc3.tableid, cols[0].columnid, 1);
    OK(JetSetColumn(f->ses, tc3.tableid, cols[1].columnid, b, 202, 0, NULL));
    OK(JetUpdate(f->ses, tc3.tableid, NULL, 0, NULL));
    OK(JetMove(f->ses, tc3.tableid, JET_MoveFirst, 0));
    OK(JetRetrieveColumn(f->ses, tc3.tableid, cols[1].columnid, b, 300, NULL, JET_bitRetrieveLongId,
                         NULL));
    commit(f);
    OK(JetCreateTableColumnIndex4W(f->ses, f->dbid, &tc4));
    OK(JetGetTableInfo(f->ses, tc4.tableid, n, sizeof(n), JET_TblInfoSpaceAlloc));
    assert_int_equal(n[1], 70);
    OK(JetGetTableIndexInfo(f->ses, tc4.tableid, "text", &lcid_got, 4, JET_IdxInfoLCID));
    assert_int_equal(lcid_got, 0x407);
    OK(JetGetTableIndexInfo(f->ses, tc4.tableid, "text", wname, sizeof(wname),
                            JET_IdxInfoLocaleName));
    assert_memory_equal(wname, u"de-DE", 12);
    ix2.szKey = W(u"+text\0");
    ix2.cbKey = 14;
    ix2.szIndexName = W(u"byid");
    ix2.grbit = JET_bitIndexUnicode;
    ix2.pidxunicode = &lcid;
    OK(JetCreateIndex3W(f->ses, tc4.tableid, &ix2, 1));
    lcid.lcid = 0x407007;
    ix2.szIndexName = W(u"byid2");
    IS(JET_errInvalidLanguageId, JetCreateIndex3W(f->ses, tc4.tableid, &ix2, 1));
    name.dwMapFlags = 0x40000000;
    ix3.szIndexName = W(u"i3");
    IS(JET_errInvalidLCMapStringFlags, JetCreateIndex4W(f->ses, tc4.tableid, &ix3, 1));
    ix3.pidxunicode = NULL;
    IS(JET_errInvalidParameter, JetCreateIndex4W(f->ses, tc4.tableid, &ix3, 1));
    ix3.grbit = 0;
    OK(JetCreateIndex4W(f->ses, tc4.tableid, &ix3, 1));
    OK(JetCloseTable(f->ses, tc4.tableid));
    OK(JetCloseTable(f->ses, tc3.tableid));
    OK(JetOpenTableW(f->ses, f->dbid, u"vier", NULL, 0, 0, &tc4.tableid));
    OK(JetSetCurrentIndexW(f->ses, tc4.tableid, u"text"));
    OK(JetGetCurrentIndexW(f->ses, tc4.tableid, wname, sizeof(wname)));
    assert_memory_equal(wname, u"text", 10);
    OK(JetGetTableInfoW(f->ses, tc4.tableid, wname, sizeof(wname), JET_TblInfoName));
    assert_memory_equal(wname, u"vier", 10);
    OK(JetGetTableInfo(f->ses, tc4.tableid, aname, sizeof(aname), JET_TblInfoName));
    assert_string_equal(aname, "vier");
}

static void tables_are_renamed_and_deleted(void **state)
{
    struct fix *f = *state;
    JET_TABLEID t = new_table(f, "one"), t2;
    JET_COLUMNID id = add(f, t, "id", JET_coltypLong, 0);

    add(f, t, "lv", JET_coltypLongBinary, 0);
    begin(f);
    for (int i = 0; i < 100; i++) {
        OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
        set_long(f, t, id, i);
        OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    }
    commit(f);
    IS(JET_errTableLocked, JetDeleteTable(f->ses, f->dbid, "one"));
    OK(JetCloseTable(f->ses, t));
    OK(JetRenameTable(f->ses, f->dbid, "one", "two"));
    IS(JET_errObjectNotFound, JetOpenTable(f->ses, f->dbid, "one", NULL, 0, 0, &t));
    OK(JetOpenTable(f->ses, f->dbid, "TWO", NULL, 0, 0, &t)); /* names are without case */
    IS(JET_errTableInUse, JetDeleteTable(f->ses, f->dbid, "two"));
    OK(JetCloseTable(f->ses, t));
    begin(f);
    OK(JetDeleteTable(f->ses, f->dbid, "two"));
    IS(JET_errObjectNotFound, JetOpenTable(f->ses, f->dbid, "two", NULL, 0, 0, &t));
    rollback(f);
    OK(JetOpenTable(f->ses, f->dbid, "two", NULL, 0, 0, &t));
    assert_int_equal(get_long(f, t, id), 0);
    OK(JetCloseTable(f->ses, t));
    OK(JetDeleteTableW(f->ses, f->dbid, u"two"));
    t2 = new_table(f, "two");
    IS(JET_errNoCurrentRecord, JetMove(f->ses, t2, JET_MoveFirst, 0));
    OK(JetCloseTable(f->ses, t2));
    OK(JetRenameTableW(f->ses, f->dbid, u"two", u"three"));
    IS(JET_errObjectNotFound, JetRenameTable(f->ses, f->dbid, "two", "x"));
    IS(JET_errInvalidName, JetRenameTable(f->ses, f->dbid, "three", "a.b"));
    IS(JET_errInvalidParameter, JetRenameTable(f->ses, f->dbid, NULL, "x"));
    IS(JET_errCannotDeleteSystemTable, JetDeleteTable(f->ses, f->dbid, "MSysObjects"));
    IS(JET_errInvalidName, JetCreateTable(f->ses, f->dbid, "", 0, 0, &t));
    IS(JET_errInvalidName, JetCreateTable(f->ses, f->dbid, NULL, 0, 0, &t));
    IS(JET_errInvalidName,
       JetCreateTable(f->ses, f->dbid,
                      "0123456789012345678901234567890123456789012345678901234567890123x", 0, 0,
                      &t));
    IS(JET_errDensityInvalid, JetCreateTable(f->ses, f->dbid, "dense", 0, 101, &t));
    IS(JET_errInvalidParameter, JetCreateTable(f->ses, f->dbid, "x", 0, 0, NULL));
    IS(JET_errInvalidDatabaseId, JetCreateTable(f->ses, 99, "x", 0, 0, &t));
}

static void exclusive_use_keeps_others_off(void **state)
{
    struct fix *f = *state;
    JET_TABLEID t = new_table(f, "t"), t2;
    JET_SESID b;
    JET_DBID dbid;

    OK(JetBeginSession(f->inst, &b, NULL, NULL));
    OK(JetOpenDatabase(b, f->db, NULL, &dbid, 0));
    IS(JET_errTableLocked,
       JetOpenTable(b, dbid, "t", NULL, 0, 0, &t2)); /* who makes it has it alone */
    OK(JetOpenTable(f->ses, f->dbid, "t", NULL, 0, 0, &t2));
    OK(JetCloseTable(f->ses, t2));
    OK(JetCloseTable(f->ses, t));
    OK(JetOpenTable(f->ses, f->dbid, "t", NULL, 0, JET_bitTableDenyRead, &t));
    IS(JET_errTableLocked, JetOpenTable(b, dbid, "t", NULL, 0, JET_bitTableReadOnly, &t2));
    OK(JetCloseTable(f->ses, t));
    OK(JetOpenTable(f->ses, f->dbid, "t", NULL, 0, JET_bitTableDenyWrite, &t));
    IS(JET_errTableLocked, JetOpenTable(b, dbid, "t", NULL, 0, 0, &t2));
    OK(JetOpenTable(b, dbid, "t", NULL, 0, JET_bitTableReadOnly, &t2));
    IS(JET_errPermissionDenied, JetPrepareUpdate(b, t2, JET_prepInsert));
    IS(JET_errPermissionDenied, JetDelete(b, t2));
    OK(JetCloseTable(b, t2));
    OK(JetCloseTable(f->ses, t));
    OK(JetOpenTable(b, dbid, "t", NULL, 0, 0, &t2));
    IS(JET_errTableInUse, JetOpenTable(f->ses, f->dbid, "t", NULL, 0, JET_bitTableDenyRead, &t));
    IS(JET_errTableInUse, JetOpenTable(f->ses, f->dbid, "t", NULL, 0, JET_bitTableDenyWrite, &t));
    IS(JET_errInvalidGrbit, JetOpenTable(f->ses, f->dbid, "t", NULL, 0, JET_bitTablePermitDDL, &t));
    IS(JET_errInvalidGrbit, JetOpenTable(f->ses, f->dbid, "t", NULL, 0,
                                         JET_bitTableReadOnly | JET_bitTableUpdatable, &t));
    IS(JET_errInvalidGrbit, JetOpenTable(f->ses, f->dbid, "t", NULL, 0, JET_bitTableDelete, &t));
    OK(JetOpenTable(f->ses, f->dbid, "t", NULL, 0,
                    JET_bitTableUpdatable | JET_bitTableSequential | JET_bitTablePreread, &t));
    OK(JetEndSession(b, 0));
}

static void derived_tables_have_the_templates_columns(void **state)
{
    struct fix *f = *state;
    JET_COLUMNCREATE_A cols[2] = {
        {.cbStruct = sizeof(*cols), .szColumnName = S("base"), .coltyp = JET_coltypLong},
        {.cbStruct = sizeof(*cols),
         .szColumnName = S("baselv"),
         .coltyp = JET_coltypLongText,
         .cp = 1200}};
    JET_COLUMNCREATE_A own = {
        .cbStruct = sizeof(own), .szColumnName = S("own"), .coltyp = JET_coltypLong};
    JET_INDEXCREATE_A ix = {
        .cbStruct = sizeof(ix), .szIndexName = S("base"), .szKey = S("+base\0"), .cbKey = 7};
    JET_TABLECREATE_A tc = {.cbStruct = sizeof(tc),
                            .szTableName = S("template"),
                            .rgcolumncreate = cols,
                            .cColumns = 2,
                            .rgindexcreate = &ix,
                            .cIndexes = 1,
                            .grbit = JET_bitTableCreateTemplateTable};
    JET_TABLECREATE_A td = {.cbStruct = sizeof(td),
                            .szTableName = S("derived"),
                            .szTemplateTableName = S("template"),
                            .rgcolumncreate = &own,
                            .cColumns = 1};
    JET_COLUMNDEF def;
    JET_COLUMNLIST list;
    JET_OBJECTINFO oi;
    char name[80];
    uint32_t nr;

    OK(JetCreateTableColumnIndex(f->ses, f->dbid, &tc));
    OK(JetCloseTable(f->ses, tc.tableid));
    OK(JetCreateTableColumnIndex(f->ses, f->dbid, &td));
    OK(JetGetTableColumnInfo(f->ses, td.tableid, "base", &def, sizeof(def), JET_ColInfo));
    OK(JetGetTableInfo(f->ses, td.tableid, name, sizeof(name), JET_TblInfoTemplateTableName));
    assert_string_equal(name, "template");
    OK(JetGetTableInfo(f->ses, td.tableid, &oi, sizeof(oi), JET_TblInfo));
    assert_true(oi.flags & JET_bitObjectTableDerived);
    OK(JetGetTableColumnInfo(f->ses, td.tableid, NULL, &list, sizeof(list), JET_ColInfoList));
    assert_int_equal(list.cRecord, 3);
    OK(JetCloseTable(f->ses, list.tableid));
    OK(JetGetTableColumnInfo(f->ses, td.tableid, NULL, &list, sizeof(list),
                             JET_ColInfoList | JET_ColInfoGrbitNonDerivedColumnsOnly));
    assert_int_equal(list.cRecord, 1);
    OK(JetCloseTable(f->ses, list.tableid));
    begin(f);
    for (int i = 0; i < 20; i++) {
        OK(JetPrepareUpdate(f->ses, td.tableid, JET_prepInsert));
        set_long(f, td.tableid, def.columnid, 20 - i);
        set_long(f, td.tableid, own.columnid, i);
        OK(JetUpdate(f->ses, td.tableid, NULL, 0, NULL));
    }
    commit(f);
    OK(JetSetCurrentIndex(f->ses, td.tableid, "base"));
    OK(JetIndexRecordCount(f->ses, td.tableid, &nr, 0));
    assert_int_equal(nr, 20);
    assert_int_equal(get_long(f, td.tableid, own.columnid), 19);
    IS(JET_errFixedInheritedDDL, JetDeleteColumn(f->ses, td.tableid, "baselv"));
    IS(JET_errCannotDeleteTemplateTable, JetDeleteTable(f->ses, f->dbid, "template"));
}

/* ---- columns --------------------------------------------------------------------------------- */

static void columns_come_go_and_change_their_names(void **state)
{
    struct fix *f = *state;
    JET_TABLEID t = new_table(f, "t");
    JET_COLUMNID a = add(f, t, "a", JET_coltypLong, 0), b = add(f, t, "b", JET_coltypText, 0);
    JET_COLUMNDEF def = {.cbStruct = sizeof(def), .coltyp = JET_coltypLong};
    JET_COLUMNID id;
    uint8_t x[300];

    begin(f);
    OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
    set_long(f, t, a, 1);
    OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    commit(f);
    IS(JET_errColumnDuplicate, JetAddColumn(f->ses, t, "A", &def, NULL, 0, &id));
    def.coltyp = 0;
    IS(JET_errInvalidColumnType, JetAddColumn(f->ses, t, "c", &def, NULL, 0, &id));
    def.coltyp = JET_coltypText;
    def.cp = 850;
    IS(JET_errInvalidCodePage, JetAddColumn(f->ses, t, "c", &def, NULL, 0, &id));
    def.cp = 1200;
    def.cbMax = 300;
    IS(JET_wrnColumnMaxTruncated, JetAddColumn(f->ses, t, "c", &def, NULL, 0, &id));
    def.cbMax = 0;
    IS(JET_errDefaultValueTooBig, JetAddColumn(f->ses, t, "d", &def, x, 300, &id));
    IS(JET_errInvalidParameter, JetAddColumn(f->ses, t, "d", &def, NULL, 3, &id));
    IS(JET_errInvalidParameter, JetAddColumn(f->ses, t, "d", NULL, NULL, 0, &id));
    def.cbStruct = 3;
    IS(JET_errInvalidParameter, JetAddColumn(f->ses, t, "d", &def, NULL, 0, &id));
    def.cbStruct = sizeof(def);
    def.grbit = JET_bitColumnMultiValued;
    IS(JET_errMultiValuedColumnMustBeTagged, JetAddColumn(f->ses, t, "d", &def, NULL, 0, &id));
    def.grbit = JET_bitColumnFixed | JET_bitColumnTagged;
    IS(JET_errInvalidGrbit, JetAddColumn(f->ses, t, "d", &def, NULL, 0, &id));
    def.grbit = 0;
    OK(JetAddColumnW(f->ses, t, u"\u00fcml", &def, NULL, 0, &id));
    OK(JetRenameColumn(f->ses, t, "b", "bb", 0));
    IS(JET_errColumnNotFound,
       JetGetTableColumnInfo(f->ses, t, "b", &def, sizeof(def), JET_ColInfo));
    OK(JetGetTableColumnInfo(f->ses, t, "bb", &def, sizeof(def), JET_ColInfo));
    assert_int_equal(def.columnid, b);
    OK(JetRenameColumnW(f->ses, t, u"bb", u"b", 0));
    IS(JET_errColumnDuplicate, JetRenameColumn(f->ses, t, "b", "a", 0));
    begin(f);
    IS(JET_errInTransaction, JetRenameColumn(f->ses, t, "b", "bb", 0));
    OK(JetDeleteColumn(f->ses, t, "b"));
    IS(JET_errColumnNotFound,
       JetGetTableColumnInfo(f->ses, t, "b", &def, sizeof(def), JET_ColInfo));
    rollback(f);
    OK(JetGetTableColumnInfo(f->ses, t, "b", &def, sizeof(def), JET_ColInfo));
    OK(JetDeleteColumn2(f->ses, t, "b", 0));
    IS(JET_errColumnNotFound, JetDeleteColumn(f->ses, t, "b"));
    IS(JET_errInvalidGrbit, JetDeleteColumn2(f->ses, t, "c", 0x100));
    OK(JetDeleteColumn2W(f->ses, t, u"\u00fcml", 0));
    INDEX(f, t, "a", 0, "+a\0");
    IS(JET_errColumnInUse, JetDeleteColumn(f->ses, t, "a"));
    OK(JetMove(f->ses, t, JET_MoveFirst, 0));
    assert_int_equal(get_long(f, t, a), 1);
}

static void a_column_says_what_it_is(void **state)
{
    static const struct {
        JET_COLTYP type;
        JET_GRBIT grbit, want;
        uint32_t max, want_max;
    } cases[] = {
        {JET_coltypLong, 0, JET_bitColumnFixed, 0, 4},
        {JET_coltypLong, JET_bitColumnNotNULL, JET_bitColumnFixed | JET_bitColumnNotNULL, 0, 4},
        {JET_coltypText, 0, 0, 0, 255},
        {JET_coltypText, JET_bitColumnFixed, JET_bitColumnFixed, 20, 20},
        {JET_coltypBinary, JET_bitColumnTagged, JET_bitColumnTagged, 30, 30},
        {JET_coltypLongText, 0, JET_bitColumnTagged, 5000, 5000},
        {JET_coltypLongBinary, JET_bitColumnMultiValued,
         JET_bitColumnTagged | JET_bitColumnMultiValued, 0, 0},
        {JET_coltypLongBinary, JET_bitColumnCompressed,
         JET_bitColumnTagged | JET_bitColumnCompressed, 0, 0},
        {JET_coltypLong, JET_bitColumnVersion, JET_bitColumnFixed | JET_bitColumnVersion, 0, 4},
        {JET_coltypLongLong, JET_bitColumnAutoincrement,
         JET_bitColumnFixed | JET_bitColumnAutoincrement, 0, 8},
    };
    struct fix *f = *state;
    JET_TABLEID t = new_table(f, "t");
    JET_COLUMNDEF def, got;
    JET_COLUMNBASE_A base;
    JET_COLUMNBASE_W wide;
    JET_COLUMNID id;
    char name[16];

    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        def = (JET_COLUMNDEF){.cbStruct = sizeof(def),
                              .coltyp = cases[i].type,
                              .cbMax = cases[i].max,
                              .grbit = cases[i].grbit};
        snprintf(name, sizeof(name), "c%u", i);
        OK(JetAddColumn(f->ses, t, name, &def, NULL, 0, &id));
        OK(JetGetTableColumnInfo(f->ses, t, name, &got, sizeof(got), JET_ColInfo));
        assert_int_equal(got.cbStruct, sizeof(got));
        assert_int_equal(got.columnid, id);
        assert_int_equal(got.coltyp, cases[i].type);
        assert_int_equal(got.grbit, cases[i].want | JET_bitColumnUpdatable);
        assert_int_equal(got.cbMax, cases[i].want_max);
        OK(JetGetTableColumnInfo(f->ses, t, (const char *)&id, &got, sizeof(got),
                                 JET_ColInfoByColid));
        assert_int_equal(got.coltyp, cases[i].type);
        OK(JetGetTableColumnInfo(f->ses, t, name, &base, sizeof(base), JET_ColInfoBase));
        assert_string_equal(base.szBaseTableName, "t");
        assert_string_equal(base.szBaseColumnName, name);
        OK(JetGetTableColumnInfo(f->ses, t, (const char *)&id, &base, sizeof(base),
                                 JET_ColInfoBaseByColid));
        assert_int_equal(base.columnid, id);
    }
    OK(JetCloseTable(f->ses, t));
    OK(JetGetColumnInfo(f->ses, f->dbid, "t", "c5", &got, sizeof(got), JET_ColInfo));
    assert_int_equal(got.cbMax, 5000);
    OK(JetGetColumnInfoW(f->ses, f->dbid, u"t", u"c5", &wide, sizeof(wide), JET_ColInfoBase));
    assert_memory_equal(wide.szBaseColumnName, u"c5", 6);
    id = 1;
    OK(JetGetColumnInfoW(f->ses, f->dbid, u"t", (const JET_WCHAR *)&id, &got, sizeof(got),
                         JET_ColInfoByColid));
    assert_int_equal(got.columnid, 1);
    id = 77;
    IS(JET_errColumnNotFound, JetGetColumnInfo(f->ses, f->dbid, "t", (const char *)&id, &got,
                                               sizeof(got), JET_ColInfoByColid));
    IS(JET_errColumnNotFound,
       JetGetColumnInfo(f->ses, f->dbid, "t", "", &got, sizeof(got), JET_ColInfo));
    IS(JET_errObjectNotFound,
       JetGetColumnInfo(f->ses, f->dbid, "nope", "c", &got, sizeof(got), JET_ColInfo));
    IS(JET_errInvalidParameter,
       JetGetColumnInfo(f->ses, f->dbid, NULL, "c", &got, sizeof(got), JET_ColInfo));
    IS(JET_errBufferTooSmall, JetGetColumnInfo(f->ses, f->dbid, "t", "c5", &got, 4, JET_ColInfo));
    IS(JET_errInvalidParameter,
       JetGetColumnInfo(f->ses, f->dbid, "t", "c5", NULL, 100, JET_ColInfo));
    IS(JET_errInvalidParameter, JetGetColumnInfo(f->ses, f->dbid, "t", "c5", &got, sizeof(got), 3));
}

static void all_columns_as_a_list(void **state)
{
    struct fix *f = *state;
    JET_TABLEID t = new_table(f, "t");
    JET_COLUMNLIST list;
    char name[80];
    JET_WCHAR wname[80];
    int32_t def = 7, got;
    uint32_t len;
    JET_COLUMNDEF d = {.cbStruct = sizeof(d), .coltyp = JET_coltypLong};
    JET_COLUMNID zid;

    add(f, t, "b", JET_coltypText, 0);
    OK(JetAddColumn(f->ses, t, "z", &d, &def, 4, &zid));
    add(f, t, "a", JET_coltypLongBinary, 0);
    add(f, t, "c", JET_coltypLong, 0);
    OK(JetGetTableColumnInfo(f->ses, t, NULL, &list, sizeof(list), JET_ColInfoList));
    assert_int_equal(list.cRecord, 4);
    for (int i = 0; i < 4; i++) {
        text_in(f, list.tableid, list.columnidcolumnname, name, sizeof(name));
        assert_int_equal(name[0], "abcz"[i]);
        text_in(f, list.tableid, list.columnidBaseTableName, name, sizeof(name));
        assert_string_equal(name, "t");
        if (i == 3) {
            assert_int_equal(number_in(f, list.tableid, list.columnidcolumnid), zid);
            assert_int_equal(number_in(f, list.tableid, list.columnidcoltyp), JET_coltypLong);
            OK(JetRetrieveColumn(f->ses, list.tableid, list.columnidDefault, &got, 4, &len, 0,
                                 NULL));
            assert_int_equal(got, 7);
        } else {
            IS(JET_wrnColumnNull, JetRetrieveColumn(f->ses, list.tableid, list.columnidDefault,
                                                    &got, 4, &len, 0, NULL));
        }
        IS(i < 3 ? JET_errSuccess : JET_errNoCurrentRecord,
           JetMove(f->ses, list.tableid, JET_MoveNext, 0));
    }
    OK(JetCloseTable(f->ses, list.tableid));
    OK(JetGetTableColumnInfoW(f->ses, t, NULL, &list, sizeof(list), JET_ColInfoListSortColumnid));
    OK(JetRetrieveColumn(f->ses, list.tableid, list.columnidcolumnname, wname, sizeof(wname), &len,
                         0, NULL));
    assert_int_equal(len, 2);
    assert_int_equal(wname[0], u'z'); /* fixed ones have the lowest numbers */
    OK(JetCloseTable(f->ses, list.tableid));
    OK(JetGetTableColumnInfo(f->ses, t, NULL, &list, sizeof(list), JET_ColInfoListCompact));
    assert_int_equal(list.cRecord, 4);
    OK(JetCloseTable(f->ses, list.tableid));
    OK(JetGetTableColumnInfo(f->ses, t, NULL, &list, sizeof(list),
                             JET_ColInfoList | JET_ColInfoGrbitMinimalInfo));
    IS(JET_wrnColumnNull,
       JetRetrieveColumn(f->ses, list.tableid, list.columnidcoltyp, &got, 4, &len, 0, NULL));
    OK(JetCloseTable(f->ses, list.tableid));
    IS(JET_errInvalidTableId, JetCloseTable(f->ses, list.tableid));
}

/* ---- indexes --------------------------------------------------------------------------------- */

static void indexes_are_built_over_rows_that_are_there(void **state)
{
    struct fix *f = *state;
    JET_TABLEID t = new_table(f, "t");
    JET_COLUMNID id = add(f, t, "id", JET_coltypLong, 0), txt = add(f, t, "txt", JET_coltypText, 0);
    uint32_t nr;
    char name[80];

    begin(f);
    for (int i = 0; i < 2000; i++) {
        JET_WCHAR w[4] = {(JET_WCHAR)(u'a' + i % 26), (JET_WCHAR)(u'a' + i / 26 % 26),
                          (JET_WCHAR)(u'a' + i % 7)};
        OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
        set_long(f, t, id, i * 7919 % 2000);
        OK(JetSetColumn(f->ses, t, txt, w, 6, 0, NULL));
        OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    }
    commit(f);
    INDEX(f, t, "id", JET_bitIndexUnique, "+id\0");
    INDEX(f, t, "txt", 0, "+txt\0-id\0");
    OK(JetSetCurrentIndex(f->ses, t, "id"));
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(get_long(f, t, id), i);
        (void)JetMove(f->ses, t, JET_MoveNext, 0);
    }
    OK(JetSetCurrentIndex(f->ses, t, "txt"));
    OK(JetIndexRecordCount(f->ses, t, &nr, 0));
    assert_int_equal(nr, 2000);
    IS(JET_errIndexDuplicate, JetCreateIndex(f->ses, t, "ID", 0, "+id\0", 5, 80));
    IS(JET_errColumnNotFound, JetCreateIndex(f->ses, t, "x", 0, "+nope\0", 7, 80));
    IS(JET_errTableNotEmpty, JetCreateIndex(f->ses, t, "pk", JET_bitIndexPrimary, "+id\0", 5, 80));
    IS(JET_errIndexInvalidDef, JetCreateIndex(f->ses, t, "x", 0, "id\0", 4, 80));
    IS(JET_errIndexInvalidDef, JetCreateIndex(f->ses, t, "x", 0, "+id", 3, 80));
    IS(JET_errInvalidParameter, JetCreateIndex(f->ses, t, "x", 0, NULL, 5, 80));
    IS(JET_errInvalidGrbit, JetCreateIndex(f->ses, t, "x", 0x10000000, "+id\0", 5, 80));
    IS(JET_errInvalidGrbit,
       JetCreateIndex(f->ses, t, "x", JET_bitIndexPrimary | JET_bitIndexIgnoreNull, "+id\0", 5,
                      80));
    IS(JET_errDensityInvalid, JetCreateIndex(f->ses, t, "x", 0, "+id\0", 5, 10));
    IS(JET_errInvalidName, JetCreateIndex(f->ses, t, NULL, 0, "+id\0", 5, 80));
    IS(JET_errIndexInUse, JetDeleteIndex(f->ses, t, "txt"));
    OK(JetSetCurrentIndex(f->ses, t, NULL));
    begin(f);
    OK(JetDeleteIndex(f->ses, t, "txt"));
    IS(JET_errIndexNotFound, JetSetCurrentIndex(f->ses, t, "txt"));
    rollback(f);
    OK(JetSetCurrentIndex(f->ses, t, "txt"));
    OK(JetIndexRecordCount(f->ses, t, &nr, 0));
    assert_int_equal(nr, 2000);
    OK(JetSetCurrentIndex(f->ses, t, NULL));
    OK(JetDeleteIndex(f->ses, t, "txt"));
    OK(JetDeleteIndexW(f->ses, t, u"id"));
    IS(JET_errIndexNotFound, JetDeleteIndex(f->ses, t, "txt"));
    OK(JetGetCurrentIndex(f->ses, t, name, sizeof(name)));
    assert_string_equal(name, "");
}

static void an_index_says_what_it_is(void **state)
{
    struct fix *f = *state;
    JET_TABLEID t = new_table(f, "t"), t2;
    JET_CONDITIONALCOLUMN_A cond = {
        .cbStruct = sizeof(cond), .szColumnName = S("b"), .grbit = JET_bitIndexColumnMustBeNull};
    JET_INDEXCREATE1_A ix = {.cbStruct = sizeof(ix),
                             .szIndexName = S("many"),
                             .szKey = S("+a\0-b\0"),
                             .cbKey = 7,
                             .grbit = JET_bitIndexIgnoreAnyNull | JET_bitIndexKeyMost,
                             .ulDensity = 77,
                             .rgconditionalcolumn = &cond,
                             .cConditionalColumn = 1,
                             .cbKeyMost = 400};
    JET_INDEXLIST list;
    JET_INDEXID id, bad;
    uint8_t buf[2000];
    JET_INDEXCREATE1_A *made = (JET_INDEXCREATE1_A *)buf;
    JET_INDEXCREATE3_W *made3 = (JET_INDEXCREATE3_W *)buf;
    char name[80];
    uint32_t n;
    uint16_t s;

    add(f, t, "a", JET_coltypLong, 0);
    add(f, t, "b", JET_coltypText, 0);
    INDEX(f, t, "pk", JET_bitIndexPrimary | JET_bitIndexDisallowNull, "+a\0");
    OK(JetCreateIndex2(f->ses, t, (JET_INDEXCREATE_A *)&ix, 1));
    OK(JetGetTableIndexInfo(f->ses, t, NULL, &list, sizeof(list), JET_IdxInfoList));
    assert_int_equal(list.cRecord, 3);
    text_in(f, list.tableid, list.columnidindexname, name, sizeof(name));
    assert_string_equal(name, "many");
    assert_int_equal(number_in(f, list.tableid, list.columnidcColumn), 2);
    assert_int_equal(number_in(f, list.tableid, list.columnidiColumn), 0);
    assert_int_equal(number_in(f, list.tableid, list.columnidgrbitIndex),
                     JET_bitIndexIgnoreAnyNull | JET_bitIndexIgnoreFirstNull |
                         JET_bitIndexIgnoreNull | JET_bitIndexKeyMost);
    OK(JetMove(f->ses, list.tableid, JET_MoveNext, 0));
    assert_int_equal(number_in(f, list.tableid, list.columnidiColumn), 1);
    assert_int_equal(number_in(f, list.tableid, list.columnidgrbitColumn), JET_bitKeyDescending);
    text_in(f, list.tableid, list.columnidcolumnname, name, sizeof(name));
    assert_string_equal(name, "b");
    OK(JetMove(f->ses, list.tableid, JET_MoveNext, 0));
    text_in(f, list.tableid, list.columnidindexname, name, sizeof(name));
    assert_string_equal(name, "pk");
    assert_true(number_in(f, list.tableid, list.columnidgrbitIndex) & JET_bitIndexPrimary);
    OK(JetCloseTable(f->ses, list.tableid));
    OK(JetGetTableIndexInfo(f->ses, t, "pk", &list, sizeof(list) - 4, JET_IdxInfo));
    assert_int_equal(list.cbStruct, sizeof(list) - 4);
    assert_int_equal(list.cRecord, 1);
    OK(JetCloseTable(f->ses, list.tableid));
    OK(JetGetTableIndexInfo(f->ses, t, "many", &n, 4, JET_IdxInfoSpaceAlloc));
    assert_int_equal(n, 77);
    OK(JetGetTableIndexInfo(f->ses, t, NULL, &n, 4, JET_IdxInfoCount));
    assert_int_equal(n, 2);
    OK(JetGetTableIndexInfo(f->ses, t, "many", &s, 2, JET_IdxInfoKeyMost));
    assert_int_equal(s, 400);
    OK(JetGetTableIndexInfo(f->ses, t, "many", &s, 2, JET_IdxInfoVarSegMac));
    assert_int_equal(s, 400);
    OK(JetGetTableIndexInfo(f->ses, t, "many", &n, 4, JET_IdxInfoLCID));
    assert_int_equal(n, 0x409);
    OK(JetGetTableIndexInfo(f->ses, t, "many", &id, sizeof(id), JET_IdxInfoIndexId));
    OK(JetSetCurrentIndex4(f->ses, t, NULL, &id, 0, 1));
    OK(JetGetCurrentIndex(f->ses, t, name, sizeof(name)));
    assert_string_equal(name, "many");
    OK(JetGetTableIndexInfoW(f->ses, t, u"pk", &bad, sizeof(bad), JET_IdxInfoIndexId));
    OK(JetSetCurrentIndex4W(f->ses, t, NULL, &bad, 0, 1));
    bad = id;
    bad.rgbIndexId[9] ^= 0x55;
    IS(JET_errInvalidIndexId, JetSetCurrentIndex4(f->ses, t, NULL, &bad, 0, 1));
    bad = id;
    bad.cbStruct = 3;
    IS(JET_errInvalidIndexId, JetSetCurrentIndex4(f->ses, t, NULL, &bad, 0, 1));
    /* what makes the same index again */
    OK(JetGetTableIndexInfo(f->ses, t, "many", buf, sizeof(buf), JET_IdxInfoCreateIndex));
    assert_string_equal(made->szIndexName, "many");
    assert_memory_equal(made->szKey, "+a\0-b\0", 7);
    assert_int_equal(made->cbKey, 7);
    assert_int_equal(made->cConditionalColumn, 1);
    assert_string_equal(made->rgconditionalcolumn[0].szColumnName, "b");
    assert_int_equal(made->cbKeyMost, 400);
    t2 = new_table(f, "t2");
    add(f, t2, "a", JET_coltypLong, 0);
    add(f, t2, "b", JET_coltypText, 0);
    OK(JetCreateIndex2(f->ses, t2, (JET_INDEXCREATE_A *)made, 1));
    OK(JetGetIndexInfoW(f->ses, f->dbid, u"t", u"many", buf, sizeof(buf), JET_IdxInfoCreateIndex3));
    assert_memory_equal(made3->szKey, u"+a\0-b\0", 14);
    assert_memory_equal(made3->pidxunicode->szLocaleName, u"en-US", 12);
    made3->szIndexName = W(u"again");
    OK(JetCreateIndex4W(f->ses, t2, made3, 1));
    for (uint32_t cap = 88; cap < 300; cap += 7) {
        JET_ERR err =
            JetGetIndexInfoW(f->ses, f->dbid, u"t", u"many", buf, cap, JET_IdxInfoCreateIndex3);
        assert_true(err == JET_errSuccess || err == JET_errBufferTooSmall);
    }
    IS(JET_errBufferTooSmall,
       JetGetTableIndexInfo(f->ses, t, "many", buf, 20, JET_IdxInfoCreateIndex2));
    OK(JetGetTableIndexInfo(f->ses, t, "many", buf, sizeof(buf), JET_IdxInfoCreateIndex2));
    IS(JET_errIndexNotFound, JetGetTableIndexInfo(f->ses, t, "nope", &n, 4, JET_IdxInfoSpaceAlloc));
    IS(JET_errIndexNotFound,
       JetGetIndexInfo(f->ses, f->dbid, "t2", "", &n, 4, JET_IdxInfoSpaceAlloc));
    IS(JET_errInvalidParameter, JetGetTableIndexInfo(f->ses, t, "many", &n, 4, 2));
    IS(JET_errInvalidParameter, JetGetTableIndexInfo(f->ses, t, "many", NULL, 4, JET_IdxInfoCount));
}

static void several_indexes_in_one_call(void **state)
{
    struct fix *f = *state;
    JET_TABLEID t = new_table(f, "t");
    JET_COLUMNID a = add(f, t, "a", JET_coltypLong, 0), b = add(f, t, "b", JET_coltypLong, 0);
    JET_INDEXCREATE1_A ix[3] = {
        {.cbStruct = sizeof(*ix), .szIndexName = S("a"), .szKey = S("+a\0"), .cbKey = 4},
        {.cbStruct = sizeof(*ix),
         .szIndexName = S("b"),
         .szKey = S("+b\0"),
         .cbKey = 4,
         .grbit = JET_bitIndexUnique},
        {.cbStruct = sizeof(*ix), .szIndexName = S("ab"), .szKey = S("+a\0-b\0"), .cbKey = 7}};
    uint32_t nr;

    begin(f);
    for (int i = 0; i < 300; i++) {
        OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
        set_long(f, t, a, i % 10);
        set_long(f, t, b, i);
        OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    }
    commit(f);
    OK(JetCreateIndex2(f->ses, t, (JET_INDEXCREATE_A *)ix, 3));
    for (int i = 0; i < 3; i++) {
        OK(JetSetCurrentIndex(f->ses, t, ix[i].szIndexName));
        OK(JetIndexRecordCount(f->ses, t, &nr, 0));
        assert_int_equal(nr, 300);
    }
    OK(JetCreateIndex2(f->ses, t, NULL, 0));
    IS(JET_errInvalidParameter, JetCreateIndex2(f->ses, t, NULL, 1));
    ix[0].szIndexName = S("new");
    IS(JET_errIndexDuplicate, JetCreateIndex2(f->ses, t, (JET_INDEXCREATE_A *)ix, 3));
    assert_int_equal(ix[1].err, JET_errIndexDuplicate);
    IS(JET_errIndexNotFound, JetSetCurrentIndex(f->ses, t, "new"));
}

/* ---- objects --------------------------------------------------------------------------------- */

static void tables_of_a_database_are_listed(void **state)
{
    struct fix *f = *state;
    JET_OBJECTLIST list;
    JET_OBJECTINFO info;
    char name[80], all[400] = "";
    JET_TABLEID t;

    OK(JetCloseTable(f->ses, new_table(f, "bb")));
    OK(JetCloseTable(f->ses, new_table(f, "aa")));
    OK(JetGetObjectInfo(f->ses, f->dbid, JET_objtypTable, NULL, NULL, &list, sizeof(list),
                        JET_ObjInfoListNoStats));
    for (uint32_t i = 0; i < list.cRecord; i++) {
        text_in(f, list.tableid, list.columnidobjectname, name, sizeof(name));
        assert_int_equal(number_in(f, list.tableid, list.columnidobjtyp), JET_objtypTable);
        strcat(strcat(all, name),
               number_in(f, list.tableid, list.columnidflags) & JET_bitObjectSystem ? "! " : " ");
        (void)JetMove(f->ses, list.tableid, JET_MoveNext, 0);
    }
    OK(JetCloseTable(f->ses, list.tableid));
    assert_non_null(strstr(all, "aa bb "));
    assert_non_null(strstr(all, "MSysObjects! "));
    OK(JetGetObjectInfoW(f->ses, f->dbid, JET_objtypNil, NULL, NULL, &list, sizeof(list),
                         JET_ObjInfoList));
    OK(JetCloseTable(f->ses, list.tableid));
    OK(JetGetObjectInfo(f->ses, f->dbid, 5, NULL, NULL, &list, sizeof(list), JET_ObjInfoList));
    assert_int_equal(list.cRecord, 0);
    OK(JetCloseTable(f->ses, list.tableid));
    OK(JetGetObjectInfo(f->ses, f->dbid, JET_objtypTable, NULL, "aa", &info, sizeof(info),
                        JET_ObjInfo));
    assert_int_equal(info.objtyp, JET_objtypTable);
    assert_int_equal(info.flags, 0);
    OK(JetGetObjectInfoW(f->ses, f->dbid, JET_objtypTable, NULL, u"MSysObjects", &info,
                         sizeof(info), JET_ObjInfoNoStats));
    assert_true(info.flags & JET_bitObjectSystem);
    IS(JET_errObjectNotFound, JetGetObjectInfo(f->ses, f->dbid, JET_objtypTable, NULL, "cc", &info,
                                               sizeof(info), JET_ObjInfo));
    IS(JET_errBufferTooSmall,
       JetGetObjectInfo(f->ses, f->dbid, JET_objtypTable, NULL, "aa", &info, 3, JET_ObjInfo));
    IS(JET_errInvalidParameter,
       JetGetObjectInfo(f->ses, f->dbid, JET_objtypTable, NULL, "aa", &info, sizeof(info), 77));
    IS(JET_errInvalidParameter,
       JetGetObjectInfo(f->ses, f->dbid, JET_objtypTable, NULL, "aa", NULL, 99, JET_ObjInfo));
    /* the catalogue can be read as a table */
    OK(JetOpenTable(f->ses, f->dbid, "MSysObjects", NULL, 0, JET_bitTableReadOnly, &t));
    OK(JetMove(f->ses, t, JET_MoveFirst, 0));
    OK(JetCloseTable(f->ses, t));
}

static void a_table_says_how_much_room_it_has(void **state)
{
    struct fix *f = *state;
    JET_TABLEID t = new_table(f, "t");
    JET_COLUMNID b = add(f, t, "b", JET_coltypLongBinary, 0);
    uint32_t owned = 0, avail = 0, both[2], before, n;
    uint8_t *x = calloc(1, 100000);
    JET_DBID dbid = 0;
    JET_OBJECTINFO info;
    char small[2];

    OK(JetGetTableInfo(f->ses, t, &before, 4, JET_TblInfoSpaceOwned));
    begin(f);
    for (int i = 0; i < 20; i++) {
        OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
        OK(JetSetColumn(f->ses, t, b, x, 100000, 0, NULL));
        OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    }
    commit(f);
    OK(JetGetTableInfo(f->ses, t, &owned, 4, JET_TblInfoSpaceOwned));
    assert_true(owned > before + 1500000 / page_size);
    OK(JetGetTableInfo(f->ses, t, &avail, 4, JET_TblInfoSpaceAvailable));
    assert_true(avail < owned);
    OK(JetGetTableInfo(f->ses, t, both, 8, JET_TblInfoSpaceUsage));
    assert_int_equal(both[0], owned);
    OK(JetGetTableInfo(f->ses, t, &dbid, 4, JET_TblInfoDbid));
    assert_int_equal(dbid, f->dbid);
    OK(JetGetTableInfo(f->ses, t, &n, 4, JET_TblInfoLVChunkMax));
    assert_true(n > 500 && n < page_size);
    OK(JetGetTableInfo(f->ses, t, &info, sizeof(info), JET_TblInfo));
    assert_true(info.grbit & JET_bitTableInfoUpdatable);
    IS(JET_errBufferTooSmall, JetGetTableInfo(f->ses, t, small, 1, JET_TblInfoName));
    IS(JET_errBufferTooSmall, JetGetTableInfo(f->ses, t, small, 1, JET_TblInfoSpaceOwned));
    IS(JET_errInvalidParameter, JetGetTableInfo(f->ses, t, small, 1, 999));
    IS(JET_errInvalidParameter, JetGetTableInfo(f->ses, t, NULL, 1, JET_TblInfoName));
    OK(JetGetDatabaseInfo(f->ses, f->dbid, &n, 4, JET_DbInfoSpaceOwned));
    assert_true(n >= owned);
    free(x);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        T(a_table_with_everything_in_one_call),
        T(the_wide_and_newer_variants),
        T(tables_are_renamed_and_deleted),
        T(exclusive_use_keeps_others_off),
        T(derived_tables_have_the_templates_columns),
        T(columns_come_go_and_change_their_names),
        T(a_column_says_what_it_is),
        T(all_columns_as_a_list),
        T(indexes_are_built_over_rows_that_are_there),
        T(an_index_says_what_it_is),
        T(several_indexes_in_one_call),
        T(tables_of_a_database_are_listed),
        T(a_table_says_how_much_room_it_has),
    };
    choose_format(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
