/* Restoring into an instance's place: see restore.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "log/loggen.h"
#include "log/loghdr.h"
#include "os/file.h"
#include "os/path.h"
#include "recover/restore.h"
#include "recover/restore_int.h"

#define RESTORING ".restoring"

struct into {
    const struct restore_conf *conf;
    struct restore rs;
    struct ese_recovery result;
    struct ese_restore_opts opts;
    int source_fd, log_fd;
    struct ese_instance *list; /* what is in the directory of the logs */
    unsigned nr_list;
    struct loggen files;
    bool begins_log, begins_temp, begins_chk; /* they were not there before */
    ese_progress_fn *progress;
    void *progress_ctx;
};

/* ---- directories ------------------------------------------------------------------------------ */

static JET_ERR open_dir(struct into *t, const char *path, bool make, int *ret_fd)
{
    JET_ERR err = os_open_dir(path, ret_fd);

    if (err == JET_errInvalidPath && make && (err = os_make_path(path)) >= 0)
        err = os_open_dir(path, ret_fd);
    t->rs.rv.r.file = path;
    return err < 0 ? fault(&t->rs.rv.r, err, 0, 0, ESE_NO_OFFSET, "there is no such directory")
                   : err;
}

static JET_ERR check_dir(struct into *t, const char *path)
{
    int fd;
    JET_ERR err = path ? open_dir(t, path, t->conf->make_paths, &fd) : JET_errSuccess;

    if (path && err >= 0)
        close(fd);
    return err;
}

static JET_ERR open_dirs(struct into *t)
{
    const struct restore_conf *c = t->conf;
    JET_ERR err = open_dir(t, c->source, false, &t->source_fd);

    if (err >= 0)
        err = open_dir(t, c->log_dir, c->make_paths, &t->log_fd);
    if (err >= 0)
        err = check_dir(t, c->sys_dir);
    if (err >= 0)
        err = check_dir(t, c->db_dir);
    if (err >= 0 && (err = os_lock_owner(t->log_fd)) < 0) {
        t->rs.rv.r.file = c->log_dir;
        err = fault(&t->rs.rv.r, err, 0, 0, ESE_NO_OFFSET, "an instance owns the logs in it");
    }
    return err;
}

/* ---- where databases are ---------------------------------------------------------------------- */

/* The whole path, or with a map that gives names only, the name. */
static bool is_called(const struct restore_db *db, const char *logged)
{
    return db->logged ? is_logged_as(db->logged, logged)
                      : same_name(path_name(db->file->path), logged_name(logged));
}

static char *db_path(void *ctx, const char *logged)
{
    const struct into *t = ctx;
    char *path;

    for (unsigned i = 0; i < t->rs.nr_dbs; i++)
        if (is_called(&t->rs.dbs[i], logged))
            return strdup(t->rs.dbs[i].work);
    if (t->conf->mapped)
        return strdup("");
    if (!t->conf->db_dir)
        return os_native_path(logged);
    return asprintf(&path, "%s/%s", t->conf->db_dir, logged_name(logged)) < 0 ? NULL : path;
}

/* Where the instance had it, by the list of one of the logs. NULL: no log has it in its list. */
static const char *original_path(const struct restore *rs, const struct restore_db *db)
{
    for (unsigned i = 0; i < rs->rv.set.nr_logs; i++) {
        const struct ese_log_info *info = &rs->rv.set.logs[i].file->header.log;
        for (unsigned k = 0; k < info->nr_attach; k++)
            if (is_called(db, info->attach[k].path))
                return info->attach[k].path;
    }
    return NULL;
}

