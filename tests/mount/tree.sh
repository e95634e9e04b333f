#!/usr/bin/env bash
# The tree: what is in it, modes and times, inode numbers across remounts and renames, attributes, space,
# and instances that come and go.
. "$(dirname "$0")/lib.sh"
setup
add_instance mail
add_clean web
mkdir "$SRC/.hidden" "$SRC/empty" "$SRC/notes"
cp "$SRC/web/SRU.chk" "$SRC/.hidden/"
echo hello >"$SRC/notes/readme.txt"
mount_it

is "instances" "$(names "$MP")" "mail web"
is "an instance's files" "$(names "$MP/mail")" "backups control events status"
is "no backup yet" "$(ls -A "$MP/mail/backups")" ""
is "modes" "$(stat -c '%a %n' "$MP"/mail/* | sed "s|$MP/mail/||" | xargs)" "700 backups 600 control 440 events 440 status"
is "owner" "$(stat -c %u "$MP/mail/status")" "$(stat -c %u "$SRC")"

ok "first backup" mkdir "$MP/mail/backups/one"
ok "second backup" mkdir "$MP/mail/backups/two"
is "backups" "$(names "$MP/mail/backups")" "latest one two"
is "latest is the newest" "$(readlink "$MP/mail/backups/latest")" two
is "links of backups" "$(stat -c %h "$MP/mail/backups")" 4
is "mode of a backup" "$(stat -c %a "$MP/mail/backups/one")" 700
is "modes of its files" "$(stat -c %a "$MP/mail/backups/one/"* | sort -u)" 400
is "every required log, the checkpoint, the database" "$(names "$MP/mail/backups/one")" \
    "SHA256SUMS edb.chk edb.log edb00000006.log edb00000007.log edb00000008.log edb00000009.log edb0000000A.log test.edb"
for f in edb.chk edb.log edb00000006.log test.edb; do
    ok "$f as found" cmp "$SRC/mail/$f" "$MP/mail/backups/one/$f"
done
ok "sums" sums_hold "$MP/mail/backups/one"

# -- attributes
attrs=$(getfattr -d --absolute-names "$MP/mail/backups/one" 2>/dev/null || skip "needs getfattr")
for a in kind created engine generations databases pages_verified corrected proven hold sha256; do
    has "attribute $a" "$attrs" "^user\.esefs\.$a="
done
has "kind" "$attrs" 'kind="offline-copy"'
has "generations" "$attrs" 'generations="0x6-0xB"'
is "digest of a file" "$(getfattr --only-values -n user.esefs.sha256 "$MP/mail/backups/one/test.edb" 2>/dev/null)" \
    "$(sha256sum <"$SRC/mail/test.edb" | cut -c1-64)"
is "digest of SHA256SUMS" "$(getfattr --only-values -n user.esefs.sha256 "$MP/mail/backups/one" 2>/dev/null)" \
    "$(sha256sum <"$MP/mail/backups/one/SHA256SUMS" | cut -c1-64)"

# -- space: the store's
is "blocks are the store's" "$(stat -c %b "$MP/mail/backups/one/test.edb")" \
    "$(find "$STORE" -path '*/one/test.edb' -printf '%b\n')"
is "statfs is the store's" "$(stat -fc '%S %b' "$MP")" "$(stat -fc '%S %b' "$STORE")"

# -- what survives
facts() { find "$MP/mail/backups/$1" -printf '%i %s %T@ %C@ %P\n' | sort -k5; }
one=$(facts one)
rest() { find "$MP" -maxdepth 2 \( -type d ! -name backups -printf '%i %T@ %P\n' -o -printf '%i %P\n' \) | sort; }
own=$(rest)
is "no inode number twice" "$(find "$MP" -printf '%i\n' | sort | uniq -d)" ""
is "d_ino is st_ino" "$("$HERE/dirs.py" inodes "$MP/mail/backups/one")" ok
ok "rename" mv -T "$MP/mail/backups/one" "$MP/mail/backups/renamed"
is "a renamed backup's inodes, sizes and times" "$(facts renamed)" "$one"
is "the old name is gone" "$(names "$MP/mail/backups")" "latest renamed two"
unmount
mount_it
is "after a remount" "$(facts renamed)" "$one"
is "the rest after a remount" "$(rest)" "$own"
is "latest after a remount" "$(readlink "$MP/mail/backups/latest")" two
ok "rmdir of the newest" rmdir "$MP/mail/backups/two"
is "latest is the next" "$(readlink "$MP/mail/backups/latest")" renamed
ok "rmdir of the last" rmdir "$MP/mail/backups/renamed"
gives "no latest without a backup" ENOENT readlink "$MP/mail/backups/latest"
is "links of backups, emptied" "$(stat -c %h "$MP/mail/backups")" 2

# -- listings while backups come and go
for i in $(seq 40); do ok "backup $i" mkdir "$MP/web/backups/b$i"; done
is "offsets are stable" "$("$HERE/dirs.py" churn "$MP/web/backups")" ok

# -- instances come and go within a second
cp -a "$SRC/web" "$T/newcomer"
mv "$T/newcomer" "$SRC/newcomer"
ok "a new instance is seen" wait_until 1 is_in newcomer "$MP"
ok "and works" mkdir "$MP/newcomer/backups/n"
mv "$SRC/newcomer" "$T/newcomer"
ok "a vanished one goes" wait_until 1 not_in newcomer "$MP"
gives "also by name" ENOENT list "$MP/newcomer"
mv "$T/newcomer" "$SRC/newcomer"
ok "it comes back" wait_until 1 is_in newcomer "$MP"
is "with its backups" "$(names "$MP/newcomer/backups")" "latest n"
rm -r "$SRC/newcomer"
finish
