// The C API of who writes: clones, logs, dirty memory, and what is kept.
#include <cstring>

#include "lib/client/c_api.hh"

namespace {

using namespace pmemckpt;
using namespace pmemckpt::c_api;

static_assert(sizeof(pmemckpt_range) == 16);

std::vector<Extent> extents_of(const pmemckpt_range* ranges, size_t count) {
    std::vector<Extent> extents(count);
    for (size_t at = 0; at < count; ++at)
        extents[at] = {{ranges[at].offset}, {ranges[at].length}};
    return extents;
}

Result<std::optional<client::TrackingMethod>> method_of(const char* name) {
    using client::TrackingMethod;
    if (!name || !*name || std::strcmp(name, "auto") == 0)
        return std::optional<TrackingMethod>();
    for (const auto one :
         {TrackingMethod::write_protect, TrackingMethod::soft_dirty, TrackingMethod::checksums})
        if (std::strcmp(name, to_string(one)) == 0)
            return std::optional(one);
    return fail(EINVAL,
                "pmemckpt_track: there is no method \"{}\": auto, write-protect, soft-dirty or checksums",
                name);
}

}  // namespace

extern "C" {

int pmemckpt_set_retention(pmemckpt_client* client, const char* region, uint32_t keep, int64_t keep_age_ns) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_set_retention", "client", client));
        TRY(need("pmemckpt_set_retention", "region", region));
        TRY(client->client->set_retention(region, keep, keep_age_ns));
        return {};
    });
}

int pmemckpt_pin(pmemckpt_client* client, const char* region, uint64_t number, int pinned) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_pin", "client", client));
        TRY(need("pmemckpt_pin", "region", region));
        return client->client->pin(region, number, pinned != 0);
    });
}

int pmemckpt_clear(pmemckpt_client* client, const char* region) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_clear", "client", client));
        TRY(need("pmemckpt_clear", "region", region));
        return client->client->clear(region);
    });
}

int pmemckpt_begin_clone(pmemckpt_client* client, const char* region, uint64_t size,
                         const pmemckpt_range* dirty, size_t count, uint64_t base, pmemckpt_writer** writer) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_begin_clone", "client", client));
        TRY(need("pmemckpt_begin_clone", "region", region));
        TRY(need("pmemckpt_begin_clone", "writer", writer));
        *writer = nullptr;
        if (count > 0)
            TRY(need("pmemckpt_begin_clone", "dirty", dirty));
        auto handle = std::make_unique<pmemckpt_writer>();
        handle->writer = TRY(client->client->begin_clone(region, size, extents_of(dirty, count), base));
        *writer = handle.release();
        return {};
    });
}

int pmemckpt_track(const void* memory, size_t size, const char* method, pmemckpt_tracker** tracker) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_track", "memory", memory));
        TRY(need("pmemckpt_track", "tracker", tracker));
        *tracker = nullptr;
        const auto wanted = TRY(method_of(method));
        auto handle = std::make_unique<pmemckpt_tracker>();
        handle->tracker =
            TRY(client::DirtyTracker::create({static_cast<const std::byte*>(memory), size}, wanted));
        *tracker = handle.release();
        return {};
    });
}

const char* pmemckpt_tracking_method(const pmemckpt_tracker* tracker) {
    return tracker ? client::to_string(tracker->tracker->method()) : "";
}

int pmemckpt_dirty(pmemckpt_tracker* tracker, pmemckpt_range** ranges, size_t* count) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_dirty", "tracker", tracker));
        TRY(need("pmemckpt_dirty", "ranges", ranges));
        TRY(need("pmemckpt_dirty", "count", count));
        *ranges = nullptr;
        *count = 0;
        const auto extents = TRY(tracker->tracker->collect());
        auto* list = static_cast<pmemckpt_range*>(std::calloc(extents.size() + 1, sizeof(pmemckpt_range)));
        if (!list) {
            tracker->tracker->mark(extents);
            throw std::bad_alloc();
        }
        for (size_t at = 0; at < extents.size(); ++at)
            list[at] = {extents[at].at.bytes, extents[at].size.bytes};
        *ranges = list;
        *count = extents.size();
        return {};
    });
}

int pmemckpt_mark_dirty(pmemckpt_tracker* tracker, const pmemckpt_range* ranges, size_t count) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_mark_dirty", "tracker", tracker));
        if (count > 0)
            TRY(need("pmemckpt_mark_dirty", "ranges", ranges));
        tracker->tracker->mark(extents_of(ranges, count));
        return {};
    });
}

void pmemckpt_free_ranges(pmemckpt_range* ranges) {
    std::free(ranges);
}

void pmemckpt_untrack(pmemckpt_tracker* tracker) {
    guarded([&]() -> Status {
        delete tracker;
        return {};
    });
}

int pmemckpt_open_log(pmemckpt_client* client, const char* region, pmemckpt_appender** appender) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_open_log", "client", client));
        TRY(need("pmemckpt_open_log", "region", region));
        TRY(need("pmemckpt_open_log", "appender", appender));
        *appender = nullptr;
        auto handle = std::make_unique<pmemckpt_appender>();
        handle->appender = TRY(client->client->open_log(region));
        *appender = handle.release();
        return {};
    });
}

int pmemckpt_append(pmemckpt_appender* appender, const void* bytes, size_t size, uint64_t* sequence) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_append", "appender", appender));
        if (size > 0)
            TRY(need("pmemckpt_append", "bytes", bytes));
        const auto given = TRY(appender->appender->append({static_cast<const std::byte*>(bytes), size}));
        if (sequence)
            *sequence = given;
        return {};
    });
}

int pmemckpt_flush_log(pmemckpt_appender* appender) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_flush_log", "appender", appender));
        return appender->appender->flush();
    });
}

uint32_t pmemckpt_log_durability(const pmemckpt_appender* appender) {
    return appender ? appender->appender->durability() : 0;
}

void pmemckpt_close_log(pmemckpt_appender* appender) {
    guarded([&]() -> Status {
        delete appender;
        return {};
    });
}

}  // extern "C"
