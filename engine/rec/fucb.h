/*
 * A cursor on a table (ESE: FUCB, recmisc.cxx, fldmod.cxx, recupd.cxx): an order (the primary index
 * or a secondary one), a place in it, a key being made, a range, and the copy of a record that is
 * being inserted or changed. What the JET calls of a cursor do, with native parameters; api/ checks
 * handles and converts structures.
 *
 * A place is that of dir.h. On a secondary index `index` is the place, and `data` follows it only
 * when the record itself is wanted. Every call that reads or changes looks first whether the
 * table's schema has changed (fcb_refresh).
 *
 * An update maintains every index of the newest schema, newest first, and the record last (insert:
 * first); it is one inner transaction (write path 3.1, 4.1, 5.1) with fcb.ddl held shared. Long
 * values are written when they are set (10).
 *
 * One session's, one thread at a time.
 */
#ifndef ESE_REC_FUCB_H
#define ESE_REC_FUCB_H

#include "rec/fcb.h"
#include "rec/indexkeys.h"
#include "rec/lvwrite.h"
#include "rec/recbuf.h"

enum fucb_prep { /* JET_prep... */
                 FUCB_PREP_NONE = -1,
                 FUCB_PREP_INSERT = 0,
                 FUCB_PREP_REPLACE = 2,
                 FUCB_PREP_CANCEL = 3,
                 FUCB_PREP_REPLACE_NO_LOCK = 4,
                 FUCB_PREP_INSERT_COPY = 5,
                 FUCB_PREP_INSERT_COPY_DELETE = 7,
                 FUCB_PREP_READ_ONLY_COPY = 8,
                 FUCB_PREP_INSERT_COPY_REPLACE = 9,
};

struct fucb {
    struct sess *sess;
    struct db *db;
    struct fcb *fcb;
    unsigned how; /* enum fcb_how it was opened with */
    struct tdb *tdb;
    struct dir data;
    struct fucb_index_place *at; /* NULL: primary order */
    struct norm_key key;         /* being made, or made */
    unsigned nr_key;             /* segments in it; 0: none (JET_errKeyNotMade) */
    bool key_whole;              /* a limit was given, or a normalised key: no segment more */
    bool range_set, range_upper, range_inclusive;
    struct norm_key limit;  /* of the range */
    struct fucb_work *work; /* places for updates; NULL: none yet */
    struct fucb_copy *copy; /* the copy buffer; NULL: none yet */
    bool unversioned;       /* inserts are: a rollback leaves them (temporary tables that sort) */
    bool keep_numbers; /* auto-increment, version are set as they come: copies of whole tables */
    enum fucb_prep prep;
    struct lv_tree lv; /* lv.tree NULL: not open */
};

/* By name, or on a table that the caller has open already with `how` (taken over also on failure).
 * Errors of fcb_open. */
must_check JET_ERR fucb_open(struct sess *s, struct db *d, const char *name, unsigned how,
                             struct fucb **ret);
must_check JET_ERR fucb_new(struct sess *s, struct fcb *f, unsigned how, struct fucb **ret);
/* JetDupCursor: same table, primary order, before the first record. */
must_check JET_ERR fucb_dup(struct fucb *c, struct fucb **ret);
/* An update that is prepared is cancelled. */
void fucb_close(struct fucb *c);

/* c->tdb is the newest schema. Every call below looks for itself. */
must_check JET_ERR fucb_current_schema(struct fucb *c);

/* Counted by the owner, not here: whether it is the table's first cursor now; whether it was the
 * last one. */
bool fucb_is_first(struct fucb *c);
bool fucb_is_last(struct fucb *c);

/* ---- order and place ------------------------------------------------------------------------- */

/* NULL or "": the primary order. stay: the place stays on the record that it is on, at value number
 * itag of the index's multi-valued column (1 as a rule); else the first entry.
 * JET_errIndexNotFound, JET_errNoCurrentRecord (stay), JET_errSecondaryIndexCorrupted. */
must_check JET_ERR fucb_set_index(struct fucb *c, const char *name, bool stay, unsigned itag);
/* Name of the current order: "" for a table without primary index. */
void fucb_before_first(struct fucb *c);
const char *fucb_index_name(const struct fucb *c);
const struct fcb_index *fucb_index(const struct fucb *c); /* NULL: no index, rows are numbered */

