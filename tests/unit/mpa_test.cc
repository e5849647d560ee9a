// MPA: start-up frames byte for byte, framing arithmetic, the CRC's place, and what two ends agree on.
#include "lib/rdma/iwarp/mpa.hh"

#include "lib/base/crc32c.hh"
#include "lib/rdma/iwarp/start_up.hh"
#include "tests/support/check.hh"
#include "tests/support/hostile_peer.hh"

using namespace pmemckpt;
using namespace pmemckpt::rdma::iwarp;
using namespace pmemckpt::test;

namespace {

// RFC 5044, section 7.1.1: key, M C R and reserved bits, revision, private data length.
constexpr const char* kRequestKey = "4d 50 41 20 49 44 20 52 65 71 20 46 72 61 6d 65";
constexpr const char* kReplyKey = "4d 50 41 20 49 44 20 52 65 70 20 46 72 61 6d 65";

Result<StartUp> decode(const std::vector<std::byte>& bytes, Greeting kind) {
    auto frame = decode_start_up(std::span(bytes).first<kStartUpBytes>(), kind);
    if (frame)
        decode_private(*frame, std::span(bytes).subspan(kStartUpBytes));
    return frame;
}

void plain_frames() {
    StartUp request;
    equal(hexadecimal(encode(request)), std::string(kRequestKey) + " 00 01 00 00");
    request.crc = true;
    equal(hexadecimal(encode(request)), std::string(kRequestKey) + " 40 01 00 00");
    StartUp reply;
    reply.kind = Greeting::reply;
    reply.markers = reply.reject = true;
    equal(hexadecimal(encode(reply)), std::string(kReplyKey) + " a0 01 00 00");
}

// RFC 6581, section 9: the flag S, then A and B with IRD, C and D with ORD.
void enhanced_frames() {
    StartUp request;
    request.revision = 2;
    request.large_segments = true;
    request.has_enhanced = true;
    request.enhanced.ird = 0x123;
    request.enhanced.ord = 0x3ffe;
    equal(hexadecimal(encode(request)), std::string(kRequestKey) + " 18 02 00 04 01 23 3f fe");
    request.enhanced.peer_to_peer = request.enhanced.read_rtr = true;
    equal(hexadecimal(encode(request)), std::string(kRequestKey) + " 18 02 00 04 81 23 7f fe");
    request.enhanced.zero_length_rtr = request.enhanced.write_rtr = true;
    request.enhanced.read_rtr = false;
    equal(hexadecimal(encode(request)), std::string(kRequestKey) + " 18 02 00 04 c1 23 bf fe");
}

void frames_are_decoded() {
    const auto bytes = start_up_frame({.reply = true,
                                       .flags = 0xd8,
                                       .revision = 2,
                                       .ird = 0x8007,
                                       .ord = 0x4009,
                                       .private_data = Wire().text("theirs").bytes});
    const auto frame = ok(decode(bytes, Greeting::reply));
    CHECK(frame.markers && frame.crc && !frame.reject && frame.has_enhanced && frame.large_segments);
    equal(frame.revision, 2);
    equal(frame.private_bytes, 10);
    CHECK(frame.enhanced.peer_to_peer && !frame.enhanced.zero_length_rtr);
    CHECK(!frame.enhanced.write_rtr && frame.enhanced.read_rtr);
    equal(frame.enhanced.ird, 7);
    equal(frame.enhanced.ord, 9);
    // In revision 1 the bit of S is reserved: there is nothing of RFC 6581 in the private data.
    const auto old =
        ok(decode(start_up_frame({.flags = 0x10, .revision = 1, .ird = 1, .ord = 1, .private_data = {}}),
                  Greeting::request));
    CHECK(!old.has_enhanced);
    equal(old.enhanced.ird, 0);
}

void what_is_no_frame() {
    auto bytes = start_up_frame({.private_data = {}});
    contains(error(decode(bytes, Greeting::reply), EPROTO), "MPA ID Rep Frame");
    bytes[3] = std::byte{'x'};
    error(decode(bytes, Greeting::request), EPROTO);
    contains(
        error(decode(Wire().text("MPA ID Req Frame").u8(0).u8(1).u16(513).bytes, Greeting::request), EPROTO),
        "513");
    ok(decode(Wire().text("MPA ID Req Frame").u8(0).u8(1).u16(512).bytes, Greeting::request));
    contains(
        error(decode(Wire().text("MPA ID Req Frame").u8(0x10).u8(2).u16(3).bytes, Greeting::request), EPROTO),
        "at least 4");
}

void framing() {
    for (std::size_t size = 0; size < 64; ++size)
        CHECK((kLengthBytes + size + pad_bytes(size)) % 4 == 0 && pad_bytes(size) <= kMaximumPad);
    for (std::size_t segment = 160; segment < 70'000; segment += 7) {
        const std::size_t largest = ulpdu_for_segment(segment);
        const auto whole = [](std::size_t ulpdu) {
            return kLengthBytes + ulpdu + pad_bytes(ulpdu) + kCrcBytes;
        };
        CHECK(whole(largest) <= segment && largest <= kMaximumUlpdu);
        CHECK(largest == kMaximumUlpdu || whole(largest + 1) > segment);
    }
    equal(ulpdu_for_segment(1460), 1454U);
    equal(ulpdu_for_segment(0), kMinimumUlpdu);
}

void crc_on_the_wire() {
    const auto digits = Wire().text("123456789").bytes;
    std::array<std::byte, 4> stored{};
    store_crc(stored.data(), crc32c(digits));
    equal(hexadecimal(stored), std::string("83 92 06 e3"));
    equal(load_crc(stored.data()), 0xe3069283U);
    equal(slow_crc32c(digits), 0xe3069283U);
}

void crc_is_used_if_either_asks() {
    for (const bool ours : {false, true})
        for (const bool theirs : {false, true}) {
            rdma::EngineOptions responder{}, initiator{};
            responder.crc = ours;
            initiator.crc = theirs;
            const StartUp request = make_request(initiator);
            const Answer answer = answer_request(request, responder);
            equal(answer.reply.crc, ours || theirs);
            equal(answer.agreed.crc, ours || theirs);
            equal(ok(check_reply(request, answer.reply, initiator)).crc, ours || theirs);
        }
}

void reads_are_negotiated() {
    rdma::EngineOptions small{}, large{};
    small.outstanding_reads = 3;
    large.outstanding_reads = 100;
    const StartUp request = make_request(large);
    const Answer answer = answer_request(request, small);
    equal(answer.agreed.inbound_reads, 3U);
    equal(answer.agreed.outbound_reads, 3U);
    const auto agreed = ok(check_reply(request, answer.reply, large));
    equal(agreed.outbound_reads, 3U);
    equal(agreed.inbound_reads, 100U);
    CHECK(agreed.large_segments && agreed.peer_to_peer);

    StartUp plain;
    const Answer to_plain = answer_request(plain, large);
    equal(to_plain.reply.revision, 1);
    CHECK(!to_plain.reply.has_enhanced && !to_plain.reply.large_segments && !to_plain.agreed.peer_to_peer);
    equal(to_plain.agreed.outbound_reads, kReadsWithoutNegotiation);

    StartUp greedy = answer.reply;
    greedy.enhanced.ord = 101;
    contains(error(check_reply(request, greedy, large), EPROTO), "101");
    greedy.enhanced.ord = greedy.enhanced.ird = 0x3fff;  // "not negotiated"
    equal(ok(check_reply(request, greedy, large)).outbound_reads, 100U);
}

void what_is_refused() {
    const rdma::EngineOptions options{};
    StartUp request = make_request(options);
    request.markers = true;
    Answer answer = answer_request(request, options);
    CHECK(answer.reply.reject && !answer.reply.markers);
    contains(answer.refusal, "markers");
    request = make_request(options);
    request.revision = 3;
    answer = answer_request(request, options);
    CHECK(answer.reply.reject);
    equal(answer.reply.revision, 2);
    request = make_request(options);
    request.enhanced.write_rtr = false;
    CHECK(answer_request(request, options).reply.reject);
    request.enhanced.read_rtr = true;
    answer = answer_request(request, options);
    CHECK(!answer.reply.reject && answer.reply.enhanced.read_rtr && !answer.reply.enhanced.write_rtr);

    request = make_request(options);
    StartUp reply = answer_request(request, options).reply;
    reply.reject = true;
    error(check_reply(request, reply, options), ECONNREFUSED);
    reply.reject = false;
    reply.markers = true;
    contains(error(check_reply(request, reply, options), EPROTO), "markers");
    reply.markers = false;
    reply.revision = 0;
    error(check_reply(request, reply, options), EPROTO);
    reply = answer_request(request, options).reply;
    reply.enhanced.write_rtr = false;
    error(check_reply(request, reply, options), EPROTO);
}

}  // namespace

int main() {
    return run("mpa", {{"plain frames", plain_frames},
                       {"enhanced frames", enhanced_frames},
                       {"frames are decoded", frames_are_decoded},
                       {"what is no frame", what_is_no_frame},
                       {"framing", framing},
                       {"CRC on the wire", crc_on_the_wire},
                       {"CRC is used if either asks", crc_is_used_if_either_asks},
                       {"reads are negotiated", reads_are_negotiated},
                       {"what is refused", what_is_refused}});
}
