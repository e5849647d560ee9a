// A participant that keeps its checkpoints in a storage of the program's: what it asks of it and when, and
// what holds when each of its calls fails, or all of them from there on.
#include <pmemckpt/sync.hh>

#include <climits>

#include "lib/base/c_api.hh"
#include "lib/sync/table_copy.hh"
#include "tests/unit/sync_house.hh"

using namespace pmemckpt;
using namespace pmemckpt::sync;
using test::FailingCalls;
using test::House;
using test::Keeping;
using test::kInstance;
using test::MemoryStorage;

namespace {

MemoryStorage& storage_of(const House& house) {
    return MemoryStorage::at(house.path);
}

/// This call fails with this error, without being done.
void let_fail(MemoryStorage& storage, const std::string& wanted, int code) {
    storage.at_call = [wanted, code](const std::string& call, const std::function<Status()>& action) {
        return call == wanted ? Status(fail(code, "{} fails", call)) : action();
    };
}

void each_call_to_the_storage_fails() {
    FailingCalls plan;
    const auto calls = test::each_call_fails(plan, [&](const std::string& path, test::TextProgram& program) {
        auto& storage = MemoryStorage::at(path);
        storage.at_call = [&plan](const char*, const std::function<Status()>& action) {
            return plan.run(action);
        };
        return Job::open(test::ok(open_storage(storage.storage())), program.program());
    });
    fmt::print("{} calls to the storage\n", calls);
    CHECK(calls > 20);
}

void only_what_is_held_stays() {
    House house(Keeping::storage);
    auto& storage = storage_of(house);
    for (std::uint64_t number = 1; number <= 5; ++number) {
        house.take(number, "state");
        test::equal(storage.states.size(), std::min<std::size_t>(number, 3));  // the third goes with the next
    }
    // Of a draft that was cut behind its last step.
    let_fail(storage, "commit", EIO);
    test::error(house.prepare(6, "six"), EIO);
    test::equal(storage.states.size(), 3U);
    storage.at_call = nullptr;
    house.job.reset();
    test::ok(open_storage(storage.storage()));
    test::equal(storage.states.size(), 2U);
    house.start();
    // One that could not be dropped goes before the next one is begun.
    test::ok(house.job->rollback(house.asker, {5, kInstance}));
    storage.states[99] = {};
    let_fail(storage, "keep", EIO);
    house.take(7, "seven");
    CHECK(storage.states.contains(99));
    storage.at_call = nullptr;
    test::ok(house.prepare(8, "eight"));
    CHECK(!storage.states.contains(99));
    test::equal(storage.states.size(), 3U);  // the last one is in doubt
}

/// The table is committed beside it, and does not refer to it yet.
void a_state_that_is_written_stays() {
    House house(Keeping::storage);
    auto& storage = storage_of(house);
    house.take(1, "one");
    storage.at_call = [&, is_under_way = false](const std::string& call,
                                                const std::function<Status()>& action) mutable {
        const auto done = action();
        if (call == "finish" && !is_under_way) {
            is_under_way = true;
            storage.states[99] = {};  // who drops it would drop the one that is written
        }
        return done;
    };
    test::ok(house.prepare(2, "two"));
    test::ok(house.job->complete(house.asker, {2, kInstance}));
    CHECK(storage.states.contains(99));
    test::ok(house.prepare(3, "three"));
    CHECK(!storage.states.contains(99));
}

/// A table that was surely not committed is no reason to be started anew.
void what_was_not_committed_is_tried_again() {
    House house(Keeping::storage);
    auto& storage = storage_of(house);
    house.take(1, "one");
    let_fail(storage, "commit", EAGAIN);
    test::contains(test::error(house.prepare(2, "two"), EIO), "commit fails");
    test::error(house.job->open("batch", kInstance), EIO);
    CHECK(!house.job->has_failed());
    storage.at_call = nullptr;
    house.take(3, "three");
    test::equal(house.job->listed().held.size(), 2U);

    for (const int code : {ESTALE, EMSGSIZE, ENOENT}) {
        let_fail(storage, "commit", code);
        test::error(house.prepare(4, "four"), EIO);
        CHECK(house.job->has_failed());  // so nobody is answered
        storage.at_call = nullptr;
        test::contains(test::error(house.prepare(5, "five"), EIO), "start the participant anew");
        house.start();
        test::ok(house.job->rollback(house.asker, {3, kInstance}));
    }
}

/// Whatever is asked of it: an error would say that nothing has changed.
void a_participant_that_has_failed_answers_nobody() {
    test::TestParticipant participant("one", Keeping::storage);
    test::TestCoordinator coordinator({participant.address()});
    auto& storage = MemoryStorage::at(participant.path());
    let_fail(storage, "commit", EIO);
    for (int time = 0; time < 2; ++time)
        test::contains(test::error(coordinator.open(), ECONNRESET), "was lost");
    storage.at_call = nullptr;
    test::error(coordinator.open(), ECONNRESET);
    participant.start_anew("anew");
    test::ok(coordinator.open());
}

/// In a session they would say something else.
void errors_of_a_storage_are_told_as_such() {
    House house(Keeping::storage);
    auto& storage = storage_of(house);
    for (const auto& [call, code, told] :
         {std::tuple{"begin", ESTALE, EIO}, {"write", ENOSPC, ENOSPC}, {"finish", EUCLEAN, EIO}}) {
        let_fail(storage, call, code);
        const auto sentence = test::error(house.prepare(1, "one"), told);
        test::contains(sentence, fmt::format("{}: {} fails", house.path, call));
        test::equal(house.job->listed().held.size(), 0U);
    }
    for (const int returned : {INT_MIN, -4096, 1}) {
        test::equal(c_api::code_of(returned), EIO);
        let_fail(storage, "load", returned == INT_MIN ? 5000 : -returned);
        test::error(open_storage(storage.storage()), EIO);
    }
    test::equal(c_api::code_of(-4095), 4095);
    storage.at_call = nullptr;
    house.take(1, "one");
    storage.states.clear();
    test::contains(test::error(house.job->rollback(house.asker, {1, kInstance}), EBADMSG),
                   "there is no state");
}

void what_is_no_table_is_left_alone() {
    House house(Keeping::storage);
    auto& storage = storage_of(house);
    house.take(1, "one");
    const auto table = storage.table;
    const auto refused = [&](MemoryStorage::Bytes bytes, const char* why) {
        storage.table = bytes;
        test::contains(test::error(open_storage(storage.storage()), EBADMSG), why);
        CHECK(storage.table == bytes);
        test::equal(storage.states.size(), 1U);
    };
    for (const std::size_t at : {std::size_t{0}, std::size_t{21}, std::size_t{30}, table.size() - 1}) {
        auto bytes = table;
        bytes[at] ^= std::byte{1};
        refused(bytes, "no table");
    }
    for (const std::size_t size : {std::size_t{1}, std::size_t{53}, table.size() - 1})
        refused({table.begin(), table.begin() + static_cast<std::ptrdiff_t>(size)}, "no table");
    refused(MemoryStorage::Bytes(1000), "no table");
    storage.table.resize(kTableCopyBytes + 1);
    test::error(open_storage(storage.storage()), EMSGSIZE);
    storage.table = table;
    house.start();
    test::equal(house.job->listed().held.size(), 1U);
}

/// Through the C and C++ interfaces; whatever comes of it, it is closed once.
void the_participant_closes_it() {
    namespace api = pmemckpt::api::sync;
    std::string state = "the state";
    const auto program = [&] {
        return api::Program{
            [&](std::uint64_t, api::Sink& sink) { sink.write(state.data(), state.size()); },
            [&](std::uint64_t, api::Source& source) { source.read_all(state.data(), state.size()); }};
    };
    auto& storage = MemoryStorage::at("closed");
    const auto keys = test::sync_keys();
    const auto participate = [&](const std::string& file, const pmemckpt_sync_storage& given) {
        return api::Participant({file, {}, "127.0.0.1:0", {}, keys, 0, given}, program());
    };
    {
        const auto participant = participate({}, storage.storage());
        api::Coordinator coordinator({"job", {participant.address()}, "primary", keys, 5'000}, program());
        coordinator.take_sync_point();
        test::equal(storage.states.size(), 1U);
        state = "at work!!";
        coordinator.roll_back();
        test::equal(state, std::string("the state"));
        test::equal(storage.closed, 0U);
    }
    test::equal(storage.closed, 1U);
    const auto fails = [&](const std::string& file, const pmemckpt_sync_storage& given, const char* why) {
        const auto before = storage.closed;
        try {
            participate(file, given);
        } catch (const api::Error& error) {
            test::contains(error.what(), why);
            return test::equal(storage.closed, before + 1);
        }
        test::fail_at(test::Place::current(), "nothing was thrown");
    };
    fails("a file as well", storage.storage(), "or options->storage");
    auto cut = storage.storage();
    cut.read = nullptr;
    fails({}, cut, "all of its functions");
    auto later = storage.storage();
    later.reserved[3] = &later;
    fails({}, later, "reserved fields must be NULL");
    let_fail(storage, "load", ECONNREFUSED);
    fails({}, storage.storage(), "closed: load fails");
}

}  // namespace

int main() {
    return test::run(
        "sync_storage",
        {{"each call to the storage fails", each_call_to_the_storage_fails},
         {"only what is held stays", only_what_is_held_stays},
         {"a state that is written stays", a_state_that_is_written_stays},
         {"what was not committed is tried again", what_was_not_committed_is_tried_again},
         {"a participant that has failed answers nobody", a_participant_that_has_failed_answers_nobody},
         {"errors of a storage are told as such", errors_of_a_storage_are_told_as_such},
         {"what is no table is left alone", what_is_no_table_is_left_alone},
         {"the participant closes it", the_participant_closes_it}});
}
