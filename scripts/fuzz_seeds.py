#!/usr/bin/env python3
"""fuzz_seeds.py TARGET DIR - seeds for a fuzz target, cut out of the real files in ESE_TEST_DATA.

One function for each target writes what that target's comment says its input is. Writes nothing when
there is no data. The same data gives the same seeds. Uses build/engine/eseutil/eseutil.
"""
import argparse
import hashlib
import os
import re
import struct
import subprocess
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
DATA = os.environ.get("ESE_TEST_DATA", os.path.join(TOP, "..", "shared", "data"))
ESEUTIL = os.path.join(TOP, "build", "engine", "eseutil", "eseutil")
MAGIC = 0x89ABCDEF
SEGMENT, SEGMENT_HEADER = 4096, 40
PAGE_SIZES = [4096, 2048, 8192, 16384, 32768]  # fuzz_page.c's order


def files():
    """(path, first 1024 bytes) of every file, in a fixed order."""
    for folder, folders, names in os.walk(DATA):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            with open(path, "rb") as f:
                yield path, f.read(1024)


def databases():
    """(path, page size) of every database with a sound-looking header."""
    for path, head in files():
        if len(head) >= 748 and struct.unpack_from("<I", head, 4)[0] == MAGIC and \
                struct.unpack_from("<I", head, 8)[0] == 0x620:
            size = struct.unpack_from("<I", head, 236)[0] or 4096
            if size in PAGE_SIZES:
                yield path, size


def read(path, offset, length):
    with open(path, "rb") as f:
        f.seek(offset)
        return f.read(length)


