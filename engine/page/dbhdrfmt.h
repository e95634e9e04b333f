/*
 * The database header as it lies on disk (ESE: daedef.hxx DBFILEHDR): 748 bytes at the start of a
 * page, XOR checksum over the whole page. Page 0 of the file is the primary copy, page 1 the shadow;
 * pgno 1 follows. BKINFO is {lgpos, logtime, gen low, gen high}.
 */
#ifndef ESE_PAGE_DBHDRFMT_H
#define ESE_PAGE_DBHDRFMT_H

#include <assert.h>

#include "base/types.h"

#define FILE_MAGIC        0x89abcdefu
#define FILETYPE_DATABASE 1u
#define DB_VERSION        0x620u
#define DB_UPDATE_MAX     290u /* newest format that was seen and is understood: 0x620.290.600 */

struct bkinfo_disk {
    le64 mark;
    struct logtime time;
    le32 gen_low, gen_high;
};

struct dbhdr_disk {
    le32 checksum, magic, version, attrib;
    le64 dbtime;
    struct signature sign_db;
    le32 state;
    le64 lgpos_consistent;
    struct logtime time_consistent, time_attach;
    le64 lgpos_attach;
    struct logtime time_detach;
    le64 lgpos_detach;
    le32 dbid;
    struct signature sign_log;
    struct bkinfo_disk full_prev, inc_prev, full_cur;
    le32 flags, objid_last;
    le32 os_major, os_minor, os_build, os_service_pack;
    le32 update_major, page_size;
    le32 repair_count;
    struct logtime time_repair;
    uint8_t sign_slv[28]; /* obsolete */
    le64 dbtime_scrub;
    struct logtime time_scrub;
    le32 gen_min_required, gen_max_required;
    le32 upgrade55_pages, upgrade_free_pages, upgrade_space_map_pages;
    struct bkinfo_disk snapshot_cur;
    le32 create_version, create_update;
    struct logtime time_gen_max_created;
    le32 full_prev_type, inc_prev_type;
    le32 repair_count_old;
    le32 ecc_fixed;
    struct logtime time_ecc_fixed;
    le32 ecc_fixed_old, ecc_failed;
    struct logtime time_ecc_failed;
    le32 ecc_failed_old, bad_checksum;
    struct logtime time_bad_checksum;
    le32 bad_checksum_old;
    le32 gen_max_committed;
    struct bkinfo_disk copy_prev, diff_prev;
    le32 copy_prev_type, diff_prev_type;
    le32 reseed_count;
    struct logtime time_reseed;
    le32 reseed_count_old, page_patch_count;
    struct logtime time_page_patch;
    le32 page_patch_count_old;
    le64 sort_version;
    struct logtime time_scan_prev, time_scan_start;
    le32 pgno_scan_continuous, gen_recovering, extend_count;
    struct logtime time_extend;
    le32 shrink_count;
    struct logtime time_shrink, time_reattach;
    le64 lgpos_reattach;
    le32 trim_count;
    struct signature sign_header_flush, sign_flushmap_flush;
    le32 gen_min_consistent, update_minor, efv_attached, pgno_scan_highest;
    le64 lgpos_last_resize;
    uint8_t reserved[3];
    le32 filetype; /* 1; 0 in old files */
    uint8_t reserved2;
    struct logtime time_gen_max_required;
    le32 gen_pre_redo_min_consistent, gen_pre_redo_min_required;
    struct signature sign_rbs_flush;
    le32 revert_count;
    struct logtime time_revert_from, time_revert_to;
    le32 revert_page_count;
    le64 lgpos_commit_before_revert;
};
#define AT(field, off) static_assert(offsetof(struct dbhdr_disk, field) == (off), #field)
AT(sign_db, 24);
AT(state, 52);
AT(lgpos_detach, 96);
AT(sign_log, 108);
AT(full_cur, 184);
AT(objid_last, 212);
AT(update_major, 232);
AT(gen_min_required, 296);
AT(snapshot_cur, 316);
AT(time_gen_max_created, 348);
AT(gen_max_committed, 416);
AT(diff_prev_type, 472);
AT(gen_recovering, 536);
AT(lgpos_reattach, 572);
AT(gen_min_consistent, 640);
AT(lgpos_last_resize, 656);
AT(filetype, 667);
AT(time_gen_max_required, 672);
AT(sign_rbs_flush, 688);
#undef AT
static_assert(sizeof(struct dbhdr_disk) == 748, "database header");

/*
 * PATCHHDR (ESE: cpage.hxx): the trailer page that a streaming backup appends to the database's copy,
 * after a page-like header of 40 zero bytes but for the XOR checksum.
 */
struct trailer_disk {
    le32 checksum;
    uint8_t zero[36];
    struct bkinfo_disk backup; /* gen_low .. gen_high: the logs that a restore needs */
    struct signature sign_db, sign_log;
    le32 gen_min_required, gen_max_required, gen_max_committed;
    struct logtime time_gen_max_required, time_gen_max_committed;
};
static_assert(offsetof(struct trailer_disk, backup) == 40, "trailer page");
static_assert(offsetof(struct trailer_disk, sign_log) == 92, "trailer page");
static_assert(offsetof(struct trailer_disk, gen_min_required) == 120, "trailer page");

#endif
