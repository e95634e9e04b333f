/*
 * Databases that the log attaches, creates and detaches (ESE: logredo.cxx ErrLGRICheckRedoAttachDb,
 * ErrLGRICheckRedoCreateDb, ErrLGRIRedoAttachDb).
 *
 * What the log says is attached under a dbid is a slot. The file behind it is found by its name, since the
 * directories of the machine that wrote the log are not here, and recognised by its signature. A slot is
 * deferred as long as its file is missing, or is in the state of a later moment of the log: its records are
 * passed over, until a later record attaches it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "log/attach.h"
#include "os/file.h"
#include "os/path.h"
#include "recover/recover_int.h"

enum mode { AT_START, AT_RECORD };
enum verdict { DEFER, CLEAN_LATER, NOW, CREATE };

struct logged { /* what the log says */
    const char *path;
    uint8_t dbid;
    uint32_t pages_max;
    lgpos_t lgpos_attach, lgpos_consistent;
    struct signature sign_db;
    const uint8_t *sign_log; /* of the header before an attachment */
};

struct rfile *rattach_file(const struct recovery *rv, uint8_t dbid)
{
    return dbid >= 1 && dbid <= DBID_MAX && rv->slot[dbid].used ? rv->slot[dbid].file : NULL;
}

static void slot_clear(struct rslot *s)
{
    free(s->logged_path);
    memset(s, 0, sizeof(*s));
}

/* A creation that failed while the engine ran left a CreateDB without its end: the next use of the number, or the end
 * of the log, says so. */
static JET_ERR drop_pending(struct recovery *rv, struct rslot *s)
{
    JET_ERR err = JET_errSuccess;

    if (s->file && s->file->pending) {
        rv->r.file = path_name(s->file->path);
        fault_note(&rv->r, 0, ESE_NO_OFFSET, "its creation was never finished: it is removed");
        err = rfile_remove(s->file);
    }
    slot_clear(s);
    return err;
}

static JET_ERR slot_set(struct recovery *rv, const struct logged *l)
{
    struct rslot *s = &rv->slot[l->dbid];
    JET_ERR err = drop_pending(rv, s);

    if (err < 0)
        return err;
    s->logged_path = strdup(l->path);
    if (!s->logged_path)
        return RAISE(JET_errOutOfMemory);
    s->used = true;
    s->sign_db = l->sign_db;
    s->lgpos_attach = l->lgpos_attach;
    s->lgpos_consistent = l->lgpos_consistent;
    s->pages_max = l->pages_max;
    return JET_errSuccess;
}

/* ---- finding the file ------------------------------------------------------------------------- */

static bool has_signature(const struct recovery *rv, const char *path, const struct signature *sign)
{
    struct ese_header h;
    struct rplace at;
    int fd;
    bool same;

    if (rplace_find(rv, path, &at) < 0)
        return false;
    same = os_open_beneath(at.dirfd, at.path, &fd) >= 0;
    rplace_done(&at);
    if (!same)
        return false;
    same = ese_header_read(fd, path, NULL, NULL, &h) >= 0;
    close(fd);
    if (!same)
        return false;
    same = h.kind == ESE_KIND_DATABASE && memcmp(h.db.sign_db.b, sign->b, sizeof(sign->b)) == 0;
    ese_header_done(&h);
    return same;
}

/* By name, or by what lies where the map points to; NULL: it is not in the map. */
static const struct restore_map *find_in_map(const struct recovery *rv, const char *logged,
                                             const struct signature *sign)
{
    const struct recover_live *l = rv->live;

    for (unsigned i = 0; i < l->nr_map; i++)
        if (l->map[i].from && is_logged_as(l->map[i].from, logged))
            return &l->map[i];
    for (unsigned i = 0; i < l->nr_map; i++)
        if (has_signature(rv, l->map[i].to, sign))
            return &l->map[i];
    return NULL;
}

