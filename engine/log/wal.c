#include "log/wal_priv.h"

#include <stdlib.h>
#include <unistd.h>

#include "log/logenc.h"
#include "log/logplace.h"

/* ---- where things are ---------------------------------------------------------------------------- */

lgpos_t wal_tip_locked(const struct wal *w)
{
    return w->pos ? w->pos : lgpos_make(w->gen, w->isec, 0);
}

lgpos_t wal_tip(struct wal *w)
{
    lgpos_t tip;

    pthread_mutex_lock(&w->lock);
    tip = wal_tip_locked(w);
    pthread_mutex_unlock(&w->lock);
    return tip;
}

lgpos_t wal_durable(struct wal *w)
{
    return atomic_load_explicit(&w->durable, memory_order_acquire);
}

bool wal_is_durable(const struct wal *w, lgpos_t lgpos)
{
    return lgpos < atomic_load_explicit(&w->durable, memory_order_acquire);
}

static JET_ERR failed(const struct wal *w)
{
    return atomic_load_explicit(&w->failed, memory_order_relaxed);
}

static bool flag_of(struct wal *w, const bool *flag)
{
    bool is;

    pthread_mutex_lock(&w->lock);
    is = *flag;
    pthread_mutex_unlock(&w->lock);
    return is;
}

bool wal_is_low(struct wal *w)
{
    return flag_of(w, &w->low);
}

bool wal_is_writing(struct wal *w)
{
    return flag_of(w, &w->busy);
}

lgen_t wal_gen_created(struct wal *w, struct logtime *ret)
{
    lgen_t gen;

    pthread_mutex_lock(&w->lock);
    gen = w->current;
    *ret = w->current_created;
    pthread_mutex_unlock(&w->lock);
    return gen;
}

lgen_t wal_gen(struct wal *w)
{
    struct logtime created;

    return wal_gen_created(w, &created);
}

struct logtime wal_created(struct wal *w)
{
    struct logtime created;

    (void)wal_gen_created(w, &created);
    return created;
}

void wal_set_checkpoint(struct wal *w, lgpos_t lgpos)
{
    pthread_mutex_lock(&w->lock);
    w->checkpoint = lgpos;
    pthread_mutex_unlock(&w->lock);
}

/* ---- segments in the buffer ------------------------------------------------------------------------ */

/* There must be room: make_room. */
static void open_segment(struct wal *w)
{
    uint8_t *seg = wal_segment(w, w->head);
    struct wal_slot *s = wal_slot(w, w->head);

    s->gen = w->gen;
    s->isec = w->isec;
    memset(seg, 0, LOG_SEGMENT_LEN);
    ((struct logseg_disk *)seg)->time = logtime_now();
    w->used = LOGSEG_HEADER_LEN;
}

/* Nothing more goes into segment head. What is left of it are zeroes, or a NOP2 by now. */
static void close_segment(struct wal *w, lgpos_t whole)
{
    wal_slot(w, w->head)->whole = whole;
    w->head++;
    w->isec++;
    w->used = 0;
    if (w->head - w->tail == w->nr_slots / 2)
        pthread_cond_signal(&w->wake);
}

/* For a flush. */
static void end_segment(struct wal *w)
{
    if (logplace_close(wal_segment(w, w->head), w->used, w->has_nop2))
        w->pos = 0;
    close_segment(w, w->pos ? w->pos : lgpos_make(w->gen, w->isec + 1, 0));
}

static uint32_t slots_free(const struct wal *w)
{
    return w->nr_slots - (uint32_t)(w->head - w->tail) - (w->used != 0);
}

/* ---- leading ------------------------------------------------------------------------------------- */

void wal_lead(struct wal *w, uint64_t end, bool durable, bool begin)
{
    JET_ERR err;

    w->busy = true;
    pthread_mutex_unlock(&w->lock);
    err = walfile_write(w, end, durable, begin);
    pthread_mutex_lock(&w->lock);
    (void)err; /* final: everybody sees w->failed */
    w->busy = false;
    if (w->head - w->tail >= w->nr_slots / 2)
        pthread_cond_signal(&w->wake);
    pthread_cond_broadcast(&w->changed);
}

