/* Who sees what, who may change what, what a rollback leaves. */
#include "apitest.h"

struct two { /* sessions with a cursor each on one table */
    JET_SESID b;
    JET_DBID dbid_b;
    JET_TABLEID ta, tb;
    JET_COLUMNID id, v, txt;
};

static void open_two(struct fix *f, struct two *w)
{
    JET_TABLEID t = new_table(f, "t");

    w->id = add(f, t, "id", JET_coltypLong, 0);
    w->v = add(f, t, "v", JET_coltypLong, 0);
    w->txt = add(f, t, "txt", JET_coltypLongText, 0);
    INDEX(f, t, "pk", JET_bitIndexPrimary, "+id\0");
    INDEX(f, t, "v", 0, "+v\0");
    begin(f);
    for (int i = 0; i < 50; i++) {
        OK(JetPrepareUpdate(f->ses, t, JET_prepInsert));
        set_long(f, t, w->id, i);
        set_long(f, t, w->v, i);
        OK(JetUpdate(f->ses, t, NULL, 0, NULL));
    }
    commit(f);
    OK(JetCloseTable(f->ses, t));
    OK(JetBeginSession(f->inst, &w->b, NULL, NULL));
    OK(JetOpenDatabase(w->b, f->db, NULL, &w->dbid_b, 0));
    OK(JetOpenTable(f->ses, f->dbid, "t", NULL, 0, 0, &w->ta));
    OK(JetOpenTable(w->b, w->dbid_b, "t", NULL, 0, 0, &w->tb));
}

static void go(JET_SESID s, JET_TABLEID t, int32_t id)
{
    OK(JetMakeKey(s, t, &id, 4, JET_bitNewKey));
    OK(JetSeek(s, t, JET_bitSeekEQ));
}

static JET_ERR find(JET_SESID s, JET_TABLEID t, int32_t id)
{
    OK(JetMakeKey(s, t, &id, 4, JET_bitNewKey));
    return JetSeek(s, t, JET_bitSeekEQ);
}

static int32_t value(const struct two *w, JET_SESID s, JET_TABLEID t)
{
    int32_t v = -1;
    uint32_t len;

    OK(JetRetrieveColumn(s, t, w->v, &v, 4, &len, 0, NULL));
    return v;
}

static void change(const struct two *w, JET_SESID s, JET_TABLEID t, int32_t v)
{
    OK(JetPrepareUpdate(s, t, JET_prepReplace));
    OK(JetSetColumn(s, t, w->v, &v, 4, 0, NULL));
    OK(JetUpdate(s, t, NULL, 0, NULL));
}

static JET_ERR insert(const struct two *w, JET_SESID s, JET_TABLEID t, int32_t id, int32_t v)
{
    JET_ERR err;

    OK(JetPrepareUpdate(s, t, JET_prepInsert));
    OK(JetSetColumn(s, t, w->id, &id, 4, 0, NULL));
    OK(JetSetColumn(s, t, w->v, &v, 4, 0, NULL));
    err = JetUpdate(s, t, NULL, 0, NULL);
    if (err < 0)
        OK(JetPrepareUpdate(s, t, JET_prepCancel));
    return err;
}

static void a_transaction_sees_what_was_when_it_began(void **state)
{
    struct fix *f = *state;
    struct two w;
    uint32_t nr;

    open_two(f, &w);
    OK(JetBeginTransaction(w.b));
    begin(f);
    go(f->ses, w.ta, 7);
    change(&w, f->ses, w.ta, 700);
    go(f->ses, w.ta, 8);
    OK(JetDelete(f->ses, w.ta));
    OK(insert(&w, f->ses, w.ta, 100, 1));
    commit(f);
    /* the other one began before */
    go(w.b, w.tb, 7);
    assert_int_equal(value(&w, w.b, w.tb), 7);
    go(w.b, w.tb, 8);
    IS(JET_errRecordNotFound, find(w.b, w.tb, 100));
    OK(JetMove(w.b, w.tb, JET_MoveFirst, 0));
    OK(JetIndexRecordCount(w.b, w.tb, &nr, 0));
    assert_int_equal(nr, 50);
    OK(JetSetCurrentIndex(w.b, w.tb, "v"));
    IS(JET_errRecordNotFound, find(w.b, w.tb, 700));
    go(w.b, w.tb, 7);
    OK(JetSetCurrentIndex(w.b, w.tb, NULL));
    OK(JetCommitTransaction(w.b, 0));
    go(w.b, w.tb, 7);
    assert_int_equal(value(&w, w.b, w.tb), 700);
    IS(JET_errRecordNotFound, find(w.b, w.tb, 8));
    go(w.b, w.tb, 100);
    OK(JetMove(w.b, w.tb, JET_MoveFirst, 0));
    OK(JetIndexRecordCount(w.b, w.tb, &nr, 0));
    assert_int_equal(nr, 50);
}

