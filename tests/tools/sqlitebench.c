/* The work of dbbench.h with SQLite: WAL; synchronous=FULL where commits are durable, NORMAL where they are lazy. */
#include "dbbench.h"

#include <sqlite3.h>

static sqlite3 *db;

static void fail(int line)
{
    fprintf(stderr, "sqlitebench: line %d: %s\n", line, sqlite3_errmsg(db));
    exit(1);
}

#define CK(call)                                                         \
    do {                                                                 \
        int rc_ = (call);                                                \
        if (rc_ != SQLITE_OK && rc_ != SQLITE_DONE && rc_ != SQLITE_ROW) \
            fail(__LINE__);                                              \
    } while (0)

static void run(const char *sql)
{
    CK(sqlite3_exec(db, sql, NULL, NULL, NULL));
}

static sqlite3_stmt *prepare(const char *sql)
{
    sqlite3_stmt *s;

    CK(sqlite3_prepare_v2(db, sql, -1, &s, NULL));
    return s;
}

static void start(const struct bench *b)
{
    char text[512];

    snprintf(text, sizeof(text), "%s/bench.sqlite", b->dir);
    CK(sqlite3_open(text, &db));
    run("PRAGMA page_size=4096");
    run("PRAGMA journal_mode=WAL");
    run(b->durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
    snprintf(text, sizeof(text), "PRAGMA cache_size=-%u", b->cache_mib * 1024);
    run(text);
}

static void fill(const struct bench *b)
{
    uint8_t v[LEN_MAX];
    sqlite3_stmt *ins, *begin = prepare("BEGIN"), *commit = prepare("COMMIT");
    double t;

    run("CREATE TABLE t(id INTEGER PRIMARY KEY, k INTEGER NOT NULL, v BLOB)");
    ins = prepare("INSERT INTO t VALUES(?,?,?)");
    t = bench_now();
    for (uint32_t id = 0; id < b->rows;) {
        CK(sqlite3_step(begin));
        CK(sqlite3_reset(begin));
        for (uint32_t n = 0; n < b->batch && id < b->rows; n++, id++) {
            uint64_t state = id;
            bench_value(v, b->len, id);
            CK(sqlite3_bind_int64(ins, 1, id));
            CK(sqlite3_bind_int64(ins, 2, bench_random(&state) % b->rows));
            CK(sqlite3_bind_blob(ins, 3, v, (int)b->len, SQLITE_STATIC));
            CK(sqlite3_step(ins));
            CK(sqlite3_reset(ins));
        }
        CK(sqlite3_step(commit));
        CK(sqlite3_reset(commit));
    }
    bench_done(b->rows, t);
    CK(sqlite3_finalize(ins));
    CK(sqlite3_finalize(begin));
    CK(sqlite3_finalize(commit));
}

static uint32_t count_rows(void)
{
    sqlite3_stmt *s = prepare("SELECT max(id) FROM t");
    uint32_t rows;

    CK(sqlite3_step(s));
    rows = (uint32_t)sqlite3_column_int64(s, 0) + 1;
    CK(sqlite3_finalize(s));
    return rows;
}

static void read_rows(const struct bench *b)
{
    uint8_t v[LEN_MAX];
    uint64_t state = 1;
    const uint32_t rows = count_rows();
    sqlite3_stmt *s = prepare("SELECT v FROM t WHERE id=?");
    double t;

    run("BEGIN");
    t = bench_now();
    for (uint32_t n = 0; n < b->rows; n++) {
        int len;
        CK(sqlite3_bind_int64(s, 1, bench_random(&state) % rows));
        if (sqlite3_step(s) != SQLITE_ROW)
            fail(__LINE__);
        len = sqlite3_column_bytes(s, 0);
        memcpy(v, sqlite3_column_blob(s, 0), (size_t)len);
        CK(sqlite3_reset(s));
    }
    bench_done(b->rows, t);
    run("COMMIT");
    CK(sqlite3_finalize(s));
}

static void scan(void)
{
    sqlite3_stmt *s = prepare("SELECT id FROM t ORDER BY id");
    uint64_t rows = 0, sum = 0;
    double t;

    run("BEGIN");
    t = bench_now();
    while (sqlite3_step(s) == SQLITE_ROW) {
        sum += (uint64_t)sqlite3_column_int64(s, 0);
        rows++;
    }
    if (sum != rows * (rows - 1) / 2)
        fail(__LINE__);
    bench_done(rows, t);
    CK(sqlite3_finalize(s));
    run("COMMIT");
}

static void update(const struct bench *b)
{
    uint64_t state = 7;
    const uint32_t rows = count_rows();
    uint32_t done = 0;
    sqlite3_stmt *find, *set;
    double t;

    run("CREATE INDEX IF NOT EXISTS k ON t(k)");
    find = prepare("SELECT id FROM t WHERE k>=? ORDER BY k LIMIT 1");
    set = prepare("UPDATE t SET k=? WHERE id=?");
    t = bench_now();
    while (done < b->rows) {
        run("BEGIN");
        for (uint32_t n = 0; n < b->batch && done < b->rows; n++, done++) {
            const uint32_t k = bench_random(&state) % rows, to = bench_random(&state) % rows;
            CK(sqlite3_bind_int64(find, 1, k));
            if (sqlite3_step(find) == SQLITE_ROW) {
                const int64_t id = sqlite3_column_int64(find, 0);
                CK(sqlite3_reset(find));
                CK(sqlite3_bind_int64(set, 1, to));
                CK(sqlite3_bind_int64(set, 2, id));
                CK(sqlite3_step(set));
                CK(sqlite3_reset(set));
            } else {
                CK(sqlite3_reset(find));
            }
        }
        run("COMMIT");
    }
    bench_done(done, t);
    CK(sqlite3_finalize(find));
    CK(sqlite3_finalize(set));
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
        scan();
    else
        update(&b);
    CK(sqlite3_close(db));
    return 0;
}
