// Pages that lie anywhere in a medium, mapped side by side: what a window of a device is made of.
// not over devices: nobody is connected in it
#include <algorithm>
#include <cerrno>

#include "lib/rdma/verbs/side_by_side.hh"
#include "tests/support/rdma_ends.hh"

using namespace pmemckpt;
using namespace pmemckpt::test;
using rdma::kNoPage;
using rdma::verbs::Scrap;
using rdma::verbs::SideBySide;

namespace {

constexpr std::size_t kPage = 4096, kPages = 8;

Bytes seen(const SideBySide& pages) {
    return {pages.bytes().begin(), pages.bytes().end()};
}

void scattered_pages_are_one_range() {
    Scattered memory(kPages, kPage);
    memory.fill(random_bytes(memory.size()));
    Scrap scrap;
    const auto pages = ok(SideBySide::map(memory.translation(), scrap));
    CHECK(seen(pages) == memory.content());
    const auto changed = random_bytes(memory.size());
    std::copy(changed.begin(), changed.end(), pages.bytes().begin());
    CHECK(memory.content() == changed && memory.guards_whole());
    memory.fill(random_bytes(memory.size()));
    CHECK(seen(pages) == memory.content());
}

void a_range_may_end_within_a_page() {
    Scattered memory(kPages, kPage);
    auto translation = memory.translation();
    translation.size = 3 * kPage + 7;
    Scrap scrap;
    equal(ok(SideBySide::map(translation, scrap)).bytes().size(), 3 * kPage + 7);
}

void a_range_may_begin_within_a_page() {
    Scattered memory(kPages, kPage);
    memory.fill(random_bytes(memory.size()));
    const auto whole = memory.content();
    auto translation = memory.translation();
    translation.skipped = 100;
    translation.size -= 100;
    Scrap scrap;
    const Bytes behind(whole.begin() + 100, whole.end());
    CHECK(seen(ok(SideBySide::map(translation, scrap))) == behind);
    ++translation.size;
    error(SideBySide::map(translation, scrap), EINVAL);
    translation.size = 1;
    translation.skipped = kPage;
    error(SideBySide::map(translation, scrap), EINVAL);
    translation.skipped = 1;
    translation.size = UINT64_MAX;
    error(SideBySide::map(translation, scrap), EINVAL);
    translation.pages = {5 * kPage, 6 * kPage};  // as they are
    translation.skipped = 7;
    translation.size = kPage;
    CHECK(ok(SideBySide::map(translation, scrap)).bytes().data() == memory.mapping().data() + 5 * kPage + 7);
}

void pages_side_by_side_are_taken_as_they_are() {
    Scattered memory(kPages, kPage);
    auto translation = memory.translation();
    translation.pages = {5 * kPage, 6 * kPage, 7 * kPage};
    translation.size = 3 * kPage;
    Scrap scrap;
    CHECK(ok(SideBySide::map(translation, scrap)).bytes().data() == memory.mapping().data() + 5 * kPage);
}

void a_hole_reaches_no_medium() {
    Scattered memory(kPages, kPage);
    memory.fill(random_bytes(memory.size()));
    const auto before = memory.content();
    auto translation = memory.translation();
    translation.pages[0] = translation.pages[3] = translation.pages[4] = kNoPage;
    Scrap scrap;
    const auto pages = ok(SideBySide::map(translation, scrap));
    CHECK(std::all_of(pages.bytes().begin(), pages.bytes().begin() + kPage,
                      [](std::byte b) { return b == std::byte{}; }));
    std::fill(pages.bytes().begin(), pages.bytes().end(), std::byte{0xee});
    for (const std::size_t page : {0, 3, 4})
        CHECK(std::equal(before.begin() + page * kPage, before.begin() + (page + 1) * kPage,
                         memory.content().begin() + page * kPage));
    CHECK(memory.guards_whole());
    auto other = translation;
    other.page_size = 2 * kPage;
    other.pages = {kNoPage, 0};
    other.size = 4 * kPage;
    error(SideBySide::map(other, scrap), EINVAL);
}

void what_can_not_be_mapped() {
    Scattered memory(kPages, kPage);
    Scrap scrap;
    const auto refused = [&](auto&& change) {
        auto translation = memory.translation();
        change(translation);
        error(SideBySide::map(translation, scrap), EINVAL);
    };
    refused([](auto& t) { t.size = 0; });
    refused([](auto& t) { t.page_size = 0; });
    refused([](auto& t) { t.size += 1; });
    refused([](auto& t) { t.pages[2] = t.medium.size() - kPage + 1; });
    refused([](auto& t) { t.pages[2] = UINT64_MAX - 1; });
    refused([](auto& t) { t.pages[2] = 100; });
    refused([](auto& t) { t.page_size = 1000, t.size = 1000; });
}

rdma::Translation of_runs(Scattered& memory, std::size_t count) {
    auto translation = memory.translation();
    translation.pages.assign(count, kPage);  // the same page again and again: each is a mapping of its own
    translation.size = count * kPage;
    return translation;
}

/// An allocation that gets no mapping ends the process: so a part of them is left for others.
void mappings_are_limited() {
    Scattered memory(kPages, kPage);
    Scrap scrap;
    constexpr auto kMany = rdma::verbs::kMaximumMappings - 100;
    for (int round = 0; round < 2; ++round) {
        const auto many = ok(SideBySide::map(of_runs(memory, kMany), scrap));
        contains(error(SideBySide::map(of_runs(memory, 101), scrap), ENOSPC), "101 more mappings");
        ok(SideBySide::map(of_runs(memory, 100), scrap));
    }
    error(SideBySide::map(of_runs(memory, rdma::verbs::kMaximumMappings + 1), scrap), ENOSPC);
}

}  // namespace

int main() {
    return run("side_by_side",
               {{"scattered pages are one range", scattered_pages_are_one_range},
                {"a range may end within a page", a_range_may_end_within_a_page},
                {"a range may begin within a page", a_range_may_begin_within_a_page},
                {"pages side by side are taken as they are", pages_side_by_side_are_taken_as_they_are},
                {"a hole reaches no medium", a_hole_reaches_no_medium},
                {"what can not be mapped", what_can_not_be_mapped},
                {"mappings are limited", mappings_are_limited}});
}
