#!/usr/bin/env python3
"""Compares our dump of databases with what esedbexport (libesedb) exports.

usage: compare.py ESEUTIL [DATABASE]...
       compare.py ESEUTIL --of WORKLOAD

Without a database: every one below $ESE_TEST_DATA. --of: those that our own engine makes when it runs the
program tests/tools/workload.c, in every page size and format, what compact makes of one, and databases of
other engines that ours has changed; the other reader must come to their end, and esedbinfo must read them. The same tables, the same number of rows and the same
values, after both sides were brought to one form. What the other reader cannot open, or where it breaks
off, is said and left out. Then, for every column, one value that was found equal is changed and must be
found different: the comparison is worth what it finds.

The other reader is libesedb 20181229. Where its output is known to be wrong, or to say less than ours, the
rule is in same() or forgiven(), with the reason, and is counted in what is printed; nothing else is
forgiven. Exit status: 0 all the same, 1 a difference, 77 esedbexport or the data is missing.
"""

import collections
import datetime
import json
import math
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile

OLE_EPOCH = datetime.datetime(1899, 12, 30)
FILETIME_EPOCH = datetime.datetime(1601, 1, 1)
MONTHS = {m: i + 1 for i, m in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split())}
INTEGERS = {"UnsignedByte": 8, "Short": 16, "UnsignedShort": 16, "Long": 32, "UnsignedLong": 32,
            "Currency": 64, "LongLong": 64, "UnsignedLongLong": 64}
PATIENCE = 20  # seconds; it needs minutes for some catalogues
PIECE = {4096: 4014, 8192: 8110, 16384: 4050, 32768: 8150}  # of a long value, by page size
# libesedb has its own idea of the catalogue's columns: tables and rows are compared, values are not
CATALOGUE = ("MSysObjects", "MSysObjectsShadow")


def nanoseconds(when, nanos=0):
    """Nanoseconds since 1899-12-30, whole ones."""
    delta = when - OLE_EPOCH
    return (delta.days * 86400 + delta.seconds) * 10**9 + nanos


def our_time(text):
    """(kind, number) of a DateTime of ours: raw bits, a FILETIME or a day number, the latter two in
    nanoseconds since 1899-12-30."""
    if text.startswith("0x"):
        return "raw", int(text, 16)
    m = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z?)", text)
    when = datetime.datetime(*map(int, m.groups()[:6]))
    return "filetime" if m[8] else "days", nanoseconds(when, int((m[7] or "").ljust(9, "0")))


def same_time(theirs, ours):
    kind, mine = our_time(ours)
    m = re.fullmatch(r"\(0x([0-9a-f]{8}) 0x([0-9a-f]{8})\)", theirs)
    if m:  # bits that it does not take for a time
        bits = int(m[1] + m[2], 16)
        if kind == "raw":
            return bits == mine
        if kind == "filetime":
            return bits == (mine - nanoseconds(FILETIME_EPOCH)) // 100
        days = struct.unpack("<d", struct.pack("<Q", bits))[0]
        return abs(days * 86400e9 - mine) < 1e6
    m = re.fullmatch(r"(\w{3}) (\d\d), (\d{4}) (\d\d):(\d\d):(\d\d)\.(\d{9})", theirs)
    if not m or kind == "raw":
        return False
    when = datetime.datetime(int(m[3]), MONTHS[m[1]], int(m[2]), int(m[4]), int(m[5]), int(m[6]))
    # of a day number it cuts the seconds off and shows a fraction that is none: 59.231231208 for 0.0
    return abs(nanoseconds(when, int(m[7])) - mine) <= (0 if kind == "filetime" else 10**9)


def same_number(theirs, ours):
    if isinstance(ours, str):
        return theirs.strip("-").lower() == {"NaN": "nan"}.get(ours, "inf")
    try:
        return math.isclose(float(theirs), ours, rel_tol=1e-12, abs_tol=6e-7)
    except ValueError:
        return False


