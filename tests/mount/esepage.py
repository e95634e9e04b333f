"""ESE pages, as far as tests must damage them on purpose: checksums, references, headers.

Written from the format, not from the C code, so that the two check each other.
"""
import struct

FLAGS, NEW_CHECKSUM = 36, 0x2000
ROOT, LEAF, PARENT_OF_LEAF, EMPTY, SPACE = 1, 2, 4, 8, 0x20
ODD = [0xAAAAAAAAAAAAAAAA, 0xCCCCCCCCCCCCCCCC, 0xF0F0F0F0F0F0F0F0,
       0xFF00FF00FF00FF00, 0xFFFF0000FFFF0000, 0xFFFFFFFF00000000]


def ecc(block, pgno, header):
    index = total = 0
    for i, word in enumerate(struct.unpack("<%dQ" % (len(block) // 8), block)):
        if header and i == 0:
            continue
        total ^= word
        if bin(word).count("1") & 1:
            index ^= i << 6
    for k, mask in enumerate(ODD):
        index |= (bin(total & mask).count("1") & 1) << k
    odd = bin(total).count("1") & 1
    inverse = index ^ (len(block) * 8 - 1 if odd else 0)
    return inverse << 48 | index << 32 | ((total ^ total >> 32) & 0xFFFFFFFF) ^ pgno


def seal(page, pgno):
    """The page with the checksum that its bytes need."""
    page = bytearray(page)
    block = len(page) if len(page) <= 8192 else len(page) // 4
    struct.pack_into("<I", page, FLAGS, struct.unpack_from("<I", page, FLAGS)[0] | NEW_CHECKSUM)
    for i in range(1, len(page) // block):
        struct.pack_into("<Q", page, 40 + 8 * (i - 1), ecc(page[i * block:(i + 1) * block], pgno, False))
    struct.pack_into("<Q", page, 0, ecc(page[:block], pgno, True))
    return bytes(page)


def xor_checksum(block):
    total = 0x89ABCDEF
    for word in struct.unpack("<%dI" % (len(block) // 4), block)[1:]:
        total ^= word
    return total


class Database:
    """A clean database in memory."""

    def __init__(self, data):
        self.data = data
        self.page_size = struct.unpack_from("<I", data, 236)[0] or 4096
        self.last = len(data) // self.page_size - 2
        self.dbtime = struct.unpack_from("<Q", data, 16)[0]
        self.state = struct.unpack_from("<I", data, 52)[0]
        self.gen_min, self.gen_max = struct.unpack_from("<II", data, 296)
        self.used = [n for n in range(1, self.last + 1) if any(self.page(n))]

    def offset(self, n):
        return (n + 1) * self.page_size

    def page(self, n):
        return self.data[self.offset(n):self.offset(n) + self.page_size]

    def flags(self, n):
        return struct.unpack_from("<I", self.page(n), FLAGS)[0]

    def with_page(self, n, page):
        o = self.offset(n)
        return self.data[:o] + bytes(page) + self.data[o + self.page_size:]

    def children(self, n):
        """Child pages of an internal page, in key order."""
        page, small = self.page(n), self.page_size <= 8192
        mask, begin = (0x1FFF, 40) if small else (0x7FFF, 80)
        state = struct.unpack_from("<H", page, 34)[0]
        out = []
        for i in range(max(state >> 12 & 7, 1), state & 0xFFF):
            cb, ib = struct.unpack_from("<HH", page, self.page_size - 4 * (i + 1))
            end = begin + (ib & mask) + (cb & mask)
            out.append(struct.unpack_from("<I", page, end - 4)[0])
        return out

    def leaf_runs(self):
        """Lists of leaves that follow one another under one parent."""
        for n in self.used:
            if self.flags(n) & (PARENT_OF_LEAF | EMPTY) == PARENT_OF_LEAF:
                yield self.children(n)

    def referred(self):
        """Pages that another page names and that are not blank."""
        out = set()
        for n in self.used:
            f = self.flags(n)
            if f & EMPTY:
                continue
            out.update(struct.unpack_from("<II", self.page(n), 16))
            if not f & LEAF:
                out.update(self.children(n))
        return sorted(out & set(self.used))
