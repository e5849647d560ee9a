// The C and C++ interfaces of sync points: what goes through them, and what comes back when it fails.
#include <pmemckpt/sync.hh>

#include <cerrno>
#include <stdexcept>

#include "lib/base/keys.hh"
#include "tests/support/check.hh"

namespace {

namespace api = pmemckpt::api::sync;
namespace test = pmemckpt::test;

/// A program that counts.
struct Counter {
    std::uint64_t count = 0;
    std::function<void()> at_save, at_restore;

    api::Program program() {
        return {[this](std::uint64_t, api::Sink& sink) {
                    if (at_save)
                        at_save();
                    sink.write(&count, sizeof count);
                },
                [this](std::uint64_t, api::Source& source) {
                    if (at_restore)
                        at_restore();
                    source.read_all(&count, sizeof count);
                }};
    }
};

std::string keys() {
    const auto place = (test::directory() / "keys").string();
    if (!pmemckpt::load_key(place, "batch"))
        test::ok(pmemckpt::store_key(place, "batch", pmemckpt::Key::random()));
    return place;
}

api::Participant participate(Counter& counter) {
    return {{(test::directory() / "checkpoint").string(), {}, "127.0.0.1:0", {}, keys(), 3},
            counter.program()};
}

api::Coordinator coordinate(Counter& counter, const std::string& address) {
    return {{"job", {address}, "batch", keys(), 5'000}, counter.program()};
}

template <class Call>
api::Error thrown(Call&& call) {
    try {
        call();
    } catch (const api::Error& error) {
        return error;
    }
    test::fail_at(test::Place::current(), "nothing was thrown");
}

void both_are_rolled_back() {
    Counter first, second;
    const auto participant = participate(second);
    auto coordinator = coordinate(first, participant.address());
    CHECK(!coordinator.newest() && !coordinator.must_roll_back());
    for (std::uint64_t number = 1; number <= 4; ++number) {
        first.count = number, second.count = number * 100;
        test::equal(coordinator.take_sync_point(), number);
    }
    first.count = second.count = 7;
    test::equal(coordinator.roll_back(), 4U);
    test::equal(first.count, 4U);
    test::equal(second.count, 400U);
    test::equal(coordinator.roll_back(2), 2U);  // the third last is kept
    test::equal(second.count, 200U);
    test::equal(coordinator.roll_back({participant.address()}), 2U);
    test::equal(thrown([&] { coordinator.roll_back(4); }).code().value(), ENOENT);
    test::equal(*coordinator.newest(), 2U);
}

/// What a program throws fails the sync point, and nothing else.
void what_a_program_throws_is_told() {
    Counter first, second;
    const auto participant = participate(second);
    auto coordinator = coordinate(first, participant.address());
    coordinator.take_sync_point();
    second.at_save = [] { throw std::system_error(ENOSPC, std::generic_category()); };
    test::contains(thrown([&] { coordinator.take_sync_point(); }).what(),
                   "save function failed: No space left");
    second.at_save = [] { throw std::runtime_error("unknown"); };
    test::equal(thrown([&] { coordinator.take_sync_point(); }).code().value(), EIO);
    second.at_save = nullptr;
    first.at_save = [] { throw std::bad_alloc(); };
    test::equal(thrown([&] { coordinator.take_sync_point(); }).code().value(), ENOMEM);
    first.at_save = nullptr;
    first.at_restore = [] { throw std::runtime_error("unknown"); };
    test::equal(thrown([&] { coordinator.roll_back(); }).code().value(), EIO);
    CHECK(coordinator.must_roll_back());
    CHECK(thrown([&] { coordinator.take_sync_point(); }).must_roll_back());
    first.at_restore = nullptr;
    coordinator.roll_back();
    coordinator.take_sync_point();
}

void a_state_that_is_too_short_is_told() {
    Counter first, second;
    const auto participant = participate(second);
    auto coordinator = coordinate(first, participant.address());
    coordinator.take_sync_point();
    std::uint64_t more[2];
    api::Coordinator other({"job", {participant.address()}, "batch", keys(), 5'000},
                           {[](std::uint64_t, api::Sink&) {},
                            [&](std::uint64_t, api::Source& source) { source.read_all(more, sizeof more); }});
    const auto error = thrown([&] { other.roll_back(); });
    test::equal(error.code().value(),
                EIO);  // the participant was rolled back: it is not as if nothing had been
    test::contains(error.what(), "must be repeated");
}

void what_is_missing_is_named() {
    Counter counter;
    test::contains(thrown([&] { api::Participant({}, counter.program()); }).what(),
                   "give options->file or options->directory");
    const auto file = (test::directory() / "x").string();
    test::equal(thrown([&] {
                    api::Participant({file, file, "127.0.0.1:0"}, counter.program());
                })
                    .code()
                    .value(),
                EINVAL);
    test::equal(thrown([&] {
                    api::Participant({file, {}, "not an address:"}, counter.program());
                })
                    .code()
                    .value(),
                EINVAL);
    test::contains(thrown([&] {
                       api::Coordinator({"job", {}, "batch", keys()}, counter.program());
                   }).what(),
                   "a job needs a participant");
    pmemckpt_coordinator* coordinator = nullptr;
    test::equal(pmemckpt_coordinate(nullptr, nullptr, &coordinator), -EINVAL);
    test::contains(pmemckpt_sync_error(), "options is NULL");
    pmemckpt_coordinator_options options{};
    options.reserved[6] = 1;
    test::equal(pmemckpt_coordinate(&options, nullptr, &coordinator), -EINVAL);
    test::contains(pmemckpt_sync_error(), "reserved must be 0");
    test::contains(thrown([&] {
                       api::Participant({file, {}, "127.0.0.1:0", {}, keys(), 9}, counter.program());
                   }).what(),
                   "keep is 9: 8 at most");
    pmemckpt_end_coordination(nullptr);
    pmemckpt_end_participation(nullptr);
}

}  // namespace

int main() {
    return test::run("sync_api", {{"both are rolled back", both_are_rolled_back},
                                  {"what a program throws is told", what_a_program_throws_is_told},
                                  {"a state that is too short is told", a_state_that_is_too_short_is_told},
                                  {"what is missing is named", what_is_missing_is_named}});
}