/* A running instance's: where the program or the log says, if that is a path of this machine. */
static char *live_path(const struct recovery *rv, const char *logged, const struct signature *sign)
{
    const struct restore_map *m = find_in_map(rv, logged, sign);
    char *path;

    if (m)
        return strdup(m->to);
    if (rv->live->nr_map && rv->live->map_only)
        return strdup("");
    if (!rv->live->db_dir)
        return os_native_path(logged);
    return asprintf(&path, "%s/%s", rv->live->db_dir, logged_name(logged)) < 0 ? NULL : path;
}

/* By name; of several the one with the signature. A new path beside the logs when there is none. */
static char *find_path(const struct recovery *rv, const char *logged, const struct signature *sign)
{
    const struct ese_instance *inst = rv->set.inst;
    const char *name = logged_name(logged), *found = NULL;

    if (rv->live)
        return live_path(rv, logged, sign);
    if (rv->restore && rv->restore->db_path)
        return rv->restore->db_path(rv->restore->ctx, logged);
    for (unsigned i = 0; i < inst->nr_files; i++) {
        const struct ese_file *f = &inst->files[i];
        if (f->kind != ESE_KIND_DATABASE || !same_name(path_name(f->path), name))
            continue;
        if (f->header_ok && memcmp(f->header.db.sign_db.b, sign->b, sizeof(sign->b)) == 0)
            return strdup(f->path);
        if (!found)
            found = f->path;
    }
    return found ? strdup(found) : rset_path(&rv->set, name);
}

static bool same_signature(const struct signature *s, const void *b)
{
    return memcmp(s->b, b, sizeof(s->b)) == 0;
}

/* ---- may it be attached now? ------------------------------------------------------------------ */

static JET_ERR needs_earlier(struct recovery *rv, const struct rfile *f, lgen_t gen)
{
    const lgen_t min = le32_get(rfile_hdr(f)->gen_min_required);

    if (gen - min == 1)
        return fault(&rv->r, JET_errRequiredLogFilesMissing, 452, 0, ESE_NO_OFFSET,
                     "it needs the log generation 0x%" PRIX32 ", which is missing", min);
    return fault(&rv->r, JET_errRequiredLogFilesMissing, 452, 0, ESE_NO_OFFSET,
                 "it needs the log generations 0x%" PRIX32 " to 0x%" PRIX32 ", which are missing",
                 min, gen - 1);
}

/* Files beside the logs have been looked at before (scan.c); a running instance has them anywhere. */
static JET_ERR check_high(struct recovery *rv, const struct rfile *f)
{
    const struct dbhdr_disk *h = rfile_hdr(f);
    struct ese_db_info info = {.gen_max_required = le32_get(h->gen_max_required),
                               .gen_max_committed = le32_get(h->gen_max_committed)};

    if (!rv->live || le32_get(h->state) == ESE_DB_CLEAN ||
        !same_signature(&h->sign_log, rv->set.sign_log.b))
        return JET_errSuccess;
    memcpy(&info.time_gen_max_required, &h->time_gen_max_required,
           sizeof(h->time_gen_max_required));
    memcpy(&info.time_gen_max_created, &h->time_gen_max_created, sizeof(h->time_gen_max_created));
    rv->r.file = path_name(f->path);
    return rscan_check_database(rv, &info);
}

static JET_ERR check_now(struct recovery *rv, const struct rfile *f, lgen_t gen, enum verdict *ret)
{
    const struct dbhdr_disk *h = rfile_hdr(f);
    const lgen_t min = le32_get(h->gen_min_required);
    JET_ERR err = check_high(rv, f);

    rv->r.file = path_name(f->path);
    if (err < 0)
        return err;
    if (min && min < gen && le32_get(h->state) != ESE_DB_DIRTY_PATCHED)
        return needs_earlier(rv, f, gen);
    if (le32_get(h->full_cur.gen_low) && !le32_get(h->full_cur.gen_high))
        return fault(&rv->r, JET_errSoftRecoveryOnBackupDatabase, 619, 0, ESE_NO_OFFSET,
                     "it is a copy out of a streaming backup, which is restored, not recovered");
    *ret = NOW;
    return JET_errSuccess;
}

