/* Values of every type: set, read, read back after a restart; several values, long ones, defaults,
 * counters. */
#include "apitest.h"

struct rows { /* a table with a column of each type */
    JET_TABLEID t;
    JET_COLUMNID key, c[19], tagged, multi, text, bin, lt, lb;
};

#define NR_TYPES 18
static const JET_COLTYP types[NR_TYPES] = {
    JET_coltypBit,           JET_coltypUnsignedByte,     JET_coltypShort,
    JET_coltypLong,          JET_coltypCurrency,         JET_coltypIEEESingle,
    JET_coltypIEEEDouble,    JET_coltypDateTime,         JET_coltypBinary,
    JET_coltypText,          JET_coltypLongBinary,       JET_coltypLongText,
    JET_coltypUnsignedLong,  JET_coltypLongLong,         JET_coltypGUID,
    JET_coltypUnsignedShort, JET_coltypUnsignedLongLong, JET_coltypBinary,
};
static const uint32_t lens[NR_TYPES] = {1,  1,   2,   4, 8, 4,  8, 8, 100,
                                        60, 500, 800, 4, 8, 16, 2, 8, 255};

static void make_table(struct fix *f, struct rows *r)
{
    char name[16];

    r->t = new_table(f, "types");
    r->key = add(f, r->t, "key", JET_coltypLong, 0);
    for (int i = 0; i < NR_TYPES; i++) {
        snprintf(name, sizeof(name), "c%d", i);
        r->c[i] = add(f, r->t, name, types[i], 0);
    }
    r->tagged = add(f, r->t, "tagged", JET_coltypLong, JET_bitColumnTagged);
    r->multi =
        add(f, r->t, "multi", JET_coltypLongText, JET_bitColumnTagged | JET_bitColumnMultiValued);
    r->lb = add(f, r->t, "lb", JET_coltypLongBinary, 0);
    INDEX(f, r->t, "pk", JET_bitIndexPrimary, "+key\0");
}

static void insert_key(struct fix *f, const struct rows *r, int32_t key)
{
    OK(JetPrepareUpdate(f->ses, r->t, JET_prepInsert));
    set_long(f, r->t, r->key, key);
}

static void update(struct fix *f, const struct rows *r)
{
    uint8_t bm[300];
    uint32_t len;

    OK(JetUpdate(f->ses, r->t, bm, sizeof(bm), &len));
    OK(JetGotoBookmark(f->ses, r->t, bm, len));
}

static void check_all(struct fix *f, const struct rows *r, unsigned seed)
{
    uint8_t want[1000], got[1000];
    uint32_t len;

    for (int i = 0; i < NR_TYPES; i++) {
        pattern(want, lens[i], seed + (unsigned)i);
        if (types[i] == JET_coltypBit)
            want[0] = 0xff;
        memset(got, 0, sizeof(got));
        OK(JetRetrieveColumn(f->ses, r->t, r->c[i], got, sizeof(got), &len, 0, NULL));
        assert_int_equal(len, lens[i]);
        assert_memory_equal(got, want, len);
    }
}

static void set_all(struct fix *f, const struct rows *r, unsigned seed)
{
    uint8_t b[1000];

    for (int i = 0; i < NR_TYPES; i++) {
        pattern(b, lens[i], seed + (unsigned)i);
        if (types[i] == JET_coltypBit)
            b[0] = 1;
        OK(JetSetColumn(f->ses, r->t, r->c[i], b, lens[i], 0, NULL));
    }
}

static void every_type_keeps_its_bytes(void **state)
{
    struct fix *f = *state;
    struct rows r;
    uint32_t len;

    make_table(f, &r);
    begin(f);
    insert_key(f, &r, 1);
    set_all(f, &r, 5);
    update(f, &r);
    check_all(f, &r, 5);
    OK(JetPrepareUpdate(f->ses, r.t, JET_prepReplace));
    set_all(f, &r, 77);
    OK(JetUpdate(f->ses, r.t, NULL, 0, &len));
    check_all(f, &r, 77);
    commit(f);
    check_all(f, &r, 77);

    restart(f);
    OK(JetOpenTable(f->ses, f->dbid, "types", NULL, 0, 0, &r.t));
    check_all(f, &r, 77);
}

static void null_empty_and_nothing_set_are_told_apart(void **state)
{
    struct fix *f = *state;
    struct rows r;
    uint8_t b[16];
    uint32_t len = 99;

    make_table(f, &r);
    begin(f);
    insert_key(f, &r, 1);
    OK(JetSetColumn(f->ses, r.t, r.c[8], NULL, 0, JET_bitSetZeroLength, NULL));
    OK(JetSetColumn(f->ses, r.t, r.c[10], NULL, 0, JET_bitSetZeroLength, NULL));
    OK(JetSetColumn(f->ses, r.t, r.c[3], "abcd", 4, 0, NULL));
    OK(JetSetColumn(f->ses, r.t, r.c[3], NULL, 0, 0, NULL));
    update(f, &r);
    OK(JetRetrieveColumn(f->ses, r.t, r.c[8], b, sizeof(b), &len, 0, NULL));
    assert_int_equal(len, 0);
    len = 99;
    OK(JetRetrieveColumn(f->ses, r.t, r.c[10], b, sizeof(b), &len, 0, NULL));
    assert_int_equal(len, 0);
    for (int i = 0; i < NR_TYPES; i++) {
        if (i == 8 || i == 10)
            continue;
        len = 99;
        IS(JET_wrnColumnNull, JetRetrieveColumn(f->ses, r.t, r.c[i], b, sizeof(b), &len, 0, NULL));
        assert_int_equal(len, 0);
    }
    commit(f);
}

static void a_short_buffer_gets_the_beginning_and_the_whole_length(void **state)
{
    struct fix *f = *state;
    struct rows r;
    uint8_t b[900], got[64] = {0};
    uint32_t len;
    JET_RETINFO ri = {.cbStruct = sizeof(ri), .ibLongValue = 40, .itagSequence = 1};

    make_table(f, &r);
    begin(f);
    insert_key(f, &r, 1);
    pattern(b, sizeof(b), 3);
    OK(JetSetColumn(f->ses, r.t, r.c[11], b, 800, 0, NULL));
    update(f, &r);
    IS(JET_wrnBufferTruncated, JetRetrieveColumn(f->ses, r.t, r.c[11], got, 10, &len, 0, NULL));
    assert_int_equal(len, 800);
    assert_memory_equal(got, b, 10);
    assert_int_equal(got[10], 0);
    IS(JET_wrnBufferTruncated, JetRetrieveColumn(f->ses, r.t, r.c[11], got, 10, &len, 0, &ri));
    assert_int_equal(len, 760);
    assert_memory_equal(got, b + 40, 10);
    IS(JET_wrnBufferTruncated, JetRetrieveColumn(f->ses, r.t, r.c[11], NULL, 0, &len, 0, NULL));
    assert_int_equal(len, 800);
    ri.ibLongValue = 5000;
    OK(JetRetrieveColumn(f->ses, r.t, r.c[11], got, 10, &len, 0, &ri));
    assert_int_equal(len, 0);
    commit(f);
}

