#!/usr/bin/env bash
# Sync points on this machine: a batch reads transactions from a file at one service, applies them to a master file at
# another, and reports each at a third. It is run once undisturbed; then anew, and now the batch and the services are
# killed again and again, at random moments, some of them while the others still go back. At the end the files must
# be the same, byte for byte, and be what awk makes of the transactions. Run by `make demo-sync`; everything lies in
# build/demo-sync. From the environment: KILLS (50), a quarter of them close behind the one before; SEED of the moments
# and of the transactions; TRANSACTIONS (400 a kill); EVERY so many a sync point (200); PAUSE_US after each (300); WAIT_S
# for whatever has to happen (60); SYSTEM of the batch: native, s390x, armhf, or several, which it is on in turn.
set -eu
cd "$(dirname "$0")/../.."
: "${KILLS:=50}" "${SEED:=$RANDOM}" "${EVERY:=200}" "${PAUSE_US:=300}" "${WAIT_S:=60}" "${SYSTEM:=native}"
: "${TRANSACTIONS:=$((400 * KILLS))}"
NAME=demo-sync
. utils/examples/demo_common.sh
ACCOUNTS=400
REPORT_LINE=69 # bytes
CLOSE_BEHIND=4 # one in so many kills
SERVICES=(transactions master report)
MEMBERS=(batch "${SERVICES[@]}")
declare -A PID ADDRESS KILLED
STARTS=0 DONE_AGAIN=0 CUT=0
BEFORE='' # rollbacks before the last kill, while its line has no end
MOST=0    # transactions that were done since the last rollback
RANDOM=$SEED

clean_up() {
    status=$?
    trap '' INT TERM
    trap - EXIT
    for pid in "${PID[@]}"; do end_pid KILL "$pid"; done
    [ $status = 0 ] || echo "$NAME: everything is left in $DEMO (SEED=$SEED)" >&2
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# The service of the transactions has a new checkpoint file each time, that of the master file one that is used again,
# that of the report its own.
start_service() {
    local options=()
    case $1 in
    transactions) options=(--checkpoint-directory "$PLACE/transactions.checkpoints") ;;
    master) options=(--checkpoint-file "$PLACE/master.checkpoint") ;;
    esac
    rm -f "$PLACE/$1.address"
    # Always at the same address: the batch knows no other.
    pmemckpt-filed "$PLACE/$1" --listen "${ADDRESS[$1]:-127.0.0.1:0}" --address-file "$PLACE/$1.address" \
        "${options[@]}" 2>>"$PLACE.$1.log" &
    PID[$1]=$!
}

start_batch() {
    local systems command
    read -ra systems <<<"$SYSTEM"
    case ${systems[STARTS++ % ${#systems[@]}]} in
    native) command=(ledger_batch) ;;
    s390x) command=(qemu-s390x-static build-s390x/examples/ledger_batch) ;;
    armhf) command=(qemu-arm-static build-armhf/examples/ledger_batch) ;;
    *) die "SYSTEM is native, s390x, armhf, or several of them, not \"$SYSTEM\"" ;;
    esac
    "${command[@]}" --transactions "${ADDRESS[transactions]}/today" --master "${ADDRESS[master]}/accounts" \
        --report "${ADDRESS[report]}/today" --every "$EVERY" --pause-us "$1" --patience-s "$WAIT_S" 2>>"$PLACE.batch.log" &
    PID[batch]=$!
}

# start_all PLACE PAUSE_US: three services with nothing but the transactions, and a batch.
start_all() {
    PLACE=$DEMO/$1 ADDRESS=()
    mkdir -p "$PLACE"/{transactions,master,report}
    cp "$DEMO/transactions" "$PLACE/transactions/today"
    for service in "${SERVICES[@]}"; do
        start_service "$service"
        wait_until '[ -s "$PLACE/$service.address" ]' "the service of the $service listened" "${PID[$service]}"
        ADDRESS[$service]=$(<"$PLACE/$service.address")
    done
    start_batch "$2"
}

