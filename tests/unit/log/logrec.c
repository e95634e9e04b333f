/* The record codec: sizes, fields, pages; no length lets it read past the record. */
#include "logbuilder.h"

#include "log/logdiff.h"
#include "log/logprint.h"
#include "log/logrec.h"

/* Length fields of each type that has any: offset and width, after the fixed length. */
struct shape {
    uint8_t type;
    uint16_t fixed;
    struct {
        uint8_t off, width;
    } len[4];
};

static const struct shape shapes[] = {
    {LR_INIT, 568, {{0}}},
    {LR_TERM, 18, {{0}}},
    {LR_BEGIN, 4, {{0}}},
    {LR_COMMIT, 4, {{0}}},
    {LR_ROLLBACK, 4, {{0}}},
    {LR_BEGIN0, 8, {{0}}},
    {LR_COMMIT0, 8, {{0}}},
    {LR_REFRESH, 7, {{0}}},
    {LR_MACRO_BEGIN, 11, {{0}}},
    {LR_MACRO_COMMIT, 11, {{0}}},
    {LR_MACRO_ABORT, 11, {{0}}},
    {LR_CREATE_DB, 43, {{40, 2}}},
    {LR_ATTACH_DB, 75, {{72, 2}}},
    {LR_DETACH_DB, 7, {{4, 2}}},
    {LR_RECOVERY_UNDO, 1, {{0}}},
    {LR_RECOVERY_QUIT, 18, {{0}}},
    {LR_FULL_BACKUP, 3, {{1, 2}}},
    {LR_INC_BACKUP, 3, {{1, 2}}},
    {LR_JET_OP, 4, {{0}}},
    {LR_TRACE, 5, {{3, 2}}},
    {LR_SHUTDOWN_MARK, 1, {{0}}},
    {LR_CREATE_MULTIPLE_EXTENT_FDP, 56, {{0}}},
    {LR_CREATE_SINGLE_EXTENT_FDP, 48, {{0}}},
    {LR_INSERT, 50, {{44, 2}, {46, 2}, {48, 2}}},
    {LR_FLAG_INSERT, 48, {{44, 2}, {46, 2}}},
    {LR_FLAG_INSERT_AND_REPLACE_DATA, 52, {{44, 2}, {46, 2}}},
    {LR_FLAG_DELETE, 44, {{0}}},
    {LR_REPLACE, 50, {{44, 2}}},
    {LR_DELETE, 44, {{0}}},
    {LR_UNDO_INFO, 56, {{44, 2}, {46, 2}, {54, 2}}},
    {LR_DELTA, 54, {{44, 2}, {46, 2}}},
    {LR_SET_EXTERNAL_HEADER, 46, {{44, 2}}},
    {LR_UNDO, 51, {{44, 2}, {46, 2}}},
    {LR_EXT_RESTORE, 3, {{1, 2}}},
    {LR_BACKUP_OLD, 5, {{3, 2}}},
    {LR_INIT2, 576, {{0}}},
    {LR_TERM2, 26, {{0}}},
    {LR_RECOVERY_UNDO2, 9, {{0}}},
    {LR_RECOVERY_QUIT2, 26, {{0}}},
    {LR_FORCE_WRITE_LOG, 3, {{0}}},
    {LR_CONVERT_FDP2, 68, {{0}}},
    {LR_EXT_RESTORE2, 3, {{1, 2}}},
    {LR_BACKUP2, 35, {{33, 2}}},
    {LR_FORCE_LOG_ROLLOVER, 5, {{3, 2}}},
    {LR_SPLIT2, 110, {{96, 2}, {98, 2}, {100, 2}, {106, 4}}},
    {LR_MERGE2, 96, {{86, 2}, {92, 4}}},
    {LR_SCRUB, 54, {{52, 2}}},
    {LR_PAGE_MOVE, 96, {{88, 4}, {92, 4}}},
    {LR_PAGE_PATCH_REQUEST, 46, {{0}}},
    {LR_NOP2, 5, {{1, 4}}},
    {LR_IGNORED9, 5, {{1, 4}}},
    {LR_SHRINK_DB, 10, {{0}}},
    {LR_CREATE_DB_FINISH, 4, {{0}}},
    {LR_RECOVERY_QUIT_KEEP_ATTACHMENTS, 26, {{0}}},
    {LR_TRIM_DB, 10, {{0}}},
    {LR_IGNORED10, 5, {{1, 4}}},
    {LR_IGNORED19, 5, {{1, 4}}},
    {LR_SET_DB_VERSION, 14, {{0}}},
    {LR_DELTA64, 58, {{44, 2}, {46, 2}}},
    {LR_SHRINK_DB2, 10, {{0}}},
    {LR_NEW_PAGE, 20, {{0}}},
    {LR_ROOT_PAGE_MOVE, 16, {{0}}},
    {LR_SIGNAL_ATTACH_DB, 2, {{0}}},
    {LR_SCAN_CHECK2, 27, {{0}}},
    {LR_SHRINK_DB3, 18, {{0}}},
    {LR_EXTENT_FREED, 11, {{0}}},
    {LR_EXTENT_FREED2, 19, {{0}}},
};

