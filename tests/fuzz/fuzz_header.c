/*
 * A database's header and its shadow at every page size, and a trailer page.
 *
 * Input: u8 mode, then the head of a file. mode 1: the primary copy's checksum is put right first, 2:
 * that of its shadow, so that what stands behind the checksum is reached.
 */
#include <stdlib.h>
#include <string.h>

#include "page/cksum.h"
#include "page/dbhdr.h"
#include "page/page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint32_t page_sizes[] = {2048, 4096, 8192, 16384, 32768};

static void on_fault(void *ctx, const struct ese_fault *f)
{
    char line[1024];

    (void)ctx;
    if (!f->text[0] || ese_fault_str(f, line, sizeof(line)) < 0)
        abort();
}

static void seal(uint8_t *head, size_t len, size_t off, uint32_t page_size)
{
    if (off + page_size <= len)
        put_le32(head + off, cksum_xor(head + off, page_size));
}

static uint32_t claimed_page_size(const uint8_t *head, size_t len)
{
    uint32_t size = 0;

    if (len >= sizeof(struct dbhdr_disk))
        size = get_le32(head + offsetof(struct dbhdr_disk, page_size));
    for (size_t i = 0; i < ARRAY_LEN(page_sizes); i++)
        if (size == page_sizes[i])
            return size;
    return 4096;
}

static void decode(const uint8_t *head, size_t len, FILE *out)
{
    struct reporter r = {.fn = on_fault, .file = "fuzz"};
    const struct dbhdr_disk *raw;
    struct ese_db_info info;
    struct fields f;

    if (dbhdr_decode(head, len, &r, &info, &raw) < 0) {
        if (r.nr_faults == 0)
            abort(); /* an error that nobody is told of */
        return;
    }
    for (int json = 0; json < 2; json++) {
        fields_begin(&f, out, json);
        dbhdr_dump(raw, &info, &f);
        fields_end(&f);
    }
}

static void trailer(uint8_t *page, uint32_t page_size, bool sealed, FILE *out)
{
    struct fields f;

    if (sealed)
        put_le32(page, cksum_xor(page, page_size));
    if (!trailer_is_valid(page, page_size))
        return;
    fields_begin(&f, out, false);
    trailer_dump(page, &f);
    fields_end(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t page_size;
    uint8_t *head;
    size_t len;
    FILE *out;

    if (size < 1)
        return 0;
    len = size - 1 < DBHDR_HEAD_LEN ? size - 1 : DBHDR_HEAD_LEN;
    head = malloc(len + 1);
    out = fopen("/dev/null", "w");
    if (!head || !out)
        abort();
    memcpy(head, data + 1, len);
    page_size = claimed_page_size(head, len);
    if (data[0] & 1)
        seal(head, len, 0, page_size);
    if (data[0] & 2)
        seal(head, len, page_size, page_size);
    decode(head, len, out);
    for (size_t i = 0; i < ARRAY_LEN(page_sizes); i++)
        if (len >= page_sizes[i])
            trailer(head + len - page_sizes[i], page_sizes[i], data[0] & 4, out);
    fclose(out);
    free(head);
    return 0;
}