static void sizes_that_a_type_does_not_have_are_refused(void **state)
{
    struct fix *f = *state;
    struct rows r;
    static const uint8_t zeros[3000];

    make_table(f, &r);
    begin(f);
    insert_key(f, &r, 1);
    IS(JET_errInvalidBufferSize, JetSetColumn(f->ses, r.t, r.c[3], zeros, 3, 0, NULL));
    IS(JET_errInvalidBufferSize, JetSetColumn(f->ses, r.t, r.c[4], zeros, 4, 0, NULL));
    IS(JET_errInvalidBufferSize, JetSetColumn(f->ses, r.t, r.c[14], zeros, 15, 0, NULL));
    IS(JET_wrnColumnMaxTruncated, JetSetColumn(f->ses, r.t, r.c[8], zeros, 256, 0, NULL));
    IS(JET_errColumnNotFound, JetSetColumn(f->ses, r.t, 0, zeros, 4, 0, NULL));
    IS(JET_errColumnNotFound, JetSetColumn(f->ses, r.t, 9999, zeros, 4, 0, NULL));
    IS(JET_errColumnNotFound, JetSetColumn(f->ses, r.t, 0xffffffff, zeros, 4, 0, NULL));
    IS(JET_errInvalidParameter, JetSetColumn(f->ses, r.t, r.c[3], NULL, 4, 0, NULL));
    IS(JET_errInvalidGrbit, JetSetColumn(f->ses, r.t, r.c[3], zeros, 4, 0x80000000, NULL));
    OK(JetPrepareUpdate(f->ses, r.t, JET_prepCancel));
    IS(JET_errUpdateNotPrepared, JetSetColumn(f->ses, r.t, r.c[3], zeros, 4, 0, NULL));
    IS(JET_errUpdateNotPrepared, JetUpdate(f->ses, r.t, NULL, 0, NULL));
    IS(JET_errUpdateNotPrepared, JetPrepareUpdate(f->ses, r.t, JET_prepCancel));
    commit(f);
}

/* ---- several values -------------------------------------------------------------------------- */

static void set_nth(struct fix *f, const struct rows *r, JET_COLUMNID id, const char *s,
                    uint32_t itag)
{
    JET_SETINFO si = {.cbStruct = sizeof(si), .itagSequence = itag};

    OK(JetSetColumn(f->ses, r->t, id, s, (uint32_t)strlen(s), 0, &si));
}

static void check_nth(struct fix *f, const struct rows *r, JET_COLUMNID id, const char *want,
                      uint32_t itag)
{
    JET_RETINFO ri = {.cbStruct = sizeof(ri), .itagSequence = itag};
    char got[100];
    uint32_t len;

    if (!want) {
        IS(JET_wrnColumnNull, JetRetrieveColumn(f->ses, r->t, id, got, sizeof(got), &len, 0, &ri));
        return;
    }
    OK(JetRetrieveColumn(f->ses, r->t, id, got, sizeof(got), &len, 0, &ri));
    assert_int_equal(len, strlen(want));
    assert_memory_equal(got, want, len);
}

static uint32_t count_values(struct fix *f, const struct rows *r, JET_COLUMNID id)
{
    JET_RETINFO ri = {.cbStruct = sizeof(ri), .itagSequence = 0};
    uint32_t nr = 99, len;

    OK(JetRetrieveColumn(f->ses, r->t, id, &nr, sizeof(nr), &len, 0, &ri));
    assert_int_equal(len, 4);
    return nr;
}

static void values_of_a_column_come_and_go(void **state)
{
    struct fix *f = *state;
    struct rows r;
    JET_SETINFO si = {.cbStruct = sizeof(si), .itagSequence = 2};

    make_table(f, &r);
    begin(f);
    insert_key(f, &r, 1);
    set_nth(f, &r, r.multi, "aa", 0);
    set_nth(f, &r, r.multi, "bb", 0);
    set_nth(f, &r, r.multi, "cc", 3);
    set_nth(f, &r, r.multi, "dd", 9); /* behind the last one */
    update(f, &r);
    assert_int_equal(count_values(f, &r, r.multi), 4);
    assert_int_equal(count_values(f, &r, r.lb), 0);
    assert_int_equal(count_values(f, &r, r.key), 1);
    check_nth(f, &r, r.multi, "aa", 1);
    check_nth(f, &r, r.multi, "bb", 2);
    check_nth(f, &r, r.multi, "cc", 3);
    check_nth(f, &r, r.multi, "dd", 4);
    check_nth(f, &r, r.multi, NULL, 5);
    OK(JetPrepareUpdate(f->ses, r.t, JET_prepReplace));
    OK(JetSetColumn(f->ses, r.t, r.multi, NULL, 0, 0, &si)); /* the second one goes */
    set_nth(f, &r, r.multi, "CCC", 2);
    OK(JetUpdate(f->ses, r.t, NULL, 0, NULL));
    assert_int_equal(count_values(f, &r, r.multi), 3);
    check_nth(f, &r, r.multi, "aa", 1);
    check_nth(f, &r, r.multi, "CCC", 2);
    check_nth(f, &r, r.multi, "dd", 3);
    commit(f);
}

static void equal_values_can_be_refused(void **state)
{
    struct fix *f = *state;
    struct rows r;
    JET_SETINFO si = {.cbStruct = sizeof(si), .itagSequence = 0};

    make_table(f, &r);
    begin(f);
    insert_key(f, &r, 1);
    OK(JetSetColumn(f->ses, r.t, r.multi, u"x", 2, JET_bitSetUniqueMultiValues, &si));
    OK(JetSetColumn(f->ses, r.t, r.multi, u"y", 2, JET_bitSetUniqueMultiValues, &si));
    IS(JET_errMultiValuedDuplicate,
       JetSetColumn(f->ses, r.t, r.multi, u"x", 2, JET_bitSetUniqueMultiValues, &si));
    OK(JetSetColumn(f->ses, r.t, r.multi, u"x", 2, 0, &si));
    OK(JetPrepareUpdate(f->ses, r.t, JET_prepCancel));
    commit(f);
}

