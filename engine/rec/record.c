#include "rec/record.h"

static const char *check_variable(const struct record *r, uint32_t *ret_end)
{
    uint32_t end = 0;
    const unsigned nr = r->var_last - FID_FIXED_MOST;

    for (unsigned i = 0; i < nr; i++) {
        uint16_t raw = get_le16(r->bytes.p + r->var_offsets + 2 * i);
        uint32_t to = raw & VAR_OFFSET_MASK;
        if (to < end)
            return "the offsets of the variable columns go backwards";
        if ((raw & VAR_NULL) && to != end)
            return "a variable column is null and has data";
        end = to;
    }
    if (end > r->bytes.len - r->var_data)
        return "the variable columns are longer than the record";
    *ret_end = end;
    return NULL;
}

const char *record_decode(struct slice bytes, struct record *ret)
{
    const struct rec_hdr_disk *h = (const struct rec_hdr_disk *)bytes.p;
    struct record r = {.bytes = bytes};
    uint32_t ib_end, nr_null_bytes, end;
    const char *what;

    if (bytes.len < sizeof(*h))
        return "a record is shorter than its header";
    r.fixed_last = h->fixed_last;
    r.var_last = h->var_last;
    ib_end = le16_get(h->ib_end);
    if (r.fixed_last > FID_FIXED_MOST || r.var_last < FID_FIXED_MOST)
        return "the last column numbers of a record cannot be";
    nr_null_bytes = (r.fixed_last + 7) / 8;
    if (ib_end < sizeof(*h) + nr_null_bytes || ib_end > bytes.len)
        return "the fixed columns end outside of the record";
    r.nulls = ib_end - nr_null_bytes;
    r.var_offsets = ib_end;
    r.var_data = ib_end + 2 * (r.var_last - FID_FIXED_MOST);
    if (r.var_data > bytes.len)
        return "the offsets of the variable columns are cut off";
    what = check_variable(&r, &end);
    if (what)
        return what;
    r.tagged = (struct slice){bytes.p + r.var_data + end, bytes.len - r.var_data - end};
    *ret = r;
    return NULL;
}

enum record_state record_fixed(const struct record *r, unsigned fid, uint32_t offset, uint32_t len,
                               struct slice *ret)
{
    if (fid > r->fixed_last)
        return RECORD_ABSENT;
    if (r->bytes.p[r->nulls + (fid - 1) / 8] >> (fid - 1) % 8 & 1)
        return RECORD_NULL;
    if (offset < sizeof(struct rec_hdr_disk) || offset > r->nulls || len > r->nulls - offset)
        return RECORD_DAMAGED;
    *ret = (struct slice){r->bytes.p + offset, len};
    return RECORD_VALUE;
}

enum record_state record_var(const struct record *r, unsigned fid, struct slice *ret)
{
    const unsigned i = fid - FID_VAR_LEAST;
    const uint8_t *offsets = r->bytes.p + r->var_offsets;
    uint32_t from = 0;
    uint16_t raw;

    if (fid > r->var_last)
        return RECORD_ABSENT;
    raw = get_le16(offsets + 2 * i);
    if (raw & VAR_NULL)
        return RECORD_NULL;
    if (i > 0)
        from = get_le16(offsets + 2 * (i - 1)) & VAR_OFFSET_MASK;
    *ret = (struct slice){r->bytes.p + r->var_data + from, (raw & VAR_OFFSET_MASK) - from};
    return RECORD_VALUE;
}
