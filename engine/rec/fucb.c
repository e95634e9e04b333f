/* Life of a cursor, and its order. */
#include "rec/fucb_priv.h"

#include <stdlib.h>

/* ---- life ------------------------------------------------------------------------------------ */

JET_ERR fucb_new(struct sess *s, struct fcb *f, unsigned how, struct fucb **ret)
{
    struct fucb *c = calloc(1, sizeof(*c));
    JET_ERR err;

    if (!c) {
        fcb_close(s, f, how);
        return RAISE(JET_errOutOfMemory);
    }
    c->sess = s;
    c->db = f->db;
    c->fcb = f;
    c->how = how;
    c->prep = FUCB_PREP_NONE;
    err = dir_init(&c->data, s, f->tree);
    if (err >= 0)
        err = fucb_refresh(c);
    if (err < 0) {
        fucb_close(c);
        return err;
    }
    *ret = c;
    return JET_errSuccess;
}

JET_ERR fucb_open(struct sess *s, struct db *d, const char *name, unsigned how, struct fucb **ret)
{
    struct fcb *f;
    JET_ERR err = fcb_open(s, d, name, how, &f);

    if (err < 0)
        return err;
    err = fucb_new(s, f, how, ret);
    if (err < 0)
        return err;
    err = fucb_move(*ret, FUCB_FIRST, false); /* ESE: an open cursor is on the first record */
    if (err < 0 && err != JET_errNoCurrentRecord) {
        fucb_close(*ret);
        return err;
    }
    return JET_errSuccess;
}

JET_ERR fucb_dup(struct fucb *c, struct fucb **ret)
{
    JET_ERR err = fcb_open_again(c->sess, c->fcb, c->how);

    if (err < 0)
        return err;
    err = fucb_new(c->sess, c->fcb, c->how, ret);
    if (err < 0)
        return err;
    err = fucb_move(*ret, FUCB_FIRST, false);
    if (err < 0 && err != JET_errNoCurrentRecord) {
        fucb_close(*ret);
        return err;
    }
    return JET_errSuccess;
}

static void drop_order(struct fucb *c)
{
    if (!c->at)
        return;
    dir_done(&c->at->dir);
    if (c->at->ix) {
        fcb_index_unuse(c->at->ix);
        fcb_index_put(c->at->ix);
    }
    free(c->at);
    c->at = NULL;
}

void fucb_close(struct fucb *c)
{
    if (!c)
        return;
    if (c->prep != FUCB_PREP_NONE) {
        JET_ERR err = fucb_cancel(c); /* fails only when the instance is down */
        (void)err;
    }
    drop_order(c);
    lv_tree_done(&c->lv);
    fucb_copy_free(c);
    fucb_work_free(c);
    dir_done(&c->data);
    tdb_put(c->tdb);
    fcb_close(c->sess, c->fcb, c->how);
    free(c);
}

/* ---- order ----------------------------------------------------------------------------------- */

const struct fcb_index *fucb_index(const struct fucb *c)
{
    return c->at ? c->at->ix : c->tdb->primary;
}

const char *fucb_index_name(const struct fucb *c)
{
    const struct fcb_index *ix = fucb_index(c);

    return ix ? ix->def.name : "";
}

static JET_ERR use_index(struct fucb *c, struct fcb_index *ix, struct fucb_index_place **ret)
{
    struct fucb_index_place *at = calloc(1, sizeof(*at));
    JET_ERR err = at ? fcb_index_use(c->fcb, ix) : RAISE(JET_errOutOfMemory);

    if (err < 0) {
        free(at);
        return err;
    }
    err = dir_init(&at->dir, c->sess, ix->tree);
    if (err < 0) {
        fcb_index_unuse(ix);
        free(at);
        return err;
    }
    at->ix = ix;
    at->level = c->sess->level;
    *ret = at;
    return JET_errSuccess;
}

static void free_place(struct fucb_index_place *at)
{
    dir_done(&at->dir);
    fcb_index_unuse(at->ix);
    free(at);
}

