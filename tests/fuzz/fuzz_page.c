/*
 * A page of any size: the check that production makes of it, and every accessor that may be used
 * after it.
 *
 * Input: u8 mode, le32 page number, the page. mode & 7: page size; 8: the checksum is put right
 * first, so that the check of the structure sees what was fuzzed (a page of the old checksum format
 * becomes one of the new); 16: the structure alone is checked. The page is cut to its size, or
 * filled up with zeroes.
 */
#include <stdlib.h>
#include <string.h>

#include "page/page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned sink;

static void touch(struct slice s)
{
    for (uint32_t i = 0; i < s.len; i++)
        sink += s.p[i];
}

static void read_everything(const uint8_t *b, uint32_t page_size)
{
    struct page p = {b, page_size};
    uint8_t *key = malloc(page_size);
    struct node before, n;

    if (!key)
        abort();
    touch(page_external_header(p));
    for (unsigned i = 0; i < page_nr_lines(p); i++) {
        n = page_node(p, i);
        touch(n.prefix);
        touch(n.suffix);
        touch(n.data);
        sink += node_child(&n) + n.flags;
        if (node_key(&n, key) >= page_size)
            abort();
        /* An internal page's last key may be empty: it stands for the greatest. */
        if (i > 0 && n.prefix.len + n.suffix.len > 0 && node_key_cmp(&before, &n) > 0)
            abort();
        before = n;
    }
    sink += (unsigned)(page_dbtime(p) + page_objid(p) + page_prev(p) + page_next(p));
    free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t sizes[8] = {4096, 2048, 8192, 16384, 32768, 4096, 8192, 32768};
    struct page_check check;
    uint32_t page_size;
    uint8_t *b;
    pgno_t pgno;

    if (size < 5)
        return 0;
    page_size = sizes[data[0] & 7];
    pgno = get_le32(data + 1);
    b = calloc(1, page_size);
    if (!b)
        abort();
    memcpy(b, data + 5, size - 5 < page_size ? size - 5 : page_size);
    if (data[0] & 16) {
        if (!page_check_structure(b, page_size))
            read_everything(b, page_size);
    } else {
        if (data[0] & 8)
            page_seal(b, page_size, pgno);
        page_verify(b, page_size, pgno, &check);
        if (check.verdict == PAGE_OK || check.verdict == PAGE_CORRECTED)
            read_everything(b, page_size);
        /* What was sealed cannot have a wrong checksum. */
        if (data[0] & 8 && check.verdict == PAGE_BAD_CHECKSUM)
            abort();
    }
    free(b);
    return 0;
}
