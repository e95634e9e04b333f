#!/bin/sh
# own_instance.sh MKINSTANCE ESEUTIL - an instance of our own making is a sound one, at every page size:
# our tools say so, and so does another reader of the format where it is installed. And a damaged one is
# not, or the first half of this test would mean nothing.
set -eu
mkinstance=$1 eseutil=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
fail() {
    echo "FAILED: $*"
    exit 1
}

for size in 4096 8192 16384 32768; do
    "$mkinstance" "$dir/$size" 300 "$size"
    "$eseutil" verify -q "$dir/$size" >/dev/null || fail "verify, pages of $size"
    "$eseutil" integrity -q "$dir/$size/mail.edb" || fail "integrity, pages of $size"
    rows=$("$eseutil" dump "$dir/$size/mail.edb" Mail --format=jsonl | wc -l)
    [ "$rows" -eq 300 ] || fail "$rows rows, pages of $size"
    if command -v esedbexport >/dev/null; then
        esedbexport -m tables -t "$dir/x$size" "$dir/$size/mail.edb" >/dev/null || fail "esedbexport, pages of $size"
        [ "$(wc -l <"$dir/x$size.export/Mail.2")" -eq 301 ] || fail "esedbexport finds other rows, pages of $size"
    fi
done

# A byte of page 4, the catalogue's root.
printf '\245' | dd of="$dir/4096/mail.edb" bs=1 seek=$((5 * 4096 + 1000)) conv=notrunc status=none
status=0
"$eseutil" verify -q "$dir/4096" >/dev/null 2>"$dir/said" || status=$?
[ "$status" -eq 2 ] || fail "a damaged page, but status $status"
grep -q 'page 4 .*JET_errReadVerifyFailure' "$dir/said" || fail "the damaged page is not named: $(cat "$dir/said")"
echo "sound at every page size"
