# lib.sh - what the scripts here share: finding the project, saying things, building. Sourced, never
# run; every script sets nothing of its own that is here.
#
# shellcheck shell=bash
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
export ESE_TEST_DATA=${ESE_TEST_DATA:-$ROOT/../shared/data}
JOBS=$(nproc 2>/dev/null || echo 2)

# Colour only for people: never into a file or a pipe.
if [ -t 1 ] && [ "${TERM:-dumb}" != dumb ] && [ -z "${NO_COLOR:-}" ]; then
    C_HEAD=$'\e[1;36m' C_GOOD=$'\e[32m' C_BAD=$'\e[1;31m' C_WARN=$'\e[33m' C_DIM=$'\e[2m' C_OFF=$'\e[0m'
else
    C_HEAD='' C_GOOD='' C_BAD='' C_WARN='' C_DIM='' C_OFF=''
fi

say() { printf '%s\n' "$*"; }
head_line() { printf '%s== %s%s\n' "$C_HEAD" "$*" "$C_OFF"; }
good() { printf '%s%s%s\n' "$C_GOOD" "$*" "$C_OFF"; }
bad() { printf '%s%s%s\n' "$C_BAD" "$*" "$C_OFF"; }
warn() { printf '%s%s%s\n' "$C_WARN" "$*" "$C_OFF" >&2; }
die() {
    printf '%s%s: %s%s\n' "$C_BAD" "${0##*/}" "$*" "$C_OFF" >&2
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# The comment at the head of a script is its help.
usage() {
    awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"
}

# Answers -h and --help wherever they stand; call with "$@" before anything else.
answer_help() {
    local a
    for a in "$@"; do
        case $a in -h | --help)
            usage
            exit 0
            ;;
        esac
    done
}

# run_quietly WHAT COMMAND...: one line when it works, everything it printed when it does not.
run_quietly() {
    local what=$1 log start=$SECONDS
    shift
    log=$(mktemp)
    if "$@" >"$log" 2>&1 </dev/null; then
        printf '%s%s (%d s)%s\n' "$C_DIM" "$what" $((SECONDS - start)) "$C_OFF"
        rm -f "$log"
        return 0
    fi
    cat "$log"
    rm -f "$log"
    bad "$what: failed"
    return 1
}

# configure DIR MESON-OPTION...: sets up a build directory of the scripts' own; made anew when it was
# set up with other options, another compiler or other test data.
configure() {
    local dir=$1 key
    shift
    key="${CC:-cc} $ESE_TEST_DATA $*"
    if [ -f "$dir/build.ninja" ] && [ "$(cat "$dir/.configured" 2>/dev/null)" = "$key" ]; then
        return 0
    fi
    if [ -d "$dir" ]; then
        [ -f "$dir/meson-private/coredata.dat" ] || [ -z "$(ls -A "$dir")" ] ||
            die "$dir is in the way and is no build directory"
        rm -rf "$dir"
    fi
    run_quietly "configure ${dir##*/}" meson setup "$dir" "$ROOT" "$@" || return 1
    printf '%s' "$key" >"$dir/.configured"
}

# build DIR [TARGET...]
build() {
    local dir=$1
    shift
    run_quietly "build ${dir##*/}" ninja -C "$dir" --quiet -j "$JOBS" "$@"
}

build_release() {
    configure "$ROOT/build" --buildtype=release && build "$ROOT/build"
}

# Can this process mount a FUSE filesystem? Prints why not.
why_no_mount() {
    if [ ! -e /dev/fuse ]; then
        echo "there is no /dev/fuse"
    elif [ ! -w /dev/fuse ]; then
        echo "/dev/fuse may not be opened"
    elif [ "$(id -u)" != 0 ] && ! have fusermount3; then
        echo "not root, and fusermount3 is not installed"
    else
        return 1
    fi
}
