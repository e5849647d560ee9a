// Who proves to a manager, or to a participant, who he is: whatever he says, in whatever order.
//
// input: settings; messages, each behind its length. Settings: which service; whether a proof is that of one
// who has alice's key, or her former one, but for the bits that are set in the message; whether her keys are
// withdrawn behind it.
#include <algorithm>
#include <cerrno>
#include <functional>

#include "lib/wire/server_handshake.hh"
#include "tests/fuzz/bodies.hh"
#include "tests/fuzz/handshake_keys.hh"
#include "tests/fuzz/input.hh"

using namespace pmemckpt;
using namespace pmemckpt::wire;

namespace {

using fuzz::Bytes;

// In settings, beside the service.
constexpr unsigned kProvesRight = 2, kFormer = 4, kWithdrawn = 8;

class Server {
public:
    explicit Server(unsigned settings)
        : settings_(settings),
          transcript_(fuzz::service_of(settings)),
          handshake_(fuzz::service_of(settings), fuzz::key_directory(), 1,
                     [](const std::string& name) -> Result<ServerHandshake::Served> {
                         if (!name.empty() && name != "pool" && parse_uuid(name) != fuzz::kServed)
                             return fail(ENOENT, "there is no pool \"{}\"", name);
                         return ServerHandshake::Served{fuzz::kServed, fuzz::served(), {}};
                     }) {}

    /// Whether the connection lives on.
    bool hear(Bytes whole);

private:
    void make_right(Bytes& whole) const;
    void note(const Message& message, std::span<const std::byte> whole, const Result<Bytes>& answer);
    /// The key that it has the MAC of; none: nullptr.
    const Key* proved_key(const Message& message) const;
    void check_welcome(const Message& proof, std::span<const std::byte> answer) const;
    void recheck();

