/*
 * Every record of every log in engine/<set>/dirty against the dump that Microsoft's engine made of it
 * (ml_*.txt.xz): place, type, page, dbtimes and whatever else the dump tells; the segments' checksums; the
 * number and length of records per type; the number of pages touched.
 */
#include "testutil.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>

#include "log/logdiff.h"
#include "log/logread.h"

struct name {
    const char *dump; /* as the dump abbreviates it */
    enum lrtyp type;
    uint32_t fixed; /* of the record: where the bytes that the dump shows begin; 0: it shows none */
};

static const struct name names[] = {
    {"Insert", LR_INSERT, 50},
    {"FInsertRD", LR_FLAG_INSERT_AND_REPLACE_DATA, 52},
    {"FDelete", LR_FLAG_DELETE, 0},
    {"Replace", LR_REPLACE, 50},
    {"ReplaceD", LR_REPLACE_D, 0},
    {"Delete", LR_DELETE, 0},
    {"UndoInfo", LR_UNDO_INFO, 56},
    {"Delta", LR_DELTA, 0},
    {"SetExtHdr", LR_SET_EXTERNAL_HEADER, 46},
    {"Undo", LR_UNDO, 0},
    {"Split2", LR_SPLIT2, 0},
    {"Merge2", LR_MERGE2, 0},
    {"Convert", LR_CONVERT_FDP2, 0},
    {"Create M", LR_CREATE_MULTIPLE_EXTENT_FDP, 0},
    {"Create S", LR_CREATE_SINGLE_EXTENT_FDP, 0},
    {"NewPage", LR_NEW_PAGE, 0},
    {"Begin", LR_BEGIN, 0},
    {"Begin0", LR_BEGIN0, 0},
    {"Commit", LR_COMMIT, 0},
    {"Commit0", LR_COMMIT0, 0},
    {"Rollback", LR_ROLLBACK, 0},
    {"McroBegin", LR_MACRO_BEGIN, 0},
    {"McroComit", LR_MACRO_COMMIT, 0},
    {"McroInfo", LR_MACRO_INFO, 0},
    {"ExtendDB", LR_EXTEND_DB, 0},
    {"NOP2", LR_NOP2, 0},
    {"Init", LR_INIT2, 0},
    {"Trace", LR_TRACE, 0},
    {"CreateDB", LR_CREATE_DB, 0},
    {"SetDbVer", LR_SET_DB_VERSION, 0},
    {"CrDBFinsh", LR_CREATE_DB_FINISH, 0},
};

struct log {
    FILE *dump;
    char *line; /* the next one, not used yet */
    size_t line_cap;
    bool has_line;
    int fd;
    const uint8_t *bytes; /* of the file */
    uint64_t nr_pages, nr_records, nr_bytes;
    uint32_t nr[LR_MAX];
    uint64_t len[LR_MAX];
    const char *name;
};

static uint64_t nr_compared; /* over all sets: the test must have had something to compare */

static void report(void *ctx, const struct ese_fault *f)
{
    char buf[700];

    (void)ctx;
    ese_fault_str(f, buf, sizeof(buf));
    print_message("%s\n", buf);
}

/* The next line without using it up; NULL at the end. */
static const char *peek(struct log *g)
{
    if (!g->has_line)
        g->has_line = getline(&g->line, &g->line_cap, g->dump) >= 0;
    return g->has_line ? g->line : NULL;
}

static void use_line(struct log *g)
{
    g->has_line = false;
}

/* Skips to the next line of the wanted kind. */
static const char *next_record_line(struct log *g)
{
    const char *l;

    while ((l = peek(g)) && *l != '>') {
        uint64_t sum;
        uint32_t gen, isec, ib;

        if (sscanf(l, "Segment Checksum: 0x%" SCNx64 ", LGPOS (%x,%x,%x)", &sum, &gen, &isec,
                   &ib) == 4)
            assert_int_equal(sum, get_le64(g->bytes + (size_t)isec * LOG_SEGMENT_LEN));
        if (strstr(l, "clrTotal"))
            return NULL;
        use_line(g);
    }
    return l;
}

