#!/usr/bin/env bash
# time-limit: 600
# not over devices: files of a service go over TCP
# Each call of remote-cp, and of the service that it copies to or from, fails once, the Nth, N = 1, 2, ...; the service is
# killed at each of its own, too. Whatever it was: under the name is the old file or the new one, whole; the new one when it
# was said to be copied; and a draft is left only where it is said that one may be.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/faults.sh"
. "$PROJECT/tests/support/sync.sh"
umask 022
mkdir served here
head -c 2500000 /dev/urandom >new
head -c 1200000 /dev/urandom >old

# copy_to, copy_from: under a rule, when there is one; the exit status is in $STATUS
copy_to() { copy new ":name"; }
copy_from() { copy :source here/name; }
copy() {
    STATUS=0
    with_fault "${CLIENT_RULE:-}" pmemckpt-ctl remote-cp "$AT" "$@" >said 2>error </dev/null || STATUS=$?
}
set_up() { # as it is before a copy
    cp old served/name
    cp new served/source
    cp old here/name
}

# is_whole FILE WHAT
is_whole() {
    if [ "$STATUS" = 0 ]; then
        cmp -s "$1" new || fail "$2: it was said to be copied, and is not"
    else
        cmp -s "$1" new || cmp -s "$1" old || fail "$2: neither the old file nor the new one is there"
    fi
}
drafts_are_told() {
    local left
    left=$(find served here -name '*.part')
    case $1 in *malloc*) ;; *) # without memory it ends at once
        [ -z "$left" ] || grep -q "may be left at" error || fail "$1: $left is left, and nobody says so: $(cat error)" ;;
    esac
    [ -z "$left" ] || rm "$left"
}
judge() {
    case $1 in copy_to) is_whole served/name "$2" ;; *) is_whole here/name "$2" ;; esac
    drafts_are_told "$2"
}

sweep_client() {
    local rule call how n
    for rule in open:EMFILE read:EIO read:EINTR read:short write:ENOSPC write:short send:ECONNRESET send:short recv:ECONNRESET \
        recv:EINTR recv:short socket:EMFILE setsockopt:ENOBUFS malloc:ENOMEM poll:EINTR fsync:EIO fallocate:ENOSPC; do
        call=${rule%:*} how=${rule#*:}
        for ((n = 1; ; n = $(after $n))); do
            set_up
            CLIENT_RULE=$call:$n:$how
            "$1"
            was_injected || break
            ended_well $STATUS pmemckpt-ctl error "$1 with $call failing at call $n ($how)"
            is_no_fault "$how" $STATUS "$1 with $call failing at call $n ($how)"
            judge "$1" "$1, $call $n $how"
            count "$rule" $STATUS
        done
    done
    CLIENT_RULE=
    # It is brought to disk, and its name is.
    [ "$1" = copy_to ] || [ "${FAILED[fsync:EIO]:-0}" = 2 ] || fail "$1: ${FAILED[fsync:EIO]:-0} flushes, not 2"
    print_table "$1, its own calls"
}

sweep_service() {
    local rule call how n flushed=''
    for rule in send:ECONNRESET send:kill recv:ECONNRESET recv:kill pwrite:ENOSPC pwrite:kill fsync:EIO fsync:kill; do
        call=${rule%:*} how=${rule#*:}
        for ((n = 1; ; n++)); do
            set_up
            rm -f cut was-cut
            LD_PRELOAD=$FAILING_CALLS FAIL_CALLS=$call:$n:$how FAIL_AFTER=$PWD/cut FAIL_LOG=$PWD/was-cut begin_filed files served
            touch cut
            "$1"
            end_filed files KILL 2>/dev/null || true
            [ -s was-cut ] || break
            ended_well $STATUS pmemckpt-ctl error "$1 with the service's $call failing at call $n ($how)"
            judge "$1" "$1, the service's $call $n $how"
            ! grep -q "can't bring a file to disk" error || flushed=yes
            count "$rule" $STATUS
        done
    done
    [ "$1" = copy_from ] || [ -n "$flushed" ] || fail "$1: the service was never asked to bring it to disk"
    print_table "$1, calls of the service"
}

begin_filed files served
AT=${ADDRESS[files]}
for direction in copy_to copy_from; do sweep_client $direction; done
running "${PID[files]}" || fail "the service has ended"
end_filed files
for direction in copy_to copy_from; do sweep_service $direction; done
