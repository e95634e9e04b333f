#include "page/dbhdr.h"

#include <stdlib.h>

#include "os/file.h"
#include "page/cksum.h"
#include "page/page.h"

static const uint32_t page_sizes[] = {4096, 8192, 32768, 16384, 2048};

static bool page_size_is_legal(uint32_t size)
{
    for (size_t i = 0; i < ARRAY_LEN(page_sizes); i++)
        if (page_sizes[i] == size)
            return true;
    return false;
}

static uint32_t page_size_field(const struct dbhdr_disk *h)
{
    uint32_t size = le32_get(h->page_size);
    return size ? size : 4096; /* files older than the field have 4 KiB pages */
}

/* The copy at `off`, if its checksum over page_size bytes is right and it agrees on the page size. */
static const struct dbhdr_disk *sound_copy(const uint8_t *head, size_t len, size_t off,
                                           uint32_t page_size)
{
    const struct dbhdr_disk *h;

    if (off + page_size > len)
        return NULL;
    h = (const struct dbhdr_disk *)(head + off);
    if (le32_get(h->magic) != FILE_MAGIC || page_size_field(h) != page_size ||
        le32_get(h->checksum) != cksum_xor(h, page_size))
        return NULL;
    return h;
}

bool dbhdr_is_database(const void *head, size_t len)
{
    const uint8_t *b = head;

    if (len >= sizeof(struct dbhdr_disk) && get_le32(b + 4) == FILE_MAGIC)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(page_sizes); i++)
        if (sound_copy(b, len, page_sizes[i], page_sizes[i]))
            return true;
    return false;
}

static struct ese_bkinfo bkinfo_get(const struct bkinfo_disk *d)
{
    struct ese_bkinfo b = {.mark = le64_get(d->mark),
                           .gen_low = le32_get(d->gen_low),
                           .gen_high = le32_get(d->gen_high)};
    memcpy(b.time.b, d->time.b, sizeof(b.time.b));
    return b;
}

static void info_fill(const struct dbhdr_disk *h, struct ese_db_info *ret)
{
    *ret = (struct ese_db_info){
        .page_size = page_size_field(h),
        .version = le32_get(h->version),
        .update_major = le32_get(h->update_major),
        .update_minor = le32_get(h->update_minor),
        .state = le32_get(h->state),
        .dbtime = le64_get(h->dbtime),
        .objid_last = le32_get(h->objid_last),
        .lgpos_attach = le64_get(h->lgpos_attach),
        .lgpos_consistent = le64_get(h->lgpos_consistent),
        .lgpos_detach = le64_get(h->lgpos_detach),
        .gen_min_required = le32_get(h->gen_min_required),
        .gen_max_required = le32_get(h->gen_max_required),
        .gen_max_committed = le32_get(h->gen_max_committed),
        .gen_min_consistent = le32_get(h->gen_min_consistent),
        .full_prev = bkinfo_get(&h->full_prev),
        .inc_prev = bkinfo_get(&h->inc_prev),
        .full_cur = bkinfo_get(&h->full_cur),
        .snapshot_cur = bkinfo_get(&h->snapshot_cur),
        .copy_prev = bkinfo_get(&h->copy_prev),
        .diff_prev = bkinfo_get(&h->diff_prev),
    };
    memcpy(ret->sign_db.b, h->sign_db.b, sizeof(ret->sign_db.b));
    memcpy(ret->sign_log.b, h->sign_log.b, sizeof(ret->sign_log.b));
    memcpy(ret->time_gen_max_created.b, h->time_gen_max_created.b, 8);
    memcpy(ret->time_gen_max_required.b, h->time_gen_max_required.b, 8);
}

