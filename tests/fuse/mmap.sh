#!/usr/bin/env bash
# A generation mapped into memory: the CRC of what a program sees is the one that was sealed, also after its file was
# closed, its name dropped and its pages thrown out of the cache.
. "$(dirname "$0")/../support/environment.sh"
need_fuse
TOOL=$BUILD/tests/tools/mmap_sum
[ -x "$TOOL" ] || skip "mmap_sum is not built (make check builds it)"
start_manager
head -c 20000001 /dev/urandom >first
head -c 4096 /dev/urandom >second
pmemckpt-ctl create-region app --keep 1 >/dev/null
pmemckpt-ctl save app first >/dev/null
mount_ckpt
sealed() { getfattr --absolute-names --only-values -n user.pmemckpt.crc32c "$1"; }

wanted=$("$TOOL" first)
[ "$("$TOOL" ckpt/app)" = "$wanted" ] || fail "mapped, it has another CRC"
[ "$(sealed ckpt/app)" = "$wanted" ] || fail "sealed with $(sealed ckpt/app), mapped $wanted"

mkfifo hold
"$TOOL" ckpt/app hold >sums &
MAPPER=$!
started $MAPPER
wait_for '[ -s sums ]'
pmemckpt-ctl save app second >/dev/null
[ ! -e ckpt/.generations/app/1 ] || fail "retention kept the first"
[ ! -w /proc/sys/vm/drop_caches ] || echo 1 >/proc/sys/vm/drop_caches
: >hold
wait $MAPPER || fail "the mapping failed"
[ "$(cat sums)" = "$(printf '%s\n%s' "$wanted" "$wanted")" ] || fail "the mapping changed: $(cat sums)"
[ "$("$TOOL" ckpt/app)" = "$("$TOOL" second)" ] || fail "the name has the old generation"
cmp ckpt/app second # cmp maps nothing; both ways see the same
