#!/usr/bin/env python3
"""Damages instances in every way the format can be damaged, one place at a time, and asks the mount for
a backup each time: it must be refused with EBADMSG or EUCLEAN, naming file, page and offset, leaving
nothing; or, for one wrong bit, be right bit for bit and say so.

    damage.py MOUNT_ESEFS ESEUTIL MKINSTANCE [--places N] [--seed S]

Needs root or fusermount3, /dev/fuse and ESE_TEST_DATA; exits 77 where one is missing.
"""
import argparse
import collections
import errno
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile

from esepage import Database, seal, xor_checksum, FLAGS, LEAF

REFUSED = (errno.EBADMSG, errno.EUCLEAN)


class Instance:
    """One instance under SOURCE and its files as they were."""

    def __init__(self, source, name, files):
        self.name, self.dir = name, os.path.join(source, name)
        os.makedirs(self.dir)
        self.files = {}
        for path in files:
            with open(path, "rb") as f:
                self.files[os.path.basename(path)] = f.read()
        for n in self.files:
            self.write(n, self.files[n])
        self.db_name = next(n for n in self.files if n.lower().endswith((".edb", ".dat", ".db")))
        self.db = Database(self.files[self.db_name])
        self.logs = sorted(n for n in self.files
                           if n.lower().endswith(".log") and "tmp" not in n.lower() and len(n) > 7)
        self.logs = [n for n in self.logs if self.gen(n) >= self.db.gen_min]
        self.clean = self.db.state == 3

    def gen(self, name):
        return struct.unpack_from("<I", self.files[name], 4)[0]

    def write(self, name, data):
        with open(os.path.join(self.dir, name), "wb") as f:
            f.write(data)

    def restore(self):
        for n in os.listdir(self.dir):
            if n not in self.files:
                os.unlink(os.path.join(self.dir, n))
        for n, data in self.files.items():
            self.write(n, data)


Hurt = collections.namedtuple("Hurt", "file data page offset corrected", defaults=(None, None, None, False))


