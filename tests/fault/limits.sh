#!/usr/bin/env bash
# time-limit: 300
# not over devices: it counts descriptors of the iWARP engine
# Resource limits: descriptors, address space, locked memory, size of files. Who has too little of it is told in a
# sentence; a manager that can't take one more connection serves those it has, and does not turn in circles.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/faults.sh"
make_pool 32M
head -c 300000 /dev/urandom >state

# limited OPTION LIMIT command...: status and error are in $STATUS and error
limited() {
    local option=$1 limit=$2
    shift 2
    STATUS=0
    (ulimit "$option" "$limit" && exec timeout 8 "$@") >said 2>error || STATUS=$?
}

# A file may not grow: no signal, a sentence, nothing half.
limited -f 1024 pmemckpt-ctl create-pool small --size 64M
[ "$STATUS" = 5 ] || fail "create-pool: exit status $STATUS: $(cat error)"
is_sentence pmemckpt-ctl error || fail "$(cat error)"
[ ! -e small ] || fail "half a pool is left"

# Few descriptors: the manager takes as many sessions as it has room for.
(ulimit -n 40 && exec pmemckptd --pool "$PWD/pool" --listen 127.0.0.1:0 --address-file "$PWD/addresses" \
    --admin-socket "$ADMIN_SOCKET") >manager.log 2>&1 &
MANAGER_PID=$!
started $MANAGER_PID
wait_for '[ -s addresses ]'
PMEMCKPT_SERVER=$(cat addresses)
export PMEMCKPT_SERVER PMEMCKPT_PRINCIPAL=tester
pmemckpt-ctl save team/app state --create >/dev/null
mkfifo pipe
pmemckpt-ctl append team/app --lines <pipe >said 2>error &
APPENDER=$!
started $APPENDER
exec 5>pipe
echo "before" >&5
wait_for '[ "$(pmemckpt-ctl read-log team/app)" = before ]'
WATCHERS=()
for ((i = 0; i < 30; i++)); do
    pmemckpt-ctl watch team/app >watched.$i 2>&1 5>&- &
    WATCHERS+=($!)
    started $!
done
wait_for "grep -q \"can't accept connections on .*; connections wait\" manager.log"
[ "$(grep -c "can't accept" manager.log)" -le 30 ] || fail "it says so more often than somebody came: $(grep -c "can't accept" manager.log)"
cpu_ticks() { awk '{print $14 + $15}' "/proc/$MANAGER_PID/stat"; }
BEFORE=$(cpu_ticks)
sleep 2 # that is what is measured
[ $(($(cpu_ticks) - BEFORE)) -lt 20 ] || fail "out of descriptors it took $(($(cpu_ticks) - BEFORE)) ticks of 200"
# Who is in goes on; who is not waits, and is told when nobody takes him.
echo "meanwhile" >&5
exec 5>&-
wait $APPENDER || fail "who was in could not go on: $(cat error)"
for pid in "${WATCHERS[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
for pid in "${WATCHERS[@]}"; do wait "$pid" 2>/dev/null || true; done
wait_for 'pmemckpt-ctl restore team/app >back 2>error' 30
cmp back state
[ "$(pmemckpt-ctl read-log team/app | tr '\n' ' ')" = "before meanwhile " ] || fail "$(pmemckpt-ctl read-log team/app)"
kill -TERM $MANAGER_PID
wait $MANAGER_PID || fail "the manager's exit status is $?"

# Too few to start with, and too little address space: each amount ends in a sentence, or works.
for descriptors in 4 6 8 10 12 14 16; do
    limited -n $descriptors pmemckptd --pool "$PWD/pool" --listen 127.0.0.1:0 --admin-socket "$PWD/a"
    [ "$STATUS" = 124 ] || [ "$STATUS" = 0 ] || ended_well "$STATUS" pmemckptd error "pmemckptd with $descriptors descriptors"
    [ "$STATUS" != 124 ] || break
    count "descriptors" "$STATUS"
done
for mib in 32 64 96 128 200 400; do
    limited -v $((mib * 1024)) pmemckpt-ctl check pool
    grep -q 'error while loading shared' error || ended_well "$STATUS" pmemckpt-ctl error "check with $mib MiB of address space"
    count "check: address space" "$STATUS"
done
[ "$STATUS" = 0 ] || fail "check with 400 MiB of address space: $(cat error)"
limited -l 0 pmemckpt-ctl check pool
[ "$STATUS" = 0 ] || fail "check that may lock no memory: $(cat error)"
print_table "limits"
[ -z "$(damage_in pool)" ] || fail "$(damage_in pool)"
