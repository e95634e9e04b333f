/*
 * The law. A worker's transactions are there up to some t, whole, and nothing of a later one; t is not less than what was promised
 * durable, and no commit was ever called beyond it. The database is sound.
 */
#include "crash.h"

#include <fcntl.h>
#include <stdarg.h>

#define EVENTS 6u

/* The last things the instance has reported. */
static char events[EVENTS][640];
static _Atomic unsigned nr_events;

static void on_event(void *ctx, const char *instance, const struct ese_fault *f)
{
    (void)ctx;
    (void)instance;
    if (f->severity != ESE_NOTE)
        (void)ese_fault_str(f, events[atomic_fetch_add(&nr_events, 1) % EVENTS], sizeof(events[0]));
}

void broken(const char *fmt, ...)
{
    const unsigned nr = atomic_load(&nr_events);
    va_list ap;

    fflush(stdout);
    va_start(ap, fmt);
    fprintf(stderr, "BROKEN: ");
    vfprintf(stderr, fmt, ap);
    fprintf(stderr, "\n");
    va_end(ap);
    for (unsigned i = nr > EVENTS ? nr - EVENTS : 0; i < nr; i++)
        fprintf(stderr, "  event: %s\n", events[i % EVENTS]);
    _exit(BROKEN);
}

void must(JET_ERR err, const char *what)
{
    if (conf.torn && err == JET_errReadVerifyFailure)
        _exit(TORN);
    if (err < 0)
        broken("%s: %s (%d)", what, ese_err_name(err), (int)err);
}

/* ---- an instance ------------------------------------------------------------------------------------------ */

static JET_ERR set(JET_INSTANCE *inst, uint32_t param, JET_API_PTR value, const char *text)
{
    return JetSetSystemParameter(inst, 0, param, value, text);
}

JET_ERR start(JET_INSTANCE *ret)
{
    static bool sized;
    JET_ERR err;

    if (!sized)
        TRY(set(NULL, JET_paramDatabasePageSize, conf.page_size, NULL));
    sized = true;
    ese_set_event_sink(on_event, NULL);
    TRY(JetCreateInstance2(ret, "crash", NULL, 0));
    err = set(ret, JET_paramLogFilePath, 0, conf.dir);
    if (err >= 0)
        err = set(ret, JET_paramSystemPath, 0, conf.dir);
    if (err >= 0)
        err = set(ret, JET_paramLogFileSize, 256, NULL);
    if (err >= 0)
        err = set(ret, JET_paramCircularLog, conf.circular, NULL);
    if (err >= 0)
        err = set(ret, JET_paramCheckpointDepthMax, conf.depth, NULL);
    if (err >= 0)
        err = set(ret, JET_paramCacheSizeMax, conf.cache_pages, NULL);
    if (err < 0) {
        (void)JetTerm(*ret);
        return err;
    }
    return JetInit(ret);
}

/* ---- rows --------------------------------------------------------------------------------------------------- */

static JET_ERR get(struct worker *w, JET_TABLEID t, JET_COLUMNID c, void *to, uint32_t max,
                   uint32_t *ret_len)
{
    uint32_t len = 0;
    JET_ERR err = JetRetrieveColumn(w->ses, t, c, to, max, &len, 0, NULL);

    *ret_len = err == JET_wrnColumnNull ? 0 : len;
    return err;
}

static JET_ERR check_row(struct worker *w, unsigned nr, unsigned slot, const struct state *s)
{
    static uint8_t want[LV_MAX];
    const uint64_t stamp = s->row[slot];
    const int32_t k = k_of(stamp);
    int32_t got_k = -1, got_m = -1;
    uint64_t u = 0;
    uint32_t len, n;
    JET_ERR err;

    if (!stamp)
        broken("worker %u, slot %u: a row that must not be there", nr, slot);
    TRY(get(w, w->rows, w->c.k, &got_k, 4, &len));
    TRY(get(w, w->rows, w->c.m, &got_m, 4, &len));
    TRY(get(w, w->rows, w->c.u, &u, 8, &len));
    if (u != stamp || got_k != k || got_m != k + 1000)
        broken("worker %u, slot %u: stamp 0x%llx instead of 0x%llx, k %d/%d, m %d", nr, slot,
               (unsigned long long)u, (unsigned long long)stamp, got_k, k, got_m);
    n = binary_of(stamp, want);
    TRY(get(w, w->rows, w->c.b, w->value, LV_MAX, &len));
    if (len != n || memcmp(want, w->value, n) != 0)
        broken("worker %u, slot %u: b is wrong, %u bytes instead of %u", nr, slot, len, n);
    n = lv_of(s->lv[slot], want);
    TRY(get(w, w->rows, w->c.v, w->value, LV_MAX, &len));
    if (len != n || memcmp(want, w->value, n) != 0)
        broken("worker %u, slot %u: v is wrong, %u bytes instead of %u", nr, slot, len, n);
    return JET_errSuccess;
}