static struct recbuf rec;

static void put(size_t off, unsigned width, uint64_t value)
{
    for (unsigned i = 0; i < width; i++)
        rec.b[off + i] = (uint8_t)(value >> i * 8);
}

/* A record of the shape with parts of 3, 5, 7, 11 bytes; everything else is noise that does not contradict. */
static void make(const struct shape *s)
{
    static const uint8_t lens[] = {3, 5, 7, 11};

    rec.len = s->fixed;
    for (size_t i = 0; i < sizeof(rec.b); i++)
        rec.b[i] = (uint8_t)(i * 31 + 7);
    rec.b[0] = s->type;
    for (unsigned i = 0; i < 4 && s->len[i].width; i++) {
        put(s->len[i].off, s->len[i].width, lens[i]);
        rec.len += lens[i];
    }
    if (s->type == LR_REPLACE)
        put(48, 2, 3); /* new length = bytes that follow */
    if (s->type == LR_CREATE_DB)
        rec.b[42] = LR_DB_UTF16;
}

static void print(const struct logrec *r)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    for (int json = 0; json < 2; json++)
        assert_int_equal(logprint_record(out, json, lgpos_make(1, 2, 3), r), JET_errSuccess);
    fclose(out);
    assert_non_null(strstr(text, logrec_name(r->type)));
    assert_int_equal(text[len - 1], '\n');
    free(text);
}

static JET_ERR nothing(void *ctx, const struct logrec_page *p)
{
    (void)ctx;
    assert_true(p->pgno != 0 && p->nr > 0);
    return JET_errSuccess;
}

/* On the heap and exactly as long, so that a byte too far is seen by the sanitizer. */
static JET_ERR decode_exactly(const uint8_t *p, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    struct logrec r;
    JET_ERR err;

    memcpy(copy, p, len);
    err = logrec_decode(copy, len, &r);
    if (err >= 0) {
        print(&r);
        assert_int_equal(logrec_pages(&r, nothing, NULL), JET_errSuccess);
    }
    free(copy);
    return err;
}

static void every_type_has_its_size(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        uint32_t size;

        make(&shapes[i]);
        assert_int_equal(logrec_size(rec.b, sizeof(rec.b), &size), JET_errSuccess);
        if (size != rec.len)
            fail_msg("%s: %u, not %zu", logrec_name(rec.b[0]), size, rec.len);
        assert_int_equal(decode_exactly(rec.b, rec.len), JET_errSuccess);
        assert_int_equal(decode_exactly(rec.b, rec.len + 1), JET_errLogFileCorrupt);
        for (size_t len = 0; len < rec.len; len++)
            assert_true(decode_exactly(rec.b, len) < 0);
        for (unsigned k = 0; k < 4 && shapes[i].len[k].width;
             k++) { /* a length that goes too far */
            make(&shapes[i]);
            put(shapes[i].len[k].off, shapes[i].len[k].width, UINT32_MAX);
            assert_int_equal(decode_exactly(rec.b, rec.len), JET_errLogFileCorrupt);
        }
    }
}

