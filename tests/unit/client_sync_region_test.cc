// Checkpoints of a participant of sync points in a region, with a manager in this process: what is held is a
// generation that stays, whoever is killed; who was taken over holds nothing more.
#include <pmemckpt/sync_region.hh>

#include <array>
#include <barrier>
#include <thread>

#include "lib/client/sync_region.hh"
#include "tests/support/relay.hh"
#include "tests/unit/client_fixture.hh"
#include "tests/unit/sync_house.hh"

namespace {

using namespace pmemckpt;
using namespace pmemckpt::sync;
using test::FailingCalls;
using test::House;
using test::kInstance;
using test::ManagerHere;

constexpr std::uint64_t kLimit = 6 * kMiB;  // of a state: more than is sent at one time
const std::string kRegion = "job/ledger";

/// A storage in a region, whose calls may be watched.
class RegionStorage {
public:
    using Watch = std::function<int(const std::function<int()>&)>;

    ~RegionStorage() { close(); }
    RegionStorage() = default;
    RegionStorage(const RegionStorage&) = delete;

    Result<std::unique_ptr<CheckpointFile>> open(const ManagerHere& here, const std::string& region = kRegion,
                                                 std::uint64_t state_bytes = kLimit) {
        close();
        const auto texts = here.options();
        pmemckpt_options options = {};
        options.server = texts.server.c_str();
        options.principal = texts.principal.c_str();
        options.key_dir = texts.key_dir.c_str();
        options.transport = texts.transport.c_str();
        if (const int status = pmemckpt_sync_region_open(&options, region.c_str(), state_bytes, &real_))
            return fail(-status, "{}", pmemckpt_error());
        return open_storage(watched());
    }
    void close() {
        if (real_.close)
            real_.close(real_.context);
        real_ = {};
    }
    Watch watch = [](const std::function<int()>& action) { return action(); };

private:
    struct State {
        RegionStorage& storage;
        void* real;
    };
    static RegionStorage& of(void* self) { return *static_cast<RegionStorage*>(self); }
    static State& state_of(void* state) { return *static_cast<State*>(state); }

    pmemckpt_sync_storage watched() {
        auto storage = real_;
        storage.context = this;
        storage.load = [](void* self, void* into, std::size_t room, std::size_t* size) {
            auto& real = of(self).real_;
            return of(self).watch([&] { return real.load(real.context, into, room, size); });
        };
        storage.commit = [](void* self, const void* table, std::size_t size) {
            auto& real = of(self).real_;
            return of(self).watch([&] { return real.commit(real.context, table, size); });
        };
        storage.keep = [](void* self, const std::uint64_t* tokens, std::size_t count) {
            auto& real = of(self).real_;
            return of(self).watch([&] { return real.keep(real.context, tokens, count); });
        };
        storage.begin = [](void* self, std::uint64_t number, void** state) {
            auto& real = of(self).real_;
            auto made = std::make_unique<State>(State{of(self), nullptr});
            const int status = of(self).watch([&] { return real.begin(real.context, number, &made->real); });
            *state = status == 0 ? made.release() : nullptr;
            return status;
        };
        storage.write = [](void* state, const void* bytes, std::size_t size) {
            auto& self = state_of(state).storage;
            return self.watch([&] { return self.real_.write(state_of(state).real, bytes, size); });
        };
        storage.finish = [](void* state, std::uint64_t* token) {
            auto& self = state_of(state).storage;
            return self.watch([&] { return self.real_.finish(state_of(state).real, token); });
        };
        storage.end_state = [](void* state) {
            state_of(state).storage.real_.end_state(state_of(state).real);
            delete &state_of(state);
        };
        storage.read = [](void* self, std::uint64_t token, std::uint64_t offset, void* into,
                          std::size_t size) {
            auto& real = of(self).real_;
            return of(self).watch([&] { return real.read(real.context, token, offset, into, size); });
        };
        storage.error = [](void* self) { return of(self).real_.error(of(self).real_.context); };
        return storage;
    }

    pmemckpt_sync_storage real_ = {};
};

/// A manager, and a participant with its checkpoints there.
struct Pair {
    ManagerHere here;
    RegionStorage storage;
    House house{[this] { return storage.open(here); }};

    ~Pair() { house.job.reset(); }
    std::vector<std::uint64_t> pinned() const {
        std::vector<std::uint64_t> numbers;
        for (const auto& generation : test::ok(here.connect()->generations(kRegion)))
            if (generation.pinned != 0)
                numbers.push_back(generation.number);
        return numbers;
    }
};
using Numbers = std::vector<std::uint64_t>;

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
    test::save(*client, kRegion, test::random_bytes(1000));
    test::ok(client->pin(kRegion, 2, true));
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
    test::save(*client, kRegion, test::random_bytes(1000));
    test::ok(client->pin(kRegion, 2, true));
    test::ok(client->pin(kRegion, 1, false));  // by an admin, say
    house.job.reset();
    test::ok(pair.storage.open(pair.here));
    CHECK(pair.pinned() == (Numbers{1}));
}

