#!/usr/bin/env bash
# time-limit: 120
# Claims 16, 31, 37: when the primary fails, the backup reads, by RDMA Read, what it has not read yet and nothing else; then
# it goes on with the primary's work, where that had stopped: no transfer is lost, none is made twice.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/pair.sh"
make_pool 128M
make_spare
start_manager

# The work: transfers, numbered from 1, of N each; the state is a balance and the last number. A large set besides, so that
# reading it again would show.
head -c 20000000 /dev/urandom >ballast
state() { printf '%s %s\n' "$1" "$2" | cat - ballast; } # BALANCE LAST
state 0 0 | pmemckpt-ctl save bank/accounts --create >/dev/null
let_spare bank/accounts read write append take-over
start_primary bank/accounts
tell_primary "$(seq 1 100)"
wait_for '[ "$(records bank/accounts)" = 100 ]'

# As the primary goes on, the backup reads now and then what is new: it is behind by what came since.
contains "$(pmemckpt-ctl --principal spare read bank/accounts --unread spare --to copy)" "1 generation and 100 records"
tell_primary "$(seq 101 130)"
wait_for '[ "$(records bank/accounts)" = 130 ]'
contains "$(pmemckpt-ctl --principal spare read bank/accounts --unread spare --to copy)" "0 generations and 30 records"

# What the backup does when the primary has failed.
cat >resume.sh <<'END'
set -eu
pmemckpt-ctl take-over "$PMEMCKPT_REGION" --cursor spare --json >taken
pmemckpt-ctl read "$PMEMCKPT_REGION" --unread spare --to copy --json >brought
touch resumed
END
PMEMCKPT_PRINCIPAL=spare pmemckpt-ctl watch bank/accounts --after 0 --on-failure 'bash resume.sh' >events 2>watch.said &
BACKUP=$!
started $BACKUP
wait_for '[ -s events ]'

# 50 more that the backup has not seen; then the primary is killed.
tell_primary "$(seq 131 180)"
wait_for '[ "$(records bank/accounts)" = 180 ]'
[ ! -e resumed ] || fail "the backup began before the primary had failed"
MEASURE=$(of_sessions spare bytes_sent)
[ "$MEASURE" = 0 ] || fail "a backup that watches has read $MEASURE bytes"
rm -f copy/1 # what was read once need not be there any more
kill_primary
wait_for '[ -e resumed ]'
jq -e '.generations == [] and .records == 50 and .generation == 1 and .sequence == 180' brought >/dev/null ||
    fail "not just the 50 unread ones: $(cat brought)"
jq -e '.cursor.generation == 1 and .cursor.sequence == 130 and .epoch == .previous_epoch + 1' taken >/dev/null ||
    fail "where the backup was: $(cat taken)"
[ ! -e copy/1 ] || fail "the set was read again"
seq 180 | cmp - copy/1.log || fail "the updates are not 1 to 180"

# It resumes the primary's functions: its state is the sum of all, and the next transfer has the next number.
BALANCE=$(awk '{ sum += $1 } END { print sum }' copy/1.log)
LAST=$(tail -n 1 copy/1.log)
[ "$BALANCE $LAST" = "16290 180" ] || fail "the state that was recovered: $BALANCE $LAST"
start_primary bank/accounts
tell_primary "$(seq $((LAST + 1)) 200)"
wait_for '[ "$(records bank/accounts)" = 200 ]'
pmemckpt-ctl read-log bank/accounts | cmp - <(seq 200) || fail "the new primary's transfers do not follow on the old one's"
[ "$(pmemckpt-ctl read-log bank/accounts --json | jq -s '[.[].epoch] | unique | length')" = 2 ] ||
    fail "both wrote in one epoch"

# And so on: it saves a set of its own, fails in turn, and the next backup has the set and what follows it.
exec 5>&-
wait "$PRIMARY"
state 20100 200 | pmemckpt-ctl save bank/accounts >/dev/null
start_primary bank/accounts
tell_primary 201 202
wait_for '[ "$(records bank/accounts)" = 2 ]'
kill_primary
contains "$(pmemckpt-ctl --principal spare read bank/accounts --unread spare --to copy)" "1 generation and 2 records"
[ "$(head -n 1 copy/2 | tr -d '\0')" = "20100 200" ] || fail "the new primary's set"
state 20100 200 | cmp - copy/2
[ "$(tr '\n' ' ' <copy/2.log)" = "201 202 " ] || fail "its updates: $(cat copy/2.log)"
contains "$(pmemckpt-ctl --principal spare read bank/accounts --unread spare --to copy)" "0 generations and 0 records"
