/* Between the parts of recovery; recover.c has the order of things. */
#ifndef ESE_RECOVER_INT_H
#define ESE_RECOVER_INT_H

#include <strings.h>

#include "base/fault.h"
#include "btree/redo.h"
#include "log/chkpt.h"
#include "log/logwrite.h"
#include "page/dbhdrwrite.h"
#include "recover/leftovers.h"
#include "recover/restore.h"
#include "recover/session.h"
#include "txn/inst.h"

struct rlog {   /* one generation */
    lgen_t gen; /* 0: the current log, its header is ruined */
    bool current;
    bool foreign; /* of a backup that is restored: only read, the new log begins behind it */
    const struct ese_file *file;
    int dirfd; /* that file->path counts from */
};

/* The files as they were found. */
struct rset {
    struct ese_instance *list;
    unsigned nr_list;
    const struct ese_instance *inst;
    struct rlog *logs; /* ascending */
    unsigned nr_logs;
    unsigned nr_surplus; /* logs behind these, which are not looked at and go (lost.c) */
    bool has_current, has_temp;
    char *dir; /* of the logs, relative; "." */
    int dir_fd;
    char base[4], ext[5]; /* as spelt: "SRU", ".log" */
    unsigned digits;
    ese_signature sign_log;
    char *chk_path;        /* where it is or would be */
    bool chk_there;        /* sound, and of this stream */
    struct chkpt_disk chk; /* raw */
    struct ese_chk_info chk_info;
};

/* What the logs from the redo start on look like, read once before anything is changed. */
struct rscan {
    unsigned first; /* of rset.logs */
    unsigned at;    /* the one that a walk has come to */
    lgpos_t redo_from;
    struct loghdr_disk top_hdr; /* of the highest generation */
    struct ese_log_info top;    /* without its list of databases */
    lgpos_t quit;               /* of the last Term or RecoveryQuit; 0: none */
    lgpos_t end;                /* behind the last record */
    uint64_t bytes, records;
    lgpos_t stop; /* the first record that is left out; 0: there is none */
};

/* Where a replay ends before the logs do. */
struct recover_stop {
    lgpos_t lgpos;       /* records from here on are left out; 0: all count */
    struct logtime time; /* ... and from the first segment on that is later; zero: all count */
};
static inline bool recover_stops(const struct recover_stop *s)
{
    return s->lgpos || !logtime_is_zero(s->time);
}

/* A database file that recovery has taken up; it stays so until the end, detached or not. */
struct rfile {
    struct recovery *rv;
    char *path; /* relative to the instance's directory */
    int fd;
    uint8_t *page; /* header page */
    uint32_t page_size;
    struct bufpool *pool;
    struct redo_db redo;
    bool overlay;
    pgno_t last;  /* overlay: the file would end with this page */
    bool pending; /* CreateDB was replayed, CreateDBFinish not yet */
    bool created, recovered, removed;
    uint8_t dbid; /* where it is attached; 0: nowhere */
    lgen_t ahead_until;
    uint64_t written;
    struct leftovers left;
    struct rfile *next;
};

static inline struct dbhdr_disk *rfile_hdr(const struct rfile *f)
{
    return (struct dbhdr_disk *)f->page;
}

struct rslot { /* what the log says is attached under a dbid */
    bool used;
    char *logged_path;
    struct signature sign_db;
    lgpos_t lgpos_attach, lgpos_consistent;
    uint32_t pages_max;
    struct rfile *file; /* NULL: deferred */
    bool
        clean_later; /* deferred: the file was shut down cleanly later in this stream, or is passed over */
    char why[160]; /* deferred */
};

/* A recovery that is the first part of an instance's start (live.h): the owner's lock is held already, logs and
 * checkpoint are where the instance has them, and databases where the log says. */
struct recover_live {
    const char *chk_path; /* absolute */
    const char *db_dir;   /* databases are looked up here, by name; NULL: no */
    /* Before that: where those are that have moved. map_only: others are passed over. */
    const struct restore_map *map;
    unsigned nr_map;
    bool map_only;
    struct recover_stop stop;
    bool without_undo;          /* ends after the redo, so that more logs can follow (pause.c) */
    bool allow_missing_current; /* the highest archived log may be the last */
    bool skip_lost_event;       /* lost logs are not told */
    /* Of each database that was recovered, when it went well; the caller frees them. */
    struct leftovers **leftovers;
};

/* A restore: databases and logs are read in one place and recovered in another (restore.c). */
struct recover_restore {
    bool hard;     /* of a backup that the engine made; else of a copy of an instance at rest */
    bool archived; /* the set has no current log, and need not have one */
    bool left_out; /* a stop leaves something out: a new stream begins */
    lgen_t high;   /* hard: the backup's last generation, up to which its pages may be changed */
    /* Where a database is that the log names, on the heap; "": it is passed over; NULL: out of memory. Without the
     * function: by name. */
    char *(*db_path)(void *ctx, const char *logged);
    void *ctx;
    struct signature sign_log; /* of the stream that begins behind a stop */
    JET_ERR log_err;           /* hard: what a damaged log is called, once one was met */
};

