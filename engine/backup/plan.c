/*
 * What a copy of an instance must hold so that recovery can run on it, and what is missing
 * (ese_copy_plan). Works on headers alone; segments and pages are the streaming check's.
 *
 * Where recovery starts (ESE: logredo.cxx ErrLGSoftStart): at the checkpoint's generation, or without
 * a checkpoint at the lowest log. A database's header says from which generation on it needs the logs
 * (296), up to which (300), and which were ever written (416). So the range is
 *   low   the lowest that a dirty database or the checkpoint requires; for a clean set without a
 *         checkpoint the one that the current log's header gives as a hint, if the chain reaches it
 *   high  the highest generation that is there: the current log
 * and every generation between must be there, sound, of one stream, each naming its predecessor.
 */
#include "backup/inventory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- access ----------------------------------------------------------------------------------- */

static bool is_log(const struct ese_file *f)
{
    return f->kind == ESE_KIND_LOG;
}

static bool is_database(const struct ese_file *f)
{
    return f->kind == ESE_KIND_DATABASE;
}

static bool needs_logs(const struct ese_file *f)
{
    return is_database(f) && f->header_ok && f->header.db.state != ESE_DB_CLEAN;
}

/* The lowest generation that a database needs. A copy out of a streaming backup needs those from the
 * backup's start, whatever the header says besides. */
static lgen_t required_low(const struct ese_db_info *db)
{
    lgen_t low = db->gen_min_required ? db->gen_min_required : (lgen_t)(db->lgpos_attach >> 32);

    if (db->full_cur.gen_low && (!low || db->full_cur.gen_low < low))
        low = db->full_cur.gen_low;
    return low;
}

static bool is_streaming_copy(const struct ese_instance *inst)
{
    for (unsigned i = 0; i < inst->nr_files; i++)
        if (needs_logs(&inst->files[i]) && inst->files[i].header.db.full_cur.gen_low)
            return true;
    return false;
}

static const char *shown(const struct ese_file *f)
{
    return name_of_path(f->path);
}

static bool same_dir(const struct ese_file *a, const struct ese_file *b)
{
    size_t len = (size_t)(shown(a) - a->path);

    return len == (size_t)(shown(b) - b->path) && memcmp(a->path, b->path, len) == 0;
}

/* The instance's one checkpoint: a sound one before a ruined one, one beside the logs before others. */
static const struct ese_file *find_checkpoint(const struct ese_instance *inst)
{
    const struct ese_file *best = NULL, *log = NULL;
    int best_score = -1;

    for (unsigned i = 0; i < inst->nr_files; i++) {
        const struct ese_file *f = &inst->files[i];
        int score;
        if (is_log(f))
            log = f;
        if (f->kind != ESE_KIND_CHECKPOINT)
            continue;
        score = f->header_ok * 2 + (log && same_dir(log, f));
        if (score > best_score) {
            best = f;
            best_score = score;
        }
    }
    return best;
}

/* The sound log of the highest generation: its signature is the stream's, its attach list is in force. */
static const struct ese_file *highest_log(const struct ese_instance *inst)
{
    const struct ese_file *best = NULL;

    for (unsigned i = 0; i < inst->nr_files; i++)
        if (is_log(&inst->files[i]) && inst->files[i].header_ok)
            best = &inst->files[i];
    return best;
}

/* ---- the range -------------------------------------------------------------------------------- */

static lgen_t checkpoint_gen(const struct ese_file *chk)
{
    return chk && chk->header_ok ? (lgen_t)(chk->header.chk.lgpos_checkpoint >> 32) : 0;
}

/* Lowest generation of the unbroken chain that ends at `high`, not below `want`. */
static lgen_t chain_start(const struct ese_instance *inst, lgen_t high, lgen_t want)
{
    lgen_t low = high;

    for (unsigned i = inst->nr_files; i-- > 0;) {
        const struct ese_file *f = &inst->files[i];
        if (is_log(f) && low > want && f->gen == low - 1)
            low = f->gen;
    }
    return low;
}

struct range instance_range(const struct ese_instance *inst)
{
    const struct ese_file *top = highest_log(inst);
    struct range r = {.checkpoint = find_checkpoint(inst)};
    lgen_t chk = checkpoint_gen(r.checkpoint);

