/*
 * Records that are made column by column: known bytes, random changes against a plain model, and
 * every record of the real databases made anew.
 */
#include "realdb.h"

#include "rec/catrow.h"
#include "rec/recbuf.h"

static struct recbuf rb;

static struct column fixed_col(uint16_t fid, unsigned coltyp, uint32_t offset, uint32_t len)
{
    return (struct column){
        .fid = fid, .coltyp = (uint8_t)coltyp, .offset = offset, .len = len, .max_len = len};
}

static struct column var_col(uint16_t fid, unsigned coltyp, uint32_t most)
{
    return (struct column){.fid = fid, .coltyp = (uint8_t)coltyp, .max_len = most, .cp = 1252};
}

static void with_default(struct column *c, const void *p, uint32_t len)
{
    c->has_default = true;
    c->flags |= COLUMN_DEFAULT;
    c->default_value = sl(p, len);
}

static struct table plain_table = {.name = "t"};

static struct schema schema_of(struct column *c, unsigned nr)
{
    return (struct schema){.table = &plain_table, .columns = c, .nr_columns = nr};
}

static void set_ok(const struct column *c, unsigned seq, const void *p, uint32_t len,
                   unsigned flags)
{
    struct slice v = sl(p, len);

    assert_int_equal(recbuf_set(&rb, c, seq, p ? &v : NULL, flags), JET_errSuccess);
}

static void expect(const void *bytes, uint32_t len)
{
    if (rb.len != len || memcmp(rb.b, bytes, len) != 0) {
        for (uint32_t i = 0; i < rb.len; i++)
            print_message("%02x ", rb.b[i]);
        fail_msg("%u bytes, not %u", rb.len, len);
    }
}
#define EXPECT(s) expect(s, sizeof(s) - 1)

static int setup_small(void **state)
{
    (void)state;
    return recbuf_init(&rb, 4096) != JET_errSuccess;
}

static int setup_large(void **state)
{
    (void)state;
    return recbuf_init(&rb, 32768) != JET_errSuccess;
}

static int teardown(void **state)
{
    (void)state;
    recbuf_done(&rb);
    return 0;
}

static void the_longest_record_fits_a_page_beside_a_key(void **state)
{
    (void)state;
    assert_int_equal(recbuf_most(4096, 0), 4096 - 48 - 2 - 255);
    assert_int_equal(recbuf_most(4096, 253), 4096 - 48 - 2 - 255);
    assert_int_equal(recbuf_most(4096, 255), 4096 - 48 - 2 - 257);
    assert_int_equal(recbuf_most(8192, 0), 7887);
    assert_int_equal(recbuf_most(32768, 0), 32768 - 88 - 4 - 4);
    assert_int_equal(recbuf_most(32768, 255), 32768 - 88 - 4 - 255);
}

static void fixed_columns_fill_what_lies_in_front_of_them(void **state)
{
    struct column c[] = {fixed_col(1, JET_coltypLong, 4, 4), fixed_col(2, JET_coltypBit, 8, 1),
                         fixed_col(3, JET_coltypText, 9, 4), fixed_col(4, JET_coltypBinary, 13, 3)};
    struct schema s = schema_of(c, 4);

    (void)state;
    c[2].cp = 1200;
    assert_int_equal(recbuf_start(&rb, &s), JET_errSuccess);
    EXPECT("\x00\x7f\x04\x00");
    set_ok(&c[1], 1, "\x07", 1, 0);
    EXPECT("\x02\x7f\x0a\x00****\xff\xfd");
    set_ok(&c[3], 1, "a", 1, 0);
    EXPECT("\x04\x7f\x11\x00****\xff****"
           "a\0\0\xf5");
    set_ok(&c[2], 1, "x\0", 2, 0);
    set_ok(&c[0], 1, "\1\2\3\4", 4, 0);
    set_ok(&c[1], 1, NULL, 0, 0);
    EXPECT("\x04\x7f\x11\x00\1\2\3\4\xffx\0 \0a\0\0\xf2");
    assert_true(recbuf_is_touched(&rb, 4));
    assert_false(recbuf_is_touched(&rb, 5));
}

