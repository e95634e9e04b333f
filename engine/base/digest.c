#include "base/digest.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

struct digest {
    EVP_MD_CTX *ctx;
};

JET_ERR digest_new(struct digest **ret)
{
    struct digest *d = malloc(sizeof(*d));

    if (!d)
        return RAISE(JET_errOutOfMemory);
    d->ctx = EVP_MD_CTX_new();
    if (!d->ctx || EVP_DigestInit_ex(d->ctx, EVP_sha256(), NULL) != 1) {
        digest_free(d);
        return RAISE(JET_errOutOfMemory);
    }
    *ret = d;
    return JET_errSuccess;
}

JET_ERR digest_feed(struct digest *d, const void *buf, size_t len)
{
    return EVP_DigestUpdate(d->ctx, buf, len) == 1 ? JET_errSuccess : RAISE(JET_errInternalError);
}

JET_ERR digest_end(struct digest *d, uint8_t ret[DIGEST_LEN])
{
    return EVP_DigestFinal_ex(d->ctx, ret, NULL) == 1 ? JET_errSuccess
                                                      : RAISE(JET_errInternalError);
}

void digest_free(struct digest *d)
{
    if (!d)
        return;
    EVP_MD_CTX_free(d->ctx);
    free(d);
}

char *digest_hex(const uint8_t sum[DIGEST_LEN], char buf[DIGEST_HEX_LEN])
{
    for (int i = 0; i < DIGEST_LEN; i++)
        snprintf(buf + 2 * i, 3, "%02x", sum[i]);
    return buf;
}