static void noise_of_every_type_is_safe(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 256; type++)
        for (unsigned n = 0; n < 60; n++) {
            const size_t len = rnd() % 700;

            for (size_t i = 1; i < len; i++)
                rec.b[i] = (uint8_t)(rnd() % 4 ? 0 : rnd());
            rec.b[0] = (uint8_t)type;
            (void)!decode_exactly(rec.b, len);
        }
}

static void types_that_are_not_replayed_are_refused(void **state)
{
    static const uint8_t corrupted[] = {LR_MS, LR_END, 40, 41, 42, 43,  44,  47,  53,
                                        54,    55,     56, 76, 77, 102, 103, 200, 255};
    static const uint8_t obsolete[] = {LR_CONVERT_FDP_OLD, LR_SPLIT_OLD, LR_MERGE_OLD};
    static const uint8_t zero[256];
    uint32_t size;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(corrupted); i++) {
        memcpy(rec.b, zero, sizeof(zero));
        rec.b[0] = corrupted[i];
        if (logrec_size(rec.b, 256, &size) < 0)
            size = 256;
        assert_int_equal(decode_exactly(rec.b, size), JET_errLogCorrupted);
    }
    for (size_t i = 0; i < ARRAY_LEN(obsolete); i++) {
        memcpy(rec.b, zero, sizeof(zero));
        rec.b[0] = obsolete[i];
        assert_int_equal(logrec_size(rec.b, 256, &size), JET_errSuccess);
        assert_int_equal(decode_exactly(rec.b, size), JET_errBadLogVersion);
    }
}

static void names_are_there_and_differ(void **state)
{
    (void)state;
    for (unsigned a = 0; a < LR_MAX; a++) {
        assert_non_null(logrec_name(a));
        for (unsigned c = 0; c < a; c++)
            assert_string_not_equal(logrec_name(a), logrec_name(c));
    }
    assert_string_equal(logrec_name(LR_MAX), "unknown");
    assert_string_equal(logrec_name(1000), "unknown");
}

static void lengths_that_contradict_are_refused(void **state)
{
    static const struct {
        uint8_t type, width_off;
        uint32_t body;
    } lists[] = {{LR_MACRO_INFO, 0, 7}, {LR_MACRO_INFO2, 0, 4}, {LR_EXTEND_DB, 0, 4},
                 {LR_COMMIT_CTX, 0, 2}, {LR_SCAN_CHECK, 0, 38}, {LR_REATTACH, 0, 44},
                 {LR_FREE_FDP, 0, 9}};

    (void)state;
    memset(rec.b, 0, sizeof(rec.b));
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        rec.b[0] = lists[i].type;
        put(1, 4, lists[i].body);
        assert_int_equal(decode_exactly(rec.b, 5 + lists[i].body), JET_errLogFileCorrupt);
        put(1, 4, lists[i].body + 1); /* one byte more, and it is there */
        assert_int_equal(decode_exactly(rec.b, 5 + lists[i].body + 1), JET_errSuccess);
    }
    rec.b[0] = LR_MACRO_INFO2;
    put(1, 4, 5 + 8);
    put(6, 4, 3); /* three pages said, two are there */
    assert_int_equal(decode_exactly(rec.b, 18), JET_errLogFileCorrupt);
    rec_page(&rec, LR_EMPTY_TREE, 7, 1, 2, 46 + 17);
    put(44, 2, 17); /* entries have 16 bytes */
    assert_int_equal(decode_exactly(rec.b, 46 + 17), JET_errLogFileCorrupt);
    rec_page(&rec, LR_REPLACE, 7, 1, 2, 50 + 4);
    put(44, 2, 4);
    put(48, 2, 5);
    assert_int_equal(decode_exactly(rec.b, 54), JET_errLogFileCorrupt);
}

static void create_database_may_hide_four_bytes(void **state)
{
    struct logrec r;

    (void)state;
    memset(rec.b, 0, 128);
    rec.b[0] = LR_CREATE_DB;
    put(40, 2, 4);
    rec.b[42] = LR_DB_UTF16 | LR_CREATE_DB_VERSION;
    put(43, 2, 0x620);
    put(45, 2, 20);
    put(47, 4, 'x');
    assert_int_equal(logrec_decode(rec.b, 43 + 4 + 4, &r), JET_errSuccess);
    assert_int_equal(r.db.version, 0x620);
    assert_int_equal(r.db.update_major, 20);
    assert_int_equal(r.db.path.len, 4);
    assert_ptr_equal(r.db.path.p, rec.b + 47);
    assert_int_equal(decode_exactly(rec.b, 43 + 4), JET_errLogFileCorrupt);
}