static void one_of_two_writers_gets_a_conflict(void **state)
{
    struct fix *f = *state;
    struct two w;

    open_two(f, &w);
    begin(f);
    OK(JetBeginTransaction(w.b));
    go(f->ses, w.ta, 7);
    go(w.b, w.tb, 7);
    change(&w, f->ses, w.ta, 1);
    IS(JET_errWriteConflict, JetPrepareUpdate(w.b, w.tb, JET_prepReplace));
    IS(JET_errWriteConflict, JetDelete(w.b, w.tb));
    IS(JET_errWriteConflict, JetGetLock(w.b, w.tb, JET_bitWriteLock));
    IS(JET_errWriteConflict, JetGetLock(w.b, w.tb, JET_bitReadLock));
    IS(JET_errWriteConflict, JetGetCursorInfo(w.b, w.tb, NULL, 0, 0));
    commit(f);
    /* also after it has committed, since that was later than this one's beginning */
    IS(JET_errWriteConflict, JetPrepareUpdate(w.b, w.tb, JET_prepReplace));
    OK(JetRollback(w.b, 0));
    OK(JetBeginTransaction(w.b));
    OK(JetGetCursorInfo(w.b, w.tb, NULL, 0, 0));
    change(&w, w.b, w.tb, 2);
    OK(JetCommitTransaction(w.b, 0));
    assert_int_equal(value(&w, f->ses, w.ta), 2);
}

static void equal_keys_are_refused(void **state)
{
    struct fix *f = *state;
    struct two w;

    open_two(f, &w);
    begin(f);
    IS(JET_errKeyDuplicate, insert(&w, f->ses, w.ta, 7, 1));
    OK(insert(&w, f->ses, w.ta, 200, 1));
    IS(JET_errKeyDuplicate, insert(&w, f->ses, w.ta, 200, 1));
    /* somebody else's that is not committed */
    OK(JetBeginTransaction(w.b));
    IS(JET_errKeyDuplicate, insert(&w, w.b, w.tb, 200, 1));
    rollback(f);
    OK(insert(&w, w.b, w.tb, 200, 1));
    OK(JetCommitTransaction(w.b, 0));
    /* deleted, and inserted again in the same transaction */
    begin(f);
    go(f->ses, w.ta, 200);
    OK(JetDelete(f->ses, w.ta));
    OK(insert(&w, f->ses, w.ta, 200, 5));
    go(f->ses, w.ta, 200);
    assert_int_equal(value(&w, f->ses, w.ta), 5);
    rollback(f);
    go(f->ses, w.ta, 200);
    assert_int_equal(value(&w, f->ses, w.ta), 1);
    /* a unique secondary index */
    OK(JetCloseTable(f->ses, w.ta));
    OK(JetOpenTable(f->ses, f->dbid, "t", NULL, 0, 0, &w.ta));
    begin(f);
    IS(JET_errKeyDuplicate, JetCreateIndex(f->ses, w.ta, "uv", JET_bitIndexUnique, "+v\0", 4, 80));
    go(f->ses, w.ta, 200);
    OK(JetDelete(f->ses, w.ta));
    OK(JetCreateIndex(f->ses, w.ta, "uv", JET_bitIndexUnique, "+v\0", 4, 80));
    IS(JET_errKeyDuplicate, insert(&w, f->ses, w.ta, 300, 7));
    OK(insert(&w, f->ses, w.ta, 300, 70));
    commit(f);
    IS(JET_errKeyDuplicate, insert(&w, f->ses, w.ta, 301, 70));
}

