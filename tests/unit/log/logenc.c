/*
 * The other way round: what logrec_decode takes apart, logrec_encode puts together again, byte for byte, in every log
 * there is; and differences that are made lead from the old data to the new.
 */
#include "testutil.h"

#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <strings.h>

#include "base/fault.h"
#include "log/logdiff.h"
#include "log/logenc.h"
#include "log/logread.h"

/* ---- every record of the real logs --------------------------------------------------------------- */

static struct {
    uint64_t same, not_encoded;
} by_type[LR_MAX];
static unsigned nr_logs;
static uint8_t encoded[1u << 20];

static void check_record(const char *path, lgpos_t lgpos, const struct logrec *rec)
{
    const uint32_t len = logrec_encoded_len(rec);
    char pos[LGPOS_STR_LEN];

    if (len == 0) {
        by_type[rec->type].not_encoded++;
        return;
    }
    if (len > sizeof(encoded) || len != rec->bytes.len) {
        fail_msg("%s %s %s: %u bytes instead of %u", path, lgpos_str(lgpos, pos),
                 logrec_name(rec->type), len, rec->bytes.len);
        return;
    }
    memset(encoded, 0xcc, len);
    logrec_encode(rec, encoded);
    for (uint32_t i = 0; i < len; i++)
        if (encoded[i] != rec->bytes.p[i])
            fail_msg("%s %s %s: byte %u is %02x, was %02x", path, lgpos_str(lgpos, pos),
                     logrec_name(rec->type), i, encoded[i], rec->bytes.p[i]);
    by_type[rec->type].same++;
}

static int check_log(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    const char *name = path + ftw->base, *dot = strrchr(name, '.');
    struct reporter r = {.file = name};
    struct logread *l;
    struct logrec rec;
    lgpos_t lgpos;
    int fd;

    (void)st;
    if (type != FTW_F || !dot || (strcasecmp(dot, ".log") != 0 && strcasecmp(dot, ".jtx") != 0))
        return 0;
    fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    if (logread_open(fd, true, &r, &l) >= 0) {
        nr_logs++;
        while (logread_next(l, &lgpos, &rec) > 0)
            check_record(path, lgpos, &rec);
        logread_close(l);
    }
    close(fd);
    return 0;
}

static void records_of_all_logs_are_encoded_as_they_were(void **state)
{
    static const uint8_t seldom[] = {LR_SCAN_CHECK,
                                     LR_SCAN_CHECK2,
                                     LR_COMMIT_CTX,
                                     LR_REATTACH,
                                     LR_RECOVERY_QUIT_KEEP_ATTACHMENTS,
                                     LR_SIGNAL_ATTACH_DB,
                                     LR_PAGE_MOVE,
                                     LR_ROOT_PAGE_MOVE};
    uint64_t all = 0;

    (void)state;
    NEED_DATA("records of real logs");
    assert_int_equal(nftw(test_data(), check_log, 16, FTW_PHYS), 0);
    for (unsigned i = 0; i < LR_MAX; i++) {
        if (by_type[i].same + by_type[i].not_encoded)
            print_message("%-28s %9" PRIu64 " the same%s\n", logrec_name(i), by_type[i].same,
                          by_type[i].not_encoded ? ", and some that are not encoded" : "");
        all += by_type[i].same;
        if (by_type[i].not_encoded)
            assert_non_null(memchr(seldom, (int)i, sizeof(seldom)));
    }
    print_message("%u logs, %" PRIu64 " records\n", nr_logs, all);
    assert_true(nr_logs >= 100 && all > 100000);
    assert_true(by_type[LR_SPLIT2].same && by_type[LR_MERGE2].same && by_type[LR_INSERT].same);
}

/* ---- records that no log of the data holds ------------------------------------------------------- */

static void check_again(const struct logrec *rec)
{
    uint8_t buf[1024], again[1024];
    const uint32_t len = logrec_encoded_len(rec);
    struct logrec got;

    assert_true(len > 0 && len <= sizeof(buf));
    logrec_encode(rec, buf);
    assert_int_equal(logrec_decode(buf, len, &got), 0);
    assert_int_equal(logrec_encoded_len(&got), len);
    logrec_encode(&got, again);
    assert_memory_equal(buf, again, len);
}

