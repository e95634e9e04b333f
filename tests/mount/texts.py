#!/usr/bin/env python3
"""texts.py MOUNTPOINT - `status` and `events` of the instance mail through one open file while the instance
changes: one snapshot per open, poll(2) and epoll(7) wake, a growing file grows. Prints "ok" or what is wrong.
"""
import os
import select
import subprocess
import sys
import threading
import time

top = sys.argv[1] + "/mail/"
pri = select.POLLIN | select.POLLPRI


def read(name):
    with open(top + name, "rb") as f:
        return f.read()


def later(command):
    def run():
        time.sleep(0.3)
        with open(top + "control", "wb", buffering=0) as f:
            f.write(command)
    t = threading.Thread(target=run)
    t.start()
    return t


def check(what, right):
    if not right:
        print(what)
        sys.exit(0)


def one_snapshot():
    fd = os.open(top + "status", os.O_RDONLY)
    first = os.pread(fd, 40, 0)
    before = first + os.pread(fd, 65536, 40)
    os.mkdir(top + "backups/during")
    check("status changed under an open file", os.pread(fd, 65536, 0) == before)
    check("an open after the change shows the old text", read("status") != before)
    os.close(fd)


def poll_wakes(name):
    fd = os.open(top + name, os.O_RDONLY)
    old = os.read(fd, 1 << 20)
    p = select.poll()
    p.register(fd, pri)
    check(name + ": poll wakes without a change", p.poll(400) == [])
    t = later(b"hold during" if name == "events" else b"full " + name.encode())
    began = time.monotonic()
    events = p.poll(5000)
    t.join()
    check(name + ": poll does not wake", events and events[0][1] & pri)
    check(name + ": poll takes its time", time.monotonic() - began < 2)
    check(name + ": nothing new after poll woke", os.pread(fd, 1 << 20, 0) != old)
    with open(top + "control", "wb", buffering=0) as f:
        f.write(b"wait")
    os.close(fd)


def epoll_wakes():
    fd = os.open(top + "events", os.O_RDONLY)
    e = select.epoll()
    e.register(fd, select.EPOLLIN | select.EPOLLPRI)
    check("epoll wakes without a change", e.poll(0.4) == [])
    t = later(b"release during")
    check("epoll does not wake", e.poll(5) != [])
    t.join()
    os.close(fd)


def events_grow():
    fd = os.open(top + "events", os.O_RDONLY)
    old = b""
    while part := os.read(fd, 65536):
        old += part
    check("events is not its own size", len(old) == os.fstat(fd).st_size)
    with open(top + "control", "wb", buffering=0) as f:
        f.write(b"hold during")
    more = os.read(fd, 65536)
    check("events does not grow under an open file", b"during" in more)
    check("the size does not follow", os.fstat(fd).st_size == len(old) + len(more))
    with open(top + "control", "wb", buffering=0) as f:
        f.write(b"release during")
    os.close(fd)


one_snapshot()
poll_wakes("status")
poll_wakes("events")
epoll_wakes()
events_grow()
print("ok")
