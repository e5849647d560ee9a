#!/usr/bin/env bash
# not over devices: it is about a host without any
# In a sandbox: devices that the kernel has, with no node here, are named with what hides them, and nobody is told to make one
# where there may be a pool. sysfs is covered in a mount namespace.
. "$(dirname "$0")/../support/environment.sh"
[ "$(id -u)" = 0 ] || skip "not root"
unshare -m true 2>/dev/null || skip "no mount namespace of its own (unshare -m)"
make_pool
[ ! -e /dev/dax77.7 ] && [ ! -e /dev/infiniband ] || skip "this host has such devices"

# hidden COMMAND...: in a shell of its own; with a kernel that has dax77.7 and rxe77, as far as sysfs is looked at
hidden() {
    exec unshare -m bash -ec '
        mount -t tmpfs tmpfs /sys/bus && mkdir -p /sys/bus/dax/devices/dax77.7
        mount -t tmpfs tmpfs /sys/class && mkdir -p /sys/class/infiniband/rxe77
        exec "$@"' hidden "$@"
}
no_advice() { [[ $OUTPUT != *create-namespace* ]] || fail "it says how to make one: $OUTPUT"; }

for command in "pmemckpt-ctl create-pool" "pmemckpt-ctl check" "pmemckptd --listen 127.0.0.1:0 --admin-socket $PWD/a --pool"; do
    # shellcheck disable=SC2086 # these are words
    expect_status 3 hidden $command /dev/dax77.7
    contains "$OUTPUT" "the kernel has the device dax77.7, but its node /dev/dax77.7 is not here"
    contains "$OUTPUT" "PrivateDevices=yes"
    no_advice
done

SERVE="pmemckptd --pool $TEST_DIRECTORY/pool --listen 127.0.0.1:0 --admin-socket $ADMIN_SOCKET"
# shellcheck disable=SC2086
expect_status 3 hidden $SERVE --transport verbs
contains "$OUTPUT" "there is no RDMA device here; the kernel has rxe77, but /dev/infiniband/rdma_cm can't be opened"
contains "$OUTPUT" "PrivateDevices=yes"
# shellcheck disable=SC2086
hidden $SERVE --transport auto 2>"$TEST_DIRECTORY/manager.log" &
started $!
wait_for 'grep -q "listening on" "$TEST_DIRECTORY/manager.log"'
contains "$(cat "$TEST_DIRECTORY/manager.log")" "transport iwarp: there is no RDMA device here; the kernel has rxe77"
