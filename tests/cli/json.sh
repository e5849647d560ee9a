#!/usr/bin/env bash
# Every --json is JSON, with the fields of the man page, and says what is so.
. "$(dirname "$0")/../support/environment.sh"
command -v jq >/dev/null || skip "jq is not installed"
TZ=Asia/Tokyo
export TZ # times must be UTC all the same

# holds FILTER: of the JSON in file "out"
holds() { jq -e "$1" out >/dev/null || fail "not so: $1 of $(cat out)"; }
# has_fields FIELDS WHERE: these and no others
has_fields() {
    local got
    got=$(jq -r "$2 | keys_unsorted | join(\" \")" out)
    [ "$(tr ' ' '\n' <<<"$got" | sort)" = "$(tr ' ' '\n' <<<"$1" | sort)" ] || fail "fields of $2: $got, wanted $1"
}

REGION_FIELDS="name owner keep keep_age_ns max_size epoch generations bytes rights log created created_ns"
GENERATION_FIELDS="region number length crc32c durability epoch writer pinned sealed sealed_ns"

pmemckpt-ctl create-key tester --json >out
has_fields "principal key" .
holds '.principal == "tester"'
[ -f "$(jq -r .key out)" ] || fail "no key at $(jq -r .key out)"
pmemckpt-ctl create-pool pool --size 64M --json >out
has_fields "path uuid size page_size pages usable durability key" .
holds '.size == 67108864 and .page_size == 2097152 and .pages * .page_size == .usable and .usable <= .size'
PAGES=$(jq .pages out) UUID=$(jq -r .uuid out)
[ "$(jq -r .key out)" = "$PMEMCKPT_KEY_DIR/pool-$UUID.key" ] || fail "key: $(jq -r .key out)"
start_manager

pmemckpt-ctl list --json >out
holds '. == []'
pmemckpt-ctl create-region team/app --keep 3 --keep-age 2m --max-size 1M --json >out
has_fields "$REGION_FIELDS" .
holds '.keep_age_ns == 120000000000 and .log == null'
holds '.name == "team/app" and .owner == "tester" and .keep == 3 and .max_size == 1048576 and .generations == 0'
pmemckpt-ctl list team/app --json >out
holds '. == []'
pmemckpt-ctl list --json >out
has_fields "$REGION_FIELDS newest" '.[0]'
holds '.[0].newest == null'

BEFORE_NS=$(date +%s%N)
printf 123456789 | pmemckpt-ctl --json save team/app >out
AFTER_NS=$(date +%s%N)
has_fields "$GENERATION_FIELDS" .
holds '.region == "team/app" and .number == 1 and .length == 9 and .crc32c == "e3069283" and .writer == "tester"'
holds ".sealed_ns >= $BEFORE_NS and .sealed_ns <= $AFTER_NS"
holds '(.sealed | sub("\\.[0-9]{9}Z$"; "Z") | fromdate) == (.sealed_ns / 1000000000 | floor)'
cp out generation
pmemckpt-ctl list team/app --json >out
jq -e --slurpfile saved generation '. == $saved' out >/dev/null || fail "list and save differ: $(cat out generation)"
pmemckpt-ctl list --json >out
jq -e --slurpfile saved generation '.[0].newest == $saved[0] and .[0].bytes == 9' out >/dev/null || fail "$(cat out)"
pmemckpt-ctl restore team/app --to back --json >out
has_fields "$GENERATION_FIELDS file skipped" .
holds '.skipped == []'
holds '.file == "back" and .crc32c == "e3069283"'
[ "$(cat back)" = 123456789 ] || fail "restored: $(cat back)"
expect_status 2 pmemckpt-ctl restore team/app --json
contains "$OUTPUT" "--to"

POOL_FIELDS="name uuid size page_size pages free_pages regions generations durability"
# The same from the session and from the admin socket.
for way in "" "--admin-socket $ADMIN_SOCKET"; do
    # shellcheck disable=SC2086
    pmemckpt-ctl list --pools --json $way >out
    for field in $POOL_FIELDS; do holds ".[0] | has(\"$field\")"; done
    holds "length == 1 and .[0].uuid == \"$UUID\" and .[0].pages == $PAGES and .[0].free_pages == $PAGES - 1"
    holds '.[0].regions == 1 and .[0].generations == 1 and .[0].durability == "page"'
    # shellcheck disable=SC2086
    pmemckpt-ctl status --json $way >out
    holds "(.pools | length == 1) and .pools[0].uuid == \"$UUID\" and (.version | type == \"string\")"
done
# The scrub is the admin socket's alone.
pmemckpt-ctl status --json >out
holds 'has("scrub") | not'
wait_for 'pmemckpt-ctl status --json --admin-socket "$ADMIN_SOCKET" | jq -e ".scrub.passes == 1" >/dev/null'
pmemckpt-ctl status --json --admin-socket "$ADMIN_SOCKET" >out
has_fields "bandwidth rest_s passes total last_pass pass next_pass_s findings further_findings" .scrub
has_fields "generations bytes damaged" .scrub.total
has_fields "generations bytes damaged kept_bytes began began_ns ended ended_ns" .scrub.last_pass
holds '.scrub.pass == null and .scrub.rest_s == 86400 and .scrub.next_pass_s <= 86400'

