#!/usr/bin/env bash
# Signals to a process that waits in mkdir or in a write to control. What would end it cancels, within a
# second and leaving nothing; what it catches and goes on from does not.
. "$(dirname "$0")/lib.sh"
setup
add_big large 4
mount_it rate=2M # so that a backup takes two seconds
B=$MP/large/backups
S=$HERE/interrupt.py

for s in INT TERM HUP QUIT KILL; do
    has "$s" "$("$S" "$s" default mkdir "$B/$s")" "^SIG$s within 1 s"
    is "nothing is left of it" "$(ls -A "$B")" ""
done
for s in INT TERM; do
    has "$s with a handler" "$("$S" "$s" handler mkdir "$B/$s")" "^EINTR within 1 s"
    is "nothing is left of it" "$(ls -A "$B")" ""
done
has "an alarm that nobody catches" "$("$S" ALRM default mkdir "$B/a")" "^SIGALRM within 1 s"
has "INT after WINCH" "$("$S" WINCH,INT handler mkdir "$B/wi")" "^EINTR within 1 s"
has "the cancelled backup is an event" "$(cat "$MP/large/events")" 'backup INT was stopped'
is "nothing is left of all that" "$(ls -A "$B")" ""
ok "the store is swept already" store_is_swept

for s in WINCH ALRM USR1 CHLD; do
    has "$s with a handler" "$("$S" "$s" handler mkdir "$B/$s")" "^ok"
    ok "the backup of $s is whole" sums_hold "$B/$s"
done
has "WINCH without one" "$("$S" WINCH default mkdir "$B/plain")" "^ok"

# -- wait is interruptible, and does not take the backup with it
gives "a backup in the background" ok write "$MP/large/control" "full background"
has "wait, INT" "$("$S" INT default write "$MP/large/control" wait)" "^SIGINT within 1 s"
has "wait, an alarm" "$("$S" ALRM handler write "$MP/large/control" wait)" "^EINTR within 1 s"
has "the backup goes on" "$(status_of large State)" "^backing up"
has "wait, a resized window" "$("$S" WINCH handler write "$MP/large/control" wait)" "^ok"
ok "it is whole" sums_hold "$B/background"
finish
