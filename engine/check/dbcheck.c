#include "check/dbcheck.h"

#include <stdlib.h>

#include "check/links.h"
#include "check/pgset.h"
#include "page/dbhdr.h"
#include "page/page.h"

#define OBJID_ROOT           1u /* the database's own tree: pgno 1, owned extents pgno 2, available 3 */
#define OBJID_CATALOG        2u
#define PGNO_ROOT            1u
#define FAULTS_OF_A_KIND_MAX 20 /* lines told one by one; the rest is counted */

struct dbcheck {
    struct reporter *r;
    uint64_t size, off;
    uint32_t page_size; /* 0: header not seen yet */
    pgno_t pgno_max;    /* pages in the file without headers, trailer included */
    struct ese_db_info info;
    struct pgset blank, referred;
    struct links *links; /* NULL: dirty, or too many pages */
    struct dbcheck_counts counts;
    unsigned nr_beyond; /* references past the end of the file */
    unsigned nr_bad_links;
    uint64_t nr_beyond_header; /* pages newer than the header says */
    struct dbcheck_logs logs;
    pgno_t owned;    /* the last page that the database owns, as far as its pages were seen */
    pgno_t owned_by; /* the page that says so */
};

JET_ERR dbcheck_new(uint64_t size, struct reporter *r, struct dbcheck **ret)
{
    struct dbcheck *c = calloc(1, sizeof(*c));

    if (!c)
        return RAISE(JET_errOutOfMemory);
    c->r = r;
    c->size = size;
    *ret = c;
    return JET_errSuccess;
}

void dbcheck_free(struct dbcheck *c)
{
    if (!c)
        return;
    pgset_done(&c->blank);
    pgset_done(&c->referred);
    links_free(c->links);
    free(c);
}

const struct ese_db_info *dbcheck_info(const struct dbcheck *c)
{
    return c->page_size ? &c->info : NULL;
}

struct dbcheck_counts dbcheck_counts(const struct dbcheck *c)
{
    return c->counts;
}

void dbcheck_expect(struct dbcheck *c, const struct dbcheck_logs *logs)
{
    c->logs = *logs;
}

static bool is_clean(const struct dbcheck *c)
{
    return c->info.state == ESE_DB_CLEAN;
}

static uint64_t page_off(const struct dbcheck *c, pgno_t pgno)
{
    return ((uint64_t)pgno + 1) * c->page_size;
}

/* ---- what pages say of other pages ------------------------------------------------------------ */

static JET_ERR refer(struct dbcheck *c, pgno_t from, pgno_t to)
{
    if (to == PGNO_NULL)
        return JET_errSuccess;
    if (to > c->pgno_max) {
        if (is_clean(c) && c->nr_beyond++ < FAULTS_OF_A_KIND_MAX)
            fault(c->r, JET_errDatabaseCorrupted, 0, from, page_off(c, from),
                  "refers to page %u, but the file ends at page %u", to, c->pgno_max);
        return JET_errSuccess;
    }
    return pgset_add(&c->referred, to);
}

static JET_ERR refer_children(struct dbcheck *c, struct page p, pgno_t pgno)
{
    JET_ERR err = JET_errSuccess;
    unsigned n = page_nr_lines(p);

    for (unsigned i = 0; err >= 0 && i < n; i++) {
        struct node node = page_node(p, i);
        err = refer(c, pgno, node_child(&node));
    }
    return err;
}

/* Roots named by the catalogue: MSysObjects' fixed columns start with ObjidTable u32 at 4, Type u16
 * at 8, Id u32 at 10, ColtypOrPgnoFDP u32 at 14 (ESE: cat.hxx); tables, indexes and long-value trees
 * have a page there. */
static JET_ERR refer_catalog(struct dbcheck *c, struct page p, pgno_t pgno)
{
    enum { OBJ_TABLE = 1, OBJ_INDEX = 3, OBJ_LONG_VALUE = 4 };
    JET_ERR err = JET_errSuccess;
    unsigned n = page_nr_lines(p);

    for (unsigned i = 0; err >= 0 && i < n; i++) {
        struct node node = page_node(p, i);
        unsigned type;

        if ((node.flags & NODE_DELETED) || node.data.len < 18 || node.data.p[0] < 4)
            continue;
        type = get_le16(node.data.p + 8);
        if (type == OBJ_TABLE || type == OBJ_INDEX || type == OBJ_LONG_VALUE)
            err = refer(c, pgno, get_le32(node.data.p + 14));
    }
    return err;
}