static JET_ERR place_copy(struct into *t, struct restore_db *db)
{
    const char *name = path_name(db->file->path), *original;

    if (t->conf->db_dir) {
        if (asprintf(&db->final, "%s/%s", t->conf->db_dir, name) < 0)
            db->final = NULL;
    } else {
        original = original_path(&t->rs, db);
        t->rs.rv.r.file = name;
        if (!original)
            return fault(&t->rs.rv.r, JET_errAttachedDatabaseMismatch, 0, 0, ESE_NO_OFFSET,
                         "no log says where it was");
        db->final = os_native_path(original);
    }
    if (!db->final || asprintf(&db->work, "%s" RESTORING, db->final) < 0) {
        db->work = NULL;
        return RAISE(JET_errOutOfMemory);
    }
    return JET_errSuccess;
}

/* The program's copy, with what its header says. */
static JET_ERR read_in_place(struct into *t, const char *path, struct ese_file *f)
{
    struct os_stat st;
    struct rplace at;
    JET_ERR err = rplace_find(&t->rs.rv, path, &at);
    int fd;

    t->rs.rv.r.file = path;
    if (err >= 0) {
        err = os_open_beneath(at.dirfd, at.path, &fd);
        rplace_done(&at);
    }
    if (err < 0)
        return fault_io(&t->rs.rv.r, err, ESE_NO_OFFSET, "opening the database");
    err = os_stat_fd(fd, &st);
    if (err >= 0) {
        f->kind = ESE_KIND_DATABASE;
        f->size = st.size;
        f->err = ese_header_read(fd, path, NULL, NULL, &f->header);
        f->header_ok = f->err >= 0 && f->header.kind == ESE_KIND_DATABASE;
        if (f->err >= 0 && !f->header_ok)
            f->err = JET_errFileInvalidType;
    }
    close(fd);
    return err;
}

static JET_ERR take_map(struct into *t)
{
    struct restore *rs = &t->rs;
    JET_ERR err = JET_errSuccess;

    rs->dbs = calloc(t->conf->nr_map + 1, sizeof(*rs->dbs));
    if (!rs->dbs)
        return RAISE(JET_errOutOfMemory);
    for (unsigned i = 0; i < t->conf->nr_map && err >= 0; i++) {
        struct restore_db *db = &rs->dbs[rs->nr_dbs++];
        struct ese_file *f = calloc(1, sizeof(*f));
        db->file = db->own = f;
        db->logged = t->conf->map[i].from;
        db->work = strdup(t->conf->map[i].to);
        if (!f || !db->work || !(f->path = strdup(db->work)))
            return RAISE(JET_errOutOfMemory);
        err = read_in_place(t, f->path, f);
        db->size = f->size;
        if (err >= 0)
            err = restore_db_check(rs, db);
    }
    return err;
}

static JET_ERR place_databases(struct into *t)
{
    JET_ERR err = JET_errSuccess;

    if (t->conf->mapped)
        return take_map(t);
    for (unsigned i = 0; i < t->rs.nr_dbs && err >= 0; i++)
        err = place_copy(t, &t->rs.dbs[i]);
    return err;
}

/* ---- logs that go on from the backup ----------------------------------------------------------- */

static JET_ERR check_existing(struct into *t, const struct rlog *prev, const struct ese_file *f)
{
    const struct ese_log_info *info = &f->header.log;
    struct reporter *r = &t->rs.rv.r;

    r->file = path_name(f->path);
    if (!f->header_ok)
        return fault(r, JET_errLogCorruptDuringHardRecovery, 0, 0, 0,
                     "its header cannot be used: %s", err_text(f->err));
    if (memcmp(&info->sign_log, &t->rs.rv.set.sign_log, sizeof(info->sign_log)) != 0)
        return fault(
            r, JET_errExistingLogFileHasBadSignature, 457, 0, ESE_NO_OFFSET,
            "it is in the instance's directory, and of another log stream than the backup");
    if (info->gen <= t->rs.high)
        return JET_errSuccess;
    if (info->gen > prev->gen + 1 && prev->foreign)
        return fault(r, JET_errMissingCurrentLogFiles, 450, 0, ESE_NO_OFFSET,
                     "the backup ends with generation 0x%" PRIX32 ": the one after it is missing",
                     prev->gen);
    if (info->gen != prev->gen + 1 ||
        !ese_logtime_equal(info->time_prev_gen, prev->file->header.log.time_created))
        return fault(r, JET_errExistingLogFileIsNotContiguous, 458, 0, ESE_NO_OFFSET,
                     "it does not follow %s", path_name(prev->file->path));
    return JET_errSuccess;
}

