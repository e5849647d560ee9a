#!/usr/bin/env bash
# time-limit: 120
# Claims 16: the backup resumes the primary's functions also when the primary only hangs. A primary that is stopped, and goes
# on when it was taken over, ends as fenced (status 8), and nothing that it sends then appears: no update, no set.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/pair.sh"
make_pool 256M
make_spare
start_manager
head -c 3000000 /dev/urandom >state
pmemckpt-ctl save team/app state --create >/dev/null
let_spare team/app read write append take-over
FREE=$(free_pages)

# It hangs between two updates.
start_primary team/app
tell_primary "before it hung"
wait_for '[ "$(records team/app)" = 1 ]'
stop "$PRIMARY"
tell_primary "after it was taken over" "and another"
contains "$(pmemckpt-ctl --principal spare take-over team/app)" "taken over"
grep -q ' [1-9][0-9]* windows for writing were killed' "$TEST_DIRECTORY/manager.log" || fail "the manager says that it killed no window"
pmemckpt-ctl --principal spare append team/app <<<"of the backup" >/dev/null
kill -CONT "$PRIMARY"
exec 5>&-
ended "$PRIMARY"
[ $STATUS = 8 ] || fail "the fenced primary ended with $STATUS: $(cat primary.said)"
contains "$(cat primary.said)" "fenced: region team/app was taken over by spare"
[ "$(wc -l <primary.said)" = 1 ] || fail "not one line: $(cat primary.said)"
contains "$(cat primary.said)" "before that, 1 record became durable"
pmemckpt-ctl read-log team/app | cmp - <(printf 'before it hung\nof the backup\n') ||
    fail "the log has $(pmemckpt-ctl read-log team/app)"

# It hangs in the middle of a set: half of it is there, and more comes when it goes on.
mkfifo pipe
pmemckpt-ctl save team/app --size 60M pipe >said 2>&1 &
PRIMARY=$!
started $PRIMARY
exec 6>pipe
head -c 30000000 /dev/urandom >&6
wait_for 'moved tester bytes_received 20000000'
stop $PRIMARY
pmemckpt-ctl --principal spare take-over team/app >/dev/null
# Its draft is gone at once, and the backup has the pages for itself.
[ "$(free_pages)" -ge $((FREE - 2)) ] || fail "the hanging primary holds pages: $FREE were free, now $(free_pages)"
pmemckpt-ctl --principal spare save team/app state >/dev/null
kill -CONT $PRIMARY
head -c 30000000 /dev/urandom >&6 2>/dev/null || true
exec 6>&-
ended $PRIMARY
[ $STATUS = 8 ] || fail "the fenced primary ended with $STATUS: $(cat said)"
contains "$(cat said)" "fenced: region team/app was taken over by spare"
[ "$(wc -l <said)" = 1 ] || fail "not one line: $(cat said)"
[ "$(numbers team/app)" = '[1,2]' ] || fail "the fenced primary's set appeared: $(numbers team/app)"
pmemckpt-ctl restore team/app | cmp - state || fail "the backup's set was changed"

# It hangs with all of it written, and only the seal to come.
rm pipe && mkfifo pipe
pmemckpt-ctl save team/app --size 8M pipe >said 2>&1 &
PRIMARY=$!
started $PRIMARY
exec 6>pipe
cat state state >&6
wait_for '[ "$(of_sessions tester windows)" = 1 ]'
stop $PRIMARY
exec 6>&-
pmemckpt-ctl --principal spare take-over team/app >/dev/null
kill -CONT $PRIMARY
ended $PRIMARY
[ $STATUS = 8 ] || fail "the fenced primary ended with $STATUS: $(cat said)"
contains "$(cat said)" "fenced"
[ "$(numbers team/app)" = '[1,2]' ] || fail "the fenced primary's set appeared: $(numbers team/app)"
[ "$(pmemckpt-ctl list --json | jq '.[0].epoch')" = 4 ] || fail "the epoch after three takeovers"

# Anew, it may: as a program that was started again, of the new epoch.
contains "$(pmemckpt-ctl save team/app state)" "team/app@3 "
