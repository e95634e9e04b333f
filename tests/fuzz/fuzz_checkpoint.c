/* A checkpoint file. The first byte of the input says which of its two copies get a right checksum. */
#include <stdio.h>
#include <stdlib.h>

#include "log/chkpt.h"
#include "page/cksum.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *null;
    struct reporter r = {.file = "fuzz"};
    const struct chkpt_disk *raw;
    struct ese_chk_info info;
    struct chkpt_disk file[2];
    struct fields f;

    if (size < 1)
        return 0;
    if (!null && !(null = fopen("/dev/null", "w")))
        abort();
    memset(file, 0, sizeof(file));
    memcpy(file, data + 1, size - 1 < sizeof(file) ? size - 1 : sizeof(file));
    for (unsigned i = 0; i < 2; i++)
        if (*data & 1u << i)
            le32_put(&file[i].checksum, cksum_xor(&file[i], sizeof(file[i])));
    size = size - 1 < sizeof(file) ? size - 1 : sizeof(file);
    if (chkpt_decode(file, size, &r, &info, &raw) < 0)
        return 0;
    for (int json = 0; json < 2; json++) {
        fields_begin(&f, null, json);
        chkpt_dump(raw, &info, &f);
        fields_end(&f);
    }
    chkpt_info_done(&info);
    return 0;
}
