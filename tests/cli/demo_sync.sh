#!/usr/bin/env bash
# time-limit: 240
# not over devices: sync points go over TCP
# The demo of sync points, shorter: a batch and its three services are killed, and each transaction is applied once.
. "$(dirname "$0")/../support/environment.sh"
# The batch is started anew on a system of the other byte order, and then on this one again.
SYSTEM="s390x native"
if [ ! -x "$PROJECT/build-s390x/examples/ledger_batch" ] || ! command -v qemu-s390x-static >/dev/null; then
    [ -z "${NO_SKIP:-}" ] || fail "the batch for s390x is not built: make check does it"
    echo "SKIP: the batch on s390x: it is not built: make check does it where it has a compiler, tests/cross/prepare"
    SYSTEM=native
fi
export SYSTEM
DEMO=$TEST_DIRECTORY/demo KILLS=12 SEED=${SEED:-1} WAIT_S=$((6 * WAIT_LIMIT_S)) PAUSE_US=$((300 * ${TIME_LIMIT_FACTOR:-1})) \
    "$PROJECT/utils/examples/demo_sync.sh" >demo.out 2>&1 || fail "$(cat demo.out)"
for line in "killed 12 times" "the same: the report, and that of the undisturbed run (331" "the same: the report, and that of awk" \
    "the same: the master file, and that of the undisturbed run (1" "the same: the master file, and that of awk" \
    "4800 transactions, 3" "Each transaction was applied once, in spite of 12 kills."; do
    contains "$(cat demo.out)" "$line"
done
for member in batch transactions master report; do
    kills=$(awk -v member=$member '$1 == member && NF == 2 {print $2}' demo.out)
    [ "${kills:-0}" -ge 2 ] || fail "$member was killed ${kills:-0} times: $(cat demo.out)"
done
[ "$(grep -c ' killed at transaction ' demo.out)" = 12 ] || fail "not each kill has its line: $(cat demo.out)"
# Each way to keep sync points was used.
[ -s demo/disturbed/master.checkpoint ] || fail "the master file's service has no checkpoint file"
compgen -G 'demo/disturbed/transactions.checkpoints/*.state' >/dev/null || fail "the transactions' service has no states"
[ -s demo/disturbed/report/.pmemckpt-filed/checkpoint ] || fail "the report's service has no checkpoint file"
! grep -E 'line [0-9]+: +[0-9]+ (Killed|Terminated|Stopped)' demo.out || fail "bash tells of its jobs"

# What goes wrong has a sentence, and the files are left.
expect_status 1 env DEMO="$TEST_DIRECTORY/wrong" KILLS=0 TRANSACTIONS=100 SYSTEM=pdp11 "$PROJECT/utils/examples/demo_sync.sh"
contains "$OUTPUT" "SYSTEM is native, s390x, armhf, or several of them"
contains "$OUTPUT" "everything is left in $TEST_DIRECTORY/wrong"
