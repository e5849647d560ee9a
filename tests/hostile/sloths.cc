// Slow ones: who sends a byte a time, or stops in the middle. All at once; limits: pmemckptd(8).
#include <poll.h>

#include <thread>

#include "tests/hostile/attack.hh"
#include "tests/hostile/introduction.hh"
#include "tests/support/transport.hh"

namespace pmemckpt::hostile {

namespace {

using test::HostilePeer;
using Clock = std::chrono::steady_clock;

constexpr unsigned kStartUp_ms = 10'000;  // pmemckpt-protocol(7), Start-up
constexpr unsigned kMargin_ms = 5'000;    // of a machine that is busy
constexpr auto kBetweenBytes = std::chrono::milliseconds(300);

/// Whether it has an end, or something to be read, within that time.
bool has_news(const HostilePeer& peer, std::chrono::milliseconds time) {
    pollfd wait{peer.descriptor(), POLLIN, 0};
    return ::poll(&wait, 1, static_cast<int>(time.count())) > 0;
}

/// The connection ends, not before `limit_ms` nor much after it.
std::string ended_in_time(Clock::time_point since, unsigned limit_ms) {
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - since).count();
    const auto latest = (limit_ms + kMargin_ms) * test::time_limit_factor();
    if (took < limit_ms / 2 || took > latest)
        throw test::Failure(fmt::format("closed after {} ms, and the limit is {} ms", took, limit_ms));
    return fmt::format("closed after {}.{} s", took / 1000, took % 1000 / 100);
}

std::string trickle(HostilePeer& peer, const Bytes& bytes, unsigned limit_ms) {
    const auto since = Clock::now();
    for (std::size_t at = 0; at < bytes.size() && !has_news(peer, kBetweenBytes); ++at)
        peer.send_raw(std::span(bytes).subspan(at, 1));
    peer.receive_end();
    return ended_in_time(since, limit_ms);
}

std::string silence(HostilePeer& peer, unsigned limit_ms) {
    const auto since = Clock::now();
    peer.receive_end();
    return ended_in_time(since, limit_ms);
}

std::string greeting_byte_by_byte(Field& field) {
    HostilePeer peer(field.address);
    return trickle(peer, start_up_frame({.private_data = Bytes(100)}), kStartUp_ms);
}

std::string no_greeting(Field& field) {
    HostilePeer peer(field.address);
    return silence(peer, kStartUp_ms);
}

std::string half_a_greeting(Field& field) {
    HostilePeer peer(field.address);
    const auto greeting = start_up_frame({.private_data = {}});
    peer.send_raw(std::span(greeting).first(21));
    return silence(peer, kStartUp_ms);
}

std::string no_hello(Field& field) {
    auto attacker = field.stranger();
    return silence(attacker.peer, kHandshake_ms);
}

std::string hello_byte_by_byte(Field& field) {
    auto attacker = field.stranger();
    const auto frame = attacker.request_frame(hello_of("mallory"));
    return trickle(attacker.peer, frame, kHandshake_ms);
}

std::string half_a_hello(Field& field) {
    auto attacker = field.stranger();
    const auto frame = attacker.request_frame(hello_of("mallory"));
    attacker.peer.send_raw(std::span(frame).first(40));
    return silence(attacker.peer, kHandshake_ms);
}

std::string no_proof(Field& field) {
    auto attacker = field.stranger();
    const Introduction introduction(attacker, hello_of("mallory"));
    return silence(attacker.peer, kHandshake_ms);
}

std::string proof_byte_by_byte(Field& field) {
    auto attacker = field.stranger();
    const Introduction introduction(attacker, hello_of("mallory"));
    const auto frame = attacker.request_frame(wire::Proof{introduction.mac(field.key("mallory"))});
    return trickle(attacker.peer, frame, kHandshake_ms);
}

/// One that knows itself slow: the right proof, after the time.
std::string proof_too_late(Field& field) {
    auto attacker = field.stranger();
    const Introduction introduction(attacker, hello_of("mallory"));
    std::this_thread::sleep_for(std::chrono::milliseconds(kHandshake_ms) * 3 / 2);
    attacker.post(wire::Proof{introduction.mac(field.key("mallory"))});
    attacker.peer.receive_end();
    return "closed, no WELCOME";
}

/// A Write that stops in its middle keeps nobody from anything, and its end is that of its session.
std::string write_that_stops(Field& field) {
    auto armed = field.arm();
    const auto frame = armed.session.write_frame(armed.draft.window.key, 0, Bytes(60'000));
    armed.session.peer.send_raw(std::span(frame).first(30'000));
    std::this_thread::sleep_for(std::chrono::milliseconds(kHandshake_ms));
    CHECK(armed.session.peer.is_silent(0));
    armed.session.peer.finish_sending();
    return closed(armed.session) + " with its stream, and nobody waited for it";
}

}  // namespace

Attacks sloths() {
    const auto slow = [](const char* name, std::string (*run)(Field&)) {
        return Attack{name, run, Moves::own, true};
    };
    return {
        slow("sloth: no greeting", no_greeting),
        slow("sloth: half a greeting", half_a_greeting),
        slow("sloth: a greeting byte by byte", greeting_byte_by_byte),
        slow("sloth: no HELLO", no_hello),
        slow("sloth: half a HELLO", half_a_hello),
        slow("sloth: a HELLO byte by byte", hello_byte_by_byte),
        slow("sloth: no PROOF", no_proof),
        slow("sloth: a PROOF byte by byte", proof_byte_by_byte),
        slow("sloth: the right PROOF, too late", proof_too_late),
        slow("sloth: a Write that stops in its middle", write_that_stops),
    };
}

}  // namespace pmemckpt::hostile
