#!/usr/bin/env bash
# time-limit: 1200
# A part of what any engine must pass, over RDMA devices: data against a model, what no window has, attacks,
# takeover, rights, and who is let in. All of it: make check-vm OVER="rxe siw". The same tests run over iWARP in user space in `make check`.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/guests.sh"
need_guests

# VM_UNIT_TESTS in Makefile has the unit tests among these.
PART=(unit/engine_pair_test unit/engine_serve_test unit/engine_windows_test unit/verbs_hostile_test unit/verbs_attacks_test unit/windows_test
    unit/takeover_test unit/rights_test unit/principals_test claims/context_is_provided claims/requests_are_authenticated claims/access_information_is_kept
    claims/access_is_bound claims/requestors_are_verified claims/a_manager_without_the_key)
for unit in "${PART[@]}"; do
    [ "${unit#unit/}" = "$unit" ] || [ -x "$BUILD/tests/$unit" ] || fail "$unit is not built: make check-vm does"
done
"$PROJECT/tests/vm/run_over" rxe siw --seed "${SEED:-1}" "${PART[@]}"