static void levels_are_undone_one_by_one(void **state)
{
    struct fix *f = *state;
    struct two w;

    open_two(f, &w);
    begin(f);
    go(f->ses, w.ta, 1);
    change(&w, f->ses, w.ta, 10);
    begin(f);
    change(&w, f->ses, w.ta, 20);
    begin(f);
    change(&w, f->ses, w.ta, 30);
    OK(insert(&w, f->ses, w.ta, 500, 0));
    commit(f);
    assert_int_equal(value(&w, f->ses, w.ta), 30);
    rollback(f);
    go(f->ses, w.ta, 1);
    assert_int_equal(value(&w, f->ses, w.ta), 10);
    IS(JET_errRecordNotFound, find(f->ses, w.ta, 500));
    commit(f);
    go(f->ses, w.ta, 1);
    assert_int_equal(value(&w, f->ses, w.ta), 10);
    for (int i = 0; i < 7; i++)
        begin(f);
    IS(JET_errTransTooDeep, JetBeginTransaction(f->ses));
    go(f->ses, w.ta, 2);
    change(&w, f->ses, w.ta, 77);
    OK(JetRollback(f->ses, JET_bitRollbackAll));
    IS(JET_errNotInTransaction, JetRollback(f->ses, 0));
    IS(JET_errNotInTransaction, JetCommitTransaction(f->ses, 0));
    go(f->ses, w.ta, 2);
    assert_int_equal(value(&w, f->ses, w.ta), 2);
}

static void each_change_alone_is_a_transaction(void **state)
{
    struct fix *f = *state;
    struct two w;

    open_two(f, &w);
    OK(insert(&w, f->ses, w.ta, 60, 6));
    go(w.b, w.tb, 60);
    assert_int_equal(value(&w, w.b, w.tb), 6);
    go(f->ses, w.ta, 60);
    change(&w, f->ses, w.ta, 66);
    assert_int_equal(value(&w, w.b, w.tb), 66);
    OK(JetDelete(f->ses, w.ta));
    IS(JET_errRecordDeleted, JetMove(w.b, w.tb, 0, 0));
    IS(JET_errRecordDeleted, JetRetrieveColumn(w.b, w.tb, w.v, NULL, 0, NULL, 0, NULL));
    IS(JET_errRecordDeleted, JetPrepareUpdate(w.b, w.tb, JET_prepReplace));
    IS(JET_errRecordDeleted, JetDelete(w.b, w.tb));
}

static void without_lock_the_first_to_update_wins(void **state)
{
    struct fix *f = *state;
    struct two w;
    int32_t v = 1;

    open_two(f, &w);
    begin(f);
    go(f->ses, w.ta, 3);
    OK(JetPrepareUpdate(f->ses, w.ta, JET_prepReplaceNoLock));
    OK(JetSetColumn(f->ses, w.ta, w.v, &v, 4, 0, NULL));
    OK(JetBeginTransaction(w.b));
    go(w.b, w.tb, 3);
    change(&w, w.b, w.tb, 2);
    OK(JetCommitTransaction(w.b, 0));
    IS(JET_errWriteConflict, JetUpdate(f->ses, w.ta, NULL, 0, NULL));
    OK(JetPrepareUpdate(f->ses, w.ta, JET_prepCancel));
    rollback(f);
    /* at level 0 every replace is one without lock */
    OK(JetPrepareUpdate(f->ses, w.ta, JET_prepReplace));
    OK(JetSetColumn(f->ses, w.ta, w.v, &v, 4, 0, NULL));
    change(&w, w.b, w.tb, 5);
    IS(JET_errWriteConflict, JetUpdate(f->ses, w.ta, NULL, 0, NULL));
    OK(JetPrepareUpdate(f->ses, w.ta, JET_prepCancel));
    OK(JetPrepareUpdate(f->ses, w.ta, JET_prepReplaceNoLock));
    OK(JetSetColumn(f->ses, w.ta, w.v, &v, 4, 0, NULL));
    OK(JetUpdate(f->ses, w.ta, NULL, 0, NULL));
    assert_int_equal(value(&w, w.b, w.tb), 1);
}

