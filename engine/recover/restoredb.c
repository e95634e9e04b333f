/* A database of the set: the checks of a hard recovery (ESE: logutil.cxx ErrLGCheckDBFiles), and its copy. */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/file.h"
#include "os/outfile.h"
#include "page/dbhdr.h"
#include "recover/restore_int.h"

/* ---- may it be restored? ---------------------------------------------------------------------- */

static bool has_patch_file(const struct restore *rs, const struct ese_file *db)
{
    const struct ese_instance *inst = rs->rv.set.inst;
    const char *name = path_name(db->path), *dot = strrchr(name, '.');
    const size_t stem = dot ? (size_t)(dot - name) : strlen(name);

    for (unsigned i = 0; i < inst->nr_files; i++) {
        const char *pat = path_name(inst->files[i].path);
        if (inst->files[i].kind == ESE_KIND_PATCH && strlen(pat) == stem + 4 &&
            strncasecmp(pat, name, stem) == 0)
            return true;
    }
    return false;
}

static JET_ERR open_source(struct restore *rs, const struct restore_db *db, int *ret_fd)
{
    struct rplace at;
    JET_ERR err = rplace_find(&rs->rv, db->file->path, &at);

    if (err < 0)
        return err;
    err = os_open_beneath(at.dirfd, at.path, ret_fd);
    rplace_done(&at);
    return err;
}

static JET_ERR read_trailer(struct restore *rs, const struct restore_db *db, uint8_t *page)
{
    const uint32_t page_size = db->file->header.db.page_size;
    JET_ERR err;
    int fd;

    err = open_source(rs, db, &fd);
    if (err < 0)
        return fault_io(&rs->rv.r, err, ESE_NO_OFFSET, "opening the database");
    err = os_pread_all(fd, page, page_size, db->file->size - page_size);
    close(fd);
    return err < 0 ? fault_io(&rs->rv.r, err, db->file->size - page_size, "reading its last page")
                   : JET_errSuccess;
}

static JET_ERR compare_trailer(struct restore *rs, struct restore_db *db,
                               const struct trailer_disk *t)
{
    const struct ese_db_info *info = &db->file->header.db;
    const uint64_t off = db->file->size - info->page_size;
    const char *what = NULL;

    if (memcmp(t->sign_db.b, &info->sign_db, sizeof(t->sign_db.b)) != 0)
        what = "another database's signature";
    else if (memcmp(t->sign_log.b, &info->sign_log, sizeof(t->sign_log.b)) != 0)
        what = "another log stream's signature";
    else if (le64_get(t->backup.mark) != info->full_cur.mark)
        what = "another backup's position in the log";
    if (what)
        return fault(&rs->rv.r, JET_errDatabasePatchFileMismatch, 430, 0, off,
                     "the trailer page has %s than the header", what);
    db->trailer = (struct bkinfo){.mark = le64_get(t->backup.mark),
                                  .time = t->backup.time,
                                  .gen_low = le32_get(t->backup.gen_low),
                                  .gen_high = le32_get(t->backup.gen_high)};
    return JET_errSuccess;
}

static JET_ERR check_trailer(struct restore *rs, struct restore_db *db)
{
    const uint32_t page_size = db->file->header.db.page_size;
    uint8_t *page = malloc(page_size);
    JET_ERR err = page ? read_trailer(rs, db, page) : RAISE(JET_errOutOfMemory);

    if (err >= 0 && !trailer_is_valid(page, page_size))
        err = fault(&rs->rv.r, JET_errBadPatchPage, 645, 0, db->file->size - page_size,
                    "its last page is not the trailer that ends a backup's copy");
    if (err >= 0)
        err = compare_trailer(rs, db, (const struct trailer_disk *)page);
    free(page);
    db->size = db->file->size - page_size;
    return err;
}

static JET_ERR needs_logs(struct restore *rs, uint32_t event, lgen_t from, lgen_t to)
{
    return fault(&rs->rv.r, JET_errRequiredLogFilesMissing, event, 0, ESE_NO_OFFSET,
                 "it needs the log generations 0x%" PRIX32 " to 0x%" PRIX32
                 ", the backup has 0x%" PRIX32 " to 0x%" PRIX32,
                 from, to, rs->low, rs->high);
}