static void a_new_record_has_the_defaults(void **state)
{
    struct column c[] = {fixed_col(1, JET_coltypLong, 4, 4), fixed_col(2, JET_coltypShort, 8, 2),
                         var_col(128, JET_coltypText, 50), var_col(129, JET_coltypText, 50),
                         var_col(130, JET_coltypText, 50)};
    struct schema s = schema_of(c, 5);

    (void)state;
    with_default(&c[1], "\7\0", 2);
    with_default(&c[3], "dd", 2);
    assert_int_equal(recbuf_start(&rb, &s), JET_errSuccess);
    EXPECT("\x02\x81\x0b\x00****\7\0\xfd\x00\x80\x02\x00"
           "dd");
    set_ok(&c[2], 1, "abc", 3, 0);
    set_ok(&c[4], 1, "", 0, 0);
    EXPECT("\x02\x82\x0b\x00****\7\0\xfd\x03\x00\x05\x00\x05\x00"
           "abcdd");
    set_ok(&c[2], 1, NULL, 0, 0);
    EXPECT("\x02\x82\x0b\x00****\7\0\xfd\x00\x80\x02\x00\x02\x00"
           "dd");
}

static void a_default_is_burst_when_a_later_column_is_set(void **state)
{
    struct column c[] = {fixed_col(1, JET_coltypLong, 4, 4), fixed_col(2, JET_coltypShort, 8, 2),
                         fixed_col(3, JET_coltypShort, 10, 2), var_col(128, JET_coltypText, 50),
                         var_col(129, JET_coltypText, 50)};
    struct schema s = schema_of(c, 5);

    (void)state;
    with_default(&c[1], "\7\0", 2);
    with_default(&c[3], "dd", 2);
    assert_int_equal(recbuf_load(&rb, &s, sl("\x01\x7f\x09\x00\1\2\3\4\xfe", 9), TAGGED_SMALL),
                     JET_errSuccess);
    set_ok(&c[2], 1, "\1\1", 2, 0);
    EXPECT("\x03\x7f\x0d\x00\1\2\3\4\7\0\1\1\xf8");
    set_ok(&c[4], 1, "e", 1, 0);
    EXPECT("\x03\x81\x0d\x00\1\2\3\4\7\0\1\1\xf8\2\0\3\0"
           "dde");
}

static void tagged_columns_take_the_forms_of_small_pages(void **state)
{
    struct column n = var_col(256, JET_coltypLong, 4), t = var_col(257, JET_coltypLongText, 0),
                  d = var_col(258, JET_coltypText, 255);
    struct schema s = schema_of(&n, 1);

    (void)state;
    d.derived = true;
    assert_int_equal(recbuf_start(&rb, &s), JET_errSuccess);
    set_ok(&t, 1, "ab", 2, 0);
    set_ok(&n, 1, "\1\0\0\0", 4, 0);
    set_ok(&d, 1, "d", 1, 0);
    EXPECT("\x00\x7f\x04\x00\x02\x01\x0c\x80\x00\x01\x0d\x00\x01\x01\x11\x40"
           "d\1\0\0\0\x01"
           "ab");
    set_ok(&n, 0, "\2\0\0\0", 4, 0);
    EXPECT("\x00\x7f\x04\x00\x02\x01\x0c\x80\x00\x01\x0d\x40\x01\x01\x17\x40"
           "d\x18\4\1\0\0\0\2\0\0\0\x01"
           "ab");
    set_ok(&n, 9, "", 0, 0);
    EXPECT("\x00\x7f\x04\x00\x02\x01\x0c\x80\x00\x01\x0d\x40\x01\x01\x1c\x40"
           "d\x08\6\0\x0a\0\x0e\0\1\0\0\0\2\0\0\0\x01"
           "ab");
    assert_int_equal(recbuf_count(&rb, &n), 3);
    set_ok(&n, 1, NULL, 0, 0);
    set_ok(&n, 2, NULL, 0, 0);
    set_ok(&d, 1, NULL, 0, 0);
    EXPECT("\x00\x7f\x04\x00\x00\x01\x08\x00\x01\x01\x0c\x40\2\0\0\0\x01"
           "ab");
    set_ok(&t, 2, "\1\0\0\0", 4, RECBUF_SEPARATED);
    set_ok(&t, 1, "zz", 2, RECBUF_COMPRESSED);
    EXPECT("\x00\x7f\x04\x00\x00\x01\x08\x00\x01\x01\x0c\x40\2\0\0\0\x0b\4\0\6\x80zz\1\0\0\0");
    set_ok(&t, 1, NULL, 0, 0);
    EXPECT("\x00\x7f\x04\x00\x00\x01\x08\x00\x01\x01\x0c\x40\2\0\0\0\x05\1\0\0\0");
    set_ok(&t, 1, NULL, 0, 0);
    set_ok(&n, 1, NULL, 0, 0);
    EXPECT("\x00\x7f\x04\x00");
}

