/*
 * One table says for each type how long its fixed part is, who fills it, and which slices of the native form follow it;
 * the decoder's table (logrec.c) is the mirror of this one. The fixed part is zeroed before it is filled.
 */
#include "log/logenc.h"

#define MAX_PARTS 4

typedef void put_fn(const struct logrec *r, uint8_t *p);

struct kind {
    uint16_t fixed;           /* 0: not encoded */
    uint16_t wide;            /* bit i: part i has a length field of 32 bits */
    put_fn *put;              /* NULL: the type is all there is */
    uint16_t part[MAX_PARTS]; /* offsets of struct slice in struct logrec; 0: no more */
};

/* ---- headers that several types begin with ----------------------------------------------------- */

static void put_session(const struct logrec *r, uint8_t *p)
{
    put_le16(p + 1, r->procid);
}

static void put_page(const struct logrec *r, uint8_t *p)
{
    struct lr_page_disk *d = (void *)p;

    le16_put(&d->procid, r->procid);
    d->dbid = r->dbid;
    le32_put(&d->pgno, r->pgno);
    le64_put(&d->dbtime, r->dbtime);
    le64_put(&d->dbtime_before, r->dbtime_before);
    le32_put(&d->trx_begin0, r->trx);
    d->level = r->level;
    le16_put(&d->iline, r->iline);
    d->flags = r->flags;
}

static void put_node(const struct logrec *r, uint8_t *p)
{
    struct lr_node_disk *d = (void *)p;

    put_page(r, p);
    le32_put(&d->rceid, r->rceid);
    le32_put(&d->pgno_fdp, r->pgno_fdp);
    le32_put(&d->objid_fdp, r->objid);
}

/* ---- nodes ------------------------------------------------------------------------------------- */

static void put_insert(const struct logrec *r, uint8_t *p)
{
    struct lr_insert_disk *d = (void *)p;

    put_node(r, p);
    le16_put(&d->suffix_len, (uint16_t)r->insert.key_suffix.len);
    le16_put(&d->prefix_len, (uint16_t)r->insert.key_prefix.len);
    le16_put(&d->data_len, (uint16_t)r->insert.data.len);
}

static void put_flag_insert(const struct logrec *r, uint8_t *p)
{
    struct lr_flag_insert_replace_disk *d = (void *)p;

    put_node(r, p);
    le16_put(&d->key_len, (uint16_t)r->insert.key_suffix.len);
    le16_put(&d->data_len, (uint16_t)r->insert.data.len);
    if (r->type == LR_FLAG_INSERT_AND_REPLACE_DATA)
        le32_put(&d->rceid_replace, r->insert.rceid_replace);
}

static void put_replace(const struct logrec *r, uint8_t *p)
{
    struct lr_replace_disk *d = (void *)p;
    const unsigned wide = r->replace.wide ? LR_REPLACE_DIFF2 : 0;

    put_node(r, p);
    le16_put(&d->len, (uint16_t)(r->replace.data.len | wide));
    le16_put(&d->old_len, r->replace.old_len);
    le16_put(&d->new_len, r->replace.new_len);
}

/* Undo, UndoInfo, Delta, Delta64: the bookmark's lengths come first. */
static void put_bookmark(const struct logrec *r, uint8_t *p)
{
    struct lr_undo_disk *d = (void *)p;

    put_node(r, p);
    le16_put(&d->key_len, (uint16_t)r->node.key.len);
    le16_put(&d->data_len, (uint16_t)r->node.data.len);
}

static void put_undo(const struct logrec *r, uint8_t *p)
{
    struct lr_undo_disk *d = (void *)p;

    put_bookmark(r, p);
    le16_put(&d->oper, r->node.oper);
    d->level = r->node.level;
}

static void put_undo_info(const struct logrec *r, uint8_t *p)
{
    struct lr_undo_info_disk *d = (void *)p;

    put_bookmark(r, p);
    le16_put(&d->oper, r->node.oper);
    le16_put(&d->size_max, (uint16_t)r->node.size_max);
    le16_put(&d->size_delta, (uint16_t)r->node.size_delta);
    le16_put(&d->image_len, (uint16_t)r->node.image.len);
}