static JET_ERR check_logs(struct restore *rs, const struct restore_db *db)
{
    const struct ese_db_info *info = &db->file->header.db;

    if (memcmp(&info->sign_log, &rs->rv.set.sign_log, sizeof(info->sign_log)) != 0)
        return fault(&rs->rv.r, JET_errAttachedDatabaseMismatch, 0, 0, 108,
                     "it belongs to another log stream than the logs of the backup");
    if (info->gen_min_required < rs->low)
        return needs_logs(rs, 452, info->gen_min_required, info->gen_max_required);
    if (info->gen_max_required > rs->high)
        return needs_logs(rs, 453, info->gen_min_required, info->gen_max_required);
    if (db->trailer.gen_low < rs->low)
        return fault(&rs->rv.r, JET_errStartingRestoreLogTooHigh, 431, 0, ESE_NO_OFFSET,
                     "its backup begins with generation 0x%" PRIX32
                     ", the first log there is 0x%" PRIX32,
                     db->trailer.gen_low, rs->low);
    if (db->trailer.gen_high > rs->high)
        return fault(&rs->rv.r, JET_errEndingRestoreLogTooLow, 432, 0, ESE_NO_OFFSET,
                     "its copy ends in generation 0x%" PRIX32 ", the last log there is 0x%" PRIX32,
                     db->trailer.gen_high, rs->high);
    return JET_errSuccess;
}

static JET_ERR check_backup(struct restore *rs, struct restore_db *db)
{
    const struct ese_db_info *info = &db->file->header.db;
    JET_ERR err;

    if (info->state != ESE_DB_DIRTY && info->state != ESE_DB_DIRTY_PATCHED &&
        info->state != ESE_DB_CLEAN)
        return fault(&rs->rv.r, JET_errDatabaseCorrupted, 0, 0, 52, "its state is \"%s\"",
                     dbstate_name(info->state));
    if (!rs->mapped && !has_patch_file(rs, db->file))
        return fault(&rs->rv.r, JET_errPatchFileMissing, 0, 0, ESE_NO_OFFSET,
                     "the .pat file beside it is missing: it was not copied whole");
    if (!info->full_cur.gen_low)
        return fault(&rs->rv.r, JET_errRestoreOfNonBackupDatabase, 0, 0, 184,
                     "it is no copy out of a backup");
    if (db->file->size % info->page_size || db->file->size < 4ull * info->page_size)
        return fault(&rs->rv.r, JET_errBadBackupDatabaseSize, 438, 0, ESE_NO_OFFSET,
                     "its size, %" PRIu64 " bytes, is that of no copy of pages of %" PRIu32,
                     db->file->size, info->page_size);
    err = check_trailer(rs, db);
    return err < 0 ? err : check_logs(rs, db);
}

JET_ERR restore_db_check(struct restore *rs, struct restore_db *db)
{
    const struct ese_file *f = db->file;

    rs->rv.r.file = path_name(f->path);
    if (!f->header_ok)
        return fault(&rs->rv.r, rs->how.hard ? JET_errDatabaseCorrupted : f->err, 0, 0, 0,
                     "neither copy of its header can be used: %s", err_text(f->err));
    return rs->how.hard ? check_backup(rs, db) : JET_errSuccess;
}

/* ---- the copy --------------------------------------------------------------------------------- */

static JET_ERR remember_bad(struct restore_db *db, pgno_t pgno)
{
    if (db->nr_bad == db->room_bad) {
        const size_t room = db->room_bad ? db->room_bad * 2 : 64;
        pgno_t *more = realloc(db->bad, room * sizeof(*more));
        if (!more)
            return RAISE(JET_errOutOfMemory);
        db->bad = more;
        db->room_bad = room;
    }
    db->bad[db->nr_bad++] = pgno;
    return JET_errSuccess;
}

/* len: whole pages, the first one at off. */
static JET_ERR verify(struct restore *rs, struct restore_db *db, uint8_t *piece, size_t len,
                      uint64_t off)
{
    const uint32_t page_size = db->file->header.db.page_size;
    JET_ERR err = JET_errSuccess;

    for (size_t at = 0; at < len && err >= 0; at += page_size) {
        const uint64_t n = (off + at) / page_size;
        struct page_check c;
        if (n < 2)
            continue; /* the header */
        page_verify(piece + at, page_size, (pgno_t)(n - 1), &c);
        rs->pages++;
        if (c.verdict == PAGE_CORRECTED) {
            rs->corrected++;
            fault_corrected(&rs->rv.r, 399, (pgno_t)(n - 1), off + at,
                            "bit %" PRIu32 " was wrong and has been corrected in the copy", c.bit);
        } else if (c.err < 0) {
            err = remember_bad(db, (pgno_t)(n - 1));
        }
    }
    return err;
}

static JET_ERR say_write(struct restore *rs, const struct outfile *out, JET_ERR err)
{
    return fault_io(&rs->rv.r, err, outfile_failed_at(out), "writing the copy");
}

static void tell_progress(struct restore *rs, size_t len)
{
    rs->done += len;
    if (rs->rv.progress)
        rs->rv.progress(rs->rv.progress_ctx, 0, 0);
}

