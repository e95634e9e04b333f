/*
 * Sort keys of Unicode text, of our own design: bytes that compare as the texts shall. Windows
 * makes its keys from tables that are not public, so an index is only ever used by who made its
 * keys: its row in the catalogue says which version of which order that was (SORTKEY_VERSION,
 * sortkey_id), and Windows, reading ours, takes the index for out of date and makes it anew.
 *
 *   letters, digits, punctuation  01  accents  01  case, width, kana type, other form  00
 *
 * No byte of the first part is 00 or 01. Punctuation comes before digits before letters, a to z
 * first, other letters in the order of their code points; accents count where the letters are
 * equal, form where those are too. A second or third part ends with its last byte that says
 * something. Control and format characters count nowhere. Locales make no difference. Everything in
 * the table and here is persistent: a change needs another SORTKEY_VERSION (FORMAT.md).
 */
#ifndef ESE_REC_SORTKEY_H
#define ESE_REC_SORTKEY_H

#include "page/page.h"

#define SORTKEY_VERSION UINT64_C(0x0000000100000001) /* of the catalogue's Version, 8 bytes */
extern const uint8_t sortkey_id[16];                 /* of its SortID */

#define SORTKEY_DELIMITER 0x01

enum { /* flags of an index, as LCMapStringEx has them */
       SORTKEY_IGNORE_CASE = 0x1,
       SORTKEY_IGNORE_NONSPACE = 0x2,
       SORTKEY_IGNORE_SYMBOLS = 0x4,
       SORTKEY_LINGUISTIC_IGNORE_CASE = 0x10,
       SORTKEY_LINGUISTIC_IGNORE_DIACRITIC = 0x20,
       SORTKEY_UPPERCASE = 0x200,
       SORTKEY_SORTKEY = 0x400,
       SORTKEY_IGNORE_KANA_TYPE = 0x10000,
       SORTKEY_IGNORE_WIDTH = 0x20000,
};

/* UPPERCASE without SORTKEY: no sort key, but the text in upper case, big-endian, and 00 00. */
static inline bool sortkey_is_upper(uint32_t flags)
{
    return (flags & (SORTKEY_UPPERCASE | SORTKEY_SORTKEY)) == SORTKEY_UPPERCASE;
}

/* Text in UTF-16LE, an odd last byte left out, any units. Writes at most room bytes, returns how
 * many; *ret_cut: there would have been more. */
uint32_t sortkey_make(struct slice text, uint32_t flags, uint8_t *out, uint32_t room,
                      bool *ret_cut);

#endif
