#!/usr/bin/env bash
# time-limit: 240
# not over devices: what stands between the two ends in it forwards TCP
# Connections that are cut, that stall, and whose bytes come when their session is long fenced: the client is told, pages
# come back, others are not slowed, and what comes late lands nowhere.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/pair.sh"
FORWARDER=$BUILD/tests/tools/forwarder
[ -x "$FORWARDER" ] || skip "$FORWARDER is not built"
make_pool 128M
start_manager
DIRECT=$PMEMCKPT_SERVER
head -c 3000000 /dev/urandom >state
head -c 3000000 /dev/urandom >newer
pmemckpt-ctl save team/app state --create >/dev/null
pmemckpt-ctl create-region log/app >/dev/null
printf 'first\n' | pmemckpt-ctl append log/app --lines >/dev/null

# forward: what is said through $THROUGH goes through $BETWEEN
forward() {
    rm -f through
    "$FORWARDER" "$DIRECT" >through &
    BETWEEN=$!
    started $BETWEEN
    wait_for '[ -s through ]'
    THROUGH=$(cat through)
}

# start_half_saver: of 40 MB, half is with the manager; the rest may come by 5. Its pid is in $SAVER.
start_half_saver() {
    rm -f pipe
    mkfifo pipe
    FREE=$(free_pages)
    PMEMCKPT_SERVER=$THROUGH pmemckpt-ctl save team/app --size 40M pipe >saved 2>error &
    SAVER=$!
    started $SAVER
    exec 5>pipe
    head -c 20M /dev/urandom >&5
    wait_for '[ "$(of_sessions tester bytes_received)" -ge 16000000 ]'
}

# one_line STATUS...: $STATUS is one of these, and the error one line
one_line() {
    case " $* " in *" $STATUS "*) ;; *) fail "exit status $STATUS, not $*: $(cat error)" ;; esac
    [ "$(wc -l <error)" = 1 ] || fail "not one line: $(cat error)"
    [ ! -s saved ] || fail "it said that it saved: $(cat saved)"
}
intact() {
    pmemckpt-ctl restore team/app --exact | cmp - "$1" || fail "the newest generation"
    [ "$(free_pages)" = "$FREE" ] || fail "$FREE pages were free, now $(free_pages)"
}

# Cut in the middle of a save.
forward
start_half_saver
kill -KILL $BETWEEN
exec 5>&-
ended $SAVER
one_line 6
contains "$(cat error)" "connection"
wait_for '[ "$(free_pages)" = "$FREE" ]'
intact state

# Cut in the middle of an append: what was durable stays, the log goes on behind it.
forward
PMEMCKPT_SERVER=$THROUGH start_primary log/app
tell_primary second third
wait_for '[ "$(records log/app)" = 3 ]'
kill -KILL $BETWEEN
tell_primary never 2>/dev/null || true
exec 5>&-
ended "$PRIMARY"
[ "$STATUS" = 6 ] || fail "the appender's exit status is $STATUS: $(cat primary.said)"
wait_for '[ "$(pmemckpt-ctl list --sessions --json --admin-socket "$ADMIN_SOCKET" | jq length)" = 0 ]' # the manager sees it, too
printf 'fourth\n' | pmemckpt-ctl append log/app --lines >/dev/null
[ "$(pmemckpt-ctl read-log log/app | tr '\n' ' ')" = "first second third fourth " ] ||
    fail "the log: $(pmemckpt-ctl read-log log/app)"

# Cut in the middle of a restore: its reader stops, so it can't be over.
forward
FREE=$(free_pages)
pmemckpt-ctl save team/app newer >/dev/null
rm -f out
mkfifo out
PMEMCKPT_SERVER=$THROUGH pmemckpt-ctl restore team/app@1 --exact >out 2>error &
READER=$!
started $READER
exec 6<out
head -c 1000 <&6 >/dev/null
kill -KILL $BETWEEN
cat <&6 >rest || true
exec 6<&-
ended $READER
[ "$STATUS" = 6 ] || [ "$STATUS" = 0 ] || fail "the reader's exit status is $STATUS: $(cat error)"
pmemckpt-ctl destroy-region log/app --force >/dev/null
pmemckpt-ctl create-region log/app >/dev/null
printf 'first\n' | pmemckpt-ctl append log/app --lines >/dev/null

# Stalled: others go on as if it were not there, and nobody turns in circles.
forward
start_half_saver
stop $BETWEEN
head -c 20M /dev/urandom >&5 &
FEEDER=$!
started $FEEDER
cpu_ticks() { awk '{print $14 + $15}' "/proc/$MANAGER_PID/stat"; }
sleep 0.3 # what is on its way arrives
BEFORE=$(cpu_ticks)
sleep 1
[ $(($(cpu_ticks) - BEFORE)) -lt 20 ] || fail "beside a stalled session the manager took $(($(cpu_ticks) - BEFORE)) ticks"
for round in 1 2 3; do timeout 20 pmemckpt-ctl restore team/app --exact | cmp - newer || fail "a stalled session slows others"; done

# The region is taken over and saved anew while the old bytes are on their way. They come, and land nowhere.
pmemckpt-ctl take-over team/app >/dev/null
pmemckpt-ctl save team/app state >/dev/null
FREE_AFTER=$(free_pages)
kill -CONT $BETWEEN
wait $FEEDER || true
exec 5>&-
ended $SAVER
one_line 6 8
[ "$(numbers team/app)" = '[1,2,3]' ] || fail "generations: $(numbers team/app)"
pmemckpt-ctl restore team/app@3 --exact | cmp - state || fail "late bytes are in the new generation"
pmemckpt-ctl restore team/app@2 --exact | cmp - newer || fail "late bytes are in an old generation"
wait_for '[ "$(free_pages)" -ge "$FREE_AFTER" ]'
kill -KILL $BETWEEN

# The same of a log: records of the old primary that come late are in nobody's log.
forward
PMEMCKPT_SERVER=$THROUGH start_primary log/app
tell_primary second
wait_for '[ "$(records log/app)" = 2 ]'
stop $BETWEEN
tell_primary late later latest
pmemckpt-ctl take-over log/app >/dev/null
printf 'of the new one\n' | pmemckpt-ctl append log/app --lines >/dev/null
kill -CONT $BETWEEN
exec 5>&-
ended "$PRIMARY"
[ "$STATUS" = 8 ] || [ "$STATUS" = 6 ] || fail "the old primary's exit status is $STATUS: $(cat primary.said)"
[ "$(pmemckpt-ctl read-log log/app | tr '\n' ' ')" = "first second of the new one " ] ||
    fail "the log: $(pmemckpt-ctl read-log log/app)"
stop_manager
[ "$MANAGER_STATUS" = 0 ] || fail "the manager's exit status is $MANAGER_STATUS"
pmemckpt-ctl check pool >/dev/null || fail "$(pmemckpt-ctl check pool)"
