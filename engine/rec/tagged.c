#include "rec/tagged.h"

#include "rec/recfmt.h"

/* Sorts a template's columns before the table's own. */
#define FID_OWN UINT32_C(0x10000)

static uint32_t sort_key(uint16_t fid, bool derived)
{
    return fid | (derived ? 0 : FID_OWN);
}

static uint32_t offset_mask(enum tagged_layout layout)
{
    return layout == TAGGED_SMALL ? TAG_SMALL_MASK : TAG_LARGE_MASK;
}

static uint16_t raw_ib(const struct tagged *t, unsigned i)
{
    return get_le16(t->bytes.p + 4 * i + 2);
}

static int damaged(struct tagged *t, const char *what) cold;

static int damaged(struct tagged *t, const char *what)
{
    t->what = what;
    t->nr = t->next = 0;
    t->nr_values = t->value = 0;
    t->at = t->bytes.len;
    return -1;
}

void tagged_begin(struct tagged *t, struct slice bytes, enum tagged_layout layout)
{
    t->bytes = bytes;
    t->layout = layout;
    t->nr = t->next = 0;
    t->at = 0;
    t->fid = UINT32_MAX;
    t->nr_values = t->value = 0;
    t->what = NULL;
    if (layout == TAGGED_OLD || bytes.len == 0)
        return;
    if (bytes.len < sizeof(struct tagfld_disk)) {
        t->nr = 1; /* tagged_next finds it too short */
        return;
    }
    /* the first field's data begins where the array ends */
    t->nr = (raw_ib(t, 0) & offset_mask(layout)) / sizeof(struct tagfld_disk);
    if (t->nr == 0)
        t->nr = 1;
}

/* Fields are sorted; in the old layout one column may have several. */
static bool in_order(struct tagged *t, uint16_t fid, bool derived, bool may_repeat)
{
    const uint32_t key = sort_key(fid, derived);

    if (fid < FID_TAGGED_LEAST || fid > FID_TAGGED_MOST)
        return false;
    if (t->fid != UINT32_MAX && (may_repeat ? key < t->fid : key <= t->fid))
        return false;
    t->fid = key;
    return true;
}

/* ---- several values in one field --------------------------------------------------------------- */

/* Two-values form: u8 length of the first, first, second (ESE: tagfld.hxx TWOVALUES). */
static bool take_two(struct tagged *t, struct slice *v)
{
    const uint8_t *p = t->multi.p;

    if (t->value == 0) {
        *v = (struct slice){p + 1, p[0]};
        return true;
    }
    *v = (struct slice){p + 1 + p[0], t->multi.len - 1 - p[0]};
    return true;
}

/* General form: u16 offsets from the start of their own array, then the values (MULTIVALUES). */
static bool take_general(struct tagged *t, struct slice *v, bool *separated)
{
    const uint8_t *p = t->multi.p;
    const uint16_t raw = get_le16(p + 2 * t->value);
    const uint32_t from = raw & MULTI_OFFSET_MASK;
    uint32_t to = t->multi.len;

    if (t->value + 1 < t->nr_values)
        to = get_le16(p + 2 * (t->value + 1)) & MULTI_OFFSET_MASK;
    if (from > to || to > t->multi.len || from < 2 * t->nr_values)
        return false;
    *v = (struct slice){p + from, to - from};
    *separated = raw & MULTI_SEPARATED;
    return true;
}

static const char *begin_values(struct tagged *t, struct slice data)
{
    t->multi = data;
    t->value = 0;
    if (t->header & TAGHDR_TWO) {
        if (t->header & (TAGHDR_LONG | TAGHDR_SEPARATED))
            return "the two-values form is used for a long value";
        if (data.len < 1 || data.p[0] > data.len - 1)
            return "the first of two values is longer than both";
        t->nr_values = 2;
        return NULL;
    }
    if (data.len < 2)
        return "the offsets of several values are cut off";
    t->nr_values = (get_le16(data.p) & MULTI_OFFSET_MASK) / 2;
    if (t->nr_values == 0 || (get_le16(data.p) & 1) || 2 * t->nr_values > data.len)
        return "the offsets of several values do not add up";
    return NULL;
}

