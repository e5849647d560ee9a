#!/usr/bin/env bash
# not over devices: sync points go over TCP
# What a participant holds, while its coordinator is at work: before a job, with sync points, in doubt, and when it must be
# rolled back; the table for people and JSON for scripts say the same.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/sync.sh"
command -v jq >/dev/null || skip "jq is not installed"
FIRST=native OTHERS=native

# is FILTER VALUE: of the JSON of the file service
is() {
    local found
    found=$(pmemckpt-ctl remote-list "${ADDRESS[files]}" --json | jq -c "$1")
    [ "$found" = "$2" ] || fail "$1 is $found, and should be $2"
}

mkdir served
begin_filed files served
begin_participant second second.checkpoint
is .jobs '[]'
is .address "\"${ADDRESS[files]}\""
expect_status 0 pmemckpt-ctl remote-list "${ADDRESS[files]}"
contains "$OUTPUT" "No coordinator has opened a job with it."

begin_first files second
is '.jobs | map([.job, .highest, .must_roll_back, .sync_points])' '[["batch",0,false,[]]]'
expect_status 0 pmemckpt-ctl remote-list "${ADDRESS[files]}"
contains "$OUTPUT" "It holds no sync point."

tell first set 1 one
tell first sync
tell first sync
# The coordinator is not disturbed: it goes on.
is '.jobs[0] | [.term, .highest, .must_roll_back, (.sync_points | map([.number, .complete]))]' '[1,2,false,[[1,true],[2,true]]]'
is '.jobs[0].sync_points[1] | [(.participants | length), .coordinator_bytes > 0, .participant_bytes > 0, (.tag | length)]' '[2,true,true,36]'
is '.participant as $own | .jobs[0].sync_points | map(.participants | index($own) != null)' '[true,true]'
tell first sync
[ "$ANSWER" = 3 ] || fail "the third sync point has number $ANSWER"

TAG=$(pmemckpt-ctl remote-list "${ADDRESS[files]}" --json | jq -r '.jobs[0].sync_points[1].tag')
expect_status 0 pmemckpt-ctl remote-list "${ADDRESS[files]}"
contains "$OUTPUT" "job batch, term 1, highest number 3, need not be rolled back"
contains "$OUTPUT" "NUMBER  TAG       STATE     PARTICIPANTS  COORDINATOR-BYTES  PARTICIPANT-BYTES"
grep -qE "^ +3  ${TAG%%-*}  complete +2 +[1-9][0-9]* +[1-9][0-9]*\$" <<<"$OUTPUT" || fail "no row for number 3: $OUTPUT"
# A participant that is no file service says it as well.
expect_status 0 pmemckpt-ctl remote-list "${ADDRESS[second]}"
contains "$OUTPUT" "${TAG%%-*}"

# Killed, and started anew: its program's state is lost.
end_filed files KILL
begin_filed files served
is '.jobs[0] | [.highest, .must_roll_back]' '[3,true]'
expect_status 0 pmemckpt-ctl remote-list "${ADDRESS[files]}"
contains "$OUTPUT" "must be rolled back"
ask first rollback # it notices that the connection is gone
tell first rollback
is '.jobs[0].must_roll_back' false

# In doubt: the other one is gone while it is taken, and the coordinator before it can tell.
tell second slow 60000
echo sync >&"${TO[first]}"
wait_for '[ "$(pmemckpt-ctl remote-list "${ADDRESS[files]}" --json | jq ".jobs[0].highest")" = 4 ]'
finish first KILL
is '.jobs[0].sync_points | map([.number, .complete])' '[[2,true],[3,true],[4,false]]'
expect_status 0 pmemckpt-ctl remote-list "${ADDRESS[files]}"
contains "$OUTPUT" "in doubt"
finish second KILL

expect_status 6 pmemckpt-ctl remote-list "${ADDRESS[second]}"
contains "$OUTPUT" "can't connect to ${ADDRESS[second]}"
expect_status 2 pmemckpt-ctl remote-list
expect_status 6 pmemckpt-ctl remote-list no.such.host.invalid
contains "$OUTPUT" "is not known"
end_filed files