/* A state of its header that no replay starts from. */
static JET_ERR check_state(struct recovery *rv, const struct rfile *f)
{
    const uint32_t state = le32_get(rfile_hdr(f)->state);

    rv->r.file = path_name(f->path);
    if (state == ESE_DB_RESEEDING)
        return fault(&rv->r, JET_errDatabaseIncompleteIncrementalReseed, 0, 0, 52,
                     "an incremental reseed of it was never finished");
    if (state == ESE_DB_REVERTING)
        return fault(&rv->r, JET_errDatabaseIncompleteRevert, 0, 0, 52,
                     "a revert of it was never finished");
    if (state != ESE_DB_JUST_CREATED && state != ESE_DB_DIRTY && state != ESE_DB_CLEAN &&
        state != ESE_DB_DIRTY_PATCHED)
        return fault(&rv->r, JET_errDatabaseCorrupted, 0, 0, 52, "its state is %" PRIu32, state);
    return JET_errSuccess;
}

static JET_ERR time_mismatch(struct recovery *rv, const struct rfile *f, const struct logged *l)
{
    char have[LGPOS_STR_LEN], want[LGPOS_STR_LEN];

    rv->r.file = path_name(f->path);
    return fault(&rv->r, JET_errConsistentTimeMismatch, 517, 0, 56,
                 "it is the database as it was at %s, the log goes on from %s",
                 lgpos_str(le64_get(rfile_hdr(f)->lgpos_consistent), have),
                 lgpos_str(l->lgpos_consistent, want));
}

/* Header and log agree on when it was last consistent: they must on the attachment too. */
static JET_ERR compare_attach(struct recovery *rv, struct rfile *f, const struct logged *l,
                              enum mode mode, bool same_log, char *why, enum verdict *ret)
{
    const lgpos_t have = le64_get(rfile_hdr(f)->lgpos_attach);
    const lgen_t gen = lgpos_gen(rv->now);
    JET_ERR err;

    if (!same_signature(&l->sign_db, rfile_hdr(f)->sign_db.b)) {
        snprintf(why, 160, "the file of this name has another signature");
        return JET_errSuccess;
    }
    if (have == l->lgpos_attach)
        return check_now(rv, f, gen, ret);
    if (have > l->lgpos_attach) {
        snprintf(why, 160, "the file was attached later than the log says");
        return JET_errSuccess;
    }
    if (mode == AT_RECORD && same_log) {
        err = check_now(rv, f, gen, ret);
        if (err >= 0)
            rfile_set_attached(f, l->lgpos_attach);
        return err;
    }
    rv->r.file = path_name(f->path);
    return fault(&rv->r, JET_errAttachedDatabaseMismatch, 495, 0, 80,
                 "it was attached earlier than the log says: an old copy");
}

/* The header still carries the log signature that it had before the attachment. */
static JET_ERR judge_before_attach(struct recovery *rv, struct rfile *f, const struct logged *l,
                                   char *why, enum verdict *ret)
{
    JET_ERR err;

    if (!same_signature(&l->sign_db, rfile_hdr(f)->sign_db.b)) {
        snprintf(why, 160, "the file of this name has another signature");
        return JET_errSuccess;
    }
    if (le64_get(rfile_hdr(f)->lgpos_consistent) != l->lgpos_consistent)
        return time_mismatch(rv, f, l);
    err = check_now(rv, f, lgpos_gen(rv->now), ret);
    if (err >= 0)
        rfile_set_attached(f, l->lgpos_attach);
    return err;
}

static JET_ERR judge_attach(struct recovery *rv, struct rfile *f, const struct logged *l,
                            enum mode mode, char *why, enum verdict *ret)
{
    const struct dbhdr_disk *h = rfile_hdr(f);
    const lgpos_t consistent = le64_get(h->lgpos_consistent);
    const bool same_log = same_signature(&h->sign_log, l->sign_log);
    JET_ERR err = check_state(rv, f);

