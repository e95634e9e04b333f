/*
 * A running instance with a database, made anew for each test and thrown away after it. Tests use
 * the public headers only. After each one the database is shut down and looked at: ese_integrity
 * must find nothing.
 */
#ifndef APITEST_H
#define APITEST_H

#include "testutil.h"

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "engine.h"
#include "esent.h"

/* The call gives that very code. */
#define IS(want, call) is((want), (call), #call, __FILE__, __LINE__)
/* The call gives success, not a warning. */
#define OK(call) IS(JET_errSuccess, call)

__attribute__((unused)) static void is(JET_ERR want, JET_ERR got, const char *call,
                                       const char *file, int line)
{
    if (got == want)
        return;
    print_error("%s:%d: %s: %s (%d), not %s (%d)\n", file, line, call, ese_err_name(got), got,
                ese_err_name(want), want);
    _fail(file, line);
}

struct fix {
    char dir[64], db[96]; /* dir ends with '/' */
    JET_INSTANCE inst;
    JET_SESID ses;
    JET_DBID dbid;
    bool running;
};

static unsigned nr_faults; /* that instances reported */
/* What the files are written as: argument of the test program, see RUN. */
static uint32_t efv = JET_efvUseEngineDefault, page_size = 4096;

static void on_event(void *ctx, const char *instance, const struct ese_fault *f)
{
    char text[768];

    (void)ctx;
    if (f->severity != ESE_FAULT)
        return;
    __atomic_fetch_add(&nr_faults, 1, __ATOMIC_RELAXED);
    ese_fault_str(f, text, sizeof(text));
    print_message("%s: %s\n", instance, text);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void make_dir(struct fix *f)
{
    strcpy(f->dir, "/tmp/apitestXXXXXX");
    assert_non_null(mkdtemp(f->dir));
    strcat(f->dir, "/");
    snprintf(f->db, sizeof(f->db), "%sdata.edb", f->dir);
    ese_set_event_sink(on_event, NULL);
    __atomic_store_n(&nr_faults, 0, __ATOMIC_RELAXED);
}

/* Parameters before JetInit; name: of the instance. */
static void create_instance(struct fix *f, const char *name)
{
    OK(JetCreateInstance(&f->inst, name));
    OK(JetSetSystemParameter(&f->inst, 0, JET_paramSystemPath, 0, f->dir));
    OK(JetSetSystemParameter(&f->inst, 0, JET_paramLogFilePath, 0, f->dir));
    OK(JetSetSystemParameter(&f->inst, 0, JET_paramTempPath, 0, f->dir));
    OK(JetSetSystemParameter(&f->inst, 0, JET_paramLogFileSize, 256, NULL));
    OK(JetSetSystemParameter(&f->inst, 0, JET_paramMaxVerPages, 1024, NULL));
    OK(JetSetSystemParameter(&f->inst, 0, JET_paramEngineFormatVersion, efv, NULL));
    OK(JetSetSystemParameter(&f->inst, 0, JET_paramCommitDefault, JET_bitCommitLazyFlush, NULL));
}

__attribute__((unused)) static void start(struct fix *f)
{
    create_instance(f, f->dir);
    OK(JetInit(&f->inst));
    OK(JetBeginSession(f->inst, &f->ses, NULL, NULL));
    f->running = true;
}

__attribute__((unused)) static void stop(struct fix *f)
{
    JET_ERR err;

    f->running = false;
    OK(JetEndSession(f->ses, 0));
    err = JetTerm(f->inst);
    if (err == JET_errTooManyActiveUsers) /* another session, of a test that has failed */
        (void)JetTerm2(f->inst, JET_bitTermAbrupt);
    OK(err);
}

/* Shut down and started again, with nothing attached and no log. */
__attribute__((unused)) static void restart_unlogged(struct fix *f)
{
    stop(f);
    create_instance(f, f->dir);
    OK(JetSetSystemParameter(&f->inst, 0, JET_paramRecovery, 0, "off"));
    OK(JetInit(&f->inst));
    OK(JetBeginSession(f->inst, &f->ses, NULL, NULL));
    f->running = true;
}

/* Shut down and started again. */
__attribute__((unused)) static void restart(struct fix *f)
{
    stop(f);
    start(f);
    OK(JetAttachDatabase(f->ses, f->db, 0));
    OK(JetOpenDatabase(f->ses, f->db, NULL, &f->dbid, 0));
}

static void on_integrity_fault(void *ctx, const struct ese_fault *f)
{
    char text[768];

    (void)ctx;
    ese_fault_str(f, text, sizeof(text));
    print_message("integrity: %s\n", text);
}

__attribute__((unused)) static void assert_sound(const char *db)
{
    uint64_t faults = 1;
    int fd = open(db, O_RDONLY | O_CLOEXEC);
    JET_ERR err;

    assert_true(fd >= 0);
    err = ese_integrity(fd, db, on_integrity_fault, NULL, NULL, NULL, &faults);
    close(fd);
    OK(err);
    assert_int_equal(faults, 0);
}

__attribute__((unused)) static int setup(void **state)
{
    struct fix *f = calloc(1, sizeof(*f));

    *state = f;
    make_dir(f);
    start(f);
    OK(JetCreateDatabase(f->ses, f->db, NULL, &f->dbid, 0));
    return 0;
}

__attribute__((unused)) static int teardown(void **state)
{
    struct fix *f = *state;

    if (f->running)
        stop(f);
    if (access(f->db, F_OK) == 0)
        assert_sound(f->db);
    assert_int_equal(__atomic_load_n(&nr_faults, __ATOMIC_RELAXED), 0);
    nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

/* ---- what many tests need -------------------------------------------------------------------- */

__attribute__((unused)) static JET_TABLEID new_table(struct fix *f, const char *name)
{
    JET_TABLEID t;

    OK(JetCreateTable(f->ses, f->dbid, name, 0, 0, &t));
    return t;
}

__attribute__((unused)) static JET_COLUMNID add(struct fix *f, JET_TABLEID t, const char *name,
                                                JET_COLTYP type, JET_GRBIT grbit)
{
    const JET_COLUMNDEF def = {.cbStruct = sizeof(def),
                               .coltyp = type,
                               .cp =
                                   type == JET_coltypText || type == JET_coltypLongText ? 1200 : 0,
                               .grbit = grbit};
    JET_COLUMNID id = 0;

    OK(JetAddColumn(f->ses, t, name, &def, NULL, 0, &id));
    assert_int_not_equal(id, 0);
    return id;
}

/* key: "+a\0-b\0" - one NUL comes with the literal. */
#define INDEX(f, t, name, grbit, key) \
    OK(JetCreateIndex((f)->ses, t, name, grbit, key, sizeof(key), 80))

__attribute__((unused)) static void begin(struct fix *f)
{
    OK(JetBeginTransaction(f->ses));
}

__attribute__((unused)) static void commit(struct fix *f)
{
    OK(JetCommitTransaction(f->ses, 0));
}

__attribute__((unused)) static void rollback(struct fix *f)
{
    OK(JetRollback(f->ses, 0));
}

__attribute__((unused)) static void set_long(struct fix *f, JET_TABLEID t, JET_COLUMNID id,
                                             int32_t value)
{
    OK(JetSetColumn(f->ses, t, id, &value, sizeof(value), 0, NULL));
}

__attribute__((unused)) static int32_t get_long(struct fix *f, JET_TABLEID t, JET_COLUMNID id)
{
    int32_t value = -1;
    uint32_t len = 0;

    OK(JetRetrieveColumn(f->ses, t, id, &value, sizeof(value), &len, 0, NULL));
    assert_int_equal(len, sizeof(value));
    return value;
}

__attribute__((unused)) static void make_long_key(struct fix *f, JET_TABLEID t, int32_t value,
                                                  JET_GRBIT grbit)
{
    OK(JetMakeKey(f->ses, t, &value, sizeof(value), grbit));
}

/* Bytes that say where they are. */
__attribute__((unused)) static void pattern(uint8_t *b, size_t len, unsigned seed)
{
    for (size_t i = 0; i < len; i++)
        b[i] = (uint8_t)((i * 31 + (i >> 8) * 7 + seed * 131) ^ (i >> 16));
}

/* "newest": the newest format, pages of 8 KiB; "large": pages of 32 KiB. The page size is one for
 * the whole process. */
__attribute__((unused)) static void choose_format(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "newest") == 0) {
        efv = 9180;
        page_size = 8192;
    } else if (argc > 1 && strcmp(argv[1], "large") == 0) {
        page_size = 32768;
    }
    if (JetSetSystemParameter(NULL, 0, JET_paramDatabasePageSize, page_size, NULL) < 0)
        abort();
}

/* The structures' texts are not const, as on Windows. */
#define S(text) ((char[]){text})
#define W(text) ((JET_WCHAR[]){text})

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
