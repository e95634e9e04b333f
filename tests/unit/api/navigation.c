/* Keys, seeks, ranges, moves, bookmarks, positions, in indexes of every kind. */
#include "apitest.h"

#define NR 200

struct set {
    JET_TABLEID t;
    JET_COLUMNID id, grp, txt, bin, many, opt;
};

/* id 0..NR-1 in no order; grp = id / 10; txt "row NNN" in mixed case; bin 4 bytes; many: two
 * values; opt: null for odd ids. */
static void fill(struct fix *f, struct set *s)
{
    s->t = new_table(f, "nav");
    s->id = add(f, s->t, "id", JET_coltypLong, JET_bitColumnNotNULL);
    s->grp = add(f, s->t, "grp", JET_coltypLong, 0);
    s->txt = add(f, s->t, "txt", JET_coltypText, 0);
    s->bin = add(f, s->t, "bin", JET_coltypBinary, 0);
    s->many = add(f, s->t, "many", JET_coltypLong, JET_bitColumnTagged | JET_bitColumnMultiValued);
    s->opt = add(f, s->t, "opt", JET_coltypLong, 0);
    INDEX(f, s->t, "pk", JET_bitIndexPrimary, "+id\0");
    INDEX(f, s->t, "grp", 0, "+grp\0-id\0");
    INDEX(f, s->t, "down", JET_bitIndexUnique, "-id\0");
    INDEX(f, s->t, "txt", 0, "+txt\0");
    INDEX(f, s->t, "bin", 0, "+bin\0");
    INDEX(f, s->t, "many", 0, "+many\0");
    INDEX(f, s->t, "opt", JET_bitIndexIgnoreNull, "+opt\0");
    INDEX(f, s->t, "optall", 0, "+opt\0");
    begin(f);
    for (int32_t i = 0; i < NR; i++) {
        const int32_t id = i * 77 % NR, grp = id / 10, m[2] = {id, 1000 + id / 2};
        const uint8_t bin[4] = {0, (uint8_t)(id / 16), (uint8_t)(id % 16), 9};
        JET_SETINFO si = {.cbStruct = sizeof(si)};
        JET_WCHAR w[16];
        char a[16];
        int n = snprintf(a, sizeof(a), id % 2 ? "row %03d" : "ROW %03d", id);

        for (int c = 0; c < n; c++)
            w[c] = (JET_WCHAR)a[c];
        OK(JetPrepareUpdate(f->ses, s->t, JET_prepInsert));
        set_long(f, s->t, s->id, id);
        set_long(f, s->t, s->grp, grp);
        OK(JetSetColumn(f->ses, s->t, s->txt, w, (uint32_t)n * 2, 0, NULL));
        OK(JetSetColumn(f->ses, s->t, s->bin, bin, 4, 0, NULL));
        OK(JetSetColumn(f->ses, s->t, s->many, &m[0], 4, 0, &si));
        OK(JetSetColumn(f->ses, s->t, s->many, &m[1], 4, 0, &si));
        if (id % 2 == 0)
            set_long(f, s->t, s->opt, -id);
        OK(JetUpdate(f->ses, s->t, NULL, 0, NULL));
    }
    commit(f);
}

static int32_t id_here(struct fix *f, const struct set *s)
{
    return get_long(f, s->t, s->id);
}

static void seek(struct fix *f, const struct set *s, JET_GRBIT how, JET_ERR want, int32_t key,
                 int32_t want_id)
{
    make_long_key(f, s->t, key, JET_bitNewKey);
    IS(want, JetSeek(f->ses, s->t, how));
    if (want >= 0)
        assert_int_equal(id_here(f, s), want_id);
}

static void seeks_find_equal_and_neighbours(void **state)
{
    struct fix *f = *state;
    struct set s;

    fill(f, &s);
    seek(f, &s, JET_bitSeekEQ, JET_errSuccess, 50, 50);
    seek(f, &s, JET_bitSeekEQ, JET_errRecordNotFound, NR, 0);
    seek(f, &s, JET_bitSeekGE, JET_errSuccess, 50, 50);
    seek(f, &s, JET_bitSeekGT, JET_errSuccess, 50, 51);
    seek(f, &s, JET_bitSeekLE, JET_errSuccess, 50, 50);
    seek(f, &s, JET_bitSeekLT, JET_errSuccess, 50, 49);
    seek(f, &s, JET_bitSeekGE, JET_wrnSeekNotEqual, -5, 0);
    seek(f, &s, JET_bitSeekLE, JET_wrnSeekNotEqual, 5000, NR - 1);
    seek(f, &s, JET_bitSeekLT, JET_errRecordNotFound, 0, 0);
    seek(f, &s, JET_bitSeekGT, JET_errRecordNotFound, NR - 1, 0);
    IS(JET_errKeyNotMade, JetSeek(f->ses, s.t, JET_bitSeekEQ)); /* a key is used once */
    IS(JET_errKeyNotMade, JetMakeKey(f->ses, s.t, "abcd", 4, 0));
    make_long_key(f, s.t, 1, JET_bitNewKey);
    IS(JET_errKeyIsMade, JetMakeKey(f->ses, s.t, "abcd", 4, 0));
    IS(JET_errInvalidGrbit, JetSeek(f->ses, s.t, JET_bitSeekEQ | JET_bitSeekGT));
    IS(JET_errInvalidGrbit, JetSeek(f->ses, s.t, 0x4000));
    /* after a key that is not there the cursor stands between its neighbours */
    begin(f);
    seek(f, &s, JET_bitSeekEQ, JET_errSuccess, 50, 50);
    OK(JetDelete(f->ses, s.t));
    seek(f, &s, JET_bitSeekEQ, JET_errRecordNotFound, 50, 0);
    OK(JetMove(f->ses, s.t, JET_MoveNext, 0));
    assert_int_equal(id_here(f, &s), 51);
    seek(f, &s, JET_bitSeekEQ, JET_errRecordNotFound, 50, 0);
    OK(JetMove(f->ses, s.t, JET_MovePrevious, 0));
    assert_int_equal(id_here(f, &s), 49);
    rollback(f);
}

