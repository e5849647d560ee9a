#!/usr/bin/env bash
# time-limit: 900
# The test machine itself: what a script says and its exit status come back whole; one that hangs is ended; a guest that is
# killed, panics or is reset is told from one that ended; nothing stays behind.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/guests.sh"
need_guests

cat >script.sh <<'END'
echo "arguments: $# <$1> <$2>"
echo "error" >&2
echo "anew" >/dev/stderr
echo "variables: $ONE, $TWO, $SEED in $PWD as $(hostname), $(id -un)"
seq 200000
cat /vm/from-host && echo from-guest >/vm/from-guest
touch "$0" /usr/of-the-guest && echo "over the host's files"
sleep 1000 &
exit 42
END
mkdir -p first/share
echo from-host >first/share/from-host
status=0
(cd / && TWO="a 'second'" SEED=7 exec "$PROJECT/tests/vm/run" --processors 1 --rdma none --env ONE=1 --env TWO --directory "$TEST_DIRECTORY/first" \
    bash "$TEST_DIRECTORY/script.sh" 'with  spaces, "quotes" and $' '*') >output 2>errors || status=$?
[ $status = 42 ] || fail "the exit status is $status: $(cat output errors)"
{
    echo 'arguments: 2 <with  spaces, "quotes" and $> <*>'
    echo error && echo anew
    echo "variables: 1, a 'second', 7 in / as guest1, root"
    seq 200000
    echo from-host && echo "over the host's files"
} >wanted
cmp output wanted || fail "the output is another one: $(diff output wanted | head -n 20)"
[ ! -s errors ] || fail "there are errors: $(cat errors)"
[ "$(cat first/share/from-guest)" = from-guest ] || fail "the share has no from-guest"
[ ! -e /usr/of-the-guest ] || fail "a guest has written to the host"
[ ! -e first/pid ] || fail "QEMU's pid is still there"

# Three that don't end by themselves, each noticed, with a sentence.
start_guest 1 --processors 1 --rdma none --time-limit 60 bash -c 'echo it hangs; sleep 1000'
start_guest 2 --processors 1 --rdma none bash -c 'echo it panics; sync; echo c >/proc/sysrq-trigger; sleep 1000'
expect_guest_status 2 125
contains "$(guest_output 2)" "it panics"
contains "$(guest_output 2)" "the guest ended before its script did: Kernel panic - not syncing: sysrq triggered crash"
start_guest 2 --processors 1 --rdma none bash -c 'echo it is reset; sleep 1000'
wait_for_guest 2 'it is reset'
reset_guest 2
[ "$GUEST_STATUS" = 125 ] || fail "a guest that was reset has the status $GUEST_STATUS"
contains "$(guest_output 2)" "the guest ended before its script did: it was reset"
start_guest 3 --processors 1 --rdma none bash -c 'echo it is killed; sleep 1000'
wait_for_guest 3 'it is killed'
cut_power 3
[ "$GUEST_STATUS" = 137 ] || fail "a guest without power has the status $GUEST_STATUS"
contains "$(guest_output 3)" "QEMU was killed"
expect_guest_status 1 124
contains "$(guest_output 1)" "it hangs"
contains "$(guest_output 1)" "the guest did not end within 60 s, and was killed"

# Ended from outside, it takes QEMU along and its temporary files, whether it hears of it or not.
for signal in TERM KILL; do
    "$PROJECT/tests/vm/run" --processors 1 --rdma none sleep 1000 >/dev/null 2>&1 &
    runner=$!
    wait_for 'cat "$TEST_DIRECTORY"/pmemckpt-vm.*/pid >pid 2>/dev/null && running "$(cat pid)"' 60
    kill -"$signal" "$runner"
    wait "$runner" 2>/dev/null || true
    wait_for '! running "$(cat pid)"' 20
    [ $signal = KILL ] || ! ls -d "$TEST_DIRECTORY"/pmemckpt-vm.* 2>/dev/null || fail "files are left"
done

# Where it can't be, it is a skip with its reason; or a failure, where nothing may be skipped.
expect_status 77 env -u NO_SKIP setpriv --reuid 65534 --clear-groups "$PROJECT/tests/vm/run" true
contains "$OUTPUT" "a guest needs root"
expect_status 1 env NO_SKIP=1 setpriv --reuid 65534 --clear-groups "$PROJECT/tests/vm/run" true
