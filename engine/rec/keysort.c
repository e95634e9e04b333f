/*
 * An entry in memory and in the file: u16 length of key, u16 length of data, key, data. In memory
 * the first bytes of the keys lie beside each other, so that most comparisons touch nothing else.
 */
#include "rec/keysort.h"

#include <stdlib.h>
#include <unistd.h>

#include "os/file.h"

#define FAN_IN     32u          /* runs merged at a time */
#define BUFFER_LEN (256u << 10) /* of a run that is read or written; holds any entry */
#define HEAD_LEN   4u
#define ENTRY_MOST (HEAD_LEN + 2 * UINT16_MAX)
static_assert(ENTRY_MOST <= BUFFER_LEN, "an entry fits into a buffer");

struct item {
    uint64_t first; /* of the key, big-endian */
    size_t at;
};

struct run {
    uint64_t off, len;
    unsigned level; /* how often it was merged */
};

struct source {         /* a run that is read */
    uint64_t off, left; /* of the file, behind what is in buf */
    uint8_t *buf;
    uint32_t at, end;
};

struct keysort {
    size_t limit;
    uint8_t *mem;
    size_t used, room;
    struct item *items;
    size_t nr, room_items;
    size_t next; /* all in memory: of items */
    int fd;      /* -1: nothing was written */
    uint64_t file_len;
    struct run *runs;
    unsigned nr_runs, room_runs;
    bool sorted;
    struct source *sources; /* a heap, by their first entries */
    unsigned nr_sources;
    uint8_t *last; /* the entry given last */
    uint32_t last_len;
};

/* ---- entries --------------------------------------------------------------------------------- */

static struct slice key_of(const uint8_t *e)
{
    return (struct slice){e + HEAD_LEN, get_le16(e)};
}

static struct slice data_of(const uint8_t *e)
{
    return (struct slice){e + HEAD_LEN + get_le16(e), get_le16(e + 2)};
}

static uint32_t len_of(const uint8_t *e)
{
    return HEAD_LEN + get_le16(e) + get_le16(e + 2);
}

static int compare_bytes(struct slice a, struct slice b)
{
    const int d = memcmp(a.p, b.p, a.len < b.len ? a.len : b.len);

    return d ? d : (a.len > b.len) - (a.len < b.len);
}

static int compare_entries(const uint8_t *a, const uint8_t *b)
{
    const int d = compare_bytes(key_of(a), key_of(b));

    return d ? d : compare_bytes(data_of(a), data_of(b));
}

static int compare_items(const void *a, const void *b, void *ctx)
{
    const struct item *x = a, *y = b;
    const struct keysort *ks = ctx;

    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return compare_entries(ks->mem + x->at, ks->mem + y->at);
}

static uint64_t first_bytes(struct slice key)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < 8; i++)
        v = v << 8 | (i < key.len ? key.p[i] : 0u);
    return v;
}

/* ---- making and ending ----------------------------------------------------------------------- */

JET_ERR keysort_new(size_t limit, struct keysort **ret)
{
    struct keysort *ks = calloc(1, sizeof(*ks));

    if (!ks)
        return RAISE(JET_errOutOfMemory);
    ks->limit = limit < KEYSORT_LIMIT_LEAST ? KEYSORT_LIMIT_LEAST : limit;
    ks->fd = -1;
    *ret = ks;
    return JET_errSuccess;
}

static void free_sources(struct keysort *ks)
{
    for (unsigned i = 0; i < ks->nr_sources; i++)
        free(ks->sources[i].buf);
    free(ks->sources);
    ks->sources = NULL;
    ks->nr_sources = 0;
}

void keysort_free(struct keysort *ks)
{
    if (!ks)
        return;
    free_sources(ks);
    if (ks->fd >= 0)
        close(ks->fd);
    free(ks->mem);
    free(ks->items);
    free(ks->runs);
    free(ks->last);
    free(ks);
}

/* ---- writing runs ---------------------------------------------------------------------------- */

struct writer {
    struct keysort *ks;
    uint8_t *buf;
    uint32_t len;
    struct run run;
};

static JET_ERR writer_begin(struct keysort *ks, unsigned level, struct writer *w)
{
    JET_ERR err = JET_errSuccess;

    *w = (struct writer){.ks = ks, .buf = malloc(BUFFER_LEN)};
    if (!w->buf)
        return RAISE(JET_errOutOfMemory);
    if (ks->fd < 0)
        err = os_create_unnamed(&ks->fd);
    w->run = (struct run){.off = ks->file_len, .level = level};
    return err;
}

static JET_ERR writer_flush(struct writer *w)
{
    JET_ERR err = os_pwrite_all(w->ks->fd, w->buf, w->len, w->ks->file_len);

    w->ks->file_len += w->len;
    w->run.len += w->len;
    w->len = 0;
    return err;
}

