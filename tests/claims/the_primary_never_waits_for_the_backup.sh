#!/usr/bin/env bash
# time-limit: 180
# Claims 7: the primary writes independently of the backup: neither one that is stopped in the middle of reading an old
# set, nor one that never reads, delays, changes or prevents a save; and the stopped one, continued, has its old set whole.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/pair.sh"
make_pool 1536M
make_spare
start_manager
pmemckpt-ctl create-region team/app --keep 2 >/dev/null
let_spare team/app read
FREE=$(free_pages)
SIZE=$((200 * 1024 * 1024))
head -c $SIZE /dev/urandom >old
pmemckpt-ctl save team/app old >/dev/null
pmemckpt-ctl cursor-advance team/app never-reads 1 >/dev/null

# Stopped while its RDMA Reads are under way: the manager has sent a part, and sends no more.
stop_in_the_middle() {
    local try
    for try in 1 2 3 4 5 6 7 8; do
        pmemckpt-ctl --principal spare restore team/app@1 --to got >restore.said 2>&1 &
        BACKUP=$!
        started $BACKUP
        wait_for 'moved spare bytes_sent 1 || ! running $BACKUP'
        if running $BACKUP && stop $BACKUP && [ "$(of_sessions spare bytes_sent)" -lt $SIZE ]; then return; fi
        kill -CONT $BACKUP 2>/dev/null || true
        ended $BACKUP
        rm -f got
    done
    fail "a restore of $SIZE bytes was over $try times before it could be stopped"
}
stop_in_the_middle
[ ! -e got ] || fail "the file is there before all of it has come"

# Others of the backup's: one that follows the updates, one that watches; both do nothing any more.
echo first | pmemckpt-ctl append team/app >/dev/null
pmemckpt-ctl --principal spare watch team/app --after 0 >watched 2>&1 &
WATCHER=$!
started $WATCHER
pmemckpt-ctl --principal spare read-log team/app --follow >followed 2>&1 &
FOLLOWER=$!
started $FOLLOWER
wait_for '[ -s watched ] && [ "$(cat followed)" = first ]'
stop $WATCHER
stop $FOLLOWER

# The primary appends and saves, as if they were not there.
seq 20000 >updates
timeout 60 pmemckpt-ctl append team/app --lines <updates >/dev/null || fail "the primary's appends waited for a backup"
[ "$(records team/app)" = 20001 ] || fail "$(records team/app) records"
kill -CONT $FOLLOWER
wait_for '[ "$(wc -l <followed)" = 20001 ]' 60
{ echo first && cat updates; } | cmp - followed || fail "who was stopped has not all updates"
stop $FOLLOWER
for i in 2 3 4 5; do
    head -c 20000000 /dev/urandom >state.$i
    timeout 60 pmemckpt-ctl save team/app state.$i >said || fail "save $i waited for a backup, or failed: $(cat said)"
    contains "$(cat said)" "team/app@$i 20000000 bytes"
    pmemckpt-ctl restore team/app@$i | cmp - state.$i || fail "set $i is not what was saved"
done
# Overwritten beyond what retention keeps: the old set has no name any more, and neither backup has held that up.
[ "$(numbers team/app)" = '[4,5]' ] || fail "kept: $(numbers team/app)"
expect_status 3 pmemckpt-ctl restore team/app@1
grep -q '^State:.T' "/proc/$BACKUP/status" || fail "the backup was not stopped all the time"
[ "$(free_pages)" -le $((FREE - 100 - 20)) ] || fail "pages that a backup reads from were given away: $FREE were free at first, now $(free_pages)"

# Continued, it reads on: all of the old set, and it verifies.
kill -CONT $BACKUP
ended $BACKUP
[ $STATUS = 0 ] || fail "the backup that was stopped ended with $STATUS: $(cat restore.said)"
cmp got old || fail "the old set is not whole"
# With its last reader gone, the old set's pages are used again; those of its updates when their reader is killed.
[ "$(free_pages)" -lt $((FREE - 20)) ] || fail "the updates' pages were taken from the one who reads them"
kill -KILL $WATCHER $FOLLOWER
wait_for '[ "$(free_pages)" = $((FREE - 20)) ]'

# Who never read lacks what was overwritten meanwhile, and nothing else.
[ "$(pmemckpt-ctl cursor team/app never-reads --json | jq .generation)" = 1 ] || fail "a cursor moved by itself"
pmemckpt-ctl --principal spare read team/app --unread never-reads --to late >/dev/null
[ "$(cd late && echo *)" = "4 5" ] || fail "unread: $(ls late)"
cmp late/4 state.4 && cmp late/5 state.5

# A backup that dies in the middle of reading is no loss of the primary, and keeps no page.
mkfifo nobody
exec 6<>nobody
pmemckpt-ctl --principal spare restore team/app@5 --to nobody >/dev/null 2>&1 &
READER=$!
started $READER
wait_for 'moved spare bytes_sent 1'
pmemckpt-ctl clear team/app --force >/dev/null
[ "$(free_pages)" = $((FREE - 10)) ] || fail "the reader's pages: $FREE were free, now $(free_pages)"
kill -KILL $READER
wait_for '[ "$(free_pages)" = "$FREE" ]'
exec 6>&-
pmemckpt-ctl watch team/app --after 0 --count 1000 >all 2>/dev/null &
started $!
wait_for 'grep -q cleared all'
! grep -q primary_lost all || fail "a backup's end was taken for the primary's: $(grep primary_lost all)"