static void a_descending_index_goes_down(void **state)
{
    struct fix *f = *state;
    struct set s;
    char name[80];

    fill(f, &s);
    OK(JetSetCurrentIndex(f->ses, s.t, "down"));
    OK(JetGetCurrentIndex(f->ses, s.t, name, sizeof(name)));
    assert_string_equal(name, "down");
    for (int32_t i = NR - 1; i >= 0; i--) {
        assert_int_equal(id_here(f, &s), i);
        IS(i ? JET_errSuccess : JET_errNoCurrentRecord, JetMove(f->ses, s.t, JET_MoveNext, 0));
    }
    seek(f, &s, JET_bitSeekGT, JET_errSuccess, 50, 49);
    seek(f, &s, JET_bitSeekLT, JET_errSuccess, 50, 51);
    make_long_key(f, s.t, 20, JET_bitNewKey);
    IS(JET_wrnUniqueKey, JetSeek(f->ses, s.t, JET_bitSeekEQ | JET_bitCheckUniqueness));
}

static void an_index_of_two_columns_sorts_by_both(void **state)
{
    struct fix *f = *state;
    struct set s;
    int32_t id = 55;

    fill(f, &s);
    OK(JetSetCurrentIndex2(f->ses, s.t, "grp", JET_bitMoveFirst));
    for (int32_t i = 0; i < NR; i++) {
        assert_int_equal(id_here(f, &s), i / 10 * 10 + 9 - i % 10);
        IS(i < NR - 1 ? JET_errSuccess : JET_errNoCurrentRecord,
           JetMove(f->ses, s.t, JET_MoveNext, 0));
    }
    /* by its first column alone; by both */
    make_long_key(f, s.t, 5, JET_bitNewKey);
    IS(JET_errRecordNotFound, JetSeek(f->ses, s.t, JET_bitSeekEQ));
    make_long_key(f, s.t, 5, JET_bitNewKey | JET_bitFullColumnStartLimit);
    IS(JET_wrnSeekNotEqual, JetSeek(f->ses, s.t, JET_bitSeekGE));
    assert_int_equal(id_here(f, &s), 59);
    make_long_key(f, s.t, 5, JET_bitNewKey | JET_bitFullColumnEndLimit);
    OK(JetSetIndexRange(f->ses, s.t, JET_bitRangeUpperLimit));
    for (int n = 0; n < 10; n++) {
        assert_int_equal(id_here(f, &s), 59 - n);
        IS(n < 9 ? JET_errSuccess : JET_errNoCurrentRecord, JetMove(f->ses, s.t, JET_MoveNext, 0));
    }
    make_long_key(f, s.t, 5, JET_bitNewKey);
    OK(JetMakeKey(f->ses, s.t, &id, 4, 0));
    OK(JetSeek(f->ses, s.t, JET_bitSeekEQ));
    assert_int_equal(id_here(f, &s), 55);
    OK(JetMove(f->ses, s.t, JET_MoveNext, 0));
    assert_int_equal(id_here(f, &s), 54);
    /* by keys that differ: each entry is one here */
    OK(JetMove(f->ses, s.t, JET_MoveNext, JET_bitMoveKeyNE));
    assert_int_equal(id_here(f, &s), 53);
}

static void text_is_found_whatever_its_case(void **state)
{
    struct fix *f = *state;
    struct set s;
    int n = 0;

    fill(f, &s);
    OK(JetSetCurrentIndex(f->ses, s.t, "txt"));
    for (int32_t i = 0; i < NR; i++) {
        assert_int_equal(id_here(f, &s), i);
        IS(i < NR - 1 ? JET_errSuccess : JET_errNoCurrentRecord,
           JetMove(f->ses, s.t, JET_MoveNext, 0));
    }
    OK(JetMakeKey(f->ses, s.t, u"RoW 033", 14, JET_bitNewKey));
    OK(JetSeek(f->ses, s.t, JET_bitSeekEQ));
    assert_int_equal(id_here(f, &s), 33);
    /* all that begins with "row 03" */
    OK(JetMakeKey(f->ses, s.t, u"row 03", 12, JET_bitNewKey | JET_bitPartialColumnStartLimit));
    IS(JET_wrnSeekNotEqual, JetSeek(f->ses, s.t, JET_bitSeekGE));
    OK(JetMakeKey(f->ses, s.t, u"row 03", 12, JET_bitNewKey | JET_bitSubStrLimit));
    OK(JetSetIndexRange(f->ses, s.t, JET_bitRangeInclusive | JET_bitRangeUpperLimit));
    do {
        assert_int_equal(id_here(f, &s), 30 + n++);
    } while (JetMove(f->ses, s.t, JET_MoveNext, 0) == JET_errSuccess);
    assert_int_equal(n, 10);
}

