#!/usr/bin/env bash
# read --unread brings to a folder what this name has not read, and no more; its cursor outlives the manager. read --all
# brings all.
. "$(dirname "$0")/../support/environment.sh"
command -v jq >/dev/null || skip "jq is not installed"
start_manager
# at NAME: generation and sequence
at() { pmemckpt-ctl cursor team/app "$1" --json | jq -c '[.generation, .sequence]'; }
# files FOLDER
files() { find "$1" -mindepth 1 -printf '%f\n' | sort | tr '\n' ' '; }

for i in 1 2; do
    head -c $((i * 100000)) /dev/urandom >state.$i
    pmemckpt-ctl save team/app state.$i --create --keep 3 >/dev/null
done
printf 'one\ntwo\n' | pmemckpt-ctl append team/app --lines >/dev/null
[ "$(at spare)" = '[0,0]' ] || fail "a name never seen is at $(at spare)"
[ "$(pmemckpt-ctl cursor team/app | wc -l)" = 1 ] || fail "there are cursors: $(pmemckpt-ctl cursor team/app)"

contains "$(pmemckpt-ctl read team/app --unread spare --to spare)" \
    "2 generations and 2 records read, up to generation 2, in spare"
[ "$(files spare)" = "1 2 2.log " ] || fail "files: $(files spare)"
for i in 1 2; do cmp spare/$i state.$i || fail "generation $i"; done
[ "$(cat spare/2.log)" = "$(printf 'one\ntwo')" ] || fail "the log: $(cat spare/2.log)"
[ "$(at spare)" = '[2,2]' ] || fail "the cursor is at $(at spare)"

# Nothing new: nothing is written. A record more: the log's file has it too.
rm spare/1 spare/2.log
contains "$(pmemckpt-ctl read team/app --unread spare --to spare)" "0 generations and 0 records"
[ "$(files spare)" = "2 " ] || fail "read again: $(files spare)"
echo three | pmemckpt-ctl append team/app >/dev/null
stop_manager KILL
start_manager
contains "$(pmemckpt-ctl read team/app --unread spare --to spare)" "0 generations and 1 record "
[ "$(cat spare/2.log)" = "$(printf 'one\ntwo\nthree')" ] || fail "the log: $(cat spare/2.log)"
[ "$(at spare)" = '[2,3]' ] || fail "the cursor is at $(at spare)"

# What could not be brought to disk is unread.
echo "marker of generation 3" >state.3
pmemckpt-ctl save team/app state.3 >/dev/null
mkdir -p spare/3
expect_status 1 pmemckpt-ctl read team/app --unread spare --to spare
[ "$(at spare)" = '[2,3]' ] || fail "the cursor moved to $(at spare)"
rmdir spare/3
pmemckpt-ctl read team/app --unread spare --to spare >/dev/null
cmp spare/3 state.3
[ "$(at spare)" = '[3,0]' ] || fail "the cursor is at $(at spare)"

# All, whoever has read what; no cursor moves.
contains "$(pmemckpt-ctl read team/app --all --to all)" "3 generations and 0 records"
[ "$(files all)" = "1 2 3 " ] || fail "all: $(files all)"
[ "$(at spare)" = '[3,0]' ] || fail "the cursor is at $(at spare)"
expect_status 2 pmemckpt-ctl read team/app --to all
expect_status 2 pmemckpt-ctl read team/app --all --unread spare --to all
expect_status 3 pmemckpt-ctl read no-region --all --to none
[ ! -e none ] || fail "a folder was made for no region"
expect_status 3 pmemckpt-ctl read team/app --all --to state.3

# By hand: forward only, and not beyond what there is.
pmemckpt-ctl cursor-advance team/app late 2 >/dev/null
[ "$(at late)" = '[2,0]' ] || fail "the cursor is at $(at late)"
expect_status 2 pmemckpt-ctl cursor-advance team/app late 1
expect_status 2 pmemckpt-ctl cursor-advance team/app late 4
expect_status 2 pmemckpt-ctl cursor-advance team/app late 3 1
[ "$(pmemckpt-ctl cursor team/app --json | jq -c '[.[].name]')" = '["late","spare"]' ] ||
    fail "$(pmemckpt-ctl cursor team/app)"
contains "$(pmemckpt-ctl read team/app --unread late --to late)" "1 generation and 0 records"
pmemckpt-ctl cursor-drop team/app late >/dev/null
[ "$(at late)" = '[0,0]' ] || fail "a dropped cursor is at $(at late)"
expect_status 3 pmemckpt-ctl cursor-drop team/app late

# A damaged generation: of all, the others; for a backup, it stays unread.
stop_manager
OFFSET=$(grep -abo "marker of generation 3" pool | head -n 1 | cut -d: -f1)
printf S | dd of=pool bs=1 seek="$OFFSET" conv=notrunc status=none
start_manager
rm -r all
expect_status 7 pmemckpt-ctl read team/app --all --to all
contains "$OUTPUT" "team/app@3 is damaged"
[ "$(files all)" = "1 2 " ] || fail "all but the damaged one: $(files all)"
expect_status 7 pmemckpt-ctl read team/app --unread late --to late
[ "$(at late)" = '[2,0]' ] || fail "a damaged generation counts as read: $(at late)"
