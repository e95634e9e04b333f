#!/usr/bin/env python3
"""sortkey_table.py [OUT] - makes engine/rec/sortkey_table.h from Python's own Unicode data.

The table is part of the sort keys that databases hold. A change of it is a change of every key: then
SORTKEY_VERSION in engine/rec/sortkey.h must change too. So it is made once and kept, not made by the build.

  ..._blocks  where to begin to look, for each 256 characters
  kinds       from which character on which kind: ignored, punctuation, number, letter, mark
  expansions  characters that sort as others: without accents, case, width, kana type, with what was lost
  uppers      simple upper case, for LCMAP_UPPERCASE
"""
import argparse
import sys
import unicodedata

LETTER, IGNORED, PUNCT, NUMBER, MARK = range(5)
CASE, WIDTH, KANA, COMPAT = 1, 2, 4, 8
HANGUL = range(0xAC00, 0xD7A4)
IGNORABLE = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x3164, 0xFFA0}
IGNORABLE |= set(range(0xFE00, 0xFE10)) | set(range(0xE0100, 0xE01F0))
# Letters that have no decomposition and yet are known as others with something added.
EXTRA = {
    "æ": ("ae", COMPAT), "œ": ("oe", COMPAT), "þ": ("th", COMPAT), "ø": ("o\u0338", 0), "ł": ("l\u0335", 0),
    "đ": ("d\u0335", 0), "ð": ("d\u0334", 0), "ħ": ("h\u0335", 0), "ŧ": ("t\u0335", 0), "ı": ("i", COMPAT),
}


def kind_of(cp):
    c = chr(cp)
    cat = unicodedata.category(c)
    ccc = unicodedata.combining(c)
    if cp in IGNORABLE or cat == "Cf" or (cat == "Cc" and not 9 <= cp <= 13):
        return IGNORED, 0
    if (ccc and ccc != 9) or cat == "Me":
        return MARK, ccc
    if cat[0] in "ZPS" or cat == "Cc":
        return PUNCT, 0
    if cat[0] == "N":
        return NUMBER, 0
    return LETTER, 0


def fold(text):
    """Case folding, decomposition and kana folding until nothing changes; what was lost."""
    flags = 0
    while True:
        out = ""
        for c in unicodedata.normalize("NFKD", text):
            if c in EXTRA:
                out += EXTRA[c][0]
                flags |= EXTRA[c][1]
            elif c.casefold() != c:
                out += c.casefold()
                flags |= CASE if c.lower() != c else COMPAT
            elif "\u30a1" <= c <= "\u30f6" or c in "\u30fd\u30fe":
                out += chr(ord(c) - 0x60)
                flags |= KANA
            else:
                out += c
        out = unicodedata.normalize("NFKD", out)
        if out == text:
            return out, flags
        text = out


def expansions():
    for cp in range(0x110000):
        c = chr(cp)
        if cp in HANGUL or 0xD800 <= cp < 0xE000:
            continue
        out, flags = fold(c)
        if out == c:
            continue
        tag = unicodedata.decomposition(c)
        if tag.startswith("<"):
            flags |= WIDTH if tag.startswith(("<wide>", "<narrow>")) else COMPAT
        yield cp, out, flags


def uppers():
    """(first, last, step, distance) of runs with the same distance, BMP only as UTF-16 units are mapped."""
    runs = []
    for cp in range(0x80, 0x10000):
        if 0xD800 <= cp < 0xE000:
            continue
        up = chr(cp).upper()
        if len(up) != 1 or up == chr(cp) or ord(up) > 0xFFFF:
            continue
        d = ord(up) - cp
        if runs and runs[-1][3] == d:
            first, last, step, _ = runs[-1]
            if cp - last <= 2 and (first == last or cp - last == step):
                runs[-1] = (first, cp, cp - last, d)
                continue
        runs.append((cp, cp, 1, d))
    return runs


def blocks(firsts):
    """For each 256 characters of the BMP, and for its end: the last entry that is not beyond their first one."""
    at, out = 0, []
    for block in range(257):
        while at + 1 < len(firsts) and firsts[at + 1] <= block << 8:
            at += 1
        out.append(str(at))
    return out


def rows(values, per):
    for i in range(0, len(values), per):
        yield "    " + ", ".join(values[i:i + per]) + ",\n"


def main():
    kinds, last = [], None
    for cp in range(0x110000):
        k = kind_of(cp)
        if k != last:
            kinds.append(f"0x{cp | k[0] << 21 | k[1] << 24:08x}")
        last = k
    heads, starts, pool = [], [], []
    places = {}
    for cp, out, flags in expansions():
        raw = out.encode("utf-16-le")
        units = tuple(int.from_bytes(raw[i:i + 2], "little") for i in range(0, len(raw), 2))
        if units not in places:
            places[units] = len(pool)
            pool += units
        assert 0 < len(units) < 32
        heads.append(f"0x{cp | len(units) << 21 | flags << 26:08x}")
        starts.append(f"{places[units]}")
    assert len(pool) < 65536
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("out", nargs="?", metavar="OUT")
    args = p.parse_args()
    out = open(args.out, "w") if args.out else sys.stdout
    w = out.write
    w("/* Made by scripts/sortkey_table.py from Unicode " + unicodedata.unidata_version + "; do not change. */\n")
    w("/* clang-format off */\n")
    w("/* character | kind << 21 | combining class << 24: this one and those up to the next */\n")
    w("static const uint32_t kinds[] = {\n")
    out.writelines(rows(kinds, 9))
    w("};\nstatic const uint16_t kind_blocks[257] = {\n")
    out.writelines(rows(blocks([int(k, 16) & 0x1fffff for k in kinds]), 20))
    w("};\n/* character | number of units << 21 | what is lost << 26 */\n")
    w("static const uint32_t expansion_heads[] = {\n")
    out.writelines(rows(heads, 9))
    w("};\nstatic const uint16_t expansion_blocks[257] = {\n")
    out.writelines(rows(blocks([int(h, 16) & 0x1fffff for h in heads]), 20))
    w("};\n/* where each one's units begin */\nstatic const uint16_t expansion_starts[] = {\n")
    out.writelines(rows(starts, 16))
    w("};\nstatic const uint16_t expansion_units[] = {\n")
    out.writelines(rows([f"0x{u:x}" for u in pool], 14))
    w("};\n/* first, last, step, distance: simple upper case of a unit */\n")
    w("static const struct { uint16_t first, last, step; int32_t distance; } uppers[] = {\n")
    out.writelines(rows([f"{{0x{a:x}, 0x{b:x}, {s}, {d}}}" for a, b, s, d in uppers()], 4))
    w("};\n/* clang-format on */\n")


main()
