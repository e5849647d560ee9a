#!/usr/bin/env bash
# append and read-log: records come back in order, whole, also behind a kill of the manager; a generation ends the log.
. "$(dirname "$0")/../support/environment.sh"
command -v jq >/dev/null || skip "jq is not installed"
MANAGER_PORT=
start_manager
pmemckpt-ctl create-region team/app >/dev/null
[ -z "$(pmemckpt-ctl read-log team/app)" ] || fail "a log before the first record"
expect_status 3 pmemckpt-ctl append no-region
expect_status 2 pmemckpt-ctl append team/app
contains "$OUTPUT" "empty"

# A record of its own, and one a line: what comes out is what went in.
head -c 300000 /dev/urandom >blob
contains "$(pmemckpt-ctl append team/app <blob)" \
    "1 record of 300000 bytes appended behind generation 0; the last is number 1, durability=page"
pmemckpt-ctl read-log team/app | cmp - blob
{ seq 3000 && echo && printf 'no newline at the end'; } >text
contains "$(pmemckpt-ctl append team/app --lines <text)" "3002 records"
cat blob text >whole
pmemckpt-ctl read-log team/app | cmp - whole
pmemckpt-ctl append team/app --lines </dev/null >/dev/null
[ "$(pmemckpt-ctl read-log team/app --json | tail -n 1 | jq .sequence)" = 3003 ] || fail "the last record's number"

# Every record that append has told of is there after a kill.
MANAGER_PORT=${PMEMCKPT_SERVER##*:}
stop_manager KILL
start_manager
pmemckpt-ctl read-log team/app | cmp - whole || fail "records were lost with the manager"
[ "$(pmemckpt-ctl list --json | jq -c '.[0].log.records')" = 3003 ] || fail "$(pmemckpt-ctl list)"

# --lines appends what there is, while more is to come; --follow prints it as it comes.
pmemckpt-ctl read-log team/app --follow >followed &
FOLLOWER=$!
started $FOLLOWER
mkfifo lines
pmemckpt-ctl append team/app --lines <lines >/dev/null &
APPENDER=$!
started $APPENDER
exec 5>lines
echo first >&5
wait_for 'tail -n 1 followed | grep -q "at the endfirst$"'
# One at a time may append.
expect_status 4 bash -c 'echo other | pmemckpt-ctl append team/app'
printf 'half of a ' >&5
echo line >&5
wait_for '[ "$(tail -n 1 followed)" = "half of a line" ]'
exec 5>&-
wait $APPENDER || fail "append --lines ended with $?"

# A generation ends the log; who follows goes on with the next one's.
echo state | pmemckpt-ctl save team/app >/dev/null
pmemckpt-ctl read-log team/app >left
[ ! -s left ] || fail "records of before the generation: $(head -c 100 left)"
contains "$(echo second | pmemckpt-ctl append team/app)" "behind generation 1; the last is number 1"
wait_for '[ "$(tail -n 1 followed)" = second ]'
[ "$(pmemckpt-ctl read-log team/app@1)" = second ] || fail "the log of generation 1"
expect_status 2 pmemckpt-ctl read-log team/app@1 --follow
kill $FOLLOWER