static bool flag_is(const char *s, const char *yes, const char *no, bool *ret)
{
    size_t ny = strlen(yes), nn = strlen(no);

    if (strncmp(s, yes, ny) == 0 && (s[ny] == ':' || s[ny] == ',' || s[ny] == ')'))
        *ret = true;
    else if (strncmp(s, no, nn) == 0 && (s[nn] == ':' || s[nn] == ',' || s[nn] == ')'))
        *ret = false;
    else
        return false;
    return true;
}

/* "U:V:ND:NSP:USR:NCI": what of it is there is compared. */
static void check_flags(const char *s, const struct logrec *r)
{
    static const struct {
        const char *yes, *no;
        uint8_t flag;
    } flags[] = {{"U", "NU", LR_PAGE_UNIQUE},
                 {"V", "NV", LR_PAGE_VERSIONED},
                 {"SP", "NSP", LR_PAGE_SPACE},
                 {"SYS", "USR", LR_PAGE_SYSTEM_TASK},
                 {"CI", "NCI", LR_PAGE_CONCURRENT_INDEX}};
    bool value;

    for (;;) {
        for (size_t i = 0; i < ARRAY_LEN(flags); i++)
            if (flag_is(s, flags[i].yes, flags[i].no, &value))
                assert_int_equal(value, (r->flags & flags[i].flag) != 0);
        s += strcspn(s, ":,)");
        if (*s != ':')
            return;
        s++;
    }
}

/* The number behind that text. */
static void check_number(const char *line, const char *before, int base, uint64_t want)
{
    const char *at = strstr(line, before);
    char *end;

    assert_non_null(at);
    at += strlen(before);
    assert_int_equal(strtoull(at, &end, base), want);
    assert_true(end > at);
}

/* "FF 00 7F " at the end of the line: the record's variable part. */
static void check_bytes(const char *s, const uint8_t *want, size_t len)
{
    char *end;

    for (size_t i = 0; i < len && i < 16; i++) {
        unsigned long v = strtoul(s, &end, 16);
        if (end == s)
            return; /* the dump shows at most 16, sometimes fewer */
        assert_int_equal(v, want[i]);
        s = end;
    }
}

/* "12a6,129f,54c:2(b,[1:43:66],FLAGS,...": what all node operations have. */
static void check_node(const char *t, const struct logrec *r)
{
    uint64_t after, before;
    unsigned trx, level, procid, dbid, pgno, line, objid, rceid;
    int n = 0;

    assert_true(sscanf(t, "%" SCNx64 ",%" SCNx64 ",%x:%u(%x,[%u:%u%n", &after, &before, &trx,
                       &level, &procid, &dbid, &pgno, &n) >= 7);
    assert_int_equal(after, r->dbtime);
    assert_int_equal(before, r->dbtime_before);
    assert_int_equal(trx, r->trx);
    assert_int_equal(level, r->level);
    assert_int_equal(procid, r->procid);
    assert_int_equal(dbid, r->dbid);
    assert_int_equal(pgno, r->pgno);
    if (sscanf(t + n, ":%u]", &line) == 1)
        assert_int_equal(line, r->iline);
    check_flags(strchr(t + n, ',') + 1, r);
    if (strstr(t, "objid:[") && sscanf(strstr(t, "objid:["), "objid:[%u:%u]", &dbid, &objid) == 2)
        assert_int_equal(objid, r->objid);
    if (strstr(t, "rceid:") && sscanf(strstr(t, "rceid:"), "rceid:%u", &rceid) == 1)
        assert_int_equal(rceid, r->rceid);
}

/* Behind the flags. */
static const char *after_flags(const char *t)
{
    const char *p = strstr(t, "],") + 2;
    return p + strcspn(p, ",)") + 1;
}

