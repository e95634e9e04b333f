/* Between the parts of a cursor: fucb.c (life, order), fucbplace.c (moves, bookmarks), fucbseek.c
 * (keys, ranges), retrieve*.c (reading), fucbset.c (the copy), update.c (changes). */
#ifndef ESE_REC_FUCB_PRIV_H
#define ESE_REC_FUCB_PRIV_H

#include "rec/fucb.h"

struct fucb_index_place { /* a secondary index as the order */
    struct fcb_index *ix; /* used (fcb_index_use), with a reference */
    struct dir dir;
    bool followed; /* fucb.data is at its record */
    uint8_t level; /* of the session when it was chosen: a rollback below gives it up */
};

struct fucb_copy { /* a record that is being made or changed */
    struct recbuf rb;
    struct tdb *tdb;    /* the schema it is of; a reference */
    uint8_t level;      /* of the session when it was prepared: a rollback below takes it along */
    uint32_t update_id; /* of the versions made on its behalf */
    bool wrote_values;  /* there are such versions, perhaps */
    uint8_t *before;    /* replace: the record as it was; page_size bytes of room */
    uint32_t before_len;
    enum tagged_layout before_layout;
};

struct fucb_work {     /* what updates use again and again */
    struct dir insert; /* new records: the cursor's own place stays */
    struct tdb *tdb;   /* of these; a reference */
    unsigned nr;       /* secondary indexes */
    struct dir *dirs;  /* a place in each */
    struct index_plan *plans, primary;
    struct index_key_set old_keys, new_keys;
};

/* The dir whose place is the cursor's. */
static inline struct dir *fucb_dir(struct fucb *c)
{
    return c->at ? &c->at->dir : &c->data;
}
/* The place has changed: what was known of it is not any more. */
static inline void fucb_moved(struct fucb *c)
{
    if (c->at)
        c->at->followed = false;
}
static inline void fucb_forget_range(struct fucb *c)
{
    c->range_set = false;
}
/* The schema as it is now; every call begins with it. */
static inline must_check JET_ERR fucb_refresh(struct fucb *c)
{
    return fcb_refresh(c->fcb, &c->tdb);
}

/* fucb.data is on the record of the place. JET_errNoCurrentRecord, JET_errRecordDeleted. */
must_check JET_ERR fucb_follow(struct fucb *c);
/* Locks the record of the place; waits while an index is being built (fcb_change_begin). */
must_check JET_ERR fucb_lock_record(struct fucb *c, enum ver_oper lock);
/* ... and its bytes, latched until dir_release(&c->data). */
must_check JET_ERR fucb_get(struct fucb *c, struct dir_node *ret, enum tagged_layout *ret_layout);
/* The entry number itag (from 1) that the record of the place has in ix; *ret as norm_key.
 * JET_errRecordNotFound: it has none of that number. */
must_check JET_ERR fucb_entry(struct fucb *c, const struct fcb_index *ix, unsigned itag,
                              struct norm_key *ret);
/* The table's long values. make: creates their tree if there is none. JET_errLVCorrupted: there is
 * none, and it was not to be made. */
must_check JET_ERR fucb_lv(struct fucb *c, bool make, struct lv_tree **ret);
/* index_fetch_fn; ctx: the cursor. */
JET_ERR fucb_fetch(void *fucb, const struct value *v, uint8_t *buf, uint32_t cap,
                   uint32_t *ret_len);

/* A column that the session sees. JET_errColumnNotFound. */
must_check JET_ERR fucb_column(struct fucb *c, uint32_t columnid, const struct column **ret);

/* The copy buffer takes the newest schema, which may have grown since the record was prepared. */
JET_ERR fucb_adopt_schema(struct fucb *c);
/* Frees the copy buffer, whatever is in it, and the work places. */
void fucb_copy_free(struct fucb *c);
void fucb_work_free(struct fucb *c);
/* Begins an inner level for a change, fcb.ddl held shared and the schema newest: what was taken from c->tdb before may be gone.
 * Ends it according to err, which it returns. */
must_check JET_ERR fucb_change_begin(struct fucb *c);
must_check JET_ERR fucb_change_end(struct fucb *c, JET_ERR err);
/* JET_errPermissionDenied: a read-only cursor or database. */
must_check JET_ERR fucb_writable(const struct fucb *c);
/* fucb_delete, after fucb_change_begin or what it does, of the record the place is on. */
must_check JET_ERR fucb_delete_begun(struct fucb *c);
/* For each value of the record that lies among the long values; fn ends it with anything but
 * JET_errSuccess. */
must_check JET_ERR fucb_each_separated(
    struct fucb *c, const struct schema *s, const struct recview *v,
    JET_ERR (*fn)(void *ctx, const struct column *col, unsigned seq, struct slice lid), void *ctx);
/* JET_prepCancel, for closing. */
must_check JET_ERR fucb_cancel(struct fucb *c);
/* Before the place changes: an update that is prepared is cancelled (ESE: ErrIsamMove and others).
 * */
static inline must_check JET_ERR fucb_leave(struct fucb *c)
{
    return c->prep == FUCB_PREP_NONE ? JET_errSuccess : fucb_cancel(c);
}

#endif
