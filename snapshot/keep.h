/* Retention: which backups keep= keeps. Pure arithmetic on times; nothing is removed here. */
#ifndef SNAPSHOT_KEEP_H
#define SNAPSHOT_KEEP_H

#include <stdbool.h>
#include <time.h>

#include "engine.h"

struct keep {
    unsigned last, daily, weekly, monthly; /* all 0: everything is kept */
};

/* "last:7,daily:14,weekly:8,monthly:12", each at most once, 1..100000. NULL or "": keep everything. */
JET_ERR keep_parse(const char *spec, struct keep *ret);
/*
 * created: times, newest first. Sets kept[i] for those that a rule asks for: the newest `last`; and of
 * each of the newest `daily` days (weeks, months) that have one, the newest. Days begin at midnight UTC,
 * weeks on Monday.
 */
void keep_select(const struct keep *k, const time_t *created, unsigned nr, bool *kept);

#endif
