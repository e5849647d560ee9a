#!/usr/bin/env bash
# time-limit: 180
# not over devices: sync points go over TCP
# Claims 9, 19: the first program has several sessions with the second, each with several files; the checkpoint flushes all of
# them, and all are rolled back: their bytes, their existence, and where each session was in them.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/sync.sh"

prove() {
    mkdir served
    begin_filed files served
    begin_first files
    tell first set 1 one
    for session in 1 2 3; do
        tell first session $session "${ADDRESS[files]}"
        for file in a b; do
            tell first open $session $session-$file rwc
            tell first write $session "$ANSWER" "$session $file before the sync point"
        done
    done
    tell first seek 2 0 5
    tell first sync
    cp -a served before
    rm -r before/.pmemckpt-filed

    # All kinds of changes, in all sessions.
    tell first set 2 two
    tell first write 1 0 " and after it"
    tell first seek 2 0 0
    tell first write 2 0 OVERWRITTEN
    tell first truncate 2 1 3
    tell first close 3 0
    tell first remove 3 3-a
    tell first rename 3 3-b 3-c
    tell first open 3 new rwc
    tell first write 3 "$ANSWER" new
    ! diff -r served before >/dev/null || fail "nothing has changed"

    # Both are killed.
    finish first KILL
    end_filed files KILL
    begin_filed files served
    begin_first files
    tell first rollback
    shows first "1 one"
    diff -r -x .pmemckpt-filed served before || fail "the files are not what they were"
    for session in 1 2 3; do tell first session $session "${ADDRESS[files]}"; done
    tell first position 1 0
    [ "$ANSWER" = 25 ] || fail "session 1 is at $ANSWER of its first file"
    tell first position 2 0
    [ "$ANSWER" = 5 ] || fail "session 2 is at $ANSWER of its first file"
    tell first read 2 0 100
    [ "$ANSWER" = "efore the sync point" ] || fail "session 2 reads: $ANSWER"
    # The sessions go on from there.
    tell first write 3 0 ", and on"
    [ "$(cat served/3-a)" = "3 a before the sync point, and on" ] || fail "session 3 goes on with $(cat served/3-a)"
    tell first sync
    ask first open 1 ../outside r
    contains "$ANSWER" "error 13 ${ADDRESS[files]}: ../outside has a part . or .."
    finish first
    end_filed files
}
# The service runs on Linux, and is built for this system.
SYSTEMS="native:native s390x:native armhf:native"
on_all_systems prove