/// A manager that was started anew with another pool in front, whose regions look the same.
void another_pool_is_not_ones_own() {
    Pair pair;
    auto& house = pair.house;
    house.take(1, "one");
    pair.here.end();
    pair.here.pools_before = {{"twin", test::make_pool("twin", pair.here.key_dir())}};
    pair.here.start();
    RegionStorage twins;
    House twin([&] { return twins.open(pair.here); });
    house.take(2, "two");
    twin.start();
    CHECK(twin.job->listed().held.empty());
    CHECK(twin.job->identity().participant != house.job->identity().participant);
    auto options = pair.here.options();
    options.pool = pair.here.uuid();
    test::equal(test::ok(test::ok(client::Client::connect(options))->generations(kRegion)).size(), 2U);
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

void who_was_taken_over_holds_nothing_more(bool manager_is_started_anew) {
    Pair pair;
    auto& first = pair.house;
    first.program.set("the first");
    first.take(1, "one");
    RegionStorage others;
    House second([&] { return others.open(pair.here); });
    test::ok(second.job->rollback(second.asker, {1, kInstance}));
    test::equal(second.program.text(), std::string("the first"));
    second.program.set("the second");
    second.take(2, "two");
    if (manager_is_started_anew)
        pair.here.end(), pair.here.start();
    // It drops nothing of the other one's either.
    test::contains(test::error(first.prepare(3, "three"), EIO), "fenced");
    test::contains(test::error(first.job->open("batch", Uuid{8}), EIO), "fenced");
    CHECK(first.job->has_failed());
    CHECK(pair.pinned() == (Numbers{1, 2}));
    second.program.set("?");
    test::ok(second.job->rollback(second.asker, {2, kInstance}));
    test::equal(second.program.text(), std::string("the second"));
    second.take(4, "four");
    test::error(first.prepare(5, "five"), EIO);
    test::equal(pair.pinned().size(), 3U);  // the first one goes with the next one
    second.job.reset();
}

/// Taken over while it writes: its state may be there, its table is not.
void a_takeover_in_the_middle() {
    Pair pair;
    auto& first = pair.house;
    first.take(1, "one");
    RegionStorage others;
    std::unique_ptr<House> second;
    first.program.set(test::text_of(5'000'000));
    first.program.at_save = [&] {
        if (!second)
            second = std::make_unique<House>([&] { return others.open(pair.here); });
        return Status();
    };
    test::error(first.prepare(2, "two"), EIO);
    test::equal(second->job->listed().held.size(), 1U);
    second->job.reset();
}

/// NAME alone: who has NAME.table takes it back.
void states_that_were_taken_over_are_taken_back() {
    Pair pair;
    auto& house = pair.house;
    house.take(1, "one");
    test::ok(pair.here.connect()->take_over(kRegion));
    house.take(2, "two");
    CHECK(pair.pinned() == (Numbers{1, 2}));
}

bool takes_a_sync_point(client::SyncRegion& region) {
    const std::string table = "PMCKSYNC";
    auto state = region.begin();
    return state && (*state)->write(test::random_bytes(1000)) && (*state)->finish() &&
           region.commit(std::as_bytes(std::span(table)));
}

void one_of_two_that_start_together_is_there() {
    ManagerHere here;
    for (int round = 0; round < 30; ++round) {
        std::barrier both(2);
        std::array<std::unique_ptr<client::SyncRegion>, 2> opened;
        std::array<std::jthread, 2> threads;
        for (auto& one : opened)
            threads[static_cast<std::size_t>(&one - opened.data())] = std::jthread([&] {
                both.arrive_and_wait();
                if (auto region = client::SyncRegion::open(here.options(), kRegion, kLimit))
                    one = std::move(*region);
            });
        for (auto& thread : threads)
            thread.join();
        const auto works = [](const auto& one) { return one && takes_a_sync_point(*one); };
        test::equal(std::ranges::count_if(opened, works), 1);
    }
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

void what_is_somebody_elses_is_left_alone() {
    ManagerHere here;
    RegionStorage storage;
    const auto client = here.connect();
    test::contains(test::error(storage.open(here, "team/app", 0), ENOENT), "create-region team/app --keep 1");
    test::ok(client->create_region("team/app", {3}, true));
    test::contains(test::error(storage.open(here, "team/app", 0), EINVAL), "has no limit");
    for (int i = 0; i < 3; ++i)
        test::save(*client, "team/app", test::random_bytes(100));
    test::contains(test::error(storage.open(here, "team/app"), EBADMSG), "3 generations, and team/app.table");
    test::equal(test::ok(client->find_region("team/app")).epoch, 1U);  // who writes there is not fenced
    test::error(client->find_region("team/app.table"), ENOENT);
    test::ok(client->create_region("papers.table", {3}, true));
    for (const std::size_t size : {std::size_t{3}, std::size_t{100}, std::size_t{100'000}}) {
        test::save(*client, "papers.table", test::random_bytes(size));
        test::contains(test::error(storage.open(here, "papers"), EBADMSG),
                       fmt::format("of region papers.table has {} bytes, and is no table", size));
    }
    test::equal(test::ok(client->find_region("papers.table")).epoch, 1U);
    test::error(client->find_region("papers"), ENOENT);
    test::equal(pmemckpt_sync_region_open(nullptr, nullptr, 0, nullptr), -EINVAL);
    test::contains(pmemckpt_error(), "region is NULL");
}

/// Whoever has a key can write both regions: what is no table is not taken for none.
void states_are_not_dropped_for_want_of_a_table() {
    Pair pair;
    pair.house.take(1, "one");
    pair.house.job.reset();
    test::save(*pair.here.connect(), kRegion + ".table", {});
    test::contains(test::error(pair.storage.open(pair.here), EBADMSG),
                   "generation 5 of region job/ledger.table has 0 bytes, and is no table");
    CHECK(pair.pinned() == (Numbers{1}));
    test::save(*pair.here.connect(), kRegion + ".table", std::as_bytes(std::span("PMCKSYNC")));
    bool is_cleared = false;
    pair.storage.watch = [&](const std::function<int()>& action) {
        if (!std::exchange(is_cleared, true))
            test::ok(pair.here.connect()->clear(kRegion + ".table"));  // when both were taken over
        return action();
    };
    test::contains(test::error(pair.storage.open(pair.here), EBADMSG), "no table that says whose");
    CHECK(pair.pinned() == (Numbers{1}));
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

void states_without_their_table_are_left_alone() {
    Pair pair;
    pair.house.take(1, "one");
    pair.house.job.reset();
    test::ok(pair.here.connect()->destroy_region(kRegion + ".table"));
    test::contains(test::error(pair.storage.open(pair.here), EBADMSG), "no table that says whose");
    CHECK(pair.pinned() == (Numbers{1}));
}

/// Regions that were destroyed are not made anew behind one's back.
void a_region_that_is_gone_is_told() {
    Pair pair;
    auto& house = pair.house;
    house.take(1, "one");
    const auto client = pair.here.connect();
    test::ok(client->destroy_region(kRegion));
    test::contains(test::error(house.prepare(2, "two"), EIO), "job/ledger");
    test::error(house.job->verify(house.asker, {1, kInstance}), EBADMSG);
    test::ok(client->destroy_region(kRegion + ".table"));
    test::contains(test::error(house.job->open("batch", Uuid{8}), EIO), "was destroyed: ");
    CHECK(house.job->has_failed());
}

/// Destroyed, and made again by another participant: as if it had been taken over.
void a_region_that_was_made_anew_is_not_ones_own() {
    Pair pair;
    auto& first = pair.house;
    first.take(1, "one");
    const auto client = pair.here.connect();
    test::ok(client->destroy_region(kRegion));
    test::ok(client->destroy_region(kRegion + ".table"));
    RegionStorage others;
    House second([&] { return others.open(pair.here); });
    second.take(1, "another one");
    test::contains(test::error(first.prepare(2, "two"), EIO), "was destroyed, and made anew");
    test::error(first.job->open("batch", Uuid{8}), EIO);
    CHECK(first.job->has_failed());
    second.start();
    test::equal(second.coordinators(1), std::string("another one"));
    second.job.reset();
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
         {"another pool is not one's own", another_pool_is_not_ones_own},
         {"an error of the connection is not for good", an_error_of_the_connection_is_not_for_good},
         {"the manager is gone for a while", the_manager_is_gone_for_a_while},
         {"a manager that hangs is given up", a_manager_that_hangs_is_given_up},
         {"what is left over goes bit by bit", what_is_left_over_goes_bit_by_bit},
         {"the manager is killed at each call", the_manager_is_killed_at_each_call},
         {"who was taken over holds nothing more", [] { who_was_taken_over_holds_nothing_more(false); }},
         {"who was taken over, with a manager that was started anew",
          [] { who_was_taken_over_holds_nothing_more(true); }},
         {"a takeover in the middle", a_takeover_in_the_middle},
         {"states that were taken over are taken back", states_that_were_taken_over_are_taken_back},
         {"one of two that start together is there", one_of_two_that_start_together_is_there},
         {"what does not fit is told", what_does_not_fit_is_told},
         {"what is somebody else's is left alone", what_is_somebody_elses_is_left_alone},
         {"states are not dropped for want of a table", states_are_not_dropped_for_want_of_a_table},
         {"a seal that failed is in doubt", a_seal_that_failed_is_in_doubt},
         {"states without their table are left alone", states_without_their_table_are_left_alone},
         {"a region that is gone is told", a_region_that_is_gone_is_told},
         {"a region that was made anew is not one's own", a_region_that_was_made_anew_is_not_ones_own},
         {"the C++ interface", the_cpp_interface}});
}