/* A root's space header names the trees of owned and available extents, side by side. Longer than 16
 * bytes it starts with a byte of flags, bit 0: a space header follows. */
static JET_ERR refer_space(struct dbcheck *c, struct page p, pgno_t pgno)
{
    struct slice h = page_external_header(p);
    const struct space_hdr_disk *s;
    pgno_t oe;
    JET_ERR err;

    if (h.len < sizeof(*s) || (h.len > sizeof(*s) && !(h.p[0] & 1)))
        return JET_errSuccess;
    s = (const struct space_hdr_disk *)(h.len > sizeof(*s) ? h.p + 1 : h.p);
    if (!(s->flags[0] & SPACE_MULTIPLE))
        return JET_errSuccess;
    oe = le32_get(s->pgno_oe_or_bitmap);
    err = refer(c, pgno, oe);
    return err < 0 || oe == UINT32_MAX ? err : refer(c, pgno, oe + 1);
}

/* The database's own extents (key: last page, big-endian): where the file ends at least. */
static void note_owned(struct dbcheck *c, struct page p, pgno_t pgno)
{
    unsigned n = page_nr_lines(p);
    uint8_t key[PAGE_SIZE_MAX];

    for (unsigned i = 0; i < n; i++) {
        struct node node = page_node(p, i);

        if ((node.flags & NODE_DELETED) || node.prefix.len + node.suffix.len != 4)
            continue;
        node_key(&node, key);
        if (get_be32(key) <= c->owned)
            continue;
        c->owned = get_be32(key);
        c->owned_by = pgno;
    }
}

static JET_ERR note_references(struct dbcheck *c, struct page p, pgno_t pgno)
{
    const uint32_t flags = page_flags(p);
    JET_ERR err;

    if (flags & (PAGE_EMPTY | PAGE_PRE_INIT)) /* out of its tree: what it still names is history */
        return JET_errSuccess;
    err = refer(c, pgno, page_prev(p));
    if (err >= 0)
        err = refer(c, pgno, page_next(p));
    if (err >= 0 && !(flags & PAGE_LEAF))
        err = refer_children(c, p, pgno);
    if (err >= 0 && (flags & PAGE_ROOT) && !(flags & PAGE_SPACE_TREE))
        err = refer_space(c, p, pgno);
    if (err >= 0 && (flags & PAGE_LEAF) && page_objid(p) == OBJID_CATALOG &&
        !(flags & (PAGE_SPACE_TREE | PAGE_INDEX | PAGE_LONG_VALUE)))
        err = refer_catalog(c, p, pgno);
    if ((flags & PAGE_LEAF) && (flags & PAGE_SPACE_TREE) && page_objid(p) == OBJID_ROOT)
        note_owned(c, p, pgno);
    return err;
}

/* ---- one page --------------------------------------------------------------------------------- */

static bool take_trailer(struct dbcheck *c, const uint8_t *buf, pgno_t pgno)
{
    const struct trailer_disk *t = (const struct trailer_disk *)buf;

    if (pgno != c->pgno_max || !trailer_is_valid(buf, c->page_size))
        return false;
    if (memcmp(t->sign_db.b, c->info.sign_db.b, sizeof(t->sign_db.b)) != 0)
        fault(c->r, JET_errDatabasePatchFileMismatch, 430, pgno, page_off(c, pgno),
              "the trailer page belongs to another database");
    c->counts.trailer = true;
    return true;
}

static void report_bad(struct dbcheck *c, pgno_t pgno, const struct page_check *v)
{
    const uint64_t off = page_off(c, pgno);

    /* A page number that the file does not have is a coincidence of checksums, not another page. */
    switch (v->verdict == PAGE_BAD_PGNO && v->pgno_found > c->pgno_max ? PAGE_BAD_CHECKSUM
                                                                       : v->verdict) {
    case PAGE_BAD_PGNO:
        fault(c->r, v->err, 475, pgno, off, "the bytes are those of page %u", v->pgno_found);
        break;
    case PAGE_BAD_STRUCTURE:
        fault(c->r, v->err, 0, pgno, off, "the checksum is right, but %s", v->what);
        break;
    default:
        fault(c->r, v->err, 474, pgno, off,
              "page checksum mismatch: stored 0x%016llX, computed 0x%016llX",
              (unsigned long long)v->stored, (unsigned long long)v->computed);
    }
}