    if (err < 0)
        return err;
    if (le32_get(h->state) == ESE_DB_JUST_CREATED) {
        snprintf(why, 160, "the file's creation was not finished");
        return JET_errSuccess;
    }
    if (!same_signature(&h->sign_log, rv->set.sign_log.b)) {
        if (same_log)
            return judge_before_attach(rv, f, l, why, ret);
        snprintf(why, 160, "the file of this name belongs to another log stream");
        return JET_errSuccess;
    }
    if (!same_log || consistent == l->lgpos_consistent || consistent == 0)
        return compare_attach(rv, f, l, mode, same_log, why, ret);
    if (consistent > l->lgpos_consistent && (mode == AT_START || consistent > rv->now)) {
        snprintf(why, 160, "the file was shut down cleanly later than that");
        *ret =
            le32_get(h->state) == ESE_DB_CLEAN && consistent <= rv->scan.end ? CLEAN_LATER : DEFER;
        return JET_errSuccess;
    }
    if (same_signature(&l->sign_db, h->sign_db.b))
        return time_mismatch(rv, f, l);
    snprintf(why, 160, "the file of this name has another signature");
    return JET_errSuccess;
}

static JET_ERR judge_create(struct recovery *rv, struct rfile *f, const struct logged *l, char *why,
                            enum verdict *ret)
{
    const struct dbhdr_disk *h = rfile_hdr(f);
    const lgpos_t attach = le64_get(h->lgpos_attach);
    const uint32_t state = le32_get(h->state);

    if (state == ESE_DB_RESEEDING || state == ESE_DB_REVERTING)
        return check_state(rv, f);
    if (state != ESE_DB_CLEAN && state != ESE_DB_DIRTY && state != ESE_DB_DIRTY_PATCHED) {
        *ret = CREATE;
        return JET_errSuccess;
    }
    if (!same_signature(&h->sign_log, rv->set.sign_log.b)) {
        snprintf(why, 160, "the file of this name belongs to another log stream");
        return JET_errSuccess;
    }
    if (attach == l->lgpos_attach && same_signature(&l->sign_db, h->sign_db.b)) {
        if (le64_get(h->lgpos_consistent) < l->lgpos_attach)
            return check_now(rv, f, lgpos_gen(rv->now), ret);
        snprintf(why, 160, "the file was shut down cleanly later than that");
        *ret = state == ESE_DB_CLEAN && le64_get(h->lgpos_consistent) <= rv->scan.end ? CLEAN_LATER
                                                                                      : DEFER;
        return JET_errSuccess;
    }
    snprintf(why, 160, "%s",
             attach > l->lgpos_attach ? "the file was attached later than the log says"
                                      : "the file of this name is another one");
    return JET_errSuccess;
}

/* ---- attaching -------------------------------------------------------------------------------- */

/* Its header speaks of generations that are not there, and the caller does without them. */
static void note_lost(struct recovery *rv, const struct rfile *f)
{
    const lgen_t top = rv->scan.top.gen, committed = le32_get(rfile_hdr(f)->gen_max_committed);

    if (!rv->opts->ignore_lost || rpause_wanted(rv) || committed <= top)
        return;
    rv->ret->logs_lost = true;
    rv->r.file = path_name(f->path);
    if (!rv->live || !rv->live->skip_lost_event)
        fault_note(&rv->r, 524, ESE_NO_OFFSET,
                   "the log goes as far as generation 0x%" PRIX32
                   ": what was committed in later ones, up to 0x%" PRIX32 ", is lost",
                   top, committed);
}

static JET_ERR begin(struct recovery *rv, struct rslot *s, uint8_t dbid, struct rfile *f)
{
    char *logged = s->logged_path;

    note_lost(rv, f);
    if (!f->recovered && !f->created) {
        rv->r.file = f->path;
        fault_note(&rv->r, 0, ESE_NO_OFFSET, "taken for the log's %s", logged);
    }
    s->file = f;
    return rfile_begin(f, dbid, lgpos_gen(rv->now));
}

/* As if it were not there. Only when nothing attaches it later is that a fault. (ESE defers a file that it has
 * no access to as well; a person who may not write wants to hear that.) */
static bool may_be_deferred(JET_ERR err)
{
    return err == JET_errFileNotFound || err == JET_errInvalidPath || err == JET_errFileInvalidType;
}

