#!/usr/bin/env bash
# A SOURCE that means harm or cannot be written: symbolic links out of it, FIFOs and devices under the
# names of logs and databases, unreadable files, a read-only filesystem.
. "$(dirname "$0")/lib.sh"
setup
add_instance good
mkdir "$T/outside"
cp "$ESE_TEST_DATA"/windows/srum-win10-apt/* "$T/outside/"

ln -s "$T/outside" "$SRC/linked"                       # a directory elsewhere
mkdir "$SRC/filelink" && ln -s "$T/outside/SRUDB.dat" "$SRC/filelink/SRUDB.dat"
mkdir "$SRC/fifo" && mkfifo "$SRC/fifo/edb.log" "$SRC/fifo/db.edb"
mkdir "$SRC/device" && mknod "$SRC/device/edb00000001.log" c 1 3
mkdir "$SRC/loop" && ln -s . "$SRC/loop/loop" && ln -s ../loop "$SRC/loop/again"
mkdir "$SRC/mixed" && cp "$ESE_TEST_DATA"/windows/srum-win10-apt/* "$SRC/mixed/"
mkfifo "$SRC/mixed/SRU00021.log"
ln -s /dev/zero "$SRC/mixed/zero.edb"
mkdir "$SRC/dirs" && mkdir "$SRC/dirs/a.edb" "$SRC/dirs/edb.log"
: >"$SRC/dirs/empty.edb"
head -c 100 /dev/urandom >"$SRC/dirs/noise.edb"
ln -s "$(basename "$SRC")" "$T/srclink"

start=$(date +%s%N)
mount_it
[ $((($(date +%s%N) - start) / 1000000000)) -lt 5 ] || fail "mounting took long: something blocked"
ok "the good one is there" test -d "$MP/good/backups"
ok "and works" mkdir "$MP/good/backups/n"
ok "sums" sums_hold "$MP/good/backups/n"
is "nothing outside is an instance" "$(ls -d "$MP/linked" 2>/dev/null)" ""
for i in filelink fifo device loop dirs; do
    [ -d "$MP/$i" ] || continue
    result=$("$CALL" mkdir "$MP/$i/backups/n")
    has "$i is refused" "$result" '^(EUCLEAN|EBADMSG|EIO|EACCES|EINVAL|ENOENT)$'
    is "and leaves nothing" "$(ls -A "$MP/$i/backups")" ""
done
result=$("$CALL" mkdir "$MP/mixed/backups/n")
if [ "$result" = ok ]; then
    ok "only regular files are copied" sums_hold "$MP/mixed/backups/n"
    is "no link, no FIFO" "$(find "$MP/mixed/backups/n" ! -type d ! -type f)$(names "$MP/mixed/backups/n" | grep -E 'zero|00021')" ""
fi
unmount
ok "SOURCE by a symbolic link" "$MOUNT_ESEFS" "$T/srclink" "$MP" -o "store=$STORE"
ok "the same instances" test -d "$MP/good/backups/n"
umount "$MP"
link_daemon_ended() { [ -z "$(pgrep -f -- "^$MOUNT_ESEFS $T/srclink ")" ]; }
ok "its daemon ends" wait_until 10 link_daemon_ended

# -- unreadable files; only another user than root is kept out
unreadable() {
    set -eu
    as() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
    as "$MOUNT_ESEFS" "$T/nsrc" "$T/nmnt" -o "store=$T/nstore" 2>"$T/nout" || { cat "$T/nout" && exit 1; }
    as "$CALL" mkdir "$T/nmnt/good/backups/n"
    as "$CALL" mkdir "$T/nmnt/secret/backups/n"
    as cat "$T/nmnt/secret/events"
    umount "$T/nmnt"
}
export T CALL MOUNT_ESEFS
export -f unreadable
if command -v setpriv >/dev/null 2>&1 && command -v fusermount3 >/dev/null 2>&1 && own_devices_possible; then
    chmod 755 "$T"
    mkdir "$T/nsrc" "$T/nstore" "$T/nmnt"
    cp -r "$SRC/good" "$T/nsrc/good"
    cp -r "$SRC/good" "$T/nsrc/secret"
    chmod 000 "$T/nsrc/secret/test.edb"
    chown -R 65534:65534 "$T/nsrc" "$T/nstore" "$T/nmnt"
    chown 0:0 "$T/nsrc/secret/test.edb"
    said=$(in_own_devices bash -c unreadable) || fail "unprivileged: $said"
    is "the readable one" "$(sed -n 1p <<<"$said")" ok
    has "the unreadable one" "$(sed -n 2p <<<"$said")" '^(EACCES|EUCLEAN)$'
    has "is named" "$said" 'test\.edb'
else
    note "no unprivileged mount possible here: unreadable files were skipped"
fi

# -- a read-only SOURCE: with its default store there is nowhere to write, with another all works
mkdir "$T/rosrc"
cp -r "$SRC/good" "$T/rosrc/"
mount --bind "$T/rosrc" "$T/rosrc"
mount -o remount,ro,bind "$T/rosrc"
ok "mounts" "$MOUNT_ESEFS" "$T/rosrc" "$MP"
has "warned" "$(cat "$T/said")" 'warning: .*read-only|warning: .*Read-only'
has "is ro" "$(awk -v m="$MP" '$2 == m { print $4 }' /proc/self/mounts)" '^ro,'
gives "refuses" EROFS mkdir "$MP/good/backups/n"
gives "control, too" EROFS write "$MP/good/control" "full n"
has "status is readable" "$(cat "$MP/good/status")" '^State: dirty'
umount "$MP"
gone() { [ -z "$(pgrep -f -- "^$MOUNT_ESEFS $T/rosrc ")" ]; }
ok "ended" wait_until 10 gone
ok "with a store elsewhere" "$MOUNT_ESEFS" "$T/rosrc" "$MP" -o "store=$T/rostore"
ok "works" mkdir "$MP/good/backups/n"
ok "sums" sums_hold "$MP/good/backups/n"
umount "$MP"
ok "ended" wait_until 10 gone
finish
