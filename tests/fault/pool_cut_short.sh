#!/usr/bin/env bash
# A pool's file is cut short while it is served: reading and writing what is gone is an error of that session, and the
# manager, its other generations and its other regions go on.
. "$(dirname "$0")/../support/environment.sh"
command -v jq >/dev/null || skip "jq is not installed"
marker() { { echo "marker of $1" && head -c 3000000 /dev/urandom; } >"state.$1"; }
start_manager --scrub-bandwidth 0
for i in 1 2 3; do
    marker $i
    pmemckpt-ctl save team/app state.$i --create >/dev/null
done
pmemckpt-ctl create-region other/app >/dev/null
seq 100000 >lines
pmemckpt-ctl append team/app --lines <lines >/dev/null
AT=$(grep -abo "marker of 3" pool | cut -d: -f1)
truncate -s $((AT + 1048576)) pool

# The log and the newest generation are gone; the older ones are there.
expect_status 9 pmemckpt-ctl restore team/app --to restored
cmp restored state.2
contains "$OUTPUT" "generation 3"
contains "$OUTPUT" "was cut short, to $((AT + 1048576)) bytes"
expect_status 7 pmemckpt-ctl restore team/app@3 --to restored
expect_status 0 pmemckpt-ctl restore team/app@2 --to restored.2
cmp restored.2 state.2
[ "$(pmemckpt-ctl read-log team/app | wc -l)" = 0 ] || fail "the log gives records that are gone"
running "$MANAGER_PID" || fail "the manager has ended"

# What is written there is no generation, and not the end of anything else.
for i in 1 2 3; do
    got=0
    pmemckpt-ctl save other/app state.$i >/dev/null 2>&1 || got=$?
    [ $got != 0 ] || fail "a generation was sealed beyond the end of the file"
done
running "$MANAGER_PID" || fail "the manager has ended"
[ "$(pmemckpt-ctl list other/app --json | jq length)" = 0 ] || fail "$(pmemckpt-ctl list other/app)"
pmemckpt-ctl restore team/app@1 --to restored.1 >/dev/null
cmp restored.1 state.1
stop_manager
[ "$MANAGER_STATUS" = 0 ] || fail "exit status $MANAGER_STATUS"
