#!/usr/bin/env bash
# time-limit: 120
# not over devices: sync points go over TCP
# Claims 1: the response is sent after the checkpoint file is written: who does not save fails the sync point, and one that is
# killed before it has answered leaves the former one, which is then restored by both.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/sync.sh"

prove() {
    begin_participant second checkpoint
    begin_first second
    tell first set 1 one
    tell second set 1 one
    tell first sync

    tell second fail save 28
    ask first sync
    contains "$ANSWER" "error 28 sync point 2 was not taken, the former one stands: ${ADDRESS[second]}: the program's save function failed: No space left on device"
    tell second fail save 0

    # It is killed while it saves.
    tell second slow 60000
    tell second set 2 two
    tell first set 2 two
    echo sync >&"${TO[first]}"
    sleep 0.5
    finish second KILL
    hear first
    contains "$ANSWER" "error"
    begin_participant second checkpoint
    tell first rollback
    [ "$ANSWER" = 1 ] || fail "rolled back to $ANSWER"
    shows first "1 one"
    shows second "1 one"
    finish first
    finish second
}
on_all_systems prove
