#!/usr/bin/env bash
# Everything around the mount: what is wrong is said in one line, with its exit status, before anything is mounted; and
# what was mounted is gone without a trace after umount, fusermount3 -u or a signal.
. "$(dirname "$0")/../support/environment.sh"
need_fuse
command -v jq >/dev/null || skip "jq is not installed"
start_manager
mkdir -p ckpt "other place"

# refused STATUS TEXT arguments...
refused() {
    local status=$1 text=$2
    shift 2
    expect_status "$status" mount.pmemckpt "$@"
    contains "$OUTPUT" "$text"
    [ "$(wc -l <<<"$OUTPUT")" = 1 ] || fail "not one line: $OUTPUT"
    contains "$OUTPUT" "mount.pmemckpt: "
    ! mounted || fail "it is mounted: $*"
}

refused 2 "missing"
refused 2 "stands alone" "$PMEMCKPT_SERVER:/"
refused 2 "too many" "$PMEMCKPT_SERVER:/" ckpt more
refused 2 "HOST[:PORT]:/[POOL]" /dev/dax0.0 ckpt
refused 2 "HOST[:PORT]:/[POOL]" "$PMEMCKPT_SERVER" ckpt
refused 2 "colour=red" "$PMEMCKPT_SERVER:/" ckpt -o ro,colour=red
refused 2 "timeout=never" "$PMEMCKPT_SERVER:/" ckpt -o timeout=never
refused 2 "--colour" "$PMEMCKPT_SERVER:/" ckpt --colour
refused 2 "remount" "$PMEMCKPT_SERVER:/" ckpt -o remount
refused 3 "none" "$PMEMCKPT_SERVER:/" none
refused 3 "not a directory" "$PMEMCKPT_SERVER:/" pool
refused 3 "nobody" "$PMEMCKPT_SERVER:/" ckpt -o principal=nobody
refused 3 "nopool" "$PMEMCKPT_SERVER:/nopool" ckpt
refused 3 "nopool" "$PMEMCKPT_SERVER:/" ckpt -o pool=nopool
refused 3 "tester" "$PMEMCKPT_SERVER:/" ckpt -o key-dir="$TEST_DIRECTORY/nokeys"
refused 6 "1" 127.0.0.1:1:/ ckpt
refused 6 "1" 127.0.0.1:1:/ ckpt --foreground
mkdir wrong && PMEMCKPT_KEY_DIR=$TEST_DIRECTORY/wrong pmemckpt-ctl create-key tester >/dev/null
refused 8 "authentication" "$PMEMCKPT_SERVER:/" ckpt -o key_dir="$TEST_DIRECTORY/wrong"
chmod 644 wrong/tester.key
refused 8 "chmod" "$PMEMCKPT_SERVER:/" ckpt -o key-dir="$TEST_DIRECTORY/wrong"

expect_status 0 mount.pmemckpt --help
contains "$OUTPUT" "HOST[:PORT]:/[POOL]"
expect_status 0 mount.pmemckpt --version
# mount -f: everything is looked at, nothing is mounted.
expect_status 0 mount.pmemckpt "$PMEMCKPT_SERVER:/" ckpt -f
! mounted || fail "-f mounted"
expect_status 3 mount.pmemckpt "$PMEMCKPT_SERVER:/" none -f

# The mount's processes: those that have it on their command line.
processes() { pgrep -f "^mount.pmemckpt .*$TEST_DIRECTORY" || true; }
gone() { ! mounted && [ -z "$(processes)" ]; }

# As fstab has it; the shell gets its prompt back when the mount works, and no pipe of its is held.
mount.pmemckpt "$PMEMCKPT_SERVER:/" "$CKPT" \
    -o "rw,noauto,user,_netdev,nofail,noatime,x-systemd.automount,comment=x,pool=pool,timeout=5000" -n -s | cat
mounted || fail "it came back, but nothing is mounted"
[ "$(jq -r .pool.name ckpt/.status)" = pool ] || fail "$(cat ckpt/.status)"
grep " $CKPT " /proc/self/mountinfo >line
contains "$(cat line)" " - fuse.pmemckpt $PMEMCKPT_SERVER:/ ro"
[ "$(id -u)" != 0 ] || [ "$(cat "/sys/class/bdi/$(cut -d' ' -f3 line)/read_ahead_kb")" = 4096 ] ||
    fail "read-ahead is not raised"
# Once is enough.
expect_status 4 mount.pmemckpt "$PMEMCKPT_SERVER:/" ckpt
contains "$OUTPUT" "umount"
expect_status 4 mount.pmemckpt "$PMEMCKPT_SERVER:/" "$TEST_DIRECTORY/../$(basename "$TEST_DIRECTORY")/ckpt/"
umount "$CKPT"
wait_for gone

mount_ckpt
fusermount3 -u "$CKPT"
wait_for gone

# A signal unmounts, also when a file is open; in the foreground the exit status is that of success.
for signal in TERM INT HUP; do
    mount_ckpt
    exec 5<ckpt/.status
    kill -$signal "$(processes)"
    wait_for gone
    exec 5<&-
done
mount.pmemckpt "$PMEMCKPT_SERVER:/" "$CKPT" --foreground 2>foreground &
FOREGROUND=$!
started $FOREGROUND
wait_for mounted
[ "$(cat ckpt/.status | jq -r .session.connected)" = true ] || fail "$(cat ckpt/.status)"
kill -TERM $FOREGROUND
status=0
wait $FOREGROUND || status=$?
[ $status = 0 ] || fail "exit status $status after SIGTERM: $(cat foreground)"
[ ! -s foreground ] || fail "it had something to say: $(cat foreground)"
! mounted || fail "still mounted"

# A mount whose process was killed is named as what it is, and umount clears it.
mount_ckpt
kill -KILL "$(processes)"
wait_for '! ls ckpt >/dev/null 2>&1'
expect_status 4 mount.pmemckpt "$PMEMCKPT_SERVER:/" ckpt
umount "$CKPT"
mount_ckpt
[ -r ckpt/.status ] || fail "mounted after a dead mount, but not readable"
umount "$CKPT"
wait_for gone

# A mount point with a space.
mount.pmemckpt "$PMEMCKPT_SERVER:/" "other place"
[ -r "other place/.status" ] || fail "not readable"
expect_status 4 mount.pmemckpt "$PMEMCKPT_SERVER:/" "other place"
umount "$TEST_DIRECTORY/other place"

# Nobody waits any more: then nothing gets mounted. The manager is stopped, so that this is surely before the mount.
kill -STOP "$MANAGER_PID"
mount.pmemckpt "$PMEMCKPT_SERVER:/" "$CKPT" 2>/dev/null &
WAITING=$!
started $WAITING
wait_for '[ "$(processes | wc -l)" = 2 ]'
kill -KILL $WAITING
wait $WAITING 2>/dev/null || true
kill -CONT "$MANAGER_PID"
wait_for gone