static void tagged_columns_can_be_found_without_their_numbers(void **state)
{
    struct fix *f = *state;
    struct rows r;
    JET_RETINFO ri = {.cbStruct = sizeof(ri), .itagSequence = 1};
    char got[32];
    uint32_t len;

    make_table(f, &r);
    begin(f);
    insert_key(f, &r, 1);
    set_long(f, r.t, r.tagged, 5);
    set_nth(f, &r, r.multi, "aa", 0);
    set_nth(f, &r, r.multi, "bb", 0);
    update(f, &r);
    OK(JetRetrieveColumn(f->ses, r.t, 0, got, sizeof(got), &len, 0, &ri));
    assert_int_equal(ri.columnidNextTagged, r.tagged);
    ri = (JET_RETINFO){.cbStruct = sizeof(ri), .itagSequence = 3};
    OK(JetRetrieveColumn(f->ses, r.t, 0, got, sizeof(got), &len, 0, &ri));
    assert_int_equal(ri.columnidNextTagged, r.multi);
    assert_int_equal(ri.itagSequence, 2);
    assert_memory_equal(got, "bb", 2);
    ri = (JET_RETINFO){.cbStruct = sizeof(ri), .itagSequence = 4};
    IS(JET_wrnColumnNull, JetRetrieveColumn(f->ses, r.t, 0, got, sizeof(got), &len, 0, &ri));
    commit(f);
}

/* ---- long values ----------------------------------------------------------------------------- */

static void check_lv(struct fix *f, const struct rows *r, const uint8_t *want, uint32_t want_len)
{
    uint8_t *got = malloc(want_len + 1);
    uint32_t len = 0;

    OK(JetRetrieveColumn(f->ses, r->t, r->lb, got, want_len + 1, &len, 0, NULL));
    assert_int_equal(len, want_len);
    assert_memory_equal(got, want, want_len);
    /* a piece out of the middle */
    if (want_len > 100) {
        JET_RETINFO ri = {
            .cbStruct = sizeof(ri), .ibLongValue = want_len / 2 - 7, .itagSequence = 1};
        IS(JET_wrnBufferTruncated, JetRetrieveColumn(f->ses, r->t, r->lb, got, 33, &len, 0, &ri));
        assert_int_equal(len, want_len - (want_len / 2 - 7));
        assert_memory_equal(got, want + want_len / 2 - 7, 33);
    }
    free(got);
}

static void long_values_of_all_sizes(void **state)
{
    static const uint32_t sizes[] = {1,    4,    5,     1023,   1024,    1025,          4000,
                                     4096, 8192, 65536, 100000, 1 << 20, (3 << 20) + 17};
    struct fix *f = *state;
    struct rows r;
    uint8_t *b = malloc(4 << 20);

    make_table(f, &r);
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        begin(f);
        pattern(b, sizes[i], i);
        insert_key(f, &r, (int32_t)i);
        OK(JetSetColumn(f->ses, r.t, r.lb, b, sizes[i], 0, NULL));
        update(f, &r);
        check_lv(f, &r, b, sizes[i]);
        commit(f);
        check_lv(f, &r, b, sizes[i]);
    }
    restart(f);
    OK(JetOpenTable(f->ses, f->dbid, "types", NULL, 0, 0, &r.t));
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        make_long_key(f, r.t, (int32_t)i, JET_bitNewKey);
        OK(JetSeek(f->ses, r.t, JET_bitSeekEQ));
        pattern(b, sizes[i], i);
        check_lv(f, &r, b, sizes[i]);
    }
    /* all of them deleted: nothing is left behind */
    begin(f);
    OK(JetMove(f->ses, r.t, JET_MoveFirst, 0));
    for (JET_ERR err = 0; err >= 0; err = JetMove(f->ses, r.t, JET_MoveNext, 0))
        OK(JetDelete(f->ses, r.t));
    commit(f);
    free(b);
}

/* A long value changed piece by piece, against a copy in memory. big: separated from the start. */
static void change_lv(struct fix *f, const struct rows *r, uint32_t start, uint32_t step)
{
    uint8_t *b = calloc(1, 1 << 20), *piece = malloc(1 << 20);
    uint32_t len = start;
    JET_SETINFO si = {.cbStruct = sizeof(si), .itagSequence = 1};

    pattern(b, len, 1);
    pattern(piece, 1 << 20, 200);
    OK(JetPrepareUpdate(f->ses, r->t, JET_prepReplace));
    OK(JetSetColumn(f->ses, r->t, r->lb, b, len, 0, NULL));
    OK(JetUpdate(f->ses, r->t, NULL, 0, NULL));
    check_lv(f, r, b, len);
    for (int i = 0; i < 12; i++) {
        OK(JetPrepareUpdate(f->ses, r->t, JET_prepReplace));
        OK(JetSetColumn(f->ses, r->t, r->lb, piece, step, JET_bitSetAppendLV, NULL));
        memcpy(b + len, piece, step);
        len += step;
        si.ibLongValue = len / 3;
        OK(JetSetColumn(f->ses, r->t, r->lb, piece + 7, step / 2 + 1, JET_bitSetOverwriteLV, &si));
        memcpy(b + si.ibLongValue, piece + 7, step / 2 + 1);
        OK(JetUpdate(f->ses, r->t, NULL, 0, NULL));
        check_lv(f, r, b, len);
    }
    /* shorter, then longer with zeros */
    OK(JetPrepareUpdate(f->ses, r->t, JET_prepReplace));
    OK(JetSetColumn(f->ses, r->t, r->lb, NULL, len / 2, JET_bitSetSizeLV, NULL));
    OK(JetUpdate(f->ses, r->t, NULL, 0, NULL));
    check_lv(f, r, b, len / 2);
    memset(b + len / 2, 0, len - len / 2 + step);
    OK(JetPrepareUpdate(f->ses, r->t, JET_prepReplace));
    OK(JetSetColumn(f->ses, r->t, r->lb, NULL, len + step, JET_bitSetSizeLV, NULL));
    OK(JetUpdate(f->ses, r->t, NULL, 0, NULL));
    check_lv(f, r, b, len + step);
    /* overwritten beyond its end: longer; with the size said: that is its end */
    si.ibLongValue = 3;
    OK(JetPrepareUpdate(f->ses, r->t, JET_prepReplace));
    OK(JetSetColumn(f->ses, r->t, r->lb, piece, step, JET_bitSetOverwriteLV | JET_bitSetSizeLV,
                    &si));
    memcpy(b + 3, piece, step);
    OK(JetUpdate(f->ses, r->t, NULL, 0, NULL));
    check_lv(f, r, b, 3 + step);
    si.ibLongValue = 1 << 20;
    OK(JetPrepareUpdate(f->ses, r->t, JET_prepReplace));
    IS(JET_errColumnNoChunk,
       JetSetColumn(f->ses, r->t, r->lb, piece, 5, JET_bitSetOverwriteLV, &si));
    OK(JetPrepareUpdate(f->ses, r->t, JET_prepCancel));
    check_lv(f, r, b, 3 + step);
    free(b);
    free(piece);
}

