// Clones: only what differs is sent, and the whole is what was meant.
#include <algorithm>
#include <cerrno>

#include "lib/base/crc32c.hh"
#include "lib/client/ranges.hh"
#include "tests/unit/client_fixture.hh"

namespace {

using namespace pmemckpt;
using client::Ranges;
using test::content;
using test::ManagerHere;
using test::save;

std::vector<std::byte> part(const std::vector<std::byte>& bytes, const Extent& extent) {
    const auto first = bytes.begin() + static_cast<std::ptrdiff_t>(extent.at.bytes);
    return {first, first + static_cast<std::ptrdiff_t>(extent.size.bytes)};
}

void ranges_are_put_in_order() {
    const std::vector<Extent> given{{{10}, {5}}, {{0}, {0}},  {{15}, {1}},
                                    {{2}, {3}},  {{11}, {2}}, {{99}, {1}}};
    const auto ranges = test::ok(Ranges::normalize(given, 100));
    test::equal(ranges.list().size(), 3U);
    CHECK(ranges.contains({{2}, {3}}) && ranges.contains({{10}, {6}}) && ranges.contains({{99}, {1}}));
    CHECK(!ranges.contains({{2}, {4}}) && !ranges.contains({{9}, {2}}) && !ranges.contains({{16}, {1}}));
    CHECK(!ranges.contains({{0}, {1}}) && !ranges.contains({{12}, {UINT64_MAX}}));
    test::error(Ranges::normalize(given, 99), ERANGE);
    test::error(Ranges::normalize(std::vector<Extent>{{{UINT64_MAX}, {2}}}, 100), ERANGE);
}

/// Scattered pieces, not one after another, together about `share` of the whole.
std::vector<Extent> scatter(std::uint64_t size, double share) {
    std::vector<Extent> dirty;
    constexpr std::uint64_t kPiece = 777;
    const auto count = static_cast<std::uint64_t>(static_cast<double>(size) * share) / kPiece;
    const auto step = size / count;
    for (std::uint64_t at = 0; at < count; ++at)
        dirty.push_back({{at * step + test::generator()() % (step - kPiece)}, {kPiece}});
    std::shuffle(dirty.begin(), dirty.end(), test::generator());
    return dirty;
}

std::uint64_t change(std::vector<std::byte>& state, const std::vector<Extent>& dirty) {
    std::uint64_t bytes = 0;
    for (const auto& extent : dirty) {
        const auto fresh = test::random_bytes(extent.size.bytes);
        std::copy(fresh.begin(), fresh.end(), state.begin() + static_cast<std::ptrdiff_t>(extent.at.bytes));
        bytes += extent.size.bytes;
    }
    return bytes;
}

wire::Generation save_clone(client::Client& client, const std::string& region,
                            const std::vector<std::byte>& state, const std::vector<Extent>& dirty) {
    const auto writer = test::ok(client.begin_clone(region, state.size(), dirty));
    for (const auto& extent : dirty)
        test::ok(
            writer->write(extent.at.bytes, std::span(state).subspan(extent.at.bytes, extent.size.bytes)));
    return test::ok(writer->seal());
}

void one_percent_costs_one_percent() {
    ManagerHere here({}, 256 * kMiB);
    const auto client = here.connect();
    test::ok(client->create_region("clone", {}, true));
    auto state = test::random_bytes(64 * kMiB);
    save(*client, "clone", state);
    for (int round = 0; round < 2; ++round) {
        const auto dirty = scatter(state.size(), 0.01);
        const auto bytes = change(state, dirty);
        const auto before = here.bytes_received();
        const auto sealed = save_clone(*client, "clone", state, dirty);
        const auto sent = here.bytes_received() - before;
        if (test::transport() != "verbs")  // a device does not tell its host how much has come
            CHECK(before > 0 && sent >= bytes && sent <= bytes + bytes / 10);
        test::equal(sealed.crc32c, crc32c(state));
        CHECK(content(*client, "clone") == state);
    }
}

/// More ranges than one message holds.
void many_ranges_go_in_many_messages() {
    ManagerHere here;
    const auto client = here.connect();
    test::ok(client->create_region("many", {}, true));
    auto state = test::random_bytes(4 * kMiB);
    save(*client, "many", state);
    std::vector<Extent> dirty;
    for (std::uint64_t at = 0; at < 5000; ++at)
        dirty.push_back({{at * 800 + at % 7}, {1 + at % 50}});
    change(state, dirty);
    save_clone(*client, "many", state, dirty);
    CHECK(content(*client, "many") == state);
}

void outside_of_what_is_dirty_nothing_is_written() {
    ManagerHere here;
    const auto client = here.connect();
    test::ok(client->create_region("fence", {}, true));
    auto state = test::random_bytes(1 * kMiB);
    save(*client, "fence", state);
    const std::vector<Extent> dirty{{{100}, {50}}, {{150}, {50}}, {{500'000}, {10}}};
    const std::vector<Extent> outside{
        {{99}, {1}}, {{100}, {101}}, {{200}, {1}}, {{0}, {1 * kMiB}}, {{150}, {400'000}}};
    const auto before = here.bytes_received();
    for (const auto& extent : outside) {
        const auto writer = test::ok(client->begin_clone("fence", state.size(), dirty));
        const auto bytes = part(state, extent);
        test::contains(test::error(writer->write(extent.at.bytes, bytes), ERANGE), "dirty");
        test::error(writer->seal(), ERANGE);
    }
    test::equal(here.bytes_received(), before);
    test::equal(test::ok(client->generations("fence")).size(), 1U);
    test::error(client->begin_clone("fence", 100, dirty), ERANGE);
    change(state, {{{100}, {100}}});
    const auto writer = test::ok(client->begin_clone("fence", state.size(), dirty));
    const auto bytes = part(state, {{100}, {100}});
    test::ok(writer->write(100, bytes));  // two ranges that touch are one
    test::ok(writer->seal());             // the third stays what it was
    CHECK(content(*client, "fence") == state);
}

void longer_shorter_older_and_unchanged() {
    ManagerHere here;
    const auto client = here.connect();
    test::ok(client->create_region("shape", {}, true));
    test::error(client->begin_clone("shape", 1, {}), ENODATA);
    const auto first = test::random_bytes(300'001);
    save(*client, "shape", first);
    test::ok(test::ok(client->begin_clone("shape", first.size(), {}))->seal());
    CHECK(content(*client, "shape", 2) == first);
    auto longer = first;
    longer.resize(500'000);  // zero
    test::ok(test::ok(client->begin_clone("shape", longer.size(), {}))->seal());
    CHECK(content(*client, "shape", 3) == longer);
    const auto shorter = std::vector(first.begin(), first.begin() + 70'000);
    test::ok(test::ok(client->begin_clone("shape", shorter.size(), {}, 1))->seal());
    CHECK(content(*client, "shape", 4) == shorter);
    test::error(client->begin_clone("shape", 1, {}, 99), ENOENT);
    test::ok(client->set_retention("shape", 1, 0));  // the bases go, the clone stays
    CHECK(content(*client, "shape", 4) == shorter);
    test::equal(test::ok(client->generations("shape")).size(), 1U);
}

}  // namespace

int main() {
    test::clear_environment();
    return test::run(
        "client clone",
        {{"ranges are put in order", ranges_are_put_in_order},
         {"one percent costs one percent", one_percent_costs_one_percent},
         {"many ranges go in many messages", many_ranges_go_in_many_messages},
         {"outside of what is dirty nothing is written", outside_of_what_is_dirty_nothing_is_written},
         {"longer, shorter, older and unchanged", longer_shorter_older_and_unchanged}});
}
