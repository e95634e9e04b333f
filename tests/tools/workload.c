/*
 * Makes a database through the JET API that has been lived in: rows of all types in random places,
 * splits, merges, long values that grow and go, indexes and columns made and dropped, tables deleted.
 *
 *     workload DIRECTORY PAGE_SIZE FORMAT SEED        -> DIRECTORY/w.edb, shut down cleanly
 *
 * FORMAT: 20 or 110. It keeps to what libesedb 20181229 can read: no type 18, no empty multi-values.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "esent.h"

#define NR_ROUNDS 1600u
#define BATCH     20u

static void check(JET_ERR err, const char *what)
{
    if (err >= 0)
        return;
    fprintf(stderr, "workload: %s: %d\n", what, (int)err);
    exit(1);
}
#define CALL(call) check(call, #call)

static JET_INSTANCE instance;
static JET_SESID session;
static JET_DBID database;
static uint64_t state; /* of the random numbers */

static uint32_t below(uint32_t n) /* splitmix64 */
{
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ z >> 31) % n);
}

/* ---- columns ------------------------------------------------------------------------------------- */

enum { KEY, MULTI, LONG_TEXT, LONG_BINARY, FIRST_PLAIN };

static const struct {
    const char *name;
    JET_COLTYP type;
    uint16_t cp;
    JET_GRBIT flags;
} columns[] = {
    {"key", JET_coltypLong, 0, JET_bitColumnNotNULL},
    {"multi", JET_coltypLongText, 1200, JET_bitColumnTagged | JET_bitColumnMultiValued},
    {"longtext", JET_coltypLongText, 1200, JET_bitColumnTagged},
    {"longbinary", JET_coltypLongBinary, 0, JET_bitColumnTagged | JET_bitColumnCompressed},
    {"bit", JET_coltypBit, 0, 0},
    {"byte", JET_coltypUnsignedByte, 0, 0},
    {"short", JET_coltypShort, 0, 0},
    {"long", JET_coltypLong, 0, 0},
    {"currency", JET_coltypCurrency, 0, 0},
    {"single", JET_coltypIEEESingle, 0, JET_bitColumnTagged},
    {"double", JET_coltypIEEEDouble, 0, 0},
    {"datetime", JET_coltypDateTime, 0, 0},
    {"binary", JET_coltypBinary, 0, 0},
    {"text", JET_coltypText, 1252, 0},
    {"wide", JET_coltypText, 1200, 0},
    {"unsigned", JET_coltypUnsignedLong, 0, JET_bitColumnTagged},
    {"longlong", JET_coltypLongLong, 0, 0},
    {"guid", JET_coltypGUID, 0, 0},
    {"ushort", JET_coltypUnsignedShort, 0, JET_bitColumnTagged},
};
#define NR_COLUMNS (sizeof(columns) / sizeof(columns[0]))

struct table {
    JET_TABLEID id;
    JET_COLUMNID columns[NR_COLUMNS];
};

static void make_table(const char *name, struct table *t)
{
    CALL(JetCreateTable(session, database, name, 1, 80, &t->id));
    for (size_t i = 0; i < NR_COLUMNS; i++) {
        JET_COLUMNDEF def = {.cbStruct = sizeof(def),
                             .coltyp = columns[i].type,
                             .cp = columns[i].cp,
                             .grbit = columns[i].flags};
        CALL(JetAddColumn(session, t->id, columns[i].name, &def, NULL, 0, &t->columns[i]));
    }
    CALL(JetCreateIndex(session, t->id, "primary", JET_bitIndexPrimary | JET_bitIndexUnique,
                        "+key\0", 6, 80));
    CALL(JetCreateIndex(session, t->id, "by text", 0, "+text\0-long\0", 13, 80));
}

/* ---- values -------------------------------------------------------------------------------------- */

