// The MPA start-up: RFC 5044, section 7; RFC 6581.
#include "tests/hostile/attack.hh"

namespace pmemckpt::hostile {

namespace {

using test::HostilePeer;
using test::StartUpFrame;
using test::Wire;

constexpr unsigned kReject = 0x20, kCrcAndEnhanced = 0x50;
constexpr unsigned kPeerToPeer = 0x8000, kWriteRtr = 0x8000, kReadRtr = 0x4000;
constexpr std::size_t kFlagsAt = 16, kLengthAt = 18, kEnhancedAt = 20;

/// What the manager ends without an answer.
auto unanswered(const std::function<Bytes()>& greeting) {
    return [=](Field& field) {
        HostilePeer peer(field.address);
        peer.send_raw(greeting());
        peer.receive_end();
        return std::string("closed, not a byte said");
    };
}

auto altered(std::size_t at, std::uint8_t value) {
    return unanswered([=] {
        auto frame = start_up_frame({.private_data = {}});
        frame[at] = std::byte{value};
        return frame;
    });
}

auto text(const char* words) {
    return unanswered([=] { return Wire().text(words).bytes; });
}

auto rejected(const StartUpFrame& frame) {
    return [=](Field& field) {
        HostilePeer peer(field.address);
        peer.start_up(frame);
        if ((std::to_integer<unsigned>(peer.reply.at(kFlagsAt)) & kReject) == 0)
            test::fail_at(Place::current(), "it is not rejected: " + test::hexadecimal(peer.reply));
        peer.receive_end();
        return std::string("MPA reply with the reject flag, closed");
    };
}

/// No more than 16 reads are agreed on, whatever was asked for, and a session is a session.
auto harmless(const StartUpFrame& frame) {
    return [=](Field& field) {
        Attacker attacker(field.address, frame);
        if (attacker.peer.reply.size() > kEnhancedAt)
            CHECK(std::to_integer<unsigned>(attacker.peer.reply.at(kEnhancedAt + 1)) <= 16 &&
                  std::to_integer<unsigned>(attacker.peer.reply.at(kEnhancedAt + 3)) <= 16);
        test::ok(attacker.authenticate("mallory", field.key("mallory")));
        return std::string("harmless: a session like any other");
    };
}

/// A first message that is none to begin peer to peer with.
std::string first_write_elsewhere(Field& field) {
    Attacker attacker(field.address, {.ird = kPeerToPeer | 16, .ord = kWriteRtr | 16, .private_data = {}});
    attacker.write(field.victim.draft.window.key, 0, field.poison(100));
    return terminated(attacker, rule::kStag);
}

std::string first_read_elsewhere(Field& field) {
    Attacker attacker(field.address, {.ird = kPeerToPeer | 16, .ord = kReadRtr | 16, .private_data = {}});
    attacker.read(field.victim.opened.window.key, 0, 100);
    return terminated(attacker, rule::kSourceStag);
}

/// RFC 6581 lets the STag of that one be anything.
std::string second_empty_write(Field& field) {
    Attacker attacker(field.address, {.ird = kPeerToPeer | 16, .ord = kWriteRtr | 16, .private_data = {}});
    attacker.write(0, 0, {});
    attacker.write(field.victim.draft.window.key, 0, {});
    return terminated(attacker, rule::kStag);
}

std::string hello_before_the_reply(Field& field) {
    HostilePeer peer(field.address);
    wire::Hello hello;
    hello.principal = "mallory";
    const auto message = wire::encode_request(1, hello);
    auto bytes = start_up_frame({.flags = kCrcAndEnhanced, .private_data = {}});
    const auto frame = fpdu(ulpdu(test::Untagged{.payload = message}), true);
    bytes.insert(bytes.end(), frame.begin(), frame.end());
    peer.send_raw(bytes);
    peer.receive_raw(kEnhancedAt + 4);
    peer.crc = true;
    peer.receive_fpdu();
    return "harmless: it waited for the reply, and got its CHALLENGE";
}

std::string half_of_it_and_the_end(Field& field) {
    const auto greeting = start_up_frame({.private_data = {}});
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{19}, std::size_t{21}}) {
        HostilePeer peer(field.address);
        peer.send_raw(std::span(greeting).first(size));
        peer.finish_sending();
        peer.receive_end();
    }
    return "closed, not a byte said";
}

std::string drawn_at_random(Field& field) {
    constexpr unsigned kTimes = 50;
    for (unsigned i = 0; i < kTimes; ++i) {
        HostilePeer peer(field.address);
        peer.send_raw(test::random_bytes(20 + test::generator()() % 2000));
        peer.receive_end();
    }
    return fmt::format("closed, not a byte said, {} times", kTimes);
}

}  // namespace

Attacks greetings() {
    return {
        {"greeting: key of a reply",
         unanswered([] { return start_up_frame({.reply = true, .private_data = {}}); })},
        {"greeting: one letter of the key wrong", altered(15, 'x')},
        {"greeting: an HTTP request", text("GET / HTTP/1.1\r\nHost: ckpt\r\n\r\n")},
        {"greeting: a TLS hello",
         unanswered([] { return Wire().u8(0x16).u16(0x0301).u16(512).data(test::random_bytes(512)).bytes; })},
        {"greeting: 50 times something drawn", drawn_at_random},
        {"greeting: revision 0", rejected({.flags = 0, .revision = 0, .private_data = {}})},
        {"greeting: revision 3", rejected({.revision = 3, .private_data = {}})},
        {"greeting: revision 7, no flags", rejected({.flags = 0, .revision = 7, .private_data = {}})},
        {"greeting: revision 255, all flags", rejected({.flags = 0xff, .revision = 255, .private_data = {}})},
        {"greeting: markers", rejected({.flags = 0x90, .private_data = {}})},
        {"greeting: peer to peer, with no first message to choose",
         rejected({.ird = kPeerToPeer | 16, .ord = 16, .private_data = {}})},
        {"greeting: peer to peer by an empty Send",
         rejected({.ird = kPeerToPeer | 0x4000 | 16, .ord = 16, .private_data = {}})},
        {"greeting: 513 bytes of private data", unanswered([] {
             auto frame = start_up_frame({.private_data = Bytes(509)});
             return frame;
         })},
        {"greeting: 65535 bytes of private data", altered(kLengthAt, 0xff)},
        {"greeting: flag S, 3 bytes of private data", altered(kLengthAt + 1, 3)},
        {"greeting: flag S, no private data", altered(kLengthAt + 1, 0)},
        {"greeting: cut in the middle", half_of_it_and_the_end},
        {"greeting: IRD and ORD of 16383", harmless({.ird = 0x3fff, .ord = 0x3fff, .private_data = {}})},
        {"greeting: IRD and ORD of 0", harmless({.ird = 0, .ord = 0, .private_data = {}})},
        {"greeting: 512 bytes of private data, drawn",
         [](Field& field) { return harmless({.private_data = test::random_bytes(508)})(field); }},
        {"greeting: revision 1 with flag S", harmless({.revision = 1, .private_data = {}})},
        {"greeting: a request with the reject flag", harmless({.flags = 0x30, .private_data = {}})},
        {"greeting: HELLO before the reply", hello_before_the_reply},
        {"greeting: peer to peer by a Write into the victim's draft", first_write_elsewhere},
        {"greeting: peer to peer by a Read of the victim's generation", first_read_elsewhere},
        {"greeting: peer to peer, and a second empty Write to the victim", second_empty_write},
    };
}

}  // namespace pmemckpt::hostile
