#!/usr/bin/env bash
# time-limit: 400
# RDMA FLUSH, in a guest with the newer userland and kernel: the engine's own test, through windows on devdax; then a log
# over it, by a client and a manager, which say that its method is flush, that is fenced, and that outlives a reset of the guest.
# Where the platform does not say that a flush is enough, none is asked for.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/guests.sh"
. "$PROJECT/tests/support/pair.sh"

method_of_append() { seq "$1" | pmemckpt-ctl append team/app --lines --json | jq -r .durability; }

append_and_flush() {
    pmemckpt-ctl create-pool "$DAX_DEVICE"
    start_manager --pool "$DAX_DEVICE"
    pmemckpt-ctl create-region team/app
    local method
    method=$(method_of_append 3000)
    [ "$method" = flush ] || fail "the log's method is $method"
    head -c 3000000 /dev/urandom >blob # more than one segment of the log has
    pmemckpt-ctl append team/app <blob >/dev/null
    { seq 3000 && cat blob; } >whole
    pmemckpt-ctl read-log team/app | cmp - whole

    mkfifo lines
    pmemckpt-ctl append team/app --lines <lines >appended 2>&1 &
    local primary=$! status=0
    exec 5>lines
    echo "in time" >&5
    wait_for '[ "$(records team/app)" = 3002 ]' 60
    pmemckpt-ctl take-over team/app
    echo "too late" >&5
    exec 5>&-
    wait $primary || status=$?
    [ $status = 8 ] || fail "who was fenced ended with status $status: $(cat appended)"

    # What the administrator wants comes first.
    stop_manager
    echo 'durability = "gpspm"' >>config
    start_manager --config config --pool "$DAX_DEVICE"
    [ "$(method_of_append 1)" = gpspm ] || fail "the administrator's method is not taken"
    # Nobody flushes to a plain file.
    stop_manager
    pmemckpt-ctl create-pool plain --size 64M >/dev/null
    start_manager --pool plain
    pmemckpt-ctl create-region team/app
    [ "$(method_of_append 1)" = page ] || fail "a plain file is flushed to"
    sync -f /vm
    echo "all of it is there"
    sleep 1000 # till the reset
}

flush_is_not_enough() {
    pmemckpt-ctl create-pool "$DAX_DEVICE" --force
    start_manager --pool "$DAX_DEVICE"
    pmemckpt-ctl create-region team/app
    [ "$(method_of_append 1)" = gpspm ] || fail "a flush is believed where the platform promises nothing"
}

find_it_again() {
    pmemckpt-ctl check "$DAX_DEVICE"
    start_manager --pool "$DAX_DEVICE"
    [ "$(records team/app)" = 3003 ] || fail "$(records team/app) records are there"
    pmemckpt-ctl read-log team/app | head -n 3000 | cmp - <(seq 3000)
}

case ${1:-} in
engine)
    "$BUILD/tests/unit/engine_flush_test" 2>&1
    exit
    ;;
append_and_flush | find_it_again | flush_is_not_enough)
    export PMEMCKPT_KEY_DIR=/vm/keys
    "$1"
    exit
    ;;
esac

need_guests
in_guest() { # STEP [options]
    start_guest 1 "${@:2}" --rdma rxe --devdax --time-limit 240 --env TEST_TRANSPORT=verbs --env TEST_HOST=10.0.0.1 bash tests/trixie/flush.sh "$1"
}
in_guest engine
expect_guest_status 1 0
OUTPUT=$(guest_output 1)
[ "$(grep -c '^\[       OK \]' <<<"$OUTPUT")" = 5 ] || fail "$OUTPUT"
in_guest append_and_flush --persistence mem-ctrl
wait_for_guest 1 "all of it is there" 240
reset_guest 1
in_guest find_it_again --persistence mem-ctrl
expect_guest_status 1 0
in_guest flush_is_not_enough
expect_guest_status 1 0
