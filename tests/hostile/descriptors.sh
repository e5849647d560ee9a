#!/usr/bin/env bash
# not over devices: the attacker speaks iWARP by hand, over TCP
# A manager that may have few descriptors, and a flood that takes them all: who comes meanwhile waits or is told to try
# again, and never that his key is wrong. Where it may have more than it was started with, it takes them.
. "$(dirname "$0")/../support/environment.sh"
for principal in tester victim mallory; do pmemckpt-ctl create-key "$principal" >/dev/null; done
pmemckpt-ctl create-pool pool --size 64M --page-size 64K >/dev/null
old=$(ulimit -Sn)
ulimit -Sn 100
start_manager --log-level info
ulimit -Sn "$old"
limits=$(awk '/^Max open files/ {print $4, $5}' "/proc/$MANAGER_PID/limits")
[ "${limits% *}" = "${limits#* }" ] && [ "${limits% *}" -gt 100 ] || fail "it did not raise its limit: $limits"
prlimit --pid "$MANAGER_PID" --nofile=100:100
expect_status 0 "$BUILD/tests/hostile" "$PMEMCKPT_SERVER" "$PWD/pool" "$PMEMCKPT_KEY_DIR" "$MANAGER_PID" "$PWD/manager.log" \
    "than there are descriptors"
contains "$OUTPUT" "1 attacks, 0 broken"
contains "$(cat manager.log)" "connections wait"
