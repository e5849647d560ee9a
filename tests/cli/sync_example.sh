#!/usr/bin/env bash
# not over devices: sync points go over TCP
# The program in pmemckpt-sync(3), EXAMPLES, compiles with the flags of pkg-config, and goes on where it was when it is killed.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/sync.sh"
command -v cc >/dev/null || skip "there is no C compiler"
OTHERS=native
begin_participant ledger ledger-file
begin_participant reports reports-files/
sed -n '/^\.Sh EXAMPLES/,/^\.Sh ERRORS/p' "$PROJECT/man/pmemckpt-sync.3" | sed -n '/^\.Bd -literal/,/^\.Ed/p' |
    sed "/^\.[BE]d/d; s/ledger.example:7472/${ADDRESS[ledger]}/; s/reports.example:7472/${ADDRESS[reports]}/" >counter.c
sed "s|@PREFIX@|$TEST_DIRECTORY/prefix|; s|@VERSION@|1|" "$PROJECT/lib/sync/pmemckpt-sync.pc.in" >pmemckpt-sync.pc
mkdir prefix
ln -s "$BUILD/lib" prefix/lib
ln -s "$PROJECT/lib/include" prefix/include
flags=$(PKG_CONFIG_PATH=. pkg-config --cflags --libs pmemckpt-sync)
# shellcheck disable=SC2086
cc -std=c99 -Wall -Wextra -Wpedantic -Werror -Wno-unused-parameter counter.c $flags -Wl,-rpath,"$BUILD/lib" -o counter
expect_status 1 env PMEMCKPT_PRINCIPAL=nobody ./counter
contains "$OUTPUT" "there is no key"

./counter &
COUNTER=$!
started $COUNTER
wait_for 'compgen -G "reports-files/5-*.state" >/dev/null || compgen -G "reports-files/[1-9][0-9]-*.state" >/dev/null'
kill -KILL $COUNTER
wait $COUNTER 2>/dev/null || true
expect_status 0 ./counter
# Each of its hundred numbers has one sync point, however often it was begun anew: no number is taken twice.
LAST=$(ls reports-files | sed -n 's/-.*//p' | sort -n | tail -n 1)
[ "$LAST" -ge 100 ] || fail "the last sync point is $LAST"
finish ledger
finish reports
