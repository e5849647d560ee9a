#!/usr/bin/env bash
# time-limit: 120
# Claims 30, 36: the backup reads portions of the sets, by RDMA Read, periodically, while the primary goes on: each period
# what is new since the last one, each set and each update once, also when the primary was idle or faster than the period.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/pair.sh"
make_pool 128M
make_spare
start_manager
pmemckpt-ctl create-region team/app --keep 20 >/dev/null
let_spare team/app read

BEGUN_NS=$(date +%s%N)
PMEMCKPT_PRINCIPAL=spare pmemckpt-ctl read team/app --unread spare --every 1s --to copy --json >rounds 2>said &
BACKUP=$!
started $BACKUP
# reached: generation and update that the backup has come to
reached() { pmemckpt-ctl cursor team/app spare --json | jq -c '[.generation, .sequence]'; }

# Another one, with a longer period: between its looks nothing comes, however much there is.
PMEMCKPT_PRINCIPAL=spare pmemckpt-ctl read team/app --unread rare --every 1h --to rare >rare.said 2>&1 &
RARE=$!
started $RARE
wait_for '[ -d rare ]'

# The primary saves and appends, and never looks whether anybody reads.
save() { # NUMBER
    head -c $(($1 * 100000)) /dev/urandom >state.$1
    timeout 30 pmemckpt-ctl save team/app state.$1 >/dev/null || fail "a save failed, or waited"
}
save 1
wait_for '[ "$(reached)" = "[1,0]" ]'
start_primary team/app
tell_primary one two
wait_for '[ "$(reached)" = "[1,2]" ]'
tell_primary three
wait_for '[ "$(reached)" = "[1,3]" ]'
exec 5>&-
wait "$PRIMARY"
# Several between two looks: all are brought by the next one.
for i in 2 3 4 5 6; do save $i; done
wait_for '[ "$(reached)" = "[6,0]" ]'
running $BACKUP || fail "the periodic reader has ended: $(cat said)"
[ "$(jq -s length rounds)" = "$(wc -l <rounds)" ] || fail "not a line a round: $(cat rounds)"

for i in 1 2 3 4 5 6; do cmp copy/$i state.$i || fail "set $i"; done
[ "$(cat copy/1.log)" = "$(printf 'one\ntwo\nthree')" ] || fail "the updates: $(cat copy/1.log)"
# Each portion once: no set and no update is in two rounds.
jq -e -s '([.[].generations[]] == [1, 2, 3, 4, 5, 6]) and ([.[].records] | add) == 3 and all(.damaged == [])' rounds \
    >/dev/null || fail "rounds: $(cat rounds)"
# Not in one go, and not more often than the period: at the most a look at the start and one a second.
ROUNDS=$(wc -l <rounds) SECONDS_SINCE=$((($(date +%s%N) - BEGUN_NS) / 1000000000))
[ "$ROUNDS" -ge 3 ] || fail "what came at different times was read in $ROUNDS rounds"
[ "$ROUNDS" -le $((SECONDS_SINCE + 2)) ] || fail "$ROUNDS rounds in $SECONDS_SINCE s"

running $RARE || fail "the one with the longer period has ended: $(cat rare.said)"
[ "$(find rare -mindepth 1 | wc -l)" -le 1 ] || fail "more than a look in an hour: $(ls rare)"

# Idle: nothing is read again. What one session has been sent is the sets and the updates, not twice as much.
if counts_bytes; then
    SENT=$(of_sessions spare bytes_sent)
    [ "$SENT" -ge $((2100000 + 14)) ] || fail "$SENT bytes were read by RDMA, less than there are"
    [ "$SENT" -lt $((2 * 2100000)) ] || fail "$SENT bytes were read of 2100000"
fi

# The primary dies: the periodic reader has it all but for one period, and is no reason to wait for anything.
start_primary team/app
tell_primary four
wait_for '[ "$(records team/app)" = 1 ]'
kill_primary
wait_for '[ "$(reached)" = "[6,1]" ]'
[ "$(cat copy/6.log)" = four ] || fail "the last update: $(cat copy/6.log)"
running $BACKUP || fail "the periodic reader has ended with the primary: $(cat said)"
[ ! -s said ] || fail "the periodic reader said: $(cat said)"