static void long_values_are_changed_in_pieces(void **state)
{
    struct fix *f = *state;
    struct rows r;

    make_table(f, &r);
    for (int i = 0; i < 3; i++) {
        begin(f);
        insert_key(f, &r, i);
        update(f, &r);
        change_lv(f, &r, i == 0 ? 10 : i == 1 ? 900 : 50000, i == 0 ? 8 : i == 1 ? 300 : 5000);
        commit(f);
    }
}

static uint32_t lid_of(struct fix *f, const struct rows *r)
{
    uint32_t lid = 0, len;
    JET_ERR err = JetRetrieveColumn(f->ses, r->t, r->lb, &lid, sizeof(lid), &len,
                                    JET_bitRetrieveLongId, NULL);

    return err == JET_errSuccess ? lid : 0;
}

static void where_a_long_value_lies_can_be_chosen(void **state)
{
    struct fix *f = *state;
    struct rows r;
    uint8_t b[2000];

    make_table(f, &r);
    pattern(b, sizeof(b), 9);
    begin(f);
    insert_key(f, &r, 1);
    OK(JetSetColumn(f->ses, r.t, r.lb, b, 100, JET_bitSetSeparateLV, NULL));
    update(f, &r);
    assert_int_not_equal(lid_of(f, &r), 0);
    check_lv(f, &r, b, 100);
    insert_key(f, &r, 2);
    OK(JetSetColumn(f->ses, r.t, r.lb, b, 1500, JET_bitSetIntrinsicLV, NULL));
    update(f, &r);
    assert_int_equal(lid_of(f, &r), 0);
    check_lv(f, &r, b, 1500);
    insert_key(f, &r, 3);
    OK(JetSetColumn(f->ses, r.t, r.lb, b, 3, JET_bitSetSeparateLV,
                    NULL)); /* no more than its number would be */
    update(f, &r);
    assert_int_equal(lid_of(f, &r), 0);
    commit(f);
}

static void a_record_that_gets_too_big_sheds_long_values(void **state)
{
    struct fix *f = *state;
    JET_TABLEID t = new_table(f, "wide");
    JET_COLUMNID key = add(f, t, "key", JET_coltypLong, 0), lv[12];
    uint8_t b[900], got[900];
    uint32_t len;
    char name[16];

    for (int i = 0; i < 12; i++) {
        snprintf(name, sizeof(name), "l%d", i);
        lv[i] = add(f, t, name, JET_coltypLongBinary, 0);
    }
    INDEX(f, t, "pk", JET_bitIndexPrimary, "+key\0");
    begin(f);
    OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
    set_long(f, t, key, 1);
    for (int i = 0; i < 12; i++) {
        pattern(b, sizeof(b), (unsigned)i);
        OK(JetSetColumn(f->ses, t, lv[i], b, sizeof(b), 0, NULL));
    }
    OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    OK(JetMove(f->ses, t, JET_MoveFirst, 0));
    for (int i = 0; i < 12; i++) {
        pattern(b, sizeof(b), (unsigned)i);
        OK(JetRetrieveColumn(f->ses, t, lv[i], got, sizeof(got), &len, 0, NULL));
        assert_int_equal(len, sizeof(b));
        assert_memory_equal(got, b, len);
    }
    commit(f);
}

static void cancelled_updates_leave_no_long_values(void **state)
{
    struct fix *f = *state;
    struct rows r;
    uint8_t *b = malloc(100000);

    make_table(f, &r);
    pattern(b, 100000, 4);
    begin(f);
    insert_key(f, &r, 1);
    OK(JetSetColumn(f->ses, r.t, r.lb, b, 50000, 0, NULL));
    update(f, &r);
    insert_key(f, &r, 2);
    OK(JetSetColumn(f->ses, r.t, r.lb, b, 100000, 0, NULL));
    OK(JetPrepareUpdate(f->ses, r.t, JET_prepCancel));
    OK(JetPrepareUpdate(f->ses, r.t, JET_prepReplace));
    OK(JetSetColumn(f->ses, r.t, r.lb, b, 1000, JET_bitSetAppendLV, NULL));
    OK(JetSetColumn(f->ses, r.t, r.multi, b, 20000, 0, NULL));
    OK(JetPrepareUpdate(f->ses, r.t, JET_prepCancel));
    check_lv(f, &r, b, 50000);
    OK(JetPrepareUpdate(f->ses, r.t, JET_prepReplace));
    OK(JetSetColumn(f->ses, r.t, r.lb, NULL, 0, 0, NULL));
    OK(JetPrepareUpdate(f->ses, r.t, JET_prepCancel));
    check_lv(f, &r, b, 50000);
    commit(f);
    check_lv(f, &r, b, 50000);
    /* prepared, and the cursor is closed, moved, the session's level rolled back */
    begin(f);
    OK(JetPrepareUpdate(f->ses, r.t, JET_prepReplace));
    OK(JetSetColumn(f->ses, r.t, r.lb, b, 70000, 0, NULL));
    OK(JetMove(f->ses, r.t, JET_MoveFirst, 0));
    check_lv(f, &r, b, 50000);
    insert_key(f, &r, 3);
    OK(JetSetColumn(f->ses, r.t, r.lb, b, 70000, 0, NULL));
    OK(JetCloseTable(f->ses, r.t));
    OK(JetOpenTable(f->ses, f->dbid, "types", NULL, 0, 0, &r.t));
    commit(f);
    OK(JetOpenTable(f->ses, f->dbid, "types", NULL, 0, 0, &r.t));
    begin(f);
    insert_key(f, &r, 4);
    OK(JetSetColumn(f->ses, r.t, r.lb, b, 70000, 0, NULL));
    rollback(f);
    IS(JET_errUpdateNotPrepared, JetUpdate(f->ses, r.t, NULL, 0, NULL));
    OK(JetMove(f->ses, r.t, JET_MoveFirst, 0));
    check_lv(f, &r, b, 50000);
    free(b);
}

