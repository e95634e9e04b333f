/*
 * Tagged columns of a record that is being changed. A column's field is found once, its values are
 * moved where they lie. The record was checked when it was taken in (recbuf_load), so offsets are
 * trusted here.
 *
 *   one value           small pages: no header byte but for long types; large pages: always one
 *   two values          small pages, not long: header, length of the first, first, second
 *   several             header, offsets, values; so are two of a long type, or on large pages
 */
#include "rec/recbuf_priv.h"

#define TWO_LEN    1u /* length of the first of two */
#define OFFSET_LEN 2u /* of one of several */

struct field {
    uint32_t tagged; /* where the tagged columns begin */
    unsigned i, nr;  /* which one of how many; where it would stand when !found */
    bool found;
    uint32_t at, len; /* its data in the record, header byte included */
    bool has_header, null;
    uint8_t header; /* 0 without one */
    bool longtype, large, derived;
    uint16_t fid;
};

static uint8_t *entry(const struct recbuf *rb, const struct field *f, unsigned i)
{
    return rb->b + f->tagged + i * sizeof(struct tagfld_disk);
}

static uint32_t ib_mask(const struct field *f)
{
    return f->large ? TAG_LARGE_MASK : TAG_SMALL_MASK;
}

static uint16_t raw_ib(const struct recbuf *rb, const struct field *f, unsigned i)
{
    return get_le16(entry(rb, f, i) + 2);
}

static void move_ib(struct recbuf *rb, const struct field *f, unsigned i, uint32_t by)
{
    const uint16_t raw = raw_ib(rb, f, i);
    const uint32_t mask = ib_mask(f);

    put_le16(entry(rb, f, i) + 2, (uint16_t)((raw & ~mask) | ((raw + by) & mask)));
}

static void set_ib_flag(struct recbuf *rb, const struct field *f, uint16_t flag, bool on)
{
    const uint16_t raw = raw_ib(rb, f, f->i);

    put_le16(entry(rb, f, f->i) + 2, on ? raw | flag : raw & (uint16_t)~flag);
}

/* Template columns first, then by number. */
static uint32_t order_of(uint16_t fid, bool derived)
{
    return fid | (derived ? 0 : UINT32_C(0x10000));
}

static void load_field(const struct recbuf *rb, struct field *f)
{
    const uint16_t raw = raw_ib(rb, f, f->i);
    const uint32_t from = raw & ib_mask(f);
    const uint32_t to =
        f->i + 1 < f->nr ? raw_ib(rb, f, f->i + 1) & ib_mask(f) : rb->len - f->tagged;

    f->at = f->tagged + from;
    f->len = to - from;
    f->has_header = f->large || (raw & TAG_SMALL_HEADER);
    f->header = f->has_header ? rb->b[f->at] : 0;
    f->null = (f->header & TAGHDR_NULL) || (!f->large && (raw & TAG_SMALL_NULL));
}

static bool is_long(const struct column *c)
{
    return c->coltyp == JET_coltypLongBinary || c->coltyp == JET_coltypLongText;
}

static void find_field(const struct recbuf *rb, const struct column *c, struct field *f)
{
    const uint32_t wanted = order_of(c->fid, c->derived);
    unsigned lo = 0, hi;

    *f = (struct field){.tagged = recbuf_tagged_start(rb),
                        .longtype = is_long(c),
                        .large = rb->layout == TAGGED_LARGE,
                        .derived = c->derived,
                        .fid = c->fid};
    if (f->tagged < rb->len)
        f->nr = (raw_ib(rb, f, 0) & ib_mask(f)) / sizeof(struct tagfld_disk);
    hi = f->nr;
    while (lo < hi) {
        const unsigned mid = lo + (hi - lo) / 2;
        const uint32_t at = order_of(get_le16(entry(rb, f, mid)), raw_ib(rb, f, mid) & TAG_DERIVED);
        if (at < wanted)
            lo = mid + 1;
        else
            hi = mid;
        f->found = f->found || at == wanted;
    }
    f->i = lo;
    if (f->found)
        load_field(rb, f);
}

/* ---- room ------------------------------------------------------------------------------------ */

/* `now` bytes instead of `old` at `at`, inside of the field's data. */
static void resize(struct recbuf *rb, struct field *f, uint32_t at, uint32_t old, uint32_t now)
{
    recbuf_splice(rb, at, old, now);
    f->len = f->len - old + now;
    if (old != now)
        for (unsigned i = f->i + 1; i < f->nr; i++)
            move_ib(rb, f, i, now - old);
}