static void bytes_with_limits(void **state)
{
    static const uint8_t start[2] = {0, 3};
    struct fix *f = *state;
    struct set s;
    int n = 0;

    fill(f, &s);
    OK(JetSetCurrentIndex(f->ses, s.t, "bin"));
    OK(JetMakeKey(f->ses, s.t, start, 2, JET_bitNewKey | JET_bitStrLimit));
    IS(JET_wrnSeekNotEqual, JetSeek(f->ses, s.t, JET_bitSeekLE)); /* the last one that begins so */
    assert_int_equal(id_here(f, &s), 3 * 16 + 15);
    OK(JetMakeKey(f->ses, s.t, start, 2, JET_bitNewKey));
    IS(JET_wrnSeekNotEqual, JetSeek(f->ses, s.t, JET_bitSeekGE));
    OK(JetMakeKey(f->ses, s.t, start, 2, JET_bitNewKey | JET_bitStrLimit));
    OK(JetSetIndexRange(f->ses, s.t, JET_bitRangeUpperLimit));
    do {
        assert_int_equal(id_here(f, &s), 3 * 16 + n++);
    } while (JetMove(f->ses, s.t, JET_MoveNext, 0) == JET_errSuccess);
    assert_int_equal(n, 16);
    IS(JET_errInvalidGrbit, JetMakeKey(f->ses, s.t, start, 2, JET_bitNewKey | 0x8000));
    OK(JetMakeKey(f->ses, s.t, NULL, 0, JET_bitNewKey));
    IS(JET_errRecordNotFound, JetSeek(f->ses, s.t, JET_bitSeekEQ)); /* null: there is none */
}

static void ranges_end_moves_both_ways(void **state)
{
    struct fix *f = *state;
    struct set s;
    uint32_t nr;

    fill(f, &s);
    seek(f, &s, JET_bitSeekEQ, JET_errSuccess, 50, 50);
    make_long_key(f, s.t, 60, JET_bitNewKey);
    OK(JetSetIndexRange(f->ses, s.t, JET_bitRangeUpperLimit));
    OK(JetIndexRecordCount(f->ses, s.t, &nr, 0));
    assert_int_equal(nr, 10);
    OK(JetIndexRecordCount(f->ses, s.t, &nr, 4));
    assert_int_equal(nr, 4);
    for (int i = 50; i < 60; i++) {
        assert_int_equal(id_here(f, &s), i);
        IS(i < 59 ? JET_errSuccess : JET_errNoCurrentRecord, JetMove(f->ses, s.t, JET_MoveNext, 0));
    }
    /* the range is gone, the cursor behind the last row */
    IS(JET_errNoCurrentRecord, JetMove(f->ses, s.t, JET_MoveNext, 0));
    IS(JET_errInvalidOperation, JetSetIndexRange(f->ses, s.t, JET_bitRangeRemove));
    /* down */
    seek(f, &s, JET_bitSeekEQ, JET_errSuccess, 50, 50);
    make_long_key(f, s.t, 45, JET_bitNewKey);
    OK(JetSetIndexRange(f->ses, s.t, JET_bitRangeInclusive));
    OK(JetIndexRecordCount(f->ses, s.t, &nr, 0));
    assert_int_equal(nr, 6);
    for (int i = 50; i >= 45; i--) {
        assert_int_equal(id_here(f, &s), i);
        IS(i > 45 ? JET_errSuccess : JET_errNoCurrentRecord,
           JetMove(f->ses, s.t, JET_MovePrevious, 0));
    }
    /* empty, and for a moment only */
    seek(f, &s, JET_bitSeekEQ, JET_errSuccess, 50, 50);
    make_long_key(f, s.t, 40, JET_bitNewKey);
    IS(JET_errNoCurrentRecord, JetSetIndexRange(f->ses, s.t, JET_bitRangeUpperLimit));
    seek(f, &s, JET_bitSeekEQ, JET_errSuccess, 50, 50);
    make_long_key(f, s.t, 52, JET_bitNewKey);
    OK(JetSetIndexRange(f->ses, s.t, JET_bitRangeUpperLimit | JET_bitRangeInstantDuration));
    OK(JetMove(f->ses, s.t, 5, 0));
    assert_int_equal(id_here(f, &s), 55);
    make_long_key(f, s.t, 58, JET_bitNewKey);
    OK(JetSetIndexRange(f->ses, s.t, JET_bitRangeUpperLimit));
    OK(JetSetIndexRange(f->ses, s.t, JET_bitRangeRemove));
    OK(JetMove(f->ses, s.t, 10, 0));
    assert_int_equal(id_here(f, &s), 65);
    IS(JET_errInvalidGrbit, JetSetIndexRange(f->ses, s.t, 0x100));
    IS(JET_errKeyNotMade, JetSetIndexRange(f->ses, s.t, 0));
    /* JetSeek makes one of all that is equal */
    OK(JetSetCurrentIndex(f->ses, s.t, "many"));
    make_long_key(f, s.t, 1010, JET_bitNewKey);
    OK(JetSeek(f->ses, s.t, JET_bitSeekEQ | JET_bitSetIndexRange));
    OK(JetIndexRecordCount(f->ses, s.t, &nr, 0));
    assert_int_equal(nr, 2);
}