static void tagged_columns_take_the_forms_of_large_pages(void **state)
{
    struct column n = var_col(256, JET_coltypLong, 4), d = var_col(258, JET_coltypText, 255);
    struct schema s = schema_of(&n, 1);

    (void)state;
    with_default(&d, "def", 3);
    assert_int_equal(recbuf_start(&rb, &s), JET_errSuccess);
    set_ok(&n, 1, "\1\0\0\0", 4, 0);
    set_ok(&d, 1, NULL, 0, 0);
    EXPECT("\x00\x7f\x04\x00\x00\x01\x08\x00\x02\x01\x0d\x00\0\1\0\0\0\x20");
    set_ok(&n, 0, "\2\0\0\0", 4, 0);
    set_ok(&d, 1, "x", 1, 0);
    EXPECT("\x00\x7f\x04\x00\x00\x01\x08\x00\x02\x01\x15\x00\x08\4\0\x08\0\1\0\0\0\2\0\0\0\0x");
    set_ok(&n, 2, NULL, 0, 0);
    set_ok(&d, 1, NULL, 0, RECBUF_REVERT);
    EXPECT("\x00\x7f\x04\x00\x00\x01\x04\x00\0\1\0\0\0");
}

static void what_is_not_allowed_changes_nothing(void **state)
{
    struct column n = fixed_col(1, JET_coltypLong, 4, 4), v = var_col(128, JET_coltypBinary, 255),
                  t = var_col(256, JET_coltypLongBinary, 5000), g = var_col(257, JET_coltypGUID, 0);
    struct schema s = schema_of(&n, 1);
    static uint8_t big[6000];
    struct slice three = sl("abc", 3), five = sl("abcde", 5), much = sl(big, 4000),
                 most = sl(big, 5001), cut = sl(big, 256);

    (void)state;
    assert_int_equal(recbuf_start(&rb, &s), JET_errSuccess);
    assert_int_equal(recbuf_set(&rb, &n, 1, &three, 0), JET_errInvalidBufferSize);
    assert_int_equal(recbuf_set(&rb, &n, 1, &five, 0), JET_errInvalidBufferSize);
    assert_int_equal(recbuf_set(&rb, &g, 1, &three, 0), JET_errInvalidBufferSize);
    assert_int_equal(recbuf_set(&rb, &t, 1, &most, 0), JET_errColumnTooBig);
    assert_int_equal(recbuf_set(&rb, &t, 1, &much, 0), JET_errColumnDoesNotFit);
    assert_int_equal(recbuf_set(&rb, &g, 1, &three, RECBUF_COMPRESSED), JET_errInvalidParameter);
    assert_int_equal(recbuf_set(&rb, &t, 1, &three, RECBUF_SEPARATED), JET_errInvalidParameter);
    n.flags = COLUMN_NOT_NULL;
    assert_int_equal(recbuf_set(&rb, &n, 1, NULL, 0), JET_errNullInvalid);
    EXPECT("\x00\x7f\x04\x00");
    assert_int_equal(recbuf_set(&rb, &v, 1, &cut, 0), JET_wrnColumnMaxTruncated);
    assert_int_equal(rb.len, 4 + 2 + 255);
    much.len = 3700;
    assert_int_equal(recbuf_set(&rb, &t, 1, &much, 0), JET_errRecordTooBig);
    assert_int_equal(rb.len, 4 + 2 + 255);
    set_ok(&t, 1, "a", 1, 0);
    assert_int_equal(recbuf_set(&rb, &t, 0, &three, RECBUF_COMPRESSED), JET_errInvalidParameter);
}

