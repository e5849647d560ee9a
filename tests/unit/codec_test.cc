// Control messages on the wire: every type goes there and back; nothing torn, long or hostile is taken.
#include <cerrno>

#include "lib/base/crc32c.hh"
#include "lib/rdma/iwarp/ddp.hh"
#include "lib/rdma/iwarp/mpa.hh"
#include "lib/wire/handshake.hh"
#include "tests/support/message_filler.hh"

using namespace pmemckpt;
using test::encoded;
using test::Filler;

namespace {

using Bytes = std::vector<std::byte>;

template <class Body>
void check_body() {
    Body body;
    Filler{}(body);
    const auto bytes = encoded(body);
    CHECK(encoded(test::ok(wire::decode_body<Body>(bytes))) == bytes);
    for (std::size_t size = 0; size < bytes.size(); ++size)
        test::contains(test::error(wire::decode_body<Body>(std::span(bytes).first(size)), EPROTO),
                       "cut short");
    auto longer = bytes;
    longer.push_back(std::byte{0});
    test::contains(test::error(wire::decode_body<Body>(longer), EPROTO), "longer");
    for (int round = 0; round < 200; ++round) {
        const auto noise = test::random_bytes(test::generator()() % 300);
        if (const auto decoded = wire::decode_body<Body>(noise))
            CHECK(encoded(*decoded) == noise);  // one meaning, one encoding
    }
}

template <class... Bodies>
void check_bodies() {
    (check_body<Bodies>(), ...);
}

void bodies_go_there_and_back() {
    check_bodies<wire::ErrorAnswer, wire::Hello, wire::Challenge, wire::Proof, wire::Welcome, wire::Region,
                 wire::Generation, wire::Window, wire::CreateRegion, wire::FindRegion, wire::DestroyRegion,
                 wire::ListRegions, wire::RegionList, wire::Begin, wire::Begun, wire::Seal, wire::Abort,
                 wire::OpenGeneration, wire::OpenedGeneration, wire::CloseGeneration, wire::ListGenerations,
                 wire::GenerationList, wire::WaitGeneration, wire::FindGeneration, wire::PoolStatus>();
    check_bodies<wire::SetRetention, wire::Clear, wire::Pin, wire::Cursor, wire::CursorGet,
                 wire::CursorAdvance, wire::CursorDrop, wire::CursorListRequest, wire::CursorList,
                 wire::TakeOver, wire::TakenOver, wire::Event, wire::Watch, wire::EventList, wire::BeginClone,
                 wire::Cloning, wire::Range, wire::Dirty, wire::LogSegment, wire::OpenLog, wire::LogGranted,
                 wire::GrowLog, wire::CloseLog, wire::ReadLog, wire::LogOpened, wire::WaitLog, wire::FindLog,
                 wire::LogState, wire::FindInLog, wire::LogPlace, wire::LogHint, wire::Goodbye,
                 wire::StatusRequest>();
    test::ok(wire::decode_body<wire::Empty>({}));
    test::error(wire::decode_body<wire::Empty>(Bytes(1)), EPROTO);
}

std::string hexadecimal(const auto& bytes, const char* between = "") {
    std::string text;
    for (const auto byte : bytes)
        text += fmt::format("{}{:02x}", text.empty() ? "" : between, static_cast<unsigned>(byte));
    return text;
}

// The examples of pmemckpt-protocol.7, byte by byte.
void the_manual_tells_the_truth() {
    const auto request = wire::encode_request(5, wire::OpenGeneration{"team/app", 3});
    test::equal(hexadecimal(request, " "),
                "00 01 03 04 00 00 00 12 00 00 00 00 00 00 00 05 "
                "00 08 74 65 61 6d 2f 61 70 70 "
                "00 00 00 00 00 00 00 03");
    const wire::ErrorAnswer error{ENOENT, "no"};
    test::equal(hexadecimal(wire::encode_answer(wire::Type::error, 5, error), " "),
                "00 01 ff ff 00 00 00 08 00 00 00 00 00 00 00 05 00 00 00 02 00 02 6e 6f");
}

void the_manual_s_frame_is_one() {
    namespace iwarp = rdma::iwarp;
    const auto message = wire::encode_request(5, wire::OpenGeneration{"team/app", 3});
    iwarp::Segment header;
    header.last = true;
    header.number = 3;
    Bytes frame(iwarp::kLengthBytes + iwarp::kUntaggedBytes);
    const auto ulpdu = iwarp::kUntaggedBytes + message.size();
    frame[1] = static_cast<std::byte>(ulpdu);
    iwarp::encode(header, frame.data() + iwarp::kLengthBytes);
    frame.insert(frame.end(), message.begin(), message.end());
    frame.resize(frame.size() + iwarp::pad_bytes(ulpdu));
    const auto crc = crc32c(frame);
    frame.resize(frame.size() + iwarp::kCrcBytes);
    iwarp::store_crc(frame.data() + frame.size() - iwarp::kCrcBytes, crc);
    test::equal(hexadecimal(std::span(frame).first(20)), "0034414300000000000000000000000300000000");
    test::equal(hexadecimal(std::span(frame).last(6)), "0000f73625c4");
}

void the_manual_s_handshake_is_one() {
    const auto alice =
        test::ok(Key::parse("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"));
    std::string seed;
    for (int count = 0; count < 32; ++count)
        seed += "44";
    const auto pool = test::ok(Key::parse(seed));
    wire::Hello hello;
    hello.nonce.fill(0x11);
    hello.principal = "alice";
    wire::Challenge challenge;
    challenge.nonce.fill(0x22);
    challenge.pool_uuid.fill(0x33);
    challenge.pool_key = public_key(pool);
    const auto first = wire::encode_request(1, hello);
    const auto second = wire::encode_answer(wire::Type::hello, 1, challenge);
    const auto text = hexadecimal(first);
    test::equal(text.substr(0, 40), "000101010000002d000000000000000100010001");
    test::equal(text.substr(text.size() - 18), "0005616c6963650000");
    test::equal(hexadecimal(second).substr(0, 36), "000181010000005200000000000000010001");
    test::equal(hexadecimal(challenge.pool_key),
                "d759793bbc13a2819a827c76adb6fba8a49aee007f49f2d0992d99b825ad2c48");
    wire::Transcript transcript;
    transcript.add(first);
    transcript.add(second);
    const auto proof = transcript.client_mac(alice);
    test::equal(hexadecimal(proof), "a68ccba6d003d4bbf950047628f4ffc37f219946c051f71b9648524e60cd4711");
    test::equal(hexadecimal(transcript.server_mac(alice, proof)),
                "9e6675d1f90ffcc51f64bdb29490c9c4b16b759a56dcb1679bd94bf0e1ae143d");
    test::equal(hexadecimal(transcript.sign(pool, proof)),
                "5e9887ac1aa11c93e2ea8aecc008f7ba29924113d06a355351242880708045a1"
                "6d857ffc325b60332740b5bd5d92a435eded8feed451460eab0cd71e57b76e05");
}

void numbers_are_as_the_manual_says() {
    using wire::Type;
    const auto number = [](Type type) { return static_cast<unsigned>(type); };
    test::equal(number(Type::hello), 0x0101U);
    test::equal(number(Type::proof), 0x0102U);
    test::equal(number(Type::create_region), 0x0201U);
    test::equal(number(Type::list_regions), 0x0204U);
    test::equal(number(Type::begin), 0x0301U);
    test::equal(number(Type::seal), 0x0302U);
    test::equal(number(Type::abort), 0x0303U);
    test::equal(number(Type::open_generation), 0x0304U);
    test::equal(number(Type::close_generation), 0x0305U);
    test::equal(number(Type::list_generations), 0x0306U);
    test::equal(number(Type::wait_generation), 0x0307U);
    test::equal(number(Type::find_generation), 0x0308U);
    test::equal(number(Type::status), 0x0601U);
    test::equal(encoded(wire::Header{}).size(), wire::kHeaderBytes);
}

void headers_that_lie_are_refused() {
    const auto good = wire::encode_request(1, wire::FindRegion{"team/app"});
    test::ok(wire::parse_message(good));
    for (std::size_t size = 0; size < good.size(); ++size)
        test::error(wire::parse_message(std::span(good).first(size)), EPROTO);
    auto longer = good;
    longer.push_back(std::byte{0});
    test::error(wire::parse_message(longer), EPROTO);
    auto huge = good;
    for (std::size_t at = 4; at < 8; ++at)
        huge[at] = std::byte{0xff};
    test::contains(test::error(wire::parse_message(huge), EPROTO), "4294967295");
    auto other = good;
    other[1] = std::byte{2};
    test::contains(test::error(wire::parse_message(other), EPROTONOSUPPORT), "version 2");
}

// A count or a length that says more than there is must cost nothing.
void counts_that_lie_are_refused() {
    Bytes list(2, std::byte{0xff});
    test::error(wire::decode_body<wire::RegionList>(list), EPROTO);
    test::error(wire::decode_body<wire::GenerationList>(list), EPROTO);
    list.resize(2 + 200);
    test::error(wire::decode_body<wire::RegionList>(list), EPROTO);
    Bytes text(2 + 100, std::byte{0xff});
    test::error(wire::decode_body<wire::FindRegion>(text), EPROTO);
    test::error(wire::decode_body<wire::ListRegions>(text), EPROTO);
}

}  // namespace

int main() {
    return test::run("codec", {{"bodies go there and back", bodies_go_there_and_back},
                               {"the manual tells the truth", the_manual_tells_the_truth},
                               {"the manual's frame is one", the_manual_s_frame_is_one},
                               {"the manual's handshake is one", the_manual_s_handshake_is_one},
                               {"numbers are as the manual says", numbers_are_as_the_manual_says},
                               {"headers that lie are refused", headers_that_lie_are_refused},
                               {"counts that lie are refused", counts_that_lie_are_refused}});
}
