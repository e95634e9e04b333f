/* The line written to `control`, as the tests see it. */
#ifndef FS_CONTROL_LINE_H
#define FS_CONTROL_LINE_H

#include <stddef.h>

/* A command and its NAME; longer than any legal line, so that a NAME too long is told as that. */
#define CONTROL_LINE_MAX 1024

/*
 * Cuts the command out of one write: without its newline, of printable bytes (UTF-8 passes), one line.
 * 0, -EINVAL (empty, several lines, control characters), -ENAMETOOLONG.
 */
int control_line(const char *buf, size_t size, char *ret, size_t ret_size);

#endif
