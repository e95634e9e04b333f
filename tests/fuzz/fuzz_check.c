/*
 * A set of files as a backup feeds it: databases, logs and a checkpoint stream through their checks and are
 * held against one another; and the header of each, by itself.
 *
 * Input: u8 mode (1: the set claims to be complete), then files: u8 kind, le32 length, bytes. kind & 3: 0 and
 * 3 database, 1 log, 2 checkpoint; 4: checksums are put right first (database: headers and pages); 8: a
 * hole of 512 KiB follows the bytes; 16: the log is called BASE.log, else by its generation. A length
 * beyond the input is cut.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine.h"
#include "page/cksum.h"
#include "page/dbhdrfmt.h"
#include "page/page.h"

#define PIECE 65536u
#define HOLE  524288u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t nr_told;

static void take(void *ctx, const struct ese_fault *f)
{
    char line[700];

    (void)ctx;
    if (!f->text[0])
        abort();
    nr_told += (uint64_t)ese_fault_str(f, line, sizeof(line));
}

static void put_right(uint8_t *b, size_t len)
{
    uint32_t page = len >= 240 ? get_le32(b + 236) : 0;

    if (page < PAGE_SIZE_MIN || page > PAGE_SIZE_MAX || (page & (page - 1)))
        page = 4096;
    for (size_t i = 0; (i + 1) * page <= len; i++) {
        if (i < 2)
            put_le32(b + i * page, cksum_xor(b + i * page, page));
        else if (!page_is_zero(b + i * page, page))
            page_seal(b + i * page, page, (pgno_t)(i - 1));
    }
}

static void header_alone(const char *name, const uint8_t *b, size_t len)
{
    struct ese_header h;
    FILE *out = fopen("/dev/null", "w");
    int fd = memfd_create("fuzz", 0);

    if (!out || fd < 0 || (len && write(fd, b, len) != (ssize_t)len))
        abort();
    if (ese_header_read(fd, name, take, NULL, &h) >= 0)
        ese_header_done(&h);
    (void)ese_header_dump(fd, name, len & 1, out, take, NULL);
    fclose(out);
    close(fd);
}

static void one_file(struct ese_set *set, unsigned kind, uint8_t *b, size_t len, unsigned nr)
{
    static const enum ese_kind kinds[] = {ESE_KIND_DATABASE, ESE_KIND_LOG, ESE_KIND_CHECKPOINT,
                                          ESE_KIND_DATABASE};
    const uint64_t whole = len + (kind & 8 ? HOLE : 0);
    struct ese_check_result res;
    struct ese_check *c;
    char name[32] = "edb.log";
    JET_ERR err = JET_errSuccess;

    if ((kind & 3) != 1)
        snprintf(name, sizeof(name), (kind & 3) == 2 ? "edb.chk" : "d%u.edb", nr);
    else if (!(kind & 16) && len >= 8)
        snprintf(name, sizeof(name), "edb%08X.log", get_le32(b + 4));
    if (kind & 4 && (kind & 3) != 1)
        put_right(b, len);
    header_alone(name, b, len);
    if (ese_check_begin(set, kinds[kind & 3], name, whole, &c) < 0)
        return;
    for (size_t at = 0; err >= 0 && at < len; at += PIECE)
        err = ese_check_feed(c, b + at, len - at < PIECE ? len - at : PIECE);
    if (err >= 0 && whole > len && len % PIECE == 0)
        err = ese_check_feed_hole(c, HOLE);
    if (err < 0)
        ese_check_abort(c);
    else if (ese_check_end(c, &res) < 0 && !res.faults && res.err != JET_errOutOfMemory)
        abort(); /* an error that nobody was told of */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ese_set *set;
    bool complete;

    if (size < 1 || ese_set_new(take, NULL, &set) < 0)
        return 0;
    complete = data[0] & 1;
    data++, size--;
    for (unsigned nr = 0; size > 5 && nr < 8; nr++) {
        const unsigned kind = data[0];
        size_t len = get_le32(data + 1);
        uint8_t *b;

        data += 5, size -= 5;
        if (len > size)
            len = size;
        b = malloc(len + 1); /* a copy of its exact length: a read past it is seen */
        if (!b)
            abort();
        memcpy(b, data, len);
        one_file(set, kind, b, len, nr);
        free(b);
        data += len, size -= len;
    }
    (void)ese_set_end(set, complete);
    ese_set_free(set);
    return 0;
}
