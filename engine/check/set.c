/*
 * A set of files under check: hands each file's bytes to the check of its kind, keeps what the headers
 * said, and at the end holds the files against one another (ese_set_*, ese_check_* of engine.h).
 */
#include "check/set.h"

#include <stdlib.h>

#include "check/dbcheck.h"
#include "log/chkpt.h"
#include "log/logcheck.h"
#include "log/loghdr.h"
#include "log/logname.h"
#include "log/logset.h"
#include "log/pagestate.h"
#include "page/dbhdr.h"

struct set_db {
    char *name;
    struct ese_db_info info;
};

struct set_log {
    char *name;
    struct ese_log_info info;
};

struct ese_set {
    struct reporter r;
    struct set_log *logs;
    unsigned nr_logs;
    lgen_t gen_last; /* highest of the logs so far */
    struct set_db *dbs;
    unsigned nr_dbs;
    char *chk_name; /* NULL: no checkpoint, or a ruined one */
    struct ese_chk_info chk;
    struct pagestate *pages;
};

struct ese_check {
    struct ese_set *set;
    enum ese_kind kind;
    char *name;
    struct reporter r;
    uint64_t size, fed;
    struct dbcheck *db;
    struct logcheck *log;
    bool header_noted;            /* log: its attach list is known to pagestate */
    uint8_t head[CHKPT_FILE_LEN]; /* checkpoint: the whole file */
};

const struct reporter *ese_set_reporter(const struct ese_set *set)
{
    return &set->r;
}

JET_ERR ese_set_new(ese_fault_fn *report, void *ctx, struct ese_set **ret)
{
    struct ese_set *set = calloc(1, sizeof(*set));
    JET_ERR err;

    if (!set)
        return RAISE(JET_errOutOfMemory);
    set->r = (struct reporter){.fn = report, .ctx = ctx};
    err = pagestate_new(0, &set->pages);
    if (err < 0) {
        free(set);
        return err;
    }
    *ret = set;
    return JET_errSuccess;
}

void ese_set_free(struct ese_set *set)
{
    if (!set)
        return;
    for (unsigned i = 0; i < set->nr_logs; i++) {
        free(set->logs[i].name);
        loghdr_info_done(&set->logs[i].info);
    }
    for (unsigned i = 0; i < set->nr_dbs; i++)
        free(set->dbs[i].name);
    if (set->chk_name)
        chkpt_info_done(&set->chk);
    free(set->chk_name);
    free(set->logs);
    free(set->dbs);
    pagestate_free(set->pages);
    free(set);
}

static bool is_current_log(const char *name)
{
    const char *slash = strrchr(name, '/');
    struct logname n;

    return logname_parse(slash ? slash + 1 : name, &n) && n.role == LOGNAME_CURRENT;
}

static JET_ERR note_record(void *ctx, lgpos_t lgpos, const struct logrec *rec)
{
    struct ese_check *c = ctx;

    if (!c->header_noted) {
        pagestate_header(c->set->pages, logcheck_info(c->log));
        c->header_noted = true;
    }
    return pagestate_add(c->set->pages, lgpos, rec);
}

static void expect_dbtime(void *ctx, pgno_t pgno, dbtime_t *ret_least, dbtime_t *ret_most);
static bool expect_end(void *ctx, pgno_t end, pgno_t *ret_grows_to, pgno_t *ret_had);

JET_ERR ese_check_begin(struct ese_set *set, enum ese_kind kind, const char *name, uint64_t size,
                        struct ese_check **ret)
{
    struct ese_check *c = calloc(1, sizeof(*c));
    JET_ERR err = JET_errSuccess;

    if (!c)
        return RAISE(JET_errOutOfMemory);
    *c = (struct ese_check){.set = set,
                            .kind = kind,
                            .size = size,
                            .r = {.fn = set->r.fn, .ctx = set->r.ctx}}; /* counts its own */
    c->name = strdup(name);
    c->r.file = c->name;
    if (!c->name)
        err = RAISE(JET_errOutOfMemory);
    else if (kind == ESE_KIND_DATABASE)
        err = dbcheck_new(size, &c->r, &c->db);
    else if (kind == ESE_KIND_LOG)
        err = logcheck_new(size, is_current_log(name), &c->r, note_record, c, &c->log);
    else if (kind != ESE_KIND_CHECKPOINT)
        err = RAISE(JET_errInvalidParameter);
    if (err < 0) {
        ese_check_abort(c);
        return err;
    }
    if (c->db)
        dbcheck_expect(c->db, &(struct dbcheck_logs){expect_dbtime, expect_end, c});
    *ret = c;
    return JET_errSuccess;
}

