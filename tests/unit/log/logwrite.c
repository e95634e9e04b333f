/* Appending to a stream: what is written must read back as the very same records, at the same places. */
#include "logbuilder.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "log/logenc.h"
#include "log/loghdr.h"
#include "log/logread.h"
#include "log/logwrite.h"
#include "os/file.h"

#define SEGMENTS 8u
#define NR       3000u

static char dir[64];
static int dirfd_;
static struct logbuilder b;
static struct faults faults;
static unsigned generations; /* that the hook was told of */

static struct written {
    lgpos_t lgpos;
    uint32_t len, seed;
} written[NR];
static unsigned nr_written;

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/unit-logwrite-XXXXXX");
    assert_non_null(mkdtemp(dir));
    dirfd_ = open(dir, O_RDONLY | O_DIRECTORY);
    assert_true(dirfd_ >= 0);
    generations = nr_written = 0;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int teardown(void **state)
{
    (void)state;
    close(dirfd_);
    return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static JET_ERR attach_list(void *ctx, uint8_t list[LOG_ATTACH_LEN])
{
    (void)ctx;
    (void)list;
    return JET_errSuccess;
}

static JET_ERR generation(void *ctx, lgen_t gen, struct logtime created)
{
    (void)ctx;
    (void)created;
    assert_int_equal(gen, 2 + generations);
    generations++;
    return JET_errSuccess;
}

static void put_file(const char *name, const void *p, size_t len)
{
    int fd = openat(dirfd_, name, O_CREAT | O_TRUNC | O_WRONLY, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, p, len), len);
    close(fd);
}

static struct logwrite *start(struct reporter *r, const char *current, uint32_t last_valid,
                              uint64_t checksum)
{
    const struct logwrite_hooks hooks = {attach_list, generation, NULL};
    struct logwrite_start s = {.dirfd = dirfd_,
                               .fd = -1,
                               .base = "edb",
                               .ext = ".log",
                               .digits = 5,
                               .hdr = lb_header(&b),
                               .last_valid = last_valid,
                               .checksum = checksum};
    struct logwrite *w;

    *r = reporter_to(&faults);
    if (current) {
        s.fd = openat(dirfd_, current, O_RDWR);
        assert_true(s.fd >= 0);
    }
    assert_int_equal(logwrite_new(&s, &hooks, r, &w), 0);
    return w;
}

/* A Trace record of that length; its bytes follow from the seed. */
static uint32_t make_record(uint8_t *rec, uint32_t len, uint32_t seed)
{
    rec[0] = LR_TRACE;
    put_le16(rec + 1, (uint16_t)seed);
    put_le16(rec + 3, (uint16_t)(len - 5));
    for (uint32_t i = 5; i < len; i++)
        rec[i] = (uint8_t)(seed * 31 + i * 7);
    return len;
}

static void append(struct logwrite *w, uint32_t len)
{
    static uint8_t rec[65536];
    struct written *x = &written[nr_written];

    assert_true(nr_written < NR);
    x->seed = nr_written;
    x->len = make_record(rec, len, x->seed);
    assert_int_equal(logwrite_append(w, rec, len, &x->lgpos), 0);
    nr_written++;
}

/* Reads all generations; the records are the ones written, where the writer said, and nothing is amiss. */
static void read_back(unsigned top)
{
    static uint8_t rec[65536];
    struct logread_file files[64];
    char names[64][24];
    struct reporter r = reporter_to(&faults);
    struct logread_set *set;
    struct logrec got;
    lgpos_t lgpos;
    unsigned at = 0;
    JET_ERR err;

    for (unsigned g = 1; g <= top; g++) {
        if (g == top)
            snprintf(names[g - 1], 24, "edb.log");
        else
            snprintf(names[g - 1], 24, "edb%05X.log", g);
        files[g - 1] =
            (struct logread_file){openat(dirfd_, names[g - 1], O_RDONLY), names[g - 1], g == top};
        assert_true(files[g - 1].fd >= 0);
    }
    assert_int_equal(logread_set_open(files, top, &r, &set), 0);
    while ((err = logread_set_next(set, &lgpos, &got)) > 0) {
        if (got.type != LR_TRACE)
            continue;
        assert_true(at < nr_written);
        assert_int_equal(lgpos, written[at].lgpos);
        assert_int_equal(got.bytes.len, written[at].len);
        make_record(rec, written[at].len, written[at].seed);
        assert_memory_equal(got.bytes.p, rec, got.bytes.len);
        at++;
    }
    assert_int_equal(err, 0);
    assert_int_equal(at, nr_written);
    assert_int_equal(faults.nr, 0);
    logread_set_close(set);
    for (unsigned g = 0; g < top; g++)
        close(files[g].fd);
}