/* A database that is not to be restored. */
static bool pass_over(struct rslot *s, char *path)
{
    if (*path)
        return false;
    free(path);
    return s->clean_later = true;
}

static JET_ERR cannot_open(struct recovery *rv, const char *path, JET_ERR err)
{
    rv->r.file = path_name(path);
    return fault(&rv->r, err, 0, 0, ESE_NO_OFFSET,
                 err == JET_errFileAccessDenied           ? "it cannot be opened for writing"
                 : err == JET_errDatabaseSharingViolation ? "another instance has it in use"
                                                          : "its header cannot be used");
}

static JET_ERR attach(struct recovery *rv, const struct logged *l, enum mode mode)
{
    struct rslot *s = &rv->slot[l->dbid];
    enum verdict v = DEFER;
    struct rfile *f;
    char *path;
    JET_ERR err = slot_set(rv, l);

    if (err < 0)
        return err;
    path = find_path(rv, l->path, &l->sign_db);
    if (!path)
        return RAISE(JET_errOutOfMemory);
    if (pass_over(s, path))
        return JET_errSuccess;
    err = rfile_open(rv, path, &f);
    if (may_be_deferred(err)) {
        snprintf(s->why, sizeof(s->why), "%s", err_text(err));
        err = JET_errSuccess;
    } else if (err < 0) {
        err = cannot_open(rv, path, err);
    } else {
        err = judge_attach(rv, f, l, mode, s->why, &v);
        s->clean_later = v == CLEAN_LATER;
        if (err >= 0 && v == NOW)
            err = begin(rv, s, l->dbid, f);
    }
    free(path);
    return err;
}

/* A header is not one. */
static bool is_unusable(JET_ERR err)
{
    return err == JET_errFileInvalidType || err == JET_errReadVerifyFailure ||
           err == JET_errDatabaseCorrupted || err == JET_errFileIOBeyondEOF;
}

static JET_ERR create(struct recovery *rv, const struct logged *l, const struct logrec *rec)
{
    struct rslot *s = &rv->slot[l->dbid];
    struct rfile *f = NULL;
    enum verdict v = DEFER;
    bool unborn;
    char *path;
    JET_ERR err = slot_set(rv, l);

    if (err < 0)
        return err;
    path = find_path(rv, l->path, &l->sign_db);
    if (!path)
        return RAISE(JET_errOutOfMemory);
    if (pass_over(s, path))
        return JET_errSuccess;
    err = rfile_open(rv, path, &f);
    if (is_unusable(err)) {
        JET_ERR err2 = rfile_remove_unborn(rv, path, &unborn);
        if (err2 >= 0 && unborn)
            err = JET_errFileNotFound;
    }
    if (err == JET_errFileNotFound) {
        v = CREATE;
        err = JET_errSuccess;
    } else if (may_be_deferred(err)) {
        snprintf(s->why, sizeof(s->why), "%s", err_text(err));
        err = JET_errSuccess;
    } else if (err < 0) {
        err = cannot_open(rv, path, err);
    } else {
        err = judge_create(rv, f, l, s->why, &v);
    }
    rv->r.file = path_name(path);
    if (err >= 0 && v == CREATE)
        err = rfile_create(rv, path, f, rec, &f);
    s->clean_later = v == CLEAN_LATER;
    if (err >= 0 && (v == NOW || v == CREATE))
        err = begin(rv, s, l->dbid, f);
    free(path);
    return err;
}

/* The numbers that were given out before the redo start: the header may be older than that, and no record tells. */
static void raise_last(struct redo_db *redo, const struct ese_attach *a)
{
    if (a->dbtime > redo->dbtime_last && a->dbtime < DBTIME_INVALID - 1)
        redo->dbtime_last = a->dbtime;
    if (a->objid_last > redo->objid_last)
        redo->objid_last = a->objid_last;
}

