#!/usr/bin/env bash
# A second damage after a repair: what was reported in between is lost only when it is asked for, and what the first
# repair took away does not come back.
. "$(dirname "$0")/../support/environment.sh"
command -v jq >/dev/null || skip "jq is not installed"
make_pool 16M
start_manager
for i in 1 2 3; do
    { echo "marker of generation $i" && head -c $((i * 3000)) /dev/urandom; } >state.$i
    pmemckpt-ctl save team/app state.$i --create >/dev/null
done
printf 'one\ntwo\nthree\nfour\nfive\n' | pmemckpt-ctl append team/app --lines >/dev/null
pmemckpt-ctl cursor-advance team/app reader 3 5 >/dev/null
stop_manager
cp --sparse=always pool good
HALF=$(($(pmemckpt-ctl check pool --json | jq .journal.half_bytes) + 65536)) # where the second half begins

flip() { printf '\132' | dd of=pool bs=1 seek="$1" conv=notrunc status=none; }
place_of() { grep -abo "$1" pool | cut -d: -f1 | awk -v least="${2:-0}" '$1 >= least {print; exit}'; }
# repaired COPY: ./pool, whose journal is in its second half then.
repaired() {
    rm -rf "$1" "$1.logs"
    pmemckpt-ctl check pool --repair --copy "$1" >said || fail "$(cat said)"
    [ "$(pmemckpt-ctl check pool --json | jq .journal.half)" = "$2" ] || fail "not in half $2: $(pmemckpt-ctl check pool)"
}
# served COMMAND...: with a manager
served() {
    start_manager
    "$@"
    stop_manager
}
append() { printf '%s\n' "$@" | pmemckpt-ctl append team/app --lines >/dev/null; }

# The damage goes on from the snapshot over the record of a generation that was reported: no mend can know of that.
flip 30
repaired copy 1
served pmemckpt-ctl save team/app state.1 >/dev/null
dd if=/dev/zero of=pool bs=1 seek="$HALF" count=4096 conv=notrunc status=none
expect_status 7 pmemckpt-ctl check pool --repair
contains "$OUTPUT" "--older-state"
cp --sparse=always good pool

# A cursor was set back by a repair; its old place, in the half before, is no source for a mend of the new one.
flip "$(place_of five)"
repaired copy 1
contains "$(cat said)" "cursor reader: set back"
served append five-new six-new
flip "$(place_of reader "$HALF")"
expect_status 7 pmemckpt-ctl check pool --repair
cp --sparse=always good pool

# What was reported between two repairs is not thrown away by the copy of the first.
flip "$(place_of 'marker of generation 1')"
repaired copy 1
served append reported
flip "$(place_of 'marker of generation 2')"
repaired copy.2 0
expect_status 2 pmemckpt-ctl check pool --restore-copy copy
contains "$OUTPUT" "was changed since"
served true
expect_status 0 pmemckpt-ctl check pool --restore-copy copy.2