void ese_check_abort(struct ese_check *c)
{
    if (!c)
        return;
    dbcheck_free(c->db);
    logcheck_free(c->log);
    free(c->name);
    free(c);
}

static void keep_head(struct ese_check *c, const void *buf, size_t len)
{
    if (c->fed < sizeof(c->head) && buf)
        memcpy(c->head + c->fed, buf,
               len < sizeof(c->head) - c->fed ? len : sizeof(c->head) - c->fed);
    c->fed += len;
}

JET_ERR ese_check_feed(struct ese_check *c, void *buf, size_t len)
{
    if (c->db)
        return dbcheck_feed(c->db, buf, len);
    if (c->log)
        return logcheck_feed(c->log, buf, len);
    keep_head(c, buf, len);
    return JET_errSuccess;
}

JET_ERR ese_check_feed_hole(struct ese_check *c, uint64_t len)
{
    if (c->db)
        return dbcheck_feed_hole(c->db, len);
    if (c->log)
        return logcheck_feed_hole(c->log, len);
    keep_head(c, NULL, len);
    return JET_errSuccess;
}

/* ---- the end of a file ------------------------------------------------------------------------ */

/* One more element at the end of an array; NULL: out of memory. */
static void *append(void **array, unsigned *nr, size_t size)
{
    char *p = realloc(*array, (*nr + 1) * size);

    if (!p)
        return NULL;
    *array = p;
    memset(p + *nr * size, 0, size);
    return p + (*nr)++ * size;
}

static JET_ERR end_log(struct ese_check *c, struct ese_check_result *res)
{
    struct ese_log_info info;
    struct set_log *l;
    JET_ERR err = logcheck_end(c->log, &info, &res->pages);

    if (info.gen) {
        l = append((void **)&c->set->logs, &c->set->nr_logs, sizeof(*l));
        if (!l) {
            loghdr_info_done(&info);
            return RAISE(JET_errOutOfMemory);
        }
        *l = (struct set_log){c->name, info};
        c->name = NULL;
        if (info.gen > c->set->gen_last)
            c->set->gen_last = info.gen;
        return err;
    }
    loghdr_info_done(&info);
    return err;
}

static JET_ERR end_db(struct ese_check *c, struct ese_check_result *res)
{
    JET_ERR err = dbcheck_end(c->db);
    const struct ese_db_info *info = dbcheck_info(c->db);
    struct dbcheck_counts n = dbcheck_counts(c->db);
    struct set_db *d;

    res->pages = n.pages;
    res->blank = n.blank;
    res->trailer = n.trailer;
    if (!info)
        return err;
    d = append((void **)&c->set->dbs, &c->set->nr_dbs, sizeof(*d));
    if (!d)
        return RAISE(JET_errOutOfMemory);
    *d = (struct set_db){c->name, *info};
    c->name = NULL;
    return err;
}

static JET_ERR end_chk(struct ese_check *c, struct ese_check_result *res)
{
    struct ese_chk_info info;
    size_t len = c->fed < sizeof(c->head) ? (size_t)c->fed : sizeof(c->head);
    JET_ERR err = chkpt_decode(c->head, len, &c->r, &info, NULL);

    if (err < 0)
        return err;
    res->pages = 2;
    if (c->set->chk_name) { /* a set has one; the first counts */
        chkpt_info_done(&info);
        return JET_errSuccess;
    }
    c->set->chk = info;
    c->set->chk_name = c->name;
    c->name = NULL;
    return JET_errSuccess;
}

JET_ERR ese_check_end(struct ese_check *c, struct ese_check_result *ret)
{
    struct ese_check_result res = {0};
    JET_ERR err;

    if (c->db)
        err = end_db(c, &res);
    else if (c->log)
        err = end_log(c, &res);
    else
        err = end_chk(c, &res);
    res.corrected = c->r.nr_corrected;
    res.faults = c->r.nr_faults;
    res.err = c->r.first < 0 ? c->r.first : err;
    c->set->r.nr_faults += res.faults;
    c->set->r.nr_corrected += res.corrected;
    if (c->set->r.first >= 0)
        c->set->r.first = res.err;
    *ret = res;
    ese_check_abort(c);
    return res.err;
}

/* ---- pages against the logs ------------------------------------------------------------------- */

