/* Paths that a program chose (parameters, names of databases): absolute, symbolic links are followed. */
#ifndef ESE_OS_PATH_H
#define ESE_OS_PATH_H

#include "base/err.h"

/* JET_errInvalidPath when it is no directory or not there. */
must_check JET_ERR os_open_dir(const char *path, int *ret_fd);
/* Makes what is missing of it, mode 0777 less the umask. */
must_check JET_ERR os_make_path(const char *path);
/* The directory that `path` lies in, opened, and the last component (points into path).
 * JET_errInvalidPath: there is no such directory, or no last component. */
must_check JET_ERR os_open_parent(const char *path, int *ret_dirfd, const char **ret_name);
/* Absolute, without "." and "..", links resolved as far as the path exists; on the heap. NULL: out of memory. */
char *os_full_path(const char *path);
/* The names in a directory, "." and ".." left out, in no order. 1: *ret_name, valid until the next call; 0: no more. */
struct os_dir;
must_check JET_ERR os_dir_open(int dirfd, struct os_dir **ret);
must_check JET_ERR os_dir_next(struct os_dir *d, const char **ret_name);
void os_dir_close(struct os_dir *d);

/* As programs give them: '\' is a separator too, a drive letter in front is dropped. On the heap; NULL:
 * out of memory. */
char *os_native_path(const char *path);

#endif
