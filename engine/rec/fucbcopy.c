/* The copy buffer: prepared, cancelled (ESE: fldmod.cxx ErrIsamPrepareUpdate). */
#include "rec/fucb_priv.h"

#include <stdlib.h>

/* ---- memory ---------------------------------------------------------------------------------- */

void fucb_copy_free(struct fucb *c)
{
    if (!c->copy)
        return;
    recbuf_done(&c->copy->rb);
    tdb_put(c->copy->tdb);
    free(c->copy->before);
    free(c->copy);
    c->copy = NULL;
}

JET_ERR fucb_adopt_schema(struct fucb *c)
{
    const struct tdb *before = c->copy->tdb;
    JET_ERR err = fcb_refresh(c->fcb, &c->copy->tdb);

    if (err >= 0 && c->copy->tdb != before)
        recbuf_adopt(&c->copy->rb, &c->copy->tdb->schema);
    return err;
}

static JET_ERR copy_room(struct fucb *c)
{
    struct fucb_copy *copy = c->copy;
    JET_ERR err = JET_errSuccess;

    if (!copy) {
        copy = calloc(1, sizeof(*copy));
        if (!copy || !(copy->before = malloc(c->db->page_size))) {
            free(copy);
            return RAISE(JET_errOutOfMemory);
        }
        err = recbuf_init(&copy->rb, c->db->page_size);
        if (err < 0) {
            free(copy->before);
            free(copy);
            return err;
        }
        c->copy = copy;
    }
    copy->before_len = 0;
    copy->wrote_values = false;
    copy->level = c->sess->level;
    copy->update_id = ++c->sess->update_last;
    if (copy->update_id == 0)
        copy->update_id = ++c->sess->update_last;
    return fcb_refresh(c->fcb, &copy->tdb);
}

/* ---- kinds ----------------------------------------------------------------------------------- */

static JET_ERR set_auto_inc(struct fucb *c)
{
    const struct column *col = c->copy->tdb->auto_inc;
    uint8_t b[8];
    uint64_t value;
    JET_ERR err;

    if (!col)
        return JET_errSuccess;
    err = trx_begin(c->sess);
    if (err < 0)
        return err;
    err = fcb_next_auto_inc(c->sess, c->fcb, c->copy->tdb, &value);
    if (err < 0) {
        JET_ERR err2 = trx_rollback(c->sess);
        return err2 < 0 ? err2 : err;
    }
    err = trx_commit(c->sess, true);
    if (err < 0)
        return err;
    put_le64(b, value);
    return recbuf_set(&c->copy->rb, col, 1, &(struct slice){b, col->len}, 0);
}

static JET_ERR prepare_insert(struct fucb *c)
{
    JET_ERR err = copy_room(c);

    if (err >= 0)
        err = recbuf_start(&c->copy->rb, &c->copy->tdb->schema);
    return err < 0 ? err : set_auto_inc(c);
}

/* The record of the place into the copy, and as it was into `before`. */
static JET_ERR load(struct fucb *c)
{
    struct dir_node n;
    enum tagged_layout layout;
    JET_ERR err = copy_room(c);

    if (err >= 0)
        err = fucb_get(c, &n, &layout);
    if (err < 0)
        return err;
    if (n.data.len > c->db->page_size) {
        err = RAISE(JET_errDatabaseCorrupted);
    } else {
        memcpy(c->copy->before, n.data.p, n.data.len);
        c->copy->before_len = n.data.len;
        c->copy->before_layout = layout;
    }
    dir_release(&c->data);
    if (err < 0)
        return err;
    return recbuf_load(&c->copy->rb, &c->copy->tdb->schema,
                       (struct slice){c->copy->before, c->copy->before_len}, layout);
}

static JET_ERR lock(struct fucb *c)
{
    return fucb_lock_record(c, VER_WRITE_LOCK);
}

static JET_ERR prepare_replace(struct fucb *c, enum fucb_prep *prep)
{
    JET_ERR err;

    if (c->sess->level == 0)
        *prep = FUCB_PREP_REPLACE_NO_LOCK;
    err = *prep == FUCB_PREP_REPLACE ? lock(c) : JET_errSuccess;
    return err < 0 ? err : load(c);
}

