#!/usr/bin/env bash
# time-limit: 120
# Claims 4, 12, 28: the backup reads, by RDMA Read, when the primary fails: not before, not when the primary ends in an
# orderly way; and then at once the newest set that was whole, and the updates behind it.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/pair.sh"
make_pool 512M
make_spare
start_manager
pmemckpt-ctl create-region team/app >/dev/null
let_spare team/app read
FREE=$(free_pages)

# stand_by NAME: the backup waits for the primary's failure; then it reads, to the folder NAME
stand_by() {
    PMEMCKPT_PRINCIPAL=spare pmemckpt-ctl watch team/app >"$1.events" 2>"$1.said" \
        --on-failure "pmemckpt-ctl read \$PMEMCKPT_REGION --all --to $1 && touch $1.done" &
    BACKUP=$!
    started $BACKUP
    wait_for '[ "$(of_sessions spare id)" -gt 0 ]'
    # It stands there when an event reaches it.
    wait_for 'pmemckpt-ctl set-retention team/app --keep 8 >/dev/null; echo x | pmemckpt-ctl append team/app >/dev/null; [ -s '"$1"'.events ]'
}
nothing_was_read() {
    [ "$(of_sessions spare bytes_sent)" = 0 ] || fail "the backup has read before the primary failed"
    [ ! -e "$1" ] || fail "the backup has made $1 before the primary failed"
}

# The primary saves, appends, and ends as it should, again and again: the backup only watches.
stand_by first
for i in 1 2 3; do
    head -c $((i * 1000000)) /dev/urandom >state.$i
    pmemckpt-ctl save team/app state.$i >/dev/null
done
start_primary team/app
tell_primary one two
wait_for '[ "$(records team/app)" = 2 ]'
wait_for '[ "$(grep -c sealed first.events)" = 3 ] && [ "$(grep -c primary_left first.events)" -ge 3 ]'
nothing_was_read first
running $BACKUP || fail "the backup has ended: $(cat first.said)"

# It is killed between two updates.
kill_primary
wait_for '[ -e first.done ]'
[ "$(cd first && echo *)" = "1 2 3 3.log" ] || fail "read: $(ls first)"
for i in 1 2 3; do cmp first/$i state.$i || fail "set $i"; done
[ "$(cat first/3.log)" = "$(printf 'one\ntwo')" ] || fail "the updates: $(cat first/3.log)"
kill $BACKUP

# It is killed in the middle of a save: what it had written of that is nothing, and the set before is there.
stand_by second
mkfifo half
pmemckpt-ctl save team/app --size 100M half >saved 2>&1 &
PRIMARY=$!
started $PRIMARY
exec 6>half
head -c 40000000 /dev/urandom >&6
wait_for 'moved tester bytes_received 30000000'
nothing_was_read second
kill -KILL $PRIMARY
exec 6>&-
wait_for '[ -e second.done ]'
[ ! -s saved ] || fail "the primary said that it had saved: $(cat saved)"
[ "$(numbers team/app)" = '[1,2,3]' ] || fail "half a set became one: $(numbers team/app)"
cmp second/3 state.3
[ ! -e second/4 ] || fail "half a set was read"
jq -e -s '[.[] | select(.event == "primary_lost")] | length == 1' second.events >/dev/null || fail "$(cat second.events)"
kill $BACKUP
wait_for '[ "$(free_pages)" -ge $((FREE - 1 - 1 - 2 - 1)) ]' # the sets', and the log's

# The same through the view: the file is opened when the primary has failed, and is the newest set then.
if [ -c /dev/fuse ]; then
    mount_ckpt -o principal=spare
    pmemckpt-ctl save team/app state.1 >/dev/null
    pmemckpt-ctl watch team/app --count 1000 --on-failure "cat '$CKPT/team/app' >copied" >third.events 2>/dev/null &
    BACKUP=$!
    started $BACKUP
    wait_for 'pmemckpt-ctl save team/app state.2 >/dev/null; [ -s third.events ]'
    start_primary team/app
    tell_primary three
    wait_for '[ "$(records team/app)" = 1 ]'
    [ ! -e copied ] || fail "it was copied before the primary failed"
    kill_primary
    wait_for '[ -e copied ] && cmp -s copied state.2'
    kill $BACKUP
    unmount_ckpt
else
    echo "SKIP: there is no /dev/fuse here: the view is left out"
fi