static void set(const struct table *t, unsigned column, const void *p, uint32_t len, uint32_t itag)
{
    JET_SETINFO info = {.cbStruct = sizeof(info), .itagSequence = itag};

    CALL(JetSetColumn(session, t->id, t->columns[column], p, len, 0, &info));
}

static uint32_t letters(uint8_t *to, uint32_t nr, bool wide)
{
    for (uint32_t i = 0; i < nr; i++) {
        const uint8_t c = (uint8_t)('a' + below(26));
        if (wide)
            memcpy(to + 2 * i, &(uint16_t){c}, 2);
        else
            to[i] = c;
    }
    return wide ? 2 * nr : nr;
}

static uint32_t value(unsigned column, uint8_t *to)
{
    static const uint8_t len[] = {
        [JET_coltypBit] = 1,          [JET_coltypUnsignedByte] = 1, [JET_coltypShort] = 2,
        [JET_coltypLong] = 4,         [JET_coltypCurrency] = 8,     [JET_coltypIEEESingle] = 4,
        [JET_coltypUnsignedLong] = 4, [JET_coltypLongLong] = 8,     [JET_coltypGUID] = 16,
        [JET_coltypUnsignedShort] = 2};
    const JET_COLTYP type = columns[column].type;
    double d = below(4000000) / 64.0;

    if (type == JET_coltypIEEEDouble || type == JET_coltypDateTime) {
        d = type == JET_coltypDateTime ? below(60000) + below(86400) / 86400.0 : d - 20000;
        memcpy(to, &d, sizeof(d));
        return sizeof(d);
    }
    if (type == JET_coltypText)
        return letters(to, 1 + below(60), columns[column].cp == 1200);
    for (unsigned i = 0; i < 32; i++)
        to[i] = (uint8_t)below(256);
    return type == JET_coltypBinary ? 1 + below(32) : len[type];
}

static void set_long(const struct table *t, unsigned column)
{
    static uint8_t b[60000];
    uint32_t len = below(4) ? below(600) : below(sizeof(b) / 2);

    len = letters(b, len + 1, columns[column].cp == 1200);
    set(t, column, b, len, 1);
}

static void set_row(const struct table *t)
{
    uint8_t b[512];

    for (unsigned i = FIRST_PLAIN; i < NR_COLUMNS; i++)
        if (t->columns[i] && below(3))
            set(t, i, b, value(i, b), 1);
    if (below(3) == 0)
        set_long(t, LONG_TEXT);
    if (below(4) == 0)
        set_long(t, LONG_BINARY);
    for (unsigned nr = below(4); nr; nr--)
        set(t, MULTI, b, letters(b, 1 + below(30), true), 0);
}

/* ---- rows ---------------------------------------------------------------------------------------- */

static bool seek(const struct table *t, int32_t key, JET_GRBIT how)
{
    CALL(JetMakeKey(session, t->id, &key, sizeof(key), JET_bitNewKey));
    return JetSeek(session, t->id, how) >= 0;
}

static void insert(const struct table *t, int32_t key)
{
    if (seek(t, key, JET_bitSeekEQ))
        return;
    CALL(JetPrepareUpdate(session, t->id, JET_prepInsert));
    set(t, KEY, &key, sizeof(key), 1);
    set_row(t);
    CALL(JetUpdate(session, t->id, NULL, 0, NULL));
}

static void replace(const struct table *t, int32_t key)
{
    if (!seek(t, key, JET_bitSeekGE))
        return;
    CALL(JetPrepareUpdate(session, t->id, JET_prepReplace));
    set_row(t);
    CALL(JetUpdate(session, t->id, NULL, 0, NULL));
}

static void erase(const struct table *t, int32_t key, uint32_t nr)
{
    if (!seek(t, key, JET_bitSeekGE))
        return;
    do {
        CALL(JetDelete(session, t->id));
    } while (--nr && JetMove(session, t->id, JET_MoveNext, 0) >= 0);
}