def pages_by_kind(per_kind):
    """(page size, pgno, bytes): per database up to per_kind pages of each value of the flags."""
    for path, size in databases():
        seen = {}
        for pgno in range(1, min(os.path.getsize(path) // size - 1, 4000)):
            page = read(path, (pgno + 1) * size, size)
            if len(page) < size or not any(page):
                continue
            kind = struct.unpack_from("<I", page, 36)[0] & ~0x18000  # without the flush type
            seen[kind] = seen.get(kind, 0) + 1
            if seen[kind] <= per_kind:
                yield size, pgno, page


def seed_page():
    for size, pgno, page in pages_by_kind(2):
        for mode in (8, 16) if size > 8192 else (0, 8):
            yield struct.pack("<BI", PAGE_SIZES.index(size) | mode, pgno) + page


def seed_header():
    for path, size in databases():
        yield b"\0" + read(path, 0, 2 * size)
        yield b"\3" + read(path, 0, 2 * size)
        end = os.path.getsize(path)
        yield b"\7" + read(path, end - size, size)  # a backup's trailer page; else a last page


def seed_checkpoint():
    for path, _ in files():
        if path.endswith((".chk", ".jcp")):
            whole = read(path, 0, 8192)
            yield b"\0" + whole
            yield b"\3" + whole


def seed_integrity():
    """The first 40 pages or 256 KiB: header, root, catalogue, the first tables."""
    for path, size in databases():
        yield b"\2" + read(path, 0, min(42 * size, 256 << 10))


def seed_check():
    """Small sets: a log or two, the checkpoint, the first 64 KiB of the database; complete or not."""
    folders = {}
    for path, head in files():
        folders.setdefault(os.path.dirname(path), []).append(path)
    for paths in folders.values():
        def some(endings, most, length):
            found = [p for p in paths if p.lower().endswith(endings)][-most:]
            return [(p, read(p, 0, length)) for p in found]
        logs_, chks, dbs = some((".log", ".jtx"), 2, 65536), some((".chk", ".jcp"), 1, 8192), \
            some((".edb", ".dat", ".mdb", ".db"), 1, 131072)
        for mode, flag in ((0, 0), (1, 4), (0, 8)):
            out = bytes([mode])
            for kind, group in ((1, logs_), (2, chks), (flag, dbs)):
                for path, data in group:
                    current = 16 if len(os.path.basename(path)) == 7 else 0
                    out += struct.pack("<BI", kind | (current if kind == 1 else 0), len(data)) + data
            if len(out) > 1:
                yield out


def logs():
    for path, head in files():
        if path.endswith((".log", ".jtx")) and len(head) >= 671 and struct.unpack_from("<I", head, 667)[0] == 3:
            yield path


def seed_log():
    """Header and four segments, from the start and from the middle, as if the file had no more."""
    for path in logs():
        segments = os.path.getsize(path) // SEGMENT
        header = bytearray(read(path, 0, SEGMENT))
        struct.pack_into("<H", header, 12, 5)
        for first in (1, segments // 2):
            yield bytes([2 | first % 2]) + bytes(header) + read(path, first * SEGMENT, 4 * SEGMENT)
        yield b"\0" + read(path, 0, 5 * SEGMENT)


def seed_logrec():
    """Up to six records of each type, as eseutil lists them."""
    seen = {}
    for path in logs():
        listing = subprocess.run([ESEUTIL, "log", "--records", path], capture_output=True, text=True,
                                 errors="replace", check=False).stdout
        for isec, ib, name, length in re.findall(
                r"^[0-9A-F]+:([0-9A-F]{4}):([0-9A-F]{4}) (\w+) +len=(\d+)", listing, re.M):
            isec, ib, length = int(isec, 16), int(ib, 16) or SEGMENT_HEADER, int(length)
            if seen.get(name, 0) < 6 and ib + length <= SEGMENT:
                seen[name] = seen.get(name, 0) + 1
                yield read(path, isec * SEGMENT + ib, length)


def seed_catalog():
    """The used ones of the first 64 pages, up to 160 KiB."""
    for path, size in databases():
        if size > 16384:
            continue
        pages = b""
        for pgno in range(1, 65):
            page = read(path, (pgno + 1) * size, size)
            if len(page) == size and any(page) and len(pages) < 160 << 10:
                pages += bytes([pgno - 1]) + page
        for form in (0, 1, 2):
            yield bytes([(size // 2048).bit_length() - 1 | form << 2]) + pages


def nodes(size, page):
    """(key, data) of each node of a page; keys without what the page's prefix adds."""
    small = size <= 8192
    header, mask = (40, 0x1FFF) if small else (80, 0x7FFF)
    state = struct.unpack_from("<H", page, 34)[0]
    for tag in range(max(1, state >> 12 & 7), state & 0xFFF):
        length, offset = struct.unpack_from("<HH", page, size - 4 * (tag + 1))
        node = page[header + (offset & mask):][:length & mask]
        flags = offset >> 13 if small else node[1] >> 5
        if flags & 4:
            node = node[2:]
        key = struct.unpack_from("<H", node)[0] & 0x1FFF
        yield node[2:2 + key], node[2 + key:]


def records(per_kind):
    """(page size, record): of each database, up to per_kind for each pair of its highest columns."""
    for path, size in databases():
        seen = {}
        for pgno in range(1, min(os.path.getsize(path) // size - 1, 4000)):
            page = read(path, (pgno + 1) * size, size)
            flags = struct.unpack_from("<I", page, 36)[0]
            if flags & 0x2 and not flags & (0x8 | 0x20 | 0x40 | 0x80 | 0x20000):
                for _, data in nodes(size, page):
                    kind = data[:2]
                    seen[kind] = seen.get(kind, 0) + 1
                    if len(data) >= 4 and seen[kind] <= per_kind:
                        yield size, data


def seed_record():
    for size, record in records(6):
        yield bytes([size > 8192]) + record


def tagged_fields(size, record):
    """(header byte, bytes) of each tagged field that has a header."""
    end, number = struct.unpack_from("<H", record, 2)[0], record[1] - 127
    if number:
        last = struct.unpack_from("<H", record, end + 2 * (number - 1))[0] & 0x7FFF
        end += 2 * number + last
    tagged, small = record[end:], size <= 8192
    if len(tagged) < 4:
        return
    mask = 0x1FFF if small else 0x7FFF
    starts = [struct.unpack_from("<H", tagged, 4 * i + 2)[0]
              for i in range((struct.unpack_from("<H", tagged, 2)[0] & mask) // 4)]
    for start, after in zip(starts, starts[1:] + [len(tagged)]):
        field = tagged[start & mask:after & mask] if after != len(tagged) else tagged[start & mask:]
        if field and (not small or start & 0x4000):
            yield field[0], field[1:]


def seed_xpress():
    """Compressed columns, and pieces of long values that look it; XPRESS also without its header."""
    blobs = [blob for size, record in records(40) for header, blob in tagged_fields(size, record)
             if header & 0x02 and not header & 0x08]
    for size, _, page in pages_by_kind(3):
        if struct.unpack_from("<I", page, 36)[0] & 0x82 == 0x82:
            blobs += [data for key, data in nodes(size, page) if data and 1 <= data[0] >> 3 <= 7]
    by_scheme = {}
    for blob in blobs:
        scheme = by_scheme.setdefault(blob[0] >> 3, [])
        if len(scheme) < 100:
            scheme.append(blob)
            yield struct.pack("<H", 8192) + blob
            if blob[0] >> 3 in (3, 7) and len(blob) > 3:
                yield blob[1:3] + blob[3:]


def manifest(names, generations="0x59-0x5C"):
    digest = hashlib.sha256(b"").hexdigest()
    text = f"""esefs manifest 1
kind offline-copy
ino 4097
created 1795316412.123456789
duration 13042
engine libesent 0.1.0
generations {generations}
databases {names[0]}
pages 606
corrected 0
logs 4
bytes {sum(4096 * n for n in range(len(names)))}
sums {digest}
files {len(names)}
"""
    for number, name in enumerate(sorted(names)):
        text += f"file {4098 + number} {4096 * number} 1795316411.000000001 {digest} {name}\n"
    return text.encode() + b"end " + hashlib.sha256(text.encode()).hexdigest().encode() + b"\n"


def seed_manifest():
    """With the right digest as it is, and to be put right: the order of the modes of fuzz_manifest.c."""
    for names in (["SRUDB.dat"], ["a.edb", "SHA256SUMS", "edb.chk", "edb00000001.log"], ["a%0Ab", "\u00e4"]):
        for generations in ("0x59-0x5C", ""):
            yield b"\0" + manifest(names, generations)
            yield b"\1" + manifest(names, generations)[:-69]


def seed_control():
    for word in ("full", "copy", "verify", "hold", "release", "atomic", "incremental", "prove"):
        for name in ("nightly", "2026-11-22 at three", "\u00fcber", "a/b", "-x", ".x", "latest", "n" * 201, ""):
            yield f"{word} {name}\n".encode()
    for line in ("cancel", "wait", "truncate", "freeze 30", "thaw", "full a\nfull b", "last:7,daily:14,weekly:8",
                 "monthly:12", "mail+edb", "lock", "%41%00"):
        yield line.encode()


SEEDS = {name[5:]: f for name, f in list(globals().items()) if name.startswith("seed_")}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", metavar="TARGET", help="one of " + " ".join(sorted(SEEDS)))
    parser.add_argument("folder", metavar="DIR")
    args = parser.parse_args()
    if args.target not in SEEDS:
        print(f"{args.target}: no seed_{args.target} here, so no seeds")
        return 0
    made = set()
    for data in SEEDS[args.target]():
        name = hashlib.sha256(data).hexdigest()[:16]
        if name not in made:
            made.add(name)
            with open(os.path.join(args.folder, name), "wb") as f:
                f.write(data)
    print(f"{args.target}: {len(made)} seeds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
