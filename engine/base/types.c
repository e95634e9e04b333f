/* Text forms of the field's scalar types. */
#include "base/types.h"

#include <stdio.h>

char *lgpos_str(lgpos_t p, char buf[LGPOS_STR_LEN])
{
    snprintf(buf, LGPOS_STR_LEN, "%X:%04X:%04X", lgpos_gen(p), lgpos_isec(p), lgpos_ib(p));
    return buf;
}

/* byte 6: bit 0 UTC, bits 1-7 the low milliseconds; byte 7: bits 1-3 the high ones */
unsigned logtime_ms(struct logtime t)
{
    return (unsigned)(t.b[6] >> 1) | (unsigned)((t.b[7] >> 1) & 7) << 7;
}

/* Seconds to years, from byte 0 up. */
static uint64_t sortable(struct logtime t)
{
    uint64_t v = 0;

    for (int i = 5; i >= 0; i--)
        v = v << 8 | t.b[i];
    return v << 16 | logtime_ms(t);
}

int logtime_cmp(struct logtime a, struct logtime b)
{
    const uint64_t x = sortable(a), y = sortable(b);

    return (x > y) - (x < y);
}

char *logtime_str(struct logtime t, char buf[LOGTIME_STR_LEN])
{
    const uint8_t *b = t.b;
    unsigned ms = logtime_ms(t);

    if (logtime_is_zero(t))
        snprintf(buf, LOGTIME_STR_LEN, "none");
    else
        snprintf(buf, LOGTIME_STR_LEN, "%04u-%02u-%02u %02u:%02u:%02u.%03u", 1900u + b[5], b[4],
                 b[3], b[2], b[1], b[0], ms);
    return buf;
}

char *signature_str(const struct signature *s, char buf[SIGNATURE_STR_LEN])
{
    char time[LOGTIME_STR_LEN];
    struct logtime t;
    int n;

    memcpy(t.b, s->b + 4, sizeof(t.b));
    n = snprintf(buf, SIGNATURE_STR_LEN, "%08x %s", get_le32(s->b), logtime_str(t, time));
    /* The computer name is raw bytes on disk: printable ASCII only. */
    for (size_t i = 12; i < sizeof(s->b) && s->b[i] && n < SIGNATURE_STR_LEN - 2; i++) {
        if (i == 12)
            buf[n++] = ' ';
        buf[n++] = s->b[i] >= 0x20 && s->b[i] < 0x7f ? (char)s->b[i] : '?';
    }
    buf[n] = '\0';
    return buf;
}