static void damaged_records_are_not_taken(void **state)
{
    struct column n = fixed_col(1, JET_coltypLong, 4, 4);
    struct schema s = schema_of(&n, 1);
    uint8_t b[64];

    (void)state;
    assert_int_equal(recbuf_load(&rb, &s, sl("\x00\x7f\x03\x00", 4), TAGGED_SMALL),
                     JET_errDatabaseCorrupted);
    assert_int_equal(recbuf_load(&rb, &s, sl("\x00\x7f\x04\x00zz", 6), TAGGED_SMALL),
                     JET_errDatabaseCorrupted);
    assert_int_equal(recbuf_load(&rb, &s, sl("\x00\x7f\x04\x00", 4), TAGGED_OLD),
                     JET_errFeatureNotAvailable);
    rnd_init("damaged_records_are_not_taken");
    for (unsigned i = 0; i < 200000; i++) { /* whatever is taken can be changed safely */
        struct column c = var_col((uint16_t)(256 + rnd() % 3),
                                  rnd() & 1 ? JET_coltypLongBinary : JET_coltypText, 0);
        const uint32_t len = 4 + (uint32_t)(rnd() % 40);
        memcpy(b, "\x00\x7f\x04\x00", 4);
        for (uint32_t k = 4; k < len; k++)
            b[k] = (uint8_t)(rnd() % 3 ? rnd() % 16 : rnd());
        put_le16(b + 4, (uint16_t)(256 + rnd() % 3));
        put_le16(b + 6, (uint16_t)(4 * (1 + rnd() % 2) | (rnd() & 0xe000)));
        if (recbuf_load(&rb, &s, sl(b, len), rnd() & 1 ? TAGGED_SMALL : TAGGED_LARGE) < 0)
            continue;
        for (unsigned k = 0; k < 4; k++) {
            struct slice v = sl("0123456789", (uint32_t)(rnd() % 10));
            JET_ERR err = recbuf_set(&rb, &c, (unsigned)(rnd() % 4), rnd() % 3 ? &v : NULL, 0);
            assert_true(err == JET_errSuccess || err == JET_errDatabaseCorrupted);
        }
    }
}

/* ---- against a model ------------------------------------------------------------------------- */

#define MODEL_COLS   6
#define MODEL_VALUES 6

struct model_value {
    uint8_t b[40];
    uint32_t len;
    bool separated, compressed;
};

struct model_col {
    struct column c;
    unsigned nr;
    bool null;
    struct model_value v[MODEL_VALUES + 1];
};

static struct model_col model[MODEL_COLS];

