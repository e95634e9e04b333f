/* Text to column values, for `eseutil load`. */
#ifndef ESEUTIL_LOADVALUE_H
#define ESEUTIL_LOADVALUE_H

#include <stddef.h>

#include "eseutil.h"

/* "Long", "LongText", ..., without case; JET_coltypNil: no such type. */
JET_COLTYP coltyp_of_name(const char *name, size_t len);

struct loaded {       /* a value's bytes */
    unsigned char *b; /* on the heap, grows */
    size_t len, room;
};
/* False: the text is none of that type. text is UTF-8, with a NUL behind it; it becomes UTF-16 or
 * code page 1252, as cp says. Numbers are decimal or 0x...; binary is hexadecimal; GUIDs may have
 * braces. Dates are YYYY-MM-DD[Thh:mm:ss[.f...][Z]] as dumps print them: with Z what is stored is
 * a FILETIME, else a day number (0x...: its bits). What dumps print leads back to the same bytes. */
bool load_value(JET_COLTYP type, unsigned short cp, const char *text, size_t len,
                struct loaded *ret);

#endif
