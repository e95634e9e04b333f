/* One log record: size, decoding, pages, printing. */
#include <stdio.h>
#include <stdlib.h>

#include "log/logprint.h"
#include "log/logrec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static JET_ERR look(void *ctx, const struct logrec_page *p)
{
    (void)ctx;
    if (p->pgno == 0 || p->nr == 0 || (uint64_t)p->pgno + p->nr - 1 > UINT32_MAX)
        abort();
    return JET_errSuccess;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *null;
    struct logrec rec;
    uint32_t len;

    if (!null && !(null = fopen("/dev/null", "w")))
        abort();
    if (logrec_size(data, size, &len) < 0 || len > size)
        return 0;
    if (logrec_decode(data, len, &rec) < 0)
        return 0;
    if (rec.bytes.len != len || logrec_pages(&rec, look, NULL) < 0)
        abort();
    for (int json = 0; json < 2; json++)
        if (logprint_record(null, json, lgpos_make(1, 2, 3), &rec) < 0)
            abort();
    return 0;
}
