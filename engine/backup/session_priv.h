/* Inside a backup: session.c (states), prepare.c (log phase), marks.c (records, headers), dbcopy.c and logcopy.c (files),
 * bkevent.c. */
#ifndef ESE_BACKUP_SESSION_PRIV_H
#define ESE_BACKUP_SESSION_PRIV_H

#include "backup/bkevent.h"
#include "backup/session.h"
#include "page/dbhdrstate.h"

enum { SCOPE_FULL = 1, SCOPE_INCREMENTAL = 2, SCOPE_COPY = 5, SCOPE_DIFFERENTIAL = 6 };
enum {
    PHASE_BEGIN = 1,
    PHASE_PREPARE,
    PHASE_TRUNCATE,
    PHASE_UPDATE,
    PHASE_ABORT,
    PHASE_STOP,
};

struct backup {
    struct inst *in;
    struct backup_opts opts;
    uint32_t type; /* DBHDR_STREAMED, DBHDR_SNAPSHOT */
    bool prepared, truncated, frozen;
    lgpos_t mark; /* the log's tip at the beginning; of an incremental: of its PrepLogs record */
    struct logtime mark_time;
    lgpos_t prepare_lgpos;
    struct logtime prepare_time;
    lgen_t copy_mic, copy_mac; /* logs that belong to it: [mic, mac) */
    lgen_t delete_mic, delete_mac;
    bool *log_read; /* by generation - copy_mic: to its end */
    bool db_read[DBID_MAX + 1];
    struct backup_file *open;
    struct ese_log_info last_log; /* that was read to its end; gen 0: none */
};

struct backup_file {
    struct backup *b;
    JET_ERR (*read)(struct backup_file *f, void *buf, size_t len, size_t *ret_len);
    void (*close)(struct backup_file *f); /* frees it */
    const char *name;                     /* its path */
    uint64_t size, done;
};

/* What the copy of a database is called. */
const char *backup_base_name(const struct db *d);
/* JET_errSuccess, or why the backup must end now. */
must_check JET_ERR backup_poll(const struct backup *b);

/* ---- session.c ---- */
/* The log has not come to its end: JET_errLogWriteFail and the like, JET_errLogDiskFull. */
must_check JET_ERR backup_check_log(struct inst *in);
/* The databases and logs stay; nothing is logged or told yet. */
must_check JET_ERR backup_new(struct inst *in, const struct backup_opts *opts, uint32_t type,
                              struct backup **ret);
void backup_free(struct backup *b);

/* ---- bktrace.c ---- */
/* A Trace record with the time before it. Appended, not flushed. */
void bktrace(struct backup *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- prepare.c ---- */
must_check JET_ERR prepare_end_generation(struct backup *b);
must_check JET_ERR prepare_find_ranges(struct backup *b);
must_check JET_ERR prepare_delete(struct inst *in, lgen_t mic, lgen_t mac);

/* ---- marks.c ---- */
/* A Backup2 record of this phase, durable. details may be NULL: the time is now. */
must_check JET_ERR marks_log(struct backup *b, uint8_t phase, const struct bkinfo *details);
/* A record, durable; ret (may be NULL): where it is. */
must_check JET_ERR marks_append(struct backup *b, const struct logrec *rec, lgpos_t *ret);
struct logrec marks_record(const struct backup *b, uint8_t phase, const struct bkinfo *details);
/* The backup is done: records, headers, checkpoint. */
must_check JET_ERR marks_put(struct backup *b);
/* What the databases must know for an incremental: JET_errMissingFullBackup, reported (206). */
must_check JET_ERR marks_check_full(const struct backup *b);
/* The highest generation that the last full or incremental backup of a database holds; 0: none. */
lgen_t marks_last_gen(struct db *d);

#endif
