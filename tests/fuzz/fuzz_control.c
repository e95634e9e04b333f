/*
 * Lines written to `control`, and with them names of backups, and of instances as directories of the
 * store: all that a user's bytes reach before anything is done.
 *
 * Input: the bytes of one write.
 */
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "names.h"
#include "snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const char *line)
{
    struct control c;
    const char *text = NULL;
    JET_ERR err = control_parse(line, &c, &text);

    if (err < 0 && (!text || !*text))
        abort(); /* an error that nobody is told of */
    if (err >= 0 && c.name[0] &&
        (snap_name_check(c.name) < 0 || strchr(c.name, '/') || c.name[0] == '.'))
        abort();
}

/* Safe as a file name, and encoded text comes back. */
static void encode(const char *name)
{
    char dir[STORE_NAME_LEN], *enc = percent_encode(name, " ");

    store_name(name, dir);
    if (dir[0] == '.' || strchr(dir, '/') || strlen(dir) > 255 || strcmp(dir, "lock") == 0 ||
        strcmp(dir, "FORMAT") == 0 || strcmp(dir, "serial") == 0 || (*name && !*dir))
        abort();
    if (!enc || strpbrk(enc, " \n") || !percent_decode(enc) || strcmp(enc, name) != 0)
        abort();
    free(enc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *line = malloc(size + 1);

    if (!line)
        abort();
    if (size)
        memcpy(line, data, size);
    line[size] = '\0';
    parse(line);
    encode(line);
    percent_decode(line); /* any bytes */
    (void)snap_keep_check(line);
    free(line);
    return 0;
}
