#!/usr/bin/env bash
# check --repair: what does not verify goes, after a copy of the metadata was made; a manager serves the rest, and the
# backups with cursors go on. A second run changes nothing. The copy can be put back.
. "$(dirname "$0")/../support/environment.sh"
command -v jq >/dev/null || skip "jq is not installed"
start_manager
for i in 1 2 3; do
    { head -c 3000000 /dev/urandom && echo "marker of generation $i" && head -c $((i * 1000)) /dev/urandom; } >state.$i
    pmemckpt-ctl save team/app state.$i --create >/dev/null
done
printf 'record one\nrecord two\nrecord three\n' | pmemckpt-ctl append team/app --lines >/dev/null
pmemckpt-ctl read team/app --unread spare --to read >/dev/null
pmemckpt-ctl cursor-advance team/app behind 2 >/dev/null

expect_status 4 pmemckpt-ctl check pool --repair
contains "$OUTPUT" "in use by another program, most likely its manager"
[ -z "$(ls pool.metadata-* 2>/dev/null)" ] || fail "a refused repair left a copy"
stop_manager
cp --sparse=always pool good

offset_of() { grep -abo "$1" good | head -n 1 | cut -d: -f1; }
# put OFFSET BYTES: into ./pool
put() { printf "$2" | dd of=pool bs=1 seek="$1" conv=notrunc status=none; }
anew() { cp --sparse=always good pool && rm -rf copy copy.logs; }
# repaired STATUS [option...]: of ./pool, with the copy in ./copy; what it says is in ./json
repaired() {
    local wanted=$1 got=0
    shift
    pmemckpt-ctl check pool --repair --copy copy --json "$@" >json 2>error || got=$?
    [ "$got" = "$wanted" ] || fail "exit status $got, wanted $wanted: $(cat json error)"
}
# nothing_more: a second run finds nothing, changes nothing and makes no copy
nothing_more() {
    local before
    before=$(sha256sum <pool && stat -c %Y pool)
    expect_status 0 pmemckpt-ctl check pool --repair --copy another
    contains "$OUTPUT" "All of it verifies: nothing was changed."
    [ ! -e another ] || fail "a copy for no change"
    [ "$before" = "$(sha256sum <pool && stat -c %Y pool)" ] || fail "the second run changed the pool"
    expect_status 0 pmemckpt-ctl check pool
}

nothing_more

# The newest generation: its log goes too, and is in a file; the cursors go back, and numbers go on.
put "$(offset_of 'marker of generation 3')" M
cp --sparse=always pool damaged
repaired 0
jq -e '.good and .changed and .copy == "copy" and .older_state == null and .findings == []
    and [.changes[].where] == ["team/app@3", "team/app log", "team/app cursor spare"]
    and [.files[] | .region, .generation, .file, .records, .bytes, .behind_end]
        == ["team/app", 3, "copy.logs/team/app/3.log", 3, 35, false]' json >/dev/null || fail "JSON: $(cat json)"
[ "$(cat copy.logs/team/app/3.log)" = "$(printf 'record one\nrecord two\nrecord three')" ] || fail "the log's records"
[ "$(stat -c %a copy)" = 600 ] || fail "the copy's mode"
cmp -n "$(stat -c %s copy)" copy damaged || fail "the copy is not the metadata as it was"
nothing_more

start_manager
pmemckpt-ctl restore team/app --to back >/dev/null
cmp back state.2 || fail "the newest that verified"
[ "$(pmemckpt-ctl cursor team/app spare --json | jq -c '[.generation, .sequence]')" = '[2,0]' ] || fail "spare's cursor"
echo "after it" | pmemckpt-ctl append team/app >/dev/null
for backup in spare behind; do
    pmemckpt-ctl read team/app --unread $backup --to new.$backup >/dev/null
    [ "$(ls new.$backup)" = 2.log ] || fail "unread of $backup: $(ls new.$backup)"
    [ "$(cat new.$backup/2.log)" = "after it" ] || fail "$backup's records"
done
contains "$(pmemckpt-ctl save team/app state.1)" "team/app@4 "
pmemckpt-ctl read team/app --unread spare --to new.spare >/dev/null
cmp new.spare/4 state.1 || fail "the generation after the repair is not new to spare"
stop_manager

