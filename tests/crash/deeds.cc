#include "tests/crash/deeds.hh"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "lib/base/crc32c.hh"
#include "lib/base/units.hh"
#include "lib/format/layout.hh"
#include "lib/format/record.hh"
#include "tests/support/check.hh"
#include "tests/support/pool_key.hh"

namespace pmemckpt::crash {

namespace {

using pool::GenerationInfo;

Payload bytes_of(std::size_t size, unsigned seed) {
    Payload bytes(size);
    for (std::size_t i = 0; i < size; ++i)
        bytes[i] = static_cast<std::byte>((i + 1) * (2 * seed + 37) >> 3);
    return bytes;
}

/// A value that no other call has had.
unsigned fresh() {
    static thread_local unsigned last = 0;
    return ++last;
}

/// A primary writes it, and the manager seals it.
Status save(World& world, const std::string& region, std::uint64_t size) {
    const auto bytes = bytes_of(size, fresh());
    auto draft = TRY(world.pool().begin(region, size));
    world.write(*draft, 0, bytes);
    world.revoke_log(region);
    TRY(world.pool().seal(std::move(draft), size, crc32c(bytes), "alice"));
    return {};
}

/// The same of a clone of the newest, with a few bytes of its own.
Status save_clone(World& world, const std::string& region, std::uint64_t size, Extent dirty) {
    auto draft = TRY(world.pool().begin_clone(region, size, {0, {dirty}}));
    world.write(*draft, dirty.at.bytes, bytes_of(dirty.size.bytes, fresh()));
    world.revoke_log(region);
    TRY(world.pool().seal(std::move(draft), size, std::nullopt, "alice"));
    return {};
}

Status append(World& world, const std::string& region, std::uint64_t size) {
    TRY(world.write_record(region, bytes_of(size, fresh())));
    return world.flush_records(region);
}

Result<std::uint64_t> newest(World& world, const std::string& region) {
    return TRY(world.pool().find_region(region)).newest;
}

/// A backup that has read so many records of the log says so.
Status advance(World& world, const std::string& region, const std::string& name, std::uint64_t records) {
    const auto generation = TRY(newest(world, region));
    TRY(world.pool().advance_cursor(region, {name, generation, records}));
    const auto log = TRY(world.pool().read_log(region)).log;
    if (log.id != 0)
        world.report(log.id, records);
    return {};
}

Status pin_newest(World& world, const std::string& region, bool pinned) {
    const auto number = TRY(newest(world, region));
    return world.pool().pin(region, number, pinned);
}

template <class T>
Status nothing_of(const Result<T>& result) {
    return result ? Status() : tl::unexpected<Error>(result.error());
}

/// Till the drop, which is a record of its own, all that was kept is there.
State with_the_new_rule(State state, const std::string& region) {
    const auto line = ("\n" + state.tables).find("\n" + region + " ");
    const auto rule = line == std::string::npos ? line : state.tables.find(" keep 2 ", line);
    if (rule != std::string::npos)
        state.tables.replace(rule, 8, " keep 1 ");
    return state;
}

constexpr std::uint64_t kPage = format::kMinimumPageSize;

std::vector<Deed> deeds_of_generations(const std::string& r) {
    return {
        {"seal", [=](World& w) { return save(w, r, 24); }},
        {"seal of pages", [=](World& w) { return save(w, r, 2 * kPage + 100); }},
        {"seal of nothing", [=](World& w) { return save(w, r, 0); }},
        {"clone",
         [=](World& w) {
             return save_clone(w, r, 2 * kPage, {{kPage}, {16}});
         }},
        {"clone that grows",
         [=](World& w) {
             return save_clone(w, r, 3 * kPage, {{2 * kPage}, {8}});
         }},
        {"draft dropped",
         [=](World& w) -> Status {
             const auto draft = TRY(w.pool().begin(r, 2 * kPage));
             w.write(*draft, 0, bytes_of(40, fresh()));
             return {};
         }},
        {"pin", [=](World& w) { return pin_newest(w, r, true); }},
        {"unpin", [=](World& w) { return pin_newest(w, r, false); },
         [=](World& w) { return pin_newest(w, r, true); }},
        {"seal beside a pinned one", [=](World& w) { return save(w, r, 24); },
         [=](World& w) { return pin_newest(w, r, true); }},
    };
}

std::vector<Deed> deeds_of_logs(const std::string& r) {
    return {
        {"append", [=](World& w) { return append(w, r, 8); }},
        {"append two at once",
         [=](World& w) -> Status {
             TRY(w.write_record(r, bytes_of(1, fresh())));
             return append(w, r, 30);
         }},
        {"append without a flush", [=](World& w) { return w.write_record(r, bytes_of(8, fresh())); }},
        {"log opened anew", [=](World& w) { return w.open_log(r, 1); }},
        {"log opened anew behind a record that was not flushed", [=](World& w) { return w.open_log(r, 1); },
         [=](World& w) { return w.write_record(r, bytes_of(8, fresh())); }},
        {"log opened anew, and appended to",
         [=](World& w) -> Status {
             TRY(w.open_log(r, 1));
             return append(w, r, 8);
         }},
        {"log opened anew, with more room", [=](World& w) { return w.open_log(r, 3 * kPage); }},
        {"log grown", [=](World& w) { return w.grow_log(r, 1); }},
        {"first log", [=](World& w) { return w.open_log(r, 100); }, [=](World& w) { return save(w, r, 8); }},
        {"log of a region without generations", [=](World& w) { return w.open_log(r, 1); },
         [=](World& w) {
             w.revoke_log(r);
             return w.pool().clear(r);
         }},
    };
}

std::vector<Deed> deeds_of_cursors(const std::string& r) {
    return {
        {"new cursor", [=](World& w) { return advance(w, r, "third", 1); }},
        {"cursor goes on", [=](World& w) { return advance(w, r, "backup", 2); }},
        {"cursor behind a record that was not flushed", [=](World& w) { return advance(w, r, "backup", 4); },
         [=](World& w) { return w.write_record(r, bytes_of(8, fresh())); }},
        {"cursor after a seal", [=](World& w) { return advance(w, r, "backup", 0); },
         [=](World& w) { return save(w, r, 8); }},
        {"cursor dropped", [=](World& w) { return w.pool().drop_cursor(r, "other"); }},
    };
}

std::vector<Deed> deeds_of_rights(const std::string& r) {
    const auto grant = [=](const char* grantee, Rights rights) {
        return [=](World& w) { return nothing_of(w.pool().grant(r, {grantee, rights})); };
    };
    return {
        {"new grant", grant("bob", Right::read)},
        {"grant changed", grant("carol", Rights::all())},
        {"grant withdrawn",
         [=](World& w) {
             return nothing_of(w.pool().withdraw(r, {"%ops", Rights::all()}));
         }},
        {"another owner", [=](World& w) { return nothing_of(w.pool().set_owner(r, "bob")); }},
    };
}

std::vector<Deed> deeds_of_regions(const std::string& r) {
    const auto revoked = [=](auto change) {
        return [=](World& w) -> Status {
            w.revoke_log(r);
            return change(w);
        };
    };
    return {
        {"create a region",
         [=](World& w) { return nothing_of(w.pool().create_region("new/of-" + r, "alice", {.keep = 2})); }},
        {"destroy", revoked([=](World& w) -> Status {
             TRY(w.pool().destroy_region(r));
             return {};
         })},
        {"clear", revoked([=](World& w) { return w.pool().clear(r); })},
        {"take over", revoked([=](World& w) { return nothing_of(w.pool().take_over(r)); })},
        {"append in a new epoch",
         [=](World& w) -> Status {
             TRY(w.open_log(r, 1));
             return append(w, r, 8);
         },
         revoked([=](World& w) { return nothing_of(w.pool().take_over(r)); })},
        {"keep fewer",
         [=](World& w) { return nothing_of(w.pool().set_retention(r, 1, 0)); },
         {},
         [=](State state) { return with_the_new_rule(std::move(state), r); }},
        {"expire",
         [](World& w) -> Status {
             TRY(w.pool().expire(INT64_MAX));
             return {};
         },
         [=](World& w) -> Status {
             TRY(w.pool().set_retention(r, 1, INT64_MAX / 2));
             return save(w, r, 8);
         }},
    };
}

template <class... More>
std::vector<Deed> together(std::vector<Deed> deeds, More... more) {
    (deeds.insert(deeds.end(), more.begin(), more.end()), ...);
    return deeds;
}

Status live_in_region(World& w, const std::string& region) {
    TRY(w.pool().create_region(region, "alice", {.keep = 2}));
    TRY(w.pool().grant(region, {"carol", Right::take_over}));
    TRY(w.pool().grant(region, {"%ops", Rights(Right::read).with(Right::append)}));
    TRY(save(w, region, 5 * kPage));
    TRY(save(w, region, 2 * kPage));
    TRY(save_clone(w, region, 2 * kPage, {{0}, {24}}));
    TRY(w.open_log(region, 1));
    TRY(append(w, region, 8));
    TRY(append(w, region, 20));
    TRY(advance(w, region, "backup", 1));
    return advance(w, region, "other", 0);
}

Result<std::vector<std::byte>> image_of_a_life() {
    World world;
    TRY(pool::Pool::create(world.medium(), world.options(), test::pool_key()));
    TRY(world.open());
    for (const char* region : {"a", "b"})
        TRY(live_in_region(world, region));
    const auto memory = world.memory();
    return std::vector<std::byte>(memory.begin(), memory.end());
}

std::uint64_t shortest_cursor_record() {
    return format::record_bytes(format::encode(format::CursorPut{1, 1, 1, "c"}).size());
}

/// A cursor's name has at most 64 characters.
std::uint64_t longest_cursor_record() {
    return format::record_bytes(format::encode(format::CursorPut{1, 1, 1, std::string(64, 'c')}).size());
}

/// Its record takes so many bytes.
std::string cursor_of_bytes(std::uint64_t bytes) {
    return "c" + std::string(bytes - shortest_cursor_record(), 'c');
}

/// More than cursors have to go through, with what a longer record leaves.
constexpr int kFillerGenerations = 12;

/// With few large records, so that there is little to be replayed, till `least` bytes are left.
Status fill_with_epochs(pool::Pool& pool, std::uint64_t least) {
    auto before = pool.info().journal_used_bytes;
    for (std::uint64_t record = 0; pool.info().journal_half_bytes - before >= least + record;) {
        TRY(pool.take_over(filler()));
        record = pool.info().journal_used_bytes - before;
        before += record;
    }
    return {};
}

/// What is left, to the last byte, with cursors that go on from generation to generation.
Status fill_with_cursors(pool::Pool& pool) {
    const auto least = shortest_cursor_record(), most = longest_cursor_record();
    for (std::uint64_t generation = 2;; ++generation) {
        const auto left = pool.info().journal_half_bytes - pool.info().journal_used_bytes;
        if (left < least)
            return {};
        const auto rest = left - least;  // too long for one, too short for two: the one before is longer
        const auto is_between = rest > most && rest < 2 * least;
        const auto bytes = left <= most ? left : is_between ? 2 * least - most + least - 8 : least;
        TRY(pool.advance_cursor(filler(), {cursor_of_bytes(bytes), generation, 0}));
    }
}

}  // namespace

std::vector<Deed> deeds(const std::string& region) {
    return together(deeds_of_generations(region), deeds_of_logs(region), deeds_of_cursors(region),
                    deeds_of_rights(region), deeds_of_regions(region));
}

Deed deed(const std::string& region, const std::string& name) {
    for (auto& one : deeds(region))
        if (one.name == name)
            return one;
    throw test::Failure("there is no deed \"" + name + "\"");
}

std::vector<Deed> deeds_with_a_middle(const std::string& region) {
    std::vector<Deed> found;
    for (const char* name :
         {"seal", "seal of pages", "clone", "append", "log grown", "first log",
          "log opened anew, with more room", "cursor behind a record that was not flushed"})
        found.push_back(deed(region, name));
    return found;
}

std::unique_ptr<World> lived_in() {
    static const auto image = test::ok(image_of_a_life());
    auto world = std::make_unique<World>(image);
    test::ok(world->open());
    for (const char* region : {"a", "b"}) {
        test::ok(world->open_log(region, 1));
        test::ok(append(*world, region, 8));
    }
    return world;
}

Status live_on(World& w, const std::string& region) {
    if (!w.pool().find_region(region)) {
        TRY(live_in_region(w, region));
        return append(w, region, 8);
    }
    TRY(w.pool().set_retention(region, 2, 0));
    TRY(save(w, region, 2 * kPage));
    TRY(w.open_log(region, 1));
    for (int record = 0; record < 3; ++record)
        TRY(append(w, region, 8));
    (void)w.pool().drop_cursor(region, "third");  // where there is one
    TRY(advance(w, region, "backup", 1));
    return advance(w, region, "other", 0);
}

std::string filler() {
    return std::string(255, 'f');
}

Status fill_half(World& world) {
    auto& pool = world.pool();
    TRY(pool.create_region(filler(), "alice", {.keep = 1}));
    for (int generation = 0; generation < kFillerGenerations; ++generation) {
        auto draft = TRY(pool.begin(filler(), 0));
        TRY(pool.seal(std::move(draft), 0, std::nullopt, "alice"));
    }
    for (auto bytes = shortest_cursor_record(); bytes <= longest_cursor_record();
         bytes += format::kRecordAlignment)
        TRY(pool.advance_cursor(filler(), {cursor_of_bytes(bytes), 1, 0}));
    TRY(fill_with_epochs(pool, 2 * shortest_cursor_record()));
    return fill_with_cursors(pool);
}

}  // namespace pmemckpt::crash