JET_ERR dbhdr_decode(const void *head, size_t len, struct reporter *r, struct ese_db_info *ret,
                     const struct dbhdr_disk **ret_raw)
{
    const struct dbhdr_disk *first = head, *primary = NULL, *shadow = NULL, *h;
    uint32_t size = 0;
    struct ese_db_info info;

    if (!dbhdr_is_database(head, len))
        return fault(r, JET_errFileInvalidType, 0, 0, 0, "no database header");
    if (len >= sizeof(*first)) {
        size = page_size_field(first);
        if (page_size_is_legal(size))
            primary = sound_copy(head, len, 0, size);
    }
    if (primary)
        shadow = sound_copy(head, len, size, size);
    for (size_t i = 0; !primary && !shadow && i < ARRAY_LEN(page_sizes); i++)
        shadow = sound_copy(head, len, page_sizes[i], page_sizes[i]);
    h = primary ? primary : shadow;
    if (!h)
        return fault(r, JET_errReadVerifyFailure, 475, 0, 0,
                     "the database header and its shadow are both damaged");
    if (le32_get(h->filetype) != FILETYPE_DATABASE && le32_get(h->filetype) != 0)
        return fault(r, JET_errFileInvalidType, 0, 0, 667, "file type %u is no database",
                     le32_get(h->filetype));
    info_fill(h, &info);
    if (info.version != DB_VERSION || info.update_major > DB_UPDATE_MAX)
        return fault(r, JET_errInvalidDatabaseVersion, 0, 0, 8,
                     "format 0x%X.%u.%u is not known; the newest known is 0x%X.%u", info.version,
                     info.update_major, info.update_minor, DB_VERSION, DB_UPDATE_MAX);
    info.primary_bad = !primary;
    info.shadow_bad = !shadow;
    if (info.primary_bad)
        fault_note(r, 456, 0, "the primary database header is damaged, its shadow was used");
    if (info.shadow_bad)
        fault_note(r, 472, info.page_size, "the shadow of the database header is damaged");
    *ret = info;
    if (ret_raw)
        *ret_raw = h;
    return JET_errSuccess;
}

JET_ERR dbhdr_read(int fd, struct reporter *r, struct ese_db_info *ret)
{
    uint8_t *head = malloc(DBHDR_HEAD_LEN);
    size_t len;
    JET_ERR err;

    if (!head)
        return RAISE(JET_errOutOfMemory);
    err = os_pread(fd, head, DBHDR_HEAD_LEN, 0, &len);
    if (err < 0)
        err = fault_io(r, err, 0, "reading the database header");
    else
        err = dbhdr_decode(head, len, r, ret, NULL);
    free(head);
    return err;
}

const char *dbstate_name(uint32_t state)
{
    static const char *const names[] = {
        [0] = "unknown",
        [ESE_DB_JUST_CREATED] = "just created",
        [ESE_DB_DIRTY] = "dirty",
        [ESE_DB_CLEAN] = "clean",
        [ESE_DB_CONVERTING] = "being converted",
        [ESE_DB_FORCE_DETACH] = "force-detached",
        [ESE_DB_RESEEDING] = "incremental reseed in progress",
        [ESE_DB_DIRTY_PATCHED] = "dirty and patched",
        [ESE_DB_REVERTING] = "revert in progress",
    };
    return state < ARRAY_LEN(names) ? names[state] : "unknown";
}

static void dump_bkinfo(struct fields *f, const char *name, const struct bkinfo_disk *b)
{
    fields_open(f, name);
    fields_lgpos(f, "Mark", le64_get(b->mark));
    fields_logtime(f, "Time", b->time);
    fields_hex(f, "GenLow", le32_get(b->gen_low));
    fields_hex(f, "GenHigh", le32_get(b->gen_high));
    fields_close(f);
}

