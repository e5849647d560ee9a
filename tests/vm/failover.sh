#!/usr/bin/env bash
# time-limit: 600
# A process pair on two hosts, their pool on a third, all over RDMA: the primary's host loses its power, the backup takes over,
# and every transfer that clients were answered is there, once.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/guests.sh"
REGION=demo/bank
export TEST_TRANSPORT=verbs

pmem_host() {
    TEST_HOST=10.0.0.1 MANAGER_PORT=7471
    pmemckpt-ctl create-pool "$DAX_DEVICE" >/dev/null
    start_manager --pool "$DAX_DEVICE"
    process_pair archive --region $REGION --output archive 2>/vm/archive.log &
    started $!
    wait_for '[ -e archive ]' 60
    echo "the pmem host is ready"
    wait_for '[ -e /vm/members ]' 300
    process_pair load --server 10.0.0.2:9100 --server 10.0.0.3:9100 --answers answers --clients 4 --timeout-ms 3000 \
        --patience-s 120 >/vm/load.log 2>&1 &
    local load=$! status=0
    started $load
    wait_for '[ -e /vm/enough ]' 300
    kill -TERM $load
    wait $load || status=$?
    [ $status = 0 ] || fail "the clients ended with status $status: $(cat /vm/load.log)"
    process_pair audit --region $REGION --answers answers --archive archive --wait-s 60
}

member() {
    PMEMCKPT_SERVER=10.0.0.1 PMEMCKPT_PRINCIPAL=tester process_pair serve --region $REGION --name "guest$1" \
        --listen "10.0.0.$1:9100" --heartbeat-ms 6000 --seal-every 500 2>&1
}

case ${1:-} in
pmem_host | member)
    export PMEMCKPT_KEY_DIR=$KEYS
    "$@"
    exit
    ;;
esac

need_guests
KEYS=$TEST_DIRECTORY/keys
pmemckpt-ctl create-key tester >/dev/null
start_network
in_guest() { # N ARGUMENT ...
    local n=$1
    shift
    start_guest "$n" --rdma rxe --time-limit 500 --memory 1024 --env TEST_TRANSPORT=verbs --env KEYS="$KEYS" "$@"
}
in_guest 1 --devdax bash tests/vm/failover.sh pmem_host
wait_for_guest 1 "the pmem host is ready" 200
in_guest 2 bash tests/vm/failover.sh member 2
wait_for_guest 2 "serving at" 200
in_guest 3 bash tests/vm/failover.sh member 3
wait_for_guest 3 "standing by" 200
touch "$(guest_directory 1)/share/members"
wait_for 'grep -q "^first answer" "$(guest_directory 1)/share/load.log"' 120
sleep 5
cut_power 2
wait_for_guest 3 "serving at" 120
wait_for '[ "$(grep -c "^first answer" "$(guest_directory 1)/share/load.log")" -ge 2 ]' 120
sleep 5
touch "$(guest_directory 1)/share/enough"
expect_guest_status 1 0
guest_output 1 | tail -n 12
