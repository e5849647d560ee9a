# shellcheck shell=bash
# Calls to the system that fail on the Nth time, for tests of whole programs; sourced behind environment.sh.
FAILING_CALLS=$BUILD/tests/fault/failing_calls.so
[ -f "$FAILING_CALLS" ] || skip "$FAILING_CALLS is not built"
! grep -qa __asan_init "$BUILD/bin/pmemckptd" || skip "a sanitizer must be loaded before what is preloaded here"
! grep -qa __tsan_init "$BUILD/bin/pmemckptd" || skip "a sanitizer must be loaded before what is preloaded here"
command -v jq >/dev/null || skip "jq is not installed"
INJECTED=$TEST_DIRECTORY/injected
declare -A TRIED=() FAILED=()

# with_fault RULES command...: see tests/fault/failing_calls.cc. What was injected is told in $INJECTED.
with_fault() {
    local rules=$1
    shift
    rm -f "$INJECTED"
    timeout -k 5 "$((30 * ${TIME_LIMIT_FACTOR:-1}))" \
        env LD_PRELOAD="$FAILING_CALLS" FAIL_CALLS="$rules" FAIL_LOG="$INJECTED" "$@"
}

was_injected() { [ -s "$INJECTED" ]; }

# is_sentence PROGRAM FILE: its last line is one, for a human
is_sentence() { tail -n 1 "$2" | grep -qE "^(<[0-9]>)?($1: )?[^ ].* [^ ].*"; }

# ended_well STATUS PROGRAM FILE WHAT: documented status; with an error, a sentence; no signal, no hang, no assertion
ended_well() {
    case $1 in
    0) return 0 ;;
    [1-9]) ;;
    124 | 137) cat "$3" && fail "$4: it hung" ;;
    *) cat "$3" && fail "$4: exit status $1" ;;
    esac
    # What can't be written can't be told.
    case $4 in *"write failing"*) return 0 ;; esac
    is_sentence "$2" "$3" || { cat "$3" && fail "$4: status $1 without a sentence"; }
}

# is_no_fault HOW STATUSES WHAT: less than was asked for, and an interrupted call, are a reason to go on
is_no_fault() {
    case $1 in short | EINTR) [ -z "${2//0/}" ] || { cat error && fail "$3: an error of what is none"; } ;; esac
}

# after N: the next one to be tried. Each up to 10, then ever fewer; with SWEEP=all, each.
after() {
    [ "${SWEEP:-}" != all ] && [ "$1" -ge 10 ] && echo $(($1 + $1 / 3)) || echo $(($1 + 1))
}

# count CALL STATUS: for the table
count() {
    TRIED[$1]=$((${TRIED[$1]:-0} + 1))
    [ "$2" = 0 ] || FAILED[$1]=$((${FAILED[$1]:-0} + 1))
}

# print_table: what was tried, and how often that was an error
print_table() {
    local call
    printf '%-34s %7s %7s\n' "$1" tried errors
    for call in "${!TRIED[@]}"; do printf '%-34s %7d %7d\n' "$call" "${TRIED[$call]}" "${FAILED[$call]:-0}"; done | sort
    TRIED=() FAILED=()
}

# damage_in POOL: what check finds that no power cut leaves; empty when all is well
damage_in() { pmemckpt-ctl check "$1" 2>&1 | grep -E '^damage|^pmemckpt-ctl: ' || true; }