static void records_of_every_length_come_back_over_generations(void **state)
{
    struct reporter r;
    struct logwrite *w;

    (void)state;
    lb_init(&b, 1, SEGMENTS);
    put_file("edb.log", b.file, b.len);
    w = start(&r, "edb.log", 0, 0);
    while (nr_written < 600) {
        uint32_t len = 5 + (uint32_t)(rnd() % (rnd() % 8 ? 300 : 9000));
        append(w, len);
        if (rnd() % 5 == 0) {
            assert_int_equal(logwrite_flush(w), 0);
            assert_true(logwrite_is_durable(w, written[nr_written - 1].lgpos));
        }
    }
    assert_int_equal(logwrite_flush(w), 0);
    assert_true(generations > 2);
    logwrite_free(w);
    read_back(1 + generations);
}

/* Each tail length from one byte to a whole segment: fill, fragment or fit. */
static void every_room_at_the_end_of_a_segment_is_handled(void **state)
{
    struct reporter r;
    struct logwrite *w;

    (void)state;
    lb_init(&b, 1, 64);
    put_file("edb.log", b.file, b.len);
    w = start(&r, "edb.log", 0, 0);
    for (uint32_t room = 0; room < 60; room++) {
        append(w, LOG_SEGMENT_LEN - LOGSEG_HEADER_LEN - room);
        append(w, 50);
        assert_int_equal(logwrite_flush(w), 0);
    }
    logwrite_free(w);
    read_back(1 + generations);
}

static void a_record_is_durable_only_when_all_of_it_is_written(void **state)
{
    struct reporter r;
    struct logwrite *w;

    (void)state;
    lb_init(&b, 1, 64);
    put_file("edb.log", b.file, b.len);
    w = start(&r, "edb.log", 0, 0);
    append(w, 4000);
    assert_false(logwrite_is_durable(w, written[0].lgpos));
    append(w, 500); /* begins in the first segment, ends in the second */
    assert_true(logwrite_is_durable(w, written[0].lgpos));
    assert_false(logwrite_is_durable(w, written[1].lgpos));
    assert_int_equal(logwrite_flush(w), 0);
    assert_true(logwrite_is_durable(w, written[1].lgpos));
    assert_int_equal(logwrite_tip(w), lgpos_make(1, 3, 0));
    logwrite_free(w);
}

static void a_torn_tail_is_put_right_before_its_shadow_goes(void **state)
{
    struct reporter r;
    struct logwrite *w;
    uint8_t rec[64];
    uint64_t sum;
    lgpos_t lgpos;

    (void)state;
    lb_init(&b, 1, SEGMENTS);
    written[0] = (struct written){.len = 64, .seed = 0};
    written[0].lgpos = lb_append(&b, rec, make_record(rec, 64, 0));
    nr_written = 1;
    lb_seal(&b, 1, 1);
    sum = get_le64(lb_seg(&b, 1));
    memcpy(lb_seg(&b, 2), lb_seg(&b, 1), LOG_SEGMENT_LEN);
    for (unsigned i = 2048; i < LOG_SEGMENT_LEN; i++)
        lb_seg(&b, 1)[i] =
            (uint8_t)(i * 31 >> 3); /* one value throughout would leave the checksum as it is */
    put_file("edb.log", b.file, b.len);
    w = start(&r, "edb.log", 1, sum);
    assert_int_equal(logwrite_record(w, &(struct logrec){.type = LR_RECOVERY_UNDO2}, &lgpos), 0);
    assert_int_equal(lgpos, lgpos_make(1, 2, 0));
    append(w, 100);
    assert_int_equal(logwrite_flush(w), 0);
    logwrite_free(w);
    read_back(1);
}

static void without_a_current_log_a_new_generation_is_made_first(void **state)
{
    struct reporter r;
    struct logwrite *w;
    uint8_t rec[64];

    (void)state;
    lb_init(&b, 1, SEGMENTS);
    written[0] = (struct written){.len = 64, .seed = 0};
    written[0].lgpos = lb_append(&b, rec, make_record(rec, 64, 0));
    nr_written = 1;
    lb_seal(&b, 1, 1);
    put_file("edb00001.log", b.file, b.len);
    put_file("edbtmp.log", "left over", 9);
    w = start(&r, NULL, 1, get_le64(lb_seg(&b, 1)));
    append(w, 100);
    assert_int_equal(written[1].lgpos, lgpos_make(2, 1, 0));
    assert_int_equal(logwrite_flush(w), 0);
    logwrite_free(w);
    assert_int_equal(faccessat(dirfd_, "edbtmp.log", F_OK, 0), -1);
    read_back(2);
}

static void a_failed_write_is_final(void **state)
{
    struct reporter r;
    struct logwrite *w;
    uint8_t rec[64];
    int ro;

    (void)state;
    lb_init(&b, 1, SEGMENTS);
    put_file("edb.log", b.file, b.len);
    w = start(&r, "edb.log", 0, 0);
    make_record(rec, 64, 0);
    assert_int_equal(logwrite_append(w, rec, 64, NULL), 0);
    ro = openat(dirfd_, "edb.log", O_RDONLY);
    assert_true(ro >= 0);
    assert_true(dup2(ro, ro - 1) == ro - 1); /* the writer's descriptor was the last one opened */
    assert_int_equal(logwrite_flush(w), JET_errLogWriteFail);
    assert_int_equal(logwrite_append(w, rec, 64, NULL), JET_errLogWriteFail);
    assert_int_equal(faults.nr, 1);
    close(ro);
    logwrite_free(w);
}

