#!/usr/bin/env bash
# A mount gives up its rights: what the kernel says of its processes, and that it reads, connects again and unmounts so.
. "$(dirname "$0")/../support/environment.sh"
need_fuse
command -v jq >/dev/null || skip "jq is not installed"
FILTERED=2
! grep -qa '__[at]san_init' "$BUILD/bin/mount.pmemckpt" || FILTERED=0 # a sanitizer has no filter
start_manager
MANAGER_PORT=${PMEMCKPT_SERVER##*:}
head -c 3000000 /dev/urandom >state
pmemckpt-ctl save team/app state --create >/dev/null

# each_thread PID FIELD VALUE: what the kernel says of all its threads
each_thread() {
    local said
    said=$(sed -n "s/^$2:\s*//p" /proc/"$1"/task/*/status | sort -u)
    [ "$said" = "$3" ] || fail "$2 of $1: $said, wanted $3"
}
field() { sed -n "s/^$2:\s*//p" "/proc/$1/status"; }
mount_in_foreground() {
    mkdir -p "$CKPT"
    mount.pmemckpt "$PMEMCKPT_SERVER:/" "$CKPT" --foreground "$@" 2>mount.log &
    MOUNT_PID=$!
    started $MOUNT_PID
    wait_for mounted
    cat ckpt/.status >/dev/null # it serves, so it is confined
    UNMOUNTER_PID=$(pgrep -P $MOUNT_PID || true)
}
# unmount_by_signal: without a trace
unmount_by_signal() {
    kill -TERM $MOUNT_PID
    wait $MOUNT_PID || fail "exit status $?: $(cat mount.log)"
    ! mounted || fail "it is mounted still"
    [ -z "$UNMOUNTER_PID" ] || ! running "$UNMOUNTER_PID" || fail "who unmounts is still there"
    [ ! -s mount.log ] || fail "it says: $(cat mount.log)"
}

mount_in_foreground
for set in CapInh CapPrm CapEff CapAmb; do each_thread $MOUNT_PID $set 0000000000000000; done
each_thread $MOUNT_PID Seccomp $FILTERED
[ $FILTERED = 0 ] || each_thread $MOUNT_PID NoNewPrivs 1
grep -q '^Max core file size *0 *0 ' /proc/$MOUNT_PID/limits || fail "$(grep core /proc/$MOUNT_PID/limits)"
[ "$(tr '\0' ' ' <"/proc/$UNMOUNTER_PID/cmdline" | sed 's/ *$//')" = pmemckpt-unmount ] || fail "$(tr '\0' ' ' <"/proc/$UNMOUNTER_PID/cmdline")"
if [ "$(id -u)" = 0 ]; then
    [ "$(field "$UNMOUNTER_PID" CapEff)" = 0000000000200004 ] || fail "who unmounts may do $(field "$UNMOUNTER_PID" CapEff)"
    [ "$(field "$UNMOUNTER_PID" Seccomp)" = $FILTERED ] || fail "who unmounts has no filter"
fi
# SYS_ADMIN and DAC_READ_SEARCH are bits 21 and 2. Nothing is open there but its socket and /dev/null.
for file in "/proc/$UNMOUNTER_PID/fd"/*; do
    case $(readlink "$file") in socket:* | /dev/null) ;; *) fail "who unmounts has $(readlink "$file")" ;; esac
done

# Its work: all threads at once, a new manager, records as they come.
for ((i = 0; i < 8; i++)); do cmp ckpt/team/app state & done
for job in $(jobs -p); do [ "$job" = "$MANAGER_PID" ] || [ "$job" = "$MOUNT_PID" ] || wait "$job"; done
stop_manager
start_manager
wait_for 'cmp -s ckpt/.generations/team/app/1 state && [ "$(jq -r .session.connected ckpt/.status)" = true ]' 30
pmemckpt-ctl save team/app state >/dev/null
wait_for 'cmp -s ckpt/.generations/team/app/2 state'
echo record | pmemckpt-ctl append team/app >/dev/null
wait_for '[ "$(cat ckpt/.log/team/app)" = record ]'
# What it has said is that the manager was away.
grep -v 'is closed\|connect\|lost' mount.log && fail "it says: $(cat mount.log)"
: >mount.log
exec 5<ckpt/team/app
unmount_by_signal
exec 5<&-

# Unmounted by somebody else: what is mounted there next stays.
mount_in_foreground
umount "$CKPT"
wait $MOUNT_PID || fail "exit status $?"
! running "$UNMOUNTER_PID" || fail "who unmounts is still there"

# Killed: who unmounts goes, and leaves it as it is.
mount_in_foreground
kill -KILL $MOUNT_PID
wait_for '! running $UNMOUNTER_PID'
mounted || fail "a killed mount is gone"
umount "$CKPT"

mount_in_foreground -o confine=off
each_thread $MOUNT_PID Seccomp "$(field self Seccomp)"
each_thread $MOUNT_PID CapEff "$(field self CapEff)"
[ -z "$UNMOUNTER_PID" ] || fail "there is one more process: $UNMOUNTER_PID"
unmount_by_signal

mount_in_foreground -o confine=log
each_thread $MOUNT_PID Seccomp $FILTERED
cmp ckpt/team/app state
unmount_by_signal
