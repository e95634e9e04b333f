#!/usr/bin/env python3
"""test_count.py LOG... - sums up meson's testlog.json files for scripts/test.

Where a test is a cmocka program or a Python unittest, the single tests inside it are counted; any
other test counts as one. Names what failed and what was skipped, with the reason that the test gave, and ends with the
line 'N passed, N failed, N skipped'. Exit status 1 when something failed or nothing ran.
"""
import argparse
import json
import re
import sys

LINE = re.compile(r"^\[\s*(OK|FAILED|ERROR|SKIPPED)\s*\] (?:\S+: )?(\S+)$", re.M)
UNITTEST = re.compile(r"^Ran (\d+) tests? in .*\n\n(?:OK|FAILED)(?: \((.*)\))?$", re.M)
UNITTEST_BAD = re.compile(r"^(?:FAIL|ERROR|UNEXPECTED SUCCESS): (\S+)", re.M)
REASON = re.compile(r"(?:^|\.\.\. )(?:skipped|skip)[,: ]+(.*)$", re.M | re.I)


def single_tests(text):
    """{name: verdict} of the single tests that a program's output tells of; empty if of none."""
    return cmocka_tests(text) or unittest_tests(text)


def unittest_tests(text):
    """Only failures have names there; the others get numbers."""
    verdicts = {}
    for ran, kinds in UNITTEST.findall(text):
        number = dict(re.findall(r"(\w+)=(\d+)", kinds))
        skipped = int(number.get("skipped", 0))
        bad = UNITTEST_BAD.findall(text)
        verdicts.update((name, "failed") for name in bad)
        verdicts.update((f"{i + 1} of {ran}", "skipped") for i in range(skipped))
        verdicts.update((f"passed {i}", "passed") for i in range(int(ran) - skipped - len(set(bad))))
    return verdicts


def cmocka_tests(text):
    verdicts = {}
    if not re.search(r"^\[=+\] .*Running \d+ test\(s\)", text, re.M):
        return verdicts
    for word, name in LINE.findall(text):
        if re.fullmatch(r"\d+", name):  # "[  PASSED  ] 7 test(s)" and the like
            continue
        if word == "OK":
            verdicts.setdefault(name, "passed")
        elif word == "SKIPPED":
            verdicts[name] = "skipped"
        else:
            verdicts[name] = "failed"
    return verdicts


def reasons(text):
    """What the test said about skipping, each sentence once."""
    found = dict.fromkeys(m.strip() for m in REASON.findall(text))
    return "; ".join(found) or "no reason given"


class Count:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.notes = []

    def one_program(self, build, test):
        name = f"{build}: {test['name']}"
        text = test.get("stdout", "") + "\n" + test.get("stderr", "")
        verdicts = single_tests(text)
        if test["result"] == "SKIP":
            self.skipped += 1
            self.notes.append(f"skipped  {name}: {reasons(text)}")
            return
        self.passed += sum(v == "passed" for v in verdicts.values())
        skipped = [n for n, v in verdicts.items() if v == "skipped"]
        if skipped:
            self.skipped += len(skipped)
            self.notes.append(f"skipped  {name} ({', '.join(skipped)}): {reasons(text)}")
        failed = [n for n, v in verdicts.items() if v == "failed"]
        self.failed += len(failed)
        self.notes += [f"FAILED   {name}: {n}" for n in failed]
        if test["result"] not in ("OK", "EXPECTEDFAIL") and not failed:
            self.failed += 1
            self.notes.append(f"FAILED   {name}: {test['result'].lower()}, status {test['returncode']}")
        elif not verdicts and test["result"] in ("OK", "EXPECTEDFAIL"):
            self.passed += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("logs", nargs="+", metavar="LOG")
    count = Count()
    for path in parser.parse_args().logs:
        build = path.split("/")[-3] if path.count("/") >= 2 else path
        try:
            with open(path, encoding="utf-8", errors="replace") as log:
                tests = [json.loads(line) for line in log if line.strip()]
        except OSError as error:
            tests = []
            count.failed += 1
            count.notes.append(f"FAILED   {build}: no test log ({error.strerror})")
        for test in tests:
            count.one_program(build, test)
    print()
    for note in sorted(count.notes, reverse=True):
        print(note)
    if count.passed + count.failed == 0:
        print("no test ran")
    print(f"{count.passed} passed, {count.failed} failed, {count.skipped} skipped")
    return 1 if count.failed or not count.passed else 0


if __name__ == "__main__":
    sys.exit(main())
