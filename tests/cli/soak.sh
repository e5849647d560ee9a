#!/usr/bin/env bash
# time-limit: 240
# A short soak: at least 30 processes killed at random, and nothing that was reported is lost. An hour of it: make soak.
. "$(dirname "$0")/../support/environment.sh"
mkdir soak
expect_status 0 "$BUILD/tests/soak" run programs="$BUILD/bin" directory="$TEST_DIRECTORY/soak" time=12s kills=30 worlds=1 \
    host="$TEST_HOST" seed="${SEED:-1}" slowness="${TIME_LIMIT_FACTOR:-1}"
[ "$(awk '/^SIGKILLs/ {print $2}' <<<"$OUTPUT")" -ge 30 ] || fail "$OUTPUT"
[ "$(awk '/^failures/ {print $2}' <<<"$OUTPUT")" = 0 ] || fail "$OUTPUT"
for counted in "generations reported" "appends answered" "generations verified" "records verified" audits; do
    [ "$(sed -n "s/^$counted  *\([0-9]*\) .*/\1/p" <<<"$OUTPUT")" -gt 0 ] || fail "no $counted: $OUTPUT"
done
[ -z "$(ls soak)" ] || fail "it left $(ls soak)"
for wrong in "" "run" "run programs=$BUILD/bin directory=soak time=never" "run programs=$BUILD/bin directory=soak worlds=0" \
    "run nonsense" "nonsense"; do
    # shellcheck disable=SC2086
    expect_status 2 "$BUILD/tests/soak" $wrong
done
