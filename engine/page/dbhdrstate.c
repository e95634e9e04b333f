#include "page/dbhdrstate.h"

#include "engine.h"

/* Formats (update_major) from which on a field is filled in (ESE: sysver.cxx). */
#define UPDATE_LAST_RESIZE 110u
#define UPDATE_GEN_TIME    150u

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