static void check_undo_info(const char *t, const struct logrec *r)
{
    unsigned trx, level, procid, dbid, pgno, key, data, image, rceid, objid;
    char unique[8], task[8];

    assert_int_equal(sscanf(t, "%x:%u(%x,[%u:%u],%7[^:]:%7[^,],%u,%u,%u,rceid:%u,objid:[%*u:%u]",
                            &trx, &level, &procid, &dbid, &pgno, unique, task, &key, &data, &image,
                            &rceid, &objid),
                     12);
    assert_int_equal(trx, r->trx);
    assert_int_equal(level, r->level);
    assert_int_equal(procid, r->procid);
    assert_int_equal(pgno, r->pgno);
    assert_int_equal(key, r->node.key.len);
    assert_int_equal(data, r->node.data.len);
    assert_int_equal(image, r->node.image.len);
    assert_int_equal(rceid, r->rceid);
    assert_int_equal(objid, r->objid);
    assert_int_equal(r->dbtime, DBTIME_INVALID);
    assert_int_equal(r->dbtime_before, DBTIME_INVALID);
}

static void check_image(const char *t, struct slice image, uint32_t flags)
{
    unsigned len;
    char kind[4] = "";

    assert_true(sscanf(strstr(t, "beforeImage:"), "beforeImage:%u[%3[DX]", &len, kind) >= 1);
    assert_int_equal(len, image.len);
    if (len) {
        assert_int_equal(strchr(kind, 'D') != NULL, (flags & LR_IMAGE_DEHYDRATED) != 0);
        assert_int_equal(strchr(kind, 'X') != NULL, (flags & LR_IMAGE_XPRESS) != 0);
    }
}

static unsigned split_type(const char *name)
{
    static const char *const vertical = "SplitVertical", *const append = "Append";

    /* SplitRight, SplitHotpoint: both are right splits */
    return strcmp(name, vertical) == 0 ? 0 : strcmp(name, append) == 0 ? 2 : 1;
}

/* The dump shows a neighbour's dbtime as 0 where there is no neighbour. */
static void check_split(const char *t, const struct logrec *r)
{
    uint64_t after, before, parent_before, right_before;
    unsigned trx, level, procid, pgno, line, oper, last, new, parent, right, objid;
    char type[32];

    if (strncmp(t, "ParentOfSplitPage", 17) == 0) {
        assert_int_equal(sscanf(t,
                                "%*s %" SCNx64 ",%" SCNx64 ",%x:%u(%x,parent:%" SCNx64 ",[1:%u])",
                                &after, &before, &trx, &level, &procid, &parent_before, &pgno),
                         7);
        assert_int_equal(r->split.pgno_new, 0);
        assert_int_equal(parent_before, r->split.parent_before);
    } else {
        assert_int_equal(
            sscanf(t,
                   "%31s %" SCNx64 ",%" SCNx64 ",%x:%u(%x,split:[1:%u:%u],oper/last:[%u/%u],"
                   "new:[1:%u],parent:%" SCNx64 ",[1:%u],right:%" SCNx64 ",[1:%u], objid:[1:%u]",
                   type, &after, &before, &trx, &level, &procid, &pgno, &line, &oper, &last, &new,
                   &parent_before, &parent, &right_before, &right, &objid),
            16);
        assert_int_equal(r->split.type, split_type(type));
        assert_int_equal(line, r->split.iline_split);
        assert_int_equal(oper, r->split.iline_oper);
        assert_int_equal(last + 1, r->split.nr_lines);
        assert_int_equal(new, r->split.pgno_new);
        assert_int_equal(parent, r->split.pgno_parent);
        assert_int_equal(parent_before, parent ? r->split.parent_before : 0);
        assert_int_equal(right, r->split.pgno_right);
        assert_int_equal(right_before, right ? r->split.right_before : 0);
        assert_int_equal(objid, r->objid);
        check_flags(strstr(t, "], ") + 3 + strcspn(strstr(t, "], ") + 3, " ") + 1, r);
        check_image(t, r->split.image, r->split.image_flags);
    }
    assert_int_equal(after, r->dbtime);
    assert_int_equal(before, r->dbtime_before);
    assert_int_equal(trx, r->trx);
    assert_int_equal(level, r->level);
    assert_int_equal(procid, r->procid);
    assert_int_equal(pgno, r->pgno);
}

