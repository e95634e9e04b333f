/*
 * Power failures. Every write of the log goes through a disk that may lose, tear and reorder whatever was not synced: of the
 * sectors of 512 bytes that are under way each one is there or not, as the dice say. At each moment that is tried, the law
 * holds: no reader finds a fault; the records there are a prefix of those appended; all that was durable is among them; the
 * log can be gone on with, and a second crash then changes nothing of that.
 */
#include "waltest.h"

#include <pthread.h>

#include "log/logwrite.h"

#define SECTOR    512u
#define SIM_FILES 48u
#define FILE_MAX  (64u * LOG_SEGMENT_LEN)

struct pending { /* written, not synced */
    uint64_t off;
    size_t len;
    uint8_t *bytes;
};

struct simfile {
    ino_t ino;
    size_t size;
    char name[24]; /* "": it has none any more */
    uint8_t *stable;
    struct pending *pending;
    unsigned nr_pending;
};

static struct {
    pthread_mutex_t lock;
    struct simfile files[SIM_FILES];
    unsigned nr;
    unsigned events, crash_at;
    bool crashed;
    char image[64]; /* directory of what the crash left */
    int image_fd;
    lgpos_t durable; /* records before it had been acknowledged */
    struct wal *wal;
    uint64_t dice; /* the disk's own: it is used by every thread */
} sim;

static struct faults faults;
static struct reporter reporter;

/* ---- the disk ------------------------------------------------------------------------------------ */

static unsigned dice(void)
{
    sim.dice = sim.dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(sim.dice >> 40);
}

static struct simfile *file_of(ino_t ino)
{
    for (unsigned i = 0; i < sim.nr; i++)
        if (sim.files[i].ino == ino)
            return &sim.files[i];
    return NULL;
}

static struct simfile *named(const char *name)
{
    for (unsigned i = 0; i < sim.nr; i++)
        if (strcmp(sim.files[i].name, name) == 0)
            return &sim.files[i];
    return NULL;
}

static struct simfile *file_of_fd(int fd)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        abort();
    return file_of(st.st_ino);
}

static void add_pending(struct simfile *f, const void *buf, size_t len, uint64_t off)
{
    struct pending *p;

    f->pending = realloc(f->pending, (f->nr_pending + 1) * sizeof(*f->pending));
    p = &f->pending[f->nr_pending++];
    *p = (struct pending){off, len, malloc(len)};
    memcpy(p->bytes, buf, len);
}

static void settle(struct simfile *f)
{
    for (unsigned i = 0; i < f->nr_pending; i++) {
        memcpy(f->stable + f->pending[i].off, f->pending[i].bytes, f->pending[i].len);
        free(f->pending[i].bytes);
    }
    free(f->pending);
    f->pending = NULL;
    f->nr_pending = 0;
}

/* Stable bytes, and of what is pending each sector or not. Sometimes all, sometimes none of a write. */
static void put_image(const struct simfile *f, const char *name)
{
    uint8_t *bytes = malloc(f->size);
    int fd = openat(sim.image_fd, name, O_CREAT | O_WRONLY | O_TRUNC, 0600);

    memcpy(bytes, f->stable, f->size);
    for (unsigned i = 0; i < f->nr_pending; i++) {
        const struct pending *p = &f->pending[i];
        const unsigned luck = dice() % 4;
        for (size_t at = 0; at < p->len; at += SECTOR)
            if (luck == 0 || (luck > 1 && dice() % 2))
                memcpy(bytes + p->off + at, p->bytes + at, SECTOR);
    }
    if (fd < 0 || write(fd, bytes, f->size) != (ssize_t)f->size)
        abort();
    close(fd);
    free(bytes);
}

static void crash_now(void)
{
    sim.durable = sim.wal ? wal_durable(sim.wal) : 0;
    snprintf(sim.image, sizeof(sim.image), "/tmp/unit-walimg-XXXXXX");
    if (!mkdtemp(sim.image))
        abort();
    sim.image_fd = open(sim.image, O_RDONLY | O_DIRECTORY);
    for (unsigned i = 0; i < sim.nr; i++)
        if (sim.files[i].name[0])
            put_image(&sim.files[i], sim.files[i].name);
    sim.crashed = true;
}

