#!/usr/bin/env python3
"""The commands that change databases: create, load, compact, and what is left when they are killed.

    write.py ESEUTIL
"""
import csv
import io
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

ESEUTIL = os.path.abspath(sys.argv[1])
DATA = os.environ.get("ESE_TEST_DATA", "")
DONE, USAGE, DAMAGED, CANNOT, INTERRUPTED = range(5)
PAGE_SIZES = (4096, 8192, 16384, 32768)
FORMATS = (20, 110)
TYPES = {  # type: texts that dumps print, so that they come back as they went in
    "Bit": ["0", "1"],
    "UnsignedByte": ["0", "255"],
    "Short": ["-32768", "32767"],
    "UnsignedShort": ["0", "65535"],
    "Long": ["-2147483648", "2147483647"],
    "UnsignedLong": ["0", "4294967295"],
    "LongLong": ["-9223372036854775808", "9223372036854775807"],
    "UnsignedLongLong": ["0", "18446744073709551615"],
    "Currency": ["-1", "12345678901234"],
    "IEEESingle": ["1.5", "-3.40282e+38", "0.1"],
    "IEEEDouble": ["-2.25", "1e+300", "0.1", "NaN", "-Infinity"],
    "DateTime": ["2024-02-29T23:59:59", "1899-12-29T06:00:00.250", "1601-01-02T00:00:00", "9999-12-31T00:00:00",
                 "2021-07-08T09:10:11.1234567Z", "0xffffffffffffffff"],
    "GUID": ["01234567-89ab-cdef-0123-456789abcdef"],
    "Binary": ["00ff10"],
    "Text": ["plain", "\u20ac \u00e4 \U0001f600", "quoted \"so\", and\na line"],
    "LongBinary": ["ab" * 5000],
    "LongText": ["x" * 9000, "\u4e2d" * 3000],
}


def run(*args, **more):
    return subprocess.run((ESEUTIL,) + tuple(str(a) for a in args), capture_output=True, timeout=120, **more)


