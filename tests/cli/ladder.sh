#!/usr/bin/env bash
# restore REGION takes the newest generation that verifies: it names each newer one that does not, with the reason, and
# exits 9. --exact does not go down.
. "$(dirname "$0")/../support/environment.sh"
command -v jq >/dev/null || skip "jq is not installed"
start_manager
for i in 1 2 3 4; do
    { head -c 3000000 /dev/urandom && echo "marker of generation $i" && head -c $((i * 1000)) /dev/urandom; } >state.$i
    pmemckpt-ctl save team/app state.$i --create >/dev/null
done
pmemckpt-ctl save other state.1 --create >/dev/null

# damage NUMBER: one byte of it, in the pool file
damage() {
    local offset
    stop_manager
    offset=$(grep -abo "marker of generation $1" pool | head -n 1 | cut -d: -f1)
    [ -n "$offset" ] || fail "generation $1 was not found in the pool"
    printf M | dd of=pool bs=1 seek="$offset" conv=notrunc status=none
    start_manager
}

# Undamaged: no word, exit status 0.
expect_status 0 pmemckpt-ctl restore team/app --to back
[ "$(wc -l <<<"$OUTPUT")" = 1 ] || fail "a good restore said: $OUTPUT"

damage 4
status=0
pmemckpt-ctl restore team/app --to back >out 2>error || status=$?
[ $status = 9 ] || fail "exit status $status: $(cat error)"
cmp back state.3 || fail "it is not generation 3"
contains "$(cat out)" "team/app@3 $(stat -c %s state.3) bytes"
[ "$(wc -l <error)" = 1 ] || fail "not a line for the one generation: $(cat error)"
contains "$(cat error)" "team/app@4 is skipped: "
contains "$(cat error)" "CRC-32C"

# Two bad ones; to a stream nothing of them is written.
damage 3
status=0
pmemckpt-ctl restore team/app >back 2>error || status=$?
[ $status = 9 ] || fail "exit status $status: $(cat error)"
cmp back state.2 || fail "it is not generation 2"
[ "$(sed 's/ is skipped.*//' error | tr '\n' ,)" = "pmemckpt-ctl: team/app@4,pmemckpt-ctl: team/app@3," ] ||
    fail "skipped: $(cat error)"
mkfifo pipe
cat pipe >piped &
started $!
expect_status 9 pmemckpt-ctl restore team/app --to pipe
wait $!
cmp piped state.2 || fail "a named pipe was given something else"
status=0
pmemckpt-ctl restore team/app --to back --json >out 2>error || status=$?
[ $status = 9 ] || fail "exit status $status"
jq -e '.number == 2 and [.skipped[].number] == [4, 3] and (.skipped | all(.why | length > 10))' out >/dev/null ||
    fail "JSON: $(cat out)"

# --exact, or a number, is that one or none.
echo before >back
expect_status 7 pmemckpt-ctl restore team/app --exact --to back
contains "$OUTPUT" "team/app@4 is damaged"
expect_status 7 pmemckpt-ctl restore team/app@3 --to back
[ "$(cat back)" = before ] || fail "damaged bytes became a file"
expect_status 0 pmemckpt-ctl restore team/app@2 --exact --to back

# The log behind a bad generation is no log of the one that was restored.
echo record | pmemckpt-ctl append team/app >/dev/null
[ "$(pmemckpt-ctl read-log team/app@4)" = record ] || fail "the log of generation 4"
expect_status 3 pmemckpt-ctl read-log team/app@2
contains "$OUTPUT" "team/app@2 has no log"

# None is good: all are named, in one line.
damage 2
damage 1
echo before >back
expect_status 7 pmemckpt-ctl restore team/app --to back
[ "$(wc -l <<<"$OUTPUT")" = 1 ] || fail "not one line: $OUTPUT"
for i in 1 2 3 4; do contains "$OUTPUT" "generation $i:"; done
[ "$(cat back)" = before ] || fail "damaged bytes became a file"

# A newest one that is good again ends all that.
pmemckpt-ctl save team/app state.1 >/dev/null
expect_status 0 pmemckpt-ctl restore team/app --to back
cmp back state.1
