#!/usr/bin/env bash
# time-limit: 600
# A pool in a file of a file system that gives memory itself (-o dax): persistent by the processor, and its generations say
# so. In a file of the same file system without dax it is msync.
. "$(dirname "$0")/../support/environment.sh"
if [ "${1:-}" != in-the-guest ]; then
    cd "$PROJECT" || exit
    tests/vm/run --rdma none --time-limit 590 bash tests/vm/fsdax_pool.sh in-the-guest
    exit
fi
command -v mkfs.ext4 >/dev/null || skip "mkfs.ext4 is not installed"
command -v jq >/dev/null || skip "jq is not installed"
grep -qw ext4 /proc/filesystems || modprobe ext4 2>/dev/null || skip "the guest's kernel has no ext4"
BLOCK_DEVICE=/dev/$(ndctl create-namespace -m fsdax -e namespace0.0 -f | jq -r .blockdev)
[ "$(pmemckpt-ctl list-devices --json | jq -r '.devices[0] | "\(.mode) \(.path)"')" = "fsdax $BLOCK_DEVICE" ] ||
    fail "$(pmemckpt-ctl list-devices)"
contains "$(pmemckpt-ctl list-devices)" "ndctl create-namespace -m devdax -e namespace0.0 -f"
expect_status 2 pmemckpt-ctl create-pool "$BLOCK_DEVICE"
contains "$OUTPUT" "is a block device"
contains "$OUTPUT" "ndctl create-namespace -m devdax"
mkfs.ext4 -q -b 4096 "$BLOCK_DEVICE"
mkdir files
head -c 5000000 /dev/urandom >state

durability_with() { # MOUNT OPTIONS POOL: of a generation in it
    mount -t ext4 -o "$1" "$BLOCK_DEVICE" files
    [ -e "files/$2" ] || pmemckpt-ctl create-pool "files/$2" --size 64M >/dev/null
    start_manager --pool "files/$2"
    pmemckpt-ctl save team/app state --create >/dev/null
    stop_manager KILL
    start_manager --pool "files/$2"
    pmemckpt-ctl restore team/app --exact | cmp - state || fail "it is another one"
    DURABILITY=$(pmemckpt-ctl list team/app --json | jq -r '.[-1].durability')
    stop_manager
    expect_status 0 pmemckpt-ctl check "files/$2"
    umount files
}
durability_with dax=always pool
[ "$DURABILITY" = gpspm ] || fail "with dax it is $DURABILITY"
durability_with dax=never pool
[ "$DURABILITY" = page ] || fail "without dax it is $DURABILITY"
export PMEM2_FORCE_GRANULARITY=BYTE
durability_with dax=never other
[ "$DURABILITY" = page ] || fail "when libpmem2 is told to say otherwise, it is $DURABILITY"