/* ---- pages ---- */

struct listed {
    struct logrec_page p[16];
    unsigned nr;
};

static JET_ERR note_page(void *ctx, const struct logrec_page *p)
{
    struct listed *l = ctx;

    assert_true(l->nr < ARRAY_LEN(l->p));
    l->p[l->nr++] = *p;
    return JET_errSuccess;
}

static struct listed pages_of(size_t len)
{
    struct listed l = {.nr = 0};
    struct logrec r;

    assert_int_equal(logrec_decode(rec.b, len, &r), JET_errSuccess);
    assert_int_equal(logrec_pages(&r, note_page, &l), JET_errSuccess);
    return l;
}

static void is_page(const struct listed *l, unsigned i, pgno_t pgno, enum logrec_touch how,
                    dbtime_t before)
{
    assert_true(i < l->nr);
    assert_int_equal(l->p[i].pgno, pgno);
    assert_int_equal(l->p[i].how, how);
    assert_int_equal(l->p[i].before, before);
    assert_int_equal(l->p[i].dbid, 1);
    assert_int_equal(l->p[i].nr, 1);
    assert_int_equal(l->p[i].after, 99);
}

static void structure_records_list_all_their_pages(void **state)
{
    struct listed l;

    (void)state;
    rec_page(&rec, LR_SPLIT2, 7, 11, 99, 110);
    put(32, 4, 8), put(36, 4, 9), put(40, 8, 12), put(48, 4, 10), put(52, 8, UINT64_MAX);
    l = pages_of(110);
    assert_int_equal(l.nr, 4);
    is_page(&l, 0, 7, LOGREC_CHANGES, 11);
    is_page(&l, 1, 8, LOGREC_INITIALISES, DBTIME_INVALID);
    is_page(&l, 2, 10, LOGREC_CHANGES, DBTIME_INVALID);
    is_page(&l, 3, 9, LOGREC_CHANGES, 12);

    rec_page(&rec, LR_SPLIT2, 7, 11, 99, 110); /* a parent that only gets the separator */
    assert_int_equal(pages_of(110).nr, 1);

    rec_page(&rec, LR_MERGE2, 7, 11, 99, 96);
    put(32, 4, 8), put(36, 8, 12), put(44, 4, 6), put(48, 8, 13), put(56, 4, 5), put(60, 8, 14);
    l = pages_of(96);
    assert_int_equal(l.nr, 4);
    is_page(&l, 1, 8, LOGREC_CHANGES, 12);
    is_page(&l, 2, 6, LOGREC_CHANGES, 13);
    is_page(&l, 3, 5, LOGREC_CHANGES, 14);

    rec_page(&rec, LR_PAGE_MOVE, 7, 11, 99, 96);
    put(32, 4, 70), put(36, 4, 6), put(40, 4, 8), put(44, 4, 5), put(48, 8, 13), put(56, 8, 12),
        put(64, 8, 14);
    l = pages_of(96);
    assert_int_equal(l.nr, 5);
    is_page(&l, 1, 70, LOGREC_INITIALISES, DBTIME_INVALID);
    is_page(&l, 2, 5, LOGREC_CHANGES, 14);
    is_page(&l, 3, 6, LOGREC_CHANGES, 13);
    is_page(&l, 4, 8, LOGREC_CHANGES, 12);

    rec_page(&rec, LR_EMPTY_TREE, 7, 11, 99, 46 + 32);
    put(44, 2, 32), put(46, 8, 21), put(54, 4, 71), put(62, 8, 22), put(70, 4, 72);
    l = pages_of(46 + 32);
    assert_int_equal(l.nr, 3);
    is_page(&l, 1, 71, LOGREC_CHANGES, 21);
    is_page(&l, 2, 72, LOGREC_CHANGES, 22);

    rec_page(&rec, LR_CREATE_MULTIPLE_EXTENT_FDP, 7, UINT64_MAX, 99, 56);
    put(36, 4, 8), put(40, 4, 9);
    l = pages_of(56);
    assert_int_equal(l.nr, 3);
    is_page(&l, 0, 7, LOGREC_INITIALISES, DBTIME_INVALID);
    is_page(&l, 2, 9, LOGREC_INITIALISES, DBTIME_INVALID);

    rec_page(&rec, LR_CONVERT_FDP2, 7, 11, 99, 68);
    put(36, 4, 8), put(40, 4, 9);
    l = pages_of(68);
    assert_int_equal(l.nr, 3);
    is_page(&l, 0, 7, LOGREC_CHANGES, 11);
    is_page(&l, 1, 8, LOGREC_INITIALISES, DBTIME_INVALID);
}

