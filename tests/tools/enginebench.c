/* The work of dbbench.h through the JET API. */
#include "dbbench.h"

#include "esent.h"

#define CK(call)                                                                 \
    do {                                                                         \
        JET_ERR err_ = (call);                                                   \
        if (err_ < 0) {                                                          \
            fprintf(stderr, "enginebench: line %d: error %d\n", __LINE__, err_); \
            exit(1);                                                             \
        }                                                                        \
    } while (0)

static JET_INSTANCE inst;
static JET_SESID ses;
static JET_DBID dbid;
static JET_TABLEID table;
static JET_COLUMNID col_id, col_k, col_v;

static void start(const struct bench *b)
{
    char path[512];

    CK(JetCreateInstance2(&inst, "bench", NULL, 0));
    CK(JetSetSystemParameter(&inst, 0, JET_paramCacheSizeMax, (JET_API_PTR)b->cache_mib * 256,
                             NULL));
    CK(JetSetSystemParameter(&inst, 0, JET_paramCircularLog, !b->dirty, NULL));
    CK(JetSetSystemParameter(&inst, 0, JET_paramLogBuffers, 8192, NULL));
    CK(JetSetSystemParameter(&inst, 0, JET_paramMaxVerPages, 4096, NULL));
    CK(JetSetSystemParameter(&inst, 0, JET_paramCheckpointDepthMax,
                             b->dirty ? UINT32_MAX : 64u << 20, NULL));
    snprintf(path, sizeof(path), "%s/", b->dir);
    CK(JetSetSystemParameter(&inst, 0, JET_paramLogFilePath, 0, path));
    CK(JetSetSystemParameter(&inst, 0, JET_paramSystemPath, 0, path));
    CK(JetInit(&inst));
    CK(JetBeginSession(inst, &ses, NULL, NULL));
}

static void make(const struct bench *b)
{
    char path[512];
    JET_COLUMNDEF def = {
        .cbStruct = sizeof(def), .coltyp = JET_coltypLong, .grbit = JET_bitColumnNotNULL};

    snprintf(path, sizeof(path), "%s/bench.edb", b->dir);
    CK(JetCreateDatabase2(ses, path, 0, &dbid, 0));
    CK(JetCreateTable(ses, dbid, "t", 16, 100, &table));
    CK(JetAddColumn(ses, table, "id", &def, NULL, 0, &col_id));
    CK(JetAddColumn(ses, table, "k", &def, NULL, 0, &col_k));
    def.coltyp = b->len <= 255 ? JET_coltypBinary : JET_coltypLongBinary;
    def.grbit = 0;
    CK(JetAddColumn(ses, table, "v", &def, NULL, 0, &col_v));
    CK(JetCreateIndex(ses, table, "pk", JET_bitIndexPrimary | JET_bitIndexUnique, "+id\0", 5, 100));
}

static void make_k(void) /* unless an earlier run has */
{
    JET_ERR err = JetCreateIndex(ses, table, "k", 0, "+k\0", 4, 100);

    if (err != JET_errIndexDuplicate)
        CK(err);
}

static void open_table(const struct bench *b)
{
    char path[512];
    JET_COLUMNDEF def = {.cbStruct = sizeof(def)};

    snprintf(path, sizeof(path), "%s/bench.edb", b->dir);
    CK(JetAttachDatabase(ses, path, 0));
    CK(JetOpenDatabase(ses, path, NULL, &dbid, 0));
    CK(JetOpenTable(ses, dbid, "t", NULL, 0, 0, &table));
    CK(JetGetTableColumnInfo(ses, table, "id", &def, sizeof(def), JET_ColInfo));
    col_id = def.columnid;
    CK(JetGetTableColumnInfo(ses, table, "k", &def, sizeof(def), JET_ColInfo));
    col_k = def.columnid;
    CK(JetGetTableColumnInfo(ses, table, "v", &def, sizeof(def), JET_ColInfo));
    col_v = def.columnid;
}

static void insert(uint32_t id, uint32_t rows, const uint8_t *v, uint32_t len)
{
    uint64_t state = id;
    int32_t k = (int32_t)(bench_random(&state) % rows);
    JET_GRBIT how = len > 255 ? JET_bitSetIntrinsicLV : 0;

    CK(JetPrepareUpdate(ses, table, JET_prepInsert));
    CK(JetSetColumn(ses, table, col_id, &id, 4, 0, NULL));
    CK(JetSetColumn(ses, table, col_k, &k, 4, 0, NULL));
    CK(JetSetColumn(ses, table, col_v, v, len, how, NULL));
    CK(JetUpdate(ses, table, NULL, 0, NULL));
}