/* One transaction; one in eight is taken back. */
static void batch(const struct table *t)
{
    CALL(JetBeginTransaction(session));
    for (uint32_t i = 0; i < BATCH; i++) {
        const int32_t key = (int32_t)below(100000) - 50000;
        switch (below(8)) {
        case 0:
            replace(t, key);
            break;
        case 1:
            erase(t, key, 1 + below(6));
            break;
        default:
            insert(t, key);
        }
    }
    if (below(8))
        CALL(JetCommitTransaction(session, JET_bitCommitLazyFlush));
    else
        CALL(JetRollback(session, 0));
}

/* ---- the schema's changes ------------------------------------------------------------------------ */

static void change_schema(struct table *t)
{
    JET_COLUMNDEF def = {.cbStruct = sizeof(def), .coltyp = JET_coltypLong};
    struct table other;
    int32_t n = 17;

    CALL(JetCreateIndex(session, t->id, "by guid", JET_bitIndexIgnoreNull, "+guid\0", 7, 90));
    CALL(JetCreateIndex(session, t->id, "by multi", 0, "+multi\0", 8, 90));
    CALL(JetDeleteIndex(session, t->id, "by text"));
    CALL(JetDeleteColumn(session, t->id, "byte"));
    CALL(JetDeleteColumn(session, t->id, "wide"));
    for (size_t i = 0; i < NR_COLUMNS; i++)
        if (strcmp(columns[i].name, "byte") == 0 || strcmp(columns[i].name, "wide") == 0)
            t->columns[i] = 0;
    CALL(JetAddColumn(session, t->id, "added", &def, &n, sizeof(n), NULL));
    CALL(JetRenameColumn(session, t->id, "short", "renamed", 0));
    make_table("gone", &other);
    for (uint32_t i = 0; i < NR_ROUNDS / BATCH / 4; i++)
        batch(&other);
    CALL(JetCloseTable(session, other.id));
    CALL(JetDeleteTable(session, database, "gone"));
    CALL(JetRenameTable(session, database, "second", "other"));
}

static void start(const char *dir, uint32_t page_size, uint32_t efv)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s/w.edb", dir);
    CALL(JetSetSystemParameter(NULL, 0, JET_paramDatabasePageSize, page_size, NULL));
    CALL(JetCreateInstance(&instance, "workload"));
    CALL(JetSetSystemParameter(&instance, 0, JET_paramLogFilePath, 0, dir));
    CALL(JetSetSystemParameter(&instance, 0, JET_paramSystemPath, 0, dir));
    CALL(JetSetSystemParameter(&instance, 0, JET_paramCircularLog, 1, NULL));
    CALL(JetSetSystemParameter(&instance, 0, JET_paramMaxVerPages, 1024, NULL));
    CALL(JetSetSystemParameter(&instance, 0, JET_paramEngineFormatVersion, efv, NULL));
    CALL(JetInit(&instance));
    CALL(JetBeginSession(instance, &session, NULL, NULL));
    CALL(JetCreateDatabase(session, path, NULL, &database, 0));
}

int main(int argc, char **argv)
{
    struct table first, second;

    if (argc != 5) {
        fputs("usage: workload DIRECTORY PAGE_SIZE FORMAT SEED\n", stderr);
        return 1;
    }
    state = strtoull(argv[4], NULL, 0);
    start(argv[1], (uint32_t)atoi(argv[2]), strcmp(argv[3], "110") == 0 ? 9180 : 8920);
    make_table("first", &first);
    make_table("second", &second);
    for (uint32_t i = 0; i < NR_ROUNDS / BATCH; i++)
        batch(below(3) ? &first : &second);
    CALL(JetCloseTable(session, second.id));
    change_schema(&first);
    for (uint32_t i = 0; i < NR_ROUNDS / BATCH; i++)
        batch(&first);
    erase(&first, -20000, NR_ROUNDS / 5); /* whole pages */
    CALL(JetTerm2(instance, JET_bitTermComplete));
    return 0;
}