    for (unsigned i = 0; i < inst->nr_files; i++) {
        const struct ese_file *f = &inst->files[i];
        if (is_log(f) && f->gen > r.high)
            r.high = f->gen;
        if (needs_logs(f)) {
            lgen_t low = required_low(&f->header.db);
            if (low && (!r.low || low < r.low))
                r.low = low;
        }
    }
    if (!r.high)
        return r;
    if (chk && (!r.low || chk < r.low))
        r.low = chk;
    if (!r.low) {
        r.hint = true;
        r.low =
            chain_start(inst, r.high, top ? (lgen_t)(top->header.log.lgpos_checkpoint >> 32) : 0);
    }
    if (r.low > r.high) /* the checkpoint is beyond the logs; instance_examine says so */
        r.low = r.high;
    return r;
}

/* A log without a generation is the current one with a ruined header: always needed. */
bool range_holds(const struct range *r, const struct ese_file *f)
{
    if (is_log(f))
        return !f->gen || (f->gen >= r->low && f->gen <= r->high);
    return is_database(f) || f == r->checkpoint ||
           (r->checkpoint && f->kind == ESE_KIND_CHECKPOINT &&
            strcmp(f->path, r->checkpoint->path) == 0);
}

/* ---- examination ------------------------------------------------------------------------------ */

struct exam {
    const struct ese_instance *inst;
    const struct range *range;
    const struct ese_file *top;     /* highest sound log, or NULL */
    const struct ese_file *pattern; /* a log with a generation in its name, or NULL */
    struct reporter r;
};

/* "edb0000001A.log", as this stream spells it. */
static void log_name(const struct exam *e, lgen_t gen, char *buf, size_t len)
{
    const char *like = e->pattern ? shown(e->pattern) : "";
    const char *ext = strrchr(like, '.');
    int digits = ext && ext - like == 8 && gen <= 0xfffff ? 5 : 8;

    snprintf(buf, len, "%s%0*" PRIX32 "%s", e->inst->base[0] ? e->inst->base : "edb", digits, gen,
             ext ? ext : ".log");
}

/* Generations first..last are not there. */
static void missing(struct exam *e, lgen_t first, lgen_t last, const char *why, JET_ERR err,
                    uint32_t event)
{
    char name[32];

    log_name(e, first, name, sizeof(name));
    e->r.file = name;
    if (first == last)
        fault(&e->r, err, event, 0, ESE_NO_OFFSET, "generation 0x%" PRIX32 " is missing; %s", first,
              why);
    else
        fault(&e->r, err, event, 0, ESE_NO_OFFSET,
              "generations 0x%" PRIX32 "-0x%" PRIX32 " are missing; %s", first, last, why);
}

static void check_header_copies(struct exam *e, const struct ese_file *f, bool primary_bad,
                                bool shadow_bad)
{
    e->r.file = shown(f);
    if (primary_bad)
        fault(&e->r, JET_errReadVerifyFailure, 456, 0, 0,
              "the header is damaged; only its shadow is sound");
    if (shadow_bad)
        fault(&e->r, JET_errReadVerifyFailure, 472, 0,
              is_database(f) ? f->header.db.page_size : 4096u, "the header's shadow is damaged");
}

static int cmp_shown(const void *a, const void *b)
{
    const struct ese_file *x = *(const struct ese_file *const *)a,
                          *y = *(const struct ese_file *const *)b;
    int order = name_cmp(shown(x), shown(y));

    return order ? order : strcmp(x->path, y->path);
}

/* Two databases of one name would overwrite each other in the backup, where there are no directories. */
static void check_names(struct exam *e)
{
    const struct ese_file **dbs = calloc(e->inst->nr_files + 1, sizeof(struct ese_file *));
    unsigned nr = 0;

    for (unsigned i = 0; dbs && i < e->inst->nr_files; i++)
        if (is_database(&e->inst->files[i]))
            dbs[nr++] = &e->inst->files[i];
    if (nr)
        qsort(dbs, nr, sizeof(struct ese_file *), cmp_shown);
    for (unsigned i = 1; i < nr; i++) {
        if (!name_equal(shown(dbs[i]), shown(dbs[i - 1])))
            continue;
        e->r.file = dbs[i]->path;
        fault(&e->r, JET_errDatabaseDuplicate, 0, 0, ESE_NO_OFFSET, "%s has the same name",
              dbs[i - 1]->path);
    }
    free(dbs);
}

/* ---- logs ------------------------------------------------------------------------------------- */

