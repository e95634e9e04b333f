/*
 * Which signals wait for a thread that is blocked in one of our requests. The kernel's FUSE_INTERRUPT
 * says only that there is some signal, and only once per request; /proc says which.
 */
#ifndef FS_SIGNALS_H
#define FS_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct signals { /* bit n-1: signal n */
    uint64_t pending, blocked, ignored, caught;
};

/* From the text of /proc/TID/status. False: a line is missing or is not hexadecimal. */
bool signals_parse(const char *text, struct signals *ret);

/* True: one of them would end the caller (INT, TERM, HUP, QUIT and KILL whether caught or not; others
 * when their default action is to end and nobody catches them). */
bool signals_end_caller(const struct signals *s);
/* True: a call that merely waits should return EINTR: as above, and for any caught signal but those
 * that tell of something in passing (WINCH, CHLD, URG, CONT). */
bool signals_interrupt_wait(const struct signals *s);

/* Reads /proc/TID/status. False: it cannot be seen from here. */
bool signals_read(pid_t tid, struct signals *ret);

#endif
