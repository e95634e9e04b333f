/* The log of a running instance, read and done again, record by record, on a file of its own. */
#ifndef SPACELOG_H
#define SPACELOG_H

#include <dirent.h>

#include "log/logread.h"
#include "os/file.h"
#include "rec/compress.h"
#include "spacetest.h"

/* ---- the log --------------------------------------------------------------------------------- */

struct logged {
    lgpos_t lgpos;
    struct logrec rec; /* decoded from bytes */
    uint8_t *bytes;
};

struct log_list {
    struct logged *r;
    unsigned nr, room;
};

static void log_list_add(struct log_list *l, lgpos_t lgpos, const uint8_t *bytes, uint32_t len)
{
    struct logged *r;

    if (l->nr == l->room) {
        l->room = l->room ? 2 * l->room : 1024;
        l->r = realloc(l->r, l->room * sizeof(*l->r));
        assert_non_null(l->r);
    }
    r = &l->r[l->nr++];
    *r = (struct logged){.lgpos = lgpos, .bytes = malloc(len)};
    assert_non_null(r->bytes);
    memcpy(r->bytes, bytes, len);
    assert_ok(logrec_decode(r->bytes, len, &r->rec));
}

static void log_list_done(struct log_list *l)
{
    for (unsigned i = 0; i < l->nr; i++)
        free(l->r[i].bytes);
    free(l->r);
    *l = (struct log_list){0};
}

static int is_log(const struct dirent *e)
{
    const size_t len = strlen(e->d_name);

    return strncmp(e->d_name, "edb", 3) == 0 && len > 4 &&
           strcmp(e->d_name + len - 4, ".log") == 0 && strcmp(e->d_name, "edbtmp.log") != 0;
}

/* The current one has no number and comes last. */
static int by_generation(const struct dirent **a, const struct dirent **b)
{
    const size_t la = strlen((*a)->d_name), lb = strlen((*b)->d_name);

    return la != lb ? (la < lb) - (la > lb) : strcmp((*a)->d_name, (*b)->d_name);
}

/* Everything logged so far. */
static void log_list_read(struct instfix *x, struct log_list *ret)
{
    struct dirent **name;
    int nr;

    *ret = (struct log_list){0};
    if (x->running)
        assert_ok(wal_flush_all(x->in.wal));
    nr = scandir(x->dir, &name, is_log, by_generation);
    assert_true(nr > 0);
    for (int i = 0; i < nr; i++) {
        struct reporter r = {.file = name[i]->d_name};
        struct logread *l;
        struct logrec rec;
        lgpos_t lgpos;
        int more, fd = openat(x->dirfd, name[i]->d_name, O_RDONLY | O_CLOEXEC);

        assert_true(fd >= 0);
        assert_ok(logread_open(fd, i == nr - 1, &r, &l));
        while ((more = logread_next(l, &lgpos, &rec)) > 0)
            log_list_add(ret, lgpos, rec.bytes.p, rec.bytes.len);
        assert_int_equal(more, 0);
        logread_close(l);
        close(fd);
        free(name[i]);
    }
    free(name);
}

/* ---- done again ------------------------------------------------------------------------------ */

struct replay {
    struct redo_db db;
    struct reporter r;
    uint32_t page_size;
    int fd;
    bool has_root; /* of the database */
    struct model m;
};

static JET_ERR replay_extend(void *ctx, pgno_t last)
{
    const struct replay *p = ctx;

    return os_truncate(p->fd, ((uint64_t)last + 2) * p->page_size);
}

static JET_ERR replay_discard(void *ctx, pgno_t first, uint32_t nr, bool cut)
{
    (void)ctx, (void)first, (void)nr, (void)cut;
    return JET_errInternalError;
}

static JET_ERR replay_flush(void *ctx, const struct buf *b, lgpos_t lgpos)
{
    (void)ctx, (void)b, (void)lgpos;
    return JET_errSuccess;
}

