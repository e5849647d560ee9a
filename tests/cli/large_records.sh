#!/usr/bin/env bash
# time-limit: 180
# Records of 1 byte and of 64 MiB and more come back as they went in. One whose program is killed in its middle is no
# record: those before it are there, and the next one takes its number and its place.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/pair.sh"
make_pool 768M
make_spare
start_manager
MANAGER_PORT=${PMEMCKPT_SERVER##*:}
pmemckpt-ctl create-region team/app >/dev/null
let_spare team/app read
FREE=$(free_pages)

printf x >one
head -c $((64 * 1024 * 1024 + 1)) /dev/urandom >large
append_three() { for file in one large one; do pmemckpt-ctl append team/app <$file >said || fail "append $file"; done; }
append_three
contains "$(cat said)" "1 record of 1 bytes appended behind generation 0; the last is number 3"
cat one large one >whole
pmemckpt-ctl --principal spare read-log team/app | cmp - whole || fail "the records are not what was appended"
[ "$(records team/app)" = 3 ] || fail "$(records team/app) records"
pmemckpt-ctl --principal spare read team/app --unread spare --to files >/dev/null
cmp files/0.log whole

# Killed in the middle of a record: the manager has got a part of it.
head -c 250M /dev/urandom >torn
for try in 1 2 3 4 5 6; do
    pmemckpt-ctl append team/app <torn >said 2>&1 &
    APPENDER=$!
    started $APPENDER
    wait_for 'moved tester bytes_received 1000000 || ! running $APPENDER' 60
    kill -KILL $APPENDER 2>/dev/null || true
    ended $APPENDER
    wait_for '[ "$(of_sessions tester id)" = 0 ]'
    [ "$(records team/app)" = 3 ] && break
    # It was faster: the record is whole, and all begins anew.
    [ "$(records team/app)" = 4 ] || fail "$(records team/app) records"
    pmemckpt-ctl read-log team/app | tail -c 250M | cmp - torn || fail "the fourth record counts, and is not whole"
    pmemckpt-ctl clear team/app --force >/dev/null
    append_three
done
[ ! -s said ] || fail "$try times it was over before it was killed: $(cat said)"
pmemckpt-ctl read-log team/app | cmp - whole || fail "a torn record shows, or took others with it"

# The next one is number 4, of another length, over the torn one's bytes; then the manager is killed, too.
contains "$(pmemckpt-ctl append team/app <large)" "the last is number 4"
printf y | pmemckpt-ctl append team/app >/dev/null
{ cat whole large && printf y; } >all
pmemckpt-ctl read-log team/app | cmp - all || fail "the log behind a torn record"
stop_manager KILL
start_manager
pmemckpt-ctl --principal spare read-log team/app | cmp - all || fail "the log after the manager's crash"
[ "$(records team/app)" = 5 ] || fail "$(records team/app) records after the manager's crash"

# A generation ends the log: all that it took is free.
printf state | pmemckpt-ctl save team/app >/dev/null
[ "$(free_pages)" = $((FREE - 1)) ] || fail "$FREE pages were free, now $(free_pages)"
