/*
 * Where the leader's work is done: segments to disk, generations one after the other, files that are no longer needed.
 * At most one thread is here at a time (wal.busy), without the lock.
 */
#include <inttypes.h>
#include <unistd.h>

#include "log/wal_priv.h"
#include "os/file.h"

#define RUN_MAX 64u /* segments in one write */

#define EVENT_LOW_LOG_DISK_SPACE 428
#define EVENT_LOG_DISK_FULL      429

/* ---- the door to the disk -------------------------------------------------------------------------- */

static JET_ERR real_pwrite(void *ctx, int fd, const void *buf, size_t len, uint64_t off)
{
    (void)ctx;
    return os_pwrite_all(fd, buf, len, off);
}

static JET_ERR real_datasync(void *ctx, int fd)
{
    (void)ctx;
    return os_fdatasync(fd);
}

static JET_ERR real_make(void *ctx, const struct loggen *g, lgen_t gen, uint32_t nr_segments,
                         int *ret_fd)
{
    (void)ctx;
    return loggen_make(g, gen, nr_segments, ret_fd);
}

static JET_ERR real_swap(void *ctx, const struct loggen *g, lgen_t gen)
{
    (void)ctx;
    return loggen_swap(g, gen);
}

const struct wal_io wal_io_real = {real_pwrite, real_datasync, real_make, real_swap, NULL};

static JET_ERR sync_file(struct wal *w, int fd)
{
    return w->sync ? w->io.datasync(w->io.ctx, fd) : JET_errSuccess;
}

/* ---- failures ------------------------------------------------------------------------------------ */

JET_ERR wal_fail(struct wal *w, JET_ERR err)
{
    JET_ERR none = JET_errSuccess;

    if (atomic_compare_exchange_strong(&w->failed, &none, err))
        w->hooks.failed(w->hooks.ctx, err);
    pthread_mutex_lock(&w->lock);
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    return atomic_load(&w->failed);
}

JET_ERR wal_fail_io(struct wal *w, JET_ERR err, uint64_t off, const char *doing)
{
    char name[LOGGEN_NAME_LEN];
    struct reporter r = {.fn = w->r->fn, .ctx = w->r->ctx, .file = loggen_current(&w->files, name)};

    if (atomic_load(&w->failed) < 0)
        return wal_fail(w, err);
    err = err == JET_errDiskFull || err == JET_errLogDiskFull ? JET_errLogDiskFull
                                                              : JET_errLogWriteFail;
    return wal_fail(w, fault_io(&r, err, off, doing));
}

static void tell(struct wal *w, uint32_t event, const char *text)
{
    char name[LOGGEN_NAME_LEN];
    struct reporter r = {.fn = w->r->fn, .ctx = w->r->ctx, .file = loggen_current(&w->files, name)};

    (void)fault(&r, JET_errLogDiskFull, event, 0, ESE_NO_OFFSET, "%s", text);
}

/* ---- becoming BASE.log ----------------------------------------------------------------------------- */

