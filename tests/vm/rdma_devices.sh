#!/usr/bin/env bash
# time-limit: 900
# rxe and siw are there, and a third party's client and server speak over each of them.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/guests.sh"
need_guests

cat >rping.sh <<'END'
set -e
ibv_devinfo -d "$RDMA_DEVICE" | grep -E 'transport|state|hca_id'
ls /dev/infiniband/uverbs0 /dev/infiniband/rdma_cm
[ "$(ulimit -l)" = unlimited ]
rping -s -a "$VM_ADDRESS" -C 100 -V &
sleep 1
rping -c -a "$VM_ADDRESS" -C 100 -V -v >/tmp/client
wait $!
grep -c '^ping data' /tmp/client
END
start_guest 1 --processors 1 --rdma rxe bash "$PWD/rping.sh"
start_guest 2 --processors 1 --rdma siw bash "$PWD/rping.sh"
expect_guest_status 1 0
expect_guest_status 2 0
contains "$(guest_output 1)" "hca_id:	rxe0"
contains "$(guest_output 1)" "InfiniBand (0)"
contains "$(guest_output 2)" "hca_id:	siw0"
contains "$(guest_output 2)" "iWARP (1)"
for n in 1 2; do [ "$(guest_output $n | tail -n 1)" = 100 ] || fail "guest $n: $(guest_output $n)"; done
run_guest 0 --processors 1 --rdma none bash -c 'ibv_devices; ls /dev/infiniband 2>&1; echo "device: $RDMA_DEVICE."'
contains "$OUTPUT" "device: ."
