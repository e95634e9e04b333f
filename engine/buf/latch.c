/*
 * The latch of a frame when it is not free: waiting in line, and waking who waits.
 *
 * A reader that finds W_X or W_XWAIT stands back; a writer that has to wait sets W_XWAIT, so that
 * readers cannot keep it out for ever. The writer that gets the latch takes W_XWAIT away; the
 * others that wait set it again when they wake. So W_XWAIT is never set without somebody who will
 * take it away.
 *
 * Sleeping (word_sleep): wake is read, then W_SLEEPERS is set by a compare-and-swap on the very
 * word that made one wait, then one sleeps while wake is what it was. Whoever changes the word for
 * the better after that sees W_SLEEPERS and counts wake up; whoever did before makes the swap fail.
 * word_wake clears W_SLEEPERS before it counts, so that a sleeper whose mark is cleared has read
 * the old count and comes back at once.
 *
 * Not here: who may wait for what (txn/inst.h, lock order).
 */
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "buf/buf_priv.h"

#define SPINS \
    100u /* looks before it goes to sleep: latches are mostly held for less than a system call */

static inline void pause_cpu(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

static void futex(_Atomic uint32_t *at, int op, uint32_t value)
{
    /* Failure is coming back early: a signal, or the value had changed. Every caller looks again.
     * */
    (void)syscall(SYS_futex, at, op, value, NULL, NULL, 0);
}

void word_sleep(struct frame *f, uint64_t w)
{
    const uint32_t wake = atomic_load_explicit(&f->wake, memory_order_acquire);

    if (atomic_compare_exchange_strong_explicit(&f->word, &w, w | W_SLEEPERS, memory_order_acq_rel,
                                                memory_order_relaxed))
        futex(&f->wake, FUTEX_WAIT_PRIVATE, wake);
}

void word_wake(struct frame *f)
{
    atomic_fetch_and_explicit(&f->word, ~W_SLEEPERS, memory_order_acq_rel);
    atomic_fetch_add_explicit(&f->wake, 1, memory_order_release);
    futex(&f->wake, FUTEX_WAKE_PRIVATE, INT32_MAX);
}

void latch_shared_wait(struct frame *f)
{
    for (unsigned spins = 0;; spins++) {
        uint64_t w = word_load(f);

        if (!(w & (W_X | W_XWAIT))) {
            if (try_latch_shared(f))
                return;
        } else if (spins < SPINS) {
            pause_cpu();
        } else {
            word_sleep(f, w);
        }
    }
}

void latch_exclusive_wait(struct frame *f)
{
    for (unsigned spins = 0;; spins++) {
        uint64_t w = word_load(f);

        if (!(w & (W_X | W_SHAREDS))) {
            if (atomic_compare_exchange_strong_explicit(&f->word, &w, (w | W_X) & ~W_XWAIT,
                                                        memory_order_acquire, memory_order_relaxed))
                return;
        } else if (spins < SPINS) {
            pause_cpu();
        } else if ((w & W_XWAIT) ||
                   atomic_compare_exchange_strong_explicit(
                       &f->word, &w, w | W_XWAIT, memory_order_relaxed, memory_order_relaxed)) {
            word_sleep(f, w | W_XWAIT);
        }
    }
}

/* ---- for everybody ---------------------------------------------------------------------------- */

void buf_latch(struct buf *b, enum buf_latch how)
{
    if (how == BUF_SHARED)
        latch_shared(frame_of(b));
    else if (how == BUF_EXCLUSIVE)
        latch_exclusive(frame_of(b));
}

bool buf_try_latch(struct buf *b, enum buf_latch how)
{
    if (how == BUF_SHARED)
        return try_latch_shared(frame_of(b));
    return how == BUF_PIN || try_latch_exclusive(frame_of(b));
}

bool buf_try_upgrade(struct buf *b)
{
    struct frame *f = frame_of(b);
    uint64_t w = word_load(f);

    while ((w & (W_SHAREDS | W_X)) == W_SHARED)
        if (atomic_compare_exchange_weak_explicit(&f->word, &w, (w - W_SHARED) | W_X,
                                                  memory_order_acquire, memory_order_relaxed))
            return true;
    return false;
}

void buf_downgrade(struct buf *b)
{
    struct frame *f = frame_of(b);
    uint64_t w = atomic_fetch_add_explicit(&f->word, W_SHARED - W_X, memory_order_release);

    if (unlikely(w & W_SLEEPERS))
        word_wake(f);
}

void buf_unlatch(struct buf *b, enum buf_latch how)
{
    if (how == BUF_SHARED)
        unlatch_shared(frame_of(b));
    else if (how == BUF_EXCLUSIVE)
        unlatch_exclusive(frame_of(b));
}
