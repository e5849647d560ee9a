#!/usr/bin/env bash
# Claims 18: what a requestor is given is bound to the connection that he has established: on another one, be it his own, be it of
# somebody who may read the same, it is good for nothing, and with that connection it ends.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/pair.sh"
make_spare
start_manager
head -c 3000000 /dev/urandom >state
pmemckpt-ctl save team/app state --create >/dev/null
let_spare team/app read
before=$(pool_digest)
contains "$(window_probe borrow tester spare team/app)" "refused on every other connection"
contains "$(window_probe borrow spare tester team/app)" "refused on every other connection"
[ "$(pool_digest)" = "$before" ] || fail "the pool has changed"
wait_for '[ "$(pmemckpt-ctl status --json --admin-socket "$ADMIN_SOCKET" | jq -c .windows)" = "[]" ]'
