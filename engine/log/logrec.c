/*
 * The table of record types: name, length of the fixed part, the fields that give the lengths of the
 * parts that follow (in the order of those parts, not of the fields), and who decodes it
 * (ESE: logread.cxx CbLGSizeOfRec, mplrtyplrd, mplrtypn).
 */
#include "log/logrec.h"

#include "log/logdiff.h"

#define MAX_PARTS 4

typedef JET_ERR decode_fn(const uint8_t *p, const struct slice *parts, struct logrec *r);

struct kind {
    const char *name;
    uint16_t fixed;    /* 0: no such record can be sized */
    JET_ERR refuse;    /* 0: replayed */
    decode_fn *decode; /* NULL: the type is all there is */
    uint8_t nr_parts;
    struct {
        uint8_t off, width;
    } part[MAX_PARTS];
};

static void fill_page(const uint8_t *p, struct logrec *r)
{
    const struct lr_page_disk *d = (const void *)p;

    r->procid = le16_get(d->procid);
    r->dbid = d->dbid;
    r->pgno = le32_get(d->pgno);
    r->dbtime = le64_get(d->dbtime);
    r->dbtime_before = le64_get(d->dbtime_before);
    r->trx = le32_get(d->trx_begin0);
    r->level = d->level;
    r->iline = le16_get(d->iline);
    r->flags = d->flags;
}

static JET_ERR decode_node(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_node_disk *d = (const void *)p;

    (void)parts;
    fill_page(p, r);
    r->rceid = le32_get(d->rceid);
    r->pgno_fdp = le32_get(d->pgno_fdp);
    r->objid = le32_get(d->objid_fdp);
    return JET_errSuccess;
}

static JET_ERR decode_insert(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    r->insert.key_prefix = parts[0];
    r->insert.key_suffix = parts[1];
    r->insert.data = parts[2];
    return decode_node(p, parts, r);
}

static JET_ERR decode_flag_insert(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_flag_insert_replace_disk *d = (const void *)p;

    r->insert.key_suffix = parts[0];
    r->insert.data = parts[1];
    if (r->type == LR_FLAG_INSERT_AND_REPLACE_DATA)
        r->insert.rceid_replace = le32_get(d->rceid_replace);
    return decode_node(p, parts, r);
}

static JET_ERR decode_replace(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_replace_disk *d = (const void *)p;

    r->replace.data = parts[0];
    r->replace.old_len = le16_get(d->old_len);
    r->replace.new_len = le16_get(d->new_len);
    r->replace.wide = le16_get(d->len) & LR_REPLACE_DIFF2;
    if (r->type == LR_REPLACE && parts[0].len != r->replace.new_len)
        return RAISE(JET_errLogFileCorrupt);
    if (r->type == LR_REPLACE_D &&
        !logdiff_fits(parts[0], r->replace.wide, r->replace.old_len, r->replace.new_len))
        return RAISE(JET_errLogFileCorrupt);
    return decode_node(p, parts, r);
}

static JET_ERR decode_undo_info(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_undo_info_disk *d = (const void *)p;

    r->node.key = parts[0];
    r->node.data = parts[1];
    r->node.image = parts[2];
    r->node.oper = le16_get(d->oper);
    r->node.size_max = (int16_t)le16_get(d->size_max);
    r->node.size_delta = (int16_t)le16_get(d->size_delta);
    return decode_node(p, parts, r);
}

static JET_ERR decode_delta(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_delta_disk *d = (const void *)p;
    const struct lr_delta64_disk *d64 = (const void *)p;

    r->node.key = parts[0];
    r->node.data = parts[1];
    if (r->type == LR_DELTA64) {
        r->node.delta = (int64_t)le64_get(d64->delta);
        r->node.offset = le16_get(d64->offset);
    } else {
        r->node.delta = (int32_t)le32_get(d->delta);
        r->node.offset = le16_get(d->offset);
    }
    return decode_node(p, parts, r);
}

static JET_ERR decode_external_header(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    r->external_header = parts[0];
    return decode_node(p, parts, r);
}

static JET_ERR decode_undo(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_undo_disk *d = (const void *)p;

    r->node.key = parts[0];
    r->node.data = parts[1];
    r->node.oper = le16_get(d->oper);
    r->node.level = d->level;
    return decode_node(p, parts, r);
}

static JET_ERR decode_scrub(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_scrub_disk *d = (const void *)p;

    r->scrub.opers = parts[0];
    r->scrub.flags = le32_get(d->scrub_flags);
    r->scrub.nr_opers = le32_get(d->nr_opers);
    return decode_node(p, parts, r);
}

