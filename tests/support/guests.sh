# shellcheck shell=bash
# Sourced after environment.sh by the tests of tests/vm: guests (see tests/vm/run), several of them on one network, each
# with an NVDIMM that lives as long as the test: so a guest that is started again has the bytes of the one before it.
GUEST_PIDS=()
GUESTS=$TEST_DIRECTORY/guests
mkdir -p "$GUESTS"

need_guests() {
    [ "$(id -u)" = 0 ] || skip "a guest needs root, which sees all of the host's files"
    "$PROJECT/tests/vm/prepare" --kernel "${GUEST_KERNEL:-6.1}" >/dev/null || skip "the test machine could not be prepared"
}

# start_network: the guests that are started after it are on it, as guestN with the address 10.0.0.N.
start_network() {
    "$BUILD/tests/tools/ethernet_switch" "$GUESTS" &
    started $!
    wait_for '[ -S "$GUESTS/switch" ]'
}

# start_guest N [options of tests/vm/run] PROGRAM [ARGUMENT ...]: goes on at once. --time-limit ends a guest that hangs.
start_guest() {
    local n=$1 link=()
    shift
    # Of several guests each gets one processor: an emulated one that waits for another, which the host does not run, spins.
    [ ! -S "$GUESTS/switch" ] || link=(--link "$GUESTS" --number "$n" --processors 1)
    mkdir -p "$(guest_directory "$n")"
    rm -f "$(guest_directory "$n")/share/status"
    : >"$(guest_directory "$n")/output"
    (cd "$PROJECT" && exec tests/vm/run --directory "$(guest_directory "$n")" ${link[@]+"${link[@]}"} "$@") \
        >"$(guest_directory "$n")/output" 2>&1 &
    GUEST_PIDS[n]=$!
    started "${GUEST_PIDS[n]}"
}

# Its NVDIMM is the file nvdimm there, what it shares with the test is share/, /vm in the guest.
guest_directory() { echo "$GUESTS/guest$1"; }

guest_output() { cat "$(guest_directory "$1")/output"; }

# end_of_guest N: waits for it; tests/vm/run's exit status is in $GUEST_STATUS.
end_of_guest() {
    GUEST_STATUS=0
    wait "${GUEST_PIDS[$1]}" || GUEST_STATUS=$?
}

# expect_guest_status N STATUS
expect_guest_status() {
    end_of_guest "$1"
    [ "$GUEST_STATUS" = "$2" ] || {
        echo "FAILED at line ${BASH_LINENO[0]}: guest $1 ended with status $GUEST_STATUS, wanted $2:"
        guest_output "$1"
        exit 1
    }
}

# run_guest STATUS [options] PROGRAM [ARGUMENT ...]: guest 1, to its end; what it says is in $OUTPUT.
run_guest() {
    local wanted=$1
    shift
    start_guest 1 "$@"
    expect_guest_status 1 "$wanted"
    OUTPUT=$(guest_output 1)
}

# wait_for_guest N 'PATTERN': until a line of its output matches; a failure when the guest, or its time, ends without.
wait_for_guest() {
    local n=$1 output
    output=$(guest_directory "$1")/output
    while running "${GUEST_PIDS[n]}"; do
        ! grep -qse "$2" "$output" || return 0
        sleep 0.2
    done
    grep -qse "$2" "$output" || {
        echo "FAILED at line ${BASH_LINENO[0]}: guest $n did not say \"$2\" but:"
        guest_output "$n"
        exit 1
    }
}

# cut_power N: in the middle of whatever it does.
cut_power() {
    kill -KILL "$(cat "$(guest_directory "$1")/pid")"
    end_of_guest "$1"
}

# monitor N COMMAND: of QEMU's monitor, as `set_link net0 off` (the cable), `stop` and `cont` (all of the guest's processors).
monitor() {
    (cd "$(guest_directory "$1")" && echo "$2" | socat -t 1 - UNIX-CONNECT:monitor)
}

# reset_guest N: its RAM is lost as with a power cut, but QEMU ends in order.
reset_guest() {
    monitor "$1" system_reset >/dev/null
    end_of_guest "$1"
}
