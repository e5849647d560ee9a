#!/usr/bin/env bash
# Each target with its seeds, and with what fuzzing has left: inputs that reach much, and those that broke something.
# not over devices: no connection is made
# time-limit: 300
. "$(dirname "$0")/../support/environment.sh"

replay() {
    local target=$1 place places=()
    for place in "$PROJECT/tests/fuzz"/{corpus,regressions}/"$target"; do
        [ ! -d "$place" ] || places+=("$place")
    done
    "$BUILD/tests/fuzz/$target" "${places[@]}" >"$target.log" 2>&1 || fail "$target: $(tail -n 5 "$target.log")"
    grep -q '^seed ' "$target.log" || fail "$target has no seeds"
    [ "$(tail -n 1 "$target.log")" = "$(find "${places[@]}" /dev/null -type f | wc -l) inputs" ] ||
        fail "$target did not run all: $(tail -n 1 "$target.log")"
    echo "$target: $(grep -c '^seed ' "$target.log") seeds, $(tail -n 1 "$target.log")"
}

for target in "$PROJECT"/tests/fuzz/*_target.cc; do
    target=${target##*/}
    replay "${target%_target.cc}"
done
