/*
 * One record: as a row of a table that has columns of every kind, as a row of the catalogue, and its
 * values into index keys.
 *
 * Input: u8 layout of the tagged fields (0 small, 1 large, 2 old), then the record.
 */
#include <stdlib.h>

#include "rec/catrow.h"
#include "rec/compress.h"
#include "rec/normalize.h"
#include "rec/row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned sink;

static void touch(struct slice s)
{
    for (uint32_t i = 0; i < s.len; i++)
        sink += s.p[i];
}

/* Fixed 1 to 20, variable 128 to 140, the template's tagged 256 to 270, own ones 256 to 300. */
static unsigned make_columns(struct column *c)
{
    unsigned nr = 0;
    uint32_t offset = 4;

    for (uint16_t fid = 1; fid <= 20; fid++) {
        uint8_t coltyp = (uint8_t)(1 + fid % 18);
        uint32_t len = coltyp_len(coltyp) ? coltyp_len(coltyp) : 7;
        c[nr++] = (struct column){
            .name = "f", .fid = fid, .coltyp = coltyp, .offset = offset, .len = len};
        offset += len;
    }
    for (uint16_t fid = 128; fid <= 140; fid++)
        c[nr++] = (struct column){.name = "v",
                                  .fid = fid,
                                  .coltyp = fid & 1 ? JET_coltypText : JET_coltypBinary,
                                  .cp = fid & 2 ? 1200 : 1252,
                                  .has_default = fid % 5 == 0,
                                  .default_value = {(const uint8_t *)"dflt", 4}};
    for (unsigned own = 0; own < 2; own++)
        for (uint16_t fid = 256; fid <= (own ? 300 : 270); fid++)
            c[nr++] = (struct column){.name = "t",
                                      .fid = fid,
                                      .derived = !own,
                                      .coltyp = (uint8_t)(1 + fid % 18),
                                      .cp = fid & 2 ? 1200 : 1252,
                                      .has_default = fid % 7 == 0,
                                      .default_value = {(const uint8_t *)"\1\0\0\0", 4}};
    return nr;
}

static void use_value(const struct row_value *v)
{
    static const struct index ix = {
        .key_most = 255, .segment_most = 40, .lcmap_flags = 0x200, .xflags = INDEX_X_DOTNET_GUID};
    static uint8_t out[DECOMPRESS_MAX];
    struct norm_key key = {0};
    const char *what;
    uint32_t len;

    touch(v->v.data);
    if (v->v.separated && v->v.data.len != 4 && v->v.data.len != 8)
        abort();
    if (v->v.compressed && decompress(v->v.data, out, sizeof(out), &len, &what) >= 0)
        touch((struct slice){out, len});
    for (int i = 0; i < 12; i++)
        if (norm_append(&key, &ix, v->column, i & 1, &v->v.data) && key.len > ix.key_most)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct column columns[100];
    struct schema schema = {.columns = columns};
    struct row row;
    struct row_value v;
    struct catrow cat;
    struct slice rec;
    enum tagged_layout layout;
    unsigned nr = 0, nr_first = 0;

    if (size < 1 || size > PAGE_SIZE_MAX)
        return 0;
    layout = (enum tagged_layout)(data[0] % 3);
    rec = (struct slice){data + 1, (uint32_t)size - 1};
    schema.nr_columns = make_columns(columns);
    (void)row_begin(&row, &schema, rec, layout);
    while (row_next(&row, &v)) {
        nr++;
        nr_first += v.seq == 1;
        if (!v.null)
            use_value(&v);
    }
    /* Every column comes, once; there are not more values than bytes could hold. */
    if (nr_first != (row.what && !nr ? 0 : schema.nr_columns) || nr > schema.nr_columns + size)
        abort();
    if (!catrow_decode(rec, layout, &cat)) {
        touch(cat.name);
        touch(cat.default_value);
        touch(cat.key_fids);
        touch(cat.locale);
    }
    return 0;
}
