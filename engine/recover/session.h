/*
 * What recovery knows of the sessions that wrote the log: levels, the versions that an undo would need, and
 * the records of macros that are not committed yet (ESE: PIB, RCE; logredo.cxx).
 *
 * A session counts from its first Begin0 in the replayed part of the log on. What it did before is on disk and
 * committed, or the checkpoint would be earlier.
 *
 * Invariants:
 *   1. Versions of a session stand in the order in which they were made; their rceids ascend (modulo 2^32),
 *      and as a rule so do their levels.
 *   2. A tree is held as long as a version in it could not be undone if its page were on disk and the log
 *      ended here: its before image is not logged. Pages of a held tree are not written.
 */
#ifndef ESE_RECOVER_SESSION_H
#define ESE_RECOVER_SESSION_H

#include "btree/undo.h"
#include "log/logrec.h"

enum { /* persistent: opers in Undo and UndoInfo records */
       OPER_INSERT = 1,
       OPER_REPLACE = 2,
       OPER_FLAG_DELETE = 3,
       OPER_DELTA = 4,
       OPER_DELTA64 = 9,
};

struct version {
    uint32_t rceid;
    uint16_t oper;
    uint8_t level, dbid;
    uint8_t flags; /* LR_PAGE_* of the operation */
    bool known;    /* key, data and image are */
    bool logged;   /* nothing more is needed in the log to undo it */
    bool undone;
    uint32_t trx;
    lgpos_t lgpos; /* of the operation */
    pgno_t pgno, pgno_fdp;
    objid_t objid;
    int16_t size_max, size_delta;
    int64_t delta;
    uint16_t offset;
    uint32_t key_len, data_len, image_len;
    uint8_t *bytes; /* bookmark key, bookmark data, before image */
};

static inline struct slice version_key(const struct version *v)
{
    return (struct slice){v->bytes, v->key_len};
}
static inline struct slice version_data(const struct version *v)
{
    return (struct slice){v->bytes + v->key_len, v->data_len};
}
static inline struct slice version_image(const struct version *v)
{
    return (struct slice){v->bytes + v->key_len + v->data_len, v->image_len};
}

/* It as btree/undo takes it; the slices last as long as v->bytes. */
static inline struct undo_version version_undo(const struct version *v)
{
    return (struct undo_version){.oper = (enum undo_oper)v->oper,
                                 .pgno_fdp = v->pgno_fdp,
                                 .objid = v->objid,
                                 .key = version_key(v),
                                 .data = version_data(v),
                                 .image = version_image(v),
                                 .delta = v->delta,
                                 .offset = v->offset};
}

struct macro {
    dbtime_t dbtime;
    lgpos_t lgpos; /* of its begin */
    struct logrec *recs;
    unsigned nr, cap;
    struct macro *next;
};

struct session {
    uint16_t procid;
    uint8_t level;
    uint32_t trx;
    struct version *v;
    size_t nr, cap;
    bool disordered; /* levels do not ascend */
    uint32_t *index; /* rceid -> place in v + 1, open addressing; NULL: none yet */
    size_t nr_index;
    struct macro *macros;
    struct session *next;
};

struct sessions;

must_check JET_ERR sessions_new(struct sessions **ret);
void sessions_free(struct sessions *s); /* NULL is fine */
/* Everybody is gone, nothing is open: Init, Term. */
void sessions_clear(struct sessions *s);
/* The first one, by procid; then ->next. */
struct session *sessions_first(const struct sessions *s);
/* NULL: it does not count yet. */
struct session *session_find(const struct sessions *s, uint16_t procid);
bool sessions_hold(const struct sessions *s, uint8_t dbid, objid_t objid);

/* Begin0, Begin. Errors: JET_errLogFileCorrupt for levels that cannot be, JET_errOutOfMemory. */
must_check JET_ERR session_begin(struct sessions *s, const struct logrec *rec);
must_check JET_ERR session_commit(struct sessions *s, struct session *p, unsigned to_level);
/* Versions of the levels that were rolled back are forgotten. */
must_check JET_ERR session_rollback(struct sessions *s, struct session *p, unsigned nr_levels);

/* v is taken over with its bytes, also on failure. One with a rceid that is there already completes that
 * one when it was not known, and is dropped otherwise. */
must_check JET_ERR session_add(struct sessions *s, struct session *p, struct version *v);
struct version *session_version(struct session *p, uint32_t rceid);
/* The before image is in the log now, or the version is undone. */
void version_logged(struct sessions *s, struct version *v);
void version_undone(struct sessions *s, struct version *v);
/* Copies the parts into v->bytes. */
must_check JET_ERR version_fill(struct version *v, struct slice key, struct slice data,
                                struct slice image);

must_check JET_ERR session_macro_begin(struct session *p, dbtime_t dbtime, lgpos_t lgpos);
struct macro *session_macro(struct session *p, dbtime_t dbtime); /* NULL: none */
must_check JET_ERR macro_add(struct macro *m, const struct logrec *rec);
void session_macro_end(struct session *p, struct macro *m);

#endif
