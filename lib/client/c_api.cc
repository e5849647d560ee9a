// The C API: pmemckpt.h over client.hh. No exception leaves it; errors are negative errno values, and their
// sentence is kept for the calling thread.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include "lib/client/c_api.hh"

// These are the ABI of libpmemckpt.so.1.
static_assert(sizeof(pmemckpt_options) == 5 * sizeof(char*) + 32);
static_assert(sizeof(pmemckpt_generation) == 168 && offsetof(pmemckpt_generation, writer) == 40);

namespace pmemckpt::c_api {

void store(const wire::Generation& from, pmemckpt_generation& to) {
    std::memset(&to, 0, sizeof to);
    to.number = from.number;
    to.length = from.length;
    to.sealed_ns = from.sealed_ns;
    to.epoch = from.epoch;
    to.crc32c = from.crc32c;
    to.durability = from.durability;
    to.pinned = from.pinned ? 1 : 0;
    std::snprintf(to.writer, sizeof to.writer, "%s", from.writer.c_str());
}

Result<client::Options> read_options(const pmemckpt_options* options) {
    client::Options result;
    if (!options)
        return result;
    for (const auto reserved : options->reserved)
        if (reserved != 0)
            return fail(EINVAL, "pmemckpt_connect: options->reserved must be 0");
    result.server = text_or_empty(options->server);
    result.pool = text_or_empty(options->pool);
    result.principal = text_or_empty(options->principal);
    result.key_dir = text_or_empty(options->key_dir);
    result.transport = text_or_empty(options->transport);
    result.timeout_ms = options->timeout_ms;
    return result;
}

}  // namespace pmemckpt::c_api

namespace {

using namespace pmemckpt;
using namespace pmemckpt::c_api;

/// An array of copies, for free(); null when there is no memory.
char** copy_names(const std::vector<wire::Region>& regions) {
    auto** names = static_cast<char**>(std::calloc(regions.size() + 1, sizeof(char*)));
    for (std::size_t at = 0; names && at < regions.size(); ++at) {
        names[at] = ::strdup(regions[at].name.c_str());
        if (!names[at]) {
            pmemckpt_free_names(names, at);
            return nullptr;
        }
    }
    return names;
}

}  // namespace

extern "C" {

const char* pmemckpt_error(void) {
    return c_api::the_sentence;
}
const char* pmemckpt_version(void) {
    return PMEMCKPT_VERSION;
}

int pmemckpt_connect(const pmemckpt_options* options, pmemckpt_client** result) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_connect", "client", result));
        *result = nullptr;
        const auto read = TRY(read_options(options));
        auto handle = std::make_unique<pmemckpt_client>();
        handle->client = TRY(client::Client::connect(read));
        *result = handle.release();
        return {};
    });
}

void pmemckpt_disconnect(pmemckpt_client* client) {
    guarded([&]() -> Status {
        delete client;
        return {};
    });
}

int pmemckpt_shut_down(pmemckpt_client* client) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_shut_down", "client", client));
        client->client->shut_down();
        return {};
    });
}

int pmemckpt_open_region(pmemckpt_client* client, const char* region, uint32_t keep, uint64_t max_size) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_open_region", "client", client));
        TRY(need("pmemckpt_open_region", "region", region));
        TRY(client->client->create_region(region, {keep, max_size}, false));
        return {};
    });
}

int pmemckpt_destroy_region(pmemckpt_client* client, const char* region) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_destroy_region", "client", client));
        TRY(need("pmemckpt_destroy_region", "region", region));
        return client->client->destroy_region(region);
    });
}

int pmemckpt_list_regions(pmemckpt_client* client, char*** names, size_t* count) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_list_regions", "client", client));
        TRY(need("pmemckpt_list_regions", "names", names));
        TRY(need("pmemckpt_list_regions", "count", count));
        *names = nullptr;
        *count = 0;
        const auto regions = TRY(client->client->regions());
        *names = copy_names(regions);
        if (!*names)
            throw std::bad_alloc();
        *count = regions.size();
        return {};
    });
}

void pmemckpt_free_names(char** names, size_t count) {
    for (size_t at = 0; names && at < count; ++at)
        std::free(names[at]);
    std::free(names);
}

int pmemckpt_list_generations(pmemckpt_client* client, const char* region, pmemckpt_generation* generations,
                              size_t room, size_t* count) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_list_generations", "client", client));
        TRY(need("pmemckpt_list_generations", "region", region));
        TRY(need("pmemckpt_list_generations", "count", count));
        if (room > 0)
            TRY(need("pmemckpt_list_generations", "generations", generations));
        *count = 0;
        const auto all = TRY(client->client->generations(region));
        for (size_t at = 0; at < all.size() && at < room; ++at)
            store(all[at], generations[at]);
        *count = all.size();
        return {};
    });
}