static JET_ERR copy_pieces(struct restore *rs, struct restore_db *db, int from, struct outfile *out)
{
    const uint32_t page_size = db->file->header.db.page_size;
    JET_ERR err = JET_errSuccess;

    for (uint64_t off = 0; off < db->size && err >= 0;) {
        const size_t want =
            db->size - off < OUTFILE_PIECE ? (size_t)(db->size - off) : OUTFILE_PIECE;
        uint8_t *piece;

        err = outfile_piece(out, &piece);
        if (err < 0)
            return say_write(rs, out, err);
        err = os_pread_all(from, piece, want, off);
        if (err < 0)
            return fault_io(&rs->rv.r, err, off, "reading the database");
        err = verify(rs, db, piece, want / page_size * page_size, off);
        if (page_is_zero(piece, want))
            outfile_put_hole(out, want);
        else
            outfile_put(out, want);
        if (err >= 0)
            err = recovery_stopped(&rs->rv);
        off += want;
        tell_progress(rs, want);
    }
    return err;
}

/* Of a file without holes room is taken for all of it. */
static JET_ERR copy_all(struct restore *rs, struct restore_db *db, int from, int to,
                        struct outfile *out)
{
    struct os_stat st;
    JET_ERR err = os_stat_fd(from, &st);

    if (err < 0)
        return fault_io(&rs->rv.r, err, ESE_NO_OFFSET, "looking at the database");
    err = outfile_begin(out, to, st.blocks512 * 512 < st.size ? 0 : db->size);
    if (err < 0)
        return say_write(rs, out, err);
    err = copy_pieces(rs, db, from, out);
    if (err < 0) {
        outfile_drop(out);
        return err;
    }
    err = outfile_end(out);
    return err < 0 ? say_write(rs, out, err) : JET_errSuccess;
}

/* One copy of the header was damaged: the other goes over both. */
static JET_ERR mend_header(struct restore *rs, const struct restore_db *db, int to)
{
    const uint32_t page_size = db->file->header.db.page_size;
    struct reporter quiet = {0};
    const struct dbhdr_disk *raw;
    struct ese_db_info info;
    uint8_t *head = malloc(DBHDR_HEAD_LEN);
    size_t len;
    JET_ERR err = head ? os_pread(to, head, DBHDR_HEAD_LEN, 0, &len) : RAISE(JET_errOutOfMemory);

    if (err >= 0)
        err = dbhdr_decode(head, len, &quiet, &info, &raw);
    if (err >= 0)
        err = os_pwrite_all(to, raw, page_size, info.primary_bad ? 0 : page_size);
    if (err < 0)
        err = fault_io(&rs->rv.r, err, 0, "mending the header of the copy");
    free(head);
    return err;
}

JET_ERR restore_db_copy(struct restore *rs, struct restore_db *db, int to)
{
    const struct ese_db_info *info = &db->file->header.db;
    struct outfile *out;
    JET_ERR err = outfile_new(&out);
    int from;

    if (err < 0)
        return err;
    rs->rv.r.file = path_name(db->file->path);
    err = open_source(rs, db, &from);
    if (err < 0) {
        outfile_free(out);
        return fault_io(&rs->rv.r, err, ESE_NO_OFFSET, "opening the database");
    }
    err = copy_all(rs, db, from, to, out);
    close(from);
    outfile_free(out);
    if (err >= 0 && (info->primary_bad || info->shadow_bad))
        err = mend_header(rs, db, to);
    if (err >= 0 && (err = os_fsync(to)) < 0)
        err = fault_io(&rs->rv.r, err, ESE_NO_OFFSET, "syncing the copy");
    return err;
}

/* ---- pages that could not be verified --------------------------------------------------------- */

JET_ERR restore_db_recheck(struct restore *rs, const struct restore_db *db, int fd)
{
    const uint32_t page_size = db->file->header.db.page_size;
    JET_ERR first = JET_errSuccess;
    uint8_t *page = malloc(page_size);

    if (!page)
        return RAISE(JET_errOutOfMemory);
    rs->rv.r.file = path_name(db->file->path);
    for (size_t i = 0; i < db->nr_bad; i++) {
        const uint64_t off = ((uint64_t)db->bad[i] + 1) * page_size;
        struct page_check c;
        size_t got;
        JET_ERR err = os_pread(fd, page, page_size, off, &got);
        if (err < 0) {
            err = fault_io(&rs->rv.r, err, off, "reading a page");
        } else if (got == page_size) {
            page_verify(page, page_size, db->bad[i], &c);
            if (c.err < 0)
                err =
                    fault(&rs->rv.r, c.err, c.verdict == PAGE_BAD_CHECKSUM ? 474 : 475, db->bad[i],
                          off, "the page is damaged in the backup, and no log makes it anew");
        }
        if (err < 0 && first >= 0)
            first = err;
    }
    free(page);
    return first;
}

void restore_db_done(struct restore_db *db)
{
    if (db->own) {
        if (db->own->header_ok)
            ese_header_done(&db->own->header);
        free(db->own->path);
        free(db->own);
    }
    free(db->work);
    free(db->final);
    free(db->bad);
}
