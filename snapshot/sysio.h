/*
 * The system calls of snapshot/, with errno translated at once. Above this line there is only JET_ERR
 * and struct ese_fault.
 */
#ifndef SNAPSHOT_SYSIO_H
#define SNAPSHOT_SYSIO_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "engine.h"

#define must_check            __attribute__((warn_unused_result))
#define printf_like(fmt, arg) __attribute__((format(printf, fmt, arg)))

/* errno of a call that has just failed -> JET_ERR, never 0; the same table as the engine's. */
JET_ERR sys_error(int os_errno);

/* Fills *why (may be NULL) and returns err. file: "" where there is none. */
JET_ERR why_set(struct ese_fault *why, JET_ERR err, const char *file, const char *fmt, ...)
    printf_like(4, 5);
/* For a system call that has just failed: text "doing: strerror", os_errno = errno. */
JET_ERR why_sys(struct ese_fault *why, const char *file, const char *doing);

/* Opens beneath dirfd without following a symbolic link, never blocking. A file must be a regular one
 * (else JET_errFileInvalidType, errno EINVAL). noatime: the time of reading is left alone where the
 * kernel allows it. Returns the descriptor or a JET_ERR; errno stands. */
must_check JET_ERR sys_open_file(int dirfd, const char *path, bool noatime, int *ret_fd);
must_check JET_ERR sys_open_dir(int dirfd, const char *path, int *ret_fd);

/* Whole reads and writes. read: *ret_len < len only at the end of the file. */
must_check JET_ERR sys_pread(int fd, void *buf, size_t len, uint64_t off, size_t *ret_len);
must_check JET_ERR sys_pwrite(int fd, const void *buf, size_t len, uint64_t off);
/* The whole of a small file, NUL-terminated, malloc'd. More than max bytes: JET_errInvalidParameter. */
must_check JET_ERR sys_read_small(int dirfd, const char *name, size_t max, char **ret,
                                  size_t *ret_len);
/* Makes (O_EXCL) and syncs a file; the directory is not synced. */
must_check JET_ERR sys_make_file(int dirfd, const char *name, const void *buf, size_t len,
                                 mode_t mode);
/* Durable replacement of a small file: temporary name, sync, rename, sync of the directory. */
must_check JET_ERR sys_replace_file(int dirfd, const char *name, const void *buf, size_t len);
/* fsync; final: never called again for the same data. */
must_check JET_ERR sys_fsync(int fd);
/* Renames; an existing `to` is JET_errFileAlreadyExists. The directory is not synced. */
must_check JET_ERR sys_rename_new(int dirfd, const char *from, const char *to);
/* Deletes a directory of files (one level, as a backup is). What cannot be deleted stays. */
void sys_remove_dir(int dirfd, const char *name);

/* Names in a directory, "." and ".." left out; an array and its strings in one malloc'd block each. */
must_check JET_ERR sys_list(int dirfd, char ***ret, unsigned *ret_nr);
void sys_list_free(char **list, unsigned nr);

struct timespec sys_now(void);
uint64_t sys_monotonic_ms(void);
/* Conditions that are waited for by the monotonic clock, and the time `ms` from now on it. */
void sys_cond_init(pthread_cond_t *cond);
struct timespec sys_deadline(uint64_t ms);
/* "2026-11-22T03:00:12Z", with milliseconds where ms. */
#define TIME_TEXT_LEN 32
char *time_text(struct timespec t, bool ms, char buf[TIME_TEXT_LEN]);
char *hex32(const uint8_t sum[32], char buf[65]);
bool unhex32(const char *s, uint8_t ret[32]); /* exactly 64 lower-case digits are read */

#endif