static JET_ERR add_existing(struct into *t, const struct ese_instance *inst)
{
    struct rset *s = &t->rs.rv.set;
    struct rlog *more = realloc(s->logs, (s->nr_logs + inst->nr_files + 1) * sizeof(*more));
    JET_ERR err = JET_errSuccess;

    if (!more)
        return RAISE(JET_errOutOfMemory);
    s->logs = more;
    for (unsigned i = 0; i < inst->nr_files && err >= 0; i++) { /* ascending */
        const struct ese_file *f = &inst->files[i];
        if (f->kind != ESE_KIND_LOG)
            continue;
        err = check_existing(t, &s->logs[s->nr_logs - 1], f);
        if (err < 0 || f->gen <= t->rs.high)
            continue;
        s->logs[s->nr_logs++] =
            (struct rlog){.gen = f->gen, .current = f->current, .file = f, .dirfd = t->log_fd};
        s->has_current = f->current;
    }
    return err;
}

static JET_ERR find_existing(struct into *t)
{
    JET_ERR err = ese_discover_dir(t->log_fd, ".", "", NULL, 0, &t->list, &t->nr_list);

    t->rs.rv.set.has_current = false; /* the backup's, if it has one, is not ours to write */
    for (unsigned k = 0; k < t->nr_list && err >= 0; k++)
        if (same_name(t->list[k].base, t->rs.rv.set.base))
            err = add_existing(t, &t->list[k]);
    return err;
}

/* ---- the steps --------------------------------------------------------------------------------- */

static JET_ERR find(struct into *t)
{
    struct restore *rs = &t->rs;
    JET_ERR err;

    rs->strict = true;
    rs->mapped = t->conf->mapped;
    rs->gen_low = t->conf->gen_low;
    rs->gen_high = t->conf->gen_high;
    err = restore_find(rs, t->source_fd);
    if (err < 0)
        return err;
    rs->rv.r.file = path_name(rs->rv.set.logs[0].file->path);
    if (rs->rv.set.logs[0].file->header.log.page_size != t->conf->page_size)
        return fault(&rs->rv.r, JET_errPageSizeMismatch, 0, 0, ESE_NO_OFFSET,
                     "it is for pages of %" PRIu32 " bytes, the instance is for %" PRIu32,
                     rs->rv.set.logs[0].file->header.log.page_size, t->conf->page_size);
    err = place_databases(t);
    return err < 0 ? err : find_existing(t);
}

static JET_ERR create_work(struct into *t, const char *path, int *ret_fd)
{
    struct rplace at;
    JET_ERR err = rplace_find(&t->rs.rv, path, &at);

    if (err < 0)
        return err;
    err = os_unlink_beneath(at.dirfd, at.path); /* of a restore that was killed */
    if (err >= 0 || err == JET_errFileNotFound)
        err = os_create_beneath(at.dirfd, at.path, ret_fd);
    rplace_done(&at);
    return err;
}

static JET_ERR copy(struct into *t)
{
    JET_ERR err = JET_errSuccess;

    for (unsigned i = 0; i < t->rs.nr_dbs && err >= 0; i++) {
        struct restore_db *db = &t->rs.dbs[i];
        int fd;
        t->rs.rv.r.file = db->work;
        err = create_work(t, db->work, &fd);
        if (err < 0)
            return fault_io(&t->rs.rv.r, err, ESE_NO_OFFSET, "making the copy");
        db->made = true;
        err = restore_db_copy(&t->rs, db, fd);
        close(fd);
    }
    return err;
}