static JET_ERR check_rows(struct worker *w, const struct state *s, uint32_t *ret_nr)
{
    JET_ERR err = JetMove(w->ses, w->rows, JET_MoveFirst, 0);

    *ret_nr = 0;
    for (unsigned i = 0; i < conf.workers; i++)
        for (unsigned slot = 0; slot < SLOTS; slot++) {
            int32_t nr = -1, at = -1;
            uint32_t len;
            if (!s[i].row[slot])
                continue;
            if (err == JET_errNoCurrentRecord)
                broken("worker %u: the row of slot %u is missing, and all after it", i, slot);
            if (err < 0)
                return err;
            TRY(get(w, w->rows, w->c.w, &nr, 4, &len));
            TRY(get(w, w->rows, w->c.slot, &at, 4, &len));
            if (nr != (int32_t)i || at != (int32_t)slot)
                broken(
                    "the row of worker %d, slot %d, is where that of worker %u, slot %u, should be",
                    nr, at, i, slot);
            TRY(check_row(w, i, slot, &s[i]));
            err = JetMove(w->ses, w->rows, JET_MoveNext, 0);
            ++*ret_nr;
        }
    if (err >= 0)
        broken("rows behind the last one");
    return err == JET_errNoCurrentRecord ? JET_errSuccess : err;
}

static JET_ERR count_index(struct worker *w, JET_TABLEID t, const char *index, uint32_t want)
{
    uint32_t n = 0;
    JET_ERR err;

    TRY(JetSetCurrentIndex(w->ses, t, index));
    err = JetMove(w->ses, t, JET_MoveFirst, 0);
    while (err >= 0) {
        n++;
        err = JetMove(w->ses, t, JET_MoveNext, 0);
    }
    if (err != JET_errNoCurrentRecord)
        return err;
    if (n != want)
        broken("index %s: %u entries instead of %u", index, n, want);
    return JetSetCurrentIndex(w->ses, t, NULL);
}

/* ---- the workers' own tables ----------------------------------------------------------------------------------- */

static JET_ERR check_own_rows(struct worker *w, JET_TABLEID t, unsigned nr, const struct state *s)
{
    JET_COLUMNDEF def = {.cbStruct = sizeof(def)};
    uint64_t x;
    uint32_t len;
    unsigned n = 0;
    JET_ERR err;

    TRY(JetGetTableColumnInfo(w->ses, t, "x", &def, sizeof(def), JET_ColInfo));
    err = JetMove(w->ses, t, JET_MoveFirst, 0);
    for (; err >= 0; n++) {
        TRY(get(w, t, def.columnid, &x, 8, &len));
        if (x != mix(s->table + n))
            broken("worker %u: row %u of its own table is wrong", nr, n);
        err = JetMove(w->ses, t, JET_MoveNext, 0);
    }
    if (err != JET_errNoCurrentRecord)
        return err;
    if (n != s->nr_rows)
        broken("worker %u: its own table has %u rows instead of %u", nr, n, (unsigned)s->nr_rows);
    return JET_errSuccess;
}

static JET_ERR check_own_schema(struct worker *w, JET_TABLEID t, unsigned nr, const struct state *s)
{
    JET_COLUMNDEF def = {.cbStruct = sizeof(def)};
    char name[16];
    JET_ERR err;

    for (unsigned i = 0; i <= s->columns; i++) {
        snprintf(name, sizeof(name), "c%u", i);
        err = JetGetTableColumnInfo(w->ses, t, name, &def, sizeof(def), JET_ColInfo);
        if (err < 0 && err != JET_errColumnNotFound)
            return err;
        if ((err >= 0) != (i < s->columns))
            broken("worker %u: column %u of its own table, which has %u", nr, i, s->columns);
    }
    if (s->index)
        return count_index(w, t, "x", (uint32_t)s->nr_rows);
    err = JetSetCurrentIndex(w->ses, t, "x");
    if (err >= 0)
        broken("worker %u: its own table has an index that must not be there", nr);
    return err == JET_errIndexNotFound ? JET_errSuccess : err;
}

