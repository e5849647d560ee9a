#!/usr/bin/env bash
# mount(8) finds mount.pmemckpt in /sbin: mount -t pmemckpt, with options and from an fstab, and umount.
. "$(dirname "$0")/../support/environment.sh"
need_fuse
[ "$(id -u)" = 0 ] || skip "mount(8) needs root"
HELPER=/sbin/mount.pmemckpt
start_manager
echo content | pmemckpt-ctl save app --create >/dev/null
mkdir -p ckpt

# In a mount namespace of its own, so that /sbin and /etc/fstab change for this test alone.
cat >script <<'SCRIPT'
set -eu
mount --make-rprivate /
trap 'umount -l "$CKPT" 2>/dev/null || true' EXIT
mkdir sbin
cp -a "$(readlink -f /sbin)/." sbin/
mount --bind sbin "$(readlink -f /sbin)"
ln -sf "$BUILD/bin/mount.pmemckpt" "$HELPER"
echo "$PMEMCKPT_SERVER:/ $CKPT pmemckpt ro,noauto,_netdev,nofail,key-dir=$PMEMCKPT_KEY_DIR,principal=tester 0 0" >fstab
touch /etc/fstab
mount --bind fstab /etc/fstab

look() {
    [ "$(cat "$CKPT/app")" = content ]
    [ "$(findmnt -n -o FSTYPE,SOURCE "$CKPT" | tr -s ' ')" = "fuse.pmemckpt $PMEMCKPT_SERVER:/" ]
    umount "$CKPT"
    ! findmnt "$CKPT" >/dev/null
}
mount -t pmemckpt "$PMEMCKPT_SERVER:/" "$CKPT"
look
mount -t pmemckpt -o "ro,noexec,timeout=5000,principal=tester" "$PMEMCKPT_SERVER:/" "$CKPT" -v -n
look
env -u PMEMCKPT_KEY_DIR -u PMEMCKPT_PRINCIPAL mount "$CKPT"
look
mount -a -t pmemckpt # noauto: nothing
! findmnt "$CKPT" >/dev/null
mount -f -t pmemckpt "$PMEMCKPT_SERVER:/" "$CKPT"
! findmnt "$CKPT" >/dev/null
mount -s -t pmemckpt -o colour=red "$PMEMCKPT_SERVER:/" "$CKPT"
look
status=0
mount -t pmemckpt -o colour=red "$PMEMCKPT_SERVER:/" "$CKPT" 2>error || status=$?
[ $status = 2 ]
grep -q 'colour=red' error
status=0
mount -t pmemckpt "127.0.0.1:1:/" "$CKPT" 2>error || status=$?
[ $status = 6 ]
echo all is well
SCRIPT
export HELPER CKPT
unshare -m true 2>/dev/null || skip "no mount namespace of its own (unshare -m)"
unshare -m bash -x script >output 2>&1 || fail "$(tail -n 15 output)"
contains "$(cat output)" "all is well"
