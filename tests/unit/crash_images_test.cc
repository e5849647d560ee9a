// What the recording medium knows of a power cut, against what may be left by the rules in its header.
#include <algorithm>
#include <cstring>
#include <set>

#include "tests/crash/images.hh"
#include "tests/support/check.hh"

using namespace pmemckpt;
using namespace pmemckpt::crash;

namespace {

using Memory = std::vector<std::byte>;

Memory filled(std::size_t size, int value) {
    return Memory(size, static_cast<std::byte>(value));
}

struct Bench {
    Memory memory = filled(8 * kLineBytes, 0);
    LineMedium medium{memory};

    std::set<Memory> images(std::uint64_t limit = 100'000) {
        std::set<Memory> found;
        visited = for_each_image(memory, medium.open_lines(), limit, test::generator(),
                                 [&] { found.insert(memory); });
        return found;
    }
    Visited visited;
};

bool has(const Memory& image, std::size_t word, int value) {
    return image[word * 8] == static_cast<std::byte>(value);
}

void a_word_is_there_or_not() {
    Bench bench;
    bench.medium.store({8}, filled(8, 1));
    const auto images = bench.images();
    test::equal(images.size(), std::size_t{2});
    for (const auto& image : images)
        CHECK(std::count(image.begin(), image.end(), std::byte{1}) == (has(image, 1, 1) ? 8 : 0));
}

void stores_in_one_line_keep_their_order() {
    Bench bench;
    bench.medium.store({0}, filled(8, 1));
    bench.medium.store({40}, filled(8, 2));
    bench.medium.store({0}, filled(8, 3));
    const auto images = bench.images();
    test::equal(images.size(), std::size_t{4});
    for (const auto& image : images) {
        CHECK(!has(image, 5, 2) || has(image, 0, 1) || has(image, 0, 3));
        CHECK(!has(image, 0, 3) || has(image, 5, 2));
    }
}

void a_copy_goes_in_either_direction() {
    Bench bench;
    bench.medium.store({0}, filled(24, 1));
    const auto images = bench.images();
    test::equal(images.size(), std::size_t{6});  // none, 0, 0 1, all, 1 2, 2
    for (const auto& image : images)
        CHECK(!(has(image, 0, 1) && has(image, 2, 1)) || has(image, 1, 1));
}

void lines_are_free_of_each_other() {
    Bench bench;
    bench.medium.store({56}, filled(16, 1));
    test::equal(bench.images().size(), std::size_t{4});
}

void what_a_peer_writes_is_there_in_any_order() {
    Bench bench;
    bench.medium.arrive({64}, filled(5 * 8, 1));
    test::equal(bench.images().size(), std::size_t{32});
}

/// Its words before the second store or none of them; that one may be there without any of the first.
void a_second_write_of_a_peer_may_come_first() {
    Bench bench;
    bench.medium.arrive({0}, filled(8, 1));
    bench.medium.arrive({8}, filled(8, 1));
    test::equal(bench.images().size(), std::size_t{4});
}

void a_persist_leaves_one_image() {
    Bench bench;
    bench.medium.store({0}, filled(100, 1));
    test::ok(bench.medium.persist({{0}, {100}}));
    test::equal(bench.images().size(), std::size_t{1});
    test::equal(bench.medium.recorded().flushes, std::uint64_t{2});
    test::equal(bench.medium.recorded().fences, std::uint64_t{1});
}

/// A line that nobody flushed is not persistent by the fence of another one.
void a_persist_is_of_its_lines_alone() {
    Bench bench;
    bench.medium.store({0}, filled(8, 1));
    bench.medium.store({64}, filled(8, 1));
    test::ok(bench.medium.persist({{0}, {8}}));
    const auto images = bench.images();
    test::equal(images.size(), std::size_t{2});
    CHECK(std::ranges::all_of(images, [](const Memory& image) { return has(image, 0, 1); }));
}

void blanked_bytes_may_be_there_still() {
    Bench bench;
    bench.medium.store({0}, filled(8, 1));
    test::ok(bench.medium.persist({{0}, {8}}));
    test::ok(bench.medium.blank({{0}, {64}}));
    test::equal(bench.images().size(), std::size_t{2});
    CHECK(bench.memory == filled(8 * kLineBytes, 0));
}

/// The first content is the persistent one, also when it is stored again.
void the_same_again_is_not_something_new() {
    Bench bench;
    bench.medium.store({0}, filled(8, 1));
    bench.medium.store({0}, filled(8, 0));
    test::equal(bench.images().size(), std::size_t{2});
    CHECK(bench.memory == filled(8 * kLineBytes, 0));
    CHECK(bench.medium.open_lines().at(0).front() == bench.medium.open_lines().at(0).back());
}

void of_too_many_the_extremes_are_visited() {
    Bench bench;
    for (std::uint64_t line = 0; line < 8; ++line)
        bench.medium.arrive({line * kLineBytes}, filled(kLineBytes / 2, 1));
    const auto images = bench.images(400);
    CHECK(!bench.visited.all);
    CHECK(images.contains(filled(8 * kLineBytes, 0)) && images.contains(bench.memory));
    for (std::uint64_t line = 0; line < 8; ++line) {
        auto alone = filled(8 * kLineBytes, 0), missing = bench.memory;
        std::copy_n(bench.memory.begin() + line * kLineBytes, kLineBytes, alone.begin() + line * kLineBytes);
        std::copy_n(filled(kLineBytes, 0).begin(), kLineBytes, missing.begin() + line * kLineBytes);
        CHECK(images.contains(alone) && images.contains(missing));
    }
    CHECK(images.size() > 8 * 2 * 14);  // and some that were drawn
}

void reverting_puts_all_back() {
    Bench bench;
    bench.medium.store({100}, filled(200, 1));
    test::ok(bench.medium.persist({{100}, {50}}));
    bench.medium.arrive({0}, filled(10, 2));
    bench.medium.revert();
    CHECK(bench.memory == filled(8 * kLineBytes, 0));
    CHECK(bench.medium.open_lines().empty());
}

void a_store_behind_its_back_is_noticed() {
    Bench bench;
    const auto start = bench.memory;
    bench.medium.store({0}, filled(8, 1));
    CHECK(bench.medium.lines_changed_behind_its_back(start).empty());
    bench.memory[130] = std::byte{1};
    CHECK(bench.medium.lines_changed_behind_its_back(start) == std::vector<std::uint64_t>{2});
}

}  // namespace

int main() {
    return test::run("crash_images",
                     {{"a_word_is_there_or_not", a_word_is_there_or_not},
                      {"stores_in_one_line_keep_their_order", stores_in_one_line_keep_their_order},
                      {"a_copy_goes_in_either_direction", a_copy_goes_in_either_direction},
                      {"lines_are_free_of_each_other", lines_are_free_of_each_other},
                      {"what_a_peer_writes_is_there_in_any_order", what_a_peer_writes_is_there_in_any_order},
                      {"a_second_write_of_a_peer_may_come_first", a_second_write_of_a_peer_may_come_first},
                      {"a_persist_leaves_one_image", a_persist_leaves_one_image},
                      {"a_persist_is_of_its_lines_alone", a_persist_is_of_its_lines_alone},
                      {"blanked_bytes_may_be_there_still", blanked_bytes_may_be_there_still},
                      {"the_same_again_is_not_something_new", the_same_again_is_not_something_new},
                      {"of_too_many_the_extremes_are_visited", of_too_many_the_extremes_are_visited},
                      {"reverting_puts_all_back", reverting_puts_all_back},
                      {"a_store_behind_its_back_is_noticed", a_store_behind_its_back_is_noticed}});
}