static int next_value(struct tagged *t, struct tagged_value *ret)
{
    struct slice v;
    bool separated = false;

    if (t->header & TAGHDR_TWO ? !take_two(t, &v) : !take_general(t, &v, &separated))
        return damaged(t, "the offsets of several values do not add up");
    if (separated && v.len != 4 && v.len != 8)
        return damaged(t, "the number of a long value has a wrong length");
    *ret = (struct tagged_value){
        .fid = (uint16_t)t->fid,
        .derived = !(t->fid & FID_OWN),
        .seq = ++t->value,
        .v = {.data = v,
              .separated = separated,
              .compressed = t->value == 1 && (t->header & TAGHDR_COMPRESSED) && !separated,
              .encrypted = t->header & TAGHDR_ENCRYPTED},
    };
    return 1;
}

/* ---- fields ------------------------------------------------------------------------------------ */

static int single_value(struct tagged *t, struct slice data, struct tagged_value *ret)
{
    const bool separated = t->header & TAGHDR_SEPARATED;

    if (separated && data.len != 4 && data.len != 8)
        return damaged(t, "the number of a long value has a wrong length");
    if (separated && (t->header & TAGHDR_COMPRESSED))
        return damaged(t, "the number of a long value is flagged as compressed");
    *ret = (struct tagged_value){
        .fid = (uint16_t)t->fid,
        .derived = !(t->fid & FID_OWN),
        .null = t->header & TAGHDR_NULL,
        .seq = 1,
        .v = {.data = data,
              .separated = separated,
              .compressed = t->header & TAGHDR_COMPRESSED,
              .encrypted = t->header & TAGHDR_ENCRYPTED},
    };
    return 1;
}

static int next_field(struct tagged *t, struct tagged_value *ret)
{
    const unsigned i = t->next++;
    const uint32_t mask = offset_mask(t->layout);
    uint32_t from, to = t->bytes.len;
    uint16_t raw;
    struct slice data;

    if ((i + 1) * sizeof(struct tagfld_disk) > t->bytes.len)
        return damaged(t, "the array of tagged fields is cut off");
    raw = raw_ib(t, i);
    from = raw & mask;
    if (i + 1 < t->nr) {
        if ((i + 2) * sizeof(struct tagfld_disk) > t->bytes.len)
            return damaged(t, "the array of tagged fields is cut off");
        to = raw_ib(t, i + 1) & mask;
    }
    if (from < t->nr * sizeof(struct tagfld_disk) || from > to || to > t->bytes.len ||
        (i == 0 && from != t->nr * sizeof(struct tagfld_disk)))
        return damaged(t, "the offsets of the tagged fields do not add up");
    if (!in_order(t, get_le16(t->bytes.p + 4 * i), raw & TAG_DERIVED, false))
        return damaged(t, "the tagged fields are out of order");
    data = (struct slice){t->bytes.p + from, to - from};
    t->header = 0;
    if (t->layout == TAGGED_LARGE || (raw & TAG_SMALL_HEADER)) {
        if (data.len == 0)
            return damaged(t, "a tagged field lacks its header byte");
        t->header = *data.p++;
        data.len--;
    }
    if (t->layout == TAGGED_SMALL && (raw & TAG_SMALL_NULL))
        t->header |= TAGHDR_NULL;
    if (t->header & TAGHDR_RESERVED)
        return damaged(t, "a tagged field has a flag that is not known");
    if ((t->header & TAGHDR_NULL) && data.len)
        return damaged(t, "a tagged field is null and has data");
    if ((t->header & (TAGHDR_MULTI | TAGHDR_TWO)) == TAGHDR_TWO)
        return damaged(t, "a tagged field of two values is not flagged as having several");
    if (!(t->header & TAGHDR_MULTI) || (t->header & TAGHDR_NULL))
        return single_value(t, data, ret);
    t->what = begin_values(t, data);
    return t->what ? damaged(t, t->what) : next_value(t, ret);
}