static void values_of_a_column_are_entries_of_their_own(void **state)
{
    struct fix *f = *state;
    struct set s;
    uint32_t nr, len;
    int32_t got;
    JET_RETINFO ri = {.cbStruct = sizeof(ri), .itagSequence = 1};

    fill(f, &s);
    OK(JetSetCurrentIndex(f->ses, s.t, "many"));
    OK(JetIndexRecordCount(f->ses, s.t, &nr, 0));
    assert_int_equal(nr, 2 * NR);
    seek(f, &s, JET_bitSeekEQ, JET_errSuccess, 1010, 20);
    OK(JetMove(f->ses, s.t, JET_MoveNext, 0));
    assert_int_equal(id_here(f, &s), 21);
    OK(JetRetrieveColumn(f->ses, s.t, s.many, &got, 4, &len, JET_bitRetrieveTag, &ri));
    assert_int_equal(got, 1010);
    assert_int_equal(ri.itagSequence, 2);
    /* with keys that differ */
    seek(f, &s, JET_bitSeekEQ, JET_errSuccess, 1010, 20);
    OK(JetMove(f->ses, s.t, JET_MoveNext, JET_bitMoveKeyNE));
    assert_int_equal(id_here(f, &s), 22);
    OK(JetMove(f->ses, s.t, JET_MovePrevious, JET_bitMoveKeyNE));
    assert_int_equal(id_here(f, &s), 21);
    /* the order changes, the record stays */
    OK(JetSetCurrentIndex2(f->ses, s.t, NULL, JET_bitNoMove));
    assert_int_equal(id_here(f, &s), 21);
    OK(JetSetCurrentIndex3(f->ses, s.t, "many", JET_bitNoMove, 2));
    assert_int_equal(id_here(f, &s), 21);
    OK(JetMove(f->ses, s.t, JET_MoveNext, 0));
    assert_int_equal(id_here(f, &s), 22);
    /* a record changes, its entries with it */
    begin(f);
    OK(JetPrepareUpdate(f->ses, s.t, JET_prepReplace));
    ri.itagSequence = 2;
    got = 5555;
    OK(JetSetColumn(f->ses, s.t, s.many, &got, 4, 0,
                    &(JET_SETINFO){.cbStruct = sizeof(JET_SETINFO), .itagSequence = 2}));
    OK(JetUpdate(f->ses, s.t, NULL, 0, NULL));
    seek(f, &s, JET_bitSeekEQ, JET_errSuccess, 5555, 22);
    seek(f, &s, JET_bitSeekEQ, JET_errSuccess, 1011, 23);
    rollback(f);
    seek(f, &s, JET_bitSeekEQ, JET_errRecordNotFound, 5555, 0);
    seek(f, &s, JET_bitSeekEQ, JET_errSuccess, 1011, 22);
}

static void nulls_are_in_an_index_or_not(void **state)
{
    struct fix *f = *state;
    struct set s;
    uint32_t nr;

    fill(f, &s);
    OK(JetSetCurrentIndex(f->ses, s.t, "opt"));
    OK(JetIndexRecordCount(f->ses, s.t, &nr, 0));
    assert_int_equal(nr, NR / 2);
    OK(JetSetCurrentIndex(f->ses, s.t, "optall"));
    OK(JetIndexRecordCount(f->ses, s.t, &nr, 0));
    assert_int_equal(nr, NR);
    OK(JetMakeKey(f->ses, s.t, NULL, 0, JET_bitNewKey));
    OK(JetSeek(f->ses, s.t, JET_bitSeekEQ | JET_bitSetIndexRange));
    OK(JetIndexRecordCount(f->ses, s.t, &nr, 0));
    assert_int_equal(nr, NR / 2);
    /* the record is not in the order that is asked for */
    OK(JetSetCurrentIndex(f->ses, s.t, NULL));
    seek(f, &s, JET_bitSeekEQ, JET_errSuccess, 51, 51);
    IS(JET_errNoCurrentRecord, JetSetCurrentIndex2(f->ses, s.t, "opt", JET_bitNoMove));
    assert_int_equal(id_here(f, &s), 51);
}

