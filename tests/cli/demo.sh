#!/usr/bin/env bash
# time-limit: 240
# The demo itself, shorter: both kills, the comparison, nothing left.
. "$(dirname "$0")/../support/environment.sh"
need_fuse
command -v jq >/dev/null || skip "jq is not installed"
DEMO=$TEST_DIRECTORY/demo STEPS=800 EVERY=80 SIZE=512 "$PROJECT/utils/examples/demo.sh" >demo.out 2>&1 || fail "$(cat demo.out)"
contains "$(cat demo.out)" "equals that of the undisturbed run, byte for byte (2097152 bytes)"
contains "$(cat demo.out)" "Killed in mid-write"
! grep -E 'line [0-9]+: +[0-9]+ (Killed|Terminated|Stopped)' demo.out || fail "bash tells of its jobs"
! mounted "$TEST_DIRECTORY/demo/ckpt" || fail "still mounted"
