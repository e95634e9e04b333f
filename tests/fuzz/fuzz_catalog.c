/*
 * The catalogue and what it names: a few pages, laid out where the input says, in a file of 64 pages,
 * and every dump that there is over it.
 *
 * Input: u8 mode (bits 0-1: page size 2048, 4096, 8192, 16384; bits 2-3: format of the rows), then, again
 * and again, u8 page number and a page. Checksums, and the page number of large pages, are put right. A
 * page that is cut off is filled up with zeroes.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../pagebuilder.h"

#include "engine.h"

#define NR_PAGES 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(void *ctx, const struct ese_fault *f)
{
    (void)ctx;
    if (!f->text[0])
        abort();
}

static void put_pages(uint8_t *file, uint32_t page_size, const uint8_t *data, size_t size)
{
    header_make(file, page_size, ESE_DB_CLEAN);
    while (size > 1) {
        const pgno_t pgno = 1 + data[0] % NR_PAGES;
        const size_t n = size - 1 < page_size ? size - 1 : page_size;
        uint8_t *page = file + (size_t)(pgno + 1) * page_size;

        memset(page, 0, page_size);
        memcpy(page, data + 1, n);
        if (page_size > 8192)
            le32_put(&((struct page_hdr2_disk *)page)->pgno, pgno);
        data += 1 + n;
        size -= 1 + n;
        if (!page_is_zero(page, page_size))
            page_seal(page, page_size, pgno);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *out;
    const uint32_t page_size = size ? 2048u << (data[0] & 3) : 2048u;
    const size_t len = (NR_PAGES + 2) * (size_t)page_size;
    struct ese_dump_opts opts = {.keys = true, .system = true};
    uint8_t *file;
    int fd;

    if (size < 2)
        return 0;
    opts.format = (enum ese_dump_format)((data[0] >> 2) % 3);
    if (!out)
        out = fopen("/dev/null", "w");
    fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (!out || fd < 0 || ftruncate(fd, (off_t)len) < 0)
        abort();
    file = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (file == MAP_FAILED)
        abort();
    put_pages(file, page_size, data + 1, size - 1);
    (void)ese_dump(fd, "fuzz", &opts, out, take, NULL);
    (void)ese_dump_tables(fd, "fuzz", data[0] & 4, out, take, NULL);
    (void)ese_dump_space(fd, "fuzz", data[0] & 4, out, take, NULL);
    munmap(file, len);
    close(fd);
    return 0;
}
