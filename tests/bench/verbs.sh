#!/usr/bin/env bash
# What the verbs engine costs, in a guest on rxe: bandwidth of 1 MiB writes against perftest's ib_write_bw, and a durable 8-byte
# write (write, and a read behind it) against raw verbs, all in one run; only the ratios mean anything. Run by `make bench-vm`.
# ROUNDS=N of each, TURNS=N of the two in a round of bandwidth.
set -eu
cd "$(dirname "$0")/../.."
: "${BUILD:=build}" "${ROUNDS:=3}" "${TURNS:=5}"
[ "${BUILD#/}" != "$BUILD" ] || BUILD=$PWD/$BUILD
export BUILD

# MB/s over 4 s, after one to warm up.
perftest() {
    ib_write_bw -d "$RDMA_DEVICE" -R -s 1048576 -t 16 -D 6 -f 1 >/dev/null 2>&1 &
    sleep 1
    ib_write_bw -d "$RDMA_DEVICE" -R -s 1048576 -t 16 -D 6 -f 1 --report_gbits "$VM_ADDRESS" | awk '$1 == 1048576 {print $4 * 125}'
    wait
}
ratio() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f", a / b}'; }
median() { sort -g | awk '{all[NR] = $1} END {print all[int((NR + 1) / 2)]}'; }

# The two take turns, so that both see the same of a machine that is now quick, now slow.
bandwidth() {
    local turn value theirs=() ours=()
    for ((turn = 0; turn < TURNS; turn++)); do
        value=$(perftest)
        theirs+=("$value")
        value=$("$BUILD/tests/bench/durable_write" "$VM_ADDRESS" bandwidth)
        ours+=("$value")
    done
    printf 'writes of 1 MiB, MB/s, in turns: engine %s; ib_write_bw %s\n' "${ours[*]}" "${theirs[*]}"
    local engine perftest
    engine=$(printf '%s\n' "${ours[@]}" | median)
    perftest=$(printf '%s\n' "${theirs[@]}" | median)
    printf 'writes of 1 MiB: engine %s MB/s, ib_write_bw %s MB/s, ratio %s\n' "$engine" "$perftest" "$(ratio "$engine" "$perftest")"
}

latency() {
    local ours
    ours=$("$BUILD/tests/bench/durable_write" "$VM_ADDRESS" latency)
    get() { sed -n "s/^$1 //p" <<<"$ours"; }
    printf 'durable 8 bytes: engine %s us, raw verbs %s us, ratio %s\n' "$(get engine_us)" "$(get raw_us)" \
        "$(ratio "$(get engine_us)" "$(get raw_us)")"
}

in_guest() {
    local round
    for ((round = 0; round < ROUNDS; round++)); do
        bandwidth
        latency
    done
}

[ "${1:-}" != in-guest ] || { in_guest && exit; }
exec tests/vm/run --rdma rxe --time-limit 900 --env ROUNDS="$ROUNDS" --env TURNS="$TURNS" bash tests/bench/verbs.sh in-guest