static JET_ERR decode_split(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_split_disk *d = (const void *)p;

    fill_page(p, r);
    r->pgno_fdp = le32_get(d->pgno_fdp);
    r->objid = le32_get(d->objid_fdp);
    r->split.pgno_new = le32_get(d->pgno_new);
    r->split.pgno_right = le32_get(d->pgno_right);
    r->split.right_before = le64_get(d->dbtime_right_before);
    r->split.pgno_parent = le32_get(d->pgno_parent);
    r->split.parent_before = le64_get(d->dbtime_parent_before);
    r->split.type = d->type;
    r->split.oper = d->oper;
    r->split.iline_oper = le16_get(d->iline_oper);
    r->split.iline_split = le16_get(d->iline_split);
    r->split.nr_lines = le16_get(d->nr_lines);
    r->split.new_page_flags = le32_get(d->new_page_flags);
    r->split.split_page_flags = le32_get(d->split_page_flags);
    r->split.free_source = (int16_t)le16_get(d->free_source);
    r->split.free_dest = (int16_t)le16_get(d->free_dest);
    r->split.iline_prefix_split = (int32_t)le32_get(d->iline_prefix_split);
    r->split.iline_prefix_new = (int32_t)le32_get(d->iline_prefix_new);
    r->split.key_parent = parts[0];
    r->split.prefix_old = parts[1];
    r->split.prefix_new = parts[2];
    r->split.image = parts[3];
    r->split.image_flags = le32_get(d->image_flags);
    return JET_errSuccess;
}

static JET_ERR decode_merge(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_merge_disk *d = (const void *)p;

    fill_page(p, r);
    r->pgno_fdp = le32_get(d->pgno_fdp);
    r->objid = le32_get(d->objid_fdp);
    r->merge.pgno_right = le32_get(d->pgno_right);
    r->merge.right_before = le64_get(d->dbtime_right_before);
    r->merge.pgno_left = le32_get(d->pgno_left);
    r->merge.left_before = le64_get(d->dbtime_left_before);
    r->merge.pgno_parent = le32_get(d->pgno_parent);
    r->merge.parent_before = le64_get(d->dbtime_parent_before);
    r->merge.size_total = le16_get(d->size_total);
    r->merge.size_max_total = le16_get(d->size_max_total);
    r->merge.free_dest = le16_get(d->free_dest);
    r->merge.iline_merge = le16_get(d->iline_merge);
    r->merge.flags = d->merge_flags;
    r->merge.type = d->type;
    r->merge.key_parent = parts[0];
    r->merge.image = parts[1];
    r->merge.image_flags = le32_get(d->image_flags);
    return JET_errSuccess;
}

static JET_ERR decode_empty_tree(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    r->empty_pages = parts[0];
    if (parts[0].len % sizeof(struct lr_empty_page_disk) != 0)
        return RAISE(JET_errLogFileCorrupt);
    return decode_node(p, parts, r);
}

static JET_ERR decode_page_move(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_page_move_disk *d = (const void *)p;

    fill_page(p, r);
    r->pgno_fdp = le32_get(d->pgno_fdp);
    r->objid = le32_get(d->objid_fdp);
    r->move.pgno_dest = le32_get(d->pgno_dest);
    r->move.pgno_left = le32_get(d->pgno_left);
    r->move.pgno_right = le32_get(d->pgno_right);
    r->move.pgno_parent = le32_get(d->pgno_parent);
    r->move.left_before = le64_get(d->dbtime_left_before);
    r->move.right_before = le64_get(d->dbtime_right_before);
    r->move.parent_before = le64_get(d->dbtime_parent_before);
    r->move.flags = le32_get(d->move_flags);
    r->move.iline_parent = (int32_t)le32_get(d->iline_parent);
    r->move.header = parts[0];
    r->move.trailer = parts[1];
    return JET_errSuccess;
}

static JET_ERR decode_create_me_fdp(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_create_me_fdp_disk *d = (const void *)p;

    (void)parts;
    fill_page(p, r);
    r->pgno_fdp = r->pgno;
    r->objid = le32_get(d->objid_fdp);
    r->fdp.pgno_oe = le32_get(d->pgno_oe);
    r->fdp.pgno_ae = le32_get(d->pgno_ae);
    r->fdp.pgno_parent_fdp = le32_get(d->pgno_parent_fdp);
    r->fdp.nr_pages = le32_get(d->nr_pages);
    r->fdp.page_flags = le32_get(d->page_flags);
    return JET_errSuccess;
}

static JET_ERR decode_create_se_fdp(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_create_se_fdp_disk *d = (const void *)p;

    (void)parts;
    fill_page(p, r);
    r->pgno_fdp = r->pgno;
    r->objid = le32_get(d->objid_fdp);
    r->fdp.pgno_parent_fdp = le32_get(d->pgno_parent_fdp);
    r->fdp.nr_pages = le32_get(d->nr_pages);
    r->fdp.page_flags = le32_get(d->page_flags);
    return JET_errSuccess;
}

