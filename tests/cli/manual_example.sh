#!/usr/bin/env bash
# The program in pmemckpt(3), EXAMPLES, compiles with the flags of pkg-config, and does what the page says.
. "$(dirname "$0")/../support/environment.sh"
command -v cc >/dev/null || skip "there is no C compiler"
sed -n '/^\.Sh EXAMPLES/,/^\.Sh ERRORS/p' "$PROJECT/man/pmemckpt.3" | sed -n '/^\.Bd -literal/,/^\.Ed/p' |
    sed '/^\.[BE]d/d; s/\\e/\\/g' >counter.c
sed "s|@PREFIX@|$TEST_DIRECTORY/prefix|; s|@VERSION@|1|" "$PROJECT/lib/client/pmemckpt.pc.in" >pmemckpt.pc
mkdir prefix
ln -s "$BUILD/lib" prefix/lib
ln -s "$PROJECT/lib/include" prefix/include
flags=$(PKG_CONFIG_PATH=. pkg-config --cflags --libs pmemckpt)
# shellcheck disable=SC2086
cc -std=c99 -Wall -Wextra -Wpedantic -Werror counter.c $flags -Wl,-rpath,"$BUILD/lib" -o counter
expect_status 1 env PMEMCKPT_SERVER=127.0.0.1:1 PMEMCKPT_PRINCIPAL=nobody ./counter
contains "$OUTPUT" "connect: "
start_manager
for count in 1 2 3; do
    expect_status 0 ./counter
    contains "$OUTPUT" "counted to $count in generation $count"
done
expect_status 0 pmemckpt-ctl list example/counter

# The C++ header alone, with the oldest standard it is meant for.
printf '#include <pmemckpt/pmemckpt.hh>\nint main() { return pmemckpt::api::Options().timeout_ms == 0 ? 0 : 1; }\n' >alone.cc
# shellcheck disable=SC2086
c++ -std=c++17 -Wall -Wextra -Wpedantic -Werror alone.cc $flags -Wl,-rpath,"$BUILD/lib" -o alone
./alone
