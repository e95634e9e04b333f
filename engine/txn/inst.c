/* The end of an instance that cannot go on; see inst.h. */
#include "txn/inst.h"

#include <assert.h>
#include <sched.h>

#include "txn/trx_priv.h"

JET_ERR inst_fail(struct inst *in, JET_ERR err)
{
    JET_ERR none = JET_errSuccess;

    assert(err < 0);
    if (atomic_compare_exchange_strong(&in->failed, &none, err))
        fault(&in->r, err, 0, 0, ESE_NO_OFFSET,
              "the instance is down, and only a recovery brings it back");
    return err;
}

void spin_wait(unsigned *round)
{
    if (++*round % 64 == 0) /* whoever holds it may have lost the processor */
        sched_yield();
    else
        __builtin_ia32_pause();
}
