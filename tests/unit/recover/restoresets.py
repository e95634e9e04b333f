#!/usr/bin/env python3
"""eseutil restore on backups that Microsoft's engine made, whole and manipulated.

    restoresets.py ESEUTIL

Where the outcome of a manipulation was seen with Microsoft's engine it is the same here, but for a log that is missing in
between, which is named.
"""
import fcntl
import json
import os
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import unittest

from realsets import CANNOT, DAMAGED, DATA, DONE, ESEUTIL, SEGMENT, USAGE, content, run

SETS = ["p4096_w10", "p32768_w10", "p4096_w10_jtx", "p4096_latest"]
BACKUPS = [  # directory, what it restores to
    ("full/files", "full/expected.txt"),
    ("full_incr/files", "full_incr/expected.txt"),
    ("atomic/files_full1", "atomic/expected_full1.txt"),
    ("atomic/files_full1_incr", "atomic/expected_incr.txt"),
    ("atomic/files_killed_full2", "atomic/expected_incr.txt"),
    ("atomic/files_full2", "atomic/expected_full2.txt"),
    ("online/files", "online/expected.txt"),
]
AT_REST = ["circular", "clean", "dirty"]

def tree(top):
    """Every file below, with its bytes."""
    ret = {}
    for d, _, names in os.walk(top):
        for n in names:
            with open(os.path.join(d, n), "rb") as f:
                ret[os.path.relpath(os.path.join(d, n), top)] = f.read()
    return ret

