/* Log files made here, whole and damaged, through the streaming check: what counts as the end of a log, what
 * is corrected, what is a fault, and which records come out. */
#include "logbuilder.h"

#include "log/logcheck.h"
#include "log/loghdr.h"

struct out {
    struct {
        lgpos_t lgpos;
        unsigned type;
        uint32_t len;
    } recs[512];
    unsigned nr;
    uint64_t digest; /* over everything that came */
    unsigned stop_at;
};

static JET_ERR take(void *ctx, lgpos_t lgpos, const struct logrec *rec)
{
    struct out *o = ctx;

    if (o->nr < ARRAY_LEN(o->recs)) {
        o->recs[o->nr].lgpos = lgpos;
        o->recs[o->nr].type = rec->type;
        o->recs[o->nr].len = rec->bytes.len;
    }
    o->nr++;
    o->digest = (o->digest ^ lgpos) * 1099511628211u;
    for (uint32_t i = 0; i < rec->bytes.len; i++)
        o->digest = (o->digest ^ rec->bytes.p[i]) * 1099511628211u;
    return o->nr == o->stop_at ? JET_errInvalidParameter : JET_errSuccess;
}

static struct logbuilder b;
static struct recbuf rec;
static struct faults faults;
static struct out out;
static struct ese_log_info info;
static uint64_t nr_segments;

static JET_ERR check_pieces(bool current, size_t piece)
{
    struct reporter r = reporter_to(&faults);
    struct logcheck *c;
    JET_ERR err = JET_errSuccess;

    loghdr_info_done(&info);
    out.nr = 0;
    out.digest = 0;
    assert_int_equal(logcheck_new(b.len, current, &r, take, &out, &c), JET_errSuccess);
    for (size_t off = 0; off < b.len && err >= 0; off += piece)
        err = logcheck_feed(c, b.file + off, b.len - off < piece ? b.len - off : piece);
    err = logcheck_end(c, &info, &nr_segments);
    logcheck_free(c);
    assert_int_equal(err<0, r.nr_faults> 0 || out.stop_at > 0);
    return err;
}

static JET_ERR check(bool current)
{
    return check_pieces(current, 65536);
}

/* Ten segments of 16; some records are split; the last one ends with a term record. */
static void build(lgen_t gen)
{
    struct lr_init_disk init = {.type = LR_INIT2};
    lgpos_t at;
    dbtime_t t = 100;

    lb_init(&b, gen, 16);
    at = lb_append(&b, &init, sizeof(init));
    lb_flush(&b);
    while (b.isec < 9) {
        rec_begin0(&rec, 5, (uint32_t)t);
        lb_append(&b, rec.b, rec.len);
        rec_insert(&rec, 7 + (pgno_t)(t % 5), t, t + 1, (uint16_t)(100 + t % 9 * 77));
        lb_append(&b, rec.b, rec.len);
        t++;
    }
    lb_flush(&b);
    rec_term2(&rec, at);
    lb_append(&b, rec.b, rec.len);
    lb_finish(&b);
}

/* Noise over a part of the segment. (A repeated byte over zeroes would be no damage to the checksum.) */
static void ruin(uint32_t isec)
{
    for (size_t i = 512; i < 1536; i++)
        lb_seg(&b, isec)[i] = (uint8_t)rnd();
}

static int done(void **state)
{
    (void)state;
    loghdr_info_done(&info);
    memset(&out, 0, sizeof(out));
    return 0;
}

static void whole_log_gives_its_records_in_pieces_of_any_size(void **state)
{
    static const size_t pieces[] = {4096, 8192, 12288, 65536, 1 << 20};
    uint64_t digest;
    unsigned nr;

    (void)state;
    build(3);
    assert_int_equal(check(false), JET_errSuccess);
    assert_int_equal(faults.nr, 0);
    digest = out.digest;
    nr = out.nr;
    assert_true(nr > 60);
    assert_int_equal(out.recs[0].lgpos, lgpos_make(3, 1, 0));
    assert_int_equal(out.recs[0].type, LR_INIT2);
    assert_int_equal(info.gen, 3);
    assert_int_equal(nr_segments, 15);
    assert_true(info.segments_read && info.ends_clean && !info.torn_tail);
    assert_int_equal(info.lgpos_last, lgpos_make(3, b.isec - 1, 0));
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        assert_int_equal(check_pieces(true, pieces[i]), JET_errSuccess);
        assert_int_equal(out.digest, digest);
        assert_int_equal(out.nr, nr);
    }
}

