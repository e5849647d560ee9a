#!/usr/bin/env bash
# time-limit: 600
# A pool on a devdax device: made, served, killed, checked, mended and read, by all that pools in files have.
. "$(dirname "$0")/../support/environment.sh"
if [ "${1:-}" != in-the-guest ]; then
    cd "$PROJECT" || exit
    tests/vm/run --rdma none --devdax --time-limit 590 bash tests/vm/devdax_pool.sh in-the-guest
    exit
fi
command -v jq >/dev/null || skip "jq is not installed"
listed() { pmemckpt-ctl list-devices --json | jq -r ".devices[] | select(.path == \"$DAX_DEVICE\") | $1"; }
uuid_of() { sed -n 's/^ *uuid *//p' <<<"$1"; }

# What is there, and what can't be made there.
[ "$(listed .mode)" = devdax ] || fail "$(pmemckpt-ctl list-devices)"
[ "$(listed .alignment)" = 2097152 ] && [ "$(listed .bad_blocks)" = 0 ] || fail "$(listed .)"
[ "$(listed '.numa_node | type')" = number ] || fail "$(listed .)"
[ "$(pmemckpt-ctl list-devices --json | jq .make)" = null ] || fail "it wants to make what is there"
expect_status 3 pmemckpt-ctl create-pool /dev/dax7.7
contains "$OUTPUT" "ndctl create-namespace -m devdax"
expect_status 2 pmemckpt-ctl create-pool "$DAX_DEVICE" --page-size 4K
contains "$OUTPUT" "its alignment is 2.0 MiB (2097152 bytes)"
expect_status 5 pmemckpt-ctl create-pool "$DAX_DEVICE" --size 1T
expect_status 2 pmemckpt-ctl create-pool /dev/zero
[ -z "$(ls "$PMEMCKPT_KEY_DIR" 2>/dev/null)" ] || fail "keys are left: $(ls "$PMEMCKPT_KEY_DIR")"

# A pool; and then nothing in its place without --force, which says what is lost.
expect_status 0 pmemckpt-ctl create-pool "$DAX_DEVICE"
contains "$OUTPUT" "durability   gpspm"
UUID=$(uuid_of "$OUTPUT")
[ "$(listed .pool)" = "$UUID" ] || fail "$(listed .)"
expect_status 4 pmemckpt-ctl create-pool "$DAX_DEVICE"
contains "$OUTPUT" "holds pool $UUID: 0 regions"
expect_status 0 pmemckpt-ctl create-pool "$DAX_DEVICE" --force
contains "$OUTPUT" "replacing pool $UUID"
[ "$(listed .pool)" != "$UUID" ] || fail "it is the old pool"
expect_status 0 pmemckpt-ctl check "$DAX_DEVICE"

# Served, over the wire, in the view.
start_manager --pool "$DAX_DEVICE"
[ "$(pmemckpt-ctl status --json --admin-socket "$ADMIN_SOCKET" | jq -r '.pools[0] | "\(.durability) \(.bad_pages)"')" = "gpspm 0" ] ||
    fail "$(pmemckpt-ctl status --json --admin-socket "$ADMIN_SOCKET")"
for i in 1 2 3; do
    head -c $((5000000 + i)) /dev/urandom >"state.$i"
    pmemckpt-ctl save team/app "state.$i" --create >/dev/null
done
[ "$(pmemckpt-ctl list team/app --json | jq -r '.[2].durability')" = gpspm ] || fail "$(pmemckpt-ctl list team/app)"
seq 1000 >lines
pmemckpt-ctl append team/app --lines <lines >/dev/null
pmemckpt-ctl restore team/app >restored
cmp restored state.3
mount_ckpt
cmp "$CKPT/team/app" state.3
cmp "$CKPT/.generations/team/app/1" state.1
unmount_ckpt

# Nobody else, by whichever node.
expect_status 4 pmemckpt-ctl create-pool "$DAX_DEVICE" --force
expect_status 4 pmemckpt-ctl check "$DAX_DEVICE"
mount -t tmpfs tmpfs "$(mkdir -p nodes && echo nodes)"
mknod nodes/other c "$((0x$(stat -c %t "$DAX_DEVICE")))" "$((0x$(stat -c %T "$DAX_DEVICE")))"
expect_status 4 pmemckptd --pool "$PWD/nodes/other" --listen 127.0.0.1:0 --admin-socket "$PWD/other.sock"
contains "$OUTPUT" "in use by another program"
expect_status 4 pmemckpt-ctl check "$PWD/nodes/other"

# Killed: what was answered is there.
stop_manager KILL
start_manager --pool "$DAX_DEVICE"
pmemckpt-ctl restore team/app >restored
cmp restored state.3
pmemckpt-ctl read-log team/app | cmp - lines
head -c 3000000 /dev/urandom >state.4
pmemckpt-ctl save team/app state.4 --clone >/dev/null
stop_manager
[ "$MANAGER_STATUS" = 0 ] || fail "exit status $MANAGER_STATUS"
expect_status 0 pmemckpt-ctl check "$DAX_DEVICE"
contains "$OUTPUT" "4 of 4 verify"

# Damaged, mended and brought out, with no manager.
STORE=$BUILD/tests/tools/store_bytes
"$STORE" "$DAX_DEVICE" 4096 "no superblock"
expect_status 7 pmemckpt-ctl check "$DAX_DEVICE"
expect_status 0 pmemckpt-ctl check "$DAX_DEVICE" --repair
COPY=$(ls "${DAX_DEVICE##*/}".metadata-*)
expect_status 0 pmemckpt-ctl check "$DAX_DEVICE"
for at in 0 4096; do "$STORE" "$DAX_DEVICE" $at "no superblock either"; done
expect_status 4 pmemckpt-ctl create-pool "$DAX_DEVICE"
contains "$OUTPUT" "is not empty"
expect_status 0 pmemckpt-ctl check "$DAX_DEVICE" --restore-copy "$COPY" --force
pmemckpt-ctl salvage "$DAX_DEVICE" --to salvaged >/dev/null
cmp salvaged/team/app/4 state.4
cmp salvaged/team/app/1 state.1
