#!/usr/bin/env bash
# not over devices: the disk that it fills needs a loop device, which the guest does not have
# A sparse pool on a disk that is full: what needs room is refused in a sentence, what is there stays, and when there is
# room again the same manager goes on.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/faults.sh"
[ "$(id -u)" = 0 ] || skip "not root: no file system can be made small"
# Not a tmpfs: there even reading a hole takes room.
command -v mkfs.ext4 >/dev/null || skip "there is no mkfs.ext4"
mkdir disk
truncate -s 24M image
mkfs.ext4 -q -O ^has_journal -m 0 image
mount -o loop image disk 2>/dev/null || skip "no image can be mounted here"
pmemckpt-ctl create-key tester >/dev/null
pmemckpt-ctl create-pool disk/pool --size 64M >/dev/null
start_manager --pool "$PWD/disk/pool"
free_pages() { pmemckpt-ctl list --pools --json | jq '.[0].free_pages'; }
head -c 3000000 /dev/urandom >state
pmemckpt-ctl save team/app state --create --keep 2 >/dev/null
printf 'a record\n' | pmemckpt-ctl append team/app >/dev/null

# The disk fills up to its last byte, by somebody else.
fill_disk() { head -c 64M /dev/zero >disk/ballast 2>/dev/null || true; }
# refused command...: in a sentence that says which disk; pages come back
refused() {
    local before
    before=$(free_pages)
    expect_status 5 "$@"
    [ "$(wc -l <<<"$OUTPUT")" = 1 ] || fail "not one line: $OUTPUT"
    contains "$OUTPUT" "disk of $PWD/disk/pool has no room"
    wait_for '[ "$(free_pages)" = '"$before"' ]'
}
all_there() {
    pmemckpt-ctl restore team/app@1 --exact | cmp - state || fail "generation 1"
    [ "$(pmemckpt-ctl read-log team/app)" = "a record" ] || fail "the log: $(pmemckpt-ctl read-log team/app)"
}
mkdir disk/out
fill_disk
for round in 1 2 3; do
    refused pmemckpt-ctl save team/app state
    refused pmemckpt-ctl save team/app state --clone --dirty 0:3000000
    refused bash -c 'head -c 5000000 /dev/zero | pmemckpt-ctl append team/app'
done
all_there
[ "$(pmemckpt-ctl list team/app --json | jq length)" = 1 ] || fail "a full disk made a generation"
# What has its room already goes on: the journal's, and the log's.
printf 'a record\n' | pmemckpt-ctl append team/app >/dev/null
[ "$(pmemckpt-ctl read-log team/app | wc -l)" = 2 ] || fail "the log has room and took no record"
pmemckpt-ctl take-over team/app >/dev/null
pmemckpt-ctl create-region other --keep 1 >/dev/null

# Salvage to a full disk: status 5, and nothing half.
stop_manager
[ "$MANAGER_STATUS" = 0 ] || fail "exit status $MANAGER_STATUS"
expect_status 5 pmemckpt-ctl salvage disk/pool --to disk/out
[ -z "$(find disk/out -type f)" ] || fail "left behind: $(find disk/out -type f)"

# A manager starts on a full disk, too, and goes on when there is room.
start_manager --pool "$PWD/disk/pool"
refused pmemckpt-ctl save team/app state
pmemckpt-ctl restore team/app@1 --exact | cmp - state || fail "generation 1"
rm disk/ballast
pmemckpt-ctl save team/app state >/dev/null
pmemckpt-ctl save team/app state >/dev/null
pmemckpt-ctl restore team/app@3 --exact | cmp - state || fail "generation 3"
stop_manager
[ -z "$(damage_in disk/pool)" ] || fail "$(damage_in disk/pool)"
