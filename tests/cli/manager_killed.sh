#!/usr/bin/env bash
# time-limit: 120
# kill -9 of the manager in the middle of a save: what was sealed is there, what was not is gone, its pages are free.
. "$(dirname "$0")/../support/environment.sh"
command -v jq >/dev/null || skip "jq is not installed"
make_pool 512M
start_manager

free_pages() { pmemckpt-ctl list --pools --json | jq '.[0].free_pages'; }
numbers() { pmemckpt-ctl list team/app --json | jq -c '[.[].number]'; }
intact() {
    pmemckpt-ctl restore team/app@1 | cmp - first || fail "generation 1 is not what it was"
    pmemckpt-ctl restore team/app@2 | cmp - second || fail "generation 2 is not what it was"
}

head -c 30M /dev/urandom >first
head -c 20M /dev/urandom >second
pmemckpt-ctl save team/app first --create >/dev/null
pmemckpt-ctl save team/app second >/dev/null
FREE=$(free_pages)

# A save that is surely in its middle: half of its input is with the manager, the other half does not come.
mkfifo pipe
pmemckpt-ctl save team/app --size 200M pipe >saved 2>error &
SAVER=$!
started $SAVER
exec 5>pipe
head -c 100M /dev/urandom >&5
[ "$(free_pages)" -lt "$FREE" ] || fail "the save has taken no pages"
[ "$(numbers)" = '[1,2]' ] || fail "a generation that is not sealed is listed: $(numbers)"
stop_manager KILL
head -c 100M /dev/zero >&5 2>/dev/null || true # the saver may be gone already
exec 5>&-
status=0
wait $SAVER || status=$?
[ $status = 6 ] || fail "the saver's exit status is $status: $(cat error)"
[ "$(wc -l <error)" = 1 ] || fail "not one line: $(cat error)"
contains "$(cat error)" "pmemckpt-ctl: team/app was not saved: "
contains "$(cat error)" "connection"
[ ! -s saved ] || fail "it said that it saved: $(cat saved)"

start_manager
[ "$(numbers)" = '[1,2]' ] || fail "after the kill there are $(numbers)"
[ "$(free_pages)" = "$FREE" ] || fail "there were $FREE free pages, now $(free_pages)"
intact
head -c 200M /dev/urandom >third
contains "$(pmemckpt-ctl save team/app third)" "team/app@3"
pmemckpt-ctl restore team/app | cmp - third
intact

# Killed at whatever moment the draft is seen: the new generation is there, whole, or it is not there.
pmemckpt-ctl create-region other --keep 1 >/dev/null
pmemckpt-ctl save other first >/dev/null
FREE=$(free_pages)
pmemckpt-ctl save other third >saved 2>error &
SAVER=$!
started $SAVER
wait_for '[ "$(free_pages)" -lt "$FREE" ] || ! running $SAVER'
stop_manager KILL
status=0
wait $SAVER || status=$?
start_manager
pmemckpt-ctl restore other >back
if [ $status = 0 ]; then
    cmp back third || fail "it was said to be saved"
else
    cmp -s back third || cmp back first || fail "neither the old generation nor the new one"
    [ $status = 6 ] || fail "the saver's exit status is $status: $(cat error)"
fi
intact

# Ctrl-C: status 130, and the draft's pages come back while the manager runs on.
FREE=$(free_pages)
env --default-signal=INT pmemckpt-ctl save team/app --size 50M pipe >saved 2>error &
SAVER=$!
started $SAVER
exec 5>pipe
wait_for '[ "$(free_pages)" -lt "$FREE" ]'
kill -INT $SAVER
status=0
wait $SAVER || status=$?
exec 5>&-
[ $status = 130 ] || fail "exit status $status after Ctrl-C"
wait_for '[ "$(free_pages)" = "$FREE" ]'
intact