static void single_page_records_list_their_page(void **state)
{
    static const uint8_t types[] = {29, 30, 31, 32, 33, 35, 37, 38, 39, 64, 93};
    static const uint8_t none[] = {LR_UNDO_INFO};
    struct listed l;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        uint32_t size;

        rec_page(&rec, types[i], 7, 11, 99, 100);
        assert_int_equal(logrec_size(rec.b, 100, &size), JET_errSuccess);
        l = pages_of(size);
        assert_int_equal(l.nr, 1);
        is_page(&l, 0, 7, LOGREC_CHANGES, 11);
    }
    rec_page(&rec, none[0], 7, UINT64_MAX, UINT64_MAX, 56);
    assert_int_equal(pages_of(56).nr, 0);
}

static void ranges_are_listed_as_one(void **state)
{
    struct listed l;

    (void)state;
    memset(rec.b, 0, 64);
    rec.b[0] = LR_SHRINK_DB3, rec.b[1] = 1;
    put(2, 4, 100), put(6, 4, 28), put(10, 8, 99);
    l = pages_of(18);
    assert_int_equal(l.nr, 1);
    assert_int_equal(l.p[0].pgno, 101);
    assert_int_equal(l.p[0].nr, 28);
    assert_int_equal(l.p[0].how, LOGREC_RESETS);
    assert_int_equal(l.p[0].after, 99);
    put(6, 4, UINT32_MAX); /* never past the last page number */
    l = pages_of(18);
    assert_int_equal(l.p[0].pgno + (uint64_t)l.p[0].nr - 1, UINT32_MAX);
    put(2, 4, UINT32_MAX);
    assert_int_equal(pages_of(18).nr, 0);
    rec.b[0] = LR_TRIM_DB;
    put(2, 4, 100), put(6, 4, 28);
    l = pages_of(10);
    assert_int_equal(l.p[0].pgno, 100);
    assert_int_equal(l.p[0].nr, 28);
    put(2, 4, 0); /* page 0 is none (found by fuzzing) */
    l = pages_of(10);
    assert_int_equal(l.p[0].pgno, 1);
    assert_int_equal(l.p[0].nr, 27);
    put(6, 4, 1);
    assert_int_equal(pages_of(10).nr, 0);
    put(2, 4, 100);
    rec.b[0] = LR_EXTENT_FREED; /* only tells */
    assert_int_equal(pages_of(11).nr, 0);
}

static JET_ERR stop(void *ctx, const struct logrec_page *p)
{
    unsigned *nr = ctx;

    (void)p;
    return ++*nr == 2 ? JET_errOutOfMemory : JET_errSuccess;
}

static void listing_stops_at_the_takers_error(void **state)
{
    struct logrec r;
    unsigned nr = 0;

    (void)state;
    rec_page(&rec, LR_SPLIT2, 7, 11, 99, 110);
    put(32, 4, 8), put(36, 4, 9), put(48, 4, 10);
    assert_int_equal(logrec_decode(rec.b, 110, &r), JET_errSuccess);
    assert_int_equal(logrec_pages(&r, stop, &nr), JET_errOutOfMemory);
    assert_int_equal(nr, 2);
}

/* ---- differences ---- */

