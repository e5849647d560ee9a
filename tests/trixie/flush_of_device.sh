#!/usr/bin/env bash
# time-limit: 300
# RDMA FLUSH to persistence is there in a guest with the newer userland and kernel: rxe says that it has it, takes devdax
# memory for it, and refuses memory that does not persist.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/guests.sh"
need_guests

cat >flush.c <<'END'
#include <errno.h>
#include <fcntl.h>
#include <infiniband/verbs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void registered(struct ibv_pd* domain, const char* what, void* memory)
{
    struct ibv_mr* region = memory == MAP_FAILED ? NULL : ibv_reg_mr(domain, memory, 2 << 20,
        IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_FLUSH_PERSISTENT);
    printf("%s: %s\n", what, region ? "registered" : strerror(errno));
    if (region) ibv_dereg_mr(region);
}

int main(int count, char** arguments)
{
    struct ibv_device** devices = ibv_get_device_list(&count);
    struct ibv_context* device = devices && devices[0] ? ibv_open_device(devices[0]) : NULL;
    struct ibv_device_attr_ex attributes;
    if (!device || ibv_query_device_ex(device, NULL, &attributes) != 0) return 1;
    printf("global: %d, persistent: %d\n", !!(attributes.device_cap_flags_ex & IB_UVERBS_DEVICE_FLUSH_GLOBAL),
           !!(attributes.device_cap_flags_ex & IB_UVERBS_DEVICE_FLUSH_PERSISTENT));
    struct ibv_pd* domain = ibv_alloc_pd(device);
    int dax = open(arguments[1], O_RDWR);
    registered(domain, "devdax", mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, dax, 0));
    registered(domain, "memory", aligned_alloc(2 << 20, 2 << 20));
    return 0;
}
END
mkdir -p "$(guest_directory 1)/share"
"$PROJECT/tests/vm/userland" run bash -c 'cc -Wall -o /tmp/flush -x c - -libverbs && cat /tmp/flush' \
    <flush.c >"$(guest_directory 1)/share/flush" || fail "it does not compile"
chmod +x "$(guest_directory 1)/share/flush"
run_guest 0 --rdma rxe --devdax --time-limit 240 bash -c 'cat /etc/debian_version; uname -r; /vm/flush "$DAX_DEVICE"'
contains "$OUTPUT" "global: 1, persistent: 1"
contains "$OUTPUT" "devdax: registered"
contains "$OUTPUT" "memory: Invalid argument"
echo "$OUTPUT"