static void check_log(struct exam *e, const struct ese_file *f)
{
    const struct ese_log_info *log = &f->header.log;
    struct name_info name;

    e->r.file = shown(f);
    name_classify(shown(f), &name);
    if (name.gen && name.gen != log->gen)
        fault(&e->r, JET_errInvalidLogSequence, 437, 0, 8,
              "the header says generation 0x%" PRIX32 ", the name 0x%" PRIX32, log->gen, name.gen);
    if (memcmp(&log->sign_log, &e->top->header.log.sign_log, sizeof(log->sign_log)) != 0)
        fault(&e->r, JET_errBadLogSignature, 436, 0, 44, "belongs to another log stream than %s",
              shown(e->top));
    if ((uint64_t)log->nr_segments * log->segment_size != f->size)
        fault(&e->r, JET_errLogFileSizeMismatch, 412, 0, 12,
              "the header says %" PRIu64 " bytes, the file has %" PRIu64,
              (uint64_t)log->nr_segments * log->segment_size, f->size);
}

static void check_follows(struct exam *e, const struct ese_file *prev, const struct ese_file *f)
{
    e->r.file = shown(f);
    if (f->gen == prev->gen)
        fault(&e->r, JET_errInvalidLogSequence, 437, 0, ESE_NO_OFFSET,
              "generation 0x%" PRIX32 " is there twice, also as %s", f->gen, shown(prev));
    else if (f->gen == prev->gen + 1 &&
             memcmp(&f->header.log.time_prev_gen, &prev->header.log.time_created,
                    sizeof(ese_logtime)) != 0)
        fault(&e->r, JET_errInvalidLogSequence, 437, 0, 24,
              "does not follow %s: the time it gives as its predecessor's creation is another",
              shown(prev));
}

/* The highest generation up to which some database needs the logs. */
static lgen_t required_high(const struct ese_instance *inst)
{
    lgen_t high = 0;

    for (unsigned i = 0; i < inst->nr_files; i++)
        if (needs_logs(&inst->files[i]) && inst->files[i].header.db.gen_max_required > high)
            high = inst->files[i].header.db.gen_max_required;
    return high;
}

static void check_gap(struct exam *e, lgen_t next, lgen_t have, lgen_t required)
{
    if (next >= have)
        return;
    if (next <= required)
        missing(e, next, have - 1, "a database requires them", JET_errRequiredLogFilesMissing, 519);
    else
        missing(e, next, have - 1, "the logs do not follow one another", JET_errInvalidLogSequence,
                437);
}

static void check_logs(struct exam *e)
{
    const struct ese_file *prev = NULL;
    lgen_t next = e->range->low;
    const lgen_t required = required_high(e->inst);

    for (unsigned i = 0; i < e->inst->nr_files; i++) {
        const struct ese_file *f = &e->inst->files[i];
        if (!is_log(f) || !f->gen || !range_holds(e->range, f))
            continue;
        check_gap(e, next, f->gen, required);
        next = f->gen + 1;
        if (!f->header_ok) { /* reported with its header */
            prev = NULL;
            continue;
        }
        check_log(e, f);
        if (prev)
            check_follows(e, prev, f);
        prev = f;
    }
}

static bool has(const struct ese_instance *inst, bool current, bool scratch)
{
    for (unsigned i = 0; i < inst->nr_files; i++) {
        struct name_info name;
        if (current && is_log(&inst->files[i]) && inst->files[i].current)
            return true;
        name_classify(shown(&inst->files[i]), &name);
        if (scratch && name.scratch)
            return true;
    }
    return false;
}

/* Archived logs without a current one: a crash while the log rolled over (then BASEtmp.log is there),
 * a backup set, or a loss. */
static void check_current(struct exam *e)
{
    static const char text[] = "the current log is missing";
    char name[16];
    const char *ext = e->pattern ? strrchr(e->pattern->path, '.') : NULL;

    if (!e->range->high || has(e->inst, true, false) || is_streaming_copy(e->inst))
        return;
    snprintf(name, sizeof(name), "%s%s", e->inst->base, ext ? ext : ".log");
    e->r.file = name;
    if (has(e->inst, false, true))
        fault_note(&e->r, 450, ESE_NO_OFFSET, "%s; it was being made", text);
    else
        fault(&e->r, JET_errMissingLogFile, 450, 0, ESE_NO_OFFSET, "%s", text);
}

/* ---- databases and checkpoint ----------------------------------------------------------------- */

