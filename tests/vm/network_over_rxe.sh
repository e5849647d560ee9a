#!/usr/bin/env bash
# time-limit: 900
# Three guests on one network see each other by name; RDMA goes from one to the other; one is killed in the middle of it, the
# others notice and go on; it comes back with its NVDIMM.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/guests.sh"
need_guests
start_network

cat >server.sh <<'END'
ls /dev/dax0.0 2>/dev/null || ndctl create-namespace -m devdax -e namespace0.0 -f
rping -s -P -a "$VM_ADDRESS" &
sleep 1
echo "$(hostname) serves"
until [ -e /vm/enough ]; do sleep 0.2; done
END
# try_rping SECONDS ROUNDS: true when each ping came back as it was sent.
cat >client.sh <<'END'
try_rping() {
    timeout "$1" rping -c -a guest1 -C "$2" -V -v >/tmp/pings 2>&1 && [ "$(grep -c '^ping data' /tmp/pings)" = "$2" ]
}
for other in guest1 "$OTHER"; do until busybox ping -c 1 -W 5 "$other"; do sleep 1; done; done
try_rping 200 50 || { tail -n 5 /tmp/pings && exit 1; }
echo "$(hostname) sees guest1"
until [ -e /vm/go-on ]; do sleep 0.2; done
[ "$(hostname)" = guest3 ] || exit 0
try_rping 20 1000000 && exit 1
echo "$(hostname) lost guest1"
for ((i = 0; i < 60; i++)); do try_rping 20 50 && echo "$(hostname) sees guest1 again" && exit 0; sleep 1; done
tail -n 5 /tmp/pings && exit 1
END
: "${RDMA:=rxe}"
start_guest 1 --time-limit 600 --rdma "$RDMA" bash "$PWD/server.sh"
wait_for_guest 1 '"chardev":"dax0.0"'
wait_for_guest 1 'guest1 serves'
start_guest 2 --time-limit 600 --rdma "$RDMA" --env OTHER=guest3 bash "$PWD/client.sh"
start_guest 3 --time-limit 600 --rdma "$RDMA" --env OTHER=guest2 bash "$PWD/client.sh"
wait_for_guest 2 'guest2 sees guest1'
wait_for_guest 3 'guest3 sees guest1'

touch "$(guest_directory 2)/share/go-on"
expect_guest_status 2 0
touch "$(guest_directory 3)/share/go-on"
sleep 2
cut_power 1
wait_for_guest 3 'guest3 lost guest1'
start_guest 1 --time-limit 600 --rdma "$RDMA" bash "$PWD/server.sh"
wait_for_guest 1 '^/dev/dax0.0'
expect_guest_status 3 0
contains "$(guest_output 3)" 'guest3 sees guest1 again'
touch "$(guest_directory 1)/share/enough"
expect_guest_status 1 0