static void dump_history(const struct dbhdr_disk *h, struct fields *f)
{
    fields_u64(f, "RepairCount", le32_get(h->repair_count));
    fields_logtime(f, "RepairTime", h->time_repair);
    fields_u64(f, "RepairCountOld", le32_get(h->repair_count_old));
    fields_u64(f, "ScrubDbtime", le64_get(h->dbtime_scrub));
    fields_logtime(f, "ScrubTime", h->time_scrub);
    fields_u64(f, "EccFixed", le32_get(h->ecc_fixed));
    fields_logtime(f, "EccFixedTime", h->time_ecc_fixed);
    fields_u64(f, "EccFixedOld", le32_get(h->ecc_fixed_old));
    fields_u64(f, "EccFailed", le32_get(h->ecc_failed));
    fields_logtime(f, "EccFailedTime", h->time_ecc_failed);
    fields_u64(f, "EccFailedOld", le32_get(h->ecc_failed_old));
    fields_u64(f, "BadChecksum", le32_get(h->bad_checksum));
    fields_logtime(f, "BadChecksumTime", h->time_bad_checksum);
    fields_u64(f, "BadChecksumOld", le32_get(h->bad_checksum_old));
    fields_u64(f, "ReseedCount", le32_get(h->reseed_count));
    fields_logtime(f, "ReseedTime", h->time_reseed);
    fields_u64(f, "ReseedCountOld", le32_get(h->reseed_count_old));
    fields_u64(f, "PagePatchCount", le32_get(h->page_patch_count));
    fields_logtime(f, "PagePatchTime", h->time_page_patch);
    fields_u64(f, "PagePatchCountOld", le32_get(h->page_patch_count_old));
    fields_logtime(f, "ScanPrevTime", h->time_scan_prev);
    fields_logtime(f, "ScanStartTime", h->time_scan_start);
    fields_u64(f, "ScanPgnoContinuous", le32_get(h->pgno_scan_continuous));
    fields_u64(f, "ScanPgnoHighest", le32_get(h->pgno_scan_highest));
    fields_u64(f, "ExtendCount", le32_get(h->extend_count));
    fields_logtime(f, "ExtendTime", h->time_extend);
    fields_u64(f, "ShrinkCount", le32_get(h->shrink_count));
    fields_logtime(f, "ShrinkTime", h->time_shrink);
    fields_u64(f, "TrimCount", le32_get(h->trim_count));
    fields_lgpos(f, "LgposLastResize", le64_get(h->lgpos_last_resize));
    fields_u64(f, "RevertCount", le32_get(h->revert_count));
    fields_logtime(f, "RevertFromTime", h->time_revert_from);
    fields_logtime(f, "RevertToTime", h->time_revert_to);
    fields_u64(f, "RevertPageCount", le32_get(h->revert_page_count));
    fields_lgpos(f, "LgposCommitBeforeRevert", le64_get(h->lgpos_commit_before_revert));
    fields_u64(f, "Upgrade55Pages", le32_get(h->upgrade55_pages));
    fields_u64(f, "UpgradeFreePages", le32_get(h->upgrade_free_pages));
    fields_u64(f, "UpgradeSpaceMapPages", le32_get(h->upgrade_space_map_pages));
    fields_bytes(f, "SortVersion", h->sort_version.b, sizeof(h->sort_version.b));
    fields_fmt(f, "OsVersion", "%u.%u.%u SP %u", le32_get(h->os_major), le32_get(h->os_minor),
               le32_get(h->os_build), le32_get(h->os_service_pack));
}

