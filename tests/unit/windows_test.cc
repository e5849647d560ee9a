// Windows, over a real connection: what they let through, what they don't, and that they are dead when they
// should be.
#include <cerrno>

#include "lib/base/crc32c.hh"
#include "tests/support/manager_fixture.hh"

using namespace pmemckpt;
using test::Bytes;
using test::ManagerFixture;
using test::RawClient;

namespace {

constexpr std::uint64_t kRounds = 5;
constexpr std::uint64_t kSize = 5 * kMiB + 123;  // three pages, the last not full

struct Served : ManagerFixture {
    Served() {
        start();
        client = open();
        test::ok(client->ask<wire::Region>(wire::CreateRegion{"team/app", 0, 0, 1}));
    }
    std::shared_ptr<RawClient> client;
};

wire::Begun begin(RawClient& client, std::uint64_t size = kSize) {
    return test::ok(client.ask<wire::Begun>(wire::Begin{"team/app", size}));
}

wire::Generation seal(RawClient& client, const wire::Begun& draft, const Bytes& content) {
    wire::Seal request{draft.draft_id, content.size(), 1, crc32c(content)};
    return test::ok(client.ask<wire::Generation>(request));
}

/// A sealed generation of random bytes.
Bytes sealed(RawClient& client) {
    auto content = test::random_bytes(kSize);
    const auto draft = begin(client);
    test::ok(client.write(draft.window, 0, content));
    seal(client, draft, content);
    return content;
}

Bytes content_of_newest(RawClient& client) {
    const auto opened = test::ok(client.ask<wire::OpenedGeneration>(wire::OpenGeneration{"team/app", 0}));
    auto content = test::ok(client.read(opened.window, 0, opened.generation.length));
    test::equal(crc32c(content), opened.generation.crc32c);
    test::ok(client.ask<wire::Empty>(wire::CloseGeneration{opened.handle}));
    return content;
}

wire::PoolStatus status(RawClient& client) {
    return test::ok(client.ask<wire::PoolStatus>(wire::StatusRequest{}));
}

void written_bytes_come_back() {
    Served served;
    const auto content = sealed(*served.client);
    CHECK(content_of_newest(*served.client) == content);
    const auto bob = served.open("bob");
    CHECK(content_of_newest(*bob) == content);
}

void window_is_dead_at_seal() {
    Served served;
    auto content = test::random_bytes(kSize);
    const auto draft = begin(*served.client);
    test::ok(served.client->write(draft.window, 0, content));
    seal(*served.client, draft, content);
    served.client->write_refused(draft.window, 0, kSize);
    CHECK(content_of_newest(*served.open("bob")) == content);
}

// Writes behind the seal's message are on their way while it is sealed. Whether one still got in before the
// window died is not said; what lies there afterwards has the checksum that was sealed, and stays.
void writes_racing_the_seal_change_nothing() {
    Served served;
    const auto watcher = served.open("bob");
    for (std::uint64_t round = 1; round <= kRounds; ++round) {
        const auto writer = served.open();
        auto content = test::random_bytes(kSize);
        const auto draft = begin(*writer);
        test::ok(writer->write(draft.window, 0, content));
        writer->post(wire::Seal{draft.draft_id, kSize, 0, 0});
        Bytes poison(kSize, std::byte{0xee});
        while (!writer->has_message() && writer->write(draft.window, 0, poison)) {
        }
        writer->write_refused(draft.window, 0, kSize);
        test::eventually([&] { return status(*watcher).generations == round; });
        const auto found = content_of_newest(*watcher);
        CHECK(content_of_newest(*watcher) == found);
    }
}

void window_is_dead_at_abort() {
    Served served;
    const auto before = status(*served.client).free_pages;
    const auto draft = begin(*served.client);
    test::equal(status(*served.client).free_pages, before - 3);
    test::ok(served.client->ask<wire::Empty>(wire::Abort{draft.draft_id}));
    test::equal(status(*served.client).free_pages, before);
    // The same pages are another's draft now.
    const auto bob = served.open("bob");
    const auto other = begin(*bob);
    served.client->write_refused(draft.window, 0, kSize);
    const Bytes blank(kSize);
    const auto generation = seal(*bob, other, blank);
    test::equal(generation.writer, "bob");
    CHECK(content_of_newest(*bob) == blank);
}

void window_is_dead_at_close() {
    Served served;
    sealed(*served.client);
    const auto opened =
        test::ok(served.client->ask<wire::OpenedGeneration>(wire::OpenGeneration{"team/app", 1}));
    test::ok(served.client->read(opened.window, 0, 100));
    test::ok(served.client->ask<wire::Empty>(wire::CloseGeneration{opened.handle}));
    served.client->read_refused(opened.window, 0, 100);
}

void disconnect_drops_drafts_and_windows() {
    Served served;
    const auto watcher = served.open("bob");
    const auto before = status(*watcher);
    const auto draft = begin(*served.client);
    begin(*served.client, 1);
    test::equal(status(*watcher).free_pages, before.free_pages - 4);
    test::contains(served.ask_admin(), R"("access":"write")");
    served.client->close();
    test::eventually([&] { return status(*watcher).free_pages == before.free_pages; });
    test::eventually([&] { return served.ask_admin().find(R"("windows":[])") != std::string::npos; });
    // Nothing was sealed, and nobody else can use the key.
    test::equal(status(*watcher).generations, 0U);
    watcher->write_refused(draft.window, 0, 10);
}

void windows_are_their_session_s_alone() {
    Served served;
    const auto draft = begin(*served.client);
    const auto bob = served.open("bob");
    bob->write_refused(draft.window, 0, kSize);
    const Bytes blank(kSize);
    seal(*served.client, draft, blank);
    CHECK(content_of_newest(*served.client) == blank);
}

void rights_are_one_way() {
    Served served;
    const auto content = sealed(*served.client);
    const auto reader = served.open("bob");
    const auto opened = test::ok(reader->ask<wire::OpenedGeneration>(wire::OpenGeneration{"team/app", 0}));
    reader->write_refused(opened.window, 0, 10);
    CHECK(content_of_newest(*served.client) == content);
    if (test::over_siw())
        return;  // it lets a peer read what he may write, and holds nothing else in such a window
    const auto draft = begin(*served.client);
    served.client->read_refused(draft.window, 0, 10);
}

/// The same key at another place, which a client that keeps to the rules would not post.
wire::Window beyond(const wire::Window& window, std::uint64_t offset) {
    return {window.key, window.base + offset, window.size};
}

void nothing_outside_the_range() {
    Served served;
    const auto content = sealed(*served.client);
    struct Range {
        std::uint64_t offset;
        std::size_t size;
    };
    // Within the last page but past the size; across the end; wrapping around.
    for (const auto& [offset, size] : std::initializer_list<Range>{
             {kSize, 1}, {kSize - 1, 2}, {UINT64_MAX - 4, 8}, {6 * kMiB, 1}, {UINT64_MAX, 1}}) {
        const auto writer = served.open();
        const auto draft = begin(*writer);
        writer->write_refused(beyond(draft.window, offset), 0, size);
        const auto reader = served.open();
        const auto opened =
            test::ok(reader->ask<wire::OpenedGeneration>(wire::OpenGeneration{"team/app", 0}));
        reader->read_refused(beyond(opened.window, offset), 0, size);
    }
    CHECK(content_of_newest(*served.client) == content);
}

void no_window_before_authentication() {
    Served served;
    const auto draft = begin(*served.client);
    const auto stranger = served.connect();
    stranger->write_refused(draft.window, 0, 10);
    const auto half = served.connect();
    wire::Hello hello;
    hello.principal = "alice";
    test::ok(half->ask<wire::Challenge>(hello));
    half->write_refused(draft.window, 0, 10);
    const Bytes blank(kSize);
    seal(*served.client, draft, blank);
}

void windows_are_listed() {
    Served served;
    const auto draft = begin(*served.client);
    const auto line = served.ask_admin();
    test::contains(line, R"("principal":"alice")");
    test::contains(line, R"("region":"team/app","generation":null,"draft":1,"access":"write")");
    test::contains(line, fmt::format(R"("size":{},"key":"{:08x}")", kSize, draft.window.key));
}

void empty_ranges_have_no_window() {
    Served served;
    const auto draft = begin(*served.client, 0);
    test::equal(draft.window.key, 0U);
    test::equal(seal(*served.client, draft, {}).length, 0U);
    const auto opened =
        test::ok(served.client->ask<wire::OpenedGeneration>(wire::OpenGeneration{"team/app", 0}));
    test::equal(opened.window.key, 0U);
    test::equal(opened.generation.length, 0U);
    test::ok(served.client->ask<wire::Empty>(wire::CloseGeneration{opened.handle}));
}

void open_generations_outlive_retention() {
    Served served;
    test::ok(served.client->ask<wire::Region>(wire::CreateRegion{"team/one", 1, 0, 1}));
    const auto save = [&](std::byte fill) {
        Bytes content(4096, fill);
        const auto draft = test::ok(served.client->ask<wire::Begun>(wire::Begin{"team/one", content.size()}));
        test::ok(served.client->write(draft.window, 0, content));
        seal(*served.client, draft, content);
    };
    save(std::byte{1});
    const auto reader = served.open("bob");
    const auto opened = test::ok(reader->ask<wire::OpenedGeneration>(wire::OpenGeneration{"team/one", 0}));
    for (int fill = 2; fill < 6; ++fill)
        save(static_cast<std::byte>(fill));
    test::error(reader->ask<wire::OpenedGeneration>(wire::OpenGeneration{"team/one", 1}), ENOENT);
    CHECK(test::ok(reader->read(opened.window, 0, 4096)) == Bytes(4096, std::byte{1}));
}

}  // namespace

int main() {
    return test::run("windows",
                     {{"written bytes come back", written_bytes_come_back},
                      {"a window is dead at seal", window_is_dead_at_seal},
                      {"writes racing the seal change nothing", writes_racing_the_seal_change_nothing},
                      {"a window is dead at abort", window_is_dead_at_abort},
                      {"a window is dead at close", window_is_dead_at_close},
                      {"disconnect drops drafts and windows", disconnect_drops_drafts_and_windows},
                      {"windows are their session's alone", windows_are_their_session_s_alone},
                      {"rights are one way", rights_are_one_way},
                      {"nothing outside the range", nothing_outside_the_range},
                      {"no window before authentication", no_window_before_authentication},
                      {"windows are listed", windows_are_listed},
                      {"empty ranges have no window", empty_ranges_have_no_window},
                      {"open generations outlive retention", open_generations_outlive_retention}});
}
