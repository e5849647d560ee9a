#!/usr/bin/env bash
# time-limit: 180
# not over devices: it measures tables, and nothing is moved in it
# 100,000 generations over 1,000 regions: the manager opens them in less than 2 seconds, has less than 200 bytes of its own
# for each and 64 MiB besides, the scrub adds nothing to that, and one region's listing costs it what it costs where there is
# no other.
. "$(dirname "$0")/../support/environment.sh"
command -v jq >/dev/null || skip "jq is not installed"
REGIONS=1000 EACH=100
COUNT=$((REGIONS * EACH))
[ "${TIME_LIMIT_FACTOR:-1}" = 1 ] || SANITIZED=1 # or instrumented: time and memory are others'

# fill NAME REGIONS SIZE
fill() {
    pmemckpt-ctl create-pool "$1" --size "$3" --page-size 4K >/dev/null
    "$BUILD/tests/tools/fill_pool" "$1" "$2" $EACH
}
fill large $REGIONS 512M
fill small 1 16M

# manager NAME: its pid is in $MANAGER_PID. The scrub is off where time and memory are measured.
manager() {
    ADMIN_SOCKET=$TEST_DIRECTORY/$1.sock
    start_manager --pool "$TEST_DIRECTORY/$1" --scrub-bandwidth "${2:-0}"
}
ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"; }
own_kib() { awk '$1 == "RssAnon:" { print $2 }' "/proc/$1/status"; }
# listing PID REGION [LISTINGS]: microseconds of the manager's processor time
listing() { "$BUILD/tests/tools/list_generations" $EACH "$@"; }
LIMIT_KIB=$((200 * COUNT / 1024 + 64 * 1024))
check_memory() {
    echo "$1: $(own_kib "$LARGE") KiB of its own, and may have $LIMIT_KIB"
    [ -n "${SANITIZED:-}" ] || [ "$(own_kib "$LARGE")" -lt $LIMIT_KIB ] ||
        fail "$1, the manager has $(own_kib "$LARGE") KiB of its own"
}

manager large
LARGE=$MANAGER_PID LARGE_SERVER=$PMEMCKPT_SERVER
TICKS=$(ticks "$LARGE") PER_SECOND=$(getconf CLK_TCK)
echo "opened with $((TICKS * 1000 / PER_SECOND)) ms of processor time"
[ -n "${SANITIZED:-}" ] || [ "$TICKS" -lt $((2 * PER_SECOND)) ] || fail "$TICKS ticks to open"
check_memory "opened"
OPENED_KIB=$(own_kib "$LARGE")
listing "$LARGE" all >/dev/null || fail "not all generations are there"
check_memory "listed"

manager small
SMALL=$MANAGER_PID SMALL_SERVER=$PMEMCKPT_SERVER
# What each generation adds when a pool is opened, so that the limit holds for more of them as well; what a heap wastes
# is in it.
ADDS=$(((OPENED_KIB - $(own_kib "$SMALL")) * 1024 / (COUNT - EACH)))
echo "a generation takes $ADDS bytes"
[ -n "${SANITIZED:-}" ] || [ $ADDS -lt 250 ] || fail "each generation takes $ADDS bytes of the manager's own"

least() { [ "$1" -lt "$2" ] && echo "$1" || echo "$2"; }
IN_LARGE=1000000 IN_SMALL=1000000
for _ in 1 2 3 4 5; do
    IN_LARGE=$(least "$IN_LARGE" "$(PMEMCKPT_SERVER=$LARGE_SERVER listing "$LARGE" team/app0500 300)")
    IN_SMALL=$(least "$IN_SMALL" "$(PMEMCKPT_SERVER=$SMALL_SERVER listing "$SMALL" team/app0000 300)")
done
echo "a listing takes $IN_LARGE us among $REGIONS regions, and $IN_SMALL us alone"
[ "$IN_SMALL" -gt 0 ] || fail "a listing takes no time at all"
[ "$IN_LARGE" -lt $((2 * IN_SMALL)) ] || fail "one region's listing takes longer with others beside it"

# A pass of the scrub over all of it.
MANAGER_PID=$LARGE
stop_manager
manager large 1T
LARGE=$MANAGER_PID
scrubbed() { pmemckpt-ctl status --json --admin-socket "$ADMIN_SOCKET" | jq ".scrub.last_pass.generations // 0"; }
wait_for "[ \"\$(scrubbed)\" = $COUNT ]" $((6 * WAIT_LIMIT_S))
check_memory "scrubbed"
