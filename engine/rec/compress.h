/*
 * Compressed column data (ESE: compression.cxx). The first byte names the scheme in its upper 5 bits.
 * Reading only; any bytes are safe.
 *
 * Understood: 7-bit ASCII, 7-bit Unicode, XPRESS (plain LZ77), LZ4 (block). Recognised and refused:
 * XPRESS9 and XPRESS10 (no public description of their streams), scrubbed data (the content is gone).
 */
#ifndef ESE_REC_COMPRESS_H
#define ESE_REC_COMPRESS_H

#include "page/page.h"

/* The most that a blob of a page can become: 7-bit Unicode of 32 KiB, or the u16 size of the others. */
#define DECOMPRESS_MAX (80u << 10)

/*
 * Writes to out, *ret_len bytes. JET_errDecompressionFailed: damaged, more than cap bytes, or a scheme
 * that is not understood; *ret_what says which in one static clause. Not reported.
 */
must_check JET_ERR decompress(struct slice in, uint8_t *out, uint32_t cap, uint32_t *ret_len,
                              const char **ret_what);

/* Whether it is one of the schemes that are recognised and refused: not damaged, and yet unreadable. */
bool compress_is_refused(struct slice in);

/* The streams alone, without header: exactly out_len bytes must come out. False: they do not. */
bool decompress_xpress(const uint8_t *in, uint32_t in_len, uint8_t *out, uint32_t out_len);
bool decompress_lz4(const uint8_t *in, uint32_t in_len, uint8_t *out, uint32_t out_len);

#endif
