// Who says that he is the manager of a pool, or a participant: a client believes him only with a proof of
// both keys.
//
// input: settings; the CHALLENGE, then the WELCOME, each behind its length. Settings: which service; what is
// asked for; whether proofs are made right, as one makes them who has both keys.
#include <cerrno>

#include "lib/wire/client_handshake.hh"
#include "tests/fuzz/bodies.hh"
#include "tests/fuzz/handshake_keys.hh"
#include "tests/fuzz/input.hh"

using namespace pmemckpt;
using namespace pmemckpt::wire;

namespace {

using fuzz::Bytes;

// In settings, beside the service.
constexpr unsigned kProvesRight = 2, kByName = 4, kByUuid = 8;

std::string wanted_name(unsigned settings) {
    if ((settings & kByUuid) != 0)
        return to_string(fuzz::kServed);
    return (settings & kByName) != 0 ? "pool" : "";
}

class Client {
public:
    explicit Client(unsigned settings)
        : settings_(settings),
          transcript_(fuzz::service_of(settings)),
          handshake_(fuzz::service_of(settings), {"alice", wanted_name(settings), fuzz::key_directory()},
                     fuzz::alices()) {
        transcript_.add(handshake_.hello(1));
    }
    bool hear_challenge(std::span<const std::byte> whole);
    void hear_welcome(Bytes whole);

private:
    bool proves_right() const { return (settings_ & kProvesRight) != 0; }
    Bytes right_welcome(const Message& message) const;

    const unsigned settings_;
    Transcript transcript_;
    ClientHandshake handshake_;
    Challenge challenge_;
    Mac proof_{};
};

bool Client::hear_challenge(std::span<const std::byte> whole) {
    const auto message = parse_message(whole);
    if (!message)
        return false;
    const auto proof = handshake_.prove(2, whole);
    if (!proof) {
        CHECK(!proof.error().message.empty() && proof.error().code > 0);
        return false;
    }
    challenge_ = test::ok(decode_body<Challenge>(message->body));
    CHECK(challenge_.pool_uuid != fuzz::kServed || challenge_.pool_key == public_key(fuzz::served()));
    CHECK((settings_ & kByUuid) == 0 || challenge_.pool_uuid == fuzz::kServed);
    transcript_.add(whole);
    proof_ = test::ok(decode_body<Proof>(test::ok(parse_message(*proof)).body)).mac;
    CHECK(proof_ == transcript_.client_mac(fuzz::alices()));
    return true;
}

Bytes Client::right_welcome(const Message& message) const {
    auto welcome = decode_body<Welcome>(message.body).value_or(Welcome{});
    welcome.mac = transcript_.server_mac(fuzz::alices(), proof_);
    welcome.signature = transcript_.sign(fuzz::served(), proof_);
    return encode_answer(Type::proof, message.header.request_id, welcome);
}

void Client::hear_welcome(Bytes whole) {
    if (const auto message = parse_message(whole); message && proves_right())
        whole = right_welcome(*message);
    const auto message = parse_message(whole);
    if (!message)
        return;
    const auto welcome = handshake_.check(whole);
    const bool has_both = proves_right() && challenge_.pool_key == public_key(fuzz::served());
    CHECK(!has_both || welcome);
    if (welcome)
        CHECK(welcome->mac == transcript_.server_mac(fuzz::alices(), proof_) &&
              transcript_.verify(challenge_.pool_key, proof_, welcome->signature));
}

void run(std::span<const std::byte> bytes) {
    fuzz::Input input(bytes);
    Client client(input.byte());
    if (!client.hear_challenge(input.piece_with_length()))
        return;
    const auto welcome = input.piece_with_length();
    client.hear_welcome({welcome.begin(), welcome.end()});
}

Bytes input_of(unsigned settings, const Challenge& challenge, const Welcome& welcome) {
    Encoder input;
    input(static_cast<std::uint8_t>(settings));
    input(encode_answer(Type::hello, 1, challenge));
    input(encode_answer(Type::proof, 2, welcome));
    return input.bytes();
}

std::vector<fuzz::Seed> seeds() {
    Challenge challenge;
    challenge.pool_uuid = fuzz::kServed;
    challenge.pool_key = public_key(fuzz::served());
    Welcome welcome;
    welcome.manager = "pmemckptd";
    auto other = challenge;
    other.pool_uuid = {1};
    auto another_key = challenge;
    another_key.pool_key = public_key(fuzz::alices());
    return {{"right", input_of(kProvesRight, challenge, welcome)},
            {"right-of-a-participant", input_of(kProvesRight | 1, challenge, welcome)},
            {"right-by-uuid", input_of(kProvesRight | kByUuid, challenge, welcome)},
            {"wrong", input_of(kByName, challenge, welcome)},
            {"not-known-here", input_of(kProvesRight, other, welcome)},
            {"another-one", input_of(kProvesRight | kByUuid, other, welcome)},
            {"another-key", input_of(kProvesRight, another_key, welcome)}};
}

/// A field of one of the two is changed, and headers fit.
void mend(Bytes& input, unsigned seed) {
    fuzz::Input read(input);
    const unsigned settings = read.byte();
    const auto body_of = [&] {
        const auto whole = read.piece_with_length();
        const auto body = whole.subspan(std::min(kHeaderBytes, whole.size()));
        return Bytes(body.begin(), body.end());
    };
    auto challenge = body_of(), welcome = body_of();
    if (seed % 4 == 0)
        fuzz::change_body<Challenge>(challenge, seed);
    if (seed % 4 == 1)
        fuzz::change_body<Welcome>(welcome, seed);
    const auto of_manager = [](std::uint16_t type, std::span<const std::byte> body) {
        Encoder encoded;
        encoded.append(body);
        return encode_raw(type, 1, std::move(encoded));
    };
    Encoder mended;
    mended(static_cast<std::uint8_t>(settings));
    mended(of_manager(0x8101, challenge));
    mended(of_manager(0x8102, welcome));
    input = mended.bytes();
}

}  // namespace

const fuzz::Target pmemckpt::fuzz::target{run, seeds, mend};