/* The sound log of a generation, or NULL. Logs stand together, in ascending order. */
static const struct ese_file *find_log(const struct ese_instance *inst, lgen_t gen)
{
    unsigned low = 0, high = inst->nr_files;

    while (low < high) {
        unsigned mid = low + (high - low) / 2;
        const struct ese_file *f = &inst->files[mid];
        if (is_database(f) || (is_log(f) && f->gen && f->gen < gen))
            low = mid + 1;
        else
            high = mid;
    }
    return low < inst->nr_files && is_log(&inst->files[low]) && inst->files[low].header_ok &&
                   inst->files[low].gen == gen
               ? &inst->files[low]
               : NULL;
}

/* The log of generation gen must be the one whose creation time the header noted. */
static void check_time(struct exam *e, const struct ese_file *db, lgen_t gen,
                       const ese_logtime *time)
{
    static const ese_logtime none;
    const struct ese_file *f;

    if (!gen || memcmp(time, &none, sizeof(none)) == 0)
        return;
    f = find_log(e->inst, gen);
    if (!f || memcmp(&f->header.log.time_created, time, sizeof(*time)) == 0)
        return;
    e->r.file = shown(f);
    fault(&e->r, JET_errRequiredLogFilesMissing, 496, 0, 16,
          "is not the log of generation 0x%" PRIX32 " that %s requires: created at another time",
          gen, shown(db));
}

static void check_dirty(struct exam *e, const struct ese_file *f)
{
    const struct ese_db_info *db = &f->header.db;
    const lgen_t high = e->range->high;
    char why[300];

    snprintf(why, sizeof(why), "%.200s requires them", shown(f));
    if (!high) {
        lgen_t last =
            db->gen_max_required > required_low(db) ? db->gen_max_required : required_low(db);
        missing(e, required_low(db), last, why, JET_errRequiredLogFilesMissing, 453);
        return;
    }
    if (db->gen_max_required > high)
        missing(e, high + 1, db->gen_max_required, why, JET_errRequiredLogFilesMissing, 453);
    else if (db->gen_max_committed > high)
        missing(e, high + 1, db->gen_max_committed, "they were committed",
                JET_errCommittedLogFilesMissing, 523);
    if (e->top && memcmp(&db->sign_log, &e->top->header.log.sign_log, sizeof(db->sign_log)) != 0) {
        e->r.file = shown(f);
        fault(&e->r, JET_errBadLogSignature, 436, 0, 108,
              "the logs beside this database belong to another stream than it requires");
        return;
    }
    check_time(e, f, db->gen_max_committed, &db->time_gen_max_created);
    check_time(e, f, db->gen_max_required, &db->time_gen_max_required);
}

static void check_database(struct exam *e, const struct ese_file *f)
{
    if (!f->header_ok)
        return;
    check_header_copies(e, f, f->header.db.primary_bad, f->header.db.shadow_bad);
    if (needs_logs(f))
        check_dirty(e, f);
}

/* An engine that finds a checkpoint and no log would start a new stream; but the set is not what it was
 * when the checkpoint was written, and nobody can tell what the logs held. */
static void no_logs(struct exam *e, const struct ese_file *chk)
{
    const char *ext = strrchr(chk->path, '.');
    char name[16];

    snprintf(name, sizeof(name), "%s%s", e->inst->base,
             ext && name_equal(ext, ".jcp") ? ".jtx" : ".log");
    e->r.file = name;
    fault(&e->r, JET_errMissingLogFile, 518, 0, ESE_NO_OFFSET,
          "no log is there, but %s is in generation 0x%" PRIX32, shown(chk), checkpoint_gen(chk));
}

static void check_checkpoint(struct exam *e)
{
    const struct ese_file *chk = e->range->checkpoint;

    if (!chk || !chk->header_ok)
        return;
    check_header_copies(e, chk, chk->header.chk.primary_bad, chk->header.chk.shadow_bad);
    if (!e->range->high && checkpoint_gen(chk))
        no_logs(e, chk);
    if (!e->top)
        return;
    e->r.file = shown(chk);
    if (memcmp(&chk->header.chk.sign_log, &e->top->header.log.sign_log, sizeof(ese_signature)) != 0)
        fault(&e->r, JET_errBadCheckpointSignature, 0, 0, 20,
              "belongs to another log stream than %s", shown(e->top));
    else if (checkpoint_gen(chk) > e->range->high)
        missing(e, e->range->high + 1, checkpoint_gen(chk), "the checkpoint is there",
                JET_errMissingLogFile, 519);
}

/* ---- attached databases ----------------------------------------------------------------------- */

