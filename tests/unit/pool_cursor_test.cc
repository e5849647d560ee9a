// Cursors: how far a backup has read, durable, forwards only.
#include <cerrno>

#include "lib/pool/pool.hh"
#include "tests/support/check.hh"
#include "tests/support/pool_images.hh"

using namespace pmemckpt;
using namespace pmemckpt::pool;

namespace {

struct Fixture {
    Fixture() { test::ok(pool->create_region("a", "alice", {.keep = 2})); }
    void save() { test::ok(test::save(*pool, "a", test::random_bytes(10))); }
    std::string at(const char* name) const {
        const auto cursor = test::ok(pool->cursor("a", name));
        return cursor ? fmt::format("{} {}", cursor->generation, cursor->sequence) : "none";
    }
    Status advance(const char* name, std::uint64_t generation, std::uint64_t sequence) const {
        return pool->advance_cursor("a", {name, generation, sequence});
    }
    std::shared_ptr<test::Tape> tape = test::make_tape(test::fresh_image());
    std::unique_ptr<Pool> pool = test::ok(test::open_tape(tape));
};

void goes_forward_and_no_further_than_there_is() {
    Fixture fixture;
    test::equal(fixture.at("b1"), std::string("none"));
    test::error(fixture.advance("b1", 1, 0), EINVAL);
    test::ok(fixture.advance("b1", 0, 0));
    for (int generation = 0; generation < 4; ++generation)
        fixture.save();
    test::ok(fixture.advance("b1", 2, 7));  // a log that nobody has any more
    test::error(fixture.advance("b1", 2, 6), EINVAL);
    test::error(fixture.advance("b1", 1, 9), EINVAL);
    test::contains(test::error(fixture.advance("b1", 5, 0), EINVAL), "the newest one is 4");
    test::ok(fixture.advance("b1", 4, 0));
    test::error(fixture.advance("b1", 4, 1), EINVAL);
    test::LogWriter writer(*fixture.pool, test::ok(fixture.pool->open_log("a", 1000)));
    writer.append(test::random_bytes(10));
    writer.append(test::random_bytes(10));
    test::ok(fixture.advance("b1", 4, 2));
    test::contains(test::error(fixture.advance("b1", 4, 3), EINVAL), "it has 2");
    fixture.save();
    test::ok(fixture.advance("b1", 5, 0));
    test::equal(fixture.at("b1"), std::string("5 0"));
    const auto persists = fixture.tape->persists;
    test::ok(fixture.advance("b1", 5, 0));
    test::equal(fixture.tape->persists, persists);
}

void is_durable_and_can_be_dropped() {
    Fixture fixture;
    fixture.save();
    test::ok(fixture.advance("b1", 1, 0));
    test::ok(fixture.advance("b2", 0, 3));
    fixture.pool = test::ok(test::open_image(fixture.tape->durable));
    const auto all = test::ok(fixture.pool->cursors("a"));
    CHECK(all.size() == 2 && all[0].name == "b1" && all[0].generation == 1 && all[1].sequence == 3);
    test::ok(fixture.pool->drop_cursor("a", "b1"));
    test::error(fixture.pool->drop_cursor("a", "b1"), ENOENT);
    test::equal(fixture.at("b1"), std::string("none"));
    test::error(fixture.pool->advance_cursor("a", {"no one", 0, 0}), EINVAL);
    test::error(fixture.pool->advance_cursor("a", {"", 0, 0}), EINVAL);
    test::error(fixture.pool->advance_cursor("b", {"b1", 0, 0}), ENOENT);
    test::error(fixture.pool->cursor("b", "b1"), ENOENT);
    test::error(fixture.pool->cursors("b"), ENOENT);
    test::error(fixture.pool->drop_cursor("b", "b1"), ENOENT);
}

/// The log after a clear follows no generation; who had read others starts with it.
void starts_again_after_a_clear() {
    Fixture fixture;
    const auto append = [&] {
        test::LogWriter writer(*fixture.pool, test::ok(fixture.pool->open_log("a", 1000)));
        writer.append(test::random_bytes(10));
    };
    append();
    append();
    test::ok(fixture.advance("b1", 0, 2));
    test::ok(fixture.pool->clear("a"));
    test::equal(fixture.at("b1"), std::string("0 0"));
    append();
    test::ok(fixture.advance("b1", 0, 1));
    fixture.save();
    test::ok(fixture.advance("b1", 1, 0));
    test::ok(fixture.pool->clear("a"));
    test::equal(fixture.at("b1"), std::string("1 0"));
    append();
    test::error(fixture.advance("b1", 0, 2), EINVAL);
    test::ok(fixture.advance("b1", 0, 1));
    test::error(fixture.advance("b1", 0, 0), EINVAL);
    fixture.save();
    test::ok(fixture.advance("b1", 2, 0));
    const auto state = test::digest(*fixture.pool);
    test::equal(test::digest_of(fixture.tape->durable), state);
}

/// A record that was stored and read, and not yet durable: once a cursor says it was read, it stays.
void what_was_read_is_durable() {
    Fixture fixture;
    test::LogWriter writer(*fixture.pool, test::ok(fixture.pool->open_log("a", 1000)));
    writer.store(test::random_bytes(10));
    test::ok(fixture.advance("b1", 0, 1));
    const auto pool = test::ok(test::open_image(fixture.tape->durable));
    test::equal(test::ok(pool->read_log("a")).log.records, std::uint64_t{1});
}

void there_is_a_limit() {
    Fixture fixture;
    Status status;
    int made = 0;
    while ((status = fixture.pool->advance_cursor("a", {fmt::format("b{}", made), 0, 0})))
        ++made;
    test::contains(test::error(status, ENOSPC), "drop one");
    test::equal(made, 1024);
    test::ok(fixture.pool->drop_cursor("a", "b5"));
    test::ok(fixture.advance("c", 0, 0));
}

/// Names and numbers come again; what was read is not what is there now.
void says_of_what_was_read() {
    Fixture fixture;
    const auto& pool = fixture.pool;
    const auto append = [&](std::size_t count) {
        test::LogWriter writer(*pool, test::ok(pool->open_log("a", 1000)));
        while (count-- > 0)
            writer.append(test::random_bytes(10));
        return writer.grant().log.id;
    };
    const auto region = test::ok(pool->find_region("a")).id;
    const auto first = append(3);
    test::ok(pool->advance_cursor("a", {"b1", 0, 2}, {region, first}));
    test::ok(pool->clear("a"));
    const auto second = append(5);
    test::contains(test::error(pool->advance_cursor("a", {"b1", 0, 3}, {region, first}), ESTALE), "ended");
    test::equal(fixture.at("b1"), std::string("0 0"));
    test::ok(pool->advance_cursor("a", {"b1", 0, 3}, {region, second}));
    fixture.save();
    test::ok(
        pool->advance_cursor("a", {"b1", 0, 5}, {region, second}));  // it has ended, and nothing was missed
    test::ok(pool->advance_cursor("a", {"b1", 1, 0}, {region, second}));
    test::ok(pool->destroy_region("a"));
    test::ok(pool->create_region("a", "alice", {}));
    fixture.save();
    test::contains(test::error(pool->advance_cursor("a", {"b1", 1, 0}, {region, 0}), ESTALE), "made anew");
    test::equal(fixture.at("b1"), std::string("none"));
    test::ok(fixture.advance("b1", 1, 0));
}

}  // namespace

int main() {
    return test::run("pool_cursor", {{"goes_forward_and_no_further_than_there_is",
                                      goes_forward_and_no_further_than_there_is},
                                     {"is_durable_and_can_be_dropped", is_durable_and_can_be_dropped},
                                     {"starts_again_after_a_clear", starts_again_after_a_clear},
                                     {"what_was_read_is_durable", what_was_read_is_durable},
                                     {"says_of_what_was_read", says_of_what_was_read},
                                     {"there_is_a_limit", there_is_a_limit}});
}