static JET_ERR open_work(struct into *t, const struct restore_db *db, bool write, int *ret_fd)
{
    struct rplace at;
    JET_ERR err = rplace_find(&t->rs.rv, db->work, &at);

    if (err < 0)
        return err;
    err = write ? os_open_beneath_rw(at.dirfd, at.path, ret_fd)
                : os_open_beneath(at.dirfd, at.path, ret_fd);
    rplace_done(&at);
    return err;
}

/* The program's copies, which are recovered where they are, lose their trailers. */
static JET_ERR cut_trailers(struct into *t)
{
    JET_ERR err = JET_errSuccess;

    for (unsigned i = 0; i < t->rs.nr_dbs && err >= 0; i++) {
        int fd;
        t->rs.rv.r.file = t->rs.dbs[i].work;
        err = open_work(t, &t->rs.dbs[i], true, &fd);
        if (err >= 0) {
            err = os_truncate(fd, t->rs.dbs[i].size);
            close(fd);
        }
        if (err < 0)
            return fault_io(&t->rs.rv.r, err, ESE_NO_OFFSET, "cutting off the trailer page");
    }
    return err;
}

static JET_ERR move_in(struct into *t)
{
    struct rset *s = &t->rs.rv.set;

    t->rs.rv.dirfd = t->log_fd;
    t->rs.how.db_path = db_path;
    t->rs.how.ctx = t;
    close(s->dir_fd);
    s->dir_fd = -1;
    free(s->dir);
    free(s->chk_path);
    s->dir = strdup(".");
    if (asprintf(&s->chk_path, "%s/%s%s", t->conf->sys_dir, s->base,
                 same_name(s->ext, ".jtx") ? ".jcp" : ".chk") < 0)
        s->chk_path = NULL;
    if (!s->dir || !s->chk_path)
        return RAISE(JET_errOutOfMemory);
    return os_open_dir_beneath(t->log_fd, ".", &s->dir_fd);
}

static bool was_recovered(const struct into *t, const struct restore_db *db)
{
    for (const struct rfile *f = t->rs.rv.files; f; f = f->next)
        if (f->recovered && strcmp(f->path, db->work) == 0)
            return true;
    return false;
}

static JET_ERR check_recovered(struct into *t)
{
    JET_ERR err = JET_errSuccess;

    for (unsigned i = 0; i < t->rs.nr_dbs && err >= 0; i++) {
        const struct restore_db *db = &t->rs.dbs[i];
        int fd;
        t->rs.rv.r.file = path_name(db->file->path);
        if (!was_recovered(t, db))
            return fault(&t->rs.rv.r, JET_errAttachedDatabaseMismatch, 0, 0, ESE_NO_OFFSET,
                         "no log attaches it");
        if (!db->nr_bad)
            continue;
        err = open_work(t, db, false, &fd);
        if (err >= 0) {
            err = restore_db_recheck(&t->rs, db, fd);
            close(fd);
        }
    }
    return err;
}

static JET_ERR put_in_place(struct into *t, struct restore_db *db)
{
    struct rplace at;
    JET_ERR err = rplace_find(&t->rs.rv, db->work, &at);

    t->rs.rv.r.file = db->final;
    if (err >= 0) {
        err = os_rename_at(at.dirfd, at.path, path_name(db->final));
        if (err >= 0) {
            db->made = false;
            err = os_fsync(at.dirfd);
        }
        rplace_done(&at);
    }
    return err < 0 ? fault_io(&t->rs.rv.r, err, ESE_NO_OFFSET, "putting the database in its place")
                   : err;
}

static void remove_copies(struct into *t)
{
    for (unsigned i = 0; i < t->rs.nr_dbs; i++)
        if (t->rs.dbs[i].made)
            (void)unlink(t->rs.dbs[i].work); /* what went wrong before is what counts */
}