static void moves_by_many_and_to_the_ends(void **state)
{
    struct fix *f = *state;
    struct set s;

    fill(f, &s);
    OK(JetMove(f->ses, s.t, JET_MoveFirst, 0));
    OK(JetMove(f->ses, s.t, 100, 0));
    assert_int_equal(id_here(f, &s), 100);
    OK(JetMove(f->ses, s.t, -50, 0));
    assert_int_equal(id_here(f, &s), 50);
    OK(JetMove(f->ses, s.t, 0, 0));
    IS(JET_errNoCurrentRecord, JetMove(f->ses, s.t, 1000, 0));
    IS(JET_errNoCurrentRecord, JetMove(f->ses, s.t, 0, 0));
    OK(JetMove(f->ses, s.t, JET_MovePrevious, 0));
    assert_int_equal(id_here(f, &s), NR - 1);
    IS(JET_errNoCurrentRecord, JetMove(f->ses, s.t, -1000, 0));
    OK(JetMove(f->ses, s.t, JET_MoveNext, 0));
    assert_int_equal(id_here(f, &s), 0);
    OK(JetMove(f->ses, s.t, JET_MoveLast, 0));
    assert_int_equal(id_here(f, &s), NR - 1);
    IS(JET_errInvalidGrbit, JetMove(f->ses, s.t, 1, 0x10));
    OK(JetSetCurrentIndex2(f->ses, s.t, "txt", JET_bitMoveBeforeFirst));
    IS(JET_errNoCurrentRecord, JetMove(f->ses, s.t, 0, 0));
    OK(JetMove(f->ses, s.t, JET_MoveNext, 0));
    assert_int_equal(id_here(f, &s), 0);
}

static void bookmarks_lead_back(void **state)
{
    struct fix *f = *state;
    struct set s;
    uint8_t bm[64], key[300], pbm[64];
    uint32_t len, key_len, pbm_len;

    fill(f, &s);
    seek(f, &s, JET_bitSeekEQ, JET_errSuccess, 42, 42);
    OK(JetGetBookmark(f->ses, s.t, bm, sizeof(bm), &len));
    IS(JET_errBufferTooSmall, JetGetBookmark(f->ses, s.t, bm, 1, &len));
    assert_true(len > 1);
    OK(JetGetBookmark(f->ses, s.t, bm, sizeof(bm), &len));
    OK(JetMove(f->ses, s.t, JET_MoveFirst, 0));
    OK(JetGotoBookmark(f->ses, s.t, bm, len));
    assert_int_equal(id_here(f, &s), 42);
    OK(JetSetCurrentIndex(f->ses, s.t, "txt"));
    OK(JetGotoBookmark(f->ses, s.t, bm, len));
    assert_int_equal(id_here(f, &s), 42);
    OK(JetMove(f->ses, s.t, JET_MoveNext, 0));
    assert_int_equal(id_here(f, &s), 43);
    OK(JetGetSecondaryIndexBookmark(f->ses, s.t, key, sizeof(key), &key_len, pbm, sizeof(pbm),
                                    &pbm_len, 0));
    IS(JET_errBufferTooSmall,
       JetGetSecondaryIndexBookmark(f->ses, s.t, key, 2, &key_len, pbm, sizeof(pbm), &pbm_len, 0));
    OK(JetGetSecondaryIndexBookmark(f->ses, s.t, key, sizeof(key), &key_len, pbm, sizeof(pbm),
                                    &pbm_len, 0));
    OK(JetMove(f->ses, s.t, JET_MoveFirst, 0));
    OK(JetGotoSecondaryIndexBookmark(f->ses, s.t, key, key_len, pbm, pbm_len, 0));
    assert_int_equal(id_here(f, &s), 43);
    /* of a record that is gone */
    begin(f);
    OK(JetSetCurrentIndex(f->ses, s.t, NULL));
    OK(JetGotoBookmark(f->ses, s.t, bm, len));
    OK(JetDelete(f->ses, s.t));
    IS(JET_errRecordDeleted, JetGotoBookmark(f->ses, s.t, bm, len));
    OK(JetMove(f->ses, s.t, JET_MoveNext, 0));
    assert_int_equal(id_here(f, &s), 43);
    IS(JET_errNoCurrentIndex, JetGetSecondaryIndexBookmark(f->ses, s.t, key, sizeof(key), &key_len,
                                                           pbm, sizeof(pbm), &pbm_len, 0));
    IS(JET_errInvalidBookmark, JetGotoBookmark(f->ses, s.t, bm, 0));
    IS(JET_errInvalidBookmark, JetGotoBookmark(f->ses, s.t, NULL, 4));
    rollback(f);
}

static void keys_are_given_and_taken(void **state)
{
    struct fix *f = *state;
    struct set s;
    uint8_t key[300], made[300];
    uint32_t len, made_len;

    fill(f, &s);
    OK(JetSetCurrentIndex(f->ses, s.t, "grp"));
    make_long_key(f, s.t, 5, JET_bitNewKey | JET_bitFullColumnStartLimit);
    OK(JetRetrieveKey(f->ses, s.t, made, sizeof(made), &made_len, JET_bitRetrieveCopy));
    assert_int_equal(made_len, 5);
    IS(JET_wrnSeekNotEqual, JetSeek(f->ses, s.t, JET_bitSeekGE));
    OK(JetRetrieveKey(f->ses, s.t, key, sizeof(key), &len, 0));
    assert_int_equal(len, 10);
    assert_memory_equal(key, made, 5);
    IS(JET_wrnBufferTruncated, JetRetrieveKey(f->ses, s.t, key, 3, &len, 0));
    assert_int_equal(len, 10);
    OK(JetRetrieveKey(f->ses, s.t, key, sizeof(key), &len, 0));
    OK(JetMove(f->ses, s.t, JET_MoveFirst, 0));
    OK(JetMakeKey(f->ses, s.t, key, len, JET_bitNormalizedKey));
    OK(JetSeek(f->ses, s.t, JET_bitSeekEQ));
    assert_int_equal(id_here(f, &s), 59);
    IS(JET_errKeyNotMade, JetRetrieveKey(f->ses, s.t, key, sizeof(key), &len, JET_bitRetrieveCopy));
}

