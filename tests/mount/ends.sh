#!/usr/bin/env bash
# How a mount ends: umount, SIGTERM and kill -9 while a backup runs, and what the next mount finds. A store
# has one holder.
. "$(dirname "$0")/lib.sh"
setup
add_big large 8
add_instance mail
mount_it rate=1M
B=$MP/large/backups
ms() { echo $((($(date +%s%N) - $1) / 1000000)); }

# -- a second mount of the store
mkdir "$T/mnt2"
exits "a second mount" 32 "held.*$MP" "$MOUNT_ESEFS" "$SRC" "$T/mnt2" -o "store=$STORE"
exits "also on the same mountpoint" 32 "held.*$MP" "$MOUNT_ESEFS" "$SRC" "$MP" -o "store=$STORE"
is "mounts there" "$(awk -v m="$MP" '$2 == m' /proc/self/mounts | wc -l)" 1

# -- umount
ok "a finished backup" mkdir "$MP/mail/backups/done"
"$CALL" mkdir "$B/a" >"$T/mkdir" &
sleep 0.5
gives "umount while somebody waits in mkdir" EBUSY umount "$MP"
is "mkdir goes on" "$(cat "$T/mkdir")" ""
gives "cancel" ok write "$MP/large/control" cancel
wait
is "mkdir, cancelled through control" "$(cat "$T/mkdir")" ECANCELED
gives "a backup in the background" ok write "$MP/large/control" "full b"
sleep 0.5
start=$(date +%s%N)
unmount
[ "$(ms "$start")" -lt 5000 ] || fail "umount cancelled only after $(ms "$start") ms"
ok "its partial is gone" store_is_swept
mount_it rate=1M
is "nothing of it" "$(names "$B")" ""
has "an event says so" "$(cat "$MP/large/events")" 'backup b was stopped'

# -- mounted again at once, while the former daemon is still ending
gives "a backup in the background" ok write "$MP/large/control" "full c"
sleep 0.3
umount "$MP"
mount_it rate=1M
is "nothing of it" "$(names "$B")" ""

# -- SIGTERM
"$CALL" mkdir "$B/d" >"$T/mkdir" &
sleep 0.5
start=$(date +%s%N)
kill -TERM "$(daemons)"
ok "SIGTERM ends it" wait_until 5 no_daemon
wait
is "mkdir is told" "$(cat "$T/mkdir")" ECANCELED
is "it is unmounted" "$(awk -v m="$MP" '$2 == m' /proc/self/mounts)" ""
ok "the partial is gone" store_is_swept
note "SIGTERM took $(ms "$start") ms"
mount_it rate=1M
gives "a backup in the background" ok write "$MP/large/control" "full e"
exec 9<"$MP/mail/backups/done/test.edb"
kill -TERM "$(daemons)"
ok "SIGTERM ends it with a background backup and an open file" wait_until 5 no_daemon
exec 9<&-

# -- kill -9: an error, never an empty directory; and a remount heals it
mount_it rate=1M
is "listed" "$(names "$MP"), $(names "$MP/mail/backups")" "large mail, done latest"
for d in "$MP" "$MP/mail" "$MP/mail/backups/done"; do
    names "$d" >/dev/null && names "$d" >/dev/null # now the kernel could answer by itself
done
"$CALL" mkdir "$B/f" >"$T/mkdir" &
sleep 0.5
kill -9 "$(daemons)"
ok "it is dead" wait_until 5 no_daemon
wait
has "mkdir is told" "$(cat "$T/mkdir")" '^(ECONNABORTED|ENOTCONN)$'
sleep 0.1
for d in "$MP" "$MP/mail" "$MP/mail/backups/done"; do
    gives "listing $d" ENOTCONN list "$d"
done
mount_it rate=1M
is "one mount is there" "$(awk -v m="$MP" '$2 == m' /proc/self/mounts | wc -l)" 1
is "nothing partial" "$(names "$B")" ""
ok "the store is swept" store_is_swept
ok "the finished one is whole" sums_hold "$MP/mail/backups/done"

# -- a mountpoint that somebody else's dead mount covers is left alone
exits "SOURCE and store the other way round" 32 "$MP" "$MOUNT_ESEFS" "$SRC" "$MP/mail" -o "store=$STORE"
finish