/* What the recovery is about to make, if it is not there already. */
static void note_begun(struct into *t)
{
    const struct rset *s = &t->rs.rv.set;
    char name[LOGGEN_NAME_LEN];

    loggen_init(&t->files, t->log_fd, s->base, s->ext, s->digits);
    t->begins_log = !os_is_file_beneath(t->log_fd, loggen_current(&t->files, name));
    t->begins_temp = !os_is_file_beneath(t->log_fd, loggen_temp(&t->files, name));
    t->begins_chk = access(s->chk_path, F_OK) != 0;
}

static void remove_log(struct into *t, const char *name)
{
    JET_ERR err = os_unlink_beneath(t->log_fd, name);

    (void)err; /* it was not begun yet, or what went wrong before is what counts */
}

/* A log that nobody knows would keep the next restore, or start, from being what it should be. One that was there before has
 * some records more, which a replay takes as those of a recovery that was stopped. */
static void remove_begun(struct into *t)
{
    const struct logwrite *w = t->rs.rv.w;
    char name[LOGGEN_NAME_LEN];
    JET_ERR err;

    if (!w)
        return;
    for (lgen_t gen = t->rs.rv.scan.top.gen + 1; t->begins_log && gen < logwrite_gen(w); gen++)
        remove_log(t, loggen_archived(&t->files, gen, name));
    if (t->begins_log)
        remove_log(t, loggen_current(&t->files, name));
    if (t->begins_temp)
        remove_log(t, loggen_temp(&t->files, name));
    if (t->begins_chk)
        (void)unlink(t->rs.rv.set.chk_path);
    err = os_fsync(t->log_fd); /* gone for good, also when the power goes */
    (void)err;
}

static JET_ERR run(struct into *t)
{
    JET_ERR err = open_dirs(t);

    if (err >= 0)
        err = find(t);
    if (err >= 0)
        err = restore_scan(&t->rs);
    if (err >= 0)
        err = t->conf->mapped ? cut_trailers(t) : copy(t);
    if (err >= 0)
        err = move_in(t);
    if (err >= 0) {
        note_begun(t);
        err = restore_replay(&t->rs);
    }
    if (err >= 0)
        err = check_recovered(t);
    rattach_done(&t->rs.rv);
    for (unsigned i = 0; i < t->rs.nr_dbs && err >= 0 && !t->conf->mapped; i++)
        err = put_in_place(t, &t->rs.dbs[i]);
    if (err < 0) {
        remove_copies(t);
        remove_begun(t);
    }
    return recovery_error(&t->rs.rv, err);
}

static void tell(void *ctx, uint64_t done, uint64_t total)
{
    struct into *t = ctx;

    (void)total;
    t->progress(t->progress_ctx, t->rs.done + done, t->rs.total);
}

JET_ERR restore_instance(const struct restore_conf *conf, ese_fault_fn *fn, void *ctx,
                         ese_progress_fn *progress, void *progress_ctx)
{
    struct into *t = calloc(1, sizeof(*t));
    JET_ERR err;

    if (!t)
        return RAISE(JET_errOutOfMemory);
    t->conf = conf;
    t->opts = (struct ese_restore_opts){.base = conf->base, .cancel = conf->cancel};
    t->source_fd = t->log_fd = -1;
    t->progress = progress;
    t->progress_ctx = progress_ctx;
    restore_init(&t->rs, -1, &t->opts, fn, ctx, &t->result);
    t->rs.rv.progress = progress ? tell : NULL;
    t->rs.rv.progress_ctx = t;
    err = run(t);
    restore_done(&t->rs);
    ese_recovery_done(&t->result);
    ese_instances_free(t->list, t->nr_list);
    if (t->source_fd >= 0)
        close(t->source_fd);
    if (t->log_fd >= 0)
        close(t->log_fd);
    free(t);
    return err;
}
