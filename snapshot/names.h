/*
 * Names: of backups (what people may type), of instances (any bytes, made safe for a directory of the
 * store), and text that came from outside (made safe for a line of a file).
 */
#ifndef SNAPSHOT_NAMES_H
#define SNAPSHOT_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#define BACKUP_NAME_MAX 200 /* bytes, without NUL */
#define STORE_NAME_LEN  256 /* with NUL */

/* The directory of the store that keeps an instance's backups: the name itself where that is safe,
 * else with %XX for a leading dot, '%', control bytes and the store's own file names; a long name is
 * cut and ends with a digest of the whole. Two names never give one directory. */
void store_name(const char *instance, char buf[STORE_NAME_LEN]);

/* %XX for '%', control bytes and what keep lists; malloc'd, NULL: out of memory. */
char *percent_encode(const char *s, const char *also);
/* In place. False: not well formed, or a NUL byte. */
bool percent_decode(char *s);

/* Replaces control bytes by '?', so that the text is one line. */
void one_line(char *s);

#endif
