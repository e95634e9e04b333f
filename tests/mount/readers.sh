#!/usr/bin/env bash
# Readers beside changes: during rmdir an open file lives on; during a mkdir the other backups are read
# and listed as ever; a hundred waiting writers keep no reader waiting.
. "$(dirname "$0")/lib.sh"
setup
add_big large 4
add_instance mail
mount_it rate=2M
B=$MP/large/backups

# -- rmdir under readers
ok "backup" mkdir "$B/a"
sum=$(sha256sum <"$SRC/large/big.edb")
exec 8<"$B/a/big.edb"
head -c 100000 <&8 | cmp - <(head -c 100000 "$SRC/large/big.edb") || fail "the first bytes are others"
(for _ in $(seq 50); do sha256sum "$B/a/big.edb" 2>/dev/null || :; done) >"$T/sums" &
sleep 0.1
ok "rmdir with open files" rmdir "$B/a"
gives "it is gone" ENOENT list "$B/a"
is "the open file reads on" "$(python3 -c 'import os,sys
os.lseek(8, 0, 0)
while b := os.read(8, 1 << 20): sys.stdout.buffer.write(b)' | sha256sum)" "$sum"
exec 8<&-
wait
is "no reader saw other bytes" "$(cut -c1-64 "$T/sums" | sort -u)" "${sum%% *}"
gone_from_store() { [ -z "$(find "$STORE" -name big.edb -print -quit)" ]; }
ok "its space is free" gone_from_store

# -- during a mkdir
ok "a known backup" mkdir "$B/known"
ls -l "$B" "$B/known" >/dev/null
cat "$B/known/SHA256SUMS" >/dev/null
"$CALL" mkdir "$B/slow" >"$T/mkdir" &
sleep 0.4
start=$(date +%s%N)
ok "reading" sums_hold "$B/known"
ok "listing" ls -l "$B/known"
ok "through latest" cat "$B/latest/SHA256SUMS"
ok "attributes" getfattr -d "$B/known"
ok "status and events" cat "$MP/large/status" "$MP/large/events"
ok "another instance's backup" mkdir "$MP/mail/backups/beside"
ok "its files" sums_hold "$MP/mail/backups/beside"
gives "control" EBUSY write "$MP/large/control" "full other"
is "mkdir is still under way" "$(cat "$T/mkdir")" ""
note "read beside a mkdir in $((($(date +%s%N) - start) / 1000000)) ms"
wait
is "mkdir" "$(cat "$T/mkdir")" ok

# -- many who wait
gives "a backup in the background" ok write "$MP/large/control" "full long"
waiting=()
for _ in $(seq 100); do
    "$CALL" write "$MP/large/control" wait >/dev/null &
    waiting+=($!)
done
sleep 0.3
start=$(date +%s%N)
for _ in 1 2 3 4 5 6 7 8 9 10; do
    cat "$MP/large/status" "$B/known/SHA256SUMS" >/dev/null
    ls "$MP" "$B" >/dev/null
done
took=$((($(date +%s%N) - start) / 1000000))
has "still running" "$(status_of large State)" "^backing up"
[ "$took" -lt 1000 ] || fail "with 100 waiting, reading took $took ms"
wait "${waiting[@]}"
finish
