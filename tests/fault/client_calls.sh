#!/usr/bin/env bash
# time-limit: 600
# not over devices: the calls that fail in it are those of TCP sockets
# Each system call of pmemckpt-ctl fails once, the Nth, N = 1, 2, ...: it ends with a sentence and a documented status,
# or does its work; what it said that it saved is there; the manager goes on, and no page is lost.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/faults.sh"
make_pool 32M
start_manager
CALLS=(open:EMFILE read:EIO read:EINTR read:short write:ENOSPC write:short sendmsg:ECONNRESET sendmsg:EINTR sendmsg:short
    recvmsg:ECONNRESET recvmsg:EINTR recvmsg:short socket:EMFILE setsockopt:ENOBUFS epoll_create1:EMFILE epoll_ctl:ENOMEM
    epoll_wait:EINTR eventfd:EMFILE pthread_create:EAGAIN mmap:ENOMEM malloc:ENOMEM poll:EINTR fsync:EIO)

free_pages() { pmemckpt-ctl list --pools --json | jq '.[0].free_pages'; }
numbers() { pmemckpt-ctl list "$1" --json | jq -c '[.[].number]'; }
records() { pmemckpt-ctl list --json | jq --arg name "$1" '.[] | select(.name == $name) | .log.records // 0'; }

# sweep NAME judge verify command...: with each call's failure; judge gets the exit status, verify looks at what is there
sweep() {
    local name=$1 judge=$2 verify=$3 rule call how n status
    shift 3
    for rule in "${CALLS[@]}"; do
        call=${rule%:*} how=${rule#*:}
        for ((n = 1; ; n = $(after $n))); do
            status=0
            with_fault "$call:$n:$how" "$@" <"${INPUT:-/dev/null}" >said 2>error || status=$?
            was_injected || break
            ended_well $status pmemckpt-ctl error "$name with $call failing at call $n ($how)"
            is_no_fault "$how" $status "$name with $call failing at call $n ($how)"
            "$judge" $status "$name, $call $n $how"
            count "$rule" $status
        done
        "$verify" "$name, $rule"
    done
    print_table "$name"
}
nothing() { :; }

head -c 300000 /dev/urandom >state
pmemckpt-ctl create-region team/app --keep 2 >/dev/null
pmemckpt-ctl save team/app state >/dev/null
pmemckpt-ctl save team/app state >/dev/null
FREE=$(free_pages)

# What was said to be saved is there. A save that failed may be, too: the answer was lost, or came to be of no interest.
PROMISED=2
saved() { [ "$1" != 0 ] || PROMISED=$(sed -n 's|^team/app@\([0-9]*\) .*|\1|p' said); }
all_saved() {
    [ "$(jq '.[-1]' <<<"$(numbers team/app)")" -ge "$PROMISED" ] || fail "$1: generation $PROMISED was promised"
    pmemckpt-ctl restore team/app --exact | cmp - state || fail "$1: it is not what it was"
}
sweep "pmemckpt-ctl save" saved all_saved pmemckpt-ctl save team/app state
wait_for '[ "$(free_pages)" = "$FREE" ]'

restored() { [ "$1" != 0 ] || cmp -s said state || fail "$2: not what was saved, with exit status 0"; }
sweep "pmemckpt-ctl restore" restored nothing pmemckpt-ctl restore team/app

APPENDED=0 ATTEMPTS=0
printf 'a record' >record
pmemckpt-ctl create-region log/app >/dev/null
appended() {
    ATTEMPTS=$((ATTEMPTS + 1))
    [ "$1" != 0 ] || APPENDED=$((APPENDED + 1))
}
all_appended() {
    local now
    now=$(records log/app)
    [ "$now" -ge "$APPENDED" ] || fail "$1: $APPENDED records were promised, and $now are there"
}
INPUT=record
sweep "pmemckpt-ctl append" appended all_appended pmemckpt-ctl append log/app
INPUT=
[ "$(pmemckpt-ctl read-log log/app | sed "s/a record//g")" = "" ] || fail "records that nobody appended"
[ "$(records log/app)" -le $((ATTEMPTS + ${#CALLS[@]})) ] || fail "records that nobody appended"
CALLS=(sendmsg:ECONNRESET recvmsg:ECONNRESET recvmsg:short pthread_create:EAGAIN malloc:ENOMEM)
sweep "pmemckpt-ctl take-over" nothing nothing pmemckpt-ctl take-over team/app
sweep "pmemckpt-ctl list" nothing nothing pmemckpt-ctl list --json

pmemckpt-ctl restore team/app --exact | cmp - state || fail "the newest generation"
wait_for '[ "$(pmemckpt-ctl list --pools --json | jq ".[0].drafts // 0")" = 0 ]'
pmemckpt-ctl destroy-region log/app --force >/dev/null
wait_for '[ "$(free_pages)" = "$FREE" ]'
running "$MANAGER_PID" || fail "the manager has ended"
stop_manager
[ "$MANAGER_STATUS" = 0 ] || fail "the manager's exit status is $MANAGER_STATUS"
[ -z "$(damage_in pool)" ] || fail "$(damage_in pool)"