JET_ERR rattach_list(struct recovery *rv, const struct ese_attach *list, unsigned nr)
{
    JET_ERR err = JET_errSuccess;

    for (unsigned i = 0; i < nr && err >= 0; i++) {
        struct logged l = {.path = list[i].path,
                           .dbid = (uint8_t)list[i].dbid,
                           .lgpos_attach = list[i].lgpos_attach,
                           .lgpos_consistent = list[i].lgpos_consistent,
                           .sign_log = rv->set.sign_log.b};
        memcpy(l.sign_db.b, list[i].sign_db.b, sizeof(l.sign_db.b));
        if (l.dbid < 1 || l.dbid > DBID_MAX)
            return RAISE(JET_errLogFileCorrupt);
        err = attach(rv, &l, AT_START);
        if (err >= 0 && rv->slot[l.dbid].file)
            raise_last(&rv->slot[l.dbid].file->redo, &list[i]);
    }
    return err;
}

/* ---- records ---------------------------------------------------------------------------------- */

static JET_ERR detach(struct recovery *rv, uint8_t dbid, lgpos_t lgpos)
{
    struct rslot *s = &rv->slot[dbid];
    JET_ERR err;

    if (s->file && s->file->pending) /* an earlier recovery has removed it, and logged its end */
        return drop_pending(rv, s);
    err = s->file ? rfile_shut_down(s->file, lgpos) : JET_errSuccess;
    slot_clear(s);
    return err;
}

static JET_ERR reattach(struct recovery *rv, const struct logrec *rec)
{
    struct rslot *s = &rv->slot[rec->dbid];
    struct logged l;
    char *path;
    JET_ERR err;

    if (!s->used || s->file)
        return JET_errSuccess;
    path = s->logged_path;
    s->logged_path = NULL;
    l = (struct logged){.path = path,
                        .dbid = rec->dbid,
                        .pages_max = s->pages_max,
                        .lgpos_attach = rec->db.lgpos_attach,
                        .lgpos_consistent = rec->db.lgpos_consistent,
                        .sign_db = rec->db.sign_db,
                        .sign_log = rv->set.sign_log.b};
    err = attach(rv, &l, AT_RECORD);
    free(path);
    return err;
}

static JET_ERR attach_or_create(struct recovery *rv, const struct logrec *rec)
{
    char *path = logged_path(rec->db.path.p, rec->db.path.len, rec->db.utf16);
    struct logged l = {.path = path,
                       .dbid = rec->dbid,
                       .pages_max = rec->db.pages_max,
                       .lgpos_attach = rv->now,
                       .lgpos_consistent = rec->db.lgpos_consistent,
                       .sign_db = rec->db.sign_db,
                       .sign_log = rec->db.sign_log.b};
    JET_ERR err;

    if (!path)
        return RAISE(JET_errOutOfMemory);
    err = rec->type == LR_CREATE_DB ? create(rv, &l, rec) : attach(rv, &l, AT_RECORD);
    free(path);
    return err;
}

static JET_ERR header_record(struct recovery *rv, const struct logrec *rec)
{
    struct rfile *f = rattach_file(rv, rec->dbid);
    struct dbhdr_disk *h;

    if (!f)
        return JET_errSuccess;
    h = rfile_hdr(f);
    if (rec->type == LR_CREATE_DB_FINISH) {
        f->pending = false;
        le32_put(&h->state, ESE_DB_DIRTY);
        return rfile_write_header(f);
    }
    if (rec->db_version.version != DB_VERSION || rec->db_version.update_major > DB_UPDATE_MAX) {
        rv->r.file = path_name(f->path);
        return fault(&rv->r, JET_errInvalidDatabaseVersion, 0, 0, ESE_NO_OFFSET,
                     "the log makes it format 0x%" PRIX32 ".%" PRIu32 ", which is not known",
                     rec->db_version.version, rec->db_version.update_major);
    }
    if (rec->db_version.update_major < le32_get(h->update_major))
        return JET_errSuccess;
    le32_put(&h->update_major, rec->db_version.update_major);
    le32_put(&h->update_minor, rec->db_version.update_minor);
    return rfile_write_header(f);
}

JET_ERR rattach_record(struct recovery *rv, const struct logrec *rec)
{
    if (rec->dbid < 1 || rec->dbid > DBID_MAX)
        return RAISE(JET_errLogFileCorrupt);
    switch (rec->type) {
    case LR_CREATE_DB:
    case LR_ATTACH_DB:
        return attach_or_create(rv, rec);
    case LR_REATTACH:
        return reattach(rv, rec);
    case LR_DETACH_DB:
        return detach(rv, rec->dbid, rv->now);
    default:
        return header_record(rv, rec);
    }
}

