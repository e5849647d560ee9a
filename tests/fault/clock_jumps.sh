#!/usr/bin/env bash
# time-limit: 240
# The manager's wall clock jumps, back and forth: generations stay in the order of their numbers, age drops only what its
# rule no longer keeps, and sessions, cursors, logs and limits of time go on.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/faults.sh"
make_pool 64M
printf '[limits]\nexpiry_ms = 100\n' >manager.toml
CLOCK=$PWD/clock
set_clock() { echo "$1" >clock.new && mv clock.new "$CLOCK"; }
set_clock 0
LD_PRELOAD=$FAILING_CALLS FAIL_CLOCK=$CLOCK start_manager --config "$PWD/manager.toml"
numbers() { pmemckpt-ctl list "$1" --json | jq -c '[.[].number]'; }
expect_numbers() { [ "$(numbers "$1")" = "$2" ] || fail "$1 has $(numbers "$1"), not $2"; }
# looked: the manager has looked for what is past its age, at least once, since the clock was set
looked() {
    local before
    pmemckpt-ctl create-region witness --keep 1 --keep-age 1s >/dev/null
    pmemckpt-ctl save witness state >/dev/null && pmemckpt-ctl save witness state >/dev/null
    wait_for '[ "$(numbers witness | jq length)" = 1 ]'
    pmemckpt-ctl destroy-region witness --force >/dev/null
}

echo "a state" >state
pmemckpt-ctl create-region by/age --keep 1 --keep-age 1h >/dev/null
pmemckpt-ctl create-region by/number --keep 3 >/dev/null
pmemckpt-ctl create-region by/pin --keep 1 --keep-age 1h >/dev/null
for region in by/age by/number by/pin; do
    for round in 1 2 3; do pmemckpt-ctl save $region state >/dev/null; done
done
pmemckpt-ctl pin by/pin@1 >/dev/null
seq 5 | pmemckpt-ctl append by/age --lines >/dev/null
pmemckpt-ctl read by/age --unread backup --to unread >/dev/null

# A day back: what was sealed "tomorrow" is kept, and numbers rise on.
set_clock -86400
looked
expect_numbers by/age '[1,2,3]'
pmemckpt-ctl save by/age state >/dev/null
expect_numbers by/age '[1,2,3,4]'
[ "$(pmemckpt-ctl list by/age --json | jq '.[-1].number')" = 4 ] || fail "the newest is not the last"
pmemckpt-ctl restore by/age --exact | cmp - state
seq 3 | pmemckpt-ctl append by/age --lines >/dev/null
[ "$(pmemckpt-ctl read-log by/age | wc -l)" = 3 ] || fail "the log: $(pmemckpt-ctl read-log by/age)"

# Half an hour on from where it was: what was sealed a day "ago" goes, for its rule is an hour; but the newest stays.
set_clock 1800
looked
wait_for '[ "$(numbers by/age)" = "[1,2,3,4]" ]'
expect_numbers by/pin '[1,2,3]'
pmemckpt-ctl save by/age state >/dev/null
looked
expect_numbers by/age '[1,2,3,5]'

# Ten years on: age keeps nothing any more; number, pin and the newest do.
set_clock 315360000
looked
wait_for '[ "$(numbers by/age)" = "[5]" ]'
wait_for '[ "$(numbers by/pin)" = "[1,3]" ]'
expect_numbers by/number '[1,2,3]'
pmemckpt-ctl restore by/pin@1 --exact | cmp - state
pmemckpt-ctl take-over by/age >/dev/null
pmemckpt-ctl save by/age state >/dev/null

# And before 1970.
set_clock -3153600000
looked
expect_numbers by/age '[6]'
pmemckpt-ctl save by/age state >/dev/null
pmemckpt-ctl list by/age >/dev/null
pmemckpt-ctl read by/age --unread backup --to unread >/dev/null
expect_numbers by/age '[6,7]'

# In the middle of a session: it goes on.
mkfifo pipe
pmemckpt-ctl append by/number --lines <pipe >said 2>error &
APPENDER=$!
started $APPENDER
exec 5>pipe
for ahead in 1000000 -1000000 0; do
    set_clock $ahead
    echo "at $ahead" >&5
    wait_for '[ "$(pmemckpt-ctl read-log by/number | tail -n 1)" = "at '$ahead'" ]'
done
exec 5>&-
wait $APPENDER || fail "the appender: $(cat error)"
stop_manager
[ "$MANAGER_STATUS" = 0 ] || fail "the manager's exit status is $MANAGER_STATUS"
[ -z "$(damage_in pool)" ] || fail "$(damage_in pool)"
start_manager
expect_numbers by/age '[6,7]'