def xor_sum(raw):
    x = 0x89ABCDEF
    for w in struct.unpack("<%dI" % (len(raw) // 4), bytes(raw))[1:]:
        x ^= w
    return x

class Restore(unittest.TestCase):
    def setUp(self):
        if not DATA or not os.path.isdir(os.path.join(DATA, "engine")):
            self.skipTest("no ESE_TEST_DATA: real backups are not restored")
        self.top = tempfile.mkdtemp(prefix="esefs-restore-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        self.dir = os.path.join(self.top, "set")
        self.dest = os.path.join(self.top, "dest")

    def tearDown(self):
        shutil.rmtree(self.top)

    # ---- helpers ----

    def take(self, path):
        shutil.rmtree(self.dir, ignore_errors=True)
        shutil.copytree(os.path.join(DATA, "engine", path), self.dir)

    def path(self, name):
        return os.path.join(self.dir, name)

    def read(self, name, offset=0, size=-1):
        with open(self.path(name), "rb") as f:
            f.seek(offset)
            return f.read(size)

    def change(self, name, offset, data):
        with open(self.path(name), "r+b") as f:
            f.seek(offset)
            f.write(data)

    def change_block(self, name, offset, size, at, data):
        """Bytes of a block with a checksum like a header's, which is put right."""
        raw = bytearray(self.read(name, offset, size))
        raw[at:at + len(data)] = data
        struct.pack_into("<I", raw, 0, xor_sum(raw))
        self.change(name, offset, raw)

    def change_header(self, at, data, name="test.edb"):
        for copy in (0, 4096):
            self.change_block(name, copy, 4096, at, data)

    def change_trailer(self, at, data, name="test.edb"):
        self.change_block(name, os.path.getsize(self.path(name)) - 4096, 4096, at, data)

    def restore(self, status, *args):
        shutil.rmtree(self.dest, ignore_errors=True)
        r = run("restore", *args, self.dir, self.dest)
        self.assertEqual(r.returncode, status, r.stdout + r.stderr)
        return r

    def refused(self, error, *words, args=()):
        before = tree(self.dir)
        r = self.restore(DAMAGED, *args)
        for w in (error,) + words:
            self.assertIn(w, r.stderr)
        self.assertEqual(os.listdir(self.top), ["set"], "nothing is left of it")
        if not args:  # a proof says the same
            r = run("prove", self.dir)
            self.assertEqual(r.returncode, DAMAGED, r.stdout + r.stderr)
            self.assertIn(error, r.stderr)
        self.assertEqual(tree(self.dir), before, "the backup is only read")

    def dump(self, db):
        r = run("dump", "--format=canonical", "--keys", db)
        self.assertEqual(r.returncode, DONE, r.stderr)
        return content(r.stdout.splitlines())

    def same_content(self, expected, db="test.edb"):
        with open(os.path.join(DATA, "engine", expected), encoding="utf-8", errors="replace") as f:
            want = content(f.read().splitlines())
        self.assertEqual(self.dump(os.path.join(self.dest, db)), want)

    def sound(self, *dbs):
        for db in dbs or ("test.edb",):
            path = os.path.join(self.dest, db)
            r = run("integrity", path)
            self.assertEqual((r.returncode, r.stderr), (DONE, ""), r.stdout)
            head = run("header", path).stdout
            for line in ("State: clean (3)", "GenMinRequired: 0x0", "GenMaxRequired: 0x0"):
                self.assertIn(line, head)
        r = run("verify", self.dest)
        self.assertEqual((r.returncode, r.stderr), (DONE, ""), r.stdout)
        self.assertIn("nothing to recover", run("recover", self.dest).stdout)

    def restores(self, *args):
        before = tree(self.dir)
        r = self.restore(DONE, *args)
        p = run("prove", self.dir)
        self.assertEqual((p.returncode, p.stdout[:7]), (DONE, "clean: "), p.stderr)
        self.assertEqual(tree(self.dir), before, "the backup is only read")
        self.sound()
        return r

    # ---- whole backups ----

    def test_every_backup_restores_to_its_rows(self):
        for name in SETS:
            for path, expected in BACKUPS:
                if not os.path.isdir(os.path.join(DATA, "engine", name, path)):
                    continue
                with self.subTest(name + "/" + path):
                    self.take(name + "/" + path)
                    self.assertIn("restored a backup", self.restores().stdout)
                    self.same_content(name + "/" + expected)
                    jtx = name.endswith("jtx")
                    self.assertEqual(sorted(os.listdir(self.dest)),
                                     sorted(["edb.jcp", "edb.jtx", "test.edb"] if jtx else ["edb.chk", "edb.log", "test.edb"]))

    def test_a_full_and_an_incremental_that_were_merged_restore(self):
        for name in SETS[:2]:
            with self.subTest(name):
                self.take(name + "/full_plus_incr_separate_dirs/files/full")
                incr = os.path.join(DATA, "engine", name, "full_plus_incr_separate_dirs/files/incr")
                self.restores()
                self.same_content(name + "/full_plus_incr_separate_dirs/expected_full.txt")
                shutil.copytree(incr, self.dir, dirs_exist_ok=True)
                self.restores()
                self.same_content(name + "/full_plus_incr_separate_dirs/expected.txt")

    def separate(self, name):
        """The full backup in self.dir, its incremental in a directory of its own; returns that."""
        self.take(name + "/full_plus_incr_separate_dirs/files/full")
        incr = os.path.join(self.top, "incr")
        shutil.rmtree(incr, ignore_errors=True)
        shutil.copytree(os.path.join(DATA, "engine", name, "full_plus_incr_separate_dirs/files/incr"), incr)
        return incr

    def test_an_incremental_in_a_directory_of_its_own_restores(self):
        for name in SETS[:2]:
            with self.subTest(name):
                incr = self.separate(name)
                before = tree(self.top)
                self.restore(DONE, "--incremental", incr)
                self.same_content(name + "/full_plus_incr_separate_dirs/expected.txt")
                self.sound()
                p = run("prove", "--incremental", incr, self.dir)
                self.assertEqual((p.returncode, p.stdout[:7]), (DONE, "clean: "), p.stderr)
                shutil.rmtree(self.dest)
                self.assertEqual(tree(self.top), before, "both are only read")

    def test_several_directories_of_incrementals_restore(self):
        incr, second = self.separate("p4096_w10"), os.path.join(self.top, "second")
        os.mkdir(second)
        os.remove(os.path.join(incr, "edb00000004.log"))
        os.rename(self.path("edb00000004.log"), os.path.join(second, "edb00000004.log"))
        self.refuses_incrementals("JET_errFileNotFound (-1811)", "no log in it", dirs=(incr,), status=CANNOT)
        shutil.copy(os.path.join(second, "edb00000004.log"), self.path("edb00000004.log"))
        self.restore(DONE, "--incremental", incr, "--incremental", second)
        self.same_content("p4096_w10/full_plus_incr_separate_dirs/expected.txt")
        self.restore(DONE, "--stop-at", "4", "--incremental", incr)
        self.same_content("p4096_w10/full_plus_incr_separate_dirs/expected_full.txt")

    def refuses_incrementals(self, error, *words, dirs, status=DAMAGED):
        args = [a for d in dirs for a in ("--incremental", d)]
        for r in (self.restore(status, *args), run("prove", *args, self.dir)):
            self.assertEqual(r.returncode, status, r.stdout + r.stderr)
            for w in (error,) + words:
                self.assertIn(w, r.stderr)
        self.assertFalse(os.path.exists(self.dest))

    def test_what_is_no_incremental_of_the_backup_is_refused(self):
        incr = self.separate("p4096_w10")
        self.refuses_incrementals("JET_errFileNotFound (-1811)", "in the incremental backup number 2", dirs=(incr, self.top), status=CANNOT)
        other = os.path.join(self.top, "other")
        shutil.copytree(os.path.join(DATA, "engine/p4096_w10/full_incr/files"), other)
        for n in os.listdir(other):
            if n not in ("edb0000000B.log", "edb0000000C.log"):
                os.remove(os.path.join(other, n))
        self.refuses_incrementals("JET_errGivenLogFileHasBadSignature (-555)", "edb0000000B.log", dirs=(incr, other))
        self.take("p4096_w10/dirty/files")
        self.refuses_incrementals("JET_errRestoreOfNonBackupDatabase (-615)", dirs=(incr,))

    def test_another_log_of_the_same_generation_is_refused(self):
        incr = self.separate("p4096_w10")
        gen4 = os.path.join(incr, "edb00000004.log")
        with open(gen4, "r+b") as f:
            f.truncate(os.path.getsize(gen4) + SEGMENT)
        self.refuses_incrementals("JET_errGivenLogFileIsNotContiguous (-556)", "edb00000004.log", dirs=(incr,))

    def test_several_databases_restore(self):
        for name in SETS[:2]:
            with self.subTest(name):
                self.take(name + "/multidb/files")
                self.restore(DONE)
                self.sound("test.edb", "second.edb")
                self.same_content(name + "/multidb/expected_test.txt")
                self.same_content(name + "/multidb/expected_second.txt", "second.edb")

    def test_a_copy_of_an_instance_at_rest_restores(self):
        for name in SETS:
            for kind in AT_REST:
                if not os.path.isdir(os.path.join(DATA, "engine", name, kind)):
                    continue
                with self.subTest(name + "/" + kind):
                    self.take("%s/%s/files" % (name, kind))
                    self.assertIn("restored a copy of an instance", self.restores().stdout)
                    self.same_content("%s/%s/expected.txt" % (name, kind))

    def test_a_copy_at_rest_is_refused_as_recovery_refuses_it(self):
        for names, error in ((("edb.log", "edbtmp.log"), "JET_errMissingLogFile (-528)"),
                             (("edb.log",), "JET_errRequiredLogFilesMissing (-543)"),
                             (("edb00000008.log",), "JET_errInvalidLogSequence (-515)"),
                             (("edb00000006.log",), "JET_errMissingLogFile (-528)")):
            with self.subTest(error):
                self.take("p4096_w10/dirty/files")
                for n in names:
                    os.remove(self.path(n))
                self.refused(error)
        for n in os.listdir(self.dir):
            if n != "test.edb":
                os.remove(self.path(n))
        self.refused("JET_errDatabaseDirtyShutdown (-550)")
        self.take("p4096_w10/dirty/files")
        self.change("edb00000008.log", 9000, b"DAMAGE!")
        self.refused("JET_errLogFileCorrupt (-501)", "edb00000008.log")
        self.take("p4096_w10/dirty/files")
        self.refused("JET_errEndingRestoreLogTooLow (-553)", args=("--stop-at", "9"))

    def test_a_checkpoint_of_another_stream_is_not_used(self):
        self.take("p4096_w10/dirty/files")
        shutil.copyfile(os.path.join(DATA, "engine/p4096_w10_jtx/dirty/files/edb.jcp"), self.path("edb.chk"))
        self.assertIn("another log stream", self.restores().stderr)
        self.same_content("p4096_w10/dirty/expected.txt")

    def test_a_clean_database_alone_restores(self):
        self.take("p4096_w10/clean/files")
        for n in os.listdir(self.dir):
            if n != "test.edb":
                os.remove(self.path(n))
        self.restore(DONE)
        self.assertEqual(tree(self.dest), tree(self.dir))

    def test_the_log_ends_as_microsofts_engine_ends_it(self):
        self.take("p4096_w10/full/files")
        self.restores()
        r = run("log", "--records", os.path.join(self.dest, "edb.log"))
        lines = [l for l in r.stdout.splitlines() if l[:2] == "A:"]
        self.assertEqual([l.split()[1] for l in lines if " NOP2" not in l], ["RecoveryUndo2", "ShutDownMark", "RecoveryQuit2"])
        self.assertIn(" hard", lines[-2])
        chk = run("header", os.path.join(self.dest, "edb.chk")).stdout
        self.assertIn("LgposCheckpoint: " + lines[-2].split()[0], chk)

    def test_no_backup_is_noted_in_the_header(self):
        self.take("p4096_w10/full_incr/files")
        self.change_header(136, struct.pack("<Q", 7 << 32) + bytes(8) + struct.pack("<II", 3, 4))
        self.restores()
        head = run("header", os.path.join(self.dest, "test.edb")).stdout
        for line in head.splitlines():
            if "GenLow" in line or "GenHigh" in line:
                self.assertTrue(line.endswith("0x0"), line)

    def test_the_size_is_that_without_the_trailer(self):
        self.take("p4096_w10/full/files")
        self.restores()
        self.assertEqual(os.path.getsize(os.path.join(self.dest, "test.edb")), 1245184)

    # ---- logs ----

    def test_required_logs_are_missing(self):
        self.take("p4096_w10/full_incr/files")
        os.remove(self.path("edb00000006.log"))
        self.refused("JET_errRequiredLogFilesMissing (-543)", "0x6 to 0x8", "has 0x7 to 0xC")
        self.take("p4096_w10/full/files")
        os.remove(self.path("edb00000009.log"))
        self.refused("JET_errRequiredLogFilesMissing (-543)", "0x8 to 0x9", "has 0x8 to 0x8")

    def test_a_log_between_is_missing(self):
        self.take("p4096_w10/full_incr/files")
        os.remove(self.path("edb00000009.log"))
        self.refused("JET_errMissingRestoreLogFiles (-557)", "generation 0x9 is missing")
        os.remove(self.path("edb0000000A.log"))
        self.refused("JET_errMissingRestoreLogFiles (-557)", "generations 0x9 to 0xA are missing")

    def test_logs_behind_the_backup_may_be_missing(self):
        self.take("p4096_w10/full_incr/files")
        os.remove(self.path("edb0000000C.log"))
        self.restores()

    def test_there_are_no_logs(self):
        self.take("p4096_w10/full/files")
        for n in ("edb00000008.log", "edb00000009.log"):
            os.remove(self.path(n))
        before = tree(self.dir)
        self.assertIn("JET_errFileNotFound (-1811)", self.restore(CANNOT).stderr)
        self.assertEqual(tree(self.dir), before)
        self.assertFalse(os.path.exists(self.dest))
        shutil.rmtree(self.dir)
        os.mkdir(self.dir)
        self.assertIn("JET_errFileNotFound (-1811)", self.restore(CANNOT).stderr)
        self.assertFalse(os.path.exists(self.dest))

    def test_a_log_of_another_stream(self):
        self.take("p4096_w10/full_incr/files")
        shutil.copyfile(os.path.join(DATA, "engine/p4096_w10/dirty/files/edb00000009.log"), self.path("edb00000009.log"))
        self.refused("JET_errGivenLogFileHasBadSignature (-555)", "edb00000009.log")

    def test_a_log_of_another_branch(self):
        self.take("p4096_w10/full_incr/files")
        time_prev = self.read("edb00000009.log", 24, 8)
        self.change_block("edb00000009.log", 0, 4096, 24, bytes([time_prev[0] ^ 1]) + time_prev[1:])
        self.refused("JET_errGivenLogFileIsNotContiguous (-556)", "edb00000009.log")

    def test_a_damaged_log(self):
        self.take("p4096_w10/full_incr/files")
        self.change("edb00000009.log", 9000, b"DAMAGE!")
        self.refused("JET_errLogCorruptDuringHardRestore (-573)", "edb00000009.log")
        self.take("p4096_w10/full_incr/files")
        self.change("edb00000009.log", 300, b"DAMAGE!")
        self.refused("JET_errLogCorruptDuringHardRestore (-573)", "edb00000009.log")

    def test_a_torn_log(self):
        self.take("p4096_w10/full_incr/files")
        n = max(i for i in range(1, 31) if self.read("edb00000009.log", i * SEGMENT + 16, SEGMENT - 16).strip(b"\0"))
        seg = self.read("edb00000009.log", n * SEGMENT, SEGMENT)
        self.change("edb00000009.log", n * SEGMENT, os.urandom(SEGMENT) + seg)
        self.refused("JET_errLogTornWriteDuringHardRestore (-570)", "edb00000009.log")

    # ---- databases ----

    def test_a_database_of_another_set(self):
        self.take("p4096_w10/full_incr/files")
        shutil.copyfile(os.path.join(DATA, "engine/p4096_w10/online/files/test.edb"), self.path("test.edb"))
        self.refused("JET_errAttachedDatabaseMismatch (-1216)", "test.edb")

    def test_a_database_is_missing(self):
        self.take("p4096_w10/multidb/files")
        os.remove(self.path("second.edb"))
        self.refused("JET_errAttachedDatabaseMismatch (-1216)", "second.edb")

    def test_the_marker_beside_a_database_is_missing(self):
        self.take("p4096_w10/full/files")
        os.remove(self.path("test.pat"))
        self.refused("JET_errPatchFileMissing (-538)", "test.edb")
        self.take("p4096_w10/multidb/files")
        os.remove(self.path("second.pat"))
        self.refused("JET_errPatchFileMissing (-538)", "second.edb")

    def test_a_database_that_is_no_copy_out_of_a_backup(self):
        self.take("p4096_w10/full/files")
        shutil.copyfile(os.path.join(DATA, "engine/p4096_w10/clean/files/test.edb"), self.path("test.edb"))
        self.refused("JET_errRestoreOfNonBackupDatabase (-615)", "test.edb")

    def test_a_database_of_odd_size(self):
        self.take("p4096_w10/full/files")
        self.change("test.edb", os.path.getsize(self.path("test.edb")), b"?")
        self.refused("JET_errBadBackupDatabaseSize (-561)", "test.edb")

    def test_the_trailer_is_cut_off_or_damaged(self):
        self.take("p4096_w10/full/files")
        size = os.path.getsize(self.path("test.edb"))
        self.change("test.edb", size - 4096 + 50, b"?")
        self.refused("JET_errBadPatchPage (-535)", "test.edb")
        os.truncate(self.path("test.edb"), size - 4096)
        self.refused("JET_errBadPatchPage (-535)", "test.edb")

    def test_the_trailer_of_another_backup(self):
        for at, what in ((40, "position"), (64, "database's signature"), (92, "stream's signature")):
            with self.subTest(what):
                self.take("p4096_w10/full/files")
                self.change_trailer(at, b"?")
                self.refused("JET_errDatabasePatchFileMismatch (-552)", what)

    def test_the_backup_began_or_ended_in_logs_that_are_missing(self):
        self.take("p4096_w10/full/files")
        self.change_trailer(56, struct.pack("<I", 7))
        self.refused("JET_errStartingRestoreLogTooHigh (-554)", "generation 0x7")
        self.take("p4096_w10/full/files")
        self.change_trailer(60, struct.pack("<I", 10))
        self.refused("JET_errEndingRestoreLogTooLow (-553)", "generation 0xA")

    def test_headers_are_damaged(self):
        self.take("p4096_w10/full/files")
        self.change("test.edb", 200, b"?")
        self.restores()
        self.take("p4096_w10/full/files")
        self.change("test.edb", 4096 + 200, b"?")
        self.restores()
        self.change("test.edb", 200, b"?")
        self.refused("JET_errDatabaseCorrupted (-1206)", "test.edb")
        self.take("p4096_w10/clean/files")
        self.change("test.edb", 200, b"?")
        self.restores()

    def test_a_state_that_no_backup_has(self):
        self.take("p4096_w10/full/files")
        self.change_header(52, struct.pack("<I", 6))
        self.refused("JET_errDatabaseCorrupted (-1206)", "test.edb", "state")

    def logged_pages(self):
        return {int(f["pgno"]): l for n in sorted(os.listdir(self.dir)) if n.endswith(".log")
                for l in run("log", "--records", self.path(n)).stdout.splitlines()
                for f in [dict(w.split("=", 1) for w in l.split() if "=" in w)] if "pgno" in f}

    def test_a_damaged_page_is_named(self):
        self.take("p4096_w10/full_incr/files")
        logged = self.logged_pages()
        for page in (next(p for p in range(2, 200) if p not in logged), 4):
            self.take("p4096_w10/full_incr/files")
            self.change("test.edb", (page + 1) * 4096 + 1000, os.urandom(100))
            self.refused("JET_errReadVerifyFailure (-1018)", "test.edb: page %d " % page)

    def test_a_wrong_bit_is_corrected_in_the_copy(self):
        self.take("p4096_w10/full_incr/files")
        at = 5 * 4096 + 1000
        self.change("test.edb", at, bytes([self.read("test.edb", at, 1)[0] ^ 4]))
        self.assertIn("1 corrected", self.restores().stdout)
        self.same_content("p4096_w10/full_incr/expected.txt")

    def test_a_damaged_page_that_a_log_makes_anew_does_not_matter(self):
        self.take("p4096_latest/dirty/files")
        made = [l for n in sorted(os.listdir(self.dir)) if n.endswith(".log") and n >= "edb00000006"
                for l in run("log", "--records", self.path(n)).stdout.splitlines() if " NewPage " in l]
        pages = [int(w[5:]) for l in made for w in l.split() if w.startswith("pgno=")]
        self.change("test.edb", (pages[0] + 1) * 4096, os.urandom(4096))
        self.change("test.edb", (pages[-1] + 1) * 4096, os.urandom(4096))
        self.restores()
        self.same_content("p4096_latest/dirty/expected.txt")

    # ---- stopping early ----

    def test_it_stops_at_a_generation(self):
        self.take("p4096_w10/full_incr/files")
        os.remove(self.path("edb0000000C.log"))
        os.remove(self.path("edb0000000B.log"))
        self.restores()
        want = self.dump(os.path.join(self.dest, "test.edb"))
        self.take("p4096_w10/full_incr/files")
        self.assertIn("0x6 to 0xA", self.restores("--stop-at", "0xA").stdout)
        self.assertEqual(self.dump(os.path.join(self.dest, "test.edb")), want)
        self.restores("--stop-at", "C")
        self.same_content("p4096_w10/full_incr/expected.txt")

    def records(self, name):
        return [l.split() for l in run("log", "--records", self.path(name)).stdout.splitlines() if l[:1] in "ABC" and ":" in l[:3]]

    def test_it_stops_at_a_record_and_undoes_what_is_open(self):
        self.take("p4096_w10/full_incr/files")
        commits = [r[0] for r in self.records("edb0000000B.log") if r[1] == "Commit0"]
        self.assertGreater(len(commits), 2)
        r = self.restores("--stop-at", commits[1])
        self.assertIn("stopped before the record at " + commits[1], r.stdout)
        self.assertIn("undone: 1 transactions", r.stdout)
        before = self.dump(os.path.join(self.dest, "test.edb"))
        self.restores("--stop-at", commits[2])
        self.assertNotEqual(self.dump(os.path.join(self.dest, "test.edb")), before)

    def test_it_stops_at_a_time(self):
        self.take("p4096_w10/full_incr/files")
        out = run("header", "--json", self.path("edb0000000B.log")).stdout
        created = json.loads(out)["TimeCreated"] if '"TimeCreated"' in out else None
        raw = self.read("edb0000000B.log", 16, 8)
        sec, mi, h, d, mo, y, lo, hi = raw
        text = "%04d-%02d-%02dT%02d:%02d:%02d.%03d" % (1900 + y, mo, d, h, mi, sec, (lo >> 1) | (hi >> 1 & 7) << 7)
        if created:
            self.assertEqual(created.replace(" ", "T"), text)
        r = self.restores("--stop-at", text)
        self.assertIn("stopped before the record at B:", r.stdout)
        r = self.restores("--stop-at", "2099-01-01 00:00")
        self.assertNotIn("stopped", r.stdout)
        self.same_content("p4096_w10/full_incr/expected.txt")

    def test_it_does_not_stop_within_the_backup(self):
        self.take("p4096_w10/full_incr/files")
        for at in ("7", "8:2:0", "2001-01-01T00:00", "5"):
            self.refused("JET_errEndingRestoreLogTooLow (-553)", args=("--stop-at", at))

    def test_what_was_left_out_is_of_another_stream(self):
        self.take("p4096_w10/full_incr/files")
        self.restores("--stop-at", "A")
        os.rename(os.path.join(self.dest, "edb.log"), os.path.join(self.dest, "edb0000000B.log"))
        shutil.copyfile(self.path("edb0000000C.log"), os.path.join(self.dest, "edb0000000C.log"))
        r = run("log", self.dest)
        self.assertEqual(r.returncode, DAMAGED)
        self.assertIn("edb0000000C.log: JET_errBadLogSignature (-530)", r.stderr)

    # ---- proofs ----

    def prove(self, status, *args, **env):
        r = subprocess.run((ESEUTIL, "prove") + args + (self.dir,), capture_output=True, text=True, timeout=120,
                           env=dict(os.environ, **env))
        self.assertEqual(r.returncode, status, r.stdout + r.stderr)
        return r

    def test_a_proof_needs_no_memory_for_what_is_changed(self):
        self.take("p4096_w10/full_incr/files")
        a = json.loads(self.prove(DONE, "--json").stdout.splitlines()[-1])
        b = json.loads(self.prove(DONE, "--json", "--memory", "1K").stdout.splitlines()[-1])
        self.assertEqual((a["pages_spilled"], a["clean"], a["faults"], a["generation_high"]), (0, True, 0, 12))
        self.assertGreater(b["pages_spilled"], 50)
        for k in a:
            if k != "pages_spilled":
                self.assertEqual(a[k], b[k], k)
        self.multi()

    def multi(self):
        """Of several databases each has its share."""
        self.take("p4096_w10/multidb/files")
        self.assertGreater(json.loads(self.prove(DONE, "--json", "--memory", "1K").stdout.splitlines()[-1])["pages_spilled"], 10)

    def test_a_proof_without_room_for_what_is_changed_fails(self):
        self.take("p4096_w10/full_incr/files")
        r = self.prove(CANNOT, "--memory", "1K", TMPDIR=os.path.join(self.top, "missing"))
        self.assertIn("keeping a changed page aside", r.stderr)
        self.prove(DONE, TMPDIR=os.path.join(self.top, "missing"))

    def test_a_proof_and_a_restore_agree_on_each_damaged_page(self):
        self.take("p4096_w10/full_incr/files")
        whole = self.read("test.edb")
        refused = 0
        for page in range(1, len(whole) // 4096 - 2, 9):
            at = (page + 1) * 4096
            if not whole[at:at + 4096].strip(b"\0"):
                continue
            self.change("test.edb", at + 500, os.urandom(64))
            r = run("prove", self.dir)
            shutil.rmtree(self.dest, ignore_errors=True)
            self.assertEqual(r.returncode, run("restore", self.dir, self.dest).returncode, page)
            if r.returncode != DONE:
                refused += 1
                self.assertIn("page %d (offset 0x%X): JET_errReadVerifyFailure (-1018)" % (page, at), r.stderr)
            self.change("test.edb", at, whole[at:at + 4096])
        self.assertGreater(refused, 10)

    def test_a_page_of_an_older_state_is_found_by_the_replay(self):
        old = os.path.join(DATA, "engine/p4096_w10/atomic/files_full1/new/test.edb")
        self.take("p4096_w10/atomic/files_full2")
        shutil.copytree(self.path("new"), self.dir, dirs_exist_ok=True)
        shutil.rmtree(self.path("new"))
        logged = self.logged_pages()
        with open(old, "rb") as f:
            raw = f.read()
        found = 0
        for page in sorted(logged):
            at = (page + 1) * 4096
            was = self.read("test.edb", at, 4096)
            if at + 4096 > len(raw) - 4096 or raw[at:at + 4096] == was or not raw[at:at + 4096].strip(b"\0"):
                continue
            self.change("test.edb", at, raw[at:at + 4096])
            r = run("prove", self.dir)
            if "JET_errDbTimeTooOld (-566)" in r.stderr:
                self.assertEqual(r.returncode, DAMAGED)
                self.assertIn("page %d " % page, r.stderr)
                self.assertIn("page %d " % page, self.restore(DAMAGED).stderr)
                found += 1
            self.change("test.edb", at, was)
        self.assertGreater(found, 0)
        self.prove(DONE)

    def test_a_proof_walks_the_trees(self):
        self.take("p4096_w10/clean/files")
        page = 4  # the catalogue's root: its flags say now that it is a page of something else
        raw = bytearray(self.read("test.edb", (page + 1) * 4096, 4096))
        struct.pack_into("<I", raw, 24, 999)  # the tree it belongs to
        struct.pack_into("<I", raw, 36, struct.unpack_from("<I", raw, 36)[0] & ~0x2000)
        struct.pack_into("<II", raw, 0, 0, page)
        struct.pack_into("<I", raw, 0, xor_sum(raw))
        self.change("test.edb", (page + 1) * 4096, raw)
        r = self.prove(DAMAGED, "--json")
        last = json.loads(r.stdout.splitlines()[-1])
        self.assertEqual(last["clean"], False)
        self.assertGreater(last["faults"], 0)

    def test_a_wrong_bit_is_no_fault_of_a_proof(self):
        self.take("p4096_w10/full_incr/files")
        at = 5 * 4096 + 1000
        self.change("test.edb", at, bytes([self.read("test.edb", at, 1)[0] ^ 4]))
        self.assertIn("wrong bits, which a restore corrects", self.prove(DONE).stdout)

    def test_the_command_line_of_a_proof(self):
        self.assertIn("--memory SIZE", run("prove", "--help").stdout)
        for args in ((), ("a", "b"), ("--memory", "0", "a"), ("--memory", "x", "a"), ("--memory", "-1", "a"),
                     ("--memory", "1T", "a"), ("--memory", "1Kx", "a"), ("--memory", "99999999999G", "a"), ("--no-such", "a")):
            self.assertEqual(run("prove", *args).returncode, USAGE, args)
        self.assertEqual(run("prove", os.path.join(self.top, "missing")).returncode, CANNOT)
        os.mkdir(self.dir)
        self.assertIn("JET_errFileNotFound", self.prove(CANNOT).stderr)
        self.take("p4096_w10/full/files")
        self.assertIn("XYZ", self.prove(CANNOT, "--base", "XYZ").stderr)
        self.prove(DONE, "--base", "EDB", "--memory", "1G", "--quiet")

    # ---- where it goes ----

    def test_an_empty_directory_is_filled(self):
        self.take("p4096_w10/full/files")
        os.mkdir(self.dest)
        ino = os.stat(self.dest).st_ino
        os.mkdir(os.path.join(self.dest, ".esefs-restore"))
        with open(os.path.join(self.dest, ".esefs-restore", "test.edb"), "w") as f:
            f.write("of a restore that was killed")
        self.assertEqual(run("restore", self.dir, self.dest).returncode, DONE)
        self.assertEqual(os.stat(self.dest).st_ino, ino)
        self.assertEqual(sorted(os.listdir(self.dest)), ["edb.chk", "edb.log", "test.edb"])
        self.sound()
        self.assertEqual(os.listdir(self.top) and sorted(os.listdir(self.top)), ["dest", "set"])

    def test_a_failure_leaves_an_empty_directory_empty(self):
        self.take("p4096_w10/full/files")
        self.change("test.edb", 5 * 4096 + 1000, os.urandom(100))
        os.mkdir(self.dest)
        self.assertEqual(run("restore", self.dir, self.dest).returncode, DAMAGED)
        self.assertEqual(os.listdir(self.dest), [])

    def test_nothing_is_written_over(self):
        self.take("p4096_w10/full/files")
        os.mkdir(self.dest)
        with open(os.path.join(self.dest, "mine"), "w") as f:
            f.write("mine")
        r = run("restore", self.dir, self.dest)
        self.assertEqual(r.returncode, CANNOT)
        self.assertIn("JET_errFileAlreadyExists (-1814)", r.stderr)
        self.assertEqual(os.listdir(self.dest), ["mine"])
        r = run("restore", self.dir, os.path.join(self.dest, "mine"))
        self.assertEqual(r.returncode, CANNOT)
        self.assertIn("JET_errFileAlreadyExists (-1814)", r.stderr)
        r = run("restore", self.dir, os.path.join(self.top, "no", "such"))
        self.assertEqual(r.returncode, CANNOT)
        self.assertIn("JET_errInvalidPath (-1023)", r.stderr)

    def test_another_restore_at_work_is_left_alone(self):
        self.take("p4096_w10/full/files")
        partial = os.path.join(self.top, ".dest.esefs-restore")
        os.mkdir(partial)
        with open(os.path.join(partial, "theirs"), "w") as f:
            f.write("theirs")
        fd = os.open(partial, os.O_RDONLY)
        fcntl.flock(fd, fcntl.LOCK_EX)
        r = self.restore(CANNOT)
        os.close(fd)
        self.assertIn("JET_errFileAccessDenied", r.stderr)
        self.assertEqual(os.listdir(partial), ["theirs"])
        self.restore(DONE)
        self.assertEqual(sorted(os.listdir(self.top)), ["dest", "set"])

    def test_an_interrupted_restore_leaves_nothing(self):
        self.take("p4096_w10/full_incr/files")
        with open(self.path("test.edb"), "r+b") as f:  # long enough to be met in the copy
            raw = f.read()
            f.seek(len(raw) - 4096)
            f.truncate()
            f.write(bytes(600 << 20))
            f.write(raw[-4096:])
        p = subprocess.Popen([ESEUTIL, "restore", self.dir, self.dest], stderr=subprocess.PIPE, text=True)
        while not os.path.exists(os.path.join(self.top, ".dest.esefs-restore", "test.edb")) and p.poll() is None:
            time.sleep(0.001)
        p.send_signal(signal.SIGTERM)
        _, err = p.communicate(timeout=60)
        self.assertEqual(p.returncode, 4, err)
        self.assertIn("interrupted; nothing is left", err)
        self.assertEqual(os.listdir(self.top), ["set"])

    # ---- the command line ----

    def test_the_command_line(self):
        self.assertIn("--stop-at GEN", run("restore", "--help").stdout)
        self.take("p4096_w10/full/files")
        for args in ((), ("a",), ("a", "b", "c"), ("--stop-at", "x", "a", "b"), ("--stop-at", "0", "a", "b"),
                     ("--stop-at", "1:2:3:4", "a", "b"), ("--stop-at", "2026-13-01T00:00", "a", "b"),
                     ("--stop-at", "2026-12-01", "a", "b"), ("--stop-at", "2026-12-01T00:00x", "a", "b"), ("--no-such", "a", "b")):
            self.assertEqual(run("restore", *args).returncode, USAGE, args)
        self.assertEqual(run("restore", os.path.join(self.top, "missing"), self.dest).returncode, CANNOT)
        self.assertIn("XYZ", self.restore(CANNOT, "--base", "XYZ").stderr)
        r = json.loads(self.restore(DONE, "--json", "--base", "EDB").stdout.splitlines()[-1])
        self.assertEqual((r["backup"], r["generation_low"], r["generation_high"], r["stopped"]), (True, 8, 9, False))
        self.assertEqual(r["databases"], [{"path": "test.edb", "result": "recovered"}])

if __name__ == "__main__":
    unittest.main(argv=["restoresets.py"])