static void types_without_an_example_come_back(void **state)
{
    static const uint8_t key[] = "key", data[] = "data and more", pages[] = "\1\0\0\0\2\0\0\0";
    static const uint8_t empty[32] = {1, 2, 3};
    struct logrec rec = {.procid = 5, .dbid = 2, .pgno = 77, .dbtime = 1234, .objid = 8, .trx = 99};

    (void)state;
    rec.type = LR_DELTA64;
    rec.node.key = (struct slice){key, sizeof(key)};
    rec.node.data = (struct slice){data, sizeof(data)};
    rec.node.delta = -5000000000;
    rec.node.offset = 16;
    check_again(&rec);
    rec.type = LR_MACRO_INFO2;
    rec.pages = (struct slice){pages, 8};
    check_again(&rec);
    rec.type = LR_EXTENT_FREED2;
    rec.range.nr_pages = 12;
    rec.range.flags = 1;
    check_again(&rec);
    rec = (struct logrec){.type = LR_FREE_FDP, .dbid = 3, .pgno_fdp = 31, .trx = 0x130};
    rec.free_fdp.fdp_type = 2;
    check_again(&rec);
    rec = (struct logrec){.type = LR_FLAG_INSERT, .procid = 6, .pgno = 9, .rceid = 77};
    rec.insert.key_suffix = (struct slice){key, sizeof(key)};
    rec.insert.data = (struct slice){data, sizeof(data)};
    check_again(&rec);
    rec = (struct logrec){.type = LR_EMPTY_TREE, .procid = 6, .pgno = 9, .dbtime = 17};
    rec.empty_pages = (struct slice){empty, 32};
    check_again(&rec);
    rec = (struct logrec){.type = LR_MACRO_ABORT, .procid = 6, .dbtime = 17};
    check_again(&rec);
    rec = (struct logrec){.type = LR_FORCE_LOG_ROLLOVER, .procid = 5};
    rec.text.text = (struct slice){data, sizeof(data)};
    check_again(&rec);
    rec = (struct logrec){.type = LR_BACKUP2, .dbid = 1};
    rec.backup.phase = 4;
    rec.backup.scope = 1;
    rec.backup.details = (struct bkinfo){.mark = 55, .gen_low = 1, .gen_high = 9};
    check_again(&rec);
}

static void what_cannot_be_encoded_has_no_length(void **state)
{
    static uint8_t big[70000];
    struct logrec rec = {.type = LR_INSERT};

    (void)state;
    rec.insert.data = (struct slice){big, 65536};
    assert_int_equal(logrec_encoded_len(&rec), 0);
    rec.insert.data.len = 65535;
    assert_int_equal(logrec_encoded_len(&rec), 50 + 65535);
    rec = (struct logrec){.type = LR_REPLACE_D};
    rec.replace.data = (struct slice){big, 0x8000};
    assert_int_equal(logrec_encoded_len(&rec), 0);
    rec = (struct logrec){.type = LR_SCAN_CHECK2};
    assert_int_equal(logrec_encoded_len(&rec), 0);
    rec = (struct logrec){.type = LR_MAX};
    assert_int_equal(logrec_encoded_len(&rec), 0);
}

/* ---- differences --------------------------------------------------------------------------------- */

static bool leads_to(struct slice old, struct slice now, struct slice diff, bool wide)
{
    static uint8_t made[40000];
    uint32_t at = 0, n = 0;
    struct logdiff_step s;
    struct logdiff d;

    if (!logdiff_fits(diff, wide, old.len, now.len))
        return false;
    for (logdiff_init(&d, diff, wide); logdiff_next(&d, &s) > 0; at = (uint32_t)s.off + s.old_len) {
        memcpy(made + n, old.p + at, s.off - at);
        n += s.off - at;
        memcpy(made + n, s.data.p, s.data.len);
        n += s.data.len;
    }
    memcpy(made + n, old.p + at, old.len - at);
    n += old.len - at;
    return n == now.len && memcmp(made, now.p, n) == 0;
}

static void differences_are_those_that_columns_make(void **state)
{
    static const uint8_t old1[] = "0123456789abVERS-----xxtwo",
                         now1[] = "0123456789abvers-----xxONe";
    static const uint8_t made1[] = "\x0c\x20\x04vers\x17\x20\x03ONe";
    static const uint8_t old2[] = "head head head tail tail",
                         now2[] = "head head head and tail tail";
    static const uint8_t made2[] = "\x0f\x40\x04"
                                   "and ";
    uint8_t buf[64];

    (void)state;
    assert_int_equal(
        logdiff_make((struct slice){old1, 26}, (struct slice){now1, 26}, false, buf, sizeof(buf)),
        sizeof(made1) - 1);
    assert_memory_equal(buf, made1, sizeof(made1) - 1);
    assert_int_equal(
        logdiff_make((struct slice){old2, 24}, (struct slice){now2, 28}, false, buf, sizeof(buf)),
        sizeof(made2) - 1);
    assert_memory_equal(buf, made2, sizeof(made2) - 1);
    assert_int_equal(
        logdiff_make((struct slice){now2, 28}, (struct slice){old2, 24}, false, buf, sizeof(buf)),
        4);
    assert_memory_equal(buf, "\x0f\x00\x00\x04", 4);
}

