// sync_program, whose participant may keep its checkpoints in a region as well: so it needs RDMA, and is for
// this system alone.
#define WITH_REGIONS
#include "tests/tools/sync_program.cc"
