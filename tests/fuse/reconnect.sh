#!/usr/bin/env bash
# The manager is killed and started again under the mount: what was open is read on, what is gone is ESTALE, and while
# there is no manager everything fails with an error, and soon.
# time-limit: 120
. "$(dirname "$0")/../support/environment.sh"
need_fuse
command -v jq >/dev/null || skip "jq is not installed"
start_manager
MANAGER_PORT=${PMEMCKPT_SERVER##*:}
head -c 8000000 /dev/urandom >one
head -c 100 /dev/urandom >two
pmemckpt-ctl create-region app --keep 2 >/dev/null
pmemckpt-ctl save app one >/dev/null
pmemckpt-ctl create-region short --keep 1 >/dev/null
pmemckpt-ctl save short one >/dev/null
mkdir -p ckpt
mount.pmemckpt "$PMEMCKPT_SERVER:/" "$CKPT" --foreground 2>messages &
started $!
wait_for mounted
exec 5<ckpt/app 6<ckpt/short
drop() { [ ! -w /proc/sys/vm/drop_caches ] || echo 1 >/proc/sys/vm/drop_caches; }

# From one generation to the next manager.
head -c 1000 <&5 | cmp - <(head -c 1000 one)
stop_manager KILL
start_manager
drop
# Nobody held the one of "short" while the manager was away: now it is dropped.
pmemckpt-ctl save short two >/dev/null
cmp two ckpt/short
if cat <&6 >got 2>error; then fail "$(wc -c <got) bytes of a generation that is gone were read"; fi
contains "$(cat error)" "Stale file handle"
exec 5<&-
cmp one ckpt/app
[ "$(jq .session.reconnects ckpt/.status)" = 1 ] || fail "$(cat ckpt/.status)"
[ "$(wc -l <messages)" = 3 ] || fail "not one line a loss, one a return, one for what is gone: $(cat messages)"
contains "$(head -n 1 messages)" "the connection to $PMEMCKPT_SERVER was lost"
contains "$(sed -n 2p messages)" "connected to $PMEMCKPT_SERVER again"

# No manager at all.
exec 5<ckpt/app
stop_manager KILL
drop
: >messages
if cat <&5 >/dev/null 2>error; then fail "it was read without a manager"; fi
contains "$(cat error)" "Input/output error"
expect_status 2 ls ckpt/team
contains "$OUTPUT" "not connected"
expect_status 1 cat ckpt/app
contains "$OUTPUT" "not connected"
[ "$(jq .session.connected ckpt/.status)" = false ] || fail "$(cat ckpt/.status)"
[ "$(wc -l <messages)" = 1 ] || fail "not one line a loss: $(cat messages)"
start_manager
wait_for 'cmp -s one ckpt/app'
cat <&5 | cmp - one
exec 5<&- 6<&-

# Unmounted while there is no manager.
stop_manager KILL
unmount_ckpt
wait_for '! pgrep -f "^mount.pmemckpt .*$TEST_DIRECTORY" >/dev/null'
