/*
 * The manifest of a finished backup, as a mount reads it from a store.
 *
 * Input: u8 mode, then the text. mode 1: the digest in the last line is put right first (a line is
 * added when there is none), so that what stands behind it is reached. What is accepted must be exactly
 * what would have been written.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define END_LEN 69u /* "end ", 64 digits, newline */

static size_t seal(char *text, size_t len)
{
    uint8_t sum[EVP_MAX_MD_SIZE];
    char line[END_LEN + 1], hex[65];

    if (len >= END_LEN && memcmp(text + len - END_LEN, "end ", 4) == 0)
        len -= END_LEN;
    EVP_Digest(text, len, sum, NULL, EVP_sha256(), NULL);
    snprintf(line, sizeof(line), "end %s\n", hex32(sum, hex));
    memcpy(text + len, line, END_LEN);
    return len + END_LEN;
}

static void must_come_back(const struct snap_manifest *m, const char *text, size_t len)
{
    size_t again_len, sums_len;
    char *again, *sums;

    if (manifest_encode(m, &again, &again_len) < 0 || again_len != len ||
        memcmp(again, text, len) != 0)
        abort();
    if (sums_encode(m->files, m->nr_files, &sums, &sums_len) < 0 || strlen(sums) != sums_len)
        abort();
    free(again);
    free(sums);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct manifest *man;
    size_t len = size ? size - 1 : 0;
    char *text = malloc(len + END_LEN + 1);

    if (!text)
        abort();
    if (len)
        memcpy(text, data + 1, len);
    if (size && (data[0] & 1))
        len = seal(text, len);
    if (manifest_parse(text, len, &man) >= 0) {
        must_come_back(&man->m, text, len);
        manifest_free(man);
    }
    free(text);
    return 0;
}
