// The C API of who reads and takes over: logs, cursors, events, the restart ladder, and all of it in order.
#include <cstddef>
#include <cstdio>
#include <cstring>

#include "lib/client/c_api.hh"

// These are the ABI of libpmemckpt.so.1.
static_assert(sizeof(pmemckpt_cursor) == 144 && offsetof(pmemckpt_cursor, name) == 16);
static_assert(sizeof(pmemckpt_takeover) == 32 + 144 + 64);
static_assert(sizeof(pmemckpt_event) == 160 && offsetof(pmemckpt_event, principal) == 36);

namespace pmemckpt::c_api {

void store(const wire::Cursor& from, pmemckpt_cursor& to) {
    std::memset(&to, 0, sizeof to);
    to.generation = from.generation;
    to.sequence = from.sequence;
    std::snprintf(to.name, sizeof to.name, "%s", from.name.c_str());
}

pmemckpt_record view_of(const client::Record& record) {
    return {record.generation, record.sequence, record.epoch, record.bytes.data(), record.bytes.size()};
}

}  // namespace pmemckpt::c_api

namespace {

using namespace pmemckpt;
using namespace pmemckpt::c_api;

void store(const wire::Event& from, pmemckpt_event& to) {
    std::memset(&to, 0, sizeof to);
    to.number = from.number;
    to.time_ns = from.time_ns;
    to.generation = from.generation;
    to.epoch = from.epoch;
    to.kind = static_cast<std::uint32_t>(from.kind);
    std::snprintf(to.principal, sizeof to.principal, "%s", from.principal.c_str());
}

/// A sink of C: the reader is lent to it for the call.
client::Sink sink_of(pmemckpt_sink sink, void* context) {
    return [sink, context](const client::Item& item) -> Result<bool> {
        int answer = 0;
        if (item.record) {
            const auto record = view_of(*item.record);
            answer = sink(context, nullptr, &record);
        } else {
            // The handle owns what it is lent only while it is here: Reader has no copy.
            pmemckpt_reader lent{std::unique_ptr<client::Reader>(item.generation.get())};
            answer = sink(context, &lent, nullptr);
            static_cast<void>(lent.reader.release());
        }
        if (answer < 0)
            return fail(-answer, "the program's own function returned {}", answer);
        return answer > 0;
    };
}

Result<client::FollowOptions> follow_options(const pmemckpt_follow_options* options) {
    client::FollowOptions result;
    if (!options)
        return result;
    for (const auto reserved : options->reserved)
        if (reserved != 0)
            return fail(EINVAL, "pmemckpt_follow: options->reserved must be 0");
    result.cursor = options->cursor ? options->cursor : "";
    result.advance = options->keep_cursor == 0;
    result.period_ms = options->period_ms;
    result.wait = options->return_at_end == 0;
    return result;
}

}  // namespace

extern "C" {

int pmemckpt_read_log(pmemckpt_client* client, const char* region, pmemckpt_log** log) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_read_log", "client", client));
        TRY(need("pmemckpt_read_log", "region", region));
        TRY(need("pmemckpt_read_log", "log", log));
        *log = nullptr;
        auto handle = std::make_unique<pmemckpt_log>();
        handle->reader = TRY(client->client->read_log(region));
        *log = handle.release();
        return {};
    });
}

int pmemckpt_next_record(pmemckpt_log* log, pmemckpt_record* record) {
    int found = 0;
    const int status = guarded([&]() -> Status {
        TRY(need("pmemckpt_next_record", "log", log));
        TRY(need("pmemckpt_next_record", "record", record));
        auto next = TRY(log->reader->next());
        if (!next)
            return {};
        log->record = std::move(*next);
        *record = view_of(log->record);
        found = 1;
        return {};
    });
    return status == 0 ? found : status;
}

int pmemckpt_skip_records(pmemckpt_log* log, uint64_t sequence) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_skip_records", "log", log));
        return log->reader->skip_to(sequence);
    });
}

void pmemckpt_close_log_reader(pmemckpt_log* log) {
    guarded([&]() -> Status {
        delete log;
        return {};
    });
}

int pmemckpt_get_cursor(pmemckpt_client* client, const char* region, const char* name,
                        pmemckpt_cursor* cursor) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_get_cursor", "client", client));
        TRY(need("pmemckpt_get_cursor", "region", region));
        TRY(need("pmemckpt_get_cursor", "name", name));
        TRY(need("pmemckpt_get_cursor", "cursor", cursor));
        store(TRY(client->client->cursor(region, name)), *cursor);
        return {};
    });
}