def flip(data, *bits):
    data = bytearray(data)
    for b in bits:
        data[b // 8] ^= 1 << b % 8
    return bytes(data)


# Each returns a Hurt, or None where the instance has nothing to hurt in this way.

def one_bit(i, r):
    n, bit = r.choice(i.db.used), r.randrange(i.db.page_size * 8)
    fixed = bit >= 64 and bit != 36 * 8 + 13
    return Hurt(i.db_name, i.db.with_page(n, flip(i.db.page(n), bit)), n, i.db.offset(n), fixed)


def two_bits(i, r):
    n, size = r.choice(i.db.used), i.db.page_size
    block = size if size <= 8192 else size // 4
    at = r.randrange(size // block) * block * 8
    a, b = r.sample(range(64 if at == 0 else 0, block * 8), 2)
    return Hurt(i.db_name, i.db.with_page(n, flip(i.db.page(n), at + a, at + b)), n, i.db.offset(n))


def random_bytes(i, r):
    n, size = r.choice(i.db.used), i.db.page_size
    length = r.randrange(16, 512)
    at = r.randrange(size - length)
    page = bytearray(i.db.page(n))
    page[at:at + length] = r.randbytes(length)
    return Hurt(i.db_name, i.db.with_page(n, page), n, i.db.offset(n))


def swapped(i, r):
    a, b = sorted(r.sample(i.db.used, 2))
    data = Database(i.db.with_page(a, i.db.page(b))).with_page(b, i.db.page(a))
    return Hurt(i.db_name, data, a, i.db.offset(a))


def zeroed(i, r):
    if not i.clean:
        return None
    n = r.choice(i.db.referred())
    return Hurt(i.db_name, i.db.with_page(n, bytes(i.db.page_size)), n, i.db.offset(n))


def truncated(i, r):
    cut = r.randrange(i.db.offset(2), i.db.offset(i.db.used[-1] * 3 // 4))
    if r.random() < 0.5:
        cut -= cut % i.db.page_size
    if not i.clean and cut % i.db.page_size == 0:
        cut += 1
    return Hurt(i.db_name, i.db.data[:cut])


def header(i, r):
    at = r.choice((0, 1)) * i.db.page_size
    return Hurt(i.db_name, flip(i.db.data, (at + r.randrange(8, 700)) * 8 + r.randrange(8)))


def both_headers(i, r):
    at = r.randrange(8, 700) * 8
    return Hurt(i.db_name, flip(i.db.data, at, at + i.db.page_size * 8))


def stale_by_dbtime(i, r):
    """The page of a little earlier, right in itself; only the logs know better."""
    if not i.clean or not i.in_current_log:
        return None
    n = r.choice(i.in_current_log)
    page = bytearray(i.db.page(n))
    struct.pack_into("<Q", page, 8, struct.unpack_from("<Q", page, 8)[0] - 1)
    return Hurt(i.db_name, i.db.with_page(n, seal(page, n)), n, i.db.offset(n))


def stale_by_links(i, r):
    """A leaf from before its right neighbour was split off."""
    runs = [c for c in i.db.leaf_runs() if len(c) >= 3]
    if not i.clean or not runs:
        return None
    n = r.choice(r.choice(runs)[:-1])
    page = bytearray(i.db.page(n))
    if not struct.unpack_from("<I", page, FLAGS)[0] & LEAF:
        return None
    struct.pack_into("<I", page, 20, 0)
    return Hurt(i.db_name, i.db.with_page(n, seal(page, n)), n, i.db.offset(n))


def pick_log(i, r):
    return r.choice(i.logs) if i.logs and not i.clean else None


def log_one_bit(i, r):
    n = pick_log(i, r)
    if not n:
        return None
    segments = [s for s in range(1, len(i.files[n]) // 4096) if any(i.files[n][s * 4096:s * 4096 + 8])]
    at = r.choice(segments[:-1] or segments) * 4096
    return Hurt(n, flip(i.files[n], at * 8 + r.randrange(64, 4096 * 8)), None, None, None)


def log_two_bits(i, r):
    n = pick_log(i, r)
    if not n:
        return None
    segments = [s for s in range(1, len(i.files[n]) // 4096) if any(i.files[n][s * 4096:s * 4096 + 8])]
    at = r.choice(segments[:-1] or segments) * 4096
    a, b = r.sample(range(64, 4096 * 8), 2)
    return Hurt(n, flip(i.files[n], at * 8 + a, at * 8 + b), None, at)


def log_header(i, r):
    n = pick_log(i, r)
    return n and Hurt(n, flip(i.files[n], r.randrange(4, 4096) * 8))


def log_zeroed_segment(i, r):
    n = pick_log(i, r)
    if not n:
        return None
    data = bytearray(i.files[n])
    data[2 * 4096:3 * 4096] = bytes(4096)
    return Hurt(n, bytes(data))


def log_missing(i, r):
    n = pick_log(i, r)
    return n and Hurt(n, None)


def log_truncated(i, r):
    n = pick_log(i, r)
    return n and Hurt(n, i.files[n][:r.randrange(4096, len(i.files[n]))])


def log_foreign(i, r):
    n = pick_log(i, r)
    if not n:
        return None
    data = bytearray(i.files[n])
    data[44] ^= 0x55  # the random part of the signature
    struct.pack_into("<I", data, 0, xor_checksum(bytes(data[:4096])))
    return Hurt(n, bytes(data))


def log_out_of_sequence(i, r):
    if not i.logs or i.clean or len(i.logs) < 2:
        return None
    a, b = r.sample(i.logs, 2)
    return Hurt(a, i.files[b])


def checkpoint(i, r):
    n = next((n for n in i.files if n.lower().endswith(".chk")), None)
    if not n:
        return None
    at = r.randrange(8, 600) * 8
    return Hurt(n, flip(i.files[n], at, at + 4096 * 8))


KINDS = [one_bit, two_bits, random_bytes, swapped, zeroed, truncated, header, both_headers, stale_by_dbtime,
         stale_by_links, log_one_bit, log_two_bits, log_header, log_zeroed_segment, log_missing,
         log_truncated, log_foreign, log_out_of_sequence, checkpoint]


def read(path):
    with open(path, "rb") as f:
        return f.read()


class Campaign:
    def __init__(self, mount, store):
        self.mount, self.store, self.wrong = mount, store, []
        self.done = collections.Counter()

    def fail(self, i, kind, hurt, why):
        self.wrong.append("%s %s %s page %s offset %s: %s" % (i.name, kind.__name__, hurt.file, hurt.page,
                                                             hurt.offset, why))
        print("WRONG:", self.wrong[-1], flush=True)

    def leftovers(self, i):
        return sorted(n for n in os.listdir(os.path.join(self.store, i.name)) if n not in (".id", ".events"))

    def check_refusal(self, i, kind, hurt, code):
        base = os.path.join(self.mount, i.name)
        if code not in REFUSED:
            return self.fail(i, kind, hurt, "errno %s" % errno.errorcode.get(code, code))
        if os.path.exists(os.path.join(base, "backups", "n")) or self.leftovers(i):
            return self.fail(i, kind, hurt, "something was left: %s" % self.leftovers(i))
        for where in ("status", "events"):
            text = read(os.path.join(base, where)).decode()
            last = text.split("LastError:")[1].split("\n")[0] if where == "status" else text[-4000:]
            want = [] if kind in (log_missing, log_out_of_sequence, log_foreign) else [hurt.file]
            if hurt.page and kind not in (truncated,):
                want += ["page %d" % hurt.page]
            if hurt.offset:
                want += ["0x%X" % hurt.offset]
            for w in want:
                if w not in last:
                    return self.fail(i, kind, hurt, "%s does not name %s: %s" % (where, w, last[-300:]))

    def check_copy(self, i, kind, hurt):
        backup = os.path.join(self.mount, i.name, "backups", "n")
        same = read(os.path.join(backup, hurt.file)) == i.files[hurt.file]
        corrected = os.getxattr(backup, "user.esefs.corrected")
        if not same:
            self.fail(i, kind, hurt, "the copy is not as the file was before the bit flipped")
        if corrected != b"1":
            self.fail(i, kind, hurt, "user.esefs.corrected is %r" % corrected)
        os.rmdir(backup)

    def one(self, i, kind, hurt):
        path = os.path.join(i.dir, hurt.file)
        if hurt.data is None:
            os.unlink(path)
        else:
            i.write(hurt.file, hurt.data)
        try:
            os.mkdir(os.path.join(self.mount, i.name, "backups", "n"))
            code = 0
        except OSError as e:
            code = e.errno
        if hurt.corrected is None:  # the format decides: a bit of the stored checksum cannot be corrected
            hurt = hurt._replace(corrected=code == 0)
        if code == 0 and hurt.corrected:
            self.check_copy(i, kind, hurt)
        elif code == 0:
            self.fail(i, kind, hurt, "a backup was made of it")
            os.rmdir(os.path.join(self.mount, i.name, "backups", "n"))
        elif hurt.corrected:
            self.fail(i, kind, hurt, "one bit was not corrected: %s" % errno.errorcode.get(code, code))
        else:
            self.check_refusal(i, kind, hurt, code)
        i.write(hurt.file, i.files[hurt.file])
        self.done[kind.__name__, i.db.page_size] += 1


def pages_in_current_log(i, eseutil):
    """Pages that the current log of a clean set speaks of: it is the one that a backup holds."""
    name = next((n for n in i.files if n.lower().endswith(".log") and len(n) == 7), None)
    if not name or not i.clean:
        return []
    out = subprocess.run([eseutil, "log", "--records", os.path.join(i.dir, name)], capture_output=True, text=True)
    found = {int(n) for n in re.findall(r"dbid=1 pgno=(\d+) dbtime=", out.stdout)}
    return sorted(found & set(i.db.used))


def instances(source, data, eseutil, mkinstance):
    def whole(rel):
        d = os.path.join(data, rel)
        return [os.path.join(d, n) for n in sorted(os.listdir(d)) if not n.endswith((".jrs", ".jfm", ".RAW"))]

    made = os.path.join(source, "..", "made")
    subprocess.run([mkinstance, made, "400", "2048"], check=True)
    out = [Instance(source, "p2k", [os.path.join(made, n) for n in os.listdir(made)]),
           Instance(source, "p4k-clean", whole("engine/p4096_w10/clean/files")),
           Instance(source, "p4k-dirty", whole("engine/p4096_w10/dirty/files")),
           Instance(source, "p4k-srum", whole("windows/srum-win10-apt")),
           Instance(source, "p8k", [os.path.join(data, "format/g_8192_9600.edb")]),
           Instance(source, "p16k", [os.path.join(data, "format/g_16384_8920.edb")]),
           Instance(source, "p32k-clean", whole("engine/p32768_w10/clean/files")),
           Instance(source, "p32k-dirty", whole("engine/p32768_w10/dirty/files"))]
    for i in out:
        i.in_current_log = pages_in_current_log(i, eseutil)
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("mount_esefs")
    p.add_argument("eseutil")
    p.add_argument("mkinstance")
    p.add_argument("--places", type=int, default=int(os.environ.get("DAMAGE_PLACES", "500")))
    p.add_argument("--seed", type=int, default=int(os.environ.get("TEST_SEED", "0"), 0) or random.randrange(1 << 31))
    a = p.parse_args()
    data = os.environ.get("ESE_TEST_DATA", "")
    if not os.path.isdir(data) or not os.path.exists("/dev/fuse"):
        print("skipped: needs ESE_TEST_DATA and /dev/fuse")
        return 77
    print("damage: seed %d, %d places" % (a.seed, a.places), flush=True)
    r = random.Random(a.seed)
    top = tempfile.mkdtemp(prefix="esefs-damage-")
    source, mount, store = (os.path.join(top, n) for n in ("source", "mount", "store"))
    os.mkdir(source), os.mkdir(mount), os.mkdir(store)
    all_of_them = instances(source, data, a.eseutil, a.mkinstance)
    subprocess.run([a.mount_esefs, source, mount, "-o", "store=" + store], check=True)
    try:
        c = Campaign(mount, store)
        for i in all_of_them:  # each is sound before it is hurt
            os.mkdir(os.path.join(mount, i.name, "backups", "n"))
            os.rmdir(os.path.join(mount, i.name, "backups", "n"))
        turn = 0
        while sum(c.done.values()) < a.places:
            i, kind = all_of_them[turn % len(all_of_them)], KINDS[turn // len(all_of_them) % len(KINDS)]
            turn += 1
            hurt = kind(i, r)
            if hurt and hurt.data != i.files[hurt.file]:
                c.one(i, kind, hurt)
        for i in all_of_them:  # and sound again after it was healed
            i.restore()
            os.mkdir(os.path.join(mount, i.name, "backups", "n"))
    finally:
        subprocess.run(["umount", mount])
        shutil.rmtree(top, ignore_errors=True)
    for (kind, size), n in sorted(c.done.items()):
        print("%-20s %6d bytes: %d" % (kind, size, n))
    print("%d places, %d wrong (seed %d)" % (sum(c.done.values()), len(c.wrong), a.seed))
    return 1 if c.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
