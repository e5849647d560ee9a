#!/usr/bin/env bash
# time-limit: 120
# not over devices: sync points go over TCP
# Claims 6, 16: the first program sends the same state over a second session to a third program, which writes it with its own
# into a checkpoint file of its own; only what both hold is a sync point.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/sync.sh"

prove() {
    begin_participant second second-file
    begin_participant third third-file
    begin_first second third
    tell first set 1 of-the-first
    tell second set 2 of-the-second
    tell third set 3 of-the-third
    tell first sync
    for file in second-file third-file; do
        grep -qa of-the-first $file || fail "$file has not the first program's state"
        grep -qa "of-the-${file%-file}" $file || fail "$file has not the state of its own program"
    done
    ! grep -qa of-the-third second-file || fail "the second has the third's state"
    tell third fail save 5
    ask first sync
    contains "$ANSWER" "the former one stands: ${ADDRESS[third]}: the program's save function failed"
    tell third fail save 0
    tell first rollback
    [ "$ANSWER" = 1 ] || fail "rolled back to $ANSWER, which the third does not hold"
    for name in first second third; do finish $name; done
}
on_all_systems prove
