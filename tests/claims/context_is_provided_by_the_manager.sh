#!/usr/bin/env bash
# Claims 2, 11, 22, 27: the manager gives the context of addresses, key, base and size, to the primary and to the backup; its tables
# have the same, and an address in that context is the byte of the set that it says.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/pair.sh"
make_spare
start_manager
pmemckpt-ctl create-region team/app >/dev/null
let_spare team/app read
of_status() { pmemckpt-ctl status --json --admin-socket "$ADMIN_SOCKET" | jq -c "$1"; }

mkfifo lines
window_probe context tester team/app <lines >said &
PRIMARY=$!
started $PRIMARY
exec 5>lines
wait_for '[ -s said ]'
read -r word key base size <said
[ "$word" = window ] && [ "$size" = 5000000 ] || fail "the primary was given: $(cat said)"
[ "$(of_status '[.windows[] | [.region, .access, .key, .base, .size]]')" = "[[\"team/app\",\"write\",\"$key\",$base,$size]]" ] ||
    fail "the tables have $(of_status .windows), and the primary was given: $(cat said)"
[ "$(of_status '.windows[0].session == (.sessions[] | select(.principal == "tester") | .id)')" = true ] || fail "it is another session's"
echo "written at address 1000" >&5
exec 5>&-
ended $PRIMARY
[ "$STATUS" = 0 ] || fail "the primary ended with $STATUS"
contains "$(cat said)" "sealed 1"
[ "$(of_status .windows)" = "[]" ] || fail "a window is left"

# The backup's context is another one, of the same bytes.
pmemckpt-ctl --principal spare restore team/app --exact --to got >/dev/null
[ "$(tail -c +1001 got | head -c 23)" = "written at address 1000" ] || fail "it lies elsewhere"
[ "$(tr -d '\0' <got | wc -c)" = 23 ] || fail "there are other bytes, too"
