// Windows with holes, and windows for both reading and writing: a hole is as far outside as what lies beyond
// the end.
// not over devices: it is about the iWARP engine
#include <algorithm>
#include <cerrno>
#include <mutex>

#include "lib/rdma/iwarp/window_table.hh"
#include "tests/support/hostile_peer.hh"
#include "tests/support/rdma_ends.hh"

using namespace pmemckpt;
using namespace pmemckpt::test;
using rdma::Access;
using rdma::kNoPage;

namespace {

constexpr std::size_t kPage = 64, kPages = 4, kSize = kPage * kPages;
constexpr Named kWriteBounds{1, 1, 1}, kReadBounds{0, 1, 1};

/// Pages 1 and 3 of the four are holes; the last page is not full, so that the end is checked too.
rdma::Translation with_holes(const Scattered& memory) {
    auto translation = memory.translation();
    translation.pages[1] = kNoPage;
    translation.pages[3] = kNoPage;
    translation.size = kSize - 10;
    return translation;
}

/// A hostile peer with a window that has holes.
class Victim {
public:
    explicit Victim(Access access) : peer(server_.address()) {
        peer.start_up({.ird = 16, .ord = 16, .private_data = {}});
        const Accepted accepted = server_.wait_accepted(0);
        connection = accepted.connection;
        ear = accepted.ear;
        memory.fill(random_bytes(kSize));
        content = memory.content();
        key = ok(connection->grant(with_holes(memory), access)).key;
    }
    void must_end_with(const Named& rule, const std::string& what) {
        const Named named = peer.receive_terminate();
        if (named != rule)
            fail_at(Place::current(), what + ": told " + to_string(named) + ", wanted " + to_string(rule));
        equal(ear->wait_close().code, EACCES);
        if (memory.content() != content || !memory.guards_whole())
            fail_at(Place::current(), what + ": memory was changed");
    }

private:
    Server server_;

public:
    HostilePeer peer;
    std::shared_ptr<rdma::Connection> connection;
    std::shared_ptr<Ear> ear;
    Scattered memory{kPages, kPage};
    Bytes content;
    std::uint32_t key = 0;
};

struct Range {
    const char* what;
    std::uint64_t at;
    std::uint32_t size;
};
constexpr Range kMisses[] = {{"a hole's first byte", kPage, 1},
                             {"a hole's last byte", 2 * kPage - 1, 1},
                             {"a whole hole", kPage, kPage},
                             {"into a hole", kPage - 1, 2},
                             {"out of a hole", 2 * kPage - 1, 2},
                             {"across a hole", 0, 3 * kPage},
                             {"into the hole at the end", 2 * kPage, kPage + 1},
                             {"the end's hole", 3 * kPage, 1},
                             {"past the end", kSize - 10, 1}};

void writes_that_touch_a_hole() {
    for (const auto& [what, at, size] : kMisses)
        for (const auto access : {Access::write, Access::both}) {
            Victim victim(access);
            victim.peer.send(Tagged{.stag = victim.key, .offset = at, .payload = random_bytes(size)});
            victim.must_end_with(kWriteBounds, what);
        }
}

void reads_that_touch_a_hole() {
    for (const auto& [what, at, size] : kMisses)
        for (const auto access : {Access::read, Access::both}) {
            Victim victim(access);
            victim.peer.send(ReadFields{.size = size, .source = victim.key, .source_offset = at});
            victim.must_end_with(kReadBounds, what);
        }
}

void pages_beside_holes_are_whole() {
    Victim victim(Access::both);
    const Bytes bytes = random_bytes(2 * kPage);
    const auto first = std::span(bytes).first(kPage), second = std::span(bytes).last(kPage);
    victim.peer.send(Tagged{.stag = victim.key, .offset = 0, .payload = {first.begin(), first.end()}});
    victim.peer.send(
        Tagged{.stag = victim.key, .offset = 2 * kPage, .payload = {second.begin(), second.end()}});
    victim.peer.send(Tagged{.stag = victim.key, .offset = kPage, .payload = {}});  // no byte touches the hole
    victim.peer.send(ReadFields{.size = kPage, .source = victim.key, .source_offset = 2 * kPage});
    const auto answer = victim.peer.receive_fpdu();
    CHECK(Bytes(answer.end() - kPage, answer.end()) == Bytes(second.begin(), second.end()));
    CHECK(victim.memory.read(0, kPage) == Bytes(first.begin(), first.end()));
    CHECK(victim.memory.read(kPage, kPage) ==
          Bytes(victim.content.begin() + kPage, victim.content.begin() + 2 * kPage));
    CHECK(victim.memory.guards_whole());
}

/// Who may read what it writes: still, what it wrote is durable before a read is answered.
void both_persists_before_a_read() {
    Server server;
    Scattered memory(kPages, kPage);
    std::mutex mutex;
    std::uint64_t persisted = 0;
    auto translation = with_holes(memory);
    translation.persist = [&](Extent extent) -> Status {
        const std::lock_guard lock(mutex);
        persisted += extent.size.bytes;
        return {};
    };
    HostilePeer peer(server.address());
    peer.start_up({.private_data = {}});
    const Accepted accepted = server.wait_accepted(0);
    const auto key = ok(accepted.connection->grant(translation, Access::both)).key;
    for (std::uint32_t round = 1; round <= 3; ++round) {
        peer.send(Tagged{.stag = key, .offset = 0, .payload = random_bytes(8)});
        peer.send(Tagged{.stag = key, .offset = 2 * kPage, .payload = random_bytes(kPage)});
        peer.send(ReadFields{.size = 8, .source = key, .source_offset = 0, .number = round});
        peer.receive_fpdu();
        const std::lock_guard lock(mutex);
        equal(persisted, round * (8 + kPage));
    }
}

void a_hole_is_never_persisted() {
    std::vector<std::byte> mapping(1000);
    rdma::Translation translation;
    translation.medium = mapping;
    translation.page_size = 100;
    translation.pages = {500, kNoPage, kNoPage, 600, kNoPage};
    translation.size = 500;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> persisted;
    translation.persist = [&](Extent extent) -> Status {
        persisted.emplace_back(extent.at.bytes, extent.size.bytes);
        return {};
    };
    rdma::iwarp::Window window(1, translation, Access::both);
    ok(window.persist({{{50}, {290}}, {{390}, {50}}}));  // as when two extents were made one
    using Pieces = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
    CHECK(persisted == Pieces{{550, 50}, {600, 40}, {690, 10}});
}

void holes_alone_are_a_window_of_nothing() {
    rdma::iwarp::WindowTable table;
    rdma::Translation translation;
    translation.page_size = 100;
    translation.pages = {kNoPage, kNoPage};
    translation.size = 200;
    const auto window = table.find(ok(table.grant(translation, Access::write)).key);
    CHECK(window->check({{0}, {1}}, Access::write) == rdma::iwarp::Miss::bounds);
    CHECK(window->check({{199}, {1}}, Access::write) == rdma::iwarp::Miss::bounds);
    translation.pages[0] = kNoPage - 1;  // a page, and not in this mapping
    error(table.grant(translation, Access::write), EINVAL);
}

}  // namespace

int main() {
    return run("window_holes",
               {{"writes that touch a hole", writes_that_touch_a_hole},
                {"reads that touch a hole", reads_that_touch_a_hole},
                {"pages beside holes are whole", pages_beside_holes_are_whole},
                {"both persists before a read", both_persists_before_a_read},
                {"a hole is never persisted", a_hole_is_never_persisted},
                {"holes alone are a window of nothing", holes_alone_are_a_window_of_nothing}});
}
