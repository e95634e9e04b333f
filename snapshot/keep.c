/* keep=: parsing the specification, choosing by it. */
#include "keep.h"

#include <stdlib.h>
#include <string.h>

#define COUNT_MAX 100000u

static unsigned *rule_of(struct keep *k, const char *name, size_t len)
{
    const struct {
        const char *name;
        unsigned *value;
    } rules[] = {
        {"last", &k->last}, {"daily", &k->daily}, {"weekly", &k->weekly}, {"monthly", &k->monthly}};

    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        if (strlen(rules[i].name) == len && strncmp(rules[i].name, name, len) == 0)
            return rules[i].value;
    return NULL;
}

JET_ERR keep_parse(const char *spec, struct keep *ret)
{
    struct keep k = {0};

    for (const char *s = spec ? spec : ""; *s;) {
        const char *colon = strchr(s, ':');
        unsigned *value = colon ? rule_of(&k, s, (size_t)(colon - s)) : NULL;
        unsigned long v;
        char *end;
        if (!value || *value || colon[1] < '0' || colon[1] > '9')
            return JET_errInvalidParameter;
        v = strtoul(colon + 1, &end, 10);
        if (!v || v > COUNT_MAX || (*end && (*end != ',' || !end[1])))
            return JET_errInvalidParameter;
        *value = (unsigned)v;
        s = *end ? end + 1 : end;
    }
    *ret = k;
    return JET_errSuccess;
}

/* A number that is equal for two times in the same day, week or month, and else differs. */
static long day_of(time_t t)
{
    return (long)(t / 86400);
}
static long week_of(time_t t)
{
    return (day_of(t) + 3) / 7;
} /* 1 January 1970 was a Thursday */
static long month_of(time_t t)
{
    struct tm tm;

    gmtime_r(&t, &tm);
    return tm.tm_year * 12l + tm.tm_mon;
}

static void newest_of_each(const time_t *created, unsigned nr, unsigned count,
                           long (*period)(time_t), bool *kept)
{
    long current = 0;

    for (unsigned i = 0, seen = 0; i < nr; i++) {
        long p = period(created[i]);
        if (seen && p == current)
            continue;
        if (seen++ == count)
            return;
        current = p;
        kept[i] = true;
    }
}

void keep_select(const struct keep *k, const time_t *created, unsigned nr, bool *kept)
{
    bool all = !k->last && !k->daily && !k->weekly && !k->monthly;

    for (unsigned i = 0; i < nr; i++)
        kept[i] = all || i < k->last;
    newest_of_each(created, nr, k->daily, day_of, kept);
    newest_of_each(created, nr, k->weekly, week_of, kept);
    newest_of_each(created, nr, k->monthly, month_of, kept);
}
