// DDP and RDMAP headers and the Terminate message, byte for byte as RFC 5040 and RFC 5041 draw them.
#include "lib/rdma/iwarp/ddp.hh"

#include <array>

#include "lib/rdma/iwarp/terminate.hh"
#include "tests/support/check.hh"
#include "tests/support/hostile_peer.hh"

using namespace pmemckpt;
using namespace pmemckpt::rdma::iwarp;
using namespace pmemckpt::test;

namespace {

std::string encoded(const Segment& segment) {
    std::array<std::byte, kUntaggedBytes> bytes;
    const std::size_t size = encode(segment, bytes.data());
    equal(size, header_bytes(segment.tagged));
    return hexadecimal(std::span(bytes).first(size));
}

Segment make(bool tagged, bool last, Opcode opcode) {
    Segment segment;
    segment.tagged = tagged;
    segment.last = last;
    segment.opcode = opcode;
    return segment;
}

void tagged_headers() {
    Segment write = make(true, false, Opcode::write);
    write.stag = 0x01020304;
    write.offset = 0x1112131415161718;
    equal(encoded(write), std::string("81 40 01 02 03 04 11 12 13 14 15 16 17 18"));
    write.last = true;
    equal(encoded(write), std::string("c1 40 01 02 03 04 11 12 13 14 15 16 17 18"));
    Segment response = make(true, true, Opcode::read_response);
    equal(encoded(response), std::string("c1 42 00 00 00 00 00 00 00 00 00 00 00 00"));
}

void untagged_headers() {
    Segment send = make(false, true, Opcode::send);
    send.number = 0x21222324;
    send.offset = 0x31323334;
    equal(encoded(send), std::string("41 43 00 00 00 00 00 00 00 00 21 22 23 24 31 32 33 34"));
    send.last = false;
    send.opcode = Opcode::send_invalidate;
    send.stag = 0x0a0b0c0d;
    equal(encoded(send), std::string("01 44 0a 0b 0c 0d 00 00 00 00 21 22 23 24 31 32 33 34"));
    Segment request = make(false, true, Opcode::read_request);
    request.queue = kReadQueue;
    request.number = 1;
    equal(encoded(request), std::string("41 41 00 00 00 00 00 00 00 01 00 00 00 01 00 00 00 00"));
    Segment terminate = make(false, true, Opcode::terminate);
    terminate.queue = kTerminateQueue;
    terminate.number = 1;
    equal(encoded(terminate), std::string("41 47 00 00 00 00 00 00 00 02 00 00 00 01 00 00 00 00"));
}

void headers_are_decoded() {
    const auto tagged_bytes = test::ulpdu(Tagged{.opcode = kReadResponse,
                                                 .stag = 0xfffefdfc,
                                                 .offset = 0xf1f2f3f4f5f6f7f8,
                                                 .payload = {},
                                                 .last = false,
                                                 .ddp_version = 2,
                                                 .rdmap_version = 3});
    const Segment tagged = decode_segment(tagged_bytes.data());
    CHECK(tagged.tagged && !tagged.last && tagged.opcode == Opcode::read_response);
    CHECK(tagged.stag == 0xfffefdfc && tagged.offset == 0xf1f2f3f4f5f6f7f8);
    CHECK(tagged.ddp_version == 2 && tagged.rdmap_version == 3);
    const auto untagged_bytes = test::ulpdu(Untagged{.opcode = kSendSolicitedInvalidate,
                                                     .queue = 0x80000001,
                                                     .number = 0xfffffffe,
                                                     .offset = 0x90000000,
                                                     .payload = {},
                                                     .invalidate = 77});
    const Segment untagged = decode_segment(untagged_bytes.data());
    CHECK(!untagged.tagged && untagged.last && untagged.opcode == Opcode::send_solicited_invalidate);
    CHECK(untagged.queue == 0x80000001 && untagged.number == 0xfffffffe && untagged.offset == 0x90000000);
    CHECK(untagged.stag == 77 && untagged.ddp_version == 1 && untagged.rdmap_version == 1);
}

void read_request() {
    std::array<std::byte, kReadRequestBytes> bytes;
    encode(ReadRequest{0x01020304, 0x1112131415161718, 0x21222324, 0x31323334, 0x4142434445464748},
           bytes.data());
    equal(hexadecimal(bytes), std::string("01 02 03 04 11 12 13 14 15 16 17 18 21 22 23 24 "
                                          "31 32 33 34 41 42 43 44 45 46 47 48"));
    const ReadRequest request = decode_read_request(bytes);
    CHECK(request.sink == 0x01020304 && request.sink_offset == 0x1112131415161718 &&
          request.size == 0x21222324);
    CHECK(request.source == 0x31323334 && request.source_offset == 0x4142434445464748);
}

std::string encoded(const Terminate& terminate) {
    std::array<std::byte, kMaximumTerminate> bytes;
    return hexadecimal(std::span(bytes).first(encode(terminate, bytes.data())));
}

void terminate_message() {
    Terminate terminate;
    terminate.rule = rule::kCrc;
    equal(encoded(terminate), std::string("20 02 00 00"));
    terminate.rule = rule::kBounds;
    terminate.segment_bytes = 0x0102;
    encode(make(true, true, Opcode::write), terminate.header.data());
    equal(encoded(terminate), std::string("11 01 c0 00 01 02 c1 40 00 00 00 00 00 00 00 00 00 00 00 00"));
    terminate.rule = rule::kInvalidation;
    encode(make(false, true, Opcode::send_invalidate), terminate.header.data());
    equal(encoded(terminate),
          std::string("01 09 c0 00 01 02 41 44 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"));
    terminate.rule = rule::kSourceStag;
    encode(make(false, true, Opcode::read_request), terminate.header.data());
    terminate.request.emplace().fill(std::byte{0x77});
    const std::string with_request = encoded(terminate);
    contains(with_request, "01 00 e0 00 01 02 41 41 00");
    equal(with_request.size(), 3 * kMaximumTerminate - 1);
}

void terminate_is_decoded_and_explained() {
    const auto decoded = decode_terminate(Wire().u8(0x12).u8(5).u16(0).bytes);
    CHECK(decoded == rule::kMessageTooLong);
    CHECK(!decode_terminate(Wire().u8(0x12).u16(0).bytes));
    contains(describe(rule::kMessageTooLong), "too long (layer 1, type 2, code 5)");
    contains(describe({9, 9, 9}), "layer 9");
    for (const Rule rule : {rule::kSourceStag, rule::kSourceBounds, rule::kAccess, rule::kSourceWrap,
                            rule::kStag, rule::kBounds, rule::kWrap, rule::kInvalidation})
        equal(error_code(rule), EACCES);
    for (const Rule rule :
         {rule::kLocalCatastrophic, rule::kOpcode, rule::kQueue, rule::kCrc, rule::kTaggedVersion})
        equal(error_code(rule), EPROTO);
}

}  // namespace

int main() {
    return run("ddp", {{"tagged headers", tagged_headers},
                       {"untagged headers", untagged_headers},
                       {"headers are decoded", headers_are_decoded},
                       {"read request", read_request},
                       {"terminate message", terminate_message},
                       {"terminate is decoded and explained", terminate_is_decoded_and_explained}});
}
