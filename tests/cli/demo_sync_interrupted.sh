#!/usr/bin/env bash
# time-limit: 240
# not over devices: sync points go over TCP
# The demo of sync points, ended by Ctrl-C at various moments: it leaves nothing running.
. "$(dirname "$0")/../support/environment.sh"

# What of the demo is still alive: everything of it has this variable.
left() { grep -lsz "^DEMO=$TEST_DIRECTORY/demo\$" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3 | grep -vx "$$" || true; }

for moment in '[ -s demo/undisturbed/master.address ]' 'grep -qs "sync point 2" demo/undisturbed.batch.log' \
    'grep -qs " killed at " demo.out' '[ "$(grep -cs "back at" demo/disturbed.batch.log)" -ge 3 ]'; do
    rm -rf demo demo.out
    # A shell's background job starts with SIGINT ignored, which no trap can undo; a terminal's does not.
    DEMO=$TEST_DIRECTORY/demo KILLS=100 TRANSACTIONS=4000 EVERY=20 WAIT_S=$((3 * WAIT_LIMIT_S)) env --default-signal=INT \
        setsid --wait bash -c 'echo $$ >"$TEST_DIRECTORY/group"; exec "$PROJECT/utils/examples/demo_sync.sh"' >demo.out 2>&1 &
    started $!
    DEMO_PID=$!
    wait_for '[ -s group ]'
    GROUP=$(cat group)
    wait_for "$moment" $((6 * WAIT_LIMIT_S))
    kill -INT -- "-$GROUP" # as the terminal does: to the whole group
    status=0
    wait "$DEMO_PID" || status=$?
    [ $status = 130 ] || fail "exit status $status at: $moment; $(tail -n 3 demo.out)"
    contains "$(cat demo.out)" "everything is left in $TEST_DIRECTORY/demo"
    wait_for '[ -z "$(left)" ]'
    rm -f group
done