static JET_ERR decode_convert_fdp(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_convert_fdp_disk *d = (const void *)p;

    (void)parts;
    fill_page(p, r);
    r->pgno_fdp = r->pgno;
    r->objid = le32_get(d->objid_fdp);
    r->fdp.pgno_oe = le32_get(d->pgno_oe);
    r->fdp.pgno_ae = le32_get(d->pgno_ae);
    r->fdp.pgno_parent_fdp = le32_get(d->pgno_parent_fdp);
    r->fdp.pgno_secondary = le32_get(d->pgno_secondary);
    r->fdp.nr_pages = le32_get(d->nr_pages);
    r->fdp.nr_secondary = le32_get(d->nr_secondary);
    r->fdp.avail_bits = le32_get(d->avail_bits);
    r->fdp.page_flags = le32_get(d->page_flags);
    return JET_errSuccess;
}

static JET_ERR decode_page_patch(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_page_patch_disk *d = (const void *)p;

    (void)parts;
    r->dbid = d->dbid;
    r->pgno = le32_get(d->pgno);
    r->dbtime = le64_get(d->dbtime);
    return JET_errSuccess;
}

static JET_ERR decode_new_page(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_new_page_disk *d = (const void *)p;

    (void)parts;
    r->procid = le16_get(d->procid);
    r->dbid = d->dbid;
    r->pgno = le32_get(d->pgno);
    r->objid = le32_get(d->objid);
    r->dbtime = le64_get(d->dbtime);
    return JET_errSuccess;
}

static JET_ERR decode_root_page_move(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_root_page_move_disk *d = (const void *)p;

    (void)parts;
    r->procid = le16_get(d->procid);
    r->dbid = d->dbid;
    r->objid = le32_get(d->objid);
    r->dbtime = le64_get(d->dbtime);
    return JET_errSuccess;
}

static JET_ERR decode_begin(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_begin_disk *d = (const void *)p;

    (void)parts;
    r->procid = le16_get(d->procid);
    r->trx_levels.level_from = d->levels & 0xf;
    r->trx_levels.nr_levels = d->levels >> 4;
    if (r->type == LR_BEGIN0)
        r->trx = le32_get(d->trx_begin0);
    return JET_errSuccess;
}

static JET_ERR decode_commit(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_commit_disk *d = (const void *)p;

    (void)parts;
    r->procid = le16_get(d->procid);
    if (r->type == LR_ROLLBACK)
        r->trx_levels.nr_levels = d->level;
    else
        r->trx_levels.level_from = d->level;
    if (r->type == LR_COMMIT0)
        r->trx = le32_get(d->trx_commit0);
    return JET_errSuccess;
}

static JET_ERR decode_refresh(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_refresh_disk *d = (const void *)p;

    (void)parts;
    r->procid = le16_get(d->procid);
    r->trx = le32_get(d->trx_begin0);
    return JET_errSuccess;
}

static JET_ERR decode_macro(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_macro_disk *d = (const void *)p;

    (void)parts;
    r->procid = le16_get(d->procid);
    r->dbtime = le64_get(d->dbtime);
    return JET_errSuccess;
}

static JET_ERR decode_session(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    (void)parts;
    r->procid = get_le16(p + 1);
    return JET_errSuccess;
}

/* The record when it is at least as long as its struct says, else NULL: the types with a length word in
 * front may have grown in a newer engine, but not shrunk. */
static const void *at_least(const uint8_t *p, const struct slice *parts, size_t size)
{
    return parts[0].len + sizeof(struct lr_ignored_disk) >= size ? p : NULL;
}

static JET_ERR decode_macro_info(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    (void)p;
    r->dbid = 1; /* the type has no dbid; its writer knew only one database (LRMACROINFO) */
    r->pages = parts[0];
    return parts[0].len % 4 ? RAISE(JET_errLogFileCorrupt) : JET_errSuccess;
}

static JET_ERR decode_macro_info2(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_macro_info2_disk *d = at_least(p, parts, sizeof(*d));

    if (!d || le32_get(d->nr) > (parts[0].len - 5) / 4)
        return RAISE(JET_errLogFileCorrupt);
    r->dbid = d->dbid;
    r->pages = (struct slice){(const uint8_t *)(d + 1), le32_get(d->nr) * 4};
    return JET_errSuccess;
}

static JET_ERR decode_extend_db(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_extend_db_disk *d = at_least(p, parts, sizeof(*d));

    if (!d)
        return RAISE(JET_errLogFileCorrupt);
    r->dbid = d->dbid;
    r->pgno = le32_get(d->pgno_last);
    return JET_errSuccess;
}