/* Nobody leads. Up to the end of the record at lgpos, or as far as there is anything. */
static void lead_flush(struct wal *w, lgpos_t lgpos)
{
    uint64_t end = w->tail;

    if (lgpos >= w->written) {
        while (end < w->head && wal_slot(w, end)->whole <= lgpos)
            end++;
        if (end < w->head) {
            end++;
        } else if (w->used) {
            end_segment(w);
            end = w->head;
        }
    }
    wal_lead(w, end, true, false);
}

/* Nobody leads. Nothing waits to be written or synced: so the tip is durable, though a generation may end before it. */
static bool nothing_left(const struct wal *w)
{
    return !w->used && w->head == w->tail && !w->unsynced;
}

JET_ERR wal_flush_locked(struct wal *w, lgpos_t lgpos, lgpos_t upto)
{
    for (;;) {
        const lgpos_t durable = atomic_load_explicit(&w->durable, memory_order_relaxed);

        if (lgpos < durable || durable >= upto)
            return JET_errSuccess;
        if (failed(w) < 0)
            return failed(w);
        if (w->busy)
            pthread_cond_wait(&w->changed, &w->lock);
        else if (nothing_left(w))
            atomic_store_explicit(&w->durable, wal_tip_locked(w), memory_order_release);
        else
            lead_flush(w, lgpos);
    }
}

JET_ERR wal_flush(struct wal *w, lgpos_t lgpos)
{
    JET_ERR err;

    if (wal_is_durable(w, lgpos))
        return JET_errSuccess;
    pthread_mutex_lock(&w->lock);
    err = wal_flush_locked(w, lgpos, wal_tip_locked(w));
    pthread_mutex_unlock(&w->lock);
    return err;
}

/* Generation gen, which has begun in the buffer, is BASE.log, or a later one is. */
static JET_ERR make_current(struct wal *w, lgen_t gen)
{
    while (w->acknowledged < gen) {
        if (failed(w) < 0)
            return failed(w);
        if (w->busy)
            pthread_cond_wait(&w->changed, &w->lock);
        else
            wal_lead(w, w->next.wanted ? w->next.at : w->tail, true, true);
    }
    return failed(w);
}

/* A checkpoint may be where the tip is: its generation is there, too, though nothing may be in it yet. */
static JET_ERR flush_all(struct wal *w)
{
    const lgpos_t tip = wal_tip_locked(w);
    JET_ERR err = failed(w);

    if (err >= 0)
        err = wal_flush_locked(w, tip, tip);
    return err < 0 ? err : make_current(w, lgpos_gen(tip));
}

JET_ERR wal_flush_all(struct wal *w)
{
    JET_ERR err;

    pthread_mutex_lock(&w->lock);
    err = flush_all(w);
    pthread_mutex_unlock(&w->lock);
    return err;
}

/* ---- generations in the buffer --------------------------------------------------------------------- */

static JET_ERR fail_locked(struct wal *w, JET_ERR err)
{
    pthread_mutex_unlock(&w->lock);
    err = wal_fail(w, err);
    pthread_mutex_lock(&w->lock);
    return err;
}

/* The list of databases belongs to the first record of the generation: it is asked for now, not when the file is made. */
static JET_ERR ask_for_list(struct wal *w)
{
    JET_ERR err;

    w->rolling = true;
    pthread_mutex_unlock(&w->lock);
    memset(w->next.attach, 0, sizeof(w->next.attach));
    err = w->hooks.attach_list(w->hooks.ctx, w->next.attach);
    pthread_mutex_lock(&w->lock);
    w->rolling = false;
    pthread_cond_broadcast(&w->changed);
    return err < 0 ? fail_locked(w, err) : JET_errSuccess;
}

/* The next record is the first of a new generation. The caller looks at everything anew. */
static JET_ERR roll(struct wal *w)
{
    JET_ERR err;

    if (w->next.wanted) { /* one at a time */
        if (w->busy)
            pthread_cond_wait(&w->changed, &w->lock);
        else
            wal_lead(w, w->next.at, false, true);
        return failed(w);
    }
    if (w->gen >= LOG_GEN_MAX - 1)
        return fail_locked(w, RAISE(JET_errLogSequenceEnd));
    if (w->used)
        close_segment(w, lgpos_make(w->gen + 1, 1, 0));
    w->pos = 0;
    err = ask_for_list(w);
    if (err < 0)
        return err;
    w->next.wanted = true;
    w->next.at = w->head;
    w->next.gen = ++w->gen;
    w->next.created = logtime_now();
    w->isec = 1;
    w->last = w->nr_segments - 2;
    return JET_errSuccess;
}