static void a_difference_that_does_not_pay_is_none(void **state)
{
    static const uint8_t a[] = "abcdefgh", b[] = "ABCDEFGH";
    static uint8_t old[20000], now[20000];
    uint8_t buf[64];

    (void)state;
    assert_int_equal(
        logdiff_make((struct slice){a, 8}, (struct slice){b, 8}, false, buf, sizeof(buf)), 0);
    assert_int_equal(
        logdiff_make((struct slice){a, 8}, (struct slice){a, 8}, false, buf, sizeof(buf)), 0);
    assert_int_equal(
        logdiff_make((struct slice){a, 0}, (struct slice){b, 8}, false, buf, sizeof(buf)), 0);
    assert_int_equal(
        logdiff_make((struct slice){a, 8}, (struct slice){b, 0}, false, buf, sizeof(buf)), 0);
    now[9000] = 1; /* beyond the 13 bits of a narrow offset */
    assert_int_equal(logdiff_make((struct slice){old, 20000}, (struct slice){now, 20000}, false,
                                  buf, sizeof(buf)),
                     0);
    assert_int_equal(logdiff_make((struct slice){old, 20000}, (struct slice){now, 20000}, true, buf,
                                  sizeof(buf)),
                     5);
    memset(now + 9000, 1, 100);
    assert_int_equal(logdiff_make((struct slice){old, 20000}, (struct slice){now, 20000}, true, buf,
                                  sizeof(buf)),
                     0); /* longer than the buffer */
}

static uint32_t change(uint8_t *b, uint32_t len, uint32_t most)
{
    const uint32_t at = len ? (uint32_t)(rnd() % len) : 0;
    uint32_t n = (uint32_t)(rnd() % (rnd() % 4 ? 12 : 600));

    switch (rnd() % 3) {
    case 0: /* in place */
        for (uint32_t i = at; i < len && i < at + n; i++)
            b[i] = (uint8_t)(rnd() % 5);
        return len;
    case 1: /* more */
        if (n > most - len)
            n = most - len;
        memmove(b + at + n, b + at, len - at);
        memset(b + at, (int)(rnd() % 5), n);
        return len + n;
    default: /* less */
        if (n > len - at)
            n = len - at;
        memmove(b + at, b + at + n, len - at - n);
        return len - n;
    }
}

static void every_difference_leads_from_old_to_new(void **state)
{
    static uint8_t old[9000], now[9000], buf[9000];
    unsigned made = 0;

    (void)state;
    for (unsigned i = 0; i < 30000; i++) {
        const uint32_t old_len = (uint32_t)(rnd() % (i % 2 ? 120 : 4100));
        const bool wide = rnd() % 2;
        uint32_t len = old_len, n;

        for (uint32_t k = 0; k < old_len; k++)
            old[k] = (uint8_t)(rnd() % (i % 3 ? 256 : 3));
        memcpy(now, old, old_len);
        for (unsigned k = 0; k < 1 + i % 4; k++)
            len = change(now, len, sizeof(now));
        n = logdiff_make((struct slice){old, old_len}, (struct slice){now, len}, wide, buf,
                         sizeof(buf));
        if (!n)
            continue;
        made++;
        assert_true(n < len);
        assert_true(leads_to((struct slice){old, old_len}, (struct slice){now, len},
                             (struct slice){buf, n}, wide));
    }
    assert_true(made > 15000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_of_all_logs_are_encoded_as_they_were),
        cmocka_unit_test(types_without_an_example_come_back),
        cmocka_unit_test(what_cannot_be_encoded_has_no_length),
        cmocka_unit_test(differences_are_those_that_columns_make),
        cmocka_unit_test(a_difference_that_does_not_pay_is_none),
        cmocka_unit_test(every_difference_leads_from_old_to_new),
    };

    rnd_init("logenc");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