/* A page whose last change is not the newest one: the write was lost, or the page is from an older
 * state of the database. */
static void check_dbtime(struct dbcheck *c, struct page p, pgno_t pgno)
{
    dbtime_t t = page_dbtime(p), least = 0, most = UINT64_MAX;

    /* Not a fault: a genuine clean database exists whose header is behind its pages (FORMAT.md). */
    if (is_clean(c) && t > c->info.dbtime && !c->nr_beyond_header++)
        fault_note(c->r, 0, page_off(c, pgno),
                   "page %u has dbtime 0x%llX, beyond the header's 0x%llX", pgno,
                   (unsigned long long)t, (unsigned long long)c->info.dbtime);
    if (c->logs.bounds)
        c->logs.bounds(c->logs.ctx, pgno, &least, &most);
    if (t < least)
        fault(c->r, JET_errDbTimeTooOld, 516, pgno, page_off(c, pgno),
              "page dbtime 0x%llX is older than 0x%llX, which the logs say it has reached",
              (unsigned long long)t, (unsigned long long)least);
    if (t > most)
        fault(c->r, JET_errDbTimeTooNew, 516, pgno, page_off(c, pgno),
              "page dbtime 0x%llX is newer than 0x%llX, the last that was logged",
              (unsigned long long)t, (unsigned long long)most);
}

static JET_ERR check_page(struct dbcheck *c, uint8_t *buf, pgno_t pgno)
{
    struct page_check v;
    struct page p = {buf, c->page_size};
    dbtime_t least = 0, most = UINT64_MAX;

    page_verify(buf, c->page_size, pgno, &v);
    if (v.verdict == PAGE_BLANK) {
        c->counts.blank++;
        c->counts.pages++;
        if (c->logs.bounds)
            c->logs.bounds(c->logs.ctx, pgno, &least, &most);
        if (is_clean(c) && least)
            fault(c->r, JET_errPageNotInitialized, 476, pgno, page_off(c, pgno),
                  "the page is blank, but the logs say that it was written");
        return pgset_add(&c->blank, pgno);
    }
    if (v.verdict == PAGE_CORRECTED) {
        fault_corrected(c->r, 399, pgno, page_off(c, pgno),
                        "bit %u was wrong and is corrected in the copy", v.bit);
    } else if (v.verdict != PAGE_OK) {
        if (take_trailer(c, buf, pgno))
            return JET_errSuccess;
        report_bad(c, pgno, &v);
        c->counts.pages++;
        return JET_errSuccess;
    }
    c->counts.pages++;
    check_dbtime(c, p, pgno);
    links_page(c->links, p, pgno);
    return note_references(c, p, pgno);
}

static void bad_link(void *ctx, pgno_t leaf, bool next, pgno_t expected, pgno_t found)
{
    struct dbcheck *c = ctx;

    if (c->nr_bad_links++ < FAULTS_OF_A_KIND_MAX)
        fault(c->r, JET_errBadPageLink, 0, leaf, page_off(c, leaf),
              "the %s page should be %u by its parent, but is %u: a page from another state?",
              next ? "next" : "previous", expected, found);
}

/* ---- the stream ------------------------------------------------------------------------------- */

static JET_ERR begin(struct dbcheck *c, const uint8_t *buf, size_t len)
{
    JET_ERR err =
        dbhdr_decode(buf, len < DBHDR_HEAD_LEN ? len : DBHDR_HEAD_LEN, c->r, &c->info, NULL);

    if (err < 0)
        return err;
    if (c->info.primary_bad)
        fault(c->r, JET_errReadVerifyFailure, 456, 0, 0, "the primary header is damaged");
    if (c->info.shadow_bad)
        fault(c->r, JET_errReadVerifyFailure, 472, 0, c->info.page_size,
              "the shadow of the header is damaged");
    c->page_size = c->info.page_size;
    if (c->size % c->page_size)
        fault(c->r, JET_errDatabaseCorrupted, 438, 0, c->size - c->size % c->page_size,
              "the file is truncated: its size is no whole number of pages");
    if (c->size / c->page_size < 2 || c->size / c->page_size - 2 > UINT32_MAX - 2)
        return fault(c->r, JET_errDatabaseCorrupted, 438, 0, ESE_NO_OFFSET,
                     "%llu bytes are no possible size of a database", (unsigned long long)c->size);
    c->pgno_max = (pgno_t)(c->size / c->page_size - 2);
    return is_clean(c) ? links_new(c->pgno_max, bad_link, c, &c->links) : JET_errSuccess;
}

