/*
 * Log files and checkpoint files as they lie on disk (ESE: log.hxx LGFILEHDR, CHECKPOINT; _logstream.hxx
 * LGSEGHDR; daedef.hxx ATTACHINFO, DBMS_PARAM; logapi.hxx LR*). Drawings: engine/FORMAT.md.
 *
 *   segment 0      1             2                            n-2              n-1
 *   +-------------+-------------+-------------+-- .... ------+----------------+-----------------+
 *   | file header | 40 | records| 40 | records|              | 40 | records   | shadow of n-2,  |
 *   |             |    |        |    |        |              |    |           | never records   |
 *   +-------------+-------------+-------------+-- .... ------+----------------+-----------------+
 *
 * Everything is little-endian and packed; all members have alignment 1.
 */
#ifndef ESE_LOG_LOGFMT_H
#define ESE_LOG_LOGFMT_H

#include <assert.h>

#include "base/types.h"
#include "page/dbhdrfmt.h"

#define LOG_SEGMENT_LEN  4096u
#define LOG_HEADER_LEN   4096u
#define LOG_ATTACH_LEN   2048u
#define LOG_FRAGMENT_MIN 32u /* a record is not split when less room than this remains */

#define FILETYPE_LOG        3u
#define FILETYPE_CHECKPOINT 4u

#define LOG_MAJOR                      8u
#define LOG_MINOR                      4000u
#define LOG_UPDATE_MAJOR_MAX           130u /* newest log format that is understood: 8.4000.130.280 */
#define LOG_UPDATE_MINOR_PREV_CHECKSUM 13u /* from here prev_checksum is filled in */

#define LOG_GEN_MAX 0x7ffffffeu /* 0x7FFFFFFF: ESE's "invalid" */

/* ---- headers ---------------------------------------------------------------------------------- */

struct dbms_param_disk { /* informative; paths are lossy ASCII and end with a separator */
    char system_path[261], log_path[261];
    uint8_t flags; /* bit 0: circular logging */
    le32 sessions, open_tables, version_pages, cursors, log_buffers, log_segments, cache_max;
    uint8_t reserved[16];
};
static_assert(offsetof(struct dbms_param_disk, flags) == 522, "DBMS_PARAM");
static_assert(sizeof(struct dbms_param_disk) == 567, "DBMS_PARAM");

enum {
    LOG_FLAG_RESERVE = 0x1,          /* the file came from the reserve pool */
    LOG_FLAG_CIRCULAR = 0x2,         /* circular logging is on */
    LOG_FLAG_CIRCULAR_HISTORY = 0x4, /* it was on earlier in this stream */
};

