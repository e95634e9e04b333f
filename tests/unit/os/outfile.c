/* Files written by a thread beside the caller: every length, holes, filesystems that refuse, disks that fail. */
#include "testutil.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "os/file.h"
#include "os/outfile.h"

/* ---- the door to the disk ----------------------------------------------------------------------- */

static enum {
    TAKES_ALL,
    NO_DIRECT,
    NO_DIRECT_WRITES
} kind;                              /* what the filesystem does with O_DIRECT */
static int fail_write, fail_reserve; /* errno, or 0 */
static unsigned fail_after, nr_direct, nr_cached;
static int is_direct;

ssize_t __real_pwrite64(int fd, const void *p, size_t n, off_t off);
ssize_t __wrap_pwrite64(int fd, const void *p, size_t n, off_t off);
int __real_fcntl64(int fd, int cmd, long arg);
int __wrap_fcntl64(int fd, int cmd, long arg);
int __real_fallocate64(int fd, int mode, off_t off, off_t len);
int __wrap_fallocate64(int fd, int mode, off_t off, off_t len);

/* O_DIRECT is played, whatever lies beneath the test: what it asks for is looked at here. */
ssize_t __wrap_pwrite64(int fd, const void *p, size_t n, off_t off)
{
    if (fail_write && fail_after-- == 0) {
        errno = fail_write;
        return -1;
    }
    if (is_direct) {
        assert_true((uintptr_t)p % 4096 == 0 && n % 4096 == 0 && off % 4096 == 0);
        if (kind == NO_DIRECT_WRITES) {
            errno = EINVAL;
            return -1;
        }
    }
    if (is_direct)
        nr_direct++;
    else
        nr_cached++;
    return __real_pwrite64(fd, p, n, off);
}

int __wrap_fcntl64(int fd, int cmd, long arg)
{
    if (cmd != F_SETFL)
        return __real_fcntl64(fd, cmd, arg);
    if ((arg & O_DIRECT) && kind == NO_DIRECT) {
        errno = EINVAL;
        return -1;
    }
    is_direct = (arg & O_DIRECT) != 0;
    return 0;
}

int __wrap_fallocate64(int fd, int mode, off_t off, off_t len)
{
    if (fail_reserve) {
        errno = fail_reserve;
        return -1;
    }
    return __real_fallocate64(fd, mode, off, len);
}

/* ---- fixture ------------------------------------------------------------------------------------ */

static struct outfile *out;
static int fd;

static int setup(void **state)
{
    (void)state;
    kind = TAKES_ALL;
    fail_write = fail_reserve = is_direct = 0;
    nr_direct = nr_cached = fail_after = 0;
    return outfile_new(&out) < 0 || os_create_unnamed(&fd) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    outfile_free(out);
    close(fd);
    return 0;
}

static uint8_t byte_at(uint64_t off)
{
    return (uint8_t)(1 + (off * 2654435761u >> 13) % 255);
}

/* A hole where bit n of holes is set. */
static JET_ERR write_file(uint64_t size, uint64_t holes)
{
    uint64_t off = 0;

    for (unsigned i = 0; off < size; i++) {
        const size_t len = size - off < OUTFILE_PIECE ? (size_t)(size - off) : OUTFILE_PIECE;
        uint8_t *piece;
        JET_ERR err = outfile_piece(out, &piece);
        if (err < 0)
            return err;
        for (size_t k = 0; k < len; k++)
            piece[k] = byte_at(off + k);
        if (holes >> i & 1)
            outfile_put_hole(out, len);
        else
            outfile_put(out, len);
        off += len;
    }
    return outfile_end(out);
}

static void has(uint64_t size, uint64_t holes)
{
    uint8_t *all = malloc(size + 1);
    size_t got;

    assert_true(os_pread(fd, all, size + 1, 0, &got) >= 0);
    assert_int_equal(got, size);
    for (uint64_t off = 0; off < size; off++)
        if (all[off] != (holes >> off / OUTFILE_PIECE & 1 ? 0 : byte_at(off)))
            fail_msg("byte %llu", (unsigned long long)off);
    free(all);
}

static void again(void)
{
    close(fd);
    assert_true(os_create_unnamed(&fd) >= 0);
}

/* ---- tests -------------------------------------------------------------------------------------- */

