#!/usr/bin/env bash
# time-limit: 120
# Claims 13, 29, 33: current state, written by RDMA Write, overwrites the old: in a region that keeps one, the old state is
# valid until the new one is sealed, then it is gone and its pages are free. There is no moment without a state.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/pair.sh"
make_pool 64M # room for three of 20 MB
start_manager
pmemckpt-ctl create-region team/app --keep 1 >/dev/null
EMPTY=$(free_pages)
for i in 1 2 3; do head -c 20000000 /dev/urandom >state.$i; done
pmemckpt-ctl save team/app state.1 >/dev/null
[ "$(free_pages)" = $((EMPTY - 10)) ] || fail "a state of 10 pages took $((EMPTY - $(free_pages)))"

# In the middle of writing the new one: the old one is whole, and is the newest.
mkfifo new
# begin_save: 15 of 20 MB of state.2 are with the manager when this returns
begin_save() {
    pmemckpt-ctl save team/app --size 20000000 new >saved 2>&1 &
    PRIMARY=$!
    started $PRIMARY
    exec 6>new
    head -c 15000000 state.2 >&6
    wait_for 'moved tester bytes_received 8000000'
}
the_old_is_valid() {
    [ "$(numbers team/app)" = "[$1]" ] || fail "there are $(numbers team/app), wanted $1"
    pmemckpt-ctl restore team/app | cmp - state.1 || fail "the old state is not whole"
}
begin_save
the_old_is_valid 1
[ "$(free_pages)" = $((EMPTY - 20)) ] || fail "the new state was written into the old one's pages"

# The primary dies there: the old state is still the newest, and the half's pages come back.
kill -KILL $PRIMARY
exec 6>&-
wait_for '[ "$(free_pages)" = $((EMPTY - 10)) ]'
the_old_is_valid 1

# It lives and seals: now the new one is there, the old one is not, and its pages are free.
begin_save
the_old_is_valid 1
tail -c 5000000 state.2 >&6
exec 6>&-
ended $PRIMARY
[ $STATUS = 0 ] || fail "save ended with $STATUS: $(cat saved)"
[ "$(numbers team/app)" = '[2]' ] || fail "after the new state there are $(numbers team/app)"
pmemckpt-ctl restore team/app | cmp - state.2
expect_status 3 pmemckpt-ctl restore team/app@1
[ "$(free_pages)" = $((EMPTY - 10)) ] || fail "the overwritten state's pages are not free: $(free_pages) of $EMPTY"

# Over and over, in a pool with room for three.
for i in 3 1 2 3 1 2 3 1; do
    pmemckpt-ctl save team/app state.$i >/dev/null
    pmemckpt-ctl restore team/app | cmp - state.$i
done
[ "$(free_pages)" = $((EMPTY - 10)) ] || fail "pages were lost: $(free_pages) of $EMPTY are free"

# No room for a new one beside the old one: refused, and the old one is not given up for it.
head -c 50000000 /dev/urandom >large
expect_status 5 pmemckpt-ctl save team/app large
contains "$OUTPUT" "free"
the_old_is_valid 10

# Readers and an overwriting primary at the same time: there always is a state, and never a mixture.
for digit in 0 1 2 3 4 5 6 7 8 9; do head -c 3000000 /dev/zero | tr '\0' $digit >digit.$digit; done
pmemckpt-ctl save team/app digit.0 >/dev/null
(for i in 1 2 3; do for digit in 0 1 2 3 4 5 6 7 8 9; do pmemckpt-ctl save team/app digit.$digit >/dev/null || exit 1; done; done) &
PRIMARY=$!
started $PRIMARY
reads=0
while running $PRIMARY; do
    pmemckpt-ctl restore team/app >seen || fail "read $reads: there was no state"
    cmp -s seen "digit.$(head -c 1 seen)" || fail "read $reads is no state: $(wc -c <seen) bytes"
    reads=$((reads + 1))
done
ended $PRIMARY
[ $STATUS = 0 ] || fail "a save failed while it was read"
[ $reads -gt 3 ] || fail "only $reads reads"
wait_for '[ "$(free_pages)" = $((EMPTY - 2)) ]'

# With page copies shared (a clone) the same holds: one is kept, and it is whole.
cp digit.9 state
printf changed | dd of=state bs=1 seek=2500000 conv=notrunc status=none
pmemckpt-ctl save team/app state --clone --dirty 2500000:7 >/dev/null
pmemckpt-ctl restore team/app | cmp - state
[ "$(numbers team/app | jq length)" = 1 ] || fail "kept: $(numbers team/app)"
[ "$(free_pages)" = $((EMPTY - 2)) ] || fail "the clone's base is still there: $(free_pages) of $EMPTY are free"
