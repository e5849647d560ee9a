#!/usr/bin/env bash
# Where no RDMA device listens is refused at the start, and where nobody listens on TCP the client is told what may be so.
. "$(dirname "$0")/../support/environment.sh"
make_pool
export PMEMCKPT_PRINCIPAL=tester
serve() { pmemckptd --pool "$TEST_DIRECTORY/pool" --admin-socket "$ADMIN_SOCKET" "$@"; }

if [ -z "${TEST_DEVICE:-}" ] && [ ! -e /sys/class/infiniband ]; then
    expect_status 3 serve --transport verbs --listen 127.0.0.1:0
    contains "$OUTPUT" "there is no RDMA device here; use iwarp, or auto"
elif [ -n "${TEST_DEVICE:-}" ]; then
    # The kernel's connection manager takes 127.0.0.1 for any address: then everybody would be let in.
    for host in 127.0.0.1 localhost '[::1]'; do
        expect_status 6 serve --transport verbs --listen "$host:7000"
        contains "$OUTPUT" "$host:7000 is no address of an RDMA device"
        [ "$TEST_DEVICE" != rxe ] || contains "$OUTPUT" "listen on one of $TEST_HOST (rxe0)"
    done
    serve --transport auto --listen 127.0.0.1:0 2>"$TEST_DIRECTORY/manager.log" &
    started $!
    wait_for 'grep -q "listening on" "$TEST_DIRECTORY/manager.log"'
    contains "$(cat "$TEST_DIRECTORY/manager.log")" "transport iwarp: 127.0.0.1:0 is no address of an RDMA device"
fi

expect_status 6 pmemckpt-ctl list --transport iwarp --server 127.0.0.1:1
contains "$OUTPUT" "127.0.0.1:1: Connection refused (a manager with --transport verbs does not listen on TCP)"
