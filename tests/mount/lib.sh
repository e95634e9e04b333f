# lib.sh - what the mount tests share: a temporary SOURCE of real instances, mounting, waiting, judging.
# Sourced, never run. Each test is one topic, called as TEST MOUNT_ESEFS MKBIGDB CALL.
#
# Every test ends in finish(), which also compares SOURCE with what it was: a mount only reads there.
# A sanitizer's report of the daemon, whose stderr is gone, is a failure too.
#
# shellcheck shell=bash disable=SC2034
set -euo pipefail

MOUNT_ESEFS=$(realpath "$1")
MKBIGDB=$(realpath "$2")
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
CALL=$(realpath "$3")
ME=${0##*/}
CHECKS=0

skip() {
    printf '%s: skipped: %s\n' "$ME" "$*"
    exit 77
}
note() { printf '%s: %s\n' "$ME" "$*"; }
fail() {
    printf '%s: FAILED: %s\n' "$ME" "$*"
    [ ! -d "${MP:-/nonexistent}" ] || tail -n 5 "$MP"/*/events "$MP"/*/status 2>/dev/null || :
    exit 1
}

# ---- the stage -----------------------------------------------------------------------------------

need() { # WORD...: programs
    local w
    for w in "$@"; do
        command -v "$w" >/dev/null 2>&1 || skip "needs $w"
    done
}

# setup: T (all is below it), SRC, STORE, MP.
setup() {
    [ "$(id -u)" = 0 ] || skip "needs root"
    [ -c /dev/fuse ] || skip "needs /dev/fuse"
    [ -d "${ESE_TEST_DATA:-}" ] || skip "no real instances: ESE_TEST_DATA is not set or not there"
    T=$(mktemp -d /tmp/esefs-test.XXXXXX)
    SRC=$T/src STORE=$T/store MP=$T/mnt
    mkdir "$SRC" "$MP"
    trap cleanup EXIT
    export ASAN_OPTIONS=${ASAN_OPTIONS:-}:log_path=$T/sanitizer UBSAN_OPTIONS=${UBSAN_OPTIONS:-}:log_path=$T/sanitizer
    SOURCE_WAS=
}

cleanup() {
    local m
    # What a failure left mounted; the paths are this test's own.
    for m in $(awk -v t="$T/" 'index($2, t) == 1 { print $2 }' /proc/self/mounts | sort -r); do
        umount -l "$m" 2>/dev/null || :
    done
    wait_until 6 no_daemon || for m in $(daemons); do
        kill -9 "$m" 2>/dev/null || :
    done
    cat "$T"/sanitizer* 2>/dev/null || :
    chmod -R u+rwX "$T" 2>/dev/null || :
    rm -rf "$T"
}

# add_instance NAME: a small dirty set that Microsoft's engine wrote, 1.5 MB and six required logs.
add_instance() {
    mkdir "$SRC/$1"
    cp "$ESE_TEST_DATA"/engine/p4096_w10/dirty/files/* "$SRC/$1/"
    chmod u+w "$SRC/$1"/*
}

# add_clean NAME: a clean set that Windows wrote.
add_clean() {
    mkdir "$SRC/$1"
    cp "$ESE_TEST_DATA"/windows/srum-win10-apt/* "$SRC/$1/"
    chmod u+w "$SRC/$1"/*
}

# add_big NAME MIB: one database without logs, as large as one likes.
add_big() {
    mkdir "$SRC/$1"
    "$MKBIGDB" "$ESE_TEST_DATA/format/w4096.edb" "$SRC/$1/big.edb" "$2" >/dev/null
}

fingerprint() { # of SOURCE: bytes, sizes, times, modes, names; atime is the reader's business
    (cd "$SRC" && find . -name .esefs -prune -o ! -path . -printf '%p %y %s %T@ %C@ %i %m %l\n' | sort &&
        find . -name .esefs -prune -o -type f -print0 | sort -z | xargs -0 -r sha256sum)
}

remember_source() { SOURCE_WAS=$(fingerprint); }

# mount_it [OPTIONS]: with the test's own store.
mount_it() {
    [ -n "$SOURCE_WAS" ] || remember_source
    "$MOUNT_ESEFS" "$SRC" "$MP" -o "store=$STORE${1:+,$1}" >"$T/mount.out" 2>&1 ||
        fail "mount.esefs exited $?: $(cat "$T/mount.out")"
}

daemons() { pgrep -f -- "^$MOUNT_ESEFS $SRC " || :; }

# in_own_devices COMMAND...: in a mount namespace where everybody may open /dev/fuse, as on most systems.
# COMMAND is a function or program; what it mounts is gone with it.
own_devices_possible() {
    [ -e "$T/fuse" ] || { mknod "$T/fuse" c 10 229 && chmod 666 "$T/fuse"; }
    unshare -m bash -c "mount --bind '$T/fuse' /dev/fuse && : <>/dev/fuse" 2>/dev/null
}
in_own_devices() {
    unshare -m bash -c "mount --bind '$T/fuse' /dev/fuse && exec \"\$@\"" - "$@"
}

wait_until() { # SECONDS COMMAND...: polls
    local end=$(($(date +%s%N) + $1 * 1000000000))
    shift
    until "$@"; do
        [ "$(date +%s%N)" -lt "$end" ] || return 1
        sleep 0.05
    done
}

no_daemon() { [ -z "$(daemons)" ]; }

# Unmounts, and waits for the daemon's own end, so that a report it writes is there.
unmount() {
    umount "$MP" || fail "umount: $?"
    wait_until 10 no_daemon || fail "the daemon is still there 10 s after umount"
}

# ---- judging ---------------------------------------------------------------------------------------

ok() { # DESCRIPTION COMMAND...
    local what=$1
    shift
    CHECKS=$((CHECKS + 1))
    "$@" >"$T/said" 2>&1 || fail "$what: \"$*\" exited $?: $(tail -n 3 "$T/said")"
}

is() { # DESCRIPTION GOT EXPECTED
    CHECKS=$((CHECKS + 1))
    [ "$2" = "$3" ] || fail "$1: got \"$2\", expected \"$3\""
}

has() { # DESCRIPTION TEXT PATTERN (extended regular expression)
    CHECKS=$((CHECKS + 1))
    grep -Eq -- "$3" <<<"$2" || fail "$1: no /$3/ in \"$2\""
}

# gives DESCRIPTION RESULT CALL ARGUMENTS...: one system call, its errno by name ("ok" for success).
gives() {
    local what=$1 expected=$2
    shift 2
    is "$what" "$("$CALL" "$@")" "$expected"
}

exits() { # DESCRIPTION STATUS PATTERN COMMAND...: the message has one line that matches
    local what=$1 status=$2 pattern=$3 got=0 out
    shift 3
    out=$("$@" 2>&1) || got=$?
    is "$what: exit status" "$got" "$status"
    is "$what: lines of message" "$(wc -l <<<"$out")" 1
    has "$what" "$out" "$pattern"
}

# names DIR: what is in it, sorted, in one line.
names() { find "$1" -mindepth 1 -maxdepth 1 -printf '%f\n' | LC_ALL=C sort | paste -sd' '; }
is_in() { [[ " $(names "$2") " == *" $1 "* ]]; } # NAME DIR
not_in() { ! is_in "$@"; }

status_of() { sed -n "s/^$2: //p" "$MP/$1/status"; } # INSTANCE KEY

sums_hold() { # DIRECTORY: its SHA256SUMS
    (cd "$1" && sha256sum --quiet --strict -c SHA256SUMS)
}

# Nothing half-made in the store, seen from below.
store_is_swept() { [ -z "$(find "$STORE" \( -name '.partial*' -o -name '.trash*' \) -print -quit)" ]; }

finish() {
    if [ -n "$(awk -v m="$MP" '$2 == m' /proc/self/mounts)" ]; then
        unmount
    fi
    ok "what is half-made was swept" store_is_swept
    is "SOURCE, byte for byte and time for time" "$(fingerprint)" "$SOURCE_WAS"
    if compgen -G "$T/sanitizer*" >/dev/null; then
        fail "the sanitizer has something to say: $(head -n 40 "$T"/sanitizer*)"
    fi
    note "$CHECKS checks passed"
}
