/*
 * Compressed column data (ESE: compression.cxx). The first byte names the scheme in its upper 5 bits.
 * Any bytes are safe to read.
 *
 * Written: 7-bit ASCII, 7-bit Unicode, XPRESS. Read: these (XPRESS is plain LZ77) and LZ4 (block).
 * Recognised and refused: XPRESS9 and XPRESS10 (no public description of their streams), scrubbed
 * data (the content is gone).
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

/* ---- writing (compress_write.c) -------------------------------------------------------------- */

enum compress_flags { /* what may be tried; both is what ESE does with a compressed column */
                      COMPRESS_TRY_7BIT = 0x1,
                      COMPRESS_TRY_XPRESS = 0x2,
};
/* Shorter data is not worth XPRESS (ESE: JET_paramMinDataForXpress). */
#define COMPRESS_XPRESS_MIN 1024u

/*
 * XPRESS if the data has at least xpress_min bytes, unless 7 bits for each unit of UTF-16 are less;
 * then 7-bit Unicode, then 7-bit ASCII. Writes at most cap bytes to out and returns how many; 0: it
 * did not become shorter.
 */
uint32_t compress(struct slice in, unsigned flags, uint32_t xpress_min, uint8_t *out, uint32_t cap);
/* The stream alone, without header; 0: it does not fit into cap. */
uint32_t compress_xpress(const uint8_t *in, uint32_t in_len, uint8_t *out, uint32_t cap);

#endif