static void put_delta(const struct logrec *r, uint8_t *p)
{
    struct lr_delta_disk *d = (void *)p;

    put_bookmark(r, p);
    le32_put(&d->delta, (uint32_t)r->node.delta);
    le16_put(&d->offset, r->node.offset);
}

static void put_delta64(const struct logrec *r, uint8_t *p)
{
    struct lr_delta64_disk *d = (void *)p;

    put_bookmark(r, p);
    le64_put(&d->delta, (uint64_t)r->node.delta);
    le16_put(&d->offset, r->node.offset);
}

static void put_external_header(const struct logrec *r, uint8_t *p)
{
    put_node(r, p);
    le16_put(&((struct lr_external_header_disk *)p)->len, (uint16_t)r->external_header.len);
}

static void put_empty_tree(const struct logrec *r, uint8_t *p)
{
    put_node(r, p);
    le16_put(&((struct lr_empty_tree_disk *)p)->list_len, (uint16_t)r->empty_pages.len);
}

/* ---- structure --------------------------------------------------------------------------------- */

static void put_split(const struct logrec *r, uint8_t *p)
{
    struct lr_split_disk *d = (void *)p;

    put_page(r, p);
    le32_put(&d->pgno_new, r->split.pgno_new);
    le32_put(&d->pgno_right, r->split.pgno_right);
    le64_put(&d->dbtime_right_before, r->split.right_before);
    le32_put(&d->pgno_parent, r->split.pgno_parent);
    le64_put(&d->dbtime_parent_before, r->split.parent_before);
    le32_put(&d->pgno_fdp, r->pgno_fdp);
    le32_put(&d->objid_fdp, r->objid);
    d->type = r->split.type;
    d->oper = r->split.oper;
    le16_put(&d->iline_oper, r->split.iline_oper);
    le16_put(&d->iline_split, r->split.iline_split);
    le16_put(&d->nr_lines, r->split.nr_lines);
    le32_put(&d->new_page_flags, r->split.new_page_flags);
    le32_put(&d->split_page_flags, r->split.split_page_flags);
    le16_put(&d->free_source, (uint16_t)r->split.free_source);
    le16_put(&d->free_dest, (uint16_t)r->split.free_dest);
    le32_put(&d->iline_prefix_split, (uint32_t)r->split.iline_prefix_split);
    le32_put(&d->iline_prefix_new, (uint32_t)r->split.iline_prefix_new);
    le16_put(&d->prefix_old_len, (uint16_t)r->split.prefix_old.len);
    le16_put(&d->prefix_new_len, (uint16_t)r->split.prefix_new.len);
    le16_put(&d->key_parent_len, (uint16_t)r->split.key_parent.len);
    le32_put(&d->image_flags, r->split.image_flags);
    le32_put(&d->image_len, r->split.image.len);
}

static void put_merge(const struct logrec *r, uint8_t *p)
{
    struct lr_merge_disk *d = (void *)p;

    put_page(r, p);
    le32_put(&d->pgno_right, r->merge.pgno_right);
    le64_put(&d->dbtime_right_before, r->merge.right_before);
    le32_put(&d->pgno_left, r->merge.pgno_left);
    le64_put(&d->dbtime_left_before, r->merge.left_before);
    le32_put(&d->pgno_parent, r->merge.pgno_parent);
    le64_put(&d->dbtime_parent_before, r->merge.parent_before);
    le32_put(&d->pgno_fdp, r->pgno_fdp);
    le32_put(&d->objid_fdp, r->objid);
    le16_put(&d->size_total, r->merge.size_total);
    le16_put(&d->size_max_total, r->merge.size_max_total);
    le16_put(&d->free_dest, r->merge.free_dest);
    le16_put(&d->iline_merge, r->merge.iline_merge);
    d->merge_flags = r->merge.flags;
    d->type = r->merge.type;
    le16_put(&d->key_parent_len, (uint16_t)r->merge.key_parent.len);
    le32_put(&d->image_flags, r->merge.image_flags);
    le32_put(&d->image_len, r->merge.image.len);
}

