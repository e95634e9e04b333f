#include "page/dbhdrstate.h"

#include "engine.h"
#include "page/cksum.h"

/* Formats (update_major) from which on a field is filled in (ESE: sysver.cxx). */
#define UPDATE_LAST_RESIZE 110u
#define UPDATE_GEN_TIME    150u
#define UPDATE_TRAILER_GEN 160u

void dbhdr_forget_backups(struct dbhdr_disk *h)
{
    memset(&h->full_prev, 0, sizeof(h->full_prev));
    memset(&h->inc_prev, 0, sizeof(h->inc_prev));
    memset(&h->copy_prev, 0, sizeof(h->copy_prev));
    memset(&h->diff_prev, 0, sizeof(h->diff_prev));
}

void dbhdr_forget_log(struct dbhdr_disk *h)
{
    dbhdr_forget_backups(h);
    le64_put(&h->lgpos_consistent, 0);
}

void dbhdr_set_attached(struct dbhdr_disk *h, lgpos_t lgpos, struct logtime now)
{
    le32_put(&h->state, ESE_DB_DIRTY);
    le64_put(&h->lgpos_attach, lgpos);
    h->time_attach = now;
    le64_put(&h->lgpos_detach, 0);
    memset(&h->time_detach, 0, sizeof(h->time_detach));
    le32_put(&h->gen_min_required, lgpos_gen(lgpos));
    le32_put(&h->gen_min_consistent, lgpos_gen(lgpos));
    memset(&h->full_cur, 0, sizeof(h->full_cur));
    memset(&h->snapshot_cur, 0, sizeof(h->snapshot_cur));
}

void dbhdr_set_committed(struct dbhdr_disk *h, lgen_t gen, struct logtime created)
{
    le32_put(&h->gen_max_required, gen);
    le32_put(&h->gen_max_committed, gen);
    h->time_gen_max_created = created;
    if (le32_get(h->update_major) >= UPDATE_GEN_TIME)
        h->time_gen_max_required = created;
}

void dbhdr_raise_committed(struct dbhdr_disk *h, lgen_t gen, struct logtime created)
{
    if (le32_get(h->gen_max_committed) <= gen) {
        dbhdr_set_committed(h, gen, created);
    } else if (le32_get(h->gen_max_required) < gen) {
        le32_put(&h->gen_max_required, gen);
        if (le32_get(h->update_major) >= UPDATE_GEN_TIME)
            h->time_gen_max_required = created;
    }
}

void dbhdr_set_clean(struct dbhdr_disk *h, lgpos_t lgpos, struct logtime now)
{
    le32_put(&h->state, ESE_DB_CLEAN);
    le64_put(&h->lgpos_consistent, lgpos);
    le64_put(&h->lgpos_detach, lgpos);
    h->time_consistent = h->time_detach = now;
    le32_put(&h->gen_min_required, 0);
    le32_put(&h->gen_max_required, 0);
    le32_put(&h->gen_max_committed, 0);
    le32_put(&h->gen_min_consistent, 0);
    le32_put(&h->gen_recovering, 0);
    le32_put(&h->gen_pre_redo_min_consistent, 0);
    le32_put(&h->gen_pre_redo_min_required, 0);
    memset(&h->time_gen_max_created, 0, sizeof(h->time_gen_max_created));
    memset(&h->time_gen_max_required, 0, sizeof(h->time_gen_max_required));
    memset(&h->full_cur, 0, sizeof(h->full_cur));
    memset(&h->snapshot_cur, 0, sizeof(h->snapshot_cur));
    if (le32_get(h->update_major) >= UPDATE_LAST_RESIZE)
        le64_put(&h->lgpos_last_resize, lgpos);
}

/* ---- backups ------------------------------------------------------------------------------------ */

static struct bkinfo_disk *prev(struct dbhdr_disk *h, enum dbhdr_backup kind, le32 **ret_type)
{
    switch (kind) {
    case DBHDR_FULL:
        *ret_type = &h->full_prev_type;
        return &h->full_prev;
    case DBHDR_INCREMENTAL:
        *ret_type = &h->inc_prev_type;
        return &h->inc_prev;
    case DBHDR_COPY:
        *ret_type = &h->copy_prev_type;
        return &h->copy_prev;
    case DBHDR_DIFFERENTIAL:
        break;
    }
    *ret_type = &h->diff_prev_type;
    return &h->diff_prev;
}

static void put_bkinfo(struct bkinfo_disk *d, const struct bkinfo *b)
{
    le64_put(&d->mark, b->mark);
    d->time = b->time;
    le32_put(&d->gen_low, b->gen_low);
    le32_put(&d->gen_high, b->gen_high);
}

struct bkinfo dbhdr_backup(const struct dbhdr_disk *h, enum dbhdr_backup kind, uint32_t *ret_type)
{
    struct dbhdr_disk copy = *h;
    le32 *type;
    const struct bkinfo_disk *d = prev(&copy, kind, &type);

    *ret_type = le32_get(*type);
    return (struct bkinfo){.mark = le64_get(d->mark),
                           .time = d->time,
                           .gen_low = le32_get(d->gen_low),
                           .gen_high = le32_get(d->gen_high)};
}

bool dbhdr_set_backup(struct dbhdr_disk *h, enum dbhdr_backup kind, uint32_t type,
                      const struct bkinfo *b)
{
    le32 *t;
    struct bkinfo_disk *d = prev(h, kind, &t);

    if (le64_get(d->mark) > b->mark)
        return false;
    put_bkinfo(d, b);
    le32_put(t, type);
    if (kind == DBHDR_FULL) {
        memset(&h->inc_prev, 0, sizeof(h->inc_prev));
        memset(&h->diff_prev, 0, sizeof(h->diff_prev));
        le32_put(&h->inc_prev_type, 0);
        le32_put(&h->diff_prev_type, 0);
    }
    return true;
}

void dbhdr_set_current_backup(struct dbhdr_disk *h, const struct bkinfo *b)
{
    put_bkinfo(&h->full_cur, b);
}

void dbhdr_make_trailer(const struct dbhdr_disk *h, const struct bkinfo *b, void *page,
                        uint32_t page_size)
{
    struct trailer_disk *t = page;

    memset(page, 0, page_size);
    put_bkinfo(&t->backup, b);
    t->sign_db = h->sign_db;
    t->sign_log = h->sign_log;
    if (le32_get(h->update_major) >= UPDATE_TRAILER_GEN) {
        t->gen_min_required = h->gen_min_required;
        t->gen_max_required = h->gen_max_required;
        t->gen_max_committed = h->gen_max_committed;
        t->time_gen_max_required = h->time_gen_max_required;
        t->time_gen_max_committed = h->time_gen_max_created;
    }
    dbhdr_seal(page, page_size);
}

void dbhdr_seal(void *page, uint32_t page_size)
{
    struct dbhdr_disk *h = page; /* a trailer has its checksum in the same place */

    le32_put(&h->checksum, cksum_xor(page, page_size));
}
