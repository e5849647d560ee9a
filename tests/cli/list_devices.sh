#!/usr/bin/env bash
# not over devices: it is about a host without any
# list-devices where there is no persistent memory, and what create-pool says of devices. tests/vm has it with a device.
. "$(dirname "$0")/../support/environment.sh"
command -v jq >/dev/null || skip "jq is not installed"
for device in /sys/bus/nd/devices/* /sys/bus/dax/devices/*; do [ ! -e "$device" ] || skip "this host has such memory"; done
MAKE="ndctl create-namespace -m devdax"

expect_status 0 pmemckpt-ctl list-devices
contains "$OUTPUT" "no persistent memory"
contains "$OUTPUT" "  $MAKE"
# With no NVDIMM there is nothing to make one of.
[ "$(pmemckpt-ctl list-devices --json | jq -c .)" = '{"devices":[],"make":null}' ] ||
    fail "$(pmemckpt-ctl list-devices --json)"

no_pool() { # STATUS SENTENCE PATH [OPTIONS]: no pool, and no key of one
    expect_status "$1" pmemckpt-ctl create-pool "${@:3}"
    contains "$OUTPUT" "$2"
    [[ $OUTPUT != *" -f"* ]] || fail "it tells to destroy something: $OUTPUT"
    [ -z "$(ls "$PMEMCKPT_KEY_DIR" 2>/dev/null)" ] || fail "keys are left: $(ls "$PMEMCKPT_KEY_DIR")"
}
no_pool 3 "$MAKE" /dev/dax0.0
no_pool 3 "$MAKE" /dev/dax0.0 --size 1G --force
no_pool 3 "$MAKE" /dev/pmem0
no_pool 2 "not one of memory (devdax)" /dev/zero
no_pool 2 "Say --size" pool
mkdir folder
for options in "" "--size 64M" "--size 64M --force"; do
    # shellcheck disable=SC2086 # these are words
    no_pool 2 "folder is a directory; a pool lies on a devdax device, or in a file such as folder/pool" folder $options
done
no_pool 3 "there is no device /dev/none" /dev/none
[ ! -e pool ] || fail "a file was made"
expect_status 3 pmemckpt-ctl check /dev/dax0.0
contains "$OUTPUT" "$MAKE"
expect_status 3 pmemckptd --pool /dev/dax0.0 --listen 127.0.0.1:0 --admin-socket "$ADMIN_SOCKET"
contains "$OUTPUT" "$MAKE"
