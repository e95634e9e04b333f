#include "backup/surrogate.h"

#include "backup/session_priv.h"

/* Where it began is where the headers say it was taken; of an incremental one that is its record. */
static JET_ERR begin(struct backup *b)
{
    const bool incremental = b->opts.incremental;
    struct logrec rec = marks_record(b, PHASE_BEGIN, NULL);
    JET_ERR err = backup_poll(b);

    if (err >= 0)
        err = backup_check_log(b->in);
    if (err >= 0 && incremental)
        err = marks_check_full(b);
    if (err < 0)
        return err;
    b->mark = wal_tip(b->in->wal);
    b->mark_time = rec.backup.details.time;
    bkevent(b->in, incremental ? EVENT_START_INCREMENTAL : EVENT_START_FULL, 0, NULL, NULL, NULL);
    err = marks_append(b, &rec, incremental ? &b->mark : NULL);
    b->prepare_lgpos = b->mark;
    b->prepare_time = b->mark_time;
    return err;
}

JET_ERR surrogate_begin(struct inst *in, bool incremental, lgen_t first, lgen_t last,
                        struct backup **ret)
{
    const struct backup_opts opts = {.incremental = incremental, .surrogate = true};
    struct backup *b;
    JET_ERR err;

    if (!in->wal)
        return RAISE(JET_errLoggingDisabled);
    if (!first || first > last || last > wal_gen(in->wal))
        return RAISE(JET_errInvalidParameter);
    err = backup_new(in, &opts, DBHDR_SNAPSHOT, &b);
    if (err < 0)
        return err;
    b->copy_mic = first;
    b->copy_mac = last + 1;
    for (unsigned i = 1; i <= DBID_MAX; i++)
        b->db_read[i] = true;
    err = begin(b);
    if (err < 0)
        backup_free(b);
    else
        *ret = b;
    return err;
}

JET_ERR surrogate_finish(struct backup *b, bool no_marks)
{
    const JET_ERR err = backup_poll(b);

    if (err < 0)
        backup_abort(b, BACKUP_FAILED, err);
    else
        backup_finish(b, no_marks);
    return err;
}