static JET_ERR decode_commit_ctx(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_commit_ctx_disk *d = at_least(p, parts, sizeof(*d));

    if (!d)
        return RAISE(JET_errLogFileCorrupt);
    r->procid = le16_get(d->procid);
    r->commit_ctx.flags = d->flags;
    r->commit_ctx.data = (struct slice){parts[0].p + 3, parts[0].len - 3};
    return JET_errSuccess;
}

static JET_ERR decode_scan_check(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_scan_check_disk *d = at_least(p, parts, sizeof(*d));

    if (!d)
        return RAISE(JET_errLogFileCorrupt);
    r->dbid = d->dbid;
    r->pgno = le32_get(d->pgno);
    r->scan.dbtime_page = le64_get(d->dbtime_page);
    r->scan.dbtime_current = le64_get(d->dbtime_current);
    r->scan.checksum = le16_get(d->checksum);
    return JET_errSuccess;
}

static JET_ERR decode_scan_check2(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_scan_check2_disk *d = (const void *)p;

    (void)parts;
    r->dbid = d->dbid;
    r->pgno = le32_get(d->pgno);
    r->scan.flags = d->flags;
    r->scan.dbtime_page = le64_get(d->dbtime_page);
    r->scan.dbtime_current = le64_get(d->dbtime_current);
    r->scan.checksum = le32_get(d->checksum);
    return JET_errSuccess;
}

static JET_ERR decode_reattach(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_reattach_disk *d = at_least(p, parts, sizeof(*d));

    if (!d)
        return RAISE(JET_errLogFileCorrupt);
    r->dbid = d->dbid;
    r->db.lgpos_attach = le64_get(d->lgpos_attach);
    r->db.lgpos_consistent = le64_get(d->lgpos_consistent);
    r->db.sign_db = d->sign_db;
    return JET_errSuccess;
}

static JET_ERR decode_free_fdp(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_free_fdp_disk *d = at_least(p, parts, sizeof(*d));

    if (!d)
        return RAISE(JET_errLogFileCorrupt);
    r->dbid = d->dbid;
    r->pgno_fdp = le32_get(d->pgno_fdp);
    r->trx = le32_get(d->trx);
    r->free_fdp.fdp_type = d->fdp_type;
    return JET_errSuccess;
}

static JET_ERR decode_ignored(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    (void)p;
    r->ignored = parts[0];
    return JET_errSuccess;
}

static JET_ERR decode_range(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_range_disk *d = (const void *)p;

    (void)parts;
    r->dbid = d->dbid;
    r->pgno = le32_get(d->pgno);
    r->range.nr_pages = le32_get(d->nr_pages);
    if (r->type == LR_SHRINK_DB3)
        r->dbtime = le64_get(d->dbtime);
    return JET_errSuccess;
}

static JET_ERR decode_extent_freed(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_extent_freed_disk *d = (const void *)p;

    (void)parts;
    r->dbid = d->dbid;
    r->pgno = le32_get(d->pgno);
    r->range.nr_pages = le32_get(d->nr_pages);
    r->range.flags = d->flags;
    if (r->type == LR_EXTENT_FREED2)
        r->dbtime = le64_get(d->dbtime);
    return JET_errSuccess;
}

/* The path; with flag 4 a version of 4 bytes lies before it, which the size rule has added. */
static JET_ERR decode_create_db(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_create_db_disk *d = (const void *)p;
    struct slice path = parts[0];

    r->procid = le16_get(d->procid);
    r->dbid = d->dbid;
    r->db.grbit = le32_get(d->grbit);
    r->db.pages_max = le32_get(d->pages_max);
    r->db.sign_db = d->sign_db;
    r->db.utf16 = d->flags & LR_DB_UTF16;
    r->db.sparse = d->flags & LR_DB_SPARSE;
    if (d->flags & LR_CREATE_DB_VERSION) {
        r->db.version = get_le16(path.p);
        r->db.update_major = get_le16(path.p + 2);
        path.p += 4;
        path.len -= 4;
    }
    r->db.path = path;
    return JET_errSuccess;
}

static JET_ERR decode_attach_db(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_attach_db_disk *d = (const void *)p;

    r->procid = le16_get(d->procid);
    r->dbid = d->dbid;
    r->db.pages_max = le32_get(d->pages_max);
    r->db.lgpos_consistent = le64_get(d->lgpos_consistent);
    r->db.sign_db = d->sign_db;
    r->db.sign_log = d->sign_log;
    r->db.utf16 = d->flags & LR_DB_UTF16;
    r->db.sparse = d->flags & LR_DB_SPARSE;
    r->db.path = parts[0];
    return JET_errSuccess;
}

