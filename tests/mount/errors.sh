#!/usr/bin/env bash
# The errno of everything that is refused, and that nothing of it left anything behind.
. "$(dirname "$0")/lib.sh"
setup
add_instance mail
add_clean web
add_instance broken
add_instance short
add_instance alien
add_clean newer
add_big moving 4
rm "$SRC/broken/edb00000007.log"                                       # a required log
truncate -s 200000 "$SRC/short/test.edb"                               # shorter than its space
printf '\xff\xff' | dd of="$SRC/alien/test.edb" bs=1 seek=20000 conv=notrunc status=none # page 3: checksum
python3 - "$SRC/newer/SRUDB.dat" <<'PY'
# A database of a format to come: version 0x720, in both headers, sealed with the right checksum (XOR).
import struct, sys
with open(sys.argv[1], "r+b") as f:
    for at in 0, 4096:
        for off in 0, 8:
            f.seek(at + off)
            value, = struct.unpack("<I", f.read(4))
            f.seek(at + off)
            f.write(struct.pack("<I", value ^ (0x620 ^ 0x720)))
PY
mount_it
B=$MP/mail/backups
ok "a backup to play with" mkdir "$B/a"
ok "another" mkdir "$B/b"
before=$(find "$MP/mail/backups" "$STORE" -printf '%P %y %s %i\n' | sort)

# -- names
long=$(printf 'x%.0s' $(seq 200))
for n in .dot -dash latest at clean raw $'new\nline' $'tab\t' $'\x7f' $'\xff' $'\xc3'; do
    [ "$n" = latest ] || gives "name $n" EINVAL mkdir "$B/$n"
done
gives "the name latest" EEXIST mkdir "$B/latest"
gives "201 bytes" ENAMETOOLONG mkdir "$B/x$long"
gives "an existing name" EEXIST mkdir "$B/a"
gives "rename onto another" EEXIST rename "$B/a" "$B/b"
gives "rename, no replacing" EEXIST rename2 "$B/a" "$B/b" 1
gives "exchange" EINVAL rename2 "$B/a" "$B/b" 2
gives "rename to an illegal name" EINVAL rename "$B/a" "$B/.a"
gives "rename to a long name" ENAMETOOLONG rename "$B/a" "$B/x$long"
gives "rename of nothing" ENOENT rename "$B/nothing" "$B/c"
gives "rename into another instance" EXDEV rename "$B/a" "$MP/web/backups/a"
gives "rename out of backups" EROFS rename "$B/a" "$MP/mail/a"
gives "rmdir of nothing" ENOENT rmdir "$B/nothing"
gives "rmdir of latest" ENOTDIR rmdir "$B/latest"

# -- everything else that would change the tree
for d in "$MP" "$MP/mail" "$B/a"; do
    gives "mkdir in $d" EROFS mkdir "$d/new"
    gives "mknod in $d" EROFS mknod "$d/new"
    gives "creat in $d" EROFS open "$d/new" 'wronly|creat'
    gives "symlink in $d" EROFS symlink x "$d/new"
done
gives "creat in backups" EROFS open "$B/file" 'wronly|creat'
gives "link" EROFS link "$MP/mail/status" "$MP/mail/link"
gives "unlink of a backup's file" EROFS unlink "$B/a/test.edb"
gives "unlink of latest" EROFS unlink "$B/latest"
gives "unlink of control" EROFS unlink "$MP/mail/control"
gives "rmdir of an instance" EROFS rmdir "$MP/mail"
gives "rmdir of backups" EROFS rmdir "$B"
gives "rename of an instance" EROFS rename "$MP/mail" "$MP/post"
gives "rename of a file in a backup" EROFS rename "$B/a/test.edb" "$B/a/x"
for f in "$B/a/test.edb" "$B/a/SHA256SUMS" "$MP/mail/status" "$MP/mail/events"; do
    gives "write open of ${f##*/}" EROFS open "$f" wronly
    gives "read-write open of ${f##*/}" EROFS open "$f" rdwr
    gives "truncating open of ${f##*/}" EROFS open "$f" 'rdonly|trunc'
    gives "appending open of ${f##*/}" EROFS open "$f" 'wronly|append'
    gives "truncate of ${f##*/}" EROFS truncate "$f" 0
    gives "chmod of ${f##*/}" EROFS chmod "$f" 777
    gives "utime of ${f##*/}" EROFS utime "$f"
    gives "setxattr of ${f##*/}" EROFS setxattr "$f" user.x