static void check_merge(const char *t, const struct logrec *r)
{
    static const char *const types[] = {"None",      "EmptyPage", "FullRight",   "PartialRight",
                                        "EmptyTree", "FullLeft",  "PartialLeft", "PageMove"};
    uint64_t after, before, right_before, left_before, parent_before;
    unsigned trx, level, procid, pgno, line, right, left, parent, size, size_max, free_dest;
    char flags[64];

    assert_int_equal(sscanf(t,
                            "%" SCNx64 ",%" SCNx64 ",%x:%u(%x,merge:[1:%u:%u],right:%" SCNx64
                            ",[1:%u],left:%" SCNx64 ",[1:%u],parent:%" SCNx64
                            ",[1:%u],%63[^,],size:%u,maxsize:%u,uncfree:%u",
                            &after, &before, &trx, &level, &procid, &pgno, &line, &right_before,
                            &right, &left_before, &left, &parent_before, &parent, flags, &size,
                            &size_max, &free_dest),
                     17);
    assert_int_equal(after, r->dbtime);
    assert_int_equal(before, r->dbtime_before);
    assert_int_equal(trx, r->trx);
    assert_int_equal(level, r->level);
    assert_int_equal(procid, r->procid);
    assert_int_equal(pgno, r->pgno);
    assert_int_equal(line, r->merge.iline_merge);
    assert_int_equal(right, r->merge.pgno_right);
    assert_int_equal(right_before, right ? r->merge.right_before : 0);
    assert_int_equal(left, r->merge.pgno_left);
    assert_int_equal(left_before, left ? r->merge.left_before : 0);
    assert_int_equal(parent, r->merge.pgno_parent);
    assert_int_equal(parent_before, parent ? r->merge.parent_before : 0);
    assert_int_equal(size, r->merge.size_total);
    assert_int_equal(size_max, r->merge.size_max_total);
    assert_int_equal(free_dest, r->merge.free_dest);
    assert_int_equal(strstr(flags, ":NKC") == NULL, (r->merge.flags & LR_MERGE_KEY_CHANGE) != 0);
    assert_int_equal(strstr(flags, ":NEP") == NULL, (r->merge.flags & LR_MERGE_EMPTY_PAGE) != 0);
    assert_int_equal(strstr(flags, ":ND:") == NULL, (r->merge.flags & LR_MERGE_DELETE_NODE) != 0);
    assert_true(r->merge.type < ARRAY_LEN(types));
    assert_string_equal(strrchr(flags, ':') + 1, types[r->merge.type]);
    check_image(t, r->merge.image, r->merge.image_flags);
}

static void check_fdp(const char *t, const struct logrec *r)
{
    uint64_t after, before = DBTIME_INVALID;
    unsigned trx, level, procid, pgno, oe = 0, ae = 0, parent, objid, flags = 0, pages, first = 0,
                                       nr = 0;

    if (r->type == LR_CREATE_MULTIPLE_EXTENT_FDP)
        assert_int_equal(
            sscanf(t,
                   "%" SCNx64 ",%x:%u(%x,FDP:[1:%u],OE:[1:%u],AE:[1:%u],FDPParent:[1:%u],"
                   "objid:[1:%u],PageFlags:[0x%x],%u",
                   &after, &trx, &level, &procid, &pgno, &oe, &ae, &parent, &objid, &flags, &pages),
            11);
    else if (r->type == LR_CREATE_SINGLE_EXTENT_FDP)
        assert_int_equal(sscanf(t, "%" SCNx64 ",%x:%u(%x,[1:%u],[1:%u],[%u],PageFlags:[0x%x]%u",
                                &after, &trx, &level, &procid, &pgno, &parent, &objid, &flags,
                                &pages),
                         9);
    else
        assert_int_equal(
            sscanf(t, "%" SCNx64 ",%" SCNx64 ",%x:%u(%x,[1:%u],[1:%u],[%u],+%u,[1:%u],+%u", &after,
                   &before, &trx, &level, &procid, &pgno, &parent, &objid, &pages, &first, &nr),
            11);
    assert_int_equal(after, r->dbtime);
    assert_int_equal(trx, r->trx);
    assert_int_equal(level, r->level);
    assert_int_equal(procid, r->procid);
    assert_int_equal(pgno, r->pgno);
    assert_int_equal(parent, r->fdp.pgno_parent_fdp);
    assert_int_equal(objid, r->objid);
    assert_int_equal(pages, r->fdp.nr_pages);
    if (r->type == LR_CONVERT_FDP2) {
        assert_int_equal(before, r->dbtime_before);
        assert_int_equal(first, r->fdp.pgno_secondary);
        assert_int_equal(nr, r->fdp.nr_secondary);
    } else {
        assert_int_equal(flags, r->fdp.page_flags);
        assert_int_equal(oe, r->fdp.pgno_oe);
        assert_int_equal(ae, r->fdp.pgno_ae);
    }
}