static void dump_log_fields(const struct dbhdr_disk *h, struct fields *f)
{
    fields_signature(f, "LogSignature", &h->sign_log);
    fields_hex(f, "GenMinRequired", le32_get(h->gen_min_required));
    fields_hex(f, "GenMaxRequired", le32_get(h->gen_max_required));
    fields_logtime(f, "GenMaxRequiredTime", h->time_gen_max_required);
    fields_hex(f, "GenMaxCommitted", le32_get(h->gen_max_committed));
    fields_logtime(f, "GenMaxCreatedTime", h->time_gen_max_created);
    fields_hex(f, "GenMinConsistent", le32_get(h->gen_min_consistent));
    fields_hex(f, "GenPreRedoMinConsistent", le32_get(h->gen_pre_redo_min_consistent));
    fields_hex(f, "GenPreRedoMinRequired", le32_get(h->gen_pre_redo_min_required));
    fields_hex(f, "GenRecovering", le32_get(h->gen_recovering));
    fields_lgpos(f, "LgposConsistent", le64_get(h->lgpos_consistent));
    fields_logtime(f, "ConsistentTime", h->time_consistent);
    fields_lgpos(f, "LgposAttach", le64_get(h->lgpos_attach));
    fields_logtime(f, "AttachTime", h->time_attach);
    fields_lgpos(f, "LgposDetach", le64_get(h->lgpos_detach));
    fields_logtime(f, "DetachTime", h->time_detach);
    fields_lgpos(f, "LgposReattach", le64_get(h->lgpos_reattach));
    fields_logtime(f, "ReattachTime", h->time_reattach);
    dump_bkinfo(f, "FullPrev", &h->full_prev);
    fields_u64(f, "FullPrevType", le32_get(h->full_prev_type));
    dump_bkinfo(f, "IncPrev", &h->inc_prev);
    fields_u64(f, "IncPrevType", le32_get(h->inc_prev_type));
    dump_bkinfo(f, "CopyPrev", &h->copy_prev);
    fields_u64(f, "CopyPrevType", le32_get(h->copy_prev_type));
    dump_bkinfo(f, "DiffPrev", &h->diff_prev);
    fields_u64(f, "DiffPrevType", le32_get(h->diff_prev_type));
    dump_bkinfo(f, "FullCur", &h->full_cur);
    dump_bkinfo(f, "SnapshotCur", &h->snapshot_cur);
}

void dbhdr_dump(const struct dbhdr_disk *h, const struct ese_db_info *info, struct fields *f)
{
    fields_str(f, "FileType", "database");
    fields_fmt(f, "Checksum", "0x%08x", le32_get(h->checksum));
    fields_str(f, "Primary", info->primary_bad ? "damaged" : "sound");
    fields_str(f, "Shadow", info->shadow_bad ? "damaged" : "sound");
    fields_fmt(f, "Version", "0x%X.%u.%u", info->version, info->update_major, info->update_minor);
    fields_fmt(f, "CreateVersion", "0x%X.%u", le32_get(h->create_version),
               le32_get(h->create_update));
    fields_u64(f, "EngineFormatVersion", le32_get(h->efv_attached));
    fields_u64(f, "PageSize", info->page_size);
    fields_fmt(f, "State", "%s (%u)", dbstate_name(info->state), info->state);
    fields_u64(f, "Dbtime", info->dbtime);
    fields_u64(f, "ObjidLast", info->objid_last);
    fields_u64(f, "Dbid", le32_get(h->dbid));
    fields_hex(f, "Attributes", le32_get(h->attrib));
    fields_hex(f, "Flags", le32_get(h->flags));
    fields_signature(f, "DbSignature", &h->sign_db);
    dump_log_fields(h, f);
    fields_signature(f, "HeaderFlushSignature", &h->sign_header_flush);
    fields_signature(f, "FlushmapFlushSignature", &h->sign_flushmap_flush);
    fields_signature(f, "RbsFlushSignature", &h->sign_rbs_flush);
    dump_history(h, f);
}

bool trailer_is_valid(const void *page, uint32_t page_size)
{
    const struct trailer_disk *t = page;

    return page_is_zero(t->zero, sizeof(t->zero)) && !page_is_zero(&t->backup, sizeof(t->backup)) &&
           le32_get(t->checksum) == cksum_xor(page, page_size);
}

void trailer_dump(const void *page, struct fields *f)
{
    const struct trailer_disk *t = page;

    fields_open(f, "Trailer");
    fields_fmt(f, "Checksum", "0x%08x", le32_get(t->checksum));
    dump_bkinfo(f, "Backup", &t->backup);
    fields_signature(f, "DbSignature", &t->sign_db);
    fields_signature(f, "LogSignature", &t->sign_log);
    fields_hex(f, "GenMinRequired", le32_get(t->gen_min_required));
    fields_hex(f, "GenMaxRequired", le32_get(t->gen_max_required));
    fields_hex(f, "GenMaxCommitted", le32_get(t->gen_max_committed));
    fields_logtime(f, "GenMaxRequiredTime", t->time_gen_max_required);
    fields_logtime(f, "GenMaxCommittedTime", t->time_gen_max_committed);
    fields_close(f);
}
