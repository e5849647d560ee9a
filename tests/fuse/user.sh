#!/usr/bin/env bash
# A user who is not root mounts and unmounts, through fusermount3; nobody else looks into it.
. "$(dirname "$0")/../support/environment.sh"
need_fuse
[ "$(id -u)" = 0 ] || skip "it needs root, to become another user"
[ -u "$(command -v fusermount3 || echo /none)" ] || skip "fusermount3 is not set-user-id root"
command -v setpriv >/dev/null || skip "setpriv is not installed"
unshare -m true 2>/dev/null || skip "no mount namespace of its own (unshare -m)"
user() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
export -f user fail contains expect_status
start_manager
echo content | pmemckpt-ctl save app --create >/dev/null
mkdir -p ckpt other
chmod 755 "$TEST_DIRECTORY" other
cp -r keys keys.user
chown -R 65534:65534 keys.user ckpt
user test -x "$BUILD/bin/mount.pmemckpt" || skip "another user can't reach $BUILD"
mknod -m 600 fuse c 10 229 2>/dev/null || skip "no device can be made here"

# For this test alone: its directory at a place that everybody reaches, and a /dev/fuse that everybody may open, as
# udev makes it.
cat >script <<'SCRIPT'
set -eu
mount --make-rprivate /
mount --bind "$TEST_DIRECTORY" /mnt
cd /mnt
trap 'umount -l /mnt/ckpt 2>/dev/null || true' EXIT
export PMEMCKPT_KEY_DIR=/mnt/keys.user
mount --bind fuse /dev/fuse
expect_status 8 user mount.pmemckpt "$PMEMCKPT_SERVER:/" /mnt/ckpt
contains "$OUTPUT" "/dev/fuse"
chmod 666 fuse
(: <>/dev/fuse) 2>/dev/null || { echo "devices can't be opened in $TEST_DIRECTORY"; exit 77; }

user mount.pmemckpt "$PMEMCKPT_SERVER:/" /mnt/ckpt
[ "$(user cat ckpt/app)" = content ] || fail "the user can't read"
[ "$(user stat -c %u ckpt/app)" = 65534 ] || fail "it is not the user's"
expect_status 1 cat ckpt/app
contains "$OUTPUT" "Permission denied"
user fusermount3 -u /mnt/ckpt
expect_status 1 user mount.pmemckpt "$PMEMCKPT_SERVER:/" /mnt/other
contains "$OUTPUT" "no write access"
[ "$(wc -l <<<"$OUTPUT")" = 1 ] || fail "not one line: $OUTPUT"
SCRIPT
status=0
unshare -m bash script >output 2>&1 || status=$?
[ $status != 77 ] || skip "$(tail -n 1 output)"
[ $status = 0 ] || fail "$(cat output)"
