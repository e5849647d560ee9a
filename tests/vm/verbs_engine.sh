#!/usr/bin/env bash
# time-limit: 900
# The tests that any engine must pass, over RDMA devices: data against a model, what no window has, protection and takeover
# in a whole manager. The same binaries run over iWARP in user space in `make check`.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/guests.sh"
need_guests

# VM_UNIT_TESTS in Makefile are these.
UNITS=(engine_pair_test engine_windows_test verbs_hostile_test windows_test takeover_test)
over_device() { # DEVICE
    run_guest 0 --rdma "$1" --time-limit 420 --env TEST_TRANSPORT=verbs --env TEST_HOST=10.0.0.1 --env TIME_LIMIT_FACTOR=3 \
        bash -c 'for unit in "$@"; do "$BUILD/tests/unit/$unit" 2>&1 || exit; done' units "${UNITS[@]}"
    grep -c '\[       OK \]' <<<"$OUTPUT"
    grep '^SKIP: ' <<<"$OUTPUT" || true
}
for device in rxe siw; do
    for unit in "${UNITS[@]}"; do
        [ -x "$BUILD/tests/unit/$unit" ] || fail "$unit is not built: make check-vm does"
    done
    echo "$device:"
    over_device $device
done
