#include "lib/pool/page_owners.hh"

#include <algorithm>

#include "tests/support/check.hh"

using namespace pmemckpt;
using namespace pmemckpt::pool;

namespace {

void the_last_one_given_to_counts() {
    PageOwners owners;
    CHECK(!owners.all_of({0, 1}, 1));
    owners.assign({10, 10}, 1);
    CHECK(owners.all_of({10, 10}, 1) && !owners.all_of({9, 2}, 1) && !owners.all_of({19, 2}, 1));
    owners.assign({12, 2}, 2);
    CHECK(owners.all_of({10, 2}, 1) && owners.all_of({12, 2}, 2) && owners.all_of({14, 6}, 1));
    CHECK(!owners.all_of({11, 2}, 1) && !owners.all_of({13, 2}, 2));
    owners.assign({UINT32_MAX - 1, 1}, 7);
    CHECK(owners.all_of({UINT32_MAX - 1, 1}, 7));
}

void agrees_with_an_array() {
    constexpr std::uint32_t kPages = 64;
    constexpr std::uint64_t kNone = 99;
    PageOwners owners;
    std::vector<std::uint64_t> array(kPages, kNone);
    auto& random = test::generator();
    const auto some = [&] {
        const auto start = static_cast<std::uint32_t>(random() % kPages);
        return format::PageExtent{start, static_cast<std::uint32_t>(1 + random() % (kPages - start))};
    };
    for (int step = 0; step < 20'000; ++step) {
        const auto extent = some();
        const auto region = random() % 3;
        const auto begin = array.begin() + extent.start;
        if (step % 3 == 0) {
            owners.assign(extent, region);
            std::fill_n(begin, extent.count, region);
        }
        const bool all =
            std::all_of(begin, begin + extent.count, [&](auto owner) { return owner == region; });
        test::equal(owners.all_of(extent, region), all);
    }
}

}  // namespace

int main() {
    return test::run("page_owners", {{"the_last_one_given_to_counts", the_last_one_given_to_counts},
                                     {"agrees_with_an_array", agrees_with_an_array}});
}