/* All that was written counts from now on. */
static void mark_durable(struct wal *w)
{
    pthread_mutex_lock(&w->lock);
    if (w->written > atomic_load_explicit(&w->durable, memory_order_relaxed))
        atomic_store_explicit(&w->durable, w->written, memory_order_release);
    w->unsynced = false;
    w->acknowledged = w->current;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

/*
 * What is in it is on disk before it gets its name; the databases' headers name it before anybody relies on it. A crash
 * in between: without the name it is as if it had never been, with it the headers' generation is merely lower. Until now
 * it had no header: to everybody else a BASEtmp like that is empty.
 */
static JET_ERR become_current(struct wal *w)
{
    const lgen_t gen = le32_get(w->cur.hdr.gen);
    JET_ERR err = w->io.pwrite(w->io.ctx, w->cur.fd, &w->cur.hdr, sizeof(w->cur.hdr), 0);

    if (err >= 0)
        err = sync_file(w, w->cur.fd);
    if (err < 0)
        return wal_fail_io(w, err, ESE_NO_OFFSET, "completing a new log");
    err = w->io.swap(w->io.ctx, &w->files, w->cur.has_current ? gen - 1 : 0);
    if (err < 0)
        return wal_fail_io(w, err, ESE_NO_OFFSET, "putting a new log in place");
    w->cur.is_current = w->cur.has_current = true;
    pthread_mutex_lock(&w->lock);
    w->current = gen;
    w->current_created = w->cur.hdr.time_created;
    pthread_cond_signal(&w->wake); /* the next one can be prepared: BASEtmp is free */
    pthread_mutex_unlock(&w->lock);
    err = w->hooks.generation(w->hooks.ctx, gen, w->cur.hdr.time_created);
    if (err < 0)
        return wal_fail(w, err);
    mark_durable(w);
    return JET_errSuccess;
}

/* ---- the next generation ---------------------------------------------------------------------------- */

/* The file that was prepared for it, or -1. */
static int take_prepared(struct wal *w, lgen_t gen)
{
    int fd = -1;

    pthread_mutex_lock(&w->lock);
    while (w->prepared == WAL_MAKING)
        pthread_cond_wait(&w->changed, &w->lock);
    if (w->prepared == WAL_MADE && w->prepared_gen == gen) {
        fd = w->prepared_fd;
        w->prepared_fd = -1;
        w->prepared = WAL_NONE;
    }
    pthread_mutex_unlock(&w->lock);
    return fd;
}

static JET_ERR use_reserve(struct wal *w, lgen_t gen, int *ret_fd)
{
    JET_ERR err = loggen_make_of_reserve(&w->files, gen, w->nr_segments, ret_fd);
    bool was_low;

    if (err < 0) {
        tell(w, EVENT_LOG_DISK_FULL, "the disk is full, and the reserve is used up");
        return wal_fail(w, RAISE(JET_errLogDiskFull));
    }
    pthread_mutex_lock(&w->lock);
    was_low = w->low;
    w->low = true;
    pthread_mutex_unlock(&w->lock);
    if (!was_low)
        tell(w, EVENT_LOW_LOG_DISK_SPACE, "the disk is full, the log goes on in its reserve");
    return JET_errSuccess;
}

static JET_ERR get_file(struct wal *w, lgen_t gen, bool *ret_reserve, int *ret_fd)
{
    int fd = take_prepared(w, gen);
    JET_ERR err = JET_errSuccess;

    *ret_reserve = false;
    if (fd < 0)
        err = w->io.make(w->io.ctx, &w->files, gen, w->nr_segments, &fd);
    if (err == JET_errDiskFull) {
        *ret_reserve = true;
        return use_reserve(w, gen, ret_fd);
    }
    if (err < 0)
        return wal_fail_io(w, err, ESE_NO_OFFSET, "making a new log");
    *ret_fd = fd;
    return JET_errSuccess;
}

/* The generation that waits in w->next; its place in the buffer has been reached. */
static JET_ERR begin_generation(struct wal *w)
{
    struct loghdr_disk hdr;
    uint8_t attach[LOG_ATTACH_LEN];
    struct logtime created;
    bool reserve;
    lgen_t gen;
    int fd = -1;
    JET_ERR err = JET_errSuccess;

    if (!w->cur.is_current)
        err = become_current(w); /* BASEtmp is a name for one */
    if (err < 0)
        return err;
    pthread_mutex_lock(&w->lock);
    gen = w->next.gen;
    created = w->next.created;
    memcpy(attach, w->next.attach, sizeof(attach));
    le64_put(&w->cur.hdr.lgpos_checkpoint, w->checkpoint);
    pthread_mutex_unlock(&w->lock);
    err = get_file(w, gen, &reserve, &fd);
    if (err < 0)
        return err;
    le16_put(&w->cur.hdr.nr_segments, (uint16_t)w->nr_segments);
    loggen_next_header(&w->cur.hdr, w->cur.checksum, created, attach, reserve, &hdr);
    if (w->cur.fd >= 0)
        close(w->cur.fd);
    w->cur.fd = fd;
    w->cur.hdr = hdr;
    w->cur.is_current = w->cur.shadowed = false;
    w->cur.blank = true;
    w->cur.checksum = 0;
    pthread_mutex_lock(&w->lock);
    w->next.wanted = false;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    return JET_errSuccess;
}

/* ---- segments ------------------------------------------------------------------------------------ */

static void seal(struct wal *w, uint64_t nr)
{
    const struct wal_slot *s = wal_slot(w, nr);
    uint8_t *seg = wal_segment(w, nr);

    loggen_seal(seg, s->gen, s->isec);
    w->cur.checksum ^= get_le64(seg);
}

/* Segments that lie behind one another in the buffer and in the file. BASE.log gets one at a time (README.md). */
static uint32_t run_length(const struct wal *w, uint64_t nr, uint64_t end)
{
    const lgen_t gen = wal_slot(w, nr)->gen;
    uint32_t n = 1;

    if (w->cur.is_current)
        return 1;
    while (n < RUN_MAX && nr + n < end && (nr + n) % w->nr_slots != 0 &&
           wal_slot(w, nr + n)->gen == gen)
        n++;
    return n;
}

static JET_ERR write_run(struct wal *w, uint64_t nr, uint32_t n)
{
    const uint64_t off = (uint64_t)wal_slot(w, nr)->isec * LOG_SEGMENT_LEN;
    JET_ERR err;

    for (uint32_t i = 0; i < n; i++)
        seal(w, nr + i);
    w->cur.shadowed = false;
    err = w->io.pwrite(w->io.ctx, w->cur.fd, wal_segment(w, nr), (size_t)n * LOG_SEGMENT_LEN, off);
    if (err >= 0 && w->cur.is_current)
        err = sync_file(w, w->cur.fd);
    return err < 0 ? wal_fail_io(w, err, off, "writing the log") : JET_errSuccess;
}

/* They are written: their room is free again. */
static void mark_written(struct wal *w, uint64_t nr, uint32_t n)
{
    const bool durable = w->cur.is_current;

    pthread_mutex_lock(&w->lock);
    w->tail = nr + n;
    w->written = wal_slot(w, nr + n - 1)->whole;
    w->unsynced = !durable;
    if (durable)
        atomic_store_explicit(&w->durable, w->written, memory_order_release);
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

/* Is the next generation at segment nr, and does anybody wait for it to begin? */
static bool is_next(struct wal *w, uint64_t nr)
{
    bool yes;

    pthread_mutex_lock(&w->lock);
    yes = w->next.wanted && w->next.at == nr;
    pthread_mutex_unlock(&w->lock);
    return yes;
}

JET_ERR walfile_write(struct wal *w, uint64_t end, bool durable, bool begin)
{
    uint64_t nr = w->tail; /* nobody else moves it */
    JET_ERR err = atomic_load(&w->failed);

    while (nr < end && err >= 0) {
        if (wal_slot(w, nr)->gen != le32_get(w->cur.hdr.gen)) {
            err = begin_generation(w);
        } else {
            const uint32_t n = run_length(w, nr, end);
            err = write_run(w, nr, n);
            if (err >= 0)
                mark_written(w, nr, n);
            nr += n;
        }
    }
    if (err >= 0 && begin && is_next(w, nr))
        err = begin_generation(w);
    if (err >= 0 && durable && !w->cur.is_current)
        err = become_current(w);
    return err;
}

JET_ERR walfile_shadow(struct wal *w, const uint8_t *seg, uint32_t isec)
{
    const uint64_t off = (uint64_t)(isec + 1) * LOG_SEGMENT_LEN;
    JET_ERR err;

    if (!w->cur.is_current || !w->cur.blank || w->cur.shadowed)
        return JET_errSuccess;
    err = w->io.pwrite(w->io.ctx, w->cur.fd, seg, LOG_SEGMENT_LEN, off);
    if (err >= 0)
        err = sync_file(w, w->cur.fd);
    if (err < 0)
        return wal_fail_io(w, err, off, "writing the log's last shadow");
    w->cur.shadowed = true;
    return JET_errSuccess;
}

/* ---- starting ------------------------------------------------------------------------------------ */

/* Generation 1, made of the template. */
static JET_ERR open_fresh(struct wal *w)
{
    JET_ERR err =
        w->io.make(w->io.ctx, &w->files, le32_get(w->cur.hdr.gen), w->nr_segments, &w->cur.fd);

    le16_put(&w->cur.hdr.nr_segments, (uint16_t)w->nr_segments);
    loggen_seal_header(&w->cur.hdr);
    if (err >= 0)
        err = w->io.pwrite(w->io.ctx, w->cur.fd, &w->cur.hdr, sizeof(w->cur.hdr), 0);
    if (err >= 0)
        err = sync_file(w, w->cur.fd);
    if (err >= 0)
        err = w->io.swap(w->io.ctx, &w->files, 0);
    if (err < 0)
        return wal_fail_io(w, err, ESE_NO_OFFSET, "making the first log");
    w->cur.is_current = w->cur.has_current = w->cur.blank = true;
    return JET_errSuccess;
}

static JET_ERR open_current(struct wal *w, uint32_t last_valid)
{
    const lgen_t gen = le32_get(w->cur.hdr.gen);
    char name[LOGGEN_NAME_LEN];
    JET_ERR err;

    err = os_open_beneath_rw(w->files.dirfd, loggen_current(&w->files, name), &w->cur.fd);
    if (err >= 0 && last_valid)
        err = loggen_repair_tail(w->cur.fd, gen, last_valid);
    if (err >= 0)
        err = loggen_adopt(w->cur.fd, gen, le16_get(w->cur.hdr.nr_segments), last_valid,
                           &w->cur.blank);
    if (err == JET_errLogFileCorrupt)
        return fault(w->r, err, 552, 0, (uint64_t)last_valid * LOG_SEGMENT_LEN,
                     "segment %" PRIu32 " is damaged, and so is its shadow", last_valid);
    if (err < 0)
        return wal_fail_io(w, err, ESE_NO_OFFSET, "taking up the log");
    w->cur.is_current = w->cur.has_current = true;
    return JET_errSuccess;
}

/* There is no BASE.log: the generation behind the archived ones begins before anything else. */
static JET_ERR open_archived(struct wal *w)
{
    JET_ERR err;

    w->cur.is_current = true; /* it has its name, and nothing is written to it */
    memset(w->next.attach, 0, sizeof(w->next.attach));
    err = w->hooks.attach_list(w->hooks.ctx, w->next.attach);
    if (err < 0)
        return err;
    if (w->gen >= LOG_GEN_MAX - 1)
        return RAISE(JET_errLogSequenceEnd);
    w->next.gen = ++w->gen;
    w->next.created = logtime_now();
    w->isec = 1;
    w->last = w->nr_segments - 2;
    err = begin_generation(w);
    return err < 0 ? err : become_current(w);
}

JET_ERR walfile_open(struct wal *w, const struct wal_start *start)
{
    JET_ERR err;

    w->cur.hdr = *start->hdr;
    w->cur.checksum = start->checksum;
    w->checkpoint = le64_get(start->hdr->lgpos_checkpoint);
    w->gen = w->current = le32_get(start->hdr->gen);
    w->isec = start->last_valid + 1;
    w->last = (start->fresh ? w->nr_segments : le16_get(start->hdr->nr_segments)) - 2u;
    loggen_keep_reserves(&w->files, w->nr_segments);
    if (start->fresh)
        err = open_fresh(w);
    else if (start->archived)
        err = open_archived(w);
    else
        err = open_current(w, start->last_valid);
    if (err < 0)
        return err;
    w->current = w->acknowledged = w->gen;
    w->current_created = w->cur.hdr.time_created;
    w->written = wal_tip_locked(w);
    atomic_store(&w->durable, w->written);
    return JET_errSuccess;
}

/* ---- files that are no longer needed --------------------------------------------------------------- */

static bool exists(const struct wal *w, lgen_t gen)
{
    char name[LOGGEN_NAME_LEN];
    int fd;

    if (os_open_beneath(w->files.dirfd, loggen_archived(&w->files, gen, name), &fd) < 0)
        return false;
    close(fd);
    return true;
}

static JET_ERR delete_range(struct wal *w, lgen_t from, lgen_t keep, uint32_t *ret_missing)
{
    char name[LOGGEN_NAME_LEN];
    JET_ERR err = JET_errSuccess;

    *ret_missing = 0;
    for (lgen_t gen = from; gen < keep && err >= 0; gen++) {
        err = os_unlink_beneath(w->files.dirfd, loggen_archived(&w->files, gen, name));
        if (err == JET_errFileNotFound) {
            ++*ret_missing;
            err = JET_errSuccess;
        }
    }
    return err;
}

static lgen_t lowest_of_run(const struct wal *w, lgen_t gen)
{
    while (gen > 1 && exists(w, gen - 1))
        gen--;
    return gen;
}

/* Alone with the archived files. Returns the highest generation that may not be deleted. */
static lgen_t begin_deleting(struct wal *w)
{
    lgen_t current;

    pthread_mutex_lock(&w->lock);
    while (w->deleting)
        pthread_cond_wait(&w->changed, &w->lock);
    w->deleting = true;
    current = w->current;
    pthread_mutex_unlock(&w->lock);
    return current;
}

/* gone: what is below it; 0: nothing was deleted. */
static void end_deleting(struct wal *w, lgen_t gone)
{
    pthread_mutex_lock(&w->lock);
    if (gone > w->lowest)
        w->lowest = gone;
    w->deleting = false;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

JET_ERR wal_delete_below(struct wal *w, lgen_t keep)
{
    const lgen_t current = begin_deleting(w);
    uint32_t missing;
    JET_ERR err = JET_errSuccess;

    if (keep > current)
        keep = current;
    if (!w->held) /* changes only while nobody deletes */
        err = delete_range(w, w->lowest ? w->lowest : lowest_of_run(w, keep), keep, &missing);
    end_deleting(w, err < 0 || w->held ? 0 : keep);
    return err;
}

JET_ERR wal_delete(struct wal *w, lgen_t from, lgen_t to, uint32_t *ret_missing)
{
    const lgen_t current = begin_deleting(w);
    JET_ERR err;

    if (to > current)
        to = current;
    err = delete_range(w, from, to, ret_missing);
    end_deleting(w, err < 0 ? 0 : to);
    return err;
}

void wal_hold(struct wal *w, bool held)
{
    (void)begin_deleting(w);
    w->held = held;
    end_deleting(w, 0);
}

lgen_t wal_lowest(struct wal *w)
{
    return lowest_of_run(w, wal_gen(w));
}

char *wal_archived_name(const struct wal *w, lgen_t gen, char name[LOGGEN_NAME_LEN])
{
    return loggen_archived(&w->files, gen, name);
}

int wal_dir(const struct wal *w)
{
    return w->files.dirfd;
}
