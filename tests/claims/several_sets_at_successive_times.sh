#!/usr/bin/env bash
# time-limit: 120
# Claims 5, 23: one primary stores several sets, one after the other in time, by RDMA Write: each is a generation of its own,
# whole, with its own state and its own time; a later one leaves the earlier ones as they are, over a crash of the primary
# and of the manager too.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/pair.sh"
start_manager
MANAGER_PORT=${PMEMCKPT_SERVER##*:}
pmemckpt-ctl create-region sim/heat --keep 20 >/dev/null

# A computation that is one process, with one connection: its sets are of successive steps.
heat --size 200 --steps 1000000 --every 20 --region sim/heat --throttle-ms 10 2>heat.said &
PRIMARY=$!
started $PRIMARY
wait_for '[ "$(numbers sim/heat | jq length)" -ge 3 ]' 60
! counts_bytes || [ "$(of_sessions tester bytes_received)" -ge $((3 * 8 * 200 * 200)) ] ||
    fail "three sets of $((8 * 200 * 200)) bytes were not written by RDMA in one session: $(cat heat.said)"
FIRST=$(numbers sim/heat | jq '.[0]')
EARLY=$(generation "sim/heat@$FIRST")
pmemckpt-ctl restore "sim/heat@$FIRST" --to early >/dev/null
pmemckpt-ctl pin "sim/heat@$FIRST" >/dev/null
LATER=$(numbers sim/heat | jq '.[-1] + 3')
wait_for '[ "$(numbers sim/heat | jq ".[-1]")" -ge "$LATER" ]' 60
kill -KILL $PRIMARY
wait $PRIMARY 2>/dev/null || true

# Numbers go up by one, times go up, and no two sets have the same bytes.
pmemckpt-ctl list sim/heat --json >sets
jq -e 'length >= 6 and ([.[].sealed] | . == sort and . == unique) and ([.[].crc32c] | unique | length) == length' \
    sets >/dev/null || fail "not several sets, each with its time and its bytes: $(cat sets)"
jq -e '[.[1:][].number] | . == [range(.[0]; .[-1] + 1)]' sets >/dev/null || fail "numbers: $(jq -c '[.[].number]' sets)"

# check_sets: each is what it was
check_sets() {
    [ "$(generation "sim/heat@$FIRST")" = "$EARLY" ] || fail "the early set is $(generation "sim/heat@$FIRST") now"
    pmemckpt-ctl restore "sim/heat@$FIRST" | cmp - early || fail "the early set has changed"
    for number in $(jq '.[].number' sets); do
        pmemckpt-ctl restore "sim/heat@$number" >"set.$number" || fail "set $number can't be restored"
    done
}
check_sets
mkdir before
mv set.* before/
stop_manager KILL
start_manager
check_sets
for file in before/set.*; do cmp "$file" "${file#before/}" || fail "${file#before/} changed with the manager's crash"; done

# The computation goes on from the newest, and the next set follows.
NEWEST=$(jq '.[-1].number' sets)
heat --size 200 --steps 1000000 --every 20 --region sim/heat 2>again &
PRIMARY=$!
started $PRIMARY
wait_for '[ "$(numbers sim/heat | jq ".[-1]")" -gt $NEWEST ]' 60
kill -KILL $PRIMARY
contains "$(cat again)" "going on from generation $NEWEST"
