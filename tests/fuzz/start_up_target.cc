// The frames that start an iWARP connection, from a peer who says anything, in pieces of any size.
//
// input: which end hears it, bytes of a piece, reads at once, CRC; then what the peer says
#include <cerrno>

#include "lib/rdma/iwarp/greeter.hh"
#include "lib/rdma/iwarp/start_up.hh"
#include "lib/wire/codec.hh"
#include "tests/fuzz/input.hh"
#include "tests/fuzz/socket_pair.hh"

using namespace pmemckpt;
using namespace pmemckpt::rdma;
using namespace pmemckpt::rdma::iwarp;

namespace {

using fuzz::Bytes;

/// As another end reads it: the same.
void check_goes_there_and_back(const StartUp& frame) {
    const auto bytes = encode(frame);
    const std::span<const std::byte> all(bytes);
    auto again = test::ok(decode_start_up(all.first<kStartUpBytes>(), frame.kind));
    CHECK(again.private_bytes == all.size() - kStartUpBytes);
    decode_private(again, all.subspan(kStartUpBytes));
    CHECK(encode(again) == bytes);
}

void check_agreement(const Agreement& agreed, const EngineOptions& options) {
    CHECK(agreed.crc || !options.crc);
    CHECK(agreed.inbound_reads == options.outstanding_reads);
    CHECK(agreed.outbound_reads <= std::max(options.outstanding_reads, kReadsWithoutNegotiation));
}

void use_request(const StartUp& request, const EngineOptions& options) {
    const auto answer = answer_request(request, options);
    CHECK(answer.reply.reject == !answer.refusal.empty());
    check_goes_there_and_back(answer.reply);
    if (!answer.reply.reject)
        check_agreement(answer.agreed, options);
}

void use_reply(const StartUp& reply, const EngineOptions& options) {
    const auto agreed = check_reply(make_request(options), reply, options);
    if (agreed)
        check_agreement(*agreed, options);
    else
        CHECK(agreed.error().code == EPROTO || agreed.error().code == ECONNREFUSED);
}

std::optional<StartUp> hear(fuzz::Input& said, Greeting kind, std::size_t piece_bytes) {
    fuzz::SocketPair sockets;
    Greeter greeter;
    for (std::size_t heard = 0;;) {
        const auto piece = said.piece(piece_bytes);
        sockets.say(piece);
        if (piece.empty())
            sockets.end_saying();
        const auto frame = greeter.receive(sockets.own.get(), kind);
        heard += piece.size();
        if (!frame) {
            CHECK(frame.error().code == EPROTO || frame.error().code == ECONNRESET);
            return std::nullopt;
        }
        if (*frame) {  // and nothing beyond it was taken
            CHECK(heard - fuzz::waiting_at(sockets.own.get()) == kStartUpBytes + (**frame).private_bytes);
            return *frame;
        }
        CHECK(!piece.empty());
    }
}

void run(std::span<const std::byte> bytes) {
    fuzz::Input input(bytes);
    const auto kind = input.byte() % 2 == 0 ? Greeting::request : Greeting::reply;
    const std::size_t piece_bytes = 1 + input.byte();
    EngineOptions options;
    options.outstanding_reads = input.byte();
    options.crc = input.byte() % 2 == 1;
    const auto frame = hear(input, kind, piece_bytes);
    if (!frame)
        return;
    check_goes_there_and_back(*frame);
    if (kind == Greeting::request)
        use_request(*frame, options);
    else
        use_reply(*frame, options);
}

Bytes said_to(Greeting kind, std::span<const std::byte> frame) {
    wire::Encoder input;
    for (const std::uint8_t setting :
         {static_cast<std::uint8_t>(kind), std::uint8_t{255}, std::uint8_t{16}, std::uint8_t{1}})
        input(setting);
    input.append(frame);
    return input.bytes();
}

std::vector<fuzz::Seed> seeds() {
    auto plain = make_request({});
    plain.revision = 1;
    plain.has_enhanced = false;
    auto longer = encode(plain);
    longer[19] = std::byte{12};
    longer.resize(kStartUpBytes + 12);
    const auto reply = answer_request(make_request({}), {}).reply;
    return {{"request", said_to(Greeting::request, encode(make_request({})))},
            {"request-of-revision-1", said_to(Greeting::request, encode(plain))},
            {"request-with-private-data", said_to(Greeting::request, longer)},
            {"reply", said_to(Greeting::reply, encode(reply))},
            {"reply-of-revision-1", said_to(Greeting::reply, encode(answer_request(plain, {}).reply))}};
}

}  // namespace

const fuzz::Target pmemckpt::fuzz::target{run, seeds};