static void put_create_me_fdp(const struct logrec *r, uint8_t *p)
{
    struct lr_create_me_fdp_disk *d = (void *)p;

    put_page(r, p);
    le32_put(&d->objid_fdp, r->objid);
    le32_put(&d->pgno_oe, r->fdp.pgno_oe);
    le32_put(&d->pgno_ae, r->fdp.pgno_ae);
    le32_put(&d->pgno_parent_fdp, r->fdp.pgno_parent_fdp);
    le32_put(&d->nr_pages, r->fdp.nr_pages);
    le32_put(&d->page_flags, r->fdp.page_flags);
}

static void put_create_se_fdp(const struct logrec *r, uint8_t *p)
{
    struct lr_create_se_fdp_disk *d = (void *)p;

    put_page(r, p);
    le32_put(&d->objid_fdp, r->objid);
    le32_put(&d->pgno_parent_fdp, r->fdp.pgno_parent_fdp);
    le32_put(&d->nr_pages, r->fdp.nr_pages);
    le32_put(&d->page_flags, r->fdp.page_flags);
}

static void put_convert_fdp(const struct logrec *r, uint8_t *p)
{
    struct lr_convert_fdp_disk *d = (void *)p;

    put_page(r, p);
    le32_put(&d->objid_fdp, r->objid);
    le32_put(&d->pgno_oe, r->fdp.pgno_oe);
    le32_put(&d->pgno_ae, r->fdp.pgno_ae);
    le32_put(&d->pgno_parent_fdp, r->fdp.pgno_parent_fdp);
    le32_put(&d->pgno_secondary, r->fdp.pgno_secondary);
    le32_put(&d->nr_pages, r->fdp.nr_pages);
    le32_put(&d->nr_secondary, r->fdp.nr_secondary);
    le32_put(&d->avail_bits, r->fdp.avail_bits);
    le32_put(&d->page_flags, r->fdp.page_flags);
}

static void put_new_page(const struct logrec *r, uint8_t *p)
{
    struct lr_new_page_disk *d = (void *)p;

    le16_put(&d->procid, r->procid);
    d->dbid = r->dbid;
    le32_put(&d->pgno, r->pgno);
    le32_put(&d->objid, r->objid);
    le64_put(&d->dbtime, r->dbtime);
}

/* ---- types with a length word in front: it counts what follows it -------------------------------- */

static void put_macro_info(const struct logrec *r, uint8_t *p)
{
    put_le32(p + 1, r->pages.len);
}

static void put_macro_info2(const struct logrec *r, uint8_t *p)
{
    struct lr_macro_info2_disk *d = (void *)p;

    le32_put(&d->i.len, (uint32_t)(sizeof(*d) - sizeof(d->i)) + r->pages.len);
    d->dbid = r->dbid;
    le32_put(&d->nr, r->pages.len / 4);
}

static void put_extend_db(const struct logrec *r, uint8_t *p)
{
    struct lr_extend_db_disk *d = (void *)p;

    le32_put(&d->i.len, sizeof(*d) - sizeof(d->i));
    d->dbid = r->dbid;
    le32_put(&d->pgno_last, r->pgno);
}

static void put_free_fdp(const struct logrec *r, uint8_t *p)
{
    struct lr_free_fdp_disk *d = (void *)p;

    le32_put(&d->i.len, sizeof(*d) - sizeof(d->i));
    d->dbid = r->dbid;
    le32_put(&d->pgno_fdp, r->pgno_fdp);
    le32_put(&d->trx, r->trx);
    d->fdp_type = r->free_fdp.fdp_type;
}

static void put_ignored(const struct logrec *r, uint8_t *p)
{
    put_le32(p + 1, r->ignored.len);
}

static void put_extent_freed(const struct logrec *r, uint8_t *p)
{
    struct lr_extent_freed_disk *d = (void *)p;

    d->dbid = r->dbid;
    le32_put(&d->pgno, r->pgno);
    le32_put(&d->nr_pages, r->range.nr_pages);
    d->flags = r->range.flags;
    le64_put(&d->dbtime, r->dbtime);
}

/* ---- transactions ------------------------------------------------------------------------------ */

static void put_begin(const struct logrec *r, uint8_t *p)
{
    struct lr_begin_disk *d = (void *)p;

    le16_put(&d->procid, r->procid);
    d->levels = (uint8_t)(r->trx_levels.level_from | r->trx_levels.nr_levels << 4);
    if (r->type == LR_BEGIN0)
        le32_put(&d->trx_begin0, r->trx);
}

