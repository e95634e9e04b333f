/*
 * Text of columns and names to UTF-8. Code page 1200 is UTF-16LE; every other one is taken for 1252,
 * the only other that ESE stores (ESE: usUniCodePage, usEnglishCodePage).
 *
 * Bytes arrive in pieces that may end in the middle of a character. What is no text does not stop the
 * conversion: a lone surrogate comes out as its own 3 bytes (so that nothing is lost and the caller can
 * see it), an odd last byte is left over.
 */
#ifndef ESE_REC_TEXT_H
#define ESE_REC_TEXT_H

#include "page/page.h"

#define CP_UTF16 1200u
#define CP_ANSI  1252u

struct text_decoder {
    bool utf16;
    unsigned nr_held; /* bytes of a character that is not complete */
    uint8_t held[4];
};

/* A piece of n bytes becomes at most TEXT_UTF8_MAX(n) bytes. */
#define TEXT_UTF8_MAX(n) (3 * ((size_t)(n) + 4))

void text_begin(struct text_decoder *d, uint32_t cp);
/* Returns the number of bytes written. */
size_t text_feed(struct text_decoder *d, struct slice piece, char *out);
/* What was held back at the end: at most 6 bytes. An odd byte of UTF-16 is U+FFFD. */
size_t text_end(struct text_decoder *d, char *out);

/* Writes one character as UTF-8 (a surrogate too); returns its length, 1 to 4. */
size_t text_put_utf8(uint32_t c, char *out);
/* Unicode character of a byte of code page 1252. */
uint32_t text_ansi_to_unicode(uint8_t b);

/* As the engine compares names of tables, columns and indexes: ASCII letters without case, other bytes
 * as they are. */
int text_name_cmp(const char *a, const char *b);

#endif