/* A moment at which the power may fail: it has happened, and nothing more is written. */
static bool event(void)
{
    if (!sim.crashed && ++sim.events == sim.crash_at)
        crash_now();
    return sim.crashed;
}

static JET_ERR sim_pwrite(void *ctx, int fd, const void *buf, size_t len, uint64_t off)
{
    JET_ERR err;

    pthread_mutex_lock(&sim.lock);
    add_pending(file_of_fd(fd), buf, len, off);
    err = event() ? JET_errDiskIO : wal_io_real.pwrite(ctx, fd, buf, len, off);
    pthread_mutex_unlock(&sim.lock);
    return err;
}

static JET_ERR sim_datasync(void *ctx, int fd)
{
    JET_ERR err;

    (void)ctx;
    pthread_mutex_lock(&sim.lock);
    err = event() ? JET_errDiskIO : JET_errSuccess;
    if (err >= 0)
        settle(file_of_fd(fd));
    pthread_mutex_unlock(&sim.lock);
    return err;
}

static struct simfile *add_file(int fd, const char *name)
{
    struct simfile *f = &sim.files[sim.nr];
    struct stat st;

    if (fstat(fd, &st) < 0 || st.st_size > (off_t)FILE_MAX || sim.nr == SIM_FILES)
        abort();
    sim.nr++;
    *f = (struct simfile){.ino = st.st_ino, .size = (size_t)st.st_size};
    snprintf(f->name, sizeof(f->name), "%s", name);
    f->stable = calloc(1, f->size);
    return f;
}

static JET_ERR sim_make(void *ctx, const struct loggen *g, lgen_t gen, uint32_t nr, int *ret_fd)
{
    uint8_t *bytes = malloc((size_t)nr * LOG_SEGMENT_LEN);
    struct simfile *f;
    JET_ERR err;

    pthread_mutex_lock(&sim.lock);
    err = event() ? JET_errDiskIO : wal_io_real.make(ctx, g, gen, nr, ret_fd);
    if (err >= 0) {
        f = file_of_fd(*ret_fd);
        if (!f)
            f = add_file(*ret_fd, "edbtmp.log");
        if (pread(*ret_fd, bytes, f->size, 0) != (ssize_t)f->size)
            abort();
        add_pending(f, bytes, f->size, 0);
        if (event())
            err = JET_errDiskIO;
    }
    pthread_mutex_unlock(&sim.lock);
    free(bytes);
    return err;
}

static void rename_to(const char *from, const char *to)
{
    struct simfile *f = named(from), *over = named(to);

    if (over)
        over->name[0] = '\0';
    if (f)
        snprintf(f->name, sizeof(f->name), "%s", to);
}

/* The two renames are under way until the directory is synced: a crash finds none, the first, or both. */
static JET_ERR sim_swap(void *ctx, const struct loggen *g, lgen_t gen)
{
    char archived[LOGGEN_NAME_LEN];
    JET_ERR err = JET_errSuccess;

    pthread_mutex_lock(&sim.lock);
    for (unsigned step = 0; step < 3 && err >= 0; step++) {
        if (event())
            err = JET_errDiskIO;
        else if (step == 0 && gen)
            rename_to("edb.log", loggen_archived(g, gen, archived));
        else if (step == 1)
            rename_to("edbtmp.log", "edb.log");
    }
    if (err >= 0)
        err = wal_io_real.swap(ctx, g, gen);
    pthread_mutex_unlock(&sim.lock);
    return err;
}

static const struct wal_io io_sim = {sim_pwrite, sim_datasync, sim_make, sim_swap, NULL};

static void sim_reset(unsigned crash_at)
{
    for (unsigned i = 0; i < sim.nr; i++) {
        settle(&sim.files[i]);
        free(sim.files[i].stable);
    }
    memset(&sim, 0, sizeof(sim));
    pthread_mutex_init(&sim.lock, NULL);
    sim.crash_at = crash_at;
    sim.dice = rnd();
    sim.image_fd = -1;
}

