#!/usr/bin/env bash
# time-limit: 120
# not over devices: sync points go over TCP
# Claims 2, 12: a second sync point, with a third and a fourth set of status, over the same session; the first one's are not
# touched by it.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/sync.sh"

prove() {
    begin_participant second checkpoints/
    begin_first second
    for number in 1 2; do
        tell first set $number first-$number
        tell second set $((number * 10)) second-$number
        tell first sync
        [ "$ANSWER" = $number ] || fail "sync point $number is $ANSWER"
    done
    for number in 1 2; do
        files=(checkpoints/"$number"-*.state)
        [ ${#files[@]} = 1 ] || fail "sync point $number has ${#files[@]} files"
        grep -qa first-$number "${files[0]}" || fail "file $number has not the first program's state"
        grep -qa second-$number "${files[0]}" || fail "file $number has not the second program's state"
    done
    tell first newest
    [ "$ANSWER" = 2 ] || fail "the newest is $ANSWER"
    finish first
    finish second
}
on_all_systems prove
