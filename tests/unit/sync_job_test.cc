// One job at one participant, with its checkpoint file: what is said to be kept is there after a start anew,
// what is damaged is told, and nothing of it is lost. No network.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <map>

#include "tests/unit/sync_house.hh"

using namespace pmemckpt;
using namespace pmemckpt::sync;
using test::FailingCalls;
using test::House;
using test::Keeping;
using test::kInstance;
using test::source_of;
using test::text_of;

namespace {

/// Changes a byte of this text, wherever it stands in the file.
void corrupt(const std::filesystem::path& path, const std::string& text) {
    std::ifstream in(path, std::ios::binary);
    std::string bytes(std::istreambuf_iterator<char>(in), {});
    for (auto at = bytes.find(text); at != std::string::npos; at = bytes.find(text, at + 1)) {
        std::fstream out(path, std::ios::binary | std::ios::in | std::ios::out);
        out.seekp(static_cast<std::streamoff>(at + 2));
        out.put('#');
    }
}

void both_states_are_kept(Keeping keeping) {
    House house(keeping);
    std::vector<std::string> programs, coordinators;
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1}, std::size_t{300'000}, std::size_t{3'000'001}}) {
        programs.push_back(text_of(size));
        coordinators.push_back(text_of(size / 2 + 7));
        house.program.set(programs.back());
        house.take(programs.size(), coordinators.back());
        test::equal(house.job->listed().held.size(), std::min<std::size_t>(programs.size(), 2));
    }
    house.program.set("afterwards");
    house.start();
    for (const std::size_t number : {std::size_t{4}, std::size_t{3}}) {
        test::ok(house.job->rollback(house.asker, {number, kInstance}));
        CHECK(house.program.text() == programs[number - 1]);
        CHECK(house.coordinators(number) == coordinators[number - 1]);
    }
    test::error(house.job->rollback(house.asker, {4, kInstance}), ENOENT);  // 3 was restored
}

