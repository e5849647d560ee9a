#!/usr/bin/env bash
# time-limit: 900
# The NVDIMM is a devdax namespace with what was written to it, after a reboot and after a power cut.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/guests.sh"
need_guests
head -c 5000000 /dev/urandom >content

write='ls -l $DAX_DEVICE && ndctl list -N && $BUILD/tests/tools/mapped_bytes write $DAX_DEVICE 5000000 <content && echo written'
start_guest 1 --processors 1 --rdma none --devdax bash -c "cd $PWD && $write"
expect_guest_status 1 0
OUTPUT=$(guest_output 1)
contains "$OUTPUT" '"mode":"devdax"'
contains "$OUTPUT" '"align":2097152'
contains "$OUTPUT" "written"
uuid=$(grep '"uuid"' <<<"$OUTPUT")

read_back='ndctl list -N && $BUILD/tests/tools/mapped_bytes read $DAX_DEVICE 5000000 >/tmp/back && cmp /tmp/back content && echo the same'
start_guest 1 --processors 1 --rdma none --devdax bash -c "cd $PWD && $read_back && sleep 1000"
wait_for_guest 1 'the same'
contains "$(guest_output 1)" "$uuid"
cut_power 1
[ "$GUEST_STATUS" = 137 ] || fail "a guest without power has the status $GUEST_STATUS"

# No --devdax: the namespace is there without anybody's help. Other bytes are seen.
cp content other
printf 'X' | dd of=other bs=1 seek=4000000 conv=notrunc status=none
run_guest 1 --processors 1 --rdma none bash -c "cd $PWD && export DAX_DEVICE=/dev/dax0.0 && $read_back && cmp /tmp/back other"
contains "$OUTPUT" "$uuid"
contains "$OUTPUT" "the same"
contains "$OUTPUT" "differ"