/*
 * BASE.log takes one segment per sync. When lazy commits come faster than that, and half of it is used, the next
 * generation begins now: it is not BASE.log yet, its segments go out as fast as the disk takes them.
 */
static bool should_roll_early(const struct wal *w)
{
    return w->sync && w->gen == w->current && w->isec > w->last / 2 && !w->next.wanted &&
           w->head - w->tail >= w->nr_slots / 4;
}

/* ---- appending ----------------------------------------------------------------------------------- */

static bool fits_file(const struct wal *w, uint32_t len)
{
    return logplace_fits(w->isec, w->used ? w->used : LOGSEG_HEADER_LEN, len, w->last);
}

static bool fits_buffer(const struct wal *w, uint32_t len)
{
    return logplace_further(w->used ? w->used : LOGSEG_HEADER_LEN, len) + !w->used <= slots_free(w);
}

/* Waits until a part of the buffer is free again. */
static void get_room(struct wal *w)
{
    const uint64_t some = w->tail + w->nr_slots / 4;

    if (w->busy)
        pthread_cond_wait(&w->changed, &w->lock);
    else
        wal_lead(w, some < w->head ? some : w->head, false, false);
}

static bool too_long(const struct wal *w, uint32_t len)
{
    return w->isec == 1 && !w->used && !fits_file(w, len);
}

/* After it the record can be put down without letting go of the lock. */
static JET_ERR make_room(struct wal *w, uint32_t len)
{
    JET_ERR err = failed(w);

    while (err >= 0) {
        if (w->rolling) {
            pthread_cond_wait(&w->changed, &w->lock);
        } else if (too_long(w, len)) {
            return RAISE(JET_errInvalidParameter);
        } else if (!fits_file(w, len) || should_roll_early(w)) {
            err = roll(w);
        } else if (!fits_buffer(w, len)) {
            get_room(w);
        } else {
            return JET_errSuccess;
        }
        if (err >= 0)
            err = failed(w);
    }
    return err;
}

static void put_bytes(struct wal *w, const void *p, uint32_t len)
{
    memcpy(wal_segment(w, w->head) + w->used, p, len);
    w->used += len;
}

/* A record that does not fit into what is left of the segment. at: its lgpos. */
static void put_pieces(struct wal *w, const uint8_t *p, uint32_t len, lgpos_t at)
{
    struct lr_fragment_begin_disk begin = {.type = LR_FRAGMENT_BEGIN};
    struct lr_fragment_disk more = {.type = LR_FRAGMENT};
    uint32_t here = LOG_SEGMENT_LEN - w->used - (uint32_t)sizeof(begin);

    le32_put(&begin.total, len);
    le16_put(&begin.here, (uint16_t)here);
    put_bytes(w, &begin, sizeof(begin));
    put_bytes(w, p, here);
    for (p += here, len -= here; len > 0; p += here, len -= here) {
        close_segment(w, at);
        open_segment(w);
        here = LOGPLACE_ROOM - (uint32_t)sizeof(more);
        if (here > len)
            here = len;
        le16_put(&more.here, (uint16_t)here);
        put_bytes(w, &more, sizeof(more));
        put_bytes(w, p, here);
    }
}

static void put_record(struct wal *w, const struct logrec *rec, uint32_t len, lgpos_t at)
{
    if (w->used && len > LOG_SEGMENT_LEN - w->used && LOG_SEGMENT_LEN - w->used < LOG_FRAGMENT_MIN)
        close_segment(w, at);
    if (!w->used)
        open_segment(w);
    if (len <= LOG_SEGMENT_LEN - w->used) {
        logrec_encode(rec, wal_segment(w, w->head) + w->used);
        w->used += len;
    } else {
        logrec_encode(rec, w->scratch);
        put_pieces(w, w->scratch, len, at);
    }
    w->pos = w->used < LOG_SEGMENT_LEN ? lgpos_make(w->gen, w->isec, w->used) : 0;
    if (w->used == LOG_SEGMENT_LEN)
        close_segment(w, lgpos_make(w->gen, w->isec + 1, 0));
}

