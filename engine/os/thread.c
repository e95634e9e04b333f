#include "os/thread.h"

#include <signal.h>

JET_ERR os_thread_start(pthread_t *ret, void *(*fn)(void *arg), void *arg)
{
    sigset_t all, before;
    int failed;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(ret, NULL, fn, arg); /* it inherits the mask */
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed ? RAISE(JET_errOutOfThreads) : JET_errSuccess;
}