static void replay_begin(struct replay *p, const struct instfix *x)
{
    static const struct redo_hooks hooks = {replay_extend, replay_discard, decompress};
    uint8_t *header = malloc(2 * x->conf.page_size);

    memset(p, 0, sizeof(*p));
    p->page_size = x->conf.page_size;
    p->fd = open(x->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    assert_true(p->fd >= 0 && header);
    assert_ok(os_pread_all(x->db.fd, header, 2 * x->conf.page_size, 0));
    assert_ok(os_pwrite_all(p->fd, header, 2 * x->conf.page_size, 0));
    free(header);
    p->db = (struct redo_db){.page_size = p->page_size, .r = &p->r, .hooks = &hooks, .ctx = p};
    assert_ok(bufpool_new(NULL, p->fd, p->page_size, false, 4096, &p->r, replay_flush, NULL,
                          &p->db.pool));
    assert_ok(redo_init(&p->db));
    model_add(&p->m, 1, 1, 0);
}

static void replay_end(struct replay *p)
{
    model_done(&p->m);
    redo_done(&p->db);
    bufpool_free(p->db.pool);
    close(p->fd);
}

static void replay_note(struct replay *p, const struct logrec *r)
{
    p->has_root |= r->type == LR_CREATE_MULTIPLE_EXTENT_FDP;
    if (r->type == LR_FREE_FDP)
        model_drop(&p->m, r->pgno_fdp);
    if ((r->type == LR_CREATE_MULTIPLE_EXTENT_FDP || r->type == LR_CREATE_SINGLE_EXTENT_FDP) &&
        r->pgno != 1)
        model_add(&p->m, r->pgno, r->objid, r->fdp.pgno_parent_fdp);
}

/* Record i, or the macro that begins with it. Returns the number of the next one. */
static unsigned replay_one(struct replay *p, const struct log_list *l, unsigned i)
{
    struct redo_result result;
    struct logrec macro[32];
    unsigned nr = 0;
    JET_ERR err;

    if (l->r[i].rec.type != LR_MACRO_BEGIN) {
        err = redo_apply(&p->db, l->r[i].lgpos, &l->r[i].rec, &result);
        if (err < 0)
            fail_msg("record %u (%s): %s", i, logrec_name(l->r[i].rec.type), err_name(err));
        replay_note(p, &l->r[i].rec);
        return i + 1;
    }
    while (l->r[++i].rec.type != LR_MACRO_COMMIT) {
        assert_true(nr < ARRAY_LEN(macro));
        macro[nr++] = l->r[i].rec;
    }
    err = redo_macro(&p->db, l->r[i].lgpos, macro, nr, &result);
    if (err < 0)
        fail_msg("macro %u: %s", i, err_name(err));
    return i + 1;
}

/* ---- pages compared -------------------------------------------------------------------------- */

/* Lines, tag 0, dbtime, owner. What a rollback may want back and where bytes lie does not count. */
static const char *compare_pages(struct page a, struct page b)
{
    const struct slice xa = page_external_header(a), xb = page_external_header(b);

    if (page_dbtime(a) != page_dbtime(b) || page_objid(a) != page_objid(b))
        return "dbtime or owner";
    if (((page_flags(a) ^ page_flags(b)) & ~(uint32_t)(PAGE_FLUSH_TYPE | PAGE_NEW_CHECKSUM)) ||
        page_prev(a) != page_prev(b) || page_next(a) != page_next(b))
        return "flags or siblings";
    if (xa.len != xb.len || memcmp(xa.p, xb.p, xa.len) != 0)
        return "external header";
    if (page_nr_lines(a) != page_nr_lines(b))
        return "number of lines";
    for (unsigned i = 0; i < page_nr_lines(a); i++) {
        const struct node x = page_node(a, i), y = page_node(b, i);

        if (node_key_cmp(&x, &y) != 0 || x.flags != y.flags || x.data.len != y.data.len ||
            memcmp(x.data.p, y.data.p, x.data.len) != 0)
            return "a node";
    }
    return NULL;
}

#endif
