// RDMA FLUSH where devices have it: through a window that is meant for it, and through no other. Elsewhere it
// is refused, and no grant promises it. With a device that has it, DAX_DEVICE is persistent memory.
// time-limit: 120
#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstdlib>

#include "lib/base/handle.hh"
#include "tests/support/rdma_ends.hh"

using namespace pmemckpt;
using namespace pmemckpt::test;
using rdma::Access;
using Kind = rdma::OneSided::Kind;

namespace {

constexpr std::size_t kPage = 2 * kMiB;

/// Four pages of the device's, of which a window has two.
class PersistentPages {
public:
    PersistentPages() {
        const char* const path = std::getenv("DAX_DEVICE");
        if (!path || !*path)
            skip("there is no devdax device");
        const FileDescriptor device(::open(path, O_RDWR | O_CLOEXEC));
        void* const mapped = ::mmap(nullptr, 4 * kPage, PROT_READ | PROT_WRITE, MAP_SHARED, device.get(), 0);
        CHECK(mapped != MAP_FAILED);
        bytes = {static_cast<std::byte*>(mapped), 4 * kPage};
        std::fill(bytes.begin(), bytes.end(), std::byte{0});
    }
    ~PersistentPages() { ::munmap(bytes.data(), bytes.size()); }
    PersistentPages(const PersistentPages&) = delete;
    PersistentPages& operator=(const PersistentPages&) = delete;

    rdma::Translation translation(bool flushes) const {
        rdma::Translation translation;
        translation.medium = bytes;
        translation.page_size = kPage;
        translation.pages = {3 * kPage, kPage};
        translation.size = 2 * kPage;
        translation.flushes = flushes;
        return translation;
    }
    std::span<std::byte> bytes;
};

struct FlushPair : Pair {
    FlushPair() : Pair({}, {}, transport(), host()) {}
    rdma::OneSided write(const std::shared_ptr<rdma::Registration>& from, const rdma::Grant& grant,
                         std::uint64_t at, std::uint64_t tag) const {
        return {Kind::write, from, {{0}, {from->bytes().size()}}, grant, {at}, tag};
    }
};

rdma::OneSided flush_of(const rdma::Grant& grant, std::uint64_t at, std::uint64_t size, std::uint64_t tag) {
    return {Kind::flush, nullptr, {{0}, {size}}, grant, {at}, tag};
}

void need_flush(const FlushPair& pair) {
    if (!pair.client->flushes())
        skip("no RDMA FLUSH here");
}

void where_there_is_none_it_is_refused() {
    FlushPair pair;
    if (pair.client->flushes())
        skip("there is RDMA FLUSH here");
    Scattered memory(2, 4096);
    auto translation = memory.translation();
    translation.flushes = true;
    const auto grant = granted(*pair.server, *pair.client_ear, translation, Access::both);
    CHECK(!grant.flushes);
    const auto flush = flush_of(grant, 0, 8, 1);
    error(pair.client->post({&flush, 1}), EOPNOTSUPP);
    ok(pair.client->send(bytes_of("and goes on")));
    pair.server_ear->wait_messages(1);
}

void what_was_written_is_flushed() {
    FlushPair pair;
    need_flush(pair);
    PersistentPages pages;
    const auto grant = granted(*pair.server, *pair.client_ear, pages.translation(true), Access::both);
    CHECK(grant.flushes);
    Bytes data = random_bytes(300'000);
    const auto from = ok(pair.client->register_memory(data));
    const auto at = kPage - 1000;  // over a border
    const std::array both{pair.write(from, grant, at, 1), flush_of(grant, at, data.size(), 2)};
    ok(pair.client->post(both));
    const auto done = pair.client_ear->wait_completions(2);
    CHECK(done[0].tag == 1 && done[0].status && done[1].tag == 2 && done[1].status);
    CHECK(std::equal(data.begin(), data.begin() + 1000, pages.bytes.begin() + 4 * kPage - 1000));
    CHECK(std::equal(data.begin() + 1000, data.end(), pages.bytes.begin() + kPage));
    equal(pair.client->peer().bytes_sent, data.size());
}

void memory_that_does_not_persist_is_not_promised() {
    FlushPair pair;
    need_flush(pair);
    Scattered memory(2, 4096);
    auto translation = memory.translation();
    translation.flushes = true;
    const auto grant = granted(*pair.server, *pair.client_ear, translation, Access::both);
    CHECK(!grant.flushes);
    Bytes data = random_bytes(8);
    const auto write = pair.write(ok(pair.client->register_memory(data)), grant, 0, 1);
    ok(pair.client->post({&write, 1}));  // it is a window all the same
    CHECK(pair.client_ear->wait_completions(1)[0].status);
}

/// `misses` is refused by the device, and ends the connection.
void is_refused(FlushPair& pair, const rdma::OneSided& misses) {
    ok(pair.client->post({&misses, 1}));
    CHECK(!pair.client_ear->wait_completions(1)[0].status);
    equal(pair.client_ear->wait_close().code, EACCES);
}

void a_window_that_is_not_meant_for_it() {
    FlushPair pair;
    need_flush(pair);
    PersistentPages pages;
    const auto grant = granted(*pair.server, *pair.client_ear, pages.translation(false), Access::both);
    CHECK(!grant.flushes);
    is_refused(pair, flush_of(grant, 0, 8, 1));
}

void past_the_end() {
    FlushPair pair;
    need_flush(pair);
    PersistentPages pages;
    const auto grant = granted(*pair.server, *pair.client_ear, pages.translation(true), Access::both);
    is_refused(pair, flush_of(grant, 2 * kPage - 7, 8, 1));
}

void a_dead_window() {
    FlushPair pair;
    need_flush(pair);
    PersistentPages pages;
    const auto grant = granted(*pair.server, *pair.client_ear, pages.translation(true), Access::both);
    pair.server->revoke(grant.key);
    is_refused(pair, flush_of(grant, 0, 8, 1));
}

}  // namespace

int main() {
    return run("engine_flush", {{"where there is none it is refused", where_there_is_none_it_is_refused},
                                {"what was written is flushed", what_was_written_is_flushed},
                                {"memory that does not persist is not promised",
                                 memory_that_does_not_persist_is_not_promised},
                                {"a window that is not meant for it", a_window_that_is_not_meant_for_it},
                                {"past the end", past_the_end},
                                {"a dead window", a_dead_window}});
}