/* The new order's place on the record of the old one. */
static JET_ERR place_entry(struct fucb *c, struct fucb_index_place *at, unsigned itag)
{
    struct norm_key key = {.len = 0};
    struct bookmark bm;
    JET_ERR err = fucb_entry(c, at->ix, itag, &key);

    if (err == JET_errRecordNotFound)
        return RAISE(JET_errNoCurrentRecord);
    if (err < 0)
        return err;
    bm.key = (struct slice){key.b, key.len};
    bm.data = (struct slice){0};
    if (!at->ix->tree->unique)
        bm.data = dir_bookmark(&c->data).key;
    err = dir_seek(&at->dir, &bm, DIR_EQ);
    at->followed = err >= 0;
    return err == JET_errRecordNotFound ? RAISE(JET_errNoCurrentRecord) : err;
}

static JET_ERR to_secondary(struct fucb *c, struct fcb_index *ix, bool stay, unsigned itag)
{
    struct fucb_index_place *at;
    JET_ERR err = stay ? fucb_follow(c) : JET_errSuccess;

    if (err >= 0)
        err = use_index(c, ix, &at);
    if (err < 0) {
        fcb_index_put(ix);
        return err;
    }
    if (stay)
        err = place_entry(c, at, itag);
    if (err < 0) {
        free_place(at);
        fcb_index_put(ix);
        return err;
    }
    drop_order(c);
    c->at = at;
    return JET_errSuccess;
}

static JET_ERR to_primary(struct fucb *c, bool stay)
{
    JET_ERR err = stay ? fucb_follow(c) : JET_errSuccess;

    if (err < 0)
        return err;
    drop_order(c);
    return JET_errSuccess;
}

JET_ERR fucb_set_index(struct fucb *c, const char *name, bool stay, unsigned itag)
{
    struct fcb_index *ix = NULL;
    JET_ERR err = fucb_refresh(c);

    if (err < 0)
        return err;
    if (name && *name) {
        err = fcb_index_find(c->sess, c->fcb, c->tdb, name, &ix);
        if (err < 0)
            return err;
    }
    err = fucb_leave(c);
    if (err < 0) {
        fcb_index_put(ix);
        return err;
    }
    if (!ix || ix->primary) {
        fcb_index_put(ix);
        if (!c->at && stay)
            return JET_errSuccess;
        err = to_primary(c, stay);
    } else {
        err = to_secondary(c, ix, stay, itag);
    }
    if (err < 0)
        return err;
    fucb_forget_range(c);
    c->nr_key = 0;
    if (stay)
        return JET_errSuccess;
    err = fucb_move(c, FUCB_FIRST, false);
    return err == JET_errNoCurrentRecord ? JET_errSuccess : err;
}

/* ---- levels of the session ------------------------------------------------------------------- */

void fucb_before_first(struct fucb *c)
{
    fucb_dir(c)->at = DIR_BEFORE_FIRST;
    fucb_moved(c);
}

JET_ERR fucb_current_schema(struct fucb *c)
{
    return fucb_refresh(c);
}

bool fucb_is_first(struct fucb *c)
{
    return atomic_fetch_add_explicit(&c->fcb->nr_cursors, 1, memory_order_relaxed) == 0;
}

bool fucb_is_last(struct fucb *c)
{
    return atomic_fetch_sub_explicit(&c->fcb->nr_cursors, 1, memory_order_relaxed) == 1;
}

void fucb_roll_back(struct fucb *c)
{
    if (c->prep != FUCB_PREP_NONE && c->copy->level >= c->sess->level)
        c->prep = FUCB_PREP_NONE;
    if (c->at && c->at->level >= c->sess->level) { /* its index may be gone in a moment */
        drop_order(c);
        c->data.at = DIR_BEFORE_FIRST;
        fucb_forget_range(c);
        c->nr_key = 0;
    }
}

JET_ERR fucb_may_commit(const struct fucb *c)
{
    return c->sess->level == 1 && c->prep != FUCB_PREP_NONE && c->copy->wrote_values
               ? RAISE(JET_errAlreadyPrepared)
               : JET_errSuccess;
}

void fucb_committed(struct fucb *c)
{
    if (c->at && c->at->level > c->sess->level)
        c->at->level = c->sess->level;
    if (c->prep == FUCB_PREP_NONE || c->copy->level <= c->sess->level)
        return;
    c->copy->level = c->sess->level;
    if (c->sess->level == 0 && c->prep == FUCB_PREP_REPLACE) /* the lock is gone */
        c->prep = FUCB_PREP_REPLACE_NO_LOCK;
}