static void positions_are_fractions_of_the_way(void **state)
{
    struct fix *f = *state;
    struct set s;
    JET_RECPOS p;
    double at;

    fill(f, &s);
    for (int32_t id = 0; id < NR; id += 13) {
        seek(f, &s, JET_bitSeekEQ, JET_errSuccess, id, id);
        OK(JetGetRecordPosition(f->ses, s.t, &p, sizeof(p)));
        assert_true(p.centriesTotal > 0 && p.centriesLT <= p.centriesTotal);
        at = (double)p.centriesLT / p.centriesTotal * NR;
        assert_true(at > id - 100 && at < id + 100); /* a page more or less */
        OK(JetGotoPosition(f->ses, s.t, &p));
        assert_in_range(id_here(f, &s) + 100, id + 98, id + 102);
    }
    p = (JET_RECPOS){
        .cbStruct = sizeof(p), .centriesLT = 0, .centriesInRange = 1, .centriesTotal = 10};
    OK(JetGotoPosition(f->ses, s.t, &p));
    assert_in_range(id_here(f, &s), 0, 25);
    p.centriesLT = 11;
    IS(JET_errInvalidParameter, JetGotoPosition(f->ses, s.t, &p));
    IS(JET_errInvalidParameter, JetGetRecordPosition(f->ses, s.t, &p, 4));
}

static void counts_are_of_the_current_order(void **state)
{
    struct fix *f = *state;
    struct set s;
    uint64_t nr;

    fill(f, &s);
    OK(JetMove(f->ses, s.t, JET_MoveFirst, 0));
    OK(JetIndexRecordCount2(f->ses, s.t, &nr, 0));
    assert_int_equal(nr, NR);
    OK(JetMove(f->ses, s.t, 150, 0));
    OK(JetIndexRecordCount2(f->ses, s.t, &nr, 0));
    assert_int_equal(nr, NR - 150);
    assert_int_equal(id_here(f, &s), 150);
    IS(JET_errNoCurrentRecord, JetMove(f->ses, s.t, 1000, 0));
    IS(JET_errNoCurrentRecord, JetIndexRecordCount2(f->ses, s.t, &nr, 0));
}

static void conditions_and_tuples(void **state)
{
    struct fix *f = *state;
    JET_TABLEID t = new_table(f, "c");
    JET_COLUMNID id = add(f, t, "id", JET_coltypLong, 0),
                 flag = add(f, t, "flag", JET_coltypLong, 0),
                 txt = add(f, t, "txt", JET_coltypText, 0);
    JET_CONDITIONALCOLUMN_A cond = {.cbStruct = sizeof(cond),
                                    .szColumnName = S("flag"),
                                    .grbit = JET_bitIndexColumnMustBeNonNull};
    JET_TUPLELIMITS limits = {
        .chLengthMin = 3, .chLengthMax = 5, .chToIndexMax = 1000, .cchIncrement = 1, .ichStart = 0};
    JET_INDEXCREATE_A ix[2] = {{.cbStruct = sizeof(*ix),
                                .szIndexName = S("cond"),
                                .szKey = S("+id\0"),
                                .cbKey = 5,
                                .ulDensity = 80,
                                .rgconditionalcolumn = &cond,
                                .cConditionalColumn = 1},
                               {.cbStruct = sizeof(*ix),
                                .szIndexName = S("tuple"),
                                .szKey = S("+txt\0"),
                                .cbKey = 6,
                                .ulDensity = 80,
                                .grbit = JET_bitIndexTuples | JET_bitIndexTupleLimits,
                                .ptuplelimits = &limits}};
    uint32_t nr;

    OK(JetCreateIndex2(f->ses, t, ix, 2));
    begin(f);
    for (int i = 0; i < 20; i++) {
        OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
        set_long(f, t, id, i);
        if (i % 4 == 0)
            set_long(f, t, flag, 1);
        OK(JetSetColumn(f->ses, t, txt, i % 2 ? u"hello world" : u"something", i % 2 ? 22 : 18, 0,
                        NULL));
        OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    }
    commit(f);
    OK(JetSetCurrentIndex(f->ses, t, "cond"));
    OK(JetIndexRecordCount(f->ses, t, &nr, 0));
    assert_int_equal(nr, 5);
    OK(JetSetCurrentIndex(f->ses, t, "tuple"));
    OK(JetMakeKey(f->ses, t, u"WOR", 6, JET_bitNewKey | JET_bitPartialColumnStartLimit));
    IS(JET_wrnSeekNotEqual, JetSeek(f->ses, t, JET_bitSeekGE));
    assert_int_equal(get_long(f, t, id) % 2, 1);
    IS(JET_errIndexTuplesKeyTooSmall, JetMakeKey(f->ses, t, u"WO", 4, JET_bitNewKey));
    /* conditions hold and do not any more */
    begin(f);
    OK(JetSetCurrentIndex(f->ses, t, "cond"));
    OK(JetPrepareUpdate(f->ses, t, JET_prepReplace));
    OK(JetSetColumn(f->ses, t, flag, NULL, 0, 0, NULL));
    OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    OK(JetMove(f->ses, t, JET_MoveFirst, 0));
    OK(JetIndexRecordCount(f->ses, t, &nr, 0));
    assert_int_equal(nr, 4);
    commit(f);
}