static void two_cursors_of_a_session_do_not_lose_an_update(void **state)
{
    struct fix *f = *state;
    struct two w;
    JET_TABLEID t2;
    int32_t v = 1;

    open_two(f, &w);
    OK(JetDupCursor(f->ses, w.ta, &t2, 0));
    begin(f);
    go(f->ses, w.ta, 3);
    go(f->ses, t2, 3);
    OK(JetPrepareUpdate(f->ses, w.ta, JET_prepReplace));
    change(&w, f->ses, t2, 99);
    OK(JetSetColumn(f->ses, w.ta, w.v, &v, 4, 0, NULL));
    IS(JET_errWriteConflict, JetUpdate(f->ses, w.ta, NULL, 0, NULL));
    OK(JetPrepareUpdate(f->ses, w.ta, JET_prepCancel));
    commit(f);
}

static void the_copy_is_not_the_record(void **state)
{
    struct fix *f = *state;
    struct two w;
    int32_t v = 1, got;
    uint32_t len;

    open_two(f, &w);
    begin(f);
    go(f->ses, w.ta, 3);
    OK(JetPrepareUpdate(f->ses, w.ta, JET_prepReplace));
    OK(JetSetColumn(f->ses, w.ta, w.v, &v, 4, 0, NULL));
    assert_int_equal(value(&w, f->ses, w.ta), 3);
    OK(JetRetrieveColumn(f->ses, w.ta, w.v, &got, 4, &len, JET_bitRetrieveCopy, NULL));
    assert_int_equal(got, 1);
    IS(JET_errAlreadyPrepared, JetPrepareUpdate(f->ses, w.ta, JET_prepInsert));
    IS(JET_errAlreadyPrepared, JetDelete(f->ses, w.ta));
    OK(JetPrepareUpdate(f->ses, w.ta, JET_prepCancel));
    /* one to read only */
    OK(JetPrepareUpdate(f->ses, w.ta, JET_prepReadOnlyCopy));
    OK(JetRetrieveColumn(f->ses, w.ta, w.v, &got, 4, &len, JET_bitRetrieveCopy, NULL));
    assert_int_equal(got, 3);
    IS(JET_errUpdateNotPrepared, JetSetColumn(f->ses, w.ta, w.v, &v, 4, 0, NULL));
    IS(JET_errUpdateNotPrepared, JetUpdate(f->ses, w.ta, NULL, 0, NULL));
    OK(JetPrepareUpdate(f->ses, w.ta, JET_prepCancel));
    commit(f);
    IS(JET_errNotInTransaction, JetPrepareUpdate(f->ses, w.ta, JET_prepReadOnlyCopy));
    IS(JET_errNotInTransaction, JetPrepareUpdate(f->ses, w.ta, JET_prepInsertCopyDeleteOriginal));
    IS(JET_errInvalidParameter, JetPrepareUpdate(f->ses, w.ta, 1));
    IS(JET_errInvalidParameter, JetPrepareUpdate(f->ses, w.ta, 99));
    /* a copy of the row, at level 0 too: it has no long value of its own */
    OK(JetPrepareUpdate(f->ses, w.ta, JET_prepInsertCopy));
    IS(JET_errKeyDuplicate, JetUpdate(f->ses, w.ta, NULL, 0, NULL));
    got = 1000;
    OK(JetSetColumn(f->ses, w.ta, w.id, &got, 4, 0, NULL));
    OK(JetUpdate(f->ses, w.ta, NULL, 0, NULL));
    go(f->ses, w.ta, 1000);
    assert_int_equal(value(&w, f->ses, w.ta), 3);
    /* the key of the primary index is not changed */
    OK(JetPrepareUpdate(f->ses, w.ta, JET_prepReplace));
    OK(JetSetColumn(f->ses, w.ta, w.id, &v, 4, 0, NULL));
    IS(JET_errRecordPrimaryChanged, JetUpdate(f->ses, w.ta, NULL, 0, NULL));
    OK(JetPrepareUpdate(f->ses, w.ta, JET_prepCancel));
}

