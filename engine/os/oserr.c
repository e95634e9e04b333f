/* The door by which errno enters: one table, one place. */
#include "os/file.h"

#include <errno.h>

JET_ERR os_error(int errno_value)
{
    switch (errno_value) {
    case ENOENT:
        return RAISE(JET_errFileNotFound);
    case EACCES:
    case EPERM:
    case EROFS:
    case ETXTBSY:
    case EWOULDBLOCK:
        return RAISE(JET_errFileAccessDenied);
    case ENOSPC:
    case EDQUOT:
        return RAISE(JET_errDiskFull);
    case ENOMEM:
        return RAISE(JET_errOutOfMemory);
    case EMFILE:
    case ENFILE:
        return RAISE(JET_errOutOfFileHandles);
    case EEXIST:
    case ENOTEMPTY:
        return RAISE(JET_errFileAlreadyExists);
    case ELOOP:
    case ENOTDIR:
    case ENAMETOOLONG:
    case EISDIR:
    case EXDEV:
        return RAISE(JET_errInvalidPath);
    case EINTR:
    case ECANCELED:
        return RAISE(JET_errBackupAbortByServer);
    default:
        return RAISE(JET_errDiskIO);
    }
}