static bool fits(const struct recbuf *rb, uint32_t less, uint32_t more)
{
    return more <= PAGE_SIZE_MAX && recbuf_fits(rb, rb->len - less + more);
}

/* A new field with room for len bytes of data. */
static void insert_field(struct recbuf *rb, struct field *f, uint32_t len)
{
    const uint32_t size = sizeof(struct tagfld_disk);
    const uint32_t from = f->i < f->nr ? raw_ib(rb, f, f->i) & ib_mask(f) : rb->len - f->tagged;

    recbuf_splice(rb, f->tagged + from, 0, len);
    recbuf_splice(rb, f->tagged + f->i * size, 0, size);
    f->nr++;
    for (unsigned i = 0; i < f->nr; i++)
        if (i != f->i)
            move_ib(rb, f, i, size + (i > f->i ? len : 0));
    put_le16(entry(rb, f, f->i), f->fid);
    put_le16(entry(rb, f, f->i) + 2, (uint16_t)((from + size) | (f->derived ? TAG_DERIVED : 0u)));
    f->found = true;
    f->at = f->tagged + from + size;
    f->len = len;
}

static void delete_field(struct recbuf *rb, struct field *f)
{
    const uint32_t size = sizeof(struct tagfld_disk);

    for (unsigned i = 0; i < f->nr; i++)
        move_ib(rb, f, i, 0 - (size + (i > f->i ? f->len : 0)));
    recbuf_splice(rb, f->at, f->len, 0);
    recbuf_splice(rb, f->tagged + f->i * size, size, 0);
}

/* ---- one value ------------------------------------------------------------------------------- */

static bool needs_header(const struct field *f)
{
    return f->large || f->longtype;
}

static uint8_t header_of(const struct field *f, unsigned flags)
{
    return (uint8_t)((f->longtype ? TAGHDR_LONG : 0u) |
                     (flags & RECBUF_SEPARATED ? TAGHDR_SEPARATED : 0u) |
                     (flags & RECBUF_COMPRESSED ? TAGHDR_COMPRESSED : 0u) |
                     (flags & RECBUF_ENCRYPTED ? TAGHDR_ENCRYPTED : 0u));
}

/* The field holds this value and nothing else. */
static void write_single(struct recbuf *rb, struct field *f, struct slice v, unsigned flags)
{
    const bool header = needs_header(f);

    if (header)
        rb->b[f->at] = header_of(f, flags);
    if (v.len)
        memcpy(rb->b + f->at + header, v.p, v.len);
    if (!f->large) {
        set_ib_flag(rb, f, TAG_SMALL_HEADER, header);
        set_ib_flag(rb, f, TAG_SMALL_NULL, false);
    }
}

static JET_ERR set_single(struct recbuf *rb, struct field *f, struct slice v, unsigned flags)
{
    const uint32_t len = needs_header(f) + v.len;

    if (!f->found) {
        if (!fits(rb, 0, (uint32_t)sizeof(struct tagfld_disk) + len))
            return RAISE(JET_errRecordTooBig);
        insert_field(rb, f, len);
    } else {
        if (!fits(rb, f->len, len))
            return RAISE(JET_errRecordTooBig);
        resize(rb, f, f->at, f->len, len);
    }
    write_single(rb, f, v, flags);
    return JET_errSuccess;
}

/* An explicit null, which hides the column's default. A header byte keeps what it said of the
 * value. */
static JET_ERR set_explicit_null(struct recbuf *rb, struct field *f)
{
    const uint32_t len = f->large;

    if (!f->found) {
        if (!fits(rb, 0, (uint32_t)sizeof(struct tagfld_disk) + len))
            return RAISE(JET_errRecordTooBig);
        insert_field(rb, f, len);
        f->header = header_of(f, 0);
    } else {
        resize(rb, f, f->at + len, f->len - len, 0);
    }
    if (f->large) {
        rb->b[f->at] = (f->header & (uint8_t)~TAGHDR_SEPARATED) | TAGHDR_NULL;
        return JET_errSuccess;
    }
    set_ib_flag(rb, f, TAG_SMALL_HEADER, false);
    set_ib_flag(rb, f, TAG_SMALL_NULL, true);
    return JET_errSuccess;
}

/* ---- two values ------------------------------------------------------------------------------ */

/* Where the first begins, where the second one does, where it ends. */
static void two_bounds(const struct recbuf *rb, const struct field *f, uint32_t at[3])
{
    at[0] = f->at + 1 + TWO_LEN;
    at[1] = at[0] + rb->b[f->at + 1];
    at[2] = f->at + f->len;
}