static JET_ERR check_own(struct worker *w, unsigned nr, const struct state *s)
{
    char name[16];
    JET_TABLEID t;
    JET_ERR err, err2;

    own_name(name, sizeof(name), nr);
    err = JetOpenTable(w->ses, w->db, name, NULL, 0, 0, &t);
    if (err < 0 && err != JET_errObjectNotFound)
        return err;
    if ((err >= 0) != (s->table != 0))
        broken("worker %u: its own table is %s", nr, err >= 0 ? "still there" : "missing");
    if (err < 0)
        return JET_errSuccess;
    err = check_own_rows(w, t, nr, s);
    if (err >= 0)
        err = check_own_schema(w, t, nr, s);
    err2 = JetCloseTable(w->ses, t);
    return err < 0 ? err : err2;
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

/* Up to which transaction is it there? */
static JET_ERR read_mark(struct worker *w, unsigned nr, uint64_t *ret)
{
    const int32_t key = (int32_t)nr;
    const uint64_t promised = atomic_load(&sh->promised[nr]),
                   attempted = atomic_load(&sh->attempted[nr]);
    uint32_t len;
    JET_ERR err;

    *ret = 0;
    TRY(JetMakeKey(w->ses, w->marks, &key, 4, JET_bitNewKey));
    TRY(JetSeek(w->ses, w->marks, JET_bitSeekEQ));
    TRY(get(w, w->marks, w->mark_t, ret, 8, &len));
    if (*ret < promised)
        broken("worker %u: transactions up to %llu were durable, %llu are there", nr,
               (unsigned long long)promised, (unsigned long long)*ret);
    if (*ret > attempted)
        broken("worker %u: transaction %llu is there, no commit was called after %llu", nr,
               (unsigned long long)*ret, (unsigned long long)attempted);
    return JET_errSuccess;
}

static JET_ERR check_counter(struct worker *w, const struct state *s)
{
    int64_t want = 0;
    int32_t got = 0;
    uint32_t len;
    JET_ERR err;

    for (unsigned i = 0; i < conf.workers; i++)
        want += s[i].counter;
    TRY(JetMove(w->ses, w->counter, JET_MoveFirst, 0));
    TRY(get(w, w->counter, w->count, &got, 4, &len));
    if (got != want)
        broken("the counter is %d instead of %lld", got, (long long)want);
    return JET_errSuccess;
}

static JET_ERR check_tables(struct worker *w)
{
    static struct state s[WORKERS_MAX];
    uint64_t t[WORKERS_MAX];
    uint32_t n;
    JET_ERR err;

    for (unsigned i = 0; i < conf.workers; i++) {
        TRY(read_mark(w, i, &t[i]));
        state_after(i, t[i], &s[i]);
    }
    TRY(check_rows(w, s, &n));
    TRY(count_index(w, w->rows, "k", n));
    TRY(count_index(w, w->rows, "u", n));
    TRY(count_index(w, w->rows, "bk", n));
    TRY(count_index(w, w->rows, "m", 2 * n));
    TRY(check_counter(w, s));
    for (unsigned i = 0; i < conf.workers; i++)
        TRY(check_own(w, i, &s[i]));
    for (unsigned i = 0; i < conf.workers; i++) { /* from here it goes on */
        atomic_store(&sh->acked[i], t[i]);
        atomic_store(&sh->attempted[i], t[i]);
        atomic_store(&sh->promised[i], t[i]);
    }
    return JET_errSuccess;
}

static JET_ERR attach(JET_INSTANCE inst, bool *ret_made)
{
    JET_SESID ses;
    JET_DBID db;
    JET_TABLEID t;
    JET_ERR err;

    *ret_made = false;
    TRY(JetBeginSession(inst, &ses, NULL, NULL));
    err = JetAttachDatabase(ses, conf.db, 0);
    if (err == JET_errFileNotFound)
        return JetEndSession(ses, 0);
    TRY(err);
    TRY(JetOpenDatabase(ses, conf.db, NULL, &db, 0));
    err = JetOpenTable(ses, db, "marks", NULL, 0, 0, &t);
    *ret_made = err >= 0;
    if (err < 0 && err != JET_errObjectNotFound)
        return err;
    return JetEndSession(ses, 0);
}

JET_ERR check_law(JET_INSTANCE inst)
{
    static struct worker w;
    bool made;
    JET_ERR err;

    TRY(attach(inst, &made));
    if (!made && atomic_load(&sh->made))
        broken("the database and its tables were durable, and are not there");
    if (made) {
        TRY(open_worker(inst, 0, &w));
        TRY(check_tables(&w));
        TRY(JetEndSession(w.ses, 0));
        atomic_store(&sh->made, true);
    } else {
        TRY(make_tables(inst));
    }
    atomic_store(&sh->checked, true);
    return JET_errSuccess;
}

/* ---- the file ------------------------------------------------------------------------------------------------------ */

static void tell(void *ctx, const struct ese_fault *f)
{
    (void)ctx;
    if (f->severity != ESE_NOTE)
        fprintf(stderr, "  %s: %s\n", ese_err_name(f->err), f->text);
}

void check_files(void)
{
    uint64_t faults = 0;
    int fd = open(conf.db, O_RDONLY);

    if (fd < 0)
        broken("no database");
    must(ese_integrity(fd, conf.db, tell, NULL, NULL, NULL, &faults), "ese_integrity");
    if (faults)
        broken("%llu faults in the database", (unsigned long long)faults);
    close(fd);
}