class Write(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="esefs-write-")
        self.db = os.path.join(self.top, "a.edb")

    def tearDown(self):
        shutil.rmtree(self.top)

    def expect(self, status, *args, **more):
        r = run(*args, **more)
        self.assertEqual(r.returncode, status, "%s: %s%s" % (args, r.stdout[-300:], r.stderr[-900:]))
        return r

    def expect_sound(self, db=None):
        """Clean, without a finding, and nothing beside it."""
        db = db or self.db
        with open(db, "rb") as f:
            self.assertEqual(f.read(56)[52:], b"\3\0\0\0")
        r = self.expect(DONE, "integrity", db)
        self.assertEqual(r.stdout + r.stderr, b"")
        self.assertEqual(self.expect(DONE, "verify", db).stderr, b"")
        self.assertEqual([n for n in os.listdir(os.path.dirname(db)) if ".eseutil" in n or ".partial" in n or
                          n.endswith((".log", ".jrs", ".chk", ".jtx"))], [])

    def create(self, *options):
        self.expect(DONE, "create", *options, self.db)

    def load(self, text, *options, status=DONE, table="T"):
        if isinstance(text, str):
            text = text.encode()
        r = self.expect(status, "load", *options, self.db, table, input=text)
        self.expect_sound()
        return r

    def rows(self, table="T", db=None):
        r = self.expect(DONE, "dump", "--format=jsonl", db or self.db, table)
        return [json.loads(line) for line in r.stdout.splitlines()]

    def columns(self, table="T"):
        tables = json.loads(self.expect(DONE, "tables", "--json", self.db).stdout)["Tables"]
        return {c["Name"]: c for t in tables if t["Name"] == table for c in t["Columns"]}

    # ---- create

    def test_every_page_size_and_format(self):
        for size in PAGE_SIZES:
            for fmt in FORMATS:
                self.create("--page-size", size, "--format", fmt)
                self.expect_sound()
                with open(self.db, "rb") as f:
                    page = f.read(size)
                self.assertEqual(struct.unpack_from("<I", page, 236)[0], size)
                self.assertEqual(struct.unpack_from("<I", page, 232)[0], fmt)
                self.load("id,text\n" + "".join("%d,%s\n" % (i, "y" * (i % 700)) for i in range(1500)),
                          "--types=id:Long")
                self.assertEqual([r["id"] for r in self.rows()], list(range(1500)))
                dest = os.path.join(self.top, "b.edb")
                self.expect(DONE, "compact", self.db, dest)
                self.expect_sound(dest)
                self.assertEqual(self.rows(db=dest), self.rows())
                with open(dest, "rb") as f:
                    self.assertEqual(f.read(240)[232:], page[232:240])
                os.unlink(self.db)
                os.unlink(dest)

    def test_create_makes_nothing_where_it_must_not(self):
        self.create()
        before = open(self.db, "rb").read()
        self.expect(CANNOT, "create", self.db)
        self.assertEqual(open(self.db, "rb").read(), before)
        self.expect(CANNOT, "create", os.path.join(self.top, "no", "such.edb"))
        for args in (("--page-size", 2048), ("--page-size", "4096x"), ("--format", 30)):
            self.expect(USAGE, "create", *args, os.path.join(self.top, "c.edb"))
        self.assertEqual(os.listdir(self.top), ["a.edb"])

    # ---- load

    def test_what_is_dumped_can_be_loaded(self):
        """Every type, by CSV and by JSON lines."""
        self.create()
        out = io.StringIO()
        w = csv.writer(out, lineterminator="\n")
        w.writerow(TYPES)
        for i in range(max(map(len, TYPES.values())) + 1):
            w.writerow([v[i] if i < len(v) else "" for v in TYPES.values()])
        types = "--types=" + ",".join("%s:%s" % (t, t.lower()) for t in TYPES)
        self.load(out.getvalue(), types)
        self.assertEqual({n: c["Type"] for n, c in self.columns().items()}, {t: t for t in TYPES})
        dumped = self.expect(DONE, "dump", self.db, "T").stdout
        table = list(csv.DictReader(io.StringIO(dumped.decode(), newline="")))
        for name, values in TYPES.items():
            self.assertEqual([r[name] for r in table][:len(values)], values, name)
            self.assertEqual({r[name] for r in table[len(values):]}, {""}, name)
        canonical = self.expect(DONE, "dump", "--format=canonical", self.db).stdout
        for fmt in ("csv", "jsonl"):
            text = self.expect(DONE, "dump", "--format=" + fmt, self.db, "T").stdout
            os.unlink(self.db)
            self.create()
            # all columns in the order of the first time: the numbers of columns are in the canonical form
            self.load(",".join(TYPES) + "\n", types)
            self.load(text, "--format=" + fmt)
            self.assertEqual(self.expect(DONE, "dump", "--format=canonical", self.db).stdout, canonical)

    def test_csv_as_programs_write_it(self):
        self.create()
        self.load(b'\xef\xbb\xbf"id",name\r\n1,"a ""b"", c"\r\n2,""\r\n3,\r\n\r\n4,"two\r\nlines"\r\n5,plain "x"',
                  "--types=id:Long")
        self.assertEqual(self.rows(), [
            {"id": 1, "name": 'a "b", c'}, {"id": 2, "name": ""}, {"id": 3}, {"id": 4, "name": "two\r\nlines"},
            {"id": 5, "name": 'plain "x"'}])

    def test_json_lines_with_arrays(self):
        self.create()
        self.load('\n{"id": 1, "tags": ["a", "b\\u00e4\\ud83d\\ude00", ""], "n": [3, 2]}\r\n'
                  '{"$table": "X", "id": -2, "tags": [], "n": 7, "on": true}\n{ }\n{"id":null,"tags":"c"}',
                  "--types=id:Long,n:Short,on:Bit", "--format=jsonl")
        self.assertEqual(self.rows(), [
            {"id": 1, "tags": ["a", "b\u00e4\U0001f600", ""], "n": [3, 2]}, {"id": -2, "n": [7], "on": True}, {},
            {"tags": ["c"]}])
        self.load("id,tags\n9,\"[\"\"p\"\",\"\"q\"\"]\"\n10,[no json\n")
        self.assertEqual(self.rows()[4:], [{"id": 9, "tags": ["p", "q"]}, {"id": 10, "tags": ["[no json"]}])
        self.load('{"late": "one"}\n{"late": ["one", "two"]}\n', "--format=jsonl", "--types=late:LongText[]")
        self.assertEqual(self.rows()[6:], [{"late": ["one"]}, {"late": ["one", "two"]}])

    def test_files_say_their_format_by_their_names(self):
        self.create()
        path = os.path.join(self.top, "rows.jsonl")
        with open(path, "w") as f:
            f.write('{"a": "1"}\n')
        self.assertEqual(self.expect(DONE, "load", self.db, "T", path).stdout, b"1 rows loaded into T\n")
        self.assertEqual(self.rows(), [{"a": "1"}])
        self.expect(CANNOT, "load", self.db, "T", os.path.join(self.top, "missing.csv"))

    def test_a_bad_row_ends_it_and_the_rows_before_it_are_there(self):
        bad = [  # (input, options, line, what is said)
            ("id,x\n1,a\n2,\"two\nlines\"\nthree,c\n4,d\n", (), 5, "column id"),
            ("id,x\n1,a\n2,b\n3\n", (), 4, "another number of cells"),
            ("id,x\n1,a\n2,b\n3,\"c", (), 4, "a quote is not closed"),
            ("id,x\n1,a\n2,b\n3,\"c\"d\n", (), 4, "closing quote"),
            (b"id,x\n1,a\n2,b\n3,\xff\n", (), 4, "column x"),
            ("id,x\n1,a\n2,b\n99999999999,c\n", (), 4, "column id"),
            ('{"id":1}\n{"id":2}\n{"id":3,\n', ("--format=jsonl",), 3, "JSON"),
            ('{"id":1}\n{"id":2}\n{"id":{}}\n', ("--format=jsonl",), 3, "JSON"),
            ('{"id":1}\n{"id":2}\n{"id":bare}\n', ("--format=jsonl",), 3, "JSON"),
            ('{"id":1}\n{"id":2}\n{"id":[3,4]}\n', ("--format=jsonl",), 3, "several values"),
            ('{"id":1}\n{"id":2}\n{"id":"\\u0000"}\n', ("--format=jsonl",), 3, "column id"),
        ]
        for number, (text, options, line, what) in enumerate(bad):
            self.create()
            r = self.load(text, "--types=id:Long", *options, status=DAMAGED)
            self.assertIn("-: line %d: " % line, r.stderr.decode(), number)
            self.assertIn(what, r.stderr.decode(), number)
            self.assertEqual(r.stdout, b"2 rows loaded into T\n", number)
            self.assertEqual([row["id"] for row in self.rows()], [1, 2], number)
            os.unlink(self.db)

    def test_a_bad_row_behind_many_batches(self):
        self.create()
        text = "id\n" + "".join("%d\n" % i for i in range(3456)) + "x\n"
        self.assertIn(b"line 3458: column id", self.load(text, "--types=id:Long", status=DAMAGED).stderr)
        self.assertEqual(len(self.rows()), 3456)

    def test_what_is_misspelt_changes_nothing(self):
        self.create()
        before = open(self.db, "rb").read()
        for types in ("id", "id:Lnog", ":Long", "id:Long,", "other:Long", "id:Long[", ""):
            self.load("id\n1\n", "--types=" + types, status=USAGE)
        self.load("id\n1\n", "--format=xml", status=USAGE)
        self.load("", status=DAMAGED)
        self.load("a,a\n1,2\n", status=DAMAGED)
        self.assertEqual(open(self.db, "rb").read(), before)
        self.expect(CANNOT, "load", os.path.join(self.top, "missing.edb"), "T", input=b"a\n")
        with open(os.path.join(self.top, "text.edb"), "w") as f:
            f.write("no database\n" * 1000)
        self.assertIn(run("load", os.path.join(self.top, "text.edb"), "T", input=b"a\n").returncode, (DAMAGED, CANNOT))
        self.load("\n1\n", status=DAMAGED)  # a name without characters

    def test_a_table_that_is_there(self):
        self.create()
        self.load("id,name\n1,a\n", "--types=id:UnsignedByte")
        self.load("name,more,id\nb,c,2\n")
        self.assertEqual(self.rows(), [{"id": 1, "name": "a"}, {"id": 2, "name": "b", "more": "c"}])
        self.assertIn(b"line 2: column id", self.load("id\n256\n", status=DAMAGED).stderr)
        self.load("id\n3\n", table="Other")
        self.assertEqual(self.rows("Other"), [{"id": "3"}])
        self.assertEqual(len(self.rows()), 2)

    # ---- interrupted

    def feed(self, signo):
        """Feeds a load that never ends, then sends it a signal; its process."""
        p = subprocess.Popen([ESEUTIL, "load", "--types=id:Long", self.db, "T"], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        p.stdin.write(b"id,text\n" + b"".join(b"%d,%s\n" % (i, b"z" * 200) for i in range(20000)))
        p.stdin.flush()
        time.sleep(0.2)
        p.send_signal(signo)
        return p

    def test_an_interrupt_leaves_whole_rows_and_no_logs(self):
        self.create()
        p = self.feed(signal.SIGINT)
        out, _ = p.communicate(timeout=60)
        self.assertEqual(p.returncode, INTERRUPTED)
        self.expect_sound()
        rows = self.rows()
        self.assertEqual(out, b"%d rows loaded into T\n" % len(rows))
        self.assertEqual([r["id"] for r in rows], list(range(len(rows))))

    def test_a_killed_load_is_recovered(self):
        self.create()
        self.load("id,text\n-1,first\n", "--types=id:Long")
        p = self.feed(signal.SIGKILL)
        p.communicate()
        scratch = self.db + ".eseutil"
        self.assertTrue(os.path.isdir(scratch))
        r = self.expect(CANNOT, "load", self.db, "T", input=b"id\n5\n")
        self.assertIn(b"recover", r.stderr)
        self.expect(DONE, "recover", self.top)
        shutil.rmtree(scratch)
        self.expect_sound()
        ids = [r["id"] for r in self.rows()]
        self.assertEqual(ids, list(range(-1, len(ids) - 1)))
        self.load("id\n123456\n")
        self.assertEqual(self.rows()[-1], {"id": 123456})

    # ---- compact

    def compact(self, path):
        dest = os.path.join(self.top, "compact.edb")
        before = os.stat(path)
        self.expect(DONE, "compact", path, dest)
        self.expect_sound(dest)
        after = os.stat(path)
        self.assertEqual((before.st_mtime_ns, before.st_size), (after.st_mtime_ns, after.st_size))
        self.assertEqual(self.expect(DONE, "dump", dest).stdout, self.expect(DONE, "dump", path).stdout, path)
        # Entries count deleted ones that nobody has cleaned up, as in a file that was copied from under its engine.
        drop = ("Entries",) if run("verify", path).stderr else ()
        self.assertEqual(self.definitions(dest, drop), self.definitions(path, drop), path)
        os.unlink(dest)

    def definitions(self, path, drop):
        """Tables, columns and indexes, but for their numbers, places and sizes."""
        drop += ("Object", "RootPage", "LongValuesRootPage", "Id", "MapFlags")
        found = json.loads(self.expect(DONE, "tables", "--json", path).stdout)["Tables"]

        def clean(x):
            if isinstance(x, dict):  # shorter keys than 255 bytes are not told (JET_IdxInfoCreateIndex3)
                x = {k: v for k, v in x.items() if k not in drop}
                x.update({k: max(x[k], 255) for k in ("KeyMost",) if k in x})
                if x.get("Locale") == "":  # of an index without text: the default one is given
                    x["Locale"] = "en-US"
                return {k: clean(v) for k, v in x.items()}
            return [clean(v) for v in x] if isinstance(x, list) else x
        return clean([t for t in found if not t["Name"].startswith("MSys")])

    def test_compact_gives_back_what_was_deleted(self):
        self.create()
        self.load("id,text\n" + "".join("%d,%s\n" % (i, "q" * 500) for i in range(4000)))
        self.compact(self.db)
        dest = os.path.join(self.top, "b.edb")
        self.expect(DONE, "compact", self.db, dest)
        self.expect(CANNOT, "compact", self.db, dest)
        self.expect(CANNOT, "compact", os.path.join(self.top, "missing.edb"), os.path.join(self.top, "c.edb"))
        self.expect(USAGE, "compact", self.db)
        self.assertEqual(sorted(os.listdir(self.top)), ["a.edb", "b.edb"])

    def test_real_databases_are_compacted(self):
        if not os.path.isdir(DATA):
            self.skipTest("no ESE_TEST_DATA")
        done = 0
        for folder, _, files in sorted(os.walk(DATA)):
            for name in sorted(files):
                path = os.path.join(folder, name)
                if not name.lower().endswith((".edb", ".dat", ".mdb", ".xbim", ".db")):
                    continue
                with open(path, "rb") as f:
                    clean = f.read(56)[52:] == b"\3\0\0\0"
                if clean and ("/windows/" in path or "/clean/" in path or "/format/" in path):
                    self.compact(path)
                    done += 1
                elif not clean and "/windows/" in path:
                    self.expect(CANNOT, "compact", path, os.path.join(self.top, "d.edb"))
        self.assertGreater(done, 20)
        self.assertEqual(os.listdir(self.top), [])

    def test_text_of_a_foreign_sort_order_is_compacted_first(self):
        path = os.path.join(DATA, "engine/p4096_w10/clean/files/test.edb")
        if not os.path.exists(path):
            self.skipTest("no " + path)
        shutil.copy(path, self.db)
        for table, row in (("AllTypes", "vtu,lo\nnew,5\n"), ("Kv", "k\nnew\n")):
            r = self.load(row, table=table, status=CANNOT)
            self.assertIn(b"compact", r.stderr)
            self.assertIn(b"0 rows", r.stdout)
        self.load("seq\n4711\n", table="NoPrimary")
        dest = os.path.join(self.top, "b.edb")
        self.expect(DONE, "compact", self.db, dest)
        os.replace(dest, self.db)
        for table, row in (("AllTypes", "vtu,lo\nnew,5\n"), ("Kv", "k\nnew\n")):
            self.load(row, table=table)

    def test_help(self):
        for c in ("create", "load", "compact"):
            r = self.expect(DONE, c, "--help")
            self.assertTrue(r.stdout.startswith(b"Usage: eseutil " + c.encode()))
            self.assertEqual(r.stderr, b"")
            self.expect(USAGE, c)
            self.expect(USAGE, c, "--no-such-option", self.db)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[2:], verbosity=2)