static void locks_keep_others_off(void **state)
{
    struct fix *f = *state;
    struct two w;

    open_two(f, &w);
    go(f->ses, w.ta, 3);
    go(w.b, w.tb, 3);
    IS(JET_errNotInTransaction, JetGetLock(f->ses, w.ta, JET_bitReadLock));
    IS(JET_errInvalidGrbit, JetGetLock(f->ses, w.ta, 0));
    begin(f);
    OK(JetBeginTransaction(w.b));
    OK(JetGetLock(f->ses, w.ta, JET_bitReadLock));
    OK(JetGetLock(w.b, w.tb, JET_bitReadLock));
    IS(JET_errWriteConflict, JetGetLock(w.b, w.tb, JET_bitWriteLock));
    OK(JetRollback(w.b, 0));
    OK(JetGetLock(f->ses, w.ta, JET_bitWriteLock));
    OK(JetBeginTransaction(w.b));
    IS(JET_errWriteConflict, JetGetLock(w.b, w.tb, JET_bitReadLock));
    commit(f);
    OK(JetRollback(w.b, 0));
}

static void cursors_of_a_level_go_with_it(void **state)
{
    struct fix *f = *state;
    struct two w;
    JET_TABLEID t, made;
    char name[80];

    open_two(f, &w);
    begin(f);
    OK(JetOpenTable(f->ses, f->dbid, "t", NULL, 0, 0, &t));
    rollback(f);
    IS(JET_errInvalidTableId, JetMove(f->ses, t, JET_MoveFirst, 0));
    begin(f);
    begin(f);
    OK(JetOpenTable(f->ses, f->dbid, "t", NULL, 0, 0, &t));
    OK(JetSetCurrentIndex(f->ses, w.ta, "v"));
    commit(f);
    commit(f);
    OK(JetMove(f->ses, t, JET_MoveFirst, 0));
    OK(JetCloseTable(f->ses, t));
    OK(JetGetCurrentIndex(f->ses, w.ta, name, sizeof(name)));
    assert_string_equal(name, "v");
    /* a table and an index that never were */
    OK(JetSetCurrentIndex(f->ses, w.ta, NULL));
    begin(f);
    OK(JetCreateTable(f->ses, f->dbid, "made", 0, 0, &made));
    OK(JetCreateIndex(f->ses, w.ta, "new", 0, "-v\0", 4, 80));
    OK(JetSetCurrentIndex(f->ses, w.ta, "new"));
    assert_int_equal(value(&w, f->ses, w.ta), 49);
    rollback(f);
    IS(JET_errInvalidTableId, JetMove(f->ses, made, JET_MoveFirst, 0));
    OK(JetGetCurrentIndex(f->ses, w.ta, name, sizeof(name)));
    assert_string_equal(name, "pk");
    IS(JET_errObjectNotFound, JetOpenTable(f->ses, f->dbid, "made", NULL, 0, 0, &t));
    IS(JET_errIndexNotFound, JetSetCurrentIndex(f->ses, w.ta, "new"));
    OK(JetMove(f->ses, w.ta, JET_MoveFirst, 0));
    assert_int_equal(value(&w, f->ses, w.ta), 0);
}

static void rollbacks_put_everything_back(void **state)
{
    struct fix *f = *state;
    struct two w;
    uint8_t *b = malloc(100000), *got = malloc(100000);
    uint32_t len, nr;

    open_two(f, &w);
    pattern(b, 100000, 6);
    begin(f);
    go(f->ses, w.ta, 5);
    OK(JetPrepareUpdate(f->ses, w.ta, JET_prepReplace));
    OK(JetSetColumn(f->ses, w.ta, w.txt, b, 50000, 0, NULL));
    OK(JetUpdate(f->ses, w.ta, NULL, 0, NULL));
    commit(f);
    for (int round = 0; round < 3; round++) {
        begin(f);
        for (int i = 0; i < 50; i++) {
            go(f->ses, w.ta, i);
            if (i % 3 == 0) {
                OK(JetDelete(f->ses, w.ta));
            } else {
                OK(JetPrepareUpdate(f->ses, w.ta, JET_prepReplace));
                OK(JetSetColumn(f->ses, w.ta, w.txt, b + round, 20000,
                                i == 5 ? JET_bitSetAppendLV : 0, NULL));
                OK(JetSetColumn(f->ses, w.ta, w.v, &(int32_t){1000 - i}, 4, 0, NULL));
                OK(JetUpdate(f->ses, w.ta, NULL, 0, NULL));
            }
        }
        for (int i = 1000; i < 1400; i++)
            OK(insert(&w, f->ses, w.ta, i, i));
        rollback(f);
        OK(JetMove(f->ses, w.ta, JET_MoveFirst, 0));
        OK(JetIndexRecordCount(f->ses, w.ta, &nr, 0));
        assert_int_equal(nr, 50);
        for (int i = 0; i < 50; i++) {
            go(f->ses, w.ta, i);
            assert_int_equal(value(&w, f->ses, w.ta), i);
            IS(i == 5 ? JET_errSuccess : JET_wrnColumnNull,
               JetRetrieveColumn(f->ses, w.ta, w.txt, got, 100000, &len, 0, NULL));
            assert_int_equal(len, i == 5 ? 50000 : 0);
        }
        go(f->ses, w.ta, 5);
        OK(JetRetrieveColumn(f->ses, w.ta, w.txt, got, 100000, &len, 0, NULL));
        assert_memory_equal(got, b, 50000);
    }
    free(b);
    free(got);
}

