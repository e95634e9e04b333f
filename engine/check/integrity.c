#include "check/integrity.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "os/file.h"
#include "page/dbhdr.h"

#define TOLD_SLOTS        (1u << 14)
#define PROGRESS_PAGES    256u
#define HEADER_SHADOW_OFF 0x1u /* ESE: daedef.hxx, fDbShadowingDisabled */

/* ---- telling ----------------------------------------------------------------------------------- */

uint64_t integrity_hash(uint64_t seed, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    uint64_t h = seed ^ len * UINT64_C(0x9E3779B97F4A7C15), w;

    for (; len; p += 8, len = len > 8 ? len - 8 : 0) {
        w = 0;
        memcpy(&w, p, len < 8 ? len : 8);
        h = (h ^ w) * UINT64_C(0xFF51AFD7ED558CCD);
        h ^= h >> 32;
    }
    h *= UINT64_C(0xC4CEB9FE1A85EC53);
    return h ^ h >> 29;
}

/* Trees are read more than once (the catalogue, tables whose index does not agree): what is at fault is
 * told at the first time only. A fault that was forgotten for another may be told again. */
static bool was_told(struct integrity *g, const struct ese_fault *f)
{
    uint64_t h = integrity_hash((uint32_t)f->err, f->text, strlen(f->text));

    h = integrity_hash(h, &f->offset, sizeof(f->offset));
    if (g->told[h % TOLD_SLOTS] == h)
        return true;
    g->told[h % TOLD_SLOTS] = h;
    return false;
}

/* What recovery cannot put right: a page that cannot be read is none that redo could change. */
static bool is_beyond_recovery(const struct ese_fault *f)
{
    return f->err == JET_errReadVerifyFailure || f->err == JET_errPageTagCorrupted || f->os_errno;
}

static void take_fault(void *ctx, const struct ese_fault *from)
{
    struct integrity *g = ctx;
    struct ese_fault f = *from;

    if (g->muted || was_told(g, &f))
        return;
    if (f.severity == ESE_FAULT && (g->lenient || g->doubtful) && !is_beyond_recovery(&f)) {
        if (g->nr_demoted++ >= FAULTS_OF_A_KIND_MAX)
            return;
        f.severity = ESE_NOTE;
    }
    if (f.severity == ESE_FAULT)
        g->nr_faults++;
    if (g->fn)
        g->fn(g->fn_ctx, &f);
}