def guid_bytes(text):
    parts = text.split("-")
    return "".join("".join(re.findall("..", p)[::-1]) for p in parts[:3]) + "".join(parts[3:])


def escaped(text):
    text = text.split("\0", 1)[0]  # it ends a text at the first zero
    # it puts surrogates together wrongly: 1023 too low
    text = "".join(chr(ord(c) - 0x3ff) if ord(c) > 0xffff else c for c in text)
    for char, escape in (("\\", "\\\\"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        text = text.replace(char, escape)
    return text


def same(theirs, ours, column):
    """One value of a column; theirs is a cell of the export, ours a value of our JSON."""
    kind = column["Type"]
    if kind == "Bit":
        return theirs == ("true" if ours else "false")
    if kind in ("Currency", "LongLong") and "," in theirs:  # it takes the number for a FILETIME
        return same_time(theirs, (FILETIME_EPOCH + datetime.timedelta(microseconds=ours // 10)).isoformat(
            timespec="microseconds") + "%dZ" % (ours % 10))
    if kind in INTEGERS:  # modulo 2^n: it prints Currency as if it had no sign
        return bool(re.fullmatch(r"-?\d+", theirs)) and (int(theirs) - ours) % 2 ** INTEGERS[kind] == 0
    if kind == "IEEEDouble":
        return same_number(theirs, ours)
    if kind == "DateTime":
        return same_time(theirs, ours)
    if kind == "GUID":
        return theirs == guid_bytes(ours)
    if kind in ("Text", "LongText"):
        return theirs == escaped(ours)
    # of 7-bit text in a binary column it shows a zero more
    return theirs == ours or (column.get("Compressed", False) and theirs == ours + "00")


def is_default(ours, column):
    """Whether a value of ours is the column's default value, by its bytes in the catalogue."""
    raw = bytes.fromhex(column.get("Default", ""))
    kind = column["Type"]
    if "Default" not in column:
        return False
    if kind in INTEGERS:
        return int.from_bytes(raw, "little") == ours % 2 ** INTEGERS[kind]
    if kind in ("Text", "LongText"):
        return raw.decode("utf-16-le" if column["CodePage"] == 1200 else "cp1252") == ours
    if kind == "Bit":
        return (raw != b"\0") == ours
    return kind in ("Binary", "LongBinary") and raw.hex() == ours


def bytes_of(ours, column):
    if column["Type"] not in ("Text", "LongText"):
        return len(ours) // 2
    return len(ours.encode("utf-16-le" if column["CodePage"] == 1200 else "cp1252", "surrogatepass"))


def lacks_pieces(theirs, ours, column, page_size):
    """Of a long value outside of its record it shows some whole pieces, or nothing."""
    if column["Type"] not in ("LongText", "LongBinary") or bytes_of(ours, column) <= 1023:
        return False
    shown = bytes_of(theirs, column)
    mine = escaped(ours) if column["Type"] == "LongText" else ours
    return shown % PIECE[page_size] == 0 and len(theirs) < len(mine) and mine.startswith(theirs)


def is_compressed(theirs, ours, column):
    """Of a value outside of its record it leaves the bytes as they lie there; the upper five bits of the first
    name how: 7-bit ASCII, 7-bit UTF-16, XPRESS."""
    return (column["Type"] == "LongBinary" and column.get("Compressed", False) and bytes_of(ours, column) > 1023 and
            theirs != ours and len(theirs) < len(ours) and int(theirs[:2] or "0", 16) >> 3 in (1, 2, 3))


def forgiven(theirs, ours, column, page_size):
    """Why a cell says nothing about ours; None: it does."""
    one = ours[0] if isinstance(ours, list) and len(ours) == 1 else ours
    if column["Place"] == "fixed" and ours is None and theirs != "":
        return "null fixed columns: it shows the bytes that lie there"
    if column["Type"] == "IEEESingle" and theirs == "0.000000":
        return "IEEESingle: it prints 0.000000 whatever the value"
    if theirs == "" and one is not None and not isinstance(one, list) and is_default(one, column):
        return "default values: it leaves them out"
    if isinstance(one, str) and is_compressed(theirs, one, column):
        return "compressed binary long values: it shows the compressed bytes"
    if isinstance(one, str) and lacks_pieces(theirs, one, column, page_size):
        return "long values: it shows some of their pieces or nothing"
    if not isinstance(one, list) or not all(isinstance(v, str) for v in one):
        return None
    if theirs == "" and len(one) == 2 and bytes_of(one[0], column) == 255:
        return "two values, the first of 255 bytes: it shows nothing"
    if all(len(t.strip("\\")) <= 1 for t in theirs.split("; ")) and max(bytes_of(v, column) for v in one) > 255:
        return "several long values: it shows their numbers as if they were text"
    return None


def same_cell(theirs, ours, column):
    if ours is None:
        return theirs == ""
    if isinstance(ours, list):
        if len(ours) > 1 and column["Type"] not in ("Text", "LongText"):
            # several values that are no text: it shows nothing of them
            return theirs == "" or same(theirs, ours[0], column)
        if all(isinstance(v, str) for v in ours) and column["Type"] in ("Text", "LongText"):
            return theirs == "; ".join(escaped(v) for v in ours)
        ours = ours[0]
    return same(theirs, ours, column)


def changed(ours, column):
    """Another value of the same column."""
    if isinstance(ours, list):
        return ours[:-1] + [changed(ours[-1], column)]
    kind = column["Type"]
    if kind == "Bit":
        return not ours
    if kind in INTEGERS:
        return ours ^ 1
    if kind == "IEEEDouble":
        return ours + max(1.0, abs(ours) / 1000)
    if kind == "DateTime":
        digit = next(i for i in range(len(ours) - 1, -1, -1) if ours[i].isdigit())
        if our_time(ours)[0] == "days":  # beyond what it loses of a day number: a minute
            digit = ours.index("T") + 5
        return ours[:digit] + str((int(ours[digit]) + 1) % 10) + ours[digit + 1:]
    if kind == "GUID":
        return ours[:-1] + ("0" if ours[-1] != "0" else "1")
    return "0" + ours if kind in ("Text", "LongText") else "00" + ours


# ---- running both readers ------------------------------------------------------------------------


def our_tables(eseutil, path):
    """{name: (columns, rows)}"""
    tables = json.loads(subprocess.run([eseutil, "tables", "--json", path], check=True,
                                       stdout=subprocess.PIPE).stdout)["Tables"]
    result = {t["Name"]: (t["Columns"], []) for t in tables}
    dump = subprocess.run([eseutil, "dump", "--format=jsonl", "--system", path], check=True,
                          stdout=subprocess.PIPE).stdout
    for line in dump.splitlines():
        row = json.loads(line)
        result[row.pop("$table")][1].append(row)
    for table in tables:
        if table["Rows"] != len(result[table["Name"]][1]):
            raise SystemExit(f"{path}: {table['Name']}: tables says {table['Rows']} rows")
    return result


def their_tables(path, work):
    """{name: (column names, rows)}, and whether it came to the end."""
    result = {}
    try:
        complete = subprocess.run(["esedbexport", "-t", os.path.join(work, "x"), path], timeout=PATIENCE,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
    except subprocess.TimeoutExpired:
        complete = False
    exported = os.path.join(work, "x.export")
    names = sorted(os.listdir(exported), key=lambda n: int(n.rsplit(".", 1)[1])) if os.path.isdir(exported) else []
    if not complete and names:
        names.pop()  # it broke off in this one
    for name in names:
        with open(os.path.join(exported, name), encoding="utf-8", errors="surrogateescape", newline="\n") as f:
            lines = [line.split("\t") for line in f.read().split("\n")[:-1]]
        result[name.rsplit(".", 1)[0]] = (lines[0], lines[1:])
    return result, complete


class Comparison:
    def __init__(self, path, quiet=False):
        self.path = path
        self.quiet = quiet
        with open(path, "rb") as f:
            self.page_size = struct.unpack_from("<I", f.read(240), 236)[0]
        self.complete = False
        self.differences = 0
        self.values = 0
        self.rows = 0
        self.tables = 0
        self.forgiven = collections.Counter()
        self.columns_proved = 0

    def difference(self, text):
        self.differences += 1
        if self.differences <= 20 and not self.quiet:
            print(f"{self.path}: {text}")

    def column(self, table, column, cells):
        """cells: (theirs, ours) of every row. A changed value must be found."""
        proved = False
        for number, (theirs, ours) in enumerate(cells):
            why = forgiven(theirs, ours, column, self.page_size)
            if why:
                self.forgiven[why] += 1
                continue
            self.values += 1
            if not same_cell(theirs, ours, column):
                self.difference(f"{table}.{column['Name']}, row {number}: {theirs!r}, ours {ours!r}")
            elif ours not in (None, []) and not proved and not (isinstance(ours, list) and theirs == ""):
                proved = True
                self.columns_proved += 1
                if isinstance(ours, list) and len(ours) > 1 and column["Type"] not in ("Text", "LongText"):
                    continue
                if same_cell(theirs, changed(ours, column), column):
                    self.difference(f"{table}.{column['Name']}: a changed value is not found: {ours!r}")

    def table(self, name, theirs, ours):
        names, their_rows = theirs
        columns, our_rows = ours
        self.tables += 1
        self.rows += len(our_rows)
        if len(their_rows) != len(our_rows):
            self.difference(f"{name}: {len(their_rows)} rows, ours {len(our_rows)}")
            return
        if name in CATALOGUE:
            return
        # it shows deleted columns under the name that the engine gives their remains
        kept = [i for i, n in enumerate(names) if not n.startswith("JetStub_")]
        names, their_rows = [names[i] for i in kept], [[r[i] for i in kept] for r in their_rows]
        if names != [c["Name"] for c in columns]:
            self.difference(f"{name}: columns {names}, ours {[c['Name'] for c in columns]}")
            return
        for i, column in enumerate(columns):
            self.column(name, column, [(t[i], o.get(column["Name"])) for t, o in zip(their_rows, our_rows)])


def prove_row_count(path, name, theirs, ours):
    """A row less must be found, too."""
    columns, rows = ours
    scratch = Comparison(path, quiet=True)
    scratch.table(name, theirs, (columns, rows[:-1]))
    return scratch.differences > 0


def compare(eseutil, path):
    comparison = Comparison(path)
    with tempfile.TemporaryDirectory() as work:
        theirs, complete = their_tables(path, work)
    if not theirs:
        print(f"{path}: esedbexport cannot read it")
        return comparison
    comparison.complete = complete
    ours = our_tables(eseutil, path)
    if complete and sorted(theirs) != sorted(ours):
        comparison.difference(f"tables {sorted(theirs)}, ours {sorted(ours)}")
    for name in theirs:
        if name in ours:
            comparison.table(name, theirs[name], ours[name])
            if ours[name][1] and not prove_row_count(path, name, theirs[name], ours[name]):
                comparison.difference(f"{name}: a missing row is not found")
        else:
            comparison.difference(f"table {name} is not ours")
    print(f"{path}: {comparison.tables} tables, {comparison.rows} rows, {comparison.values} values the same"
          f"{'' if complete else ' (esedbexport broke off)'}, {comparison.columns_proved} columns proved"
          if not comparison.differences else f"{path}: {comparison.differences} differences")
    for why, number in sorted(comparison.forgiven.items()):
        print(f"    {number} not compared: {why}")
    return comparison


def databases(top):
    for folder, _, files in sorted(os.walk(top)):
        for name in sorted(files):
            if name.lower().endswith((".edb", ".dat", ".mdb", ".xbim", ".db", ".sdb")):
                yield os.path.join(folder, name)


def is_clean(path):
    """Offset 52 of the header: dbstate 3. Backups and dirty files are torn until they are recovered."""
    with open(path, "rb") as f:
        return f.read(56)[52:56] == b"\3\0\0\0"


def changed_by_ours(eseutil, work):
    """Databases of other engines, into which ours puts rows and tables."""
    data = os.environ.get("ESE_TEST_DATA", "")
    changed = []
    for name, table in (("engine/p4096_w10_libesedb/clean/files/test.edb", "NoPrimary"),
                        ("engine/p32768_w10_libesedb/clean/files/test.edb", "NoPrimary"),
                        ("windows/srum-win10-apt/SRUDB.dat", "{973F5D5C-1D90-4944-BE8E-24B94231A174}")):
        if not os.path.exists(os.path.join(data, name)):
            continue
        path = shutil.copy(os.path.join(data, name), os.path.join(work, f"{len(changed)}.edb"))
        columns = ["b"] if table == "NoPrimary" else ["TimeStamp"]
        values = ["%06x" % i if table == "NoPrimary" else f"2024-01-01T00:{1 + i % 59:02}:00" for i in range(2000)]
        for to, header, rows in ((table, columns, values), ("Ours", ["id", "text"], [f"{v},{v}" for v in values])):
            subprocess.run([eseutil, "load", path, to], input="\n".join([",".join(header)] + rows).encode(),
                           check=True, stdout=subprocess.DEVNULL)
        changed.append(path)
    return changed


def ours(eseutil, workload, work):
    """Databases of our own engine; that none is damaged is tested first."""
    seed = os.environ.get("TEST_SEED") or str(random.SystemRandom().getrandbits(32))
    print(f"TEST_SEED={seed}")
    paths = []
    for page_size in PIECE:
        for fmt in 20, 110:
            folder = os.path.join(work, f"{page_size}.{fmt}")
            os.mkdir(folder)
            subprocess.run([workload, folder, str(page_size), str(fmt), seed], check=True)
            paths.append(os.path.join(folder, "w.edb"))
    paths += changed_by_ours(eseutil, work)
    paths.append(os.path.join(work, "compact.edb"))
    subprocess.run([eseutil, "compact", paths[0], paths[-1]], check=True, stdout=subprocess.DEVNULL)
    for path in paths:
        found = subprocess.run([eseutil, "integrity", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if found.returncode or found.stdout:
            raise SystemExit(f"{path}: {found.stdout.decode()}")
        subprocess.run(["esedbinfo", path], check=True, stdout=subprocess.DEVNULL)
    return paths


def compare_ours(eseutil, workload):
    with tempfile.TemporaryDirectory() as work:
        results = [compare(eseutil, p) for p in ours(eseutil, workload, work)]
    return 1 if any(r.differences or not r.complete or r.tables < 6 or not r.values for r in results) else 0


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    eseutil, paths = sys.argv[1], sys.argv[2:]
    if not shutil.which("esedbexport"):
        print("skipped: esedbexport (libesedb-utils) is not installed")
        return 77
    if paths and paths[0] == "--of":
        return compare_ours(eseutil, paths[1])
    if not paths:
        data = os.environ.get("ESE_TEST_DATA", "")
        if not os.path.isdir(data):
            print("skipped: no ESE_TEST_DATA")
            return 77
        paths = [p for p in databases(data) if is_clean(p) or "/windows/" in p]
    results = [compare(eseutil, p) for p in paths]
    read = [r for r in results if r.tables]
    print(f"{len(read)} of {len(results)} databases compared, {sum(r.values for r in read)} values, "
          f"{sum(r.differences for r in read)} differences")
    return 1 if any(r.differences for r in results) or not read else 0


if __name__ == "__main__":
    sys.exit(main())
