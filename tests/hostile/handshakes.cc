// HELLO and PROOF, and what comes before WELCOME: pmemckpt-protocol(7), AUTHENTICATION.
#include "tests/hostile/attack.hh"
#include "tests/hostile/every_request.hh"
#include "tests/hostile/introduction.hh"

namespace pmemckpt::hostile {

namespace {

constexpr std::uint16_t kHello = 0x0101, kProof = 0x0102;

/// The next PROOF is refused, the connection closed, and the log says whose it was.
std::string proof_refused(Field& field, Attacker& attacker, const wire::Mac& mac,
                          const std::string& principal = "mallory") {
    const auto from = field.manager.log_size();
    attacker.post(wire::Proof{mac});
    auto told = closed_with_error(attacker, EKEYREJECTED);
    CHECK(field.manager.has_logged("authentication of principal " + principal + " failed", from));
    return told + ", logged";
}

std::string write_before_hello(Field& field) {
    auto attacker = field.stranger();
    attacker.write(field.victim.draft.window.key, 0, field.poison(1000));
    return terminated(attacker, rule::kStag);
}

std::string read_before_hello(Field& field) {
    auto attacker = field.stranger();
    attacker.read(field.victim.opened.window.key, 0, 1000);
    return terminated(attacker, rule::kSourceStag);
}

std::string write_before_proof(Field& field) {
    auto attacker = field.stranger();
    const Introduction introduction(attacker, hello_of("mallory"));
    attacker.write(field.victim.draft.window.key, 0, field.poison(1000));
    return terminated(attacker, rule::kStag);
}

std::string every_request_before_hello(Field& field) {
    const auto requests = every_request();
    for (const auto& request : requests) {
        auto attacker = field.stranger();
        attacker.send(request);
        closed_with_error(attacker, EPROTO);
    }
    return fmt::format("EPROTO, closed, each of {}", requests.size());
}

std::string every_request_before_proof(Field& field) {
    const auto requests = every_request();
    for (const auto& request : requests) {
        auto attacker = field.stranger();
        const Introduction introduction(attacker, hello_of("mallory"));
        attacker.send(request);
        closed_with_error(attacker, EPROTO);
    }
    return fmt::format("EPROTO, closed, each of {}", requests.size());
}

/// All that a session begins with in one go: a request is not run before it is known who asks.
std::string take_over_behind_hello(Field& field) {
    auto attacker = field.stranger();
    attacker.peer.send_raw(attacker.request_frame(hello_of("victim")));
    attacker.peer.send_raw(attacker.request_frame(wire::TakeOver{kVictimsRegion, ""}));
    attacker.receive();  // the CHALLENGE
    return closed_with_error(attacker, EPROTO);
}

std::string proof_first(Field& field) {
    auto attacker = field.stranger();
    attacker.post(wire::Proof{});
    return closed_with_error(attacker, EPROTO);
}

std::string hello_twice(Field& field) {
    auto attacker = field.stranger();
    const Introduction introduction(attacker, hello_of("mallory"));
    attacker.post(hello_of("victim"));
    return closed_with_error(attacker, EPROTO);
}

std::string hello_in_a_session(Field& field) {
    auto& attacker = field.armed->session;
    refused(attacker, hello_of("victim"), EOPNOTSUPP);
    return refused(attacker, wire::Proof{}, EOPNOTSUPP) + ", who it was it is";
}

std::string replayed(Field& field) {
    auto attacker = field.stranger();
    attacker.send(field.victim.hello);
    attacker.receive();
    const auto from = field.manager.log_size();
    attacker.send(field.victim.proof);
    auto told = closed_with_error(attacker, EKEYREJECTED);
    CHECK(field.manager.has_logged("authentication of principal victim failed", from));
    return told + ", logged";
}

/// What the manager would answer, said to it.
std::string reflected_mac(Field& field) {
    auto attacker = field.stranger();
    const Introduction introduction(attacker, hello_of("mallory"));
    return proof_refused(field, attacker, introduction.manager_mac(field.key("mallory")));
}

/// The mac of a WELCOME that was heard, and its challenge's nonce as one's own.
std::string reflected_challenge(Field& field) {
    auto oracle = field.stranger();
    const Introduction other(oracle, hello_of("victim"));
    auto attacker = field.stranger();
    auto hello = hello_of("victim");
    hello.nonce = other.challenge().nonce;
    const Introduction introduction(attacker, hello);
    return proof_refused(field, attacker, field.victim.welcome.mac, "victim");
}

std::string interleaved(Field& field) {
    auto one = field.stranger(), other = field.stranger();
    const Introduction of_one(one, hello_of("mallory")), of_other(other, hello_of("mallory"));
    const auto key = field.key("mallory");
    proof_refused(field, one, of_other.mac(key));
    return proof_refused(field, other, of_one.mac(key)) + ", both";
}

/// The right key, and a HELLO that was another one on its way.
std::string altered_transcript(Field& field) {
    constexpr std::size_t kPlaces[] = {8, 16, 18, 20, 51, 54};  // id, versions, nonce, name
    for (const auto at : kPlaces) {
        auto attacker = field.stranger();
        const Introduction introduction(attacker, hello_of("mallory"));
        auto seen = introduction.hello();
        seen.at(at) ^= std::byte{1};
        wire::Transcript transcript;
        transcript.add(seen);
        transcript.add(introduction.challenge_message());
        proof_refused(field, attacker, transcript.client_mac(field.key("mallory")));
    }
    return fmt::format("EKEYREJECTED, closed, logged, {} of them", std::size(kPlaces));
}

std::string challenge_of_another_pool(Field& field) {
    auto attacker = field.stranger();
    const Introduction introduction(attacker, hello_of("mallory"));
    auto seen = introduction.challenge_message();
    seen.back() ^= std::byte{1};  // of the pool's key
    wire::Transcript transcript;
    transcript.add(introduction.hello());
    transcript.add(seen);
    return proof_refused(field, attacker, transcript.client_mac(field.key("mallory")));
}

std::string every_bit_of_the_mac(Field& field) {
    constexpr unsigned kBits = 256, kStep = 5;
    unsigned count = 0;
    for (unsigned bit = static_cast<unsigned>(test::generator()() % kStep); bit < kBits;
         bit += kStep, ++count) {
        auto attacker = field.stranger();
        const Introduction introduction(attacker, hello_of("mallory"));
        auto mac = introduction.mac(field.key("mallory"));
        mac[bit / 8] = static_cast<std::uint8_t>(mac[bit / 8] ^ (1U << bit % 8));
        attacker.post(wire::Proof{mac});
        closed_with_error(attacker, EKEYREJECTED);
    }
    return fmt::format("EKEYREJECTED, closed, {} times", count);
}

auto proof_of(std::size_t size) {
    return [=](Field& field) {
        auto attacker = field.stranger();
        const Introduction introduction(attacker, hello_of("mallory"));
        attacker.send(message_of(kProof, Bytes(size)));
        return closed_with_error(attacker, EPROTO);
    };
}

auto versions(std::uint16_t minimum, std::uint16_t maximum) {
    return [=](Field& field) {
        auto attacker = field.stranger();
        auto hello = hello_of("mallory");
        hello.minimum_version = minimum;
        hello.maximum_version = maximum;
        attacker.post(hello);
        return closed_with_error(attacker, EPROTONOSUPPORT);
    };
}

auto header_version(std::uint16_t version) {
    return [=](Field& field) {
        auto attacker = field.stranger();
        const auto body = body_of(wire::encode_request(1, hello_of("mallory")));
        attacker.send(message_of(kHello, body, static_cast<std::uint32_t>(body.size()), version));
        return closed_with_error(attacker, EPROTONOSUPPORT);
    };
}

/// From 0 to 65535 is spoken: version 1 is taken, and nothing but that.
std::string any_version(Field& field) {
    auto attacker = field.stranger();
    auto hello = hello_of("mallory");
    hello.minimum_version = 0;
    hello.maximum_version = UINT16_MAX;
    const Introduction introduction(attacker, hello);
    test::equal(introduction.challenge().version, 1);
    test::ok(attacker.ask<wire::Welcome>(wire::Proof{introduction.mac(field.key("mallory"))}));
    attacker.send(message_of(0x0601, {}, 0, 0));
    return closed_with_error(attacker, EPROTONOSUPPORT) + " at the first message of version 0";
}

std::string hello_cut_short(Field& field) {
    const auto body = body_of(wire::encode_request(1, hello_of("mallory", "pool")));
    for (std::size_t size = 0; size < body.size(); ++size) {
        auto attacker = field.stranger();
        attacker.send(message_of(kHello, std::span(body).first(size)));
        closed_with_error(attacker, EPROTO);
    }
    return fmt::format("EPROTO, closed, at each of {} lengths", body.size());
}

std::string hello_drawn(Field& field) {
    constexpr unsigned kTimes = 40;
    for (unsigned i = 0; i < kTimes; ++i) {
        auto attacker = field.stranger();
        attacker.send(test::random_bytes(1 + test::generator()() % 200));
        closed(attacker);
    }
    return fmt::format("closed, {} times", kTimes);
}

std::string answers_of_the_manager(Field& field) {
    for (const unsigned type : {0x8101U, 0x8102U, 0xffffU}) {
        auto attacker = field.stranger();
        attacker.send(message_of(static_cast<std::uint16_t>(type), Bytes(32)));
        closed_with_error(attacker, EPROTO);
    }
    return "EPROTO, closed";
}

std::string goodbye_first(Field& field) {
    auto attacker = field.stranger();
    attacker.post(wire::Goodbye{});
    return closed_with_error(attacker, EPROTO);
}

}  // namespace

Attacks handshakes() {
    return {
        {"handshake: Write to the victim before HELLO", write_before_hello},
        {"handshake: Read of the victim before HELLO", read_before_hello},
        {"handshake: Write to the victim between HELLO and PROOF", write_before_proof},
        {"handshake: every request before HELLO", every_request_before_hello},
        {"handshake: every request between HELLO and PROOF", every_request_before_proof},
        {"handshake: TAKE_OVER right behind HELLO", take_over_behind_hello},
        {"handshake: PROOF first", proof_first},
        {"handshake: GOODBYE first", goodbye_first},
        {"handshake: HELLO twice, as another one", hello_twice},
        {"handshake: HELLO and PROOF in a session", hello_in_a_session},
        {"handshake: HELLO and PROOF of the victim, replayed", replayed},
        {"handshake: the manager's own mac, reflected", reflected_mac},
        {"handshake: CHALLENGE's nonce and WELCOME's mac, reflected", reflected_challenge},
        {"handshake: two interleaved, PROOFs exchanged", interleaved},
        {"handshake: PROOF of a HELLO that was altered on its way", altered_transcript},
        {"handshake: PROOF of another pool's CHALLENGE", challenge_of_another_pool},
        {"handshake: single bits of the mac wrong", every_bit_of_the_mac},
        {"handshake: a mac of zeros",
         [](Field& field) {
             auto attacker = field.stranger();
             const Introduction introduction(attacker, hello_of("mallory"));
             return proof_refused(field, attacker, {});
         }},
        {"handshake: PROOF of 31 bytes", proof_of(31)},
        {"handshake: PROOF of 33 bytes", proof_of(33)},
        {"handshake: PROOF of no bytes", proof_of(0)},
        {"handshake: versions 2 to 3", versions(2, 3)},
        {"handshake: version 0 alone", versions(0, 0)},
        {"handshake: versions 5 to 1", versions(5, 1)},
        {"handshake: version 65535 alone", versions(65535, 65535)},
        {"handshake: HELLO in a message of version 0", header_version(0)},
        {"handshake: HELLO in a message of version 2", header_version(2)},
        {"handshake: downgraded after WELCOME", any_version},
        {"handshake: HELLO cut at each length", hello_cut_short},
        {"handshake: 40 times something drawn", hello_drawn},
        {"handshake: the manager's answers said to it", answers_of_the_manager},
    };
}

}  // namespace pmemckpt::hostile