enum { FUCB_FIRST = INT32_MIN, FUCB_LAST = INT32_MAX };
/* rows as in JetMove. key_ne: by keys that differ, not by entries. JET_errNoCurrentRecord: none
 * left; the place is before the first or behind the last one then. A range (fucb_set_range) ends a
 * move likewise and is gone then. */
must_check JET_ERR fucb_move(struct fucb *c, int32_t rows, bool key_ne);

/* JetMakeKey; grbit: JET_bitNewKey and so on. JET_errKeyIsMade, JET_errKeyNotMade,
 * JET_errNoCurrentIndex, JET_errInvalidParameter, JET_errInvalidBufferSize, JET_errInvalidGrbit,
 * JET_errKeyTooBig. value.p NULL: null. */
must_check JET_ERR fucb_make_key(struct fucb *c, struct slice value, uint32_t grbit);
/* JetSeek: JET_bitSeekEQ, LT, LE, GE, GT, JET_bitSetIndexRange, JET_bitCheckUniqueness. The key is
 * used up. JET_errRecordNotFound, JET_errKeyNotMade; JET_wrnSeekNotEqual, JET_wrnUniqueKey. */
must_check JET_ERR fucb_seek(struct fucb *c, uint32_t grbit);
/* JetSetIndexRange. JET_errNoCurrentRecord: nothing in it. */
must_check JET_ERR fucb_set_range(struct fucb *c, uint32_t grbit);
/* JetRetrieveKey: of the place (copy: the one being made). *ret_len: its whole length;
 * JET_wrnBufferTruncated. */
must_check JET_ERR fucb_retrieve_key(struct fucb *c, bool copy, void *buf, uint32_t cap,
                                     uint32_t *ret_len);

/* Primary bookmark of the record; JET_errBufferTooSmall with *ret_len. JET_errNoCurrentRecord. */
must_check JET_ERR fucb_bookmark(struct fucb *c, void *buf, uint32_t cap, uint32_t *ret_len);
/* On a secondary index: also its entry of that record, JET_errRecordNotFound... when it has none.
 * JET_errRecordDeleted, JET_errInvalidBookmark. */
must_check JET_ERR fucb_goto_bookmark(struct fucb *c, struct slice bookmark);
must_check JET_ERR fucb_index_bookmark(struct fucb *c, void *key, uint32_t key_cap,
                                       uint32_t *ret_key_len, void *bm, uint32_t bm_cap,
                                       uint32_t *ret_bm_len);
must_check JET_ERR fucb_goto_index_bookmark(struct fucb *c, struct slice key, struct slice bookmark,
                                            uint32_t grbit);

/* The pages on the way to a key of the current order are in memory afterwards; the place stays. */
must_check JET_ERR fucb_preread(struct fucb *c, struct slice key);

/* Entries from here to the end of the range or the index, at most `most` (0: no limit). */
must_check JET_ERR fucb_count(struct fucb *c, uint64_t most, uint64_t *ret);
must_check JET_ERR fucb_position(struct fucb *c, uint64_t *ret_before, uint64_t *ret_total);
must_check JET_ERR fucb_goto_position(struct fucb *c, uint64_t before, uint64_t total);
/* JET_errSuccess: on a record that is there; JET_errNoCurrentRecord, JET_errRecordDeleted. */
must_check JET_ERR fucb_check(struct fucb *c);

/* ---- reading --------------------------------------------------------------------------------- */

struct fucb_value { /* which value, and what is wanted of it */
    uint32_t columnid;
    uint32_t offset; /* ibLongValue */
    unsigned itag;   /* itagSequence: from 1; 0: the number of values, as a long */
    uint32_t grbit;  /* JET_bitRetrieve... */
    void *buf;
    uint32_t cap;
    uint32_t len;           /* out: bytes from offset to the value's end */
    uint32_t next_columnid; /* out: of a tagged column found with columnid 0 */
};
/* JetRetrieveColumn. JET_wrnColumnNull, JET_wrnBufferTruncated; JET_errColumnNotFound,
 * JET_errNoCurrentRecord, JET_errRecordDeleted, JET_errInvalidGrbit, JET_errUpdateNotPrepared... */
