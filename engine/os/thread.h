/* Threads of the engine. */
#ifndef ESE_OS_THREAD_H
#define ESE_OS_THREAD_H

#include <pthread.h>

#include "base/err.h"

/* With all signals blocked: a program's handlers run in its own threads, whose system calls they interrupt.
 * JET_errOutOfThreads. */
must_check JET_ERR os_thread_start(pthread_t *ret, void *(*fn)(void *arg), void *arg);

#endif
