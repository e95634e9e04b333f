/*
 * Compressed column data: every scheme through decompress, as columns and pieces of long values are read,
 * and the two streams without their header.
 *
 * Input: le16 room for the output, then the blob. What comes out is never longer than the room.
 */
#include <stdlib.h>

#include "rec/compress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expand(struct slice in, uint32_t cap)
{
    uint8_t *out = malloc(cap ? cap : 1); /* of exactly that length, for the sanitizer */
    const char *what = NULL;
    uint32_t len = 0;

    if (!out)
        abort();
    if (decompress(in, out, cap, &len, &what) >= 0 ? len > cap : !what || !*what)
        abort();
    (void)decompress_xpress(in.p, in.len, out, cap);
    (void)decompress_lz4(in.p, in.len, out, cap);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in;

    if (size < 2 || size > PAGE_SIZE_MAX)
        return 0;
    in = (struct slice){data + 2, (uint32_t)size - 2};
    expand(in, get_le16(data));
    expand(in, DECOMPRESS_MAX);
    return 0;
}