static JET_ERR writer_put(struct writer *w, const uint8_t *e)
{
    const uint32_t len = len_of(e);
    JET_ERR err = JET_errSuccess;

    if (w->len + len > BUFFER_LEN)
        err = writer_flush(w);
    memcpy(w->buf + w->len, e, len);
    w->len += len;
    return err;
}

static JET_ERR writer_end(struct writer *w, JET_ERR err)
{
    struct keysort *ks = w->ks;

    if (err >= 0)
        err = writer_flush(w);
    free(w->buf);
    if (err < 0)
        return err;
    if (ks->nr_runs == ks->room_runs) {
        const unsigned want = ks->room_runs ? 2 * ks->room_runs : 8;
        struct run *more = realloc(ks->runs, want * sizeof(*more));

        if (!more)
            return RAISE(JET_errOutOfMemory);
        ks->runs = more;
        ks->room_runs = want;
    }
    ks->runs[ks->nr_runs++] = w->run;
    return JET_errSuccess;
}

static void sort_items(struct keysort *ks)
{
    if (ks->nr)
        qsort_r(ks->items, ks->nr, sizeof(*ks->items), compare_items, ks);
}

static JET_ERR spill(struct keysort *ks)
{
    struct writer w;
    JET_ERR err = writer_begin(ks, 0, &w);

    if (err >= 0)
        sort_items(ks);
    for (size_t i = 0; err >= 0 && i < ks->nr; i++)
        err = writer_put(&w, ks->mem + ks->items[i].at);
    err = writer_end(&w, err);
    ks->nr = 0;
    ks->used = 0;
    return err;
}

/* ---- reading runs ---------------------------------------------------------------------------- */

/* The whole next entry is in the buffer, or the run is at its end. */
static JET_ERR source_fill(struct keysort *ks, struct source *s)
{
    const uint32_t have = s->end - s->at;
    uint32_t more;
    JET_ERR err;

    if (s->left == 0 || (have >= HEAD_LEN && have >= len_of(s->buf + s->at)))
        return JET_errSuccess;
    memmove(s->buf, s->buf + s->at, have);
    s->at = 0;
    s->end = have;
    more = BUFFER_LEN - have;
    if (more > s->left)
        more = (uint32_t)s->left;
    err = os_pread_all(ks->fd, s->buf + have, more, s->off);
    s->off += more;
    s->left -= more;
    s->end += more;
    return err;
}

static bool source_before(const struct source *a, const struct source *b)
{
    return compare_entries(a->buf + a->at, b->buf + b->at) < 0;
}

static void sift_down(struct keysort *ks, unsigned i)
{
    for (;;) {
        unsigned least = i;
        struct source t;

        for (unsigned k = 2 * i + 1; k <= 2 * i + 2 && k < ks->nr_sources; k++)
            if (source_before(&ks->sources[k], &ks->sources[least]))
                least = k;
        if (least == i)
            return;
        t = ks->sources[i];
        ks->sources[i] = ks->sources[least];
        ks->sources[least] = t;
        i = least;
    }
}

static JET_ERR open_sources(struct keysort *ks, unsigned first, unsigned nr)
{
    ks->sources = calloc(nr, sizeof(*ks->sources));
    if (!ks->sources)
        return RAISE(JET_errOutOfMemory);
    for (unsigned i = 0; i < nr; i++) {
        struct source *s = &ks->sources[ks->nr_sources];
        JET_ERR err;

        *s = (struct source){.off = ks->runs[first + i].off, .left = ks->runs[first + i].len};
        if (s->left == 0)
            continue;
        s->buf = malloc(BUFFER_LEN);
        if (!s->buf)
            return RAISE(JET_errOutOfMemory);
        ks->nr_sources++;
        err = source_fill(ks, s);
        if (err < 0)
            return err;
    }
    for (unsigned i = ks->nr_sources / 2; i-- > 0;)
        sift_down(ks, i);
    return JET_errSuccess;
}

/* The least entry has been taken. */
static JET_ERR advance(struct keysort *ks)
{
    struct source *s = &ks->sources[0];
    JET_ERR err;

    s->at += len_of(s->buf + s->at);
    err = source_fill(ks, s);
    if (err < 0)
        return err;
    if (s->at == s->end) {
        free(s->buf);
        *s = ks->sources[--ks->nr_sources];
    }
    if (ks->nr_sources)
        sift_down(ks, 0);
    return JET_errSuccess;
}