/* One step on the way to a new generation. 1: the next record is its first, and nobody else has appended since; there is room
 * for a short one. 0: not yet. */
static JET_ERR roll_step(struct wal *w)
{
    JET_ERR err = failed(w);

    if (err < 0)
        return err;
    if (w->rolling) {
        pthread_cond_wait(&w->changed, &w->lock);
        return 0;
    }
    if (w->next.wanted)
        return roll(w); /* the one before comes first */
    if (slots_free(w) < 2) {
        get_room(w);
        return 0;
    }
    if (w->isec == 1 && !w->used)
        open_segment(w); /* a generation has one segment at least, if an empty one */
    err = roll(w);
    return err < 0 ? err : 1;
}

/* len: of first, if there is one. */
static JET_ERR roll_to(struct wal *w, const struct logrec *first, uint32_t len, lgpos_t *ret_lgpos,
                       lgen_t *ret)
{
    JET_ERR err;

    pthread_mutex_lock(&w->lock);
    do
        err = roll_step(w);
    while (err == 0);
    *ret = w->gen;
    if (err >= 0 && first) {
        *ret_lgpos = wal_tip_locked(w);
        put_record(w, first, len, *ret_lgpos);
        err = wal_flush_locked(w, *ret_lgpos, wal_tip_locked(w));
    }
    if (err >= 0)
        err = make_current(w, *ret);
    pthread_mutex_unlock(&w->lock);
    return err;
}

JET_ERR wal_roll(struct wal *w, lgen_t *ret)
{
    return roll_to(w, NULL, 0, NULL, ret);
}

JET_ERR wal_roll_with(struct wal *w, const struct logrec *first, lgpos_t *ret_lgpos, lgen_t *ret)
{
    const uint32_t len = logrec_encoded_len(first);

    if (len == 0 || len > LOGPLACE_ROOM)
        return RAISE(JET_errInvalidParameter);
    return roll_to(w, first, len, ret_lgpos, ret);
}

static bool begins_something(enum lrtyp type)
{
    return type == LR_BEGIN0 || type == LR_CREATE_DB || type == LR_ATTACH_DB;
}

/* trx: the number in *rec, when it is to be drawn. */
static JET_ERR append(struct wal *w, const struct logrec *rec, uint32_t *trx,
                      _Atomic uint32_t *newest, lgpos_t *ret)
{
    const uint32_t len = logrec_encoded_len(rec);
    lgpos_t at;
    JET_ERR err;

    if (len == 0 || len > WAL_RECORD_MAX)
        return RAISE(JET_errInvalidParameter);
    pthread_mutex_lock(&w->lock);
    err = make_room(w, len);
    if (err >= 0 && w->low && begins_something(rec->type))
        err = RAISE(JET_errLogDiskFull);
    if (err >= 0) {
        if (trx)
            *trx = atomic_fetch_add_explicit(newest, 4, memory_order_relaxed) + 4;
        at = wal_tip_locked(w);
        put_record(w, rec, len, at);
        if (ret)
            *ret = at;
    }
    pthread_mutex_unlock(&w->lock);
    return err;
}

JET_ERR wal_append(struct wal *w, const struct logrec *rec, lgpos_t *ret_lgpos)
{
    return append(w, rec, NULL, NULL, ret_lgpos);
}

JET_ERR wal_append_commit0(struct wal *w, struct logrec *rec, _Atomic uint32_t *newest,
                           lgpos_t *ret_lgpos)
{
    return append(w, rec, &rec->trx, newest, ret_lgpos);
}

/* A segment of a NOP2 alone: the next record then counts as appended at the start of a segment, as ESE thinks of a Term2. */
static void put_filler(struct wal *w)
{
    open_segment(w);
    end_segment(w);
}

