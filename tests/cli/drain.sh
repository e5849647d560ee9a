#!/usr/bin/env bash
# SIGTERM: the manager ends with status 0; what is sealed stays, what is being written is dropped, and its writer told.
. "$(dirname "$0")/../support/environment.sh"
command -v jq >/dev/null || skip "jq is not installed"
make_pool 256M
start_manager
free_pages() { pmemckpt-ctl list --pools --json | jq '.[0].free_pages'; }
head -c 10M /dev/urandom >first
head -c 60M /dev/urandom >second
pmemckpt-ctl save team/app first --create --keep 1 >/dev/null
FREE=$(free_pages)

mkfifo pipe
pmemckpt-ctl save team/app --size 100M pipe >saved 2>error &
SAVER=$!
started $SAVER
exec 5>pipe
head -c 50M /dev/urandom >&5
wait_for '[ "$(free_pages)" -lt "$FREE" ]'
stop_manager TERM
[ "$MANAGER_STATUS" = 0 ] || fail "the manager's exit status is $MANAGER_STATUS"
head -c 50M /dev/zero >&5 2>/dev/null || true
exec 5>&-
status=0
wait $SAVER || status=$?
[ $status = 6 ] || fail "the saver's exit status is $status: $(cat error)"
[ "$(wc -l <error)" = 1 ] || fail "not one line: $(cat error)"
contains "$(cat error)" "team/app was not saved"
expect_status 6 pmemckpt-ctl list
[ ! -e "$ADMIN_SOCKET" ] || fail "the admin socket is left"

start_manager
[ "$(free_pages)" = "$FREE" ] || fail "there were $FREE free pages, now $(free_pages)"
pmemckpt-ctl restore team/app | cmp - first

# At whatever moment a save is seen: a seal that has begun is finished, and what was answered is so.
pmemckpt-ctl save team/app second >saved 2>error &
SAVER=$!
started $SAVER
wait_for '[ "$(free_pages)" -lt "$FREE" ] || ! running $SAVER'
stop_manager TERM
[ "$MANAGER_STATUS" = 0 ] || fail "the manager's exit status is $MANAGER_STATUS"
status=0
wait $SAVER || status=$?
start_manager
pmemckpt-ctl restore team/app >back
case $status in
0) cmp back second || fail "it was said to be saved" ;;
6) cmp -s back second || cmp back first || fail "neither the old generation nor the new one" ;;
*) fail "the saver's exit status is $status: $(cat error)" ;;
esac
stop_manager INT
[ "$MANAGER_STATUS" = 0 ] || fail "the manager's exit status after SIGINT is $MANAGER_STATUS"
