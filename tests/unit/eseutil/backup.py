#!/usr/bin/env python3
"""eseutil backup: full, atomic, incremental, copies; what is refused; what an interrupt leaves.

    backup.py ESEUTIL
"""
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ESEUTIL = os.path.abspath(sys.argv[1])
DATA = os.environ.get("ESE_TEST_DATA", "")
DONE, USAGE, DAMAGED, CANNOT, INTERRUPTED = range(5)


def run(*args, **more):
    return subprocess.run((ESEUTIL,) + tuple(str(a) for a in args), capture_output=True, timeout=120, **more)


class Backup(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="esefs-backup-")
        self.inst = os.path.join(self.top, "inst")
        self.dest = os.path.join(self.top, "dest")
        os.mkdir(self.inst)
        self.db = os.path.join(self.inst, "a.edb")
        self.expect(DONE, "create", self.db)
        self.load(0, 300)

    def tearDown(self):
        shutil.rmtree(self.top)

    def expect(self, status, *args, **more):
        r = run(*args, **more)
        self.assertEqual(r.returncode, status, "%s: %s%s" % (args, r.stdout[-300:], r.stderr[-900:]))
        return r

    def load(self, first, nr):
        rows = "".join('{"id":%d,"text":"%s"}\n' % (i, os.urandom(200).hex()) for i in range(first, first + nr))
        r = subprocess.run((ESEUTIL, "load", "--format=jsonl", "--types=id:Long", self.db, "rows"), input=rows.encode(),
                           capture_output=True, timeout=60)
        self.assertEqual(r.returncode, DONE, r.stderr)

    def test_a_backup_is_whole(self):
        r = self.expect(DONE, "backup", self.inst, self.dest)
        self.assertIn(b"1 databases", r.stdout)
        names = sorted(os.listdir(self.dest))
        self.assertEqual(names[:2], ["a.edb", "a.pat"])
        self.assertTrue(any(n.endswith(".log") for n in names))
        self.expect(DONE, "verify", self.dest)
        self.expect(DONE, "integrity", self.db)
        self.assertIn(b"State: clean", run("header", self.db).stdout)
        self.expect(CANNOT, "backup", self.inst, self.dest)

    def test_incrementals_join_the_set(self):
        self.expect(DONE, "backup", self.inst, self.dest)
        before = len(os.listdir(self.dest))
        self.expect(DONE, "backup", "--incremental", self.inst, self.dest)
        self.expect(DONE, "backup", "--incremental", self.inst, self.dest)
        self.assertEqual(len(os.listdir(self.dest)), before + 2)
        self.expect(DONE, "verify", self.dest)
        other = os.path.join(self.top, "other")
        self.expect(CANNOT, "backup", "--incremental", self.inst, other)
        self.assertFalse(os.path.exists(other), "it may be a slip of the pen")
        os.mkdir(other)
        with open(os.path.join(other, "letter.txt"), "w"):
            pass
        r = self.expect(CANNOT, "backup", "--incremental", self.inst, other)
        self.assertIn(b"JET_errMissingFullBackup", r.stderr)
        self.assertEqual(os.listdir(other), ["letter.txt"])

    def test_an_incremental_has_a_directory_of_its_own(self):
        self.expect(DONE, "backup", self.inst, self.dest)
        other, new = os.path.join(self.top, "other"), os.path.join(self.top, "restored")
        os.mkdir(other)
        self.expect(DONE, "backup", "--incremental", self.inst, other)
        self.assertEqual({n[-4:] for n in os.listdir(other)}, {".log"})
        self.expect(DONE, "prove", "--incremental", other, self.dest)
        self.expect(DONE, "restore", "--incremental", other, self.dest, new)
        self.expect(DONE, "verify", new)

    def test_atomic_and_copy(self):
        self.expect(DONE, "backup", "--atomic", self.inst, self.dest)
        self.expect(DONE, "backup", "--atomic", self.inst, self.dest)
        self.assertEqual(os.listdir(self.dest), ["new"])
        copy = os.path.join(self.top, "copy")
        self.expect(DONE, "backup", "--copy", self.inst, copy)
        self.expect(DONE, "verify", copy)
        self.expect(DONE, "backup", "--atomic", "--incremental", self.inst, self.dest)
        self.expect(DONE, "verify", os.path.join(self.dest, "new"))
        self.expect(USAGE, "backup", "--copy", "--incremental", self.inst, copy)

    def test_what_is_no_instance_of_ours_is_refused(self):
        self.expect(USAGE, "backup", self.inst)
        self.expect(CANNOT, "backup", os.path.join(self.top, "nothing"), self.dest)
        empty = os.path.join(self.top, "empty")
        os.mkdir(empty)
        self.assertIn(b"no database", self.expect(CANNOT, "backup", empty, self.dest).stderr)
        fd = os.open(self.inst, os.O_RDONLY)
        fcntl.flock(fd, fcntl.LOCK_EX)
        r = self.expect(CANNOT, "backup", self.inst, self.dest)
        os.close(fd)
        self.assertIn(b"JET_errFileAccessDenied", r.stderr)
        self.assertIn(b"a program runs this instance", r.stderr)
        self.assertFalse(os.path.exists(self.dest))

    def test_damage_is_told_with_its_place(self):
        with open(self.db, "r+b") as f:
            f.seek(40 * 4096)
            page = f.read(4096)
            f.seek(40 * 4096 + 1000)
            f.write(b"damage" * 20)
        self.assertNotEqual(page, bytes(4096))
        r = self.expect(DAMAGED, "backup", self.inst, self.dest)
        self.assertIn(b"page 39 (offset 0x28000): JET_errReadVerifyFailure", r.stderr)
        self.assertFalse(os.path.exists(self.dest))

    def test_an_interrupt_leaves_nothing(self):
        self.load(300, 20000)
        p = subprocess.Popen((ESEUTIL, "backup", self.inst, self.dest), stderr=subprocess.PIPE, stdout=subprocess.PIPE)
        while p.poll() is None and not os.path.exists(os.path.join(self.dest, "a.edb")):
            time.sleep(0.0005)
        p.send_signal(signal.SIGINT)
        out, err = p.communicate(timeout=60)
        if p.returncode == DONE:  # it was faster
            self.skipTest("the backup was over before the signal")
        self.assertEqual(p.returncode, INTERRUPTED, err)
        self.assertFalse(os.path.exists(self.dest))
        self.expect(DONE, "backup", self.inst, self.dest)

    @unittest.skipUnless(os.path.isdir(os.path.join(DATA, "engine")), "no real data (ESE_TEST_DATA)")
    def test_instances_of_the_other_engine(self):
        for name in ("p4096_w10", "p32768_w10", "p4096_latest", "p4096_w10_jtx"):
            inst = os.path.join(self.top, name)
            dest = inst + ".backup"
            shutil.copytree(os.path.join(DATA, "engine", name, "dirty", "files"), inst)
            for n in os.listdir(inst):
                os.chmod(os.path.join(inst, n), 0o600)
            names = len(max((n for n in os.listdir(inst)), key=lambda n: (n.startswith("edb0"), n)))
            self.expect(DONE, "backup", inst, dest)
            self.expect(DONE, "verify", dest)
            self.expect(DONE, "backup", "--incremental", inst, dest)
            self.expect(DONE, "verify", dest)
            logs = [n for n in os.listdir(dest) if n.startswith("edb0")]
            self.assertEqual({len(n) for n in logs}, {names})  # the stream's way of naming


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
