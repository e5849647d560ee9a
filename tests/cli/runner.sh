#!/usr/bin/env bash
# time-limit: 120
# not over devices: nobody is connected in it
# The runner itself: a failure fails, a skip is counted with its reason, what is left running or mounted is a failure,
# a test that hangs is ended, and one that fails only beside others is named.
. "$(dirname "$0")/../support/environment.sh"
unset NO_SKIP
mkdir -p project/tests/cli project/tests/unit project/tests/fuse project/tests/rdma
cp "$PROJECT/tests/run" project/tests/
cd project/tests/cli || exit
echo 'exit 0' >good.sh
echo 'echo "no such device"; exit 77' >skipped.sh
echo 'echo "broken on purpose"; exit 1' >failing.sh
echo 'sleep 77 & exit 0' >leaving.sh
printf '# time-limit: 1\nsleep 78\n' >hanging.sh
echo "mkdir -p '$TEST_DIRECTORY/seen'; rmdir '$TEST_DIRECTORY/seen' && ! [ -e '$TEST_DIRECTORY/once' ] && touch '$TEST_DIRECTORY/once' && exit 1; exit 0" >flaky.sh
cd ../.. || exit
status=0
output=$(BUILD=$TEST_DIRECTORY/none TIME_LIMIT_FACTOR=1 tests/run --seed 7 --jobs 2 2>&1) || status=$?
[ $status = 1 ] || fail "the runner's exit status is $status: $output"
contains "$output" "SEED=7"
contains "$output" "cli/skipped.sh: no such device"
contains "$output" "broken on purpose"
contains "$output" "It left running: "
contains "$output" "It did not end within 1 s."
contains "$output" "Passed only when run again, alone (look into them):"
contains "$output" "    cli/flaky.sh"
contains "$output" "2 passed, 3 failed, 1 skipped"
pgrep -f '^sleep 7[78]$' >/dev/null && fail "a sleep is still there: $(pgrep -af '^sleep 7[78]$')"

expect_status 0 env BUILD="$TEST_DIRECTORY/none" tests/run good skipped
contains "$OUTPUT" "1 passed, 0 failed, 1 skipped"
expect_status 1 env NO_SKIP=1 BUILD="$TEST_DIRECTORY/none" tests/run good skipped
contains "$OUTPUT" "1 passed, 1 failed, 0 skipped"
expect_status 1 env BUILD="$TEST_DIRECTORY/none" tests/run nothing-has-this-name

# Over a device: every shell test and every unit test that has an engine, but for those that say why not.
echo '# not over devices: it is about something else' >tests/cli/good.sh
echo '# not over siw: of which that can not be asked' >tests/cli/skipped.sh
echo '#include "tests/support/manager_fixture.hh"' >tests/unit/with_engine_test.cc
echo '#include "tests/support/check.hh"' >tests/unit/without_test.cc
printf '// not over devices: it is about iWARP\n#include "tests/support/rdma_ends.hh"\n' >tests/unit/of_iwarp_test.cc
listed() { TEST_DEVICE=$1 tests/run --list | sort | tr '\n' ' '; }
ALL="tests/cli/failing.sh tests/cli/flaky.sh tests/cli/hanging.sh tests/cli/leaving.sh"
[ "$(listed rxe)" = "$ALL tests/cli/skipped.sh tests/unit/with_engine_test " ] || fail "over rxe: $(listed rxe)"
[ "$(listed siw)" = "$ALL tests/unit/with_engine_test " ] || fail "over siw: $(listed siw)"
[ "$(listed '' | wc -w)" = 9 ] || fail "over iWARP: $(listed '')"