struct recovery {
    const struct recover_live *live; /* NULL: a recovery of its own */
    struct recover_restore *restore; /* NULL: none */
    struct recover_stop stop;
    int dirfd;
    const struct ese_recover_opts *opts;
    struct reporter r;
    ese_fault_fn *report; /* the caller's */
    void *report_ctx;
    ese_progress_fn *progress;
    void *progress_ctx;
    struct ese_recovery *ret;

    struct rset set;
    struct rscan scan;
    struct rfile *files;
    struct rslot slot[DBID_MAX + 1];
    struct sessions *sessions;
    struct logwrite *w;      /* NULL until the redo is done */
    lgpos_t undo_info;       /* its last UndoInfo; 0: none */
    struct bufguard *guard;  /* of all files; NULL: none, or not yet */
    bool guard_sought, done; /* done: the databases are clean */
    lgpos_t now;             /* record being replayed */
    bool log_foreign;        /* the log being read is */
    uint32_t page_size;
    lgpos_t shutdown; /* last ShutDownMark */
    bool last_is_shutdown;
    lgen_t committed; /* highest generation; what headers say */
    struct logtime committed_created;
};

/* The last component of a path of this machine ... */
static inline const char *path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}
/* ... and of one that a log names: a Windows path as a rule. */
static inline const char *logged_name(const char *path)
{
    const char *name = path_name(path), *back = strrchr(name, '\\');
    return back ? back + 1 : name;
}
/* Windows' names: case does not count. */
static inline bool same_name(const char *a, const char *b)
{
    return strcasecmp(a, b) == 0;
}
/* What a program calls a database: the path that a log has, or only the name in it. */
static inline bool is_logged_as(const char *called, const char *logged)
{
    return same_name(called, logged) || same_name(called, logged_name(logged));
}

/* JET_errClientRequestToStopJetService, not reported, once the caller wants it. */
static inline JET_ERR recovery_stopped(const struct recovery *rv)
{
    return rv->opts->cancel && *rv->opts->cancel ? JET_errClientRequestToStopJetService
                                                 : JET_errSuccess;
}

/* A recovery that nothing was found for yet; rv is the reporter's context, fn the caller's. */
void recovery_init(struct recovery *rv, int dirfd, const struct ese_recover_opts *opts,
                   ese_fault_fn *fn, void *ctx, struct ese_recovery *ret);
void recovery_done(struct recovery *rv);
/* The error as the caller gets it. */
JET_ERR recovery_error(const struct recovery *rv, JET_ERR err);
/* Undo, and the stream is closed: databases clean, RecoveryQuit2, checkpoint. */
must_check JET_ERR recovery_close(struct recovery *rv);
/* Databases that these logs do not bring forward are faults; what was done goes into rv->ret. */
must_check JET_ERR recovery_check_left_over(struct recovery *rv);
must_check JET_ERR recovery_fill_result(struct recovery *rv);

/* live: NULL, or see there. Otherwise as ese_recover. */
must_check JET_ERR recover_run(int dirfd, const struct ese_recover_opts *opts,
                               const struct recover_live *live, ese_fault_fn *fn, void *ctx,
                               ese_progress_fn *progress, void *progress_ctx,
                               struct ese_recovery *ret);

/* ---- find.c: which files --------------------------------------------------------------------- */

must_check JET_ERR rset_find(struct recovery *rv);
void rset_done(struct rset *s);
/* The directory that a database's or checkpoint's path counts from, and the path in it: absolute ones (a running
 * instance's) are opened anew. rplace_done when it has been used. */
struct rplace {
    int dirfd;
    const char *path;
    bool own;
};
must_check JET_ERR rplace_find(const struct recovery *rv, const char *path, struct rplace *ret);
void rplace_done(struct rplace *p);
/* A path in the directory of the logs; NULL: out of memory. */
char *rset_path(const struct rset *s, const char *name);

/* ---- scan.c: which logs, from where ----------------------------------------------------------- */

must_check JET_ERR rscan_logs(struct recovery *rv);
/* Dirty databases of the stream against the logs that are there. */
must_check JET_ERR rscan_check_databases(struct recovery *rv);
/* One of them, the reporter's file. Of db only generations and their times count. JET_errRequiredLogFilesMissing,
 * JET_errCommittedLogFilesMissing. */
must_check JET_ERR rscan_check_database(struct recovery *rv, const struct ese_db_info *db);
/* Is it the file of a database that was not shut down, with this stream? */
bool rscan_is_dirty(const struct recovery *rv, const struct ese_file *f);
/* Calls fn for each record from the redo start on; ends, reported if report is set, at the first fault.
 * next_gen, before the first record of each generation. */
