#!/usr/bin/env bash
# A process pair on this machine: a bank whose primary is killed, or made to hang, again and again, at random moments,
# while clients transfer money. Each time the backup takes over and answers. At the end every answered transfer is
# accounted for, by a process that does not ask the pair. Run by `make demo-failover`; everything lies in
# build/demo-failover. From the environment: KILLS (24), of which each HANG_EVERYth is a hang (4); SEED of the moments
# and of the transfers; CLIENTS (8), each with PAUSE_US between its transfers (2000) and TIMEOUT_MS of patience with one
# server (100); HEARTBEAT_MS (500); SEAL_EVERY transfers (2000); WAIT_S for whatever has to happen (30).
set -eu
cd "$(dirname "$0")/../.."
: "${KILLS:=24}" "${HANG_EVERY:=4}" "${SEED:=$RANDOM}" "${CLIENTS:=8}" "${PAUSE_US:=2000}"
: "${HEARTBEAT_MS:=500}" "${TIMEOUT_MS:=100}" "${SEAL_EVERY:=2000}" "${WAIT_S:=30}"
NAME=demo-failover
. utils/examples/demo_common.sh
REGION=demo/bank
ARCHIVE='' LOAD='' PRIMARY='' BACKUP='' # pids
PRIMARY_NAME=left BACKUP_NAME=right
FALSE_ALARMS=0
RANDOM=$SEED