static void an_update_with_written_long_values_cannot_outlive_its_transaction(void **state)
{
    struct fix *f = *state;
    struct rows r;
    uint8_t *b = calloc(1, 9000);

    make_table(f, &r);
    begin(f);
    insert_key(f, &r, 1);
    OK(JetSetColumn(f->ses, r.t, r.lb, b, 9000, 0, NULL));
    IS(JET_errAlreadyPrepared, JetCommitTransaction(f->ses, 0));
    OK(JetUpdate(f->ses, r.t, NULL, 0, NULL));
    insert_key(f, &r, 2);
    OK(JetSetColumn(f->ses, r.t, r.lb, b, 100, 0, NULL)); /* in the record: that may */
    commit(f);
    OK(JetUpdate(f->ses, r.t, NULL, 0, NULL));
    free(b);
}

static void copies_share_long_values(void **state)
{
    struct fix *f = *state;
    struct rows r;
    uint8_t *b = malloc(60000);
    uint32_t refs, len;

    make_table(f, &r);
    pattern(b, 60000, 8);
    begin(f);
    insert_key(f, &r, 1);
    OK(JetSetColumn(f->ses, r.t, r.lb, b, 50000, 0, NULL));
    update(f, &r);
    OK(JetPrepareUpdate(f->ses, r.t, JET_prepInsertCopy));
    set_long(f, r.t, r.key, 2);
    update(f, &r);
    OK(JetRetrieveColumn(f->ses, r.t, r.lb, &refs, 4, &len, JET_bitRetrieveLongValueRefCount,
                         NULL));
    assert_int_equal(refs, 2);
    /* one of them changes: the other does not */
    OK(JetPrepareUpdate(f->ses, r.t, JET_prepReplace));
    OK(JetSetColumn(f->ses, r.t, r.lb, b + 50000, 10000, JET_bitSetAppendLV, NULL));
    OK(JetUpdate(f->ses, r.t, NULL, 0, NULL));
    check_lv(f, &r, b, 60000);
    OK(JetMove(f->ses, r.t, JET_MoveFirst, 0));
    check_lv(f, &r, b, 50000);
    /* cancelled: counted down again */
    OK(JetPrepareUpdate(f->ses, r.t, JET_prepInsertCopy));
    OK(JetPrepareUpdate(f->ses, r.t, JET_prepCancel));
    OK(JetRetrieveColumn(f->ses, r.t, r.lb, &refs, 4, &len, JET_bitRetrieveLongValueRefCount,
                         NULL));
    assert_int_equal(refs, 1);
    /* the original goes */
    OK(JetPrepareUpdate(f->ses, r.t, JET_prepInsertCopyDeleteOriginal));
    set_long(f, r.t, r.key, 10);
    update(f, &r);
    check_lv(f, &r, b, 50000);
    OK(JetMove(f->ses, r.t, JET_MoveFirst, 0));
    assert_int_equal(get_long(f, r.t, r.key), 2);
    OK(JetPrepareUpdate(f->ses, r.t, JET_prepInsertCopyReplaceOriginal));
    set_long(f, r.t, r.key, 20);
    update(f, &r);
    check_lv(f, &r, b, 60000);
    commit(f);
    free(b);
}

static void compressed_columns_give_plain_bytes(void **state)
{
    struct fix *f = *state;
    JET_TABLEID t = new_table(f, "packed");
    JET_COLUMNID key = add(f, t, "key", JET_coltypLong, 0),
                 lt = add(f, t, "lt", JET_coltypLongText, JET_bitColumnCompressed);
    JET_WCHAR *w = malloc(80000), *got = malloc(80000);
    static const uint32_t sizes[] = {20, 500, 3000, 70000};
    uint32_t len;

    for (int i = 0; i < 40000; i++)
        w[i] = (JET_WCHAR)(u'a' + i % 17);
    INDEX(f, t, "pk", JET_bitIndexPrimary, "+key\0");
    begin(f);
    for (unsigned i = 0; i < 4; i++) {
        OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
        set_long(f, t, key, (int32_t)i);
        OK(JetSetColumn(f->ses, t, lt, w, sizes[i], 0, NULL));
        OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    }
    commit(f);
    OK(JetMove(f->ses, t, JET_MoveFirst, 0));
    for (unsigned i = 0; i < 4; i++) {
        OK(JetRetrieveColumn(f->ses, t, lt, got, 80000, &len, 0, NULL));
        assert_int_equal(len, sizes[i]);
        assert_memory_equal(got, w, len);
        (void)JetMove(f->ses, t, JET_MoveNext, 0);
    }
    free(w);
    free(got);
}

/* ---- defaults, counters ---------------------------------------------------------------------- */