struct rscan_walk {
    bool report;
    JET_ERR (*record)(struct recovery *rv, lgpos_t lgpos, const struct logrec *rec);
    JET_ERR (*generation)(struct recovery *rv, const struct ese_log_info *info);
};
must_check JET_ERR rscan_walk(struct recovery *rv, const struct rscan_walk *walk,
                              struct ese_log_info *ret_top);

/* ---- attach.c: databases that come and go ---------------------------------------------------- */

must_check JET_ERR rattach_list(struct recovery *rv, const struct ese_attach *list, unsigned nr);
must_check JET_ERR rattach_record(struct recovery *rv, const struct logrec *rec);
/* All pages of the attached files are on disk after it. */
must_check JET_ERR rattach_flush(struct recovery *rv);
/* All attached files are written and shut down cleanly at lgpos; nothing is attached then. */
must_check JET_ERR rattach_shut_down(struct recovery *rv, lgpos_t lgpos);
/* Nothing that the log wants is missing. */
must_check JET_ERR rattach_check_end(struct recovery *rv);
/* Files whose creation was not finished are removed. */
must_check JET_ERR rattach_drop_pending(struct recovery *rv);
must_check JET_ERR rattach_encode(void *rv, uint8_t list[LOG_ATTACH_LEN]); /* logwrite_hooks */
must_check JET_ERR rattach_generation(void *rv, lgen_t gen, struct logtime created); /* likewise */
struct rfile *rattach_file(const struct recovery *rv, uint8_t dbid); /* NULL: not attached */
void rattach_done(struct recovery *rv);

/* ---- rfile.c: one database file --------------------------------------------------------------- */

/* The file at path, taken up before or opened now. Errors, not reported: those of opening and of
 * dbhdr_decode. */
must_check JET_ERR rfile_open(struct recovery *rv, const char *path, struct rfile **ret);
/* A new one, for a CreateDB record; f: what rfile_open gave for the path, or NULL. */
must_check JET_ERR rfile_create(struct recovery *rv, const char *path, struct rfile *f,
                                const struct logrec *rec, struct rfile **ret);
void rfile_free(struct rfile *f);
/* Redo begins at generation gen; the header says that the file is in use, and which logs it needs. Whatever
 * was a flush map of it is removed. */
must_check JET_ERR rfile_begin(struct rfile *f, uint8_t dbid, lgen_t gen);
/* The header as AttachDB makes it; rfile_begin writes it. */
void rfile_set_attached(struct rfile *f, lgpos_t lgpos);
/* CreateDBFinish, SetDbVersion, a new generation. */
must_check JET_ERR rfile_write_header(struct rfile *f);
void rfile_set_committed(struct rfile *f);
/* All pages, then the header: clean since lgpos. */
must_check JET_ERR rfile_shut_down(struct rfile *f, lgpos_t lgpos);
must_check JET_ERR rfile_remove(struct rfile *f);
/* A file without a usable header, which a CreateDB record names: if nothing but its name was made, it goes. */
must_check JET_ERR rfile_remove_unborn(struct recovery *rv, const char *path, bool *ret);

/* ---- replay.c, rollback.c --------------------------------------------------------------------- */

must_check JET_ERR replay_run(struct recovery *rv);
/* UndoInfo, Undo, Rollback for everything that is open. */
must_check JET_ERR rollback_run(struct recovery *rv);

/* ---- lost.c: a log stream whose end is lost ---------------------------------------------------- */

/* What a walk met that ends it: a gap, a log of another stream or branch, or a damaged one. */
bool rlost_is_end(JET_ERR err);
/* The set ends before the log at scan.at, if no database requires that. False: it cannot. */
bool rlost_cut(struct recovery *rv);
/* Removes the logs that were cut off. */
must_check JET_ERR rlost_remove(struct recovery *rv);

/* ---- pause.c: recovery without undo ------------------------------------------------------------ */

/* It ends after the redo. */
bool rpause_wanted(const struct recovery *rv);
/* Pages that may be written are; headers, checkpoint and log stay as the redo has found them, so that a later recovery goes
 * on. Always an error: JET_errRecoveredWithoutUndo, JET_errRecoveredWithoutUndoDatabasesConsistent (the logs end with nothing
 * attached), or why it failed. */
must_check JET_ERR rpause(struct recovery *rv);

/* ---- copy.c ----------------------------------------------------------------------------------- */

struct rcopy;
/* Copies the instance's files into opts->to. *ret is there also after a failure, unless it is NULL. */
must_check JET_ERR rcopy_make(struct recovery *rv, struct rcopy **ret);
int rcopy_dirfd(const struct rcopy *c);
/* keep: syncs the names; else removes everything that is there. Frees c; NULL is fine. */
must_check JET_ERR rcopy_end(struct rcopy *c, bool keep);

#endif
