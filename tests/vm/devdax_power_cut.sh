#!/usr/bin/env bash
# time-limit: 1800
# A guest that serves a pool on an NVDIMM, and saves to it over an RDMA device, is cut off in the middle of saves, and started
# anew with the same NVDIMM: every generation that was reported is there and verifies; then it goes on. What no emulated NVDIMM
# shows is a missing flush: the host keeps what caches would have lost, so tests/crash looks for those.
# ROUNDS=N: so many cuts.
. "$(dirname "$0")/../support/environment.sh"
KEPT=12
: "${ROUNDS:=2}"

# The power goes while this runs. /vm/reported has a line for each generation that a save has answered with.
save() {
    if [ -d /vm/keys ]; then
        verify
    else
        pmemckpt-ctl create-pool "$DAX_DEVICE"
        start_manager --pool "$DAX_DEVICE"
    fi
    for ((i = 0; i < 1000000; i++)); do
        head -c $((300000 + RANDOM * 60)) /dev/urandom >state
        pmemckpt-ctl save team/app state --create --keep $KEPT --json >sealed
        jq -r '"\(.number) \(.crc32c)"' sealed >>/vm/reported
        touch /vm/ready
    done
}

verify() {
    # A record that was being written is a finding, and no damage.
    pmemckpt-ctl check "$DAX_DEVICE" >checked || ! grep '^damage: ' checked || fail "the pool is damaged"
    grep -q 'generations *\([0-9]*\) of \1 verify' checked || fail "$(cat checked)"
    start_manager --pool "$DAX_DEVICE"
    [ -s /vm/reported ] || return 0
    pmemckpt-ctl list team/app --json | jq -r '.[] | "\(.number) \(.crc32c)"' >kept
    # Retention has dropped all but the last ones; among those are some that nobody was told of.
    local number crc newest last
    last=$(tail -n 1 /vm/reported | cut -d ' ' -f 1)
    newest=$(tail -n 1 kept | cut -d ' ' -f 1)
    while read -r number crc; do
        [ "$number" -le $((newest - KEPT)) ] || grep -qx "$number $crc" kept ||
            fail "generation $number was reported, and is not there: $(cat kept)"
    done </vm/reported
    [ "$last" -le "$newest" ] || fail "generation $last was reported last, and the newest is $newest"
    pmemckpt-ctl restore team/app --exact >restored
}

case ${1:-} in
save | verify)
    command -v jq >/dev/null || skip "jq is not installed"
    export PMEMCKPT_KEY_DIR=/vm/keys
    "$1"
    exit
    ;;
esac

PLACE=$TEST_DIRECTORY/guest
RANDOM=${SEED:-1}
guest() {
    (cd "$PROJECT" && exec tests/vm/run --rdma rxe --devdax --nvdimm "$PLACE/nvdimm" --directory "$PLACE" --time-limit 400 \
        --env TEST_TRANSPORT=verbs --env TEST_HOST=10.0.0.1 bash tests/vm/devdax_power_cut.sh "$1")
}

mkdir -p "$PLACE"
for ((round = 1; round <= ROUNDS; round++)); do
    rm -f "$PLACE/share/ready"
    guest save >output 2>&1 &
    RUN=$!
    started $RUN
    wait_for '[ -e "$PLACE/share/ready" ] || ! running "$RUN"' 390
    if running "$RUN"; then
        sleep "$((1 + RANDOM % 5)).$((RANDOM % 10))"
        kill -KILL "$(cat "$PLACE/pid")"
    fi
    STATUS=0
    wait "$RUN" || STATUS=$?
    [ "$STATUS" != 77 ] || skip "$(tail -n 1 output)"
    [ "$STATUS" = 137 ] || fail "guest $round, which looks what is there and saves, ended with $STATUS: $(tail -n 20 output)"
    echo "cut $round: $(wc -l <"$PLACE/share/reported") generations were reported till then"
done
guest verify || fail "after cut $ROUNDS"
echo "none was lost"
