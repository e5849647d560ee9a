// Too much of what would be allowed once. Limits: pmemckptd(8), CONFIGURATION.
#include <sys/socket.h>

#include <atomic>
#include <deque>
#include <thread>

#include "tests/hostile/attack.hh"
#include "tests/hostile/introduction.hh"

namespace pmemckpt::hostile {

namespace {

using test::HostilePeer;

/// The first of them had to make room for the last ones; who is honest gets in all the time.
std::string connections_that_say_nothing(Field& field) {
    constexpr unsigned kMany = 300;
    const auto from = field.manager.log_size();
    std::vector<HostilePeer> peers;
    for (unsigned i = 0; i < kMany; ++i) {
        peers.emplace_back(field.address);
        if (i % 100 == 99)
            field.honest.newcomer();
    }
    CHECK(field.manager.has_logged("to make room for another", from));
    const auto ended = kMany - kStartingUp;
    for (unsigned i = 0; i < ended; ++i)
        peers[i].receive_end();
    return fmt::format("the oldest closed, {} of {}; newcomers get in", ended, kMany);
}

std::string sessions_that_say_nothing(Field& field) {
    constexpr unsigned kMany = 150;
    const auto from = field.manager.log_size();
    std::vector<Attacker> strangers;
    for (unsigned i = 0; i < kMany; ++i) {
        strangers.push_back(field.stranger());
        if (i % 50 == 49)
            field.honest.newcomer();
    }
    CHECK(field.manager.has_logged("the limit: the oldest ends", from));
    const auto ended = kMany - kHandshakes;
    for (unsigned i = 0; i < ended; ++i)
        closed(strangers[i]);
    return fmt::format("the oldest closed, {} of {}; newcomers get in", ended, kMany);
}

std::string handshakes_that_stop(Field& field) {
    constexpr unsigned kMany = 150;
    const auto from = field.manager.log_size();
    std::vector<Attacker> strangers;
    for (unsigned i = 0; i < kMany; ++i) {
        strangers.push_back(field.stranger());
        strangers.back().post(hello_of("victim"));
        if (i % 50 == 49)
            field.honest.newcomer();
    }
    CHECK(field.manager.has_logged("the limit: the oldest ends", from));
    const auto ended = kMany - kHandshakes;
    for (unsigned i = 0; i < ended; ++i)
        closed(strangers[i]);
    return fmt::format("the oldest closed, {} of {}; newcomers get in", ended, kMany);
}

auto storm_of(unsigned count, const std::function<void(Field&, HostilePeer&)>& say) {
    return [=](Field& field) {
        for (unsigned i = 0; i < count; ++i) {
            HostilePeer peer(field.address);
            say(field, peer);
            reset(peer);
            if (i % (count / 4) == 0)
                field.honest.newcomer();
        }
        return fmt::format("harmless: {} of them; newcomers get in", count);
    };
}

void say_nothing(Field&, HostilePeer&) {}

void say_half_a_greeting(Field&, HostilePeer& peer) {
    const auto greeting = start_up_frame({.private_data = {}});
    peer.send_raw(std::span(greeting).first(10));
}

void say_hello(Field&, HostilePeer& peer) {
    peer.start_up();
    peer.send(test::Untagged{.payload = wire::encode_request(1, hello_of("victim"))});
}

void say_hello_at_once(Field&, HostilePeer& peer) {
    peer.send_raw(start_up_frame({.flags = 0x50, .private_data = {}}));
    peer.crc = true;
    peer.send(test::Untagged{.payload = wire::encode_request(1, hello_of("victim"))});
}

std::string sessions_that_reset(Field& field) {
    constexpr unsigned kTimes = 60;
    auto witness = field.login();
    const auto free_pages = [&] {
        return test::ok(witness.ask<wire::PoolStatus>(wire::StatusRequest{})).free_pages;
    };
    field.honest.only_read();
    const auto before = free_pages();
    for (unsigned i = 0; i < kTimes; ++i) {
        auto armed = field.arm();
        armed.session.peer.send_raw(armed.session.write_frame(armed.draft.window.key, 0, Bytes(60'000)));
        armed.session.post(wire::OpenGeneration{kOwnRegion, 1});
        reset(armed.session.peer);
    }
    test::eventually([&] { return free_pages() == before; });
    return fmt::format("harmless: {} of them; all their pages are free again", kTimes);
}

/// While many log in and leave, at once.
std::string logins_from_many_sides(Field& field) {
    constexpr unsigned kThreads = 4, kTimes = 40;
    std::atomic<unsigned> failed = 0;
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < kThreads; ++i)
        threads.emplace_back([&] {
            for (unsigned k = 0; k < kTimes; ++k)
                try {
                    const auto session = field.login();
                } catch (const std::exception&) {
                    ++failed;
                }
        });
    field.honest.newcomer();
    for (auto& thread : threads)
        thread.join();
    test::equal(failed.load(), 0U);
    field.honest.newcomer();
    return fmt::format("harmless: {} of them; newcomers get in", kThreads * kTimes);
}

std::string more_sessions_than_there_may_be(Field& field) {
    std::vector<Attacker> sessions;
    for (unsigned i = 0; i < kSessions; ++i) {
        Attacker session(field.address);
        const bool rejected = (std::to_integer<unsigned>(session.peer.reply.at(16)) & 0x20) != 0;
        if (rejected) {
            field.honest.goes_on();
            const auto count = sessions.size();
            sessions.clear();
            test::eventually([&] {
                try {
                    field.honest.newcomer();
                    return true;
                } catch (const api::Error& error) {
                    CHECK(error.is_connection());
                    return false;
                }
            });
            return fmt::format("MPA reply with the reject flag, after {}; newcomers get in later", count);
        }
        test::ok(session.authenticate("mallory", field.key("mallory")));
        sessions.push_back(std::move(session));
    }
    throw test::Failure(fmt::format("there are more than {} sessions", kSessions));
}

/// Opens connections that break a rule, and lets none go before it has many.
class Hoarder {
public:
    explicit Hoarder(const Address& address) : thread_([this, address] { run(address); }) {}
    ~Hoarder() {
        stops_ = true;
        thread_.join();
    }

private:
    static constexpr std::size_t kMost = 300;

    void run(const Address& address) {
        const auto greeting = start_up_frame({.flags = 0x50, .private_data = {}});
        const auto frame = fpdu(ulpdu(test::Untagged{.payload = Bytes(1)}), true);
        for (std::deque<HostilePeer> peers; !stops_;) {
            peers.emplace_back(address);
            peers.back().send_raw(greeting);
            peers.back().send_raw(frame);
            if (peers.size() > kMost)
                peers.pop_front();
        }
    }

    std::atomic<bool> stops_ = false;
    std::thread thread_;  // the last: it uses all the others
};

/// With few of them: who is honest may be told to try again, and not that his key is wrong.
std::string more_than_there_are_descriptors(Field& field) {
    constexpr unsigned kAttempts = 30;
    unsigned served = 0;
    {
        const Hoarder one(field.address), other(field.address), third(field.address);
        for (unsigned i = 0; i < kAttempts; ++i)
            try {
                field.honest.newcomer();
                ++served;
            } catch (const api::Error& error) {
                if (!error.is_connection() && error.code().value() != EMFILE)
                    throw test::Failure(std::string("a newcomer: ") + error.what());
            }
    }
    test::eventually([&] {
        try {
            field.honest.newcomer();
            return true;
        } catch (const api::Error&) {
            return false;
        }
    });
    return fmt::format("harmless: {} of {} newcomers got in, the others may try again", served, kAttempts);
}

std::string messages_before_the_proof(Field& field) {
    auto attacker = field.stranger();
    Bytes bytes;
    for (unsigned i = 0; i < 500; ++i) {
        const auto frame = attacker.request_frame(hello_of("mallory"));
        bytes.insert(bytes.end(), frame.begin(), frame.end());
    }
    attacker.peer.send_raw(bytes);
    return closed(attacker);
}

std::string requests_without_waiting(Field& field) {
    constexpr unsigned kMany = 20'000;
    auto attacker = field.login();
    const auto from = field.manager.log_size();
    Bytes bytes;
    for (unsigned i = 0; i < kMany; ++i) {
        const auto frame = attacker.request_frame(wire::ListGenerations{kOwnRegion, 0});
        bytes.insert(bytes.end(), frame.begin(), frame.end());
    }
    attacker.peer.send_raw(bytes);
    auto told = closed(attacker);
    CHECK(field.manager.has_logged(fmt::format("more than {} requests wait", kRequests), from));
    return told + ", logged";
}

/// The manager has no more to say to it, and has closed the socket.
bool is_gone(const HostilePeer& peer) {
    return ::send(peer.descriptor(), nullptr, 0, MSG_NOSIGNAL) < 0;
}

/// No more at once than the session may have waiting, and no answer is ever looked at. With a small receive
/// buffer the attacker's own TCP would drop the segments that acknowledge its requests, and they would come
/// no more.
std::string answers_never_read(Field& field) {
    constexpr unsigned kAtOnce = 16;
    constexpr auto kPause = std::chrono::milliseconds(2), kTime = std::chrono::milliseconds(60'000);
    const auto from = field.manager.log_size();
    auto attacker = field.login();
    const auto end = std::chrono::steady_clock::now() + kTime;
    while (!is_gone(attacker.peer)) {
        if (std::chrono::steady_clock::now() > end)
            throw test::Failure("answers wait for ever");
        Bytes bytes;
        for (unsigned i = 0; i < kAtOnce; ++i) {
            const auto frame = attacker.request_frame(wire::ListRegions{""});
            bytes.insert(bytes.end(), frame.begin(), frame.end());
        }
        attacker.peer.send_raw(bytes);
        std::this_thread::sleep_for(kPause);
    }
    // Where the manager is slow to run them it is the requests that are too many.
    CHECK(field.manager.has_logged("operations wait on the connection", from) ||
          field.manager.has_logged("requests wait for their answers", from));
    return "closed, logged";
}

/// Fills one of a session's limits; what is beyond is refused, and the session goes on.
template <class Answer, class Request>
auto up_to(unsigned limit, const Request& request) {
    return [=](Field& field) {
        auto attacker = field.login();
        for (unsigned i = 0; i < limit; ++i)
            test::ok(attacker.ask<Answer>(request));
        for (unsigned i = 0; i < 10; ++i)
            refused(attacker, request, EMFILE);
        return fmt::format("EMFILE from number {} on; the session goes on", limit + 1);
    };
}

std::string waiters(Field& field) {
    auto attacker = field.login();
    const auto newest = test::ok(attacker.ask<wire::Region>(wire::FindRegion{kOwnRegion})).newest;
    for (unsigned i = 0; i < kWaiters; ++i) {
        if (i % 3 == 0)
            attacker.post(wire::WaitGeneration{kOwnRegion, UINT64_MAX, UINT32_MAX});
        else if (i % 3 == 1)
            attacker.post(wire::Watch{kOwnRegion, UINT64_MAX, UINT32_MAX});
        else  // of another generation there is news at once
            attacker.post(wire::WaitLog{kOwnRegion, newest, 0, UINT64_MAX, UINT32_MAX});
    }
    for (unsigned i = 0; i < 10; ++i)
        refused(attacker, wire::WaitGeneration{kOwnRegion, UINT64_MAX, UINT32_MAX}, EMFILE);
    refused(attacker, wire::WaitLog{kOwnRegion, 1, 0, UINT64_MAX, UINT32_MAX}, EMFILE);
    return fmt::format("EMFILE from number {} on; the session goes on", kWaiters + 1);
}

/// Whole generations, asked for by many, and taken by nobody.
std::string reads_never_taken(Field& field) {
    constexpr unsigned kMany = 24, kReads = 16;
    std::vector<Armed> sessions;
    for (unsigned i = 0; i < kMany; ++i) {
        sessions.push_back(field.arm());
        auto& armed = sessions.back();
        for (unsigned k = 0; k < kReads; ++k)
            armed.session.read(armed.opened.window.key, 0, kGeneration);
    }
    field.honest.goes_on();
    field.honest.newcomer();
    field.honest.goes_on();
    return fmt::format("harmless: {} responses wait, the honest go on, newcomers get in", kMany * kReads);
}

std::string writes_of_a_byte(Field& field) {
    constexpr auto kTime = std::chrono::seconds(1);
    auto& armed = *field.armed;
    Bytes bytes;
    for (unsigned i = 0; i < 3000; ++i) {
        const auto frame = armed.session.write_frame(armed.draft.window.key, i, Bytes(1));
        bytes.insert(bytes.end(), frame.begin(), frame.end());
    }
    const auto end = std::chrono::steady_clock::now() + kTime;
    unsigned long count = 0;
    for (; std::chrono::steady_clock::now() < end; count += 3000)
        armed.session.peer.send_raw(bytes);
    goes_on(armed.session);
    field.honest.newcomer();
    return fmt::format("harmless: {} of them; newcomers get in", count);
}

}  // namespace

Attacks floods() {
    return {
        {"flood: 300 connections that say nothing", connections_that_say_nothing, Moves::own},
        {"flood: 150 sessions that say nothing", sessions_that_say_nothing, Moves::own},
        {"flood: 150 sessions that stop at CHALLENGE", handshakes_that_stop, Moves::own},
        {"flood: 2000 connections that reset at once", storm_of(2000, say_nothing), Moves::own},
        {"flood: 1000 that reset in the greeting", storm_of(1000, say_half_a_greeting), Moves::own},
        {"flood: 400 that reset behind HELLO", storm_of(400, say_hello), Moves::own},
        {"flood: 1000 that reset and heard nothing", storm_of(1000, say_hello_at_once), Moves::own},
        {"flood: 60 sessions that reset, with drafts and reads", sessions_that_reset, Moves::own},
        {"flood: 160 logins from four sides", logins_from_many_sides, Moves::own},
        {"flood: more sessions than there may be", more_sessions_than_there_may_be, Moves::own},
        {"flood: more connections than there are descriptors", more_than_there_are_descriptors, Moves::own},
        {"flood: 500 HELLOs at once", messages_before_the_proof},
        {"flood: 20000 requests at once", requests_without_waiting},
        {"flood: requests whose answers are never read", answers_never_read},
        {"flood: more drafts than a session may have",
         up_to<wire::Begun>(kDrafts, wire::Begin{kOwnRegion, 1}), Moves::own},
        {"flood: more clones than a session may have",
         up_to<wire::Cloning>(kDrafts, wire::BeginClone{kOwnRegion, 1ULL << 60, 1})},
        {"flood: more generations than a session may read",
         up_to<wire::OpenedGeneration>(kReading, wire::OpenGeneration{kOwnRegion, 1})},
        {"flood: more waits than a session may have", waiters},
        {"flood: 384 reads that nobody takes", reads_never_taken, Moves::own},
        {"flood: Writes of a byte, for a second", writes_of_a_byte, Moves::own},
    };
}

}  // namespace pmemckpt::hostile