JET_ERR wal_append_last(struct wal *w, const struct logrec *rec, lgpos_t *ret)
{
    const uint32_t len = logrec_encoded_len(rec);
    JET_ERR err;

    if (len == 0 || len > LOGPLACE_ROOM - 1)
        return RAISE(JET_errInvalidParameter);
    pthread_mutex_lock(&w->lock);
    while ((err = flush_all(w)) >= 0 && (err = make_room(w, len)) >= 0) {
        if (w->used || w->rolling)
            continue;
        if (w->pos == 0 || !w->has_nop2)
            break;
        put_filler(w);
    }
    if (err >= 0) {
        *ret = wal_tip_locked(w);
        put_record(w, rec, len, *ret);
        close_segment(w, w->pos);
        err = flush_all(w);
    }
    if (err >= 0)
        walthread_shadow(w);
    if (err >= 0)
        err = failed(w);
    pthread_mutex_unlock(&w->lock);
    return err;
}

/* ---- a snapshot below the files ------------------------------------------------------------------- */

/* Who freezes leads, and does nothing: everybody waits for the leader. */
JET_ERR wal_freeze(struct wal *w)
{
    JET_ERR err;

    pthread_mutex_lock(&w->lock);
    err = flush_all(w);
    while (w->busy)
        pthread_cond_wait(&w->changed, &w->lock);
    if (err >= 0)
        err = failed(w);
    w->busy = err >= 0;
    pthread_mutex_unlock(&w->lock);
    return err;
}

void wal_thaw(struct wal *w)
{
    pthread_mutex_lock(&w->lock);
    w->busy = false;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

/* ---- life ---------------------------------------------------------------------------------------- */

static JET_ERR allocate(struct wal *w, uint32_t buffer_len)
{
    w->nr_slots = buffer_len / LOG_SEGMENT_LEN;
    if (w->nr_slots < WAL_SLOTS_MIN)
        w->nr_slots = WAL_SLOTS_MIN;
    w->ring = aligned_alloc(LOG_SEGMENT_LEN, (size_t)w->nr_slots * LOG_SEGMENT_LEN);
    w->slots = calloc(w->nr_slots, sizeof(*w->slots));
    w->scratch = malloc(WAL_RECORD_MAX);
    return w->ring && w->slots && w->scratch ? JET_errSuccess : RAISE(JET_errOutOfMemory);
}

static void init_waiting(struct wal *w)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->wake, &attr);
    pthread_condattr_destroy(&attr);
}

JET_ERR wal_open_with(const struct wal_start *start, const struct wal_hooks *hooks,
                      struct reporter *r, const struct wal_io *io, struct wal **ret)
{
    const uint32_t nr = start->file_len / LOG_SEGMENT_LEN;
    struct wal *w;
    JET_ERR err;

    if (nr < LOGGEN_FILE_LEAST || nr > UINT16_MAX)
        return RAISE(JET_errInvalidParameter);
    w = calloc(1, sizeof(*w));
    if (!w)
        return RAISE(JET_errOutOfMemory);
    loggen_init(&w->files, start->dirfd, start->base, start->ext, start->digits);
    w->hooks = *hooks;
    w->io = *io;
    w->r = r;
    w->sync = !start->no_sync;
    w->has_nop2 = logplace_has_nop2(start->hdr);
    w->nr_segments = nr;
    w->cur.fd = w->prepared_fd = -1;
    init_waiting(w);
    err = allocate(w, start->buffer_len);
    if (err >= 0)
        err = walfile_open(w, start);
    if (err >= 0)
        err = walthread_start(w);
    if (err < 0) {
        wal_close(w);
        return err;
    }
    *ret = w;
    return JET_errSuccess;
}

JET_ERR wal_open(const struct wal_start *start, const struct wal_hooks *hooks, struct reporter *r,
                 struct wal **ret)
{
    return wal_open_with(start, hooks, r, &wal_io_real, ret);
}

void wal_close(struct wal *w)
{
    if (!w)
        return;
    walthread_stop(w);
    if (w->cur.fd >= 0)
        close(w->cur.fd);
    if (w->prepared_fd >= 0)
        close(w->prepared_fd);
    pthread_cond_destroy(&w->wake);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    free(w->scratch);
    free(w->slots);
    free(w->ring);
    free(w);
}
