/*
 * Incrementals in directories of their own: their logs go on from those of the set (ESE wants them copied into one directory
 * first). Which directory a log lies in makes no difference from here on; a log that several have must be the same one.
 */
#include <stdlib.h>

#include "log/loghdr.h"
#include "recover/restore_int.h"

static const struct rlog *find_gen(const struct rset *s, lgen_t gen)
{
    for (unsigned i = 0; i < s->nr_logs; i++)
        if (s->logs[i].gen == gen)
            return &s->logs[i];
    return NULL;
}

/* A log that the set has already. */
static JET_ERR check_same(struct restore *rs, const struct rlog *have, const struct ese_file *f)
{
    const struct ese_log_info *a = &have->file->header.log, *b = &f->header.log;

    if (have->file->header_ok && f->header_ok && have->file->size == f->size &&
        memcmp(&a->sign_log, &b->sign_log, sizeof(a->sign_log)) == 0 &&
        ese_logtime_equal(a->time_created, b->time_created))
        return JET_errSuccess;
    return fault(&rs->rv.r, JET_errGivenLogFileIsNotContiguous, 434, 0, ESE_NO_OFFSET,
                 "the backup has another log with this name: it is no incremental of it");
}

static JET_ERR add_logs(struct restore *rs, int dirfd, const struct ese_instance *inst,
                        unsigned *ret_nr)
{
    struct rset *s = &rs->rv.set;
    struct rlog *more = realloc(s->logs, (s->nr_logs + inst->nr_files + 1) * sizeof(*more));
    JET_ERR err = JET_errSuccess;

    if (!more)
        return RAISE(JET_errOutOfMemory);
    s->logs = more;
    for (unsigned i = 0; i < inst->nr_files && err >= 0; i++) {
        const struct ese_file *f = &inst->files[i];
        const struct rlog *have;

        if (f->kind != ESE_KIND_LOG || f->current)
            continue;
        ++*ret_nr;
        rs->rv.r.file = path_name(f->path);
        have = find_gen(s, f->gen);
        if (have)
            err = check_same(rs, have, f);
        else
            s->logs[s->nr_logs++] = (struct rlog){.gen = f->gen, .file = f, .dirfd = dirfd};
    }
    return err;
}

static JET_ERR add_directory(struct restore *rs, unsigned nth)
{
    struct restore_more *m = &rs->more[nth];
    unsigned nr = 0;
    JET_ERR err = ese_discover_dir(rs->log_dirs[nth], ".", "", NULL, 0, &m->list, &m->nr);

    rs->rv.r.file = ".";
    for (unsigned i = 0; i < m->nr && err >= 0; i++)
        if (same_name(m->list[i].base, rs->rv.set.base))
            err = add_logs(rs, rs->log_dirs[nth], &m->list[i], &nr);
    if (err >= 0 && !nr)
        err = fault(&rs->rv.r, JET_errFileNotFound, 0, 0, ESE_NO_OFFSET,
                    "there is no log of this stream in the incremental backup number %u", nth + 1);
    return err;
}

static int by_gen(const void *a, const void *b)
{
    const struct rlog *x = a, *y = b;

    return (x->gen > y->gen) - (x->gen < y->gen);
}

JET_ERR restore_add_logs(struct restore *rs)
{
    JET_ERR err = JET_errSuccess;

    if (!rs->nr_log_dirs || (rs->how.hard && !rs->rv.set.nr_logs)) /* the latter is no backup */
        return JET_errSuccess;
    rs->rv.r.file = ".";
    if (!rs->how.hard)
        return fault(&rs->rv.r, JET_errRestoreOfNonBackupDatabase, 0, 0, ESE_NO_OFFSET,
                     "incrementals go on from a backup that the engine made");
    rs->more = calloc(rs->nr_log_dirs, sizeof(*rs->more));
    if (!rs->more)
        return RAISE(JET_errOutOfMemory);
    for (unsigned i = 0; i < rs->nr_log_dirs && err >= 0; i++)
        err = add_directory(rs, i);
    qsort(rs->rv.set.logs, rs->rv.set.nr_logs, sizeof(*rs->rv.set.logs), by_gen);
    return err;
}

void restore_forget_logs(struct restore *rs)
{
    for (unsigned i = 0; rs->more && i < rs->nr_log_dirs; i++)
        ese_instances_free(rs->more[i].list, rs->more[i].nr);
    free(rs->more);
}
