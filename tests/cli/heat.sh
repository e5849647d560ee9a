#!/usr/bin/env bash
# time-limit: 180
# The example: killed and started again it ends with the same bytes; and it says what keeps it from going on.
. "$(dirname "$0")/../support/environment.sh"
start_manager
run() { heat --size 100 --every 50 "$@"; }
expect_status 0 run --steps 500 --region undisturbed --output expected
contains "$OUTPUT" "no generation of undisturbed yet: beginning at step 0 of 500"
contains "$OUTPUT" "done: step 500, result in expected"
[ "$(stat -c %s expected)" = 80000 ] || fail "the result has $(stat -c %s expected) bytes"

newest() { pmemckpt-ctl list disturbed --json 2>/dev/null | jq -rn 'input? | .[-1].number // 0' | grep . || echo 0; }
command -v jq >/dev/null || skip "jq is not installed"
# Not by run: in the background that is a shell around it, and the kill would hit the shell.
heat --size 100 --every 50 --steps 500 --region disturbed --throttle-ms 5 2>first.log &
started $!
HEAT=$!
wait_for '[ "$(newest)" -ge 2 ]' 60
kill -KILL $HEAT
wait $HEAT 2>/dev/null || true
expect_status 0 run --steps 500 --region disturbed --output got
contains "$OUTPUT" "going on from generation "
contains "$OUTPUT" "of disturbed at step "
cmp expected got
expect_status 0 run --steps 500 --region disturbed --output again # there is nothing left to compute
cmp expected again

expect_status 2 heat --size 101 --steps 500 --region disturbed
contains "$OUTPUT" "holds a grid of size 100, and --size is 101"
expect_status 2 run --steps 499 --region disturbed
contains "$OUTPUT" "beyond --steps 499"
echo something | pmemckpt-ctl save foreign --create --size 5000 >/dev/null
expect_status 2 run --region foreign
contains "$OUTPUT" "holds something that heat did not write"
expect_status 1 run --steps 0 --region empty --output /nonexistent/file
contains "$OUTPUT" "can't write /nonexistent/file"
for wrong in "--size 2" "--size x" "--steps -1" "--every 0" "--nonsense" "more"; do
    # shellcheck disable=SC2086
    expect_status 2 heat $wrong
done
expect_status 0 heat --help
contains "$OUTPUT" "--throttle-ms"

# The manager goes away: at once an end with its own status, and the way on is to start again.
run --steps 100000 --region lost --throttle-ms 5 2>lost.log &
started $!
HEAT=$!
wait_for 'grep -qs checkpoint lost.log' 60
stop_manager KILL
status=0
wait $HEAT 2>/dev/null || status=$?
[ $status = 6 ] || fail "exit status $status: $(cat lost.log)"
contains "$(tail -n 1 lost.log)" "connect again"
expect_status 6 run --region lost
