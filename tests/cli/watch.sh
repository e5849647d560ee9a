#!/usr/bin/env bash
# time-limit: 180
# watch tells of what happens, over a restart of the manager too; a primary that is lost starts the command, once;
# take-over fences.
. "$(dirname "$0")/../support/environment.sh"
command -v jq >/dev/null || skip "jq is not installed"
start_manager
pmemckpt-ctl create-region team/app >/dev/null
# events FILE: the kinds, in order
events() { jq -r .event "$1" | tr '\n' ' '; }

# From now on: what has been is not told.
echo before | pmemckpt-ctl save team/app >/dev/null
pmemckpt-ctl watch team/app --count 1000 >events 2>warnings \
    --on-failure 'echo "$PMEMCKPT_REGION $(echo "$PMEMCKPT_EVENT" | jq -r .event)" >>reactions; echo said' &
WATCHER=$!
started $WATCHER
wait_for '[ "$(pmemckpt-ctl list --sessions --json --admin-socket "$ADMIN_SOCKET" | jq length)" = 1 ]'
wait_for 'echo now | pmemckpt-ctl save team/app >/dev/null && grep -q sealed events'
jq -e -s 'all(.region == "team/app") and ([.[].number] | . == sort) and (.[0].number > 2)' events >/dev/null ||
    fail "events: $(cat events)"
[ ! -e reactions ] || fail "an orderly end was taken for a loss"

# A primary is killed: each time is told, the first one is reacted to.
lose_primary() {
    rm -f lines
    mkfifo lines
    pmemckpt-ctl append team/app --lines <lines >/dev/null &
    PRIMARY=$!
    started $PRIMARY
    exec 5>lines
    echo "record of $PRIMARY" >&5
    wait_for 'pmemckpt-ctl read-log team/app | grep -q "record of $PRIMARY"'
    kill -KILL $PRIMARY
    exec 5>&-
}
lost() { jq -s '[.[] | select(.event == "primary_lost")] | length' events; }
lose_primary
wait_for '[ "$(lost)" = 1 ]'
wait_for '[ -s reactions ]'
lose_primary
wait_for '[ "$(lost)" = 2 ]'
[ "$(cat reactions)" = "team/app primary_lost" ] || fail "reactions: $(cat reactions)"
contains "$(cat warnings)" "said"

# A takeover fences who wrote: nothing of it arrives any more.
mkfifo primary
pmemckpt-ctl append team/app --lines <primary >/dev/null 2>fenced &
PRIMARY=$!
started $PRIMARY
exec 5>primary
echo "of the primary" >&5
wait_for 'pmemckpt-ctl read-log team/app | grep -q "of the primary"'
EPOCH=$(pmemckpt-ctl list --json | jq '.[0].epoch')
contains "$(pmemckpt-ctl take-over team/app --cursor spare)" "team/app taken over: epoch $((EPOCH + 1)), was $EPOCH;"
echo "too late" >&5
exec 5>&-
status=0
wait $PRIMARY || status=$?
[ $status = 8 ] || fail "the fenced primary ended with $status: $(cat fenced)"
contains "$(cat fenced)" "fenced"
pmemckpt-ctl read-log team/app >log
if grep -q "too late" log; then fail "a fenced primary has written"; fi
echo "of the spare" | pmemckpt-ctl append team/app >/dev/null
wait_for 'case $(events events) in *taken_over*) ;; *) false ;; esac'

# The manager is killed and comes again: the watch goes on, and says so.
MANAGER_PORT=${PMEMCKPT_SERVER##*:}
stop_manager KILL
wait_for 'grep -q "trying until the manager is there again" warnings'
before=$(wc -l <events)
start_manager
wait_for 'grep -q "connected again" warnings' $((3 * WAIT_LIMIT_S))
wait_for 'echo again | pmemckpt-ctl save team/app >/dev/null && [ "$(wc -l <events)" -gt "$before" ]' \
    $((3 * WAIT_LIMIT_S))
running $WATCHER || fail "the watch has ended: $(cat warnings)"
[ "$(cat reactions)" = "team/app primary_lost" ] || fail "reactions: $(cat reactions)"
kill $WATCHER

# --count ends it; --after shows what was; a command that fails is a failure.
pmemckpt-ctl watch team/app --after 0 --count 3 >few
[ "$(jq -c .number few | tr '\n' ' ')" = "1 2 3 " ] || fail "the first three: $(cat few)"
pmemckpt-ctl watch team/app --on-failure 'exit 5' >told 2>failed &
WATCHER=$!
started $WATCHER
wait_for 'echo now | pmemckpt-ctl save team/app >/dev/null && [ -s told ]'
lose_primary
status=0
wait $WATCHER || status=$?
[ $status = 1 ] || fail "exit status $status: $(cat failed)"
contains "$(cat failed)" "exit status 5"
expect_status 3 pmemckpt-ctl watch no-region --count 1
expect_status 6 pmemckpt-ctl watch team/app --server 127.0.0.1:1
