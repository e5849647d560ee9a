#!/usr/bin/env bash
# time-limit: 300
# not over devices: it counts what a socket sends
# A clone of 4 GiB with 1 % dirty bytes in scattered ranges of 4 KiB moves at most 1.1 times these bytes, all that the
# socket sent counted, and both generations are whole images.
. "$(dirname "$0")/../support/environment.sh"
SIZE=4G POOL=9G DISK_GIB=12 MEMORY_GIB=4
if [ "${TIME_LIMIT_FACTOR:-1}" != 1 ]; then # sanitized programs touch each byte more slowly
    SIZE=256M POOL=640M DISK_GIB=2 MEMORY_GIB=1
fi
free_kib() { df -Pk . | awk 'NR == 2 { print $4 }'; }
available_kib() { awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo; }
[ "$(free_kib)" -ge $((DISK_GIB * 1024 * 1024)) ] ||
    skip "less than $DISK_GIB GiB of disk space are free: $(free_kib) KiB"
[ "$(available_kib)" -ge $((MEMORY_GIB * 1024 * 1024)) ] ||
    skip "less than $MEMORY_GIB GiB of memory are available: $(available_kib) KiB"
make_pool $POOL
start_manager
pmemckpt-ctl create-region large --keep 2 >/dev/null
"$BUILD/tests/tools/scattered_clone" large $SIZE

# What the manager has of its own does not grow with the generations.
ANONYMOUS_KIB=$(awk '$1 == "RssAnon:" { print $2 }' "/proc/$MANAGER_PID/status")
echo "the manager's own memory: $ANONYMOUS_KIB KiB"
[ "${TIME_LIMIT_FACTOR:-1}" != 1 ] || [ "$ANONYMOUS_KIB" -le $((64 * 1024)) ] ||
    fail "the manager has $ANONYMOUS_KIB KiB of its own"