    const unsigned settings_;
    Transcript transcript_;
    ServerHandshake handshake_;
    std::string claimed_;  // who it is, by its HELLO
};

void Server::make_right(Bytes& whole) const {
    const auto message = parse_message(whole);
    if (!message || message->header.type != static_cast<std::uint16_t>(Type::proof))
        return;
    auto proof = decode_body<Proof>(message->body);
    if (!proof)
        return;
    const auto right =
        transcript_.client_mac((settings_ & kFormer) != 0 ? fuzz::alices_former() : fuzz::alices());
    std::ranges::transform(proof->mac, right, proof->mac.begin(), std::bit_xor());
    whole = encode_request(message->header.request_id, *proof);
}

const Key* Server::proved_key(const Message& message) const {
    const auto proof = decode_body<Proof>(message.body);
    if (!proof || claimed_ != "alice")
        return nullptr;
    for (const auto* const key : {&fuzz::alices(), &fuzz::alices_former()})
        if (proof->mac == transcript_.client_mac(*key))
            return key;
    return nullptr;
}

void Server::check_welcome(const Message& proof, std::span<const std::byte> answer) const {
    const auto* const key = proved_key(proof);
    CHECK(key != nullptr && handshake_.principal() == "alice");
    const auto welcome = test::ok(decode_body<Welcome>(test::ok(parse_message(answer)).body));
    CHECK(welcome.mac == transcript_.server_mac(*key, test::ok(decode_body<Proof>(proof.body)).mac));
}

/// What was withdrawn meanwhile counts no more.
void Server::recheck() {
    const auto& directory = fuzz::key_directory();
    if ((settings_ & kWithdrawn) != 0)
        test::ok(remove_key(directory, "alice"));
    const auto status = handshake_.recheck();
    CHECK(status.has_value() == ((settings_ & kWithdrawn) == 0));
    if ((settings_ & kWithdrawn) != 0)
        fuzz::store_alices_keys(directory);
}

/// What was said and answered till now is what proofs are of.
void Server::note(const Message& message, std::span<const std::byte> whole, const Result<Bytes>& answer) {
    const auto type = static_cast<Type>(message.header.type);
    if (answer && type == Type::hello) {
        transcript_.add(whole);
        transcript_.add(*answer);
        claimed_ = test::ok(decode_body<Hello>(message.body)).principal;
    }
}

bool Server::hear(Bytes whole) {
    if ((settings_ & kProvesRight) != 0)
        make_right(whole);
    const auto message = parse_message(whole);
    if (!message)
        return false;
    const bool was_done = handshake_.done();
    const auto answer = handshake_.take(*message, whole);
    CHECK(answer || (!answer.error().message.empty() && answer.error().code > 0));
    if (handshake_.done() && !was_done) {
        check_welcome(*message, *answer);
        recheck();
    }
    CHECK(!was_done || !answer);
    note(*message, whole, answer);
    return answer.has_value();
}

void run(std::span<const std::byte> bytes) {
    fuzz::Input input(bytes);
    Server server(input.byte());
    while (!input.empty()) {
        const auto whole = input.piece_with_length();
        if (!server.hear({whole.begin(), whole.end()}))
            return;
    }
}

Bytes input_of(unsigned settings, const std::vector<Bytes>& messages) {
    Encoder input;
    input(static_cast<std::uint8_t>(settings));
    for (const auto& message : messages)
        input(message);
    return input.bytes();
}

Hello hello_for(const std::string& principal, const std::string& pool) {
    Hello hello;
    hello.principal = principal;
    hello.pool = pool;
    return hello;
}

std::vector<fuzz::Seed> seeds() {
    const auto hello = [](const std::string& principal, const std::string& pool) {
        return encode_request(1, hello_for(principal, pool));
    };
    const auto proof = encode_request(2, Proof{});
    Proof but_for_a_bit{};
    but_for_a_bit.mac.back() = 0x80;
    const auto pools_own = pool_key_name(to_string(fuzz::kServed));
    return {{"right", input_of(kProvesRight, {hello("alice", "pool"), proof})},
            {"right-with-a-participant", input_of(kProvesRight | 1, {hello("alice", ""), proof})},
            {"right-by-the-former-key", input_of(kProvesRight | kFormer, {hello("alice", "pool"), proof})},
            {"withdrawn", input_of(kProvesRight | kWithdrawn, {hello("alice", "pool"), proof})},
            {"by-uuid", input_of(kProvesRight, {hello("alice", to_string(fuzz::kServed)), proof, proof})},
            {"right-but-for-a-bit",
             input_of(kProvesRight, {hello("alice", "pool"), encode_request(2, but_for_a_bit)})},
            {"wrong", input_of(0, {hello("alice", "pool"), proof})},
            {"unknown", input_of(kProvesRight, {hello("mallory", "pool"), proof})},
            {"key-of-the-pool", input_of(0, {hello(pools_own, "pool"), proof})},
            {"too-early", input_of(0, {proof, hello("alice", "pool")})}};
}

/// A field of the first message is changed, or proofs are, and headers fit.
void mend(Bytes& input, unsigned seed) {
    fuzz::Input read(input);
    const unsigned settings = read.byte();
    std::vector<Bytes> messages;
    while (!read.empty() && messages.size() < 4) {
        const auto whole = read.piece_with_length();
        messages.emplace_back(whole.begin(), whole.end());
    }
    for (std::size_t i = 0; i < messages.size(); ++i) {
        auto& whole = messages[i];
        Bytes body(whole.begin() + static_cast<std::ptrdiff_t>(std::min(kHeaderBytes, whole.size())),
                   whole.end());
        if (i == 0 && seed % 2 == 0)
            fuzz::change_body<Hello>(body, seed);
        if (i > 0 && seed % 4 == 1)
            fuzz::change_body<Proof>(body, seed);
        Encoder encoded;
        encoded.append(body);
        whole =
            encode_raw(static_cast<std::uint16_t>(i == 0 ? Type::hello : Type::proof), i, std::move(encoded));
    }
    input = input_of(settings, messages);
}

}  // namespace

const fuzz::Target pmemckpt::fuzz::target{run, seeds, mend};
