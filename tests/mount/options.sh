#!/usr/bin/env bash
# The command line: exit statuses and messages of what is refused, the mount helper's way in, and that a
# command which returns 0 has left a usable mount.
. "$(dirname "$0")/lib.sh"
setup
add_instance mail
remember_source
M=$MOUNT_ESEFS

exits "no argument" 1 'SOURCE' "$M"
exits "no mountpoint" 1 'MOUNTPOINT' "$M" "$SRC"
exits "an unknown option" 1 'frobnicate' "$M" "$SRC" "$MP" -o frobnicate
exits "recovery" 1 'offline=recover' "$M" "$SRC" "$MP" -o offline=recover
exits "a bad retention" 1 'keep=never' "$M" "$SRC" "$MP" -o keep=never
exits "no SOURCE" 32 "$SRC/nothing" "$M" "$SRC/nothing" "$MP"
exits "SOURCE is a file" 32 "test.edb" "$M" "$SRC/mail/test.edb" "$MP"
exits "no mountpoint there" 32 "$T/nothing" "$M" "$SRC" "$T/nothing"
exits "SOURCE as mountpoint" 32 "$SRC" "$M" "$SRC" "$SRC" -o "store=$STORE"
exits "mountpoint in an instance" 32 "$SRC/mail" "$M" "$SRC" "$SRC/mail" -o "store=$STORE"
exits "mountpoint above SOURCE" 32 "$T" "$M" "$SRC" "$T" -o "store=$STORE"
exits "store in the mountpoint" 32 "$MP" "$M" "$SRC" "$MP" -o "store=$MP/store"
exits "store is SOURCE" 32 "store=$SRC" "$M" "$SRC" "$MP" -o "store=$SRC"
exits "store in an instance" 32 "store=$SRC/mail" "$M" "$SRC" "$MP" -o "store=$SRC/mail/store"
mkdir "$T/full" && touch "$T/full/something"
exits "store is somebody's directory" 32 "$T/full" "$M" "$SRC" "$MP" -o "store=$T/full"
is "in which nothing was made" "$(names "$T/full")" "something"
mkdir "$T/newer" && echo "esefs store 999" >"$T/newer/FORMAT"
exits "store of a newer version" 32 "999" "$M" "$SRC" "$MP" -o "store=$T/newer"
is "nothing is mounted" "$(awk -v m="$MP" '$2 == m' /proc/self/mounts)" ""
has "help" "$("$M" --help)" 'usage: mount.esefs SOURCE MOUNTPOINT'
has "version" "$("$M" --version)" 'libesent [0-9]'

# -- usable at once, 20 times
for _ in $(seq 20); do
    mount_it "noauto,user=root,_netdev,x-systemd.automount,nofail"
    ok "usable" test -f "$MP/mail/status"
    umount "$MP"
done
ok "the last one ends" wait_until 10 no_daemon

# -- the terminal is let go: a pipe that waits for the end of output sees it
is "output ends with the command" "$(timeout 10 bash -c "'$M' '$SRC' '$MP' -o 'store=$STORE' 2>&1 | cat >/dev/null; echo over")" over
umount "$MP"
ok "it ends" wait_until 10 no_daemon

# -- in the foreground
timeout 20 "$M" -f "$SRC" "$MP" -o "store=$STORE" >"$T/fg" 2>&1 &
ok "mounted" wait_until 5 test -f "$MP/mail/status"
ok "backup" mkdir "$MP/mail/backups/n"
kill -INT "$(pgrep -f -- "^$M -f $SRC ")"
wait $! || fail "the foreground process exited $?"
is "Ctrl-C unmounts" "$(awk -v m="$MP" '$2 == m' /proc/self/mounts)" ""

# -- SOURCE that is itself an instance, with its default store; commas and blanks in the path
mkdir "$T/a, b"
cp "$SRC"/mail/* "$T/a, b/"
ok "mounts" "$M" "$T/a, b" "$MP"
is "named after the directory" "$(ls "$MP")" "a, b"
ok "backup" mkdir "$MP/a, b/backups/n"
is "the store is beside the files" "$(ls -d "$T/a, b/.esefs")" "$T/a, b/.esefs"
is "source in the mount table" "$(awk -v m="$MP" '$2 == m { print $1 }' /proc/self/mounts)" "$T/a,\\040b"
umount "$MP"
self_ended() { [ -z "$(pgrep -f -- "^$M $T/a, b ")" ]; }
ok "it ends" wait_until 10 self_ended

# -- keep= after each success
mount_it keep=last:2
for n in k1 k2 k3 k4; do ok "backup $n" mkdir "$MP/mail/backups/$n"; done
is "the last two are left" "$(names "$MP/mail/backups")" "k3 k4 latest"
unmount

# -- mount -t esefs and fstab, in a mount namespace of its own that shows our helper in /sbin
if unshare -m true 2>/dev/null && mkdir "$T/upper" "$T/work" &&
    unshare -m mount -t overlay -o "lowerdir=/usr/sbin,upperdir=$T/upper,workdir=$T/work" none /usr/sbin 2>/dev/null; then
    ln -s "$M" "$T/upper/mount.esefs"
    cat >"$T/fstab" <<FSTAB
$SRC $MP esefs noauto,store=$STORE,x-test,keep=last:3,daily:2 0 0
FSTAB
    ok "mount -t esefs, and fstab" unshare -m bash -ec "
        mount -t overlay -o 'lowerdir=/usr/sbin,upperdir=$T/upper,workdir=$T/work' none /usr/sbin
        mount -t esefs '$SRC' '$MP' -o 'store=$STORE,rate=100M,nosuid,nodev'
        test -f '$MP/mail/status'
        umount '$MP'
        for _ in 1 2 3 4 5 6 7 8 9 10; do pgrep -f '$SRC $MP' >/dev/null || break; sleep 0.2; done
        mount --fstab '$T/fstab' '$MP'
        test -d '$MP/mail/backups'
        grep -q '$MP fuse.esefs' /proc/self/mounts
        umount '$MP'
        if mount -t esefs '$SRC' '$MP' -o 'store=$STORE,strange' 2>/dev/null; then exit 1; fi
        mount -s -t esefs '$SRC' '$MP' -o 'store=$STORE,strange'
        umount '$MP'"
else
    note "no overlay mount possible here: mount -t esefs was skipped"
fi
finish