struct loghdr_disk {
    le32 checksum; /* XOR of the other 1023 dwords, seeded 0x89ABCDEF */
    le32 gen;
    le16 segment_len;     /* 4096; 512 in 7.x */
    le16 header_segments; /* 1; 8 in 7.x */
    le16 nr_segments;     /* of the file, the header included */
    le16 page_size;       /* 0: 4096 */
    struct logtime time_created;
    struct logtime time_prev_gen; /* time_created of the generation before; first one: 0 */
    le32 major, minor, update_major;
    struct signature sign_log;
    struct dbms_param_disk dbms;
    uint8_t flags;
    le64 lgpos_checkpoint; /* when the file was created: a hint */
    le32 update_minor;
    uint8_t sector_mismatch;
    le64 prev_checksum; /* XOR of the segment checksums of the generation before */
    le32 efv;           /* format version of the engine that wrote it: a diagnostic */
    uint8_t reserved[2];
    le32 filetype;
    uint8_t attach[LOG_ATTACH_LEN];
    uint8_t pad[1377];
};
#define AT(field, off) \
    static_assert(offsetof(struct loghdr_disk, field) == (off), "log header: " #field)
AT(segment_len, 8);
AT(time_created, 16);
AT(major, 32);
AT(sign_log, 44);
AT(dbms, 72);
AT(flags, 639);
AT(lgpos_checkpoint, 640);
AT(update_minor, 648);
AT(sector_mismatch, 652);
AT(prev_checksum, 653);
AT(efv, 661);
AT(filetype, 667);
AT(attach, 671);
AT(pad, 2719);
#undef AT
static_assert(sizeof(struct loghdr_disk) == LOG_HEADER_LEN, "log header");

struct chkpt_disk { /* twice in the file: primary at 0, shadow at 4096 */
    le32 checksum;
    le64 lgpos_last_full_backup;
    le64 lgpos_checkpoint;
    struct signature sign_log;
    struct dbms_param_disk dbms;
    le64 lgpos_full_backup;
    struct logtime time_full_backup;
    le64 lgpos_inc_backup;
    struct logtime time_inc_backup;
    uint8_t version; /* 1: the attach list below is authoritative */
    le64 lgpos_consistency;
    uint8_t reserved[11];
    le32 filetype;
    uint8_t reserved2[8];
    uint8_t attach[LOG_ATTACH_LEN];
    uint8_t pad[1369];
};
#define AT(field, off) \
    static_assert(offsetof(struct chkpt_disk, field) == (off), "checkpoint: " #field)
AT(lgpos_checkpoint, 12);
AT(sign_log, 20);
AT(dbms, 48);
AT(lgpos_full_backup, 615);
AT(lgpos_inc_backup, 631);
AT(version, 647);
AT(lgpos_consistency, 648);
AT(filetype, 667);
AT(attach, 679);
AT(pad, 2727);
#undef AT
static_assert(sizeof(struct chkpt_disk) == 4096, "checkpoint");

enum { ATTACH_UTF16 = 0x20, ATTACH_SPARSE = 0x40 };

struct
    attachinfo_disk { /* the name follows; the list ends with a zero byte or with its 2048 bytes */
    uint8_t dbid;
    uint8_t flags;
    le16 path_len; /* bytes, the terminating NUL included */
    le64 dbtime;
    le32 objid_last;
    le32 pages_max; /* 0: no limit */
    le64 lgpos_attach, lgpos_consistent;
    struct signature sign_db;
};
static_assert(offsetof(struct attachinfo_disk, lgpos_attach) == 20, "ATTACHINFO");
static_assert(offsetof(struct attachinfo_disk, sign_db) == 36, "ATTACHINFO");
static_assert(sizeof(struct attachinfo_disk) == 64, "ATTACHINFO");

struct logseg_disk {
    le64 checksum;       /* ECC << 32 | XOR ^ isec, as a 4 KiB database page whose number is isec */
    le64 lgpos;          /* {gen, isec, 0} */
    struct logtime time; /* of the first record; 0 without records */
    uint8_t zero[12];
    le32 flags; /* 0x2000, the page flag "new checksum" */
};
static_assert(offsetof(struct logseg_disk, flags) == 36, "LGSEGHDR");
static_assert(sizeof(struct logseg_disk) == 40, "LGSEGHDR");
#define LOGSEG_HEADER_LEN ((uint32_t)sizeof(struct logseg_disk))

/* ---- records ---------------------------------------------------------------------------------- */

enum lrtyp { /* persistent; "obsolete" ones are not written in 8.x */
             LR_NOP = 0,
             LR_INIT = 1, /* obsolete: without a time */
             LR_TERM = 2, /* obsolete */
             LR_MS = 3,   /* obsolete */
             LR_END = 4,  /* obsolete */
             LR_BEGIN = 5,
             LR_COMMIT = 6,
             LR_ROLLBACK = 7,
             LR_BEGIN0 = 8,
             LR_COMMIT0 = 9,
             LR_REFRESH = 10,
             LR_MACRO_BEGIN = 11,
             LR_MACRO_COMMIT = 12,
             LR_MACRO_ABORT = 13,
             LR_CREATE_DB = 14,
             LR_ATTACH_DB = 15,
             LR_DETACH_DB = 16,
             LR_RECOVERY_UNDO = 17, /* obsolete */
             LR_RECOVERY_QUIT = 18, /* obsolete */
             LR_FULL_BACKUP = 19,
             LR_INC_BACKUP = 20,
             LR_JET_OP = 21, /* obsolete */
             LR_TRACE = 22,
             LR_SHUTDOWN_MARK = 23,
             LR_CREATE_MULTIPLE_EXTENT_FDP = 24,
             LR_CREATE_SINGLE_EXTENT_FDP = 25,
             LR_CONVERT_FDP_OLD = 26, /* obsolete */
             LR_SPLIT_OLD = 27,       /* obsolete */
             LR_MERGE_OLD = 28,       /* obsolete */
             LR_INSERT = 29,
             LR_FLAG_INSERT = 30,
             LR_FLAG_INSERT_AND_REPLACE_DATA = 31,
             LR_FLAG_DELETE = 32,
             LR_REPLACE = 33,
             LR_REPLACE_D = 34,
             LR_DELETE = 35,
             LR_UNDO_INFO = 36,
             LR_DELTA = 37,
             LR_SET_EXTERNAL_HEADER = 38,
             LR_UNDO = 39,
             LR_SLV_PAGE_APPEND = 40, /* obsolete */
             LR_SLV_SPACE = 41,       /* obsolete */
             LR_CHECKSUM = 42,        /* 7.x only */
             LR_SLV_PAGE_MOVE = 43,   /* obsolete */
             LR_FORCE_DETACH_DB = 44, /* obsolete */
             LR_EXT_RESTORE = 45,
             LR_BACKUP_OLD = 46, /* obsolete */
             LR_UPGRADE_DB = 47, /* obsolete */
             LR_EMPTY_TREE = 48,
             LR_INIT2 = 49,
             LR_TERM2 = 50,
             LR_RECOVERY_UNDO2 = 51,
             LR_RECOVERY_QUIT2 = 52,
             LR_BEGIN_DT = 53,      /* obsolete */
             LR_PREP_COMMIT = 54,   /* obsolete */
             LR_PREP_ROLLBACK = 55, /* obsolete */
             LR_DB_LIST = 56,       /* obsolete */
             LR_FORCE_WRITE_LOG = 57,
             LR_CONVERT_FDP2 = 58,
             LR_EXT_RESTORE2 = 59,
             LR_BACKUP2 = 60,
             LR_FORCE_LOG_ROLLOVER = 61,
             LR_SPLIT2 = 62,
             LR_MERGE2 = 63,
             LR_SCRUB = 64,
             LR_PAGE_MOVE = 65,
             LR_PAGE_PATCH_REQUEST = 66,
             LR_MACRO_INFO = 67,
             LR_EXTEND_DB = 68,
             LR_COMMIT_CTX = 69,
             LR_SCAN_CHECK = 70,
             LR_NOP2 = 71,
             LR_REATTACH = 72,
             LR_MACRO_INFO2 = 73,
             LR_FREE_FDP = 74,
             LR_IGNORED9 = 75,
             LR_FRAGMENT_BEGIN = 76,
             LR_FRAGMENT = 77,
             LR_SHRINK_DB = 78,
             LR_CREATE_DB_FINISH = 79,
             LR_RECOVERY_QUIT_KEEP_ATTACHMENTS = 80,
             LR_TRIM_DB = 81,
             LR_IGNORED10 = 82, /* to IGNORED19 = 91: sized, nothing is known of them */
             LR_IGNORED19 = 91,
             LR_SET_DB_VERSION = 92,
             LR_DELTA64 = 93,
             LR_SHRINK_DB2 = 94,
             LR_NEW_PAGE = 95,
             LR_ROOT_PAGE_MOVE = 96,
             LR_SIGNAL_ATTACH_DB = 97,
             LR_SCAN_CHECK2 = 98,
             LR_SHRINK_DB3 = 99,
             LR_EXTENT_FREED = 100,
             LR_EXTENT_FREED2 = 101,
             LR_MAX = 102, /* the first number that means nothing */
};

enum { /* lr_page_disk.flags */
       LR_PAGE_VERSIONED = 0x01,
       LR_PAGE_DELETED = 0x02,
       LR_PAGE_UNIQUE = 0x04,
       LR_PAGE_SPACE = 0x08,
       LR_PAGE_CONCURRENT_INDEX = 0x10,
       LR_PAGE_SYSTEM_TASK = 0x20,
};

struct lr_page_disk { /* LRPAGE_ */
    uint8_t type;
    le16 procid;
    uint8_t dbid;
    le32 pgno;
    le64 dbtime, dbtime_before; /* of the page; before: ~0 in a macro and for a new page */
    le32 trx_begin0;
    uint8_t level;
    le16 iline;
    uint8_t flags;
};
static_assert(offsetof(struct lr_page_disk, iline) == 29, "LRPAGE_");
static_assert(sizeof(struct lr_page_disk) == 32, "LRPAGE_");

struct lr_node_disk { /* LRNODE_ */
    struct lr_page_disk p;
    le32 rceid, pgno_fdp, objid_fdp;
};
static_assert(sizeof(struct lr_node_disk) == 44, "LRNODE_");

struct lr_insert_disk { /* prefix, suffix, data follow */
    struct lr_node_disk n;
    le16 suffix_len, prefix_len, data_len;
};
static_assert(sizeof(struct lr_insert_disk) == 50, "LRINSERT");

struct lr_flag_insert_disk { /* key, data */
    struct lr_node_disk n;
    le16 key_len, data_len;
};
static_assert(sizeof(struct lr_flag_insert_disk) == 48, "LRFLAGINSERT");

struct lr_flag_insert_replace_disk { /* key, data */
    struct lr_node_disk n;
    le16 key_len, data_len;
    le32 rceid_replace;
};
static_assert(sizeof(struct lr_flag_insert_replace_disk) == 52, "LRFLAGINSERTANDREPLACEDATA");

struct lr_replace_disk { /* len bytes: new data (Replace) or a difference (ReplaceD) */
    struct lr_node_disk n;
    le16 len; /* bit 15: 3-byte difference headers */
    le16 old_len, new_len;
};
#define LR_REPLACE_LEN_MASK 0x7fffu
#define LR_REPLACE_DIFF2    0x8000u
static_assert(sizeof(struct lr_replace_disk) == 50, "LRREPLACE");

struct lr_undo_info_disk { /* bookmark key, bookmark data, before image */
    struct lr_node_disk n;
    le16 key_len, data_len, oper, size_max, size_delta, image_len;
};
static_assert(sizeof(struct lr_undo_info_disk) == 56, "LRUNDOINFO");

struct lr_delta_disk { /* bookmark key, bookmark data */
    struct lr_node_disk n;
    le16 key_len, data_len;
    le32 delta;
    le16 offset;
};
static_assert(sizeof(struct lr_delta_disk) == 54, "LRDELTA32");

struct lr_delta64_disk {
    struct lr_node_disk n;
    le16 key_len, data_len;
    le64 delta;
    le16 offset;
};
static_assert(sizeof(struct lr_delta64_disk) == 58, "LRDELTA64");

struct lr_external_header_disk { /* data */
    struct lr_node_disk n;
    le16 len;
};
static_assert(sizeof(struct lr_external_header_disk) == 46, "LRSETEXTERNALHEADER");

struct lr_undo_disk { /* bookmark key, bookmark data */
    struct lr_node_disk n;
    le16 key_len, data_len, oper;
    uint8_t level;
};
static_assert(sizeof(struct lr_undo_disk) == 51, "LRUNDO");

struct lr_scrub_disk { /* operations */
    struct lr_node_disk n;
    le32 scrub_flags, nr_opers;
    le16 len;
};
static_assert(sizeof(struct lr_scrub_disk) == 54, "LRSCRUB");

enum { LR_IMAGE_DEHYDRATED = 0x1, LR_IMAGE_XPRESS = 0x2 };

struct lr_split_disk { /* separator key, old prefix, new prefix, image of pgno before the split */
    struct lr_page_disk p;
    le32 pgno_new, pgno_right;
    le64 dbtime_right_before;
    le32 pgno_parent;
    le64 dbtime_parent_before;
    le32 pgno_fdp, objid_fdp;
    uint8_t type, oper;
    le16 iline_oper, iline_split, nr_lines;
    le32 new_page_flags, split_page_flags;
    le16 free_source, free_dest;
    le32 iline_prefix_split, iline_prefix_new;
    le16 prefix_old_len, prefix_new_len, key_parent_len;
    le32 image_flags, image_len;
};
static_assert(offsetof(struct lr_split_disk, type) == 68, "LRSPLITNEW");
static_assert(offsetof(struct lr_split_disk, prefix_old_len) == 96, "LRSPLITNEW");
static_assert(sizeof(struct lr_split_disk) == 110, "LRSPLITNEW");

enum { LR_MERGE_KEY_CHANGE = 0x1, LR_MERGE_DELETE_NODE = 0x2, LR_MERGE_EMPTY_PAGE = 0x4 };

struct lr_merge_disk { /* separator key, image of pgno before the merge */
    struct lr_page_disk p;
    le32 pgno_right;
    le64 dbtime_right_before;
    le32 pgno_left;
    le64 dbtime_left_before;
    le32 pgno_parent;
    le64 dbtime_parent_before;
    le32 pgno_fdp, objid_fdp;
    le16 size_total, size_max_total, free_dest, iline_merge;
    uint8_t merge_flags, type;
    le16 key_parent_len;
    le32 image_flags, image_len;
};
static_assert(offsetof(struct lr_merge_disk, size_total) == 76, "LRMERGENEW");
static_assert(sizeof(struct lr_merge_disk) == 96, "LRMERGENEW");

struct lr_empty_tree_disk { /* list of lr_empty_page_disk */
    struct lr_node_disk n;
    le16 list_len;
};
static_assert(sizeof(struct lr_empty_tree_disk) == 46, "LREMPTYTREE");

struct lr_empty_page_disk {
    le64 dbtime_before;
    le32 pgno;
    le32 flags;
};
static_assert(sizeof(struct lr_empty_page_disk) == 16, "EMPTYPAGE");

struct lr_page_move_disk { /* both parts of the page's image */
    struct lr_page_disk p;
    le32 pgno_dest, pgno_left, pgno_right, pgno_parent;
    le64 dbtime_left_before, dbtime_right_before, dbtime_parent_before;
    le32 pgno_fdp, objid_fdp, iline_parent, move_flags;
    le32 header_len, trailer_len;
};
static_assert(offsetof(struct lr_page_move_disk, pgno_fdp) == 72, "LRPAGEMOVE");
static_assert(sizeof(struct lr_page_move_disk) == 96, "LRPAGEMOVE");

struct lr_create_me_fdp_disk {
    struct lr_page_disk p;
    le32 objid_fdp, pgno_oe, pgno_ae, pgno_parent_fdp, nr_pages, page_flags;
};
static_assert(sizeof(struct lr_create_me_fdp_disk) == 56, "LRCREATEMEFDP");

struct lr_create_se_fdp_disk {
    struct lr_page_disk p;
    le32 objid_fdp, pgno_parent_fdp, nr_pages, page_flags;
};
static_assert(sizeof(struct lr_create_se_fdp_disk) == 48, "LRCREATESEFDP");

struct lr_convert_fdp_disk {
    struct lr_page_disk p;
    le32 objid_fdp, pgno_oe, pgno_ae, pgno_parent_fdp, pgno_secondary, nr_pages, nr_secondary;
    le32 avail_bits, page_flags;
};
static_assert(sizeof(struct lr_convert_fdp_disk) == 68, "LRCONVERTFDP");

struct lr_page_patch_disk {
    uint8_t type, dbid;
    le32 pgno;
    le64 dbtime;
    uint8_t reserved[32];
};
static_assert(sizeof(struct lr_page_patch_disk) == 46, "LRPAGEPATCHREQUEST");

struct lr_new_page_disk {
    uint8_t type;
    le16 procid;
    uint8_t dbid;
    le32 pgno, objid;
    le64 dbtime;
};
static_assert(sizeof(struct lr_new_page_disk) == 20, "LRNEWPAGE");

struct lr_root_page_move_disk {
    uint8_t type;
    le64 dbtime;
    uint8_t dbid;
    le32 objid;
    le16 procid;
};
static_assert(sizeof(struct lr_root_page_move_disk) == 16, "LRROOTPAGEMOVE");

struct lr_begin_disk {
    uint8_t type;
    le16 procid;
    uint8_t levels;  /* low 4 bits: level begun from, high 4 bits: number of levels */
    le32 trx_begin0; /* Begin0 only */
};
static_assert(sizeof(struct lr_begin_disk) == 8, "LRBEGIN0");

struct lr_commit_disk {
    uint8_t type;
    le16 procid;
    uint8_t level;    /* committed to; Rollback: number of levels */
    le32 trx_commit0; /* Commit0 only */
};
static_assert(sizeof(struct lr_commit_disk) == 8, "LRCOMMIT0");

struct lr_refresh_disk {
    uint8_t type;
    le16 procid;
    le32 trx_begin0;
};
static_assert(sizeof(struct lr_refresh_disk) == 7, "LRREFRESH");

struct lr_macro_disk {
    uint8_t type;
    le16 procid;
    le64 dbtime;
};
static_assert(sizeof(struct lr_macro_disk) == 11, "LRMACROBEGIN");

struct lr_ignored_disk { /* len bytes follow */
    uint8_t type;
    le32 len;
};
static_assert(sizeof(struct lr_ignored_disk) == 5, "LRIGNORED");

struct lr_macro_info2_disk { /* page numbers */
    struct lr_ignored_disk i;
    uint8_t dbid;
    le32 nr;
};
static_assert(sizeof(struct lr_macro_info2_disk) == 10, "LRMACROINFO2");

struct lr_extend_db_disk {
    struct lr_ignored_disk i;
    uint8_t dbid;
    le32 pgno_last;
};
static_assert(sizeof(struct lr_extend_db_disk) == 10, "LREXTENDDB");

struct lr_commit_ctx_disk { /* the client's bytes */
    struct lr_ignored_disk i;
    le16 procid;
    uint8_t flags;
};
static_assert(sizeof(struct lr_commit_ctx_disk) == 8, "LRCOMMITCTX");

struct lr_scan_check_disk {
    struct lr_ignored_disk i;
    uint8_t dbid;
    le32 pgno;
    le64 unused[2];
    le64 dbtime_page, dbtime_current;
    le16 checksum;
};
static_assert(sizeof(struct lr_scan_check_disk) == 44, "LRSCANCHECK");

struct lr_scan_check2_disk {
    uint8_t type, dbid;
    le32 pgno;
    uint8_t
        flags; /* 0x80 objid invalid, 0x40 empty page, 0x20 FDP deleted; low bits: who scanned */
    le64 dbtime_page, dbtime_current;
    le32 checksum;
};
static_assert(sizeof(struct lr_scan_check2_disk) == 27, "LRSCANCHECK2");

struct lr_reattach_disk {
    struct lr_ignored_disk i;
    uint8_t dbid;
    le64 lgpos_attach, lgpos_consistent;
    struct signature sign_db;
};
static_assert(sizeof(struct lr_reattach_disk) == 50, "LRREATTACHDB");

struct lr_free_fdp_disk {
    struct lr_ignored_disk i;
    uint8_t dbid;
    le32 pgno_fdp, trx;
    uint8_t fdp_type; /* 1 table, 2 index */
};
static_assert(sizeof(struct lr_free_fdp_disk) == 15, "LRFREEFDP");

struct lr_range_disk { /* ShrinkDB, ShrinkDB2, TrimDB; ShrinkDB3 has the dbtime */
    uint8_t type, dbid;
    le32 pgno; /* shrink: the last page that stays; trim: the first one */
    le32 nr_pages;
    le64 dbtime;
};
static_assert(offsetof(struct lr_range_disk, dbtime) == 10, "LRSHRINKDB, LRTRIMDB");
static_assert(sizeof(struct lr_range_disk) == 18, "LRSHRINKDB3");

struct lr_extent_freed_disk {
    uint8_t type, dbid;
    le32 pgno, nr_pages;
    uint8_t flags;
    le64 dbtime; /* ExtentFreed2 only */
};
static_assert(offsetof(struct lr_extent_freed_disk, dbtime) == 11, "LREXTENTFREED");
static_assert(sizeof(struct lr_extent_freed_disk) == 19, "LREXTENTFREED2");

enum { LR_CREATE_DB_VERSION = 0x4, LR_DB_UTF16 = 0x8, LR_DB_SPARSE = 0x10, LR_DETACH_UTF16 = 0x10 };

struct lr_create_db_disk { /* with flag 4 u16 version, u16 update; then the path */
    uint8_t type;
    le16 procid;
    uint8_t dbid;
    le32 grbit, pages_max;
    struct signature sign_db;
    le16 path_len; /* does not count the version */
    uint8_t flags;
};
static_assert(sizeof(struct lr_create_db_disk) == 43, "LRCREATEDB");

struct lr_attach_db_disk { /* path */
    uint8_t type;
    le16 procid;
    uint8_t dbid;
    le32 pages_max;
    le64 lgpos_consistent;
    struct signature sign_db, sign_log; /* sign_log: what the header said before */
    le16 path_len;
    uint8_t flags;
};
static_assert(offsetof(struct lr_attach_db_disk, path_len) == 72, "LRATTACHDB");
static_assert(sizeof(struct lr_attach_db_disk) == 75, "LRATTACHDB");

struct lr_detach_db_disk { /* path */
    uint8_t type;
    le16 procid;
    uint8_t dbid;
    le16 path_len;
    uint8_t flags;
};
static_assert(sizeof(struct lr_detach_db_disk) == 7, "LRDETACHDB");

struct lr_set_db_version_disk {
    uint8_t type, dbid;
    le32 version, update_major, update_minor;
};
static_assert(sizeof(struct lr_set_db_version_disk) == 14, "LRSETDBVERSION");

struct lr_init_disk {
    uint8_t type;
    struct dbms_param_disk dbms;
    struct logtime time; /* Init2 only */
};
static_assert(offsetof(struct lr_init_disk, time) == 568, "LRINIT");
static_assert(sizeof(struct lr_init_disk) == 576, "LRINIT2");

struct lr_term_disk {
    uint8_t type;
    le64 lgpos; /* of the Init2 or RecoveryUndo2 that it ends */
    le64 lgpos_redo_from;
    uint8_t hard;
    struct logtime time; /* not in the obsolete ones */
};
static_assert(offsetof(struct lr_term_disk, time) == 18, "LRTERMREC");
static_assert(sizeof(struct lr_term_disk) == 26, "LRTERMREC2");

struct lr_recovery_undo_disk {
    uint8_t type;
    struct logtime time;
};
static_assert(sizeof(struct lr_recovery_undo_disk) == 9, "LRRECOVERYUNDO2");

struct lr_backup2_disk { /* path, empty in practice */
    uint8_t type;
    uint8_t phase; /* 1 begin, 2 prepare logs, 3 truncate, 4 update, 5 abort, 6 stop */
    le32 backup_type;
    uint8_t scope; /* 1 full, 2 incremental, 5 copy, 6 differential */
    uint8_t dbid;
    struct bkinfo_disk details;
    uint8_t reserved;
    le16 path_len;
};
static_assert(offsetof(struct lr_backup2_disk, details) == 8, "LRLOGBACKUP");
static_assert(sizeof(struct lr_backup2_disk) == 35, "LRLOGBACKUP");

struct lr_trace_disk { /* text with NUL */
    uint8_t type;
    le16 procid;
    le16 len;
};
static_assert(sizeof(struct lr_trace_disk) == 5, "LRTRACE");

struct lr_fragment_begin_disk { /* here bytes of the record */
    uint8_t type;
    le32 total;
    le16 here;
};
static_assert(sizeof(struct lr_fragment_begin_disk) == 7, "LRFRAGMENTBEGIN");

struct lr_fragment_disk {
    uint8_t type;
    le16 here;
};
static_assert(sizeof(struct lr_fragment_disk) == 3, "LRFRAGMENT");

#endif