static void check_insert(const char *t, const struct logrec *r)
{
    unsigned prefix = 0, suffix, data;

    if (r->type == LR_INSERT) {
        assert_int_equal(sscanf(after_flags(t), "%u,%u,%u,", &prefix, &suffix, &data), 3);
        assert_int_equal(prefix, r->insert.key_prefix.len);
        assert_int_equal(suffix, r->insert.key_suffix.len);
    } else {
        assert_int_equal(sscanf(after_flags(t), "%u,", &data), 1); /* of key and data together */
        assert_true(data >= r->insert.key_suffix.len);
        data -= r->insert.key_suffix.len;
        check_number(t, "rceidReplace:", 10, r->insert.rceid_replace);
        check_number(t, "rceidInsert:", 10, r->rceid);
    }
    assert_int_equal(data, r->insert.data.len);
}

/* "ReplDiff ... [ Offs:123 1B ReplaceWithSameLength (4): E1 80 E5 00 ])", one line per step. */
static void check_diff(struct log *g, const struct logrec *r)
{
    struct logdiff d;
    struct logdiff_step step;
    const char *l, *t;
    char kind[32];
    unsigned off, old_len, new_len, wide;
    int n;

    logdiff_init(&d, r->replace.data, r->replace.wide);
    while (logdiff_next(&d, &step) > 0) {
        l = peek(g);
        assert_non_null(l);
        t = strstr(l, "[ Offs:");
        assert_non_null(t);
        assert_int_equal(sscanf(t, "[ Offs:%u %uB %31s (%n", &off, &wide, kind, &n), 3);
        t += n;
        if (sscanf(t, "%u=>%u): %n", &old_len, &new_len, &n) < 2) {
            assert_int_equal(sscanf(t, "%u): %n", &new_len, &n), 1);
            old_len = strcmp(kind, "InsertWithValue") == 0 ? 0 : new_len;
        }
        assert_int_equal(off, step.off);
        assert_int_equal(old_len, step.old_len);
        assert_int_equal(new_len, step.data.len);
        check_bytes(t + n, step.data.p, step.data.len);
        use_line(g);
    }
    l = peek(g);
    assert_false(l && strstr(l, "ReplDiff"));
}

static void check_replace(struct log *g, const char *t, const struct logrec *r)
{
    unsigned len, new_len, old_len;

    assert_int_equal(sscanf(after_flags(t), "%u,%u,%u", &len, &new_len, &old_len), 3);
    assert_int_equal(len, r->replace.data.len);
    assert_int_equal(new_len, r->replace.new_len);
    assert_int_equal(old_len, r->replace.old_len);
    if (r->type == LR_REPLACE_D) {
        use_line(g);
        check_diff(g, r);
    }
}

static void check_trx(const char *t, const struct logrec *r)
{
    unsigned procid, from = 0, to = 0;
    uint64_t trx = 0;

    switch (r->type) {
    case LR_BEGIN:
    case LR_BEGIN0:
        assert_true(sscanf(t, "(%x,from:%u,to:%u) %" SCNx64, &procid, &from, &to, &trx) >= 3);
        assert_int_equal(from, r->trx_levels.level_from);
        assert_int_equal(to, r->trx_levels.level_from + r->trx_levels.nr_levels);
        break;
    case LR_COMMIT:
    case LR_COMMIT0:
        assert_true(sscanf(t, "(%x,to:%u) %" SCNx64, &procid, &to, &trx) >= 2);
        assert_int_equal(to, r->trx_levels.level_from);
        break;
    default:
        assert_int_equal(sscanf(t, "(%x,%u)", &procid, &to), 2);
        assert_int_equal(to, r->trx_levels.nr_levels);
        break;
    }
    assert_int_equal(procid, r->procid);
    assert_int_equal(trx, r->trx);
}

