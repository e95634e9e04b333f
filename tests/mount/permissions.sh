#!/usr/bin/env bash
# Who may do what: the kernel decides by owner and mode, for everybody; and what the kernel reads by
# itself (passthrough) is as safe from writing as what the daemon reads.
. "$(dirname "$0")/lib.sh"
need setpriv
setup
add_instance mail
chown 1234:1235 "$SRC"
chmod 755 "$T" "$SRC"
as() { # UID COMMAND...
    local u=$1
    shift
    # a sanitizer of theirs could not write its log into our directory
    setpriv --reuid="$u" --regid="$u" --clear-groups env ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS= "$@"
}

# -- without allow_other only the mounting user enters
mount_it
is "owner is SOURCE's" "$(stat -c %u:%g "$MP/mail/status")" 1234:1235
is "another user" "$(as 4321 "$CALL" list "$MP")" EACCES
is "even the owner of SOURCE" "$(as 1234 "$CALL" list "$MP")" EACCES
ok "backup" mkdir "$MP/mail/backups/n"
has "reads" "$(status_of mail Reads)" '^(passthrough|buffered \(.+\))$'
note "Reads: $(status_of mail Reads)"
before=$(sha256sum "$STORE"/*/n/* | cut -c1-64)
for flags in wronly rdwr 'wronly|append' 'rdwr|trunc' 'rdonly|trunc'; do
    gives "open $flags, as root" EROFS open "$MP/mail/backups/n/test.edb" "$flags"
done
cat "$MP/mail/backups/n/test.edb" >/dev/null
exec 7<"$MP/mail/backups/n/test.edb"
is "through /proc/self/fd" "$("$CALL" open /proc/$$/fd/7 rdwr)" EROFS
gives "while it is open for reading" EROFS open "$MP/mail/backups/n/test.edb" rdwr
exec 7<&-
is "not a byte in the store was changed" "$(sha256sum "$STORE"/*/n/* | cut -c1-64)" "$before"
is "the store is its owner's alone" "$(stat -c %a "$STORE")" 700
unmount

# -- with it, modes decide
mount_it allow_other,uid=1234,gid=1235
is "a stranger lists instances" "$(as 4321 "$CALL" list "$MP/mail")" ok
is "a stranger lists no backups" "$(as 4321 "$CALL" list "$MP/mail/backups")" EACCES
is "a stranger reads no status" "$(as 4321 "$CALL" open "$MP/mail/status" rdonly)" EACCES
is "a stranger gives no command" "$(as 4321 "$CALL" write "$MP/mail/control" "full x")" EACCES
is "a stranger takes no backup" "$(as 4321 "$CALL" mkdir "$MP/mail/backups/x")" EACCES
is "a stranger removes none" "$(as 4321 "$CALL" rmdir "$MP/mail/backups/n")" EACCES
is "the owner lists backups" "$(as 1234 "$CALL" list "$MP/mail/backups")" ok
is "the owner reads" "$(as 1234 sha256sum "$MP/mail/backups/n/test.edb" | cut -c1-64)" "$(sha256sum "$SRC/mail/test.edb" | cut -c1-64)"
is "the owner opens nothing for writing" "$(as 1234 "$CALL" open "$MP/mail/backups/n/test.edb" rdwr)" EACCES
is "the owner takes backups" "$(as 1234 "$CALL" mkdir "$MP/mail/backups/mine")" ok
is "the group reads status" "$(setpriv --reuid=99 --regid=1235 --clear-groups "$CALL" open "$MP/mail/status" rdonly)" ok
is "the owner removes" "$(as 1234 "$CALL" rmdir "$MP/mail/backups/mine")" ok
unmount
mount_it allow_other,umask=022
is "umask widens" "$(stat -c %a "$MP/mail/backups" "$MP/mail/backups/n" "$MP/mail/backups/n/test.edb" "$MP/mail/control" | xargs)" "755 755 444 644"
is "and a stranger reads" "$(as 4321 sha256sum "$MP/mail/backups/n/test.edb" | cut -c1-64)" "$(sha256sum "$SRC/mail/test.edb" | cut -c1-64)"
is "but takes no backup" "$(as 4321 "$CALL" mkdir "$MP/mail/backups/x")" EACCES
unmount

# -- an unprivileged mount reads through the daemon
mkdir "$T/umnt" "$T/usrc"
cp -r "$SRC/mail" "$T/usrc/"
chown -R 65534:65534 "$T/umnt" "$T/usrc"
export T CALL
export -f as
# Prints one line per question; what is right stands below it.
unprivileged() {
    set -eu
    as 65534 "$MOUNT_ESEFS" "$T/usrc" "$T/umnt" 2>"$T/uout" || { cat "$T/uout" && exit 1; }
    as 65534 sed -n 's/^Reads: \(buffered (.*)\)$/buffered/p' "$T/umnt/mail/status"
    as 65534 "$CALL" mkdir "$T/umnt/mail/backups/n"
    as 65534 sha256sum "$T/umnt/mail/backups/n/test.edb" | cut -c1-64
    as 65534 bash -c "cd '$T/umnt/mail/backups/n' && sha256sum -c --quiet SHA256SUMS && echo sums"
    as 65534 cmp "$T/usrc/mail/test.edb" "$T/umnt/mail/backups/n/test.edb" && echo same
    as 65534 "$CALL" open "$T/umnt/mail/backups/n/test.edb" rdwr
    "$CALL" list "$T/umnt"
    umount "$T/umnt"
}
export MOUNT_ESEFS
export -f unprivileged
if command -v fusermount3 >/dev/null 2>&1 && own_devices_possible; then
    is "an unprivileged mount" "$(in_own_devices bash -c unprivileged | xargs)" \
        "buffered ok $(sha256sum "$SRC/mail/test.edb" | cut -c1-64) sums same EACCES EACCES"
else
    note "no unprivileged mount possible here: buffered reading was skipped"
fi
finish
