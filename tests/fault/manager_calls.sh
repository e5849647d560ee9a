#!/usr/bin/env bash
# time-limit: 600
# not over devices: the calls that fail in it are those of TCP sockets
# Each system call of a serving manager fails on the Nth time while somebody saves, appends, takes over and restores:
# the client is told in a sentence or gets what it wants; the manager serves on or ends with a sentence; and whatever it
# was, the next manager has all that was promised, and check finds no damage.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/faults.sh"
make_pool 32M
start_manager
head -c 300000 /dev/urandom >state
pmemckpt-ctl save team/app state --create --keep 2 >/dev/null
pmemckpt-ctl save team/app state >/dev/null
pmemckpt-ctl create-region log/app >/dev/null
printf 'a record\n' >record
stop_manager
PROMISED=2 APPENDED=0

# Calls fail from when the file `now` is there: what a start needs goes well.
start_faulty() {
    rm -f now "$INJECTED"
    LD_PRELOAD=$FAILING_CALLS FAIL_CALLS=$1 FAIL_LOG=$INJECTED FAIL_AFTER=$PWD/now start_manager
}

# told STATUS WHAT: by the client
told() { ended_well "$1" pmemckpt-ctl error "$2"; }

# use WHAT: saves, appends, takes over and restores; all of it ends, and what is said to be done is remembered
use() {
    local status=0
    timeout 30 pmemckpt-ctl save team/app state >said 2>error || status=$?
    told $status "save with $1"
    [ $status != 0 ] || PROMISED=$(sed -n 's|^team/app@\([0-9]*\) .*|\1|p' said)
    ANSWERS=$status
    status=0
    timeout 30 pmemckpt-ctl append log/app <record >said 2>error || status=$?
    told $status "append with $1"
    [ $status != 0 ] || APPENDED=$((APPENDED + 1))
    ANSWERS+=$status
    status=0
    timeout 30 pmemckpt-ctl restore team/app >back 2>error || status=$?
    told $status "restore with $1"
    [ $status != 0 ] || cmp back state || fail "restore with $1: not what was saved"
    ANSWERS+=$status
}

# settled WHAT: the manager is as it should be, then ends; by a signal of its own never
settled() {
    local free=
    if running "$MANAGER_PID"; then
        free=$(timeout 20 pmemckpt-ctl list --pools --json 2>/dev/null | jq '.[0].free_pages') || free=
        kill -TERM "$MANAGER_PID" 2>/dev/null || true
    fi
    MANAGER_STATUS=0
    wait "$MANAGER_PID" || MANAGER_STATUS=$?
    [ "$MANAGER_STATUS" -lt 10 ] || fail "$1: the manager's exit status is $MANAGER_STATUS"
    [ "$MANAGER_STATUS" = 0 ] || is_sentence pmemckptd manager.log || fail "$1: the manager ended without a sentence"
}

# promises_kept WHAT: by the next manager
promises_kept() {
    [ -z "$(damage_in pool)" ] || fail "$1: $(damage_in pool)"
    local counted
    counted=$(pmemckpt-ctl check pool --json | jq .free_pages) || true
    rm -f now
    start_manager
    [ "$(pmemckpt-ctl list team/app --json | jq '.[-1].number')" -ge "$PROMISED" ] || fail "$1: $PROMISED is lost"
    pmemckpt-ctl restore team/app --exact | cmp - state || fail "$1: it is not what it was"
    [ "$(pmemckpt-ctl read-log log/app | grep -c 'a record')" -ge "$APPENDED" ] || fail "$1: a record is lost"
    local free
    free=$(pmemckpt-ctl list --pools --json | jq '.[0].free_pages')
    [ "$free" = "$counted" ] || fail "$1: check counts $counted free pages, and the manager has $free"
    stop_manager
}

for rule in msync:EIO msync:ENOSPC fallocate:ENOSPC fallocate:EIO fallocate:EOPNOTSUPP recvmsg:ECONNRESET recvmsg:short \
    recvmsg:EINTR sendmsg:ECONNRESET sendmsg:short sendmsg:ENOBUFS sendmsg:EINTR accept4:EMFILE accept4:ECONNABORTED \
    accept4:EPERM epoll_ctl:ENOMEM epoll_wait:EINTR pthread_create:EAGAIN mmap:ENOMEM malloc:ENOMEM setsockopt:ENOBUFS; do
    call=${rule%:*} how=${rule#*:}
    for ((n = 1; ; n = $(after $n))); do
        start_faulty "$call:$n:$how"
        touch now
        use "$call failing at call $n ($how)"
        settled "$call failing at call $n ($how)"
        was_injected || break
        [ "$ANSWERS" = 000 ] && count "$rule" 0 || count "$rule" 1
        is_no_fault "$how" "$ANSWERS" "$call failing at call $n"
    done
    promises_kept "$rule"
done
print_table "pmemckptd serves"
