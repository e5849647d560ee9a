// A coordinator and its participants, over TCP: what is taken can be rolled back to, together, and whatever
// happens to one of them the others never have another sync point. time-limit: 180
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "lib/base/tcp_socket.hh"
#include "tests/unit/sync_fixture.hh"

using namespace pmemckpt;
using namespace pmemckpt::sync;
using test::Keeping;
using test::TestCoordinator;
using test::TestParticipant;

namespace {

constexpr auto kLongWait = std::chrono::seconds(20);

/// Three programs on three systems, all of which go to state N at N.
struct Job3 {
    TestParticipant second{"second"}, third{"third", Keeping::file_each};
    TestCoordinator first{{second.address(), third.address()}};
    std::unique_ptr<Coordinator> coordinator = test::ok(first.open());

    void go_to(const std::string& state) {
        first.program.set("first " + state);
        second.program.set("second " + state);
        third.program.set("third " + state);
    }
    void check(const std::string& state, const test::Place& place = test::Place::current()) const {
        test::equal(first.program.text(), "first " + state, place);
        test::equal(second.program.text(), "second " + state, place);
        test::equal(third.program.text(), "third " + state, place);
    }
    std::uint64_t take(const std::string& state) {
        go_to(state);
        return test::ok(coordinator->sync_point()).number;
    }
    /// The first program is killed and started again.
    void start_coordinator_anew() {
        coordinator.reset();
        first.program.set("a new program");
        coordinator = test::ok(first.open());
    }
};

void all_are_rolled_back_together() {
    Job3 job;
    test::error(job.coordinator->rollback(), ENOENT);
    test::equal(job.take("1"), 1U);
    test::equal(job.take("2"), 2U);
    test::equal(job.take("3"), 3U);
    job.go_to("4");
    test::equal(test::ok(job.coordinator->rollback()).number, 3U);
    job.check("3");
    test::equal(test::ok(job.coordinator->rollback(2)).number, 2U);
    job.check("2");
    test::error(job.coordinator->rollback(3), ENOENT);
    test::equal(job.take("5"), 4U);  // no number comes twice
    job.go_to("6");
    test::ok(job.coordinator->rollback());
    job.check("5");
}

void large_states_go_and_come() {
    Job3 job;
    const auto bytes = test::random_bytes(9'000'001);
    const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    job.take(text);
    job.go_to("?");
    test::ok(job.coordinator->rollback());
    job.check(text);
}

void each_may_be_started_anew() {
    Job3 job;
    job.take("1");
    job.start_coordinator_anew();
    CHECK(job.coordinator->must_roll_back());
    test::contains(test::error(job.coordinator->sync_point(), EUCLEAN), "roll back first");
    test::ok(job.coordinator->rollback());
    job.check("1");
    job.take("2");
    job.second.start_anew("a new program");
    job.third.program.set("third at work");
    test::error(job.coordinator->sync_point(), ECONNRESET);  // which is how it is noticed
    test::error(job.coordinator->sync_point(), EUCLEAN);
    test::ok(job.coordinator->rollback());
    job.check("2");
    job.take("3");
    job.second.start_anew("a new program");
    job.third.start_anew("a new program");
    job.start_coordinator_anew();
    test::ok(job.coordinator->rollback());
    job.check("3");
}

void one_that_is_down_fails_it_and_the_former_stands() {
    Job3 job;
    job.take("1");
    job.third.end();
    job.go_to("2");
    test::contains(test::error(job.coordinator->sync_point(), ECONNRESET), "the former one stands");
    test::equal(job.second.held(), 1U);
    test::error(job.coordinator->sync_point(), ECONNREFUSED);
    test::error(job.coordinator->rollback(), ECONNREFUSED);
    job.third.start();
    test::equal(test::ok(job.coordinator->rollback()).number, 1U);
    job.check("1");
}

void one_that_refuses_fails_it_and_the_former_stands() {
    Job3 job;
    job.take("1");
    job.third.program.at_save = [] { return Status(fail(ENOSPC, "the disk of the third is full")); };
    job.go_to("2");
    const auto message = test::error(job.coordinator->sync_point(), ENOSPC);
    test::contains(message, "sync point 2 was not taken, the former one stands");
    test::contains(message, job.third.address() + ": the disk of the third is full");
    test::equal(job.second.held(), 1U);
    job.third.program.at_save = nullptr;
    test::ok(job.coordinator->rollback());
    job.check("1");
    test::equal(job.take("3"), 3U);
}

/// Holds whoever comes through the gate until it is opened.
class Gate {
public:
    Status pass() {
        std::unique_lock lock(mutex_);
        is_waited_at_ = true;
        changed_.notify_all();
        if (!changed_.wait_for(lock, kLongWait, [&] { return is_open_; }))
            return fail(ETIMEDOUT, "nobody has opened the gate");
        return {};
    }
    void open() {
        const std::lock_guard lock(mutex_);
        is_open_ = true;
        changed_.notify_all();
    }
    bool is_waited_at() {
        const std::lock_guard lock(mutex_);
        return is_waited_at_;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool is_open_ = false, is_waited_at_ = false;
};

/// The one that is slow saves on while the job is opened anew, and what it has saved then is not kept.
void one_that_is_slow_fails_it_and_the_former_stands() {
    Job3 job;
    job.take("1");
    job.first.options.timeout_ms = 300;
    job.start_coordinator_anew();
    test::ok(job.coordinator->rollback());
    Gate gate;
    job.third.program.at_save = [&] { return gate.pass(); };
    job.go_to("2");
    test::contains(test::error(job.coordinator->sync_point(), ETIMEDOUT), "the former one stands");
    CHECK(gate.is_waited_at());
    gate.open();
    job.third.program.at_save = nullptr;
    test::equal(test::ok(job.coordinator->rollback()).number, 1U);
    job.check("1");
    test::equal(job.third.held(), 1U);
    test::equal(job.second.held(), 1U);
}

/// The coordinator dies when one holds it and the other does not: no one is left with it.
void a_coordinator_that_dies_leaves_no_half() {
    Job3 job;
    job.take("1");
    SyncPoint half;
    half.id = {2, Uuid{7}};
    half.participants = {job.second.job().identity().participant, job.third.job().identity().participant};
    std::ranges::sort(half.participants);
    half.coordinator_digest = digest_of({});
    const auto none = [](std::span<std::byte>) { return Result<std::size_t>(0); };
    const auto hold = [&](TestParticipant& one) {
        const auto opened = test::ok(one.job().open("batch", Uuid{7}));
        test::ok(one.job().prepare({Uuid{7}, opened.term}, half, none));
    };
    job.coordinator.reset();
    job.go_to("2");
    hold(job.second);
    job.coordinator = test::ok(job.first.open());
    test::equal(job.coordinator->newest()->number, 1U);
    test::equal(test::ok(job.coordinator->rollback()).number, 1U);
    job.check("1");
    test::equal(job.second.held(), 1U);
    // When both hold it, it is whole, though nobody was told so.
    half.id.number = 5;
    job.coordinator.reset();
    job.go_to("5");
    job.first.program.set("");
    hold(job.second), hold(job.third);
    job.coordinator = test::ok(job.first.open());
    job.go_to("6");
    test::equal(test::ok(job.coordinator->rollback()).number, 5U);
    test::equal(job.second.program.text(), std::string("second 5"));
    test::equal(job.third.program.text(), std::string("third 5"));
}

void a_second_coordinator_takes_the_job() {
    Job3 job;
    job.take("1");
    TestCoordinator other(job.first.options.participants);
    other.program.set("other");
    const auto second = test::ok(other.open());
    test::ok(second->rollback());
    test::equal(other.program.text(), std::string("first 1"));
    test::contains(test::error(job.coordinator->sync_point(), ESTALE), "taken this job over");
    test::ok(second->sync_point());
}

void who_has_no_key_is_refused() {
    TestParticipant second("second");
    TestCoordinator first({second.address()});
    first.options.key_dir = (test::directory() / "other keys").string();
    test::error(first.open(), ENOENT);
    test::ok(store_key(first.options.key_dir, "primary", Key::random()));
    test::contains(test::error(first.open(), EKEYREJECTED), "authentication of principal primary failed");
    first.options.principal = "nobody";
    test::ok(store_key(first.options.key_dir, "nobody", Key::random()));
    test::contains(test::error(first.open(), EKEYREJECTED), "authentication of principal nobody failed");
}

void wrong_jobs_are_refused() {
    TestParticipant second("second");
    TestCoordinator first({second.address(), second.address()});
    test::contains(test::error(first.open(), EINVAL), "was named already");
    first.options.participants.resize(1);
    const auto coordinator = test::ok(first.open());
    TestCoordinator other({second.address()});
    other.options.job = "other";
    test::contains(test::error(other.open(), EBUSY), "is of job batch");
    other.options.participants.clear();
    test::error(other.open(), EINVAL);
    other.options = first.options;
    other.options.job = "with a space";
    test::error(other.open(), EINVAL);
}

/// A sync point of three can't be judged by two of them.
void all_participants_must_be_asked() {
    Job3 job;
    job.take("1");
    job.coordinator.reset();
    job.first.options.participants.pop_back();
    test::contains(test::error(job.first.open(), EHOSTUNREACH), "not all of them are among the 1");
}

/// Its connection is dead, and nobody has noticed.
void a_rollback_reaches_who_was_started_anew() {
    Job3 job;
    job.take("1");
    job.second.start_anew("a new program");
    test::ok(job.coordinator->rollback());
    job.check("1");
    job.third.start_anew("a new program");
    test::ok(job.coordinator->rollback());
    job.check("1");
}

void nonsense_is_refused_and_others_are_served() {
    Job3 job;
    job.take("1");
    for (int i = 0; i < 20; ++i) {
        const auto address = test::ok(parse_address(job.second.address()));
        auto stream = test::ok(Stream::connect(address, std::chrono::seconds(5)));
        const auto bytes = test::random_bytes(static_cast<std::size_t>(i) * 700);
        static_cast<void>(stream.send(bytes));
        std::array<std::byte, 1> one;
        if (i > 0)
            CHECK(!stream.receive(one) || one[0] == std::byte{0});  // an end, or a header of an error
    }
    job.go_to("2");
    test::ok(job.coordinator->rollback());
    job.check("1");
}

/// Strangers that say nothing keep nobody out, however many they are.
void strangers_keep_nobody_out() {
    TestParticipant second("second");
    const auto address = test::ok(parse_address(second.address()));
    std::vector<Stream> strangers;
    for (std::size_t i = 0; i < 2 * kMostStrangers; ++i)
        strangers.push_back(test::ok(Stream::connect(address, std::chrono::seconds(5))));
    std::array<std::byte, 1> one;
    test::error(strangers.front().receive(one), ECONNRESET);
    TestCoordinator first({second.address()});
    const auto coordinator = test::ok(first.open());
    test::ok(coordinator->sync_point());
}

void there_are_no_more_coordinators_than_the_limit() {
    TestParticipant second("second");
    TestCoordinator first({second.address()});
    std::vector<std::unique_ptr<Peer>> peers;
    const Peer::Wanted wanted{second.address(), "primary", test::sync_keys(), 5'000};
    for (std::size_t i = 0; i < kMostConnections; ++i)
        peers.push_back(test::ok(Peer::connect(wanted)));
    test::error(Peer::connect(wanted), ECONNRESET);
    peers.clear();
    test::eventually([&] { return first.open().has_value(); });
}

/// A coordinator that was taken over does not take the job back by itself: what the other one did with the
/// participants it knows nothing of.
void who_was_taken_over_does_not_come_back() {
    Job3 job;
    job.take("1");
    TestCoordinator other(job.first.options.participants);
    auto second = test::ok(other.open());
    test::ok(second->rollback());
    other.program.set("first 2"), job.second.program.set("second 2"), job.third.program.set("third 2");
    test::equal(test::ok(second->sync_point()).number, 2U);
    second.reset();
    for (int i = 0; i < 3; ++i)
        test::contains(test::error(job.coordinator->sync_point(), ESTALE), "taken this job over");
    test::equal(test::ok(job.coordinator->rollback()).number, 2U);  // that is asked for
    job.check("2");
    test::equal(job.take("3"), 3U);
}

/// A coordinator that hangs in the middle of its state holds up nobody.
void who_hangs_holds_up_nobody() {
    Job3 job;
    job.take("1");
    job.coordinator.reset();
    const auto hanging = test::ok(Peer::connect({job.second.address(), "primary", test::sync_keys(), 5'000}));
    const auto opened = test::ok(hanging->open("batch", Uuid{7}, Opening::roll_back));
    SyncPoint point;
    point.id = {opened.highest + 1, Uuid{7}};
    point.participants = {job.second.job().identity().participant};
    point.coordinator_bytes = 1'000'000'000;
    std::jthread sending(
        [&] { static_cast<void>(hanging->prepare(point, std::as_bytes(std::span("abc")))); });
    job.start_coordinator_anew();
    test::ok(job.coordinator->rollback());
    job.check("1");
    job.take("2");
}

/// Before the first sync point there is nothing to go back to.
void one_that_is_started_anew_before_the_first_is_noticed() {
    Job3 job;
    job.second.start_anew("a new program");
    test::error(job.coordinator->sync_point(), ECONNRESET);
    test::contains(test::error(job.coordinator->sync_point(), EUCLEAN), "start the others anew as well");
    test::error(job.coordinator->rollback(), ENOENT);
    test::error(job.coordinator->sync_point(), EUCLEAN);
    job.start_coordinator_anew();
    job.take("1");
}

void some_are_rolled_back_alone() {
    Job3 job;
    job.take("1");
    job.take("2");
    job.first.program.set("?"), job.second.program.set("?");
    test::ok(job.coordinator->rollback_of({job.second.address()}, 1));
    test::equal(job.second.program.text(), std::string("second 1"));
    test::equal(job.third.program.text(), std::string("third 2"));
    test::equal(job.third.held(), 1U);  // it can't go to 2 any more, since the second can't
    test::equal(test::ok(job.coordinator->rollback()).number, 1U);
    job.check("1");
    test::error(job.coordinator->rollback_of({job.second.address(), job.second.address()}), EINVAL);
    test::error(job.coordinator->rollback_of({}), EINVAL);
    job.third.start_anew("?");
    test::error(job.coordinator->sync_point(), ECONNRESET);
    test::contains(test::error(job.coordinator->rollback_of({job.second.address()}), EUCLEAN),
                   job.third.address() + " was started anew");
}

/// Whoever listens there may say what he likes: nothing of it is taken for success, or for more than a
/// refusal.
void what_a_stranger_answers_is_only_a_refusal() {
    test::sync_keys();
    const auto listening = test::ok(listen_socket({"127.0.0.1", 0}));
    for (const std::uint32_t code : {0U, 22U, 115U, 117U, 4096U, 0x80000000U, 0xffffffffU}) {
        std::jthread answering([&] {
            pollfd ready{listening.socket.get(), POLLIN, 0};
            ::poll(&ready, 1, 5'000);
            Stream stream(FileDescriptor(::accept4(listening.socket.get(), nullptr, nullptr,
                                                   SOCK_NONBLOCK | SOCK_CLOEXEC)),
                          "?");
            const auto hello = stream.receive_message();
            if (hello)
                static_cast<void>(stream.send(wire::encode_answer(wire::Type::error, hello->header.request_id,
                                                                  wire::ErrorAnswer{code, "no"})));
            std::array<std::byte, 1> end;
            static_cast<void>(stream.receive(end));
        });
        TestCoordinator first({format_address(listening.address)});
        test::error(first.open(), EPROTO);
    }
    test::equal(errno_of({0, ""}), EPROTO);
    test::equal(errno_of({0x80000005U, ""}), EPROTO);
    test::equal(errno_of({28, ""}), ENOSPC);
}

void the_end_of_a_participant_waits_for_a_save() {
    Job3 job;
    Gate gate;
    job.third.program.at_save = [&] { return gate.pass(); };
    job.go_to("1");
    std::jthread taking([&] { static_cast<void>(job.coordinator->sync_point()); });
    test::eventually([&] { return gate.is_waited_at(); });
    std::jthread opening([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        gate.open();
    });
    job.third.end();
    taking.join();
    job.third.program.at_save = nullptr;
    job.third.start();
}

}  // namespace

int main() {
    return test::run(
        "sync_points",
        {{"all are rolled back together", all_are_rolled_back_together},
         {"large states go and come", large_states_go_and_come},
         {"each may be started anew", each_may_be_started_anew},
         {"one that is down fails it, and the former stands",
          one_that_is_down_fails_it_and_the_former_stands},
         {"one that refuses fails it, and the former stands",
          one_that_refuses_fails_it_and_the_former_stands},
         {"one that is slow fails it, and the former stands",
          one_that_is_slow_fails_it_and_the_former_stands},
         {"a coordinator that dies leaves no half", a_coordinator_that_dies_leaves_no_half},
         {"a second coordinator takes the job", a_second_coordinator_takes_the_job},
         {"who has no key is refused", who_has_no_key_is_refused},
         {"wrong jobs are refused", wrong_jobs_are_refused},
         {"all participants must be asked", all_participants_must_be_asked},
         {"a rollback reaches who was started anew", a_rollback_reaches_who_was_started_anew},
         {"nonsense is refused, and others are served", nonsense_is_refused_and_others_are_served},
         {"strangers keep nobody out", strangers_keep_nobody_out},
         {"there are no more coordinators than the limit", there_are_no_more_coordinators_than_the_limit},
         {"who was taken over does not come back", who_was_taken_over_does_not_come_back},
         {"who hangs holds up nobody", who_hangs_holds_up_nobody},
         {"one that is started anew before the first is noticed",
          one_that_is_started_anew_before_the_first_is_noticed},
         {"some are rolled back alone", some_are_rolled_back_alone},
         {"what a stranger answers is only a refusal", what_a_stranger_answers_is_only_a_refusal},
         {"the end of a participant waits for a save", the_end_of_a_participant_waits_for_a_save}});
}