static void defaults_stand_in_and_can_be_reverted_to(void **state)
{
    struct fix *f = *state;
    JET_TABLEID t = new_table(f, "d");
    JET_COLUMNID key = add(f, t, "key", JET_coltypLong, 0), n, txt, tag, late;
    JET_COLUMNDEF def = {.cbStruct = sizeof(def), .coltyp = JET_coltypLong};
    int32_t seven = 7, got = 0;
    char buf[32];
    uint32_t len;
    JET_RETINFO ri = {.cbStruct = sizeof(ri), .itagSequence = 1};

    OK(JetAddColumn(f->ses, t, "n", &def, &seven, 4, &n));
    def.coltyp = JET_coltypText;
    OK(JetAddColumn(f->ses, t, "txt", &def, "default", 7, &txt));
    def.grbit = JET_bitColumnTagged;
    OK(JetAddColumn(f->ses, t, "tag", &def, "tagged", 6, &tag));
    INDEX(f, t, "pk", JET_bitIndexPrimary, "+key\0");
    begin(f);
    OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
    set_long(f, t, key, 1);
    OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
    set_long(f, t, key, 2);
    set_long(f, t, n, 5);
    OK(JetSetColumn(f->ses, t, txt, NULL, 0, 0, NULL));
    OK(JetSetColumn(f->ses, t, tag, NULL, 0, 0, NULL));
    OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    OK(JetMove(f->ses, t, JET_MoveFirst, 0));
    assert_int_equal(get_long(f, t, n), 7);
    OK(JetRetrieveColumn(f->ses, t, txt, buf, sizeof(buf), &len, 0, NULL));
    assert_int_equal(len, 7);
    assert_memory_equal(buf, "default", 7);
    OK(JetRetrieveColumn(f->ses, t, tag, buf, sizeof(buf), &len, 0, NULL));
    assert_memory_equal(buf, "tagged", 6);
    IS(JET_wrnColumnNull, JetRetrieveColumn(f->ses, t, tag, buf, sizeof(buf), &len,
                                            JET_bitRetrieveIgnoreDefault, &ri));
    OK(JetMove(f->ses, t, JET_MoveNext, 0));
    assert_int_equal(get_long(f, t, n), 5);
    IS(JET_wrnColumnNull, JetRetrieveColumn(f->ses, t, txt, buf, sizeof(buf), &len, 0, NULL));
    IS(JET_wrnColumnNull, JetRetrieveColumn(f->ses, t, tag, buf, sizeof(buf), &len, 0, NULL));
    OK(JetPrepareUpdate(f->ses, t, JET_prepReplace));
    OK(JetSetColumn(f->ses, t, tag, NULL, 0, JET_bitSetRevertToDefaultValue, NULL));
    OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    OK(JetRetrieveColumn(f->ses, t, tag, buf, sizeof(buf), &len, 0, NULL));
    assert_int_equal(len, 6);
    commit(f);
    /* a column that comes later: older rows have its default too */
    def = (JET_COLUMNDEF){.cbStruct = sizeof(def), .coltyp = JET_coltypLong};
    seven = 77;
    OK(JetAddColumn(f->ses, t, "late", &def, &seven, 4, &late));
    OK(JetMove(f->ses, t, JET_MoveFirst, 0));
    OK(JetRetrieveColumn(f->ses, t, late, &got, 4, &len, 0, NULL));
    assert_int_equal(got, 77);
    OK(JetCloseTable(f->ses, t));
    seven = 78;
    OK(JetSetColumnDefaultValue(f->ses, f->dbid, "d", "late", &seven, 4, 0));
    OK(JetOpenTable(f->ses, f->dbid, "d", NULL, 0, 0, &t));
    OK(JetRetrieveColumn(f->ses, t, late, &got, 4, &len, 0, NULL));
    assert_int_equal(got, 78);
}

static void not_null_columns_must_be_set(void **state)
{
    struct fix *f = *state;
    JET_TABLEID t = new_table(f, "n");
    JET_COLUMNID a = add(f, t, "a", JET_coltypLong, JET_bitColumnNotNULL),
                 b = add(f, t, "b", JET_coltypLong, 0);

    begin(f);
    OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
    set_long(f, t, b, 1);
    IS(JET_errNullInvalid, JetUpdate(f->ses, t, NULL, 0, NULL));
    set_long(f, t, a, 1); /* it is still prepared */
    OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    OK(JetMove(f->ses, t, JET_MoveFirst, 0));
    OK(JetPrepareUpdate(f->ses, t, JET_prepReplace));
    IS(JET_errNullInvalid, JetSetColumn(f->ses, t, a, NULL, 0, 0, NULL));
    OK(JetPrepareUpdate(f->ses, t, JET_prepCancel));
    commit(f);
}

static void auto_increment_counts_and_is_not_set(void **state)
{
    struct fix *f = *state;
    JET_TABLEID t = new_table(f, "a");
    JET_COLUMNID id = add(f, t, "id", JET_coltypLong, JET_bitColumnAutoincrement),
                 b = add(f, t, "b", JET_coltypLong, 0);
    int32_t last = 0, now = 5;
    uint32_t len;

    INDEX(f, t, "pk", JET_bitIndexPrimary, "+id\0");
    for (int i = 0; i < 300; i++) {
        begin(f);
        OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
        IS(JET_errInvalidColumnType, JetSetColumn(f->ses, t, id, &now, 4, 0, NULL));
        set_long(f, t, b, i);
        OK(JetRetrieveColumn(f->ses, t, id, &now, 4, &len, JET_bitRetrieveCopy, NULL));
        assert_true(now > last);
        last = now;
        if (i % 10 == 9)
            OK(JetPrepareUpdate(f->ses, t, JET_prepCancel));
        else
            OK(JetUpdate(f->ses, t, NULL, 0, NULL));
        if (i % 7 == 6)
            rollback(f);
        else
            commit(f);
    }
    restart(f);
    OK(JetOpenTable(f->ses, f->dbid, "a", NULL, 0, 0, &t));
    if (efv != 9180) { /* nothing is kept of numbers that no row has */
        OK(JetMove(f->ses, t, JET_MoveLast, 0));
        last = get_long(f, t, id);
    }
    begin(f);
    OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
    OK(JetRetrieveColumn(f->ses, t, id, &now, 4, &len, JET_bitRetrieveCopy, NULL));
    assert_true(now > last);
    OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    commit(f);
}

static void a_version_column_counts_changes(void **state)
{
    struct fix *f = *state;
    JET_TABLEID t = new_table(f, "v");
    JET_COLUMNID v = add(f, t, "v", JET_coltypLong, JET_bitColumnVersion),
                 b = add(f, t, "b", JET_coltypLong, 0);
    int32_t n = 0;

    begin(f);
    OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
    set_long(f, t, b, 0);
    OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    OK(JetMove(f->ses, t, JET_MoveFirst, 0));
    assert_int_equal(get_long(f, t, v), 0);
    for (int i = 1; i < 5; i++) {
        OK(JetPrepareUpdate(f->ses, t, JET_prepReplace));
        IS(JET_errInvalidColumnType, JetSetColumn(f->ses, t, v, &n, 4, 0, NULL));
        set_long(f, t, b, i);
        OK(JetUpdate(f->ses, t, NULL, 0, NULL));
        assert_int_equal(get_long(f, t, v), i);
    }
    commit(f);
}