static void put_commit(const struct logrec *r, uint8_t *p)
{
    struct lr_commit_disk *d = (void *)p;

    le16_put(&d->procid, r->procid);
    d->level = r->type == LR_ROLLBACK ? r->trx_levels.nr_levels : r->trx_levels.level_from;
    if (r->type == LR_COMMIT0)
        le32_put(&d->trx_commit0, r->trx);
}

static void put_macro(const struct logrec *r, uint8_t *p)
{
    struct lr_macro_disk *d = (void *)p;

    le16_put(&d->procid, r->procid);
    le64_put(&d->dbtime, r->dbtime);
}

/* ---- databases --------------------------------------------------------------------------------- */

static uint8_t path_flags(const struct logrec *r)
{
    return (uint8_t)((r->db.utf16 ? LR_DB_UTF16 : 0) | (r->db.sparse ? LR_DB_SPARSE : 0));
}

static void put_create_db(const struct logrec *r, uint8_t *p)
{
    struct lr_create_db_disk *d = (void *)p;

    le16_put(&d->procid, r->procid);
    d->dbid = r->dbid;
    le32_put(&d->grbit, r->db.grbit);
    le32_put(&d->pages_max, r->db.pages_max);
    d->sign_db = r->db.sign_db;
    le16_put(&d->path_len, (uint16_t)r->db.path.len);
    d->flags = path_flags(r);
    if (!r->db.version)
        return;
    d->flags |= LR_CREATE_DB_VERSION;
    put_le16(d + 1, r->db.version);
    put_le16((uint8_t *)(d + 1) + 2, r->db.update_major);
}

static void put_attach_db(const struct logrec *r, uint8_t *p)
{
    struct lr_attach_db_disk *d = (void *)p;

    le16_put(&d->procid, r->procid);
    d->dbid = r->dbid;
    le32_put(&d->pages_max, r->db.pages_max);
    le64_put(&d->lgpos_consistent, r->db.lgpos_consistent);
    d->sign_db = r->db.sign_db;
    d->sign_log = r->db.sign_log;
    le16_put(&d->path_len, (uint16_t)r->db.path.len);
    d->flags = path_flags(r);
}

static void put_detach_db(const struct logrec *r, uint8_t *p)
{
    struct lr_detach_db_disk *d = (void *)p;

    le16_put(&d->procid, r->procid);
    d->dbid = r->dbid;
    le16_put(&d->path_len, (uint16_t)r->db.path.len);
    d->flags = r->db.utf16 ? LR_DETACH_UTF16 : 0;
}

static void put_create_db_finish(const struct logrec *r, uint8_t *p)
{
    put_session(r, p);
    p[3] = r->dbid;
}

static void put_set_db_version(const struct logrec *r, uint8_t *p)
{
    struct lr_set_db_version_disk *d = (void *)p;

    d->dbid = r->dbid;
    le32_put(&d->version, r->db_version.version);
    le32_put(&d->update_major, r->db_version.update_major);
    le32_put(&d->update_minor, r->db_version.update_minor);
}

/* ---- instance ---------------------------------------------------------------------------------- */

static void put_init(const struct logrec *r, uint8_t *p)
{
    struct lr_init_disk *d = (void *)p;

    d->dbms = *r->init.dbms;
    d->time = r->init.time;
}

static void put_term(const struct logrec *r, uint8_t *p)
{
    struct lr_term_disk *d = (void *)p;

    le64_put(&d->lgpos, r->term.lgpos);
    le64_put(&d->lgpos_redo_from, r->term.lgpos_redo_from);
    d->hard = r->term.hard;
    d->time = r->term.time;
}

static void put_recovery_undo2(const struct logrec *r, uint8_t *p)
{
    ((struct lr_recovery_undo_disk *)p)->time = r->term.time;
}

static void put_trace(const struct logrec *r, uint8_t *p)
{
    put_session(r, p);
    le16_put(&((struct lr_trace_disk *)p)->len, (uint16_t)r->text.text.len);
}