static void check_macro_info(const char *t, const struct logrec *r)
{
    unsigned pgno;
    int n;

    for (uint32_t i = 0; i < r->pages.len; i += 4, t += n) {
        assert_int_equal(sscanf(t, "[1:%u],%n", &pgno, &n), 1);
        assert_int_equal(pgno, get_le32(r->pages.p + i));
    }
    assert_int_not_equal(*t, '[');
}

static void check_other(const char *t, const struct logrec *r)
{
    uint64_t dbtime;
    unsigned a, b, c;
    int n;

    switch (r->type) {
    case LR_NEW_PAGE:
        assert_int_equal(
            sscanf(t, "%" SCNx64 ",(%x,page:[1:%u],objid:[1:%u])", &dbtime, &a, &b, &c), 4);
        assert_int_equal(dbtime, r->dbtime);
        assert_int_equal(a, r->procid);
        assert_int_equal(b, r->pgno);
        assert_int_equal(c, r->objid);
        break;
    case LR_MACRO_BEGIN:
    case LR_MACRO_COMMIT:
        assert_int_equal(sscanf(t, "(%x) %" SCNx64, &a, &dbtime), 2);
        assert_int_equal(a, r->procid);
        assert_int_equal(dbtime, r->dbtime);
        break;
    case LR_EXTEND_DB:
        assert_int_equal(sscanf(t, "[%u:%u]", &a, &b), 2);
        assert_int_equal(a, r->dbid);
        assert_int_equal(b, r->pgno);
        break;
    case LR_NOP2:
        assert_int_equal(sscanf(t, "(lrtyp = 71, %u bytes)", &a), 1);
        assert_int_equal(a, r->ignored.len);
        break;
    case LR_TRACE:
        assert_int_equal(sscanf(t, "(%x) %n", &a, &n), 1);
        assert_int_equal(a, r->procid);
        assert_true(r->text.text.len > 0 && r->text.text.p[r->text.text.len - 1] == 0);
        assert_memory_equal(t + n, r->text.text.p, r->text.text.len - 1);
        break;
    case LR_CREATE_DB:
        assert_int_equal(sscanf(t, "(%x,%n", &a, &n), 1);
        assert_int_equal(a, r->procid);
        assert_true(r->db.utf16);
        for (uint32_t i = 0; i + 2 < r->db.path.len; i += 2)
            assert_int_equal((uint8_t)t[n + (int)i / 2], get_le16(r->db.path.p + i));
        assert_int_equal(t[n + (int)(r->db.path.len / 2) - 1], ',');
        check_number(t, "Version: 0x", 16, r->db.version);
        break;
    case LR_SET_DB_VERSION:
        assert_int_equal(sscanf(t, "(dbid:%*u, DB ver:%u.%u.%u)", &a, &b, &c), 3);
        assert_int_equal(a, r->db_version.version);
        assert_int_equal(b, r->db_version.update_major);
        assert_int_equal(c, r->db_version.update_minor);
        break;
    case LR_CREATE_DB_FINISH:
        assert_int_equal(sscanf(t, "(%x,%u)", &a, &b), 2);
        assert_int_equal(a, r->procid);
        assert_int_equal(b, r->dbid);
        break;
    default: { /* Init2 */
        char time[32];
        assert_int_equal(sscanf(t, "(%u/%u/", &a, &b), 2);
        assert_int_equal(a, r->init.time.b[4]);
        assert_int_equal(b, r->init.time.b[3]);
        logtime_str(r->init.time, time);
        assert_memory_equal(strchr(t, ' ') + 1, time + 11, 12);
        break;
    }
    }
}

static const struct name *name_of(const char *line)
{
    char buf[11];
    size_t n;

    memcpy(buf, line, 10);
    buf[10] = 0;
    for (n = 10; n > 0 && buf[n - 1] == ' '; n--)
        buf[n - 1] = 0;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(buf, names[i].dump) == 0)
            return &names[i];
    fail_msg("the dump has a record named '%s'", buf);
    return NULL;
}

