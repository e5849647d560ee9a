#!/usr/bin/env bash
# not over devices: nobody is connected in it
# The shared library exports its C API, all of it, with its version, and nothing else.
. "$(dirname "$0")/../support/environment.sh"
command -v nm >/dev/null || skip "binutils are not installed"
library=$BUILD/lib/libpmemckpt.so.1
exported=$(nm -D --defined-only "$library" | awk '$2 != "A" {print $3}' | sort)
declared=$(sed -n 's/^PMEMCKPT_API .*[ *]\(pmemckpt_[a-z_]*\)(.*/\1@@PMEMCKPT_1/p' "$PROJECT"/lib/include/pmemckpt/{pmemckpt,sync_region}.h | sort)
[ -n "$declared" ] || fail "no declarations were found"
[ "$exported" = "$declared" ] || fail "$(diff <(echo "$declared") <(echo "$exported"))"
contains "$(readelf -d "$library")" "[libpmemckpt.so.1]"
