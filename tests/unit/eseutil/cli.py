#!/usr/bin/env python3
"""eseutil as a user meets it: exit statuses, help, JSON, where messages go.

    cli.py ESEUTIL MKINSTANCE
"""
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import unittest

ESEUTIL, MKINSTANCE = sys.argv[1:3]
COMMANDS = ["header", "log", "verify", "integrity", "tables", "space", "dump"]
DONE, USAGE, DAMAGED, CANNOT, INTERRUPTED = range(5)


def run(*args):
    return subprocess.run((ESEUTIL,) + args, capture_output=True, text=True, errors="replace", timeout=120)


class Cli(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.top = tempfile.mkdtemp(prefix="esefs-cli-")
        cls.inst = os.path.join(cls.top, "mail")
        subprocess.run([MKINSTANCE, cls.inst, "200", "4096"], check=True)
        cls.db = os.path.join(cls.inst, "mail.edb")
        cls.log = os.path.join(cls.inst, "edb.log")
        cls.chk = os.path.join(cls.inst, "edb.chk")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.top)

    def copy(self, name, path=None):
        to = os.path.join(self.top, name)
        shutil.copy(path or self.db, to)
        return to

    def change(self, path, offset, data):
        with open(path, "r+b") as f:
            f.seek(offset)
            f.write(data)

    def expect(self, status, *args):
        r = run(*args)
        self.assertEqual(r.returncode, status, "%s: %s%s" % (args, r.stdout[-300:], r.stderr[-600:]))
        return r

    def test_help_and_version(self):
        for c in COMMANDS:
            r = self.expect(DONE, c, "--help")
            self.assertIn("Usage: eseutil " + c, r.stdout)
            self.assertEqual(r.stderr, "")
        self.assertIn("0x620", self.expect(DONE, "--version").stdout)
        for c in COMMANDS:
            self.assertIn(c, self.expect(DONE, "--help").stdout)

    def test_usage_errors(self):
        self.expect(USAGE)
        self.expect(USAGE, "no-such-command")
        for c in COMMANDS:
            self.expect(USAGE, c)
            self.expect(USAGE, c, "--no-such-option", self.db)
        self.expect(USAGE, "dump", "--format=xml", self.db)
        self.expect(USAGE, "dump", "--format=csv", "--keys", self.db)
        self.expect(USAGE, "log", "--from", "xyz", self.log)

    def test_a_sound_instance(self):
        for c in COMMANDS:
            r = self.expect(DONE, c, self.log if c == "log" else self.db)
            self.assertEqual(r.stderr, "")
        r = self.expect(DONE, "verify", self.inst, self.db)
        self.assertIn("0 faults", r.stdout)
        self.assertEqual(self.expect(DONE, "integrity", self.db).stdout, "")
        self.expect(DONE, "log", self.inst)
        self.expect(DONE, "header", self.chk)

    def test_what_cannot_be_done_here(self):
        for c in COMMANDS:
            r = self.expect(CANNOT, c, os.path.join(self.top, "missing"))
            self.assertIn("missing", r.stderr)
        self.expect(CANNOT, "header", self.top)
        text = self.copy("text.txt", __file__)
        self.expect(CANNOT, "header", text)
        self.expect(CANNOT, "dump", self.db, "NoSuchTable")
        self.expect(CANNOT, "verify", os.path.join(self.top, "empty"))
        fifo = os.path.join(self.top, "fifo.edb")
        os.mkfifo(fifo)
        self.expect(CANNOT, "verify", fifo)

    def test_an_unknown_version_is_named(self):
        path = self.copy("new.edb")
        with open(path, "rb") as f:
            page = bytearray(f.read(4096))
        struct.pack_into("<I", page, 232, 400)
        total = 0x89ABCDEF
        for word in struct.unpack("<1024I", page)[1:]:
            total ^= word
        struct.pack_into("<I", page, 0, total)
        self.change(path, 0, page)
        self.change(path, 4096, page)
        self.assertIn("0x620.400", self.expect(CANNOT, "dump", path).stderr)

    def test_damage_is_placed(self):
        path = self.copy("two-bits.edb")
        with open(path, "rb") as f:
            f.seek(5 * 4096)
            byte = f.read(101)[100]
        self.change(path, 5 * 4096 + 100, bytes([byte ^ 3]))
        r = self.expect(DAMAGED, "verify", path)
        self.assertIn("two-bits.edb: page 4 (offset 0x5000): JET_errReadVerifyFailure (-1018): ", r.stderr)
        self.assertIn("1 faults", r.stdout)
        self.expect(DAMAGED, "integrity", path)

    def test_one_wrong_bit_is_correctable_damage(self):
        path = self.copy("one-bit.edb")
        with open(path, "rb") as f:
            f.seek(5 * 4096)
            byte = f.read(101)[100]
        self.change(path, 5 * 4096 + 100, bytes([byte ^ 1]))
        self.assertIn("1 correctable", self.expect(DAMAGED, "verify", path).stdout)

    def test_damage_outweighs_what_is_missing(self):
        path = self.copy("worse.edb")
        self.change(path, 5 * 4096 + 100, b"damaged!")
        self.expect(DAMAGED, "verify", path, os.path.join(self.top, "missing"))
        self.expect(DAMAGED, "verify", os.path.join(self.top, "missing"), path)

    def test_json_is_json(self):
        path = self.copy("json.edb")
        self.change(path, 5 * 4096 + 100, b"damaged!")
        lines = [json.loads(line) for line in self.expect(DAMAGED, "verify", "--json", path).stdout.splitlines()]
        self.assertEqual(lines[0]["page"], 4)
        self.assertEqual(lines[0]["number"], -1018)
        self.assertEqual(lines[-1]["faults"], 1)
        self.assertEqual(json.loads(self.expect(DONE, "header", "--json", self.db).stdout)["PageSize"], 4096)
        for args in (("header", "--json", self.chk), ("log", "--json", "--records", self.log),
                     ("tables", "--json", self.db), ("space", "--json", self.db),
                     ("dump", "--format=jsonl", self.db)):
            lines = self.expect(DONE, *args).stdout.splitlines()
            self.assertTrue(lines)
            for line in lines:
                json.loads(line)

    def test_a_full_output_is_not_success(self):
        with open("/dev/full", "w") as full:
            r = subprocess.run([ESEUTIL, "dump", self.db], stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(r.returncode, CANNOT)

    def test_an_interrupt_has_a_status_of_its_own(self):
        read, write = os.pipe()
        p = subprocess.Popen([ESEUTIL, "dump", "--system", self.db] + ["MSysObjects"] * 2000, stdout=write)
        os.close(write)
        os.read(read, 1)
        p.send_signal(signal.SIGINT)
        self.assertEqual(p.wait(timeout=20), INTERRUPTED)
        os.close(read)

    def test_the_input_is_not_written(self):
        before = os.stat(self.db)
        for c in COMMANDS:
            run(c, self.log if c == "log" else self.db)
        after = os.stat(self.db)
        self.assertEqual((before.st_mtime_ns, before.st_size), (after.st_mtime_ns, after.st_size))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
