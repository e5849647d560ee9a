#!/usr/bin/env bash
# time-limit: 120
# not over devices: sync points go over TCP
# Claims 3, 13: after two sync points both programs are rolled back to the second: the second program by what is in its
# checkpoint file, the first by what the response brings.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/sync.sh"

prove() {
    begin_participant second checkpoint
    begin_first second
    for number in 1 2; do
        tell first set $number first-$number
        tell first grow $((number * 100000))
        tell second set $((number * 10)) second-$number
        tell second grow $((number * 333333))
        tell first sync
    done
    tell first show && FIRST=$ANSWER
    tell second show && SECOND=$ANSWER
    tell first set 3 at-work
    tell second set 3 at-work
    tell second grow 5
    tell first rollback
    [ "$ANSWER" = 2 ] || fail "rolled back to $ANSWER"
    tell first show
    [ "$ANSWER" = "$FIRST" ] || fail "the first is $ANSWER, and was $FIRST"
    tell second show
    [ "$ANSWER" = "$SECOND" ] || fail "the second is $ANSWER, and was $SECOND"
    finish first
    finish second
}
on_all_systems prove
