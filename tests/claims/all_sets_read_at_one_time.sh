#!/usr/bin/env bash
# Claims 6, 24: the backup gets all the sets that were stored at different times at one time: with one command, in one session,
# by RDMA Read; and through the view, where it has them all open at once.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/pair.sh"
make_pool 256M
make_spare
start_manager
pmemckpt-ctl create-region team/app --keep 5 >/dev/null
let_spare team/app read
sizes=(1 4096 3000001 0 12000000 2097152 777)
for i in 1 2 3 4 5 6 7; do
    head -c "${sizes[i - 1]}" /dev/urandom >state.$i
    pmemckpt-ctl save team/app state.$i >/dev/null
    [ $i != 2 ] || pmemckpt-ctl pin team/app@2 >/dev/null
done
[ "$(numbers team/app)" = '[2,3,4,5,6,7]' ] || fail "kept: $(numbers team/app)"
start_primary team/app
tell_primary one two
wait_for '[ "$(records team/app)" = 2 ]'

# check_all FOLDER: all that is kept, and nothing else
check_all() {
    local i
    [ "$(find "$1" -mindepth 1 -printf '%f\n' | sort | tr '\n' ' ')" = "2 3 4 5 6 7 7.log " ] || fail "$(ls "$1")"
    for i in 2 3 4 5 6 7; do cmp "$1/$i" state.$i || fail "set $i"; done
    [ "$(cat "$1/7.log")" = "$(printf 'one\ntwo')" ] || fail "the updates behind the last: $(cat "$1/7.log")"
}

# The primary lives on; then it hangs; then it is dead. Each time all is there, at once.
contains "$(pmemckpt-ctl --principal spare read team/app --all --to living)" "6 generations and 2 records read"
check_all living
stop "$PRIMARY"
pmemckpt-ctl --principal spare read team/app --all --to hanging >/dev/null
check_all hanging
kill_primary
pmemckpt-ctl --principal spare read team/app --all --to dead >/dev/null
check_all dead

# One session brought it all: while its last files are held up, the manager has sent it every byte of the sets.
mkdir held
mkfifo held/7
pmemckpt-ctl --principal spare read team/app --all --to held >held.said &
READER=$!
started $READER
TOTAL=$(cat state.[2-6] | wc -c)
wait_for 'cmp -s held/6 state.6'
! counts_bytes || wait_for '[ "$(of_sessions spare bytes_sent)" -ge "$TOTAL" ]'
[ "$(pmemckpt-ctl list --sessions --json --admin-socket "$ADMIN_SOCKET" |
    jq '[.[] | select(.principal == "spare")] | length')" = 1 ] || fail "it took several sessions"
cat held/7 >got
ended $READER
[ $STATUS = 0 ] || fail "the reader ended with $STATUS: $(cat held.said)"
cmp got state.7

# The view: all of them open at one time, read side by side, while the primary's successor overwrites the oldest.
if [ -c /dev/fuse ]; then
    mount_ckpt -o principal=spare
    exec 12<ckpt/.generations/team/app/2 13<ckpt/.generations/team/app/3 14<ckpt/.generations/team/app/4
    exec 15<ckpt/.generations/team/app/5 16<ckpt/.generations/team/app/6 17<ckpt/.generations/team/app/7
    pmemckpt-ctl set-retention team/app --keep 1 >/dev/null
    pmemckpt-ctl unpin team/app@2 >/dev/null
    pmemckpt-ctl save team/app state.1 >/dev/null
    [ "$(numbers team/app)" = '[8]' ] || fail "kept: $(numbers team/app)"
    for i in 2 3 4 5 6 7; do head -c 500 <&1$i >part.$i; done
    for i in 7 6 5 4 3 2; do cat <&1$i >>part.$i; done
    for i in 2 3 4 5 6 7; do cmp part.$i state.$i || fail "set $i, open with the others"; done
    exec 12<&- 13<&- 14<&- 15<&- 16<&- 17<&-
    unmount_ckpt
else
    echo "SKIP: there is no /dev/fuse here: the view is left out"
fi
