/* Between the parts of a running instance's life: live.c (start, end), livelog.c (its log), livedb.c (databases), livechk.c
 * (checkpoint). */
#ifndef ESE_RECOVER_LIVE_INT_H
#define ESE_RECOVER_LIVE_INT_H

#include "log/chkpt.h"
#include "recover/formats.h"
#include "recover/live.h"

struct live {
    struct inst in;     /* first: a struct inst is a struct live */
    int log_fd, sys_fd; /* directories; the first one carries the owner's lock */
    char *log_dir, *sys_dir;
    char ext[5], chk_name[16];
    unsigned digits;
    struct loghdr_disk hdr; /* of the generation that the start found, or a template */
    struct signature sign_log;
    lgpos_t init; /* of Init2 */
    const struct format_version *format;
    struct bufguard *guard; /* of the databases' pages; NULL: none */
    bool clean;             /* the end was: nothing of the guard is needed */
    bool recovered;         /* the start had to */
    JET_ERR lost;           /* a warning: it has left something out */
    bool is_temp;           /* livetemp.c: its cache is another's */
    struct leftovers
        *leftovers; /* of databases that were recovered and not attached since; chk_lock */

    /* Which databases are attached, for the log's hooks, which come with page latches held: inst.lock is not theirs.
     * Taken after inst.lock, before db.hdr_lock. */
    pthread_mutex_t attached_lock;
    struct db *attached[DBID_MAX + 1];

    pthread_mutex_t chk_lock;    /* one checkpoint at a time; taken before everything else */
    bool frozen;                 /* chk_lock: a snapshot is being taken, nothing is written */
    struct chkpt_disk chk;       /* chk_lock */
    _Atomic lgpos_t consistency; /* what redo would start from */

    pthread_mutex_t tick_lock; /* the checkpoint's thread */
    pthread_cond_t tick;
    pthread_t ticker;
    bool ticking, stop;
};

static inline struct live *live_of(struct inst *in)
{
    return (struct live *)in;
}

/* ---- live.c ---- */
must_check JET_ERR live_new(const struct live_conf *conf, ese_fault_fn *fn, void *ctx,
                            struct live **ret);
/* Stops its threads; nothing is written. */
void live_free(struct live *l);

/* ---- livelog.c ---- */
/* Recovers what is in the directory of the logs if need be, and opens the log. */
must_check JET_ERR livelog_open(struct live *l, const struct live_conf *conf);
void livelog_params(const struct live *l, struct dbms_param_disk *ret);

/* ---- livedb.c ---- */
/* All pages on disk, header clean as of lgpos. */
must_check JET_ERR livedb_close_clean(struct live *l, struct db *d, lgpos_t lgpos);
/* A new database in fd, which is taken over; name: for faults. No log, no file that anybody else finds. */
must_check JET_ERR livedb_create_temp(struct live *l, struct sess *s, int fd, const char *name,
                                      struct db **ret);
/* Drops it as it is. */
void livedb_free(struct live *l, struct db *d);
/* Header fields of generations, for a new one: committed. */
must_check JET_ERR livedb_generation(void *live, lgen_t gen, struct logtime created);
must_check JET_ERR livedb_attach_list(void *live, uint8_t list[LOG_ATTACH_LEN]);
/* Those that were attached at lgpos already: redo meets the others' records. */
must_check JET_ERR livedb_attach_upto(struct live *l, lgpos_t lgpos, uint8_t list[LOG_ATTACH_LEN]);

/* ---- livebackup.c ---- */
extern const struct inst_life live_backup_life;
/* With chk_lock: JET_errBackupInProgress, JET_errSurrogateBackupInProgress. */
must_check JET_ERR live_refuse_in_backup(const struct live *l);

/* ---- livesweep.c ---- */
/* For a database that was just attached; what cannot be done stays left over. chk_lock. */
void livesweep(struct live *l, struct db *d);
void livesweep_forget(struct live *l);

/* ---- livechk.c ---- */
must_check JET_ERR livechk_start(struct live *l,
                                 bool fresh); /* opens or makes the file, starts the thread */
void livechk_stop(struct live *l);
/* The stream is closed at Term2. */
must_check JET_ERR livechk_close(struct live *l, lgpos_t term);

#endif