static void a_dry_writer_writes_nothing(void **state)
{
    const struct logwrite_hooks hooks = {attach_list, generation, NULL};
    struct logwrite_start s = {.dirfd = dirfd_,
                               .fd = -1,
                               .dry = true,
                               .base = "edb",
                               .ext = ".log",
                               .digits = 5,
                               .hdr = lb_header(&b)};
    struct reporter r = reporter_to(&faults);
    struct logwrite *w;

    (void)state;
    lb_init(&b, 1, SEGMENTS);
    put_file("edb.log", b.file, b.len);
    assert_int_equal(logwrite_new(&s, &hooks, &r, &w), 0);
    while (nr_written < 40)
        append(w, 4000);
    assert_true(generations > 2);
    assert_int_equal(logwrite_flush(w), 0);
    logwrite_free(w);
    nr_written = 0;
    read_back(1);
}

static void check_round_trip(const struct logrec *rec)
{
    uint8_t buf[512];
    const uint32_t len = logrec_encoded_len(rec);
    struct logrec got;
    uint32_t size;

    assert_true(len > 0 && len <= sizeof(buf));
    logrec_encode(rec, buf);
    assert_int_equal(logrec_size(buf, len, &size), 0);
    assert_int_equal(size, len);
    assert_int_equal(logrec_decode(buf, len, &got), 0);
    assert_int_equal(got.type, rec->type);
    assert_int_equal(got.procid, rec->procid);
    if (rec->type == LR_UNDO || rec->type == LR_UNDO_INFO) {
        assert_int_equal(got.dbid, rec->dbid);
        assert_int_equal(got.pgno, rec->pgno);
        assert_int_equal(got.dbtime, rec->dbtime);
        assert_int_equal(got.dbtime_before, rec->dbtime_before);
        assert_int_equal(got.trx, rec->trx);
        assert_int_equal(got.level, rec->level);
        assert_int_equal(got.iline, rec->iline);
        assert_int_equal(got.flags, rec->flags);
        assert_int_equal(got.rceid, rec->rceid);
        assert_int_equal(got.pgno_fdp, rec->pgno_fdp);
        assert_int_equal(got.objid, rec->objid);
        assert_int_equal(got.node.oper, rec->node.oper);
        assert_int_equal(got.node.key.len, rec->node.key.len);
        assert_memory_equal(got.node.key.p, rec->node.key.p, rec->node.key.len);
        assert_int_equal(got.node.data.len, rec->node.data.len);
        assert_memory_equal(got.node.data.p, rec->node.data.p, rec->node.data.len);
    }
}

static void encoded_records_decode_to_what_they_were(void **state)
{
    static const uint8_t key[] = "a key", data[] = "and its data",
                         image[] = "what was there before";
    struct logrec rec = {.procid = 0x1234,
                         .dbid = 3,
                         .pgno = 0x11223344,
                         .dbtime = 0x1122334455667788,
                         .dbtime_before = 0x1122334455667700,
                         .trx = 0xcafe,
                         .level = 4,
                         .iline = 0x7777,
                         .flags = LR_PAGE_UNIQUE,
                         .rceid = 0xffffffaf,
                         .pgno_fdp = 99,
                         .objid = 88};
    struct logrec simple = {.procid = 7};

    (void)state;
    rec.node.key = (struct slice){key, sizeof(key)};
    rec.node.data = (struct slice){data, sizeof(data)};
    rec.node.oper = 2;
    rec.node.level = 5;
    rec.type = LR_UNDO;
    check_round_trip(&rec);
    rec.node.image = (struct slice){image, sizeof(image)};
    rec.type = LR_UNDO_INFO;
    check_round_trip(&rec);
    simple.type = LR_ROLLBACK;
    simple.trx_levels.nr_levels = 2;
    check_round_trip(&simple);
    simple = (struct logrec){.type = LR_MACRO_ABORT, .procid = 9, .dbtime = 77};
    check_round_trip(&simple);
    simple = (struct logrec){.type = LR_RECOVERY_QUIT2};
    simple.term.lgpos = 5;
    simple.term.lgpos_redo_from = 6;
    check_round_trip(&simple);
    simple = (struct logrec){.type = LR_RECOVERY_UNDO2};
    check_round_trip(&simple);
    simple = (struct logrec){.type = LR_SHUTDOWN_MARK};
    check_round_trip(&simple);
    simple = (struct logrec){.type = LR_PAGE_MOVE};
    assert_int_equal(logrec_encoded_len(&simple), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(records_of_every_length_come_back_over_generations, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(every_room_at_the_end_of_a_segment_is_handled, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_record_is_durable_only_when_all_of_it_is_written, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_torn_tail_is_put_right_before_its_shadow_goes, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(without_a_current_log_a_new_generation_is_made_first, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_failed_write_is_final, setup, teardown),
        cmocka_unit_test_setup_teardown(a_dry_writer_writes_nothing, setup, teardown),
        cmocka_unit_test(encoded_records_decode_to_what_they_were),
    };

    rnd_init("logwrite");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