static JET_ERR decode_detach_db(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_detach_db_disk *d = (const void *)p;

    r->procid = le16_get(d->procid);
    r->dbid = d->dbid;
    r->db.utf16 = d->flags & LR_DETACH_UTF16;
    r->db.path = parts[0];
    return JET_errSuccess;
}

static JET_ERR decode_create_db_finish(const uint8_t *p, const struct slice *parts,
                                       struct logrec *r)
{
    r->dbid = p[3];
    return decode_session(p, parts, r);
}

static JET_ERR decode_signal_attach(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    (void)parts;
    r->dbid = p[1];
    return JET_errSuccess;
}

static JET_ERR decode_set_db_version(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_set_db_version_disk *d = (const void *)p;

    (void)parts;
    r->dbid = d->dbid;
    r->db_version.version = le32_get(d->version);
    r->db_version.update_major = le32_get(d->update_major);
    r->db_version.update_minor = le32_get(d->update_minor);
    return JET_errSuccess;
}

static JET_ERR decode_init(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_init_disk *d = (const void *)p;

    (void)parts;
    r->init.dbms = &d->dbms;
    if (r->type == LR_INIT2)
        r->init.time = d->time;
    return JET_errSuccess;
}

static JET_ERR decode_term(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_term_disk *d = (const void *)p;

    (void)parts;
    r->term.lgpos = le64_get(d->lgpos);
    r->term.lgpos_redo_from = le64_get(d->lgpos_redo_from);
    r->term.hard = d->hard;
    if (r->type != LR_TERM && r->type != LR_RECOVERY_QUIT)
        r->term.time = d->time;
    return JET_errSuccess;
}

static JET_ERR decode_recovery_undo2(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    (void)parts;
    memcpy(r->term.time.b, p + 1, sizeof(r->term.time.b));
    return JET_errSuccess;
}

static JET_ERR decode_backup2(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    const struct lr_backup2_disk *d = (const void *)p;

    r->dbid = d->dbid;
    r->backup.phase = d->phase;
    r->backup.type = le32_get(d->backup_type);
    r->backup.scope = d->scope;
    r->backup.details = (struct bkinfo){.mark = le64_get(d->details.mark),
                                        .time = d->details.time,
                                        .gen_low = le32_get(d->details.gen_low),
                                        .gen_high = le32_get(d->details.gen_high)};
    r->backup.path = parts[0];
    return JET_errSuccess;
}

static JET_ERR decode_trace(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    r->text.text = parts[0];
    return decode_session(p, parts, r);
}

static JET_ERR decode_text(const uint8_t *p, const struct slice *parts, struct logrec *r)
{
    (void)p;
    r->text.text = parts[0];
    r->text.utf16 = r->type == LR_EXT_RESTORE2;
    return JET_errSuccess;
}

/* A record without parts; with them; one that begins with type and u32 length; one that is refused. */
#define FIXED(name, size, fn) \
    {                         \
        name, size, 0, fn, 0, \
        {                     \
            {                 \
                0, 0          \
            }                 \
        }                     \
    }
#define PARTS(name, size, fn, nr, ...) \
    {                                  \
        name, size, 0, fn, nr,         \
        {                              \
            __VA_ARGS__                \
        }                              \
    }
#define IGNORED(name, fn)  \
    {                      \
        name, 5, 0, fn, 1, \
        {                  \
            {              \
                1, 4       \
            }              \
        }                  \
    }
#define REFUSED(name, size, err)  \
    {                             \
        name, size, err, NULL, 0, \
        {                         \
            {                     \
                0, 0              \
            }                     \
        }                         \
    }
#define REFUSED1(name, size, err, off, width) \
    {                                         \
        name, size, err, NULL, 1,             \
        {                                     \
            {                                 \
                off, width                    \
            }                                 \
        }                                     \
    }

#define SIZE(type) sizeof(struct type)

