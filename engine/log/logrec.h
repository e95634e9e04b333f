/*
 * Log records: size, name, and everything a record says, as native numbers and slices of its bytes.
 *
 * logrec_size and logrec_decode take (bytes, length) and distrust both; what the slices point to is
 * inside the record. A type that no 8.x engine replays (obsolete ones) has a name but is refused, as
 * ESE's redo refuses it: Split, Merge and ConvertFDP of old layout with JET_errBadLogVersion, the others
 * and unknown numbers with JET_errLogCorrupted.
 */
#ifndef ESE_LOG_LOGREC_H
#define ESE_LOG_LOGREC_H

#include "base/err.h"
#include "log/logfmt.h"
#include "page/page.h"

struct logrec {
    enum lrtyp type;
    struct slice bytes; /* the whole record */
    uint16_t procid;    /* session; 0: the type has none */
    uint8_t dbid;       /* 0: none */

    /* Page operations (LRPAGE_), NewPage, RootPageMove, macros as far as they have it: */
    pgno_t pgno;            /* 0: none */
    dbtime_t dbtime;        /* of the page after the operation; 0: none */
    dbtime_t dbtime_before; /* DBTIME_INVALID: do not compare */
    uint32_t trx;           /* trxBegin0, trxCommit0 */
    uint8_t level;
    uint16_t iline;
    uint8_t flags; /* LR_PAGE_* */
    uint32_t rceid;
    pgno_t pgno_fdp;
    objid_t objid;

    union {
        struct {
            struct slice key_prefix, key_suffix,
                data; /* Insert; FlagInsert*: whole key in suffix */
            uint32_t rceid_replace;
        } insert;
        struct {
            struct slice data; /* Replace: the new data; ReplaceD: a difference, see logdiff.h */
            uint16_t old_len, new_len;
            bool wide; /* ReplaceD: 3-byte headers */
        } replace;
        struct {                    /* Delta, Delta64, Undo, UndoInfo */
            struct slice key, data; /* bookmark */
            struct slice image;     /* UndoInfo: data before the change */
            uint16_t oper;
            int16_t size_max, size_delta;
            int64_t delta;
            uint16_t offset;
            uint8_t level;
        } node;
        struct slice external_header;
        struct {
            struct slice opers;
            uint32_t flags, nr_opers;
        } scrub;
        struct {
            pgno_t pgno_new, pgno_right, pgno_parent;
            dbtime_t right_before, parent_before;
            uint8_t type, oper;
            uint16_t iline_oper, iline_split, nr_lines;
            uint32_t new_page_flags, split_page_flags;
            int16_t free_source, free_dest;
            int32_t iline_prefix_split, iline_prefix_new;
            struct slice key_parent, prefix_old, prefix_new, image;
            uint32_t image_flags;
        } split;
        struct {
            pgno_t pgno_right, pgno_left, pgno_parent;
            dbtime_t right_before, left_before, parent_before;
            uint16_t size_total, size_max_total, free_dest, iline_merge;
            uint8_t flags, type;
            struct slice key_parent, image;
            uint32_t image_flags;
        } merge;
        struct slice empty_pages; /* of struct lr_empty_page_disk; EmptyTree */
        struct {
            pgno_t pgno_dest, pgno_left, pgno_right, pgno_parent;
            dbtime_t left_before, right_before, parent_before;
            uint32_t flags;
            int32_t iline_parent;
            struct slice header, trailer;
        } move;
        struct {                     /* Create*FDP, ConvertFDP2 */
            pgno_t pgno_oe, pgno_ae; /* 0: single extent */
            pgno_t pgno_parent_fdp, pgno_secondary;
            uint32_t nr_pages, nr_secondary, avail_bits, page_flags;
        } fdp;
        struct
        { /* ExtendDB, Shrink*, TrimDB, ExtentFreed*; logrec.pgno is the last that stays or, for
                    Trim and ExtentFreed, the first of the range; for ExtendDB the last */
            uint32_t nr_pages;
            uint8_t flags;
        } range;
        struct {
            uint8_t fdp_type; /* 1 table, 2 index */
        } free_fdp;
        struct {
            dbtime_t dbtime_page, dbtime_current;
            uint32_t checksum;
            uint8_t flags;
        } scan;
        struct {
            uint8_t level_from, nr_levels; /* Commit*: level_from is the level committed to */
        } trx_levels;                      /* Begin*, Commit*, Rollback */
        struct slice pages;                /* le32 page numbers; MacroInfo, MacroInfo2 */
        struct {
            struct slice path;
            bool utf16, sparse;
            uint32_t grbit, pages_max;
            uint16_t version, update_major; /* CreateDB; 0: not said */
            lgpos_t lgpos_attach, lgpos_consistent;
            struct signature sign_db, sign_log;
        } db;
        struct {
            uint32_t version, update_major, update_minor;
        } db_version;
        struct {
            const struct dbms_param_disk *dbms;
            struct logtime time; /* 0: the old types have none */
        } init;
        struct { /* Term*, RecoveryQuit*, RecoveryUndo* */
            lgpos_t lgpos, lgpos_redo_from;
            bool hard;
            struct logtime time;
        } term;
        struct {
            uint8_t phase, scope;
            uint32_t type;
            struct bkinfo details;
            struct slice path;
        } backup;
        struct {
            struct slice
                text; /* Trace, ForceLogRollover, old backup marks, ExtRestore*: as logged */
            bool utf16;
        } text;
        struct {
            struct slice data;
            uint8_t flags;
        } commit_ctx;
        struct slice ignored; /* NOP2, Ignored9-19 */
    };
};

/* "Insert"; "unknown" for a number that means nothing. */
const char *logrec_name(unsigned type);

/* The record's length, from its first `avail` bytes. Errors: JET_errLogFileCorrupt (its end is not
 * within avail), JET_errLogCorrupted (no such type). */
must_check JET_ERR logrec_size(const uint8_t *p, size_t avail, uint32_t *ret);

/* p: exactly one record. Errors: as above, JET_errBadLogVersion, and JET_errLogFileCorrupt for lengths
 * that contradict each other. */
must_check JET_ERR logrec_decode(const uint8_t *p, size_t len, struct logrec *ret);

/* Term*, RecoveryQuit*: the stream was closed after it. */
bool logrec_is_quit(unsigned type);

enum logrec_touch {
    LOGREC_CHANGES,     /* before -> after; before may be DBTIME_INVALID: do not compare */
    LOGREC_INITIALISES, /* whatever the page held before does not matter */
    LOGREC_RESETS, /* the pages are cut off or zeroed; after is 0 when the record does not tell */
};

struct logrec_page {
    uint8_t dbid;
    pgno_t pgno;
    uint32_t nr; /* pages; 1 except for LOGREC_RESETS */
    enum logrec_touch how;
    dbtime_t before, after;
};

typedef JET_ERR logrec_page_fn(void *ctx, const struct logrec_page *p);

/* Calls fn for each page that the record changes, in a fixed order; stops at its first error. */
must_check JET_ERR logrec_pages(const struct logrec *rec, logrec_page_fn *fn, void *ctx);

#endif