static void compare_record(struct log *g, const char *line, lgpos_t lgpos, const struct logrec *r)
{
    const struct name *name = name_of(line + 20);
    const char *t = line + 30;
    unsigned gen, isec, ib;

    assert_int_equal(sscanf(line, ">%x,%x,%x", &gen, &isec, &ib), 3);
    assert_int_equal(lgpos, lgpos_make(gen, isec, ib));
    assert_int_equal(r->type, name->type);
    if (name->fixed) {
        const char *bytes = strrchr(t, ')');
        check_bytes(bytes + 1, r->bytes.p + name->fixed, r->bytes.len - name->fixed);
    }
    switch (r->type) {
    case LR_INSERT:
    case LR_FLAG_INSERT_AND_REPLACE_DATA:
        check_node(t, r);
        check_insert(t, r);
        break;
    case LR_FLAG_DELETE:
    case LR_DELETE:
    case LR_SET_EXTERNAL_HEADER:
        check_node(t, r);
        break;
    case LR_UNDO:
        check_node(t, r);
        break;
    case LR_DELTA: {
        int delta;
        unsigned offset;
        check_node(t, r);
        assert_int_equal(sscanf(after_flags(t), "%d,offset:%u", &delta, &offset), 2);
        assert_int_equal(delta, r->node.delta);
        assert_int_equal(offset, r->node.offset);
        break;
    }
    case LR_REPLACE:
    case LR_REPLACE_D:
        check_node(t, r);
        check_replace(g, t, r);
        break;
    case LR_UNDO_INFO:
        check_undo_info(t, r);
        break;
    case LR_SPLIT2:
        check_split(t, r);
        break;
    case LR_MERGE2:
        check_merge(t, r);
        break;
    case LR_CONVERT_FDP2:
    case LR_CREATE_MULTIPLE_EXTENT_FDP:
    case LR_CREATE_SINGLE_EXTENT_FDP:
        check_fdp(t, r);
        break;
    case LR_BEGIN:
    case LR_BEGIN0:
    case LR_COMMIT:
    case LR_COMMIT0:
    case LR_ROLLBACK:
        check_trx(t, r);
        break;
    case LR_MACRO_INFO:
        check_macro_info(t, r);
        break;
    default:
        check_other(t, r);
        break;
    }
}

static JET_ERR count_page(void *ctx, const struct logrec_page *p)
{
    uint64_t *nr = ctx;

    *nr += p->nr;
    return JET_errSuccess;
}

/* "Insert         140           280       26.9% / 56.8%": number and average length per type. */
static void compare_totals(struct log *g)
{
    uint64_t value, pages = UINT64_MAX;
    const char *l;

    for (; (l = peek(g)); use_line(g)) {
        unsigned clr, avg;
        char op[11];

        if (sscanf(l, "clrTotal    =  %" SCNu64, &value) == 1)
            assert_int_equal(value, g->nr_records);
        else if (sscanf(l, "cbTotal     =  %" SCNu64, &value) == 1)
            assert_int_equal(value, g->nr_bytes);
        else if (sscanf(l, "Number of database page references:  %" SCNu64, &value) == 1)
            pages = value;
        else if (sscanf(l, "%10c %u %u %*f%% /", op, &clr, &avg) == 3 && strchr(l, '%')) {
            const struct name *name = name_of(l);
            assert_int_equal(clr, g->nr[name->type]);
            assert_int_equal(avg, g->len[name->type] / g->nr[name->type]);
        }
    }
    assert_int_equal(pages, g->nr_pages);
}

