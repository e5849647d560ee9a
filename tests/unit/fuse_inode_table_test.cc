// Inodes: one for a generation by whatever name, kept exactly as long as the kernel holds them.
#include "fuse/inode_table.hh"

#include <set>
#include <thread>

#include "tests/support/check.hh"

using namespace pmemckpt;
using view::Entry;
using view::inode_number;
using view::InodeTable;
using view::Kind;

namespace {

Entry generation(std::uint64_t region_id, std::uint64_t number) {
    Entry entry{Kind::generation, "team/app", {}};
    entry.generation.region_id = region_id;
    entry.generation.number = number;
    entry.generation.length = 1025;
    entry.generation.sealed_ns = 1'700'000'000'123'456'789;
    entry.generation.crc32c = 0xbeef;
    entry.generation.writer = "primary";
    entry.generation.durability = 1;
    return entry;
}

void a_generation_is_one_inode() {
    InodeTable table;
    const auto first = table.look_up(generation(1, 7));
    CHECK(table.look_up(generation(1, 7)) == first);
    CHECK(table.look_up(generation(1, 8)) != first);
    CHECK(table.look_up(generation(2, 7)) != first);
    CHECK(table.find(first->id) == first);
    test::equal(table.size(), 4U);
}

void it_goes_with_the_last_forget() {
    InodeTable table;
    const auto id = table.look_up(generation(1, 1))->id;
    table.look_up(generation(1, 1));
    table.look_up(generation(1, 1));
    table.forget(id, 2);
    CHECK(table.find(id));
    table.forget(id, 1);
    CHECK(!table.find(id));
    test::equal(table.size(), 1U);
    // A number that the kernel forgot is never another node's.
    CHECK(table.look_up(generation(1, 1))->id != id);
}

void the_root_and_the_unknown_are_safe_to_forget() {
    InodeTable table;
    table.forget(view::kRootInode, 1'000'000);
    table.forget(4711, 1);
    table.forget(0, UINT64_MAX);
    CHECK(table.find(view::kRootInode));
    CHECK(table.find(view::kRootInode)->entry.kind == Kind::folder);
}

void counts_are_exact_under_threads() {
    InodeTable table;
    constexpr int kThreads = 4, kRounds = 5000;
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t)
        threads.emplace_back([&table] {
            for (std::uint64_t i = 0; i < kRounds; ++i) {
                const auto node = table.look_up(generation(1, i % 7));
                table.look_up(generation(1, i % 7));
                table.forget(node->id, 2);
            }
        });
    threads.clear();
    test::equal(table.size(), 1U);
}

void folders_differ_by_tree_and_path() {
    std::set<std::uint64_t> numbers;
    for (const char* path : {"", "team", "team/app", "a", "b"})
        for (const auto kind :
             {Kind::folder, Kind::generations_folder, Kind::logs_folder, Kind::unread_folder})
            CHECK(numbers.insert(inode_number({kind, path, {}})).second);
    CHECK(numbers.insert(inode_number({Kind::status, "", {}})).second);
    for (std::uint64_t region = 1; region < 40; ++region)
        for (std::uint64_t number = 1; number < 40; ++number)
            CHECK(numbers.insert(view::generation_inode_number(region, number)).second);
    CHECK(numbers.insert(view::generation_inode_number(UINT64_MAX, 1)).second);
    CHECK(numbers.insert(view::generation_inode_number(1, UINT64_MAX)).second);
}

void numbers_stay_through_mounts() {
    // Of an earlier build: a change here changes what find -inum and backup programs remember.
    test::equal(view::generation_inode_number(3, 9), 0x400000c000000009U);
    test::equal(inode_number({Kind::folder, "", {}}), 1U);
}

void attributes_say_what_was_sealed() {
    const auto file = view::attributes(generation(1, 1), {1000, 100, {5, 0}});
    CHECK(file.st_mode == (S_IFREG | 0444));
    test::equal(file.st_size, 1025);
    test::equal(file.st_blocks, 3);
    test::equal(file.st_mtim.tv_sec, 1'700'000'000);
    test::equal(file.st_mtim.tv_nsec, 123'456'789);
    test::equal(file.st_uid, 1000U);
    const auto folder = view::attributes({Kind::generations_folder, "x", {}}, {0, 0, {5, 0}});
    CHECK(folder.st_mode == (S_IFDIR | 0555));
    test::equal(folder.st_mtim.tv_sec, 5);
    auto old = generation(1, 1);
    old.generation.sealed_ns = -1;
    test::equal(view::attributes(old, {}).st_mtim.tv_sec, -1);
    test::equal(view::attributes(old, {}).st_mtim.tv_nsec, 999'999'999);
}

void extended_attributes() {
    const auto entry = generation(1, 12);
    test::equal(test::ok(view::extended_attribute(entry, "user.pmemckpt.generation")), "12");
    test::equal(test::ok(view::extended_attribute(entry, "user.pmemckpt.crc32c")), "0000beef");
    test::equal(test::ok(view::extended_attribute(entry, "user.pmemckpt.writer")), "primary");
    test::equal(test::ok(view::extended_attribute(entry, "user.pmemckpt.epoch")), "0");
    test::equal(test::ok(view::extended_attribute(entry, "user.pmemckpt.durability")), "page");
    test::equal(test::ok(view::extended_attribute(entry, "user.pmemckpt.complete")), "yes");
    test::error(view::extended_attribute(entry, "security.selinux"), ENODATA);
    test::error(view::extended_attribute({Kind::folder, "", {}}, "user.pmemckpt.generation"), ENODATA);
    for (const auto& name : view::extended_attribute_names(entry))
        test::ok(view::extended_attribute(entry, name));
    test::equal(view::extended_attribute_names(entry).size(), 6U);
    test::equal(view::durability_text(200), "unknown-200");
}

}  // namespace

int main() {
    return test::run("inode table", {
                                        {"a generation is one inode", a_generation_is_one_inode},
                                        {"it goes with the last forget", it_goes_with_the_last_forget},
                                        {"the root and the unknown are safe to forget",
                                         the_root_and_the_unknown_are_safe_to_forget},
                                        {"counts are exact under threads", counts_are_exact_under_threads},
                                        {"folders differ by tree and path", folders_differ_by_tree_and_path},
                                        {"numbers stay through mounts", numbers_stay_through_mounts},
                                        {"attributes say what was sealed", attributes_say_what_was_sealed},
                                        {"extended attributes", extended_attributes},
                                    });
}
