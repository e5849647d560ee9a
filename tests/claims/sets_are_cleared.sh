#!/usr/bin/env bash
# time-limit: 120
# Claims 15: several sets and their updates are cleared in one step: all or none, whatever dies meanwhile. Who has one open
# keeps it until it is closed; then its pages are free. The region goes on with the next number.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/pair.sh"
make_pool 128M
make_spare
start_manager
MANAGER_PORT=${PMEMCKPT_SERVER##*:}
pmemckpt-ctl create-region team/app --keep 4 >/dev/null
let_spare team/app read
EMPTY=$(free_pages)
for i in 1 2 3 4 5; do
    head -c $((i * 3000000)) /dev/urandom >state.$i
    pmemckpt-ctl save team/app state.$i >/dev/null
    [ $i != 1 ] || pmemckpt-ctl pin team/app@1 >/dev/null
done
seq 1000 | pmemckpt-ctl append team/app --lines >/dev/null
pmemckpt-ctl cursor-advance team/app spare 3 >/dev/null

# Three who read: a backup that is stopped in the middle of a set, one that has another open in the view, one that has
# the updates open.
mkfifo pipe
pmemckpt-ctl --principal spare restore team/app@5 --to pipe >/dev/null 2>restore.said &
BACKUP=$!
started $BACKUP
exec 6<pipe
wait_for 'moved spare bytes_sent 1'
stop $BACKUP
pmemckpt-ctl --principal spare read-log team/app --follow >followed 2>&1 &
FOLLOWER=$!
started $FOLLOWER
wait_for '[ "$(wc -l <followed)" = 1000 ]'
HELD=$((8 + 1))
if [ -c /dev/fuse ]; then
    mount_ckpt
    exec 7<ckpt/.generations/team/app/4
    head -c 1000 <&7 | cmp - <(head -c 1000 state.4)
    HELD=$((HELD + 6))
else
    echo "SKIP: there is no /dev/fuse here: the view is left out"
fi

expect_status 2 pmemckpt-ctl clear team/app
contains "$OUTPUT" "--force"
[ "$(numbers team/app)" = '[1,2,3,4,5]' ] || fail "without --force it left $(numbers team/app)"
contains "$(pmemckpt-ctl clear team/app --force)" "5 generations"
[ "$(numbers team/app)" = '[]' ] || fail "cleared, it has $(numbers team/app)"
[ -z "$(pmemckpt-ctl read-log team/app)" ] || fail "updates are left"
for i in 1 2 3 4 5; do expect_status 3 pmemckpt-ctl restore team/app@$i; done
[ "$(free_pages)" -ge $((EMPTY - HELD)) ] || fail "more is held than what is read: $(free_pages) of $EMPTY"

# Those who had it open read on to the end; other sets that come now don't disturb them.
head -c 4000000 /dev/urandom >state.6
for i in 6 7; do contains "$(pmemckpt-ctl save team/app state.6)" "team/app@$i "; done
pmemckpt-ctl clear team/app --force >/dev/null
kill -CONT $BACKUP
cat <&6 >got
ended $BACKUP
[ $STATUS = 0 ] || fail "who was reading ended with $STATUS: $(cat restore.said)"
cmp got state.5 || fail "the set that was being read is not whole"
exec 6<&-
if [ -c /dev/fuse ]; then
    wait_for '[ ! -e ckpt/.generations/team/app/4 ]' # the kernel may know a name for a while
    [ ! -w /proc/sys/vm/drop_caches ] || echo 1 >/proc/sys/vm/drop_caches
    tail -c +1001 state.4 | cmp - <(cat <&7) || fail "the set that was open in the view is not whole"
    [ "$(free_pages)" -lt "$EMPTY" ] || fail "the open set's pages were given away"
    exec 7<&-
    unmount_ckpt
fi
seq 1000 | cmp - followed
kill $FOLLOWER
wait_for '[ "$(free_pages)" = "$EMPTY" ]'

# Cursors stay, and what comes is unread.
[ "$(pmemckpt-ctl cursor team/app spare --json | jq .generation)" = 3 ] || fail "the cursor moved"
contains "$(pmemckpt-ctl save team/app state.1)" "team/app@8 "
pmemckpt-ctl read team/app --unread spare --to unread >/dev/null
cmp unread/8 state.1

# The manager is killed at whatever moment of a clear: all is there, or nothing.
none=0 all=0 pause_us=8000
for round in 1 2 3 4 5 6 7 8; do
    while [ "$(numbers team/app | jq length)" -lt 4 ]; do pmemckpt-ctl save team/app state.1 >/dev/null; done
    echo update | pmemckpt-ctl append team/app >/dev/null
    BEFORE=$(numbers team/app):$(records team/app)
    pmemckpt-ctl clear team/app --force >cleared 2>&1 &
    CLEARING=$!
    started $CLEARING
    sleep "$(printf '0.%06d' $pause_us)"
    stop_manager KILL
    ended $CLEARING
    start_manager
    case $(numbers team/app):$(records team/app) in
    '[]:0') none=$((none + 1)) pause_us=$((pause_us * 2 / 3)) ;; # earlier, the next time
    "$BEFORE")
        all=$((all + 1)) pause_us=$((pause_us * 3 / 2 + 500))
        [ $STATUS != 0 ] || fail "it was said to be cleared, and is there: $BEFORE"
        pmemckpt-ctl restore team/app | cmp - state.1
        ;;
    *) fail "killed in a clear, round $round: of $BEFORE there is $(numbers team/app):$(records team/app)" ;;
    esac
done
echo "killed in a clear: $none times nothing was left, $all times all"
