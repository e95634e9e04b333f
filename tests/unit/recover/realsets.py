#!/usr/bin/env python3
"""eseutil recover on sets that Microsoft's engine and Windows wrote, whole and manipulated.

    realsets.py ESEUTIL

The outcomes of the manipulations are those seen with Microsoft's engine.
"""
import hashlib
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

ESEUTIL = sys.argv[1]
DATA = os.environ.get("ESE_TEST_DATA", "")
DONE, USAGE, DAMAGED, CANNOT = range(4)
DIRTY = ["p4096_w10", "p4096_w10_jtx", "p32768_w10", "p4096_latest"]
SEGMENT = 4096


def run(*args):
    return subprocess.run((ESEUTIL,) + args, capture_output=True, text=True, errors="replace", timeout=120)


def sums(path):
    ret = {}
    for n in os.listdir(path):
        with open(os.path.join(path, n), "rb") as f:
            ret[n] = hashlib.sha256(f.read()).hexdigest()
    return ret


def content(lines):
    """What must be equal: rows, keys, counts; index lines without the flags that a reopen changes."""
    kept = [l for l in lines if l[:1] in "RKN"]
    kept += [" ".join(w for w in l.split(" ") if not w.startswith("lcmap=")) for l in lines if l[:1] == "X"]
    return sorted(kept)


