#!/usr/bin/env bash
# time-limit: 120
# Claims 14, 29, 34: updates are appended, by RDMA Write, to a set that was stored before, which stays as it is; set and
# updates are read together. What append has told of is there whatever dies, and nothing comes in between or twice.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/pair.sh"
make_spare
start_manager
MANAGER_PORT=${PMEMCKPT_SERVER##*:}
head -c 5000000 /dev/urandom >state.1
pmemckpt-ctl save team/app state.1 --create >/dev/null
let_spare team/app read
SET=$(generation team/app@1)

# the_set_and NUMBER: the set is what it was, and behind it are the updates 1 to NUMBER
the_set_and() {
    [ "$(generation team/app@1)" = "$SET" ] || fail "the set is $(generation team/app@1) now"
    rm -rf got
    pmemckpt-ctl --principal spare read team/app --all --to got >/dev/null
    cmp got/1 state.1 || fail "the set has changed"
    seq -f 'update %g' "$1" | cmp - got/1.log || fail "not the updates 1 to $1: $(tail -n 3 got/1.log)"
    [ "$(pmemckpt-ctl read-log team/app@1 --json | tail -n 1 | jq .sequence)" = "$1" ] || fail "the last one's number"
}
contains "$(seq -f 'update %g' 500 | pmemckpt-ctl append team/app --lines)" \
    "500 records of $(seq -f 'update %g' 500 | wc -c) bytes appended behind generation 1; the last is number 500"
the_set_and 500

# One-sided: while a primary appends, what it sends through its windows grows by the updates, and the manager, which is
# told nothing of each, has them all for a reader at once.
start_primary team/app
wait_for '[ "$(of_sessions tester windows)" -ge 1 ]'
BEFORE=$(of_sessions tester bytes_received)
tell_primary "$(seq -f 'update %g' 501 1500)"
wait_for '[ "$(records team/app)" = 1500 ]'
! counts_bytes || [ "$(($(of_sessions tester bytes_received) - BEFORE))" -ge "$(seq -f 'update %g' 501 1500 | wc -c)" ] ||
    fail "the updates did not come by RDMA Write"
the_set_and 1500

# The primary is killed; the next one goes on behind the last update.
kill_primary
contains "$(seq -f 'update %g' 1501 2000 | pmemckpt-ctl append team/app --lines)" "the last is number 2000"
the_set_and 2000

# The manager is killed.
stop_manager KILL
start_manager
the_set_and 2000
contains "$(seq -f 'update %g' 2001 2100 | pmemckpt-ctl append team/app --lines)" "the last is number 2100"
the_set_and 2100

# A new set begins without updates, and gets its own; the old set is kept as it was.
head -c 1000 /dev/urandom >state.2
pmemckpt-ctl save team/app state.2 >/dev/null
[ -z "$(pmemckpt-ctl read-log team/app)" ] || fail "the new set has updates of the old one"
contains "$(echo first | pmemckpt-ctl append team/app)" "behind generation 2; the last is number 1"
[ "$(generation team/app@1)" = "$SET" ] || fail "the set is $(generation team/app@1) now"
pmemckpt-ctl restore team/app@1 | cmp - state.1
pmemckpt-ctl restore team/app@2 | cmp - state.2
[ "$(pmemckpt-ctl read-log team/app)" = first ] || fail "the updates of the new set"