static void accumulated_checksum_is_the_xor_of_the_segments(void **state)
{
    uint64_t want = 0;

    (void)state;
    build(3);
    for (uint32_t i = 1; i < b.isec; i++)
        want ^= get_le64(lb_seg(&b, i));
    lb_shadow(&b, b.isec - 1); /* shadows do not count */
    assert_int_equal(check(false), JET_errSuccess);
    assert_int_equal(info.checksum, want);
}

static void positions_follow_the_rules_of_appending(void **state)
{
    lgpos_t want[8];
    uint8_t mark = LR_SHUTDOWN_MARK;

    (void)state;
    lb_init(&b, 9, 16);
    want[0] = lb_append(&b, &mark, 1);
    rec_insert(&rec, 7, 1, 2,
               LOG_SEGMENT_LEN - 41 - 54 - 20); /* leaves 20 bytes: too few to split */
    want[1] = lb_append(&b, rec.b, rec.len);
    rec_insert(&rec, 7, 2, 3,
               LOG_SEGMENT_LEN - 40 - 54); /* behind the zero fill; fills the segment */
    want[2] = lb_append(&b, rec.b, rec.len);
    want[3] = lb_append(&b, &mark, 1); /* the start of a segment */
    rec_insert(&rec, 7, 3, 4, 10000);  /* over three segments */
    want[4] = lb_append(&b, rec.b, rec.len);
    want[5] = lb_append(&b, &mark, 1);
    lb_finish(&b);
    assert_int_equal(check(true), JET_errSuccess);
    assert_int_equal(out.nr, 6);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(out.recs[i].lgpos, want[i]);
    assert_int_equal(want[2], lgpos_make(9, 1, 4096 - 20));
    assert_int_equal(want[3], lgpos_make(9, 3, 0));
    assert_int_equal(out.recs[4].len, 10054);
}

static void torn_tail_of_the_current_log_is_taken_from_its_shadow(void **state)
{
    uint64_t digest, checksum;
    uint32_t last;

    (void)state;
    build(3);
    last = b.isec - 1;
    assert_int_equal(check(true), JET_errSuccess);
    digest = out.digest;
    checksum = info.checksum;
    lb_shadow(&b, last);
    ruin(last);
    assert_int_equal(check(true), JET_errSuccess);
    assert_true(was_told(&faults, 0, ESE_NOTE, 466, (uint64_t)last * 4096));
    assert_true(info.torn_tail && info.ends_clean && info.segments_read);
    assert_int_equal(out.digest, digest);
    assert_int_equal(info.checksum, checksum);
    assert_int_equal(info.lgpos_last, lgpos_make(3, last, 0));
    /* also when the pieces part the two */
    assert_int_equal(check_pieces(true, 4096), JET_errSuccess);
    assert_int_equal(out.digest, digest);
}

static void torn_tail_of_an_archived_log_is_a_fault(void **state)
{
    (void)state;
    build(3);
    lb_shadow(&b, b.isec - 1);
    ruin(b.isec - 1);
    assert_int_equal(check(false), JET_errLogFileCorrupt);
    assert_true(
        was_told(&faults, JET_errLogFileCorrupt, ESE_FAULT, 462, (uint64_t)(b.isec - 1) * 4096));
    assert_false(info.segments_read);
}

static void torn_tail_without_a_shadow_is_a_fault(void **state)
{
    (void)state;
    for (int current = 0; current < 2; current++) {
        build(3);
        ruin(b.isec - 1);
        assert_int_equal(check(current), JET_errLogReadVerifyFailure);
        assert_true(was_told(&faults, JET_errLogReadVerifyFailure, ESE_FAULT, 552,
                             (uint64_t)(b.isec - 1) * 4096));
        assert_false(info.ends_clean);
    }
}

static void shadow_of_another_segment_does_not_help(void **state)
{
    (void)state;
    build(3);
    memcpy(lb_seg(&b, b.isec), lb_seg(&b, b.isec - 2), LOG_SEGMENT_LEN);
    ruin(b.isec - 1);
    assert_int_equal(check(true), JET_errLogReadVerifyFailure);
}

static void damaged_segment_at_the_very_end_has_no_shadow(void **state)
{
    (void)state;
    build(3);
    memset(lb_seg(&b, 15), 0x11, LOG_SEGMENT_LEN);
    assert_int_equal(check(true), JET_errLogReadVerifyFailure);
    assert_true(was_told(&faults, JET_errLogReadVerifyFailure, ESE_FAULT, 552, 15 * 4096));
    /* ... and the last one that may hold records, with the file cut off behind it */
    lb_init(&b, 3, 2);
    memset(lb_seg(&b, 1), 0x11, LOG_SEGMENT_LEN);
    assert_int_equal(check(true), JET_errLogReadVerifyFailure);
}