/* Rows change and go while the cursor walks along the very index that changes. */
static void a_walk_goes_on_while_rows_change(void **state)
{
    struct fix *f = *state;
    struct set s;
    uint32_t nr = 0;
    int32_t id;

    fill(f, &s);
    begin(f);
    OK(JetSetCurrentIndex(f->ses, s.t, "grp"));
    for (JET_ERR err = 0; err >= 0; err = JetMove(f->ses, s.t, JET_MoveNext, 0)) {
        id = id_here(f, &s);
        nr++;
        if (id % 3 == 0) {
            OK(JetDelete(f->ses, s.t));
            IS(JET_errRecordDeleted, JetRetrieveColumn(f->ses, s.t, s.id, &id, 4, NULL, 0, NULL));
        } else if (id % 3 ==
                   1) { /* its entry goes far behind or in front, where the walk has been */
            OK(JetPrepareUpdate(f->ses, s.t, JET_prepReplace));
            set_long(f, s.t, s.grp, id % 2 ? -id : id / 10);
            OK(JetUpdate(f->ses, s.t, NULL, 0, NULL));
            assert_int_equal(id_here(f, &s), id);
            if (id % 7 == 0)
                OK(JetDelete(f->ses, s.t));
        }
    }
    assert_int_equal(nr, NR);
    commit(f);
    OK(JetMove(f->ses, s.t, JET_MoveFirst, 0));
    OK(JetIndexRecordCount(f->ses, s.t, &nr, 0));
    for (id = 0; id < NR; id++)
        nr += id % 3 == 0 || (id % 3 == 1 && id % 7 == 0);
    assert_int_equal(nr, NR);
}

static void indexes_refuse_what_they_must(void **state)
{
    struct fix *f = *state;
    JET_TABLEID t = new_table(f, "strict");
    JET_COLUMNID a = add(f, t, "a", JET_coltypLong, 0), b = add(f, t, "b", JET_coltypLongBinary, 0),
                 m = add(f, t, "m", JET_coltypLong, JET_bitColumnTagged | JET_bitColumnMultiValued),
                 n = add(f, t, "n", JET_coltypLong, JET_bitColumnTagged | JET_bitColumnMultiValued);
    const JET_SETINFO another = {.cbStruct = sizeof(another)};
    JET_SETINFO si = another;
    int32_t v = 7;
    uint32_t nr;
    static const uint8_t big[600];

    INDEX(f, t, "nonull", JET_bitIndexDisallowNull, "+a\0");
    INDEX(f, t, "whole", JET_bitIndexDisallowTruncation, "+b\0");
    INDEX(f, t, "one", JET_bitIndexUnique | JET_bitIndexIgnoreNull, "+m\0");
    INDEX(f, t, "cross", JET_bitIndexCrossProduct, "+m\0+n\0");
    begin(f);
    OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
    IS(JET_errNullKeyDisallowed, JetUpdate(f->ses, t, NULL, 0, NULL));
    set_long(f, t, a, 1);
    OK(JetSetColumn(f->ses, t, b, big, 600, 0, NULL));
    IS(JET_errKeyTruncated, JetUpdate(f->ses, t, NULL, 0, NULL));
    OK(JetSetColumn(f->ses, t, b, big, 100, 0, NULL));
    for (int i = 0; i < 3; i++) {
        v = 7 + i;
        OK(JetSetColumn(f->ses, t, m, &v, 4, 0, &si));
        si = another;
        OK(JetSetColumn(f->ses, t, n, &v, 4, 0, &si));
        si = another;
    }
    v = 7;
    OK(JetSetColumn(f->ses, t, m, &v, 4, 0, &si));
    IS(JET_errMultiValuedIndexViolation, JetUpdate(f->ses, t, NULL, 0, NULL));
    si.itagSequence = 4;
    OK(JetSetColumn(f->ses, t, m, NULL, 0, 0, &si));
    OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    OK(JetSetCurrentIndex(f->ses, t, "cross"));
    OK(JetIndexRecordCount(f->ses, t, &nr, 0));
    assert_int_equal(nr, 9); /* each with each */
    OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
    set_long(f, t, a, 2);
    si = another;
    v = 8;
    OK(JetSetColumn(f->ses, t, m, &v, 4, 0, &si));
    IS(JET_errKeyDuplicate, JetUpdate(f->ses, t, NULL, 0, NULL));
    OK(JetPrepareUpdate(f->ses, t, JET_prepCancel));
    commit(f);
}

