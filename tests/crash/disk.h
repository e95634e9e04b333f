/*
 * A disk between the engine and the real one. It can stop at a change and lose what was not synced (cut), or let calls fail.
 *
 * What is lost: of writes each sector of 512 bytes by itself, where the format is made for that - logs, checkpoint, headers;
 * of a database's pages each page by itself, as ESE takes for granted (torn_pages: there too each sector). Of changes of a file's
 * length each by itself; of changes of a directory those that came last.
 */
#ifndef CRASH_DISK_H
#define CRASH_DISK_H

#include <stdbool.h>
#include <stdint.h>

enum what_fails {
    FAIL_NONE,
    FAIL_MEMORY,
    FAIL_READ,
    FAIL_WRITE,
    FAIL_SYNC,
    FAIL_SPACE,
    FAIL_NAME,
    FAIL_KINDS
};
enum which_file { ANY_FILE, DB_FILE, LOG_FILE };

/* From here on, in this process. cut_at: the change that is the last moment; 0: none. Without `lossy` nothing is
 * remembered. undo_dir: on the same filesystem. */
void disk_begin(uint64_t seed, bool lossy, uint64_t cut_at, uint32_t page_size, bool torn_pages,
                const char *undo_dir);
/* The n-th call of its kind from now on fails; always: and all after it. */
void disk_fail(enum what_fails what, enum which_file file, uint64_t n, bool always);
void disk_heal(void);
/* Everything works again, and nothing is counted. */
void disk_end(void);
/* The power goes now. */
void disk_cut(void) __attribute__((noreturn));

#endif