must_check JET_ERR fucb_retrieve(struct fucb *c, struct fucb_value *v);
/* Calls fn for each value of the record (or of the copy, JET_bitRetrieveCopy), in the order of the
 * columns, as enumerations want them: nulls left out, defaults too if JET_bitRetrieveIgnoreDefault.
 * The bytes are whole and stay until fn returns. */
struct fucb_each {
    uint32_t columnid;
    unsigned itag, nr; /* value, of how many */
    bool is_default;
    struct slice data;
};
must_check JET_ERR fucb_each_value(struct fucb *c, uint32_t grbit,
                                   JET_ERR (*fn)(void *ctx, const struct fucb_each *v), void *ctx);

/* As JET_RECSIZE2 says; running totals are the caller's. */
struct fucb_size {
    uint64_t data, lv_data, overhead, lv_overhead, nr_fixed_var, nr_tagged, nr_lv, nr_multi,
        nr_compressed, data_packed, lv_data_packed;
};
must_check JET_ERR fucb_record_size(struct fucb *c, uint32_t grbit, struct fucb_size *ret);

/* ---- changing -------------------------------------------------------------------------------- */

/* JetPrepareUpdate. JET_errAlreadyPrepared, JET_errUpdateNotPrepared (cancel),
 * JET_errWriteConflict, JET_errPermissionDenied (read-only cursor), JET_errNotInTransaction
 * (replace without lock and so on as the page says), JET_errNoCurrentRecord, JET_errRecordDeleted.
 * */
must_check JET_ERR fucb_prepare(struct fucb *c, enum fucb_prep prep);
/* The session is about to roll back its current level: an update that was prepared on it is
 * forgotten, an order that was chosen on it is the primary one again, before the first record. */
void fucb_roll_back(struct fucb *c);
/* A level of the session is about to be committed. JET_errAlreadyPrepared: to level 0, with an
 * update prepared that has written long values: they would belong to no record. */
must_check JET_ERR fucb_may_commit(const struct fucb *c);
/* It was. */
void fucb_committed(struct fucb *c);
/* JetSetColumn; data.p NULL: null (or, with JET_bitSetZeroLength, nothing). offset, itag:
 * JET_SETINFO. */
must_check JET_ERR fucb_set(struct fucb *c, uint32_t columnid, struct slice data, uint32_t grbit,
                            uint32_t offset, unsigned itag);
/* JetUpdate. The bookmark of the record goes to bm (NULL: not wanted; JET_errBufferTooSmall after
 * the update was done is not given: JET_wrnBufferTruncated). The place does not move to an inserted
 * record. JET_errKeyDuplicate, JET_errNullInvalid, JET_errWriteConflict, JET_errNullKeyDisallowed,
 * JET_errRecordPrimaryChanged, JET_errMultiValuedIndexViolation, JET_errSecondaryIndexCorrupted,
 * JET_errPrimaryIndexCorrupted (text of a foreign order). After an error the copy is still
 * prepared. */
must_check JET_ERR fucb_update(struct fucb *c, void *bm, uint32_t cap, uint32_t *ret_len,
                               uint32_t grbit);
/* JetDelete. */
must_check JET_ERR fucb_delete(struct fucb *c);
/* Whether another session's change of the record is in the way: JET_errWriteConflict. Makes
 * nothing. */
must_check JET_ERR fucb_check_conflict(struct fucb *c);
must_check JET_ERR fucb_lock(struct fucb *c, bool write);
/* JetEscrowUpdate; len: the column's, 4 or 8 (JET_errInvalidBufferSize). */
struct fucb_escrowed {
    int64_t old;   /* what this session saw */
    bool finalize; /* a column with JET_bitColumnFinalize is 0 now for it */
};
must_check JET_ERR fucb_escrow(struct fucb *c, uint32_t columnid, int64_t delta, uint32_t len,
                               struct fucb_escrowed *ret);
/* After a crash: records of a leaf of the table with that objid whose JET_bitColumnDeleteOnZero column is 0 go. There need be
 * no such table, and the page need not be a leaf of it. s: of the engine's, at level 0. */
must_check JET_ERR escrow_sweep_leaf(struct sess *s, struct db *d, objid_t objid, pgno_t leaf);

#endif