static JET_ERR single_to_two(struct recbuf *rb, struct field *f, struct slice v)
{
    const uint32_t first = f->len;

    if (!fits(rb, 0, 1 + TWO_LEN + v.len))
        return RAISE(JET_errRecordTooBig);
    resize(rb, f, f->at, 0, 1 + TWO_LEN);
    resize(rb, f, f->at + f->len, 0, v.len);
    rb->b[f->at] = TAGHDR_MULTI | TAGHDR_TWO;
    rb->b[f->at + 1] = (uint8_t)first;
    if (v.len)
        memcpy(rb->b + f->at + f->len - v.len, v.p, v.len);
    set_ib_flag(rb, f, TAG_SMALL_HEADER, true);
    return JET_errSuccess;
}

static JET_ERR two_to_three(struct recbuf *rb, struct field *f, struct slice v)
{
    uint32_t at[3], first, second;

    two_bounds(rb, f, at);
    first = at[1] - at[0];
    second = at[2] - at[1];
    if (!fits(rb, 0, 3 * OFFSET_LEN - TWO_LEN + v.len))
        return RAISE(JET_errRecordTooBig);
    resize(rb, f, f->at + 1, TWO_LEN, 3 * OFFSET_LEN);
    resize(rb, f, f->at + f->len, 0, v.len);
    rb->b[f->at] &= (uint8_t)~TAGHDR_TWO;
    put_le16(rb->b + f->at + 1, 3 * OFFSET_LEN);
    put_le16(rb->b + f->at + 3, (uint16_t)(3 * OFFSET_LEN + first));
    put_le16(rb->b + f->at + 5, (uint16_t)(3 * OFFSET_LEN + first + second));
    if (v.len)
        memcpy(rb->b + f->at + f->len - v.len, v.p, v.len);
    return JET_errSuccess;
}

static JET_ERR set_one_of_two(struct recbuf *rb, struct field *f, unsigned seq, struct slice v)
{
    uint32_t at[3];

    if (seq != 1 && seq != 2)
        return two_to_three(rb, f, v);
    two_bounds(rb, f, at);
    if (!fits(rb, at[seq] - at[seq - 1], v.len))
        return RAISE(JET_errRecordTooBig);
    resize(rb, f, at[seq - 1], at[seq] - at[seq - 1], v.len);
    if (v.len)
        memcpy(rb->b + at[seq - 1], v.p, v.len);
    if (seq == 1)
        rb->b[f->at + 1] = (uint8_t)v.len;
    return JET_errSuccess;
}

static void remove_one_of_two(struct recbuf *rb, struct field *f, unsigned seq)
{
    uint32_t at[3];

    if (seq != 1 && seq != 2)
        return;
    two_bounds(rb, f, at);
    resize(rb, f, at[seq - 1], at[seq] - at[seq - 1], 0);
    resize(rb, f, f->at, 1 + TWO_LEN, 0);
    set_ib_flag(rb, f, TAG_SMALL_HEADER, false);
}

/* ---- several values -------------------------------------------------------------------------- */

static uint8_t *offset_of(const struct recbuf *rb, const struct field *f, unsigned i)
{
    return rb->b + f->at + 1 + OFFSET_LEN * i;
}

static unsigned nr_multi(const struct recbuf *rb, const struct field *f)
{
    return (get_le16(offset_of(rb, f, 0)) & MULTI_OFFSET_MASK) / OFFSET_LEN;
}

static uint32_t multi_from(const struct recbuf *rb, const struct field *f, unsigned i)
{
    return f->at + 1 + (get_le16(offset_of(rb, f, i)) & MULTI_OFFSET_MASK);
}

static uint32_t multi_len(const struct recbuf *rb, const struct field *f, unsigned i)
{
    const uint32_t to = i + 1 < nr_multi(rb, f) ? multi_from(rb, f, i + 1) : f->at + f->len;

    return to - multi_from(rb, f, i);
}

static void move_offset(struct recbuf *rb, const struct field *f, unsigned i, uint32_t by)
{
    const uint16_t raw = get_le16(offset_of(rb, f, i));

    put_le16(offset_of(rb, f, i),
             (uint16_t)((raw & MULTI_SEPARATED) | ((raw + by) & MULTI_OFFSET_MASK)));
}

static void set_separated(struct recbuf *rb, const struct field *f, unsigned i, bool on)
{
    const uint16_t raw = get_le16(offset_of(rb, f, i));

    put_le16(offset_of(rb, f, i), on ? raw | MULTI_SEPARATED : raw & MULTI_OFFSET_MASK);
}

