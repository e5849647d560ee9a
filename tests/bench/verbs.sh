#!/usr/bin/env bash
# What the verbs engine costs, in a guest on rxe: bandwidth of 1 MiB writes against perftest's ib_write_bw, and a durable 8-byte
# write (write, and a read behind it) against raw verbs, all in one run; only the ratios mean anything. Run by `make bench-vm`.
# ROUNDS=N of each.
set -eu
cd "$(dirname "$0")/../.."
: "${BUILD:=build}" "${ROUNDS:=3}"
[ "${BUILD#/}" != "$BUILD" ] || BUILD=$PWD/$BUILD
export BUILD

perftest() {
    ib_write_bw -d "$RDMA_DEVICE" -R -s 1048576 -t 16 -D 6 >/dev/null 2>&1 &
    sleep 1
    ib_write_bw -d "$RDMA_DEVICE" -R -s 1048576 -t 16 -D 6 --report_gbits "$VM_ADDRESS" | awk '$1 == 1048576 {print $4 * 125}'
    wait
}
ratio() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f", a / b}'; }

in_guest() {
    local round theirs ours
    for ((round = 0; round < ROUNDS; round++)); do
        theirs=$(perftest)
        ours=$("$BUILD/tests/bench/durable_write" "$VM_ADDRESS")
        get() { sed -n "s/^$1 //p" <<<"$ours"; }
        printf 'writes of 1 MiB: engine %s MB/s, ib_write_bw %s MB/s, ratio %s\n' "$(get bandwidth_mb_s)" "$theirs" \
            "$(ratio "$(get bandwidth_mb_s)" "$theirs")"
        printf 'durable 8 bytes: engine %s us, raw verbs %s us, ratio %s\n' "$(get engine_us)" "$(get raw_us)" \
            "$(ratio "$(get engine_us)" "$(get raw_us)")"
    done
}

[ "${1:-}" != in-guest ] || { in_guest && exit; }
exec tests/vm/run --rdma rxe --time-limit 600 --env ROUNDS="$ROUNDS" bash tests/bench/verbs.sh in-guest
