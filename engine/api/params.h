/* System parameters (JetSetSystemParameter): values of one instance, or the defaults of those to
 * come. */
#ifndef ESE_API_PARAMS_H
#define ESE_API_PARAMS_H

#include "base/err.h"

#define PARAM_MAX     UINT64_MAX
#define PARAM_INT_MAX 0x7fffffffu

enum param_kind { PARAM_INT, PARAM_BOOL, PARAM_PTR, PARAM_STR, PARAM_PATH, PARAM_DIR };
enum param_flags {
    PARAM_READ_ONLY = 0x1,
    PARAM_GLOBAL = 0x2,        /* one value for all instances */
    PARAM_BEFORE_GLOBAL = 0x4, /* not once an instance has started */
    PARAM_BEFORE_INIT = 0x8,   /* not once this instance has started */
};

struct param { /* a value */
    uint64_t number;
    char *text; /* UTF-8; NULL: the default. Absolute for directories and paths once it was set */
};

enum {
#define X(number, name, kind, value, text, least, most, flags) PARAM_SLOT_##name,
#include "api/param_table.h"
#undef X
    NR_PARAMS
};

struct params {
    struct param v[NR_PARAMS];
};

must_check JET_ERR params_copy(struct params *to, const struct params *from);
void params_done(struct params *p);
void params_defaults(struct params *p); /* of a program that has set nothing */

/* -1: no such parameter. */
int param_find(uint32_t id);
enum param_kind param_kind(int slot);
unsigned param_flags(int slot);
static inline bool param_is_text(int slot)
{
    return param_kind(slot) >= PARAM_STR;
}
/* JET_errInvalidParameter: out of range; JET_errInvalidPath, JET_errOutOfMemory. text NULL for
 * numbers. */
must_check JET_ERR param_set(struct params *p, int slot, uint64_t number, const char *text);
uint64_t param_number(const struct params *p, int slot);
const char *param_text(const struct params *p, int slot); /* never NULL */

#define PARAM(p, name)      param_number((p), PARAM_SLOT_##name)
#define PARAM_TEXT(p, name) param_text((p), PARAM_SLOT_##name)

#endif
