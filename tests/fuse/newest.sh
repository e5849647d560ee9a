#!/usr/bin/env bash
# A seal acts like an atomic rename over the name: who opens it gets the new generation, who has it open keeps the old
# one, whatever retention drops.
. "$(dirname "$0")/../support/environment.sh"
need_fuse
start_manager
head -c 2500000 /dev/urandom >one
head -c 3500000 /dev/urandom >two
pmemckpt-ctl create-region app --keep 1 >/dev/null
mount_ckpt
[ ! -e ckpt/app ] || fail "a file before the first generation"
[ -z "$(ls ckpt/.generations/app)" ] || fail "generations before the first"

pmemckpt-ctl save app one >/dev/null
cmp one ckpt/app
exec 5<ckpt/app 6<ckpt/app 7<ckpt/app
dd bs=1000 count=1 status=none <&5 >/dev/null
before=$(stat -c %i ckpt/app)

pmemckpt-ctl save app two >/dev/null
cmp two ckpt/app
[ "$(stat -c %s ckpt/app)" = 3500000 ] || fail "the name has the old size"
[ "$(stat -c %i ckpt/app)" != "$before" ] || fail "the name has the old inode"
[ "$(ls ckpt/.generations/app)" = 2 ] || fail "keep 1: $(ls ckpt/.generations/app)"
[ ! -e ckpt/.generations/app/1 ] || fail "what retention dropped still has a name"
# The first is still all there: for one that had read a part of it, for one that begins now, with nothing cached.
tail -c +1001 one | cmp - <(cat <&5)
[ ! -w /proc/sys/vm/drop_caches ] || echo 1 >/proc/sys/vm/drop_caches
cmp one <(cat <&6)
[ "$(stat -L -c %s /proc/self/fd/7)" = 2500000 ] || fail "the open file's size changed"
[ "$(tail -c 100 <&7 | cksum)" = "$(tail -c 100 one | cksum)" ] || fail "the open file's end changed"
exec 5<&- 6<&- 7<&-

# Closed everywhere, its pages go back to the pool.
free_pages() { pmemckpt-ctl list --pools --json | jq '.[0].free_pages'; }
wait_for '[ "$(free_pages)" -ge 28 ]'

# Readers under a writer that seals without a pause: each sees one generation, whole.
pmemckpt-ctl create-region busy --keep 1 >/dev/null
for digit in 0 1 2 3 4 5 6 7 8 9; do head -c 200000 /dev/zero | tr '\0' $digit >digit.$digit; done
pmemckpt-ctl save busy digit.0 >/dev/null
(
    for _ in 1 2 3 4; do
        for digit in 0 1 2 3 4 5 6 7 8 9; do pmemckpt-ctl save busy digit.$digit >/dev/null || exit 1; done
    done
) &
WRITER=$!
started $WRITER
reads=0
while running $WRITER; do
    cat ckpt/busy >seen || fail "read $reads failed"
    [ "$(wc -c <seen)" = 200000 ] || fail "read $reads has $(wc -c <seen) bytes"
    cmp -s seen "digit.$(head -c 1 seen)" || fail "read $reads has parts of two generations"
    reads=$((reads + 1))
done
wait $WRITER || fail "the writer failed"
[ $reads -gt 0 ] || fail "no read"
cmp ckpt/busy digit.9

# tail -F follows the name.
tail -n 1 -F ckpt/app >followed 2>/dev/null &
started $!
wait_for '[ -s followed ]'
printf 'a line of the new generation\n' | pmemckpt-ctl save app >/dev/null
wait_for 'grep -q "a line of the new generation" followed'