pmemckpt-ctl list --sessions --json --admin-socket "$ADMIN_SOCKET" >out
holds '. == []'
mkfifo pipe
pmemckpt-ctl save team/app --size 4096 pipe >/dev/null &
started $!
exec 5>pipe
wait_for 'pmemckpt-ctl list --sessions --json --admin-socket "$ADMIN_SOCKET" | jq -e "length == 1" >/dev/null'
pmemckpt-ctl list --sessions --json --admin-socket "$ADMIN_SOCKET" >out
for field in principal pool connected connected_ns; do holds ".[0] | has(\"$field\")"; done
holds '.[0].principal == "tester"'
holds ".[0].engine == \"$PMEMCKPT_TRANSPORT\""
if [ "$PMEMCKPT_TRANSPORT" = verbs ]; then
    holds '[.[0] | .bytes_received, .bytes_sent, .refused] == [null, null, null]'
else
    holds '[.[0] | .bytes_received, .bytes_sent, .refused] == [0, 0, 0]'
fi
TABLE=$(pmemckpt-ctl list --sessions --admin-socket "$ADMIN_SOCKET")
[[ $TABLE =~ PEER\ +ENGINE\ +CONNECTED.*tester.*$PMEMCKPT_TRANSPORT ]] || fail "$TABLE"
exec 5>&-
wait $!

# A device tells nobody what it moves: no 0 is made of it.
"$BUILD/tests/tools/answer_unix" other.sock '{"sessions": [{"id": 7, "peer": "10.0.0.2:1", "engine": "verbs", "bytes_received": null}]}' &
started $!
wait_for 'TABLE=$(pmemckpt-ctl list --sessions --admin-socket "$PWD/other.sock" 2>/dev/null)'
[[ $TABLE =~ 10.0.0.2:1\ +verbs\ .*\ -\ +-$ ]] || fail "$TABLE"

# Retention, pins, the log, cursors, takeover.
pmemckpt-ctl set-retention team/app --keep 4 --keep-age 0 --json >out
has_fields "$REGION_FIELDS" .
holds '.keep == 4 and .keep_age_ns == 0 and .max_size == 1048576'
pmemckpt-ctl pin team/app@1 --json >out
has_fields "$GENERATION_FIELDS" .
holds '.number == 1 and .pinned == true'
pmemckpt-ctl unpin team/app@1 --json >out
holds '.pinned == false'
printf 'one\n\ntwo' | pmemckpt-ctl append team/app --lines --json >out
has_fields "region generation records bytes last_sequence durability" .
holds '.region == "team/app" and .generation == 2 and .records == 3 and .bytes == 8 and .last_sequence == 3 and
    (.durability == "page" or .durability == "apm" or .durability == "gpspm" or .durability == "flush")'
pmemckpt-ctl list --json >out
holds '.[0].log.records == 3 and .[0].log.bytes >= 8 and (.[0].log | keys == ["bytes", "records"])'
pmemckpt-ctl read-log team/app --json >lines
[ "$(wc -l <lines)" = 3 ] || fail "not a line a record: $(cat lines)"
head -n 1 lines >out
has_fields "region generation sequence epoch length base64" .
[ "$(jq -r '.base64 | @base64d' lines | tr '\n' ,)" = "one,,,,two," ] || fail "payloads: $(cat lines)"
jq -s . lines >out
holds 'map(.sequence) == [1, 2, 3] and map(.length) == [4, 1, 3] and all(.generation == 2)'

pmemckpt-ctl read team/app --unread spare --to files --json >out
has_fields "region directory generations damaged records generation sequence" .
holds '.directory == "files" and .generations == [1, 2] and .damaged == [] and .records == 3'
holds '.generation == 2 and .sequence == 3'
pmemckpt-ctl cursor team/app --json >out
has_fields "region name generation sequence" '.[0]'
holds '. == [{"region": "team/app", "name": "spare", "generation": 2, "sequence": 3}]'
pmemckpt-ctl cursor team/app spare --json >one
jq -e --slurpfile one one '.[0] == $one[0]' out >/dev/null || fail "one cursor: $(cat one)"
pmemckpt-ctl cursor-advance team/app other 1 0 --json >out
holds '. == {"region": "team/app", "name": "other", "generation": 1, "sequence": 0}'
pmemckpt-ctl cursor-drop team/app other --json >out
holds '.name == "other"'

pmemckpt-ctl take-over team/app --cursor spare --json >out
has_fields "$REGION_FIELDS previous_epoch newest cursor" .
holds '.previous_epoch + 1 == .epoch and .newest.number == 2 and .cursor.sequence == 3 and .log.records == 3'
pmemckpt-ctl take-over team/app --json >out
holds '.cursor == null'

pmemckpt-ctl watch team/app --after 0 --count 2 >lines
[ "$(wc -l <lines)" = 2 ] || fail "not a line an event: $(cat lines)"
head -n 1 lines >out
has_fields "event number region time time_ns generation epoch principal detail" .
holds '.number == 1 and .region == "team/app" and .principal == "tester" and .event == "primary_connected"'

pmemckpt-ctl create-region other --json >/dev/null
printf x | pmemckpt-ctl save other >/dev/null
printf y | pmemckpt-ctl append other >/dev/null
pmemckpt-ctl clear other --force --json >out
has_fields "name generations bytes records" .
holds '. == {"name": "other", "generations": 1, "bytes": 1, "records": 1}'

pmemckpt-ctl destroy-region team/app --force --json >out
has_fields "name generations bytes records" .
holds '.name == "team/app" and .generations == 2 and .bytes == 9'
