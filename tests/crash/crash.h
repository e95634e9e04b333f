/*
 * What the crash campaigns share. A campaign forks a child for each life of an instance; what survives the child is the
 * directory and `sh`, the memory in which the child notes what it was promised.
 *
 * The workload is a function of the seed: transaction t of worker w does the same whenever and however often it is run. So what
 * must be in the database after a crash is known from one number for each worker, the last transaction that is there.
 */
#ifndef CRASH_H
#define CRASH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"
#include "esent.h"

#define WORKERS_MAX 6u
#define SLOTS       120u
#define LV_MAX      40000u

/* How a child ends. */
enum { ENDED = 0, BROKEN = 3, CUT = 77, TORN = 78 };

/* What a child was promised; in memory that its death leaves alone. */
struct shared {
    _Atomic bool made;                       /* the tables were committed durably */
    _Atomic uint64_t attempted[WORKERS_MAX]; /* no commit after it was ever called */
    _Atomic uint64_t acked[WORKERS_MAX];     /* its commit returned, lazy or not */
    _Atomic uint64_t promised[WORKERS_MAX];  /* durable: it, and all before it, must be there */
    _Atomic bool checked;                    /* this life has started, and has found what it must */
    _Atomic uint64_t changes, counted[8];    /* of files; of what can fail: see disk.h */
    _Atomic bool hit;                        /* the fault has happened */
    _Atomic uint64_t commits, rows;
};
extern struct shared *sh;

/* One database's life, of many instances. */
struct config {
    uint64_t seed;
    unsigned workers;
    uint32_t page_size, cache_pages, depth;
    bool circular, threads;
    bool torn;     /* pages of the database may be torn: JET_errReadVerifyFailure is an end, too */
    bool may_fail; /* errors are expected: faults are injected */
    bool log_lost; /* once the fault has happened, nothing can be made durable any more */
    char dir[128], db[160];
};
extern struct config conf;

/* What the transactions 1 .. t of a worker leave. */
struct state {
    uint64_t row[SLOTS], lv[SLOTS]; /* stamps of the row and of its long value; 0: no row */
    uint64_t table;   /* transaction that made the worker's own table; 0: there is none */
    uint64_t nr_rows; /* of it */
    bool index;
    unsigned columns;
    int64_t counter;
};

struct cols {
    JET_COLUMNID w, slot, k, u, b, m, v;
};

struct worker {
    unsigned nr;
    JET_INSTANCE inst;
    JET_SESID ses;
    JET_DBID db;
    JET_TABLEID rows, marks, counter;
    struct cols c;
    JET_COLUMNID mark_w, mark_t, count;
    struct state s;
    uint64_t t; /* committed */
    JET_ERR err;
    unsigned to_do;
    uint8_t value[LV_MAX];
};

#define TRY(call)       \
    do {                \
        err = (call);   \
        if (err < 0)    \
            return err; \
    } while (0)

/* The law does not hold, or a call failed that must not: says so, and ends the child. */
void broken(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void must(JET_ERR err, const char *what);
uint64_t mix(uint64_t x);

/* workload.c */
void state_after(unsigned w, uint64_t t, struct state *s);
/* Does the instance refuse everything, as after a failure of the log? */
bool is_down(JET_INSTANCE inst);
JET_ERR open_worker(JET_INSTANCE inst, unsigned nr, struct worker *w);
/* Makes the database and its tables where there are none. */
JET_ERR make_tables(JET_INSTANCE inst);
/* Transactions of all workers, each `nr` of them; nr 0: without end. */
JET_ERR run_workers(JET_INSTANCE inst, unsigned nr);
uint32_t lv_of(uint64_t stamp, uint8_t *v);
uint32_t binary_of(uint64_t stamp, uint8_t *v);
int32_t k_of(uint64_t stamp);
int64_t counter_of(unsigned w, uint64_t t);
unsigned own_rows(uint64_t made);
void own_name(char *name, size_t len, unsigned w);

/* law.c */
JET_ERR start(JET_INSTANCE *ret);
/* Is there what must be, and nothing else? Sets what the workers go on from. */
JET_ERR check_law(JET_INSTANCE inst);
void check_files(void);

#endif
