#!/usr/bin/env bash
# The main job on this machine: a long computation checkpoints into persistent memory through RDMA (iWARP over TCP),
# is killed twice, once while it writes a checkpoint, and goes on from the newest generation each time. At the end its
# result is compared with that of a run that nobody disturbed. Run by `make demo`; everything lies in build/demo.
set -eu
cd "$(dirname "$0")/../.."
NAME=demo
. utils/examples/demo_common.sh
STEPS=${STEPS:-1400} EVERY=${EVERY:-100} SIZE=${SIZE:-1024}
PRIMARY='' REFERENCE=''
REGION=demo/heat

mounted() { grep -q " $DEMO/ckpt fuse" /proc/self/mounts; }
unmount() { umount "$DEMO/ckpt" 2>/dev/null || fusermount3 -u "$DEMO/ckpt"; }

clean_up() {
    status=$?
    trap '' INT TERM
    trap - EXIT
    end_pid KILL "$PRIMARY"
    end_pid KILL "$REFERENCE"
    ! mounted || unmount || umount -l "$DEMO/ckpt" || true
    end_pid TERM "$MANAGER"
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# 0 while there is none.
newest() { pmemckpt-ctl list "$REGION" --json 2>/dev/null | jq -rs '.[0][-1].number // 0'; }

say "1. A pool in a plain file, its manager, and the file view"
if mounted; then unmount; fi
rm -rf "$DEMO"
mkdir -p "$DEMO/ckpt"
[ -c /dev/fuse ] || die "there is no /dev/fuse here; the demo needs it for the file view (modprobe fuse)"
start_manager 256M
cat "$DEMO/manager.log"
show mount.pmemckpt "$PMEMCKPT_SERVER:/" "$DEMO/ckpt"

# Not a function: in the background that would be a shell around it, and the kill would hit the shell.
HEAT=(heat --size "$SIZE" --steps "$STEPS" --every "$EVERY")

say "2. An undisturbed run, to compare with; beside it the primary, which is killed with SIGKILL in mid-computation"
"${HEAT[@]}" --region demo/undisturbed --output "$DEMO/undisturbed.result" >"$DEMO/undisturbed.log" 2>&1 &
REFERENCE=$!
"${HEAT[@]}" --region $REGION --output "$DEMO/resumed.result" >"$DEMO/first.log" 2>&1 &
PRIMARY=$!
wait_until '[ "$(newest)" -ge 4 ] 2>/dev/null' "its fourth checkpoint was sealed" "$PRIMARY"
end_pid KILL "$PRIMARY"
PRIMARY=
tail -n 2 "$DEMO/first.log"
before=$(newest)
echo "Killed. The newest generation is $before."

say "3. A new process goes on from there, and is killed while it writes a checkpoint"
"${HEAT[@]}" --region $REGION --output "$DEMO/resumed.result" --write-pause-ms 1000 >"$DEMO/second.log" 2>&1 &
PRIMARY=$!
# The second generation it writes: one is sealed, then it is in the middle of the next.
wait_until '[ "$(newest)" -gt "$before" ]' "it sealed a checkpoint" "$PRIMARY"
writes=$(grep -c 'writing generation' "$DEMO/second.log" || true)
wait_until '[ "$(grep -c "writing generation" "$DEMO/second.log")" -gt "$writes" ]' "it wrote the next" "$PRIMARY"
kill -STOP "$PRIMARY" # it stays there, however slow this machine is
during=$(newest)
end_pid KILL "$PRIMARY"
PRIMARY=
tail -n 3 "$DEMO/second.log"
after=$(newest)
[ "$after" = "$during" ] || die "generation $after appeared of a write that was cut off"
echo "Killed in mid-write. The newest generation is still $after, whole; what was half written is not there:"
show ls -l "$DEMO/ckpt/.generations/$REGION" "$DEMO/ckpt/demo"

say "4. The newest generation, restored with cp and with pmemckpt-ctl"
show cp "$DEMO/ckpt/$REGION" "$DEMO/restored"
echo "\$ pmemckpt-ctl restore $REGION >$DEMO/restored.ctl"
pmemckpt-ctl restore $REGION >"$DEMO/restored.ctl"
show cmp "$DEMO/restored" "$DEMO/restored.ctl"
if command -v getfattr >/dev/null; then
    show getfattr --absolute-names -d -m user.pmemckpt "$DEMO/ckpt/$REGION"
fi

say "5. A third process goes on from generation $after, to the end"
"${HEAT[@]}" --region $REGION --output "$DEMO/resumed.result" >"$DEMO/third.log" 2>&1 &
PRIMARY=$!
wait "$PRIMARY" || { cat "$DEMO/third.log" >&2; die "the third process failed"; }
PRIMARY=
grep -m 1 "going on" "$DEMO/third.log" || die "the third process did not go on from a generation"
tail -n 1 "$DEMO/third.log"
wait "$REFERENCE" || { cat "$DEMO/undisturbed.log" >&2; die "the undisturbed run failed"; }
REFERENCE=
show pmemckpt-ctl list $REGION
cmp "$DEMO/undisturbed.result" "$DEMO/resumed.result" || die "the results differ: that must not happen"

say "The result of the run that died twice equals that of the undisturbed run, byte for byte ($(stat -c %s "$DEMO/resumed.result") bytes)."
cat <<END

What you have seen: a program wrote its state with RDMA writes (iWARP over TCP) into a pool that a manager keeps, died at
the worst moments, and lost at most the steps since its last sealed generation. Every generation was a plain file.

What to type next:
    make check                       all tests
    man man/pmemckpt.7               what it is, its words, first steps on two hosts
    less utils/examples/heat.cc      how a program of yours does it
    build/bin/pmemckpt-ctl --help    what an admin does
END
