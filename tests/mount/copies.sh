#!/usr/bin/env bash
# Copying out of the mount with the tools that people use: every copy verifies by its own SHA256SUMS, and
# a second run of those that compare finds nothing to do, also after a remount and a rename elsewhere.
. "$(dirname "$0")/lib.sh"
need rsync tar
setup
add_instance mail
add_big large 24
mount_it
ok "backup of mail" mkdir "$MP/mail/backups/nightly"
ok "backup of large" mkdir "$MP/large/backups/nightly"
mkdir "$T/out"

verify_copy() { # WHERE
    ok "sums in $1 (mail)" sums_hold "$1/mail/nightly"
    ok "sums in $1 (large)" sums_hold "$1/large/nightly"
}
each() { # COMMAND...: with {} as the instance's name
    local i
    for i in mail large; do
        mkdir -p "$T/out/$kind/$i"
        ok "$kind of $i" "${@//\{\}/$i}"
    done
}

kind="cp"
each cp -a "$MP/{}/backups/nightly" "$T/out/cp/{}/"
verify_copy "$T/out/cp"
is "cp -a keeps times" "$(stat -c %Y "$T/out/cp/mail/nightly/test.edb")" "$(stat -c %Y "$MP/mail/backups/nightly/test.edb")"

kind=rsync
each rsync -a "$MP/{}/backups/nightly" "$T/out/rsync/{}/"
verify_copy "$T/out/rsync"
again=$(rsync -a --itemize-changes "$MP/mail/backups/nightly" "$T/out/rsync/mail/"
    rsync -a --itemize-changes "$MP/large/backups/nightly" "$T/out/rsync/large/")
is "a second rsync transfers nothing" "$again" ""
is "rsync by content finds nothing either" "$(rsync -a --checksum --itemize-changes "$MP/mail/backups/nightly" "$T/out/rsync/mail/")" ""

kind=tar
each bash -c "tar -C '$MP/{}/backups' -cf - nightly | tar -C '$T/out/tar/{}' -xf -"
verify_copy "$T/out/tar"

kind="mmap" # through the page cache's other door: mmap
ok "mmap reads the same bytes" python3 - "$MP/large/backups/nightly/big.edb" "$SRC/large/big.edb" <<'PY'
import mmap, sys
a, b = (open(p, "rb") for p in sys.argv[1:])
assert mmap.mmap(a.fileno(), 0, prot=mmap.PROT_READ)[:] == b.read()
PY
ok "reads with O_DIRECT" dd if="$MP/large/backups/nightly/big.edb" of=/dev/null bs=1M iflag=direct
ok "sendfile and copy_file_range" cp --reflink=auto "$MP/large/backups/nightly/big.edb" "$T/out/big"
ok "the same" cmp "$T/out/big" "$SRC/large/big.edb"

if command -v restic >/dev/null 2>&1; then
    export RESTIC_REPOSITORY=$T/out/restic RESTIC_PASSWORD=x RESTIC_CACHE_DIR=$T/out/cache
    ok "restic init" restic init -q
    ok "restic" restic backup -q "$MP/mail/backups/nightly" "$MP/large/backups/nightly"
    unmount
    mount_it
    second=$(restic backup --verbose=2 --json "$MP/mail/backups/nightly" "$MP/large/backups/nightly" | tail -n 1)
    has "restic finds no new file" "$second" '"files_new":0,"files_changed":0,"files_unmodified":11'
    has "and stores no byte of any again" "$second" '"data_blobs":0,'
    ok "restore" restic restore -q latest --target "$T/out/restored"
    ok "sums of what restic restored" sums_hold "$T/out/restored$MP/large/backups/nightly"
else
    note "restic is not installed: that part is skipped"
fi
finish