static JET_ERR refer_again(void *fucb, const struct column *col, unsigned seq, struct slice old)
{
    struct fucb *c = fucb;
    uint64_t lid = lid_decode(old);
    struct lv_tree *lv;
    uint8_t b[8];
    JET_ERR err = fucb_lv(c, false, &lv);

    if (err >= 0)
        err = lv_add_ref(lv, &lid);
    if (err < 0)
        return err;
    put_le64(b, lid);
    return recbuf_set(&c->copy->rb, col, seq, &(struct slice){b, lid & LID64 ? 8 : 4},
                      RECBUF_SEPARATED);
}

static JET_ERR is_there(void *ctx, const struct column *col, unsigned seq, struct slice lid)
{
    (void)ctx, (void)col, (void)seq, (void)lid;
    return 1;
}

/* Long values are shared between the records from now on. */
static JET_ERR refer_to_values(struct fucb *c)
{
    const struct schema *s = &c->copy->tdb->schema;
    struct recview v;
    JET_ERR err;

    if (recview_init(&v, (struct slice){c->copy->before, c->copy->before_len},
                     c->copy->before_layout))
        return RAISE(JET_errDatabaseCorrupted);
    err = fucb_each_separated(c, s, &v, is_there, NULL);
    if (err != 1)
        return err;
    if (c->sess->level == 0) /* a cancel could not take it back */
        return RAISE(JET_errNotInTransaction);
    err = fucb_change_begin(c);
    if (err < 0)
        return err;
    err = fucb_each_separated(c, s, &v, refer_again, c);
    return fucb_change_end(c, err);
}

static JET_ERR prepare_insert_copy(struct fucb *c, enum fucb_prep prep)
{
    JET_ERR err = prep == FUCB_PREP_INSERT_COPY ? JET_errSuccess : lock(c);

    if (err >= 0)
        err = load(c);
    if (err >= 0 && prep != FUCB_PREP_INSERT_COPY_REPLACE)
        err = set_auto_inc(c);
    if (err < 0)
        return err;
    c->prep = prep; /* so that the versions are this update's */
    err = refer_to_values(c);
    if (err < 0)
        c->prep = FUCB_PREP_NONE;
    return err;
}

/* ---- prepare and cancel ---------------------------------------------------------------------- */

JET_ERR fucb_cancel(struct fucb *c)
{
    c->prep = FUCB_PREP_NONE;
    /* at level 0 nothing was versioned: separated values need a transaction */
    return c->copy->wrote_values && c->sess->level
               ? trx_rollback_update(c->sess, c->copy->update_id)
               : JET_errSuccess;
}

static JET_ERR may_prepare(const struct fucb *c, enum fucb_prep prep)
{
    if (prep == FUCB_PREP_READ_ONLY_COPY)
        return c->sess->level ? JET_errSuccess : RAISE(JET_errNotInTransaction);
    if (c->how & FCB_READ_ONLY || c->db->read_only)
        return RAISE(JET_errPermissionDenied);
    if ((prep == FUCB_PREP_INSERT_COPY_DELETE || prep == FUCB_PREP_INSERT_COPY_REPLACE) &&
        c->sess->level == 0)
        return RAISE(JET_errNotInTransaction);
    return JET_errSuccess;
}

JET_ERR fucb_prepare(struct fucb *c, enum fucb_prep prep)
{
    JET_ERR err = fucb_refresh(c);

    if (err < 0)
        return err;
    if (prep == FUCB_PREP_CANCEL)
        return c->prep == FUCB_PREP_NONE ? RAISE(JET_errUpdateNotPrepared) : fucb_cancel(c);
    err = may_prepare(c, prep);
    if (err >= 0 && c->prep != FUCB_PREP_NONE)
        err = RAISE(JET_errAlreadyPrepared);
    if (err < 0)
        return err;
    switch (prep) {
    case FUCB_PREP_INSERT:
        err = prepare_insert(c);
        break;
    case FUCB_PREP_REPLACE:
    case FUCB_PREP_REPLACE_NO_LOCK:
        err = prepare_replace(c, &prep);
        break;
    case FUCB_PREP_READ_ONLY_COPY:
        err = load(c);
        break;
    case FUCB_PREP_INSERT_COPY:
    case FUCB_PREP_INSERT_COPY_DELETE:
    case FUCB_PREP_INSERT_COPY_REPLACE:
        err = prepare_insert_copy(c, prep);
        break;
    default:
        return RAISE(JET_errInvalidParameter);
    }
    if (err >= 0)
        c->prep = prep;
    return err < 0 ? err : JET_errSuccess;
}