/* What is in a directory now is on disk. */
static void sim_load(int dirfd)
{
    static struct wt_set set;

    wt_open_set(&set, dirfd, 1);
    for (unsigned i = 0; i < set.nr; i++) {
        struct simfile *f = add_file(set.files[i].fd, set.names[i]);
        if (pread(set.files[i].fd, f->stable, f->size, 0) != (ssize_t)f->size)
            abort();
    }
    wt_close_set(&set);
}

/* ---- what is done to the log ------------------------------------------------------------------------ */

/* Until the power fails, or it is enough. */
static void work(struct wal *w, unsigned many)
{
    lgen_t gen;

    for (unsigned i = 0; i < many; i++) {
        const uint32_t len = (uint32_t)(rnd() % (rnd() % 10 ? 400 : 12000));
        if (wt_append(w, len) < 0)
            return;
        switch (rnd() % 12) {
        case 0:
        case 1:
        case 2:
            (void)!wal_flush(w, wt_written[wt_nr - 1].lgpos);
            break;
        case 3:
            (void)!wal_flush(w, wt_written[rnd() % wt_nr].lgpos);
            break;
        case 4:
            if (rnd() % 6 == 0)
                (void)!wal_roll(w, &gen);
            break;
        }
    }
    (void)!wal_flush_all(w);
}

/* True: the power failed. */
static bool run(const struct wal_start *s, unsigned many)
{
    struct wal *w = NULL;

    reporter = reporter_to(&faults);
    (void)!wal_open_with(s, &wt_hooks, &reporter, &io_sim, &w);
    pthread_mutex_lock(&sim.lock);
    sim.wal = w;
    pthread_mutex_unlock(&sim.lock);
    if (w)
        work(w, many);
    wal_close(w);
    sim.wal = NULL;
    return sim.crashed;
}

static unsigned acknowledged(void)
{
    unsigned n = 0;

    while (n < wt_nr && wt_written[n].lgpos < sim.durable)
        n++;
    return n;
}

/* ---- the law ------------------------------------------------------------------------------------- */

static bool is_note(const struct ese_fault *f)
{
    return f->severity == ESE_NOTE;
}

static void check_law(int dirfd, unsigned durable, unsigned *ret_there)
{
    struct faults fs;
    char text[700];
    JET_ERR err;

    *ret_there = wt_read(dirfd, &fs, &err);
    for (unsigned i = 0; i < fs.nr && i < ARRAY_LEN(fs.list); i++) {
        if (is_note(&fs.list[i]))
            continue;
        ese_fault_str(&fs.list[i], text, sizeof(text));
        fail_msg("event %u: %s", sim.crash_at, text);
    }
    assert_int_equal(err, 0);
    if (*ret_there < durable)
        fail_msg("event %u: %u records, %u were durable", sim.crash_at, *ret_there, durable);
}

/* False: the first one was being made. */
static bool has_log(int dirfd)
{
    return faccessat(dirfd, "edb.log", F_OK, 0) == 0 ||
           faccessat(dirfd, "edb00001.log", F_OK, 0) == 0;
}

/* Without BASE.log there is a BASEtmp, so that recovery knows that nothing is missing. */
static void check_names(int dirfd)
{
    if (faccessat(dirfd, "edb.log", F_OK, 0) < 0)
        assert_int_equal(faccessat(dirfd, "edbtmp.log", F_OK, 0), 0);
}

