#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>

static const struct err_entry {
    JET_ERR err;
    const char *name, *text;
} table[] = {
#define X(name, number, text) {number, #name, text},
#include "base/err_table.h"
#undef X
};

static _Thread_local struct {
    const char *file;
    int line;
} birth;

/* About 500 entries and only ever asked for on the way to a person: a scan is good enough. */
static const struct err_entry *find(JET_ERR err)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (table[i].err == err)
            return &table[i];
    return NULL;
}

const char *err_name(JET_ERR err)
{
    const struct err_entry *e = find(err);
    return e ? e->name : "JET_err?";
}

const char *err_text(JET_ERR err)
{
    const struct err_entry *e = find(err);
    return e ? e->text : "unknown error";
}

JET_ERR err_raise(JET_ERR err, const char *file, int line)
{
    birth.file = file;
    birth.line = line;
    return err;
}

const char *err_birthplace(void)
{
    static _Thread_local char buf[64];
    if (!birth.file)
        return "";
    snprintf(buf, sizeof(buf), "%s:%d", birth.file, birth.line);
    return buf;
}
