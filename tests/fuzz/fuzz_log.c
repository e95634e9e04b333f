/*
 * A log file through the streaming check, with everything that hangs on its records: decoding, pages,
 * printing. The first byte of the input says how, the rest is the file. With SEAL the checksums are made
 * right first, so that the fuzzer gets past them.
 */
#include <stdio.h>
#include <stdlib.h>

#include "log/logcheck.h"
#include "log/loghdr.h"
#include "log/logprint.h"
#include "log/logset.h"
#include "log/pagestate.h"
#include "page/cksum.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CURRENT = 1, SEAL = 2, SMALL_PIECES = 4, JSON = 8 };

struct taker {
    struct pagestate *pages;
    struct logcheck *check;
    bool json;
    FILE *out;
    lgen_t gen;
};

static JET_ERR take(void *ctx, lgpos_t lgpos, const struct logrec *rec)
{
    struct taker *t = ctx;
    JET_ERR err;

    if (t->gen == 0)
        pagestate_header(t->pages, logcheck_info(t->check));
    t->gen = lgpos_gen(lgpos);
    err = logprint_record(t->out, t->json, lgpos, rec);
    return err < 0 ? err : pagestate_add(t->pages, lgpos, rec);
}

static void seal(uint8_t *file, size_t len)
{
    struct loghdr_disk *h = (struct loghdr_disk *)file;

    if (len < LOG_HEADER_LEN)
        return;
    le32_put(&h->checksum, cksum_xor(file, LOG_HEADER_LEN));
    for (uint32_t isec = 1; isec < len / LOG_SEGMENT_LEN && isec < 65536; isec++) {
        uint8_t *seg = file + (size_t)isec * LOG_SEGMENT_LEN;
        const uint32_t says = lgpos_isec(le64_get(((struct logseg_disk *)seg)->lgpos));

        /* Its own number, or the one before when it says it is a shadow. */
        put_le64(seg, cksum_ecc(seg, LOG_SEGMENT_LEN, says + 1 == isec ? says : isec, true));
    }
}

static void end(struct logcheck *c, struct taker *t)
{
    struct ese_log_info info;
    uint64_t nr;
    struct reporter r = {0};

    if (logcheck_end(c, &info, &nr) >= 0 && info.gen) {
        const struct logset_file same[2] = {{&info, "a"}, {&info, "b"}};

        logprint_header(t->out, t->json, "log", &info);
        logprint_end(t->out, t->json, "log", &info);
        if (logset_check(same, 2, &r) >= 0) /* no log follows itself */
            abort();
    }
    loghdr_info_done(&info);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *null;
    struct reporter r = {.file = "fuzz"};
    struct taker t = {0};
    struct ese_db_info db = {.state = ESE_DB_DIRTY};
    struct page_bounds bounds;
    struct fields f;
    uint8_t *file;
    size_t piece;
    unsigned how;
    JET_ERR err = JET_errSuccess;

    if (size < 1)
        return 0;
    if (!null && !(null = fopen("/dev/null", "w")))
        abort();
    how = *data++;
    size--;
    file = malloc(size ? size : 1);
    if (!file || pagestate_new(0, &t.pages) < 0)
        abort();
    memcpy(file, data, size);
    if (how & SEAL)
        seal(file, size);
    t.json = how & JSON;
    t.out = null;
    if (loghdr_is_log(file, size)) {
        fields_begin(&f, null, t.json);
        loghdr_dump((const struct loghdr_disk *)file, &f);
        fields_end(&f);
    }
    if (logcheck_new(size, how & CURRENT, &r, take, &t, &t.check) < 0)
        abort();
    piece = how & SMALL_PIECES ? LOG_SEGMENT_LEN : 65536;
    for (size_t off = 0; off < size && err >= 0; off += piece)
        err = logcheck_feed(t.check, file + off, size - off < piece ? size - off : piece);
    end(t.check, &t);
    (void)pagestate_bounds(t.pages, &db, 1, &bounds);
    logcheck_free(t.check);
    pagestate_free(t.pages);
    free(file);
    return 0;
}