static void differences_are_taken_apart(void **state)
{
    /* equal length at 2: 2 bytes; insert at 8: 1; replace at 10: 1 for 3; then two-byte lengths at 20: 1 for 1 */
    static const uint8_t narrow[] = {0x02, 0x20, 2,   'a',  'b',  0x08, 0x40, 1, 'c', 0x0a, 0x00,
                                     1,    3,    'd', 0x14, 0x80, 1,    0,    1, 0,   'e'};
    static const uint8_t wide[] = {0x02, 0, 0x20, 2,   'a',  'b', 0x08, 0, 0x40, 1, 'c', 0x0a, 0,
                                   0x00, 1, 3,    'd', 0x14, 0,   0x80, 1, 0,    1, 0,   'e'};
    static const struct {
        uint16_t off, old_len, new_len;
    } want[] = {{2, 2, 2}, {8, 0, 1}, {10, 3, 1}, {20, 1, 1}};

    (void)state;
    for (int w = 0; w < 2; w++) {
        const struct slice s =
            w ? (struct slice){wide, sizeof(wide)} : (struct slice){narrow, sizeof(narrow)};
        struct logdiff d;
        struct logdiff_step step;

        logdiff_init(&d, s, w);
        for (size_t i = 0; i < ARRAY_LEN(want); i++) {
            assert_int_equal(logdiff_next(&d, &step), 1);
            assert_int_equal(step.off, want[i].off);
            assert_int_equal(step.old_len, want[i].old_len);
            assert_int_equal(step.data.len, want[i].new_len);
        }
        assert_int_equal(logdiff_next(&d, &step), 0);
        assert_true(logdiff_fits(s, w, 30, 29));
        assert_true(logdiff_fits(s, w, 21, 20));
        assert_false(logdiff_fits(s, w, 20, 19)); /* past the old data */
        assert_false(logdiff_fits(s, w, 30, 30)); /* makes another length */
        for (uint32_t len = 1; len < s.len; len++) {
            const struct slice cut = {s.p, len};
            const bool whole =
                w ? len == 6 || len == 11 || len == 17 : len == 5 || len == 9 || len == 14;
            assert_int_equal(logdiff_fits(cut, w, 30, 30) || logdiff_fits(cut, w, 30, 31) ||
                                 logdiff_fits(cut, w, 30, 29),
                             whole);
        }
    }
}

static void differences_go_forward(void **state)
{
    static const uint8_t back[] = {0x08, 0x20, 1, 'a', 0x02, 0x20, 1, 'b'};
    static const uint8_t overlap[] = {0x02, 0x20, 3, 'a', 'a', 'a', 0x04, 0x20, 1, 'b'};

    (void)state;
    assert_false(logdiff_fits((struct slice){back, sizeof(back)}, false, 30, 30));
    assert_false(logdiff_fits((struct slice){overlap, sizeof(overlap)}, false, 30, 30));
    rec_page(&rec, LR_REPLACE_D, 7, 1, 2, 50 + sizeof(back));
    put(44, 2, sizeof(back)), put(46, 2, 30), put(48, 2, 30);
    memcpy(rec.b + 50, back, sizeof(back));
    assert_int_equal(decode_exactly(rec.b, 50 + sizeof(back)), JET_errLogFileCorrupt);
    put(50, 2, 0x2000 | 1);
    assert_int_equal(decode_exactly(rec.b, 50 + sizeof(back)), JET_errSuccess);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_has_its_size),
        cmocka_unit_test(noise_of_every_type_is_safe),
        cmocka_unit_test(types_that_are_not_replayed_are_refused),
        cmocka_unit_test(names_are_there_and_differ),
        cmocka_unit_test(lengths_that_contradict_are_refused),
        cmocka_unit_test(create_database_may_hide_four_bytes),
        cmocka_unit_test(structure_records_list_all_their_pages),
        cmocka_unit_test(single_page_records_list_their_page),
        cmocka_unit_test(ranges_are_listed_as_one),
        cmocka_unit_test(listing_stops_at_the_takers_error),
        cmocka_unit_test(differences_are_taken_apart),
        cmocka_unit_test(differences_go_forward),
    };
    rnd_init("logrec");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
