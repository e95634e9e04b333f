#!/usr/bin/env python3
"""Sends signals to a process that is inside one system call; prints how that ended.

    interrupt.py SIG[,SIG...] default|handler mkdir PATH
    interrupt.py SIG[,SIG...] default|handler write PATH TEXT

Prints the errno's name or "ok", or the signal that ended the process, and " within 1 s" if it came that
soon after the last signal. The caller is the process itself: its only thread.
"""
import ctypes
import errno
import os
import signal
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)


def call(args):
    if args[0] == "mkdir":
        return libc.mkdir(os.fsencode(args[1]), 0o777)
    fd = os.open(args[1], os.O_WRONLY)
    return libc.write(fd, args[2].encode(), len(args[2]))


def child(signals, handler, args):
    for s in signals:
        if s != signal.SIGKILL:
            signal.signal(s, (lambda *_: None) if handler else signal.SIG_DFL)
            if handler:
                signal.siginterrupt(s, True)
    os._exit(ctypes.get_errno() if call(args) < 0 else 0)


def main():
    signals = [getattr(signal, "SIG" + s) for s in sys.argv[1].split(",")]
    pid = os.fork()
    if pid == 0:
        child(signals, sys.argv[2] == "handler", sys.argv[3:])
    time.sleep(0.5)
    for s in signals:
        os.kill(pid, s)
        time.sleep(0.2)
    sent = time.monotonic() - 0.2
    _, status = os.waitpid(pid, 0)
    took = time.monotonic() - sent
    if os.WIFSIGNALED(status):
        result = signal.Signals(os.WTERMSIG(status)).name
    else:
        code = os.WEXITSTATUS(status)
        result = errno.errorcode.get(code, str(code)) if code else "ok"
    print(result + (" within 1 s" if took < 1 else " after %.1f s" % took))


main()
