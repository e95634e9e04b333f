/*
 * Between the entry points: what is behind a handle, how a call begins and ends.
 *
 * A call checks its handles (handle.c: any number is safe), marks its session as busy, and does one
 * thing below. JetTerm first closes the door (state), then waits until no session is busy: so
 * nothing goes away under a call.
 *
 * Text: inside it is UTF-8. The A entry takes it as it is, the W entry converts (utf.h).
 */
#ifndef ESE_API_API_INT_H
#define ESE_API_API_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/params.h"
#include "rec/ddl.h"
#include "rec/fucb.h"
#include "recover/live.h"

/* ---- handles --------------------------------------------------------------------------------- */

enum handle_kind { HANDLE_INSTANCE = 1, HANDLE_SESSION, HANDLE_CURSOR };

/* 0: out of memory. */
uintptr_t handle_new(enum handle_kind kind, void *obj, void *owner);
/* NULL: not a handle of that kind (any more). The object may go at any moment, where nothing keeps
 * it. */
void *handle_get(enum handle_kind kind, uintptr_t handle);
/* ... nor of that owner: objects of others are not looked at. */
void *handle_get_of(enum handle_kind kind, uintptr_t handle, const void *owner);
/* NULL: not a handle of that kind. */
void *handle_owner(enum handle_kind kind, uintptr_t handle);
void handle_drop(uintptr_t handle);

/* ---- instances ------------------------------------------------------------------------------- */

enum instance_state {
    INSTANCE_CREATED,
    INSTANCE_RESTORING, /* JetRestoreInstance; created again after it */
    INSTANCE_STARTING,
    INSTANCE_RUNNING,
    INSTANCE_ENDING
};

struct jinst {
    JET_INSTANCE handle;
    char *name, *display;
    struct params params;
    _Atomic int state; /* changes with process.lock (process.h) */
    bool started;      /* process.lock */
    _Atomic bool
        stopped;       /* JetStopServiceInstance: calls get JET_errClientRequestToStopJetService */
    struct inst *in;   /* while it runs */
    struct inst *temp; /* its temporary database; NULL: none yet (lock to make it) */
    pthread_mutex_t lock; /* the list of sessions; databases being attached */
    struct jsess *sessions;
    unsigned nr_sessions;
    /* of all sessions: cursors on tables, tables that have one, temporary tables */
    _Atomic uint32_t nr_cursors, nr_tables, nr_temps;
    _Atomic uint32_t
        backup_calls;         /* calls of backups, which have no session; begun with process.lock */
    struct jbackup *backup;   /* backup.h: an external one; backup_lock */
    struct backup *surrogate; /* surrogate.c; backup_lock */
    pthread_mutex_t backup_lock;
    struct backup *snapshot; /* ossnapshot.c */
    bool in_snapshot;        /* ossnapshot.c; process.lock to change it */
    struct jinst *next;      /* the process's; process.lock */
};

/*
 * Its memory is never given back, only used again: who comes with a handle marks it as busy and
 * looks then whether the handle is still good. From there on it stays, and so does its instance.
 */
struct jsess {
    _Atomic uintptr_t busy; /* the thread in a call; 0: none */
    JET_SESID handle;       /* this and all below: who is busy */
    struct jinst *inst;
    struct sess *s;
    struct tempsess *temp; /* tempsess.h; NULL: it has had no temporary table yet */
    uintptr_t thread;      /* that began the transaction; 0: none is open */
    uintptr_t context;     /* JetSetSessionContext; 0: none */
    bool has_context;
    unsigned opened[DBID_MAX + 1]; /* JetOpenDatabase, by dbid */
    bool opened_read_only[DBID_MAX + 1];
    JET_OPERATIONCONTEXT operation;
    uint32_t generic_context_len;
    uint8_t generic_context[32];
    struct jcursor *cursors;
    struct jsess *next, *prev; /* jinst.lock */
};

struct temp_table; /* temptable.h: rows in memory, for the lists of JetGet...Info */
struct tempsess;

