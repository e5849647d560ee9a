#!/usr/bin/env bash
# save --clone sends what is named and shares the rest: the new generation is the file, or nothing is sealed.
. "$(dirname "$0")/../support/environment.sh"
command -v jq >/dev/null || skip "jq is not installed"
make_pool 256M
start_manager
free_pages() { pmemckpt-ctl list --pools --json | jq '.[0].free_pages'; }
head -c 20M /dev/urandom >state
expect_status 3 pmemckpt-ctl save no-region state --clone
pmemckpt-ctl create-region team/app >/dev/null
expect_status 3 pmemckpt-ctl save team/app state --clone
contains "$OUTPUT" "without --clone"
pmemckpt-ctl save team/app state >/dev/null
cp state state.1
FREE=$(free_pages)

# change OFFSET LENGTH
change() {
    head -c "$2" /dev/urandom |
        dd of=state bs=64K seek="$1" oflag=seek_bytes conv=notrunc iflag=fullblock status=none
}
change 5 3
change 4M 2M
change 7000001 100
contains "$(pmemckpt-ctl save team/app state --clone --dirty 5:3 --dirty 4M:2M --dirty 7000000:4K)" \
    "team/app@2 20971520 bytes"
pmemckpt-ctl restore team/app | cmp - state || fail "the clone is not the file"
pmemckpt-ctl restore team/app@1 | cmp - state.1 || fail "the base was changed"
[ "$(free_pages)" = $((FREE - 3)) ] || fail "3 pages have changed, but $((FREE - $(free_pages))) were taken"

# Unchanged, shorter, longer, across pages, in any order, overlapping, from a pipe.
pmemckpt-ctl save team/app state --clone >/dev/null
[ "$(free_pages)" = $((FREE - 3)) ] || fail "an unchanged clone took pages"
truncate -s 15000000 state
pmemckpt-ctl save team/app state --clone >/dev/null
pmemckpt-ctl restore team/app | cmp - state || fail "a shorter clone"
head -c 3000000 /dev/urandom >>state
pmemckpt-ctl save team/app state --clone --dirty 15000000:3000000 >/dev/null
pmemckpt-ctl restore team/app | cmp - state || fail "a longer clone"
change 8388600 16
change 100 50
# shellcheck disable=SC2002
cat state | pmemckpt-ctl save team/app --clone --dirty 8388600:10 --dirty 8388605:11 --dirty 100:50 >/dev/null
pmemckpt-ctl restore team/app | cmp - state || fail "a clone from a pipe"

# A byte elsewhere than said: nothing is sealed.
NEWEST=$(pmemckpt-ctl list team/app --json | jq '.[-1].number')
printf x | dd of=state bs=1 seek=12000000 conv=notrunc status=none
pmemckpt-ctl restore team/app >back
cmp -s state back && printf y | dd of=state bs=1 seek=12000000 conv=notrunc status=none
expect_status 7 pmemckpt-ctl save team/app state --clone --dirty 0:4K
contains "$OUTPUT" "state differs from generation $NEWEST elsewhere"
contains "$OUTPUT" "without --clone"
[ "$(pmemckpt-ctl list team/app --json | jq '.[-1].number')" = "$NEWEST" ] || fail "it was sealed all the same"
pmemckpt-ctl save team/app state >/dev/null
pmemckpt-ctl restore team/app | cmp - state

# Without --dirty what differs is found: a byte here and there, a part that grew, a hole, nothing at all.
change 0 1
change 4095 2
change 9000000 70000
change 17999999 1
FREE=$(free_pages)
contains "$(pmemckpt-ctl save team/app state --clone)" " 18000000 bytes"
pmemckpt-ctl restore team/app | cmp - state || fail "what was found is not what differs"
[ $((FREE - $(free_pages))) -le 4 ] || fail "4 pages have changed, but $((FREE - $(free_pages))) were taken"
truncate -s 24M state
change 23M 5
cat state | pmemckpt-ctl save team/app --clone >/dev/null
pmemckpt-ctl restore team/app | cmp - state || fail "a clone that grew, from a pipe"
truncate -s 1000001 state
pmemckpt-ctl save team/app state --clone >/dev/null
pmemckpt-ctl restore team/app | cmp - state || fail "a clone that shrank"
: >empty
pmemckpt-ctl save team/app --clone <empty >/dev/null
[ "$(pmemckpt-ctl restore team/app | wc -c)" = 0 ] || fail "an empty clone"
pmemckpt-ctl save team/app state --clone >/dev/null
pmemckpt-ctl restore team/app | cmp - state || fail "a clone of an empty one"

# More differences than a manager takes ranges: some are joined, and the file is whole.
yes "$(printf '%099d' 1)" | head -c 16M >state
pmemckpt-ctl save team/app state >/dev/null
yes "$(printf '%099d' 2)" | head -c 16M >state
expect_status 0 pmemckpt-ctl save team/app state --clone
pmemckpt-ctl restore team/app | cmp - state || fail "many differences"

for wrong in 5 5: :5 a:5 5:0 18000000:1 0:19000000; do
    expect_status 2 pmemckpt-ctl save team/app state --clone --dirty $wrong
done
expect_status 2 pmemckpt-ctl save team/app state --dirty 0:1

# With --create there may be none to start from yet.
contains "$(pmemckpt-ctl save team/new state --clone --create)" "team/new@1"
contains "$(pmemckpt-ctl save team/new state --clone --create)" "team/new@2"
pmemckpt-ctl restore team/new | cmp - state