static void model_change(struct model_col *m)
{
    const bool longtype = m->c.coltyp == JET_coltypLongBinary;
    const unsigned seq = (unsigned)(rnd() % (MODEL_VALUES + 1));
    struct model_value v = {.len = (uint32_t)(rnd() % 30)};
    struct slice s = sl(v.b, v.len);
    unsigned flags = 0, at;

    for (uint32_t i = 0; i < v.len; i++)
        v.b[i] = (uint8_t)rnd();
    if (rnd() % 3 == 0) {
        set_ok(&m->c, seq, NULL, 0, 0);
        if (m->nr == 0) {
            m->null = m->null || (m->c.has_default && seq == 1);
        } else if (seq >= 1 && seq <= m->nr) {
            memmove(&m->v[seq - 1], &m->v[seq], (m->nr - seq) * sizeof(m->v[0]));
            m->nr--;
            m->null = m->nr == 0 && m->c.has_default;
        }
        return;
    }
    at = seq >= 1 && seq <= m->nr ? seq - 1 : m->nr;
    if (longtype && rnd() % 3 == 0) {
        v.separated = true;
        v.len = s.len = rnd() & 1 ? 4 : 8;
        flags = RECBUF_SEPARATED;
    } else if (longtype && rnd() % 3 == 0 && (m->nr == 0 || (seq == 1 && at == 0))) {
        v.compressed = true;
        flags = RECBUF_COMPRESSED;
    }
    if (at == MODEL_VALUES)
        return;
    assert_int_equal(recbuf_set(&rb, &m->c, seq, &s, flags), JET_errSuccess);
    m->v[at] = v;
    if (at == m->nr)
        m->nr++;
    m->null = false;
}

static void model_check(void)
{
    for (unsigned i = 0; i < MODEL_COLS; i++) {
        struct model_col *m = &model[i];
        struct value v;

        assert_int_equal(recbuf_count(&rb, &m->c), m->nr);
        assert_int_equal(recbuf_get(&rb, &m->c, m->nr + 1, &v),
                         m->nr == 0 && m->null ? RECORD_NULL : RECORD_ABSENT);
        for (unsigned k = 0; k < m->nr; k++) {
            assert_int_equal(recbuf_get(&rb, &m->c, k + 1, &v), RECORD_VALUE);
            assert_int_equal(v.data.len, m->v[k].len);
            assert_memory_equal(v.data.p, m->v[k].b, v.data.len);
            assert_int_equal(v.separated, m->v[k].separated);
            assert_int_equal(v.compressed, m->v[k].compressed);
        }
    }
}

static void random_changes(uint32_t page_size)
{
    struct schema s = schema_of(NULL, 0);

    for (unsigned round = 0; round < 300; round++) {
        memset(model, 0, sizeof(model));
        for (unsigned i = 0; i < MODEL_COLS; i++) {
            model[i].c =
                var_col((uint16_t)(256 + i / 2), i < 3 ? JET_coltypText : JET_coltypLongBinary, 0);
            model[i].c.derived = i & 1;
            if (rnd() & 1)
                with_default(&model[i].c, "x", 1);
        }
        assert_int_equal(recbuf_start(&rb, &s), JET_errSuccess);
        for (unsigned n = 0; n < 200; n++) {
            model_change(&model[rnd() % MODEL_COLS]);
            if (n % 8 == 0)
                model_check();
        }
        model_check();
        assert_int_equal(rb.page_size, page_size);
    }
}

static void random_changes_of_tagged_columns_keep_the_others(void **state)
{
    (void)state;
    rnd_init("random_changes_of_tagged_columns_keep_the_others");
    random_changes(rb.page_size);
}

/* ---- real records ---------------------------------------------------------------------------- */

struct tally {
    uint64_t nr, same, null_bytes, null_bits, deleted, fill;
};