static void expect_dbtime(void *ctx, pgno_t pgno, dbtime_t *ret_least, dbtime_t *ret_most)
{
    const struct ese_check *c = ctx;
    struct page_bounds b;

    if (c->set->nr_logs && pagestate_bounds(c->set->pages, dbcheck_info(c->db), pgno, &b)) {
        *ret_least = b.least;
        if (dbcheck_info(c->db)->gen_max_committed <=
            c->set->gen_last) /* else the end is missing */
            *ret_most = b.most;
    }
}

static bool expect_end(void *ctx, pgno_t end, pgno_t *ret_grows_to, pgno_t *ret_had)
{
    const struct ese_check *c = ctx;
    struct page_end e;

    if (!c->set->nr_logs || !pagestate_end(c->set->pages, dbcheck_info(c->db), end, &e))
        return false;
    *ret_grows_to = e.grows_to;
    *ret_had = e.had;
    return true;
}

/* ---- the end of the set ----------------------------------------------------------------------- */

static int by_generation(const void *a, const void *b)
{
    const struct set_log *x = a, *y = b;
    return (x->info.gen > y->info.gen) - (x->info.gen < y->info.gen);
}

/* After check_sequence has sorted them. */
static const struct set_log *log_of(const struct ese_set *set, lgen_t gen)
{
    const struct set_log key = {.info = {.gen = gen}};

    return set->nr_logs ? bsearch(&key, set->logs, set->nr_logs, sizeof(key), by_generation) : NULL;
}

static JET_ERR check_sequence(struct ese_set *set)
{
    struct logset_file *members;
    JET_ERR err;

    if (!set->nr_logs)
        return JET_errSuccess;
    qsort(set->logs, set->nr_logs, sizeof(*set->logs), by_generation);
    members = calloc(set->nr_logs, sizeof(*members));
    if (!members)
        return RAISE(JET_errOutOfMemory);
    for (unsigned i = 0; i < set->nr_logs; i++)
        members[i] = (struct logset_file){&set->logs[i].info, set->logs[i].name};
    err = logset_check(members, set->nr_logs, &set->r);
    free(members);
    return err;
}

static void check_checkpoint(struct ese_set *set)
{
    if (!set->chk_name || !set->nr_logs)
        return;
    set->r.file = set->chk_name;
    if (memcmp(set->chk.sign_log.b, set->logs[0].info.sign_log.b, sizeof(set->chk.sign_log.b)) != 0)
        fault(&set->r, JET_errBadCheckpointSignature, 0, 0, 20,
              "the checkpoint belongs to another log stream");
}

/* The logs that recovery of this database needs, by its own header. */
static void check_required(struct ese_set *set, const struct set_db *d)
{
    const struct ese_db_info *i = &d->info;
    lgen_t first = i->gen_min_required, last = i->gen_max_required;
    const struct set_log *l;

    if (i->state == ESE_DB_CLEAN)
        return;
    set->r.file = d->name;
    for (lgen_t g = first; g && g <= last; g++) {
        l = log_of(set, g);
        if (!l) {
            fault(&set->r, JET_errRequiredLogFilesMissing, 453, 0, ESE_NO_OFFSET,
                  "the database requires generations 0x%X-0x%X, but 0x%X is missing", first, last,
                  g);
            return;
        }
        if (memcmp(l->info.sign_log.b, i->sign_log.b, sizeof(i->sign_log.b)) != 0) {
            fault(&set->r, JET_errBadLogSignature, 0, 0, ESE_NO_OFFSET,
                  "%s is not of the stream that the database belongs to", l->name);
            return;
        }
    }
    l = log_of(set, i->gen_max_committed);
    if (i->gen_max_committed > last && !l)
        fault(&set->r, JET_errCommittedLogFilesMissing, 523, 0, ESE_NO_OFFSET,
              "generation 0x%X with committed transactions is missing", i->gen_max_committed);
    if (l && !logtime_is_zero(logtime_of(i->time_gen_max_created)) &&
        !ese_logtime_equal(l->info.time_created, i->time_gen_max_created))
        fault(&set->r, JET_errRequiredLogFilesMissing, 496, 0, ESE_NO_OFFSET,
              "%s is not the generation 0x%X that the database knows: created at another time",
              l->name, i->gen_max_committed);
}

JET_ERR ese_set_end(struct ese_set *set, bool complete)
{
    JET_ERR err = check_sequence(set);

    if (err == JET_errOutOfMemory)
        return err;
    check_checkpoint(set);
    for (unsigned i = 0; complete && i < set->nr_dbs; i++)
        check_required(set, &set->dbs[i]);
    set->r.file = NULL;
    return set->r.first;
}