static void fill(const struct bench *b)
{
    uint8_t v[LEN_MAX];
    double t;

    make(b);
    t = bench_now();
    for (uint32_t id = 0; id < b->rows;) {
        CK(JetBeginTransaction(ses));
        for (uint32_t n = 0; n < b->batch && id < b->rows; n++, id++) {
            bench_value(v, b->len, id);
            insert(id, b->rows, v, b->len);
        }
        CK(JetCommitTransaction(ses, b->durable ? 0 : JET_bitCommitLazyFlush));
    }
    bench_done(b->rows, t);
}

static uint32_t count_rows(void)
{
    uint32_t last = 0;

    CK(JetMove(ses, table, JET_MoveLast, 0));
    CK(JetRetrieveColumn(ses, table, col_id, &last, 4, NULL, 0, NULL));
    return last + 1;
}

static void read_rows(const struct bench *b)
{
    uint8_t v[LEN_MAX];
    uint64_t state = 1;
    uint32_t rows, got;
    double t;

    open_table(b);
    CK(JetBeginTransaction(ses));
    rows = count_rows();
    t = bench_now();
    for (uint32_t n = 0; n < b->rows; n++) {
        uint32_t id = bench_random(&state) % rows;
        CK(JetMakeKey(ses, table, &id, 4, JET_bitNewKey));
        CK(JetSeek(ses, table, JET_bitSeekEQ));
        CK(JetRetrieveColumn(ses, table, col_v, v, sizeof(v), &got, 0, NULL));
    }
    bench_done(b->rows, t);
    CK(JetCommitTransaction(ses, 0));
}

static void scan(const struct bench *b)
{
    uint64_t rows = 0, sum = 0;
    JET_ERR err;
    double t;

    open_table(b);
    CK(JetBeginTransaction(ses));
    t = bench_now();
    for (err = JetMove(ses, table, JET_MoveFirst, 0); err >= 0;
         err = JetMove(ses, table, JET_MoveNext, 0)) {
        uint32_t id;
        CK(JetRetrieveColumn(ses, table, col_id, &id, 4, NULL, 0, NULL));
        sum += id;
        rows++;
    }
    if (err != JET_errNoCurrentRecord || sum != rows * (rows - 1) / 2) {
        fprintf(stderr, "enginebench: the rows are not those that were written\n");
        exit(1);
    }
    bench_done(rows, t);
    CK(JetCommitTransaction(ses, 0));
}

static void update(const struct bench *b)
{
    uint64_t state = 7;
    uint32_t rows, done = 0;
    double t;

    open_table(b);
    rows = count_rows();
    make_k();
    CK(JetSetCurrentIndex(ses, table, "k"));
    t = bench_now();
    while (done < b->rows) {
        CK(JetBeginTransaction(ses));
        for (uint32_t n = 0; n < b->batch && done < b->rows; n++, done++) {
            int32_t k = (int32_t)(bench_random(&state) % rows),
                    to = (int32_t)(bench_random(&state) % rows);
            JET_ERR err;
            CK(JetMakeKey(ses, table, &k, 4, JET_bitNewKey));
            err = JetSeek(ses, table, JET_bitSeekGE);
            if (err == JET_errRecordNotFound)
                continue;
            CK(err);
            CK(JetPrepareUpdate(ses, table, JET_prepReplace));
            CK(JetSetColumn(ses, table, col_k, &to, 4, 0, NULL));
            CK(JetUpdate(ses, table, NULL, 0, NULL));
        }
        CK(JetCommitTransaction(ses, b->durable ? 0 : JET_bitCommitLazyFlush));
    }
    bench_done(done, t);
}

int main(int argc, char **argv)
{
    struct bench b;

    if (!bench_args(argc, argv, &b)) {
        fprintf(stderr, "usage: see dbbench.h\n");
        return 1;
    }
    start(&b);
    if (strcmp(b.what, "fill") == 0)
        fill(&b);
    else if (strcmp(b.what, "read") == 0)
        read_rows(&b);
    else if (strcmp(b.what, "scan") == 0)
        scan(&b);
    else
        update(&b);
    CK(b.dirty ? JetTerm2(inst, JET_bitTermDirty) : JetTerm(inst));
    return 0;
}
