#!/usr/bin/env bash
# time-limit: 120
# not over devices: sync points go over TCP
# The second program keeps its checkpoints as generations of a region: both programs are restored from them after both were
# killed, and the manager as well; they are files, too; what can't be had is told, and all goes on when it is back.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/sync.sh"
command -v jq >/dev/null || skip "jq is not installed"
FIRST=native OTHERS=region
export SYNC_STATE_BYTES=20000000
make_pool 256M
start_manager
MANAGER_PORT=${PMEMCKPT_SERVER##*:}
held() { pmemckpt-ctl list job/ledger --json | jq -c '[.[] | select(.pinned) | .number]'; }

begin_participant second region:job/ledger
begin_first second
for number in 1 2 3; do
    tell first set $number first-$number
    tell second set $number second-$number
    tell second grow $((number * 3000000)) # of the third, more than is sent at one time
    tell first sync
done
[ "$(held)" = '[1,2,3]' ] || fail "what is held is $(held)" # 1 goes with the next one
pmemckpt-ctl restore job/ledger@2 >both
grep -qa first-2 both && grep -qa second-2 both || fail "generation 2 does not have both states"
if [ -c /dev/fuse ]; then
    mount_ckpt
    grep -qa second-3 "$CKPT/job/ledger" || fail "the newest state is not a file"
    [ "$(ls "$CKPT/.generations/job/ledger")" = "$(printf '1\n2\n3')" ] || fail "$(ls "$CKPT/.generations/job/ledger")"
    unmount_ckpt
else
    echo "SKIP: the files are not looked at: there is no /dev/fuse here"
fi
tell second show && SECOND=$ANSWER

# A participant that is killed.
tell second set 9 at-work
finish second KILL
begin_participant second region:job/ledger
ask first sync
contains "$ANSWER" "error "
tell first rollback
[ "$ANSWER" = 3 ] || fail "rolled back to $ANSWER"
shows first "3 first-3"
tell second show
[ "$ANSWER" = "$SECOND" ] || fail "the second is $ANSWER, and was $SECOND"

# A manager that is killed: sync points fail till it is back.
stop_manager KILL
tell first set 9 at-work
ask first sync
contains "$ANSWER" "error 5 "
contains "$ANSWER" "job/ledger: "
start_manager
tell first rollback
[ "$ANSWER" = 3 ] || fail "rolled back to $ANSWER after the manager was killed"
shows first "3 first-3"
tell second set 4 second-4
tell first sync
FOURTH=$ANSWER

# All of them.
stop_manager KILL
finish first KILL
finish second KILL
start_manager
begin_participant second region:job/ledger
begin_first second
tell first rollback
[ "$ANSWER" = "$FOURTH" ] || fail "rolled back to $ANSWER after all were killed"
shows second "4 second-4"

# A second participant takes the region over, and the first one holds nothing more.
begin_participant third region:job/ledger
ask first sync
contains "$ANSWER" "fenced: "
contains "$(cat second.said)" "start the participant anew: "
finish first
finish second
begin_first third
tell first rollback
[ "$ANSWER" = "$FOURTH" ] || fail "the other participant was rolled back to $ANSWER"
shows third "4 second-4"
tell first sync
# Its job is the only one.
begin other native coordinate other "${ADDRESS[third]}"
contains "$ANSWER" "error 16 "
contains "$ANSWER" "job/ledger is of job batch"
finish other
finish first

# What is too large, and what is somebody else's.
tell third grow 21000000
begin_first third
tell first rollback
tell third grow 21000000
ask first sync
contains "$ANSWER" "error 28 "
contains "$ANSWER" "more than 20000000 bytes, the limit of region job/ledger"
echo letter | pmemckpt-ctl save letters --create >/dev/null
begin fourth region participate region:letters 127.0.0.1:0
contains "$ANSWER" "error 74 region letters has 1 generations, and letters.table has no table"
SYNC_STATE_BYTES=0 begin fourth region participate region:missing 127.0.0.1:0
contains "$ANSWER" "error 2 there is no region missing"
stop_manager
begin fourth region participate region:job/ledger 127.0.0.1:0
contains "$ANSWER" "error 111 "
