#include "log/logprint.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/fields.h"
#include "log/attach.h"
#include "log/logdiff.h"
#include "log/loghdr.h"

#define TEXT_BYTES_MAX 32u

struct line {
    FILE *out;
    bool json;
};

static void line_begin(struct line *l, const char *what, const char *value)
{
    if (l->json) {
        fprintf(l->out, "{\"%s\":", what);
        json_string(l->out, value, strlen(value));
    } else {
        for (const char *p = value; *p; p++) /* no control characters to a terminal */
            putc((unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p, l->out);
    }
}

static void line_end(struct line *l)
{
    fputs(l->json ? "}\n" : "\n", l->out);
}

static void lead(struct line *l, const char *name)
{
    fprintf(l->out, l->json ? ",\"%s\":" : " %s=", name);
}

static void num(struct line *l, const char *name, uint64_t value)
{
    lead(l, name);
    fprintf(l->out, "%" PRIu64, value);
}

static void snum(struct line *l, const char *name, int64_t value)
{
    lead(l, name);
    fprintf(l->out, "%" PRId64, value);
}

/* What ESE's own dumps show in hexadecimal. */
static void hex(struct line *l, const char *name, uint64_t value)
{
    lead(l, name);
    fprintf(l->out, l->json ? "%" PRIu64 : "0x%" PRIx64, value);
}

static void checksum(struct line *l, const char *name, uint64_t value)
{
    lead(l, name);
    fprintf(l->out, l->json ? "\"0x%016" PRIx64 "\"" : "0x%016" PRIx64, value);
}

static void dbtime(struct line *l, const char *name, dbtime_t value)
{
    if (value == DBTIME_INVALID) {
        lead(l, name);
        fputs(l->json ? "null" : "none", l->out);
    } else {
        hex(l, name, value);
    }
}

/* A word of ours: no escaping needed. */
static void word(struct line *l, const char *name, const char *value)
{
    lead(l, name);
    fprintf(l->out, l->json ? "\"%s\"" : "%s", value);
}

static void text(struct line *l, const char *name, const char *value)
{
    lead(l, name);
    json_string(l->out, value, strlen(value));
}

static void flag(struct line *l, const char *name, bool value)
{
    if (l->json || value) {
        lead(l, name);
        fputs(!l->json ? "yes" : value ? "true" : "false", l->out);
    }
}

static void lgpos(struct line *l, const char *name, lgpos_t value)
{
    char buf[LGPOS_STR_LEN];

    word(l, name, value ? lgpos_str(value, buf) : "none");
}

static void logtime(struct line *l, const char *name, struct logtime value)
{
    char buf[LOGTIME_STR_LEN];

    text(l, name, logtime_str(value, buf));
}

static void sign(struct line *l, const char *name, const struct signature *value)
{
    char buf[SIGNATURE_STR_LEN];

    text(l, name, signature_is_zero(value) ? "none" : signature_str(value, buf));
}

static void bytes(struct line *l, const char *name, struct slice s)
{
    const uint32_t nr = l->json || s.len <= TEXT_BYTES_MAX ? s.len : TEXT_BYTES_MAX;

    lead(l, name);
    if (l->json)
        putc('"', l->out);
    for (uint32_t i = 0; i < nr; i++)
        fprintf(l->out, "%02x", s.p[i]);
    if (l->json)
        putc('"', l->out);
    else if (nr < s.len)
        fprintf(l->out, "..(%" PRIu32 ")", s.len);
}

static JET_ERR path(struct line *l, const char *name, struct slice s, bool utf16)
{
    char *utf8 = logged_path(s.p, s.len, utf16);

    if (!utf8)
        return RAISE(JET_errOutOfMemory);
    text(l, name, utf8);
    free(utf8);
    return JET_errSuccess;
}

/* ---- records ---------------------------------------------------------------------------------- */

static void op_flags(struct line *l, uint8_t flags)
{
    static const char *const names[] = {"versioned",  "deleted",     "unique",
                                        "space-tree", "index-build", "system-task"};
    char buf[80] = "";
    size_t at = 0;

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (flags & 1u << i)
            at += (size_t)snprintf(buf + at, sizeof(buf) - at, "%s%s", at ? "," : "", names[i]);
    word(l, "flags", at ? buf : "none");
}

/* The part that all page operations share. */
static void page_part(struct line *l, const struct logrec *r)
{
    dbtime(l, "dbtime", r->dbtime);
    dbtime(l, "before", r->dbtime_before);
    hex(l, "trx", r->trx);
    num(l, "level", r->level);
    num(l, "line", r->iline);
    op_flags(l, r->flags);
    num(l, "objid", r->objid);
}

static void node_part(struct line *l, const struct logrec *r)
{
    page_part(l, r);
    num(l, "fdp", r->pgno_fdp);
    num(l, "rceid", r->rceid);
}

static void bookmark(struct line *l, const struct logrec *r)
{
    bytes(l, "key", r->node.key);
    bytes(l, "bookmark_data", r->node.data);
}

static const char *oper_name(uint16_t oper)
{
    switch (oper) {
    case 1:
        return "insert";
    case 2:
        return "replace";
    case 3:
        return "flag-delete";
    case 4:
        return "delta";
    case 5:
        return "read-lock";
    case 6:
        return "write-lock";
    case 7:
        return "alloc-ext";
    case 9:
        return "delta64";
    case 0x80:
        return "pre-insert";
    default:
        return oper >= 0x100 ? "catalogue" : "other";
    }
}

static void insert(struct line *l, const struct logrec *r)
{
    node_part(l, r);
    if (r->type == LR_FLAG_INSERT_AND_REPLACE_DATA)
        num(l, "rceid_replace", r->insert.rceid_replace);
    if (r->insert.key_prefix.len)
        bytes(l, "prefix", r->insert.key_prefix);
    bytes(l, r->type == LR_INSERT ? "suffix" : "key", r->insert.key_suffix);
    bytes(l, "data", r->insert.data);
}

static void replace(struct line *l, const struct logrec *r)
{
    struct logdiff d;
    struct logdiff_step step;
    const char *before = "";

    node_part(l, r);
    num(l, "old_len", r->replace.old_len);
    num(l, "new_len", r->replace.new_len);
    if (r->type == LR_REPLACE) {
        bytes(l, "data", r->replace.data);
        return;
    }
    lead(l, "diff"); /* offset:length that goes:bytes that come */
    fputs(l->json ? "[" : "", l->out);
    logdiff_init(&d, r->replace.data, r->replace.wide);
    for (; logdiff_next(&d, &step) > 0; before = ",") {
        fprintf(l->out, l->json ? "%s{\"off\":%u,\"old_len\":%u" : "%s%u:%u:", before, step.off,
                step.old_len);
        if (l->json) {
            bytes(l, "data", step.data);
            putc('}', l->out);
        } else if (step.data.len > TEXT_BYTES_MAX) {
            fprintf(l->out, "(%" PRIu32 ")", step.data.len);
        } else {
            for (uint32_t i = 0; i < step.data.len; i++)
                fprintf(l->out, "%02x", step.data.p[i]);
        }
    }
    fputs(l->json ? "]" : "", l->out);
}

static void node(struct line *l, const struct logrec *r)
{
    node_part(l, r);
    if (r->type == LR_DELTA || r->type == LR_DELTA64) {
        snum(l, "delta", r->node.delta);
        num(l, "offset", r->node.offset);
    } else {
        word(l, "oper", oper_name(r->node.oper));
    }
    bookmark(l, r);
    if (r->type == LR_UNDO)
        num(l, "undo_level", r->node.level);
    if (r->type == LR_UNDO_INFO) {
        snum(l, "size_max", r->node.size_max);
        snum(l, "size_delta", r->node.size_delta);
        bytes(l, "image", r->node.image);
    }
}

static void image(struct line *l, struct slice s, uint32_t flags)
{
    num(l, "image_len", s.len);
    if (s.len) {
        flag(l, "dehydrated", flags & LR_IMAGE_DEHYDRATED);
        flag(l, "xpress", flags & LR_IMAGE_XPRESS);
    }
}

static void neighbour(struct line *l, const char *name, pgno_t pgno, const char *before_name,
                      dbtime_t before)
{
    if (pgno || l->json) {
        num(l, name, pgno);
        dbtime(l, before_name, before);
    }
}

static void split(struct line *l, const struct logrec *r)
{
    static const char *const types[] = {"vertical", "right", "append"};
    static const char *const opers[] = {"none", "insert", "replace", "flag-insert-and-replace"};

    page_part(l, r);
    num(l, "fdp", r->pgno_fdp);
    word(l, "split",
         !r->split.pgno_new                 ? "parent"
         : r->split.type < ARRAY_LEN(types) ? types[r->split.type]
                                            : "other");
    word(l, "oper", r->split.oper < ARRAY_LEN(opers) ? opers[r->split.oper] : "other");
    num(l, "new", r->split.pgno_new);
    neighbour(l, "right", r->split.pgno_right, "right_before", r->split.right_before);
    neighbour(l, "parent", r->split.pgno_parent, "parent_before", r->split.parent_before);
    num(l, "line_oper", r->split.iline_oper);
    num(l, "line_split", r->split.iline_split);
    num(l, "lines", r->split.nr_lines);
    hex(l, "new_page_flags", r->split.new_page_flags);
    hex(l, "split_page_flags", r->split.split_page_flags);
    snum(l, "free_source", r->split.free_source);
    snum(l, "free_dest", r->split.free_dest);
    snum(l, "line_prefix_split", r->split.iline_prefix_split);
    snum(l, "line_prefix_new", r->split.iline_prefix_new);
    bytes(l, "parent_key", r->split.key_parent);
    num(l, "prefix_old_len", r->split.prefix_old.len);
    bytes(l, "prefix_new", r->split.prefix_new);
    image(l, r->split.image, r->split.image_flags);
}

static void merge(struct line *l, const struct logrec *r)
{
    static const char *const types[] = {"none",       "empty-page", "full-right",   "partial-right",
                                        "empty-tree", "full-left",  "partial-left", "page-move"};

    page_part(l, r);
    num(l, "fdp", r->pgno_fdp);
    word(l, "merge", r->merge.type < ARRAY_LEN(types) ? types[r->merge.type] : "other");
    neighbour(l, "right", r->merge.pgno_right, "right_before", r->merge.right_before);
    neighbour(l, "left", r->merge.pgno_left, "left_before", r->merge.left_before);
    neighbour(l, "parent", r->merge.pgno_parent, "parent_before", r->merge.parent_before);
    flag(l, "key_change", r->merge.flags & LR_MERGE_KEY_CHANGE);
    flag(l, "delete_node", r->merge.flags & LR_MERGE_DELETE_NODE);
    flag(l, "empty_page", r->merge.flags & LR_MERGE_EMPTY_PAGE);
    num(l, "line_merge", r->merge.iline_merge);
    num(l, "size", r->merge.size_total);
    num(l, "size_max", r->merge.size_max_total);
    num(l, "free_dest", r->merge.free_dest);
    bytes(l, "parent_key", r->merge.key_parent);
    image(l, r->merge.image, r->merge.image_flags);
}

static void page_move(struct line *l, const struct logrec *r)
{
    page_part(l, r);
    num(l, "fdp", r->pgno_fdp);
    num(l, "dest", r->move.pgno_dest);
    neighbour(l, "left", r->move.pgno_left, "left_before", r->move.left_before);
    neighbour(l, "right", r->move.pgno_right, "right_before", r->move.right_before);
    neighbour(l, "parent", r->move.pgno_parent, "parent_before", r->move.parent_before);
    snum(l, "line_parent", r->move.iline_parent);
    hex(l, "move_flags", r->move.flags);
    num(l, "image_len", (uint64_t)r->move.header.len + r->move.trailer.len);
}

static void page_list(struct line *l, const uint8_t *p, size_t nr, size_t stride, size_t off)
{
    lead(l, "pages");
    fputs(l->json ? "[" : "", l->out);
    for (size_t i = 0; i < nr; i++)
        fprintf(l->out, "%s%" PRIu32, i ? "," : "", get_le32(p + i * stride + off));
    fputs(l->json ? "]" : "", l->out);
}

static void empty_tree(struct line *l, const struct logrec *r)
{
    node_part(l, r);
    page_list(l, r->empty_pages.p, r->empty_pages.len / sizeof(struct lr_empty_page_disk),
              sizeof(struct lr_empty_page_disk), offsetof(struct lr_empty_page_disk, pgno));
}

static void fdp(struct line *l, const struct logrec *r)
{
    page_part(l, r);
    num(l, "oe", r->fdp.pgno_oe);
    num(l, "ae", r->fdp.pgno_ae);
    num(l, "parent_fdp", r->fdp.pgno_parent_fdp);
    num(l, "primary_pages", r->fdp.nr_pages);
    hex(l, "page_flags", r->fdp.page_flags);
    if (r->type == LR_CONVERT_FDP2) {
        num(l, "secondary", r->fdp.pgno_secondary);
        num(l, "secondary_pages", r->fdp.nr_secondary);
        hex(l, "avail_bits", r->fdp.avail_bits);
    }
}

static JET_ERR database(struct line *l, const struct logrec *r)
{
    if (r->type == LR_REATTACH)
        lgpos(l, "attach", r->db.lgpos_attach);
    if (r->type == LR_ATTACH_DB || r->type == LR_REATTACH)
        lgpos(l, "consistent", r->db.lgpos_consistent);
    if (r->type == LR_CREATE_DB) {
        hex(l, "grbit", r->db.grbit);
        hex(l, "version", r->db.version);
        num(l, "update", r->db.update_major);
    }
    if (r->type != LR_DETACH_DB)
        sign(l, "db_signature", &r->db.sign_db);
    if (r->type == LR_ATTACH_DB)
        sign(l, "old_log_signature", &r->db.sign_log);
    if (r->type == LR_CREATE_DB || r->type == LR_ATTACH_DB) {
        num(l, "pages_max", r->db.pages_max);
        flag(l, "sparse", r->db.sparse);
    }
    return r->type == LR_REATTACH ? JET_errSuccess : path(l, "path", r->db.path, r->db.utf16);
}

static void backup(struct line *l, const struct logrec *r)
{
    static const char *const phases[] = {"other",  "begin", "prepare-logs", "truncate",
                                         "update", "abort", "stop"};
    static const char *const scopes[] = {"other", "full", "incremental", "other",
                                         "other", "copy", "differential"};

    word(l, "phase", phases[r->backup.phase < ARRAY_LEN(phases) ? r->backup.phase : 0]);
    word(l, "scope", scopes[r->backup.scope < ARRAY_LEN(scopes) ? r->backup.scope : 0]);
    num(l, "backup_type", r->backup.type);
    lgpos(l, "mark", r->backup.details.mark);
    logtime(l, "time", r->backup.details.time);
    hex(l, "gen_low", r->backup.details.gen_low);
    hex(l, "gen_high", r->backup.details.gen_high);
}

static void term(struct line *l, const struct logrec *r)
{
    if (r->type != LR_RECOVERY_UNDO2) {
        lgpos(l, "began", r->term.lgpos);
        lgpos(l, "redo_from", r->term.lgpos_redo_from);
        flag(l, "hard", r->term.hard);
    }
    logtime(l, "time", r->term.time);
}

static void scan_check(struct line *l, const struct logrec *r)
{
    dbtime(l, "page_dbtime", r->scan.dbtime_page);
    dbtime(l, "dbtime", r->scan.dbtime_current);
    hex(l, "checksum", r->scan.checksum);
    hex(l, "scan_flags", r->scan.flags);
}

/* The fields that only this type has. */
static JET_ERR details(struct line *l, const struct logrec *r)
{
    switch (r->type) {
    case LR_INSERT:
    case LR_FLAG_INSERT:
    case LR_FLAG_INSERT_AND_REPLACE_DATA:
        insert(l, r);
        break;
    case LR_FLAG_DELETE:
    case LR_DELETE:
        node_part(l, r);
        break;
    case LR_REPLACE:
    case LR_REPLACE_D:
        replace(l, r);
        break;
    case LR_UNDO_INFO:
    case LR_UNDO:
    case LR_DELTA:
    case LR_DELTA64:
        node(l, r);
        break;
    case LR_SET_EXTERNAL_HEADER:
        node_part(l, r);
        bytes(l, "data", r->external_header);
        break;
    case LR_SCRUB:
        node_part(l, r);
        hex(l, "scrub_flags", r->scrub.flags);
        num(l, "opers", r->scrub.nr_opers);
        break;
    case LR_SPLIT2:
        split(l, r);
        break;
    case LR_MERGE2:
        merge(l, r);
        break;
    case LR_PAGE_MOVE:
        page_move(l, r);
        break;
    case LR_EMPTY_TREE:
        empty_tree(l, r);
        break;
    case LR_CREATE_MULTIPLE_EXTENT_FDP:
    case LR_CREATE_SINGLE_EXTENT_FDP:
    case LR_CONVERT_FDP2:
        fdp(l, r);
        break;
    case LR_NEW_PAGE:
    case LR_ROOT_PAGE_MOVE:
        dbtime(l, "dbtime", r->dbtime);
        num(l, "objid", r->objid);
        break;
    case LR_PAGE_PATCH_REQUEST:
    case LR_MACRO_BEGIN:
    case LR_MACRO_COMMIT:
    case LR_MACRO_ABORT:
        dbtime(l, "dbtime", r->dbtime);
        break;
    case LR_MACRO_INFO:
    case LR_MACRO_INFO2:
        page_list(l, r->pages.p, r->pages.len / 4, 4, 0);
        break;
    case LR_BEGIN:
    case LR_BEGIN0:
        num(l, "from", r->trx_levels.level_from);
        num(l, "levels", r->trx_levels.nr_levels);
        if (r->type == LR_BEGIN0)
            hex(l, "trx", r->trx);
        break;
    case LR_COMMIT:
    case LR_COMMIT0:
        num(l, "to", r->trx_levels.level_from);
        if (r->type == LR_COMMIT0)
            hex(l, "trx", r->trx);
        break;
    case LR_ROLLBACK:
        num(l, "levels", r->trx_levels.nr_levels);
        break;
    case LR_REFRESH:
        hex(l, "trx", r->trx);
        break;
    case LR_SHRINK_DB:
    case LR_SHRINK_DB2:
    case LR_SHRINK_DB3:
    case LR_TRIM_DB:
    case LR_EXTENT_FREED:
    case LR_EXTENT_FREED2:
        num(l, "pages", r->range.nr_pages);
        dbtime(l, "dbtime", r->dbtime);
        break;
    case LR_FREE_FDP:
        num(l, "fdp", r->pgno_fdp);
        hex(l, "trx", r->trx);
        num(l, "fdp_type", r->free_fdp.fdp_type);
        break;
    case LR_SCAN_CHECK:
    case LR_SCAN_CHECK2:
        scan_check(l, r);
        break;
    case LR_CREATE_DB:
    case LR_ATTACH_DB:
    case LR_DETACH_DB:
    case LR_REATTACH:
        return database(l, r);
    case LR_SET_DB_VERSION:
        lead(l, "version");
        fprintf(l->out, l->json ? "\"0x%X.%u.%u\"" : "0x%X.%u.%u", r->db_version.version,
                r->db_version.update_major, r->db_version.update_minor);
        break;
    case LR_INIT:
    case LR_INIT2:
        logtime(l, "time", r->init.time);
        return path(
            l, "log_path",
            (struct slice){(const uint8_t *)r->init.dbms->log_path, sizeof(r->init.dbms->log_path)},
            false);
    case LR_TERM:
    case LR_TERM2:
    case LR_RECOVERY_QUIT:
    case LR_RECOVERY_QUIT2:
    case LR_RECOVERY_QUIT_KEEP_ATTACHMENTS:
    case LR_RECOVERY_UNDO2:
        term(l, r);
        break;
    case LR_BACKUP2:
        backup(l, r);
        break;
    case LR_TRACE:
    case LR_FORCE_LOG_ROLLOVER:
    case LR_FULL_BACKUP:
    case LR_INC_BACKUP:
    case LR_BACKUP_OLD:
    case LR_EXT_RESTORE:
    case LR_EXT_RESTORE2:
        return path(l, "text", r->text.text, r->text.utf16);
    case LR_COMMIT_CTX:
        hex(l, "ctx_flags", r->commit_ctx.flags);
        bytes(l, "ctx", r->commit_ctx.data);
        break;
    default:
        break;
    }
    return JET_errSuccess;
}

JET_ERR logprint_record(FILE *out, bool json, lgpos_t pos, const struct logrec *rec)
{
    struct line l = {out, json};
    char buf[LGPOS_STR_LEN];
    JET_ERR err;

    line_begin(&l, "record", json ? logrec_name(rec->type) : lgpos_str(pos, buf));
    if (json) {
        word(&l, "lgpos", lgpos_str(pos, buf));
        num(&l, "type", rec->type);
    } else {
        fprintf(out, " %-17s", logrec_name(rec->type));
    }
    num(&l, "len", rec->bytes.len);
    if (rec->procid)
        hex(&l, "procid", rec->procid);
    if (rec->dbid)
        num(&l, "dbid", rec->dbid);
    if (rec->pgno)
        num(&l, "pgno", rec->pgno);
    err = details(&l, rec);
    line_end(&l);
    return err;
}

/* ---- files ------------------------------------------------------------------------------------ */

void logprint_header(FILE *out, bool json, const char *name, const struct ese_log_info *info)
{
    struct line l = {out, json};
    struct signature s;
    char version[48];

    memcpy(s.b, info->sign_log.b, sizeof(s.b));
    snprintf(version, sizeof(version), "%" PRIu32 ".%" PRIu32 ".%" PRIu32 ".%" PRIu32, info->major,
             info->minor, info->update_major, info->update_minor);
    line_begin(&l, "log", name);
    if (!json)
        putc(':', out);
    hex(&l, "gen", info->gen);
    word(&l, "version", version);
    num(&l, "page_size", info->page_size);
    num(&l, "segments", info->nr_segments);
    logtime(&l, "created", logtime_of(info->time_created));
    logtime(&l, "prev_created", logtime_of(info->time_prev_gen));
    checksum(&l, "prev_checksum", info->prev_gen_checksum);
    sign(&l, "signature", &s);
    lgpos(&l, "checkpoint", info->lgpos_checkpoint);
    num(&l, "databases", info->nr_attach);
    line_end(&l);
}

void logprint_end(FILE *out, bool json, const char *name, const struct ese_log_info *info)
{
    struct line l = {out, json};

    line_begin(&l, "end", name);
    if (!json)
        fputs(": end", out);
    hex(&l, "gen", info->gen);
    lgpos(&l, "last_segment", info->lgpos_last);
    checksum(&l, "checksum", info->checksum);
    lead(&l, "closed");
    fputs(info->ends_clean ? (json ? "true" : "yes") : (json ? "false" : "no"), out);
    flag(&l, "torn", info->torn_tail);
    line_end(&l);
}