/* The bytes of the null bits and of every fixed column that has a value, and the rest behind. */
static void compare(struct tally *t, const struct schema *s, struct slice was, const char *table)
{
    static uint8_t a[PAGE_SIZE_MAX], b[PAGE_SIZE_MAX];
    struct record r;

    t->nr++;
    if (was.len == rb.len && memcmp(was.p, rb.b, rb.len) == 0) {
        t->same++;
        return;
    }
    assert_null(record_decode(was, &r));
    if (was.len != rb.len)
        fail_msg("%s: a record of %u bytes became %u", table, was.len, rb.len);
    memcpy(a, was.p, was.len);
    memcpy(b, rb.b, rb.len);
    for (unsigned fid = r.fixed_last + 1; (fid - 1) % 8;
         fid++) { /* bits of columns beyond the last one */
        a[r.nulls + (fid - 1) / 8] |= (uint8_t)(1u << (fid - 1) % 8);
        b[r.nulls + (fid - 1) / 8] |= (uint8_t)(1u << (fid - 1) % 8);
    }
    if (memcmp(a, b, rb.len) == 0) {
        t->null_bits++;
        return;
    }
    for (unsigned i = 0; i < s->nr_columns; i++) { /* columns that are null: what they had before */
        const struct column *c = &s->columns[i];
        struct slice v;
        if (c->fid <= r.fixed_last &&
            record_fixed(&r, c->fid, c->offset, c->len, &v) == RECORD_NULL &&
            c->offset + c->len <= r.nulls) {
            memset(a + c->offset, 0, c->len);
            memset(b + c->offset, 0, c->len);
        }
    }
    if (memcmp(a, b, rb.len) == 0) {
        t->null_bytes++;
        return;
    }
    for (uint32_t i = 4; i < r.nulls; i++) { /* room of deleted columns */
        bool used = false;
        for (unsigned k = 0; k < s->nr_columns; k++)
            used = used || (s->columns[k].fid <= FID_FIXED_MOST && i >= s->columns[k].offset &&
                            i < s->columns[k].offset + s->columns[k].len);
        if (!used)
            b[i] = a[i];
    }
    for (unsigned fid = 1; fid <= r.fixed_last; fid++)
        if (!schema_find(s, (uint16_t)fid, false) && !schema_find(s, (uint16_t)fid, true)) {
            a[r.nulls + (fid - 1) / 8] |= (uint8_t)(1u << (fid - 1) % 8);
            b[r.nulls + (fid - 1) / 8] |= (uint8_t)(1u << (fid - 1) % 8);
        }
    if (memcmp(a, b, rb.len) == 0) {
        t->fill++;
        return;
    }
    for (uint32_t i = 0; i < rb.len; i++)
        if (a[i] != b[i])
            fail_msg("%s: byte %u of %u is %02x, not %02x", table, i, rb.len, b[i], a[i]);
}

/* A column that the record has and the schema has not: it was deleted. */
static bool has_deleted(const struct schema *s, struct slice bytes, enum tagged_layout layout)
{
    struct record r;
    struct tagged t;
    struct tagged_value v;

    assert_null(record_decode(bytes, &r));
    for (unsigned fid = FID_VAR_LEAST; fid <= r.var_last; fid++)
        if (!schema_find(s, (uint16_t)fid, false) && !schema_find(s, (uint16_t)fid, true))
            return true;
    tagged_begin(&t, r.tagged, layout);
    while (tagged_next(&t, &v) > 0) {
        bool there = false;
        for (unsigned i = 0; i < s->nr_columns; i++)
            there = there || (s->columns[i].fid == v.fid && s->columns[i].derived == v.derived);
        if (!there)
            return true;
    }
    return false;
}

static void rebuild(const struct schema *s, struct slice was, enum tagged_layout layout)
{
    struct recview v;
    struct column *last = NULL;

    assert_null(recview_init(&v, was, layout));
    assert_int_equal(recbuf_load(&rb, s, sl("\x00\x7f\x04\x00", 4), layout), JET_errSuccess);
    for (unsigned i = 0; i < s->nr_columns; i++) {
        struct column c = s->columns[i];
        struct value x;
        enum record_state st = recview_get(&v, &c, 1, &x);

        c.flags &= ~(uint32_t)COLUMN_NOT_NULL;
        if (st == RECORD_ABSENT)
            continue;
        if (c.fid <= FID_FIXED_MOST && (!last || c.fid > last->fid))
            last = &s->columns[i];
        if (st == RECORD_NULL) {
            assert_int_equal(recbuf_set(&rb, &c, 1, NULL, 0), JET_errSuccess);
            continue;
        }
        assert_int_equal(st, RECORD_VALUE);
        for (unsigned n = 1; n <= recview_count(&v, &c); n++) {
            assert_int_equal(recview_get(&v, &c, n, &x), RECORD_VALUE);
            assert_int_equal(recbuf_set(&rb, &c, n, &x.data,
                                        (x.separated ? RECBUF_SEPARATED : 0u) |
                                            (x.compressed ? RECBUF_COMPRESSED : 0u)),
                             JET_errSuccess);
        }
    }
}

