#!/usr/bin/env bash
# time-limit: 240
# The process pair's demo, ended by Ctrl-C at various moments, once while a primary hangs: it leaves nothing running.
. "$(dirname "$0")/../support/environment.sh"

# What of the demo is still alive: everything of it has this variable.
left() { grep -lsz "^DEMO=$TEST_DIRECTORY/demo\$" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3 | grep -vx "$$" || true; }

for moment in '[ -s demo/address ]' 'grep -qs "serving at" demo/left.log' 'grep -qs "first answer" demo/load.log' \
    'grep -qs "it hangs; taken over" demo/*.log'; do
    rm -rf demo demo.out
    # A shell's background job starts with SIGINT ignored, which no trap can undo; a terminal's does not.
    DEMO=$TEST_DIRECTORY/demo KILLS=1000 HANG_EVERY=1 HEARTBEAT_MS=$((1000 * ${TIME_LIMIT_FACTOR:-1})) \
        WAIT_S=$((3 * WAIT_LIMIT_S)) env --default-signal=INT setsid --wait bash -c \
        'echo $$ >"$TEST_DIRECTORY/group"; exec "$PROJECT/utils/examples/demo_failover.sh"' >demo.out 2>&1 &
    started $!
    DEMO_PID=$!
    wait_for '[ -s group ]'
    GROUP=$(cat group)
    wait_for "$moment" $((9 * WAIT_LIMIT_S))
    kill -INT -- "-$GROUP" # as the terminal does: to the whole group
    status=0
    wait "$DEMO_PID" || status=$?
    [ $status = 130 ] || fail "exit status $status at: $moment; $(tail -n 3 demo.out)"
    wait_for '[ -z "$(left)" ]'
    rm -f group
done
