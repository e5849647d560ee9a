// The C API of sync_region.h: a storage whose functions are those of SyncRegion.
#include <algorithm>

#include "lib/client/c_api.hh"
#include "lib/client/sync_region.hh"
#include "pmemckpt/sync_region.h"

namespace {

using namespace pmemckpt;
using namespace pmemckpt::c_api;
using client::SyncRegion;

SyncRegion& region_of(void* context) {
    return *static_cast<SyncRegion*>(context);
}
SyncRegion::State& state_of(void* state) {
    return *static_cast<SyncRegion::State*>(state);
}

int load(void* context, void* into, size_t room, size_t* size) {
    return guarded([&]() -> Status {
        const auto table = TRY(region_of(context).load(room));
        std::copy(table.begin(), table.end(), static_cast<std::byte*>(into));
        *size = table.size();
        return {};
    });
}
int commit(void* context, const void* table, size_t size) {
    return guarded([&] { return region_of(context).commit({static_cast<const std::byte*>(table), size}); });
}
int keep(void* context, const uint64_t* tokens, size_t count) {
    return guarded([&] { return region_of(context).keep({tokens, count}); });
}
int begin(void* context, uint64_t, void** state) {
    return guarded([&]() -> Status {
        *state = TRY(region_of(context).begin()).release();
        return {};
    });
}
int write(void* state, const void* bytes, size_t size) {
    return guarded([&] { return state_of(state).write({static_cast<const std::byte*>(bytes), size}); });
}
int finish(void* state, uint64_t* token) {
    return guarded([&]() -> Status {
        *token = TRY(state_of(state).finish());
        return {};
    });
}
void end_state(void* state) {
    guarded([&]() -> Status {
        delete static_cast<SyncRegion::State*>(state);
        return {};
    });
}
int read(void* context, uint64_t token, uint64_t offset, void* into, size_t size) {
    return guarded([&] {
        return region_of(context).read(token, offset, {static_cast<std::byte*>(into), size});
    });
}
const char* error(void*) {
    return the_sentence;
}
void close(void* context) {
    guarded([&]() -> Status {
        delete static_cast<SyncRegion*>(context);
        return {};
    });
}

}  // namespace

extern "C" {

int pmemckpt_sync_region_open(const pmemckpt_options* options, const char* region, uint64_t state_bytes,
                              pmemckpt_sync_storage* storage) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_sync_region_open", "region", region));
        TRY(need("pmemckpt_sync_region_open", "storage", storage));
        *storage = {};
        const auto read_them = TRY(read_options(options));
        auto opened = TRY(SyncRegion::open(read_them, region, state_bytes));
        const char* const name = opened->name().c_str();
        *storage = {name,   opened.release(), load, commit, keep,  begin, write,
                    finish, end_state,        read, error,  close, {}};
        return {};
    });
}

}  // extern "C"
