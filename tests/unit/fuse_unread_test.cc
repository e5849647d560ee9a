// What a backup has not read, as one file, and when its cursor moves.
#include "fuse/unread.hh"

#include "tests/support/check.hh"
#include "tests/unit/fuse_fake_source.hh"

using namespace pmemckpt;
using view::Unread;

namespace {

std::vector<std::byte> bytes_of(std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

struct Fixture {
    Fixture() { source.create("r"); }
    test::FakeSource source;

    std::unique_ptr<Unread> open(const std::string& backup = "spare") {
        return std::make_unique<Unread>(source, "r", test::ok(view::look_for_unread(source, backup, "r")));
    }
    std::string cursor(const std::string& backup = "spare") {
        const auto at = test::ok(source.cursor("r", backup));
        return fmt::format("{} {}", at.generation, at.sequence);
    }
};

std::string read(Unread& file, std::uint64_t offset, std::size_t size) {
    std::string text(size, '?');
    text.resize(test::ok(file.read(offset, std::as_writable_bytes(std::span(text)))));
    return text;
}

/// As cat does: until there is nothing more.
std::string read_all(Unread& file, std::size_t piece) {
    std::string all;
    for (;;) {
        const auto part = read(file, all.size(), piece);
        if (part.empty())
            return all;
        all += part;
    }
}

void generations_then_records_in_order() {
    for (const std::size_t piece : {1U, 2U, 5U, 100U}) {
        Fixture f;
        f.source.seal("r", bytes_of("one"));
        f.source.seal("r", bytes_of(""));
        f.source.seal("r", bytes_of("three"));
        f.source.append("r", "a");
        f.source.append("r", "bc");
        const auto file = f.open();
        test::equal(read_all(*file, piece), "onethreeabc");
        test::equal(f.cursor(), "0 0");  // read, and not closed yet
        test::ok(file->close());
        test::equal(f.cursor(), "3 2");
        test::equal(read_all(*f.open(), piece), "");
        f.source.append("r", "d");
        const auto rest = f.open();
        test::equal(read_all(*rest, piece), "d");
        test::ok(rest->close());
        test::equal(f.cursor(), "3 3");
        test::equal(f.cursor("other"), "0 0");
    }
}

void what_comes_later_is_for_the_next_open() {
    Fixture f;
    f.source.append("r", "a");
    const auto file = f.open();
    f.source.append("r", "b");
    test::equal(read_all(*file, 10), "a");
    test::ok(file->close());
    test::equal(f.cursor(), "0 1");
    test::equal(read_all(*f.open(), 10), "b");
}

/// Each of these is a reader that may have lost something.
void a_cursor_waits_for_the_end() {
    Fixture f;
    f.source.seal("r", bytes_of("0123456789"));
    const auto closed_with = [&](auto&& read_some) {
        const auto file = f.open();
        read_some(*file);
        test::ok(file->close());
        return f.cursor();
    };
    test::equal(closed_with([](Unread&) {}), "0 0");
    test::equal(closed_with([](Unread& file) { read(file, 0, 9); }), "0 0");
    test::equal(closed_with([](Unread& file) { read(file, 0, 10); }),
                "0 0");  // it may have more to do with it
    test::equal(closed_with([](Unread& file) { read(file, 10, 1); }), "0 0");  // the end alone
    test::equal(closed_with([](Unread& file) { read(file, 1, 9), read(file, 10, 1); }), "0 0");
    test::equal(closed_with([](Unread& file) { read(file, 0, 4), read(file, 5, 5), read(file, 10, 1); }),
                "0 0");
    test::equal(closed_with([](Unread& file) { read(file, 0, 6), read(file, 4, 6), read(file, 10, 1); }),
                "1 0");
}

void an_empty_generation_is_read_too() {
    Fixture f;
    f.source.seal("r", {});
    const auto file = f.open();
    test::equal(read_all(*file, 10), "");
    test::ok(file->close());
    test::equal(f.cursor(), "1 0");
}

void two_readers_of_one_name_move_it_once() {
    Fixture f;
    f.source.append("r", "a");
    const auto slow = f.open();
    f.source.append("r", "b");
    const auto fast = f.open();
    test::equal(read_all(*fast, 10), "ab");
    test::ok(fast->close());
    test::equal(read_all(*slow, 10), "a");
    test::ok(slow->close());  // it is further already
    test::equal(f.cursor(), "0 2");
}

void a_generation_that_was_dropped_is_no_wrong_bytes() {
    Fixture f;
    f.source.seal("r", bytes_of("one"));
    const auto file = f.open();
    f.source.seal("r", bytes_of("two"), 1);
    std::byte byte{};
    test::error(file->read(0, {&byte, 1}), ESTALE);
    test::ok(file->close());
    test::equal(f.cursor(), "0 0");
    test::equal(read_all(*f.open(), 10), "two");
}

void a_log_that_ends_is_read_to_its_end() {
    Fixture f;
    f.source.append("r", "abc");
    const auto file = f.open();
    f.source.seal("r", bytes_of("one"));
    test::equal(read_all(*file, 2), "abc");
    test::ok(file->close());
    test::equal(f.cursor(), "0 1");
    test::equal(read_all(*f.open(), 10), "one");
}

void seals_between_two_questions() {
    Fixture f;
    f.source.seal("r", bytes_of("one"));
    f.source.append("r", "a");
    test::ok(f.source.advance_cursor("r", {"spare", 1, 0}));
    f.source.append("r", "b");
    test::ok(f.source.advance_cursor("r", {"spare", 1, 1}));
    f.source.seal_at_look = true;  // once: then the log is behind the cursor's
    const auto parts = test::ok(view::look_for_unread(f.source, "spare", "r"));
    f.source.seal_at_look = false;
    test::equal(parts.text(), "2:0");
    test::error(view::look_for_unread(f.source, "spare", "none"), ENOENT);
}

}  // namespace

int main() {
    return test::run(
        "unread",
        {{"generations, then records, in order", generations_then_records_in_order},
         {"what comes later is for the next open", what_comes_later_is_for_the_next_open},
         {"a cursor waits for the end", a_cursor_waits_for_the_end},
         {"an empty generation is read too", an_empty_generation_is_read_too},
         {"two readers of one name move it once", two_readers_of_one_name_move_it_once},
         {"a generation that was dropped is no wrong bytes", a_generation_that_was_dropped_is_no_wrong_bytes},
         {"a log that ends is read to its end", a_log_that_ends_is_read_to_its_end},
         {"seals between two questions", seals_between_two_questions}});
}
