// What the engine puts on the wire, and what it makes of a plain peer's right but unusual ways.
// time-limit: 120
// not over devices: it is about the iWARP engine
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <future>
#include <tuple>

#include "tests/support/hostile_peer.hh"
#include "tests/support/rdma_ends.hh"

using namespace pmemckpt;
using namespace pmemckpt::test;
using rdma::Access;

namespace {

constexpr auto kBoth = static_cast<Access>(3);

rdma::EngineOptions with_crc(bool crc) {
    rdma::EngineOptions options;
    options.crc = crc;
    return options;
}

void the_request() {
    Initiator initiator(kEnhancedReply);
    equal(hexadecimal(initiator.peer->reply),
          std::string("4d 50 41 20 49 44 20 52 65 71 20 46 72 61 6d 65 58 02 00 04 80 10 80 10"));
    Initiator without_crc(kEnhancedReply, with_crc(false));
    equal(hexadecimal(without_crc.peer->reply).substr(48), std::string("18 02 00 04 80 10 80 10"));
}

void peer_to_peer_begins_with_an_empty_write() {
    Initiator initiator({.reply = true, .ird = 0x8000 | 5, .ord = 0x8000 | 5, .private_data = {}});
    ok(initiator.connection->send(bytes_of("next")));
    CHECK(initiator.peer->receive_fpdu() == ulpdu(Tagged{.payload = {}}));
    CHECK(initiator.peer->receive_fpdu() == ulpdu(Untagged{.payload = bytes_of("next")}));
    Initiator plain(kEnhancedReply);
    ok(plain.connection->send(bytes_of("first")));
    CHECK(plain.peer->receive_fpdu() == ulpdu(Untagged{.payload = bytes_of("first")}));
}

void the_reply() {
    Server server(with_crc(false));
    HostilePeer plain(server.address());
    plain.start_up({.flags = 0, .revision = 1, .private_data = {}});
    equal(hexadecimal(plain.reply),
          std::string("4d 50 41 20 49 44 20 52 65 70 20 46 72 61 6d 65 00 01 00 00"));
    HostilePeer enhanced(server.address());
    enhanced.start_up({.flags = 0x58, .ird = 3, .ord = 7, .private_data = Bytes(508)});
    equal(hexadecimal(enhanced.reply).substr(48), std::string("58 02 00 04 00 10 00 03"));
    HostilePeer write_first(server.address());
    write_first.start_up({.ird = 0x8000 | 40, .ord = 0xc000 | 40, .private_data = {}});
    equal(hexadecimal(write_first.reply).substr(48), std::string("10 02 00 04 80 10 80 10"));
    HostilePeer read_first(server.address());
    read_first.start_up({.ird = 0x8000 | 40, .ord = 0x4000 | 40, .private_data = {}});
    equal(hexadecimal(read_first.reply).substr(48), std::string("10 02 00 04 80 10 40 10"));
}

void rejections() {
    Server server;
    for (const auto& [flags, revision, ird, ord] :
         {std::tuple{0x90U, 2U, 16, 16}, {0x10U, 3U, 16, 16}, {0x00U, 0U, 0, 0}, {0x10U, 2U, 0x8010, 16}}) {
        HostilePeer peer(server.address());
        peer.start_up({.flags = flags,
                       .revision = revision,
                       .ird = static_cast<std::uint16_t>(ird),
                       .ord = static_cast<std::uint16_t>(ord),
                       .private_data = {}});
        CHECK((peer.reply[16] & std::byte{0x20}) != std::byte{0});
        peer.receive_end();
    }
    equal(server.accepted_count(), 0U);
    // One whose handler is refused.
    auto engine = ok(rdma::make_engine("iwarp", {}));
    auto listener = ok(engine->listen({"127.0.0.1", 0}, [](auto) { return nullptr; }));
    contains(error(engine->connect(listener->address(), std::make_shared<Ear>(), kConnectTimeout_ms),
                   ECONNREFUSED),
             "rejects");
    HostilePeer peer(listener->address());
    peer.start_up({.private_data = {}});
    CHECK((peer.reply[16] & std::byte{0x20}) != std::byte{0});
    peer.receive_end();
}

void replies_that_will_not_do() {
    const auto connect_to = [](const Bytes& answer, bool close_then, unsigned timeout_ms, int code) {
        HostileListener listener;
        auto engine = ok(rdma::make_engine("iwarp", {}));
        auto ear = std::make_shared<Ear>();
        auto connecting = std::async(std::launch::async,
                                     [&] { return engine->connect(listener.address(), ear, timeout_ms); });
        HostilePeer peer = listener.accept();
        peer.send_raw(answer);
        if (close_then)
            peer.finish_sending();
        const std::string message = error(connecting.get(), code);
        engine.reset();
        equal(ear->closes(), 0U);  // of a connection that never was nothing is heard
        return message;
    };
    const auto reply = [](unsigned flags, unsigned revision) {
        return start_up_frame({.reply = true, .flags = flags, .revision = revision, .private_data = {}});
    };
    connect_to(reply(0x30, 2), false, kConnectTimeout_ms, ECONNREFUSED);
    contains(connect_to(reply(0x90, 2), false, kConnectTimeout_ms, EPROTO), "markers");
    connect_to(reply(0x10, 3), false, kConnectTimeout_ms, EPROTO);
    connect_to(start_up_frame({.private_data = {}}), false, kConnectTimeout_ms,
               EPROTO);  // a request, not a reply
    contains(connect_to(bytes_of("HTTP/1.1 400 Bad Request\r\n\r\n"), false, kConnectTimeout_ms, EPROTO),
             "iWARP");
    connect_to(bytes_of("SSH-2.0"), true, kConnectTimeout_ms, EPROTO);
    connect_to({}, true, kConnectTimeout_ms, ECONNRESET);  // it may have been killed
    connect_to({}, false, 100, ETIMEDOUT);
    connect_to(bytes_of("MPA ID Rep"), false, 100, ETIMEDOUT);
}

void nobody_there() {
    auto engine = ok(rdma::make_engine("iwarp", {}));
    Address address;
    {
        HostileListener listener;
        address = listener.address();
    }
    contains(error(engine->connect(address, std::make_shared<Ear>(), kConnectTimeout_ms), ECONNREFUSED),
             format_address(address));
    error(engine->connect({"bad host", 1}, std::make_shared<Ear>(), kConnectTimeout_ms), EHOSTUNREACH);
}

void private_data_is_ignored() {
    Initiator initiator({.reply = true, .flags = 0x50, .private_data = random_bytes(508)});
    ok(initiator.connection->send(bytes_of("a")));
    CHECK(initiator.peer->receive_fpdu() == ulpdu(Untagged{.payload = bytes_of("a")}));
    Server server;
    HostilePeer peer(server.address());
    peer.start_up({.flags = 0, .revision = 1, .private_data = random_bytes(512)});
    peer.send(Untagged{.payload = bytes_of("b")});
    CHECK(server.wait_accepted(0).ear->wait_messages(1)[0] == bytes_of("b"));
    HostilePeer too_much(server.address());
    too_much.send_raw(Wire().text("MPA ID Req Frame").u8(0).u8(1).u16(513).bytes);
    too_much.receive_end();
}

void responder_waits_for_the_first_fpdu() {
    Server server;
    server.accept_hook = [](const Accepted& accepted) { ok(accepted.connection->send(bytes_of("eager"))); };
    HostilePeer peer(server.address());
    peer.start_up({.private_data = {}});
    CHECK(peer.is_silent(100));
    peer.send(Untagged{.payload = bytes_of("go")});
    CHECK(peer.receive_fpdu() == ulpdu(Untagged{.payload = bytes_of("eager")}));
    // Peer to peer: an empty Write to nowhere, or an empty Read from nowhere, which is answered.
    HostilePeer writer(server.address());
    writer.start_up({.ird = 0x8010, .ord = 0x8010, .private_data = {}});
    writer.send(Tagged{.stag = 77, .offset = 88, .payload = {}});
    CHECK(writer.receive_fpdu() == ulpdu(Untagged{.payload = bytes_of("eager")}));
    writer.send(Tagged{.stag = 77, .offset = 88, .payload = {}});  // the second one is a Write like any other
    CHECK(writer.receive_terminate() == (Named{1, 1, 0}));
    HostilePeer reader(server.address());
    reader.start_up({.ird = 0x8010, .ord = 0x4010, .private_data = {}});
    reader.send(ReadFields{.sink = 9, .sink_offset = 10, .size = 0, .source = 0});
    auto one = reader.receive_fpdu(), other = reader.receive_fpdu();
    if (one.size() != 14)
        std::swap(one, other);
    CHECK(one == ulpdu(Tagged{.opcode = kReadResponse, .stag = 9, .offset = 10, .payload = {}}));
    CHECK(other == ulpdu(Untagged{.payload = bytes_of("eager")}));
}

/// The content that tagged FPDUs of one message carry, each of them checked.
Bytes collect(HostilePeer& peer, unsigned opcode, std::uint32_t stag, std::uint64_t offset,
              std::size_t largest, std::size_t& frames) {
    Bytes content;
    for (frames = 1;; ++frames) {
        const Bytes segment = peer.receive_fpdu();
        CHECK(segment.size() >= 14 && 2 + segment.size() + 4 <= largest);
        const bool last = (segment[0] & std::byte{0x40}) != std::byte{0};
        const Bytes payload(segment.begin() + 14, segment.end());
        CHECK(segment == ulpdu(Tagged{.opcode = opcode,
                                      .stag = stag,
                                      .offset = offset + content.size(),
                                      .payload = payload,
                                      .last = last}));
        content.insert(content.end(), payload.begin(), payload.end());
        if (last)
            return content;
    }
}

std::size_t segment_of(const HostilePeer& peer) {
    int bytes = 0;
    socklen_t size = sizeof bytes;
    ::getsockopt(peer.descriptor(), IPPROTO_TCP, TCP_MAXSEG, &bytes, &size);
    return static_cast<std::size_t>(bytes);
}

void fpdus_fit_a_segment_unless_larger_ones_are_understood() {
    for (const unsigned flags : {0x10U, 0x18U}) {
        Bytes data = random_bytes(300'000);
        Initiator initiator({.reply = true, .flags = flags, .private_data = {}});
        auto local = ok(initiator.connection->register_memory(data));
        ok(initiator.connection->write(local, {{0}, {300'000}}, {0x11223344, 1000}, {234}, 1));
        std::size_t frames = 0;
        const std::size_t largest = flags == 0x18 ? 65535 + 2 + 4 + 3 : segment_of(*initiator.peer);
        CHECK(collect(*initiator.peer, kWrite, 0x11223344, 1234, largest, frames) == data);
        if (flags == 0x18)
            equal(frames, 5U);  // of 65520 bytes
        CHECK(initiator.ear->wait_completions(1)[0].status);
        equal(initiator.connection->peer().bytes_sent, 300'000U);
    }
}

void small_segments() {
    Scattered memory(9, 1000);
    Bytes heard;
    Server server;
    FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int small = 600;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_MAXSEG, &small, sizeof small);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(server.address().port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
    HostilePeer peer(std::move(socket));
    peer.start_up({.private_data = {}});
    const Accepted accepted = server.wait_accepted(0);
    memory.fill(random_bytes(9000));
    const auto key = ok(accepted.connection->grant(memory.translation(), Access::read)).key;
    peer.send(
        ReadFields{.sink = 4, .sink_offset = 1ULL << 40, .size = 8001, .source = key, .source_offset = 999});
    std::size_t frames = 0;
    CHECK(collect(peer, kReadResponse, 4, 1ULL << 40, small, frames) == memory.read(999, 8001));
    CHECK(frames >= 8001 / small);
    const Bytes message = random_bytes(5000);
    ok(accepted.connection->send(message));
    for (bool last = false; !last;) {
        const Bytes segment = peer.receive_fpdu();
        CHECK(segment.size() + 6 <= small);
        last = (segment[0] & std::byte{0x40}) != std::byte{0};
        const Bytes payload(segment.begin() + 18, segment.end());
        CHECK(segment ==
              ulpdu(Untagged{
                  .offset = static_cast<std::uint32_t>(heard.size()), .payload = payload, .last = last}));
        heard.insert(heard.end(), payload.begin(), payload.end());
    }
    CHECK(heard == message);
}

/// siw and hardware expect the segments of one tagged message together, whichever of the two sends it.
void messages_are_not_mixed() {
    Bytes large = random_bytes(2 * kMiB);
    Server server;
    HostilePeer peer(server.address());
    peer.start_up({.flags = 0x18, .private_data = {}});
    const Accepted accepted = server.wait_accepted(0);
    rdma::Translation translation;
    translation.medium = large;
    translation.page_size = translation.size = large.size();
    translation.pages = {0};
    const auto key = ok(accepted.connection->grant(std::move(translation), Access::read)).key;
    const auto local = ok(accepted.connection->register_memory(large));
    for (std::uint32_t i = 1; i <= 8; ++i) {
        ok(accepted.connection->write(local, {{0}, {large.size()}}, {1, 0}, {0}, i));
        ok(accepted.connection->send(bytes_of("between")));
        peer.send(ReadFields{.size = static_cast<std::uint32_t>(large.size()), .source = key, .number = i});
    }
    unsigned under_way = 0, changes = 0, before = kSend;
    for (unsigned ended = 0; ended < 24;) {
        const Bytes segment = peer.receive_fpdu();
        const unsigned opcode = std::to_integer<unsigned>(segment[1]) & 0xf;
        const bool last = (segment[0] & std::byte{0x40}) != std::byte{0};
        CHECK(under_way == 0 || under_way == opcode + 1);
        under_way = last ? 0 : opcode + 1;
        ended += last;
        changes += opcode != before;
        before = opcode;
    }
    CHECK(changes >= 8);  // they take turns
}

void a_terminate_is_heard() {
    for (const auto& [first, second, code, part] : {std::tuple{0x01U, 1U, EACCES, "past the window's end"},
                                                    {0x11U, 0U, EACCES, "STag"},
                                                    {0x02U, 6U, EPROTO, "not expected"},
                                                    {0x20U, 2U, EPROTO, "CRC"},
                                                    {0x77U, 77U, EPROTO, "layer 7"}}) {
        Bytes local(8);
        Initiator initiator(kEnhancedReply);
        ok(initiator.connection->read(ok(initiator.connection->register_memory(local)), {{0}, {8}}, {7, 0},
                                      {0}, 3));
        initiator.peer->receive_fpdu();
        initiator.peer->send(
            Untagged{.opcode = kTerminate, .queue = 2, .payload = Wire().u8(first).u8(second).u16(0).bytes});
        const Error why = initiator.ear->wait_close();
        equal(why.code, code);
        contains(why.message, part);
        CHECK(!initiator.ear->completions().at(0).status);
        initiator.peer->receive_end();
    }
}

void messages_in_any_shape() {
    Scattered memory(2, 64);
    Server server;
    HostilePeer peer(server.address());
    peer.start_up({.private_data = {}});
    const Accepted accepted = server.wait_accepted(0);
    const Bytes long_one = random_bytes(rdma::kMaximumMessage);
    for (std::uint32_t at = 0; at < long_one.size(); at += 1024)
        peer.send(Untagged{.opcode = kSendSolicited,
                           .offset = at,
                           .payload = Bytes(long_one.begin() + at, long_one.begin() + at + 1024),
                           .last = at + 1024 == long_one.size()});
    peer.send(Untagged{.number = 2, .payload = {}});
    peer.send(Untagged{.number = 3, .payload = {}, .last = false});
    peer.send(Untagged{.number = 3, .payload = bytes_of("after nothing")});
    const auto heard = accepted.ear->wait_messages(3);
    CHECK(heard[0] == long_one && heard[1].empty() && heard[2] == bytes_of("after nothing"));
    // A Write between the two halves of a message.
    const auto key = ok(accepted.connection->grant(memory.translation(), kBoth)).key;
    peer.send(Untagged{.number = 4, .payload = bytes_of("one"), .last = false});
    peer.send(Tagged{.stag = key, .offset = 60, .payload = bytes_of("written")});
    peer.send(Untagged{.opcode = kSend, .number = 4, .offset = 3, .payload = bytes_of("two")});
    CHECK(accepted.ear->wait_messages(4)[3] == bytes_of("onetwo"));
    CHECK(memory.read(60, 7) == bytes_of("written"));
}

void invalidation_by_the_peer() {
    Scattered memory(2, 64);
    Server server;
    HostilePeer peer(server.address());
    peer.start_up({.private_data = {}});
    const Accepted accepted = server.wait_accepted(0);
    const auto first = ok(accepted.connection->grant(memory.translation(), kBoth)).key;
    const auto second = ok(accepted.connection->grant(memory.translation(), kBoth)).key;
    peer.send(Tagged{.stag = first, .payload = bytes_of("here")});
    accepted.connection->revoke(second);
    // One that was revoked meanwhile is no offence.
    peer.send(Untagged{.opcode = kSendInvalidate, .payload = bytes_of("a"), .invalidate = second});
    peer.send(Untagged{
        .opcode = kSendSolicitedInvalidate, .number = 2, .payload = bytes_of("b"), .invalidate = first});
    accepted.ear->wait_messages(2);
    CHECK(memory.read(0, 4) == bytes_of("here"));
    peer.send(Tagged{.stag = first, .payload = bytes_of("gone")});
    CHECK(peer.receive_terminate() == (Named{1, 1, 0}));
    CHECK(memory.read(0, 4) == bytes_of("here"));
}

/// The same stream whole, and one byte at a time: what comes of it must not depend on how TCP cuts it.
void any_cut_of_the_stream() {
    for (const std::size_t cut : {std::size_t{1}, std::size_t{3}, std::size_t{17}, std::size_t{100'000}}) {
        Scattered memory(16, 32);
        Bytes model(memory.size()), stream;
        Server server;
        HostilePeer peer(server.address());
        peer.start_up({.private_data = {}});
        const Accepted accepted = server.wait_accepted(0);
        const auto key = ok(accepted.connection->grant(memory.translation(), kBoth)).key;
        for (std::uint32_t i = 1; i <= 20; ++i) {
            const std::size_t size = generator()() % 200, at = generator()() % (model.size() - size);
            const Bytes payload = random_bytes(size);
            std::copy(payload.begin(), payload.end(), model.begin() + static_cast<std::ptrdiff_t>(at));
            const auto write = fpdu(ulpdu(Tagged{.stag = key, .offset = at, .payload = payload}), peer.crc);
            const auto send = fpdu(ulpdu(Untagged{.number = i, .payload = Bytes(i)}), peer.crc);
            stream.insert(stream.end(), write.begin(), write.end());
            stream.insert(stream.end(), send.begin(), send.end());
        }
        for (std::size_t at = 0; at < stream.size(); at += cut)
            peer.send_raw(std::span(stream).subspan(at, std::min(cut, stream.size() - at)));
        const auto heard = accepted.ear->wait_messages(20);
        for (std::size_t i = 0; i < 20; ++i)
            equal(heard[i].size(), i + 1);
        CHECK(memory.content() == model && memory.guards_whole());
    }
}

}  // namespace

int main() {
    return run("iwarp_wire",
               {{"the request", the_request},
                {"peer to peer begins with an empty Write", peer_to_peer_begins_with_an_empty_write},
                {"the reply", the_reply},
                {"rejections", rejections},
                {"replies that will not do", replies_that_will_not_do},
                {"nobody there", nobody_there},
                {"private data is ignored", private_data_is_ignored},
                {"responder waits for the first FPDU", responder_waits_for_the_first_fpdu},
                {"FPDUs fit a segment unless larger ones are understood",
                 fpdus_fit_a_segment_unless_larger_ones_are_understood},
                {"small segments", small_segments},
                {"messages are not mixed", messages_are_not_mixed},
                {"a Terminate is heard", a_terminate_is_heard},
                {"messages in any shape", messages_in_any_shape},
                {"invalidation by the peer", invalidation_by_the_peer},
                {"any cut of the stream", any_cut_of_the_stream}});
}
