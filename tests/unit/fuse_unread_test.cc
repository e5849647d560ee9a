// What a backup has not read, as one file, and when its cursor moves.
#include "fuse/unread.hh"

#include "tests/support/check.hh"
#include "tests/unit/fuse_fake_source.hh"

using namespace pmemckpt;
using view::Unread;

namespace {

constexpr std::uint64_t kReader = 7, kItsChild = 8;  // processes

std::vector<std::byte> bytes_of(std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

struct Fixture {
    Fixture() { source.create("r"); }
    test::FakeSource source;

    std::shared_ptr<Unread> open(const std::string& backup = "spare") {
        auto parts = test::ok(view::look_for_unread(source, backup, "r"));
        return test::ok(
            Unread::open(source, "r", std::make_shared<const view::UnreadParts>(std::move(parts))));
    }
    std::string cursor(const std::string& backup = "spare") {
        const auto at = test::ok(source.cursor("r", backup));
        return fmt::format("{} {}", at.generation, at.sequence);
    }
};

std::string read(Unread& file, std::uint64_t offset, std::size_t size) {
    std::string text(size, '?');
    text.resize(test::ok(file.read_for(kReader, offset, std::as_writable_bytes(std::span(text)))));
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
        test::ok(file->close(kReader));
        test::equal(f.cursor(), "3 2");
        test::equal(read_all(*f.open(), piece), "");
        f.source.append("r", "d");
        const auto rest = f.open();
        test::equal(read_all(*rest, piece), "d");
        test::ok(rest->close(kReader));
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
    test::ok(file->close(kReader));
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
        test::ok(file->close(kReader));
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

/// A child that inherited the file closes it too.
void only_who_read_it_moves_it() {
    Fixture f;
    f.source.append("r", "a");
    const auto file = f.open();
    test::equal(read_all(*file, 10), "a");
    test::ok(file->close(kItsChild));
    test::equal(f.cursor(), "0 0");
    test::ok(file->close(kReader));
    test::equal(f.cursor(), "0 1");
}

/// Names and numbers come again: what was read is not what is there now.
void another_region_or_log_is_not_counted_as_read() {
    Fixture f;
    f.source.append("r", "a");
    f.source.append("r", "b");
    const auto log = f.open();
    test::equal(read_all(*log, 1), "ab");
    f.source.clear("r");
    f.source.append("r", "c");
    f.source.append("r", "d");
    test::ok(log->close(kReader));
    test::equal(f.cursor(), "0 0");
    test::equal(read_all(*f.open(), 10), "cd");

    f.source.seal("r", bytes_of("one"));
    const auto generation = f.open();
    test::equal(read_all(*generation, 10), "one");
    f.source.destroy("r");
    f.source.create("r");
    f.source.seal("r", bytes_of("other"));
    test::ok(generation->close(kReader));
    test::equal(f.cursor(), "0 0");
    test::equal(read_all(*f.open(), 10), "other");
}

void an_empty_generation_is_read_too() {
    Fixture f;
    f.source.seal("r", {});
    const auto file = f.open();
    test::equal(read_all(*file, 10), "");
    test::ok(file->close(kReader));
    test::equal(f.cursor(), "1 0");
}

void two_readers_of_one_name_move_it_once() {
    Fixture f;
    f.source.append("r", "a");
    const auto slow = f.open();
    f.source.append("r", "b");
    const auto fast = f.open();
    test::equal(read_all(*fast, 10), "ab");
    test::ok(fast->close(kReader));
    test::equal(read_all(*slow, 10), "a");
    test::ok(slow->close(kReader));  // it is further already
    test::equal(f.cursor(), "0 2");
}

void a_generation_that_was_dropped_is_no_wrong_bytes() {
    Fixture f;
    f.source.seal("r", bytes_of("one"));
    const auto file = f.open();
    f.source.seal("r", bytes_of("two"), 1);
    std::byte byte{};
    test::error(file->read_for(kReader, 0, {&byte, 1}), ESTALE);
    test::ok(file->close(kReader));
    test::equal(f.cursor(), "0 0");
    test::equal(read_all(*f.open(), 10), "two");
}

void a_log_that_ends_is_read_to_its_end() {
    Fixture f;
    f.source.append("r", "abc");
    const auto file = f.open();
    f.source.seal("r", bytes_of("one"));
    test::equal(read_all(*file, 2), "abc");
    test::ok(file->close(kReader));
    test::equal(f.cursor(), "0 1");
    test::equal(read_all(*f.open(), 10), "one");
}

void a_damaged_generation_is_not_read() {
    for (const std::size_t piece : {1U, 3U, 100U}) {
        Fixture f;
        f.source.seal("r", bytes_of("good"));
        f.source.seal("r", bytes_of("rotten"));
        f.source.append("r", "record");
        f.source.damage("r", 2);
        const auto file = f.open();
        std::string text(piece, '?');
        Result<std::size_t> got = 0;
        for (std::uint64_t at = 0; got && at < 100; at += got.value_or(0))
            got = file->read_for(kReader, at, std::as_writable_bytes(std::span(text)));
        test::contains(test::error(got, EBADMSG), "generation 2 of r is damaged");
        test::error(file->read_for(kReader, 16, std::as_writable_bytes(std::span(text))), EBADMSG);
        test::ok(file->close(kReader));
        test::equal(f.cursor(), "0 0");
    }
}

/// Records that were read are gone: what has their numbers now was not read.
void a_log_that_lost_records_is_told() {
    Fixture f;
    f.source.append("r", "a");
    f.source.append("r", "b");
    test::equal(read_all(*f.open(), 10), "ab");
    test::ok(f.source.advance_cursor("r", {"spare", 0, 2}, {}));
    f.source.lose_record("r");
    test::contains(test::error(view::look_for_unread(f.source, "spare", "r"), EBADMSG), "damaged");
}

void seals_between_two_questions() {
    Fixture f;
    f.source.seal("r", bytes_of("one"));
    f.source.append("r", "a");
    test::ok(f.source.advance_cursor("r", {"spare", 1, 0}, {}));
    f.source.append("r", "b");
    test::ok(f.source.advance_cursor("r", {"spare", 1, 1}, {}));
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
         {"only who read it moves it", only_who_read_it_moves_it},
         {"another region or log is not counted as read", another_region_or_log_is_not_counted_as_read},
         {"an empty generation is read too", an_empty_generation_is_read_too},
         {"two readers of one name move it once", two_readers_of_one_name_move_it_once},
         {"a generation that was dropped is no wrong bytes", a_generation_that_was_dropped_is_no_wrong_bytes},
         {"a log that ends is read to its end", a_log_that_ends_is_read_to_its_end},
         {"a damaged generation is not read", a_damaged_generation_is_not_read},
         {"a log that lost records is told", a_log_that_lost_records_is_told},
         {"seals between two questions", seals_between_two_questions}});
}
