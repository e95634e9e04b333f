/*
 * A running instance for unit tests, without the rooms above the B-tree: cache, version store, log,
 * one database with its space. In a directory of its own, removed at the end.
 *
 *     static struct instfix fix;
 *     instfix_begin(&fix, &(struct instfix_conf){.page_size = 4096, .logging = true});
 *     struct sess *s = instfix_session(&fix);
 *     struct tree *t = instfix_tree(&fix, INSTFIX_UNIQUE);
 *     ...
 *     instfix_crash(&fix);    what was not written is lost
 *     instfix_recover(&fix);  ese_recover on the directory; the database is attached again, trees
 * by instfix_find instfix_end(&fix);
 *
 * Everything here asserts: not to be called from a thread of the test's own.
 */
#ifndef INSTFIX_H
#define INSTFIX_H

#include "testutil.h"

#include "btree/dir.h"
#include "btree/redo.h"
#include "btree/spacewrite.h"

struct instfix_conf {
    uint32_t page_size;
    bool logging;
    bool durable;         /* writes of the log are synced; without it a crash is a process's only */
    uint32_t cache_pages; /* 0: 4096 */
    uint32_t ver_max;     /* bytes; 0: 64 MiB */
    uint32_t log_file_kib;              /* 0: 1024 */
    uint32_t update_major;              /* of the database's format; 0: 20 */
    uint32_t pages;                     /* of the database at first; 0: 256 */
    const struct ver_hooks *hooks;      /* NULL: dir_ver_hooks */
    void (*close_schema)(struct db *d); /* before the trees go: rec/'s cache; NULL: there is none */
};

enum instfix_kind { INSTFIX_UNIQUE, INSTFIX_NON_UNIQUE, INSTFIX_INDEX, INSTFIX_LV };

struct instfix {
    struct instfix_conf conf;
    char dir[64], path[96];
    int dirfd;
    struct inst in;
    struct db db;
    struct redo_db redo;
    struct tree *root;  /* page 1 */
    struct tree *table; /* parent of indexes and LV trees; NULL: none yet */
    struct sess *sess;  /* the fixture's own */
    _Atomic unsigned nr_faults;
    char fault[400]; /* the first one's text */
    bool running;
};

void instfix_begin(struct instfix *x, const struct instfix_conf *conf);
struct sess *instfix_session(struct instfix *x);
/* A new, empty tree. INDEX and LV lie in a table that is made first; NON_UNIQUE is an index too. */
struct tree *instfix_tree(struct instfix *x, enum instfix_kind kind);
/* A tree that was there before a crash. */
struct tree *instfix_find(struct instfix *x, pgno_t root, objid_t objid, enum instfix_kind kind);
/* Rolls back, cleans, writes everything: what is in the file is the database. */
void instfix_stop(struct instfix *x);
/* Drops what is in memory, sessions included. */
void instfix_crash(struct instfix *x);
/* After a crash or stop. Recovery must succeed. */
void instfix_recover(struct instfix *x);
void instfix_end(struct instfix *x);

/* Every page's structure, and the trees' shape by btree/btread.h: the file, after instfix_stop or
 * instfix_recover. Returns the number of nodes that are not deleted. */
uint64_t instfix_check_tree(struct instfix *x, pgno_t root, objid_t objid);

#define assert_ok(err) assert_int_equal((err), JET_errSuccess)

#endif
