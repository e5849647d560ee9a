#!/usr/bin/env bash
# time-limit: 300
# not over devices: sync points go over TCP
# The participant, or the manager that has its checkpoints, is killed before its Nth call in the middle of a sync point; then all
# are started anew. What was said to be taken is restored, and what was said not to be is not.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/faults.sh"
. "$PROJECT/tests/support/sync.sh"
FIRST=native OTHERS=region
export SYNC_TIMEOUT_MS=10000 SYNC_STATE_BYTES=1000000
CUTS=0 TAKEN=0 FORMER=0

# with_kill NAME COMMAND...: when NAME is $CUT, it is killed before its Nth call from when the file "cut" is there.
with_kill() {
    local name=$1
    shift
    [ "$name" = "$CUT" ] || { "$@" && return; }
    LD_PRELOAD=$FAILING_CALLS FAIL_CALLS=$RULE FAIL_AFTER=$PWD/cut FAIL_LOG=$PWD/was-cut "$@"
}
begin_both() {
    with_kill second begin_participant second "region:$JOB"
    begin_first second
}

# cut_at NAME CALL N: whether there was an Nth call.
cut_at() {
    local said restored
    CUT=$1 RULE=$2:$3:kill JOB=$1.$2.$3
    mkdir "$JOB"
    cd "$JOB" || exit
    ADDRESS=()
    running "$MANAGER_PID" && [ "$CUT" != manager ] || {
        stop_manager KILL 2>/dev/null
        with_kill manager start_manager
    }
    begin_both
    for number in 1 2; do
        for name in first second; do tell $name set $number state-$number; done
        tell first sync
    done
    for name in first second; do tell $name set 3 state-3; done
    touch cut
    said=lost
    echo sync >&"${TO[first]}"
    ! IFS= read -r -t 30 ANSWER <&"${FROM[first]}" || said=$ANSWER
    rm cut
    for name in first second; do finish $name KILL; done

    [ "$CUT" != manager ] || stop_manager KILL 2>/dev/null
    CUT=''
    running "$MANAGER_PID" || start_manager
    begin_both
    tell first rollback
    restored=$ANSWER
    case $restored in 2 | 3) ;; *) fail "$RULE of $1: rolled back to $restored" ;; esac
    for name in first second; do shows $name "$restored state-$restored"; done
    case $said in
    "ok "*) [ "$restored" = 3 ] || fail "$RULE of $1: it was said to be taken, and $restored was restored" ;;
    "error 115 "* | lost) ;; # in doubt (EINPROGRESS), or nobody was left to say anything
    *) [ "$restored" = 2 ] || fail "$RULE of $1: it was said not to be taken ($said), and $restored was restored" ;;
    esac
    tell first sync
    for name in first second; do finish $name; done
    cd .. || exit
    pmemckpt-ctl destroy-region "$JOB" --force >/dev/null
    pmemckpt-ctl destroy-region "$JOB.table" --force >/dev/null
    [ -e "$JOB/was-cut" ] || return 1
    CUTS=$((CUTS + 1))
    [ "$restored" = 2 ] && FORMER=$((FORMER + 1)) || TAKEN=$((TAKEN + 1))
}

start_manager
MANAGER_PORT=${PMEMCKPT_SERVER##*:}
for one in second:sendmsg second:recvmsg manager:sendmsg manager:msync; do
    for ((n = 1; n < 200; n = $(after $n))); do cut_at "${one%:*}" "${one#*:}" $n || break; done
    [ "$n" -gt 1 ] || fail "there was no $one"
    echo "$one: up to the call $n"
done
echo "$CUTS kills: the new one was restored after $TAKEN, the former one after $FORMER"
[ "$TAKEN" -gt 3 ] && [ "$FORMER" -gt 3 ] || fail "one of the two was hardly ever restored"
