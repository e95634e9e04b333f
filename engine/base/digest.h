/* SHA-256, the only use of OpenSSL in the engine. Not thread-safe per object; objects are free. */
#ifndef ESE_BASE_DIGEST_H
#define ESE_BASE_DIGEST_H

#include "base/err.h"

#define DIGEST_LEN     32
#define DIGEST_HEX_LEN 65 /* with NUL */

struct digest;

must_check JET_ERR digest_new(struct digest **ret);
must_check JET_ERR digest_feed(struct digest *d, const void *buf, size_t len);
must_check JET_ERR digest_end(struct digest *d, uint8_t ret[DIGEST_LEN]);
void digest_free(struct digest *d); /* NULL is fine */
char *digest_hex(const uint8_t sum[DIGEST_LEN], char buf[DIGEST_HEX_LEN]);

#endif