static void escrow_columns_are_added_to_without_locks(void **state)
{
    struct fix *f = *state;
    JET_TABLEID t = new_table(f, "e"), t2;
    JET_SESID other;
    JET_DBID dbid2;
    JET_COLUMNID e, w;
    JET_COLUMNDEF def = {
        .cbStruct = sizeof(def), .coltyp = JET_coltypLong, .grbit = JET_bitColumnEscrowUpdate};
    int32_t start = 100, delta = 5, old = 0, got;
    int64_t wide = INT64_C(1) << 40, d64 = 3, old64 = 0;
    const bool has_wide = efv == 9180;
    uint32_t len;

    OK(JetAddColumn(f->ses, t, "e", &def, &start, 4, &e));
    def.coltyp = JET_coltypLongLong;
    IS(has_wide ? JET_errSuccess : JET_errEngineFormatVersionParamTooLowForRequestedFeature,
       JetAddColumn(f->ses, t, "w", &def, &wide, 8, &w));
    begin(f);
    OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
    OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    commit(f);
    OK(JetCloseTable(f->ses, t));
    OK(JetOpenTable(f->ses, f->dbid, "e", NULL, 0, 0, &t));
    OK(JetBeginSession(f->inst, &other, NULL, NULL));
    OK(JetOpenDatabase(other, f->db, NULL, &dbid2, 0));
    OK(JetOpenTable(other, dbid2, "e", NULL, 0, 0, &t2));
    IS(JET_errNotInTransaction, JetEscrowUpdate(f->ses, t, e, &delta, 4, NULL, 0, NULL, 0));
    begin(f);
    OK(JetBeginTransaction(other));
    OK(JetEscrowUpdate(f->ses, t, e, &delta, 4, &old, 4, &len, 0));
    assert_int_equal(old, 100);
    assert_int_equal(len, 4);
    delta = 7;
    OK(JetEscrowUpdate(other, t2, e, &delta, 4, &old, 4, &len, 0));
    assert_int_equal(old, 100); /* it does not see the other's */
    if (has_wide) {             /* one and the other width do not go together */
        IS(JET_errWriteConflict, JetEscrowUpdate(f->ses, t, w, &d64, 8, &old64, 8, &len, 0));
        IS(JET_errInvalidBufferSize, JetEscrowUpdate(f->ses, t, w, &delta, 4, NULL, 0, NULL, 0));
    }
    IS(JET_errInvalidBufferSize, JetEscrowUpdate(f->ses, t, e, &d64, 8, NULL, 0, NULL, 0));
    IS(JET_errInvalidBufferSize, JetEscrowUpdate(f->ses, t, e, &delta, 3, NULL, 0, NULL, 0));
    OK(JetRetrieveColumn(f->ses, t, e, &got, 4, &len, 0, NULL));
    assert_int_equal(got, 105);
    OK(JetRetrieveColumn(other, t2, e, &got, 4, &len, 0, NULL));
    assert_int_equal(got, 107);
    OK(JetRollback(other, 0));
    if (has_wide) {
        OK(JetEscrowUpdate(f->ses, t, w, &d64, 8, &old64, 8, &len, 0));
        assert_true(old64 == wide);
    }
    commit(f);
    assert_int_equal(get_long(f, t, e), 105);
    OK(JetEndSession(other, 0));
}

/* ---- many at once ---------------------------------------------------------------------------- */

static void columns_are_set_and_read_together(void **state)
{
    struct fix *f = *state;
    struct rows r;
    int32_t a = 11, b = 0, bad = 0;
    char buf[16];
    JET_SETCOLUMN set[3];
    JET_RETRIEVECOLUMN get[3];

    make_table(f, &r);
    begin(f);
    insert_key(f, &r, 1);
    memset(set, 0, sizeof(set));
    set[0] = (JET_SETCOLUMN){.columnid = r.c[3], .pvData = &a, .cbData = 4, .itagSequence = 1};
    set[1] = (JET_SETCOLUMN){.columnid = r.multi, .pvData = "one", .cbData = 3, .itagSequence = 0};
    set[2] = (JET_SETCOLUMN){.columnid = r.multi, .pvData = "two", .cbData = 3, .itagSequence = 0};
    OK(JetSetColumns(f->ses, r.t, set, 3));
    set[1] = (JET_SETCOLUMN){.columnid = r.c[3], .pvData = &bad, .cbData = 3, .itagSequence = 1};
    IS(JET_errInvalidBufferSize, JetSetColumns(f->ses, r.t, set, 2));
    assert_int_equal(set[1].err, JET_errInvalidBufferSize);
    update(f, &r);
    get[0] = (JET_RETRIEVECOLUMN){.columnid = r.c[3], .pvData = &b, .cbData = 4, .itagSequence = 1};
    get[1] =
        (JET_RETRIEVECOLUMN){.columnid = r.multi, .pvData = buf, .cbData = 2, .itagSequence = 2};
    get[2] = (JET_RETRIEVECOLUMN){.columnid = r.lb, .pvData = NULL, .cbData = 0, .itagSequence = 1};
    IS(JET_wrnBufferTruncated, JetRetrieveColumns(f->ses, r.t, get, 3));
    assert_int_equal(b, 11);
    assert_int_equal(get[0].err, JET_errSuccess);
    assert_int_equal(get[1].err, JET_wrnBufferTruncated);
    assert_int_equal(get[1].cbActual, 3);
    assert_memory_equal(buf, "tw", 2);
    assert_int_equal(get[2].err, JET_wrnColumnNull);
    commit(f);
}

static unsigned nr_held; /* pieces that enumerations got */

static void *count_realloc(void *ctx, void *p, uint32_t cb)
{
    (void)ctx;
    if (cb == 0) {
        nr_held -= p != NULL;
        free(p);
        return NULL;
    }
    nr_held += p == NULL;
    return realloc(p, cb);
}

static void free_enum(JET_ENUMCOLUMN *c, uint32_t nr)
{
    for (uint32_t i = 0; i < nr; i++) {
        if (c[i].err == JET_wrnColumnSingleValue) {
            count_realloc(NULL, c[i].pvData, 0);
        } else if (c[i].err == JET_errSuccess) {
            for (uint32_t n = 0; n < c[i].cEnumColumnValue; n++)
                if (c[i].rgEnumColumnValue[n].pvData)
                    count_realloc(NULL, c[i].rgEnumColumnValue[n].pvData, 0);
            count_realloc(NULL, c[i].rgEnumColumnValue, 0);
        }
    }
    if (c)
        count_realloc(NULL, c, 0);
    assert_int_equal(nr_held, 0);
}