static void many_rows_survive_a_restart(void **state)
{
    struct fix *f = *state;
    struct two w;
    uint32_t nr;

    open_two(f, &w);
    for (int round = 0; round < 10; round++) {
        begin(f);
        for (int i = 0; i < 500; i++)
            OK(insert(&w, f->ses, w.ta, 1000 + (i * 37 % 500) * 10 + round, round));
        if (round == 5)
            rollback(f);
        else
            commit(f);
    }
    OK(JetEndSession(w.b, 0));
    restart(f);
    OK(JetOpenTable(f->ses, f->dbid, "t", NULL, 0, 0, &w.ta));
    OK(JetIndexRecordCount(f->ses, w.ta, &nr, 0));
    assert_int_equal(nr, 50 + 9 * 500);
    begin(f);
    OK(JetMove(f->ses, w.ta, JET_MoveFirst, 0));
    for (JET_ERR err = 0; err >= 0; err = JetMove(f->ses, w.ta, JET_MoveNext, 0))
        OK(JetDelete(f->ses, w.ta));
    commit(f);
    IS(JET_errNoCurrentRecord, JetMove(f->ses, w.ta, JET_MoveFirst, 0));
    OK(JetIdle(f->ses, 0));
}

static void long_values_are_seen_as_they_were(void **state)
{
    struct fix *f = *state;
    struct two w;
    uint8_t *b = malloc(200000), *got = malloc(200000);
    const JET_SETINFO si = {.cbStruct = sizeof(si), .ibLongValue = 30000, .itagSequence = 1};
    uint32_t len;

    open_two(f, &w);
    pattern(b, 200000, 3);
    begin(f);
    go(f->ses, w.ta, 1);
    OK(JetPrepareUpdate(f->ses, w.ta, JET_prepReplace));
    OK(JetSetColumn(f->ses, w.ta, w.txt, b, 100000, 0, NULL));
    OK(JetUpdate(f->ses, w.ta, NULL, 0, NULL));
    commit(f);
    OK(JetBeginTransaction(w.b));
    go(w.b, w.tb, 1);
    for (int round = 0; round < 3; round++) { /* overwritten, longer, gone */
        begin(f);
        go(f->ses, w.ta, 1);
        OK(JetPrepareUpdate(f->ses, w.ta, JET_prepReplace));
        if (round == 0) {
            JET_SETINFO at = si;
            OK(JetSetColumn(f->ses, w.ta, w.txt, b + 77777, 20000, JET_bitSetOverwriteLV, &at));
        } else if (round == 1) {
            OK(JetSetColumn(f->ses, w.ta, w.txt, b + 100000, 90000, JET_bitSetAppendLV, NULL));
        } else {
            OK(JetSetColumn(f->ses, w.ta, w.txt, NULL, 0, 0, NULL));
        }
        OK(JetUpdate(f->ses, w.ta, NULL, 0, NULL));
        OK(JetRetrieveColumn(w.b, w.tb, w.txt, got, 200000, &len, 0, NULL));
        assert_int_equal(len, 100000);
        assert_memory_equal(got, b, 100000);
        commit(f);
        OK(JetRetrieveColumn(w.b, w.tb, w.txt, got, 200000, &len, 0, NULL));
        assert_int_equal(len, 100000);
        assert_memory_equal(got, b, 100000);
    }
    OK(JetCommitTransaction(w.b, 0));
    IS(JET_wrnColumnNull, JetRetrieveColumn(w.b, w.tb, w.txt, got, 200000, &len, 0, NULL));
    free(b);
    free(got);
}

