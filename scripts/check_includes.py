#!/usr/bin/env python3
"""check_includes.py [ROOT] - proves the order in which the rooms may include one another.

Reads every #include of engine/, snapshot/, fs/ and tests/ and compares it with the rules below, which
are those of the architecture. Prints each breach as FILE:LINE: text; exit status 1 if there is any.

  engine/   base <- os <- page <- log <- buf <- txn <- btree <- rec <- recover, backup, check
            <- endpoint <- api; eseutil on top. Never upward, never sideways; the public headers
            engine.h and esent.h from everywhere.
  snapshot/ of the engine only engine.h and esent.h.
  fs/       only engine.h, esent.h and snapshot.h.
  *_priv.h, *_impl.h, *_template.h  only from the folder they are in.
  *fmt.h    structs as they lie on disk: only from page/, log/ and rec/ (tests and tools may).
  <fuse*>   only in fs/.  <openssl/*>  only in engine/base/digest.c and snapshot/.
  <errno.h> in the engine only in os/, in eseutil/ and in the files of ERRNO_DOORS.
  No header includes itself by way of others.
"""
import argparse
import os
import re
import sys

LEVEL = {
    "base": 0, "os": 1, "page": 2, "log": 3, "buf": 4, "txn": 5, "btree": 6, "rec": 7,
    "recover": 8, "backup": 8, "check": 8, "endpoint": 9, "api": 10, "eseutil": 11,
}
PUBLIC = {"engine/engine.h", "engine/esent.h"}
# Files of the engine that see errno besides os/, each for the reason beside it.
ERRNO_DOORS = {
    "engine/base/fault.c": "puts the operating system's reason into a fault",
    "engine/check/verify.c": "carries it from the thread that reads to the one that reports",
    "engine/check/dump.c": "hands what dumpout.c kept on to fault_io()",
    "engine/check/dumpout.c": "stdio's failures go to os_error() at once",
    "engine/log/logdump.c": "the same",
}
PRIVATE = re.compile(r"_(priv|impl|template)\.h$")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def sources(root):
    for top in ("engine", "snapshot", "fs", "tests"):
        for folder, _, names in sorted(os.walk(os.path.join(root, top))):
            for name in sorted(names):
                if name.endswith((".c", ".h")):
                    yield os.path.relpath(os.path.join(folder, name), root)


def room_of(path):
    """'engine/page/page.c' -> ('engine', 'page'); the engine's own folder is ('engine', '')."""
    parts = path.split("/")
    return parts[0], parts[1] if len(parts) > 2 else ""


def resolve(root, path, name):
    """The project's file that an include names, seen from path; None: a system header."""
    for folder in (os.path.dirname(path), "engine", "snapshot", "fs", "tests", "."):
        target = os.path.normpath(os.path.join(folder, name))
        if os.path.isfile(os.path.join(root, target)):
            return target
    return None


def system_breach(path, name):
    top, room = room_of(path)
    if top == "tests":
        return None
    if name.startswith("fuse") and top != "fs":
        return "only fs/ knows FUSE"
    if name.startswith("openssl/") and path != "engine/base/digest.c" and top != "snapshot":
        return "digests are made in engine/base/digest.c and snapshot/ only"
    if name in ("errno.h", "asm/errno.h") and top == "engine":
        if room not in ("os", "eseutil") and path not in ERRNO_DOORS:
            return "errno comes in through engine/os/ only"
    return None


def engine_breach(path, target):
    room, other = room_of(path)[1], room_of(target)[1]
    if other not in LEVEL:
        return None if other == "" else f"{other}/ is in no order; add it to check_includes.py"
    if room == "" or room == other:
        return None
    if room not in LEVEL:
        return f"{room}/ is in no order; add it to check_includes.py"
    if LEVEL[other] > LEVEL[room]:
        return f"{room}/ lies below {other}/"
    if LEVEL[other] == LEVEL[room]:
        return f"{room}/ and {other}/ lie side by side"
    return None


def project_breach(path, target):
    top, room = room_of(path)
    other_top, other_room = room_of(target)
    if top == "tests":
        return None
    if PRIVATE.search(target) and os.path.dirname(target) != os.path.dirname(path):
        return f"{target} is private to its folder"
    if target in PUBLIC:
        return None
    if top == "engine":
        if other_top != "engine":
            return f"the engine does not know {other_top}/"
        if target.endswith("fmt.h") and room not in ("page", "log", "rec"):
            return f"{target}: structs on disk stay in page/, log/ and rec/"
        return engine_breach(path, target)
    if other_top == top:
        return None
    if top == "fs" and target == "snapshot/snapshot.h":
        return None
    return f"{top}/ knows the public headers only"


def cycles(graph):
    """Each header that reaches itself, with the way it takes."""
    found, state = [], {}

    def walk(node, way):
        state[node] = 1
        for after in graph.get(node, ()):
            if state.get(after) == 1:
                found.append(way[way.index(after):] + [after])
            elif after not in state:
                walk(after, way + [after])
        state[node] = 2

    for start in sorted(graph):
        if start not in state:
            walk(start, [start])
    return found


def check(root):
    breaches, graph, nr = [], {}, 0
    for path in sources(root):
        with open(os.path.join(root, path), encoding="utf-8") as text:
            for number, line in enumerate(text, 1):
                match = INCLUDE.match(line)
                if not match:
                    continue
                nr += 1
                name = match.group(2)
                target = resolve(root, path, name)
                if target and match.group(1) == '"':
                    why = project_breach(path, target)
                    if path.endswith(".h"):
                        graph.setdefault(path, []).append(target)
                else:
                    why = system_breach(path, name)
                    if not target and match.group(1) == '"':
                        why = f'"{name}" is not in the project'
                if why:
                    breaches.append(f"{path}:{number}: {why}")
    breaches += ["include circle: " + " -> ".join(way) for way in cycles(graph)]
    return nr, breaches


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", nargs="?", metavar="ROOT",
                        default=os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    nr, breaches = check(parser.parse_args().root)
    for line in breaches:
        print(line)
    if nr == 0:
        print("no #include was found")
        return 1
    if not breaches:
        print(f"{nr} includes are in order")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