# The batch comes to its end, and so do the services, when they are told.
end_all() {
    local status=0
    wait "${PID[batch]}" || status=$?
    PID[batch]=
    [ $status = 0 ] || die "the batch ended with $status: $(tail -n 3 "$PLACE.batch.log")"
    tail -n 1 "$PLACE.batch.log"
    for service in "${SERVICES[@]}"; do
        kill -TERM "${PID[$service]}"
        wait "${PID[$service]}" || die "the service of the $service ended with $?: $(tail -n 3 "$PLACE.$service.log")"
        PID[$service]=
    done
}

check_all_live() {
    local member
    for member in "${MEMBERS[@]}"; do
        running "${PID[$member]}" || die "$member has ended by itself: $(tail -n 3 "$PLACE.$member.log")"
    done
}

# What awk makes of the transactions, without any service: the same report and master file.
compute() {
    awk -v report="$DEMO/expected.report" -v master="$DEMO/expected.master" '
        {
            if (!($1 in balance)) account[accounts++] = $1
            balance[$1] += $2
            count[$1]++
            if ($2 < 0) debits += $2; else credits += $2
            printf "%9d %-16s %20d %20d\n", NR, $1, $2, balance[$1] >report
        }
        END {
            printf "%d transactions, %d accounts, credits %.0f, debits %.0f\n", NR, accounts, credits, debits >report
            for (i = 0; i < accounts; i++)
                printf "%-16s %20d %9d\n", account[i], balance[account[i]], count[account[i]] >master
        }' "$DEMO/transactions"
}

# How many transactions are reported: what the batch has done, whatever of it is kept.
reported() { echo $(($(stat -c %s "$PLACE/report/today" 2>/dev/null || echo 0) / REPORT_LINE)); }
# "NUMBER TRANSACTIONS" of the last sync point in the batch's log, in lines with this text.
last_point() { sed -n "s/^ledger_batch: .*$1 \([0-9]*\): \([0-9]*\) transactions$/\1 \2/p" "$PLACE.batch.log" | tail -n 1; }
rollbacks() { grep -c 'back at sync point' "$PLACE.batch.log" || true; }

# Whom to kill: each of the four at least KILLS / 6 times, in any order.
draw_victims() {
    local i j swapped
    VICTIMS=()
    for ((i = 0; i < KILLS; i++)); do
        if [ $i -lt $((KILLS / 6 * 4)) ]; then j=$((i % 4)); else j=$((RANDOM % 4)); fi
        VICTIMS+=("${MEMBERS[j]}")
    done
    for ((i = KILLS - 1; i > 0; i--)); do
        j=$((RANDOM % (i + 1)))
        swapped=${VICTIMS[i]} VICTIMS[i]=${VICTIMS[j]} VICTIMS[j]=$swapped
    done
}

# The end of the line of the kill before, if it has none: what all were rolled back to.
end_line() {
    local number transactions
    [ -n "$BEFORE" ] || return 0
    if [ "$(rollbacks)" -gt "$BEFORE" ]; then
        read -r number transactions <<<"$(last_point 'back at sync point')"
        DONE_AGAIN=$((DONE_AGAIN + (MOST > transactions ? MOST - transactions : 0)))
        MOST=0
        echo "all back at $number, transaction $transactions"
    else
        echo "the next kill comes before they are back"
        CUT=$((CUT + 1))
    fi
    BEFORE=
}
wait_for_rollback() {
    [ -z "$BEFORE" ] || wait_until '[ "$(rollbacks)" -gt "$BEFORE" ]' "all were rolled back" "${PID[batch]}"
    end_line
}

