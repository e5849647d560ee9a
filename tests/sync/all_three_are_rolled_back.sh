#!/usr/bin/env bash
# time-limit: 120
# not over devices: sync points go over TCP
# Claims 8, 18: a rollback request over each session: both other programs are rolled back by their own checkpoint files, and
# the first by the state that both responses bring, which must be the same.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/sync.sh"

prove() {
    begin_participant second second-file
    begin_participant third third-files/
    begin_first second third
    for number in 1 2; do
        for name in first second third; do tell $name set $number $name-$number; done
        tell third grow $((number * 700000))
        tell first sync
    done
    for name in first second third; do tell $name set 9 at-work; done
    tell first rollback
    [ "$ANSWER" = 2 ] || fail "rolled back to $ANSWER"
    for name in first second third; do shows $name "2 $name-2"; done

    # One of them can't give it back: nobody is left with another state than the others, and the first is not restored.
    for name in first second third; do tell $name set 9 at-work; done
    sed -i 's/third-2/third-X/' third-files/2-*.state
    ask first rollback
    contains "$ANSWER" "does not verify"
    for name in first second third; do shows $name "9 at-work"; done
    tell first rollback 1
    for name in first second third; do shows $name "1 $name-1"; done
    for name in first second third; do finish $name; done
}
on_all_systems prove
