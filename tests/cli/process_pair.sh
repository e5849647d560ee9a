#!/usr/bin/env bash
# time-limit: 240
# The process pair: killed and hung at random moments it loses nothing and does nothing twice; it says what keeps it from
# serving; and its audit notices what it is there for.
. "$(dirname "$0")/../support/environment.sh"
FACTOR=${TIME_LIMIT_FACTOR:-1}
DEMO=$TEST_DIRECTORY/demo KILLS=6 HANG_EVERY=3 SEED=${SEED:-1} HEARTBEAT_MS=$((1000 * FACTOR)) \
    TIMEOUT_MS=$((200 * FACTOR)) SEAL_EVERY=1000 WAIT_S=$((4 * WAIT_LIMIT_S)) \
    "$PROJECT/utils/examples/demo_failover.sh" >demo.out 2>&1 || fail "$(cat demo.out)"
for line in "lost                0" "doubled             0" "otherwise wrong     0" "as at the start" \
    "failovers           6" "SIGKILL (the manager sees that the connection is lost): 4 times" \
    "it hangs; continued later, it was fenced, exit status 8): 2 times"; do
    contains "$(cat demo.out)" "$line"
done

for wrong in "" "nonsense" "serve --heartbeat-ms 1" "serve --name" "serve --listen nowhere" "serve more" \
    "serve --nonsense 1" "load --answers a" "load --server 127.0.0.1:1" "load --server x --answers a" "archive" "audit --answers a"; do
    # shellcheck disable=SC2086
    expect_status 2 process_pair $wrong
done
expect_status 2 process_pair serve --name "a name that is longer than any process of a pair has ever needed"
contains "$OUTPUT" "1 to 32 bytes"
for help in "--help" "serve --help" "audit --help"; do
    # shellcheck disable=SC2086
    expect_status 0 process_pair $help
    contains "$OUTPUT" "--heartbeat-ms"
done

start_manager
HEARTBEAT_MS=$((10000 * FACTOR)) # nobody hangs from here on
# start_member NAME [options]: its pid is in $MEMBER, its address in NAME.address.
start_member() {
    local name=$1
    shift
    rm -f "$name.address"
    process_pair serve --name "$name" --address-file "$name.address" --heartbeat-ms $HEARTBEAT_MS "$@" 2>"$name.log" &
    MEMBER=$!
    started $MEMBER
    wait_for '[ -s '"$name"'.address ] && grep -q "standing by" '"$name.log" $((3 * WAIT_LIMIT_S))
}
serves() { grep -q "serving at" "$1.log"; }
# ask NAME LINE...: prints the answers
ask() {
    local address line
    address=$(<"$1.address")
    shift
    exec 6<>"/dev/tcp/${address%:*}/${address##*:}"
    for line in "$@"; do
        echo "$line" >&6
        read -r -t $WAIT_LIMIT_S -u 6 line && echo "$line"
    done
    exec 6>&-
}
# end_of PID STATUS LOG: it has ended so.
end_of() {
    local status=0
    wait "$1" || status=$?
    [ $status = "$2" ] || fail "exit status $status, wanted $2: $(cat "$3")"
}

# A region that holds something else is left as it is.
echo something | pmemckpt-ctl save foreign --create >/dev/null
expect_status 2 process_pair serve --region foreign
contains "$OUTPUT" "region foreign holds something that process_pair did not write: generation 1: it"
pmemckpt-ctl create-region foreign-log >/dev/null
echo something | pmemckpt-ctl append foreign-log >/dev/null
expect_status 2 process_pair serve --region foreign-log
contains "$OUTPUT" "did not write: record 1"
[ "$(pmemckpt-ctl restore foreign)" = something ] || fail "the foreign generation was touched"
[ -z "$(pmemckpt-ctl read-log foreign)" ] || fail "something was appended to it"
contains "$(pmemckpt-ctl take-over foreign)" "was 1;"
expect_status 2 process_pair audit --region foreign --answers /dev/null --archive /dev/null