class Recover(unittest.TestCase):
    def setUp(self):
        if not DATA or not os.path.isdir(os.path.join(DATA, "engine")):
            self.skipTest("no ESE_TEST_DATA: real sets are not recovered")
        self.top = tempfile.mkdtemp(prefix="esefs-recover-")
        self.dir = os.path.join(self.top, "set")

    def tearDown(self):
        shutil.rmtree(self.top)

    # ---- helpers ----

    def take(self, path):
        shutil.rmtree(self.dir, ignore_errors=True)
        os.mkdir(self.dir)
        for n in os.listdir(os.path.join(DATA, path)):
            shutil.copyfile(os.path.join(DATA, path, n), self.path(n))

    def take_engine(self, name, kind="dirty"):
        self.take("engine/%s/%s/files" % (name, kind))
        self.expected = os.path.join(DATA, "engine", name, kind, "expected.txt")

    def path(self, name):
        return os.path.join(self.dir, name)

    def remove(self, *names):
        for n in names:
            os.remove(self.path(n))

    def change(self, name, offset, data):
        with open(self.path(name), "r+b") as f:
            f.seek(offset)
            f.write(data)

    def write(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data)

    def read(self, name, offset, size):
        with open(self.path(name), "rb") as f:
            f.seek(offset)
            return f.read(size)

    def recover(self, status, *args):
        r = run("recover", *args, self.dir)
        self.assertEqual(r.returncode, status, r.stdout + r.stderr)
        return r

    def refused(self, error, *words):
        before = sums(self.dir)
        r = self.recover(DAMAGED)
        for w in (error,) + words:
            self.assertIn(w, r.stderr)
        self.assertEqual(sums(self.dir), before, "a refusal changes nothing")

    def same_content(self, where=None, db="test.edb"):
        db = os.path.join(where or self.dir, db)
        r = run("dump", "--format=canonical", "--keys", db)
        self.assertEqual(r.returncode, DONE, r.stderr)
        with open(self.expected, encoding="utf-8", errors="replace") as f:
            want = content(f.read().splitlines())
        self.assertEqual(content(r.stdout.splitlines()), want)

    def sound(self, where=None, db="test.edb"):
        where = where or self.dir
        r = run("integrity", os.path.join(where, db))
        self.assertEqual((r.returncode, r.stderr), (DONE, ""), r.stdout)
        r = run("verify", where)
        self.assertEqual((r.returncode, r.stderr), (DONE, ""), r.stdout)
        self.assertIn("State: clean", run("header", os.path.join(where, db)).stdout)

    def recovers(self):
        r = self.recover(DONE)
        self.same_content()
        self.sound()
        return r

    # ---- whole sets ----

    def test_dirty_sets_recover_and_a_second_time_changes_nothing(self):
        for name in DIRTY:
            with self.subTest(name):
                self.take_engine(name)
                r = self.recovers()
                self.assertIn("undone: 1 transactions", r.stdout)
                before = sums(self.dir)
                self.assertIn("nothing to recover", self.recover(DONE).stdout)
                self.assertEqual(sums(self.dir), before)

    def test_the_header_counts_as_microsofts_recovery_counts(self):
        for name in DIRTY:
            with self.subTest(name):
                self.take_engine(name)
                self.recover(DONE)
                with open(os.path.join(DATA, "engine", name, "dirty", "mh_after_recovery.txt"), errors="replace") as f:
                    theirs = f.read()
                ours = run("header", self.path("test.edb")).stdout
                for a, b in (("Dbtime", r"dbtime: (\d+)"), ("ObjidLast", r"Last Objid: (\d+)")):
                    self.assertIn("\n%s: %s\n" % (a, re.search(b, theirs).group(1)), ours)

    def test_a_windows_11_set_recovers(self):
        self.take("windows/srum-win11-rathbun-dirty")
        self.recover(DONE)
        self.sound(db="SRUDB.dat")
        self.assertFalse(os.path.exists(self.path("SRUDB.jfm")))
        before = sums(self.dir)
        self.recover(DONE)
        self.assertEqual(sums(self.dir), before)

    def test_the_log_ends_as_microsofts_engine_ends_it(self):
        self.take_engine("p4096_w10")
        self.recover(DONE)
        r = run("log", "--records", self.path("edb.log"))
        last = [l.split()[1] for l in r.stdout.splitlines() if l[:2] == "C:"]
        self.assertEqual(last[-5:], ["NOP2", "ShutDownMark", "NOP2", "RecoveryQuit2", "NOP2"])
        self.assertIn("Rollback", last)
        chk = run("header", self.path("edb.chk")).stdout
        quit_at = [l.split()[0] for l in r.stdout.splitlines() if " RecoveryQuit2 " in l][0]
        self.assertIn("LgposCheckpoint: " + quit_at, chk)

    def test_a_dry_run_writes_nothing(self):
        for name in DIRTY:
            self.take_engine(name)
            before = sums(self.dir)
            r = self.recover(DONE, "--dry-run")
            self.assertIn("would undo: 1 transactions", r.stdout)
            self.assertEqual(sums(self.dir), before)

    def test_a_dry_run_of_a_whole_stream_writes_nothing(self):
        self.take_engine("p4096_w10")
        self.remove("test.edb", "edb.chk")
        before = sums(self.dir)
        self.assertIn("test.edb: created", self.recover(DONE, "--dry-run").stdout)
        self.assertEqual(sums(self.dir), before)

    def test_a_copy_is_recovered_and_the_source_left_alone(self):
        dest = os.path.join(self.top, "dest")
        self.take_engine("p4096_w10")
        before = sums(self.dir)
        self.recover(DONE, "--to", dest)
        self.assertEqual(sums(self.dir), before)
        self.same_content(dest)
        self.sound(dest)
        r = self.recover(CANNOT, "--to", dest)
        self.assertIn("not empty", r.stderr)
        self.sound(dest)

    def test_a_copy_that_cannot_be_recovered_leaves_nothing(self):
        dest = os.path.join(self.top, "dest")
        self.take_engine("p4096_w10")
        self.remove("edb00000008.log")
        self.recover(DAMAGED, "--to", dest)
        self.assertFalse(os.path.exists(dest))
        os.mkdir(dest)
        self.recover(DAMAGED, "--to", dest)
        self.assertEqual(os.listdir(dest), [])

    def test_a_locked_instance_is_not_touched(self):
        import fcntl
        self.take_engine("p4096_w10")
        before = sums(self.dir)
        fd = os.open(self.dir, os.O_RDONLY)
        fcntl.flock(fd, fcntl.LOCK_EX)
        r = self.recover(CANNOT)
        os.close(fd)
        self.assertIn("JET_errFileAccessDenied", r.stderr)
        self.assertEqual(sums(self.dir), before)

    def test_the_command_line(self):
        self.assertIn("--dry-run", run("recover", "--help").stdout)
        for args in ((), ("a", "b"), ("--to", "x", "--dry-run", "a"), ("--no-such-option", "a")):
            self.assertEqual(run("recover", *args).returncode, USAGE, args)
        self.assertEqual(run("recover", os.path.join(self.top, "missing")).returncode, CANNOT)
        empty = os.path.join(self.top, "empty")
        os.mkdir(empty)
        self.assertEqual(run("recover", empty).returncode, CANNOT)
        self.take_engine("p4096_w10")
        self.assertIn("XYZ", self.recover(CANNOT, "--base", "XYZ").stderr)
        r = json.loads(self.recover(DONE, "--json", "--base", "EDB").stdout.splitlines()[-1])
        self.assertEqual((r["needed"], r["transactions_undone"]), (True, 1))
        self.assertEqual(r["databases"], [{"path": "test.edb", "result": "recovered"}])

    # ---- manipulations ----

    def test_without_a_usable_checkpoint_it_recovers(self):
        for how in ("deleted", "primary", "both"):
            with self.subTest(how):
                self.take_engine("p4096_w10")
                if how == "deleted":
                    self.remove("edb.chk")
                else:
                    self.change("edb.chk", 100, b"XX")
                if how == "both":
                    self.change("edb.chk", 4196, b"XX")
                self.recovers()

    def test_logs_at_the_end_are_missing(self):
        self.take_engine("p4096_w10")
        self.remove("edb.log")
        self.refused("JET_errRequiredLogFilesMissing (-543)", "generation 0xB")
        self.take_engine("p4096_w10")
        os.rename(self.path("edb.log"), self.path("edbtmp.log"))
        self.refused("JET_errRequiredLogFilesMissing (-543)", "generation 0xB")
        self.take_engine("p4096_w10")
        self.remove("edb.log", "edb0000000A.log")
        self.refused("JET_errRequiredLogFilesMissing (-543)", "generations 0xA to 0xB")
        self.take_engine("p4096_w10")
        self.remove("edb.log", "edbtmp.log")
        self.refused("JET_errMissingLogFile (-528)", "edb.log")

    def test_logs_at_the_start_are_missing(self):
        self.take_engine("p4096_w10")
        self.remove("edb00000006.log")
        self.refused("JET_errMissingLogFile (-528)", "generation 0x6")
        self.remove("edb.chk", *["edb0000000%d.log" % n for n in range(1, 6)])
        self.refused("JET_errRequiredLogFilesMissing (-543)", "generation 0x6")

    def test_logs_in_the_middle_are_missing(self):
        for n in ("8", "A"):
            self.take_engine("p4096_w10")
            self.remove("edb0000000%s.log" % n)
            self.refused("JET_errInvalidLogSequence (-515)", "generation 0x%s is missing" % n)

    def test_damaged_logs_are_refused(self):
        self.take_engine("p4096_w10")
        self.change("edb00000008.log", 9000, b"XXXX")
        self.refused("JET_errLogFileCorrupt (-501)", "edb00000008.log")
        self.take_engine("p4096_w10")
        self.change("edb.log", 300, b"X")
        self.refused("JET_errLogFileCorrupt (-501)", "edb.log")
        self.take_engine("p4096_w10")
        os.truncate(self.path("edb.log"), os.path.getsize(self.path("edb.log")) - SEGMENT)
        self.refused("JET_errLogFileSizeMismatch (-541)")

    def last_segment(self):
        """The partial one at the end of edb.log, which has a shadow behind it."""
        n = max(i for i in range(1, 31) if self.read("edb.log", i * SEGMENT, SEGMENT).strip(b"\0"))
        self.assertEqual(self.read("edb.log", n * SEGMENT, SEGMENT), self.read("edb.log", (n - 1) * SEGMENT, SEGMENT))
        return n - 1

    def test_a_torn_last_segment_is_taken_from_its_shadow(self):
        self.take_engine("p4096_w10")
        n = self.last_segment()
        self.change("edb.log", n * SEGMENT, os.urandom(SEGMENT))
        self.assertIn("its shadow is used", self.recovers().stderr)
        self.take_engine("p4096_w10")
        self.change("edb.log", n * SEGMENT, os.urandom(SEGMENT) + bytes(SEGMENT))
        self.refused("JET_errLogFileCorrupt (-501)")

    def test_a_wrong_bit_in_the_last_segment_is_corrected(self):
        self.take_engine("p4096_w10")
        at = self.last_segment() * SEGMENT + 4000
        self.change("edb.log", at, bytes([self.read("edb.log", at, 1)[0] ^ 1]))
        self.recovers()

    def test_a_database_is_made_anew_from_the_whole_stream(self):
        for name, chk in (("p4096_w10", "edb.chk"), ("p4096_w10_jtx", "edb.jcp"), ("p32768_w10", "edb.chk"),
                          ("p4096_latest", "edb.chk")):
            for kind in ("dirty", "clean"): # a clean stream is closed and opened several times
                with self.subTest("%s/%s" % (name, kind)):
                    self.take_engine(name, kind)
                    self.remove("test.edb", chk)
                    self.assertIn("test.edb: created from the log", self.recovers().stdout)

    def test_a_missing_database_that_the_logs_do_not_create_is_named(self):
        self.take_engine("p4096_w10")
        self.remove("test.edb")
        self.refused("JET_errAttachedDatabaseMismatch (-1216)", "test.edb")
        r = self.recover(DONE, "--ignore-missing")
        self.assertIn("test.edb is not recovered", r.stderr)
        self.assertIn("nothing to recover", self.recover(DONE).stdout)

    def test_lost_logs_can_be_done_without(self):
        self.take_engine("p4096_w10")
        self.remove("test.edb", "edb.chk", "edb00000008.log")
        self.refused("JET_errInvalidLogSequence (-515)", "generation 0x8 is missing")
        there = sorted(os.listdir(self.dir))
        r = self.recover(DONE, "--ignore-lost-logs", "--dry-run")
        self.assertIn("would remove: 3 logs", r.stdout)
        self.assertEqual(sorted(os.listdir(self.dir)), there)
        r = self.recover(DONE, "--ignore-lost-logs")
        self.assertIn("test.edb: created from the log", r.stdout)
        self.assertIn("removed: 3 logs", r.stdout)
        self.assertIn("edb0000000A.log: the log goes on from generation 0x7: this one is removed", r.stderr)
        self.sound()
        self.assertIn("nothing to recover", self.recover(DONE).stdout)

    def test_logs_that_a_database_requires_are_not_lost(self):
        self.take_engine("p4096_w10")
        self.remove("edb00000008.log")
        before = sums(self.dir)
        self.assertIn("JET_errInvalidLogSequence (-515)", self.recover(DAMAGED, "--ignore-lost-logs").stderr)
        self.remove("edb00000009.log", "edb0000000A.log", "edb.log")
        self.assertIn("JET_errRequiredLogFilesMissing (-543)", self.recover(DAMAGED, "--ignore-lost-logs").stderr)
        self.assertEqual({n: s for n, s in before.items() if n in os.listdir(self.dir)}, sums(self.dir))

    def test_a_database_whose_creation_was_not_finished_is_removed(self):
        self.take_engine("p4096_w10")
        first = self.read("edb00000001.log", 0, 3 * SEGMENT)
        size = os.path.getsize(self.path("edb00000001.log"))
        for n in os.listdir(self.dir):
            self.remove(n)
        self.write("edb.log", first.ljust(size, b"\0"))
        r = self.recover(DONE)
        self.assertIn("removed, its creation was never finished", r.stdout)
        self.assertEqual(sorted(os.listdir(self.dir)), ["edb.chk", "edb.log"])
        self.assertIn("nothing to recover", self.recover(DONE).stdout)

    def test_pages_that_a_record_makes_anew_may_be_ruined(self):
        self.take_engine("p4096_latest")
        made = [l for n in sorted(os.listdir(self.dir)) if n.endswith(".log") and n >= "edb00000006"
                for l in run("log", "--records", self.path(n)).stdout.splitlines() if " NewPage " in l]
        pages = [int(w[5:]) for l in made for w in l.split() if w.startswith("pgno=")]
        self.assertGreater(len(pages), 3)
        self.change("test.edb", (pages[0] + 1) * 4096, bytes(4096))
        self.change("test.edb", (pages[-1] + 1) * 4096, os.urandom(4096))
        self.recovers()

    def test_a_page_from_another_moment_is_named(self):
        self.take_engine("p4096_w10")
        ops = {}  # page -> {dbtime after: before}
        for n in ("0000000%s" % g for g in "6789A"):
            for l in run("log", "--records", self.path("edb%s.log" % n)).stdout.splitlines():
                f = dict(w.split("=", 1) for w in l.split() if "=" in w)
                if f.get("before", "none").startswith("0x") and "pgno" in f and "dbtime" in f:
                    ops.setdefault(int(f["pgno"]), {})[int(f["dbtime"], 16)] = int(f["before"], 16)
        for page in sorted(ops):
            raw = bytearray(self.read("test.edb", (page + 1) * 4096, 4096))
            dbtime = struct.unpack_from("<Q", raw, 8)[0]
            if ops[page].get(dbtime, dbtime) < dbtime - 1:  # its last change will be looked at again
                break
        else:
            self.fail("no page whose last change is in the logs")
        struct.pack_into("<Q", raw, 8, dbtime - 1)
        self.change("test.edb", (page + 1) * 4096, self.sealed(raw, page))
        r = self.recover(DAMAGED)
        self.assertIn("JET_errDbTimeTooNew (-567)", r.stderr)
        self.assertIn("page %d" % page, r.stderr)

    def sealed(self, raw, pgno):
        """The old checksum format, which is easy to make: XOR and page number, without the flag."""
        flags = struct.unpack_from("<I", raw, 36)[0] & ~0x2000
        struct.pack_into("<I", raw, 36, flags)
        struct.pack_into("<II", raw, 0, 0, pgno)
        x = 0x89ABCDEF
        for w in struct.unpack("<%dI" % (len(raw) // 4), bytes(raw))[1:]:
            x ^= w
        struct.pack_into("<I", raw, 0, x)
        return bytes(raw)

    def test_clean_sets_need_nothing(self):
        for name in ("p4096_w10", "p4096_latest"):
            self.take_engine(name, "clean")
            before = sums(self.dir)
            self.assertIn("nothing to recover", self.recovers().stdout)
            self.assertEqual(sums(self.dir), before)
            for n in os.listdir(self.dir):
                if n.startswith("edb"):
                    self.remove(n)
            self.recover(DONE)

    def test_a_clean_set_with_a_missing_checkpoint_is_replayed_without_effect(self):
        self.take_engine("p4096_w10", "clean")
        before = sums(self.dir)["test.edb"]
        self.remove("edb.chk")
        self.recovers()
        self.assertEqual(sums(self.dir)["test.edb"], before)

    def test_a_clean_set_without_its_current_log_is_refused(self):
        self.take_engine("p4096_w10", "clean")
        self.remove("edb.log")
        self.refused("JET_errMissingLogFile (-528)")

    def test_dirty_databases_without_their_logs_name_what_they_need(self):
        for path, gens in (("bits-artemis-win10", "generation 0xE"), ("ual-kstrike-nondomain", "generation 0x7D")):
            with self.subTest(path):
                self.take("windows/" + path)
                self.refused("JET_errDatabaseDirtyShutdown (-550)", gens)
        self.take_engine("p4096_w10")
        for n in os.listdir(self.dir):
            if n.startswith("edb"):
                self.remove(n)
        self.refused("JET_errDatabaseDirtyShutdown (-550)", "generations 0x6 to 0xB")

    def test_an_old_dirty_copy_beside_clean_logs_is_refused(self):
        self.take_engine("p4096_w10", "clean")
        shutil.copyfile(os.path.join(DATA, "engine/p4096_w10/dirty/files/test.edb"), self.path("test.edb"))
        self.refused("JET_errDatabaseDirtyShutdown (-550)", "test.edb")

    # ---- crashes at other moments ----

    def test_a_stream_cut_anywhere_recovers_to_a_sound_database(self):
        cuts = int(os.environ.get("RECOVER_CUTS", "12"))
        self.take_engine("p4096_w10")
        logs = sorted(n for n in os.listdir(self.dir) if n.startswith("edb0")) + ["edb.log"]
        data = [self.read(n, 0, 1 << 20) for n in logs]
        for i in range(cuts):
            at = (i + 1) * len(logs) * 30 // (cuts + 1)
            gen, segment = at // 30, at % 30 + 1
            with self.subTest(gen=gen + 1, segment=segment):
                shutil.rmtree(self.dir)
                os.mkdir(self.dir)
                for n, d in zip(logs[:gen], data):
                    self.write(n, d)
                self.write("edb.log", data[gen][:(segment + 1) * SEGMENT].ljust(len(data[gen]), b"\0"))
                self.recover(DONE)
                if os.path.exists(self.path("test.edb")):
                    self.sound()


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
