/*
 * The log phase: the current generation is ended, so that everything that a copied page can show lies in files that nobody
 * writes any more; then what belongs to the backup, and what may go afterwards (ESE: backup.cxx ErrBKIPrepareLogFiles,
 * ErrBKTruncateLog).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "backup/session_priv.h"
#include "os/file.h"

JET_ERR backup_log_path(const struct inst *in, lgen_t gen, char **ret)
{
    const size_t len = strlen(in->log_dir);
    char name[LOGGEN_NAME_LEN];

    if (asprintf(ret, "%s%s%s", in->log_dir, len && in->log_dir[len - 1] == '/' ? "" : "/",
                 wal_archived_name(in->wal, gen, name)) >= 0)
        return JET_errSuccess;
    *ret = NULL;
    return RAISE(JET_errOutOfMemory);
}

/* An event about the logs [mic, mac); mac 0: about one. */
static JET_ERR tell_logs(struct inst *in, uint32_t event, JET_ERR what, lgen_t mic, lgen_t mac)
{
    char *first, *last = NULL;
    JET_ERR err = backup_log_path(in, mic, &first);

    if (err >= 0 && mac)
        err = backup_log_path(in, mac - 1, &last);
    if (err >= 0)
        bkevent(in, event, what, first, last, NULL);
    free(first);
    free(last);
    return err;
}

/* ---- ranges ---------------------------------------------------------------------------------- */

JET_ERR prepare_end_generation(struct backup *b)
{
    const struct logrec rec = marks_record(b, PHASE_PREPARE, NULL);
    JET_ERR err = wal_roll_with(b->in->wal, &rec, &b->prepare_lgpos, &b->copy_mac);

    b->prepare_time = rec.backup.details.time;
    if (b->opts.incremental) {
        b->mark = b->prepare_lgpos;
        b->mark_time = b->prepare_time;
    }
    return err;
}

/* A database that this backup leaves out needs the logs since its own last one. */
static lgen_t needed_by_others(const struct backup *b, lgen_t most)
{
    for (unsigned i = 1; i <= DBID_MAX; i++) {
        struct db *d = backup_db(b, i);
        const lgen_t gen = d && !b->db_read[i] ? marks_last_gen(d) : most;

        if (gen < most)
            most = gen;
    }
    return most;
}

JET_ERR prepare_find_ranges(struct backup *b)
{
    lgpos_t checkpoint;
    JET_ERR err = b->in->life->checkpoint(b->in, &checkpoint);

    if (err < 0)
        return err;
    b->delete_mic = wal_lowest(b->in->wal);
    b->delete_mac = lgpos_gen(checkpoint) < b->copy_mac ? lgpos_gen(checkpoint) : b->copy_mac;
    if (!b->opts.incremental)
        b->delete_mac = needed_by_others(b, b->delete_mac);
    else
        b->copy_mic = b->delete_mic;
    if (b->delete_mac < b->delete_mic || b->opts.copy)
        b->delete_mac = b->delete_mic;
    return JET_errSuccess;
}

/* ---- what must be there ----------------------------------------------------------------------- */

static JET_ERR missing(const struct backup *b, lgen_t gen)
{
    const JET_ERR err =
        tell_logs(b->in, EVENT_LOG_FILE_MISSING, JET_errMissingFileToBackup, gen, 0);

    return err < 0 ? err : RAISE(JET_errMissingFileToBackup);
}

/* Between the last backup of any database and the first log there is, nothing is lost. */
static JET_ERR check_joins(const struct backup *b)
{
    for (unsigned i = 1; i <= DBID_MAX; i++) {
        struct db *d = backup_db(b, i);

        if (d && b->copy_mic > marks_last_gen(d) + 1)
            return missing(b, b->copy_mic - 1);
    }
    return JET_errSuccess;
}

static JET_ERR check_files(const struct backup *b)
{
    char name[LOGGEN_NAME_LEN];
    int fd;

    for (lgen_t gen = b->copy_mic; gen < b->copy_mac; gen++) {
        JET_ERR err =
            os_open_beneath(wal_dir(b->in->wal), wal_archived_name(b->in->wal, gen, name), &fd);
        if (err == JET_errFileNotFound)
            return missing(b, gen);
        if (err < 0)
            return err;
        close(fd);
    }
    return JET_errSuccess;
}