clean_up() {
    status=$?
    trap '' INT TERM
    trap - EXIT
    for pid in "$LOAD" "$ARCHIVE" "$PRIMARY" "$BACKUP"; do end_pid KILL "$pid"; done # a stopped one too
    end_pid TERM "$MANAGER"
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# start_member NAME: its pid is in STARTED. Its address is always the same: the clients know both.
start_member() {
    local listen=127.0.0.1:0
    [ ! -s "$DEMO/$1.address" ] || listen=$(<"$DEMO/$1.address")
    [ ! -s "$DEMO/$1.log" ] || cat "$DEMO/$1.log" >>"$DEMO/$1.history"
    : >"$DEMO/$1.log"
    process_pair serve --region $REGION --name "$1" --listen "$listen" --address-file "$DEMO/$1.address" \
        --heartbeat-ms "$HEARTBEAT_MS" --seal-every "$SEAL_EVERY" 2>>"$DEMO/$1.log" &
    STARTED=$!
}
serves() { grep -q 'serving at' "$DEMO/$1.log"; }

# The epoch of whom the clients were answered by last: "first answer of epoch E at NS by ADDRESS" of its output.
answering_epoch() { awk '/^first answer/ {e = $5} END {print e + 0}' "$DEMO/load.log"; }
first_answer_us() { awk -v e="$1" '/^first answer/ && $5 > e {print substr($7, 1, length($7) - 3); exit}' "$DEMO/load.log"; }

swap_names() {
    local name=$PRIMARY_NAME
    PRIMARY_NAME=$BACKUP_NAME BACKUP_NAME=$name
    PRIMARY=$BACKUP BACKUP=
}
start_backup() {
    start_member "$BACKUP_NAME"
    BACKUP=$STARTED
    wait_until 'grep -q "standing by" "$DEMO/$BACKUP_NAME.log"' "$BACKUP_NAME stood by" "$BACKUP"
}

# On a machine that is busy with something else a primary may be late by the heartbeat: then it is fenced and ends, as
# one that hangs does. That is no fault, only no kill of ours.
allow_false_alarm() {
    serves "$BACKUP_NAME" || ! running "$PRIMARY" || return 0
    wait_until '! running "$PRIMARY"' "the fenced primary ended" "$BACKUP"
    expect_fenced
    FALSE_ALARMS=$((FALSE_ALARMS + 1))
    echo "    $PRIMARY_NAME was late by more than $HEARTBEAT_MS ms, and $BACKUP_NAME has taken over"
    swap_names
    start_backup
}

# The old primary met the fence: it says so, with the exit status that this has.
expect_fenced() {
    local status=0
    wait "$PRIMARY" || status=$?
    [ $status = 8 ] || die "$PRIMARY_NAME ended with $status, not as a fenced one: $(cat "$DEMO/$PRIMARY_NAME.log")"
    grep -q 'fenced' "$DEMO/$PRIMARY_NAME.log" || die "$PRIMARY_NAME does not say that it was fenced"
}

# fail_over ROUND: each HANG_EVERYth hangs, the others die.
fail_over() {
    local signal=KILL before killed_us first_us
    [ $(($1 % HANG_EVERY)) -ne 0 ] || signal=STOP
    sleep "$(printf '0.%03d' $((50 + RANDOM % 700)))"
    allow_false_alarm
    before=$(answering_epoch)
    killed_us=${EPOCHREALTIME/[.,]/}
    if [ $signal = STOP ]; then kill -STOP "$PRIMARY"; else end_pid KILL "$PRIMARY"; fi
    wait_until '[ -n "$(first_answer_us "$before")" ]' "the backup answered" "$BACKUP"
    first_us=$(first_answer_us "$before")
    if [ $signal = STOP ]; then
        sleep "$(printf '0.%03d' $((RANDOM % 300)))"
        kill -CONT "$PRIMARY"
        wait_until '! running "$PRIMARY"' "the fenced primary ended" "$BACKUP"
        expect_fenced
    fi
    [ "$first_us" -gt "$killed_us" ] || { # it had taken over by itself, just before
        FALSE_ALARMS=$((FALSE_ALARMS + 1))
        first_us=$killed_us
    }
    printf '%3d  SIG%-4s %-5s  %-5s answers after %5d.%d ms\n' "$1" $signal "$PRIMARY_NAME" "$BACKUP_NAME" \
        $(((first_us - killed_us) / 1000)) $(((first_us - killed_us) / 100 % 10))
    echo "$signal $((first_us - killed_us))" >>"$DEMO/times"
    swap_names
    start_backup
}

# histogram SIGNAL WHAT: numbers, and a bar for each range of times; the second one from each is twice as long.
histogram() {
    awk -v signal="$1" '$1 == signal {print $2}' "$DEMO/times" | sort -n | awk -v what="$2" '
        { us[NR] = $1 }
        function step() { return 1.41421356 }
        function at(part,   n) { n = int(part * NR + 0.999999); return us[n < 1 ? 1 : n] / 1000 }
        END {
            if (NR == 0) exit
            printf "\n%s: %d times, ms from the signal to the first answer of the backup\n", what, NR
            printf "    min %.1f   median %.1f   p90 %.1f   p99 %.1f   max %.1f\n", \
                at(0), at(0.5), at(0.9), at(0.99), at(1)
            for (low = 1; low * step() <= us[1] / 1000;) low *= step()
            for (i = 1; i <= NR; low *= step()) {
                n = 0
                for (bar = ""; i <= NR && us[i] / 1000 < low * step(); i++) { n++; bar = bar "#" }
                printf "    %6.0f .. %-6.0f ms  %3d  %s\n", low, low * step(), n, bar
            }
        }'
}

say "1. A pool, its manager, an archive that looks on, and the pair (SEED=$SEED)"
rm -rf "$DEMO"
mkdir -p "$DEMO"
start_manager 256M
process_pair archive --region $REGION --output "$DEMO/archive" 2>"$DEMO/archive.log" &
ARCHIVE=$!
wait_until '[ -e "$DEMO/archive" ]' "the archive stood" "$ARCHIVE"
start_member left
PRIMARY=$STARTED
wait_until 'serves left' "left served" "$PRIMARY"
start_backup
cat "$DEMO/left.log" "$DEMO/right.log"

say "2. $CLIENTS clients transfer money; the primary is killed or made to hang $KILLS times, at random moments"
process_pair load --server "$(<"$DEMO/left.address")" --server "$(<"$DEMO/right.address")" --answers "$DEMO/answers" \
    --clients "$CLIENTS" --pause-us "$PAUSE_US" --timeout-ms "$TIMEOUT_MS" --patience-s "$WAIT_S" --seed "$SEED" \
    >"$DEMO/load.log" 2>&1 &
LOAD=$!
wait_until '[ "$(answering_epoch)" -gt 0 ]' "the first transfer was answered" "$LOAD"
for ((round = 1; round <= KILLS; round++)); do fail_over $round; done

say "3. The clients end what they have begun; then every answer is compared with the region and with the archive"
kill -TERM "$LOAD"
status=0
wait "$LOAD" || status=$?
LOAD=
tail -n 1 "$DEMO/load.log"
[ $status = 0 ] || die "the clients ended with $status: $(tail -n 3 "$DEMO/load.log")"
running "$ARCHIVE" || die "the archive has ended: $(cat "$DEMO/archive.log")"
show process_pair audit --region $REGION --answers "$DEMO/answers" --archive "$DEMO/archive" ||
    die "a transfer was lost or doubled, or something else is wrong"
echo "failovers           $(wc -l <"$DEMO/times")"
[ $FALSE_ALARMS = 0 ] || echo "without a kill      $FALSE_ALARMS (the machine was busy)"
histogram KILL "SIGKILL (the manager sees that the connection is lost)"
histogram STOP "SIGSTOP (nothing comes for $HEARTBEAT_MS ms: it hangs; continued later, it was fenced, exit status 8)"
show pmemckpt-ctl list $REGION
