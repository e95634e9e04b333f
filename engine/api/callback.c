/* Programs' functions for changes of rows (JetRegisterCallback, JetUnregisterCallback; ESE: recupd.cxx ErrRECCallback). */
#include <time.h>

#include "api/api_int.h"

#define KINDS                                                                                    \
    (JET_cbtypFinalize | JET_cbtypBeforeInsert | JET_cbtypAfterInsert | JET_cbtypBeforeReplace | \
     JET_cbtypAfterReplace | JET_cbtypBeforeDelete | JET_cbtypAfterDelete)

/* ---- calling --------------------------------------------------------------------------------- */

/* What the function calls is a call of the session like any other. */
static JET_ERR call(struct jsess *s, const struct jcursor *c, JET_CBTYP kind,
                    const struct fcb_callback *cb)
{
    const JET_SESID sesid = s->handle;
    const JET_TABLEID tableid = c->handle;
    const JET_DBID dbid = c->c->db->dbid;
    const struct timespec moment = {0, 10000};
    const uintptr_t me = this_thread();
    uintptr_t nobody = 0;
    JET_ERR err;

    atomic_store_explicit(&s->busy, 0, memory_order_release);
    err = ((JET_CALLBACK)cb->fn)(sesid, dbid, tableid, kind, NULL, NULL, cb->ctx, 0);
    while (!atomic_compare_exchange_strong(&s->busy, &nobody, me)) {
        nobody = 0;
        nanosleep(&moment, NULL);
    }
    if (handle_get(HANDLE_SESSION, sesid) != s)
        return RAISE(JET_errInvalidSesid);
    if (handle_get_of(HANDLE_CURSOR, tableid, s) != c)
        return RAISE(JET_errInvalidTableId);
    return err;
}

JET_ERR callbacks_call(struct jsess *s, struct jcursor *c, JET_CBTYP kind)
{
    const struct fcb_callback *cb;
    JET_ERR err = JET_errSuccess;

    if (!c->c)
        return err;
    cb = atomic_load_explicit(&c->c->fcb->callbacks, memory_order_acquire);
    if (!cb || PARAM(&s->inst->params, DisableCallbacks))
        return err;
    for (; cb && err >= 0; cb = cb->next)
        if (atomic_load_explicit(&cb->kinds, memory_order_relaxed) & kind)
            err = call(s, c, kind, cb);
    return err < 0 ? err : JET_errSuccess;
}

/* ---- the calls ------------------------------------------------------------------------------- */

static JET_ERR enter(JET_SESID sesid, JET_TABLEID tableid, struct jsess **s, struct jcursor **c)
{
    JET_ERR err = api_enter_cursor(sesid, tableid, s, c);

    if (err >= 0 && cursor_is_private(*c))
        return api_leave(*s, RAISE(JET_errIllegalOperation));
    return err;
}

JET_ERR JetRegisterCallback(JET_SESID sesid, JET_TABLEID tableid, JET_CBTYP cbtyp,
                            JET_CALLBACK pCallback, void *pvContext, JET_HANDLE *phCallbackId)
{
    struct jsess *s;
    struct jcursor *c;
    uintptr_t number;
    JET_ERR err = enter(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    if (cbtyp == JET_cbtypNull || cbtyp & ~KINDS || !pCallback || !phCallbackId)
        return api_leave(s, RAISE(JET_errInvalidParameter));
    err = fcb_callback_add(c->c->fcb, cbtyp, (void (*)(void))pCallback, pvContext, &number);
    if (err >= 0)
        *phCallbackId = number;
    return api_leave(s, err);
}

JET_ERR JetUnregisterCallback(JET_SESID sesid, JET_TABLEID tableid, JET_CBTYP cbtyp,
                              JET_HANDLE hCallbackId)
{
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = enter(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    return api_leave(s, fcb_callback_end(c->c->fcb, cbtyp, hCallbackId)
                            ? JET_errSuccess
                            : RAISE(JET_errInvalidParameter));
}