static void put_backup2(const struct logrec *r, uint8_t *p)
{
    struct lr_backup2_disk *d = (void *)p;

    d->phase = r->backup.phase;
    le32_put(&d->backup_type, r->backup.type);
    d->scope = r->backup.scope;
    d->dbid = r->dbid;
    le64_put(&d->details.mark, r->backup.details.mark);
    d->details.time = r->backup.details.time;
    le32_put(&d->details.gen_low, r->backup.details.gen_low);
    le32_put(&d->details.gen_high, r->backup.details.gen_high);
    le16_put(&d->path_len, (uint16_t)r->backup.path.len);
}

/* ---- the table --------------------------------------------------------------------------------- */

#define SIZE(type)  sizeof(struct type)
#define PART(field) offsetof(struct logrec, field)

static const struct kind kinds[LR_MAX] = {
    [LR_BEGIN] = {offsetof(struct lr_begin_disk, trx_begin0), 0, put_begin, {0}},
    [LR_COMMIT] = {offsetof(struct lr_commit_disk, trx_commit0), 0, put_commit, {0}},
    [LR_ROLLBACK] = {offsetof(struct lr_commit_disk, trx_commit0), 0, put_commit, {0}},
    [LR_BEGIN0] = {SIZE(lr_begin_disk), 0, put_begin, {0}},
    [LR_COMMIT0] = {SIZE(lr_commit_disk), 0, put_commit, {0}},
    [LR_MACRO_BEGIN] = {SIZE(lr_macro_disk), 0, put_macro, {0}},
    [LR_MACRO_COMMIT] = {SIZE(lr_macro_disk), 0, put_macro, {0}},
    [LR_MACRO_ABORT] = {SIZE(lr_macro_disk), 0, put_macro, {0}},
    [LR_CREATE_DB] = {SIZE(lr_create_db_disk), 0, put_create_db, {PART(db.path)}},
    [LR_ATTACH_DB] = {SIZE(lr_attach_db_disk), 0, put_attach_db, {PART(db.path)}},
    [LR_DETACH_DB] = {SIZE(lr_detach_db_disk), 0, put_detach_db, {PART(db.path)}},
    [LR_TRACE] = {SIZE(lr_trace_disk), 0, put_trace, {PART(text.text)}},
    [LR_SHUTDOWN_MARK] = {1, 0, NULL, {0}},
    [LR_CREATE_MULTIPLE_EXTENT_FDP] = {SIZE(lr_create_me_fdp_disk), 0, put_create_me_fdp, {0}},
    [LR_CREATE_SINGLE_EXTENT_FDP] = {SIZE(lr_create_se_fdp_disk), 0, put_create_se_fdp, {0}},
    [LR_INSERT] = {SIZE(lr_insert_disk),
                   0,
                   put_insert,
                   {PART(insert.key_prefix), PART(insert.key_suffix), PART(insert.data)}},
    [LR_FLAG_INSERT] = {SIZE(lr_flag_insert_disk),
                        0,
                        put_flag_insert,
                        {PART(insert.key_suffix), PART(insert.data)}},
    [LR_FLAG_INSERT_AND_REPLACE_DATA] = {SIZE(lr_flag_insert_replace_disk),
                                         0,
                                         put_flag_insert,
                                         {PART(insert.key_suffix), PART(insert.data)}},
    [LR_FLAG_DELETE] = {SIZE(lr_node_disk), 0, put_node, {0}},
    [LR_REPLACE] = {SIZE(lr_replace_disk), 0, put_replace, {PART(replace.data)}},
    [LR_REPLACE_D] = {SIZE(lr_replace_disk), 0, put_replace, {PART(replace.data)}},
    [LR_DELETE] = {SIZE(lr_node_disk), 0, put_node, {0}},
    [LR_UNDO_INFO] = {SIZE(lr_undo_info_disk),
                      0,
                      put_undo_info,
                      {PART(node.key), PART(node.data), PART(node.image)}},
    [LR_DELTA] = {SIZE(lr_delta_disk), 0, put_delta, {PART(node.key), PART(node.data)}},
    [LR_SET_EXTERNAL_HEADER] = {SIZE(lr_external_header_disk),
                                0,
                                put_external_header,
                                {PART(external_header)}},
    [LR_UNDO] = {SIZE(lr_undo_disk), 0, put_undo, {PART(node.key), PART(node.data)}},
    [LR_EMPTY_TREE] = {SIZE(lr_empty_tree_disk), 0, put_empty_tree, {PART(empty_pages)}},
    [LR_INIT2] = {SIZE(lr_init_disk), 0, put_init, {0}},
    [LR_TERM2] = {SIZE(lr_term_disk), 0, put_term, {0}},
    [LR_RECOVERY_UNDO2] = {SIZE(lr_recovery_undo_disk), 0, put_recovery_undo2, {0}},
    [LR_RECOVERY_QUIT2] = {SIZE(lr_term_disk), 0, put_term, {0}},
    [LR_CONVERT_FDP2] = {SIZE(lr_convert_fdp_disk), 0, put_convert_fdp, {0}},
    [LR_BACKUP2] = {SIZE(lr_backup2_disk), 0, put_backup2, {PART(backup.path)}},
    [LR_FORCE_LOG_ROLLOVER] = {SIZE(lr_trace_disk), 0, put_trace, {PART(text.text)}},
    [LR_SPLIT2] = {SIZE(lr_split_disk),
                   1u << 3,
                   put_split,
                   {PART(split.key_parent), PART(split.prefix_old), PART(split.prefix_new),
                    PART(split.image)}},
    [LR_MERGE2] = {SIZE(lr_merge_disk),
                   1u << 1,
                   put_merge,
                   {PART(merge.key_parent), PART(merge.image)}},
    [LR_MACRO_INFO] = {SIZE(lr_ignored_disk), 1, put_macro_info, {PART(pages)}},
    [LR_EXTEND_DB] = {SIZE(lr_extend_db_disk), 0, put_extend_db, {0}},
    [LR_NOP2] = {SIZE(lr_ignored_disk), 1, put_ignored, {PART(ignored)}},
    [LR_MACRO_INFO2] = {SIZE(lr_macro_info2_disk), 1, put_macro_info2, {PART(pages)}},
    [LR_FREE_FDP] = {SIZE(lr_free_fdp_disk), 0, put_free_fdp, {0}},
    [LR_CREATE_DB_FINISH] = {4, 0, put_create_db_finish, {0}},
    [LR_SET_DB_VERSION] = {SIZE(lr_set_db_version_disk), 0, put_set_db_version, {0}},
    [LR_DELTA64] = {SIZE(lr_delta64_disk), 0, put_delta64, {PART(node.key), PART(node.data)}},
    [LR_NEW_PAGE] = {SIZE(lr_new_page_disk), 0, put_new_page, {0}},
    [LR_EXTENT_FREED2] = {SIZE(lr_extent_freed_disk), 0, put_extent_freed, {0}},
};

