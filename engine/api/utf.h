/* The program's UTF-16 (W entries) and the engine's UTF-8. */
#ifndef ESE_API_UTF_H
#define ESE_API_UTF_H

#include "base/err.h"

/* On the heap; NULL stays NULL. JET_errOutOfMemory; JET_errUnicodeTranslationFail: no UTF-16. */
must_check JET_ERR utf8_of(const JET_WCHAR *w, char **ret);
/* So many units, NULs among them; *ret_len: bytes, without the NUL that ends them. */
must_check JET_ERR utf8_of_units(const JET_WCHAR *w, size_t n, char **ret, size_t *ret_len);
/* Into a buffer of cb bytes, with its NUL: JET_errBufferTooSmall; what fits is in it. *ret_cb may
 * be NULL: bytes with the NUL. */
must_check JET_ERR utf16_put(const char *s, void *buf, uint32_t cb, uint32_t *ret_cb);
/* On the heap, with its NUL. */
must_check JET_ERR utf16_of(const char *s, JET_WCHAR **ret);
/* Units with the NUL. */
size_t utf16_units(const char *s);

#endif