static const struct kind kinds[LR_MAX] = {
    [LR_NOP] = FIXED("NOP", 1, NULL),
    [LR_INIT] = FIXED("Init", 568, decode_init),
    [LR_TERM] = FIXED("Term", 18, decode_term),
    [LR_MS] = REFUSED("MS", 9, JET_errLogCorrupted),
    [LR_END] = REFUSED("End", 1, JET_errLogCorrupted),
    [LR_BEGIN] = FIXED("Begin", 4, decode_begin),
    [LR_COMMIT] = FIXED("Commit", 4, decode_commit),
    [LR_ROLLBACK] = FIXED("Rollback", 4, decode_commit),
    [LR_BEGIN0] = FIXED("Begin0", 8, decode_begin),
    [LR_COMMIT0] = FIXED("Commit0", 8, decode_commit),
    [LR_REFRESH] = FIXED("Refresh", 7, decode_refresh),
    [LR_MACRO_BEGIN] = FIXED("MacroBegin", 11, decode_macro),
    [LR_MACRO_COMMIT] = FIXED("MacroCommit", 11, decode_macro),
    [LR_MACRO_ABORT] = FIXED("MacroAbort", 11, decode_macro),
    [LR_CREATE_DB] = PARTS("CreateDB", SIZE(lr_create_db_disk), decode_create_db, 1, {40, 2}),
    [LR_ATTACH_DB] = PARTS("AttachDB", SIZE(lr_attach_db_disk), decode_attach_db, 1, {72, 2}),
    [LR_DETACH_DB] = PARTS("DetachDB", SIZE(lr_detach_db_disk), decode_detach_db, 1, {4, 2}),
    [LR_RECOVERY_UNDO] = FIXED("RecoveryUndo", 1, NULL),
    [LR_RECOVERY_QUIT] = FIXED("RecoveryQuit", 18, decode_term),
    [LR_FULL_BACKUP] = PARTS("FullBackup", 3, decode_text, 1, {1, 2}),
    [LR_INC_BACKUP] = PARTS("IncBackup", 3, decode_text, 1, {1, 2}),
    [LR_JET_OP] = FIXED("JetOp", 4, decode_session),
    [LR_TRACE] = PARTS("Trace", SIZE(lr_trace_disk), decode_trace, 1, {3, 2}),
    [LR_SHUTDOWN_MARK] = FIXED("ShutDownMark", 1, NULL),
    [LR_CREATE_MULTIPLE_EXTENT_FDP] =
        FIXED("CreateMultipleExtentFDP", SIZE(lr_create_me_fdp_disk), decode_create_me_fdp),
    [LR_CREATE_SINGLE_EXTENT_FDP] =
        FIXED("CreateSingleExtentFDP", SIZE(lr_create_se_fdp_disk), decode_create_se_fdp),
    [LR_CONVERT_FDP_OLD] = REFUSED("ConvertFDP", 60, JET_errBadLogVersion),
    [LR_SPLIT_OLD] = {"Split", 102, JET_errBadLogVersion, NULL, 3, {{100, 2}, {96, 2}, {98, 2}}},
    [LR_MERGE_OLD] = REFUSED1("Merge", 88, JET_errBadLogVersion, 86, 2),
    [LR_INSERT] =
        PARTS("Insert", SIZE(lr_insert_disk), decode_insert, 3, {46, 2}, {44, 2}, {48, 2}),
    [LR_FLAG_INSERT] =
        PARTS("FlagInsert", SIZE(lr_flag_insert_disk), decode_flag_insert, 2, {44, 2}, {46, 2}),
    [LR_FLAG_INSERT_AND_REPLACE_DATA] =
        PARTS("FlagInsertAndReplaceData", SIZE(lr_flag_insert_replace_disk), decode_flag_insert, 2,
              {44, 2}, {46, 2}),
    [LR_FLAG_DELETE] = FIXED("FlagDelete", SIZE(lr_node_disk), decode_node),
    [LR_REPLACE] = PARTS("Replace", SIZE(lr_replace_disk), decode_replace, 1, {44, 2}),
    [LR_REPLACE_D] = PARTS("ReplaceD", SIZE(lr_replace_disk), decode_replace, 1, {44, 2}),
    [LR_DELETE] = FIXED("Delete", SIZE(lr_node_disk), decode_node),
    [LR_UNDO_INFO] =
        PARTS("UndoInfo", SIZE(lr_undo_info_disk), decode_undo_info, 3, {44, 2}, {46, 2}, {54, 2}),
    [LR_DELTA] = PARTS("Delta", SIZE(lr_delta_disk), decode_delta, 2, {44, 2}, {46, 2}),
    [LR_SET_EXTERNAL_HEADER] = PARTS("SetExternalHeader", SIZE(lr_external_header_disk),
                                     decode_external_header, 1, {44, 2}),
    [LR_UNDO] = PARTS("Undo", SIZE(lr_undo_disk), decode_undo, 2, {44, 2}, {46, 2}),
    [LR_SLV_PAGE_APPEND] = REFUSED("SLVPageAppend", 0, JET_errLogCorrupted),
    [LR_SLV_SPACE] = REFUSED("SLVSpace", 0, JET_errLogCorrupted),
    [LR_CHECKSUM] = REFUSED("Checksum", 22, JET_errLogCorrupted),
    [LR_SLV_PAGE_MOVE] = REFUSED("SLVPageMove", 0, JET_errLogCorrupted),
    [LR_FORCE_DETACH_DB] = REFUSED("ForceDetachDB", 0, JET_errLogCorrupted),
    [LR_EXT_RESTORE] = PARTS("ExtRestore", 3, decode_text, 1, {1, 2}),
    [LR_BACKUP_OLD] = PARTS("Backup", 5, decode_text, 1, {3, 2}),
    [LR_UPGRADE_DB] = REFUSED("UpgradeDB", 0, JET_errLogCorrupted),
    [LR_EMPTY_TREE] = PARTS("EmptyTree", SIZE(lr_empty_tree_disk), decode_empty_tree, 1, {44, 2}),
    [LR_INIT2] = FIXED("Init2", SIZE(lr_init_disk), decode_init),
    [LR_TERM2] = FIXED("Term2", SIZE(lr_term_disk), decode_term),
    [LR_RECOVERY_UNDO2] = FIXED("RecoveryUndo2", 9, decode_recovery_undo2),
    [LR_RECOVERY_QUIT2] = FIXED("RecoveryQuit2", SIZE(lr_term_disk), decode_term),
    [LR_BEGIN_DT] = REFUSED("BeginDT", 8, JET_errLogCorrupted),
    [LR_PREP_COMMIT] = REFUSED1("PrepCommit", 7, JET_errLogCorrupted, 3, 4),
    [LR_PREP_ROLLBACK] = REFUSED("PrepRollback", 3, JET_errLogCorrupted),
    [LR_DB_LIST] = REFUSED("DbList", 0, JET_errLogCorrupted),
    [LR_FORCE_WRITE_LOG] = FIXED("ForceWriteLog", 3, decode_session),
    [LR_CONVERT_FDP2] = FIXED("ConvertFDP2", SIZE(lr_convert_fdp_disk), decode_convert_fdp),
    [LR_EXT_RESTORE2] = PARTS("ExtRestore2", 3, decode_text, 1, {1, 2}),
    [LR_BACKUP2] = PARTS("Backup2", SIZE(lr_backup2_disk), decode_backup2, 1, {33, 2}),
    [LR_FORCE_LOG_ROLLOVER] =
        PARTS("ForceLogRollover", SIZE(lr_trace_disk), decode_trace, 1, {3, 2}),
    [LR_SPLIT2] =
        PARTS("Split2", SIZE(lr_split_disk), decode_split, 4, {100, 2}, {96, 2}, {98, 2}, {106, 4}),
    [LR_MERGE2] = PARTS("Merge2", SIZE(lr_merge_disk), decode_merge, 2, {86, 2}, {92, 4}),
    [LR_SCRUB] = PARTS("Scrub", SIZE(lr_scrub_disk), decode_scrub, 1, {52, 2}),
    [LR_PAGE_MOVE] =
        PARTS("PageMove", SIZE(lr_page_move_disk), decode_page_move, 2, {88, 4}, {92, 4}),
    [LR_PAGE_PATCH_REQUEST] =
        FIXED("PagePatchRequest", SIZE(lr_page_patch_disk), decode_page_patch),
    [LR_MACRO_INFO] = IGNORED("MacroInfo", decode_macro_info),
    [LR_EXTEND_DB] = IGNORED("ExtendDB", decode_extend_db),
    [LR_COMMIT_CTX] = IGNORED("CommitCtx", decode_commit_ctx),
    [LR_SCAN_CHECK] = IGNORED("ScanCheck", decode_scan_check),
    [LR_NOP2] = IGNORED("NOP2", decode_ignored),
    [LR_REATTACH] = IGNORED("ReAttach", decode_reattach),
    [LR_MACRO_INFO2] = IGNORED("MacroInfo2", decode_macro_info2),
    [LR_FREE_FDP] = IGNORED("FreeFDP", decode_free_fdp),
    [LR_IGNORED9] = IGNORED("Ignored9", decode_ignored),
    /* Fragments are put together before anyone asks for a record's size. */
    [LR_FRAGMENT_BEGIN] = REFUSED("FragmentBegin", 0, JET_errLogCorrupted),
    [LR_FRAGMENT] = REFUSED("Fragment", 0, JET_errLogCorrupted),
    [LR_SHRINK_DB] = FIXED("ShrinkDB", 10, decode_range),
    [LR_CREATE_DB_FINISH] = FIXED("CreateDBFinish", 4, decode_create_db_finish),
    [LR_RECOVERY_QUIT_KEEP_ATTACHMENTS] =
        FIXED("RecoveryQuitKeepAttachments", SIZE(lr_term_disk), decode_term),
    [LR_TRIM_DB] = FIXED("TrimDB", 10, decode_range),
    [LR_IGNORED10 + 0] = IGNORED("Ignored10", decode_ignored),
    [LR_IGNORED10 + 1] = IGNORED("Ignored11", decode_ignored),
    [LR_IGNORED10 + 2] = IGNORED("Ignored12", decode_ignored),
    [LR_IGNORED10 + 3] = IGNORED("Ignored13", decode_ignored),
    [LR_IGNORED10 + 4] = IGNORED("Ignored14", decode_ignored),
    [LR_IGNORED10 + 5] = IGNORED("Ignored15", decode_ignored),
    [LR_IGNORED10 + 6] = IGNORED("Ignored16", decode_ignored),
    [LR_IGNORED10 + 7] = IGNORED("Ignored17", decode_ignored),
    [LR_IGNORED10 + 8] = IGNORED("Ignored18", decode_ignored),
    [LR_IGNORED19] = IGNORED("Ignored19", decode_ignored),
    [LR_SET_DB_VERSION] =
        FIXED("SetDbVersion", SIZE(lr_set_db_version_disk), decode_set_db_version),
    [LR_DELTA64] = PARTS("Delta64", SIZE(lr_delta64_disk), decode_delta, 2, {44, 2}, {46, 2}),
    [LR_SHRINK_DB2] = FIXED("ShrinkDB2", 10, decode_range),
    [LR_NEW_PAGE] = FIXED("NewPage", SIZE(lr_new_page_disk), decode_new_page),
    [LR_ROOT_PAGE_MOVE] =
        FIXED("RootPageMove", SIZE(lr_root_page_move_disk), decode_root_page_move),
    [LR_SIGNAL_ATTACH_DB] = FIXED("SignalAttachDb", 2, decode_signal_attach),
    [LR_SCAN_CHECK2] = FIXED("ScanCheck2", SIZE(lr_scan_check2_disk), decode_scan_check2),
    [LR_SHRINK_DB3] = FIXED("ShrinkDB3", SIZE(lr_range_disk), decode_range),
    [LR_EXTENT_FREED] = FIXED("ExtentFreed", 11, decode_extent_freed),
    [LR_EXTENT_FREED2] = FIXED("ExtentFreed2", SIZE(lr_extent_freed_disk), decode_extent_freed),
};

