// Sessions of files over TCP, with a coordinator that rolls them back.
#include <cerrno>
#include <filesystem>

#include "tests/unit/sync_fixture.hh"
#include "utils/pmemckpt-filed/file_service.hh"

using namespace pmemckpt;
using namespace pmemckpt::test;
using sync::FileSession;

namespace {

constexpr std::uint32_t kMake = filed::kOpenRead | filed::kOpenWrite | filed::kOpenCreate;

/// A pmemckpt-filed of this process.
class Filed {
public:
    Filed() {
        std::filesystem::create_directory(directory() / "served");
        start();
    }
    ~Filed() { end(); }
    void start() {
        files_ = ok(filed::Files::open((directory() / "served").string()));
        job_ = ok(sync::Job::open(ok(sync::open_one_file((directory() / "checkpoint").string())),
                                  files_->program()));
        sync::Participant::Options options;
        options.listen = {"127.0.0.1", port_};
        options.key_dir = sync_keys();
        options.service = [this] { return std::make_unique<filed::FileService>(*files_, *job_, next_++); };
        participant_ = ok(sync::Participant::start(options, job_));
        port_ = participant_->address().port;
    }
    void end() {
        participant_.reset();
        job_.reset();
        files_.reset();
    }
    std::string address() const { return fmt::format("127.0.0.1:{}", port_); }
    sync::Caller::Wanted wanted() const { return {address(), "primary", sync_keys(), 10'000}; }

private:
    std::atomic<std::uint64_t> next_{filed::kFirstOfNoJob};
    std::unique_ptr<filed::Files> files_;
    std::shared_ptr<sync::Job> job_;
    std::unique_ptr<sync::Participant> participant_;
    std::uint16_t port_ = 0;
};

std::string read_all(FileSession& session, std::uint32_t file) {
    std::string text(100, '\0');
    ok(session.seek(file, 0));
    text.resize(ok(session.read(file, std::as_writable_bytes(std::span(text)))));
    return text;
}

void write(FileSession& session, std::uint32_t file, const std::string& text) {
    ok(session.write(file, std::as_bytes(std::span(text))));
}

void a_session_goes_on_after_a_rollback() {
    Filed filed;
    TestCoordinator first({filed.address()});
    const auto coordinator = ok(first.open());
    const auto session = ok(coordinator->open_files(filed.address(), 7));
    const auto file = ok(session->open("file", kMake)).handle;
    write(*session, file, "before");
    ok(coordinator->sync_point());
    write(*session, file, ", and after");
    ok(coordinator->rollback());
    write(*session, file, " goes on");
    equal(read_all(*session, file), std::string("before goes on"));
    CHECK(!session->is_lost());
}

/// What a connection had sent before a rollback, and what comes after it, is not done.
void what_was_asked_before_a_rollback_is_not_done_after_it() {
    Filed filed;
    TestCoordinator first({filed.address()});
    const auto coordinator = ok(first.open());
    auto late = ok(sync::Caller::connect(filed.wanted()));
    ok(late.ask<sync::FileJoined>(sync::FileJoin{{}, {}, 0}));
    ok(coordinator->sync_point());
    ok(coordinator->rollback());
    error(late.ask<sync::FileOpened>(sync::FileOpen{"late", kMake, 0644}), ESTALE);
    CHECK(!std::filesystem::exists(directory() / "served/late"));
    ok(late.ask<sync::FileJoined>(sync::FileJoin{{}, {}, 0}));
    ok(late.ask<sync::FileOpened>(sync::FileOpen{"late", kMake, 0644}));
}

/// A rollback in the middle of a call: its rest is not done after it, though the session goes on.
void a_call_is_not_split_by_a_rollback() {
    Filed filed;
    TestCoordinator first({filed.address()});
    const auto coordinator = ok(first.open());
    const auto session = ok(coordinator->open_files(filed.address(), 7));
    const auto file = ok(session->open("file", kMake)).handle;
    ok(coordinator->sync_point());
    int written_code = 0;
    std::jthread writing([&] {
        const std::vector<std::byte> bytes(256 * kMiB, std::byte{1});
        const auto written = session->write(file, bytes);
        written_code = written ? 0 : written.error().code;
    });
    const auto path = (directory() / "served/file").string();
    eventually([&] { return std::filesystem::file_size(path) >= kMiB; });
    ok(coordinator->rollback());
    writing.join();
    CHECK(written_code == ESTALE || written_code == EUCLEAN);  // after it, or in it
    equal(std::filesystem::file_size(path), 0U);
    write(*session, file, "goes on");
    equal(read_all(*session, file), std::string("goes on"));
}

void a_session_has_one_connection() {
    Filed filed;
    TestCoordinator first({filed.address()});
    const auto coordinator = ok(first.open());
    const auto one = ok(coordinator->open_files(filed.address(), 7));
    const auto file = ok(one->open("file", kMake)).handle;
    const auto other = ok(coordinator->open_files(filed.address(), 7));
    equal(other->open_files(), 1U);
    contains(error(one->seek(file, 0), EBUSY), "session 7 was joined by another connection");
    write(*other, file, "the other's");
}

void who_was_taken_over_works_no_more() {
    Filed filed;
    TestCoordinator first({filed.address()}), second({filed.address()});
    const auto coordinator = ok(first.open());
    const auto session = ok(coordinator->open_files(filed.address(), 7));
    const auto file = ok(session->open("file", kMake)).handle;
    const auto other = ok(second.open());
    error(session->seek(file, 0), ESTALE);
    error(coordinator->open_files(filed.address(), 8), ESTALE);
    ok(ok(other->open_files(filed.address(), 7))->seek(file, 0));
}

void a_connection_has_one_session() {
    Filed filed;
    TestCoordinator first({filed.address()});
    const auto coordinator = ok(first.open());
    auto caller = ok(sync::Caller::connect(filed.wanted()));
    error(caller.ask<wire::Empty>(sync::FileClose{0}), EPROTO);
    ok(caller.ask<sync::FileJoined>(sync::FileJoin{{}, {}, 0}));
    ok(caller.ask<sync::FileJoined>(sync::FileJoin{{}, {}, 5}));  // of no job: its number is not its choice
    error(caller.ask<sync::FileJoined>(sync::FileJoin{"batch", {}, 5}), EALREADY);
    error(caller.ask<sync::FileJoined>(sync::FileJoin{{}, {}, filed::kFirstOfNoJob}), EINVAL);
}

/// The service was killed: the files are not those of the state that the program has.
void nothing_is_done_before_a_rollback_that_must_be() {
    Filed filed;
    TestCoordinator first({filed.address()});
    auto coordinator = ok(first.open());
    ok(coordinator->sync_point());
    filed.end();
    filed.start();
    coordinator = ok(first.open());
    CHECK(coordinator->must_roll_back());
    contains(error(coordinator->open_files(filed.address(), 7), EUCLEAN), "roll back first");
    ok(coordinator->rollback());
    const auto session = ok(coordinator->open_files(filed.address(), 7));
    ok(session->open("file", kMake));
}

}  // namespace

int main() {
    return run("filed_service", {{"a session goes on after a rollback", a_session_goes_on_after_a_rollback},
                                 {"what was asked before a rollback is not done after it",
                                  what_was_asked_before_a_rollback_is_not_done_after_it},
                                 {"a call is not split by a rollback", a_call_is_not_split_by_a_rollback},
                                 {"a session has one connection", a_session_has_one_connection},
                                 {"who was taken over works no more", who_was_taken_over_works_no_more},
                                 {"a connection has one session", a_connection_has_one_session},
                                 {"nothing is done before a rollback that must be",
                                  nothing_is_done_before_a_rollback_that_must_be}});
}
