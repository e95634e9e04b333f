#!/usr/bin/env python3
"""Our backups beside those that Microsoft's engine made: every field of the headers, one by one.

    backup_headers.py ESEUTIL

The records that their logs have of them are compared, too. A circular log's backup is not among the data.

For each page size and format: a clean instance of that engine is backed up by `eseutil backup`, and the headers of the copy
are compared with those of its own backups. A field is the same, or stands below with the reason why it cannot be. What fields
say of one another is checked in both.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ESEUTIL = os.path.abspath(sys.argv[1])
DATA = os.path.join(os.environ.get("ESE_TEST_DATA", ""), "engine")
SKIPPED = 77

WHEN = "the time and place at which it happened"
WHO = "another database, another log stream"
WORK = "how much had been done before"
SUM = "a checksum over what differs"
MAP = "we keep no flush map, and say so"
VERSION = "the version of the engine that is at work"
DIFFERS = {
    "Checksum": SUM, "Trailer.Checksum": SUM,
    "Dbtime": WORK, "ObjidLast": WORK, "ExtendCount": WORK, "ExtendTime": WHEN,
    "DbSignature": WHO, "LogSignature": WHO, "Trailer.DbSignature": WHO, "Trailer.LogSignature": WHO,
    "GenMinRequired": WORK, "GenMaxRequired": WORK, "GenMaxCommitted": WORK, "GenMinConsistent": WORK,
    "GenMaxRequiredTime": WHEN, "GenMaxCreatedTime": WHEN,
    "LgposConsistent": WORK, "ConsistentTime": WHEN, "LgposAttach": WORK, "AttachTime": WHEN,
    "FullCur.Mark": WORK, "FullCur.Time": WHEN, "FullCur.GenLow": WORK,
    "HeaderFlushSignature": WHEN, "FlushmapFlushSignature": MAP, "LgposLastResize": WORK,
    "Trailer.Backup.Mark": WORK, "Trailer.Backup.Time": WHEN, "Trailer.Backup.GenLow": WORK,
    "Trailer.Backup.GenHigh": WORK, "Trailer.GenMinRequired": WORK, "Trailer.GenMaxRequired": WORK,
    "Trailer.GenMaxCommitted": WORK, "Trailer.GenMaxRequiredTime": WHEN, "Trailer.GenMaxCommittedTime": WHEN,
    "EngineFormatVersion": VERSION, "OsVersion": VERSION,
    "Dbid": "in which order databases were attached",
    # The copies hold the marks of earlier backups of their database: ours had none.
    "FullPrev.Mark": WORK, "FullPrev.Time": WHEN, "FullPrev.GenLow": WORK, "FullPrev.GenHigh": WORK,
    "IncPrev.Mark": WORK, "IncPrev.Time": WHEN, "IncPrev.GenLow": WORK, "IncPrev.GenHigh": WORK,
}
SETS = [  # directory of a genuine backup, what eseutil backup is told, what becomes of DEST
    ("full/files", [[]], ""),
    ("full_incr/files", [[], ["--incremental"], ["--incremental"]], ""),
    ("atomic/files_full1/new", [["--atomic"]], "new"),
    ("atomic/files_full1_incr/old", [["--atomic"], ["--atomic", "--incremental"]], "new"),
    ("atomic/files_full2/new", [["--atomic"], ["--atomic"]], "new"),
    ("multidb/files", [[]], ""),
    ("online/files", [[]], ""),
]


def flat(value, prefix=""):
    out = {}
    for key, v in value.items():
        if isinstance(v, dict):
            out.update(flat(v, prefix + key + "."))
        else:
            out[prefix + key] = v
    return out


def header(path):
    out = subprocess.run((ESEUTIL, "header", "--json", path), capture_output=True, check=True, timeout=60).stdout
    return flat(json.loads(out))


class Headers(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="esefs-compat-")

    def tearDown(self):
        shutil.rmtree(self.top)

    def ours(self, kind, commands, sub):
        inst, dest = os.path.join(self.top, "inst"), os.path.join(self.top, "dest")
        shutil.rmtree(inst, ignore_errors=True)
        shutil.rmtree(dest, ignore_errors=True)
        shutil.copytree(os.path.join(DATA, kind, "clean", "files"), inst)
        for name in os.listdir(inst):
            os.chmod(os.path.join(inst, name), 0o600)
        for args in commands:
            r = subprocess.run([ESEUTIL, "backup"] + args + [inst, dest], capture_output=True, timeout=120)
            self.assertEqual(r.returncode, 0, r.stderr)
        return os.path.join(dest, sub)

    def check_relations(self, h, logs):
        self.assertEqual(h["State"], "dirty (2)")
        self.assertEqual(h["FullCur.GenHigh"], 0)
        self.assertEqual(h["FullCur.Mark"], h["Trailer.Backup.Mark"])
        self.assertEqual(h["FullCur.Time"], h["Trailer.Backup.Time"])
        self.assertEqual(h["FullCur.GenLow"], h["Trailer.Backup.GenLow"])
        self.assertEqual(h["DbSignature"], h["Trailer.DbSignature"])
        self.assertEqual(h["LogSignature"], h["Trailer.LogSignature"])
        self.assertLessEqual(h["FullCur.GenLow"], h["GenMinRequired"])
        self.assertLessEqual(h["GenMinRequired"], h["GenMaxRequired"])
        self.assertLessEqual(h["GenMaxRequired"], h["GenMaxCommitted"])
        self.assertLessEqual(h["GenMaxCommitted"], h["Trailer.Backup.GenHigh"])
        self.assertTrue(set(range(h["FullCur.GenLow"], h["Trailer.Backup.GenHigh"] + 1)) <= logs)

    def look(self, folder):
        names = sorted(os.listdir(folder))
        for name in names:
            if name.endswith(".edb"):
                self.assertIn(name[:-4] + ".pat", names)
                self.assertEqual(os.path.getsize(os.path.join(folder, name[:-4] + ".pat")), 0)
        logs = [n for n in names if n.startswith("edb0") and n[-4:] in (".log", ".jtx")]
        self.assertEqual({len(n) for n in logs}, {15})
        self.assertEqual(len(names), len(logs) + 2 * sum(n.endswith(".edb") for n in names), names)
        gens = {int(n[3:11], 16) for n in logs}
        self.assertEqual(gens, set(range(min(gens), max(gens) + 1)))
        found = {}
        for name in (n for n in names if n.endswith(".edb")):
            found[name] = header(os.path.join(folder, name))
            self.check_relations(found[name], gens)
        return found

    def records(self, folder):
        """What the logs of a backup say of backups: kind and phase, or the words of a trace, in order."""
        out = subprocess.run((ESEUTIL, "log", "--records", folder), capture_output=True, check=True, timeout=120).stdout
        found = []
        for line in out.decode("utf-8", "replace").splitlines():
            words = line.split()
            if len(words) > 1 and words[1] == "Backup2":
                found.append(tuple(w for w in words if w.startswith(("len=", "phase=", "scope=", "backup_type="))))
            elif " Trace " in line and (" backup file " in line or "BACKUP PREPARE LOGS" in line):
                found.append(re.sub(r"0x[0-9A-F]{5}", "GEN", re.sub(r"file .*", "file", line.split("] ", 1)[1])))
        return found

    def test_the_log_tells_of_backups_in_the_same_words(self):
        for kind in sorted(os.listdir(DATA)):
            genuine = os.path.join(DATA, kind, "full_incr/files")
            if not os.path.isdir(genuine):
                continue
            with self.subTest(kind=kind):
                theirs = self.records(genuine)
                self.assertGreater(len(theirs), 12)
                self.assertEqual(self.records(self.ours(kind, [[], ["--incremental"], ["--incremental"]], "")), theirs)

    def test_each_field_is_the_same_or_has_a_reason(self):
        compared = 0
        for kind in sorted(os.listdir(DATA)):
            for path, commands, sub in SETS:
                genuine = os.path.join(DATA, kind, path)
                if not os.path.isdir(genuine):
                    continue
                with self.subTest(kind=kind, set=path):
                    theirs, ours = self.look(genuine), self.look(self.ours(kind, commands, sub))
                    mine = ours["test.edb"]
                    for name, h in theirs.items():
                        self.assertEqual(set(h), set(mine))
                        wrong = {k: (v, mine[k]) for k, v in h.items() if v != mine[k] and k not in DIFFERS}
                        self.assertEqual(wrong, {}, "%s: theirs, ours" % name)
                        compared += 1
        self.assertGreater(compared, 15)


if __name__ == "__main__":
    if not os.path.isdir(DATA):
        print("SKIPPED: no real data (ESE_TEST_DATA)")
        sys.exit(SKIPPED)
    unittest.main(argv=sys.argv[:1])