const char *logrec_name(unsigned type)
{
    return type < LR_MAX ? kinds[type].name : "unknown";
}

bool logrec_is_quit(unsigned type)
{
    return type == LR_TERM || type == LR_TERM2 || type == LR_RECOVERY_QUIT ||
           type == LR_RECOVERY_QUIT2 || type == LR_RECOVERY_QUIT_KEEP_ATTACHMENTS;
}

static uint32_t part_len(const struct kind *k, unsigned i, const uint8_t *p)
{
    const uint8_t *field = p + k->part[i].off;
    uint32_t len = k->part[i].width == 4 ? get_le32(field) : get_le16(field);

    if (*p == LR_REPLACE || *p == LR_REPLACE_D)
        len &= LR_REPLACE_LEN_MASK;
    if (*p == LR_CREATE_DB && (p[42] & LR_CREATE_DB_VERSION))
        len += 4; /* path_len does not count it */
    return len;
}

JET_ERR logrec_size(const uint8_t *p, size_t avail, uint32_t *ret)
{
    const struct kind *k;
    uint64_t size;

    if (avail == 0)
        return RAISE(JET_errLogFileCorrupt);
    if (*p >= LR_MAX || kinds[*p].fixed == 0)
        return RAISE(JET_errLogCorrupted);
    k = &kinds[*p];
    if (k->fixed > avail)
        return RAISE(JET_errLogFileCorrupt);
    size = k->fixed;
    for (unsigned i = 0; i < k->nr_parts; i++)
        size += part_len(k, i, p);
    if (size > avail)
        return RAISE(JET_errLogFileCorrupt);
    *ret = (uint32_t)size;
    return JET_errSuccess;
}

JET_ERR logrec_decode(const uint8_t *p, size_t len, struct logrec *ret)
{
    struct logrec rec = {.dbtime_before = DBTIME_INVALID};
    struct slice parts[MAX_PARTS] = {{0}};
    const struct kind *k;
    const uint8_t *at;
    uint32_t size;
    JET_ERR err;

    err = logrec_size(p, len, &size);
    if (err < 0)
        return err;
    if (size != len)
        return RAISE(JET_errLogFileCorrupt);
    k = &kinds[*p];
    if (k->refuse < 0)
        return RAISE(k->refuse);
    rec.type = *p;
    rec.bytes = (struct slice){p, size};
    at = p + k->fixed;
    for (unsigned i = 0; i < k->nr_parts; i++) {
        parts[i] = (struct slice){at, part_len(k, i, p)};
        at += parts[i].len;
    }
    if (k->decode) {
        err = k->decode(p, parts, &rec);
        if (err < 0)
            return err;
    }
    *ret = rec;
    return JET_errSuccess;
}
