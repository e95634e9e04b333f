#!/usr/bin/env bash
# kill -9 of mount.esefs at random moments of a backup, before, at and after the commit point, then a
# remount: no partial directory, no finished backup lost, no space of the store leaked.
# KILL_ROUNDS rounds (8), TEST_SEED replays them.
. "$(dirname "$0")/lib.sh"
setup
add_instance mail
add_big large 4
rounds=${KILL_ROUNDS:-8}
seed=${TEST_SEED:-$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')}
RANDOM=$((seed))
note "TEST_SEED=$seed, $rounds rounds"

# What the store takes that no finished backup accounts for: measured once the backups are gone.
used() { du -s --block-size=1 "$STORE" | cut -f1; }
mount_it
for i in mail large; do
    ok "warm-up" mkdir "$MP/$i/backups/w"
    ok "warm-up" rmdir "$MP/$i/backups/w"
done
unmount
empty=$(used)

took=$(date +%s%N)
mount_it
ok "how long one takes" mkdir "$MP/large/backups/first"
took=$((($(date +%s%N) - took) / 1000000))
unmount

finished=(large/first)
for r in $(seq "$rounds"); do
    name=r$r inst=large rate=
    # Half of the rounds at full speed, where the commit is most of the time; half slowed down to 1.2 s.
    span=$((took * 3 / 2 + 20))
    if [ $((r % 2)) = 0 ]; then
        rate=rate=3500K
        span=1600
    fi
    [ $((r % 3)) != 0 ] || inst=mail
    mount_it "$rate"
    daemon=$(daemons)
    "$CALL" mkdir "$MP/$inst/backups/$name" >"$T/mkdir" 2>&1 &
    wait_ms=$((RANDOM % span))
    sleep "$(printf '0.%03d' $((wait_ms % 1000)))"
    [ "$wait_ms" -lt 1000 ] || sleep 1
    kill -9 "$daemon"
    wait
    ok "dead" wait_until 5 no_daemon
    mount_it
    outcome=$(cat "$T/mkdir")
    there=no
    [ ! -d "$MP/$inst/backups/$name" ] || there=yes
    [ "$outcome" != ok ] || is "mkdir returned 0 (round $r, killed after $wait_ms ms)" "$there" yes
    [ "$there" = no ] || finished+=("$inst/$name")
    for f in "${finished[@]}"; do
        ok "round $r: $f is whole" sums_hold "$MP/${f%/*}/backups/${f#*/}"
    done
    is "round $r: as many as finished" "$(find "$MP" -mindepth 3 -maxdepth 3 -type d | wc -l)" "${#finished[@]}"
    ok "round $r: swept" store_is_swept
    note "round $r: killed after $wait_ms ms: mkdir said $outcome, the backup is there: $there"
    unmount
done

mount_it
for f in "${finished[@]}"; do
    ok "removing $f" rmdir "$MP/${f%/*}/backups/${f#*/}"
done
unmount
# `events` of each instance has grown by some lines; nothing else may have.
leaked=$(($(used) - empty))
[ "$leaked" -le 65536 ] || fail "$leaked bytes of the store belong to nothing"
finish
