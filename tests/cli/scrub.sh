#!/usr/bin/env bash
# time-limit: 180
# The scrub finds a byte that has changed on the disk: a warning, once, and a line of status until the generation is
# gone. It keeps to its bandwidth, is off when it is off, and holds up no end of the manager.
. "$(dirname "$0")/../support/environment.sh"
command -v jq >/dev/null || skip "jq is not installed"
scrub() { pmemckpt-ctl status --json --admin-socket "$ADMIN_SOCKET" | jq -r ".scrub | $1"; }
holds() { [ "$(scrub "$1")" = true ] || fail "not so: $1 of $(scrub .)"; }
passes() { wait_for "[ \"\$(scrub .passes)\" -ge $1 ]" $((6 * WAIT_LIMIT_S)); }
configure() { # SCRUB SETTINGS
    printf '[[pool]]\npath = "%s"\n[scrub]\n%b' "$PWD/pool" "$1" >new.toml
    mv new.toml manager.toml
}
# restart [OPTIONS]: with a log that begins anew
restart() {
    stop_manager
    [ "$MANAGER_STATUS" = 0 ] || fail "exit status $MANAGER_STATUS"
    rm -f manager.log
    start_manager "$@"
}

make_pool
start_manager --scrub-bandwidth 0
for i in 1 2 3; do
    { head -c 1000000 /dev/urandom && echo "marker of generation $i" && head -c 1000000 /dev/urandom; } >state.$i
    pmemckpt-ctl save team/app state.$i --create --keep 3 >/dev/null
done
pmemckpt-ctl save other/app state.1 --create >/dev/null
holds '.bandwidth == 0 and .passes == 0 and .pass == null and .total.bytes == 0 and .next_pass_s == null'
contains "$(pmemckpt-ctl status --admin-socket "$ADMIN_SOCKET")" "scrub: off"

# All is well: nothing is said, and status has its counts.
restart --scrub-rest 1
passes 2
holds '.findings == [] and .further_findings == 0 and .last_pass.generations == 4 and .last_pass.damaged == 0'
holds '.last_pass.bytes == 4 * 2000023 and .last_pass.kept_bytes == .last_pass.bytes'
holds '.last_pass.ended_ns >= .last_pass.began_ns and .total.bytes >= 2 * .last_pass.bytes'
grep -q scrub manager.log && fail "it says: $(grep scrub manager.log)"

# A changed byte: told once however many passes find it, and by name.
stop_manager
OFFSET=$(grep -abo "marker of generation 2" pool | cut -d: -f1)
[ "$(wc -l <<<"$OFFSET")" = 1 ] || fail "generation 2 lies at: $OFFSET"
printf M | dd of=pool bs=1 seek="$OFFSET" conv=notrunc status=none
rm -f manager.log
SINCE_NS=$(date +%s%N)
start_manager --scrub-rest 1
passes 3
[ "$(grep -c "is damaged" manager.log)" = 1 ] || fail "not told once: $(cat manager.log)"
SEALED=$(pmemckpt-ctl list team/app --json | jq -r '.[1].crc32c')
FOUND=$(scrub '.findings[0].found_crc32c')
contains "$(cat manager.log)" "pool pool, region team/app: generation 2 is damaged: its 2000023 bytes have CRC-32C $FOUND, and $SEALED was sealed"
contains "$(cat manager.log)" "pmemckpt-ctl check"
grep -q "pass [0-9]* is over: 4 generations, 7.6 MiB read, 1 damaged" manager.log || fail "$(cat manager.log)"
holds '.findings | length == 1'
[ "$(scrub '.findings[0] | keys_unsorted | join(" ")')" = \
    "pool region generation since since_ns what sealed_crc32c found_crc32c" ] || fail "fields: $(scrub .findings)"
holds '.findings[0] | .pool == "pool" and .region == "team/app" and .generation == 2'
holds ".findings[0] | .sealed_crc32c == \"$SEALED\" and .found_crc32c != .sealed_crc32c and .since_ns >= $SINCE_NS"
holds '.last_pass.damaged == 1 and .further_findings == 0'
contains "$(pmemckpt-ctl status --admin-socket "$ADMIN_SOCKET" | tr -s ' ')" "its 2000023 bytes have CRC-32C $FOUND"
contains "$(pmemckpt-ctl status --admin-socket "$ADMIN_SOCKET" | tr -s ' ')" "pool team/app 2 "
contains "$(pmemckpt-ctl status --admin-socket "$ADMIN_SOCKET")" "7.6 MiB in 4 generations, 1 damaged"

# With its generation the finding goes.
pmemckpt-ctl save team/app state.1 >/dev/null
pmemckpt-ctl save team/app state.2 >/dev/null
holds '.findings == []'

# By priority, where the journal listens.
stop_manager
OFFSET=$(grep -abo "marker of generation 3" pool | cut -d: -f1)
printf M | dd of=pool bs=1 seek="$OFFSET" conv=notrunc status=none
rm -f manager.log
export JOURNAL_STREAM=1:1
start_manager
unset JOURNAL_STREAM
passes 1
grep -q '^<4>scrub: .*generation 3 is damaged' manager.log || fail "$(cat manager.log)"
grep -q '^<5>scrub: pass 1 is over' manager.log || fail "$(cat manager.log)"

# A pass of 8,000,092 bytes at 2,000,000 a second: 4 seconds, and not less.
configure 'bandwidth = 2000000\nrest_s = 86400\n'
STARTED_NS=$(date +%s%N)
restart --config manager.toml
passes 1
TAKEN_NS=$(($(date +%s%N) - STARTED_NS))
[ $TAKEN_NS -ge 4000000000 ] || fail "the pass took $TAKEN_NS ns"
holds '.next_pass_s > 80000'

# The end, and new settings, in the midst of a pass that takes half an hour: at once.
configure 'bandwidth = "4K"\n'
restart --config manager.toml
wait_for '[ "$(scrub .pass.bytes)" -gt 0 ]'
holds '.passes == 0 and .pass.kept_bytes == 8000092 and .pass.bytes < .pass.kept_bytes'
configure 'bandwidth = 0\n'
kill -HUP "$MANAGER_PID"
wait_for '[ "$(scrub .bandwidth)" = 0 ]'
configure 'bandwidth = "1G"\n'
kill -HUP "$MANAGER_PID"
passes 1
holds '.last_pass.bytes == .last_pass.kept_bytes'
configure 'bandwidth = "4K"\nrest_s = 1\n'
kill -HUP "$MANAGER_PID"
wait_for '[ "$(scrub ".pass.bytes // 0")" -gt 0 ]'
BEFORE=$SECONDS
stop_manager
[ "$MANAGER_STATUS" = 0 ] || fail "exit status $MANAGER_STATUS"
[ $((SECONDS - BEFORE)) -lt $((2 * WAIT_LIMIT_S)) ] || fail "it took $((SECONDS - BEFORE)) s to end"
