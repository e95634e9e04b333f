/*
 * Files: whole reads and writes, opening hostile directories, holes, sync. errno comes in here and
 * nowhere else (os/oserr.c); above this line there is only JET_ERR.
 */
#ifndef ESE_OS_FILE_H
#define ESE_OS_FILE_H

#include <sys/types.h>
#include <time.h>

#include "base/err.h"

struct os_stat {
    uint64_t size, blocks512;
    uint64_t ino, dev;
    struct timespec mtime, ctime;
    uint32_t mode, uid, gid;
};

/* Translates errno of the call that has just failed. Never 0. ENOENT: JET_errFileNotFound; EACCES,
 * EPERM, EROFS, ETXTBSY: JET_errFileAccessDenied; ENOSPC, EDQUOT: JET_errDiskFull; ENOMEM:
 * JET_errOutOfMemory; EMFILE, ENFILE: JET_errOutOfFileHandles; EEXIST: JET_errFileAlreadyExists;
 * ELOOP, ENOTDIR, ENAMETOOLONG, EISDIR, EXDEV: JET_errInvalidPath; EINTR, ECANCELED:
 * JET_errBackupAbortByServer; everything else JET_errDiskIO. */
JET_ERR os_error(int errno_value) cold;

/*
 * Opens a regular file for reading, beneath `dirfd` (openat2 RESOLVE_BENEATH | NO_SYMLINKS |
 * NO_MAGICLINKS; where the kernel has no openat2, component by component with O_NOFOLLOW), never
 * blocking: a FIFO, socket or device gives JET_errFileInvalidType, a symbolic link or a path out of
 * dirfd JET_errInvalidPath. `path` is relative, without a leading '/'. *ret_fd is the caller's.
 */
must_check JET_ERR os_open_beneath(int dirfd, const char *path, int *ret_fd);
/* The same for a directory. "." opens dirfd itself anew. */
must_check JET_ERR os_open_dir_beneath(int dirfd, const char *path, int *ret_fd);
/* Whether os_open_beneath would open it. */
bool os_is_file_beneath(int dirfd, const char *path);
/* Opens a path that the caller chose (command line): symbolic links are followed, but only a regular
 * file is opened and never blocks. */
must_check JET_ERR os_open_file(const char *path, int *ret_fd);

/* Files of an instance that is being changed, found as os_open_beneath finds them. */
must_check JET_ERR os_open_beneath_rw(int dirfd, const char *path, int *ret_fd);
/* A new file, mode 0666 less the umask: JET_errFileAlreadyExists when the name is taken. */
must_check JET_ERR os_create_beneath(int dirfd, const char *path, int *ret_fd);
/* A new file without a name that is gone when it is closed. */
must_check JET_ERR os_create_unnamed(int *ret_fd);
/* The same on disk, in TMPDIR or else /var/tmp: for what may be too much for memory. */
must_check JET_ERR os_create_temp(int *ret_fd);
/* ... in that directory. */
must_check JET_ERR os_create_temp_in(const char *dir, int *ret_fd);
/* Both names are in dirfd itself; `to` is replaced. */
must_check JET_ERR os_rename_at(int dirfd, const char *from, const char *to);
/* The two change places in one step. JET_errFeatureNotAvailable: the filesystem cannot do that. */
must_check JET_ERR os_exchange_at(int dirfd, const char *one, const char *other);
/* A second name for a file, in another directory of the same filesystem: JET_errInvalidPath when it is another. */
must_check JET_ERR os_link_at(int fromfd, const char *name, int tofd);
must_check JET_ERR os_remove_dir_at(int dirfd, const char *name); /* it is empty */
must_check JET_ERR os_unlink_beneath(int dirfd, const char *path);
/* It may be there already. */
must_check JET_ERR os_mkdir_beneath(int dirfd, const char *path);
/* The directories that path goes through, but for its last component. */
must_check JET_ERR os_make_parents_beneath(int dirfd, const char *path);
/* A directory that the caller chose: an empty one, or made now (*ret_made). JET_errFileAlreadyExists: there
 * is something in it. */
must_check JET_ERR os_open_new_dir(const char *path, bool *ret_made, int *ret_fd);
must_check JET_ERR os_remove_dir(const char *path);
/* Removes everything in a directory; symbolic links are not followed. */
must_check JET_ERR os_remove_contents(int dirfd);
must_check JET_ERR os_truncate(int fd, uint64_t size);
/* A file of `from` bytes gets `to`: zeroes, and room on the disk for them where the filesystem can promise that. After a
 * failure it may be longer than it was. */
must_check JET_ERR os_extend(int fd, uint64_t from, uint64_t to);
/* Room on the disk for an empty file's first `size` bytes, as far as the filesystem can promise that; the file may get that
 * length. Only a full or failing disk is an error. */
must_check JET_ERR os_reserve(int fd, uint64_t size);
/* The owner's lock on a directory (architecture, decision 4): JET_errFileAccessDenied when somebody has
 * it. Goes with the descriptor. */
must_check JET_ERR os_lock_owner(int dirfd);
/* Nobody becomes its owner meanwhile; others may read as well. JET_errFileAccessDenied: it has one. */
must_check JET_ERR os_lock_reader(int dirfd);
/* A database file that an instance, or a recovery, has in use: for itself, or (shared) for reading only.
 * JET_errDatabaseSharingViolation: another one has it. Goes with the descriptor. */
must_check JET_ERR os_lock_database(int fd, bool shared);

must_check JET_ERR os_stat_fd(int fd, struct os_stat *ret);

/* Reads until `len` bytes, the end of the file or an error. *ret_len < len only at the end. */
must_check JET_ERR os_pread(int fd, void *buf, size_t len, uint64_t off, size_t *ret_len);
/* Exactly `len` bytes: JET_errFileIOBeyondEOF when there are fewer. */
must_check JET_ERR os_pread_all(int fd, void *buf, size_t len, uint64_t off);
must_check JET_ERR os_pwrite_all(int fd, const void *buf, size_t len, uint64_t off);
/* fsync; a failure is final, the caller never calls it again for the same data. */
must_check JET_ERR os_fsync(int fd);
/* The same for the file's bytes and its length alone. */
must_check JET_ERR os_fdatasync(int fd);

/* len <= 256 bytes that nobody can guess. */
must_check JET_ERR os_random(void *buf, size_t len);

/* First data byte at or after `off` (SEEK_DATA). No more data: *ret = size of the file. A filesystem
 * without the call: *ret = off. */
must_check JET_ERR os_next_data(int fd, uint64_t off, uint64_t *ret);

/* Bytes that a non-root writer may still allocate on the filesystem of fd, and its block size. */
must_check JET_ERR os_free_space(int fd, uint64_t *ret_bytes);

#endif