struct jcursor {
    JET_TABLEID handle;
    struct jsess *s;
    uint8_t level;  /* of the session when it was opened: a rollback below closes it */
    struct fucb *c; /* NULL: a list */
    struct temp_table *t;
    struct {     /* of JetOpenTempTable */
        bool is; /* c is on one; its session is tempsess's */
        bool
            sorting; /* nobody has looked yet: of equal rows the first one stays, the others go without a word */
        bool sort_only;  /* no row comes after the first look */
        JET_GRBIT grbit; /* JET_bitTT... */
    } temp;
    JET_LS ls;
    struct jcursor *next, *prev;
};

/* Rows without a schema that anybody could ask for or change. */
static inline bool cursor_is_private(const struct jcursor *c)
{
    return c->t || c->temp.is;
}
/* The rows are looked at: a temporary table has them in order from now on. */
static inline void cursor_look(struct jcursor *c)
{
    if (c->temp.sorting) {
        c->temp.sorting = false;
        c->c->unversioned = false;
    }
}

static inline uintptr_t this_thread(void)
{
    return (uintptr_t)pthread_self();
}

/* Begins a call of a session: JET_errInvalidSesid, JET_errTermInProgress, JET_errNotInitialized,
 * JET_errInstanceUnavailable, JET_errClientRequestToStopJetService, JET_errSessionSharingViolation.
 * */
must_check JET_ERR api_enter(JET_SESID sesid, struct jsess **ret);
/* ... with one of its cursors: JET_errInvalidTableId. */
must_check JET_ERR api_enter_cursor(JET_SESID sesid, JET_TABLEID tableid, struct jsess **ret,
                                    struct jcursor **ret_cursor);
/* Ends it; returns err. */
JET_ERR api_leave(struct jsess *s, JET_ERR err);
/* The database that the session has open. JET_errInvalidDatabaseId. */
must_check JET_ERR api_database(struct jsess *s, JET_DBID dbid, struct db **ret);

/* The instance of a handle, with its lock, so that it stays; 0: the default one.
 * JET_errInvalidParameter, JET_errNotInitialized. */
must_check JET_ERR instance_lock(JET_INSTANCE instance, struct jinst **ret);
void instance_unlock(struct jinst *i);

void cursor_close(struct jcursor *c);
/* Takes c or t over, also on failure. JET_errOutOfCursors, JET_errTooManyOpenTables,
 * JET_errTooManySorts: JET_paramMax... */
must_check JET_ERR cursor_new(struct jsess *s, struct fucb *c, struct temp_table *t,
                              JET_TABLEID *ret);
/* ... of a cursor on a temporary table, which goes with the last one; temp is the jcursor's. */
must_check JET_ERR cursor_new_temp(struct jsess *s, struct fucb *c, const struct jcursor *like,
                                   JET_TABLEID *ret);
/* Inserts of this cursor give auto-increment columns themselves (eseutil compact). */
must_check JET_ERR cursor_keep_numbers(JET_TABLEID tableid);
/* Out of its instance and gone; waits for a call that is about to find out. The caller may be that
 * session's own call. */
void session_end(struct jsess *s);
/* A name of a file as programs give it, native and absolute, on the heap. JET_errInvalidPath. */
must_check JET_ERR api_full_path(const char *name, char **ret);
/* A table that the session opens for a moment: JET_errInvalidDatabaseId, those of fcb_open. */
must_check JET_ERR api_open_table(struct jsess *s, JET_DBID dbid, const char *name, unsigned how,
                                  struct fucb **ret);
/* A cursor of a database that the session has open for reading only changes nothing, and one that
 * is read-only itself neither. */
must_check JET_ERR cursor_may_write(const struct jcursor *c);

/* callback.c: calls what is registered for the cursor's table, on this thread, the session let go of meanwhile. The first
 * error ends it. JET_errInvalidTableId, JET_errInvalidSesid: a function has closed the cursor, or ended the session. */
must_check JET_ERR callbacks_call(struct jsess *s, struct jcursor *c, JET_CBTYP kind);

/* Where faults of an instance go: the program's sink, or the system log. ctx: the instance; NULL: of none (an external
 * restore, a volume's snapshot). */
void event_report(void *jinst, const struct ese_fault *f);

#endif
