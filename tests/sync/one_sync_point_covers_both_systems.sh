#!/usr/bin/env bash
# time-limit: 120
# not over devices: sync points go over TCP
# Claims 1, 10, 11, 20: a first program checkpoints itself and sends its state to a second one, on a system of another byte
# order; that one checkpoints itself, and answers when both states are in its checkpoint file on its disk.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/sync.sh"

prove() {
    begin_participant second checkpoint
    begin_first second
    tell first set 17 first-program
    tell second set 4711 second-program
    tell first grow 100000
    tell second grow 200000
    ! grep -qa 'first-program\|second-program' checkpoint || fail "the states are there before the sync point"
    tell first sync
    [ "$ANSWER" = 1 ] || fail "the first sync point is $ANSWER"
    # Whoever has the answer can take the power away: the file alone has both.
    grep -qa first-program checkpoint || fail "the first program's state is not in the checkpoint file"
    grep -qa second-program checkpoint || fail "the second program's state is not in the checkpoint file"
    [ "$(stat -c %a checkpoint)" = 600 ] || fail "others may read the checkpoint file"
    finish first KILL
    finish second KILL

    begin_participant second checkpoint
    begin_first second
    tell first rollback
    shows first "17 first-program"
    shows second "4711 second-program"
    finish first
    finish second
}
on_all_systems prove