static void rebuild_database(const char *name, struct dbfile *f, const struct catalog *c, void *ctx)
{
    static struct bt_cursor bt;
    struct tally *all = ctx, t = {0};
    struct bt_node n;

    (void)teardown(NULL);
    assert_int_equal(recbuf_init(&rb, dbfile_page_size(f)), JET_errSuccess);
    for (unsigned i = 0; i < c->nr_tables; i++) {
        struct schema *s;

        assert_int_equal(schema_new(c->tables[i], &s), JET_errSuccess);
        if (c->tables[i]->pgno == CATALOG_PGNO || c->tables[i]->pgno == CATALOG_SHADOW_PGNO) {
            free(s->columns); /* what the catalogue says of itself is not its layout */
            s->columns = malloc(60 * sizeof(*s->columns));
            memcpy(s->columns, catrow_columns(&s->nr_columns), s->nr_columns * sizeof(*s->columns));
        }
        bt_open(&bt, f, c->tables[i]->pgno, c->tables[i]->objid, 0);
        while (bt_next(&bt, &n) == JET_errSuccess) {
            const enum tagged_layout layout = tagged_layout_of(dbfile_page_size(f), n.page_flags);
            if (has_deleted(s, n.data, layout)) {
                t.nr++;
                t.deleted++;
                continue;
            }
            rebuild(s, n.data, layout);
            compare(&t, s, n.data, c->tables[i]->name);
        }
        bt_close(&bt);
        schema_free(s);
    }
    print_message("%s: %u records, %u equal; unused null bits %u, bytes of null columns %u, "
                  "deleted fixed columns %u, "
                  "other deleted columns (left out) %u\n",
                  name, (unsigned)t.nr, (unsigned)t.same, (unsigned)t.null_bits,
                  (unsigned)t.null_bytes, (unsigned)t.fill, (unsigned)t.deleted);
    all->nr += t.nr;
    all->same += t.same;
}

static void the_records_of_real_databases_are_made_anew(void **state)
{
    struct tally t = {0};

    (void)state;
    NEED_DATA("records of real databases");
    assert_true(realdb_each(rebuild_database, &t) > 0);
    print_message("%u of %u records equal\n", (unsigned)t.same, (unsigned)t.nr);
    assert_true(t.same > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_record_fits_a_page_beside_a_key),
        cmocka_unit_test_setup_teardown(fixed_columns_fill_what_lies_in_front_of_them, setup_small,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_new_record_has_the_defaults, setup_small, teardown),
        cmocka_unit_test_setup_teardown(a_default_is_burst_when_a_later_column_is_set, setup_small,
                                        teardown),
        cmocka_unit_test_setup_teardown(tagged_columns_take_the_forms_of_small_pages, setup_small,
                                        teardown),
        cmocka_unit_test_setup_teardown(tagged_columns_take_the_forms_of_large_pages, setup_large,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_not_allowed_changes_nothing, setup_small, teardown),
        cmocka_unit_test_setup_teardown(damaged_records_are_not_taken, setup_small, teardown),
        cmocka_unit_test_setup_teardown(random_changes_of_tagged_columns_keep_the_others,
                                        setup_small, teardown),
        cmocka_unit_test_setup_teardown(random_changes_of_tagged_columns_keep_the_others,
                                        setup_large, teardown),
        cmocka_unit_test_setup_teardown(the_records_of_real_databases_are_made_anew, setup_small,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