int pmemckpt_advance_cursor(pmemckpt_client* client, const char* region, const pmemckpt_cursor* cursor) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_advance_cursor", "client", client));
        TRY(need("pmemckpt_advance_cursor", "region", region));
        TRY(need("pmemckpt_advance_cursor", "cursor", cursor));
        const std::string name(cursor->name, ::strnlen(cursor->name, sizeof cursor->name));
        return client->client->advance_cursor(region, {name, cursor->generation, cursor->sequence});
    });
}

int pmemckpt_drop_cursor(pmemckpt_client* client, const char* region, const char* name) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_drop_cursor", "client", client));
        TRY(need("pmemckpt_drop_cursor", "region", region));
        TRY(need("pmemckpt_drop_cursor", "name", name));
        return client->client->drop_cursor(region, name);
    });
}

int pmemckpt_list_cursors(pmemckpt_client* client, const char* region, pmemckpt_cursor* cursors, size_t room,
                          size_t* count) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_list_cursors", "client", client));
        TRY(need("pmemckpt_list_cursors", "region", region));
        TRY(need("pmemckpt_list_cursors", "count", count));
        if (room > 0)
            TRY(need("pmemckpt_list_cursors", "cursors", cursors));
        *count = 0;
        const auto all = TRY(client->client->cursors(region));
        for (size_t at = 0; at < all.size() && at < room; ++at)
            store(all[at], cursors[at]);
        *count = all.size();
        return {};
    });
}

int pmemckpt_take_over(pmemckpt_client* client, const char* region, const char* cursor,
                       pmemckpt_takeover* takeover) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_take_over", "client", client));
        TRY(need("pmemckpt_take_over", "region", region));
        const auto taken = TRY(client->client->take_over(region, cursor ? cursor : ""));
        if (!takeover)
            return {};
        std::memset(takeover, 0, sizeof *takeover);
        takeover->epoch = taken.region.epoch;
        takeover->previous_epoch = taken.previous_epoch;
        takeover->newest = taken.newest.number;
        takeover->records = taken.region.log_records;
        store(taken.cursor, takeover->cursor);
        return {};
    });
}

int pmemckpt_watch(pmemckpt_client* client, const char* region, uint64_t after, uint32_t timeout_ms,
                   pmemckpt_event* events, size_t room, size_t* count, uint64_t* lost) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_watch", "client", client));
        TRY(need("pmemckpt_watch", "region", region));
        TRY(need("pmemckpt_watch", "events", events));
        TRY(need("pmemckpt_watch", "count", count));
        *count = 0;
        if (room == 0)
            return fail(EINVAL, "pmemckpt_watch: there is room for 0 events");
        const auto list = TRY(client->client->watch(region, after, timeout_ms));
        for (; *count < list.events.size() && *count < room; ++*count)
            store(list.events[*count], events[*count]);
        if (lost)
            *lost = list.lost;
        return {};
    });
}

int pmemckpt_recover(pmemckpt_client* client, const char* region, pmemckpt_reader** reader, size_t* skipped) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_recover", "client", client));
        TRY(need("pmemckpt_recover", "region", region));
        TRY(need("pmemckpt_recover", "reader", reader));
        *reader = nullptr;
        auto recovered = TRY(client->client->recover(region));
        auto handle = std::make_unique<pmemckpt_reader>();
        std::string sentence;
        for (const auto& one : recovered.skipped)
            sentence += fmt::format("{}generation {}: {}", sentence.empty() ? "" : "; ", one.number, one.why);
        if (!sentence.empty())
            remember(0, sentence.c_str());
        if (skipped)
            *skipped = recovered.skipped.size();
        handle->reader = std::move(recovered.reader);
        *reader = handle.release();
        return {};
    });
}

int pmemckpt_read_all(pmemckpt_client* client, const char* region, pmemckpt_sink sink, void* context) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_read_all", "client", client));
        TRY(need("pmemckpt_read_all", "region", region));
        TRY(need("pmemckpt_read_all", "sink", reinterpret_cast<const void*>(sink)));
        return client->client->read_all(region, sink_of(sink, context));
    });
}

int pmemckpt_follow(pmemckpt_client* client, const char* region, const pmemckpt_follow_options* options,
                    pmemckpt_sink sink, void* context) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_follow", "client", client));
        TRY(need("pmemckpt_follow", "region", region));
        TRY(need("pmemckpt_follow", "sink", reinterpret_cast<const void*>(sink)));
        return client->client->follow(region, TRY(follow_options(options)), sink_of(sink, context));
    });
}

}  // extern "C"