/* The last FAN_IN runs become one. */
static JET_ERR merge_last(struct keysort *ks)
{
    const unsigned first = ks->nr_runs - FAN_IN;
    struct writer w;
    JET_ERR err = open_sources(ks, first, FAN_IN), end;

    if (err < 0) {
        free_sources(ks);
        return err;
    }
    err = writer_begin(ks, ks->runs[first].level + 1, &w);
    while (err >= 0 && ks->nr_sources) {
        err = writer_put(&w, ks->sources[0].buf + ks->sources[0].at);
        end = advance(ks);
        if (err >= 0)
            err = end;
    }
    free_sources(ks);
    ks->nr_runs = first;
    return writer_end(&w, err);
}

static bool merge_is_due(const struct keysort *ks)
{
    return ks->nr_runs >= FAN_IN &&
           ks->runs[ks->nr_runs - FAN_IN].level == ks->runs[ks->nr_runs - 1].level;
}

/* ---- the outside ----------------------------------------------------------------------------- */

static bool make_room(struct keysort *ks, uint32_t len)
{
    if (ks->used + len > ks->room) {
        size_t want = ks->room ? 2 * ks->room : 16 << 10;
        uint8_t *more;

        while (want < ks->used + len)
            want *= 2;
        more = realloc(ks->mem, want);
        if (!more)
            return false;
        ks->mem = more;
        ks->room = want;
    }
    if (ks->nr == ks->room_items) {
        const size_t want = ks->room_items ? 2 * ks->room_items : 256;
        struct item *more = realloc(ks->items, want * sizeof(*more));

        if (!more)
            return false;
        ks->items = more;
        ks->room_items = want;
    }
    return true;
}

JET_ERR keysort_add(struct keysort *ks, struct slice key, struct slice data)
{
    const uint32_t len = HEAD_LEN + key.len + data.len;
    uint8_t *e;
    JET_ERR err = JET_errSuccess;

    assert(!ks->sorted && key.len <= UINT16_MAX && data.len <= UINT16_MAX);
    if (ks->nr && ks->used + len + (ks->nr + 1) * sizeof(struct item) > ks->limit)
        err = spill(ks);
    while (err >= 0 && merge_is_due(ks))
        err = merge_last(ks);
    if (err < 0)
        return err;
    if (!make_room(ks, len))
        return RAISE(JET_errOutOfMemory);
    e = ks->mem + ks->used;
    put_le16(e, (uint16_t)key.len);
    put_le16(e + 2, (uint16_t)data.len);
    memcpy(e + HEAD_LEN, key.p, key.len);
    if (data.len)
        memcpy(e + HEAD_LEN + key.len, data.p, data.len);
    ks->items[ks->nr++] = (struct item){first_bytes(key), ks->used};
    ks->used += len;
    return JET_errSuccess;
}

static JET_ERR end_adding(struct keysort *ks)
{
    JET_ERR err = JET_errSuccess;

    ks->sorted = true;
    if (ks->fd < 0) {
        sort_items(ks);
        return JET_errSuccess;
    }
    if (ks->nr)
        err = spill(ks);
    while (err >= 0 && ks->nr_runs > FAN_IN) /* levels are mixed by now */
        err = merge_last(ks);
    if (err >= 0)
        err = open_sources(ks, 0, ks->nr_runs);
    ks->last = malloc(ENTRY_MOST);
    return err >= 0 && !ks->last ? RAISE(JET_errOutOfMemory) : err;
}

/* From memory: equal ones are beside each other. */
static const uint8_t *next_item(struct keysort *ks)
{
    while (ks->next < ks->nr) {
        const size_t i = ks->next++;
        const uint8_t *e = ks->mem + ks->items[i].at;

        if (i == 0 || compare_entries(ks->mem + ks->items[i - 1].at, e) != 0)
            return e;
    }
    return NULL;
}

static JET_ERR next_merged(struct keysort *ks, const uint8_t **ret)
{
    JET_ERR err = JET_errSuccess;

    *ret = NULL;
    while (!*ret && ks->nr_sources && err >= 0) {
        const uint8_t *e = ks->sources[0].buf + ks->sources[0].at;

        if (ks->last_len == 0 || compare_entries(ks->last, e) != 0) {
            ks->last_len = len_of(e);
            memcpy(ks->last, e, ks->last_len);
            *ret = ks->last;
        }
        err = advance(ks);
    }
    return err;
}

JET_ERR keysort_next(struct keysort *ks, struct slice *ret_key, struct slice *ret_data)
{
    const uint8_t *e;
    JET_ERR err = ks->sorted ? JET_errSuccess : end_adding(ks);

    if (err < 0)
        return err;
    if (ks->fd < 0)
        e = next_item(ks);
    else
        err = next_merged(ks, &e);
    if (err < 0)
        return err;
    if (!e)
        return JET_errNoCurrentRecord;
    *ret_key = key_of(e);
    *ret_data = data_of(e);
    return JET_errSuccess;
}