static void a_table_without_index_keeps_the_order_of_insertion(void **state)
{
    struct fix *f = *state;
    JET_TABLEID t = new_table(f, "heap");
    JET_COLUMNID id = add(f, t, "id", JET_coltypLong, 0);
    char name[8] = "x";
    uint8_t bm[8];
    uint32_t len;

    begin(f);
    for (int i = 0; i < 500; i++) {
        OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
        set_long(f, t, id, i * 31 % 500);
        OK(JetUpdate(f->ses, t, bm, sizeof(bm), &len));
        assert_int_equal(len, 4);
    }
    commit(f);
    OK(JetMove(f->ses, t, JET_MoveFirst, 0));
    for (int i = 0; i < 500; i++) {
        assert_int_equal(get_long(f, t, id), i * 31 % 500);
        (void)JetMove(f->ses, t, JET_MoveNext, 0);
    }
    OK(JetGetCurrentIndex(f->ses, t, name, sizeof(name)));
    assert_string_equal(name, "");
    IS(JET_errNoCurrentIndex, JetMakeKey(f->ses, t, "abcd", 4, JET_bitNewKey));
    IS(JET_errNoCurrentIndex, JetSeek(f->ses, t, JET_bitSeekEQ));
    OK(JetGotoBookmark(f->ses, t, bm, len));
    assert_int_equal(get_long(f, t, id), 499 * 31 % 500);
}

static void keys_can_be_read_ahead(void **state)
{
    struct fix *f = *state;
    struct set s;
    uint8_t k[3][300];
    uint32_t lens[3];
    const void *keys[3] = {k[0], k[1], k[2]};
    int32_t nr = 0;

    fill(f, &s);
    for (int i = 0; i < 3; i++) {
        make_long_key(f, s.t, i * 60, JET_bitNewKey);
        OK(JetRetrieveKey(f->ses, s.t, k[i], sizeof(k[i]), &lens[i], JET_bitRetrieveCopy));
    }
    OK(JetPrereadKeys(f->ses, s.t, keys, lens, 3, &nr, JET_bitPrereadForward));
    assert_int_equal(nr, 3);
    IS(JET_errInvalidPreread,
       JetPrereadKeys(f->ses, s.t, keys, lens, 3, &nr, JET_bitPrereadBackward));
    IS(JET_errInvalidGrbit, JetPrereadKeys(f->ses, s.t, keys, lens, 3, &nr, 0));
    IS(JET_errInvalidParameter,
       JetPrereadKeys(f->ses, s.t, keys, lens, 0, &nr, JET_bitPrereadForward));
    IS(JET_errInvalidParameter,
       JetPrereadKeys(f->ses, s.t, NULL, lens, 3, &nr, JET_bitPrereadForward));
}

static void cursors_have_places_of_their_own(void **state)
{
    struct fix *f = *state;
    struct set s, d;
    JET_LS ls;

    fill(f, &s);
    seek(f, &s, JET_bitSeekEQ, JET_errSuccess, 42, 42);
    d = s;
    OK(JetDupCursor(f->ses, s.t, &d.t, 0));
    assert_int_equal(id_here(f, &d), 0);
    OK(JetMove(f->ses, d.t, 10, 0));
    assert_int_equal(id_here(f, &d), 10);
    assert_int_equal(id_here(f, &s), 42);
    IS(JET_errLSNotSet, JetGetLS(f->ses, s.t, &ls, 0));
    OK(JetSetLS(f->ses, s.t, 77, JET_bitLSCursor));
    IS(JET_errLSAlreadySet, JetSetLS(f->ses, s.t, 78, 0));
    OK(JetGetLS(f->ses, s.t, &ls, 0));
    assert_int_equal(ls, 77);
    IS(JET_errLSNotSet, JetGetLS(f->ses, d.t, &ls, 0));
    OK(JetGetLS(f->ses, s.t, &ls, JET_bitLSReset));
    IS(JET_errLSNotSet, JetGetLS(f->ses, s.t, &ls, 0));
    OK(JetCloseTable(f->ses, s.t));
    assert_int_equal(id_here(f, &d), 10);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        T(seeks_find_equal_and_neighbours),
        T(a_descending_index_goes_down),
        T(an_index_of_two_columns_sorts_by_both),
        T(text_is_found_whatever_its_case),
        T(bytes_with_limits),
        T(ranges_end_moves_both_ways),
        T(values_of_a_column_are_entries_of_their_own),
        T(nulls_are_in_an_index_or_not),
        T(moves_by_many_and_to_the_ends),
        T(bookmarks_lead_back),
        T(keys_are_given_and_taken),
        T(positions_are_fractions_of_the_way),
        T(counts_are_of_the_current_order),
        T(conditions_and_tuples),
        T(a_walk_goes_on_while_rows_change),
        T(indexes_refuse_what_they_must),
        T(a_table_without_index_keeps_the_order_of_insertion),
        T(keys_can_be_read_ahead),
        T(cursors_have_places_of_their_own),
    };
    choose_format(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
