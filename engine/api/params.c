/*
 * The table of parameters and their values. What means something in this engine, and where it is
 * read: paths, base name, log file size, log buffers, circular logging, recovery, cache sizes,
 * checkpoint depth, version pages, extension size, page size, legacy file names, engine format
 * version, create path, cleanup of mismatched logs, alternate recovery path (instance.c); commit
 * default (session.c); maxima of sessions, tables, cursors (session.c, table.c); index tuples'
 * limits, enable index checking (index.c). All others are kept and given back.
 */
#include "api/params.h"

#include <stdio.h>
#include <stdlib.h>

#include "os/path.h"

#define PATH_MOST 246u /* ESE: the longest path that may be set */

static const struct {
    uint32_t id;
    enum param_kind kind;
    uint64_t number;
    const char *text;
    uint64_t least, most;
    unsigned flags;
} table[NR_PARAMS] = {
#define X(number, name, kind, value, text, least, most, flags) \
    {number, PARAM_##kind, value, text, least, most, flags},
#include "api/param_table.h"
#undef X
};

int param_find(uint32_t id)
{
    for (int i = 0; i < NR_PARAMS; i++)
        if (table[i].id == id)
            return i;
    return -1;
}

enum param_kind param_kind(int slot)
{
    return table[slot].kind;
}

unsigned param_flags(int slot)
{
    return table[slot].flags;
}

void params_defaults(struct params *p)
{
    for (int i = 0; i < NR_PARAMS; i++)
        p->v[i] = (struct param){.number = table[i].number};
}

void params_done(struct params *p)
{
    for (int i = 0; i < NR_PARAMS; i++) {
        free(p->v[i].text);
        p->v[i].text = NULL;
    }
}

JET_ERR params_copy(struct params *to, const struct params *from)
{
    bool lost = false;

    *to = *from;
    for (int i = 0; i < NR_PARAMS; i++)
        if (from->v[i].text) {
            to->v[i].text = strdup(from->v[i].text);
            lost |= !to->v[i].text;
        }
    if (!lost)
        return JET_errSuccess;
    params_done(to);
    return RAISE(JET_errOutOfMemory);
}

/* Directories end with a separator; what is relative counts from where the process is now. */
static JET_ERR complete(int slot, const char *text, char **ret)
{
    char *native, *full, *dir = NULL;

    if (table[slot].kind == PARAM_STR || !*text) {
        *ret = strdup(text);
        return *ret ? JET_errSuccess : RAISE(JET_errOutOfMemory);
    }
    native = os_native_path(text);
    full = native ? os_full_path(native) : NULL;
    free(native);
    if (!full)
        return RAISE(JET_errOutOfMemory);
    if (strlen(full) > PATH_MOST) {
        free(full);
        return RAISE(JET_errInvalidPath);
    }
    if (table[slot].kind != PARAM_DIR || full[strlen(full) - 1] == '/') {
        *ret = full;
        return JET_errSuccess;
    }
    if (asprintf(&dir, "%s/", full) < 0)
        dir = NULL;
    free(full);
    *ret = dir;
    return dir ? JET_errSuccess : RAISE(JET_errOutOfMemory);
}

static JET_ERR set_text(struct params *p, int slot, const char *text)
{
    char *whole;
    JET_ERR err;

    if (!text || (slot == PARAM_SLOT_BaseName && strlen(text) != 3))
        return RAISE(JET_errInvalidParameter);
    err = complete(slot, text, &whole);
    if (err < 0)
        return err;
    free(p->v[slot].text);
    p->v[slot].text = whole;
    return JET_errSuccess;
}

static bool is_page_size(uint64_t n)
{
    return n == 2048 || n == 4096 || n == 8192 || n == 16384 || n == 32768;
}

JET_ERR param_set(struct params *p, int slot, uint64_t number, const char *text)
{
    if (param_is_text(slot))
        return set_text(p, slot, text);
    if (table[slot].kind == PARAM_BOOL)
        number = number != 0;
    if (number < table[slot].least || number > table[slot].most)
        return RAISE(JET_errInvalidParameter);
    if (slot == PARAM_SLOT_DatabasePageSize && !is_page_size(number))
        return RAISE(JET_errInvalidParameter);
    p->v[slot].number = number;
    return JET_errSuccess;
}

uint64_t param_number(const struct params *p, int slot)
{
    return p->v[slot].number;
}

const char *param_text(const struct params *p, int slot)
{
    return p->v[slot].text ? p->v[slot].text : table[slot].text;
}