static uint32_t fixed_len(const struct logrec *r)
{
    if (r->type == LR_CREATE_DB && r->db.version)
        return sizeof(struct lr_create_db_disk) + 4;
    return kinds[r->type].fixed;
}

static const struct slice *part(const struct logrec *r, const struct kind *k, unsigned i)
{
    return (const struct slice *)(const void *)((const char *)r + k->part[i]);
}

/* No part is longer than a record can be: the sum cannot wrap. */
#define PART_MAX (1u << 24)

uint32_t logrec_encoded_len(const struct logrec *r)
{
    const struct kind *k = &kinds[r->type < LR_MAX ? r->type : 0];
    uint32_t len;

    if (!k->fixed)
        return 0;
    len = fixed_len(r);
    for (unsigned i = 0; i < MAX_PARTS && k->part[i]; i++) {
        const uint32_t n = part(r, k, i)->len;
        if (n > (k->wide & 1u << i ? PART_MAX : UINT16_MAX))
            return 0;
        len += n;
    }
    if ((r->type == LR_REPLACE || r->type == LR_REPLACE_D) &&
        r->replace.data.len > LR_REPLACE_LEN_MASK)
        return 0;
    return len;
}

void logrec_encode(const struct logrec *r, uint8_t *buf)
{
    const struct kind *k = &kinds[r->type];
    const uint32_t fixed = fixed_len(r);
    uint8_t *at = buf + fixed;

    memset(buf, 0, fixed);
    buf[0] = (uint8_t)r->type;
    if (k->put)
        k->put(r, buf);
    for (unsigned i = 0; i < MAX_PARTS && k->part[i]; i++) {
        const struct slice *s = part(r, k, i);
        if (s->len)
            memcpy(at, s->p, s->len);
        at += s->len;
    }
}
