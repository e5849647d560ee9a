// The C and C++ interfaces of sync points: what goes through them, and what comes back when it fails.
#include <pmemckpt/sync.hh>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <stdexcept>

#include "lib/base/keys.hh"
#include "lib/sync/participant.hh"
#include "tests/support/check.hh"
#include "utils/pmemckpt-filed/file_service.hh"

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
    second.at_save = [] { throw std::runtime_error("why it can't be saved"); };
    const auto error = thrown([&] { coordinator.take_sync_point(); });
    test::equal(error.code().value(), EIO);
    test::contains(error.what(), "the program's save function failed: why it can't be saved");
    second.at_save = nullptr;
    first.at_save = [] { throw std::bad_alloc(); };
    test::equal(thrown([&] { coordinator.take_sync_point(); }).code().value(), ENOMEM);
    first.at_save = nullptr;
    first.at_restore = [] { throw std::runtime_error("why it can't be restored"); };
    test::contains(thrown([&] { coordinator.roll_back(); }).what(), "why it can't be restored");
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

/// A file service in this process.
struct Service {
    Service() { start({{"127.0.0.1"}, 0}); }
    void start_anew() {
        const auto address = participant->address();
        participant.reset(), job.reset(), files.reset();
        start(address);
    }
    std::string address() const { return pmemckpt::format_address(participant->address()); }

    std::unique_ptr<pmemckpt::filed::Files> files;
    std::shared_ptr<pmemckpt::sync::Job> job;
    std::unique_ptr<pmemckpt::sync::Participant> participant;

private:
    void start(const pmemckpt::Address& listen) {
        std::filesystem::create_directory(test::directory() / "served");
        files = test::ok(pmemckpt::filed::Files::open(test::directory() / "served"));
        job = test::ok(pmemckpt::sync::Job::open(
            test::ok(pmemckpt::sync::open_one_file(test::directory() / "checkpoint")), files->program()));
        pmemckpt::sync::Participant::Options options;
        options.listen = listen;
        options.key_dir = keys();
        options.service = [this] {
            return std::make_unique<pmemckpt::filed::FileService>(*files, *job,
                                                                  pmemckpt::filed::kFirstOfNoJob);
        };
        participant = test::ok(pmemckpt::sync::Participant::start(options, job));
    }
};

std::string rest_of(api::Files& files, api::Files::Handle file) {
    std::string text(100, ' ');
    text.resize(files.read(file, text.data(), text.size()));
    return text;
}

void files_go_back_with_the_programs() {
    Counter counter;
    Service service;
    auto coordinator = coordinate(counter, service.address());
    auto files = coordinator.open_files(service.address(), 1);
    const auto file = files.open("a", PMEMCKPT_FILE_READ | PMEMCKPT_FILE_WRITE | PMEMCKPT_FILE_CREATE);
    files.write(file, "one two", 7);
    files.flush(file);
    test::equal(files.seek(file, -3, SEEK_END), 4U);
    coordinator.take_sync_point();

    files.truncate(file, 5);
    files.rename("a", "b");
    test::equal(files.size("b"), 5U);
    test::equal(thrown([&] { files.size("a"); }).code().value(), ENOENT);
    files.close(file);
    files.remove("b");
    coordinator.roll_back();
    auto again = coordinator.open_files(service.address(), 1);
    test::equal(rest_of(again, file), std::string("two"));
    again.leave();
    test::equal(thrown([&] { again.seek(file, 0); }).code().value(), EBADF);
}

/// What was open there is not any more: a session that goes on would find others, or none.
void files_of_a_service_that_was_started_anew_wait_for_a_rollback() {
    Counter counter;
    Service service;
    auto coordinator = coordinate(counter, service.address());
    std::optional files = coordinator.open_files(service.address(), 1);
    const auto file = files->open("a", PMEMCKPT_FILE_READ | PMEMCKPT_FILE_WRITE | PMEMCKPT_FILE_CREATE);
    files->write(file, "one", 3);
    coordinator.take_sync_point();
    files->write(file, "more", 4);
    files.reset();
    service.start_anew();
    const auto refused = thrown([&] { coordinator.open_files(service.address(), 1); });
    CHECK(refused.must_roll_back());
    test::contains(refused.what(), "roll back first");
    test::contains(thrown([&] { coordinator.take_sync_point(); }).what(), "was lost");
    coordinator.roll_back();
    files = coordinator.open_files(service.address(), 1);
    files->seek(file, 0);
    test::equal(rest_of(*files, file), std::string("one"));
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
                                  {"files go back with the programs", files_go_back_with_the_programs},
                                  {"files of a service that was started anew wait for a rollback",
                                   files_of_a_service_that_was_started_anew_wait_for_a_rollback},
                                  {"what is missing is named", what_is_missing_is_named}});
}