JET_ERR dbcheck_feed(struct dbcheck *c, void *buf, size_t len)
{
    uint8_t *b = buf;
    JET_ERR err = JET_errSuccess;

    if (!c->page_size) {
        err = begin(c, b, len);
        if (err < 0)
            return err;
    }
    for (size_t i = 0; err >= 0 && i + c->page_size <= len; i += c->page_size) {
        uint64_t index = (c->off + i) / c->page_size;
        if (index >= 2)
            err = check_page(c, b + i, (pgno_t)(index - 1));
    }
    c->off += len;
    return err;
}

JET_ERR dbcheck_feed_hole(struct dbcheck *c, uint64_t len)
{
    uint64_t first, last;

    if (!c->page_size)
        return fault(c->r, JET_errReadVerifyFailure, 475, 0, 0, "the database header is blank");
    first = c->off / c->page_size;
    last = (c->off + len) / c->page_size; /* excluded */
    c->off += len;
    if (first < 2)
        first = 2; /* a header copy in a hole was reported as damaged by begin() */
    if (last <= first)
        return JET_errSuccess;
    c->counts.pages += last - first;
    c->counts.blank += last - first;
    return pgset_add_range(&c->blank, (pgno_t)(first - 1), (pgno_t)(last - 2));
}

/* A file that was cut off at a page boundary has no other mark. */
static void check_owned(struct dbcheck *c, pgno_t end)
{
    pgno_t grows_to = 0, had = 0;
    const bool known =
        !is_clean(c) && c->logs.end && c->logs.end(c->logs.ctx, end, &grows_to, &had);

    if (had)
        fault(c->r, JET_errDatabaseCorrupted, 0, 0, ESE_NO_OFFSET,
              "the file is truncated: it ends at page %u, and by the logs it had page %u", end,
              had);
    if (c->owned <= end || (known && c->owned <= grows_to))
        return;
    if (is_clean(c) || known)
        fault(c->r, JET_errDatabaseCorrupted, 0, c->owned_by, page_off(c, c->owned_by),
              "the file is truncated: it owns pages up to %u and ends at page %u", c->owned, end);
    else
        fault_note(c->r, 0, page_off(c, c->owned_by),
                   "it owns pages up to %u and ends at page %u: its logs must make it longer",
                   c->owned, end);
}

static void check_the_end(struct dbcheck *c)
{
    const bool is_copy = c->info.state != ESE_DB_CLEAN && c->info.full_cur.gen_low &&
                         !c->info.full_cur.gen_high; /* a restore that has begun sets the latter */

    if (is_copy && !c->counts.trailer)
        fault(c->r, JET_errBadPatchPage, 645, c->pgno_max, page_off(c, c->pgno_max),
              "it is the copy that a backup made, and ends without its trailer page: truncated?");
    check_owned(c, c->counts.trailer ? c->pgno_max - 1 : c->pgno_max);
}

JET_ERR dbcheck_end(struct dbcheck *c)
{
    uint64_t n = 0;
    pgno_t at = 1;

    if (!c->page_size) /* nothing was fed: an empty file; or the header was refused, and that was told */
        return c->r->first < 0
                   ? RAISE(c->r->first)
                   : fault(c->r, JET_errReadVerifyFailure, 475, 0, 0, "the file is empty");
    if (c->off != c->size)
        return fault(c->r, JET_errFileIOBeyondEOF, 0, 0, c->off, "the file is shorter than it was");
    check_the_end(c);
    if (!is_clean(c))
        return JET_errSuccess;
    if (pgset_has(&c->blank, PGNO_ROOT))
        fault(c->r, JET_errPageNotInitialized, 476, PGNO_ROOT, page_off(c, PGNO_ROOT),
              "the database's root page is blank");
    for (; pgset_next_common(&c->blank, &c->referred, at, &at); at++)
        if (n++ < FAULTS_OF_A_KIND_MAX)
            fault(c->r, JET_errPageNotInitialized, 476, at, page_off(c, at),
                  "the page is blank, but other pages refer to it");
    if (n > FAULTS_OF_A_KIND_MAX)
        fault(c->r, JET_errPageNotInitialized, 476, 0, ESE_NO_OFFSET,
              "%llu more pages are blank though other pages refer to them",
              (unsigned long long)(n - FAULTS_OF_A_KIND_MAX));
    return JET_errSuccess;
}
