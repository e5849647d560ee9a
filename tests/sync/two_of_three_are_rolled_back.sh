#!/usr/bin/env bash
# time-limit: 120
# not over devices: sync points go over TCP
# Claims 7: of three systems the first and the second are rolled back, and the third, whose program has not changed since the
# sync point, is left as it is.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/sync.sh"

prove() {
    begin_participant second second-file
    begin_participant third third-file
    begin_first second third
    for name in first second third; do tell $name set 1 $name-1; done
    tell first sync
    tell first set 2 at-work
    tell second set 2 at-work
    tell third fail restore 5 # it would be noticed
    tell first rollback-of "${ADDRESS[second]}"
    [ "$ANSWER" = 1 ] || fail "rolled back to $ANSWER"
    shows first "1 first-1"
    shows second "1 second-1"
    shows third "1 third-1"
    tell third fail restore 0
    for name in first second third; do tell $name set 3 $name-3; done
    tell first sync
    tell first rollback
    for name in first second third; do shows $name "3 $name-3"; done
    ask first rollback-of 127.0.0.1:1
    contains "$ANSWER" "127.0.0.1:1 is no participant of job batch"
    for name in first second third; do finish $name; done
}
on_all_systems prove
