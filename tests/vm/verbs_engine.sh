#!/usr/bin/env bash
# time-limit: 900
# The tests that any engine must pass, over RDMA devices: data against a model, what no window has, protection and takeover
# in a whole manager. The same binaries run over iWARP in user space in `make check`.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/guests.sh"
need_guests

# VM_UNIT_TESTS in Makefile are these. siw does not always tell a peer that he was refused, so there only those that know.
UNITS=(engine_pair_test engine_serve_test engine_windows_test verbs_hostile_test)
OF_A_MANAGER=(windows_test takeover_test)

over_device() { # DEVICE UNIT ...
    local device=$1
    shift
    run_guest 0 --rdma "$device" --time-limit 420 --env TEST_TRANSPORT=verbs --env TEST_HOST=10.0.0.1 --env TIME_LIMIT_FACTOR=3 \
        bash -c 'for unit in "$@"; do "$BUILD/tests/unit/$unit" 2>&1 || exit; done' units "$@"
    echo "$device: $(grep -c '\[       OK \]' <<<"$OUTPUT") tests"
    grep '^SKIP: ' <<<"$OUTPUT" || true
}
for unit in "${UNITS[@]}" "${OF_A_MANAGER[@]}"; do
    [ -x "$BUILD/tests/unit/$unit" ] || fail "$unit is not built: make check-vm does"
done
over_device rxe "${UNITS[@]}" "${OF_A_MANAGER[@]}"
over_device siw "${UNITS[@]}"
