#!/usr/bin/env bash
# time-limit: 150
# not over devices: no device reaches another network namespace; vm/network_over_* lose a host instead
# Claims 16: the backup resumes the primary's functions also when the link to the primary is cut, which looks to both sides
# as if the other were dead. The manager notices within its idle_ms; when the link is there again, the primary ends as fenced
# (status 8), and nothing of what it had in flight appears.
[ -n "${IN_OWN_NETWORK:-}" ] || {
    command -v ip nsenter unshare >/dev/null || { echo "ip, nsenter or unshare is not installed (iproute2, util-linux)" && exit 77; }
    unshare --net true 2>/dev/null || { echo "no permission to make a network namespace" && exit 77; }
    # Two networks: this script's, with the manager and the backup, and the primary's. They go with their last process.
    IN_OWN_NETWORK=1 exec unshare --net bash "$0"
}
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/pair.sh"
make_pool 256M
make_spare
ip link set lo up
unshare --net sleep 150 &
FAR=$!
started $FAR
wait_for '[ "$(readlink /proc/$FAR/ns/net)" != "$(readlink /proc/self/ns/net)" ]'
far() { nsenter --net=/proc/$FAR/ns/net "$@"; }
ip link add near type veth peer name far netns "$FAR" || skip "no permission to make a veth pair"
ip addr add 10.77.0.1/24 dev near
ip link set near up
far ip addr add 10.77.0.2/24 dev far
far ip link set far up
cut_link() { far ip link set far down; }
mend_link() { far ip link set far up; }

IDLE_MS=4000
printf '[limits]\nidle_ms = %d\n' $IDLE_MS >manager.toml
start_manager --config manager.toml --listen 10.77.0.1:0
NEAR=$PMEMCKPT_SERVER
FAR_SERVER=$(grep '^10\.77\.0\.1:' addresses)
[ "$NEAR" != "$FAR_SERVER" ] || fail "addresses: $(cat addresses)"
head -c 3000000 /dev/urandom >state
pmemckpt-ctl save team/app state --create >/dev/null
let_spare team/app read write append take-over

# start_far_primary: the one of pair.sh, on the other side of the link
start_far_primary() {
    rm -f primary.lines
    mkfifo primary.lines
    PMEMCKPT_SERVER=$FAR_SERVER nsenter --net=/proc/$FAR/ns/net pmemckpt-ctl append team/app --lines \
        <primary.lines >primary.said 2>&1 &
    PRIMARY=$!
    started $PRIMARY
    exec 5>primary.lines
}
is_fenced() {
    exec 5>&-
    ended $PRIMARY
    [ $STATUS = 8 ] || fail "the primary behind the cut link ended with $STATUS: $(cat primary.said)"
    contains "$(cat primary.said)" "fenced: region team/app was taken over by spare"
}

# Taken over before anybody has noticed: what the primary has in flight arrives when the link is mended, and is refused.
start_far_primary
tell_primary "before the cut"
wait_for '[ "$(records team/app)" = 1 ]'
cut_link
tell_primary "in flight" "and more"
contains "$(pmemckpt-ctl --principal spare take-over team/app)" "taken over"
pmemckpt-ctl --principal spare append team/app <<<"of the backup" >/dev/null
running $PRIMARY || fail "the primary has ended behind the cut link: $(cat primary.said)"
mend_link
is_fenced
printf 'before the cut\nof the backup\n' >expected
pmemckpt-ctl read-log team/app | cmp - expected || fail "the log has $(pmemckpt-ctl read-log team/app)"

# Nobody takes it over by hand: the manager notices, tells the one that watches, and that one does. Half a set is on its way.
mkfifo half
PMEMCKPT_SERVER=$FAR_SERVER nsenter --net=/proc/$FAR/ns/net pmemckpt-ctl save team/app --size 60M half >half.said 2>&1 &
SAVER=$!
started $SAVER
exec 6>half
head -c 30000000 /dev/urandom >&6
wait_for '[ "$(of_sessions tester bytes_received)" -ge 20000000 ]'
PMEMCKPT_PRINCIPAL=spare pmemckpt-ctl watch team/app --after 0 >events 2>watch.said \
    --on-failure 'pmemckpt-ctl take-over $PMEMCKPT_REGION --json >taken && date +%s%N >taken.at' &
WATCHER=$!
started $WATCHER
wait_for '[ "$(grep -c primary_connected events)" = 4 ]' # the last event before the cut
! grep -q primary_lost events || fail "lost before the cut: $(cat events)"
CUT_NS=$(date +%s%N)
cut_link
head -c 10000000 /dev/urandom >&6 & # more than the sockets on the way take
FEEDER=$!
started $FEEDER
wait_for '[ -s taken.at ]' 60
WAITED_MS=$((($(cat taken.at) - CUT_NS) / 1000000))
# Not at once, for a link may come again; and within idle_ms, but for what a loaded machine takes.
[ $WAITED_MS -ge $((IDLE_MS / 4)) ] || fail "the primary was given up after $WAITED_MS ms"
[ $WAITED_MS -le $((IDLE_MS + 10000)) ] || fail "the primary was given up after $WAITED_MS ms only, idle_ms is $IDLE_MS"
jq -e -s '[.[] | select(.event == "primary_lost")] | length == 1 and .[0].principal == "tester"' events >/dev/null ||
    fail "events: $(cat events)"
[ "$(of_sessions tester id)" = 0 ] || fail "the lost primary still has a session"
pmemckpt-ctl --principal spare save team/app state >/dev/null
mend_link
wait $FEEDER || true
head -c 20000000 /dev/urandom >&6 2>/dev/null || true
exec 6>&-
ended $SAVER
[ $STATUS = 8 ] || fail "the primary behind the cut link ended with $STATUS: $(cat half.said)"
contains "$(cat half.said)" "fenced: region team/app was taken over by spare"
[ "$(numbers team/app)" = '[1,2]' ] || fail "a set of the fenced primary appeared: $(numbers team/app)"
pmemckpt-ctl restore team/app | cmp - state
kill $WATCHER

# A primary that ends while the link is cut can't say goodbye, and is noticed all the same.
pmemckpt-ctl watch team/app --after 0 >events 2>/dev/null &
started $!
start_far_primary
tell_primary "the last word"
wait_for '[ "$(records team/app)" = 1 ]'
LOST=$(grep -c primary_lost events || true)
cut_link
kill_primary
wait_for '[ "$(grep -c primary_lost events)" = $((LOST + 1)) ]' 30
[ "$(pmemckpt-ctl read-log team/app)" = "the last word" ] || fail "what was durable before the cut is not there"
