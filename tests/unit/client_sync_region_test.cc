// Checkpoints of a participant of sync points in a region, with a manager in this process: what is held is a
// generation that stays, whoever is killed.
#include <pmemckpt/sync_region.hh>

#include <array>

#include "lib/client/sync_region.hh"
#include "tests/support/relay.hh"
#include "tests/unit/region_storage.hh"

namespace {

using namespace pmemckpt;
using namespace pmemckpt::sync;
using test::FailingCalls;
using test::kInstance;
using test::kLimit;
using test::kRegion;
using test::ManagerHere;
using test::Numbers;
using test::Pair;
using test::RegionStorage;

/// A generation as a state has one whose table was not committed.
void seal_and_pin(client::Client& client, std::uint64_t number) {
    test::save(client, kRegion, test::random_bytes(1000));
    test::ok(client.pin(kRegion, number, true));
}

void states_are_generations() {
    Pair pair;
    auto& house = pair.house;
    std::vector<std::string> programs, coordinators;
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{300'000},
                                   std::size_t{4 * kMiB}, std::size_t{5'000'001}}) {
        programs.push_back(test::text_of(size));
        coordinators.push_back(test::text_of(size / 10));
        house.program.set(programs.back());
        house.take(programs.size(), coordinators.back());
        const auto bytes = test::content(*pair.here.connect(), kRegion);
        const auto both = coordinators.back() + programs.back();
        CHECK(std::ranges::equal(bytes, std::as_bytes(std::span(both))));
    }
    test::equal(test::ok(pair.here.connect()->generations(kRegion)).size(), 3U);  // 3 goes with the next one
    house.start();
    CHECK(pair.pinned() == (Numbers{4, 5}));
    test::equal(test::ok(pair.here.connect()->generations(kRegion)).size(), 2U);
    for (const std::size_t number : {std::size_t{5}, std::size_t{4}}) {
        test::ok(house.job->rollback(house.asker, {number, kInstance}));
        CHECK(house.program.text() == programs[number - 1]);
        CHECK(house.coordinators(number) == coordinators[number - 1]);
    }
    house.start();
    CHECK(pair.pinned() == (Numbers{4}));
    test::contains(test::error(house.job->open("other", kInstance), EBUSY), "job/ledger is of job batch");
}

/// Whatever comes after them.
void what_is_held_is_not_overwritten() {
    Pair pair;
    auto& house = pair.house;
    house.program.set("the first");
    house.take(1, "one");
    for (std::uint64_t number = 2; number <= 12; ++number) {
        house.program.set("given up");
        test::ok(house.prepare(number, "more"));
        test::ok(house.job->abort(house.asker, {number, kInstance}));
    }
    test::equal(test::ok(pair.here.connect()->generations(kRegion)).size(), 2U);  // and the newest
    house.start();
    CHECK(pair.pinned() == (Numbers{1}));
    test::ok(house.job->rollback(house.asker, {1, kInstance}));
    test::equal(house.program.text(), std::string("the first"));
}

/// Though it was read, and is not held any more.
void what_was_restored_takes_no_room() {
    Pair pair;
    auto& house = pair.house;
    const auto free_pages = [&] { return test::ok(pair.here.connect()->status()).free_pages; };
    const auto before = free_pages();
    house.program.set(test::text_of(5'000'000));
    house.take(1, "one");
    test::ok(house.job->rollback(house.asker, {1, kInstance}));
    house.program.set("small");
    for (std::uint64_t number = 2; number <= 4; ++number)
        house.take(number, "small");
    CHECK(before - free_pages() < 1'000'000 / test::kPageBytes);
}

/// By a call that was cut in between.
void what_was_unpinned_and_not_dropped_goes() {
    Pair pair;
    auto& house = pair.house;
    house.take(1, "one");
    const auto client = pair.here.connect();
    seal_and_pin(*client, 2);
    test::save(*client, kRegion, test::random_bytes(1000));
    test::ok(client->pin(kRegion, 2, false));
    house.job.reset();
    test::ok(pair.storage.open(pair.here));
    test::equal(test::ok(client->generations(kRegion)).size(), 2U);  // 1, and the newest
}

/// A state whose table was not committed.
void what_is_left_over_goes_at_the_start() {
    Pair pair;
    auto& house = pair.house;
    house.take(1, "one");
    const auto client = pair.here.connect();
    seal_and_pin(*client, 2);
    test::ok(client->pin(kRegion, 1, false));  // by an admin, say
    house.job.reset();
    test::ok(pair.storage.open(pair.here));
    CHECK(pair.pinned() == (Numbers{1}));
}

