/*
 * A whole database, as the checker and the dump read it: catalogue, trees, space, records, long values,
 * indexes.
 *
 * Input: u8 mode, then the file, at most 256 KiB of it. mode 1: checksums are left as they are; else
 * the header and every page that is not blank get right ones first, so that what was fuzzed is seen.
 * mode 2: dumped too, with its keys.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine.h"
#include "page/cksum.h"
#include "page/dbhdrfmt.h"
#include "page/page.h"

#define FILE_MOST (256u << 10)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t nr_told;

static void take(void *ctx, const struct ese_fault *f)
{
    char line[600];

    (void)ctx;
    if (!f->text[0] || ese_fault_str(f, line, sizeof(line)) <= 0)
        abort();
    nr_told += f->severity == ESE_FAULT;
}

static void take_progress(void *ctx, uint64_t done, uint64_t total)
{
    uint64_t *before = ctx;

    if (done < *before || done > total)
        abort();
    *before = done;
}

static uint32_t page_size_of(const uint8_t *b, size_t len)
{
    uint32_t n;

    if (len < sizeof(struct dbhdr_disk))
        return 0;
    n = le32_get(((const struct dbhdr_disk *)b)->page_size);
    return n == 2048 || n == 4096 || n == 8192 || n == 16384 || n == 32768 ? n : 0;
}

static void seal(uint8_t *b, size_t len)
{
    const uint32_t page_size = page_size_of(b, len);

    if (!page_size || len < 2 * (size_t)page_size)
        return;
    put_le32(b, cksum_xor(b, page_size));
    memcpy(b + page_size, b, page_size);
    for (size_t at = 2 * page_size; at + page_size <= len; at += page_size) {
        const pgno_t pgno = (pgno_t)(at / page_size - 1);

        if (page_is_zero(b + at, page_size))
            continue;
        if (page_size > 8192)
            le32_put(&((struct page_hdr2_disk *)(b + at))->pgno, pgno);
        page_seal(b + at, page_size, pgno);
    }
}

static void dump(int fd)
{
    const struct ese_dump_opts opts = {.format = ESE_DUMP_CANONICAL, .keys = true, .system = true};
    FILE *out = fopen("/dev/null", "w");

    if (!out)
        abort();
    (void)!ese_dump(fd, "fuzz", &opts, out, take, NULL);
    (void)!ese_dump_space(fd, "fuzz", true, out, take, NULL);
    fclose(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t faults = 0, progress = 0;
    uint8_t *b;
    int fd;

    if (size < 1)
        return 0;
    size = size - 1 < FILE_MOST ? size - 1 : FILE_MOST;
    b = malloc(size + 1);
    fd = memfd_create("fuzz_integrity", MFD_CLOEXEC);
    if (!b || fd < 0)
        abort();
    memcpy(b, data + 1, size);
    if (!(data[0] & 1))
        seal(b, size);
    if (write(fd, b, size) != (ssize_t)size)
        abort();
    free(b);
    nr_told = 0;
    (void)!ese_integrity(fd, "fuzz", take, NULL, take_progress, &progress, &faults);
    if (faults != nr_told)
        abort();
    if (data[0] & 2)
        dump(fd);
    close(fd);
    return 0;
}
