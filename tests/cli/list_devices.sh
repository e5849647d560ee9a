#!/usr/bin/env bash
# not over devices: it is about a host without any
# list-devices where there is no persistent memory, and what create-pool says of devices. tests/vm has it with a device.
. "$(dirname "$0")/../support/environment.sh"
command -v jq >/dev/null || skip "jq is not installed"
for device in /sys/bus/nd/devices/* /sys/bus/dax/devices/*; do [ ! -e "$device" ] || skip "this host has such memory"; done
MAKE="ndctl create-namespace -m devdax -e namespace0.0 -f"

expect_status 0 pmemckpt-ctl list-devices
contains "$OUTPUT" "no persistent memory"
contains "$OUTPUT" "  $MAKE"
[ "$(pmemckpt-ctl list-devices --json | jq -c .)" = "{\"devices\":[],\"make\":\"$MAKE\"}" ] ||
    fail "$(pmemckpt-ctl list-devices --json)"

no_pool() { # STATUS SENTENCE PATH [OPTIONS]: no pool, and no key of one
    expect_status "$1" pmemckpt-ctl create-pool "${@:3}"
    contains "$OUTPUT" "$2"
    [ -z "$(ls "$PMEMCKPT_KEY_DIR" 2>/dev/null)" ] || fail "keys are left: $(ls "$PMEMCKPT_KEY_DIR")"
}
no_pool 3 "$MAKE" /dev/dax0.0
no_pool 3 "$MAKE" /dev/dax0.0 --size 1G --force
no_pool 3 "$MAKE" /dev/pmem0
no_pool 2 "not one of memory (devdax)" /dev/zero
no_pool 2 "Say --size" pool
[ ! -e pool ] || fail "a file was made"
expect_status 3 pmemckpt-ctl check /dev/dax0.0
contains "$OUTPUT" "$MAKE"
expect_status 3 pmemckptd --pool /dev/dax0.0 --listen 127.0.0.1:0 --admin-socket "$ADMIN_SOCKET"
contains "$OUTPUT" "$MAKE"