JET_ERR backup_prepare_logs(struct backup *b, lgen_t *ret_mic, lgen_t *ret_mac)
{
    JET_ERR err = backup_poll(b);

    if (err < 0)
        return err;
    if (b->open || b->prepared)
        return RAISE(JET_errInvalidBackupSequence);
    err = prepare_end_generation(b);
    if (err >= 0)
        err = prepare_find_ranges(b);
    if (err >= 0 && b->opts.incremental)
        err = check_joins(b);
    if (err >= 0)
        err = check_files(b);
    if (err < 0)
        return err;
    b->log_read = calloc(b->copy_mac - b->copy_mic + 1, sizeof(*b->log_read));
    if (!b->log_read)
        return RAISE(JET_errOutOfMemory);
    b->prepared = true;
    bktrace(b,
            "BACKUP PREPARE LOGS (copy 0x%05" PRIX32 "-0x%05" PRIX32 ", delete 0x%05" PRIX32
            "-0x%05" PRIX32 ")",
            b->copy_mic, b->copy_mac - 1, b->delete_mic, b->delete_mac);
    *ret_mic = b->copy_mic;
    *ret_mac = b->copy_mac;
    return tell_logs(b->in, EVENT_LOG_FILES_START, 0, b->copy_mic, b->copy_mac);
}

/* ---- truncation ------------------------------------------------------------------------------ */

static JET_ERR tell_deleted(struct inst *in, lgen_t mic, lgen_t mac)
{
    if (mic < mac)
        return tell_logs(in, EVENT_TRUNCATE_LOG_FILES, 0, mic, mac);
    bkevent(in, EVENT_NO_TRUNCATE, 0, NULL, NULL, NULL);
    return JET_errSuccess;
}

JET_ERR prepare_delete(struct inst *in, lgen_t mic, lgen_t mac)
{
    uint32_t nr = 0;
    char text[16];
    JET_ERR err = tell_deleted(in, mic, mac);

    if (err >= 0)
        err = wal_delete(in->wal, mic, mac, &nr);
    if (err >= 0 && nr) {
        snprintf(text, sizeof(text), "%" PRIu32, nr);
        bkevent(in, EVENT_FOUND_MISSING, 0, text, NULL, NULL);
    }
    return err;
}

JET_ERR backup_truncate_range(const struct backup *b, lgen_t *ret_mic, lgen_t *ret_mac)
{
    JET_ERR err = backup_poll(b);

    if (err >= 0 && !b->prepared)
        err = RAISE(JET_errInvalidBackupSequence);
    *ret_mic = b->delete_mic;
    *ret_mac = b->delete_mac;
    return err;
}

JET_ERR backup_truncate(struct backup *b)
{
    const struct bkinfo details = {
        .time = logtime_now(), .gen_low = b->delete_mic, .gen_high = b->delete_mac};
    JET_ERR err = backup_poll(b);

    if (err < 0)
        return err;
    if (!backup_is_complete(b))
        return RAISE(JET_errInvalidBackupSequence);
    for (lgen_t gen = b->copy_mic; gen < b->copy_mac; gen++)
        if (!b->log_read[gen - b->copy_mic]) {
            bkevent(b->in, EVENT_LOG_NOT_COPIED, JET_errLogFileNotCopied, NULL, NULL, NULL);
            return RAISE(JET_errLogFileNotCopied);
        }
    err = marks_log(b, PHASE_TRUNCATE, &details);
    if (err >= 0)
        err = prepare_delete(b->in, b->delete_mic, b->delete_mac);
    if (err >= 0)
        b->truncated = true;
    return err;
}

JET_ERR backup_truncate_only(struct inst *in)
{
    lgpos_t checkpoint;
    lgen_t mic;
    JET_ERR err;

    if (!in->wal)
        return RAISE(JET_errLoggingDisabled);
    if (in->conf.circular)
        return JET_errSuccess;
    err = in->life->begin_backup(in, INST_BACKUP);
    if (err < 0)
        return err;
    err = in->life->checkpoint(in, &checkpoint);
    mic = wal_lowest(in->wal);
    if (err >= 0)
        err = prepare_delete(in, mic, lgpos_gen(checkpoint) > mic ? lgpos_gen(checkpoint) : mic);
    in->life->end_backup(in);
    return err;
}