int pmemckpt_register(pmemckpt_client* client, void* memory, size_t size, pmemckpt_buffer** buffer) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_register", "client", client));
        TRY(need("pmemckpt_register", "memory", memory));
        TRY(need("pmemckpt_register", "buffer", buffer));
        *buffer = nullptr;
        auto handle = std::make_unique<pmemckpt_buffer>();
        handle->buffer = TRY(client->client->register_memory({static_cast<std::byte*>(memory), size}));
        *buffer = handle.release();
        return {};
    });
}

void pmemckpt_unregister(pmemckpt_buffer* buffer) {
    guarded([&]() -> Status {
        delete buffer;
        return {};
    });
}

int pmemckpt_begin(pmemckpt_client* client, const char* region, uint64_t size, pmemckpt_writer** writer) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_begin", "client", client));
        TRY(need("pmemckpt_begin", "region", region));
        TRY(need("pmemckpt_begin", "writer", writer));
        *writer = nullptr;
        auto handle = std::make_unique<pmemckpt_writer>();
        handle->writer = TRY(client->client->begin(region, size));
        *writer = handle.release();
        return {};
    });
}

int pmemckpt_write(pmemckpt_writer* writer, uint64_t offset, const void* bytes, size_t size) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_write", "writer", writer));
        if (size > 0)
            TRY(need("pmemckpt_write", "bytes", bytes));
        return writer->writer->write(offset, {static_cast<const std::byte*>(bytes), size});
    });
}

int pmemckpt_write_buffer(pmemckpt_writer* writer, uint64_t offset, pmemckpt_buffer* buffer, size_t from,
                          size_t size) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_write_buffer", "writer", writer));
        TRY(need("pmemckpt_write_buffer", "buffer", buffer));
        return writer->writer->write(offset, buffer->buffer, from, size);
    });
}

int pmemckpt_flush(pmemckpt_writer* writer) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_flush", "writer", writer));
        return writer->writer->flush();
    });
}

int pmemckpt_seal(pmemckpt_writer* writer, uint64_t length, pmemckpt_generation* generation) {
    const int status = guarded([&]() -> Status {
        TRY(need("pmemckpt_seal", "writer", writer));
        if (generation)
            std::memset(generation, 0, sizeof *generation);
        const auto sealed = TRY(writer->writer->seal(length));
        if (generation)
            store(sealed, *generation);
        return {};
    });
    pmemckpt_abort(writer);
    return status;
}

void pmemckpt_abort(pmemckpt_writer* writer) {
    guarded([&]() -> Status {
        delete writer;
        return {};
    });
}

int pmemckpt_open(pmemckpt_client* client, const char* region, uint64_t number, pmemckpt_reader** reader) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_open", "client", client));
        TRY(need("pmemckpt_open", "region", region));
        TRY(need("pmemckpt_open", "reader", reader));
        *reader = nullptr;
        auto handle = std::make_unique<pmemckpt_reader>();
        handle->reader = TRY(client->client->open(region, number));
        *reader = handle.release();
        return {};
    });
}

void pmemckpt_generation_of(const pmemckpt_reader* reader, pmemckpt_generation* generation) {
    if (reader && generation)
        store(reader->reader->generation(), *generation);
}

int64_t pmemckpt_read(pmemckpt_reader* reader, uint64_t offset, void* into, size_t size) {
    int64_t done = 0;
    const int status = guarded([&]() -> Status {
        TRY(need("pmemckpt_read", "reader", reader));
        if (size > 0)
            TRY(need("pmemckpt_read", "into", into));
        done = static_cast<int64_t>(TRY(reader->reader->read(offset, {static_cast<std::byte*>(into), size})));
        return {};
    });
    return status == 0 ? done : status;
}

void pmemckpt_close(pmemckpt_reader* reader) {
    guarded([&]() -> Status {
        delete reader;
        return {};
    });
}

int pmemckpt_wait(pmemckpt_client* client, const char* region, uint64_t after, uint32_t timeout_ms,
                  pmemckpt_generation* generation) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_wait", "client", client));
        TRY(need("pmemckpt_wait", "region", region));
        const auto newest = TRY(client->client->wait_generation(region, after, timeout_ms));
        if (generation)
            store(newest, *generation);
        return {};
    });
}

}  // extern "C"
