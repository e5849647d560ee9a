// MPA's framing: lengths, padding, CRC. RFC 5044, section 4.
#include "tests/hostile/attack.hh"

namespace pmemckpt::hostile {

namespace {

using test::Untagged;
using test::Wire;

auto raw(const std::function<Bytes()>& bytes, const test::Named& rule) {
    return [=](Field& field) {
        field.armed->session.peer.send_raw(bytes());
        return terminated(field.armed->session, rule);
    };
}

Bytes status_message() {
    return wire::encode_request(9, wire::StatusRequest{});
}

/// A request in an FPDU that is right but for what `spoil` does to it.
auto spoiled(const std::function<void(Bytes&)>& spoil) {
    return [=](Field& field) {
        auto& attacker = field.armed->session;
        auto frame = attacker.message_frame(status_message());
        spoil(frame);
        attacker.peer.send_raw(frame);
        return terminated(attacker, rule::kCrc);
    };
}

void flip(std::byte& byte) {
    byte ^= std::byte{0x10};
}

/// The window would let it through: what it brought may lie in the draft, and the draft goes with the
/// connection.
std::string write_with_a_wrong_crc(Field& field) {
    auto& armed = *field.armed;
    auto frame = armed.session.write_frame(armed.draft.window.key, 0, test::random_bytes(1000));
    flip(frame.back());
    armed.session.peer.send_raw(frame);
    return terminated(armed.session, rule::kCrc);
}

std::string read_with_a_wrong_crc(Field& field) {
    auto& armed = *field.armed;
    auto frame = armed.session.read_frame(armed.opened.window.key, 0, 1000);
    flip(frame[frame.size() - 2]);
    armed.session.peer.send_raw(frame);
    return terminated(armed.session, rule::kCrc) + ", nothing read";
}

std::string wrong_crc_before_hello(Field& field) {
    auto attacker = field.stranger();
    auto frame = attacker.message_frame(status_message());
    flip(frame.back());
    attacker.peer.send_raw(frame);
    return terminated(attacker, rule::kCrc);
}

/// Where the manager asks for it the client can't do without, whatever it sets in its flags.
std::string no_crc_asked_for(Field& field) {
    Attacker attacker(field.address, {.flags = 0x10, .private_data = {}});
    CHECK(attacker.peer.crc);
    attacker.peer.send_raw(fpdu(ulpdu(Untagged{.payload = status_message()}), false));
    return terminated(attacker, rule::kCrc);
}

/// Without its padding: the stream is out of step from there on.
std::string no_padding(Field& field) {
    auto& attacker = field.armed->session;
    auto frame = attacker.message_frame(Bytes(17));
    frame.erase(frame.end() - 5);
    const auto more = attacker.message_frame(status_message());
    frame.insert(frame.end(), more.begin(), more.end());
    attacker.peer.send_raw(frame);
    return terminated(attacker, rule::kCrc);
}

/// The length says more than comes: the rest of the stream, whatever it is, is of that FPDU.
std::string length_beyond_the_stream(Field& field) {
    auto& attacker = field.armed->session;
    auto frame = attacker.message_frame(status_message());
    frame[1] = std::byte{0xff};
    attacker.peer.send_raw(frame);
    attacker.peer.finish_sending();
    return closed(attacker);
}

std::string largest_there_is(Field& field) {
    auto& attacker = field.armed->session;
    attacker.peer.send(Untagged{.number = attacker.next_number(), .payload = Bytes(65535 - 18)});
    return terminated(attacker, rule::kMessageTooLong);
}

/// As with markers, every 512 bytes, which were not agreed on.
std::string markers_in_the_stream(Field& field) {
    auto& attacker = field.armed->session;
    auto frame = attacker.message_frame(Bytes(1000));
    frame.insert(frame.begin() + 512, 4, std::byte{0});
    attacker.peer.send_raw(frame);
    return terminated(attacker, rule::kCrc);
}

std::string drawn_at_random(Field& field) {
    constexpr unsigned kTimes = 40;
    for (unsigned i = 0; i < kTimes; ++i) {
        auto attacker = field.stranger();
        attacker.peer.send_raw(test::random_bytes(1 + test::generator()() % 3000));
        attacker.peer.finish_sending();
        closed(attacker);
    }
    return fmt::format("closed, {} times", kTimes);
}

/// A session's own bytes, one of them flipped each time. What comes of it is open, but that it is no harm.
std::string flipped_anywhere(Field& field) {
    constexpr unsigned kTimes = 60;
    for (unsigned i = 0; i < kTimes; ++i) {
        auto attacker = field.login();
        auto bytes = attacker.request_frame(wire::OpenGeneration{kOwnRegion, 1});
        const auto more = attacker.request_frame(wire::CloseGeneration{1});
        bytes.insert(bytes.end(), more.begin(), more.end());
        bytes[test::generator()() % bytes.size()] ^= static_cast<std::byte>(1U << test::generator()() % 8);
        attacker.peer.send_raw(bytes);
        attacker.peer.finish_sending();
        closed(attacker);
    }
    return fmt::format("closed, {} times", kTimes);
}

}  // namespace

Attacks frames() {
    return {
        {"frame: ULPDU of 0 bytes", raw([] { return Wire().u16(0).u16(0).u32(0).bytes; }, rule::kFraming)},
        {"frame: ULPDU of 1 byte", raw([] { return Wire().u16(1).u8(0xc1).u32(0).bytes; }, rule::kFraming)},
        {"frame: tagged, 13 bytes",
         raw([] { return Wire().u16(13).u8(0xc1).data(Bytes(20)).bytes; }, rule::kFraming)},
        {"frame: untagged, 17 bytes",
         raw([] { return Wire().u16(17).u8(0x41).data(Bytes(20)).bytes; }, rule::kFraming)},
        {"frame: untagged, 14 bytes",
         raw([] { return Wire().u16(14).u8(0x41).data(Bytes(20)).bytes; }, rule::kFraming)},
        {"frame: CRC of a wrong polynomial", spoiled([](Bytes& frame) { flip(frame[frame.size() - 4]); })},
        {"frame: CRC in the other byte order",
         spoiled([](Bytes& frame) { std::reverse(frame.end() - 4, frame.end()); })},
        {"frame: zeros in the place of the CRC",
         spoiled([](Bytes& frame) { std::fill(frame.end() - 4, frame.end(), std::byte{0}); })},
        {"frame: a bit of the payload flipped", spoiled([](Bytes& frame) { flip(frame[25]); })},
        {"frame: a bit of the reserved header bytes flipped", spoiled([](Bytes& frame) { flip(frame[5]); })},
        {"frame: the padding flipped, its CRC kept",
         [](Field& field) {
             auto& attacker = field.armed->session;
             auto frame = attacker.message_frame(Bytes(17));
             flip(frame[frame.size() - 5]);
             attacker.peer.send_raw(frame);
             return terminated(attacker, rule::kCrc);
         }},
        {"frame: Write into one's own draft with a wrong CRC", write_with_a_wrong_crc, Moves::own},
        {"frame: Read of one's own generation with a wrong CRC", read_with_a_wrong_crc},
        {"frame: wrong CRC before HELLO", wrong_crc_before_hello},
        {"frame: no CRC where the manager wants one", no_crc_asked_for},
        {"frame: no padding", no_padding},
        {"frame: a length beyond the stream's end", length_beyond_the_stream},
        {"frame: the largest ULPDU that there is, a Send", largest_there_is},
        {"frame: markers that were not agreed on", markers_in_the_stream},
        {"frame: 40 times something drawn", drawn_at_random},
        {"frame: 60 times a bit of right ones flipped", flipped_anywhere, Moves::own},
    };
}

}  // namespace pmemckpt::hostile
