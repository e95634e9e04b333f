#!/usr/bin/env python3
"""Directory listings, seen entry by entry through getdents64(2). Prints "ok" or what is wrong.

    dirs.py inodes DIR   every d_ino equals st_ino
    dirs.py churn DIR    DIR is an instance's `backups` with backups b1..b40: while some are removed and
                         others renamed between two reads of one listing, every backup that was there
                         all the time is told exactly once
"""
import ctypes
import os
import struct
import sys

libc = ctypes.CDLL(None, use_errno=True)


def getdents(fd, size):
    buf = ctypes.create_string_buffer(size)
    n = libc.syscall(217 if os.uname().machine == "x86_64" else 61, fd, buf, size)
    if n < 0:
        raise OSError(ctypes.get_errno(), "getdents64")
    entries, at = [], 0
    while at < n:
        ino, _, length = struct.unpack_from("<QqH", buf, at)
        entries.append((buf.raw[at + 19:at + length].split(b"\0")[0].decode(), ino))
        at += length
    return entries


def read_all(fd, size, between):
    out = []
    while True:
        part = getdents(fd, size)
        if not part:
            return out
        out += part
        between(len(out))


def inodes(top):
    fd = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    for name, ino in read_all(fd, 4096, lambda n: None):
        st = os.lstat(os.path.join(top, name))
        if name not in (".", "..") and st.st_ino != ino:
            return "%s: d_ino %d, st_ino %d" % (name, ino, st.st_ino)
    return "ok"


def churn(top):
    stay = {"b%d" % i for i in range(1, 41) if i % 4 in (0, 1)}
    go = ["b%d" % i for i in range(2, 41, 4)]
    move = ["b%d" % i for i in range(3, 41, 4)]

    def between(_):
        if go:
            os.rmdir(os.path.join(top, go.pop()))
        if move:
            name = move.pop(0)
            os.rename(os.path.join(top, name), os.path.join(top, "moved-" + name))

    fd = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    names = [n for n, _ in read_all(fd, 64, between)]
    for name in stay:
        if names.count(name) != 1:
            return "%s told %d times in %s" % (name, names.count(name), names)
    for name in names:
        if names.count(name) != 1:
            return "%s told twice" % name
    if go or move:
        return "the listing was over before the changes were"
    now = sorted(os.listdir(top))
    expected = sorted(stay | {"moved-b%d" % i for i in range(3, 41, 4)} | {"latest"})
    return "ok" if now == expected else "afterwards: %s" % now


print({"inodes": inodes, "churn": churn}[sys.argv[1]](sys.argv[2]))
