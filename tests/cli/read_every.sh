#!/usr/bin/env bash
# time-limit: 150
# read --every: until Ctrl-C (130), a lost connection (6) or the region's end (3). Whenever it ends, what is in the folder is
# whole, and what the cursor says; started again it goes on there.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/pair.sh"
make_pool 512M
make_spare
start_manager
MANAGER_PORT=${PMEMCKPT_SERVER##*:}
pmemckpt-ctl create-region team/app >/dev/null
let_spare team/app read
at() { pmemckpt-ctl cursor team/app spare --json | jq -c '[.generation, .sequence]'; }

# read_every: in the background, with signals as a terminal's foreground job has them
read_every() {
    PMEMCKPT_PRINCIPAL=spare env --default-signal=INT pmemckpt-ctl read team/app --unread spare --every "${1:-1s}" --to files >said 2>error &
    READER=$!
    started $READER
}

expect_status 2 pmemckpt-ctl read team/app --all --every 1s --to files
contains "$OUTPUT" "--unread"
for wrong in 1 0 s 366d 500ms 1.5s -1s 99999999999999999999s; do
    expect_status 2 pmemckpt-ctl read team/app --unread spare --every=$wrong --to files
    contains "$OUTPUT" "$wrong"
done
[ ! -e files ] || fail "a refused command has made its folder"
expect_status 3 pmemckpt-ctl read no-region --unread spare --every 1s --to files

# Ctrl-C between two looks: all is there.
read_every
head -c 1000000 /dev/urandom >state.1
pmemckpt-ctl save team/app state.1 >/dev/null
wait_for '[ "$(at)" = "[1,0]" ]'
[ "$(cat said)" = "team/app: 1 generation and 0 records read, up to generation 1, in files" ] || fail "said: $(cat said)"
kill -INT $READER
ended $READER
[ $STATUS = 130 ] || fail "Ctrl-C: exit status $STATUS"
[ ! -s error ] || fail "Ctrl-C: $(cat error)"
cmp files/1 state.1

# Ctrl-C in the middle of a large one: no part of it is left, and it is unread.
head -c 200M /dev/urandom >state.2
pmemckpt-ctl save team/app state.2 >/dev/null
for try in 1 2 3 4 5 6 7 8; do
    read_every
    wait_for 'moved spare bytes_sent 1'
    kill -INT $READER
    ended $READER
    [ $STATUS = 130 ] || fail "Ctrl-C in the middle: exit status $STATUS"
    [ "$(at)" = '[1,0]' ] && break
    # It was over already: once more, as another name.
    pmemckpt-ctl cursor-drop team/app spare >/dev/null
    pmemckpt-ctl cursor-advance team/app spare 1 >/dev/null
    rm -f files/2
done
[ "$(at)" = '[1,0]' ] || fail "$try times all was read before Ctrl-C came"
[ "$(find files -mindepth 1 -printf '%f ')" = "1 " ] || fail "a part is left: $(ls -la files)"

# Started again it goes on there. The connection is lost while it waits: noticed at once, not at the next look.
read_every 1h
wait_for '[ "$(at)" = "[2,0]" ]' 60
cmp files/2 state.2
wait_for '[ -s said ]'
stop_manager KILL
ended $READER
[ $STATUS = 6 ] || fail "a lost connection: exit status $STATUS: $(cat error)"
[ "$(wc -l <error)" = 1 ] || fail "not one line: $(cat error)"
contains "$(cat error)" "pmemckpt-ctl: the connection to $PMEMCKPT_SERVER was lost"
start_manager
echo record | pmemckpt-ctl append team/app >/dev/null
read_every
wait_for '[ "$(at)" = "[2,1]" ]'
[ "$(cat files/2.log)" = record ] || fail "the log: $(cat files/2.log)"
[ "$(cat said)" = "team/app: 0 generations and 1 record read, up to generation 2, in files" ] || fail "said: $(cat said)"

# What can't be written ends it, and stays unread; so does a region's end.
mkdir files/3
pmemckpt-ctl save team/app state.1 >/dev/null
ended $READER
[ $STATUS = 1 ] || fail "a file that can't be made: exit status $STATUS: $(cat error)"
[ "$(at)" = '[2,1]' ] || fail "it counts as read: $(at)"
rmdir files/3
read_every
wait_for '[ "$(at)" = "[3,0]" ]'
cmp files/3 state.1
pmemckpt-ctl destroy-region team/app --force >/dev/null
ended $READER
[ $STATUS = 3 ] || fail "the region's end: exit status $STATUS: $(cat error)"
contains "$(cat error)" "team/app"