/* ---- the end ---------------------------------------------------------------------------------- */

JET_ERR rattach_flush(struct recovery *rv)
{
    JET_ERR err = JET_errSuccess;

    for (uint8_t dbid = 1; dbid <= DBID_MAX && err >= 0; dbid++)
        if (rv->slot[dbid].file) {
            rv->r.file = path_name(rv->slot[dbid].file->path);
            err = bufpool_flush(rv->slot[dbid].file->pool);
        }
    return err;
}

JET_ERR rattach_shut_down(struct recovery *rv, lgpos_t lgpos)
{
    JET_ERR err = JET_errSuccess;

    for (uint8_t dbid = 1; dbid <= DBID_MAX && err >= 0; dbid++)
        if (rv->slot[dbid].used)
            err = detach(rv, dbid, lgpos);
    return err;
}

JET_ERR rattach_check_end(struct recovery *rv)
{
    JET_ERR first = JET_errSuccess;

    for (uint8_t dbid = 1; dbid <= DBID_MAX; dbid++) {
        const struct rslot *s = &rv->slot[dbid];
        JET_ERR err;
        if (!s->used || s->file || s->clean_later || rv->last_is_shutdown)
            continue;
        rv->r.file = logged_name(s->logged_path);
        if (rv->opts->ignore_missing) {
            fault_note(&rv->r, 0, ESE_NO_OFFSET, "%s is not recovered: %s", s->logged_path, s->why);
            continue;
        }
        err = fault(&rv->r, JET_errAttachedDatabaseMismatch, 494, 0, ESE_NO_OFFSET,
                    "the log ends while %s is attached: %s", s->logged_path, s->why);
        if (first >= 0)
            first = err;
    }
    return first;
}

JET_ERR rattach_drop_pending(struct recovery *rv)
{
    JET_ERR err = JET_errSuccess;

    for (uint8_t dbid = 1; dbid <= DBID_MAX && err >= 0; dbid++)
        if (rv->slot[dbid].file && rv->slot[dbid].file->pending)
            err = drop_pending(rv, &rv->slot[dbid]);
    return err;
}

JET_ERR rattach_encode(void *ctx, uint8_t list[LOG_ATTACH_LEN])
{
    struct recovery *rv = ctx;
    size_t off = 0;
    JET_ERR err = JET_errSuccess;

    for (uint8_t dbid = 1; dbid <= DBID_MAX && err >= 0; dbid++) {
        const struct rslot *s = &rv->slot[dbid];
        struct attach_new a;
        if (!s->file)
            continue;
        a = (struct attach_new){.path = s->logged_path,
                                .dbid = dbid,
                                .dbtime = s->file->redo.dbtime_last,
                                .objid_last = s->file->redo.objid_last,
                                .pages_max = s->pages_max,
                                .lgpos_attach = s->lgpos_attach,
                                .lgpos_consistent = s->lgpos_consistent,
                                .sign_db = s->sign_db};
        err = attach_encode(list, &off, &a);
    }
    return err;
}

JET_ERR rattach_generation(void *ctx, lgen_t gen, struct logtime created)
{
    struct recovery *rv = ctx;
    JET_ERR err = JET_errSuccess;

    rv->committed = gen;
    rv->committed_created = created;
    for (uint8_t dbid = 1; dbid <= DBID_MAX && err >= 0; dbid++)
        if (rv->slot[dbid].file) {
            rfile_set_committed(rv->slot[dbid].file);
            err = rfile_write_header(rv->slot[dbid].file);
        }
    return err;
}

void rattach_done(struct recovery *rv)
{
    for (unsigned i = 0; i <= DBID_MAX; i++)
        slot_clear(&rv->slot[i]);
    for (struct rfile *f = rv->files, *next; f; f = next) {
        next = f->next;
        rfile_free(f);
    }
    rv->files = NULL;
}
