/*
 * Logs and pages with bytes changed at random and every checksum made right again, so that nothing but the
 * meaning is wrong: recovery may refuse them or not, it must come to an end and leave what can be read.
 *
 * RECOVER_MUTATIONS in the environment: how many (default 60).
 */
#include "realset.h"

#include "engine.h"
#include "log/logfmt.h"
#include "page/cksum.h"
#include "page/page.h"

#define PAGE     4096u
#define LAST_GEN 11u

static void log_path(unsigned gen, char *path, size_t len)
{
    if (gen == LAST_GEN)
        snprintf(path, len, "%s/edb.log", work);
    else
        snprintf(path, len, "%s/edb%08X.log", work, gen);
}

static int open_log(unsigned gen)
{
    char path[128];
    int fd;

    log_path(gen, path, sizeof(path));
    fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    return fd;
}

static void scribble(uint8_t *b, uint32_t from, uint32_t to)
{
    const unsigned nr = 1 + (unsigned)(rnd() % 4);

    for (unsigned i = 0; i < nr; i++) {
        static const uint8_t usual[] = {0, 1, 0x7f, 0x80, 0xff};
        uint8_t *p = b + from + rnd() % (to - from);
        switch (rnd() % 3) {
        case 0:
            *p ^= (uint8_t)(1u << rnd() % 8);
            break;
        case 1:
            *p = usual[rnd() % sizeof(usual)];
            break;
        default:
            *p = (uint8_t)rnd();
        }
    }
}

/* The generation after carries the checksum of all segments. */
static void mend_next(unsigned gen, uint64_t difference)
{
    struct loghdr_disk h;
    int fd = open_log(gen);

    assert_int_equal(pread(fd, &h, sizeof(h), 0), sizeof(h));
    le64_put(&h.prev_checksum, le64_get(h.prev_checksum) ^ difference);
    le32_put(&h.checksum, cksum_xor(&h, sizeof(h)));
    assert_int_equal(pwrite(fd, &h, sizeof(h), 0), sizeof(h));
    close(fd);
}

static void change_log(void)
{
    const unsigned gen = 6 + (unsigned)(rnd() % (LAST_GEN - 5));
    const uint32_t isec = 1 + (uint32_t)(rnd() % (gen == LAST_GEN ? 17 : 30));
    uint8_t seg[LOG_SEGMENT_LEN];
    int fd = open_log(gen);
    uint64_t old, new;

    assert_int_equal(pread(fd, seg, sizeof(seg), (off_t)isec * LOG_SEGMENT_LEN), sizeof(seg));
    old = get_le64(seg);
    scribble(seg, LOGSEG_HEADER_LEN, sizeof(seg));
    new = cksum_ecc(seg, sizeof(seg), isec, true);
    put_le64(seg, new);
    assert_int_equal(pwrite(fd, seg, sizeof(seg), (off_t)isec * LOG_SEGMENT_LEN), sizeof(seg));
    close(fd);
    if (gen < LAST_GEN)
        mend_next(gen + 1, old ^ new);
}

static void change_page(void)
{
    const pgno_t pgno = 1 + (pgno_t)(rnd() % 250);
    uint8_t page[PAGE];
    char path[128];
    int fd;

    snprintf(path, sizeof(path), "%s/test.edb", work);
    fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    if (pread(fd, page, PAGE, (off_t)(pgno + 1) * PAGE) == PAGE && !page_is_zero(page, PAGE)) {
        scribble(page, 8, PAGE);
        page_seal(page, PAGE, pgno);
        assert_int_equal(pwrite(fd, page, PAGE, (off_t)(pgno + 1) * PAGE), PAGE);
    }
    close(fd);
}

static void look_at_the_result(void)
{
    char path[128];
    uint64_t faults;
    int fd;

    snprintf(path, sizeof(path), "%s/test.edb", work);
    fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    (void)ese_integrity(fd, path, NULL, NULL, NULL, NULL, &faults);
    close(fd);
}

static void changed_bytes_end_in_a_refusal_or_a_readable_database(void **state)
{
    const char *s = getenv("RECOVER_MUTATIONS");
    const unsigned nr = s ? (unsigned)strtoul(s, NULL, 0) : 60;
    unsigned refused = 0;

    (void)state;
    NEED_DATA("recovery from hostile logs");
    snprintf(source, sizeof(source), "%s/engine/p4096_w10/dirty/files", test_data());
    for (unsigned i = 0; i < nr; i++) {
        const struct ese_recover_opts opts = {.dry_run = rnd() % 2, .cache_bytes = rnd() % 2};
        struct ese_recovery rec;
        JET_ERR err;
        int fd;

        fresh_set();
        for (unsigned k = 1 + (unsigned)(rnd() % 3); k > 0; k--)
            rnd() % 4 ? change_log() : change_page();
        fd = open(work, O_RDONLY | O_DIRECTORY);
        assert_true(fd >= 0);
        err = ese_recover(fd, &opts, NULL, NULL, NULL, NULL, &rec);
        ese_recovery_done(&rec);
        close(fd);
        refused += err < 0;
        look_at_the_result();
    }
    print_message("%u of %u refused\n", refused, nr);
    if (nr >= 60)
        assert_true(refused > 0 && refused < nr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(changed_bytes_end_in_a_refusal_or_a_readable_database,
                                        make_top, remove_top),
    };

    rnd_init("hostile");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