static const struct ese_file *find_database(const struct ese_instance *inst, const char *name,
                                            const ese_signature *sign, bool *ret_same)
{
    const struct ese_file *found = NULL;

    *ret_same = false;
    for (unsigned i = 0; i < inst->nr_files; i++) {
        const struct ese_file *f = &inst->files[i];
        if (!is_database(f) || !name_equal(shown(f), name))
            continue;
        if (f->header_ok && memcmp(&f->header.db.sign_db, sign, sizeof(*sign)) == 0) {
            *ret_same = true;
            return f;
        }
        found = f;
    }
    return found;
}

static void check_attached(struct exam *e, const struct ese_file *by, const struct ese_attach *list,
                           unsigned nr)
{
    for (unsigned i = 0; i < nr; i++) {
        const char *name = name_last(list[i].path);
        bool same;
        const struct ese_file *f = find_database(e->inst, name, &list[i].sign_db, &same);
        e->r.file = name;
        if (!f)
            fault(&e->r, JET_errAttachedDatabaseMismatch, 494, 0, ESE_NO_OFFSET,
                  "not found, but %s says that it is attached (%s)", shown(by), list[i].path);
        else if (!same && needs_logs(f))
            fault(&e->r, JET_errAttachedDatabaseMismatch, 494, 0, 24,
                  "is another database than the one that %s says is attached", shown(by));
        else if (!same && f->header_ok)
            fault_note(&e->r, 494, 24,
                       "has another signature than the one that %s says is attached", shown(by));
    }
}

/* Both lists name a missing database as a rule: one report is enough. */
static bool in_list(const struct ese_file *log, const char *path)
{
    for (unsigned i = 0; log && i < log->header.log.nr_attach; i++)
        if (name_equal(name_last(log->header.log.attach[i].path), name_last(path)))
            return true;
    return false;
}

static void check_attach_lists(struct exam *e)
{
    const struct ese_file *chk = e->range->checkpoint;

    if (e->top)
        check_attached(e, e->top, e->top->header.log.attach, e->top->header.log.nr_attach);
    if (!chk || !chk->header_ok || !chk->header.chk.attach_valid)
        return;
    for (unsigned i = 0; i < chk->header.chk.nr_attach; i++)
        if (!in_list(e->top, chk->header.chk.attach[i].path))
            check_attached(e, chk, &chk->header.chk.attach[i], 1);
}

void instance_examine(const struct ese_instance *inst, const struct range *range,
                      ese_fault_fn *report, void *ctx)
{
    struct exam e = {.inst = inst, .range = range, .top = highest_log(inst)};

    e.r.fn = report;
    e.r.ctx = ctx;
    for (unsigned i = 0; i < inst->nr_files && !e.pattern; i++)
        if (is_log(&inst->files[i]) && !inst->files[i].current)
            e.pattern = &inst->files[i];
    check_names(&e);
    if (e.top)
        check_logs(&e);
    check_current(&e);
    for (unsigned i = 0; i < inst->nr_files; i++)
        if (is_database(&inst->files[i]))
            check_database(&e, &inst->files[i]);
    check_checkpoint(&e);
    check_attach_lists(&e);
}

/* ---- the plan --------------------------------------------------------------------------------- */

static void add_kind(const struct ese_instance *inst, const struct range *r, enum ese_kind kind,
                     const struct ese_file **list, unsigned *nr)
{
    for (unsigned i = 0; i < inst->nr_files; i++)
        if (inst->files[i].kind == kind && range_holds(r, &inst->files[i]))
            list[(*nr)++] = &inst->files[i];
}

JET_ERR ese_copy_plan(const struct ese_instance *inst, ese_fault_fn *report, void *ctx,
                      const struct ese_file ***ret_files, unsigned *ret_nr)
{
    const struct ese_file **list;
    struct range r = instance_range(inst);
    JET_ERR err = JET_errSuccess;
    unsigned nr = 0;

    for (unsigned i = 0; i < inst->nr_faults; i++) {
        const struct ese_fault *f = &inst->faults[i];
        if (f->severity == ESE_FAULT && err >= 0)
            err = f->err;
        if (report)
            report(ctx, f);
    }
    if (err < 0)
        return err;
    list = calloc(inst->nr_files + 1, sizeof(struct ese_file *));
    if (!list)
        return RAISE(JET_errOutOfMemory);
    add_kind(inst, &r, ESE_KIND_LOG, list, &nr);
    add_kind(inst, &r, ESE_KIND_CHECKPOINT, list, &nr);
    add_kind(inst, &r, ESE_KIND_DATABASE, list, &nr);
    *ret_files = list;
    *ret_nr = nr;
    return JET_errSuccess;
}
