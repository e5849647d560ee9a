#!/usr/bin/env bash
# time-limit: 300
# A generation of 1 GiB: read with cp and through a mapping, it is what was saved.
. "$(dirname "$0")/../support/environment.sh"
need_fuse
TOOL=$BUILD/tests/tools/mmap_sum
[ -x "$TOOL" ] || skip "mmap_sum is not built (make check builds it)"
NEEDED_KIB=$((4 * 1024 * 1024))
FREE_KIB=$(df -Pk . | awk 'NR == 2 { print $4 }')
[ "$FREE_KIB" -ge $NEEDED_KIB ] || skip "less than 4 GiB of disk space are free: $FREE_KIB KiB"
make_pool 1280M
start_manager
head -c 1G /dev/urandom >state
SUM=$(sha256sum <state)
pmemckpt-ctl save large state --create >/dev/null
mount_ckpt
[ "$(stat -c %s ckpt/large)" = 1073741824 ] || fail "its size is $(stat -c %s ckpt/large)"
[ "$("$TOOL" ckpt/large)" = "$(getfattr --absolute-names --only-values -n user.pmemckpt.crc32c ckpt/large)" ] ||
    fail "mapped, it has another CRC"
# Not from the cache of the mapping.
unmount_ckpt
mount_ckpt
cp ckpt/large copy
[ "$(sha256sum <copy)" = "$SUM" ] || fail "the copy differs"
rm copy
# Now from the cache.
[ "$(sha256sum <ckpt/large)" = "$SUM" ] || fail "read again, it differs"