done
gives "chmod of a backup" EROFS chmod "$B/a" 777
gives "setxattr of a backup" EROFS setxattr "$B/a" user.esefs.hold
gives "read open" ok open "$B/a/test.edb" rdonly
gives "rm -r starts at the files" EROFS unlink "$B/a/edb.chk"
is "rm -r removes nothing" "$(rm -rf "$B/a" 2>/dev/null || names "$B/a" | wc -w)" 9

# -- commands
C=$MP/mail/control
gives "no command" EINVAL write "$C" "frobnicate"
gives "an empty line" EINVAL write "$C" ""$'\n'
gives "two lines" EINVAL write "$C" $'hold a\nhold b\n'
gives "a command without its name" EINVAL write "$C" full
gives "full, existing name" EEXIST write "$C" "full a"
gives "full, illegal name" EINVAL write "$C" "full .a"
gives "full, long name" ENAMETOOLONG write "$C" "full x$long"
gives "hold of nothing" ENOENT write "$C" "hold nothing"
gives "verify of nothing" ENOENT write "$C" "verify nothing"
for c in "atomic a" "incremental a" truncate "prove a" "freeze 3" thaw; do
    gives "$c needs the engine" EOPNOTSUPP write "$C" "$c"
done
gives "truncating control" ok open "$C" 'wronly|trunc'
gives "truncate(2) of control" ok truncate "$C" 0
is "control is as long as before" "$(stat -c %s "$C")" "$(wc -c <"$C")"
gives "creating control anew" ok open "$C" 'wronly|creat|trunc'

# -- hold
gives "hold" ok write "$C" "hold a"
is "the attribute says so" "$(getfattr --only-values -n user.esefs.hold "$B/a" 2>/dev/null)" yes
gives "rmdir on hold" EBUSY rmdir "$B/a"
gives "release" ok write "$C" "release a"
is "all is as it was" "$(find "$MP/mail/backups" "$STORE" -printf '%P %y %s %i\n' | grep -v '/\.read\|events' | sort)" \
    "$(grep -v '/\.read\|events' <<<"$before")"

# -- damage
gives "a required log is missing" EUCLEAN mkdir "$MP/broken/backups/n"
has "which" "$(status_of broken LastError)" 'edb00000007\.log|generation 0x7'
gives "a truncated database" EUCLEAN mkdir "$MP/short/backups/n"
has "which file" "$(status_of short LastError)" 'test\.edb'
gives "a wrong checksum" EBADMSG mkdir "$MP/alien/backups/n"
has "file, page and offset" "$(status_of alien LastError)" 'test\.edb: page 3 \(offset 0x4000\): JET_errReadVerifyFailure \(-1018\)'
has "in events, too" "$(cat "$MP/alien/events")" 'test\.edb: page 3 \(offset 0x4000\)'
gives "the same through control" ok write "$MP/alien/control" "full n"
gives "and its wait" EBADMSG write "$MP/alien/control" wait
gives "a format that is not known" EPROTONOSUPPORT mkdir "$MP/newer/backups/n"
has "which file" "$(status_of newer LastError)" 'SRUDB\.dat.*JET_errInvalidDatabaseVersion'
for i in broken short alien newer; do
    is "no directory of $i" "$(ls -A "$MP/$i/backups")" ""
done
unmount

# -- a store that is too small: refused before anything is copied
mkdir "$T/small"
mount -t tmpfs -o size=2M,nr_inodes=100 tmpfs "$T/small"
ok "mounts on a small store" "$MOUNT_ESEFS" "$SRC" "$MP" -o "store=$T/small"
gives "the store is too small" ENOSPC mkdir "$MP/moving/backups/n"
is "nothing is left" "$(ls -A "$MP/moving/backups")$(find "$T/small" -name '.partial*')" ""
umount "$MP"
ok "it ends" wait_until 10 no_daemon
umount "$T/small"

# -- the files change while they are copied
mount_it rate=2M
"$CALL" mkdir "$MP/moving/backups/n" >"$T/mkdir" &
sleep 0.7
is "SOURCE so far" "$(fingerprint)" "$SOURCE_WAS"
touch "$SRC/moving/big.edb"
wait
is "the files changed" "$(cat "$T/mkdir")" EBUSY
is "nothing is left" "$(ls -A "$MP/moving/backups")" ""
remember_source
finish
