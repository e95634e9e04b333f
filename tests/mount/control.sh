#!/usr/bin/env bash
# control, status and events as files: commands in the background, wait and cancel from other processes,
# true sizes, one snapshot per open, poll(2), tail -f.
. "$(dirname "$0")/lib.sh"
setup
add_big large 4
add_instance mail
mount_it rate=2M
L=$MP/large C=$MP/large/control

has "control lists its commands" "$(cat "$C")" '^full NAME'
for f in control status events; do
    is "size of $f" "$(stat -c %s "$MP/mail/$f")" "$(wc -c <"$MP/mail/$f")"
done

# -- in the background
gives "full" ok write "$C" "full one"
has "state" "$(status_of large State)" "^backing up"
has "progress" "$(status_of large Backup)" "^one .*%"
gives "a second one" EBUSY write "$C" "full two"
gives "a mkdir beside it" EBUSY mkdir "$L/backups/two"
gives "another instance is free" ok mkdir "$MP/mail/backups/one"
# Twice: only the second time the kernel has all of it, attributes too, and asks no more.
is "the listing so far" "$(names "$L/backups")$(names "$L/backups")" ""
gives "wait" ok write "$C" wait
is "listed as soon as wait returns" "$(names "$L/backups")" "latest one"
ok "it is whole" sums_hold "$L/backups/one"
has "last backup" "$(status_of large LastBackup)" "^one offline-copy "
gives "wait when nothing runs" ok write "$C" wait

# -- cancel reaches whom it is meant for, although others are inside a write to control
gives "full" ok write "$C" "full three"
"$CALL" write "$C" wait >"$T/wait1" &
"$CALL" write "$C" wait >"$T/wait2" &
(echo wait >>"$C") 2>"$T/wait3" &
sleep 0.3
start=$(date +%s%N)
gives "opening control with O_TRUNC meanwhile" ok open "$C" 'wronly|trunc'
gives "cancel" ok write "$C" cancel
wait
took=$((($(date +%s%N) - start) / 1000000))
[ "$took" -lt 1000 ] || fail "cancel took $took ms"
is "who waited is told" "$(cat "$T/wait1" "$T/wait2" | xargs)" "ECANCELED ECANCELED"
has "the shell, too" "$(cat "$T/wait3")" "write error|I/O error"
is "nothing is left of it" "$(names "$L/backups")" "latest one"

# -- verify, and finding damage in the store
gives "verify" ok write "$MP/mail/control" "verify one"
gives "its wait" ok write "$MP/mail/control" wait
has "said so" "$(cat "$MP/mail/events")" 'verif.*one|one.*verif'
f=$(find "$STORE" -path '*mail*/one/edb.log')
chmod u+w "$f"
printf 'X' | dd of="$f" bs=1 seek=5000 conv=notrunc status=none
"$CALL" write "$MP/mail/control" "verify one" >/dev/null
gives "wait after verifying what was damaged" EBADMSG write "$MP/mail/control" wait
has "which file" "$(tail -n 5 "$MP/mail/events")" 'edb\.log'

# -- texts
is "snapshots, poll, growing" "$("$HERE/texts.py" "$MP")" ok
tail -n 0 -f "$MP/mail/events" >"$T/tail" &
tail=$!
sleep 1.2
ok "an event" mkdir "$MP/mail/backups/seen"
tail_saw() { grep -q 'backup seen is complete' "$T/tail"; }
ok "tail -f follows" wait_until 5 tail_saw
kill "$tail"
is "events survive a remount" "$(before=$(cat "$MP/mail/events") && unmount && mount_it &&
    head -c ${#before} "$MP/mail/events" | cmp - <(printf '%s' "$before") && echo yes)" yes
finish