# The way back: refused when it would lose what was done since, unless --force says so.
expect_status 2 pmemckpt-ctl check pool --restore-copy copy
contains "$OUTPUT" "was changed since"
pmemckpt-ctl check pool --restore-copy copy --force >/dev/null
expect_status 7 pmemckpt-ctl check pool
contains "$OUTPUT" "damage: team/app@3: "
cp --sparse=always damaged pool
rm -rf copy copy.logs
repaired 0
pmemckpt-ctl check pool --restore-copy copy --json | jq -e '.copy == "copy"' >/dev/null || fail "JSON of the way back"
cmp pool damaged || fail "the copy brings back something else"
expect_status 2 pmemckpt-ctl check pool --restore-copy state.1
contains "$OUTPUT" "is no copy of a pool's metadata"
pmemckpt-ctl create-pool other --size 64M >/dev/null
expect_status 2 pmemckpt-ctl check other --restore-copy copy
contains "$OUTPUT" "is of pool "

# Both superblocks: no repair, but a copy that was made once.
anew
put 100 X
repaired 0
put 100 X
put 4200 X
rm -rf copy.2
expect_status 7 pmemckpt-ctl check pool --repair --copy copy.2
contains "$OUTPUT" "both superblocks are damaged"
[ ! -e copy.2 ] || fail "a copy of what can't be repaired"
# Nothing tells any more what was done since the repair.
expect_status 2 pmemckpt-ctl check pool --restore-copy copy
contains "$OUTPUT" "can't be opened, so nothing tells"
cp --sparse=always pool before
kept=$(pmemckpt-ctl check pool --restore-copy copy --force --json | jq -r .kept)
cmp "$kept" before -n "$(stat -c %s copy)" || fail "what was overwritten is not in $kept"
expect_status 0 pmemckpt-ctl check pool --restore-copy copy
expect_status 0 pmemckpt-ctl check pool --repair --copy copy.2
contains "$OUTPUT" "repaired: superblock A: written anew"

# A copy is never overwritten, and without one nothing is changed.
anew
put 100 X
cp --sparse=always pool before
echo precious >copy
repaired 4
[ "$(cat copy)" = precious ] || fail "the copy was overwritten"
expect_status 3 pmemckpt-ctl check pool --repair --copy nowhere/copy
cmp pool before || fail "it was changed without a copy"
rm copy
rm -f pool.metadata-* # of the ways back before
expect_status 0 pmemckpt-ctl check pool --repair
cmp -n 65536 pool.metadata-*T*Z before || fail "the copy of the default name"

# A record of the log: those behind it are in a file, and the log goes on before them.
anew
put "$(offset_of 'record two')" R
repaired 0
jq -e '[.changes[].where] == ["team/app log", "team/app cursor spare"] and [.files[] | .file, .first_record, .behind_end]
    == ["copy.logs/team/app/3.log.behind", 3, true]' json >/dev/null || fail "JSON: $(cat json)"
[ "$(cat copy.logs/team/app/3.log.behind)" = "record three" ] || fail "what was behind it"
nothing_more
start_manager
echo "record 2" | pmemckpt-ctl append team/app >/dev/null
[ "$(pmemckpt-ctl read-log team/app)" = "$(printf 'record one\nrecord 2')" ] || fail "the log after its repair"
pmemckpt-ctl read team/app --unread spare --to read >/dev/null
[ "$(cat read/3.log)" = "$(printf 'record one\nrecord 2')" ] || fail "spare did not get the new record"
stop_manager

# The journal in its middle: an older state, only when it is asked for, and said which.
anew
put 65900 XXXX
cp --sparse=always pool before
repaired 7
contains "$(cat error)" "repair with --older-state"
contains "$(cat error)" "of the journal, and all that they say, are lost with that"
cmp pool before || fail "it was changed"
[ ! -e copy ] || fail "a copy without a repair"
repaired 0 --older-state
jq -e '.good and (.older_state | startswith("the state after record ")) and .first_lost_record > 1
    and .last_lost_record >= .first_lost_record' json >/dev/null || fail "JSON: $(cat json)"
nothing_more
start_manager
number=$(pmemckpt-ctl save team/app state.3 --json --create | jq .number)
[ "$number" -gt 3 ] || fail "generation $number was given out before"
stop_manager

# Cut short: it says how to go on, and that works.
anew
truncate -s 20M pool
repaired 7
contains "$(cat error)" "truncate -s 67108864 pool"
truncate -s 67108864 pool
repaired 0
nothing_more
expect_status 2 pmemckpt-ctl check pool --older-state
expect_status 2 pmemckpt-ctl check pool --repair --restore-copy copy
