#include "log/logenc.h"

static uint32_t with_parts(uint32_t fixed, struct slice a, struct slice b, struct slice c)
{
    if (a.len > UINT16_MAX || b.len > UINT16_MAX || c.len > UINT16_MAX)
        return 0;
    return fixed + a.len + b.len + c.len;
}

uint32_t logrec_encoded_len(const struct logrec *r)
{
    switch (r->type) {
    case LR_ROLLBACK:
        return offsetof(struct lr_commit_disk, trx_commit0);
    case LR_MACRO_ABORT:
        return sizeof(struct lr_macro_disk);
    case LR_SHUTDOWN_MARK:
        return 1;
    case LR_RECOVERY_UNDO2:
        return sizeof(struct lr_recovery_undo_disk);
    case LR_RECOVERY_QUIT2:
        return sizeof(struct lr_term_disk);
    case LR_UNDO:
        return with_parts(sizeof(struct lr_undo_disk), r->node.key, r->node.data,
                          (struct slice){0});
    case LR_UNDO_INFO:
        return with_parts(sizeof(struct lr_undo_info_disk), r->node.key, r->node.data,
                          r->node.image);
    default:
        return 0;
    }
}

static void put_node(const struct logrec *r, struct lr_node_disk *d)
{
    le16_put(&d->p.procid, r->procid);
    d->p.dbid = r->dbid;
    le32_put(&d->p.pgno, r->pgno);
    le64_put(&d->p.dbtime, r->dbtime);
    le64_put(&d->p.dbtime_before, r->dbtime_before);
    le32_put(&d->p.trx_begin0, r->trx);
    d->p.level = r->level;
    le16_put(&d->p.iline, r->iline);
    d->p.flags = r->flags;
    le32_put(&d->rceid, r->rceid);
    le32_put(&d->pgno_fdp, r->pgno_fdp);
    le32_put(&d->objid_fdp, r->objid);
}

static uint8_t *put_bytes(uint8_t *to, struct slice s)
{
    if (s.len)
        memcpy(to, s.p, s.len);
    return to + s.len;
}

static void put_undo(const struct logrec *r, struct lr_undo_disk *d)
{
    uint8_t *p = (uint8_t *)(d + 1);

    put_node(r, &d->n);
    le16_put(&d->key_len, (uint16_t)r->node.key.len);
    le16_put(&d->data_len, (uint16_t)r->node.data.len);
    le16_put(&d->oper, r->node.oper);
    d->level = r->node.level;
    put_bytes(put_bytes(p, r->node.key), r->node.data);
}

static void put_undo_info(const struct logrec *r, struct lr_undo_info_disk *d)
{
    uint8_t *p = (uint8_t *)(d + 1);

    put_node(r, &d->n);
    le16_put(&d->key_len, (uint16_t)r->node.key.len);
    le16_put(&d->data_len, (uint16_t)r->node.data.len);
    le16_put(&d->oper, r->node.oper);
    le16_put(&d->size_max, (uint16_t)r->node.size_max);
    le16_put(&d->size_delta, (uint16_t)r->node.size_delta);
    le16_put(&d->image_len, (uint16_t)r->node.image.len);
    put_bytes(put_bytes(put_bytes(p, r->node.key), r->node.data), r->node.image);
}

static void put_term(const struct logrec *r, struct lr_term_disk *d)
{
    le64_put(&d->lgpos, r->term.lgpos);
    le64_put(&d->lgpos_redo_from, r->term.lgpos_redo_from);
    d->hard = r->term.hard;
    d->time = r->term.time;
}

void logrec_encode(const struct logrec *r, uint8_t *buf)
{
    memset(buf, 0, logrec_encoded_len(r));
    buf[0] = (uint8_t)r->type;
    switch (r->type) {
    case LR_ROLLBACK:
        le16_put(&((struct lr_commit_disk *)buf)->procid, r->procid);
        ((struct lr_commit_disk *)buf)->level = r->trx_levels.nr_levels;
        break;
    case LR_MACRO_ABORT:
        le16_put(&((struct lr_macro_disk *)buf)->procid, r->procid);
        le64_put(&((struct lr_macro_disk *)buf)->dbtime, r->dbtime);
        break;
    case LR_RECOVERY_UNDO2:
        ((struct lr_recovery_undo_disk *)buf)->time = r->term.time;
        break;
    case LR_RECOVERY_QUIT2:
        put_term(r, (struct lr_term_disk *)buf);
        break;
    case LR_UNDO:
        put_undo(r, (struct lr_undo_disk *)buf);
        break;
    case LR_UNDO_INFO:
        put_undo_info(r, (struct lr_undo_info_disk *)buf);
        break;
    default:
        break;
    }
}