# What is asked, and asked again; the backup sends clients away.
process_pair archive --region team/bank --output archive 2>archive.log &
started $!
ARCHIVE=$!
start_member left --region team/bank --accounts 10
LEFT=$MEMBER
wait_for 'serves left' $((3 * WAIT_LIMIT_S))
start_member right --region team/bank
RIGHT=$MEMBER
[ "$(ask left ping 'transfer 7 1 0 1 400' 'transfer 7 1 0 1 400' 'transfer 7 2 0 1 601' 'transfer 7 2 0 1 1' \
    'transfer 7 1 0 1 1')" = "pong 2
done 1 600 1400 2
done 1 600 1400 2
refused 2 600 1400 2
refused 2 600 1400 2
superseded 1" ] || fail "answers: $(cat left.log)"
[ "$(ask right ping 'transfer 7 3 0 1 400')" = $'backup\nbackup' ] || fail "the backup answers"
for wrong in 'transfer 7 3 0 10 1:there are accounts 0 to 9' 'transfer 7 3 1 1 1:between two accounts' \
    'transfer 7 3 0 1 0:an amount is from 1' 'transfer 7 3 0 1:a request is' 'nonsense:a request is' \
    'transfer 7 3 0 -1 1:a request is' 'transfer 7 3 0 4294967296 1:a request is'; do
    contains "$(ask left "${wrong%%:*}")" "error "
    contains "$(ask left "${wrong%%:*}")" "${wrong#*:}"
done

# Told to end, the primary leaves in an orderly way, and the backup takes over; it knows what was answered.
kill -TERM $LEFT
end_of $LEFT 0 left.log
wait_for 'serves right' $((3 * WAIT_LIMIT_S))
contains "$(cat right.log)" "no primary: it has left; taken over"
contains "$(ask right 'transfer 7 2 0 1 601')" "refused 2 600 1400 3"
contains "$(ask right 'transfer 7 3 1 0 400')" "done 3 1000 1000 3"
# A backup that is killed is no loss; and when both are gone, the region has all that the next one needs.
start_member left --region team/bank
LEFT=$MEMBER
kill -KILL $LEFT $RIGHT
wait $LEFT $RIGHT 2>/dev/null || true
start_member left --region team/bank
LEFT=$MEMBER
wait_for 'serves left' $((3 * WAIT_LIMIT_S))
contains "$(ask left 'transfer 7 3 1 0 400')" "done 3 1000 1000 "
# A backup told to end does so at once, though it waits for the primary's next word.
start_member right --region team/bank
kill -TERM $MEMBER
end_of $MEMBER 0 right.log

# The load ends by itself, and the audit notices what is wrong with what was written down.
{
    echo "answered 7 1 0 1 400 done 600 1400 2 0"
    echo "answered 7 2 0 1 601 refused 600 1400 2 0"
    echo "answered 7 3 1 0 400 done 1000 1000 3 0"
} >by-hand
expect_status 0 process_pair load --server "$(<left.address)" --answers by-load --clients 4 --transfers 50 --accounts 10 \
    --timeout-ms $((1000 * FACTOR)) --first-client 100 --pause-us 100
contains "$OUTPUT" "200 transfers answered"
cat by-hand by-load >answers
audit() { # [ANSWERS [ARCHIVE [SECONDS]]]
    process_pair audit --region team/bank --answers "${1:-answers}" --archive "${2:-archive}" --wait-s "${3:-$WAIT_LIMIT_S}"
}
expect_status 0 audit
contains "$OUTPUT" "transfers answered  203"
contains "$OUTPUT" "money               10000 on 10 accounts, as at the start"
wait_for '[ "$(wc -l <archive)" = 203 ]' # it may be a moment behind
cp archive archived
cp answers lost
echo "answered 8 1 0 1 5 done 5 5 9 0" >>lost
expect_status 1 audit lost
contains "$OUTPUT" "transfer 1 of client 8 was answered, and is not there"
contains "$OUTPUT" "lost                1"
sed 's/^answered 7 3 1 0 400 done 1000 1000/answered 7 3 1 0 400 done 1000 1001/' answers >balance
expect_status 1 audit balance
contains "$OUTPUT" "transfer 3 of client 7 was answered with something else than what was done"
grep -v "^answered 100 5 " answers >unasked
expect_status 1 audit unasked
contains "$OUTPUT" "transfer 5 of client 100 was done, and nobody asked for it"
echo "unanswered 8 1 0 1 5" >>answers
expect_status 0 audit # whether that one was done, nobody was told
echo "answered nonsense" >nonsense
expect_status 2 audit nonsense
contains "$OUTPUT" "nonsense, line 1"
# A record that was there and is no more; one that says something else; one that is missing.
{ cat archived && echo "record 204 9 1 0 1 1 done 1 1 4"; } >extra
expect_status 1 audit answers extra
contains "$OUTPUT" "record 204 was there, and is no more"
sed '/^record 150 /s/ [0-9]*$//; /^record 150 /s/ \([0-9]*\)$/ 1\1 4/' archived >other
expect_status 1 audit answers other
contains "$OUTPUT" "record 150 was seen twice, with different contents"
kill -TERM $LEFT # another generation, so that the log of now does not have them all
end_of $LEFT 0 left.log
start_member left --region team/bank --seal-every 1
LEFT=$MEMBER
wait_for 'serves left' $((3 * WAIT_LIMIT_S))
contains "$(ask left 'transfer 7 4 1 0 1')" "done 4 "
echo "answered 7 4 1 0 1 done $(ask left 'transfer 7 4 1 0 1' | cut -d' ' -f 3,4) 5 0" >>answers
expect_status 0 audit
sed '/^record 150 /d' archive >gap
expect_status 1 audit answers gap 0
contains "$OUTPUT" "the archive has no record of transfer 150 of 204: nothing is proved"

# The manager is gone: at once an end with its own status, and the way on is to start again.
start_member right --region team/bank
RIGHT=$MEMBER
stop_manager KILL
end_of $LEFT 6 left.log
end_of $RIGHT 6 right.log
contains "$(tail -n 1 left.log)" "connect again"
contains "$(tail -n 1 right.log)" "connect again"
end_of $ARCHIVE 6 archive.log
expect_status 1 process_pair load --server "$(<left.address)" --server "$(<right.address)" --answers answers \
    --clients 2 --patience-s 1
contains "$OUTPUT" "2 transfers were never answered"
expect_status 6 process_pair serve