void the_same_file_is_used_again() {
    House house;
    const auto size_of = [&] { return std::filesystem::file_size(house.path); };
    std::uintmax_t largest = 0;
    for (std::uint64_t number = 1; number <= 40; ++number) {
        house.program.set(text_of(200'000 + number * 1000));
        house.take(number, text_of(100'000));
        if (number == 8)
            largest = size_of();
        CHECK(number <= 8 || size_of() <= largest + 1'000'000);
    }
    // What only one large state needed is given back.
    house.program.set(text_of(30'000'000));
    house.take(41, "");
    house.program.set("small");
    for (std::uint64_t number = 42; number <= 44; ++number)
        house.take(number, "");
    CHECK(size_of() < 10'000'000);
    test::ok(house.job->rollback(house.asker, {44, kInstance}));
}

void a_new_file_each_time() {
    House house(Keeping::file_each);
    const auto count = [&] { return std::distance(std::filesystem::directory_iterator(house.path), {}); };
    for (std::uint64_t number = 1; number <= 5; ++number)
        house.take(number, "state");
    test::equal(count(), 3);  // two, and the table
    const auto leftover = fmt::format("{}/9-{:032x}.state", house.path, 0xabcd);
    std::ofstream(leftover) << "a draft that was cut";
    std::ofstream(house.path + "/asound.state") << "somebody else's";
    house.start();
    test::equal(count(), 4);
    CHECK(std::filesystem::exists(house.path + "/asound.state"));
    // One that came too late goes with the next draft.
    house.program.at_save = [&] {
        house.asker.term = test::ok(house.job->open("batch", kInstance)).term;
        return Status();
    };
    test::ok(house.job->rollback(house.asker, {5, kInstance}));
    test::error(house.prepare(6, "late"), ESTALE);
    house.program.at_save = nullptr;
    test::equal(count(), 5);
    house.take(7, "in time");
    test::equal(count(), 4);
}

/// What they are of is not known: nothing is removed.
void states_without_their_table_are_left_alone() {
    House house(Keeping::file_each);
    house.take(1, "one");
    house.job.reset();
    std::filesystem::remove(house.path + "/table");
    test::contains(test::error(open_file_each(house.path), EBADMSG), "1 states, and no table");
    std::ofstream(house.path + "/table").flush();
    test::contains(test::error(open_file_each(house.path + "/"), EBADMSG), "1 states, and no table");
}

/// A state that was damaged in a rollback that was cut is not what the program is started with.
void a_cut_rollback_is_verified() {
    House house;
    house.program.set("the first state " + text_of(5'000));
    house.take(1, "one");
    house.program.at_restore = [] { return Status(fail(EIO, "it is cut")); };
    test::error(house.job->rollback(house.asker, {1, kInstance}), EIO);
    house.program.at_restore = nullptr;
    house.program.set("at work");
    house.job.reset();
    corrupt(house.path, "the first state ");
    house.start();
    test::equal(house.program.text(), std::string("at work"));
    CHECK(house.job->listed().state_lost != 0);
}

void a_file_that_others_may_use_is_refused() {
    House house;
    house.take(1, "one");
    house.job.reset();
    std::filesystem::permissions(house.path, std::filesystem::perms::group_read,
                                 std::filesystem::perm_options::add);
    test::contains(test::error(open_one_file(house.path), EPERM), "chmod 600");
}

/// With no sync point to go back to, a program that was started anew is noticed by a coordinator that was
/// not.
void a_program_begins_anew_with_its_coordinator_alone() {
    House house;
    const auto term = test::ok(house.job->open("batch", kInstance, Opening::again)).term;
    house.asker.term = term;
    house.job.reset();
    house.job = test::ok(Job::open(test::ok(open_one_file(house.path)), house.program.program()));
    auto opened = test::ok(house.job->open("batch", kInstance, Opening::again));
    CHECK(opened.state_lost != 0);
    house.asker.term = opened.term;
    test::error(house.prepare(1, "one"), EUCLEAN);
    test::error(house.job->open("batch", Uuid{6}, Opening::again), ESTALE);
    opened = test::ok(house.job->open("batch", Uuid{6}, Opening::begin));
    CHECK(opened.state_lost == 0);
}

/// States in the gaps between others, in several pieces.
void states_lie_in_gaps() {
    House house;
    std::map<std::uint64_t, std::string> states;
    std::uint64_t number = 0;
    for (const std::size_t size :
         {100'000, 70'000, 500'000, 3'000, 900'000, 10, 1'500'000, 400'000, 2'000'000}) {
        states[++number] = text_of(size);
        house.program.set(states[number]);
        test::ok(house.prepare(number, text_of(65'536)));
        if (number % 3 == 0)
            test::ok(house.job->abort(house.asker, {number, kInstance}));
    }
    for (auto left = number; left != 0; --left) {
        if (left % 3 == 0)
            continue;
        test::ok(house.job->rollback(house.asker, {left, kInstance}));
        CHECK(house.program.text() == states[left]);
    }
}

/// What sessions had open is lost with the program: they must not go on as if it were there.
void who_works_with_a_program_waits_for_its_rollback() {
    House house;
    test::ok(house.job->check_instance("batch", kInstance));
    house.take(1, "the coordinator's");
    house.start();
    test::contains(test::error(house.job->check_instance("batch", kInstance), EUCLEAN), "roll back first");
    test::ok(house.job->rollback(house.asker, {1, kInstance}));
    test::ok(house.job->check_instance("batch", kInstance));
}

void what_does_not_verify_is_not_restored(Keeping keeping) {
    for (const bool is_programs : {false, true}) {
        House house(keeping);
        const auto first = text_of(50'000);
        house.program.set(first);
        house.take(1, text_of(40'000));
        house.program.set("the second state " + text_of(50'000));
        house.take(2, "the coordinator's state " + text_of(40'000));
        for (const auto& entry : std::filesystem::recursive_directory_iterator(test::directory()))
            if (entry.is_regular_file())
                corrupt(entry.path(), is_programs ? "the second state " : "the coordinator's state ");
        house.program.set("at work");
        test::contains(
            test::error(house.job->rollback(house.asker, {2, kInstance}), EBADMSG),
            is_programs ? "the program's state of sync point 2" : "the coordinator's state of sync point 2");
        test::equal(house.program.text(), std::string("at work"));
        test::equal(house.job->listed().held.size(), 2U);  // nothing has changed
        test::ok(house.job->rollback(house.asker, {1, kInstance}));
        CHECK(house.program.text() == first);
        house.job.reset();
        std::filesystem::remove_all(house.path);
    }
}

/// Bytes that change between the look at them and the restore, whether the program reads them or not.
void what_is_restored_is_verified_too() {
    for (const std::string damaged : {"which is read", "which is not"}) {
        House house;
        house.program.set("the state, which is read, " + text_of(50'000) + "which is not");
        house.take(1, "one");
        house.job.reset();
        auto program = house.program.program();
        bool is_damaged = false;
        program.restore = [&](const SyncPointId&, const Source& source) -> Status {
            if (!std::exchange(is_damaged, true))
                corrupt(house.path, damaged);
            std::array<std::byte, 30> beginning;
            TRY(source(beginning));
            return {};
        };
        house.job = test::ok(Job::open(test::ok(open_one_file(house.path)), program));
        house.asker.term = test::ok(house.job->open("batch", kInstance)).term;
        test::contains(test::error(house.job->rollback(house.asker, {1, kInstance}), EBADMSG),
                       "from other bytes than were kept");
        CHECK(!house.job->has_failed());
        test::error(house.prepare(2, "two"), EUCLEAN);  // the rollback is not at its end
        house.job.reset();
        std::filesystem::remove(house.path);
    }
}

/// Of the two copies of the table either may be damaged.
void one_copy_of_the_table_is_enough() {
    House house;
    house.take(1, "one");
    for (const off_t at : {off_t{30}, off_t{64 * 1024 + 30}}) {
        house.job.reset();
        const FileDescriptor file(::open(house.path.c_str(), O_RDWR | O_CLOEXEC));
        CHECK(::pwrite(file.get(), "x", 1, at) == 1);
        house.start();
        test::equal(house.job->listed().held.size(), 1U);
        test::ok(house.job->rollback(house.asker, {1, kInstance}));
        test::ok(house.prepare(house.job->listed().highest + 1, "more"));
        test::ok(house.job->rollback(house.asker, {1, kInstance}));
    }
    house.job.reset();
    const FileDescriptor file(::open(house.path.c_str(), O_RDWR | O_CLOEXEC));
    for (const off_t at : {off_t{30}, off_t{64 * 1024 + 30}})
        CHECK(::pwrite(file.get(), "y", 1, at) == 1);
    test::contains(test::error(open_one_file(house.path), EBADMSG), "both copies");
}

void what_is_something_else_is_left_alone() {
    const auto path = (test::directory() / "letter").string();
    std::ofstream(path) << "Dear Sir or Madam,\n";
    std::filesystem::permissions(path,
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    test::error(open_one_file(path), EBADMSG);
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    test::equal(line, std::string("Dear Sir or Madam,"));
    std::ofstream(path) << std::string(300'000, 'x');
    test::error(open_one_file(path), EBADMSG);
    CHECK(std::filesystem::file_size(path) == 300'000);
}

void a_file_has_one_participant() {
    House house;
    test::contains(test::error(open_one_file(house.path), EBUSY), "in use by another participant");
    test::contains(test::error(house.job->open("other", kInstance), EBUSY), "of job batch");
}

void who_is_late_is_refused() {
    House house;
    house.take(1, "one");
    const auto old = house.asker;
    // The job is opened anew while the program is being saved for the old asker.
    house.program.at_save = [&] {
        house.asker.term = test::ok(house.job->open("batch", kInstance)).term;
        return Status();
    };
    test::error(house.prepare(2, "late"), ESTALE);
    house.program.at_save = nullptr;
    test::equal(house.job->listed().held.size(), 1U);
    for (const auto& refused :
         {house.job->complete(old, {1, kInstance}), house.job->abort(old, {1, kInstance})})
        test::error(refused, ESTALE);
    test::error(house.job->rollback(old, {1, kInstance}), ESTALE);
    house.take(2, "in time");
}

void what_was_given_up_while_it_was_saved_is_not_held() {
    House house;
    house.program.at_save = [&] { return house.job->abort(house.asker, {1, kInstance}); };
    test::error(house.prepare(1, "one"), ESTALE);
    house.program.at_save = nullptr;
    test::equal(house.job->listed().held.size(), 0U);
    house.take(2, "two");
}

void another_state_than_was_announced_is_not_kept() {
    House house;
    const std::string state = "the state", other = "The state", cut = "the stat";
    test::contains(
        test::error(house.job->prepare(house.asker, house.point_of(1, state), source_of(other)), EBADMSG),
        "not the one that was announced");
    test::contains(
        test::error(house.job->prepare(house.asker, house.point_of(1, state), source_of(cut)), EBADMSG),
        "1 bytes are missing");
    auto strange = house.point_of(1, state);
    strange.participants = {Uuid{1}};
    test::error(house.job->prepare(house.asker, strange, source_of(state)), EINVAL);
    strange.participants = {house.job->identity().participant, house.job->identity().participant};
    test::error(house.job->prepare(house.asker, strange, source_of(state)), EINVAL);
    strange.participants.assign(kMostParticipants + 1, Uuid{1});
    test::error(house.job->prepare(house.asker, strange, source_of(state)), EINVAL);
    test::equal(house.program.saves(), 0U);
    house.take(1, state);
}

void a_program_that_fails_is_told() {
    House house;
    house.program.set("one");
    house.take(1, "one");
    house.program.at_save = [] { return Status(fail(ENOSPC, "the program's disk is full")); };
    test::contains(test::error(house.prepare(2, "two"), ENOSPC), "the program's disk is full");
    house.program.at_save = nullptr;
    house.program.at_restore = [] { return Status(fail(EIO, "the program can't be restored")); };
    test::error(house.job->rollback(house.asker, {1, kInstance}), EIO);
    test::error(house.prepare(3, "three"), EUCLEAN);  // it is in no state to be saved
    test::error(house.job->check_is_restored(), EUCLEAN);
    house.start();  // and its start does not help it
    CHECK(house.job->listed().state_lost != 0);
    test::error(house.prepare(3, "three"), EUCLEAN);
    house.program.at_restore = nullptr;
    house.program.set("?");
    house.start();  // the rollback is ended by the start
    test::equal(house.program.text(), std::string("one"));
    test::ok(house.job->check_is_restored());
    house.take(3, "three");
}

/// What is restored can't be given up by another coordinator meanwhile.
void a_rollback_keeps_what_it_restores() {
    House house;
    test::ok(house.prepare(1, "one"));
    Status aborted;
    house.program.at_restore = [&] {
        const auto term = test::ok(house.job->open("batch", Uuid{6})).term;
        aborted = house.job->abort({Uuid{6}, term}, {1, kInstance});
        return Status();
    };
    test::ok(house.job->rollback(house.asker, {1, kInstance}));
    test::contains(test::error(aborted, EBUSY), "is being rolled back to");
}

void each_call_to_the_file_fails(Keeping keeping) {
    FailingCalls plan;
    const auto calls = test::each_call_fails(plan, [&](const std::string& path, test::TextProgram& program) {
        auto file = test::ok(test::open_checkpoint_file(path, keeping));
        return Job::open(std::make_unique<test::FailingFile>(std::move(file), plan), program.program());
    });
    fmt::print("{} calls to the checkpoint file\n", calls);
    CHECK(calls > 20);
}

}  // namespace

int main() {
    return test::run(
        "sync_job",
        {{"both states are kept in one file", [] { both_states_are_kept(Keeping::one_file); }},
         {"both states are kept in a file each", [] { both_states_are_kept(Keeping::file_each); }},
         {"both states are kept in a storage", [] { both_states_are_kept(Keeping::storage); }},
         {"the same file is used again", the_same_file_is_used_again},
         {"a new file each time", a_new_file_each_time},
         {"states without their table are left alone", states_without_their_table_are_left_alone},
         {"a cut rollback is verified", a_cut_rollback_is_verified},
         {"a file that others may use is refused", a_file_that_others_may_use_is_refused},
         {"a program begins anew with its coordinator alone",
          a_program_begins_anew_with_its_coordinator_alone},
         {"who works with a program waits for its rollback", who_works_with_a_program_waits_for_its_rollback},
         {"states lie in gaps", states_lie_in_gaps},
         {"what does not verify is not restored, one file",
          [] { what_does_not_verify_is_not_restored(Keeping::one_file); }},
         {"what does not verify is not restored, a file each",
          [] { what_does_not_verify_is_not_restored(Keeping::file_each); }},
         {"what is restored is verified too", what_is_restored_is_verified_too},
         {"one copy of the table is enough", one_copy_of_the_table_is_enough},
         {"what is something else is left alone", what_is_something_else_is_left_alone},
         {"a file has one participant", a_file_has_one_participant},
         {"who is late is refused", who_is_late_is_refused},
         {"what was given up while it was saved is not held",
          what_was_given_up_while_it_was_saved_is_not_held},
         {"another state than was announced is not kept", another_state_than_was_announced_is_not_kept},
         {"a program that fails is told", a_program_that_fails_is_told},
         {"a rollback keeps what it restores", a_rollback_keeps_what_it_restores},
         {"each call to one file fails", [] { each_call_to_the_file_fails(Keeping::one_file); }},
         {"each call to a file each fails", [] { each_call_to_the_file_fails(Keeping::file_each); }},
         {"each call to a storage's file fails", [] { each_call_to_the_file_fails(Keeping::storage); }}});
}