# Each kill has a part of the run, and a moment in it: a number of transactions. Some come close behind the one before.
wait_for_moment() {
    local part=$((19 * TRANSACTIONS / 20 / KILLS)) moment
    moment=$((($1 - 1) * part + RANDOM % part + 1))
    if [ "$1" -gt 1 ] && [ $((RANDOM % CLOSE_BEHIND)) = 0 ]; then
        sleep "$(printf '0.%03d' $((RANDOM % 80)))"
    else
        wait_for_rollback
        wait_until '[ "$(reported)" -ge "$moment" ]' "$moment transactions were done" "${PID[batch]}"
    fi
    end_line
}

# kill_one ROUND: it is started again at once.
kill_one() {
    local victim=${VICTIMS[$1 - 1]} at number transactions
    wait_for_moment "$1"
    check_all_live
    BEFORE=$(rollbacks) at=$(reported)
    MOST=$((at > MOST ? at : MOST))
    read -r number transactions <<<"$(last_point 'sync point')"
    end_pid KILL "${PID[$victim]}"
    ! grep -q '^ledger_batch: done' "$PLACE.batch.log" || die "the batch was done before kill $1: give a longer PAUSE_US"
    if [ "$victim" = batch ]; then start_batch "$PAUSE_US"; else start_service "$victim"; fi
    KILLED[$victim]=$((${KILLED[$victim]:-0} + 1))
    printf '%3d  %-12s killed at transaction %6d, sync point %3d at %6d: ' "$1" "$victim" "$at" "$number" "$transactions"
}

tally() {
    local member
    printf '\n%-14s %s\n' 'who' 'kills'
    for member in "${MEMBERS[@]}"; do printf '%-14s %5d\n' "$member" "${KILLED[$member]:-0}"; done
    printf '%-14s %5d   %d of them while the others still went back\n' 'all' "$KILLS" "$CUT"
    echo "sync points taken         $(grep -c '^ledger_batch: sync point' "$PLACE.batch.log")"
    echo "rollbacks                 $(rollbacks)"
    echo "undone, and done again     $DONE_AGAIN transactions"
}

# compare FILE FILE WHAT
compare() {
    cmp "$1" "$2" || die "$3 differs: that must not happen"
    echo "the same: $3 ($(stat -c %s "$1") bytes)"
}

rm -rf "$DEMO"
mkdir -p "$DEMO"
say "1. $TRANSACTIONS transactions, and the batch undisturbed: three services, a sync point each $EVERY (SEED=$SEED)"
show pmemckpt-ctl create-key demo
awk -v seed="$SEED" -v count="$TRANSACTIONS" -v accounts=$ACCOUNTS 'BEGIN {
    srand(seed)
    for (i = 0; i < count; i++) printf "account-%04d %d\n", rand() * rand() * accounts, (rand() - 0.45) * 100000
}' >"$DEMO/transactions"
SYSTEM=native start_all undisturbed 0
end_all
mv "$PLACE".*.log "$PLACE" # what is shown when something fails is of the other run

say "2. Anew, and now the batch (on $SYSTEM) and its services are killed $KILLS times, and started again at once"
draw_victims
STARTS=0
start_all disturbed "$PAUSE_US"
wait_until '[ "$(reported)" -gt 0 ]' "the first transaction was done" "${PID[batch]}"
for ((round = 1; round <= KILLS; round++)); do kill_one $round; done
wait_for_rollback
end_all
tally

say "3. The files of the run with $KILLS kills, of the undisturbed one, and what awk makes of the transactions"
compute
compare "$DEMO/disturbed/report/today" "$DEMO/undisturbed/report/today" "the report, and that of the undisturbed run"
compare "$DEMO/disturbed/master/accounts" "$DEMO/undisturbed/master/accounts" "the master file, and that of the undisturbed run"
compare "$DEMO/disturbed/report/today" "$DEMO/expected.report" "the report, and that of awk"
compare "$DEMO/disturbed/master/accounts" "$DEMO/expected.master" "the master file, and that of awk"
compare "$DEMO/disturbed/transactions/today" "$DEMO/transactions" "the transactions, which nobody may change"
tail -n 1 "$DEMO/disturbed/report/today"
say "Each transaction was applied once, in spite of $KILLS kills. All files are in $DEMO."
