// The checksum of what was meant: kept over writes in any order, given up rather than guessed.
#include <algorithm>

#include "lib/base/crc32c.hh"
#include "lib/client/coverage.hh"
#include "lib/client/limits.hh"
#include "tests/support/check.hh"

namespace {

using namespace pmemckpt;
using client::Coverage;

struct Piece {
    std::uint64_t offset = 0;
    std::span<const std::byte> bytes;
};

/// `whole` cut at random places.
std::vector<Piece> cut(std::span<const std::byte> whole, std::size_t pieces) {
    std::vector<std::size_t> cuts{0, whole.size()};
    while (cuts.size() < pieces + 1)
        cuts.push_back(test::generator()() % whole.size());
    std::sort(cuts.begin(), cuts.end());
    std::vector<Piece> result;
    for (std::size_t at = 0; at + 1 < cuts.size(); ++at)
        result.push_back({cuts[at], whole.subspan(cuts[at], cuts[at + 1] - cuts[at])});
    return result;
}

void any_order_gives_the_checksum() {
    const auto bytes = test::random_bytes(100'003);
    for (int round = 0; round < 30; ++round) {
        auto pieces = cut(bytes, 1 + test::generator()() % 100);
        std::shuffle(pieces.begin(), pieces.end(), test::generator());
        Coverage coverage;
        for (const auto& piece : pieces) {
            const bool last = &piece == &pieces.back();
            coverage.add(piece.offset, piece.bytes);
            if (!last && !pieces.back().bytes.empty())
                CHECK(!coverage.checksum(bytes.size()));
        }
        test::equal(coverage.checksum(bytes.size()).value(), crc32c(bytes));
    }
}

void gaps_and_other_lengths_have_none() {
    const auto bytes = test::random_bytes(100);
    Coverage coverage;
    coverage.add(0, std::span(bytes).first(40));
    coverage.add(41, std::span(bytes).subspan(41));
    CHECK(!coverage.checksum(100));
    test::equal(coverage.checksum(40).has_value(), false);  // more was written than is sealed
    coverage.add(40, std::span(bytes).subspan(40, 1));
    CHECK(coverage.checksum(100).has_value());
    CHECK(!coverage.checksum(99));
    CHECK(!coverage.checksum(101));
    Coverage late;
    late.add(1, std::span(bytes).subspan(1));
    CHECK(!late.checksum(100));
}

void an_overlap_loses_it() {
    const auto bytes = test::random_bytes(100);
    const auto covered_with = [&](std::uint64_t offset, std::size_t size) {
        Coverage coverage;
        coverage.add(0, std::span(bytes).first(50));
        coverage.add(offset, std::span(bytes).subspan(offset, size));
        coverage.add(50, std::span(bytes).subspan(50));
        return coverage.checksum(100);
    };
    CHECK(!covered_with(49, 1));
    CHECK(!covered_with(0, 1));
    CHECK(!covered_with(20, 60));
    CHECK(!covered_with(99, 1));
    CHECK(covered_with(30, 0).has_value());
    CHECK(covered_with(100, 0).has_value());
}

void nothing_is_something_too() {
    Coverage coverage;
    test::equal(coverage.checksum(0).value(), 0U);
    CHECK(!coverage.checksum(1));
}

void too_many_ranges_lose_it() {
    const std::vector<std::byte> bytes(4 * client::kMaximumExtents + 4);
    const auto filled = [&](std::size_t separate) {
        Coverage coverage;
        for (std::size_t at = 0; at < separate; ++at)
            coverage.add(2 * at, std::span(bytes).first(1));
        for (std::size_t at = 0; at < separate; ++at)
            coverage.add(2 * at + 1, std::span(bytes).first(1));
        return coverage.checksum(2 * separate).has_value();
    };
    CHECK(filled(client::kMaximumExtents));
    CHECK(!filled(client::kMaximumExtents + 1));
}

}  // namespace

int main() {
    return test::run("client coverage",
                     {{"any order gives the checksum", any_order_gives_the_checksum},
                      {"gaps and other lengths have none", gaps_and_other_lengths_have_none},
                      {"an overlap loses it", an_overlap_loses_it},
                      {"nothing is something too", nothing_is_something_too},
                      {"too many ranges lose it", too_many_ranges_lose_it}});
}