/// Whatever its code is: it says nothing of the regions.
void an_error_of_the_connection_is_not_for_good() {
    Pair pair;
    auto& house = pair.house;
    house.take(1, "one");
    pair.here.end();
    pair.here.start();
    const auto elsewhere = pair.here.key_dir() + ".elsewhere";
    std::filesystem::rename(pair.here.key_dir(), elsewhere);
    test::error(house.job->abort(house.asker, {2, kInstance}), EIO);  // there is no key: ENOENT
    CHECK(!house.job->has_failed());
    std::filesystem::rename(elsewhere, pair.here.key_dir());
    house.take(3, "three");
}

/// It fails the sync point, and says so; then all goes on by itself.
void the_manager_is_gone_for_a_while() {
    Pair pair;
    auto& house = pair.house;
    house.program.set("one");
    house.take(1, "one");
    pair.here.end();
    test::contains(test::error(house.prepare(2, "two"), EIO), "job/ledger: ");
    test::error(house.job->complete(house.asker, {1, kInstance}), EIO);
    CHECK(!house.job->has_failed());
    pair.here.start();
    house.take(3, "three");
    house.program.at_save = [&] {
        pair.here.end();
        return Status();
    };
    test::error(house.prepare(4, "four"), EIO);
    CHECK(!house.job->has_failed());
    pair.here.start();
    house.program.at_save = nullptr;
    house.take(5, "five");
    CHECK(pair.pinned().size() == 3);  // the first one goes with the next one
    house.program.set("?");
    test::ok(house.job->rollback(house.asker, {3, kInstance}));
    test::equal(house.program.text(), std::string("one"));
}

/// A manager that says nothing any more: others wait for the table meanwhile.
void a_manager_that_hangs_is_given_up() {
    if (test::over_device())
        return;  // what goes over a device can't be held up by a test
    ManagerHere here;
    for (const std::string call : {"keep", "begin", "commit"}) {
        test::Relay relay(here.manager().addresses().at(0));
        auto options = here.options();
        options.server = format_address(relay.address());
        const auto region =
            test::ok(client::SyncRegion::open(options, kRegion, kLimit, std::chrono::milliseconds(200)));
        relay.hang();
        const auto begun = std::chrono::steady_clock::now();
        if (call == "keep")
            test::error(region->keep({}), ESHUTDOWN);
        else if (call == "begin")
            CHECK(!region->begin());
        else
            test::error(region->commit({}), EAGAIN);
        CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(10));
    }
}

/// As many as one likes: who has a key can seal them.
void what_is_left_over_goes_bit_by_bit() {
    ManagerHere here;
    const auto region = test::ok(client::SyncRegion::open(here.options(), kRegion, kLimit));
    const auto client = here.connect();
    constexpr std::size_t kMany = client::kMostLeftOver + 10;
    for (std::size_t number = 1; number <= kMany; ++number) {
        test::save(*client, kRegion, test::random_bytes(10));
        test::ok(client->pin(kRegion, number, number != kMany));  // the last one is held, and not pinned
    }
    const auto count = [&] { return test::ok(client->generations(kRegion)).size(); };
    test::equal(test::ok(client->generations(kRegion, 7)).size(), 7U);
    test::ok(region->keep(std::array{std::uint64_t{kMany}, std::uint64_t{kMany + 1}}));  // one is gone
    test::equal(count(), 8U);
    test::ok(region->keep(std::array{std::uint64_t{kMany}}));
    test::equal(count(), 1U);
    test::equal(test::ok(client->find_generation(kRegion)).pinned, 1U);
}

/// The manager is killed before, or after, each call of the participant's, and is back at once or only when
/// the participant is started anew.
void the_manager_is_killed_at_each_call() {
    ManagerHere here({}, 512 * kMiB);
    FailingCalls plan;
    bool is_up = true;
    std::map<std::string, std::unique_ptr<RegionStorage>> storages;
    unsigned went_on = 0;
    const auto watch = [&](const std::function<int()>& action) {
        const bool is_it = ++plan.calls == plan.fails_at;
        if (is_it && !plan.fails_after)
            here.end(), is_up = false;
        const int status = action();
        if (is_it && plan.fails_after)
            here.end(), is_up = false;
        if (is_it && !plan.for_good)
            here.start(), is_up = true, ++went_on;
        return status;
    };
    const auto calls = test::each_call_fails(plan, [&](const std::string& path, test::TextProgram& program) {
        if (!is_up)
            here.start(), is_up = true;
        auto& storage = storages[path];
        storage = std::make_unique<RegionStorage>();
        storage->watch = watch;
        const auto region = "r" + std::filesystem::path(path).filename().string();
        return Job::open(test::ok(storage->open(here, region)), program.program());
    });
    fmt::print("{} calls to the region\n", calls);
    CHECK(calls > 20 && went_on > 40);
}