/* An index and a column that one session has made and not committed: the other one keeps them up
 * without seeing them. */
static void schema_of_an_open_transaction_is_kept_up(void **state)
{
    struct fix *f = *state;
    struct two w;
    JET_COLUMNDEF def = {.cbStruct = sizeof(def), .coltyp = JET_coltypLong};
    JET_COLUMNID id;
    uint32_t nr;

    for (int round = 0; round < 2; round++) {
        if (round == 0)
            open_two(f, &w);
        begin(f);
        OK(JetCreateIndex(f->ses, w.ta, "down", 0, "-v\0", 4, 80));
        OK(JetAddColumn(f->ses, w.ta, "more", &def, &(int32_t){9}, 4, &id));
        OK(JetBeginTransaction(w.b));
        IS(JET_errIndexNotFound, JetSetCurrentIndex(w.b, w.tb, "down"));
        IS(JET_errColumnNotFound, JetRetrieveColumn(w.b, w.tb, id, &nr, 4, NULL, 0, NULL));
        OK(insert(&w, w.b, w.tb, 100 + round, 5000 + round));
        go(w.b, w.tb, 3 + round);
        change(&w, w.b, w.tb, 3000 + round);
        go(w.b, w.tb, 10 + round);
        OK(JetDelete(w.b, w.tb));
        OK(JetCommitTransaction(w.b, 0));
        if (round == 0)
            rollback(f);
        else
            commit(f);
    }
    OK(JetSetCurrentIndex(w.b, w.tb, "down"));
    OK(JetIndexRecordCount(w.b, w.tb, &nr, 0));
    assert_int_equal(nr, 50);
    assert_int_equal(value(&w, w.b, w.tb), 5001);
    OK(JetRetrieveColumn(w.b, w.tb, id, &nr, 4, NULL, 0, NULL));
    assert_int_equal(nr, 9);
}

static void commits_wait_as_they_are_told(void **state)
{
    struct fix *f = *state;
    struct two w;
    JET_COMMIT_ID id, id2;

    open_two(f, &w);
    begin(f);
    OK(insert(&w, f->ses, w.ta, 500, 1));
    OK(JetCommitTransaction2(f->ses, JET_bitCommitLazyFlush, 100, &id));
    assert_true(id.commitId > 0);
    OK(JetCommitTransaction(f->ses, JET_bitWaitLastLevel0Commit));
    OK(JetCommitTransaction(f->ses, JET_bitWaitAllLevel0Commit));
    OK(JetCommitTransaction(f->ses, JET_bitForceNewLog));
    begin(f);
    OK(insert(&w, f->ses, w.ta, 501, 1));
    OK(JetCommitTransaction2(f->ses, 0, 0, &id2));
    assert_true(id2.commitId > id.commitId);
    IS(JET_errInvalidGrbit,
       JetCommitTransaction(f->ses, JET_bitForceNewLog | JET_bitCommitLazyFlush));
    IS(JET_errInvalidGrbit, JetCommitTransaction(f->ses, 0x80000000));
    IS(JET_errInvalidGrbit, JetRollback(f->ses, 0x80000000));
    IS(JET_errInvalidGrbit, JetBeginTransaction2(f->ses, 0x80000000));
    OK(JetBeginTransaction3(f->ses, 1234567, JET_bitTransactionReadOnly));
    rollback(f);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        T(a_transaction_sees_what_was_when_it_began),
        T(one_of_two_writers_gets_a_conflict),
        T(equal_keys_are_refused),
        T(levels_are_undone_one_by_one),
        T(each_change_alone_is_a_transaction),
        T(without_lock_the_first_to_update_wins),
        T(two_cursors_of_a_session_do_not_lose_an_update),
        T(the_copy_is_not_the_record),
        T(locks_keep_others_off),
        T(cursors_of_a_level_go_with_it),
        T(rollbacks_put_everything_back),
        T(many_rows_survive_a_restart),
        T(long_values_are_seen_as_they_were),
        T(schema_of_an_open_transaction_is_kept_up),
        T(commits_wait_as_they_are_told),
    };
    choose_format(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
