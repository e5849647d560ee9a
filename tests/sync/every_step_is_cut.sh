#!/usr/bin/env bash
# time-limit: 600
# not over devices: sync points go over TCP
# Each step of a sync point is cut, on either side: the Nth send, receive, write and fsync fails, or the program is killed
# there. Whatever it is, all programs are rolled back to the same sync point; to the new one if it was said to be taken, to the
# former one if it was said not to be.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/sync.sh"
FIRST=native OTHERS=native
[ -f "$BUILD/tests/fault/failing_calls.so" ] || fail "failing_calls.so is not built: make check does"
export SYNC_TIMEOUT_MS=3000
CUTS=0 TAKEN=0 FORMER=0

# with_failure NAME RULE COMMAND...: when NAME is this one, its Nth call fails from when the file "cut" is there.
with_failure() {
    local name=$1 rule=$2
    shift 2
    [ "$name" = "$CUT" ] || { "$@" && return; }
    LD_PRELOAD=$BUILD/tests/fault/failing_calls.so FAIL_CALLS=$rule FAIL_AFTER=$PWD/cut FAIL_LOG=$PWD/was-cut "$@"
}

# begin_all: the participants of this job, and the first program.
begin_all() {
    local name
    for name in $PARTICIPANTS; do with_failure "$name" "$rule" begin_participant "$name" "$name-file$([ "$name" = second ] || echo /)"; done
    # shellcheck disable=SC2086
    with_failure first "$rule" begin_first $PARTICIPANTS
}
# cut_at NAME CALL N HOW: whether there was an Nth call.
cut_at() {
    local CUT=$1 rule=$2:$3:$4 said restored name place=$1.$2.$3.$4.${PARTICIPANTS// /.}
    mkdir "$place"
    cd "$place" || exit
    ADDRESS=()
    begin_all
    for number in 1 2; do
        for name in first $PARTICIPANTS; do tell "$name" set $number state-$number; done
        tell first sync
    done
    for name in first $PARTICIPANTS; do tell "$name" set 3 state-3; done
    touch cut
    said=lost
    echo sync >&"${TO[first]}"
    ! IFS= read -r -t 30 ANSWER <&"${FROM[first]}" || said=$ANSWER
    rm cut
    for name in first $PARTICIPANTS; do finish "$name" KILL; done

    CUT=''
    begin_all
    tell first rollback
    restored=$ANSWER
    case $restored in 2 | 3) ;; *) fail "$rule of $1: rolled back to $restored" ;; esac
    for name in first $PARTICIPANTS; do shows "$name" "$restored state-$restored"; done
    case $said in
    "ok "*) [ "$restored" = 3 ] || fail "$rule of $1: it was said to be taken, and $restored was restored" ;;
    "error 115 "* | lost) ;; # in doubt (EINPROGRESS), or nobody was left to say anything
    *) [ "$restored" = 2 ] || fail "$rule of $1: it was said not to be taken ($said), and $restored was restored" ;;
    esac
    # Both states: what is not on disk is not said to be.
    case $rule:$said in fsync:1:EIO:ok*) fail "$rule of $1 was ignored" ;; esac
    tell first sync
    for name in first $PARTICIPANTS; do finish "$name"; done
    cd .. || exit
    [ -e "$place/was-cut" ] || return 1
    CUTS=$((CUTS + 1))
    [ "$restored" = 2 ] && FORMER=$((FORMER + 1)) || TAKEN=$((TAKEN + 1))
}

cut_all_of() {
    local name=$1 call calls n
    calls="send:ECONNRESET recv:ECONNRESET send:kill recv:kill"
    [ $name = first ] || calls="$calls pwrite:ENOSPC pwrite:kill fsync:EIO fsync:kill"
    for call in $calls; do
        for ((n = 1; n < 100; n++)); do cut_at $name "${call%:*}" $n "${call#*:}" || break; done
        [ $n -gt 1 ] || fail "$name made no $call"
    done
}
PARTICIPANTS="second third"
for one in first second third; do cut_all_of $one; done
# Where nobody else can promise anything.
PARTICIPANTS=second
for one in first second; do cut_all_of $one; done
echo "$CUTS cuts: the new one was restored after $TAKEN, the former one after $FORMER"
[ "$TAKEN" -gt 5 ] && [ "$FORMER" -gt 5 ] || fail "one of the two was hardly ever restored"
