#!/usr/bin/env bash
# A byte of a sealed generation that has changed on the disk: asked for that very one, restore notices, says so, and leaves
# no file; the other generations are as good as before.
. "$(dirname "$0")/../support/environment.sh"
start_manager
for i in 1 2 3; do
    { head -c 3000000 /dev/urandom && echo "marker of generation $i" && head -c 3000000 /dev/urandom; } >state.$i
    pmemckpt-ctl save team/app state.$i --create >/dev/null
done
stop_manager
OFFSET=$(grep -abo "marker of generation 3" pool | cut -d: -f1)
[ "$(wc -l <<<"$OFFSET")" = 1 ] || fail "generation 3 lies at: $OFFSET"
printf M | dd of=pool bs=1 seek="$OFFSET" conv=notrunc status=none
start_manager

echo before >back
status=0
pmemckpt-ctl restore team/app --exact --to back >out 2>error || status=$?
[ $status = 7 ] || fail "exit status $status: $(cat error)"
[ "$(wc -l <error)" = 1 ] || fail "not one line: $(cat error)"
contains "$(cat error)" "team/app@3 is damaged"
contains "$(cat error)" "back was not written"
[ "$(cat back)" = before ] || fail "the file was replaced by damaged bytes"
[ -z "$(find . -name '*.part')" ] || fail "a part is left"
status=0
pmemckpt-ctl restore team/app@3 >back 2>error || status=$?
[ $status = 7 ] || fail "exit status $status: $(cat error)"
contains "$(cat error)" "must not be used"
for i in 1 2; do pmemckpt-ctl restore team/app@$i | cmp - state.$i || fail "generation $i"; done