JET_ERR integrity_fault(struct integrity *g, JET_ERR err, pgno_t pgno, const char *fmt, ...)
{
    char text[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return fault(&g->r, err, 0, pgno, pgno ? dbfile_offset(g->f, pgno) : ESE_NO_OFFSET, "%s", text);
}

void integrity_note(struct integrity *g, const char *fmt, ...)
{
    char text[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    fault_note(&g->r, 0, ESE_NO_OFFSET, "%s", text);
}

void integrity_progress(struct integrity *g, uint64_t pages)
{
    const uint64_t before = g->done;

    g->done = pages > g->total - g->done ? g->total : g->done + pages;
    if (g->progress && before / PROGRESS_PAGES != g->done / PROGRESS_PAGES)
        g->progress(g->progress_ctx, g->done, g->total);
}

JET_ERR integrity_grow(void *array, size_t nr, size_t *room, size_t size)
{
    void **p = array, *q;
    size_t want = *room ? *room * 2 : 64;

    if (nr < *room)
        return JET_errSuccess;
    q = realloc(*p, want * size);
    if (!q)
        return RAISE(JET_errOutOfMemory);
    *p = q;
    *room = want;
    return JET_errSuccess;
}

/* ---- the passes -------------------------------------------------------------------------------- */

static void tell_state(struct integrity *g)
{
    const struct ese_db_info *info = dbfile_info(g->f);

    if (info->state == ESE_DB_CLEAN) {
        if (info->primary_bad)
            fault(&g->r, JET_errReadVerifyFailure, 456, 0, 0, "the primary header is damaged");
        if (info->shadow_bad)
            fault(&g->r, JET_errReadVerifyFailure, 472, 0, info->page_size,
                  "the shadow of the header is damaged");
        return;
    }
    g->lenient = true;
    integrity_note(g,
                   "database is dirty: its state is \"%s\" and recovery needs the logs %" PRIX32
                   " to %" PRIX32 "; what they may put right is told as a note",
                   dbstate_name(info->state), info->gen_min_required, info->gen_max_required);
}

static void check_size(struct integrity *g, uint64_t size)
{
    const uint32_t page_size = dbfile_page_size(g->f);

    if (size % page_size)
        fault(&g->r, JET_errDatabaseCorrupted, 438, 0, size - size % page_size,
              "the size of the file is no whole number of pages");
}

/* One flag of the header that says what to expect of the catalogue. The header itself was checked. */
static JET_ERR read_flags(struct integrity *g, int fd)
{
    struct reporter silent = {0};
    struct ese_db_info info;
    const struct dbhdr_disk *raw = NULL;
    uint8_t *head = malloc(DBHDR_HEAD_LEN);
    size_t len;
    JET_ERR err;

    if (!head)
        return RAISE(JET_errOutOfMemory);
    err = os_pread(fd, head, DBHDR_HEAD_LEN, 0, &len);
    if (err >= 0)
        err = dbhdr_decode(head, len, &silent, &info, &raw);
    if (err >= 0 && raw)
        g->shadow_off = le32_get(raw->flags) & HEADER_SHADOW_OFF;
    free(head);
    return err;
}

static JET_ERR check_all(struct integrity *g)
{
    JET_ERR err = catalog_load_any(g->f, &g->catalog);

    if (err == JET_errPageNotInitialized && g->lenient) {
        integrity_note(g, "its catalogue is not in the file yet: nothing more can be told before a "
                          "recovery");
        return JET_errSuccess;
    }
    if (err < 0)
        return err;
    err = trees_find(g);
    if (err >= 0)
        err = space_map(g);
    if (err >= 0)
        err = catalog_check(g);
    for (uint32_t i = 0; err >= 0 && i < g->nr_trees; i++)
        if (g->trees[i].kind == TREE_DATABASE || g->trees[i].kind == TREE_TABLE)
            err = table_check(g, i);
    if (err >= 0)
        space_tell_leaks(g);
    return err;
}

static void done(struct integrity *g)
{
    pgset_done(&g->reached);
    free(g->owned.e);
    free(g->available.e);
    free(g->map);
    free(g->space_pages);
    free(g->trees);
    free(g->by_objid);
    free(g->told);
    catalog_free(g->catalog);
    dbfile_close(g->f);
}

static JET_ERR open_file(struct integrity *g, int fd)
{
    struct os_stat st;
    JET_ERR err = dbfile_open(fd, &g->r, &g->f);

    if (err < 0)
        return err;
    err = os_stat_fd(fd, &st);
    if (err < 0)
        return fault_io(&g->r, err, ESE_NO_OFFSET, "reading the size of the file");
    tell_state(g);
    check_size(g, st.size);
    return read_flags(g, fd);
}

static JET_ERR open_pages(struct integrity *g, const struct ese_pages *pages)
{
    struct dbfile_source source = {.last = pages->last, .read = pages->read, .ctx = pages->ctx};
    const struct dbhdr_disk *raw;
    struct ese_db_info info;
    uint8_t *head;
    JET_ERR err;

    if (pages->page_size < PAGE_SIZE_MIN || pages->page_size > PAGE_SIZE_MAX)
        return RAISE(JET_errInvalidParameter);
    head = malloc(2 * (size_t)pages->page_size);
    if (!head)
        return RAISE(JET_errOutOfMemory);
    memcpy(head, pages->header, pages->page_size);
    memcpy(head + pages->page_size, pages->header, pages->page_size);
    err = dbhdr_decode(head, 2 * (size_t)pages->page_size, &g->r, &info, &raw);
    if (err >= 0 && info.page_size != pages->page_size)
        err = RAISE(JET_errInvalidParameter);
    if (err >= 0) {
        g->shadow_off = le32_get(raw->flags) & HEADER_SHADOW_OFF;
        source.info = &info;
        err = dbfile_open_source(&source, &g->r, &g->f);
    }
    free(head);
    if (err >= 0)
        tell_state(g);
    return err;
}

/* pages: NULL, or what is looked at instead of the file. */
static JET_ERR run(struct integrity *g, int fd, const struct ese_pages *pages)
{
    JET_ERR err;

    g->told = calloc(TOLD_SLOTS, sizeof(*g->told));
    if (!g->told)
        return RAISE(JET_errOutOfMemory);
    err = pages ? open_pages(g, pages) : open_file(g, fd);
    if (err < 0)
        return err;
    g->total = dbfile_last_page(g->f);
    err = check_all(g);
    if (g->nr_demoted > FAULTS_OF_A_KIND_MAX)
        integrity_note(g, "%" PRIu64 " more findings of this kind are not told",
                       g->nr_demoted - FAULTS_OF_A_KIND_MAX);
    if (err >= 0 && g->progress)
        g->progress(g->progress_ctx, g->total, g->total);
    return err;
}

static JET_ERR check(int fd, const struct ese_pages *pages, const char *name, ese_fault_fn *report,
                     void *ctx, ese_progress_fn *progress, void *progress_ctx, uint64_t *ret_faults)
{
    struct integrity g = {
        .fn = report,
        .fn_ctx = ctx,
        .progress = progress,
        .progress_ctx = progress_ctx,
    };
    JET_ERR err;

    g.r = (struct reporter){.fn = take_fault, .ctx = &g, .file = name};
    err = run(&g, fd, pages);
    done(&g);
    *ret_faults = g.nr_faults;
    return err;
}

JET_ERR ese_integrity(int fd, const char *name, ese_fault_fn *report, void *ctx,
                      ese_progress_fn *progress, void *progress_ctx, uint64_t *ret_faults)
{
    return check(fd, NULL, name, report, ctx, progress, progress_ctx, ret_faults);
}

JET_ERR ese_integrity_pages(const struct ese_pages *pages, const char *name, ese_fault_fn *report,
                            void *ctx, ese_progress_fn *progress, void *progress_ctx,
                            uint64_t *ret_faults)
{
    return check(-1, pages, name, report, ctx, progress, progress_ctx, ret_faults);
}
