#!/usr/bin/env bash
# time-limit: 240
# The demo, ended by Ctrl-C at various moments: it leaves nothing running and nothing mounted.
. "$(dirname "$0")/../support/environment.sh"
need_fuse

# What of the demo is still alive: everything of it has this variable.
left() { grep -lsz "^DEMO=$TEST_DIRECTORY/demo\$" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3 | grep -vx "$$" || true; }

for moment in '[ -s demo.out ]' '[ -s demo/address ]' 'mounted "$PWD/demo/ckpt"' 'grep -qs checkpoint demo/first.log' \
    'grep -qs "writing generation" demo/second.log'; do
    rm -rf demo demo.out
    # A shell's background job starts with SIGINT ignored, which no trap can undo; a terminal's does not.
    DEMO=$TEST_DIRECTORY/demo STEPS=4000 env --default-signal=INT setsid --wait bash -c \
        'echo $$ >"$TEST_DIRECTORY/group"; exec "$PROJECT/utils/examples/demo.sh"' >demo.out 2>&1 &
    started $!
    DEMO_PID=$!
    wait_for '[ -s group ]'
    GROUP=$(cat group)
    wait_for "$moment" 60
    kill -INT -- "-$GROUP" # as the terminal does: to the whole group
    status=0
    wait "$DEMO_PID" || status=$?
    [ $status = 130 ] || fail "exit status $status at: $moment; $(tail -n 3 demo.out)"
    wait_for '[ -z "$(left)" ]'
    ! mounted "$TEST_DIRECTORY/demo/ckpt" || fail "still mounted after: $moment"
    rm -f group
done
