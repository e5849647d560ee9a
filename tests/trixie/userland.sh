#!/usr/bin/env bash
# time-limit: 600
# The userland itself (tests/vm/userland): it is made once, by one at a time, and anew after an interruption; a command in it
# sees the project and loopback, says its status, changes nothing, and leaves nothing behind, however it ends.
. "$(dirname "$0")/../support/environment.sh"
[ "$(id -u)" = 0 ] || skip "a userland needs root, which can make and enter it"
unshare --mount --pid --net --fork true 2>/dev/null || skip "no namespaces of its own (unshare)"
userland() { "$PROJECT/tests/vm/userland" "$@"; }
TRULY_CACHED=${PMEMCKPT_VM_CACHE:-}

# Made by a double of mmdebstrap: which takes as long as there is a file "slow".
mkdir bin
cat >bin/mmdebstrap <<'END'
#!/bin/bash
cd "$TEST_DIRECTORY" && place=${*: -2:1}
mkdir -p "$place/etc" && touch "$place/of-$(wc -l <made)"
echo "$place" >>made
while [ -e slow ]; do sleep 0.1; done
[ ! -e failing ]
END
chmod +x bin/mmdebstrap
: >made
made() { wc -l <made; }
export PMEMCKPT_VM_CACHE=$TEST_DIRECTORY/cache
TRUE_PATH=$PATH
PATH=$TEST_DIRECTORY/bin:$PATH

touch failing
expect_status 1 userland
contains "$OUTPUT" "mmdebstrap could not make $TEST_DIRECTORY/cache/trixie-"
rm failing
for signal in TERM KILL; do # the half of one is never taken for the whole
    touch slow
    count=$(made)
    "$PROJECT/tests/vm/userland" >/dev/null 2>&1 &
    maker=$!
    wait_for '[ "$(made)" -gt $count ]' 90
    kill -"$signal" $maker
    wait $maker 2>/dev/null || true
    rm slow
    ! ls -d cache/trixie-*[0-9a-f]/ 2>/dev/null || fail "an interrupted one counts"
done
touch slow
count=$(made)
userland >first 2>first.said &
userland >second 2>second.said &
wait_for '[ "$(made)" -gt $count ]' 90
sleep 0.5
rm slow
wait
[ "$(made)" = $((count + 1)) ] || fail "two at once have made $(($(made) - count))"
[ -s first ] && cmp first second
[ "$(ls "$(cat first)")" = "$(printf 'etc\nof-%s' "$count")" ] || fail "it has remains: $(ls "$(cat first)")"
userland | cmp - first
[ "$(made)" = $((count + 1)) ] || fail "it was made again"

# The true one.
PATH=$TRUE_PATH
[ -n "$TRULY_CACHED" ] && PMEMCKPT_VM_CACHE=$TRULY_CACHED || unset PMEMCKPT_VM_CACHE
place=$(userland)
expect_status 42 userland run sh -c 'exit 42'
[ "$(echo input | userland run cat)" = input ] || fail "it has no input"
userland run bash -c 'grep "^13\." /etc/debian_version' >/dev/null || fail "it is not Debian 13"
[ "$(userland run bash -c 'pwd; echo $BUILD; [ ! -e /root/.cache ] || echo the host')" = "$PROJECT"$'\nbuild-trixie' ] ||
    fail "it is not in the project: $(userland run bash -c 'pwd; echo $BUILD')"
[ "$(SEED=7 NO_SKIP=1 userland run bash -c 'echo $SEED $NO_SKIP ${TIME_LIMIT_FACTOR:-1}')" = "7 1 1" ] || fail "variables"
userland run bash -c '
    set -e
    [ ! -e "$1" ] && [ -z "$(ls -A /dev/shm)" ] && [ "$(ls /sys/class/net)" = lo ]
    [ "$(ps -e -o pid= | head -n 1 | tr -d " ")" = 1 ]
    touch /tmp/of-the-command /dev/shm/of-the-command /usr/of-the-command
    mkdir -p "$BUILD" && touch "$BUILD/of-the-command"
    [[ $(ip -br address show lo) = *UNKNOWN*127.0.0.1/8* ]]' - "$TEST_DIRECTORY" || fail "its own things are not its own"
[ -e "$PROJECT/build-trixie/of-the-command" ] || fail "what it writes to the project is lost"
rm "$PROJECT/build-trixie/of-the-command"
[ ! -e /tmp/of-the-command ] && [ ! -e /dev/shm/of-the-command ] && [ ! -e "$place/usr/of-the-command" ] || fail "it has written to the host"

for signal in TERM KILL; do
    "$PROJECT/tests/vm/userland" run bash -c "mount -t tmpfs of-$$ /mnt; setsid sleep 1000.$$ & echo ready; sleep 1000.$$" >said &
    runner=$!
    wait_for 'grep -q ready said' 90
    sleeping=$(pgrep -f "^sleep 1000\.$$" | wc -l)
    [ "$sleeping" = 2 ] || fail "$sleeping of 2 sleep"
    kill -"$signal" $runner
    wait $runner 2>/dev/null || true
    wait_for '! pgrep -f "^sleep 1000\.$$"' 60
    ! grep -lqs "of-$$ \|$TEST_DIRECTORY/pmemckpt-userland" /proc/[0-9]*/mountinfo || fail "it is mounted still"
    [ $signal = KILL ] || ! ls -d pmemckpt-userland.* 2>/dev/null || fail "files are left"
done
rm -rf pmemckpt-userland.*