static JET_ERR single_to_multi(struct recbuf *rb, struct field *f, struct slice v, unsigned flags)
{
    const uint32_t first = f->len - 1;
    const bool separated = f->header & TAGHDR_SEPARATED;

    if (!fits(rb, 0, 2 * OFFSET_LEN + v.len))
        return RAISE(JET_errRecordTooBig);
    resize(rb, f, f->at + 1, 0, 2 * OFFSET_LEN);
    resize(rb, f, f->at + f->len, 0, v.len);
    rb->b[f->at] = (f->header & (uint8_t)~TAGHDR_SEPARATED) | TAGHDR_MULTI;
    put_le16(offset_of(rb, f, 0), 2 * OFFSET_LEN);
    put_le16(offset_of(rb, f, 1), (uint16_t)(2 * OFFSET_LEN + first));
    set_separated(rb, f, 0, separated);
    set_separated(rb, f, 1, flags & RECBUF_SEPARATED);
    if (v.len)
        memcpy(rb->b + f->at + f->len - v.len, v.p, v.len);
    return JET_errSuccess;
}

static JET_ERR append_multi(struct recbuf *rb, struct field *f, struct slice v, unsigned flags)
{
    const unsigned nr = nr_multi(rb, f);
    const uint32_t end = f->len - 1;

    if (!fits(rb, 0, OFFSET_LEN + v.len))
        return RAISE(JET_errRecordTooBig);
    resize(rb, f, f->at + 1 + nr * OFFSET_LEN, 0, OFFSET_LEN);
    resize(rb, f, f->at + f->len, 0, v.len);
    for (unsigned i = 0; i < nr; i++)
        move_offset(rb, f, i, OFFSET_LEN);
    put_le16(offset_of(rb, f, nr), (uint16_t)(end + OFFSET_LEN));
    set_separated(rb, f, nr, flags & RECBUF_SEPARATED);
    if (v.len)
        memcpy(rb->b + f->at + f->len - v.len, v.p, v.len);
    return JET_errSuccess;
}

static JET_ERR set_one_of_multi(struct recbuf *rb, struct field *f, unsigned seq, struct slice v,
                                unsigned flags)
{
    const unsigned nr = nr_multi(rb, f), i = seq - 1;
    uint32_t at, old;

    if (seq == 0 || seq > nr)
        return append_multi(rb, f, v, flags);
    at = multi_from(rb, f, i);
    old = multi_len(rb, f, i);
    if (!fits(rb, old, v.len))
        return RAISE(JET_errRecordTooBig);
    resize(rb, f, at, old, v.len);
    for (unsigned k = seq; k < nr; k++)
        move_offset(rb, f, k, v.len - old);
    if (i == 0)
        rb->b[f->at] = (rb->b[f->at] & (uint8_t)~TAGHDR_COMPRESSED) |
                       (flags & RECBUF_COMPRESSED ? TAGHDR_COMPRESSED : 0);
    set_separated(rb, f, i, flags & RECBUF_SEPARATED);
    if (v.len)
        memcpy(rb->b + at, v.p, v.len);
    return JET_errSuccess;
}

/* One is left: its flags go back to the header byte, and that goes where one value has none. */
static void multi_to_single(struct recbuf *rb, struct field *f, unsigned left)
{
    const bool separated = get_le16(offset_of(rb, f, left)) & MULTI_SEPARATED;
    const uint32_t from = multi_from(rb, f, left), len = multi_len(rb, f, left);
    uint8_t header = rb->b[f->at] & (uint8_t)~TAGHDR_MULTI;

    if (left == 1)
        header &= (uint8_t)~TAGHDR_COMPRESSED;
    if (separated)
        header |= TAGHDR_SEPARATED;
    resize(rb, f, from + len, f->at + f->len - from - len, 0);
    resize(rb, f, f->at + 1, from - f->at - 1, 0);
    if (f->large || header) {
        rb->b[f->at] = header;
        return;
    }
    resize(rb, f, f->at, 1, 0);
    set_ib_flag(rb, f, TAG_SMALL_HEADER, false);
}

static void remove_one_of_multi(struct recbuf *rb, struct field *f, unsigned seq)
{
    const unsigned nr = nr_multi(rb, f), i = seq - 1;
    uint32_t len;

    if (seq == 0 || seq > nr)
        return;
    if (nr == 2) {
        multi_to_single(rb, f, 1 - i);
        return;
    }
    len = multi_len(rb, f, i);
    resize(rb, f, multi_from(rb, f, i), len, 0);
    resize(rb, f, f->at + 1 + OFFSET_LEN * i, OFFSET_LEN, 0);
    for (unsigned k = 0; k + 1 < nr; k++)
        move_offset(rb, f, k, 0 - (OFFSET_LEN + (k >= i ? len : 0)));
    if (i == 0)
        rb->b[f->at] &= (uint8_t)~TAGHDR_COMPRESSED;
}