static void files_of_every_length_are_whole(void **state)
{
    static const uint64_t sizes[] = {0,
                                     1,
                                     4095,
                                     4096,
                                     4097,
                                     OUTFILE_PIECE,
                                     OUTFILE_PIECE + 2048,
                                     5 * OUTFILE_PIECE,
                                     9 * OUTFILE_PIECE + 100};

    (void)state;
    for (kind = TAKES_ALL; kind <= NO_DIRECT_WRITES; kind++)
        for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
            for (unsigned reserved = 0; reserved < 3; reserved++) {
                assert_true(outfile_begin(out, fd, reserved * sizes[i]) >=
                            0); /* also a wrong guess */
                assert_true(write_file(sizes[i], 0) >= 0);
                assert_false(is_direct);
                has(sizes[i], 0);
                again();
            }
}

static void it_goes_past_the_cache_where_it_can(void **state)
{
    (void)state;
    assert_true(outfile_begin(out, fd, 0) >= 0);
    assert_true(write_file(3 * OUTFILE_PIECE + 1, 0) >= 0);
    assert_int_equal(nr_direct, 4);
    assert_int_equal(nr_cached, 0);
    again();
    kind = NO_DIRECT_WRITES;
    nr_direct = 0;
    assert_true(outfile_begin(out, fd, 0) >= 0);
    assert_true(write_file(3 * OUTFILE_PIECE + 1, 0) >= 0);
    assert_int_equal(nr_direct, 0);
    assert_true(nr_cached > 3);
}

static void holes_are_not_written(void **state)
{
    struct os_stat st;

    (void)state;
    for (kind = TAKES_ALL; kind <= NO_DIRECT_WRITES; kind++) {
        assert_true(outfile_begin(out, fd, 0) >= 0);
        assert_true(write_file(8 * OUTFILE_PIECE + 4096, 0x1b6) >= 0);
        has(8 * OUTFILE_PIECE + 4096, 0x1b6);
        assert_true(os_stat_fd(fd, &st) >= 0);
        assert_true(st.blocks512 * 512 < 5 * OUTFILE_PIECE);
        again();
    }
}

static void a_write_that_fails_ends_the_file_and_no_other(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 7; n++) {
        assert_true(outfile_begin(out, fd, 0) >= 0);
        fail_write = n % 2 ? EIO : ENOSPC;
        fail_after = n;
        assert_int_equal(write_file(7 * OUTFILE_PIECE, 0), n % 2 ? JET_errDiskIO : JET_errDiskFull);
        outfile_drop(out);
        assert_int_equal(outfile_failed_at(out), (uint64_t)n * OUTFILE_PIECE);
        fail_write = 0;
        again();
        assert_true(outfile_begin(out, fd, 0) >= 0);
        assert_int_equal(outfile_failed_at(out), ESE_NO_OFFSET);
        assert_true(write_file(2 * OUTFILE_PIECE, 0) >= 0);
        has(2 * OUTFILE_PIECE, 0);
        again();
    }
}

static void a_full_disk_is_told_at_once(void **state)
{
    (void)state;
    fail_reserve = ENOSPC;
    assert_int_equal(outfile_begin(out, fd, OUTFILE_PIECE), JET_errDiskFull);
    fail_reserve = EOPNOTSUPP; /* the filesystem cannot promise it: no error */
    assert_true(outfile_begin(out, fd, OUTFILE_PIECE) >= 0);
    assert_true(write_file(OUTFILE_PIECE, 0) >= 0);
    has(OUTFILE_PIECE, 0);
}

static void a_dropped_file_leaves_nothing_to_do(void **state)
{
    uint8_t *piece;

    (void)state;
    outfile_drop(out); /* none was begun */
    for (unsigned n = 0; n < 5; n++) {
        assert_true(outfile_begin(out, fd, 0) >= 0);
        for (unsigned i = 0; i < n; i++) {
            assert_true(outfile_piece(out, &piece) >= 0);
            memset(piece, 1, OUTFILE_PIECE);
            outfile_put(out, OUTFILE_PIECE);
        }
        outfile_drop(out);
        again();
    }
    assert_true(outfile_begin(out, fd, 0) >= 0);
    assert_true(write_file(100, 0) >= 0);
    has(100, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(files_of_every_length_are_whole), T(it_goes_past_the_cache_where_it_can),
        T(holes_are_not_written),           T(a_write_that_fails_ends_the_file_and_no_other),
        T(a_full_disk_is_told_at_once),     T(a_dropped_file_leaves_nothing_to_do),
    };

    return cmocka_run_group_tests_name("os-outfile", tests, NULL, NULL);
}