static void a_record_is_enumerated(void **state)
{
    struct fix *f = *state;
    struct rows r;
    JET_ENUMCOLUMN *c;
    uint32_t nr, second = 2;
    uint8_t *big = malloc(9000);
    JET_ENUMCOLUMNID wanted[2];

    make_table(f, &r);
    pattern(big, 9000, 1);
    begin(f);
    insert_key(f, &r, 1);
    set_nth(f, &r, r.multi, "one", 0);
    set_nth(f, &r, r.multi, "two", 0);
    OK(JetSetColumn(f->ses, r.t, r.lb, big, 9000, 0, NULL));
    update(f, &r);
    nr_held = 0;
    OK(JetEnumerateColumns(f->ses, r.t, 0, NULL, &nr, &c, count_realloc, NULL, 10000, 0));
    assert_int_equal(nr, 3);
    assert_int_equal(c[0].columnid, r.key);
    assert_int_equal(c[0].cEnumColumnValue, 1);
    assert_int_equal(c[1].columnid, r.multi);
    assert_int_equal(c[1].cEnumColumnValue, 2);
    assert_int_equal(c[1].rgEnumColumnValue[1].itagSequence, 2);
    assert_memory_equal(c[1].rgEnumColumnValue[1].pvData, "two", 3);
    assert_int_equal(c[2].rgEnumColumnValue[0].cbData, 9000);
    assert_memory_equal(c[2].rgEnumColumnValue[0].pvData, big, 9000);
    free_enum(c, nr);
    IS(JET_wrnColumnTruncated, JetEnumerateColumns(f->ses, r.t, 0, NULL, &nr, &c, count_realloc,
                                                   NULL, 100, JET_bitEnumerateCompressOutput));
    assert_int_equal(c[0].err, JET_wrnColumnSingleValue);
    assert_int_equal(c[0].cbData, 4);
    free_enum(c, nr);
    wanted[0] =
        (JET_ENUMCOLUMNID){.columnid = r.multi, .ctagSequence = 1, .rgtagSequence = &second};
    wanted[1] = (JET_ENUMCOLUMNID){.columnid = r.c[0]};
    OK(JetEnumerateColumns(f->ses, r.t, 2, wanted, &nr, &c, count_realloc, NULL, 100, 0));
    assert_int_equal(nr, 2);
    for (uint32_t i = 0; i < nr; i++) {
        if (c[i].columnid == r.multi) {
            assert_int_equal(c[i].cEnumColumnValue, 1);
            assert_memory_equal(c[i].rgEnumColumnValue[0].pvData, "two", 3);
        } else {
            assert_int_equal(c[i].columnid, r.c[0]);
            assert_int_equal(c[i].err, JET_wrnColumnNull);
        }
    }
    free_enum(c, nr);
    OK(JetEnumerateColumns(f->ses, r.t, 0, NULL, &nr, &c, count_realloc, NULL, 100,
                           JET_bitEnumeratePresenceOnly));
    assert_int_equal(nr, 3);
    assert_int_equal(c[2].err, JET_wrnColumnPresent);
    free_enum(c, nr);
    commit(f);
    free(big);
}

static void the_size_of_a_record_is_told(void **state)
{
    struct fix *f = *state;
    struct rows r;
    JET_RECSIZE z, before;
    JET_RECSIZE2 z2;
    uint8_t *b = calloc(1, 9000);

    make_table(f, &r);
    begin(f);
    insert_key(f, &r, 1);
    OK(JetSetColumn(f->ses, r.t, r.c[8], b, 100, 0, NULL));
    set_nth(f, &r, r.multi, "abc", 0);
    set_nth(f, &r, r.multi, "abcd", 0);
    OK(JetSetColumn(f->ses, r.t, r.lb, b, 9000, 0, NULL));
    update(f, &r);
    memset(&z, 0x55, sizeof(z));
    OK(JetGetRecordSize(f->ses, r.t, &z, 0));
    assert_int_equal(z.cbData, 4 + 100 + 7);
    assert_int_equal(z.cbLongValueData, 9000);
    assert_int_equal(z.cLongValues, 1);
    assert_int_equal(z.cNonTaggedColumns, 2);
    assert_int_equal(z.cTaggedColumns, 2);
    assert_int_equal(z.cMultiValues, 1);
    assert_true(z.cbOverhead > 4 && z.cbOverhead < 400);
    before = z;
    OK(JetGetRecordSize(f->ses, r.t, &z, JET_bitRecordSizeRunningTotal));
    assert_int_equal(z.cbData, 2 * before.cbData);
    OK(JetGetRecordSize2(f->ses, r.t, &z2, JET_bitRecordSizeLocal));
    assert_int_equal(z2.cbLongValueData, 0);
    IS(JET_errInvalidParameter, JetGetRecordSize(f->ses, r.t, NULL, 0));
    IS(JET_errInvalidGrbit, JetGetRecordSize(f->ses, r.t, &z, 0x8000));
    commit(f);
    free(b);
}

/* The tree of long values is made by the transaction that needs it first, when nobody else has the
 * table, and goes with it. */
static void the_first_long_value_can_be_rolled_back(void **state)
{
    struct fix *f = *state;
    const JET_TABLEID t = new_table(f, "T");
    const JET_COLUMNID id = add(f, t, "lv", JET_coltypLongBinary, 0);
    static uint8_t b[200000], got[sizeof(b)];
    uint32_t len;

    for (unsigned round = 0; round < 4; round++) {
        pattern(b, sizeof(b), round);
        begin(f);
        for (unsigned i = 0; i < 3; i++) {
            OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
            OK(JetSetColumn(f->ses, t, id, b, sizeof(b), 0, NULL));
            OK(JetUpdate(f->ses, t, NULL, 0, NULL));
        }
        if (round < 3)
            rollback(f);
        else
            commit(f);
    }
    OK(JetMove(f->ses, t, JET_MoveLast, 0));
    OK(JetRetrieveColumn(f->ses, t, id, got, sizeof(got), &len, 0, NULL));
    assert_int_equal(len, sizeof(got));
    assert_memory_equal(got, b, sizeof(got));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        T(every_type_keeps_its_bytes),
        T(null_empty_and_nothing_set_are_told_apart),
        T(a_short_buffer_gets_the_beginning_and_the_whole_length),
        T(sizes_that_a_type_does_not_have_are_refused),
        T(values_of_a_column_come_and_go),
        T(equal_values_can_be_refused),
        T(tagged_columns_can_be_found_without_their_numbers),
        T(long_values_of_all_sizes),
        T(long_values_are_changed_in_pieces),
        T(where_a_long_value_lies_can_be_chosen),
        T(a_record_that_gets_too_big_sheds_long_values),
        T(cancelled_updates_leave_no_long_values),
        T(an_update_with_written_long_values_cannot_outlive_its_transaction),
        T(copies_share_long_values),
        T(compressed_columns_give_plain_bytes),
        T(defaults_stand_in_and_can_be_reverted_to),
        T(not_null_columns_must_be_set),
        T(auto_increment_counts_and_is_not_set),
        T(a_version_column_counts_changes),
        T(escrow_columns_are_added_to_without_locks),
        T(columns_are_set_and_read_together),
        T(a_record_is_enumerated),
        T(the_size_of_a_record_is_told),
        T(the_first_long_value_can_be_rolled_back),
    };
    choose_format(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