/* ---- rules ----------------------------------------------------------------------------------- */

static JET_ERR check_value(const struct recbuf *rb, const struct column *c, struct slice v,
                           unsigned flags)
{
    const uint32_t fixed = coltyp_len(c->coltyp);

    if ((flags & (RECBUF_SEPARATED | RECBUF_COMPRESSED | RECBUF_ENCRYPTED)) && !is_long(c))
        return RAISE(JET_errInvalidParameter);
    if ((flags & RECBUF_SEPARATED) && ((flags & RECBUF_COMPRESSED) || (v.len != 4 && v.len != 8)))
        return RAISE(JET_errInvalidParameter);
    if (c->max_len && v.len > c->max_len && !(flags & ~(unsigned)RECBUF_REVERT))
        return RAISE(JET_errColumnTooBig);
    if (!is_long(c) && v.len > COLUMN_MOST)
        return RAISE(JET_errColumnTooBig);
    if (fixed && v.len && v.len != fixed)
        return RAISE(JET_errInvalidBufferSize);
    if (v.len > recbuf_value_most(rb))
        return RAISE(JET_errColumnDoesNotFit);
    return JET_errSuccess;
}

/* Whether the field has a form that the engine gives to columns of this type: only such a one can
 * be changed. */
static bool is_well_formed(const struct recbuf *rb, const struct field *f)
{
    if (!f->found || f->null)
        return true;
    if (!f->has_header)
        return !f->longtype && f->len <= COLUMN_MOST;
    if (!(f->header & TAGHDR_LONG) == f->longtype)
        return false;
    if (f->header & TAGHDR_TWO)
        return !f->large;
    return !(f->header & TAGHDR_MULTI) || nr_multi(rb, f) >= 2;
}

static JET_ERR set_value(struct recbuf *rb, struct field *f, unsigned seq, struct slice v,
                         unsigned flags)
{
    const bool several = f->found && !f->null && (f->header & TAGHDR_MULTI);

    if (several) {
        if ((flags & RECBUF_ENCRYPTED) || ((flags & RECBUF_COMPRESSED) && seq != 1))
            return RAISE(JET_errInvalidParameter);
        return f->header & TAGHDR_TWO ? set_one_of_two(rb, f, seq, v)
                                      : set_one_of_multi(rb, f, seq, v, flags);
    }
    if (!f->found || f->null || seq == 1)
        return set_single(rb, f, v, flags);
    if (flags & (RECBUF_ENCRYPTED | RECBUF_COMPRESSED))
        return RAISE(JET_errInvalidParameter);
    return f->has_header ? single_to_multi(rb, f, v, flags) : single_to_two(rb, f, v);
}

static JET_ERR set_null(struct recbuf *rb, const struct column *c, struct field *f, unsigned seq,
                        unsigned flags)
{
    const bool hide = (c->flags & COLUMN_DEFAULT) && !(flags & RECBUF_REVERT);

    if (!f->found)
        return hide && seq == 1 ? set_explicit_null(rb, f) : JET_errSuccess;
    if (f->null) {
        if (flags & RECBUF_REVERT)
            delete_field(rb, f);
        return JET_errSuccess;
    }
    if (f->header & TAGHDR_MULTI) {
        if (f->header & TAGHDR_TWO)
            remove_one_of_two(rb, f, seq);
        else
            remove_one_of_multi(rb, f, seq);
        return JET_errSuccess;
    }
    if (seq != 1)
        return JET_errSuccess;
    if (hide)
        return set_explicit_null(rb, f);
    delete_field(rb, f);
    return JET_errSuccess;
}

JET_ERR recbuf_set_tagged(struct recbuf *rb, const struct column *c, unsigned seq,
                          const struct slice *v, unsigned flags)
{
    struct field f;
    JET_ERR err;

    if (!v && (c->flags & COLUMN_NOT_NULL))
        return RAISE(JET_errNullInvalid);
    find_field(rb, c, &f);
    if (!is_well_formed(rb, &f))
        return RAISE(JET_errDatabaseCorrupted);
    if (!v)
        return set_null(rb, c, &f, seq, flags);
    err = check_value(rb, c, *v, flags);
    if (err < 0)
        return err;
    return set_value(rb, &f, seq, *v, flags);
}
