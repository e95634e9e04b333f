#include "log/logname.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#define BASE_LEN 3u
#define EXT_LEN  4u

/* Five or eight hexadecimal digits, not zero. */
static bool parse_gen(const char *digits, size_t nr, lgen_t *ret)
{
    char buf[9];

    if (nr != 5 && nr != 8)
        return false;
    for (size_t i = 0; i < nr; i++)
        if (!isxdigit((unsigned char)digits[i]))
            return false;
    memcpy(buf, digits, nr);
    buf[nr] = '\0';
    *ret = (lgen_t)strtoul(buf, NULL, 16);
    return *ret != 0;
}

bool logname_parse(const char *name, struct logname *ret)
{
    const size_t len = strlen(name);
    size_t middle;

    *ret = (struct logname){0};
    if (len < BASE_LEN + EXT_LEN || memchr(name, '.', BASE_LEN) ||
        (strcasecmp(name + len - EXT_LEN, ".log") != 0 &&
         strcasecmp(name + len - EXT_LEN, ".jtx") != 0))
        return false;
    middle = len - BASE_LEN - EXT_LEN;
    if (middle == 0)
        ret->role = LOGNAME_CURRENT;
    else if (middle == 3 && strncasecmp(name + BASE_LEN, "tmp", 3) == 0)
        ret->role = LOGNAME_TEMP;
    else if (parse_gen(name + BASE_LEN, middle, &ret->gen))
        ret->role = LOGNAME_ARCHIVED;
    else
        return false;
    memcpy(ret->base, name, BASE_LEN);
    return true;
}