void what_does_not_fit_is_told() {
    Pair pair;
    auto& house = pair.house;
    house.take(1, "one");
    house.program.set(test::text_of(kLimit));
    test::contains(test::error(house.prepare(2, "two"), ENOSPC),
                   "more than 6291456 bytes, the limit of region");
    // A pool that is full refuses the state, and the former one stands.
    const auto client = pair.here.connect();
    test::ok(client->create_region("filler", {1}, true));
    test::save(*client, "filler", std::vector<std::byte>(50 * kMiB));
    house.program.set(test::text_of(5'000'000));
    Status taken;
    for (std::uint64_t number = 3; taken && number < 10; ++number)
        taken = house.prepare(number, "more").map([](auto) {});
    test::error(taken, ENOSPC);
    CHECK(!house.job->has_failed());
    test::ok(client->destroy_region("filler"));
    house.take(11, "eleven");
}

/// What the seal of a table says when it fails: only one that was surely refused may be tried again.
void a_seal_that_failed_is_in_doubt() {
    const auto code = [](int given, bool is_connected) {
        return client::SyncRegion::of_seal({given, "no"}, is_connected).code;
    };
    test::equal(code(EAGAIN, true), EIO);
    test::equal(code(EMSGSIZE, true), EIO);
    test::equal(code(ECONNRESET, false), ECONNRESET);
    test::equal(code(EBADMSG, false), EBADMSG);
    test::equal(code(EBADMSG, true), EAGAIN);  // other bytes have arrived, and were not sealed
}

void the_cpp_interface() {
    namespace api = pmemckpt::api::sync;
    ManagerHere here;
    const auto texts = here.options();
    pmemckpt_options options = {};
    options.server = texts.server.c_str();
    options.principal = texts.principal.c_str();
    options.key_dir = texts.key_dir.c_str();
    options.transport = texts.transport.c_str();
    std::uint64_t count = 5;
    const auto program = [&] {
        return api::Program{
            [&](std::uint64_t, api::Sink& sink) { sink.write(&count, sizeof count); },
            [&](std::uint64_t, api::Source& source) { source.read_all(&count, sizeof count); }};
    };
    const auto participate = [&] {
        return api::Participant(
            {{}, {}, "127.0.0.1:0", {}, here.key_dir(), 0, api::open_region(kRegion, kLimit, options)},
            program());
    };
    for (int start = 0; start < 2; ++start) {
        const auto participant = participate();
        api::Coordinator coordinator({"job", {participant.address()}, "alice", here.key_dir()}, program());
        count = 6;
        if (start == 0)
            coordinator.take_sync_point();
        count = 7;
        coordinator.roll_back();
        test::equal(count, 6U);
    }
    try {
        api::open_region("missing", 0, options);
        CHECK(false);
    } catch (const api::Error& error) {
        test::equal(error.code().value(), ENOENT);
    }
}

}  // namespace

int main() {
    test::clear_environment();
    return test::run(
        "client_sync_region",
        {{"states are generations", states_are_generations},
         {"what is held is not overwritten", what_is_held_is_not_overwritten},
         {"what was restored takes no room", what_was_restored_takes_no_room},
         {"what was unpinned and not dropped goes", what_was_unpinned_and_not_dropped_goes},
         {"what is left over goes at the start", what_is_left_over_goes_at_the_start},
         {"an error of the connection is not for good", an_error_of_the_connection_is_not_for_good},
         {"the manager is gone for a while", the_manager_is_gone_for_a_while},
         {"a manager that hangs is given up", a_manager_that_hangs_is_given_up},
         {"what is left over goes bit by bit", what_is_left_over_goes_bit_by_bit},
         {"the manager is killed at each call", the_manager_is_killed_at_each_call},
         {"what does not fit is told", what_does_not_fit_is_told},
         {"a seal that failed is in doubt", a_seal_that_failed_is_in_doubt},
         {"the C++ interface", the_cpp_interface}});
}