static void tail_of_a_recycled_file_is_empty(void **state)
{
    static struct logbuilder old;
    uint64_t digest;

    (void)state;
    build(2);
    old = b;
    build(5);
    assert_int_equal(check(false), JET_errSuccess);
    digest = out.digest;
    build(2);
    old = b;
    for (uint32_t i = 10; i < 15; i++) { /* full of generation 2 up to the end */
        b.isec = i;
        b.off = 0;
        lb_begin_segment(&b);
        lb_next_segment(&b);
    }
    old = b;
    build(5);
    memcpy(lb_seg(&b, b.isec), lb_seg(&old, b.isec), (16 - b.isec) * LOG_SEGMENT_LEN);
    for (int current = 0; current < 2; current++) {
        assert_int_equal(check(current), JET_errSuccess);
        assert_int_equal(faults.nr, 0);
        assert_int_equal(out.digest, digest);
    }
    /* The old log's shadow at the end of the file, as real ones have it. */
    memcpy(lb_seg(&b, 15), lb_seg(&old, 14), LOG_SEGMENT_LEN);
    assert_int_equal(check(false), JET_errSuccess);
    assert_int_equal(faults.nr, 0);
}

static void segment_behind_an_empty_one_is_a_fault(void **state)
{
    (void)state;
    for (int current = 0; current < 2; current++) {
        build(3);
        memset(lb_seg(&b, 4), 0, LOG_SEGMENT_LEN);
        assert_int_equal(check(current), JET_errLogFileCorrupt);
        assert_true(was_told(&faults, JET_errLogFileCorrupt, ESE_FAULT, 552, 5 * 4096));
        assert_int_equal(info.lgpos_last, lgpos_make(3, 3, 0));
        assert_int_equal(faults.nr, 1);
    }
}

static void damage_behind_an_empty_segment_is_a_fault(void **state)
{
    (void)state;
    build(3);
    memset(lb_seg(&b, b.isec + 2), 0x5a, 100);
    assert_int_equal(check(true), JET_errLogReadVerifyFailure);
    assert_true(was_told(&faults, JET_errLogReadVerifyFailure, ESE_FAULT, 552,
                         (uint64_t)(b.isec + 2) * 4096));
}