/* Recovery's first record, by recovery's writer: what a crash cut off is behind it. */
static void recover(int dirfd)
{
    static struct loghdr_disk hdr;
    struct reporter r = reporter_to(&faults);
    const struct wal_start found = wt_found(dirfd, &hdr, &r);
    const struct logwrite_hooks hooks = {wt_attach_list, wt_generation, NULL};
    const struct logwrite_start s = {.dirfd = dirfd,
                                     .fd = found.archived ? -1 : openat(dirfd, "edb.log", O_RDWR),
                                     .base = "edb",
                                     .ext = ".log",
                                     .digits = 5,
                                     .hdr = &hdr,
                                     .last_valid = found.last_valid,
                                     .checksum = found.checksum};
    const struct logrec undo = {.type = LR_RECOVERY_UNDO2};
    struct logwrite *w;
    lgpos_t at;

    assert_int_equal(logwrite_new(&s, &hooks, &r, &w), 0);
    assert_int_equal(logwrite_record(w, &undo, &at), 0);
    assert_int_equal(logwrite_flush(w), 0);
    logwrite_free(w);
}

static void drop_image(int fd, const char *dir)
{
    close(fd);
    assert_int_equal(nftw(dir, wt_remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* The log in the directory is recovered and goes on, until the power fails again. */
static void try_again(int dirfd, unsigned crash_at)
{
    static struct loghdr_disk hdr;
    unsigned there;
    struct wal_start s;

    check_names(dirfd);
    check_law(dirfd, acknowledged(), &there);
    wt_nr = there; /* the others never were */
    recover(dirfd);
    check_law(dirfd, there, &there);
    sim_reset(crash_at);
    sim_load(dirfd);
    s = wt_found(dirfd, &hdr, &reporter);
    if (!run(&s, 40))
        return;
    check_names(sim.image_fd);
    check_law(sim.image_fd, there > acknowledged() ? there : acknowledged(), &there);
    drop_image(sim.image_fd, sim.image);
}

/* Crashes at event `first`, and later at event `second`. False: there are not as many events. */
static bool try_crash(uint64_t seed, unsigned segments, unsigned first, unsigned second)
{
    const struct wal_start s = wt_fresh(segments);
    char image[64];
    int image_fd;

    test_rng = seed;
    sim_reset(first);
    wt_nr = 0;
    if (!run(&s, 120))
        return false;
    snprintf(image, sizeof(image), "%s", sim.image);
    image_fd = sim.image_fd;
    if (has_log(image_fd))
        try_again(image_fd, second);
    drop_image(image_fd, image);
    return true;
}

static void clear_dir(void)
{
    assert_int_equal(wt_teardown(NULL), 0);
    assert_int_equal(wt_setup(NULL), 0);
}

static void nothing_durable_is_lost_at_whatever_moment_the_power_fails(void **state)
{
    unsigned crashes = 0;

    (void)state;
    for (unsigned round = 0; round < 4; round++) {
        const uint64_t seed = rnd() | 1;
        for (unsigned at = 1; at < 4000; at += 1 + at / 20) {
            const bool went = try_crash(seed + at * 2, round % 2 ? 8 : 24, at, 1 + at * 7 % 60);
            clear_dir();
            if (!went)
                break;
            crashes++;
        }
        test_rng = seed * 3;
    }
    print_message("%u crashes\n", crashes);
    assert_true(crashes > 120);
}

/* The other way round: writes of several segments into BASE.log in one go would break the law; the writer must not make them. */
static void a_segment_of_the_current_log_is_synced_before_the_next_is_written(void **state)
{
    const struct wal_start s = wt_fresh(64);
    struct wal *w;

    (void)state;
    sim_reset(0);
    reporter = reporter_to(&faults);
    assert_int_equal(wal_open_with(&s, &wt_hooks, &reporter, &io_sim, &w), 0);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(wt_append(w, 3000), 0);
    assert_int_equal(wal_flush_all(w), 0);
    pthread_mutex_lock(&sim.lock);
    assert_int_equal(named("edb.log")->nr_pending, 0);
    assert_true(sim.events >= 20);
    pthread_mutex_unlock(&sim.lock);
    wal_close(w);
    sim_reset(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_durable_is_lost_at_whatever_moment_the_power_fails,
                                        wt_setup, wt_teardown),
        cmocka_unit_test_setup_teardown(
            a_segment_of_the_current_log_is_synced_before_the_next_is_written, wt_setup,
            wt_teardown),
    };

    rnd_init("walcrash");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
