#!/usr/bin/env bash
# A pool that is full refuses, says so, and drops nothing that is kept: by number, by age, by a pin, or as a log; each of
# them verifies after the refusal. Room that is given back is used again.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/pair.sh"
make_pool 64M
make_spare
start_manager
for region in number age pinned log; do head -c 6000000 /dev/urandom >of.$region; done
pmemckpt-ctl save by/number of.number --create --keep 2 >/dev/null
pmemckpt-ctl save by/number of.number >/dev/null
pmemckpt-ctl save by/age of.age --create --keep 1 --keep-age 1d >/dev/null
pmemckpt-ctl save by/age of.age >/dev/null
pmemckpt-ctl save by/pin of.pinned --create --keep 1 >/dev/null
pmemckpt-ctl pin by/pin@1 >/dev/null
pmemckpt-ctl save by/pin of.pinned >/dev/null
pmemckpt-ctl save by/log of.log --create >/dev/null
seq 1000 >updates
pmemckpt-ctl append by/log --lines <updates >/dev/null
pmemckpt-ctl create-region filler --keep 100 >/dev/null

# all_kept: what must be there is, and verifies
all_kept() {
    local target
    for target in by/number@1 by/number@2; do pmemckpt-ctl restore $target --exact | cmp - of.number || fail $target; done
    for target in by/age@1 by/age@2; do pmemckpt-ctl restore $target --exact | cmp - of.age || fail $target; done
    for target in by/pin@1 by/pin@2; do pmemckpt-ctl restore $target --exact | cmp - of.pinned || fail $target; done
    pmemckpt-ctl restore by/log --exact | cmp - of.log || fail "by/log"
    pmemckpt-ctl read-log by/log | cmp - updates || fail "the log of by/log"
    for target in $(pmemckpt-ctl list filler --json | jq '.[].number'); do
        pmemckpt-ctl restore filler@"$target" --exact | cmp - filling || fail "filler@$target"
    done
}
# refused command...: for lack of room, in a sentence with numbers; and not a page is lost by it
refused() {
    local before
    before=$(free_pages)
    expect_status 5 "$@"
    [ "$(wc -l <<<"$OUTPUT")" = 1 ] || fail "not one line: $OUTPUT"
    contains "$OUTPUT" "free"
    [ "$(free_pages)" = "$before" ] || fail "$before pages were free, now $(free_pages): $*"
}

head -c 2000000 /dev/urandom >filling
while [ "$(free_pages)" -gt 0 ]; do pmemckpt-ctl save filler filling >/dev/null; done
all_kept
COUNT=$(numbers filler | jq length)
refused pmemckpt-ctl save filler filling
# Also where the seal would drop an older one: that would be before there is a newer one.
refused pmemckpt-ctl save by/number of.age
refused pmemckpt-ctl save by/pin of.age
cp of.number changed
printf changed | dd of=changed conv=notrunc status=none
refused pmemckpt-ctl save by/number changed --clone --dirty 0:7
refused bash -c 'head -c 5000000 /dev/zero | pmemckpt-ctl append by/age'
refused bash -c 'printf x | pmemckpt-ctl append by/age'
[ "$(numbers filler | jq length)" = "$COUNT" ] || fail "a full pool dropped one: $(numbers filler)"
[ "$(numbers by/number) $(numbers by/age) $(numbers by/pin)" = '[1,2] [1,2] [1,2]' ] || fail "a full pool dropped one"
all_kept

# The log goes on in the room that it has, and what does not change needs none.
pmemckpt-ctl save by/number of.number --clone >/dev/null
[ "$(numbers by/number)" = '[2,3]' ] || fail "kept: $(numbers by/number)"
pmemckpt-ctl restore by/number | cmp - of.number

# Room comes from what its owner gives up.
pmemckpt-ctl set-retention filler --keep 2 >/dev/null
[ "$(numbers filler | jq length)" = 2 ] || fail "kept: $(numbers filler)"
pmemckpt-ctl save by/number of.age >/dev/null
pmemckpt-ctl save by/pin of.age >/dev/null
[ "$(numbers by/pin)" = '[1,3]' ] || fail "kept: $(numbers by/pin)"
pmemckpt-ctl restore by/pin@1 | cmp - of.pinned
pmemckpt-ctl restore by/pin | cmp - of.age