static void every_damaged_segment_is_told(void **state)
{
    (void)state;
    build(3);
    memset(lb_seg(&b, 3) + 60, 0x5a, 100);
    memset(lb_seg(&b, 6) + 60, 0x5a, 100);
    memset(lb_seg(&b, 7) + 60, 0x5a, 100);
    assert_int_equal(check(false), JET_errLogReadVerifyFailure);
    assert_int_equal(faults.nr, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(faults.list[i].offset, (i == 0 ? 3 : i + 5) * 4096);
}

static void segment_of_another_place_or_time_is_a_fault(void **state)
{
    (void)state;
    build(3);
    le64_put(&((struct logseg_disk *)lb_seg(&b, 5))->lgpos,
             lgpos_make(4, 5, 0)); /* a newer generation */
    lb_seal(&b, 5, 5);
    assert_int_equal(check(true), JET_errLogFileCorrupt);
    assert_true(was_told(&faults, JET_errLogFileCorrupt, ESE_FAULT, 552, 5 * 4096));
    build(3);
    le64_put(&((struct logseg_disk *)lb_seg(&b, 5))->lgpos,
             lgpos_make(3, 4, 0)); /* says it is another */
    lb_seal(&b, 5, 5);
    assert_int_equal(check(true), JET_errLogFileCorrupt);
    build(3);
    le64_put(&((struct logseg_disk *)lb_seg(&b, b.isec))->lgpos, lgpos_make(4, b.isec - 1, 0));
    lb_seal(&b, b.isec, b.isec - 1); /* a shadow from the future */
    assert_int_equal(check(true), JET_errLogFileCorrupt);
}

static void two_segments_exchanged_are_a_fault(void **state)
{
    static uint8_t tmp[LOG_SEGMENT_LEN];

    (void)state;
    for (uint32_t i = 1; i < 8; i++)
        for (uint32_t j = i + 1; j < 9; j++) {
            build(3);
            memcpy(tmp, lb_seg(&b, i), sizeof(tmp));
            memcpy(lb_seg(&b, i), lb_seg(&b, j), sizeof(tmp));
            memcpy(lb_seg(&b, j), tmp, sizeof(tmp));
            assert_true(check(true) < 0);
        }
}

static void records_in_the_last_segment_are_not_read(void **state)
{
    uint64_t digest;

    (void)state;
    build(3);
    assert_int_equal(check(true), JET_errSuccess);
    digest = out.digest;
    b.isec = 15;
    b.off = 0;
    lb_begin_segment(&b);
    lb_next_segment(&b);
    assert_int_equal(check(true), JET_errSuccess);
    assert_int_equal(out.digest, digest);
    assert_true(was_told(&faults, 0, ESE_NOTE, 0, 15 * 4096));
}

static void shadow_without_its_segment_is_what_a_crash_leaves(void **state)
{
    uint32_t last;

    (void)state;
    build(3);
    last = b.isec - 1;
    lb_shadow(&b, last);
    memset(lb_seg(&b, last), 0, LOG_SEGMENT_LEN);
    assert_int_equal(check(true), JET_errSuccess);
    assert_true(was_told(&faults, 0, ESE_NOTE, 0, (uint64_t)b.isec * 4096));
    assert_int_equal(info.lgpos_last, lgpos_make(3, last - 1, 0));
    assert_false(info.ends_clean);
    assert_int_equal(check(false), JET_errLogFileCorrupt);
    assert_true(was_told(&faults, JET_errLogFileCorrupt, ESE_FAULT, 552, (uint64_t)last * 4096));
}

static void one_wrong_bit_is_put_right_in_the_buffer(void **state)
{
    static struct logbuilder good;
    uint64_t digest;

    (void)state;
    build(3);
    lb_shadow(&b, b.isec - 1);
    good = b;
    assert_int_equal(check(false), JET_errSuccess);
    digest = out.digest;
    for (unsigned n = 0; n < 400; n++) {
        const uint32_t isec = 1 + (uint32_t)(rnd() % b.isec); /* up to and with the shadow */
        const uint32_t bit = 64 + (uint32_t)(rnd() % (LOG_SEGMENT_LEN * 8 - 64));

        lb_seg(&b, isec)[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(check(n & 1), JET_errSuccess);
        assert_true(was_told(&faults, 0, ESE_CORRECTED, 554, (uint64_t)isec * 4096));
        assert_int_equal(faults.nr, 1);
        assert_int_equal(out.digest, digest);
        assert_memory_equal(b.file, good.file, b.len);
    }
}

static void wrong_bit_in_a_stored_checksum_is_refused(void **state)
{
    static struct logbuilder good;

    (void)state;
    build(3);
    good = b;
    for (uint32_t isec = 1; isec < 9; isec++)
        for (uint32_t bit = 0; bit < 64; bit++) {
            b = good;
            lb_seg(&b, isec)[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_equal(check(true), JET_errLogReadVerifyFailure);
            assert_true(was_told(&faults, JET_errLogReadVerifyFailure, ESE_FAULT, 552,
                                 (uint64_t)isec * 4096));
        }
}

static void two_wrong_bits_are_refused(void **state)
{
    static struct logbuilder good;

    (void)state;
    build(3);
    good = b;
    for (unsigned n = 0; n < 400; n++) {
        const uint32_t isec = 1 + (uint32_t)(rnd() % (b.isec - 1));
        const uint32_t bit1 = (uint32_t)(rnd() % (LOG_SEGMENT_LEN * 8));
        uint32_t bit2 = (uint32_t)(rnd() % (LOG_SEGMENT_LEN * 8));

        b = good;
        if (bit2 == bit1)
            bit2 ^= 1;
        lb_seg(&b, isec)[bit1 / 8] ^= (uint8_t)(1 << bit1 % 8);
        lb_seg(&b, isec)[bit2 / 8] ^= (uint8_t)(1 << bit2 % 8);
        assert_int_equal(check(n & 1), JET_errLogReadVerifyFailure);
    }
}

static bool a_correction_was_told(void)
{
    for (unsigned i = 0; i < faults.nr && i < ARRAY_LEN(faults.list); i++)
        if (faults.list[i].severity == ESE_CORRECTED)
            return true;
    return false;
}

/* Whatever happens to bytes of the file: told, or nothing of the records is different. Two things look like
 * less than they are, in the format and not by this code: three wrong bits or more that together look like
 * one are "corrected" (and told as that); and when the last segment, nearly empty, becomes all zero in the
 * current log, it looks as if it was never written. */
static void no_damage_goes_by_unseen(void **state)
{
    static struct logbuilder good;
    uint64_t digest;
    unsigned nr_refused = 0;

    (void)state;
    build(3);
    lb_shadow(&b, b.isec - 1);
    good = b;
    assert_int_equal(check(false), JET_errSuccess);
    digest = out.digest;
    for (unsigned n = 0; n < 1500; n++) {
        const size_t at = rnd() % (b.len - 300), len = 1 + rnd() % 300;
        const size_t kind = rnd() % 3;
        JET_ERR err;

        b = good;
        if (kind == 0)
            for (size_t i = 0; i < len; i++)
                b.file[at + i] = (uint8_t)rnd();
        else if (kind == 1)
            memset(b.file + at, 0, len);
        else
            memcpy(b.file + at, good.file + rnd() % (b.len - len), len);
        err = check(n & 1);
        nr_refused += err < 0;
        if (err >= 0 && out.digest != digest && !a_correction_was_told()) {
            assert_true(n & 1);
            assert_true(was_told(&faults, 0, ESE_NOTE, 0, (uint64_t)b.isec * 4096));
            assert_int_equal(info.lgpos_last, lgpos_make(3, b.isec - 2, 0));
        }
    }
    assert_true(nr_refused > 500);
}

static void partial_record_behind_which_recovery_went_on_is_legal(void **state)
{
    static const uint8_t undo2[9] = {LR_RECOVERY_UNDO2};
    lgpos_t at;

    (void)state;
    lb_init(&b, 4, 16);
    rec_insert(&rec, 7, 1, 2, 6000);
    lb_append(&b, rec.b, rec.len);
    b.isec = 2; /* the crash: the second segment never came */
    b.off = 0;
    memset(lb_seg(&b, 2), 0, LOG_SEGMENT_LEN);
    at = lb_append(&b, undo2, sizeof(undo2));
    lb_finish(&b);
    assert_int_equal(check(false), JET_errSuccess);
    assert_int_equal(out.nr, 1);
    assert_int_equal(out.recs[0].type, LR_RECOVERY_UNDO2);
    assert_int_equal(out.recs[0].lgpos, at);
    assert_int_equal(at, lgpos_make(4, 2, 0));
}

static void recovery_may_go_on_with_a_split_undo_info(void **state)
{
    struct lr_undo_info_disk *u = (struct lr_undo_info_disk *)rec.b;
    uint16_t image = 5000;

    (void)state;
    lb_init(&b, 4, 16);
    rec_insert(&rec, 7, 1, 2, 6000);
    lb_append(&b, rec.b, rec.len);
    b.isec = 2;
    b.off = 0;
    memset(lb_seg(&b, 2), 0, LOG_SEGMENT_LEN);
    rec_page(&rec, LR_UNDO_INFO, 7, DBTIME_INVALID, DBTIME_INVALID, sizeof(*u) + image);
    le16_put(&u->image_len, image);
    lb_append(&b, rec.b, rec.len);
    lb_finish(&b);
    assert_int_equal(check(true), JET_errSuccess);
    assert_int_equal(out.nr, 1);
    assert_int_equal(out.recs[0].type, LR_UNDO_INFO);
    assert_int_equal(out.recs[0].lgpos, lgpos_make(4, 2, 0));
}

static void partial_record_before_anything_else_is_a_fault(void **state)
{
    uint8_t mark = LR_SHUTDOWN_MARK;

    (void)state;
    lb_init(&b, 4, 16);
    rec_insert(&rec, 7, 1, 2, 6000);
    lb_append(&b, rec.b, rec.len);
    b.isec = 2;
    b.off = 0;
    memset(lb_seg(&b, 2), 0, LOG_SEGMENT_LEN);
    lb_append(&b, &mark, 1);
    lb_finish(&b);
    assert_int_equal(check(true), JET_errLogFileCorrupt);
    assert_true(was_told(&faults, JET_errLogFileCorrupt, ESE_FAULT, 552, 2 * 4096 + 40));
}

static void broken_fragments_are_faults(void **state)
{
    static const struct {
        const char *name;
        size_t len;
        uint8_t bytes[16];
    } cases[] = {
        {"continuation without a beginning", 5, {LR_FRAGMENT, 2, 0, 1, 1}},
        {"first part as long as the whole", 9, {LR_FRAGMENT_BEGIN, 2, 0, 0, 0, 2, 0, 1, 1}},
        {"empty first part", 7, {LR_FRAGMENT_BEGIN, 9, 0, 0, 0, 0, 0}},
        {"longer than any record", 8, {LR_FRAGMENT_BEGIN, 0, 0, 0x20, 0, 1, 0, 1}},
        {"continuation longer than the rest",
         15,
         {LR_FRAGMENT_BEGIN, 4, 0, 0, 0, 1, 0, LR_BEGIN, LR_FRAGMENT, 4, 0, 1, 1, 1, 1}},
        {"another beginning in the middle",
         16,
         {LR_FRAGMENT_BEGIN, 4, 0, 0, 0, 1, 0, LR_BEGIN, LR_FRAGMENT_BEGIN, 4, 0, 0, 0, 1, 0, 36}},
        {"a record in the middle", 9, {LR_FRAGMENT_BEGIN, 4, 0, 0, 0, 1, 0, LR_BEGIN, LR_NOP2}},
        {"together not one record",
         16,
         {LR_FRAGMENT_BEGIN, 6, 0, 0, 0, 1, 0, LR_BEGIN, LR_FRAGMENT, 5, 0, 1, 1, 1, 1, 1}},
        {"together of no type",
         14,
         {LR_FRAGMENT_BEGIN, 4, 0, 0, 0, 1, 0, 200, LR_FRAGMENT, 3, 0, 1, 1, 1}},
        {"fragment in a fragment",
         14,
         {LR_FRAGMENT_BEGIN, 4, 0, 0, 0, 1, 0, LR_FRAGMENT, LR_FRAGMENT, 3, 0, 1, 1, 1}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        JET_ERR err;

        lb_init(&b, 4, 16);
        lb_begin_segment(&b);
        memcpy(lb_seg(&b, 1) + b.off, cases[i].bytes, cases[i].len);
        b.off += (uint32_t)cases[i].len;
        lb_finish(&b);
        err = check(true);
        if (err != JET_errLogFileCorrupt && err != JET_errLogCorrupted)
            fail_msg("%s: %d", cases[i].name, (int)err);
        assert_int_equal(out.nr, 0);
    }
}

static void fragment_past_the_segment_is_a_fault(void **state)
{
    static const uint8_t begin[7] = {LR_FRAGMENT_BEGIN, 0, 0x20, 0, 0, 0xff, 0x0f};
    static const uint8_t more[3] = {LR_FRAGMENT, 0xff, 0x0f};
    uint8_t *at;

    (void)state;
    lb_init(&b, 4, 16);
    lb_begin_segment(&b);
    memcpy(lb_seg(&b, 1) + 40, begin, sizeof(begin));
    lb_finish(&b);
    assert_int_equal(check(true), JET_errLogFileCorrupt);
    for (unsigned cut = 1; cut < 7; cut++) { /* its head does not even fit */
        lb_init(&b, 4, 16);
        lb_begin_segment(&b);
        memset(lb_seg(&b, 1) + 40, LR_SHUTDOWN_MARK, 4056 - cut);
        memcpy(lb_seg(&b, 1) + 4096 - cut, begin, cut);
        b.off = 4096;
        lb_finish(&b);
        assert_int_equal(check(true), JET_errLogFileCorrupt);
    }
    lb_init(&b, 4, 16);
    rec_insert(&rec, 7, 1, 2, 9000);
    lb_append(&b, rec.b, rec.len);
    at = lb_seg(&b, 2) + 40;
    memcpy(at, more, sizeof(more));
    lb_seal(&b, 2, 2);
    lb_finish(&b);
    assert_int_equal(check(true), JET_errLogFileCorrupt);
}

static void records_that_mean_nothing_are_faults(void **state)
{
    static const struct {
        uint8_t first;
        JET_ERR err;
    } cases[] = {
        {102, JET_errLogCorrupted},           {255, JET_errLogCorrupted},
        {LR_CHECKSUM, JET_errLogCorrupted},   {LR_SLV_SPACE, JET_errLogCorrupted},
        {LR_END, JET_errLogCorrupted},        {LR_SPLIT_OLD, JET_errBadLogVersion},
        {LR_MERGE_OLD, JET_errBadLogVersion}, {LR_CONVERT_FDP_OLD, JET_errBadLogVersion},
    };
    uint8_t bytes[128] = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        lb_init(&b, 4, 16);
        bytes[0] = LR_SHUTDOWN_MARK;
        lb_append(&b, bytes, 1);
        bytes[0] = cases[i].first;
        lb_append(&b, bytes, sizeof(bytes));
        lb_finish(&b);
        assert_int_equal(check(false), cases[i].err);
        assert_true(was_told(&faults, cases[i].err, ESE_FAULT, 552, 4096 + 41));
        assert_int_equal(out.nr, 1); /* what came before was handed on */
        assert_false(info.segments_read);
    }
}

static void record_longer_than_its_segment_is_a_fault(void **state)
{
    (void)state;
    lb_init(&b, 4, 16);
    rec_insert(&rec, 7, 1, 2, 100);
    put_le16(rec.b + offsetof(struct lr_insert_disk, data_len), 5000);
    lb_append(&b, rec.b, rec.len);
    lb_finish(&b);
    assert_int_equal(check(true), JET_errLogFileCorrupt);
    assert_true(was_told(&faults, JET_errLogFileCorrupt, ESE_FAULT, 552, 4096 + 40));
}

static void archived_log_that_ends_within_a_record(void **state)
{
    (void)state;
    lb_init(&b, 4, 16);
    rec_insert(&rec, 7, 1, 2, 6000);
    lb_append(&b, rec.b, rec.len);
    memset(lb_seg(&b, 2), 0, LOG_SEGMENT_LEN);
    /* room was left: recovery would have gone on here */
    assert_int_equal(check(false), JET_errLogFileCorrupt);
    assert_true(was_told(&faults, JET_errLogFileCorrupt, ESE_FAULT, 552, 2 * 4096));
    /* in the current log that is how a crash leaves it */
    assert_int_equal(check(true), JET_errSuccess);
    assert_true(was_told(&faults, 0, ESE_NOTE, 0, 2 * 4096));
    assert_false(info.ends_clean);
    /* no room was left: recovery went on in the next generation */
    lb_init(&b, 4, 3);
    lb_append(&b, rec.b, rec.len);
    memset(lb_seg(&b, 2), 0, LOG_SEGMENT_LEN);
    assert_int_equal(check(false), JET_errSuccess);
    assert_true(was_told(&faults, 0, ESE_NOTE, 0, 2 * 4096));
}

static void only_a_quit_record_in_the_last_segment_is_a_clean_end(void **state)
{
    uint8_t mark = LR_SHUTDOWN_MARK;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        lb_init(&b, 4, 16);
        lb_append(&b, &mark, 1);
        rec_term2(&rec, 0);
        if (i == 1)
            rec.b[0] = LR_RECOVERY_QUIT2;
        lb_append(&b, rec.b, rec.len);
        if (i == 1)
            lb_flush(&b); /* NOP2 behind it does not matter */
        if (i == 2)
            lb_append(&b, &mark, 1);
        lb_finish(&b);
        if (i == 3) { /* a valid segment without records */
            lb_begin_segment(&b);
            lb_finish(&b);
        }
        assert_int_equal(check(true), JET_errSuccess);
        assert_int_equal(info.ends_clean, i < 2);
    }
}

static void fresh_log_without_records_is_sound(void **state)
{
    (void)state;
    lb_init(&b, 4, 16);
    assert_int_equal(check(true), JET_errSuccess);
    assert_int_equal(faults.nr, 0);
    assert_int_equal(out.nr, 0);
    assert_int_equal(info.lgpos_last, 0);
    assert_int_equal(info.checksum, 0);
    assert_false(info.ends_clean);
}

static void size_that_is_not_the_headers_is_a_fault(void **state)
{
    (void)state;
    build(3);
    b.len -= LOG_SEGMENT_LEN;
    assert_int_equal(check(true), JET_errLogFileSizeMismatch);
    assert_true(was_told(&faults, JET_errLogFileSizeMismatch, ESE_FAULT, 412, b.len));
    build(3);
    b.len += LOG_SEGMENT_LEN + 77; /* an odd end */
    assert_int_equal(check(true), JET_errLogFileSizeMismatch);
    assert_true(was_told(&faults, JET_errLogFileSizeMismatch, ESE_FAULT, 412, 16 * 4096));
    assert_int_equal(faults.nr, 1);
    assert_true(out.nr > 60); /* what is there is read all the same */
}

static void bytes_that_never_came_are_a_fault(void **state)
{
    struct reporter r = reporter_to(&faults);
    struct logcheck *c;

    (void)state;
    build(3);
    assert_int_equal(logcheck_new(b.len, true, &r, NULL, NULL, &c), JET_errSuccess);
    assert_null(logcheck_info(c));
    assert_int_equal(logcheck_feed(c, b.file, 8 * 4096), JET_errSuccess);
    assert_int_equal(logcheck_info(c)->gen, 3);
    assert_int_equal(logcheck_end(c, &info, &nr_segments), JET_errLogFileSizeMismatch);
    assert_int_equal(nr_segments, 7);
    logcheck_free(c);
    assert_int_equal(logcheck_new(b.len, true, &r, NULL, NULL, &c), JET_errSuccess);
    assert_int_equal(logcheck_end(c, &info, &nr_segments), JET_errLogFileCorrupt);
    assert_int_equal(info.gen, 0);
    logcheck_free(c);
    logcheck_free(NULL);
}

static void odd_piece_in_the_middle_is_refused(void **state)
{
    struct reporter r = reporter_to(&faults);
    struct logcheck *c;

    (void)state;
    build(3);
    assert_int_equal(logcheck_new(b.len, true, &r, NULL, NULL, &c), JET_errSuccess);
    assert_int_equal(logcheck_feed(c, b.file, 4096 + 512), JET_errSuccess);
    assert_int_equal(logcheck_feed(c, b.file + 4096 + 512, 4096), JET_errInvalidParameter);
    logcheck_free(c);
}

static void hole_is_as_good_as_zeroes(void **state)
{
    struct reporter r = reporter_to(&faults);
    struct logcheck *c;
    size_t used;

    (void)state;
    build(3);
    used = (size_t)b.isec * 4096;
    assert_int_equal(logcheck_new(b.len, true, &r, NULL, NULL, &c), JET_errSuccess);
    assert_int_equal(logcheck_feed(c, b.file, used), JET_errSuccess);
    assert_int_equal(logcheck_feed_hole(c, b.len - used), JET_errSuccess);
    assert_int_equal(logcheck_end(c, &info, &nr_segments), JET_errSuccess);
    assert_int_equal(nr_segments, 15);
    assert_true(info.segments_read);
    logcheck_free(c);
    /* a hole where the header should be */
    assert_int_equal(logcheck_new(b.len, true, &r, NULL, NULL, &c), JET_errSuccess);
    assert_int_equal(logcheck_feed_hole(c, b.len), JET_errLogFileCorrupt);
    assert_int_equal(logcheck_feed(c, b.file, 4096), JET_errLogFileCorrupt);
    assert_int_equal(logcheck_end(c, &info, &nr_segments), JET_errLogFileCorrupt);
    logcheck_free(c);
}

static void ruined_header_ends_the_check(void **state)
{
    (void)state;
    build(3);
    b.file[100] ^= 4;
    assert_int_equal(check(true), JET_errLogFileCorrupt);
    assert_true(was_told(&faults, JET_errLogFileCorrupt, ESE_FAULT, 440, 0));
    assert_int_equal(out.nr, 0);
    assert_int_equal(nr_segments, 0);
    assert_int_equal(info.gen, 0);
}

static void error_of_the_taker_ends_the_check(void **state)
{
    (void)state;
    build(3);
    out.stop_at = 5;
    assert_int_equal(check(true), JET_errInvalidParameter);
    assert_int_equal(out.nr, 5);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_teardown(f, done)
    const struct CMUnitTest tests[] = {
        TEST(whole_log_gives_its_records_in_pieces_of_any_size),
        TEST(accumulated_checksum_is_the_xor_of_the_segments),
        TEST(positions_follow_the_rules_of_appending),
        TEST(torn_tail_of_the_current_log_is_taken_from_its_shadow),
        TEST(torn_tail_of_an_archived_log_is_a_fault),
        TEST(torn_tail_without_a_shadow_is_a_fault),
        TEST(shadow_of_another_segment_does_not_help),
        TEST(damaged_segment_at_the_very_end_has_no_shadow),
        TEST(tail_of_a_recycled_file_is_empty),
        TEST(segment_behind_an_empty_one_is_a_fault),
        TEST(damage_behind_an_empty_segment_is_a_fault),
        TEST(every_damaged_segment_is_told),
        TEST(segment_of_another_place_or_time_is_a_fault),
        TEST(two_segments_exchanged_are_a_fault),
        TEST(records_in_the_last_segment_are_not_read),
        TEST(shadow_without_its_segment_is_what_a_crash_leaves),
        TEST(one_wrong_bit_is_put_right_in_the_buffer),
        TEST(wrong_bit_in_a_stored_checksum_is_refused),
        TEST(two_wrong_bits_are_refused),
        TEST(no_damage_goes_by_unseen),
        TEST(partial_record_behind_which_recovery_went_on_is_legal),
        TEST(recovery_may_go_on_with_a_split_undo_info),
        TEST(partial_record_before_anything_else_is_a_fault),
        TEST(broken_fragments_are_faults),
        TEST(fragment_past_the_segment_is_a_fault),
        TEST(records_that_mean_nothing_are_faults),
        TEST(record_longer_than_its_segment_is_a_fault),
        TEST(archived_log_that_ends_within_a_record),
        TEST(only_a_quit_record_in_the_last_segment_is_a_clean_end),
        TEST(fresh_log_without_records_is_sound),
        TEST(size_that_is_not_the_headers_is_a_fault),
        TEST(bytes_that_never_came_are_a_fault),
        TEST(odd_piece_in_the_middle_is_refused),
        TEST(hole_is_as_good_as_zeroes),
        TEST(ruined_header_ends_the_check),
        TEST(error_of_the_taker_ends_the_check),
    };
    rnd_init("logcheck");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
