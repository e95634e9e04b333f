#!/usr/bin/env python3
"""fuzz_coverage.py EXPORT.json - what the fuzz targets reach, for scripts/fuzz --coverage.

EXPORT.json is llvm-cov's. Of each source file with at least one function reached: how many of its
functions and lines were, and the name of each function that never was. Files of which nothing was
reached belong to no target; they are only named.
"""
import argparse
import collections
import json


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("export", metavar="EXPORT.json")
    with open(parser.parse_args().export, encoding="utf-8") as text:
        data = json.load(text)["data"][0]

    functions = collections.defaultdict(dict)  # file -> {name: runs}; a static inline is there often
    for f in data["functions"]:
        name = f["name"].split(":")[-1]
        runs = functions[f["filenames"][0]]
        runs[name] = max(runs.get(name, 0), f["count"])
    lines = {f["filename"]: f["summary"]["lines"] for f in data["files"]}

    untouched = []
    for path in sorted(functions):
        shown = path.split("/../")[-1]
        for top in ("engine/", "snapshot/", "fs/", "tests/"):
            if f"/{top}" in path:
                shown = top + path.split(f"/{top}", 1)[1]
        runs = functions[path]
        reached = sum(1 for n in runs.values() if n)
        if not reached:
            untouched.append(shown)
            continue
        percent = lines[path]["percent"] if path in lines else 0
        print(f"{shown:44} {reached:3}/{len(runs):<3} functions {percent:5.1f} % of lines")
        for name in sorted(n for n, count in runs.items() if not count):
            print(f"    never reached: {name}")
    if untouched:
        print("of no target:", ", ".join(untouched))


if __name__ == "__main__":
    main()