/* One field per value, each with its length in front. */
static int next_old(struct tagged *t, struct tagged_value *ret)
{
    const uint32_t before = t->fid;
    uint16_t fid, bits;
    struct slice data;

    if (t->at == t->bytes.len)
        return 0;
    if (t->bytes.len - t->at < sizeof(struct tagfld_disk))
        return damaged(t, "a tagged field is cut off");
    fid = get_le16(t->bytes.p + t->at);
    bits = get_le16(t->bytes.p + t->at + 2);
    data = (struct slice){t->bytes.p + t->at + 4, bits & TAG_OLD_LEN_MASK};
    if (data.len > t->bytes.len - t->at - 4)
        return damaged(t, "a tagged field is longer than its record");
    if (!in_order(t, fid, bits & TAG_OLD_DERIVED, true))
        return damaged(t, "the tagged fields are out of order");
    t->at += 4 + data.len;
    t->header = bits & TAG_OLD_NULL ? TAGHDR_NULL : 0;
    if ((bits & TAG_OLD_LONG) && !(bits & TAG_OLD_NULL)) {
        if (data.len == 0)
            return damaged(t, "a tagged field lacks its header byte");
        if (*data.p & TAG_OLD_SEPARATED)
            t->header |= TAGHDR_SEPARATED;
        data.p++;
        data.len--;
    }
    if ((bits & TAG_OLD_NULL) && data.len)
        return damaged(t, "a tagged field is null and has data");
    t->value = t->fid == before ? t->value + 1 : 1;
    if (single_value(t, data, ret) < 0)
        return -1;
    ret->seq = t->value;
    return 1;
}

int tagged_next(struct tagged *t, struct tagged_value *ret)
{
    if (t->layout == TAGGED_OLD)
        return next_old(t, ret);
    if (t->value < t->nr_values)
        return next_value(t, ret);
    t->nr_values = t->value = 0;
    return t->next < t->nr ? next_field(t, ret) : 0;
}

/* ---- one column -------------------------------------------------------------------------------- */

/* The next tagged_next gives the column's first value. The old layout is read from its start. */
static bool find_field(struct tagged *t, uint16_t fid, bool derived)
{
    const uint32_t wanted = sort_key(fid, derived);
    unsigned lo = 0, hi = t->nr;

    while (lo < hi) {
        const unsigned mid = lo + (hi - lo) / 2;
        const uint32_t key = sort_key(get_le16(t->bytes.p + 4 * mid), raw_ib(t, mid) & TAG_DERIVED);
        if (key < wanted)
            lo = mid + 1;
        else
            hi = mid;
    }
    t->next = lo;
    return lo < t->nr &&
           sort_key(get_le16(t->bytes.p + 4 * lo), raw_ib(t, lo) & TAG_DERIVED) == wanted;
}

static int get_old(struct tagged *t, uint16_t fid, bool derived, unsigned seq,
                   struct tagged_value *ret)
{
    int more;

    while ((more = tagged_next(t, ret)) > 0)
        if (ret->fid == fid && ret->derived == derived && ret->seq == seq)
            return 1;
    return more;
}

int tagged_get(struct slice bytes, enum tagged_layout layout, uint16_t fid, bool derived,
               unsigned seq, struct tagged_value *ret)
{
    struct tagged t;
    int more;

    tagged_begin(&t, bytes, layout);
    if (layout == TAGGED_OLD)
        return get_old(&t, fid, derived, seq, ret);
    if (t.nr > bytes.len / sizeof(struct tagfld_disk))
        return damaged(&t, "the array of tagged fields is cut off");
    if (seq == 0 || !find_field(&t, fid, derived))
        return 0;
    more = tagged_next(&t, ret);
    if (more <= 0 || seq == 1)
        return more;
    if (seq > t.nr_values)
        return 0;
    t.value = seq - 1;
    return next_value(&t, ret);
}

unsigned tagged_count(struct slice bytes, enum tagged_layout layout, uint16_t fid, bool derived)
{
    struct tagged t;
    struct tagged_value v;
    unsigned n = 0;

    tagged_begin(&t, bytes, layout);
    if (layout == TAGGED_OLD) {
        while (tagged_next(&t, &v) > 0)
            n += v.fid == fid && v.derived == derived && !v.null;
        return n;
    }
    if (t.nr > bytes.len / sizeof(struct tagfld_disk) || !find_field(&t, fid, derived) ||
        tagged_next(&t, &v) <= 0 || v.null)
        return 0;
    return t.nr_values ? t.nr_values : 1;
}
