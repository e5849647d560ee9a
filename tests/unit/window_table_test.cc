// Windows of one connection: ranges, rights, keys, translation to pages, and what is dirty in them.
#include "lib/rdma/iwarp/window_table.hh"

#include <algorithm>
#include <set>

#include "tests/support/check.hh"

using namespace pmemckpt;
using namespace pmemckpt::rdma;
using namespace pmemckpt::rdma::iwarp;
using namespace pmemckpt::test;

namespace {

constexpr auto kBoth = static_cast<Access>(3);

Translation four_pages(std::vector<std::byte>& mapping) {
    mapping.resize(1000);
    Translation translation;
    translation.medium = mapping;
    translation.page_size = 100;
    translation.pages = {500, 600, 0, 900};
    translation.size = 390;
    return translation;
}

void ranges_and_rights() {
    std::vector<std::byte> mapping;
    const Window both(1, four_pages(mapping), kBoth);
    CHECK(both.check({{0}, {390}}, Access::read) == Miss::none);
    CHECK(both.check({{389}, {1}}, Access::write) == Miss::none);
    CHECK(both.check({{390}, {0}}, Access::write) == Miss::none);
    CHECK(both.check({{391}, {0}}, Access::write) == Miss::bounds);
    CHECK(both.check({{0}, {391}}, Access::write) == Miss::bounds);
    CHECK(both.check({{390}, {1}}, Access::read) == Miss::bounds);
    CHECK(both.check({{UINT64_MAX}, {0}}, Access::read) == Miss::bounds);
    CHECK(both.check({{UINT64_MAX}, {1}}, Access::read) == Miss::wrap);
    CHECK(both.check({{UINT64_MAX - 9}, {100}}, Access::read) == Miss::wrap);
    const Window reading(1, four_pages(mapping), Access::read);
    CHECK(reading.check({{0}, {1}}, Access::read) == Miss::none);
    CHECK(reading.check({{0}, {1}}, Access::write) == Miss::access);
    const Window writing(1, four_pages(mapping), Access::write);
    CHECK(writing.check({{0}, {1}}, Access::read) == Miss::access);
}

std::vector<std::pair<std::ptrdiff_t, std::size_t>> pieces_of(const Window& window,
                                                              const std::vector<std::byte>& mapping,
                                                              Extent range, std::size_t limit = 100) {
    std::vector<iovec> pieces;
    const std::size_t taken = window.pieces(range, pieces, limit);
    std::vector<std::pair<std::ptrdiff_t, std::size_t>> found;
    std::size_t sum = 0;
    for (const iovec& piece : pieces) {
        found.emplace_back(static_cast<std::byte*>(piece.iov_base) - mapping.data(), piece.iov_len);
        sum += piece.iov_len;
    }
    equal(sum, taken);
    return found;
}

void translation_to_pieces() {
    std::vector<std::byte> mapping;
    const Window window(1, four_pages(mapping), kBoth);
    using Pieces = std::vector<std::pair<std::ptrdiff_t, std::size_t>>;
    CHECK(pieces_of(window, mapping, {{10}, {20}}) == Pieces{{510, 20}});
    CHECK(pieces_of(window, mapping, {{50}, {150}}) ==
          Pieces{{550, 150}});  // two pages that lie side by side
    CHECK(pieces_of(window, mapping, {{0}, {390}}) == Pieces{{500, 200}, {0, 100}, {900, 90}});
    CHECK(pieces_of(window, mapping, {{199}, {102}}) == Pieces{{699, 1}, {0, 100}, {900, 1}});
    CHECK(pieces_of(window, mapping, {{199}, {102}}, 2) == Pieces{{699, 1}, {0, 100}});
    CHECK(pieces_of(window, mapping, {{389}, {1}}) == Pieces{{989, 1}});
}

void translations_outside_their_mapping() {
    WindowTable table;
    std::vector<std::byte> mapping;
    auto wrong = four_pages(mapping);
    wrong.pages[3] = 911;
    contains(error(table.grant(wrong, kBoth), EINVAL), "911");
    wrong.pages[3] = 910;  // its last page is used up to byte 90
    ok(table.grant(wrong, kBoth));
    wrong.pages[0] = UINT64_MAX - 10;
    error(table.grant(wrong, kBoth), EINVAL);
    wrong = four_pages(mapping);
    wrong.size = 401;
    error(table.grant(wrong, kBoth), EINVAL);
    wrong.size = UINT64_MAX;
    error(table.grant(wrong, kBoth), EINVAL);
    wrong.page_size = 0;
    error(table.grant(wrong, kBoth), EINVAL);
    ok(table.grant(Translation{}, kBoth));  // of no bytes at all
}

void windows_come_and_go() {
    WindowTable table;
    std::vector<std::byte> mapping;
    std::vector<Key> keys;
    for (unsigned i = 0; i < kMaximumWindows; ++i)
        keys.push_back(ok(table.grant(four_pages(mapping), kBoth)).key);
    contains(error(table.grant(four_pages(mapping), kBoth), ENOSPC), "256");
    const auto window = table.find(keys[7]);
    CHECK(window && window->alive());
    CHECK(table.revoke(keys[7]));
    CHECK(!window->alive() && !table.find(keys[7]) && !table.revoke(keys[7]));
    CHECK(table.was_granted(keys[7]));
    ok(table.grant(four_pages(mapping), kBoth));
    const auto other = table.find(keys[8]);
    table.close();
    CHECK(!other->alive());
    error(table.grant(four_pages(mapping), kBoth), ENOTCONN);
}

void keys_never_come_twice() {
    StagSequence sequence, another;
    std::set<Key> seen;
    unsigned same = 0;
    for (int i = 0; i < 100'000; ++i) {
        const Key key = sequence.next();
        CHECK(key != 0 && seen.insert(key).second);
        CHECK(sequence.was_given(key));
        same += another.was_given(key);
        same += another.next() == key;
    }
    // Nothing can be told about one connection's keys from another's.
    CHECK(same < 100);
    unsigned guessed = 0;
    for (int i = 0; i < 100'000; ++i) {
        const auto guess = static_cast<Key>(generator()());
        guessed += sequence.was_given(guess) && seen.count(guess) == 0;
    }
    equal(guessed, 0U);
    CHECK(!sequence.was_given(0));
}

std::vector<bool> marks_of(const std::vector<Extent>& extents, std::size_t size) {
    std::vector<bool> marks(size);
    for (const Extent& extent : extents)
        for (std::uint64_t i = 0; i < extent.size.bytes; ++i)
            marks.at(extent.at.bytes + i) = true;
    return marks;
}

void dirty_extents_against_a_model() {
    constexpr std::size_t kSize = 2000;
    for (int round = 0; round < 200; ++round) {
        DirtyExtents dirty;
        std::vector<bool> model(kSize);
        for (int i = 0; i < 40; ++i) {  // fewer than the limit: exact
            const std::uint64_t at = generator()() % kSize,
                                count = std::min<std::uint64_t>(generator()() % 60, kSize - at);
            dirty.add({{at}, {count}});
            std::fill_n(model.begin() + static_cast<std::ptrdiff_t>(at), count, true);
        }
        const auto extents = dirty.take();
        CHECK(marks_of(extents, kSize) == model);
        for (std::size_t i = 1; i < extents.size(); ++i)
            CHECK(extents[i - 1].at.bytes + extents[i - 1].size.bytes < extents[i].at.bytes);
        CHECK(dirty.empty());
    }
}

void dirty_extents_stay_few() {
    DirtyExtents dirty;
    for (std::uint64_t i = 0; i < 10'000; ++i)
        dirty.add({{i * 7919 % 10'007 * 10}, {3}});
    const auto extents = dirty.take();
    CHECK(extents.size() <= DirtyExtents::kMaximum);
    const auto marks = marks_of(extents, 200'000);
    for (std::uint64_t i = 0; i < 10'000; ++i)
        CHECK(marks[i * 7919 % 10'007 * 10 + 2]);
}

void persist_names_pieces_of_the_mapping() {
    std::vector<std::byte> mapping;
    auto translation = four_pages(mapping);
    std::vector<std::pair<std::uint64_t, std::uint64_t>> persisted;
    translation.persist = [&](Extent extent) -> Status {
        persisted.emplace_back(extent.at.bytes, extent.size.bytes);
        return extent.at.bytes == 0 ? fail(EIO, "no") : Status();
    };
    Window window(1, translation, kBoth);
    ok(window.persist({{{50}, {100}}, {{300}, {5}}}));
    using Pieces = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
    CHECK(persisted == Pieces{{550, 100}, {900, 5}});
    error(window.persist({{{190}, {200}}}), EIO);
    persisted.clear();
    window.kill();
    ok(window.persist({{{50}, {100}}}));
    CHECK(persisted.empty());
}

}  // namespace

int main() {
    return run("window_table",
               {{"ranges and rights", ranges_and_rights},
                {"translation to pieces", translation_to_pieces},
                {"translations outside their mapping", translations_outside_their_mapping},
                {"windows come and go", windows_come_and_go},
                {"keys never come twice", keys_never_come_twice},
                {"dirty extents against a model", dirty_extents_against_a_model},
                {"dirty extents stay few", dirty_extents_stay_few},
                {"persist names pieces of the mapping", persist_names_pieces_of_the_mapping}});
}
