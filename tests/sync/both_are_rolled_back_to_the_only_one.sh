#!/usr/bin/env bash
# time-limit: 120
# not over devices: sync points go over TCP
# Claims 5, 15: after one sync point both are rolled back to it; as often as one wants, and after both were started anew.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/sync.sh"

prove() {
    begin_participant second checkpoint
    begin_first second
    tell first set 5 five
    tell second set 50 fifty
    tell first sync
    for _ in 1 2; do
        tell first set 6 six
        tell second set 60 sixty
        tell first rollback
        [ "$ANSWER" = 1 ] || fail "rolled back to $ANSWER"
        shows first "5 five"
        shows second "50 fifty"
    done
    finish first KILL
    finish second KILL
    begin_participant second checkpoint
    begin_first second
    tell first newest
    [ "$ANSWER" = "1 must roll back" ] || fail "newest: $ANSWER"
    ask first sync
    contains "$ANSWER" "roll back first"
    tell first rollback
    shows first "5 five"
    shows second "50 fifty"
    tell first sync
    [ "$ANSWER" = 2 ] || fail "the next one is $ANSWER"
    finish first
    finish second
}
on_all_systems prove
