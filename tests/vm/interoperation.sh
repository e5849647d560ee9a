#!/usr/bin/env bash
# time-limit: 600
# iWARP in user space and an iWARP device (the kernel's siw) speak one protocol: rdmacm-utils' rping, unmodified, on siw against
# the engine in either role, 1,000 rounds, each compared; and generations moved between a client on siw and a manager that has
# no device, and the other way round.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/guests.sh"
ROUNDS=1000

pings() {
    local tool=$BUILD/tests/tools/rping_peer ours
    "$tool" server iwarp "$VM_ADDRESS:9000" $ROUNDS >served &
    ours=$!
    wait_for 'grep -q listening served'
    rping -c -a "$VM_ADDRESS" -p 9000 -C $ROUNDS -V -v >pinged || fail "rping as the client: $?"
    wait $ours || fail "the engine, served: $(cat served)"
    [ "$(grep -c '^ping data' pinged)" = $ROUNDS ] || fail "rping compared $(grep -c '^ping data' pinged) rounds"
    echo "rping on siw, the engine responds: $(tail -n 1 served)"

    rping -s -a "$VM_ADDRESS" -p 9001 -C $ROUNDS -V >/dev/null &
    ours=$!
    sleep 1
    "$tool" client iwarp "$VM_ADDRESS:9001" $ROUNDS >pinged || fail "the engine as the client"
    wait $ours || fail "rping as the server: $?"
    echo "rping on siw responds: $(tail -n 1 pinged)"
}

# generations MANAGER'S-TRANSPORT CLIENT'S
generations() {
    export PMEMCKPT_TRANSPORT=$1
    start_manager
    export PMEMCKPT_TRANSPORT=$2
    head -c 9000001 /dev/urandom >state
    pmemckpt-ctl save "team/$1" state --create
    pmemckpt-ctl restore "team/$1" >restored
    cmp restored state
    seq 300 | pmemckpt-ctl append "team/$1" --lines >/dev/null
    pmemckpt-ctl read-log "team/$1" >log
    seq 300 | cmp - log
    mkdir -p "$CKPT"
    mount.pmemckpt "$PMEMCKPT_SERVER:/" "$CKPT" -o "transport=$2"
    cmp "$CKPT/team/$1" state
    unmount_ckpt
    stop_manager
    echo "a client over $2 and a manager over $1 agree"
}

if [ "${1:-}" = in-the-guest ]; then
    TEST_HOST=$VM_ADDRESS
    pings
    generations iwarp verbs
    generations verbs iwarp
    exit
fi

need_guests
run_guest 0 --rdma siw --time-limit 500 bash tests/vm/interoperation.sh in-the-guest
echo "$OUTPUT"
