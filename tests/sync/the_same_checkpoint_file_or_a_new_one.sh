#!/usr/bin/env bash
# time-limit: 120
# not over devices: sync points go over TCP
# Claims 4, 14: the second sync point goes into the same checkpoint file, which does not grow with their number; or into
# another one.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/sync.sh"

prove() {
    begin_participant second one-file
    begin_participant third files/
    begin_first second third
    tell first grow 300000
    tell second grow 500000
    for number in {1..12}; do
        tell second set "$number" second
        tell third set "$number" third
        tell first sync
        [ "$number" != 4 ] || SIZE=$(stat -c %s one-file)
    done
    [ "$(stat -c %s one-file)" = "$SIZE" ] || fail "the file has grown from $SIZE to $(stat -c %s one-file) bytes"
    # The last two are kept, each in a file of its own; and the table.
    [ "$(ls files | sed 's/-.*//' | tr '\n' ' ')" = "11 12 table " ] || fail "the files: $(ls files)"
    tell first rollback 11
    shows second "11 second"
    shows third "11 third"
    finish first
    finish second
    finish third
}
on_all_systems prove
