// Clones, pins and retention, over real connections; and how dirty ranges are collected.
// time-limit: 180
#include <algorithm>
#include <cerrno>

#include "driver/dirty_ranges.hh"
#include "lib/base/crc32c.hh"
#include "tests/support/manager_fixture.hh"

using namespace pmemckpt;
using driver::DirtyRanges;
using test::Bytes;
using test::ManagerFixture;
using test::RawClient;

namespace {

constexpr std::uint64_t kPage = 2 * kMiB;
constexpr std::uint64_t kSize = 3 * kPage + 123;  // four pages, the last not full
constexpr const char* kRegion = "team/app";

struct Served : ManagerFixture {
    explicit Served(std::uint32_t keep = 0) {
        config.limits.expiry_ms = 10;
        start();
        client = open();
        test::ok(client->ask<wire::Region>(wire::CreateRegion{kRegion, keep, 0, 1}));
    }
    std::shared_ptr<RawClient> client;
};

wire::Generation seal(RawClient& client, const wire::Begun& draft, const Bytes& content) {
    return test::ok(
        client.ask<wire::Generation>(wire::Seal{draft.draft_id, content.size(), 1, crc32c(content)}));
}
Bytes save(RawClient& client, std::uint64_t size = kSize) {
    auto content = test::random_bytes(size);
    const auto draft = test::ok(client.ask<wire::Begun>(wire::Begin{kRegion, size}));
    test::ok(client.write(draft.window, 0, content));
    seal(client, draft, content);
    return content;
}
Bytes newest(RawClient& client) {
    const auto opened = test::ok(client.ask<wire::OpenedGeneration>(wire::OpenGeneration{kRegion, 0}));
    auto content = test::ok(client.read(opened.window, 0, opened.generation.length));
    test::ok(client.ask<wire::Empty>(wire::CloseGeneration{opened.handle}));
    return content;
}
std::uint64_t free_pages(RawClient& client) {
    return test::ok(client.ask<wire::PoolStatus>(wire::StatusRequest{})).free_pages;
}
wire::Cloning begin_clone(RawClient& client, std::uint64_t size = kSize, std::uint64_t base = 0) {
    return test::ok(client.ask<wire::Cloning>(wire::BeginClone{kRegion, size, base}));
}
Result<wire::Begun> dirty(RawClient& client, std::uint64_t draft, std::vector<wire::Range> ranges,
                          bool last = true) {
    return client.ask<wire::Begun>(wire::Dirty{draft, last, std::move(ranges)});
}
std::vector<std::uint64_t> numbers(RawClient& client) {
    std::vector<std::uint64_t> found;
    for (const auto& generation :
         test::ok(client.ask<wire::GenerationList>(wire::ListGenerations{kRegion, 0})).generations)
        found.push_back(generation.number);
    return found;
}
using Numbers = std::vector<std::uint64_t>;

void only_what_is_dirty_is_written() {
    Served served;
    auto& client = *served.client;
    auto content = save(client);
    const auto before = free_pages(client);
    const auto clone = begin_clone(client);
    test::equal(clone.base.number, 1U);
    test::equal(test::ok(dirty(client, clone.draft_id, {{kPage + 10, 20}}, false)).window.key, 0U);
    test::equal(test::ok(dirty(client, clone.draft_id, {}, false)).window.key, 0U);
    const auto draft = test::ok(dirty(client, clone.draft_id, {{2 * kPage, kPage}}));
    CHECK(draft.window.key != 0 && draft.draft_id == clone.draft_id);
    test::equal(free_pages(client), before - 2);  // the others are shared
    auto change = test::random_bytes(20);
    std::copy(change.begin(), change.end(), content.begin() + kPage + 10);
    test::ok(client.write(draft.window, kPage + 10, change));
    auto page = test::random_bytes(kPage);
    std::copy(page.begin(), page.end(), content.begin() + 2 * kPage);
    test::ok(client.write(draft.window, 2 * kPage, page));
    test::equal(seal(client, draft, content).number, 2U);  // its CRC is of base and changes together
    CHECK(newest(*served.open("bob")) == content);
}

// What the manager keeps of clones whose ranges are still coming has an end.
void few_clones_have_many_ranges() {
    Served served;
    auto& client = *served.client;
    save(client);
    std::vector<wire::Range> ranges;
    for (std::uint64_t i = 0; i < 1000; ++i)
        ranges.push_back({i * 16, 1});
    std::string refused;
    for (int i = 0; i < 3 && refused.empty(); ++i) {
        const auto clone = begin_clone(client);
        for (std::uint64_t part = 0; part < 60 && refused.empty(); ++part) {
            const auto begun = dirty(client, clone.draft_id, ranges, false);
            refused = begun ? "" : begun.error().message;
            for (auto& range : ranges)
                range.offset += 16'000;
        }
        for (auto& range : ranges)
            range.offset %= 16'000;
    }
    test::contains(refused, "other clones of this session have 120000 dirty ranges already");
}

void clones_that_are_begun_count_as_drafts() {
    Served served;
    served.config.limits.draft_bytes_per_session = 2 * kSize;
    served.client.reset();
    served.manager.reset();
    served.start();
    served.client = served.open();
    auto& client = *served.client;
    save(client);
    const auto first = begin_clone(client);
    begin_clone(client);
    test::contains(test::error(client.ask<wire::Cloning>(wire::BeginClone{kRegion, 1, 0}), EDQUOT),
                   "limits.draft_bytes_per_session");
    test::ok(dirty(client, first.draft_id, {{0, 1}}));  // it counts once
}

void shared_pages_are_out_of_reach() {
    Served served;
    const auto content = save(*served.client);
    for (const std::uint64_t at : {std::uint64_t{0}, kPage - 1, 2 * kPage - 1, 3 * kPage}) {
        const auto writer = served.open();
        const auto clone = begin_clone(*writer);
        const auto draft = test::ok(dirty(*writer, clone.draft_id, {{kPage, 1}}));
        writer->write_refused(draft.window, at, 2);  // partly on the dirty page, for two of them
    }
    CHECK(newest(*served.client) == content);
}

// What the writer compared with is not there any more: another base would be another content.
void a_base_that_was_dropped() {
    Served served(1);
    save(*served.client);
    const auto writer = served.open("bob");
    const auto lost = begin_clone(*writer);
    const auto content = save(*served.client);  // of its two generations the region keeps one
    test::error(dirty(*writer, lost.draft_id, {}), ENOENT);
    // Once it is a draft it holds its base.
    const auto clone = begin_clone(*writer);
    const auto draft = test::ok(dirty(*writer, clone.draft_id, {}));
    save(*served.client);
    CHECK(numbers(*served.client) == Numbers{3});
    seal(*writer, draft, content);
    CHECK(newest(*writer) == content);
}

void what_can_t_be() {
    Served served;
    auto& client = *served.client;
    test::error(client.ask<wire::Cloning>(wire::BeginClone{kRegion, kSize, 0}), ENODATA);
    save(client);
    test::error(client.ask<wire::Cloning>(wire::BeginClone{kRegion, kSize, 7}), ENOENT);
    test::error(client.ask<wire::Cloning>(wire::BeginClone{"team/none", kSize, 0}), ENOENT);
    const auto clone = begin_clone(client);
    test::error(client.ask<wire::Generation>(wire::Seal{clone.draft_id, 1, 0, 0}), EINVAL);
    test::error(dirty(client, clone.draft_id, {{kSize, 1}}, false), ERANGE);
    test::error(dirty(client, clone.draft_id, {{1, UINT64_MAX}}, false), ERANGE);
    test::error(dirty(client, 99, {}), ENOENT);
    const auto before = free_pages(client);
    test::ok(client.ask<wire::Empty>(wire::Abort{clone.draft_id}));
    test::error(dirty(client, clone.draft_id, {}), ENOENT);
    test::equal(free_pages(client), before);
    driver::Limits limits;
    for (unsigned count = 0; count < limits.drafts_per_session; ++count)
        begin_clone(client);
    test::error(client.ask<wire::Cloning>(wire::BeginClone{kRegion, kSize, 0}), EMFILE);
}

void pinned_ones_stay() {
    Served served(2);
    auto& client = *served.client;
    save(client, 10);
    test::ok(client.ask<wire::Empty>(wire::Pin{kRegion, 1, 1}));
    for (int count = 0; count < 4; ++count)
        save(client, 10);
    CHECK(numbers(client) == (Numbers{1, 4, 5}));
    CHECK(test::ok(client.ask<wire::Generation>(wire::FindGeneration{kRegion, 1})).pinned == 1);
    test::error(client.ask<wire::Empty>(wire::Pin{kRegion, 3, 1}), ENOENT);
    test::ok(client.ask<wire::Empty>(wire::Pin{kRegion, 1, 0}));
    save(client, 10);
    CHECK(numbers(client) == (Numbers{5, 6}));
}

void retention_by_age() {
    Served served;
    auto& client = *served.client;
    const auto hour = std::int64_t{3'600} * 1'000'000'000;
    test::error(client.ask<wire::Region>(wire::SetRetention{kRegion, 1, -1}), EINVAL);
    const auto region = test::ok(client.ask<wire::Region>(wire::SetRetention{kRegion, 1, hour}));
    test::equal(region.keep, 1U);
    test::equal(region.keep_age_ns, hour);
    for (int count = 0; count < 3; ++count)
        save(client, 10);
    CHECK(numbers(client) == (Numbers{1, 2, 3}));
    // Some seconds old they soon are: then nobody needs to do anything.
    test::equal(test::ok(client.ask<wire::Region>(wire::SetRetention{kRegion, 0, 1'000'000'000})).keep, 1U);
    test::eventually([&] { return numbers(client) == Numbers{3}; }, 30'000);
    const auto dropped = [&] {
        const auto events = test::ok(client.ask<wire::EventList>(wire::Watch{kRegion, 0, 0})).events;
        return std::count_if(events.begin(), events.end(),
                             [](const auto& event) { return event.kind == wire::EventKind::dropped; });
    };
    test::eventually([&] { return dropped() == 2; });
}

void ranges_against_a_model() {
    constexpr std::uint64_t size = 2000, page = 100;
    for (int round = 0; round < 200; ++round) {
        DirtyRanges ranges(size, page);
        std::vector<bool> model(size), found(size);
        for (int i = 0; i < 30; ++i) {
            const std::uint64_t at = test::generator()() % size;
            const auto count = std::min<std::uint64_t>(test::generator()() % 60, size - at);
            test::ok(ranges.add({{at}, {count}}));
            std::fill_n(model.begin() + static_cast<std::ptrdiff_t>(at), count, true);
        }
        std::uint64_t end = 0;
        for (const auto& range : ranges.extents()) {
            CHECK(range.at.bytes > end || end == 0);  // in order, and none touches the one before
            end = range.at.bytes + range.size.bytes;
            std::fill_n(found.begin() + static_cast<std::ptrdiff_t>(range.at.bytes), range.size.bytes, true);
        }
        CHECK(found == model);
    }
}

/// However many there are on a page, it is dirty, and no byte is said to be written that is not.
void many_ranges_stay_few() {
    constexpr std::uint64_t page = 4096, pages = 1000;
    DirtyRanges ranges(page * pages, page);
    for (std::uint64_t at = 0; at < page * pages; at += 16)
        test::ok(ranges.add({{at}, {1}}));
    CHECK(ranges.count() <= DirtyRanges::kMaximum);
    std::vector<bool> found(pages);
    for (const auto& range : ranges.extents()) {
        CHECK(range.size.bytes == 1 && range.at.bytes % 16 == 0);
        found[range.at.bytes / page] = true;
    }
    CHECK(std::find(found.begin(), found.end(), false) == found.end());
}

void too_many_ranges() {
    DirtyRanges ranges(UINT64_MAX, 4096);
    Status added;
    std::uint64_t count = 0;
    for (; added && count <= DirtyRanges::kMaximum; ++count)
        added = ranges.add({{count * 8192}, {1}});
    test::contains(test::error(added, E2BIG), "write the whole generation");
    CHECK(count > DirtyRanges::kMaximum / 2);
}

}  // namespace

int main() {
    return test::run("clone_requests",
                     {{"only what is dirty is written", only_what_is_dirty_is_written},
                      {"few clones have many ranges", few_clones_have_many_ranges},
                      {"clones that are begun count as drafts", clones_that_are_begun_count_as_drafts},
                      {"shared pages are out of reach", shared_pages_are_out_of_reach},
                      {"a base that was dropped", a_base_that_was_dropped},
                      {"what can't be", what_can_t_be},
                      {"pinned ones stay", pinned_ones_stay},
                      {"retention by age", retention_by_age},
                      {"ranges against a model", ranges_against_a_model},
                      {"many ranges stay few", many_ranges_stay_few},
                      {"too many ranges", too_many_ranges}});
}
