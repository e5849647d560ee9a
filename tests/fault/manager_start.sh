#!/usr/bin/env bash
# time-limit: 600
# not over devices: the calls that fail in it are those of TCP sockets
# Each system call of a manager that starts fails once, the Nth, N = 1, 2, ...: it ends with a sentence and a documented
# status, or serves; the pool is as it was.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/faults.sh"
make_pool 32M
start_manager
head -c 300000 /dev/urandom >state
pmemckpt-ctl save team/app state --create >/dev/null
stop_manager

# start_with CALL N HOW: its exit status is in STATUS, "serves" when it had to be told to stop
start_with() {
    local pid server
    rm -f addresses "$INJECTED"
    LD_PRELOAD=$FAILING_CALLS FAIL_CALLS="$1:$2:$3" FAIL_LOG=$INJECTED pmemckptd --listen 127.0.0.1:0 \
        --address-file "$PWD/addresses" --admin-socket "$PWD/faulty.sock" --pool "$PWD/pool" >error 2>&1 &
    pid=$!
    started $pid
    wait_for '[ -s addresses ] || ! running '$pid
    STATUS=0
    server=$(head -n 1 addresses 2>/dev/null) || server=
    if [ -n "$server" ]; then
        PMEMCKPT_SERVER=$server timeout 20 pmemckpt-ctl restore team/app >back 2>client || STATUS=$?
        [ $STATUS != 0 ] || cmp back state || fail "$1 $2 $3: it serves something else"
        kill -TERM $pid 2>/dev/null || true
    fi
    wait $pid && STATUS=serves || STATUS=$?
}

for rule in open:EMFILE open:EACCES read:EIO read:short write:EIO mmap:ENOMEM msync:EIO msync:ENOSPC fallocate:EIO \
    fallocate:ENOSPC socket:EMFILE socket:ENFILE listen:EIO epoll_create1:EMFILE epoll_ctl:ENOMEM eventfd:EMFILE signalfd:EMFILE \
    pthread_create:EAGAIN malloc:ENOMEM epoll_wait:EINTR poll:EINTR; do
    call=${rule%:*} how=${rule#*:}
    for ((n = 1; ; n = $(after $n))); do
        start_with "$call" $n "$how"
        was_injected || break
        [ "$STATUS" = serves ] || ended_well "$STATUS" pmemckptd error "$call failing at call $n ($how)"
        [ "$STATUS" = serves ] || is_no_fault "$how" "$STATUS" "$call failing at call $n ($how)"
        [ "$STATUS" = serves ] && count "$rule" 0 || count "$rule" 1
    done
    [ -z "$(damage_in pool)" ] || fail "$rule: $(damage_in pool)"
done
print_table "pmemckptd starts"
start_manager
pmemckpt-ctl restore team/app --exact | cmp - state || fail "it is not what it was"
