#!/usr/bin/env bash
# time-limit: 240
# not over devices: the attacker speaks iWARP by hand, over TCP
# A hostile client against a manager that runs: each attack is refused as protocol and RFCs say, nothing of the pool that
# it has no right to moves, honest sessions go on beside it, and the manager is what it was. ATTACKS=PATTERN picks some.
. "$(dirname "$0")/../support/environment.sh"
cat >limits.toml <<END
[limits]
handshakes = 32
handshake_ms = 4000
sessions = 256
END
for principal in tester victim mallory; do pmemckpt-ctl create-key "$principal" >/dev/null; done
pmemckpt-ctl create-pool pool --size 64M --page-size 64K >/dev/null
start_manager --config limits.toml --log-level info
status=0
"$BUILD/tests/hostile" "$PMEMCKPT_SERVER" "$PWD/pool" "$PMEMCKPT_KEY_DIR" "$MANAGER_PID" "$PWD/manager.log" \
    "${ATTACKS:-}" || status=$?
[ $status = 0 ] || fail "not all attacks were refused: $status"
running "$MANAGER_PID" || fail "the manager is gone"
stop_manager
[ "$MANAGER_STATUS" = 0 ] || fail "the manager ended with $MANAGER_STATUS"
expect_status 0 pmemckpt-ctl check pool