/* The part of the dump before the records. */
static void compare_head(struct log *g, const struct ese_log_info *info)
{
    const char *l;

    for (; (l = peek(g)) && *l != '>' && strncmp(l, "Segment", 7) != 0; use_line(g)) {
        unsigned gen, isec, ib, major, minor, um, ui;
        uint64_t sum;

        if (sscanf(l, " lGeneration: %u", &gen) == 1)
            assert_int_equal(gen, info->gen);
        else if (sscanf(l, " prev gen accumulated segment checksum: 0x%" SCNx64, &sum) == 1)
            assert_int_equal(sum, info->prev_gen_checksum);
        else if (sscanf(l, " Format LGVersion: (%u.%u.%u.%u)", &major, &minor, &um, &ui) == 4)
            assert_true(major == info->major && minor == info->minor && um == info->update_major &&
                        ui == info->update_minor);
        else if (sscanf(l, " Last Lgpos: (0x%x,%x,%x)", &gen, &isec, &ib) == 3)
            assert_int_equal(lgpos_make(gen, isec - 1, ib), info->lgpos_last);
        else if (sscanf(l, " Accumulated segment checksum: 0x%" SCNx64, &sum) == 1)
            assert_int_equal(sum, info->checksum);
        else if (sscanf(l, " Checkpoint at log creation time: (0x%x,%x,%x)", &gen, &isec, &ib) == 3)
            assert_int_equal(lgpos_make(gen, isec, ib), info->lgpos_checkpoint);
    }
}

/* What the head of the dump says of the end of the log is known only after it was read once. */
static void read_through(int fd, bool current, struct reporter *r, struct log *g, bool compare)
{
    struct logread *l;
    struct logrec rec;
    lgpos_t lgpos;
    const char *line;
    JET_ERR err;

    assert_int_equal(logread_open(fd, current, r, &l), JET_errSuccess);
    while ((err = logread_next(l, &lgpos, &rec)) > 0) {
        if (!compare)
            continue;
        line = next_record_line(g);
        assert_non_null(line);
        compare_record(g, line, lgpos, &rec);
        if (rec.type != LR_REPLACE_D)
            use_line(g);
        assert_int_equal(logrec_pages(&rec, count_page, &g->nr_pages), JET_errSuccess);
        g->nr_records++;
        g->nr_bytes += rec.bytes.len;
        g->nr[rec.type]++;
        g->len[rec.type] += rec.bytes.len;
    }
    assert_int_equal(err, 0);
    if (!compare)
        compare_head(g, logread_info(l));
    logread_close(l);
}

static void compare_log(const char *dir, const char *dump)
{
    struct reporter r = {.fn = report};
    struct log g = {0};
    char path[600], cmd[700];
    uint8_t bytes[1 << 17];
    const size_t len = strlen(dump) - strlen("ml_") - strlen(".txt.xz");
    int fd;

    snprintf(path, sizeof(path), "%s/files/%.*s", dir, (int)len, dump + 3);
    r.file = path;
    fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
    g.bytes = bytes;
    snprintf(cmd, sizeof(cmd), "xz -dc '%s/%s'", dir, dump);
    g.dump = popen(cmd, "r");
    assert_non_null(g.dump);
    read_through(fd, len == 7, &r, &g, false);
    read_through(fd, len == 7, &r, &g, true);
    assert_null(next_record_line(&g)); /* none is left over */
    compare_totals(&g);
    assert_int_equal(pclose(g.dump), 0);
    assert_true(g.nr_records > 0);
    nr_compared += g.nr_records;
    free(g.line);
    close(fd);
}

static void every_record_is_what_the_engine_says_it_is(void **state)
{
    static const char *const sets[] = {"p4096_w10", "p4096_w10_jtx", "p32768_w10", "p4096_latest"};
    unsigned nr_logs = 0;

    (void)state;
    NEED_DATA("engine/*/dirty against ml_*.txt.xz");
    for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
        char dir[500];
        struct dirent *e;
        DIR *d;

        snprintf(dir, sizeof(dir), "%s/engine/%s/dirty", test_data(), sets[i]);
        d = opendir(dir);
        assert_non_null(d);
        while ((e = readdir(d)))
            if (strncmp(e->d_name, "ml_", 3) == 0) {
                compare_log(dir, e->d_name);
                nr_logs++;
            }
        closedir(d);
    }
    print_message("%u logs, %" PRIu64 " records\n", nr_logs, nr_compared);
    assert_int_equal(nr_logs, 42);
    assert_true(nr_compared > 30000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_record_is_what_the_engine_says_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
